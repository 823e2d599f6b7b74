//! What a probe may say, what makes a region's value, and users' view beside it.

use crate::scene::{A, B, Scene, health, secs, unknown};
use breakwater_core::facts::{EdgeVote, ProbeVote};
use breakwater_core::reading::{ObjectKey, PoolView, ProbeSeen, Seen, TroubleKind, Value};

fn says_down() -> Vec<ProbeSeen> {
    vec![
        ProbeSeen::Refused,
        ProbeSeen::Reset,
        ProbeSeen::TimedOut,
        ProbeSeen::Status(500),
        ProbeSeen::Status(503),
        ProbeSeen::Status(599),
        ProbeSeen::NameError,
        ProbeSeen::HandshakeAborted,
    ]
}

fn says_nothing() -> Vec<ProbeSeen> {
    vec![
        ProbeSeen::Status(301),
        ProbeSeen::Status(302),
        ProbeSeen::Status(401),
        ProbeSeen::Status(404),
        ProbeSeen::Status(429),
        ProbeSeen::BadCertificate,
        ProbeSeen::OtherRegion("us-west-2".into()),
        ProbeSeen::Proxy,
        ProbeSeen::Forbidden("not allowed".into()),
        ProbeSeen::Ours("no socket".into()),
    ]
}

/// Only `web` of A answers so; everything else is as it was.
fn one_service(scene: &mut Scene, index: usize, seen: &ProbeSeen) {
    scene.wait(10);
    let reference = scene.shop.references[0].clone();
    scene.absorb(ObjectKey::Reference(reference), Value::Probe(ProbeSeen::Status(200)));
    for (i, service) in scene.shop.regions[A].services.clone().into_iter().enumerate() {
        let seen = if i == index {
            seen.clone()
        } else {
            ProbeSeen::Status(200)
        };
        scene.absorb(ObjectKey::Probe(service.url), Value::Probe(seen));
    }
}

#[test]
fn what_never_worked_is_a_misconfiguration_and_no_outage() {
    for seen in says_down() {
        let mut scene = Scene::unread();
        scene.world.probe[A] = seen.clone();
        scene.watch(300);
        assert_eq!(scene.facts().a.probe.value, ProbeVote::Unknown, "{seen:?}");
        assert_eq!(scene.facts().trouble, None, "{seen:?}");
    }
}

#[test]
fn what_worked_once_at_this_address_may_say_down() {
    for seen in says_down() {
        let mut scene = Scene::healthy();
        scene.world.probe[A] = seen.clone();
        scene.watch(40);
        assert_eq!(scene.facts().a.probe.value, ProbeVote::Down, "{seen:?}");
    }
}

#[test]
fn an_address_of_the_journal_counts_as_having_worked() {
    let mut scene = Scene::healthy();
    let journal = scene.journal.clone();
    assert!(!journal.ever_up.is_empty());
    scene = Scene::unread();
    scene.evidence = breakwater_core::evidence::Evidence::new(&scene.shop, journal.ever_up);
    scene.world.probe[A] = ProbeSeen::TimedOut;
    scene.watch(10);
    assert_eq!(scene.facts().a.probe.value, ProbeVote::Down);
}

#[test]
fn another_url_begins_anew() {
    let mut scene = Scene::healthy();
    let mut shop = scene.shop.clone();
    for service in &mut shop.regions.primary.services {
        service.url = format!("{}/v2", service.url).into();
    }
    let ever_up = scene.journal.ever_up.clone();
    scene = Scene::of(shop);
    scene.evidence = breakwater_core::evidence::Evidence::new(&scene.shop, ever_up);
    scene.world.probe[A] = ProbeSeen::TimedOut;
    scene.watch(60);
    assert_eq!(scene.facts().a.probe.value, ProbeVote::Unknown);
}

#[test]
fn answers_that_speak_of_something_else_are_no_vote() {
    for seen in says_nothing() {
        let mut scene = Scene::healthy();
        scene.world.probe[A] = seen.clone();
        scene.watch(30);
        assert_eq!(
            scene.facts().a.probe.value,
            ProbeVote::Up,
            "{seen:?}: the last Up is fresh for 3 intervals"
        );
        scene.watch(10);
        assert_eq!(scene.facts().a.probe.value, ProbeVote::Unknown, "{seen:?}");
        assert_eq!(scene.facts().trouble, None, "{seen:?}");
    }
}

