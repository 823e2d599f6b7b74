//! Requests: what a person asks for with a RegionSwitch, and what they may override.

use crate::Text;
use crate::journal::MoveKind;
use crate::refusal::{Blocker, Refusal};
use crate::side::Side;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A request that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Name of the RegionSwitch.
    pub name: Text,
    /// Its `metadata.uid`: a re-created object is another request.
    pub uid: Text,
    /// What is asked for.
    pub kind: MoveKind,
    /// The region to move to, or that is named as the active one.
    pub to: Option<Text>,
    /// The epoch that it was made for.
    pub expected_epoch: Option<i64>,
    /// It begins before this or never.
    pub start_before: Timestamp,
    /// Refusals that the requester overrides.
    pub overrides: Vec<Override>,
    /// The loss that the requester accepts; without it the shop's budget counts.
    pub allow_loss: Option<Duration>,
    /// Of a Switchover: the longest time without writes before the promotion; without it the usual one.
    pub max_write_stop: Option<Duration>,
    /// When the order of pools that it asks for goes back; of a `TrafficShift`.
    pub expires_at: Option<Timestamp>,
    /// Whether it was withdrawn.
    pub abort: bool,
    /// Of a record that the controller made: its move's number. It asks for nothing; it can be withdrawn, and approved where
    /// it waits for that.
    pub record_of: Option<i64>,
    /// Who approved it.
    pub approved_by: Option<Text>,
}

/// The request behind a move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestRef {
    /// Name of the RegionSwitch.
    pub name: Text,
    /// Its `metadata.uid`.
    pub uid: Text,
    /// Refusals that the requester overrides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
    /// The loss that the requester accepts, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_data_loss_seconds: Option<i64>,
}

/// The refusals that a person may override.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Override {
    /// Mode Observe.
    ObserveMode,
    /// Nobody has approved.
    AwaitingApproval,
    /// A freeze is in force.
    Frozen,
    /// Evidence is young.
    Quarantine,
    /// A vote has not been held long enough.
    NotHeld,
    /// Nothing tells how far the replica had come.
    LossUnknown,
    /// The loss estimate exceeds the budget.
    LossOverBudget,
    /// The standby's instance is busy.
    StandbyBusy,
    /// The standby's services are not well.
    StandbyServicesDown,
    /// The active region cannot be excluded.
    TrafficNotMoved,
    /// Route 53 does not answer.
    NameUnmovable,
    /// A move ended a short time ago.
    CoolDown,
    /// An earlier move still owes something.
    ObligationOpen,
    /// Its turn has not come.
    Paced,
}

/// For whom it is asked whether a move may begin or go on.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// The controller itself.
    Automatic,
    /// A person.
    Person {
        /// What they override.
        overrides: &'a [Override],
        /// The loss that they accept, if they said so.
        allow_loss: Option<Duration>,
    },
    /// A person who plans: nothing is lost, so that no budget counts.
    Planned {
        /// What they override.
        overrides: &'a [Override],
    },
}

impl Asker<'_> {
    /// Whether this refusal stands against a move that this one asks for.
    #[must_use]
    pub fn is_bound_by(&self, refusal: &Refusal) -> bool {
        match self {
            Asker::Automatic => true,
            Asker::Person { overrides, .. } | Asker::Planned { overrides } => {
                let overridden = refusal.overridden_by().is_some_and(|name| overrides.contains(&name));
                !refusal.binds_automatic_alone() && !overridden
            }
        }
    }

    /// Whether a person asks.
    #[must_use]
    pub fn is_person(&self) -> bool {
        match self {
            Asker::Automatic => false,
            Asker::Person { .. } | Asker::Planned { .. } => true,
        }
    }
}

/// What becomes of a request that did not begin a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Name of the RegionSwitch.
    pub request: Text,
    /// Its `metadata.uid`.
    pub uid: Text,
    /// What is said to it.
    pub verdict: Verdict,
}

/// What is said to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not yet: these end by themselves; none of them means that fresh readings are awaited.
    Waits(Vec<Refusal>),
    /// No, for good: these stand against it.
    Refused(Vec<Refusal>),
    /// No, for good: a planned move begins only where these are gone.
    Blocked(Vec<Blocker>),
    /// Not yet: a planned move needs this first.
    Awaits(Awaited),
    /// No, for good: it asks for what cannot be.
    Unfit(Unfit),
    /// Its `startBefore` has passed.
    Expired(Vec<Refusal>),
    /// It was withdrawn before it began.
    Withdrawn,
}

impl Verdict {
    /// Whether it ends the request.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Verdict::Waits(_) | Verdict::Awaits(_) => false,
            Verdict::Refused(_)
            | Verdict::Blocked(_)
            | Verdict::Unfit(_)
            | Verdict::Expired(_)
            | Verdict::Withdrawn => true,
        }
    }
}

/// What a planned move needs before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Awaited {
    /// The writer's instance to be available.
    WriterAvailable,
    /// The standby's instance to be through with what keeps it busy.
    StandbyAvailable,
    /// The replica to be seen to follow.
    LinkFlowing,
}

impl Awaited {
    /// Its name, as status shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Awaited::WriterAvailable => "WriterBusy",
            Awaited::StandbyAvailable => "StandbyBusy",
            Awaited::LinkFlowing => "LinkUnknown",
        }
    }
}

/// Why a request asks for what cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unfit {
    /// `to` is no region of the Storefront.
    NoSuchRegion,
    /// `to` is the active region already.
    AlreadyActive,
    /// This version does not carry out requests of this type.
    TypeNotOffered,
    /// `expiresAt` has passed, or is absent.
    AlreadyOver,
    /// No view sees the services of this region Up, or they are out: users would find nothing there.
    ServicesNotUp(Side),
    /// The pool of this region cannot take users everywhere: it is missing or disabled, its region is excluded, or a load
    /// balancer is disabled, cannot be read, or does not name both pools.
    PoolNotUsable(Side),
    /// No load balancer goes by the order of its pools.
    OrderIgnored,
}

impl Unfit {
    /// Its name, as status shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Unfit::NoSuchRegion => "NoSuchRegion",
            Unfit::AlreadyActive => "AlreadyActive",
            Unfit::TypeNotOffered => "TypeNotOffered",
            Unfit::AlreadyOver => "AlreadyOver",
            Unfit::ServicesNotUp(_) => "ServicesNotUp",
            Unfit::PoolNotUsable(_) => "PoolNotUsable",
            Unfit::OrderIgnored => "OrderIgnored",
        }
    }
}
