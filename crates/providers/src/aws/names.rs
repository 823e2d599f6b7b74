//! Route 53: the writer's name, our TXT beside it, and the state of a change.

use super::{Aws, NAMES_REGION, send, wire::Wire};
use crate::fault::Fault;
use aws_sdk_route53::types::{ChangeStatus, ResourceRecordSet, RrType};
use breakwater_core::Text;
use breakwater_core::reading::{Cause, ChangeView, NamesView, RecordSet, Seen};
use std::time::Instant;

/// Record sets asked for at one name: the start name is a cursor, and what follows is other people's.
const NEAR: i32 = 20;

/// Longest name of a record type, with room for new ones.
const LONGEST_KIND: usize = 32;

/// Greatest TTL of a record (RFC 2181, section 8).
const GREATEST_TTL: i64 = (1 << 31) - 1;

/// Values longer than this in all are no writer's name and no TXT of ours, and are not kept in memory.
const LONGEST_VALUES: usize = 32 * 1024;

impl Aws {
    pub(crate) async fn names(&self, cause: Cause, zone: &Text, name: &Text) -> Seen<NamesView> {
        let asked = Instant::now();
        match self.both_records(cause, zone, name).await {
            Ok(view) => Seen::Present(view),
            Err(fault) => self.seen(NAMES_REGION, asked, &fault),
        }
    }

    async fn both_records(&self, cause: Cause, zone: &Text, name: &Text) -> Result<NamesView, Fault> {
        self.may_name(zone)?;
        let owner = format!("_breakwater.{name}");
        let (writer, txt) = tokio::join!(
            self.records(Wire::asking(cause), zone, Some(name), None),
            self.records(Wire::asking(cause), zone, Some(&owner), Some(RrType::Txt)),
        );
        match (writer, txt) {
            (Ok(writer), Ok(txt)) => Ok(NamesView {
                writer: writer_of(&writer, name)?,
                txt: find(&txt, &owner, &["TXT"])?,
            }),
            (Ok(_), Err(fault)) | (Err(fault), Ok(_)) => Err(fault.after_an_answer()),
            (Err(fault), Err(_)) => Err(fault),
        }
    }

