//! The decision core of Breakwater: from readings to a decision, pure and synchronous.
//!
//! It knows votes, windows, diagnoses, refusals, levels and words for people. It does not know Kubernetes, AWS,
//! HTTP, async, clocks or retries: time is an argument, and every step it returns has no choices left.

pub mod actual;
pub mod decision;
pub mod diagnose;
pub mod diagnosis;
pub mod evidence;
pub mod facts;
mod gtid;
pub mod journal;
pub mod loss;
pub mod outcome;
pub mod owner_record;
pub mod pacing;
pub mod places;
pub mod plan;
pub mod reading;
pub mod rebuilt;
pub mod refusal;
pub mod report;
pub mod request;
pub mod shop;
pub mod side;
pub mod time;
pub mod window;

/// Immutable text that many parts share.
pub type Text = std::sync::Arc<str>;
