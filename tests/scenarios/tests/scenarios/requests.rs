//! People ask with a RegionSwitch: what happens in the world, whatever else goes wrong meanwhile.

use breakwater_core::journal::{Move, MoveKind, MoveOutcome, Phase};
use breakwater_core::request::{Override, Request};
use breakwater_core::shop::Mode;
use breakwater_rig::Rig;
use breakwater_scenarios::*;
use breakwater_sim::{Api, Fault};

const SHOP: &str = "shop-ca";

fn request(rig: &Rig, name: &str, kind: MoveKind, to: &str) -> Request {
    let now = jiff::Timestamp::from_millisecond(rig.millis()).unwrap_or_default();
    Request {
        name: name.into(),
        uid: format!("uid-{name}").into(),
        kind,
        to: Some(to.into()),
        expected_epoch: (kind != MoveKind::Adopt).then(|| journal(rig, SHOP).epoch),
        start_before: breakwater_core::time::after(now, hours(1)),
        overrides: Vec::new(),
        allow_loss: None,
        max_write_stop: None,
        expires_at: None,
        abort: false,
        record_of: None,
        approved_by: None,
    }
}

fn ask(rig: &mut Rig, request: Request) {
    let key = rig.key(SHOP);
    rig.request(&key, request);
}

fn failover(rig: &mut Rig, name: &str, overrides: &[Override]) {
    let request = Request {
        overrides: overrides.to_vec(),
        ..request(rig, name, MoveKind::Failover, WEST)
    };
    ask(rig, request);
}

/// The last that a requester was told: its outcome and its reason.
fn told_last(rig: &Rig, name: &str) -> (Option<MoveOutcome>, &'static str) {
    let last = rig.answers().iter().rev().find(|(_, _, said)| &*said.request == name);
    last.map_or((None, ""), |(_, _, said)| (said.outcome, said.reason))
}

/// us-east-1 is down, Route 53 with it: automation refuses, a person overrides, the name follows when it can.
#[test]
fn a_person_overrides_the_name_that_cannot_move() {
    let mut rig = adopted(only(SHOP), 911);
    let east = east_dies(&mut rig);
    let names = rig.inject(Fault::Route53Unreachable);
    assert!(rig.run_until(minutes(10), |rig| refusals(rig, SHOP) == ["NameUnmovable"]));
    rig.run_for(minutes(20));
    assert_eq!(promotions(&rig, SHOP).len(), 0, "nothing is promoted by itself");
    failover(&mut rig, "plain", &[]);
    rig.run_for(minutes(1));
    assert_eq!(told_last(&rig, "plain"), (Some(MoveOutcome::Refused), "NameUnmovable"));
    failover(&mut rig, "override", &[Override::NameUnmovable]);
    let waits = |rig: &Rig| phase(rig, SHOP) == Some(Phase::Repointing);
    assert!(rig.run_until(minutes(30), waits), "{}", states(&rig, &[SHOP]));
    assert_eq!(promotions_accepted(&rig, SHOP), 1);
    rig.run_for(minutes(10));
    rig.clear(names);
    assert!(
        rig.run_until(minutes(10), |rig| has_moved(rig, SHOP)),
        "{}",
        states(&rig, &[SHOP])
    );
    rig.clear(east);
    assert!(rig.run_until(hours(1), |rig| is_whole(rig, SHOP)));
    rig.run_for(minutes(2));
    assert_moved_once(&rig, SHOP);
    finish(&rig);
}

/// Cloudflare's API is gone and the region too: there is no users' view, and no exclusion. A person accepts both.
#[test]
fn a_person_overrides_traffic_that_cannot_be_moved() {
    let mut rig = adopted(only(SHOP), 919);
    let api = rig.inject(Fault::ApiSilent {
        api: Api::Cloudflare,
        region: None,
    });
    let east = east_dies(&mut rig);
    rig.run_for(minutes(15));
    assert_eq!(promotions(&rig, SHOP).len(), 0);
    // With no users' view nobody can say when the writes stopped: until now, as far as we know.
    failover(&mut rig, "traffic", &[Override::TrafficNotMoved]);
    rig.run_for(minutes(1));
    assert_eq!(
        told_last(&rig, "traffic"),
        (Some(MoveOutcome::Refused), "LossOverBudget")
    );
    let all = Request {
        overrides: vec![Override::TrafficNotMoved],
        allow_loss: Some(hours(1)),
        ..request(&rig, "both", MoveKind::Failover, WEST)
    };
    ask(&mut rig, all);
    assert!(
        rig.run_until(minutes(30), |rig| promotions_accepted(rig, SHOP) == 1),
        "{:?}",
        rig.answers().last()
    );
    rig.clear(api);
    assert!(
        rig.run_until(minutes(30), |rig| has_moved(rig, SHOP)),
        "{}",
        states(&rig, &[SHOP])
    );
    rig.clear(east);
    assert!(
        rig.run_until(hours(2), |rig| is_whole(rig, SHOP)),
        "{}",
        states(&rig, &[SHOP])
    );
    rig.run_for(minutes(2));
    assert_moved_once(&rig, SHOP);
    finish(&rig);
}

