//! Probes of one region's services: single votes, and what they make of the region.

use crate::facts::{ProbeVote, Vote};
use crate::reading::{ProbeSeen, Reading};
use crate::shop::{Service, Shop};
use crate::side::Side;
use crate::time::{Now, since};
use crate::window::Run;
use jiff::Timestamp;
use std::time::Duration;

/// Samples that the failure rate looks back on: 5 min at the default interval.
const RATE_WINDOW: Duration = Duration::from_secs(300);

#[derive(Clone, Debug)]
pub(super) struct RegionProbes {
    services: Vec<ServiceProbe>,
    down: Run,
    out: Run,
    writer_down: Run,
    up_since: Option<Duration>,
    up_seen: Duration,
    value_since: Option<(ProbeVote, Timestamp)>,
    critical_down_since: Option<Timestamp>,
    answered: Option<Duration>,
    newest: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
struct ServiceProbe {
    /// The newest vote: Up or Down.
    voted: Option<(Duration, bool)>,
    asked: Option<Now>,
    /// The newest samples, one bit each, a failure is 1.
    failures: u64,
    samples: u32,
}

impl RegionProbes {
    pub(super) fn new(services: usize) -> Self {
        RegionProbes {
            services: vec![ServiceProbe::default(); services],
            down: Run::default(),
            out: Run::default(),
            writer_down: Run::default(),
            up_since: None,
            up_seen: Duration::ZERO,
            value_since: None,
            critical_down_since: None,
            answered: None,
            newest: None,
        }
    }

    /// Takes one answer; says whether it was Up.
    #[expect(clippy::too_many_arguments, reason = "what a probe means depends on just these")]
    pub(super) fn absorb(
        &mut self,
        reading: &Reading,
        index: usize,
        seen: &ProbeSeen,
        ever_up: bool,
        outside_answered: bool,
        shop: &Shop,
        side: Side,
    ) -> bool {
        let Some(service) = self.services.get_mut(index) else {
            return false;
        };
        if seen.answered() {
            self.answered = Some(reading.at.mono);
        }
        if super::is_overtaken(service.asked, reading) {
            return false;
        }
        service.asked = Some(reading.asked);
        self.newest = Some(reading.at.wall);
        let vote = vote(seen, ever_up, outside_answered);
        if let Some(up) = vote {
            service.voted = Some((reading.at.mono, up));
            service.failures = (service.failures << 1) | u64::from(!up);
            service.samples = (service.samples + 1).min(64);
        }
        self.recount(reading.at, shop, side, vote.is_some());
        vote == Some(true)
    }

    fn recount(&mut self, at: Now, shop: &Shop, side: Side, voted: bool) {
        let interval = shop.policy.interval;
        let services = &shop.regions[side].services;
        let value = self.value(at, interval, services);
        let sample = |yes: bool| voted.then_some(yes);
        self.down.feed(at, sample(value == ProbeVote::Down), interval);
        self.out.feed(at, sample(super::is_out(value)), interval);
        let writer_down = self.writer_services_down(at, interval, services, value);
        self.writer_down.feed(at, sample(writer_down), interval);
        match value {
            ProbeVote::Up => {
                // Nobody saw the time between: it does not count as Up.
                if !is_fresh(self.up_seen, at, interval) {
                    self.up_since = None;
                }
                self.up_since.get_or_insert(at.mono);
                self.up_seen = at.mono;
            }
            ProbeVote::Partial | ProbeVote::Impaired | ProbeVote::Down => self.up_since = None,
            ProbeVote::Unknown => {}
        }
        if self.value_since.is_none_or(|(old, _)| old != value) {
            self.value_since = Some((value, at.wall));
        }
        let critical_down = services
            .iter()
            .zip(&self.services)
            .any(|(s, p)| s.critical && p.is(false, at, interval));
        if !critical_down {
            self.critical_down_since = None;
        } else if self.critical_down_since.is_none() {
            self.critical_down_since = Some(at.wall);
        }
    }

    fn value(&self, at: Now, interval: Duration, services: &[Service]) -> ProbeVote {
        let (mut voting, mut down, mut critical_down, mut critical_up, mut critical, mut flaky) =
            (0, 0, 0, 0, 0, false);
        for (service, probe) in services.iter().zip(&self.services) {
            critical += u32::from(service.critical);
            if probe.is(false, at, interval) {
                voting += 1;
                down += 1;
                critical_down += u32::from(service.critical);
            } else if probe.is(true, at, interval) {
                voting += 1;
                critical_up += u32::from(service.critical);
                flaky |= probe.flaky(interval);
            }
        }
        if voting == 0 {
            ProbeVote::Unknown
        } else if down == voting {
            ProbeVote::Down
        } else if critical_down > 0 {
            ProbeVote::Impaired
        } else if down > 0 || flaky {
            ProbeVote::Partial
        } else if critical_up == critical {
            ProbeVote::Up
        } else {
            ProbeVote::Unknown
        }
    }

    /// Every service that needs the writer is Down, and has a vote; where none needs it, the region's own value counts.
    fn writer_services_down(&self, at: Now, interval: Duration, services: &[Service], value: ProbeVote) -> bool {
        let mut needing = services
            .iter()
            .zip(&self.services)
            .filter(|(s, _)| s.needs_writer)
            .peekable();
        if needing.peek().is_none() {
            return value == ProbeVote::Down;
        }
        needing.all(|(_, probe)| probe.is(false, at, interval))
    }

