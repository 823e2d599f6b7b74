//! What is looked at, for whom, and when next. Questions of many shops about one object are asked once.

use crate::budget::{Account, Budgets, Spend, Tier};
use crate::denied::{Denials, Right};
use crate::queue::Rank;
use breakwater_core::Text;
use breakwater_core::decision::Look;
use breakwater_core::reading::{Cause, ObjectKey, Query};
use breakwater_core::shop::{Scope, ShopKey};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What one question is about: an object, or all instances (or lags) of an account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Object(ObjectKey),
    Instances(Scope),
    Lags(Scope),
}

#[derive(Clone, Debug, PartialEq)]
struct Want {
    query: Query,
    every: Duration,
    newer_than: Option<Duration>,
    called: Option<Rank>,
    priority: Reverse<i32>,
}

#[derive(Debug, Default)]
struct Entry {
    wants: BTreeMap<ShopKey, Want>,
    /// Who wants which instance, where a question is about many.
    by_id: BTreeMap<Text, BTreeSet<ShopKey>>,
    asked: Option<Duration>,
    in_flight: Option<Cause>,
    due: Option<(Line, Duration)>,
}

/// Questions of the same urgency that are paid alike and need the same right wait in one line, the longest due first.
type Line = (Tier, Paid, Right);

/// Which half of Cloudflare's quota pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Paid {
    /// What is kept for calls: a document is read to be compared with what a call would change, or to see what it changed.
    ForCall,
    /// The readings.
    Reading,
}

/// All that is looked at.
#[derive(Debug, Default)]
pub(crate) struct Watchlist {
    entries: BTreeMap<Topic, Entry>,
    lines: BTreeMap<Line, BTreeSet<(Duration, Topic)>>,
    asked_by: BTreeMap<Cause, (Topic, Duration)>,
}

impl Watchlist {
    /// Replaces what one shop of this priority wants to look at; `called`: it is its turn, before those of a greater rank.
    pub(crate) fn set(&mut self, shop: &ShopKey, priority: i32, old: &[Look], new: &[Look], called: Option<Rank>) {
        for look in old
            .iter()
            .filter(|look| !new.iter().any(|other| topic(&other.query) == topic(&look.query)))
        {
            let topic = topic(&look.query);
            if let Some(entry) = self.entries.get_mut(&topic) {
                entry.remove(shop);
            }
            self.reschedule(&topic);
        }
        for look in new {
            let topic = topic(&look.query);
            let want = Want {
                query: look.query.clone(),
                every: look.every,
                newer_than: look.newer_than,
                called,
                priority: Reverse(priority),
            };
            let entry = self.entries.entry(topic.clone()).or_default();
            if entry.wants.get(shop) != Some(&want) {
                entry.insert(shop.clone(), want);
                self.reschedule(&topic);
            }
        }
    }

    /// The next question that is due and may be asked, if one is; it counts as asked under this number.
    pub(crate) fn next_due(
        &mut self,
        now: Duration,
        cause: Cause,
        budgets: &mut Budgets,
        denials: &mut Denials,
    ) -> Option<Query> {
        let may = |(line, due): (&Line, &BTreeSet<(Duration, Topic)>)| {
            let (_, first) = due.first().filter(|(due, _)| *due <= now)?;
            // Whatever stands in a line costs the same.
            let may = match price(line, self.entries.get(first)?) {
                Some((account, spend, cost)) => budgets.may(&account, spend, cost, line.0, now),
                None => true,
            };
            if !may || self.is_held_up(line) || denials.closed_until(&line.2, now).is_some() {
                return None;
            }
            let (due, topic) = self.first_of(line.0, due, now)?;
            Some((line.0, *due, line.clone(), topic.clone()))
        };
        // The most urgent first, of these the longest due: no line starves another one of the same account.
        let (_, _, line, topic) = self.lines.iter().filter_map(may).min()?;
        let entry = self.entries.get_mut(&topic)?;
        if let Some((account, spend, cost)) = price(&line, entry) {
            budgets.spend(&account, spend, cost, line.0, now);
        }
        denials.tries(&line.2, now);
        let query = merged(&topic, &entry.wants);
        entry.in_flight = Some(cause);
        entry.asked = Some(now);
        self.reschedule(&topic);
        let query = query?;
        self.asked_by.insert(cause, (topic, now));
        Some(query)
    }