    /// The record sets from this name on, or from the zone's first; the caller must compare names.
    pub(super) async fn records(
        &self,
        wire: Wire,
        zone: &str,
        name: Option<&str>,
        kind: Option<RrType>,
    ) -> Result<Vec<ResourceRecordSet>, Fault> {
        let (lane, credentials) = self.signed_for_names().await?;
        let operation = lane
            .route53
            .list_resource_record_sets()
            .hosted_zone_id(zone)
            .set_start_record_name(name.map(str::to_owned))
            .set_start_record_type(kind)
            .max_items(NEAR);
        let asked = send!(wire, aws_sdk_route53, credentials, self.base.read_timeout(), operation);
        let listed = self.learn(&lane, &self.dns_role, asked)?.resource_record_sets;
        // One without name or type may be any, the one that is looked for too.
        if listed
            .iter()
            .any(|set| set.name().is_empty() || set.r#type().as_str().is_empty())
        {
            return Err(Fault::malformed(
                "ListResourceRecordSets listed a record set without name or type",
            ));
        }
        Ok(listed)
    }

    pub(crate) async fn change(&self, cause: Cause, id: &Text) -> Seen<ChangeView> {
        let asked = Instant::now();
        match self.change_status(cause, id).await {
            Ok(ChangeStatus::Insync) => Seen::Present(ChangeView { in_sync: true }),
            Ok(ChangeStatus::Pending) => Seen::Present(ChangeView { in_sync: false }),
            Ok(_) => Fault::malformed("GetChange answered with a status that is not known").seen(),
            Err(Fault::Refused { status: 404, code, .. }) if &*code == "NoSuchChange" => Seen::Absent,
            Err(Fault::Denied(text)) => Fault::Denied(crate::clean(&format!("route53:GetChange: {text}"))).seen(),
            Err(fault) => self.seen(NAMES_REGION, asked, &fault),
        }
    }

    async fn change_status(&self, cause: Cause, id: &Text) -> Result<ChangeStatus, Fault> {
        let (lane, credentials) = self.signed_for_names().await?;
        let operation = lane.route53.get_change().id(&**id);
        let asked = send!(
            Wire::asking(cause),
            aws_sdk_route53,
            credentials,
            self.base.read_timeout(),
            operation
        );
        let answer = self.learn(&lane, &self.dns_role, asked)?;
        match answer.change_info {
            Some(info) if plain_change(&info.id) == Some(plain_change(id).unwrap_or(id)) => Ok(info.status),
            Some(_) => Err(Fault::malformed("GetChange answered with another change")),
            None => Err(Fault::malformed("GetChange answered without a change")),
        }
    }
}

/// The record that stands at the writer's name: what would resolve there first; failing that, whatever forbids a
/// CNAME beside it.
fn writer_of(listed: &[ResourceRecordSet], name: &str) -> Result<Option<RecordSet>, Fault> {
    match find(listed, name, &["CNAME", "A", "AAAA"])? {
        Some(found) => Ok(Some(found)),
        None => find(listed, name, &[]),
    }
}

/// The first record set of exactly this name, the earlier kinds first; no kinds: any.
fn find(listed: &[ResourceRecordSet], name: &str, kinds: &[&str]) -> Result<Option<RecordSet>, Fault> {
    let wanted = canonical(name);
    let mut here = listed.iter().filter(|set| canonical(set.name()) == wanted);
    let found = if kinds.is_empty() {
        here.next()
    } else {
        let here: Vec<&ResourceRecordSet> = here.collect();
        kinds
            .iter()
            .find_map(|kind| here.iter().find(|set| set.r#type().as_str() == *kind).copied())
    };
    found.map(of).transpose()
}

/// A record set, byte for byte.
fn of(set: &ResourceRecordSet) -> Result<RecordSet, Fault> {
    let values: Vec<Text> = set
        .resource_records()
        .iter()
        .map(|record| record.value().into())
        .collect();
    if values.iter().map(|value| value.len()).sum::<usize>() > LONGEST_VALUES {
        return Err(Fault::malformed("a record set is longer than Route 53 allows"));
    }
    // What is read is sent back byte for byte, and Route 53 escapes whatever could not be.
    let texts = values.iter().map(|value| &**value);
    if texts
        .chain([set.name(), set.r#type().as_str()])
        .any(|text| text.contains(char::is_control))
    {
        return Err(Fault::malformed("a record set with control characters"));
    }
    if set.r#type().as_str().len() > LONGEST_KIND || set.ttl().is_some_and(|ttl| !(0..=GREATEST_TTL).contains(&ttl)) {
        return Err(Fault::malformed("a record set with a type or a TTL that there is not"));
    }
    // Whatever a plain DELETE and CREATE could not rebuild.
    let special = set.set_identifier().is_some()
        || set.alias_target().is_some()
        || set.weight().is_some()
        || set.region().is_some()
        || set.geo_location().is_some()
        || set.geo_proximity_location().is_some()
        || set.failover().is_some()
        || set.multi_value_answer().is_some()
        || set.cidr_routing_config().is_some()
        || set.health_check_id().is_some()
        || set.traffic_policy_instance_id().is_some();
    Ok(RecordSet {
        name: set.name().into(),
        kind: set.r#type().as_str().into(),
        ttl: set.ttl(),
        simple: !special && set.ttl().is_some() && !values.is_empty(),
        values,
    })
}

/// The id of a change, without the path that the API puts before it; `None` if it is none.
pub(super) fn plain_change(id: &str) -> Option<&str> {
    let id = id.trim_start_matches("/change/");
    let plain = (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then_some(id)
}

/// A name to compare with: octal escapes decoded, lower case, no final dot.
fn canonical(name: &str) -> Vec<u8> {
    let bytes = name.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'\\')
            .then(|| bytes.get(at + 1..at + 4))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match escaped {
            Some(byte) => {
                out.push(byte.to_ascii_lowercase());
                at += 4;
            }
            None => {
                out.push(bytes[at].to_ascii_lowercase());
                at += 1;
            }
        }
    }
    if out.last() == Some(&b'.') {
        out.pop();
    }
    out
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
