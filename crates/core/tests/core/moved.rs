//! A writer that others moved, and a promotion of ours that shows after a rollback.

use crate::scene::{A, B, Scene, cname, endpoint, proof, replica_instance, secs, unknown, writer_instance};
use breakwater_core::decision::{Effect, Next, Step, Wait};
use breakwater_core::journal::{MoveOutcome, ObligationKind};
use breakwater_core::outcome::{Ambiguity, Outcome};
use breakwater_core::owner_record::OwnerRecord;
use breakwater_core::reading::{ProofSeen, Seen, TroubleKind};
use breakwater_core::report::{ConditionStatus, report};
use breakwater_core::side::Side;

/// Somebody promotes B; A is left as it is.
fn promoted_by_hand(scene: &mut Scene) {
    let b = scene.instance(B);
    b.source = None;
    b.replication = None;
    b.backup_days = 7;
    scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, Some(A), true));
}

/// A has been made a replica of B.
fn follows_b(scene: &mut Scene) {
    let a = scene.instance(A);
    a.source = Some("arn:aws:rds:us-west-2:111122223333:db:shop-usw2".into());
    a.replication = replica_instance().replication;
    a.replicas = Vec::new();
}

/// A shop whose name a move of ours has repointed before, so that it is ours to keep.
fn kept() -> Scene {
    let mut scene = Scene::healthy();
    scene.journal.name_epoch = Some(1);
    scene
}

fn active(scene: &Scene) -> Option<Side> {
    scene.shop.side(scene.journal.active_region.as_deref()?)
}

fn stalled(scene: &Scene) -> (ConditionStatus, &'static str, String) {
    let report = report(&scene.input(), &scene.plan());
    let found = report
        .conditions
        .iter()
        .find(|condition| condition.kind == "Stalled")
        .unwrap();
    (found.status, found.reason, found.message.to_string())
}

fn effects(scene: &Scene, since: usize) -> Vec<Effect> {
    let of = |step: &Step| match step {
        Step::Effect(effect) => Some(effect.clone()),
        Step::Promote(_) => None,
    };
    scene.sent[since..].iter().filter_map(|(_, step)| of(step)).collect()
}

#[test]
fn one_writer_elsewhere_that_is_followed_is_adopted() {
    let mut scene = kept();
    promoted_by_hand(&mut scene);
    follows_b(&mut scene);
    scene.live(100);
    assert_eq!(active(&scene), Some(A), "not before two minutes without a change");
    let before = crate::scene::balancer();
    scene.live(60);
    assert_eq!(active(&scene), Some(B));
    assert_eq!(
        scene.journal.front,
        Some(scene.name(A)),
        "the first pool found stays the front"
    );
    assert_eq!(*scene.balancer(), before);
    assert_eq!((scene.journal.epoch, scene.journal.last_number), (2, 2), "max + 1");
    scene.live(300);
    let txt = scene.names().txt.as_ref().and_then(OwnerRecord::parse).unwrap();
    assert_eq!((txt.epoch, txt.region), (2, Some(scene.name(B))), "TXT follows");
    assert_eq!(scene.instance(B).tag_epoch, Some(2), "tags follow");
    assert_eq!(scene.names().writer, Some(cname(&endpoint(A))), "no name moves");
    assert!(
        scene
            .plan()
            .blockers
            .iter()
            .any(|blocker| blocker.name() == "RecordForeign")
    );
    assert_eq!(scene.journal.obligations, [], "its replica is the standby");
    assert_eq!(scene.refusals(), Vec::<&str>::new());
}

