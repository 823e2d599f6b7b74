//! What is awaited, when there is nothing to write and nothing to send.

use super::moved::{self, Writers};
use super::switchover::{self, Drain};
use super::{Sight, adopt, block, excluding, name, phases};
use crate::decision::{Levels, Wait};
use crate::journal::{Move, MoveKind, ObligationKind, Phase};
use crate::shop::Mode;

/// The nearest thing that is awaited.
pub(super) fn wait(sight: &Sight<'_>, levels: Levels) -> Option<Wait> {
    let journal = sight.input.journal;
    if sight.foreign_owner().is_some() {
        return Some(Wait::Ownership);
    }
    if let Some(current) = journal.in_flight() {
        return Some(in_move(sight, current));
    }
    if journal.active_region.is_none() && sight.input.shop.policy.mode != Mode::Observe {
        return Some(adopting(sight));
    }
    if !block::all_read(sight) {
        return Some(reading(sight));
    }
    if moved::is_unknown(sight) && sight.input.shop.policy.mode != Mode::Observe {
        return Some(elsewhere(sight));
    }
    if journal.owes(ObligationKind::FenceFormerWriter).is_some() {
        return Some(fence(sight));
    }
    (!Sight::all_hold(levels)).then_some(Wait::CallInFlight)
}

/// A writer that no move of ours explains.
fn elsewhere(sight: &Sight<'_>) -> Wait {
    match moved::writers(sight) {
        Writers::Two => Wait::TwoWriters,
        Writers::Elsewhere => Wait::InstancesSteady,
        Writers::Unclear | Writers::AsKnown | Writers::Late => Wait::WriterUnclear,
    }
}

/// In Observe: everything is read, and still nobody can tell where the writer is.
fn reading(sight: &Sight<'_>) -> Wait {
    if adopt::absent(sight.input).next().is_some() {
        Wait::InstanceMissing
    } else if block::documents_read(sight) && adopt::steady(sight) {
        Wait::Adoption
    } else {
        Wait::FirstReadings
    }
}

fn adopting(sight: &Sight<'_>) -> Wait {
    let input = sight.input;
    if input.actual.names().is_none() {
        Wait::FirstReadings
    } else if !name::txt_is_ours(sight) || name::in_sync_since(sight).is_none() {
        Wait::OwnerRecord
    } else if !adopt::steady(sight) {
        Wait::InstancesSteady
    } else if adopt::writer(sight).is_some() {
        // Where the writer is is known: what is not is which pool comes first.
        Wait::FirstReadings
    } else if adopt::absent(sight.input).next().is_some() {
        Wait::InstanceMissing
    } else {
        Wait::Adoption
    }
}

fn in_move(sight: &Sight<'_>, current: &Move) -> Wait {
    match current.phase {
        Phase::Requested if current.awaits_approval() => Wait::Approval,
        Phase::Requested | Phase::Holding => Wait::FreshRound,
        Phase::Preparing if current.kind == MoveKind::Switchover => match switchover::drain(sight, current) {
            Drain::NotApplied => Wait::ReadOnly,
            Drain::NotRefused => Wait::WritesRefused,
            Drain::Behind => Wait::Drain,
            Drain::Done => Wait::FreshRound,
        },
        Phase::Preparing if phases::waiting_for_read_only(sight, current) => Wait::ReadOnly,
        Phase::Preparing => Wait::FreshRound,
        Phase::Excluding if excluding::read_back(sight, current).is_none() => Wait::Exclusion,
        Phase::Excluding => Wait::FreshRound,
        Phase::Promoting
            if current
                .licence
                .as_ref()
                .is_some_and(|licence| licence.by != *sight.input.me) =>
        {
            Wait::LicenceOver
        }
        Phase::Promoting => Wait::Promotion,
        Phase::Repointing if sight.input.actual.names().is_none() => Wait::Route53,
        Phase::Repointing if !name::holds(sight) => Wait::CallInFlight,
        Phase::Repointing if name::in_sync_since(sight).is_none() => Wait::NameInSync,
        Phase::Repointing => Wait::NameTtl,
        Phase::Verifying => Wait::Verification,
    }
}

fn fence(sight: &Sight<'_>) -> Wait {
    let owed = sight.input.journal.owes(ObligationKind::FenceFormerWriter);
    let answers = owed
        .and_then(|owed| sight.side(Some(&owed.region)))
        .is_some_and(|side| sight.input.actual.instance(side).is_some());
    if answers {
        Wait::FormerWriterStopped
    } else {
        Wait::FormerWriterBack
    }
}
