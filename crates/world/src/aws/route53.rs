//! Amazon Route 53: REST XML, version 2013-04-01. Its control plane is in us-east-1, and so is the
//! scope of its signatures.

use axum::{
    body::{Body, Bytes},
    http::{Method, Response, request::Parts},
};
use breakwater_sim::{Answer, RecordAction, RecordChange, RecordSet, Request, Route53Op};
use serde::Deserialize;

use super::{ROUTE53, Refusal, access::Caller, iso8601, respond, unexpected};
use crate::{
    params::{Params, form_decode},
    reply::request_id,
    xml::Xml,
};

const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";
/// A page has at most 300 record sets (Route 53 docs: ListResourceRecordSets).
const PAGE: usize = 300;

#[derive(Debug)]
enum Document {
    GetHostedZone,
    List { max_items: usize },
    Change,
    GetChange,
}

/// One call of Route 53.
#[derive(Debug)]
pub struct Call {
    document: Document,
    /// What is asked of the simulated world.
    pub request: Request,
}

/// Reads a call.
pub fn decode(caller: &Caller, parts: &Parts, body: &Bytes) -> Result<Call, Refusal> {
    if caller.region != "us-east-1" {
        return Err(Refusal::mismatch("Credential should be scoped to a valid region."));
    }
    let path = parts.uri.path().strip_prefix("/2013-04-01/").unwrap_or_default();
    let segments: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(form_decode)
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (document, action, op) = match (&parts.method, &segments[..]) {
        (&Method::GET, ["hostedzone", zone]) => (
            Document::GetHostedZone,
            "GetHostedZone",
            Route53Op::GetHostedZone {
                zone: (*zone).to_owned(),
            },
        ),
        (&Method::GET, ["hostedzone", zone, "rrset"]) => {
            let (max_items, op) = list(zone, &Params::parse(parts.uri.query().unwrap_or_default()))?;
            (Document::List { max_items }, "ListResourceRecordSets", op)
        }
        (&Method::POST, ["hostedzone", zone, "rrset"]) => {
            let op = Route53Op::ChangeRecords {
                zone: (*zone).to_owned(),
                changes: changes(body)?,
            };
            (Document::Change, "ChangeResourceRecordSets", op)
        }
        (&Method::GET, ["change", id]) => (
            Document::GetChange,
            "GetChange",
            Route53Op::GetChange { id: (*id).to_owned() },
        ),
        (method, _) => {
            return Err(Refusal::no_such_action(
                &format!("{method} {}", parts.uri.path()),
                "2013-04-01",
            ));
        }
    };
    caller.needs_role(&format!("route53:{action}"))?;
    Ok(Call {
        document,
        request: Request::Route53 { op },
    })
}

