//! What befalls the controller's deeds: a write is lost, an answer never comes, the process dies in between.

use crate::calling;
use breakwater_core::journal::Journal;
use breakwater_core::shop::ShopKey;
use breakwater_engine::call::Call;
use breakwater_engine::port::Status;
use breakwater_sim::World;
use std::fmt;

/// One thing that the controller did, or was about to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Virtual time, milliseconds since the Unix epoch.
    pub at: i64,
    /// `entry <shop> <phase or end of the move>`, `report <shop>`, or `<operation> <target>` as the ledger has them.
    pub what: String,
}

impl Deed {
    pub(crate) fn of_call(at: i64, call: &Call) -> Deed {
        let (op, target) = calling::named(call);
        Deed {
            at,
            what: format!("{op} {target}"),
        }
    }

    pub(crate) fn of_store(at: i64, key: &ShopKey, status: &Status, entry: bool) -> Deed {
        let what = if entry {
            format!("entry {} {}", key.name, stage(&status.journal))
        } else {
            format!("report {}", key.name)
        };
        Deed { at, what }
    }

    /// Whether it is a call.
    #[must_use]
    pub fn is_call(&self) -> bool {
        !self.what.starts_with("entry ") && !self.what.starts_with("report ")
    }
}

fn stage(journal: &Journal) -> &'static str {
    match &journal.current {
        None => "at rest",
        Some(current) if current.outcome.is_some() => "ended",
        Some(current) => current.phase.name(),
    }
}

/// Which deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aim {
    /// The one of this index, from the start of the rig.
    Nth(usize),
    /// The next one whose `what` contains this.
    Next(&'static str),
    /// The same, with a text from a script.
    NextOf(String),
}

/// What befalls it.
pub enum Twist {
    /// The controller dies before it, and another starts.
    DieBefore,
    /// The controller dies after it and before it hears of it, and another starts.
    DieAfter,
    /// It is lost on its way: no effect, no answer.
    LoseRequest,
    /// It takes effect, and its answer is lost.
    LoseReply,
    /// It arrives this many milliseconds late, when its sender has given up on it or is dead.
    ArriveLate(i64),
    /// Somebody else touches the object first (a write; a call is not changed).
    Conflict,
    /// It is refused: a call by the provider with this answer, a write by the API server.
    Refuse {
        /// HTTP status.
        status: u16,
        /// The provider's code.
        code: &'static str,
    },
    /// Something else happens in the world just before it arrives there.
    Meanwhile(Box<dyn FnOnce(&mut World)>),
    /// It takes effect, and from then on the controller's cluster is away.
    AwayAfter,
}

impl fmt::Debug for Twist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Twist::DieBefore => "DieBefore",
            Twist::DieAfter => "DieAfter",
            Twist::LoseRequest => "LoseRequest",
            Twist::LoseReply => "LoseReply",
            Twist::ArriveLate(_) => "ArriveLate",
            Twist::Conflict => "Conflict",
            Twist::Refuse { .. } => "Refuse",
            Twist::Meanwhile(_) => "Meanwhile",
            Twist::AwayAfter => "AwayAfter",
        })
    }
}

/// The deeds so far, and what is to befall those to come.
#[derive(Debug, Default)]
pub(crate) struct Plot {
    deeds: Vec<Deed>,
    twists: Vec<(Aim, Twist)>,
}

impl Plot {
    pub(crate) fn twist(&mut self, aim: Aim, twist: Twist) {
        self.twists.push((aim, twist));
    }

    /// Notes a deed; what befalls it.
    pub(crate) fn deed(&mut self, deed: Deed) -> Option<Twist> {
        let index = self.deeds.len();
        let found = self.twists.iter().position(|(aim, _)| match aim {
            Aim::Nth(nth) => *nth == index,
            Aim::Next(part) => deed.what.contains(part),
            Aim::NextOf(part) => deed.what.contains(part.as_str()),
        });
        self.deeds.push(deed);
        found.map(|found| self.twists.remove(found).1)
    }

    pub(crate) fn deeds(&self) -> &[Deed] {
        &self.deeds
    }

    pub(crate) fn left(&self) -> usize {
        self.twists.len()
    }
}
