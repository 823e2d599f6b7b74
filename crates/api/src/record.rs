//! The RegionSwitch of a move that the controller made: a projection of the journal.

use crate::bounds;
use crate::conditions::{Fresh, bounded, kind, stamp};
use crate::region_switch::{MoveEvidence, MoveTimes, RegionSwitch, RegionSwitchSpec, RegionSwitchStatus, Request};
use breakwater_core::journal::{DrainBy, Move, MoveOutcome, Phase, PhaseTime, Shift};
use breakwater_core::report::{ConditionStatus, approval_plan, pointed, shift_shown};
use breakwater_core::shop::Shop;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// A record is created once and its request never changes: only its status does.
pub const RECORD_GENERATION: i64 = 1;

/// The record of this move: what was asked for, fixed by the move's begin, and how far it has come.
///
/// It has no labels and no annotations (Argo CD would prune it) and no ownerReferences (garbage collection would
/// erase the record). `previous` is the record's status as it stands: transition times come from there.
#[must_use]
pub fn region_switch_of(
    shop: &Shop,
    current: &Move,
    previous: Option<&RegionSwitchStatus>,
    now: Timestamp,
) -> RegionSwitch {
    RegionSwitch {
        metadata: ObjectMeta {
            name: Some(current.record_name(&shop.key.name)),
            namespace: Some(shop.key.namespace.to_string()),
            ..ObjectMeta::default()
        },
        spec: RegionSwitchSpec {
            request: request(shop, current),
            approval: None,
            abort: false,
        },
        status: Some(move_status(current, previous, RECORD_GENERATION, now)),
    }
}

/// Made of nothing that changes during the move, so that an existing object can be compared with it.
fn request(shop: &Shop, current: &Move) -> Request {
    Request {
        storefront_name: shop.key.name.to_string(),
        kind: current.kind,
        to: Some(current.to.to_string()),
        // The record asks for nothing any more; the greatest epoch that it can have been made for.
        expected_epoch: Some(current.number - 1),
        // It did start: at its begin. One that asks for approval starts before that time, or never.
        start_before: current.approval.as_ref().map_or_else(
            || current.steps.first().map_or(current.since, |step| step.at),
            |approval| approval.until,
        ),
        reason: format!("{} in {}", current.diagnosis.name(), current.from),
        requested_by: crate::REQUESTED_BY_CONTROLLER.to_owned(),
        overrides: Vec::new(),
        max_write_stop_seconds: None,
        allow_data_loss_seconds: None,
        expires_at: None,
    }
}

/// How far this move has come, for the object of this generation that asked for it or records it.
#[must_use]
pub fn move_status(
    current: &Move,
    previous: Option<&RegionSwitchStatus>,
    generation: i64,
    now: Timestamp,
) -> RegionSwitchStatus {
    let before = previous.map_or(&[][..], |status| &status.conditions);
    let message = bounded(&message(current), bounds::SHOWN_MAX);
    RegionSwitchStatus {
        observed_generation: generation,
        // Of an ended move the outcome is what counts: a phase beside it looks unfinished. The steps have them all.
        phase: current.outcome.is_none().then_some(current.phase),
        outcome: current.outcome,
        number: Some(current.number),
        steps: current.steps.clone(),
        evidence: Some(MoveEvidence {
            diagnosis: current.diagnosis,
            automatic: current.automatic,
            from: current.from.to_string(),
            from_instance: current.from_instance.to_string(),
            to_instance: current.to_instance.to_string(),
            first_down: current.first_down,
        }),
        loss: current.loss,
        write_stop: current.write_stop.clone(),
        times: Some(times(current)),
        conditions: stamp(conditions(current, &message), before, generation, now),
        refusals: Vec::new(),
        message: Some(message),
    }
}

