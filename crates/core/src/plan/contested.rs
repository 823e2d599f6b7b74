//! Contested levels: what somebody put back three times in a quarter of an hour is left alone. Nobody fights Terraform.
//!
//! Put back is what a reading shows to differ after an earlier one had shown it as a call of ours left it. Each call of
//! ours is put back at most once. The instants stand in the journal, so that a restart does not begin three tries anew.

use super::{Sight, name, traffic};
use crate::Text;
use crate::actual::Earlier;
use crate::decision::{Contest, Effect, LevelState, SentCall, Step};
use crate::journal::{Journal, NAME_LEVEL, ObligationKind, PUT_BACK_WINDOW, PutBack};
use crate::outcome::Outcome;
use crate::time::{after, since};
use std::time::Duration;

/// A put-back is later than the call that it undid.
const A_MOMENT: Duration = Duration::from_millis(1);

/// An entry of its own: something was put back, or what was contested has been as it should be for long enough.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    if !sight.may_order() {
        return None;
    }
    let mut journal = sight.input.journal.clone();
    for level in put_back_now(sight) {
        note(sight, &mut journal, level);
    }
    journal.put_back.retain(|level| !is_over(sight, &level.what));
    (journal.put_back != sight.input.journal.put_back).then_some(journal)
}

/// The level, and the call of ours that was undone.
struct Undone<'a> {
    what: &'a str,
    call: &'a SentCall,
}

fn put_back_now<'a>(sight: &'a Sight<'_>) -> Vec<Undone<'a>> {
    let input = sight.input;
    let mut undone = Vec::new();
    for (index, id) in input.shop.balancers.iter().enumerate() {
        if !traffic::differs(sight, index) {
            continue;
        }
        let sent = |effect: &Effect| matches!(effect, Effect::PatchBalancer { id: patched, .. } if patched == id);
        let held = |call: &SentCall| {
            let earlier = input.actual.balancers_earlier.get(index);
            seen_after(earlier, call).is_some_and(|view| traffic::as_wanted(sight, index, view))
        };
        undone.extend(undone_call(sight, id, sent, held));
    }
    if name::differs(sight) {
        let sent = |effect: &Effect| matches!(effect, Effect::ChangeNames { .. });
        let held = |call: &SentCall| {
            seen_after(Some(&input.actual.names_earlier), call).is_some_and(|view| name::as_wanted(sight, view))
        };
        undone.extend(undone_call(sight, NAME_LEVEL, sent, held));
    }
    undone
}

/// The view before the newest, if it was asked for after that call had ended.
fn seen_after<'a, T>(earlier: Option<&'a Earlier<T>>, call: &SentCall) -> Option<&'a T> {
    let (view, asked) = earlier?.before.as_ref()?;
    let (ended, _) = call.ended.as_ref()?;
    (asked.mono >= ended.mono).then_some(view)
}

/// The newest call of this target that may have been done, if what it left was seen, is gone, and was not counted yet.
fn undone_call<'a>(
    sight: &'a Sight<'_>,
    what: &'a str,
    sent: impl Fn(&Effect) -> bool,
    held: impl Fn(&SentCall) -> bool,
) -> Option<Undone<'a>> {
    let call = sight
        .input
        .calls
        .iter()
        .rev()
        .find(|call| match (&call.step, &call.ended) {
            (Step::Effect(effect), Some((_, Outcome::Accepted(_) | Outcome::Ambiguous(_)))) => sent(effect),
            (Step::Effect(_), Some((_, Outcome::Refused(_) | Outcome::Denied(_) | Outcome::Throttled(_))) | None)
            | (Step::Promote(_), _) => false,
        })?;
    let counted = sight
        .input
        .journal
        .put_back_of(what)
        .and_then(|level| level.at.last())
        .is_some_and(|last| *last > call.at.wall);
    (!counted && held(call)).then_some(Undone { what, call })
}

fn note(sight: &Sight<'_>, journal: &mut Journal, undone: Undone<'_>) {
    // A wall clock that went back must not make the same put-back look uncounted.
    let at = sight.input.now.wall.max(after(undone.call.at.wall, A_MOMENT));
    match journal.put_back.iter_mut().find(|level| *level.what == *undone.what) {
        Some(level) => {
            level.at.push(at);
            if level.at.len() > PutBack::REMEMBERED {
                level.at.remove(0);
            }
        }
        None => journal.put_back.push(PutBack {
            what: undone.what.into(),
            at: vec![at],
        }),
    }
}

