//! How much a promotion would lose at most.

use crate::facts::{EdgeVote, Facts, LinkVote, ProofVote, RegionFacts, Vote};
use crate::journal::Loss;
use crate::time::{Now, since};
use jiff::Timestamp;

/// When writes to A are known to have stopped: when A's own process said so, or, with A dark and the link Broken,
/// the latest of probe, edge and link (neither we, nor users, nor B reach A). `None`: they may still go on.
#[must_use]
pub fn writes_stopped(a: &RegionFacts, proof: &Vote<ProofVote>, link: &Vote<LinkVote>) -> Option<Timestamp> {
    if proof.value == ProofVote::Down {
        return proof.since;
    }
    let dark = crate::evidence::is_out(a.probe.value) && a.edge.value == EdgeVote::Down && a.writer_services_down.value;
    if !dark || link.value != LinkVote::Broken {
        return None;
    }
    // Not since when the region's value is what it is: it may swing between Impaired and Down.
    let probe = a.out.since.max(a.writer_services_down.since);
    // Where readings of users' view lie far apart because of a quota, it is Down since the first of those that all said so:
    // in the whole time between neither we nor B reached A.
    let edge = a.edge_down_since.or(a.edge.since);
    [probe, edge, link.since]
        .into_iter()
        .try_fold(Timestamp::MIN, |latest, at| at.map(|at| latest.max(at)))
}

/// The estimate with its terms; `None` while nothing tells how far the replica had come.
#[must_use]
pub fn estimate(facts: &Facts, now: Now) -> Option<Loss> {
    let caught_up_to = facts.caught_up_to?;
    let writes_stopped = facts.writes_stopped.unwrap_or(now.wall);
    let lost = since(caught_up_to, writes_stopped);
    let seconds = i64::try_from(lost.as_secs())
        .unwrap_or(i64::MAX)
        .saturating_add(i64::from(lost.subsec_nanos() > 0));
    Some(Loss {
        caught_up_to,
        writes_stopped,
        seconds,
        sharp: facts.caught_up_sharp,
    })
}
