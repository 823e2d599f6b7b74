//! The driver: feeds the engine what happened and carries out what it says. It decides nothing.

use crate::approver::{self, Approvers, Tried};
use crate::catalogue::{Catalogue, Resolved, kept_of};
use crate::clock::Clock;
use crate::crds::{self, Installed};
use crate::metrics::{Metrics, call_kind};
use crate::people::People;
use crate::records::{Show, Told};
use crate::requests::OpenSwitches;
use crate::serve::Health;
use crate::store::Store;
use crate::watches::Saw;
use crate::{classes, lease};
use backon::{ExponentialBuilder, Retryable};
use breakwater_api::{Storefront, StorefrontStatus};
use breakwater_core::Text;
use breakwater_core::facts::Fleet;
use breakwater_core::outcome::Outcome;
use breakwater_core::reading::{Cause, ObjectKey, Reading, Seen, TroubleKind, Value};
use breakwater_core::shop::ShopKey;
use breakwater_core::time::Now;
use breakwater_engine::Engine;
use breakwater_engine::port::{Event, In, Kept, Out, StoreError, Ticket};
use breakwater_providers::{Clouds, Eyes, Hands};
use kube::{Client, ResourceExt};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The API server is silent when the lease could not be renewed for this long.
const API_SERVER_SILENT: Duration = Duration::from_secs(30);
/// Classes are checked this often, and whenever they or their token change.
pub(crate) const CHECK_CLASSES_EVERY: Duration = Duration::from_secs(60);
/// All lists that must be complete before anything is ready.
const LISTS: usize = 5;

/// What the driver hears.
pub(crate) enum Happened {
    /// A watch saw something.
    Saw(Saw),
    /// A watch became silent, or is not any more.
    WatchSilent(&'static str, bool),
    /// The lease is valid until then, or is another's.
    Lease(Option<Instant>),
    /// The lease could not be renewed.
    LeaseFailed,
    /// Answers of one question.
    Answers {
        cause: Cause,
        asked: Now,
        answers: Vec<(ObjectKey, Value)>,
    },
    /// A call ended.
    CallDone(Ticket, Outcome),
    /// A write ended.
    Stored(Ticket, Box<Result<(Kept, Storefront), StoreError>>),
    /// A read ended.
    Read(Ticket, Result<Box<Storefront>, StoreError>),
    /// It is time to check the classes.
    CheckClasses,
    /// The CRDs of the cluster were compared with ours.
    Crds(Installed),
    /// RegionSwitches with forged names were tried in this namespace.
    Forged(Text, Tried),
}

/// Everything that the driver uses.
pub(crate) struct Driver {
    pub(crate) clock: Clock,
    pub(crate) client: Client,
    pub(crate) clouds: Arc<Clouds>,
    pub(crate) store: Store,
    pub(crate) people: People,
    pub(crate) records: mpsc::UnboundedSender<Told>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
    pub(crate) tell: mpsc::UnboundedSender<Happened>,
    pub(crate) engine: Engine,
    pub(crate) catalogue: Catalogue,
    pub(crate) statuses: BTreeMap<ShopKey, StorefrontStatus>,
    pub(crate) listed: BTreeSet<&'static str>,
    pub(crate) silent: BTreeSet<&'static str>,
    pub(crate) clock_off: bool,
    /// What the CRDs of the cluster lack, as compared last, and when that was.
    pub(crate) installed: Installed,
    pub(crate) compared: Option<Instant>,
    /// Where RegionSwitches with forged names are refused.
    pub(crate) approvers: Approvers,
    /// The AWS region that this process runs in, where it was told.
    pub(crate) region: Option<Text>,
    pub(crate) renewed: Instant,
    /// Until when the lease is ours.
    pub(crate) lease: Option<Instant>,
    pub(crate) handed_in: BTreeSet<ShopKey>,
    pub(crate) switches: OpenSwitches,
    pub(crate) wake: Option<Instant>,
}

impl Driver {
    /// Turns until the channel closes or somebody says stop.
    pub(crate) async fn turn(
        mut self,
        mut heard: mpsc::UnboundedReceiver<Happened>,
        mut stop: tokio::sync::watch::Receiver<bool>,
    ) {
        loop {
            let wake = self.wake.unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
            tokio::select! {
                biased;
                _ = stop.changed() => return,
                happened = heard.recv() => match happened {
                    Some(happened) => self.hear(happened),
                    None => return,
                },
                () = tokio::time::sleep_until(wake.into()) => {
                    self.wake = None;
                    self.feed(In::Wake);
                }
            }
            self.health.turn();
        }
    }

