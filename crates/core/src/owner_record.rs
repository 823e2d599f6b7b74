//! Our TXT record beside the writer's name: owner, epoch, region, excluded region, and which instances took the place of
//! those that the spec lists. It outlives a lost status.

use crate::Text;
use crate::reading::RecordSet;
use crate::rebuilt::Successor;
use std::collections::BTreeMap;

/// TTL of our TXT in seconds; nobody but us reads it.
const TXT_TTL: i64 = 60;
/// Longest owner that is repeated: ours, with all of its record, has at most 255 bytes.
const LONGEST: usize = 255;
/// A shop has two regions; what somebody else wrote there may name any number.
const INSTANCES: usize = 2;

/// What our TXT says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerRecord {
    /// `<installation>/<namespace>/<name>`.
    pub owner: Text,
    /// The epoch; 0 while an adoption has just begun.
    pub epoch: i64,
    /// The active region; `None` while an adoption has just begun.
    pub region: Option<Text>,
    /// The excluded region.
    pub excluded: Option<Text>,
    /// Rebuilt standbys that took the place of what the spec lists, by region. Without them an adoption would take a stopped
    /// former writer for the instance of its region.
    pub instances: BTreeMap<Text, Successor>,
}

impl OwnerRecord {
    /// The record's name for a writer's name.
    #[must_use]
    pub fn name_for(writer: &str) -> Text {
        format!("_breakwater.{writer}").into()
    }

    /// The record set in our canonical form: one quoted string, and one more for each successor, since a string of a TXT
    /// value has at most 255 bytes.
    #[must_use]
    pub fn record(&self, writer: &str) -> RecordSet {
        let dash = |region: &Option<Text>| region.clone().unwrap_or_else(|| "-".into());
        let mut value = format!(
            "\"v=1 owner={} epoch={} region={} excluded={}\"",
            self.owner,
            self.epoch,
            dash(&self.region),
            dash(&self.excluded)
        );
        for (region, successor) in &self.instances {
            value.push_str(&format!(
                " \" instead={region}/{}/{}\"",
                successor.listed, successor.instance
            ));
        }
        RecordSet {
            name: OwnerRecord::name_for(writer),
            kind: "TXT".into(),
            ttl: Some(TXT_TTL),
            values: vec![value.into()],
            simple: true,
        }
    }

    /// What a listed record says; `None` when no value of it is of our form. Strings of one value are joined, as a
    /// resolver would; values that somebody else put beside ours say nothing.
    #[must_use]
    pub fn parse(record: &RecordSet) -> Option<OwnerRecord> {
        record.values.iter().find_map(|value| OwnerRecord::parse_value(value))
    }

    fn parse_value(value: &str) -> Option<OwnerRecord> {
        let text = plain(&unquote(value));
        let field = |key: &str| {
            text.split(|c: char| c == ',' || c.is_ascii_whitespace())
                .find_map(|word| word.strip_prefix(key).and_then(|rest| rest.strip_prefix('=')))
        };
        let region = |key: &str| field(key).filter(|value| *value != "-").map(Text::from);
        let instead = text
            .split_ascii_whitespace()
            .filter_map(|word| word.strip_prefix("instead="));
        (field("v").unwrap_or("1") == "1").then_some(())?;
        Some(OwnerRecord {
            // Plain since `plain`, so that every byte is a character.
            owner: field("owner")?.get(..LONGEST).or(field("owner"))?.into(),
            epoch: field("epoch")?.parse().ok()?,
            region: region("region"),
            excluded: region("excluded"),
            instances: instead.filter_map(successor).take(INSTANCES).collect(),
        })
    }
}

/// `region/listed/instance`.
fn successor(text: &str) -> Option<(Text, Successor)> {
    let mut parts = text.split('/');
    let (region, listed, instance) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next().is_none() && [region, listed, instance].iter().all(|part| !part.is_empty());
    let successor = Successor {
        listed: listed.into(),
        instance: instance.into(),
    };
    whole.then(|| (region.into(), successor))
}

/// Whoever may write the zone may write anything there, and the owner is repeated to people: what is not plain ASCII
/// shows as `?`.
fn plain(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_graphic() || c == ' ';
    text.chars().map(|c| if is_plain(c) { c } else { '?' }).collect()
}

/// Joins the quoted strings of a TXT value and resolves its escapes: `\"`, `\\` and octal `\052`.
fn unquote(value: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => inside = !inside,
            '\\' => text.extend(escaped(&mut chars)),
            c if inside => text.push(c),
            _ => {}
        }
    }
    text
}

fn escaped(chars: &mut std::str::Chars<'_>) -> Option<char> {
    let first = chars.next()?;
    let Some(high) = first.to_digit(8) else {
        return Some(first);
    };
    let (middle, low) = (chars.next()?.to_digit(8)?, chars.next()?.to_digit(8)?);
    char::from_u32(high * 64 + middle * 8 + low)
}
