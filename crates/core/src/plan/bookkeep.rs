//! What the journal must remember beside decisions: addresses that were Up, identities, who wrote it.

use super::Sight;
use crate::journal::{JOURNAL_VERSION, Journal};
use crate::shop::Mode;
use crate::side::Side;
use std::time::Duration;

/// First Ups of one round come within moments: they are written once, not one by one.
const GATHER: Duration = Duration::from_secs(2);

/// An entry of its own when something new has been Up for a while.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    let input = sight.input;
    let waited = input.evidence.new_up_for(input.now, input.journal)?;
    (waited >= GATHER).then(|| input.journal.clone())
}

/// Signs an entry: version, holder, and whatever else has become known meanwhile.
pub(super) fn signed(sight: &Sight<'_>, mut journal: Journal) -> Journal {
    let input = sight.input;
    journal.version = JOURNAL_VERSION;
    journal.holder = input.me.clone();
    journal.ever_up.extend(input.evidence.ever_up().iter().cloned());
    if input.shop.policy.mode != Mode::Observe && journal.active_region.is_some() {
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
