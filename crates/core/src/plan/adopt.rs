//! Adoption: a new or restored object first claims its name, then finds out where the writer is.

use super::{Sight, standpoint};
use crate::actual::Read;
use crate::facts::InstanceVote;
use crate::journal::{Journal, Obligation, ObligationKind};
use crate::side::Side;
use std::time::Duration;

/// W is believed once neither instance has changed for this long.
pub(super) const STEADY_FOR: Duration = Duration::from_secs(120);

/// The next entry of an adoption.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    if !sight.may_touch() || sight.input.shop.deleting {
        return None;
    }
    if sight.input.journal.active_region.is_some() {
        return journal_is_old(sight).then(|| begin(sight));
    }
    if sight.input.journal.adopting_since.is_none() {
        // Route 53 must have been read: without it nobody knows whether another installation owns the shop.
        return sight.input.actual.names().is_some().then(|| begin(sight));
    }
    adopted(sight)
}

/// Our owner with a greater epoch: this journal was restored from before a move.
fn journal_is_old(sight: &Sight<'_>) -> bool {
    let moving = sight.input.journal.in_flight().is_some();
    let record = standpoint::owner_record(sight.input);
    !moving && record.is_some_and(|r| r.owner == sight.input.shop.owner && r.epoch > sight.input.journal.epoch)
}

fn begin(sight: &Sight<'_>) -> Journal {
    let old = sight.input.journal;
    Journal {
        adopting_since: Some(sight.input.now.wall),
        last_number: old.last_number.max(old.epoch),
        ever_up: old.ever_up.clone(),
        ..Journal::default()
    }
}

/// The entry that makes W known.
fn adopted(sight: &Sight<'_>) -> Option<Journal> {
    if !super::name::txt_is_ours(sight) || super::name::in_sync_since(sight).is_none() || !steady(sight) {
        return None;
    }
    let active = writer(sight)?;
    let record = standpoint::owner_record(sight.input)?;
    let mut journal = sight.input.journal.clone();
    let tags = Side::BOTH
        .into_iter()
        .filter_map(|side| sight.input.actual.instance(side)?.tag_epoch);
    // Tags and TXT are what others may have written.
    let greatest = tags.chain([record.epoch, journal.last_number, 0]).max().unwrap_or(0);
    journal.epoch = greatest.saturating_add(1);
    journal.last_number = journal.epoch;
    journal.active_region = Some(sight.region(active).clone());
    journal.excluded = record.excluded.filter(|region| sight.input.shop.side(region).is_some());
    if standpoint::seen_active(sight.input).is_none() {
        left_behind(sight, active.other(), &mut journal);
    }
    journal.front = Some(front(sight, active, &journal)?);
    journal.adopting_since = None;
    Some(journal)
}

/// W is known from our TXT alone: the other region was left by a move of an earlier life, and may still take writes.
fn left_behind(sight: &Sight<'_>, other: Side, journal: &mut Journal) {
    let region = &sight.input.shop.regions[other];
    journal.excluded = Some(region.name.clone());
    for kind in [ObligationKind::FenceFormerWriter, ObligationKind::RebuildStandby] {
        journal.obligations.push(Obligation {
            kind,
            region: region.name.clone(),
            instance: region.instance.clone(),
            number: journal.epoch,
            since: sight.input.now.wall,
        });
    }
}

/// Without a request the first pool found stays the front, unless its region is excluded.
fn front(sight: &Sight<'_>, active: Side, journal: &Journal) -> Option<crate::Text> {
    let found = sight.input.actual.first_front.as_ref()?;
    let side = Side::BOTH
        .into_iter()
        .find(|side| sight.input.shop.regions[*side].pool == *found)
        .unwrap_or(active);
    let region = sight.region(side);
    Some(
        if journal.excluded.as_ref() == Some(region) {
            sight.region(side.other())
        } else {
            region
        }
        .clone(),
    )
}

/// Neither instance has changed for two minutes; one that is silent has not changed either, as far as anybody can see.
pub(super) fn steady(sight: &Sight<'_>) -> bool {
    Side::BOTH.into_iter().all(|side| {
        let read = sight.input.actual.instances[side].as_ref();
        read.is_some_and(|read: &Read<_>| sight.input.now.mono.saturating_sub(read.since.mono) >= STEADY_FOR)
    })
}

/// The region that the other's instance names as its source; else the region of our TXT, if its instance is a running
/// writer without a fence of ours; else nobody knows.
pub(super) fn writer(sight: &Sight<'_>) -> Option<Side> {
    if let Some(side) = standpoint::seen_active(sight.input) {
        return Some(side);
    }
    let record = standpoint::owner_record(sight.input)?;
    let side = sight.side(record.region.as_ref())?;
    let view = sight.input.actual.instance(side)?;
    let runs = crate::evidence::status_vote(&view.status) == InstanceVote::Available;
    (runs && view.source.is_none() && view.tag_fenced.is_none()).then_some(side)
}
