//! Status: transition times move with values only, the journal survives everything, and keys are unique.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fixture;

use breakwater_api::{
    Condition, Invalid, StorefrontStatus, Unusable, invalid_status, journal_of, record_name, region_switch_of, render,
};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::journal::{MoveKind, MoveOutcome, Phase};
use breakwater_core::report::reference::is_reason;
use breakwater_core::report::{self, ConditionStatus, FactLine, NamedReason, Report};
use breakwater_core::shop::Mode;
use fixture::{at, class, journal, promoting, storefront};

fn condition(kind: &'static str, status: ConditionStatus, reason: &'static str) -> report::Condition {
    report::Condition {
        kind,
        status,
        reason,
        message: "What is so.".into(),
    }
}

fn report() -> Report {
    Report {
        observed_generation: 3,
        active_region: Some("ca-central-1".into()),
        standby_region: Some("us-west-2".into()),
        epoch: 7,
        front: Some("ca-central-1".into()),
        mode: Mode::Automatic,
        diagnosis: Diagnosis::Healthy,
        standby: "Ready",
        in_flight: None,
        reason: "Healthy",
        message: "All is well.".into(),
        facts: vec![FactLine {
            name: "link".into(),
            vote: "Flowing",
            since: Some(at("2026-11-25T00:00:00.5Z")),
        }],
        refusals: Vec::new(),
        blockers: Vec::new(),
        missing: Vec::new(),
        lacks: Vec::new(),
        trouble_since: None,
        conditions: vec![
            condition("Ready", ConditionStatus::True, "Healthy"),
            condition("Stalled", ConditionStatus::False, "Healthy"),
            condition("MoveInFlight", ConditionStatus::True, "Promoting"),
            condition("StandbyReady", ConditionStatus::True, "Healthy"),
        ],
    }
}

fn of<'a>(conditions: &'a [Condition], kind: &str) -> &'a Condition {
    let found = conditions.iter().find(|condition| condition.kind == kind);
    found.unwrap_or_else(|| panic!("no condition {kind}: {conditions:#?}"))
}

#[test]
fn a_transition_time_moves_only_with_its_value() {
    let first = render(&journal(), &report(), None, at("2026-11-25T01:00:00.75Z"));
    let ready = of(&first.conditions, "Ready");
    assert_eq!(ready.last_transition_time, at("2026-11-25T01:00:00Z"), "whole seconds");
    assert_eq!(ready.observed_generation, Some(3));

    let mut later = report();
    later.conditions[0].reason = "ReplicationBroken";
    later.conditions[1].status = ConditionStatus::True;
    let second = render(&journal(), &later, Some(&first), at("2026-11-25T02:00:00Z"));
    assert_eq!(
        of(&second.conditions, "Ready").last_transition_time,
        at("2026-11-25T01:00:00Z")
    );
    assert_eq!(of(&second.conditions, "Ready").reason, "ReplicationBroken");
    assert_eq!(
        of(&second.conditions, "Stalled").last_transition_time,
        at("2026-11-25T02:00:00Z")
    );
}

#[test]
fn the_same_report_makes_the_same_status() {
    let first = render(&journal(), &report(), None, at("2026-11-25T01:00:00Z"));
    assert_eq!(
        render(&journal(), &report(), Some(&first), at("2026-11-25T09:00:00Z")),
        first
    );
}

#[test]
fn the_journal_survives_the_trip_through_json() {
    let status = render(&journal(), &report(), None, at("2026-11-25T01:00:00Z"));
    let text = serde_json::to_string(&status).unwrap();
    let back: StorefrontStatus = serde_json::from_str(&text).unwrap();
    assert_eq!(back, status);
    assert_eq!(journal_of(&back), Some(journal()));
}

