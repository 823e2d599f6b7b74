//! I6: "Nothing acts without a valid lease."
//!
//! Where the history says how the lease stood: every entry is written by the lease's holder before the lease ends, and
//! not while the lease of another process still runs. Where the context lists all leases, every call of the controller
//! was sent within one; and if the call's actor names a process, within one of its own.

use crate::history::Entry;
use crate::ledger::Call;
use crate::run::{Run, Shop};
use crate::{Verdict, Violation, seconds};

const NAME: &str = "I6";

pub(crate) fn check(run: &Run, verdict: &mut Verdict) {
    for shop in &run.shops {
        entries(shop, verdict);
    }
    if run
        .shops
        .iter()
        .flat_map(|shop| &shop.history)
        .any(|entry| entry.lease.is_none() && !entry.restored)
    {
        verdict.skipped(NAME, "some journal entries do not say how the lease stood");
    }
    if run.leases.is_empty() {
        verdict.skipped(
            NAME,
            "the context lists no leases: calls are not judged, only journal entries",
        );
        return;
    }
    for (at, call) in run.controller_calls() {
        let sent = run.sent(at, call);
        if let Some(what) = unleased(run, call, sent) {
            verdict.violations.push(Violation {
                invariant: NAME,
                at: sent,
                shop: run.shop_of(call).map(|shop| shop.key.clone()),
                what,
            });
        }
    }
}

fn entries(shop: &Shop, verdict: &mut Verdict) {
    let mut before: Option<&Entry> = None;
    for entry in shop.history.iter().filter(|entry| !entry.restored) {
        let Some(lease) = &entry.lease else { continue };
        if lease.holder != entry.holder {
            let what = format!("{} wrote while {} held the lease", entry.holder, lease.holder);
            verdict.found(NAME, entry.at, shop, what);
        } else if entry.at >= lease.until {
            let what = format!(
                "{} wrote {} after its lease had ended",
                entry.holder,
                seconds(entry.at - lease.until)
            );
            verdict.found(NAME, entry.at, shop, what);
        }
        let other = before.filter(|before| before.holder != entry.holder);
        if let Some(left) = other
            .and_then(|before| before.lease.as_ref())
            .map(|lease| lease.until - entry.at)
            .filter(|left| *left > 0)
        {
            let what = format!(
                "{} wrote while another's lease had {} to run",
                entry.holder,
                seconds(left)
            );
            verdict.found(NAME, entry.at, shop, what);
        }
        before = Some(entry);
    }
}

fn unleased(run: &Run, call: &Call, sent: i64) -> Option<String> {
    let named = run.leases.iter().find(|lease| call.actor.contains(&lease.holder));
    let covered = run.leases.iter().any(|lease| {
        let own = named.is_none_or(|named| named.holder == lease.holder);
        own && lease.from <= sent && sent < lease.until
    });
    (!covered).then(|| {
        let who = named.map_or("anybody", |named| named.holder.as_str());
        format!(
            "{} of {} (call {}) was sent without a lease of {who}",
            call.op, call.target, call.number
        )
    })
}
