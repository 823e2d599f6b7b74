//! Faults of instances: what RDS says of them, and what their processes do.

use crate::*;
use breakwater_sim::ledger::What;

fn show(world: &mut World, region: &str, text: &str) -> breakwater_sim::FaultId {
    let json = format!(r#"{{"kind": "instance-status", "shop": "shop-ca", "region": "{region}", "status": "{text}"}}"#);
    world.inject(fault(&json))
}

#[test]
fn multi_az_recovers_within_two_minutes() {
    for seed in 0..10 {
        let mut world = World::new(Setup::demo(), seed);
        wait(&mut world, 30);
        let start = world.now();
        world.inject(fault(
            r#"{"kind": "database-recovers", "shop": "shop-ca", "region": "ca-central-1"}"#,
        ));
        assert!(!writable(&world, A));
        assert_eq!(describe(&mut world, CA, A).status, "available");
        until(&mut world, "recovery", |world| writable(world, A));
        let took = world.now() - start;
        assert!((60_000..=121_000).contains(&took), "{took}");
        assert!(world.glance().faults.is_empty(), "it ended by itself");
        until(&mut world, "link", |world| {
            shop(world, SHOP).instances[1].link_flows == Some(true)
        });
    }
    let mut world = demo();
    let json =
        r#"{"kind": "database-recovers", "shop": "shop-ca", "region": "ca-central-1", "recovers_after_seconds": 300}"#;
    world.inject(fault(json));
    wait(&mut world, 299);
    assert!(!writable(&world, A));
    wait(&mut world, 1);
    assert!(writable(&world, A));
}

#[test]
fn a_full_disk_lives_and_takes_no_writes() {
    let mut world = demo();
    wait(&mut world, 60);
    let id = show(&mut world, CA, "storage-full");
    assert_eq!(describe(&mut world, CA, A).status, "storage-full");
    assert_eq!(shop(&world, SHOP).instances[0].status, "storage-full");
    assert!(!writable(&world, A));
    let before = world.ledger().absent.len();
    for side in ["cac1", "usw2"] {
        let proof = proof(&mut world, side).expect("a proof");
        assert_eq!(proof["writer"]["writable"], false);
        assert!(proof["writer"]["serverUuid"].is_string(), "it lives: {proof}");
        assert_eq!(proof["writer"]["reason"], "the table is full");
    }
    assert_eq!(health(&mut world, Vantage::Controller, "cac1", "checkout"), 503);
    assert_eq!(health(&mut world, Vantage::Controller, "cac1", "search"), 200);
    wait(&mut world, 300);
    assert_eq!(shop(&world, SHOP).instances[1].link_flows, Some(true));
    assert_eq!(describe(&mut world, WEST, B).status_infos[0].status, "replicating");
    assert_eq!(world.ledger().absent.len(), before);
    world.clear(id);
    assert!(writable(&world, A));
}

#[test]
fn every_status_does_what_it_implies() {
    let works = [
        "backing-up",
        "modifying",
        "storage-optimization",
        "configuring-enhanced-monitoring",
        "renaming",
        "a-status-of-next-year",
    ];
    let dead = [
        "rebooting",
        "upgrading",
        "maintenance",
        "starting",
        "stopped",
        "failed",
        "incompatible-restore",
        "inaccessible-encryption-credentials",
        "deleting",
    ];
    for (statuses, lives) in [(&works[..], true), (&dead[..], false)] {
        for text in statuses {
            let mut world = demo();
            wait(&mut world, 60);
            let id = show(&mut world, CA, text);
            assert_eq!(describe(&mut world, CA, A).status, *text);
            assert_eq!(writable(&world, A), lives, "{text}");
            let proof = proof(&mut world, "cac1").expect("a proof");
            assert_eq!(proof["writer"]["writable"], lives, "{text}");
            assert_eq!(proof["writer"]["serverUuid"].is_string(), lives, "{text}");
            let noted = world.ledger().events.iter().rev().find_map(|event| match &event.what {
                What::Instance { instance, status, .. } if **instance == *A => Some(status.clone()),
                _ => None,
            });
            assert_eq!(noted.as_deref(), Some(*text));
            world.clear(id);
            assert_eq!(describe(&mut world, CA, A).status, "available");
            assert!(writable(&world, A));
        }
    }
}

#[test]
fn the_flag_overrules_the_status() {
    for (flag, writes) in [(true, true), (false, false)] {
        let mut world = demo();
        let json = format!(
            r#"{{"kind": "instance-status", "shop": "shop-ca", "region": "ca-central-1", "status": "failed",
                "takes_writes": {flag}}}"#
        );
        world.inject(fault(&json));
        assert_eq!(writable(&world, A), writes);
        let proof = proof(&mut world, "cac1").expect("a proof");
        assert!(proof["writer"]["serverUuid"].is_string(), "it runs either way");
    }
}

#[test]
fn rds_promotes_in_some_statuses_and_not_in_others() {
    for text in [
        "backing-up",
        "modifying",
        "rebooting",
        "upgrading",
        "storage-full",
        "creating",
        "unheard-of",
    ] {
        let mut world = demo();
        let id = show(&mut world, WEST, text);
        assert_eq!(code(&promote(&mut world).answer), "InvalidDBInstanceState", "{text}");
        world.clear(id);
        assert_eq!(code(&promote(&mut world).answer), "");
    }
    for text in ["storage-optimization", "configuring-enhanced-monitoring"] {
        let mut world = demo();
        show(&mut world, WEST, text);
        assert_eq!(code(&promote(&mut world).answer), "", "{text}");
        assert!(
            world.glance().faults.is_empty(),
            "the promotion's course is shown from now on"
        );
        until(&mut world, "promoted", |world| {
            let now = describe(world, WEST, B);
            now.status == "available" && now.replica_source.is_none()
        });
    }
}

#[test]
fn an_instance_that_is_gone_is_not_found() {
    let mut world = demo();
    wait(&mut world, 60);
    let id = world.inject(fault(
        r#"{"kind": "instance-gone", "shop": "shop-ca", "region": "ca-central-1"}"#,
    ));
    let by_name = RdsOp::DescribeInstances {
        id: Some(A.into()),
        max_records: 100,
        marker: None,
    };
    assert_eq!(code(&answer(&mut world, rds(CA, by_name))), "DBInstanceNotFound");
    let all = RdsOp::DescribeInstances {
        id: None,
        max_records: 100,
        marker: None,
    };
    let Answer::Instances { instances, .. } = answer(&mut world, rds(CA, all)) else {
        panic!("no list");
    };
    assert!(!instances.is_empty() && instances.iter().all(|instance| instance.id != A));
    assert!(!writable(&world, A));
    assert_eq!(
        proof(&mut world, "cac1").expect("a proof")["writer"]["serverUuid"],
        serde_json::Value::Null
    );
    world.clear(id);
    assert_eq!(describe(&mut world, CA, A).status, "available");
}

#[test]
fn a_replaced_instance_has_another_resource_id() {
    let mut world = demo();
    let before = describe(&mut world, WEST, B);
    let id = world.inject(fault(
        r#"{"kind": "instance-replaced", "shop": "shop-ca", "region": "us-west-2"}"#,
    ));
    let after = describe(&mut world, WEST, B);
    assert_ne!(after.resource_id, before.resource_id);
    assert_eq!(after.resource_id.len(), before.resource_id.len());
    assert_eq!(
        (after.id, after.arn, after.replica_source),
        (before.id, before.arn, before.replica_source)
    );
    world.clear(id);
    assert_eq!(describe(&mut world, WEST, B).resource_id, before.resource_id);
}
