//! The controller is killed (-9) at five random moments of a failover. `SEED=...` plays the same moments again.

use breakwater_e2e::Trouble;
use breakwater_e2e::demo::{MOVING, REGION, SHOPS};
use breakwater_e2e::judge::judge;
use breakwater_e2e::stage::{Setting, Stage};
use serde_json::json;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(150);
const KILLS: u64 = 5;

/// Moments between half a second and five seconds apart, from a seed.
fn pauses(seed: u64) -> impl Iterator<Item = Duration> {
    let mut state = seed | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Duration::from_millis(500 + state % 4_500)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_five_random_moments_it_moves_once() -> Result<(), Trouble> {
    let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| RandomState::new().hash_one(KILLS));
    eprintln!("SEED={seed}");
    let mut stage = Stage::set(Setting::of_test("killed", 20)).await?;
    stage.apply_examples()?;
    // Each death starts the evidence anew, and the loss estimate counts from it.
    for shop in SHOPS {
        let patch = r#"{"spec":{"failover":{"maxLossSeconds":3600}}}"#;
        stage.kubectl(&["patch", "sf", shop, "-n", "shops", "--type=merge", "-p", patch], None)?;
    }
    stage.start_controller()?;
    stage
        .wait("all shops Protected", PATIENCE, |recorder| {
            SHOPS.iter().all(|shop| recorder.is_true(shop, "Protected"))
        })
        .await?;
    stage
        .world
        .inject(json!({"kind": "region-down", "region": REGION}))
        .await?;
    for pause in pauses(seed).take(usize::try_from(KILLS).unwrap_or(5)) {
        tokio::time::sleep(pause).await;
        stage.kill_controller();
        // The next one need not watch the dead one's lease run out: that is what `held` does.
        stage.empty_lease().await?;
        stage.start_controller()?;
    }
    stage
        .wait("both shops moved", PATIENCE, |recorder| {
            MOVING.iter().all(|shop| recorder.is_true(shop, "Verified"))
        })
        .await?;
    stage.world.clear_all().await?;
    stage
        .wait("the former writers fenced", PATIENCE, |recorder| {
            MOVING.iter().all(|shop| !recorder.is_true(shop, "FenceRequired"))
        })
        .await?;
    let judged = judge(&stage, &SHOPS).await?;
    assert!(judged.violations.is_empty(), "{}", judged.violations.join("\n"));
    for shop in MOVING {
        assert_eq!(judged.promotions_of(shop), 1, "{shop}");
    }
    assert_eq!(judged.promotions_of("shop-west"), 0);
    assert_eq!(judged.measures.users_on_former_writer, 0);
    stage.strike()
}
