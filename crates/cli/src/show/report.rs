//! `report`: the post-mortem of one move, as Markdown, from its record, the Storefront and the events that are still kept.

use super::stand::{is_of, is_open, kind_name, name_of};
use super::text::{full, length, seconds};
use breakwater_api::region_switch::{MoveEvidence, RegionSwitch, RegionSwitchStatus};
use breakwater_api::storefront::Storefront;
use breakwater_core::journal::{DrainBy, MoveOutcome, Obligation, ObligationKind, Phase};
use jiff::Timestamp;
use std::fmt::Write as _;

/// An event about the shop, as Kubernetes keeps it for an hour or so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// When.
    pub(crate) at: Timestamp,
    /// Its constant.
    pub(crate) reason: String,
    /// Its words.
    pub(crate) note: String,
}

/// The document. The Storefront may be gone; its record is not.
pub(crate) fn markdown(switch: &RegionSwitch, shop: Option<&Storefront>, told: &[Told], now: Timestamp) -> String {
    let mut page = String::new();
    let status = switch.status.clone();
    head(&mut page, switch, now);
    request(&mut page, switch);
    let Some(status) = status else {
        page.push_str("\nNo controller has looked at this request yet. There is nothing to report.\n");
        return page;
    };
    let Some(evidence) = &status.evidence else {
        if status.steps.is_empty() {
            page.push_str("\nNo move began, so nothing was changed and nothing is owed.\n");
        } else {
            // A traffic shift: the database had no part in it.
            time_line(&mut page, switch, &status, shop, told);
        }
        refusals(&mut page, &status);
        return page;
    };
    self::evidence(&mut page, evidence);
    time_line(&mut page, switch, &status, shop, told);
    measured(&mut page, &status);
    loss(&mut page, &status);
    refusals(&mut page, &status);
    calls(&mut page, switch, &status, evidence);
    owed(&mut page, switch, &status, shop, now);
    page
}

/// Text in a table cell or a line: what would end the cell or start another element is escaped.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '\\' | '`' | '*' | '_' | '<' | '[' | ']' => {
                safe.push('\\');
                safe.push(character);
            }
            '\n' | '\r' => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

fn table(page: &mut String, head: &[&str], rows: &[Vec<String>]) {
    let _ = writeln!(page, "| {} |", head.join(" | "));
    let _ = writeln!(page, "|{}", "---|".repeat(head.len()));
    for row in rows {
        let _ = writeln!(page, "| {} |", row.join(" | "));
    }
}

fn head(page: &mut String, switch: &RegionSwitch, now: Timestamp) {
    let asked = &switch.spec.request;
    let status = switch.status.as_ref();
    let from = status
        .and_then(|status| status.evidence.as_ref())
        .map(|evidence| evidence.from.as_str());
    let way = match (from, asked.to.as_deref()) {
        (Some(from), Some(to)) => format!(": {from} to {to}"),
        (None, Some(to)) => format!(" to {to}"),
        (_, None) => String::new(),
    };
    let number = status
        .and_then(|status| status.number)
        .map(|number| format!(" e{number}"))
        .unwrap_or_default();
    let _ = writeln!(
        page,
        "# {}{number} of {}{way}\n",
        kind_name(asked.kind),
        asked.storefront_name
    );
    let end = match status.and_then(|status| status.outcome) {
        Some(outcome) => format!("**{}**", outcome.name()),
        None => format!("**still open**, as of {}", full(now)),
    };
    let message = status.and_then(|status| status.message.as_deref()).unwrap_or_default();
    let _ = writeln!(page, "{end}. {}\n", cell(message));
    let _ = writeln!(
        page,
        "Record: RegionSwitch `{}/{}`. Written {}. All times are UTC.",
        switch.metadata.namespace.as_deref().unwrap_or_default(),
        name_of(switch),
        full(now)
    );
}

