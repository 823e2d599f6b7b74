//! What each write of a Storefront's status tells: votes, what they mean, what was decided, what stands in the way.

use super::clock::{length, shown};
use super::lines::Line;
use super::play::Played;
use breakwater_core::journal::{Journal, Move, MoveKind, MoveOutcome, Obligation, Phase};
use breakwater_core::report::{ConditionStatus, NamedReason, Report, pointer};
use jiff::Timestamp;

/// The lines of one shop.
pub(super) fn of_status(played: &Played, shop: &str, lines: &mut Vec<Line>) {
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
                told.standby(votes, report);
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
            // The diagnosis stands before its message: where the runbook tells of it needs no saying.
            let said = said.map(|said| (&*said.message, pointer(said.reason)));
            let said = said.map(|(message, anchor)| message.strip_suffix(&*anchor).unwrap_or(message));
            let said = said.map(|said| format!(": {said}")).unwrap_or_default();
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
                " anew: the spec names other things than before, or the TXT record knows a greater epoch"
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
        self.shift(old, new);
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
        self.rebuilt(old, new);
        if old.cool_down_until != new.cool_down_until
            && let Some(until) = new.cool_down_until
        {
            let until = self.clock(until);
            self.tell(4, "decided", format!("no automatic move before {until}"));
        }
    }

    fn shift(&mut self, old: &Journal, new: &Journal) {
        let Some(shift) = new.shift.as_ref().filter(|_| old.shift != new.shift) else {
            return;
        };
        let (name, front, until) = (&shift.request.name, &shift.front, self.clock(shift.until));
        let because = shift
            .because
            .as_deref()
            .map(|why| format!(" because {why}"))
            .unwrap_or_default();
        let was = old.shift.as_ref().filter(|was| was.request.uid == shift.request.uid);
        let text = match (was.map(|was| was.outcome), shift.outcome) {
            (None, _) => format!("{front} comes first until {until}, asked for by {name}"),
            (Some(None), Some(outcome)) => format!("the shift of {name} {}{because}", outcome.name()),
            (Some(None), None) if shift.because.is_some() => format!("the shift of {name} falls back{because}"),
            (Some(None), None) => format!("the shift of {name} holds again"),
            // That the load balancers have followed shows in the calls.
            (Some(Some(_)), _) => return,
        };
        self.tell(4, "decided", text);
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
        if let Some(approval) = new.approval.as_ref().filter(|_| old.is_none()) {
            let until = self.clock(approval.until);
            self.tell(
                4,
                "decided",
                format!("e{} waits for approval until {until}", new.number),
            );
        }
        if let Some(by) = new.approval.as_ref().and_then(|approval| approval.by.as_ref())
            && old.is_some_and(Move::awaits_approval)
        {
            self.tell(4, "decided", format!("e{} is approved by {by}", new.number));
        }
        if old.map(|old| old.phase) != Some(new.phase) && new.outcome.is_none() && !new.awaits_approval() {
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

    /// A standby in the making, and what becomes of it.
    fn rebuilt(&mut self, old: &Journal, new: &Journal) {
        let called = |journal: &Journal| journal.rebuild.as_ref().map(|own| own.instance.clone());
        if let Some(begun) = new.rebuild.as_ref().filter(|_| called(old) != called(new)) {
            self.tell(4, "decided", format!("{} is to be the standby", begun.instance));
        }
        for (region, own) in &new.instances {
            if old.instances.get(region) != Some(own) {
                let text = format!("{} takes the place of {}", own.instance, own.listed);
                self.tell(4, "decided", text);
            }
        }
        for (region, own) in &old.instances {
            if !new.instances.contains_key(region) && new.active_region.is_some() {
                self.tell(4, "decided", format!("the spec lists {} by now", own.instance));
            }
        }
        for gone in old.retired.iter().filter(|own| !new.retired.contains(own)) {
            self.tell(4, "decided", format!("{} is no longer watched", gone.instance));
        }
    }

    /// How far a standby is that is owed, and that the writer could go home.
    fn standby(&mut self, old: Option<&Report>, new: &Report) {
        let said = |report: &Report| {
            let mut all = report.conditions.iter();
            let found = all.find(|condition| condition.kind == "StandbyReady");
            found.map_or(("", "".into()), |found| (found.reason, found.message.clone()))
        };
        let (reason, message) = said(new);
        let (_, was) = old.map_or(("", "".into()), said);
        let rebuilds = reason == "ObligationOpen" && message.starts_with("there is no standby");
        let offers = message.contains("failback");
        if message != was && (rebuilds || offers) {
            self.tell(6, "standby", message.to_string());
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
