//! Time as an argument: core never asks a clock.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// One instant, on two clocks that are never mixed.
///
/// `mono` measures windows and the lease; `wall` dates the journal, freezes and `startBefore`.
/// Both run at the demo's time scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Time since the process (or the run) began; never goes back.
    pub mono: Duration,
    /// The wall clock, which may be off and may jump.
    pub wall: Timestamp,
}

/// `at` plus a non-negative duration; saturates at the end of time instead of failing.
#[must_use]
pub fn after(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| at.checked_add(by).ok())
        .unwrap_or(Timestamp::MAX)
}

/// A time that somebody else told, as one that can have been: not before 1970, not after `now`. What is written down in
/// Kubernetes has a year of four digits, and nothing was caught up with in the future.
#[must_use]
pub fn past(told: Timestamp, now: Timestamp) -> Timestamp {
    told.min(now).max(Timestamp::UNIX_EPOCH)
}

/// `at` minus a non-negative duration; saturates at the beginning of 1970.
#[must_use]
pub fn before(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| at.checked_sub(by).ok())
        .map_or(Timestamp::UNIX_EPOCH, |earlier| earlier.max(Timestamp::UNIX_EPOCH))
}

/// How long after `earlier` is `later`; zero when it is not later.
#[must_use]
pub fn since(earlier: Timestamp, later: Timestamp) -> Duration {
    later.duration_since(earlier).try_into().unwrap_or(Duration::ZERO)
}
