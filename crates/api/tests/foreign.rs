//! What is read back from the API server may be anybody's: an older controller's, an edited backup's, a newer version's.
//! It is never a panic, and a journal is kept whole or not at all.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fixture;

use breakwater_api::{Storefront, Unusable, invalid_status, journal_of, parse};
use breakwater_core::journal::JOURNAL_VERSION;
use breakwater_core::owner_record::OwnerRecord;
use breakwater_core::reading::RecordSet;
use fixture::{at, class, journal, storefront};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

/// A Storefront as the API server keeps it, in the middle of a move.
fn stored() -> Value {
    let mut stored = serde_json::to_value(storefront("shop-ca")).unwrap();
    stored["metadata"]["generation"] = 3.into();
    stored["status"] = json!({
        "observedGeneration": 3, "activeRegion": "ca-central-1", "epoch": 7, "reason": "Healthy", "message": "All is well.",
        "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 3, "reason": "Aligned",
            "lastTransitionTime": "2026-11-25T09:00:00Z", "message": "observed"}],
        "facts": [{"name": "link", "vote": "Flowing", "since": "2026-11-25T09:00:00Z"}],
        "journal": serde_json::to_value(journal()).unwrap(),
    });
    stored
}

/// What one value becomes.
#[derive(Clone, Debug)]
enum Twist {
    Remove,
    Replace(Value),
    Add(Value),
}

fn odd() -> impl Strategy<Value = Value> {
    let odd = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
        json!(0.5),
        json!(""),
        json!("never-seen-before"),
        json!("\u{1b}[31mred\u{202e}\u{0}"),
        json!("9999-12-30T22:00:00Z"),
        json!("-009999-01-02T01:59:59Z"),
        json!("2026-11-25"),
        json!([]),
        json!({}),
        json!([[[[[[[[0]]]]]]]]),
        json!("long ".repeat(60_000)),
    ];
    proptest::sample::select(odd)
}

fn twist() -> impl Strategy<Value = Twist> {
    prop_oneof![
        Just(Twist::Remove),
        odd().prop_map(Twist::Replace),
        odd().prop_map(Twist::Add)
    ]
}

/// Ways to all values below the root.
fn ways(value: &Value) -> Vec<String> {
    let below = |name: &str, inner: &Value| {
        let name = name.replace('~', "~0").replace('/', "~1");
        let inner = ways(inner)
            .into_iter()
            .map(|way| format!("/{name}{way}"))
            .collect::<Vec<_>>();
        std::iter::once(format!("/{name}")).chain(inner).collect::<Vec<_>>()
    };
    match value {
        Value::Object(map) => map.iter().flat_map(|(name, inner)| below(name, inner)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(at, inner)| below(&at.to_string(), inner))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![],
    }
}

fn apply(stored: &mut Value, which: &Index, twist: &Twist) {
    let ways = ways(stored);
    let way = &ways[which.index(ways.len())];
    match twist {
        Twist::Replace(odd) => *stored.pointer_mut(way).unwrap() = odd.clone(),
        Twist::Add(odd) => match stored.pointer_mut(way).unwrap() {
            Value::Object(map) => {
                map.insert("neverSeenBefore".into(), odd.clone());
            }
            Value::Array(items) => items.push(odd.clone()),
            other => *other = odd.clone(),
        },
        Twist::Remove => {
            let (parent, name) = way.rsplit_once('/').unwrap();
            let name = name.replace("~1", "/").replace("~0", "~");
            match stored.pointer_mut(parent).unwrap() {
                Value::Object(map) => {
                    map.remove(&name);
                }
                Value::Array(items) => {
                    items.remove(name.parse().unwrap());
                }
                other => panic!("{other} has no parts"),
            }
        }
    }
}

