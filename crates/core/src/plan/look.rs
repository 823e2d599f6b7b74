//! What to look at, and how often: slowly at rest, quickly on suspicion, at once after a call.

use super::{Sight, asked, name, rebuild, traffic};
use crate::actual::Read;
use crate::decision::{Effect, Look, Step};
use crate::evidence::is_out;
use crate::facts::{EdgeVote, Facts};
use crate::journal::{MoveKind, Phase};
use crate::pacing::Turn;
use crate::reading::{MonitorView, Query};
use crate::side::Side;
use crate::time::after;
use crate::window::CONFIRM_APART;
use jiff::Timestamp;
use std::time::Duration;

/// How often clouds are asked.
#[derive(Clone, Copy)]
struct Pace {
    instances: Duration,
    lags: Duration,
    /// Pool health of the active region, and of the other one.
    health: Duration,
    other_health: Duration,
    documents: Duration,
    balancers: Duration,
    pools: Duration,
    settings: Duration,
}

/// At rest: RDS every 30 s (one paged call for a whole account and region), documents every 5 min. Settings that people
/// change with a ticket, monitors and parameter groups, every hour: they warn on a quiet day and decide nothing.
const AT_REST: Pace = Pace {
    instances: Duration::from_secs(30),
    lags: Duration::from_secs(30),
    health: Duration::from_secs(60),
    other_health: Duration::from_secs(60),
    documents: Duration::from_secs(300),
    balancers: Duration::from_secs(300),
    pools: Duration::from_secs(300),
    settings: Duration::from_secs(3600),
};
/// When something is Down about the active region, or something is owed.
const ON_SUSPICION: Pace = Pace {
    instances: Duration::from_secs(10),
    lags: Duration::from_secs(15),
    health: Duration::from_secs(10),
    other_health: Duration::from_secs(10),
    documents: Duration::from_secs(20),
    balancers: Duration::from_secs(20),
    pools: Duration::from_secs(60),
    settings: Duration::from_secs(3600),
};
/// While a move is in flight.
const IN_MOVE: Pace = Pace {
    instances: Duration::from_secs(5),
    lags: Duration::from_secs(15),
    health: Duration::from_secs(10),
    other_health: Duration::from_secs(10),
    documents: Duration::from_secs(10),
    balancers: Duration::from_secs(10),
    pools: Duration::from_secs(60),
    settings: Duration::from_secs(3600),
};
/// Where a whole class asks at once, Cloudflare's quota decides how many shops can move, and how soon the last one does: so
/// users' view of the active region is not read before monitors can have noticed, then until it is Down, once more after
/// 20 s to confirm that, and from then on before it grows old (90 s). Fresh rounds, which read both regions, come on top.
const NOT_DOWN_YET: Duration = Duration::from_secs(25);
const CONFIRMING: Duration = Duration::from_secs(22);
const KEPT_FRESH: Duration = Duration::from_secs(70);
/// What nothing waits for now.
const NOT_NOW: Duration = Duration::from_secs(24 * 3600);
/// While others go first, each place in the queue looks this much later for the first time: the order of the queue is the
/// order of the looks, though some notice the trouble an interval later than others.
const EACH_PLACE: Duration = Duration::from_millis(100);
/// How soon such a look is taken again where it did not say Down.
const LOOK_AGAIN: Duration = Duration::from_secs(45);
/// Proofs while a planned move keeps the shop from taking orders: each second counts.
const WRITE_STOP: Duration = Duration::from_secs(2);
/// A Route 53 change that is awaited.
const CHANGE: Duration = Duration::from_secs(5);
/// The same where we are denied to ask: permissions change slowly.
const CHANGE_DENIED: Duration = Duration::from_secs(300);
/// After a start the last lag samples of this long are read: the newest good one may be old.
const FIRST_LAGS_BACK: Duration = Duration::from_secs(3 * 3600);
/// Later on this long is enough to see a sample and its end.
const LAGS_BACK: Duration = Duration::from_secs(900);

/// Everything that this shop needs to have read, and how often.
pub(super) fn look(sight: &Sight<'_>) -> Vec<Look> {
    let mut looks = Vec::with_capacity(32);
    services(sight, &mut looks);
    clouds(sight, &mut looks);
    change(sight, &mut looks);
    looks
}

fn pace(sight: &Sight<'_>) -> Pace {
    let usual = usual_pace(sight);
    match sight.input.turn {
        Turn::AtEase => *usual,
        Turn::Called | Turn::NextMinute(_) => thrifty(sight, usual),
        Turn::Queued(_) => Pace {
            health: AT_REST.health,
            other_health: AT_REST.other_health,
            documents: AT_REST.documents,
            balancers: AT_REST.balancers,
            pools: AT_REST.pools,
            ..*usual
        },
    }
}

