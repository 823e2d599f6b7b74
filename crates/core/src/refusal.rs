//! Named reasons not to move now.

use crate::Text;
use crate::facts::{InstanceVote, Unverified};
use crate::pacing::Place;
use crate::request::Override;
use jiff::Timestamp;

/// A refusal with its evidence. The list is closed; `report` has the words and remedies.
#[derive(Clone, Debug, PartialEq, Eq, strum::VariantNames)]
pub enum Refusal {
    /// Mode Observe touches nothing.
    ObserveMode,
    /// Mode Approve waits for a person.
    AwaitingApproval,
    /// `spec.suspend` is true.
    Suspended,
    /// A freeze is in force.
    Frozen {
        /// Its name.
        name: Text,
        /// Its end.
        until: Timestamp,
    },
    /// Evidence is young: windows started empty.
    Quarantine,
    /// A Down vote has not been held long enough.
    NotHeld {
        /// When it will have been, if nothing changes.
        until: Timestamp,
    },
    /// Nothing tells how far the replica had come.
    LossUnknown,
    /// The loss estimate exceeds the budget.
    LossOverBudget {
        /// Estimate in seconds.
        seconds: i64,
        /// Budget in seconds.
        budget: i64,
    },
    /// The standby's instance is not there, or is another one than the journal's.
    StandbyMissing,
    /// The standby's instance is busy with something that ends.
    StandbyBusy {
        /// Its status.
        status: Text,
    },
    /// The standby's instance is no replica of the active region's.
    StandbyNotReplica,
    /// The standby's critical services were Down before the trouble began.
    StandbyServicesDown,
    /// The active region cannot be excluded from the load balancers.
    TrafficNotMoved {
        /// Which balancer or pool, and what is wrong with it.
        why: Text,
    },
    /// Route 53 does not answer now.
    NameUnmovable,
    /// Another move is in flight.
    MoveInFlight,
    /// A move ended a short time ago.
    CoolDown {
        /// Its end.
        until: Timestamp,
    },
    /// An earlier move still owes something.
    ObligationOpen,
    /// Its turn in the queue of its class has not come.
    Paced(Place),
    /// Another installation owns the shop.
    OwnedElsewhere {
        /// Who.
        owner: Text,
    },
    /// Nobody can tell where the writer is.
    UnknownActive,
    /// The request was made for another epoch.
    StaleEpoch,
}

impl Refusal {
    /// Its name, as status shows it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Refusal::ObserveMode => "ObserveMode",
            Refusal::AwaitingApproval => "AwaitingApproval",
            Refusal::Suspended => "Suspended",
            Refusal::Frozen { .. } => "Frozen",
            Refusal::Quarantine => "Quarantine",
            Refusal::NotHeld { .. } => "NotHeld",
            Refusal::LossUnknown => "LossUnknown",
            Refusal::LossOverBudget { .. } => "LossOverBudget",
            Refusal::StandbyMissing => "StandbyMissing",
            Refusal::StandbyBusy { .. } => "StandbyBusy",
            Refusal::StandbyNotReplica => "StandbyNotReplica",
            Refusal::StandbyServicesDown => "StandbyServicesDown",
            Refusal::TrafficNotMoved { .. } => "TrafficNotMoved",
            Refusal::NameUnmovable => "NameUnmovable",
            Refusal::MoveInFlight => "MoveInFlight",
            Refusal::CoolDown { .. } => "CoolDown",
            Refusal::ObligationOpen => "ObligationOpen",
            Refusal::Paced(_) => "Paced",
            Refusal::OwnedElsewhere { .. } => "OwnedElsewhere",
            Refusal::UnknownActive => "UnknownActive",
            Refusal::StaleEpoch => "StaleEpoch",
        }
    }

    /// The name by which a person may override it; `None`: nobody can.
    #[must_use]
    pub fn overridden_by(&self) -> Option<Override> {
        match self {
            Refusal::ObserveMode => Some(Override::ObserveMode),
            Refusal::AwaitingApproval => Some(Override::AwaitingApproval),
            Refusal::Frozen { .. } => Some(Override::Frozen),
            Refusal::Quarantine => Some(Override::Quarantine),
            Refusal::NotHeld { .. } => Some(Override::NotHeld),
            Refusal::LossUnknown => Some(Override::LossUnknown),
            Refusal::LossOverBudget { .. } => Some(Override::LossOverBudget),
            Refusal::StandbyBusy { .. } => Some(Override::StandbyBusy),
            Refusal::StandbyServicesDown => Some(Override::StandbyServicesDown),
            Refusal::TrafficNotMoved { .. } => Some(Override::TrafficNotMoved),
            Refusal::NameUnmovable => Some(Override::NameUnmovable),
            Refusal::CoolDown { .. } => Some(Override::CoolDown),
            Refusal::ObligationOpen => Some(Override::ObligationOpen),
            Refusal::Paced(_) => Some(Override::Paced),
            Refusal::Suspended
            | Refusal::StandbyMissing
            | Refusal::StandbyNotReplica
            | Refusal::MoveInFlight
            | Refusal::OwnedElsewhere { .. }
            | Refusal::UnknownActive
            | Refusal::StaleEpoch => None,
        }
    }

    /// Whether it stands against automatic moves only: a person who asks has seen it.
    #[must_use]
    pub fn binds_automatic_alone(&self) -> bool {
        match self {
            Refusal::ObserveMode
            | Refusal::AwaitingApproval
            | Refusal::Quarantine
            | Refusal::NotHeld { .. }
            | Refusal::CoolDown { .. } => true,
            Refusal::Suspended
            | Refusal::Frozen { .. }
            | Refusal::LossUnknown
            | Refusal::LossOverBudget { .. }
            | Refusal::StandbyMissing
            | Refusal::StandbyBusy { .. }
            | Refusal::StandbyNotReplica
            | Refusal::StandbyServicesDown
            | Refusal::TrafficNotMoved { .. }
            | Refusal::NameUnmovable
            | Refusal::MoveInFlight
            | Refusal::ObligationOpen
            | Refusal::Paced(_)
            | Refusal::OwnedElsewhere { .. }
            | Refusal::UnknownActive
            | Refusal::StaleEpoch => false,
        }
    }

    /// Whether it ends by itself: a request waits for that until its `startBefore`.
    #[must_use]
    pub fn ends_by_itself(&self) -> bool {
        match self {
            Refusal::StandbyBusy { .. } | Refusal::Paced(_) | Refusal::Frozen { .. } => true,
            Refusal::ObserveMode
            | Refusal::AwaitingApproval
            | Refusal::Suspended
            | Refusal::Quarantine
            | Refusal::NotHeld { .. }
            | Refusal::LossUnknown
            | Refusal::LossOverBudget { .. }
            | Refusal::StandbyMissing
            | Refusal::StandbyNotReplica
            | Refusal::StandbyServicesDown
            | Refusal::TrafficNotMoved { .. }
            | Refusal::NameUnmovable
            | Refusal::MoveInFlight
            | Refusal::CoolDown { .. }
            | Refusal::ObligationOpen
            | Refusal::OwnedElsewhere { .. }
            | Refusal::UnknownActive
            | Refusal::StaleEpoch => false,
        }
    }
}

