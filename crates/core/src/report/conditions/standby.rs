//! `StandbyReady` and `Protected`: the alerts of a quiet day.

use super::condition;
use crate::actual::Read;
use crate::decision::{Decision, LevelState, Next, Wait};
use crate::facts::{InstanceVote, LinkVote, ProbeVote};
use crate::journal::{Move, MoveKind};
use crate::plan::Input;
use crate::reading::BalancerView;
use crate::refusal::{Blocker, Refusal};
use crate::report::{Condition, ConditionStatus, words};
use crate::shop::Mode;
use crate::side::Side;

pub(super) fn standby_ready(input: &Input<'_>, decision: &Decision) -> Condition {
    if input.journal.active_region.is_none() && input.shop.policy.mode != Mode::Observe {
        return condition(
            "StandbyReady",
            ConditionStatus::Unknown,
            "Adopting",
            "the shop is not adopted yet".into(),
        );
    }
    if decision.facts.is_none() {
        return condition(
            "StandbyReady",
            ConditionStatus::Unknown,
            "UnknownActive",
            "the active region is not known".into(),
        );
    }
    // What is about to be promoted is nobody's standby any more: said in the write that declares the move.
    let uses_it = |current: &&Move| matches!(current.kind, MoveKind::Failover | MoveKind::Switchover);
    if input.journal.in_flight().filter(uses_it).is_some() {
        let named = words::refusal(input, &Refusal::MoveInFlight);
        return condition("StandbyReady", ConditionStatus::False, named.name, named.message);
    }
    // While a standby is owed everything else about it follows from that.
    let is_owed = |blocker: &&Blocker| decision.rebuilding.is_some() && **blocker == Blocker::ObligationOpen;
    let owed = decision.blockers.iter().find(is_owed);
    match owed.or_else(|| decision.blockers.iter().find(|blocker| blocker.prevents())) {
        Some(blocker) => condition(
            "StandbyReady",
            ConditionStatus::False,
            blocker.name(),
            words::blocker(input, decision, blocker).message,
        ),
        None if matches!(decision.next, Next::Wait(Wait::FirstReadings)) => condition(
            "StandbyReady",
            ConditionStatus::Unknown,
            "FirstReadings",
            "not everything has been read yet; it takes a minute or two".into(),
        ),
        None if unknown(input, decision).is_some() => condition(
            "StandbyReady",
            ConditionStatus::Unknown,
            "NotRead",
            unknown(input, decision)
                .map(|what| unknown_words(input, decision, what))
                .unwrap_or_default()
                .into(),
        ),
        None => condition(
            "StandbyReady",
            ConditionStatus::True,
            "NoBlocker",
            words::failback(input, decision).unwrap_or_else(|| "a move could go well now".into()),
        ),
    }
}

/// What a move rests on, and nobody knows now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Unknown {
    /// Whether the replica follows.
    Link,
    /// What state the standby's instance is in.
    Instance,
    /// Whether the standby's services answer.
    Services,
    /// What this load balancer, by its place in the spec, says.
    Balancer(usize),
    /// What the writer's name and our TXT say.
    Names,
}

/// The first of what is not known: that permits nothing, and is no alarm about the standby either.
pub(in crate::report) fn unknown(input: &Input<'_>, decision: &Decision) -> Option<Unknown> {
    let facts = decision.facts.as_ref()?;
    let actual = input.actual;
    let is_read = |read: &Option<Read<BalancerView>>| read.as_ref().is_some_and(|read| read.present().is_some());
    if facts.b.instance.value == InstanceVote::Unknown {
        Some(Unknown::Instance)
    } else if facts.link.value == LinkVote::Unknown {
        Some(Unknown::Link)
    } else if facts.b.probe.value == ProbeVote::Unknown {
        Some(Unknown::Services)
    } else if let Some(index) = actual.balancers.iter().position(|read| !is_read(read)) {
        Some(Unknown::Balancer(index))
    } else {
        actual.names().is_none().then_some(Unknown::Names)
    }
}

fn unknown_words(input: &Input<'_>, decision: &Decision, what: Unknown) -> String {
    let shop = input.shop;
    let b = decision
        .facts
        .as_ref()
        .map_or(Side::Secondary, |facts| facts.active.other());
    let (b, instance) = (&shop.regions[b].name, &shop.regions[b].instance);
    let (so, look) = match what {
        Unknown::Instance => (
            format!("RDS of {b} says nothing about {instance} that counts"),
            "Look at that API, and at the class's role".to_owned(),
        ),
        Unknown::Link => (
            format!("nothing tells whether {instance} in {b} follows the writer"),
            format!("Look at its ReplicaLag in CloudWatch and at RDS of {b}"),
        ),
        Unknown::Services => (
            format!(
                "no service of {b} has a vote: they answer with redirects, refusals or bad certificates, or were not asked yet"
            ),
            "Check their urls".to_owned(),
        ),
        Unknown::Balancer(index) => (
            format!(
                "load balancer {} cannot be read",
                shop.balancers.get(index).map_or("?", |id| id)
            ),
            "Look at Cloudflare's API and at the class's token".to_owned(),
        ),
        Unknown::Names => (
            "Route 53 cannot be read".to_owned(),
            "Look at its API and at the class's role".to_owned(),
        ),
    };
    format!("{so}; it is asked again by itself. What is not known permits no move. {look} if it stays.")
}

pub(super) fn protected(input: &Input<'_>, decision: &Decision, standby: &Condition) -> Condition {
    // What does not end by itself is told first.
    let lasting = decision
        .refusals
        .iter()
        .find(|refusal| matches!(refusal, Refusal::ObligationOpen));
    let passing = decision.refusals.iter().find(|refusal| match refusal {
        Refusal::ObserveMode
        | Refusal::AwaitingApproval
        | Refusal::Suspended
        | Refusal::Frozen { .. }
        | Refusal::CoolDown { .. }
        | Refusal::OwnedElsewhere { .. }
        | Refusal::UnknownActive
        | Refusal::MoveInFlight
        | Refusal::ObligationOpen => true,
        Refusal::Quarantine
        | Refusal::NotHeld { .. }
        | Refusal::LossUnknown
        | Refusal::LossOverBudget { .. }
        | Refusal::StandbyMissing
        | Refusal::StandbyBusy { .. }
        | Refusal::StandbyNotReplica
        | Refusal::StandbyServicesDown
        | Refusal::TrafficNotMoved { .. }
        | Refusal::NameUnmovable
        | Refusal::Paced(_)
        | Refusal::StaleEpoch => false,
    });
    if let Some(refusal) = lasting.or(passing) {
        let named = words::refusal(input, refusal);
        return condition("Protected", ConditionStatus::False, named.name, named.message);
    }
    if standby.status != ConditionStatus::True {
        return condition(
            "Protected",
            ConditionStatus::False,
            standby.reason,
            standby.message.clone(),
        );
    }
    let settled = decision.levels.traffic == LevelState::Holds && decision.levels.name == LevelState::Holds;
    if !settled || input.journal.active_region.is_none() {
        return condition(
            "Protected",
            ConditionStatus::False,
            "FirstReadings",
            "load balancers or names are not known to be as they should be".into(),
        );
    }
    condition(
        "Protected",
        ConditionStatus::True,
        "Protected",
        "a dead region would be left by itself".into(),
    )
}
