//! Blockers: could we move now, and how well? Answered on a quiet day.

use super::forecast::{Forecast, budget_too_small};
use super::{Sight, name, risk, sending, standpoint, traffic};
use crate::Text;
use crate::decision::{Effect, Step};
use crate::evidence::is_broken;
use crate::facts::{EdgeVote, Facts, InstanceVote};
use crate::journal::{ObligationKind, Phase};
use crate::outcome::Outcome;
use crate::reading::{Seen, TroubleKind};
use crate::refusal::{Blocker, PoolAbsence};
use crate::side::Side;
use std::time::Duration;

/// All that hold.
pub(super) fn blockers(sight: &Sight<'_>, forecast: Option<&Forecast>) -> Vec<Blocker> {
    let Some(facts) = &sight.facts else {
        return identities(sight);
    };
    let mut blockers = Vec::new();
    blockers.extend(link(sight, facts));
    blockers.extend(lag_high(sight, facts));
    blockers.extend(loss_budget_too_small(sight, forecast));
    blockers.extend(standby_instance(facts));
    blockers.extend(standby_services(facts));
    blockers.extend(balancers(sight));
    blockers.extend(pools(sight));
    blockers.extend(names(sight));
    blockers.extend(replaced(facts));
    let fleet = sight.input.fleet;
    let outdated = fleet.crd_outdated || fleet.crds_lack.is_some();
    blockers.extend(outdated.then_some(Blocker::CrdOutdated));
    blockers.extend(denied(sight));
    blockers.extend(cloudflare_denied(sight));
    blockers.extend(denied_calls(sight));
    blockers.extend(no_edge_view(facts));
    blockers.extend(obligation(sight));
    blockers.extend(
        sight
            .input
            .evidence
            .never_up(sight.input.shop)
            .then_some(Blocker::ProbeNeverUp),
    );
    blockers.extend(risk::risks(sight, forecast));
    blockers
}

/// What does not resolve, whoever the writer is: without it that may never be known.
fn identities(sight: &Sight<'_>) -> Vec<Blocker> {
    let mut blockers = balancers(sight);
    blockers.extend(pools(sight));
    blockers.extend(sight.input.fleet.crd_outdated.then_some(Blocker::CrdOutdated));
    blockers.extend(denied(sight));
    blockers.extend(cloudflare_denied(sight));
    blockers.extend(denied_calls(sight));
    blockers
}

/// The replica does not follow; nor does an instance that somebody has made a writer of its own.
fn link(sight: &Sight<'_>, facts: &Facts) -> Option<Blocker> {
    let standby = sight.input.actual.instance(facts.active.other());
    let alone = facts.b.instance.value == InstanceVote::Available
        && standby.is_some_and(|view| !standpoint::names_as_source(view, sight.input, facts.active));
    (is_broken(facts.link.value) || alone).then_some(Blocker::LinkBroken)
}

fn lag_high(sight: &Sight<'_>, facts: &Facts) -> Option<Blocker> {
    facts
        .lag
        .is_some_and(|lag| lag > sight.input.shop.policy.max_loss)
        .then_some(Blocker::LagHigh)
}

fn loss_budget_too_small(sight: &Sight<'_>, forecast: Option<&Forecast>) -> Option<Blocker> {
    budget_too_small(sight, forecast?).then_some(Blocker::LossBudgetTooSmall)
}

fn standby_instance(facts: &Facts) -> Option<Blocker> {
    match facts.b.instance.value {
        InstanceVote::Available | InstanceVote::Unknown => None,
        InstanceVote::Absent => Some(Blocker::StandbyMissing),
        busy @ (InstanceVote::Routine | InstanceVote::Failed | InstanceVote::Silent) => {
            Some(Blocker::StandbyBusy(busy))
        }
    }
}

fn standby_services(facts: &Facts) -> Option<Blocker> {
    crate::evidence::is_out(facts.b.probe.value).then_some(Blocker::StandbyServicesDown)
}

