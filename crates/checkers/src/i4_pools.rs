//! I4: "At every moment each load balancer has a first and a fallback pool that are enabled and not excluded."
//!
//! A region counts as excluded from when its pool had left every load balancer of the shop (what a read-back shows at
//! the earliest), in an automatic move at the latest from its `Promoting`, until the journal says otherwise. Before that
//! only the pool order changes. What a person made of a load balancer binds that person; the state is judged again with
//! the controller's next change, and whenever an exclusion begins to count. A pool that somebody else disabled is
//! theirs where it already stood in that place, and was enabled as far as anybody could know for 90 s (how long a reading
//! counts as fresh). Where a former writer is not fenced, that it gets no users comes first (I8).

use crate::Verdict;
use crate::history::{Entry, ObligationKind, Phase};
use crate::ledger::What;
use crate::run::{Run, Shop};
use std::collections::{BTreeMap, HashMap};

const NAME: &str = "I4";

/// A reading is fresh for so long.
const FRESH: i64 = 90_000;

/// A region that counts as excluded.
struct Exclusion<'a> {
    region: &'a str,
    pool: &'a str,
    from: i64,
    to: i64,
}

/// A pool that is disabled.
struct Disabled {
    since: i64,
    by_others: bool,
}

impl Disabled {
    /// Whether the controller must not have left it where it is now.
    fn counts(&self, at: i64, stood_there: bool) -> bool {
        !self.by_others || (!stood_there && self.since + FRESH <= at)
    }
}

/// A load balancer as it stands.
struct State<'a> {
    first: &'a str,
    fallback: &'a str,
    lists: &'a BTreeMap<String, Vec<String>>,
}

pub(crate) fn check(run: &Run, verdict: &mut Verdict) {
    for shop in &run.shops {
        let exclusions = exclusions(run, shop);
        changes(run, shop, &exclusions, verdict);
        for exclusion in &exclusions {
            for balancer in &shop.facts.balancers {
                let Some(state) = state_at(run, balancer, exclusion.from) else {
                    continue;
                };
                if let Some(what) = names(balancer, &state, exclusion) {
                    verdict.found(NAME, exclusion.from, shop, what);
                }
            }
        }
    }
}

