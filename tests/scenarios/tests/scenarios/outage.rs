//! A regional outage with many shops in one class, and an hour at rest before it: quotas are kept, the queue is in order,
//! and the last shop that may move by itself moves within the time that quotas imply.
//!
//! `make outage SHOPS=1000` plays it in full.

use breakwater_core::journal::MoveOutcome;
use breakwater_rig::{Options, Rig};
use breakwater_scenarios::*;
use breakwater_sim::Setup;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Readings of pool health that a shop needs from its turn to its promotion: of its active region two that confirm each
/// other, of both regions one in each of two fresh rounds (before the exclusion, and after it was read back), and one of
/// the other region before.
const READINGS: f64 = 7.0;
/// While it waits a first look, and another one where the first came before the monitors had noticed.
const FIRST_LOOKS: f64 = 2.0;
/// Cloudflare readings a second: half of the class's 900 in 5 min, a ninth of which is given at once.
const READINGS_A_SECOND: f64 = (450.0 - 50.0) / 300.0;
/// A PATCH and its reading back; the other half.
const CALLS: f64 = 2.0;
const CALLS_A_SECOND: f64 = (450.0 - 50.0) / 300.0;
/// `promotionsPerMinute`.
const PROMOTIONS_A_SECOND: f64 = 20.0 / 60.0;
/// Monitors of 60 s: users' view is Down 2 min after the death at the latest; CloudWatch is 2 min late, and the link's
/// break is confirmed by a second reading.
const EVIDENCE: f64 = 240.0;
/// One shop's own way from its turn to its promotion: 25 s between two readings, two rounds, the entries, one PATCH, each
/// reading behind those of the others whose turn it is.
const ONE_TURN: f64 = 180.0;
/// From an accepted promotion to the end of a move: RDS's minutes, the name in sync, its TTL, and a probe.
const AFTER_THE_PROMOTION: f64 = 600.0;

fn shops_wanted(usual: usize) -> usize {
    let wanted = std::env::var("SHOPS").ok().and_then(|shops| shops.parse().ok());
    wanted.unwrap_or(usual)
}

/// Seconds from the death until the last promotion is sent, at most: evidence, then for each shop what is scarcest, then
/// one turn. `EVIDENCE + shops * max(readings / their rate, calls / their rate, 1 / promotions a second) + ONE_TURN`.
fn bound(shops: usize) -> f64 {
    let each = [
        (READINGS + FIRST_LOOKS) / READINGS_A_SECOND,
        CALLS / CALLS_A_SECOND,
        1.0 / PROMOTIONS_A_SECOND,
    ];
    EVIDENCE + shops as f64 * each.into_iter().fold(0.0, f64::max) + ONE_TURN
}

/// Of every ten shops the last one is of greater priority.
fn is_urgent(index: usize) -> bool {
    index % 10 == 9
}

/// Many shops, every one adopted, ready to move, and read through once.
fn crowd(count: usize, proofs: bool) -> Rig {
    let mut rig = Rig::new(Setup::many(count, proofs), 7, &Options::default());
    let names = shops(&rig);
    for (index, name) in names.iter().enumerate() {
        let key = rig.key(name);
        rig.edit(&key, |shop| shop.policy.priority = i32::from(is_urgent(index)));
    }
    // Five documents of each shop at Cloudflare, and some time for what they lead to.
    rig.run_for(Duration::from_secs_f64(count as f64 * 5.0 / READINGS_A_SECOND + 1200.0));
    for name in &names {
        for kind in ["Ready", "StandbyReady", "Protected"] {
            assert_eq!(condition(&rig, name, kind), "True", "{kind}: {}", states(&rig, &[name]));
        }
    }
    rig
}

type Asked = BTreeMap<(&'static str, &'static str), u64>;

fn asked(rig: &Rig) -> Asked {
    rig.world
        .tallies()
        .iter()
        .map(|(op, tally)| (*op, tally.asked))
        .collect()
}

fn table(rig: &Rig, before: &Asked, seconds: f64) {
    println!("| provider | operation | asked | a minute | throttled |\n|---|---|---|---|---|");
    for ((api, op), tally) in rig.world.tallies() {
        let asked = tally.asked - before.get(&(*api, *op)).copied().unwrap_or(0);
        if asked > 0 {
            println!(
                "| {api} | {op} | {asked} | {:.1} | {} |",
                asked as f64 * 60.0 / seconds,
                tally.throttled
            );
        }
    }
}

