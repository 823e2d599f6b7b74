//! What the nights show together: every variant of the closed lists, and the table in `docs/scenarios.md`.
//! What a script claims to show its own run has shown (`tests/nights.rs`), and its verdict stands in its transcript.

use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::journal::MoveOutcome;
use breakwater_core::refusal::{Blocker, Refusal};
use breakwater_core::report::reference::is_reason;
use breakwater_scenarios::night::{self, script::Script, shown::LevelEnd};
use std::collections::BTreeSet;
use std::path::Path;
use strum::VariantNames;

/// Variants that nothing can show yet, each with the reason.
const EXEMPT: [(&str, &str); 1] = [("refusal/Paced", "calls are not paced yet")];

fn scripts() -> Vec<(String, Script)> {
    let read = |name: String| night::read(&name).map(|script| (name, script));
    match night::names().and_then(|names| names.into_iter().map(read).collect()) {
        Ok(scripts) => scripts,
        Err(trouble) => panic!("{trouble}"),
    }
}

fn variants() -> BTreeSet<String> {
    let lists: [(&str, &[&str]); 5] = [
        ("diagnosis", Diagnosis::VARIANTS),
        ("refusal", Refusal::VARIANTS),
        ("blocker", Blocker::VARIANTS),
        ("outcome", MoveOutcome::VARIANTS),
        ("level", LevelEnd::VARIANTS),
    ];
    lists
        .iter()
        .flat_map(|(list, names)| names.iter().map(move |name| format!("{list}/{name}")))
        .collect()
}

#[test]
fn every_variant_is_shown_by_a_night() {
    let claims: BTreeSet<String> = scripts().into_iter().flat_map(|(_, script)| script.shows).collect();
    let variants = variants();
    let exempt: BTreeSet<String> = EXEMPT.iter().map(|(name, _)| (*name).to_owned()).collect();
    let unknown: Vec<&String> = claims
        .difference(&variants)
        .filter(|claim| !claim.strip_prefix("stalled/").is_some_and(is_reason))
        .chain(exempt.difference(&variants))
        .collect();
    assert!(unknown.is_empty(), "no such variants: {unknown:?}");
    let stale: Vec<&String> = claims.intersection(&exempt).collect();
    assert!(stale.is_empty(), "shown after all, so no longer exempt: {stale:?}");
    let missing: Vec<&String> = variants
        .iter()
        .filter(|name| !claims.contains(*name) && !exempt.contains(*name))
        .collect();
    assert!(
        missing.is_empty(),
        "no night in tests/scenarios/nights shows {missing:?}"
    );
}

#[test]
fn the_table_of_all_nights_is_current() {
    let mut table = String::from(HEAD);
    for (name, script) in scripts() {
        let transcript = std::fs::read_to_string(night::folder().join(format!("{name}.txt")));
        let transcript = transcript
            .unwrap_or_else(|_| panic!("{name} has no transcript: run the nights with EXPECTORATE=overwrite"));
        for verdict in transcript.lines().filter_map(|line| line.strip_prefix("Verdict: ")) {
            let columns: Vec<&str> = verdict.split(" | ").collect();
            let [shop, diagnosis, decision, cost, orders] = columns[..] else {
                panic!("{name}: a verdict of another form: {verdict}");
            };
            let why = script
                .why
                .as_deref()
                .map(|why| format!("; {}", why.trim().replace('\n', " ")))
                .unwrap_or_default();
            // Where several shops take part, only those that cannot sell for long are explained.
            let why = if orders.contains("throughout") {
                String::new()
            } else {
                why
            };
            table.push_str(&format!(
                "| [{name}](../tests/scenarios/nights/{name}.txt) | {} | {shop} | {diagnosis} | {decision} | {cost} | {orders}{why} |\n",
                script.pattern
            ));
        }
    }
    table.push_str(TAIL);
    table.push_str(&std::fs::read_to_string(night::folder().join("loss-table.md")).unwrap());
    expectorate::assert_contents(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/scenarios.md"),
        &table,
    );
}

const HEAD: &str = "\
# Scenarios

What Breakwater does in which night. Each row is a script in `tests/scenarios/nights`, played in virtual time against the
simulated world; the link leads to its transcript: what each source saw, what was decided, after how long, and why.
`make scenario NAME=deep-checks` plays one, `make scenario` lists them.

Every run is judged by all checkers (`docs/architecture.md`, Invariants). Beside that a run fails if a move of ours
begins while shoppers are buying in the old region, and if shoppers cannot buy for more than ten minutes (a failover
takes about that long) and the script does not say why that was right: that is what stands in the last column.

This page is written by a test (`cargo test -p breakwater-scenarios`, `EXPECTORATE=overwrite` writes it anew).

| Night | What is seen | Shop | Diagnosis | Decision, time | Cost | Shoppers |
|---|---|---|---|---|---|---|
";

const TAIL: &str = "
*Diagnosis*: the one that the move rests on, else the gravest one. *Time*: from the first trouble that was
seen to the promotion, or to the change of the pool order. *Cost*: what the controller sent.

## How sharp the loss estimate is

ca-central-1 dies while its replica is so far behind. In each cell: the true loss, the estimate, and by how much it is
above, in seconds (`make scenario NAME=loss-table`). The estimate is a bound, but for a slow link without proof URLs:
there the lag metric does not see what is still on the wire (risk `NoProof`).

";
