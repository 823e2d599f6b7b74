//! I5: "Once a move has repointed it, the name never points to an instance that is no writer."
//!
//! An instance is no writer while it is a replica (a promotion that has not finished its reboot leaves it one) or is
//! stopped. A writer never becomes a replica again, so once the name points to one, only its being stopped or deleted
//! counts. (What RDS shows as its source may lag behind.) The name is judged from the first change of the controller on,
//! until a later move begins, which will repoint it in its turn. Changes by persons are theirs, an instance that they
//! stop too; and no name can follow from an instance that fails, while nothing has been promoted.

use crate::Verdict;
use crate::ledger::{FaultKind, Vantage, What};
use crate::run::{Run, Shop};

const NAME: &str = "I5";

pub(crate) fn check(run: &Run, verdict: &mut Verdict) {
    for shop in &run.shops {
        let mut repointed: Option<Repointed<'_>> = None;
        for event in &run.ledger.events {
            match &event.what {
                What::Record {
                    name,
                    kind,
                    stage,
                    call,
                    instance: Some(instance),
                    writer: Some(writer),
                    ..
                } if *name == shop.set_up.writer_record && kind == "CNAME" && run.controllers(*call).is_some() => {
                    let late = repointed.as_ref().is_some_and(|own| later_move(shop, own, event.at));
                    if !writer && (stage == "submitted" || !late) {
                        let what = format!("the name points to {instance}, which is no writer ({stage})");
                        verdict.found(NAME, event.at, shop, what);
                    }
                    if stage == "submitted" {
                        repointed = Some(Repointed { instance, at: event.at });
                    }
                }
                What::Instance { instance, status, .. } => {
                    let own = repointed.as_ref().filter(|own| own.instance == instance);
                    let stays = own.is_some_and(|own| !later_move(shop, own, event.at))
                        && !stopped_by_others(run, shop, instance, event.at);
                    if stays && matches!(status.as_str(), "stopping" | "stopped" | "deleting") {
                        let what = format!("the name points to {instance}, which is {status} and no writer any more");
                        verdict.found(NAME, event.at, shop, what);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Whether a person stopped the instance, or a fault makes it seem so.
fn stopped_by_others(run: &Run, shop: &Shop, instance: &str, at: i64) -> bool {
    let person = run.ledger.events.iter().any(|event| match &event.what {
        What::Call(call) => {
            event.at <= at && call.vantage == Vantage::Person && call.op == "stop-instance" && call.target == instance
        }
        _ => false,
    });
    let here = |region: &Option<String>| {
        let own = region.as_deref().and_then(|region| shop.region(region));
        own.is_some_and(|own| own.instance == instance)
    };
    let fault = run.troubles.around(shop).any(|trouble| {
        let fault = &trouble.fault;
        fault.kind == FaultKind::InstanceStatus && here(&fault.region) && trouble.from <= at && at <= trouble.to
    });
    person || fault
}

/// Where the controller pointed the name, and when.
struct Repointed<'a> {
    instance: &'a str,
    at: i64,
}

/// Whether a move has begun since the name was pointed there.
fn later_move(shop: &Shop, own: &Repointed<'_>, at: i64) -> bool {
    let number = |at: i64| {
        shop.latest(at)
            .and_then(|entry| entry.journal.current.as_ref())
            .map_or(0, |current| current.number)
    };
    number(at) > number(own.at)
}
