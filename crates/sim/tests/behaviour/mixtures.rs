//! Faults on top of each other: whatever the mixture, the world goes on, is the same twice, and is well afterwards.

use crate::*;

const MIXTURE: [&str; 29] = [
    r#"{"kind": "region-down", "region": "ca-central-1"}"#,
    r#"{"kind": "region-down", "region": "us-east-1"}"#,
    r#"{"kind": "partition", "region": "ca-central-1"}"#,
    r#"{"kind": "link-lost", "shop": "shop-ca"}"#,
    r#"{"kind": "link-cut", "shop": "shop-ca"}"#,
    r#"{"kind": "sql-error", "shop": "shop-ca"}"#,
    r#"{"kind": "services-down", "shop": "shop-ca", "region": "ca-central-1"}"#,
    r#"{"kind": "brownout", "shop": "shop-ca", "region": "ca-central-1"}"#,
    r#"{"kind": "flapping", "shop": "shop-ca", "region": "ca-central-1", "up_seconds": 0, "down_seconds": 7}"#,
    r#"{"kind": "bad-release", "shop": "shop-ca"}"#,
    r#"{"kind": "deep-checks", "shop": "shop-ca"}"#,
    r#"{"kind": "database-down", "shop": "shop-ca", "region": "ca-central-1"}"#,
    r#"{"kind": "database-recovers", "shop": "shop-ca", "region": "ca-central-1"}"#,
    r#"{"kind": "instance-status", "shop": "shop-ca", "region": "us-west-2", "status": "upgrading"}"#,
    r#"{"kind": "instance-status", "shop": "shop-ca", "region": "ca-central-1", "status": "storage-full"}"#,
    r#"{"kind": "instance-gone", "shop": "shop-ca", "region": "us-west-2"}"#,
    r#"{"kind": "instance-replaced", "shop": "shop-ca", "region": "us-west-2"}"#,
    r#"{"kind": "lag-samples", "shop": "shop-ca", "missing": true, "every": 3}"#,
    r#"{"kind": "controller-cut-off"}"#,
    r#"{"kind": "route53-unreachable"}"#,
    r#"{"kind": "readback-lag", "seconds": 30}"#,
    r#"{"kind": "terraform", "shop": "shop-ca", "every_seconds": 45}"#,
    r#"{"kind": "api-throttling", "api": "cloudflare"}"#,
    r#"{"kind": "api-denied", "api": "rds", "region": "us-west-2"}"#,
    r#"{"kind": "api-truncated", "api": "cloud-watch"}"#,
    r#"{"kind": "clock-refused"}"#,
    r#"{"kind": "spoil-replies", "api": "http", "count": 3}"#,
    r#"{"kind": "duplicate-effects", "api": "cloudflare", "count": 2}"#,
    r#"{"kind": "delay", "api": "rds", "millis": 3000}"#,
];

/// An hour of faults that come and go, and of somebody who asks and changes things; then they all end.
fn hour(seed: u64) -> World {
    let mut world = World::new(Setup::demo(), seed);
    let mut number = seed;
    let mut draw = |below: usize| {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(number >> 33).expect("31 bits") % below
    };
    let mut faults = Vec::new();
    for _ in 0..120 {
        wait(&mut world, 30);
        match draw(3) {
            0 => faults.push(world.inject(fault(MIXTURE[draw(MIXTURE.len())]))),
            1 if !faults.is_empty() => {
                let index = draw(faults.len());
                world.clear(faults.swap_remove(index));
            }
            _ => {}
        }
        let pools = if draw(2) == 0 {
            [POOL_A, POOL_B]
        } else {
            [POOL_B, POOL_A]
        };
        let patch = CloudflareOp::PatchBalancer {
            zone: world.setup().cloudflare_zone.clone(),
            id: BALANCER.into(),
            patch: serde_json::json!({ "default_pools": pools }),
        };
        ask(&mut world, cloudflare(patch));
        health(&mut world, Vantage::Controller, "cac1", "checkout");
        proof(&mut world, "usw2");
        let op = RdsOp::DescribeInstances {
            id: None,
            max_records: 100,
            marker: None,
        };
        ask(&mut world, rds(WEST, op));
    }
    world.clear_all();
    wait(&mut world, 600);
    world
}

#[test]
fn every_mixture_ends_well_and_the_same() {
    for seed in 0..12 {
        let mut world = hour(seed);
        assert_eq!(world.ledger().hash(), hour(seed).ledger().hash(), "{seed}");
        assert!(world.glance().faults.is_empty());
        assert!(writable(&world, A) && !writable(&world, B), "{seed}");
        let seen = shop(&world, SHOP);
        assert_eq!(seen.instances[1].link_flows, Some(true), "{seed}");
        assert!(seen.instances[1].behind_millis < Some(2_000), "{seed}");
        assert_eq!(
            (seen.pool_health[CA], seen.pool_health[WEST]),
            (Some(true), Some(true)),
            "{seed}"
        );
        assert_eq!(describe(&mut world, WEST, B).status, "available");
        assert_eq!(health(&mut world, Vantage::Controller, "cac1", "checkout"), 200);
    }
}
