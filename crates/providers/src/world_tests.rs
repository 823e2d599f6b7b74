//! The whole wire against the simulated world: signatures, sessions, and every question and call that there is.

use crate::canned::Canned;
use crate::settings::{FixedAws, Settings};
use crate::{ClassAccess, ClassProblem, Clouds, Eyes, Secret};
use breakwater_core::Text;
use breakwater_core::decision::{BalancerPatch, Effect, NameChange, Promotion};
use breakwater_core::outcome::{Outcome, Receipt};
use breakwater_core::reading::*;
use breakwater_core::shop::Scope;
use breakwater_core::time::Now;
use breakwater_sim::{Fault, RegionSetup, Setup};
use breakwater_world::clock::real_micros;
use breakwater_world::{Config, Running, start};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SCALE: u32 = 30;
const ZONE: &str = "Z0123456789";
const NAME: &str = "db.shop-ca.example.com";
const CF_ZONE: &str = "023e105f4ecef8ad9ca31a8372d0c353";
const BALANCER: &str = "699d98642c564d2e855e9661899b7252";
const POOL: &str = "17b5962d775c646f3f9725cbc7a53df4";
const OTHER_POOL: &str = "9290f38c5d07c2e2f4df57b1f61d4196";
const A: &str = "ca-central-1";
const B: &str = "us-west-2";
const SOON: Duration = Duration::from_secs(4);

struct Wired {
    world: Running,
    clouds: Clouds,
    last: AtomicU64,
}

fn scope(region: &str) -> Scope {
    Scope {
        class: "production".into(),
        region: region.into(),
    }
}

fn class(world: &Running) -> ClassAccess {
    let fixture = world.fixture();
    ClassAccess {
        name: "production".into(),
        role_arn: (&*fixture.role_arns[0]).into(),
        dns_role_arn: Some((&*fixture.role_arns[1]).into()),
        external_id: (&*fixture.external_ids[0]).into(),
        hosted_zones: vec![ZONE.into()],
        cloudflare_account: "0123456789abcdef0123456789abcdef".into(),
        cloudflare_token: Secret::new(&fixture.cloudflare_token),
        allowed_hosts: vec!["127.0.0.1".into()],
        proxy_url: None,
        allow_private_addresses: false,
    }
}

async fn wired() -> Wired {
    let world = start(Config {
        time_scale: SCALE,
        ..Config::new(Setup::demo())
    })
    .await
    .unwrap();
    let fixture = world.fixture();
    let clouds = Clouds::new(Settings {
        allow_loopback_probes: true,
        time_scale: f64::from(SCALE),
        // The world's own latencies are real time here; a busy machine must not be taken for silence.
        io_floor: Duration::from_secs(2),
        cloudflare_url: Some(fixture.cloudflare_url.clone()),
        aws: Some(FixedAws {
            endpoint: fixture.base_url.clone(),
            access_key_id: fixture.access_key_id.clone(),
            secret_access_key: Secret::new(&fixture.secret_access_key),
        }),
        ..Settings::default()
    });
    clouds.set_class(class(&world));
    Wired {
        world,
        clouds,
        last: AtomicU64::new(0),
    }
}

