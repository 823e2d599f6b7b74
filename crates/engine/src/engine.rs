//! The engine: takes in what happened, plans the shops that it concerns, says what is to be done.

use crate::budget::Budgets;
use crate::denied::Denials;
use crate::kept_shop::{KeptShop, Writing};
use crate::port::{In, Out, Ticket};
use crate::queue::Queues;
use crate::requests::Requests;
use crate::watchlist::Watchlist;
use breakwater_core::Text;
use breakwater_core::decision::{Decision, Next};
use breakwater_core::facts::Fleet;
use breakwater_core::plan::plan;
use breakwater_core::reading::{Cause, ObjectKey};
use breakwater_core::shop::ShopKey;
use breakwater_core::time::Now;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What an engine is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This process, unlike any before it: host name and a random part.
    pub me: Text,
    /// The numbers of this process's requests begin above this.
    pub first_cause: u64,
    /// How long a call may take, in the time of `Now.mono`.
    pub call_timeout: Duration,
}

/// The engine of one process.
#[derive(Debug)]
pub struct Engine {
    pub(crate) settings: Settings,
    pub(crate) shops: BTreeMap<ShopKey, KeptShop>,
    pub(crate) watchlist: Watchlist,
    pub(crate) fleet: Fleet,
    pub(crate) requests: Requests,
    /// A write of ours came back without what was sent.
    pub(crate) outdated: bool,
    pub(crate) budgets: Budgets,
    pub(crate) denials: Denials,
    pub(crate) queues: Queues,
    /// Until when (monotonic) the lease is valid.
    pub(crate) lease: Option<Duration>,
    wakes: BTreeSet<(Duration, ShopKey)>,
    dirty: BTreeSet<ShopKey>,
    last_ticket: u64,
    last_cause: u64,
    told_wake: Option<Duration>,
}

