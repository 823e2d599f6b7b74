//! The lines of a transcript: only what changed.

use super::clock::{length, shown};
use super::play::Played;
use super::spec::SpecChange;
use super::words;
use breakwater_core::journal::{Journal, Move, MoveKind, MoveOutcome, Obligation, Phase};
use breakwater_core::report::{ConditionStatus, NamedReason, Report};
use breakwater_sim::Vantage;
use breakwater_sim::ledger::What;
use jiff::Timestamp;

/// One line.
pub(super) struct Line {
    /// Milliseconds since the Unix epoch.
    pub at: i64,
    /// Among lines of the same moment: what happened, what was seen, what it means, what is done.
    rank: u8,
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
        of_status(played, shop, &mut lines);
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

fn of_status(played: &Played, shop: &str, lines: &mut Vec<Line>) {
    let (empty, mut meanings) = (Journal::default(), Vec::new());
    let (mut journal, mut votes, mut meaning): (&Journal, Option<&Report>, Option<&Report>) = (&empty, None, None);
    for entry in played.rig.history().iter().filter(|entry| *entry.shop.name == *shop) {
        // From the point of no return until its end the move is what people follow: what it means for a failover, and
        // what stands in the way of one, is told again afterwards.
        let followed = entry
            .journal
            .in_flight()
            .is_some_and(|current| current.phase >= Phase::Promoting);
        if entry.at >= played.begin && !entry.restored {
            let mut told = Told {
                at: entry.at,
                begin: played.begin,
                shop,
                lines,
                told: &mut meanings,
            };
            told.journal(journal, &entry.journal);
            if let Some(report) = &entry.report {
                told.votes(votes, report);
                told.stalled(votes, report);
                if !followed {
                    told.meaning(meaning, report);
                }
            }
        }
        journal = &entry.journal;
        votes = entry.report.as_ref().or(votes);
        if !followed {
            meaning = entry.report.as_ref().or(meaning);
        }
    }
}

/// What one write of a status tells.
struct Told<'a> {
    at: i64,
    begin: i64,
    shop: &'a str,
    lines: &'a mut Vec<Line>,
    /// What diagnoses have been told to mean.
    told: &'a mut Vec<String>,
}

