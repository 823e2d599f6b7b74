//! What we think of our own eyes.

use crate::scene::{A, B, Scene};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::facts::{SelfVote, SuspectWhy};
use breakwater_core::reading::ProbeSeen;

#[test]
fn when_no_reference_answers_for_three_intervals_nothing_is_believed() {
    let mut scene = Scene::healthy();
    scene.world.reference = ProbeSeen::TimedOut;
    scene.watch(30);
    assert_eq!(scene.facts().myself, SelfVote::Trusted);
    scene.watch(10);
    assert_eq!(scene.facts().myself, SelfVote::Suspect(SuspectWhy::NoReference));
    assert_eq!(scene.plan().diagnosis, Diagnosis::ObserverSuspect);
}

#[test]
fn an_answer_of_any_kind_is_an_answer() {
    let mut scene = Scene::healthy();
    scene.world.reference = ProbeSeen::Status(503);
    scene.watch(120);
    assert_eq!(scene.facts().myself, SelfVote::Trusted);
}

#[test]
fn a_network_policy_that_hides_everything_moves_nothing() {
    // Case F2.
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.world.probe[B] = ProbeSeen::TimedOut;
    scene.world.reference = ProbeSeen::TimedOut;
    let (front, sent) = (scene.journal.front.clone(), scene.sent.len());
    scene.live(900);
    assert_eq!(scene.plan().diagnosis, Diagnosis::ObserverSuspect);
    assert_eq!(scene.sent.len(), sent, "losing sight changes nothing in the world (I9)");
    assert_eq!(scene.journal.front, front);
    assert!(scene.journal.in_flight().is_none());
    assert_eq!(scene.journal.active_region, Some(scene.name(A)));
}
