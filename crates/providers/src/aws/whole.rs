//! Whether an answer is AWS' own and arrived to its end.
//!
//! The SDK reads generously: where it expects nothing in a body it does not look at it, XML that was cut off ends a
//! list early, of an element that comes twice the last one counts, and members that it does not know are passed
//! over. Each of these turns somebody else's bytes into "there is no such instance" or "done".

use aws_smithy_runtime_api::client::orchestrator::Metadata;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::collections::BTreeSet;

/// The service that answers in CBOR, which knows its own end (the SDK checks it).
const SPEAKS_CBOR: &str = "CloudWatch";

/// No answer of AWS nests this deep.
const DEEPEST: usize = 32;

/// The lists that we decide on, and what alone may stand in them (API references of RDS and Route 53).
const LISTS: [(&str, &str); 9] = [
    ("DBInstances", "DBInstance"),
    ("DBParameterGroups", "DBParameterGroup"),
    ("StatusInfos", "DBInstanceStatusInfo"),
    ("ReadReplicaDBInstanceIdentifiers", "ReadReplicaDBInstanceIdentifier"),
    ("TagList", "Tag"),
    ("VpcSecurityGroups", "VpcSecurityGroupMembership"),
    ("Parameters", "Parameter"),
    ("ResourceRecordSets", "ResourceRecordSet"),
    ("ResourceRecords", "ResourceRecord"),
];

/// What always stands in an element, where the SDK would put a default of its own in its place.
const ALWAYS: [(&str, &[&str]); 5] = [
    (
        "ListResourceRecordSetsResponse",
        &["ResourceRecordSets", "IsTruncated", "MaxItems"],
    ),
    ("ResourceRecordSet", &["Name", "Type"]),
    ("ResourceRecord", &["Value"]),
    ("ChangeInfo", &["Id", "Status", "SubmittedAt"]),
    (
        "Credentials",
        &["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"],
    ),
];

/// Whether a success is AWS' answer to this operation, and all of it.
pub(super) fn is_whole(body: &[u8], operation: Option<&Metadata>) -> bool {
    match operation {
        Some(operation) if operation.service() == SPEAKS_CBOR => !body.is_empty(),
        Some(operation) => is_document(body, &format!("{}Response", operation.name())),
        None => false,
    }
}

/// Whether this is one complete XML document with this root, in the form in which AWS writes them: the children of
/// an element are a list (all of one name) or a structure (no name twice), and what is always there is there.
pub(super) fn is_document(body: &[u8], root: &str) -> bool {
    let Ok(text) = std::str::from_utf8(body) else {
        return false;
    };
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open: Vec<Element> = vec![];
    let mut closed = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                let name = start.local_name().as_ref().to_vec();
                if closed || !enter(&mut open, &name, root) {
                    return false;
                }
                open.push(Element::new(name, open.is_empty()));
            }
            Ok(Event::Empty(start)) => {
                let name = start.local_name().as_ref().to_vec();
                if closed || !enter(&mut open, &name, root) || !Element::new(name, open.is_empty()).is_complete() {
                    return false;
                }
                closed = open.is_empty();
            }
            Ok(Event::End(_)) => {
                if open.pop().is_none_or(|element| !element.is_complete()) {
                    return false;
                }
                closed = open.is_empty();
            }
            Ok(Event::Text(text)) if text.trim_ascii().is_empty() => {}
            Ok(Event::Text(_) | Event::GeneralRef(_) | Event::CData(_)) if !open.is_empty() => {
                if let Some(element) = open.last_mut() {
                    element.has_text = true;
                }
            }
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => {}
            // AWS sends no document type, and entities of others are none of ours.
            Ok(Event::Text(_) | Event::GeneralRef(_) | Event::CData(_) | Event::DocType(_)) | Err(_) => return false,
            Ok(Event::Eof) => return closed && open.is_empty(),
        }
    }
}

/// An open element and the names of its children so far.
struct Element {
    name: Vec<u8>,
    children: BTreeSet<Vec<u8>>,
    /// It cannot be a list.
    is_structure: bool,
    is_list: bool,
    has_text: bool,
}

impl Element {
    fn new(name: Vec<u8>, is_root: bool) -> Self {
        Element {
            is_structure: is_root || name.ends_with(b"Result") || ALWAYS.iter().any(|(of, _)| of.as_bytes() == name),
            name,
            children: BTreeSet::new(),
            is_list: false,
            has_text: false,
        }
    }

    /// Whether one more child of this name fits in.
    fn takes(&mut self, name: &[u8]) -> bool {
        if let Some(member) = self.member() {
            return member.as_bytes() == name;
        }
        if self.children.contains(name) {
            self.is_list = self.children.len() == 1 && !self.is_structure;
            return self.is_list;
        }
        self.children.insert(name.to_vec());
        !self.is_list
    }