/// Named reasons why a move would not go well, known on a quiet day.
#[derive(Clone, Debug, PartialEq, Eq, strum::VariantNames)]
pub enum Blocker {
    /// The replica does not follow.
    LinkBroken,
    /// The lag is above the loss budget.
    LagHigh,
    /// The lag is within the loss budget, the loss estimate of a clean loss of the region would not be.
    LossBudgetTooSmall,
    /// The standby's instance is not there.
    StandbyMissing,
    /// The standby's instance is busy or not available.
    StandbyBusy(InstanceVote),
    /// The standby's critical services are Down.
    StandbyServicesDown,
    /// A pool does not exist, or a load balancer does not name it.
    PoolMissing(PoolAbsence),
    /// A load balancer does not exist.
    BalancerMissing(Text),
    /// A pool is disabled.
    PoolDisabled(Text),
    /// A load balancer is disabled.
    BalancerDisabled(Text),
    /// The writer's record is missing.
    RecordMissing,
    /// The writer's record points elsewhere than to the writer.
    RecordForeign,
    /// The writer's record is weighted, an alias, or no CNAME.
    RecordNotSimple,
    /// Our TXT is missing.
    OwnerRecordMissing,
    /// An instance is another one than the journal's.
    InstanceReplaced,
    /// The API server drops fields of status that this binary writes.
    CrdOutdated,
    /// A provider denies us something.
    PermissionDenied(Text),
    /// The Cloudflare token reads the zone's load balancers and not the account's pools.
    TokenScope,
    /// There is no users' view of a region.
    NoEdgeView,
    /// An earlier move still owes something.
    ObligationOpen,
    /// A service has never been Up at its address.
    ProbeNeverUp,
    /// Risk: the shop has no proof URLs.
    NoProof,
    /// Risk: a region of the shop is us-east-1, where Route 53's control plane is.
    NameNeedsUsEast1,
    /// Risk: the writer has no automated backups: no point-in-time recovery, and no new replica can be made of it.
    BackupsOff,
    /// Risk: an instance uses a default parameter group, which cannot be changed.
    DefaultParameterGroup,
    /// Risk: another instance uses the same parameter group.
    ParameterGroupShared,
    /// Risk: the standby's own parameter group pins `read_only=1`: promoted, it takes no writes.
    StandbyReadOnlyForced,
    /// Risk: a name is kept so long that users and applications find the other region late.
    TtlLong(LongTtl),
    /// Risk: this process runs in a region of the shop.
    ObserverInRegion,
    /// Risk: the pool order does nothing under this steering policy until a region is excluded.
    SteeringIgnoresOrder,
    /// Risk: more lists of load balancers name the active region's pool than are remembered for putting back.
    SteeringTooLarge,
    /// Risk: no list of any load balancer names this pool, so that it may not be monitored.
    PoolInNoList(Text),
    /// Risk: the monitor of this pool asks so seldom that users' view decides when a region counts as dead.
    MonitorSlow(Text),
    /// Risk: an objective of the spec will or may be missed.
    ObjectiveMissed,
    /// Risk: in mode Approve anybody who may write a RegionSwitch may approve it in another's name.
    ApproverUnverified(Unverified),
}

