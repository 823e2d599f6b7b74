//! The standby that a move owes: a new replica of W where the former writer was, under a name of its own.
//!
//! A promoted instance can never be attached again, and the former writer may hold orders that W lacks: so it stays as it
//! is, stopped, and another instance takes its place. Its name stands in the journal before RDS is asked for it, it is
//! looked for before each call (neither is idempotent), and once it follows one entry puts it in the former writer's place.

mod former;
mod steps;

pub(super) use former::{keep_in_an_edit, recall, retired_runs};
pub(super) use steps::steps;

use super::{Sight, adopt, fence, moved, sending, standpoint};
use crate::Text;
use crate::actual::Read;
use crate::decision::{Effect, RebuildWait, Rebuilding};
use crate::evidence::status_vote;
use crate::facts::{InstanceVote, LinkVote};
use crate::journal::{Journal, Obligation, ObligationKind};
use crate::outcome::Outcome;
use crate::reading::{InstanceView, Seen};
use crate::rebuilt::{Rebuild, Successor, identifier};
use crate::shop::Mode;
use crate::side::Side;
use crate::time::since;
use std::time::Duration;

/// An instance of another's that bears the name is believed to be that after so long: tags of a new one may be listed late.
const FOREIGN_FOR: Duration = Duration::from_secs(60);

/// The next entry: the name of the new replica, another one where that is taken, or the new replica in its place.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    if !may_act(sight) {
        return None;
    }
    if let Some(journal) = former::forgotten(sight) {
        return Some(journal);
    }
    let (side, owed) = owed(sight)?;
    if barred(sight, owed).is_some() {
        return None;
    }
    match under_way(sight, owed) {
        None => begin(sight, side, owed),
        Some(rebuild) if follows(sight, side, rebuild) => former::succeeded(sight, side, owed, rebuild),
        Some(rebuild) if is_taken(sight, side, rebuild) => Some(another_name(sight, side, rebuild)),
        Some(_) => None,
    }
}

/// What holds everything up that is not this room's own: whose shop it is, and where its writer is, must be known.
fn may_act(sight: &Sight<'_>) -> bool {
    let known = sight.input.actual.names.is_some() && !adopt::seems_old(sight) && !moved::stops_everything(sight);
    sight.may_touch() && !sight.input.shop.deleting && !sight.input.shop.edit_waits && known
}

/// The standby that is owed: of the region that is not active.
fn owed<'a>(sight: &Sight<'a>) -> Option<(Side, &'a Obligation)> {
    let active = sight.side(sight.input.journal.active_region.as_ref())?;
    let owed = sight.input.journal.obligations.iter().find(|owed| {
        owed.kind == ObligationKind::RebuildStandby && sight.side(Some(&owed.region)) == Some(active.other())
    })?;
    Some((active.other(), owed))
}

fn under_way<'a>(sight: &Sight<'a>, owed: &Obligation) -> Option<&'a Rebuild> {
    let rebuild = sight.input.journal.rebuild.as_ref();
    rebuild.filter(|own| own.region == owed.region)
}

/// What holds a rebuilding up, begun or not.
fn barred(sight: &Sight<'_>, owed: &Obligation) -> Option<RebuildWait> {
    let journal = sight.input.journal;
    let fence = |o: &&Obligation| o.kind == ObligationKind::FenceFormerWriter && o.region == owed.region;
    if sight.input.shop.suspended {
        Some(RebuildWait::Suspended)
    } else if sight.input.shop.policy.mode == Mode::Observe {
        Some(RebuildWait::ObserveMode)
    } else if journal.in_flight().is_some() {
        Some(RebuildWait::Move)
    } else if journal.obligations.iter().any(|o| fence(&o)) {
        Some(RebuildWait::Fence)
    } else {
        None
    }
}

/// What lacks for RDS to be asked: the former writer says what its replacement has to be like, and W must be able to be
/// a source.
fn lacks(sight: &Sight<'_>, side: Side) -> Option<RebuildWait> {
    let former = match sight.input.actual.instances[side].as_ref().map(|read| &read.seen) {
        Some(Seen::Present(view)) => view,
        Some(Seen::Absent) => return Some(RebuildWait::FormerGone),
        Some(Seen::Silent | Seen::Unknown(_)) | None => return Some(RebuildWait::Region),
    };
    if standpoint::names_as_source(former, sight.input, side.other()) {
        return Some(RebuildWait::Observed);
    }
    if fence::may_change_group(former) && !fence::parameters_known(sight, side) {
        return Some(RebuildWait::Region);
    }
    let writer = sight.input.actual.instance(side.other());
    match writer.filter(|view| view.source.is_none() && status_vote(&view.status) == InstanceVote::Available) {
        None => Some(RebuildWait::Writer),
        Some(view) if view.backup_days == 0 => Some(RebuildWait::BackupsOff),
        Some(_) => None,
    }
}

