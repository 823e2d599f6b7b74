//! What a quiet day should say about the next move: one test for each blocker that readings alone bring about.

use crate::scene::*;
use breakwater_core::Text;
use breakwater_core::journal::{LicenceEntry, Move, MoveKind, MoveOutcome, Phase};
use breakwater_core::plan::{Basis, Verdict};
use breakwater_core::reading::{
    LagView, MonitorView, ObjectKey, ProbeSeen, ProofSeen, ReplicationStatus, Seen, TroubleKind, Value,
};
use breakwater_core::report::{ConditionStatus, Report, report};

fn names(scene: &Scene) -> Vec<&'static str> {
    scene.plan().blockers.iter().map(|blocker| blocker.name()).collect()
}

fn says(scene: &Scene, name: &str) -> Report {
    let decision = scene.plan();
    let report = report(&scene.input(), &decision);
    assert!(report.blockers.iter().any(|b| b.name == name), "{name}: {report:#?}");
    report
}

fn words(scene: &Scene, name: &str) -> String {
    let told = says(scene, name).blockers.into_iter().filter(|b| b.name == name);
    told.map(|b| b.message.to_string()).collect::<Vec<_>>().join(" ")
}

fn prevents(scene: &Scene, name: &str) -> bool {
    says(scene, name).blockers.iter().any(|b| b.name == name && b.prevents)
}

fn condition(scene: &Scene, kind: &str) -> (ConditionStatus, &'static str, Text) {
    let report = report(&scene.input(), &scene.plan());
    let found = report.conditions.iter().find(|c| c.kind == kind).expect("a condition");
    (found.status, found.reason, found.message.clone())
}

fn read_monitor(scene: &mut Scene, interval: u64) {
    let view = MonitorView {
        interval: secs(interval),
        timeout: secs(5),
        retries: 1,
    };
    let key = ObjectKey::Monitor(scene.shop.class.clone(), "monitor-1".into());
    scene.absorb(key, Value::Monitor(Seen::Present(view)));
}

fn read_lag_of(scene: &mut Scene, seconds: f64) {
    let stamp = scene.ago(60);
    let view = LagView {
        samples: vec![(stamp, seconds)],
        newest_other: Some(stamp),
    };
    let key = ObjectKey::Lag(scene.shop.scope(B), scene.shop.regions[B].instance.clone());
    scene.absorb(key, Value::Lag(Seen::Present(view)));
}

#[test]
fn a_healthy_shop_has_none() {
    let mut scene = Scene::healthy();
    read_monitor(&mut scene, 15);
    assert_eq!(names(&scene), Vec::<&str>::new());
    assert_eq!(condition(&scene, "StandbyReady").0, ConditionStatus::True);
    assert_eq!(condition(&scene, "ObjectivesMet").0, ConditionStatus::True);
}

#[test]
fn loss_budget_too_small() {
    let mut scene = Scene::healthy();
    read_monitor(&mut scene, 60);
    read_lag_of(&mut scene, 60.0);
    assert!(
        !names(&scene).contains(&"LossBudgetTooSmall"),
        "60 s of lag fit into 300 s"
    );
    read_lag_of(&mut scene, 200.0);
    assert!(prevents(&scene, "LossBudgetTooSmall"));
    assert!(!names(&scene).contains(&"LagHigh"), "the lag itself is within it");
    // With a monitor that asks every 15 s users' view comes sooner.
    read_monitor(&mut scene, 15);
    read_lag_of(&mut scene, 120.0);
    assert!(!names(&scene).contains(&"LossBudgetTooSmall"));
    read_lag_of(&mut scene, 400.0);
    assert!(prevents(&scene, "LagHigh"));
    assert!(!names(&scene).contains(&"LossBudgetTooSmall"), "said once");
}

/// The bound that the forecast states holds for the estimate that a clean loss really gets.
#[test]
fn a_clean_loss_is_estimated_within_what_was_said() {
    let mut scene = Scene::without_proofs();
    read_monitor(&mut scene, 60);
    let beyond = scene.plan().forecast.expect("a forecast").beyond_lag;
    scene.kill_region();
    scene.watch(200);
    let facts = scene.facts();
    let loss = breakwater_core::loss::estimate(&facts, scene.now).expect("an estimate");
    assert!(
        u64::try_from(loss.seconds).unwrap() <= beyond.as_secs(),
        "{loss:?} {beyond:?}"
    );
}

