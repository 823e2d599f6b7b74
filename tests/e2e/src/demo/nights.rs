//! The bad nights, one function each: what goes wrong, what is waited for, and what must not happen.

use super::summary::{Notes, Planned, promotions};
use super::table::Table;
use super::{MOVING, PATIENCE, REGION, SHOPS};
use crate::Trouble;
use crate::recorder::{Recorder, context};
use crate::stage::Stage;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than every window: what has not moved by then does not move.
const LONG: Duration = Duration::from_secs(600);
/// The shop that the nights of a single shop are about.
const SHOP: &str = "shop-ca";

pub(super) async fn region_down(stage: &Stage, table: &Table) -> Result<(), Trouble> {
    table.say(&format!("taking {REGION} down"));
    stage
        .world
        .inject(json!({"kind": "region-down", "region": REGION}))
        .await?;
    moved_and_fenced(stage, table, &MOVING).await
}

pub(super) async fn partition(stage: &Stage, table: &Table, notes: &mut Notes) -> Result<(), Trouble> {
    table.say(&format!(
        "cutting {REGION} off from us and from the other region; users still reach it"
    ));
    stage
        .world
        .inject(json!({"kind": "partition", "region": REGION}))
        .await?;
    diagnosed(stage, table, &MOVING, "ViewsDisagree").await?;
    nothing_moves(stage, table, notes, "ViewsDisagree").await?;
    table.say("the cut heals");
    stage.world.clear_all().await?;
    protected_again(stage, table).await?;
    region_down(stage, table).await
}

pub(super) async fn database_down(stage: &Stage, table: &Table) -> Result<(), Trouble> {
    table.say(&format!("the database of {SHOP} in {REGION} dies; the region lives"));
    stage
        .world
        .inject(json!({"kind": "database-down", "shop": SHOP, "region": REGION}))
        .await?;
    diagnosed(stage, table, &[SHOP], "DatabaseDown").await?;
    moved_and_fenced(stage, table, &[SHOP]).await
}

pub(super) async fn services_down(stage: &Stage, table: &Table) -> Result<(), Trouble> {
    table.say(&format!("the services of {SHOP} in {REGION} die; its database lives"));
    stage
        .world
        .inject(json!({"kind": "services-down", "shop": SHOP, "region": REGION}))
        .await?;
    table
        .follow(
            stage,
            "the other region first in the pool order",
            PATIENCE,
            |recorder| front(recorder, SHOP).as_deref() == Some("us-west-2"),
        )
        .await?;
    table.shot(stage, "during");
    table.follow_for(stage, LONG).await?;
    table.say("the services come back");
    stage.world.clear_all().await?;
    table
        .follow(stage, "the pool order returns", PATIENCE, |recorder| {
            front(recorder, SHOP).as_deref() == Some(REGION)
        })
        .await
}

pub(super) async fn bad_release(stage: &Stage, table: &Table, notes: &mut Notes) -> Result<(), Trouble> {
    table.say(&format!("a release breaks {SHOP} in both regions"));
    stage.world.inject(json!({"kind": "bad-release", "shop": SHOP})).await?;
    diagnosed(stage, table, &[SHOP], "ServicesDownEverywhere").await?;
    nothing_moves(stage, table, notes, "ServicesDownEverywhere").await?;
    table.say("the release is taken back");
    stage.world.clear_all().await?;
    protected_again(stage, table).await
}

pub(super) async fn patching(stage: &Stage, table: &Table, notes: &mut Notes) -> Result<(), Trouble> {
    table.say(&format!("RDS upgrades the writer of {SHOP}: it answers nobody"));
    let fault = json!({
        "kind": "instance-status", "shop": SHOP, "region": REGION, "status": "upgrading", "takes_writes": false,
    });
    stage.world.inject(fault).await?;
    stage
        .world
        .inject(json!({"kind": "database-down", "shop": SHOP, "region": REGION}))
        .await?;
    diagnosed(stage, table, &[SHOP], "Maintenance").await?;
    nothing_moves(stage, table, notes, "Maintenance").await?;
    table.say("the upgrade is done");
    stage.world.clear_all().await?;
    protected_again(stage, table).await
}

pub(super) async fn flapping(stage: &Stage, table: &Table, notes: &mut Notes) -> Result<(), Trouble> {
    table.say(&format!("the services of {SHOP} in {REGION} go up and down"));
    let fault = json!({
        "kind": "flapping", "shop": SHOP, "region": REGION, "up_seconds": 45, "down_seconds": 30,
    });
    stage.world.inject(fault).await?;
    table.follow_for(stage, LONG).await?;
    notes.diagnosis = diagnosis(&stage.recorder, SHOP);
    table.shot(stage, "during");
    stage.world.clear_all().await?;
    protected_again(stage, table).await
}

