//! I10: "`Missing` is true: supply what it names and the decision flips; supply less and it does not."
//!
//! Judged from the statuses that people saw:
//!
//! * *less*: when an automatic move begins, the status in force just before named nothing but time that had passed
//!   (`NotBefore`; another time may count once another vote has come in; one without a time lacked just the reading that
//!   came) and refusals (which may have ended at that moment);
//! * *all*: a status that names nothing, or only time that has passed, does not stay in force: within two minutes a move
//!   begins, or the status says something else (not judged where the process did not hold the lease throughout, was cut
//!   off, or where the object is to go);
//! * what is named is missing: no time that had been over for two minutes when the status was written, no vote that the same status shows as given, no refusal that it does not show beside a
//!   diagnosis that calls for a promotion, and no cool-down that has been over for two minutes;
//! * what refuses is named: each refusal that a status shows, unless a move is in flight (`NotHeld` is `NotBefore`).

use crate::Verdict;
use crate::history::{Entry, Lack, MoveKind, Status};
use crate::run::{Run, Shop};
use crate::{seconds, time};
use jiff::Timestamp;

const NAME: &str = "I10";

/// What is due is seen at the next reading: every 10 to 30 s, and after a time-out or a conflict once more.
const PATIENCE: i64 = 120_000;
/// A status gathers for a second, and is written in moments.
const WRITING: i64 = 2_000;

pub(crate) fn check(run: &Run, verdict: &mut Verdict) {
    for shop in &run.shops {
        let mut before: Option<(&Entry, &Status)> = None;
        for (index, entry) in shop.history.iter().enumerate() {
            let Some(status) = entry.status.as_ref().filter(|_| !entry.restored && !entry.late) else {
                before = None;
                continue;
            };
            let next = shop.history.get(index + 1).map_or(run.ledger.until, |next| next.at);
            let faults = [
                before.and_then(|(earlier, shown)| began_with_less(run, earlier, shown, entry)),
                stayed_with_all(run, shop, entry, status, next),
                named_in_vain(run, shop, entry, status, next),
                left_unnamed(entry, status),
            ];
            for what in faults.into_iter().flatten() {
                verdict.found(NAME, entry.at, shop, what);
            }
            before = Some((entry, status));
        }
    }
    if run
        .shops
        .iter()
        .any(|shop| !shop.history.is_empty() && shop.history.iter().all(|entry| entry.status.is_none()))
    {
        verdict.skipped(NAME, "the history holds no status");
    }
}

/// Whether this has passed by then, if it is about time at all.
fn has_passed(lack: &Lack, at: i64) -> bool {
    lack.name == "NotBefore" && lack.until.is_some_and(|until| until.as_millisecond() <= at)
}

/// The votes are held by the clock; what shows it is the next reading.
fn lacks_a_reading(lack: &Lack) -> bool {
    lack.name == "NotBefore" && lack.until.is_none()
}

fn is_refusal(lack: &Lack) -> bool {
    lack.refusal.is_some()
}

fn named(lacks: &[&Lack]) -> String {
    let words = |lack: &&Lack| match (&lack.refusal, lack.until) {
        (Some(refusal), _) => format!("the end of {refusal}"),
        (None, Some(until)) => format!("{} {until}", lack.name),
        (None, None) => lack.name.clone(),
    };
    lacks.iter().map(words).collect::<Vec<_>>().join(", ")
}

fn began_with_less(run: &Run, earlier: &Entry, shown: &Status, entry: &Entry) -> Option<String> {
    let begun = entry.journal.current.as_ref().filter(|current| {
        current.automatic && current.kind == MoveKind::Failover && current.number > earlier.journal.last_number
    })?;
    let unmet: Vec<&Lack> = shown
        .missing
        .iter()
        .filter(|lack| !is_refusal(lack) && !has_passed(lack, entry.at) && !lacks_a_reading(lack))
        .filter(|lack| lack.name != "NotBefore" || same_votes(shown, entry))
        .collect();
    // What could not be written says nothing about what was known.
    let cut_off = run
        .cut_off
        .iter()
        .any(|cut| cut.from <= entry.at && cut.until.is_none_or(|until| until + PATIENCE >= entry.at));
    (!unmet.is_empty() && !cut_off).then(|| {
        format!(
            "automatic move {} began while the status in force (of {}) still named {}",
            begun.number,
            time(earlier.at),
            named(&unmet)
        )
    })
}

/// Whether the entry shows the votes that people had seen.
fn same_votes(shown: &Status, entry: &Entry) -> bool {
    let now = entry.status.as_ref().map(|status| &status.facts);
    now.is_none_or(|now| *now == shown.facts)
}

