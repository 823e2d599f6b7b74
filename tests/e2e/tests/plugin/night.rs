//! With a controller: each end of a request has its code, `kubectl apply` of what `--dry-run` prints does the same, and a
//! night is told by `status`, `explain`, `history` and `report`.

use super::plugin::{Ran, command, ends_with, ran, run};
use breakwater_e2e::Trouble;
use breakwater_e2e::demo::{REGION, SHOPS};
use breakwater_e2e::stage::{Setting, Stage};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

type Outcome = Result<(), Trouble>;

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn each_end_has_its_code_and_a_night_is_told() -> Outcome {
    let mut stage = Stage::set(Setting::of_test("plugin-night", 20)).await?;
    stage.apply_examples()?;
    stage.start_controller()?;
    stage
        .wait("all shops protected", PATIENCE, |recorder| {
            SHOPS.iter().all(|shop| recorder.is_true(shop, "Protected"))
        })
        .await?;
    pages(&stage, "healthy")?;
    a_failover_is_followed_to_its_end(&stage)?;
    refusals_expiries_and_withdrawals(&stage)?;
    apply_does_the_same(&stage)?;
    the_night(&stage).await?;
    assert!(stage.controller_runs(), "the controller ended by itself");
    stage.strike()
}

fn asked(stage: &Stage, verb: &str, shop: &str, rest: &[&str]) -> Result<Ran, Trouble> {
    run(stage, &[&[verb, shop, "-n", "shops", "--yes"], rest].concat())
}

/// Checked against its code; its name, if one was filed.
fn asks(stage: &Stage, code: i32, verb: &str, shop: &str, rest: &[&str]) -> Result<(String, Ran), Trouble> {
    let ran = asked(stage, verb, shop, rest)?;
    ends_with(code, &ran, &[&[verb, shop], rest].concat())?;
    let line = ran.out.lines().next().unwrap_or_default();
    let name = line
        .split_once('/')
        .map_or("", |(_, after)| after.split(' ').next().unwrap_or_default());
    Ok((name.to_owned(), ran))
}

fn request(stage: &Stage, name: &str) -> Result<Value, Trouble> {
    stage.get(&["rsw", name, "-n", "shops"])
}

/// `Completed` is 0, with a line on stderr for the phases on the way.
fn a_failover_is_followed_to_its_end(stage: &Stage) -> Outcome {
    let (name, ran) = asks(stage, 0, "failover", "shop-west", &["--reason=rehearsal", "--wait"])?;
    assert!(
        ran.err.contains("Promoting") && ran.err.contains("Completed"),
        "{}",
        ran.err
    );
    println!(
        "$ kubectl storefront failover shop-west --yes --wait\n{}{}",
        ran.out, ran.err
    );
    let filed = request(stage, &name)?;
    assert_eq!(filed["status"]["outcome"], "Completed");
    let user = filed["spec"]["request"]["requestedBy"].as_str().unwrap_or_default();
    assert!(!user.is_empty() && user != "unknown", "{filed}");
    let (_, there) = asks(
        stage,
        3,
        "failover",
        "shop-west",
        &["--to=ca-central-1", "--reason=again"],
    )?;
    assert!(there.err.contains("AlreadyActive"), "{}", there.err);
    Ok(())
}

/// 3 by the controller, 6, 5, 4; and `abort` and `approve` in between.
fn refusals_expiries_and_withdrawals(stage: &Stage) -> Outcome {
    asks(stage, 0, "suspend", "shop-geo", &[])?;
    let (_, refused) = asks(stage, 3, "failover", "shop-geo", &["--reason=x", "--wait"])?;
    assert!(refused.err.contains("Suspended"), "{}", refused.err);
    asks(stage, 0, "resume", "shop-geo", &[])?;
    freeze(stage)?;
    let (name, late) = asks(
        stage,
        6,
        "failover",
        "shop-geo",
        &["--reason=x", "--start-before=6h", "--wait", "--timeout=3s"],
    )?;
    assert!(late.err.contains("Frozen"), "{}", late.err);
    asks(stage, 0, "approve", "shop-geo", &["--note=ok"])?;
    let approved = request(stage, &name)?;
    assert_eq!(
        approved["spec"]["approval"]["by"],
        approved["spec"]["request"]["requestedBy"]
    );
    assert_eq!(approved["spec"]["approval"]["note"], "ok");
    asks(stage, 3, "approve", "shop-geo", &[])?;
    asks(stage, 0, "abort", "shop-geo", &["--wait"])?;
    assert_eq!(request(stage, &name)?["status"]["outcome"], "Aborted");
    asks(stage, 3, "abort", "shop-geo", &[])?;
    asks(
        stage,
        5,
        "failover",
        "shop-geo",
        &["--reason=x", "--start-before=20s", "--wait"],
    )?;
    withdrawn_by_somebody_else(stage)
}