fn request(page: &mut String, switch: &RegionSwitch) {
    let asked = &switch.spec.request;
    let automatic = asked.requested_by == breakwater_api::REQUESTED_BY_CONTROLLER;
    page.push_str("\n## Who asked\n\n");
    if automatic {
        page.push_str("The controller decided it by itself.\n\n");
    }
    let mut rows = vec![
        vec!["Requested by".into(), cell(&asked.requested_by)],
        vec!["Reason".into(), cell(&asked.reason)],
    ];
    // Of a record these are formalities: it asks for nothing.
    if !automatic {
        rows.push(vec!["To start before".into(), full(asked.start_before)]);
        rows.extend(
            asked
                .expected_epoch
                .map(|epoch| vec!["Made for epoch".into(), epoch.to_string()]),
        );
    }
    if !asked.overrides.is_empty() {
        let names: Vec<String> = asked.overrides.iter().map(|name| format!("{name:?}")).collect();
        rows.push(vec!["Overrides".into(), names.join(", ")]);
    }
    if let Some(accepted) = asked.allow_data_loss_seconds {
        rows.push(vec!["Accepted loss".into(), format!("{accepted} s")]);
    }
    if let Some(bound) = asked.max_write_stop_seconds {
        rows.push(vec!["Longest time without writes".into(), format!("{bound} s")]);
    }
    if let Some(at) = asked.expires_at {
        rows.push(vec!["Goes back at".into(), full(at)]);
    }
    if let Some(approval) = &switch.spec.approval {
        let note = approval
            .note
            .as_deref()
            .map(|note| format!(": {note}"))
            .unwrap_or_default();
        rows.push(vec!["Approved by".into(), cell(&format!("{}{note}", approval.by))]);
    }
    if switch.spec.abort {
        rows.push(vec!["Withdrawn".into(), "yes".into()]);
    }
    table(page, &["", ""], &rows);
}

fn evidence(page: &mut String, evidence: &MoveEvidence) {
    page.push_str("\n## Evidence\n\n");
    let _ = writeln!(
        page,
        "Diagnosis **{}** in {}.\n",
        evidence.diagnosis.name(),
        evidence.from
    );
    let mut rows = vec![
        vec![
            "Former writer".into(),
            format!("`{}` in {}", evidence.from_instance, evidence.from),
        ],
        vec!["Promoted".into(), format!("`{}`", evidence.to_instance)],
    ];
    if let Some(at) = evidence.first_down {
        rows.push(vec!["First Down".into(), full(at)]);
    }
    table(page, &["", ""], &rows);
}

/// Everything that has a time, in its order.
fn time_line(
    page: &mut String,
    switch: &RegionSwitch,
    status: &RegionSwitchStatus,
    shop: Option<&Storefront>,
    told: &[Told],
) {
    let mut points: Vec<(Timestamp, String)> = Vec::new();
    let first_down = status.evidence.as_ref().and_then(|evidence| evidence.first_down);
    points.extend(first_down.map(|at| (at, "the first Down".to_owned())));
    points.extend(
        status
            .loss
            .map(|loss| (loss.caught_up_to, "the standby holds everything up to here".to_owned())),
    );
    points.extend(status.loss.map(|loss| {
        (
            loss.writes_stopped,
            "writes to the former writer had stopped".to_owned(),
        )
    }));
    points.extend(
        status
            .steps
            .iter()
            .map(|step| (step.at, format!("{}: {}", step.phase.name(), phase_words(step.phase)))),
    );
    let times = status.times.clone().unwrap_or_default();
    points.extend(times.promoted_at.map(|at| (at, "the promotion showed".to_owned())));
    points.extend(
        times
            .repointed_at
            .map(|at| (at, "the writer's name was in sync".to_owned())),
    );
    points.extend(
        times
            .verified_at
            .map(|at| (at, "the new writer was seen to take writes".to_owned())),
    );
    let current = shop.and_then(|shop| shop.status.as_ref()?.journal.as_ref()?.current.as_ref());
    let ours = current.filter(|current| is_of(switch, current) && current.outcome.is_some());
    points.extend(ours.map(|ended| {
        (
            ended.since,
            format!("ended: {}", ended.outcome.map_or("", MoveOutcome::name)),
        )
    }));
    points.extend(within(status, told).map(|told| (told.at, format!("{}: {}", told.reason, cell(&told.note)))));
    page.push_str("\n## Time line\n\n");
    if points.is_empty() {
        page.push_str("Nothing began.\n");
        return;
    }
    points.sort_by_key(|(at, _)| *at);
    points.dedup();
    let begin = first_down
        .or(status.steps.first().map(|step| step.at))
        .unwrap_or(points[0].0);
    let rows: Vec<Vec<String>> = points
        .into_iter()
        .map(|(at, what)| vec![full(at), offset(at, begin), what])
        .collect();
    table(page, &["Time", "After the first Down", "What"], &rows);
}

