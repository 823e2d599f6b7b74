//! Sentences: one for each variant, short and concrete.

use super::NamedReason;
use crate::Text;
use crate::decision::{Decision, Missing, Next, Wait};
use crate::diagnosis::Diagnosis;
use crate::facts::{EdgeVote, InstanceVote, LinkVote, ProbeVote, ProofVote};
use crate::journal::{Move, ObligationKind, Phase};
use crate::pacing::Place;
use crate::plan::Input;
use crate::refusal::{Blocker, Refusal};
use jiff::Timestamp;

pub(super) fn probe(vote: ProbeVote) -> &'static str {
    match vote {
        ProbeVote::Up => "Up",
        ProbeVote::Partial => "Partial",
        ProbeVote::Impaired => "Impaired",
        ProbeVote::Down => "Down",
        ProbeVote::Unknown => "Unknown",
    }
}

pub(super) fn edge(vote: EdgeVote) -> &'static str {
    match vote {
        EdgeVote::Up => "Up",
        EdgeVote::Partial => "Partial",
        EdgeVote::Down => "Down",
        EdgeVote::Unknown => "Unknown",
    }
}

pub(super) fn instance(vote: InstanceVote) -> &'static str {
    match vote {
        InstanceVote::Available => "Available",
        InstanceVote::Routine => "Routine",
        InstanceVote::Failed => "Failed",
        InstanceVote::Absent => "Absent",
        InstanceVote::Silent => "Silent",
        InstanceVote::Unknown => "Unknown",
    }
}

pub(super) fn link(vote: LinkVote) -> &'static str {
    match vote {
        LinkVote::Flowing => "Flowing",
        LinkVote::Broken => "Broken",
        LinkVote::BrokenOfOld => "BrokenOfOld",
        LinkVote::Unknown => "Unknown",
    }
}

pub(super) fn proof(vote: ProofVote) -> &'static str {
    match vote {
        ProofVote::Up => "Up",
        ProofVote::Refused => "Refused",
        ProofVote::Down => "Down",
        ProofVote::Unknown => "Unknown",
    }
}

/// A time for people: whole seconds, UTC.
pub(super) fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S UTC").to_string()
}

/// Reason and message of the whole: what is so, what comes next, what a person could do.
pub(super) fn summary(input: &Input<'_>, decision: &Decision) -> (&'static str, Text) {
    if let Some(current) = input.journal.in_flight() {
        return (current.phase.name(), in_flight(input, current, decision).into());
    }
    if let Some(owed) = input.journal.owes(ObligationKind::FenceFormerWriter) {
        let message = format!(
            "The shop runs in {}. The former writer {} in {} may still take writes: it is made read-only and stopped as soon as \
             its API answers; until then {} gets no users. Nothing to do, or stop it by hand.",
            input.journal.active_region.as_deref().unwrap_or("?"),
            owed.instance,
            owed.region,
            owed.region,
        );
        return ("FenceFormerWriter", message.into());
    }
    if let Next::Wait(
        wait @ (Wait::Adoption | Wait::Ownership | Wait::OwnerRecord | Wait::InstancesSteady | Wait::FirstReadings),
    ) = decision.next
    {
        return (wait_reason(wait), adopting(input, wait).into());
    }
    let message = match decision.refusals.iter().find(|refusal| binds(refusal)) {
        Some(refusal) if decision.diagnosis.calls_for_promotion() => {
            format!(
                "{} No failover now: {}",
                diagnosis(input, decision),
                refusal_words(refusal)
            )
        }
        Some(_) | None => match paced(decision) {
            Some(place) => format!(
                "{} Not looked at closely yet: {}",
                diagnosis(input, decision),
                queued(place)
            ),
            None => diagnosis(input, decision),
        },
    };
    (decision.diagnosis.name(), message.into())
}

pub(super) fn paced(decision: &Decision) -> Option<&Place> {
    decision.refusals.iter().find_map(|refusal| match refusal {
        Refusal::Paced(place) => Some(place),
        Refusal::ObserveMode
        | Refusal::AwaitingApproval
        | Refusal::Suspended
        | Refusal::Frozen { .. }
        | Refusal::Quarantine
        | Refusal::NotHeld { .. }
        | Refusal::LossUnknown
        | Refusal::LossOverBudget { .. }
        | Refusal::StandbyMissing
        | Refusal::StandbyBusy { .. }
        | Refusal::StandbyNotReplica
        | Refusal::StandbyServicesDown
        | Refusal::TrafficNotMoved { .. }
        | Refusal::NameUnmovable
        | Refusal::MoveInFlight
        | Refusal::CoolDown { .. }
        | Refusal::ObligationOpen
        | Refusal::OwnedElsewhere { .. }
        | Refusal::UnknownActive
        | Refusal::StaleEpoch => None,
    })
}

