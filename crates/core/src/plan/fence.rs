//! The fence level: the former writer refuses writes, and one that we made read-only in vain writes again.

use super::{Sight, phases, rebuild, sending};
use crate::actual::Read;
use crate::decision::{Effect, LevelState, Step};
use crate::evidence::status_vote;
use crate::facts::InstanceVote;
use crate::journal::{Journal, MoveKind, Obligation, ObligationKind, Phase};
use crate::reading::InstanceView;
use crate::side::Side;
use crate::time::{after, since};
use std::time::Duration;

/// A replica that still is one this long after its fence was owed follows: a promotion shows after some seconds.
const FOLLOWS_AFTER: Duration = Duration::from_secs(120);

/// Closes what has been observed done, and opens a fence again that somebody (or RDS on day 7) undid.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    if let Some(closed) = closed(sight) {
        return Some(closed);
    }
    let reopened = reopen(sight)?;
    let mut due = sight.input.journal.clone();
    due.obligations.push(reopened);
    Some(due)
}

/// Closes what has been observed done.
pub(super) fn closed(sight: &Sight<'_>) -> Option<Journal> {
    let journal = sight.input.journal;
    if journal.obligations.iter().any(|owed| is_done(sight, owed)) {
        let mut due = journal.clone();
        due.obligations.retain(|owed| !is_done(sight, owed));
        for owed in &journal.obligations {
            know_what_was_rebuilt(sight, owed, &mut due);
        }
        // One that turned out to follow W is no former writer: what its fence has done is undone.
        let undone = journal
            .obligations
            .iter()
            .find(|owed| owed.kind == ObligationKind::FenceFormerWriter && follows(sight, owed));
        due.obligations.extend(undone.map(|owed| Obligation {
            kind: ObligationKind::Unfence,
            since: sight.input.now.wall,
            ..owed.clone()
        }));
        return Some(due);
    }
    None
}

/// A person made the replica that is owed under the old name: it is another instance, and the right one.
fn know_what_was_rebuilt(sight: &Sight<'_>, owed: &Obligation, due: &mut Journal) {
    if owed.kind != ObligationKind::RebuildStandby || !follows(sight, owed) {
        return;
    }
    if let Some((_, view)) = owed_at(sight, owed) {
        due.resource_ids.insert(owed.region.clone(), view.resource_id.clone());
    }
}

fn is_done(sight: &Sight<'_>, owed: &Obligation) -> bool {
    if owed.kind == ObligationKind::RebuildStandby && is_active(sight, owed) {
        return true;
    }
    let Some((side, view)) = owed_at(sight, owed) else {
        return false;
    };
    match owed.kind {
        ObligationKind::FenceFormerWriter => {
            let stopped = &*view.status == "stopped";
            let refused = sight
                .input
                .evidence
                .proof_of_fence(side, sight.input.now, sight.input.shop);
            is_former(sight, side) && (stopped || refused || follows(sight, owed))
        }
        ObligationKind::Unfence => {
            let in_move = sight.input.journal.in_flight().is_some_and(|m| m.number == owed.number);
            !in_move && view.group_in_sync && view.tag_fenced.is_none() && reads_writable(sight, side, owed)
        }
        // Made by hand under the old name; what we make ourselves closes it with the entry that maps it (`rebuild`).
        ObligationKind::RebuildStandby => follows(sight, owed),
    }
}

/// Whether the region has become the active one: then the standby is owed elsewhere.
fn is_active(sight: &Sight<'_>, owed: &Obligation) -> bool {
    sight.input.journal.active_region.as_ref() == Some(&owed.region) && sight.input.journal.in_flight().is_none()
}

/// Whether the instance has been W's replica all along: an `Adopt` that could not see it took it for a former writer. A
/// promotion by others that has just begun looks the same for a while.
fn follows(sight: &Sight<'_>, owed: &Obligation) -> bool {
    let Some((side, _)) = owed_at(sight, owed) else {
        return false;
    };
    let [older, _] = sight.input.actual.steady_replica[side];
    let long = older.is_some_and(|asked| asked >= after(owed.since, FOLLOWS_AFTER));
    is_former(sight, side) && phases::still_replica(sight, side) && long
}