    /// When the next question is due and may be asked.
    pub(crate) fn next_wake(&self, now: Duration, budgets: &mut Budgets, denials: &Denials) -> Option<Duration> {
        let wakes = self.lines.iter().filter_map(|(line, due)| {
            if self.is_held_up(line) {
                return None;
            }
            let (due, topic) = due.first()?;
            if *due > now {
                return Some(*due);
            }
            let entry = self.entries.get(topic)?;
            let closed = denials.closed_until(&line.2, now).unwrap_or_default();
            let ready = match price(line, entry) {
                Some((account, spend, cost)) => budgets.ready(&account, spend, cost, line.0),
                None => now,
            };
            Some(closed.max(ready))
        });
        wakes.min()
    }

    /// While anybody waits for a first look at users' view, nothing of the same account is read in rotation.
    fn is_held_up(&self, (tier, _, right): &Line) -> bool {
        let class = match right {
            Right::ReadPools(class) | Right::ReadMonitors(class) | Right::ReadBalancers(class) => class,
            Right::Open
            | Right::ListRecords(_)
            | Right::GetChange(_)
            | Right::DescribeInstances(_)
            | Right::DescribeParameters(_)
            | Right::GetMetrics(_)
            | Right::PatchBalancers(_)
            | Right::ChangeRecords(_)
            | Right::ModifyParameters(_)
            | Right::StopInstances(_)
            | Right::StartInstances(_)
            | Right::TagResources(_)
            | Right::CopyGroups(_)
            | Right::CreateReplicas(_) => return false,
        };
        let first_looks = (Tier::Sight, Paid::Reading, Right::ReadPools(class.clone()));
        *tier == Tier::Rest && self.lines.contains_key(&first_looks)
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
        let Some(entry) = self.entries.get(&topic_of(key)) else {
            return Vec::new();
        };
        match key {
            ObjectKey::Instance(_, id) | ObjectKey::Lag(_, id) => {
                entry.by_id.get(id).into_iter().flatten().cloned().collect()
            }
            ObjectKey::Probe(_)
            | ObjectKey::Proof(_)
            | ObjectKey::Reference(_)
            | ObjectKey::Parameters(..)
            | ObjectKey::PoolHealth(..)
            | ObjectKey::Pool(..)
            | ObjectKey::Monitor(..)
            | ObjectKey::Balancer(..)
            | ObjectKey::Names(..)
            | ObjectKey::Change(..) => entry.wants.keys().cloned().collect(),
        }
    }

    /// The other objects that are read by the same right.
    pub(crate) fn of_same_right(&self, key: &ObjectKey) -> Vec<ObjectKey> {
        let right = right_of(key);
        let objects = self.entries.keys().filter_map(|topic| match topic {
            Topic::Object(other) if other != key && right_of(other) == right => Some(other.clone()),
            Topic::Object(_) | Topic::Instances(_) | Topic::Lags(_) => None,
        });
        objects.collect()
    }

    /// The one of a line that is due first. Of those whose turn it is the first called goes first: were all read by turns,
    /// none might be read twice before its first reading grows old. First looks go by priority.
    fn first_of<'a>(
        &self,
        tier: Tier,
        due: &'a BTreeSet<(Duration, Topic)>,
        now: Duration,
    ) -> Option<&'a (Duration, Topic)> {
        let mut due = due.iter().take_while(|(due, _)| *due <= now);
        let entry = |topic: &Topic| self.entries.get(topic);
        match tier {
            Tier::Needed | Tier::Called => due.min_by_key(|(due, topic)| (entry(topic).and_then(Entry::rank), *due)),
            Tier::Sight => due.min_by_key(|(due, topic)| (entry(topic).and_then(Entry::priority), *due)),
            Tier::First | Tier::Rest => due.next(),
        }
    }

    fn reschedule(&mut self, topic: &Topic) {
        let Some(entry) = self.entries.get_mut(topic) else {
            return;
        };
        if let Some((line, old)) = entry.due.take()
            && let Some(due) = self.lines.get_mut(&line)
        {
            due.remove(&(old, topic.clone()));
            if due.is_empty() {
                self.lines.remove(&line);
            }
        }
        if entry.wants.is_empty() && entry.in_flight.is_none() {
            self.entries.remove(topic);
            return;
        }
        if let Some((tier, due)) = due(topic, entry) {
            let line = (tier, paid(topic, entry), right_of_topic(topic));
            self.lines.entry(line.clone()).or_default().insert((due, topic.clone()));
            entry.due = Some((line, due));
        }
    }
}

