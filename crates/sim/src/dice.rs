//! Seeded randomness. Every concern has its own stream, so that a question more or less asked of one
//! provider does not move the shoppers.

use crate::request::Millis;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// One stream.
#[derive(Clone, Debug)]
pub(crate) struct Dice(SmallRng);

impl Dice {
    /// The stream of this name in the world of this seed.
    pub(crate) fn new(seed: u64, name: &str) -> Dice {
        Dice(SmallRng::seed_from_u64(mix(seed, name, 0)))
    }

    /// Uniform, both ends included.
    pub(crate) fn between(&mut self, (low, high): (Millis, Millis)) -> Millis {
        if low >= high {
            return low;
        }
        self.0.random_range(low..=high)
    }

    /// A waiting time with this mean, at least one millisecond.
    pub(crate) fn waiting(&mut self, mean: f64) -> Millis {
        let uniform = 1.0 - self.0.random::<f64>();
        ((-uniform.ln() * mean) as Millis).max(1)
    }

    /// An index, with these weights; 0 if they are all 0.
    pub(crate) fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let total: f64 = weights.clone().sum();
        let mut rest = self.0.random::<f64>() * total;
        for (index, weight) in weights.enumerate() {
            rest -= weight;
            if rest < 0.0 {
                return index;
            }
        }
        0
    }
}

/// A number made of a seed, a name and another number: randomness without a stream, for what must not
/// depend on how often it is looked at.
pub(crate) fn mix(seed: u64, name: &str, number: u64) -> u64 {
    let mut hash = seed ^ 0x9e37_79b9_7f4a_7c15;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = hash.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// A hash to a fraction in [0, 1).
pub(crate) fn fraction(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1u64 << 53) as f64
}