/// Where a pool is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolAbsence {
    /// This pool does not exist.
    Pool(Text),
    /// This load balancer does not name it.
    NotIn {
        /// The load balancer.
        balancer: Text,
        /// The pool.
        pool: Text,
    },
}

/// What is kept too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LongTtl {
    /// The writer's record.
    Writer,
    /// A DNS-only load balancer.
    Balancer(Text),
}

impl Blocker {
    /// Its name, as status shows it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Blocker::LinkBroken => "LinkBroken",
            Blocker::LagHigh => "LagHigh",
            Blocker::LossBudgetTooSmall => "LossBudgetTooSmall",
            Blocker::StandbyMissing => "StandbyMissing",
            Blocker::StandbyBusy(_) => "StandbyBusy",
            Blocker::StandbyServicesDown => "StandbyServicesDown",
            Blocker::PoolMissing(_) => "PoolMissing",
            Blocker::BalancerMissing(_) => "BalancerMissing",
            Blocker::PoolDisabled(_) => "PoolDisabled",
            Blocker::BalancerDisabled(_) => "BalancerDisabled",
            Blocker::RecordMissing => "RecordMissing",
            Blocker::RecordForeign => "RecordForeign",
            Blocker::RecordNotSimple => "RecordNotSimple",
            Blocker::OwnerRecordMissing => "OwnerRecordMissing",
            Blocker::InstanceReplaced => "InstanceReplaced",
            Blocker::CrdOutdated => "CrdOutdated",
            Blocker::PermissionDenied(_) => "PermissionDenied",
            Blocker::TokenScope => "TokenScope",
            Blocker::NoEdgeView => "NoEdgeView",
            Blocker::ObligationOpen => "ObligationOpen",
            Blocker::ProbeNeverUp => "ProbeNeverUp",
            Blocker::NoProof => "NoProof",
            Blocker::NameNeedsUsEast1 => "NameNeedsUsEast1",
            Blocker::BackupsOff => "BackupsOff",
            Blocker::DefaultParameterGroup => "DefaultParameterGroup",
            Blocker::ParameterGroupShared => "ParameterGroupShared",
            Blocker::StandbyReadOnlyForced => "StandbyReadOnlyForced",
            Blocker::TtlLong(_) => "TtlLong",
            Blocker::ObserverInRegion => "ObserverInRegion",
            Blocker::SteeringIgnoresOrder => "SteeringIgnoresOrder",
            Blocker::SteeringTooLarge => "SteeringTooLarge",
            Blocker::PoolInNoList(_) => "PoolInNoList",
            Blocker::MonitorSlow(_) => "MonitorSlow",
            Blocker::ObjectiveMissed => "ObjectiveMissed",
            Blocker::ApproverUnverified(_) => "ApproverUnverified",
        }
    }

    /// Whether it prevents a planned move: whatever prevents a good one, and a parameter group that cannot be the old
    /// writer's fence.
    #[must_use]
    pub fn prevents_switchover(&self) -> bool {
        self.prevents() || matches!(self, Blocker::DefaultParameterGroup | Blocker::ParameterGroupShared)
    }

    /// Whether it prevents a good move, or is a risk only.
    #[must_use]
    pub fn prevents(&self) -> bool {
        match self {
            Blocker::LinkBroken
            | Blocker::LagHigh
            | Blocker::LossBudgetTooSmall
            | Blocker::StandbyMissing
            | Blocker::StandbyBusy(_)
            | Blocker::StandbyServicesDown
            | Blocker::PoolMissing(_)
            | Blocker::BalancerMissing(_)
            | Blocker::PoolDisabled(_)
            | Blocker::BalancerDisabled(_)
            | Blocker::RecordMissing
            | Blocker::RecordForeign
            | Blocker::RecordNotSimple
            | Blocker::OwnerRecordMissing
            | Blocker::InstanceReplaced
            | Blocker::CrdOutdated
            | Blocker::PermissionDenied(_)
            | Blocker::TokenScope
            | Blocker::NoEdgeView
            | Blocker::ObligationOpen
            | Blocker::ProbeNeverUp => true,
            Blocker::NoProof
            | Blocker::NameNeedsUsEast1
            | Blocker::BackupsOff
            | Blocker::DefaultParameterGroup
            | Blocker::ParameterGroupShared
            | Blocker::StandbyReadOnlyForced
            | Blocker::TtlLong(_)
            | Blocker::ObserverInRegion
            | Blocker::SteeringIgnoresOrder
            | Blocker::SteeringTooLarge
            | Blocker::PoolInNoList(_)
            | Blocker::MonitorSlow(_)
            | Blocker::ObjectiveMissed
            | Blocker::ApproverUnverified(_) => false,
        }
    }
}
