//! One licence, one promotion, within 60 s, never by another process.

use crate::scene::{A, B, Scene, secs, unknown, writer_instance};
use breakwater_core::decision::{Next, Step, Wait};
use breakwater_core::journal::{MoveOutcome, ObligationKind, Phase};
use breakwater_core::outcome::{Ambiguity, Outcome, Receipt, Refusal};
use breakwater_core::reading::TroubleKind;

/// A move whose licence has just been written; the promotion has not been sent.
fn licensed() -> (Scene, Step) {
    let mut scene = Scene::healthy();
    scene.kill_region();
    for _ in 0..600 {
        scene.wait(10);
        scene.read();
        for step in scene.decide() {
            if matches!(step, Step::Promote(_)) {
                return (scene, step);
            }
            scene.send(step);
        }
    }
    panic!("no promotion: {:?}", scene.plan());
}

fn promotes(scene: &Scene) -> bool {
    match scene.plan().next {
        Next::Act(steps) => steps.iter().any(|step| matches!(step, Step::Promote(_))),
        _ => false,
    }
}

fn phase(scene: &Scene) -> Option<Phase> {
    scene.journal.in_flight().map(|m| m.phase)
}

/// Lets time pass and takes entries, but does not send anything.
fn idle(scene: &mut Scene, seconds: u64) {
    for _ in 0..seconds / 10 {
        scene.wait(10);
        scene.read();
        scene.decide();
    }
}

#[test]
fn the_licence_is_written_before_the_call_and_opens_the_fence() {
    let (scene, step) = licensed();
    let current = scene.journal.in_flight().unwrap();
    let licence = current.licence.as_ref().expect("a licence");
    assert_eq!(current.phase, Phase::Promoting);
    assert_eq!(licence.at, scene.now.wall);
    assert_eq!(licence.by, scene.me);
    let owed = scene
        .journal
        .owes(ObligationKind::FenceFormerWriter)
        .expect("a fence is owed");
    assert_eq!((&owed.region, owed.number), (&scene.name(A), current.number));
    let Step::Promote(promotion) = step else { unreachable!() };
    assert_eq!(promotion.number, current.number);
    assert_eq!(
        (&promotion.scope.region, &*promotion.instance),
        (&scene.name(B), "shop-usw2")
    );
    assert!(
        promotion.backup_days > 0,
        "set later it would be an outage of the live writer"
    );
}

#[test]
fn it_lasts_sixty_seconds() {
    let (scene, _) = licensed();
    let later = |seconds: u64| {
        let mut scene = scene.clone();
        scene.wait(seconds);
        promotes(&scene)
    };
    assert!(later(0));
    assert!(later(59));
    assert!(!later(60));
    assert!(!later(600));
}

#[test]
fn it_is_used_once_whatever_the_answer() {
    let answers = [
        None,
        Some(Outcome::Accepted(Receipt::default())),
        Some(Outcome::Ambiguous(Ambiguity::TimedOut)),
        Some(Outcome::Ambiguous(Ambiguity::ServerError)),
        Some(Outcome::Throttled(None)),
        Some(Outcome::Denied("no".into())),
        Some(Outcome::Refused(Refusal {
            code: "InvalidDBInstanceState".into(),
            text: "not in a state".into(),
        })),
    ];
    for answer in answers {
        let (mut scene, step) = licensed();
        scene.sending(step);
        if let Some(outcome) = answer.clone() {
            scene.answer(outcome);
        }
        for _ in 0..60 {
            assert!(!promotes(&scene), "{answer:?}");
            scene.wait(1);
        }
    }
}

#[test]
fn another_process_never_uses_it() {
    let (mut scene, _) = licensed();
    scene.me = "controller-2".into();
    assert!(!promotes(&scene));
    assert_eq!(scene.plan().next, Next::Wait(Wait::LicenceOver));
    scene.calls.clear();
    idle(&mut scene, 120);
    assert!(!promotes(&scene));
    assert_eq!(phase(&scene), Some(Phase::Promoting), "it counts as sent");
}

