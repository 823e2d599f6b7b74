//! I2: "Per number at most one promotion takes effect. Numbers and epochs only grow."
//!
//! And the epoch is the number of the move or adoption that made W, so W does not change without a greater epoch. While
//! W is not known (an adoption has begun) there is no epoch to compare.
//! After a restored backup the journal is compared with what was put back; the owner's TXT, which is the authority, with
//! all that it ever said.

use crate::Verdict;
use crate::history::Entry;
use crate::ledger::What;
use crate::run::{Run, Shop};
use std::collections::HashMap;

const NAME: &str = "I2";

pub(crate) fn check(run: &Run, verdict: &mut Verdict) {
    effects(run, verdict);
    for shop in &run.shops {
        numbers(shop, verdict);
        owner_records(run, shop, verdict);
    }
}

fn effects(run: &Run, verdict: &mut Verdict) {
    let mut effective: HashMap<(&str, i64), u64> = HashMap::new();
    for promotion in run.promotions() {
        let number = promotion.call.number;
        let accepted = run.ledger.events.iter().any(|event| match &event.what {
            What::PromotionAccepted { shop, call } => *shop == promotion.shop.name && *call == number,
            _ => false,
        });
        let Some(current) = promotion.current().filter(|_| accepted) else {
            continue;
        };
        if let Some(earlier) = effective.insert((&promotion.shop.key, current.number), number) {
            let what = format!(
                "two promotions of move {} took effect: calls {earlier} and {number}",
                current.number
            );
            verdict.found(NAME, promotion.sent, promotion.shop, what);
        }
    }
}

fn numbers(shop: &Shop, verdict: &mut Verdict) {
    let (mut last_number, mut last_move) = (0, 0);
    let mut adopted: Option<&Entry> = None;
    for entry in &shop.history {
        let journal = &entry.journal;
        if entry.restored {
            let moved = journal.current.as_ref().map_or(0, |current| current.number);
            (last_number, last_move) = (journal.last_number, moved);
            adopted = journal.active_region.is_some().then_some(entry);
            continue;
        }
        let mut shrunk = |what: &str, from: i64, to: i64| {
            if to < from {
                verdict.found(NAME, entry.at, shop, format!("{what} goes back from {from} to {to}"));
            }
        };
        shrunk("lastNumber", last_number, journal.last_number);
        last_number = last_number.max(journal.last_number);
        if let Some(current) = &journal.current {
            shrunk("the move's number", last_move, current.number);
            shrunk(
                "lastNumber, below the move's number,",
                current.number,
                journal.last_number,
            );
            last_move = last_move.max(current.number);
        }
        if journal.active_region.is_none() {
            continue;
        }
        if let Some(before) = adopted.map(|entry| &entry.journal) {
            shrunk("the epoch", before.epoch, journal.epoch);
            if before.active_region != journal.active_region && before.epoch == journal.epoch {
                let what = format!(
                    "W changes from {:?} to {:?} in the same epoch {}",
                    before.active_region, journal.active_region, journal.epoch
                );
                verdict.found(NAME, entry.at, shop, what);
            }
        }
        adopted = Some(entry);
    }
}

/// The owner's TXT is the authority for the epoch: the controller never writes a smaller one.
fn owner_records(run: &Run, shop: &Shop, verdict: &mut Verdict) {
    let mut greatest = 0;
    for event in &run.ledger.events {
        let What::Record {
            name,
            kind,
            stage,
            values,
            call,
            ..
        } = &event.what
        else {
            continue;
        };
        if *name != shop.set_up.owner_record || kind != "TXT" || stage == "visible" {
            continue;
        }
        let Some(epoch) = values.iter().find_map(|value| crate::journal_first::Told::parse(value)) else {
            continue;
        };
        let ours = run.controllers(*call).is_some();
        if ours && epoch.epoch < greatest {
            let what = format!("the owner's TXT goes back from epoch {greatest} to {}", epoch.epoch);
            verdict.found(NAME, event.at, shop, what);
        }
        greatest = greatest.max(epoch.epoch);
    }
}
