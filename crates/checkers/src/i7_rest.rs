//! I7: "When faults stop, every storefront ends Ready, or Stalled with a named human action."
//!
//! Judged at the end of every time of calm (no fault in force, nobody interferes, the controller neither cut off nor
//! begun anew) that was long enough: 30 min, or 2 h while a move is in flight (each of its phases has a deadline; they
//! make 110 min together); counted anew from a move that a person asked for, and from the end of one that was in flight
//! when the calm began. Then the status in force says
//!
//! * `Ready`, or `Stalled` with a reason and a message that says what a person could do;
//! * and where it says `Ready`, that is so: W's instance takes writes (unless persons had their hands on W's RDS), each
//!   load balancer's first pool is that of the front (unless persons changed load balancers or pools), and, once a move
//!   has repointed it, the name leads to W;
//! * no region is excluded any more, unless persons interfered;
//! * no standby is owed any more after an hour and a half, unless persons had their hands on RDS;
//! * and no fence is owed, in either direction, that somebody could have closed by then (unless persons had their hands
//!   on that region's RDS, or a replica keeps RDS from stopping it).

use crate::Verdict;
use crate::calm::{self, Calm};
use crate::history::{Condition, Entry, Journal, Move, ObligationKind, Status};
use crate::ledger::{Vantage, What};
use crate::run::{Run, Shop};
use crate::seconds;

const NAME: &str = "I7";

/// Without a move: an adoption takes three minutes, documents are read every five, a region is welcome back after ten.
const SETTLED_WITHIN: i64 = 30 * 60_000;
/// With one: the deadlines of its phases, and Ready after it.
const MOVED_WITHIN: i64 = 120 * 60_000;
/// A fence takes some minutes, the parameter group five, and the replica up to forty in a simulated world.
const REBUILT_WITHIN: i64 = 90 * 60_000;
/// A writer is believed to take writes when it did so for this long.
const STEADILY: i64 = 60_000;

/// How people are told what to do.
const VERBS: [&str; 20] = [
    "adopt",
    "ask",
    "change",
    "check",
    "correct",
    "create",
    "enable",
    "free",
    "grant",
    "look",
    "place",
    "put",
    "rebuild",
    "release",
    "remove",
    "repair",
    "replace",
    "set",
    "stop",
    "take over",
];

pub(crate) fn check(run: &Run, verdict: &mut Verdict) {
    for shop in run.shops.iter().filter(|shop| !shop.history.is_empty()) {
        if shop.history.iter().all(|entry| entry.status.is_none()) {
            verdict.skipped(NAME, "the history holds no status");
            continue;
        }
        for calm in calm::times_of(run, shop) {
            let Some(entry) = shop.latest(calm.to - 1) else {
                continue;
            };
            let Some(status) = &entry.status else { continue };
            let needed = if entry.journal.in_flight().is_some() {
                MOVED_WITHIN
            } else {
                SETTLED_WITHIN
            };
            if calm.to - quiet_since(shop, calm, &entry.journal) < needed || has_just_succeeded(shop, calm.to) {
                continue;
            }
            for what in at_rest(run, shop, calm, entry, status) {
                let what = format!("after {} of calm {what}", seconds(calm.to - calm.from));
                verdict.found(NAME, calm.to, shop, what);
            }
        }
    }
}

/// Since when nothing new has had to settle.
fn quiet_since(shop: &Shop, calm: Calm, journal: &Journal) -> i64 {
    let Some(current) = &journal.current else {
        return calm.from;
    };
    let first = |test: fn(&Move) -> bool| {
        let entry = shop.first(current.number, |_, own| test(own));
        entry.map(|entry| entry.at).filter(|at| *at >= calm.from)
    };
    let (began, ended) = (first(|_| true), first(|own| own.outcome.is_some()));
    // What began by itself in a calm is no excuse.
    if began.is_some() && current.automatic {
        return calm.from;
    }
    ended.or(began).unwrap_or(calm.from)
}

/// Whether a rebuilt standby has just taken its place: our TXT says so a moment later.
fn has_just_succeeded(shop: &Shop, at: i64) -> bool {
    let now = shop.latest(at).map(|entry| &entry.journal.instances);
    let before = shop.latest(at - STEADILY).map(|entry| &entry.journal.instances);
    now.map(std::collections::BTreeMap::len) != before.map(std::collections::BTreeMap::len)
}

fn at_rest(run: &Run, shop: &Shop, calm: Calm, entry: &Entry, status: &Status) -> Vec<String> {
    let condition = |kind: &str| status.conditions.iter().find(|condition| condition.kind == kind);
    let holds = |condition: &&Condition| condition.status == "True";
    if let Some(stalled) = condition("Stalled").filter(holds) {
        return names_no_action(stalled).into_iter().collect();
    }
    let journal = &entry.journal;
    let Some(ready) = condition("Ready").filter(holds) else {
        let why = condition("Ready").map_or(("no such condition", ""), |ready| (&ready.reason, &ready.message));
        return vec![format!("it is neither Ready nor Stalled: {}: {}", why.0, why.1)];
    };
    let mut found = Vec::new();
    // Where nothing is adopted the status says what is watched, and nothing about the world is ours.
    if let Some(active) = journal.active_region.as_deref() {
        let told = format!("it is Ready ({})", ready.reason);
        found.extend(takes_no_writes(run, shop, calm, active).map(|what| format!("{told}, and {what}")));
        found.extend(another_front(run, shop, calm, journal).map(|what| format!("{told}, and {what}")));
        found.extend(another_name(run, shop, calm, journal).map(|what| format!("{told}, and {what}")));
    }
    found.extend(still_excluded(run, shop, calm, journal));
    found.extend(fence_owed(run, shop, calm, journal));
    found.extend(no_standby(run, shop, calm, journal));
    found
}