#[test]
fn a_takeover_goes_back_only_when_two_reads_long_after_show_an_unchanged_replica() {
    let (mut scene, _) = licensed();
    scene.me = "controller-2".into();
    let written = scene.now;
    while phase(&scene) == Some(Phase::Promoting) {
        idle(&mut scene, 10);
        assert!(scene.now.mono - written.mono < secs(600), "never back");
    }
    let passed = scene.now.mono - written.mono;
    // 60 s of licence, 120 s, the second read.
    assert!(passed >= secs(190), "{passed:?}");
    assert_eq!(phase(&scene), Some(Phase::Preparing));
    assert_eq!(scene.journal.excluded, Some(scene.name(A)), "A stays excluded");
}

#[test]
fn an_unanswered_call_goes_back_the_same_way() {
    let (mut scene, step) = licensed();
    scene.sending(step);
    scene.wait(4);
    scene.answer(Outcome::Ambiguous(Ambiguity::TimedOut));
    idle(&mut scene, 170);
    assert_eq!(phase(&scene), Some(Phase::Promoting));
    idle(&mut scene, 10);
    assert_eq!(phase(&scene), Some(Phase::Promoting), "one read");
    idle(&mut scene, 10);
    assert_eq!(phase(&scene), Some(Phase::Preparing));
}

#[test]
fn it_does_not_go_back_while_nobody_can_read_the_replica_or_it_is_changing() {
    for (what, change) in [
        ("unreadable", None),
        ("modifying, the source still set", Some("modifying")),
        ("rebooting", Some("rebooting")),
    ] {
        let (mut scene, step) = licensed();
        scene.sending(step);
        scene.answer(Outcome::Ambiguous(Ambiguity::ConnectionLost));
        match change {
            Some(status) => scene.instance(B).status = status.into(),
            None => scene.world.instance[B] = unknown(TroubleKind::TimedOut),
        }
        idle(&mut scene, 1200);
        assert_eq!(phase(&scene), Some(Phase::Promoting), "{what}");
        assert!(!promotes(&scene));
    }
}

#[test]
fn a_refusal_is_confirmed_by_a_read_and_leads_back_to_preparing() {
    for outcome in [
        Outcome::Refused(Refusal {
            code: "InvalidDBInstanceState".into(),
            text: "backing up".into(),
        }),
        Outcome::Throttled(Some(2)),
        Outcome::Denied("AccessDenied".into()),
    ] {
        let (mut scene, step) = licensed();
        scene.wait(1);
        scene.sending(step);
        scene.answer(outcome.clone());
        scene.decide();
        assert_eq!(phase(&scene), Some(Phase::Promoting), "{outcome:?}: not before a read");
        scene.wait(5);
        scene.read();
        scene.decide();
        assert_eq!(phase(&scene), Some(Phase::Preparing), "{outcome:?}");
        assert_eq!(scene.journal.excluded, Some(scene.name(A)));
        // Evidence and loss are taken anew, and the next promotion has a licence of its own.
        let old = scene.journal.in_flight().unwrap().licence.clone();
        let number = scene.journal.in_flight().unwrap().number;
        scene.live_until(120, |scene| scene.promotions() > 1);
        let current = scene.journal.current.clone().unwrap();
        assert_eq!(current.number, number);
        assert_ne!(current.licence, old);
    }
}

#[test]
fn a_refusal_whose_read_shows_the_promotion_counts_as_done() {
    // "Not a read replica": RDS says the same when an earlier request of ours went through.
    let (mut scene, step) = licensed();
    scene.sending(step);
    scene.answer(Outcome::Refused(Refusal {
        code: "InvalidDBInstanceState".into(),
        text: "is not a read replica".into(),
    }));
    let b = scene.instance(B);
    b.source = None;
    b.replication = None;
    scene.live(60);
    assert_eq!(scene.journal.active_region, Some(scene.name(B)));
    assert_eq!(scene.promotions(), 1);
}

