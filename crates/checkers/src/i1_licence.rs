//! I1: "A promotion is sent only under a journal entry (number, phase, region) that the same process wrote at most 60 s
//! before, once per entry."
//!
//! The ledger does not know processes. That the process is the same is judged by what the journal says: the licence
//! names the process that wrote its entry, and nobody else has written since.

use crate::history::{Entry, Licence};
use crate::run::{LICENCE_LASTS, Promotion, Run};
use crate::{Verdict, seconds};
use std::collections::HashMap;

const NAME: &str = "I1";

pub(crate) fn check(run: &Run, verdict: &mut Verdict) {
    let mut used: HashMap<(&str, i64, i64), u64> = HashMap::new();
    for promotion in run.promotions() {
        let call = promotion.call.number;
        if let Some(fault) = fault(&promotion) {
            let what = format!("promotion (call {call}) of {}: {fault}", promotion.call.target);
            verdict.found(NAME, promotion.sent, promotion.shop, what);
        }
        let (Some(current), Some(licence)) = (promotion.current(), promotion.licence()) else {
            continue;
        };
        let entry = (promotion.shop.key.as_str(), current.number, licence.at.as_millisecond());
        if let Some(earlier) = used.insert(entry, call) {
            let what = format!(
                "promotion (call {call}) uses the licence of move {} of {} again; call {earlier} had used it",
                current.number, licence.at
            );
            verdict.found(NAME, promotion.sent, promotion.shop, what);
        }
    }
}

fn fault(promotion: &Promotion<'_>) -> Option<String> {
    let (Some(entry), Some(current), Some(licence)) = (promotion.entry, promotion.current(), promotion.licence())
    else {
        return Some(nothing_allows(promotion));
    };
    if current.to_instance != promotion.call.target {
        return Some(format!("move {} is about {}", current.number, current.to_instance));
    }
    let age = promotion.sent - licence.at.as_millisecond();
    // The entry may have been seen late, by at most the slack by which its `at` was set back.
    if licence.at.as_millisecond().max(entry.at) > promotion.sent {
        return Some(format!("sent {} before its licence of {}", seconds(-age), licence.at));
    }
    if age > LICENCE_LASTS {
        return Some(format!(
            "sent {} after its licence of {}, at most 60 s",
            seconds(age),
            licence.at
        ));
    }
    let wrote = first_with(promotion, licence).map(|entry| entry.holder.as_str());
    if wrote != Some(licence.by.as_str()) {
        return Some(format!(
            "its licence is for {} and was written by {wrote:?}",
            licence.by
        ));
    }
    (entry.holder != licence.by).then(|| format!("{} holds its licence, {} wrote since", licence.by, entry.holder))
}

fn nothing_allows(promotion: &Promotion<'_>) -> String {
    let state = promotion.shop.latest(promotion.sent).map(|entry| &entry.journal);
    match state.map(|journal| (journal, journal.in_flight())) {
        None => "there is no journal yet".to_owned(),
        Some((_, None)) => "the journal has no move in flight".to_owned(),
        Some((_, Some(current))) => format!(
            "the journal is at {:?} of move {} into {}{}, which allows none into {}",
            current.phase,
            current.number,
            current.to,
            if current.licence.is_some() {
                ""
            } else {
                " without a licence"
            },
            promotion.to
        ),
    }
}

fn first_with<'a>(promotion: &Promotion<'a>, licence: &Licence) -> Option<&'a Entry> {
    let number = promotion.current()?.number;
    promotion
        .shop
        .first(number, |_, current| current.licence.as_ref() == Some(licence))
}
