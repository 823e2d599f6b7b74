//! A proof: what a shop's process says about the database that it would write to now.

use crate::text::clean;
use breakwater_core::Text;
use breakwater_core::reading::{Proof, ProofSeen};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// Only the fields that we know; what they hold is checked one by one, so that a wrong optional one costs no more
/// than itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    region: String,
    writer: Writer,
    #[serde(default)]
    local: Option<Local>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Writer {
    writable: bool,
    #[serde(default)]
    server_uuid: Value,
    #[serde(default)]
    user: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Local {
    #[serde(default)]
    server_uuid: Value,
    #[serde(default)]
    read_only: Value,
    #[serde(default)]
    applied_until: Value,
}

/// Reads a proof that must come from `region`.
pub(super) fn read(body: &[u8], region: &str) -> ProofSeen {
    let document: Document = match serde_json::from_slice(body) {
        Ok(document) => document,
        Err(error) => return ProofSeen::Nothing(clean(&format!("not a proof: {error}"))),
    };
    if document.region != region {
        return ProofSeen::Nothing(clean(&format!("a proof of region {}", document.region)));
    }
    let local = document.local.as_ref();
    ProofSeen::Said(Proof {
        region: region.into(),
        writable: document.writer.writable,
        writer_uuid: text(&document.writer.server_uuid),
        user: text(&document.writer.user),
        local_uuid: local.and_then(|local| text(&local.server_uuid)),
        local_read_only: local.and_then(|local| local.read_only.as_bool()),
        applied_until: local.and_then(|local| local.applied_until.as_str()?.parse::<Timestamp>().ok()),
    })
}

fn text(value: &Value) -> Option<Text> {
    value.as_str().map(clean).filter(|text| !text.is_empty())
}