#[test]
fn crd_outdated() {
    let mut scene = Scene::healthy();
    scene.fleet.crd_outdated = true;
    assert!(prevents(&scene, "CrdOutdated"));
    assert!(words(&scene, "CrdOutdated").contains("kubectl apply"));
    assert_eq!(condition(&scene, "Stalled").1, "CrdOutdated");
    assert_eq!(condition(&scene, "Ready").0, ConditionStatus::False);
    scene.fleet.crd_outdated = false;
    assert!(!names(&scene).contains(&"CrdOutdated"));
    // What a comparison at the start has found is named.
    scene.fleet.crds_lack = Some("storefronts .status.journal.places".into());
    assert!(prevents(&scene, "CrdOutdated"));
    assert!(words(&scene, "CrdOutdated").contains(".status.journal.places. No call"));
    assert!(words(&scene, "CrdOutdated").contains("kubectl apply"));
    assert_eq!(condition(&scene, "Stalled").1, "CrdOutdated");
}

/// Case I1: one token reads the zone's load balancers and is refused the account's pools.
#[test]
fn token_scope() {
    let mut scene = Scene::healthy();
    for side in [A, B] {
        scene.world.pool[side] = unknown(TroubleKind::Denied);
        scene.world.edge[side] = unknown(TroubleKind::Denied);
    }
    scene.watch(120);
    assert!(prevents(&scene, "TokenScope"));
    assert!(words(&scene, "TokenScope").contains("account-level"));
    assert!(!names(&scene).contains(&"PermissionDenied"), "{:?}", names(&scene));
    assert!(names(&scene).contains(&"NoEdgeView"));
    assert_eq!(condition(&scene, "Stalled").1, "TokenScope");
    // A token that may nothing at all is another matter.
    scene.world.balancers = vec![unknown(TroubleKind::Denied)];
    scene.watch(10);
    assert!(names(&scene).contains(&"PermissionDenied"));
    assert!(!names(&scene).contains(&"TokenScope"));
}

#[test]
fn a_missing_balancer_is_not_a_missing_pool() {
    let mut scene = Scene::healthy();
    scene.world.balancers = vec![Seen::Absent];
    scene.watch(10);
    assert!(prevents(&scene, "BalancerMissing"));
    assert!(words(&scene, "BalancerMissing").contains("load balancer lb-1 does not exist"));
    assert!(!names(&scene).contains(&"PoolMissing"));

    let mut scene = Scene::healthy();
    scene.world.pool[B] = Seen::Absent;
    scene.balancer().default_pools = vec!["pool-ca".into()];
    scene.balancer().region_pools.clear();
    scene.balancer().country_pools.clear();
    scene.watch(10);
    let said = words(&scene, "PoolMissing");
    assert!(
        said.contains("the pool of us-west-2 (pool-us) does not exist"),
        "{said}"
    );
    assert!(
        said.contains("lb-1 does not name the pool of us-west-2 (pool-us)"),
        "{said}"
    );
    assert!(!said.contains("pool-ca"), "{said}");
}

#[test]
fn backups_off() {
    let mut scene = Scene::healthy();
    assert!(
        !names(&scene).contains(&"BackupsOff"),
        "a replica without backups is as it should be (case R1)"
    );
    scene.instance(A).backup_days = 0;
    scene.watch(10);
    assert!(!prevents(&scene, "BackupsOff"));
}

#[test]
fn standby_read_only_forced() {
    let mut scene = Scene::healthy();
    scene.world.parameters[A].read_only = Some("1".into());
    scene.watch(10);
    assert!(
        !names(&scene).contains(&"StandbyReadOnlyForced"),
        "the writer's group is not the standby's"
    );
    scene.world.parameters[B].read_only = Some("1".into());
    scene.watch(10);
    assert!(!prevents(&scene, "StandbyReadOnlyForced"));
    assert!(words(&scene, "StandbyReadOnlyForced").contains("us-west-2"));
    scene.instance(B).tag_fenced = Some(7);
    scene.watch(10);
    assert!(
        !names(&scene).contains(&"StandbyReadOnlyForced"),
        "a fence of ours is none of that"
    );
}

