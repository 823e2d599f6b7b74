//! Shops and a world in which every question has an answer at once.

use breakwater_core::Text;
use breakwater_core::decision::{Effect, NameChange, Step};
use breakwater_core::journal::{Journal, SteeringMap};
use breakwater_core::owner_record::OwnerRecord;
use breakwater_core::reading::{
    BalancerView, ChangeView, InstanceView, LagView, MonitorView, NamesView, ObjectKey, ParametersView, PoolHealthView,
    PoolView, ProbeSeen, Query, RecordSet, ReplicationStatus, Seen, Value,
};
use breakwater_core::shop::{Mode, Policy, Service, Shop, ShopKey, ShopRegion, WriterRecord};
use breakwater_core::side::{PerSide, Side};
use breakwater_core::time::Now;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// 2026-11-25T00:00:00Z.
pub const START: i64 = 1_795_564_800;
pub const A: Side = Side::Primary;
pub const B: Side = Side::Secondary;
const REGIONS: [&str; 2] = ["ca-central-1", "us-west-2"];

pub fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn at(seconds: u64) -> Now {
    Now {
        mono: secs(seconds),
        wall: Timestamp::from_second(START + i64::try_from(seconds).unwrap()).unwrap(),
    }
}

/// A shop without proof URLs, one service a region.
pub fn shop(name: &str) -> Shop {
    let region = |region: &str| ShopRegion {
        name: region.into(),
        pool: format!("pool-{name}-{region}").into(),
        instance: format!("{name}-{region}").into(),
        proof: None,
        services: vec![Service {
            name: "web".into(),
            url: format!("https://{name}.{region}.example/").into(),
            critical: true,
            needs_writer: true,
        }],
    };
    Shop {
        key: ShopKey {
            namespace: "shops".into(),
            name: name.into(),
        },
        uid: format!("uid-{name}").into(),
        generation: 1,
        owner: format!("prod/shops/{name}").into(),
        class: "production".into(),
        hostname: format!("{name}.example.com").into(),
        regions: PerSide {
            primary: region(REGIONS[0]),
            secondary: region(REGIONS[1]),
        },
        writer: WriterRecord {
            zone: "Z1".into(),
            name: format!("db.{name}.example.com").into(),
            ttl: secs(30),
        },
        zone: "zone-1".into(),
        balancers: vec![format!("lb-{name}").into()],
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

/// The journal of an adopted shop.
pub fn adopted(shop: &Shop) -> Journal {
    Journal {
        version: 1,
        active_region: Some(REGIONS[0].into()),
        epoch: 1,
        front: Some(REGIONS[0].into()),
        last_number: 1,
        holder: "controller-0".into(),
        resource_ids: Side::BOTH
            .into_iter()
            .map(|side| (shop.regions[side].name.clone(), shop.regions[side].instance.clone()))
            .collect(),
        ..Journal::default()
    }
}

pub struct World {
    /// ca-central-1 is gone from then on.
    pub dead_since: Option<Timestamp>,
    pub instances: BTreeMap<Text, InstanceView>,
    pub balancers: BTreeMap<Text, BalancerView>,
    pub names: BTreeMap<Text, NamesView>,
    pub read_only: BTreeMap<Text, Text>,
}

fn arn(region: &str, id: &str) -> Text {
    format!("arn:aws:rds:{region}:111122223333:db:{id}").into()
}

impl World {
    pub fn of(shops: &[Shop]) -> World {
        let mut world = World {
            dead_since: None,
            instances: BTreeMap::new(),
            balancers: BTreeMap::new(),
            names: BTreeMap::new(),
            read_only: BTreeMap::new(),
        };
        for shop in shops {
            for side in Side::BOTH {
                let region = &shop.regions[side];
                let other = &shop.regions[side.other()];
                let replica = side == B;
                let view = InstanceView {
                    resource_id: region.instance.clone(),
                    arn: arn(&region.name, &region.instance),
                    status: "available".into(),
                    source: replica.then(|| arn(&other.name, &other.instance)),
                    replicas: Vec::new(),
                    replication: replica.then(|| ReplicationStatus {
                        status: "replicating".into(),
                        message: None,
                    }),
                    endpoint: Some(format!("{}.rds.example.com", region.instance).into()),
                    group: region.instance.clone(),
                    group_in_sync: true,
                    group_shared: false,
                    backup_days: 7,
                    tag_owner: (!replica).then(|| shop.owner.clone()),
                    tag_epoch: (!replica).then_some(1),
                    tag_fenced: None,
                    shape: Default::default(),
                };
                world.instances.insert(region.instance.clone(), view);
            }
            let pools = vec![shop.regions[A].pool.clone(), shop.regions[B].pool.clone()];
            let view = BalancerView {
                enabled: true,
                dns_ttl: None,
                steering: "off".into(),
                fallback_pool: pools[0].clone(),
                default_pools: pools,
                region_pools: BTreeMap::new(),
                country_pools: BTreeMap::new(),
                pop_pools: BTreeMap::new(),
                named_elsewhere: Vec::new(),
            };
            world.balancers.insert(shop.balancers[0].clone(), view);
            let txt = OwnerRecord {
                owner: shop.owner.clone(),
                epoch: 1,
                region: Some(shop.regions[A].name.clone()),
                excluded: None,
                instances: BTreeMap::new(),
            };
            let writer = RecordSet {
                name: shop.writer.name.clone(),
                kind: "CNAME".into(),
                ttl: Some(30),
                values: vec![format!("{}.rds.example.com", shop.regions[A].instance).into()],
                simple: true,
            };
            let names = NamesView {
                writer: Some(writer),
                txt: Some(txt.record(&shop.writer.name)),
            };
            world.names.insert(shop.writer.name.clone(), names);
        }
        world
    }

    fn dead(&self, what: &str) -> bool {
        self.dead_since.is_some() && what.contains(REGIONS[0])
    }

    /// The answer to one question.
    pub fn answer(&self, query: &Query, now: Now) -> Vec<(ObjectKey, Value)> {
        let http = |dead: bool| {
            Value::Probe(if dead {
                ProbeSeen::TimedOut
            } else {
                ProbeSeen::Status(200)
            })
        };
        match query {
            Query::Probe { url, .. } => vec![(ObjectKey::Probe(url.clone()), http(self.dead(url)))],
            Query::Reference { url, .. } => vec![(ObjectKey::Reference(url.clone()), http(false))],
            Query::Proof { .. } => Vec::new(),
            Query::Instances { scope, ids } => {
                let seen = |id: &Text| {
                    if self.dead(&scope.region) {
                        Seen::Silent
                    } else {
                        self.instances.get(id).cloned().map_or(Seen::Absent, Seen::Present)
                    }
                };
                let key = |id: &Text| ObjectKey::Instance(scope.clone(), id.clone());
                ids.iter().map(|id| (key(id), Value::Instance(seen(id)))).collect()
            }
            Query::Lags { scope, ids, .. } => {
                let key = |id: &Text| ObjectKey::Lag(scope.clone(), id.clone());
                ids.iter()
                    .map(|id| (key(id), Value::Lag(Seen::Present(self.lag(now)))))
                    .collect()
            }
            Query::Parameters { scope, group } => {
                let read_only = self.read_only.get(group).cloned();
                let seen = Seen::Present(ParametersView { read_only });
                vec![(
                    ObjectKey::Parameters(scope.clone(), group.clone()),
                    Value::Parameters(seen),
                )]
            }
            Query::PoolHealth { class, pool } => {
                let (healthy, unhealthy) = if self.dead(pool) { (0, 9) } else { (9, 0) };
                let seen = Seen::Present(PoolHealthView { healthy, unhealthy });
                vec![(
                    ObjectKey::PoolHealth(class.clone(), pool.clone()),
                    Value::PoolHealth(seen),
                )]
            }
            Query::Pool { class, pool } => {
                let seen = Seen::Present(PoolView {
                    enabled: true,
                    monitored: true,
                    monitor: Some("monitor-1".into()),
                });
                vec![(ObjectKey::Pool(class.clone(), pool.clone()), Value::Pool(seen))]
            }
            Query::Monitor { class, monitor } => {
                let key = ObjectKey::Monitor(class.clone(), monitor.clone());
                vec![(key, Value::Monitor(Seen::Present(MonitorView::DEFAULT)))]
            }
            Query::Balancer { class, zone, id } => {
                let key = ObjectKey::Balancer(class.clone(), zone.clone(), id.clone());
                vec![(key, Value::Balancer(Seen::Present(self.balancers[id].clone())))]
            }
            Query::Names { class, zone, name } => {
                let key = ObjectKey::Names(class.clone(), zone.clone(), name.clone());
                vec![(key, Value::Names(Seen::Present(self.names[name].clone())))]
            }
            Query::Change { class, id } => {
                let seen = Seen::Present(ChangeView { in_sync: true });
                vec![(ObjectKey::Change(class.clone(), id.clone()), Value::Change(seen))]
            }
        }
    }

    fn lag(&self, now: Now) -> LagView {
        let minute = (now.wall.as_second() - 60).div_euclid(60) * 60;
        let samples = (0..15)
            .map(|i| Timestamp::from_second(minute - i * 60).unwrap())
            .map(|stamp| {
                (
                    stamp,
                    if self.dead_since.is_some_and(|dead| stamp >= dead) {
                        -1.0
                    } else {
                        0.0
                    },
                )
            })
            .collect();
        LagView {
            samples,
            newest_other: Some(Timestamp::from_second(minute).unwrap()),
        }
    }

    /// A step takes effect.
    pub fn apply(&mut self, step: &Step) {
        let effect = match step {
            Step::Promote(promotion) => {
                let view = self.instances.get_mut(&promotion.instance).unwrap();
                view.source = None;
                view.replication = None;
                return;
            }
            Step::Effect(effect) => effect,
        };
        match effect {
            Effect::SetReadOnly { group, on, .. } => {
                let value = if *on { "1" } else { "{TrueIfReplica}" };
                self.read_only.insert(group.clone(), value.into());
            }
            Effect::Stop { instance, .. } => self.instances.get_mut(instance).unwrap().status = "stopped".into(),
            Effect::Start { instance, .. } => self.instances.get_mut(instance).unwrap().status = "available".into(),
            Effect::Tag { arn, tags, .. } => {
                for view in self.instances.values_mut().filter(|view| view.arn == *arn) {
                    for (key, value) in tags {
                        match &**key {
                            "breakwater:owner" => view.tag_owner = Some(value.clone()),
                            "breakwater:epoch" => view.tag_epoch = value.parse().ok(),
                            _ => view.tag_fenced = value.parse().ok(),
                        }
                    }
                }
            }
            Effect::Untag { arn, .. } => {
                for view in self.instances.values_mut().filter(|view| view.arn == *arn) {
                    view.tag_fenced = None;
                }
            }
            // No standby is rebuilt in these tests.
            Effect::CopyGroup { .. } | Effect::CreateReplica { .. } => {}
            Effect::ChangeNames { changes, .. } => {
                for change in changes {
                    let (NameChange::Delete(record) | NameChange::Create(record)) = change;
                    let name = record.name.trim_start_matches("_breakwater.").into();
                    let names: &mut NamesView = self.names.get_mut::<Text>(&name).unwrap();
                    let slot = if &*record.kind == "TXT" {
                        &mut names.txt
                    } else {
                        &mut names.writer
                    };
                    *slot = match change {
                        NameChange::Delete(_) => None,
                        NameChange::Create(new) => Some(new.clone()),
                    };
                }
            }
            Effect::PatchBalancer { id, patch, .. } => {
                let view = self.balancers.get_mut(id).unwrap();
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
}
