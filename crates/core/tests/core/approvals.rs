//! Mode Approve: the controller asks with its evidence, and decides again once a person has approved.

use crate::scene::{A, B, Scene, proof, secs, unknown};
use breakwater_core::journal::{Move, MoveKind, MoveOutcome, Phase};
use breakwater_core::reading::{ProofSeen, Seen, TroubleKind};
use breakwater_core::report::{ConditionStatus, approval_asked, report};
use breakwater_core::request::Request;
use breakwater_core::shop::Mode;
use breakwater_core::time::after;

fn healthy() -> Scene {
    let mut scene = Scene::healthy();
    scene.shop.policy.mode = Mode::Approve;
    // The order of pools has its own switch.
    scene.shop.policy.automatic_traffic = false;
    scene
}

/// A dead region, and a person who is asked.
fn asked() -> Scene {
    let mut scene = healthy();
    scene.kill_region();
    scene.live_until(600, |scene| scene.journal.in_flight().is_some());
    assert!(current(&scene).awaits_approval());
    scene
}

fn current(scene: &Scene) -> &Move {
    scene.journal.current.as_ref().expect("a move")
}

/// The record as the watch brings it.
fn record(scene: &Scene) -> Request {
    let current = current(scene);
    Request {
        name: current.record_name("shop-ca").into(),
        uid: "record".into(),
        kind: MoveKind::Failover,
        to: Some(current.to.clone()),
        expected_epoch: Some(current.number - 1),
        start_before: current.approval.as_ref().unwrap().until,
        overrides: Vec::new(),
        allow_loss: None,
        max_write_stop: None,
        expires_at: None,
        abort: false,
        record_of: Some(current.number),
        approved_by: None,
    }
}

fn approve(scene: &mut Scene) {
    let consent = Request {
        approved_by: Some("lead@example.com".into()),
        ..record(scene)
    };
    scene.requests.retain(|request| request.record_of.is_none());
    scene.requests.push(consent);
}

fn because(scene: &Scene) -> String {
    current(scene).because.as_deref().unwrap_or("").to_owned()
}

#[test]
fn it_asks_when_it_would_have_moved_and_does_nothing() {
    let when = |mode| {
        let mut scene = healthy();
        scene.shop.policy.mode = mode;
        scene.kill_region();
        scene.live_until(600, |scene| scene.journal.in_flight().is_some());
        scene.now.mono
    };
    assert_eq!(when(Mode::Approve), when(Mode::Automatic));
    let mut scene = asked();
    scene.live(1500);
    assert_eq!(scene.sent, Vec::new());
    assert_eq!(
        (current(&scene).phase, current(&scene).outcome),
        (Phase::Requested, None)
    );
    assert_eq!(scene.journal.obligations, []);
    assert_eq!(scene.journal.excluded, None);
}

#[test]
fn people_read_what_is_so_what_it_does_and_how_to_approve() {
    let scene = asked();
    let said = report(&scene.input(), &scene.plan());
    let condition = |kind: &str| said.conditions.iter().find(|c| c.kind == kind).unwrap().clone();
    let reconciling = condition("Reconciling");
    assert_eq!(
        (reconciling.status, reconciling.reason),
        (ConditionStatus::True, "AwaitingApproval")
    );
    assert_eq!(condition("Ready").status, ConditionStatus::False);
    assert_eq!(condition("Stalled").status, ConditionStatus::False);
    for words in [
        "RegionDown: probe Down, users' view Down, RDS Silent, link Broken",
        "shop-usw2 in us-west-2 is promoted",
        "s of orders are lost",
        "kubectl storefront approve shop-ca -n shops",
        "kubectl patch rsw shop-ca-e2-failover -n shops --type merge -p '{\"spec\":{\"approval\":{\"by\":",
        "spec.abort: true",
    ] {
        assert!(reconciling.message.contains(words), "{words}: {}", reconciling.message);
    }
    assert!(current(&scene).loss.is_some());
    assert_eq!(
        approval_asked(current(&scene), "shops", "shop-ca").as_deref(),
        Some(&*said.message)
    );
    // The nearest promotion lacks a person, and nothing else.
    assert_eq!(
        said.lacks.iter().map(|lack| lack.refusal()).collect::<Vec<_>>(),
        ["AwaitingApproval"]
    );
}

