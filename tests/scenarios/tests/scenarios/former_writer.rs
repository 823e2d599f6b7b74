//! The former writer comes back, in one way or another.

use breakwater_core::journal::{ObligationKind, Phase};
use breakwater_rig::Rig;
use breakwater_scenarios::*;
use breakwater_sim::{RdsOp, Request};

/// Somebody's schedule, or RDS on day 7, starts it again.
#[test]
fn started_again_it_is_fenced_again() {
    let mut rig = adopted(only("shop-ca"), 173);
    east_dies_and_returns(&mut rig, &["shop-ca"]);
    let stops = applied(&calls(&rig, "shop-ca", "stop-instance"));
    let start = |rig: &mut Rig| {
        let op = RdsOp::StartInstance {
            id: "shop-ca-cac1".into(),
        };
        let region = EAST.into();
        person(rig, Request::Rds { region, op });
    };
    start(&mut rig);
    let owed = |rig: &Rig| {
        journal(rig, "shop-ca")
            .owes(ObligationKind::FenceFormerWriter)
            .is_some()
    };
    assert!(rig.run_until(minutes(10), owed), "{}", states(&rig, &["shop-ca"]));
    assert!(told(&rig, "shop-ca", "ObligationOpened") > 0);
    assert!(
        rig.run_until(minutes(30), |rig| is_whole(rig, "shop-ca")),
        "{}",
        states(&rig, &["shop-ca"])
    );
    rig.run_for(minutes(10));
    assert_eq!(instance_status(&rig, "shop-ca", "shop-ca-cac1"), "stopped");
    assert_eq!(applied(&calls(&rig, "shop-ca", "stop-instance")), stops + 1);
    // Once another has taken its place it is stopped without being owed anything.
    rig.run_for(hours(2));
    assert_eq!(journal(&rig, "shop-ca").obligations, []);
    for reason in ["StandbyRebuilding", "StandbyRebuilt", "FailbackOffered"] {
        assert_eq!(told(&rig, "shop-ca", reason), 1, "{reason}");
    }
    start(&mut rig);
    rig.run_for(minutes(10));
    assert_eq!(instance_status(&rig, "shop-ca", "shop-ca-cac1"), "stopped");
    assert_eq!(applied(&calls(&rig, "shop-ca", "stop-instance")), stops + 2);
    assert_eq!(condition(&rig, "shop-ca", "StandbyReady"), "True");
    assert_eq!(glance(&rig, "shop-ca").name_visible.as_deref(), Some(WEST));
    assert_eq!(promotions(&rig, "shop-ca").len(), 1, "no failback by itself");
    finish(&rig);
}

/// The journal is restored from before the move, while the former writer takes writes again.
#[test]
fn an_old_journal_does_not_bring_it_back() {
    let mut rig = adopted(only("shop-ca"), 179);
    let key = rig.key("shop-ca");
    let backup = rig.status(&key).cloned();
    let fault = east_dies(&mut rig);
    assert!(rig.run_until(minutes(30), |rig| has_moved(rig, "shop-ca")));
    rig.restore(&key, backup);
    rig.kill();
    rig.run_for(minutes(1));
    rig.clear(fault);
    let adopted = |rig: &Rig| journal(rig, "shop-ca").active_region.as_deref() == Some(WEST);
    assert!(rig.run_until(minutes(30), adopted), "{}", states(&rig, &["shop-ca"]));
    assert!(journal(&rig, "shop-ca").epoch > 2, "adopted anew");
    fenced_in_the_end(&mut rig);
}

/// The status is lost (a cluster rebuilt from Git): what is owed is found in the TXT and in the tags.
#[test]
fn a_lost_journal_finds_what_is_owed() {
    let mut rig = adopted(only("shop-ca"), 181);
    let key = rig.key("shop-ca");
    let fault = east_dies(&mut rig);
    assert!(rig.run_until(minutes(30), |rig| has_moved(rig, "shop-ca")));
    rig.restore(&key, None);
    rig.kill();
    let adopted = |rig: &Rig| journal(rig, "shop-ca").active_region.as_deref() == Some(WEST);
    assert!(rig.run_until(minutes(30), adopted), "{}", states(&rig, &["shop-ca"]));
    let owed = journal(&rig, "shop-ca");
    assert!(
        owed.owes(ObligationKind::FenceFormerWriter).is_some(),
        "the other gets a fence obligation"
    );
    assert_eq!(owed.excluded.as_deref(), Some(EAST), "and is excluded");
    rig.clear(fault);
    fenced_in_the_end(&mut rig);
}

fn fenced_in_the_end(rig: &mut Rig) {
    let stopped = |rig: &Rig| instance_status(rig, "shop-ca", EAST) == "stopped" && is_whole(rig, "shop-ca");
    assert!(rig.run_until(hours(2), stopped), "{}", states(rig, &["shop-ca"]));
    assert_eq!(glance(rig, "shop-ca").name_visible.as_deref(), Some(WEST));
    assert_eq!(promotions(rig, "shop-ca").len(), 1);
    assert!(glance(rig, "shop-ca").instances[1].writable);
    finish(rig);
}

/// Its group is a shared one: it is never changed, and stopping is the only fence.
#[test]
fn a_shared_parameter_group_is_never_changed() {
    let mut setup = breakwater_sim::Setup::demo();
    for shop in &mut setup.shops {
        for side in [&mut shop.primary, &mut shop.secondary] {
            side.parameter_group = format!("all-{}", side.region);
        }
    }
    let mut rig = adopted(setup, 191);
    east_dies_and_returns(&mut rig, &["shop-ca", "shop-geo"]);
    for shop in ["shop-ca", "shop-geo"] {
        assert_moved_once(&rig, shop);
    }
    let changed = calls_since(&rig, 0)
        .into_iter()
        .filter(|(_, call)| call.op == "modify-parameter")
        .count();
    assert_eq!(changed, 0);
    finish(&rig);
}

/// Nobody sends users to it before its fence has been observed, even if it sells again at once.
#[test]
fn returning_at_once_it_gets_no_users() {
    for seed in 0..6 {
        let mut rig = adopted(only("shop-geo"), seed);
        let fault = east_dies(&mut rig);
        assert!(rig.run_until(minutes(30), |rig| phase(rig, "shop-geo") == Some(Phase::Promoting)));
        rig.run_for(seconds(10));
        rig.clear(fault);
        assert!(rig.run_until(hours(2), |rig| has_moved(rig, "shop-geo") && is_whole(rig, "shop-geo")));
        assert_moved_once(&rig, "shop-geo");
        finish(&rig);
    }
}
