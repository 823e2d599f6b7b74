//! I9: "Losing sight (of AWS, Cloudflare, Kubernetes, or all) changes nothing in the world. Automation never fails back."
//!
//! Sight is lost while a partition cuts the controller off from a region of the shop, while an API is silent or answers
//! with errors only, or while the context says so. Such a time is judged as long as nothing else is wrong with the shop,
//! nor has been shortly before (nor have persons made W read-only), and no older journal is put back. In it no automatic move begins, W stays, nothing is newly excluded, users are not ordered
//! away from W; and there is no call that the journal had not announced before, except in a move that was in flight
//! already or that a person asked for, and except users' coming back to W.
//!
//! A failback is W's return to the preferred region. It takes a person's request, unless it is a failover because the
//! other region is really broken, an adoption of what others did, or one where the journal was lost before the promotion
//! had reached our TXT, which still names the preferred region, or had never been sent.

use crate::Verdict;
use crate::history::{Entry, Journal, MoveKind};
use crate::i7_rest::touched_by_persons;
use crate::journal_first::announces;
use crate::ledger::What;
use crate::run::{LICENCE_LASTS, Run, Shop};
use crate::troubles::AFTERMATH;

const NAME: &str = "I9";

pub(crate) fn check(run: &Run, verdict: &mut Verdict) {
    for shop in &run.shops {
        for entry in shop.history.iter().filter(|entry| !entry.restored) {
            let before = blind_since(run, shop, entry.at).and_then(|since| shop.latest(since - 1));
            if let Some(what) = before.and_then(|before| changed_its_mind(&before.journal, &entry.journal)) {
                verdict.found(NAME, entry.at, shop, format!("while only sight was lost, {what}"));
            }
        }
        failbacks(run, shop, verdict);
    }
    for (at, call) in run.controller_calls() {
        let Some(shop) = run.shop_of(call) else { continue };
        let sent = run.sent(at, call);
        let Some(before) = blind_since(run, shop, sent).and_then(|since| shop.latest(since - 1)) else {
            continue;
        };
        let now = shop.latest(sent);
        if !carries_on(&before.journal) && !now.is_some_and(may_act) && announces(run, shop, before, call).is_err() {
            let what = format!(
                "while only sight was lost, {} of {} (call {}) was sent, which the journal had not announced before",
                call.op, call.target, call.number
            );
            verdict.found(NAME, sent, shop, what);
        }
    }
}

/// The beginning of a time that reaches up to `at` and in which sight was lost and nothing else was wrong.
fn blind_since(run: &Run, shop: &Shop, at: i64) -> Option<i64> {
    let faults = run.troubles.of_sight(shop).map(|trouble| (trouble.from, trouble.to));
    let told = run
        .cut_off
        .iter()
        .map(|cut| (cut.from, cut.until.unwrap_or(run.ledger.until)));
    faults
        .chain(told)
        .filter(|(from, to)| *from <= at && at <= *to)
        .map(|(from, _)| from)
        .find(|from| {
            !run.troubles.real_within(shop, *from, at)
                && !restored_within(shop, *from, at)
                && !stopped_by_persons(run, shop, *from, at)
        })
}

/// Whether W's instance took no writes at some moment of this time, or shortly before, and a person had laid hands on it.
fn stopped_by_persons(run: &Run, shop: &Shop, from: i64, to: i64) -> bool {
    let journal = shop.latest(from - 1).map(|entry| &entry.journal);
    let Some(region) = journal.and_then(|journal| shop.region(journal.active_region.as_deref()?)) else {
        return false;
    };
    !run.writable_throughout(shop, &region.instance, from - AFTERMATH, to)
        && touched_by_persons(run, shop, to, |touched| touched == Some(&region.region))
}

/// Whether an older journal was put back in this time: what follows is not about sight.
fn restored_within(shop: &Shop, from: i64, to: i64) -> bool {
    shop.history
        .iter()
        .any(|entry| entry.restored && from <= entry.at && entry.at <= to)
}

fn changed_its_mind(before: &Journal, now: &Journal) -> Option<String> {
    if carries_on(before) || now.requested_by_a_person() {
        return None;
    }
    let begun = now
        .current
        .as_ref()
        .filter(|current| current.number > before.last_number);
    if let Some(current) = begun {
        return Some(format!("automatic move {} to {} began", current.number, current.to));
    }
    if now.active_region != before.active_region {
        return Some(format!(
            "W changed from {:?} to {:?}",
            before.active_region, now.active_region
        ));
    }
    if now.excluded.is_some() && now.excluded != before.excluded {
        return Some(format!("{:?} was excluded", now.excluded));
    }
    (now.front != before.front && now.front != now.active_region)
        .then(|| format!("the front changed from {:?} to {:?}", before.front, now.front))
}