/// A former writer that runs again while its replacement is still owed is fenced again.
fn reopen(sight: &Sight<'_>) -> Option<Obligation> {
    let journal = sight.input.journal;
    let owed = journal.owes(ObligationKind::RebuildStandby)?;
    let (side, view) = owed_at(sight, owed)?;
    let fenced = journal
        .obligations
        .iter()
        .any(|o| o.kind == ObligationKind::FenceFormerWriter && o.region == owed.region);
    let runs = view.source.is_none()
        && matches!(
            status_vote(&view.status),
            InstanceVote::Available | InstanceVote::Routine
        );
    // What a late promotion of ours made a writer has never been the active one: nobody wrote to it.
    let late = owed.number > journal.epoch;
    // One that runs and refuses writes is fenced: what closed the obligation does not open it again.
    let refuses = sight
        .input
        .evidence
        .proof_of_fence(side, sight.input.now, sight.input.shop);
    (is_former(sight, side) && !late && !fenced && !refuses && runs).then(|| Obligation {
        kind: ObligationKind::FenceFormerWriter,
        since: sight.input.now.wall,
        ..owed.clone()
    })
}

fn is_former(sight: &Sight<'_>, side: Side) -> bool {
    sight.side(sight.input.journal.active_region.as_ref()) == Some(side.other())
}

/// The side and instance that an obligation is about, as far as its API answers now.
fn owed_at<'a>(sight: &Sight<'a>, owed: &Obligation) -> Option<(Side, &'a InstanceView)> {
    let side = sight.side(Some(&owed.region))?;
    let view = sight.input.actual.instance(side)?;
    (sight.input.shop.regions[side].instance == owed.instance).then_some((side, view))
}

/// What every open obligation needs next.
pub(super) fn steps(sight: &Sight<'_>) -> Vec<Step> {
    sight
        .input
        .journal
        .obligations
        .iter()
        .flat_map(|owed| owed_steps(sight, owed))
        .collect()
}

/// What the writers need that we made read-only in vain.
pub(super) fn unfencing(sight: &Sight<'_>) -> Vec<Step> {
    let owed = sight.input.journal.obligations.iter();
    owed.filter(|owed| owed.kind == ObligationKind::Unfence)
        .flat_map(|owed| owed_steps(sight, owed))
        .collect()
}

fn owed_steps(sight: &Sight<'_>, owed: &Obligation) -> Vec<Step> {
    let Some((side, view)) = owed_at(sight, owed) else {
        return Vec::new();
    };
    match owed.kind {
        ObligationKind::FenceFormerWriter => fence_steps(sight, owed, side, view),
        ObligationKind::Unfence if in_its_move(sight, owed) => {
            // A writer that sells again is not stopped from selling by a move that is about to be given up.
            if doubted(sight) {
                Vec::new()
            } else {
                read_only_steps(sight, owed, side, view)
            }
        }
        // A region that a person named as the active one is started: nobody else will.
        ObligationKind::Unfence if &*view.status == "stopped" && adopted_with(sight, owed) => {
            vec![Step::Effect(Effect::Start {
                scope: sight.input.shop.scope(side),
                instance: owed.instance.clone(),
            })]
        }
        ObligationKind::Unfence => unfence_steps(sight, side, view),
        // `rebuild` sends what it needs.
        ObligationKind::RebuildStandby => Vec::new(),
    }
}

/// Whether the last move is the adoption that owes this.
fn adopted_with(sight: &Sight<'_>, owed: &Obligation) -> bool {
    let last = sight.input.journal.current.as_ref();
    last.is_some_and(|m| m.kind == MoveKind::Adopt && m.number == owed.number)
}

/// Whether an automatic move is in flight whose diagnosis no longer holds.
fn doubted(sight: &Sight<'_>) -> bool {
    let automatic = sight.input.journal.in_flight().is_some_and(|m| m.automatic);
    automatic && !sight.diagnosis.calls_for_promotion()
}

/// While its move prepares, the writer should be read-only; after that it should not.
fn in_its_move(sight: &Sight<'_>, owed: &Obligation) -> bool {
    sight.input.journal.in_flight().is_some_and(|m| {
        m.number == owed.number && matches!(m.phase, Phase::Preparing | Phase::Excluding | Phase::Promoting)
    })
}