#[test]
fn parameter_groups_are_read_on_a_quiet_day() {
    let scene = Scene::healthy();
    let looks = scene.plan().look;
    let groups = looks.iter().filter(|look| {
        matches!(&look.query, breakwater_core::reading::Query::Parameters { .. }) && look.every >= secs(3600)
    });
    assert_eq!(groups.count(), 2);
    let monitors = looks
        .iter()
        .filter(|look| matches!(&look.query, breakwater_core::reading::Query::Monitor { .. }));
    assert_eq!(monitors.count(), 1, "one that both pools share is asked once");
}

#[test]
fn ttl_long() {
    let mut scene = Scene::healthy();
    for (ttl, long) in [(60, false), (61, true)] {
        scene.names().writer.as_mut().unwrap().ttl = Some(ttl);
        scene.watch(10);
        assert_eq!(names(&scene).contains(&"TtlLong"), long, "{ttl}");
    }
    assert!(words(&scene, "TtlLong").contains("db.shop.example.com"));
    scene.names().writer.as_mut().unwrap().ttl = Some(30);
    // Case T6: DNS-only, 300 s.
    scene.balancer().dns_ttl = Some(secs(300));
    scene.watch(10);
    assert!(!prevents(&scene, "TtlLong"));
    let said = words(&scene, "TtlLong");
    assert!(said.contains("lb-1") && !said.contains("db.shop"), "{said}");
}

#[test]
fn observer_in_region() {
    let mut scene = Scene::healthy();
    for (region, inside) in [
        (None, false),
        (Some("eu-west-1"), false),
        (Some("us-west-2"), true),
        (Some("ca-central-1"), true),
    ] {
        scene.fleet.region = region.map(Into::into);
        assert_eq!(names(&scene).contains(&"ObserverInRegion"), inside, "{region:?}");
    }
    assert!(!prevents(&scene, "ObserverInRegion"));
}

/// Where a person decides, it matters whether the name in their approval is theirs.
#[test]
fn approver_unverified() {
    use breakwater_core::facts::Unverified;
    use breakwater_core::shop::Mode;
    let mut scene = Scene::healthy();
    let namespace = scene.shop.key.namespace.clone();
    let unverified = |scene: &Scene| names(scene).contains(&"ApproverUnverified");
    for (why, says) in [
        (Unverified::Admitted, "admission policies"),
        (Unverified::Unclear, "could not be tried"),
    ] {
        scene.fleet.unverified = [(namespace.clone(), why)].into();
        for mode in [Mode::Observe, Mode::Approve, Mode::Automatic] {
            scene.shop.policy.mode = mode;
            assert_eq!(unverified(&scene), mode == Mode::Approve, "{mode:?}");
        }
        scene.shop.policy.mode = Mode::Approve;
        assert!(words(&scene, "ApproverUnverified").contains(says));
        assert!(words(&scene, "ApproverUnverified").contains("docs/access.md"));
        assert!(!prevents(&scene, "ApproverUnverified"));
    }
    // Elsewhere it is another matter.
    scene.fleet.unverified = [("others".into(), Unverified::Admitted)].into();
    assert!(!unverified(&scene));
}

#[test]
fn steering_too_large() {
    let mut scene = Scene::healthy();
    let lists = |count: usize| {
        (0..count)
            .map(|i| (Text::from(format!("C{i}")), vec!["pool-ca".into()]))
            .collect()
    };
    let others = 4;
    scene.balancer().country_pools = lists(64 - others);
    scene.watch(10);
    assert!(!names(&scene).contains(&"SteeringTooLarge"));
    scene.balancer().country_pools = lists(65 - others);
    scene.watch(10);
    assert!(!prevents(&scene, "SteeringTooLarge"));
    // One list alone may be too long to remember.
    let mut long: Vec<Text> = (0..64).map(|i| format!("pool-{i}").into()).collect();
    long.push("pool-ca".into());
    scene.balancer().country_pools = [(Text::from("CA"), long)].into();
    scene.watch(10);
    assert!(names(&scene).contains(&"SteeringTooLarge"));
}

