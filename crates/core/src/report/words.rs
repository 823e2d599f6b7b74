//! Sentences: one for each variant, short and concrete.

use crate::Text;
mod blockers;
mod rebuild;
mod refusals;
mod standing;
mod votes;

use crate::decision::{Contest, Decision, Missing, Next, Wait};
use crate::diagnose::services_up;
use crate::diagnosis::Diagnosis;
use crate::facts::{Facts, InstanceVote};
use crate::journal::{Journal, Move, MoveKind, NAME_LEVEL, Obligation, ObligationKind, Phase, Shift};
use crate::pacing::Place;
use crate::plan::{Input, absent, could_take_users};
use crate::refusal::{Blocker, Refusal};
use crate::side::Side;
use jiff::Timestamp;
use std::time::Duration;

pub(super) use blockers::{blocker, takes};
pub(super) use rebuild::{failback, retired_runs};
pub(super) use refusals::{refusal, refusal_alone};
pub(super) use standing::is_stopped_half_way;
pub(super) use votes::{edge, instance, link, probe, proof};

/// A time for people: whole seconds, UTC.
pub(super) fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S UTC").to_string()
}

/// A time for people that may be days away.
fn date(at: Timestamp) -> String {
    at.strftime("%F %H:%M UTC").to_string()
}

