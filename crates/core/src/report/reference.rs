//! What `docs/reference.md` is made of: every name that status, events and records can show, with the words that people
//! read there, made for an example shop.

mod example;

use super::{NamedReason, words};
use crate::diagnosis::Diagnosis;
use crate::facts::{InstanceVote, Unverified};
use crate::journal::{MoveOutcome, ObligationKind, Phase};
use crate::pacing::Place;
use crate::plan::plan;
use crate::refusal::{Blocker, LongTtl, PoolAbsence, Refusal};
use crate::request::Unfit;
use crate::side::Side;
use example::Example;
use std::collections::BTreeSet;

/// A refusal, as people meet it.
#[derive(Clone, Debug)]
pub struct RefusalEntry {
    /// Its name and the words of an example.
    pub said: NamedReason,
    /// Whether a person may override it by its name.
    pub overridable: bool,
    /// Whether it stands against automatic moves only.
    pub automatic_alone: bool,
    /// Whether a request waits for its end.
    pub ends_by_itself: bool,
}

/// Every refusal.
#[must_use]
pub fn refusals() -> Vec<RefusalEntry> {
    let example = Example::new();
    let input = example.input();
    example_refusals(&example)
        .iter()
        .map(|refusal| RefusalEntry {
            said: words::refusal(&input, refusal),
            overridable: refusal.overridden_by().is_some(),
            automatic_alone: refusal.binds_automatic_alone(),
            ends_by_itself: refusal.ends_by_itself(),
        })
        .collect()
}

/// Every blocker; risks have `prevents: false`.
#[must_use]
pub fn blockers() -> Vec<NamedReason> {
    let example = Example::new();
    let input = example.input();
    let decision = plan(&input);
    example_blockers(&example)
        .iter()
        .map(|blocker| words::blocker(&input, &decision, blocker))
        .collect()
}

/// Every reason why a request asks for what cannot be.
#[must_use]
pub fn unfits() -> Vec<(&'static str, String)> {
    let example = Example::new();
    let input = example.input();
    let there = Side::Secondary;
    let all = [
        Unfit::NoSuchRegion,
        Unfit::AlreadyActive,
        Unfit::TypeNotOffered,
        Unfit::AlreadyOver,
        Unfit::ServicesNotUp(there),
        Unfit::PoolNotUsable(there),
        Unfit::OrderIgnored,
    ];
    all.into_iter()
        .map(|unfit| (unfit.name(), super::answered::unfit_words(&input, unfit)))
        .collect()
}

/// The conditions of a Storefront in the order in which status lists them, and when each is True.
pub const CONDITIONS: &[(&str, &str)] = &[
    (
        "Ready",
        "this generation was observed, identities and permissions resolve, and traffic and name are as they should be (in Observe or suspended: are watched). What is owed does not count",
    ),
    (
        "Reconciling",
        "a bounded move is in flight, a request waits, or the generation is not yet observed",
    ),
    ("Stalled", "a person must act: the message says what to do"),
    (
        "StandbyReady",
        "no blocker prevents a good move: the alert of a quiet day. Unknown while something that a move rests on is not known",
    ),
    (
        "Protected",
        "a dead region would be left by itself: mode Automatic, StandbyReady, and nothing suspends, freezes, cools down or owns the shop elsewhere",
    ),
    (
        "ActiveRegionHealthy",
        "the diagnosis is Healthy, ReplicationBroken or StandbyDegraded; Unknown for ObserverSuspect and Inconclusive",
    ),
    ("Replicating", "the standby's database follows the writer"),
    ("TrafficAligned", "the load balancers say what they should"),
    (
        "WriterNameAligned",
        "the writer's name and our TXT record say what they should",
    ),
    (
        "ObjectivesMet",
        "a failover now would keep within `spec.objectives`, as far as can be forecast",
    ),
    ("Verified", "the last move's new writer was seen to take writes"),
    ("MoveInFlight", "a move is in flight (abnormal)"),
    ("FenceRequired", "a former writer may still take writes (abnormal)"),
];

