//! The link from A to B.

use crate::scene::{A, B, Scene, at, secs, unknown};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::facts::LinkVote;
use breakwater_core::reading::{LagView, ObjectKey, ReplicationStatus, Seen, TroubleKind, Value};
use breakwater_core::time::before;

fn status(scene: &mut Scene, status: &str, message: Option<&str>) {
    scene.instance(B).replication = Some(ReplicationStatus {
        status: status.into(),
        message: message.map(Into::into),
    });
}

fn link(scene: &Scene) -> LinkVote {
    scene.facts().link.value
}

/// A has trouble from now on, so that a break can count against it.
fn trouble(scene: &mut Scene) {
    scene.world.edge[A] = crate::scene::health(0, 12);
    scene.watch(10);
    assert!(scene.facts().trouble.is_some());
}

#[test]
fn replicating_with_a_good_sample_flows() {
    let scene = Scene::healthy();
    assert_eq!(link(&scene), LinkVote::Flowing);
    assert_eq!(scene.facts().lag, Some(secs(0)));
}

#[test]
fn a_good_sample_older_than_five_minutes_shows_no_flow() {
    let mut scene = Scene::healthy();
    // The other metrics stop with it, so its absence says nothing.
    let key = ObjectKey::Lag(scene.shop.scope(B), scene.shop.regions[B].instance.clone());
    let view = scene.lag_view();
    let newest = view.samples[0].0;
    for _ in 0..36 {
        scene.wait(10);
        scene.read_instance(A);
        scene.read_instance(B);
        let old = LagView {
            newest_other: Some(newest),
            ..view.clone()
        };
        scene.absorb(key.clone(), Value::Lag(Seen::Present(old)));
        let age = scene.now.wall.duration_since(newest).as_secs();
        let expected = if age <= 300 {
            LinkVote::Flowing
        } else {
            LinkVote::Unknown
        };
        assert_eq!(link(&scene), expected, "{age} s");
    }
    assert_eq!(scene.facts().lag, None);
}

#[test]
fn a_lag_of_minus_one_is_broken_and_wins_over_replicating() {
    let mut scene = Scene::healthy();
    trouble(&mut scene);
    scene.world.lag_stops = Some(scene.now.wall);
    scene.watch(180);
    assert_eq!(link(&scene), LinkVote::Broken);
}

#[test]
fn absence_counts_from_120_s_behind_the_other_metrics_of_the_instance() {
    let mut scene = Scene::healthy();
    trouble(&mut scene);
    let (key, now) = (
        ObjectKey::Lag(scene.shop.scope(B), scene.shop.regions[B].instance.clone()),
        scene.now.wall,
    );
    for (behind, expected) in [
        (60, LinkVote::Flowing),
        (119, LinkVote::Flowing),
        (120, LinkVote::Broken),
    ] {
        let mut scene = scene.clone();
        scene.wait(1);
        let view = LagView {
            samples: vec![(before(now, secs(130)), 0.0)],
            newest_other: Some(before(now, secs(130 - behind))),
        };
        scene.absorb(key.clone(), Value::Lag(Seen::Present(view)));
        assert_eq!(link(&scene), expected, "{behind} s behind");
    }
}

#[test]
fn a_single_missing_minute_changes_nothing() {
    // Case R2.
    let mut scene = Scene::healthy();
    scene.watch(10);
    let mut view = scene.lag_view();
    view.samples.remove(0);
    let key = ObjectKey::Lag(scene.shop.scope(B), scene.shop.regions[B].instance.clone());
    scene.absorb(key, Value::Lag(Seen::Present(view)));
    assert_eq!(link(&scene), LinkVote::Flowing);
}

#[test]
fn samples_that_left_the_window_that_we_ask_for_are_no_news() {
    // ReplicaLag has been absent for hours; later answers hold no sample at all.
    let mut scene = Scene::healthy();
    scene.world.lag_absent = Some(scene.now.wall);
    scene.watch(300);
    assert_eq!(link(&scene), LinkVote::BrokenOfOld);
    let caught_up = scene.facts().caught_up_to;
    let key = ObjectKey::Lag(scene.shop.scope(B), scene.shop.regions[B].instance.clone());
    for _ in 0..200 {
        scene.wait(10);
        scene.read_instance(B);
        let view = LagView {
            samples: Vec::new(),
            newest_other: Some(before(scene.now.wall, secs(60))),
        };
        scene.absorb(key.clone(), Value::Lag(Seen::Present(view)));
        assert_eq!(link(&scene), LinkVote::BrokenOfOld);
    }
    assert_eq!(scene.facts().caught_up_to, caught_up, "absence is never 0");
    assert_eq!(scene.facts().lag, None, "absence is never 0");
}

