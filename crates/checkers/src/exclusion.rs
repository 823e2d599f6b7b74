//! An excluded region's pool stands in no list of any load balancer, which is read back before a promotion is sent.
//! (`TrafficNotMoved` refuses it otherwise; a person may override that, automation never does.)

use crate::Verdict;
use crate::i4_pools::places;
use crate::run::Run;

const NAME: &str = "exclusion";

pub(crate) fn check(run: &Run, verdict: &mut Verdict) {
    for promotion in run.promotions() {
        if promotion.current().is_some_and(|current| !current.automatic) {
            continue;
        }
        let (shop, a) = (promotion.shop, promotion.from);
        let left = places(run, shop, &a.pool, promotion.sent);
        if !left.is_empty() {
            let what = format!(
                "a promotion was sent (call {}) while the pool of {} still stood in {}",
                promotion.call.number,
                a.region,
                left.join(", ")
            );
            verdict.found(NAME, promotion.sent, shop, what);
        }
    }
}
