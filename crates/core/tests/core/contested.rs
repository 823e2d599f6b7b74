//! Contested levels: what somebody puts back three times in 15 min is left alone, unless an unfenced former writer
//! would get orders by it.

use crate::scene::{A, B, Scene, cname, endpoint, health, secs};
use breakwater_core::actual::Actual;
use breakwater_core::decision::{Effect, LevelState, Step};
use breakwater_core::evidence::Evidence;
use breakwater_core::journal::{Journal, ObligationKind};
use breakwater_core::reading::{BalancerView, ProbeSeen, Seen};
use breakwater_core::report::{ConditionStatus, report};

fn patches(scene: &Scene) -> usize {
    let patch = |step: &Step| matches!(step, Step::Effect(Effect::PatchBalancer { .. }));
    scene.sent.iter().filter(|(_, step)| patch(step)).count()
}

fn batches(scene: &Scene) -> usize {
    let batch = |step: &Step| matches!(step, Step::Effect(Effect::ChangeNames { .. }));
    scene.sent.iter().filter(|(_, step)| batch(step)).count()
}

fn condition(scene: &Scene, kind: &str) -> (ConditionStatus, &'static str, String) {
    let report = report(&scene.input(), &scene.plan());
    let found = report.conditions.iter().find(|condition| condition.kind == kind);
    let found = found.unwrap();
    (found.status, found.reason, found.message.to_string())
}

/// Services of A are out for everybody: the order changes, and nothing else.
fn shifted() -> Scene {
    let mut scene = Scene::healthy();
    scene.world.probe[A] = ProbeSeen::Status(503);
    scene.world.edge[A] = health(0, 12);
    scene.live_until(300, |scene| patches(scene) == 1);
    scene.live(60);
    scene
}

/// Somebody puts the load balancer back every so many seconds, as often as told.
fn put_back(scene: &mut Scene, original: &BalancerView, times: usize, every: u64) {
    for _ in 0..times {
        *scene.balancer() = original.clone();
        scene.live(every);
    }
}

#[test]
fn three_times_in_a_quarter_of_an_hour_and_it_is_left_alone() {
    let original = crate::scene::balancer();
    let mut scene = shifted();
    put_back(&mut scene, &original, 2, 300);
    assert_eq!(patches(&scene), 3, "twice is a person who was too quick");
    assert_eq!(scene.plan().levels.traffic, LevelState::Holds);
    put_back(&mut scene, &original, 1, 60);
    assert_eq!(patches(&scene), 3, "the third time it is left");
    assert_eq!(*scene.balancer(), original);
    assert_eq!(scene.plan().levels.traffic, LevelState::Contested);
    scene.live(7200);
    assert_eq!(patches(&scene), 3, "for as long as it differs");
    let (status, reason, message) = condition(&scene, "Stalled");
    assert_eq!((status, reason), (ConditionStatus::True, "Contested"));
    for said in [
        "lb-1",
        "us-west-2, ca-central-1",
        "ca-central-1, us-west-2",
        "Terraform",
    ] {
        assert!(message.contains(said), "{said} in {message}");
    }
    assert_eq!(condition(&scene, "TrafficAligned").1, "Contested");
    assert_eq!(condition(&scene, "Ready").0, ConditionStatus::False);
}

#[test]
fn put_back_once_an_hour_is_no_contest() {
    let original = crate::scene::balancer();
    let mut scene = shifted();
    put_back(&mut scene, &original, 6, 3600);
    assert_eq!(patches(&scene), 7);
    assert_eq!(scene.plan().levels.traffic, LevelState::Holds);
}

#[test]
fn what_we_never_set_is_not_put_back() {
    // Somebody else's changes at rest, each corrected by us: the first one undoes nothing of ours.
    let mut scene = Scene::healthy();
    let mut turned = crate::scene::balancer();
    turned.default_pools.reverse();
    *scene.balancer() = turned;
    scene.live(60);
    assert_eq!(patches(&scene), 1);
    assert!(scene.journal.put_back.is_empty());
}

#[test]
fn a_restart_does_not_begin_three_tries_anew() {
    let original = crate::scene::balancer();
    let mut scene = shifted();
    put_back(&mut scene, &original, 3, 200);
    let sent = patches(&scene);
    scene.calls.clear();
    scene.actual = Actual::new(&scene.shop);
    scene.evidence = Evidence::new(&scene.shop, scene.journal.ever_up.clone());
    scene.live(1800);
    assert_eq!(patches(&scene), sent);
    assert_eq!(scene.plan().levels.traffic, LevelState::Contested);
}

#[test]
fn it_ends_when_the_world_has_been_as_wanted() {
    let original = crate::scene::balancer();
    let mut scene = shifted();
    let wanted = scene.balancer().clone();
    put_back(&mut scene, &original, 3, 200);
    let sent = patches(&scene);
    *scene.balancer() = wanted.clone();
    scene.live(20);
    assert_eq!(
        scene.plan().levels.traffic,
        LevelState::Holds,
        "a person has corrected it"
    );
    assert_eq!(condition(&scene, "Stalled").0, ConditionStatus::False);
    *scene.balancer() = original.clone();
    scene.live(60);
    assert_eq!(patches(&scene), sent, "not for long enough: still left alone");
    *scene.balancer() = wanted;
    scene.live(1000);
    assert!(scene.journal.put_back.is_empty());
    *scene.balancer() = original;
    scene.live(60);
    assert_eq!(patches(&scene), sent + 1, "managed again");
}

