//! A restored etcd: the journal is of another day, the world is not.

use breakwater_core::journal::Phase;
use breakwater_rig::Rig;
use breakwater_scenarios::*;

/// Backups of every phase of a move, each restored long after that move is over and its region is back.
#[test]
fn a_journal_with_an_old_move_in_flight_does_not_go_on() {
    for wanted in [Phase::Requested, Phase::Preparing, Phase::Excluding, Phase::Promoting] {
        let mut rig = adopted(only("shop-ca"), 281);
        let key = rig.key("shop-ca");
        let dead = east_dies(&mut rig);
        let reached = |rig: &Rig| phase(rig, "shop-ca") == Some(wanted) && journal(rig, "shop-ca").epoch == 1;
        assert!(
            rig.run_until(minutes(30), reached),
            "{wanted:?}: {}",
            states(&rig, &["shop-ca"])
        );
        let backup = rig.status(&key).cloned();
        assert!(rig.run_until(minutes(30), |rig| has_moved(rig, "shop-ca")));
        rig.restore(&key, backup);
        rig.kill();
        let since = rig.millis();
        rig.run_for(seconds(90));
        rig.clear(dead);
        // In Promoting what the instance shows decides, and it shows the promotion of that move.
        let least = if wanted == Phase::Promoting { 2 } else { 3 };
        let anew = |rig: &Rig| {
            let journal = journal(rig, "shop-ca");
            journal.epoch >= least && journal.in_flight().is_none() && journal.active_region.is_some()
        };
        assert!(
            rig.run_until(minutes(30), anew),
            "{wanted:?}: {}",
            states(&rig, &["shop-ca"])
        );
        assert_eq!(
            journal(&rig, "shop-ca").active_region.as_deref(),
            Some(WEST),
            "{wanted:?}"
        );
        let whole = |rig: &Rig| instance_status(rig, "shop-ca", EAST) == "stopped" && is_whole(rig, "shop-ca");
        assert!(
            rig.run_until(hours(2), whole),
            "{wanted:?}: {}",
            states(&rig, &["shop-ca"])
        );
        rig.run_for(minutes(10));
        assert_eq!(promotions(&rig, "shop-ca").len(), 1, "{wanted:?}");
        assert_eq!(
            glance(&rig, "shop-ca").name_visible.as_deref(),
            Some(WEST),
            "{wanted:?}"
        );
        let moved = calls_since(&rig, since);
        let names = moved.iter().filter(|(_, call)| call.op == "change-records").count();
        assert!(names <= 3, "{wanted:?}: only our TXT: {names}");
        finish(&rig);
    }
}