fn balancers(sight: &Sight<'_>) -> Vec<Blocker> {
    let shop = sight.input.shop;
    let mut blockers = Vec::new();
    for (id, read) in shop.balancers.iter().zip(&sight.input.actual.balancers) {
        match read.as_ref().map(|read| &read.seen) {
            Some(Seen::Absent) => blockers.push(Blocker::BalancerMissing(id.clone())),
            Some(Seen::Present(document)) => {
                if !document.enabled {
                    blockers.push(Blocker::BalancerDisabled(id.clone()));
                }
                let excluded = sight.side(sight.input.journal.excluded.as_ref());
                // So has an earlier life of ours that only the TXT remembers.
                let told = standpoint::owner_record(sight.input).filter(|record| record.owner == shop.owner);
                let told = told.and_then(|record| sight.side(record.excluded.as_ref()));
                // After an exclusion the lists are put back by us: nobody else has to correct them.
                let returning = excluded.is_none()
                    && sight
                        .input
                        .journal
                        .saved_steering
                        .iter()
                        .any(|saved| saved.balancer == *id);
                for side in Side::BOTH {
                    let pool = &shop.regions[side].pool;
                    if excluded != Some(side) && told != Some(side) && !returning && !traffic::names(document, pool) {
                        blockers.push(Blocker::PoolMissing(PoolAbsence::NotIn {
                            balancer: id.clone(),
                            pool: pool.clone(),
                        }));
                    }
                }
            }
            Some(Seen::Silent | Seen::Unknown(_)) | None => {}
        }
    }
    blockers
}

fn pools(sight: &Sight<'_>) -> Vec<Blocker> {
    let shop = sight.input.shop;
    let mut blockers = Vec::new();
    for side in Side::BOTH {
        match sight.input.actual.pools[side].as_ref().map(|read| &read.seen) {
            Some(Seen::Absent) => {
                let pool = shop.regions[side].pool.clone();
                blockers.push(Blocker::PoolMissing(PoolAbsence::Pool(pool)));
            }
            Some(Seen::Present(pool)) if !pool.enabled => {
                blockers.push(Blocker::PoolDisabled(shop.regions[side].pool.clone()));
            }
            Some(Seen::Present(_) | Seen::Silent | Seen::Unknown(_)) | None => {}
        }
    }
    blockers
}

fn names(sight: &Sight<'_>) -> Vec<Blocker> {
    let Some(names) = sight.input.actual.names() else {
        return Vec::new();
    };
    let mut blockers = Vec::new();
    match &names.writer {
        None => blockers.push(Blocker::RecordMissing),
        Some(record) if !record.simple || &*record.kind != "CNAME" => blockers.push(Blocker::RecordNotSimple),
        Some(record) => {
            let endpoint = sight
                .active
                .and_then(|side| sight.input.actual.instance(side)?.endpoint.clone());
            let points = record.values.first().map(|value| super::name::plain(value));
            // The name that a move of ours is about to point there is nobody's to correct.
            let moving = sight
                .input
                .journal
                .in_flight()
                .is_some_and(|m| matches!(m.phase, Phase::Promoting | Phase::Repointing));
            if !moving && endpoint.is_some_and(|endpoint| points != Some(super::name::plain(&endpoint))) {
                blockers.push(Blocker::RecordForeign);
            }
        }
    }
    if names.txt.is_none() && sight.input.journal.active_region.is_some() {
        blockers.push(Blocker::OwnerRecordMissing);
    }
    blockers
}

fn replaced(facts: &Facts) -> Option<Blocker> {
    (facts.a.replaced || facts.b.replaced).then_some(Blocker::InstanceReplaced)
}

fn denied(sight: &Sight<'_>) -> Vec<Blocker> {
    let actual = sight.input.actual;
    let mut blockers = Vec::new();
    let mut ask = |what: &str, trouble: Option<TroubleKind>| {
        if trouble == Some(TroubleKind::Denied) {
            blockers.push(Blocker::PermissionDenied(Text::from(what)));
        }
    };
    for side in Side::BOTH {
        ask(
            "rds:DescribeDBInstances",
            actual.instances[side].as_ref().and_then(|read| trouble(&read.seen)),
        );
        ask(
            "rds:DescribeDBParameters",
            actual.parameters[side].as_ref().and_then(|read| trouble(&read.seen)),
        );
    }
    ask(
        "route53:ListResourceRecordSets",
        actual.names.as_ref().and_then(|read| trouble(&read.seen)),
    );
    if name::may_not_ask(sight) {
        ask("route53:GetChange", Some(TroubleKind::Denied));
    }
    blockers
}

