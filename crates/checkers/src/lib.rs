//! The invariants, checked on what truly happened.
//!
//! A checker reads three JSON documents and nothing else: the *ledger*, which the world keeps of itself; the
//! *history*, every journal entry that was stored; and the *context*, what the shops look like. It knows none of the
//! code that it judges: every rule is written from a sentence in plain words, which stands at the top of its file.
//!
//! # Contents
//!
//! | Name | What may never happen | File |
//! |---|---|---|
//! | `I1` | a promotion without its own, fresh journal entry | `i1_licence` |
//! | `I2` | two promotions of one number; a number or epoch that shrinks | `i2_once` |
//! | `I3` | an automatic promotion on thin evidence, or of a living database | `i3_evidence` |
//! | `I4` | a load balancer whose first or fallback pool is disabled or excluded | `i4_pools` |
//! | `I5` | a repointed name that leads to an instance that is no writer | `i5_name` |
//! | `I6` | acting without a valid lease | `i6_lease` |
//! | `I7` | a calm after which a shop is neither Ready nor Stalled with something to do | `i7_rest` |
//! | `I8` | users in the former writer's region between promotion and fence | `i8_users` |
//! | `I9` | a change of the world because sight was lost; an automatic failback | `i9_sight` |
//! | `I10` | a `missing` that is not true | `i10_missing` |
//! | `cause` | a call that names no earlier request as its cause | `cause` |
//! | `journal-first` | a call that no journal entry announces | `journal_first` |
//! | `exclusion` | an automatic promotion while A's pool still stands in a list | `exclusion` |
//! | `fence-owed` | two writers that the journal owes no fence for | `fence_owed` |
//!
//! # The documents
//!
//! * **Ledger**: one object; what is read of it stands in `ledger.rs`. Times are virtual milliseconds.
//! * **History**: an array of `{"at": ms, "shop": "namespace/name", "holder": process, "lease": {"holder", "until": ms}?,
//!   "automatic": bool?, "journal": {...}, "status": {...}?}`, in the order in which the entries were stored. An entry
//!   with `"restored": true` says that an older status was put back (a restored backup): no controller wrote it; one with
//!   `"late": true` arrived when its sender had given up on it. `status` is what people saw: `{"diagnosis", "facts":
//!   [{"name", "vote"}], "refusals": [..], "missing": [{"name", "until"?, "refusal"?}], "conditions": [{"type",
//!   "status", "reason", "message"}]}`; without it I7 and I10 are not judged.
//! * **Context**: `{"shops": [{"shop": "namespace/name", "primary": {"region", "instance", "pool", "services": [..]},
//!   "secondary": {..}, "balancers": [..], "maxLossSeconds", "promoteAfterSeconds", "databaseGraceSeconds",
//!   "intervalSeconds"}]}`. A service is a URL or `{"url", "needsWriter"?}`. Optional beside `shops`: `slackMs`, how late
//!   the history may have seen an entry (virtual; 0 where it was written down by the store itself); `leases`, an array
//!   of `{"holder", "from", "until"}`; `cutOff`, an array of `{"from", "until"}`: when the controller saw nothing for a
//!   reason that is no fault of the ledger (the API server was away); `edits`, an array of `{"at", "shop", "leaves"?}`:
//!   when a spec was changed, and whether the object is to go from then on.
//!
//! Ledger and history name a shop differently: `shop-ca` and `shops/shop-ca`.

mod able;
mod calm;
mod cause;
mod context;
mod exclusion;
mod fence_owed;
mod history;
mod i10_missing;
mod i1_licence;
mod i2_once;
mod i3_evidence;
mod i4_pools;
mod i5_name;
mod i6_lease;
mod i7_rest;
mod i8_users;
mod i9_sight;
mod journal_first;
mod ledger;
mod measures;
mod run;
mod troubles;

pub use measures::{Measures, MoveMeasures, measures};

use run::Run;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// Something happened that may never happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// Name of the rule, as in the table of contents.
    pub invariant: &'static str,
    /// When: virtual milliseconds since the Unix epoch.
    pub at: i64,
    /// The shop, `namespace/name`, if it is about one.
    pub shop: Option<String>,
    /// What happened, with its numbers.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shop = self.shop.as_deref().unwrap_or("-");
        write!(f, "{} {} {shop}: {}", self.invariant, time(self.at), self.what)
    }
}

/// A rule that could not be judged on these documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    /// Name of the rule, as in the table of contents.
    pub invariant: &'static str,
    /// What was missing.
    pub why: String,
}

/// What all rules say of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// What may never happen and did, in the order of time.
    pub violations: Vec<Violation>,
    /// What could not be judged, or only in part.
    pub skipped: Vec<Skipped>,
}

/// A document does not have the form that the rules need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// `ledger`, `history` or `context`.
    pub document: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the {} cannot be read: {}; compare it with the form in the documentation of breakwater-checkers",
            self.document, self.why
        )
    }
}

impl std::error::Error for Unreadable {}

/// What the rules find in a run, in the order of time. Empty is good.
///
/// # Errors
/// When a document lacks what the rules need.
pub fn check(ledger: &Value, history: &Value, context: &Value) -> Result<Vec<Violation>, Unreadable> {
    judge(ledger, history, context).map(|verdict| verdict.violations)
}

/// The same, with what could not be judged.
///
/// # Errors
/// When a document lacks what the rules need.
pub fn judge(ledger: &Value, history: &Value, context: &Value) -> Result<Verdict, Unreadable> {
    let run = Run::read(ledger, history, context)?;
    let mut verdict = Verdict::default();
    for rule in RULES {
        rule(&run, &mut verdict);
    }
    verdict.violations.sort_by_key(|violation| violation.at);
    Ok(verdict)
}

const RULES: [fn(&Run, &mut Verdict); 14] = [
    i1_licence::check,
    i2_once::check,
    i3_evidence::check,
    i4_pools::check,
    i5_name::check,
    i6_lease::check,
    i7_rest::check,
    i8_users::check,
    i9_sight::check,
    i10_missing::check,
    cause::check,
    journal_first::check,
    exclusion::check,
    fence_owed::check,
];

impl Verdict {
    fn found(&mut self, invariant: &'static str, at: i64, shop: &run::Shop, what: String) {
        self.violations.push(Violation {
            invariant,
            at,
            shop: Some(shop.key.clone()),
            what,
        });
    }

    fn skipped(&mut self, invariant: &'static str, why: &str) {
        self.skipped.push(Skipped {
            invariant,
            why: why.to_owned(),
        });
    }
}

/// A time as people read it.
fn time(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}

/// Milliseconds as seconds with one decimal, for sentences.
fn seconds(millis: i64) -> String {
    format!("{}.{} s", millis / 1000, (millis % 1000).abs() / 100)
}