/// How a traffic shift stands, for the object of this generation that asked for it.
#[must_use]
pub fn shift_status(
    shift: &Shift,
    previous: Option<&RegionSwitchStatus>,
    generation: i64,
    now: Timestamp,
) -> RegionSwitchStatus {
    let before = previous.map_or(&[][..], |status| &status.conditions);
    let message = bounded(&shift_shown(shift), bounds::SHOWN_MAX);
    let reason = shift.outcome.map_or(Phase::Holding.name(), outcome_name);
    RegionSwitchStatus {
        observed_generation: generation,
        phase: shift.outcome.is_none().then_some(Phase::Holding),
        outcome: shift.outcome,
        number: None,
        steps: vec![PhaseTime {
            phase: Phase::Holding,
            at: shift.since,
        }],
        evidence: None,
        loss: None,
        write_stop: None,
        times: Some(MoveTimes {
            deadline: shift.outcome.is_none().then_some(shift.until),
            ..MoveTimes::default()
        }),
        conditions: stamp(ends(shift.outcome, reason, &message), before, generation, now),
        refusals: Vec::new(),
        message: Some(message),
    }
}

fn times(current: &Move) -> MoveTimes {
    let rto = current.first_down.zip(current.verified_at);
    let stopped = current.write_stop.as_ref().and_then(|stop| stop.since);
    MoveTimes {
        deadline: current.deadline.filter(|_| current.outcome.is_none()),
        promoted_at: current.promoted_at,
        repointed_at: current.repointed_at,
        verified_at: current.verified_at,
        rto_seconds: rto.map(|(down, verified)| verified.duration_since(down).as_secs()),
        write_pause_seconds: stopped
            .zip(current.verified_at)
            .map(|(stopped, verified)| verified.duration_since(stopped).as_secs()),
    }
}

/// Reconciling while open; completed is Ready, every other end is Stalled.
fn conditions(current: &Move, message: &str) -> [Fresh; 3] {
    let phase = if current.awaits_approval() {
        "AwaitingApproval"
    } else {
        current.phase.name()
    };
    ends(current.outcome, current.outcome.map_or(phase, outcome_name), message)
}

fn ends(outcome: Option<MoveOutcome>, reason: &str, message: &str) -> [Fresh; 3] {
    use ConditionStatus::{False, True};
    let (ready, reconciling, stalled) = match outcome {
        None => (False, True, False),
        Some(MoveOutcome::Completed) => (True, False, False),
        Some(MoveOutcome::RolledBack | MoveOutcome::Refused | MoveOutcome::Expired | MoveOutcome::Aborted) => {
            (False, False, True)
        }
    };
    [
        Fresh::new(kind::READY, ready, reason, message),
        Fresh::new(kind::RECONCILING, reconciling, reason, message),
        Fresh::new(kind::STALLED, stalled, reason, message),
    ]
}

fn message(current: &Move) -> String {
    if let Some(plan) = approval_plan(current) {
        return format!(
            "{plan} Approve: set spec.approval.by here (kubectl storefront approve). Decline: set spec.abort: true here."
        );
    }
    let (from, to) = (&current.from, &current.to);
    let end = match current.outcome {
        None => format!("{from} to {to}: {}.", current.phase.name()),
        Some(MoveOutcome::Completed) => match current.write_stop.as_ref().map(|stop| stop.by) {
            Some(DrainBy::Gtid) => {
                format!("{to} is the active region. Nothing was lost: it held every transaction of {from}.")
            }
            Some(DrainBy::Lag) => format!(
                "{to} is the active region. Its lag was 0 when writes had stopped; without proof URLs nobody can say that \
                 nothing was lost."
            ),
            None => format!("{to} is the active region."),
        },
        Some(end @ (MoveOutcome::RolledBack | MoveOutcome::Refused | MoveOutcome::Expired | MoveOutcome::Aborted)) => {
            format!("{from} to {to}: {}, {from} stays the active region.", outcome_name(end))
        }
    };
    let said = match &current.because {
        Some(because) => format!("{end} {because}"),
        None => end,
    };
    match current.outcome {
        Some(end @ (MoveOutcome::RolledBack | MoveOutcome::Refused | MoveOutcome::Expired)) => {
            pointed(outcome_name(end), &said).to_string()
        }
        // Nobody is called: it went well, or a person ended it.
        Some(MoveOutcome::Completed | MoveOutcome::Aborted) | None => said,
    }
}

pub(crate) fn outcome_name(outcome: MoveOutcome) -> &'static str {
    match outcome {
        MoveOutcome::Completed => "Completed",
        MoveOutcome::RolledBack => "RolledBack",
        MoveOutcome::Refused => "Refused",
        MoveOutcome::Expired => "Expired",
        MoveOutcome::Aborted => "Aborted",
    }
}
