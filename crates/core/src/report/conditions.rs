//! Conditions, so that kstatus, Flux, Helm and Argo CD stay right during an outage.

use super::{Condition, ConditionStatus, overdue, runbook, words};
use crate::Text;
mod objectives;
mod standby;

pub(super) use standby::{Unknown, unknown};

use crate::decision::{Decision, LevelState, Next, Wait};
use crate::diagnosis::Diagnosis;
use crate::facts::LinkVote;
use crate::journal::{MoveOutcome, ObligationKind, Phase};
use crate::plan::Input;
use crate::refusal::Blocker;
use crate::shop::Mode;

/// All conditions, in the order in which people read them.
pub(super) fn conditions(input: &Input<'_>, decision: &Decision) -> Vec<Condition> {
    let ready = ready(input, decision);
    let stalled = stalled(input, decision);
    let standby = standby::standby_ready(input, decision);
    let protected = standby::protected(input, decision, &standby);
    vec![
        ready_condition(input, decision, &ready),
        reconciling(&ready, stalled.as_ref()),
        stalled.unwrap_or_else(|| {
            condition(
                "Stalled",
                ConditionStatus::False,
                "Progressing",
                "no person is needed".into(),
            )
        }),
        standby,
        protected,
        active_region_healthy(input, decision),
        replicating(decision),
        aligned(input, "TrafficAligned", decision.levels.traffic, "the load balancers"),
        name_aligned(input, decision),
        objectives::objectives_met(input, decision),
        verified(input),
        move_in_flight(input, decision),
        fence_required(input, decision),
    ]
}

fn condition(kind: &'static str, status: ConditionStatus, reason: &'static str, message: Text) -> Condition {
    let message = if runbook::calls_a_person(kind, status) {
        runbook::pointed(reason, &message)
    } else {
        message
    };
    Condition {
        kind,
        status,
        reason,
        message,
    }
}

fn is(holds: bool) -> ConditionStatus {
    if holds {
        ConditionStatus::True
    } else {
        ConditionStatus::False
    }
}

