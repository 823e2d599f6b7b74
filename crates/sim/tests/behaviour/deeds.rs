//! What persons and their tools do.

use crate::*;
use breakwater_sim::ledger::{Call, Effect, What};
use serde_json::json;

const ANA: &str = "person:ana";

fn calls(world: &World) -> Vec<Call> {
    let calls: Vec<Call> = world.ledger().calls().map(|(_, call)| call.clone()).collect();
    assert!(calls.iter().all(|call| call.vantage == Vantage::Person));
    calls
}

#[test]
fn a_promotion_by_hand() {
    let mut world = demo();
    wait(&mut world, 60);
    // Faults that bind the controller do not bind a person.
    world.inject(fault(r#"{"kind": "api-silent", "api": "rds"}"#));
    let reply = world.promote_by_hand(ANA, SHOP).expect("a replica");
    assert_eq!(code(&reply.answer), "");
    let calls = calls(&world);
    assert_eq!(
        (calls[0].op.as_str(), calls[0].actor.as_str()),
        ("promote-read-replica", ANA)
    );
    assert_eq!(
        (calls[0].effect, calls[0].shop.as_deref()),
        (Effect::Applied, Some(SHOP))
    );
    until(&mut world, "promoted", |world| writable(world, B));
    assert!(
        world.promote_by_hand(ANA, SHOP).is_none(),
        "there is no replica any more"
    );
}

#[test]
fn somebody_starts_a_stopped_writer() {
    let mut setup = Setup::demo();
    setup.habits.stop_refused_with_replica = false;
    let mut world = World::new(setup, 5);
    world.stop_instance(ANA, SHOP, CA).expect("an instance");
    until(&mut world, "stopped", |world| {
        describe(world, CA, A).status == "stopped"
    });
    assert!(!writable(&world, A));
    wait(&mut world, 2 * 86_400);
    assert!(!writable(&world, A));
    let reply = world.start_instance("schedule", SHOP, CA).expect("an instance");
    assert_eq!(code(&reply.answer), "");
    until(&mut world, "started", |world| writable(world, A));
    assert_eq!(
        calls(&world).last().map(|call| call.actor.clone()).as_deref(),
        Some("schedule")
    );
}

#[test]
fn rds_starts_on_day_seven_what_nobody_started() {
    let mut setup = Setup::demo();
    setup.habits.stop_refused_with_replica = false;
    setup.shops.truncate(1);
    setup.keep_reads = false;
    let mut world = World::new(setup, 5);
    world.stop_instance(ANA, SHOP, CA).expect("an instance");
    wait(&mut world, 7 * 86_400 - 60);
    assert!(!writable(&world, A));
    wait(&mut world, 900);
    assert!(writable(&world, A));
    assert_eq!(calls(&world).len(), 1, "nobody called");
}

#[test]
fn a_shown_stop_can_be_started() {
    let mut world = demo();
    let json = r#"{"kind": "instance-status", "shop": "shop-ca", "region": "ca-central-1", "status": "stopped"}"#;
    world.inject(fault(json));
    assert!(!writable(&world, A));
    world.start_instance(ANA, SHOP, CA).expect("an instance");
    assert_eq!(describe(&mut world, CA, A).status, "starting");
    assert!(!writable(&world, A));
    until(&mut world, "started", |world| writable(world, A));
    assert!(world.glance().faults.is_empty());
}

#[test]
fn a_pool_is_disabled_and_enabled() {
    let mut world = demo();
    world.set_pool_enabled(ANA, POOL_B, false);
    wait(&mut world, 60);
    assert_eq!(shop(&world, SHOP).pool_health[WEST], None, "not monitored");
    world.set_pool_enabled(ANA, POOL_B, true);
    wait(&mut world, 60);
    assert_eq!(shop(&world, SHOP).pool_health[WEST], Some(true));
    assert_eq!(calls(&world).len(), 2);
}

#[test]
fn a_pool_in_use_cannot_be_deleted_and_then_it_is() {
    let mut world = demo();
    let account = world.setup().cloudflare_account.clone();
    let delete = |id: &str| {
        cloudflare(CloudflareOp::DeletePool {
            account: account.clone(),
            id: id.into(),
        })
    };
    let refused = world.deed(ANA, delete(POOL_B));
    assert!(
        matches!(refused.answer, Answer::Error { status: 412, .. }),
        "{refused:?}"
    );
    let reply = world.delete_pool(ANA, POOL_B);
    assert!(matches!(reply.answer, Answer::Cloudflare { .. }), "{reply:?}");
    let seen = shop(&world, SHOP);
    assert_eq!(seen.balancers[0].listed, seen.balancers[0].order);
    assert_eq!(seen.balancers[0].order.len(), 1);
    let get = CloudflareOp::GetPool {
        account: account.clone(),
        id: POOL_B.into(),
    };
    assert!(matches!(
        answer(&mut world, cloudflare(get)),
        Answer::Error { status: 404, .. }
    ));
    let list = CloudflareOp::ListPools { account };
    let Answer::Cloudflare { result } = answer(&mut world, cloudflare(list)) else {
        panic!("no list");
    };
    let ids = result.as_array().expect("a list");
    assert!(ids.len() == 5 && ids.iter().all(|pool| pool["id"] != POOL_B));
    let noted =
        world.ledger().events.iter().any(
            |event| matches!(&event.what, What::Pool { pool, deleted: true, call: Some(_), .. } if **pool == *POOL_B),
        );
    assert!(noted);
    wait(&mut world, 60);
    assert!(shop(&world, SHOP).totals.acknowledged > 50, "the shop goes on");
    // The last pool of a balancer stays.
    let reply = world.delete_pool(ANA, POOL_A);
    assert!(matches!(reply.answer, Answer::Error { status: 400, .. }), "{reply:?}");
}

#[test]
fn a_pool_is_taken_out_of_maps_too() {
    let mut world = demo();
    let geo_west = world.setup().shops[1].secondary.pool_id.clone();
    world.delete_pool(ANA, &geo_west);
    let zone = world.setup().cloudflare_zone.clone();
    let get = CloudflareOp::GetBalancer {
        zone,
        id: GEO_BALANCER.into(),
    };
    let Answer::Cloudflare { result } = answer(&mut world, cloudflare(get)) else {
        panic!("no balancer");
    };
    assert!(!result.to_string().contains(&geo_west));
    assert_eq!(result["region_pools"]["WNAM"].as_array().map(Vec::len), Some(1));
}

#[test]
fn names_are_pointed_elsewhere_and_restored() {
    let mut world = demo();
    let before = world.names_of(SHOP);
    assert_eq!(before.len(), 1);
    world.point_writer(ANA, SHOP, WEST).expect("an instance");
    assert_eq!(shop(&world, SHOP).name_target.as_deref(), Some(WEST));
    let record = breakwater_sim::RecordSet {
        name: "_breakwater.db.shop-ca.example.com.".into(),
        kind: "TXT".into(),
        values: vec!["\"owner=them\"".into()],
        ..before[0].clone()
    };
    let change = breakwater_sim::RecordChange {
        action: breakwater_sim::RecordAction::Create,
        record,
    };
    let op = Route53Op::ChangeRecords {
        zone: world.setup().hosted_zone.clone(),
        changes: vec![change],
    };
    world.deed(ANA, route53(op));
    assert!(shop(&world, SHOP).owner.is_some());
    let reply = world
        .restore_names_as("terraform", SHOP, &before)
        .expect("a difference");
    assert_eq!(code(&reply.answer), "");
    assert_eq!(world.names_of(SHOP), before);
    assert_eq!(
        world.restore_names_as("terraform", SHOP, &before),
        None,
        "nothing to do"
    );
    assert!(calls(&world).iter().all(|call| call.effect == Effect::Applied));
}

#[test]
fn terraform_puts_back_what_others_changed() {
    let mut world = demo();
    wait(&mut world, 10);
    let start = world.now();
    let id = world.inject(fault(
        r#"{"kind": "terraform", "shop": "shop-ca", "every_seconds": 60}"#,
    ));
    wait(&mut world, 130);
    assert!(calls(&world).is_empty(), "no difference, no call");
    world.point_writer(ANA, SHOP, WEST).expect("an instance");
    world.patch_balancer_as(
        ANA,
        BALANCER,
        json!({"default_pools": [POOL_B], "fallback_pool": POOL_B}),
    );
    world.set_pool_enabled(ANA, POOL_A, false);
    let others = world.point_writer(ANA, "shop-west", CA).expect("an instance");
    wait(&mut world, 49);
    assert_eq!(shop(&world, SHOP).name_target.as_deref(), Some(WEST));
    world.advance(start + 180_000);
    let seen = shop(&world, SHOP);
    assert_eq!(seen.name_target.as_deref(), Some(CA));
    assert_eq!(
        seen.balancers[0].order.iter().map(|name| &**name).collect::<Vec<_>>(),
        [CA, WEST]
    );
    assert_eq!(&*seen.balancers[0].fallback, CA);
    let by_terraform: Vec<(String, Effect)> = calls(&world)
        .iter()
        .filter(|call| call.actor == "terraform")
        .map(|call| (call.op.clone(), call.effect))
        .collect();
    let applied = |op: &str| (op.to_owned(), Effect::Applied);
    let expected = [
        applied("change-records"),
        applied("patch-balancer"),
        applied("patch-pool"),
    ];
    assert_eq!(by_terraform, expected);
    assert_eq!(code(&others.answer), "");
    assert_eq!(
        shop(&world, "shop-west").name_target.as_deref(),
        Some(CA),
        "another shop is not its own"
    );
    world.clear(id);
    world.point_writer(ANA, SHOP, WEST).expect("an instance");
    wait(&mut world, 300);
    assert_eq!(shop(&world, SHOP).name_target.as_deref(), Some(WEST));
}

#[test]
fn terraform_leaves_the_owners_record_alone() {
    let mut world = demo();
    let json = r#"{"kind": "terraform", "shop": "shop-ca", "every_seconds": 30, "balancers": false}"#;
    world.inject(fault(json));
    let owner = breakwater_sim::RecordSet {
        name: "_breakwater.db.shop-ca.example.com.".into(),
        kind: "TXT".into(),
        ttl: 60,
        values: vec!["\"owner=us\"".into()],
        set_identifier: None,
    };
    let op = Route53Op::ChangeRecords {
        zone: world.setup().hosted_zone.clone(),
        changes: vec![breakwater_sim::RecordChange {
            action: breakwater_sim::RecordAction::Create,
            record: owner,
        }],
    };
    world.deed(ANA, route53(op));
    world.patch_balancer_as(ANA, BALANCER, json!({"default_pools": [POOL_B, POOL_A]}));
    wait(&mut world, 120);
    assert!(shop(&world, SHOP).owner.is_some());
    assert_eq!(
        &*shop(&world, SHOP).balancers[0].order[0],
        WEST,
        "balancers are not its own"
    );
    assert!(calls(&world).iter().all(|call| call.actor == ANA));
}
