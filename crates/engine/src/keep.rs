//! Journal first: entries and reports are written by compare-and-swap, and count only once the store has confirmed them.

use crate::engine::Engine;
use crate::kept_shop::{KeptShop, Writing};
use crate::port::{Kept, Out, Status, StoreError, Ticket};
use breakwater_core::decision::Decision;
use breakwater_core::journal::{Journal, Phase};
use breakwater_core::plan::{Input, plan};
use breakwater_core::reading::Cause;
use breakwater_core::report::{report, visible};
use breakwater_core::shop::ShopKey;
use breakwater_core::time::Now;
use std::time::Duration;

/// Votes of one round come within moments: what they change is written once, and stands in no entry's way.
const REPORT_GATHERS: Duration = Duration::from_secs(1);
/// Pause after a write or read that the API server refused or did not answer.
const PAUSE: Duration = Duration::from_secs(2);
/// A licence may rest on a read of the object that is this old: what led to the read has still to be planned again.
const READ_LASTS: Duration = Duration::from_secs(5);

impl Engine {
    /// After a start, and after a write whose end is not known, the journal is read before anything else.
    pub(crate) fn read_journal_first(&mut self, now: Now, key: &ShopKey, out: &mut Vec<Out>) {
        let ticket = self.next_ticket();
        let Some(kept) = self.shops.get_mut(key) else { return };
        if paused(kept, now) {
            return;
        }
        if let Writing::MustRead(sent) = &mut kept.writing {
            let sent = sent.take();
            self.start_reading(key, ticket, sent, out);
        }
    }

    fn start_reading(&mut self, key: &ShopKey, ticket: Ticket, sent: Option<Box<Status>>, out: &mut Vec<Out>) {
        if let Some(kept) = self.shops.get_mut(key) {
            kept.writing = Writing::Reading(ticket, sent);
            out.push(Out::ReadJournal {
                ticket,
                key: key.clone(),
            });
        }
    }

    /// Writes an entry of the journal, with the report that will be true once it stands.
    pub(crate) fn write_entry(&mut self, now: Now, key: &ShopKey, journal: &Journal, out: &mut Vec<Out>) {
        let ticket = self.next_ticket();
        let (me, fleet) = (self.settings.me.clone(), self.fleet.clone());
        let Some(kept) = self.shops.get_mut(key) else { return };
        // An entry of which a part would be dropped is no entry, and the API server keeps what is left of it.
        let outdated = kept.pruned || fleet.crds_lack.is_some();
        if !matches!(kept.writing, Writing::Idle) || paused(kept, now) || outdated {
            return;
        }
        if grants(&kept.journal, journal) && !read_lately(kept, now) {
            self.start_reading(key, ticket, None, out);
            return;
        }
        let foreseen = kept.foresee(journal);
        let as_it_is = kept.input(now, &me, &fleet, self.requests.of(key));
        let input = match &foreseen {
            Some((shop, evidence, actual)) => Input {
                journal,
                shop,
                evidence,
                actual,
                ..as_it_is
            },
            None => Input { journal, ..as_it_is },
        };
        let decision = plan(&input);
        let status = Box::new(Status {
            journal: journal.clone(),
            report: report(&input, &decision),
        });
        let seen = visible(&input, &decision);
        if crate::pacing::allows_anew(&kept.journal, journal) {
            self.queues.reserve(&kept.shop.class, now.mono);
        }
        kept.visible = Some(seen);
        kept.report_due = None;
        store(kept, key, ticket, status, out);
    }

