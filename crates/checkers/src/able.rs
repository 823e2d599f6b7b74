//! When the controller could have seen what it is judged for, and done something about it.

use crate::run::{Run, Shop};

/// The first moment up to `to` at which it had been able to see and to act for this long without a break, all of that
/// after `from`: it held the lease, and nothing stood between it and the world.
pub(crate) fn for_long(run: &Run, shop: &Shop, from: i64, to: i64, long: i64) -> Option<i64> {
    let mut hindered: Vec<(i64, i64)> = run
        .troubles
        .in_the_way(shop)
        .map(|trouble| (trouble.from, trouble.to))
        .chain(cut_off(run))
        .chain(without_lease(run))
        .collect();
    hindered.sort_unstable();
    let mut since = from;
    for (start, end) in hindered {
        if start - since >= long {
            break;
        }
        since = since.max(end);
    }
    (since + long <= to).then_some(since + long)
}

fn cut_off(run: &Run) -> impl Iterator<Item = (i64, i64)> + '_ {
    run.cut_off
        .iter()
        .map(|cut| (cut.from, cut.until.unwrap_or(run.ledger.until)))
}

/// The times between leases; none where the context tells of no lease.
fn without_lease(run: &Run) -> Vec<(i64, i64)> {
    let mut leases: Vec<(i64, i64)> = run.leases.iter().map(|lease| (lease.from, lease.until)).collect();
    leases.sort_unstable();
    let mut gaps = Vec::new();
    let mut covered = leases.first().map_or(run.ledger.until, |(from, _)| *from);
    for (from, until) in leases {
        if from > covered {
            gaps.push((covered, from));
        }
        covered = covered.max(until);
    }
    if covered < run.ledger.until {
        gaps.push((covered, run.ledger.until));
    }
    gaps
}
