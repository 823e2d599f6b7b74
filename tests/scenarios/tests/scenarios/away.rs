//! The controller's cluster is away for six hours after the licence was written and before the promotion was sent;
//! meanwhile the old region recovers and sells.

use breakwater_core::journal::MoveOutcome;
use breakwater_rig::{Aim, Rig, Twist};
use breakwater_scenarios::*;

fn six_hours(seed: u64, shop: &str, takeover: bool) -> Rig {
    let mut rig = adopted(only(shop), seed);
    let fault = east_dies(&mut rig);
    let entry = if shop == "shop-ca" {
        "entry shop-ca Promoting"
    } else {
        "entry shop-geo Promoting"
    };
    rig.twist(Aim::Next(entry), Twist::AwayAfter);
    assert!(rig.run_until(minutes(30), |rig| rig.twists_left() == 0));
    assert!(
        journal(&rig, shop)
            .current
            .is_some_and(|current| current.licence.is_some()),
        "the licence is written"
    );
    rig.run_for(minutes(20));
    rig.clear(fault);
    rig.run_for(hours(6));
    assert_eq!(
        promotions(&rig, shop).len(),
        0,
        "no promotion while the cluster is away"
    );
    assert!(glance(&rig, shop).instances[0].writable, "the old region sells");
    rig.set_away(false);
    if takeover {
        rig.kill();
    }
    rig
}

#[test]
fn no_promotion_under_the_old_licence() {
    for shop in ["shop-ca", "shop-geo"] {
        for takeover in [false, true] {
            let mut rig = six_hours(101, shop, takeover);
            let before = rig.millis();
            assert!(
                rig.run_until(hours(1), |rig| outcome(rig, shop).is_some()),
                "{}",
                states(&rig, &[shop])
            );
            assert_eq!(
                outcome(&rig, shop),
                Some(MoveOutcome::RolledBack),
                "{}",
                states(&rig, &[shop])
            );
            assert!(
                rig.run_until(hours(1), |rig| is_whole(rig, shop)),
                "{}",
                states(&rig, &[shop])
            );
            rig.run_for(hours(1));
            assert_eq!(promotions(&rig, shop).len(), 0, "{shop}: never");
            assert_eq!(promotions_accepted(&rig, shop), 0);
            let journal = journal(&rig, shop);
            assert_eq!(journal.active_region.as_deref(), Some(EAST));
            assert_eq!(journal.epoch, 1);
            assert_eq!(
                condition(&rig, shop, "Protected"),
                "True",
                "{shop}: ready for the next time"
            );
            assert!(!calls_since(&rig, before).is_empty(), "the exclusion is undone");
            finish(&rig);
        }
    }
}

/// And when the region dies again, the next move succeeds.
#[test]
fn the_next_move_is_another_one() {
    let mut rig = six_hours(103, "shop-ca", true);
    assert!(rig.run_until(hours(2), |rig| outcome(rig, "shop-ca").is_some()
        && is_whole(rig, "shop-ca")));
    settle(&mut rig);
    rig.run_for(minutes(10));
    east_dies_and_returns(&mut rig, &["shop-ca"]);
    assert_moved_once(&rig, "shop-ca");
    assert_eq!(journal(&rig, "shop-ca").epoch, 3);
    finish(&rig);
}
