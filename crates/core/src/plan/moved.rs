//! Moved by others: somebody else promoted, stopped or deleted an instance. One writer elsewhere is adopted once it is
//! steady; two writers that no move of ours explains are a person's to judge. What cannot be seen never counts as gone.

use super::{Sight, adopt, name, standpoint};
use crate::evidence::status_vote;
use crate::facts::InstanceVote;
use crate::journal::{Journal, MoveOutcome, Obligation, ObligationKind};
use crate::reading::{InstanceView, Seen};
use crate::side::Side;

/// Who takes writes, against what the journal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writers {
    /// Nothing contradicts the journal, or a move of ours explains it.
    AsKnown,
    /// A promotion of ours took effect after its move had been rolled back, and users wrote to W alone since.
    Late,
    /// Exactly one, in the other region; W's instance follows it, is stopped or is gone.
    Elsewhere,
    /// Both.
    Two,
    /// One in the other region, or W's instance follows it, and nobody can see the rest.
    Unclear,
}

/// What the instances show now; while a move is in flight its own rules judge them.
pub(super) fn writers(sight: &Sight<'_>) -> Writers {
    let journal = sight.input.journal;
    let Some(active) = sight.side(journal.active_region.as_ref()) else {
        return Writers::AsKnown;
    };
    let other = active.other();
    if journal.in_flight().is_some()
        || adopt::seems_old(sight)
        || is_explained(sight, other)
        || is_replaced(sight, active)
        || is_replaced(sight, other)
    {
        return Writers::AsKnown;
    }
    let follows = sight
        .input
        .actual
        .instance(active)
        .is_some_and(|view| standpoint::names_as_source(view, sight.input, other));
    let writes = sight.input.actual.instance(other).is_some_and(takes_writes);
    match (writes, follows) {
        (false, false) => Writers::AsKnown,
        (false, true) => Writers::Unclear,
        (true, true) => Writers::Elsewhere,
        (true, false) if is_late(sight, active) => Writers::Late,
        (true, false) => beside(sight, active),
    }
}

/// The other region has a writer: what W's instance is.
fn beside(sight: &Sight<'_>, active: Side) -> Writers {
    let Some(read) = &sight.input.actual.instances[active] else {
        return Writers::Unclear;
    };
    match &read.seen {
        Seen::Absent => Writers::Elsewhere,
        Seen::Present(view) if &*view.status == "stopped" => Writers::Elsewhere,
        Seen::Present(view) if takes_writes(view) => Writers::Two,
        Seen::Present(_) | Seen::Silent | Seen::Unknown(_) => Writers::Unclear,
    }
}

/// A running instance that replicates from nobody.
fn takes_writes(view: &InstanceView) -> bool {
    let runs = matches!(
        status_vote(&view.status),
        InstanceVote::Available | InstanceVote::Routine
    );
    runs && view.source.is_none()
}

/// What a move or an adoption left there: its obligations say what becomes of it.
fn is_explained(sight: &Sight<'_>, side: Side) -> bool {
    sight.input.journal.obligations.iter().any(|o| match o.kind {
        ObligationKind::FenceFormerWriter | ObligationKind::RebuildStandby => o.region == *sight.region(side),
        ObligationKind::Unfence => false,
    })
}

/// Another instance of the same name is neither adopted nor judged.
fn is_replaced(sight: &Sight<'_>, side: Side) -> bool {
    let known = sight.input.journal.resource_ids.get(sight.region(side));
    let seen = sight.input.actual.instance(side).map(|view| &view.resource_id);
    known.is_some() && seen.is_some() && known != seen
}

/// Whether the last move was given up with its promotion perhaps sent, and users have written to W alone since: the name
/// points there, and no process of the other region writes to its own database.
fn is_late(sight: &Sight<'_>, active: Side) -> bool {
    let (input, other) = (sight.input, active.other());
    let sent = input.journal.current.as_ref().is_some_and(|m| {
        m.outcome == Some(MoveOutcome::RolledBack)
            && m.licence.is_some()
            && m.to == *sight.region(other)
            && m.to_instance == input.shop.regions[other].instance
    });
    sent && name::points_to(sight, active) && !input.evidence.proof_of_writes(other, input.now, input.shop)
}

