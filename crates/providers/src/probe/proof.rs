//! A proof: what a shop's process says about the database that it would write to now.

use crate::text::clean;
use breakwater_core::Text;
use breakwater_core::reading::{Proof, ProofSeen};
use breakwater_core::time::after;
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// A heartbeat is written before it is read. One this much later than the question was asked (our clock may be off by
/// half of it) is none: it would make a loss look smaller than it is.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

/// Longest GTID set: some 200 servers, or gaps, that have ever written.
const LONGEST_SET: usize = 16 * 1024;

/// Longest uuid of a server; MySQL's have 36 characters.
const LONGEST_UUID: usize = 64;

/// Reads a proof that must come from `region`; it was asked for at `asked`. Only the fields that we know are taken, one
/// by one, so that a wrong optional one costs no more than itself.
pub(super) fn read(body: &[u8], region: &str, asked: Timestamp) -> ProofSeen {
    let nothing = |why: &str| ProofSeen::Nothing(clean(&format!("not a proof: {why}")));
    let document = match crate::unique::read(body) {
        Ok(document) => document,
        Err(error) => return nothing(&error.to_string()),
    };
    match document.get("region").and_then(Value::as_str) {
        Some(named) if named == region => {}
        Some(other) => return ProofSeen::Nothing(clean(&format!("a proof of region {other}"))),
        None => return nothing("it names no region"),
    }
    let Some(writer) = document.get("writer").and_then(Value::as_object) else {
        return nothing("it says nothing of the writer");
    };
    let Some(writable) = writer.get("writable").and_then(Value::as_bool) else {
        return nothing("writer.writable is neither true nor false");
    };
    // No uuid says that the writer was not reached; what cannot be read as one must not say it too.
    let Ok(writer_uuid) = uuid(writer.get("serverUuid")) else {
        return nothing("writer.serverUuid is no uuid; leave it out while it is not known");
    };
    let local = |field: &str| document.get("local")?.as_object()?.get(field);
    ProofSeen::Said(Proof {
        region: region.into(),
        writable,
        writer_uuid,
        user: writer.get("user").and_then(text),
        local_uuid: uuid(local("serverUuid")).ok().flatten(),
        local_read_only: local("readOnly").and_then(Value::as_bool),
        applied_until: local("appliedUntil").and_then(|value| applied(value, asked)),
        executed: local("gtidExecuted").and_then(executed),
    })
}

/// The uuid, or none for null, nothing and an empty text.
fn uuid(value: Option<&Value>) -> Result<Option<Text>, ()> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => {
            let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            (plain && text.len() <= LONGEST_UUID)
                .then(|| Some(text.as_str().into()))
                .ok_or(())
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => Err(()),
    }
}

/// A set of transactions as the server tells it; one that is longer than any that a shop's history makes is none.
fn executed(value: &Value) -> Option<Text> {
    let text = value
        .as_str()
        .filter(|text| !text.is_empty() && text.len() <= LONGEST_SET)?;
    Some(text.into())
}

fn applied(value: &Value, asked: Timestamp) -> Option<Timestamp> {
    let applied: Timestamp = value.as_str()?.parse().ok()?;
    (applied <= after(asked, CLOCKS_DIFFER)).then_some(applied)
}

fn text(value: &Value) -> Option<Text> {
    value.as_str().map(clean).filter(|text| !text.is_empty())
}
