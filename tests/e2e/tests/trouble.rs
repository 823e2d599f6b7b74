//! Mistakes in manifests and troubles of providers: each is a condition with a reason of its own, nothing is called because
//! of it, the process goes on, and so do the shops that it does not concern.

use breakwater_e2e::Trouble;
use breakwater_e2e::demo::SHOPS;
use breakwater_e2e::manifests;
use breakwater_e2e::stage::{Setting, Stage};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

type Outcome = Result<(), Trouble>;

const PATIENCE: Duration = Duration::from_secs(60);
const NO_ID: &str = "00000000000000000000000000000000";

/// One mistake in a Storefront: its name, the field, the wrong value, and where which reason must stand then.
struct Mistake {
    name: &'static str,
    field: &'static str,
    value: &'static str,
    condition: &'static str,
    reason: &'static str,
    words: &'static str,
}

#[tokio::test(flavor = "multi_thread")]
async fn each_trouble_has_its_reason_and_stops_nobody_else() -> Outcome {
    let mut stage = Stage::set(Setting::of_test("trouble", 20)).await?;
    stage.apply_examples()?;
    stage.start_controller()?;
    protected(&stage).await?;
    let before = calls(&stage).await?;
    let mut failures = mistakes_are_told(&stage)?;
    failures.extend(no_other_storefront_takes_a_database(&stage)?);
    protected(&stage).await?;
    failures.extend(troubles_of_providers_are_told(&stage).await?);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let after = calls(&stage).await?;
    assert!(!before.is_empty(), "the shops were adopted by calls");
    assert_eq!(after.get(before.len()..), Some(&[][..]), "called because of a trouble");
    assert!(stage.controller_runs(), "the controller ended by itself");
    let log = stage.log("controller.log");
    assert!(!log.contains("panicked"), "{log}");
    stage.strike()
}

async fn protected(stage: &Stage) -> Outcome {
    stage
        .wait("all shops protected", PATIENCE, |recorder| {
            SHOPS.iter().all(|shop| recorder.is_true(shop, "Protected"))
        })
        .await
}

/// The calls that changed something of the shops. (The checkers cannot judge this run: they know no Storefront that the
/// world does not.)
async fn calls(stage: &Stage) -> Result<Vec<Value>, Trouble> {
    let ledger = stage.world.ledger().await?;
    let events = ledger["events"].as_array().cloned().unwrap_or_default();
    let of_ours = |event: &Value| {
        let shop = event["shop"].as_str().unwrap_or_default();
        event["event"] == "call" && event["vantage"] == "controller" && SHOPS.contains(&shop)
    };
    Ok(events.into_iter().filter(of_ours).collect())
}

/// The Storefront of an example under another name, with a hostname and a record of its own; it only watches.
fn storefront(stage: &Stage, example: &str, name: &str) -> Result<Value, Trouble> {
    let examples = manifests::examples(&stage.world.file.base_url, None)?;
    let named = format!("name: {example}\n");
    let document = examples.split("\n---\n").find(|text| text.contains(&named));
    let mut shop: Value = serde_yaml_ng::from_str(document.unwrap_or_default())
        .map_err(|error| Trouble::Broken(format!("the example does not parse: {error}")))?;
    shop["metadata"]["name"] = name.into();
    shop["spec"]["database"]["writerRecord"]["name"] = format!("db.{name}.example.com").into();
    shop["spec"]["failover"]["mode"] = "Observe".into();
    Ok(shop)
}

fn condition(stage: &Stage, shop: &str, kind: &str) -> Result<Value, Trouble> {
    let found = stage.get(&["sf", shop, "-n", "shops"])?;
    let all = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
    Ok(all
        .into_iter()
        .find(|condition| condition["type"] == kind)
        .unwrap_or_default())
}

