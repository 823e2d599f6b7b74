//! What a failover would take and lose, from the windows in force and what is known of the providers: ranges with their
//! reasons, not promises. They are made of settings alone, so that they change only when somebody changes those.

use super::Sight;
use crate::journal::{Journal, MoveKind, MoveOutcome};
use crate::reading::MonitorView;
use crate::shop::Shop;
use crate::side::Side;
use crate::time::since;
use crate::window::CONFIRM_APART;
use std::time::Duration;

/// Until then a link that died without a word still reports lag 0 (`replica_net_timeout` of RDS for MySQL).
const REPLICA_NET_TIMEOUT: Duration = Duration::from_secs(60);
/// CloudWatch has one `ReplicaLag` sample a minute: the newest good one may be this much older than the break.
const SAMPLE_EVERY: Duration = Duration::from_secs(60);
/// It is published one to two minutes late.
const SAMPLE_LATE: Duration = Duration::from_secs(120);
/// How often pool health and lag are read once something is Down.
const READ_EVERY: Duration = Duration::from_secs(15);
/// A round of fresh evidence before the exclusion, and another one after it has been read back.
const ROUNDS: Range = Range::of(5, 40);
/// One PATCH for each load balancer, read back.
const EXCLUDING: Range = Range::of(2, 30);
/// `PromoteReadReplica` reboots the instance: several minutes or longer, says RDS, and no number. Assumed until a move of
/// this shop has been measured.
const PROMOTION_ASSUMED: Range = Range::of(120, 600);
/// Route 53 has a change at all its servers generally within 60 s.
const IN_SYNC: Range = Range::of(5, 60);

/// From the least to the most that is to be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// At least.
    pub least: Duration,
    /// At most.
    pub most: Duration,
}

impl Range {
    const fn of(least: u64, most: u64) -> Range {
        Range {
            least: Duration::from_secs(least),
            most: Duration::from_secs(most),
        }
    }

    fn plus(self, other: Range) -> Range {
        Range {
            least: self.least.saturating_add(other.least),
            most: self.most.saturating_add(other.most),
        }
    }

    fn and_exactly(self, both: Duration) -> Range {
        Range {
            least: self.least.saturating_add(both),
            most: self.most.saturating_add(both),
        }
    }
}

/// Where the time of the promotion comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Assumed: no move of this shop has been measured.
    Assumed,
    /// The last move's, by its number: half of it to twice as long.
    Measured(i64),
}

/// How an objective stands against a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Even the most is within it.
    Met,
    /// Nothing is known to compare with.
    Unknown,
    /// The most is not, the least is.
    MayBeMissed,
    /// Even the least is not.
    Missed,
}

impl Verdict {
    fn of(range: Range, objective: Duration) -> Verdict {
        if range.most <= objective {
            Verdict::Met
        } else if range.least <= objective {
            Verdict::MayBeMissed
        } else {
            Verdict::Missed
        }
    }
}

/// What a failover by itself would take and lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// From the first failure until the promotion may be sent.
    pub detection: Range,
    /// The promotion.
    pub promotion: Range,
    /// From the first failure to the first verified write.
    pub rto: Range,
    /// Where the promotion's time comes from.
    pub basis: Basis,
    /// How far the loss estimate will lie above the replica's lag, at most.
    pub beyond_lag: Duration,
    /// Against `objectives.rtoSeconds`.
    pub rto_verdict: Verdict,
    /// Against `objectives.rpoSeconds`, at today's lag.
    pub rpo_verdict: Verdict,
}

/// The forecast; `None` while the active region is not known.
pub(super) fn forecast(sight: &Sight<'_>) -> Option<Forecast> {
    let facts = sight.facts.as_ref()?;
    let shop = sight.input.shop;
    let monitor = sight.input.actual.monitor(facts.active).copied();
    let monitor = monitor.unwrap_or(MonitorView::DEFAULT);
    let detection = detection(shop, &monitor);
    let (promotion, basis) = promotion(sight.input.journal);
    let dns = dns_ttl(sight);
    let verifying = Range {
        least: Duration::ZERO,
        most: shop.policy.interval + shop.policy.timeout,
    };
    let rto = detection
        .plus(ROUNDS)
        .plus(EXCLUDING.and_exactly(dns))
        .plus(promotion)
        .plus(IN_SYNC.and_exactly(shop.writer.ttl))
        .plus(verifying);
    let beyond_lag = beyond_lag(shop, &monitor, facts.caught_up_sharp);
    let rpo_verdict = facts.lag.map_or(Verdict::Unknown, |lag| {
        let range = Range {
            least: lag,
            most: lag.saturating_add(beyond_lag),
        };
        Verdict::of(range, shop.rpo_objective)
    });
    Some(Forecast {
        detection,
        promotion,
        rto,
        basis,
        beyond_lag,
        rto_verdict: Verdict::of(rto, shop.rto_objective),
        rpo_verdict,
    })
}

