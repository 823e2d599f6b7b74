//! Cloudflare: documents, monitors, steering.

use crate::*;
use breakwater_sim::ledger::{Meeting, What};
use serde_json::{Value, json};

const GEO_EAST: &str = "2c4d6f8a0b1c3e5f7a9b0d2e4f6a8c01";
const GEO_WEST: &str = "3d5e7f9b1c2d4f6a8b0c1e3f5a7b9d02";

fn account(world: &World) -> String {
    world.setup().cloudflare_account.clone()
}

fn patch(world: &mut World, id: &str, patch: Value) -> Answer {
    let zone = world.setup().cloudflare_zone.clone();
    let op = CloudflareOp::PatchBalancer {
        zone,
        id: id.into(),
        patch,
    };
    answer(world, cloudflare(op))
}

fn balancer(world: &mut World, id: &str) -> Value {
    let zone = world.setup().cloudflare_zone.clone();
    let op = CloudflareOp::GetBalancer { zone, id: id.into() };
    match answer(world, cloudflare(op)) {
        Answer::Cloudflare { result } => result,
        other => panic!("{other:?}"),
    }
}

fn health(world: &mut World, pool: &str) -> Value {
    let op = CloudflareOp::PoolHealth {
        account: account(world),
        id: pool.into(),
    };
    match answer(world, cloudflare(op)) {
        Answer::Cloudflare { result } => result["pop_health"].clone(),
        other => panic!("{other:?}"),
    }
}

fn enable(world: &mut World, pool: &str, enabled: bool) {
    let op = CloudflareOp::PatchPool {
        account: account(world),
        id: pool.into(),
        patch: json!({"enabled": enabled}),
    };
    answer(world, cloudflare(op));
}

/// Meetings of a shop in the last `seconds`.
fn lately<'a>(world: &'a World, name: &'a str, seconds: i64) -> Vec<&'a Meeting> {
    let from = world.now() - seconds * 1000;
    let all = world.ledger().meetings.iter();
    all.filter(|m| m.at >= from && *m.shop == *name).collect()
}

fn regions(meetings: &[&Meeting]) -> Vec<String> {
    let name = |m: &&Meeting| m.region.as_deref().unwrap_or("-").to_owned();
    let mut regions: Vec<String> = meetings.iter().map(name).collect();
    regions.sort();
    regions.dedup();
    regions
}

#[test]
fn a_patch_changes_what_it_names_and_no_more() {
    let mut world = demo();
    let before = balancer(&mut world, BALANCER);
    wait(&mut world, 5);
    patch(
        &mut world,
        BALANCER,
        json!({"default_pools": [POOL_B, POOL_A], "fallback_pool": POOL_B}),
    );
    let mut after = balancer(&mut world, BALANCER);
    assert_eq!(after["default_pools"], json!([POOL_B, POOL_A]));
    assert_ne!(after["modified_on"], before["modified_on"]);
    for field in ["default_pools", "fallback_pool", "modified_on"] {
        after[field] = before[field].clone();
    }
    assert_eq!(after, before);
    // A map is replaced whole.
    patch(&mut world, GEO_BALANCER, json!({"region_pools": {"WNAM": [GEO_WEST]}}));
    assert_eq!(
        balancer(&mut world, GEO_BALANCER)["region_pools"],
        json!({"WNAM": [GEO_WEST]})
    );
}

#[test]
fn what_a_patch_is_refused_for() {
    let mut world = demo();
    let before = balancer(&mut world, BALANCER);
    let unknown = "ffffffffffffffffffffffffffffffff";
    let refused = [
        json!({"default_pools": [POOL_A, unknown]}),
        json!({"default_pools": []}),
        json!({"fallback_pool": null}),
        json!({"fallback_pool": unknown}),
        json!({"region_pools": {"WEU": []}}),
        json!({"steering_policy": "by-whim"}),
    ];
    for wrong in refused {
        let refusal = patch(&mut world, BALANCER, wrong.clone());
        assert!(matches!(refusal, Answer::Error { status: 400, .. }), "{wrong}");
    }
    let twice = patch(&mut world, BALANCER, json!({"default_pools": [POOL_A, POOL_A]}));
    assert_eq!(code(&twice), "1003");
    assert_eq!(balancer(&mut world, BALANCER), before);
    assert!(matches!(
        patch(&mut world, unknown, json!({})),
        Answer::Error { status: 404, .. }
    ));
}