    /// Writes the report alone, when what people see has changed.
    pub(crate) fn write_report(&mut self, now: Now, key: &ShopKey, decision: &Decision, out: &mut Vec<Out>) {
        let ticket = self.next_ticket();
        let (me, fleet) = (self.settings.me.clone(), self.fleet.clone());
        let Some(kept) = self.shops.get_mut(key) else { return };
        if !matches!(kept.writing, Writing::Idle) || paused(kept, now) {
            return;
        }
        if kept.pruned {
            self.tell_pruned(now, key, decision, ticket, out);
            return;
        }
        let seen = visible(&kept.input(now, &me, &fleet, self.requests.of(key)), decision);
        if kept.visible.as_ref() == Some(&seen) {
            kept.report_due = None;
            return;
        }
        // The first one is written at once; later ones wait for the rest of their round.
        let due = *kept.report_due.get_or_insert(now.mono + REPORT_GATHERS);
        if kept.visible.is_some() && now.mono < due {
            let wake = kept.wake.map_or(due, |wake| wake.min(due));
            self.set_wake(key, Some(wake));
            return;
        }
        kept.report_due = None;
        let status = Box::new(Status {
            journal: kept.journal.clone(),
            report: report(&kept.input(now, &me, &fleet, self.requests.of(key)), decision),
        });
        kept.visible = Some(seen);
        store(kept, key, ticket, status, out);
    }

    /// Once, beside the journal that the API server was left with: what it drops, and what to do.
    fn tell_pruned(&mut self, now: Now, key: &ShopKey, decision: &Decision, ticket: Ticket, out: &mut Vec<Out>) {
        let (me, fleet) = (self.settings.me.clone(), self.fleet.clone());
        let Some(kept) = self.shops.get_mut(key) else { return };
        let Some(left) = kept.left_pruned.take() else { return };
        let status = Box::new(Status {
            journal: left.journal.unwrap_or_default(),
            report: report(&kept.input(now, &me, &fleet, self.requests.of(key)), decision),
        });
        kept.version = left.version;
        store(kept, key, ticket, status, out);
    }

    /// A write ended.
    pub(crate) fn stored(&mut self, now: Now, ticket: Ticket, result: Result<Kept, StoreError>, out: &mut Vec<Out>) {
        let Some(key) = self.writer_of(ticket) else { return };
        let Some(kept) = self.shops.get_mut(&key) else { return };
        let Writing::Storing(_, status, cause) = std::mem::replace(&mut kept.writing, Writing::Idle) else {
            return;
        };
        match result {
            // It was the one report that tells of it: what became of that matters no more.
            Ok(_) | Err(_) if kept.pruned => {}
            Ok(stored) if stored.journal.as_ref() == Some(&status.journal) => {
                kept.refused = false;
                // What follows an entry follows from the answer that led to it; a report leads to nothing.
                if status.journal != kept.journal && cause != Cause::default() {
                    kept.cause = cause;
                }
                self.confirmed(&key, status.journal, stored, true, out);
            }
            Ok(left) => {
                kept.left_pruned = Some(left);
                self.pruned(key, out);
            }
            Err(StoreError::Pruned) => self.pruned(key, out),
            Err(StoreError::Conflict) => {
                kept.visible = None;
                let ticket = self.next_ticket();
                self.start_reading(&key, ticket, None, out);
            }
            Err(StoreError::Unknown(_)) => {
                kept.visible = None;
                let ticket = self.next_ticket();
                self.start_reading(&key, ticket, Some(status), out);
            }
            Err(StoreError::Denied(why)) => {
                if !std::mem::replace(&mut kept.refused, true) {
                    out.push(crate::events::status_refused(&key, &why));
                }
                kept.visible = None;
                kept.write_pause = Some(now.mono + PAUSE);
                self.set_wake(&key, Some(now.mono + PAUSE));
            }
            Err(StoreError::Gone) => {
                kept.write_pause = Some(now.mono + PAUSE);
            }
        }
    }

    /// The object came back without what was sent. That concerns every shop; this one makes no call any more.
    fn pruned(&mut self, key: ShopKey, out: &mut Vec<Out>) {
        if let Some(kept) = self.shops.get_mut(&key) {
            kept.pruned = true;
        }
        out.push(crate::events::crd_outdated(&key));
        self.outdated = true;
        self.fleet.crd_outdated = true;
        self.mark_all();
    }

