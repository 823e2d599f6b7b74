//! What people are told is so: no time that has passed, nothing that is not known, nobody else's doing taken for ours.

use crate::scene::{A, B, Scene, cname, health, proof, unknown, wall};
use breakwater_core::decision::{Missing, Next, Wait};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::journal::{MoveOutcome, ObligationKind};
use breakwater_core::reading::{ObjectKey, ProbeSeen, ProofSeen, ReplicationStatus, Seen, TroubleKind, Value};
use breakwater_core::refusal::Refusal;
use breakwater_core::report::{ConditionStatus, Report, report};
use breakwater_core::shop::Mode;

fn said(scene: &Scene) -> Report {
    report(&scene.input(), &scene.plan())
}

fn condition(scene: &Scene, kind: &str) -> (ConditionStatus, &'static str, String) {
    let said = said(scene);
    let found = said.conditions.iter().find(|c| c.kind == kind).expect("a condition");
    (found.status, found.reason, found.message.to_string())
}

fn refusal(scene: &Scene, name: &str) -> String {
    let said = said(scene);
    let found = said.refusals.iter().find(|refusal| refusal.name == name);
    found.unwrap_or_else(|| panic!("{name}: {said:#?}")).message.to_string()
}

#[test]
fn no_time_that_is_told_has_passed() {
    // The link flaps: broken, confirmed, mended, broken again and read once more late.
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.watch(230);
    let broken = scene.world.lag_stops.take();
    scene.world.lag_absent = None;
    scene.wait(10);
    scene.read();
    scene.world.lag_stops = broken;
    for _ in 0..120 {
        scene.wait(1);
        let seconds = scene.now.mono.as_secs();
        if seconds.is_multiple_of(10) {
            scene.read_probes();
            scene.read_proofs();
            scene.read_edge();
            scene.read_instance(A);
            scene.read_instance(B);
        }
        if seconds.is_multiple_of(35) {
            scene.read_lag();
        }
        let decision = scene.plan();
        for lacks in &decision.missing {
            if let Missing::NotBefore(until) = lacks {
                assert!(*until > scene.now.wall, "{until} at {}", scene.now.wall);
            }
        }
        for refusal in &decision.refusals {
            if let Refusal::NotHeld { until } = refusal {
                assert!(*until > scene.now.wall, "{until} at {}", scene.now.wall);
            }
        }
    }
}

/// The writer is upgraded, and answers nobody.
fn upgrading() -> Scene {
    let mut scene = Scene::healthy();
    scene.world.probe[A] = ProbeSeen::Status(503);
    scene.world.edge[A] = health(0, 12);
    scene.instance(A).status = "upgrading".into();
    scene.world.proof[A] = ProofSeen::Said(proof(&scene.shop, A, None, false));
    scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, None, false));
    scene.world.lag_stops = Some(scene.now.wall);
    scene
}

#[test]
fn a_routine_state_that_lasts_too_long_is_an_alert_and_offers_a_failover() {
    let mut scene = upgrading();
    scene.live(1790);
    assert_eq!(scene.plan().diagnosis, Diagnosis::Maintenance);
    assert_eq!(condition(&scene, "ActiveRegionHealthy").1, "Maintenance");
    scene.live(30);
    let (status, reason, message) = condition(&scene, "ActiveRegionHealthy");
    assert_eq!((status, reason), (ConditionStatus::False, "RoutineTooLong"));
    assert!(message.contains("since 00:05:10 UTC"), "{message}");
    assert!(
        message.contains("ask for a Failover (RegionSwitch) to us-west-2"),
        "{message}"
    );
    assert_eq!(said(&scene).reason, "RoutineTooLong");
    assert_eq!(scene.promotions(), 0, "it is offered, not done");
    scene.instance(A).status = "available".into();
    scene.live(10);
    assert_ne!(condition(&scene, "ActiveRegionHealthy").1, "RoutineTooLong");
}