#[test]
fn what_the_replica_calls_its_own_fault_never_counts_against_the_writer() {
    for (word, message) in [
        ("stopped", None),
        ("terminated", None),
        (
            "error",
            Some("Error 'Duplicate entry '7' for key 'PRIMARY'' on query. Default database: 'shop'."),
        ),
        (
            "error",
            Some("Could not execute Update_rows event on table shop.orders; Can't find record"),
        ),
        (
            "error",
            Some("Lock wait timeout exceeded; try restarting transaction, Error_code: 1205"),
        ),
    ] {
        let mut scene = Scene::healthy();
        trouble(&mut scene);
        status(&mut scene, word, message);
        scene.watch(60);
        assert_eq!(link(&scene), LinkVote::BrokenOfOld, "{word} {message:?}");
        scene.kill_region();
        scene.live(600);
        assert_eq!(scene.promotions(), 0, "{word} {message:?}");
    }
}

#[test]
fn an_error_of_the_connection_counts() {
    for message in [
        None,
        Some(""),
        Some("error connecting to source 'repl@10.0.0.1:3306' - retry-time: 60 retries: 3"),
        Some("error reconnecting to source: Lost connection to MySQL server during query"),
    ] {
        let mut scene = Scene::healthy();
        trouble(&mut scene);
        status(&mut scene, "error", message);
        scene.watch(30);
        assert_eq!(link(&scene), LinkVote::Broken, "{message:?}");
        assert!(scene.facts().link.held >= secs(20), "{message:?}");
    }
}

#[test]
fn a_break_counts_if_it_began_at_most_five_minutes_before_the_trouble_or_later() {
    for (earlier, expected) in [
        (0, LinkVote::Broken),
        (240, LinkVote::Broken),
        (420, LinkVote::BrokenOfOld),
    ] {
        let mut scene = Scene::healthy();
        status(&mut scene, "error", Some("error connecting to source"));
        scene.watch(earlier + 10);
        assert_eq!(
            link(&scene),
            LinkVote::BrokenOfOld,
            "without trouble a break is evidence against nobody"
        );
        trouble(&mut scene);
        assert_eq!(link(&scene), expected, "{earlier} s before");
    }
}

#[test]
fn a_link_cut_yesterday_is_a_broken_standby_however_often_we_look_away() {
    let mut scene = Scene::healthy();
    status(&mut scene, "error", Some("error connecting to source"));
    scene.world.lag_stops = Some(scene.now.wall);
    scene.watch(1200);
    assert_eq!(scene.plan().diagnosis, Diagnosis::ReplicationBroken);
    // B's API is denied for a while, then answers again.
    let view = scene.world.instance[B].clone();
    scene.world.instance[B] = unknown(TroubleKind::Denied);
    scene.wait(300);
    scene.watch(60);
    scene.world.instance[B] = view;
    scene.watch(30);
    scene.kill_region();
    scene.live(900);
    assert_eq!(link(&scene), LinkVote::BrokenOfOld);
    assert_eq!(scene.promotions(), 0);
}

#[test]
fn a_link_that_flowed_in_between_breaks_anew() {
    let mut scene = Scene::healthy();
    status(&mut scene, "error", Some("error connecting to source"));
    scene.watch(1200);
    status(&mut scene, "replicating", None);
    scene.watch(60);
    assert_eq!(link(&scene), LinkVote::Flowing);
    scene.kill_region();
    scene.watch(180);
    assert_eq!(link(&scene), LinkVote::Broken);
}

#[test]
fn a_status_that_nobody_has_read_for_90_s_says_nothing() {
    let mut scene = Scene::healthy();
    trouble(&mut scene);
    status(&mut scene, "error", Some("error connecting to source"));
    scene.watch(30);
    assert_eq!(link(&scene), LinkVote::Broken);
    scene.world.instance[B] = unknown(TroubleKind::Denied);
    let key = ObjectKey::Lag(scene.shop.scope(B), scene.shop.regions[B].instance.clone());
    for _ in 0..10 {
        scene.wait(10);
        scene.read_instance(B);
        scene.absorb(key.clone(), Value::Lag(unknown(TroubleKind::Denied)));
    }
    assert_eq!(link(&scene), LinkVote::Unknown);
}

#[test]
fn one_lag_reading_does_not_confirm_itself() {
    let mut scene = Scene::healthy();
    trouble(&mut scene);
    let key = ObjectKey::Lag(scene.shop.scope(B), scene.shop.regions[B].instance.clone());
    let broken = |scene: &Scene| LagView {
        samples: vec![(before(scene.now.wall, secs(60)), -1.0)],
        newest_other: Some(before(scene.now.wall, secs(60))),
    };
    scene.wait(10);
    let view = broken(&scene);
    scene.absorb(key.clone(), Value::Lag(Seen::Present(view)));
    for _ in 0..4 {
        scene.wait(10);
        scene.read_instance(B);
    }
    assert_eq!(link(&scene), LinkVote::Broken);
    assert_eq!(scene.facts().link.held, secs(0), "read once");
    let view = broken(&scene);
    scene.absorb(key, Value::Lag(Seen::Present(view)));
    assert!(scene.facts().link.held >= secs(20), "read twice");
}

#[test]
fn without_a_replica_there_is_no_link() {
    let mut scene = Scene::healthy();
    scene.instance(B).source = None;
    scene.watch(30);
    assert_eq!(link(&scene), LinkVote::Unknown);
    assert!(scene.now > at(0));
}
