//! Abort: until the point of no return a move can be undone, and is, when the database lives or time runs out.

use super::{Sight, approval, switchover, traffic};
use crate::facts::{Facts, LinkVote, ProofVote};
use crate::journal::{Journal, Move, MoveKind, MoveOutcome, ObligationKind, Phase};
use crate::refusal::Refusal;
use crate::time::after;
use crate::window::CONFIRM_APART;
use std::time::Duration;

/// No automatic move for this long after a rollback: long enough not to flap.
const COOL_DOWN: Duration = Duration::from_secs(120);

/// The entry that ends the move as rolled back, if it must end. Never once the promotion may have been sent.
pub(super) fn entry(sight: &Sight<'_>, current: &Move) -> Option<Journal> {
    match current.phase {
        Phase::Requested | Phase::Preparing | Phase::Excluding => {}
        Phase::Promoting | Phase::Repointing | Phase::Verifying | Phase::Holding => return None,
    }
    let (outcome, because) = if withdrawn(sight, current) {
        (MoveOutcome::Aborted, "the request was withdrawn")
    } else if current.phase == Phase::Requested && current.approved_at().is_some() {
        return approval::given_in_vain(sight, current);
    } else {
        (MoveOutcome::RolledBack, reason(sight, current)?)
    };
    Some(undone(sight, current, outcome, because))
}

/// The entry that ends the move and undoes what it did.
pub(super) fn undone(sight: &Sight<'_>, current: &Move, outcome: MoveOutcome, because: &str) -> Journal {
    let now = sight.input.now.wall;
    let mut journal = sight.input.journal.clone();
    let mut ended = current.clone();
    ended.outcome = Some(outcome);
    ended.because = Some(because.into());
    ended.since = now;
    ended.deadline = None;
    journal.end_move(ended);
    journal.cool_down_until = Some(after(now, COOL_DOWN));
    if journal.excluded.as_ref() == Some(&current.from) {
        journal.excluded = None;
    }
    // A promotion that did not happen may have begun to fence the writer: that is undone too.
    for owed in journal.obligations.iter_mut().filter(|o| o.number == current.number) {
        if owed.kind == ObligationKind::FenceFormerWriter {
            owed.kind = ObligationKind::Unfence;
        }
    }
    let mut unfence_seen = false;
    journal.obligations.retain(|o| {
        let double = o.number == current.number && o.kind == ObligationKind::Unfence && unfence_seen;
        unfence_seen |= o.number == current.number && o.kind == ObligationKind::Unfence;
        !double
    });
    let shop_sells = sight
        .facts
        .as_ref()
        .is_some_and(|facts| !crate::diagnose::services_out(facts));
    // A traffic shift that the move has not ended goes on saying which region comes first.
    if shop_sells && journal.holding().is_none() {
        traffic::order_returns(sight, &mut journal, &current.from);
    }
    journal
}

/// Whether a person has withdrawn it: by its request, or by the record of a move that had none.
pub(super) fn withdrawn(sight: &Sight<'_>, current: &Move) -> bool {
    sight.input.requests.iter().any(|request| {
        let this = match &current.request {
            Some(known) => known.uid == request.uid,
            None => request.record_of == Some(current.number),
        };
        this && request.abort
    })
}

/// A person's word against going on that came after the begin: nothing waits for it to pass while a writer is read-only
/// and its region sells nothing.
pub(super) fn called_off(sight: &Sight<'_>) -> Option<&'static str> {
    let refused = |what: fn(&Refusal) -> bool| sight.refusals.iter().any(what);
    if sight.input.shop.deleting {
        Some("the Storefront is deleted")
    } else if refused(|refusal| matches!(refusal, Refusal::ObserveMode)) {
        Some("the mode was set to Observe")
    } else if refused(|refusal| matches!(refusal, Refusal::AwaitingApproval)) {
        Some("the mode was set to Approve")
    } else if refused(|refusal| matches!(refusal, Refusal::Frozen { .. })) {
        Some("a freeze began")
    } else {
        None
    }
}

/// Whether a person wants it to end, in whichever way.
pub(super) fn unwanted(sight: &Sight<'_>, current: &Move) -> bool {
    withdrawn(sight, current) || called_off(sight).is_some()
}

fn reason(sight: &Sight<'_>, current: &Move) -> Option<&'static str> {
    if let Some(word) = called_off(sight) {
        return Some(word);
    }
    if current
        .deadline
        .is_some_and(|deadline| sight.input.now.wall >= deadline)
    {
        return Some(match current.kind {
            MoveKind::Switchover => switchover::ran_out(sight, current),
            MoveKind::Failover | MoveKind::TrafficShift | MoveKind::Drill | MoveKind::Adopt => {
                "the phase took longer than its deadline"
            }
        });
    }
    if let Some(stopped) = switchover::stopped_by(sight, current) {
        return Some(stopped);
    }
    let facts = sight.facts.as_ref()?;
    (current.automatic && lives(sight, facts)).then_some("the database of the old region lives")
}

/// Any Up about A's database in two rounds.
pub(super) fn lives(sight: &Sight<'_>, facts: &Facts) -> bool {
    // Two samples closer than half an interval are of one round.
    let proof = matches!(facts.proof.value, ProofVote::Up | ProofVote::Refused)
        && facts.proof.held * 2 >= sight.input.shop.policy.interval;
    let link = facts.link.value == LinkVote::Flowing && facts.link.held >= CONFIRM_APART;
    proof || link
}
