//! One clock for polling, windows, licence and journal. In demos it runs faster than real time; signatures,
//! Kubernetes' own times and the lease stay real.

use breakwater_core::time::Now;
use jiff::Timestamp;
use std::time::{Duration, Instant};

/// The scaled clock of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_wall: Timestamp,
    scale_start: Timestamp,
    scale: f64,
}

impl Clock {
    /// A clock whose wall time runs `scale` times as fast from `scale_start` on.
    pub(crate) fn new(scale: f64, scale_start: Option<Timestamp>) -> Self {
        let started_wall = Timestamp::now();
        Clock {
            started: Instant::now(),
            started_wall,
            scale_start: scale_start.unwrap_or(started_wall),
            scale,
        }
    }

    /// The instant, on both clocks.
    pub(crate) fn now(&self) -> Now {
        let passed = self.started.elapsed();
        Now {
            mono: passed.mul_f64(self.scale),
            wall: self.wall(passed),
        }
    }

    fn wall(&self, passed: Duration) -> Timestamp {
        let real = breakwater_core::time::after(self.started_wall, passed);
        let since_start = breakwater_core::time::since(self.scale_start, real);
        let wall = breakwater_core::time::after(self.scale_start, since_start.mul_f64(self.scale));
        // Milliseconds are what journals and people need; more digits only hide them.
        Timestamp::from_millisecond(wall.as_millisecond()).unwrap_or(wall)
    }

    /// The scaled monotonic time of a real instant.
    pub(crate) fn mono_of(&self, real: Instant) -> Duration {
        real.saturating_duration_since(self.started).mul_f64(self.scale)
    }

    /// The real instant of a scaled monotonic time.
    pub(crate) fn real_of(&self, mono: Duration) -> Instant {
        self.started + mono.div_f64(self.scale)
    }

    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }
}
