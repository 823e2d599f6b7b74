//! One world, one engine, one queue.

use crate::asking::Asking;
use crate::deeds::WRITE;
use crate::plot::{Aim, Deed, Plot, Twist};
use crate::requests::Switches;
use crate::shops::shop_of;
use crate::store::{HistoryEntry, Store};
use breakwater_core::facts::{Fleet, Unverified};
use breakwater_core::journal::Journal;
use breakwater_core::outcome::Outcome;
use breakwater_core::reading::{Cause, ObjectKey, Reading, Value};
use breakwater_core::shop::{Shop, ShopKey};
use breakwater_core::time::Now;
use breakwater_engine::call::Call;
use breakwater_engine::port::{Event, In, Kept, Out, Status, StoreError, Ticket, Version};
use breakwater_engine::{Engine, Settings};
use breakwater_sim::{Fault, FaultId, Setup, World};
use std::collections::BTreeMap;
use std::time::Duration;

/// Duration of the lease, virtual.
const LEASE: i64 = 15_000;
/// The lease is renewed this often.
const RENEW: i64 = 5_000;
/// Time-out of a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);
/// An API server that has not renewed the lease for so long is called silent.
const API_SERVER_SILENT: i64 = 30_000;

/// How a rig runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the installation.
    pub installation: String,
    /// The AWS region that the controller is told it runs in.
    pub region: Option<String>,
    /// The API server admits RegionSwitches in another's name, and the controller has noticed.
    pub forged_names_admitted: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            installation: "rig".into(),
            region: None,
            forged_names_admitted: false,
        }
    }
}

/// What the queue holds; answers belong to the process that asked.
#[derive(Debug)]
pub(crate) enum Happens {
    Readings(Cause, i64, Vec<(ObjectKey, Value)>),
    CallDone(Ticket, Outcome),
    Stored(Ticket, Box<Result<Kept, StoreError>>),
    Read(Ticket, ShopKey),
    Wake,
    Renew,
    /// A renewal of the lease was answered; sent at this time.
    Renewed(i64),
}

/// A request that is still on its way after its sender has given up on it, or died.
#[derive(Debug)]
pub(crate) enum Straggler {
    Store(ShopKey, Box<Status>, Version, String),
    Call(Call, (Cause, Cause), String, i64),
}

/// Simulator and engine, coupled.
pub struct Rig {
    /// The world.
    pub world: World,
    setup: Setup,
    shops: BTreeMap<ShopKey, Shop>,
    /// Those that were let go, too: the checkers still judge what was done to them.
    pub(crate) known: BTreeMap<ShopKey, Shop>,
    pub(crate) store: Store,
    engine: Option<Engine>,
    pub(crate) me: String,
    asking: Asking,
    queue: BTreeMap<(i64, u64), Happens>,
    pub(crate) serial: u64,
    incarnation: u64,
    started: i64,
    lease_from: i64,
    pub(crate) away: bool,
    wake: Option<(i64, u64)>,
    steps: u64,
    events: Vec<(i64, Event)>,
    pub(crate) switches: Switches,
    pub(crate) leases: Vec<(i64, String, i64)>,
    renewal_takes: i64,
    renewals_fail: bool,
    region: Option<String>,
    forged_names_admitted: bool,
    pub(crate) cut_off: Vec<(i64, Option<i64>)>,
    /// When whose spec was changed, and whether its object is to go from then on.
    pub(crate) edits: Vec<(i64, ShopKey, bool)>,
    hide_lag: Option<fn(i64) -> bool>,
    pub(crate) plot: Plot,
    pub(crate) stragglers: BTreeMap<(i64, u64), Straggler>,
    pub(crate) sent_at: BTreeMap<u64, i64>,
}

