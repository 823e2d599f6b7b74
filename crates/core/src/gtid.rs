//! GTID sets as MySQL writes them: which transactions a server has executed.
//!
//! Written here because the one crate that reads them, `mysql_common`, is a whole driver, and this crate stays free of them.

use crate::Text;
use std::collections::BTreeMap;

/// A set of transactions, by the server (and tag) that committed them first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GtidSet {
    /// Closed intervals, in order, neither overlapping nor adjacent.
    intervals: BTreeMap<Text, Vec<(u64, u64)>>,
}

impl GtidSet {
    /// Reads `uuid:1-5:7,uuid:tag:1-3`; `None` where it is not of that form. An empty text is the empty set.
    /// (MySQL Reference Manual, "GTID Sets"; tags since 8.3.)
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut intervals: BTreeMap<Text, Vec<(u64, u64)>> = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let mut fields = part.split(':').map(str::trim);
            let uuid = fields.next().filter(|uuid| is_uuid(uuid))?.to_ascii_lowercase();
            let mut key: Text = uuid.as_str().into();
            let mut any = false;
            for field in fields {
                match interval(field) {
                    Some(read) => {
                        intervals.entry(key.clone()).or_default().push(read);
                        any = true;
                    }
                    None if is_tag(field) => key = format!("{uuid}:{}", field.to_ascii_lowercase()).into(),
                    None => return None,
                }
            }
            if !any {
                return None;
            }
        }
        for list in intervals.values_mut() {
            merge(list);
        }
        Some(GtidSet { intervals })
    }

    /// Whether it holds nothing: such a set proves nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// Whether it holds every transaction of the other.
    #[must_use]
    pub fn contains(&self, other: &GtidSet) -> bool {
        other.intervals.iter().all(|(key, wanted)| {
            let held = self.intervals.get(key).map_or(&[][..], Vec::as_slice);
            wanted
                .iter()
                .all(|(from, to)| held.iter().any(|(first, last)| first <= from && to <= last))
        })
    }
}

fn is_uuid(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn is_tag(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn interval(text: &str) -> Option<(u64, u64)> {
    let (from, to) = match text.split_once('-') {
        Some((from, to)) => (number(from)?, number(to)?),
        None => (number(text)?, number(text)?),
    };
    (0 < from && from <= to).then_some((from, to))
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn merge(list: &mut Vec<(u64, u64)>) {
    list.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::with_capacity(list.len());
    for (from, to) in list.drain(..) {
        match merged.last_mut() {
            Some((_, last)) if from <= last.saturating_add(1) => *last = to.max(*last),
            Some(_) | None => merged.push((from, to)),
        }
    }
    *list = merged;
}

#[cfg(test)]
mod tests {
    use super::GtidSet;
    use proptest::prelude::*;

    fn set(text: &str) -> GtidSet {
        GtidSet::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn a_set_contains_what_it_says() {
        let held = set("3E11FA47-71CA:1-5:7, 9b2c:1-10:apply:1-3:7");
        for part in [
            "",
            "3e11fa47-71ca:1-5",
            "3e11fa47-71ca:2",
            "3e11fa47-71ca:7-7,9b2c:10",
            "9b2c:apply:2-3",
        ] {
            assert!(held.contains(&set(part)), "{part}");
        }
        for more in [
            "3e11fa47-71ca:6",
            "3e11fa47-71ca:5-7",
            "9b2c:11",
            "9b2c:apply:4",
            "9b2c:other:1",
            "77:1",
        ] {
            assert!(!held.contains(&set(more)), "{more}");
        }
    }

    #[test]
    fn intervals_that_touch_are_one() {
        assert_eq!(set("a:1-3:4-6:8"), set("a:8:1-6"));
        assert!(set("a:1-3:4-6").contains(&set("a:2-5")));
    }

    #[test]
    fn what_is_no_set_is_none() {
        for text in [
            "a",
            "a:",
            "a:0",
            "a:5-3",
            "a:1-",
            "a:-1",
            "g:1",
            ":1",
            "a:1x",
            "a:99999999999999999999",
            "a:tag",
        ] {
            assert_eq!(GtidSet::parse(text), None, "{text}");
        }
        assert!(set("").is_empty());
    }

    proptest! {
        #[test]
        fn containing_is_what_it_is_for_numbers(one in proptest::collection::vec((1u64..40, 0u64..6), 0..6), other in proptest::collection::vec((1u64..40, 0u64..6), 0..6)) {
            let text = |list: &[(u64, u64)]| list.iter().map(|(from, more)| format!("a:{from}-{}", from + more)).collect::<Vec<_>>().join(",");
            let numbers = |list: &[(u64, u64)]| list.iter().flat_map(|(from, more)| *from..=from + more).collect::<std::collections::BTreeSet<_>>();
            prop_assert_eq!(set(&text(&one)).contains(&set(&text(&other))), numbers(&one).is_superset(&numbers(&other)));
        }

        #[test]
        fn foreign_text_is_read_or_not(text in ".{0,200}") {
            let _ = GtidSet::parse(&text);
        }
    }
}
