//! The begin of a failover: its number, evidence, loss and identities go on the record.

use super::{Sight, approval};
use crate::facts::Facts;
use crate::journal::{Journal, Move, MoveKind, Phase, PhaseTime, WriteStop};
use crate::loss;
use crate::request::RequestRef;
use crate::time::after;
use std::time::Duration;

/// A move that cannot be prepared in this time is given up; what it needs are a few rounds of evidence.
pub(super) const PREPARING_AT_MOST: Duration = Duration::from_secs(300);

/// The entry that begins a move by itself: a diagnosis calls for it, its votes have been held, and nothing refuses.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    let facts = sight.facts.as_ref()?;
    if !sight.diagnosis.calls_for_promotion() {
        return None;
    }
    if sight.refusals.is_empty() {
        return Some(failover(sight, facts, None));
    }
    approval::only_that_lacks(sight).then(|| approval::file(sight, failover(sight, facts, None)))
}

/// The first entry of a failover.
pub(super) fn failover(sight: &Sight<'_>, facts: &Facts, request: Option<RequestRef>) -> Journal {
    requested(sight, facts, MoveKind::Failover, request)
}

/// The first entry of a planned move.
pub(super) fn switchover(sight: &Sight<'_>, facts: &Facts, request: RequestRef, stop: WriteStop) -> Journal {
    let mut journal = requested(sight, facts, MoveKind::Switchover, Some(request));
    if let Some(current) = &mut journal.current {
        (current.first_down, current.loss, current.write_stop) = (None, None, Some(stop));
    }
    journal
}

fn requested(sight: &Sight<'_>, facts: &Facts, kind: MoveKind, request: Option<RequestRef>) -> Journal {
    let (shop, now) = (sight.input.shop, sight.input.now);
    let (from, to) = (&shop.regions[facts.active], &shop.regions[facts.active.other()]);
    let mut journal = sight.input.journal.clone();
    journal.last_number += 1;
    journal.current = Some(Move {
        number: journal.last_number,
        kind,
        from: from.name.clone(),
        to: to.name.clone(),
        from_instance: from.instance.clone(),
        to_instance: to.instance.clone(),
        diagnosis: sight.diagnosis,
        automatic: request.is_none(),
        phase: Phase::Requested,
        since: now.wall,
        deadline: Some(after(now.wall, PREPARING_AT_MOST)),
        first_down: facts.trouble,
        loss: loss::estimate(facts, now),
        licence: None,
        promoted_at: None,
        repointed_at: None,
        verified_at: None,
        write_stop: None,
        outcome: None,
        request,
        approval: None,
        because: None,
        steps: vec![PhaseTime {
            phase: Phase::Requested,
            at: now.wall,
        }],
    });
    journal
}