#[test]
fn the_grace_of_a_routine_state_begins_with_the_trouble() {
    let mut scene = Scene::healthy();
    scene.instance(A).status = "modifying".into();
    scene.live(3600);
    assert_eq!(scene.plan().routine_too_long, None, "it answers all the while");
    let dark = upgrading();
    scene.world = dark.world;
    scene.instance(A).status = "modifying".into();
    scene.world.lag_stops = Some(scene.now.wall);
    scene.live(600);
    assert_eq!(scene.plan().routine_too_long, None);
    scene.live(1800);
    assert!(scene.plan().routine_too_long.is_some());
}

#[test]
fn a_move_that_was_given_up_says_when_it_begins_anew() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(300, |scene| scene.journal.in_flight().is_some());
    // Nothing is promoted while the exclusion cannot be read back.
    scene.world.names = unknown(TroubleKind::ServerError);
    scene.revive_region();
    scene.world.lag_stops = None;
    scene.live_until(300, |scene| {
        scene.journal.current.as_ref().and_then(|m| m.outcome) == Some(MoveOutcome::RolledBack)
    });
    let message = refusal(&scene, "CoolDown");
    let until = scene
        .journal
        .cool_down_until
        .unwrap()
        .strftime("%H:%M:%S UTC")
        .to_string();
    assert!(message.contains("move e2 was given up because"), "{message}");
    assert!(
        message.contains(&format!(
            "begins by itself at {until} if what calls for it still holds then"
        )),
        "{message}"
    );
    assert!(
        said(&scene).missing.iter().any(|lacks| lacks.contains(&until)),
        "{:?}",
        said(&scene).missing
    );
    assert_eq!(condition(&scene, "Protected").1, "CoolDown");
}

#[test]
fn an_instance_that_rds_does_not_know_is_named() {
    for mode in [Mode::Observe, Mode::Automatic] {
        for side in [A, B] {
            let mut shop = crate::scene::shop();
            shop.policy.mode = mode;
            let mut scene = Scene::of(shop);
            scene.journal = breakwater_core::journal::Journal::default();
            scene.names().txt = None;
            scene.instance(A).tag_owner = None;
            scene.instance(A).tag_epoch = None;
            scene.world.instance[side] = Seen::Absent;
            // What RDS does not know has no source either.
            if side == A {
                scene.instance(B).source = Some("arn:aws:rds:ca-central-1:111122223333:db:shop-other".into());
            }
            scene.live(10);
            assert_ne!(
                condition(&scene, "Stalled").1,
                "InstanceNotFound",
                "one answer says nothing"
            );
            scene.live(200);
            let (status, reason, message) = condition(&scene, "Stalled");
            assert_eq!(
                (status, reason),
                (ConditionStatus::True, "InstanceNotFound"),
                "{mode:?} {side:?}: {message}"
            );
            let named = scene.shop.regions[side].instance.clone();
            assert!(
                message.contains(&*named) && message.contains("Correct dbInstance"),
                "{message}"
            );
            assert_eq!(condition(&scene, "Ready").0, ConditionStatus::False);
            assert_eq!(condition(&scene, "Reconciling").0, ConditionStatus::False);
            assert_eq!(scene.journal.active_region, None, "nothing is adopted");
        }
    }
}

#[test]
fn in_observe_two_instances_that_do_not_follow_each_other_are_a_persons_to_judge() {
    let mut shop = crate::scene::shop();
    shop.policy.mode = Mode::Observe;
    let mut scene = Scene::of(shop);
    scene.journal = breakwater_core::journal::Journal::default();
    scene.instance(B).source = None;
    scene.live(300);
    assert_eq!(scene.plan().next, Next::Wait(Wait::Adoption));
    assert_eq!(condition(&scene, "Stalled").1, "UnknownActive");
}

#[test]
fn what_does_not_resolve_is_named_before_the_writer_is_known() {
    let mut shop = crate::scene::shop();
    shop.policy.mode = Mode::Observe;
    let mut scene = Scene::of(shop);
    scene.journal = breakwater_core::journal::Journal::default();
    scene.world.instance[A] = unknown(TroubleKind::Denied);
    scene.world.instance[B] = unknown(TroubleKind::Denied);
    scene.live(30);
    assert_eq!(condition(&scene, "Stalled").1, "PermissionDenied");
}

