//! Section 6, pacing: whose turn has not come does not begin, and no licence is written in a minute that is full.

use crate::scene::{A, Scene, at, secs};
use breakwater_core::facts::{EdgeVote, LinkVote, ProbeVote, ProofVote, Vote};
use breakwater_core::journal::Phase;
use breakwater_core::loss::writes_stopped;
use breakwater_core::pacing::{Attention, Place, Turn};
use breakwater_core::report::report;
use breakwater_core::time::after;

fn seventh(scene: &Scene) -> Place {
    Place {
        place: 7,
        per_minute: 20,
        by: after(scene.now.wall, secs(60)),
    }
}

#[test]
fn who_is_queued_does_not_begin_and_says_its_place() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.turn = Turn::Queued(seventh(&scene));
    scene.watch(240);
    scene.decide();
    assert!(scene.journal.in_flight().is_none());
    assert_eq!(scene.refusals(), ["Paced"]);
    let said = report(&scene.input(), &scene.plan());
    assert!(
        said.message
            .contains("7th in the queue of its class; 20 promotions a minute; expected by"),
        "{}",
        said.message
    );
    scene.turn = Turn::Called;
    scene.decide();
    assert!(scene.journal.in_flight().is_some());
}

#[test]
fn no_licence_is_written_in_a_minute_that_is_full() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(600, |scene| {
        scene.journal.in_flight().is_some_and(|m| m.phase == Phase::Excluding)
    });
    scene.turn = Turn::NextMinute(seventh(&scene));
    scene.live(120);
    assert_eq!(scene.journal.in_flight().unwrap().phase, Phase::Excluding);
    assert_eq!(scene.promotions(), 0);
    scene.turn = Turn::Called;
    scene.live(60);
    assert_eq!(scene.promotions(), 1);
}

/// Preparing and excluding need no promotion: they are not held up.
#[test]
fn a_full_minute_holds_up_nothing_but_the_licence() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.turn = Turn::NextMinute(seventh(&scene));
    scene.live(400);
    assert_eq!(scene.journal.in_flight().unwrap().phase, Phase::Excluding);
}

#[test]
fn what_a_shop_wants_of_the_queue() {
    let mut scene = Scene::healthy();
    assert_eq!(scene.plan().attention, Attention::None);
    scene.kill_region();
    scene.watch(30);
    assert_eq!(scene.plan().attention, Attention::Wanted);
    scene.shop.policy.max_loss = secs(1);
    scene.watch(240);
    assert_eq!(
        scene.plan().attention,
        Attention::Judged,
        "a loss over its budget does not shrink"
    );
    scene.shop.policy.max_loss = secs(300);
    assert_eq!(scene.plan().attention, Attention::Wanted);
    scene.decide();
    assert_eq!(scene.plan().attention, Attention::Held);
}

/// Nobody has seen users' view Down while a loss within the budget was still possible: others go first.
#[test]
fn who_would_lose_too_much_lets_others_go_first() {
    let mut scene = Scene::without_proofs();
    scene.kill_region();
    let probed_only = |scene: &mut Scene, seconds: u64| {
        for _ in 0..seconds / 10 {
            scene.wait(10);
            scene.read_probes();
        }
    };
    probed_only(&mut scene, 60);
    assert_eq!(scene.plan().attention, Attention::Wanted);
    probed_only(&mut scene, 600);
    assert_eq!(scene.plan().attention, Attention::OverBudget);
}

/// Readings of users' view that lie far apart, all of them Down: writes stopped at the first of them.
#[test]
fn the_estimate_does_not_grow_in_the_queue() {
    let scene = Scene::healthy();
    let mut facts = scene.facts();
    let since = |seconds| Some(at(seconds).wall);
    facts.a.probe.value = ProbeVote::Down;
    facts.a.probe.since = since(100);
    facts.a.writer_services_down = Vote::none(true);
    facts.a.writer_services_down.since = since(100);
    facts.a.edge.value = EdgeVote::Down;
    facts.a.edge.since = since(2000);
    facts.a.edge_down_since = since(180);
    facts.link.value = LinkVote::Broken;
    facts.link.since = since(160);
    facts.proof = Vote::none(ProofVote::Unknown);
    assert_eq!(facts.active, A);
    assert_eq!(writes_stopped(&facts.a, &facts.proof, &facts.link), since(180));
}
