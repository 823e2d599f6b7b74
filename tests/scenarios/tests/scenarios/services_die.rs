//! Services die, the database lives.

use breakwater_core::diagnosis::Diagnosis;
use breakwater_rig::Rig;
use breakwater_scenarios::*;
use breakwater_sim::{Fault, FaultId};

fn services_die(rig: &mut Rig) -> FaultId {
    rig.inject(Fault::ServicesDown {
        shop: "shop-ca".into(),
        region: EAST.into(),
    })
}

#[test]
fn the_order_changes_and_returns_once() {
    let mut rig = adopted(only("shop-ca"), 59);
    let died = rig.millis();
    let fault = services_die(&mut rig);
    let moved = |rig: &Rig| journal(rig, "shop-ca").front.as_deref() == Some(WEST);
    assert!(rig.run_until(minutes(3), moved), "{}", states(&rig, &["shop-ca"]));
    // The first Down comes with the next round (10 s), and shiftAfter is 40 s.
    let after = (rig.millis() - died) / 1000;
    assert!((40..=70).contains(&after), "{after} s");
    assert_eq!(diagnosis(&rig, "shop-ca"), Some(Diagnosis::ServicesDown));
    rig.run_for(minutes(30));
    assert_eq!(promotions(&rig, "shop-ca").len(), 0, "however long it lasts");

    rig.clear(fault);
    let cleared = rig.millis();
    let back = |rig: &Rig| journal(rig, "shop-ca").front.as_deref() == Some(EAST);
    assert!(rig.run_until(minutes(20), back));
    // returnAfter is 10 min, and probe is Partial until less than a fifth of the last 5 min failed.
    let after = (rig.millis() - cleared) / 1000;
    assert!((600..=900).contains(&after), "returnAfter: {after} s");
    rig.run_for(hours(1));
    assert_eq!(
        calls(&rig, "shop-ca", "patch-balancer").len(),
        2,
        "there and back, once"
    );
    assert_eq!(told(&rig, "shop-ca", "FrontChanged"), 2);
    let truth = glance(&rig, "shop-ca");
    assert_eq!(&*truth.balancers[0].order[0], EAST);
    assert_eq!(&*truth.balancers[0].fallback, EAST);
    finish(&rig);
}

/// Dark in all views for 45 s.
#[test]
fn a_stall_of_45_seconds_promotes_nothing() {
    for seed in 0..20 {
        let mut rig = adopted(only("shop-ca"), seed);
        let died = rig.millis();
        let fault = services_die(&mut rig);
        rig.run_for(seconds(45));
        rig.clear(fault);
        rig.run_for(minutes(15));
        let calls = calls_since(&rig, died);
        assert!(calls.iter().all(|(_, call)| call.op == "patch-balancer"), "seed {seed}");
        assert!(
            matches!(calls.len(), 0 | 2),
            "seed {seed}: order away and back, or not at all: {}",
            calls.len()
        );
        assert_eq!(journal(&rig, "shop-ca").front.as_deref(), Some(EAST), "seed {seed}");
        assert_eq!(journal(&rig, "shop-ca").current, None, "seed {seed}");
        finish(&rig);
    }
}

/// In both regions: a release, or a shared dependency.
#[test]
fn services_dead_everywhere_move_nothing() {
    let mut rig = adopted(only("shop-ca"), 61);
    let died = rig.millis();
    let faults = [EAST, WEST].map(|region| {
        rig.inject(Fault::ServicesDown {
            shop: "shop-ca".into(),
            region: region.into(),
        })
    });
    rig.run_for(minutes(30));
    assert_eq!(diagnosis(&rig, "shop-ca"), Some(Diagnosis::ServicesDownEverywhere));
    for fault in faults {
        rig.clear(fault);
    }
    settle(&mut rig);
    assert_eq!(calls_since(&rig, died).len(), 0);
    finish(&rig);
}