#[test]
fn pool_in_no_list() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(900, |scene| scene.journal.excluded.is_some());
    scene.live(60);
    assert!(!prevents(&scene, "PoolInNoList"));
    assert!(words(&scene, "PoolInNoList").contains("pool-ca"));
}

#[test]
fn monitor_slow() {
    let mut scene = Scene::healthy();
    for (interval, slow) in [(15, false), (30, false), (60, true)] {
        read_monitor(&mut scene, interval);
        assert_eq!(names(&scene).contains(&"MonitorSlow"), slow, "{interval}");
    }
    assert!(!prevents(&scene, "MonitorSlow"));
}

#[test]
fn objective_missed() {
    let mut scene = Scene::healthy();
    for (rto, verdict, status) in [
        (1200, Verdict::Met, ConditionStatus::True),
        (600, Verdict::MayBeMissed, ConditionStatus::Unknown),
        (200, Verdict::Missed, ConditionStatus::False),
    ] {
        scene.shop.rto_objective = secs(rto);
        let forecast = scene.plan().forecast.expect("a forecast");
        assert_eq!(forecast.rto_verdict, verdict, "{forecast:?}");
        assert_eq!(condition(&scene, "ObjectivesMet").0, status);
        assert_eq!(names(&scene).contains(&"ObjectiveMissed"), verdict != Verdict::Met);
    }
    assert!(!prevents(&scene, "ObjectiveMissed"));
    scene.shop.rto_objective = secs(1200);
    scene.shop.rpo_objective = secs(10);
    assert_eq!(scene.plan().forecast.unwrap().rpo_verdict, Verdict::MayBeMissed);
    assert!(words(&scene, "ObjectiveMissed").contains("rpoSeconds"));
    scene.world.lag_absent = Some(scene.ago(1200));
    scene.watch(600);
    assert_eq!(
        scene.plan().forecast.unwrap().rpo_verdict,
        Verdict::Unknown,
        "no sample, no number"
    );
}

#[test]
fn a_measured_promotion_replaces_the_assumption() {
    let mut scene = Scene::healthy();
    assert_eq!(scene.plan().forecast.unwrap().basis, Basis::Assumed);
    scene.journal.current = Some(Move {
        number: 4,
        kind: MoveKind::Failover,
        phase: Phase::Verifying,
        outcome: Some(MoveOutcome::Completed),
        licence: Some(LicenceEntry {
            at: scene.ago(4000),
            by: "controller-1".into(),
        }),
        promoted_at: Some(scene.ago(3840)),
        ..moved()
    });
    let forecast = scene.plan().forecast.unwrap();
    assert_eq!(forecast.basis, Basis::Measured(4));
    assert_eq!(
        (forecast.promotion.least, forecast.promotion.most),
        (secs(80), secs(320))
    );
}

fn moved() -> Move {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(900, |scene| scene.journal.current.is_some());
    scene.journal.current.expect("a move")
}

/// During an outage the broken link and the services that need the writer are its consequence.
#[test]
fn what_follows_from_the_outage_is_told_as_its_consequence() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.watch(100);
    let said = words(&scene, "LinkBroken");
    assert!(said.contains("holds none up"), "{said}");
    scene.world.probe[B] = ProbeSeen::Status(503);
    scene.watch(20);
    let said = words(&scene, "StandbyServicesDown");
    assert!(said.contains("holds no failover up"), "{said}");

    let mut scene = Scene::healthy();
    scene.world.lag_stops = Some(scene.now.wall);
    scene.instance(B).replication = Some(ReplicationStatus {
        status: "stopped".into(),
        message: None,
    });
    scene.watch(200);
    let said = words(&scene, "LinkBroken");
    assert!(said.contains("us-west-2 does not follow ca-central-1"), "{said}");
    scene.world.probe[B] = ProbeSeen::Status(503);
    scene.watch(60);
    let said = words(&scene, "StandbyServicesDown");
    assert!(said.contains("by themselves"), "{said}");
}