fn stayed_with_all(run: &Run, shop: &Shop, entry: &Entry, status: &Status, next: i64) -> Option<String> {
    if entry.journal.in_flight().is_some() || entry.journal.adopting_since.is_some() {
        return None;
    }
    let when = |lack: &Lack| {
        lack.until
            .filter(|_| lack.name == "NotBefore")
            .map(Timestamp::as_millisecond)
    };
    let due = status
        .missing
        .iter()
        .try_fold(entry.at, |latest, lack| Some(latest.max(when(lack)?)))?;
    let judged_at = due + PATIENCE;
    (judged_at < next && could_act(run, shop, entry, judged_at)).then(|| {
        format!(
            "a status that named nothing but {:?} stayed in force until {}, {} after that had passed, and no move began",
            named(&status.missing.iter().collect::<Vec<_>>()),
            time(next),
            seconds(next - due)
        )
    })
}

/// Whether the process that wrote this entry could plan and write all the time until then.
fn could_act(run: &Run, shop: &Shop, entry: &Entry, until: i64) -> bool {
    held_lease(run, &entry.holder, entry.at, until)
        && !cut_off_within(run, entry.at, until)
        && !leaves(run, shop, until)
}

fn held_lease(run: &Run, holder: &str, from: i64, to: i64) -> bool {
    let mut covered = from;
    for span in run.leases.iter().filter(|span| span.holder == holder) {
        if span.from <= covered {
            covered = covered.max(span.until);
        }
    }
    covered >= to
}

fn cut_off_within(run: &Run, from: i64, to: i64) -> bool {
    run.cut_off
        .iter()
        .any(|cut| cut.from <= to && cut.until.is_none_or(|until| until >= from))
}

fn leaves(run: &Run, shop: &Shop, by: i64) -> bool {
    run.edits
        .iter()
        .any(|edit| edit.leaves && edit.shop == shop.key && edit.at <= by)
}

fn named_in_vain(run: &Run, shop: &Shop, entry: &Entry, status: &Status, next: i64) -> Option<String> {
    let active = entry.journal.active_region.as_deref();
    let vote = |name: String| {
        let fact = status.facts.iter().find(|fact| fact.name == name);
        fact.map(|fact| fact.vote.as_str()).unwrap_or_default()
    };
    let given = |lack: &&Lack| {
        let Some(active) = active else { return false };
        match lack.name.as_str() {
            "ProbeDown" => vote(format!("probe({active})")) == "Down",
            "ServicesOut" => ["Down", "Impaired"].contains(&vote(format!("probe({active})"))),
            "EdgeDown" => vote(format!("edge({active})")) == "Down",
            "InstanceSilent" => vote(format!("instance({active})")) == "Silent",
            "RoutineOver" => vote(format!("instance({active})")) != "Routine",
            "LinkBroken" => vote("link".into()) == "Broken",
            "DatabaseSilence" => !["Up", "Refused"].contains(&vote("proof".into())),
            _ => false,
        }
    };
    if let Some(lack) = status.missing.iter().find(given) {
        return Some(format!(
            "{} is named as missing, and the same status shows that it is there",
            lack.name
        ));
    }
    let long_over = |lack: &&Lack| has_passed(lack, entry.at - PATIENCE);
    if let Some(lack) = status.missing.iter().find(long_over) {
        return Some(format!("{} is named as missing", named(&[lack])));
    }
    let over = entry
        .journal
        .cool_down_until
        .map(|until| until.as_millisecond().max(entry.at) + PATIENCE);
    let cools = |lack: &Lack| lack.refusal.as_deref() == Some("CoolDown");
    let stayed = over.is_some_and(|over| over + WRITING < next && could_act(run, shop, entry, over));
    if status.missing.iter().any(cools) && stayed {
        return Some(format!(
            "the end of CoolDown was named as missing until {}, and it was over",
            time(next)
        ));
    }
    let called = ["RegionDown", "DatabaseDown"].contains(&status.diagnosis.as_str());
    let unseen = status
        .missing
        .iter()
        .filter_map(|lack| lack.refusal.as_ref())
        .find(|refusal| called && !status.refusals.contains(refusal))?;
    Some(format!(
        "the end of {unseen} is named as missing for {}, and the same status does not show that it refuses",
        shop.key
    ))
}

fn left_unnamed(entry: &Entry, status: &Status) -> Option<String> {
    if entry.journal.in_flight().is_some() {
        return None;
    }
    let is_named = |refusal: &String| {
        let by_time = refusal == "NotHeld" && status.missing.iter().any(|lack| lack.name == "NotBefore");
        by_time || status.missing.iter().any(|lack| lack.refusal.as_ref() == Some(refusal))
    };
    let refusal = status.refusals.iter().find(|refusal| !is_named(refusal))?;
    Some(format!("{refusal} refuses, and its end is not named as missing"))
}