pub(super) async fn cloudflare_down(stage: &Stage, table: &Table, notes: &mut Notes) -> Result<(), Trouble> {
    table.say("Cloudflare's API answers 500; its edge serves on");
    let fault = json!({"kind": "api-error", "api": "cloudflare", "status": 500, "code": "10000"});
    stage.world.inject(fault).await?;
    table
        .follow(stage, "the blind spot is told", PATIENCE, |recorder| {
            SHOPS.iter().all(|shop| !recorder.is_true(shop, "StandbyReady"))
        })
        .await?;
    table.follow_for(stage, LONG).await?;
    table.shot(stage, "during");
    notes.diagnosis = diagnosis(&stage.recorder, SHOP);
    stage.world.clear_all().await?;
    protected_again(stage, table).await
}

pub(super) async fn us_east_1_down(stage: &Stage, table: &Table, notes: &mut Notes) -> Result<(), Trouble> {
    table.say("taking us-east-1 down; Route 53's control plane goes with it");
    stage
        .world
        .inject(json!({"kind": "region-down", "region": "us-east-1"}))
        .await?;
    diagnosed(stage, table, &MOVING, "RegionDown").await?;
    let refused = |recorder: &Recorder| MOVING.iter().all(|shop| refuses_alone(recorder, shop, "NameUnmovable"));
    table
        .follow(stage, "the refusal NameUnmovable, and no other", PATIENCE, refused)
        .await?;
    table.follow_for(stage, Duration::from_secs(120)).await?;
    notes.diagnosis = diagnosis(&stage.recorder, MOVING[0]);
    notes.promotions_before = Some(promotions_so_far(stage).await?);
    table.say("a person decides all the same: one RegionSwitch for each shop, with overrides: [NameUnmovable]");
    for shop in MOVING {
        let request = failover_request(&stage.recorder, shop, "us-west-2", stage.now())?;
        stage.kubectl(&["create", "-f", "-"], Some(&request))?;
    }
    let promoted = |recorder: &Recorder| {
        MOVING
            .iter()
            .all(|shop| active(recorder, shop).as_deref() == Some("us-west-2"))
    };
    table.follow(stage, "the promotions", PATIENCE, promoted).await?;
    table.shot(stage, "waiting");
    table.follow_for(stage, Duration::from_secs(60)).await?;
    table.say("Route 53 answers again, and us-east-1 comes back");
    stage.world.clear_all().await?;
    moved_and_fenced(stage, table, &MOVING).await
}

pub(super) async fn switchover(stage: &Stage, table: &Table, notes: &mut Notes) -> Result<(), Trouble> {
    table.say(&format!(
        "a person plans to move {SHOP} to us-west-2: one RegionSwitch of type Switchover"
    ));
    let request = request(&stage.recorder, SHOP, stage.now())?;
    stage.kubectl(
        &["create", "-f", "-"],
        Some(&with(
            request,
            json!({"type": "Switchover", "to": "us-west-2", "reason": "patch ca-central-1"}),
        )),
    )?;
    let begun = |recorder: &Recorder| recorder.is_true(SHOP, "MoveInFlight");
    table.follow(stage, "the move in flight", PATIENCE, begun).await?;
    table.shot(stage, "during");
    let moved = |recorder: &Recorder| {
        recorder.is_true(SHOP, "Verified") && active(recorder, SHOP).as_deref() == Some("us-west-2")
    };
    table
        .follow(stage, "the shop moved and verified", PATIENCE, moved)
        .await?;
    let fenced = |recorder: &Recorder| !recorder.is_true(SHOP, "FenceRequired");
    table
        .follow(stage, "the former writer fenced", PATIENCE, fenced)
        .await?;
    let read = |path: &str| stage.kubectl(&["get", "rsw", "-n", "shops", &format!("{SHOP}-2am"), path], None);
    notes.planned = Some(Planned {
        outcome: read("-o=jsonpath={.status.outcome}")?,
        message: read("-o=jsonpath={.status.message}")?,
        write_pause_seconds: read("-o=jsonpath={.status.times.writePauseSeconds}")?
            .trim()
            .parse()
            .ok(),
    });
    Ok(())
}

/// What a person applies at 2 AM.
fn failover_request(recorder: &Recorder, shop: &str, to: &str, now: Timestamp) -> Result<String, Trouble> {
    Ok(with(
        request(recorder, shop, now)?,
        json!({
            "type": "Failover",
            "to": to,
            "reason": "us-east-1 is down and will be for hours; names follow when Route 53 answers",
            "overrides": ["NameUnmovable"],
        }),
    ))
}

