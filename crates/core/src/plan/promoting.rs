//! Promoting: one licence, one call, and then only what the world shows counts.

use super::phases::{preparing, repointing, still_replica, target, with_phase};
use super::{Sight, rollback, traffic};
use crate::decision::{Promotion, SentCall, Step};
use crate::journal::{Journal, LicenceEntry, Move, Obligation, ObligationKind, Phase};
use crate::outcome::Outcome;
use crate::side::Side;
use crate::time::after;
use std::time::Duration;

/// A licence lasts this long from the wall time in its entry.
pub const LICENCE_LASTS: Duration = Duration::from_secs(60);
/// An unanswered promotion is believed not to have happened when two reads, the first this long after the licence
/// ended, show an unchanged replica.
const UNANSWERED_PATIENCE: Duration = Duration::from_secs(120);
/// RDS takes minutes; after this a person is called. It is never undone.
const PROMOTING_AT_MOST: Duration = Duration::from_secs(3600);
/// Days of backups of the new writer: a replica has none, setting it later is an outage, and a new replica needs them.
const BACKUP_DAYS: i32 = 7;

/// The entry that is the licence. It opens the obligation to fence the old writer.
pub(super) fn begin(sight: &Sight<'_>, current: &Move) -> Journal {
    let mut journal = with_phase(sight, current, Phase::Promoting, PROMOTING_AT_MOST);
    let now = sight.input.now.wall;
    if let Some(next) = &mut journal.current {
        next.licence = Some(LicenceEntry {
            at: now,
            by: sight.input.me.clone(),
        });
    }
    let owed = journal
        .obligations
        .iter()
        .any(|o| o.kind == ObligationKind::FenceFormerWriter && o.number == current.number);
    if !owed {
        journal.obligations.push(Obligation {
            kind: ObligationKind::FenceFormerWriter,
            region: current.from.clone(),
            instance: current.from_instance.clone(),
            number: current.number,
            since: now,
        });
    }
    journal
}

/// The promotion, if this process holds the licence and has not used it.
pub(super) fn step(sight: &Sight<'_>) -> Option<Step> {
    let current = sight
        .input
        .journal
        .in_flight()
        .filter(|m| m.phase == Phase::Promoting)?;
    let licence = current.licence.as_ref()?;
    let side = target(sight, current)?;
    let usable = licence.by == *sight.input.me && sight.input.now.wall < after(licence.at, LICENCE_LASTS);
    let unsent =
        sent(sight, current, licence).is_none() && sight.input.journal.active_region.as_ref() == Some(&current.from);
    let wanted = !rollback::unwanted(sight, current);
    (wanted && usable && unsent && still_replica(sight, side) && !is_replaced(sight, side)).then(|| {
        Step::Promote(Promotion {
            scope: sight.input.shop.scope(side),
            instance: current.to_instance.clone(),
            backup_days: BACKUP_DAYS,
            number: current.number,
        })
    })
}

/// The call that was sent under this licence.
fn sent<'a>(sight: &Sight<'a>, current: &Move, licence: &LicenceEntry) -> Option<&'a SentCall> {
    sight.input.calls.iter().rev().find(|call| match &call.step {
        Step::Promote(promotion) => promotion.number == current.number && call.at.wall >= licence.at,
        Step::Effect(_) => false,
    })
}

