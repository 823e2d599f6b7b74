//! The calls of a rebuilding, in order: a parameter group that does not pin `read_only`, then the replica.

use super::super::Sight;
use super::{barred, former, lacks, may_act, owed, read_of, under_way};
use crate::Text;
use crate::actual::Read;
use crate::decision::{Effect, Replica, Step};
use crate::reading::{InstanceView, Seen, Shape};
use crate::rebuilt::Rebuild;
use std::time::Duration;

/// "Wait at least 5 minutes before creating your first DB instance that uses that DB parameter group" (RDS API reference,
/// `CopyDBParameterGroup`): until then the instance may start with the defaults instead.
const GROUP_SETTLES: Duration = Duration::from_secs(300);

/// gp3 volumes of RDS for MySQL have at least this much without being asked, and smaller ones take no wish (RDS user guide,
/// "gp3 storage"): only more than this is told.
const GP3_IOPS: i32 = 12_000;
/// The same of MiB/s.
const GP3_THROUGHPUT: i32 = 500;

/// What is sent now: what keeps former writers stopped, and what the new replica lacks.
pub(in crate::plan) fn steps(sight: &Sight<'_>) -> Vec<Step> {
    if !may_act(sight) {
        return Vec::new();
    }
    let mut steps = former::steps(sight);
    steps.extend(next(sight).map(Step::Effect));
    steps
}

fn next(sight: &Sight<'_>) -> Option<Effect> {
    let (side, owed) = owed(sight)?;
    let rebuild = under_way(sight, owed)?;
    let absent = matches!(read_of(sight, rebuild)?.seen, Seen::Absent);
    if !absent || barred(sight, owed).is_some() || lacks(sight, side).is_some() {
        return None;
    }
    if let Some(read) = group_read(sight, rebuild) {
        match &read.seen {
            Seen::Absent => return copy(sight, rebuild),
            Seen::Present(view) if view.read_only.as_deref() == Some("1") => {
                return Some(Effect::SetReadOnly {
                    scope: sight.input.shop.scope(side),
                    group: rebuild.group.clone(),
                    on: false,
                });
            }
            Seen::Present(_) | Seen::Silent | Seen::Unknown(_) => {}
        }
    }
    create(sight, rebuild).filter(|_| group_is_ready(sight, rebuild))
}

fn group_read<'a>(sight: &Sight<'a>, rebuild: &Rebuild) -> Option<&'a Read<crate::reading::ParametersView>> {
    let key = (rebuild.region.clone(), rebuild.group.clone());
    let read = sight.input.actual.other_groups.get(&key);
    read.filter(|_| rebuild.copy_of.is_some())
}

/// Whether the group may be used: it is not a new one, or has been as it should be for long enough.
pub(super) fn group_is_ready(sight: &Sight<'_>, rebuild: &Rebuild) -> bool {
    if rebuild.copy_of.is_none() {
        return true;
    }
    group_read(sight, rebuild).is_some_and(|read| {
        let settled = sight.input.now.mono.saturating_sub(read.since.mono) >= GROUP_SETTLES;
        let writable = read
            .present()
            .is_some_and(|view| view.read_only.as_deref() != Some("1"));
        settled && writable
    })
}

/// The copy of the former writer's group.
pub(super) fn copy(sight: &Sight<'_>, rebuild: &Rebuild) -> Option<Effect> {
    let side = sight.side(Some(&rebuild.region))?;
    Some(Effect::CopyGroup {
        scope: sight.input.shop.scope(side),
        from: rebuild.copy_of.clone()?,
        to: rebuild.group.clone(),
    })
}

/// The replica: W's, and like the former writer in all else.
pub(super) fn create(sight: &Sight<'_>, rebuild: &Rebuild) -> Option<Effect> {
    let (input, journal) = (sight.input, sight.input.journal);
    let side = sight.side(Some(&rebuild.region))?;
    let former = input.actual.instance(side)?;
    let writer = input.actual.instance(side.other())?;
    let tags = vec![
        ("breakwater:owner".into(), input.shop.owner.clone()),
        ("breakwater:epoch".into(), journal.epoch.to_string().into()),
    ];
    Some(Effect::CreateReplica {
        scope: input.shop.scope(side),
        instance: rebuild.instance.clone(),
        replica: Box::new(Replica {
            source: writer.arn.clone(),
            group: rebuild.group.clone(),
            shape: told(former),
            tags,
        }),
    })
}

/// The shape as it is told to RDS.
fn told(former: &InstanceView) -> Shape {
    let shape = former.shape.clone();
    let provisioned = matches!(shape.storage.as_deref(), Some("io1" | "io2"));
    let beyond = shape.iops.is_some_and(|iops| iops > GP3_IOPS)
        || shape.throughput.is_some_and(|throughput| throughput > GP3_THROUGHPUT);
    let gp3 = shape.storage.as_deref() == Some("gp3") && beyond;
    Shape {
        iops: shape.iops.filter(|_| provisioned || gp3),
        throughput: shape.throughput.filter(|_| gp3),
        ..shape
    }
}

/// Marks an instance as one that we fenced.
pub(super) fn fenced_tag(number: i64) -> Vec<(Text, Text)> {
    vec![("breakwater:fenced".into(), number.to_string().into())]
}