impl Rig {
    /// A world and an engine for all of its shops; nothing has happened yet.
    #[must_use]
    pub fn new(setup: Setup, seed: u64, options: &Options) -> Rig {
        let world = World::new(setup.clone(), seed);
        let mut rig = Rig {
            started: world.now(),
            lease_from: world.now(),
            world,
            shops: BTreeMap::new(),
            known: BTreeMap::new(),
            store: Store::default(),
            engine: None,
            me: String::new(),
            asking: Asking::default(),
            queue: BTreeMap::new(),
            serial: 0,
            incarnation: 0,
            away: false,
            wake: None,
            steps: 0,
            events: Vec::new(),
            switches: Switches::default(),
            leases: Vec::new(),
            renewal_takes: 0,
            renewals_fail: false,
            region: options.region.clone(),
            forged_names_admitted: options.forged_names_admitted,
            cut_off: Vec::new(),
            edits: Vec::new(),
            hide_lag: None,
            plot: Plot::default(),
            stragglers: BTreeMap::new(),
            sent_at: BTreeMap::new(),
            setup,
        };
        for shop in &rig.setup.shops {
            let shop = shop_of(&rig.setup, shop, &options.installation);
            rig.store.create(&shop.key);
            rig.known.insert(shop.key.clone(), shop.clone());
            rig.shops.insert(shop.key.clone(), shop);
        }
        rig.start_engine();
        rig
    }

    /// The key of a shop by its name.
    ///
    /// # Panics
    /// If the setup has no shop of that name.
    #[must_use]
    pub fn key(&self, name: &str) -> ShopKey {
        let found = self.known.keys().find(|key| &*key.name == name);
        // A test that names another shop is wrong, and should hear of it at once.
        found.cloned().unwrap_or_else(|| panic!("no shop {name} in this setup"))
    }

    /// Changes a shop's spec, as an edit does.
    pub fn edit(&mut self, key: &ShopKey, change: impl FnOnce(&mut Shop)) {
        if let Some(shop) = self.shops.get_mut(key) {
            change(shop);
            shop.generation += 1;
            let shop = shop.clone();
            self.edits.push((self.world.now(), key.clone(), shop.deleting));
            self.known.insert(key.clone(), shop.clone());
            self.hand_in_shop(shop);
        }
    }

    pub(crate) fn start_engine(&mut self) {
        self.incarnation += 1;
        self.me = format!("controller-{:04}", self.incarnation);
        self.queue.clear();
        self.wake = None;
        self.asking = Asking::hiding(self.hide_lag);
        self.engine = Some(Engine::new(Settings {
            me: self.me.as_str().into(),
            first_cause: self.incarnation << 32,
            call_timeout: CALL_TIMEOUT,
        }));
        let shops: Vec<Shop> = self.shops.values().cloned().collect();
        for shop in shops {
            self.hand_in_shop(shop);
        }
        self.hand_in_requests();
        // A new holder first watches the old one idle for a whole lease.
        self.push(self.lease_from.max(self.world.now()), Happens::Renew);
    }

    fn hand_in_shop(&mut self, shop: Shop) {
        if let Ok(kept) = self.store.read(&shop.key) {
            self.feed(In::Shop(Box::new(shop), kept));
        }
    }

    pub(crate) fn push(&mut self, at: i64, what: Happens) {
        self.serial += 1;
        self.queue.insert((at, self.serial), what);
    }

    fn now(&self) -> Now {
        let millis = self.world.now();
        Now {
            mono: Duration::from_millis(u64::try_from(millis - self.started).unwrap_or(0)),
            wall: crate::answers::time(millis),
        }
    }

    /// Virtual time, milliseconds since the Unix epoch.
    #[must_use]
    pub fn millis(&self) -> i64 {
        self.world.now()
    }

    /// Lets this much virtual time pass.
    pub fn run_for(&mut self, time: Duration) {
        let until = self.world.now() + i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        while self.step(until) {}
    }

    /// Lets time pass until something holds; says whether it did within the limit.
    pub fn run_until(&mut self, limit: Duration, mut holds: impl FnMut(&Rig) -> bool) -> bool {
        let until = self.world.now() + i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        loop {
            if holds(self) {
                return true;
            }
            if !self.step(until) {
                return holds(self);
            }
        }
    }

    /// One thing happens; `false` when nothing does before this time, which then has come.
    pub fn step(&mut self, until: i64) -> bool {
        self.steps += 1;
        let next = self.queue.first_key_value().map(|(key, _)| *key);
        let late = self.stragglers.first_key_value().map(|(key, _)| *key);
        let Some((at, serial)) = next.into_iter().chain(late).min().filter(|(at, _)| *at <= until) else {
            self.world.advance(until);
            return false;
        };
        if let Some(straggler) = self.stragglers.remove(&(at, serial)) {
            self.world.advance(at.max(self.world.now()));
            self.arrive_late(straggler);
            return true;
        }
        let what = self.queue.remove(&(at, serial));
        self.world.advance(at.max(self.world.now()));
        match what {
            Some(Happens::Readings(cause, asked, readings)) => self.hand_in_readings(cause, asked, readings),
            Some(Happens::CallDone(ticket, outcome)) => self.feed(In::CallDone(ticket, outcome)),
            Some(Happens::Stored(ticket, result)) => self.feed(In::Stored(ticket, *result)),
            Some(Happens::Read(ticket, key)) => self.read_journal(ticket, &key),
            Some(Happens::Wake) => {
                self.wake = None;
                self.feed(In::Wake);
            }
            Some(Happens::Renew) => self.renew(),
            Some(Happens::Renewed(sent)) => self.renewed(sent),
            None => {}
        }
        true
    }

