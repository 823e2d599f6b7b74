//! A run: ledger, history and context side by side, and the questions that several rules ask of them.

use crate::Unreadable;
use crate::context::{Context, CutOff, Edit, LeaseSpan, ShopFacts, SideFacts};
use crate::history::{Entry, Journal, Licence, Move, Phase};
use crate::ledger::{Call, Ledger, Region, ShopEntry, Vantage, What, WritableSpan};
use crate::troubles::Troubles;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

/// A licence ends this long after the wall time in its journal entry.
pub(crate) const LICENCE_LASTS: i64 = 60_000;

/// The version of the ledger's form that is understood.
const LEDGER_FORMAT: u32 = 1;

/// A run.
pub(crate) struct Run {
    pub ledger: Ledger,
    pub shops: Vec<Shop>,
    pub leases: Vec<LeaseSpan>,
    pub cut_off: Vec<CutOff>,
    pub edits: Vec<Edit>,
    pub troubles: Troubles,
    /// Per real arrival, ascending: nothing that arrived from then on did so later (in virtual time) than this.
    arrivals: Vec<(i64, i64)>,
    /// Index of each call's event.
    calls: HashMap<u64, usize>,
}

/// A shop.
pub(crate) struct Shop {
    /// `namespace/name`, as history and context call it.
    pub key: String,
    /// As the ledger calls it.
    pub name: String,
    pub facts: ShopFacts,
    pub set_up: ShopEntry,
    /// Its journal entries, in order. `at` is when each may have been stored at the earliest.
    pub history: Vec<Entry>,
    /// By how much `at` was set back: an entry was stored at `at` plus this at the latest.
    pub slack: i64,
}

/// A promotion that the controller sent.
pub(crate) struct Promotion<'a> {
    pub shop: &'a Shop,
    pub call: &'a Call,
    /// The latest time at which it may have been sent.
    pub sent: i64,
    /// The region of the instance that is promoted.
    pub to: &'a str,
    /// The other one.
    pub from: &'a Region,
    /// The journal entry that it was sent under, if there is one.
    pub entry: Option<&'a Entry>,
}

impl<'a> Promotion<'a> {
    pub(crate) fn current(&self) -> Option<&'a Move> {
        self.entry.and_then(|entry| entry.journal.current.as_ref())
    }

    /// The instance that the move leaves.
    pub(crate) fn former(&self) -> &'a str {
        let told = self.current().and_then(|current| current.from_instance.as_deref());
        told.unwrap_or(&self.from.instance)
    }

    pub(crate) fn licence(&self) -> Option<&'a Licence> {
        self.current().and_then(|current| current.licence.as_ref())
    }
}

impl Run {
    pub(crate) fn read(ledger: &Value, history: &Value, context: &Value) -> Result<Run, Unreadable> {
        let ledger: Ledger = parse("ledger", ledger)?;
        if ledger.format != LEDGER_FORMAT {
            let why = format!("its format is {}, known is {LEDGER_FORMAT}", ledger.format);
            return Err(unreadable("ledger", why));
        }
        let entries: Vec<Entry> = parse("history", history)?;
        let context: Context = parse("context", context)?;
        let mut shops = Vec::new();
        for facts in context.shops {
            shops.push(Shop::read(facts, &ledger, context.slack_ms)?);
        }
        for mut entry in entries {
            let Some(shop) = shops.iter_mut().find(|shop| shop.key == entry.shop) else {
                let why = format!("{} has a journal and does not stand in the context", entry.shop);
                return Err(unreadable("history", why));
            };
            if shop
                .history
                .last()
                .is_some_and(|last| last.at > entry.at - context.slack_ms)
            {
                let why = format!("{}'s entries are not in the order of time at {}", entry.shop, entry.at);
                return Err(unreadable("history", why));
            }
            entry.at -= context.slack_ms;
            shop.history.push(entry);
        }
        let troubles = Troubles::of(&ledger);
        let arrivals = arrivals(&ledger);
        let calls = call_events(&ledger)
            .map(|(index, _, call)| (call.number, index))
            .collect();
        Ok(Run {
            ledger,
            shops,
            leases: context.leases,
            cut_off: context.cut_off,
            edits: context.edits,
            troubles,
            arrivals,
            calls,
        })
    }

    /// The controller's calls, with when each arrived.
    pub(crate) fn controller_calls(&self) -> impl Iterator<Item = (i64, &Call)> {
        call_events(&self.ledger)
            .filter(|(_, _, call)| call.vantage == Vantage::Controller)
            .map(|(_, at, call)| (at, call))
    }

