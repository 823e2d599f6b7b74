//! Route 53.

use crate::*;
use breakwater_sim::{RecordAction, RecordChange, RecordSet, Setup};

const ZONE: &str = "Z0123456789";
const NAME: &str = "db.shop-ca.example.com.";

fn change(action: RecordAction, record: &RecordSet) -> RecordChange {
    RecordChange {
        action,
        record: record.clone(),
    }
}

fn list(world: &mut World, start: Option<&str>, kind: Option<&str>, max: usize) -> Vec<RecordSet> {
    let op = Route53Op::ListRecords {
        zone: ZONE.into(),
        start_name: start.map(str::to_owned),
        start_type: kind.map(str::to_owned),
        max_items: max,
    };
    match answer(world, route53(op)) {
        Answer::Records { records, .. } => records,
        other => panic!("{other:?}"),
    }
}

fn submit(world: &mut World, changes: Vec<RecordChange>) -> Answer {
    let op = Route53Op::ChangeRecords {
        zone: ZONE.into(),
        changes,
    };
    answer(world, route53(op))
}

fn writer(world: &mut World) -> RecordSet {
    list(world, Some(NAME), Some("CNAME"), 1).remove(0)
}

fn moved(old: &RecordSet, world: &mut World) -> RecordSet {
    let endpoint = describe(world, WEST, B).endpoint.expect("running");
    RecordSet {
        values: vec![endpoint],
        ..old.clone()
    }
}

fn txt(value: &str) -> RecordSet {
    RecordSet {
        name: format!("_breakwater.{NAME}"),
        kind: "TXT".into(),
        ttl: 60,
        values: vec![value.into()],
        set_identifier: None,
    }
}

#[test]
fn delete_and_create_are_a_compare_and_swap() {
    let mut world = demo();
    let old = writer(&mut world);
    let new = moved(&old, &mut world);
    let swap =
        |old: &RecordSet, new: &RecordSet| vec![change(RecordAction::Delete, old), change(RecordAction::Create, new)];
    assert!(matches!(submit(&mut world, swap(&old, &new)), Answer::Change { .. }));
    assert_eq!(writer(&mut world), new);
    // The same again is stale now, and so is a wrong TTL; nothing of such a batch applies.
    assert_eq!(code(&submit(&mut world, swap(&old, &new))), "InvalidChangeBatch");
    let wrong_ttl = RecordSet {
        ttl: new.ttl + 1,
        ..new.clone()
    };
    let mut batch = vec![change(RecordAction::Create, &txt("\"v=1\""))];
    batch.extend(swap(&wrong_ttl, &old));
    assert_eq!(code(&submit(&mut world, batch)), "InvalidChangeBatch");
    assert_eq!(writer(&mut world), new);
    assert!(list(&mut world, None, None, 100).iter().all(|r| r.kind != "TXT"));
}

#[test]
fn what_a_batch_is_refused_for() {
    let mut world = demo();
    let first = txt("\"v=1 owner=x\"");
    let create = |record: &RecordSet| vec![change(RecordAction::Create, record)];
    assert_eq!(code(&submit(&mut world, create(&first))), "");
    let again = submit(&mut world, create(&first));
    assert!(matches!(&again, Answer::Error { status: 400, .. }));
    assert_eq!(code(&again), "InvalidChangeBatch");
    let beside = RecordSet {
        name: NAME.into(),
        ..first.clone()
    };
    let unquoted = RecordSet {
        name: format!("other.{NAME}"),
        ..txt("v=1")
    };
    let elsewhere = RecordSet {
        name: "db.example.org.".into(),
        ..first.clone()
    };
    for wrong in [&beside, &unquoted, &elsewhere] {
        let refusal = submit(&mut world, create(wrong));
        assert_eq!(code(&refusal), "InvalidChangeBatch", "{wrong:?}");
    }
    // UPSERT is blind.
    let other = RecordSet {
        ttl: 5,
        values: vec!["\"v=1 owner=y\"".into()],
        ..first
    };
    assert_eq!(
        code(&submit(&mut world, vec![change(RecordAction::Upsert, &other)])),
        ""
    );
    assert!(list(&mut world, None, None, 100).contains(&other));
}

