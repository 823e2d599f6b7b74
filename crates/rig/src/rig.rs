//! One world, one engine, one queue.

use crate::asking::Asking;
use crate::calling;
use crate::shops::shop_of;
use crate::store::{HistoryEntry, Store};
use breakwater_core::journal::Journal;
use breakwater_core::outcome::Outcome;
use breakwater_core::reading::{Cause, ObjectKey, Reading, Value};
use breakwater_core::shop::{Shop, ShopKey};
use breakwater_core::time::Now;
use breakwater_engine::port::{Event, In, Kept, Out, Status, StoreError, Ticket};
use breakwater_engine::{Engine, Settings};
use breakwater_sim::{Fault, FaultId, Setup, World};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Duration of the lease, virtual.
const LEASE: i64 = 15_000;
/// The lease is renewed this often.
const RENEW: i64 = 5_000;
/// What a write to the API server takes.
const WRITE: i64 = 8;
/// Time-out of a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);

/// How a rig runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the installation.
    pub installation: String,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            installation: "rig".into(),
        }
    }
}

/// When a controller dies, seen from what it was about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// What it wanted to do does not happen.
    Before,
    /// It happens, and nobody hears of it.
    After,
}

/// What the queue holds; answers belong to the process that asked.
#[derive(Debug)]
enum Happens {
    Readings(Cause, i64, Vec<(ObjectKey, Value)>),
    CallDone(Ticket, Outcome),
    Stored(Ticket, Box<Result<Kept, StoreError>>),
    Read(Ticket, ShopKey),
    Wake,
    Renew,
}