/// A token has rights in accounts and in zones. One that reads the zone's load balancers and not the account's pools
/// works, and has too narrow a scope.
fn cloudflare_denied(sight: &Sight<'_>) -> Vec<Blocker> {
    let actual = sight.input.actual;
    let denied = |trouble: Option<TroubleKind>| trouble == Some(TroubleKind::Denied);
    let pools = Side::BOTH
        .into_iter()
        .any(|side| denied(actual.pools[side].as_ref().and_then(|read| trouble(&read.seen))));
    let balancers = || actual.balancers.iter().flatten();
    let zone = balancers().any(|read| denied(trouble(&read.seen)));
    let zone_works = balancers().any(|read| read.present().is_some());
    let mut blockers = Vec::new();
    if pools && zone_works {
        blockers.push(Blocker::TokenScope);
    } else if pools {
        blockers.push(Blocker::PermissionDenied(
            "Cloudflare: read pools of the account".into(),
        ));
    }
    if zone {
        blockers.push(Blocker::PermissionDenied(
            "Cloudflare: read load balancers of the zone".into(),
        ));
    }
    blockers
}

/// A denial of a call is told for so long, unless a later call to the same target ends otherwise.
const DENIAL_TOLD_FOR: Duration = Duration::from_secs(900);

/// Calls that were denied: on a quiet day nothing is changed, so it comes out when it matters.
fn denied_calls(sight: &Sight<'_>) -> Vec<Blocker> {
    let mut told: Vec<&'static str> = Vec::new();
    for (index, call) in sight.input.calls.iter().enumerate() {
        let Some((ended, Outcome::Denied(_))) = &call.ended else {
            continue;
        };
        let later = sight.input.calls[index + 1..]
            .iter()
            .any(|later| same(&later.step, &call.step));
        let fresh = sight.input.now.mono.saturating_sub(ended.mono) < DENIAL_TOLD_FOR;
        let right = right(&call.step);
        if !later && fresh && !told.contains(&right) {
            told.push(right);
        }
    }
    told.into_iter()
        .map(|right| Blocker::PermissionDenied(right.into()))
        .collect()
}

fn same(one: &Step, other: &Step) -> bool {
    match (one, other) {
        (Step::Promote(one), Step::Promote(other)) => one.instance == other.instance,
        (Step::Effect(one), Step::Effect(other)) => sending::same_target(one, other),
        (Step::Promote(_), Step::Effect(_)) | (Step::Effect(_), Step::Promote(_)) => false,
    }
}

/// The right that a call needs, as its provider names it.
fn right(step: &Step) -> &'static str {
    match step {
        Step::Promote(_) => "rds:PromoteReadReplica",
        Step::Effect(Effect::SetReadOnly { .. }) => "rds:ModifyDBParameterGroup",
        Step::Effect(Effect::Stop { .. }) => "rds:StopDBInstance",
        Step::Effect(Effect::Start { .. }) => "rds:StartDBInstance",
        Step::Effect(Effect::Tag { .. }) => "rds:AddTagsToResource",
        Step::Effect(Effect::Untag { .. }) => "rds:RemoveTagsFromResource",
        Step::Effect(Effect::CopyGroup { .. }) => "rds:CopyDBParameterGroup",
        Step::Effect(Effect::CreateReplica { .. }) => "rds:CreateDBInstanceReadReplica",
        Step::Effect(Effect::ChangeNames { .. }) => "route53:ChangeResourceRecordSets",
        Step::Effect(Effect::PatchBalancer { .. }) => "Cloudflare: edit load balancers of the zone",
    }
}

fn trouble<T>(seen: &Seen<T>) -> Option<TroubleKind> {
    match seen {
        Seen::Unknown(trouble) => Some(trouble.kind),
        Seen::Present(_) | Seen::Absent | Seen::Silent => None,
    }
}

fn no_edge_view(facts: &Facts) -> Option<Blocker> {
    // Many shops are read in slow rotation: an old reading is no missing view.
    (facts.a.edge.read.is_some() && facts.shown_edge(&facts.a) == EdgeVote::Unknown).then_some(Blocker::NoEdgeView)
}

fn obligation(sight: &Sight<'_>) -> Option<Blocker> {
    let open = sight.input.journal.obligations.iter().any(|o| match o.kind {
        ObligationKind::FenceFormerWriter | ObligationKind::RebuildStandby => true,
        ObligationKind::Unfence => false,
    });
    open.then_some(Blocker::ObligationOpen)
}

/// Whether everything that blockers are judged by has been read once.
pub(super) fn all_read(sight: &Sight<'_>) -> bool {
    documents_read(sight) && standpoint::active(sight.input).is_some()
}

/// The same, but for where the writer is.
pub(super) fn documents_read(sight: &Sight<'_>) -> bool {
    let actual = sight.input.actual;
    actual.names.is_some()
        && actual.balancers.iter().all(Option::is_some)
        && Side::BOTH
            .into_iter()
            .all(|side| actual.instances[side].is_some() && actual.pools[side].is_some())
}
