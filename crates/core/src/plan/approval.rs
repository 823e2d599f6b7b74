//! Mode Approve: a failover is asked for with its evidence, and decided again on fresh readings once a person has approved
//! it. Nothing is done before, so there is nothing to undo.

use super::phases::{agrees, anew, preparing, round_after};
use super::{Sight, begin, promoting, rollback};
use crate::Text;
use crate::diagnose::services_up;
use crate::journal::{ApprovalEntry, Journal, Move, MoveOutcome, ObligationKind};
use crate::refusal::Refusal;
use crate::report;
use crate::shop::Mode;
use crate::time::after;
use std::time::Duration;

/// A person who is called has so long to approve. Then the same is asked anew, with the evidence of then.
const APPROVAL_AT_MOST: Duration = Duration::from_secs(1800);
/// Between a question that nobody answered and the next one.
const ASK_AGAIN: Duration = Duration::from_secs(120);

/// Whether nothing but a person's consent stands against a move by itself. Its turn is waited for afterwards.
pub(super) fn only_that_lacks(sight: &Sight<'_>) -> bool {
    let is_consent = |refusal: &Refusal| matches!(refusal, Refusal::AwaitingApproval);
    !edit_is_due(sight)
        && sight.refusals.iter().any(is_consent)
        && sight
            .refusals
            .iter()
            .all(|refusal| is_consent(refusal) || matches!(refusal, Refusal::Paced(_)))
}

/// The first entry of a move, as a question.
pub(super) fn file(sight: &Sight<'_>, mut journal: Journal) -> Journal {
    let until = after(sight.input.now.wall, APPROVAL_AT_MOST);
    if let (Some(current), Some(facts)) = (&mut journal.current, &sight.facts) {
        current.deadline = Some(until);
        current.approval = Some(ApprovalEntry {
            until,
            votes: report::about_active(facts).into(),
            by: None,
            at: None,
        });
    }
    journal
}

/// The next entry of a move that waits for a person: its end, or their consent.
pub(super) fn awaited(sight: &Sight<'_>, current: &Move) -> Option<Journal> {
    let until = current.approval.as_ref()?.until;
    let (shop, now) = (sight.input.shop, sight.input.now.wall);
    if rollback::withdrawn(sight, current) {
        // Who declines is not asked the same again in two minutes.
        let pause = Some(shop.policy.cool_down);
        return Some(ended(sight, current, MoveOutcome::Aborted, "it was declined", pause));
    }
    if let Some(because) = out_of_place(sight, current) {
        return Some(ended(sight, current, MoveOutcome::Aborted, because, None));
    }
    if cleared(sight) {
        let because = "the evidence cleared before anybody approved it";
        return Some(ended(sight, current, MoveOutcome::RolledBack, because, None));
    }
    if now >= until {
        let because = "nobody approved it in time";
        return Some(ended(sight, current, MoveOutcome::Expired, because, Some(ASK_AGAIN)));
    }
    let mut requests = sight.input.requests.iter();
    let consent = requests.find(|request| request.record_of == Some(current.number) && request.approved_by.is_some());
    let by = consent.and_then(|request| request.approved_by.clone());
    let by = by.or_else(|| (shop.policy.mode == Mode::Automatic).then(|| "spec.failover.mode: Automatic".into()))?;
    Some(approved(sight, current, by))
}

/// What makes the question pointless, whatever the evidence says.
fn out_of_place(sight: &Sight<'_>, current: &Move) -> Option<&'static str> {
    let shop = sight.input.shop;
    if shop.suspended {
        Some("spec.suspend is true")
    } else if shop.policy.mode == Mode::Observe {
        Some("mode is Observe")
    } else if edit_is_due(sight) {
        Some("the regions, instances, pools, names or load balancers of the spec were edited")
    } else if sight.foreign_owner().is_some() {
        Some("another owner holds the shop")
    } else if promoting::shown(sight, current).is_some() {
        Some("somebody else promoted the standby")
    } else {
        None
    }
}

/// An edit of identities that waits for nothing but the end of this question.
fn edit_is_due(sight: &Sight<'_>) -> bool {
    let owes = |kind| sight.input.journal.owes(kind).is_some();
    sight.input.shop.edit_waits && !owes(ObligationKind::Unfence) && !owes(ObligationKind::FenceFormerWriter)
}

/// Somebody says that the database lives, or the region sells and nothing about it is Down. Not to see it any more is no
/// such thing.
fn cleared(sight: &Sight<'_>) -> bool {
    let Some(facts) = &sight.facts else { return false };
    rollback::lives(sight, facts) || (facts.trouble.is_none() && services_up(facts))
}

fn approved(sight: &Sight<'_>, current: &Move, by: Text) -> Journal {
    let now = sight.input.now.wall;
    let mut journal = sight.input.journal.clone();
    let mut next = current.clone();
    next.since = now;
    next.deadline = Some(after(now, begin::PREPARING_AT_MOST));
    if let Some(approval) = &mut next.approval {
        approval.by = Some(by);
        approval.at = Some(now);
    }
    journal.current = Some(next);
    journal
}

/// An approved move goes on once a round of readings of after the approval still calls for it, and nothing refuses.
pub(super) fn given(sight: &Sight<'_>, current: &Move) -> Option<Journal> {
    let facts = sight.facts.as_ref()?;
    let fresh = round_after(facts, current.approved_at()?);
    (fresh && agrees(sight, current)).then(|| preparing(sight, &anew(sight, current)))
}

/// The end of an approved move that has not begun: the evidence has cleared, or its time is over.
pub(super) fn given_in_vain(sight: &Sight<'_>, current: &Move) -> Option<Journal> {
    if let Some(word) = rollback::called_off(sight) {
        return Some(ended(sight, current, MoveOutcome::RolledBack, word, None));
    }
    if cleared(sight) {
        let because = "the evidence cleared between the question and the approval";
        return Some(ended(sight, current, MoveOutcome::RolledBack, because, None));
    }
    current.deadline.filter(|deadline| sight.input.now.wall >= *deadline)?;
    let against: Vec<&str> = super::refuse::against_going_on(sight).map(Refusal::name).collect();
    if !sight.diagnosis.calls_for_promotion() || against.is_empty() {
        let because = "fresh readings did not call for it any more once it was approved";
        return Some(ended(sight, current, MoveOutcome::RolledBack, because, Some(ASK_AGAIN)));
    }
    let because = format!("{} stood against it once it was approved", against.join(", "));
    Some(ended(sight, current, MoveOutcome::Refused, &because, Some(ASK_AGAIN)))
}

/// What a person asks for takes the place of what they were asked.
pub(super) fn makes_way(sight: &Sight<'_>, current: &Move, request: &Text) -> Journal {
    let because = format!("{request} takes its place");
    ended(sight, current, MoveOutcome::Aborted, &because, None)
}

/// Nothing was done: nothing but the record changes, and when the same may be asked again.
fn ended(
    sight: &Sight<'_>,
    current: &Move,
    outcome: MoveOutcome,
    because: &str,
    asked_again: Option<Duration>,
) -> Journal {
    let now = sight.input.now.wall;
    let mut journal = sight.input.journal.clone();
    let mut end = current.clone();
    end.outcome = Some(outcome);
    end.because = Some(because.into());
    end.since = now;
    end.deadline = None;
    journal.end_move(end);
    let pause = asked_again.map(|pause| after(now, pause));
    journal.cool_down_until = journal.cool_down_until.max(pause);
    journal
}
