//! Dice that fall the same way for ever: a replay command is worth nothing once a library draws other numbers.

use std::time::Duration;

/// Knuth's linear congruential generator (MMIX), its upper bits.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d);
        // Neighbouring seeds begin with neighbouring numbers.
        dice.below(2);
        dice.below(2);
        dice
    }

    /// A number from 0 up to, and without, `n`.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n.max(1)
    }

    pub(super) fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.below(n as u64)).unwrap_or(0)
    }

    pub(super) fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Seconds between two bounds.
    pub(super) fn seconds(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_secs(from + self.below(to - from + 1))
    }

    pub(super) fn count(&mut self, most: u64) -> u32 {
        u32::try_from(1 + self.below(most)).unwrap_or(1)
    }
}
