//! Named reasons not to move now, each by one small change of an outage that would be left otherwise.

use crate::scene::{A, B, Scene, health, proof, secs, shop, unknown};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::journal::{Obligation, ObligationKind};
use breakwater_core::reading::{PoolView, ProbeSeen, ProofSeen, Seen, TroubleKind};
use breakwater_core::refusal::Refusal;
use breakwater_core::shop::{Freeze, Mode};
use breakwater_core::time::{after, before};

/// A dead region whose votes have all been held; nothing was decided meanwhile.
fn outage(mut scene: Scene) -> Scene {
    scene.kill_region();
    scene.watch(240);
    let diagnosis = scene.plan().diagnosis;
    assert_eq!(diagnosis, Diagnosis::RegionDown);
    scene
}

fn begins(scene: &mut Scene) -> bool {
    scene.decide();
    scene
        .journal
        .in_flight()
        .is_some_and(|current| !current.awaits_approval())
}

/// Exactly this one refuses, and no move begins.
fn only(mut scene: Scene, name: &str) -> Refusal {
    let refusals = scene.plan().refusals;
    assert_eq!(refusals.iter().map(Refusal::name).collect::<Vec<_>>(), [name]);
    assert!(!begins(&mut scene), "{name} must refuse");
    refusals[0].clone()
}

#[test]
fn without_a_refusal_the_move_begins() {
    let mut scene = outage(Scene::healthy());
    assert_eq!(scene.refusals(), Vec::<&str>::new());
    assert!(begins(&mut scene));
    let current = scene.journal.in_flight().unwrap();
    assert_eq!((current.number, current.automatic), (2, true));
    assert_eq!((&*current.from, &*current.to), ("ca-central-1", "us-west-2"));
    assert!(current.loss.is_some());
    assert_eq!(current.first_down, scene.facts().trouble);
    assert_eq!(scene.refusals(), ["MoveInFlight"]);
}

#[test]
fn observe_mode() {
    let mut scene = outage(Scene::healthy());
    scene.shop.policy.mode = Mode::Observe;
    only(scene, "ObserveMode");
}

#[test]
fn awaiting_approval() {
    let mut scene = outage(Scene::healthy());
    scene.shop.policy.mode = Mode::Approve;
    only(scene, "AwaitingApproval");
}

#[test]
fn suspended() {
    let mut scene = outage(Scene::healthy());
    scene.shop.suspended = true;
    only(scene, "Suspended");
}

#[test]
fn frozen() {
    let mut scene = outage(Scene::healthy());
    let until = after(scene.now.wall, secs(60));
    let freeze = |from, until| Freeze {
        name: "sale".into(),
        from,
        until,
    };
    scene.shop.policy.freezes = vec![
        freeze(before(scene.now.wall, secs(600)), scene.now.wall),
        freeze(scene.now.wall, until),
    ];
    let refusal = only(scene.clone(), "Frozen");
    assert_eq!(
        refusal,
        Refusal::Frozen {
            name: "sale".into(),
            until
        }
    );
    scene.watch(60);
    assert!(begins(&mut scene), "what ends by itself ends");
}

#[test]
fn quarantine_a_young_process_has_held_nothing() {
    let mut scene = outage(Scene::healthy());
    scene.evidence = breakwater_core::evidence::Evidence::new(&scene.shop, scene.journal.ever_up.clone());
    scene.watch(60);
    let names = scene.refusals();
    assert!(names.contains(&"NotHeld") || names.contains(&"Quarantine"), "{names:?}");
    assert!(!begins(&mut scene));
}

#[test]
fn not_held() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.watch(110);
    if scene.plan().diagnosis == Diagnosis::RegionDown {
        assert!(scene.refusals().contains(&"NotHeld"));
    }
    assert!(!begins(&mut scene));
    // The votes are held for promoteAfter, not a second less.
    scene.live_until(300, |scene| scene.journal.in_flight().is_some());
    assert!(scene.facts().a.probe.held >= scene.shop.policy.promote_after);
}

#[test]
fn a_database_has_a_longer_grace_than_a_region() {
    let mut scene = Scene::healthy();
    scene.world.proof[A] = ProofSeen::Said(proof(&scene.shop, A, None, false));
    scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, None, false));
    scene.world.lag_stops = Some(scene.now.wall);
    scene.watch(290);
    assert_eq!(scene.plan().diagnosis, Diagnosis::DatabaseDown);
    assert!(scene.refusals().contains(&"NotHeld"), "{:?}", scene.refusals());
    scene.live_until(60, |scene| scene.journal.in_flight().is_some());
    assert!(scene.facts().proof.held >= secs(300));
}