impl Entry {
    /// The rank of the first called who wants it.
    fn rank(&self) -> Option<Rank> {
        self.wants.values().filter_map(|want| want.called).min()
    }

    /// The greatest priority of those who want it.
    fn priority(&self) -> Option<Reverse<i32>> {
        self.wants.values().map(|want| want.priority).min()
    }

    fn insert(&mut self, shop: ShopKey, want: Want) {
        self.remove(&shop);
        for id in ids(&want.query) {
            self.by_id.entry(id.clone()).or_default().insert(shop.clone());
        }
        self.wants.insert(shop, want);
    }

    fn remove(&mut self, shop: &ShopKey) {
        let Some(want) = self.wants.remove(shop) else { return };
        for id in ids(&want.query) {
            if let Some(shops) = self.by_id.get_mut(id) {
                shops.remove(shop);
                if shops.is_empty() {
                    self.by_id.remove(id);
                }
            }
        }
    }
}

/// What a question costs whom; `None`: nobody counts it.
fn price(line: &Line, entry: &Entry) -> Option<(Account, Spend, u32)> {
    let batches = |size: usize| u32::try_from(entry.by_id.len().div_ceil(size).max(1)).unwrap_or(u32::MAX);
    let (tier, paid, right) = line;
    let half = match paid {
        Paid::ForCall => Spend::Write,
        Paid::Reading => Spend::Read,
    };
    let (account, spend, cost) = match right {
        Right::Open => return None,
        Right::ReadPools(class) | Right::ReadMonitors(class) => (Account::Cloudflare(class.clone()), half, 1),
        // Reading back what was patched is paid for by the patch.
        Right::ReadBalancers(class) => {
            let cost = if *tier == Tier::Needed { 0 } else { 1 };
            (Account::Cloudflare(class.clone()), half, cost)
        }
        // One listing for the CNAME, one for the TXT.
        Right::ListRecords(class) => (Account::Route53(class.clone()), Spend::Read, 2),
        Right::GetChange(class) => (Account::Route53(class.clone()), Spend::Poll, 1),
        Right::DescribeInstances(scope) => (Account::Rds(scope.clone()), Spend::Read, batches(100)),
        Right::DescribeParameters(scope) => (Account::Rds(scope.clone()), Spend::Poll, 1),
        Right::GetMetrics(scope) => (Account::CloudWatch(scope.clone()), Spend::Read, batches(250)),
        Right::PatchBalancers(_)
        | Right::ChangeRecords(_)
        | Right::ModifyParameters(_)
        | Right::StopInstances(_)
        | Right::StartInstances(_)
        | Right::TagResources(_)
        | Right::CopyGroups(_)
        | Right::CreateReplicas(_) => return None,
    };
    Some((account, spend, cost))
}

/// The right that a reading of this object needs.
pub(crate) fn right_of(key: &ObjectKey) -> Right {
    match key {
        ObjectKey::Probe(_) | ObjectKey::Proof(_) | ObjectKey::Reference(_) => Right::Open,
        ObjectKey::Instance(scope, _) => Right::DescribeInstances(scope.clone()),
        ObjectKey::Lag(scope, _) => Right::GetMetrics(scope.clone()),
        ObjectKey::Parameters(scope, _) => Right::DescribeParameters(scope.clone()),
        ObjectKey::PoolHealth(class, _) | ObjectKey::Pool(class, _) => Right::ReadPools(class.clone()),
        ObjectKey::Monitor(class, _) => Right::ReadMonitors(class.clone()),
        ObjectKey::Balancer(class, _, _) => Right::ReadBalancers(class.clone()),
        ObjectKey::Names(class, _, _) => Right::ListRecords(class.clone()),
        ObjectKey::Change(class, _) => Right::GetChange(class.clone()),
    }
}

fn right_of_topic(topic: &Topic) -> Right {
    match topic {
        Topic::Object(key) => right_of(key),
        Topic::Instances(scope) => Right::DescribeInstances(scope.clone()),
        Topic::Lags(scope) => Right::GetMetrics(scope.clone()),
    }
}

fn topic_of(key: &ObjectKey) -> Topic {
    match key {
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
    }
}