    /// A read of the journal ended. What a lost reply hid counts as written if it stands there; a journal that somebody
    /// else wrote is taken, and planned anew.
    pub(crate) fn was_read(&mut self, now: Now, ticket: Ticket, result: Result<Kept, StoreError>, out: &mut Vec<Out>) {
        let Some(key) = self.writer_of(ticket) else { return };
        let Some(kept) = self.shops.get_mut(&key) else { return };
        let Writing::Reading(_, sent) = std::mem::replace(&mut kept.writing, Writing::Idle) else {
            return;
        };
        match result {
            Ok(read) => {
                kept.read_at = Some(now.mono);
                let journal = read.journal.clone().unwrap_or_default();
                let wrote_it = sent.is_some_and(|status| status.journal == journal);
                self.confirmed(&key, journal, read, wrote_it, out);
            }
            Err(StoreError::Gone) => {}
            Err(StoreError::Conflict | StoreError::Unknown(_) | StoreError::Denied(_) | StoreError::Pruned) => {
                // Not known yet: what was sent may still be found there by the next read.
                kept.writing = Writing::MustRead(sent);
                kept.write_pause = Some(now.mono + PAUSE);
                self.set_wake(&key, Some(now.mono + PAUSE));
            }
        }
    }

    fn confirmed(&mut self, key: &ShopKey, journal: Journal, stored: Kept, wrote_it: bool, out: &mut Vec<Out>) {
        let me = self.settings.me.clone();
        let Some(kept) = self.shops.get_mut(key) else { return };
        let old = std::mem::take(&mut kept.journal);
        kept.journal.clone_from(&old);
        kept.confirm(journal, stored.version, wrote_it, &me);
        let preferred = &kept.shop.regions.primary.name;
        out.extend(crate::events::of_entry(key, preferred, &old, &kept.journal));
        record(kept, key, out);
        self.mark(key.clone());
    }

    fn writer_of(&self, ticket: Ticket) -> Option<ShopKey> {
        let is = |kept: &KeptShop| match &kept.writing {
            Writing::Reading(known, _) | Writing::Storing(known, _, _) => *known == ticket,
            Writing::MustRead(_) | Writing::Idle => false,
        };
        self.shops.iter().find(|(_, kept)| is(kept)).map(|(key, _)| key.clone())
    }
}

/// Whether an entry is a licence: before it is written, spec and journal are read from the API server, not from a cache. An
/// edit, a suspension or another process's entry that the watch has not brought yet counts.
fn grants(old: &Journal, new: &Journal) -> bool {
    let licence = |journal: &Journal| {
        let current = journal.in_flight().filter(|m| m.phase == Phase::Promoting)?;
        current.licence.as_ref().map(|licence| (current.number, licence.at))
    };
    licence(new).is_some() && licence(new) != licence(old)
}

fn read_lately(kept: &KeptShop, now: Now) -> bool {
    kept.read_at.is_some_and(|at| now.mono.saturating_sub(at) <= READ_LASTS)
}

fn paused(kept: &KeptShop, now: Now) -> bool {
    kept.write_pause.is_some_and(|until| now.mono < until)
}

fn store(kept: &mut KeptShop, key: &ShopKey, ticket: Ticket, status: Box<Status>, out: &mut Vec<Out>) {
    let version = kept.version.clone();
    kept.writing = Writing::Storing(ticket, status.clone(), kept.cause);
    out.push(Out::Store {
        ticket,
        key: key.clone(),
        status,
        version,
    });
}

/// The RegionSwitch of a move is a projection of the journal: shown again whenever phase or outcome changed. So is that of a
/// traffic shift.
fn record(kept: &mut KeptShop, key: &ShopKey, out: &mut Vec<Out>) {
    if kept.recorded_shift != kept.journal.shift {
        kept.recorded_shift.clone_from(&kept.journal.shift);
        out.extend(
            kept.recorded_shift
                .clone()
                .map(|shift| Out::Shift(key.clone(), Box::new(shift))),
        );
    }
    let Some(current) = &kept.journal.current else { return };
    let shown = (
        current.number,
        current.phase,
        current.outcome.is_some(),
        current.awaits_approval(),
    );
    if kept.recorded != Some(shown) {
        kept.recorded = Some(shown);
        out.push(Out::Record(key.clone(), Box::new(current.clone())));
    }
}
