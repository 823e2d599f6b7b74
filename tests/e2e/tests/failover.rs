//! A region dies and two of three shops move, while Git and a second manager go on applying the unchanged manifests.

use breakwater_e2e::Trouble;
use breakwater_e2e::demo::{MOVING, REGION, SHOPS};
use breakwater_e2e::judge::judge;
use breakwater_e2e::manifests;
use breakwater_e2e::stage::{Setting, Stage};
use serde_json::{Value, json};
use std::time::Duration;

type Outcome = Result<(), Trouble>;

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_region_dies_and_applies_change_nothing() -> Outcome {
    let mut stage = Stage::set(Setting::of_test("failover", 20)).await?;
    stage.apply_examples()?;
    stage.start_controller()?;
    for shop in SHOPS {
        wait(&stage, "condition=Protected", &format!("sf/{shop}"))?;
    }
    let before = specs(&stage)?;
    let down = json!({"kind": "region-down", "region": REGION});
    stage.world.inject(down).await?;
    stage
        .wait("a move in flight", PATIENCE, |recorder| {
            MOVING.iter().any(|shop| recorder.is_true(shop, "MoveInFlight"))
        })
        .await?;
    apply_all(&stage, "during")?;
    assert_eq!(
        specs(&stage)?,
        before,
        "applies during a failover change no spec and no generation"
    );
    for shop in MOVING {
        let record = format!("rsw/{shop}-e2-failover");
        wait(&stage, "create", &record)?;
        wait(&stage, "jsonpath={.status.outcome}", &record)?;
        wait(&stage, "condition=Ready", &record)?;
    }
    apply_all(&stage, "after")?;
    assert_eq!(
        specs(&stage)?,
        before,
        "applies after a failover change no spec and no generation"
    );
    for shop in MOVING {
        assert_eq!(
            status(&stage, shop)?["activeRegion"],
            "us-west-2",
            "{shop} stays where it moved"
        );
    }
    stage.world.clear_all().await?;
    stage
        .wait("the former writers fenced", PATIENCE, |recorder| {
            MOVING.iter().all(|shop| !recorder.is_true(shop, "FenceRequired"))
        })
        .await?;
    records(&stage)?;
    events(&stage)?;
    the_world_agrees(&stage).await?;
    assert!(stage.controller_runs(), "the controller ended by itself");
    stage.strike()
}

/// `kubectl wait`, as people write it.
fn wait(stage: &Stage, what: &str, object: &str) -> Outcome {
    let condition = format!("--for={what}");
    stage
        .kubectl(&["wait", &condition, "--timeout=120s", "-n", "shops", object], None)
        .map(|_| ())
}

fn status(stage: &Stage, shop: &str) -> Result<Value, Trouble> {
    Ok(stage.get(&["sf", shop, "-n", "shops"])?["status"].clone())
}

fn specs(stage: &Stage) -> Result<Vec<(Value, Value)>, Trouble> {
    SHOPS
        .iter()
        .map(|shop| {
            let found = stage.get(&["sf", shop, "-n", "shops"])?;
            Ok((found["metadata"]["generation"].clone(), found["spec"].clone()))
        })
        .collect()
}

/// By the first manager and by a second one. Journals are written meanwhile, and only grow.
fn apply_all(stage: &Stage, when: &str) -> Outcome {
    let manifests = manifests::examples(&stage.world.file.base_url, None)?;
    let epochs = |stage: &Stage| -> Result<Vec<i64>, Trouble> {
        SHOPS
            .iter()
            .map(|shop| Ok(status(stage, shop)?["journal"]["lastNumber"].as_i64().unwrap_or(-1)))
            .collect()
    };
    let before = epochs(stage)?;
    assert!(before.iter().all(|number| *number >= 1), "{when}: {before:?}");
    stage.apply(&manifests)?;
    stage.kubectl(
        &["apply", "--server-side", "--field-manager=second", "-f", "-"],
        Some(&manifests),
    )?;
    let after = epochs(stage)?;
    assert!(
        before.iter().zip(&after).all(|(before, after)| before <= after),
        "{when}: {before:?} {after:?}"
    );
    stage.kubectl(&["diff", "-f", "-"], Some(&manifests))?;
    Ok(())
}

/// One record for each move, which neither Argo CD nor the garbage collector will take away.
fn records(stage: &Stage) -> Outcome {
    let list = stage.get(&["rsw", "-n", "shops"])?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<&str> = items
        .iter()
        .filter_map(|item| item["metadata"]["name"].as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["shop-ca-e2-failover", "shop-geo-e2-failover"]);
    for record in &items {
        let metadata = &record["metadata"];
        for field in ["labels", "annotations", "ownerReferences", "finalizers"] {
            assert!(metadata[field].is_null(), "{field} of {}", metadata["name"]);
        }
        assert_eq!(record["status"]["outcome"], "Completed");
        assert_eq!(record["spec"]["request"]["to"], "us-west-2");
        assert_eq!(record["spec"]["request"]["expectedEpoch"], 1);
    }
    Ok(())
}

fn events(stage: &Stage) -> Outcome {
    let list = stage.get(&["events", "-n", "shops"])?;
    let told = |shop: &str, reason: &str| {
        let items = list["items"].as_array().into_iter().flatten();
        items
            .filter(|event| event["involvedObject"]["name"] == shop && event["reason"] == reason)
            .count()
    };
    for shop in MOVING {
        for reason in [
            "Adopted",
            "RegionDown",
            "MoveRequested",
            "MovePreparing",
            "MoveExcluding",
            "MovePromoting",
            "MoveRepointing",
            "MoveVerifying",
            "MoveCompleted",
            "ObligationOpened",
            "ObligationClosed",
        ] {
            assert!(told(shop, reason) >= 1, "no event {reason} about {shop}");
        }
    }
    assert_eq!(told("shop-west", "MoveRequested"), 0);
    Ok(())
}

async fn the_world_agrees(stage: &Stage) -> Outcome {
    let judged = judge(stage, &SHOPS).await?;
    assert!(judged.violations.is_empty(), "{}", judged.violations.join("\n"));
    assert_eq!(judged.measures.promotions, 2);
    assert_eq!(judged.measures.users_on_former_writer, 0);
    for shop in MOVING {
        assert_eq!(judged.promotions_of(shop), 1, "{shop}");
    }
    assert_eq!(judged.promotions_of("shop-west"), 0);
    let west = status(stage, "shop-west")?;
    assert_eq!(
        (&west["activeRegion"], &west["epoch"]),
        (&json!("us-west-2"), &json!(1))
    );
    Ok(())
}
