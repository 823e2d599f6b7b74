//! A planned move: nothing is lost, and whatever fails before the point of no return leaves the world as it was.

use breakwater_core::journal::{DrainBy, MoveKind, MoveOutcome, ObligationKind, Phase};
use breakwater_core::request::Request;
use breakwater_rig::{Aim, Deed, Options, Rig, Twist};
use breakwater_scenarios::*;
use breakwater_sim::{Answer, Api, Fault, RdsOp, Setup};

const SHOP: &str = "shop-ca";

fn switchover(rig: &mut Rig, name: &str) {
    let now = jiff::Timestamp::from_millisecond(rig.millis()).unwrap_or_default();
    let request = Request {
        name: name.into(),
        uid: format!("uid-{name}").into(),
        kind: MoveKind::Switchover,
        to: Some(WEST.into()),
        expected_epoch: Some(journal(rig, SHOP).epoch),
        start_before: breakwater_core::time::after(now, hours(1)),
        overrides: Vec::new(),
        allow_loss: None,
        max_write_stop: None,
        expires_at: None,
        abort: false,
        record_of: None,
        approved_by: None,
    };
    let key = rig.key(SHOP);
    rig.request(&key, request);
}

fn without_proofs(mut setup: Setup) -> Setup {
    for shop in &mut setup.shops {
        (shop.primary.proof_url, shop.secondary.proof_url) = (None, None);
    }
    setup
}

fn told_last(rig: &Rig, name: &str) -> (Option<MoveOutcome>, &'static str) {
    let last = rig.answers().iter().rev().find(|(_, _, said)| &*said.request == name);
    last.map_or((None, ""), |(_, _, said)| (said.outcome, said.reason))
}

fn ended(rig: &Rig) -> bool {
    outcome(rig, SHOP).is_some()
}

/// Orders that were acknowledged and are in nobody's writer.
fn absent(rig: &Rig) -> u64 {
    glance(rig, SHOP).totals.absent
}

/// What a rollback must leave as it was: steering, name and owner, and of both instances role, status, group and tags.
/// Not in it: the epoch in the TXT stays, the number that the move burnt is in the journal alone.
fn world(rig: &mut Rig) -> Vec<String> {
    let mut seen = steering(rig, SHOP);
    let shop = glance(rig, SHOP);
    seen.push(format!("{:?} {:?}", shop.name_target, shop.owner));
    for instance in shop.instances {
        seen.push(format!(
            "{} {} {} {}",
            instance.instance, instance.status, instance.writable, instance.replica
        ));
    }
    for region in [EAST, WEST] {
        seen.push(format!("{:?}", described(rig, region)));
    }
    seen
}

/// What RDS says of a region's instance and its `read_only`.
fn described(rig: &mut Rig, region: &str) -> (String, String) {
    let ask = |rig: &mut Rig, op| {
        let region = region.to_owned();
        rig.world
            .deed("person:auditor", breakwater_sim::Request::Rds { region, op })
            .answer
    };
    let id = glance(rig, SHOP)
        .instances
        .into_iter()
        .find(|i| *i.region == *region)
        .unwrap_or_else(|| panic!("no instance in {region}"))
        .instance;
    let describe = RdsOp::DescribeInstances {
        id: Some(id.to_string()),
        max_records: 20,
        marker: None,
    };
    let Answer::Instances { instances, .. } = ask(rig, describe) else {
        panic!("RDS of {region} does not answer");
    };
    let group = instances[0].parameter_group.clone();
    let parameters = ask(rig, RdsOp::DescribeParameters { group });
    (format!("{instances:?}"), format!("{parameters:?}"))
}

/// Waits until nothing is owed and nothing is excluded any more.
fn at_rest(rig: &mut Rig) {
    let rests = |rig: &Rig| is_whole(rig, SHOP) && rig.journal(&rig.key(SHOP)).is_some_and(|j| j.in_flight().is_none());
    assert!(rig.run_until(minutes(40), rests), "{}", states(rig, &[SHOP]));
    rig.run_for(minutes(2));
}

fn rolled_back(rig: &mut Rig, before: &[String], because: &str) {
    assert!(rig.run_until(minutes(30), ended), "{}", states(rig, &[SHOP]));
    let last = journal(rig, SHOP).current.unwrap_or_else(|| panic!("no move"));
    assert_eq!(last.outcome, Some(MoveOutcome::RolledBack), "{:?}", last.because);
    let said = last.because.as_deref().unwrap_or_default();
    assert!(said.contains(because), "{said}");
    at_rest(rig);
    assert_eq!(world(rig), before, "the world is as it was");
    assert_eq!(promotions_accepted(rig, SHOP), 0);
    assert_eq!(absent(rig), 0);
    finish(rig);
}

