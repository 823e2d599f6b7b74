//! `spec.failover` of a Storefront: how and when to move.

use crate::bounds;
use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bounds of the fields in seconds, by name: the schema and `parse` share them.
pub mod range {
    /// Lowest and greatest value.
    pub type Range = (i32, i32);
    /// `priority`.
    pub const PRIORITY: Range = (-1000, 1000);
    /// `maxLossSeconds`.
    pub const MAX_LOSS: Range = (0, 86_400);
    /// `intervalSeconds`.
    pub const INTERVAL: Range = (2, 300);
    /// `timeoutSeconds`.
    pub const TIMEOUT: Range = (1, 60);
    /// `shiftAfterSeconds`.
    pub const SHIFT_AFTER: Range = (6, 3600);
    /// `promoteAfterSeconds`.
    pub const PROMOTE_AFTER: Range = (6, 86_400);
    /// `databaseGraceSeconds`.
    pub const DATABASE_GRACE: Range = (6, 86_400);
    /// `routineGraceSeconds`.
    pub const ROUTINE_GRACE: Range = (60, 604_800);
    /// `returnAfterSeconds`.
    pub const RETURN_AFTER: Range = (10, 604_800);
    /// `coolDownSeconds`.
    pub const COOL_DOWN: Range = (0, 604_800);
    /// `writerRecord.ttlSeconds`.
    pub const TTL: Range = (1, 3600);
    /// `objectives.rtoSeconds`.
    pub const RTO: Range = (1, 604_800);
    /// `objectives.rpoSeconds`.
    pub const RPO: Range = (0, 604_800);
}

/// How and when to move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = bounds::TIMEOUT_BELOW_INTERVAL.rule(),
    validation = bounds::SHIFT_AFTER_INTERVALS.rule(),
    validation = bounds::PROMOTE_AFTER_SHIFT.rule(),
    validation = bounds::DATABASE_GRACE.rule()
)]
#[serde(rename_all = "camelCase")]
pub struct FailoverSpec {
    /// Who decides: `Observe` touches nothing, `Approve` files a request and waits for a person, `Automatic` moves.
    #[serde(default)]
    pub mode: ModeSpec,
    /// Order in queues; greater goes first.
    #[serde(default)]
    #[schemars(range(min = range::PRIORITY.0, max = range::PRIORITY.1))]
    pub priority: i32,
    /// Greatest loss, as estimated, that a move may accept by itself.
    #[serde(default = "default_max_loss")]
    #[schemars(range(min = range::MAX_LOSS.0, max = range::MAX_LOSS.1))]
    pub max_loss_seconds: i32,
    /// Time between two probes of a service.
    #[serde(default = "default_interval")]
    #[schemars(range(min = range::INTERVAL.0, max = range::INTERVAL.1))]
    pub interval_seconds: i32,
    /// Time-out of a probe.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = range::TIMEOUT.0, max = range::TIMEOUT.1))]
    pub timeout_seconds: i32,
    /// How long services are out before the order of pools changes.
    #[serde(default = "default_shift_after")]
    #[schemars(range(min = range::SHIFT_AFTER.0, max = range::SHIFT_AFTER.1))]
    pub shift_after_seconds: i32,
    /// How long a region is gone before the other one is promoted.
    #[serde(default = "default_promote_after")]
    #[schemars(range(min = range::PROMOTE_AFTER.0, max = range::PROMOTE_AFTER.1))]
    pub promote_after_seconds: i32,
    /// How long a database is gone before the other one is promoted: longer than a recovery in the region takes.
    #[serde(default = "default_database_grace")]
    #[schemars(range(min = range::DATABASE_GRACE.0, max = range::DATABASE_GRACE.1))]
    pub database_grace_seconds: i32,
    /// How long a routine state of RDS may last before somebody is told.
    #[serde(default = "default_routine_grace")]
    #[schemars(range(min = range::ROUTINE_GRACE.0, max = range::ROUTINE_GRACE.1))]
    pub routine_grace_seconds: i32,
    /// How long a region is well again before traffic comes back to it.
    #[serde(default = "default_return_after")]
    #[schemars(range(min = range::RETURN_AFTER.0, max = range::RETURN_AFTER.1))]
    pub return_after_seconds: i32,
    /// How long no automatic move follows a move.
    #[serde(default = "default_cool_down")]
    #[schemars(range(min = range::COOL_DOWN.0, max = range::COOL_DOWN.1))]
    pub cool_down_seconds: i32,
    /// Times in which nothing moves by itself.
    #[serde(default)]
    #[schemars(
        length(max = bounds::FREEZES_MAX),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub freezes: Vec<FreezeSpec>,
}

/// Who decides about a move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ModeSpec {
    /// Diagnose, record what would have been done, touch nothing.
    #[default]
    Observe,
    /// File a request and wait for a person.
    Approve,
    /// Move.
    Automatic,
}

/// A time in which nothing moves by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = bounds::FREEZE_ORDER.rule())]
#[serde(rename_all = "camelCase")]
pub struct FreezeSpec {
    /// Its name, for messages.
    #[schemars(length(max = bounds::LABEL_MAX), regex(pattern = bounds::LABEL))]
    pub name: String,
    /// First instant.
    #[schemars(length(max = 64), regex(pattern = bounds::OFFSET))]
    pub from: Timestamp,
    /// First instant after it.
    #[schemars(length(max = 64), regex(pattern = bounds::OFFSET))]
    pub until: Timestamp,
}

impl Default for FailoverSpec {
    fn default() -> Self {
        FailoverSpec {
            mode: ModeSpec::default(),
            priority: 0,
            max_loss_seconds: default_max_loss(),
            interval_seconds: default_interval(),
            timeout_seconds: default_timeout(),
            shift_after_seconds: default_shift_after(),
            promote_after_seconds: default_promote_after(),
            database_grace_seconds: default_database_grace(),
            routine_grace_seconds: default_routine_grace(),
            return_after_seconds: default_return_after(),
            cool_down_seconds: default_cool_down(),
            freezes: Vec::new(),
        }
    }
}

/// Measured in a model: with monitors of 60 s this refuses no clean loss of a region or a database.
fn default_max_loss() -> i32 {
    300
}

fn default_interval() -> i32 {
    10
}

fn default_timeout() -> i32 {
    3
}

fn default_shift_after() -> i32 {
    40
}

fn default_promote_after() -> i32 {
    120
}

/// RDS docs: a Multi-AZ failover takes one to two minutes, and crash recovery more.
fn default_database_grace() -> i32 {
    300
}

fn default_routine_grace() -> i32 {
    1800
}

fn default_return_after() -> i32 {
    600
}

fn default_cool_down() -> i32 {
    3600
}
