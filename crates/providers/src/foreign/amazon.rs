//! What AWS answers: query XML of RDS and STS, REST XML of Route 53, CBOR of CloudWatch, and the errors of all.

use super::*;
use crate::canned::{scope, session};
use breakwater_core::decision::NameChange;
use breakwater_core::reading::RecordSet;

const B: &str = "us-west-2";
const NAME: &str = "db.shop.example.com";

fn instance_xml(id: &str, replica: bool) -> String {
    let source = match replica {
        true => {
            "<ReadReplicaSourceDBInstanceIdentifier>arn:aws:rds:us-east-1:1:db:z</ReadReplicaSourceDBInstanceIdentifier>\
                 <StatusInfos><DBInstanceStatusInfo><StatusType>read replication</StatusType><Normal>true</Normal>\
                 <Status>replicating</Status></DBInstanceStatusInfo></StatusInfos>"
        }
        false => "",
    };
    format!(
        "<DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier><DbiResourceId>db-{id}</DbiResourceId>\
         <DBInstanceArn>arn:aws:rds:us-west-2:1:db:{id}</DBInstanceArn><DBInstanceStatus>available</DBInstanceStatus>\
         <Endpoint><Address>{id}.rds.example.com</Address><Port>3306</Port></Endpoint>{source}\
         <BackupRetentionPeriod>7</BackupRetentionPeriod><DBParameterGroups><DBParameterGroup>\
         <DBParameterGroupName>g</DBParameterGroupName><ParameterApplyStatus>in-sync</ParameterApplyStatus>\
         </DBParameterGroup></DBParameterGroups><TagList><Tag><Key>breakwater:owner</Key><Value>prod/shops/x</Value></Tag>\
         <Tag><Key>breakwater:epoch</Key><Value>8</Value></Tag></TagList></DBInstance>"
    )
}

fn listing() -> Node {
    Node::xml(&format!(
        "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>{}{}</DBInstances></DescribeDBInstancesResult>\
         <ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></DescribeDBInstancesResponse>",
        instance_xml("a", true),
        instance_xml("b", false)
    ))
}

/// Whether leaves hold text alone: what markup in them makes of a document is not told here.
fn is_plain(node: &Node) -> bool {
    match node {
        Node::Leaf(text) => !text.contains(['<', '&']),
        Node::List(_) => false,
        Node::Map(entries) => entries.iter().all(|(name, node)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()) && is_plain(node)
        }),
    }
}

/// Lists hold members of their one name, all else has no name twice.
fn is_in_form(node: &Node) -> bool {
    let Node::Map(entries) = node else { return true };
    let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
    let distinct = (0..names.len()).all(|index| !names[..index].contains(&names[index]));
    let alike = names.windows(2).all(|pair| pair[0] == pair[1]);
    (distinct || alike) && entries.iter().all(|(_, node)| is_in_form(node))
}

fn members(node: &Node, way: &[&str], member: &str) -> Option<Vec<Node>> {
    match node.at(way)? {
        Node::Map(entries) if entries.iter().all(|(name, _)| name == member) => {
            Some(entries.iter().map(|(_, node)| node.clone()).collect())
        }
        Node::Leaf(text) if text.trim().is_empty() => Some(vec![]),
        _ => None,
    }
}

