//! Risks: what would make a move slower, dearer or less certain, and prevents none.

use super::forecast::{Forecast, TTL_LONG, Verdict, slow_monitor};
use super::{Sight, fence, traffic};
use crate::refusal::{Blocker, LongTtl};
use crate::shop::Mode;
use crate::side::Side;
use std::time::Duration;

/// All that hold.
pub(super) fn risks(sight: &Sight<'_>, forecast: Option<&Forecast>) -> Vec<Blocker> {
    let shop = sight.input.shop;
    let mut risks = Vec::new();
    if Side::BOTH.into_iter().any(|side| shop.regions[side].proof.is_none()) {
        risks.push(Blocker::NoProof);
    }
    if sight.active.is_some_and(|side| &**sight.region(side) == "us-east-1") {
        risks.push(Blocker::NameNeedsUsEast1);
    }
    risks.extend(backups_off(sight));
    risks.extend(parameter_groups(sight));
    risks.extend(standby_read_only_forced(sight));
    risks.extend(ttls(sight));
    risks.extend(observer_in_region(sight));
    risks.extend(steering(sight));
    risks.extend(pools_in_no_list(sight));
    risks.extend(monitor_slow(sight));
    risks.extend(objective_missed(forecast));
    risks.extend(approver_unverified(sight));
    risks
}

/// Of the writer: a replica has none, and gets them with its promotion.
fn backups_off(sight: &Sight<'_>) -> Option<Blocker> {
    let writer = sight.input.actual.instance(sight.active?)?;
    (writer.backup_days == 0).then_some(Blocker::BackupsOff)
}

fn parameter_groups(sight: &Sight<'_>) -> Vec<Blocker> {
    let views = || {
        Side::BOTH
            .into_iter()
            .filter_map(|side| sight.input.actual.instance(side))
    };
    let mut risks = Vec::new();
    if views().any(|view| view.group.starts_with("default.")) {
        risks.push(Blocker::DefaultParameterGroup);
    }
    if views().any(|view| view.group_shared) {
        risks.push(Blocker::ParameterGroupShared);
    }
    risks
}

/// A replica whose group pins `read_only` stays read-only when promoted. A fence of ours is none of that.
fn standby_read_only_forced(sight: &Sight<'_>) -> Option<Blocker> {
    let standby = sight.active?.other();
    let view = sight.input.actual.instance(standby)?;
    let replica = view.source.is_some() && view.tag_fenced.is_none();
    (replica && fence::reads_read_only(sight, standby)).then_some(Blocker::StandbyReadOnlyForced)
}

fn ttls(sight: &Sight<'_>) -> Vec<Blocker> {
    let input = sight.input;
    let mut risks = Vec::new();
    let listed = input.actual.names().and_then(|names| names.writer.as_ref()?.ttl);
    let listed = listed.and_then(|seconds| u64::try_from(seconds).ok());
    let ttl = listed.map_or(input.shop.writer.ttl, Duration::from_secs);
    if ttl.max(input.shop.writer.ttl) > TTL_LONG {
        risks.push(Blocker::TtlLong(LongTtl::Writer));
    }
    for (id, read) in input.shop.balancers.iter().zip(&input.actual.balancers) {
        let kept = read.as_ref().and_then(|read| read.present()?.dns_ttl);
        if kept.is_some_and(|ttl| ttl > TTL_LONG) {
            risks.push(Blocker::TtlLong(LongTtl::Balancer(id.clone())));
        }
    }
    risks
}

/// Whoever looks from inside a region goes down with it, or sees it better than users do.
fn observer_in_region(sight: &Sight<'_>) -> Option<Blocker> {
    let here = sight.input.fleet.region.as_ref()?;
    sight.side(Some(here)).map(|_| Blocker::ObserverInRegion)
}

/// Where a person decides it matters who that is.
fn approver_unverified(sight: &Sight<'_>) -> Option<Blocker> {
    let shop = sight.input.shop;
    let why = sight.input.fleet.unverified.get(&shop.key.namespace)?;
    (shop.policy.mode == Mode::Approve).then_some(Blocker::ApproverUnverified(*why))
}

fn steering(sight: &Sight<'_>) -> Vec<Blocker> {
    let mut risks = Vec::new();
    let documents = sight.input.actual.balancers.iter().flatten();
    if documents
        .filter_map(|read| read.present())
        .any(|document| !matches!(&*document.steering, "" | "off"))
    {
        risks.push(Blocker::SteeringIgnoresOrder);
    }
    if sight
        .active
        .is_some_and(|active| traffic::too_many_to_save(sight, active))
    {
        risks.push(Blocker::SteeringTooLarge);
    }
    risks
}

/// A pool in no list may not be monitored: while a region is excluded that is our own doing.
fn pools_in_no_list(sight: &Sight<'_>) -> Vec<Blocker> {
    let (shop, balancers) = (sight.input.shop, &sight.input.actual.balancers);
    let in_no_list = |pool: &crate::Text| {
        balancers.iter().all(|read| {
            let document = read.as_ref().and_then(|read| read.present());
            document.is_some_and(|document| !traffic::names(document, pool))
        })
    };
    Side::BOTH
        .into_iter()
        .map(|side| &shop.regions[side].pool)
        .filter(|pool| in_no_list(pool))
        .map(|pool| Blocker::PoolInNoList(pool.clone()))
        .collect()
}

fn monitor_slow(sight: &Sight<'_>) -> Option<Blocker> {
    let side = slow_monitor(sight)?;
    Some(Blocker::MonitorSlow(sight.input.shop.regions[side].pool.clone()))
}

fn objective_missed(forecast: Option<&Forecast>) -> Option<Blocker> {
    let missed = |verdict: Verdict| match verdict {
        Verdict::MayBeMissed | Verdict::Missed => true,
        Verdict::Met | Verdict::Unknown => false,
    };
    let forecast = forecast?;
    (missed(forecast.rto_verdict) || missed(forecast.rpo_verdict)).then_some(Blocker::ObjectiveMissed)
}
