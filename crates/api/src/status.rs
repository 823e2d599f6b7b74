//! The status of a Storefront: what was decided (the journal) and what people see.

use crate::bounds;
use crate::conditions::Condition;
use breakwater_core::journal::Journal;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `observedGeneration` of an object that nobody has looked at; absent, kstatus would call it Current.
pub const NOBODY_LOOKED: i64 = -1;

pub(crate) fn nobody_looked() -> i64 {
    NOBODY_LOOKED
}

/// Where the shop stands. It holds no ages and no lag numbers, so that it changes only when something happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorefrontStatus {
    /// The generation of the spec that was looked at; -1: none yet.
    #[serde(default = "nobody_looked")]
    pub observed_generation: i64,
    /// The region where the writer is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_region: Option<String>,
    /// The other one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standby_region: Option<String>,
    /// Counts changes and adoptions of the active region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// The region first in the load balancers, as it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front: Option<String>,
    /// Who decides, as observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// What the votes mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<String>,
    /// One word for the standby: `Ready`, `NotReady`, `Unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standby: Option<String>,
    /// The move in flight in a few words.
    #[serde(default, rename = "move", skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<String>,
    /// A constant for the summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is so, what comes next and by when, what a person could do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::MESSAGE_MAX))]
    pub message: Option<String>,
    /// The votes, each with its since-time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub facts: Vec<FactStatus>,
    /// Why nothing moves by itself now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub refusals: Vec<ReasonStatus>,
    /// Why a move would not go well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub blockers: Vec<BlockerStatus>,
    /// What the nearest promotion still lacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub missing: Vec<String>,
    /// When the trouble about the active region began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble_since: Option<Timestamp>,
    /// Conditions, in a fixed order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// What was decided; written before any call that it announces. Do not edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<Journal>,
}

impl Default for StorefrontStatus {
    fn default() -> Self {
        StorefrontStatus {
            observed_generation: NOBODY_LOOKED,
            active_region: None,
            standby_region: None,
            epoch: None,
            front: None,
            mode: None,
            diagnosis: None,
            standby: None,
            in_flight: None,
            reason: None,
            message: None,
            facts: Vec::new(),
            refusals: Vec::new(),
            blockers: Vec::new(),
            missing: Vec::new(),
            trouble_since: None,
            conditions: Vec::new(),
            journal: None,
        }
    }
}

/// One vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FactStatus {
    /// Whose: `probe(ca-central-1)`, `link`, `proof`.
    pub name: String,
    /// What it says.
    pub vote: String,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReasonStatus {
    /// Its constant, by which a person may override it.
    pub name: String,
    /// Evidence, remedy, and what would end it.
    pub message: String,
}

/// A blocker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockerStatus {
    /// Its constant.
    pub name: String,
    /// Evidence and remedy.
    pub message: String,
    /// Whether it prevents a move, or is a risk only.
    pub prevents: bool,
}