fn offset(at: Timestamp, begin: Timestamp) -> String {
    if at < begin {
        format!("-{}", length(begin.duration_since(at)))
    } else {
        format!("+{}", length(at.duration_since(begin)))
    }
}

/// Events from a little before the first Down to a little after the last step: what people were told meanwhile.
fn within<'a>(status: &RegionSwitchStatus, told: &'a [Told]) -> impl Iterator<Item = &'a Told> {
    let around = jiff::SignedDuration::from_mins(5);
    let first = status.evidence.as_ref().and_then(|evidence| evidence.first_down);
    let first = first.or(status.steps.first().map(|step| step.at));
    let times = status.times.clone().unwrap_or_default();
    let last = times.verified_at.or(status.steps.last().map(|step| step.at));
    let window = first
        .zip(last)
        .and_then(|(first, last)| Some((first.checked_sub(around).ok()?, last.checked_add(around).ok()?)));
    told.iter()
        .filter(move |told| window.is_some_and(|(from, until)| (from..=until).contains(&told.at)))
}

fn phase_words(phase: Phase) -> &'static str {
    match phase {
        Phase::Requested => "number, evidence and identities on the record",
        Phase::Preparing => "the former writer made read-only if it answers; fresh evidence",
        Phase::Excluding => "the former region leaves every load balancer",
        Phase::Promoting => "the promotion is allowed and sent once",
        Phase::Repointing => "name and tags follow the writer",
        Phase::Verifying => "waiting to see the new writer take writes",
        Phase::Holding => "the traffic shift holds",
    }
}

fn measured(page: &mut String, status: &RegionSwitchStatus) {
    let times = status.times.clone().unwrap_or_default();
    let first_down = status.evidence.as_ref().and_then(|evidence| evidence.first_down);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |what: String, from: Option<Timestamp>, to: Option<Timestamp>| {
        if let Some((from, to)) = from.zip(to).filter(|(from, to)| from <= to) {
            rows.push(vec![what, length(to.duration_since(from))]);
        }
    };
    let began = status.steps.first().map(|step| step.at);
    row("Until it was decided (from the first Down)".into(), first_down, began);
    let ended = times.verified_at.filter(|_| status.outcome.is_some());
    for (index, step) in status.steps.iter().enumerate() {
        let next = status.steps.get(index + 1).map(|next| next.at).or(ended);
        row(step.phase.name().to_owned(), Some(step.at), next);
    }
    let promoting = status.steps.iter().rev().find(|step| step.phase == Phase::Promoting);
    row(
        "The promotion, until it showed".into(),
        promoting.map(|step| step.at),
        times.promoted_at,
    );
    row(
        "The name, until it was in sync".into(),
        times.promoted_at,
        times.repointed_at,
    );
    if let Some(stop) = &status.write_stop {
        row("Until the standby held everything".into(), stop.since, stop.drained_at);
    }
    if let Some(pause) = times.write_pause_seconds {
        rows.push(vec!["**Without writes**".into(), format!("**{}**", seconds(pause))]);
    }
    if let Some(rto) = times.rto_seconds {
        rows.push(vec![
            "**First Down to the first verified write**".into(),
            format!("**{}**", seconds(rto)),
        ]);
    }
    if !rows.is_empty() {
        page.push_str("\n## Measured times\n\n");
        table(page, &["What", "Took"], &rows);
    }
}

fn loss(page: &mut String, status: &RegionSwitchStatus) {
    page.push_str("\n## Loss\n\n");
    if let Some(stop) = &status.write_stop {
        page.push_str(match stop.by {
            DrainBy::Gtid => "Planned: promoted only when the standby held every transaction (GTID sets compared).\n",
            DrainBy::Lag => {
                "Planned: promoted only at lag 0 after the writes had stopped. Without proof URLs nobody can say that \
                             nothing was lost.\n"
            }
        });
    }
    let Some(loss) = &status.loss else {
        if status.write_stop.is_none() {
            page.push_str("No estimate was recorded.\n");
        }
        return;
    };
    let _ = writeln!(
        page,
        "At most **{} s** of orders, a bound and not a count:\n",
        loss.seconds
    );
    let sharp = if loss.sharp {
        "a heartbeat row told it"
    } else {
        "from the replica's lag, 60 s taken off"
    };
    table(
        page,
        &["Term", "Value", ""],
        &[
            vec![
                "The standby holds everything up to".into(),
                full(loss.caught_up_to),
                sharp.into(),
            ],
            vec!["Writes had stopped at".into(), full(loss.writes_stopped), String::new()],
            vec!["Difference".into(), format!("{} s", loss.seconds), String::new()],
        ],
    );
    if status.outcome != Some(MoveOutcome::Completed) {
        page.push_str("\nThe move did not complete, so this was estimated and not lost.\n");
    }
}