    /// What alone may stand in it, if it is a list that we decide on.
    fn member(&self) -> Option<&'static str> {
        let list = LISTS.iter().find(|(list, _)| list.as_bytes() == self.name);
        list.map(|(_, member)| *member)
    }

    /// Whether what is always in it was, and nothing else: text stands in elements without children.
    fn is_complete(&self) -> bool {
        let always = ALWAYS.iter().find(|(of, _)| of.as_bytes() == self.name);
        let holds = |name: &&str| self.children.contains(name.as_bytes());
        let has_parts = self.is_structure || self.member().is_some() || !self.children.is_empty();
        always.is_none_or(|(_, names)| names.iter().all(holds)) && !(self.has_text && has_parts)
    }
}

fn enter(open: &mut [Element], name: &[u8], root: &str) -> bool {
    match open.last_mut() {
        None => name == root.as_bytes(),
        Some(parent) => parent.takes(name) && open.len() < DEEPEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(body: &str) -> bool {
        is_whole(body.as_bytes(), Some(&Metadata::new("A", "RDS")))
    }

    #[test]
    fn a_success_must_be_the_whole_document() {
        assert!(whole(
            "<?xml version=\"1.0\"?>\n<AResponse xmlns=\"x\"><B/><C>&lt;t&gt;</C></AResponse>\n"
        ));
        assert!(whole("\u{feff}<AResponse/>"));
        for cut in [
            "",
            "<AResponse>",
            "<AResponse><B><C>",
            "<AResponse><B></B>",
            "<AResponse><B></AResponse>",
            "<AResponse></AResponse",
            "<AResponse/>x",
            "<AResponse/><AResponse/>",
            "<AResponse/><![CDATA[x]]>",
            "<!DOCTYPE AResponse><AResponse/>",
        ] {
            assert!(!whole(cut), "{cut}");
        }
    }

    #[test]
    fn another_document_is_not_the_answer() {
        for other in [
            "welcome",
            "{}",
            "<html></html>",
            "<ErrorResponse></ErrorResponse>",
            "<BResponse/>",
        ] {
            assert!(!whole(other), "{other}");
        }
        assert!(!is_whole(b"<AResponse/>", None));
    }

    #[test]
    fn an_element_twice_is_a_list_or_nothing() {
        assert!(whole("<AResponse><L><M/><M/><M/></L></AResponse>"));
        assert!(!whole("<AResponse><L><M/><N/><M/></L></AResponse>"));
        assert!(!whole("<AResponse><L><M/><M/><N/></L></AResponse>"));
        assert!(whole("<AResponse><DBInstances><DBInstance/></DBInstances></AResponse>"));
        assert!(!whole("<AResponse><DBInstances><Instance/></DBInstances></AResponse>"));
    }

    #[test]
    fn text_does_not_stand_for_a_list() {
        for text in ["null", "&amp;", "<![CDATA[null]]>"] {
            assert!(
                !whole(&format!("<AResponse><DBInstances>{text}</DBInstances></AResponse>")),
                "{text}"
            );
            assert!(!whole(&format!("<AResponse>{text}</AResponse>")), "{text}");
            assert!(!whole(&format!("<AResponse><B><C/>{text}</B></AResponse>")), "{text}");
            assert!(whole(&format!("<AResponse><B>{text}</B></AResponse>")), "{text}");
        }
    }

    #[test]
    fn the_answer_itself_is_no_list() {
        assert!(!whole("<AResponse><B/><B/></AResponse>"));
        assert!(!whole("<AResponse><AResult><B/><B/></AResult></AResponse>"));
    }

    #[test]
    fn what_is_always_there_is_there() {
        let listing = |inner: &str| {
            let body = format!("<ListResourceRecordSetsResponse>{inner}</ListResourceRecordSetsResponse>");
            is_whole(
                body.as_bytes(),
                Some(&Metadata::new("ListResourceRecordSets", "Route 53")),
            )
        };
        let rest = "<IsTruncated>false</IsTruncated><MaxItems>20</MaxItems>";
        assert!(listing(&format!("<ResourceRecordSets/>{rest}")));
        assert!(!listing(rest));
        assert!(!listing(""));
        let of = |inner: &str| listing(&format!("<ResourceRecordSets>{inner}</ResourceRecordSets>{rest}"));
        assert!(of(
            "<ResourceRecordSet><Name>a.</Name><Type>A</Type></ResourceRecordSet>"
        ));
        assert!(!of("<ResourceRecordSet><Name>a.</Name></ResourceRecordSet>"));
        assert!(!of("<ResourceRecordSet/>"));
    }

    #[test]
    fn deep_nesting_ends_early() {
        let deep = format!(
            "<AResponse>{}{}</AResponse>",
            "<B>".repeat(100_000),
            "</B>".repeat(100_000)
        );
        assert!(!whole(&deep));
    }

    #[test]
    fn cloudwatch_speaks_cbor() {
        let operation = Metadata::new("GetMetricData", SPEAKS_CBOR);
        assert!(is_whole(&[0xbf, 0xff], Some(&operation)));
        assert!(!is_whole(b"", Some(&operation)));
    }
}