#[test]
fn it_ends_when_something_else_is_wanted() {
    let original = crate::scene::balancer();
    let mut scene = shifted();
    put_back(&mut scene, &original, 3, 200);
    assert_eq!(scene.plan().levels.traffic, LevelState::Contested);
    scene.kill_region();
    scene.live_until(1200, |scene| {
        scene.promotions() == 1 && scene.journal.in_flight().is_none()
    });
    assert!(scene.journal.put_back.is_empty());
    assert!(!scene.balancer().default_pools.contains(&"pool-ca".into()));
}

/// Moved to B; A does not answer, so its fence is open.
fn unfenced() -> Scene {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(1200, |scene| {
        scene.promotions() == 1 && scene.journal.in_flight().is_none()
    });
    assert!(scene.journal.owes(ObligationKind::FenceFormerWriter).is_some());
    scene
}

#[test]
fn the_name_is_re_asserted_while_a_former_writer_is_not_fenced_and_no_longer() {
    let mut scene = unfenced();
    for _ in 0..8 {
        scene.names().writer = Some(cname(&endpoint(A)));
        scene.live(120);
        assert_eq!(scene.names().writer.as_ref().unwrap().values, [endpoint(B)]);
    }
    assert_eq!(scene.plan().levels.name, LevelState::Reasserted);
    let (status, reason, message) = condition(&scene, "Stalled");
    assert_eq!((status, reason), (ConditionStatus::True, "Contested"));
    assert!(message.starts_with("CRITICAL"), "{message}");
    // Fenced: from here on it is like any other name.
    scene.revive_region();
    scene.live_until(600, |scene| {
        scene.journal.owes(ObligationKind::FenceFormerWriter).is_none()
    });
    let sent = batches(&scene);
    scene.names().writer = Some(cname(&endpoint(A)));
    scene.live(120);
    assert_eq!(batches(&scene), sent);
    assert_eq!(scene.plan().levels.name, LevelState::Contested);
}

#[test]
fn the_exclusion_is_re_asserted_while_a_former_writer_is_not_fenced() {
    let mut scene = unfenced();
    for _ in 0..8 {
        *scene.balancer() = crate::scene::balancer();
        scene.live(120);
        assert!(!scene.balancer().default_pools.contains(&"pool-ca".into()));
    }
    assert_eq!(scene.plan().levels.traffic, LevelState::Reasserted);
    assert!(condition(&scene, "Stalled").2.starts_with("CRITICAL"));
}

#[test]
fn a_fence_that_opens_again_holds_the_name_and_not_the_order() {
    // Day 7: RDS starts the former writer again, whose region is excluded no more.
    let mut scene = unfenced();
    scene.revive_region();
    scene.live_until(3600, |scene| {
        scene.journal.excluded.is_none() && scene.journal.saved_steering.is_empty()
    });
    scene.live(60);
    scene.instance(A).status = "rebooting".into();
    scene.live(20);
    assert!(scene.journal.owes(ObligationKind::FenceFormerWriter).is_some());
    let mut turned = scene.balancer().clone();
    turned.default_pools.reverse();
    for _ in 0..6 {
        scene.names().writer = Some(cname(&endpoint(A)));
        *scene.balancer() = turned.clone();
        scene.live(60);
        assert_eq!(scene.names().writer.as_ref().unwrap().values, [endpoint(B)]);
    }
    let levels = scene.plan().levels;
    assert_eq!(
        (levels.name, levels.traffic),
        (LevelState::Reasserted, LevelState::Contested)
    );
    assert_eq!(*scene.balancer(), turned);
}

#[test]
fn one_balancer_that_is_contested_holds_no_other_up() {
    let mut shop = crate::scene::shop();
    shop.balancers = vec!["lb-1".into(), "lb-2".into()];
    let mut scene = Scene::healthy_with(shop);
    scene.world.probe[A] = ProbeSeen::Status(503);
    scene.world.edge[A] = health(0, 12);
    scene.live_until(300, |scene| patches(scene) == 2);
    scene.live(60);
    let original = crate::scene::balancer();
    put_back(&mut scene, &original, 3, 60);
    assert_eq!(scene.plan().levels.traffic, LevelState::Contested);
    let sent = patches(&scene);
    scene.world.balancers[1] = Seen::Present(original.clone());
    scene.live(60);
    assert_eq!(patches(&scene), sent + 1);
    assert_eq!(*scene.balancer(), original);
}

#[test]
fn the_journal_keeps_three_instants_of_each_thing() {
    let mut scene = unfenced();
    for _ in 0..40 {
        scene.names().writer = Some(cname(&endpoint(A)));
        scene.live(30);
    }
    let kept = scene.journal.put_back_of("name").unwrap();
    assert_eq!(kept.at.len(), 3);
    let text = serde_json::to_string(&scene.journal).unwrap();
    assert_eq!(serde_json::from_str::<Journal>(&text).unwrap(), scene.journal);
}

#[test]
fn a_wall_clock_that_goes_back_does_not_count_one_deed_for_ever() {
    let original = crate::scene::balancer();
    let mut scene = shifted();
    scene.now.wall = breakwater_core::time::before(scene.now.wall, secs(3600));
    put_back(&mut scene, &original, 1, 60);
    assert_eq!(scene.journal.put_back.len(), 1);
    assert_eq!(scene.journal.put_back[0].at.len(), 1);
}