/// Whatever dies before, at, or after each write and call: a request runs once.
#[test]
fn it_runs_once_wherever_the_controller_dies() {
    let run = |kill_at: Option<usize>| {
        let mut rig = adopted(only(SHOP), 929);
        let before = rig.deeds().len();
        failover(&mut rig, "planned", &[]);
        if let Some(nth) = kill_at {
            rig.run_until(minutes(30), |rig| rig.deeds().len() > before + nth);
            rig.kill();
        }
        let whole = |rig: &Rig| has_moved(rig, SHOP) && is_whole(rig, SHOP);
        assert!(
            rig.run_until(hours(3), whole),
            "killed at {kill_at:?}: {}",
            states(&rig, &[SHOP])
        );
        rig.run_for(minutes(5));
        assert_eq!(promotions_accepted(&rig, SHOP), 1, "killed at {kill_at:?}");
        finish(&rig);
        rig.deeds().len() - before
    };
    let deeds = run(None);
    assert!(deeds > 10, "{deeds}");
    for nth in 0..deeds {
        run(Some(nth));
    }
}

/// Whatever dies before, at, or after each write and call: users go there once and back once.
#[test]
fn a_shift_holds_and_ends_wherever_the_controller_dies() {
    let run = |kill_at: Option<usize>| {
        let mut rig = adopted(only(SHOP), 931);
        let (before, steered) = (rig.deeds().len(), steering(&rig, SHOP));
        let now = jiff::Timestamp::from_millisecond(rig.millis()).unwrap_or_default();
        let shift = Request {
            expires_at: Some(breakwater_core::time::after(now, minutes(30))),
            ..request(&rig, "for-a-while", MoveKind::TrafficShift, WEST)
        };
        ask(&mut rig, shift);
        if let Some(nth) = kill_at {
            rig.run_until(minutes(40), |rig| rig.deeds().len() > before + nth);
            rig.kill();
        }
        rig.run_until(minutes(5), |rig| steering(rig, SHOP) != steered);
        assert!(steering(&rig, SHOP) != steered || kill_at.is_some());
        rig.run_for(minutes(60));
        let ended = journal(&rig, SHOP).shift.clone().unwrap();
        assert_eq!(ended.outcome, Some(MoveOutcome::Completed), "killed at {kill_at:?}");
        assert_eq!(steering(&rig, SHOP), steered, "killed at {kill_at:?}");
        assert!(is_whole(&rig, SHOP), "killed at {kill_at:?}: {}", states(&rig, &[SHOP]));
        assert_eq!(promotions(&rig, SHOP).len(), 0);
        finish(&rig);
        rig.deeds().len() - before
    };
    let deeds = run(None);
    assert!(deeds >= 4, "{deeds}");
    for nth in 0..deeds {
        run(Some(nth));
    }
}

/// In mode Approve, wherever the controller dies before, at, or after each deed: one question, one promotion.
#[test]
fn approved_it_runs_once_wherever_the_controller_dies() {
    let run = |kill_at: Option<usize>| {
        let mut rig = adopted(only(SHOP), 953);
        let key = rig.key(SHOP);
        rig.edit(&key, |shop| shop.policy.mode = Mode::Approve);
        let east = east_dies(&mut rig);
        let awaits = |rig: &Rig| journal(rig, SHOP).in_flight().is_some_and(Move::awaits_approval);
        assert!(rig.run_until(minutes(10), awaits), "{}", states(&rig, &[SHOP]));
        // Soon: a new process knows of the darkness only from its own start on, and counts the loss until then.
        rig.run_for(seconds(10));
        let before = rig.deeds().len();
        let asked = journal(&rig, SHOP).current.clone().unwrap();
        rig.approve(&asked.record_name(SHOP), "lead@example.com");
        if let Some(nth) = kill_at {
            rig.run_until(minutes(30), |rig| rig.deeds().len() > before + nth);
            rig.kill();
        }
        assert!(
            rig.run_until(hours(2), |rig| has_moved(rig, SHOP)),
            "killed at {kill_at:?}: {}",
            states(&rig, &[SHOP])
        );
        rig.clear(east);
        assert!(rig.run_until(hours(2), |rig| is_whole(rig, SHOP)));
        rig.run_for(minutes(2));
        assert_eq!(promotions_accepted(&rig, SHOP), 1, "killed at {kill_at:?}");
        let ended = journal(&rig, SHOP).current.clone().unwrap();
        assert_eq!(
            (ended.number, ended.approval.unwrap().by),
            (2, Some("lead@example.com".into()))
        );
        finish(&rig);
        rig.deeds().len() - before
    };
    let deeds = run(None);
    for nth in 0..deeds.min(12) {
        run(Some(nth));
    }
}

