//! Small pieces of text: styles, times, lengths of time, and strangers' words made harmless.

use anstyle::{AnsiColor, Style};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::borrow::Cow;

/// How something is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Well.
    Good,
    /// Not well, or for a person to do.
    Warn,
    /// Bad.
    Bad,
    /// Of less weight.
    Dim,
    /// A name or a title.
    Strong,
    /// Nothing of it.
    Plain,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Warn => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Dim => Style::new().dimmed(),
            Tone::Strong => Style::new().bold(),
            Tone::Plain => Style::new(),
        }
    }

    /// The text in this tone. Whoever prints takes the styles out where they are not wanted.
    pub(crate) fn of(self, text: &str) -> String {
        let style = self.style();
        if self == Tone::Plain || text.is_empty() {
            text.to_owned()
        } else {
            format!("{style}{text}{style:#}")
        }
    }

    /// How a vote is to be taken, by the word that stands in status.
    pub(crate) fn of_vote(vote: &str) -> Tone {
        match vote {
            "Up" | "Available" | "Flowing" => Tone::Good,
            "Partial" | "Impaired" | "Routine" | "BrokenOfOld" => Tone::Warn,
            "Down" | "Failed" | "Absent" | "Silent" | "Broken" | "Refused" => Tone::Bad,
            "Unknown" => Tone::Dim,
            // Another version's word is shown as it is.
            _ => Tone::Plain,
        }
    }
}

/// Text from outside without what a terminal would obey or hide: control characters, and the marks that turn the direction
/// of writing.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    if text.contains(harmful) {
        Cow::Owned(text.replace(harmful, " "))
    } else {
        Cow::Borrowed(text)
    }
}

/// The same for every text of an object.
pub(crate) fn plain_all(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(clean) = plain(text) {
                *text = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain_all),
        Value::Object(fields) => fields.values_mut().for_each(plain_all),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A length of time in its two greatest units: `45s`, `3m 20s`, `3h 12m`, `2d 3h`.
pub(crate) fn length(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let two = |great: i64, unit: &str, less: i64, under: &str| {
        if less == 0 {
            format!("{great}{unit}")
        } else {
            format!("{great}{unit} {less}{under}")
        }
    };
    if days > 0 {
        two(days, "d", hours, "h")
    } else if hours > 0 {
        two(hours, "h", minutes, "m")
    } else if minutes > 0 {
        two(minutes, "m", seconds % 60, "s")
    } else {
        format!("{seconds}s")
    }
}

/// The same of whole seconds.
pub(crate) fn seconds(count: i64) -> String {
    length(SignedDuration::from_secs(count))
}

/// How long ago; nothing that status holds: the reader computes it.
pub(crate) fn age(at: Timestamp, now: Timestamp) -> String {
    length(now.duration_since(at))
}

/// An instant as seen from now: `02:14:05 UTC`, with the day when it is another one.
pub(crate) fn clock(at: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    if day(at) == day(now) {
        at.strftime("%H:%M:%S UTC").to_string()
    } else {
        full(at)
    }
}

/// An instant with its day.
pub(crate) fn full(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// An instant and how far it is: `02:29:05 UTC (in 15m)`.
pub(crate) fn until(at: Timestamp, now: Timestamp) -> String {
    if at >= now {
        format!("{} (in {})", clock(at, now), length(at.duration_since(now)))
    } else {
        format!("{} ({} ago)", clock(at, now), age(at, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_two_units_at_most() {
        let said: Vec<String> = [0, 59, 60, 200, 3600, 11_520, 183_600].map(seconds).to_vec();
        assert_eq!(said, ["0s", "59s", "1m", "3m 20s", "1h", "3h 12m", "2d 3h"]);
    }

    #[test]
    fn what_lies_in_the_future_is_no_negative_age() {
        let now: Timestamp = "2026-11-25T02:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-11-25T02:15:00Z".parse().unwrap();
        assert_eq!(age(later, now), "0s");
        assert_eq!(until(later, now), "02:15:00 UTC (in 15m)");
        assert_eq!(until(now, later), "02:00:00 UTC (15m ago)");
    }

    #[test]
    fn strangers_words_cannot_steer_a_terminal() {
        let mut value = serde_json::json!({"reason": "ok\u{1b}[2J\u{202e}\r\n", "list": ["a\u{7}"], "n": 1});
        plain_all(&mut value);
        assert_eq!(
            value,
            serde_json::json!({"reason": "ok [2J   ", "list": ["a "], "n": 1})
        );
    }
}
