//! Proofs: what the shop's own processes say about the writer.

use super::probes::is_fresh;
use crate::Text;
use crate::facts::{ProofVote, Vote};
use crate::gtid::GtidSet;
use crate::reading::{Proof, ProofSeen, Reading};
use crate::shop::Shop;
use crate::side::{PerSide, Side};
use crate::time::{Now, past};
use crate::window::Run;
use jiff::Timestamp;
use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub(super) struct Proofs {
    said: PerSide<Option<(Now, Proof)>>,
    /// Server uuids of each region's own database, as last told by a process beside it.
    uuid: PerSide<Option<Text>>,
    /// The run of "cannot reach the writer" by each region's own process.
    down: PerSide<Run>,
    /// Since when the vote about each region's writer has been the same; a refusal that is our own fence counts apart.
    since: PerSide<Option<(ProofVote, Now)>>,
    /// When somebody last said that each region's writer lives.
    lived: PerSide<Option<Duration>>,
    /// When somebody last said anything.
    newest: Option<Duration>,
    asked: PerSide<Option<Now>>,
    applied_until: PerSide<Option<Timestamp>>,
    /// What each region's own database has executed, as last told.
    executed: PerSide<Option<(Now, GtidSet)>>,
    /// Since each region's own process has had its writes refused without a break.
    refused: PerSide<Option<Refusing>>,
}

/// A run of refused writes of a region's own process to its own database.
#[derive(Clone, Debug)]
struct Refusing {
    /// When the first of them arrived.
    at: Now,
    /// What the database had executed in the first answer that was asked for after that: nothing is written any more.
    executed: Option<(Now, GtidSet)>,
}

impl Proofs {
    pub(super) fn swap_sides(&mut self) {
        self.said.swap();
        self.uuid.swap();
        self.down.swap();
        self.since.swap();
        self.lived.swap();
        self.asked.swap();
        self.applied_until.swap();
        self.executed.swap();
        self.refused.swap();
    }

    pub(super) fn absorb(&mut self, reading: &Reading, shop: &Shop, url: &Text, seen: &ProofSeen) {
        let at = |side: Side| shop.regions[side].proof.as_ref() == Some(url);
        let mut sides = Side::BOTH.into_iter().filter(|side| at(*side));
        // Both regions may name one URL: then each answer is the region's whose process gave it.
        let side = match (sides.next(), sides.next(), seen) {
            (Some(one), Some(other), ProofSeen::Said(proof)) => {
                let told = shop.side(&proof.region);
                for side in [one, other].into_iter().filter(|side| Some(*side) != told) {
                    self.note_asked(side, reading);
                }
                told
            }
            (Some(one), Some(other), ProofSeen::Nothing(_)) => {
                self.note_asked(other, reading);
                Some(one)
            }
            (one, _, _) => one,
        };
        let Some(side) = side.filter(|side| self.note_asked(*side, reading)) else {
            return;
        };
        let ProofSeen::Said(proof) = seen else { return };
        let interval = shop.policy.interval;
        if let Some(uuid) = &proof.local_uuid {
            self.uuid[side] = Some(uuid.clone());
        }
        if let Some(applied) = proof.applied_until.map(|told| past(told, reading.at.wall)) {
            self.applied_until[side] = self.applied_until[side].max(Some(applied));
        }
        self.absorb_executed(reading, side, proof, interval);
        let unreachable = !proof.writable && proof.writer_uuid.is_none();
        self.down[side].feed(reading.at, Some(unreachable), interval);
        self.said[side] = Some((reading.at, proof.clone()));
        let seen_lately = self.newest.is_some_and(|at| is_fresh(at, reading.at, interval));
        self.newest = Some(reading.at.mono);
        for a in Side::BOTH {
            let vote = self.value(reading.at, interval, a, false);
            if !seen_lately || self.since[a].is_none_or(|(old, _)| old != vote) {
                self.since[a] = Some((vote, reading.at));
            }
            if proof.writer_uuid.is_some() && proof.writer_uuid != self.uuid[a.other()] {
                self.lived[a] = Some(reading.at.mono);
            }
        }
    }

    /// What was executed, and whether writes are refused: a set that was read before the refusal may lack what was written
    /// between the two.
    fn absorb_executed(&mut self, reading: &Reading, side: Side, proof: &Proof, interval: Duration) {
        let executed = proof.executed.as_deref().and_then(GtidSet::parse);
        let executed = executed.filter(|set| !set.is_empty()).map(|set| (reading.asked, set));
        let goes_on = self.fresh(side, reading.at, interval).is_some();
        if !refuses(proof) {
            self.refused[side] = None;
        } else if let Some(run) = self.refused[side].as_mut().filter(|_| goes_on) {
            if run.executed.is_none() && reading.asked.mono > run.at.mono {
                run.executed.clone_from(&executed);
            }
        } else {
            self.refused[side] = Some(Refusing {
                at: reading.at,
                executed: None,
            });
        }
        if executed.is_some() {
            self.executed[side] = executed;
        }
    }

