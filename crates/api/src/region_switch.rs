//! `RegionSwitch`: one request to move, and the record of one move.

use crate::bounds;
use crate::conditions::Condition;
use crate::status::{ReasonStatus, nobody_looked};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::journal::{Loss, MoveKind, MoveOutcome, Phase, PhaseTime, WriteStop};
use breakwater_core::request::Override;
use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One request to move, and the record of one move.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "breakwater.dev",
    version = "v1alpha1",
    kind = "RegionSwitch",
    plural = "regionswitches",
    namespaced,
    shortname = "rsw",
    category = "breakwater",
    status = "RegionSwitchStatus",
    derive = "PartialEq",
    doc = "One request to move a Storefront, and the record of one move.",
    selectable = ".spec.request.storefrontName",
    selectable = ".status.phase",
    selectable = ".status.outcome",
    printcolumn(name = "Storefront", type_ = "string", json_path = ".spec.request.storefrontName"),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.request.type"),
    printcolumn(name = "To", type_ = "string", json_path = ".spec.request.to"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Outcome", type_ = "string", json_path = ".status.outcome"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Requested-By",
        type_ = "string",
        json_path = ".spec.request.requestedBy",
        priority = 1
    ),
    printcolumn(name = "Reason", type_ = "string", json_path = ".spec.request.reason", priority = 1)
)]
#[x_kube(
    validation = bounds::REQUEST_IMMUTABLE.rule(),
    validation = bounds::APPROVAL_ONCE.rule(),
    validation = bounds::ABORT_ONCE.rule()
)]
#[serde(rename_all = "camelCase")]
pub struct RegionSwitchSpec {
    /// What is asked for; immutable as a whole.
    pub request: Request,
    /// A person's consent, given once. Never in Git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Withdraws the request, for good; past the point of no return it has no effect. Never in Git.
    #[serde(default)]
    pub abort: bool,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = bounds::REQUEST_TO.rule(),
    validation = bounds::REQUEST_EPOCH.rule(),
    validation = bounds::REQUEST_WRITE_STOP.rule(),
    validation = bounds::REQUEST_DATA_LOSS.rule(),
    validation = bounds::REQUEST_EXPIRES.rule()
)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The Storefront in the same namespace.
    #[schemars(length(max = bounds::LABEL_MAX), regex(pattern = bounds::NAME))]
    pub storefront_name: String,
    /// What kind of move.
    #[serde(rename = "type")]
    pub kind: MoveKind,
    /// The region to move to; a Drill may do without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::REGION_MAX), regex(pattern = bounds::REGION))]
    pub to: Option<String>,
    /// The epoch that the request was made for: one that was synced again later never runs again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub expected_epoch: Option<i64>,
    /// It starts before this or never.
    #[schemars(length(max = 64), regex(pattern = bounds::OFFSET))]
    pub start_before: Timestamp,
    /// Why.
    #[schemars(length(min = 1, max = bounds::WORDS_MAX))]
    pub reason: String,
    /// Who asks.
    #[schemars(length(min = 1, max = bounds::ACTOR_MAX))]
    pub requested_by: String,
    /// Refusals that the requester overrides, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "set"))]
    pub overrides: Vec<Override>,
    /// Switchover: longest time without writes before the promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 30, max = 3600))]
    pub max_write_stop_seconds: Option<i32>,
    /// Failover: the loss that the requester accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub allow_data_loss_seconds: Option<i32>,
    /// TrafficShift: when the order of pools goes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = bounds::OFFSET))]
    pub expires_at: Option<Timestamp>,
}

/// A person's consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Who.
    #[schemars(length(min = 1, max = bounds::ACTOR_MAX))]
    pub by: String,
    /// In their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::WORDS_MAX))]
    pub note: Option<String>,
}

/// How far the move has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionSwitchStatus {
    /// The generation that was looked at; -1: none yet.
    #[serde(default = "nobody_looked")]
    pub observed_generation: i64,
    /// The phase now; absent once the move has ended, all of them are in `steps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// How it ended; absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<MoveOutcome>,
    /// The move's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// When each phase began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<PhaseTime>,
    /// What it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<MoveEvidence>,
    /// What it may lose, with its terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// Of a Switchover: how the old writer's writes end, and how long the shop may be without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_stop: Option<WriteStop>,
    /// What was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<MoveTimes>,
    /// What stands against the request, while it waits or at its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub refusals: Vec<ReasonStatus>,
    /// What is so, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::MESSAGE_MAX))]
    pub message: Option<String>,
    /// `Reconciling` while open, then `Ready` (completed) or `Stalled` (any other end).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// What a move rests on: its diagnosis and the identities that it copied at its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MoveEvidence {
    /// Why.
    pub diagnosis: Diagnosis,
    /// Whether the controller decided it by itself.
    pub automatic: bool,
    /// The region that was active.
    pub from: String,
    /// RDS instance there.
    pub from_instance: String,
    /// RDS instance that takes over.
    pub to_instance: String,
    /// The first Down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_down: Option<Timestamp>,
}

/// What was measured of a move.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MoveTimes {
    /// When the phase should be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// When the promotion first showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted_at: Option<Timestamp>,
    /// When the name was seen repointed and in sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repointed_at: Option<Timestamp>,
    /// When the new writer was first seen to take writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// From the first Down to the first verified write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto_seconds: Option<i64>,
    /// Of a Switchover: from `read_only=1` on the old writer to the first verified write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_pause_seconds: Option<i64>,
}
