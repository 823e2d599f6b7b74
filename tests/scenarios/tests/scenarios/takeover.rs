//! A new process takes over in each phase.

use breakwater_core::journal::Phase;
use breakwater_scenarios::*;

const PHASES: [Phase; 6] = [
    Phase::Requested,
    Phase::Preparing,
    Phase::Excluding,
    Phase::Promoting,
    Phase::Repointing,
    Phase::Verifying,
];

#[test]
fn in_each_phase_the_move_is_carried_on() {
    for shop in ["shop-ca", "shop-geo"] {
        for wanted in PHASES {
            let mut rig = adopted(only(shop), 107);
            east_dies(&mut rig);
            assert!(
                rig.run_until(minutes(30), |rig| phase(rig, shop) == Some(wanted)),
                "{wanted:?}"
            );
            rig.kill();
            let died = rig.millis();
            assert!(
                rig.run_until(minutes(60), |rig| has_moved(rig, shop)),
                "{wanted:?} {}",
                states(&rig, &[shop])
            );
            assert_eq!(promotions_accepted(&rig, shop), 1, "{wanted:?}");
            assert_eq!(journal(&rig, shop).epoch, 2, "{wanted:?}: the same move");
            // The old holder's lease is watched to its end first.
            let first = calls_since(&rig, died).first().map(|(at, _)| *at - died);
            assert!(first.is_none_or(|after| after >= 10_000), "{wanted:?}: {first:?}");
            finish(&rig);
        }
    }
}

/// The process dies again and again, every twenty seconds, for three minutes.
#[test]
fn dying_all_the_time_is_survived() {
    let mut rig = adopted(only("shop-ca"), 109);
    east_dies(&mut rig);
    for _ in 0..9 {
        rig.run_for(seconds(20));
        rig.kill();
    }
    assert!(
        rig.run_until(minutes(60), |rig| has_moved(rig, "shop-ca")),
        "{}",
        states(&rig, &["shop-ca"])
    );
    assert_eq!(promotions_accepted(&rig, "shop-ca"), 1);
    finish(&rig);
}

/// A region is dead for twenty minutes and only a freeze holds the move up; then the process dies. The new one must not
/// take the break of the link for an old one: both instants are journalled.
#[test]
fn a_restart_makes_no_outage_look_younger() {
    // Only the lag samples tell of the dead link, and they tell when it died.
    let mut setup = only("shop-ca");
    setup.habits.dead_link_is_error = false;
    let mut rig = adopted(setup, 113);
    let key = rig.key("shop-ca");
    let now = jiff::Timestamp::from_millisecond(rig.millis()).unwrap();
    let frozen_until = now.checked_add(minutes(25)).unwrap();
    rig.edit(&key, |shop| {
        shop.policy.max_loss = minutes(120);
        shop.policy.freezes = vec![breakwater_core::shop::Freeze {
            name: "sale".into(),
            from: now,
            until: frozen_until,
        }];
    });
    east_dies(&mut rig);
    rig.run_for(minutes(20));
    assert!(
        refusals(&rig, "shop-ca").contains(&"Frozen"),
        "{}",
        states(&rig, &["shop-ca"])
    );
    assert_eq!(promotions_accepted(&rig, "shop-ca"), 0);
    rig.kill();
    assert!(
        rig.run_until(minutes(60), |rig| has_moved(rig, "shop-ca")),
        "{}",
        states(&rig, &["shop-ca"])
    );
    assert_eq!(promotions_accepted(&rig, "shop-ca"), 1);
    finish(&rig);
}
