//! The journal: what was decided, kept in the Storefront's status and written before any call it announces.
//!
//! Regions and instances stand here by name, so that an edit of the spec cannot change what a move means.

use crate::Text;
use crate::diagnosis::Diagnosis;
use crate::places::Places;
use crate::rebuilt::{Rebuild, Retired, Successor};
use crate::request::{Asker, RequestRef};
use crate::time::since;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The version of the journal's form that this code writes; another one is not touched.
pub const JOURNAL_VERSION: i32 = 1;

/// The journal of one shop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    /// Form of this journal; see `JOURNAL_VERSION`.
    #[serde(default)]
    pub version: i32,
    /// The active region: where the writer is. Absent until adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_region: Option<Text>,
    /// Counts changes and adoptions of the active region.
    #[serde(default)]
    pub epoch: i64,
    /// The region first in the load balancers, as it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front: Option<Text>,
    /// The region whose pool stands in no list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Text>,
    /// Lists that named the excluded region's pool, to be put back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub saved_steering: Vec<SavedList>,
    /// The epoch at which a move of ours repointed the name; without it the name is only watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_epoch: Option<i64>,
    /// The move in flight, or the last one when it has an outcome.
    #[serde(default, rename = "move", skip_serializing_if = "Option::is_none")]
    pub current: Option<Move>,
    /// The traffic shift that a person asked for last; it holds until it has an outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<Shift>,
    /// The last number used by a move or an adoption.
    #[serde(default)]
    pub last_number: i64,
    /// Owed until observed done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<Obligation>,
    /// Addresses that have been Up once and may therefore vote Down.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ever_up: BTreeSet<Text>,
    /// `DbiResourceId` by region: another instance of the same name is not the one we know.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resource_ids: BTreeMap<Text, Text>,
    /// When the trouble about the active region began: a restart must not make it look younger than a broken link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble_since: Option<Timestamp>,
    /// When the link from the active region broke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_broken_since: Option<Timestamp>,
    /// The process that wrote this entry.
    #[serde(default)]
    pub holder: Text,
    /// No automatic move before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cool_down_until: Option<Timestamp>,
    /// The adoption in progress: our TXT is being created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopting_since: Option<Timestamp>,
    /// When somebody put back what we had set: the newest instants of each thing that was. Three in a quarter of an hour
    /// make it contested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub put_back: Vec<PutBack>,
    /// The identities that all of this is about; an edit of one of them means to adopt anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<Places>,
    /// The owner in whose place a person's Adopt puts us, until our TXT is seen there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_over: Option<Text>,
    /// The last requests that began and ended, by `metadata.uid`: none of them begins again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended_requests: Vec<Text>,
    /// Instances that took the place of those that the spec lists, by region: standbys that were rebuilt.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub instances: BTreeMap<Text, Successor>,
    /// The standby that is being rebuilt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<Rebuild>,
    /// Former writers whose place was taken: they stay stopped, and are never deleted by us.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<Retired>,
}

/// So many ended requests are remembered; older ones are of another epoch, or have long expired.
const ENDED_REQUESTS: usize = 16;

impl Journal {
    /// The move in flight, if there is one.
    #[must_use]
    pub fn in_flight(&self) -> Option<&Move> {
        self.current.as_ref().filter(|m| m.outcome.is_none())
    }

    /// When this thing was put back by somebody else, if it was.
    #[must_use]
    pub fn put_back_of(&self, what: &str) -> Option<&PutBack> {
        self.put_back.iter().find(|level| *level.what == *what)
    }

    /// The traffic shift that holds, if there is one. It is no move in flight.
    #[must_use]
    pub fn holding(&self) -> Option<&Shift> {
        self.shift.as_ref().filter(|shift| shift.outcome.is_none())
    }

    /// Ends the move in flight with this record of it. Its request, if it had one, does not begin again.
    pub fn end_move(&mut self, ended: Move) {
        if let Some(request) = &ended.request {
            self.remember_ended(request.uid.clone());
        }
        self.current = Some(ended);
    }

    /// Ends the traffic shift that holds. Its request does not begin again.
    pub fn end_shift(&mut self, ended: Shift) {
        self.remember_ended(ended.request.uid.clone());
        self.shift = Some(ended);
    }

    fn remember_ended(&mut self, uid: Text) {
        if !self.ended_requests.contains(&uid) {
            self.ended_requests.push(uid);
            if self.ended_requests.len() > ENDED_REQUESTS {
                self.ended_requests.remove(0);
            }
        }
    }

    /// The open obligation of this kind.
    #[must_use]
    pub fn owes(&self, kind: ObligationKind) -> Option<&Obligation> {
        self.obligations.iter().find(|o| o.kind == kind)
    }
}

