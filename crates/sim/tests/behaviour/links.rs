//! Faults of the link and of its samples.

use crate::*;

#[test]
fn an_sql_error_is_the_replicas_own() {
    let mut world = demo();
    wait(&mut world, 180);
    let id = world.inject(fault(r#"{"kind": "sql-error", "shop": "shop-ca"}"#));
    let info = describe(&mut world, WEST, B).status_infos.remove(0);
    assert_eq!((info.status.as_str(), info.normal), ("error", false));
    let message = info.message.expect("its message");
    assert!(
        message.contains("SQLError: 1062") && message.contains("on query"),
        "{message}"
    );
    wait(&mut world, 240);
    assert!(lag(&mut world)[0].1 < 0.0, "{:?}", lag(&mut world)[0]);
    assert!(writable(&world, A), "the source knows nothing of it");
    let behind = shop(&world, SHOP).instances[1].behind_millis;
    assert!(behind > Some(235_000), "nothing is applied: {behind:?}");
    world.clear(id);
    until(&mut world, "catching up", |world| {
        shop(world, SHOP).instances[1].behind_millis < Some(2_000)
    });
    assert_eq!(describe(&mut world, WEST, B).status_infos[0].status, "replicating");
}

#[test]
fn a_cut_link_is_known_at_once_and_a_lost_one_is_not() {
    let mut world = demo();
    wait(&mut world, 60);
    let id = world.inject(fault(r#"{"kind": "link-lost", "shop": "shop-ca"}"#));
    assert_eq!(describe(&mut world, WEST, B).status_infos[0].status, "replicating");
    world.clear(id);
    wait(&mut world, 120);
    world.inject(fault(r#"{"kind": "link-cut", "shop": "shop-ca"}"#));
    let info = describe(&mut world, WEST, B).status_infos.remove(0);
    assert_eq!((info.status.as_str(), info.normal), ("error", false));
    assert!(info.message.expect("its message").contains("IOError: 2003"));
    // A day later it is still so, and the source lives.
    wait(&mut world, 86_400);
    assert_eq!(describe(&mut world, WEST, B).status_infos[0].status, "error");
    let samples = lag(&mut world);
    assert!(samples.len() > 100 && samples.iter().all(|(_, value)| *value < 0.0));
    assert!(shop(&world, SHOP).instances[1].behind_millis > Some(86_000_000));
    assert!(writable(&world, A));
}

#[test]
fn a_link_may_be_stopped_or_terminated() {
    for text in ["stopped", "terminated"] {
        let mut world = demo();
        wait(&mut world, 60);
        let json = format!(r#"{{"kind": "link-cut", "shop": "shop-ca", "status": "{text}"}}"#);
        world.inject(fault(&json));
        let info = describe(&mut world, WEST, B).status_infos.remove(0);
        assert_eq!((info.status.as_str(), info.message), (text, None));
        assert_eq!(shop(&world, SHOP).instances[1].link_flows, Some(false));
    }
}

#[test]
fn missing_samples_are_missing_and_the_others_go_on() {
    let mut world = demo();
    wait(&mut world, 300);
    let id = world.inject(fault(r#"{"kind": "lag-samples", "shop": "shop-ca", "missing": true}"#));
    let start = world.now();
    wait(&mut world, 900);
    assert!(lag(&mut world).iter().all(|(at, _)| *at <= start));
    assert!(metric(&mut world, "CPUUtilization")[0].0 >= world.now() - 180_000);
    assert_eq!(shop(&world, SHOP).instances[1].link_flows, Some(true));
    world.clear(id);
    wait(&mut world, 300);
    assert!(lag(&mut world)[0].0 > start + 900_000, "new ones come, the gap stays");
    assert!(
        lag(&mut world)
            .iter()
            .all(|(at, _)| *at <= start || *at > start + 900_000 - 60_000)
    );
}

#[test]
fn single_gaps() {
    let mut world = demo();
    world.inject(fault(
        r#"{"kind": "lag-samples", "shop": "shop-ca", "missing": true, "every": 40}"#,
    ));
    wait(&mut world, 3 * 3_600);
    let stamps: Vec<i64> = lag(&mut world).iter().rev().map(|(at, _)| *at).collect();
    let gaps: Vec<i64> = stamps
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .filter(|gap| *gap > 60_000)
        .collect();
    assert!(
        (3..=5).contains(&gaps.len()) && gaps.iter().all(|gap| *gap == 120_000),
        "{gaps:?}"
    );
}

#[test]
fn late_samples_come_late() {
    for all in [false, true] {
        let mut world = demo();
        wait(&mut world, 60);
        let json =
            format!(r#"{{"kind": "lag-samples", "shop": "shop-ca", "late_by_seconds": 240, "all_metrics": {all}}}"#);
        world.inject(fault(&json));
        wait(&mut world, 1_200);
        let age = world.now() - lag(&mut world)[0].0;
        assert!((300_000..=420_000).contains(&age), "{age}");
        let other = world.now() - metric(&mut world, "CPUUtilization")[0].0;
        assert_eq!(other > 290_000, all, "{other}");
    }
}
