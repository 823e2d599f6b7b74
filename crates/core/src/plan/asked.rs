//! Requests by people: which one begins, and what is said to those that do not.

use super::{Sight, adopt_by_request, approval, begin, refuse, shift, switchover, wait};
use crate::decision::Wait;
use crate::facts::Facts;
use crate::journal::{Journal, MoveKind};
use crate::pacing::Turn;
use crate::refusal::{Blocker, Refusal};
use crate::request::{Answer, Asker, Awaited, Override, Request, RequestRef, Unfit, Verdict};
use crate::shop::Mode;
use crate::time::since;
use crate::window::FRESH_CLOUD;

/// What becomes of a request now.
pub(super) enum Asked {
    /// It begins.
    Begins,
    /// It does not.
    Not(Verdict),
}

/// The entry that begins what a person asked for: nothing that they have not overridden stands against it.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    let facts = sight.facts.as_ref()?;
    let request = open(sight).find(|request| begins(sight, request))?;
    let awaited = sight
        .input
        .journal
        .in_flight()
        .filter(|_| request.kind != MoveKind::TrafficShift);
    if let Some(current) = awaited {
        // Only one that waits for approval lets anything begin.
        return Some(approval::makes_way(sight, current, &request.name));
    }
    match request.kind {
        MoveKind::Failover => Some(begin::failover(sight, facts, Some(named(request)))),
        MoveKind::Switchover => {
            let stop = switchover::write_stop(sight, request);
            Some(begin::switchover(sight, facts, named(request), stop))
        }
        MoveKind::TrafficShift => shift::begin(sight, request),
        // An adoption has an entry of its own; the others do not begin in this version.
        MoveKind::Adopt | MoveKind::Drill => None,
    }
}

fn begins(sight: &Sight<'_>, request: &Request) -> bool {
    match request.kind {
        MoveKind::Failover | MoveKind::Switchover | MoveKind::TrafficShift => {
            matches!(asked(sight, request), Asked::Begins)
        }
        MoveKind::Adopt | MoveKind::Drill => false,
    }
}

/// What is said to the requests that do not begin.
pub(super) fn answers(sight: &Sight<'_>) -> Vec<Answer> {
    let answer = |request: &Request| match asked(sight, request) {
        Asked::Begins => None,
        Asked::Not(verdict) => Some(Answer {
            request: request.name.clone(),
            uid: request.uid.clone(),
            verdict,
        }),
    };
    open(sight).filter_map(answer).collect()
}

/// Whether a person's failover waits: its shop is looked at before others.
pub(super) fn waits(sight: &Sight<'_>) -> bool {
    open(sight).any(|request| request.kind == MoveKind::Failover && !request.abort)
}

/// The requests that have neither begun nor ended, oldest first.
pub(super) fn open<'a>(sight: &'a Sight<'_>) -> impl Iterator<Item = &'a Request> {
    let journal = sight.input.journal;
    sight.input.requests.iter().filter(|request| {
        let moved = journal.current.as_ref().and_then(|current| current.request.as_ref());
        let shifted = journal.shift.as_ref().map(|shift| &shift.request);
        let began = moved.into_iter().chain(shifted).any(|known| known.uid == request.uid);
        request.record_of.is_none() && !began && !journal.ended_requests.contains(&request.uid)
    })
}

/// What becomes of this one.
pub(super) fn asked(sight: &Sight<'_>, request: &Request) -> Asked {
    if request.abort {
        return Asked::Not(Verdict::Withdrawn);
    }
    if let Some(unfit) = unfit(sight, request) {
        return Asked::Not(Verdict::Unfit(unfit));
    }
    if is_stale(sight, request) {
        return Asked::Not(Verdict::Refused(vec![Refusal::StaleEpoch]));
    }
    let refusals = refusals(sight, request);
    if refusals.iter().any(|refusal| !refusal.ends_by_itself()) && read_enough(sight, request) {
        return Asked::Not(Verdict::Refused(refusals));
    }
    let blocked = blocked(sight, request);
    if !blocked.is_empty() {
        return Asked::Not(Verdict::Blocked(blocked));
    }
    if sight.input.now.wall >= request.start_before {
        return Asked::Not(Verdict::Expired(refusals));
    }
    if refusals.is_empty() && read_enough(sight, request) && !sees_through(sight, request) {
        return awaited(sight, request).map_or(Asked::Begins, |awaited| Asked::Not(Verdict::Awaits(awaited)));
    }
    Asked::Not(Verdict::Waits(
        refusals.into_iter().filter(Refusal::ends_by_itself).collect(),
    ))
}