    /// The controller's call of this number; `None` for a person's.
    pub(crate) fn controllers(&self, number: Option<u64>) -> Option<&Call> {
        let index = *self.calls.get(&number?)?;
        let event = self.ledger.events.get(index)?;
        match &event.what {
            What::Call(call) if call.vantage == Vantage::Controller => Some(call),
            _ => None,
        }
    }

    /// The shop that a call is about.
    pub(crate) fn shop_of(&self, call: &Call) -> Option<&Shop> {
        let name = call.shop.as_deref()?;
        self.shops.iter().find(|shop| shop.name == name)
    }

    /// The latest time at which a call may have been sent: when it arrived, unless something shows that it had been
    /// under way for longer. A request may be held up between sender and world.
    pub(crate) fn sent(&self, at: i64, call: &Call) -> i64 {
        let after = call.arrived_micros.and_then(|real| {
            let index = self.arrivals.partition_point(|(micros, _)| *micros < real);
            self.arrivals.get(index).map(|(_, at)| *at)
        });
        [Some(at), call.sent_at, call.gave_up_at, after]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(at)
    }

    /// Every promotion that the controller sent, in order.
    pub(crate) fn promotions(&self) -> Vec<Promotion<'_>> {
        self.controller_calls()
            .filter(|(_, call)| call.op == "promote-read-replica")
            .filter_map(|(at, call)| {
                let shop = self.shop_of(call)?;
                let to = call.region.as_deref()?;
                let sent = self.sent(at, call);
                Some(Promotion {
                    shop,
                    call,
                    sent,
                    to,
                    from: shop.other_than(to)?,
                    entry: shop.licensing(sent, to),
                })
            })
            .collect()
    }

    /// The times during which this instance took writes; an open one lasts until the end of the ledger.
    pub(crate) fn writable<'a>(&'a self, shop: &'a Shop, instance: &'a str) -> impl Iterator<Item = (i64, i64)> + 'a {
        let own = move |span: &&WritableSpan| span.shop == shop.name && span.instance == instance;
        let until = self.ledger.until;
        self.ledger
            .writable
            .iter()
            .filter(own)
            .map(move |span| (span.from, span.to.unwrap_or(until)))
    }

    /// Whether it took writes during all of this time.
    pub(crate) fn writable_throughout(&self, shop: &Shop, instance: &str, from: i64, to: i64) -> bool {
        self.writable(shop, instance)
            .any(|(start, end)| start <= from && end >= to)
    }

    /// The times during which instances of both regions of a shop took writes, from this time on.
    pub(crate) fn two_writers(&self, shop: &Shop, from: i64) -> Vec<(i64, i64)> {
        let [a, b] = [&shop.facts.primary, &shop.facts.secondary].map(|side| self.writable_in(shop, side));
        let mut both = Vec::new();
        for (a_from, a_to) in &a {
            for (b_from, b_to) in &b {
                let (start, end) = ((*a_from).max(*b_from).max(from), (*a_to).min(*b_to));
                if start < end {
                    both.push((start, end));
                }
            }
        }
        both.sort_unstable();
        both
    }

    /// The times during which an instance of this region took writes, whichever it was.
    fn writable_in(&self, shop: &Shop, side: &SideFacts) -> Vec<(i64, i64)> {
        let here = |span: &&WritableSpan| {
            let region = span
                .region
                .as_ref()
                .map_or(span.instance == side.instance, |region| *region == side.region);
            span.shop == shop.name && region
        };
        let spans = self.ledger.writable.iter().filter(here);
        spans
            .map(|span| (span.from, span.to.unwrap_or(self.ledger.until)))
            .collect()
    }

    /// The region of an instance, also of one that was made later.
    pub(crate) fn region_of<'a>(&'a self, shop: &'a Shop, instance: &str) -> Option<&'a str> {
        let set_up = shop.set_up.regions.iter().find(|region| region.instance == instance);
        set_up.map(|region| region.region.as_str()).or_else(|| {
            self.ledger.events.iter().find_map(|event| match &event.what {
                What::Instance {
                    instance: own, region, ..
                } if own == instance => region.as_deref(),
                _ => None,
            })
        })
    }
}