impl Told<'_> {
    fn tell(&mut self, rank: u8, kind: &'static str, text: String) {
        self.lines.push(Line {
            at: self.at,
            rank,
            shop: Some(self.shop.to_owned()),
            kind,
            text,
        });
    }

    fn clock(&self, at: Timestamp) -> String {
        shown(at.as_millisecond() - self.begin)
    }

    /// How long after the first Down, where there is one.
    fn after(&self, first_down: Option<Timestamp>) -> String {
        first_down
            .map(|down| format!(", {} after the first Down", length(self.at - down.as_millisecond())))
            .unwrap_or_default()
    }

    fn meaning(&mut self, old: Option<&Report>, new: &Report) {
        let was = old.map(|old| old.diagnosis);
        if was != Some(new.diagnosis) {
            let was = was.map(|was| format!("{} -> ", was.name())).unwrap_or_default();
            let said = new
                .conditions
                .iter()
                .find(|condition| condition.kind == "ActiveRegionHealthy");
            let said = said.map(|said| format!(": {}", said.message)).unwrap_or_default();
            let lacks = if new.missing.is_empty() || new.trouble_since.is_none() {
                String::new()
            } else {
                format!(" A promotion lacks: {}.", new.missing.join("; "))
            };
            let said = format!("{said}{lacks}");
            // What was told once is not told again.
            let said = if self.told.contains(&said) { String::new() } else { said };
            self.told.push(said.clone());
            self.tell(3, "means", format!("{was}{}{said}", new.diagnosis.name()));
        }
        let none = Vec::new();
        self.reasons("refuses", 5, old.map_or(&none, |old| &old.refusals), &new.refusals);
        self.reasons("blocked", 6, old.map_or(&none, |old| &old.blockers), &new.blockers);
    }

    fn votes(&mut self, old: Option<&Report>, new: &Report) {
        let mut changed: Vec<String> = Vec::new();
        for fact in &new.facts {
            let was = old.and_then(|old| old.facts.iter().find(|was| was.name == fact.name));
            if was.is_some_and(|was| was.vote == fact.vote) || (was.is_none() && fact.vote == "Unknown") {
                continue;
            }
            let since = fact.since.filter(|since| self.at - since.as_millisecond() >= 5_000);
            let since = since
                .map(|since| format!(" since {}", self.clock(since)))
                .unwrap_or_default();
            let was = was.map(|was| format!("{} -> ", was.vote)).unwrap_or_default();
            changed.push(format!("{} {was}{}{since}", fact.name, fact.vote));
        }
        if !changed.is_empty() {
            self.tell(2, "saw", changed.join(", "));
        }
    }

    fn reasons(&mut self, kind: &'static str, rank: u8, old: &[NamedReason], new: &[NamedReason]) {
        for reason in new
            .iter()
            .filter(|reason| old.iter().all(|was| was.name != reason.name))
        {
            let risk = if reason.prevents { "" } else { " (a risk)" };
            self.tell(rank, kind, format!("+ {}{risk}: {}", reason.name, reason.message));
        }
        let gone: Vec<&str> = old
            .iter()
            .filter(|was| new.iter().all(|reason| reason.name != was.name))
            .map(|was| was.name)
            .collect();
        if !gone.is_empty() {
            self.tell(rank, kind, format!("- {}", gone.join(", ")));
        }
    }

    /// A person must act.
    fn stalled(&mut self, old: Option<&Report>, new: &Report) {
        let of = |report: &Report| {
            let found = report.conditions.iter().find(|condition| condition.kind == "Stalled");
            found
                .filter(|condition| condition.status == ConditionStatus::True)
                .cloned()
        };
        let (was, is) = (old.and_then(of), of(new));
        match (was, is) {
            (Some(was), Some(is)) if was.reason == is.reason => {}
            (_, Some(is)) => self.tell(6, "stalled", format!("{}: {}", is.reason, is.message)),
            (Some(_), None) => self.tell(6, "stalled", "no more".into()),
            (None, None) => {}
        }
    }

    fn journal(&mut self, old: &Journal, new: &Journal) {
        if old.adopting_since.is_none() && new.adopting_since.is_some() {
            let anew = if old.active_region.is_some() {
                " anew: the TXT record knows a greater epoch"
            } else {
                ""
            };
            self.tell(4, "decided", format!("adopt{anew}"));
        }
        let trouble = new.trouble_since;
        if old.active_region != new.active_region
            && let Some(active) = &new.active_region
        {
            self.tell(4, "decided", format!("the writer is in {active}; epoch {}", new.epoch));
        }
        if let Some(current) = &new.current {
            self.current(old.current.as_ref().filter(|was| was.number == current.number), current);
        }
        if old.front != new.front
            && let (Some(_), Some(front)) = (&old.front, &new.front)
        {
            let after = self.after(trouble);
            self.tell(
                4,
                "decided",
                format!("{front} comes first in the load balancers{after}"),
            );
        }
        match (&old.excluded, &new.excluded) {
            (was, Some(region)) if was.as_ref() != Some(region) => {
                self.tell(4, "decided", format!("{region} leaves every load balancer"));
            }
            (Some(region), None) if new.active_region.is_some() => {
                self.tell(4, "decided", format!("{region} may return to the load balancers"));
            }
            _ => {}
        }
        self.owed(old, new);
        if old.cool_down_until != new.cool_down_until
            && let Some(until) = new.cool_down_until
        {
            let until = self.clock(until);
            self.tell(4, "decided", format!("no automatic move before {until}"));
        }
    }

    fn current(&mut self, old: Option<&Move>, new: &Move) {
        if old.is_none() {
            let loss = new.loss.map(|loss| {
                let (from, to) = (self.clock(loss.caught_up_to), self.clock(loss.writes_stopped));
                format!("; at most {} s of orders lost ({from} to {to})", loss.seconds)
            });
            let by = new
                .request
                .as_ref()
                .map(|request| format!(", asked for by {}", request.name));
            let by = by.unwrap_or_default();
            let text = match new.kind {
                MoveKind::Adopt => format!("adoption e{} of {}{by}", new.number, new.to),
                MoveKind::Failover | MoveKind::Switchover | MoveKind::TrafficShift | MoveKind::Drill => format!(
                    "move e{} from {} to {} for {}{by}{}{}",
                    new.number,
                    new.from,
                    new.to,
                    new.diagnosis.name(),
                    self.after(new.first_down),
                    loss.unwrap_or_default()
                ),
            };
            self.tell(4, "decided", text);
        }
        if old.map(|old| old.phase) != Some(new.phase) && new.outcome.is_none() {
            let after = self.after(new.first_down);
            self.tell(4, "decided", format!("e{} {}{after}", new.number, new.phase.name()));
        }
        if old.and_then(|old| old.outcome) != new.outcome
            && let Some(outcome) = new.outcome
        {
            let because = new
                .because
                .as_deref()
                .map(|why| format!(" because {why}"))
                .unwrap_or_default();
            let verified = match (outcome, new.verified_at) {
                (MoveOutcome::Completed, None) => "; not verified",
                _ => "",
            };
            let after = self.after(new.first_down);
            self.tell(
                4,
                "decided",
                format!("e{} {}{because}{verified}{after}", new.number, outcome.name()),
            );
        }
    }

    fn owed(&mut self, old: &Journal, new: &Journal) {
        let same = |one: &Obligation, other: &Obligation| one.kind == other.kind && one.region == other.region;
        for owed in new
            .obligations
            .iter()
            .filter(|owed| !old.obligations.iter().any(|was| same(was, owed)))
        {
            self.tell(
                4,
                "decided",
                format!("{} is owed for {}", owed.kind.name(), owed.instance),
            );
        }
        for done in old
            .obligations
            .iter()
            .filter(|was| !new.obligations.iter().any(|owed| same(was, owed)))
        {
            let held = length(self.at - done.since.as_millisecond());
            self.tell(
                4,
                "decided",
                format!("{} for {} is closed after {held}", done.kind.name(), done.instance),
            );
        }
    }
}

