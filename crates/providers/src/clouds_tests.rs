use super::*;
use crate::canned::{Asked, Canned, Reply, access, ask, clouds, rds_error, scope, session, settings, sts};
use breakwater_core::decision::NameChange;
use breakwater_core::outcome::Refusal;
use breakwater_core::reading::{ChangeView, InstanceView, NamesView, ParametersView, RecordSet, Seen, TroubleKind};

const A: &str = "us-east-1";
const B: &str = "us-west-2";
const NEVER: &str = "2099-01-01T00:00:00Z";

impl Clouds {
    pub(crate) fn cloudflare_of(&self, name: &str) -> Arc<Cloudflare> {
        self.class(name).unwrap().cloudflare.clone()
    }
}

#[path = "clouds_tests/route53.rs"]
mod route53;

fn instance_xml(id: &str) -> String {
    format!(
        "<DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier><DbiResourceId>db-{id}</DbiResourceId>\
         <DBInstanceArn>arn:aws:rds:r:1:db:{id}</DBInstanceArn><DBInstanceStatus>available</DBInstanceStatus>\
         <BackupRetentionPeriod>7</BackupRetentionPeriod><DBParameterGroups><DBParameterGroup>\
         <DBParameterGroupName>g</DBParameterGroupName><ParameterApplyStatus>in-sync</ParameterApplyStatus>\
         </DBParameterGroup></DBParameterGroups></DBInstance>"
    )
}

fn listing(ids: &[&str], marker: Option<&str>) -> Reply {
    let instances: String = ids.iter().map(|id| instance_xml(id)).collect();
    let marker = marker
        .map(|marker| format!("<Marker>{marker}</Marker>"))
        .unwrap_or_default();
    Reply::new(
        200,
        &format!(
            "<DescribeDBInstancesResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><DescribeDBInstancesResult>\
             <DBInstances>{instances}</DBInstances>{marker}</DescribeDBInstancesResult></DescribeDBInstancesResponse>"
        ),
    )
}

fn promoted() -> Reply {
    Reply::new(
        200,
        &format!(
            "<PromoteReadReplicaResponse><PromoteReadReplicaResult>{}</PromoteReadReplicaResult></PromoteReadReplicaResponse>",
            instance_xml("b")
        ),
    )
}

async fn instances(clouds: &Clouds, region: &str, ids: &[&str]) -> Vec<Seen<InstanceView>> {
    let ids: Vec<Text> = ids.iter().map(|id| Text::from(*id)).collect();
    let answer = ask(
        clouds,
        Query::Instances {
            scope: scope(region),
            ids: ids.clone(),
        },
    )
    .await;
    assert_eq!(
        answer.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(),
        ids.iter()
            .map(|id| ObjectKey::Instance(scope(region), id.clone()))
            .collect::<Vec<_>>(),
        "one entry for each id"
    );
    answer
        .into_iter()
        .map(|(_, value)| match value {
            Value::Instance(seen) => seen,
            other => panic!("{other:?}"),
        })
        .collect()
}

async fn one(clouds: &Clouds, region: &str) -> Seen<InstanceView> {
    instances(clouds, region, &["a"]).await.remove(0)
}

fn kind<T: std::fmt::Debug>(seen: Seen<T>) -> TroubleKind {
    match seen {
        Seen::Unknown(trouble) => trouble.kind,
        other => panic!("{other:?}"),
    }
}

