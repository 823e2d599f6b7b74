//! Faults.

use crate::*;
use breakwater_sim::Api;
use breakwater_sim::ledger::Effect;

fn describe_request(region: &str) -> Request {
    let op = RdsOp::DescribeInstances {
        id: None,
        max_records: 100,
        marker: None,
    };
    rds(region, op)
}

#[test]
fn a_region_that_is_down_is_silent_to_everybody() {
    let mut world = demo();
    wait(&mut world, 10);
    world.inject(down(CA));
    for from in [Vantage::Controller, Vantage::Person, Vantage::Internet] {
        let reply = world.ask(from, Meta::default(), describe_request(CA));
        assert_eq!(reply.delivery, Delivery::Never, "{from:?}");
        let url = "https://cac1.shop-ca.example.com/checkout/-/health";
        assert_eq!(http(&mut world, from, url).delivery, Delivery::Never);
    }
    assert!(!writable(&world, A));
    assert!(matches!(
        ask(&mut world, describe_request(WEST)).delivery,
        Delivery::After(_)
    ));
}

#[test]
fn names_may_vanish_with_the_region() {
    let mut world = demo();
    world.inject(Fault::RegionDown {
        region: CA.into(),
        names_vanish: true,
    });
    let url = "https://cac1.shop-ca.example.com/-/proof";
    assert_eq!(
        http(&mut world, Vantage::Controller, url).delivery,
        Delivery::NoSuchHost
    );
}

#[test]
fn a_returned_region_is_a_second_writer() {
    let mut world = demo();
    wait(&mut world, 60);
    let fault = world.inject(down(CA));
    wait(&mut world, 120);
    promote(&mut world);
    until(&mut world, "promoted", |world| writable(world, B));
    wait(&mut world, 300);
    let absent = world.ledger().absent.len();
    world.clear(fault);
    assert_eq!(describe(&mut world, CA, A).status, "available");
    until(&mut world, "databases back", |world| writable(world, A));
    assert!(writable(&world, B), "two writers");
    // Jobs in the region write to their own instance: acknowledged, and nowhere in the new writer.
    wait(&mut world, 120);
    let absent = &world.ledger().absent[absent..];
    assert!(!absent.is_empty());
    assert!(absent.iter().any(|order| {
        order.by == breakwater_sim::ledger::OrderedBy::Job && *order.instance == *A && *order.writer == *B
    }));
    let url = "https://cac1.shop-ca.example.com/search/-/health";
    until(&mut world, "services back", |world| {
        status(&http(world, Vantage::Controller, url)) == 200
    });
    until(&mut world, "forgotten", |world| {
        describe(world, CA, A).replicas.is_empty()
    });
}

#[test]
fn without_a_promotion_a_returned_region_goes_on_as_before() {
    let mut world = demo();
    wait(&mut world, 60);
    let fault = world.inject(down(CA));
    wait(&mut world, 300);
    world.clear(fault);
    wait(&mut world, 300);
    assert!(writable(&world, A) && !writable(&world, B));
    assert_eq!(shop(&world, SHOP).instances[1].link_flows, Some(true));
    assert!(world.ledger().absent.is_empty());
    promote(&mut world);
    until(&mut world, "promoted", |world| writable(world, B));
}

#[test]
fn a_partition_still_sells() {
    let mut world = demo();
    wait(&mut world, 60);
    let fault = world.inject(Fault::Partition { region: CA.into() });
    let before = shop(&world, SHOP).totals;
    // The controller sees nothing of it.
    assert_eq!(ask(&mut world, describe_request(CA)).delivery, Delivery::Never);
    let url = "https://cac1.shop-ca.example.com/checkout/-/health";
    assert_eq!(http(&mut world, Vantage::Controller, url).delivery, Delivery::Never);
    // Users do, and Cloudflare's monitors do.
    assert_eq!(status(&http(&mut world, Vantage::Internet, url)), 200);
    wait(&mut world, 300);
    let after = shop(&world, SHOP).totals;
    assert!(after.acknowledged > before.acknowledged + 400);
    assert_eq!(after.refused, before.refused);
    assert_eq!(shop(&world, SHOP).pool_health[CA], Some(true));
    assert!(writable(&world, A));
    // Nothing reaches the replica, and the other region's services have no writer.
    assert_eq!(shop(&world, SHOP).instances[1].link_flows, Some(false));
    let url = "https://usw2.shop-ca.example.com/checkout/-/health";
    assert_eq!(status(&http(&mut world, Vantage::Controller, url)), 503);
    // A promotion now would lose all of it.
    promote(&mut world);
    until(&mut world, "promoted", |world| writable(world, B));
    assert!(world.ledger().absent.len() > 400);
    world.clear(fault);
    assert!(matches!(
        ask(&mut world, describe_request(CA)).delivery,
        Delivery::After(_)
    ));
}

