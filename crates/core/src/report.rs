//! Words for people, made here and nowhere else: what is so, what comes next, what to do.

use crate::Text;
mod answered;
mod conditions;
pub mod reference;
mod runbook;
mod words;

pub use answered::{Answered, answered};
pub use runbook::{pointed, pointer};
pub(crate) use words::about_active;
pub use words::{approval_asked, approval_plan, shift_shown};

use crate::decision::{Decision, Levels, Missing, Next, Rebuilding, Wait};
use crate::diagnosis::Diagnosis;
use crate::facts::Facts;
use crate::journal::Journal;
use crate::plan::{Forecast, Input};
use crate::refusal::{Blocker, Refusal};
use crate::shop::Mode;
use jiff::Timestamp;

/// All that people see of one shop, beside the journal. It holds no ages and no lag numbers, so that it
/// changes only when something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The generation of the spec that was looked at.
    pub observed_generation: i64,
    /// The active region, adopted or (in Observe) seen.
    pub active_region: Option<Text>,
    /// The standby region.
    pub standby_region: Option<Text>,
    /// Its epoch; 0 while nothing was adopted.
    pub epoch: i64,
    /// The region first in the load balancers, as it should be.
    pub front: Option<Text>,
    /// Who decides.
    pub mode: Mode,
    /// What the votes mean.
    pub diagnosis: Diagnosis,
    /// One word for the standby: `Ready`, `NotReady`, `Unknown`.
    pub standby: &'static str,
    /// The move in flight in a few words, `Promoting (e8)`.
    pub in_flight: Option<Text>,
    /// The reason constant of the summary.
    pub reason: &'static str,
    /// What is so, what comes next and by when, what a person could do.
    pub message: Text,
    /// The votes, each with its since-time.
    pub facts: Vec<FactLine>,
    /// Why nothing moves by itself now.
    pub refusals: Vec<NamedReason>,
    /// Why a move would not go well; risks carry `prevents: false`.
    pub blockers: Vec<NamedReason>,
    /// What the nearest promotion still lacks.
    pub missing: Vec<Text>,
    /// The same as data.
    pub lacks: Vec<Missing>,
    /// When the trouble about the active region began.
    pub trouble_since: Option<Timestamp>,
    /// Conditions, in a fixed order.
    pub conditions: Vec<Condition>,
}

/// One vote in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactLine {
    /// `probe(ca-central-1)`, `link`, `proof`.
    pub name: Text,
    /// `Up`, `Down`, `Silent`, ...
    pub vote: &'static str,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// A refusal or a blocker in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedReason {
    /// Its constant.
    pub name: &'static str,
    /// Evidence, remedy, and what would end it.
    pub message: Text,
    /// Whether it prevents, or is a risk only.
    pub prevents: bool,
}

/// A condition; `api` adds generation and transition time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `Ready`, `Protected`, ...
    pub kind: &'static str,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// A constant: diagnosis, refusal, blocker, progress.
    pub reason: &'static str,
    /// One or two sentences.
    pub message: Text,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

impl ConditionStatus {
    /// As Kubernetes writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ConditionStatus::True => "True",
            ConditionStatus::False => "False",
            ConditionStatus::Unknown => "Unknown",
        }
    }
}

/// What of a decision people would see: a report is made anew only when this changes. No strings are made for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Visible {
    generation: i64,
    suspended: bool,
    deleting: bool,
    mode: Mode,
    journal: Journal,
    diagnosis: Diagnosis,
    votes: Option<[u8; 8]>,
    refusals: Vec<&'static str>,
    blockers: Vec<&'static str>,
    missing: Vec<Missing>,
    forecast: Option<Forecast>,
    levels: Levels,
    wait: Option<Wait>,
    overdue: bool,
    routine_too_long: bool,
    unknown: Option<conditions::Unknown>,
    edit_waits: bool,
    queued: Option<u32>,
    rebuilding: Option<Rebuilding>,
}

/// The part of a decision that people see.
#[must_use]
pub fn visible(input: &Input<'_>, decision: &Decision) -> Visible {
    Visible {
        generation: input.shop.generation,
        suspended: input.shop.suspended,
        deleting: input.shop.deleting,
        mode: input.shop.policy.mode,
        journal: input.journal.clone(),
        diagnosis: decision.diagnosis,
        votes: decision.facts.as_ref().map(votes),
        refusals: decision.refusals.iter().map(Refusal::name).collect(),
        blockers: decision.blockers.iter().map(Blocker::name).collect(),
        missing: decision.missing.clone(),
        forecast: decision.forecast,
        levels: decision.levels,
        wait: shown_wait(decision),
        overdue: overdue(input),
        routine_too_long: decision.routine_too_long.is_some(),
        unknown: conditions::unknown(input, decision),
        edit_waits: input.shop.edit_waits,
        queued: queued(decision),
        rebuilding: decision.rebuilding.clone(),
    }
}

