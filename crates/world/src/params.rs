//! Parameters of the query protocol, and of query strings.

use std::{borrow::Cow, collections::BTreeMap};

use percent_encoding::percent_decode_str;

/// Decodes one name or value of a form. A `+` is a space there.
pub fn form_decode(raw: &str) -> String {
    let spaced = if raw.contains('+') {
        Cow::Owned(raw.replace('+', " "))
    } else {
        Cow::Borrowed(raw)
    };
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// The pairs of a form or a query string, decoded, in their order.
pub fn pairs(raw: &str) -> Vec<(String, String)> {
    raw.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (form_decode(name), form_decode(value))
        })
        .collect()
}

/// The parameters of one request. Lists are flattened into names: `Tags.Tag.1.Key`, or
/// `TagKeys.member.1`.
#[derive(Debug, Default)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads a form. The last of several values of a name counts.
    pub fn parse(raw: &str) -> Self {
        Self(pairs(raw).into_iter().collect())
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a parameter, owned.
    pub fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// The prefixes of a list's members in the order of their numbers, such as `Tags.Tag.1`.
    /// Whatever stands between the list's name and the number (`member`, or the shape's own name)
    /// is accepted.
    pub fn members(&self, list: &str) -> Vec<String> {
        let mut members = BTreeMap::new();
        for name in self.0.keys() {
            let Some(rest) = name.strip_prefix(list).and_then(|rest| rest.strip_prefix('.')) else {
                continue;
            };
            let mut parts = rest.split('.');
            let (Some(kind), Some(number)) = (parts.next(), parts.next()) else {
                continue;
            };
            if let Ok(number) = number.parse::<u32>() {
                members.insert(number, format!("{list}.{kind}.{number}"));
            }
        }
        members.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists_in_order() {
        let params = Params::parse("Tags.Tag.10.Key=z&Tags.Tag.2.Key=a%20b+c&Tags.Tag.2.Value=&TagKeys.member.1=k");
        assert_eq!(params.members("Tags"), ["Tags.Tag.2", "Tags.Tag.10"]);
        assert_eq!(params.get("Tags.Tag.2.Key"), Some("a b c"));
        assert_eq!(params.get("Tags.Tag.2.Value"), Some(""));
        assert_eq!(params.members("TagKeys"), ["TagKeys.member.1"]);
        assert!(params.members("Tag").is_empty());
    }
}
