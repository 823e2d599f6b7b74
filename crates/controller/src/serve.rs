//! /metrics, /healthz and /readyz.

use crate::metrics::Metrics;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What the health end points tell.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// The driver has taken a turn since it was last asked, or within the last check.
    pub(crate) turned: AtomicBool,
    /// All lists are complete and the API server has been asked for the lease.
    pub(crate) ready: AtomicBool,
}

/// Serves until told to stop.
pub(crate) async fn serve(
    listen: SocketAddr,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let alive = health.clone();
    let app = Router::new()
        .route("/metrics", get(move || async move { metrics.text() }))
        .route(
            "/healthz",
            get(move || async move { verdict(alive.turned.load(Ordering::Relaxed), "the driver does not turn") }),
        )
        .route(
            "/readyz",
            get(move || async move { verdict(health.ready.load(Ordering::Relaxed), "lists are not complete yet") }),
        );
    let listener = TcpListener::bind(listen).await?;
    tracing::info!(listen = %listener.local_addr()?, "serving /metrics, /healthz, /readyz");
    axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            let _ = stop.changed().await;
        })
        .await
}

fn verdict(good: bool, otherwise: &'static str) -> (StatusCode, &'static str) {
    if good {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, otherwise)
    }
}
