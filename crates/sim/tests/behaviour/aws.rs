//! RDS, CloudWatch, STS.

use crate::*;
use breakwater_sim::{CloudWatchOp, MetricQuery, Millis, StsOp};
use std::collections::BTreeMap;

fn samples(world: &mut World, region: &str, metric: &str, id: &str) -> Vec<(Millis, f64)> {
    let (start, end) = (world.now() - 3_600_000, world.now() + 1);
    let query = MetricQuery {
        id: "q1".into(),
        metric: metric.into(),
        instance: id.into(),
        period: 60,
        stat: "Maximum".into(),
    };
    let request = Request::CloudWatch {
        region: region.into(),
        op: CloudWatchOp::GetMetricData {
            queries: vec![query],
            start,
            end,
        },
    };
    match answer(world, request) {
        Answer::MetricData(mut results) => results.remove(0).samples,
        other => panic!("{other:?}"),
    }
}

fn set_read_only(world: &mut World, region: &str, group: &str, value: &str) -> Answer {
    let op = RdsOp::ModifyParameter {
        group: group.into(),
        name: "read_only".into(),
        value: value.into(),
    };
    answer(world, rds(region, op))
}

#[test]
fn a_promotion_takes_its_course() {
    for seed in 0..20 {
        let mut world = World::new(Setup::demo(), seed);
        wait(&mut world, 120);
        let before = describe(&mut world, WEST, B);
        assert_eq!(before.status, "available");
        assert_eq!(before.backup_retention_period, 0);
        let source = before.replica_source.clone().expect("a replica");
        assert!(source.ends_with(A) && source.contains(CA), "{source}");

        match promote(&mut world).answer {
            Answer::Instance(instance) => {
                assert_eq!(instance.status, "modifying");
                assert_eq!(instance.replica_source, before.replica_source);
            }
            other => panic!("{other:?}"),
        }
        let mut seen: Vec<(String, bool)> = Vec::new();
        until(&mut world, "available again", |world| {
            let now = describe(world, WEST, B);
            let step = (now.status.clone(), now.replica_source.is_some());
            if seen.last() != Some(&step) {
                seen.push(step);
            }
            let is_writable = writable(world, B);
            assert_eq!(
                is_writable,
                ["backing-up", "available"].contains(&now.status.as_str()) && now.replica_source.is_none(),
                "{seen:?}"
            );
            assert_eq!(now.status_infos.is_empty(), now.replica_source.is_none());
            now.status == "available" && now.replica_source.is_none()
        });
        let course: Vec<(&str, bool)> = seen.iter().map(|(s, r)| (s.as_str(), *r)).collect();
        let rest = [
            ("modifying", true),
            ("rebooting", true),
            ("backing-up", false),
            ("available", false),
        ];
        assert!(
            course == rest || (course[0] == ("available", true) && course[1..] == rest),
            "{course:?}"
        );
        let after = describe(&mut world, WEST, B);
        assert_eq!(after.backup_retention_period, 7);
        assert_eq!(after.resource_id, before.resource_id);
        // The old source was not touched by any of it.
        assert!(writable(&world, A));
    }
}

#[test]
fn a_second_promotion_is_refused_even_while_the_first_is_not_seen() {
    let mut setup = Setup::demo();
    setup.timing.promotion_unseen = (10_000, 10_000);
    let mut world = World::new(setup, 1);
    promote(&mut world);
    wait(&mut world, 1);
    assert_eq!(describe(&mut world, WEST, B).status, "available");
    assert_eq!(code(&promote(&mut world).answer), "InvalidDBInstanceState");
    wait(&mut world, 600);
    assert_eq!(code(&promote(&mut world).answer), "InvalidDBInstanceState");
    let accepted = world.ledger().calls().filter(|(_, call)| {
        call.op == "promote-read-replica" && call.effect == breakwater_sim::ledger::Effect::Applied
    });
    assert_eq!(accepted.count(), 1);
}

#[test]
fn the_source_may_vanish_before_the_reboot_ends() {
    let mut setup = Setup::demo();
    setup.habits.source_vanishes_early = true;
    let mut world = World::new(setup, 3);
    promote(&mut world);
    until(&mut world, "reboot", |world| {
        describe(world, WEST, B).status == "rebooting"
    });
    let instance = describe(&mut world, WEST, B);
    assert_eq!(instance.replica_source, None);
    assert!(!writable(&world, B));
    assert!(!instance.status_infos.is_empty());
}

#[test]
fn describe_pages_in_order_and_knows_what_is_missing() {
    let mut world = demo();
    let mut page = |marker: Option<String>| {
        let op = RdsOp::DescribeInstances {
            id: None,
            max_records: 2,
            marker,
        };
        match answer(&mut world, rds(CA, op)) {
            Answer::Instances { instances, marker } => {
                (instances.into_iter().map(|i| i.id).collect::<Vec<_>>(), marker)
            }
            other => panic!("{other:?}"),
        }
    };
    let (first, marker) = page(None);
    assert_eq!(first, ["shop-ca-cac1", "shop-geo-cac1"]);
    let (second, end) = page(marker);
    assert_eq!(second, ["shop-west-cac1"]);
    assert_eq!(end, None);

    let op = RdsOp::DescribeInstances {
        id: Some("nobody".into()),
        max_records: 100,
        marker: None,
    };
    let missing = answer(&mut world, rds(CA, op));
    assert!(matches!(&missing, Answer::Error { status: 404, .. }));
    assert_eq!(code(&missing), "DBInstanceNotFound");
}

