//! Tokens and keys of a run stand nowhere: not in logs (with everything logged), status, events, metrics.

use breakwater_e2e::Trouble;
use breakwater_e2e::demo::{MOVING, REGION, SHOPS};
use breakwater_e2e::manifests;
use breakwater_e2e::stage::{Setting, Stage};
use serde_json::json;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);
/// A token that Cloudflare refuses: its error must not repeat it.
const WRONG: &str = "wrong-0123456789abcdef0123456789abcdef";

#[tokio::test(flavor = "multi_thread")]
async fn secrets_stand_nowhere() -> Result<(), Trouble> {
    let mut stage = Stage::set(Setting::of_test("secrets", 20)).await?;
    stage.apply_examples()?;
    stage.start_controller_with("controller.log", "debug")?;
    stage
        .wait("all shops protected", PATIENCE, |recorder| {
            SHOPS.iter().all(|shop| recorder.is_true(shop, "Protected"))
        })
        .await?;
    let down = json!({"kind": "region-down", "region": REGION});
    stage.world.inject(down).await?;
    stage
        .wait("both shops verified", PATIENCE, |recorder| {
            MOVING.iter().all(|shop| recorder.is_true(shop, "Verified"))
        })
        .await?;
    stage.apply(&manifests::secret(WRONG))?;
    stage.kubectl(
        &["wait", "--for=condition=Ready=False", "--timeout=60s", "sfc/production"],
        None,
    )?;
    let address = stage.serving("controller.log").await?;
    let (_, metrics) = stage.scrape(&address, "/metrics").await?;
    let listed = |kinds: &str| stage.kubectl(&["get", kinds, "-A", "-o", "yaml", "--show-managed-fields"], None);
    let places = [
        ("the log", stage.log("controller.log")),
        ("objects", listed("sf,rsw,sfc,leases")?),
        ("events", listed("events")?),
        ("metrics", metrics),
    ];
    let file = &stage.world.file;
    for (place, text) in &places {
        assert!(text.len() > 500, "{place} is nearly empty");
        for (what, secret) in [
            ("Cloudflare's token", file.cloudflare_token.as_str()),
            ("the secret access key", file.secret_access_key.as_str()),
            ("the refused token", WRONG),
        ] {
            let found = text.lines().find(|line| line.contains(secret));
            assert!(found.is_none(), "{what} stands in {place}: {found:?}");
        }
    }
    stage.strike()
}
