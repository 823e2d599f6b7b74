//! What a run amounts to: its ledger and journals, read by the checkers.

use crate::Trouble;
use crate::recorder::context;
use crate::stage::Stage;
use breakwater_checkers::{Measures, check, measures};
use serde_json::Value;

/// How late the recorder's watch may show an entry, real milliseconds.
const SEEN_WITHIN_MS: i64 = 500;

/// A run, judged.
pub struct Judged {
    /// What may never happen and did.
    pub violations: Vec<String>,
    /// What was measured.
    pub measures: Measures,
    /// What truly happened.
    pub ledger: Value,
}

impl Judged {
    /// Promotions of a shop that took effect.
    #[must_use]
    pub fn promotions_of(&self, shop: &str) -> usize {
        self.events()
            .filter(|event| event["event"] == "promotion-accepted" && event["shop"] == shop)
            .count()
    }

    /// The controller's calls that concern a shop, in order.
    pub fn calls_of<'a>(&'a self, shop: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events()
            .filter(move |event| event["event"] == "call" && event["vantage"] == "controller" && event["shop"] == shop)
    }

    fn events(&self) -> impl Iterator<Item = &Value> {
        self.ledger["events"].as_array().into_iter().flatten()
    }
}

/// Judges what happened so far; ledger and history are kept beside the logs.
///
/// # Errors
/// When the world does not answer, or a document cannot be read.
pub async fn judge(stage: &Stage, shops: &[&str]) -> Result<Judged, Trouble> {
    let mut ledger = stage.world.ledger().await?;
    let history = stage.recorder.history();
    let mut context = context(&stage.recorder, shops);
    context["slackMs"] = (SEEN_WITHIN_MS * i64::from(stage.time_scale())).into();
    note_sendings(stage, &mut ledger);
    for (name, value) in [
        ("ledger.json", &ledger),
        ("history.json", &history),
        ("context.json", &context),
    ] {
        let _ = std::fs::write(stage.file(name), value.to_string());
    }
    let broken = |error: &dyn std::fmt::Display| Trouble::Broken(error.to_string());
    let violations = check(&ledger, &history, &context).map_err(|error| broken(&error))?;
    Ok(Judged {
        violations: violations.iter().map(ToString::to_string).collect(),
        measures: measures(&ledger, &history, &context).map_err(|error| broken(&error))?,
        ledger,
    })
}

/// A request that was held before its effect stands in the ledger at its effect; it was sent when it arrived.
fn note_sendings(stage: &Stage, ledger: &mut Value) {
    let (start, scale) = (stage.world.file.scale_start, i64::from(stage.time_scale()));
    for event in ledger["events"].as_array_mut().into_iter().flatten() {
        if let Some(arrived) = event["arrived_micros"].as_i64() {
            event["sent_at"] = ((start + (arrived - start) * scale) / 1000).into();
        }
    }
}