#[test]
fn read_only_reaches_the_instance_later() {
    let mut world = demo();
    let group = describe(&mut world, CA, A).parameter_group;
    assert!(writable(&world, A));
    set_read_only(&mut world, CA, &group, "1");
    assert_eq!(describe(&mut world, CA, A).parameter_apply_status, "applying");
    assert!(writable(&world, A), "not before it reached the instance");
    let op = RdsOp::DescribeParameters { group: group.clone() };
    match answer(&mut world, rds(CA, op)) {
        Answer::Parameters(all) => {
            let read_only = all.iter().find(|p| p.name == "read_only").expect("there");
            assert_eq!(read_only.value, "1");
        }
        other => panic!("{other:?}"),
    }
    wait(&mut world, 61);
    assert_eq!(describe(&mut world, CA, A).parameter_apply_status, "in-sync");
    assert!(!writable(&world, A));
    // Undone before it arrived: what counts is the newest value.
    set_read_only(&mut world, CA, &group, "0");
    set_read_only(&mut world, CA, &group, "{TrueIfReplica}");
    wait(&mut world, 61);
    assert!(writable(&world, A));
}

#[test]
fn groups_that_cannot_be_changed() {
    let mut setup = Setup::demo();
    setup.shops[0].primary.parameter_group = "default.mysql8.0".into();
    let mut world = World::new(setup, 1);
    let refusal = set_read_only(&mut world, CA, "default.mysql8.0", "1");
    assert_eq!(code(&refusal), "InvalidParameterValue");
    let missing = set_read_only(&mut world, CA, "nobody", "1");
    assert_eq!(code(&missing), "DBParameterGroupNotFound");
    wait(&mut world, 120);
    assert!(writable(&world, A));
}

#[test]
fn a_shared_group_changes_all_its_instances() {
    let mut setup = Setup::demo();
    let group = setup.shops[0].primary.parameter_group.clone();
    setup.shops[1].primary.parameter_group.clone_from(&group);
    let mut world = World::new(setup, 1);
    set_read_only(&mut world, CA, &group, "1");
    wait(&mut world, 61);
    assert!(!writable(&world, A));
    assert!(!writable(&world, "shop-geo-cac1"));
}

#[test]
fn stop_is_refused_until_the_replica_is_forgotten() {
    let mut world = demo();
    let stop =
        |world: &mut World, region: &str, id: &str| answer(world, rds(region, RdsOp::StopInstance { id: id.into() }));
    assert_eq!(code(&stop(&mut world, CA, A)), "InvalidDBInstanceState");
    assert_eq!(code(&stop(&mut world, WEST, B)), "InvalidDBInstanceState");
    promote(&mut world);
    until(&mut world, "promoted", |world| writable(world, B));
    assert_eq!(describe(&mut world, CA, A).replicas.len(), 1);
    assert_eq!(code(&stop(&mut world, CA, A)), "InvalidDBInstanceState");
    until(&mut world, "forgotten", |world| {
        describe(world, CA, A).replicas.is_empty()
    });
    assert_eq!(code(&stop(&mut world, CA, A)), "");
    assert_eq!(describe(&mut world, CA, A).status, "stopping");
    until(&mut world, "stopped", |world| {
        describe(world, CA, A).status == "stopped"
    });
    assert!(!writable(&world, A));
    assert_eq!(code(&stop(&mut world, CA, A)), "InvalidDBInstanceState");
}

#[test]
fn what_is_stopped_is_started_by_rds_on_the_seventh_day() {
    let mut setup = Setup::demo();
    setup.shops.truncate(1);
    setup.shops[0].orders_per_second = 0.0;
    setup.habits.stop_refused_with_replica = false;
    let mut world = World::new(setup, 5);
    answer(&mut world, rds(CA, RdsOp::StopInstance { id: A.into() }));
    wait(&mut world, 6 * 86_400);
    assert_eq!(describe(&mut world, CA, A).status, "stopped");
    wait(&mut world, 86_400 + 400);
    assert_eq!(describe(&mut world, CA, A).status, "available");
    assert!(writable(&world, A));
}