#[test]
fn a_change_is_pending_then_insync_and_resolvers_follow_with_their_caches() {
    for seed in 0..20 {
        let mut world = World::new(Setup::demo(), seed);
        wait(&mut world, 60);
        let old = writer(&mut world);
        let new = moved(&old, &mut world);
        let submitted = world.now();
        let batch = vec![change(RecordAction::Delete, &old), change(RecordAction::Create, &new)];
        let id = match submit(&mut world, batch) {
            Answer::Change { id, status, .. } => {
                assert_eq!(status, "PENDING");
                id
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(shop(&world, SHOP).name_target.as_deref(), Some(WEST));
        assert_eq!(shop(&world, SHOP).name_visible.as_deref(), Some(CA));
        until(&mut world, "in sync", |world| {
            let op = Route53Op::GetChange { id: id.clone() };
            match answer(world, route53(op)) {
                Answer::Change { status, .. } => status == "INSYNC",
                other => panic!("{other:?}"),
            }
        });
        assert!(world.now() - submitted <= 61_000);
        assert_eq!(shop(&world, SHOP).name_visible.as_deref(), Some(WEST));
        // One TTL later every process follows: the replica refuses to write, so nothing is acknowledged.
        wait(&mut world, old.ttl + 1);
        let before = shop(&world, SHOP).totals.refused;
        wait(&mut world, 20);
        let meetings = world.ledger().meetings.iter().rev();
        let lately = meetings.take_while(|m| m.at > world.now() - 15_000);
        assert!(lately.filter(|m| *m.shop == *SHOP).all(|m| m.acknowledged.is_empty()));
        assert!(shop(&world, SHOP).totals.refused > before);
    }
}

#[test]
fn the_start_name_is_a_cursor_in_dns_order() {
    let mut world = demo();
    let all = list(&mut world, None, None, 100);
    let names: Vec<&str> = all.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "example.com.",
            "example.com.",
            "mail.example.com.",
            "db.shop-ca.example.com.",
            "db.shop-geo.example.com.",
            "db.shop-west.example.com.",
        ]
    );
    // A name that does not exist begins at the next one, whatever it is.
    let next = list(&mut world, Some("DB.shop-d.example.com"), None, 1);
    assert_eq!(next[0].name, "db.shop-geo.example.com.");
    let op = Route53Op::ListRecords {
        zone: ZONE.into(),
        start_name: None,
        start_type: None,
        max_items: 2,
    };
    match answer(&mut world, route53(op)) {
        Answer::Records { records, truncated } => {
            assert_eq!((records.len(), truncated), (2, true));
        }
        other => panic!("{other:?}"),
    }
    let wildcard = RecordSet {
        name: "*.Shop-ca.example.com".into(),
        ..txt("\"x\"")
    };
    submit(&mut world, vec![change(RecordAction::Create, &wildcard)]);
    let found = list(&mut world, Some("*.shop-ca.example.com"), None, 1);
    assert_eq!(found[0].name, "\\052.shop-ca.example.com.");
}

#[test]
fn the_control_plane_lives_in_us_east_1() {
    let mut world = demo();
    wait(&mut world, 10);
    world.inject(down("us-east-1"));
    let op = Route53Op::GetHostedZone { zone: ZONE.into() };
    assert_eq!(ask(&mut world, route53(op)).delivery, Delivery::Never);
    // Names resolve, shops sell.
    let before = shop(&world, SHOP).totals.acknowledged;
    wait(&mut world, 120);
    assert!(shop(&world, SHOP).totals.acknowledged > before + 100);
}

#[test]
fn an_action_has_fifty_tokens_and_gets_ten_a_second() {
    let mut world = demo();
    let get = || route53(Route53Op::GetHostedZone { zone: ZONE.into() });
    let throttled = |world: &mut World| code(&answer(world, get())) == "Throttling";
    assert_eq!((0..55).filter(|_| throttled(&mut world)).count(), 5);
    wait(&mut world, 1);
    assert_eq!((0..15).filter(|_| throttled(&mut world)).count(), 5);
    let other = Route53Op::GetHostedZone { zone: "Z9".into() };
    wait(&mut world, 1);
    assert_eq!(code(&answer(&mut world, route53(other))), "NoSuchHostedZone");
}

/// Whatever the pauses: a later change is never undone, for resolvers, by an earlier one that arrives after it.
#[test]
fn resolvers_see_changes_in_the_order_in_which_they_were_made() {
    for seed in 0..40 {
        let mut world = World::new(Setup::demo(), seed);
        let old = writer(&mut world);
        let new = moved(&old, &mut world);
        submit(&mut world, vec![change(RecordAction::Upsert, &new)]);
        wait(&mut world, 2);
        submit(&mut world, vec![change(RecordAction::Upsert, &old)]);
        wait(&mut world, 300);
        assert_eq!(shop(&world, SHOP).name_visible.as_deref(), Some(CA), "seed {seed}");
    }
}
