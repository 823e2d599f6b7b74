//! The diagnosis: ordered predicates, first match.

use crate::diagnosis::Diagnosis;
use crate::evidence::{is_broken, is_out};
use crate::facts::{EdgeVote, Facts, Fleet, InstanceVote, LinkVote, ProbeVote, ProofVote, SelfVote, SuspectWhy};

/// What the facts mean: the first predicate that holds.
#[must_use]
pub fn diagnose(facts: &Facts, fleet: &Fleet) -> Diagnosis {
    let rows: [(Diagnosis, bool); 12] = [
        (Diagnosis::ObserverSuspect, suspect(facts, fleet).is_some()),
        (
            Diagnosis::Maintenance,
            facts.a.instance.value == InstanceVote::Routine && !alive(facts),
        ),
        (Diagnosis::RegionDown, region_down(facts)),
        (
            Diagnosis::DatabaseDown,
            database_down_by_proof(facts) || database_down_by_darkness(facts),
        ),
        (Diagnosis::WriterRefuses, writer_refuses(facts)),
        (Diagnosis::ServicesDownEverywhere, services_down_everywhere(facts)),
        (Diagnosis::ServicesDown, services_out(facts)),
        (Diagnosis::ViewsDisagree, views_disagree(facts)),
        (Diagnosis::ServicesDegraded, services_degraded(facts)),
        (
            Diagnosis::ReplicationBroken,
            services_up(facts) && is_broken(facts.link.value),
        ),
        (
            Diagnosis::StandbyDegraded,
            services_up(facts) && standby_degraded(facts),
        ),
        (Diagnosis::Healthy, healthy(facts)),
    ];
    rows.into_iter()
        .find(|(_, holds)| *holds)
        .map_or(Diagnosis::Inconclusive, |(diagnosis, _)| diagnosis)
}

/// Why our own eyes cannot be trusted, if they cannot.
#[must_use]
pub fn suspect(facts: &Facts, fleet: &Fleet) -> Option<SuspectWhy> {
    match facts.myself {
        SelfVote::Suspect(why) => Some(why),
        SelfVote::Trusted if fleet.api_server_silent => Some(SuspectWhy::ApiServerSilent),
        SelfVote::Trusted if fleet.watch_silent => Some(SuspectWhy::WatchSilent),
        SelfVote::Trusted if fleet.clock_off => Some(SuspectWhy::ClockOff),
        SelfVote::Trusted => None,
    }
}

/// Somebody says that A's database lives.
#[must_use]
pub fn alive(facts: &Facts) -> bool {
    matches!(facts.proof.value, ProofVote::Up | ProofVote::Refused) || facts.link.value == LinkVote::Flowing
}

/// Services of A are out, as we and as users see them.
#[must_use]
pub fn services_out(facts: &Facts) -> bool {
    is_out(facts.a.probe.value) && facts.a.edge.value == EdgeVote::Down
}

/// And every service that needs the writer is among them.
#[must_use]
pub fn dark(facts: &Facts) -> bool {
    services_out(facts) && facts.a.writer_services_down.value
}

/// Four domains agree that the region is gone, and nobody says that the database lives.
#[must_use]
pub fn region_down(facts: &Facts) -> bool {
    facts.a.probe.value == ProbeVote::Down
        && facts.a.edge.value == EdgeVote::Down
        && facts.link.value == LinkVote::Broken
        && facts.a.instance.value == InstanceVote::Silent
        && !alive(facts)
}

/// A's own process cannot reach the writer, and the replica or RDS agrees.
#[must_use]
pub fn database_down_by_proof(facts: &Facts) -> bool {
    let agreed = facts.link.value == LinkVote::Broken
        || matches!(facts.a.instance.value, InstanceVote::Failed | InstanceVote::Absent);
    !alive(facts) && facts.proof.value == ProofVote::Down && agreed
}

/// All that needs the writer is dark, and the replica has lost it too.
#[must_use]
pub fn database_down_by_darkness(facts: &Facts) -> bool {
    !alive(facts) && dark(facts) && facts.link.value == LinkVote::Broken
}

fn writer_refuses(facts: &Facts) -> bool {
    matches!(facts.proof.value, ProofVote::Refused | ProofVote::Down)
        || matches!(facts.a.instance.value, InstanceVote::Failed | InstanceVote::Absent)
}

fn services_down_everywhere(facts: &Facts) -> bool {
    services_out(facts) && is_out(facts.b.probe.value) && facts.b.edge.value != EdgeVote::Up
}

fn views_disagree(facts: &Facts) -> bool {
    let (probe, edge) = (facts.a.probe.value, facts.a.edge.value);
    (probe == ProbeVote::Up && edge == EdgeVote::Down) || (probe == ProbeVote::Down && edge == EdgeVote::Up)
}

fn services_degraded(facts: &Facts) -> bool {
    let (probe, edge) = (facts.a.probe.value, facts.a.edge.value);
    matches!(probe, ProbeVote::Partial | ProbeVote::Impaired)
        || edge == EdgeVote::Partial
        || (probe == ProbeVote::Down && edge == EdgeVote::Unknown)
        || (edge == EdgeVote::Down && probe == ProbeVote::Unknown)
}

/// Services of A are Up in one view (and, by the rows before, Down in neither).
#[must_use]
pub fn services_up(facts: &Facts) -> bool {
    facts.a.probe.value == ProbeVote::Up || facts.a.edge.value == EdgeVote::Up
}

fn standby_degraded(facts: &Facts) -> bool {
    matches!(
        facts.b.probe.value,
        ProbeVote::Down | ProbeVote::Impaired | ProbeVote::Partial
    ) || matches!(facts.b.edge.value, EdgeVote::Down | EdgeVote::Partial)
        || facts.b.instance.value != InstanceVote::Available
}

fn healthy(facts: &Facts) -> bool {
    services_up(facts)
        && facts.link.value == LinkVote::Flowing
        && matches!(facts.a.instance.value, InstanceVote::Available | InstanceVote::Routine)
}
