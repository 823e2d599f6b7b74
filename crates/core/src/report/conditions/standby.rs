//! `StandbyReady` and `Protected`: the alerts of a quiet day.

use super::condition;
use crate::decision::{Decision, LevelState, Next, Wait};
use crate::journal::{Move, MoveKind};
use crate::plan::Input;
use crate::refusal::Refusal;
use crate::report::{Condition, ConditionStatus, words};
use crate::shop::Mode;

pub(super) fn standby_ready(input: &Input<'_>, decision: &Decision) -> Condition {
    if input.journal.active_region.is_none() && input.shop.policy.mode != Mode::Observe {
        return condition(
            "StandbyReady",
            ConditionStatus::Unknown,
            "Adopting",
            "the shop is not adopted yet".into(),
        );
    }
    if decision.facts.is_none() {
        return condition(
            "StandbyReady",
            ConditionStatus::Unknown,
            "UnknownActive",
            "the active region is not known".into(),
        );
    }
    // What is about to be promoted is nobody's standby any more: said in the write that declares the move.
    let uses_it = |current: &&Move| matches!(current.kind, MoveKind::Failover | MoveKind::Switchover);
    if input.journal.in_flight().filter(uses_it).is_some() {
        let named = words::refusal(input, &Refusal::MoveInFlight);
        return condition("StandbyReady", ConditionStatus::False, named.name, named.message);
    }
    match decision.blockers.iter().find(|blocker| blocker.prevents()) {
        Some(blocker) => condition(
            "StandbyReady",
            ConditionStatus::False,
            blocker.name(),
            words::blocker(input, decision, blocker).message,
        ),
        None if matches!(decision.next, Next::Wait(Wait::FirstReadings)) => condition(
            "StandbyReady",
            ConditionStatus::Unknown,
            "FirstReadings",
            "not everything has been read yet; it takes a minute or two".into(),
        ),
        None => condition(
            "StandbyReady",
            ConditionStatus::True,
            "NoBlocker",
            "a move could go well now".into(),
        ),
    }
}

pub(super) fn protected(input: &Input<'_>, decision: &Decision, standby: &Condition) -> Condition {
    // What does not end by itself is told first.
    let lasting = decision
        .refusals
        .iter()
        .find(|refusal| matches!(refusal, Refusal::ObligationOpen));
    let passing = decision.refusals.iter().find(|refusal| match refusal {
        Refusal::ObserveMode
        | Refusal::AwaitingApproval
        | Refusal::Suspended
        | Refusal::Frozen { .. }
        | Refusal::CoolDown { .. }
        | Refusal::OwnedElsewhere { .. }
        | Refusal::UnknownActive
        | Refusal::MoveInFlight
        | Refusal::ObligationOpen => true,
        Refusal::Quarantine
        | Refusal::NotHeld { .. }
        | Refusal::LossUnknown
        | Refusal::LossOverBudget { .. }
        | Refusal::StandbyMissing
        | Refusal::StandbyBusy { .. }
        | Refusal::StandbyNotReplica
        | Refusal::StandbyServicesDown
        | Refusal::TrafficNotMoved { .. }
        | Refusal::NameUnmovable
        | Refusal::Paced(_)
        | Refusal::StaleEpoch => false,
    });
    if let Some(refusal) = lasting.or(passing) {
        let named = words::refusal(input, refusal);
        return condition("Protected", ConditionStatus::False, named.name, named.message);
    }
    if standby.status != ConditionStatus::True {
        return condition(
            "Protected",
            ConditionStatus::False,
            standby.reason,
            standby.message.clone(),
        );
    }
    let settled = decision.levels.traffic == LevelState::Holds && decision.levels.name == LevelState::Holds;
    if !settled || input.journal.active_region.is_none() {
        return condition(
            "Protected",
            ConditionStatus::False,
            "FirstReadings",
            "load balancers or names are not known to be as they should be".into(),
        );
    }
    condition(
        "Protected",
        ConditionStatus::True,
        "Protected",
        "a dead region would be left by itself".into(),
    )
}