#[test]
fn health_is_a_map_by_city() {
    let mut world = demo();
    let cities = health(&mut world, POOL_A);
    assert_eq!(cities.as_object().map(serde_json::Map::len), Some(7));
    let toronto = &cities["Toronto, CA"];
    assert_eq!(toronto["healthy"], json!(true));
    let origin = &toronto["origins"][0]["cac1.shop-ca.example.com"];
    assert_eq!(origin["response_code"], json!(200));
    assert!(origin["rtt"].as_str().is_some_and(|rtt| rtt.ends_with("ms")));
}

#[test]
fn a_dead_region_turns_unhealthy_city_by_city_within_interval_and_timeouts() {
    let mut world = demo();
    wait(&mut world, 20);
    world.inject(down(CA));
    let mut partly = false;
    until(&mut world, "all cities", |world| {
        let cities = health(world, POOL_A);
        let cities = cities.as_object().expect("a map").values();
        let down = cities.filter(|city| city["healthy"] == json!(false)).count();
        partly |= down > 0 && down < 7;
        down == 7
    });
    assert!(partly, "cities do not agree all at once");
    let died = world.setup().start + 20_000;
    assert!(world.now() - died <= 26_000);
    // shop-west's pool in us-west-2 is as before.
    assert_eq!(shop(&world, "shop-west").pool_health[WEST], Some(true));
}

#[test]
fn a_disabled_pool_is_not_monitored_and_gets_nobody() {
    let mut world = demo();
    enable(&mut world, POOL_A, false);
    wait(&mut world, 60);
    assert_eq!(health(&mut world, POOL_A), json!({}));
    assert_eq!(regions(&lately(&world, SHOP, 30)), [WEST]);
    enable(&mut world, POOL_A, true);
    assert_eq!(health(&mut world, POOL_A), json!({}), "unknown until it is checked");
    wait(&mut world, 60);
    assert_eq!(regions(&lately(&world, SHOP, 30)), [CA]);
    let noted = world.ledger().events.iter().any(
        |event| matches!(&event.what, What::Pool { pool, enabled: false, healthy: None, .. } if **pool == *POOL_A),
    );
    assert!(noted);
}

#[test]
fn a_pool_in_no_list_may_not_be_monitored() {
    for monitored in [true, false] {
        let mut setup = Setup::demo();
        setup.habits.unlisted_pools_monitored = monitored;
        let mut world = World::new(setup, 1);
        patch(
            &mut world,
            BALANCER,
            json!({"default_pools": [POOL_B], "fallback_pool": POOL_B}),
        );
        wait(&mut world, 60);
        assert_eq!(health(&mut world, POOL_A) != json!({}), monitored);
    }
}

#[test]
fn with_everything_down_the_fallback_gets_the_traffic_whatever_its_health() {
    let mut world = demo();
    for region in [CA, WEST] {
        world.inject(Fault::ServicesDown {
            shop: SHOP.into(),
            region: region.into(),
        });
    }
    wait(&mut world, 60);
    let meetings = lately(&world, SHOP, 20);
    assert_eq!(regions(&meetings), [CA]);
    assert!(meetings.iter().all(|m| m.fallback && m.acknowledged.is_empty()));
    patch(&mut world, BALANCER, json!({"fallback_pool": POOL_B}));
    wait(&mut world, 30);
    assert_eq!(regions(&lately(&world, SHOP, 20)), [WEST]);
    enable(&mut world, POOL_B, false);
    wait(&mut world, 30);
    assert_eq!(regions(&lately(&world, SHOP, 20)), ["-"], "error 1016");
}