impl Shop {
    fn read(facts: ShopFacts, ledger: &Ledger, slack: i64) -> Result<Shop, Unreadable> {
        let name = facts.shop.rsplit('/').next().unwrap_or(&facts.shop).to_owned();
        let Some(set_up) = ledger.shops.iter().find(|shop| shop.name == name).cloned() else {
            let why = format!("{} stands in the context and the ledger has no {name}", facts.shop);
            return Err(unreadable("ledger", why));
        };
        for side in [&facts.primary, &facts.secondary] {
            if !set_up.regions.iter().any(|region| same(region, side)) {
                let why = format!("{}'s part in {} is another one in the ledger", facts.shop, side.region);
                return Err(unreadable("context", why));
            }
        }
        Ok(Shop {
            key: facts.shop.clone(),
            name,
            facts,
            set_up,
            history: Vec::new(),
            slack,
        })
    }

    pub(crate) fn region(&self, name: &str) -> Option<&Region> {
        self.set_up.regions.iter().find(|region| region.region == name)
    }

    /// The instance of a region as the journal of then has it: a rebuilt standby takes the place of what was set up.
    pub(crate) fn instance_in(&self, region: &str, at: i64) -> Option<&str> {
        let successor = self.latest(at).and_then(|entry| entry.journal.instances.get(region));
        successor
            .map(|own| own.instance.as_str())
            .or(self.region(region).map(|own| own.instance.as_str()))
    }

    pub(crate) fn other_than(&self, name: &str) -> Option<&Region> {
        self.set_up.regions.iter().find(|region| region.region != name)
    }

    pub(crate) fn side(&self, region: &str) -> &SideFacts {
        if self.facts.primary.region == region {
            &self.facts.primary
        } else {
            &self.facts.secondary
        }
    }

    /// The newest entry that was stored by then.
    pub(crate) fn latest(&self, at: i64) -> Option<&Entry> {
        let index = self.history.partition_point(|entry| entry.at <= at);
        self.history.get(index.checked_sub(1)?)
    }

    /// Every entry that was the newest one at some moment of this time, in order.
    pub(crate) fn in_force(&self, from: i64, to: i64) -> &[Entry] {
        let start = self
            .history
            .partition_point(|entry| entry.at <= from - self.slack)
            .saturating_sub(1);
        let end = self.history.partition_point(|entry| entry.at <= to);
        self.history.get(start..end).unwrap_or(&[])
    }

    /// The entry that a promotion into `to`, sent at `sent`, was sent under.
    fn licensing(&self, sent: i64, to: &str) -> Option<&Entry> {
        self.in_force(sent, sent).iter().rev().find(|entry| {
            entry.journal.in_flight().is_some_and(|current| {
                current.phase == Phase::Promoting && current.to == to && current.licence.is_some()
            })
        })
    }

    /// The first entry of this move that satisfies `test`.
    pub(crate) fn first(&self, number: i64, test: impl Fn(&Journal, &Move) -> bool) -> Option<&Entry> {
        self.history.iter().find(|entry| {
            let current = entry.journal.current.as_ref().filter(|own| own.number == number);
            current.is_some_and(|current| test(&entry.journal, current))
        })
    }
}

/// Which instance a region has may be edited, and a standby may be rebuilt.
fn same(region: &Region, side: &SideFacts) -> bool {
    region.region == side.region && region.pool == side.pool
}

fn call_events(ledger: &Ledger) -> impl Iterator<Item = (usize, i64, &Call)> {
    ledger
        .events
        .iter()
        .enumerate()
        .filter_map(|(index, event)| match &event.what {
            What::Call(call) => Some((index, event.at, &**call)),
            _ => None,
        })
}

fn arrivals(ledger: &Ledger) -> Vec<(i64, i64)> {
    let calls = call_events(ledger).filter_map(|(_, at, call)| Some((call.arrived_micros?, at)));
    let reads = ledger
        .reads
        .iter()
        .filter_map(|read| Some((read.arrived_micros?, read.at)));
    let mut arrivals: Vec<(i64, i64)> = calls.chain(reads).collect();
    arrivals.sort_unstable();
    let mut least = i64::MAX;
    for (_, at) in arrivals.iter_mut().rev() {
        least = least.min(*at);
        *at = least;
    }
    arrivals
}

fn parse<'a, T: Deserialize<'a>>(document: &'static str, value: &'a Value) -> Result<T, Unreadable> {
    T::deserialize(value).map_err(|error| unreadable(document, error.to_string()))
}

fn unreadable(document: &'static str, why: String) -> Unreadable {
    Unreadable { document, why }
}