/// Every state that the controller's calls brought about.
fn changes(run: &Run, shop: &Shop, exclusions: &[Exclusion<'_>], verdict: &mut Verdict) {
    let mut disabled: HashMap<&str, Disabled> = HashMap::new();
    let mut before: HashMap<&str, [&str; 2]> = HashMap::new();
    for event in &run.ledger.events {
        match &event.what {
            What::Pool {
                pool, enabled: true, ..
            } => _ = disabled.remove(pool.as_str()),
            What::Pool { pool, call, .. } => {
                let by_others = call.is_some() && run.controllers(*call).is_none();
                let since = event.at;
                disabled.entry(pool).or_insert(Disabled { since, by_others });
            }
            _ => {}
        }
        let Some((balancer, state, call)) = balancer_of(&event.what) else {
            continue;
        };
        let stood = before.insert(balancer, [state.first, state.fallback]);
        if !shop.facts.balancers.iter().any(|own| own == balancer) || run.controllers(call).is_none() {
            continue;
        }
        for (index, (place, pool)) in [("first", state.first), ("fallback", state.fallback)]
            .into_iter()
            .enumerate()
        {
            let stood_there = stood.is_some_and(|stood| stood[index] == pool);
            if pool.is_empty() {
                let what = format!("load balancer {balancer} has no {place} pool");
                verdict.found(NAME, event.at, shop, what);
            } else if disabled.get(pool).is_some_and(|own| own.counts(event.at, stood_there))
                && !keeps_users_away(shop, event.at)
            {
                let what = format!("the {place} pool of load balancer {balancer}, {pool}, is disabled");
                verdict.found(NAME, event.at, shop, what);
            }
        }
        let counting = exclusions
            .iter()
            .filter(|exclusion| exclusion.from < event.at && event.at < exclusion.to);
        for what in counting.filter_map(|exclusion| names(balancer, &state, exclusion)) {
            verdict.found(NAME, event.at, shop, what);
        }
    }
}

/// A former writer that is not fenced gets no users, whatever became of the other pool meanwhile (I8); unless a person has
/// accepted that, or named W.
fn keeps_users_away(shop: &Shop, at: i64) -> bool {
    let Some(journal) = shop.latest(at).map(|entry| &entry.journal) else {
        return false;
    };
    let owed = journal
        .excluded
        .as_deref()
        .is_some_and(|region| journal.owes(ObligationKind::FenceFormerWriter, region));
    let accepted = journal.current.as_ref().is_some_and(|current| {
        current.overrides("TrafficNotMoved") || (!current.automatic && current.licence.is_none())
    });
    owed && !accepted
}

fn names(balancer: &str, state: &State<'_>, exclusion: &Exclusion<'_>) -> Option<String> {
    let place = match exclusion.pool {
        pool if pool == state.first => "first",
        pool if pool == state.fallback => "fallback",
        _ => return None,
    };
    Some(format!(
        "the {place} pool of load balancer {balancer} is {}, of {}, which is excluded",
        exclusion.pool, exclusion.region
    ))
}

fn exclusions<'a>(run: &'a Run, shop: &'a Shop) -> Vec<Exclusion<'a>> {
    let mut found = Vec::new();
    let runs = shop
        .history
        .chunk_by(|one, next| one.journal.excluded == next.journal.excluded);
    for entries in runs {
        let (Some(begin), Some(last)) = (entries.first(), entries.last()) else {
            continue;
        };
        let Some(region) = begin.journal.excluded.as_deref().and_then(|name| shop.region(name)) else {
            continue;
        };
        let end = shop.history.iter().find(|entry| entry.at > last.at);
        let to = end.map_or(run.ledger.until, |entry| entry.at);
        let read_back = left_all(run, shop, &region.pool, begin.at, to);
        let promoting = entries
            .iter()
            .find(|entry| promotes(entry))
            .map(|entry| entry.at + shop.slack);
        if let Some(from) = [read_back, promoting].into_iter().flatten().min() {
            found.push(Exclusion {
                region: &region.region,
                pool: &region.pool,
                from,
                to,
            });
        }
    }
    found
}

/// An automatic move from `Promoting` on: the exclusion has been read back. A promotion by somebody else, which shows in
/// an earlier phase, comes before it: such a move has no licence.
fn promotes(entry: &Entry) -> bool {
    entry.journal.in_flight().is_some_and(|current| {
        current.automatic
            && current.licence.is_some()
            && current.phase >= Phase::Promoting
            && current.phase != Phase::Holding
    })
}

/// The first moment of this time at which no load balancer of the shop names the pool.
fn left_all(run: &Run, shop: &Shop, pool: &str, from: i64, to: i64) -> Option<i64> {
    let changed = run
        .ledger
        .events
        .iter()
        .filter(|event| event.at > from && event.at < to && balancer_of(&event.what).is_some())
        .map(|event| event.at);
    std::iter::once(from).chain(changed).find(|at| {
        shop.facts
            .balancers
            .iter()
            .all(|balancer| state_at(run, balancer, *at).is_some_and(|state| !state.lists.contains_key(pool)))
    })
}

fn state_at<'a>(run: &'a Run, balancer: &str, at: i64) -> Option<State<'a>> {
    let until = run.ledger.events.iter().filter(|event| event.at <= at);
    until
        .filter_map(|event| balancer_of(&event.what))
        .rfind(|(id, _, _)| *id == balancer)
        .map(|(_, state, _)| state)
}

fn balancer_of(what: &What) -> Option<(&str, State<'_>, Option<u64>)> {
    match what {
        What::Balancer {
            balancer,
            first,
            fallback,
            lists,
            call,
        } => Some((balancer, State { first, fallback, lists }, *call)),
        _ => None,
    }
}

/// Since when a load balancer of the shop names this pool because somebody else than the controller made it so, where one
/// does at some moment of this time.
pub(crate) fn listed_by_others(run: &Run, shop: &Shop, pool: &str, from: i64, to: i64) -> Option<i64> {
    let listed = shop.facts.balancers.iter().filter_map(|id| {
        let mut since: Option<i64> = None;
        for event in run.ledger.events.iter().take_while(|event| event.at <= to) {
            let Some((_, state, call)) = balancer_of(&event.what).filter(|(balancer, _, _)| balancer == id) else {
                continue;
            };
            if event.at > from && since.is_some() {
                break;
            }
            let others = state.lists.contains_key(pool) && run.controllers(call).is_none();
            since = others.then(|| since.unwrap_or(event.at));
        }
        since
    });
    listed.min()
}

/// Where this pool stands in the load balancers of the shop at this time.
pub(crate) fn places(run: &Run, shop: &Shop, pool: &str, at: i64) -> Vec<String> {
    let mut places = Vec::new();
    for balancer in &shop.facts.balancers {
        let lists = state_at(run, balancer, at).map(|state| state.lists);
        for place in lists.and_then(|lists| lists.get(pool)).into_iter().flatten() {
            places.push(format!("{balancer} {place}"));
        }
    }
    places
}
