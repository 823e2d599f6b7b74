//! Messages that call a person name their anchor in `docs/runbook.md`: `(runbook#LinkBroken)`.

use super::ConditionStatus;
use crate::Text;

/// The conditions that call a person, and the status in which they do. `Ready` does not: where a person must act
/// `Stalled` says so in the same words, else it passes by itself. `Reconciling` and `MoveInFlight` are no calls either.
const CALLS: &[(&str, ConditionStatus)] = &[
    ("Stalled", ConditionStatus::True),
    ("StandbyReady", ConditionStatus::False),
    ("Protected", ConditionStatus::False),
    ("ActiveRegionHealthy", ConditionStatus::False),
    ("ActiveRegionHealthy", ConditionStatus::Unknown),
    ("Replicating", ConditionStatus::False),
    ("TrafficAligned", ConditionStatus::False),
    ("WriterNameAligned", ConditionStatus::False),
    ("ObjectivesMet", ConditionStatus::False),
    ("Verified", ConditionStatus::False),
    ("FenceRequired", ConditionStatus::True),
];

/// Whether a condition in this status is one that people put an alert on.
pub(super) fn calls_a_person(kind: &str, status: ConditionStatus) -> bool {
    CALLS.contains(&(kind, status))
}

/// A message that names the runbook's entry about its reason, once: one condition may repeat another's message.
#[must_use]
pub fn pointed(reason: &str, message: &str) -> Text {
    let pointer = pointer(reason);
    if message.ends_with(&pointer) {
        return message.into();
    }
    format!("{message}{pointer}").into()
}

/// What [`pointed`] appends.
#[must_use]
pub fn pointer(reason: &str) -> String {
    format!(" (runbook#{reason})")
}

#[cfg(test)]
mod tests {
    use super::super::reference::{CONDITIONS, reasons};
    use super::*;
    use std::collections::BTreeSet;

    const PAGE: &str = include_str!("../../../../docs/runbook.md");

    /// The anchors of the page: `<a id="LinkBroken"></a>`.
    fn anchors(page: &str) -> Vec<&str> {
        let after = page.split(r#"<a id=""#).skip(1);
        after.filter_map(|rest| Some(rest.split_once('"')?.0)).collect()
    }

    /// The anchors that the page's own links lead to: `(#LinkBroken)`. Those of its headings are in lower case.
    fn led_to(page: &str) -> BTreeSet<&str> {
        let after = page.split("](#").skip(1);
        let targets = after.filter_map(|rest| Some(rest.split_once(')')?.0));
        targets
            .filter(|target| target.starts_with(char::is_uppercase))
            .collect()
    }

    #[test]
    fn every_reason_has_one_anchor_in_the_runbook_and_every_anchor_a_reason() {
        let mut there = BTreeSet::new();
        for anchor in anchors(PAGE) {
            assert!(there.insert(anchor), "docs/runbook.md has {anchor} twice");
        }
        let wanted = reasons();
        let missing: Vec<_> = wanted.difference(&there).collect();
        assert!(
            missing.is_empty(),
            r#"docs/runbook.md lacks entries: write one with <a id="{}"></a> for each of {missing:?}"#,
            missing[0]
        );
        let stale: Vec<_> = there.difference(&wanted).collect();
        assert!(
            stale.is_empty(),
            "no reason is called {stale:?}: docs/runbook.md tells of what is not"
        );
    }

    #[test]
    fn the_page_leads_nowhere_else() {
        let there: BTreeSet<&str> = anchors(PAGE).into_iter().collect();
        let nowhere: Vec<_> = led_to(PAGE).difference(&there).copied().collect();
        assert!(nowhere.is_empty(), "docs/runbook.md links to {nowhere:?}");
    }

    /// Whoever reads the page in a terminal pastes a line of it.
    #[test]
    fn no_command_is_broken_over_two_lines() {
        let mut listing = false;
        for line in PAGE.lines() {
            if line.trim_start().starts_with("```") {
                listing = !listing;
            } else if !listing {
                assert!(line.matches('`').count() % 2 == 0, "broken: {line}");
            }
        }
    }

    #[test]
    fn those_that_call_are_conditions() {
        for (kind, _) in CALLS {
            assert!(CONDITIONS.iter().any(|(listed, _)| listed == kind), "{kind}");
        }
    }

    #[test]
    fn a_message_names_its_entry_at_the_end() {
        let said = pointed("LinkBroken", "us-west-2 does not follow. Repair replication.");
        assert_eq!(
            &*said,
            "us-west-2 does not follow. Repair replication. (runbook#LinkBroken)"
        );
        assert_eq!(pointed("LinkBroken", &said), said, "and once");
    }
}