impl Engine {
    /// An engine that knows no shop yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Engine {
            last_cause: settings.first_cause,
            budgets: Budgets::new(&settings.me),
            denials: Denials::default(),
            queues: Queues::default(),
            settings,
            shops: BTreeMap::new(),
            watchlist: Watchlist::default(),
            fleet: Fleet::default(),
            requests: Requests::default(),
            outdated: false,
            lease: None,
            wakes: BTreeSet::new(),
            dirty: BTreeSet::new(),
            last_ticket: 0,
            told_wake: None,
        }
    }

    /// Takes in one thing that happened, and says what is to be done.
    pub fn handle(&mut self, now: Now, input: In, out: &mut Vec<Out>) {
        // What time alone makes possible is written and asked, not sent: a call needs an answer that it follows from.
        let may_send = !matches!(input, In::Wake | In::Lease(_) | In::Fleet(_));
        self.take(now, input, out);
        self.wake_shops(now);
        while let Some(key) = self.dirty.pop_first() {
            self.turn(now, &key, may_send, out);
        }
        self.ask(now, out);
        self.tell_wake(now, out);
    }

    fn take(&mut self, now: Now, input: In, out: &mut Vec<Out>) {
        match input {
            In::Shop(shop, kept) => {
                let key = shop.key.clone();
                self.budgets.grant(&shop.class, shop.limits);
                match self.shops.get_mut(&key) {
                    Some(known) if known.shop.uid == shop.uid => known.update(*shop, kept),
                    Some(_) | None => {
                        self.forget(now, &key);
                        self.shops.insert(key.clone(), KeptShop::new(*shop, kept));
                    }
                }
                self.dirty.insert(key);
            }
            In::Gone(key) => self.forget(now, &key),
            In::Request(key, request) => self.take_request(key, *request),
            In::RequestGone(key, uid) => self.forget_request(key, &uid),
            In::Reading(reading) => {
                self.note_reading(now, &reading);
                for key in self.watchlist.lookers(&reading.key) {
                    if let Some(kept) = self.shops.get_mut(&key) {
                        kept.absorb(&reading);
                        // All shops of a class share its references; each plans anew at its own next probe.
                        if !matches!(reading.key, ObjectKey::Reference(_)) {
                            self.dirty.insert(key);
                        }
                    }
                }
            }
            In::QueryDone(cause) => self.watchlist.done(cause),
            In::CallDone(ticket, outcome) => self.call_done(now, ticket, outcome),
            In::Stored(ticket, result) => self.stored(now, ticket, result, out),
            In::Read(ticket, result) => self.was_read(now, ticket, result, out),
            In::Lease(until) => {
                let had = self.lease.is_some_and(|until| until > now.mono);
                self.lease = until;
                if !had && until.is_some() {
                    self.begin_reign();
                }
            }
            In::Fleet(mut fleet) => {
                fleet.crd_outdated |= self.outdated;
                if self.fleet != fleet {
                    self.fleet = fleet;
                    self.dirty.extend(self.shops.keys().cloned());
                }
            }
            In::Wake => self.told_wake = None,
        }
    }

    fn forget(&mut self, now: Now, key: &ShopKey) {
        for moved in self.queues.forget(key, now.mono) {
            self.mark(moved);
        }
        if let Some(kept) = self.shops.remove(key) {
            self.watchlist.set(key, 0, &kept.looks, &[], None);
            if let Some(wake) = kept.wake {
                self.wakes.remove(&(wake, key.clone()));
            }
        }
        self.dirty.remove(key);
    }

    /// One shop's turn: read its journal first, then plan, then write, send and look as planned.
    fn turn(&mut self, now: Now, key: &ShopKey, may_send: bool, out: &mut Vec<Out>) {
        if !self.leads(now, Duration::ZERO) {
            return;
        }
        self.read_journal_first(now, key, out);
        let is_read = |kept: &KeptShop| !matches!(kept.writing, Writing::MustRead(_) | Writing::Reading(..));
        if !self
            .shops
            .get(key)
            .is_some_and(|kept| is_read(kept) && kept.knows_journal())
        {
            return;
        }
        let Some(decision) = self.plan_in_turn(now, key) else {
            return;
        };
        self.look(key, &decision);
        self.set_wake(key, decision.wake);
        self.note_diagnosis(now, key, &decision, out);
        self.answer_requests(now, key, &decision, out);
        self.note_missing(key, &decision);
        match &decision.next {
            Next::Record(journal) => self.write_entry(now, key, journal, out),
            Next::Act(steps) if may_send => self.send(now, key, steps, out),
            Next::Release => return self.release(key, out),
            Next::Idle | Next::Wait(_) | Next::Act(_) => {}
        }
        self.write_report(now, key, &decision, out);
    }

    fn note_missing(&mut self, key: &ShopKey, decision: &breakwater_core::decision::Decision) {
        if let Some(kept) = self.shops.get_mut(key)
            && kept.missing != decision.missing
        {
            kept.missing.clone_from(&decision.missing);
        }
    }

    /// Plans with what the queue grants, tells the queue what the shop wants, and plans again if that changed its turn.
    fn plan_in_turn(&mut self, now: Now, key: &ShopKey) -> Option<Decision> {
        let mut turn = self.turn_of(now, key);
        let mut planned = None;
        for _ in 0..2 {
            let kept = self.shops.get_mut(key)?;
            kept.turn = turn;
            let requests = self.requests.of(key);
            let decision = plan(&kept.input(now, &self.settings.me, &self.fleet, requests));
            self.heed(now, key, decision.attention);
            planned = Some(decision);
            let then = self.turn_of(now, key);
            if then == turn {
                break;
            }
            turn = then;
        }
        planned
    }

    /// Whether the lease is valid now and for this long.
    pub(crate) fn leads(&self, now: Now, needed: Duration) -> bool {
        self.lease
            .is_some_and(|until| until > now.mono && until - now.mono >= needed)
    }

    fn look(&mut self, key: &ShopKey, decision: &Decision) {
        let called = self.queues.called(key);
        let Some(kept) = self.shops.get_mut(key) else { return };
        if kept.looks != decision.look || kept.called != called {
            let priority = kept.shop.policy.priority;
            self.watchlist.set(key, priority, &kept.looks, &decision.look, called);
            kept.looks.clone_from(&decision.look);
            kept.called = called;
        }
    }

    pub(crate) fn set_wake(&mut self, key: &ShopKey, wake: Option<Duration>) {
        let Some(kept) = self.shops.get_mut(key) else { return };
        if let Some(old) = kept.wake.take() {
            self.wakes.remove(&(old, key.clone()));
        }
        kept.wake = wake;
        if let Some(wake) = wake {
            self.wakes.insert((wake, key.clone()));
        }
    }

    fn wake_shops(&mut self, now: Now) {
        while let Some((wake, key)) = self.wakes.first().filter(|(wake, _)| *wake <= now.mono).cloned() {
            self.wakes.remove(&(wake, key.clone()));
            if let Some(kept) = self.shops.get_mut(&key) {
                kept.wake = None;
            }
            self.dirty.insert(key);
        }
    }

    fn release(&mut self, key: &ShopKey, out: &mut Vec<Out>) {
        if let Some(kept) = self.shops.get_mut(key).filter(|kept| !kept.released) {
            kept.released = true;
            out.push(Out::Release(key.clone()));
        }
    }

    fn ask(&mut self, now: Now, out: &mut Vec<Out>) {
        if !self.leads(now, Duration::ZERO) {
            return;
        }
        loop {
            let cause = self.next_cause();
            let Some(query) = self
                .watchlist
                .next_due(now.mono, cause, &mut self.budgets, &mut self.denials)
            else {
                return;
            };
            out.push(Out::Query(cause, query));
        }
    }

    /// A wake in the past is now, never never. The newest one told replaces those before.
    fn tell_wake(&mut self, now: Now, out: &mut Vec<Out>) {
        let due = self.watchlist.next_wake(now.mono, &mut self.budgets, &self.denials);
        let wakes = [due, self.wakes.first().map(|(wake, _)| *wake)];
        let Some(wake) = wakes.into_iter().flatten().min().map(|wake| wake.max(now.mono)) else {
            return;
        };
        if self.told_wake != Some(wake) {
            self.told_wake = Some(wake);
            out.push(Out::WakeAt(wake));
        }
    }

    pub(crate) fn mark(&mut self, key: ShopKey) {
        self.dirty.insert(key);
    }

    pub(crate) fn mark_all(&mut self) {
        self.dirty.extend(self.shops.keys().cloned());
    }

    pub(crate) fn next_ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        Ticket(self.last_ticket)
    }

    pub(crate) fn next_cause(&mut self) -> Cause {
        self.last_cause += 1;
        Cause(self.last_cause)
    }

    /// The journal of a shop as last confirmed; for tests and the rig.
    #[must_use]
    pub fn journal(&self, key: &ShopKey) -> Option<&breakwater_core::journal::Journal> {
        self.shops.get(key).map(|kept| &kept.journal)
    }

    /// How many shops are in the queue of each class, those included whose turn it is; for metrics.
    pub fn queues(&self) -> impl Iterator<Item = (&Text, usize)> {
        self.queues.lengths()
    }

    /// Each shop's diagnosis as last planned; for metrics.
    pub fn diagnoses(&self) -> impl Iterator<Item = (&ShopKey, breakwater_core::diagnosis::Diagnosis)> {
        self.shops.iter().filter_map(|(key, kept)| Some((key, kept.diagnosis?)))
    }

    /// What each shop's nearest promotion lacks, as last planned; for metrics.
    pub fn missing(&self) -> impl Iterator<Item = (&ShopKey, &[breakwater_core::decision::Missing])> {
        self.shops.iter().map(|(key, kept)| (key, kept.missing.as_slice()))
    }
}
