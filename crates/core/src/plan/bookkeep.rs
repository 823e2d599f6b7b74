//! What the journal must remember beside decisions: addresses that were Up, identities, who wrote it.

use super::Sight;
use crate::evidence::is_broken;
use crate::facts::{Facts, LinkVote};
use crate::journal::{JOURNAL_VERSION, Journal};
use crate::places::Places;
use crate::side::Side;
use crate::time::since;
use jiff::Timestamp;
use std::time::Duration;

/// First Ups of one round come within moments: they are written once, not one by one.
const GATHER: Duration = Duration::from_secs(2);

/// An entry of its own when something new has been Up for a while, or trouble began or ended.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    let input = sight.input;
    let gathered = input
        .evidence
        .new_up_for(input.now, input.journal)
        .is_some_and(|waited| waited >= GATHER);
    let taken_over = input.journal.takes_over.is_some() && super::name::txt_is_ours(sight);
    let satisfied = super::rebuild::is_satisfied(sight);
    (gathered || taken_over || satisfied || instants_changed(sight)).then(|| input.journal.clone())
}

/// Whether the instants that a restart must find differ from what the journal has. Trouble of a moment is not worth a
/// write: it counts once it has lasted for two rounds.
fn instants_changed(sight: &Sight<'_>) -> bool {
    let (Some(facts), journal) = (&sight.facts, sight.input.journal) else {
        return false;
    };
    if journal.active_region.is_none() {
        return false;
    }
    let patience = 2 * sight.input.shop.policy.interval;
    let lasts = |began: Option<Timestamp>| began.is_some_and(|began| since(began, sight.input.now.wall) >= patience);
    let trouble = match journal.trouble_since {
        None => lasts(facts.trouble),
        Some(_) => facts.trouble.is_none() && crate::diagnose::services_up(facts),
    };
    let link = match journal.link_broken_since {
        None => lasts(broken_since(facts)),
        Some(_) => facts.link.value == LinkVote::Flowing,
    };
    trouble || link
}

fn broken_since(facts: &Facts) -> Option<Timestamp> {
    facts.link.since.filter(|_| is_broken(facts.link.value))
}

/// Signs an entry: version, holder, and whatever else has become known meanwhile.
pub(super) fn signed(sight: &Sight<'_>, mut journal: Journal) -> Journal {
    let input = sight.input;
    journal.version = JOURNAL_VERSION;
    super::shift::ended_by(sight, &mut journal);
    super::contested::forget_where_wanted_changed(input.journal, &mut journal);
    super::rebuild::tidy(sight, &mut journal);
    journal.holder = input.me.clone();
    // Once our TXT stands, another owner there is somebody who came after us.
    if super::name::txt_is_ours(sight) {
        journal.takes_over = None;
    }
    if let Some(facts) = sight
        .facts
        .as_ref()
        .filter(|_| journal.active_region == input.journal.active_region)
    {
        // Not having looked yet is no news: only an Up, or a link that flows, ends what an earlier process saw.
        let (up, flows) = (
            crate::diagnose::services_up(facts),
            facts.link.value == LinkVote::Flowing,
        );
        journal.trouble_since = facts.trouble.or(journal.trouble_since.filter(|_| !up));
        journal.link_broken_since = broken_since(facts).or(journal.link_broken_since.filter(|_| !flows));
    } else {
        // Another region is active, or none: what was known about the old one means nothing.
        journal.trouble_since = None;
        journal.link_broken_since = None;
    }
    let ever_up = input.evidence.ever_up();
    journal.ever_up.extend(ever_up.iter().cloned());
    if journal.ever_up.len() > ever_up.len() {
        // What the evidence let go at its start is of earlier specs.
        journal.ever_up.retain(|address| ever_up.contains(address));
    }
    if !sight.only_observes() && journal.active_region.is_some() {
        if journal.places.is_none() && !input.shop.edit_waits {
            journal.places = Some(Places::of(input.shop));
        }
        for side in Side::BOTH {
            if let Some(view) = input.actual.instance(side) {
                let region = sight.region(side).clone();
                journal
                    .resource_ids
                    .entry(region)
                    .or_insert_with(|| view.resource_id.clone());
            }
        }
    }
    journal
}
