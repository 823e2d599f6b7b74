//! A regional outage with many shops in one class, and an hour at rest before it: quotas are kept, the queue is in order,
//! and the last shop that may move by itself moves within the time that quotas imply.
//!
//! `make outage SHOPS=1000` plays it in full.

use breakwater_core::journal::{MoveKind, MoveOutcome};
use breakwater_core::request::Request;
use breakwater_rig::{HistoryEntry, Options, Rig};
use breakwater_scenarios::*;
use breakwater_sim::Setup;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Readings of pool health that a shop needs until its promotion: of its active region a first one while it waits, two in
/// its turn that confirm each other, and of both regions one in each of two fresh rounds (before the exclusion, and after
/// it was read back).
const READINGS: f64 = 7.0;
/// Of the other half of the quota: a load balancer and two pools are read, and a PATCH and its reading back.
const CALLS: f64 = 5.0;
/// Time between two probes of a service, as it is by default.
const INTERVAL: Duration = Duration::from_secs(10);
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

/// Shops of one class in an outage.
#[derive(Clone, Copy)]
struct Crowd {
    shops: usize,
    proofs: bool,
    /// Calls to Cloudflare in 5 min that the class grants.
    quota: u32,
}

impl Crowd {
    /// Cloudflare readings a second, and calls: half of the quota each, a ninth of which is given at once.
    fn a_second(self) -> f64 {
        let half = f64::from(self.quota) / 2.0;
        (half - half / 9.0) / 300.0
    }

    /// So many of a class can move by themselves at least. Users' view has to be seen Down while the loss is within the
    /// budget, some 100 to 165 s: in that time nearly all of what 5 min grant to readings can be spent on first looks, but
    /// for what rotation has taken before and for those whose turn it is.
    fn carried(self) -> usize {
        self.quota as usize / 5
    }

    /// Seconds from the death until the last promotion is sent, at most: evidence, then for each that moves what is
    /// scarcest, then one turn.
    fn bound(self, moving: usize) -> f64 {
        let each = [
            READINGS / self.a_second(),
            CALLS / self.a_second(),
            1.0 / PROMOTIONS_A_SECOND,
        ];
        EVIDENCE + moving as f64 * each.into_iter().fold(0.0, f64::max) + ONE_TURN
    }
}

/// Of every ten shops the last one is of greater priority.
fn is_urgent(index: usize) -> bool {
    index % 10 == 9
}

/// Many shops, every one adopted, ready to move, and read through once.
fn ready(crowd: Crowd) -> Rig {
    let mut rig = Rig::new(Setup::many(crowd.shops, crowd.proofs), 7, &Options::default());
    let names = shops(&rig);
    for (index, name) in names.iter().enumerate() {
        let key = rig.key(name);
        rig.edit(&key, |shop| {
            shop.policy.priority = i32::from(is_urgent(index));
            shop.limits.cloudflare_per_5_minutes = crowd.quota;
        });
    }
    // Six things of each shop at Cloudflare, and some time for what they lead to. Meanwhile probes go slowly: they are most
    // of the work, and say nothing new.
    let probe_every = |rig: &mut Rig, interval: Duration| {
        for name in &names {
            let key = rig.key(name);
            rig.edit(&key, |shop| shop.policy.interval = interval);
        }
    };
    probe_every(&mut rig, minutes(1));
    let reading = crowd.shops as f64 * 6.0 / crowd.a_second();
    rig.run_for(Duration::from_secs_f64(reading + 1200.0));
    probe_every(&mut rig, INTERVAL);
    rig.run_for(minutes(5));
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
    let new = &rig.history()[written..];
    println!("statuses written: {}", new.len());
    let told: Vec<String> = new.iter().take(3).map(|entry| what_changed(rig, entry)).collect();
    assert!(
        new.is_empty(),
        "{} statuses are written: {}",
        new.len(),
        told.join("\n")
    );
}

/// What people read about a loss over the budget.
fn over_budget(rig: &Rig, name: &str) -> String {
    let key = rig.key(name);
    let entries = rig.history().iter().rev().filter(|entry| entry.shop == key);
    let mut refusals = entries.flat_map(|entry| entry.report.iter().flat_map(|report| &report.refusals));
    let over = refusals.find(|refusal| refusal.name == "LossOverBudget");
    over.map(|refusal| refusal.message.to_string()).unwrap_or_default()
}

/// The lines of a status that are not as they were in the one before.
fn what_changed(rig: &Rig, entry: &HistoryEntry) -> String {
    let mut before = rig.history().iter().rev();
    let before = before.find(|other| other.shop == entry.shop && other.at < entry.at);
    let lines = |entry: &HistoryEntry| format!("{:#?}{:#?}", entry.journal, entry.report);
    let (old, new) = (before.map(lines).unwrap_or_default(), lines(entry));
    let old: BTreeSet<&str> = old.lines().collect();
    let new = new.lines().filter(|line| !old.contains(line));
    format!("{}: {}", entry.shop, new.collect::<Vec<_>>().join("\n"))
}

