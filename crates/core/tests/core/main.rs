//! The decision core against the protocol's sentences.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test that is wrong should stop"
)]

mod adoption;
mod diagnosis;
mod fences;
mod instances;
mod licence;
mod link;
mod loss;
mod moves;
mod names;
mod observer;
mod pacing;
mod probes;
mod proofs;
mod refusals;
mod requests;
mod restraint;
mod scene;
mod traffic;
mod windows;