/// Whether nothing may be done by itself, fences aside: W may be no writer any more, or not the only one. One reading is
/// enough to wait.
pub(super) fn stops_everything(sight: &Sight<'_>) -> bool {
    match writers(sight) {
        Writers::AsKnown | Writers::Late => false,
        Writers::Elsewhere | Writers::Two | Writers::Unclear => true,
    }
}

/// Whether nobody can tell where the writer is; two describes in a row must have shown it.
pub(super) fn is_unknown(sight: &Sight<'_>) -> bool {
    stops_everything(sight) && shown_twice(sight)
}

fn shown_twice(sight: &Sight<'_>) -> bool {
    let active = sight.side(sight.input.journal.active_region.as_ref());
    active.is_some_and(|active| {
        let follows = sight
            .input
            .actual
            .instance(active)
            .is_some_and(|view| view.source.is_some());
        follows || sight.input.actual.source_gone[active.other()] >= 2
    })
}

/// Adopts the one writer elsewhere, or owes the standby that a late promotion of ours has used up.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    if !sight.may_touch() || !shown_twice(sight) {
        return None;
    }
    let active = sight.side(sight.input.journal.active_region.as_ref())?;
    match writers(sight) {
        Writers::Elsewhere => elsewhere(sight, active.other()),
        Writers::Late => late(sight, active.other()),
        Writers::AsKnown | Writers::Two | Writers::Unclear => None,
    }
}

/// W is the other region now. As in every adoption without a request the first pool found is the front, nothing is
/// excluded that was not, and no name moves.
fn elsewhere(sight: &Sight<'_>, writer: Side) -> Option<Journal> {
    let view = sight.input.actual.instance(writer)?;
    // Our TXT must be seen: its epoch is the authority.
    standpoint::owner_record(sight.input)?;
    if status_vote(&view.status) != InstanceVote::Available || !adopt::steady(sight) {
        return None;
    }
    let mut journal = sight.input.journal.clone();
    let (new, old) = (
        &sight.input.shop.regions[writer],
        &sight.input.shop.regions[writer.other()],
    );
    journal.epoch = adopt::next_epoch(sight);
    journal.last_number = journal.epoch;
    journal.active_region = Some(new.name.clone());
    journal.name_epoch = None;
    // W itself is never excluded.
    journal.excluded = journal.excluded.filter(|region| *region != new.name);
    journal.front = Some(first_pool(sight, writer, &journal));
    journal
        .obligations
        .retain(|o| !(o.kind == ObligationKind::Unfence && o.region == new.name));
    let replica = sight
        .input
        .actual
        .instance(writer.other())
        .is_some_and(|view| view.source.is_some());
    if !replica {
        journal.obligations.push(Obligation {
            kind: ObligationKind::RebuildStandby,
            region: old.name.clone(),
            instance: old.instance.clone(),
            number: journal.epoch,
            since: sight.input.now.wall,
        });
    }
    adopt::unfence(sight, writer, &mut journal);
    Some(journal)
}

/// The region whose pool users are first sent to now.
fn first_pool(sight: &Sight<'_>, writer: Side, journal: &Journal) -> crate::Text {
    let first = sight
        .input
        .actual
        .balancers
        .first()
        .and_then(|read| read.as_ref()?.present());
    let first = first.and_then(|document| document.default_pools.first());
    let found = Side::BOTH
        .into_iter()
        .find(|side| Some(&sight.input.shop.regions[*side].pool) == first);
    let region = found.map(|side| sight.region(side)).or(journal.front.as_ref());
    region
        .filter(|region| journal.excluded.as_ref() != Some(*region))
        .unwrap_or(sight.region(writer))
        .clone()
}

/// W stays: its orders count. What was the standby is a writer that nobody writes to, and no standby any more.
fn late(sight: &Sight<'_>, other: Side) -> Option<Journal> {
    let given_up = sight.input.journal.current.as_ref()?;
    let mut journal = sight.input.journal.clone();
    journal.obligations.push(Obligation {
        kind: ObligationKind::RebuildStandby,
        region: sight.region(other).clone(),
        instance: sight.input.shop.regions[other].instance.clone(),
        number: given_up.number,
        since: sight.input.now.wall,
    });
    Some(journal)
}
