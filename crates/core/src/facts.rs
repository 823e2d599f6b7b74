//! What the evidence amounts to at one instant, seen from the active region: `a` is active, `b` the other.

use crate::Text;
use crate::side::Side;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// What probes say about the services of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeVote {
    /// All critical services answer.
    Up,
    /// A service that is not critical is Down, or answers fail now and then.
    Partial,
    /// A critical service is Down, another one answers.
    Impaired,
    /// Every service that has a vote is Down.
    Down,
    /// None has a vote.
    Unknown,
}

/// What users' view, the pool health by city, says about a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeVote {
    /// More than half of the cities that speak say healthy.
    Up,
    /// Neither more than half say healthy nor more than half unhealthy.
    Partial,
    /// More than half say unhealthy.
    Down,
    /// No city speaks, or the reading is old, or the pool is not monitored.
    Unknown,
}

/// What the shop's own processes say about the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProofVote {
    /// It takes writes, or refuses them because of a fence of ours.
    Up,
    /// It lives and takes no writes.
    Refused,
    /// A process of the active region cannot reach it.
    Down,
    /// No proof.
    Unknown,
}

/// What RDS says about an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstanceVote {
    /// Hearsay of a control plane: never a vote for Up.
    Available,
    /// A routine state; it ends by itself.
    Routine,
    /// A failed state.
    Failed,
    /// Stopped, deleting, or not there.
    Absent,
    /// The API of its region does not say a byte.
    Silent,
    /// Nothing that we understand or believe.
    Unknown,
}

/// What the replication link from the active region's instance says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkVote {
    /// The replica follows.
    Flowing,
    /// It does not, and that is evidence against the active region.
    Broken,
    /// It does not, and that says nothing against the active region: it broke long before, or the replica names itself as the cause.
    BrokenOfOld,
    /// Nothing is known.
    Unknown,
}

/// A vote, how old it is, and how long its Down has been held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote<V> {
    /// What the source says now.
    pub value: V,
    /// Since when (wall time), for people.
    pub since: Option<Timestamp>,
    /// How long a Down has been held: every sample, at least four, no gap. Zero when it is not.
    /// For edge, instance and link, and a proof that the writer lives: from the first to the newest confirming read.
    pub held: Duration,
    /// When the newest sample arrived (wall time).
    pub read: Option<Timestamp>,
}

impl<V> Vote<V> {
    /// A vote that nobody has cast.
    pub const fn none(value: V) -> Self {
        Vote {
            value,
            since: None,
            held: Duration::ZERO,
            read: None,
        }
    }
}

/// What is known about one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionFacts {
    /// Services as we see them; `held` counts Down.
    pub probe: Vote<ProbeVote>,
    /// Whether every critical service answers, and there is one.
    pub critical_up: bool,
    /// Whether services are out (Down or Impaired) as we see them; `held` counts that.
    pub out: Vote<bool>,
    /// Since when probes have been Up without a break (monotone time passed).
    pub probe_up_for: Duration,
    /// Whether every service that needs the writer is Down; `held` counts that.
    pub writer_services_down: Vote<bool>,
    /// Services as users see them.
    pub edge: Vote<EdgeVote>,
    /// What the edge said when it was read last, however long ago: for people on a quiet day, never for a decision.
    pub edge_read: EdgeVote,
    /// Since when every reading of the edge has said Down, however far apart they were: what the loss estimate counts from.
    pub edge_down_since: Option<Timestamp>,
    /// How long the edge has been Up without a break.
    pub edge_up_for: Duration,
    /// How long critical services had been Down before the active region's trouble began (until now, while there is
    /// none); zero when they were not.
    pub critical_down_before_trouble: Duration,
    /// The instance.
    pub instance: Vote<InstanceVote>,
    /// The newest reading that showed the instance in a routine state.
    pub routine_read: Option<Timestamp>,
    /// Whether the instance is another one than the journal's.
    pub replaced: bool,
}

/// What we think of ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfVote {
    /// Our eyes can be trusted.
    Trusted,
    /// They cannot, and this is why.
    Suspect(SuspectWhy),
}

/// Why our own eyes cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SuspectWhy {
    /// No reference URL answers.
    NoReference,
    /// The API server is silent.
    ApiServerSilent,
    /// A watch is silent.
    WatchSilent,
    /// Our clock is off by more than 30 s.
    ClockOff,
}

/// All facts of one shop.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Which side is the active region.
    pub active: Side,
    /// About the active region.
    pub a: RegionFacts,
    /// About the other one.
    pub b: RegionFacts,
    /// Whether writes reach the writer.
    pub proof: Vote<ProofVote>,
    /// The link from A to B.
    pub link: Vote<LinkVote>,
    /// Since when readings have agreed about the link: a break is older than what confirms it.
    pub link_agreed: Option<Timestamp>,
    /// Why the link is broken, where the replica says.
    pub link_reason: Option<Text>,
    /// Whether our own eyes can be trusted, as far as readings tell.
    pub myself: SelfVote,
    /// When the trouble about A began: the first Down after a time with no Down about A at all.
    pub trouble: Option<Timestamp>,
    /// The oldest of the newest readings of all sources that a promotion rests on: a *round* is complete up to here.
    pub round: Option<Timestamp>,
    /// Up to when B is known to hold everything.
    pub caught_up_to: Option<Timestamp>,
    /// Whether that comes from a heartbeat (`appliedUntil`) and is sharp.
    pub caught_up_sharp: bool,
    /// When writes are known to have stopped.
    pub writes_stopped: Option<Timestamp>,
    /// The newest lag sample is good and this great; `None` without one.
    pub lag: Option<Duration>,
}

impl Facts {
    /// The users' view of a region as people are shown it. Pool health of many shops is read in slow rotation, so that on
    /// a quiet day the last reading is shown, not that it has grown old; once there is trouble only a fresh one counts, and
    /// a Down that has grown old is never shown as one.
    #[must_use]
    pub fn shown_edge(&self, region: &RegionFacts) -> EdgeVote {
        let quiet = self.trouble.is_none() && region.edge_read != EdgeVote::Down;
        if quiet && region.edge.value == EdgeVote::Unknown {
            region.edge_read
        } else {
            region.edge.value
        }
    }
}

/// What concerns all shops of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// The API server (judged by the lease's renewals) has been silent for 30 s.
    pub api_server_silent: bool,
    /// A watch has been in error for 30 s without a successful list or watch.
    pub watch_silent: bool,
    /// A provider says that our clock is off by more than 30 s.
    pub clock_off: bool,
    /// The API server drops fields that this binary writes: its CRDs are older.
    pub crd_outdated: bool,
    /// What they lack, where they could be compared with those of this binary: `storefronts .status.journal.epoch`.
    pub crds_lack: Option<Text>,
    /// The AWS region that this process runs in, where it was told.
    pub region: Option<Text>,
    /// The namespaces in which nothing shows that the API server refuses a request in another's name, and why.
    pub unverified: BTreeMap<Text, Unverified>,
}

/// Why nothing shows that whom a RegionSwitch names is who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unverified {
    /// One with a forged name was admitted.
    Admitted,
    /// It could not be tried.
    Unclear,
}
