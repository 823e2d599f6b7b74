//! Route 53: what is read of a zone, and the batch that is sent.

use super::*;

async fn names(clouds: &Clouds, zone: &str) -> Seen<NamesView> {
    let query = Query::Names {
        class: "c".into(),
        zone: zone.into(),
        name: "db.shop.example.com".into(),
    };
    match ask(clouds, query).await.remove(0).1 {
        Value::Names(seen) => seen,
        other => panic!("{other:?}"),
    }
}

/// Names by meaning, values byte for byte.
#[tokio::test]
async fn both_records_are_read() {
    let (server, clouds) = serving(|asked| match asked.path.contains("type=TXT") {
        true => Reply::new(200, include_str!("../../tests/inputs/r53-txt-escapes.xml")),
        false => Reply::new(200, include_str!("../../tests/inputs/r53-list-octal.xml")),
    })
    .await;
    let seen = names(&clouds, "Z1").await;
    let view = seen.present().unwrap_or_else(|| panic!("{seen:?}"));
    assert_eq!(
        view.writer,
        Some(RecordSet {
            name: "DB.shop.example.com.".into(),
            kind: "CNAME".into(),
            ttl: Some(30),
            values: vec!["shop-use1.c1.us-east-1.rds.amazonaws.com.".into()],
            simple: true,
        })
    );
    let txt = view.txt.as_ref().unwrap();
    assert_eq!((txt.ttl, txt.simple), (Some(60), true));
    let values: Vec<&str> = txt.values.iter().map(|value| &**value).collect();
    let owner = r#""owner=prod/shops/shop-ca,epoch=7," "region=us-east-1""#;
    assert_eq!(values, [owner, r#""note=\"hand\" \303\251""#]);
    let paths: Vec<String> = server.asked_of("route53").into_iter().map(|asked| asked.path).collect();
    assert!(
        paths
            .iter()
            .any(|path| path.contains("name=_breakwater.db.shop.example.com")),
        "{paths:?}"
    );
    assert_eq!(paths.len(), 2);
}

/// The start name is a cursor; the neighbour is not ours and the zone is not paged through.
#[tokio::test]
async fn the_next_record_is_not_ours() {
    let (server, clouds) =
        serving(|_| Reply::new(200, include_str!("../../tests/inputs/r53-list-next-record.xml"))).await;
    assert_eq!(
        names(&clouds, "Z1").await,
        Seen::Present(NamesView {
            writer: None,
            txt: None
        })
    );
    assert_eq!(server.asked_of("route53").len(), 2);
}

/// Half an answer is neither silence nor a view.
#[tokio::test]
async fn one_record_without_the_other_says_nothing() {
    let (_s, clouds) = serving(|asked| match (&*asked.scope().1, asked.path.contains("type=TXT")) {
        ("route53", true) => Reply::Silence,
        ("route53", false) => Reply::new(200, include_str!("../../tests/inputs/r53-list-octal.xml")),
        _ => listing(&["a"], None),
    })
    .await;
    assert!(one(&clouds, B).await.present().is_some());
    assert_eq!(kind(names(&clouds, "Z1").await), TroubleKind::TimedOut);
}

#[tokio::test]
async fn a_zone_that_the_class_does_not_grant_is_not_touched() {
    let (server, clouds) = serving(|_| Reply::new(200, include_str!("../../tests/inputs/r53-list-octal.xml"))).await;
    assert_eq!(kind(names(&clouds, "Z2").await), TroubleKind::Refused);
    let call = Effect::ChangeNames {
        class: "c".into(),
        zone: "Z2".into(),
        changes: vec![],
    };
    assert!(matches!(effect(&clouds, call).await, Outcome::Refused(refusal) if &*refusal.code == "NotSent"));
    assert!(server.asked().is_empty());
}

fn changes() -> Effect {
    let set = |kind: &str, value: &str, name: &str| RecordSet {
        name: name.into(),
        kind: kind.into(),
        ttl: Some(30),
        values: vec![value.into()],
        simple: true,
    };
    Effect::ChangeNames {
        class: "c".into(),
        zone: "Z1".into(),
        changes: vec![
            NameChange::Delete(set("CNAME", "old.example.net", "DB.shop.example.com.")),
            NameChange::Create(set("CNAME", "new.example.net", "db.shop.example.com")),
            NameChange::Delete(set(
                "TXT",
                r#""note=\"hand\" \303\251""#,
                "_breakwater.db.shop.example.com.",
            )),
        ],
    }
}

#[tokio::test]
async fn a_batch_repeats_what_was_read_and_names_its_change() {
    let (server, clouds) = serving(|_| {
        Reply::new(
            200,
            "<ChangeResourceRecordSetsResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeInfo>\
             <Id>/change/C123</Id><Status>PENDING</Status><SubmittedAt>2026-11-25T10:00:00Z</SubmittedAt></ChangeInfo>\
             </ChangeResourceRecordSetsResponse>",
        )
    })
    .await;
    let accepted = Outcome::Accepted(Receipt {
        change: Some("C123".into()),
        cause: Cause(9),
    });
    assert_eq!(effect(&clouds, changes()).await, accepted);
    let sent = server.asked_of("route53");
    assert_eq!(sent.len(), 1);
    assert!(
        sent[0].path.starts_with("/2013-04-01/hostedzone/Z1/rrset"),
        "{}",
        sent[0].path
    );
    let order: Vec<usize> = ["old.example.net", "new.example.net", "note="]
        .iter()
        .map(|value| sent[0].body.find(value).unwrap())
        .collect();
    assert!(order.is_sorted());
    assert_eq!(sent[0].body.matches("<Action>DELETE</Action>").count(), 2);
    assert!(sent[0].body.contains("<Name>DB.shop.example.com.</Name>"));
    assert!(sent[0].body.contains(r"\303\251"), "{}", sent[0].body);
}

/// Route 53's throttling and a refused batch, on the wire.
#[tokio::test]
async fn route_53_refusals() {
    let (server, clouds) =
        serving(|_| Reply::new(400, include_str!("../../tests/inputs/r53-prior-request-400.xml"))).await;
    assert_eq!(effect(&clouds, changes()).await, Outcome::Throttled(None));
    assert_eq!(server.asked_of("route53").len(), 1);
    let (_s, clouds) = serving(|_| Reply::new(400, include_str!("../../tests/inputs/r53-throttling-400.xml"))).await;
    assert_eq!(effect(&clouds, changes()).await, Outcome::Throttled(None));
    assert_eq!(kind(names(&clouds, "Z1").await), TroubleKind::Throttled);
    let (_s, clouds) = serving(|_| Reply::new(400, include_str!("../../tests/inputs/r53-txt-unquoted-400.xml"))).await;
    let Outcome::Refused(refusal) = effect(&clouds, changes()).await else {
        panic!("not refused")
    };
    assert_eq!(&*refusal.code, "InvalidChangeBatch");
    assert!(refusal.text.contains("enclosed in quotation marks"));
}

/// The change happened but may not be awaited; the missing right is named.
#[tokio::test]
async fn a_change_is_in_sync_or_not_and_a_denial_names_the_right() {
    let status = |status: &str| {
        Reply::new(
            200,
            &format!(
                "<GetChangeResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeInfo><Id>/change/{status}</Id>\
                 <Status>{status}</Status><SubmittedAt>2026-11-25T10:00:00Z</SubmittedAt></ChangeInfo></GetChangeResponse>"
            ),
        )
    };
    let (_s, clouds) = serving(move |asked| match asked.path.split(['/', '?']).next_back().unwrap() {
        "PENDING" | "INSYNC" => status(asked.path.rsplit('/').next().unwrap()),
        "GONE" => rds_error(404, "NoSuchChange", "no such change"),
        _ => rds_error(403, "AccessDenied", "not authorized"),
    })
    .await;
    let read = async |id: &str| match ask(
        &clouds,
        Query::Change {
            class: "c".into(),
            id: id.into(),
        },
    )
    .await
    .remove(0)
    .1
    {
        Value::Change(seen) => seen,
        other => panic!("{other:?}"),
    };
    assert_eq!(read("INSYNC").await, Seen::Present(ChangeView { in_sync: true }));
    assert_eq!(read("PENDING").await, Seen::Present(ChangeView { in_sync: false }));
    assert_eq!(read("GONE").await, Seen::Absent);
    let Seen::Unknown(trouble) = read("DENIED").await else {
        panic!("believed")
    };
    assert_eq!(trouble.kind, TroubleKind::Denied);
    assert!(trouble.text.contains("route53:GetChange"), "{}", trouble.text);
}