#[test]
fn an_untouched_object_has_a_status_and_no_journal() {
    let untouched: StorefrontStatus = serde_json::from_str(r#"{"observedGeneration": -1}"#).unwrap();
    assert_eq!(untouched, StorefrontStatus::default());
    assert_eq!(journal_of(&untouched), None);
}

#[test]
fn a_name_that_comes_twice_becomes_one_entry() {
    let reason = |message: &str, prevents| NamedReason {
        name: "PoolDisabled",
        message: message.into(),
        prevents,
    };
    let mut twice = report();
    twice.blockers = vec![
        reason("Pool a.", false),
        reason("Pool b.", true),
        reason("Pool a.", false),
    ];
    twice.refusals = twice.blockers.clone();
    twice.missing = vec!["edge Down".into(), "edge Down".into()];
    twice.facts.extend(twice.facts.clone());
    twice.conditions.extend(twice.conditions.clone());
    let status = render(&journal(), &twice, None, at("2026-11-25T01:00:00Z"));
    assert_eq!(status.blockers.len(), 1);
    assert_eq!(status.blockers[0].message, "Pool a. Pool b.");
    assert!(status.blockers[0].prevents);
    assert_eq!(status.refusals.len(), 1);
    assert_eq!(status.missing, ["edge Down"]);
    assert_eq!(status.facts.len(), 1);
    assert_eq!(status.conditions.len(), 4);
}

#[test]
fn a_long_message_is_cut_and_shows_it() {
    let mut long = report();
    long.message = "ä".repeat(40_000).into();
    let status = render(&journal(), &long, None, at("2026-11-25T01:00:00Z"));
    let message = status.message.unwrap();
    assert_eq!(message.chars().count(), 2048);
    assert!(message.ends_with('…'));
}

#[test]
fn an_invalid_spec_stalls_and_keeps_the_journal() {
    let good = render(&journal(), &report(), None, at("2026-11-25T01:00:00Z"));
    let why = Unusable::Spec(vec![
        Invalid {
            path: "spec.hostname".into(),
            message: "write a hostname".into(),
        },
        Invalid {
            path: "spec.className".into(),
            message: "write a name".into(),
        },
    ]);
    let bad = invalid_status(&why, 4, Some(&good), at("2026-11-25T02:00:00Z"));
    assert_eq!(bad.observed_generation, 4);
    assert_eq!(bad.journal, good.journal);
    assert_eq!(
        (bad.active_region.as_deref(), bad.epoch),
        (Some("ca-central-1"), Some(7))
    );
    let stalled = of(&bad.conditions, "Stalled");
    assert_eq!(
        (stalled.status.as_str(), stalled.reason.as_str()),
        ("True", "SpecInvalid")
    );
    assert!(
        stalled
            .message
            .contains("spec.hostname: write a hostname; spec.className: write a name")
    );
    assert_eq!(of(&bad.conditions, "Ready").status, "False");
    assert_eq!(of(&bad.conditions, "Reconciling").status, "False");
    assert_eq!(of(&bad.conditions, "Protected").status, "False");
    assert_eq!(of(&bad.conditions, "StandbyReady").status, "Unknown");
    assert_eq!(of(&bad.conditions, "MoveInFlight").status, "True");

    let again = invalid_status(&why, 4, Some(&bad), at("2026-11-25T03:00:00Z"));
    assert_eq!(again, bad, "nothing changed, nothing is written");
}

#[test]
fn a_class_that_is_missing_or_closed_says_what_to_do() {
    let class = "production".to_owned();
    let missing = Unusable::ClassMissing { class: class.clone() };
    let status = invalid_status(&missing, 1, None, at("2026-11-25T02:00:00Z"));
    assert_eq!(status.reason.as_deref(), Some("ClassMissing"));
    let message = status.message.unwrap();
    assert!(message.contains("Create it"));
    assert!(message.ends_with(" (runbook#ClassMissing)"));
    assert_eq!(status.journal, None);

    let namespace = "shops".to_owned();
    let closed = Unusable::ClassNotAllowed { class, namespace };
    let status = invalid_status(&closed, 1, None, at("2026-11-25T02:00:00Z"));
    assert_eq!(status.reason.as_deref(), Some("ClassNotAllowed"));
    assert!(status.message.unwrap().contains("namespace shops"));
}

#[test]
fn what_cannot_be_looked_after_has_a_reason_that_the_runbook_tells_of() {
    let (class, namespace) = ("production".to_owned(), "shops".to_owned());
    for why in [
        Unusable::Spec(Vec::new()),
        Unusable::ClassMissing { class: class.clone() },
        Unusable::ClassNotAllowed { class, namespace },
    ] {
        assert!(
            is_reason(why.reason()),
            "{} is listed in core's reference",
            why.reason()
        );
    }
}

#[test]
fn a_record_is_named_by_the_number_and_owned_by_nobody() {
    let shop = breakwater_api::parse(&storefront("shop-ca"), &class(), "eu-prod").unwrap();
    let record = region_switch_of(&shop, &promoting(), None, at("2026-11-25T02:15:01Z"));
    assert_eq!(record.metadata.name.as_deref(), Some("shop-ca-e8-failover"));
    assert_eq!(record.metadata.namespace.as_deref(), Some("shops"));
    assert_eq!(record.metadata.labels, None);
    assert_eq!(record.metadata.annotations, None);
    assert_eq!(record.metadata.owner_references, None);
    assert_eq!(record.spec.request.requested_by, "breakwater");
    assert_eq!(record.spec.request.to.as_deref(), Some("us-west-2"));
    assert_eq!(record.spec.request.reason, "RegionDown in ca-central-1");
    assert_eq!(
        record_name("shop-ca", 8, MoveKind::TrafficShift),
        "shop-ca-e8-trafficshift"
    );
}

#[test]
fn the_request_of_a_record_never_changes_during_its_move() {
    let shop = breakwater_api::parse(&storefront("shop-ca"), &class(), "eu-prod").unwrap();
    let mut current = promoting();
    let first = region_switch_of(&shop, &current, None, at("2026-11-25T02:15:01Z"));
    current.phase = Phase::Verifying;
    current.since = at("2026-11-25T02:40:00Z");
    current.deadline = None;
    current.promoted_at = Some(at("2026-11-25T02:30:00Z"));
    current.because = Some("Because.".into());
    current.outcome = Some(MoveOutcome::Completed);
    let last = region_switch_of(&shop, &current, first.status.as_ref(), at("2026-11-25T02:50:00Z"));
    assert_eq!(first.spec, last.spec);
}

#[test]
fn a_record_reconciles_while_open_and_then_is_ready_or_stalled() {
    let shop = breakwater_api::parse(&storefront("shop-ca"), &class(), "eu-prod").unwrap();
    let mut current = promoting();
    let open = region_switch_of(&shop, &current, None, at("2026-11-25T02:15:01Z"))
        .status
        .unwrap();
    assert_eq!(open.outcome, None);
    assert_eq!(states(&open.conditions), ["False", "True", "False"]);
    assert!(
        !serde_json::to_string(&open).unwrap().contains("outcome"),
        "absent until the end"
    );

    current.verified_at = Some(at("2026-11-25T02:32:00Z"));
    for (outcome, expected) in [
        (MoveOutcome::Completed, ["True", "False", "False"]),
        (MoveOutcome::RolledBack, ["False", "False", "True"]),
        (MoveOutcome::Refused, ["False", "False", "True"]),
        (MoveOutcome::Expired, ["False", "False", "True"]),
        (MoveOutcome::Aborted, ["False", "False", "True"]),
    ] {
        current.outcome = Some(outcome);
        let done = region_switch_of(&shop, &current, Some(&open), at("2026-11-25T02:50:00Z"))
            .status
            .unwrap();
        assert_eq!(states(&done.conditions), expected, "{outcome:?}");
        assert_eq!(done.phase, None, "a phase beside an outcome looks unfinished");
        assert_eq!(done.steps, open.steps, "what it went through stays");
        assert_eq!(
            of(&done.conditions, "Reconciling").last_transition_time,
            at("2026-11-25T02:50:00Z")
        );
        let times = done.times.unwrap();
        assert_eq!((times.rto_seconds, times.deadline), (Some(1200), None));
    }
}

fn states(conditions: &[Condition]) -> [&str; 3] {
    ["Ready", "Reconciling", "Stalled"].map(|kind| of(conditions, kind).status.as_str())
}
