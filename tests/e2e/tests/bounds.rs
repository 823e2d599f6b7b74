//! The largest and oddest statuses that core and api can make: the real API server takes each of them whole, and drops
//! nothing of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that is wrong should stop"
)]

#[path = "../../../crates/api/tests/fixture/extreme.rs"]
mod extreme;

use breakwater_api::{REQUESTED_BY_CONTROLLER, RegionSwitch, Storefront, StorefrontClass, parse};
use breakwater_e2e::Trouble;
use breakwater_e2e::stage::{Setting, Stage};
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

/// etcd takes 1.5 MiB for an object, whole.
const OBJECT_AT_MOST: usize = 1_500_000;
const SHOP: &str = "shop-ca";

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_statuses_are_stored_whole() -> Result<(), Trouble> {
    // No controller: nobody but this test writes status.
    let stage = Stage::set(Setting::of_test("bounds", 1)).await?;
    stage.apply_examples()?;
    storefronts(&stage).await?;
    records(&stage).await?;
    stage.strike()
}

async fn storefronts(stage: &Stage) -> Result<(), Trouble> {
    let api: Api<Storefront> = Api::namespaced(stage.client.clone(), "shops");
    for (name, status) in extreme::extreme_statuses() {
        let mut object = api.get(SHOP).await.unwrap();
        object.status = Some(status.clone());
        let stored = api
            .replace_status(SHOP, &PostParams::default(), &object)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        same(&name, &json!(status), &json!(stored.status));
        let bytes = serde_json::to_vec(&stored).unwrap().len();
        println!("{name}: {bytes} bytes");
        assert!(bytes < OBJECT_AT_MOST, "{name}: {bytes} bytes");
    }
    // People can still look at it.
    let shown = stage.kubectl(&["get", "sf", SHOP, "-n", "shops", "-o", "wide"], None)?;
    assert!(shown.contains("ServicesDownEverywhere"), "{shown}");
    Ok(())
}

async fn records(stage: &Stage) -> Result<(), Trouble> {
    let shops: Api<Storefront> = Api::namespaced(stage.client.clone(), "shops");
    let shop = shops.get(SHOP).await.unwrap();
    let classes: Api<StorefrontClass> = Api::all(stage.client.clone());
    let class = classes.get(&shop.spec.class_name).await.unwrap();
    let parsed = parse(&shop, &class, "e2e").unwrap();
    let api: Api<RegionSwitch> = Api::namespaced(stage.client.clone(), "shops");
    for (number, (name, mut record)) in extreme::extreme_records(&parsed).into_iter().enumerate() {
        record.metadata.name = Some(format!("{SHOP}-e{number}-trafficshift"));
        // The rules about requests are another test's: this one wants an object to put a status on.
        record.spec.request.kind = breakwater_core::journal::MoveKind::Failover;
        record.spec.request.expected_epoch = Some(0);
        assert_eq!(record.spec.request.requested_by, REQUESTED_BY_CONTROLLER);
        let status = record.status.take();
        let made = api
            .create(&PostParams::default(), &record)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let patch = json!({"status": status});
        let stored = api
            .patch_status(&made.name_any(), &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        same(&name, &json!(status), &json!(stored.status));
    }
    let shown = stage.kubectl(&["get", "rsw", "-n", "shops"], None)?;
    assert!(shown.contains("RolledBack") && !shown.contains("Repointing"), "{shown}");
    Ok(())
}

/// Says where they differ, not what they are: they may have a megabyte.
fn same(name: &str, sent: &Value, stored: &Value) {
    if let (Value::Object(sent), Value::Object(stored)) = (sent, stored) {
        for (field, value) in sent {
            same(&format!("{name}.{field}"), value, &stored[field]);
        }
        assert_eq!(sent.len(), stored.len(), "{name}");
    } else {
        assert!(sent == stored, "{name}: not stored as it was sent");
    }
}
