//! One wall clock, possibly faster than the real one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use breakwater_sim::Millis;

/// The fastest clock that is allowed. Beyond it a real time-out of 500 ms, the shortest that a
/// controller may use, would last longer than the windows in which it decides.
pub const FASTEST: u32 = 30;

/// Real time now, in microseconds since the Unix epoch.
pub fn real_micros() -> i64 {
    // A clock before 1970 reads as the epoch; past the year 294246 it reads as the last instant.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The scaled wall clock: at `start` real and virtual time are the same, from then on virtual time
/// runs `scale` times as fast. Whoever knows the two numbers shows the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    start: i64,
    scale: u32,
}

impl Clock {
    /// A clock that starts at `start` (microseconds since the Unix epoch, cut to whole
    /// milliseconds) and runs `scale` times as fast as real time, 1 to [`FASTEST`].
    pub fn new(start: i64, scale: u32) -> Self {
        Self {
            start: start - start.rem_euclid(1000),
            scale: scale.clamp(1, FASTEST),
        }
    }

    /// Where real and virtual time meet, in microseconds since the Unix epoch.
    pub fn start(&self) -> i64 {
        self.start
    }

    /// How many virtual seconds pass in a real one.
    pub fn scale(&self) -> u32 {
        self.scale
    }

    /// The virtual time at a real one (microseconds), in milliseconds.
    pub fn at(&self, real: i64) -> Millis {
        (self.start + (real - self.start) * i64::from(self.scale)) / 1000
    }

    /// The virtual time now, in milliseconds since the Unix epoch.
    pub fn now(&self) -> Millis {
        self.at(real_micros())
    }

    /// How long a virtual span lasts in real time.
    pub fn real_span(&self, span: Millis) -> Duration {
        Duration::from_millis(u64::try_from(span).unwrap_or(0)) / self.scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_from_its_start() {
        let clock = Clock::new(1_000_000_999, 30);
        assert_eq!(clock.start(), 1_000_000_000);
        assert_eq!(clock.at(1_000_000_000), 1_000_000);
        assert_eq!(clock.at(1_001_000_000), 1_030_000);
        assert_eq!(clock.real_span(3_000), Duration::from_millis(100));
        assert_eq!(clock.real_span(-1), Duration::ZERO);
    }

    #[test]
    fn is_never_faster_than_allowed() {
        assert_eq!(Clock::new(0, 1000).scale(), FASTEST);
        assert_eq!(Clock::new(0, 0).scale(), 1);
    }
}