/// The name comes first. A replica of ours that W has there already, of a life whose journal was lost, is taken as it is.
fn begin(sight: &Sight<'_>, side: Side, owed: &Obligation) -> Option<Journal> {
    let mut found = None;
    for arn in replicas_of_writer(sight, side) {
        let id = Text::from(id_of(arn));
        let read = sight.input.actual.other(sight.region(side), &id)?;
        let view = read.present().filter(|view| is_ours(sight, side, view));
        found = found.or(view.map(|view| (id, view.group.clone())));
    }
    let (instance, group, copy_of) = match found {
        Some((instance, group)) => (instance, group, None),
        None if lacks(sight, side).is_some() => return None,
        None => {
            let instance = identifier(&owed.instance, owed.number, 1);
            let (group, copy_of) = group_for(sight, side, &instance)?;
            (instance, group, copy_of)
        }
    };
    let rebuild = Rebuild {
        region: owed.region.clone(),
        instance,
        group,
        copy_of,
        attempt: 1,
        number: owed.number,
        since: sight.input.now.wall,
    };
    Some(with(sight, rebuild))
}

fn with(sight: &Sight<'_>, rebuild: Rebuild) -> Journal {
    Journal {
        rebuild: Some(rebuild),
        ..sight.input.journal.clone()
    }
}

/// The former writer's group stays pinned for the day on which RDS starts it: where the group is its own, the new replica
/// gets a copy, called like itself. A default group, or one that others use, is used as it is, unless it pins `read_only`.
fn group_for(sight: &Sight<'_>, side: Side, instance: &Text) -> Option<(Text, Option<Text>)> {
    let former = sight.input.actual.instance(side)?;
    let pinned = fence::reads_read_only(sight, side);
    let is_default = former.group.starts_with("default.");
    let copies = !is_default && (pinned || !former.group_shared);
    Some(if copies {
        (instance.clone(), Some(former.group.clone()))
    } else {
        (former.group.clone(), None)
    })
}

/// Somebody else's instance bears the name: it is left alone, and the next name is tried.
fn another_name(sight: &Sight<'_>, side: Side, taken: &Rebuild) -> Journal {
    let attempt = taken.attempt + 1;
    let former = &sight.input.shop.regions[side].instance;
    let instance = identifier(former, taken.number, attempt);
    let group = if taken.copy_of.is_some() {
        instance.clone()
    } else {
        taken.group.clone()
    };
    with(
        sight,
        Rebuild {
            instance,
            group,
            attempt,
            since: sight.input.now.wall,
            ..taken.clone()
        },
    )
}

/// What a reading of after the entry says of the new replica.
fn read_of<'a>(sight: &Sight<'a>, rebuild: &Rebuild) -> Option<&'a Read<InstanceView>> {
    let read = sight.input.actual.other(&rebuild.region, &rebuild.instance)?;
    (!since(rebuild.since, read.asked.wall).is_zero()).then_some(read)
}

/// Made by us, of W as it is now.
fn is_ours(sight: &Sight<'_>, side: Side, view: &InstanceView) -> bool {
    view.tag_owner.as_ref() == Some(&sight.input.shop.owner)
        && standpoint::names_as_source(view, sight.input, side.other())
}

fn is_taken(sight: &Sight<'_>, side: Side, rebuild: &Rebuild) -> bool {
    read_of(sight, rebuild).is_some_and(|read| {
        let long = sight.input.now.mono.saturating_sub(read.since.mono) >= FOREIGN_FOR;
        long && read.present().is_some_and(|view| !is_ours(sight, side, view))
    })
}

/// Available, a replica of W, and rows flow; most of what was written while it was made has arrived.
fn follows(sight: &Sight<'_>, side: Side, rebuild: &Rebuild) -> bool {
    let view = read_of(sight, rebuild).and_then(Read::present);
    let (evidence, now) = (sight.input.evidence, sight.input.now);
    let link = evidence.link_of(&rebuild.region, &rebuild.instance, now);
    let lag = evidence.lag_of(&rebuild.region, &rebuild.instance, now);
    link == LinkVote::Flowing
        && lag.is_some_and(|lag| lag <= sight.input.shop.policy.max_loss)
        && view.is_some_and(|view| is_ours(sight, side, view) && status_vote(&view.status) == InstanceVote::Available)
}

/// How far it is, for people.
pub(super) fn progress(sight: &Sight<'_>) -> Option<Rebuilding> {
    let (side, owed) = owed(sight)?;
    if let Some(wait) = barred(sight, owed) {
        return Some(Rebuilding::Waits(wait));
    }
    let Some(rebuild) = under_way(sight, owed) else {
        return Some(lacks(sight, side).map_or(Rebuilding::Asked, Rebuilding::Waits));
    };
    let made = read_of(sight, rebuild).and_then(Read::present);
    if let Some(view) = made.filter(|view| is_ours(sight, side, view)) {
        return Some(made_so_far(view));
    }
    let refused = refusal(sight, rebuild);
    let waits = || lacks(sight, side).map(Rebuilding::Waits);
    let group = || (!steps::group_is_ready(sight, rebuild)).then_some(Rebuilding::Group);
    Some(refused.or_else(waits).or_else(group).unwrap_or(Rebuilding::Asked))
}

