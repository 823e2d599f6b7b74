//! What goes into the engine and what comes out of it. The engine does no IO: a driver (tokio in the
//! controller, a queue in the rig) feeds `In` and carries out `Out`.

use crate::call::Call;
use breakwater_core::Text;
use breakwater_core::facts::Fleet;
use breakwater_core::journal::{Journal, Move, Shift};
use breakwater_core::outcome::Outcome;
use breakwater_core::reading::{Cause, Query, Reading};
use breakwater_core::report::{Answered, Report};
use breakwater_core::request::Request;
use breakwater_core::shop::{Shop, ShopKey};
use std::time::Duration;

/// Names one store, read or call of this engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// `metadata.resourceVersion`: opaque.
pub type Version = Text;

/// What happened.
#[derive(Debug)]
pub enum In {
    /// A Storefront as the API server has it now, parsed.
    Shop(Box<Shop>, Kept),
    /// A Storefront is gone.
    Gone(ShopKey),
    /// A RegionSwitch that has no outcome, as the API server has it now.
    Request(ShopKey, Box<Request>),
    /// A RegionSwitch ended or is gone, by its `metadata.uid`. A move that it began goes on.
    RequestGone(ShopKey, Text),
    /// One answer of the world.
    Reading(Box<Reading>),
    /// All readings of this query have been handed in.
    QueryDone(Cause),
    /// A call ended.
    CallDone(Ticket, Outcome),
    /// A store ended.
    Stored(Ticket, Result<Kept, StoreError>),
    /// A read of the journal ended.
    Read(Ticket, Result<Kept, StoreError>),
    /// The lease is valid until this monotonic time, counted from before its renewal was sent; `None`: not held.
    Lease(Option<Duration>),
    /// What concerns all shops.
    Fleet(Fleet),
    /// The time of `WakeAt` has come.
    Wake,
}

/// What the store holds of one shop.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The journal; `None` when status has none.
    pub journal: Option<Journal>,
    /// The version to compare with on the next write.
    pub version: Version,
}

/// Why a store or read failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Somebody else wrote: read again.
    Conflict,
    /// It may or may not have been written: read before anything else.
    Unknown(Text),
    /// The API server refuses us.
    Denied(Text),
    /// The object is gone.
    Gone,
    /// The object came back without what was sent: its CRD is older than this binary.
    Pruned,
}

/// Journal and report are one status, written by one writer.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// What was decided.
    pub journal: Journal,
    /// What people see.
    pub report: Report,
}

/// What is to be done.
#[derive(Debug)]
pub enum Out {
    /// Ask the world; answer with readings, then `QueryDone`.
    Query(Cause, Query),
    /// Change the world.
    Call {
        /// To answer with.
        ticket: Ticket,
        /// The request's own number.
        cause: Cause,
        /// What to send.
        call: Call,
        /// How long to wait for its answer.
        timeout: Duration,
        /// The request whose answer made it possible.
        because: Cause,
    },
    /// Write a status by compare-and-swap.
    Store {
        /// To answer with.
        ticket: Ticket,
        /// Whose.
        key: ShopKey,
        /// What.
        status: Box<Status>,
        /// Against which version.
        version: Version,
    },
    /// Read a journal from the API server itself, not from a cache.
    ReadJournal {
        /// To answer with.
        ticket: Ticket,
        /// Whose.
        key: ShopKey,
    },
    /// Make the RegionSwitch of this move show what the journal says. A projection: retried, never waited for.
    Record(ShopKey, Box<Move>),
    /// Make the RegionSwitch of this traffic shift show what the journal says. Retried, never waited for.
    Shift(ShopKey, Box<Shift>),
    /// Tell a requester on their RegionSwitch. Retried, never waited for.
    Answer(ShopKey, Box<Answered>),
    /// Tell people.
    Event(Event),
    /// Remove the finalizer.
    Release(ShopKey),
    /// Feed `Wake` at this monotonic time; replaces the time told before.
    WakeAt(Duration),
}

/// An event on a Storefront; at transitions only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which Storefront.
    pub key: ShopKey,
    /// Whether somebody should look at it.
    pub warning: bool,
    /// A constant.
    pub reason: &'static str,
    /// What is so, what comes next, what to do.
    pub message: Text,
}
