//! A move from its number to its end, and its abort.

use crate::scene::{A, B, Scene, proof, secs, writer_instance};
use breakwater_core::decision::{Effect, Step};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::journal::{MoveOutcome, ObligationKind, Phase};
use breakwater_core::reading::{ProofSeen, Seen};
use breakwater_core::shop::Freeze;
use breakwater_core::time::{after, before};

fn phases(scene: &Scene) -> Vec<Phase> {
    let mut phases: Vec<Phase> = Vec::new();
    for journal in &scene.written {
        if let Some(current) = &journal.current
            && phases.last() != Some(&current.phase)
        {
            phases.push(current.phase);
        }
    }
    phases
}

fn until_phase(scene: &mut Scene, phase: Phase) {
    scene.live_until(600, |scene| scene.journal.in_flight().is_some_and(|m| m.phase == phase));
}

fn lives_again(scene: &mut Scene) {
    scene.revive_region();
    scene.world.lag_stops = None;
    scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, Some(A), true));
}

#[test]
fn a_dead_region_is_left_from_beginning_to_end() {
    for proofs in [true, false] {
        let mut scene = if proofs {
            Scene::healthy()
        } else {
            Scene::without_proofs()
        };
        scene.kill_region();
        let dead = scene.now;
        scene.live_until(1200, |scene| {
            scene.journal.current.as_ref().is_some_and(|m| m.outcome.is_some())
        });
        assert_eq!(
            phases(&scene),
            [
                Phase::Requested,
                Phase::Preparing,
                Phase::Excluding,
                Phase::Promoting,
                Phase::Repointing,
                Phase::Verifying
            ]
        );
        let ended = scene.journal.current.clone().unwrap();
        assert_eq!(ended.outcome, Some(MoveOutcome::Completed));
        assert!(ended.verified_at.is_some());
        assert_eq!(scene.promotions(), 1);
        assert_eq!(scene.journal.active_region, Some(scene.name(B)));
        assert_eq!((scene.journal.epoch, scene.journal.last_number), (2, 2));
        assert_eq!(scene.journal.front, Some(scene.name(B)));
        assert_eq!(scene.journal.excluded, Some(scene.name(A)));
        let owed: Vec<_> = scene.journal.obligations.iter().map(|o| o.kind).collect();
        assert!(owed.contains(&ObligationKind::FenceFormerWriter));
        assert!(owed.contains(&ObligationKind::RebuildStandby));
        assert!(!owed.contains(&ObligationKind::Unfence));
        let cool_down = scene.journal.cool_down_until.unwrap();
        assert!(cool_down > after(scene.now.wall, secs(3500)));
        let promoted = scene.first_sent(|step| matches!(step, Step::Promote(_))).unwrap();
        assert!(promoted.mono - dead.mono >= scene.shop.policy.promote_after);
        // The true loss: B holds nothing written after the death.
        let loss = ended.loss.unwrap();
        assert!(loss.caught_up_to <= dead.wall);
        assert!(loss.seconds <= 300);
        assert_eq!(scene.instance(B).tag_epoch, Some(2));
    }
}

#[test]
fn every_entry_is_signed_and_numbers_only_grow() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live(1200);
    let (mut epoch, mut number) = (0, 0);
    for journal in &scene.written {
        assert_eq!(journal.version, breakwater_core::journal::JOURNAL_VERSION);
        assert_eq!(journal.holder, scene.me);
        assert!(journal.epoch >= epoch && journal.last_number >= number);
        (epoch, number) = (journal.epoch, journal.last_number);
    }
}