    fn hear(&mut self, happened: Happened) {
        match happened {
            Happened::Saw(saw) => self.saw(saw),
            Happened::WatchSilent(what, silent) => {
                if silent {
                    self.silent.insert(what)
                } else {
                    self.silent.remove(what)
                };
                self.feed_fleet();
            }
            Happened::Lease(until) => {
                self.renewed = Instant::now();
                self.metrics.leads(until.is_some());
                // Every few seconds is often enough, and never once per reading: there may be thousands of shops.
                self.metrics.diagnosed(self.engine.diagnoses());
                self.metrics.lacking(self.engine.missing());
                self.feed_fleet();
                let led = self.leads();
                self.lease = until;
                // Before the engine hears of it: what it says then is to be shown.
                _ = self.records.send(Told::Lease(until));
                let until = until.map(|until| self.clock.mono_of(until));
                self.feed(In::Lease(until));
                if !led && self.leads() {
                    // What only the holder of the lease may do has waited for it.
                    for open in self.switches.reopen() {
                        self.feed(open);
                    }
                    self.check_classes();
                    self.resolve_all();
                    self.try_forged_names();
                }
                self.answer_unserved();
            }
            Happened::LeaseFailed => self.feed_fleet(),
            Happened::Answers { cause, asked, answers } => self.answers(cause, asked, answers),
            Happened::CallDone(ticket, outcome) => self.feed(In::CallDone(ticket, outcome)),
            Happened::Stored(ticket, result) => {
                let result = result.map(|(kept, stored)| {
                    self.remember(stored);
                    kept
                });
                self.feed(In::Stored(ticket, result));
            }
            Happened::Read(ticket, result) => self.read(ticket, result),
            Happened::CheckClasses => {
                self.check_classes();
                self.compare_crds();
                self.try_forged_names();
            }
            Happened::Forged(namespace, tried) => {
                if self.approvers.note(namespace, tried, Instant::now()) {
                    self.feed_fleet();
                }
            }
            Happened::Crds(installed) => self.compared_crds(installed),
        }
    }

    /// Whether this process may act now.
    pub(crate) fn leads(&self) -> bool {
        self.lease.is_some_and(|until| until > Instant::now())
    }

    /// Whether every list has been seen as a whole once: what is not in it is not there.
    pub(crate) fn all_listed(&self) -> bool {
        self.listed.len() >= LISTS
    }

    fn feed_fleet(&mut self) {
        let fleet = Fleet {
            api_server_silent: self.renewed.elapsed() >= API_SERVER_SILENT,
            watch_silent: !self.silent.is_empty(),
            clock_off: self.clock_off,
            // The engine knows it from what the API server gives back.
            crd_outdated: false,
            crds_lack: self.installed.lack(),
            region: self.region.clone(),
            unverified: self.approvers.unverified(),
        };
        self.feed(In::Fleet(fleet));
    }