    /// The renewal takes effect at the API server now, and is answered later.
    fn renew(&mut self) {
        let now = self.world.now();
        if self.away || self.renewals_fail {
            self.push(now + RENEW, Happens::Renew);
            let silent = self
                .leases
                .last()
                .is_none_or(|(from, ..)| now - *from >= API_SERVER_SILENT);
            if silent {
                self.tell_fleet(true);
            }
            return;
        }
        self.lease_from = now + LEASE;
        self.leases.push((now, self.me.clone(), now + LEASE));
        self.push(now + RENEW.max(self.renewal_takes), Happens::Renew);
        if self.renewal_takes > 0 {
            self.push(now + self.renewal_takes, Happens::Renewed(now));
        } else {
            self.renewed(now);
        }
    }

    /// The lease is judged from before its renewal was sent.
    fn renewed(&mut self, sent: i64) {
        let until = self.mono(sent + LEASE);
        let me = self.incarnation;
        self.tell_fleet(false);
        if self.incarnation == me {
            self.feed(In::Lease(Some(until)));
        }
    }

    fn tell_fleet(&mut self, api_server_silent: bool) {
        let namespaces = self.known.keys().map(|key| key.namespace.clone());
        let unverified = namespaces
            .filter(|_| self.forged_names_admitted)
            .map(|namespace| (namespace, Unverified::Admitted))
            .collect();
        self.feed(In::Fleet(Fleet {
            api_server_silent,
            unverified,
            region: self.region.as_deref().map(Into::into),
            ..Fleet::default()
        }));
    }

    fn mono(&self, at: i64) -> Duration {
        Duration::from_millis(u64::try_from(at - self.started).unwrap_or(0))
    }

    fn read_journal(&mut self, ticket: Ticket, key: &ShopKey) {
        if self.away {
            self.feed(In::Read(
                ticket,
                Err(StoreError::Unknown("the API server does not answer".into())),
            ));
            return;
        }
        if let Some(shop) = self.shops.get(key).cloned() {
            self.hand_in_shop(shop);
        }
        let read = self.store.read(key);
        self.feed(In::Read(ticket, read));
    }

    fn hand_in_readings(&mut self, cause: Cause, asked: i64, readings: Vec<(ObjectKey, Value)>) {
        let at = self.now();
        let asked = Now {
            mono: Duration::from_millis(u64::try_from(asked - self.started).unwrap_or(0)),
            wall: crate::answers::time(asked),
        };
        let me = self.incarnation;
        for (key, value) in readings {
            self.feed(In::Reading(Box::new(Reading {
                key,
                at,
                asked,
                cause,
                value,
            })));
            if self.incarnation != me {
                return;
            }
        }
        self.feed(In::QueryDone(cause));
    }

    pub(crate) fn feed(&mut self, input: In) {
        let now = self.now();
        let mut out = Vec::new();
        if let Some(engine) = &mut self.engine {
            engine.handle(now, input, &mut out);
        }
        let me = self.incarnation;
        for output in out {
            // What a process wanted that died meanwhile does not happen.
            if self.incarnation == me {
                self.carry_out(output);
            }
        }
    }

