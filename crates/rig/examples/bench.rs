//! How long a steady plan takes, and how fast the rig lives through an outage.
//!
//! Writes `target/bench/plan.json` and `target/bench/rig.json`; both are printed too.

use breakwater_core::actual::Actual;
use breakwater_core::decision::Next;
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::evidence::Evidence;
use breakwater_core::facts::Fleet;
use breakwater_core::journal::Journal;
use breakwater_core::owner_record::OwnerRecord;
use breakwater_core::pacing::Turn;
use breakwater_core::plan::{Input, plan};
use breakwater_core::reading::{
    BalancerView, Cause, InstanceView, LagView, NamesView, ObjectKey, PoolHealthView, PoolView, ProbeSeen, Proof,
    ProofSeen, Reading, RecordSet, ReplicationStatus, Seen, Value,
};
use breakwater_core::shop::{Service, Shop};
use breakwater_core::side::Side;
use breakwater_core::time::{Now, before};
use breakwater_rig::{Options, Rig, shop_of};
use breakwater_sim::{Fault, Setup};
use serde_json::json;
use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A steady plan may take this long.
const PLAN_AT_MOST_NS: u64 = 5_000;
/// Services in each region.
const SERVICES: usize = 8;
/// Plans in one measurement; the median of many measurements counts.
const PLANS: u32 = 200;
const MEASUREMENTS: usize = 301;
/// Region-downs that the rig lives through.
const SEEDS: u64 = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let plan_ns = steady_plan()?;
    let speed = region_downs();
    write("plan.json", &json!({"planSteadyNs": plan_ns}))?;
    write("rig.json", &json!({"simulatedSecondsPerSecond": speed}))?;
    if plan_ns > PLAN_AT_MOST_NS {
        return Err(format!("a steady plan takes {plan_ns} ns, more than {PLAN_AT_MOST_NS}").into());
    }
    Ok(())
}

fn write(name: &str, value: &serde_json::Value) -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join(name), format!("{value}\n"))?;
    println!("{name} {value}");
    Ok(())
}

/// The median of one `plan` of a Healthy shop, all facts fresh, in nanoseconds.
fn steady_plan() -> Result<u64, Box<dyn Error>> {
    let shop = busy_shop()?;
    let mut quiet = Quiet::new(&shop);
    for round in 0..30 {
        quiet.read(&shop, round * 10);
    }
    let journal = quiet.journal(&shop);
    let (me, fleet) = ("bench".into(), Fleet::default());
    let input = Input {
        now: quiet.now,
        me: &me,
        shop: &shop,
        evidence: &quiet.evidence,
        actual: &quiet.actual,
        journal: &journal,
        fleet: &fleet,
        calls: &[],
        requests: &[],
        turn: Turn::AtEase,
    };
    let decision = plan(&input);
    if decision.diagnosis != Diagnosis::Healthy || decision.next != Next::Idle || !decision.refusals.is_empty() {
        return Err(format!("the shop of the bench is not at rest: {decision:#?}").into());
    }
    let mut times: Vec<u64> = (0..MEASUREMENTS)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..PLANS {
                black_box(plan(black_box(&input)));
            }
            u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX) / u64::from(PLANS)
        })
        .collect();
    times.sort_unstable();
    Ok(times[MEASUREMENTS / 2])
}

/// The first shop of the demo with as many services as a bench wants.
fn busy_shop() -> Result<Shop, Box<dyn Error>> {
    let setup = Setup::demo();
    let first = setup.shops.first().ok_or("the demo has no shop")?;
    let mut shop = shop_of(&setup, first, "bench");
    for side in Side::BOTH {
        let region = &mut shop.regions[side];
        region.services = (0..SERVICES)
            .map(|i| Service {
                name: format!("service-{i}").into(),
                url: format!("https://service-{i}.{}.example/health", region.name).into(),
                critical: i < 4,
                needs_writer: i % 2 == 0,
            })
            .collect();
    }
    Ok(shop)
}

/// A quiet day: everything is Up and as it should be.
struct Quiet {
    now: Now,
    evidence: Evidence,
    actual: Actual,
}

impl Quiet {
    fn new(shop: &Shop) -> Quiet {
        Quiet {
            now: Now {
                mono: Duration::ZERO,
                wall: jiff::Timestamp::UNIX_EPOCH,
            },
            evidence: Evidence::new(shop, Default::default()),
            actual: Actual::new(shop),
        }
    }

    fn journal(&self, shop: &Shop) -> Journal {
        let active = Some(shop.regions[Side::Primary].name.clone());
        Journal {
            version: 1,
            active_region: active.clone(),
            epoch: 1,
            front: active,
            last_number: 1,
            holder: "bench".into(),
            ever_up: self.evidence.ever_up().clone(),
            resource_ids: Side::BOTH
                .into_iter()
                .map(|side| (shop.regions[side].name.clone(), shop.regions[side].instance.clone()))
                .collect(),
            ..Journal::default()
        }
    }

