//! The summary: measured from the world's ledger and the journals, judged by the checkers.

use super::Scenario;
use crate::Trouble;
use breakwater_checkers::{Measures, check, measures};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// With proofs the estimate may exceed the true loss by this much, beside the time to notice that writes stopped.
const SHARP_SECONDS: f64 = 30.0;
/// Our own part of a failover, real time, above which something of ours is wrong: 130 to 240 ms on a quiet machine, some
/// more where others keep it busy.
const OVERHEAD_AT_MOST_MS: f64 = 1000.0;

/// What a scenario noted on its way.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub(super) diagnosis: Option<String>,
    pub(super) expected: Option<String>,
    pub(super) alert: String,
    pub(super) promotions_during: Option<u64>,
    /// In `us-east-1-down`: before a person overrode.
    pub(super) promotions_before: Option<u64>,
    /// In `switchover`: what the request says at its end.
    pub(super) planned: Option<Planned>,
}

/// The end of a planned move, as its RegionSwitch says it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// `status.outcome`.
    pub outcome: String,
    /// `status.message`.
    pub message: String,
    /// `status.times.writePauseSeconds`.
    pub write_pause_seconds: Option<i64>,
}

/// The summary of a run; also written as JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// What was played.
    pub scenario: String,
    /// Whether all of it held.
    pub passed: bool,
    /// What did not hold.
    pub failures: Vec<String>,
    /// Scaled seconds in a real one.
    pub time_scale: u32,
    /// How long the run took, real seconds.
    pub wall_seconds: f64,
    /// From the fault to the move's first entry.
    pub detection_seconds: Option<f64>,
    /// From the promotion's sending to a writable instance.
    pub provider_seconds: Option<f64>,
    /// Our own part, real milliseconds.
    pub own_overhead_ms: Option<f64>,
    /// From a writable instance to our noticing it.
    pub poll_wait_seconds: Option<f64>,
    /// From the first Down to the first verified write.
    pub rto_seconds: Option<f64>,
    /// Orders acknowledged and absent afterwards.
    pub orders_lost: u64,
    /// Of these, those that jobs in the returned region placed on the former writer.
    pub orders_on_former_writer: u64,
    /// What was lost in truth.
    pub loss_seconds_true: Option<f64>,
    /// What the journal said at most.
    pub loss_seconds_estimate: Option<f64>,
    /// How long two instances took writes.
    pub two_writers_seconds: f64,
    /// Users sent to the former writer's region.
    pub users_on_former_writer: u64,
    /// Promotions sent; in `partition` while it lasted.
    pub promotions: u64,
    /// In `partition`: promotions after it healed and the region died.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promotions_after_heal: Option<u64>,
    /// In `us-east-1-down`: promotions before a person overrode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promotions_before_override: Option<u64>,
    /// In `switchover`: how it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned: Option<Planned>,
    /// Orders that shoppers did not get acknowledged.
    pub orders_refused: u64,
    /// In `partition`: what was diagnosed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<String>,
    /// In `partition`: the event that told people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alert: String,
    /// Calls that change the world, by provider.
    pub calls: BTreeMap<String, u64>,
    /// Each move by itself.
    pub moves: Value,
}

/// Promotions sent up to now.
pub(super) fn promotions(ledger: &Value, history: &Value, context: &Value) -> Result<u64, Trouble> {
    measured(ledger, history, context).map(|measures| measures.promotions)
}

fn measured(ledger: &Value, history: &Value, context: &Value) -> Result<Measures, Trouble> {
    measures(ledger, history, context).map_err(|error| Trouble::Broken(error.to_string()))
}