    fn saw(&mut self, saw: Saw) {
        match saw {
            Saw::Storefront(storefront) => {
                let key = self.remember(*storefront);
                self.resolve(&key);
            }
            Saw::Unreadable(namespace, name, why) => {
                tracing::warn!(namespace, name, why, "a Storefront cannot be read; the others go on");
                self.catalogue.put_unreadable(namespace, name, why);
            }
            Saw::StorefrontGone(namespace, name) => {
                let key = ShopKey {
                    namespace: namespace.into(),
                    name: name.into(),
                };
                self.catalogue.remove_storefront(&key);
                self.resolve(&key);
            }
            Saw::Switch(switch) => self.saw_switch(&switch),
            Saw::SwitchGone(namespace, name) => self.lost_switch(&(namespace, name)),
            Saw::Class(class) => {
                let name = class.name_any();
                let changed = self.catalogue.class(&name).is_none_or(|old| old.spec != class.spec);
                self.catalogue.put_class(*class);
                if changed {
                    self.classes_changed();
                }
            }
            Saw::ClassGone(name) => {
                self.catalogue.remove_class(&name);
                self.clouds.remove_class(&name);
                self.classes_changed();
            }
            Saw::Namespace(namespace) => {
                let labels = namespace.labels().clone();
                if self.catalogue.put_namespace(namespace.name_any(), labels) {
                    self.resolve_all();
                }
            }
            Saw::Secret(secret) => {
                if self.catalogue.put_secret(&secret) {
                    self.classes_changed();
                }
            }
            Saw::SecretGone(name) => {
                if self.catalogue.remove_secret(&name) {
                    self.classes_changed();
                }
            }
            Saw::Listed(what) => {
                if self.listed.insert(what) && self.listed.len() == LISTS {
                    self.health.ready.store(true, Ordering::Relaxed);
                    self.classes_changed();
                    self.try_forged_names();
                }
            }
        }
    }

    /// Keeps the newest status of an object, which transition times are taken from.
    fn remember(&mut self, storefront: Storefront) -> ShopKey {
        let status = storefront.status.clone();
        let key = self.catalogue.put_storefront(storefront);
        match status {
            Some(status) => self.statuses.insert(key.clone(), status),
            None => self.statuses.remove(&key),
        };
        key
    }

    fn classes_changed(&mut self) {
        if self.listed.len() < LISTS {
            return;
        }
        let access: Vec<_> = self
            .catalogue
            .classes()
            .map(|class| self.catalogue.access(class))
            .collect();
        for access in access {
            self.clouds.set_class(access);
        }
        self.check_classes();
        self.resolve_all();
    }

    fn check_classes(&self) {
        if !self.leads() || self.listed.len() < LISTS {
            return;
        }
        for class in self.catalogue.classes() {
            let external_id = self.catalogue.external_id(&class.name_any());
            tokio::spawn(classes::check(
                self.client.clone(),
                self.clouds.clone(),
                class.clone(),
                external_id,
            ));
        }
    }

    /// Where a person approves, it matters whether the name in the approval is theirs.
    fn try_forged_names(&self) {
        if !self.leads() || !self.all_listed() {
            return;
        }
        let wanted = self.catalogue.namespaces_with_approval();
        for namespace in self.approvers.due(&wanted, Instant::now()) {
            let (client, tell) = (self.client.clone(), self.tell.clone());
            tokio::spawn(async move {
                let tried = approver::try_in(&client, &namespace).await;
                _ = tell.send(Happened::Forged(namespace, tried));
            });
        }
    }

    fn compare_crds(&self) {
        if self
            .compared
            .is_some_and(|at| at.elapsed() < self.installed.holds_for())
        {
            return;
        }
        let (client, tell) = (self.client.clone(), self.tell.clone());
        tokio::spawn(async move {
            _ = tell.send(Happened::Crds(crds::compare(&client).await));
        });
    }

    fn compared_crds(&mut self, installed: Installed) {
        self.compared = Some(Instant::now());
        // What was seen to be lacking is lacking until it is seen to be there.
        let blind = installed == Installed::Unknown && self.installed.lack().is_some();
        if blind || installed == self.installed {
            return;
        }
        installed.tell();
        self.metrics.crds_outdated(installed.lack().is_some());
        self.installed = installed;
        self.feed_fleet();
    }

    fn resolve_all(&mut self) {
        for key in self.catalogue.keys() {
            self.resolve(&key);
        }
    }