/// Stands for the writer's name and our TXT among what can be put back; load balancers go by their ids.
pub const NAME_LEVEL: &str = "name";
/// Three times within this make a level contested. Terraform and GitOps tools run every few minutes; a person who corrects
/// something twice is not fought either.
pub const PUT_BACK_WINDOW: Duration = Duration::from_secs(900);

/// A thing that somebody put back after we had set it, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PutBack {
    /// `name`, or the id of a load balancer.
    pub what: Text,
    /// The newest instants, oldest first, at most three.
    pub at: Vec<Timestamp>,
}

impl PutBack {
    /// How many instants are kept: as many as make it contested.
    pub const REMEMBERED: usize = 3;

    /// Whether the instants that are kept lie within the window.
    #[must_use]
    pub fn is_contested(&self) -> bool {
        match (self.at.first(), self.at.last()) {
            (Some(first), Some(last)) => {
                self.at.len() >= PutBack::REMEMBERED && since(*first, *last) <= PUT_BACK_WINDOW
            }
            (Some(_) | None, _) => false,
        }
    }
}

/// A list of a load balancer as it stood before the exclusion, and as we left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SavedList {
    /// Load balancer id.
    pub balancer: Text,
    /// Which map; absent for `default_pools`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<SteeringMap>,
    /// The entry's key in that map: `WEU`, `CA`, `YYZ`; empty for `default_pools`.
    #[serde(default)]
    pub key: Text,
    /// The pools before.
    pub before: Vec<Text>,
    /// The pools that we left.
    pub left: Vec<Text>,
}

/// The steering maps of a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SteeringMap {
    /// `region_pools`.
    Region,
    /// `country_pools`.
    Country,
    /// `pop_pools`.
    Pop,
}

/// A person's order of pools: which region comes first, and until when. Kept after its end until another one begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shift {
    /// The region that comes first in the load balancers, unless its services are out.
    pub front: Text,
    /// Since when it holds.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// The person's request.
    pub request: RequestRef,
    /// How it ended; absent while it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<MoveOutcome>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it ended, or what came of it, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<Text>,
    /// After its end: the load balancers were read with the order that followed it. Until then that order is set even
    /// where the order of pools is otherwise left to people.
    #[serde(default)]
    pub followed: bool,
}

/// One move, from its number to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Move {
    /// Its number; becomes the epoch when the promotion shows.
    pub number: i64,
    /// What kind of move.
    #[serde(rename = "type")]
    pub kind: MoveKind,
    /// The region that was active.
    pub from: Text,
    /// The region that takes over.
    pub to: Text,
    /// RDS instance of `from`.
    pub from_instance: Text,
    /// RDS instance of `to`.
    pub to_instance: Text,
    /// Why.
    pub diagnosis: Diagnosis,
    /// Whether the controller decided it by itself.
    pub automatic: bool,
    /// The phase now.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
    /// When the phase should be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// The first Down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_down: Option<Timestamp>,
    /// What the move may lose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// The licence of the promotion; the last one written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<LicenceEntry>,
    /// When the promotion first showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted_at: Option<Timestamp>,
    /// When the name was seen repointed and in sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repointed_at: Option<Timestamp>,
    /// When the new writer was first seen to take writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// Of a Switchover: how the old writer's writes end, and how long the shop may be without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_stop: Option<WriteStop>,
    /// How it ended; absent while in flight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<MoveOutcome>,
    /// The person's request behind it; none for a move that the controller decided by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestRef>,
    /// In mode Approve: what a person is asked for, and who gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalEntry>,
    /// Why it was rolled back, refused or aborted, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<Text>,
    /// When each phase began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<PhaseTime>,
}

impl Move {
    /// Whether it waits for a person: nothing of it is done before.
    #[must_use]
    pub fn awaits_approval(&self) -> bool {
        self.outcome.is_none() && self.approval.as_ref().is_some_and(|approval| approval.by.is_none())
    }

    /// When a person approved it, if one did.
    #[must_use]
    pub fn approved_at(&self) -> Option<Timestamp> {
        self.approval.as_ref()?.at
    }

    /// The name of the RegionSwitch that records it, where no person's request is behind it.
    #[must_use]
    pub fn record_name(&self, storefront: &str) -> String {
        record_name(storefront, self.number, self.kind)
    }

    /// For whom its refusals are asked.
    #[must_use]
    pub fn asker(&self) -> Asker<'_> {
        match &self.request {
            None => Asker::Automatic,
            Some(request) if self.kind == MoveKind::Switchover => Asker::Planned {
                overrides: &request.overrides,
            },
            Some(request) => Asker::Person {
                overrides: &request.overrides,
                allow_loss: request
                    .allow_data_loss_seconds
                    .and_then(|seconds| u64::try_from(seconds).ok())
                    .map(Duration::from_secs),
            },
        }
    }
}

/// The write stop of a planned move: from `read_only=1` on the old writer until the new one takes writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WriteStop {
    /// What shows that the replica holds everything.
    pub by: DrainBy,
    /// The promotion is allowed within so many seconds of `since`, or the move is rolled back.
    pub at_most_seconds: i64,
    /// When the old writer was asked to become read-only; absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When the replica was seen to hold everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained_at: Option<Timestamp>,
}

