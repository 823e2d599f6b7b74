//! What the votes can mean: the closed list of diagnoses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A diagnosis. The order is that of the predicates: the first that matches holds.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, strum::VariantNames,
)]
pub enum Diagnosis {
    /// We cannot trust our own eyes.
    ObserverSuspect,
    /// The database is in a routine state of RDS and nothing says that it lives.
    Maintenance,
    /// Users, we, the replica and RDS itself agree that the active region is gone.
    RegionDown,
    /// The writer is gone: its own processes say so, or all that needs it is dark and the link is broken.
    DatabaseDown,
    /// The writer lives and takes no writes.
    WriterRefuses,
    /// Services are out in both regions: a release, or something shared.
    ServicesDownEverywhere,
    /// Services are out in the active region only.
    ServicesDown,
    /// Users and we see opposite things.
    ViewsDisagree,
    /// Something about the active region's services is not right.
    ServicesDegraded,
    /// The shop sells and the standby does not follow.
    ReplicationBroken,
    /// The shop sells and the standby could not take over well.
    StandbyDegraded,
    /// All is well.
    Healthy,
    /// Not enough is known.
    Inconclusive,
}

impl Diagnosis {
    /// All of them, in the order of the predicates.
    pub const ALL: [Diagnosis; 13] = [
        Diagnosis::ObserverSuspect,
        Diagnosis::Maintenance,
        Diagnosis::RegionDown,
        Diagnosis::DatabaseDown,
        Diagnosis::WriterRefuses,
        Diagnosis::ServicesDownEverywhere,
        Diagnosis::ServicesDown,
        Diagnosis::ViewsDisagree,
        Diagnosis::ServicesDegraded,
        Diagnosis::ReplicationBroken,
        Diagnosis::StandbyDegraded,
        Diagnosis::Healthy,
        Diagnosis::Inconclusive,
    ];

    /// Its name, as conditions show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Diagnosis::ObserverSuspect => "ObserverSuspect",
            Diagnosis::Maintenance => "Maintenance",
            Diagnosis::RegionDown => "RegionDown",
            Diagnosis::DatabaseDown => "DatabaseDown",
            Diagnosis::WriterRefuses => "WriterRefuses",
            Diagnosis::ServicesDownEverywhere => "ServicesDownEverywhere",
            Diagnosis::ServicesDown => "ServicesDown",
            Diagnosis::ViewsDisagree => "ViewsDisagree",
            Diagnosis::ServicesDegraded => "ServicesDegraded",
            Diagnosis::ReplicationBroken => "ReplicationBroken",
            Diagnosis::StandbyDegraded => "StandbyDegraded",
            Diagnosis::Healthy => "Healthy",
            Diagnosis::Inconclusive => "Inconclusive",
        }
    }

    /// Whether a promotion may follow from it by itself.
    #[must_use]
    pub fn calls_for_promotion(self) -> bool {
        match self {
            Diagnosis::RegionDown | Diagnosis::DatabaseDown => true,
            Diagnosis::ObserverSuspect
            | Diagnosis::Maintenance
            | Diagnosis::WriterRefuses
            | Diagnosis::ServicesDownEverywhere
            | Diagnosis::ServicesDown
            | Diagnosis::ViewsDisagree
            | Diagnosis::ServicesDegraded
            | Diagnosis::ReplicationBroken
            | Diagnosis::StandbyDegraded
            | Diagnosis::Healthy
            | Diagnosis::Inconclusive => false,
        }
    }
}
