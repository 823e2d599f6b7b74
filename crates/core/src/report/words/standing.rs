//! What of ours stands in the world half done, in words: for whoever stopped us on the way, or deletes the object.

use super::clock;
use crate::Text;
use crate::journal::{Move, ObligationKind, Phase};
use crate::plan::Input;
use crate::shop::Mode;

/// Reason and message where a person's word stands above everything else: a deletion, or `suspend` on the way.
pub(in crate::report) fn summary(input: &Input<'_>) -> Option<(&'static str, Text)> {
    if input.shop.deleting {
        return Some(("Deleting", deleting(input).into()));
    }
    let left = half_done(input);
    (input.shop.suspended && !left.is_empty()).then(|| ("Suspended", suspended(input, &left).into()))
}

/// Whether `suspend` keeps something half done that the shop cannot be left with, or the object from going.
pub(in crate::report) fn is_stopped_half_way(input: &Input<'_>) -> bool {
    let journal = input.journal;
    let lists = journal.excluded.is_none() && !journal.saved_steering.is_empty();
    let half = journal.in_flight().is_some() || lists || journal.owes(ObligationKind::Unfence).is_some();
    input.shop.suspended && (half || input.shop.deleting)
}

/// What is added where the mode is Observe and something is still undone or completed.
pub(super) fn in_observe(input: &Input<'_>) -> Option<String> {
    let left = half_done(input);
    (input.shop.policy.mode == Mode::Observe && !left.is_empty()).then(|| {
        format!(
            "Mode is Observe; what was done before is completed or undone all the same: {}.",
            left.join("; ")
        )
    })
}

fn suspended(input: &Input<'_>, left: &[String]) -> String {
    let left = left.join("; ");
    let Some(current) = input.journal.in_flight() else {
        return format!(
            "spec.suspend is true: no call is made. Left half done: {left}. Set suspend to false, and that is put right."
        );
    };
    let then = match (current.phase, current.deadline) {
        (Phase::Requested | Phase::Preparing | Phase::Excluding, Some(deadline)) => format!(
            "until {} it goes on if fresh evidence still calls for it; later it is undone",
            clock(deadline)
        ),
        (Phase::Requested | Phase::Preparing | Phase::Excluding, None) => "it goes on or is undone".into(),
        (Phase::Promoting | Phase::Repointing | Phase::Verifying | Phase::Holding, _) => {
            "it is carried to its end".to_owned()
        }
    };
    format!(
        "spec.suspend is true: no call is made. Half done by move e{} ({}): {left}. Set suspend to false: {then}.",
        current.number,
        current.phase.name()
    )
}

fn deleting(input: &Input<'_>) -> String {
    let journal = input.journal;
    if input.shop.suspended {
        return "The Storefront is being deleted, but spec.suspend is true: nothing is undone or removed. Set suspend to \
                false, or annotate it with breakwater.dev/abandon to let it go as it is."
            .into();
    }
    if let Some(current) = journal.in_flight().filter(|m| m.phase == Phase::Promoting) {
        return format!(
            "The Storefront is being deleted. The promotion of {} may have been sent and is seen through first.",
            current.to_instance
        );
    }
    // What was promoted stays promoted: only what can be undone is waited for.
    let left = to_undo(input);
    if left.is_empty() {
        return "The Storefront is being deleted: our TXT record and tags are removed; the name and the load balancers stay \
                as they are."
            .into();
    }
    format!(
        "The Storefront is being deleted. First what a move began is undone: {}. What does not answer is asked again; \
         annotate it with breakwater.dev/abandon to let it go as it is.",
        left.join("; ")
    )
}

/// What is undone before the object goes.
fn to_undo(input: &Input<'_>) -> Vec<String> {
    let journal = input.journal;
    let mut left = Vec::new();
    left.extend(read_only(input));
    if journal.excluded.is_none() {
        left.extend(lists(input));
        left.extend(order(input));
    }
    left
}

/// All of it, each in a few words.
fn half_done(input: &Input<'_>) -> Vec<String> {
    let journal = input.journal;
    let mut left = Vec::new();
    left.extend(journal.in_flight().and_then(|current| under_way(input, current)));
    left.extend(read_only(input));
    if let Some(owed) = journal.owes(ObligationKind::FenceFormerWriter)
        && journal.active_region.as_ref() != Some(&owed.region)
    {
        left.push(format!(
            "the former writer {} in {} may still take writes",
            owed.instance, owed.region
        ));
    }
    match &journal.excluded {
        Some(region) => left.push(format!("{region} has left the load balancers, or some of them")),
        None => {
            left.extend(lists(input));
            left.extend(order(input));
        }
    }
    left
}

fn under_way(input: &Input<'_>, current: &Move) -> Option<String> {
    match current.phase {
        Phase::Requested => Some("it has only been decided".into()),
        Phase::Promoting => Some(format!(
            "the promotion of {} in {} may have been sent, and RDS goes on with it",
            current.to_instance, current.to
        )),
        Phase::Repointing => Some(format!(
            "{} may not point to {} yet",
            input.shop.writer.name, current.to_instance
        )),
        Phase::Preparing | Phase::Excluding | Phase::Verifying | Phase::Holding => None,
    }
}

fn read_only(input: &Input<'_>) -> Option<String> {
    let owed = input.journal.owes(ObligationKind::Unfence)?;
    Some(format!("{} in {} may be read-only", owed.instance, owed.region))
}

fn lists(input: &Input<'_>) -> Option<String> {
    let pending = !input.journal.saved_steering.is_empty();
    pending.then(|| "lists of the load balancers are not all put back".into())
}

fn order(input: &Input<'_>) -> Option<String> {
    let journal = input.journal;
    let front = journal.front.as_ref()?;
    (journal.front != journal.active_region).then(|| format!("{front} comes first in the load balancers"))
}