fn binds(refusal: &Refusal) -> bool {
    !matches!(refusal, Refusal::MoveInFlight)
}

fn wait_reason(wait: Wait) -> &'static str {
    match wait {
        Wait::Adoption => "UnknownActive",
        Wait::Ownership => "OwnedElsewhere",
        Wait::OwnerRecord | Wait::InstancesSteady => "Adopting",
        Wait::FirstReadings => "FirstReadings",
        Wait::FreshRound
        | Wait::ReadOnly
        | Wait::Exclusion
        | Wait::Promotion
        | Wait::LicenceOver
        | Wait::NameInSync
        | Wait::NameTtl
        | Wait::Route53
        | Wait::Verification
        | Wait::CallInFlight
        | Wait::FormerWriterBack
        | Wait::FormerWriterStopped => "InProgress",
    }
}

fn adopting(input: &Input<'_>, wait: Wait) -> String {
    match wait {
        Wait::Adoption => "Nobody can tell where the writer is: neither instance is the other's replica, and the TXT record names no \
                           running writer. Nothing moves. Check both instances, then name the writer's region with an Adopt request."
            .into(),
        Wait::Ownership => format!(
            "The TXT record _breakwater.{} names another owner. Nothing is touched. Remove the other installation's Storefront, or \
             take over with an Adopt request.",
            input.shop.writer.name
        ),
        Wait::OwnerRecord => format!("Claiming _breakwater.{} in Route 53, which takes up to a minute.", input.shop.writer.name),
        Wait::InstancesSteady => "Waiting until neither instance has changed for two minutes; then the writer's region is adopted.".into(),
        Wait::FirstReadings
        | Wait::FreshRound
        | Wait::ReadOnly
        | Wait::Exclusion
        | Wait::Promotion
        | Wait::LicenceOver
        | Wait::NameInSync
        | Wait::NameTtl
        | Wait::Route53
        | Wait::Verification
        | Wait::CallInFlight
        | Wait::FormerWriterBack
        | Wait::FormerWriterStopped => "Reading the instances, load balancers and names for the first time.".into(),
    }
}

fn in_flight(input: &Input<'_>, current: &Move, decision: &Decision) -> String {
    let until = current
        .deadline
        .map(|at| format!(" Expected by {}.", clock(at)))
        .unwrap_or_default();
    let late = super::overdue(input);
    let what = match current.phase {
        Phase::Requested => format!(
            "{}: moving from {} to {}. Next: one fresh round of evidence.",
            current.diagnosis.name(),
            current.from,
            current.to
        ),
        Phase::Preparing => format!(
            "{}: preparing to move from {} to {}. Next: {} leaves every load balancer. Still undone by itself if {} answers.",
            current.diagnosis.name(),
            current.from,
            current.to,
            current.from,
            current.from
        ),
        Phase::Excluding => format!(
            "Taking {} out of every load balancer and reading that back. Next: the promotion in {}.",
            current.from, current.to
        ),
        Phase::Promoting => format!(
            "The promotion of {} in {} is allowed and sent once; RDS takes minutes to reboot it. There is no way back.",
            current.to_instance, current.to
        ),
        Phase::Repointing => format!(
            "{} is the writer. Pointing {} at it, then one TTL.",
            current.to_instance, input.shop.writer.name
        ),
        Phase::Verifying => format!(
            "{} points at {}. Waiting to see it take writes.",
            input.shop.writer.name, current.to_instance
        ),
        Phase::Holding => "A traffic shift holds.".into(),
    };
    let overdue = match (late, current.phase) {
        (false, _) => until,
        (true, Phase::Promoting) => format!(
            " Overdue: look at {} in the RDS console of {}; the controller goes on looking.",
            current.to_instance, current.to
        ),
        (true, Phase::Repointing) => {
            " Overdue: Route 53 has not confirmed the record; it is retried, or change it by hand.".into()
        }
        (true, Phase::Requested | Phase::Preparing | Phase::Excluding | Phase::Verifying | Phase::Holding) => {
            " Overdue.".into()
        }
    };
    let waits = if decision.next == Next::Wait(Wait::Route53) {
        " Route 53 does not answer (WriterNameWaiting)."
    } else {
        ""
    };
    let queue = paced(decision)
        .map(|place| format!(" Waiting: {}", queued(place)))
        .unwrap_or_default();
    format!("{what}{queue}{waits}{overdue}")
}

/// The diagnosis with its evidence.
pub(super) fn diagnosis_of(input: &Input<'_>, decision: &Decision) -> Text {
    diagnosis(input, decision).into()
}