/// The request with these fields.
fn with(mut request: Value, fields: Value) -> String {
    if let (Some(asked), Value::Object(fields)) = (request["spec"]["request"].as_object_mut(), fields) {
        asked.extend(fields);
    }
    request.to_string()
}

/// A request about this shop as it stands, without a type.
fn request(recorder: &Recorder, shop: &str, now: Timestamp) -> Result<Value, Trouble> {
    let status = recorder.storefront(shop).and_then(|seen| seen.status);
    let epoch = status.and_then(|status| status.epoch).unwrap_or_default();
    let until = now
        .checked_add(Duration::from_secs(600))
        .map_err(|error| Trouble::Broken(error.to_string()))?;
    Ok(json!({
        "apiVersion": "breakwater.dev/v1alpha1",
        "kind": "RegionSwitch",
        "metadata": {"name": format!("{shop}-2am"), "namespace": "shops"},
        "spec": {"request": {
            "storefrontName": shop,
            "expectedEpoch": epoch,
            "startBefore": until.to_string(),
            "requestedBy": "oncall@example.com",
        }},
    }))
}

/// These shops move, are verified, and their former writers fenced once the trouble is over.
async fn moved_and_fenced(stage: &Stage, table: &Table, moving: &[&str]) -> Result<(), Trouble> {
    let any = |recorder: &Recorder| moving.iter().any(|shop| recorder.is_true(shop, "MoveInFlight"));
    table.follow(stage, "a move in flight", PATIENCE, any).await?;
    table.shot(stage, "during");
    let all = |recorder: &Recorder| moving.iter().all(|shop| recorder.is_true(shop, "Verified"));
    table
        .follow(stage, "the shops moved and verified", PATIENCE, all)
        .await?;
    table.say("they sell again; what had died comes back, and its former writer would take writes");
    stage.world.clear_all().await?;
    let fenced = |recorder: &Recorder| {
        moving
            .iter()
            .all(|shop| recorder.storefront(shop).is_some() && !recorder.is_true(shop, "FenceRequired"))
    };
    table.follow(stage, "the former writers fenced", PATIENCE, fenced).await
}

async fn diagnosed(stage: &Stage, table: &Table, shops: &[&str], what: &str) -> Result<(), Trouble> {
    let all = |recorder: &Recorder| {
        shops
            .iter()
            .all(|shop| diagnosis(recorder, shop).as_deref() == Some(what))
    };
    table
        .follow(stage, &format!("the diagnosis {what}"), PATIENCE, all)
        .await
}

/// However long it lasts, nothing is promoted; people were told.
async fn nothing_moves(stage: &Stage, table: &Table, notes: &mut Notes, reason: &str) -> Result<(), Trouble> {
    table.follow_for(stage, LONG).await?;
    table.shot(stage, "during");
    notes.diagnosis = diagnosis(&stage.recorder, MOVING[0]);
    notes.expected = Some(reason.to_owned());
    let selector = format!("--field-selector=reason={reason}");
    let path = "-o=jsonpath={.items[0].note}{.items[0].message}";
    notes.alert = stage.kubectl(&["get", "events", "-n", "shops", &selector, path], None)?;
    notes.promotions_during = Some(promotions_so_far(stage).await?);
    Ok(())
}

async fn promotions_so_far(stage: &Stage) -> Result<u64, Trouble> {
    let ledger: Value = stage.world.ledger().await?;
    promotions(&ledger, &stage.recorder.history(), &context(&stage.recorder, &SHOPS))
}

async fn protected_again(stage: &Stage, table: &Table) -> Result<(), Trouble> {
    let all = |recorder: &Recorder| SHOPS.iter().all(|shop| recorder.is_true(shop, "Protected"));
    table.follow(stage, "all shops Protected again", PATIENCE, all).await
}

fn diagnosis(recorder: &Recorder, shop: &str) -> Option<String> {
    recorder.storefront(shop)?.status?.diagnosis
}

fn refuses_alone(recorder: &Recorder, shop: &str, name: &str) -> bool {
    let status = recorder.storefront(shop).and_then(|seen| seen.status);
    status.is_some_and(|status| status.refusals.iter().map(|refusal| refusal.name.as_str()).eq([name]))
}

fn active(recorder: &Recorder, shop: &str) -> Option<String> {
    recorder.storefront(shop)?.status?.active_region
}

fn front(recorder: &Recorder, shop: &str) -> Option<String> {
    recorder.storefront(shop)?.status?.front
}