async fn serving(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> (Canned, Clouds) {
    let server = Canned::start(move |asked| sts(asked).unwrap_or_else(|| reply(asked))).await;
    let clouds = clouds(&server);
    (server, clouds)
}

async fn promotion(clouds: &Clouds) -> Outcome {
    let promotion = Promotion {
        scope: scope(B),
        instance: "b".into(),
        backup_days: 7,
        number: 8,
    };
    clouds
        .promote((Cause(9), Cause(7)), Duration::from_secs(1), &promotion)
        .await
}

async fn effect(clouds: &Clouds, effect: Effect) -> Outcome {
    clouds
        .effect((Cause(9), Cause(7)), Duration::from_secs(1), &effect)
        .await
}

#[tokio::test]
async fn a_listing_is_paged_to_its_end_and_only_then_says_absent() {
    let (server, clouds) = serving(|asked| match asked.form("Marker") {
        "" => listing(&["x", "a"], Some("m1")),
        "m1" => listing(&["b"], None),
        other => panic!("{other}"),
    })
    .await;
    let seen = instances(&clouds, B, &["b", "gone", "a"]).await;
    assert_eq!(&*seen[0].present().unwrap().resource_id, "db-b");
    assert_eq!(seen[1], Seen::Absent);
    assert!(seen[2].present().unwrap().group_shared);
    let pages = server.asked_of("rds");
    assert_eq!(pages.len(), 2);
    assert!(
        pages
            .iter()
            .all(|page| page.form("MaxRecords") == "100" && page.header("x-breakwater-query") == "7")
    );
    assert!(
        pages
            .iter()
            .all(|page| page.header("x-amz-security-token") == "token-of-ASIA-us-west-2")
    );
}

#[tokio::test]
async fn a_listing_that_breaks_off_says_nothing() {
    let (_s, clouds) = serving(|asked| match asked.form("Marker") {
        "" => listing(&["a"], Some("m1")),
        _ => rds_error(500, "InternalFailure", "oops"),
    })
    .await;
    let seen = instances(&clouds, B, &["a", "gone"]).await;
    assert!(seen.into_iter().all(|seen| kind(seen) == TroubleKind::ServerError));
    let (_s, clouds) = serving(|_| listing(&["a"], Some("again"))).await;
    assert_eq!(kind(one(&clouds, B).await), TroubleKind::Malformed);
}

#[tokio::test]
async fn a_success_that_is_no_listing_says_nothing() {
    for body in [
        "<html>sign in</html>",
        "",
        "<DescribeDBInstancesResponse><DescribeDBInstancesResult/></DescribeDBInstancesResponse>",
        "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>",
    ] {
        let (_s, clouds) = serving(move |_| Reply::new(200, body)).await;
        let kind = kind(one(&clouds, B).await);
        assert!(
            matches!(kind, TroubleKind::Malformed | TroubleKind::NotTheProvider),
            "{body}: {kind:?}"
        );
    }
}

/// Everything of a region's lane goes to that region, its STS included; one session serves many requests.
#[tokio::test]
async fn each_region_has_its_own_session() {
    let (server, clouds) = serving(|_| listing(&["a"], None)).await;
    for region in [A, B, B] {
        assert!(one(&clouds, region).await.present().is_some());
    }
    let regions: Vec<String> = server.asked_of("sts").iter().map(|asked| asked.scope().0).collect();
    assert_eq!(regions, [A, B]);
    let asked = &server.asked_of("sts")[0];
    assert_eq!(
        (asked.action(), asked.form("RoleSessionName")),
        ("AssumeRole", "breakwater")
    );
    assert_eq!(asked.form("ExternalId"), "prod%2Fc");
    assert!(asked.form("RoleArn").ends_with("role%2Fbreakwater"));
    assert_eq!(server.asked_of("rds")[0].scope().0, A);
    // A rotated token costs no session.
    clouds.set_class(ClassAccess {
        cloudflare_token: crate::Secret::new("other"),
        ..access()
    });
    assert!(one(&clouds, B).await.present().is_some());
    assert_eq!(server.asked_of("sts").len(), 2);
}

#[tokio::test]
async fn silence_needs_credentials_that_worked_elsewhere() {
    let (_s, clouds) = serving(|asked| match &*asked.scope().0 {
        A => Reply::Silence,
        _ => listing(&["a"], None),
    })
    .await;
    assert_eq!(kind(one(&clouds, A).await), TroubleKind::TimedOut);
    assert!(one(&clouds, B).await.present().is_some());
    assert_eq!(one(&clouds, A).await, Seen::Silent);
    let Value::Parameters(seen) = ask(
        &clouds,
        Query::Parameters {
            scope: scope(A),
            group: "g".into(),
        },
    )
    .await
    .remove(0)
    .1
    else {
        panic!("another value")
    };
    assert_eq!(seen, Seen::Silent);
}

#[tokio::test]
async fn an_answer_of_any_kind_is_no_silence() {
    let (_s, clouds) = serving(|asked| match &*asked.scope().0 {
        A => Reply::new(503, ""),
        _ => listing(&["a"], None),
    })
    .await;
    assert!(one(&clouds, B).await.present().is_some());
    assert_eq!(kind(one(&clouds, A).await), TroubleKind::ServerError);
}

/// A region whose STS is as silent as itself is asked with a session of another region.
#[tokio::test]
async fn a_region_is_asked_even_if_its_own_sts_is_silent() {
    let server = Canned::start(|asked| match (&*asked.scope().0, &*asked.scope().1) {
        (A, _) => Reply::Silence,
        (_, "sts") => Reply::new(200, &session("ASIA-b", NEVER)),
        _ => listing(&["a"], None),
    })
    .await;
    let clouds = clouds(&server);
    assert_eq!(
        kind(one(&clouds, A).await),
        TroubleKind::Ours,
        "trouble with STS alone is no silence"
    );
    assert!(one(&clouds, B).await.present().is_some());
    assert_eq!(one(&clouds, A).await, Seen::Silent);
    let asked = server
        .asked_of("rds")
        .into_iter()
        .find(|asked| asked.scope().0 == A)
        .unwrap();
    assert_eq!(asked.header("x-amz-security-token"), "token-of-ASIA-b");
    assert!(
        server
            .asked_of("sts")
            .iter()
            .all(|asked| asked.scope().0 == A || asked.scope().0 == B)
    );
}

/// A denied role is not asked for with every reading.
#[tokio::test]
async fn a_denied_role_is_named_and_not_retried_hot() {
    let server = Canned::start(|_| rds_error(403, "AccessDenied", "not authorized to perform sts:AssumeRole")).await;
    let clouds = clouds(&server);
    for _ in 0..5 {
        let Seen::Unknown(trouble) = one(&clouds, B).await else {
            panic!("believed")
        };
        assert_eq!(trouble.kind, TroubleKind::Denied);
        assert!(
            trouble.text.starts_with("sts:AssumeRole: AccessDenied"),
            "{}",
            trouble.text
        );
    }
    assert_eq!(server.asked().len(), 1);
    assert!(matches!(promotion(&clouds).await, Outcome::Denied(_)));
    assert!(matches!(
        clouds.check_class("c").await,
        Err(ClassProblem::RoleDenied { .. })
    ));
}

/// An end in the past means now, never never.
#[tokio::test]
async fn a_session_that_is_over_at_once_is_asked_for_again() {
    let first = std::sync::atomic::AtomicBool::new(true);
    let server = Canned::start(move |asked| match &*asked.scope().1 {
        "sts" if first.swap(false, std::sync::atomic::Ordering::Relaxed) => {
            Reply::new(200, &session("ASIA-old", "2001-01-01T00:00:00Z"))
        }
        "sts" => Reply::new(200, &session("ASIA-new", NEVER)),
        _ => listing(&["a"], None),
    })
    .await;
    let clouds = clouds(&server);
    assert_eq!(kind(one(&clouds, B).await), TroubleKind::Ours);
    let mut seen = one(&clouds, B).await;
    while seen.present().is_none() {
        tokio::task::yield_now().await;
        seen = one(&clouds, B).await;
    }
    assert_eq!(server.asked_of("sts").len(), 2);
}

#[tokio::test]
async fn a_session_that_the_provider_does_not_take_is_dropped() {
    let (server, clouds) = serving(|_| rds_error(403, "ExpiredToken", "The security token is expired")).await;
    assert_eq!(kind(one(&clouds, B).await), TroubleKind::Denied);
    assert_eq!(kind(one(&clouds, B).await), TroubleKind::Denied);
    assert_eq!(server.asked_of("sts").len(), 2);
}

#[tokio::test]
async fn a_promotion_carries_its_backups_and_its_reason() {
    let (server, clouds) = serving(|_| promoted()).await;
    assert_eq!(
        promotion(&clouds).await,
        Outcome::Accepted(Receipt {
            change: None,
            cause: Cause(9)
        })
    );
    let sent = server.asked_of("rds");
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (sent[0].action(), sent[0].form("DBInstanceIdentifier")),
        ("PromoteReadReplica", "b")
    );
    assert_eq!(sent[0].form("BackupRetentionPeriod"), "7");
    assert_eq!(
        (
            sent[0].header("x-breakwater-query"),
            sent[0].header("x-breakwater-because")
        ),
        ("9", "7")
    );
    assert_eq!(sent[0].scope().0, B);
}

