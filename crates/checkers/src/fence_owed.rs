//! `FenceFormerWriter` is kept in the journal until observed done; two writers are explained only while
//! it is open. (After a rolled-back move whose promotion showed late it is `RebuildStandby` of the other region; after an
//! `Adopt` the other region is fenced once W takes writes.) A journal that was put back cannot know: once the controller
//! could have seen both, it owes the fence, adopts anew, or says that W is unknown.

use crate::able;
use crate::history::{Entry, Journal, MoveKind, ObligationKind};
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
            if let Some(entry) = unexplained(run, shop, from + NOTICED_WITHIN, to) {
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

/// The first entry in force in this time that explains no second writer.
fn unexplained<'a>(run: &Run, shop: &'a Shop, from: i64, to: i64) -> Option<&'a Entry> {
    let entries = shop.in_force(from, to - 1);
    let ends = entries.iter().skip(1).map(|next| next.at).chain([to]);
    entries.iter().zip(ends).find_map(|(entry, end)| {
        let excused = put_back(shop, entry).is_some_and(|since| {
            let noticed = able::for_long(run, shop, since, end, NOTICED_WITHIN);
            noticed.is_none_or(|noticed| noticed >= end) || tells(entry)
        });
        (!owes(shop, entry) && !excused).then_some(entry)
    })
}

/// Where an older journal was put back before this entry: since when its process has been able to find that out.
fn put_back(shop: &Shop, entry: &Entry) -> Option<i64> {
    let until = shop.history.partition_point(|own| own.at <= entry.at);
    let known = shop.history.get(..until)?;
    known.iter().find(|own| own.restored)?;
    let begun = known
        .iter()
        .rev()
        .take_while(|own| !own.restored && own.holder == entry.holder);
    begun
        .last()
        .or(known.iter().rfind(|own| own.restored))
        .map(|own| own.at)
}

/// Whether people are told that nobody knows which of the writers is the shop's.
fn tells(entry: &Entry) -> bool {
    let status = entry.status.as_ref();
    status.is_some_and(|status| status.refusals.iter().any(|refusal| refusal == "UnknownActive"))
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
    fence
        || retired
        || adopts(journal, &former.region)
        || (rolled_back && journal.owes(ObligationKind::RebuildStandby, &former.region))
}

/// A person named W, and it was not seen to take writes yet: until then the other region is excluded, and not fenced.
fn adopts(journal: &Journal, former: &str) -> bool {
    journal.excluded.as_deref() == Some(former)
        && journal.current.as_ref().is_some_and(|current| {
            let kind = match current.kind {
                MoveKind::Adopt => true,
                MoveKind::Failover | MoveKind::Switchover | MoveKind::TrafficShift | MoveKind::Drill => false,
            };
            kind && current.number == journal.epoch && current.verified_at.is_none()
        })
}
