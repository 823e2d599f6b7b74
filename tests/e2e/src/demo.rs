//! The demo: three shops, a region that dies, what happens, and whether all of it was right.

mod summary;
mod table;

use crate::Trouble;
use crate::recorder::{Recorder, context};
use crate::stage::{Setting, Stage};
use serde_json::json;
use std::time::{Duration, Instant};
pub use summary::Summary;
use table::Table;

/// All shops of the examples.
pub const SHOPS: [&str; 3] = ["shop-ca", "shop-geo", "shop-west"];
/// Those that prefer the region that dies.
pub const MOVING: [&str; 2] = ["shop-ca", "shop-geo"];
/// The region that dies.
pub const REGION: &str = "ca-central-1";

/// What can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// The active region of two shops dies, and comes back later.
    RegionDown,
    /// The region is cut off from us and from the other region, and goes on selling; later it dies for real.
    Partition,
}

impl Scenario {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scenario::RegionDown => "region-down",
            Scenario::Partition => "partition",
        }
    }
}

/// How patient a step is, in real time.
const PATIENCE: Duration = Duration::from_secs(150);

/// Plays a scenario from the start to its summary.
///
/// # Errors
/// When something does not come, or an invariant does not hold.
pub async fn play(scenario: Scenario, setting: Setting) -> Result<Summary, Trouble> {
    let begun = Instant::now();
    let table = Table::new();
    table.say("starting control plane and world");
    let mut stage = Stage::set(setting).await?;
    table.say("applying CRDs and docs/examples: three shops");
    stage.apply_examples()?;
    stage.start_controller()?;
    table.say("waiting until every shop is protected");
    let protected = |recorder: &Recorder| SHOPS.iter().all(|shop| recorder.is_true(shop, "Protected"));
    table.follow(&stage, "all shops Protected", PATIENCE, protected).await?;
    table.shot(&stage, "before");
    let mut notes = summary::Notes::default();
    match scenario {
        Scenario::RegionDown => region_down(&mut stage, &table).await?,
        Scenario::Partition => partition(&mut stage, &table, &mut notes).await?,
    }
    table.shot(&stage, "after");
    let ledger = stage.world.ledger().await?;
    let history = stage.recorder.history();
    let context = context(&stage.recorder, &SHOPS);
    let runs = stage.controller_runs();
    let summary = Summary::of(
        scenario,
        stage.time_scale(),
        &ledger,
        &history,
        &context,
        &notes,
        begun.elapsed(),
    )?;
    if !runs {
        return Err(Trouble::Broken(
            "the controller ended by itself; see controller.log".into(),
        ));
    }
    stage.strike()?;
    Ok(summary)
}

async fn region_down(stage: &mut Stage, table: &Table) -> Result<(), Trouble> {
    table.say(&format!("taking {REGION} down"));
    stage
        .world
        .inject(json!({"kind": "region-down", "region": REGION}))
        .await?;
    table
        .follow(stage, "a move in flight", PATIENCE, |recorder| {
            MOVING.iter().any(|shop| recorder.is_true(shop, "MoveInFlight"))
        })
        .await?;
    table.shot(stage, "during");
    table
        .follow(stage, "both shops moved and verified", PATIENCE, |recorder| {
            MOVING.iter().all(|shop| recorder.is_true(shop, "Verified"))
        })
        .await?;
    table.say(&format!(
        "both shops sell again; {REGION} comes back, its former writers take writes"
    ));
    stage.world.clear_all().await?;
    table
        .follow(stage, "the former writers fenced", PATIENCE, |recorder| {
            MOVING
                .iter()
                .all(|shop| recorder.storefront(shop).is_some() && !recorder.is_true(shop, "FenceRequired"))
        })
        .await
}

async fn partition(stage: &mut Stage, table: &Table, notes: &mut summary::Notes) -> Result<(), Trouble> {
    table.say(&format!(
        "cutting {REGION} off from us and from the other region; users still reach it"
    ));
    stage
        .world
        .inject(json!({"kind": "partition", "region": REGION}))
        .await?;
    table
        .follow(stage, "the contradiction is diagnosed", PATIENCE, |recorder| {
            MOVING
                .iter()
                .all(|shop| diagnosis(recorder, shop).as_deref() == Some("ViewsDisagree"))
        })
        .await?;
    // Longer than every window: nothing may move however long it lasts.
    table.follow_for(stage, Duration::from_secs(600)).await?;
    table.shot(stage, "during");
    notes.diagnosis = diagnosis(&stage.recorder, MOVING[0]);
    notes.alert = stage.kubectl(
        &[
            "get",
            "events",
            "-n",
            "shops",
            "--field-selector=reason=ViewsDisagree",
            "-o=jsonpath={.items[0].note}{.items[0].message}",
        ],
        None,
    )?;
    let ledger = stage.world.ledger().await?;
    let history = stage.recorder.history();
    notes.promotions_during = Some(summary::promotions(
        &ledger,
        &history,
        &context(&stage.recorder, &SHOPS),
    )?);
    table.say("the cut heals");
    stage.world.clear_all().await?;
    table
        .follow(stage, "all shops Protected again", PATIENCE, |recorder| {
            SHOPS.iter().all(|shop| recorder.is_true(shop, "Protected"))
        })
        .await?;
    region_down(stage, table).await
}

fn diagnosis(recorder: &Recorder, shop: &str) -> Option<String> {
    recorder.storefront(shop)?.status?.diagnosis
}