/// What was begun before sight was lost goes on: a move in flight, an adoption.
fn carries_on(before: &Journal) -> bool {
    before.in_flight().is_some() || before.active_region.is_none()
}

/// A person asked for it, or users come back to W.
fn may_act(now: &Entry) -> bool {
    let journal = &now.journal;
    journal.requested_by_a_person() || (journal.front == journal.active_region && journal.excluded.is_none())
}

fn failbacks(run: &Run, shop: &Shop, verdict: &mut Verdict) {
    let known = shop
        .history
        .iter()
        .filter(|entry| entry.journal.active_region.is_some());
    let mut before: Option<&Entry> = None;
    for entry in known {
        let lost = before.is_some_and(|before| restored_within(shop, before.at + 1, entry.at));
        let came_from = before.and_then(|before| before.journal.active_region.as_deref());
        let now = entry.journal.active_region.as_deref();
        let returned = came_from == Some(&shop.facts.secondary.region) && now == Some(&shop.facts.primary.region);
        // A replica that still follows W, and our TXT, which changes with the name, are all that a lost journal leaves.
        let told = lost && (told_by_txt(run, shop, entry.at) == now || !promoted(run, shop, entry.at));
        let fault = (returned && !entry.restored && !told).then(|| automatic_failback(run, shop, entry));
        if let Some(what) = fault.flatten() {
            verdict.found(NAME, entry.at, shop, what);
        }
        before = Some(entry);
    }
}

/// Whether the standby of the preferred region had been promoted by then, by whomever.
fn promoted(run: &Run, shop: &Shop, by: i64) -> bool {
    run.ledger.events.iter().any(|event| match &event.what {
        What::Promoted { instance, .. } => event.at <= by && *instance == shop.facts.secondary.instance,
        _ => false,
    })
}

/// The region that our TXT named as W's before this time.
fn told_by_txt<'a>(run: &'a Run, shop: &Shop, before: i64) -> Option<&'a str> {
    let events = run.ledger.events.iter().rev().filter(|event| event.at < before);
    let mut texts = events.filter_map(|event| match &event.what {
        What::Record { name, kind, values, .. } if *name == shop.set_up.owner_record && kind == "TXT" => values.first(),
        _ => None,
    });
    let words = texts.next()?.split([' ', '"']);
    words.filter_map(|word| word.strip_prefix("region=")).next()
}

/// Why W's return to the preferred region had no right to happen.
fn automatic_failback(run: &Run, shop: &Shop, entry: &Entry) -> Option<String> {
    let journal = &entry.journal;
    let own = journal
        .current
        .as_ref()
        .filter(|current| current.number == journal.epoch);
    let Some(current) = own else {
        let by_others = run.ledger.events.iter().any(|event| match &event.what {
            What::Promoted {
                shop: name,
                instance,
                call,
                ..
            } => {
                event.at <= entry.at
                    && *name == shop.name
                    && run.region_of(shop, instance) == Some(&shop.facts.primary.region)
                    && run.controllers(Some(*call)).is_none()
            }
            _ => false,
        });
        return (!by_others)
            .then(|| "W returned to the preferred region without a move, and nobody promoted it".into());
    };
    if !current.automatic {
        return None;
    }
    let kind = match current.kind {
        MoveKind::Failover => None,
        MoveKind::Switchover | MoveKind::TrafficShift | MoveKind::Drill | MoveKind::Adopt => Some(current.kind),
    };
    if let Some(kind) = kind {
        return Some(format!("automatic {kind:?} {} to the preferred region", current.number));
    }
    let begun = shop
        .first(current.number, |_, _| true)
        .map_or(entry.at, |entry| entry.at);
    let broken = run
        .troubles
        .real_in(shop, &current.from)
        .any(|trouble| trouble.from <= entry.at && trouble.to + LICENCE_LASTS >= begun);
    (!broken).then(|| {
        format!(
            "automatic failover {} to the preferred region, while nothing was wrong with {}",
            current.number, current.from
        )
    })
}
