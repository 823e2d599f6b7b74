//! What is looked at, for whom, and when next. Questions of many shops about one object are asked once.

use breakwater_core::Text;
use breakwater_core::decision::Look;
use breakwater_core::reading::{Cause, ObjectKey, Query};
use breakwater_core::shop::{Scope, ShopKey};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What one question is about: an object, or all instances (or lags) of an account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Object(ObjectKey),
    Instances(Scope),
    Lags(Scope),
}

#[derive(Clone, Debug)]
struct Want {
    query: Query,
    every: Duration,
    newer_than: Option<Duration>,
}

#[derive(Debug, Default)]
struct Entry {
    wants: BTreeMap<ShopKey, Want>,
    asked: Option<Duration>,
    in_flight: Option<Cause>,
    due: Option<Duration>,
}

/// All that is looked at.
#[derive(Debug, Default)]
pub(crate) struct Watchlist {
    entries: BTreeMap<Topic, Entry>,
    due: BTreeSet<(Duration, Topic)>,
    asked_by: BTreeMap<Cause, (Topic, Duration)>,
}

impl Watchlist {
    /// Replaces what one shop wants to look at.
    pub(crate) fn set(&mut self, shop: &ShopKey, old: &[Look], new: &[Look]) {
        for look in old
            .iter()
            .filter(|look| !new.iter().any(|other| topic(&other.query) == topic(&look.query)))
        {
            let topic = topic(&look.query);
            if let Some(entry) = self.entries.get_mut(&topic) {
                entry.wants.remove(shop);
            }
            self.reschedule(&topic);
        }
        for look in new {
            let topic = topic(&look.query);
            let want = Want {
                query: look.query.clone(),
                every: look.every,
                newer_than: look.newer_than,
            };
            self.entries
                .entry(topic.clone())
                .or_default()
                .wants
                .insert(shop.clone(), want);
            self.reschedule(&topic);
        }
    }

    /// The next question that is due, if one is; it counts as asked under this number.
    pub(crate) fn next_due(&mut self, now: Duration, cause: Cause) -> Option<Query> {
        let (_, topic) = self.due.first().filter(|(due, _)| *due <= now)?.clone();
        let entry = self.entries.get_mut(&topic)?;
        let query = merged(&topic, &entry.wants);
        entry.in_flight = Some(cause);
        entry.asked = Some(now);
        self.reschedule(&topic);
        let query = query?;
        self.asked_by.insert(cause, (topic, now));
        Some(query)
    }

    /// When the next question is due.
    pub(crate) fn next_wake(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }

    /// All readings of this question have come.
    pub(crate) fn done(&mut self, cause: Cause) {
        let Some((topic, _)) = self.asked_by.remove(&cause) else {
            return;
        };
        if let Some(entry) = self.entries.get_mut(&topic)
            && entry.in_flight == Some(cause)
        {
            entry.in_flight = None;
        }
        self.reschedule(&topic);
    }

    /// The shops that look at this object.
    pub(crate) fn lookers(&self, key: &ObjectKey) -> Vec<ShopKey> {
        let topic = match key {
            ObjectKey::Instance(scope, _) => Topic::Instances(scope.clone()),
            ObjectKey::Lag(scope, _) => Topic::Lags(scope.clone()),
            ObjectKey::Probe(_)
            | ObjectKey::Proof(_)
            | ObjectKey::Reference(_)
            | ObjectKey::Parameters(..)
            | ObjectKey::PoolHealth(..)
            | ObjectKey::Pool(..)
            | ObjectKey::Monitor(..)
            | ObjectKey::Balancer(..)
            | ObjectKey::Names(..)
            | ObjectKey::Change(..) => Topic::Object(key.clone()),
        };
        self.entries
            .get(&topic)
            .map(|entry| entry.wants.keys().cloned().collect())
            .unwrap_or_default()
    }