    pub(super) fn vote(&self, now: Now, interval: Duration) -> Vote<ProbeVote> {
        let fresh = self
            .services
            .iter()
            .any(|s| s.voted.is_some_and(|(at, _)| is_fresh(at, now, interval)));
        let (value, since) = match self.value_since {
            Some((value, since)) if fresh => (value, Some(since)),
            Some(_) | None => (ProbeVote::Unknown, None),
        };
        let held = if value == ProbeVote::Down {
            self.down.held(now, interval)
        } else {
            Duration::ZERO
        };
        Vote {
            value,
            since: self.run_since(value).or(since),
            held,
            read: self.newest,
        }
    }

    fn run_since(&self, value: ProbeVote) -> Option<Timestamp> {
        match value {
            ProbeVote::Down => self.down.since(),
            ProbeVote::Up | ProbeVote::Partial | ProbeVote::Impaired | ProbeVote::Unknown => None,
        }
    }

    pub(super) fn critical_up(&self, now: Now, interval: Duration, services: &[Service]) -> bool {
        let mut critical = services
            .iter()
            .zip(&self.services)
            .filter(|(s, _)| s.critical)
            .peekable();
        critical.peek().is_some() && critical.all(|(_, probe)| probe.is(true, now, interval))
    }

    pub(super) fn out(&self, now: Now, interval: Duration) -> Vote<bool> {
        Vote {
            value: self.out.since().is_some(),
            since: self.out.since(),
            held: self.out.held(now, interval),
            read: self.newest,
        }
    }

    pub(super) fn writer_services(&self, now: Now, interval: Duration) -> Vote<bool> {
        let held = self.writer_down.held(now, interval);
        let down = self.writer_down.since().is_some();
        Vote {
            value: down,
            since: self.writer_down.since(),
            held,
            read: self.newest,
        }
    }

    pub(super) fn up_for(&self, now: Now, interval: Duration) -> Duration {
        match (self.vote(now, interval).value, self.up_since) {
            (ProbeVote::Up, Some(since)) => now.mono.saturating_sub(since),
            (ProbeVote::Up | ProbeVote::Partial | ProbeVote::Impaired | ProbeVote::Down | ProbeVote::Unknown, _) => {
                Duration::ZERO
            }
        }
    }

    pub(super) fn critical_down_before(&self, trouble: Option<Timestamp>) -> Duration {
        match (self.critical_down_since, trouble) {
            (Some(down), Some(trouble)) => since(down, trouble),
            (Some(_) | None, _) => Duration::ZERO,
        }
    }

    pub(super) fn any_down(&self, now: Now, interval: Duration) -> bool {
        self.services.iter().any(|s| s.is(false, now, interval))
    }

    pub(super) fn answered(&self) -> Option<Duration> {
        self.answered
    }

    pub(super) fn was_read(&self, index: usize) -> bool {
        self.services.get(index).is_some_and(|s| s.asked.is_some())
    }

    /// The oldest of the services' newest readings, by when they were asked for.
    pub(super) fn round(&self) -> Option<Timestamp> {
        self.services
            .iter()
            .try_fold(Timestamp::MAX, |oldest, s| s.asked.map(|asked| oldest.min(asked.wall)))
    }
}

impl ServiceProbe {
    fn is(&self, up: bool, now: Now, interval: Duration) -> bool {
        self.voted
            .is_some_and(|(at, vote)| vote == up && is_fresh(at, now, interval))
    }

    /// 20 % to 99 % failures in the last 5 min.
    fn flaky(&self, interval: Duration) -> bool {
        let wanted = RATE_WINDOW.as_millis() / interval.as_millis().max(1);
        let looked_at = u32::try_from(wanted).unwrap_or(64).clamp(1, 64).min(self.samples);
        if looked_at < 5 {
            return false;
        }
        let mask = if looked_at == 64 {
            u64::MAX
        } else {
            (1 << looked_at) - 1
        };
        (self.failures & mask).count_ones() * 5 >= looked_at
    }
}

/// Probes and proofs are fresh for three intervals.
pub(super) fn is_fresh(at: Duration, now: Now, interval: Duration) -> bool {
    now.mono.saturating_sub(at) <= 3 * interval
}

/// One answer as a vote: Up, Down, or none.
fn vote(seen: &ProbeSeen, ever_up: bool, outside_answered: bool) -> Option<bool> {
    let down = (ever_up && outside_answered).then_some(false);
    match seen {
        ProbeSeen::Status(200..=299) => Some(true),
        ProbeSeen::Status(500..=599)
        | ProbeSeen::Refused
        | ProbeSeen::Reset
        | ProbeSeen::TimedOut
        | ProbeSeen::NameError
        | ProbeSeen::HandshakeAborted => down,
        ProbeSeen::Status(_)
        | ProbeSeen::OtherRegion(_)
        | ProbeSeen::BadCertificate
        | ProbeSeen::Proxy
        | ProbeSeen::Forbidden(_)
        | ProbeSeen::Ours(_) => None,
    }
}
