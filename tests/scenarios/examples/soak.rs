//! `make soak SEEDS=2000`: days of troubles in virtual time; `make soak SEED=1234` replays one and tells it.
//!
//! Writes `target/soak.json`. The hash is over ledger and history of every day, in the order of the seeds: the same in
//! every process and for every number of threads (`THREADS`, by default as many as there are cores).

use breakwater_scenarios::soak::{self, Day, Lived};
use breakwater_sim::ledger::What;
use serde_json::json;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Violations of one seed that are printed.
const SHOWN: usize = 6;
/// Time between two lines of progress.
const TELL_EVERY: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn Error>> {
    // A panic is a violation like others; it is told with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    match number("SEED")? {
        Some(seed) => replay(seed),
        None => soak(number("SEEDS")?.unwrap_or(100), number("FROM")?.unwrap_or(0)),
    }
}

fn number(name: &str) -> Result<Option<u64>, String> {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("{name} is {text:?}; give a number")),
        },
        Ok(_) | Err(_) => Ok(None),
    }
}

fn soak(seeds: u64, from: u64) -> Result<(), Box<dyn Error>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = number("THREADS")?
        .and_then(|threads| usize::try_from(threads).ok())
        .unwrap_or(cores);
    let begin = Instant::now();
    let mut progress = Progress::new(seeds);
    let lived = soak::live(from..from + seeds, threads, |day| progress.tell(day));
    let wall = begin.elapsed().as_secs_f64();
    let simulated: u64 = lived.iter().map(|day| day.seconds).sum();
    let violations: usize = lived.iter().map(|day| day.violations.len()).sum();
    let result = json!({
        "seeds": seeds,
        "violations": violations,
        "simulatedSeconds": simulated,
        "wallSeconds": (wall * 10.0).round() / 10.0,
        "realtimeFactor": (simulated as f64 / wall).round(),
        "hash": format!("{:016x}", soak::hash_of(&lived)),
    });
    write(&result)?;
    let bad: Vec<u64> = lived
        .iter()
        .filter(|day| !day.violations.is_empty())
        .map(|day| day.seed)
        .collect();
    if bad.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} days did not end well: {bad:?}; replay one with `make soak SEED={}`",
        bad.len(),
        bad[0]
    )
    .into())
}

fn write(result: &serde_json::Value) -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    std::fs::create_dir_all(&target)?;
    std::fs::write(target.join("soak.json"), format!("{result}\n"))?;
    println!("soak.json {result}");
    Ok(())
}

struct Progress {
    seeds: u64,
    done: u64,
    violations: usize,
    simulated: u64,
    begin: Instant,
    told: Instant,
}

impl Progress {
    fn new(seeds: u64) -> Progress {
        Progress {
            seeds,
            done: 0,
            violations: 0,
            simulated: 0,
            begin: Instant::now(),
            told: Instant::now(),
        }
    }

    fn tell(&mut self, day: &Lived) {
        self.done += 1;
        self.violations += day.violations.len();
        self.simulated += day.seconds;
        if !day.violations.is_empty() {
            println!(
                "seed {}: {} violations. Replay: make soak SEED={}",
                day.seed,
                day.violations.len(),
                day.seed
            );
            day.violations
                .iter()
                .take(SHOWN)
                .for_each(|violation| println!("  {violation}"));
        }
        if self.told.elapsed() >= TELL_EVERY || self.done == self.seeds {
            self.told = Instant::now();
            let factor = self.simulated as f64 / self.begin.elapsed().as_secs_f64();
            eprintln!(
                "{}/{} seeds, {} violations, {:.0} h simulated, {factor:.0} times as fast as real time",
                self.done,
                self.seeds,
                self.violations,
                self.simulated as f64 / 3600.0
            );
        }
    }
}

/// One day, told: faults and deeds in the order of time, and what became of it.
fn replay(seed: u64) -> Result<(), Box<dyn Error>> {
    let _ = std::panic::take_hook();
    let mut day = Day::of(seed);
    day.troubles();
    day.calm();
    let mut lines: Vec<(i64, String)> = day.said().to_vec();
    let rig = day.rig();
    for event in &rig.world.ledger().events {
        let line = match &event.what {
            What::FaultInjected { id, fault } => format!("fault {} begins: {fault:?}", id.0),
            What::FaultCleared { id, .. } => format!("fault {} ends", id.0),
            What::Promoted { instance, call, .. } => format!("{instance} is promoted (call {call})"),
            What::Instance { instance, status, .. } => format!("{instance} is {status}"),
            What::Call(call) => {
                format!(
                    "{:?} {} {} ({:?}, {:?})",
                    call.vantage, call.op, call.target, call.effect, call.code
                )
            }
            _ => continue,
        };
        lines.push((event.at, line));
    }
    for entry in rig.history() {
        let journal = &entry.journal;
        let step = journal.current.as_ref().map(|current| {
            format!(
                "{} {:?} {:?} {:?}",
                current.number, current.phase, current.outcome, current.because
            )
        });
        let owed: Vec<String> = journal
            .obligations
            .iter()
            .map(|o| format!("{:?} {}", o.kind, o.region))
            .collect();
        let seen = entry.report.as_ref().map(|report| {
            let conditions = report.conditions.iter().take(3);
            let conditions: Vec<String> = conditions.map(|c| format!("{}={}", c.kind, c.status.name())).collect();
            format!(
                "{} {conditions:?} lacks {:?} {}",
                report.diagnosis.name(),
                report.missing,
                report.message
            )
        });
        lines.push((
            entry.at,
            format!(
                "  {} W {:?} e{} front {:?} excluded {:?} move {step:?} owes {owed:?}: {}",
                entry.shop,
                journal.active_region,
                journal.epoch,
                journal.front,
                journal.excluded,
                seen.unwrap_or_default()
            ),
        ));
    }
    lines.sort_by_key(|(at, _)| *at);
    for (at, line) in lines {
        let time = jiff::Timestamp::from_millisecond(at)?;
        println!("{} {line}", time.strftime("%H:%M:%S%.3f"));
    }
    let lived = soak::one(seed);
    println!("{} violations", lived.violations.len());
    lived.violations.iter().for_each(|violation| println!("{violation}"));
    if lived.violations.is_empty() {
        Ok(())
    } else {
        Err(format!("seed {seed} did not end well").into())
    }
}