/// Withdrawn before the promotion may have been sent, all is as it was.
#[test]
fn withdrawn_all_is_as_it_was() {
    for at in [Phase::Preparing, Phase::Excluding] {
        let mut rig = adopted(only(SHOP), 937);
        let steered = steering(&rig, SHOP);
        failover(&mut rig, "withdrawn", &[]);
        assert!(rig.run_until(minutes(10), |rig| phase(rig, SHOP) == Some(at)));
        rig.withdraw("withdrawn");
        rig.run_for(hours(1));
        assert_eq!(outcome(&rig, SHOP), Some(MoveOutcome::Aborted), "{at:?}");
        assert_eq!(promotions(&rig, SHOP).len(), 0);
        assert_eq!(steering(&rig, SHOP), steered);
        assert!(is_whole(&rig, SHOP), "{}", states(&rig, &[SHOP]));
        assert_eq!(glance(&rig, SHOP).name_visible.as_deref(), Some(EAST));
        finish(&rig);
    }
}

/// A request from Git that is synced again after the move was made for another epoch.
#[test]
fn synced_again_it_never_runs_again() {
    let mut rig = adopted(only(SHOP), 941);
    failover(&mut rig, "from-git", &[]);
    assert!(rig.run_until(minutes(30), |rig| has_moved(rig, SHOP)));
    let again = Request {
        uid: "uid-created-anew".into(),
        expected_epoch: Some(1),
        ..request(&rig, "from-git", MoveKind::Failover, WEST)
    };
    ask(&mut rig, again);
    rig.run_for(hours(1));
    assert_eq!(told_last(&rig, "from-git"), (Some(MoveOutcome::Refused), "StaleEpoch"));
    assert_eq!(promotions_accepted(&rig, SHOP), 1);
    finish(&rig);
}

/// After a failover the new region is lost for good, and a person goes back to the old one: it is started, may write
/// again, gets name and users; the region that may come back as a second writer stays excluded and is fenced.
#[test]
fn adopt_goes_back_to_the_former_writer() {
    // The standby in the making follows the region that is lost: where RDS stops no source of a replica, a person would have
    // to delete that first (night `adopt-back-while-rebuilding`).
    let mut setup = only(SHOP);
    setup.habits.stop_refused_with_replica = false;
    let mut rig = adopted(setup, 947);
    east_dies_and_returns(&mut rig, &[SHOP]);
    let west = rig.inject(Fault::RegionDown {
        region: WEST.into(),
        names_vanish: false,
    });
    rig.run_for(minutes(10));
    assert_eq!(instance_status(&rig, SHOP, EAST), "stopped");
    let adopt = request(&rig, "back", MoveKind::Adopt, EAST);
    ask(&mut rig, adopt);
    let sells = |rig: &Rig| {
        outcome(rig, SHOP) == Some(MoveOutcome::Completed) && glance(rig, SHOP).name_visible.as_deref() == Some(EAST)
    };
    assert!(rig.run_until(hours(1), sells), "{}", states(&rig, &[SHOP]));
    assert_eq!(instance_status(&rig, SHOP, EAST), "available");
    assert_eq!(journal(&rig, SHOP).excluded.as_deref(), Some(WEST));
    rig.clear(west);
    assert!(
        rig.run_until(hours(2), |rig| is_whole(rig, SHOP)),
        "{}",
        states(&rig, &[SHOP])
    );
    assert_eq!(
        instance_status(&rig, SHOP, WEST),
        "stopped",
        "two writers: the one that was left is fenced"
    );
    assert_eq!(promotions_accepted(&rig, SHOP), 1);
    finish(&rig);
}
