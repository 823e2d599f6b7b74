//! What `plan` answers: a step has no choices left.

use crate::Text;
use crate::diagnosis::Diagnosis;
use crate::facts::Facts;
use crate::journal::{Journal, SteeringMap};
use crate::outcome::Outcome;
use crate::pacing::Attention;
use crate::plan::Forecast;
use crate::reading::{Query, RecordSet, Shape};
use crate::refusal::{Blocker, Refusal};
use crate::request::Answer;
use crate::shop::Scope;
use crate::time::Now;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// The answer of `plan`.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What the facts mean.
    pub diagnosis: Diagnosis,
    /// The facts it rests on; `None` while the active region is unknown.
    pub facts: Option<Facts>,
    /// Why nothing moves by itself now; empty when nothing stands against it.
    pub refusals: Vec<Refusal>,
    /// Why a move would not go well.
    pub blockers: Vec<Blocker>,
    /// What the nearest promotion still lacks.
    pub missing: Vec<Missing>,
    /// What is said to requests that do not begin.
    pub answers: Vec<Answer>,
    /// What a failover would take and lose; `None` while the active region is not known.
    pub forecast: Option<Forecast>,
    /// Whether each level is as it should be.
    pub levels: Levels,
    /// What comes next.
    pub next: Next,
    /// What to look at, and how often.
    pub look: Vec<Look>,
    /// What it wants of the queue of its class.
    pub attention: Attention,
    /// When to plan again at the latest, by the monotonic clock.
    pub wake: Option<Duration>,
    /// What somebody else keeps putting back.
    pub contests: Vec<Contest>,
    /// Since when the writer has been in a routine state and answers nobody, once that is longer than `routineGrace`.
    pub routine_too_long: Option<Timestamp>,
    /// How far the standby is that an earlier move owes.
    pub rebuilding: Option<Rebuilding>,
}

/// How far a standby is that is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rebuilding {
    /// It has not been begun, or does not go on, because of this.
    Waits(RebuildWait),
    /// It gets a parameter group of its own, which RDS wants to be some minutes old before it is used.
    Group,
    /// RDS is asked for it.
    Asked,
    /// RDS is at it.
    Making {
        /// `DBInstanceStatus`.
        status: Text,
    },
    /// It is there and does not follow yet.
    CatchingUp,
    /// RDS gave it up.
    Failed {
        /// `DBInstanceStatus`.
        status: Text,
    },
    /// RDS does not take a call; it is sent again slowly.
    NotTaken {
        /// The provider's code.
        code: Text,
        /// Its words, bounded.
        text: Text,
    },
}

/// What a rebuilding waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebuildWait {
    /// `spec.suspend` to go.
    Suspended,
    /// A mode that may make an instance.
    ObserveMode,
    /// The move in flight to end.
    Move,
    /// The former writer to be fenced.
    Fence,
    /// RDS of the region to answer.
    Region,
    /// The instance of the former writer's name, which follows again, to be seen following for a while.
    Observed,
    /// A person: the former writer is gone, so that nobody can say what its replacement has to be like.
    FormerGone,
    /// The writer to be available.
    Writer,
    /// A person: the writer keeps no backups, and RDS makes no replica without.
    BackupsOff,
}

/// Something that we set and somebody else keeps putting back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contest {
    /// `name`, or the id of a load balancer.
    pub what: Text,
    /// What we set.
    pub wanted: Text,
    /// What stands there.
    pub stands: Text,
    /// It is re-asserted all the same, because a former writer is not fenced.
    pub reasserted: bool,
    /// The first of the three times.
    pub since: Timestamp,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Nothing to do.
    Idle,
    /// Something is awaited.
    Wait(Wait),
    /// Write this journal; nothing else before it is stored.
    Record(Box<Journal>),
    /// Send these.
    Act(Vec<Step>),
    /// Let the object go: what the finalizer owed is done, or was abandoned.
    Release,
}