#[test]
fn nothing_is_lost() {
    let mut rig = adopted(only(SHOP), 901);
    switchover(&mut rig, "patch");
    assert!(
        rig.run_until(minutes(30), |rig| has_moved(rig, SHOP)),
        "{}",
        states(&rig, &[SHOP])
    );
    let moved = journal(&rig, SHOP).current.unwrap();
    let stop = moved.write_stop.clone().unwrap();
    assert_eq!(
        (moved.kind, stop.by, stop.at_most_seconds),
        (MoveKind::Switchover, DrainBy::Gtid, 300)
    );
    assert!(stop.drained_at.is_some() && moved.verified_at.is_some());
    assert!(
        rig.run_until(minutes(30), |rig| is_whole(rig, SHOP)),
        "{}",
        states(&rig, &[SHOP])
    );
    assert_eq!(instance_status(&rig, SHOP, EAST), "stopped");
    assert_eq!((absent(&rig), promotions_accepted(&rig, SHOP)), (0, 1));
    assert!(journal(&rig, SHOP).owes(ObligationKind::RebuildStandby).is_some());
    finish(&rig);
}

/// Where no process tells what was executed, samples without lag stand for it, and it is not called "no loss".
#[test]
fn by_lag_alone() {
    let mut rig = adopted(without_proofs(only(SHOP)), 903);
    switchover(&mut rig, "patch");
    assert!(
        rig.run_until(minutes(30), |rig| has_moved(rig, SHOP)),
        "{}",
        states(&rig, &[SHOP])
    );
    let stop = journal(&rig, SHOP).current.unwrap().write_stop.unwrap();
    assert_eq!((stop.by, stop.at_most_seconds), (DrainBy::Lag, 600));
    let waited = stop.drained_at.unwrap().duration_since(stop.since.unwrap()).as_secs();
    assert!(waited >= 120, "three samples, one a minute: {waited} s");
    assert_eq!(absent(&rig), 0);
    finish(&rig);
}

#[test]
fn read_only_is_never_applied() {
    for setup in [only(SHOP), without_proofs(only(SHOP))] {
        let mut setup = setup;
        setup.timing.parameter_apply = (3_000_000, 3_000_001);
        let mut rig = adopted(setup, 907);
        let before = world(&mut rig);
        switchover(&mut rig, "patch");
        assert!(rig.run_until(minutes(30), ended), "{}", states(&rig, &[SHOP]));
        let last = journal(&rig, SHOP).current.unwrap();
        assert_eq!(last.outcome, Some(MoveOutcome::RolledBack));
        let said = last.because.unwrap_or_default();
        assert!(said.contains("before read_only=1 was in force"), "{said}");
        // The undone value takes as long to arrive.
        let rests = |rig: &Rig| is_whole(rig, SHOP);
        assert!(rig.run_until(hours(3), rests), "{}", states(&rig, &[SHOP]));
        rig.run_for(hours(2));
        assert_eq!(world(&mut rig), before);
        finish(&rig);
    }
}

/// The replica does not get on: its link dies silently as the writes stop.
#[test]
fn the_replica_never_holds_everything() {
    for (setup, seed) in [(only(SHOP), 911), (without_proofs(only(SHOP)), 913)] {
        let mut rig = adopted(setup, seed);
        let before = world(&mut rig);
        switchover(&mut rig, "patch");
        let preparing = |rig: &Rig| phase(rig, SHOP) == Some(Phase::Preparing);
        assert!(rig.run_until(minutes(5), preparing));
        let lost = rig.inject(Fault::LinkLost { shop: SHOP.into() });
        assert!(rig.run_until(minutes(30), ended), "{}", states(&rig, &[SHOP]));
        rig.clear(lost);
        rolled_back(&mut rig, &before, "hold everything");
    }
}

/// RDS of the old region hangs, denies, or refuses from the moment on at which the move begins.
#[test]
fn the_old_writers_api_fails() {
    let api = Api::Rds;
    let region = Some(EAST.to_owned());
    let faults = [
        Fault::ApiSilent {
            api,
            region: region.clone(),
        },
        Fault::ApiError {
            api,
            region: region.clone(),
            status: 500,
            code: "InternalFailure".into(),
        },
        Fault::ApiDenied {
            api,
            region,
            op: Some("modify-parameter".into()),
        },
    ];
    for (index, fault) in faults.into_iter().enumerate() {
        let mut rig = adopted(only(SHOP), 921 + index as u64);
        let before = world(&mut rig);
        switchover(&mut rig, "patch");
        let begun = |rig: &Rig| phase(rig, SHOP).is_some();
        assert!(rig.run_until(minutes(5), begun));
        let fault = rig.inject(fault);
        assert!(rig.run_until(minutes(30), ended), "{}", states(&rig, &[SHOP]));
        rig.clear(fault);
        rolled_back(&mut rig, &before, "");
    }
}

