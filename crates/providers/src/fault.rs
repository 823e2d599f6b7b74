//! How a request can fail, before it is known whether it was a question or a call.

use crate::text::clean;
use breakwater_core::Text;
use breakwater_core::outcome::{Ambiguity, Outcome, Refusal};
use breakwater_core::reading::{Seen, Trouble, TroubleKind};

/// One failed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The provider refused it, in its own form.
    Refused { status: u16, code: Text, text: Text },
    /// 401 or 403 in the provider's own form.
    Denied(Text),
    /// 429, or the provider's throttling code.
    Throttled { after: Option<u32>, text: Text },
    /// The provider says that our clock is wrong.
    Clock(Text),
    /// 5xx in any form.
    Server(Text),
    /// An answer that is not the provider's.
    Foreign(Text),
    /// The provider's form, but what is always there is missing.
    Malformed(Text),
    /// No answer in time; `answered` if a part of one had come.
    TimedOut { answered: bool },
    /// The connection could not be made, or broke.
    Lost { answered: bool, text: Text },
    /// Ours: no credentials, no socket. Nothing was sent.
    Ours(Text),
}

impl Fault {
    pub(crate) fn malformed(text: &str) -> Self {
        Fault::Malformed(text.into())
    }

    /// Whether nothing at all came back from the other end.
    pub(crate) fn no_byte(&self) -> bool {
        matches!(
            self,
            Fault::TimedOut { answered: false } | Fault::Lost { answered: false, .. }
        )
    }

    /// The same after another request of the same question was answered: whoever answered is not silent.
    pub(crate) fn after_an_answer(self) -> Self {
        match self {
            Fault::TimedOut { .. } => Fault::TimedOut { answered: true },
            Fault::Lost { text, .. } => Fault::Lost { answered: true, text },
            other => other,
        }
    }

    /// What it means for a question.
    pub(crate) fn trouble(&self) -> Trouble {
        let (kind, text) = match self {
            Fault::Refused { code, text, .. } => (TroubleKind::Refused, clean(&format!("{code}: {text}"))),
            Fault::Denied(text) => (TroubleKind::Denied, text.clone()),
            Fault::Throttled { text, .. } => (TroubleKind::Throttled, text.clone()),
            Fault::Clock(text) => (TroubleKind::Clock, text.clone()),
            Fault::Server(text) => (TroubleKind::ServerError, text.clone()),
            Fault::Foreign(text) => (TroubleKind::NotTheProvider, text.clone()),
            Fault::Malformed(text) => (TroubleKind::Malformed, text.clone()),
            Fault::TimedOut { .. } => (TroubleKind::TimedOut, "no answer in time".into()),
            Fault::Lost { text, .. } | Fault::Ours(text) => (TroubleKind::Ours, text.clone()),
        };
        Trouble { kind, text }
    }

    /// What it means for a question about one object.
    pub(crate) fn seen<T>(&self) -> Seen<T> {
        Seen::Unknown(self.trouble())
    }

    /// What it means for a call. Whatever leaves room for doubt is ambiguous, our own troubles too: looking
    /// again costs one read, a wrong "nothing was done" costs a second promotion.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Fault::Refused { code, text, .. } => Outcome::Refused(Refusal {
                code: code.clone(),
                text: text.clone(),
            }),
            Fault::Denied(text) | Fault::Clock(text) => Outcome::Denied(text.clone()),
            Fault::Throttled { after, .. } => Outcome::Throttled(*after),
            Fault::Server(_) => Outcome::Ambiguous(Ambiguity::ServerError),
            Fault::Foreign(_) | Fault::Malformed(_) => Outcome::Ambiguous(Ambiguity::NotTheProvider),
            Fault::TimedOut { .. } => Outcome::Ambiguous(Ambiguity::TimedOut),
            Fault::Lost { .. } | Fault::Ours(_) => Outcome::Ambiguous(Ambiguity::ConnectionLost),
        }
    }
}

/// A call that was not sent because this class does not allow it: that nothing was done is certain.
pub(crate) fn not_sent(text: &str) -> Outcome {
    Outcome::Refused(Refusal {
        code: "NotSent".into(),
        text: clean(text),
    })
}

/// Longest wait that a `retry-after` header is believed, in seconds: Cloudflare's limit lasts 5 min (Cloudflare docs,
/// rate limits), and a number beyond all sense must not silence a lane for ever.
const LONGEST_WAIT: u32 = 900;

/// Seconds of a `retry-after` header; a date in it is not read.
pub(crate) fn retry_after(header: Option<&str>) -> Option<u32> {
    let seconds: u64 = header?.trim().parse().ok()?;
    Some(u32::try_from(seconds).unwrap_or(u32::MAX).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_and_bounded() {
        assert_eq!(retry_after(Some(" 213 ")), Some(213));
        assert_eq!(retry_after(Some("18446744073709551615")), Some(LONGEST_WAIT));
        for none in [
            None,
            Some(""),
            Some("-1"),
            Some("1.5"),
            Some("Wed, 21 Oct 2026 07:28:00 GMT"),
        ] {
            assert_eq!(retry_after(none), None, "{none:?}");
        }
    }
}