    /// One round of everything.
    fn read(&mut self, shop: &Shop, seconds: u64) {
        self.now = Now {
            mono: Duration::from_secs(seconds),
            wall: before(jiff::Timestamp::UNIX_EPOCH, Duration::ZERO)
                + jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0)),
        };
        let class = &shop.class;
        for url in &shop.references {
            self.take(
                shop,
                ObjectKey::Reference(url.clone()),
                Value::Probe(ProbeSeen::Status(200)),
            );
        }
        for side in Side::BOTH {
            let region = &shop.regions[side];
            for service in &region.services {
                let key = ObjectKey::Probe(service.url.clone());
                self.take(shop, key, Value::Probe(ProbeSeen::Status(200)));
            }
            if let Some(url) = &region.proof {
                let said = ProofSeen::Said(proof(shop, side));
                self.take(shop, ObjectKey::Proof(url.clone()), Value::Proof(said));
            }
            let health = Seen::Present(PoolHealthView {
                healthy: 12,
                unhealthy: 0,
            });
            let key = ObjectKey::PoolHealth(class.clone(), region.pool.clone());
            self.take(shop, key, Value::PoolHealth(health));
            let pool = Seen::Present(PoolView {
                enabled: true,
                monitored: true,
                monitor: Some("monitor-1".into()),
            });
            let key = ObjectKey::Pool(class.clone(), region.pool.clone());
            self.take(shop, key, Value::Pool(pool));
            let key = ObjectKey::Instance(shop.scope(side), region.instance.clone());
            self.take(shop, key, Value::Instance(Seen::Present(instance(shop, side))));
        }
        self.read_documents(shop);
    }

    fn read_documents(&mut self, shop: &Shop) {
        let replica = Side::Secondary;
        let samples = vec![(before(self.now.wall, Duration::from_secs(60)), 0.0)];
        let newest_other = samples.first().map(|(stamp, _)| *stamp);
        let key = ObjectKey::Lag(shop.scope(replica), shop.regions[replica].instance.clone());
        let lag = Seen::Present(LagView { samples, newest_other });
        self.take(shop, key, Value::Lag(lag));
        for id in &shop.balancers {
            let key = ObjectKey::Balancer(shop.class.clone(), shop.zone.clone(), id.clone());
            self.take(shop, key, Value::Balancer(Seen::Present(balancer(shop))));
        }
        let key = ObjectKey::Names(shop.class.clone(), shop.writer.zone.clone(), shop.writer.name.clone());
        self.take(shop, key, Value::Names(Seen::Present(names(shop))));
    }

    fn take(&mut self, shop: &Shop, key: ObjectKey, value: Value) {
        let reading = Reading {
            key,
            at: self.now,
            asked: self.now,
            cause: Cause(1),
            value,
        };
        self.evidence.absorb(&reading, shop);
        self.actual.absorb(&reading, shop);
    }
}

fn proof(shop: &Shop, side: Side) -> Proof {
    Proof {
        region: shop.regions[side].name.clone(),
        writable: true,
        writer_uuid: Some("uuid-primary".into()),
        user: Some("shop".into()),
        local_uuid: Some(match side {
            Side::Primary => "uuid-primary".into(),
            Side::Secondary => "uuid-secondary".into(),
        }),
        local_read_only: Some(side == Side::Secondary),
        applied_until: None,
        executed: None,
    }
}

fn instance(shop: &Shop, side: Side) -> InstanceView {
    let region = &shop.regions[side];
    let source = &shop.regions[Side::Primary];
    let replica = side == Side::Secondary;
    let arn = |region: &str, id: &str| format!("arn:aws:rds:{region}:111122223333:db:{id}").into();
    InstanceView {
        resource_id: region.instance.clone(),
        arn: arn(&region.name, &region.instance),
        status: "available".into(),
        source: replica.then(|| arn(&source.name, &source.instance)),
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
    }
}

fn balancer(shop: &Shop) -> BalancerView {
    let pools = [Side::Primary, Side::Secondary].map(|side| shop.regions[side].pool.clone());
    BalancerView {
        enabled: true,
        dns_ttl: None,
        steering: "geo".into(),
        default_pools: pools.to_vec(),
        fallback_pool: pools[0].clone(),
        region_pools: ["WNAM", "ENAM", "WEU", "EEU"]
            .map(|key| (key.into(), pools.to_vec()))
            .into(),
        country_pools: BTreeMap::new(),
        pop_pools: BTreeMap::new(),
        named_elsewhere: Vec::new(),
    }
}

fn names(shop: &Shop) -> NamesView {
    let primary = &shop.regions[Side::Primary];
    let owner = OwnerRecord {
        owner: shop.owner.clone(),
        epoch: 1,
        region: Some(primary.name.clone()),
        excluded: None,
        instances: std::collections::BTreeMap::new(),
    };
    NamesView {
        writer: Some(RecordSet {
            name: shop.writer.name.clone(),
            kind: "CNAME".into(),
            ttl: Some(30),
            values: vec![format!("{}.rds.example.com", primary.instance).into()],
            simple: true,
        }),
        txt: Some(owner.record(&shop.writer.name)),
    }
}

/// Virtual seconds for each real one, over several region-downs of the demo's shops.
fn region_downs() -> u64 {
    let begin = Instant::now();
    let mut simulated = 0;
    for seed in 0..SEEDS {
        let mut rig = Rig::new(Setup::demo(), seed, &Options::default());
        let from = rig.millis();
        rig.run_for(Duration::from_secs(600));
        let fault = rig.inject(Fault::RegionDown {
            region: "ca-central-1".into(),
            names_vanish: false,
        });
        rig.run_for(Duration::from_secs(1_800));
        rig.clear(fault);
        rig.run_for(Duration::from_secs(1_200));
        simulated += rig.millis() - from;
    }
    let real = begin.elapsed().as_millis().max(1);
    u64::try_from(u128::try_from(simulated).unwrap_or(0) / real).unwrap_or(u64::MAX)
}