#[test]
fn approved_it_is_decided_on_readings_of_after_that() {
    let mut scene = asked();
    scene.live(600);
    approve(&mut scene);
    scene.decide();
    let approval = current(&scene).approval.clone().unwrap();
    assert_eq!(approval.by.as_deref(), Some("lead@example.com"));
    assert_eq!(
        current(&scene).phase,
        Phase::Requested,
        "no reading is younger than the approval"
    );
    scene.live(10);
    assert!(current(&scene).phase > Phase::Requested);
    scene.live_until(1200, |scene| current(scene).outcome.is_some());
    assert_eq!(current(&scene).outcome, Some(MoveOutcome::Completed));
    assert_eq!(
        (scene.promotions(), current(&scene).number, scene.journal.epoch),
        (1, 2, 2)
    );
    assert!(
        current(&scene).automatic,
        "its votes were held as for any move by itself"
    );
}

/// Whatever a person accepts: a database that lives is not promoted over.
#[test]
fn evidence_that_clears_before_the_approval_ends_it() {
    let mut scene = asked();
    let cool_down = scene.journal.cool_down_until;
    scene.revive_region();
    scene.world.lag_stops = None;
    scene.live(60);
    assert_eq!(current(&scene).outcome, Some(MoveOutcome::RolledBack));
    assert!(
        because(&scene).contains("cleared before anybody approved"),
        "{}",
        because(&scene)
    );
    assert_eq!(scene.journal.cool_down_until, cool_down);
    approve(&mut scene);
    scene.live(600);
    assert_eq!((scene.promotions(), scene.journal.in_flight()), (0, None));
}

#[test]
fn evidence_that_clears_between_approval_and_begin_ends_it() {
    let mut scene = asked();
    scene.live(300);
    approve(&mut scene);
    scene.decide();
    assert!(current(&scene).approved_at().is_some());
    scene.world.proof[A] = ProofSeen::Said(proof(&scene.shop, A, Some(A), true));
    scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, Some(A), true));
    scene.live(60);
    assert_eq!(current(&scene).outcome, Some(MoveOutcome::RolledBack));
    assert!(
        because(&scene).contains("between the question and the approval"),
        "{}",
        because(&scene)
    );
    assert_eq!(scene.promotions(), 0);
}

#[test]
fn losing_sight_ends_nothing_and_permits_nothing() {
    let mut scene = asked();
    scene.world.edge[A] = unknown(TroubleKind::TimedOut);
    scene.world.instance[A] = unknown(TroubleKind::TimedOut);
    scene.live(300);
    assert!(current(&scene).awaits_approval());
    approve(&mut scene);
    scene.live(200);
    assert_eq!((current(&scene).phase, scene.promotions()), (Phase::Requested, 0));
    scene.live(150);
    assert_eq!(current(&scene).outcome, Some(MoveOutcome::RolledBack));
    assert!(
        because(&scene).contains("fresh readings did not call for it"),
        "{}",
        because(&scene)
    );
}

#[test]
fn what_refuses_once_it_is_approved_is_told_at_its_end() {
    let mut scene = asked();
    scene.world.names = Seen::Silent;
    scene.live(100);
    approve(&mut scene);
    scene.live(320);
    assert_eq!(current(&scene).outcome, Some(MoveOutcome::Refused));
    assert!(
        because(&scene).starts_with("NameUnmovable stood against it"),
        "{}",
        because(&scene)
    );
    assert_eq!(scene.promotions(), 0);
}

#[test]
fn what_else_refuses_is_not_asked_about() {
    let mut scene = healthy();
    scene.world.names = Seen::Silent;
    scene.watch(60);
    scene.kill_region();
    scene.live(600);
    assert_eq!(scene.journal.in_flight(), None);
    assert_eq!(scene.refusals(), ["AwaitingApproval", "NameUnmovable"]);
}

