//! What the providers send to AWS, against moto: a second reading of the wire formats by people who do not know us.
//!
//! moto is right about signatures, documents, paging, regions, tags and records, and wrong about everything that takes
//! time (promotions, replication, PENDING): nothing here proves semantics. CloudWatch it speaks in older protocols only. `tests/wire` starts and fills it; without
//! `BREAKWATER_MOTO_URL` these tests say so and prove nothing.

#![allow(clippy::unwrap_used)] // A test that cannot go on has failed.

use breakwater_core::Text;
use breakwater_core::decision::{Effect, NameChange};
use breakwater_core::outcome::Outcome;
use breakwater_core::reading::{
    Cause, ChangeView, InstanceView, NamesView, ParametersView, Query, RecordSet, Seen, TroubleKind, Value,
};
use breakwater_core::shop::Scope;
use breakwater_core::time::Now;
use breakwater_engine::call::Call;
use breakwater_providers::{ClassAccess, Clouds, Eyes, FixedAws, Hands, Secret, Settings};
use jiff::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const A: &str = "ca-central-1";
const B: &str = "us-west-2";
const WRITER: &str = "shop-ca-cac1";
const REPLICA: &str = "shop-ca-usw2";
const GROUP: &str = "shop-ca-cac1-mysql80";
const NAME: &str = "db.shop-ca.example.com";
const SOON: Duration = Duration::from_secs(4);

struct Moto {
    clouds: Clouds,
    zone: Text,
    last: AtomicU64,
}

fn scope(region: &str) -> Scope {
    Scope {
        class: "production".into(),
        region: region.into(),
    }
}

/// The clouds of a class at moto, or nothing, aloud.
fn moto() -> Option<Moto> {
    let (Ok(url), Ok(zone)) = (
        std::env::var("BREAKWATER_MOTO_URL"),
        std::env::var("BREAKWATER_MOTO_ZONE"),
    ) else {
        println!("skipped: BREAKWATER_MOTO_URL and BREAKWATER_MOTO_ZONE are not set; tests/wire/run.sh sets them");
        return None;
    };
    let clouds = Clouds::new(Settings {
        io_floor: Duration::from_secs(10),
        aws: Some(FixedAws {
            endpoint: url,
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: Secret::new("moto"),
        }),
        ..Settings::default()
    });
    clouds.set_class(ClassAccess {
        name: "production".into(),
        role_arn: "arn:aws:iam::123456789012:role/breakwater".into(),
        dns_role_arn: None,
        external_id: "demo/production".into(),
        hosted_zones: vec![zone.as_str().into()],
        cloudflare_account: "0123456789abcdef0123456789abcdef".into(),
        cloudflare_token: Secret::new("unused"),
        allowed_hosts: vec![],
        proxy_url: None,
        allow_private_addresses: false,
    });
    Some(Moto {
        clouds,
        zone: zone.as_str().into(),
        last: AtomicU64::new(0),
    })
}

impl Moto {
    fn next(&self) -> Cause {
        Cause(self.last.fetch_add(1, Ordering::Relaxed) + 1)
    }

    async fn ask(&self, query: Query) -> Value {
        let now = Now {
            mono: Duration::ZERO,
            wall: Timestamp::now(),
        };
        self.clouds.query(now, self.next(), &query).await.remove(0).1
    }

    async fn call(&self, effect: Effect) -> Outcome {
        let cause = self.next();
        self.clouds.call(cause, Cause(1), SOON, &Call::Effect(effect)).await
    }

    async fn accepted(&self, effect: Effect) -> Option<Text> {
        let words = format!("{effect:?}");
        match self.call(effect).await {
            Outcome::Accepted(receipt) => receipt.change,
            other => panic!("{words}: {other:?}"),
        }
    }

    async fn instance(&self, region: &str, id: &str) -> Seen<InstanceView> {
        let query = Query::Instances {
            scope: scope(region),
            ids: vec![id.into()],
        };
        match self.ask(query).await {
            Value::Instance(seen) => seen,
            other => panic!("{other:?}"),
        }
    }

    async fn names(&self) -> NamesView {
        let query = Query::Names {
            class: "production".into(),
            zone: self.zone.clone(),
            name: NAME.into(),
        };
        match self.ask(query).await {
            Value::Names(Seen::Present(view)) => view,
            other => panic!("{other:?}"),
        }
    }

    async fn read_only(&self) -> Option<Text> {
        let query = Query::Parameters {
            scope: scope(A),
            group: GROUP.into(),
        };
        match self.ask(query).await {
            Value::Parameters(Seen::Present(ParametersView { read_only })) => read_only,
            other => panic!("{other:?}"),
        }
    }
}

