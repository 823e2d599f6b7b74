//! Drives an engine by hand: answers what is not held, and keeps what came out in order.

use crate::world::{World, adopted, at, secs, shop};
use breakwater_core::Text;
use breakwater_core::decision::Step;
use breakwater_core::journal::Journal;
use breakwater_core::outcome::{Outcome, Receipt};
use breakwater_core::reading::{Cause, ObjectKey, Query, Reading, Value};
use breakwater_core::report::Answered;
use breakwater_core::shop::{Shop, ShopKey};
use breakwater_core::time::Now;
use breakwater_engine::call::{Call, Lane};
use breakwater_engine::port::{Event, In, Kept, Out, Status, StoreError, Ticket};
use breakwater_engine::{Engine, Settings};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub const ME: &str = "controller-1";

/// A call that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub ticket: Ticket,
    pub at: Now,
    pub step: Step,
    pub lane: Lane,
    pub because: Cause,
    pub timeout: Duration,
    /// The number and region of the licence that it carried.
    pub licence: Option<(i64, Text)>,
}

/// A write of a status.
#[derive(Clone, Debug)]
pub struct Write {
    pub ticket: Ticket,
    pub key: ShopKey,
    pub status: Box<Status>,
    pub version: Text,
}

pub struct Driver {
    pub engine: Engine,
    pub now: Now,
    pub world: World,
    pub shops: Vec<Shop>,
    pub store: BTreeMap<ShopKey, (Option<Journal>, u64)>,
    pub calls: Vec<Sent>,
    pub writes: Vec<Write>,
    pub reads: Vec<(Ticket, ShopKey)>,
    pub queries: Vec<(Now, Query)>,
    pub events: Vec<Event>,
    pub answers: Vec<Answered>,
    pub wake: Option<Duration>,
    /// Calls like this are not answered.
    pub hold_calls: fn(&Sent) -> bool,
    /// Writes like this (compared with the stored journal) are neither done nor answered.
    pub hold_writes: fn(&Write, &Option<Journal>) -> bool,
    pub hold_reads: bool,
    pub renews: bool,
    pending: VecDeque<Out>,
}

pub fn changes_journal(write: &Write, stored: &Option<Journal>) -> bool {
    stored.clone().unwrap_or_default() != write.status.journal
}

impl Driver {
    /// An engine without a lease that knows nothing yet, beside a healthy world.
    pub fn new(names: &[&str]) -> Driver {
        let shops: Vec<Shop> = names.iter().map(|name| shop(name)).collect();
        let store = shops
            .iter()
            .map(|shop| (shop.key.clone(), (Some(adopted(shop)), 1)))
            .collect();
        Driver {
            engine: engine(ME),
            now: at(100),
            world: World::of(&shops),
            shops,
            store,
            calls: Vec::new(),
            writes: Vec::new(),
            reads: Vec::new(),
            queries: Vec::new(),
            events: Vec::new(),
            answers: Vec::new(),
            wake: None,
            hold_calls: |_| false,
            hold_writes: |_, _| false,
            hold_reads: false,
            renews: true,
            pending: VecDeque::new(),
        }
    }

    /// With a lease and all shops handed in.
    pub fn started(names: &[&str]) -> Driver {
        let mut driver = Driver::new(names);
        driver.start();
        driver
    }

    pub fn start(&mut self) {
        self.renew();
        for shop in self.shops.clone() {
            self.hand_in(shop);
        }
    }

    pub fn hand_in(&mut self, shop: Shop) {
        let kept = self.kept(&shop.key);
        self.feed(In::Shop(Box::new(shop), kept));
    }

    pub fn kept(&self, key: &ShopKey) -> Kept {
        let (journal, version) = &self.store[key];
        Kept {
            journal: journal.clone(),
            version: version.to_string().into(),
        }
    }

    pub fn key(&self, index: usize) -> ShopKey {
        self.shops[index].key.clone()
    }

    pub fn renew(&mut self) {
        let until = self.now.mono + secs(15);
        self.feed(In::Lease(Some(until)));
    }

    /// Feeds one input and everything that follows from it at once.
    pub fn feed(&mut self, input: In) {
        self.feed_alone(input);
        for _ in 0..10_000 {
            let Some(out) = self.pending.pop_front() else { return };
            self.carry_out(out);
        }
        panic!("one thing leads to another without end: {:?}", self.pending.front());
    }

    /// Nothing takes no time.
    fn tick(&mut self) {
        let moment = Duration::from_millis(1);
        self.now = Now {
            mono: self.now.mono + moment,
            wall: breakwater_core::time::after(self.now.wall, moment),
        };
    }