#[test]
fn nobody_approves_it_expires_and_is_asked_anew() {
    let mut scene = asked();
    let first = current(&scene).number;
    scene.live_until(1900, |scene| current(scene).outcome.is_some());
    assert_eq!(current(&scene).outcome, Some(MoveOutcome::Expired));
    scene.live(60);
    assert_eq!(scene.journal.in_flight(), None, "not at once");
    scene.live_until(180, |scene| scene.journal.in_flight().is_some());
    assert!(current(&scene).awaits_approval());
    assert_eq!(current(&scene).number, first + 1);
    // An approval of the first is none of the second.
    let mut late = record(&scene);
    late.record_of = Some(first);
    late.approved_by = Some("late@example.com".into());
    scene.requests.push(late);
    scene.live(60);
    assert!(current(&scene).awaits_approval());
}

#[test]
fn declined_it_is_not_asked_again_soon() {
    let mut scene = asked();
    let declined = Request {
        abort: true,
        ..record(&scene)
    };
    scene.requests.push(declined);
    scene.live(20);
    assert_eq!(current(&scene).outcome, Some(MoveOutcome::Aborted));
    scene.live(3000);
    assert_eq!(scene.journal.in_flight(), None);
}

#[test]
fn a_failover_that_a_person_asks_for_takes_its_place() {
    let mut scene = asked();
    let own = Request {
        name: "shop-2am".into(),
        uid: "rsw-1".into(),
        record_of: None,
        start_before: after(scene.now.wall, secs(600)),
        expected_epoch: Some(scene.journal.epoch),
        ..record(&scene)
    };
    scene.requests.push(own);
    assert_eq!(scene.plan().answers, [], "it is not refused");
    scene.decide();
    let mut ended = scene.written.iter().filter_map(|journal| journal.current.as_ref());
    let ended = ended.rfind(|m| m.number == 2).unwrap();
    assert_eq!(ended.outcome, Some(MoveOutcome::Aborted));
    assert!(ended.because.as_ref().unwrap().contains("shop-2am"));
    assert_eq!((current(&scene).number, current(&scene).automatic), (3, false));
    scene.live_until(1200, |scene| current(scene).outcome.is_some());
    assert_eq!(
        (current(&scene).outcome, scene.promotions()),
        (Some(MoveOutcome::Completed), 1)
    );
}

#[test]
fn a_traffic_shift_goes_beside_it() {
    let mut scene = asked();
    let shift = Request {
        uid: "rsw-1".into(),
        kind: MoveKind::TrafficShift,
        record_of: None,
        start_before: after(scene.now.wall, secs(600)),
        expires_at: Some(after(scene.now.wall, secs(3600))),
        expected_epoch: Some(scene.journal.epoch),
        ..record(&scene)
    };
    scene.requests.push(shift);
    scene.live(30);
    assert!(scene.journal.holding().is_some());
    assert!(current(&scene).awaits_approval());
}

#[test]
fn edits_of_the_spec_end_it() {
    let ends = |edit: &dyn Fn(&mut Scene), why: &str| {
        let mut scene = asked();
        edit(&mut scene);
        scene.decide();
        assert_eq!(current(&scene).outcome, Some(MoveOutcome::Aborted), "{why}");
        assert!(because(&scene).contains(why), "{}", because(&scene));
        assert_eq!(scene.sent, Vec::new());
    };
    ends(&|scene| scene.shop.suspended = true, "suspend");
    ends(&|scene| scene.shop.policy.mode = Mode::Observe, "Observe");
    ends(&|scene| scene.shop.edit_waits = true, "edited");
    ends(&|scene| scene.shop.deleting = true, "deleted");
    ends(
        &|scene| {
            let b = scene.instance(B);
            b.source = None;
            b.replication = None;
            scene.read();
            scene.wait(10);
            scene.read();
        },
        "somebody else promoted",
    );
}

/// Who sets the mode to Automatic has decided; the evidence is read anew all the same.
#[test]
fn an_edit_to_automatic_is_consent() {
    let mut scene = asked();
    scene.shop.policy.mode = Mode::Automatic;
    scene.decide();
    assert_eq!(current(&scene).phase, Phase::Requested);
    assert!(current(&scene).approved_at().is_some());
    scene.live_until(900, |scene| scene.promotions() == 1);
}
