//! Pacing, as a shop sees it: what the queue of its class grants it now, and what it wants of that queue.
//!
//! Calls and readings are paced, decisions are not: a queue protects the quotas of providers, it is no safety rule.

use jiff::Timestamp;

/// How fast calls of a class may go; all shops of the class share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Promotions that may start in any 60 s.
    pub promotions_per_minute: u32,
    /// Calls to Cloudflare in any 5 min. Cloudflare refuses everything of a user for 5 min after 1,200.
    pub cloudflare_per_5_minutes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            promotions_per_minute: 20,
            cloudflare_per_5_minutes: 900,
        }
    }
}

/// What the queue of its class grants a shop now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// Nobody is in its way: it reads as often as helps.
    #[default]
    AtEase,
    /// It is its turn, and others wait: it reads no more than it needs.
    Called,
    /// It is its turn, and this minute's promotions are taken.
    NextMinute(Place),
    /// Others go first.
    Queued(Place),
}

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Counted from 1.
    pub place: u32,
    /// Promotions of the class in a minute.
    pub per_minute: u32,
    /// When its turn is expected, if those before it need what they usually need.
    pub by: Timestamp,
}

/// What a shop wants of the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attention {
    /// Nothing.
    #[default]
    None,
    /// To be looked at closely: something is wrong with its active region.
    Wanted,
    /// The same, but its loss estimate is over its budget even if users' view turns out Down: a person decides, and those
    /// that may move by themselves go first.
    OverBudget,
    /// To be looked at closely because a person asks for a failover: before those that would move by themselves.
    Asked,
    /// To be looked at on: it has a move in flight whose promotion is not allowed yet.
    Held,
    /// To be looked at now and then: its users were sent elsewhere, and come back once its region has been well for long.
    Returning,
    /// It was looked at closely, and time alone does not change what came of it.
    Judged,
}