/// Reasons of conditions that are neither a diagnosis, a refusal, a blocker, a phase nor an end of a move.
pub const REASONS: &[(&str, &str)] = &[
    (
        "Adopting",
        "the shop is being claimed and its writer looked for; takes some minutes",
    ),
    ("Aligned", "the world is as it should be"),
    (
        "Broken",
        "the link is broken, close enough to the trouble to be evidence",
    ),
    (
        "BrokenOfOld",
        "the link has been broken for long: a broken standby, not a dead writer",
    ),
    (
        "Contested",
        "somebody keeps putting back what we set; three times in 15 minutes",
    ),
    (
        "Deleting",
        "the object goes: what a move began is undone first, then our TXT record and tags are removed",
    ),
    ("Differs", "being brought to what it should be"),
    (
        "FenceFormerWriter",
        "the former writer may still take writes; it is fenced as soon as its API answers",
    ),
    ("FirstReadings", "not everything has been read yet"),
    ("Flowing", "the standby follows"),
    ("FormerWriterUnfenced", "the former writer may still take writes"),
    ("FreshEvidence", "a request waits for fresh readings"),
    ("InProgress", "a step of a move is awaited"),
    (
        "InstanceNotFound",
        "RDS does not know an instance that the spec names; nobody can tell where the writer is",
    ),
    ("LagUnknown", "the lag is not known, so nothing can be forecast"),
    (
        "LatePromotion",
        "a promotion took effect after its move had been rolled back; CRITICAL",
    ),
    (
        "LinkUnknown",
        "a planned move waits until the replica is seen to follow",
    ),
    ("MayBeMissed", "an objective may be missed"),
    ("NoBlocker", "a move could go well now"),
    ("NoMove", "no move has completed"),
    ("None", "nothing of the kind"),
    ("NotRead", "not read yet, or its provider does not answer"),
    (
        "NotSeen",
        "the new writer was not seen to take writes within 10 minutes: place a test order",
    ),
    ("OnlyWatched", "mode Observe watches and changes nothing"),
    (
        "Overdue",
        "a move has passed a deadline behind its point of no return; the message says where to look",
    ),
    ("Progressing", "no person is needed"),
    ("Protected", "a dead region would be left by itself"),
    ("RebuildStandby", "an earlier move left the shop without a standby"),
    (
        "RoutineTooLong",
        "the writer has been in a routine state of RDS and has answered nobody for longer than `routineGraceSeconds`: a Failover is offered",
    ),
    ("Settled", "nothing bounded is in flight"),
    ("SpecPending", "an edit of identities waits for what is under way"),
    (
        "StorefrontMissing",
        "the request names a Storefront that does not exist",
    ),
    (
        "StorefrontUnreadable",
        "the request names a Storefront that does not decode",
    ),
    ("TakesWrites", "the new writer was seen to take writes"),
    (
        "TrafficMoving",
        "the load balancers are being changed, or cannot be read",
    ),
    ("Unknown", "nobody knows"),
    ("WithinObjectives", "a failover now would keep within the objectives"),
    ("Withdrawn", "the request was withdrawn before it began"),
    (
        "WriterBusy",
        "a planned move waits until the writer's instance is available",
    ),
    (
        "WriterNameWaiting",
        "the writer's name cannot be changed now; it is tried for ever",
    ),
];

/// Reasons that are given where no plan is made: of a manifest that cannot be used, and of a class. Beside these a class
/// says `NotRead` and `TokenScope`.
pub const UNPLANNED: &[(&str, &str)] = &[
    (
        "SpecInvalid",
        "the spec breaks a rule; the shop is neither watched nor moved",
    ),
    (
        "ClassMissing",
        "the class is not there; the shop is neither watched nor moved",
    ),
    (
        "ClassNotAllowed",
        "the class does not admit the namespace; the shop is neither watched nor moved",
    ),
    ("Granted", "of a class: roles assumed, token usable, zones found"),
    (
        "NoIdentity",
        "of a class: the controller has no AWS identity of its own",
    ),
    ("RoleDenied", "of a class: STS refuses the role"),
    ("ClockOff", "of a class: AWS says that our clock is wrong"),
    ("ZoneNotReadable", "of a class: a hosted zone is missing or refused"),
    ("TokenMissing", "of a class: the Cloudflare token is empty"),
    (
        "Unreachable",
        "of a class: a provider does not answer now; it is tried again",
    ),
];

/// One of each, in the order of the list.
fn example_refusals(example: &Example) -> Vec<Refusal> {
    let until = example.later();
    vec![
        Refusal::ObserveMode,
        Refusal::AwaitingApproval,
        Refusal::Suspended,
        Refusal::Frozen {
            name: "black-friday".into(),
            until,
        },
        Refusal::Quarantine,
        Refusal::NotHeld { until },
        Refusal::LossUnknown,
        Refusal::LossOverBudget {
            seconds: 420,
            budget: 300,
        },
        Refusal::StandbyMissing,
        Refusal::StandbyBusy {
            status: "backing-up".into(),
        },
        Refusal::StandbyNotReplica,
        Refusal::StandbyServicesDown,
        Refusal::TrafficNotMoved {
            why: "load balancer 699d98642c564d2e855e9661899b7252 cannot be read".into(),
        },
        Refusal::NameUnmovable,
        Refusal::MoveInFlight,
        Refusal::CoolDown { until },
        Refusal::ObligationOpen,
        Refusal::Paced(Place {
            place: 7,
            per_minute: 20,
            by: until,
        }),
        Refusal::OwnedElsewhere {
            owner: "staging/shops/shop-ca".into(),
        },
        Refusal::UnknownActive,
        Refusal::StaleEpoch,
    ]
}

