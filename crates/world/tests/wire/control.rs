//! The control API over HTTP, the clock, and the state file.

use breakwater_world::{Config, Running, start};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::sdk::*;

async fn call(world: &Running, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut request = Client::new().request(method, format!("{}{path}", world.fixture().control_url));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (
        status,
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default(),
    )
}

#[tokio::test]
async fn faults_come_and_go() {
    let world = world().await;
    let fault = json!({"kind": "region-down", "region": EAST});
    let (status, answer) = call(&world, Method::POST, "/faults", Some(fault.clone())).await;
    assert_eq!(status, 200, "{answer}");
    let id = answer["id"].as_u64().unwrap();
    let (_, glance) = call(&world, Method::GET, "/glance", None).await;
    assert_eq!(glance["faults"][0][0], id);
    assert_eq!(glance["shops"].as_array().unwrap().len(), 3);
    assert_eq!(
        call(&world, Method::DELETE, &format!("/faults/{id}"), None).await.0,
        204
    );
    assert_eq!(call(&world, Method::GET, "/glance", None).await.1["faults"], json!([]));
    call(&world, Method::POST, "/faults", Some(fault)).await;
    assert_eq!(call(&world, Method::DELETE, "/faults", None).await.0, 204);
    assert_eq!(call(&world, Method::GET, "/glance", None).await.1["faults"], json!([]));
    let (status, problem) = call(&world, Method::POST, "/faults", Some(json!({"kind": "earthquake"}))).await;
    assert_eq!(status, 400);
    assert!(problem["error"].as_str().unwrap().contains("earthquake"));
}

#[tokio::test]
async fn the_ledger_can_be_followed() {
    let world = world().await;
    let (_, whole) = call(&world, Method::GET, "/ledger", None).await;
    assert_eq!(whole["shops"].as_array().unwrap().len(), 3);
    let (_, page) = call(&world, Method::GET, "/ledger?from=0", None).await;
    let next = page["next"].as_u64().unwrap();
    assert!(next > 0);
    let tags = json!({"api": "rds", "region": EAST, "op": {"op": "stop-instance", "id": "nobody"}});
    let ask = json!({"request": tags, "actor": "person:ann"});
    let (status, reply) = call(&world, Method::POST, "/ask", Some(ask)).await;
    assert_eq!(
        (status, &reply["answer"]["value"]["code"]),
        (200, &json!("DBInstanceNotFound")),
        "{reply}"
    );
    let (_, page) = call(&world, Method::GET, &format!("/ledger?from={next}"), None).await;
    let events = page["events"].as_array().unwrap();
    let mine = events.iter().find(|event| event["event"] == "call").unwrap();
    assert_eq!(
        (&mine["actor"], &mine["vantage"]),
        (&json!("person:ann"), &json!("person"))
    );
}

#[tokio::test]
async fn holds_over_http() {
    let world = world().await;
    let spec = json!({"api": "http", "op": "get", "when": "before", "containing": "www.example.org"});
    let (_, answer) = call(&world, Method::POST, "/holds", Some(spec)).await;
    let id = answer["id"].as_u64().unwrap();
    let (_, empty) = call(&world, Method::GET, &format!("/holds/{id}"), None).await;
    assert_eq!(empty["caught"], json!([]));
    let url = format!("{}/www.example.org/", world.fixture().base_url);
    let client = tokio::spawn(reqwest::get(url));
    let (_, caught) = call(&world, Method::GET, &format!("/holds/{id}?wait=30"), None).await;
    assert_eq!(caught["caught"][0]["request"]["api"], "http");
    assert!(!client.is_finished());
    let (status, _) = call(
        &world,
        Method::POST,
        &format!("/holds/{id}/release"),
        Some(json!({"then": "deliver"})),
    )
    .await;
    assert_eq!(status, 200);
    assert_eq!(client.await.unwrap().unwrap().status(), 200);
    assert_eq!(call(&world, Method::GET, "/holds/99", None).await.0, 404);
    let nonsense = json!({"api": "http", "when": "sometime"});
    assert_eq!(call(&world, Method::POST, "/holds", Some(nonsense)).await.0, 400);
    assert_eq!(call(&world, Method::GET, "/nothing", None).await.0, 404);
}

#[tokio::test]
async fn time_runs_at_its_scale() {
    let world = start(Config {
        time_scale: 30,
        ..config()
    })
    .await
    .unwrap();
    let fixture = world.fixture();
    assert_eq!(fixture.time_scale, 30);
    let (_, first) = call(&world, Method::GET, "/now", None).await;
    let (virtual_millis, real_micros) = (
        first["virtualMillis"].as_i64().unwrap(),
        first["realMicros"].as_i64().unwrap(),
    );
    assert_eq!(
        virtual_millis,
        (fixture.scale_start + (real_micros - fixture.scale_start) * 30) / 1000
    );
    assert_eq!(first["scaleStart"], fixture.scale_start);
    until("a virtual minute", || {
        world.with(|world| world.now()) > fixture.scale_start / 1000 + 60_000
    })
    .await;
}

#[tokio::test]
async fn the_state_file_tells_how_to_get_in() {
    let world = world().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.json");
    world.fixture().write(&path).unwrap();
    let state: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for field in [
        "baseUrl",
        "port",
        "accessKeyId",
        "secretAccessKey",
        "roleArns",
        "externalIds",
        "cloudflareToken",
    ] {
        assert!(!state[field].is_null(), "{field}");
    }
    for field in ["cloudflareUrl", "controlUrl", "scaleStart", "timeScale", "pid"] {
        assert!(!state[field].is_null(), "{field}");
    }
    let health = reqwest::get(format!("{}/healthz", state["controlUrl"].as_str().unwrap()))
        .await
        .unwrap();
    assert_eq!(health.text().await.unwrap(), "ok\n");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "for its owner only");
    }
}