    fn reschedule(&mut self, topic: &Topic) {
        let Some(entry) = self.entries.get_mut(topic) else {
            return;
        };
        if let Some(old) = entry.due.take() {
            self.due.remove(&(old, topic.clone()));
        }
        if entry.wants.is_empty() && entry.in_flight.is_none() {
            self.entries.remove(topic);
            return;
        }
        entry.due = due(entry);
        if let Some(due) = entry.due {
            self.due.insert((due, topic.clone()));
        }
    }
}

fn due(entry: &Entry) -> Option<Duration> {
    if entry.in_flight.is_some() || entry.wants.is_empty() {
        return None;
    }
    let Some(asked) = entry.asked else {
        return Some(Duration::ZERO);
    };
    if entry
        .wants
        .values()
        .any(|want| want.newer_than.is_some_and(|newer| asked <= newer))
    {
        return Some(Duration::ZERO);
    }
    entry.wants.values().map(|want| asked + want.every).min()
}

/// One question for all that want it.
fn merged(topic: &Topic, wants: &BTreeMap<ShopKey, Want>) -> Option<Query> {
    let ids = || -> Vec<Text> {
        let mut ids: BTreeSet<Text> = BTreeSet::new();
        for want in wants.values() {
            match &want.query {
                Query::Instances { ids: wanted, .. } | Query::Lags { ids: wanted, .. } => {
                    ids.extend(wanted.iter().cloned())
                }
                Query::Probe { .. }
                | Query::Proof { .. }
                | Query::Reference { .. }
                | Query::Parameters { .. }
                | Query::PoolHealth { .. }
                | Query::Pool { .. }
                | Query::Monitor { .. }
                | Query::Balancer { .. }
                | Query::Names { .. }
                | Query::Change { .. } => {}
            }
        }
        ids.into_iter().collect()
    };
    match topic {
        Topic::Instances(scope) => Some(Query::Instances {
            scope: scope.clone(),
            ids: ids(),
        }),
        Topic::Lags(scope) => {
            let back = wants.values().filter_map(|want| match &want.query {
                Query::Lags { back, .. } => Some(*back),
                Query::Probe { .. }
                | Query::Proof { .. }
                | Query::Reference { .. }
                | Query::Instances { .. }
                | Query::Parameters { .. }
                | Query::PoolHealth { .. }
                | Query::Pool { .. }
                | Query::Monitor { .. }
                | Query::Balancer { .. }
                | Query::Names { .. }
                | Query::Change { .. } => None,
            });
            Some(Query::Lags {
                scope: scope.clone(),
                ids: ids(),
                back: back.max()?,
            })
        }
        Topic::Object(_) => wants.values().next().map(|want| want.query.clone()),
    }
}

fn topic(query: &Query) -> Topic {
    match query {
        Query::Probe { url, .. } => Topic::Object(ObjectKey::Probe(url.clone())),
        Query::Proof { url, .. } => Topic::Object(ObjectKey::Proof(url.clone())),
        Query::Reference { url, .. } => Topic::Object(ObjectKey::Reference(url.clone())),
        Query::Instances { scope, .. } => Topic::Instances(scope.clone()),
        Query::Lags { scope, .. } => Topic::Lags(scope.clone()),
        Query::Parameters { scope, group } => Topic::Object(ObjectKey::Parameters(scope.clone(), group.clone())),
        Query::PoolHealth { class, pool } => Topic::Object(ObjectKey::PoolHealth(class.clone(), pool.clone())),
        Query::Pool { class, pool } => Topic::Object(ObjectKey::Pool(class.clone(), pool.clone())),
        Query::Monitor { class, monitor } => Topic::Object(ObjectKey::Monitor(class.clone(), monitor.clone())),
        Query::Balancer { class, zone, id } => {
            Topic::Object(ObjectKey::Balancer(class.clone(), zone.clone(), id.clone()))
        }
        Query::Names { class, zone, name } => {
            Topic::Object(ObjectKey::Names(class.clone(), zone.clone(), name.clone()))
        }
        Query::Change { class, id } => Topic::Object(ObjectKey::Change(class.clone(), id.clone())),
    }
}
