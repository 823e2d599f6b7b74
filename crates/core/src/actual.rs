//! The world as last read: documents and records that levels compare themselves with.

use crate::Text;
use crate::owner_record::OwnerRecord;
use crate::reading::{
    BalancerView, Cause, ChangeView, InstanceView, MonitorView, NamesView, ObjectKey, ParametersView, PoolView,
    Reading, Seen, Value,
};
use crate::shop::Shop;
use crate::side::{PerSide, Side};
use crate::time::Now;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// The newest reading of one object, and since when it has said the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Read<T> {
    /// What it says.
    pub seen: Seen<T>,
    /// When the newest reading was asked for.
    pub asked: Now,
    /// When it arrived.
    pub at: Now,
    /// When the first of the equal readings arrived.
    pub since: Now,
    /// The request that it answers.
    pub cause: Cause,
}

impl<T: PartialEq> Read<T> {
    /// The view, if the object is there.
    pub fn present(&self) -> Option<&T> {
        self.seen.present()
    }

    /// Whether it was asked for after this monotonic time.
    pub fn asked_after(&self, mono: Duration) -> bool {
        self.asked.mono > mono
    }
}

/// All documents of one shop.
#[derive(Clone, Debug, PartialEq)]
pub struct Actual {
    /// RDS instances.
    pub instances: PerSide<Option<Read<InstanceView>>>,
    /// How many describes in a row have shown no replica source (and the instance there).
    pub source_gone: PerSide<u32>,
    /// How many describes in a row have shown a promotion done: no source, no replication status, available or backing up.
    pub promoted: PerSide<u32>,
    /// When the two newest describes in a row that showed an unchanged, available replica were asked for: older, newer.
    pub steady_replica: PerSide<[Option<Timestamp>; 2]>,
    /// Parameter groups of the instances.
    pub parameters: PerSide<Option<Read<ParametersView>>>,
    /// Pool settings.
    pub pools: PerSide<Option<Read<PoolView>>>,
    /// Monitors of the pools.
    pub monitors: PerSide<Option<Read<MonitorView>>>,
    /// Load balancers, in the order of the spec.
    pub balancers: Vec<Option<Read<BalancerView>>>,
    /// The writer's name and our TXT.
    pub names: Option<Read<NamesView>>,
    /// What the TXT of the newest reading says, parsed once.
    pub owner: Option<OwnerRecord>,
    /// The newest Route 53 change that was asked about.
    pub change: Option<(Text, Read<ChangeView>)>,
    /// The pool that users of a listed load balancer are first sent to, as it was first read.
    pub first_front: Option<Text>,
    /// What each load balancer said before it said what it says now.
    pub balancers_earlier: Vec<Earlier<BalancerView>>,
    /// What both records said before.
    pub names_earlier: Earlier<NamesView>,
    /// Other instances that are looked at, by region and identifier: a standby in the making, former writers.
    pub others: BTreeMap<(Text, Text), Read<InstanceView>>,
    /// Other parameter groups that are looked at, by region and name.
    pub other_groups: BTreeMap<(Text, Text), Read<ParametersView>>,
}

/// The two newest views of a document that differ, each with when it was last asked for: what changed it, and when, is told
/// by them. Readings that show nothing change nothing here.
#[derive(Clone, Debug, PartialEq)]
pub struct Earlier<T> {
    newest: Option<(T, Now)>,
    /// The view before the newest.
    pub before: Option<(T, Now)>,
}

impl<T> Default for Earlier<T> {
    fn default() -> Self {
        Earlier {
            newest: None,
            before: None,
        }
    }
}

impl<T: Clone + PartialEq> Earlier<T> {
    fn note(&mut self, seen: &Seen<T>, asked: Now) {
        let Some(view) = seen.present() else { return };
        match &mut self.newest {
            Some((known, at)) if known == view => *at = asked,
            newest => self.before = newest.replace((view.clone(), asked)).or(self.before.take()),
        }
    }
}

