//! What RDS says about an instance.

use crate::scene::{A, B, Scene, unknown};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::evidence::status_vote;
use breakwater_core::facts::InstanceVote;
use breakwater_core::reading::{Seen, TroubleKind};

#[test]
fn statuses_mean_what_the_protocol_says() {
    for (vote, statuses) in [
        (
            InstanceVote::Available,
            &[
                "available",
                "backing-up",
                "storage-optimization",
                "configuring-enhanced-monitoring",
                "configuring-log-exports",
            ][..],
        ),
        (
            InstanceVote::Routine,
            &[
                "modifying",
                "rebooting",
                "upgrading",
                "maintenance",
                "renaming",
                "starting",
            ][..],
        ),
        (
            InstanceVote::Failed,
            &[
                "failed",
                "storage-full",
                "incompatible-parameters",
                "incompatible-network",
                "inaccessible-encryption-credentials",
            ][..],
        ),
        (InstanceVote::Absent, &["stopped", "deleting", "delete-precheck"][..]),
        (
            InstanceVote::Unknown,
            &["stopping", "creating", "something-new", "", "AVAILABLE"][..],
        ),
    ] {
        for status in statuses {
            assert_eq!(status_vote(status), vote, "{status:?}");
        }
    }
}

#[test]
fn new_statuses_change_no_diagnosis_and_refuse_nothing() {
    // Case W7.
    for side in [A, B] {
        let mut scene = Scene::healthy();
        for status in ["storage-optimization", "configuring-enhanced-monitoring"] {
            scene.instance(side).status = status.into();
            scene.watch(60);
            let decision = scene.plan();
            assert_eq!(decision.diagnosis, Diagnosis::Healthy, "{status}");
            assert!(decision.refusals.is_empty(), "{:?}", decision.refusals);
            assert!(
                !decision.blockers.iter().any(|blocker| blocker.prevents()),
                "{:?}",
                decision.blockers
            );
        }
        if side == B {
            scene.kill_region();
            scene.live_until(400, |scene| scene.promotions() == 1);
        }
    }
}

#[test]
fn silence_counts_only_where_something_was_heard_before() {
    let mut scene = Scene::unread();
    scene.world.instance[A] = Seen::Silent;
    scene.watch(60);
    assert_eq!(scene.facts().a.instance.value, InstanceVote::Unknown);
    let mut scene = Scene::healthy();
    scene.world.instance[A] = Seen::Silent;
    scene.watch(10);
    assert_eq!(scene.facts().a.instance.value, InstanceVote::Silent);
    assert!(scene.facts().a.instance.held.is_zero(), "one read confirms nothing");
    scene.watch(20);
    assert_eq!(scene.facts().a.instance.held.as_secs(), 20);
}

#[test]
fn trouble_of_our_own_or_of_the_answer_is_no_silence() {
    for kind in [
        TroubleKind::Throttled,
        TroubleKind::Denied,
        TroubleKind::Clock,
        TroubleKind::ServerError,
        TroubleKind::NotTheProvider,
        TroubleKind::Malformed,
        TroubleKind::TimedOut,
        TroubleKind::Ours,
        TroubleKind::Refused,
    ] {
        let mut scene = Scene::healthy();
        scene.world.instance[A] = unknown(kind);
        scene.watch(60);
        assert_eq!(scene.facts().a.instance.value, InstanceVote::Unknown, "{kind:?}");
    }
}

#[test]
fn a_404_must_come_twice() {
    let mut scene = Scene::healthy();
    scene.world.instance[A] = Seen::Absent;
    scene.watch(10);
    assert_eq!(scene.facts().a.instance.value, InstanceVote::Unknown);
    assert_ne!(scene.plan().diagnosis, Diagnosis::WriterRefuses);
    scene.watch(10);
    assert_eq!(scene.facts().a.instance.value, InstanceVote::Absent);
    assert_eq!(scene.plan().diagnosis, Diagnosis::WriterRefuses);
}

#[test]
fn another_instance_of_the_same_name_is_not_the_one_we_know() {
    let mut scene = Scene::healthy();
    scene.instance(A).resource_id = "db-OTHER".into();
    scene.instance(A).status = "failed".into();
    scene.watch(60);
    assert!(scene.facts().a.replaced);
    assert_eq!(
        scene.facts().a.instance.value,
        InstanceVote::Unknown,
        "its reading does not count"
    );
    let blockers = scene.plan().blockers;
    assert!(
        blockers.iter().any(|blocker| blocker.name() == "InstanceReplaced"),
        "{blockers:?}"
    );
}

#[test]
fn a_replaced_standby_is_never_promoted_and_never_taken_for_a_promoted_one() {
    let mut scene = Scene::healthy();
    scene.instance(B).resource_id = "db-OTHER".into();
    scene.watch(30);
    scene.kill_region();
    scene.live(600);
    assert_eq!(scene.promotions(), 0);

    // The replica is exchanged for a stand-alone instance after the move has begun.
    let mut scene = Scene::without_proofs();
    scene.kill_region();
    scene.live_until(300, |scene| scene.journal.in_flight().is_some());
    let other = scene.instance(B);
    other.resource_id = "db-OTHER".into();
    other.source = None;
    other.replication = None;
    scene.live(600);
    assert_eq!(scene.promotions(), 0);
    assert_eq!(
        scene.journal.active_region,
        Some(scene.name(A)),
        "W must not become an instance that nobody knows"
    );
}
