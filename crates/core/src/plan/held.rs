//! Time: whether the Down votes of the diagnosis have been held for as long as its windows ask.

use super::Sight;
use crate::diagnose::{database_down_by_darkness, database_down_by_proof};
use crate::diagnosis::Diagnosis;
use crate::facts::{Facts, LinkVote, Vote};
use crate::shop::Policy;
use crate::time::after;
use crate::window::CONFIRM_APART;
use jiff::Timestamp;
use std::time::Duration;

/// Whether a promotion's votes have been held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// They have.
    Yes,
    /// They will have been by then, if nothing changes.
    Until(Timestamp),
    /// This diagnosis promotes nothing, however long it lasts.
    Never,
}

/// How it stands with the diagnosis of this sight. A time that has passed is told to nobody: the votes are held by the
/// clock, and the reading that shows it is still to come.
pub(super) fn held(sight: &Sight<'_>, facts: &Facts) -> Held {
    match by_votes(sight, facts) {
        Held::Until(until) if until <= sight.input.now.wall => Held::Until(Timestamp::MAX),
        held @ (Held::Yes | Held::Until(_) | Held::Never) => held,
    }
}

fn by_votes(sight: &Sight<'_>, facts: &Facts) -> Held {
    let policy = &sight.input.shop.policy;
    match sight.diagnosis {
        Diagnosis::RegionDown => all([
            vote(&facts.a.probe, policy.promote_after),
            vote(&facts.a.edge, CONFIRM_APART),
            link(facts),
            vote(&facts.a.instance, CONFIRM_APART),
        ]),
        Diagnosis::DatabaseDown => database(facts, policy),
        Diagnosis::ObserverSuspect
        | Diagnosis::Maintenance
        | Diagnosis::WriterRefuses
        | Diagnosis::ServicesDownEverywhere
        | Diagnosis::ServicesDown
        | Diagnosis::ViewsDisagree
        | Diagnosis::ServicesDegraded
        | Diagnosis::ReplicationBroken
        | Diagnosis::StandbyDegraded
        | Diagnosis::Healthy
        | Diagnosis::Inconclusive => Held::Never,
    }
}

/// Either way of knowing may be held first.
fn database(facts: &Facts, policy: &Policy) -> Held {
    let agreed = if facts.link.value == LinkVote::Broken {
        link(facts)
    } else {
        vote(&facts.a.instance, CONFIRM_APART)
    };
    let by_proof = if database_down_by_proof(facts) {
        all([vote(&facts.proof, policy.database_grace), agreed])
    } else {
        Held::Never
    };
    let by_darkness = if database_down_by_darkness(facts) {
        all([
            vote(&facts.a.out, policy.database_grace),
            vote(&facts.a.writer_services_down, policy.database_grace),
            vote(&facts.a.edge, CONFIRM_APART),
            link(facts),
        ])
    } else {
        Held::Never
    };
    all([either(by_proof, by_darkness), after_routine(facts, policy)])
}

/// A routine state takes the database down by itself: what was seen meanwhile says nothing against it, and the grace
/// begins when the state ends.
fn after_routine(facts: &Facts, policy: &Policy) -> Held {
    let Some(read) = facts.a.routine_read else {
        return Held::Yes;
    };
    let until = after(read, policy.database_grace);
    if facts.a.instance.read.is_some_and(|now| now >= until) {
        Held::Yes
    } else {
        Held::Until(until)
    }
}

/// Since when a routine state has kept the shop from its database, once that is longer than its grace.
pub(super) fn routine_too_long(sight: &Sight<'_>) -> Option<Timestamp> {
    let facts = sight
        .facts
        .as_ref()
        .filter(|_| sight.diagnosis == Diagnosis::Maintenance)?;
    let routine = facts.a.instance.since?;
    let began = facts.trouble.map_or(routine, |trouble| trouble.max(routine));
    (sight.input.now.wall >= after(began, sight.input.shop.policy.routine_grace)).then_some(began)
}

fn either(one: Held, other: Held) -> Held {
    match (one, other) {
        (Held::Yes, _) | (_, Held::Yes) => Held::Yes,
        (Held::Until(one), Held::Until(other)) => Held::Until(one.min(other)),
        (Held::Until(one), Held::Never) | (Held::Never, Held::Until(one)) => Held::Until(one),
        (Held::Never, Held::Never) => Held::Never,
    }
}

/// It is confirmed by a second reading, however long ago it broke.
fn link(facts: &Facts) -> Held {
    let confirming = Vote {
        since: facts.link_agreed,
        ..facts.link
    };
    vote(&confirming, CONFIRM_APART)
}

fn vote<V>(vote: &Vote<V>, needed: Duration) -> Held {
    if vote.held >= needed {
        return Held::Yes;
    }
    Held::Until(vote.since.map_or(Timestamp::MAX, |since| after(since, needed)))
}

fn all<const N: usize>(parts: [Held; N]) -> Held {
    parts.into_iter().fold(Held::Yes, |so_far, part| match (so_far, part) {
        (Held::Never, _) | (_, Held::Never) => Held::Never,
        (Held::Until(one), Held::Until(other)) => Held::Until(one.max(other)),
        (Held::Until(one), Held::Yes) | (Held::Yes, Held::Until(one)) => Held::Until(one),
        (Held::Yes, Held::Yes) => Held::Yes,
    })
}