/// A duration for people: `40 s`, `3 min`, `3 min 25 s`.
pub(super) fn length(of: Duration) -> String {
    match (of.as_secs() / 60, of.as_secs() % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

/// Reason and message of the whole: what is so, what comes next, what a person could do.
pub(super) fn summary(input: &Input<'_>, decision: &Decision) -> (&'static str, Text) {
    if let Some(said) = standing::summary(input) {
        return said;
    }
    if let Some(current) = input.journal.in_flight() {
        return (in_flight_reason(current), in_flight(input, current, decision).into());
    }
    if let Some(owed) = input.journal.owes(ObligationKind::FenceFormerWriter) {
        let message = format!(
            "The shop runs in {}. The former writer {} in {} may still take writes: it is made read-only and stopped as soon as \
             its API answers; until then {} gets no users. {}",
            input.journal.active_region.as_deref().unwrap_or("?"),
            owed.instance,
            owed.region,
            owed.region,
            rebuild::stop_it(input, owed),
        );
        return ("FenceFormerWriter", message.into());
    }
    if let Next::Wait(
        wait @ (Wait::Adoption
        | Wait::Ownership
        | Wait::OwnerRecord
        | Wait::InstancesSteady
        | Wait::FirstReadings
        | Wait::InstanceMissing
        | Wait::TwoWriters
        | Wait::WriterUnclear),
    ) = decision.next
    {
        return (wait_reason(wait), adopting(input, wait).into());
    }
    let late = |owed: &&Obligation| owed.kind == ObligationKind::RebuildStandby && owed.number > input.journal.epoch;
    if let Some(owed) = input.journal.obligations.iter().find(late) {
        let message = format!(
            "CRITICAL: the promotion of move e{} took effect after that move had been rolled back. {} in {} is no standby any more; \
             the shop goes on in {}, where users wrote. Let nothing write to {}; {}",
            owed.number,
            owed.instance,
            owed.region,
            input.journal.active_region.as_deref().unwrap_or("?"),
            owed.instance,
            rebuild::words(input, Some(decision), owed),
        );
        return ("LatePromotion", message.into());
    }
    let mut message = diagnosis(input, decision);
    if decision.diagnosis.calls_for_promotion() {
        let message = format!("{message} {}", what_next(input, decision));
        return (decision.diagnosis.name(), message.into());
    }
    if let Some(place) = paced(decision) {
        message = format!("{message} Not looked at closely yet: {}", refusals::queued(place));
    }
    let sells = decision.facts.as_ref().is_some_and(services_up);
    if sells && let Some(rebuild) = input.journal.owes(ObligationKind::RebuildStandby) {
        let region = input.journal.active_region.as_deref().unwrap_or("?");
        let message = format!(
            "The shop sells in {region}, without a standby: {}",
            rebuild::words(input, Some(decision), rebuild)
        );
        return (ObligationKind::RebuildStandby.name(), message.into());
    }
    if let Some(left) = standing::in_observe(input) {
        message = format!("{message} {left}");
    }
    (diagnosis_reason(decision), message.into())
}

/// A move that waits for a person says so; any other one says its phase.
pub(super) fn in_flight_reason(current: &Move) -> &'static str {
    if current.awaits_approval() {
        Refusal::AwaitingApproval.name()
    } else {
        current.phase.name()
    }
}

/// What a person is asked to approve, with the one command that does it.
#[must_use]
pub fn approval_asked(current: &Move, namespace: &str, storefront: &str) -> Option<String> {
    let (plan, name) = (approval_plan(current)?, current.record_name(storefront));
    Some(format!(
        "{plan} Approve: kubectl storefront approve {storefront} -n {namespace} (or: kubectl patch rsw {name} -n {namespace} --type \
         merge -p '{{\"spec\":{{\"approval\":{{\"by\":\"you@example.com\"}}}}}}'). Decline: spec.abort: true there."
    ))
}

/// What is so, what the move that waits for approval does and loses, and until when it waits.
#[must_use]
pub fn approval_plan(current: &Move) -> Option<String> {
    let approval = current.approval.as_ref().filter(|_| current.awaits_approval())?;
    let (from, to) = (&current.from, &current.to);
    let loss = match current.loss {
        Some(loss) => format!("at most {} s of orders are lost", loss.seconds),
        None => "how many orders are lost is not known".into(),
    };
    Some(format!(
        "{}: {}. A failover is asked for: {from} leaves every load balancer, {} in {to} is promoted (there is no way back), the \
         writer's name follows; {loss}. It waits for approval until {} and changes nothing before; approved, it is decided \
         again on fresh readings.",
        current.diagnosis.name(),
        approval.votes,
        current.to_instance,
        clock(approval.until),
    ))
}

/// The same, with the order of pools that a person asked for, while it holds.
pub(super) fn with_shift(journal: &Journal, message: Text) -> Text {
    match journal.holding() {
        Some(shift) => format!("{message} {}", shift_holds(shift)).into(),
        None => message,
    }
}

/// A traffic shift that holds: what comes first, until when, and how it ends sooner.
pub(super) fn shift_holds(shift: &Shift) -> String {
    let (front, name, until) = (&shift.front, &shift.request.name, date(shift.until));
    let sooner = "spec.abort: true there ends it sooner.";
    match &shift.because {
        Some(fallen_back) => format!("TrafficShift {name} (until {until}): {fallen_back}. {sooner}"),
        None => {
            format!("{front} comes first in the load balancers until {until}, by TrafficShift {name}. {sooner}")
        }
    }
}

/// What a requester reads about their traffic shift.
#[must_use]
pub fn shift_shown(shift: &Shift) -> String {
    let (Some(outcome), Some(because)) = (shift.outcome, &shift.because) else {
        return shift_holds(shift);
    };
    format!("The TrafficShift to {} is {}: {because}.", shift.front, outcome.name())
}

/// After a diagnosis that calls for a promotion: when it comes, or why it does not.
fn what_next(input: &Input<'_>, decision: &Decision) -> String {
    let mut held = None;
    for against in &decision.refusals {
        match against {
            Refusal::MoveInFlight => {}
            Refusal::NotHeld { until } => held = Some(*until),
            stands @ Refusal::CoolDown { .. } => return format!("No failover yet: {}", refusal(input, stands).message),
            stands => return format!("No failover by itself: {}", refusal(input, stands).message),
        }
    }
    let to = decision
        .facts
        .as_ref()
        .map(|facts| &input.shop.regions[facts.active.other()].name);
    let to = to.map_or("?", |name| name);
    match held {
        Some(until) if until < Timestamp::MAX => {
            format!("Next: failover to {to} at {} if nothing changes.", clock(until))
        }
        Some(_) | None => format!("Next: failover to {to} once every vote has been held."),
    }
}

/// Whether an earlier move still owes a fence or a standby.
pub(super) fn is_owed(input: &Input<'_>) -> bool {
    let kinds = [ObligationKind::FenceFormerWriter, ObligationKind::RebuildStandby];
    kinds.into_iter().any(|kind| input.journal.owes(kind).is_some())
}

/// What an earlier move still owes: who does what.
pub(super) fn owed(input: &Input<'_>, decision: Option<&Decision>) -> String {
    let journal = input.journal;
    if let Some(fence) = journal.owes(ObligationKind::FenceFormerWriter) {
        return format!(
            "the former writer {} in {} is not fenced yet: it is made read-only and stopped as soon as its API answers. {}",
            fence.instance,
            fence.region,
            rebuild::stop_it(input, fence)
        );
    }
    match journal.owes(ObligationKind::RebuildStandby) {
        Some(owed) => format!("there is no standby: {}", rebuild::words(input, decision, owed)),
        None => "an earlier move still owes something. See status.journal.obligations.".into(),
    }
}

/// What left something to be done: a move, or an adoption; of one before the last move nobody knows which it was.
pub(super) fn since_what(input: &Input<'_>, owed: &Obligation) -> String {
    let number = owed.number;
    match input.journal.current.as_ref().filter(|m| m.number == number) {
        Some(last) if last.kind == MoveKind::Adopt => format!("the adoption e{number}"),
        Some(_) => format!("move e{number}"),
        None => format!("epoch {number}"),
    }
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

fn wait_reason(wait: Wait) -> &'static str {
    match wait {
        Wait::Adoption | Wait::TwoWriters | Wait::WriterUnclear => "UnknownActive",
        Wait::Ownership => "OwnedElsewhere",
        Wait::OwnerRecord | Wait::InstancesSteady => "Adopting",
        Wait::FirstReadings => "FirstReadings",
        Wait::InstanceMissing => "InstanceNotFound",
        Wait::Approval => "AwaitingApproval",
        Wait::FreshRound
        | Wait::ReadOnly
        | Wait::WritesRefused
        | Wait::Drain
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
                           running writer. Nothing moves. Check both instances, then name the writer's region with an Adopt \
                           (RegionSwitch)."
            .into(),
        Wait::Ownership => format!(
            "The TXT record _breakwater.{} or the tag breakwater:owner of an instance names another owner, or cannot be read. \
             Nothing is touched. Remove the other Storefront (or a record that nobody needs), or take over with an Adopt \
             (RegionSwitch).",
            input.shop.writer.name
        ),
        Wait::InstanceMissing => missing_instances(input),
        Wait::OwnerRecord => format!("Claiming _breakwater.{} in Route 53, which takes up to a minute.", input.shop.writer.name),
        Wait::TwoWriters => format!(
            "{} both take writes, and no move of this controller explains it: orders may go to both. Nothing is done by itself. \
             Decide which one holds, stop the other (a stopped one is no writer, and the running one is adopted after two \
             minutes), or name the right region with an Adopt request.",
            both(input)
        ),
        Wait::WriterUnclear => format!(
            "Somebody else promoted an instance: {} no longer stand to each other as they were adopted, and one of them cannot be \
             seen to be a writer or gone. No name and no database is touched. Name the writer's region with an Adopt request.",
            both(input)
        ),
        Wait::InstancesSteady => "Waiting until neither instance has changed for two minutes; then the writer's region is adopted.".into(),
        Wait::FirstReadings
        | Wait::Approval
        | Wait::FreshRound
        | Wait::ReadOnly
        | Wait::WritesRefused
        | Wait::Drain
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

fn missing_instances(input: &Input<'_>) -> String {
    let shop = input.shop;
    let missing: Vec<String> = absent(input)
        .map(|side| format!("{} in {}", shop.regions[side].instance, shop.regions[side].name))
        .collect();
    format!(
        "RDS does not know {} in the account of class {}, asked twice, and without it nobody can tell where the writer is. \
         Nothing moves. Correct dbInstance or region in spec.regions, or check whose account the role of the class is in.",
        missing.join(" nor "),
        shop.class
    )
}

fn both(input: &Input<'_>) -> String {
    let [one, other] = Side::BOTH.map(|side| &input.shop.regions[side]);
    format!(
        "{} in {} and {} in {}",
        one.instance, one.name, other.instance, other.name
    )
}

fn in_flight(input: &Input<'_>, current: &Move, decision: &Decision) -> String {
    let until = current
        .deadline
        .map(|at| format!(" Expected by {}.", clock(at)))
        .unwrap_or_default();
    let late = super::overdue(input);
    let key = &input.shop.key;
    if let Some(asked) = approval_asked(current, &key.namespace, &key.name) {
        return asked;
    }
    let approved = current.approval.as_ref().and_then(|approval| approval.by.as_ref());
    let approved = approved.map(|by| format!(", approved by {by}")).unwrap_or_default();
    let what = match current.phase {
        Phase::Requested if current.kind == MoveKind::Switchover => format!(
            "Switchover from {} to {}. Next: writes stop in {}.",
            current.from, current.to, current.from
        ),
        Phase::Requested => format!(
            "{}: moving from {} to {}{approved}. Next: one fresh round of evidence.",
            current.diagnosis.name(),
            current.from,
            current.to
        ),
        Phase::Preparing if current.kind == MoveKind::Switchover => write_stop(current, decision),
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
        (true, Phase::Requested | Phase::Preparing | Phase::Excluding) => " Overdue: it is given up and undone.".into(),
        (true, Phase::Verifying) => " Overdue: it ends without that. Place a test order.".into(),
        (true, Phase::Holding) => " Overdue.".into(),
    };
    let waits = if decision.next == Next::Wait(Wait::Route53) {
        " Route 53 does not answer (WriterNameWaiting)."
    } else {
        ""
    };
    let edit = if input.shop.edit_waits {
        format!(" {}", spec_pending(input))
    } else {
        String::new()
    };
    let queue = paced(decision)
        .map(|place| format!(" Waiting: {}", refusals::queued(place)))
        .unwrap_or_default();
    format!("{what}{queue}{waits}{overdue}{edit}")
}

/// What a planned move waits for while the shop takes no orders.
fn write_stop(current: &Move, decision: &Decision) -> String {
    let (from, to) = (&current.from, &current.to);
    let now = match decision.next {
        Next::Wait(Wait::ReadOnly) => format!("Waiting for read_only=1 to be in force on {}.", current.from_instance),
        Next::Wait(Wait::WritesRefused) => format!("Waiting to see the application's writes refused in {from}."),
        Next::Wait(Wait::Drain) => format!("Writes have stopped in {from}. Waiting for {to} to hold everything."),
        Next::Wait(_) | Next::Idle | Next::Record(_) | Next::Act(_) | Next::Release => {
            format!("Writes are stopping in {from}.")
        }
    };
    format!(
        "Switchover from {from} to {to}. {now} Next: {from} leaves every load balancer, then the promotion. Until then it is undone \
         by itself if anything fails, and the shop takes orders again in {from}."
    )
}

/// An edit of identities that waits, and for what.
pub(super) fn spec_pending(input: &Input<'_>) -> Text {
    let fence = input
        .journal
        .owes(ObligationKind::FenceFormerWriter)
        .or(input.journal.owes(ObligationKind::Unfence));
    let waits_for = match (input.journal.in_flight(), fence) {
        (Some(current), _) => format!("the end of move e{}", current.number),
        (None, Some(owed)) => format!("{} of {} in {}", owed.kind.name(), owed.instance, owed.region),
        (None, None) => "what is under way".into(),
    };
    format!(
        "The edit of regions, instances, pools, names or load balancers waits for {waits_for} (SpecPending); then the shop is \
         adopted anew as the spec lists it. If that never comes, an Adopt request takes the spec as it is."
    )
    .into()
}

/// What the sources say about the active region.
pub(crate) fn about_active(facts: &Facts) -> String {
    format!(
        "probe {}, users' view {}, RDS {}, link {}",
        probe(facts.a.probe.value),
        edge(facts.a.edge.value),
        instance(facts.a.instance.value),
        link(facts.link.value)
    )
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
    let votes = || about_active(facts);
    match decision.diagnosis {
        Diagnosis::ObserverSuspect => "The controller cannot trust its own view: no reference URL answers, the API server or a watch is silent, or its clock is off. Nothing moves. Check its network and clock.".into(),
        Diagnosis::Maintenance if decision.routine_too_long.is_some() => routine_too_long(input, decision, a, b),
        Diagnosis::Maintenance => format!("{} in {a} is in a routine state of RDS and does not answer. Nothing moves: it ends by itself. If it lasts too long, ask for a Failover (RegionSwitch).", shop.regions[facts.active].instance),
        Diagnosis::RegionDown => format!("{a} is down: {}.", votes()),
        Diagnosis::DatabaseDown => format!("The writer in {a} is gone: {}, proof {}.", votes(), proof(facts.proof.value)),
        Diagnosis::WriterRefuses if not_reached(input, decision, a).is_some() => not_reached(input, decision, a).unwrap_or_default(),
        Diagnosis::WriterRefuses => format!("The writer in {a} lives and takes no writes. Nothing moves by itself. Check its disk, read_only and state in the RDS console; if that takes too long, ask for a Failover (RegionSwitch)."),
        Diagnosis::ServicesDownEverywhere => format!("Services are out in both regions. Nothing moves on this alone: it is a release, something that both share, or the writer in {a}, which services of {b} need too. If {a} itself is gone, link and RDS say so within minutes and a failover follows; if this stays, look at the last deployment."),
        Diagnosis::ServicesDown => {
            let first = if decision.blockers.contains(&Blocker::SteeringIgnoresOrder) {
                format!("{b} stands first in the load balancers where that is allowed; one whose steering policy ignores the order sends users as before (SteeringIgnoresOrder)")
            } else {
                format!("Users are sent to {b} first where that is allowed")
            };
            format!("Services of {a} are out, its database is not. {first}; the writer stays in {a}. Look at the services and at the last deployment there.")
        }
        Diagnosis::ViewsDisagree => format!("We and users see opposite things about {a}: {}. Nothing moves. If users cannot buy, ask for a Failover (RegionSwitch).", votes()),
        Diagnosis::ServicesDegraded => format!("Services of {a} are degraded: {}. Nothing moves by itself. {}", votes(), shift_offered(input, facts)),
        Diagnosis::ReplicationBroken => format!("The shop sells in {a}; the standby in {b} does not follow{}. Repair replication.", facts.link_reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default()),
        Diagnosis::StandbyDegraded => format!("The shop sells in {a}; the standby in {b} could not take over well: probe {}, users' view {}, RDS {}.", probe(facts.b.probe.value), edge(facts.b.edge.value), instance(facts.b.instance.value)),
        Diagnosis::Healthy => format!("The shop sells in {a}; {b} follows."),
        Diagnosis::Inconclusive => format!("Not enough is known about {a} to decide: {}. Nothing moves by itself. If users cannot buy, a person decides: ask for a Failover (RegionSwitch).", votes()),
    }
}

/// Nobody is sent where users would fare worse.
fn shift_offered(input: &Input<'_>, facts: &Facts) -> String {
    let regions = &input.shop.regions;
    let (a, b) = (&regions[facts.active].name, &regions[facts.active.other()].name);
    if input.journal.excluded.as_ref() != Some(b) && could_take_users(facts) {
        format!("To send users to {b} first, ask for a TrafficShift (RegionSwitch).")
    } else {
        format!("{b} could not take the users now: look at the services of {a}, and at the last deployment there.")
    }
}

/// The reason of a diagnosis: its name, unless it has lasted too long.
pub(super) fn diagnosis_reason(decision: &Decision) -> &'static str {
    if decision.routine_too_long.is_some() {
        "RoutineTooLong"
    } else {
        decision.diagnosis.name()
    }
}

fn routine_too_long(input: &Input<'_>, decision: &Decision, a: &str, b: &str) -> String {
    let shop = input.shop;
    let instance = shop.side(a).map_or("?", |side| &*shop.regions[side].instance);
    format!(
        "{instance} in {a} has been in a routine state of RDS and has answered nobody since {}, longer than routineGraceSeconds \
         ({}). It may still end by itself, and nothing moves by itself. Look at it in the RDS console; if the shop cannot wait, \
         ask for a Failover (RegionSwitch) to {b}.",
        decision.routine_too_long.map_or_else(|| "?".into(), clock),
        length(shop.policy.routine_grace),
    )
}

/// Where the shop's processes say that nothing takes their writes because they look in the wrong place, not because of
/// the writer.
fn not_reached(input: &Input<'_>, decision: &Decision, a: &str) -> Option<String> {
    let failed = decision
        .facts
        .as_ref()
        .is_some_and(|facts| matches!(facts.a.instance.value, InstanceVote::Failed | InstanceVote::Absent));
    let name = &input.shop.writer.name;
    let moving = input.journal.in_flight().filter(|m| *m.to == *a);
    if failed {
        None
    } else if moving.is_some_and(|m| matches!(m.phase, Phase::Promoting | Phase::Repointing)) {
        Some(format!(
            "The writer is in {a} now; the shop does not reach it before {name} points there. Nothing to do yet."
        ))
    } else if decision.blockers.contains(&Blocker::RecordForeign) {
        Some(format!(
            "The shop reaches nothing that takes its writes: {name} does not point at the writer in {a}. Nothing moves by \
             itself. Correct the record, or ask for an Adopt (RegionSwitch) if the writer is elsewhere."
        ))
    } else {
        None
    }
}

/// What somebody keeps putting back, and what to do about it. No provider's reading says who did it.
pub(super) fn contest(contest: &Contest) -> Text {
    let what = if *contest.what == *NAME_LEVEL {
        "The writer's name".into()
    } else {
        format!("Load balancer {}", contest.what)
    };
    let (wanted, stands, since) = (&contest.wanted, &contest.stands, clock(contest.since));
    if contest.reasserted {
        format!(
            "CRITICAL: {what} was put back three times since {since} (should be: {wanted}; found: {stands}) while a former writer \
             is not fenced: orders could be written to it and lost. It is set again each time. Stop whoever does it \
             (Terraform, external-dns, a runbook), or stop the former writer."
        )
        .into()
    } else {
        format!(
            "{what} was set to {wanted} and put back to {stands} three times since {since}. It is left alone. Stop whoever does it \
             (Terraform, external-dns, a person), or set it to {wanted} yourself; once it has been so for 15 minutes, or a move \
             changes what it should be, it is managed again."
        )
        .into()
    }
}

/// What is missing, in words.
pub(super) fn missing(input: &Input<'_>, decision: &Decision, missing: &Missing) -> Text {
    let active = decision.facts.as_ref().map_or(Side::Primary, |facts| facts.active);
    let a = &input.shop.regions[active].name;
    match missing {
        Missing::TrustInObserver => "a controller that can trust its own view".into(),
        Missing::ProbeDown => format!("probe({a}) Down").into(),
        Missing::ServicesOut => format!("critical services of {a} Down").into(),
        Missing::WriterServicesDown => format!("every service of {a} that needs the writer Down").into(),
        Missing::EdgeDown => format!("edge({a}) Down").into(),
        Missing::LinkBroken => "link Broken, not long before the trouble".into(),
        Missing::InstanceSilent => format!("instance({a}) Silent").into(),
        Missing::RoutineOver => format!("instance({a}) out of its routine state").into(),
        Missing::DatabaseSilence => format!("nobody who says that the database of {a} lives").into(),
        Missing::NotBefore(at) if *at == Timestamp::MAX => "votes held long enough".into(),
        Missing::NotBefore(at) => format!("votes held until {}", clock(*at)).into(),
        Missing::RefusalGone("CoolDown") => match input.journal.cool_down_until {
            Some(until) => format!("the end of CoolDown at {}", clock(until)).into(),
            None => "the end of CoolDown".into(),
        },
        Missing::RefusalGone(name) => format!("the end of {name}").into(),
    }
}