    /// Whether both regions' processes tell what their databases have executed.
    pub(super) fn tell_executed(&self) -> bool {
        Side::BOTH.into_iter().all(|side| self.executed[side].is_some())
    }

    /// Whether the other region's database holds all that this one had executed at an instant when its writes were refused,
    /// not before `then`. What this one executes by itself later on is no order.
    pub(super) fn is_drained(&self, side: Side, then: Timestamp) -> bool {
        let (Some(run), Some((_, held))) = (&self.refused[side], &self.executed[side.other()]) else {
            return false;
        };
        let newest = self.executed[side]
            .as_ref()
            .filter(|(asked, _)| asked.mono > run.at.mono);
        [run.executed.as_ref(), newest]
            .into_iter()
            .flatten()
            .any(|(asked, left)| asked.wall >= then && held.contains(left))
    }

    /// Notes that a region's process was asked; `false` where a newer question has been answered before.
    fn note_asked(&mut self, side: Side, reading: &Reading) -> bool {
        if super::is_overtaken(self.asked[side], reading) {
            return false;
        }
        self.asked[side] = Some(reading.asked);
        true
    }

    /// When the newest answer (or none) of this region's process was asked for.
    pub(super) fn asked(&self, side: Side) -> Option<Timestamp> {
        self.asked[side].map(|asked| asked.wall)
    }

    pub(super) fn vote(&self, now: Now, shop: &Shop, a: Side, fence_is_ours: bool) -> Vote<ProofVote> {
        let interval = shop.policy.interval;
        let value = self.value(now, interval, a, fence_is_ours);
        let begin = self.since[a].map(|(_, at)| at);
        let (since, held) = match value {
            ProofVote::Down => (self.down[a].since(), self.down[a].held(now, interval)),
            ProofVote::Up | ProofVote::Refused => {
                let lived = begin.zip(self.lived[a]);
                let held = lived.map_or(Duration::ZERO, |(begin, newest)| newest.saturating_sub(begin.mono));
                (begin.map(|at| at.wall), held)
            }
            // Nobody has said anything lately: what was said last began at another time.
            ProofVote::Unknown => (None, Duration::ZERO),
        };
        Vote {
            value,
            since,
            held,
            read: self.said[a].as_ref().map(|(at, _)| at.wall),
        }
    }

    fn value(&self, now: Now, interval: Duration, a: Side, fence_is_ours: bool) -> ProofVote {
        let mut refused = false;
        for side in Side::BOTH {
            let Some(proof) = self.fresh(side, now, interval) else {
                continue;
            };
            let about_a = proof.writer_uuid.is_some() && proof.writer_uuid != self.uuid[a.other()];
            if about_a && (proof.writable || fence_is_ours) {
                return ProofVote::Up;
            }
            refused |= about_a;
        }
        if refused {
            ProofVote::Refused
        } else if self.down(a, now, interval) {
            ProofVote::Down
        } else {
            ProofVote::Unknown
        }
    }

    fn fresh(&self, side: Side, now: Now, interval: Duration) -> Option<&Proof> {
        self.said[side]
            .as_ref()
            .filter(|(at, _)| is_fresh(at.mono, now, interval))
            .map(|(_, proof)| proof)
    }

    /// A fresh answer of the region's own process: it cannot reach the writer.
    pub(super) fn down(&self, side: Side, now: Now, interval: Duration) -> bool {
        self.fresh(side, now, interval)
            .is_some_and(|proof| !proof.writable && proof.writer_uuid.is_none())
    }

    pub(super) fn applied_until(&self, side: Side) -> Option<Timestamp> {
        self.applied_until[side]
    }

    pub(super) fn local_writable(&self, side: Side, now: Now, interval: Duration) -> bool {
        self.fresh(side, now, interval)
            .is_some_and(|proof| proof.local_read_only == Some(false))
    }

    pub(super) fn written_to(&self, side: Side, now: Now, interval: Duration) -> bool {
        let uuid = self.uuid[side].as_ref();
        uuid.is_some()
            && Side::BOTH.into_iter().any(|from| {
                self.fresh(from, now, interval)
                    .is_some_and(|proof| proof.writable && proof.writer_uuid.as_ref() == uuid)
            })
    }

    pub(super) fn local_write_refused(&self, side: Side, now: Now, interval: Duration) -> bool {
        self.fresh(side, now, interval).is_some_and(refuses)
    }
}

/// The application's own write to the database of its own region was refused.
fn refuses(proof: &Proof) -> bool {
    !proof.writable && proof.user.is_some() && proof.writer_uuid.is_some() && proof.writer_uuid == proof.local_uuid
}
