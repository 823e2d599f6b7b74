//! May we? All refusals that hold, each a predicate of its own.

use super::held::{Held, held};
use super::{Sight, standpoint, traffic, turn};
use crate::actual::Read;
use crate::facts::{Facts, InstanceVote};
use crate::journal::{ObligationKind, Phase};
use crate::loss;
use crate::refusal::Refusal;
use crate::request::Asker;
use crate::shop::Mode;
use std::time::Duration;

/// B's critical services Down for longer than this before A's first Down speak against B.
pub(crate) const STANDBY_DOWN_BEFORE: Duration = Duration::from_secs(60);

/// All that stands against the move in flight, or else against one by itself now.
pub(super) fn refusals(sight: &Sight<'_>) -> Vec<Refusal> {
    let in_flight = sight.input.journal.in_flight();
    against(sight, in_flight.map_or(Asker::Automatic, crate::journal::Move::asker))
}

/// All that stands against a move that this one asks for. What depends on evidence is asked once a diagnosis calls for
/// a move, or a person does.
pub(super) fn against(sight: &Sight<'_>, asker: Asker<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    refusals.extend(mode(sight));
    refusals.extend(suspended(sight));
    refusals.extend(frozen(sight));
    refusals.extend(owned_elsewhere(sight));
    refusals.extend(unknown_active(sight, asker));
    refusals.extend(move_in_flight(sight, asker));
    refusals.extend(cool_down(sight));
    refusals.extend(obligation_open(sight));
    refusals.extend(turn::paced(sight));
    let asked = asker.is_person() || sight.diagnosis.calls_for_promotion();
    if let Some(facts) = sight.facts.as_ref().filter(|_| asked) {
        refusals.extend(not_held(sight, facts));
        refusals.extend(loss(sight, facts, asker));
        refusals.extend(against_any(sight, facts));
    }
    refusals.retain(|refusal| asker.is_bound_by(refusal));
    refusals
}

/// All that stands against an order of pools that this one asks for: it moves no writer and loses nothing.
pub(super) fn against_shift(sight: &Sight<'_>, asker: Asker<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    refusals.extend(suspended(sight));
    refusals.extend(frozen(sight));
    refusals.extend(owned_elsewhere(sight));
    refusals.extend(unknown_active(sight, asker));
    refusals.extend(move_in_flight(sight, asker));
    refusals.retain(|refusal| asker.is_bound_by(refusal));
    refusals
}

/// What would refuse a promotion whatever the diagnosis, asked on a quiet day. How much would be lost depends on when the
/// writes stop, so that only a loss that nobody could estimate is named.
pub(super) fn in_the_way(sight: &Sight<'_>, facts: &Facts) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    refusals.extend(facts.round.is_none().then_some(Refusal::Quarantine));
    refusals.extend(facts.caught_up_to.is_none().then_some(Refusal::LossUnknown));
    refusals.extend(against_any(sight, facts));
    refusals
}

fn against_any(sight: &Sight<'_>, facts: &Facts) -> impl Iterator<Item = Refusal> {
    [
        standby_missing(sight, facts),
        standby_busy(sight, facts),
        standby_not_replica(sight, facts),
        standby_services_down(facts),
        traffic_not_moved(sight, facts),
        name_unmovable(sight),
    ]
    .into_iter()
    .flatten()
}

/// Those that stand against going on with the move in flight.
pub(super) fn against_going_on<'a>(sight: &'a Sight<'_>) -> impl Iterator<Item = &'a Refusal> {
    sight
        .refusals
        .iter()
        .filter(|refusal| !matches!(refusal, Refusal::MoveInFlight))
}

fn mode(sight: &Sight<'_>) -> Option<Refusal> {
    match sight.input.shop.policy.mode {
        Mode::Observe => Some(Refusal::ObserveMode),
        Mode::Approve if is_approved(sight) => None,
        Mode::Approve => Some(Refusal::AwaitingApproval),
        Mode::Automatic => None,
    }
}

fn is_approved(sight: &Sight<'_>) -> bool {
    let current = sight.input.journal.in_flight();
    current.is_some_and(|current| current.approved_at().is_some())
}

fn suspended(sight: &Sight<'_>) -> Option<Refusal> {
    sight.input.shop.suspended.then_some(Refusal::Suspended)
}

fn frozen(sight: &Sight<'_>) -> Option<Refusal> {
    let wall = sight.input.now.wall;
    let freeze = sight
        .input
        .shop
        .policy
        .freezes
        .iter()
        .find(|freeze| freeze.from <= wall && wall < freeze.until)?;
    Some(Refusal::Frozen {
        name: freeze.name.clone(),
        until: freeze.until,
    })
}

fn owned_elsewhere(sight: &Sight<'_>) -> Option<Refusal> {
    sight.foreign_owner().map(|owner| Refusal::OwnedElsewhere { owner })
}

/// In Observe nothing is adopted, and nothing moves by itself anyway; a person's move needs to know from where.
fn unknown_active(sight: &Sight<'_>, asker: Asker<'_>) -> Option<Refusal> {
    let journal = sight.input.journal;
    let adopted = sight.side(journal.active_region.as_ref()).is_some();
    let unknown = !adopted || super::moved::is_unknown(sight);
    let asked = asker.is_person() || sight.input.shop.policy.mode != Mode::Observe;
    (unknown && asked).then_some(Refusal::UnknownActive)
}