#[test]
fn what_is_unknown_permits_no_standby() {
    type Spoil = fn(&mut Scene);
    let spoils: [(&str, Spoil); 5] = [
        ("RDS of us-west-2 says nothing", |scene| {
            scene.world.instance[B] = unknown(TroubleKind::ServerError)
        }),
        ("follows the writer", |scene| {
            let new = ReplicationStatus {
                status: "something-new".into(),
                message: None,
            };
            scene.instance(B).replication = Some(new);
        }),
        ("no service of us-west-2", |scene| {
            for service in &mut scene.shop.regions.secondary.services {
                service.critical = true;
            }
            scene.world.probe[B] = ProbeSeen::Status(302);
        }),
        ("load balancer lb-1", |scene| {
            scene.world.balancers[0] = unknown(TroubleKind::ServerError)
        }),
        ("Route 53", |scene| {
            scene.world.names = unknown(TroubleKind::ServerError)
        }),
    ];
    for (what, spoil) in spoils {
        let mut scene = Scene::healthy();
        assert_eq!(condition(&scene, "StandbyReady").0, ConditionStatus::True);
        assert_eq!(condition(&scene, "Protected").0, ConditionStatus::True);
        spoil(&mut scene);
        scene.live(600);
        let (status, reason, message) = condition(&scene, "StandbyReady");
        assert_eq!((status, reason), (ConditionStatus::Unknown, "NotRead"), "{what}");
        assert!(message.contains(what), "{what}: {message}");
        assert_eq!(condition(&scene, "Protected").0, ConditionStatus::False, "{what}");
    }
}

#[test]
fn a_reading_or_two_that_fail_change_nothing() {
    let mut scene = Scene::healthy();
    scene.wait(80);
    scene.read_probes();
    assert_eq!(
        condition(&scene, "StandbyReady").0,
        ConditionStatus::True,
        "it is read every 30 s"
    );
}

/// A former writer that is read-only and says so is fenced: whether it runs is no news.
#[test]
fn a_fence_that_a_proof_has_shown_does_not_open_again() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(1200, |scene| {
        scene.promotions() == 1 && scene.journal.in_flight().is_none()
    });
    scene.revive_region();
    scene.world.edge[A] = health(0, 0);
    let mut refused = proof(&scene.shop, A, Some(A), false);
    refused.local_read_only = Some(true);
    scene.world.proof[A] = ProofSeen::Said(refused);
    let mut changes = 0;
    let mut owed = true;
    for _ in 0..30 {
        scene.wait(10);
        scene.read();
        // Nothing that is sent is done: the stop is on its way for ever.
        let _ = scene.decide();
        let owes = scene.journal.owes(ObligationKind::FenceFormerWriter).is_some();
        changes += u32::from(owes != owed);
        owed = owes;
    }
    assert_eq!((changes, owed), (1, false), "it is closed once");
}

#[test]
fn the_name_that_a_move_is_about_to_point_is_nobodys_to_correct() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(1200, |scene| scene.promotions() == 1);
    scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, None, false));
    let mut seen = false;
    for _ in 0..30 {
        scene.wait(10);
        scene.read();
        let moving = scene.journal.in_flight().is_some();
        let foreign = said(&scene)
            .blockers
            .iter()
            .any(|blocker| blocker.name == "RecordForeign");
        assert!(!foreign, "{:?}", scene.journal.current);
        let (_, _, message) = condition(&scene, "ActiveRegionHealthy");
        if moving && scene.plan().diagnosis == Diagnosis::WriterRefuses {
            seen = true;
            assert!(
                message.contains("does not reach it before db.shop.example.com points there"),
                "{message}"
            );
        }
        // What is to be sent stays unsent: the name is not moved yet.
        let _ = scene.decide();
    }
    assert_eq!(scene.journal.active_region, Some(scene.name(B)));
    assert!(seen, "the words were wanted");
}

