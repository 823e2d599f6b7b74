//! The queue of a class: whose turn it is when many shops need the same quotas at once, and this minute's promotions.

use breakwater_core::Text;
use breakwater_core::pacing::{Attention, Limits, Place, Turn};
use breakwater_core::shop::{Mode, Shop, ShopKey};
use breakwater_core::time::{Now, after};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// So many shops are looked at closely at a time: enough to keep the quotas busy, few enough that each gets two fresh
/// readings of users' view before the first grows old. A class that grants fewer than 900 calls in 5 min calls fewer.
const CALLED: usize = 30;
const CALLS_FOR_EACH: u32 = 30;
/// So few read as often as helps; with more of them Cloudflare's quota would decide what is read.
const AT_EASE: usize = 3;

fn at_a_time(limits: Limits) -> usize {
    let granted = usize::try_from(limits.cloudflare_per_5_minutes / CALLS_FOR_EACH);
    granted.unwrap_or(CALLED).clamp(AT_EASE, CALLED)
}

/// A turn lasts at least this long: two readings that confirm each other, and a round.
const TURN_AT_LEAST: Duration = Duration::from_secs(60);
/// Readings of pool health that a shop needs until its promotion: its active region's once before its turn and twice in it,
/// then both regions' in each of two fresh rounds.
const READINGS_OF_A_MOVE: f64 = 7.0;
const MINUTE: Duration = Duration::from_secs(60);

/// Where a shop stands among the others. What comes first in an order goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Order {
    group: Group,
    /// How often it was judged before: those who never were go first.
    round: u32,
    /// Those that may move by themselves go before those that only watch, ask, or would lose too much.
    needs_a_person: bool,
    priority: Reverse<i32>,
    since: Duration,
}

/// Among those whose turn it is: by priority, then as they were called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    priority: Reverse<i32>,
    called: u64,
}

impl Rank {
    /// Of the one that was called first.
    #[cfg(test)]
    pub(crate) fn first() -> Rank {
        Rank {
            priority: Reverse(0),
            called: 1,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Held,
    /// A person asks for it.
    Asked,
    Wanted,
    Returning,
}

/// The queues of all classes.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    classes: BTreeMap<Text, Queue>,
    members: BTreeMap<ShopKey, (Text, Order)>,
}

#[derive(Debug, Default)]
struct Queue {
    order: BTreeSet<(Order, ShopKey)>,
    /// How many are called at a time.
    at_a_time: usize,
    /// Whose turn it is, in which rank, and since when.
    called: BTreeMap<ShopKey, (Rank, Duration)>,
    /// How often somebody was called.
    calls: u64,
    /// When the promotions of the last minute were reserved.
    promotions: VecDeque<Duration>,
}

impl Queues {
    /// Takes in what a shop wants; says whose turn has come or gone.
    pub(crate) fn want(&mut self, key: &ShopKey, shop: &Shop, attention: Attention, now: Duration) -> Vec<ShopKey> {
        let old = self
            .members
            .get(key)
            .filter(|(class, _)| *class == shop.class)
            .map(|(_, order)| *order);
        let new = self.order(key, shop, attention, old, now);
        if new == old && new.is_some() == self.members.contains_key(key) {
            return Vec::new();
        }
        let mut moved = self.forget(key, now);
        if let Some(order) = new {
            let queue = self.classes.entry(shop.class.clone()).or_default();
            queue.at_a_time = at_a_time(shop.limits);
            queue.order.insert((order, key.clone()));
            self.members.insert(key.clone(), (shop.class.clone(), order));
            moved.extend(queue.call(now));
        }
        moved
    }

    fn order(
        &self,
        key: &ShopKey,
        shop: &Shop,
        attention: Attention,
        old: Option<Order>,
        now: Duration,
    ) -> Option<Order> {
        let fresh = Order {
            group: Group::Wanted,
            round: old.map_or(0, |old| old.round),
            needs_a_person: shop.policy.mode != Mode::Automatic,
            priority: Reverse(shop.policy.priority),
            since: old.map_or(now, |old| old.since),
        };
        match attention {
            Attention::None => None,
            Attention::Wanted => Some(fresh),
            Attention::OverBudget => Some(Order {
                needs_a_person: true,
                ..fresh
            }),
            Attention::Asked => Some(Order {
                group: Group::Asked,
                ..fresh
            }),
            Attention::Held => Some(Order {
                group: Group::Held,
                ..fresh
            }),
            Attention::Returning => Some(Order {
                group: Group::Returning,
                ..fresh
            }),
            Attention::Judged => {
                let queue = self.classes.get(&shop.class);
                let others_wait = queue.is_some_and(|queue| queue.order.len() > queue.called.len());
                let called = queue.and_then(|queue| queue.called.get(key));
                let had_its_turn = called.is_some_and(|(_, since)| now.saturating_sub(*since) >= TURN_AT_LEAST);
                if others_wait && had_its_turn {
                    let round = fresh.round.saturating_add(1);
                    return Some(Order {
                        round,
                        since: now,
                        ..fresh
                    });
                }
                Some(fresh)
            }
        }
    }