/// One of each, in the order of the list.
fn example_blockers(example: &Example) -> Vec<Blocker> {
    let balancer = example.shop.balancers[0].clone();
    let pool = example.shop.regions.secondary.pool.clone();
    vec![
        Blocker::LinkBroken,
        Blocker::LagHigh,
        Blocker::LossBudgetTooSmall,
        Blocker::StandbyMissing,
        Blocker::StandbyBusy(InstanceVote::Routine),
        Blocker::StandbyServicesDown,
        Blocker::PoolMissing(PoolAbsence::Pool(pool.clone())),
        Blocker::BalancerMissing(balancer.clone()),
        Blocker::PoolDisabled(pool.clone()),
        Blocker::BalancerDisabled(balancer),
        Blocker::RecordMissing,
        Blocker::RecordForeign,
        Blocker::RecordNotSimple,
        Blocker::OwnerRecordMissing,
        Blocker::InstanceReplaced,
        Blocker::CrdOutdated,
        Blocker::PermissionDenied("rds:DescribeDBInstances in us-west-2".into()),
        Blocker::TokenScope,
        Blocker::NoEdgeView,
        Blocker::ObligationOpen,
        Blocker::ProbeNeverUp,
        Blocker::NoProof,
        Blocker::NameNeedsUsEast1,
        Blocker::BackupsOff,
        Blocker::DefaultParameterGroup,
        Blocker::ParameterGroupShared,
        Blocker::StandbyReadOnlyForced,
        Blocker::TtlLong(LongTtl::Writer),
        Blocker::ObserverInRegion,
        Blocker::SteeringIgnoresOrder,
        Blocker::SteeringTooLarge,
        Blocker::PoolInNoList(pool.clone()),
        Blocker::MonitorSlow(pool),
        Blocker::ObjectiveMissed,
        Blocker::ApproverUnverified(Unverified::Admitted),
    ]
}

/// Every constant that the reason of a condition or a record, a refusal, a blocker or an obligation may be. Each has an
/// entry in `docs/runbook.md`.
#[must_use]
pub fn reasons() -> BTreeSet<&'static str> {
    use strum::VariantNames as _;
    let told = REASONS.iter().chain(UNPLANNED).map(|(reason, _)| *reason);
    let phases = Phase::ALL.iter().map(|phase| phase.name());
    let unfit = unfits().into_iter().map(|(unfit, _)| unfit);
    let variants = [
        Refusal::VARIANTS,
        Blocker::VARIANTS,
        Diagnosis::VARIANTS,
        MoveOutcome::VARIANTS,
        ObligationKind::VARIANTS,
    ];
    let variants = variants.into_iter().flatten().copied();
    told.chain(phases).chain(unfit).chain(variants).collect()
}

/// Whether it is one of [`reasons`].
#[must_use]
pub fn is_reason(name: &str) -> bool {
    reasons().contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::VariantNames as _;

    #[test]
    fn every_variant_is_listed_once() {
        let refused: Vec<&str> = refusals().iter().map(|entry| entry.said.name).collect();
        assert_eq!(refused, Refusal::VARIANTS);
        let blocked: Vec<&str> = blockers().iter().map(|entry| entry.name).collect();
        assert_eq!(blocked, Blocker::VARIANTS);
    }

    #[test]
    fn the_conditions_are_those_of_a_report() {
        let example = Example::new();
        let input = example.input();
        let said: Vec<&str> = super::super::report(&input, &plan(&input))
            .conditions
            .iter()
            .map(|condition| condition.kind)
            .collect();
        let listed: Vec<&str> = CONDITIONS.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(said, listed);
    }

    #[test]
    fn no_words_are_empty_and_no_name_stands_twice() {
        let mut names: Vec<&str> = REASONS.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
        assert!(refusals().iter().all(|entry| entry.said.message.len() > 10));
        assert!(blockers().iter().all(|entry| entry.message.len() > 10));
    }
}