#[tokio::test]
async fn a_promotion_is_refused_only_by_the_provider_itself() {
    let (_s, clouds) = serving(|_| rds_error(400, "InvalidDBInstanceState", "DB Instance is not a read replica")).await;
    assert_eq!(
        promotion(&clouds).await,
        Outcome::Refused(Refusal {
            code: "InvalidDBInstanceState".into(),
            text: "DB Instance is not a read replica".into()
        })
    );
    let (_s, clouds) = serving(|_| rds_error(400, "Throttling", "Rate exceeded")).await;
    assert_eq!(promotion(&clouds).await, Outcome::Throttled(None));
    let (_s, clouds) = serving(|_| rds_error(403, "AccessDenied", "no")).await;
    assert_eq!(promotion(&clouds).await, Outcome::Denied("AccessDenied: no".into()));
    for (reply, doubt) in [
        (503, Ambiguity::ServerError),
        (403, Ambiguity::NotTheProvider),
        (200, Ambiguity::NotTheProvider),
        (404, Ambiguity::NotTheProvider),
    ] {
        let (server, clouds) = serving(move |_| Reply::new(reply, "<html><body>hello</body></html>")).await;
        assert_eq!(promotion(&clouds).await, Outcome::Ambiguous(doubt), "{reply}");
        assert_eq!(server.asked_of("rds").len(), 1, "the SDK must not retry");
    }
    let (server, clouds) = serving(|_| Reply::Silence).await;
    assert_eq!(promotion(&clouds).await, Outcome::Ambiguous(Ambiguity::TimedOut));
    assert_eq!(server.asked_of("rds").len(), 1);
}