/// Simulator and engine, coupled.
pub struct Rig {
    /// The world.
    pub world: World,
    setup: Setup,
    shops: BTreeMap<ShopKey, Shop>,
    store: Store,
    engine: Option<Engine>,
    me: String,
    asking: Asking,
    queue: BTreeMap<(i64, u64), Happens>,
    serial: u64,
    incarnation: u64,
    started: i64,
    lease_from: i64,
    away: bool,
    wake: Option<(i64, u64)>,
    steps: u64,
    events: Vec<(i64, Event)>,
    leases: Vec<(i64, String, i64)>,
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
            leases: Vec::new(),
            setup,
        };
        for shop in &rig.setup.shops {
            let shop = shop_of(&rig.setup, shop, &options.installation);
            rig.store.create(&shop.key);
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
        let found = self.shops.keys().find(|key| &*key.name == name);
        // A test that names another shop is wrong, and should hear of it at once.
        found.cloned().unwrap_or_else(|| panic!("no shop {name} in this setup"))
    }

    /// Changes a shop's spec, as an edit does.
    pub fn edit(&mut self, key: &ShopKey, change: impl FnOnce(&mut Shop)) {
        if let Some(shop) = self.shops.get_mut(key) {
            change(shop);
            shop.generation += 1;
            let shop = shop.clone();
            self.hand_in_shop(shop);
        }
    }

    fn start_engine(&mut self) {
        self.incarnation += 1;
        self.me = format!("controller-{}", self.incarnation);
        self.queue.clear();
        self.wake = None;
        self.asking = Asking::default();
        self.engine = Some(Engine::new(Settings {
            me: self.me.as_str().into(),
            first_cause: self.incarnation << 32,
            call_timeout: CALL_TIMEOUT,
        }));
        let shops: Vec<Shop> = self.shops.values().cloned().collect();
        for shop in shops {
            self.hand_in_shop(shop);
        }
        // A new holder first watches the old one idle for a whole lease.
        self.push(self.lease_from.max(self.world.now()), Happens::Renew);
    }

    fn hand_in_shop(&mut self, shop: Shop) {
        if let Ok(kept) = self.store.read(&shop.key) {
            self.feed(In::Shop(Box::new(shop), kept));
        }
    }

    fn push(&mut self, at: i64, what: Happens) {
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
        let Some((&(at, serial), _)) = self.queue.first_key_value() else {
            self.world.advance(until);
            return false;
        };
        if at > until {
            self.world.advance(until);
            return false;
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
            None => {}
        }
        true
    }

    fn renew(&mut self) {
        let now = self.world.now();
        if !self.away {
            self.lease_from = now + LEASE;
            self.leases.push((now, self.me.clone(), now + LEASE));
            let until = self.now().mono + Duration::from_millis(LEASE.unsigned_abs());
            self.feed(In::Lease(Some(until)));
        }
        self.push(now + RENEW, Happens::Renew);
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
        for (key, value) in readings {
            self.feed(In::Reading(Box::new(Reading {
                key,
                at,
                asked,
                cause,
                value,
            })));
        }
        self.feed(In::QueryDone(cause));
    }

    fn feed(&mut self, input: In) {
        let now = self.now();
        let mut out = Vec::new();
        if let Some(engine) = &mut self.engine {
            engine.handle(now, input, &mut out);
        }
        for output in out {
            self.carry_out(output);
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
                let (outcome, at) = calling::call(&mut self.world, &self.me, (cause, because), &call, timeout);
                self.push(at, Happens::CallDone(ticket, outcome));
            }
            Out::Store {
                ticket,
                key,
                status,
                version,
            } => {
                let result = if self.away {
                    Err(StoreError::Unknown("the API server does not answer".into()))
                } else {
                    self.store.write(now, &self.me, &key, &status, &version)
                };
                self.push(now + WRITE, Happens::Stored(ticket, Box::new(result)));
            }
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
            Out::Record(..) => {}
        }
    }

    /// The controller dies now, and another starts. What the dead one had asked for is answered to nobody.
    pub fn kill(&mut self) {
        self.start_engine();
    }

    /// The controller dies at its next step, before or after what it does in it, and another starts.
    pub fn kill_at_next_step(&mut self, until: i64, kill: Kill) {
        match kill {
            Kill::After => _ = self.step(until),
            Kill::Before => {
                // The engine decides, and is gone before anything of it leaves the process.
                let Some((&(at, serial), _)) = self.queue.first_key_value().filter(|((at, _), _)| *at <= until) else {
                    return;
                };
                self.queue.remove(&(at, serial));
                self.world.advance(at.max(self.world.now()));
            }
        }
        self.start_engine();
    }

    /// Whether the controller's cluster is away: no lease, no writes, no reads of the API server.
    pub fn set_away(&mut self, away: bool) {
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
        self.store.restore(key, status);
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

    /// How many steps have been made.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The ledger as JSON, for the checkers.
    #[must_use]
    pub fn ledger_json(&self) -> Json {
        serde_json::to_value(self.world.ledger()).unwrap_or(Json::Null)
    }

    /// The history of journals as JSON, for the checkers.
    #[must_use]
    pub fn history_json(&self) -> Json {
        let lease_at = |at: i64, holder: &str| {
            let lease = self
                .leases
                .iter()
                .rev()
                .find(|(from, by, _)| *from <= at && by == holder);
            lease.map(|(_, by, until)| json!({"holder": by, "until": until}))
        };
        self.store
            .history
            .iter()
            .map(|entry| {
                let automatic = self
                    .shops
                    .get(&entry.shop)
                    .is_some_and(|shop| shop.policy.mode == breakwater_core::shop::Mode::Automatic);
                json!({
                    "at": entry.at,
                    "shop": entry.shop.to_string(),
                    "holder": entry.holder,
                    "lease": lease_at(entry.at, &entry.holder),
                    "automatic": automatic,
                    "journal": entry.status.journal,
                })
            })
            .collect()
    }

    /// What the checkers need to know of the shops.
    #[must_use]
    pub fn context_json(&self) -> Json {
        let region = |region: &breakwater_core::shop::ShopRegion| {
            json!({
                "region": region.name, "instance": region.instance, "pool": region.pool,
                "services": region.services.iter().map(|service| &*service.url).collect::<Vec<_>>(),
            })
        };
        let shops: Vec<Json> = self
            .shops
            .values()
            .map(|shop| {
                json!({
                    "shop": shop.key.to_string(),
                    "primary": region(&shop.regions.primary),
                    "secondary": region(&shop.regions.secondary),
                    "balancers": shop.balancers,
                    "maxLossSeconds": shop.policy.max_loss.as_secs(),
                    "promoteAfterSeconds": shop.policy.promote_after.as_secs(),
                    "databaseGraceSeconds": shop.policy.database_grace.as_secs(),
                    "intervalSeconds": shop.policy.interval.as_secs(),
                    "automatic": shop.policy.mode == breakwater_core::shop::Mode::Automatic,
                })
            })
            .collect();
        json!({"shops": shops, "installation": "rig"})
    }
}