/// What is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wait {
    /// The first complete set of readings.
    FirstReadings,
    /// Our TXT record to be everywhere.
    OwnerRecord,
    /// Neither instance to change for two minutes.
    InstancesSteady,
    /// A person to say where the writer is.
    Adoption,
    /// Another owner to let go, or a person to take over.
    Ownership,
    /// A person to approve a move.
    Approval,
    /// One fresh round of all evidence.
    FreshRound,
    /// The old writer to become read-only, at most 20 s.
    ReadOnly,
    /// The old writer to be seen refusing the application's writes.
    WritesRefused,
    /// The replica to hold everything that the old writer had.
    Drain,
    /// Every load balancer to be read back without the old region.
    Exclusion,
    /// The promotion to show.
    Promotion,
    /// The licence of another process, or of an unanswered call, to be long over.
    LicenceOver,
    /// The name to be in sync.
    NameInSync,
    /// The name's TTL.
    NameTtl,
    /// Route 53 to answer.
    Route53,
    /// The new writer to take writes.
    Verification,
    /// A call's answer or the reading after it.
    CallInFlight,
    /// The former writer's API to answer.
    FormerWriterBack,
    /// The former writer to stop.
    FormerWriterStopped,
    /// An instance to be there that the spec names and RDS does not know.
    InstanceMissing,
    /// A person to say which of two writers is the right one.
    TwoWriters,
    /// A person to say where the writer is: the other region's instance takes writes, or is followed by the active one's, and
    /// the rest cannot be seen.
    WriterUnclear,
}

/// What a promotion still lacks. Supply all of it and the decision flips.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Our own eyes are not trusted.
    TrustInObserver,
    /// probe(A) Down.
    ProbeDown,
    /// Services of A out as we see them (Down or Impaired).
    ServicesOut,
    /// All services that need the writer Down.
    WriterServicesDown,
    /// edge(A) Down in two reads.
    EdgeDown,
    /// The link broken, close enough to the trouble.
    LinkBroken,
    /// instance(A) silent in two reads.
    InstanceSilent,
    /// The routine state of instance(A) over.
    RoutineOver,
    /// Nobody says that the database lives.
    DatabaseSilence,
    /// Time: until then every vote must hold.
    NotBefore(Timestamp),
    /// This refusal to go.
    RefusalGone(&'static str),
}

impl Missing {
    /// Its name: a closed set, for metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Missing::TrustInObserver => "TrustInObserver",
            Missing::ProbeDown => "ProbeDown",
            Missing::ServicesOut => "ServicesOut",
            Missing::WriterServicesDown => "WriterServicesDown",
            Missing::EdgeDown => "EdgeDown",
            Missing::LinkBroken => "LinkBroken",
            Missing::InstanceSilent => "InstanceSilent",
            Missing::RoutineOver => "RoutineOver",
            Missing::DatabaseSilence => "DatabaseSilence",
            Missing::NotBefore(_) => "NotBefore",
            Missing::RefusalGone(_) => "RefusalGone",
        }
    }

    /// The refusal that must go, by its name; empty for all else.
    #[must_use]
    pub fn refusal(&self) -> &'static str {
        match self {
            Missing::RefusalGone(name) => name,
            Missing::TrustInObserver
            | Missing::ProbeDown
            | Missing::ServicesOut
            | Missing::WriterServicesDown
            | Missing::EdgeDown
            | Missing::LinkBroken
            | Missing::InstanceSilent
            | Missing::RoutineOver
            | Missing::DatabaseSilence
            | Missing::NotBefore(_) => "",
        }
    }
}

/// Whether each level is as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Pool order and exclusion.
    pub traffic: LevelState,
    /// The writer's name and our TXT.
    pub name: LevelState,
    /// The former writer's fence.
    pub fence: LevelState,
}

/// One level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LevelState {
    /// Not known yet.
    #[default]
    Unknown,
    /// As it should be.
    Holds,
    /// Not yet; we are at it.
    Differs,
    /// Somebody put it back three times in a quarter of an hour: it is left alone until a person decides.
    Contested,
    /// The same, but a former writer is not fenced: it is set again each time.
    Reasserted,
}