/// A place in the queue is written anew when it has halved: a thousand shops do not write at each other's every step.
fn queued(decision: &Decision) -> Option<u32> {
    words::paced(decision).map(|place| u32::BITS - place.place.leading_zeros())
}

/// Waits of a moment are not worth a write.
fn shown_wait(decision: &Decision) -> Option<Wait> {
    match decision.next {
        Next::Wait(Wait::CallInFlight) => None,
        Next::Wait(wait) => Some(wait),
        Next::Idle | Next::Record(_) | Next::Act(_) | Next::Release => None,
    }
}

fn votes(facts: &Facts) -> [u8; 8] {
    [
        facts.a.probe.value as u8,
        facts.shown_edge(&facts.a) as u8,
        facts.a.instance.value as u8,
        facts.b.probe.value as u8,
        facts.shown_edge(&facts.b) as u8,
        facts.b.instance.value as u8,
        facts.proof.value as u8,
        facts.link.value as u8,
    ]
}

/// Whether the phase of the move in flight has passed its deadline.
fn overdue(input: &Input<'_>) -> bool {
    input
        .journal
        .in_flight()
        .is_some_and(|m| m.deadline.is_some_and(|deadline| input.now.wall >= deadline))
}

/// The whole report.
#[must_use]
pub fn report(input: &Input<'_>, decision: &Decision) -> Report {
    let (shop, journal) = (input.shop, input.journal);
    let active = decision.facts.as_ref().map(|facts| facts.active);
    let conditions = conditions::conditions(input, decision);
    let (reason, message) = words::summary(input, decision);
    let message = words::with_shift(journal, message);
    Report {
        observed_generation: shop.generation,
        active_region: active.map(|side| shop.regions[side].name.clone()),
        standby_region: active.map(|side| shop.regions[side.other()].name.clone()),
        epoch: journal.epoch,
        front: journal.front.clone(),
        mode: shop.policy.mode,
        diagnosis: decision.diagnosis,
        standby: standby(&conditions),
        in_flight: journal
            .in_flight()
            .map(|m| format!("{} (e{})", m.phase.name(), m.number).into()),
        reason,
        message,
        facts: decision
            .facts
            .as_ref()
            .map(|facts| fact_lines(input, facts))
            .unwrap_or_default(),
        refusals: decision
            .refusals
            .iter()
            .map(|refusal| words::refusal(input, refusal))
            .collect(),
        blockers: decision
            .blockers
            .iter()
            .map(|blocker| words::blocker(input, decision, blocker))
            .collect(),
        missing: decision
            .missing
            .iter()
            .map(|missing| words::missing(input, decision, missing))
            .collect(),
        lacks: decision.missing.clone(),
        trouble_since: decision.facts.as_ref().and_then(|facts| facts.trouble),
        conditions,
    }
}

fn standby(conditions: &[Condition]) -> &'static str {
    match conditions
        .iter()
        .find(|condition| condition.kind == "StandbyReady")
        .map(|condition| condition.status)
    {
        Some(ConditionStatus::True) => "Ready",
        Some(ConditionStatus::False) => "NotReady",
        Some(ConditionStatus::Unknown) | None => "Unknown",
    }
}

fn fact_lines(input: &Input<'_>, facts: &Facts) -> Vec<FactLine> {
    let name = |side: crate::side::Side| &input.shop.regions[side].name;
    let (a, b) = (name(facts.active), name(facts.active.other()));
    let line = |name: String, vote, since| FactLine {
        name: name.into(),
        vote,
        since,
    };
    vec![
        line(
            format!("probe({a})"),
            words::probe(facts.a.probe.value),
            facts.a.probe.since,
        ),
        line(
            format!("edge({a})"),
            words::edge(facts.shown_edge(&facts.a)),
            facts.a.edge.since,
        ),
        line(
            format!("instance({a})"),
            words::instance(facts.a.instance.value),
            facts.a.instance.since,
        ),
        line(
            format!("probe({b})"),
            words::probe(facts.b.probe.value),
            facts.b.probe.since,
        ),
        line(
            format!("edge({b})"),
            words::edge(facts.shown_edge(&facts.b)),
            facts.b.edge.since,
        ),
        line(
            format!("instance({b})"),
            words::instance(facts.b.instance.value),
            facts.b.instance.since,
        ),
        line("link".into(), words::link(facts.link.value), facts.link.since),
        line("proof".into(), words::proof(facts.proof.value), facts.proof.since),
    ]
}
