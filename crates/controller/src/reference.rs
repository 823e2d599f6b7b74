//! `breakwater reference`: docs/reference.md, made from the code that people meet.

use crate::metrics::Metrics;
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::journal::{MoveKind, MoveOutcome, ObligationKind, Phase};
use breakwater_core::report::reference;
use breakwater_core::request::Override;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::Value;
use std::fmt::Write as _;

const INTRO: &str = "# Reference

Generated from the code by `make reference`: do not edit. [concepts.md](concepts.md) tells what the words mean and when
Breakwater acts, [runbook.md](runbook.md) what to do about each reason; this page lists every name that you can meet in
a manifest, in status, in events and in metrics, with the words that stand there. Examples are about a shop that is
active in ca-central-1 with its standby in us-west-2.

- [Conditions](#conditions)
- [Diagnoses](#diagnoses)
- [Refusals](#refusals): why nothing moves now
- [Blockers](#blockers): why a move would not go well
- [Other reasons](#other-reasons)
- [Manifests and classes](#manifests-and-classes)
- [Moves and requests](#moves-and-requests)
- [Events](#events)
- [Metrics](#metrics)
- [StorefrontClass](#storefrontclass), [Storefront](#storefront), [RegionSwitch](#regionswitch): every field
";

/// Events that are no diagnosis: told when it happens, never repeated for what lasts.
const EVENTS: &[(&str, &str)] = &[
    ("Adopted", "the writer's region is known; epoch in the message"),
    ("Contested", "somebody has put back for the third time what we set"),
    (
        "CrdOutdated",
        "the API server dropped fields of status: apply the CRDs of this version",
    ),
    ("FrontChanged", "another region comes first in the load balancers"),
    (
        "Move<Phase>",
        "a move has reached a phase: MoveRequested, MovePreparing, MoveExcluding, MovePromoting, MoveRepointing, MoveVerifying",
    ),
    (
        "Move<Outcome>",
        "a move has ended: MoveCompleted, MoveRolledBack, MoveAborted",
    ),
    ("ObligationOpened", "something is owed: a fence, its undoing, a standby"),
    ("ObligationClosed", "what was owed was observed done"),
    (
        "RecordTaken",
        "the record of a move cannot be shown: other objects have its name",
    ),
    (
        "StatusRefused",
        "the API server refuses our status: CRDs or RBAC rules are older",
    ),
    (
        "Released",
        "the object was let go after its deletion; what stays behind is named",
    ),
    (
        "<Diagnosis>",
        "the diagnosis became another one; alarming ones are warnings",
    ),
];

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = String::from(INTRO);
    conditions(&mut page);
    members::<Diagnosis>(
        &mut page,
        "## Diagnoses",
        "One holds at a time; the first of these that fits. In status, in events, and in the metric `breakwater_diagnosis`.",
    );
    refusals(&mut page);
    blockers(&mut page);
    table(
        &mut page,
        "## Other reasons",
        "Reasons of conditions beside diagnoses, refusals, blockers, phases and ends of moves.",
        reference::REASONS.iter().copied(),
    );
    table(
        &mut page,
        "## Manifests and classes",
        "Reasons of a Storefront that cannot be looked after, and of a StorefrontClass, which also says `NotRead` and `TokenScope`.",
        reference::UNPLANNED.iter().copied(),
    );
    moves(&mut page);
    table(
        &mut page,
        "## Events",
        "On the Storefront, at transitions only.",
        EVENTS.iter().copied(),
    );
    metrics(&mut page);
    for crd in breakwater_api::crds() {
        kind(&mut page, &crd);
    }
    page
}

fn conditions(page: &mut String) {
    let rows = reference::CONDITIONS.iter().copied();
    table(
        page,
        "## Conditions",
        "Of a Storefront, in the order of status, and when each is True. A RegionSwitch has `Reconciling` while it is open; then `Ready` when it completed, `Stalled` at any other end.",
        rows,
    );
}

fn refusals(page: &mut String) {
    heading(
        page,
        "## Refusals",
        "Why nothing moves by itself now, and why a request is refused. *Override*: a person's RegionSwitch may name it in `overrides`. *Automatic*: it stands against automatic moves only. *Ends*: it ends by itself, and a request waits for that until its `startBefore`.",
    );
    row(page, &["Name", "Override", "Automatic", "Ends", "What status says"]);
    row(page, &["---"; 5]);
    let mark = |holds: bool| if holds { "yes" } else { "" };
    for entry in reference::refusals() {
        let cells = [
            &code(entry.said.name),
            mark(entry.overridable),
            mark(entry.automatic_alone),
            mark(entry.ends_by_itself),
            &*entry.said.message,
        ];
        row(page, &cells);
    }
}

fn blockers(page: &mut String) {
    heading(
        page,
        "## Blockers",
        "Known on a quiet day. What *prevents* makes `StandbyReady` False; a *risk* is told and stands in no way.",
    );
    row(page, &["Name", "", "What status says"]);
    row(page, &["---"; 3]);
    for blocker in reference::blockers() {
        let weight = if blocker.prevents { "prevents" } else { "risk" };
        row(page, &[&code(blocker.name), weight, &blocker.message]);
    }
}

fn moves(page: &mut String) {
    page.push_str("\n## Moves and requests\n");
    members::<MoveKind>(
        page,
        "### Types",
        "`spec.request.type` of a RegionSwitch. This version carries out Failover and Adopt.",
    );
    members::<Phase>(
        page,
        "### Phases",
        "`status.phase` while a move is in flight; before `Promoting` it can be undone.",
    );
    members::<MoveOutcome>(page, "### Outcomes", "`status.outcome`, only at the end.");
    members::<ObligationKind>(
        page,
        "### Obligations",
        "What is owed after a move, in `status.journal.obligations`.",
    );
    members::<Override>(page, "### Overrides", "What `spec.request.overrides` may name.");
    let unfit = reference::unfits();
    let rows = unfit.iter().map(|(name, words)| (*name, words.as_str()));
    table(
        page,
        "### Requests that cannot be",
        "Refused whatever the evidence.",
        rows,
    );
}

fn metrics(page: &mut String) {
    heading(
        page,
        "## Metrics",
        "At `/metrics` of the process, OpenMetrics. Labels are of closed sets, beside the names of objects.",
    );
    row(page, &["Name", "Type", "What"]);
    row(page, &["---"; 3]);
    for (name, kind, help) in Metrics::new().described() {
        row(page, &[&code(&name), &kind, &help]);
    }
}

fn kind(
    page: &mut String,
    crd: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
) {
    let names = &crd.spec.names;
    let root = crd
        .spec
        .versions
        .first()
        .and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
    let about = root.and_then(|root| root.description.clone()).unwrap_or_default();
    let short = names.short_names.iter().flatten().next().cloned().unwrap_or_default();
    heading(
        page,
        &format!("## {}", names.kind),
        &format!("`{}.{}`, short `{short}`. {about}", names.plural, crd.spec.group),
    );
    row(page, &["Field", "Type", "Default", "Bounds", "What"]);
    row(page, &["---"; 5]);
    for part in ["spec", "status"] {
        if let Some(schema) = root.and_then(|root| root.properties.as_ref()?.get(part)) {
            fields(page, part, schema);
        }
    }
}

/// A field, then what is in it.
fn fields(page: &mut String, path: &str, schema: &JSONSchemaProps) {
    let default = schema.default.as_ref().map(|value| value.0.to_string());
    // The default of an object repeats those of its fields.
    let default = default
        .filter(|_| schema.properties.is_none())
        .map(|value| code(&value))
        .unwrap_or_default();
    let about = schema.description.clone().unwrap_or_default();
    row(
        page,
        &[&code(path), &type_of(schema), &default, &bounds(schema), &about],
    );
    for (name, child) in schema.properties.iter().flatten() {
        fields(page, &format!("{path}.{name}"), child);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items
        && item.properties.is_some()
    {
        for (name, child) in item.properties.iter().flatten() {
            fields(page, &format!("{path}[].{name}"), child);
        }
    }
}

fn type_of(schema: &JSONSchemaProps) -> String {
    let own = schema.type_.clone().unwrap_or_default();
    match (&schema.items, &schema.additional_properties) {
        (Some(JSONSchemaPropsOrArray::Schema(item)), _) => format!("list of {}", type_of(item)),
        (_, Some(JSONSchemaPropsOrBool::Schema(value))) => format!("map to {}", type_of(value)),
        _ => match &schema.format {
            Some(format) if format == "date-time" => "time".to_owned(),
            _ => own,
        },
    }
}

fn bounds(schema: &JSONSchemaProps) -> String {
    let mut bounds = Vec::new();
    let values: Vec<String> = schema
        .enum_
        .iter()
        .flatten()
        .map(|value| value.0.to_string().replace('"', ""))
        .collect();
    if !values.is_empty() {
        bounds.push(values.join(", "));
    }
    match (schema.minimum, schema.maximum) {
        (Some(least), Some(most)) => bounds.push(format!("{least} to {most}")),
        (Some(least), None) => bounds.push(format!("at least {least}")),
        (None, Some(most)) => bounds.push(format!("at most {most}")),
        (None, None) => {}
    }
    bounds.extend(schema.max_length.map(|most| format!("{most} characters")));
    bounds.extend(schema.max_items.map(|most| format!("{most} items")));
    bounds.join("; ")
}

fn members<T: schemars::JsonSchema>(page: &mut String, title: &str, about: &str) {
    let members = described::<T>();
    let rows = members.iter().map(|(name, meaning)| (name.as_str(), meaning.as_str()));
    table(page, title, about, rows);
}

/// The members of an enum, each with what its own documentation says.
fn described<T: schemars::JsonSchema>() -> Vec<(String, String)> {
    let schema = schemars::schema_for!(T);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let members = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    members
        .map(|member| (text(member.get("const")), text(member.get("description"))))
        .collect()
}

fn table<'a>(page: &mut String, title: &str, about: &str, rows: impl Iterator<Item = (&'a str, &'a str)>) {
    heading(page, title, about);
    row(page, &["Name", "What"]);
    row(page, &["---"; 2]);
    for (name, what) in rows {
        row(page, &[&code(name), what]);
    }
}

fn heading(page: &mut String, title: &str, about: &str) {
    // Writing into a String cannot fail.
    let _ = write!(page, "\n{title}\n\n{about}\n\n");
}

fn row(page: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| cell.replace('|', "\\|").replace('\n', " "))
        .collect();
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What people read is what the code says.
    #[test]
    fn the_page_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference.md");
        let stored = std::fs::read_to_string(path).unwrap_or_default();
        assert!(stored == page(), "docs/reference.md is stale: run `make reference`");
    }

    #[test]
    fn members_of_enums_are_described() {
        let diagnoses = described::<Diagnosis>();
        let names: Vec<&str> = diagnoses.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, Diagnosis::ALL.map(Diagnosis::name));
        assert!(diagnoses.iter().all(|(_, meaning)| !meaning.is_empty()));
    }

    #[test]
    fn every_part_has_rows() {
        let page = page();
        for name in [
            "`Protected`",
            "`RegionDown`",
            "`NameUnmovable`",
            "`TtlLong`",
            "`SpecPending`",
            "`Holding`",
            "`breakwater_missing`",
            "`spec.failover.mode`",
            "`spec.request.overrides`",
        ] {
            assert!(page.contains(&format!("| {name}")), "{name}");
        }
        assert!(!page.contains("||"), "an empty cell is a blank");
    }
}
