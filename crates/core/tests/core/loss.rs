//! The loss estimate.

use crate::scene::{A, B, Scene, health, proof, secs, shop};
use breakwater_core::journal::Loss;
use breakwater_core::loss::estimate;
use breakwater_core::reading::{LagView, ObjectKey, ProbeSeen, ProofSeen, Seen, Value};
use breakwater_core::time::{Now, after, before};
use jiff::Timestamp;
use proptest::prelude::*;

fn lag(scene: &mut Scene, samples: Vec<(Timestamp, f64)>) {
    let key = ObjectKey::Lag(scene.shop.scope(B), scene.shop.regions[B].instance.clone());
    let newest_other = Some(before(scene.now.wall, secs(60)));
    scene.absorb(key, Value::Lag(Seen::Present(LagView { samples, newest_other })));
}

fn loss(scene: &Scene) -> Option<Loss> {
    estimate(&scene.facts(), scene.now)
}

#[test]
fn a_sample_of_value_l_stamped_t_means_everything_up_to_t_minus_l_minus_60() {
    let mut scene = Scene::unread();
    assert_eq!(scene.facts().caught_up_to, None);
    assert_eq!(loss(&scene), None, "absence is never 0");
    scene.wait(1000);
    let stamp = before(scene.now.wall, secs(100));
    lag(&mut scene, vec![(stamp, 7.0)]);
    assert_eq!(scene.facts().caught_up_to, Some(before(stamp, secs(67))));
    assert!(!scene.facts().caught_up_sharp);
}

#[test]
fn the_greatest_is_kept() {
    let mut scene = Scene::unread();
    scene.wait(1000);
    let (t, earlier) = (before(scene.now.wall, secs(100)), before(scene.now.wall, secs(160)));
    lag(&mut scene, vec![(t, 200.0), (earlier, 1.0)]);
    assert_eq!(scene.facts().caught_up_to, Some(before(earlier, secs(61))));
}

#[test]
fn minus_one_is_no_sample() {
    let mut scene = Scene::unread();
    scene.wait(1000);
    let t = before(scene.now.wall, secs(60));
    lag(&mut scene, vec![(t, -1.0)]);
    assert_eq!(scene.facts().caught_up_to, None);
    lag(&mut scene, vec![(t, f64::NAN), (t, f64::INFINITY)]);
    assert_eq!(scene.facts().caught_up_to, None);
}

#[test]
fn absence_is_never_zero_and_the_loss_grows_with_time() {
    // Case R3.
    let mut scene = Scene::without_proofs();
    scene.world.lag_absent = Some(scene.now.wall);
    scene.watch(60);
    let (first, caught_up) = (loss(&scene).unwrap(), scene.facts().caught_up_to);
    scene.watch(600);
    let second = loss(&scene).unwrap();
    assert_eq!(scene.facts().caught_up_to, caught_up);
    assert_eq!(second.seconds, first.seconds + 600);
}

#[test]
fn a_silently_dead_link_still_reports_0_for_a_minute_and_the_estimate_holds() {
    // The link dies at `dead`; samples say 0 for up to 60 s more, then -1.
    let mut scene = Scene::without_proofs();
    let dead = scene.now.wall;
    scene.world.lag_stops = Some(after(dead, secs(60)));
    scene.watch(300);
    let loss = loss(&scene).unwrap();
    assert!(
        loss.caught_up_to <= dead,
        "B holds nothing that was written after the link died: {loss:?}"
    );
}

#[test]
fn where_the_proof_of_b_gives_a_heartbeat_it_replaces_the_samples() {
    // The IO thread is 200 s behind, ReplicaLag says 0.
    let mut scene = Scene::healthy();
    let behind = before(scene.now.wall, secs(200));
    let mut said = proof(&scene.shop, B, Some(A), true);
    said.applied_until = Some(behind);
    scene.world.proof[B] = ProofSeen::Said(said);
    scene.watch(10);
    assert_eq!(scene.facts().caught_up_to, Some(behind));
    assert!(scene.facts().caught_up_sharp);
    assert_eq!(loss(&scene).unwrap().seconds, 210);
    assert!(loss(&scene).unwrap().sharp);
}

#[test]
fn a_heartbeat_of_the_active_region_says_nothing_about_the_standby() {
    let mut scene = Scene::healthy();
    let before = scene.facts().caught_up_to;
    let mut said = proof(&scene.shop, A, Some(A), true);
    said.applied_until = Some(scene.now.wall);
    scene.world.proof[A] = ProofSeen::Said(said);
    scene.read_proofs();
    assert_eq!(scene.facts().caught_up_to, before);
    assert!(!scene.facts().caught_up_sharp);
}