/// The load balancers cannot be changed: users stay where they are, and the writer takes orders again.
#[test]
fn cloudflare_fails() {
    let mut rig = adopted(only(SHOP), 931);
    let before = world(&mut rig);
    switchover(&mut rig, "patch");
    let preparing = |rig: &Rig| phase(rig, SHOP) == Some(Phase::Preparing);
    assert!(rig.run_until(minutes(5), preparing));
    let silent = rig.inject(Fault::ApiSilent {
        api: Api::Cloudflare,
        region: None,
    });
    assert!(rig.run_until(minutes(30), ended), "{}", states(&rig, &[SHOP]));
    rig.clear(silent);
    rolled_back(&mut rig, &before, "");
}

/// Withdrawn in each phase before the point of no return.
#[test]
fn withdrawn() {
    for wanted in [Phase::Requested, Phase::Preparing, Phase::Excluding] {
        let mut rig = adopted(only(SHOP), 937);
        let before = world(&mut rig);
        switchover(&mut rig, "patch");
        assert!(
            rig.run_until(minutes(10), |rig| phase(rig, SHOP) == Some(wanted)),
            "{wanted:?}"
        );
        rig.withdraw("patch");
        assert!(rig.run_until(minutes(5), ended), "{wanted:?}");
        assert_eq!(
            outcome(&rig, SHOP),
            Some(MoveOutcome::Aborted),
            "{wanted:?} {:?}",
            journal(&rig, SHOP).current
        );
        at_rest(&mut rig);
        assert_eq!(world(&mut rig), before, "{wanted:?}");
        finish(&rig);
    }
}

/// The process dies in each phase: another one carries the move on, or undoes it.
#[test]
fn killed() {
    let phases = [
        Phase::Requested,
        Phase::Preparing,
        Phase::Excluding,
        Phase::Promoting,
        Phase::Repointing,
        Phase::Verifying,
    ];
    for wanted in phases {
        let mut rig = adopted(only(SHOP), 941);
        let before = world(&mut rig);
        switchover(&mut rig, "patch");
        assert!(
            rig.run_until(minutes(30), |rig| phase(rig, SHOP) == Some(wanted)),
            "{wanted:?}"
        );
        rig.kill();
        assert!(
            rig.run_until(minutes(60), ended),
            "{wanted:?} {}",
            states(&rig, &[SHOP])
        );
        at_rest(&mut rig);
        assert_eq!(absent(&rig), 0, "{wanted:?}");
        if outcome(&rig, SHOP) == Some(MoveOutcome::RolledBack) {
            assert!(wanted < Phase::Promoting, "{wanted:?}");
            assert_eq!(world(&mut rig), before, "{wanted:?}");
        } else {
            assert!(has_moved(&rig, SHOP), "{wanted:?}");
        }
        finish(&rig);
    }
}

fn played(twist: Option<(usize, Twist)>) -> Rig {
    let mut rig = Rig::new(only(SHOP), 947, &Options::default());
    if let Some((index, twist)) = twist {
        rig.twist(Aim::Nth(index), twist);
    }
    settle(&mut rig);
    switchover(&mut rig, "patch");
    let over = |rig: &Rig| ended(rig) || told_last(rig, "patch").0.is_some();
    assert!(rig.run_until(hours(2), over), "{}", states(&rig, &[SHOP]));
    rig.run_for(minutes(30));
    rig
}

/// Each call and each write of a planned move, in turn, lost, unanswered, late, refused or denied: it completes, or the
/// world is as it was.
fn each(wanted: fn(&Deed) -> bool, twist: fn() -> Twist) {
    let mut untouched = adopted(only(SHOP), 947);
    let before = world(&mut untouched);
    let deeds = played(None).deeds().to_vec();
    let wanted: Vec<usize> = (0..deeds.len()).filter(|index| wanted(&deeds[*index])).collect();
    assert!(wanted.len() >= 8, "a move has more deeds than {}", wanted.len());
    for index in wanted {
        let said = format!("deed {index}: {:?} {}", twist(), deeds[index].what);
        let mut rig = played(Some((index, twist())));
        at_rest(&mut rig);
        assert_eq!(absent(&rig), 0, "{said}");
        if !has_moved(&rig, SHOP) {
            assert_eq!(outcome(&rig, SHOP), Some(MoveOutcome::RolledBack), "{said}");
            assert_eq!(world(&mut rig), before, "{said}");
        }
        finish(&rig);
    }
}

#[test]
fn each_calls_answer_is_lost() {
    each(Deed::is_call, || Twist::LoseReply);
}

#[test]
fn each_call_is_lost() {
    each(Deed::is_call, || Twist::LoseRequest);
}

#[test]
fn each_call_is_late() {
    each(Deed::is_call, || Twist::ArriveLate(90_000));
}

#[test]
fn each_call_is_refused() {
    each(Deed::is_call, || Twist::Refuse {
        status: 400,
        code: "ValidationError",
    });
}

#[test]
fn each_write_is_lost() {
    each(|deed| !deed.is_call(), || Twist::LoseRequest);
}

#[test]
fn each_write_is_in_conflict() {
    each(|deed| !deed.is_call(), || Twist::Conflict);
}