/// What to look at, and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// The question.
    pub query: Query,
    /// Time between two answers.
    pub every: Duration,
    /// A reading asked before this instant (monotonic) is not enough: ask now.
    pub newer_than: Option<Duration>,
}

/// One request that changes the world, with no choices left.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The irreversible one: needs a licence.
    Promote(Promotion),
    /// One that can be undone.
    Effect(Effect),
}

/// `PromoteReadReplica`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// Account and region of the replica.
    pub scope: Scope,
    /// The replica.
    pub instance: Text,
    /// `BackupRetentionPeriod` in days: set later it would be an outage of the live writer.
    pub backup_days: i32,
    /// The move it belongs to.
    pub number: i64,
}

/// Calls that can be undone.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// `ModifyDBParameterGroup`: `read_only`.
    SetReadOnly {
        /// Account and region.
        scope: Scope,
        /// Parameter group.
        group: Text,
        /// `1`, or back to `{TrueIfReplica}`.
        on: bool,
    },
    /// `StopDBInstance`.
    Stop {
        /// Account and region.
        scope: Scope,
        /// Instance.
        instance: Text,
    },
    /// `StartDBInstance`.
    Start {
        /// Account and region.
        scope: Scope,
        /// Instance.
        instance: Text,
    },
    /// `AddTagsToResource`.
    Tag {
        /// Account and region.
        scope: Scope,
        /// `DBInstanceArn`.
        arn: Text,
        /// Keys and values.
        tags: Vec<(Text, Text)>,
    },
    /// `RemoveTagsFromResource`.
    Untag {
        /// Account and region.
        scope: Scope,
        /// `DBInstanceArn`.
        arn: Text,
        /// Keys.
        keys: Vec<Text>,
    },
    /// `CopyDBParameterGroup`.
    CopyGroup {
        /// Account and region.
        scope: Scope,
        /// The group that is copied.
        from: Text,
        /// The new one.
        to: Text,
    },
    /// `CreateDBInstanceReadReplica`.
    CreateReplica {
        /// Account and region of the new replica.
        scope: Scope,
        /// Its identifier.
        instance: Text,
        /// What it has to be like.
        replica: Box<Replica>,
    },
    /// `ChangeResourceRecordSets`, one atomic batch.
    ChangeNames {
        /// Class.
        class: Text,
        /// Hosted zone.
        zone: Text,
        /// Deletions and creations, in order.
        changes: Vec<NameChange>,
    },
    /// `PATCH` of a load balancer: only what differs.
    PatchBalancer {
        /// Class.
        class: Text,
        /// Cloudflare zone.
        zone: Text,
        /// Load balancer.
        id: Text,
        /// The fields.
        patch: BalancerPatch,
    },
}

/// A replica to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// ARN of its source, in another region.
    pub source: Text,
    /// Its parameter group.
    pub group: Text,
    /// What it has to be like; only what must be said is set.
    pub shape: Shape,
    /// Keys and values of its tags: it bears them from the first moment.
    pub tags: Vec<(Text, Text)>,
}

/// One change of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameChange {
    /// Must match every current value.
    Delete(RecordSet),
    /// Must not exist.
    Create(RecordSet),
}

/// The fields of a load balancer that a call replaces; a map is sent whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalancerPatch {
    /// `default_pools`.
    pub default_pools: Option<Vec<Text>>,
    /// `fallback_pool`.
    pub fallback_pool: Option<Text>,
    /// The maps that differ.
    pub maps: BTreeMap<SteeringMap, BTreeMap<Text, Vec<Text>>>,
}

impl BalancerPatch {
    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.default_pools.is_none() && self.fallback_pool.is_none() && self.maps.is_empty()
    }
}

/// A call of ours: what was sent, when, and what became of it. An input of `plan`, else it is sent twice.
#[derive(Clone, Debug, PartialEq)]
pub struct SentCall {
    /// What was sent.
    pub step: Step,
    /// When.
    pub at: Now,
    /// Its end; `None` while in flight.
    pub ended: Option<(Now, Outcome)>,
    /// How many calls in a row to the same target have failed, this one included.
    pub failures: u32,
}