fn diagnosis(input: &Input<'_>, decision: &Decision) -> String {
    let Some(facts) = &decision.facts else {
        return "The active region is not known yet.".into();
    };
    let shop = input.shop;
    let (a, b) = (
        &shop.regions[facts.active].name,
        &shop.regions[facts.active.other()].name,
    );
    let votes = || {
        format!(
            "probe {}, users' view {}, RDS {}, link {}",
            probe(facts.a.probe.value),
            edge(facts.a.edge.value),
            instance(facts.a.instance.value),
            link(facts.link.value)
        )
    };
    match decision.diagnosis {
        Diagnosis::ObserverSuspect => "The controller cannot trust its own view (references, API server or clock). Nothing moves. Check its network.".into(),
        Diagnosis::Maintenance => format!("{} in {a} is in a routine state of RDS and does not answer. Waiting for it to end.", shop.regions[facts.active].instance),
        Diagnosis::RegionDown => format!("{a} is down: {}.", votes()),
        Diagnosis::DatabaseDown => format!("The writer in {a} is gone: {}, proof {}.", votes(), proof(facts.proof.value)),
        Diagnosis::WriterRefuses => format!("The writer in {a} lives and takes no writes: check its disk, read_only and state."),
        Diagnosis::ServicesDownEverywhere => "Services are out in both regions: a release or a shared dependency. Nothing moves. Look at the last deployment.".into(),
        Diagnosis::ServicesDown => format!("Services of {a} are out, its database is not. Users are sent to {b} first where that is allowed."),
        Diagnosis::ViewsDisagree => format!("We and users see opposite things about {a}: {}. Nothing moves. If users cannot buy, ask for a Failover.", votes()),
        Diagnosis::ServicesDegraded => format!("Services of {a} are degraded: {}. Nothing moves by itself; a TrafficShift would.", votes()),
        Diagnosis::ReplicationBroken => format!("The shop sells in {a}; the standby in {b} does not follow{}. Repair replication.", facts.link_reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default()),
        Diagnosis::StandbyDegraded => format!("The shop sells in {a}; the standby in {b} could not take over well: probe {}, users' view {}, RDS {}.", probe(facts.b.probe.value), edge(facts.b.edge.value), instance(facts.b.instance.value)),
        Diagnosis::Healthy => format!("The shop sells in {a}; {b} follows."),
        Diagnosis::Inconclusive => format!("Not enough is known about {a} to decide: {}. Nothing moves by itself.", votes()),
    }
}

/// A refusal with its words.
pub(super) fn refusal(refusal: &Refusal) -> NamedReason {
    NamedReason {
        name: refusal.name(),
        message: refusal_words(refusal).into(),
        prevents: true,
    }
}

fn refusal_words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::ObserveMode => "mode is Observe, which touches nothing. Set spec.failover.mode: Automatic to let it move.".into(),
        Refusal::AwaitingApproval => "mode is Approve: a person decides.".into(),
        Refusal::Suspended => "spec.suspend is true. Set it to false to go on.".into(),
        Refusal::Frozen { name, until } => format!("freeze {name} is in force until {}. A person may override Frozen.", clock(*until)),
        Refusal::Quarantine => "evidence is young after a start; it is gathered anew.".into(),
        Refusal::NotHeld { until } => format!("the votes have not been held long enough; they will have been at {}.", clock(*until)),
        Refusal::LossUnknown => "nothing tells how far the replica had come (no good ReplicaLag sample). A person may say how much loss is acceptable.".into(),
        Refusal::LossOverBudget { seconds, budget } => format!("up to {seconds} s of orders would be lost, the budget is {budget} s. A person may accept more."),
        Refusal::StandbyMissing => "the standby's instance is not there, or is not the one that was adopted. Check dbInstance.".into(),
        Refusal::StandbyBusy { status } => format!("the standby's instance is {status}, in which RDS refuses promotions; it ends by itself."),
        Refusal::StandbyNotReplica => "the standby's instance does not replicate from the active one. Promoting it would lose everything since.".into(),
        Refusal::StandbyServicesDown => "the standby's critical services were Down before the trouble began. Repair them, or override.".into(),
        Refusal::TrafficNotMoved { why } => format!("the old region cannot be taken out of the load balancers: {why}."),
        Refusal::NameUnmovable => "Route 53 does not answer; a promoted writer that no service can find is no rescue. A person may override.".into(),
        Refusal::MoveInFlight => "a move is in flight.".into(),
        Refusal::CoolDown { until } => format!("a move ended a short time ago; automatic ones wait until {}.", clock(*until)),
        Refusal::ObligationOpen => "an earlier move still owes a fence or a standby. See status.journal.obligations.".into(),
        Refusal::Paced(place) => queued(place),
        Refusal::OwnedElsewhere { owner } => format!("the TXT record names {owner} as owner. Take over with an Adopt request."),
        Refusal::UnknownActive => "the writer's region is not adopted.".into(),
        Refusal::StaleEpoch => "the request was made for another epoch.".into(),
    }
}

