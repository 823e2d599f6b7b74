//! Traffic shifts: a person says which region comes first in the load balancers, until a time. It moves no writer, is no
//! move in flight, and delays none.

use super::{Sight, asked, traffic};
use crate::Text;
use crate::diagnosis::Diagnosis;
use crate::evidence::is_out;
use crate::facts::{EdgeVote, Facts, ProbeVote, RegionFacts};
use crate::journal::{Journal, MoveKind, MoveOutcome, Shift};
use crate::reading::BalancerView;
use crate::request::{Request, Unfit};
use crate::side::Side;
use std::time::Duration;

/// Whether its time has passed before it began.
pub(super) fn is_over(sight: &Sight<'_>, request: &Request) -> bool {
    request.expires_at.is_none_or(|until| sight.input.now.wall >= until)
}

/// Why this region cannot come first, as readings show it.
pub(super) fn unfit(sight: &Sight<'_>, request: &Request, to: Side) -> Option<Unfit> {
    if is_over(sight, request) {
        return Some(Unfit::AlreadyOver);
    }
    let facts = sight.facts.as_ref()?;
    let region = of(facts, to);
    let up = region.probe.value == ProbeVote::Up || region.edge.value == EdgeVote::Up;
    if !up || is_dark(region) {
        return Some(Unfit::ServicesNotUp(to));
    }
    if is_excluded(sight, to) || !traffic::pool_is_there(sight, to) || !balancers(sight).all(|seen| seen.is_some()) {
        return Some(Unfit::PoolNotUsable(to));
    }
    let ignores = |document: &BalancerView| !matches!(&*document.steering, "" | "off");
    balancers(sight).flatten().all(ignores).then_some(Unfit::OrderIgnored)
}

/// The load balancers that can put one of the two pools before the other; `None` stands for one that cannot.
fn balancers<'a>(sight: &'a Sight<'_>) -> impl Iterator<Item = Option<&'a BalancerView>> {
    let regions = &sight.input.shop.regions;
    let both = |document: &&BalancerView| {
        let named = |side: Side| document.default_pools.contains(&regions[side].pool);
        let left_out = |side: Side| is_excluded(sight, side);
        document.enabled && Side::BOTH.into_iter().all(|side| named(side) || left_out(side))
    };
    let read = sight.input.actual.balancers.iter();
    read.map(move |read| read.as_ref().and_then(|read| read.present()).filter(both))
}

/// The entry that begins it: the region comes first from now on.
pub(super) fn begin(sight: &Sight<'_>, request: &Request) -> Option<Journal> {
    let to = sight.side(request.to.as_ref())?;
    let mut journal = sight.input.journal.clone();
    journal.front = Some(sight.region(to).clone());
    journal.shift = Some(Shift {
        front: sight.region(to).clone(),
        since: sight.input.now.wall,
        until: request.expires_at?,
        request: asked::named(request),
        outcome: None,
        ended_at: None,
        because: None,
        followed: false,
    });
    Some(journal)
}

/// The entry that ends it: withdrawn, over, or replaced by another one.
pub(super) fn entry(sight: &Sight<'_>) -> Option<Journal> {
    let shift = sight.input.journal.holding()?;
    let requests = || sight.input.requests.iter();
    if requests().any(|request| request.uid == shift.request.uid && request.abort) {
        return Some(back(sight, shift, MoveOutcome::Aborted, "it was withdrawn"));
    }
    if sight.input.now.wall >= shift.until {
        return Some(back(sight, shift, MoveOutcome::Completed, "its time is over"));
    }
    let next = asked::open(sight).find(|request| {
        request.kind == MoveKind::TrafficShift && matches!(asked::asked(sight, request), asked::Asked::Begins)
    })?;
    let because = format!("{} takes its place", next.name);
    let mut journal = sight.input.journal.clone();
    journal.end_shift(ended(sight, shift, MoveOutcome::Aborted, because));
    Some(journal)
}

/// The entry that ends it because the object goes; the order of pools goes back before.
pub(super) fn left(sight: &Sight<'_>) -> Option<Journal> {
    let shift = sight.input.journal.holding()?;
    let mut journal = sight.input.journal.clone();
    journal.end_shift(Shift {
        followed: true,
        ..ended(sight, shift, MoveOutcome::Aborted, "the Storefront is deleted".into())
    });
    Some(journal)
}