#[tokio::test]
async fn fences_and_tags_are_one_request_each() {
    let (server, clouds) = serving(|asked| {
        let body = match asked.action() {
            "ModifyDBParameterGroup" => {
                "<ModifyDBParameterGroupResult><DBParameterGroupName>g</DBParameterGroupName></ModifyDBParameterGroupResult>"
                    .to_owned()
            }
            "StopDBInstance" => format!("<StopDBInstanceResult>{}</StopDBInstanceResult>", instance_xml("a")),
            _ => String::new(),
        };
        let action = asked.action();
        Reply::new(200, &format!("<{action}Response xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\">{body}</{action}Response>"))
    })
    .await;
    let accepted = Outcome::Accepted(Receipt {
        change: None,
        cause: Cause(9),
    });
    for on in [true, false] {
        let call = Effect::SetReadOnly {
            scope: scope(A),
            group: "g".into(),
            on,
        };
        assert_eq!(effect(&clouds, call).await, accepted);
    }
    assert_eq!(
        effect(
            &clouds,
            Effect::Stop {
                scope: scope(A),
                instance: "a".into()
            }
        )
        .await,
        accepted
    );
    let tags = vec![("breakwater:fenced".into(), "8".into())];
    assert_eq!(
        effect(
            &clouds,
            Effect::Tag {
                scope: scope(A),
                arn: "arn:x".into(),
                tags
            }
        )
        .await,
        accepted
    );
    let keys = vec!["breakwater:fenced".into()];
    assert_eq!(
        effect(
            &clouds,
            Effect::Untag {
                scope: scope(A),
                arn: "arn:x".into(),
                keys
            }
        )
        .await,
        accepted
    );
    let sent = server.asked_of("rds");
    assert_eq!(sent[0].form("Parameters.Parameter.1.ParameterName"), "read_only");
    assert_eq!(sent[0].form("Parameters.Parameter.1.ParameterValue"), "1");
    assert_eq!(sent[0].form("Parameters.Parameter.1.ApplyMethod"), "immediate");
    assert_eq!(
        sent[1].form("Parameters.Parameter.1.ParameterValue"),
        "%7BTrueIfReplica%7D"
    );
    assert_eq!(
        (sent[2].action(), sent[2].form("DBInstanceIdentifier")),
        ("StopDBInstance", "a")
    );
    assert_eq!(sent[3].form("Tags.Tag.1.Key"), "breakwater%3Afenced");
    assert_eq!(sent[4].form("TagKeys.member.1"), "breakwater%3Afenced");
}