impl Actual {
    /// Nothing read yet.
    #[must_use]
    pub fn new(shop: &Shop) -> Self {
        Actual {
            instances: PerSide::default(),
            source_gone: PerSide::default(),
            promoted: PerSide::default(),
            steady_replica: PerSide::default(),
            parameters: PerSide::default(),
            pools: PerSide::default(),
            monitors: PerSide::default(),
            balancers: vec![None; shop.balancers.len()],
            names: None,
            owner: None,
            change: None,
            first_front: None,
            balancers_earlier: vec![Earlier::default(); shop.balancers.len()],
            names_earlier: Earlier::default(),
            others: BTreeMap::new(),
            other_groups: BTreeMap::new(),
        }
    }

    /// Takes one reading; one that is not about this shop changes nothing.
    pub fn absorb(&mut self, reading: &Reading, shop: &Shop) {
        match (&reading.key, &reading.value) {
            (ObjectKey::Instance(scope, id), Value::Instance(seen)) => {
                let Some(side) = shop.side(&scope.region) else { return };
                if shop.regions[side].instance == *id {
                    self.absorb_instance(side, reading, seen);
                } else {
                    keep_in(&mut self.others, (scope.region.clone(), id.clone()), reading, seen);
                }
            }
            (ObjectKey::Parameters(scope, group), Value::Parameters(seen)) => {
                let Some(side) = shop.side(&scope.region) else { return };
                if self.group(side) == Some(group) {
                    keep(&mut self.parameters[side], reading, seen);
                } else {
                    keep_in(
                        &mut self.other_groups,
                        (scope.region.clone(), group.clone()),
                        reading,
                        seen,
                    );
                }
            }
            (ObjectKey::Pool(_, pool), Value::Pool(seen)) => {
                for side in Side::BOTH.into_iter().filter(|side| shop.regions[*side].pool == *pool) {
                    keep(&mut self.pools[side], reading, seen);
                }
            }
            (ObjectKey::Monitor(_, monitor), Value::Monitor(seen)) => {
                for side in Side::BOTH {
                    if self.monitor_id(side) == Some(monitor) {
                        keep(&mut self.monitors[side], reading, seen);
                    }
                }
            }
            (ObjectKey::Balancer(_, _, id), Value::Balancer(seen)) => {
                for (index, _) in shop
                    .balancers
                    .iter()
                    .enumerate()
                    .filter(|(_, balancer)| *balancer == id)
                {
                    if keep(&mut self.balancers[index], reading, seen) {
                        self.balancers_earlier[index].note(seen, reading.asked);
                    }
                    if let (None, 0, Some(view)) = (&self.first_front, index, seen.present()) {
                        self.first_front = view.default_pools.first().cloned();
                    }
                }
            }
            (ObjectKey::Names(_, _, name), Value::Names(seen)) if *name == shop.writer.name => {
                if keep(&mut self.names, reading, seen) {
                    self.names_earlier.note(seen, reading.asked);
                    let txt = seen.present().and_then(|names| names.txt.as_ref());
                    self.owner = txt.and_then(OwnerRecord::parse);
                }
            }
            (ObjectKey::Change(_, id), Value::Change(seen)) => {
                let mut slot = self
                    .change
                    .take()
                    .filter(|(known, _)| known == id)
                    .map(|(_, read)| read);
                keep(&mut slot, reading, seen);
                self.change = slot.map(|read| (id.clone(), read));
            }
            // Votes, not documents: see `evidence`.
            (
                ObjectKey::Probe(_)
                | ObjectKey::Proof(_)
                | ObjectKey::Reference(_)
                | ObjectKey::PoolHealth(..)
                | ObjectKey::Lag(..)
                | ObjectKey::Instance(..)
                | ObjectKey::Parameters(..)
                | ObjectKey::Pool(..)
                | ObjectKey::Monitor(..)
                | ObjectKey::Balancer(..)
                | ObjectKey::Names(..)
                | ObjectKey::Change(..),
                _,
            ) => {}
        }
    }