#[test]
fn tags_are_kept_and_removed() {
    let mut world = demo();
    let arn = describe(&mut world, CA, A).arn;
    let op = RdsOp::AddTags {
        arn: arn.clone(),
        tags: BTreeMap::from([("breakwater:epoch".into(), "3".into())]),
    };
    assert_eq!(answer(&mut world, rds(CA, op)), Answer::Done);
    let tags = describe(&mut world, CA, A).tags;
    assert_eq!(tags.get("breakwater:epoch").map(String::as_str), Some("3"));
    let op = RdsOp::RemoveTags {
        arn,
        keys: vec!["breakwater:epoch".into()],
    };
    answer(&mut world, rds(CA, op));
    assert!(describe(&mut world, CA, A).tags.is_empty());
    let op = RdsOp::AddTags {
        arn: "arn:aws:rds:ca-central-1:1:db:x".into(),
        tags: BTreeMap::new(),
    };
    assert_eq!(code(&answer(&mut world, rds(CA, op))), "DBInstanceNotFound");
}

#[test]
fn lag_is_sampled_once_a_minute_and_published_late() {
    let mut world = demo();
    wait(&mut world, 600);
    let lag = samples(&mut world, WEST, "ReplicaLag", B);
    let now = world.now();
    assert!(lag.len() >= 10, "{lag:?}");
    assert!(lag.windows(2).all(|w| w[0].0 - w[1].0 == 60_000));
    assert!(lag.iter().all(|(at, _)| at % 60_000 == 0));
    assert!(now - lag[0].0 >= 60_000, "published at least a minute late");
    assert!(now - lag[0].0 <= 240_000);
    assert!(lag.iter().all(|(_, value)| *value == 0.0));
    assert!(!samples(&mut world, CA, "CPUUtilization", A).is_empty());
    assert!(samples(&mut world, CA, "ReplicaLag", A).is_empty());
    assert!(samples(&mut world, CA, "ReplicaLag", B).is_empty());
}

#[test]
fn a_silently_dead_link_reads_zero_for_a_minute_and_then_minus_one() {
    let mut world = demo();
    wait(&mut world, 605);
    let died = world.now();
    let fault = world.inject(Fault::LinkLost { shop: SHOP.into() });
    wait(&mut world, 59);
    assert_eq!(describe(&mut world, WEST, B).status_infos[0].status, "replicating");
    wait(&mut world, 2);
    let info = describe(&mut world, WEST, B).status_infos.remove(0);
    assert_eq!((info.status.as_str(), info.normal), ("error", false));
    wait(&mut world, 300);
    let lag = samples(&mut world, WEST, "ReplicaLag", B);
    for (at, value) in &lag {
        let expected = if *at >= died + 60_000 { -1.0 } else { 0.0 };
        assert_eq!(*value, expected, "at {at}, died {died}");
    }
    assert_eq!(lag[0].1, -1.0);
    assert!(writable(&world, A), "nobody else notices");

    world.clear(fault);
    wait(&mut world, 400);
    assert_eq!(samples(&mut world, WEST, "ReplicaLag", B)[0].1, 0.0);
    assert!(describe(&mut world, WEST, B).status_infos[0].normal);
    assert!(shop(&world, SHOP).instances[1].behind_millis < Some(2000));
}

#[test]
fn a_dead_link_may_also_leave_no_samples() {
    let mut setup = Setup::demo();
    setup.habits.dead_link_is_minus_one = false;
    setup.habits.dead_link_is_error = false;
    let mut world = World::new(setup, 1);
    let died = world.now();
    world.inject(down(CA));
    wait(&mut world, 600);
    let lag = samples(&mut world, WEST, "ReplicaLag", B);
    assert!(lag[0].0 < died + 60_000);
    let cpu = samples(&mut world, WEST, "CPUUtilization", B);
    assert!(cpu[0].0 - lag[0].0 >= 120_000, "the other metrics go on");
    assert!(describe(&mut world, WEST, B).status_infos[0].normal);
}

#[test]
fn a_region_that_is_down_takes_no_samples() {
    let mut world = demo();
    wait(&mut world, 300);
    let from = world.now();
    let fault = world.inject(down(WEST));
    wait(&mut world, 300);
    let to = world.now();
    world.clear(fault);
    wait(&mut world, 600);
    let cpu = samples(&mut world, WEST, "CPUUtilization", B);
    assert!(cpu.iter().all(|(at, _)| *at <= from || *at >= to));
    assert!(cpu[0].0 > to);
}

#[test]
fn roles_want_their_external_id() {
    let mut setup = Setup::demo();
    setup.roles = vec![breakwater_sim::RoleSetup {
        arn: "arn:aws:iam::111122223333:role/breakwater".into(),
        external_id: Some("demo/production".into()),
    }];
    let mut world = World::new(setup, 1);
    let mut assume = |external: Option<&str>| {
        let request = Request::Sts {
            region: WEST.into(),
            op: StsOp::AssumeRole {
                role_arn: "arn:aws:iam::111122223333:role/breakwater".into(),
                session_name: "x".into(),
                external_id: external.map(str::to_owned),
            },
        };
        answer(&mut world, request)
    };
    assert_eq!(code(&assume(Some("other"))), "AccessDenied");
    assert_eq!(code(&assume(None)), "AccessDenied");
    match assume(Some("demo/production")) {
        Answer::Credentials { arn, .. } => {
            assert_eq!(arn, "arn:aws:sts::111122223333:assumed-role/breakwater/x");
        }
        other => panic!("{other:?}"),
    }
}
