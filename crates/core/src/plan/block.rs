//! Blockers: could we move now, and how well? Answered on a quiet day.

use super::{Sight, standpoint, traffic};
use crate::Text;
use crate::evidence::is_broken;
use crate::facts::{EdgeVote, Facts, InstanceVote};
use crate::journal::ObligationKind;
use crate::reading::{Seen, TroubleKind};
use crate::refusal::Blocker;
use crate::side::Side;

/// All that hold.
pub(super) fn blockers(sight: &Sight<'_>) -> Vec<Blocker> {
    let Some(facts) = &sight.facts else { return Vec::new() };
    let mut blockers = Vec::new();
    blockers.extend(link(facts));
    blockers.extend(lag_high(sight, facts));
    blockers.extend(standby_instance(facts));
    blockers.extend(standby_services(facts));
    blockers.extend(balancers(sight));
    blockers.extend(pools(sight));
    blockers.extend(names(sight));
    blockers.extend(replaced(facts));
    blockers.extend(denied(sight));
    blockers.extend(no_edge_view(facts));
    blockers.extend(obligation(sight));
    blockers.extend(
        sight
            .input
            .evidence
            .never_up(sight.input.shop)
            .then_some(Blocker::ProbeNeverUp),
    );
    blockers.extend(risks(sight));
    blockers
}

fn link(facts: &Facts) -> Option<Blocker> {
    is_broken(facts.link.value).then_some(Blocker::LinkBroken)
}

fn lag_high(sight: &Sight<'_>, facts: &Facts) -> Option<Blocker> {
    facts
        .lag
        .is_some_and(|lag| lag > sight.input.shop.policy.max_loss)
        .then_some(Blocker::LagHigh)
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
            Some(Seen::Absent) => blockers.push(Blocker::PoolMissing(id.clone())),
            Some(Seen::Present(document)) => {
                if !document.enabled {
                    blockers.push(Blocker::BalancerDisabled(id.clone()));
                }
                let excluded = sight.side(sight.input.journal.excluded.as_ref());
                let missing = Side::BOTH
                    .into_iter()
                    .any(|side| excluded != Some(side) && !traffic::names(document, &shop.regions[side].pool));
                if missing {
                    blockers.push(Blocker::PoolMissing(id.clone()));
                }
                if !matches!(&*document.steering, "" | "off") {
                    blockers.push(Blocker::SteeringIgnoresOrder);
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
            Some(Seen::Absent) => blockers.push(Blocker::PoolMissing(shop.regions[side].pool.clone())),
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
            if endpoint.is_some_and(|endpoint| points != Some(super::name::plain(&endpoint))) {
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
        ask(
            "Cloudflare: read pools of the account",
            actual.pools[side].as_ref().and_then(|read| trouble(&read.seen)),
        );
    }
    ask(
        "route53:ListResourceRecordSets",
        actual.names.as_ref().and_then(|read| trouble(&read.seen)),
    );
    for read in &actual.balancers {
        ask(
            "Cloudflare: read load balancers of the zone",
            read.as_ref().and_then(|read| trouble(&read.seen)),
        );
    }
    blockers
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

fn risks(sight: &Sight<'_>) -> Vec<Blocker> {
    let shop = sight.input.shop;
    let mut risks = Vec::new();
    if Side::BOTH.into_iter().any(|side| shop.regions[side].proof.is_none()) {
        risks.push(Blocker::NoProof);
    }
    if sight.active.is_some_and(|side| &**sight.region(side) == "us-east-1") {
        risks.push(Blocker::NameNeedsUsEast1);
    }
    let views = || {
        Side::BOTH
            .into_iter()
            .filter_map(|side| sight.input.actual.instance(side))
    };
    if views().any(|view| view.group.starts_with("default.")) {
        risks.push(Blocker::DefaultParameterGroup);
    }
    if views().any(|view| view.group_shared) {
        risks.push(Blocker::ParameterGroupShared);
    }
    risks
}

/// Whether everything that blockers are judged by has been read once.
pub(super) fn all_read(sight: &Sight<'_>) -> bool {
    let actual = sight.input.actual;
    actual.names.is_some()
        && actual.balancers.iter().all(Option::is_some)
        && Side::BOTH
            .into_iter()
            .all(|side| actual.instances[side].is_some() && actual.pools[side].is_some())
        && standpoint::active(sight.input).is_some()
}
