//! RegionSwitches that people create: what they ask for, and what they read there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test that is wrong should stop"
)]

use breakwater_api::{RegionSwitch, RegionSwitchStatus, answer_status, move_status, request_of, shift_status};
use breakwater_core::journal::{ApprovalEntry, Move, MoveKind, MoveOutcome, Phase, Shift};
use breakwater_core::report::{Answered, NamedReason};
use breakwater_core::request::Override;
use std::time::Duration;

mod fixture;
use fixture::{at, promoting};

fn switch() -> RegionSwitch {
    serde_json::from_value(serde_json::json!({
        "apiVersion": "breakwater.dev/v1alpha1",
        "kind": "RegionSwitch",
        "metadata": {"name": "shop-2am", "namespace": "shops", "uid": "rsw-1", "generation": 2},
        "spec": {"request": {
            "storefrontName": "shop-ca",
            "type": "Failover",
            "to": "us-west-2",
            "expectedEpoch": 7,
            "startBefore": "2026-11-25T03:00:00Z",
            "reason": "the region is gone",
            "requestedBy": "oncall@example.com",
            "overrides": ["NameUnmovable", "LossOverBudget"],
            "allowDataLossSeconds": 600,
        }, "abort": true},
    }))
    .unwrap()
}

fn refused(outcome: Option<MoveOutcome>) -> Answered {
    Answered {
        request: "shop-2am".into(),
        uid: "rsw-1".into(),
        outcome,
        reason: "NameUnmovable",
        message: "Route 53 does not answer. ".repeat(200).into(),
        refusals: vec![NamedReason {
            name: "NameUnmovable",
            message: "Route 53 does not answer".into(),
            prevents: true,
        }],
    }
}

#[test]
fn every_field_of_a_request_arrives() {
    let (key, request) = request_of(&switch()).unwrap();
    assert_eq!(key.to_string(), "shops/shop-ca");
    assert_eq!((&*request.name, &*request.uid), ("shop-2am", "rsw-1"));
    assert_eq!(request.kind, MoveKind::Failover);
    assert_eq!(request.to.as_deref(), Some("us-west-2"));
    assert_eq!(request.expected_epoch, Some(7));
    assert_eq!(request.start_before, at("2026-11-25T03:00:00Z"));
    assert_eq!(request.overrides, [Override::NameUnmovable, Override::LossOverBudget]);
    assert_eq!(request.allow_loss, Some(Duration::from_secs(600)));
    assert!(request.abort);
    assert_eq!(request.record_of, None);
}

#[test]
fn what_has_ended_asks_for_nothing() {
    let mut switch = switch();
    switch.status = Some(answer_status(&refused(None), None, 1, at("2026-11-25T02:00:00Z")));
    assert!(request_of(&switch).is_some(), "one that waits is still asked for");
    switch.status = Some(answer_status(
        &refused(Some(MoveOutcome::Refused)),
        None,
        1,
        at("2026-11-25T02:00:00Z"),
    ));
    assert_eq!(request_of(&switch), None);
}

/// The controller's own records ask for nothing, but can be withdrawn by their move's number.
#[test]
fn a_record_is_known_by_its_number() {
    let mut switch = switch();
    switch.spec.request.requested_by = "breakwater".into();
    let record = |switch: &RegionSwitch| request_of(switch).unwrap().1.record_of;
    assert_eq!(record(&switch), Some(0), "no move has this number");
    switch.status = Some(move_status(&promoting(), None, 1, at("2026-11-25T02:15:00Z")));
    assert_eq!(record(&switch), Some(8));
}

fn condition(status: &RegionSwitchStatus, kind: &str) -> (String, String) {
    let mut conditions = status.conditions.iter();
    let found = conditions.find(|condition| condition.kind == kind).unwrap();
    (found.status.clone(), found.reason.clone())
}

/// A person's consent arrives, and an expiry.
#[test]
fn consent_and_expiry_arrive() {
    let mut switch = switch();
    assert_eq!(request_of(&switch).unwrap().1.approved_by, None);
    switch.spec.approval = Some(serde_json::from_value(serde_json::json!({"by": "lead@example.com"})).unwrap());
    switch.spec.request.expires_at = Some(at("2026-11-25T09:00:00Z"));
    let request = request_of(&switch).unwrap().1;
    assert_eq!(request.approved_by.as_deref(), Some("lead@example.com"));
    assert_eq!(request.expires_at, Some(at("2026-11-25T09:00:00Z")));
}

