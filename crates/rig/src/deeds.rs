//! Deeds: writes of a status and calls, and what befalls them on their way.

use crate::calling;
use crate::plot::{Deed, Twist};
use crate::rig::{Happens, Rig, Straggler};
use breakwater_core::outcome::{Ambiguity, Outcome};
use breakwater_core::reading::Cause;
use breakwater_core::shop::ShopKey;
use breakwater_engine::call::Call;
use breakwater_engine::port::{Status, StoreError, Ticket, Version};

/// What a write to the API server takes.
pub(crate) const WRITE: i64 = 8;
/// Time-out of a request to the API server.
const STORE_TIMEOUT: i64 = 4_000;

impl Rig {
    pub(crate) fn call(&mut self, ticket: Ticket, causes: (Cause, Cause), call: Call, timeout: i64) {
        let now = self.world.now();
        let twist = self.plot.deed(Deed::of_call(now, &call));
        let after = After::of(&twist);
        let me = self.me.clone();
        match twist {
            Some(Twist::DieBefore) => return self.start_engine(),
            Some(Twist::ArriveLate(late)) => {
                self.push(
                    now + timeout,
                    Happens::CallDone(ticket, Outcome::Ambiguous(Ambiguity::TimedOut)),
                );
                self.delay(now + late, Straggler::Call(call, causes, me, now));
                return;
            }
            Some(Twist::Meanwhile(happens)) => happens(&mut self.world),
            Some(Twist::LoseRequest) => _ = self.world.inject(calling::lose_request(&call)),
            Some(Twist::LoseReply | Twist::AwayAfter) => _ = self.world.inject(calling::lose_reply(&call)),
            Some(Twist::Refuse { status, code }) => {
                let fault = self.world.inject(calling::refuse(&call, status, code));
                let (outcome, at) = calling::call(&mut self.world, &me, causes, &call, timeout);
                self.world.clear(fault);
                self.push(at, Happens::CallDone(ticket, outcome));
                return;
            }
            Some(Twist::DieAfter | Twist::Conflict) | None => {}
        }
        let (outcome, at) = calling::call(&mut self.world, &me, causes, &call, timeout);
        self.push(at, Happens::CallDone(ticket, outcome));
        match after {
            After::Dies => self.start_engine(),
            After::CutOff => self.set_away(true),
            After::GoesOn => {}
        }
    }

    pub(crate) fn write(&mut self, ticket: Ticket, key: ShopKey, status: Box<Status>, version: Version) {
        let now = self.world.now();
        let entry = self.store.journal(&key) != Some(&status.journal);
        let twist = self.plot.deed(Deed::of_store(now, &key, &status, entry));
        let after = After::of(&twist);
        let unheard = matches!(twist, Some(Twist::LoseReply | Twist::AwayAfter));
        let unknown = || Err(StoreError::Unknown("the API server does not answer".into()));
        match twist {
            Some(Twist::DieBefore) => return self.start_engine(),
            Some(Twist::LoseRequest) => {
                self.push(now + STORE_TIMEOUT, Happens::Stored(ticket, Box::new(unknown())));
                return;
            }
            Some(Twist::ArriveLate(late)) => {
                let me = self.me.clone();
                self.push(now + STORE_TIMEOUT, Happens::Stored(ticket, Box::new(unknown())));
                self.delay(now + late, Straggler::Store(key, status, version, me));
                return;
            }
            Some(Twist::Conflict) => self.store.touch(&key),
            Some(Twist::Refuse { .. }) => {
                let denied = Err(StoreError::Denied("forbidden".into()));
                self.push(now + WRITE, Happens::Stored(ticket, Box::new(denied)));
                return;
            }
            Some(Twist::Meanwhile(happens)) => happens(&mut self.world),
            Some(Twist::DieAfter | Twist::LoseReply | Twist::AwayAfter) | None => {}
        }
        let result = if self.away {
            unknown()
        } else {
            self.store.write(now, &self.me, &key, &status, &version)
        };
        match after {
            After::Dies => return self.start_engine(),
            After::CutOff => self.set_away(true),
            After::GoesOn => {}
        }
        let (result, at) = if unheard {
            (unknown(), now + STORE_TIMEOUT)
        } else {
            (result, now + WRITE)
        };
        self.push(at, Happens::Stored(ticket, Box::new(result)));
    }

    fn delay(&mut self, at: i64, straggler: Straggler) {
        self.serial += 1;
        self.stragglers.insert((at, self.serial), straggler);
    }

    pub(crate) fn arrive_late(&mut self, straggler: Straggler) {
        let now = self.world.now();
        match straggler {
            // Against the version of then: whoever wrote since makes it a conflict, of which nobody hears.
            Straggler::Store(key, status, version, by) => {
                if self.store.write(now, &by, &key, &status, &version).is_ok() {
                    self.store.was_late();
                }
            }
            Straggler::Call(call, causes, by, sent) => {
                let number = calling::late(&mut self.world, &by, causes, &call);
                self.sent_at.insert(number, sent);
            }
        }
    }
}

/// What follows once a deed is done.
enum After {
    GoesOn,
    Dies,
    CutOff,
}

impl After {
    fn of(twist: &Option<Twist>) -> After {
        match twist {
            Some(Twist::DieAfter) => After::Dies,
            Some(Twist::AwayAfter) => After::CutOff,
            Some(
                Twist::DieBefore
                | Twist::LoseRequest
                | Twist::LoseReply
                | Twist::ArriveLate(_)
                | Twist::Conflict
                | Twist::Refuse { .. }
                | Twist::Meanwhile(_),
            )
            | None => After::GoesOn,
        }
    }
}
