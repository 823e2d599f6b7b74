//! The life of controller and Storefronts apart from moves: grants that are missing, edits, suspension, deletion, health,
//! a second replica, the end of the process.

use breakwater_e2e::Trouble;
use breakwater_e2e::demo::{REGION, SHOPS};
use breakwater_e2e::judge::judge;
use breakwater_e2e::manifests;
use breakwater_e2e::processes::Running;
use breakwater_e2e::stage::{LOG, Setting, Stage};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

type Outcome = Result<(), Trouble>;

const PATIENCE: Duration = Duration::from_secs(90);
/// What a person waits for a deletion, or for the end of a process.
const BOUNDED: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn grants_edits_suspension_and_deletion() -> Outcome {
    let mut stage = Stage::set(Setting::of_test("lifecycle", 20)).await?;
    let examples = manifests::examples(&stage.world.file.base_url, None)?;
    stage.apply(&examples)?;
    stage.start_controller()?;
    a_missing_secret_is_told(&stage).await?;
    health_and_metrics(&stage, "controller.log", 1).await?;
    a_class_that_is_not_there(&stage).await?;
    a_namespace_that_is_not_allowed(&stage, &examples).await?;
    suspended_means_no_call(&stage).await?;
    deletion_leaves_no_trace(&stage).await?;
    an_abandoned_one_goes_too(&stage)?;
    assert!(stage.controller_runs(), "the controller ended by itself");
    ends_in_order(&mut stage).await?;
    stage.strike()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_replica_waits_for_the_lease() -> Outcome {
    let mut stage = Stage::set(Setting::of_test("replicas", 20)).await?;
    stage.apply_examples()?;
    stage.start_controller()?;
    protected(&stage).await?;
    let first = stage.lease_holder().await?;
    let mut second: Running = stage.one_more_controller("second.log", LOG)?;
    health_and_metrics(&stage, "second.log", 0).await?;
    // Two renewals of the first one pass.
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(stage.lease_holder().await?, first);
    let log = stage.log("second.log");
    assert!(!log.contains(" call kind="), "it calls without the lease:\n{log}");
    assert!(
        !log.contains("breakwater::people"),
        "it tells people things without the lease:\n{log}"
    );
    let (_, metrics) = stage.scrape(&stage.serving("second.log").await?, "/metrics").await?;
    assert!(
        !metrics.contains("breakwater_queries_total{"),
        "it asks without the lease:\n{metrics}"
    );
    let died = Instant::now();
    stage.kill_controller();
    let holder = stage.wait_for_lease(&first, Duration::from_secs(30)).await?;
    // The last renewal was at most one pause old.
    assert!(
        died.elapsed() > Duration::from_secs(9),
        "taken after {:?}",
        died.elapsed()
    );
    stage
        .world
        .inject(json!({"kind": "region-down", "region": REGION}))
        .await?;
    stage
        .wait("the second one moves a shop", PATIENCE, |recorder| {
            recorder.is_true("shop-ca", "MoveInFlight")
        })
        .await?;
    let journal = stage.recorder.storefront("shop-ca").and_then(|shop| shop.status);
    let wrote = journal.and_then(|status| status.journal).unwrap_or_default().holder;
    assert_eq!(*wrote, *holder);
    assert!(!second.has_ended());
    second.stop()?;
    stage.strike()
}

async fn protected(stage: &Stage) -> Outcome {
    stage
        .wait("all shops protected", PATIENCE, |recorder| {
            SHOPS.iter().all(|shop| recorder.is_true(shop, "Protected"))
        })
        .await
}

fn kubectl_wait(stage: &Stage, what: &str, object: &str, namespace: &str) -> Outcome {
    let condition = format!("--for={what}");
    stage
        .kubectl(&["wait", &condition, "--timeout=60s", "-n", namespace, object], None)
        .map(|_| ())
}

fn patch(stage: &Stage, object: &str, patch: &Value) -> Outcome {
    let patch = patch.to_string();
    stage
        .kubectl(&["patch", "-n", "shops", object, "--type=merge", "-p", &patch], None)
        .map(|_| ())
}

fn condition(object: &Value, kind: &str) -> Value {
    let all = object["status"]["conditions"].as_array().into_iter().flatten();
    let mut found = all.filter(|condition| condition["type"] == kind);
    found.next().cloned().unwrap_or_default()
}

/// The class says that its token is missing, no shop is protected, and both change when the Secret comes.
async fn a_missing_secret_is_told(stage: &Stage) -> Outcome {
    let reason = r#"jsonpath={.status.conditions[?(@.type=="Ready")].reason}=TokenMissing"#;
    kubectl_wait(stage, reason, "sfc/production", "shops")?;
    assert!(SHOPS.iter().all(|shop| !stage.recorder.is_true(shop, "Protected")));
    stage.apply(&manifests::secret(&stage.world.file.cloudflare_token))?;
    kubectl_wait(stage, "condition=Ready", "sfc/production", "shops")?;
    let class = stage.get(&["sfc", "production"])?;
    assert_eq!(class["status"]["externalId"], "demo/production");
    assert_eq!(class["status"]["observedGeneration"], class["metadata"]["generation"]);
    protected(stage).await
}

async fn health_and_metrics(stage: &Stage, log: &str, leads: u8) -> Outcome {
    let address = stage.serving(log).await?;
    for path in ["/healthz", "/readyz"] {
        let begun = Instant::now();
        let mut answer = stage.scrape(&address, path).await?;
        while answer.0 != 200 && begun.elapsed() < BOUNDED {
            tokio::time::sleep(Duration::from_millis(50)).await;
            answer = stage.scrape(&address, path).await?;
        }
        assert_eq!(answer.0, 200, "{path}: {}", answer.1);
    }
    let (code, text) = stage.scrape(&address, "/metrics").await?;
    assert_eq!(code, 200);
    assert!(text.contains(&format!("breakwater_lease_held {leads}")), "{text}");
    if leads == 1 {
        assert!(text.contains("breakwater_status_writes_total{"), "{text}");
        assert!(text.contains("breakwater_queries_total{"), "{text}");
        assert!(text.contains(r#"name="shop-ca""#), "{text}");
    }
    Ok(())
}

/// `Stalled` with the reason, for the generation that names the class; fixed, it goes on with the same journal.
async fn a_class_that_is_not_there(stage: &Stage) -> Outcome {
    patch(stage, "sf/shop-west", &json!({"spec": {"className": "nowhere"}}))?;
    kubectl_wait(stage, "condition=Stalled", "sf/shop-west", "shops")?;
    let found = stage.get(&["sf", "shop-west", "-n", "shops"])?;
    assert_eq!(condition(&found, "Stalled")["reason"], "ClassMissing");
    assert_eq!(condition(&found, "Ready")["status"], "False");
    assert_eq!(condition(&found, "Reconciling")["status"], "False");
    assert_eq!(condition(&found, "Protected")["status"], "False");
    assert_eq!(found["metadata"]["generation"], 2);
    assert_eq!(found["status"]["observedGeneration"], 2);
    assert_eq!(
        found["status"]["journal"]["activeRegion"], "us-west-2",
        "the journal stays"
    );
    patch(stage, "sf/shop-west", &json!({"spec": {"className": "production"}}))?;
    kubectl_wait(stage, "condition=Stalled=False", "sf/shop-west", "shops")?;
    kubectl_wait(stage, "condition=Protected", "sf/shop-west", "shops")?;
    let found = stage.get(&["sf", "shop-west", "-n", "shops"])?;
    assert_eq!(found["status"]["observedGeneration"], 3);
    assert_eq!(found["status"]["journal"]["epoch"], 1, "nothing was adopted anew");
    Ok(())
}

/// It is told, never touched, and can be deleted at once: there is nothing of ours to clean up.
async fn a_namespace_that_is_not_allowed(stage: &Stage, examples: &str) -> Outcome {
    stage.kubectl(&["create", "namespace", "elsewhere"], None)?;
    let west = examples
        .split("\n---\n")
        .find(|document| document.contains("name: shop-west"));
    let moved = west
        .unwrap_or_default()
        .replace("namespace: shops", "namespace: elsewhere")
        .replace("name: shop-west", "name: shop-else");
    stage.apply(&moved)?;
    kubectl_wait(stage, "condition=Stalled", "sf/shop-else", "elsewhere")?;
    let found = stage.get(&["sf", "shop-else", "-n", "elsewhere"])?;
    assert_eq!(condition(&found, "Stalled")["reason"], "ClassNotAllowed");
    assert_eq!(found["status"]["observedGeneration"], 1);
    assert!(found["status"]["journal"].is_null());
    delete(stage, "sf/shop-else", "elsewhere")
}

fn delete(stage: &Stage, object: &str, namespace: &str) -> Outcome {
    let patience = format!("--timeout={}s", BOUNDED.as_secs());
    stage
        .kubectl(&["delete", object, "-n", namespace, &patience], None)
        .map(|_| ())
}

async fn calls(stage: &Stage, shop: &str) -> Result<Vec<Value>, Trouble> {
    let judged = judge(stage, &SHOPS).await?;
    Ok(judged.calls_of(shop).cloned().collect())
}

/// While suspended nothing is called, although our TXT is gone; resumed, it comes back.
async fn suspended_means_no_call(stage: &Stage) -> Outcome {
    patch(stage, "sf/shop-geo", &json!({"spec": {"suspend": true}}))?;
    kubectl_wait(stage, "condition=Protected=False", "sf/shop-geo", "shops")?;
    let found = stage.get(&["sf", "shop-geo", "-n", "shops"])?;
    assert_eq!(condition(&found, "Protected")["reason"], "Suspended");
    let before = calls(stage, "shop-geo").await?.len();
    let owner = seen(stage, "shop-geo").await?["owner"].clone();
    a_person_deletes_the_txt(stage, "_breakwater.db.shop-geo.example.com.").await?;
    stage
        .wait("it is noticed", PATIENCE, |recorder| {
            !recorder.is_true("shop-geo", "WriterNameAligned")
        })
        .await?;
    assert!(seen(stage, "shop-geo").await?["owner"].is_null());
    assert_eq!(calls(stage, "shop-geo").await?.len(), before, "suspended, and it calls");
    patch(stage, "sf/shop-geo", &json!({"spec": {"suspend": false}}))?;
    kubectl_wait(stage, "condition=Protected", "sf/shop-geo", "shops")?;
    assert_eq!(seen(stage, "shop-geo").await?["owner"], owner);
    assert!(calls(stage, "shop-geo").await?.len() > before);
    Ok(())
}

async fn a_person_deletes_the_txt(stage: &Stage, name: &str) -> Outcome {
    let zone = "Z0123456789";
    let list = json!({"op": "list-records", "zone": zone, "start_name": null, "start_type": null, "max_items": 300});
    let reply = stage.world.ask(json!({"api": "route53", "op": list})).await?;
    let record = record(&reply, name).ok_or_else(|| Trouble::Broken(format!("no TXT {name} in {reply}")))?;
    let change = json!({"op": "change-records", "zone": zone, "changes": [{"action": "DELETE", "record": record}]});
    stage.world.ask(json!({"api": "route53", "op": change})).await?;
    Ok(())
}

/// The TXT record of this name, wherever it stands in the answer.
fn record<'a>(answer: &'a Value, name: &str) -> Option<&'a Value> {
    match answer {
        Value::Object(fields) if answer["kind"] == "TXT" && answer["name"] == name && fields.contains_key("values") => {
            Some(answer)
        }
        Value::Object(fields) => fields.values().find_map(|value| record(value, name)),
        Value::Array(items) => items.iter().find_map(|value| record(value, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

async fn seen(stage: &Stage, shop: &str) -> Result<Value, Trouble> {
    let glance = stage.world.glance().await?;
    let shops = glance["shops"].as_array().cloned().unwrap_or_default();
    Ok(shops.into_iter().find(|seen| seen["name"] == shop).unwrap_or_default())
}

/// TXT and tags go; the name and the pools stay as they are.
async fn deletion_leaves_no_trace(stage: &Stage) -> Outcome {
    let before = seen(stage, "shop-west").await?;
    assert!(before["owner"].is_string());
    let earlier = calls(stage, "shop-west").await?.len();
    delete(stage, "sf/shop-west", "shops")?;
    let after = seen(stage, "shop-west").await?;
    assert!(after["owner"].is_null(), "TXT: {after}");
    for same in ["name_target", "balancers"] {
        assert_eq!(after[same], before[same]);
    }
    let calls = calls(stage, "shop-west").await?;
    let did: Vec<(&str, &str)> = calls[earlier..]
        .iter()
        .filter_map(|call| Some((call["op"].as_str()?, call["effect"].as_str()?)))
        .collect();
    assert!(did.contains(&("remove-tags", "applied")), "{did:?}");
    assert!(did.contains(&("change-records", "applied")), "{did:?}");
    assert!(
        did.iter().all(|(op, _)| ["remove-tags", "change-records"].contains(op)),
        "{did:?}"
    );
    Ok(())
}

/// With its class gone nothing can be cleaned up: it stays until its owner says that this is all right.
fn an_abandoned_one_goes_too(stage: &Stage) -> Outcome {
    stage.kubectl(&["delete", "sfc/production"], None)?;
    kubectl_wait(stage, "condition=Stalled", "sf/shop-ca", "shops")?;
    stage.kubectl(&["delete", "sf/shop-ca", "-n", "shops", "--wait=false"], None)?;
    let found = stage.get(&["sf", "shop-ca", "-n", "shops"])?;
    assert!(found["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(found["metadata"]["finalizers"], json!(["breakwater.dev/storefront"]));
    stage.kubectl(
        &["annotate", "sf/shop-ca", "-n", "shops", "breakwater.dev/abandon=true"],
        None,
    )?;
    kubectl_wait(stage, "delete", "sf/shop-ca", "shops")?;
    let begun = Instant::now();
    loop {
        let events = stage.get(&["events", "-n", "shops", "--field-selector=reason=Released"])?;
        if events.to_string().contains("stay behind") {
            return Ok(());
        }
        assert!(begun.elapsed() < BOUNDED, "no event says what stays behind: {events}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// SIGTERM: it ends within seconds, and its successor need not wait for the lease.
async fn ends_in_order(stage: &mut Stage) -> Outcome {
    assert!(!stage.lease_holder().await?.is_empty());
    let begun = Instant::now();
    stage.stop_controller()?;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "it took {:?}",
        begun.elapsed()
    );
    assert_eq!(stage.lease_holder().await?, "", "the lease should be given back");
    Ok(())
}
