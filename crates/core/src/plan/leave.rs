//! Deletion: our TXT and tags go, name and pools stay as they are, then the object is let go.

use super::{Sight, name, phases};
use crate::decision::{Effect, NameChange, Step};
use crate::journal::{Journal, MoveOutcome, Phase};
use crate::reading::Seen;
use crate::shop::Mode;
use crate::side::Side;

/// Once the object goes, only a promotion that may have been sent is still seen through; any other move ends with it.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    if promoting(sight) {
        return phases::entry(sight);
    }
    let mut ended = sight.input.journal.in_flight()?.clone();
    if sight.input.shop.suspended || sight.foreign_record().is_some() {
        return None;
    }
    ended.outcome = Some(MoveOutcome::Aborted);
    ended.because = Some("the Storefront is deleted".into());
    ended.since = sight.input.now.wall;
    ended.deadline = None;
    Some(Journal {
        current: Some(ended),
        ..sight.input.journal.clone()
    })
}

/// Whether the finalizer may go: abandoned, or nothing of ours is left, and no promotion is under way.
pub(super) fn may_release(sight: &Sight<'_>) -> bool {
    let shop = sight.input.shop;
    if !shop.deleting {
        return false;
    }
    if shop.abandon || (shop.policy.mode == Mode::Observe && sight.input.journal.active_region.is_none()) {
        return true;
    }
    let txt_gone = sight.input.actual.names.as_ref().is_some_and(|read| match &read.seen {
        Seen::Present(names) => names.txt.is_none() || !name::txt_is_ours(sight),
        Seen::Absent => true,
        Seen::Silent | Seen::Unknown(_) => false,
    });
    // Where another owner has taken over, nothing is ours to clean up any more.
    let anothers = sight.foreign_record().is_some();
    !promoting(sight) && txt_gone && (anothers || tagged(sight).next().is_none())
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

fn tagged<'a>(sight: &'a Sight<'_>) -> impl Iterator<Item = Side> + 'a {
    Side::BOTH.into_iter().filter(|side| {
        sight
            .input
            .actual
            .instance(*side)
            .is_some_and(|view| view.tag_owner.as_ref() == Some(&sight.input.shop.owner))
    })
}