#[test]
fn a_writer_that_was_deleted_or_stopped_leaves_one_elsewhere() {
    for stopped in [false, true] {
        let mut scene = kept();
        promoted_by_hand(&mut scene);
        if stopped {
            scene.instance(A).status = "stopped".into();
        } else {
            scene.world.instance[A] = Seen::Absent;
        }
        scene.live(300);
        assert_eq!(active(&scene), Some(B), "stopped: {stopped}");
        let owed: Vec<_> = scene
            .journal
            .obligations
            .iter()
            .map(|o| (o.kind, o.region.clone()))
            .collect();
        assert_eq!(owed, [(ObligationKind::RebuildStandby, scene.name(A))]);
        // RDS starts it again on day 7: it is a former writer like any other.
        scene.world.instance[A] = Seen::Present(writer_instance());
        scene.live(300);
        assert_eq!(scene.instance(A).status, "stopped".into());
        assert_eq!(active(&scene), Some(B));
    }
}

#[test]
fn what_cannot_be_seen_is_not_gone() {
    for unseen in [
        Seen::Silent,
        unknown(TroubleKind::ServerError),
        unknown(TroubleKind::Denied),
    ] {
        let mut scene = kept();
        promoted_by_hand(&mut scene);
        scene.world.instance[A] = unseen;
        scene.live(3600);
        assert_eq!(active(&scene), Some(A));
        assert_eq!(scene.plan().next, Next::Wait(Wait::WriterUnclear));
        assert!(scene.refusals().contains(&"UnknownActive"));
        let (status, reason, message) = stalled(&scene);
        assert_eq!(status, ConditionStatus::True);
        if reason != "PermissionDenied" {
            assert_eq!(reason, "UnknownActive");
            assert!(message.contains("Adopt"), "{message}");
        }
    }
}

#[test]
fn a_writer_whose_follower_cannot_be_seen_is_not_adopted() {
    let mut scene = kept();
    follows_b(&mut scene);
    scene.world.instance[B] = Seen::Silent;
    scene.names().writer = Some(cname(&endpoint(B)));
    scene.live(1800);
    assert_eq!(active(&scene), Some(A));
    assert_eq!(
        scene.names().writer,
        Some(cname(&endpoint(B))),
        "I5: a name is never pointed at an instance that is seen to be a replica"
    );
    assert!(scene.refusals().contains(&"UnknownActive"));
}

#[test]
fn it_must_be_steady() {
    let mut scene = kept();
    promoted_by_hand(&mut scene);
    scene.world.instance[A] = Seen::Absent;
    for i in 0..40 {
        scene.instance(B).status = if i % 2 == 0 { "available" } else { "modifying" }.into();
        scene.live(60);
    }
    assert_eq!(active(&scene), Some(A));
}

#[test]
fn of_two_writers_nothing_is_touched_by_itself() {
    let mut scene = kept();
    promoted_by_hand(&mut scene);
    scene.live(60);
    let sent = scene.sent.len();
    // The person goes on: name and pools, and then A dies.
    scene.names().writer = Some(cname(&endpoint(B)));
    scene.balancer().default_pools.reverse();
    scene.live(1800);
    assert_eq!(scene.plan().next, Next::Wait(Wait::TwoWriters));
    assert_eq!(stalled(&scene).1, "UnknownActive");
    for said in ["shop-cac1", "shop-usw2", "Adopt"] {
        assert!(stalled(&scene).2.contains(said), "{}", stalled(&scene).2);
    }
    scene.kill_region();
    scene.live(3600);
    assert_eq!(effects(&scene, sent), []);
    assert_eq!(scene.promotions(), 0);
    assert_eq!(active(&scene), Some(A));
}

#[test]
fn one_of_two_writers_that_a_person_stops_decides_it() {
    let mut scene = kept();
    promoted_by_hand(&mut scene);
    scene.live(600);
    scene.instance(B).status = "stopped".into();
    scene.live(60);
    assert!(!scene.refusals().contains(&"UnknownActive"), "A is the only one again");
    assert_eq!(active(&scene), Some(A));
}

#[test]
fn two_writers_are_explained_while_the_fence_of_a_move_is_open() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(1200, |scene| {
        scene.promotions() == 1 && scene.journal.in_flight().is_none()
    });
    scene.revive_region();
    for _ in 0..60 {
        scene.live(10);
        assert!(!scene.refusals().contains(&"UnknownActive"));
    }
    assert_eq!(active(&scene), Some(B));
    assert_eq!(scene.instance(A).status, "stopped".into());
}