/// The first reading that shows the promotion makes W = B, with the move's number as epoch, in one write.
pub(super) fn shown(sight: &Sight<'_>, current: &Move) -> Option<Journal> {
    let side = target(sight, current)?;
    if sight.input.journal.active_region.as_ref() != Some(&current.from)
        || current.phase > Phase::Promoting
        || is_replaced(sight, side)
        || !shows(sight, side)
    {
        return None;
    }
    let mut promoted = current.clone();
    promoted.promoted_at = Some(sight.input.now.wall);
    let mut journal = if is_done(sight, side) {
        repointing(sight, &promoted)
    } else if current.phase == Phase::Promoting {
        let mut journal = sight.input.journal.clone();
        journal.current = Some(promoted);
        journal
    } else {
        with_phase(sight, &promoted, Phase::Promoting, PROMOTING_AT_MOST)
    };
    // Whoever promoted, and however early: no users for the old region until its fence has been observed.
    if journal.excluded.as_ref() != Some(&current.from) {
        journal.saved_steering = sight
            .input
            .shop
            .side(&current.from)
            .map(|side| traffic::to_save(sight, side))
            .unwrap_or_default();
        journal.excluded = Some(current.from.clone());
    }
    journal.active_region = Some(current.to.clone());
    journal.front = Some(current.to.clone());
    journal.epoch = current.number;
    journal
        .obligations
        .retain(|o| !(o.kind == ObligationKind::Unfence && o.region == current.from));
    if !journal
        .obligations
        .iter()
        .any(|o| o.kind == ObligationKind::FenceFormerWriter && o.number == current.number)
    {
        journal.obligations.push(Obligation {
            kind: ObligationKind::FenceFormerWriter,
            region: current.from.clone(),
            instance: current.from_instance.clone(),
            number: current.number,
            since: sight.input.now.wall,
        });
    }
    Some(journal)
}

/// Another instance of the same name is neither promoted nor taken for a promoted one.
fn is_replaced(sight: &Sight<'_>, side: Side) -> bool {
    let known = sight.input.journal.resource_ids.get(sight.region(side));
    let seen = sight.input.actual.instance(side).map(|view| &view.resource_id);
    known.is_some() && seen.is_some() && known != seen
}

/// The source gone in two describes in a row, or a proof of B whose own database takes writes.
fn shows(sight: &Sight<'_>, side: Side) -> bool {
    sight.input.actual.source_gone[side] >= 2
        || sight
            .input
            .evidence
            .proof_of_promotion(side, sight.input.now, sight.input.shop)
}

/// No source, no replication status, `available` or `backing-up`, twice in a row; or the proof.
fn is_done(sight: &Sight<'_>, side: Side) -> bool {
    sight.input.actual.promoted[side] >= 2
        || sight
            .input
            .evidence
            .proof_of_promotion(side, sight.input.now, sight.input.shop)
}

/// What follows in Promoting while it is not done: on to Repointing, back to Preparing, or nothing.
pub(super) fn entry(sight: &Sight<'_>, current: &Move) -> Option<Journal> {
    let side = target(sight, current)?;
    if sight.input.journal.active_region.as_ref() == Some(&current.to) {
        return is_done(sight, side).then(|| repointing(sight, current));
    }
    nothing_happened(sight, current, side).then(|| preparing(sight, current))
}

/// Whether it is certain that this licence's promotion did not happen and cannot happen any more.
fn nothing_happened(sight: &Sight<'_>, current: &Move, side: Side) -> bool {
    let Some(licence) = &current.licence else { return true };
    let ended = after(licence.at, LICENCE_LASTS);
    if licence.by != *sight.input.me {
        // A takeover renews nothing, and counts the call as sent.
        return unchanged_long_after(sight, side, ended);
    }
    let Some(call) = sent(sight, current, licence) else {
        return sight.input.now.wall >= ended || rollback::unwanted(sight, current);
    };
    match &call.ended {
        None | Some((_, Outcome::Accepted(_))) => false,
        Some((at, Outcome::Refused(_) | Outcome::Denied(_) | Outcome::Throttled(_))) => {
            let read = sight.input.actual.instances[side]
                .as_ref()
                .is_some_and(|read| read.asked_after(at.mono));
            read && sight.input.actual.steady_replica[side][1].is_some_and(|asked| asked > at.wall)
        }
        Some((_, Outcome::Ambiguous(_))) => unchanged_long_after(sight, side, ended),
    }
}

fn unchanged_long_after(sight: &Sight<'_>, side: Side, licence_ended: jiff::Timestamp) -> bool {
    let [older, newer] = sight.input.actual.steady_replica[side];
    newer.is_some() && older.is_some_and(|asked| asked >= after(licence_ended, UNANSWERED_PATIENCE))
}
