//! From journal and report to a Storefront's status, and back to the journal.

use crate::bounds;
use crate::conditions::{Fresh, bounded, kind, reason, stamp};
use crate::parse::Invalid;
use crate::status::{BlockerStatus, FactStatus, ReasonStatus, StorefrontStatus};
use breakwater_core::journal::Journal;
use breakwater_core::report::{ConditionStatus, FactLine, NamedReason, Report, pointed};
use breakwater_core::shop::Mode;
use jiff::Timestamp;

/// The status that shows this report and keeps this journal. Transition times are those of `previous` where a
/// condition kept its status; `now` is the wall clock.
#[must_use]
pub fn render(
    journal: &Journal,
    report: &Report,
    previous: Option<&StorefrontStatus>,
    now: Timestamp,
) -> StorefrontStatus {
    let before = previous.map_or(&[][..], |status| &status.conditions);
    StorefrontStatus {
        observed_generation: report.observed_generation,
        active_region: report.active_region.as_deref().map(str::to_owned),
        standby_region: report.standby_region.as_deref().map(str::to_owned),
        epoch: Some(report.epoch),
        front: report.front.as_deref().map(str::to_owned),
        mode: Some(mode_name(report.mode).to_owned()),
        diagnosis: Some(report.diagnosis.name().to_owned()),
        standby: Some(report.standby.to_owned()),
        in_flight: report.in_flight.as_deref().map(str::to_owned),
        reason: Some(report.reason.to_owned()),
        message: Some(bounded(&report.message, bounds::SHOWN_MAX)),
        facts: facts(&report.facts),
        refusals: refusals(&report.refusals),
        blockers: blockers(&report.blockers),
        missing: missing(report),
        trouble_since: report.trouble_since,
        conditions: stamp(
            report.conditions.iter().map(Fresh::from),
            before,
            report.observed_generation,
            now,
        ),
        journal: Some(journal.clone()),
    }
}

/// The journal that a status keeps.
#[must_use]
pub fn journal_of(status: &StorefrontStatus) -> Option<Journal> {
    status.journal.clone()
}

/// Why a Storefront cannot be looked after at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Its spec breaks rules.
    Spec(Vec<Invalid>),
    /// Its class is not there.
    ClassMissing {
        /// The class.
        class: String,
    },
    /// Its class does not admit its namespace.
    ClassNotAllowed {
        /// The class.
        class: String,
        /// The namespace.
        namespace: String,
    },
}

impl Unusable {
    /// The reason constant of its conditions.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Unusable::Spec(_) => reason::SPEC_INVALID,
            Unusable::ClassMissing { .. } => reason::CLASS_MISSING,
            Unusable::ClassNotAllowed { .. } => reason::CLASS_NOT_ALLOWED,
        }
    }

    /// What is so and what to do.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Unusable::Spec(invalid) => {
                let fields: Vec<String> = invalid.iter().map(Invalid::to_string).collect();
                format!(
                    "The spec is not valid; nothing is watched or moved. {}.",
                    fields.join("; ")
                )
            }
            Unusable::ClassMissing { class } => format!(
                "There is no StorefrontClass {class}; nothing is watched or moved. Create it, or name another one in \
                 spec.className."
            ),
            Unusable::ClassNotAllowed { class, namespace } => format!(
                "StorefrontClass {class} does not admit namespace {namespace}; nothing is watched or moved. Give the \
                 namespace the labels in allowedNamespaces of the class, or name another class in spec.className."
            ),
        }
    }
}

/// The status of a Storefront that cannot be looked after: `Stalled`, with the journal and what it tells left
/// untouched. The generation counts as observed, else tools would wait for ever.
#[must_use]
pub fn invalid_status(
    why: &Unusable,
    generation: i64,
    previous: Option<&StorefrontStatus>,
    now: Timestamp,
) -> StorefrontStatus {
    let mut status = previous.cloned().unwrap_or_default();
    let reason = why.reason();
    let message = pointed(reason, &why.message());
    let fresh = |kind: &str, status| Fresh::new(kind, status, reason, &message);
    let mut conditions = vec![
        fresh(kind::READY, ConditionStatus::False),
        fresh(kind::RECONCILING, ConditionStatus::False),
        fresh(kind::STALLED, ConditionStatus::True),
        fresh(kind::PROTECTED, ConditionStatus::False),
    ];
    // What the journal tells stays true; all else is not watched any more.
    let (told, unwatched): (Vec<_>, Vec<_>) = status
        .conditions
        .iter()
        .filter(|old| conditions.iter().all(|new| new.kind != old.kind))
        .partition(|old| old.kind == kind::MOVE_IN_FLIGHT || old.kind == kind::FENCE_REQUIRED);
    conditions.extend(unwatched.iter().map(|old| fresh(&old.kind, ConditionStatus::Unknown)));
    let told: Vec<_> = told.into_iter().cloned().collect();
    status.conditions = stamp(conditions, &status.conditions, generation, now);
    status.conditions.extend(told);
    status.observed_generation = generation;
    status.diagnosis = None;
    status.standby = None;
    status.reason = Some(reason.to_owned());
    status.message = Some(bounded(&message, bounds::SHOWN_MAX));
    status.facts.clear();
    status.refusals.clear();
    status.blockers.clear();
    status.missing.clear();
    status
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Observe => "Observe",
        Mode::Approve => "Approve",
        Mode::Automatic => "Automatic",
    }
}

/// Lists in status are maps by name, and the API server refuses a whole status, journal and all, for one key
/// that comes twice: entries of one name become one.
fn merge<T>(items: impl Iterator<Item = T>, same: impl Fn(&T, &T) -> bool, join: impl Fn(&mut T, T)) -> Vec<T> {
    let mut merged: Vec<T> = Vec::new();
    for item in items {
        match merged.iter().position(|other| same(other, &item)) {
            Some(index) => join(&mut merged[index], item),
            None => merged.push(item),
        }
    }
    merged
}

fn facts(lines: &[FactLine]) -> Vec<FactStatus> {
    let items = lines.iter().map(|line| FactStatus {
        name: line.name.to_string(),
        vote: line.vote.to_owned(),
        since: line.since,
    });
    merge(items, |a, b| a.name == b.name, |_, _| {})
}

pub(crate) fn refusals(reasons: &[NamedReason]) -> Vec<ReasonStatus> {
    let items = reasons.iter().map(|reason| ReasonStatus {
        name: reason.name.to_owned(),
        message: bounded(&reason.message, bounds::WORDS_MAX),
    });
    merge(
        items,
        |a, b| a.name == b.name,
        |kept, more| kept.message = both(&kept.message, &more.message),
    )
}

fn blockers(reasons: &[NamedReason]) -> Vec<BlockerStatus> {
    let items = reasons.iter().map(|reason| BlockerStatus {
        name: reason.name.to_owned(),
        message: bounded(&reason.message, bounds::WORDS_MAX),
        prevents: reason.prevents,
    });
    merge(
        items,
        |a, b| a.name == b.name,
        |kept, more| {
            kept.message = both(&kept.message, &more.message);
            kept.prevents |= more.prevents;
        },
    )
}

fn both(kept: &str, more: &str) -> String {
    if kept.contains(more) {
        return kept.to_owned();
    }
    bounded(&format!("{kept} {more}"), bounds::WORDS_MAX)
}

fn missing(report: &Report) -> Vec<String> {
    let items = report.missing.iter().map(|text| bounded(text, bounds::WORDS_MAX));
    merge(items, |a, b| a == b, |_, _| {})
}