/// What else an entry decides may end it: an exclusion, and whatever names the active region anew.
pub(super) fn ended_by(sight: &Sight<'_>, new: &mut Journal) {
    let old = sight.input.journal;
    let Some(shift) = old.holding() else { return };
    if new.shift.is_some() && new.holding().is_none() {
        return;
    }
    let excluded = new.excluded.as_ref().filter(|_| new.excluded != old.excluded);
    let named_anew = (&old.active_region, old.epoch) != (&new.active_region, new.epoch);
    let (because, followed) = match excluded {
        Some(region) => (format!("{region} is taken out of the load balancers"), true),
        None if named_anew => ("where the writer is was found out or named anew".into(), false),
        None => return,
    };
    new.end_shift(Shift {
        followed,
        ..ended(sight, shift, MoveOutcome::Aborted, because)
    });
}

/// The order of pools goes back to the active region, where users can be served there. Else it stays, and goes back as
/// after an outage.
fn back(sight: &Sight<'_>, shift: &Shift, outcome: MoveOutcome, because: &str) -> Journal {
    let mut journal = sight.input.journal.clone();
    let active = sight.side(journal.active_region.as_ref());
    let fit = sight.facts.as_ref().is_some_and(|facts| traffic::is_fit(&facts.a));
    let home = active
        .filter(|side| !is_excluded(sight, *side))
        .map(|side| sight.region(side));
    let because = match (home, &journal.front) {
        (Some(home), Some(front)) if home != front && !fit => {
            format!("{because}; {front} goes on coming first until {home} is well")
        }
        (Some(home), _) => {
            journal.front = Some(home.clone());
            because.to_owned()
        }
        (None, _) => because.to_owned(),
    };
    journal.end_shift(ended(sight, shift, outcome, because));
    journal
}

fn ended(sight: &Sight<'_>, shift: &Shift, outcome: MoveOutcome, because: String) -> Shift {
    Shift {
        outcome: Some(outcome),
        ended_at: Some(sight.input.now.wall),
        because: Some(because.into()),
        ..shift.clone()
    }
}

/// Whether the order of pools is a person's: while a shift holds, and after its end until the load balancers were seen to
/// have followed.
pub(super) fn is_enforced(journal: &Journal) -> bool {
    journal
        .shift
        .as_ref()
        .is_some_and(|shift| shift.outcome.is_none() || !shift.followed)
}

/// The same journal once the load balancers have followed the end of the shift.
pub(super) fn followed(journal: &Journal) -> Journal {
    let mut journal = journal.clone();
    if let Some(shift) = &mut journal.shift {
        shift.followed = true;
    }
    journal
}

/// A change of the front while a shift holds: away from a region whose services have gone out, if the other one can take
/// the users, and back to the shift's once it is well again.
pub(super) fn front(sight: &Sight<'_>, facts: &Facts, shift: &Shift, front: Side) -> Option<Journal> {
    let wanted = sight.side(Some(&shift.front))?;
    let policy = &sight.input.shop.policy;
    let may_come_first = |side: Side| !is_excluded(sight, side) && traffic::pool_is_there(sight, side);
    let bars = matches!(
        sight.diagnosis,
        Diagnosis::ObserverSuspect | Diagnosis::ServicesDownEverywhere
    );
    let (here, there) = (of(facts, front), of(facts, front.other()));
    let leaves = is_dark(here) && here.out.held >= policy.shift_after && !here.edge.held.is_zero();
    let to = if leaves && !bars && traffic::is_fit(there) && may_come_first(front.other()) {
        front.other()
    } else if front != wanted && is_well(of(facts, wanted), policy.return_after) && may_come_first(wanted) {
        wanted
    } else {
        return None;
    };
    let mut journal = sight.input.journal.clone();
    journal.front = Some(sight.region(to).clone());
    journal.shift = Some(Shift {
        because: (to != wanted).then(|| fallen_back(sight, wanted, to)),
        ..shift.clone()
    });
    Some(journal)
}

fn fallen_back(sight: &Sight<'_>, wanted: Side, to: Side) -> Text {
    let minutes = sight.input.shop.policy.return_after.as_secs().div_ceil(60);
    let (wanted, to) = (sight.region(wanted), sight.region(to));
    format!("the services of {wanted} are out: {to} comes first until {wanted} has been Up for {minutes} min").into()
}

fn of(facts: &Facts, side: Side) -> &RegionFacts {
    if side == facts.active { &facts.a } else { &facts.b }
}

/// Services are out, as we and as users see them.
fn is_dark(region: &RegionFacts) -> bool {
    is_out(region.probe.value) && region.edge.value == EdgeVote::Down
}

fn is_well(region: &RegionFacts, patience: Duration) -> bool {
    region.probe_up_for >= patience && region.edge_up_for >= patience
}

fn is_excluded(sight: &Sight<'_>, side: Side) -> bool {
    sight.input.journal.excluded.as_ref() == Some(sight.region(side))
}