    /// Hands a Storefront to the engine, or does what it needs before that.
    fn resolve(&mut self, key: &ShopKey) {
        if self.listed.len() < LISTS {
            return;
        }
        match self.catalogue.resolve(key) {
            Resolved::Shop(shop, kept) => {
                self.handed_in.insert(key.clone());
                self.feed(In::Shop(shop, *kept));
            }
            Resolved::NeedsFinalizer => self.add_finalizer(key),
            Resolved::Gone | Resolved::Leaving => {
                self.statuses.remove(key);
                self.withdraw(key);
                _ = self.records.send(Told::Gone(key.clone()));
            }
            Resolved::Unusable(why, generation) => {
                // An edit waits while a move is in flight: that works on what it copied at its start.
                if self
                    .engine
                    .journal(key)
                    .is_some_and(|journal| journal.in_flight().is_some())
                {
                    return;
                }
                self.withdraw(key);
                self.write_unusable(key, why, generation);
            }
            Resolved::Foreign => self.withdraw(key),
            Resolved::Untouched => {
                self.withdraw(key);
                self.release(key.clone(), false);
            }
            Resolved::Abandoned => {
                self.withdraw(key);
                self.release(key.clone(), true);
            }
        }
    }

    fn withdraw(&mut self, key: &ShopKey) {
        if self.handed_in.remove(key) {
            self.feed(In::Gone(key.clone()));
        }
    }

    fn add_finalizer(&self, key: &ShopKey) {
        let Some(seen) = self.catalogue.storefront(key).filter(|_| self.leads()).cloned() else {
            return;
        };
        let store = self.store.clone();
        tokio::spawn(async move {
            // The watch shows the object again, whatever became of this; a conflict shows a newer one.
            if let Err(error) = store.add_finalizer(&seen).await {
                tracing::warn!(
                    name = seen.name_any(),
                    ?error,
                    "finalizer not added; tried again at the next change"
                );
            }
        });
    }

    fn write_unusable(&self, key: &ShopKey, why: breakwater_api::Unusable, generation: i64) {
        let Some(seen) = self.catalogue.storefront(key).filter(|_| self.leads()).cloned() else {
            return;
        };
        let (store, key) = (self.store.clone(), key.clone());
        tokio::spawn(async move {
            if let Err(error) = store.write_unusable(&key, &why, generation, &seen).await {
                tracing::warn!(shop = %key, ?error, "status not written; tried again at the next change");
            }
        });
    }

    fn release(&self, key: ShopKey, abandoned: bool) {
        if !self.leads() {
            return;
        }
        let (store, people) = (self.store.clone(), self.people.clone());
        let uid = self.catalogue.storefront(&key).and_then(ResourceExt::uid);
        let record = self
            .catalogue
            .storefront(&key)
            .map(|storefront| storefront.spec.database.writer_record.name.clone());
        tokio::spawn(async move {
            // A conflict is a write that was under way: read again, and take it off then. Nobody comes back to this later.
            let retries = ExponentialBuilder::default()
                .with_min_delay(Duration::from_millis(200))
                .with_max_delay(Duration::from_secs(10))
                .without_max_times();
            let removed = (|| store.remove_finalizer(&key))
                .retry(retries)
                .when(|error| *error != StoreError::Gone)
                .await;
            if let Err(error) = removed {
                tracing::info!(shop = %key, ?error, "finalizer not removed: the object is gone");
                return;
            }
            let message = if abandoned {
                format!(
                    "Let go without cleaning up: the TXT record _breakwater.{} and the tags stay behind.",
                    record.unwrap_or_default()
                )
            } else {
                "Let go: our TXT record and tags are gone; name and pools are as they were.".to_owned()
            };
            people.tell(
                &Event {
                    key,
                    warning: abandoned,
                    reason: "Released",
                    message: message.into(),
                },
                uid,
            );
        });
    }

