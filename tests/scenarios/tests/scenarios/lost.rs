//! Each call and each write of a whole move, in turn: its answer lost, itself lost, late, refused, in conflict.

use breakwater_rig::{Aim, Deed, Rig, Twist};
use breakwater_scenarios::*;

const SHOP: &str = "shop-ca";

/// A move from adoption to the end of the exclusion, with one deed twisted.
fn played(seed: u64, twist: Option<(usize, Twist)>) -> Rig {
    let mut setup = only(SHOP);
    for shop in &mut setup.shops {
        // Geographic lists are part of what has to be undone.
        let [east, west] = [&shop.primary, &shop.secondary].map(|side| side.pool_id.clone());
        shop.steering = "geo".into();
        shop.region_pools = [("ENAM", [&east, &west]), ("WNAM", [&west, &east])]
            .map(|(key, pools)| (key.to_owned(), pools.map(String::clone).to_vec()))
            .into();
    }
    let mut rig = hurried(setup, seed);
    if let Some((index, twist)) = twist {
        rig.twist(Aim::Nth(index), twist);
    }
    settle(&mut rig);
    east_dies_and_returns(&mut rig, &[SHOP]);
    rig
}

fn each(seed: u64, wanted: fn(&Deed) -> bool, twist: fn() -> Twist) {
    let deeds = played(seed, None).deeds().to_vec();
    let wanted: Vec<usize> = (0..deeds.len()).filter(|index| wanted(&deeds[*index])).collect();
    assert!(wanted.len() >= 8, "a move has more deeds than {}", wanted.len());
    for index in wanted {
        let said = format!("{:?} {}", twist(), deeds[index].what);
        let rig = std::panic::catch_unwind(|| {
            let rig = played(seed, Some((index, twist())));
            assert_eq!(rig.twists_left(), 0);
            assert_moved_once(&rig, SHOP);
            finish(&rig);
        });
        assert!(rig.is_ok(), "deed {index}: {said}");
    }
}

#[test]
fn each_calls_answer() {
    each(113, Deed::is_call, || Twist::LoseReply);
}

#[test]
fn each_call() {
    each(113, Deed::is_call, || Twist::LoseRequest);
}

#[test]
fn each_call_late() {
    each(113, Deed::is_call, || Twist::ArriveLate(90_000));
}

#[test]
fn each_call_refused() {
    each(113, Deed::is_call, || Twist::Refuse {
        status: 400,
        code: "ValidationError",
    });
}

#[test]
fn each_call_throttled() {
    each(113, Deed::is_call, || Twist::Refuse {
        status: 400,
        code: "Throttling",
    });
}

#[test]
fn each_call_denied() {
    each(113, Deed::is_call, || Twist::Refuse {
        status: 403,
        code: "AccessDenied",
    });
}

#[test]
fn each_writes_answer() {
    each(127, |deed| !deed.is_call(), || Twist::LoseReply);
}

#[test]
fn each_write() {
    each(127, |deed| !deed.is_call(), || Twist::LoseRequest);
}

#[test]
fn each_write_late() {
    each(127, |deed| !deed.is_call(), || Twist::ArriveLate(90_000));
}

#[test]
fn each_write_in_conflict() {
    each(127, |deed| !deed.is_call(), || Twist::Conflict);
}

#[test]
fn each_write_refused() {
    each(
        127,
        |deed| !deed.is_call(),
        || Twist::Refuse {
            status: 403,
            code: "Forbidden",
        },
    );
}

/// An entry that was lost on its way announces nothing: what it would have announced is not called.
#[test]
fn no_write_no_call() {
    for (entry, call) in [
        ("entry shop-ca Excluding", "patch-balancer"),
        ("entry shop-ca Promoting", "promote-read-replica"),
        ("entry shop-ca Repointing", "change-records"),
    ] {
        let mut rig = adopted(only(SHOP), 131);
        // The region's services die first, so that the pool order has changed before the move begins.
        east_dies(&mut rig);
        rig.twist(Aim::Next(entry), Twist::LoseRequest);
        assert!(rig.run_until(minutes(30), |rig| rig.twists_left() == 0), "{entry}");
        let lost = rig.millis();
        assert!(
            rig.run_until(minutes(30), |rig| has_moved(rig, SHOP)),
            "{}",
            states(&rig, &[SHOP])
        );
        let written = rig
            .history()
            .iter()
            .find(|one| one.at > lost && one.journal.current.is_some())
            .map(|one| one.at);
        let called = calls(&rig, SHOP, call).iter().map(|(at, _)| *at).find(|at| *at >= lost);
        assert!(
            written < called,
            "{entry} was written again at {written:?}, {call} sent at {called:?}"
        );
        finish(&rig);
    }
}