    /// A shop wants nothing any more; says whose turn has come or gone.
    pub(crate) fn forget(&mut self, key: &ShopKey, now: Duration) -> Vec<ShopKey> {
        let Some((class, order)) = self.members.remove(key) else {
            return Vec::new();
        };
        let Some(queue) = self.classes.get_mut(&class) else {
            return Vec::new();
        };
        queue.order.remove(&(order, key.clone()));
        queue.call(now)
    }

    /// Its rank, if it is this shop's turn.
    pub(crate) fn called(&self, key: &ShopKey) -> Option<Rank> {
        let (class, _) = self.members.get(key)?;
        self.classes.get(class)?.called.get(key).map(|(rank, _)| *rank)
    }

    /// What the queue grants this shop now: whether RDS may be called, so many promotions in a minute; a reading takes so
    /// long in the long run.
    pub(crate) fn turn(
        &mut self,
        key: &ShopKey,
        now: Now,
        may_promote: bool,
        per_minute: u32,
        seconds_per_reading: f64,
    ) -> Turn {
        let Some((class, order)) = self.members.get(key) else {
            return Turn::AtEase;
        };
        let Some(queue) = self.classes.get_mut(class) else {
            return Turn::AtEase;
        };
        if queue.called.contains_key(key) {
            let has_slot = queue.has_slot(now.mono, per_minute) && may_promote;
            if order.group == Group::Held && !has_slot {
                let frees = queue.promotions.front().map_or(now.mono, |first| *first + MINUTE);
                let wait = frees.saturating_sub(now.mono);
                return Turn::NextMinute(queue.place(*order, key, per_minute, after(now.wall, wait)));
            }
            return if queue.order.len() <= AT_EASE {
                Turn::AtEase
            } else {
                Turn::Called
            };
        }
        let mut place = queue.place(*order, key, per_minute, now.wall);
        let each = (60.0 / f64::from(per_minute.max(1))).max(READINGS_OF_A_MOVE * seconds_per_reading);
        place.by = after(now.wall, Duration::from_secs_f64(f64::from(place.place) * each));
        Turn::Queued(place)
    }

    /// A promotion's place in this minute is taken.
    pub(crate) fn reserve(&mut self, class: &Text, now: Duration) {
        self.classes.entry(class.clone()).or_default().promotions.push_back(now);
    }

    /// How many wait in each class, those included whose turn it is.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = (&Text, usize)> {
        self.classes.iter().map(|(class, queue)| (class, queue.order.len()))
    }
}

impl Queue {
    /// Calls the first ones, and all that have a move in flight; says whose turn has come or gone.
    fn call(&mut self, now: Duration) -> Vec<ShopKey> {
        let first: BTreeMap<&ShopKey, Reverse<i32>> = self
            .order
            .iter()
            .enumerate()
            .take_while(|(index, (order, _))| *index < self.at_a_time || order.group == Group::Held)
            .map(|(_, (order, key))| (key, order.priority))
            .collect();
        let gone = self.called.keys().filter(|key| !first.contains_key(key)).cloned();
        let mut moved: Vec<ShopKey> = gone.collect();
        let come = first.iter().filter(|(key, _)| !self.called.contains_key(**key));
        let come: Vec<(ShopKey, Reverse<i32>)> = come.map(|(key, priority)| ((*key).clone(), *priority)).collect();
        for key in &moved {
            self.called.remove(key);
        }
        for (key, priority) in come {
            self.calls += 1;
            let rank = Rank {
                priority,
                called: self.calls,
            };
            self.called.insert(key.clone(), (rank, now));
            moved.push(key);
        }
        moved
    }

    fn has_slot(&mut self, now: Duration, per_minute: u32) -> bool {
        while self.promotions.front().is_some_and(|at| *at + MINUTE <= now) {
            self.promotions.pop_front();
        }
        self.promotions.len() < usize::try_from(per_minute).unwrap_or(usize::MAX)
    }

    fn place(&self, order: Order, key: &ShopKey, per_minute: u32, by: jiff::Timestamp) -> Place {
        let before = self
            .order
            .iter()
            .take_while(|(other, own)| (other, own) < (&order, key))
            .count();
        Place {
            place: u32::try_from(before + 1).unwrap_or(u32::MAX),
            per_minute,
            by,
        }
    }
}
