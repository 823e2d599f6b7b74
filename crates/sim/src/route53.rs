//! A Route 53 hosted zone: atomic batches, exact deletes, changes that reach resolvers later.
//!
//! `DELETE` must match every current value, so that `DELETE old + CREATE new` in one batch is a
//! compare-and-swap; `UPSERT` is blind. A batch is PENDING, then INSYNC within a minute; resolvers see it at
//! some time between. The control plane lives in us-east-1; the data plane answers always.

use crate::dice::Dice;
use crate::rds::error;
use crate::request::{Answer, Millis, RecordAction, RecordChange, RecordSet, Route53Op};
use std::collections::BTreeMap;

/// Where a record set stands in Route 53's order: labels from the right, then type, then identifier.
type Place = (Vec<String>, String, String);

/// The zone.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    id: String,
    name: String,
    records: BTreeMap<Place, RecordSet>,
    visible: BTreeMap<Place, RecordSet>,
    changes: Vec<Change>,
    buckets: BTreeMap<&'static str, (f64, Millis)>,
}

#[derive(Clone, Debug)]
struct Change {
    id: String,
    submitted: Millis,
    insync: Millis,
    visible: Millis,
    changes: Vec<RecordChange>,
}

/// A batch that was accepted: its sets, and when resolvers see it.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub index: usize,
    pub visible: Millis,
    pub changes: Vec<RecordChange>,
}

/// Lower case, final dot, octal escapes for all but letters, digits, `-`, `_` and dots: as Route 53 lists names.
pub(crate) fn normal_name(name: &str) -> String {
    let mut normal = String::with_capacity(name.len() + 1);
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' => normal.push(char::from(byte.to_ascii_lowercase())),
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'\\' => normal.push(char::from(byte)),
            other => normal.push_str(&format!("\\{other:03o}")),
        }
    }
    if !normal.ends_with('.') {
        normal.push('.');
    }
    normal
}

fn place(name: &str, kind: &str, set_identifier: Option<&str>) -> Place {
    let labels = name.trim_end_matches('.').rsplit('.').map(str::to_owned).collect();
    (labels, kind.to_owned(), set_identifier.unwrap_or("").to_owned())
}

fn place_of(record: &RecordSet) -> Place {
    place(&record.name, &record.kind, record.set_identifier.as_deref())
}

impl Zone {
    pub(crate) fn new(id: &str, name: &str, records: Vec<RecordSet>) -> Zone {
        let records: BTreeMap<Place, RecordSet> = records
            .into_iter()
            .map(|mut record| {
                record.name = normal_name(&record.name);
                (place_of(&record), record)
            })
            .collect();
        Zone {
            id: id.to_owned(),
            name: normal_name(name),
            visible: records.clone(),
            records,
            changes: Vec::new(),
            buckets: BTreeMap::new(),
        }
    }

    /// What a resolver gets for a CNAME now: its target and TTL.
    pub(crate) fn resolve(&self, name: &str) -> Option<(&str, i64)> {
        let record = self.visible.get(&place(name, "CNAME", None))?;
        Some((record.values.first()?.trim_end_matches('.'), record.ttl))
    }

    /// A set as resolvers see it.
    pub(crate) fn visible(&self, name: &str, kind: &str) -> Option<&RecordSet> {
        self.visible.get(&place(name, kind, None))
    }

    /// All sets as the API lists them.
    pub(crate) fn records(&self) -> impl Iterator<Item = &RecordSet> {
        self.records.values()
    }

    /// Takes a token of the action's bucket; with none left the answer is `Throttling`.
    pub(crate) fn throttled(&mut self, op: &'static str, now: Millis, burst: f64, per_second: f64) -> Option<Answer> {
        let (tokens, since) = self.buckets.entry(op).or_insert((burst, now));
        *tokens = (*tokens + (now - *since) as f64 / 1000.0 * per_second).min(burst);
        *since = now;
        if *tokens < 1.0 {
            return Some(error(400, "Throttling", "Rate exceeded"));
        }
        *tokens -= 1.0;
        None
    }

    /// Answers a request; an accepted batch is returned as well, for the world to make visible.
    pub(crate) fn ask(
        &mut self,
        op: &Route53Op,
        now: Millis,
        dice: &mut Dice,
        insync: (Millis, Millis),
    ) -> (Answer, Option<Accepted>) {
        let zone = match op {
            Route53Op::GetHostedZone { zone }
            | Route53Op::ListRecords { zone, .. }
            | Route53Op::ChangeRecords { zone, .. } => zone,
            Route53Op::GetChange { id } => return (self.get_change(id, now), None),
        };
        if zone.trim_start_matches("/hostedzone/") != self.id {
            let message = format!("No hosted zone found with ID: {zone}");
            return (error(404, "NoSuchHostedZone", &message), None);
        }
        match op {
            Route53Op::GetHostedZone { .. } => (
                Answer::Zone {
                    id: self.id.clone(),
                    name: self.name.clone(),
                },
                None,
            ),
            Route53Op::ListRecords {
                start_name,
                start_type,
                max_items,
                ..
            } => {
                let page = self.list(start_name.as_deref(), start_type.as_deref(), *max_items);
                (page, None)
            }
            Route53Op::ChangeRecords { changes, .. } => self.change(changes, now, dice, insync),
            Route53Op::GetChange { id } => (self.get_change(id, now), None),
        }
    }