fn ids(query: &Query) -> &[Text] {
    match query {
        Query::Instances { ids, .. } | Query::Lags { ids, .. } => ids,
        Query::Probe { .. }
        | Query::Proof { .. }
        | Query::Reference { .. }
        | Query::Parameters { .. }
        | Query::PoolHealth { .. }
        | Query::Pool { .. }
        | Query::Monitor { .. }
        | Query::Balancer { .. }
        | Query::Names { .. }
        | Query::Change { .. } => &[],
    }
}

/// Who pays: of a shop whose turn it is documents are read for its calls.
fn paid(topic: &Topic, entry: &Entry) -> Paid {
    match topic {
        Topic::Object(ObjectKey::Pool(..) | ObjectKey::Balancer(..)) if entry.rank().is_some() => Paid::ForCall,
        Topic::Object(
            ObjectKey::Probe(_)
            | ObjectKey::Proof(_)
            | ObjectKey::Reference(_)
            | ObjectKey::Instance(..)
            | ObjectKey::Lag(..)
            | ObjectKey::Parameters(..)
            | ObjectKey::PoolHealth(..)
            | ObjectKey::Pool(..)
            | ObjectKey::Monitor(..)
            | ObjectKey::Balancer(..)
            | ObjectKey::Names(..)
            | ObjectKey::Change(..),
        )
        | Topic::Instances(_)
        | Topic::Lags(_) => Paid::Reading,
    }
}

/// When it is due, and how urgent it is.
fn due(topic: &Topic, entry: &Entry) -> Option<(Tier, Duration)> {
    if entry.in_flight.is_some() || entry.wants.is_empty() {
        return None;
    }
    let called = entry.rank().is_some();
    let Some(asked) = entry.asked else {
        return Some((if called { Tier::Called } else { Tier::First }, Duration::ZERO));
    };
    let needed = entry
        .wants
        .values()
        .filter_map(|want| want.newer_than.filter(|newer| asked <= *newer))
        .min();
    if let Some(newer) = needed {
        // Later than the instant that it must be newer than: on a clock that stands still it is not asked for ever.
        let waits = matches!(topic, Topic::Object(ObjectKey::PoolHealth(..))) && !called;
        let tier = if waits { Tier::Sight } else { Tier::Needed };
        return Some((tier, newer + Duration::from_millis(1)));
    }
    let usual = if called { Tier::Called } else { Tier::Rest };
    let due = entry.wants.values().map(|want| asked + want.every).min()?;
    Some((usual, due))
}