/// Only what decides. Documents are what a call is compared with: they are read once users' view is Down.
fn thrifty(sight: &Sight<'_>, usual: &Pace) -> Pace {
    let Some(facts) = sight.facts.as_ref().filter(|facts| facts.trouble.is_some()) else {
        return Pace {
            health: KEPT_FRESH,
            other_health: NOT_NOW,
            balancers: AT_REST.balancers,
            pools: AT_REST.pools,
            ..*usual
        };
    };
    let edge = facts.a.edge;
    let health = match edge.value {
        EdgeVote::Down if edge.held >= CONFIRM_APART => KEPT_FRESH,
        EdgeVote::Down => CONFIRMING,
        EdgeVote::Up | EdgeVote::Partial | EdgeVote::Unknown if is_too_early(sight, facts) => NOT_NOW,
        EdgeVote::Up | EdgeVote::Partial | EdgeVote::Unknown => NOT_DOWN_YET,
    };
    let documents = if edge.value == EdgeVote::Down || sight.input.journal.in_flight().is_some() {
        AT_REST.balancers
    } else {
        NOT_NOW
    };
    Pace {
        health,
        // It decides nothing but whether the pool order may name it first, which its own Down or Impaired probe forbids.
        other_health: if edge.value == EdgeVote::Down && !is_out(facts.b.probe.value) {
            KEPT_FRESH
        } else {
            NOT_NOW
        },
        balancers: documents,
        pools: documents,
        settings: NOT_NOW,
        ..*usual
    }
}

