//! Times of a script: every night begins at 02:00:00 of day 1.

use jiff::SignedDuration;
use serde::Deserialize;
use std::time::Duration;

/// When every script begins, in seconds of day 1.
pub const BEGIN: i64 = 2 * 3600;
const DAY: i64 = 24 * 3600;

/// A time of a script: `02:05`, `02:05:30`, `day 3 00:10`. Kept as milliseconds since the begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Clock(pub i64);

impl TryFrom<String> for Clock {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse(&text).filter(|clock| clock.0 >= 0).ok_or_else(|| {
            format!("{text:?} is no time: write 02:05, 02:05:30 or 'day 2 00:10', not before 02:00 of day 1")
        })
    }
}

fn parse(text: &str) -> Option<Clock> {
    let (day, time) = match text.strip_prefix("day ") {
        Some(rest) => {
            let (day, time) = rest.split_once(' ')?;
            (day.parse::<i64>().ok()?, time)
        }
        None => (1, text),
    };
    let mut parts = time.split(':').map(|part| part.parse::<i64>().ok());
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().unwrap_or(Some(0))?;
    let fits =
        parts.next().is_none() && (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..60).contains(&seconds);
    fits.then(|| Clock(((day - 1) * DAY + hours * 3600 + minutes * 60 + seconds - BEGIN) * 1000))
}

/// Milliseconds since the begin as people read them: `02:05:30`, `day 3 00:10:00`.
#[must_use]
pub fn shown(since_begin: i64) -> String {
    let seconds = since_begin.div_euclid(1000) + BEGIN;
    let (day, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let time = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    if day == 0 {
        time
    } else {
        format!("day {} {time}", day + 1)
    }
}

/// A span of time: `30 s`, `5 min`, `2 h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parsed = text.parse::<SignedDuration>().ok();
        parsed
            .and_then(|span| Duration::try_from(span).ok())
            .map(Span)
            .ok_or_else(|| format!("{text:?} is no span of time: write 30 s, 5 min or 2 h"))
    }
}

/// Milliseconds as a length of time: `45 s`, `2 min 13 s`, `3 h 5 min`.
#[must_use]
pub fn length(millis: i64) -> String {
    let seconds = millis.unsigned_abs().div_ceil(1000);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ if (seconds / 60).is_multiple_of(60) => format!("{} h", seconds / 3600),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}