    /// The spec lists the same regions the other way round.
    pub fn swap_sides(&mut self) {
        self.instances.swap();
        self.source_gone.swap();
        self.promoted.swap();
        self.steady_replica.swap();
        self.parameters.swap();
        self.pools.swap();
        self.monitors.swap();
    }

    /// The shop works with another instance on this side from now on: what was read of it beside the one before is what is
    /// known of it.
    pub fn succeed(&mut self, side: Side, before: &Text, shop: &Shop) {
        let region = &shop.regions[side];
        let old = self.instances[side].take();
        self.instances[side] = self.others.remove(&(region.name.clone(), region.instance.clone()));
        self.others
            .extend(old.map(|read| ((region.name.clone(), before.clone()), read)));
        self.source_gone[side] = 0;
        self.promoted[side] = 0;
        self.steady_replica[side] = [None, None];
        self.parameters[side] = self
            .group(side)
            .map(|group| (region.name.clone(), group.clone()))
            .and_then(|key| self.other_groups.remove(&key));
    }

    /// Another instance than the two of the shop, as the newest reading of it says.
    #[must_use]
    pub fn other(&self, region: &Text, instance: &Text) -> Option<&Read<InstanceView>> {
        self.others.get(&(region.clone(), instance.clone()))
    }

    fn absorb_instance(&mut self, side: Side, reading: &Reading, seen: &Seen<InstanceView>) {
        if !keep(&mut self.instances[side], reading, seen) {
            return;
        }
        let Some(view) = seen.present() else { return };
        let gone = view.source.is_none();
        let done = gone && view.replication.is_none() && matches!(&*view.status, "available" | "backing-up");
        self.source_gone[side] = if gone {
            self.source_gone[side].saturating_add(1)
        } else {
            0
        };
        self.promoted[side] = if done { self.promoted[side].saturating_add(1) } else { 0 };
        let steady = !gone && &*view.status == "available";
        self.steady_replica[side] = if steady {
            [self.steady_replica[side][1], Some(reading.asked.wall)]
        } else {
            [None, None]
        };
    }

    /// The instance of a side, if the newest reading shows it.
    #[must_use]
    pub fn instance(&self, side: Side) -> Option<&InstanceView> {
        self.instances[side].as_ref().and_then(Read::present)
    }

    /// The parameter group of a side's instance.
    #[must_use]
    pub fn group(&self, side: Side) -> Option<&Text> {
        self.instance(side).map(|view| &view.group)
    }

    /// The monitor of a side's pool, where it has one of its own.
    #[must_use]
    pub fn monitor_id(&self, side: Side) -> Option<&Text> {
        self.pools[side].as_ref().and_then(Read::present)?.monitor.as_ref()
    }

    /// How that monitor asks, if the newest reading shows it.
    #[must_use]
    pub fn monitor(&self, side: Side) -> Option<&MonitorView> {
        self.monitors[side].as_ref().and_then(Read::present)
    }

    /// Both records, if the newest reading shows them.
    #[must_use]
    pub fn names(&self) -> Option<&NamesView> {
        self.names.as_ref().and_then(Read::present)
    }
}

/// Keeps a reading, and says so, unless a newer question was answered before: then it says nothing new.
fn keep<T: Clone + PartialEq>(slot: &mut Option<Read<T>>, reading: &Reading, seen: &Seen<T>) -> bool {
    if slot.as_ref().is_some_and(|read| read.asked > reading.asked) {
        return false;
    }
    let since = match slot {
        Some(read) if read.seen == *seen => read.since,
        Some(_) | None => reading.at,
    };
    *slot = Some(Read {
        seen: seen.clone(),
        asked: reading.asked,
        at: reading.at,
        since,
        cause: reading.cause,
    });
    true
}

/// The same of what is kept by region and name.
fn keep_in<T: Clone + PartialEq>(
    kept: &mut BTreeMap<(Text, Text), Read<T>>,
    key: (Text, Text),
    reading: &Reading,
    seen: &Seen<T>,
) {
    let mut slot = kept.remove(&key);
    keep(&mut slot, reading, seen);
    kept.extend(slot.map(|read| (key, read)));
}