    fn carry_out(&mut self, output: Out) {
        let now = self.world.now();
        match output {
            Out::Query(cause, query) => {
                let account = self.setup.cloudflare_account.clone();
                let answered = self.asking.ask(&mut self.world, &self.me, &account, cause, &query);
                self.push(answered.at, Happens::Readings(cause, now, answered.readings));
            }
            Out::Call {
                ticket,
                cause,
                call,
                timeout,
                because,
            } => {
                let timeout = i64::try_from(timeout.as_millis()).unwrap_or(4_000);
                self.call(ticket, (cause, because), call, timeout);
            }
            Out::Store {
                ticket,
                key,
                status,
                version,
            } => self.write(ticket, key, status, version),
            Out::ReadJournal { ticket, key } => self.push(now + WRITE, Happens::Read(ticket, key)),
            Out::Event(event) => self.events.push((now, event)),
            Out::WakeAt(mono) => {
                let at = self.started + i64::try_from(mono.as_millis()).unwrap_or(i64::MAX) + 1;
                if let Some(old) = self.wake.take() {
                    self.queue.remove(&old);
                }
                let at = at.max(now);
                self.push(at, Happens::Wake);
                self.wake = Some((at, self.serial));
            }
            Out::Release(key) => {
                self.shops.remove(&key);
                self.feed(In::Gone(key));
            }
            Out::Record(key, current) => self.show_record(&key, &current),
            Out::Shift(key, shift) => self.show_shift(&key, &shift),
            Out::Answer(key, answered) => self.show_answer(key, *answered),
        }
    }

    /// The controller dies now, and another starts. What the dead one had asked for is answered to nobody.
    pub fn kill(&mut self) {
        self.start_engine();
    }

    /// Lets something befall a deed that is still to come.
    pub fn twist(&mut self, aim: Aim, twist: Twist) {
        self.plot.twist(aim, twist);
    }

    /// What the controller has done so far: each write of a status, and each call.
    #[must_use]
    pub fn deeds(&self) -> &[Deed] {
        self.plot.deeds()
    }

    /// How many twists have not happened yet.
    #[must_use]
    pub fn twists_left(&self) -> usize {
        self.plot.left()
    }

    /// The time that a renewal of the lease takes, from its sending to its answer.
    pub fn set_renewal_takes(&mut self, time: Duration) {
        self.renewal_takes = i64::try_from(time.as_millis()).unwrap_or(0);
    }

    /// Whether renewals of the lease fail, while all else at the API server works.
    pub fn set_renewals_fail(&mut self, fail: bool) {
        self.renewals_fail = fail;
    }

    /// Whether the CRDs are older than the controller: the API server drops a field of the journal that they do not know.
    pub fn set_prunes(&mut self, prunes: bool) {
        self.store.prunes = prunes;
    }

    /// `ReplicaLag` samples whose stamp (milliseconds) satisfies this are never published.
    pub fn hide_lag_samples(&mut self, hidden: fn(i64) -> bool) {
        self.hide_lag = Some(hidden);
        self.asking.hide(hidden);
    }

    /// Whether a shop's object was let go.
    #[must_use]
    pub fn is_released(&self, key: &ShopKey) -> bool {
        !self.shops.contains_key(key)
    }

    /// Whether the controller's cluster is away: no lease, no writes, no reads of the API server.
    pub fn set_away(&mut self, away: bool) {
        let now = self.world.now();
        if away && !self.away {
            self.cut_off.push((now, None));
        } else if !away && let Some((_, until)) = self.cut_off.last_mut() {
            *until = Some(now);
        }
        self.away = away;
    }

    /// Injects a fault.
    pub fn inject(&mut self, fault: Fault) -> FaultId {
        self.world.inject(fault)
    }

    /// Ends a fault.
    pub fn clear(&mut self, fault: FaultId) {
        self.world.clear(fault);
    }

    /// The journal of a shop as the store has it.
    #[must_use]
    pub fn journal(&self, key: &ShopKey) -> Option<&Journal> {
        self.store.journal(key)
    }

    /// The status of a shop as the store has it.
    #[must_use]
    pub fn status(&self, key: &ShopKey) -> Option<&Status> {
        self.store.status(key)
    }

    /// Puts an older status back, as a restored backup does.
    pub fn restore(&mut self, key: &ShopKey, status: Option<Status>) {
        self.store.restore(self.world.now(), key, status);
    }

    /// Everything that was written.
    #[must_use]
    pub fn history(&self) -> &[HistoryEntry] {
        &self.store.history
    }

    /// Everything that people were told.
    #[must_use]
    pub fn events(&self) -> &[(i64, Event)] {
        &self.events
    }

    /// How many shops are in the queue of their class, those included whose turn it is.
    #[must_use]
    pub fn queue_length(&self) -> usize {
        let engine = self.engine.as_ref();
        engine.map_or(0, |engine| engine.queues().map(|(_, length)| length).sum())
    }

    /// How many steps have been made.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }
}
