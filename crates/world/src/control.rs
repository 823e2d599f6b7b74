//! The control API under `/-/control`: faults, holds, what truly happened. For tests, demos and
//! people who play with the world; nothing of it exists in a real cloud.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query, State, rejection::JsonRejection},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use breakwater_sim::{Fault, FaultId, Meta, Request, Vantage};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Inner,
    clock::real_micros,
    holds::{Spec, Then},
};

/// The longest that a long poll lasts.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

type App = State<Arc<Inner>>;

/// The routes, relative to `/-/control`.
pub(crate) fn routes() -> Router<Arc<Inner>> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/now", get(now))
        .route("/glance", get(glance))
        .route("/ledger", get(ledger))
        .route("/faults", post(inject).delete(clear_all))
        .route("/faults/{id}", delete(clear))
        .route("/holds", get(holds).post(place))
        .route("/holds/{id}", get(hold))
        .route("/holds/{id}/release", post(release))
        .route("/ask", post(ask))
        .fallback(async || problem(StatusCode::NOT_FOUND, "no such thing under /-/control"))
}

fn problem(status: StatusCode, message: impl Into<String>) -> Response {
    (status, Json(json!({"error": message.into()}))).into_response()
}

/// The body, or a refusal that says what is wrong with it.
macro_rules! body {
    ($body:expr) => {
        match $body {
            Ok(Json(body)) => body,
            Err(rejection) => return problem(StatusCode::BAD_REQUEST, rejection.body_text()),
        }
    };
}

async fn now(State(inner): App) -> Response {
    let clock = inner.live.clock();
    let real = real_micros();
    Json(json!({
        "virtualMillis": clock.at(real),
        "realMicros": real,
        "scaleStart": clock.start(),
        "timeScale": clock.scale(),
    }))
    .into_response()
}

async fn glance(State(inner): App) -> Response {
    let glance = inner.live.with(|world| world.glance());
    Json(glance).into_response()
}

#[derive(Deserialize)]
struct From {
    from: Option<usize>,
}

/// The whole ledger; with `from` only its events from that index on, and the index to ask for next.
async fn ledger(State(inner): App, Query(From { from }): Query<From>) -> Response {
    if let Some(from) = from {
        let page = inner.live.with(|world| {
            let events = world.ledger().events_since(from);
            json!({"until": world.now(), "from": from, "next": from + events.len(), "events": events})
        });
        return Json(page).into_response();
    }
    // Copied under the lock and written outside of it: writing takes long enough to be felt by others.
    let copy = inner.live.with(|world| world.ledger().clone());
    match tokio::task::spawn_blocking(move || serde_json::to_vec(&copy)).await {
        Ok(Ok(bytes)) => ([(CONTENT_TYPE, "application/json")], bytes).into_response(),
        Ok(Err(error)) => problem(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

async fn inject(State(inner): App, body: Result<Json<Fault>, JsonRejection>) -> Response {
    let fault = body!(body);
    tracing::info!(?fault, "fault injected");
    let id = inner.live.with(|world| world.inject(fault));
    Json(json!({"id": id})).into_response()
}

async fn clear(State(inner): App, Path(id): Path<u64>) -> Response {
    inner.live.with(|world| world.clear(FaultId(id)));
    StatusCode::NO_CONTENT.into_response()
}

async fn clear_all(State(inner): App) -> Response {
    inner.live.with(|world| world.clear_all());
    StatusCode::NO_CONTENT.into_response()
}

async fn holds(State(inner): App) -> Response {
    Json(inner.holds.views()).into_response()
}

async fn place(State(inner): App, body: Result<Json<Spec>, JsonRejection>) -> Response {
    match inner.holds.place(body!(body)) {
        Ok(id) => Json(json!({"id": id})).into_response(),
        Err(message) => problem(StatusCode::BAD_REQUEST, message),
    }
}

fn found(view: Option<impl Serialize>) -> Response {
    match view {
        Some(view) => Json(view).into_response(),
        None => problem(StatusCode::NOT_FOUND, "no such hold"),
    }
}

#[derive(Deserialize)]
struct Wait {
    /// Seconds, real.
    #[serde(default)]
    wait: f64,
}

async fn hold(State(inner): App, Path(id): Path<u64>, Query(Wait { wait }): Query<Wait>) -> Response {
    let patience = Duration::try_from_secs_f64(wait).unwrap_or_default().min(LONGEST_WAIT);
    found(inner.holds.wait(id, patience).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    then: Then,
}

async fn release(State(inner): App, Path(id): Path<u64>, body: Result<Json<Release>, JsonRejection>) -> Response {
    let Release { then } = body!(body);
    found(inner.holds.release(id, then))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    request: Request,
    #[serde(default = "person")]
    vantage: Vantage,
    #[serde(default)]
    actor: Option<String>,
}

fn person() -> Vantage {
    Vantage::Person
}

/// Asks the world directly, as a person at a console would: no signature, no wire, no delay. The
/// answer is the simulator's own document.
async fn ask(State(inner): App, body: Result<Json<Ask>, JsonRejection>) -> Response {
    let Ask {
        request,
        vantage,
        actor,
    } = body!(body);
    let actor = actor.unwrap_or_else(|| "person:somebody".to_owned());
    let meta = Meta {
        actor,
        real_micros: Some(real_micros()),
        ..Meta::default()
    };
    let reply = inner.live.ask(vantage, meta, request);
    inner.live.answered(reply.number);
    Json(reply).into_response()
}
