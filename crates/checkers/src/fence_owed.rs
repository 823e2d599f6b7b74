//! `FenceFormerWriter` is kept in the journal until observed done; two writers are explained only while
//! it is open. (After a rolled-back move whose promotion showed late it is `RebuildStandby` of the other region.)

use crate::history::{Entry, ObligationKind};
use crate::run::{Run, Shop};
use crate::{Verdict, seconds};

const NAME: &str = "fence-owed";

/// A former writer that starts again (RDS does it on day 7) is seen with the next fresh reading of its region.
const NOTICED_WITHIN: i64 = 120_000;

pub(crate) fn check(run: &Run, verdict: &mut Verdict) {
    let promotions = run.promotions();
    for shop in &run.shops {
        let first = promotions.iter().find(|own| std::ptr::eq(own.shop, shop));
        let Some(sent) = first.map(|promotion| promotion.sent) else {
            continue;
        };
        for (from, to) in run.two_writers(shop, sent) {
            if from + NOTICED_WITHIN >= to {
                continue;
            }
            let entries = shop.in_force(from + NOTICED_WITHIN, to - 1);
            if let Some(entry) = entries.iter().find(|entry| !owes(shop, entry)) {
                let what = format!(
                    "both instances took writes for {}, and the journal of epoch {} owes no fence",
                    seconds(to - from),
                    entry.journal.epoch
                );
                verdict.found(NAME, entry.at.max(from + NOTICED_WITHIN), shop, what);
            }
        }
    }
}

fn owes(shop: &Shop, entry: &Entry) -> bool {
    let journal = &entry.journal;
    let Some(former) = journal
        .active_region
        .as_deref()
        .and_then(|active| shop.other_than(active))
    else {
        return true; // an adoption looks for what is owed
    };
    let rolled_back = journal.current.as_ref().is_some_and(|current| current.rolled_back());
    // One whose place was taken is stopped again without being owed anew.
    let retired = journal.retired.iter().any(|own| own.region == former.region);
    // Between the promotion's reboot and the first reading that shows it W is still A, and the fence is owed there.
    let fence = shop
        .set_up
        .regions
        .iter()
        .any(|region| journal.owes(ObligationKind::FenceFormerWriter, &region.region));
    fence || retired || (rolled_back && journal.owes(ObligationKind::RebuildStandby, &former.region))
}
