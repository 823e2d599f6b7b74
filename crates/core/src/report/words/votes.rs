//! The names of votes.

use crate::facts::{EdgeVote, InstanceVote, LinkVote, ProbeVote, ProofVote};

pub(in crate::report) fn probe(vote: ProbeVote) -> &'static str {
    match vote {
        ProbeVote::Up => "Up",
        ProbeVote::Partial => "Partial",
        ProbeVote::Impaired => "Impaired",
        ProbeVote::Down => "Down",
        ProbeVote::Unknown => "Unknown",
    }
}

pub(in crate::report) fn edge(vote: EdgeVote) -> &'static str {
    match vote {
        EdgeVote::Up => "Up",
        EdgeVote::Partial => "Partial",
        EdgeVote::Down => "Down",
        EdgeVote::Unknown => "Unknown",
    }
}

pub(in crate::report) fn instance(vote: InstanceVote) -> &'static str {
    match vote {
        InstanceVote::Available => "Available",
        InstanceVote::Routine => "Routine",
        InstanceVote::Failed => "Failed",
        InstanceVote::Absent => "Absent",
        InstanceVote::Silent => "Silent",
        InstanceVote::Unknown => "Unknown",
    }
}

pub(in crate::report) fn link(vote: LinkVote) -> &'static str {
    match vote {
        LinkVote::Flowing => "Flowing",
        LinkVote::Broken => "Broken",
        LinkVote::BrokenOfOld => "BrokenOfOld",
        LinkVote::Unknown => "Unknown",
    }
}

pub(in crate::report) fn proof(vote: ProofVote) -> &'static str {
    match vote {
        ProofVote::Up => "Up",
        ProofVote::Refused => "Refused",
        ProofVote::Down => "Down",
        ProofVote::Unknown => "Unknown",
    }
}