#[test]
fn a_round_may_say_down_only_if_something_outside_answered() {
    let mut scene = Scene::healthy();
    scene.world.probe[A] = ProbeSeen::TimedOut;
    scene.world.probe[B] = ProbeSeen::TimedOut;
    scene.world.reference = ProbeSeen::TimedOut;
    scene.watch(120);
    assert_eq!(scene.facts().a.probe.value, ProbeVote::Unknown);
    assert_eq!(scene.facts().b.probe.value, ProbeVote::Unknown);
}

#[test]
fn any_http_answer_from_outside_will_do() {
    for (reference, other) in [
        (ProbeSeen::Status(503), ProbeSeen::TimedOut),
        (ProbeSeen::TimedOut, ProbeSeen::Status(503)),
        (ProbeSeen::TimedOut, ProbeSeen::Status(404)),
    ] {
        let mut scene = Scene::healthy();
        scene.world.probe[A] = ProbeSeen::TimedOut;
        scene.world.reference = reference.clone();
        scene.world.probe[B] = other.clone();
        scene.watch(60);
        assert_eq!(scene.facts().a.probe.value, ProbeVote::Down, "{reference:?} {other:?}");
    }
}

#[test]
fn the_value_of_a_region_over_its_services() {
    let mut scene = Scene::healthy();
    one_service(&mut scene, 0, &ProbeSeen::Status(503));
    assert_eq!(scene.facts().a.probe.value, ProbeVote::Impaired, "web is critical");
    assert!(scene.facts().a.writer_services_down.value, "web alone needs the writer");

    let mut scene = Scene::healthy();
    one_service(&mut scene, 1, &ProbeSeen::Status(503));
    assert_eq!(
        scene.facts().a.probe.value,
        ProbeVote::Partial,
        "search is not critical"
    );
    assert!(!scene.facts().a.writer_services_down.value);
    assert!(scene.facts().a.critical_up);
}

#[test]
fn one_failure_in_five_over_five_minutes_is_partial() {
    let mut scene = Scene::healthy();
    for i in 0..30 {
        let seen = if i % 5 == 0 {
            ProbeSeen::Status(503)
        } else {
            ProbeSeen::Status(200)
        };
        one_service(&mut scene, 0, &seen);
    }
    assert_eq!(scene.facts().a.probe.value, ProbeVote::Partial);
    let mut scene = Scene::healthy();
    for i in 0..30 {
        let seen = if i % 6 == 0 {
            ProbeSeen::Status(503)
        } else {
            ProbeSeen::Status(200)
        };
        one_service(&mut scene, 0, &seen);
    }
    assert_eq!(
        scene.facts().a.probe.value,
        ProbeVote::Up,
        "one in six is less than 20 %"
    );
}

#[test]
fn where_nothing_needs_the_writer_the_region_itself_counts() {
    let mut shop = crate::scene::shop();
    for service in &mut shop.regions.primary.services {
        service.needs_writer = false;
    }
    let mut scene = Scene::healthy_with(shop);
    one_service(&mut scene, 0, &ProbeSeen::TimedOut);
    assert!(!scene.facts().a.writer_services_down.value, "search still answers");
    scene.world.probe[A] = ProbeSeen::TimedOut;
    scene.watch(40);
    assert!(scene.facts().a.writer_services_down.value);
    assert_eq!(scene.facts().a.writer_services_down.held, scene.facts().a.probe.held);
}

#[test]
fn a_down_is_held_from_its_first_sample_to_its_newest() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.watch(30);
    assert_eq!(scene.facts().a.probe.held, secs(0), "three samples");
    scene.watch(10);
    assert_eq!(scene.facts().a.probe.held, secs(30));
    scene.world.probe[A] = ProbeSeen::Status(200);
    scene.watch(10);
    scene.world.probe[A] = ProbeSeen::TimedOut;
    scene.watch(30);
    assert_eq!(scene.facts().a.probe.held, secs(0), "an Up starts anew");
}

