//! From where the facts are seen: which region is active, and what the journal says about it.

use super::Input;
use crate::evidence::Standpoint;
use crate::facts::Facts;
use crate::journal::{ObligationKind, Phase};
use crate::owner_record::OwnerRecord;
use crate::reading::InstanceView;
use crate::side::Side;

/// The active side: the journal's; without one, as a replica names its source (which is shown, never acted on).
pub(super) fn active(input: &Input<'_>) -> Option<Side> {
    match &input.journal.active_region {
        Some(region) => input.shop.side(region),
        None => seen_active(input),
    }
}

/// The side that the other's instance names as its source.
pub(super) fn seen_active(input: &Input<'_>) -> Option<Side> {
    Side::BOTH.into_iter().find(|side| {
        let replica = input.actual.instance(side.other());
        replica.is_some_and(|view| names_as_source(view, input, *side))
    })
}

/// Whether this replica follows that side's instance. Across regions the source is an ARN.
pub(super) fn names_as_source(replica: &InstanceView, input: &Input<'_>, side: Side) -> bool {
    let region = &input.shop.regions[side];
    let Some(source) = &replica.source else { return false };
    let mut parts = source.split(':');
    match (parts.nth(3), parts.next_back()) {
        (Some(in_region), Some(instance)) => *in_region == *region.name && *instance == *region.instance,
        (Some(_) | None, _) => **source == *region.instance,
    }
}

/// The facts as seen from this side.
pub(super) fn facts(input: &Input<'_>, active: Side) -> Facts {
    let journal = input.journal;
    let region = &input.shop.regions[active].name;
    let in_move = journal.in_flight();
    let from = Standpoint {
        active,
        fence_is_ours: journal.obligations.iter().any(|o| {
            matches!(o.kind, ObligationKind::Unfence | ObligationKind::FenceFormerWriter) && o.region == *region
        }),
        excluded_in_move: journal.excluded.as_ref() == Some(region)
            && in_move.is_some_and(|m| matches!(m.phase, Phase::Preparing | Phase::Excluding | Phase::Promoting)),
        journal,
    };
    input.evidence.facts(input.now, input.shop, from)
}

/// Our TXT (or another's in its place) as last listed.
pub(super) fn owner_record(input: &Input<'_>) -> Option<OwnerRecord> {
    input.actual.owner.clone()
}
