//! Former writers whose place is taken: they may hold orders that W lacks, so that nothing but a person deletes them. They
//! stay stopped; RDS starts what was stopped for seven days.

use super::super::{Sight, standpoint};
use super::steps::fenced_tag;
use crate::Text;
use crate::actual::Read;
use crate::decision::{Effect, Step};
use crate::evidence::status_vote;
use crate::facts::InstanceVote;
use crate::journal::{Journal, Obligation, ObligationKind};
use crate::places::Place;
use crate::reading::{InstanceView, Seen};
use crate::rebuilt::{RETIRED_AT_MOST, Rebuild, Retired, Successor};
use crate::side::Side;
use std::time::Duration;

/// A former writer is believed to be deleted once it has not been listed for so long.
const GONE_FOR: Duration = Duration::from_secs(60);

/// The new replica in the place of the former writer: what is owed is done, in one write.
pub(super) fn succeeded(sight: &Sight<'_>, side: Side, owed: &Obligation, rebuild: &Rebuild) -> Option<Journal> {
    let region = &sight.input.shop.regions[side];
    let view = sight.input.actual.other(&region.name, &rebuild.instance)?.present()?;
    let mut journal = sight.input.journal.clone();
    let before = journal.instances.get(&region.name);
    let listed = before.filter(|_| sight.input.shop.succeeded[side]);
    let listed = listed.map_or(&region.instance, |own| &own.listed).clone();
    let successor = Successor {
        listed,
        instance: rebuild.instance.clone(),
    };
    journal.instances.insert(region.name.clone(), successor);
    journal
        .resource_ids
        .insert(region.name.clone(), view.resource_id.clone());
    if let Some(places) = &mut journal.places {
        let place = Place {
            instance: rebuild.instance.clone(),
            pool: region.pool.clone(),
        };
        places.regions.insert(region.name.clone(), place);
    }
    journal
        .obligations
        .retain(|o| o.kind != ObligationKind::RebuildStandby || o.region != region.name);
    journal.rebuild = None;
    retire(sight, &mut journal, owed);
    Some(journal)
}

fn retire(sight: &Sight<'_>, journal: &mut Journal, owed: &Obligation) {
    let known = |own: &Retired| own.region == owed.region && own.instance == owed.instance;
    if journal.retired.iter().any(known) {
        return;
    }
    journal.retired.push(Retired {
        region: owed.region.clone(),
        instance: owed.instance.clone(),
        number: owed.number,
        since: sight.input.now.wall,
    });
    if journal.retired.len() > RETIRED_AT_MOST {
        journal.retired.remove(0);
    }
}

/// An edit keeps what is in the place of a listed instance, and former writers stay stopped: the one too that the edit has
/// just replaced by a replica that a person made.
pub(in crate::plan) fn keep_in_an_edit(sight: &Sight<'_>, journal: &mut Journal) {
    let (old, shop) = (sight.input.journal, sight.input.shop);
    let stands = |region: &Text| shop.side(region).is_some_and(|side| shop.succeeded[side]);
    let kept = old.instances.iter().filter(|(region, _)| stands(region));
    journal.instances = kept.map(|(region, own)| (region.clone(), own.clone())).collect();
    journal.rebuild.clone_from(&old.rebuild);
    journal.retired.clone_from(&old.retired);
    for owed in &old.obligations {
        let side = shop.side(&owed.region);
        let replaced = side.is_some_and(|side| shop.regions[side].instance != owed.instance);
        if owed.kind == ObligationKind::RebuildStandby && replaced {
            retire(sight, journal, owed);
        }
    }
}

/// A journal that begins anew: our TXT tells what took the place of what the spec lists.
pub(in crate::plan) fn recall(sight: &Sight<'_>, journal: &mut Journal) {
    let shop = sight.input.shop;
    let Some(record) = standpoint::owner_record(sight.input).filter(|record| record.owner == shop.owner) else {
        return;
    };
    for (region, own) in record.instances {
        if shop.side(&region).is_none() {
            continue;
        }
        let left = Obligation {
            kind: ObligationKind::RebuildStandby,
            region: region.clone(),
            instance: own.listed.clone(),
            number: record.epoch,
            since: sight.input.now.wall,
        };
        retire(sight, journal, &left);
        journal.instances.insert(region, own);
    }
}

fn read_of<'a>(sight: &Sight<'a>, own: &Retired) -> Option<&'a Read<InstanceView>> {
    sight.input.actual.other(&own.region, &own.instance)
}

/// Without those that a person has deleted.
pub(super) fn forgotten(sight: &Sight<'_>) -> Option<Journal> {
    let gone = |own: &Retired| {
        read_of(sight, own).is_some_and(|read| {
            let long = sight.input.now.mono.saturating_sub(read.since.mono) >= GONE_FOR;
            long && matches!(read.seen, Seen::Absent)
        })
    };
    let journal = sight.input.journal;
    journal.retired.iter().any(gone).then(|| {
        let mut due = journal.clone();
        due.retired.retain(|own| !gone(own));
        due
    })
}

/// The former writer that runs again, if one does.
pub(in crate::plan) fn retired_runs<'a>(sight: &Sight<'a>) -> Option<&'a Retired> {
    let mut retired = sight.input.journal.retired.iter();
    retired.find(|own| running(sight, own).is_some())
}

/// It replicates from nobody and is not stopped, nor about to be.
fn running<'a>(sight: &Sight<'a>, own: &Retired) -> Option<&'a InstanceView> {
    let view = read_of(sight, own)?.present()?;
    let runs = matches!(
        status_vote(&view.status),
        InstanceVote::Available | InstanceVote::Routine
    );
    (runs && view.source.is_none()).then_some(view)
}

/// Tagged as fenced, where the tag is gone, and stopped. Its group still pins `read_only`, where it is its own.
pub(super) fn steps(sight: &Sight<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for own in &sight.input.journal.retired {
        let (Some(side), Some(view)) = (sight.side(Some(&own.region)), running(sight, own)) else {
            continue;
        };
        let scope = sight.input.shop.scope(side);
        if sight.input.shop.regions[side].instance == own.instance {
            continue;
        }
        if view.tag_fenced.is_none() {
            steps.push(Step::Effect(Effect::Tag {
                scope,
                arn: view.arn.clone(),
                tags: fenced_tag(own.number),
            }));
        } else if status_vote(&view.status) == InstanceVote::Available {
            steps.push(Step::Effect(Effect::Stop {
                scope,
                instance: own.instance.clone(),
            }));
        }
    }
    steps
}
