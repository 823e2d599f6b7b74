//! What became of a call.

use crate::Text;
use crate::reading::Cause;

/// What became of one call, as far as its answer tells. Only a reading tells what the world did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider accepted it.
    Accepted(Receipt),
    /// The provider refused it: nothing was done. Code and words, bounded.
    Refused(Refusal),
    /// 401 or 403 in the provider's own form: nothing was done.
    Denied(Text),
    /// 429 or a throttling code: nothing was done. Seconds to wait, where it says so.
    Throttled(Option<u32>),
    /// It may or may not have been done: look before anything else.
    Ambiguous(Ambiguity),
}

/// A provider's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The provider's code, `InvalidDBInstanceState`.
    pub code: Text,
    /// Its words, bounded and stripped.
    pub text: Text,
}

/// An acceptance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The change to wait for (Route 53).
    pub change: Option<Text>,
    /// Which of our requests it answers.
    pub cause: Cause,
}

/// Why nobody knows whether a call took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambiguity {
    /// No answer in time.
    TimedOut,
    /// The connection broke.
    ConnectionLost,
    /// 5xx.
    ServerError,
    /// An answer that is not the provider's, or cannot be read.
    NotTheProvider,
}