impl Wired {
    fn next(&self) -> Cause {
        Cause(self.last.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn now(&self) -> Now {
        let start = self.world.fixture().scale_start;
        let wall = start + (real_micros() - start) * i64::from(SCALE);
        Now {
            mono: Duration::ZERO,
            wall: Timestamp::from_microsecond(wall).unwrap(),
        }
    }

    async fn ask(&self, query: Query) -> Value {
        self.clouds.query(self.now(), self.next(), &query).await.remove(0).1
    }

    async fn instance(&self, region: &str, id: &str) -> Seen<InstanceView> {
        match self
            .ask(Query::Instances {
                scope: scope(region),
                ids: vec![id.into()],
            })
            .await
        {
            Value::Instance(seen) => seen,
            other => panic!("{other:?}"),
        }
    }

    async fn names(&self) -> NamesView {
        match self
            .ask(Query::Names {
                class: "production".into(),
                zone: ZONE.into(),
                name: NAME.into(),
            })
            .await
        {
            Value::Names(Seen::Present(view)) => view,
            other => panic!("{other:?}"),
        }
    }

    async fn balancer(&self) -> BalancerView {
        let (zone, id) = (CF_ZONE.into(), BALANCER.into());
        match self
            .ask(Query::Balancer {
                class: "production".into(),
                zone,
                id,
            })
            .await
        {
            Value::Balancer(Seen::Present(view)) => view,
            other => panic!("{other:?}"),
        }
    }

    async fn effect(&self, effect: Effect) -> Receipt {
        let cause = self.next();
        match self.clouds.effect((cause, Cause(1)), SOON, &effect).await {
            Outcome::Accepted(receipt) => {
                assert_eq!(receipt.cause, cause);
                receipt
            }
            other => panic!("{effect:?}: {other:?}"),
        }
    }

    /// Asks until the answer is as wanted; no condition here takes the world more than a few minutes.
    async fn until<T: std::fmt::Debug>(&self, query: Query, wanted: impl Fn(&Value) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            let value = self.ask(query.clone()).await;
            if let Some(found) = wanted(&value) {
                return found;
            }
            assert!(began.elapsed() < Duration::from_secs(90), "still {value:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn region_setup(&self) -> RegionSetup {
        self.world.with(|world| world.setup().shops[0].primary.clone())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_class_of_the_world_is_ready_and_a_wrong_one_is_named() {
    let wired = wired().await;
    assert_eq!(wired.clouds.check_class("production").await, Ok(()));
    wired.clouds.set_class(ClassAccess {
        external_id: "somebody/else".into(),
        ..class(&wired.world)
    });
    let problem = wired.clouds.check_class("production").await;
    assert!(matches!(problem, Err(ClassProblem::RoleDenied { .. })), "{problem:?}");
    wired.clouds.set_class(ClassAccess {
        cloudflare_token: Secret::new("stale"),
        ..class(&wired.world)
    });
    let problem = wired.clouds.check_class("production").await;
    assert!(matches!(problem, Err(ClassProblem::TokenScope { .. })), "{problem:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_question_has_its_answer() {
    let wired = wired().await;
    let writer = wired.instance(A, "shop-ca-cac1").await;
    let writer = writer.present().unwrap_or_else(|| panic!("{writer:?}"));
    assert_eq!(
        (&*writer.status, &writer.source, writer.backup_days),
        ("available", &None, 7)
    );
    let replica = wired.instance(B, "shop-ca-usw2").await;
    let replica = replica.present().unwrap_or_else(|| panic!("{replica:?}"));
    assert_eq!(replica.source.as_ref(), Some(&writer.arn));
    assert_eq!(&*replica.replication.as_ref().unwrap().status, "replicating");
    assert!(!replica.group_shared && replica.group_in_sync);
    assert_eq!(wired.instance(A, "no-such").await, Seen::Absent);

    let names = wired.names().await;
    assert_eq!(names.writer.unwrap().values, vec![writer.endpoint.clone().unwrap()]);
    let balancer = wired.balancer().await;
    assert_eq!(balancer.default_pools, vec![Text::from(POOL), Text::from(OTHER_POOL)]);
    assert_eq!((balancer.dns_ttl, balancer.enabled), (None, true));
    let class: Text = "production".into();
    let pool = wired
        .ask(Query::Pool {
            class: class.clone(),
            pool: POOL.into(),
        })
        .await;
    let Value::Pool(Seen::Present(pool)) = pool else {
        panic!("{pool:?}")
    };
    assert_eq!((pool.enabled, pool.monitored), (true, true));
    let monitor = wired
        .ask(Query::Monitor {
            class: class.clone(),
            monitor: pool.monitor.unwrap(),
        })
        .await;
    let Value::Monitor(Seen::Present(monitor)) = monitor else {
        panic!("{monitor:?}")
    };
    assert_eq!(monitor.interval, Duration::from_secs(15));
    let health = Query::PoolHealth {
        class: class.clone(),
        pool: POOL.into(),
    };
    wired
        .until(health, |value| match value {
            Value::PoolHealth(Seen::Present(view)) => (view.healthy > 0 && view.unhealthy == 0).then_some(()),
            _ => None,
        })
        .await;
    let group = Query::Parameters {
        scope: scope(A),
        group: writer.group.clone(),
    };
    let read_only = Some("{TrueIfReplica}".into());
    assert_eq!(
        wired.ask(group).await,
        Value::Parameters(Seen::Present(ParametersView { read_only }))
    );

    let region = wired.region_setup();
    let (url, timeout) = (region.services[0].url.as_str().into(), Duration::from_secs(3));
    let probe = Query::Probe {
        class: class.clone(),
        url,
        region: A.into(),
        timeout,
    };
    assert_eq!(wired.ask(probe).await, Value::Probe(ProbeSeen::Status(200)));
    let url = region.proof_url.as_deref().unwrap().into();
    let proof = wired
        .ask(Query::Proof {
            class: class.clone(),
            url,
            region: A.into(),
            timeout,
        })
        .await;
    let Value::Proof(ProofSeen::Said(proof)) = proof else {
        panic!("{proof:?}")
    };
    assert!(
        proof.writable && proof.writer_uuid.is_some() && proof.user.as_deref() == Some("shop"),
        "{proof:?}"
    );
    let url = wired.world.with(|world| world.setup().reference_urls[0].clone());
    let reference = wired
        .ask(Query::Reference {
            class,
            url: (&*url).into(),
            timeout,
        })
        .await;
    assert!(matches!(reference, Value::Probe(seen) if seen.answered()));

    let back = Duration::from_secs(3 * 3600);
    let lags = Query::Lags {
        scope: scope(B),
        ids: vec!["shop-ca-usw2".into()],
        back,
    };
    let view = wired
        .until(lags, |value| match value {
            Value::Lag(Seen::Present(view)) => (view.samples.len() >= 2).then(|| view.clone()),
            _ => None,
        })
        .await;
    assert!(
        view.samples.is_sorted_by(|newer, older| newer.0 > older.0) && view.newest_other.is_some(),
        "{view:?}"
    );
    assert!(view.samples.iter().all(|(_, lag)| *lag >= 0.0), "{view:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_has_its_effect() {
    let wired = wired().await;
    let seen = wired.instance(A, "shop-ca-cac1").await;
    let writer = seen.present().unwrap();
    let (arn, group) = (writer.arn.clone(), writer.group.clone());

    let tags = [("owner", "demo/shops/shop-ca"), ("epoch", "3"), ("fenced", "4")]
        .map(|(key, value)| (format!("breakwater:{key}").as_str().into(), value.into()));
    wired
        .effect(Effect::Tag {
            scope: scope(A),
            arn: arn.clone(),
            tags: tags.to_vec(),
        })
        .await;
    wired
        .effect(Effect::Untag {
            scope: scope(A),
            arn,
            keys: vec!["breakwater:fenced".into()],
        })
        .await;
    let tagged = wired.instance(A, "shop-ca-cac1").await;
    let tagged = tagged.present().unwrap();
    assert_eq!(
        (tagged.tag_owner.as_deref(), tagged.tag_epoch, tagged.tag_fenced),
        (Some("demo/shops/shop-ca"), Some(3), None)
    );

    wired
        .effect(Effect::SetReadOnly {
            scope: scope(A),
            group: group.clone(),
            on: true,
        })
        .await;
    let read = wired
        .ask(Query::Parameters {
            scope: scope(A),
            group: group.clone(),
        })
        .await;
    assert_eq!(
        read,
        Value::Parameters(Seen::Present(ParametersView {
            read_only: Some("1".into())
        }))
    );
    wired
        .effect(Effect::SetReadOnly {
            scope: scope(A),
            group,
            on: false,
        })
        .await;

    let patch = BalancerPatch {
        default_pools: Some(vec![OTHER_POOL.into(), POOL.into()]),
        fallback_pool: Some(OTHER_POOL.into()),
        ..BalancerPatch::default()
    };
    let (zone, id) = (CF_ZONE.into(), BALANCER.into());
    wired
        .effect(Effect::PatchBalancer {
            class: "production".into(),
            zone,
            id,
            patch,
        })
        .await;
    let balancer = wired.balancer().await;
    assert_eq!(balancer.default_pools, vec![Text::from(OTHER_POOL), Text::from(POOL)]);
    assert_eq!(&*balancer.fallback_pool, OTHER_POOL);

    let txt = RecordSet {
        name: format!("_breakwater.{NAME}").as_str().into(),
        kind: "TXT".into(),
        ttl: Some(60),
        values: vec![r#""v=1 owner=demo/shops/shop-ca epoch=1 region=ca-central-1 excluded=-""#.into()],
        simple: true,
    };
    let change = |changes| Effect::ChangeNames {
        class: "production".into(),
        zone: ZONE.into(),
        changes,
    };
    let id = wired
        .effect(change(vec![NameChange::Create(txt.clone())]))
        .await
        .change
        .unwrap();
    wired
        .until(
            Query::Change {
                class: "production".into(),
                id,
            },
            |value| match value {
                Value::Change(Seen::Present(view)) => view.in_sync.then_some(()),
                _ => None,
            },
        )
        .await;
    let listed = wired.names().await.txt.unwrap();
    assert_eq!((&listed.values, listed.ttl), (&txt.values, txt.ttl));
    // A batch built from the reading is a compare-and-swap; a stale one is refused.
    let next = RecordSet {
        values: vec![r#""v=1 epoch=2""#.into()],
        ..txt
    };
    let swap = vec![NameChange::Delete(listed), NameChange::Create(next)];
    wired.effect(change(swap.clone())).await;
    let stale = wired.clouds.effect((wired.next(), Cause(1)), SOON, &change(swap)).await;
    assert!(
        matches!(&stale, Outcome::Refused(refusal) if &*refusal.code == "InvalidChangeBatch"),
        "{stale:?}"
    );
}

/// The region dies before its sessions were ever asked for: its silence is heard all the same, and nothing of the
/// standby's lane depends on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_that_is_down_is_silent_and_the_standby_is_promoted() {
    let wired = wired().await;
    wired.world.with(|world| {
        world.inject(Fault::RegionDown {
            region: A.into(),
            names_vanish: false,
        })
    });
    assert!(wired.instance(B, "shop-ca-usw2").await.present().is_some());
    assert_eq!(wired.instance(A, "shop-ca-cac1").await, Seen::Silent);
    let region = wired.region_setup();
    let url: Text = region.services[0].url.as_str().into();
    let timeout = Duration::from_secs(3);
    let probe = Query::Probe {
        class: "production".into(),
        url,
        region: A.into(),
        timeout,
    };
    assert_eq!(wired.ask(probe).await, Value::Probe(ProbeSeen::TimedOut));

    let promotion = Promotion {
        scope: scope(B),
        instance: "shop-ca-usw2".into(),
        backup_days: 7,
        number: 1,
    };
    let sent = wired.clouds.promote((wired.next(), Cause(1)), SOON, &promotion).await;
    assert!(matches!(sent, Outcome::Accepted(_)), "{sent:?}");
    let query = Query::Instances {
        scope: scope(B),
        ids: vec!["shop-ca-usw2".into()],
    };
    let done = wired
        .until(query, |value| match value {
            Value::Instance(Seen::Present(view)) => view.source.is_none().then(|| view.clone()),
            _ => None,
        })
        .await;
    assert_eq!((done.backup_days, done.replication), (7, None));
    // Not idempotent: the answer to a second one must not look like trouble of the wire.
    let again = wired.clouds.promote((wired.next(), Cause(1)), SOON, &promotion).await;
    assert!(
        matches!(&again, Outcome::Refused(refusal) if &*refusal.code == "InvalidDBInstanceState"),
        "{again:?}"
    );
}

/// Two requests must never bear one number, and no other server may see what is meant for one.
#[tokio::test]
async fn numbers_are_sent_as_given() {
    let server = Canned::start(|_| crate::canned::Reply::new(200, "")).await;
    let clouds = crate::canned::clouds(&server);
    let now = Now {
        mono: Duration::ZERO,
        wall: Timestamp::UNIX_EPOCH,
    };
    for number in 1..=3 {
        let (class, url, timeout) = ("c".into(), (&*server.url).into(), Duration::from_secs(1));
        clouds
            .query(now, Cause(number), &Query::Reference { class, url, timeout })
            .await;
    }
    let numbers: BTreeSet<String> = server
        .asked()
        .iter()
        .map(|asked| asked.header("x-breakwater-query").to_owned())
        .collect();
    assert_eq!(numbers, ["1", "2", "3"].map(str::to_owned).into());
}