/// Why it is not ready: a constant and a sentence.
type NotReady = Result<(), (&'static str, Text)>;

/// Identities and permissions resolve, and traffic and name levels hold (in Observe or suspended: are watched).
fn ready(input: &Input<'_>, decision: &Decision) -> NotReady {
    if let Some(current) = input.journal.in_flight() {
        return Err((words::in_flight_reason(current), words::summary(input, decision).1));
    }
    if input.shop.deleting || words::is_stopped_half_way(input) {
        return Err(words::summary(input, decision));
    }
    if let Some(blocker) = unresolved(decision) {
        return Err((blocker.name(), words::blocker(input, decision, blocker).message));
    }
    if input.shop.edit_waits {
        return Err(("SpecPending", words::spec_pending(input)));
    }
    match decision.next {
        Next::Wait(
            Wait::FirstReadings
            | Wait::InstanceMissing
            | Wait::OwnerRecord
            | Wait::InstancesSteady
            | Wait::Adoption
            | Wait::Ownership
            | Wait::TwoWriters
            | Wait::WriterUnclear,
        ) => {
            let (reason, message) = words::summary(input, decision);
            return Err((reason, message));
        }
        Next::Idle | Next::Wait(_) | Next::Record(_) | Next::Act(_) | Next::Release => {}
    }
    if input.shop.policy.mode == Mode::Observe || input.shop.suspended {
        return Ok(());
    }
    if input.journal.active_region.is_none() {
        return Err(("Adopting", "Claiming the shop and finding its writer.".into()));
    }
    let levels = [
        ("TrafficMoving", decision.levels.traffic, "The load balancers"),
        (
            "WriterNameWaiting",
            decision.levels.name,
            "The writer's name and our TXT record",
        ),
    ];
    if let Some(blocker) = in_the_way(input, decision) {
        return Err((blocker.name(), words::blocker(input, decision, blocker).message));
    }
    match levels.into_iter().find(|(_, level, _)| *level != LevelState::Holds) {
        Some((_, LevelState::Contested | LevelState::Reasserted, _)) => Err(contested(decision)),
        Some((reason, LevelState::Differs, what)) => Err((
            reason,
            format!("{what} are being brought to what they should be.").into(),
        )),
        Some((reason, LevelState::Unknown | LevelState::Holds, what)) => Err((
            reason,
            format!("{what} have not been read yet, or their provider does not answer.").into(),
        )),
        None => Ok(()),
    }
}

/// Blockers that mean: an identity or a permission does not resolve.
fn unresolved(decision: &Decision) -> Option<&Blocker> {
    decision.blockers.iter().find(|blocker| {
        matches!(
            blocker,
            Blocker::PermissionDenied(_)
                | Blocker::TokenScope
                | Blocker::CrdOutdated
                | Blocker::PoolMissing(_)
                | Blocker::BalancerMissing(_)
                | Blocker::InstanceReplaced
                | Blocker::RecordNotSimple
        )
    })
}

/// The disabled pool of the front, where it is why the load balancers are not as they should be.
fn in_the_way<'a>(input: &Input<'_>, decision: &'a Decision) -> Option<&'a Blocker> {
    let differs = decision.levels.traffic == LevelState::Differs;
    let front = input.shop.side(input.journal.front.as_ref().filter(|_| differs)?)?;
    let pool = &input.shop.regions[front].pool;
    let mut blockers = decision.blockers.iter();
    blockers.find(|blocker| matches!(blocker, Blocker::PoolDisabled(disabled) if disabled == pool))
}

fn ready_condition(input: &Input<'_>, decision: &Decision, ready: &NotReady) -> Condition {
    match ready {
        Ok(()) => condition("Ready", ConditionStatus::True, "Aligned", aligned_but(input, decision)),
        Err((reason, message)) => condition("Ready", ConditionStatus::False, reason, message.clone()),
    }
}

/// What is owed does not count, and is told.
fn aligned_but(input: &Input<'_>, decision: &Decision) -> Text {
    let aligned = "observed, and the world is as it should be";
    if words::is_owed(input) {
        format!("{aligned}; but {}", words::owed(input, Some(decision))).into()
    } else {
        aligned.into()
    }
}

/// A person must act: something is wrong that does not end by itself, or a move passed its deadline.
fn stalled(input: &Input<'_>, decision: &Decision) -> Option<Condition> {
    let because = |reason, message| Some(condition("Stalled", ConditionStatus::True, reason, message));
    if words::is_stopped_half_way(input) {
        return because("Suspended", words::summary(input, decision).1);
    }
    if overdue(input) && input.journal.in_flight().is_some_and(|m| m.phase >= Phase::Promoting) {
        return because("Overdue", words::summary(input, decision).1);
    }
    if let Some(blocker) = unresolved(decision) {
        return because(blocker.name(), words::blocker(input, decision, blocker).message);
    }
    if let Some(blocker) = in_the_way(input, decision) {
        return because(blocker.name(), words::blocker(input, decision, blocker).message);
    }
    if !decision.contests.is_empty() {
        let (reason, message) = contested(decision);
        return because(reason, message);
    }
    match decision.next {
        Next::Wait(
            Wait::Adoption | Wait::InstanceMissing | Wait::Ownership | Wait::TwoWriters | Wait::WriterUnclear,
        ) => {
            let (reason, message) = words::summary(input, decision);
            because(reason, message)
        }
        Next::Idle | Next::Wait(_) | Next::Record(_) | Next::Act(_) | Next::Release => None,
    }
}

/// The first of what somebody keeps putting back; what endangers orders comes first.
fn contested(decision: &Decision) -> (&'static str, Text) {
    let critical = decision.contests.iter().find(|contest| contest.reasserted);
    let message = critical
        .or(decision.contests.first())
        .map_or_else(|| "somebody keeps putting it back".into(), words::contest);
    ("Contested", message)
}

/// Every lasting `Ready=False` has `Reconciling` or `Stalled`, never both.
fn reconciling(ready: &NotReady, stalled: Option<&Condition>) -> Condition {
    match (ready, stalled) {
        (Err((reason, message)), None) => condition("Reconciling", ConditionStatus::True, reason, message.clone()),
        (Ok(()), _) | (Err(_), Some(_)) => condition(
            "Reconciling",
            ConditionStatus::False,
            "Settled",
            "nothing bounded is in flight".into(),
        ),
    }
}

fn active_region_healthy(input: &Input<'_>, decision: &Decision) -> Condition {
    let status = match decision.diagnosis {
        Diagnosis::Healthy | Diagnosis::ReplicationBroken | Diagnosis::StandbyDegraded => ConditionStatus::True,
        Diagnosis::ObserverSuspect | Diagnosis::Inconclusive => ConditionStatus::Unknown,
        Diagnosis::Maintenance
        | Diagnosis::RegionDown
        | Diagnosis::DatabaseDown
        | Diagnosis::WriterRefuses
        | Diagnosis::ServicesDownEverywhere
        | Diagnosis::ServicesDown
        | Diagnosis::ViewsDisagree
        | Diagnosis::ServicesDegraded => ConditionStatus::False,
    };
    condition(
        "ActiveRegionHealthy",
        status,
        words::diagnosis_reason(decision),
        words::diagnosis_of(input, decision),
    )
}

fn replicating(decision: &Decision) -> Condition {
    let Some(facts) = &decision.facts else {
        return condition(
            "Replicating",
            ConditionStatus::Unknown,
            "UnknownActive",
            "the active region is not known".into(),
        );
    };
    let (status, reason) = match facts.link.value {
        LinkVote::Flowing => (ConditionStatus::True, "Flowing"),
        LinkVote::Broken => (ConditionStatus::False, "Broken"),
        LinkVote::BrokenOfOld => (ConditionStatus::False, "BrokenOfOld"),
        LinkVote::Unknown => (ConditionStatus::Unknown, "Unknown"),
    };
    let message = facts
        .link_reason
        .clone()
        .unwrap_or_else(|| format!("link {}", words::link(facts.link.value)).into());
    condition("Replicating", status, reason, message)
}

fn aligned(input: &Input<'_>, kind: &'static str, level: LevelState, what: &str) -> Condition {
    if input.shop.policy.mode == Mode::Observe {
        return condition(
            kind,
            ConditionStatus::Unknown,
            "OnlyWatched",
            format!("{what} are only watched in Observe").into(),
        );
    }
    let (status, reason, says) = match level {
        LevelState::Holds => (ConditionStatus::True, "Aligned", "are as they should be"),
        LevelState::Differs => (
            ConditionStatus::False,
            "Differs",
            "are being brought to what they should be",
        ),
        LevelState::Contested => (
            ConditionStatus::False,
            "Contested",
            "are put back by somebody else, and left alone",
        ),
        LevelState::Reasserted => (
            ConditionStatus::False,
            "Contested",
            "are put back by somebody else, and set again each time",
        ),
        LevelState::Unknown => (ConditionStatus::Unknown, "NotRead", "have not been read"),
    };
    condition(kind, status, reason, format!("{what} {says}").into())
}

/// An adoption moves no name: one that is missing or leads elsewhere is left to people, and is not aligned.
fn name_aligned(input: &Input<'_>, decision: &Decision) -> Condition {
    let kind = "WriterNameAligned";
    let wrong = decision.blockers.iter().find(|blocker| {
        matches!(
            blocker,
            Blocker::RecordMissing | Blocker::RecordForeign | Blocker::RecordNotSimple
        )
    });
    match wrong.filter(|_| input.shop.policy.mode != Mode::Observe && decision.levels.name == LevelState::Holds) {
        Some(blocker) => condition(
            kind,
            ConditionStatus::False,
            blocker.name(),
            words::blocker(input, decision, blocker).message,
        ),
        None => aligned(
            input,
            kind,
            decision.levels.name,
            "the writer's name and our TXT record",
        ),
    }
}

fn verified(input: &Input<'_>) -> Condition {
    let last = input
        .journal
        .current
        .as_ref()
        .filter(|m| m.outcome == Some(MoveOutcome::Completed));
    match last {
        Some(ended) if ended.verified_at.is_some() => condition(
            "Verified",
            ConditionStatus::True,
            "TakesWrites",
            format!("the writer in {} was seen to take writes", ended.to).into(),
        ),
        Some(ended) => condition(
            "Verified",
            ConditionStatus::False,
            "NotSeen",
            format!(
                "the writer in {} was not seen to take writes within 10 minutes: place a test order",
                ended.to
            )
            .into(),
        ),
        None => condition(
            "Verified",
            ConditionStatus::Unknown,
            "NoMove",
            "no move has completed".into(),
        ),
    }
}

fn move_in_flight(input: &Input<'_>, decision: &Decision) -> Condition {
    match input.journal.in_flight() {
        Some(current) => condition(
            "MoveInFlight",
            ConditionStatus::True,
            words::in_flight_reason(current),
            words::summary(input, decision).1,
        ),
        None => condition(
            "MoveInFlight",
            ConditionStatus::False,
            "None",
            "no move is in flight".into(),
        ),
    }
}

fn fence_required(input: &Input<'_>, decision: &Decision) -> Condition {
    let owed = input.journal.owes(ObligationKind::FenceFormerWriter);
    let unfenced = owed
        .map(|owed| format!("{} in {} may still take writes", owed.instance, owed.region).into())
        .or_else(|| words::retired_runs(input, decision));
    condition(
        "FenceRequired",
        is(unfenced.is_some()),
        if unfenced.is_some() {
            "FormerWriterUnfenced"
        } else {
            "None"
        },
        unfenced.unwrap_or_else(|| "no former writer is unfenced".into()),
    )
}