fn assert_never_throttled(rig: &Rig) {
    for (op, tally) in rig.world.tallies() {
        assert_eq!(tally.throttled, 0, "{op:?} answered 429 or Throttling");
    }
}

/// An hour in which nothing happens: nothing is written, neither to Route 53 nor to the API server.
fn an_hour_at_rest(rig: &mut Rig) {
    let (before, written, since) = (asked(rig), rig.history().len(), rig.millis());
    rig.run_for(hours(1));
    println!("\nan hour at rest:");
    table(rig, &before, 3600.0);
    assert_eq!(calls_since(rig, since).len(), 0, "no call changes anything");
    let new: Vec<String> = rig.history()[written..]
        .iter()
        .map(|entry| entry.shop.to_string())
        .collect();
    assert_eq!(new, Vec::<String>::new(), "no status is written");
}

fn a_region_dies(count: usize, proofs: bool) {
    let began = Instant::now();
    let mut rig = crowd(count, proofs);
    if !proofs {
        an_hour_at_rest(&mut rig);
    }
    let names = shops(&rig);
    let (died, before) = (rig.millis(), asked(&rig));
    let since_death = |at: i64| (at - died) as f64 / 1000.0;
    east_dies(&mut rig);
    let mut refused: BTreeMap<&'static str, BTreeSet<&str>> = BTreeMap::new();
    let mut waiting: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let mut longest = 0;
    while since_death(rig.millis()) < bound(count) + AFTER_THE_PROMOTION {
        rig.run_for(Duration::from_secs(30));
        waiting.retain(|name| outcome(&rig, name) != Some(MoveOutcome::Completed));
        for name in &waiting {
            for refusal in refusals(&rig, name) {
                refused.entry(refusal).or_default().insert(name);
            }
        }
        longest = longest.max(rig.queue_length());
        // An estimate that was over its budget stays over it: such a shop waits for a person.
        let over = refused.get("LossOverBudget");
        if waiting
            .iter()
            .all(|name| over.is_some_and(|over| over.contains(name)) && phase(&rig, name).is_none())
        {
            break;
        }
    }
    let seconds = since_death(rig.millis());
    let sent = |urgent: bool| {
        let own = names
            .iter()
            .enumerate()
            .filter(move |(index, _)| is_urgent(*index) == urgent);
        let at: Vec<f64> = own
            .flat_map(|(_, name)| {
                promotions(&rig, name)
                    .into_iter()
                    .map(|(at, _)| since_death(at))
                    .collect::<Vec<_>>()
            })
            .collect();
        at
    };
    let (urgent, usual) = (sent(true), sent(false));
    let last = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
    let first = urgent.iter().chain(&usual).copied().fold(f64::INFINITY, f64::min);
    println!("\n{count} shops of one class, proof URLs: {proofs}; the region dies:");
    println!("| promotions | first | last of priority 1 | last | bound | decided about all | longest queue |");
    println!("|---|---|---|---|---|---|---|");
    println!(
        "| {} of {count} | {first:.0} s | {:.0} s | {:.0} s | {:.0} s | {seconds:.0} s | {longest} |",
        urgent.len() + usual.len(),
        last(&urgent),
        last(&usual).max(last(&urgent)),
        bound(count)
    );
    for (name, shops) in &refused {
        println!("refused at some time, {name}: {} shops", shops.len());
    }
    println!("refused for good, LossOverBudget: {} shops", waiting.len());
    table(&rig, &before, seconds);
    println!("{:?} of real time", began.elapsed());

    assert_never_throttled(&rig);
    assert!(last(&usual).max(last(&urgent)) <= bound(count));
    for name in &waiting {
        let over = refused.get("LossOverBudget").is_some_and(|over| over.contains(name));
        assert!(over, "who may move has moved: {}", states(&rig, &[name]));
        assert_eq!(promotions(&rig, name).len(), 0, "{name}");
    }
    // Whoever has the greater priority is looked at and moves first, behind those at most who had been called before.
    assert_eq!(urgent.len(), count / 10, "none of them waits for a person");
    assert!(last(&urgent) <= bound(count / 10 + 30));
    finish(&rig);
}

#[test]
fn a_region_dies_under_many_shops_without_proofs() {
    a_region_dies(shops_wanted(60), false);
}

#[test]
fn a_region_dies_under_many_shops_with_proofs() {
    a_region_dies(shops_wanted(60), true);
}
