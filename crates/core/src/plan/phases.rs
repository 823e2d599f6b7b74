//! The phases of a failover: when one ends and the next begins.

use super::begin::PREPARING_AT_MOST;
use super::{Sight, approval, excluding, promoting, refuse, rollback, standpoint, switchover};
use crate::facts::{Facts, ProofVote};
use crate::journal::{Journal, Move, MoveKind, MoveOutcome, Obligation, ObligationKind, Phase, PhaseTime};
use crate::loss;
use crate::side::Side;
use crate::time::{after, since};
use jiff::Timestamp;
use std::time::Duration;

/// How long the old writer may take to become read-only before the move goes on without it.
const READ_ONLY_PATIENCE: Duration = Duration::from_secs(20);
/// How long the name may take before a person is called; it is retried for ever.
pub(super) const REPOINTING_AT_MOST: Duration = Duration::from_secs(1800);
/// How long the new writer may take to be seen taking writes.
const VERIFYING_AT_MOST: Duration = Duration::from_secs(600);

/// The next entry of the move in flight.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    let Some(current) = sight.input.journal.in_flight() else {
        return verified_late(sight);
    };
    if current.awaits_approval() {
        return approval::awaited(sight, current);
    }
    if let Some(undone) = rollback::entry(sight, current) {
        return Some(undone);
    }
    // A promotion that shows in an earlier phase counts as the move's.
    if let Some(shown) = promoting::shown(sight, current) {
        return Some(shown);
    }
    if sight.input.shop.suspended {
        return None;
    }
    match current.phase {
        Phase::Requested if current.approved_at().is_some() => approval::given(sight, current),
        Phase::Requested => Some(preparing(sight, current)),
        Phase::Preparing if current.kind == MoveKind::Switchover => switchover::prepared(sight, current),
        Phase::Preparing => prepared(sight, current),
        Phase::Excluding => excluding::entry(sight, current),
        Phase::Promoting => promoting::entry(sight, current),
        Phase::Repointing => repointed(sight, current),
        Phase::Verifying => verified(sight, current),
        Phase::Holding => None,
    }
}

/// The same journal with its move in another phase.
pub(super) fn with_phase(sight: &Sight<'_>, current: &Move, phase: Phase, at_most: Duration) -> Journal {
    let now = sight.input.now.wall;
    let mut journal = sight.input.journal.clone();
    let mut next = current.clone();
    next.phase = phase;
    next.since = now;
    next.deadline = Some(after(now, at_most));
    next.steps.push(PhaseTime { phase, at: now });
    // A move that goes back and forth must not grow the journal without bound.
    if next.steps.len() > 32 {
        next.steps.remove(1);
    }
    journal.current = Some(next);
    journal
}

/// Preparing; where the old writer's API answers, the obligation to undo its read-only state stands before the call.
pub(super) fn preparing(sight: &Sight<'_>, current: &Move) -> Journal {
    let mut journal = with_phase(sight, current, Phase::Preparing, PREPARING_AT_MOST);
    let from = sight.input.shop.side(&current.from);
    if from.is_some_and(|side| {
        sight
            .input
            .actual
            .instance(side)
            .is_some_and(super::fence::may_change_group)
    }) {
        let owed = journal
            .obligations
            .iter()
            .any(|o| o.kind == ObligationKind::Unfence && o.region == current.from);
        if !owed {
            journal.obligations.push(Obligation {
                kind: ObligationKind::Unfence,
                region: current.from.clone(),
                instance: current.from_instance.clone(),
                number: current.number,
                since: sight.input.now.wall,
            });
        }
    }
    switchover::bound(sight, &mut journal);
    journal
}

/// Preparing ends when the old writer is read-only, or does not answer, or has had its 20 s, and one fresh round agrees.
fn prepared(sight: &Sight<'_>, current: &Move) -> Option<Journal> {
    let waited = since(current.since, sight.input.now.wall);
    if waiting_for_read_only(sight, current) && waited < READ_ONLY_PATIENCE {
        return None;
    }
    let facts = sight.facts.as_ref()?;
    (round_after(facts, current.since) && agrees(sight, current)).then(|| excluding::begin(sight, current))
}

/// The old writer was asked to become read-only, and does not show it yet.
pub(super) fn waiting_for_read_only(sight: &Sight<'_>, current: &Move) -> bool {
    let owed = sight
        .input
        .journal
        .obligations
        .iter()
        .any(|o| o.kind == ObligationKind::Unfence && o.number == current.number);
    let Some(side) = sight.input.shop.side(&current.from).filter(|_| owed) else {
        return false;
    };
    !super::fence::reads_read_only(sight, side)
}

/// Whether every source has been asked since then.
pub(super) fn round_after(facts: &Facts, then: Timestamp) -> bool {
    facts.round.is_some_and(|round| round > then)
}

/// Whether the evidence still calls for the move, where the controller decided it by itself, and nothing refuses.
pub(super) fn agrees(sight: &Sight<'_>, current: &Move) -> bool {
    (!current.automatic || sight.diagnosis.calls_for_promotion()) && refuse::against_going_on(sight).next().is_none()
}

/// The loss as the evidence stands now; a planned move waits until there is none.
pub(super) fn anew(sight: &Sight<'_>, current: &Move) -> Move {
    let mut next = current.clone();
    if current.kind != MoveKind::Switchover
        && let Some(loss) = sight
            .facts
            .as_ref()
            .and_then(|facts| loss::estimate(facts, sight.input.now))
    {
        next.loss = Some(loss);
    }
    next
}