/// A place in the queue. The class is named by the spec; a person who cannot wait raises its priority.
fn queued(place: &Place) -> String {
    format!(
        "its turn has not come: {} in the queue of its class; {} promotions a minute; expected by {}. Who must not wait gets a \
         greater spec.failover.priority.",
        ordinal(place.place),
        place.per_minute,
        clock(place.by)
    )
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        (_, _) => "th",
    };
    format!("{number}{ending}")
}

/// A blocker with its words.
pub(super) fn blocker(blocker: &Blocker) -> NamedReason {
    let message = match blocker {
        Blocker::LinkBroken => "the replica does not follow. Repair or rebuild replication.".into(),
        Blocker::LagHigh => "the replica's lag is above maxLossSeconds.".into(),
        Blocker::StandbyMissing => "the standby's instance is stopped or not there. Where a move fenced it, leave it stopped and create a new replica of the \
             active writer; else check dbInstance."
                .into(),
        Blocker::StandbyBusy(vote) => format!("the standby's instance is not available ({}).", instance(*vote)),
        Blocker::StandbyServicesDown => "the standby's services are out. Repair them.".into(),
        Blocker::PoolMissing(id) => {
            format!("{id} does not name both regions' pools, or does not exist. Check poolId and loadBalancerIds.")
        }
        Blocker::PoolDisabled(id) => format!("pool {id} is disabled and therefore not monitored. Enable it."),
        Blocker::BalancerDisabled(id) => format!("load balancer {id} is disabled and serves nobody. Enable it."),
        Blocker::RecordMissing => "the writer's record does not exist. Create the CNAME.".into(),
        Blocker::RecordForeign => {
            "the writer's record does not point at the active writer. Correct the record, or adopt the other region."
                .into()
        }
        Blocker::RecordNotSimple => {
            "the writer's record is no simple CNAME. Replace weighted and alias records by one CNAME.".into()
        }
        Blocker::OwnerRecordMissing => "our TXT record is gone; it is created anew.".into(),
        Blocker::InstanceReplaced => {
            "an instance is not the one that was adopted (another DbiResourceId). Adopt again.".into()
        }
        Blocker::PermissionDenied(what) => format!("not allowed: {what}. Grant it to the class's role or token."),
        Blocker::NoEdgeView => {
            "Cloudflare says nothing about the active pool: no monitor, or the pool is disabled.".into()
        }
        Blocker::ObligationOpen => "an earlier move still owes a fence or a standby.".into(),
        Blocker::ProbeNeverUp => {
            "a service has never answered 2xx at its URL, so it cannot vote Down. Check url and firewall.".into()
        }
        Blocker::NoProof => "no proof URLs: the loss estimate is wide, and a dead database is seen later.".into(),
        Blocker::NameNeedsUsEast1 => {
            "the active region is us-east-1, where Route 53's control plane is: if it dies the name cannot move.".into()
        }
        Blocker::DefaultParameterGroup => {
            "an instance uses a default parameter group, which cannot be made read-only: only stopping fences it."
                .into()
        }
        Blocker::ParameterGroupShared => {
            "an instance shares its parameter group, which is therefore never changed: only stopping fences it.".into()
        }
        Blocker::SteeringIgnoresOrder => {
            "this steering policy ignores the pool order: users move only when the region is excluded.".into()
        }
    };
    NamedReason {
        name: blocker.name(),
        message: message.into(),
        prevents: blocker.prevents(),
    }
}

/// What is missing, in words.
pub(super) fn missing(missing: &Missing) -> Text {
    match missing {
        Missing::TrustInObserver => "a controller that can trust its own view".into(),
        Missing::ProbeDown => "probe(A) Down".into(),
        Missing::ServicesOut => "critical services of A Down".into(),
        Missing::WriterServicesDown => "every service of A that needs the writer Down".into(),
        Missing::EdgeDown => "edge(A) Down".into(),
        Missing::LinkBroken => "link Broken, not long before the trouble".into(),
        Missing::InstanceSilent => "instance(A) Silent".into(),
        Missing::DatabaseSilence => "nobody who says that A's database lives".into(),
        Missing::NotBefore(at) if *at == Timestamp::MAX => "votes held long enough".into(),
        Missing::NotBefore(at) => format!("votes held until {}", clock(*at)).into(),
        Missing::RefusalGone(name) => format!("the end of {name}").into(),
    }
}