/// After a move a new standby is made by itself, or by a person where that cannot be: status says which, wherever it says
/// that something is owed.
#[test]
fn after_a_move_the_words_say_who_makes_the_standby() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(1800, |scene| {
        scene.journal.current.as_ref().is_some_and(|m| m.outcome.is_some())
    });
    scene.revive_region();
    scene.instance(A).replicas.clear();
    scene.world.proof[A] = ProofSeen::Nothing("stopped".into());
    scene.live(900);
    assert_eq!(scene.journal.obligations.len(), 1, "{:?}", scene.journal.obligations);
    let making = "RDS makes shop-cac1-e2 in ca-central-1";
    let told = words(&scene, "ObligationOpen");
    assert!(told.contains(making) && told.contains("creating"), "{told}");
    for kind in ["Ready", "StandbyReady"] {
        let (_, _, message) = condition(&scene, kind);
        assert!(message.contains(making), "{kind}: {message}");
    }
    assert_eq!(condition(&scene, "StandbyReady").1, "ObligationOpen");
    assert!(condition(&scene, "Protected").2.contains("StandbyReady says how far"));
    assert_eq!(
        condition(&scene, "Reconciling").0,
        ConditionStatus::False,
        "it takes hours"
    );
    assert_eq!(
        condition(&scene, "Ready").0,
        ConditionStatus::True,
        "what is owed does not count"
    );
    let report = report(&scene.input(), &scene.plan());
    assert_eq!(report.reason, "RebuildStandby");
    assert!(report.message.contains(making), "{}", report.message);
    scene.world.others.clear();
    scene.world.instance[A] = Seen::Absent;
    scene.live(120);
    let told = words(&scene, "ObligationOpen");
    let todo = "cross-region read replica of shop-usw2 (us-west-2) in ca-central-1";
    assert!(
        told.contains(todo) && told.contains("spec.regions.primary.dbInstance"),
        "{told}"
    );
}

#[test]
fn what_is_missing_names_the_region() {
    let mut scene = Scene::healthy();
    scene.watch(10);
    let report = report(&scene.input(), &scene.plan());
    assert!(
        report.missing.iter().any(|text| &**text == "edge(ca-central-1) Down"),
        "{:?}",
        report.missing
    );
    assert!(
        !report
            .missing
            .iter()
            .any(|text| text.contains("(A)") || text.contains("A's")),
        "{:?}",
        report.missing
    );
    let closed: Vec<_> = scene.plan().missing.iter().map(|missing| missing.name()).collect();
    assert!(closed.contains(&"EdgeDown"), "{closed:?}");
}

/// The first half minute of a dead region looks like a release in both: the words must be true of either.
#[test]
fn services_down_everywhere_names_both_causes() {
    let mut scene = Scene::healthy();
    scene.world.probe[A] = ProbeSeen::TimedOut;
    scene.world.edge[A] = health(0, 12);
    scene.world.probe[B] = ProbeSeen::Status(503);
    scene.world.edge[B] = health(0, 12);
    scene.watch(20);
    let report = report(&scene.input(), &scene.plan());
    assert_eq!(report.reason, "ServicesDownEverywhere");
    assert!(
        report.message.contains("release") && report.message.contains("failover follows"),
        "{}",
        report.message
    );
}

/// While only time is lacking, the summary says when the failover comes; a refusal that lasts is told before that.
#[test]
fn a_dead_region_says_when_it_is_left_or_why_not() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.watch(100);
    let said = report(&scene.input(), &scene.plan()).message;
    assert!(said.contains("Next: failover to us-west-2"), "{said}");
    scene.shop.policy.mode = breakwater_core::shop::Mode::Observe;
    let said = report(&scene.input(), &scene.plan()).message;
    assert!(said.contains("No failover by itself: mode is Observe"), "{said}");
    assert!(said.contains("is not bound by this"), "{said}");
}