#[test]
fn a_healed_partition_loses_nothing() {
    let mut world = demo();
    wait(&mut world, 60);
    let fault = world.inject(Fault::Partition { region: CA.into() });
    wait(&mut world, 300);
    world.clear(fault);
    wait(&mut world, 120);
    assert_eq!(shop(&world, SHOP).instances[1].link_flows, Some(true));
    assert!(shop(&world, SHOP).instances[1].behind_millis < Some(1000));
    world.inject(down(CA));
    promote(&mut world);
    until(&mut world, "promoted", |world| writable(world, B));
    assert!(world.ledger().absent.len() <= 5);
}

#[test]
fn a_lost_reply_has_its_effect_and_a_lost_request_has_none() {
    let mut world = demo();
    let lose = |op: &str| Some(op.to_owned());
    world.inject(Fault::LoseRequests {
        api: Api::Rds,
        op: lose("promote-read-replica"),
        count: 1,
    });
    let first = promote(&mut world);
    assert_eq!(first.delivery, Delivery::Never);
    assert!(world.glance().faults.is_empty(), "used up");
    world.inject(Fault::LoseReplies {
        api: Api::Rds,
        op: lose("promote-read-replica"),
        count: 1,
    });
    assert_eq!(
        describe(&mut world, WEST, B).status,
        "available",
        "another operation is not concerned"
    );
    let second = promote(&mut world);
    assert_eq!(second.delivery, Delivery::Never);
    until(&mut world, "promoted", |world| writable(world, B));
    let effects: Vec<(u64, Effect, bool)> = world
        .ledger()
        .calls()
        .map(|(_, call)| (call.number, call.effect, call.reply))
        .collect();
    assert_eq!(
        effects,
        [
            (first.number, Effect::Lost, false),
            (second.number, Effect::Applied, false)
        ]
    );
}

#[test]
fn api_faults_bind_the_controller_alone() {
    let mut world = demo();
    let zone = world.setup().cloudflare_zone.clone();
    let list = || cloudflare(CloudflareOp::ListBalancers { zone: zone.clone() });
    let silent = world.inject(Fault::ApiSilent {
        api: Api::Cloudflare,
        region: None,
    });
    assert_eq!(ask(&mut world, list()).delivery, Delivery::Never);
    let person = world.ask(Vantage::Person, Meta::default(), list());
    assert!(matches!(person.delivery, Delivery::After(_)));
    wait(&mut world, 60);
    assert!(shop(&world, SHOP).totals.acknowledged > 50, "the edge goes on");
    world.clear(silent);
    world.inject(Fault::ApiError {
        api: Api::Rds,
        region: Some(WEST.into()),
        status: 503,
        code: "ServiceUnavailable".into(),
    });
    assert_eq!(code(&answer(&mut world, describe_request(WEST))), "ServiceUnavailable");
    assert_eq!(code(&answer(&mut world, describe_request(CA))), "");
    world.inject(Fault::Delay {
        api: Api::Rds,
        region: Some(CA.into()),
        millis: 9_000,
    });
    match ask(&mut world, describe_request(CA)).delivery {
        Delivery::After(millis) => assert!(millis >= 9_000),
        other => panic!("{other:?}"),
    }
    world.clear_all();
    assert_eq!(code(&answer(&mut world, describe_request(WEST))), "");
}

#[test]
fn a_dead_database_is_available_to_rds() {
    let mut world = demo();
    wait(&mut world, 60);
    world.inject(Fault::DatabaseDown {
        shop: SHOP.into(),
        region: CA.into(),
    });
    assert_eq!(describe(&mut world, CA, A).status, "available");
    assert!(!writable(&world, A));
    for host in ["cac1", "usw2"] {
        let url = format!("https://{host}.shop-ca.example.com/checkout/-/health");
        assert_eq!(status(&http(&mut world, Vantage::Controller, &url)), 503);
        let url = format!("https://{host}.shop-ca.example.com/search/-/health");
        assert_eq!(status(&http(&mut world, Vantage::Controller, &url)), 200);
    }
    assert_eq!(shop(&world, SHOP).instances[1].link_flows, Some(false));
    assert!(writable(&world, "shop-geo-cac1"), "only this shop");
}

#[test]
fn the_way_to_one_regions_urls_may_be_lost() {
    let mut world = demo();
    world.inject(Fault::ApiSilent {
        api: Api::Http,
        region: Some(CA.into()),
    });
    let url = |host: &str| format!("https://{host}.shop-ca.example.com/checkout/-/health");
    let at_a = http(&mut world, Vantage::Controller, &url("cac1"));
    assert_eq!(at_a.delivery, Delivery::Never);
    assert_eq!(status(&http(&mut world, Vantage::Controller, &url("usw2"))), 200);
    assert_eq!(
        status(&http(&mut world, Vantage::Controller, "https://www.example.org/")),
        200
    );
    assert_eq!(status(&http(&mut world, Vantage::Internet, &url("cac1"))), 200);
}