    /// The start is a cursor in Route 53's order: a name that does not exist begins at the next one.
    fn list(&self, start_name: Option<&str>, start_type: Option<&str>, max_items: usize) -> Answer {
        let from = match start_name {
            Some(name) => place(&normal_name(name), start_type.unwrap_or(""), None),
            None => (Vec::new(), String::new(), String::new()),
        };
        let size = max_items.clamp(1, 300);
        let mut rest = self.records.range(from..).map(|(_, record)| record);
        let records: Vec<RecordSet> = rest.by_ref().take(size).cloned().collect();
        Answer::Records {
            records,
            truncated: rest.next().is_some(),
        }
    }

    fn get_change(&self, id: &str, now: Millis) -> Answer {
        let id = id.trim_start_matches("/change/");
        match self.changes.iter().rev().find(|change| change.id == id) {
            Some(change) => Answer::Change {
                id: change.id.clone(),
                status: if now >= change.insync { "INSYNC" } else { "PENDING" }.into(),
                submitted: change.submitted,
            },
            None => {
                let message = format!("Could not find resource with ID: {id}");
                error(404, "NoSuchChange", &message)
            }
        }
    }

    fn change(
        &mut self,
        changes: &[RecordChange],
        now: Millis,
        dice: &mut Dice,
        insync: (Millis, Millis),
    ) -> (Answer, Option<Accepted>) {
        let mut changes = changes.to_vec();
        for change in &mut changes {
            change.record.name = normal_name(&change.record.name);
        }
        let mut next = self.records.clone();
        let complaints: Vec<String> = changes
            .iter()
            .filter_map(|change| apply(&mut next, &self.name, change).err())
            .collect();
        if changes.is_empty() || !complaints.is_empty() {
            let message = format!("[{}]", complaints.join(", "));
            return (error(400, "InvalidChangeBatch", &message), None);
        }
        self.records = next;
        let pause = dice.between(insync);
        // Batches of one zone reach resolvers in the order in which they were accepted.
        let (before, seen) = self
            .changes
            .last()
            .map_or((now, now), |change| (change.insync, change.visible));
        let insync = (now + pause).max(before);
        let visible = dice.between((now + pause / 4, insync)).max(seen);
        let change = Change {
            id: format!("C{:013X}", self.changes.len() + 1),
            submitted: now,
            insync,
            visible,
            changes: changes.clone(),
        };
        let answer = Answer::Change {
            id: change.id.clone(),
            status: "PENDING".into(),
            submitted: now,
        };
        self.changes.push(change);
        let accepted = Accepted {
            index: self.changes.len() - 1,
            visible,
            changes,
        };
        (answer, Some(accepted))
    }

    /// Resolvers see a batch from now on, and every one before it.
    pub(crate) fn becomes_visible(&mut self, index: usize) -> Vec<RecordChange> {
        let changes = std::mem::take(&mut self.changes[index].changes);
        for change in &changes {
            // It was accepted, so it applies; the name is one of this zone's.
            let place = place_of(&change.record);
            match change.action {
                RecordAction::Delete => {
                    self.visible.remove(&place);
                }
                RecordAction::Create | RecordAction::Upsert => {
                    self.visible.insert(place, change.record.clone());
                }
            }
        }
        changes
    }
}

fn apply(records: &mut BTreeMap<Place, RecordSet>, zone: &str, change: &RecordChange) -> Result<(), String> {
    let record = &change.record;
    let what = format!("resource record set [name='{}', type='{}']", record.name, record.kind);
    if record.name != zone && !record.name.ends_with(&format!(".{zone}")) {
        return Err(format!("{what} is not permitted in zone {zone}"));
    }
    if record.kind == "TXT" && record.values.iter().any(|value| !quoted(value)) {
        return Err(format!(
            "Invalid Resource Record: {what}: value should be enclosed in quotation marks"
        ));
    }
    if record.values.is_empty() || (record.kind == "CNAME" && record.values.len() > 1) {
        return Err(format!("Invalid Resource Record: {what}: wrong number of values"));
    }
    let place = place_of(record);
    match change.action {
        RecordAction::Delete => match records.get(&place) {
            None => Err(format!("Tried to delete {what} but it was not found")),
            Some(current) if !same(current, record) => Err(format!(
                "Tried to delete {what} but the values provided do not match the current values"
            )),
            Some(_) => {
                records.remove(&place);
                Ok(())
            }
        },
        RecordAction::Create if records.contains_key(&place) => {
            Err(format!("Tried to create {what} but it already exists"))
        }
        RecordAction::Create | RecordAction::Upsert => {
            let conflict = records.keys().any(|(labels, kind, _)| {
                *labels == place.0 && *kind != record.kind && (kind == "CNAME" || record.kind == "CNAME")
            });
            if conflict {
                return Err(format!("{what}: a CNAME stands beside no other type"));
            }
            records.insert(place, record.clone());
            Ok(())
        }
    }
}

fn quoted(value: &str) -> bool {
    value.len() >= 2 && value.starts_with('"') && value.ends_with('"')
}

/// Same TTL and the same values, in whatever order.
fn same(current: &RecordSet, given: &RecordSet) -> bool {
    let sorted = |values: &[String]| {
        let mut values = values.to_vec();
        values.sort();
        values
    };
    current.ttl == given.ttl && sorted(&current.values) == sorted(&given.values)
}
