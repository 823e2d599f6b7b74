//! Refusals in words: what stands against a move, what would end it, and the one command that does it all the same.

use super::{clock, date, owed};
use crate::journal::MoveOutcome;
use crate::pacing::Place;
use crate::plan::{Input, UNREADABLE_OWNER};
use crate::refusal::Refusal;
use crate::report::NamedReason;
use crate::shop::Mode;
use jiff::Timestamp;

/// A refusal with its words, as status shows it.
pub(in crate::report) fn refusal(input: &Input<'_>, refusal: &Refusal) -> NamedReason {
    let said = so(input, refusal);
    let message = match all_the_same(refusal) {
        Some(way) => format!("{said} {way}"),
        None => said,
    };
    named(refusal, message)
}

/// Without that command, for whoever has given one.
pub(in crate::report) fn refusal_alone(input: &Input<'_>, refusal: &Refusal) -> NamedReason {
    named(refusal, so(input, refusal))
}

fn named(refusal: &Refusal, message: String) -> NamedReason {
    NamedReason {
        name: refusal.name(),
        message: message.into(),
        prevents: true,
    }
}

/// What is so, and what ends it.
fn so(input: &Input<'_>, refusal: &Refusal) -> String {
    match refusal {
        Refusal::ObserveMode => {
            "mode is Observe, which touches nothing. Set spec.failover.mode: Automatic to let it move.".into()
        }
        Refusal::AwaitingApproval => "mode is Approve: a failover is asked for once nothing else refuses, and a person approves it.".into(),
        Refusal::Suspended => "spec.suspend is true: no call is made. Set it to false to go on.".into(),
        Refusal::Frozen { name, until } => format!("freeze {name} is in force until {}.", date(*until)),
        Refusal::Quarantine => {
            "evidence is young after a start; it is gathered anew, which takes as long as the windows are.".into()
        }
        Refusal::NotHeld { until } if *until == Timestamp::MAX => "the votes have not been held long enough.".into(),
        Refusal::NotHeld { until } => format!(
            "the votes have not been held long enough; they will have been at {}.",
            clock(*until)
        ),
        Refusal::LossUnknown => "nothing tells how far the replica had come (no good ReplicaLag sample).".into(),
        Refusal::LossOverBudget { seconds, budget } => {
            format!("up to {seconds} s of orders would be lost, the budget is {budget} s.")
        }
        Refusal::StandbyMissing => {
            "the standby's instance is not there, or is not the one that was adopted. Check dbInstance.".into()
        }
        Refusal::StandbyBusy { status } => {
            format!("the standby's instance is {status}, in which RDS refuses promotions; that ends by itself.")
        }
        Refusal::StandbyNotReplica => {
            "the standby's instance does not replicate from the active one. Promoting it would lose everything since."
                .into()
        }
        Refusal::StandbyServicesDown => {
            "the standby's critical services were Down before the trouble began: it could not take \
                                         the users. Repair them."
                .into()
        }
        Refusal::TrafficNotMoved { why } => {
            format!(
                "the old region cannot be taken out of the load balancers: {why}. Correct that; it is tried again by itself."
            )
        }
        Refusal::NameUnmovable => {
            "Route 53 does not answer; a promoted writer that no service can find is no rescue. It is asked \
                                   again by itself."
                .into()
        }
        Refusal::MoveInFlight => "a move is in flight.".into(),
        Refusal::CoolDown { until } => cool_down(input, *until),
        Refusal::ObligationOpen => owed(input, None),
        Refusal::Paced(place) => queued(place),
        Refusal::OwnedElsewhere { owner } if **owner == *UNREADABLE_OWNER => {
            "the TXT record in our place is not one that this controller can read; it is not overwritten. Delete it if \
             nobody needs it, or take over with an Adopt (RegionSwitch)."
                .into()
        }
        Refusal::OwnedElsewhere { owner } => {
            format!(
                "the TXT record, or the tag breakwater:owner of an instance, names {owner} as owner. Nothing is touched. Take over with an Adopt (RegionSwitch)."
            )
        }
        Refusal::UnknownActive => {
            "nobody can tell for sure where the writer is, or it is not adopted yet. Where nobody can tell it, name it with \
             an Adopt (RegionSwitch)."
                .into()
        }
        Refusal::StaleEpoch => format!(
            "the request was made for another epoch; the epoch is {}. Make a new one if it is still wanted.",
            input.journal.epoch
        ),
    }
}

/// After a move that was given up people want to know that it comes again, and when.
fn cool_down(input: &Input<'_>, until: Timestamp) -> String {
    let last = input.journal.current.as_ref();
    let given_up = last.filter(|m| matches!(m.outcome, Some(MoveOutcome::RolledBack | MoveOutcome::Aborted)));
    match given_up {
        Some(current) => {
            let why = current.because.as_ref().map(|why| format!(" because {why}"));
            let given_up = format!("move e{} was given up{}", current.number, why.unwrap_or_default());
            let shop = input.shop;
            if shop.policy.mode == Mode::Automatic && !shop.suspended && !shop.deleting {
                format!(
                    "{given_up}; another one begins by itself at {} if what calls for it still holds then.",
                    clock(until)
                )
            } else {
                format!("{given_up}; none would begin by itself before {}.", clock(until))
            }
        }
        None => format!(
            "a move ended a short time ago; the next one by itself comes not before {}.",
            date(until)
        ),
    }
}

/// How a person goes past it. What lacks nothing but time tempts nobody here.
fn all_the_same(refusal: &Refusal) -> Option<String> {
    match refusal {
        Refusal::NotHeld { .. } | Refusal::Quarantine | Refusal::StandbyBusy { .. } | Refusal::Paced(_) => None,
        Refusal::LossOverBudget { seconds, .. } => Some(format!(
            "A Failover (RegionSwitch) with allowDataLossSeconds: {seconds} or more accepts that."
        )),
        Refusal::ObserveMode | Refusal::AwaitingApproval | Refusal::CoolDown { .. } => {
            Some("A Failover that a person asks for (RegionSwitch) is not bound by this.".into())
        }
        Refusal::Frozen { .. }
        | Refusal::LossUnknown
        | Refusal::StandbyServicesDown
        | Refusal::TrafficNotMoved { .. }
        | Refusal::NameUnmovable => Some(format!(
            "A Failover (RegionSwitch) with overrides: [{}] does it all the same.",
            refusal.name()
        )),
        // What is owed is worth doing first; the rest nobody can override.
        Refusal::ObligationOpen
        | Refusal::Suspended
        | Refusal::StandbyMissing
        | Refusal::StandbyNotReplica
        | Refusal::MoveInFlight
        | Refusal::OwnedElsewhere { .. }
        | Refusal::UnknownActive
        | Refusal::StaleEpoch => None,
    }
}

/// A place in the queue. The class is named by the spec; a person who cannot wait raises its priority.
pub(in crate::report) fn queued(place: &Place) -> String {
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
