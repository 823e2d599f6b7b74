//! `ObjectivesMet`: what a failover would take and lose, against what the spec promises.

use super::condition;
use crate::decision::Decision;
use crate::plan::{Input, Verdict};
use crate::report::{Condition, ConditionStatus, words};

pub(super) fn objectives_met(input: &Input<'_>, decision: &Decision) -> Condition {
    let kind = "ObjectivesMet";
    let Some(forecast) = &decision.forecast else {
        return condition(
            kind,
            ConditionStatus::Unknown,
            "UnknownActive",
            "the active region is not known".into(),
        );
    };
    let shop = input.shop;
    let (status, reason) = match forecast.rto_verdict.max(forecast.rpo_verdict) {
        Verdict::Met => (ConditionStatus::True, "WithinObjectives"),
        Verdict::Unknown => (ConditionStatus::Unknown, "LagUnknown"),
        Verdict::MayBeMissed => (ConditionStatus::Unknown, "MayBeMissed"),
        Verdict::Missed => (ConditionStatus::False, "ObjectiveMissed"),
    };
    let message = format!(
        "{}; rtoSeconds is {}. It loses at most the replica's lag, estimated with up to {} on top; rpoSeconds is {}",
        words::takes(forecast),
        words::length(shop.rto_objective),
        words::length(forecast.beyond_lag),
        words::length(shop.rpo_objective),
    );
    condition(kind, status, reason, message.into())
}