fn refusals(page: &mut String, status: &RegionSwitchStatus) {
    if status.refusals.is_empty() {
        return;
    }
    page.push_str("\n## What stood against it\n\n");
    let rows: Vec<Vec<String>> = status
        .refusals
        .iter()
        .map(|refusal| vec![format!("`{}`", refusal.name), cell(&refusal.message)])
        .collect();
    table(page, &["Refusal", "Evidence and remedy"], &rows);
}

/// What was called, in the order of the phases that were reached. The calls themselves, with their answers, stand in the
/// controller's log.
fn calls(page: &mut String, switch: &RegionSwitch, status: &RegionSwitchStatus, evidence: &MoveEvidence) {
    let to = switch.spec.request.to.as_deref().unwrap_or("the other region");
    page.push_str("\n## Calls\n\n");
    let rows: Vec<Vec<String>> = status
        .steps
        .iter()
        .filter_map(|step| {
            let what = match step.phase {
                Phase::Requested | Phase::Verifying => return None,
                Phase::Preparing => format!(
                    "RDS: `{}` made read-only, where its API answered",
                    evidence.from_instance
                ),
                Phase::Excluding => format!(
                    "Cloudflare: {} out of every load balancer; Route 53: our TXT says so",
                    evidence.from
                ),
                Phase::Promoting => format!("RDS: promote `{}` in {to}, sent at most once", evidence.to_instance),
                Phase::Repointing => "Route 53: the writer's name and our TXT in one batch; RDS: tags".into(),
                Phase::Holding => format!("Cloudflare: {to} first in the load balancers"),
            };
            Some(vec![full(step.at), step.phase.name().to_owned(), what])
        })
        .collect();
    table(page, &["From", "Phase", "Calls of this phase"], &rows);
    page.push_str("\nEach call with its answer is a line of the controller's log: `kubectl logs -n breakwater deploy/breakwater | grep call`.\n");
}

fn owed(
    page: &mut String,
    switch: &RegionSwitch,
    status: &RegionSwitchStatus,
    shop: Option<&Storefront>,
    now: Timestamp,
) {
    page.push_str("\n## Still owed\n\n");
    let Some(shop) = shop else {
        page.push_str("The Storefront is gone, so nothing is known.\n");
        return;
    };
    let journal = shop.status.as_ref().and_then(|status| status.journal.as_ref());
    let mine: Vec<&Obligation> = journal
        .iter()
        .flat_map(|journal| &journal.obligations)
        .filter(|owed| Some(owed.number) == status.number)
        .collect();
    if mine.is_empty() && !is_open(switch) {
        page.push_str("Nothing: all that this move owed was observed done.\n");
    }
    for owed in &mine {
        let _ = writeln!(
            page,
            "- [ ] **{}**: `{}` in {}, since {} ({})",
            owed.kind.name(),
            owed.instance,
            owed.region,
            full(owed.since),
            super::text::age(owed.since, now)
        );
    }
    let completed = status.outcome == Some(MoveOutcome::Completed);
    let window = status.loss.filter(|loss| completed && loss.seconds > 0);
    if let (Some(loss), Some(evidence)) = (window, &status.evidence) {
        let _ = writeln!(
            page,
            "- [ ] People: look through the orders that `{}` took between {} and {} and that its successor lacks",
            evidence.from_instance,
            full(loss.caught_up_to),
            full(loss.writes_stopped)
        );
    }
    if completed && status.times.as_ref().is_some_and(|times| times.verified_at.is_none()) {
        page.push_str("- [ ] People: place a test order: the new writer was not seen to take writes\n");
    }
    if mine.iter().any(|owed| owed.kind == ObligationKind::RebuildStandby) {
        page.push_str("- [ ] Until the standby is rebuilt the shop does not move a second time by itself\n");
    }
}
