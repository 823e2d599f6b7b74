//! The fence on return.

use crate::scene::{A, B, Scene, proof, secs, uuid, writer_instance};
use breakwater_core::decision::{Effect, Step};
use breakwater_core::journal::ObligationKind;
use breakwater_core::outcome::{Outcome, Refusal};
use breakwater_core::reading::{ProofSeen, Seen};

fn moved() -> Scene {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(1200, |scene| {
        scene.promotions() == 1 && scene.journal.in_flight().is_none()
    });
    scene
}

fn comes_back(scene: &mut Scene) {
    scene.revive_region();
    scene.world.edge[A] = crate::scene::health(0, 0);
}

fn stops(step: &Step) -> bool {
    matches!(step, Step::Effect(Effect::Stop { .. }))
}

#[test]
fn a_former_writer_that_comes_back_is_tagged_made_read_only_and_stopped() {
    let mut scene = moved();
    let sent = scene.sent.len();
    scene.live(600);
    assert_eq!(scene.sent.len(), sent, "while its API is silent there is nothing to do");
    comes_back(&mut scene);
    scene.live(300);
    let order: Vec<&str> = scene.sent[sent..]
        .iter()
        .filter_map(|(_, step)| match step {
            Step::Effect(Effect::Tag { .. }) => Some("tag"),
            Step::Effect(Effect::SetReadOnly { on: true, .. }) => Some("read_only"),
            Step::Effect(Effect::Stop { .. }) => Some("stop"),
            _ => None,
        })
        .collect();
    assert_eq!(order.first(), Some(&"tag"), "tagged before it is fenced: {order:?}");
    assert!(order.contains(&"read_only") && order.contains(&"stop"), "{order:?}");
    assert_eq!(scene.instance(A).tag_fenced, Some(2));
    assert_eq!(&*scene.instance(A).status, "stopped");
    assert_eq!(
        scene.journal.owes(ObligationKind::FenceFormerWriter),
        None,
        "observed done"
    );
    assert!(scene.journal.owes(ObligationKind::RebuildStandby).is_some());
}

#[test]
fn a_stop_that_is_refused_is_tried_again_and_not_hammered() {
    // Case R7.
    let mut scene = moved();
    comes_back(&mut scene);
    let mut tries = 0;
    for _ in 0..120 {
        scene.wait(10);
        scene.read();
        for step in scene.decide() {
            if stops(&step) {
                tries += 1;
                let failures = tries;
                scene.sending(step);
                scene.answer(Outcome::Refused(Refusal {
                    code: "InvalidDBInstanceState".into(),
                    text: "has read replicas".into(),
                }));
                scene.calls.last_mut().unwrap().failures = failures;
            } else {
                scene.send(step);
            }
        }
    }
    assert!((3..20).contains(&tries), "{tries} tries in 20 minutes");
    assert!(scene.journal.owes(ObligationKind::FenceFormerWriter).is_some());
    assert_eq!(
        scene.journal.excluded,
        Some(scene.name(A)),
        "no users until it is fenced"
    );
    scene.live(400);
    assert_eq!(scene.journal.owes(ObligationKind::FenceFormerWriter), None);
}

#[test]
fn a_refused_write_of_the_application_observes_the_fence_but_not_of_a_nobody() {
    for (user, done) in [(Some("shop"), true), (None, false)] {
        let mut scene = moved();
        comes_back(&mut scene);
        scene.instance(A).status = "stopping".into();
        let mut said = proof(&scene.shop, A, Some(A), false);
        said.user = user.map(Into::into);
        scene.world.proof[A] = ProofSeen::Said(said);
        scene.live(60);
        assert_eq!(
            scene.journal.owes(ObligationKind::FenceFormerWriter).is_none(),
            done,
            "{user:?}"
        );
    }
}

#[test]
fn a_refused_write_to_another_database_observes_nothing() {
    let mut scene = moved();
    comes_back(&mut scene);
    scene.instance(A).status = "stopping".into();
    let mut said = proof(&scene.shop, A, Some(B), false);
    said.local_uuid = Some(uuid(A));
    scene.world.proof[A] = ProofSeen::Said(said);
    scene.live(60);
    assert!(scene.journal.owes(ObligationKind::FenceFormerWriter).is_some());
}

#[test]
fn rds_starts_it_on_day_seven_and_it_is_fenced_again() {
    // Case S6.
    let mut scene = moved();
    comes_back(&mut scene);
    scene.live(300);
    assert_eq!(scene.journal.owes(ObligationKind::FenceFormerWriter), None);
    let stopped = scene.sent.iter().filter(|(_, step)| stops(step)).count();
    scene.instance(A).status = "available".into();
    scene.live(120);
    assert_eq!(&*scene.instance(A).status, "stopped");
    assert_eq!(scene.sent.iter().filter(|(_, step)| stops(step)).count(), stopped + 1);
    assert_eq!(scene.journal.owes(ObligationKind::FenceFormerWriter), None);
}

#[test]
fn only_the_former_writers_own_instance_is_touched() {
    let mut scene = moved();
    comes_back(&mut scene);
    scene.live(1200);
    for (_, step) in &scene.sent {
        if let Step::Effect(Effect::Stop { scope, instance }) = step {
            assert_eq!((&scope.region, &**instance), (&scene.name(A), "shop-cac1"));
        }
    }
    assert_eq!(&*scene.instance(B).status, "available");
}

#[test]
fn an_unfence_closes_only_when_observed() {
    let mut scene = Scene::healthy();
    scene.world.proof[A] = ProofSeen::Said(proof(&scene.shop, A, None, false));
    scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, None, false));
    scene.world.lag_stops = Some(scene.now.wall);
    scene.live_until(600, |scene| scene.world.parameters[A].read_only.as_deref() == Some("1"));
    assert_eq!(scene.promotions(), 0);
    // It lives: the move is rolled back, and A's API does not answer.
    scene.revive_region();
    scene.world.lag_stops = None;
    scene.world.instance[A] = Seen::Silent;
    scene.world.proof[A] = ProofSeen::Said(proof(&scene.shop, A, Some(A), false));
    scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, Some(A), false));
    scene.live(120);
    assert!(
        scene.journal.in_flight().is_none(),
        "a refusal that is our own fence counts as Up"
    );
    scene.live(600);
    assert!(scene.journal.owes(ObligationKind::Unfence).is_some());
    let mut back = writer_instance();
    back.tag_fenced = Some(2);
    back.group_in_sync = false;
    scene.world.instance[A] = Seen::Present(back);
    scene.live(120);
    assert_eq!(scene.world.parameters[A].read_only.as_deref(), Some("{TrueIfReplica}"));
    assert!(
        scene.journal.owes(ObligationKind::Unfence).is_some(),
        "it has not arrived at the instance"
    );
    scene.instance(A).group_in_sync = true;
    scene.live(120);
    assert_eq!(scene.journal.owes(ObligationKind::Unfence), None);
    assert!(scene.now.mono > secs(0));
}
