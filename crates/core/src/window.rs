//! Windows: how long a vote has been held. They live in memory and start empty.

use crate::time::Now;
use jiff::Timestamp;
use std::time::Duration;

/// A Down that is held needs at least this many samples: fewer are a hiccup of one round or two.
const FEWEST_SAMPLES: u32 = 4;
/// Edge, instance and link confirm with two reads at least this far apart.
pub const CONFIRM_APART: Duration = Duration::from_secs(20);
/// A reading of edge or RDS older than this is Unknown.
pub const FRESH_CLOUD: Duration = Duration::from_secs(90);

/// A run of equal samples of a probe or proof: an Up ends it, an Unknown is a gap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Run {
    since: Option<Now>,
    last: Duration,
    counted: Duration,
    samples: u32,
}

impl Run {
    /// Takes one sample. `Some(true)` goes on with the run, `Some(false)` ends it, `None` is a gap.
    /// Several samples of one round (closer than half an interval) count once.
    pub fn feed(&mut self, now: Now, sample: Option<bool>, interval: Duration) {
        match sample {
            None => {}
            Some(false) => *self = Run::default(),
            Some(true) => {
                if self.since.is_none() || now.mono.saturating_sub(self.last) > 3 * interval {
                    *self = Run {
                        since: Some(now),
                        last: now.mono,
                        counted: now.mono,
                        samples: 1,
                    };
                    return;
                }
                self.last = now.mono;
                if now.mono.saturating_sub(self.counted) * 2 >= interval {
                    self.counted = now.mono;
                    self.samples += 1;
                }
            }
        }
    }

    /// How long the run has been held: from its first sample to its newest, zero before the fourth sample or when stale.
    #[must_use]
    pub fn held(&self, now: Now, interval: Duration) -> Duration {
        match self.since {
            Some(since) if self.samples >= FEWEST_SAMPLES && now.mono.saturating_sub(self.last) <= 3 * interval => {
                self.last.saturating_sub(since.mono)
            }
            Some(_) | None => Duration::ZERO,
        }
    }

    /// When the run began (wall time).
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        self.since.map(|since| since.wall)
    }

    /// When the run began (monotonic).
    #[must_use]
    pub fn since_mono(&self) -> Option<Duration> {
        self.since.map(|since| since.mono)
    }
}

/// The newest value of something read now and then (edge, instance, link), and since when it has been the same.
#[derive(Clone, Copy, Debug)]
pub struct Track<V> {
    value: V,
    first: Option<Now>,
    last: Option<Now>,
}

impl<V: Copy + PartialEq> Track<V> {
    /// Nothing read yet.
    pub const fn new(unknown: V) -> Self {
        Track {
            value: unknown,
            first: None,
            last: None,
        }
    }

    /// Takes one reading. An equal one goes on unless the gap is too great to have seen a change.
    pub fn feed(&mut self, now: Now, value: V) {
        let goes_on = self.value == value
            && self
                .last
                .is_some_and(|last| now.mono.saturating_sub(last.mono) <= FRESH_CLOUD);
        if !goes_on {
            self.first = Some(now);
            self.value = value;
        }
        self.last = Some(now);
    }

    /// The value, unless the newest reading is too old.
    #[must_use]
    pub fn fresh(&self, now: Now) -> Option<V> {
        self.last
            .filter(|last| now.mono.saturating_sub(last.mono) <= FRESH_CLOUD)
            .map(|_| self.value)
    }

    /// The newest value, however old.
    #[must_use]
    pub fn newest(&self) -> V {
        self.value
    }

    /// From the first to the newest of the equal readings; zero unless they are at least 20 s apart.
    #[must_use]
    pub fn held(&self) -> Duration {
        match (self.first, self.last) {
            (Some(first), Some(last)) => {
                let apart = last.mono.saturating_sub(first.mono);
                if apart >= CONFIRM_APART { apart } else { Duration::ZERO }
            }
            (Some(_) | None, _) => Duration::ZERO,
        }
    }

    /// Since when the value has been the same.
    #[must_use]
    pub fn since(&self) -> Option<Now> {
        self.first
    }
}
