//! Silence, resets and holds: what happens to a connection when the answer does not come.

use std::time::Duration;

use breakwater_sim::{Api, Fault, Ledger};
use breakwater_world::{Running, holds::Then};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::sdk::*;

/// Long enough to be sure that nothing comes; if it is too short a test passes that should not, if
/// it is long the test is slow, so it is neither.
const SILENCE: Duration = Duration::from_millis(300);

fn region_down() -> Fault {
    Fault::RegionDown {
        region: EAST.to_owned(),
        names_vanish: false,
    }
}

fn service(region: &str) -> String {
    format!("/{region}.shop-ca.example.com/catalogue/-/health")
}

/// Sends a GET on a connection of its own, and reads nothing yet.
async fn get(world: &Running, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", world.fixture().port)).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n",
        world.fixture().port
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

fn newest_read(ledger: &Ledger) -> Option<&breakwater_sim::ledger::Read> {
    ledger.reads.iter().rev().find(|read| read.api == "http")
}

#[tokio::test]
async fn services_answer_at_their_moved_urls() {
    let world = world().await;
    let url = format!("{}{}", world.fixture().base_url, service("cac1"));
    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-breakwater-region"], EAST);
    let proof = reqwest::get(format!("{}/usw2.shop-ca.example.com/-/proof", world.fixture().base_url))
        .await
        .unwrap();
    let proof: serde_json::Value = proof.json().await.unwrap();
    assert_eq!(proof["region"], WEST);
    assert_eq!(proof["writer"]["writable"], true);
    assert_eq!(
        reqwest::get(format!("{}/www.example.org/", world.fixture().base_url))
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn a_dead_region_takes_connections_and_says_nothing() {
    let world = world().await;
    world.with(|world| world.inject(region_down()));
    let mut stream = get(&world, &service("cac1")).await;
    let mut byte = [0];
    assert!(
        timeout(SILENCE, stream.read(&mut byte)).await.is_err(),
        "no byte, no end"
    );
    until("the request's arrival", || newest_read(&ledger(&world)).is_some()).await;
    assert_eq!(newest_read(&ledger(&world)).unwrap().gave_up_micros, None);
    drop(stream);
    until("the giving up", || {
        newest_read(&ledger(&world)).unwrap().gave_up_micros.is_some()
    })
    .await;
    assert_eq!(newest_read(&ledger(&world)).unwrap().answered_micros, None);
}

#[tokio::test]
async fn names_that_vanished_reset_the_connection() {
    let world = world().await;
    world.with(|world| {
        world.inject(Fault::RegionDown {
            region: EAST.to_owned(),
            names_vanish: true,
        })
    });
    let mut stream = get(&world, &service("cac1")).await;
    let end = timeout(PATIENCE, stream.read(&mut [0])).await.unwrap();
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_lost_reply_leaves_its_effect() {
    let world = world().await;
    let west = rds(&world, WEST, session(&world).await);
    world.with(|world| {
        world.inject(Fault::LoseReplies {
            api: Api::Rds,
            op: None,
            count: 1,
        })
    });
    let promote = west
        .promote_read_replica()
        .db_instance_identifier("shop-ca-usw2")
        .send();
    assert!(timeout(SILENCE, promote).await.is_err());
    let ledger = ledger(&world);
    let (_, call) = ledger.calls().next().unwrap();
    assert!(!call.reply);
    assert_eq!(call.effect, breakwater_sim::ledger::Effect::Applied);
}

#[tokio::test]
async fn an_empty_answer_leaves_its_effect() {
    let world = world().await;
    let west = rds(&world, WEST, session(&world).await);
    // Not a part of the document: the SDK takes XML that breaks off for a shorter one.
    let fault = world.with(|world| {
        world.inject(Fault::ApiTruncated {
            api: Api::Rds,
            region: None,
            op: None,
            percent: 0,
        })
    });
    let promote = west.promote_read_replica().db_instance_identifier("shop-ca-usw2");
    assert!(promote.send().await.is_err());
    {
        let ledger = ledger(&world);
        let (_, call) = ledger.calls().next().unwrap();
        assert_eq!(call.effect, breakwater_sim::ledger::Effect::Applied);
        assert!(!call.reply);
    }
    world.with(|world| world.clear(fault));
    assert!(west.describe_db_instances().send().await.is_ok());
}

#[tokio::test]
async fn a_truncated_health_answer_keeps_its_status() {
    let world = world().await;
    world.with(|world| {
        world.inject(Fault::ApiTruncated {
            api: Api::Http,
            region: None,
            op: None,
            percent: 50,
        })
    });
    let mut stream = get(&world, &service("cac1")).await;
    let mut bytes = vec![0; 4096];
    let mut text = String::new();
    while !text.ends_with("\r\n\r\no") {
        let read = timeout(PATIENCE, stream.read(&mut bytes)).await.unwrap().unwrap();
        assert!(read > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
}

#[tokio::test]
async fn a_hold_before_the_effect_outlives_its_client() {
    let world = world().await;
    let hold = place(&world, r#"{"api":"rds","op":"promote-read-replica","when":"before"}"#);
    let west = rds(&world, WEST, session(&world).await);
    let client = tokio::spawn(
        west.promote_read_replica()
            .db_instance_identifier("shop-ca-usw2")
            .send(),
    );
    let view = world.holds().wait(hold, PATIENCE).await.unwrap();
    assert_eq!(view.caught.len(), 1);
    assert_eq!(view.caught[0].number, None);
    assert_eq!(ledger(&world).calls().count(), 0, "nothing has happened yet");
    client.abort();
    until("the client's going", || world.holds().views()[0].caught[0].gone).await;
    world.holds().release(hold, Then::Deliver);
    until("the effect", || {
        ledger(&world)
            .calls()
            .next()
            .is_some_and(|(_, call)| call.gave_up_micros.is_some())
    })
    .await;
    let ledger = ledger(&world);
    let (_, call) = ledger.calls().next().unwrap();
    assert_eq!(call.effect, breakwater_sim::ledger::Effect::Applied);
    assert_eq!(call.answered_micros, None);
    assert_eq!(world.holds().views()[0].caught[0].number, Some(call.number));
}

#[tokio::test]
async fn a_hold_after_the_effect_keeps_the_answer_back() {
    let world = world().await;
    let hold = place(&world, r#"{"api":"rds","op":"promote-read-replica","when":"after"}"#);
    let west = rds(&world, WEST, session(&world).await);
    let client = tokio::spawn(
        west.promote_read_replica()
            .db_instance_identifier("shop-ca-usw2")
            .send(),
    );
    let view = world.holds().wait(hold, PATIENCE).await.unwrap();
    let number = view.caught[0].number;
    assert!(number.is_some());
    let before = ledger(&world);
    let (_, call) = before.calls().next().unwrap();
    assert_eq!((Some(call.number), call.answered_micros), (number, None));
    assert!(!client.is_finished());
    world.holds().release(hold, Then::Deliver);
    let answer = timeout(PATIENCE, client).await.unwrap().unwrap().unwrap();
    assert_eq!(
        answer.db_instance().unwrap().db_instance_identifier(),
        Some("shop-ca-usw2")
    );
    assert!(ledger(&world).calls().next().unwrap().1.answered_micros.is_some());
}

#[tokio::test]
async fn a_dropped_request_never_arrives_and_resets_its_connection() {
    let world = world().await;
    let hold = place(&world, r#"{"api":"http","when":"before","containing":"cac1.shop-ca"}"#);
    let mut stream = get(&world, &service("cac1")).await;
    world.holds().wait(hold, PATIENCE).await.unwrap();
    world.holds().release(hold, Then::Drop);
    let end = timeout(PATIENCE, stream.read(&mut [0])).await.unwrap();
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert!(newest_read(&ledger(&world)).is_none());
    let mut next = get(&world, &service("cac1")).await;
    assert!(
        timeout(PATIENCE, next.read(&mut [0])).await.unwrap().unwrap() > 0,
        "the hold is used up"
    );
}

#[tokio::test]
async fn stopping_resets_silent_connections() {
    let world = world().await;
    world.with(|world| world.inject(region_down()));
    let mut stream = get(&world, &service("cac1")).await;
    until("the request's arrival", || newest_read(&ledger(&world)).is_some()).await;
    world.stop().await;
    let end = timeout(PATIENCE, stream.read(&mut [0])).await.unwrap();
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

fn place(world: &Running, spec: &str) -> u64 {
    world.holds().place(serde_json::from_str(spec).unwrap()).unwrap()
}