fn list(zone: &str, params: &Params) -> Result<(usize, Route53Op), Refusal> {
    let max_items = match params.get("maxitems").map(str::parse::<usize>) {
        None => PAGE,
        Some(Ok(items)) if items > 0 => items.min(PAGE),
        Some(_) => {
            return Err(Refusal::new(
                400,
                "InvalidInput",
                "Invalid XML ; maxitems is no positive number",
            ));
        }
    };
    let (start_name, start_type) = (params.owned("name"), params.owned("type"));
    // "Specifying type without specifying name returns an InvalidInput error" (Route 53 docs).
    if start_name.is_none() && start_type.is_some() {
        return Err(Refusal::new(
            400,
            "InvalidInput",
            "The request specified a type but no name; name is required with type.",
        ));
    }
    let op = Route53Op::ListRecords {
        zone: zone.to_owned(),
        start_name,
        start_type,
        // One more than the page holds: the answer names the record that the next page begins with.
        max_items: max_items + 1,
    };
    Ok((max_items, op))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeRequest {
    change_batch: Batch,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    changes: Changes,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Changes {
    #[serde(default)]
    change: Vec<Change>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    action: RecordAction,
    resource_record_set: Set,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Set {
    name: String,
    r#type: String,
    set_identifier: Option<String>,
    #[serde(rename = "TTL")]
    ttl: Option<i64>,
    resource_records: Option<Records>,
    alias_target: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Records {
    #[serde(default)]
    resource_record: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    value: String,
}

fn changes(body: &Bytes) -> Result<Vec<RecordChange>, Refusal> {
    let malformed = |what: String| Refusal::new(400, "MalformedInput", what);
    let text = std::str::from_utf8(body).map_err(|error| malformed(error.to_string()))?;
    let root = text.rfind("</ChangeResourceRecordSetsRequest>");
    if root.is_none() {
        return Err(malformed(
            "ChangeBatch is not valid, expected ChangeResourceRecordSetsRequest".to_owned(),
        ));
    }
    let request: ChangeRequest = quick_xml::de::from_str(text).map_err(|error| malformed(error.to_string()))?;
    let changes = request.change_batch.changes.change;
    if changes.is_empty() {
        return Err(malformed(
            "The content of element 'Changes' is not complete.".to_owned(),
        ));
    }
    changes
        .into_iter()
        .map(|change| {
            Ok(RecordChange {
                action: change.action,
                record: record(change.resource_record_set)?,
            })
        })
        .collect()
}

fn record(set: Set) -> Result<RecordSet, Refusal> {
    let invalid = |what: &str| {
        Refusal::new(
            400,
            "InvalidInput",
            format!("Invalid request: {what} ({} {})", set.name, set.r#type),
        )
    };
    if set.alias_target.is_some() {
        return Err(invalid("this world knows no alias records"));
    }
    let ttl = set.ttl.ok_or_else(|| invalid("Missing field 'TTL'"))?;
    let values = set
        .resource_records
        .map(|records| records.resource_record)
        .unwrap_or_default();
    if values.is_empty() {
        return Err(Refusal::new(
            400,
            "InvalidInput",
            format!("Invalid request: no ResourceRecords ({})", set.name),
        ));
    }
    Ok(RecordSet {
        name: set.name,
        kind: set.r#type,
        ttl,
        values: values.into_iter().map(|record| record.value).collect(),
        set_identifier: set.set_identifier,
    })
}

impl Call {
    /// Writes the answer.
    pub fn encode(&self, answer: &Answer) -> Response<Body> {
        match (&self.document, answer) {
            (Document::GetHostedZone, Answer::Zone { id, name }) => document("GetHostedZoneResponse", |xml| {
                xml.node("HostedZone", |xml| {
                    xml.text("Id", prefixed("/hostedzone/", id));
                    xml.text("Name", name);
                    xml.text("CallerReference", id);
                    xml.node("Config", |xml| xml.text("PrivateZone", "false"));
                });
            }),
            (Document::List { max_items }, Answer::Records { records, truncated }) => {
                document("ListResourceRecordSetsResponse", |xml| {
                    page(xml, records, *truncated, *max_items)
                })
            }
            (Document::Change, Answer::Change { id, status, submitted }) => {
                document("ChangeResourceRecordSetsResponse", |xml| {
                    change_info(xml, id, status, *submitted)
                })
            }
            (Document::GetChange, Answer::Change { id, status, submitted }) => {
                document("GetChangeResponse", |xml| change_info(xml, id, status, *submitted))
            }
            (_, other) => unexpected(ROUTE53, other),
        }
    }
}

fn document(root: &str, content: impl FnOnce(&mut Xml)) -> Response<Body> {
    respond(200, "text/xml", &request_id(), Xml::document(root, NAMESPACE, content))
}

fn prefixed(prefix: &str, id: &str) -> String {
    if id.starts_with('/') {
        id.to_owned()
    } else {
        format!("{prefix}{id}")
    }
}

fn page(xml: &mut Xml, records: &[RecordSet], truncated: bool, max_items: usize) {
    // A page may be shorter than asked for; one that goes on always names what comes next.
    let shown = if truncated && records.len() <= max_items {
        records.len().saturating_sub(1)
    } else {
        max_items.min(records.len())
    };
    let (shown, next) = (&records[..shown], records.get(shown));
    xml.node("ResourceRecordSets", |xml| {
        for record in shown {
            record_set(xml, record);
        }
    });
    xml.text("IsTruncated", if next.is_some() { "true" } else { "false" });
    xml.text("MaxItems", max_items.to_string());
    if let Some(next) = next {
        xml.text("NextRecordName", &next.name);
        xml.text("NextRecordType", &next.kind);
        xml.maybe("NextRecordIdentifier", next.set_identifier.as_ref());
    }
}

fn record_set(xml: &mut Xml, record: &RecordSet) {
    xml.node("ResourceRecordSet", |xml| {
        xml.text("Name", &record.name);
        xml.text("Type", &record.kind);
        if let Some(identifier) = &record.set_identifier {
            xml.text("SetIdentifier", identifier);
            // A set with an identifier has a routing policy; weighted is the commonest.
            xml.text("Weight", "1");
        }
        xml.text("TTL", record.ttl.to_string());
        xml.node("ResourceRecords", |xml| {
            for value in &record.values {
                xml.node("ResourceRecord", |xml| xml.text("Value", value));
            }
        });
    });
}

fn change_info(xml: &mut Xml, id: &str, status: &str, submitted: i64) {
    xml.node("ChangeInfo", |xml| {
        xml.text("Id", prefixed("/change/", id));
        xml.text("Status", status);
        xml.text("SubmittedAt", iso8601(submitted));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_batch() {
        let body = r#"<?xml version="1.0"?>
            <ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeBatch>
            <Comment>x</Comment><Changes>
            <Change><Action>DELETE</Action><ResourceRecordSet><Name>_breakwater.db.example.com.</Name><Type>TXT</Type>
            <TTL>30</TTL><ResourceRecords><ResourceRecord><Value>&quot;v=1 owner=a/b/c  epoch=3 &lt;&amp;&quot;</Value>
            </ResourceRecord></ResourceRecords></ResourceRecordSet></Change>
            <Change><Action>UPSERT</Action><ResourceRecordSet><Name>db.example.com</Name><Type>CNAME</Type>
            <SetIdentifier>one</SetIdentifier><TTL>5</TTL><ResourceRecords><ResourceRecord><Value>a</Value></ResourceRecord>
            <ResourceRecord><Value>b</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>
            </Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"#;
        let changes = changes(&Bytes::from_static(body.as_bytes())).unwrap();
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[0].action, RecordAction::Delete);
        assert_eq!(changes[0].record.values, ["\"v=1 owner=a/b/c  epoch=3 <&\""]);
        assert_eq!(changes[0].record.ttl, 30);
        assert_eq!(changes[1].action, RecordAction::Upsert);
        assert_eq!(changes[1].record.values, ["a", "b"]);
        assert_eq!(changes[1].record.set_identifier.as_deref(), Some("one"));
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        let code = |body: &'static str| changes(&Bytes::from_static(body.as_bytes())).unwrap_err().code;
        assert_eq!(code("<ChangeBatch/>"), "MalformedInput");
        let alias = "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>CREATE</Action>\
                     <ResourceRecordSet><Name>a.</Name><Type>A</Type><AliasTarget><DNSName>b.</DNSName></AliasTarget>\
                     </ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>";
        assert_eq!(code(alias), "InvalidInput");
    }
}
