//! Adoption: a new or restored object first claims its name, then finds out where the writer is.

use super::{Input, Sight, rebuild, standpoint};
use crate::Text;
use crate::actual::Read;
use crate::facts::InstanceVote;
use crate::journal::{Journal, Obligation, ObligationKind, Phase};
use crate::places::{self, Places};
use crate::reading::Seen;
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
        if seems_old(sight) {
            return read_twice(sight).then(|| begin(sight));
        }
        return is_edited(sight).then(|| begin_edited(sight));
    }
    if sight.input.journal.adopting_since.is_none() {
        // Route 53 must have been read: without it nobody knows whether another installation owns the shop.
        return sight.input.actual.names().is_some().then(|| begin(sight));
    }
    adopted(sight)
}

/// Our owner with a greater epoch: this journal was restored from before a move, also where it has a move in flight of its
/// own. The epoch is journalled before the TXT says it, so the TXT is never ahead of a journal that is not old.
pub(super) fn seems_old(sight: &Sight<'_>) -> bool {
    let journal = sight.input.journal;
    let record = sight.input.actual.owner.as_ref();
    journal.active_region.is_some()
        && record.is_some_and(|r| r.owner == sight.input.shop.owner && r.epoch > journal.epoch)
}

/// Whether a move in flight could still be one of another day: Route 53 has not been asked yet. One whose promotion may have
/// been sent is carried on at once, since only what the instance shows decides there.
pub(super) fn may_be_old(sight: &Sight<'_>) -> bool {
    let journal = sight.input.journal;
    sight.input.actual.names.is_none() && journal.in_flight().is_some_and(|m| m.phase < Phase::Promoting)
}

/// Whether two readings in a row have said the same of both records: one alone makes no journal old.
fn read_twice(sight: &Sight<'_>) -> bool {
    let names = sight.input.actual.names.as_ref();
    names.is_some_and(|read| read.asked_after(read.since.mono))
}

fn begin(sight: &Sight<'_>) -> Journal {
    let old = sight.input.journal;
    let mut journal = Journal {
        adopting_since: Some(sight.input.now.wall),
        last_number: old.last_number.max(old.epoch),
        ever_up: old.ever_up.clone(),
        ..Journal::default()
    };
    rebuild::recall(sight, &mut journal);
    journal
}

/// Other identities than those that the journal is about, and nothing under way that they would change the meaning of.
fn is_edited(sight: &Sight<'_>) -> bool {
    let (journal, shop) = (sight.input.journal, sight.input.shop);
    let same = journal.places.as_ref().is_none_or(|places| places.are_those_of(shop));
    !same && !shop.edit_waits && !places::edits_wait(journal)
}

/// Adoption of what an edit lists. What is owed about an instance that is still listed stays owed, and lists that still are
/// what they were are still put back.
fn begin_edited(sight: &Sight<'_>) -> Journal {
    let (old, shop) = (sight.input.journal, sight.input.shop);
    let new = Places::of(shop);
    let mut journal = begin(sight);
    rebuild::keep_in_an_edit(sight, &mut journal);
    journal.current = old.current.clone();
    journal.cool_down_until = old.cool_down_until;
    let listed = |owed: &Obligation| {
        let place = new.regions.get(&owed.region);
        place.is_some_and(|place| place.instance == owed.instance)
    };
    journal.obligations = old.obligations.iter().filter(|owed| listed(owed)).cloned().collect();
    let same_lists = old.places.as_ref().is_some_and(|places| {
        let pools =
            |places: &Places| -> Vec<Text> { places.regions.values().map(|place| place.pool.clone()).collect() };
        places.zone == new.zone && places.balancers == new.balancers && pools(places) == pools(&new)
    });
    if same_lists {
        journal.saved_steering = old.saved_steering.clone();
    }
    journal
}

/// The entry that makes W known.
fn adopted(sight: &Sight<'_>) -> Option<Journal> {
    if !super::name::txt_is_ours(sight) || super::name::in_sync_since(sight).is_none() || !steady(sight) {
        return None;
    }
    let active = writer(sight)?;
    let record = standpoint::owner_record(sight.input)?;
    let mut journal = sight.input.journal.clone();
    journal.epoch = next_epoch(sight);
    journal.last_number = journal.epoch;
    journal.active_region = Some(sight.region(active).clone());
    journal.excluded = record.excluded.filter(|region| sight.input.shop.side(region).is_some());
    if standpoint::seen_active(sight.input).is_none() {
        left_behind(sight, active.other(), &mut journal);
    }
    unfence(sight, active, &mut journal);
    journal.front = Some(front(sight, active, &journal)?);
    journal.adopting_since = None;
    journal.places = Some(Places::of(sight.input.shop));
    Some(journal)
}

/// Above all that anybody has seen: our journal, our TXT, the tags of both instances, and the numbers of all records. What
/// others wrote there may be any number.
pub(super) fn next_epoch(sight: &Sight<'_>) -> i64 {
    let input = sight.input;
    let tags = Side::BOTH
        .into_iter()
        .filter_map(|side| input.actual.instance(side)?.tag_epoch);
    let record = standpoint::owner_record(input).map(|record| record.epoch);
    let records = input.requests.iter().filter_map(|request| request.record_of);
    tags.chain(record)
        .chain(records)
        .chain([input.journal.epoch, input.journal.last_number])
        .max()
        .unwrap_or(0)
        .max(0)
        .saturating_add(1)
}

/// W is known from our TXT alone: the other region was left by a move of an earlier life, and may still take writes.
fn left_behind(sight: &Sight<'_>, other: Side, journal: &mut Journal) {
    let region = &sight.input.shop.regions[other];
    journal.excluded = Some(region.name.clone());
    for kind in [ObligationKind::FenceFormerWriter, ObligationKind::RebuildStandby] {
        // An edit of the spec keeps what was owed before.
        if journal
            .obligations
            .iter()
            .any(|o| o.kind == kind && o.region == region.name)
        {
            continue;
        }
        journal.obligations.push(Obligation {
            kind,
            region: region.name.clone(),
            instance: region.instance.clone(),
            number: journal.epoch,
            since: sight.input.now.wall,
        });
    }
}

/// A writer that an earlier life of ours fenced, or was about to, takes writes again. Its tag was set before its
/// `read_only`, so it tells alone; the obligation is closed once both are seen to be gone.
pub(super) fn unfence(sight: &Sight<'_>, active: Side, journal: &mut Journal) {
    let region = &sight.input.shop.regions[active];
    let fenced = sight
        .input
        .actual
        .instance(active)
        .is_some_and(|view| view.tag_fenced.is_some());
    let owed = journal
        .obligations
        .iter()
        .any(|o| o.kind == ObligationKind::Unfence && o.region == region.name);
    if fenced && !owed {
        journal.obligations.push(Obligation {
            kind: ObligationKind::Unfence,
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

/// The sides whose instance RDS does not know: an authenticated 404, twice.
pub(crate) fn absent(input: &Input<'_>) -> impl Iterator<Item = Side> {
    Side::BOTH.into_iter().filter(|side| {
        let read = input.actual.instances[*side].as_ref();
        read.is_some_and(|read| matches!(read.seen, Seen::Absent) && read.asked_after(read.since.mono))
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