#[test]
fn what_is_held_is_the_vote_not_the_diagnosis() {
    // DatabaseDown grows into RegionDown: the Down of the probes was held all the time.
    let mut scene = Scene::without_proofs();
    scene.kill_region();
    scene.world.instance[A] = Seen::Present(crate::scene::writer_instance());
    scene.watch(200);
    assert_eq!(scene.plan().diagnosis, Diagnosis::DatabaseDown);
    scene.world.instance[A] = Seen::Silent;
    scene.watch(30);
    assert_eq!(scene.plan().diagnosis, Diagnosis::RegionDown);
    assert!(begins(&mut scene), "{:?}", scene.refusals());
}

#[test]
fn loss_unknown() {
    let mut scene = Scene::without_proofs();
    scene.world.lag_stops = Some(before(scene.now.wall, secs(100_000)));
    let mut scene = {
        // A process that has never seen a good sample.
        scene.evidence = breakwater_core::evidence::Evidence::new(&scene.shop, scene.journal.ever_up.clone());
        scene
    };
    scene.kill_region();
    scene.watch(60);
    assert_eq!(scene.facts().caught_up_to, None);
    // Its link broke as far back as anybody can see, so that the replica alone would bar the diagnosis too.
    assert!(!begins(&mut scene));
    let status = breakwater_core::reading::ReplicationStatus {
        status: "error".into(),
        message: Some("error connecting to source".into()),
    };
    let mut scene = Scene::without_proofs();
    scene.evidence = breakwater_core::evidence::Evidence::new(&scene.shop, scene.journal.ever_up.clone());
    scene.world.lag_absent = Some(before(scene.now.wall, secs(100_000)));
    scene.kill_region();
    scene.instance(B).replication = Some(status);
    scene.watch(240);
    assert_eq!(scene.plan().diagnosis, Diagnosis::RegionDown);
    only(scene, "LossUnknown");
}

#[test]
fn loss_over_budget() {
    let mut shop = shop();
    shop.policy.max_loss = secs(60);
    let scene = outage(Scene::healthy_with(shop));
    let Refusal::LossOverBudget { seconds, budget } = only(scene.clone(), "LossOverBudget") else {
        panic!("another refusal")
    };
    assert_eq!(budget, 60);
    let mut scene = scene;
    scene.shop.policy.max_loss = secs(u64::try_from(seconds - 1).unwrap());
    assert_eq!(scene.refusals(), ["LossOverBudget"], "a second too much");
    // Exactly the budget is within it.
    scene.shop.policy.max_loss = secs(u64::try_from(seconds).unwrap());
    assert!(begins(&mut scene), "{:?}", scene.refusals());
}

#[test]
fn standby_missing() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.watch(240);
    scene.instance(B).status = "deleting".into();
    scene.watch(10);
    only(scene, "StandbyMissing");

    let mut scene = outage(Scene::healthy());
    scene.instance(B).resource_id = "db-OTHER".into();
    scene.watch(10);
    only(scene, "StandbyMissing");
}

#[test]
fn standby_busy_with_what_the_list_names_and_nothing_else() {
    for status in ["creating", "backing-up", "modifying", "rebooting", "upgrading"] {
        let mut scene = outage(Scene::healthy());
        scene.instance(B).status = status.into();
        scene.watch(10);
        let refusal = only(scene.clone(), "StandbyBusy");
        assert_eq!(refusal, Refusal::StandbyBusy { status: status.into() });
        scene.instance(B).status = "available".into();
        scene.watch(10);
        assert!(begins(&mut scene), "what ends by itself ends");
    }
    for status in [
        "available",
        "maintenance",
        "storage-optimization",
        "configuring-enhanced-monitoring",
        "new-in-2027",
    ] {
        let mut scene = outage(Scene::healthy());
        scene.instance(B).status = status.into();
        scene.watch(10);
        assert!(begins(&mut scene), "{status}: try, RDS decides; {:?}", scene.refusals());
    }
}

#[test]
fn standby_not_replica() {
    for source in [
        "arn:aws:rds:ca-central-1:111122223333:db:another",
        "arn:aws:rds:eu-west-1:111122223333:db:shop-cac1",
    ] {
        let mut scene = outage(Scene::healthy());
        scene.instance(B).source = Some(source.into());
        scene.watch(10);
        only(scene, "StandbyNotReplica");
    }
}

#[test]
fn standby_services_down_only_when_they_were_down_well_before() {
    for (earlier, refused) in [(0, false), (60, false), (90, true)] {
        let mut scene = Scene::healthy();
        scene.world.probe[B] = ProbeSeen::Status(503);
        scene.watch(earlier);
        scene.kill_region();
        scene.watch(240);
        assert_eq!(scene.plan().diagnosis, Diagnosis::RegionDown);
        assert_eq!(
            scene.refusals().contains(&"StandbyServicesDown"),
            refused,
            "{earlier} s before"
        );
    }
}