/// An answer without content is not looked at by the SDK: a page must not pass for it.
#[tokio::test]
async fn a_page_accepts_no_tag() {
    let (_s, clouds) = serving(|_| Reply::new(200, "<html>welcome</html>")).await;
    let call = Effect::Tag {
        scope: scope(A),
        arn: "arn:x".into(),
        tags: vec![("k".into(), "v".into())],
    };
    assert_eq!(
        effect(&clouds, call).await,
        Outcome::Ambiguous(Ambiguity::NotTheProvider)
    );
}

#[tokio::test]
async fn read_only_is_found_on_a_later_page() {
    let page = |parameters: &str, marker: &str| {
        Reply::new(
            200,
            &format!(
                "<DescribeDBParametersResponse><DescribeDBParametersResult><Parameters>{parameters}</Parameters>{marker}\
                 </DescribeDBParametersResult></DescribeDBParametersResponse>"
            ),
        )
    };
    let (_s, clouds) = serving(move |asked| match (asked.form("DBParameterGroupName"), asked.form("Marker")) {
        ("gone", _) => rds_error(404, "DBParameterGroupNotFound", "no"),
        ("none", _) => page("", ""),
        (_, "") => page("<Parameter><ParameterName>a</ParameterName></Parameter>", "<Marker>m</Marker>"),
        (_, _) => page(
            "<Parameter><ParameterName>read_only</ParameterName><ParameterValue>{TrueIfReplica}</ParameterValue></Parameter>",
            "",
        ),
    })
    .await;
    let read = async |group: &str| match ask(
        &clouds,
        Query::Parameters {
            scope: scope(A),
            group: group.into(),
        },
    )
    .await
    .remove(0)
    .1
    {
        Value::Parameters(seen) => seen,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        read("g").await,
        Seen::Present(ParametersView {
            read_only: Some("{TrueIfReplica}".into())
        })
    );
    assert_eq!(read("none").await, Seen::Present(ParametersView { read_only: None }));
    assert_eq!(read("gone").await, Seen::Absent);
}

/// On the wire: a wrong clock is named, at STS already.
#[tokio::test]
async fn a_wrong_clock_is_named_by_readings_and_by_the_check() {
    let server =
        Canned::start(|_| Reply::new(403, include_str!("../tests/inputs/rds-signature-expired-403.xml"))).await;
    let clouds = clouds(&server);
    assert_eq!(kind(one(&clouds, B).await), TroubleKind::Clock);
    assert!(matches!(clouds.check_class("c").await, Err(ClassProblem::Clock(_))));
}

#[tokio::test]
async fn a_class_is_ready_when_roles_zones_and_pools_are() {
    let (server, clouds) = serving(|asked| match &*asked.scope().1 {
        "route53" => Reply::new(200, include_str!("../tests/inputs/r53-list-next-record.xml")),
        _ => Reply::case(include_str!("../tests/inputs/cf-envelope-null-errors.json")),
    })
    .await;
    assert_eq!(clouds.check_class("c").await, Ok(()));
    assert!(server.asked().iter().all(|asked| asked.method != "PATCH"));
    let (_s, clouds) = serving(|_| rds_error(404, "NoSuchHostedZone", "No hosted zone found")).await;
    assert!(matches!(clouds.check_class("c").await, Err(ClassProblem::Zone { zone, .. }) if &*zone == "Z1"));
    assert_eq!(clouds.check_class("x").await, Err(ClassProblem::Unknown("x".into())));
}

