//! The lines of a transcript: only what changed.

use super::clock::{length, shown};
use super::play::Played;
use super::words;
use breakwater_core::journal::MoveOutcome;
use breakwater_sim::Vantage;
use breakwater_sim::ledger::What;

/// One line.
pub(super) struct Line {
    /// Milliseconds since the Unix epoch.
    pub at: i64,
    /// Among lines of the same moment: what happened, what was seen, what it means, what is done.
    pub rank: u8,
    pub shop: Option<String>,
    pub kind: &'static str,
    pub text: String,
}

/// All lines since the begin, in order.
pub(super) fn of(played: &Played) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for said in &played.said {
        lines.push(Line {
            at: said.at,
            rank: 0,
            shop: None,
            kind: said.kind,
            text: said.text.clone(),
        });
    }
    of_world(played, &mut lines);
    for (at, key, answered) in played.rig.answers().iter().filter(|(at, ..)| *at >= played.begin) {
        let end = answered.outcome.map_or("waits", MoveOutcome::name);
        lines.push(Line {
            at: *at,
            rank: 6,
            shop: Some(key.name.to_string()),
            kind: "answer",
            text: format!("{} {end}, {}: {}", answered.request, answered.reason, answered.message),
        });
    }
    for shop in &played.script.shops {
        super::told::of_status(played, shop, &mut lines);
    }
    let place = |shop: &Option<String>| {
        let own = played.script.shops.iter().position(|own| Some(own) == shop.as_ref());
        own.map_or(0, |place| place + 1)
    };
    lines.sort_by_key(|line| (line.at, place(&line.shop), line.rank));
    folded(lines, played.begin)
}

/// The same call with the same end again and again is one line.
fn folded(lines: Vec<Line>, begin: i64) -> Vec<Line> {
    struct Run {
        index: usize,
        times: usize,
        last: i64,
    }
    let mut kept: Vec<Line> = Vec::new();
    let mut runs: Vec<Run> = Vec::new();
    for line in lines {
        let open = runs.iter_mut().find(|run| {
            let first: &Line = &kept[run.index];
            first.kind == line.kind && first.shop == line.shop && first.text == line.text
        });
        match open {
            Some(run) if line.kind == "call" || line.kind == "person" => {
                run.times += 1;
                run.last = line.at;
            }
            Some(_) | None => {
                // Another end of a shop's calls closes the run: what follows is told again.
                if line.kind == "call" || line.kind == "person" {
                    let shop = line.shop.clone();
                    runs.retain(|run| run.times > 1 || kept[run.index].shop != shop);
                    runs.push(Run {
                        index: kept.len(),
                        times: 1,
                        last: line.at,
                    });
                }
                kept.push(line);
            }
        }
    }
    for run in runs.iter().filter(|run| run.times > 1) {
        let again = format!(" ({} times, the last at {})", run.times, shown(run.last - begin));
        kept[run.index].text.push_str(&again);
    }
    kept
}

fn of_world(played: &Played, lines: &mut Vec<Line>) {
    let setup = played.rig.world.setup();
    let ledger = played.rig.world.ledger();
    for event in ledger.events.iter().filter(|event| event.at >= played.begin) {
        let mut tell = |rank, shop: Option<String>, kind, text| {
            lines.push(Line {
                at: event.at,
                rank,
                shop,
                kind,
                text,
            });
        };
        match &event.what {
            What::Call(call) => {
                let (wish, result) = words::call(call, setup);
                let shop = call.shop.as_deref().map(str::to_owned);
                match call.vantage {
                    Vantage::Controller => tell(7, shop, "call", format!("{wish}: {result}")),
                    Vantage::Person | Vantage::Internet => {
                        let who = call.actor.trim_start_matches("person:");
                        tell(0, shop, "person", format!("{who}: {wish}: {result}"));
                    }
                }
            }
            What::Returned { region, part } => tell(1, None, "world", format!("{part} of {region} run again")),
            What::Instance {
                shop,
                instance,
                status,
                source,
                ..
            } => {
                let role = source
                    .as_deref()
                    .map(|source| format!(", replica of {source}"))
                    .unwrap_or_default();
                tell(
                    1,
                    Some(shop.to_string()),
                    "world",
                    format!("{instance} is {status}{role}"),
                );
            }
            What::Promoted {
                shop,
                instance,
                held_until,
                source_wrote_until,
                orders_absent,
                ..
            } => {
                let lost = length((source_wrote_until - held_until).max(0));
                let text = format!("{instance} is promoted; it lacks {lost} and {orders_absent} orders");
                tell(1, Some(shop.to_string()), "world", text);
            }
            What::Record {
                shop: Some(shop),
                stage,
                kind,
                instance,
                ..
            } if stage == "visible" && kind == "CNAME" => {
                let target = instance.as_deref().unwrap_or("something that is not ours");
                tell(
                    1,
                    Some(shop.to_string()),
                    "world",
                    format!("the writer's name leads to {target}"),
                );
            }
            What::Record { .. }
            | What::FaultInjected { .. }
            | What::FaultCleared { .. }
            | What::Flapped { .. }
            | What::PromotionAccepted { .. }
            | What::Parameter { .. }
            | What::Link { .. }
            | What::Balancer { .. }
            | What::Pool { .. } => {}
        }
    }
}
