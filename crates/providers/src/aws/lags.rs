//! `GetMetricData`: what CloudWatch has about replicas, many at once.

use super::{Aws, send, wire::Wire};
use crate::fault::Fault;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode};
use aws_smithy_types::DateTime;
use breakwater_core::Text;
use breakwater_core::reading::{Cause, LagView, Seen};
use breakwater_core::shop::Scope;
use breakwater_core::time::{Now, after, before};
use jiff::Timestamp;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// A metric of a replica's own, published whatever its replication does.
const OTHER_METRIC: &str = "CPUUtilization";

/// Ids of one request: two queries each, and GetMetricData takes 500.
const BATCH: usize = 250;

/// Samples come once a minute.
const PERIOD: i32 = 60;

/// CloudWatch rounds a start down, by up to an hour for times long gone (CloudWatch API reference, GetMetricData).
const ROUNDING: Duration = Duration::from_secs(3600);

/// A result that does not end is not one.
const MOST_PAGES: usize = 50;

impl Aws {
    /// One view for each id, in their order.
    pub(crate) async fn lags(
        &self,
        now: Now,
        cause: Cause,
        scope: &Scope,
        ids: &[Text],
        back: Duration,
    ) -> Vec<Seen<LagView>> {
        let asked = Instant::now();
        let mut views = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            match self.metrics(now.wall, cause, &scope.region, batch, back).await {
                Ok(results) => views.extend((0..batch.len()).map(|index| view(&results, index))),
                Err(fault) => views.extend(batch.iter().map(|_| self.seen(&scope.region, asked, &fault))),
            }
        }
        views
    }

    async fn metrics(
        &self,
        wall: Timestamp,
        cause: Cause,
        region: &Text,
        ids: &[Text],
        back: Duration,
    ) -> Result<HashMap<String, Series>, Fault> {
        let (lane, credentials) = self.signed(region).await?;
        let queries: Vec<MetricDataQuery> = ids
            .iter()
            .enumerate()
            .flat_map(|(index, id)| {
                [
                    query(&lag_id(index), "ReplicaLag", id),
                    query(&other_id(index), OTHER_METRIC, id),
                ]
            })
            .collect();
        // The minute that has begun counts too: CloudWatch leaves out what starts at the end or later.
        let (start, end) = (before(wall, back), after(wall, Duration::from_secs(60)));
        let asked_for = before(start, ROUNDING)..=end;
        let mut results = HashMap::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let operation = lane
                .cloudwatch
                .get_metric_data()
                .set_metric_data_queries(Some(queries.clone()))
                .start_time(stamp(start))
                .end_time(stamp(end))
                .scan_by(ScanBy::TimestampDescending)
                .set_next_token(token.clone());
            let asked = send!(
                Wire::asking(cause),
                aws_sdk_cloudwatch,
                credentials,
                self.base.read_timeout(),
                operation
            );
            let answer = self.learn(&lane, &self.role, asked)?;
            let Some(page) = answer.metric_data_results else {
                return Err(Fault::malformed("GetMetricData answered without results"));
            };
            page.iter()
                .try_for_each(|result| add(&mut results, result, &asked_for))?;
            match answer.next_token.filter(|next| !next.is_empty()) {
                None => return Ok(results),
                Some(next) if token.as_ref() == Some(&next) => break,
                Some(next) => token = Some(next),
            }
        }
        Err(Fault::malformed("GetMetricData does not come to an end"))
    }
}

/// One metric's samples from all pages.
#[derive(Default)]
struct Series {
    samples: Vec<(Timestamp, f64)>,
    /// What the newest page says of it; on the way `PartialData`.
    complete: bool,
    failed: bool,
}

fn lag_id(index: usize) -> String {
    format!("lag{index}")
}

fn other_id(index: usize) -> String {
    format!("other{index}")
}

fn query(id: &str, metric: &str, instance: &str) -> MetricDataQuery {
    let dimension = Dimension::builder()
        .name("DBInstanceIdentifier")
        .value(instance)
        .build();
    let metric = Metric::builder()
        .namespace("AWS/RDS")
        .metric_name(metric)
        .dimensions(dimension)
        .build();
    // The greatest value of a minute: an average would hide the worst.
    let stat = MetricStat::builder()
        .metric(metric)
        .period(PERIOD)
        .stat("Maximum")
        .build();
    MetricDataQuery::builder()
        .id(id)
        .metric_stat(stat)
        .return_data(true)
        .build()
}

fn stamp(at: Timestamp) -> DateTime {
    DateTime::from_secs(at.as_second())
}

/// A sample that nobody asked for is not left out but spoils the answer: left out it would look like a gap, which
/// means something, and one from the future would hide a loss.
fn add(
    results: &mut HashMap<String, Series>,
    result: &MetricDataResult,
    asked_for: &RangeInclusive<Timestamp>,
) -> Result<(), Fault> {
    let Some(id) = result.id() else {
        return Err(Fault::malformed(
            "GetMetricData answered with a result that names no query",
        ));
    };
    if result.timestamps().len() != result.values().len() {
        return Err(Fault::malformed(
            "GetMetricData answered with stamps and values that do not match",
        ));
    }
    let series = results.entry(id.to_owned()).or_default();
    match result.status_code() {
        Some(StatusCode::Complete) => series.complete = true,
        Some(StatusCode::PartialData) | None => series.complete = false,
        Some(_) => series.failed = true,
    }
    for (at, value) in result.timestamps().iter().zip(result.values()) {
        let at = Timestamp::new(at.secs(), 0).ok().filter(|at| asked_for.contains(at));
        let Some(at) = at else {
            return Err(Fault::malformed(
                "GetMetricData answered with a sample from another time",
            ));
        };
        if value.is_finite() {
            series.samples.push((at, *value));
        }
    }
    Ok(())
}

/// What the results say about one replica. No sample is no sample: absence is never zero.
fn view(results: &HashMap<String, Series>, index: usize) -> Seen<LagView> {
    let (Some(lag), Some(other)) = (results.get(&lag_id(index)), results.get(&other_id(index))) else {
        return Fault::malformed("GetMetricData left out a metric that was asked for").seen();
    };
    if lag.failed || other.failed {
        return Fault::Server("GetMetricData could not read the metric".into()).seen();
    }
    if !lag.complete || !other.complete {
        return Fault::malformed("GetMetricData ended before all samples had come").seen();
    }
    let mut samples = lag.samples.clone();
    samples.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    samples.dedup_by_key(|(at, _)| *at);
    Seen::Present(LagView {
        samples,
        newest_other: other.samples.iter().map(|(at, _)| *at).max(),
    })
}

#[cfg(test)]
#[path = "lags_tests.rs"]
mod tests;