#[tokio::test]
async fn a_class_that_is_not_known_says_nothing_and_does_nothing() {
    let (server, clouds) = serving(|_| listing(&["a"], None)).await;
    clouds.remove_class("c");
    assert_eq!(kind(one(&clouds, B).await), TroubleKind::Ours);
    assert!(matches!(promotion(&clouds).await, Outcome::Refused(refusal) if &*refusal.code == "NotSent"));
    let probe = Query::Probe {
        class: "c".into(),
        url: "http://127.0.0.1/".into(),
        region: B.into(),
        timeout: Duration::from_secs(1),
    };
    assert!(matches!(
        ask(&clouds, probe).await[..],
        [(ObjectKey::Probe(_), Value::Probe(ProbeSeen::Ours(_)))]
    ));
    assert!(server.asked().is_empty());
}

/// A dead endpoint is ambiguous for a call, whatever was or was not sent.
#[tokio::test]
async fn nothing_listening_is_ambiguous() {
    let clouds = Clouds::new(settings("http://127.0.0.1:1"));
    clouds.set_class(access());
    assert_eq!(promotion(&clouds).await, Outcome::Ambiguous(Ambiguity::ConnectionLost));
    assert_eq!(kind(one(&clouds, B).await), TroubleKind::Ours);
}

/// I4: the STS of the region that dies refuses; the standby is promoted with a session of its own region, and nothing of
/// its lane asks elsewhere.
#[tokio::test]
async fn the_standbys_lane_needs_nothing_of_the_other_region() {
    for refusal in [
        || rds_error(403, "AccessDenied", "not now"),
        || Reply::new(503, ""),
        || Reply::Silence,
    ] {
        let server = Canned::start(move |asked| match (&*asked.scope().0, &*asked.scope().1) {
            (A, "sts") => refusal(),
            (_, "sts") => Reply::new(200, &session("ASIA-b", NEVER)),
            _ => promoted(),
        })
        .await;
        let clouds = clouds(&server);
        assert!(one(&clouds, A).await.present().is_none());
        assert!(matches!(promotion(&clouds).await, Outcome::Accepted(_)));
        let lane: Vec<_> = server.asked().iter().skip(1).map(Asked::scope).collect();
        assert_eq!(
            lane,
            [(B.to_owned(), "sts".to_owned()), (B.to_owned(), "rds".to_owned())]
        );
    }
}

/// E4: a proxy's page is neither a denial nor an absence, for questions and for calls.
#[tokio::test]
async fn a_page_of_a_proxy_says_nothing() {
    for (status, page) in [
        (403, "<html>..text<br>text</html>"),
        (404, "<html><Code>DBParameterGroupNotFound</Code></html>"),
        (404, "{\"__type\": \"DBParameterGroupNotFound\"}"),
        (407, "<html>sign in</html>"),
        (302, ""),
    ] {
        let (_s, clouds) = serving(move |_| Reply::new(status, page)).await;
        assert_eq!(kind(one(&clouds, B).await), TroubleKind::NotTheProvider, "{status}");
        let group = Query::Parameters {
            scope: scope(B),
            group: "g".into(),
        };
        let Value::Parameters(seen) = ask(&clouds, group).await.remove(0).1 else {
            panic!("another value")
        };
        assert_eq!(kind(seen), TroubleKind::NotTheProvider, "{status}");
        assert_eq!(
            promotion(&clouds).await,
            Outcome::Ambiguous(Ambiguity::NotTheProvider),
            "{status}"
        );
    }
}

