//! The promotion, and what may become of it: refused, unanswered, never arrived, arrived late, or done while the old
//! region comes back.

use breakwater_core::journal::{MoveOutcome, Phase};
use breakwater_rig::{Aim, Twist};
use breakwater_scenarios::*;
use breakwater_sim::ledger::Effect;

const PROMOTE: &str = "promote-read-replica";

/// RDS refuses it (the replica was being backed up), a read confirms that nothing happened, and it is tried again.
#[test]
fn refused_once_it_is_prepared_anew() {
    let mut rig = adopted(only("shop-ca"), 73);
    rig.twist(
        Aim::Next(PROMOTE),
        Twist::Refuse {
            status: 400,
            code: "InvalidDBInstanceState",
        },
    );
    east_dies_and_returns(&mut rig, &["shop-ca"]);
    let sent: Vec<Effect> = promotions(&rig, "shop-ca")
        .iter()
        .map(|(_, call)| call.effect)
        .collect();
    assert_eq!(sent, [Effect::Refused, Effect::Applied]);
    let phases = phases(&rig);
    let promoting = phases.iter().position(|phase| *phase == Phase::Promoting);
    let again = phases.iter().rposition(|phase| *phase == Phase::Preparing);
    assert!(promoting < again, "back to Preparing: {phases:?}");
    assert_moved_once(&rig, "shop-ca");
    assert_eq!(journal(&rig, "shop-ca").epoch, 2, "the same number");
    finish(&rig);
}

/// Its answer is lost: what the world shows counts, and nothing is sent again.
#[test]
fn unanswered_but_done_it_is_sent_once() {
    for seed in 0..12 {
        let mut rig = adopted(only("shop-ca"), seed);
        rig.twist(Aim::Next(PROMOTE), Twist::LoseReply);
        east_dies_and_returns(&mut rig, &["shop-ca"]);
        assert_eq!(promotions(&rig, "shop-ca").len(), 1, "seed {seed}");
        assert_moved_once(&rig, "shop-ca");
        finish(&rig);
    }
}

/// It never arrived: nobody knows that before two reads, the first 120 s after the licence has ended.
#[test]
fn lost_on_its_way_it_is_sent_again_only_when_it_cannot_arrive_any_more() {
    for seed in 0..4 {
        let mut rig = adopted(only("shop-geo"), seed);
        rig.twist(Aim::Next(PROMOTE), Twist::LoseRequest);
        east_dies_and_returns(&mut rig, &["shop-geo"]);
        let sent = promotions(&rig, "shop-geo");
        assert_eq!(sent.len(), 2, "seed {seed}");
        let apart = (sent[1].0 - sent[0].0) / 1000;
        assert!(apart >= 60 + 120, "seed {seed}: {apart} s apart");
        assert_moved_once(&rig, "shop-geo");
        finish(&rig);
    }
}

/// It is held up for 90 s and takes effect then.
#[test]
fn arriving_late_it_counts() {
    for seed in 0..4 {
        let mut rig = adopted(only("shop-geo"), seed);
        rig.twist(Aim::Next(PROMOTE), Twist::ArriveLate(90_000));
        east_dies_and_returns(&mut rig, &["shop-geo"]);
        assert_eq!(promotions(&rig, "shop-geo").len(), 1, "seed {seed}");
        assert_moved_once(&rig, "shop-geo");
        finish(&rig);
    }
}

/// The old region comes back while RDS promotes: past the point of no return a move is never undone.
#[test]
fn the_old_region_returns_too_late() {
    for shop in ["shop-ca", "shop-geo"] {
        let mut setup = only(shop);
        setup.timing.promotion_unseen = (10_000, 10_000);
        setup.timing.promotion_modifying = (300_000, 300_000);
        let mut rig = adopted(setup, 79);
        let fault = east_dies(&mut rig);
        assert!(rig.run_until(minutes(30), |rig| promotions_accepted(rig, shop) == 1));
        rig.run_for(seconds(5));
        rig.clear(fault);
        assert!(rig.run_until(minutes(60), |rig| outcome(rig, shop).is_some()));
        assert_eq!(
            outcome(&rig, shop),
            Some(MoveOutcome::Completed),
            "{}",
            states(&rig, &[shop])
        );
        assert!(
            rig.run_until(hours(2), |rig| is_whole(rig, shop)),
            "{}",
            states(&rig, &[shop])
        );
        assert_moved_once(&rig, shop);
        finish(&rig);
    }
}

/// The old region comes back before the promotion is sent: everything is undone.
#[test]
fn the_old_region_returns_in_time() {
    for shop in ["shop-ca", "shop-geo"] {
        let mut rig = adopted(only(shop), 83);
        let before = steering(&rig, shop);
        // Every PATCH is lost, so that the move waits in Excluding.
        let lost = rig.inject(breakwater_sim::Fault::LoseRequests {
            api: breakwater_sim::Api::Cloudflare,
            op: Some("patch-balancer".into()),
            count: 1_000,
        });
        let fault = east_dies(&mut rig);
        assert!(rig.run_until(minutes(30), |rig| phase(rig, shop) == Some(Phase::Excluding)));
        rig.run_for(seconds(20));
        rig.clear(fault);
        assert!(rig.run_until(minutes(30), |rig| outcome(rig, shop).is_some()));
        rig.clear(lost);
        assert_eq!(
            outcome(&rig, shop),
            Some(MoveOutcome::RolledBack),
            "{}",
            states(&rig, &[shop])
        );
        assert_eq!(promotions(&rig, shop).len(), 0);
        assert!(
            rig.run_until(hours(1), |rig| is_whole(rig, shop)),
            "{}",
            states(&rig, &[shop])
        );
        rig.run_for(minutes(30));
        assert_eq!(steering(&rig, shop), before, "{shop}: traffic as it was");
        let journal = journal(&rig, shop);
        assert_eq!(
            (journal.active_region.as_deref(), journal.epoch, journal.last_number),
            (Some(EAST), 1, 2)
        );
        assert!(
            glance(&rig, shop).instances[0].writable,
            "{shop}: the writer takes writes"
        );
        finish(&rig);
    }
}

fn phases(rig: &breakwater_rig::Rig) -> Vec<Phase> {
    let mut phases: Vec<Phase> = Vec::new();
    for phase in rig
        .history()
        .iter()
        .filter_map(|entry| Some(entry.journal.in_flight()?.phase))
    {
        if phases.last() != Some(&phase) {
            phases.push(phase);
        }
    }
    phases
}
