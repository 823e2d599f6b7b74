//! `--wait`: one line for each step of a request, with its deadline and what it waits for.

use super::stand::{Stand, is_of};
use super::text::{Tone, clock, until};
use breakwater_api::region_switch::RegionSwitch;
use breakwater_api::storefront::Storefront;
use breakwater_core::journal::{Move, MoveOutcome, Phase};
use jiff::Timestamp;

/// What is so now; two of the same are one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The phase, or that it waits.
    phase: &'static str,
    deadline: Option<Timestamp>,
    /// What it waits for, in the controller's words.
    waits: String,
    /// Whether a traffic shift holds: there is nothing to wait for any more.
    pub(crate) holds: bool,
    /// Its end.
    pub(crate) outcome: Option<MoveOutcome>,
}

/// Of a request and the shop it is about. The journal is ahead of the record, which is a projection of it: between the end of
/// a move and the end of its record there is nothing to say.
pub(crate) fn of(switch: &RegionSwitch, shop: Option<&Storefront>) -> Option<Progress> {
    let status = switch.status.as_ref();
    let stand = shop.map(Stand::of);
    let current: Option<&Move> = stand
        .as_ref()
        .and_then(|stand| stand.in_flight())
        .filter(|current| is_of(switch, current));
    let outcome = status.and_then(|status| status.outcome);
    let ended = stand.as_ref().and_then(|stand| stand.last());
    if outcome.is_none() && ended.is_some_and(|last| is_of(switch, last)) {
        return None;
    }
    let phase = current
        .map(|current| current.phase)
        .or(status.and_then(|status| status.phase));
    let message = match (&stand, current) {
        (Some(stand), Some(_)) if outcome.is_none() => stand.status.message.clone(),
        _ => None,
    };
    let message = message.or_else(|| status.and_then(|status| status.message.clone()));
    Some(Progress {
        phase: phase.map_or("Filed", Phase::name),
        deadline: current
            .and_then(|current| current.deadline)
            .or_else(|| status.and_then(|status| status.times.as_ref()?.deadline))
            .filter(|_| outcome.is_none()),
        waits: message.unwrap_or_else(|| "not looked at by a controller yet".into()),
        holds: phase == Some(Phase::Holding),
        outcome,
    })
}

impl Progress {
    /// The line.
    pub(crate) fn line(&self, now: Timestamp) -> String {
        let at = Tone::Dim.of(&now.strftime("%H:%M:%S").to_string());
        if let Some(outcome) = self.outcome {
            let tone = if outcome == MoveOutcome::Completed {
                Tone::Good
            } else {
                Tone::Bad
            };
            return format!("{at}  {}  {}", tone.of(outcome.name()), self.waits);
        }
        // The controller's words end with the deadline already, where it has one.
        let deadline = self
            .deadline
            .filter(|at| !self.waits.contains(&clock(*at, *at)))
            .map(|at| format!(" By {}.", until(at, now)))
            .unwrap_or_default();
        format!("{at}  {:<10}  {}{deadline}", self.phase, self.waits)
    }
}