#[test]
fn traffic_not_moved() {
    type Change = fn(&mut Scene);
    let cases: &[(&str, Change)] = &[
        ("a balancer that cannot be read", |scene| {
            scene.world.balancers[0] = unknown(TroubleKind::ServerError);
        }),
        ("a disabled balancer", |scene| scene.balancer().enabled = false),
        ("a rule that names A", |scene| {
            scene.balancer().named_elsewhere = vec!["pool-ca".into()]
        }),
        ("a balancer without B", |scene| {
            let balancer = scene.balancer();
            balancer.default_pools = vec!["pool-ca".into()];
            balancer.region_pools.clear();
            balancer.country_pools.clear();
        }),
        ("B's pool missing", |scene| scene.world.pool[B] = Seen::Absent),
        ("B's pool disabled", |scene| {
            scene.world.pool[B] = Seen::Present(PoolView {
                enabled: false,
                monitored: true,
                monitor: Some("monitor-1".into()),
            });
        }),
    ];
    for (what, change) in cases {
        let mut scene = outage(Scene::healthy());
        change(&mut scene);
        scene.watch(10);
        let names = scene.refusals();
        assert_eq!(names, ["TrafficNotMoved"], "{what}");
        assert!(!begins(&mut scene), "{what}");
    }
}

#[test]
fn name_unmovable() {
    for seen in [Seen::Silent, unknown(TroubleKind::ServerError)] {
        let mut scene = outage(Scene::healthy());
        scene.world.names = seen;
        scene.watch(10);
        only(scene, "NameUnmovable");
    }
}

#[test]
fn cool_down_binds_to_its_end() {
    let mut scene = outage(Scene::healthy());
    let until = after(scene.now.wall, secs(60));
    scene.journal.cool_down_until = Some(until);
    assert_eq!(only(scene.clone(), "CoolDown"), Refusal::CoolDown { until });
    scene.watch(60);
    assert!(begins(&mut scene));
}

#[test]
fn an_open_obligation_refuses_but_an_open_unfence_does_not() {
    for (kind, side, refused) in [
        (ObligationKind::FenceFormerWriter, A, true),
        (ObligationKind::RebuildStandby, B, true),
        (ObligationKind::Unfence, A, false),
    ] {
        let mut scene = outage(Scene::healthy());
        scene.journal.obligations.push(Obligation {
            kind,
            region: scene.name(side),
            instance: scene.shop.regions[side].instance.clone(),
            number: 1,
            since: scene.now.wall,
        });
        assert_eq!(scene.refusals().contains(&"ObligationOpen"), refused, "{kind:?}");
        assert_eq!(begins(&mut scene), !refused, "{kind:?}");
    }
}

#[test]
fn owned_elsewhere() {
    let mut scene = outage(Scene::healthy());
    let mut other = crate::scene::owner_record(&scene.shop, 1, A, None);
    other.owner = "staging/shops/shop-ca".into();
    scene.names().txt = Some(other.record("db.shop.example.com"));
    scene.watch(10);
    let refusal = only(scene, "OwnedElsewhere");
    assert_eq!(
        refusal,
        Refusal::OwnedElsewhere {
            owner: "staging/shops/shop-ca".into()
        }
    );
}

#[test]
fn unknown_active() {
    let mut scene = outage(Scene::healthy());
    scene.journal.active_region = None;
    // With our TXT gone too, an adoption first has to claim the name.
    scene.names().txt = None;
    scene.watch(10);
    assert!(scene.refusals().contains(&"UnknownActive"));
    assert!(!begins(&mut scene));
}

#[test]
fn all_that_hold_are_listed() {
    let mut scene = outage(Scene::healthy());
    scene.shop.suspended = true;
    scene.shop.policy.max_loss = secs(1);
    scene.instance(B).status = "backing-up".into();
    scene.world.names = Seen::Silent;
    scene.watch(10);
    assert_eq!(
        scene.refusals(),
        ["Suspended", "LossOverBudget", "StandbyBusy", "NameUnmovable"]
    );
}

#[test]
fn with_the_link_flowing_or_a_proof_up_no_time_is_long_enough() {
    let mut scene = Scene::healthy();
    scene.world.probe[A] = ProbeSeen::TimedOut;
    scene.world.edge[A] = health(0, 12);
    scene.world.instance[A] = Seen::Silent;
    scene.live(3600);
    assert_eq!(scene.promotions(), 0);
    assert!(scene.journal.in_flight().is_none());
}
