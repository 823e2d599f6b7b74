//! The three kinds on a real API server: what it refuses, what repeated applies change, what people see, and that one
//! malformed object stops nobody else.

use breakwater_e2e::Trouble;
use breakwater_e2e::manifests;
use breakwater_e2e::processes::root;
use breakwater_e2e::stage::{Setting, Stage};
use serde_json::Value;

type Outcome = Result<(), Trouble>;

#[tokio::test(flavor = "multi_thread")]
async fn the_kinds_on_a_real_api_server() -> Outcome {
    let mut stage = Stage::set(Setting::of_test("crds", 20)).await?;
    refuses_what_is_wrong(&stage)?;
    stage.apply_examples()?;
    applies_change_nothing(&stage)?;
    shows_columns(&stage)?;
    a_malformed_object_stops_nobody_else(&mut stage)?;
    stage.strike()
}

fn refuses_what_is_wrong(stage: &Stage) -> Outcome {
    let dir = root().join("tests/e2e/manifests/bad");
    let mut failures = Vec::new();
    let mut tried = 0;
    for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        tried += 1;
        let text = std::fs::read_to_string(&path).map_err(|source| Trouble::File {
            path: path.display().to_string(),
            source,
        })?;
        if let Err(why) = refused(stage, &text) {
            failures.push(format!("{}: {why}", path.display()));
        }
    }
    assert!(tried > 30, "only {tried} manifests in {}", dir.display());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

/// All documents but the last are accepted, the last is refused with the expected words.
fn refused(stage: &Stage, text: &str) -> Result<(), String> {
    let expected = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("# expect: "))
        .ok_or("no expectation in its first line")?;
    let documents: Vec<&str> = text.split("\n---\n").collect();
    let (last, before) = documents.split_last().ok_or("empty")?;
    for document in before {
        stage
            .apply(document)
            .map_err(|error| format!("not accepted: {error}"))?;
    }
    match stage.apply(last) {
        Ok(said) => Err(format!("accepted: {said}")),
        Err(error) if error.to_string().contains(expected) => Ok(()),
        Err(error) => Err(format!("expected {expected:?}: {error}")),
    }
}

/// Generations never move. The first apply after another manager may record the managers' own bookkeeping; from then on
/// resourceVersion stands still too, whoever applies.
fn applies_change_nothing(stage: &Stage) -> Outcome {
    let manifests = manifests::examples(&stage.world.file.base_url, None)?;
    let client_side = ["apply", "-f", "-"];
    let server_side = ["apply", "--server-side", "--field-manager=second", "-f", "-"];
    for manager in [&client_side[..], &server_side[..], &client_side[..]] {
        stage.kubectl(manager, Some(&manifests))?;
        let first = versions(stage)?;
        for round in 2..4 {
            stage.kubectl(manager, Some(&manifests))?;
            assert_eq!(versions(stage)?, first, "{manager:?}, round {round}");
        }
    }
    for list in ["sf", "sfc"] {
        for item in items(&stage.get(&[list, "-A"])?) {
            assert_eq!(item["metadata"]["generation"], 1, "{list} {}", item["metadata"]["name"]);
            assert_eq!(item["status"]["observedGeneration"], -1, "nobody has looked yet");
        }
    }
    // Exits 1 when something differs.
    stage.kubectl(&["diff", "-f", "-"], Some(&manifests))?;
    stage.kubectl(
        &["diff", "--server-side", "--field-manager=second", "-f", "-"],
        Some(&manifests),
    )?;
    Ok(())
}

fn items(list: &Value) -> Vec<Value> {
    list["items"].as_array().cloned().unwrap_or_default()
}

fn versions(stage: &Stage) -> Result<Vec<String>, Trouble> {
    let mut versions = Vec::new();
    for list in [&["sf", "-n", "shops"][..], &["sfc", "production"][..]] {
        let found = stage.get(list)?;
        for item in found["items"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![found.clone()])
        {
            versions.push(format!(
                "{} {}",
                item["metadata"]["name"], item["metadata"]["resourceVersion"]
            ));
        }
    }
    Ok(versions)
}

fn shows_columns(stage: &Stage) -> Outcome {
    let columns = |args: &[&str]| -> Result<Vec<String>, Trouble> {
        let text = stage.kubectl(&[&["get"], args].concat(), None)?;
        let header = text.lines().next().unwrap_or_default();
        Ok(header.split_whitespace().map(str::to_owned).collect())
    };
    let plain = [
        "NAME",
        "ACTIVE",
        "MODE",
        "PROTECTED",
        "DIAGNOSIS",
        "STANDBY",
        "MOVE",
        "AGE",
    ];
    assert_eq!(columns(&["sf", "-n", "shops"])?, plain);
    let wide = [&plain[..], &["EPOCH", "FRONT", "REASON", "MESSAGE"]].concat();
    assert_eq!(columns(&["sf", "-n", "shops", "-o", "wide"])?, wide);
    let record = ["NAME", "STOREFRONT", "TYPE", "TO", "PHASE", "OUTCOME", "AGE"];
    // The manifests of several documents left some behind.
    assert_eq!(columns(&["rsw", "-n", "default"])?, record);
    Ok(())
}

/// Its spec was stored under an older, looser schema.
fn a_malformed_object_stops_nobody_else(stage: &mut Stage) -> Outcome {
    let loose = r#"[{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec",
        "value": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}]"#;
    let crd = "crd/storefronts.breakwater.dev";
    stage.kubectl(&["patch", crd, "--type=json", "-p", loose], None)?;
    let malformed = "apiVersion: breakwater.dev/v1alpha1\nkind: Storefront\nmetadata: {name: malformed, namespace: shops}\n\
                     spec: {className: [production], hostname: 5}\n";
    // A new schema is served a moment after it was accepted.
    let mut accepted = Err(Trouble::Broken("not tried".into()));
    for _ in 0..50 {
        accepted = stage.kubectl(&["create", "-f", "-"], Some(malformed));
        if accepted.is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    accepted?;
    stage.apply(&manifests::crds()?)?;
    stage.start_controller()?;
    for shop in ["sf/shop-ca", "sf/shop-geo", "sf/shop-west"] {
        stage.kubectl(
            &[
                "wait",
                "--for=condition=Protected",
                "-n",
                "shops",
                "--timeout=90s",
                shop,
            ],
            None,
        )?;
    }
    let log = stage.log("controller.log");
    assert!(log.contains("malformed"), "the log should name the malformed object");
    assert!(stage.controller_runs());
    Ok(())
}
