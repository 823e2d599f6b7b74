//! Section 6, pacing: whose turn has not come does not begin, and no licence is written in a minute that is full.

use crate::scene::{A, B, Scene, at, secs};
use breakwater_core::decision::Look;
use breakwater_core::facts::{EdgeVote, LinkVote, ProbeVote, ProofVote, Vote};
use breakwater_core::journal::{MoveKind, Phase};
use breakwater_core::loss::writes_stopped;
use breakwater_core::pacing::{Attention, Place, Turn};
use breakwater_core::reading::Query;
use breakwater_core::report::report;
use breakwater_core::request::{Override, Request, Verdict};
use breakwater_core::time::after;
use breakwater_core::window::{CONFIRM_APART, FRESH_CLOUD};

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

/// What is asked about users' view of A.
fn users_view(scene: &Scene) -> Look {
    let pool = scene.shop.regions[A].pool.clone();
    let mut looks = scene.plan().look.into_iter();
    let look = looks.find(|look| matches!(&look.query, Query::PoolHealth { pool: asked, .. } if *asked == pool));
    look.expect("it is always asked about")
}

/// Probes see the region dead; users' view was read long ago.
fn dead_by_probes(turn: fn(&Scene) -> Turn) -> Scene {
    let mut scene = Scene::without_proofs();
    scene.wait(600);
    scene.read_probes();
    scene.read_instance(A);
    scene.read_instance(B);
    scene.read_lag();
    scene.kill_region();
    scene.wait(10);
    scene.read_probes();
    scene.turn = turn(&scene);
    scene
}

/// A monitor of 60 s with two more tries of 5 s each has noticed in every city after 75 s.
#[test]
fn users_view_is_not_read_before_monitors_can_have_noticed() {
    let mut scene = dead_by_probes(|_| Turn::Called);
    let look = users_view(&scene);
    assert_eq!(look.newer_than, Some(scene.now.mono + secs(75)));
    assert!(look.every > secs(3600), "and not before: {:?}", look.every);
    for _ in 0..8 {
        scene.wait(10);
        scene.read_probes();
    }
    assert!(
        users_view(&scene).every <= secs(30),
        "then at once, and anew until it is Down"
    );
    scene.read_edge();
    let confirming = users_view(&scene);
    assert!(
        confirming.every >= CONFIRM_APART && confirming.every <= secs(25),
        "once more to confirm it: {:?}",
        confirming.every
    );
    scene.wait(22);
    scene.read_probes();
    scene.read_edge();
    let kept = users_view(&scene).every;
    assert!(
        kept >= secs(60) && kept < FRESH_CLOUD,
        "then before it grows old: {kept:?}"
    );
}

#[test]
fn with_nobody_in_its_way_it_reads_users_view_at_once() {
    let scene = dead_by_probes(|_| Turn::AtEase);
    let look = users_view(&scene);
    assert_eq!((look.newer_than, look.every), (None, secs(10)));
}

/// The order of the queue is the order of the first looks.
#[test]
fn who_waits_looks_in_the_order_of_the_queue() {
    let mut scene = dead_by_probes(|scene| Turn::Queued(seventh(scene)));
    let at_place = |scene: &mut Scene, place| {
        scene.turn = Turn::Queued(Place {
            place,
            ..seventh(scene)
        });
        users_view(scene).newer_than.expect("it looks while it waits")
    };
    let (seventh, hundredth) = (at_place(&mut scene, 7), at_place(&mut scene, 100));
    assert!(seventh >= scene.now.mono + secs(75));
    assert!(hundredth >= seventh + secs(5), "{seventh:?} {hundredth:?}");
}

/// What a look could still show would be too late: it is left to those for whom it is not.
#[test]
fn who_would_lose_too_much_does_not_look_while_it_waits() {
    let mut scene = dead_by_probes(|scene| Turn::Queued(seventh(scene)));
    for _ in 0..12 {
        scene.wait(10);
        scene.read_probes();
    }
    assert!(users_view(&scene).newer_than.is_some());
    for _ in 0..30 {
        scene.wait(10);
        scene.read_probes();
    }
    assert_eq!(users_view(&scene).newer_than, None);
}

fn asked_by_a_person(scene: &Scene) -> Request {
    Request {
        name: "shop-2am".into(),
        uid: "rsw-1".into(),
        kind: MoveKind::Failover,
        to: Some(scene.name(B)),
        expected_epoch: Some(scene.journal.epoch),
        start_before: after(scene.now.wall, secs(3600)),
        overrides: Vec::new(),
        allow_loss: Some(secs(1200)),
        abort: false,
        expires_at: None,
        max_write_stop: None,
        record_of: None,
        approved_by: None,
    }
}

/// A person goes before those that move by themselves, and is not refused because nobody has looked lately: what is lost is
/// counted until users' view was seen Down, not until now.
#[test]
fn a_persons_request_waits_for_its_turn_and_a_fresh_look() {
    let mut scene = dead_by_probes(|scene| Turn::Queued(seventh(scene)));
    for round in 0..120 {
        scene.wait(10);
        scene.read_probes();
        scene.read_instance(A);
        scene.read_instance(B);
        scene.read_lag();
        if round == 60 {
            scene.read_edge();
        }
    }
    scene.requests.push(asked_by_a_person(&scene));
    let verdict = |scene: &Scene| scene.plan().answers.first().map(|answer| answer.verdict.clone());
    assert_eq!(scene.plan().attention, Attention::Asked);
    assert!(
        matches!(verdict(&scene), Some(Verdict::Waits(for_what)) if for_what.len() == 1),
        "its turn"
    );
    scene.turn = Turn::Called;
    assert_eq!(verdict(&scene), Some(Verdict::Waits(Vec::new())), "a fresh look");
    scene.read_edge();
    assert_eq!(verdict(&scene), None, "it begins");
    scene.decide();
    assert!(scene.journal.in_flight().is_some_and(|m| !m.automatic));
}

/// Who overrides the queue waits for neither.
#[test]
fn a_person_may_override_the_queue() {
    let mut scene = dead_by_probes(|scene| Turn::Queued(seventh(scene)));
    let request = Request {
        overrides: vec![Override::Paced],
        ..asked_by_a_person(&scene)
    };
    scene.requests.push(request);
    scene.decide();
    assert!(scene.journal.in_flight().is_some_and(|m| !m.automatic));
}
