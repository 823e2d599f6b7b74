//! The engine, sans IO: what goes in, what comes out, and in which order.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test that is wrong should stop"
)]

mod calls;
mod driver;
mod journal_first;
mod lease;
mod licence;
mod looking;
mod requests;
mod world;