fn made_so_far(view: &InstanceView) -> Rebuilding {
    let status = || view.status.clone();
    match status_vote(&view.status) {
        InstanceVote::Available => Rebuilding::CatchingUp,
        InstanceVote::Failed => Rebuilding::Failed { status: status() },
        InstanceVote::Routine | InstanceVote::Absent | InstanceVote::Silent | InstanceVote::Unknown => {
            Rebuilding::Making { status: status() }
        }
    }
}

/// The newest answer that was a No, of the calls that this rebuilding needs.
fn refusal(sight: &Sight<'_>, rebuild: &Rebuild) -> Option<Rebuilding> {
    let calls = [steps::create(sight, rebuild), steps::copy(sight, rebuild)];
    calls.into_iter().flatten().find_map(|effect: Effect| {
        let last = sending::last_of(sight, &effect)?;
        match &last.ended.as_ref()?.1 {
            Outcome::Refused(refusal) => Some(Rebuilding::NotTaken {
                code: refusal.code.clone(),
                text: refusal.text.clone(),
            }),
            Outcome::Denied(text) => Some(Rebuilding::NotTaken {
                code: "denied".into(),
                text: text.clone(),
            }),
            Outcome::Accepted(_) | Outcome::Throttled(_) | Outcome::Ambiguous(_) => None,
        }
    })
}

/// What is looked at beside the instance of a side: the new replica, former writers, and replicas of W that may be ours.
pub(super) fn instances_beside(sight: &Sight<'_>, side: Side, ids: &mut Vec<Text>) {
    let (journal, region) = (sight.input.journal, sight.region(side));
    let rebuilt = journal.rebuild.iter().filter(|own| own.region == *region);
    ids.extend(rebuilt.map(|own| own.instance.clone()));
    let retired = journal.retired.iter().filter(|own| own.region == *region);
    ids.extend(retired.map(|own| own.instance.clone()));
    let unbegun = journal.rebuild.is_none() && owed(sight).is_some_and(|(there, _)| there == side);
    if unbegun {
        ids.extend(replicas_of_writer(sight, side).map(|arn| Text::from(id_of(arn))));
    }
}

/// The ARNs of W's replicas in the region of a side, but the instance that the shop has there.
fn replicas_of_writer<'a>(sight: &Sight<'a>, side: Side) -> impl Iterator<Item = &'a Text> {
    let region = &sight.input.shop.regions[side];
    let writer = sight.input.actual.instance(side.other());
    writer.into_iter().flat_map(|view| &view.replicas).filter(|arn| {
        let there = arn.split(':').nth(3);
        there == Some(&*region.name) && *id_of(arn) != *region.instance
    })
}

fn id_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// The new replica of a side, once there is one that may have a lag.
pub(super) fn new_replica<'a>(sight: &Sight<'a>, side: Side) -> Option<&'a Text> {
    let rebuild = sight.input.journal.rebuild.as_ref()?;
    let view = read_of(sight, rebuild).and_then(Read::present)?;
    (rebuild.region == *sight.region(side) && view.source.is_some()).then_some(&rebuild.instance)
}

/// The parameter group of its own that the new replica of a side gets.
pub(super) fn new_group<'a>(sight: &Sight<'a>, side: Side) -> Option<&'a Text> {
    let rebuild = sight.input.journal.rebuild.as_ref()?;
    (rebuild.region == *sight.region(side) && rebuild.copy_of.is_some()).then_some(&rebuild.group)
}

/// Whether the spec lists by now what was put in the place of an earlier one.
pub(super) fn is_satisfied(sight: &Sight<'_>) -> bool {
    let journal = sight.input.journal;
    journal
        .instances
        .iter()
        .any(|(region, own)| satisfied(sight, region, own))
}

fn satisfied(sight: &Sight<'_>, region: &Text, successor: &Successor) -> bool {
    let shop = sight.input.shop;
    let listed = |side: Side| shop.regions[side].instance == successor.instance && !shop.succeeded[side];
    !shop.edit_waits && shop.side(region).is_some_and(listed)
}

/// What no longer means anything: a rebuilding that nobody owes, the successor that the spec lists by now, a former writer
/// that is in use again.
pub(super) fn tidy(sight: &Sight<'_>, journal: &mut Journal) {
    let owes = |region: &Text| {
        let mut owed = journal.obligations.iter();
        owed.any(|o| o.kind == ObligationKind::RebuildStandby && o.region == *region)
    };
    journal.rebuild = journal.rebuild.take().filter(|own| owes(&own.region));
    let known = &sight.input.journal.instances;
    journal
        .instances
        .retain(|region, own| known.get(region) != Some(own) || !satisfied(sight, region, own));
    let in_use = |own: &crate::rebuilt::Retired| {
        let place = journal
            .places
            .as_ref()
            .and_then(|places| places.regions.get(&own.region));
        place.is_some_and(|place| place.instance == own.instance)
    };
    journal.retired.retain(|own| !in_use(own));
}