/// A dead region at the earliest, a dead database at the latest: every vote of the diagnosis must be there and held.
fn detection(shop: &Shop, monitor: &MonitorView) -> Range {
    let policy = &shop.policy;
    let probes = policy.database_grace + policy.interval + policy.timeout;
    let users_view = monitor.notices_within().saturating_add(READ_EVERY + CONFIRM_APART);
    let link = REPLICA_NET_TIMEOUT + SAMPLE_EVERY + SAMPLE_LATE + READ_EVERY + CONFIRM_APART;
    Range {
        least: policy.promote_after,
        most: probes.max(users_view).max(link),
    }
}

/// One measurement says something about the next one, and not much: half of it to twice as long.
fn promotion(journal: &Journal) -> (Range, Basis) {
    let last = journal.current.as_ref().filter(|m| {
        m.outcome == Some(MoveOutcome::Completed) && matches!(m.kind, MoveKind::Failover | MoveKind::Switchover)
    });
    let measured = last.and_then(|m| {
        let sent = m.licence.as_ref()?.at;
        Some((since(sent, m.promoted_at?), m.number))
    });
    match measured {
        Some((took, number)) => {
            let range = Range {
                least: took / 2,
                most: took.saturating_mul(2),
            };
            (range, Basis::Measured(number))
        }
        None => (PROMOTION_ASSUMED, Basis::Assumed),
    }
}

/// An exclusion counts once the answers of a DNS-only balancer have run out.
fn dns_ttl(sight: &Sight<'_>) -> Duration {
    let balancers = sight.input.actual.balancers.iter().flatten();
    let ttls = balancers.filter_map(|read| read.present()?.dns_ttl);
    ttls.max().unwrap_or_default()
}

/// How far the loss estimate of a clean loss lies above the lag: it begins 60 s before the newest good sample (with a
/// heartbeat it does not), and ends when the last of probe, users' view and link says that nobody reaches the writer.
///
/// The grace in force adds nothing: writes are known to have stopped before it has run out.
fn beyond_lag(shop: &Shop, monitor: &MonitorView, sharp: bool) -> Duration {
    let probes = shop.policy.interval + shop.policy.timeout;
    let stopped = probes.max(monitor.notices_within().saturating_add(READ_EVERY));
    if sharp {
        // The replica's first bad sample is a minute's stamp after `replica_net_timeout`.
        stopped.max(REPLICA_NET_TIMEOUT + SAMPLE_EVERY)
    } else {
        stopped.saturating_add(REPLICA_NET_TIMEOUT + SAMPLE_EVERY)
    }
}

/// Whether the loss estimate would exceed the budget at today's lag, though the lag itself does not.
pub(super) fn budget_too_small(sight: &Sight<'_>, forecast: &Forecast) -> bool {
    let budget = sight.input.shop.policy.max_loss;
    let lag = sight.facts.as_ref().and_then(|facts| facts.lag);
    lag.is_some_and(|lag| lag <= budget && lag.saturating_add(forecast.beyond_lag) > budget)
}

/// Bounds on a time to live: a longer one is most of what users wait for. Route 53 itself takes up to 60 s.
pub(super) const TTL_LONG: Duration = Duration::from_secs(60);

/// A monitor that asks less often than this decides when a dead region is believed (users' view).
pub(super) const MONITOR_SLOW: Duration = Duration::from_secs(30);

/// The side whose monitor asks too seldom.
pub(super) fn slow_monitor(sight: &Sight<'_>) -> Option<Side> {
    Side::BOTH.into_iter().find(|side| {
        let monitor = sight.input.actual.monitor(*side);
        monitor.is_some_and(|monitor| monitor.interval > MONITOR_SLOW)
    })
}
