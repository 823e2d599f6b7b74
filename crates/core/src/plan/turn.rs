//! Turns: whether the queue stands in the way, and what this shop wants of it.

use super::{Sight, asked};
use crate::facts::{EdgeVote, Facts};
use crate::journal::Phase;
use crate::pacing::{Attention, Turn};
use crate::refusal::Refusal;
use crate::time::since;
use crate::window::CONFIRM_APART;

/// Its turn has not come: neither to begin, nor, once all else is done, to be promoted.
pub(super) fn paced(sight: &Sight<'_>) -> Option<Refusal> {
    let phase = sight.input.journal.in_flight().map(|m| m.phase);
    match (sight.input.turn, phase) {
        (Turn::Queued(place), None | Some(Phase::Requested)) | (Turn::NextMinute(place), Some(Phase::Excluding)) => {
            Some(Refusal::Paced(place))
        }
        (Turn::AtEase | Turn::Called | Turn::NextMinute(_) | Turn::Queued(_), _) => None,
    }
}

/// What it wants of the queue now.
pub(super) fn attention(sight: &Sight<'_>) -> Attention {
    if let Some(current) = sight.input.journal.in_flight() {
        if current.phase == Phase::Requested && current.approval.is_some() {
            // Those that may move at once go before it; once approved it waits for its turn like any other.
            return if current.awaits_approval() {
                Attention::Judged
            } else {
                Attention::Wanted
            };
        }
        return match current.phase {
            Phase::Requested | Phase::Preparing | Phase::Excluding => Attention::Held,
            Phase::Promoting | Phase::Repointing | Phase::Verifying | Phase::Holding => Attention::None,
        };
    }
    let Some(facts) = &sight.facts else {
        return Attention::None;
    };
    if sight.input.shop.suspended || sight.foreign_owner().is_some() {
        Attention::None
    } else if asked::waits(sight) {
        Attention::Asked
    } else if facts.trouble.is_none() {
        let journal = sight.input.journal;
        let away = journal.front != journal.active_region && journal.excluded.is_none() && journal.holding().is_none();
        if away { Attention::Returning } else { Attention::None }
    } else if is_judged(sight, facts) {
        Attention::Judged
    } else if is_over_budget(sight, facts) {
        Attention::OverBudget
    } else {
        Attention::Wanted
    }
}

/// Writes stopped no earlier than users' view was first seen Down, or than now. What is lost then is over the budget.
pub(super) fn is_over_budget(sight: &Sight<'_>, facts: &Facts) -> bool {
    let stopped = facts.a.edge_down_since.unwrap_or(sight.input.now.wall);
    facts
        .caught_up_to
        .is_some_and(|held| since(held, stopped) > sight.input.shop.policy.max_loss)
}

/// Users' view is confirmed, and what stands against a promotion is not a matter of seconds.
fn is_judged(sight: &Sight<'_>, facts: &Facts) -> bool {
    let confirmed = facts.a.edge.value != EdgeVote::Unknown && facts.a.edge.held >= CONFIRM_APART;
    if !confirmed {
        return false;
    }
    if sight.diagnosis.calls_for_promotion() {
        return sight.refusals.iter().any(|refusal| match refusal {
            Refusal::NotHeld { .. } | Refusal::Quarantine | Refusal::Paced(_) => false,
            Refusal::ObserveMode
            | Refusal::AwaitingApproval
            | Refusal::Suspended
            | Refusal::Frozen { .. }
            | Refusal::LossUnknown
            | Refusal::LossOverBudget { .. }
            | Refusal::StandbyMissing
            | Refusal::StandbyBusy { .. }
            | Refusal::StandbyNotReplica
            | Refusal::StandbyServicesDown
            | Refusal::TrafficNotMoved { .. }
            | Refusal::NameUnmovable
            | Refusal::MoveInFlight
            | Refusal::CoolDown { .. }
            | Refusal::ObligationOpen
            | Refusal::OwnedElsewhere { .. }
            | Refusal::UnknownActive
            | Refusal::StaleEpoch => true,
        });
    }
    // The replica and CloudWatch say minutes later that the link is broken: who is looked at early waits for them.
    let patience = sight.input.shop.policy.database_grace;
    facts
        .trouble
        .is_some_and(|began| since(began, sight.input.now.wall) >= patience)
}