/// A move that waits for a person stands in no person's way: what they ask for takes its place.
fn move_in_flight(sight: &Sight<'_>, asker: Asker<'_>) -> Option<Refusal> {
    let current = sight.input.journal.in_flight()?;
    let makes_way = current.awaits_approval() && asker.is_person();
    (!makes_way).then_some(Refusal::MoveInFlight)
}

fn cool_down(sight: &Sight<'_>) -> Option<Refusal> {
    let until = sight.input.journal.cool_down_until?;
    (sight.input.now.wall < until).then_some(Refusal::CoolDown { until })
}

/// What the move in flight itself owes is no obligation of an earlier one.
fn obligation_open(sight: &Sight<'_>) -> Option<Refusal> {
    let own = sight.input.journal.in_flight().map(|m| m.number);
    let open = sight.input.journal.obligations.iter().any(|o| match o.kind {
        ObligationKind::FenceFormerWriter | ObligationKind::RebuildStandby => Some(o.number) != own,
        ObligationKind::Unfence => false,
    });
    open.then_some(Refusal::ObligationOpen)
}

fn not_held(sight: &Sight<'_>, facts: &Facts) -> Option<Refusal> {
    if facts.round.is_none() {
        return Some(Refusal::Quarantine);
    }
    match held(sight, facts) {
        Held::Yes => None,
        Held::Until(until) => Some(Refusal::NotHeld { until }),
        Held::Never => Some(Refusal::Quarantine),
    }
}

fn loss(sight: &Sight<'_>, facts: &Facts, asker: Asker<'_>) -> Option<Refusal> {
    let accepted = match asker {
        Asker::Automatic => None,
        Asker::Person { allow_loss, .. } => allow_loss,
        // It waits until nothing can be lost.
        Asker::Planned { .. } => return None,
    };
    let budget = accepted.unwrap_or(sight.input.shop.policy.max_loss);
    let budget = i64::try_from(budget.as_secs()).unwrap_or(i64::MAX);
    match loss::estimate(facts, sight.input.now) {
        None => Some(Refusal::LossUnknown),
        Some(loss) if loss.seconds > budget => Some(Refusal::LossOverBudget {
            seconds: loss.seconds,
            budget,
        }),
        Some(_) => None,
    }
}

fn standby_missing(sight: &Sight<'_>, facts: &Facts) -> Option<Refusal> {
    let seen = sight.input.actual.instance(facts.active.other()).is_some();
    let gone = facts.b.instance.value == InstanceVote::Absent;
    (!seen || gone || facts.b.replaced).then_some(Refusal::StandbyMissing)
}

/// Anything else: try, RDS decides.
fn standby_busy(sight: &Sight<'_>, facts: &Facts) -> Option<Refusal> {
    let view = sight.input.actual.instance(facts.active.other())?;
    let busy = matches!(
        &*view.status,
        "creating" | "backing-up" | "modifying" | "rebooting" | "upgrading"
    );
    busy.then(|| Refusal::StandbyBusy {
        status: view.status.clone(),
    })
}

fn standby_not_replica(sight: &Sight<'_>, facts: &Facts) -> Option<Refusal> {
    let view = sight.input.actual.instance(facts.active.other())?;
    let follows = standpoint::names_as_source(view, sight.input, facts.active);
    (!follows).then_some(Refusal::StandbyNotReplica)
}

fn standby_services_down(facts: &Facts) -> Option<Refusal> {
    (facts.b.critical_down_before_trouble > STANDBY_DOWN_BEFORE).then_some(Refusal::StandbyServicesDown)
}

/// A could not be excluded: a load balancer cannot be read or serves nobody, names A where we cannot change it, or B
/// could not take the users.
fn traffic_not_moved(sight: &Sight<'_>, facts: &Facts) -> Option<Refusal> {
    let (shop, actual) = (sight.input.shop, sight.input.actual);
    let (a, b) = (facts.active, facts.active.other());
    let refuse = |why: String| Some(Refusal::TrafficNotMoved { why: why.into() });
    for (id, read) in shop.balancers.iter().zip(&actual.balancers) {
        let Some(document) = read.as_ref().and_then(Read::present) else {
            return refuse(format!("load balancer {id} cannot be read"));
        };
        if !document.enabled {
            return refuse(format!("load balancer {id} is disabled"));
        }
        if document.named_elsewhere.contains(&shop.regions[a].pool) {
            return refuse(format!(
                "load balancer {id} names the pool of {} in a rule or a weight",
                shop.regions[a].name
            ));
        }
        let excluded = sight.input.journal.excluded.as_ref() == Some(sight.region(b));
        if !excluded && !traffic::names(document, &shop.regions[b].pool) {
            return refuse(format!(
                "load balancer {id} does not name the pool of {}",
                shop.regions[b].name
            ));
        }
    }
    match actual.pools[b].as_ref().map(|read| &read.seen) {
        Some(crate::reading::Seen::Absent) => refuse(format!("pool {} does not exist", shop.regions[b].pool)),
        Some(crate::reading::Seen::Present(pool)) if !pool.enabled => {
            refuse(format!("pool {} is disabled", shop.regions[b].pool))
        }
        Some(crate::reading::Seen::Present(_) | crate::reading::Seen::Silent | crate::reading::Seen::Unknown(_))
        | None => None,
    }
}

/// Route 53 does not answer now. Once the promotion is under way the question is moot.
fn name_unmovable(sight: &Sight<'_>) -> Option<Refusal> {
    let later = sight
        .input
        .journal
        .in_flight()
        .is_some_and(|m| m.phase >= Phase::Promoting);
    (!later && sight.input.actual.names().is_none()).then_some(Refusal::NameUnmovable)
}
