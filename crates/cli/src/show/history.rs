//! `history`: the moves and requests of a shop, newest first.

use super::stand::{kind_name, name_of};
use super::text::{Tone, age, seconds};
use breakwater_api::region_switch::RegionSwitch;
use breakwater_core::journal::MoveOutcome;
use comfy_table::{Table, presets};
use jiff::Timestamp;

/// Orders by creation, which the API server dates in whole seconds, then by number.
pub(crate) fn newest_first(switch: &RegionSwitch) -> std::cmp::Reverse<(Option<Timestamp>, Option<i64>)> {
    let created = switch.metadata.creation_timestamp.as_ref().map(|time| time.0);
    std::cmp::Reverse((created, switch.status.as_ref().and_then(|status| status.number)))
}

/// The table.
pub(crate) fn table(switches: &[RegionSwitch], now: Timestamp) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_header(["NAME", "TYPE", "TO", "BY", "OUTCOME", "LOSS", "TOOK", "AGE", "REASON"]);
    for switch in switches {
        table.add_row(row(switch, now));
    }
    super::status::unpadded(&table)
}

/// Reasons are sentences of people; all of it stands in the report.
const REASON_MOST: usize = 60;

fn short(reason: &str) -> String {
    if reason.chars().count() <= REASON_MOST {
        return reason.to_owned();
    }
    let mut cut: String = reason.chars().take(REASON_MOST - 3).collect();
    cut.push_str("...");
    cut
}

fn row(switch: &RegionSwitch, now: Timestamp) -> [String; 9] {
    let asked = &switch.spec.request;
    let status = switch.status.as_ref();
    let none = || "-".to_owned();
    let loss = status
        .and_then(|status| status.loss)
        .map_or_else(none, |loss| format!("<= {}", seconds(loss.seconds)));
    [
        name_of(switch).to_owned(),
        kind_name(asked.kind).to_owned(),
        asked.to.clone().unwrap_or_else(none),
        asked.requested_by.clone(),
        outcome(switch),
        loss,
        took(switch).unwrap_or_else(none),
        switch
            .metadata
            .creation_timestamp
            .as_ref()
            .map_or_else(none, |at| age(at.0, now)),
        short(&asked.reason),
    ]
}

/// Its end, or how far it is.
fn outcome(switch: &RegionSwitch) -> String {
    let status = switch.status.as_ref();
    let (outcome, phase) = (
        status.and_then(|status| status.outcome),
        status.and_then(|status| status.phase),
    );
    match (outcome, phase) {
        (Some(MoveOutcome::Completed), _) => MoveOutcome::Completed.name().to_owned(),
        (Some(other), _) => other.name().to_owned(),
        (None, Some(phase)) => format!("{}...", phase.name()),
        (None, None) => "not looked at".into(),
    }
}

/// From the first Down to the first verified write; else from its begin to its last step.
fn took(switch: &RegionSwitch) -> Option<String> {
    let status = switch.status.as_ref()?;
    if let Some(rto) = status.times.as_ref().and_then(|times| times.rto_seconds) {
        return Some(seconds(rto));
    }
    let (first, last) = (status.steps.first()?, status.steps.last()?);
    (first.at < last.at).then(|| super::text::length(last.at.duration_since(first.at)))
}

/// Of one that nobody has looked at and nobody has asked for there is nothing to list.
pub(crate) fn none(storefront: &str) -> String {
    Tone::Dim.of(&format!("no move and no request of {storefront} yet"))
}
