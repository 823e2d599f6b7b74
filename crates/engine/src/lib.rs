//! The engine of Breakwater: journal first, lanes, licences, ambiguous answers; sans-IO.
//!
//! It knows that nothing is done before it is written, and that a call without an answer may have been done.
//! It does not know tokio, HTTP, Kubernetes, or *why* a move happens.

pub mod call;
pub mod port;

mod budget;
mod denied;
mod engine;
mod events;
mod keep;
mod kept_shop;
mod pacing;
mod queue;
mod requests;
mod send;
mod watchlist;

pub use engine::{Engine, Settings};