/// Read-only as soon as its API answers; stopped once W is the other: stopping ends its sessions too.
fn fence_steps(sight: &Sight<'_>, owed: &Obligation, side: Side, view: &InstanceView) -> Vec<Step> {
    let mut steps = read_only_steps(sight, owed, side, view);
    let tagged = view.tag_fenced == Some(owed.number);
    let runs = matches!(status_vote(&view.status), InstanceVote::Available);
    if tagged && runs && is_former(sight, side) {
        steps.push(Step::Effect(Effect::Stop {
            scope: sight.input.shop.scope(side),
            instance: owed.instance.clone(),
        }));
    }
    steps
}

/// Tagged first: a lost journal finds the fence again. Then `read_only=1`, where the group is the instance's own.
fn read_only_steps(sight: &Sight<'_>, owed: &Obligation, side: Side, view: &InstanceView) -> Vec<Step> {
    let scope = sight.input.shop.scope(side);
    if view.tag_fenced != Some(owed.number) {
        let tags = vec![("breakwater:fenced".into(), owed.number.to_string().into())];
        return vec![Step::Effect(Effect::Tag {
            scope,
            arn: view.arn.clone(),
            tags,
        })];
    }
    let known_writable = sight.input.actual.parameters[side]
        .as_ref()
        .and_then(Read::present)
        .is_some();
    if may_change_group(view) && known_writable && !reads_read_only(sight, side) {
        return vec![Step::Effect(Effect::SetReadOnly {
            scope,
            group: view.group.clone(),
            on: true,
        })];
    }
    Vec::new()
}

fn unfence_steps(sight: &Sight<'_>, side: Side, view: &InstanceView) -> Vec<Step> {
    let scope = sight.input.shop.scope(side);
    if reads_read_only(sight, side) && may_change_group(view) {
        return vec![Step::Effect(Effect::SetReadOnly {
            scope,
            group: view.group.clone(),
            on: false,
        })];
    }
    // The tag is what a lost journal finds the fence by: it goes last.
    if view.tag_fenced.is_some() && parameters_settled(sight, side) {
        let keys = vec!["breakwater:fenced".into()];
        return vec![Step::Effect(Effect::Untag {
            scope,
            arn: view.arn.clone(),
            keys,
        })];
    }
    Vec::new()
}

/// A default group cannot be changed; a shared one would change other instances.
pub(super) fn may_change_group(view: &InstanceView) -> bool {
    !view.group.starts_with("default.") && !view.group_shared
}

/// Whether the group of this side's instance pins `read_only=1`.
pub(super) fn reads_read_only(sight: &Sight<'_>, side: Side) -> bool {
    read_only(sight, side).is_some_and(|value| value == "1")
}

/// Whether the group was read after our last change of it: an older reading may show what was before.
pub(super) fn parameters_settled(sight: &Sight<'_>, side: Side) -> bool {
    sight.input.actual.instance(side).is_some_and(|view| {
        let changed = Effect::SetReadOnly {
            scope: sight.input.shop.scope(side),
            group: view.group.clone(),
            on: false,
        };
        sending::is_settled(sight, &changed)
    })
}

/// Whether a reading taken after the obligation was opened says that the group does not.
fn reads_writable(sight: &Sight<'_>, side: Side, owed: &Obligation) -> bool {
    let read = sight.input.actual.parameters[side].as_ref();
    let fresh = read.is_some_and(|read| !since(owed.since, read.asked.wall).is_zero());
    fresh && parameters_settled(sight, side) && read_only(sight, side).is_some_and(|value| value != "1")
}

fn read_only<'a>(sight: &Sight<'a>, side: Side) -> Option<&'a str> {
    let view = sight.input.actual.parameters[side].as_ref().and_then(Read::present)?;
    Some(view.read_only.as_deref().unwrap_or("{TrueIfReplica}"))
}

/// Whether the group of this side's instance has been read.
pub(super) fn parameters_known(sight: &Sight<'_>, side: Side) -> bool {
    read_only(sight, side).is_some()
}

/// Whether the level holds: nothing about a fence is owed.
pub(super) fn state(sight: &Sight<'_>) -> LevelState {
    let owed = sight.input.journal.obligations.iter().any(|o| match o.kind {
        ObligationKind::FenceFormerWriter | ObligationKind::Unfence => true,
        ObligationKind::RebuildStandby => false,
    });
    if owed || rebuild::retired_runs(sight).is_some() {
        LevelState::Differs
    } else {
        LevelState::Holds
    }
}