#[test]
fn after_the_promotion_was_sent_nothing_is_undone() {
    // Point of no return: A comes back and sells, and the promotion has no answer yet.
    let (mut scene, step) = licensed();
    scene.sending(step);
    scene.revive_region();
    idle(&mut scene, 60);
    assert_eq!(phase(&scene), Some(Phase::Promoting));
    scene.answer(Outcome::Accepted(Receipt::default()));
    idle(&mut scene, 4000);
    assert_eq!(
        phase(&scene),
        Some(Phase::Promoting),
        "past its deadline it is Stalled, never undone"
    );
    assert_eq!(scene.journal.current.as_ref().unwrap().outcome, None);
    assert_eq!(scene.journal.excluded, Some(scene.name(A)), "I8");
}

#[test]
fn back_in_preparing_it_may_be_aborted_again() {
    let (mut scene, step) = licensed();
    scene.sending(step);
    scene.answer(Outcome::Ambiguous(Ambiguity::TimedOut));
    scene.revive_region();
    scene.world.lag_stops = None;
    let said = crate::scene::proof(&scene.shop, B, Some(A), true);
    scene.world.proof[B] = breakwater_core::reading::ProofSeen::Said(said);
    scene.live(600);
    let ended = scene.journal.current.clone().unwrap();
    assert_eq!(ended.outcome, Some(MoveOutcome::RolledBack));
    assert_eq!(scene.promotions(), 1);
    assert_eq!(scene.journal.active_region, Some(scene.name(A)));
    assert_eq!(scene.journal.owes(ObligationKind::FenceFormerWriter), None);
    assert_eq!(scene.instance(A).tag_fenced, None, "what fenced it is undone");
    assert_eq!(scene.world.parameters[A].read_only.as_deref(), Some("{TrueIfReplica}"));
    assert_eq!(scene.journal.excluded, None);
}

#[test]
fn only_a_promotion_that_shows_makes_the_other_region_active() {
    let (mut scene, step) = licensed();
    scene.sending(step);
    scene.answer(Outcome::Accepted(Receipt::default()));
    // `modifying` with the source still set, then the source gone once, then twice.
    scene.instance(B).status = "modifying".into();
    idle(&mut scene, 120);
    assert_eq!(scene.journal.active_region, Some(scene.name(A)));
    scene.instance(B).source = None;
    idle(&mut scene, 10);
    assert_eq!(scene.journal.active_region, Some(scene.name(A)), "one read");
    idle(&mut scene, 10);
    assert_eq!(scene.journal.active_region, Some(scene.name(B)));
    let number = scene.journal.in_flight().unwrap().number;
    assert_eq!(scene.journal.epoch, number);
    assert_eq!(
        phase(&scene),
        Some(Phase::Promoting),
        "Repointing begins when it is done"
    );
    // The replication status may stay for a while.
    scene.instance(B).status = "available".into();
    idle(&mut scene, 60);
    assert_eq!(phase(&scene), Some(Phase::Promoting));
    scene.instance(B).replication = None;
    idle(&mut scene, 10);
    assert_eq!(phase(&scene), Some(Phase::Promoting), "twice in a row");
    idle(&mut scene, 10);
    assert_eq!(phase(&scene), Some(Phase::Repointing));
}

#[test]
fn a_proof_of_the_standby_that_takes_writes_shows_it_too() {
    let (mut scene, step) = licensed();
    scene.sending(step);
    let said = crate::scene::proof(&scene.shop, B, Some(B), true);
    scene.world.proof[B] = breakwater_core::reading::ProofSeen::Said(said);
    scene.wait(10);
    scene.read_proofs();
    scene.decide();
    assert_eq!(scene.journal.active_region, Some(scene.name(B)));
    assert_eq!(writer_instance().source, None);
}
