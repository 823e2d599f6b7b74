//! A standby that takes the place of a former writer: what the journal keeps of it, and how it is called.

use crate::Text;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An instance in the place of the one that the spec lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Successor {
    /// What the spec lists; an edit of that means something else.
    pub listed: Text,
    /// What is worked with instead.
    pub instance: Text,
}

/// A standby that is being rebuilt. It stands here before it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rebuild {
    /// In which region.
    pub region: Text,
    /// Its identifier.
    pub instance: Text,
    /// Its parameter group.
    pub group: Text,
    /// The group of the former writer that its own is a copy of; absent where both use the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<Text>,
    /// Which name this is: greater than 1 where instances that are not ours bear the earlier ones.
    pub attempt: i64,
    /// The move that owes it.
    pub number: i64,
    /// Since when.
    pub since: Timestamp,
}

/// A former writer whose place was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retired {
    /// In which region.
    pub region: Text,
    /// Its identifier.
    pub instance: Text,
    /// The move that left it.
    pub number: i64,
    /// Since when.
    pub since: Timestamp,
}

/// So many former writers are watched. Each shop leaves one behind with each rebuilt standby, until a person deletes it.
pub const RETIRED_AT_MOST: usize = 8;

/// RDS: 1 to 63 letters, digits and hyphens, no two hyphens in a row, none at the end.
const LONGEST_IDENTIFIER: usize = 63;

/// The identifier of the instance that takes the place of `former` after the move of this number: `shop-cac1-e7`, and
/// `shop-cac1-e7-2` where the first name is taken. What an earlier rebuilding appended is replaced.
#[must_use]
pub fn identifier(former: &str, number: i64, attempt: i64) -> Text {
    let suffix = if attempt > 1 {
        format!("-e{number}-{attempt}")
    } else {
        format!("-e{number}")
    };
    let base = base(former);
    let room = LONGEST_IDENTIFIER.saturating_sub(suffix.len());
    // Identifiers are ASCII; of anything else nothing is cut within a character.
    let cut = base.get(..room.min(base.len())).unwrap_or(base);
    format!("{}{suffix}", cut.trim_end_matches('-')).into()
}

/// The name without what a rebuilding appended: `-e7`, `-e7-2`.
fn base(name: &str) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbered = |text: &'_ str| text.strip_prefix('e').is_some_and(is_number);
    let Some((front, last)) = name.rsplit_once('-') else {
        return name;
    };
    if numbered(last) {
        return front;
    }
    match front.rsplit_once('-') {
        Some((base, middle)) if numbered(middle) && is_number(last) => base,
        Some(_) | None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_is_called_after_its_move() {
        for (former, number, attempt, called) in [
            ("shop-cac1", 2, 1, "shop-cac1-e2"),
            ("shop-cac1-e2", 5, 1, "shop-cac1-e5"),
            ("shop-cac1-e2-3", 5, 2, "shop-cac1-e5-2"),
            ("shop-cac1-2", 5, 1, "shop-cac1-2-e5"),
            ("shope2", 5, 1, "shope2-e5"),
        ] {
            assert_eq!(&*identifier(former, number, attempt), called);
        }
    }

    #[test]
    fn rds_takes_every_identifier() {
        let long = format!("{}-{}", "a".repeat(58), "b".repeat(4));
        for former in [long.as_str(), &"a".repeat(63), "a"] {
            for (number, attempt) in [(2, 1), (1_000_000, 9)] {
                let called = identifier(former, number, attempt);
                assert!(called.len() <= 63, "{called}");
                assert!(!called.contains("--") && !called.ends_with('-'), "{called}");
            }
        }
    }
}
