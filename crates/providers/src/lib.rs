//! The wire of Breakwater: it turns core's `Query` into readings and the engine's `Call` into outcomes.
//!
//! It knows the AWS SDKs, Cloudflare's API and plain HTTP, and how each of them fails. It does not know the
//! journal, the diagnosis, or why anything is asked or called.
//!
//! Three rules hold everywhere:
//! - every key that was asked gets exactly one value: silence and trouble are values, not errors;
//! - only an answer in the provider's own form is believed, and only a complete one;
//! - text that others wrote is bounded and stripped ([`clean`]) before it leaves this crate.

// Tests fail by panicking; nothing else does.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod aws;
mod cloudflare;
mod clouds;
mod fault;
mod probe;
mod secret;
mod settings;
mod text;
mod unique;

#[cfg(test)]
mod canned;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod world_tests;

pub use clouds::Clouds;
pub use secret::Secret;
pub use settings::{ClassAccess, ClassProblem, FixedAws, Settings};
pub use text::clean;

use breakwater_core::outcome::Outcome;
use breakwater_core::reading::{Cause, ObjectKey, Query, Value};
use breakwater_core::time::Now;
use breakwater_engine::call::Call;
use std::future::Future;
use std::time::Duration;

/// Looks at the world.
pub trait Eyes {
    /// Asks one question; one entry for each key asked, always: silence and trouble are values.
    ///
    /// `now` is when the question is asked (CloudWatch is asked for the time before it); `cause` is the
    /// request's own number and goes with it as `x-breakwater-query`.
    fn query(&self, now: Now, cause: Cause, query: &Query) -> impl Future<Output = Vec<(ObjectKey, Value)>> + Send;
}

/// Changes the world.
pub trait Hands {
    /// Sends one call and tells what its answer says, after `timeout` (virtual time) at the latest.
    ///
    /// `because` names the request whose answer made the call possible (`x-breakwater-because`).
    fn call(
        &self,
        cause: Cause,
        because: Cause,
        timeout: Duration,
        call: &Call,
    ) -> impl Future<Output = Outcome> + Send;
}