/// What shows that the replica holds everything that the old writer had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DrainBy {
    /// The GTID sets that the shop's processes tell: nothing is lost.
    Gtid,
    /// `read_only` in sync, then three lag samples of zero: probably nothing.
    Lag,
}

/// `<storefront>-e<number>-<type>` in lower case.
#[must_use]
pub fn record_name(storefront: &str, number: i64, kind: MoveKind) -> String {
    format!("{storefront}-e{number}-{}", kind.name().to_ascii_lowercase())
}

/// A person's consent to a move that the controller asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalEntry {
    /// It is given before this or never.
    pub until: Timestamp,
    /// The votes when it was asked for.
    pub votes: Text,
    /// Who gave it; absent while it is awaited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Text>,
    /// When that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// When a phase began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseTime {
    /// The phase.
    pub phase: Phase,
    /// Its begin.
    pub at: Timestamp,
}

/// The journal entry that allows one promotion to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LicenceEntry {
    /// Wall time from which it counts; it ends 60 s later.
    pub at: Timestamp,
    /// The process that may use it, once.
    pub by: Text,
}

/// Kinds of moves and of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MoveKind {
    /// Unplanned; may lose data.
    Failover,
    /// Planned; loses none.
    Switchover,
    /// The pool order only.
    TrafficShift,
    /// All but the calls that change anything.
    Drill,
    /// A person names the active region.
    Adopt,
}

impl MoveKind {
    /// Its name, as a RegionSwitch has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MoveKind::Failover => "Failover",
            MoveKind::Switchover => "Switchover",
            MoveKind::TrafficShift => "TrafficShift",
            MoveKind::Drill => "Drill",
            MoveKind::Adopt => "Adopt",
        }
    }
}

/// Phases of a move, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Its number, evidence and identities are on the record.
    Requested,
    /// The old writer is made read-only if it answers; evidence is taken anew.
    Preparing,
    /// The old region leaves every load balancer.
    Excluding,
    /// The licence is written; one promotion is sent, then waited for.
    Promoting,
    /// Name and tags follow the writer.
    Repointing,
    /// The new writer is seen to take writes.
    Verifying,
    /// A traffic shift holds.
    Holding,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Phase; 7] = [
        Phase::Requested,
        Phase::Preparing,
        Phase::Excluding,
        Phase::Promoting,
        Phase::Repointing,
        Phase::Verifying,
        Phase::Holding,
    ];

    /// Its name, as status shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Phase::Requested => "Requested",
            Phase::Preparing => "Preparing",
            Phase::Excluding => "Excluding",
            Phase::Promoting => "Promoting",
            Phase::Repointing => "Repointing",
            Phase::Verifying => "Verifying",
            Phase::Holding => "Holding",
        }
    }
}

/// Ends of a move.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, strum::VariantNames,
)]
pub enum MoveOutcome {
    /// Done.
    Completed,
    /// Undone before the point of no return.
    RolledBack,
    /// A refusal held until the request's `startBefore`.
    Refused,
    /// Nobody decided until its `startBefore`.
    Expired,
    /// A person withdrew it.
    Aborted,
}

impl MoveOutcome {
    /// Its name, as status shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MoveOutcome::Completed => "Completed",
            MoveOutcome::RolledBack => "RolledBack",
            MoveOutcome::Refused => "Refused",
            MoveOutcome::Expired => "Expired",
            MoveOutcome::Aborted => "Aborted",
        }
    }
}

/// A loss estimate with its terms. A bound, not a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Loss {
    /// B holds everything up to here.
    pub caught_up_to: Timestamp,
    /// Writes to A stopped here, as far as we know.
    pub writes_stopped: Timestamp,
    /// Their difference, whole seconds, rounded up.
    pub seconds: i64,
    /// Whether `caught_up_to` comes from a heartbeat.
    pub sharp: bool,
}

/// What is owed after a move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Obligation {
    /// What.
    pub kind: ObligationKind,
    /// In which region.
    pub region: Text,
    /// On which instance.
    pub instance: Text,
    /// By which move.
    pub number: i64,
    /// Since when.
    pub since: Timestamp,
}

/// Kinds of obligations.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, strum::VariantNames,
)]
pub enum ObligationKind {
    /// Make sure that the former writer takes no more writes.
    FenceFormerWriter,
    /// Let a writer that we made read-only write again.
    Unfence,
    /// A new cross-region replica where the former writer was.
    RebuildStandby,
}

impl ObligationKind {
    /// Its name, as status shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ObligationKind::FenceFormerWriter => "FenceFormerWriter",
            ObligationKind::Unfence => "Unfence",
            ObligationKind::RebuildStandby => "RebuildStandby",
        }
    }
}
