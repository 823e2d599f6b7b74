//! The replication link into one region's instance: what RDS says of the replica and what CloudWatch has.

use crate::Text;
use crate::facts::{LinkVote, Vote};
use crate::reading::{InstanceView, LagView, Reading, ReplicationStatus, Seen};
use crate::time::{Now, after, before, past, since};
use crate::window::{FRESH_CLOUD, Track};
use jiff::Timestamp;
use std::time::Duration;

/// MySQL's `replica_net_timeout` as RDS sets it: until then a dead link still reports lag 0.
pub const REPLICA_NET_TIMEOUT: Duration = Duration::from_secs(60);
/// A good sample older than this shows no flow.
const GOOD_SAMPLE_LASTS: Duration = Duration::from_secs(300);
/// Lag samples this much older than the instance's other metrics mean that replication stopped reporting.
const LAG_BEHIND: Duration = Duration::from_secs(120);
/// More samples than this without lag say no more.
const ZEROS_KEPT: usize = 8;
/// A break is evidence against the active region only if it began at most this long before its trouble.
const BREAK_BEFORE_TROUBLE: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seems {
    Flowing,
    Broken,
    /// The replica names the cause itself.
    BrokenByItself,
    Unknown,
}

/// Which reading shows that the link is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Instance,
    Lag,
}

#[derive(Clone, Debug)]
pub(super) struct LinkEvidence {
    seems: Track<Seems>,
    broken_since: Option<Timestamp>,
    is_replica: Option<bool>,
    replication: Option<ReplicationStatus>,
    replication_read: Option<Duration>,
    lag: Option<LagState>,
    lag_asked: Option<Now>,
    instance_asked: Option<Now>,
    caught_up_to: Option<Timestamp>,
    /// Stamps of the newest samples, newest first, as long as they say that nothing is behind.
    zeros: Vec<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct LagState {
    newest: Option<(Timestamp, f64)>,
    minus_since: Option<Timestamp>,
    newest_other: Option<Timestamp>,
    read: Duration,
}

impl LinkEvidence {
    pub(super) fn new() -> Self {
        LinkEvidence {
            seems: Track::new(Seems::Unknown),
            broken_since: None,
            is_replica: None,
            replication: None,
            replication_read: None,
            lag: None,
            lag_asked: None,
            instance_asked: None,
            caught_up_to: None,
            zeros: Vec::new(),
        }
    }

    pub(super) fn absorb_instance(&mut self, reading: &Reading, seen: &Seen<InstanceView>) {
        if super::is_overtaken(self.instance_asked, reading) {
            return;
        }
        self.instance_asked = Some(reading.asked);
        if let Some(view) = seen.present() {
            self.is_replica = Some(view.source.is_some());
            self.replication.clone_from(&view.replication);
            self.replication_read = Some(reading.at.mono);
            if view.source.is_none() {
                self.broken_since = None;
            }
        }
        self.judge(reading.at, Source::Instance);
    }

    pub(super) fn absorb_lag(&mut self, reading: &Reading, seen: &Seen<LagView>) {
        if super::is_overtaken(self.lag_asked, reading) {
            return;
        }
        self.lag_asked = Some(reading.asked);
        if let Some(view) = seen.present() {
            let view = &plausible(view, reading.at);
            for (stamp, lag) in &view.samples {
                self.note_good_sample(*stamp, *lag);
            }
            if !view.samples.is_empty() {
                let zero = view.samples.iter().take_while(|(_, lag)| (0.0..1.0).contains(lag));
                self.zeros = zero.map(|(stamp, _)| *stamp).take(ZEROS_KEPT).collect();
            }
            let minus_since = view
                .samples
                .iter()
                .take_while(|(_, lag)| *lag < 0.0)
                .last()
                .map(|(stamp, _)| *stamp);
            // Samples that have left the window that we ask for are still the newest ones: absence is no news.
            let known = self.lag.filter(|_| view.samples.is_empty());
            self.lag = Some(LagState {
                newest: view.samples.first().copied().or(known.and_then(|lag| lag.newest)),
                minus_since: minus_since.or(known.and_then(|lag| lag.minus_since)),
                newest_other: view.newest_other,
                read: reading.at.mono,
            });
        }
        self.judge(reading.at, Source::Lag);
    }

    /// How many of the newest samples, without one in between that says otherwise, were stamped after this instant and say
    /// that nothing is behind. RDS gives whole seconds as an average: below one is none.
    pub(super) fn zeros_after(&self, then: Timestamp) -> usize {
        self.zeros.iter().filter(|stamp| **stamp > then).count()
    }

    /// A good sample stamped T of value L means: everything up to T - L - 60 s is here.
    fn note_good_sample(&mut self, stamp: Timestamp, lag: f64) {
        if lag < 0.0 || !lag.is_finite() {
            return;
        }
        let behind = Duration::try_from_secs_f64(lag).unwrap_or(Duration::MAX);
        let held = before(before(stamp, behind), REPLICA_NET_TIMEOUT);
        self.caught_up_to = Some(self.caught_up_to.map_or(held, |known| known.max(held)));
    }

    /// Takes over when the link broke as an earlier process journalled it; a link that flows forgets it.
    pub(super) fn remember(&mut self, broken_since: Option<Timestamp>) {
        self.broken_since = self.broken_since.or(broken_since);
    }