#[test]
fn a_database_that_speaks_again_aborts_the_move_before_the_point_of_no_return() {
    for phase in [Phase::Preparing, Phase::Excluding] {
        let mut scene = Scene::healthy();
        scene.kill_region();
        if phase == Phase::Excluding {
            // The exclusion cannot be read back, so that the move stays there.
            scene.live_until(300, |scene| scene.journal.in_flight().is_some());
            let stuck = scene.world.balancers[0].clone();
            scene.world.balancers[0] = Seen::Silent;
            scene.live(10);
            scene.world.balancers[0] = stuck;
        }
        until_phase(&mut scene, phase);
        lives_again(&mut scene);
        scene.live(120);
        let ended = scene.journal.current.clone().unwrap();
        assert_eq!(ended.outcome, Some(MoveOutcome::RolledBack), "{phase:?}: {ended:?}");
        assert!(ended.because.is_some());
        assert_eq!(scene.promotions(), 0);
        assert_eq!(scene.journal.excluded, None);
        assert_eq!(scene.journal.last_number, 2, "a rolled-back move burns its number");
        assert_eq!(scene.journal.epoch, 1);
        let cool_down = scene.journal.cool_down_until.unwrap();
        assert_eq!(cool_down, after(ended.since, secs(120)));
        // Everything is as it was.
        scene.live(1200);
        assert_eq!(scene.journal.front, Some(scene.name(A)));
        assert_eq!(*scene.balancer(), crate::scene::balancer());
        assert_eq!(scene.instance(A).tag_fenced, None);
        assert_eq!(scene.world.parameters[A].read_only.as_deref(), Some("{TrueIfReplica}"));
        assert!(scene.journal.obligations.is_empty(), "{:?}", scene.journal.obligations);
    }
}

#[test]
fn a_proof_alone_aborts_it_though_the_link_stays_broken() {
    // Two rounds in which the shop writes again; replication does not come back by itself.
    let mut scene = Scene::healthy();
    scene.kill_region();
    until_phase(&mut scene, Phase::Excluding);
    scene.world.proof[A] = ProofSeen::Said(proof(&scene.shop, A, Some(A), true));
    scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, Some(A), true));
    // Nothing is sent meanwhile: the exclusion hangs.
    for _ in 0..3 {
        scene.wait(10);
        scene.read();
        scene.decide();
    }
    let ended = scene.journal.current.clone().unwrap();
    assert_eq!(ended.outcome, Some(MoveOutcome::RolledBack), "{ended:?}");
}

#[test]
fn one_round_is_not_enough_to_abort_but_stops_the_licence() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    until_phase(&mut scene, Phase::Excluding);
    scene.world.proof[A] = ProofSeen::Said(proof(&scene.shop, A, Some(A), true));
    scene.live(10);
    assert_eq!(scene.promotions(), 0);
    assert!(scene.journal.in_flight().is_some(), "one Up");
    scene.kill_region();
    scene.live_until(120, |scene| scene.promotions() == 1);
}

#[test]
fn a_deadline_that_passed_rolls_it_back() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    until_phase(&mut scene, Phase::Excluding);
    scene.balancer().named_elsewhere = vec!["pool-ca".into()];
    scene.live(900);
    let ended = scene.written.iter().rev().find_map(|journal| {
        let current = journal.current.as_ref()?;
        (current.number == 2 && current.outcome.is_some()).then_some(current.clone())
    });
    assert_eq!(ended.expect("an end").outcome, Some(MoveOutcome::RolledBack));
    assert_eq!(scene.promotions(), 0);
}

#[test]
fn refusals_are_asked_again_before_the_licence() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    until_phase(&mut scene, Phase::Excluding);
    scene.shop.policy.freezes = vec![Freeze {
        name: "sale".into(),
        from: before(scene.now.wall, secs(1)),
        until: after(scene.now.wall, secs(120)),
    }];
    scene.live(100);
    assert_eq!(scene.promotions(), 0);
    scene.live_until(120, |scene| scene.promotions() == 1);
}

#[test]
fn the_fresh_round_must_be_of_every_source() {
    // After the read-back everything but one source is read again: no licence.
    type Read = fn(&mut Scene);
    let sources: &[(&str, Read)] = &[
        ("probes", Scene::read_probes),
        ("edge", Scene::read_edge),
        ("instance of A", |scene| scene.read_instance(A)),
        ("instance of B", |scene| scene.read_instance(B)),
        ("lag", Scene::read_lag),
        ("proofs", Scene::read_proofs),
    ];
    for (skipped, (name, _)) in sources.iter().enumerate() {
        let mut scene = Scene::healthy();
        scene.kill_region();
        until_phase(&mut scene, Phase::Excluding);
        scene.live(10);
        assert_eq!(scene.promotions(), 0);
        // Read back now; then one round without this source.
        for _ in 0..2 {
            scene.wait(5);
            scene.read_documents();
            for (i, (_, read)) in sources.iter().enumerate() {
                if i != skipped {
                    read(&mut scene);
                }
            }
            let steps = scene.decide();
            assert!(
                !steps.iter().any(|step| matches!(step, Step::Promote(_))),
                "without {name}"
            );
        }
        scene.wait(1);
        sources[skipped].1(&mut scene);
        let steps = scene.decide();
        assert!(
            steps.iter().any(|step| matches!(step, Step::Promote(_))),
            "with {name}: {:?}",
            scene.plan().next
        );
    }
}