/// A request that asks for what cannot be, whatever the evidence.
fn unfit(sight: &Sight<'_>, request: &Request) -> Option<Unfit> {
    let to = sight.side(request.to.as_ref());
    match request.kind {
        MoveKind::Drill => Some(Unfit::TypeNotOffered),
        // The region may be listed by an edit that waits.
        MoveKind::Adopt if to.is_none() && sight.input.shop.edit_waits => None,
        MoveKind::Failover | MoveKind::Switchover | MoveKind::Adopt | MoveKind::TrafficShift if to.is_none() => {
            Some(Unfit::NoSuchRegion)
        }
        MoveKind::Failover | MoveKind::Switchover => {
            let there = sight.input.journal.active_region.as_ref() == request.to.as_ref();
            (there && !is_stale(sight, request)).then_some(Unfit::AlreadyActive)
        }
        // Whether it may go there is asked of readings, and of the epoch first.
        MoveKind::TrafficShift if is_stale(sight, request) || !read_enough(sight, request) => {
            shift::is_over(sight, request).then_some(Unfit::AlreadyOver)
        }
        MoveKind::TrafficShift => shift::unfit(sight, request, to?),
        MoveKind::Adopt => None,
    }
}

/// What stands against it, less what it overrides.
fn refusals(sight: &Sight<'_>, request: &Request) -> Vec<Refusal> {
    let asker = Asker::Person {
        overrides: &request.overrides,
        allow_loss: request.allow_loss,
    };
    match request.kind {
        MoveKind::Failover => refuse::against(sight, asker),
        MoveKind::Switchover => {
            let overrides = &request.overrides;
            refuse::against(sight, Asker::Planned { overrides })
        }
        MoveKind::TrafficShift => refuse::against_shift(sight, asker),
        MoveKind::Adopt => adopt_by_request::refusals(sight, request).into_iter().collect(),
        MoveKind::Drill => Vec::new(),
    }
}

/// What prevents a planned move, once everything has been read.
fn blocked(sight: &Sight<'_>, request: &Request) -> Vec<Blocker> {
    match request.kind {
        MoveKind::Switchover if read_enough(sight, request) => switchover::blocked(sight),
        MoveKind::Switchover | MoveKind::Failover | MoveKind::Adopt | MoveKind::TrafficShift | MoveKind::Drill => {
            Vec::new()
        }
    }
}

/// What a planned move still needs before it begins.
fn awaited(sight: &Sight<'_>, request: &Request) -> Option<Awaited> {
    match request.kind {
        MoveKind::Switchover => switchover::awaits(sight.facts.as_ref()?),
        MoveKind::Failover | MoveKind::Adopt | MoveKind::TrafficShift | MoveKind::Drill => None,
    }
}

/// Made for another epoch: one that was synced again from Git never runs again.
fn is_stale(sight: &Sight<'_>, request: &Request) -> bool {
    request
        .expected_epoch
        .is_some_and(|expected| expected != sight.input.journal.epoch)
}

/// Whether enough was read to say no, or yes: after a start nothing has been, and that is no evidence.
fn read_enough(sight: &Sight<'_>, request: &Request) -> bool {
    match request.kind {
        MoveKind::Adopt => adopt_by_request::read_enough(sight, request),
        MoveKind::Failover | MoveKind::Switchover | MoveKind::TrafficShift | MoveKind::Drill => {
            let round = |facts: &Facts| {
                facts.round.is_some() && super::block::all_read(sight) && seen_lately(sight, facts, request)
            };
            match &sight.facts {
                Some(facts) => round(facts),
                // An adoption under way may still find the writer.
                None => {
                    sight.input.shop.policy.mode == Mode::Observe
                        || wait::wait(sight, super::levels(sight)) == Some(Wait::Adoption)
                }
            }
        }
    }
}

/// Where many shops share a quota users' view may be old, and the loss would be counted until now: it is read first, which
/// a person need not wait for who overrides the queue.
fn seen_lately(sight: &Sight<'_>, facts: &Facts, request: &Request) -> bool {
    let paced = match sight.input.turn {
        Turn::AtEase => false,
        Turn::Called | Turn::NextMinute(_) | Turn::Queued(_) => !request.overrides.contains(&Override::Paced),
    };
    let lately = facts
        .a
        .edge
        .read
        .is_some_and(|read| since(read, sight.input.now.wall) <= FRESH_CLOUD);
    request.kind != MoveKind::Failover || !paced || lately
}

/// An adoption ends a move in flight, but a promotion that may have been sent is seen through first.
fn sees_through(sight: &Sight<'_>, request: &Request) -> bool {
    request.kind == MoveKind::Adopt && adopt_by_request::sees_through(sight)
}

/// How the journal names a request.
pub(super) fn named(request: &Request) -> RequestRef {
    RequestRef {
        name: request.name.clone(),
        uid: request.uid.clone(),
        overrides: request.overrides.clone(),
        allow_data_loss_seconds: request
            .allow_loss
            .map(|loss| i64::try_from(loss.as_secs()).unwrap_or(i64::MAX)),
    }
}