#[test]
fn a_move_that_waits_for_a_person_says_how_to_approve() {
    let until = at("2026-11-25T02:45:00Z");
    let asked = Move {
        phase: Phase::Requested,
        approval: Some(ApprovalEntry {
            until,
            votes: "probe Down, users' view Down, RDS Silent, link Broken".into(),
            by: None,
            at: None,
        }),
        ..promoting()
    };
    let status = move_status(&asked, None, 1, at("2026-11-25T02:15:00Z"));
    assert_eq!(
        condition(&status, "Reconciling"),
        ("True".into(), "AwaitingApproval".into())
    );
    let message = status.message.unwrap();
    for part in [
        "RDS Silent",
        "shop-ca-usw2 in us-west-2 is promoted",
        "02:45:00 UTC",
        "spec.approval.by",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    // What it asks for does not change when it is approved: the record is compared, never trusted.
    let shop = breakwater_api::parse(&fixture::storefront("shop-ca"), &fixture::class(), "eu-prod").unwrap();
    let record = |current: &Move| {
        breakwater_api::region_switch_of(&shop, current, None, until)
            .spec
            .request
    };
    let mut approved = asked.clone();
    approved.since = at("2026-11-25T02:20:00Z");
    approved.approval.as_mut().unwrap().by = Some("lead@example.com".into());
    assert_eq!(record(&asked), record(&approved));
    assert_eq!(record(&asked).start_before, until);
}

#[test]
fn a_traffic_shift_holds_and_ends() {
    let shift = |outcome: Option<MoveOutcome>| {
        let shift: Shift = serde_json::from_value(serde_json::json!({
            "front": "us-west-2", "since": "2026-11-25T02:00:00Z", "until": "2026-11-25T06:00:00Z",
            "request": {"name": "to-the-west", "uid": "rsw-1"}, "outcome": outcome,
            "because": outcome.map(|_| "its time is over"),
        }))
        .unwrap();
        shift_status(&shift, None, 2, at("2026-11-25T02:00:01Z"))
    };
    let holds = shift(None);
    assert_eq!(
        (holds.phase, holds.outcome, holds.number),
        (Some(Phase::Holding), None, None)
    );
    assert_eq!(condition(&holds, "Reconciling"), ("True".into(), "Holding".into()));
    assert!(holds.message.unwrap().contains("until 2026-11-25 06:00 UTC"));
    let over = shift(Some(MoveOutcome::Completed));
    assert_eq!((over.phase, condition(&over, "Ready").0.as_str()), (None, "True"));
    let ended = shift(Some(MoveOutcome::Aborted));
    assert_eq!(condition(&ended, "Stalled"), ("True".into(), "Aborted".into()));
    assert!(ended.message.unwrap().contains("its time is over"));
}

#[test]
fn an_answer_has_the_generation_that_was_looked_at_and_fits() {
    let waits = answer_status(&refused(None), None, 2, at("2026-11-25T02:00:00Z"));
    assert_eq!((waits.observed_generation, waits.outcome), (2, None));
    assert_eq!(waits.phase, Some(Phase::Requested));
    let of = |status: &breakwater_api::RegionSwitchStatus, kind: &str| {
        let found = status
            .conditions
            .iter()
            .find(|condition| condition.kind == kind)
            .unwrap();
        (found.status.clone(), found.reason.clone())
    };
    assert_eq!(of(&waits, "Reconciling"), ("True".into(), "NameUnmovable".into()));
    assert_eq!(of(&waits, "Stalled").0, "False");
    let ended = answer_status(
        &refused(Some(MoveOutcome::Refused)),
        Some(&waits),
        2,
        at("2026-11-25T02:10:00Z"),
    );
    assert_eq!(of(&ended, "Stalled"), ("True".into(), "Refused".into()));
    assert_eq!(of(&ended, "Ready").0, "False");
    assert_eq!(ended.phase, None, "a phase beside an outcome looks unfinished");
    assert_eq!(ended.refusals[0].name, "NameUnmovable");
    assert!(ended.message.unwrap().chars().count() <= breakwater_api::bounds::MESSAGE_MAX);
}

/// Nobody looks after the Storefront: it waits a minute for what may just be coming, then it is refused with what to do.
#[test]
fn a_request_about_no_storefront_ends() {
    use breakwater_api::unserved::{COMES_WITHIN, Unserved, answer_unserved};
    use breakwater_api::{Invalid, Unusable};
    let (key, mut request) = request_of(&switch()).unwrap();
    request.abort = false;
    let at_once = Duration::ZERO;
    let now = request.start_before - Duration::from_secs(1800);
    let whys = [
        (Unserved::Missing, "StorefrontMissing", "kubectl get sf -n shops"),
        (
            Unserved::Unreadable {
                why: "invalid type".into(),
            },
            "StorefrontUnreadable",
            "Apply it anew",
        ),
        (
            Unserved::Unusable(Unusable::ClassMissing { class: "gold".into() }),
            "ClassMissing",
            "spec.className",
        ),
        (
            Unserved::Unusable(Unusable::Spec(vec![Invalid {
                path: "spec.hostname".into(),
                message: "is missing".into(),
            }])),
            "SpecInvalid",
            "spec.hostname",
        ),
    ];
    for (why, reason, remedy) in whys {
        let say = |waited, now| answer_unserved(&key, &request, &why, waited, now).unwrap();
        let waits = say(at_once, now);
        assert_eq!((waits.outcome, waits.reason), (None, reason));
        assert!(waits.message.contains(remedy), "{}", waits.message);
        let refused = say(COMES_WITHIN, now);
        assert_eq!((refused.outcome, refused.reason), (Some(MoveOutcome::Refused), reason));
        assert!(refused.message.starts_with("Refused: ") && refused.message.contains(remedy));
        assert!(refused.message.contains("file a new request"), "{}", refused.message);
        let expired = say(at_once, request.start_before);
        assert_eq!((expired.outcome, expired.reason), (Some(MoveOutcome::Expired), reason));
    }
    request.abort = true;
    let withdrawn = answer_unserved(&key, &request, &Unserved::Missing, at_once, now).unwrap();
    assert_eq!(
        (withdrawn.outcome, withdrawn.reason),
        (Some(MoveOutcome::Aborted), "Withdrawn")
    );
    request.record_of = Some(7);
    assert_eq!(
        answer_unserved(&key, &request, &Unserved::Missing, COMES_WITHIN, now),
        None
    );
}
