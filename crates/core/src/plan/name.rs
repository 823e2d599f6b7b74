//! The name level: the writer's CNAME, our TXT beside it, and the tags that let a lost journal be found again.

use super::{Sight, contested, moved, standpoint};
use crate::Text;
use crate::actual::Read;
use crate::decision::{Effect, LevelState, NameChange, Step};
use crate::evidence::status_vote;
use crate::facts::InstanceVote;
use crate::journal::{MoveKind, NAME_LEVEL, Phase};
use crate::outcome::Outcome;
use crate::owner_record::OwnerRecord;
use crate::reading::{NamesView, RecordSet, Seen, TroubleKind};
use crate::side::Side;
use std::collections::BTreeMap;
use std::time::Duration;

/// Route 53 propagates "generally within 60 s": what is believed when nobody can be asked about the change any more.
const PROPAGATION: Duration = Duration::from_secs(60);

/// One atomic batch for what differs, and the tags.
pub(super) fn steps(sight: &Sight<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let changes = changes(sight);
    if !changes.is_empty() && !contested::is_left_alone(sight, NAME_LEVEL) {
        let shop = sight.input.shop;
        steps.push(Step::Effect(Effect::ChangeNames {
            class: shop.class.clone(),
            zone: shop.writer.zone.clone(),
            changes,
        }));
    }
    steps.extend(tag(sight));
    steps
}

/// Whether the level holds.
pub(super) fn state(sight: &Sight<'_>) -> LevelState {
    if sight.input.actual.names().is_none() || sight.input.journal.active_region.is_none() {
        return LevelState::Unknown;
    }
    contested::level_state(sight, &[NAME_LEVEL.into()], |_| differs(sight))
}

/// Whether both records say what they should, whoever contests it.
pub(super) fn holds(sight: &Sight<'_>) -> bool {
    let known = sight.input.actual.names().is_some() && sight.input.journal.active_region.is_some();
    known && !differs(sight)
}

/// Whether the newest reading shows something else than the records should say.
pub(super) fn differs(sight: &Sight<'_>) -> bool {
    !changes(sight).is_empty()
}

/// Whether these records say what they should.
pub(super) fn as_wanted(sight: &Sight<'_>, names: &NamesView) -> bool {
    let owner = names.txt.as_ref().and_then(OwnerRecord::parse);
    changes_of(sight, names, owner.as_ref()).is_empty()
}

/// What the differing record should say, and what it says.
pub(super) fn wanted_and_seen(sight: &Sight<'_>) -> Option<(Text, Text)> {
    let names = sight.input.actual.names()?;
    let changes = changes(sight);
    let wanted = changes.iter().find_map(|change| match change {
        NameChange::Create(record) => Some(record),
        NameChange::Delete(_) => None,
    })?;
    let seen = if &*wanted.kind == "TXT" {
        &names.txt
    } else {
        &names.writer
    };
    let value = |record: &RecordSet| {
        // Anybody may have written it: bounded, and without what a terminal would obey.
        let first = record.values.first().map_or("", |value| value.trim_matches('"'));
        let first: String = first.chars().filter(|c| !c.is_control()).take(120).collect();
        Text::from(format!("{} {first}", record.kind))
    };
    Some((value(wanted), seen.as_ref().map_or_else(|| "nothing".into(), value)))
}

fn changes(sight: &Sight<'_>) -> Vec<NameChange> {
    let actual = sight.input.actual;
    actual
        .names()
        .map(|names| changes_of(sight, names, actual.owner.as_ref()))
        .unwrap_or_default()
}

/// What it takes to make these records what they should be; `owner` is what their TXT says.
fn changes_of(sight: &Sight<'_>, names: &NamesView, owner: Option<&OwnerRecord>) -> Vec<NameChange> {
    if sight.foreign_owner().is_some() || is_leaving(sight) || waits_for_promotion(sight) {
        return Vec::new();
    }
    let mut changes = writer_changes(sight, names);
    let txt = txt_changes(sight, names, owner);
    if !changes.is_empty() && txt.is_empty() {
        changes.extend(txt_guard(sight, names));
    }
    changes.extend(txt);
    changes
}

