//! Deletion: what a move began and can be undone is undone, our TXT and tags go, name and pools stay as they are then, and
//! the object is let go.

use super::{Sight, adopt, fence, name, phases, promoting, rollback, traffic};
use crate::decision::{Effect, NameChange, Step};
use crate::journal::{Journal, Move, MoveOutcome, Obligation, ObligationKind, Phase};
use crate::reading::Seen;
use crate::shop::Mode;
use crate::side::Side;

/// Once the object goes, a promotion that may have been sent is still seen through; a move before that is rolled back, and
/// what it did is undone before anything of ours is removed.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    if promoting(sight) {
        return phases::entry(sight);
    }
    if sight.input.shop.suspended || sight.foreign_record().is_some() || adopt::may_be_old(sight) {
        return None;
    }
    match sight.input.journal.in_flight() {
        Some(current) => promoting::shown(sight, current).or_else(|| Some(ended(sight, current))),
        None if adopt::seems_old(sight) => None,
        None => order_returns(sight).or_else(|| fence::closed(sight)),
    }
}

/// The end of the move in flight. One that has made another region active stays as it is.
fn ended(sight: &Sight<'_>, current: &Move) -> Journal {
    let because = "the Storefront is deleted";
    let undoable = current.phase < Phase::Promoting && !adopt::seems_old(sight);
    if undoable {
        return rollback::undone(sight, current, MoveOutcome::Aborted, because);
    }
    let mut journal = sight.input.journal.clone();
    let mut ended = current.clone();
    ended.outcome = Some(MoveOutcome::Aborted);
    ended.because = Some(because.into());
    ended.since = sight.input.now.wall;
    ended.deadline = None;
    journal.end_move(ended);
    journal
}

/// Nobody will bring users back later: the active region comes first again now. While its services are out, Cloudflare
/// passes over its pool by itself.
fn order_returns(sight: &Sight<'_>) -> Option<Journal> {
    let journal = sight.input.journal;
    let active = journal.active_region.as_ref()?;
    if journal.front.as_ref() == Some(active) || journal.excluded.as_ref() == Some(active) {
        return None;
    }
    let mut back = journal.clone();
    traffic::order_returns(sight, &mut back, active);
    Some(back)
}

/// Whether something that a move did, and that can be undone, has not been: lists of load balancers, a writer that is
/// read-only. Of an old journal nothing is known, and of an instance that is gone nothing is left.
pub(super) fn owes_undoing(sight: &Sight<'_>) -> bool {
    if adopt::seems_old(sight) || sight.foreign_record().is_some() {
        return false;
    }
    let journal = sight.input.journal;
    let in_flight = journal.in_flight().is_some();
    let read_only = journal.obligations.iter().any(|owed| match owed.kind {
        ObligationKind::Unfence => !is_gone(sight, owed),
        ObligationKind::FenceFormerWriter | ObligationKind::RebuildStandby => false,
    });
    in_flight || read_only || order_returns(sight).is_some() || traffic::owes_lists(sight)
}

fn is_gone(sight: &Sight<'_>, owed: &Obligation) -> bool {
    let read = sight
        .side(Some(&owed.region))
        .map(|side| &sight.input.actual.instances[side]);
    read.is_none_or(|read| read.as_ref().is_some_and(|read| matches!(read.seen, Seen::Absent)))
}

/// Whether the finalizer may go: abandoned, or nothing of ours is left, and no promotion is under way.
pub(super) fn may_release(sight: &Sight<'_>) -> bool {
    let shop = sight.input.shop;
    if !shop.deleting {
        return false;
    }
    let journal = sight.input.journal;
    let touched = journal.active_region.is_some() || journal.adopting_since.is_some();
    if shop.abandon || (shop.policy.mode == Mode::Observe && !touched) {
        return true;
    }
    let txt_gone = sight.input.actual.names.as_ref().is_some_and(|read| match &read.seen {
        Seen::Present(names) => names.txt.is_none() || !name::txt_is_ours(sight),
        Seen::Absent => true,
        Seen::Silent | Seen::Unknown(_) => false,
    });
    // Where another owner has taken over, nothing is ours to clean up any more.
    let anothers = sight.foreign_record().is_some();
    !promoting(sight) && !owes_undoing(sight) && txt_gone && (anothers || tagged(sight).next().is_none())
}

fn promoting(sight: &Sight<'_>) -> bool {
    sight
        .input
        .journal
        .in_flight()
        .is_some_and(|m| m.phase == Phase::Promoting)
}

/// Whether the object goes now: name, pools and fences stay as they are from here on.
pub(super) fn is_under_way(sight: &Sight<'_>) -> bool {
    sight.input.shop.deleting && !promoting(sight)
}

/// What removes our traces; also in Observe, where an earlier mode may have left some.
pub(super) fn steps(sight: &Sight<'_>) -> Vec<Step> {
    let shop = sight.input.shop;
    if shop.suspended || sight.foreign_record().is_some() {
        return Vec::new();
    }
    if owes_undoing(sight) {
        return undoing(sight);
    }
    let mut steps: Vec<Step> = tagged(sight)
        .filter_map(|side| {
            let view = sight.input.actual.instance(side)?;
            let mut keys = vec!["breakwater:owner".into(), "breakwater:epoch".into()];
            keys.extend(view.tag_fenced.map(|_| "breakwater:fenced".into()));
            Some(Step::Effect(Effect::Untag {
                scope: shop.scope(side),
                arn: view.arn.clone(),
                keys,
            }))
        })
        .collect();
    let txt = sight
        .input
        .actual
        .names()
        .and_then(|names| names.txt.clone())
        .filter(|_| name::txt_is_ours(sight));
    if let Some(old) = txt {
        steps.push(Step::Effect(Effect::ChangeNames {
            class: shop.class.clone(),
            zone: shop.writer.zone.clone(),
            changes: vec![NameChange::Delete(old)],
        }));
    }
    steps
}

/// What undoes a move. Before Route 53 has been asked nobody knows whether the journal is an old one.
fn undoing(sight: &Sight<'_>) -> Vec<Step> {
    if sight.input.actual.names.is_none() || sight.input.journal.in_flight().is_some() {
        return Vec::new();
    }
    let mut steps = fence::unfencing(sight);
    if traffic::owes_lists(sight) {
        steps.extend(traffic::steps(sight));
    }
    steps
}

fn tagged<'a>(sight: &'a Sight<'_>) -> impl Iterator<Item = Side> + 'a {
    Side::BOTH.into_iter().filter(|side| {
        sight
            .input
            .actual
            .instance(*side)
            .is_some_and(|view| view.tag_owner.as_ref() == Some(&sight.input.shop.owner))
    })
}