#[test]
fn a_writer_that_nobody_looks_for_in_the_right_place_is_not_said_to_refuse() {
    let mut scene = Scene::healthy();
    scene.names().writer = Some(cname("db-old.example.com"));
    scene.world.proof[A] = ProofSeen::Said(proof(&scene.shop, A, None, false));
    scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, None, false));
    scene.world.lag_absent = Some(wall(0));
    scene.live(600);
    assert_eq!(scene.plan().diagnosis, Diagnosis::WriterRefuses);
    let (_, _, message) = condition(&scene, "ActiveRegionHealthy");
    assert!(
        message.contains("does not point at the writer in ca-central-1"),
        "{message}"
    );
    assert!(!message.contains("Check its disk"), "{message}");
}

#[test]
fn an_adoption_is_not_called_a_move() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(1200, |scene| {
        scene.promotions() == 1 && scene.journal.in_flight().is_none()
    });
    let since = |scene: &Scene| refusal(scene, "ObligationOpen");
    scene
        .journal
        .obligations
        .retain(|owed| owed.kind == ObligationKind::RebuildStandby);
    assert!(
        since(&scene).contains("since move e2 nothing follows"),
        "{}",
        since(&scene)
    );
    scene.journal.current.as_mut().unwrap().kind = breakwater_core::journal::MoveKind::Adopt;
    assert!(
        since(&scene).contains("since the adoption e2 nothing follows"),
        "{}",
        since(&scene)
    );
    scene.journal.current = None;
    assert!(
        since(&scene).contains("since epoch 2 nothing follows"),
        "{}",
        since(&scene)
    );
}

/// Two services that are asked at one URL have a vote each: else no round is ever complete, and nothing ever moves.
#[test]
fn two_services_at_one_url_complete_a_round() {
    let mut shop = crate::scene::shop();
    for side in [A, B] {
        let url = shop.regions[side].services[0].url.clone();
        shop.regions[side].services[1].url = url;
    }
    let scene = Scene::healthy_with(shop);
    assert!(scene.facts().round.is_some());
    assert_eq!(scene.plan().diagnosis, Diagnosis::Healthy);
}

/// One proof URL for both regions, as behind a global name: each answer counts for the region whose process gave it.
#[test]
fn one_proof_url_for_both_regions_completes_a_round() {
    let mut shop = crate::scene::shop();
    shop.regions.secondary.proof = shop.regions.primary.proof.clone();
    let url = shop.regions.primary.proof.clone().unwrap();
    let mut scene = Scene::unread();
    scene.shop = shop;
    for _ in 0..30 {
        scene.wait(10);
        scene.read_probes();
        scene.read_edge();
        scene.read_instance(A);
        scene.read_instance(B);
        scene.read_lag();
        scene.read_documents();
        for side in [A, B] {
            let seen = ProofSeen::Said(proof(&scene.shop, side, Some(A), true));
            scene.absorb(ObjectKey::Proof(url.clone()), Value::Proof(seen));
        }
    }
    assert!(scene.facts().round.is_some());
    assert_eq!(scene.plan().diagnosis, Diagnosis::Healthy);
}

/// Nothing has been moved, so nothing needs to calm down: the shop is protected at once.
#[test]
fn an_adoption_has_no_cool_down() {
    let mut scene = Scene::healthy();
    let before = scene.journal.epoch;
    scene.requests.push(breakwater_core::request::Request {
        name: "adopt".into(),
        uid: "uid-adopt".into(),
        kind: breakwater_core::journal::MoveKind::Adopt,
        to: Some(scene.name(A)),
        expected_epoch: None,
        start_before: wall(86_400),
        overrides: Vec::new(),
        allow_loss: None,
        max_write_stop: None,
        expires_at: None,
        approved_by: None,
        abort: false,
        record_of: None,
    });
    scene.live_until(900, |scene| {
        scene.journal.current.as_ref().and_then(|m| m.outcome) == Some(MoveOutcome::Completed)
    });
    assert!(scene.journal.epoch > before);
    assert_eq!(scene.journal.cool_down_until, None);
    scene.live(120);
    assert_eq!(condition(&scene, "Protected").0, ConditionStatus::True);
}
