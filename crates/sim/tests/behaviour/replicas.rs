//! New replicas in another region, and copies of parameter groups.

use crate::*;
use breakwater_sim::Shape;
use std::collections::BTreeMap;

const NEW: &str = "shop-ca-usw2-e2";

/// A replica of shop-ca's writer in the west, like the one that is there.
fn create(world: &mut World, id: &str, change: impl Fn(&mut Shape)) -> Answer {
    let (source, like) = (describe(world, CA, A), describe(world, WEST, B));
    let mut shape = like.shape;
    change(&mut shape);
    let op = RdsOp::CreateReadReplica {
        id: id.into(),
        source: source.arn,
        group: None,
        shape,
        tags: BTreeMap::from([("breakwater:owner".into(), "me".into())]),
    };
    answer(world, rds(WEST, op))
}

#[test]
fn a_replica_is_listed_at_once_and_follows_once_it_is_made() {
    let mut world = demo();
    wait(&mut world, 60);
    let Answer::Instance(made) = create(&mut world, NEW, |_| {}) else {
        panic!("refused");
    };
    assert_eq!(made.status, "creating");
    assert_eq!(made.replica_source, Some(describe(&mut world, CA, A).arn));
    assert_eq!(made.backup_retention_period, 0, "a replica keeps no backups");
    assert_eq!(made.tags["breakwater:owner"], "me");
    assert!(describe(&mut world, CA, A).replicas.contains(&made.arn));
    wait(&mut world, 19 * 60);
    assert_eq!(describe(&mut world, WEST, NEW).status, "creating");
    wait(&mut world, 22 * 60);
    let there = describe(&mut world, WEST, NEW);
    assert_eq!(there.status, "available");
    assert_eq!(there.status_infos[0].status, "replicating");
    wait(&mut world, 300);
    let glance = shop(&world, SHOP).instances;
    let own = glance.iter().find(|own| *own.instance == *NEW).expect("it is there");
    assert_eq!((own.link_flows, own.writable), (Some(true), false));
    assert!(own.behind_millis.is_some_and(|behind| behind < 5_000), "{own:?}");
}

#[test]
fn what_rds_makes_no_replica_of() {
    let mut world = demo();
    let refused = |answer: Answer| code(&answer).to_owned();
    assert_eq!(refused(create(&mut world, B, |_| {})), "DBInstanceAlreadyExists");
    let keyless = create(&mut world, NEW, |shape| shape.kms_key = None);
    assert_eq!(refused(keyless), "InvalidParameterCombination");
    // Of a replica, which keeps no backups.
    let source = describe(&mut world, WEST, B);
    let op = RdsOp::CreateReadReplica {
        id: NEW.into(),
        source: source.arn,
        group: None,
        shape: source.shape,
        tags: BTreeMap::new(),
    };
    assert_eq!(refused(answer(&mut world, rds(CA, op))), "InvalidDBInstanceState");
    let unknown = RdsOp::CreateReadReplica {
        id: NEW.into(),
        source: describe(&mut world, CA, A).arn,
        group: Some("none".into()),
        shape: describe(&mut world, WEST, B).shape,
        tags: BTreeMap::new(),
    };
    assert_eq!(
        refused(answer(&mut world, rds(WEST, unknown))),
        "DBParameterGroupNotFound"
    );
    let arn = describe(&mut world, CA, A).arn;
    world.inject(down(CA));
    let op = RdsOp::CreateReadReplica {
        id: NEW.into(),
        source: arn,
        group: None,
        shape: describe(&mut world, WEST, B).shape,
        tags: BTreeMap::new(),
    };
    assert_eq!(refused(answer(&mut world, rds(WEST, op))), "InvalidDBInstanceState");
}

#[test]
fn a_copied_group_says_what_its_original_says_and_goes_its_own_way() {
    let mut world = demo();
    let group = describe(&mut world, WEST, B).parameter_group;
    let set = |world: &mut World, group: &str, value: &str| {
        let op = RdsOp::ModifyParameter {
            group: group.into(),
            name: "read_only".into(),
            value: value.into(),
        };
        answer(world, rds(WEST, op))
    };
    let says = |world: &mut World, group: &str| {
        let op = RdsOp::DescribeParameters { group: group.into() };
        match answer(world, rds(WEST, op)) {
            Answer::Parameters(all) => all.into_iter().find(|own| own.name == "read_only").map(|own| own.value),
            other => panic!("{other:?}"),
        }
    };
    set(&mut world, &group, "1");
    let copy = RdsOp::CopyGroup {
        from: group.clone(),
        to: NEW.into(),
    };
    answer(&mut world, rds(WEST, copy.clone()));
    assert_eq!(says(&mut world, NEW).as_deref(), Some("1"));
    set(&mut world, NEW, "{TrueIfReplica}");
    assert_eq!(says(&mut world, &group).as_deref(), Some("1"));
    let again = answer(&mut world, rds(WEST, copy));
    assert_eq!(code(&again), "DBParameterGroupAlreadyExists");
}

#[test]
fn a_replica_in_the_making_waits_for_both_regions() {
    let mut world = demo();
    wait(&mut world, 60);
    create(&mut world, NEW, |_| {});
    let cut = world.inject(down(CA));
    wait(&mut world, 60 * 60);
    assert_eq!(describe(&mut world, WEST, NEW).status, "creating");
    world.clear(cut);
    wait(&mut world, 60);
    assert_eq!(describe(&mut world, WEST, NEW).status, "available");
}
