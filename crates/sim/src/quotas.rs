//! Quotas of AWS: token buckets for each action of an account and region, and what was asked how often.

use crate::rds::error;
use crate::request::{Answer, Millis, RdsOp, Request, Vantage};
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How often an operation was asked by the controller, and how often it was told that this was too often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Requests that arrived.
    pub asked: u64,
    /// Answered 429 or with a throttling code.
    pub throttled: u64,
    /// Answered 401 or 403.
    pub denied: u64,
}

/// So many at once, then so many a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    since: Millis,
}

impl Bucket {
    fn new(burst: f64, now: Millis) -> Bucket {
        Bucket {
            tokens: burst,
            since: now,
        }
    }

    /// Takes a token, if there is one.
    fn take(&mut self, now: Millis, (burst, per_second): (f64, f64)) -> bool {
        let passed = (now - self.since) as f64 / 1000.0;
        self.tokens = (self.tokens + passed * per_second).min(burst);
        self.since = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

impl World {
    /// `Throttling`, if the bucket of this action in this region is empty. Route 53 and Cloudflare count for themselves.
    pub(crate) fn over_quota(&mut self, request: &Request) -> Option<Answer> {
        let timing = &self.setup.timing;
        let (region, rates) = match request {
            Request::Rds { region, op } => {
                let rates = match op {
                    RdsOp::DescribeInstances { .. } | RdsOp::DescribeParameters { .. } => timing.rds_reads,
                    RdsOp::PromoteReadReplica { .. }
                    | RdsOp::ModifyParameter { .. }
                    | RdsOp::StopInstance { .. }
                    | RdsOp::StartInstance { .. }
                    | RdsOp::AddTags { .. }
                    | RdsOp::RemoveTags { .. }
                    | RdsOp::CopyGroup { .. }
                    | RdsOp::CreateReadReplica { .. } => timing.rds_calls,
                };
                (region, rates)
            }
            Request::CloudWatch { region, .. } => (region, timing.metric_reads),
            Request::Route53 { .. } | Request::Sts { .. } | Request::Cloudflare { .. } | Request::Http { .. } => {
                return None;
            }
        };
        let now = self.now;
        let bucket = self
            .buckets
            .entry((region.clone(), request.op()))
            .or_insert_with(|| Bucket::new(rates.0, now));
        (!bucket.take(now, rates)).then(|| error(400, "Throttling", "Rate exceeded"))
    }

    /// Counts what the controller asked.
    pub(crate) fn count(&mut self, from: Vantage, request: &Request, answer: &Answer, arrived: bool) {
        if from != Vantage::Controller || !arrived {
            return;
        }
        let tally = self.tallies.entry((request.api().name(), request.op())).or_default();
        tally.asked += 1;
        match answer {
            Answer::Error { status: 429, .. } => tally.throttled += 1,
            Answer::Error { code, .. } if code == "Throttling" => tally.throttled += 1,
            Answer::Error { status: 401 | 403, .. } => tally.denied += 1,
            _ => {}
        }
    }

    /// What the controller asked so far, by API and operation.
    pub fn tallies(&self) -> &BTreeMap<(&'static str, &'static str), Tally> {
        &self.tallies
    }
}