#[test]
fn another_instance_of_the_same_name_is_not_adopted() {
    let mut scene = kept();
    promoted_by_hand(&mut scene);
    scene.instance(B).resource_id = "db-OTHER".into();
    scene.world.instance[A] = Seen::Absent;
    scene.live(1800);
    assert_eq!(active(&scene), Some(A));
    assert!(
        scene
            .plan()
            .blockers
            .iter()
            .any(|blocker| blocker.name() == "InstanceReplaced")
    );
}

/// A move whose promotion was sent without an answer, and rolled back when A spoke again.
fn rolled_back() -> Scene {
    let mut scene = Scene::healthy();
    scene.kill_region();
    'out: for _ in 0..600 {
        scene.wait(10);
        scene.read();
        for step in scene.decide() {
            if matches!(step, Step::Promote(_)) {
                scene.sending(step);
                scene.answer(Outcome::Ambiguous(Ambiguity::TimedOut));
                break 'out;
            }
            scene.send(step);
        }
    }
    scene.revive_region();
    scene.world.lag_stops = None;
    scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, Some(A), true));
    scene.live(900);
    assert_eq!(
        scene.journal.current.as_ref().unwrap().outcome,
        Some(MoveOutcome::RolledBack)
    );
    scene
}

#[test]
fn a_promotion_of_ours_that_shows_after_a_rollback_leaves_the_writer_where_users_wrote() {
    let mut scene = rolled_back();
    promoted_by_hand(&mut scene);
    let sent = scene.sent.len();
    scene.live(600);
    assert_eq!(active(&scene), Some(A), "W stays A");
    let owed: Vec<_> = scene
        .journal
        .obligations
        .iter()
        .map(|o| (o.kind, o.region.clone(), o.number))
        .collect();
    let number = scene.journal.current.as_ref().unwrap().number;
    assert_eq!(owed, [(ObligationKind::RebuildStandby, scene.name(B), number)]);
    // What is sent makes the new standby.
    let mut fences = effects(&scene, sent);
    fences.retain(|effect| !matches!(effect, Effect::CopyGroup { .. } | Effect::CreateReplica { .. }));
    assert_eq!(fences, [], "nobody ever wrote to B: it is no former writer");
    let report = report(&scene.input(), &scene.plan());
    assert_eq!(report.reason, "LatePromotion");
    assert!(report.message.starts_with("CRITICAL"), "{}", report.message);
    assert!(scene.refusals().contains(&"ObligationOpen"));
}

#[test]
fn users_that_wrote_to_both_are_a_persons_to_judge() {
    let mut by_name = rolled_back();
    promoted_by_hand(&mut by_name);
    by_name.names().writer = Some(cname(&endpoint(B)));
    let mut by_proof = rolled_back();
    promoted_by_hand(&mut by_proof);
    by_proof.world.proof[B] = ProofSeen::Said(proof(&by_proof.shop, B, Some(B), true));
    for mut scene in [by_name, by_proof] {
        scene.live(600);
        assert_eq!(active(&scene), Some(A));
        assert_eq!(scene.journal.obligations, []);
        assert_eq!(scene.plan().next, Next::Wait(Wait::TwoWriters));
    }
}

#[test]
fn a_name_is_not_pointed_back_at_what_is_no_writer_any_more() {
    // I5: the person has moved everything by hand, the name too; until it is adopted our own idea of it waits.
    let mut scene = kept();
    promoted_by_hand(&mut scene);
    follows_b(&mut scene);
    scene.names().writer = Some(cname(&endpoint(B)));
    for _ in 0..60 {
        scene.live(10);
        assert_eq!(scene.names().writer, Some(cname(&endpoint(B))));
    }
    assert_eq!(active(&scene), Some(B));
    assert!(
        !scene
            .plan()
            .blockers
            .iter()
            .any(|blocker| blocker.name() == "RecordForeign")
    );
    assert!(scene.now.mono > secs(600));
}