impl Summary {
    /// Measures and judges a run.
    ///
    /// # Errors
    /// When ledger or history cannot be read.
    pub(super) fn of(
        scenario: Scenario,
        time_scale: u32,
        ledger: &Value,
        history: &Value,
        context: &Value,
        notes: &Notes,
        took: Duration,
    ) -> Result<Summary, Trouble> {
        let mut context = context.clone();
        // The recorder sees an entry when its watch does.
        context["slackMs"] = (500 * i64::from(time_scale)).into();
        let violations = check(ledger, history, &context).map_err(|error| Trouble::Broken(error.to_string()))?;
        let measures = measured(ledger, history, &context)?;
        let mut failures: Vec<String> = violations.iter().map(|violation| violation.to_string()).collect();
        failures.extend(promises(scenario, &measures, notes));
        let during = notes.promotions_during;
        Ok(Summary {
            scenario: scenario.name().to_owned(),
            passed: failures.is_empty(),
            failures,
            time_scale,
            wall_seconds: took.as_secs_f64(),
            detection_seconds: measures.detection_seconds,
            provider_seconds: measures.provider_seconds,
            own_overhead_ms: measures.own_overhead_ms,
            poll_wait_seconds: measures.poll_wait_seconds,
            rto_seconds: measures.rto_seconds,
            orders_lost: measures.orders_lost,
            orders_on_former_writer: measures.moves.iter().map(|m| m.orders_on_former_writer).sum(),
            loss_seconds_true: measures.loss_seconds_true,
            loss_seconds_estimate: measures.loss_seconds_estimate,
            two_writers_seconds: measures.two_writers_seconds,
            users_on_former_writer: measures.users_on_former_writer,
            promotions: during.unwrap_or(measures.promotions),
            promotions_after_heal: during.map(|during| measures.promotions - during),
            promotions_before_override: notes.promotions_before,
            planned: notes.planned.clone(),
            orders_refused: orders_refused(ledger),
            diagnosis: notes.diagnosis.clone(),
            alert: notes.alert.clone(),
            moves: serde_json::to_value(&measures.moves).unwrap_or(Value::Null),
            calls: measures.calls,
        })
    }
}

/// Orders that shoppers tried to place and did not get acknowledged.
fn orders_refused(ledger: &Value) -> u64 {
    let meetings = ledger["meetings"].as_array().into_iter().flatten();
    meetings.filter_map(|meeting| meeting["refused"].as_u64()).sum()
}

/// What the run promises beyond the invariants.
fn promises(scenario: Scenario, measures: &Measures, notes: &Notes) -> Vec<String> {
    let mut broken = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            broken.push(what);
        }
    };
    let moved: Vec<&str> = measures.moves.iter().map(|m| m.shop.as_str()).collect();
    let wanted: Vec<String> = scenario.moving().iter().map(|shop| format!("shops/{shop}")).collect();
    expect(
        wanted.iter().all(|shop| moved.contains(&shop.as_str())) && moved.len() == wanted.len(),
        format!("exactly {wanted:?} should move, {moved:?} did"),
    );
    expect(
        measures.promotions == wanted.len() as u64,
        format!("{} promotions were sent", measures.promotions),
    );
    expect(
        measures.users_on_former_writer == 0,
        format!(
            "{} users met the former writer's region",
            measures.users_on_former_writer
        ),
    );
    expect(
        measures.own_overhead_ms.is_none_or(|ms| ms <= OVERHEAD_AT_MOST_MS),
        format!("our own overhead was {:?} ms", measures.own_overhead_ms),
    );
    if scenario == Scenario::Switchover {
        let ended = notes.planned.as_ref();
        expect(
            measures.orders_lost == 0,
            format!("{} orders were lost", measures.orders_lost),
        );
        expect(
            ended.is_some_and(|ended| ended.outcome == "Completed" && ended.message.contains("Nothing was lost")),
            format!("the request says {ended:?}"),
        );
        expect(
            ended.is_some_and(|ended| ended.write_pause_seconds.is_some()),
            "the write pause was not measured".to_owned(),
        );
        return broken;
    }
    for m in &measures.moves {
        let (Some(truth), Some(estimate)) = (m.loss_seconds_true, m.loss_seconds_estimate) else {
            expect(false, format!("{}: loss not measured", m.shop));
            continue;
        };
        expect(
            truth <= estimate,
            format!("{}: {truth} s lost, {estimate} s estimated", m.shop),
        );
        let late = m.writes_stopped_late_seconds.unwrap_or(0.0).max(0.0);
        let sharp = m.shop != "shops/shop-ca" || estimate <= truth + SHARP_SECONDS + late;
        expect(
            sharp,
            format!(
                "{}: the estimate of {estimate} s is not sharp ({truth} s true, {late} s late)",
                m.shop
            ),
        );
    }
    if scenario == Scenario::UsEast1Down {
        expect(
            notes.promotions_before == Some(0),
            format!("{:?} promotions before a person overrode", notes.promotions_before),
        );
        expect(
            notes.diagnosis.as_deref() == Some("RegionDown"),
            format!("diagnosis {:?} instead of RegionDown", notes.diagnosis),
        );
    }
    if let Some(expected) = &notes.expected {
        expect(
            notes.promotions_during == Some(0),
            format!("{:?} promotions while it lasted", notes.promotions_during),
        );
        expect(
            notes.diagnosis.as_ref() == Some(expected),
            format!("diagnosis {:?} instead of {expected}", notes.diagnosis),
        );
        expect(!notes.alert.is_empty(), "nobody was told".to_owned());
    }
    broken
}
