//! What the nearest promotion still lacks. Supply all of it, and the decision flips; supply less, and it does not.

use super::Sight;
use super::held::{Held, held};
use super::refuse;
use crate::decision::Missing;
use crate::diagnose::suspect;
use crate::evidence::is_out;
use crate::facts::{EdgeVote, Facts, InstanceVote, LinkVote, ProbeVote, ProofVote};
use crate::refusal::Refusal;

/// Empty only while a move is in flight that waits for no person, or when the next one begins now.
///
/// Facts and time come first, then whatever refuses; what would refuse any promotion is named on a quiet day too.
pub(super) fn missing(sight: &Sight<'_>) -> Vec<Missing> {
    let in_flight = sight.input.journal.in_flight();
    if in_flight.is_some_and(|current| !current.awaits_approval()) {
        return Vec::new();
    }
    let mut missing = Vec::new();
    match &sight.facts {
        Some(facts) if sight.diagnosis.calls_for_promotion() => missing.extend(time(sight, facts)),
        Some(facts) => {
            conditions(sight, facts, &mut missing);
            missing.extend(refuse::in_the_way(sight, facts).iter().map(gone));
        }
        None => {}
    }
    // What awaits approval is itself what is in flight.
    let said_by_time = |refusal: &&Refusal| !matches!(refusal, Refusal::NotHeld { .. } | Refusal::MoveInFlight);
    missing.extend(sight.refusals.iter().filter(said_by_time).map(gone));
    missing
}

fn gone(refusal: &Refusal) -> Missing {
    Missing::RefusalGone(refusal.name())
}

fn time(sight: &Sight<'_>, facts: &Facts) -> Option<Missing> {
    match held(sight, facts) {
        Held::Until(until) => Some(Missing::NotBefore(until)),
        Held::Yes | Held::Never => None,
    }
}

/// The shortest list: for a database that its own shop cannot reach, a dead region, or a database that nobody reaches.
fn conditions(sight: &Sight<'_>, facts: &Facts, missing: &mut Vec<Missing>) {
    if suspect(facts, sight.input.fleet).is_some() {
        missing.push(Missing::TrustInObserver);
    }
    // A link that flows is named by what must become of it.
    if matches!(facts.proof.value, ProofVote::Up | ProofVote::Refused) {
        missing.push(Missing::DatabaseSilence);
    }
    let (region, database) = (for_region_down(facts), for_database_down(facts));
    missing.extend(if facts.proof.value == ProofVote::Down {
        for_database_out_of_reach(facts)
    } else if region.len() <= database.len() {
        region
    } else {
        database
    });
}

fn for_region_down(facts: &Facts) -> Vec<Missing> {
    let mut missing = Vec::new();
    push(&mut missing, facts.a.probe.value != ProbeVote::Down, Missing::ProbeDown);
    push(&mut missing, facts.a.edge.value != EdgeVote::Down, Missing::EdgeDown);
    push(&mut missing, facts.link.value != LinkVote::Broken, Missing::LinkBroken);
    push(
        &mut missing,
        facts.a.instance.value != InstanceVote::Silent,
        Missing::InstanceSilent,
    );
    missing
}

fn for_database_down(facts: &Facts) -> Vec<Missing> {
    let mut missing = Vec::new();
    push(&mut missing, !is_out(facts.a.probe.value), Missing::ServicesOut);
    push(
        &mut missing,
        !facts.a.writer_services_down.value,
        Missing::WriterServicesDown,
    );
    push(&mut missing, facts.a.edge.value != EdgeVote::Down, Missing::EdgeDown);
    push(&mut missing, facts.link.value != LinkVote::Broken, Missing::LinkBroken);
    push(&mut missing, is_routine(facts), Missing::RoutineOver);
    missing
}

/// Its own process says that it cannot reach the writer: the replica must agree.
fn for_database_out_of_reach(facts: &Facts) -> Vec<Missing> {
    let agreed = matches!(facts.a.instance.value, InstanceVote::Failed | InstanceVote::Absent)
        && facts.link.value != LinkVote::Flowing;
    let mut missing = Vec::new();
    push(
        &mut missing,
        facts.link.value != LinkVote::Broken && !agreed,
        Missing::LinkBroken,
    );
    push(&mut missing, is_routine(facts), Missing::RoutineOver);
    missing
}

/// A routine state is waited for, however long: it must end first.
fn is_routine(facts: &Facts) -> bool {
    facts.a.instance.value == InstanceVote::Routine
}

fn push(missing: &mut Vec<Missing>, lacks: bool, what: Missing) {
    if lacks {
        missing.push(what);
    }
}
