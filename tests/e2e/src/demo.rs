//! The demo: three shops, a region that dies, what happens, and whether all of it was right.

mod nights;
mod summary;
mod table;

use crate::Trouble;
use crate::recorder::{Recorder, context};
use crate::stage::{Setting, Stage};
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
    /// One shop's database dies; its region lives.
    DatabaseDown,
    /// One shop's services die in its active region; its database lives.
    ServicesDown,
    /// A release breaks one shop in both regions.
    BadRelease,
    /// RDS patches one shop's writer for longer than every window.
    Patching,
    /// One shop's services go up and down.
    Flapping,
    /// Cloudflare's API is gone; its edge serves on.
    CloudflareDown,
    /// The active region is us-east-1, and Route 53's control plane dies with it; people override.
    #[value(name = "us-east-1-down")]
    UsEast1Down,
    /// A person plans a move of one shop: nothing is lost.
    Switchover,
}

impl Scenario {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scenario::RegionDown => "region-down",
            Scenario::Partition => "partition",
            Scenario::DatabaseDown => "database-down",
            Scenario::ServicesDown => "services-down",
            Scenario::BadRelease => "bad-release",
            Scenario::Patching => "patching",
            Scenario::Flapping => "flapping",
            Scenario::CloudflareDown => "cloudflare-down",
            Scenario::UsEast1Down => "us-east-1-down",
            Scenario::Switchover => "switchover",
        }
    }

    /// A region of the examples, and another one that plays its part.
    #[must_use]
    pub fn instead(self) -> Option<(&'static str, &'static str)> {
        match self {
            Scenario::UsEast1Down => Some((REGION, "us-east-1")),
            Scenario::RegionDown
            | Scenario::Partition
            | Scenario::DatabaseDown
            | Scenario::ServicesDown
            | Scenario::BadRelease
            | Scenario::Patching
            | Scenario::Flapping
            | Scenario::CloudflareDown
            | Scenario::Switchover => None,
        }
    }

    /// The shops that must have moved in the end, each once.
    #[must_use]
    pub fn moving(self) -> &'static [&'static str] {
        match self {
            Scenario::RegionDown | Scenario::Partition | Scenario::UsEast1Down => &MOVING,
            Scenario::DatabaseDown | Scenario::Switchover => &["shop-ca"],
            Scenario::ServicesDown
            | Scenario::BadRelease
            | Scenario::Patching
            | Scenario::Flapping
            | Scenario::CloudflareDown => &[],
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
        Scenario::RegionDown => nights::region_down(&stage, &table).await?,
        Scenario::Partition => nights::partition(&stage, &table, &mut notes).await?,
        Scenario::DatabaseDown => nights::database_down(&stage, &table).await?,
        Scenario::ServicesDown => nights::services_down(&stage, &table).await?,
        Scenario::BadRelease => nights::bad_release(&stage, &table, &mut notes).await?,
        Scenario::Patching => nights::patching(&stage, &table, &mut notes).await?,
        Scenario::Flapping => nights::flapping(&stage, &table, &mut notes).await?,
        Scenario::CloudflareDown => nights::cloudflare_down(&stage, &table, &mut notes).await?,
        Scenario::UsEast1Down => nights::us_east_1_down(&stage, &table, &mut notes).await?,
        Scenario::Switchover => nights::switchover(&stage, &table, &mut notes).await?,
    }
    table.shot(&stage, "after");
    let ledger = stage.world.ledger().await?;
    let history = stage.recorder.history();
    let context = context(&stage.recorder, &SHOPS);
    // Kept beside the logs: what the summary was made of.
    for (name, value) in [
        ("ledger.json", &ledger),
        ("history.json", &history),
        ("context.json", &context),
    ] {
        let _ = std::fs::write(stage.file(name), value.to_string());
    }
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
