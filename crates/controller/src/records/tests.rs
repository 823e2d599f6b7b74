//! An API server that refuses, hangs or has been written to by others: what is shown in the end, and what is never shown.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that is wrong should stop"
)]

use super::{Show, Told, show_all};
use crate::people::People;
use breakwater_core::journal::MoveOutcome;
use breakwater_core::report::Answered;
use breakwater_core::shop::ShopKey;
use http::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// RegionSwitches of one namespace, and what befalls their writes.
#[derive(Default)]
struct Server {
    statuses: std::collections::BTreeMap<String, Value>,
    /// So many writes of this name are refused first.
    refuses: std::collections::BTreeMap<String, usize>,
    tried: Vec<String>,
    version: u64,
}

impl Server {
    fn answer(&mut self, method: &Method, path: &str, body: &[u8]) -> (StatusCode, Value) {
        let name = path
            .trim_end_matches("/status")
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        if method == Method::PATCH {
            self.tried.push(name.clone());
            if let Some(left) = self.refuses.get_mut(&name).filter(|left| **left > 0) {
                *left -= 1;
                let status =
                    json!({"kind": "Status", "status": "Failure", "code": 503, "message": "etcd", "reason": ""});
                return (StatusCode::SERVICE_UNAVAILABLE, status);
            }
            let patch: Value = serde_json::from_slice(body).unwrap();
            assert_eq!(patch["metadata"]["resourceVersion"], self.version.to_string());
            self.version += 1;
            self.statuses.insert(name.clone(), patch["status"].clone());
        }
        (StatusCode::OK, self.object(&name))
    }

    fn object(&self, name: &str) -> Value {
        let mut object = json!({
            "apiVersion": "breakwater.dev/v1alpha1", "kind": "RegionSwitch",
            "metadata": {"name": name, "namespace": "shops", "uid": format!("uid-{name}"), "generation": 1,
                "resourceVersion": self.version.to_string()},
            "spec": {"request": {"storefrontName": "shop", "type": "Failover", "to": "us-west-2", "expectedEpoch": 1,
                "startBefore": "2026-11-25T03:00:00Z", "reason": "gone", "requestedBy": "oncall@example.com"}},
        });
        if let Some(status) = self.statuses.get(name) {
            object["status"] = status.clone();
        }
        object
    }
}

struct Stage {
    server: Arc<Mutex<Server>>,
    told: mpsc::UnboundedSender<Told>,
}

impl Stage {
    fn set(server: Server) -> Stage {
        let server = Arc::new(Mutex::new(server));
        let shared = server.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let shared = shared.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap_or_default();
                let (code, value) = shared.lock().unwrap().answer(&parts.method, parts.uri.path(), &body);
                let response = Response::builder()
                    .status(code)
                    .body(Body::from(value.to_string().into_bytes()));
                Ok::<_, Infallible>(response.unwrap())
            }
        });
        let client = Client::new(service, "shops");
        let (told, heard) = mpsc::unbounded_channel();
        let people = People::new(client.clone(), "test");
        tokio::spawn(show_all(client, people, heard));
        Stage { server, told }
    }

    fn lease(&self, lasts: Option<u64>) {
        let until = lasts.map(|seconds| tokio::time::Instant::now().into_std() + Duration::from_secs(seconds));
        self.told.send(Told::Lease(until)).ok().unwrap();
    }

    fn answer(&self, name: &str, outcome: Option<MoveOutcome>) {
        let key = ShopKey {
            namespace: "shops".into(),
            name: "shop".into(),
        };
        let answered = Answered {
            request: name.into(),
            uid: format!("uid-{name}").into(),
            outcome,
            reason: "StaleEpoch",
            message: "the epoch is another one".into(),
            refusals: Vec::new(),
        };
        let show = Show::Answer(key, Box::new(answered));
        self.told.send(Told::Show(show)).ok().unwrap();
    }

    fn outcome(&self, name: &str) -> Value {
        let server = self.server.lock().unwrap();
        server
            .statuses
            .get(name)
            .map_or(Value::Null, |status| status["outcome"].clone())
    }

    fn tries(&self, name: &str) -> usize {
        self.server
            .lock()
            .unwrap()
            .tried
            .iter()
            .filter(|tried| *tried == name)
            .count()
    }
}

/// Virtual time.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_tried_until_it_stands_and_holds_up_no_other() {
    let mut server = Server::default();
    server.refuses.insert("first".into(), 40);
    let stage = Stage::set(server);
    stage.lease(Some(86_400));
    stage.answer("first", Some(MoveOutcome::Refused));
    stage.answer("second", Some(MoveOutcome::Refused));
    pass(1).await;
    assert_eq!(stage.outcome("second"), "Refused");
    pass(600).await;
    assert_eq!(stage.outcome("first"), Value::Null);
    let tries = stage.tries("first");
    assert!(
        (7..=40).contains(&tries),
        "{tries} tries in ten minutes: neither given up nor hot"
    );
    pass(3600).await;
    assert_eq!(stage.outcome("first"), "Refused");
    assert_eq!(stage.tries("first"), 41, "once it stands nothing is tried any more");
}

#[tokio::test(start_paused = true)]
async fn what_is_newer_replaces_what_waits() {
    let mut server = Server::default();
    server.refuses.insert("first".into(), 3);
    let stage = Stage::set(server);
    stage.lease(Some(86_400));
    stage.answer("first", None);
    pass(1).await;
    stage.answer("first", Some(MoveOutcome::Refused));
    pass(600).await;
    assert_eq!(stage.outcome("first"), "Refused");
}

#[tokio::test(start_paused = true)]
async fn an_end_and_a_begun_move_are_never_answered_over() {
    let mut server = Server::default();
    let aborted = json!({"observedGeneration": 1, "outcome": "Aborted"});
    let moves = json!({"observedGeneration": 1, "phase": "Promoting", "number": 7});
    server.statuses.insert("ended".into(), aborted.clone());
    server.statuses.insert("moves".into(), moves.clone());
    let stage = Stage::set(server);
    stage.lease(Some(86_400));
    stage.answer("ended", Some(MoveOutcome::Refused));
    stage.answer("moves", Some(MoveOutcome::Refused));
    pass(600).await;
    let server = stage.server.lock().unwrap();
    assert_eq!(server.tried, Vec::<String>::new());
    assert_eq!(
        (&server.statuses["ended"], &server.statuses["moves"]),
        (&aborted, &moves)
    );
}

/// Another process decides then, and the engine says everything again when the lease is back.
#[tokio::test(start_paused = true)]
async fn who_lost_the_lease_answers_nobody() {
    let mut server = Server::default();
    server.refuses.insert("first".into(), 4);
    let stage = Stage::set(server);
    stage.lease(Some(2));
    stage.answer("first", Some(MoveOutcome::Refused));
    pass(60).await;
    let tries = stage.tries("first");
    assert!((1..=4).contains(&tries), "{tries}");
    stage.answer("second", Some(MoveOutcome::Refused));
    pass(60).await;
    stage.lease(None);
    stage.answer("third", Some(MoveOutcome::Refused));
    pass(60).await;
    stage.lease(Some(86_400));
    pass(600).await;
    assert_eq!(stage.tries("first"), tries, "it was dropped");
    assert_eq!((stage.tries("second"), stage.tries("third")), (0, 0));
}
