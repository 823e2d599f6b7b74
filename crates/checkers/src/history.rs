//! The journal history, as far as the rules need it.

use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One stored journal entry.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Entry {
    pub at: i64,
    pub shop: String,
    pub holder: String,
    #[serde(default)]
    pub lease: Option<Lease>,
    /// Not written by a controller: an older status was put back, as a restored backup does.
    #[serde(default)]
    pub restored: bool,
    /// It arrived after its sender had given up on it, or was dead.
    #[serde(default)]
    pub late: bool,
    pub journal: Journal,
    /// What people saw, where the run recorded it.
    #[serde(default)]
    pub status: Option<Status>,
}

/// What people see, as far as it is judged.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Status {
    pub diagnosis: String,
    #[serde(default)]
    pub facts: Vec<Fact>,
    #[serde(default)]
    pub refusals: Vec<String>,
    #[serde(default)]
    pub missing: Vec<Lack>,
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// A vote: `edge(ca-central-1)`, `Down`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Fact {
    pub name: String,
    pub vote: String,
}

/// One thing that the nearest promotion lacks.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Lack {
    pub name: String,
    /// Of `NotBefore`, where that is known.
    pub until: Option<Timestamp>,
    /// Of `RefusalGone`.
    pub refusal: Option<String>,
}

/// A condition.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub message: String,
}

/// The lease as it stood when the entry was written.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Lease {
    pub holder: String,
    pub until: i64,
}

/// The journal.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Journal {
    pub active_region: Option<String>,
    #[serde(default)]
    pub epoch: i64,
    pub front: Option<String>,
    pub excluded: Option<String>,
    #[serde(rename = "move")]
    pub current: Option<Move>,
    #[serde(default)]
    pub last_number: i64,
    #[serde(default)]
    pub obligations: Vec<Obligation>,
    pub adopting_since: Option<Timestamp>,
    pub name_epoch: Option<i64>,
    pub cool_down_until: Option<Timestamp>,
    pub shift: Option<Shift>,
    /// What stands in the place of a region's instance.
    #[serde(default)]
    pub instances: BTreeMap<String, Successor>,
    /// The standby that is being made.
    pub rebuild: Option<Rebuild>,
    /// Former writers whose place was taken.
    #[serde(default)]
    pub retired: Vec<Retired>,
}

/// A person's order of pools.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shift {
    pub front: String,
    pub until: Timestamp,
    pub outcome: Option<MoveOutcome>,
}

/// A rebuilt standby in its place.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Successor {
    pub instance: String,
}

/// A standby in the making.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Rebuild {
    pub region: String,
    pub instance: String,
    pub group: String,
}

/// A former writer.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Retired {
    pub region: String,
    pub instance: String,
}

/// The move in flight, or the last one.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Move {
    pub number: i64,
    #[serde(rename = "type")]
    pub kind: MoveKind,
    pub from: String,
    pub to: String,
    #[serde(default)]
    pub from_instance: Option<String>,
    pub to_instance: String,
    pub diagnosis: String,
    pub automatic: bool,
    pub phase: Phase,
    pub first_down: Option<Timestamp>,
    pub loss: Option<Loss>,
    pub licence: Option<Licence>,
    pub promoted_at: Option<Timestamp>,
    pub verified_at: Option<Timestamp>,
    pub outcome: Option<MoveOutcome>,
    pub request: Option<Asked>,
}

/// A person's request behind a move.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked {
    #[serde(default)]
    pub overrides: Vec<String>,
}

impl Move {
    /// Whether a person has accepted this refusal.
    pub(crate) fn overrides(&self, refusal: &str) -> bool {
        let asked = self.request.as_ref();
        asked.is_some_and(|asked| asked.overrides.iter().any(|name| name == refusal))
    }
}

/// Kinds of moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum MoveKind {
    Failover,
    Switchover,
    TrafficShift,
    Drill,
    Adopt,
}

/// Phases of a move, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) enum Phase {
    Requested,
    Preparing,
    Excluding,
    Promoting,
    Repointing,
    Verifying,
    Holding,
}

/// Ends of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum MoveOutcome {
    Completed,
    RolledBack,
    Refused,
    Expired,
    Aborted,
}

/// The loss estimate.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Loss {
    pub writes_stopped: Timestamp,
    pub seconds: i64,
}

/// What allows one promotion to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Licence {
    pub at: Timestamp,
    pub by: String,
}

/// What is owed.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Obligation {
    pub kind: ObligationKind,
    pub region: String,
}

/// Kinds of obligations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum ObligationKind {
    FenceFormerWriter,
    Unfence,
    RebuildStandby,
}

impl Journal {
    pub(crate) fn in_flight(&self) -> Option<&Move> {
        self.current.as_ref().filter(|current| current.outcome.is_none())
    }

    pub(crate) fn owes(&self, kind: ObligationKind, region: &str) -> bool {
        self.obligations
            .iter()
            .any(|owed| owed.kind == kind && owed.region == region)
    }

    /// Whether a person asked for the move that this journal is about.
    pub(crate) fn requested_by_a_person(&self) -> bool {
        self.current.as_ref().is_some_and(|current| !current.automatic)
    }
}

impl Move {
    pub(crate) fn rolled_back(&self) -> bool {
        match self.outcome {
            Some(MoveOutcome::RolledBack) => true,
            Some(MoveOutcome::Completed | MoveOutcome::Refused | MoveOutcome::Expired | MoveOutcome::Aborted)
            | None => false,
        }
    }
}