#[test]
fn more_than_half_of_the_cities_that_speak_decide() {
    for (healthy, unhealthy, expected) in [
        (12, 0, EdgeVote::Up),
        (7, 5, EdgeVote::Up),
        (6, 6, EdgeVote::Partial),
        (5, 7, EdgeVote::Down),
        (0, 1, EdgeVote::Down),
        (0, 0, EdgeVote::Unknown),
    ] {
        let mut scene = Scene::healthy();
        scene.world.edge[A] = health(healthy, unhealthy);
        scene.watch(10);
        assert_eq!(scene.facts().a.edge.value, expected, "{healthy} to {unhealthy}");
    }
}

#[test]
fn a_pool_that_was_never_healthy_says_nothing_against_its_region() {
    let mut scene = Scene::unread();
    scene.world.edge[A] = health(0, 12);
    scene.watch(120);
    assert_eq!(scene.facts().a.edge.value, EdgeVote::Unknown);
}

#[test]
fn a_disabled_pool_is_not_monitored() {
    let mut scene = Scene::healthy();
    scene.world.edge[A] = health(0, 12);
    scene.world.pool[A] = Seen::Present(PoolView {
        enabled: false,
        monitored: true,
        monitor: Some("monitor-1".into()),
    });
    scene.watch(60);
    assert_eq!(scene.facts().a.edge.value, EdgeVote::Unknown);
}

#[test]
fn an_edge_that_cannot_be_read_is_unknown_and_old_news_are_too() {
    let mut scene = Scene::healthy();
    scene.world.edge[A] = unknown(TroubleKind::ServerError);
    scene.watch(10);
    assert_eq!(scene.facts().a.edge.value, EdgeVote::Unknown);

    let mut scene = Scene::healthy();
    scene.wait(90);
    assert_eq!(scene.facts().a.edge.value, EdgeVote::Up);
    scene.wait(1);
    assert_eq!(scene.facts().a.edge.value, EdgeVote::Unknown);
}

#[test]
fn time_that_nobody_saw_does_not_count_as_up() {
    let mut scene = Scene::healthy();
    assert!(scene.facts().a.edge_up_for >= secs(200));
    assert!(scene.facts().a.probe_up_for >= secs(200));
    scene.wait(900);
    scene.watch(60);
    assert!(
        scene.facts().a.edge_up_for <= secs(60),
        "{:?}",
        scene.facts().a.edge_up_for
    );
    assert!(
        scene.facts().a.probe_up_for <= secs(60),
        "{:?}",
        scene.facts().a.probe_up_for
    );
}

#[test]
fn an_answer_that_was_overtaken_changes_nothing() {
    let mut scene = Scene::healthy();
    let asked = scene.now;
    scene.kill_region();
    scene.watch(60);
    let before = scene.facts();
    let url = scene.shop.regions[A].services[0].url.clone();
    scene.absorb_asked(asked, ObjectKey::Probe(url), Value::Probe(ProbeSeen::Status(200)));
    let key = ObjectKey::PoolHealth(scene.shop.class.clone(), scene.shop.regions[A].pool.clone());
    scene.absorb_asked(asked, key, Value::PoolHealth(health(12, 0)));
    let key = ObjectKey::Instance(scene.shop.scope(A), scene.shop.regions[A].instance.clone());
    let view = Seen::Present(crate::scene::writer_instance());
    scene.absorb_asked(asked, key, Value::Instance(view));
    let after = scene.facts();
    assert_eq!(before.a.probe.value, after.a.probe.value);
    assert_eq!(before.a.probe.held, after.a.probe.held);
    assert_eq!(before.a.edge, after.a.edge);
    assert_eq!(before.a.instance, after.a.instance);
}

#[test]
fn trouble_begins_with_the_first_down_after_a_time_without_any() {
    let mut scene = Scene::healthy();
    assert_eq!(scene.facts().trouble, None);
    scene.watch(10);
    scene.world.edge[A] = health(0, 12);
    scene.watch(10);
    let began = scene.now.wall;
    assert_eq!(scene.facts().trouble, Some(began));
    scene.kill_region();
    scene.watch(60);
    assert_eq!(scene.facts().trouble, Some(began), "more Downs are the same trouble");
    scene.revive_region();
    scene.watch(10);
    assert_eq!(scene.facts().trouble, None);
}
