//! /metrics, /healthz and /readyz.

use crate::metrics::Metrics;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A driver that has not turned for this long hangs: it turns at least once a second.
const HANGS_AFTER_SECONDS: u64 = 30;

/// What the health end points tell.
#[derive(Debug)]
pub(crate) struct Health {
    began: Instant,
    /// When the driver last took a turn, whole seconds since the begin.
    turned: AtomicU64,
    /// All lists are complete.
    pub(crate) ready: AtomicBool,
}

impl Health {
    pub(crate) fn new() -> Self {
        Health {
            began: Instant::now(),
            turned: AtomicU64::new(0),
            ready: AtomicBool::new(false),
        }
    }

    /// The driver has taken a turn.
    pub(crate) fn turn(&self) {
        self.turned.store(self.began.elapsed().as_secs(), Ordering::Relaxed);
    }

    fn turns(&self) -> bool {
        self.began
            .elapsed()
            .as_secs()
            .saturating_sub(self.turned.load(Ordering::Relaxed))
            < HANGS_AFTER_SECONDS
    }
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
            get(move || async move { verdict(alive.turns(), "the driver does not turn") }),
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