    fn judge(&mut self, at: Now, from: Source) {
        let (seems, began, by) = self.seems_at(at);
        match seems {
            Seems::Broken | Seems::BrokenByItself => {
                // Only a link that was seen to flow can break anew: not having looked for a while mends nothing.
                let began = began.unwrap_or(at.wall);
                self.broken_since = Some(self.broken_since.map_or(began, |known| known.min(began)));
            }
            Seems::Flowing => self.broken_since = None,
            Seems::Unknown => {}
        }
        // A break is confirmed by a second reading of what showed it, not by another reading in between.
        if by.is_none_or(|by| by == from) || seems != self.seems.newest() {
            self.seems.feed(at, seems);
        }
    }

    /// What it looks like, since when if that is known, and which reading shows it. Broken wins over Flowing.
    fn seems_at(&self, at: Now) -> (Seems, Option<Timestamp>, Option<Source>) {
        if self.is_replica != Some(true) {
            return (Seems::Unknown, None, None);
        }
        let fresh = |read: Duration| at.mono.saturating_sub(read) <= FRESH_CLOUD;
        let told = self.replication_read.is_some_and(fresh);
        if let Some(seems) = self.broken_by_status().filter(|_| told) {
            return (seems, None, Some(Source::Instance));
        }
        let lag = self.lag.filter(|lag| fresh(lag.read));
        if let Some(began) = lag.and_then(broken_by_lag) {
            return (Seems::Broken, Some(began), Some(Source::Lag));
        }
        let replicating = told && self.replication.as_ref().is_some_and(|r| &*r.status == "replicating");
        let good = lag
            .and_then(|lag| lag.newest)
            .is_some_and(|(stamp, value)| value >= 0.0 && since(stamp, at.wall) <= GOOD_SAMPLE_LASTS);
        if replicating && good {
            (Seems::Flowing, None, None)
        } else {
            (Seems::Unknown, None, None)
        }
    }

    fn broken_by_status(&self) -> Option<Seems> {
        let status = self.replication.as_ref()?;
        match &*status.status {
            "stopped" | "terminated" => Some(Seems::BrokenByItself),
            "error" if names_itself(status.message.as_deref()) => Some(Seems::BrokenByItself),
            "error" => Some(Seems::Broken),
            _ => None,
        }
    }

    pub(super) fn vote(&self, now: Now, trouble: Option<Timestamp>) -> Vote<LinkVote> {
        let fresh = self.seems.fresh(now);
        let seems = fresh.unwrap_or(Seems::Unknown);
        let value = match seems {
            Seems::Flowing => LinkVote::Flowing,
            Seems::Broken if self.counts_against(trouble) => LinkVote::Broken,
            Seems::Broken | Seems::BrokenByItself => LinkVote::BrokenOfOld,
            Seems::Unknown => LinkVote::Unknown,
        };
        let since = match seems {
            Seems::Broken | Seems::BrokenByItself => self.broken_since,
            Seems::Flowing | Seems::Unknown => fresh.and(self.seems.since()).map(|at| at.wall),
        };
        Vote {
            value,
            since,
            held: self.seems.held(),
            read: self.lag_asked(),
        }
    }

    fn counts_against(&self, trouble: Option<Timestamp>) -> bool {
        match (self.broken_since, trouble) {
            (Some(broken), Some(trouble)) => after(broken, BREAK_BEFORE_TROUBLE) >= trouble,
            (Some(_) | None, _) => false,
        }
    }

    /// Since when readings have said the same.
    pub(super) fn agreed(&self) -> Option<Timestamp> {
        self.seems.since().map(|at| at.wall)
    }

    pub(super) fn reason(&self) -> Option<Text> {
        self.replication.as_ref().and_then(|r| r.message.clone())
    }

    pub(super) fn caught_up_to(&self) -> Option<Timestamp> {
        self.caught_up_to
    }

    pub(super) fn lag_asked(&self) -> Option<Timestamp> {
        self.lag_asked.map(|asked| asked.wall)
    }

    pub(super) fn lag(&self, now: Now) -> Option<Duration> {
        let state = self
            .lag
            .filter(|lag| now.mono.saturating_sub(lag.read) <= FRESH_CLOUD)?;
        state
            .newest
            .filter(|(stamp, value)| *value >= 0.0 && since(*stamp, now.wall) <= GOOD_SAMPLE_LASTS)
            .and_then(|(_, value)| Duration::try_from_secs_f64(value).ok())
    }
}

/// The stamps are CloudWatch's.
fn plausible(view: &LagView, at: Now) -> LagView {
    let samples = view.samples.iter().map(|(stamp, lag)| (past(*stamp, at.wall), *lag));
    LagView {
        samples: samples.collect(),
        newest_other: view.newest_other.map(|stamp| past(stamp, at.wall)),
    }
}

/// When lag samples say that the link broke: -1, or no sample for 120 s while the instance's other metrics go on.
fn broken_by_lag(lag: LagState) -> Option<Timestamp> {
    if let Some(minus_since) = lag.minus_since {
        return Some(minus_since);
    }
    let (newest, other) = (lag.newest?.0, lag.newest_other?);
    (since(newest, other) >= LAG_BEHIND).then_some(newest)
}

/// An SQL error is the replica's own; one of the connection to its source is not.
fn names_itself(message: Option<&str>) -> bool {
    let Some(message) = message.map(str::to_ascii_lowercase) else {
        return false;
    };
    // Words of the replica's own SQL thread; a lock's time-out is none of the network's.
    let own = [
        "on query",
        "lock wait",
        "could not execute",
        "deadlock",
        "handler error",
    ];
    if own.iter().any(|word| message.contains(word)) {
        return true;
    }
    let connection = [
        "connect",
        "network",
        "timed out",
        "timeout",
        "lost connection",
        "io thread",
    ];
    !message.is_empty() && !connection.iter().any(|word| message.contains(word))
}