/// Forgotten once the level has been as wanted for as long as the window is; a balancer that is no longer listed too.
fn is_over(sight: &Sight<'_>, what: &str) -> bool {
    let (now, actual) = (sight.input.now.mono, sight.input.actual);
    let newest = sight.input.journal.put_back_of(what).and_then(|level| level.at.last());
    if newest.is_some_and(|at| since(*at, sight.input.now.wall) < PUT_BACK_WINDOW) {
        return false;
    }
    let long = |since: Duration| now.saturating_sub(since) >= PUT_BACK_WINDOW;
    if what == NAME_LEVEL {
        let read = actual.names.as_ref();
        return name::holds(sight) && read.is_some_and(|read| long(read.since.mono));
    }
    let Some(index) = sight.input.shop.balancers.iter().position(|id| **id == *what) else {
        return true;
    };
    let read = actual.balancers[index].as_ref();
    read.is_some_and(|read| read.present().is_some() && long(read.since.mono)) && !traffic::differs(sight, index)
}

/// What was wanted has changed with this entry: whoever put back the old is not asked to accept the new.
pub(super) fn forget_where_wanted_changed(old: &Journal, new: &mut Journal) {
    let traffic = (&old.front, &old.excluded) != (&new.front, &new.excluded);
    let name = (&old.active_region, old.epoch, old.name_epoch, &old.excluded)
        != (&new.active_region, new.epoch, new.name_epoch, &new.excluded);
    new.put_back
        .retain(|level| if *level.what == *NAME_LEVEL { !name } else { !traffic });
}

/// Whether this thing is left alone now: contested, and no former writer could get users or writes by it.
pub(super) fn is_left_alone(sight: &Sight<'_>, what: &str) -> bool {
    is_contested(sight, what) && !must_hold(sight, what)
}

fn is_contested(sight: &Sight<'_>, what: &str) -> bool {
    sight.input.journal.put_back_of(what).is_some_and(PutBack::is_contested)
}

/// While a former writer is not fenced the name, and the exclusion of its region, are re-asserted for ever.
fn must_hold(sight: &Sight<'_>, what: &str) -> bool {
    let journal = sight.input.journal;
    let unfenced = journal.owes(ObligationKind::FenceFormerWriter);
    unfenced.is_some_and(|owed| what == NAME_LEVEL || journal.excluded.as_ref() == Some(&owed.region))
}

/// What a level is, given whether it differs: contested things are told apart.
pub(super) fn level_state(sight: &Sight<'_>, what: &[Text], differs: impl Fn(&Text) -> bool) -> LevelState {
    let contested = || what.iter().filter(|what| is_contested(sight, what));
    if contested().any(|what| must_hold(sight, what)) {
        // Also in the moments in which it holds: the next run of whoever it is comes.
        return LevelState::Reasserted;
    }
    let mut differing = what.iter().filter(|what| differs(what)).peekable();
    if differing.peek().is_none() {
        LevelState::Holds
    } else if differing.any(|what| is_contested(sight, what)) {
        LevelState::Contested
    } else {
        LevelState::Differs
    }
}

/// Everything that somebody else keeps putting back now, for people: what we set, and what stands there.
pub(super) fn contests(sight: &Sight<'_>) -> Vec<Contest> {
    let contested = sight.input.journal.put_back.iter().filter(|level| level.is_contested());
    contested
        .filter_map(|level| {
            let reasserted = must_hold(sight, &level.what);
            let (wanted, stands) = if *level.what == *NAME_LEVEL {
                name::wanted_and_seen(sight)
            } else {
                let index = sight.input.shop.balancers.iter().position(|id| *id == level.what)?;
                traffic::wanted_and_seen(sight, index)
            }
            .or_else(|| reasserted.then(|| (Text::from("as it should be now"), Text::from("that, for the moment"))))?;
            Some(Contest {
                what: level.what.clone(),
                wanted,
                stands,
                reasserted,
                since: level.at.first().copied()?,
            })
        })
        .collect()
}
