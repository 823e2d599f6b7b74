//! I3: "No automatic promotion unless the Down votes of RegionDown or DatabaseDown were held for their time, within the
//! loss budget; none while anything says that A's database lives."
//!
//! Judged from what truly was, at the licence (the moment of the decision) and before it:
//!
//! * the move's diagnosis is RegionDown (held for `promoteAfter`) or DatabaseDown (for `databaseGrace`);
//! * during that time no order of a shopper who was sent to A was acknowledged by A's instance (an order by way of B is
//!   seen by proofs alone: a service of B may be healthy without a writer); where A was cut off from us before it died,
//!   during the 20 s that confirm users' view;
//! * during that time no probe of A that the diagnosis rests on was answered with success: all of A's services for
//!   RegionDown; for DatabaseDown those that need the writer, unless the shop has a proof in A, which may stand for them;
//! * the link had been broken at some time of the last 5 min (the age of the oldest lag sample that makes it Flowing);
//! * while the writer's name leads to A, no proof could have reached A's writer during the last three intervals (how long a proof is fresh);
//! * the journal has a loss estimate, and it is within `maxLossSeconds`.

use crate::history::Move;
use crate::ledger::{FaultKind, Region, Vantage, What};
use crate::run::{Promotion, Run};
use crate::{Verdict, seconds};

const NAME: &str = "I3";

/// Two reads of users' view that confirm each other are at least this far apart.
const CONFIRMED_AFTER: i64 = 20_000;
/// A good lag sample older than this does not make the link Flowing.
const SAMPLE_FRESH: i64 = 300_000;

pub(crate) fn check(run: &Run, verdict: &mut Verdict) {
    for promotion in run.promotions() {
        let (Some(current), Some(licence)) = (promotion.current(), promotion.licence()) else {
            continue; // I1's matter
        };
        if !current.automatic {
            continue;
        }
        let Some(held) = held_for(&promotion, current) else {
            let what = format!("automatic promotion on the diagnosis {}", current.diagnosis);
            verdict.found(NAME, promotion.sent, promotion.shop, what);
            continue;
        };
        let decided = licence.at.as_millisecond();
        let faults = [
            orders(run, &promotion, decided - silent_for(run, &promotion, held, decided)),
            probes(run, &promotion, current, decided - held, decided),
            link(run, &promotion, decided),
            proof(run, &promotion, decided),
            loss(&promotion, current),
        ];
        for what in faults.into_iter().flatten() {
            verdict.found(NAME, promotion.sent, promotion.shop, what);
        }
    }
    if run.ledger.reads.is_empty() && !run.promotions().is_empty() {
        verdict.skipped(
            NAME,
            "the ledger holds no reads: what probes of A were answered is not judged",
        );
    }
}

/// How long its votes must have been held, in milliseconds.
fn held_for(promotion: &Promotion<'_>, current: &Move) -> Option<i64> {
    let facts = &promotion.shop.facts;
    match current.diagnosis.as_str() {
        "RegionDown" => Some(facts.promote_after_seconds * 1000),
        "DatabaseDown" => Some(facts.database_grace_seconds * 1000),
        _ => None,
    }
}

/// For how long nobody can have bought. Where our probes were cut off first their votes were held through that, and then
/// users' view alone tells the moment of the death: confirmed by two reads at least 20 s apart.
fn silent_for(run: &Run, promotion: &Promotion<'_>, held: i64, decided: i64) -> i64 {
    let cut_off = run.troubles.of_sight(promotion.shop).any(|trouble| {
        trouble.fault.kind == FaultKind::Partition
            && trouble.fault.region.as_deref() == Some(&*promotion.from.region)
            && trouble.from <= decided
            && trouble.to >= decided - held
    });
    if cut_off { CONFIRMED_AFTER } else { held }
}