fn usual_pace(sight: &Sight<'_>) -> &'static Pace {
    let journal = sight.input.journal;
    let suspicion = sight.facts.as_ref().is_none_or(|facts| facts.trouble.is_some());
    if journal.in_flight().is_some_and(|current| !current.awaits_approval()) {
        &IN_MOVE
    } else if suspicion
        || !journal.obligations.is_empty()
        || journal.adopting_since.is_some()
        || super::adopt::seems_old(sight)
        || super::moved::stops_everything(sight)
    {
        &ON_SUSPICION
    } else {
        &AT_REST
    }
}

fn services(sight: &Sight<'_>, looks: &mut Vec<Look>) {
    let shop = sight.input.shop;
    let (interval, timeout) = (shop.policy.interval, shop.policy.timeout);
    let class = &shop.class;
    let newer_than = fresh_round(sight);
    let stopped = sight
        .input
        .journal
        .in_flight()
        .is_some_and(|m| m.kind == MoveKind::Switchover);
    for side in Side::BOTH {
        let region = &shop.regions[side];
        for service in &region.services {
            let query = Query::Probe {
                class: class.clone(),
                url: service.url.clone(),
                region: region.name.clone(),
                timeout,
            };
            looks.push(Look {
                query,
                every: interval,
                newer_than,
            });
        }
        if let Some(url) = &region.proof {
            let query = Query::Proof {
                class: class.clone(),
                url: url.clone(),
                region: region.name.clone(),
                timeout,
            };
            looks.push(Look {
                query,
                every: if stopped { interval.min(WRITE_STOP) } else { interval },
                newer_than,
            });
        }
    }
    for url in &shop.references {
        let query = Query::Reference {
            class: class.clone(),
            url: url.clone(),
            timeout,
        };
        looks.push(Look {
            query,
            every: interval,
            newer_than: None,
        });
    }
}

fn clouds(sight: &Sight<'_>, looks: &mut Vec<Look>) {
    let (shop, pace) = (sight.input.shop, pace(sight));
    let class = &shop.class;
    let round = fresh_round(sight);
    for side in Side::BOTH {
        let region = &shop.regions[side];
        let scope = shop.scope(side);
        let mut ids = vec![region.instance.clone()];
        rebuild::instances_beside(sight, side, &mut ids);
        let newer_than = round.max(last_call(sight, |effect| match effect {
            Effect::Stop { scope: s, .. }
            | Effect::Start { scope: s, .. }
            | Effect::Tag { scope: s, .. }
            | Effect::Untag { scope: s, .. }
            | Effect::CreateReplica { scope: s, .. } => *s == scope,
            Effect::SetReadOnly { .. }
            | Effect::CopyGroup { .. }
            | Effect::ChangeNames { .. }
            | Effect::PatchBalancer { .. } => false,
        }));
        looks.push(Look {
            query: Query::Instances {
                scope: scope.clone(),
                ids,
            },
            every: pace.instances,
            newer_than,
        });
        let pool = region.pool.clone();
        let health = Query::PoolHealth {
            class: class.clone(),
            pool: pool.clone(),
        };
        looks.push(Look {
            query: health,
            every: if Some(side) == sight.active {
                pace.health
            } else {
                pace.other_health
            },
            newer_than: round.max(first_sight(sight, side)),
        });
        looks.push(Look {
            query: Query::Pool {
                class: class.clone(),
                pool,
            },
            every: pace.pools,
            newer_than: None,
        });
        parameters(sight, side, &pace, looks);
        new_group(sight, side, &pace, looks);
        monitor(sight, side, &pace, looks);
    }
    for (index, id) in shop.balancers.iter().enumerate() {
        let query = Query::Balancer {
            class: class.clone(),
            zone: shop.zone.clone(),
            id: id.clone(),
        };
        let called = last_call(
            sight,
            |effect| matches!(effect, Effect::PatchBalancer { id: patched, .. } if patched == id),
        );
        looks.push(Look {
            query,
            every: pace.balancers,
            newer_than: called.max(traffic::too_old_to_compare(sight, index)),
        });
    }
    let names = Query::Names {
        class: class.clone(),
        zone: shop.writer.zone.clone(),
        name: shop.writer.name.clone(),
    };
    looks.push(Look {
        query: names,
        every: pace.documents,
        newer_than: last_call(sight, |effect| matches!(effect, Effect::ChangeNames { .. })),
    });
    lag(sight, &pace, round, looks);
}

/// The lag of the instance that replicates: B's, or whichever is one.
fn lag(sight: &Sight<'_>, pace: &Pace, round: Option<Duration>, looks: &mut Vec<Look>) {
    let shop = sight.input.shop;
    for side in Side::BOTH {
        let replica = sight
            .input
            .actual
            .instance(side)
            .is_some_and(|view| view.source.is_some());
        let mut ids = Vec::new();
        ids.extend(replica.then(|| shop.regions[side].instance.clone()));
        ids.extend(rebuild::new_replica(sight, side).cloned());
        if ids.is_empty() {
            continue;
        }
        let known = sight.facts.as_ref().is_some_and(|facts| facts.caught_up_to.is_some());
        let back = if known { LAGS_BACK } else { FIRST_LAGS_BACK };
        let query = Query::Lags {
            scope: shop.scope(side),
            ids,
            back,
        };
        looks.push(Look {
            query,
            every: pace.lags,
            newer_than: round,
        });
    }
}

/// Parameter groups matter where something about a fence is owed; on a quiet day a pinned `read_only` should be known.
fn parameters(sight: &Sight<'_>, side: Side, pace: &Pace, looks: &mut Vec<Look>) {
    let Some(group) = sight.input.actual.group(side) else {
        return;
    };
    let journal = sight.input.journal;
    let owed = journal.obligations.iter().any(|o| o.region == *sight.region(side));
    let called = last_call(
        sight,
        |effect| matches!(effect, Effect::SetReadOnly { group: changed, .. } if changed == group),
    );
    let actual = sight.input.actual;
    let newer_than = called.max(unread(&actual.parameters[side], &actual.instances[side]));
    let query = Query::Parameters {
        scope: sight.input.shop.scope(side),
        group: group.clone(),
    };
    looks.push(Look {
        query,
        every: if owed { pace.documents } else { pace.settings },
        newer_than,
    });
}

/// The parameter group of its own that a standby in the making gets.
fn new_group(sight: &Sight<'_>, side: Side, pace: &Pace, looks: &mut Vec<Look>) {
    let Some(group) = rebuild::new_group(sight, side) else {
        return;
    };
    let called = last_call(sight, |effect| {
        matches!(effect, Effect::SetReadOnly { group: changed, .. } | Effect::CopyGroup { to: changed, .. }
            if changed == group)
    });
    looks.push(Look {
        query: Query::Parameters {
            scope: sight.input.shop.scope(side),
            group: group.clone(),
        },
        every: pace.documents,
        newer_than: called,
    });
}

/// How fast users' view can change: pools of many shops share a monitor, which is asked once.
fn monitor(sight: &Sight<'_>, side: Side, pace: &Pace, looks: &mut Vec<Look>) {
    let Some(id) = sight.input.actual.monitor_id(side) else {
        return;
    };
    let query = Query::Monitor {
        class: sight.input.shop.class.clone(),
        monitor: id.clone(),
    };
    if !looks.iter().any(|look| look.query == query) {
        let actual = sight.input.actual;
        looks.push(Look {
            query,
            every: pace.settings,
            newer_than: unread(&actual.monitors[side], &actual.pools[side]),
        });
    }
}

/// What was never read must be younger than what told of it: another shop may have asked about it long before.
fn unread<T, U>(read: &Option<Read<T>>, told_by: &Option<Read<U>>) -> Option<Duration> {
    match (read, told_by) {
        (None, Some(told)) => Some(told.at.mono),
        (None, None) | (Some(_), _) => None,
    }
}

fn change(sight: &Sight<'_>, looks: &mut Vec<Look>) {
    let Some(id) = name::newest_change(sight) else { return };
    let in_sync = sight
        .input
        .actual
        .change
        .as_ref()
        .is_some_and(|(known, read)| known == id && read.present().is_some_and(|change| change.in_sync));
    if !in_sync {
        let query = Query::Change {
            class: sight.input.shop.class.clone(),
            id: id.clone(),
        };
        let every = if name::may_not_ask(sight) {
            CHANGE_DENIED
        } else {
            CHANGE
        };
        looks.push(Look {
            query,
            every,
            newer_than: None,
        });
    }
}

/// When users' view of the active region is first looked at where many shops need it at once: when monitors can have
/// noticed. Where others go first it is looked at all the same, anew while it is not Down, and as long as that helps: when
/// writes stopped is counted from the first Down.
fn first_sight(sight: &Sight<'_>, side: Side) -> Option<Duration> {
    let facts = sight.facts.as_ref().filter(|facts| facts.active == side)?;
    if facts.a.edge_read == EdgeVote::Down {
        return None;
    }
    let noticed = noticed(sight, facts)?;
    match sight.input.turn {
        Turn::AtEase => None,
        Turn::Called | Turn::NextMinute(_) => is_too_early(sight, facts).then(|| mono(sight, noticed)),
        Turn::Queued(_) if super::turn::is_over_budget(sight, facts) => None,
        Turn::Queued(place) => {
            let first = mono(sight, after(noticed, EACH_PLACE.saturating_mul(place.place)));
            let since_then = sight.input.now.mono.saturating_sub(first);
            let again = since_then.as_secs() / LOOK_AGAIN.as_secs();
            Some(first + LOOK_AGAIN.saturating_mul(u32::try_from(again).unwrap_or(u32::MAX)))
        }
    }
}

/// When the monitor of the active region's pool can have noticed the trouble in every city.
fn noticed(sight: &Sight<'_>, facts: &Facts) -> Option<Timestamp> {
    let monitor = sight.input.actual.monitor(facts.active);
    Some(after(
        facts.trouble?,
        monitor.unwrap_or(&MonitorView::DEFAULT).notices_within(),
    ))
}

/// Whether users' view can hardly have changed yet; a person does not wait for that.
fn is_too_early(sight: &Sight<'_>, facts: &Facts) -> bool {
    let early = noticed(sight, facts).is_some_and(|noticed| sight.input.now.wall < noticed);
    early && !asked::waits(sight)
}

/// A wall time on our monotonic clock.
fn mono(sight: &Sight<'_>, at: Timestamp) -> Duration {
    let now = sight.input.now;
    if at >= now.wall {
        now.mono + crate::time::since(now.wall, at)
    } else {
        now.mono.saturating_sub(crate::time::since(at, now.wall))
    }
}

/// When the newest matching call ended: what it changed must be read after that.
fn last_call(sight: &Sight<'_>, matches: impl Fn(&Effect) -> bool) -> Option<Duration> {
    sight.input.calls.iter().rev().find_map(|call| match &call.step {
        Step::Effect(effect) if matches(effect) => call.ended.as_ref().map(|(at, _)| at.mono),
        Step::Effect(_) | Step::Promote(_) => None,
    })
}

/// Once approved, in Preparing, and in Excluding once it has been read back, one round of everything newer than that is needed now.
fn fresh_round(sight: &Sight<'_>) -> Option<Duration> {
    let current = sight.input.journal.in_flight()?;
    let since = match current.phase {
        Phase::Requested => current.approved_at()?,
        Phase::Preparing => current.since,
        Phase::Excluding => super::excluding::read_back(sight, current)?,
        Phase::Promoting | Phase::Repointing | Phase::Verifying | Phase::Holding => return None,
    };
    Some(mono(sight, since).min(sight.input.now.mono))
}
