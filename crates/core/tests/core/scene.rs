//! A shop in two regions, the world around it, and time: enough to let `plan` live through an outage without IO.

use breakwater_core::Text;
use breakwater_core::actual::Actual;
use breakwater_core::decision::{Decision, Effect, NameChange, Next, SentCall, Step};
use breakwater_core::evidence::{Evidence, Standpoint};
use breakwater_core::facts::{Facts, Fleet};
use breakwater_core::journal::{Journal, SteeringMap};
use breakwater_core::outcome::{Outcome, Receipt};
use breakwater_core::owner_record::OwnerRecord;
use breakwater_core::pacing::Turn;
use breakwater_core::places::in_force;
use breakwater_core::plan::{Input, plan};
use breakwater_core::reading::{
    BalancerView, Cause, ChangeView, InstanceView, LagView, NamesView, ObjectKey, ParametersView, PoolHealthView,
    PoolView, ProbeSeen, Proof, ProofSeen, Query, Reading, RecordSet, ReplicationStatus, Seen, Shape, Trouble,
    TroubleKind, Value,
};
use breakwater_core::request::Request;
use breakwater_core::shop::{Mode, Policy, Service, Shop, ShopKey, ShopRegion, WriterRecord};
use breakwater_core::side::{PerSide, Side};
use breakwater_core::time::{Now, after, before};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// The active region at the start: `spec.regions.primary`.
pub const A: Side = Side::Primary;
/// The other one.
pub const B: Side = Side::Secondary;
/// 2026-11-25T00:00:00Z.
pub const START: i64 = 1_795_564_800;