/// Null, absent and what serde takes for a default are one; everything else must come back as it was stored.
fn is_kept(stored: &Value, kept: &Value) -> bool {
    match (stored, kept) {
        (Value::Object(stored), Value::Object(kept)) => {
            let none = Value::Null;
            // What this version does not know is not kept: the store notices that its own write came back whole.
            kept.iter()
                .all(|(name, kept)| is_kept(stored.get(name).unwrap_or(&none), kept))
        }
        // Sets come back sorted, and no member twice.
        (Value::Array(stored), Value::Array(kept)) if stored.iter().all(Value::is_string) => {
            let among = |one: &Value, all: &[Value]| all.iter().any(|other| is_kept(other, one) || is_kept(one, other));
            kept.iter().all(|one| among(one, stored)) && stored.iter().all(|one| among(one, kept))
        }
        (Value::Array(stored), Value::Array(kept)) => {
            stored.len() == kept.len() && stored.iter().zip(kept).all(|(stored, kept)| is_kept(stored, kept))
        }
        // Instants have one form.
        (Value::String(stored), Value::String(kept)) => stored == kept || stored.parse::<jiff::Timestamp>().is_ok(),
        (Value::Null, kept) => [json!(null), json!(0), json!(""), json!([]), json!({})].contains(kept),
        (stored, kept) => stored == kept,
    }
}

proptest! {
    /// A Storefront that decodes can be looked at in every way; one that does not is left to the watch, which tells.
    #[test]
    fn a_stored_storefront(twists in proptest::collection::vec((any::<Index>(), twist()), 1..4)) {
        let mut stored = stored();
        for (which, twist) in &twists {
            apply(&mut stored, which, twist);
        }
        let Ok(read) = serde_json::from_value::<Storefront>(stored.clone()) else { return Ok(()) };
        let journal = read.status.as_ref().and_then(journal_of);
        if let Some(journal) = &journal {
            let kept = serde_json::to_value(journal).unwrap();
            prop_assert!(is_kept(&stored["status"]["journal"], &kept), "{} became {kept}", stored["status"]["journal"]);
            // Without a version it is none of ours, and must not pass for one.
            if stored["status"]["journal"]["version"].is_null() {
                prop_assert_ne!(journal.version, JOURNAL_VERSION);
            }
        }
        let now = at("2026-11-25T10:00:00Z");
        match parse(&read, &class(), "demo") {
            Ok(shop) => prop_assert!(!shop.key.name.is_empty() && shop.policy.interval >= std::time::Duration::from_secs(1)),
            Err(invalid) => {
                let status = invalid_status(&Unusable::Spec(invalid), 4, read.status.as_ref(), now);
                prop_assert!(status.conditions.iter().all(|condition| condition.message.chars().count() <= 32_768));
                prop_assert_eq!(status.journal, journal, "the journal is not ours to change");
            }
        }
    }

    /// Bytes of any kind.
    #[test]
    fn bytes_of_a_storefront(at in any::<Index>(), more in proptest::collection::vec(any::<u8>(), 0..16), cut in any::<bool>()) {
        let mut bytes = serde_json::to_vec(&stored()).unwrap();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        }
        let at = at.min(bytes.len());
        bytes.splice(at..at, more);
        if let Ok(read) = serde_json::from_slice::<Storefront>(&bytes) {
            prop_assert!(!cut || bytes.len() > at, "half an object");
            let _ = parse(&read, &class(), "demo");
        }
    }

    /// Whatever stands in a TXT record.
    #[test]
    fn an_owner_record(values in proptest::collection::vec("(\"[ -~]{0,80}\" ?){0,3}|\\PC{0,60}|\"(v=1 )?owner=[!-~]{0,20}( epoch=[0-9-]{0,20})?( region=[a-z0-9-]{0,12})?\"", 0..4)) {
        let record = RecordSet {
            name: "_breakwater.db.example.com".into(),
            kind: "TXT".into(),
            ttl: Some(60),
            values: values.iter().map(|value| value.as_str().into()).collect(),
            simple: true,
        };
        if let Some(said) = OwnerRecord::parse(&record) {
            let again = OwnerRecord::parse(&said.record("db.example.com"));
            let plain = said.owner.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b','));
            if plain && !said.owner.is_empty() {
                prop_assert_eq!(again.map(|again| again.owner), Some(said.owner));
            }
        }
    }
}

#[test]
fn the_stored_one_is_whole() {
    let read: Storefront = serde_json::from_value(stored()).unwrap();
    assert!(read.status.as_ref().and_then(journal_of).is_some());
    assert!(parse(&read, &class(), "demo").is_ok());
    assert!(is_kept(&Value::Object(Map::new()), &json!({"epoch": 0})));
}