#[test]
fn writes_have_stopped_when_the_active_regions_own_process_says_so() {
    let mut scene = Scene::healthy();
    scene.wait(10);
    let since = scene.now.wall;
    scene.world.proof[A] = ProofSeen::Said(proof(&scene.shop, A, None, false));
    scene.world.proof[B] = ProofSeen::Nothing("no answer".into());
    scene.read();
    scene.watch(60);
    assert_eq!(scene.facts().writes_stopped, Some(since));
}

#[test]
fn writes_have_stopped_at_the_latest_of_probe_edge_and_link() {
    let mut scene = Scene::without_proofs();
    scene.kill_region();
    scene.world.edge[A] = health(12, 0);
    scene.watch(60);
    assert_eq!(scene.facts().writes_stopped, None, "users still reach it");
    scene.world.edge[A] = health(0, 12);
    scene.watch(180);
    let facts = scene.facts();
    let latest = [facts.a.probe.since, facts.a.edge.since, facts.link.since]
        .into_iter()
        .max()
        .unwrap();
    assert_eq!(facts.writes_stopped, latest);
    assert!(latest < Some(scene.now.wall));
    // From then on the estimate stands still.
    let first = loss(&scene).unwrap();
    scene.watch(120);
    assert_eq!(loss(&scene).unwrap(), first);
}

#[test]
fn otherwise_they_go_on_until_now() {
    let mut scene = Scene::without_proofs();
    scene.kill_region();
    scene.world.probe[A] = ProbeSeen::Status(200);
    scene.watch(240);
    assert_eq!(scene.facts().writes_stopped, None);
    assert_eq!(loss(&scene).unwrap().writes_stopped, scene.now.wall);

    let mut scene = Scene::without_proofs();
    scene.kill_region();
    scene.world.lag_stops = None;
    scene.watch(120);
    assert_eq!(scene.facts().writes_stopped, None, "the link still flows");
}

#[test]
fn parts_of_a_second_count_as_a_whole_one() {
    let mut scene = Scene::healthy();
    scene.now = Now {
        mono: scene.now.mono,
        wall: after(scene.now.wall, std::time::Duration::from_millis(1)),
    };
    let loss = loss(&scene).unwrap();
    let exact = loss.writes_stopped.duration_since(loss.caught_up_to);
    assert_eq!(loss.seconds, exact.as_secs() + 1);
}

proptest! {
    /// Whatever samples there are, what is believed to be caught up is never more than any honest reading of the
    /// best of them allows, and later samples never take anything back.
    #[test]
    fn caught_up_to_is_the_greatest_of_t_minus_l_minus_60(
        samples in prop::collection::vec((0u64..3000, -1.0f64..400.0), 1..20),
    ) {
        let mut scene = Scene::unread();
        scene.wait(4000);
        let mut expected: Option<Timestamp> = None;
        for (back, value) in samples {
            let stamp = before(scene.now.wall, secs(back));
            scene.wait(1);
            lag(&mut scene, vec![(stamp, value)]);
            if value >= 0.0 {
                let held = before(before(stamp, std::time::Duration::from_secs_f64(value)), secs(60));
                expected = expected.max(Some(held));
            }
            prop_assert_eq!(scene.facts().caught_up_to, expected);
        }
    }
}

/// A shop's process and CloudWatch may tell any time. Nothing was caught up with in the future, and what status holds must be
/// a time that Kubernetes can write.
#[test]
fn times_that_cannot_have_been_are_brought_into_the_past() {
    for (told, held) in [
        (jiff::Timestamp::MAX, None),
        (jiff::Timestamp::MIN, Some(jiff::Timestamp::UNIX_EPOCH)),
    ] {
        let mut scene = Scene::of(shop());
        let mut said = proof(&scene.shop, B, Some(A), true);
        said.applied_until = Some(told);
        scene.world.proof[B] = ProofSeen::Said(said);
        scene.live(60);
        let facts = scene.facts();
        assert_eq!(facts.caught_up_to, Some(held.unwrap_or(scene.now.wall)), "{told}");
    }
    let mut scene = Scene::without_proofs();
    let view = LagView {
        samples: vec![(jiff::Timestamp::MAX, 0.0), (jiff::Timestamp::MIN, -1.0)],
        newest_other: None,
    };
    let key = ObjectKey::Lag(scene.shop.scope(B), scene.shop.regions[B].instance.clone());
    scene.absorb(key, Value::Lag(Seen::Present(view)));
    assert_eq!(
        scene.facts().caught_up_to,
        Some(scene.ago(60)),
        "now, less replica_net_timeout"
    );
}