fn orders(run: &Run, promotion: &Promotion<'_>, since: i64) -> Option<String> {
    let (shop, a) = (promotion.shop, promotion.from);
    let taken = run
        .ledger
        .meetings
        .iter()
        .filter(|meeting| meeting.shop == shop.name && meeting.region.as_deref() == Some(&*a.region))
        .filter(|meeting| meeting.at >= since && meeting.at < promotion.sent);
    let last = taken
        .filter_map(|meeting| Some((meeting.at, *meeting.acknowledged.get(promotion.former())?)))
        .rfind(|(_, count)| *count > 0);
    last.map(|(at, _)| {
        format!(
            "{} acknowledged shoppers' orders {} before the promotion was sent, within the {} for which it must have been down",
            promotion.former(),
            seconds(promotion.sent - at),
            seconds(promotion.sent - since)
        )
    })
}

fn probes(run: &Run, promotion: &Promotion<'_>, current: &Move, since: i64, decided: i64) -> Option<String> {
    let by_writer = current.diagnosis == "DatabaseDown";
    if by_writer && promotion.from.proof {
        return None;
    }
    let services = &promotion.shop.side(&promotion.from.region).services;
    let some_need_it = services.iter().any(|service| service.needs_writer());
    let urls: Vec<&str> = services
        .iter()
        .filter(|service| !by_writer || !some_need_it || service.needs_writer())
        .map(|service| service.url())
        .collect();
    let answered = run.ledger.reads.iter().rev().find(|read| {
        read.vantage == Vantage::Controller
            && read.result == "ok"
            && read.at >= since
            && read.answered_at.unwrap_or(read.at) <= decided
            && urls.contains(&read.target.as_str())
    })?;
    Some(format!(
        "{} answered with success {} before the licence, within the {} for which {} must have been held",
        answered.target,
        seconds(decided - answered.at),
        seconds(decided - since),
        current.diagnosis
    ))
}

fn link(run: &Run, promotion: &Promotion<'_>, decided: i64) -> Option<String> {
    let mut flows = (true, i64::MIN);
    for event in run.ledger.events.iter().filter(|event| event.at <= decided) {
        match &event.what {
            What::Link { shop, flowing } if *shop == promotion.shop.name => flows = (*flowing, event.at),
            _ => {}
        }
    }
    let (flowing, since) = flows;
    (flowing && since <= decided - SAMPLE_FRESH)
        .then(|| "the replication link had been flowing for the 5 min before the licence".to_owned())
}

fn proof(run: &Run, promotion: &Promotion<'_>, decided: i64) -> Option<String> {
    let (shop, a) = (promotion.shop, promotion.from);
    let since = decided - 3 * shop.facts.interval_seconds * 1000;
    if !name_leads_to(run, promotion, decided) {
        return None;
    }
    let lives = run.writable_throughout(shop, promotion.former(), since, decided)
        && !run.troubles.any_in(shop, &a.region, since, decided);
    let reaches = |region: &Region| region.proof && !run.troubles.any_in(shop, &region.region, since, decided);
    let witness = shop.set_up.regions.iter().find(|region| reaches(region))?;
    lives.then(|| {
        format!(
            "the proof in {} could say that {} took writes for the {} before the licence",
            witness.region,
            promotion.former(),
            seconds(decided - since)
        )
    })
}

/// Whether the writer's name leads to A's instance: processes, and so their proofs, find the writer by it.
fn name_leads_to(run: &Run, promotion: &Promotion<'_>, at: i64) -> bool {
    let leads = run.ledger.events.iter().rev().find_map(|event| match &event.what {
        What::Record {
            name,
            kind,
            stage,
            instance,
            ..
        } if *name == promotion.shop.set_up.writer_record
            && kind == "CNAME"
            && stage != "submitted"
            && event.at <= at =>
        {
            Some(instance.as_deref())
        }
        _ => None,
    });
    leads.is_none_or(|leads| leads == Some(promotion.former()))
}

fn loss(promotion: &Promotion<'_>, current: &Move) -> Option<String> {
    let budget = promotion.shop.facts.max_loss_seconds;
    match &current.loss {
        None => Some(format!("no loss estimate; the budget is {budget} s")),
        Some(loss) if loss.seconds > budget => Some(format!(
            "the loss estimate is {} s, the budget {budget} s",
            loss.seconds
        )),
        Some(_) => None,
    }
}
