//! What of ours stands in the world beside the levels of a quiet day: it is undone or completed whatever the mode is.

use super::{Sight, shift};
use crate::journal::Journal;

/// Whether something does: a move, what one owes, an exclusion, lists that are not put back, a pool order that is neither
/// the active region's nor a person's.
pub(super) fn stands(sight: &Sight<'_>) -> bool {
    let journal = sight.input.journal;
    journal.in_flight().is_some()
        || !journal.obligations.is_empty()
        || journal.excluded.is_some()
        || !journal.saved_steering.is_empty()
        || (journal.front != journal.active_region && !shift::is_enforced(journal))
        || told_in_vain(sight, journal)
}

/// Our TXT still names an excluded region: whoever lost the journal would believe it.
fn told_in_vain(sight: &Sight<'_>, journal: &Journal) -> bool {
    let record = sight.input.actual.owner.as_ref();
    journal.active_region.is_some()
        && record.is_some_and(|record| {
            let ours = record.owner == sight.input.shop.owner && record.epoch == journal.epoch;
            ours && record.excluded != journal.excluded
        })
}