#[test]
fn failover_order_takes_the_first_healthy_pool() {
    let mut world = demo();
    world.inject(Fault::ServicesDown {
        shop: SHOP.into(),
        region: CA.into(),
    });
    wait(&mut world, 60);
    // The other region's services reach the writer, which lives.
    let meetings = lately(&world, SHOP, 20);
    assert_eq!(regions(&meetings), [WEST]);
    assert!(meetings.iter().all(|m| m.acknowledged.keys().all(|i| **i == *A)));
    assert!(meetings.iter().any(|m| !m.acknowledged.is_empty()));
}

#[test]
fn geo_steering_follows_the_shoppers_region() {
    let mut world = demo();
    wait(&mut world, 300);
    let meetings = lately(&world, "shop-geo", 300);
    assert_eq!(regions(&meetings), [CA, WEST]);
    let west = meetings.iter().filter(|m| m.region.as_deref() == Some(WEST));
    assert!(west.clone().count() > 0);
    assert!(west.clone().all(|m| m.mapped), "only the lists send them there");
    // Tokyo stands in no list: it goes by default_pools.
    assert!(meetings.iter().any(|m| !m.mapped && !m.fallback));
    // The default order does not move geo-steered users.
    patch(
        &mut world,
        GEO_BALANCER,
        json!({"default_pools": [GEO_WEST, GEO_EAST], "fallback_pool": GEO_WEST}),
    );
    wait(&mut world, 60);
    let east = |world: &World| {
        let meetings = lately(world, "shop-geo", 50);
        let east = meetings.iter().filter(|m| m.region.as_deref() == Some(CA));
        (east.clone().count(), east.filter(|m| !m.mapped).count())
    };
    assert!(matches!(east(&world), (1.., 0)), "{:?}", east(&world));
    // Out of every list: nobody.
    let only_west = json!({
        "default_pools": [GEO_WEST],
        "region_pools": {"ENAM": [GEO_WEST], "WEU": [GEO_WEST], "WNAM": [GEO_WEST], "OC": [GEO_WEST]},
    });
    patch(&mut world, GEO_BALANCER, only_west);
    wait(&mut world, 60);
    assert_eq!(east(&world), (0, 0));
    let listed = world.ledger().events.iter().rev().find_map(|e| match &e.what {
        What::Balancer { lists, .. } => Some(lists.keys().cloned().collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(listed.expect("noted")[..], [GEO_WEST.into()]);
}

#[test]
fn dns_only_balancers_are_followed_one_ttl_later() {
    let mut setup = Setup::demo();
    setup.shops[0].balancers[0].proxied = false;
    setup.shops[0].balancers[0].ttl = 300;
    let mut world = World::new(setup, 2);
    wait(&mut world, 100);
    patch(
        &mut world,
        BALANCER,
        json!({"default_pools": [POOL_B], "fallback_pool": POOL_B}),
    );
    wait(&mut world, 100);
    assert!(regions(&lately(&world, SHOP, 60)).contains(&CA.to_owned()));
    wait(&mut world, 250);
    assert_eq!(regions(&lately(&world, SHOP, 40)), [WEST]);
}

#[test]
fn beyond_the_quota_everything_is_refused_for_five_minutes() {
    let mut setup = Setup::demo();
    setup.timing.cloudflare_quota = 100;
    let mut world = World::new(setup, 2);
    let zone = world.setup().cloudflare_zone.clone();
    let list = || cloudflare(CloudflareOp::ListBalancers { zone: zone.clone() });
    for _ in 0..100 {
        assert_eq!(code(&answer(&mut world, list())), "");
    }
    assert!(matches!(answer(&mut world, list()), Answer::Error { status: 429, .. }));
    wait(&mut world, 299);
    assert!(matches!(answer(&mut world, list()), Answer::Error { status: 429, .. }));
    wait(&mut world, 1);
    assert_eq!(code(&answer(&mut world, list())), "");
}