/// An edit of the spec in words.
pub(super) fn of_edit(edit: &SpecChange) -> String {
    let mut changes: Vec<String> = Vec::new();
    if let Some(mode) = edit.mode {
        changes.push(format!("mode {mode:?}"));
    }
    if let Some(suspend) = edit.suspend {
        changes.push(format!("suspend {suspend}"));
    }
    if let Some(automatic) = edit.automatic_traffic {
        changes.push(format!("traffic.automatic {automatic}"));
    }
    if let Some(freeze) = &edit.freeze {
        changes.push(format!(
            "freeze {} from {} until {}",
            freeze.name,
            shown(freeze.from.0),
            shown(freeze.until.0)
        ));
    }
    for (name, span) in [
        ("maxLoss", edit.max_loss),
        ("promoteAfter", edit.promote_after),
        ("databaseGrace", edit.database_grace),
        ("returnAfter", edit.return_after),
        ("coolDown", edit.cool_down),
    ] {
        if let Some(span) = span {
            changes.push(format!("{name} {} s", span.0.as_secs()));
        }
    }
    if edit.swap_regions {
        changes.push("primary and secondary change places".into());
    }
    if let Some(instance) = &edit.secondary_instance {
        changes.push(format!("the secondary's instance is {instance}"));
    }
    if edit.delete {
        changes.push("the Storefront is deleted".into());
    }
    changes.join(", ")
}
