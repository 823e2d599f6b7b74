//! Conditions: `metav1.Condition`, and when a transition time moves.

use crate::bounds;
use breakwater_core::report::{self, ConditionStatus};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The names of conditions.
pub mod kind {
    /// This generation was observed, and what should hold is held.
    pub const READY: &str = "Ready";
    /// A bounded move is in flight, or a request waits for a person.
    pub const RECONCILING: &str = "Reconciling";
    /// A person must act.
    pub const STALLED: &str = "Stalled";
    /// A failover would happen by itself.
    pub const PROTECTED: &str = "Protected";
    /// No blocker prevents a good move.
    pub const STANDBY_READY: &str = "StandbyReady";
    /// The active region is well.
    pub const ACTIVE_REGION_HEALTHY: &str = "ActiveRegionHealthy";
    /// A move is in flight.
    pub const MOVE_IN_FLIGHT: &str = "MoveInFlight";
    /// A former writer is not fenced yet.
    pub const FENCE_REQUIRED: &str = "FenceRequired";
}

/// The reasons that this crate gives; all others are core's.
pub mod reason {
    /// The spec breaks a rule.
    pub const SPEC_INVALID: &str = "SpecInvalid";
    /// The class is not there.
    pub const CLASS_MISSING: &str = "ClassMissing";
    /// The class does not admit this namespace.
    pub const CLASS_NOT_ALLOWED: &str = "ClassNotAllowed";
}

/// One aspect of an object's state, as Kubernetes writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Which aspect.
    #[serde(rename = "type")]
    #[schemars(length(max = 316))]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    #[schemars(length(max = 7), extend("enum" = ["True", "False", "Unknown"]))]
    pub status: String,
    /// The generation it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When the status last changed.
    pub last_transition_time: Timestamp,
    /// A constant.
    #[schemars(length(min = 1, max = bounds::REASON_MAX))]
    pub reason: String,
    /// What is so, what comes next, what to do.
    #[schemars(length(max = bounds::MESSAGE_MAX))]
    pub message: String,
}

/// A condition before it has a generation and a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// Which aspect.
    pub kind: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// A constant.
    pub reason: String,
    /// What is so, what comes next, what to do.
    pub message: String,
}

impl Fresh {
    /// A condition in words.
    #[must_use]
    pub fn new(kind: &str, status: ConditionStatus, reason: &str, message: &str) -> Self {
        Fresh {
            kind: kind.to_owned(),
            status,
            reason: reason.to_owned(),
            message: message.to_owned(),
        }
    }
}

impl From<&report::Condition> for Fresh {
    fn from(condition: &report::Condition) -> Self {
        Fresh::new(condition.kind, condition.status, condition.reason, &condition.message)
    }
}

/// Dates conditions: the transition time of one that kept its status is the previous one's. A type that comes
/// twice is taken once, the first of them: the API server would refuse the whole status otherwise.
#[must_use]
pub fn stamp(
    fresh: impl IntoIterator<Item = Fresh>,
    previous: &[Condition],
    generation: i64,
    now: Timestamp,
) -> Vec<Condition> {
    let mut stamped: Vec<Condition> = Vec::new();
    for condition in fresh {
        if stamped.iter().any(|other| other.kind == condition.kind) {
            continue;
        }
        let status = condition.status.name();
        let since = previous
            .iter()
            .find(|old| old.kind == condition.kind && old.status == status)
            .map_or_else(|| whole_seconds(now), |old| old.last_transition_time);
        stamped.push(Condition {
            kind: condition.kind,
            status: status.to_owned(),
            observed_generation: Some(generation),
            last_transition_time: since,
            reason: bounded(&condition.reason, bounds::REASON_MAX),
            message: bounded(&condition.message, bounds::SHOWN_MAX),
        });
    }
    stamped
}

/// Kubernetes writes the times of conditions in whole seconds.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// At most `max` characters; what was cut shows. A text that is too long would have the whole status refused.
pub(crate) fn bounded(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(max.saturating_sub(1)).collect();
    cut.push('…');
    cut
}