    fn answers(&mut self, cause: Cause, asked: Now, answers: Vec<(ObjectKey, Value)>) {
        let at = self.clock.now();
        if let Some(off) = answers.iter().find_map(|(_, value)| says_clock_is_off(value))
            && off != self.clock_off
        {
            self.clock_off = off;
            self.feed_fleet();
        }
        for (key, value) in answers {
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

    /// The object as the API server itself has it: the spec first, then the journal.
    fn read(&mut self, ticket: Ticket, result: Result<Box<Storefront>, StoreError>) {
        match result {
            Ok(storefront) => {
                let kept = kept_of(&storefront);
                let key = self.remember(*storefront);
                self.resolve(&key);
                self.feed(In::Read(ticket, Ok(kept)));
            }
            Err(error) => self.feed(In::Read(ticket, Err(error))),
        }
    }

    pub(crate) fn feed(&mut self, input: In) {
        let mut out = Vec::new();
        self.engine.handle(self.clock.now(), input, &mut out);
        for output in out {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Out) {
        match output {
            Out::Query(cause, query) => {
                self.metrics.queried(&query);
                let (clouds, tell, asked) = (self.clouds.clone(), self.tell.clone(), self.clock.now());
                tokio::spawn(async move {
                    let answers = clouds.query(asked, cause, &query).await;
                    _ = tell.send(Happened::Answers { cause, asked, answers });
                });
            }
            Out::Call {
                ticket,
                cause,
                call,
                timeout,
                because,
            } => {
                let (clouds, tell, metrics) = (self.clouds.clone(), self.tell.clone(), self.metrics.clone());
                tokio::spawn(async move {
                    let (lane, kind) = (call.lane(), call_kind(&call));
                    tracing::info!(kind, ?lane, "call");
                    let outcome = clouds.call(cause, because, timeout, &call).await;
                    tracing::info!(kind, ?lane, ?outcome, "call ended");
                    metrics.called(&lane, kind, &outcome);
                    _ = tell.send(Happened::CallDone(ticket, outcome));
                });
            }
            Out::Store {
                ticket,
                key,
                status,
                version,
            } => {
                let (store, tell, metrics) = (self.store.clone(), self.tell.clone(), self.metrics.clone());
                let previous = self.statuses.get(&key).cloned();
                tokio::spawn(async move {
                    let result = store.write(&key, &status, previous.as_ref(), &version).await;
                    metrics.wrote(if result.is_ok() { "stored" } else { "failed" });
                    _ = tell.send(Happened::Stored(ticket, Box::new(result)));
                });
            }
            Out::ReadJournal { ticket, key } => {
                let (store, tell) = (self.store.clone(), self.tell.clone());
                tokio::spawn(async move {
                    _ = tell.send(Happened::Read(ticket, store.read(&key).await.map(Box::new)));
                });
            }
            Out::Record(key, current) => {
                let shop = self
                    .catalogue
                    .storefront(&key)
                    .and_then(|seen| self.catalogue.shop(&key, seen).ok());
                if let Some(shop) = shop {
                    _ = self.records.send(Told::Show(Show::Move(Box::new(shop), current)));
                }
            }
            Out::Shift(key, shift) => {
                _ = self.records.send(Told::Show(Show::Shift(key, shift)));
            }
            Out::Answer(key, answered) => {
                _ = self.records.send(Told::Show(Show::Answer(key, answered)));
            }
            Out::Event(event) => {
                let uid = self.catalogue.storefront(&event.key).and_then(ResourceExt::uid);
                self.people.tell(&event, uid);
            }
            Out::Release(key) => self.release(key, false),
            Out::WakeAt(mono) => self.wake = Some(self.clock.real_of(mono)),
        }
    }
}

/// What an answer of AWS says of our clock: off when a signature was refused for its time, right when it was taken.
fn says_clock_is_off(value: &Value) -> Option<bool> {
    let Value::Instance(seen) = value else { return None };
    match seen {
        Seen::Unknown(trouble) if trouble.kind == TroubleKind::Clock => Some(true),
        Seen::Present(_) | Seen::Absent => Some(false),
        Seen::Unknown(_) | Seen::Silent => None,
    }
}

/// A call's whole budget must be shorter than lease and licence.
pub(crate) fn budget_fits(call_timeout: Duration, scale: f64) -> bool {
    call_timeout < breakwater_engine::call::LICENCE_LASTS && call_timeout.div_f64(scale) < lease::DURATION
}
