//! Adoption by a person's request: they name the active region, and name, traffic and fences follow.

use super::phases::REPOINTING_AT_MOST;
use super::{Sight, adopt, asked, rollback, standpoint, traffic};
use crate::journal::{Journal, Move, MoveKind, MoveOutcome, Obligation, ObligationKind, Phase, PhaseTime};
use crate::places::Places;
use crate::refusal::Refusal;
use crate::request::{Request, RequestRef};
use crate::side::Side;
use crate::time::after;

/// The next entry: first the end of a move in flight, then the adoption itself.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    let request = asked::open(sight).find(|request| {
        request.kind == MoveKind::Adopt && matches!(asked::asked(sight, request), asked::Asked::Begins)
    })?;
    if let Some(current) = sight.input.journal.in_flight() {
        return Some(ended(sight, current));
    }
    if sight.input.shop.edit_waits {
        // What the edit waited for may never come, in a region that is gone for good: the way out takes the spec as it is.
        let journal = sight.input.journal;
        return journal.places.is_some().then(|| Journal {
            places: None,
            ..journal.clone()
        });
    }
    let active = sight.side(request.to.as_ref())?;
    Some(begin(sight, active, asked::named(request)))
}

/// Nothing else stands against an adoption: it is the way out.
pub(super) fn refusals(sight: &Sight<'_>, request: &Request) -> Option<Refusal> {
    let side = sight.side(request.to.as_ref())?;
    let view = sight.input.actual.instance(side)?;
    view.source.is_some().then_some(Refusal::UnknownActive)
}

/// Each API was asked once: what is silent is no reason to wait.
pub(super) fn read_enough(sight: &Sight<'_>, request: &Request) -> bool {
    let actual = sight.input.actual;
    request.to.is_some()
        && Side::BOTH.into_iter().all(|side| actual.instances[side].is_some())
        && actual.names.is_some()
        && actual.balancers.iter().all(Option::is_some)
}

/// Whether a promotion of the move in flight may have been sent and has not shown yet.
pub(super) fn sees_through(sight: &Sight<'_>) -> bool {
    sight
        .input
        .journal
        .in_flight()
        .is_some_and(|m| m.phase == Phase::Promoting && sight.input.journal.active_region.as_ref() == Some(&m.from))
}

/// The move in flight, ended by a person who says where the writer is.
fn ended(sight: &Sight<'_>, current: &Move) -> Journal {
    let because = "a person named the active region";
    match current.phase {
        Phase::Requested | Phase::Preparing | Phase::Excluding => {
            rollback::undone(sight, current, MoveOutcome::Aborted, because)
        }
        // What was promoted stays promoted: the adoption that follows says what becomes of it.
        Phase::Promoting | Phase::Repointing | Phase::Verifying | Phase::Holding => {
            let mut journal = sight.input.journal.clone();
            let mut end = current.clone();
            end.outcome = Some(MoveOutcome::Aborted);
            end.because = Some(because.into());
            end.since = sight.input.now.wall;
            end.deadline = None;
            journal.end_move(end);
            journal.cool_down_until = Some(after(sight.input.now.wall, sight.input.shop.policy.cool_down));
            journal
        }
    }
}

/// The entry that makes W known, at an epoch above all that anybody has seen.
fn begin(sight: &Sight<'_>, active: Side, request: RequestRef) -> Journal {
    let input = sight.input;
    let now = input.now.wall;
    let (to, from) = (&input.shop.regions[active], &input.shop.regions[active.other()]);
    let mut journal = input.journal.clone();
    journal.epoch = adopt::next_epoch(sight);
    journal.last_number = journal.epoch;
    journal.active_region = Some(to.name.clone());
    journal.name_epoch = Some(journal.epoch);
    journal.adopting_since = None;
    journal.takes_over = sight.foreign_owner();
    // A person says that these instances are the ones.
    journal.resource_ids.clear();
    // What is owed about an instance that the spec no longer lists is the person's own affair now.
    journal
        .obligations
        .retain(|owed| owed.region == from.name && owed.instance == from.instance);
    journal.places = Some(Places::of(input.shop));
    journal.obligations.push(Obligation {
        kind: ObligationKind::Unfence,
        region: to.name.clone(),
        instance: to.instance.clone(),
        number: journal.epoch,
        since: now,
    });
    traffic_follows(sight, active, &mut journal);
    journal.current = Some(Move {
        number: journal.epoch,
        kind: MoveKind::Adopt,
        from: from.name.clone(),
        to: to.name.clone(),
        from_instance: from.instance.clone(),
        to_instance: to.instance.clone(),
        diagnosis: sight.diagnosis,
        automatic: false,
        phase: Phase::Repointing,
        since: now,
        deadline: Some(after(now, REPOINTING_AT_MOST)),
        first_down: None,
        loss: None,
        licence: None,
        promoted_at: None,
        repointed_at: None,
        verified_at: None,
        write_stop: None,
        outcome: None,
        request: Some(request),
        approval: None,
        because: None,
        steps: vec![PhaseTime {
            phase: Phase::Repointing,
            at: now,
        }],
    });
    journal
}

/// The other region is excluded unless its instance follows W: it may take writes that nobody will ever see again.
fn traffic_follows(sight: &Sight<'_>, active: Side, journal: &mut Journal) {
    let other = active.other();
    let follows = sight
        .input
        .actual
        .instance(other)
        .is_some_and(|view| standpoint::names_as_source(view, sight.input, active));
    journal.front = Some(sight.region(active).clone());
    if follows {
        journal.excluded = None;
        return;
    }
    if journal.excluded.as_ref() != Some(sight.region(other)) {
        journal.saved_steering = traffic::to_save_beside(sight, other, &journal.saved_steering);
        journal.excluded = Some(sight.region(other).clone());
    }
}
