//! Faults of services.

use crate::*;

#[test]
fn a_brownout_fails_half_and_slows_the_rest() {
    let mut world = demo();
    wait(&mut world, 30);
    let id = world.inject(fault(
        r#"{"kind": "brownout", "shop": "shop-ca", "region": "ca-central-1"}"#,
    ));
    let before = shop(&world, SHOP).totals;
    let url = "https://cac1.shop-ca.example.com/search/-/health";
    let (mut failed, mut slow) = (0, 0);
    for _ in 0..400 {
        wait(&mut world, 1);
        let reply = http(&mut world, Vantage::Controller, url);
        match (status(&reply), &reply.delivery) {
            (503, _) => failed += 1,
            (200, Delivery::After(after)) => {
                assert!((510..=2_650).contains(after), "{after}");
                slow += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!((140..=260).contains(&failed) && slow == 400 - failed, "{failed} failed");
    let after = shop(&world, SHOP).totals;
    assert!(after.refused > before.refused + 200, "shoppers suffer");
    assert!(after.acknowledged > before.acknowledged + 200, "half of them buy");
    assert_eq!(health(&mut world, Vantage::Controller, "usw2", "search"), 200);
    // Proofs are answers of the same processes.
    let proofs = (0..100).filter(|_| proof(&mut world, "cac1").is_some()).count();
    assert!((25..=75).contains(&proofs), "{proofs}");
    world.clear(id);
    for _ in 0..20 {
        assert_eq!(health(&mut world, Vantage::Controller, "cac1", "search"), 200);
    }
}

#[test]
fn a_brownout_shows_at_the_edge_here_and_there() {
    let mut world = demo();
    world.inject(fault(
        r#"{"kind": "brownout", "shop": "shop-ca", "region": "ca-central-1"}"#,
    ));
    let (mut healthy, mut unhealthy) = (0, 0);
    for _ in 0..40 {
        wait(&mut world, 15);
        let op = CloudflareOp::PoolHealth {
            account: world.setup().cloudflare_account.clone(),
            id: POOL_A.into(),
        };
        let Answer::Cloudflare { result } = answer(&mut world, cloudflare(op)) else {
            panic!("no health");
        };
        for (_, city) in result["pop_health"].as_object().expect("a map") {
            match city["healthy"].as_bool() {
                Some(true) => healthy += 1,
                _ => unhealthy += 1,
            }
        }
    }
    // One retry: a quarter of the verdicts.
    let share = f64::from(unhealthy) / f64::from(healthy + unhealthy);
    assert!((0.15..=0.35).contains(&share), "{share}");
}

#[test]
fn a_bad_release_is_everywhere() {
    let mut world = demo();
    wait(&mut world, 30);
    let id = world.inject(fault(r#"{"kind": "bad-release", "shop": "shop-ca"}"#));
    for side in ["cac1", "usw2"] {
        for service in ["checkout", "catalogue", "search"] {
            assert_eq!(health(&mut world, Vantage::Controller, side, service), 500);
        }
        assert_eq!(proof(&mut world, side), None);
    }
    wait(&mut world, 60);
    let seen = shop(&world, SHOP);
    assert_eq!(seen.pool_health[CA], Some(false));
    assert_eq!(seen.pool_health[WEST], Some(false));
    assert!(writable(&world, A), "the database lives");
    assert_eq!(seen.instances[1].link_flows, Some(true));
    assert_eq!(shop(&world, "shop-geo").pool_health[CA], Some(true), "only this shop");
    world.clear(id);
    wait(&mut world, 60);
    assert_eq!(shop(&world, SHOP).pool_health[CA], Some(true));
}

#[test]
fn deep_checks_die_with_the_writer_in_both_regions() {
    let mut world = demo();
    wait(&mut world, 30);
    world.inject(fault(r#"{"kind": "deep-checks", "shop": "shop-ca"}"#));
    wait(&mut world, 30);
    assert_eq!(
        health(&mut world, Vantage::Controller, "usw2", "search"),
        200,
        "a habit does nothing"
    );
    let id = world.inject(fault(
        r#"{"kind": "database-down", "shop": "shop-ca", "region": "ca-central-1"}"#,
    ));
    for side in ["cac1", "usw2"] {
        for service in ["checkout", "catalogue", "search"] {
            assert_eq!(health(&mut world, Vantage::Controller, side, service), 503);
        }
    }
    world.clear(id);
    assert_eq!(health(&mut world, Vantage::Controller, "usw2", "search"), 200);
}

#[test]
fn flapping_services_go_down_and_come_up() {
    let mut world = demo();
    wait(&mut world, 30);
    let start = world.now();
    let json =
        r#"{"kind": "flapping", "shop": "shop-ca", "region": "ca-central-1", "up_seconds": 50, "down_seconds": 20}"#;
    let id = world.inject(fault(json));
    for (at, expected) in [(0, 503), (19, 503), (21, 200), (69, 200), (71, 503), (91, 200)] {
        world.advance(start + at * 1000);
        assert_eq!(
            health(&mut world, Vantage::Controller, "cac1", "search"),
            expected,
            "{at} s"
        );
        assert_eq!(health(&mut world, Vantage::Controller, "usw2", "search"), 200);
    }
    let turns: Vec<(i64, bool)> = world
        .ledger()
        .events
        .iter()
        .filter_map(|event| match event.what {
            breakwater_sim::ledger::What::Flapped { up, .. } => Some((event.at - start, up)),
            _ => None,
        })
        .collect();
    assert_eq!(turns, [(20_000, true), (70_000, false), (90_000, true)]);
    world.advance(start + 145_000);
    assert_eq!(health(&mut world, Vantage::Controller, "cac1", "search"), 503);
    world.clear(id);
    for _ in 0..200 {
        wait(&mut world, 1);
        assert_eq!(health(&mut world, Vantage::Controller, "cac1", "search"), 200);
    }
}
