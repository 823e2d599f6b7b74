//! The ledger.

use crate::*;
use breakwater_sim::ledger::{Ledger, What};
use serde_json::{Value, json};

/// A run with a bit of everything.
fn run(seed: u64) -> World {
    let mut world = World::new(Setup::demo(), seed);
    wait(&mut world, 60);
    let fault = world.inject(down(CA));
    wait(&mut world, 100);
    let zone = world.setup().cloudflare_zone.clone();
    let op = CloudflareOp::PatchBalancer {
        zone,
        id: BALANCER.into(),
        patch: json!({"default_pools": [POOL_B], "fallback_pool": POOL_B}),
    };
    ask(&mut world, cloudflare(op));
    promote(&mut world);
    wait(&mut world, 300);
    world.clear(fault);
    wait(&mut world, 300);
    world
}

#[test]
fn the_same_seed_gives_the_same_ledger() {
    let hashes: Vec<u64> = [1, 1, 2].map(|seed| run(seed).ledger().hash()).to_vec();
    assert_eq!(hashes[0], hashes[1]);
    assert_ne!(hashes[0], hashes[2]);
}

#[test]
fn questions_do_not_move_the_shoppers() {
    let mut asked = demo();
    let mut left_alone = demo();
    for _ in 0..60 {
        describe(&mut asked, WEST, B);
        wait(&mut asked, 5);
    }
    wait(&mut left_alone, 300);
    assert_eq!(asked.ledger().meetings, left_alone.ledger().meetings);
}

#[test]
fn it_goes_through_json() {
    let world = run(3);
    let text = serde_json::to_string(world.ledger()).expect("JSON");
    let back: Ledger = serde_json::from_str(&text).expect("the same shape");
    assert_eq!(back.hash(), world.ledger().hash());
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let call = value["events"]
        .as_array()
        .and_then(|events| events.iter().find(|e| e["op"] == "promote-read-replica"))
        .expect("the promotion");
    assert_eq!(call["event"], "call");
    assert_eq!(call["effect"], "applied");
    assert_eq!(call["target"], B);
    assert_eq!(call["shop"], SHOP);
    assert_eq!(call["region"], WEST);
    assert_eq!(call["detail"]["backup_retention_period"], 7);
    assert!(call["at"].is_i64());
    assert!(value["shops"][0]["regions"][1]["role"] == "replica");
    assert!(
        value["events"]
            .as_array()
            .unwrap()
            .iter()
            .any(|e| e["event"] == "fault-injected" && e["fault"]["kind"] == "region-down")
    );
}

#[test]
fn spans_say_who_took_writes_when() {
    let world = run(4);
    let start = world.setup().start;
    let spans = |instance: &str| {
        let all = world.ledger().writable.iter();
        let own = all.filter(|span| *span.instance == *instance);
        own.map(|span| (span.from - start, span.to.map(|to| to - start)))
            .collect::<Vec<_>>()
    };
    let a = spans(A);
    assert_eq!(a[0], (0, Some(60_000)));
    assert!(a.len() == 2 && a[1].0 > 460_000 && a[1].1.is_none(), "{a:?}");
    let b = spans(B);
    assert!(b.len() == 1 && b[0].0 > 160_000 && b[0].1.is_none(), "{b:?}");
    let west: Vec<_> = spans("shop-west-usw2");
    assert_eq!(west, [(0, None)], "us-west-2 was never touched");
}

#[test]
fn requests_keep_their_cause_and_their_end() {
    let mut world = demo();
    let read = Meta {
        asked: Some(41),
        because: None,
        actor: "breakwater".into(),
        real_micros: Some(1_000),
    };
    let op = RdsOp::DescribeInstances {
        id: None,
        max_records: 100,
        marker: None,
    };
    let first = world.ask(Vantage::Controller, read, rds(WEST, op));
    wait(&mut world, 1);
    world.answered(first.number, Some(2_000));
    world.gave_up(first.number, Some(9_000));
    let call = Meta {
        asked: Some(42),
        because: Some(41),
        actor: "breakwater".into(),
        real_micros: Some(2_500),
    };
    let op = RdsOp::PromoteReadReplica {
        id: B.into(),
        backup_retention_period: None,
    };
    let second = world.ask(Vantage::Controller, call, rds(WEST, op));
    wait(&mut world, 4);
    world.gave_up(second.number, Some(7_000));
    let read = &world.ledger().reads[0];
    assert_eq!((read.asked, read.answered_micros), (Some(41), Some(2_000)));
    assert_eq!(read.gave_up_at, None, "the first end stays");
    let (at, call) = world.ledger().calls().next().expect("one call");
    assert_eq!((call.because, call.arrived_micros), (Some(41), Some(2_500)));
    assert_eq!(call.gave_up_at, Some(at + 4_000));
    assert_eq!(call.answered_at, None);
}

#[test]
fn events_are_in_order_and_effects_follow_their_call() {
    let world = run(5);
    let events = &world.ledger().events;
    assert!(events.windows(2).all(|w| w[0].at <= w[1].at));
    let call = events
        .iter()
        .position(|e| matches!(&e.what, What::Call(call) if call.op == "promote-read-replica"));
    let accepted = events
        .iter()
        .position(|e| matches!(&e.what, What::PromotionAccepted { .. }));
    let promoted = events.iter().position(|e| matches!(&e.what, What::Promoted { .. }));
    assert!(call < accepted && accepted < promoted);
    assert_eq!(world.ledger().events_since(events.len() - 2).len(), 2);
    assert!(world.ledger().events_since(events.len() + 5).is_empty());
}

#[test]
fn thousands_of_simulated_seconds_a_second() {
    let mut setup = Setup::demo();
    setup.keep_reads = false;
    let mut world = World::new(setup, 6);
    let began = std::time::Instant::now();
    wait(&mut world, 6 * 3600);
    let took = began.elapsed();
    // 21,600 simulated seconds; generous, for a machine that does something else as well.
    assert!(took.as_secs() < 10, "{took:?}");
}