/// Neither a signature nor a token goes where somebody on the way points to.
#[tokio::test]
async fn no_api_is_followed_elsewhere() {
    let elsewhere = Canned::start(|_| Reply::new(200, "")).await;
    for status in [301, 302, 303, 307, 308] {
        let target = elsewhere.url.clone();
        let (_s, clouds) = serving(move |_| Reply::new(status, "").header("location", &target)).await;
        assert!(one(&clouds, B).await.present().is_none());
        assert!(names(&clouds, "Z1").await.present().is_none());
        assert!(matches!(promotion(&clouds).await, Outcome::Ambiguous(_)));
        let pool = Query::Pool {
            class: "c".into(),
            pool: "17b5962d775c646f3f9725cbc7a53df4".into(),
        };
        assert!(matches!(
            ask(&clouds, pool).await[..],
            [(_, Value::Pool(Seen::Unknown(_)))]
        ));
    }
    assert!(elsewhere.asked().is_empty());
}

/// D2: what was listed goes back byte for byte, all values, with its TTL.
#[tokio::test]
async fn a_record_goes_back_as_it_was_listed() {
    let (server, clouds) = serving(|asked| match &*asked.method {
        "GET" => Reply::new(200, include_str!("../tests/inputs/r53-txt-escapes.xml")),
        _ => Reply::new(503, ""),
    })
    .await;
    let seen = names(&clouds, "Z1").await;
    let listed = seen.present().and_then(|view| view.txt.clone()).unwrap();
    let call = Effect::ChangeNames {
        class: "c".into(),
        zone: "Z1".into(),
        changes: vec![NameChange::Delete(listed)],
    };
    effect(&clouds, call).await;
    let sent = server.asked_of("route53").pop().unwrap().body;
    let plain = sent.replace("&quot;", "\"");
    for listed in [
        r#"<Value>"owner=prod/shops/shop-ca,epoch=7," "region=us-east-1"</Value>"#,
        r#"<Value>"note=\"hand\" \303\251"</Value>"#,
        "<Name>_breakwater.db.shop.example.com.</Name>",
        "<TTL>60</TTL>",
    ] {
        assert!(plain.contains(listed), "{listed} in {sent}");
    }
}

/// Case J5: a megabyte of words is a line, whoever says it.
#[tokio::test]
async fn a_megabyte_of_words_is_bounded() {
    let words = "long \u{1b}[31m".repeat(100_000);
    let said = format!("<ErrorResponse><Error><Code>X</Code><Message>{words}</Message></Error></ErrorResponse>");
    let (_s, clouds) = serving(move |_| Reply::new(400, &said)).await;
    let Seen::Unknown(trouble) = one(&clouds, B).await else {
        panic!("believed")
    };
    assert!(trouble.text.chars().count() <= 256 && !trouble.text.contains('\u{1b}'));
    let Outcome::Refused(refusal) = promotion(&clouds).await else {
        panic!("not refused")
    };
    assert!(refusal.text.chars().count() <= 256 && !refusal.text.contains('\u{1b}'));
}

/// A key of our own that no header can hold makes the SDK panic: still a question has its answer, a call its end, and the
/// key is not repeated.
#[tokio::test]
async fn a_broken_key_of_our_own_is_our_own_trouble() {
    let server = Canned::start(|_| listing(&["a"], None)).await;
    let clouds = Clouds::new(crate::Settings {
        aws: Some(crate::FixedAws {
            endpoint: server.url.clone(),
            access_key_id: "AKIDTEST\nBROKEN".into(),
            secret_access_key: crate::Secret::new("sk"),
        }),
        ..settings(&server.url)
    });
    clouds.set_class(access());
    for _ in 0..2 {
        let Seen::Unknown(trouble) = one(&clouds, B).await else {
            panic!("believed")
        };
        assert_eq!(trouble.kind, TroubleKind::Ours);
        assert!(!trouble.text.contains("BROKEN"), "{}", trouble.text);
        assert!(matches!(promotion(&clouds).await, Outcome::Ambiguous(_)));
    }
    let problem = clouds.check_class("c").await;
    assert!(matches!(problem, Err(ClassProblem::NoIdentity(_))), "{problem:?}");
}