#[test]
fn where_the_old_writer_answers_it_is_made_read_only_first_and_waited_for_20_s_at_most() {
    let mut scene = Scene::healthy();
    // The database is dead for its shop, and RDS still answers.
    scene.world.proof[A] = ProofSeen::Said(proof(&scene.shop, A, None, false));
    scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, None, false));
    scene.world.lag_stops = Some(scene.now.wall);
    until_phase(&mut scene, Phase::Preparing);
    assert_eq!(scene.plan().diagnosis, Diagnosis::DatabaseDown);
    assert!(
        scene.journal.owes(ObligationKind::Unfence).is_some(),
        "journalled before the call"
    );
    let began = scene.now;
    let reads_only = |step: &Step| matches!(step, Step::Effect(Effect::SetReadOnly { on: true, .. }));
    until_phase(&mut scene, Phase::Excluding);
    assert!(scene.now.mono - began.mono <= secs(30));
    scene.live_until(300, |scene| scene.promotions() == 1);
    assert!(scene.first_sent(reads_only).is_some());
}

#[test]
fn a_default_or_shared_group_is_never_changed() {
    for (group, shared) in [("default.mysql8.0", false), ("shop-cac1", true)] {
        let mut scene = Scene::healthy();
        scene.instance(A).group = group.into();
        scene.instance(A).group_shared = shared;
        scene.live(30);
        scene.world.proof[A] = ProofSeen::Said(proof(&scene.shop, A, None, false));
        scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, None, false));
        scene.world.lag_stops = Some(scene.now.wall);
        scene.live_until(600, |scene| scene.promotions() == 1);
        scene.live(600);
        let touched = scene.first_sent(|step| matches!(step, Step::Effect(Effect::SetReadOnly { .. })));
        assert_eq!(touched, None, "{group}");
        assert_eq!(&*scene.instance(A).status, "stopped", "then stopping is the only fence");
    }
}

#[test]
fn a_move_past_its_point_of_no_return_is_carried_on_by_the_next_process() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(600, |scene| scene.promotions() == 1);
    scene.me = "controller-2".into();
    scene.calls.clear();
    scene.evidence = breakwater_core::evidence::Evidence::new(&scene.shop, scene.journal.ever_up.clone());
    scene.actual = breakwater_core::actual::Actual::new(&scene.shop);
    scene.live_until(900, |scene| scene.journal.in_flight().is_none());
    assert_eq!(
        scene.journal.current.as_ref().unwrap().outcome,
        Some(MoveOutcome::Completed)
    );
    assert_eq!(scene.promotions(), 1);
}

#[test]
fn not_verified_in_ten_minutes_is_completed_and_said_so() {
    let mut scene = Scene::without_proofs();
    scene.kill_region();
    until_phase(&mut scene, Phase::Repointing);
    scene.world.probe[B] = breakwater_core::reading::ProbeSeen::Status(503);
    until_phase(&mut scene, Phase::Verifying);
    scene.live(580);
    assert!(scene.journal.in_flight().is_some());
    scene.live(60);
    let ended = scene.journal.current.clone().unwrap();
    assert_eq!(ended.outcome, Some(MoveOutcome::Completed));
    assert_eq!(ended.verified_at, None);
    assert_eq!(scene.journal.active_region, Some(scene.name(B)), "never back by itself");
}

#[test]
fn nothing_fails_back_by_itself() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live(1200);
    scene.revive_region();
    scene.live(4000);
    // B dies: an obligation is open, nobody promotes anything.
    scene.world.probe[B] = breakwater_core::reading::ProbeSeen::TimedOut;
    scene.world.edge[B] = crate::scene::health(0, 12);
    scene.world.instance[B] = Seen::Silent;
    scene.live(2000);
    assert_eq!(scene.promotions(), 1);
    assert_eq!(scene.journal.active_region, Some(scene.name(B)));
    assert_eq!(writer_instance().tag_fenced, None);
}