fn text(node: &Node, way: &[&str]) -> Option<String> {
    match node.at(way)? {
        Node::Leaf(text) if !text.trim().is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// One root, it is this, and nothing stands in it twice.
fn has_root(node: &Node, root: &str) -> bool {
    let is_only = matches!(node, Node::Map(entries) if entries.len() == 1 && entries[0].0 == root);
    let distinct = match node.at(&[root]) {
        Some(Node::Map(entries)) => {
            (0..entries.len()).all(|at| entries[..at].iter().all(|(name, _)| *name != entries[at].0))
        }
        _ => true,
    };
    is_only && distinct && is_in_form(node)
}

/// Whether it may be believed: as far as this can tell. Markup in texts it leaves to the code.
fn unless_marked_up(node: &Node, holds: impl Fn() -> bool) -> bool {
    !is_plain(node) || holds()
}

const INSTANCES: [&str; 3] = [
    "DescribeDBInstancesResponse",
    "DescribeDBInstancesResult",
    "DBInstances",
];

fn is_listing(node: &Node) -> bool {
    unless_marked_up(node, || {
        has_root(node, INSTANCES[0])
            && members(node, &INSTANCES, "DBInstance")
                .is_some_and(|all| all.iter().all(|one| text(one, &["DBInstanceIdentifier"]).is_some()))
    })
}

fn change_and_status() -> impl Strategy<Value = (Change, u16)> {
    let statuses = proptest::sample::select(vec![200, 200, 200, 200, 200, 302, 400, 403, 404, 429, 500, 503]);
    (change(), statuses)
}

#[test]
fn instances() {
    let bench = Bench::new();
    let valid = listing();
    let query = Query::Instances {
        scope: scope(B),
        ids: vec!["a".into()],
    };
    for_all("instances", change_and_status(), |(change, status)| {
        let changed = change.of(&valid, Node::to_xml, is_listing);
        bench.answer(Reply::bytes(status, &changed.bytes));
        let value = bench.ask(&bench.clouds, &query);
        is_clean(&value)?;
        let listed = || members(&changed.node, &INSTANCES, "DBInstance").unwrap_or_default();
        let is_a = |one: &Node| text(one, &["DBInstanceIdentifier"]).is_some_and(|id| id.eq_ignore_ascii_case("a"));
        match says(&value) {
            Says::There => {
                prop_assert!(status == 200 && changed.whole != Some(false), "{value:?}");
                if let (Some(true), true) = (changed.whole, is_plain(&changed.node)) {
                    let found: Vec<Node> = listed().into_iter().filter(is_a).collect();
                    prop_assert_eq!(found.len(), 1);
                    for always in [
                        "DbiResourceId",
                        "DBInstanceArn",
                        "DBInstanceStatus",
                        "BackupRetentionPeriod",
                    ] {
                        prop_assert!(text(&found[0], &[always]).is_some(), "{} in {:?}", always, value);
                    }
                }
            }
            Says::Absent => {
                prop_assert!(status == 200 && changed.whole != Some(false), "{value:?}");
                if let (Some(true), true) = (changed.whole, is_plain(&changed.node)) {
                    prop_assert!(!listed().iter().any(is_a), "it is listed");
                }
            }
            Says::Silent => prop_assert!(false, "bytes came"),
            Says::Nothing => {}
        }
        Ok(())
    });
}

/// Questions that have one object as their answer: believed whole or not at all, absent only where AWS says so.
fn is_believed_whole_or_not_at_all(
    name: &'static str,
    query: &Query,
    valid: &Node,
    write: fn(&Node) -> Vec<u8>,
    is_whole: impl Fn(&Node) -> bool,
) {
    let bench = Bench::new();
    for_all(name, change_and_status(), |(change, status)| {
        let changed = change.of(valid, write, &is_whole);
        bench.answer(Reply::bytes(status, &changed.bytes).header("smithy-protocol", "rpc-v2-cbor"));
        let value = bench.ask(&bench.clouds, query);
        is_clean(&value)?;
        match says(&value) {
            Says::There => prop_assert!(status == 200 && changed.whole != Some(false), "{value:?}"),
            Says::Absent => prop_assert!(false, "nobody said so"),
            Says::Silent => prop_assert!(false, "bytes came"),
            Says::Nothing => {}
        }
        Ok(())
    });
}

#[test]
fn parameters() {
    let valid = Node::xml(
        "<DescribeDBParametersResponse><DescribeDBParametersResult><Parameters><Parameter><ParameterName>a</ParameterName>\
         <ParameterValue>1</ParameterValue></Parameter><Parameter><ParameterName>read_only</ParameterName>\
         <ParameterValue>1</ParameterValue></Parameter></Parameters></DescribeDBParametersResult>\
         </DescribeDBParametersResponse>",
    );
    let query = Query::Parameters {
        scope: scope(B),
        group: "g".into(),
    };
    let list = [
        "DescribeDBParametersResponse",
        "DescribeDBParametersResult",
        "Parameters",
    ];
    is_believed_whole_or_not_at_all("parameters", &query, &valid, Node::to_xml, |node| {
        unless_marked_up(node, || {
            has_root(node, list[0])
                && members(node, &list, "Parameter")
                    .is_some_and(|all| all.iter().all(|one| text(one, &["ParameterName"]).is_some()))
        })
    });
}

#[test]
fn names() {
    let valid = Node::xml(&format!(
        "<ListResourceRecordSetsResponse><ResourceRecordSets><ResourceRecordSet><Name>{NAME}.</Name><Type>CNAME</Type>\
         <TTL>30</TTL><ResourceRecords><ResourceRecord><Value>a.rds.example.com</Value></ResourceRecord></ResourceRecords>\
         </ResourceRecordSet><ResourceRecordSet><Name>_breakwater.{NAME}.</Name><Type>TXT</Type><TTL>60</TTL>\
         <ResourceRecords><ResourceRecord><Value>\"v=1 owner=x epoch=7 region=us-west-2 excluded=-\"</Value></ResourceRecord>\
         <ResourceRecord><Value>\"another\"</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></ResourceRecordSets>\
         <IsTruncated>false</IsTruncated><MaxItems>20</MaxItems></ListResourceRecordSetsResponse>"
    ));
    let query = Query::Names {
        class: "c".into(),
        zone: "Z1".into(),
        name: NAME.into(),
    };
    let list = ["ListResourceRecordSetsResponse", "ResourceRecordSets"];
    is_believed_whole_or_not_at_all("names", &query, &valid, Node::to_xml, |node| {
        unless_marked_up(node, || {
            has_root(node, list[0])
                && members(node, &list, "ResourceRecordSet").is_some_and(|all| {
                    all.iter().all(|one| {
                        let values = one.at(&["ResourceRecords"]);
                        text(one, &["Name"]).is_some()
                            && text(one, &["Type"]).is_some()
                            && (values.is_none() || members(one, &["ResourceRecords"], "ResourceRecord").is_some())
                    })
                })
        })
    });
}

#[test]
fn a_change() {
    let valid = Node::xml(
        "<GetChangeResponse><ChangeInfo><Id>/change/C1</Id><Status>INSYNC</Status><SubmittedAt>2026-11-25T10:00:00Z\
         </SubmittedAt></ChangeInfo></GetChangeResponse>",
    );
    let query = Query::Change {
        class: "c".into(),
        id: "C1".into(),
    };
    let info = ["GetChangeResponse", "ChangeInfo"];
    is_believed_whole_or_not_at_all("change", &query, &valid, Node::to_xml, |node| {
        let one_of = |field: &str, values: &[&str]| {
            let found = text(node, &[info[0], info[1], field]);
            found.is_some_and(|found| values.contains(&found.trim()))
        };
        unless_marked_up(node, || {
            has_root(node, info[0]) && one_of("Id", &["/change/C1", "C1"]) && one_of("Status", &["INSYNC", "PENDING"])
        })
    });
}

/// 2026-11-25T09:58:00Z.
const STAMP: i64 = 1_795_600_680;

#[test]
fn lags() {
    let result = |id: &str| {
        let leaf = |text: String| Node::Leaf(text);
        let entry = |name: &str, node: Node| (name.to_owned(), node);
        Node::Map(vec![
            entry("Id", leaf(format!("\"{id}\""))),
            entry("Label", leaf("\"ReplicaLag\"".to_owned())),
            entry("StatusCode", leaf("\"Complete\"".to_owned())),
            entry(
                "Timestamps",
                Node::List(vec![leaf(format!("@{STAMP}")), leaf(format!("@{}", STAMP - 60))]),
            ),
            entry(
                "Values",
                Node::List(vec![leaf("0.5".to_owned()), leaf("1.0".to_owned())]),
            ),
        ])
    };
    let valid = Node::Map(vec![
        (
            "MetricDataResults".to_owned(),
            Node::List(vec![result("lag0"), result("other0")]),
        ),
        ("Messages".to_owned(), Node::List(vec![])),
    ]);
    let query = Query::Lags {
        scope: scope(B),
        ids: vec!["a".into()],
        back: Duration::from_secs(900),
    };
    is_believed_whole_or_not_at_all("lags", &query, &valid, Node::to_cbor, |node| {
        // Of an entry that comes twice the SDK takes the last, and nothing here looks for it.
        if node.names_twice() {
            return true;
        }
        let Some(Node::List(results)) = node.at(&["MetricDataResults"]) else {
            return false;
        };
        ["lag0", "other0"].iter().all(|id| {
            let own: Vec<&Node> = results
                .iter()
                .filter(|one| one.at(&["Id"]) == Some(&Node::Leaf(format!("\"{id}\""))))
                .collect();
            let count = |one: &Node, list: &str| match one.at(&[list]) {
                Some(Node::List(items)) => items.len(),
                _ => 0,
            };
            let complete = |one: &&Node| one.at(&["StatusCode"]) == Some(&Node::Leaf("\"Complete\"".to_owned()));
            own.last().is_some_and(complete) && own.iter().all(|one| count(one, "Timestamps") == count(one, "Values"))
        })
    });
}

/// Errors of all shapes: they say nothing of an object, unless a whole one says by its code that there is none.
#[test]
fn errors() {
    let bench = Bench::new();
    let codes = proptest::sample::select(vec![
        "DBParameterGroupNotFound",
        "DBInstanceNotFound",
        "NoSuchChange",
        "Throttling",
        "AccessDenied",
        "ExpiredToken",
        "SignatureDoesNotMatch",
        "InvalidDBInstanceState",
        "NeverSeenBefore",
    ]);
    let statuses = proptest::sample::select(vec![200, 302, 400, 401, 403, 404, 409, 429, 500, 503]);
    let queries = [
        (
            "DBParameterGroupNotFound",
            Query::Parameters {
                scope: scope(B),
                group: "g".into(),
            },
        ),
        (
            "NoSuchChange",
            Query::Change {
                class: "c".into(),
                id: "C1".into(),
            },
        ),
        (
            "-",
            Query::Instances {
                scope: scope(B),
                ids: vec!["a".into()],
            },
        ),
        (
            "-",
            Query::Names {
                class: "c".into(),
                zone: "Z1".into(),
                name: NAME.into(),
            },
        ),
    ];
    let which = 0..queries.len();
    for_all(
        "errors",
        (change(), codes, statuses, which),
        |(change, code, status, which)| {
            let valid = Node::xml(&format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>Signature expired: 20261124T095440Z is now \
             earlier than 20261124T100540Z (20261124T102040Z - 15 min.)</Message></Error><RequestId>0</RequestId></ErrorResponse>"
            ));
            let changed = change.of(&valid, Node::to_xml, |node| {
                unless_marked_up(node, || has_root(node, "ErrorResponse"))
            });
            bench.answer(Reply::bytes(status, &changed.bytes));
            let (absence, query) = &queries[which];
            let value = bench.ask(&bench.clouds, query);
            is_clean(&value)?;
            match says(&value) {
                Says::There => prop_assert!(false, "{value:?}"),
                Says::Silent => prop_assert!(false, "bytes came"),
                Says::Absent => {
                    prop_assert!(status == 404 && changed.whole != Some(false), "{value:?}");
                    if let (Some(true), true) = (changed.whole, is_plain(&changed.node)) {
                        let code = text(&changed.node, &["ErrorResponse", "Error", "Code"]);
                        prop_assert_eq!(code.as_deref(), Some(*absence));
                    }
                }
                Says::Nothing => {}
            }
            Ok(())
        },
    );
}

/// A call is accepted by its own whole answer alone.
#[test]
fn calls() {
    let bench = Bench::new();
    let record = RecordSet {
        name: NAME.into(),
        kind: "CNAME".into(),
        ttl: Some(30),
        values: vec!["a.example.com".into()],
        simple: true,
    };
    let calls = [
        (
            Effect::Stop {
                scope: scope(B),
                instance: "a".into(),
            },
            "StopDBInstance",
            format!("<StopDBInstanceResult>{}</StopDBInstanceResult>", instance_xml("a", false)),
        ),
        (
            Effect::SetReadOnly {
                scope: scope(B),
                group: "g".into(),
                on: true,
            },
            "ModifyDBParameterGroup",
            "<ModifyDBParameterGroupResult><DBParameterGroupName>g</DBParameterGroupName></ModifyDBParameterGroupResult>".to_owned(),
        ),
        (
            Effect::Tag {
                scope: scope(B),
                arn: "arn:x".into(),
                tags: vec![("k".into(), "v".into())],
            },
            "AddTagsToResource",
            "<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata>".to_owned(),
        ),
        (
            Effect::ChangeNames {
                class: "c".into(),
                zone: "Z1".into(),
                changes: vec![NameChange::Create(record)],
            },
            "ChangeResourceRecordSets",
            "<ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-11-25T10:00:00Z</SubmittedAt></ChangeInfo>"
                .to_owned(),
        ),
    ];
    let which = 0..calls.len();
    for_all("calls", (change_and_status(), which), |((change, status), which)| {
        let (effect, operation, body) = &calls[which];
        let root = format!("{operation}Response");
        let valid = Node::xml(&format!("<{root}>{body}</{root}>"));
        let changed = change.of(&valid, Node::to_xml, |node| {
            unless_marked_up(node, || has_root(node, &root))
        });
        bench.answer(Reply::bytes(status, &changed.bytes));
        let outcome = bench.call(effect);
        is_clean(&outcome)?;
        match &outcome {
            Outcome::Accepted(receipt) => {
                prop_assert!(status == 200 && changed.whole != Some(false), "{status} {outcome:?}");
                if changed.whole == Some(true) && is_plain(&changed.node) {
                    let about = match *operation {
                        "StopDBInstance" => text(
                            &changed.node,
                            &[&root, "StopDBInstanceResult", "DBInstance", "DBInstanceIdentifier"],
                        ),
                        "ModifyDBParameterGroup" => text(
                            &changed.node,
                            &[&root, "ModifyDBParameterGroupResult", "DBParameterGroupName"],
                        ),
                        "ChangeResourceRecordSets" => text(&changed.node, &[&root, "ChangeInfo", "Id"]),
                        _ => Some(String::new()),
                    };
                    prop_assert!(about.is_some(), "{outcome:?}");
                }
                prop_assert_eq!(receipt.change.is_some(), *operation == "ChangeResourceRecordSets");
            }
            // Without an error in AWS' form nobody said "nothing was done".
            Outcome::Refused(_) | Outcome::Denied(_) => {
                prop_assert!(
                    change.damage.is_some() || !is_plain(&changed.node),
                    "{status} {outcome:?}"
                );
            }
            Outcome::Throttled(_) => prop_assert_eq!(status, 429),
            Outcome::Ambiguous(_) => {}
        }
        Ok(())
    });
}

/// A session is taken from a whole answer of STS alone, and nothing of it is repeated.
#[test]
fn sessions() {
    fn choose(asked: &Asked, reply: Reply) -> Reply {
        match &*asked.scope().1 {
            "sts" => reply,
            _ => Reply::bytes(200, &listing().to_xml()),
        }
    }
    let bench = Bench::with(choose);
    let valid = Node::xml(&session("ASIA", "2099-01-01T00:00:00Z").replace(">s<", ">session-secret<"));
    let query = Query::Instances {
        scope: scope(B),
        ids: vec!["a".into()],
    };
    let credentials = ["AssumeRoleResponse", "AssumeRoleResult", "Credentials"];
    for_all("sessions", change_and_status(), |(change, status)| {
        let changed = change.of(&valid, Node::to_xml, |node| {
            let given = |field: &str| text(node, &[credentials[0], credentials[1], credentials[2], field]).is_some();
            unless_marked_up(node, || {
                has_root(node, credentials[0])
                    && ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"]
                        .into_iter()
                        .all(given)
            })
        });
        bench.answer(Reply::bytes(status, &changed.bytes));
        // Each case begins without a session.
        let clouds = clouds(&bench.server);
        let value = bench.ask(&clouds, &query);
        is_clean(&value)?;
        match says(&value) {
            Says::There => prop_assert!(status == 200 && changed.whole != Some(false), "{value:?}"),
            Says::Nothing => {}
            Says::Absent | Says::Silent => prop_assert!(false, "{value:?}"),
        }
        Ok(())
    });
}