pub fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn wall(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

/// The instant this many seconds after the start of the test, on both clocks.
pub fn at(seconds: u64) -> Now {
    Now {
        mono: secs(seconds),
        wall: wall(i64::try_from(seconds).unwrap()),
    }
}

pub fn unknown<T>(kind: TroubleKind) -> Seen<T> {
    Seen::Unknown(Trouble {
        kind,
        text: "in a test".into(),
    })
}

fn service(region: &str, name: &str, critical: bool, needs_writer: bool) -> Service {
    Service {
        name: name.into(),
        url: format!("https://{name}.{region}.example/health").into(),
        critical,
        needs_writer,
    }
}

fn region(name: &str, pool: &str, instance: &str) -> ShopRegion {
    ShopRegion {
        name: name.into(),
        pool: pool.into(),
        instance: instance.into(),
        proof: Some(format!("https://proof.{name}.example/").into()),
        services: vec![service(name, "web", true, true), service(name, "search", false, false)],
    }
}

pub fn shop() -> Shop {
    Shop {
        key: ShopKey {
            namespace: "shops".into(),
            name: "shop-ca".into(),
        },
        uid: "uid-1".into(),
        generation: 1,
        owner: "prod/shops/shop-ca".into(),
        class: "production".into(),
        hostname: "shop.example.com".into(),
        regions: PerSide {
            primary: region("ca-central-1", "pool-ca", "shop-cac1"),
            secondary: region("us-west-2", "pool-us", "shop-usw2"),
        },
        writer: WriterRecord {
            zone: "Z1".into(),
            name: "db.shop.example.com".into(),
            ttl: secs(30),
        },
        zone: "zone-1".into(),
        balancers: vec!["lb-1".into()],
        references: vec!["https://www.example.org/".into()],
        limits: breakwater_core::pacing::Limits::default(),
        policy: Policy {
            mode: Mode::Automatic,
            priority: 0,
            automatic_traffic: true,
            max_loss: secs(300),
            interval: secs(10),
            timeout: secs(3),
            shift_after: secs(40),
            promote_after: secs(120),
            database_grace: secs(300),
            routine_grace: secs(1800),
            return_after: secs(600),
            cool_down: secs(3600),
            freezes: Vec::new(),
        },
        rto_objective: secs(1200),
        rpo_objective: secs(300),
        suspended: false,
        deleting: false,
        abandon: false,
        edit_waits: false,
        succeeded: PerSide::default(),
    }
}

/// What the world would say now.
#[derive(Clone)]
pub struct World {
    pub probe: PerSide<ProbeSeen>,
    pub reference: ProbeSeen,
    pub edge: PerSide<Seen<PoolHealthView>>,
    pub instance: PerSide<Seen<InstanceView>>,
    pub parameters: PerSide<ParametersView>,
    pub proof: PerSide<ProofSeen>,
    /// From here on B's lag samples are -1.
    pub lag_stops: Option<Timestamp>,
    /// From here on there are none.
    pub lag_absent: Option<Timestamp>,
    pub pool: PerSide<Seen<PoolView>>,
    pub balancers: Vec<Seen<BalancerView>>,
    pub names: Seen<NamesView>,
    /// Instances beside the two, by identifier; others are absent.
    pub others: BTreeMap<Text, InstanceView>,
    /// Parameter groups beside those of the two; others are absent.
    pub groups: BTreeMap<Text, ParametersView>,
}

pub fn health(healthy: u32, unhealthy: u32) -> Seen<PoolHealthView> {
    Seen::Present(PoolHealthView { healthy, unhealthy })
}

pub fn uuid(side: Side) -> Text {
    match side {
        Side::Primary => "uuid-cac1".into(),
        Side::Secondary => "uuid-usw2".into(),
    }
}

/// What a process of `side` says while the database of `writer` takes (or refuses) its writes.
pub fn proof(shop: &Shop, side: Side, writer: Option<Side>, writable: bool) -> Proof {
    Proof {
        region: shop.regions[side].name.clone(),
        writable,
        writer_uuid: writer.map(uuid),
        user: Some("shop".into()),
        local_uuid: Some(uuid(side)),
        local_read_only: Some(writer != Some(side)),
        applied_until: None,
        executed: None,
    }
}

pub fn endpoint(side: Side) -> Text {
    match side {
        Side::Primary => "shop-cac1.c1.ca-central-1.rds.amazonaws.com".into(),
        Side::Secondary => "shop-usw2.c1.us-west-2.rds.amazonaws.com".into(),
    }
}

pub fn writer_instance() -> InstanceView {
    InstanceView {
        resource_id: "db-CAC1".into(),
        arn: "arn:aws:rds:ca-central-1:111122223333:db:shop-cac1".into(),
        status: "available".into(),
        source: None,
        replicas: vec!["arn:aws:rds:us-west-2:111122223333:db:shop-usw2".into()],
        replication: None,
        endpoint: Some(endpoint(A)),
        group: "shop-cac1".into(),
        group_in_sync: true,
        group_shared: false,
        backup_days: 7,
        tag_owner: Some("prod/shops/shop-ca".into()),
        tag_epoch: Some(1),
        tag_fenced: None,
        shape: Shape::default(),
    }
}

pub fn replica_instance() -> InstanceView {
    InstanceView {
        resource_id: "db-USW2".into(),
        arn: "arn:aws:rds:us-west-2:111122223333:db:shop-usw2".into(),
        source: Some("arn:aws:rds:ca-central-1:111122223333:db:shop-cac1".into()),
        replicas: Vec::new(),
        replication: Some(ReplicationStatus {
            status: "replicating".into(),
            message: None,
        }),
        endpoint: Some(endpoint(B)),
        group: "shop-usw2".into(),
        backup_days: 0,
        tag_owner: None,
        tag_epoch: None,
        ..writer_instance()
    }
}

pub fn balancer() -> BalancerView {
    let list = |pools: &[&str]| pools.iter().map(|pool| Text::from(*pool)).collect::<Vec<_>>();
    let map = |entries: &[(&str, &[&str])]| -> BTreeMap<Text, Vec<Text>> {
        entries
            .iter()
            .map(|(key, pools)| ((*key).into(), list(pools)))
            .collect()
    };
    BalancerView {
        enabled: true,
        dns_ttl: None,
        steering: "off".into(),
        default_pools: list(&["pool-ca", "pool-us"]),
        fallback_pool: "pool-ca".into(),
        region_pools: map(&[("WEU", &["pool-ca"]), ("WNAM", &["pool-us", "pool-ca"])]),
        country_pools: map(&[("CA", &["pool-ca", "pool-us"])]),
        pop_pools: map(&[("YYZ", &["pool-ca", "pool-other"])]),
        named_elsewhere: Vec::new(),
    }
}

pub fn cname(to: &str) -> RecordSet {
    RecordSet {
        name: "db.shop.example.com.".into(),
        kind: "CNAME".into(),
        ttl: Some(30),
        values: vec![to.into()],
        simple: true,
    }
}

pub fn owner_record(shop: &Shop, epoch: i64, active: Side, excluded: Option<Side>) -> OwnerRecord {
    OwnerRecord {
        owner: shop.owner.clone(),
        epoch,
        region: Some(shop.regions[active].name.clone()),
        excluded: excluded.map(|side| shop.regions[side].name.clone()),
        instances: BTreeMap::new(),
    }
}

/// All that `plan` looks at, and the world it comes from.
#[derive(Clone)]
pub struct Scene {
    pub shop: Shop,
    pub evidence: Evidence,
    pub actual: Actual,
    pub journal: Journal,
    pub fleet: Fleet,
    pub calls: Vec<SentCall>,
    /// Requests that have not ended.
    pub requests: Vec<Request>,
    pub turn: Turn,
    pub me: Text,
    pub now: Now,
    pub world: World,
    /// The entries written so far.
    pub written: Vec<Journal>,
    /// The steps sent so far.
    pub sent: Vec<(Now, Step)>,
}

impl Scene {
    /// A healthy shop, adopted at epoch 1; nothing has been read yet.
    pub fn unread() -> Scene {
        Scene::of(shop())
    }

    pub fn of(shop: Shop) -> Scene {
        let world = World {
            probe: PerSide {
                primary: ProbeSeen::Status(200),
                secondary: ProbeSeen::Status(200),
            },
            reference: ProbeSeen::Status(200),
            edge: PerSide {
                primary: health(12, 0),
                secondary: health(12, 0),
            },
            instance: PerSide {
                primary: Seen::Present(writer_instance()),
                secondary: Seen::Present(replica_instance()),
            },
            parameters: PerSide {
                primary: ParametersView {
                    read_only: Some("{TrueIfReplica}".into()),
                },
                secondary: ParametersView {
                    read_only: Some("{TrueIfReplica}".into()),
                },
            },
            proof: PerSide {
                primary: ProofSeen::Said(proof(&shop, A, Some(A), true)),
                secondary: ProofSeen::Said(proof(&shop, B, Some(A), true)),
            },
            lag_stops: None,
            lag_absent: None,
            pool: PerSide {
                primary: Seen::Present(PoolView {
                    enabled: true,
                    monitored: true,
                    monitor: Some("monitor-1".into()),
                }),
                secondary: Seen::Present(PoolView {
                    enabled: true,
                    monitored: true,
                    monitor: Some("monitor-1".into()),
                }),
            },
            balancers: shop.balancers.iter().map(|_| Seen::Present(balancer())).collect(),
            names: Seen::Present(NamesView {
                writer: Some(cname(&endpoint(A))),
                txt: Some(owner_record(&shop, 1, A, None).record(&shop.writer.name)),
            }),
            others: BTreeMap::new(),
            groups: BTreeMap::new(),
        };
        let journal = Journal {
            version: 1,
            active_region: Some(shop.regions[A].name.clone()),
            epoch: 1,
            front: Some(shop.regions[A].name.clone()),
            last_number: 1,
            holder: "controller-1".into(),
            resource_ids: [
                (shop.regions[A].name.clone(), "db-CAC1".into()),
                (shop.regions[B].name.clone(), "db-USW2".into()),
            ]
            .into_iter()
            .collect(),
            ..Journal::default()
        };
        Scene {
            evidence: Evidence::new(&shop, journal.ever_up.clone()),
            actual: Actual::new(&shop),
            journal,
            fleet: Fleet::default(),
            calls: Vec::new(),
            requests: Vec::new(),
            turn: Turn::AtEase,
            me: "controller-1".into(),
            now: at(0),
            world,
            written: Vec::new(),
            sent: Vec::new(),
            shop,
        }
    }

    /// A shop that has been read and healthy for five minutes.
    pub fn healthy() -> Scene {
        Scene::healthy_with(shop())
    }

    pub fn healthy_with(shop: Shop) -> Scene {
        let mut scene = Scene::of(shop);
        scene.live(300);
        scene
    }

    /// A healthy shop without proof URLs.
    pub fn without_proofs() -> Scene {
        let mut shop = shop();
        shop.regions.primary.proof = None;
        shop.regions.secondary.proof = None;
        Scene::healthy_with(shop)
    }

    pub fn name(&self, side: Side) -> Text {
        self.shop.regions[side].name.clone()
    }

    /// Region A is gone for everybody, from now on.
    pub fn kill_region(&mut self) {
        self.world.probe[A] = ProbeSeen::TimedOut;
        self.world.edge[A] = health(0, 12);
        self.world.instance[A] = Seen::Silent;
        self.world.proof[A] = ProofSeen::Nothing("no answer".into());
        self.world.proof[B] = ProofSeen::Said(proof(&self.shop, B, None, false));
        self.world.lag_stops.get_or_insert(self.now.wall);
    }

    /// Region A is back, its database writable, replication broken for good.
    pub fn revive_region(&mut self) {
        self.world.probe[A] = ProbeSeen::Status(200);
        self.world.edge[A] = health(12, 0);
        self.world.instance[A] = Seen::Present(writer_instance());
        self.world.proof[A] = ProofSeen::Said(proof(&self.shop, A, Some(A), true));
    }

    pub fn instance(&mut self, side: Side) -> &mut InstanceView {
        match &mut self.world.instance[side] {
            Seen::Present(view) => view,
            other => panic!("no instance in {other:?}"),
        }
    }

    pub fn balancer(&mut self) -> &mut BalancerView {
        match &mut self.world.balancers[0] {
            Seen::Present(view) => view,
            other => panic!("no balancer in {other:?}"),
        }
    }

    pub fn names(&mut self) -> &mut NamesView {
        match &mut self.world.names {
            Seen::Present(view) => view,
            other => panic!("no names in {other:?}"),
        }
    }

    pub fn absorb(&mut self, key: ObjectKey, value: Value) {
        self.absorb_asked(self.now, key, value);
    }

    /// One reading that arrives now and was asked for then.
    pub fn absorb_asked(&mut self, asked: Now, key: ObjectKey, value: Value) {
        let reading = Reading {
            key,
            at: self.now,
            asked,
            cause: Cause(1),
            value,
        };
        self.evidence.absorb(&reading, &self.shop);
        self.actual.absorb(&reading, &self.shop);
    }

    /// `ReplicaLag` of B as CloudWatch has it: one sample a minute, published a minute late, an hour back.
    pub fn lag_view(&self) -> LagView {
        let minute = (self.now.wall.as_second() - 60).div_euclid(60) * 60;
        let stamps = (0..60).map(|i| Timestamp::from_second(minute - i * 60).unwrap());
        let samples = stamps
            .filter(|stamp| self.world.lag_absent.is_none_or(|gone| *stamp < gone))
            .map(|stamp| match self.world.lag_stops {
                Some(stops) if stamp >= stops => (stamp, -1.0),
                Some(_) | None => (stamp, 0.0),
            })
            .collect();
        LagView {
            samples,
            newest_other: Some(Timestamp::from_second(minute).unwrap()),
        }
    }

    pub fn read_probes(&mut self) {
        let reference = self.shop.references[0].clone();
        self.absorb(
            ObjectKey::Reference(reference),
            Value::Probe(self.world.reference.clone()),
        );
        // Regions that answer come first, as answers do before time-outs.
        let mut sides = [A, B];
        sides.sort_by_key(|side| !self.world.probe[*side].answered());
        for side in sides {
            for service in self.shop.regions[side].services.clone() {
                self.absorb(
                    ObjectKey::Probe(service.url),
                    Value::Probe(self.world.probe[side].clone()),
                );
            }
        }
    }

    pub fn read_proofs(&mut self) {
        for side in Side::BOTH {
            if let Some(url) = self.shop.regions[side].proof.clone() {
                self.absorb(ObjectKey::Proof(url), Value::Proof(self.world.proof[side].clone()));
            }
        }
    }

    pub fn read_edge(&mut self) {
        for side in Side::BOTH {
            let key = ObjectKey::PoolHealth(self.shop.class.clone(), self.shop.regions[side].pool.clone());
            self.absorb(key, Value::PoolHealth(self.world.edge[side].clone()));
        }
    }

    pub fn read_instance(&mut self, side: Side) {
        let key = ObjectKey::Instance(self.shop.scope(side), self.shop.regions[side].instance.clone());
        self.absorb(key, Value::Instance(self.world.instance[side].clone()));
    }

    pub fn read_lag(&mut self) {
        let key = ObjectKey::Lag(self.shop.scope(B), self.shop.regions[B].instance.clone());
        let view = self.lag_view();
        self.absorb(key, Value::Lag(Seen::Present(view)));
        // A rebuilt standby follows without a lag.
        if self.shop.succeeded[A] {
            let key = ObjectKey::Lag(self.shop.scope(A), self.shop.regions[A].instance.clone());
            let view = self.good_lag();
            self.absorb(key, Value::Lag(Seen::Present(view)));
        }
    }

    pub fn read_documents(&mut self) {
        let class = self.shop.class.clone();
        for side in Side::BOTH {
            let key = ObjectKey::Pool(class.clone(), self.shop.regions[side].pool.clone());
            self.absorb(key, Value::Pool(self.world.pool[side].clone()));
            if let Seen::Present(view) = &self.world.instance[side] {
                let key = ObjectKey::Parameters(self.shop.scope(side), view.group.clone());
                let seen = Seen::Present(self.world.parameters[side].clone());
                self.absorb(key, Value::Parameters(seen));
            }
        }
        for (id, seen) in self
            .shop
            .balancers
            .clone()
            .into_iter()
            .zip(self.world.balancers.clone())
        {
            let key = ObjectKey::Balancer(class.clone(), self.shop.zone.clone(), id);
            self.absorb(key, Value::Balancer(seen));
        }
        let key = ObjectKey::Names(
            class.clone(),
            self.shop.writer.zone.clone(),
            self.shop.writer.name.clone(),
        );
        self.absorb(key, Value::Names(self.world.names.clone()));
        let change = self
            .calls
            .iter()
            .rev()
            .find_map(|call| match (&call.step, &call.ended) {
                (Step::Effect(Effect::ChangeNames { .. }), Some((_, Outcome::Accepted(receipt)))) => {
                    receipt.change.clone()
                }
                _ => None,
            });
        if let Some(id) = change {
            let seen = Seen::Present(ChangeView { in_sync: true });
            self.absorb(ObjectKey::Change(class, id), Value::Change(seen));
        }
    }

    /// One reading of every source.
    pub fn read(&mut self) {
        self.read_probes();
        self.read_proofs();
        self.read_edge();
        self.read_instance(A);
        self.read_instance(B);
        self.read_lag();
        self.read_documents();
        self.read_others();
    }

    /// What the plan wants to know beside the two instances: a standby in the making, former writers.
    pub fn read_others(&mut self) {
        for look in self.plan().look {
            match look.query {
                Query::Instances { scope, ids } => {
                    for id in self.beside(ids) {
                        let seen = self.world.others.get(&id).cloned();
                        let seen = seen.map_or(Seen::Absent, Seen::Present);
                        self.absorb(ObjectKey::Instance(scope.clone(), id), Value::Instance(seen));
                    }
                }
                Query::Lags { scope, ids, .. } => {
                    for id in self.beside(ids) {
                        let lag = self.good_lag();
                        self.absorb(ObjectKey::Lag(scope.clone(), id), Value::Lag(Seen::Present(lag)));
                    }
                }
                Query::Parameters { scope, group } => {
                    let listed = [A, B].iter().any(|side| self.actual.group(*side) == Some(&group));
                    if !listed {
                        let seen = self.world.groups.get(&group).cloned();
                        let seen = seen.map_or(Seen::Absent, Seen::Present);
                        self.absorb(ObjectKey::Parameters(scope, group), Value::Parameters(seen));
                    }
                }
                _ => {}
            }
        }
    }

    fn good_lag(&self) -> LagView {
        LagView {
            samples: vec![(self.ago(60), 0.0)],
            newest_other: Some(self.ago(60)),
        }
    }

    fn beside(&self, mut ids: Vec<Text>) -> Vec<Text> {
        ids.retain(|id| [A, B].iter().all(|side| self.shop.regions[*side].instance != *id));
        ids
    }

    pub fn wait(&mut self, seconds: u64) {
        self.now = Now {
            mono: self.now.mono + secs(seconds),
            wall: after(self.now.wall, secs(seconds)),
        };
    }

    /// Time passes: a round of readings every ten seconds; nothing is decided.
    pub fn watch(&mut self, seconds: u64) {
        for _ in 0..seconds / 10 {
            self.wait(10);
            self.read();
        }
    }

    pub fn input(&self) -> Input<'_> {
        Input {
            now: self.now,
            me: &self.me,
            shop: &self.shop,
            evidence: &self.evidence,
            actual: &self.actual,
            journal: &self.journal,
            fleet: &self.fleet,
            calls: &self.calls,
            requests: &self.requests,
            turn: self.turn,
        }
    }

    pub fn plan(&self) -> Decision {
        plan(&self.input())
    }

    /// The facts as seen from the journal's active region, without a move.
    pub fn facts(&self) -> Facts {
        let active = self
            .journal
            .active_region
            .as_ref()
            .and_then(|region| self.shop.side(region));
        self.evidence.facts(
            self.now,
            &self.shop,
            Standpoint {
                active: active.unwrap_or(A),
                fence_is_ours: false,
                excluded_in_move: false,
                journal: &self.journal,
            },
        )
    }

    /// Writes entries until none is due; says which steps come next.
    pub fn decide(&mut self) -> Vec<Step> {
        for _ in 0..10 {
            match self.plan().next {
                Next::Record(journal) => {
                    self.written.push((*journal).clone());
                    let old = std::mem::replace(&mut self.journal, *journal);
                    if old.instances != self.journal.instances {
                        self.refit(&old);
                    }
                }
                Next::Act(steps) => return steps,
                Next::Idle | Next::Wait(_) | Next::Release => return Vec::new(),
            }
        }
        panic!("entries without end: {:?}", self.written.last());
    }

    /// Works with what the journal has in the place of a listed instance, as the engine does.
    fn refit(&mut self, old: &Journal) {
        let mut spec = self.shop.clone();
        for side in Side::BOTH.into_iter().filter(|side| self.shop.succeeded[*side]) {
            let region = &mut spec.regions[side];
            region.instance = old.instances[&region.name].listed.clone();
        }
        let before = std::mem::replace(&mut self.shop, in_force(&spec, None, &self.journal));
        for side in Side::BOTH {
            let (old, new) = (&before.regions[side].instance, &self.shop.regions[side].instance);
            if old == new {
                continue;
            }
            self.actual.succeed(side, old, &self.shop);
            self.evidence.succeed(side, &self.shop);
            let made = self.world.others.remove(new).map_or(Seen::Absent, Seen::Present);
            if let Seen::Present(left) = std::mem::replace(&mut self.world.instance[side], made) {
                self.world.others.insert(old.clone(), left);
            }
        }
    }

    /// Notes a call as sent now, without an answer.
    pub fn sending(&mut self, step: Step) {
        self.sent.push((self.now, step.clone()));
        self.calls.push(SentCall {
            step,
            at: self.now,
            ended: None,
            failures: 0,
        });
    }

    pub fn answer(&mut self, outcome: Outcome) {
        let call = self.calls.last_mut().expect("a call");
        call.ended = Some((self.now, outcome));
    }

    /// Sends a step: the world does what it says, and answers so.
    pub fn send(&mut self, step: Step) {
        let change: Text = format!("C{}", self.calls.len()).into();
        match &step {
            Step::Promote(_) => {
                let b = self.instance(B);
                b.source = None;
                b.replication = None;
                b.backup_days = 7;
                self.world.proof[B] = ProofSeen::Said(proof(&self.shop, B, Some(B), true));
            }
            Step::Effect(effect) => self.apply(&effect.clone()),
        }
        self.sending(step);
        self.answer(Outcome::Accepted(Receipt {
            change: Some(change),
            cause: Cause(2),
        }));
    }

    fn side_of(&self, region: &str) -> Side {
        self.shop.side(region).expect("a region of the shop")
    }

    fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::SetReadOnly { scope, group, on } => {
                let side = self.side_of(&scope.region);
                let group = self.world.groups.get_mut(group);
                let group = group.unwrap_or(&mut self.world.parameters[side]);
                group.read_only = Some(if *on { "1" } else { "{TrueIfReplica}" }.into());
            }
            Effect::CopyGroup { scope, to, .. } => {
                let side = self.side_of(&scope.region);
                let copy = self.world.parameters[side].clone();
                self.world.groups.insert(to.clone(), copy);
            }
            Effect::CreateReplica {
                scope,
                instance,
                replica,
            } => {
                let side = self.side_of(&scope.region);
                let tag = |key: &str| {
                    replica
                        .tags
                        .iter()
                        .find(|(own, _)| &**own == key)
                        .map(|(_, value)| value)
                };
                let made = InstanceView {
                    resource_id: format!("db-{instance}").into(),
                    arn: format!("arn:aws:rds:{}:111122223333:db:{instance}", scope.region).into(),
                    status: "creating".into(),
                    source: Some(replica.source.clone()),
                    replicas: Vec::new(),
                    endpoint: None,
                    group: replica.group.clone(),
                    backup_days: 0,
                    tag_owner: tag("breakwater:owner").cloned(),
                    tag_epoch: tag("breakwater:epoch").and_then(|epoch| epoch.parse().ok()),
                    tag_fenced: None,
                    shape: replica.shape.clone(),
                    ..replica_instance()
                };
                let arn = made.arn.clone();
                self.instance(side.other()).replicas.push(arn);
                self.world.others.insert(instance.clone(), made);
            }
            Effect::Stop { instance, .. } if self.world.others.contains_key(instance) => {
                let other = self.world.others.get_mut(instance).expect("it is there");
                other.status = "stopped".into();
            }
            Effect::Stop { scope, .. } => {
                let side = self.side_of(&scope.region);
                self.instance(side).status = "stopped".into();
            }
            Effect::Start { scope, .. } => {
                let side = self.side_of(&scope.region);
                self.instance(side).status = "available".into();
            }
            Effect::Tag { arn, tags, .. } => self.tag(arn, |view| {
                for (key, value) in tags {
                    match &**key {
                        "breakwater:owner" => view.tag_owner = Some(value.clone()),
                        "breakwater:epoch" => view.tag_epoch = value.parse().ok(),
                        "breakwater:fenced" => view.tag_fenced = value.parse().ok(),
                        other => panic!("tag {other}"),
                    }
                }
            }),
            Effect::Untag { arn, keys, .. } => self.tag(arn, |view| {
                for key in keys {
                    match &**key {
                        "breakwater:owner" => view.tag_owner = None,
                        "breakwater:epoch" => view.tag_epoch = None,
                        "breakwater:fenced" => view.tag_fenced = None,
                        other => panic!("tag {other}"),
                    }
                }
            }),
            Effect::ChangeNames { changes, .. } => self.change_names(changes),
            Effect::PatchBalancer { id, patch, .. } => {
                let index = self.shop.balancers.iter().position(|known| known == id).unwrap();
                let Seen::Present(view) = &mut self.world.balancers[index] else {
                    panic!("patch of a balancer that is not there")
                };
                if let Some(pools) = &patch.default_pools {
                    view.default_pools.clone_from(pools);
                }
                if let Some(pool) = &patch.fallback_pool {
                    view.fallback_pool = pool.clone();
                }
                for (map, lists) in &patch.maps {
                    match map {
                        SteeringMap::Region => view.region_pools.clone_from(lists),
                        SteeringMap::Country => view.country_pools.clone_from(lists),
                        SteeringMap::Pop => view.pop_pools.clone_from(lists),
                    }
                }
            }
        }
    }

    fn tag(&mut self, arn: &Text, change: impl Fn(&mut InstanceView)) {
        for side in Side::BOTH {
            if let Seen::Present(view) = &mut self.world.instance[side]
                && view.arn == *arn
            {
                change(view);
            }
        }
        let others = self.world.others.values_mut();
        others.filter(|view| view.arn == *arn).for_each(change);
    }

    /// As Route 53 does: a DELETE must repeat what stands there, a CREATE must find nothing.
    fn change_names(&mut self, changes: &[NameChange]) {
        let mut names = self.names().clone();
        for change in changes {
            let (NameChange::Delete(record) | NameChange::Create(record)) = change;
            let slot = if &*record.kind == "TXT" {
                &mut names.txt
            } else {
                &mut names.writer
            };
            match change {
                NameChange::Delete(old) => {
                    assert_eq!(slot.as_ref(), Some(old), "DELETE must match byte for byte");
                    *slot = None;
                }
                NameChange::Create(new) => {
                    assert_eq!(*slot, None, "CREATE must find nothing");
                    *slot = Some(new.clone());
                }
            }
        }
        *self.names() = names;
    }

    /// Time passes: every ten seconds a round is read, entries are written, steps are sent and done.
    pub fn live(&mut self, seconds: u64) {
        for _ in 0..seconds / 10 {
            self.wait(10);
            self.read();
            for step in self.decide() {
                self.send(step);
            }
        }
    }

    /// Lives until this holds, at most this long.
    pub fn live_until(&mut self, seconds: u64, holds: impl Fn(&Scene) -> bool) {
        for _ in 0..seconds / 10 {
            if holds(self) {
                return;
            }
            self.live(10);
        }
        assert!(
            holds(self),
            "not within {seconds} s: {:?}\n{:#?}",
            self.plan().next,
            self.journal.current
        );
    }

    /// The first sending of a step that this holds for.
    pub fn first_sent(&self, holds: impl Fn(&Step) -> bool) -> Option<Now> {
        self.sent.iter().find(|(_, step)| holds(step)).map(|(at, _)| *at)
    }

    pub fn promotions(&self) -> usize {
        self.sent
            .iter()
            .filter(|(_, step)| matches!(step, Step::Promote(_)))
            .count()
    }

    pub fn refusals(&self) -> Vec<&'static str> {
        self.plan().refusals.iter().map(|refusal| refusal.name()).collect()
    }

    pub fn ago(&self, seconds: u64) -> Timestamp {
        before(self.now.wall, secs(seconds))
    }
}
