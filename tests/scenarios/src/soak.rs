//! The soak: a day of troubles at random, and then none. A seed fixes all of it.
//!
//! A phase of faults comes first: anything that the simulated world can do to a shop or to its providers, persons' deeds,
//! deaths of the controller, backups put back, writes that are lost or late. Then everything is cleared, and for more
//! than two hours (what the deadlines of a move come to) nothing happens any more. All checkers judge the run: whatever
//! came, no invariant is broken, and what is left is Ready, or Stalled with something for a person to do.

mod day;
mod dice;
mod troubles;

pub use day::Day;

use crate::judged;
use breakwater_rig::Rig;
use serde_json::Value;
use std::any::Any;
use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

/// What became of one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lived {
    /// The seed.
    pub seed: u64,
    /// Hash of ledger and history.
    pub hash: u64,
    /// Virtual seconds.
    pub seconds: u64,
    /// What may never happen and did, or how it ended before its time.
    pub violations: Vec<String>,
}

/// Lives through the days of these seeds on several threads, and tells of each as it ends, in whatever order.
///
/// Threads share nothing but the next seed, so that what each day comes to does not depend on how many there are.
#[must_use]
pub fn live(seeds: std::ops::Range<u64>, threads: usize, mut told: impl FnMut(&Lived)) -> Vec<Lived> {
    let next = AtomicU64::new(seeds.start);
    let (send, ended) = mpsc::channel();
    let mut lived = BTreeMap::new();
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let send = send.clone();
            let next = &next;
            let end = seeds.end;
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || send.send(one(seed)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        for day in ended {
            told(&day);
            lived.insert(day.seed, day);
        }
    });
    lived.into_values().collect()
}

/// One hash for all of them, in the order of their seeds.
#[must_use]
pub fn hash_of(lived: &[Lived]) -> u64 {
    let mut hash = Hash::default();
    for day in lived {
        hash.take(&day.seed.to_le_bytes());
        hash.take(&day.hash.to_le_bytes());
    }
    hash.0
}

/// Lives through one seed's day.
#[must_use]
pub fn one(seed: u64) -> Lived {
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let mut day = Day::of(seed);
        day.troubles();
        day.calm();
        day.into_rig()
    }));
    match lived {
        Ok(rig) => judge(seed, &rig),
        Err(panic) => Lived {
            seed,
            hash: 0,
            seconds: 0,
            violations: vec![format!("panicked: {}", words(panic.as_ref()))],
        },
    }
}

fn judge(seed: u64, rig: &Rig) -> Lived {
    let (ledger, history) = (rig.ledger_json(), rig.history_json());
    let mut hash = Hash::default();
    hash.take(&rig.world.ledger().hash().to_le_bytes());
    // Writing into a hash cannot fail.
    let _ = serde_json::to_writer(&mut hash, &history);
    let violations = match judged(&ledger, &history, &rig.context_json()) {
        Ok(violations) => violations.iter().map(ToString::to_string).collect(),
        Err(unreadable) => vec![unreadable.to_string()],
    };
    let start = ledger.get("start").and_then(Value::as_i64).unwrap_or_default();
    Lived {
        seed,
        hash: hash.0,
        seconds: u64::try_from((rig.millis() - start) / 1000).unwrap_or(0),
        violations,
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without words").to_owned()
}

/// FNV-1a: the same in every process, unlike the standard hasher.
struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Hash(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