/// Waits until a condition has this reason; its message.
fn wait_for_reason(stage: &Stage, shop: &str, kind: &str, reason: &str) -> Result<String, Trouble> {
    let begun = Instant::now();
    loop {
        let found = condition(stage, shop, kind)?;
        if found["reason"] == reason {
            return Ok(found["message"].as_str().unwrap_or_default().to_owned());
        }
        if begun.elapsed() > PATIENCE {
            let all = stage.get(&["sf", shop, "-n", "shops"])?["status"].clone();
            let words =
                |condition: &Value| format!("{}={} {}", condition["type"], condition["status"], condition["reason"]);
            let told: Vec<String> = all["conditions"].as_array().into_iter().flatten().map(words).collect();
            return Err(Trouble::NotInTime(
                PATIENCE.as_secs(),
                format!(
                    "{shop}: {kind} {reason}; it is {found}; {}; blockers {}",
                    told.join(", "),
                    all["blockers"]
                ),
            ));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What was not as it should be.
type Failures = Result<Vec<String>, Trouble>;

fn mistakes_are_told(stage: &Stage) -> Failures {
    let mistake = |name, field, value, (condition, reason, words)| Mistake {
        name,
        field,
        value,
        condition,
        reason,
        words,
    };
    let mistakes = [
        mistake(
            "no-writer",
            "/spec/regions/primary/dbInstance",
            "no-such-instance",
            ("Stalled", "InstanceNotFound", "Correct dbInstance"),
        ),
        mistake(
            "no-replica",
            "/spec/regions/secondary/dbInstance",
            "no-such-instance",
            ("Stalled", "OwnedElsewhere", "breakwater:owner"),
        ),
        mistake(
            "no-pool",
            "/spec/regions/secondary/poolId",
            NO_ID,
            ("Stalled", "PoolMissing", "correct poolId"),
        ),
        mistake(
            "no-balancer",
            "/spec/traffic/loadBalancerIds/0",
            NO_ID,
            ("Stalled", "BalancerMissing", NO_ID),
        ),
        mistake(
            "no-zone",
            "/spec/traffic/zoneId",
            NO_ID,
            ("Stalled", "BalancerMissing", "zoneId"),
        ),
        mistake(
            "no-record",
            "/spec/hostname",
            "no-record.example.com",
            ("StandbyReady", "RecordMissing", ""),
        ),
        mistake(
            "no-class",
            "/spec/className",
            "no-such-class",
            ("Stalled", "ClassMissing", "no-such-class"),
        ),
        mistake(
            "no-host",
            "/spec/regions/primary/proofUrl",
            "http://elsewhere.example.org/",
            ("Stalled", "SpecInvalid", "elsewhere.example.org"),
        ),
        mistake(
            "no-such-zone",
            "/spec/database/writerRecord/hostedZoneId",
            "Z9",
            ("Stalled", "SpecInvalid", "Z9"),
        ),
    ];
    for mistake in &mistakes {
        let mut shop = storefront(stage, "shop-ca", mistake.name)?;
        match shop.pointer_mut(mistake.field) {
            Some(place) => *place = mistake.value.into(),
            None => panic!("no field {}", mistake.field),
        }
        stage.kubectl(&["create", "-f", "-"], Some(&shop.to_string()))?;
    }
    let mut failures = Vec::new();
    for mistake in &mistakes {
        match wait_for_reason(stage, mistake.name, mistake.condition, mistake.reason) {
            Ok(message) if message.contains(mistake.words) => {}
            Ok(message) => failures.push(format!(
                "{}: {message:?} does not name {:?}",
                mistake.name, mistake.words
            )),
            Err(error) => failures.push(format!("{}: {error}", mistake.name)),
        }
        for shop in SHOPS {
            let found = condition(stage, shop, "Protected")?;
            assert_eq!(found["status"], "True", "{shop} suffers from {}: {found}", mistake.name);
        }
        stage.kubectl(
            &[
                "delete",
                &format!("sf/{}", mistake.name),
                "-n",
                "shops",
                "--timeout=30s",
            ],
            None,
        )?;
    }
    Ok(failures)
}

/// Two Storefronts with one database: the one that was there keeps it, whatever the other one is called.
fn no_other_storefront_takes_a_database(stage: &Stage) -> Failures {
    let cases = [
        ("rival", "db.shop-ca.example.com", "_breakwater.db.shop-ca.example.com"),
        ("twin", "db.twin.example.com", "breakwater:owner"),
    ];
    let mut failures = Vec::new();
    for (name, record, words) in cases {
        let mut shop = storefront(stage, "shop-ca", name)?;
        shop["spec"]["failover"]["mode"] = "Automatic".into();
        shop["spec"]["database"]["writerRecord"]["name"] = record.into();
        stage.kubectl(&["create", "-f", "-"], Some(&shop.to_string()))?;
        match wait_for_reason(stage, name, "Stalled", "OwnedElsewhere") {
            Ok(message) if message.contains(words) => {}
            Ok(message) => failures.push(format!("{name}: {message:?} does not name {words:?}")),
            Err(error) => failures.push(format!("{name}: {error}")),
        }
        stage.kubectl(&["delete", &format!("sf/{name}"), "-n", "shops", "--timeout=60s"], None)?;
    }
    Ok(failures)
}

/// What a provider's trouble is, and where which reason must stand while it lasts.
async fn troubles_of_providers_are_told(stage: &Stage) -> Failures {
    let api = |kind: &str, api: &str| json!({"kind": kind, "api": api});
    let error =
        |api: &str, status: u16, code: &str| json!({"kind": "api-error", "api": api, "status": status, "code": code});
    let status =
        |status: &str| json!({"kind": "instance-status", "shop": "shop-ca", "region": "us-west-2", "status": status});
    let troubles = [
        (api("api-denied", "rds"), "Stalled", "PermissionDenied"),
        (api("api-denied", "cloudflare"), "Stalled", "PermissionDenied"),
        (api("api-denied", "route53"), "Stalled", "PermissionDenied"),
        (error("cloudflare", 401, "10000"), "Stalled", "PermissionDenied"),
        (error("cloudflare", 500, "1000"), "StandbyReady", "NoEdgeView"),
        (api("api-throttling", "cloudflare"), "StandbyReady", "NoEdgeView"),
        (api("api-silent", "cloudflare"), "StandbyReady", "NoEdgeView"),
        (api("api-truncated", "cloudflare"), "StandbyReady", "NoEdgeView"),
        (
            error("rds", 503, "ServiceUnavailable"),
            "ActiveRegionHealthy",
            "StandbyDegraded",
        ),
        (api("api-throttling", "rds"), "ActiveRegionHealthy", "StandbyDegraded"),
        (api("api-truncated", "rds"), "ActiveRegionHealthy", "StandbyDegraded"),
        (api("api-silent", "rds"), "StandbyReady", "StandbyBusy"),
        (status("never-seen-before"), "ActiveRegionHealthy", "StandbyDegraded"),
        (
            error("route53", 503, "ServiceUnavailable"),
            "WriterNameAligned",
            "NotRead",
        ),
        (api("api-silent", "route53"), "WriterNameAligned", "NotRead"),
    ];
    let mut failures = Vec::new();
    for (fault, kind, reason) in troubles {
        stage.world.inject(fault.clone()).await?;
        if let Err(error) = wait_for_reason(stage, "shop-ca", kind, reason) {
            failures.push(format!("{fault}: {error}"));
        }
        stage.world.clear_all().await?;
        protected(stage).await?;
    }
    Ok(failures)
}