fn freeze(stage: &Stage) -> Outcome {
    let freezes = json!([{"name": "inventory", "from": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}]);
    let patch = json!({"spec": {"failover": {"freezes": freezes}}}).to_string();
    stage.kubectl(
        &["patch", "-n", "shops", "sf/shop-geo", "--type=merge", "-p", &patch],
        None,
    )?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let shop = stage.get(&["sf", "shop-geo", "-n", "shops"])?;
        if shop["metadata"]["generation"] == shop["status"]["observedGeneration"] {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(Trouble::NotInTime(
        PATIENCE.as_secs(),
        "the freeze to be looked at".into(),
    ))
}

/// Who waits for a request that another person withdraws ends with 4.
fn withdrawn_by_somebody_else(stage: &Stage) -> Outcome {
    let args = [
        "failover",
        "shop-geo",
        "-n",
        "shops",
        "--yes",
        "--reason=x",
        "--start-before=6h",
        "--name=geo-waits",
        "--wait",
    ];
    let waiting = command(stage, &stage.kubeconfig, &args)
        .spawn()
        .map_err(|error| Trouble::Program(error.to_string()))?;
    let begun = Instant::now();
    while request(stage, "geo-waits").is_err() && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(50));
    }
    asks(stage, 0, "abort", "shop-geo", &["geo-waits"])?;
    let output = waiting
        .wait_with_output()
        .map_err(|error| Trouble::Program(error.to_string()))?;
    ends_with(4, &ran(&output), &args)
}

/// One `kubectl apply` does all that the verb does; the freeze still holds, and is overridden.
fn apply_does_the_same(stage: &Stage) -> Outcome {
    let rest = ["--reason=now", "--override=Frozen", "--dry-run"];
    let (_, dry) = asks(stage, 0, "failover", "shop-geo", &rest)?;
    stage.apply(&dry.out)?;
    let name = dry.out.lines().find_map(|line| line.trim().strip_prefix("name: "));
    let name = name.unwrap_or_default();
    let outcome = "--for=jsonpath={.status.outcome}";
    let object = format!("rsw/{name}");
    stage.kubectl(&["wait", &object, "-n", "shops", outcome, "--timeout=120s"], None)?;
    let ended = request(stage, name)?;
    assert_eq!(ended["status"]["outcome"], "Completed", "{}", ended["status"]);
    Ok(())
}

/// The region dies; the shop moves by itself; the pages say so.
async fn the_night(stage: &Stage) -> Outcome {
    stage
        .world
        .inject(json!({"kind": "region-down", "region": REGION}))
        .await?;
    stage
        .wait("a move", PATIENCE, |recorder| {
            recorder.is_true("shop-ca", "MoveInFlight")
        })
        .await?;
    let (_, busy) = asks(stage, 3, "failover", "shop-ca", &["--reason=x"])?;
    assert!(busy.err.contains("one move is in flight at a time"), "{}", busy.err);
    pages(stage, "mid-failover")?;
    stage
        .wait("its end", PATIENCE, |recorder| {
            recorder.is_true("shop-ca", "Verified") && !recorder.is_true("shop-ca", "MoveInFlight")
        })
        .await?;
    let wait = [
        "wait",
        "rsw/shop-ca-e2-failover",
        "-n",
        "shops",
        "--for=condition=Ready",
        "--timeout=60s",
    ];
    stage.kubectl(&wait, None)?;
    pages(stage, "after")?;
    let history = run(stage, &["history", "shop-ca", "-n", "shops"])?;
    ends_with(0, &history, &["history"])?;
    assert!(
        history.out.contains("shop-ca-e2-failover") && history.out.contains("Completed"),
        "{}",
        history.out
    );
    println!("$ kubectl storefront history shop-ca\n{}", history.out);
    let report = run(stage, &["report", "shop-ca-e2-failover", "-n", "shops"])?;
    ends_with(0, &report, &["report"])?;
    for words in [
        "# Failover e2 of shop-ca: ca-central-1 to us-west-2",
        "**Completed**",
        "RebuildStandby",
        "Promoting",
        "MoveRequested",
    ] {
        assert!(report.out.contains(words), "{words}: {}", report.out);
    }
    println!("$ kubectl storefront report shop-ca-e2-failover\n{}", report.out);
    Ok(())
}

/// `status` and `explain` as people and as scripts read them.
fn pages(stage: &Stage, when: &str) -> Outcome {
    for verb in ["status", "explain"] {
        let page = run(stage, &[verb, "shop-ca", "-n", "shops"])?;
        ends_with(0, &page, &[verb])?;
        assert!(
            !page.out.contains('\u{1b}'),
            "styles where no terminal is: {}",
            page.out
        );
        println!("$ kubectl storefront {verb} shop-ca    # {when}\n{}", page.out);
        let data = run(stage, &[verb, "shop-ca", "-n", "shops", "-o", "json"])?;
        let read: Value = serde_json::from_str(&data.out).map_err(|error| Trouble::Broken(error.to_string()))?;
        let name = read["metadata"]["name"].as_str().or(read["name"].as_str());
        assert_eq!(name, Some("shop-ca"), "{}", data.out);
    }
    Ok(())
}