/// Our TXT deleted and created as it was: the name is only changed while the TXT is still ours, as it was last listed.
fn txt_guard(sight: &Sight<'_>, names: &NamesView) -> Vec<NameChange> {
    let (Some(old), Some(want)) = (&names.txt, wanted_txt(sight)) else {
        return Vec::new();
    };
    let writer = &sight.input.shop.writer.name;
    vec![NameChange::Delete(old.clone()), NameChange::Create(want.record(writer))]
}

fn is_leaving(sight: &Sight<'_>) -> bool {
    sight.input.shop.deleting
}

/// From the licence until the promotion is done both records wait: they change together, in one batch.
fn waits_for_promotion(sight: &Sight<'_>) -> bool {
    sight
        .input
        .journal
        .in_flight()
        .is_some_and(|m| m.phase == Phase::Promoting)
}

fn txt_changes(sight: &Sight<'_>, names: &NamesView, owner: Option<&OwnerRecord>) -> Vec<NameChange> {
    let Some(want) = wanted_txt(sight) else {
        return Vec::new();
    };
    let shop = sight.input.shop;
    match &names.txt {
        Some(_) if owner == Some(&want) => Vec::new(),
        Some(old) => vec![
            NameChange::Delete(old.clone()),
            NameChange::Create(want.record(&shop.writer.name)),
        ],
        None => vec![NameChange::Create(want.record(&shop.writer.name))],
    }
}

/// What our TXT should say; while an adoption has only begun, that we are the owner.
fn wanted_txt(sight: &Sight<'_>) -> Option<OwnerRecord> {
    let journal = sight.input.journal;
    let owner = sight.input.shop.owner.clone();
    if journal.active_region.is_some() {
        let (region, excluded) = (journal.active_region.clone(), journal.excluded.clone());
        return Some(OwnerRecord {
            owner,
            epoch: journal.epoch,
            region,
            excluded,
            instances: journal.instances.clone(),
        });
    }
    // Not ours to change before W is known: what an earlier life of ours wrote is what an adoption reads.
    let absent = sight.input.actual.names().is_some_and(|names| names.txt.is_none());
    (journal.adopting_since.is_some() && absent).then_some(OwnerRecord {
        owner,
        epoch: 0,
        region: None,
        excluded: None,
        instances: BTreeMap::new(),
    })
}

/// The name follows W once a move of ours has repointed it; an adoption moves no name.
fn writer_changes(sight: &Sight<'_>, names: &NamesView) -> Vec<NameChange> {
    let Some(endpoint) = wanted_endpoint(sight) else {
        return Vec::new();
    };
    let writer = &sight.input.shop.writer;
    let want = RecordSet {
        name: writer.name.clone(),
        kind: "CNAME".into(),
        ttl: i64::try_from(writer.ttl.as_secs()).ok(),
        values: vec![endpoint.clone()],
        simple: true,
    };
    match &names.writer {
        None => vec![NameChange::Create(want)],
        Some(record) if !record.simple || &*record.kind != "CNAME" => Vec::new(),
        Some(record) if record.values.iter().any(|value| plain(value) == plain(endpoint)) => Vec::new(),
        Some(record) => vec![NameChange::Delete(record.clone()), NameChange::Create(want)],
    }
}

/// The endpoint that the name should point at, once a move has repointed it. A region that a person named as the
/// active one counts once its instance runs and follows nobody.
pub(super) fn wanted_endpoint<'a>(sight: &Sight<'a>) -> Option<&'a Text> {
    let journal = sight.input.journal;
    if journal.name_epoch != Some(journal.epoch) || moved::stops_everything(sight) {
        return None;
    }
    let side = sight.side(journal.active_region.as_ref())?;
    let view = sight.input.actual.instance(side)?;
    let adopting = journal.in_flight().is_some_and(|m| m.kind == MoveKind::Adopt);
    let runs = status_vote(&view.status) == InstanceVote::Available && view.source.is_none();
    view.endpoint.as_ref().filter(|_| !adopting || runs)
}

