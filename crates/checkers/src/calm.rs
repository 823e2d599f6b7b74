//! Calm: times in which nothing is broken, nobody interferes, and the controller is neither cut off nor begins anew.

use crate::ledger::{Vantage, What};
use crate::run::{Run, Shop};

/// A time without any disturbance of a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Calm {
    pub from: i64,
    pub to: i64,
}

/// The times of calm of a shop, in order. A shop whose object is to go has none from then on.
pub(crate) fn times_of(run: &Run, shop: &Shop) -> Vec<Calm> {
    let mut disturbed = disturbances(run, shop);
    disturbed.sort_unstable();
    let mut times = Vec::new();
    let mut from = shop.history.first().map_or(run.ledger.until, |entry| entry.at);
    for (start, end) in disturbed {
        if start > from {
            times.push(Calm { from, to: start });
        }
        from = from.max(end);
    }
    if run.ledger.until > from {
        times.push(Calm {
            from,
            to: run.ledger.until,
        });
    }
    times
}

fn disturbances(run: &Run, shop: &Shop) -> Vec<(i64, i64)> {
    let until = run.ledger.until;
    let faults = run.troubles.around(shop).map(|trouble| (trouble.from, trouble.to));
    let cut_off = run.cut_off.iter().map(|cut| (cut.from, cut.until.unwrap_or(until)));
    let edits = run
        .edits
        .iter()
        .filter(|edit| edit.shop == shop.key)
        .map(|edit| (edit.at, if edit.leaves { until } else { edit.at }));
    faults
        .chain(cut_off)
        .chain(edits)
        .chain(deeds(run, shop))
        .chain(breaks(shop))
        .collect()
}

/// What persons did, and what of ours arrived long after it was sent.
fn deeds<'a>(run: &'a Run, shop: &'a Shop) -> impl Iterator<Item = (i64, i64)> + 'a {
    run.ledger.events.iter().filter_map(|event| match &event.what {
        What::Call(call) => {
            let ours = call.shop.as_deref().is_none_or(|own| own == shop.name);
            let interferes = match call.vantage {
                Vantage::Person => true,
                Vantage::Controller | Vantage::Internet => call.sent_at.is_some_and(|sent| sent < event.at),
            };
            (ours && interferes).then_some((event.at, event.at))
        }
        _ => None,
    })
}

/// Where the history breaks: another process, a restored backup, an entry that arrived late; or a person's order of pools
/// begins or ends, at a time that they said.
fn breaks(shop: &Shop) -> impl Iterator<Item = (i64, i64)> + '_ {
    shop.history.windows(2).filter_map(|pair| match pair {
        [before, now] => {
            let shifted = now.journal.shift != before.journal.shift;
            let broken = now.restored || now.late || now.holder != before.holder || shifted;
            broken.then_some((now.at, now.at))
        }
        _ => None,
    })
}
