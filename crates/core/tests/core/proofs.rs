//! The proof contract.

use crate::scene::{A, B, Scene, proof, secs, uuid};
use breakwater_core::evidence::Standpoint;
use breakwater_core::facts::ProofVote;
use breakwater_core::reading::{Proof, ProofSeen};
use breakwater_core::side::Side;

fn vote(scene: &Scene) -> ProofVote {
    scene.facts().proof.value
}

fn say(scene: &mut Scene, side: Side, change: impl FnOnce(&mut Proof)) {
    let mut said = proof(&scene.shop, side, Some(A), true);
    change(&mut said);
    scene.world.proof[side] = ProofSeen::Said(said);
}

fn nothing(scene: &mut Scene, side: Side) {
    scene.world.proof[side] = ProofSeen::Nothing("time-out".into());
}

fn unreachable(said: &mut Proof) {
    said.writable = false;
    said.writer_uuid = None;
}

#[test]
fn a_write_that_went_through_from_either_region_is_up() {
    for (speaks, silent) in [(A, B), (B, A)] {
        let mut scene = Scene::healthy();
        nothing(&mut scene, silent);
        say(&mut scene, speaks, |_| {});
        scene.watch(60);
        assert_eq!(vote(&scene), ProofVote::Up, "{speaks:?}");
    }
}

#[test]
fn a_refused_write_means_that_it_lives() {
    let mut scene = Scene::healthy();
    for side in Side::BOTH {
        say(&mut scene, side, |said| said.writable = false);
    }
    scene.watch(60);
    assert_eq!(vote(&scene), ProofVote::Refused);
    let ours = scene.evidence.facts(
        scene.now,
        &scene.shop,
        Standpoint {
            active: A,
            fence_is_ours: true,
            excluded_in_move: false,
            journal: &scene.journal,
        },
    );
    assert_eq!(ours.proof.value, ProofVote::Up, "because of a fence that we set");
}

#[test]
fn only_the_active_regions_own_process_can_say_that_the_writer_is_out_of_reach() {
    let mut scene = Scene::healthy();
    say(&mut scene, A, unreachable);
    nothing(&mut scene, B);
    scene.watch(50);
    assert_eq!(vote(&scene), ProofVote::Down);
    assert_eq!(scene.facts().proof.held, secs(40));

    let mut scene = Scene::healthy();
    nothing(&mut scene, A);
    say(&mut scene, B, unreachable);
    scene.watch(60);
    assert_eq!(
        vote(&scene),
        ProofVote::Unknown,
        "B is on the other side of the same ocean"
    );
}

#[test]
fn a_proof_url_that_does_not_answer_is_unknown_and_never_down() {
    let mut scene = Scene::healthy();
    nothing(&mut scene, A);
    nothing(&mut scene, B);
    scene.watch(30);
    assert_eq!(
        vote(&scene),
        ProofVote::Up,
        "the last word is fresh for three intervals"
    );
    scene.watch(10);
    assert_eq!(vote(&scene), ProofVote::Unknown);
}

#[test]
fn anybody_who_reaches_the_writer_outweighs_one_who_does_not() {
    let mut scene = Scene::healthy();
    say(&mut scene, A, unreachable);
    scene.watch(60);
    assert_eq!(vote(&scene), ProofVote::Up, "B's process writes to it");
}

#[test]
fn writes_to_the_other_regions_database_say_nothing_about_the_writer() {
    let mut scene = Scene::healthy();
    nothing(&mut scene, A);
    scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, Some(B), true));
    scene.watch(60);
    assert_eq!(vote(&scene), ProofVote::Unknown);
}

#[test]
fn a_down_is_held_like_a_probe() {
    let mut scene = Scene::healthy();
    say(&mut scene, A, unreachable);
    nothing(&mut scene, B);
    scene.watch(60);
    say(&mut scene, A, |said| said.writable = false);
    scene.watch(10);
    assert_eq!(vote(&scene), ProofVote::Refused);
    say(&mut scene, A, unreachable);
    scene.watch(30);
    assert_eq!(scene.facts().proof.held, secs(0), "a sign of life starts anew");
    scene.watch(10);
    assert_eq!(scene.facts().proof.held, secs(30));
}

#[test]
fn the_vote_keeps_its_begin_while_both_processes_speak() {
    let mut scene = Scene::healthy();
    let since = scene.facts().proof.since.expect("a begin");
    scene.watch(120);
    assert_eq!(scene.facts().proof.since, Some(since));
    assert!(since <= scene.ago(120));
}

#[test]
fn a_vote_after_a_silence_begins_anew() {
    let mut scene = Scene::healthy();
    nothing(&mut scene, A);
    nothing(&mut scene, B);
    scene.watch(120);
    say(&mut scene, A, |_| {});
    scene.watch(10);
    assert_eq!(scene.facts().proof.since, Some(scene.now.wall));
    assert_eq!(scene.facts().proof.value, ProofVote::Up);
    assert_ne!(uuid(A), uuid(B));
}
