use super::*;
use aws_sdk_route53::types::{AliasTarget, ResourceRecord};

fn set(name: &str, kind: &str, values: &[&str]) -> ResourceRecordSet {
    let mut set = ResourceRecordSet::builder()
        .name(name)
        .r#type(RrType::from(kind))
        .ttl(30);
    for value in values {
        set = set.resource_records(ResourceRecord::builder().value(*value).build().unwrap());
    }
    set.build().unwrap()
}

/// Escapes, case and the final dot are no difference; the wildcard is another record.
#[test]
fn names_are_compared_by_meaning() {
    assert_eq!(canonical(r"\052.Shop.example.com."), b"*.shop.example.com");
    assert_eq!(canonical("DB.shop.example.com."), canonical("db.shop.example.com"));
    assert_ne!(canonical(r"\052.shop.example.com"), canonical("db.shop.example.com"));
    assert_eq!(canonical(r"a\9z\777"), br"a\9z\777");
}

#[test]
fn a_name_that_resolves_goes_before_what_only_stands_in_the_way() {
    let listed = [
        set("db.x.", "MX", &["10 m"]),
        set("db.x.", "CNAME", &["e"]),
        set("dc.x.", "A", &["192.0.2.1"]),
    ];
    assert_eq!(&*writer_of(&listed, "db.x").unwrap().unwrap().kind, "CNAME");
    assert_eq!(&*writer_of(&listed[..1], "db.x").unwrap().unwrap().kind, "MX");
    assert_eq!(writer_of(&listed[2..], "db.x").unwrap(), None);
}

#[test]
fn only_what_can_be_rebuilt_is_simple() {
    let plain = set("db.x.", "CNAME", &["e"]);
    assert!(of(&plain).unwrap().simple);
    let mut weighted = plain.clone();
    weighted.set_identifier = Some("blue".into());
    weighted.weight = Some(10);
    assert!(!of(&weighted).unwrap().simple);
    let mut checked = plain.clone();
    checked.health_check_id = Some("h".into());
    assert!(!of(&checked).unwrap().simple);
    let mut alias = set("db.x.", "A", &[]);
    alias.ttl = None;
    alias.alias_target = Some(
        AliasTarget::builder()
            .hosted_zone_id("Z")
            .dns_name("n")
            .evaluate_target_health(true)
            .build()
            .unwrap(),
    );
    let alias = of(&alias).unwrap();
    assert!(!alias.simple && alias.ttl.is_none());
}
