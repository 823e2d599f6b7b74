//! What a requester reads on their RegionSwitch while it waits, or at its end.

use super::{NamedReason, runbook, words};
use crate::Text;
use crate::decision::Decision;
use crate::journal::MoveOutcome;
use crate::plan::Input;
use crate::refusal::{Blocker, Refusal};
use crate::request::{Answer, Awaited, Unfit, Verdict};

/// An answer to a request, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Name of the RegionSwitch.
    pub request: Text,
    /// Its `metadata.uid`.
    pub uid: Text,
    /// Its end; `None` while it waits.
    pub outcome: Option<MoveOutcome>,
    /// A constant: the first refusal, or what else is so.
    pub reason: &'static str,
    /// What is so, what comes next, what to do.
    pub message: Text,
    /// What stands against it.
    pub refusals: Vec<NamedReason>,
}

/// The words of an answer.
#[must_use]
pub fn answered(input: &Input<'_>, decision: &Decision, answer: &Answer) -> Answered {
    let (outcome, reason, message) = match &answer.verdict {
        Verdict::Waits(refusals) if refusals.is_empty() => (
            None,
            "FreshEvidence",
            "Waiting for fresh readings before it is decided.".into(),
        ),
        Verdict::Waits(refusals) => (
            None,
            first(refusals),
            format!(
                "Waiting until its startBefore for what ends by itself: {}",
                sentences(input, refusals)
            ),
        ),
        Verdict::Refused(refusals) => (
            Some(MoveOutcome::Refused),
            first(refusals),
            format!("Refused: {}{}", sentences(input, refusals), way_on(refusals)),
        ),
        Verdict::Blocked(blockers) => (
            Some(MoveOutcome::Refused),
            blockers.first().map_or("Refused", Blocker::name),
            format!(
                "Refused: {} Nothing was changed. A planned move begins only when none of this is so; end it first, then file a new \
                 request.",
                blocked(input, decision, blockers)
            ),
        ),
        Verdict::Awaits(awaited) => (None, awaited.name(), awaited_words(input, *awaited)),
        Verdict::Unfit(unfit) => (Some(MoveOutcome::Refused), unfit.name(), unfit_words(input, *unfit)),
        Verdict::Expired(refusals) if refusals.is_empty() => (
            Some(MoveOutcome::Expired),
            "Expired",
            "Its startBefore passed before it could begin. Nothing was changed. File a new request.".into(),
        ),
        Verdict::Expired(refusals) => (
            Some(MoveOutcome::Expired),
            first(refusals),
            format!("Its startBefore passed while it waited: {}", sentences(input, refusals)),
        ),
        Verdict::Withdrawn => (
            Some(MoveOutcome::Aborted),
            "Withdrawn",
            "It was withdrawn before it began. Nothing was changed.".into(),
        ),
    };
    let refusals = match &answer.verdict {
        Verdict::Waits(refusals) | Verdict::Refused(refusals) | Verdict::Expired(refusals) => refusals
            .iter()
            .map(|refusal| words::refusal_alone(input, refusal))
            .collect(),
        Verdict::Blocked(blockers) => blockers
            .iter()
            .map(|blocker| words::blocker(input, decision, blocker))
            .collect(),
        Verdict::Awaits(_) | Verdict::Unfit(_) | Verdict::Withdrawn => Vec::new(),
    };
    let message = match outcome {
        Some(MoveOutcome::Refused | MoveOutcome::Expired) => runbook::pointed(reason, &message),
        Some(MoveOutcome::Completed | MoveOutcome::RolledBack | MoveOutcome::Aborted) | None => message.into(),
    };
    Answered {
        request: answer.request.clone(),
        uid: answer.uid.clone(),
        outcome,
        reason,
        message,
        refusals,
    }
}

fn blocked(input: &Input<'_>, decision: &Decision, blockers: &[Blocker]) -> String {
    let said: Vec<String> = blockers
        .iter()
        .map(|blocker| {
            format!(
                "{}: {}",
                blocker.name(),
                words::blocker(input, decision, blocker).message
            )
        })
        .collect();
    said.join(" ")
}

fn awaited_words(input: &Input<'_>, awaited: Awaited) -> String {
    let what = match awaited {
        Awaited::WriterAvailable => "the writer's instance to be available",
        Awaited::StandbyAvailable => "the standby's instance to be available",
        Awaited::LinkFlowing => "the replica to be seen to follow",
    };
    let active = input.journal.active_region.as_deref().unwrap_or("?");
    format!("Waiting until its startBefore for {what}; the writer stays in {active} until then, and takes writes.")
}

fn first(refusals: &[Refusal]) -> &'static str {
    refusals.first().map_or("Refused", Refusal::name)
}

fn sentences(input: &Input<'_>, refusals: &[Refusal]) -> String {
    let said: Vec<String> = refusals
        .iter()
        .map(|refusal| format!("{}: {}", refusal.name(), words::refusal_alone(input, refusal).message))
        .collect();
    said.join(" ")
}

/// The one command that would go on: a new request, with these overrides where that is possible.
fn way_on(refusals: &[Refusal]) -> String {
    let fixed: Vec<&str> = refusals
        .iter()
        .filter(|refusal| refusal.overridden_by().is_none() && **refusal != Refusal::StaleEpoch)
        .map(Refusal::name)
        .collect();
    if !fixed.is_empty() {
        return format!(
            " Nobody can override {}; end that first, then file a new request.",
            fixed.join(", ")
        );
    }
    // Its own words say what to do: nothing has to end first.
    if refusals.contains(&Refusal::StaleEpoch) {
        return " Nothing was changed.".into();
    }
    let names: Vec<&str> = refusals.iter().map(Refusal::name).collect();
    let accepted = refusals.iter().find_map(|refusal| {
        let Refusal::LossOverBudget { seconds, .. } = refusal else {
            return None;
        };
        Some(format!(" (or allowDataLossSeconds above {seconds})"))
    });
    format!(
        " Nothing was changed. To do it all the same, file a new request with overrides: [{}]{}.",
        names.join(", "),
        accepted.unwrap_or_default()
    )
}

pub(super) fn unfit_words(input: &Input<'_>, unfit: Unfit) -> String {
    let regions = &input.shop.regions;
    match unfit {
        Unfit::NoSuchRegion => format!(
            "spec.request.to is no region of this Storefront. Use {} or {} in a new request.",
            regions.primary.name, regions.secondary.name
        ),
        Unfit::AlreadyActive => "spec.request.to is the active region already. Nothing to do.".into(),
        Unfit::TypeNotOffered => {
            "This version carries out requests of type Failover, Switchover, TrafficShift and Adopt only. Nothing was changed."
                .into()
        }
        Unfit::AlreadyOver => {
            "spec.request.expiresAt has passed, or is absent. Nothing was changed. File a new request with a later one."
                .into()
        }
        Unfit::ServicesNotUp(side) => format!(
            "No view sees the services of {0} Up: users sent there would find nothing. Nothing was changed. Repair them, then \
             file a new request.",
            regions[side].name
        ),
        Unfit::PoolNotUsable(side) => format!(
            "The pool of {} cannot come first: it is missing or disabled, its region is excluded, or a load balancer is \
             disabled, cannot be read, or does not name both pools in default_pools. Nothing was changed. Correct that, then \
             file a new request.",
            regions[side].name
        ),
        Unfit::OrderIgnored => {
            "The steering policy of every load balancer ignores the order of pools: a TrafficShift would \
                                change nothing. Set steering_policy to off, or ask for a Switchover or a Failover."
                .into()
        }
    }
}