    fn feed_alone(&mut self, input: In) {
        let mut out = Vec::new();
        self.engine.handle(self.now, input, &mut out);
        self.pending.extend(out);
    }

    fn carry_out(&mut self, out: Out) {
        match out {
            Out::Query(cause, query) => {
                let asked = self.now;
                self.queries.push((asked, query.clone()));
                self.tick();
                for (key, value) in self.world.answer(&query, asked) {
                    self.feed_alone(In::Reading(Box::new(self.reading(cause, asked, key, value))));
                }
                self.feed_alone(In::QueryDone(cause));
            }
            Out::Call {
                ticket,
                call,
                timeout,
                because,
                ..
            } => {
                let lane = call.lane();
                let (step, licence) = match call {
                    Call::Promote(promotion, licence) => (
                        Step::Promote(promotion),
                        Some((licence.number(), licence.region().clone())),
                    ),
                    Call::Effect(effect) => (Step::Effect(effect), None),
                };
                let sent = Sent {
                    ticket,
                    at: self.now,
                    step,
                    lane,
                    because,
                    timeout,
                    licence,
                };
                self.calls.push(sent.clone());
                self.tick();
                if !(self.hold_calls)(&sent) {
                    self.finish(&sent);
                }
            }
            Out::Store {
                ticket,
                key,
                status,
                version,
            } => {
                let write = Write {
                    ticket,
                    key,
                    status,
                    version,
                };
                self.writes.push(write.clone());
                if !(self.hold_writes)(&write, &self.store[&write.key].0) {
                    let result = self.write(&write);
                    self.feed_alone(In::Stored(write.ticket, result));
                }
            }
            Out::ReadJournal { ticket, key } => {
                self.reads.push((ticket, key.clone()));
                if !self.hold_reads {
                    let kept = self.kept(&key);
                    self.feed_alone(In::Read(ticket, Ok(kept)));
                }
            }
            Out::Event(event) => self.events.push(event),
            Out::WakeAt(wake) => self.wake = Some(wake),
            Out::Answer(_, answered) => self.answers.push(*answered),
            Out::Record(..) | Out::Shift(..) | Out::Release(_) => {}
        }
    }

    pub fn reading(&self, cause: Cause, asked: Now, key: ObjectKey, value: Value) -> Reading {
        Reading {
            key,
            at: self.now,
            asked,
            cause,
            value,
        }
    }

    /// The world does what the call says, and answers so.
    pub fn finish(&mut self, sent: &Sent) {
        self.world.apply(&sent.step);
        let receipt = Receipt {
            change: Some(format!("C{}", sent.ticket.0).into()),
            cause: Cause(7),
        };
        self.feed_alone(In::CallDone(sent.ticket, Outcome::Accepted(receipt)));
    }

    /// The store does a write, if the version is the stored one.
    pub fn write(&mut self, write: &Write) -> Result<Kept, StoreError> {
        let (journal, version) = self.store.get_mut(&write.key).unwrap();
        if *write.version != version.to_string() {
            return Err(StoreError::Conflict);
        }
        *journal = Some(write.status.journal.clone());
        *version += 1;
        Ok(self.kept(&write.key))
    }

    /// Somebody else touches the object: a label, say.
    pub fn touch(&mut self, index: usize) {
        let key = self.key(index);
        self.store.get_mut(&key).unwrap().1 += 1;
    }

    /// Time passes, second by second; the lease is renewed and wakes are fed.
    pub fn run(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = at(self.now.mono.as_secs() + 1);
            if self.renews && self.now.mono.as_secs().is_multiple_of(5) {
                self.renew();
            }
            self.feed(In::Wake);
        }
    }

    pub fn run_until(&mut self, seconds: u64, holds: impl Fn(&Driver) -> bool) {
        for _ in 0..seconds {
            if holds(self) {
                return;
            }
            self.run(1);
        }
        assert!(holds(self), "not within {seconds} s");
    }

    pub fn kill_region(&mut self) {
        self.world.dead_since = Some(self.now.wall);
    }

    /// Another process takes over; what the first had asked for is answered to nobody.
    pub fn take_over(&mut self, me: &str) {
        self.pending.clear();
        self.engine = engine(me);
        self.start();
    }

    pub fn journal(&self, index: usize) -> &Journal {
        self.engine.journal(&self.key(index)).expect("a shop")
    }

    pub fn promotions(&self) -> Vec<&Sent> {
        self.calls
            .iter()
            .filter(|sent| matches!(sent.step, Step::Promote(_)))
            .collect()
    }
}

pub fn engine(me: &str) -> Engine {
    Engine::new(Settings {
        me: me.into(),
        first_cause: 100,
        call_timeout: secs(4),
    })
}