/// Repointing, once the promotion is done.
pub(super) fn repointing(sight: &Sight<'_>, current: &Move) -> Journal {
    let mut journal = with_phase(sight, current, Phase::Repointing, REPOINTING_AT_MOST);
    journal.name_epoch = Some(current.number);
    journal
}

/// Repointing ends when name and tags hold, the name is in sync, and one TTL has passed.
fn repointed(sight: &Sight<'_>, current: &Move) -> Option<Journal> {
    // An adopted writer may still be silent, or starting: nothing points at it before it runs.
    if super::name::wanted_endpoint(sight).is_none() || !super::name::holds(sight) || !super::name::tags_hold(sight) {
        return None;
    }
    let in_sync = super::name::in_sync_since(sight)?;
    let ttl = sight.input.shop.writer.ttl;
    (sight.input.now.mono.saturating_sub(in_sync) >= ttl).then(|| {
        let mut journal = with_phase(sight, current, Phase::Verifying, VERIFYING_AT_MOST);
        if let Some(next) = &mut journal.current {
            next.repointed_at = Some(sight.input.now.wall);
        }
        journal
    })
}

/// Verifying ends when the new writer is seen to take writes, or after 10 min without; never back by itself.
fn verified(sight: &Sight<'_>, current: &Move) -> Option<Journal> {
    let facts = sight.facts.as_ref()?;
    let takes_writes = seen_to_write(sight, facts, current);
    let late = current
        .deadline
        .is_some_and(|deadline| sight.input.now.wall >= deadline);
    (takes_writes || late).then(|| completed(sight, current, takes_writes))
}

/// Whether the writer was seen to take writes since this phase, or this end, began.
fn seen_to_write(sight: &Sight<'_>, facts: &Facts, current: &Move) -> bool {
    round_of_views(facts, current) && (facts.proof.value == ProofVote::Up || writer_services_up(sight, facts))
}

/// An adoption that ended before its writer was seen to take writes: what it owes is opened once that is seen.
fn verified_late(sight: &Sight<'_>) -> Option<Journal> {
    let ended = sight.input.journal.current.as_ref()?;
    let unverified =
        ended.kind == MoveKind::Adopt && ended.outcome == Some(MoveOutcome::Completed) && ended.verified_at.is_none();
    let facts = sight.facts.as_ref().filter(|_| unverified)?;
    seen_to_write(sight, facts, ended).then(|| completed(sight, ended, true))
}

/// The views that verify must be of after the name has moved.
fn round_of_views(facts: &Facts, current: &Move) -> bool {
    facts.a.probe.read.is_some_and(|read| read > current.since)
        || facts.proof.read.is_some_and(|read| read > current.since)
}

/// The new region's critical services answer, one that needs the writer among them.
fn writer_services_up(sight: &Sight<'_>, facts: &Facts) -> bool {
    let needing = sight.input.shop.regions[facts.active]
        .services
        .iter()
        .any(|service| service.needs_writer && service.critical);
    needing && facts.a.critical_up
}

fn completed(sight: &Sight<'_>, current: &Move, takes_writes: bool) -> Journal {
    let now = sight.input.now.wall;
    let mut journal = sight.input.journal.clone();
    let mut ended = current.clone();
    ended.outcome = Some(MoveOutcome::Completed);
    ended.since = now;
    ended.deadline = None;
    ended.verified_at = takes_writes.then_some(now);
    journal.end_move(ended);
    // A person who names the active region moves nothing: the shop is protected from then on, unless what an adoption owes
    // binds, or the cool-down of a move before it.
    if current.kind != MoveKind::Adopt {
        journal.cool_down_until = Some(after(now, sight.input.shop.policy.cool_down));
    }
    for kind in owed_at_the_end(sight, current, takes_writes) {
        journal.obligations.push(Obligation {
            kind: *kind,
            region: current.from.clone(),
            instance: current.from_instance.clone(),
            number: current.number,
            since: now,
        });
    }
    journal
}

/// What a move leaves to be done in the region that it left. An adoption owes nothing where the other region still
/// follows, and fences nobody before the adopted writer was seen to take writes.
fn owed_at_the_end(sight: &Sight<'_>, current: &Move, takes_writes: bool) -> &'static [ObligationKind] {
    use ObligationKind::{FenceFormerWriter, RebuildStandby};
    match current.kind {
        MoveKind::Adopt if sight.input.journal.excluded.as_ref() != Some(&current.from) => &[],
        MoveKind::Adopt if takes_writes || nobody_could_tell(sight) => &[FenceFormerWriter, RebuildStandby],
        MoveKind::Adopt => &[],
        MoveKind::Failover | MoveKind::Switchover => &[RebuildStandby],
        MoveKind::TrafficShift | MoveKind::Drill => &[],
    }
}

/// A shop that shows nobody whether its writer takes writes: neither a proof nor a critical service that needs it.
fn nobody_could_tell(sight: &Sight<'_>) -> bool {
    Side::BOTH.into_iter().all(|side| {
        let region = &sight.input.shop.regions[side];
        let needing = |service: &crate::shop::Service| service.needs_writer && service.critical;
        region.proof.is_none() && !region.services.iter().any(needing)
    })
}

/// The side that a move goes to, as the spec lists it now.
pub(super) fn target(sight: &Sight<'_>, current: &Move) -> Option<Side> {
    let side = sight.input.shop.side(&current.to)?;
    (sight.input.shop.regions[side].instance == current.to_instance).then_some(side)
}

/// Whether the target still follows the old writer.
pub(super) fn still_replica(sight: &Sight<'_>, side: Side) -> bool {
    sight
        .input
        .actual
        .instance(side)
        .is_some_and(|view| standpoint::names_as_source(view, sight.input, side.other()))
}
