//! The decision core against what it promises, in sentences.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test that is wrong should stop"
)]

mod adoption;
mod approvals;
mod blockers;
mod contested;
mod diagnosis;
mod fences;
mod instances;
mod left_behind;
mod licence;
mod link;
mod loss;
mod moved;
mod moves;
mod names;
mod observer;
mod pacing;
mod places;
mod planned;
mod probes;
mod proofs;
mod rebuild;
mod refusals;
mod requests;
mod restraint;
mod scene;
mod shifts;
mod told;
mod traffic;
mod windows;