fn present(seen: Seen<InstanceView>) -> InstanceView {
    match seen {
        Seen::Present(view) => view,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_what_moto_has() {
    let Some(moto) = moto() else { return };
    let writer = present(moto.instance(A, WRITER).await);
    assert_eq!(
        (&*writer.status, &*writer.group, writer.backup_days),
        ("available", GROUP, 7)
    );
    assert!(writer.source.is_none() && writer.endpoint.is_some() && writer.group_in_sync);
    // Beyond the first page of a hundred: the listing is read to its end.
    let last = present(moto.instance(B, "zz-last").await);
    assert_eq!(&*last.status, "available");
    let replica = present(moto.instance(B, REPLICA).await);
    assert!(replica.source.is_some(), "{replica:?}");
    assert!(
        matches!(moto.instance(A, REPLICA).await, Seen::Absent),
        "regions are apart"
    );

    // moto has no CBOR, which the SDK speaks to CloudWatch: it answers with a page of HTML and 404. That is no answer
    // of the provider, and no replica without samples.
    let lag = moto
        .ask(Query::Lags {
            scope: scope(B),
            ids: vec![REPLICA.into()],
            back: Duration::from_secs(3600),
        })
        .await;
    assert!(
        matches!(&lag, Value::Lag(Seen::Unknown(trouble)) if trouble.kind == TroubleKind::NotTheProvider),
        "{lag:?}"
    );

    let writer_name = moto.names().await.writer.unwrap();
    assert_eq!(&*writer_name.kind, "CNAME");
    assert!(writer_name.simple && writer_name.ttl == Some(30), "{writer_name:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_understands_our_calls() {
    let Some(moto) = moto() else { return };
    let writer = present(moto.instance(A, WRITER).await);
    let tags: Vec<(Text, Text)> = [("owner", "demo/shops/shop-ca"), ("epoch", "3"), ("fenced", "4")]
        .map(|(key, value)| (format!("breakwater:{key}").as_str().into(), value.into()))
        .to_vec();
    let arn = writer.arn.clone();
    moto.accepted(Effect::Tag {
        scope: scope(A),
        arn: arn.clone(),
        tags,
    })
    .await;
    moto.accepted(Effect::Untag {
        scope: scope(A),
        arn,
        keys: vec!["breakwater:fenced".into()],
    })
    .await;
    let tagged = present(moto.instance(A, WRITER).await);
    assert_eq!(
        (tagged.tag_owner.as_deref(), tagged.tag_epoch, tagged.tag_fenced),
        (Some("demo/shops/shop-ca"), Some(3), None)
    );

    for (on, value) in [(true, "1"), (false, "{TrueIfReplica}")] {
        let (scope, group) = (scope(A), GROUP.into());
        moto.accepted(Effect::SetReadOnly { scope, group, on }).await;
        assert_eq!(moto.read_only().await.as_deref(), Some(value));
    }
    moto.accepted(Effect::Stop {
        scope: scope(A),
        instance: "spare-cac1".into(),
    })
    .await;
    assert_eq!(&*present(moto.instance(A, "spare-cac1").await).status, "stopped");
    let refused = moto
        .call(Effect::Stop {
            scope: scope(A),
            instance: "nobody".into(),
        })
        .await;
    assert!(
        matches!(&refused, Outcome::Refused(refusal) if refusal.code.contains("DBInstanceNotFound")),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_understands_our_record_changes() {
    let Some(moto) = moto() else { return };
    let change = |changes| Effect::ChangeNames {
        class: "production".into(),
        zone: moto.zone.clone(),
        changes,
    };
    let txt = RecordSet {
        name: format!("_breakwater.{NAME}").as_str().into(),
        kind: "TXT".into(),
        ttl: Some(60),
        values: vec![r#""v=1 owner=demo/shops/shop-ca epoch=1 region=ca-central-1 excluded=-""#.into()],
        simple: true,
    };
    let id = moto
        .accepted(change(vec![NameChange::Create(txt.clone())]))
        .await
        .unwrap();
    let asked = moto
        .ask(Query::Change {
            class: "production".into(),
            id,
        })
        .await;
    assert_eq!(asked, Value::Change(Seen::Present(ChangeView { in_sync: true })));
    let before = moto.names().await;
    let listed = before.txt.unwrap();
    assert_eq!((&listed.values, listed.ttl), (&txt.values, txt.ttl));

    // The swap of both records at once, built from the reading byte for byte.
    let writer = before.writer.unwrap();
    let moved = RecordSet {
        values: vec!["shop-ca-usw2.example.net".into()],
        ..writer.clone()
    };
    let next = RecordSet {
        values: vec![r#""v=1 owner=demo/shops/shop-ca epoch=2 region=us-west-2 excluded=-""#.into()],
        ..listed.clone()
    };
    moto.accepted(change(vec![
        NameChange::Delete(writer.clone()),
        NameChange::Create(moved.clone()),
        NameChange::Delete(listed),
        NameChange::Create(next.clone()),
    ]))
    .await;
    let after = moto.names().await;
    assert_eq!(after.writer.as_ref().unwrap().values, moved.values);
    assert_eq!(after.txt.as_ref().unwrap().values, next.values);
    // As it was, for whoever looks next.
    moto.accepted(change(vec![
        NameChange::Delete(after.writer.unwrap()),
        NameChange::Create(writer),
        NameChange::Delete(after.txt.unwrap()),
    ]))
    .await;
    assert!(moto.names().await.txt.is_none());
}
