//! I8: "From the moment a promotion is sent, A gets no users until its fence has been observed or the move was rolled
//! back."
//!
//! A user is one whom the edge sent to A's region, whether or not anything answered there. The fence has been observed
//! when `FenceFormerWriter` has left the journal (of a shop whose W is known). Users whom somebody else sent there, by
//! putting A's pool back into a load balancer, count from when the controller could have excluded it again.

use crate::Verdict;
use crate::able;
use crate::history::{Entry, ObligationKind};
use crate::i4_pools::{listed_by_others, places};
use crate::ledger::Meeting;
use crate::run::{Promotion, Run};

const NAME: &str = "I8";

/// Load balancers are read every 10 to 20 s while a former writer is not fenced, and a PATCH takes its time.
const SET_AGAIN_WITHIN: i64 = 60_000;

pub(crate) fn check(run: &Run, verdict: &mut Verdict) {
    for promotion in run.promotions() {
        let until = closed(run, &promotion);
        let users: u64 = met(run, &promotion, until).map(|meeting| meeting.routed).sum();
        let mapped: u64 = met(run, &promotion, until)
            .filter(|meeting| meeting.mapped)
            .map(|meeting| meeting.routed)
            .sum();
        let first = met(run, &promotion, until).map(|meeting| meeting.at).min();
        let Some(first) = first else { continue };
        let what = format!(
            "{users} users ({mapped} of them by a geographic list) were sent to {} after the promotion into {} was sent \
             (call {}) and before its fence was observed",
            promotion.from.region, promotion.to, promotion.call.number
        );
        verdict.found(NAME, first, promotion.shop, what);
    }
}

/// Meetings of users with A's region from the sending of the promotion on. Counters are per second: neither
/// the second in which it was sent nor the one in which that ended tells which side of it a user was on.
pub(crate) fn met<'a>(run: &'a Run, promotion: &'a Promotion<'_>, until: i64) -> impl Iterator<Item = &'a Meeting> {
    run.ledger.meetings.iter().filter(move |meeting| {
        meeting.shop == promotion.shop.name
            && meeting.region.as_deref() == Some(&promotion.from.region)
            && meeting.at >= promotion.sent
            && meeting.at + 1000 <= until
            && meeting.routed > 0
            && !accepted(run, promotion, meeting.at)
            && !put_back(run, promotion, meeting.at)
    })
}

/// Whether somebody else had put A's pool back a moment ago, or while the controller could do nothing about it.
fn put_back(run: &Run, promotion: &Promotion<'_>, second: i64) -> bool {
    let shop = promotion.shop;
    let since = listed_by_others(run, shop, &promotion.from.pool, second, second + 999);
    since.is_some_and(|since| able::for_long(run, shop, since, second, SET_AGAIN_WITHIN).is_none())
}

/// A person has accepted that A could not be excluded: until it is, its users are no surprise.
fn accepted(run: &Run, promotion: &Promotion<'_>, at: i64) -> bool {
    promotion
        .current()
        .is_some_and(|current| current.overrides("TrafficNotMoved"))
        && !places(run, promotion.shop, &promotion.from.pool, at).is_empty()
}

/// When A's fence was observed, or the move rolled back; the end of the ledger if neither has happened.
pub(crate) fn closed(run: &Run, promotion: &Promotion<'_>) -> i64 {
    let region = &promotion.from.region;
    let number = promotion.current().map(|current| current.number);
    let rolled_back = |entry: &Entry| {
        let current = entry.journal.current.as_ref();
        current.is_some_and(|current| Some(current.number) == number && current.rolled_back())
    };
    let mut owed = false;
    for entry in &promotion.shop.history {
        let owes = entry.journal.owes(ObligationKind::FenceFormerWriter, region);
        let later = entry.at > promotion.sent;
        if later && (rolled_back(entry) || (owed && !owes && entry.journal.active_region.is_some())) {
            return entry.at;
        }
        owed |= owes;
    }
    // Nothing in the ledger comes after its end, and what happened in its last millisecond counts.
    run.ledger.until + 1
}