/// Whether the writer's name, as last listed, points to this side's instance.
pub(super) fn points_to(sight: &Sight<'_>, side: Side) -> bool {
    let record = sight.input.actual.names().and_then(|names| names.writer.as_ref());
    let endpoint = sight
        .input
        .actual
        .instance(side)
        .and_then(|view| view.endpoint.as_ref());
    endpoint.is_some_and(|endpoint| {
        record.is_some_and(|record| record.values.iter().any(|value| plain(value) == plain(endpoint)))
    })
}

/// A DNS name for comparison: lower case, no final dot.
pub(super) fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Since when (monotonic) the records as they are now have been everywhere.
pub(super) fn in_sync_since(sight: &Sight<'_>) -> Option<Duration> {
    let names = sight.input.actual.names.as_ref()?;
    let Some(newest) = newest_change(sight).filter(|_| !may_not_ask(sight)) else {
        // After a takeover, or when the answer was lost, nobody knows the change's id, and a role may lack GetChange: seen
        // in the listing for as long as propagation takes.
        let seen = names.since.mono + PROPAGATION;
        return (seen <= sight.input.now.mono).then_some(seen);
    };
    let (_, read) = sight.input.actual.change.as_ref().filter(|(id, _)| id == newest)?;
    read.present().filter(|change| change.in_sync).map(|_| read.since.mono)
}

/// Whether we are denied to ask what became of the newest change: it has been made all the same.
pub(super) fn may_not_ask(sight: &Sight<'_>) -> bool {
    let change = sight.input.actual.change.as_ref();
    change.is_some_and(|(_, read)| matches!(&read.seen, Seen::Unknown(trouble) if trouble.kind == TroubleKind::Denied))
}

/// The id of the newest change of ours, if that is known: not of one that may have been made, and was not answered.
pub(super) fn newest_change<'a>(sight: &Sight<'a>) -> Option<&'a Text> {
    let newest = sight.input.calls.iter().rev().find_map(|call| {
        let (Step::Effect(Effect::ChangeNames { .. }), Some((_, outcome))) = (&call.step, &call.ended) else {
            return None;
        };
        match outcome {
            Outcome::Accepted(receipt) => Some(receipt.change.as_ref()),
            Outcome::Ambiguous(_) => Some(None),
            // Nothing was done: the one before is the newest.
            Outcome::Refused(_) | Outcome::Denied(_) | Outcome::Throttled(_) => None,
        }
    });
    newest.flatten()
}

/// Owner and epoch on W's instance, written once it is adopted or promoted.
fn tag(sight: &Sight<'_>) -> Option<Step> {
    let (journal, shop) = (sight.input.journal, sight.input.shop);
    if tags_hold(sight) || is_leaving(sight) || waits_for_promotion(sight) || moved::stops_everything(sight) {
        return None;
    }
    let side = sight.side(journal.active_region.as_ref())?;
    let view = sight.input.actual.instances[side].as_ref().and_then(Read::present)?;
    Some(Step::Effect(Effect::Tag {
        scope: shop.scope(side),
        arn: view.arn.clone(),
        tags: vec![
            ("breakwater:owner".into(), shop.owner.clone()),
            ("breakwater:epoch".into(), journal.epoch.to_string().into()),
        ],
    }))
}

/// Whether W's instance bears our tags; where its API does not answer there is nothing to do now.
pub(super) fn tags_hold(sight: &Sight<'_>) -> bool {
    let journal = sight.input.journal;
    let Some(side) = sight.side(journal.active_region.as_ref()) else {
        return true;
    };
    let Some(view) = sight.input.actual.instance(side) else {
        return true;
    };
    view.tag_owner.as_ref() == Some(&sight.input.shop.owner) && view.tag_epoch == Some(journal.epoch)
}

/// Whether the TXT that stands there is ours.
pub(super) fn txt_is_ours(sight: &Sight<'_>) -> bool {
    standpoint::owner_record(sight.input).is_some_and(|record| record.owner == sight.input.shop.owner)
}