fn names_no_action(stalled: &Condition) -> Option<String> {
    let words = stalled.message.to_ascii_lowercase();
    let told = words
        .split(|c: char| !c.is_ascii_alphabetic())
        .any(|word| VERBS.contains(&word))
        || VERBS.iter().any(|verb| verb.contains(' ') && words.contains(verb));
    (stalled.reason.is_empty() || !told).then(|| {
        format!(
            "it is Stalled ({}), and the message tells nobody what to do: {}",
            stalled.reason, stalled.message
        )
    })
}

fn takes_no_writes(run: &Run, shop: &Shop, calm: Calm, active: &str) -> Option<String> {
    let instance = shop.instance_in(active, calm.to - 1)?;
    let taken = run.writable_throughout(shop, instance, calm.to - STEADILY, calm.to);
    (!taken && !touched_by_persons(run, shop, calm.to, |call_region| call_region == Some(active)))
        .then(|| format!("{instance} in {active}, which is active, takes no writes"))
}

fn another_front(run: &Run, shop: &Shop, calm: Calm, journal: &Journal) -> Option<String> {
    let front = journal.front.as_deref()?;
    let pool = &shop.region(front)?.pool;
    if touched_by_persons(run, shop, calm.to, |region| region.is_none()) {
        return None;
    }
    shop.facts.balancers.iter().find_map(|id| {
        let first = run.ledger.events.iter().rev().find_map(|event| match &event.what {
            What::Balancer { balancer, first, .. } if balancer == id && event.at < calm.to => Some(first),
            _ => None,
        })?;
        (first != pool).then(|| format!("{id} sends users to pool {first} first, not to that of {front}"))
    })
}

fn another_name(run: &Run, shop: &Shop, calm: Calm, journal: &Journal) -> Option<String> {
    let active = journal.active_region.as_deref()?;
    let wanted = shop.instance_in(active, calm.to - 1)?;
    if journal.name_epoch != Some(journal.epoch) {
        return None;
    }
    let leads = run.ledger.events.iter().rev().find_map(|event| match &event.what {
        What::Record {
            name,
            kind,
            stage,
            instance,
            ..
        } if *name == shop.set_up.writer_record && kind == "CNAME" && stage != "submitted" && event.at < calm.to => {
            Some(instance.as_deref())
        }
        _ => None,
    })?;
    (leads != Some(wanted)).then(|| format!("the name leads to {leads:?}, not to {wanted}"))
}

fn still_excluded(run: &Run, shop: &Shop, calm: Calm, journal: &Journal) -> Option<String> {
    let region = journal.excluded.as_ref()?;
    (!touched_by_persons(run, shop, calm.to, |_| true) && !has_replica(run, shop, region, calm.to))
        .then(|| format!("{region} is still excluded"))
}

fn fence_owed(run: &Run, shop: &Shop, calm: Calm, journal: &Journal) -> Option<String> {
    journal.obligations.iter().find_map(|owed| {
        let open = match owed.kind {
            ObligationKind::FenceFormerWriter | ObligationKind::Unfence => true,
            ObligationKind::RebuildStandby => false,
        };
        let interfered = touched_by_persons(run, shop, calm.to, |region| region == Some(&owed.region));
        (open && !interfered && !has_replica(run, shop, &owed.region, calm.to))
            .then(|| format!("{:?} is still owed in {}", owed.kind, owed.region))
    })
}

/// Whether a replica that was made later follows the instance of this region: RDS stops none that has one, and a person alone
/// deletes it.
fn has_replica(run: &Run, shop: &Shop, region: &str, at: i64) -> bool {
    let source = shop.instance_in(region, at);
    let events = run.ledger.events.iter().rev().filter(|event| event.at < at);
    let mut judged: Vec<&str> = shop.set_up.regions.iter().map(|own| own.instance.as_str()).collect();
    for event in events {
        if let What::Instance {
            instance, source: of, ..
        } = &event.what
            && !judged.contains(&instance.as_str())
        {
            if of.is_some() && of.as_deref() == source {
                return true;
            }
            judged.push(instance);
        }
    }
    false
}

/// A standby that a move owes is there again, unless persons had their hands on RDS: they alone can make one where the
/// former writer is gone, or where the writer keeps no backups.
fn no_standby(run: &Run, shop: &Shop, calm: Calm, journal: &Journal) -> Option<String> {
    let mut owed = journal.obligations.iter();
    let owed = owed.find(|owed| owed.kind == ObligationKind::RebuildStandby)?;
    let late = calm.to - calm.from >= REBUILT_WITHIN && journal.in_flight().is_none();
    let fenced = !has_replica(run, shop, &owed.region, calm.to);
    (late && fenced && !touched_by_persons(run, shop, calm.to, |region| region.is_some()))
        .then(|| format!("no standby was rebuilt in {}", owed.region))
}

/// Whether a person has changed something of this shop by then, in a region, or (`None`) at a provider without any.
pub(crate) fn touched_by_persons(run: &Run, shop: &Shop, until: i64, concerns: impl Fn(Option<&str>) -> bool) -> bool {
    run.ledger.events.iter().any(|event| match &event.what {
        What::Call(call) => {
            call.vantage == Vantage::Person
                && event.at <= until
                && call.shop.as_deref().is_none_or(|own| own == shop.name)
                && concerns(call.region.as_deref())
        }
        _ => false,
    })
}