/// One question for all that want it.
fn merged(topic: &Topic, wants: &BTreeMap<ShopKey, Want>) -> Option<Query> {
    let all_ids = || -> Vec<Text> {
        let all: BTreeSet<&Text> = wants.values().flat_map(|want| ids(&want.query)).collect();
        all.into_iter().cloned().collect()
    };
    match topic {
        Topic::Instances(scope) => Some(Query::Instances {
            scope: scope.clone(),
            ids: all_ids(),
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
                ids: all_ids(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn balancer(newer_than: Option<Duration>) -> Look {
        Look {
            query: Query::Balancer {
                class: "production".into(),
                zone: "zone".into(),
                id: "www".into(),
            },
            every: Duration::from_secs(300),
            newer_than,
        }
    }

    /// A reading that must be newer than now is asked for once the clock has gone on, and once only.
    #[test]
    fn on_a_clock_that_stands_still_nothing_is_asked_twice() {
        let (mut list, mut budgets, mut denials) = (Watchlist::default(), Budgets::new("me"), Denials::default());
        let shop = ShopKey {
            namespace: "shops".into(),
            name: "one".into(),
        };
        let now = Duration::from_secs(10);
        list.set(&shop, 0, &[], &[balancer(None)], None);
        let mut cause = 0;
        let mut ask = |list: &mut Watchlist, at: Duration| {
            cause += 1;
            let asked = list.next_due(at, Cause(cause), &mut budgets, &mut denials);
            list.done(Cause(cause));
            asked.is_some()
        };
        assert!(ask(&mut list, now));
        list.set(&shop, 0, &[balancer(None)], &[balancer(Some(now))], None);
        assert!(!ask(&mut list, now), "an answer of this instant is not newer than it");
        assert!(ask(&mut list, now + Duration::from_millis(1)));
        assert!(!ask(&mut list, now + Duration::from_millis(1)), "it has been answered");
    }

    /// All readings of 5 min are spent on users' view: a document that a call will be compared with is read all the same.
    #[test]
    fn documents_of_a_shop_whose_turn_it_is_are_paid_from_what_is_kept_for_calls() {
        let account = Account::Cloudflare("production".into());
        let now = Duration::from_secs(10);
        let asked = |called: Option<Rank>| {
            let (mut list, mut budgets, mut denials) = (Watchlist::default(), Budgets::new("me"), Denials::default());
            while budgets.may(&account, Spend::Read, 1, Tier::Called, now) {
                budgets.spend(&account, Spend::Read, 1, Tier::Called, now);
            }
            let shop = ShopKey {
                namespace: "shops".into(),
                name: "one".into(),
            };
            list.set(&shop, 0, &[], &[balancer(None)], called);
            list.next_due(now, Cause(1), &mut budgets, &mut denials).is_some()
        };
        assert!(asked(Some(Rank::first())));
        assert!(!asked(None), "what nobody waits for is a reading like any other");
    }

    /// A thousand parameter groups are due at once, every hour: the instances, ten pages of them, are read every 30 s all
    /// the same.
    #[test]
    fn parameter_groups_hold_up_no_instances() {
        let (mut list, mut budgets, mut denials) = (Watchlist::default(), Budgets::new("me"), Denials::default());
        let scope = Scope {
            class: "production".into(),
            region: "ca-central-1".into(),
        };
        for index in 0..1000 {
            let name: Text = format!("shop-{index}").into();
            let look = |query: Query, every: u64| Look {
                query,
                every: Duration::from_secs(every),
                newer_than: None,
            };
            let instances = Query::Instances {
                scope: scope.clone(),
                ids: vec![name.clone()],
            };
            let parameters = Query::Parameters {
                scope: scope.clone(),
                group: name.clone(),
            };
            let shop = ShopKey {
                namespace: "shops".into(),
                name,
            };
            list.set(&shop, 0, &[], &[look(instances, 30), look(parameters, 3600)], None);
        }
        let (mut cause, mut described, mut read) = (0, Vec::new(), 0);
        for now in (0..7200).map(Duration::from_secs) {
            cause += 1;
            while let Some(query) = list.next_due(now, Cause(cause), &mut budgets, &mut denials) {
                match query {
                    Query::Instances { .. } => described.push(now),
                    Query::Parameters { .. } => read += 1,
                    other => panic!("{other:?}"),
                }
                list.done(Cause(cause));
                cause += 1;
            }
        }
        let longest = described.windows(2).map(|two| two[1] - two[0]).max().unwrap();
        assert!(longest <= Duration::from_secs(45), "{longest:?}");
        assert!(read >= 2000, "and they are read every hour: {read}");
    }

    /// A first look is awaited: what nobody waits for is read when it is over.
    #[test]
    fn rotation_waits_for_first_looks() {
        let (mut list, mut budgets, mut denials) = (Watchlist::default(), Budgets::new("me"), Denials::default());
        let shop = |name: &str| ShopKey {
            namespace: "shops".into(),
            name: name.into(),
        };
        let health = |newer_than: Option<Duration>| Look {
            query: Query::PoolHealth {
                class: "production".into(),
                pool: "pool".into(),
            },
            every: Duration::from_secs(3600),
            newer_than,
        };
        let now = Duration::from_secs(1000);
        let mut ask = |list: &mut Watchlist, at: Duration| {
            let asked = list.next_due(at, Cause(1), &mut budgets, &mut denials);
            list.done(Cause(1));
            asked
        };
        list.set(&shop("one"), 0, &[], &[balancer(None)], None);
        list.set(&shop("two"), 0, &[], &[health(None)], None);
        assert!(
            ask(&mut list, now).is_some() && ask(&mut list, now).is_some(),
            "each is read once"
        );
        let (due, looks) = (now + Duration::from_secs(400), now + Duration::from_secs(500));
        list.set(&shop("two"), 0, &[health(None)], &[health(Some(looks))], None);
        assert_eq!(ask(&mut list, due), None);
        assert!(matches!(
            ask(&mut list, looks + Duration::from_secs(1)),
            Some(Query::PoolHealth { .. })
        ));
        assert!(matches!(
            ask(&mut list, looks + Duration::from_secs(1)),
            Some(Query::Balancer { .. })
        ));
    }
}