/// Says who waits for a person then.
fn a_region_dies(crowd: Crowd) -> (Rig, Vec<String>) {
    let (count, proofs) = (crowd.shops, crowd.proofs);
    let began = Instant::now();
    let mut rig = ready(crowd);
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
    while since_death(rig.millis()) < crowd.bound(count) + AFTER_THE_PROMOTION {
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
        crowd.bound(urgent.len() + usual.len())
    );
    for (name, shops) in &refused {
        println!("refused at some time, {name}: {} shops", shops.len());
    }
    println!("refused for good, LossOverBudget: {} shops", waiting.len());
    for name in waiting.iter().take(1) {
        println!("{name}: {}", over_budget(&rig, name));
    }
    table(&rig, &before, seconds);
    println!("{:?} of real time", began.elapsed());

    assert_never_throttled(&rig);
    assert!(last(&usual).max(last(&urgent)) <= crowd.bound(urgent.len() + usual.len()));
    for name in &waiting {
        let over = refused.get("LossOverBudget").is_some_and(|over| over.contains(name));
        assert!(over, "who may move has moved: {}", states(&rig, &[name]));
        assert_eq!(promotions(&rig, name).len(), 0, "{name}");
    }
    // Whoever has the greater priority is looked at and moves first, behind those at most who had been called before.
    assert_eq!(urgent.len(), count / 10, "none of them waits for a person");
    assert!(last(&urgent) <= crowd.bound(count / 10 + 30));
    let moved = urgent.len() + usual.len();
    assert!(moved >= count.min(crowd.carried()), "{moved} moved");
    let waiting = waiting.into_iter().map(str::to_owned).collect();
    (rig, waiting)
}

fn all_move(crowd: Crowd) {
    let (rig, waiting) = a_region_dies(crowd);
    let few = crowd.shops <= crowd.carried();
    assert!(waiting.is_empty() || !few, "{} wait for a person", waiting.len());
    finish(&rig);
}

#[test]
fn a_region_dies_under_many_shops_without_proofs() {
    all_move(Crowd {
        shops: shops_wanted(60),
        proofs: false,
        quota: 900,
    });
}

#[test]
fn a_region_dies_under_many_shops_with_proofs() {
    all_move(Crowd {
        shops: shops_wanted(60),
        proofs: true,
        quota: 900,
    });
}

/// A tenth of the quota for more shops than it carries: those that nobody could look at in time wait for a person, who goes
/// before all others that are left.
#[test]
fn a_region_dies_under_more_shops_than_its_quota_carries() {
    let (mut rig, waiting) = a_region_dies(Crowd {
        shops: 60,
        proofs: true,
        quota: 90,
    });
    let shop = waiting.last().expect("more than it carries").clone();
    failover(&mut rig, &shop, "plain", None);
    let refused = |rig: &Rig| told_last(rig, "plain") == (Some(MoveOutcome::Refused), "LossOverBudget");
    assert!(rig.run_until(minutes(5), refused), "{:?}", told_last(&rig, "plain"));
    // Far less than the time that has passed since: what is lost is counted until users' view was first seen Down.
    failover(&mut rig, &shop, "accepted", Some(hours(1)));
    let promoted = |rig: &Rig| !promotions(rig, &shop).is_empty();
    assert!(rig.run_until(minutes(5), promoted), "{:?}", told_last(&rig, "accepted"));
    assert!(rig.run_until(minutes(30), |rig| has_moved(rig, &shop)));
    finish(&rig);
}

/// A person asks for a failover of a shop.
fn failover(rig: &mut Rig, shop: &str, name: &str, allow_loss: Option<Duration>) {
    let now = jiff::Timestamp::from_millisecond(rig.millis()).unwrap_or_default();
    let request = Request {
        name: name.into(),
        uid: format!("uid-{name}").into(),
        kind: MoveKind::Failover,
        to: Some("us-west-2".into()),
        expected_epoch: Some(journal(rig, shop).epoch),
        start_before: breakwater_core::time::after(now, hours(1)),
        overrides: Vec::new(),
        allow_loss,
        abort: false,
        expires_at: None,
        max_write_stop: None,
        record_of: None,
        approved_by: None,
    };
    let key = rig.key(shop);
    rig.request(&key, request);
}

/// The last that a requester was told: its outcome and its reason.
fn told_last(rig: &Rig, name: &str) -> (Option<MoveOutcome>, &'static str) {
    let last = rig.answers().iter().rev().find(|(_, _, said)| &*said.request == name);
    last.map_or((None, ""), |(_, _, said)| (said.outcome, said.reason))
}
