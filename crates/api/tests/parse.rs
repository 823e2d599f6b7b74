//! Each rule of the spec is refused where it is broken, with what to change.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fixture;

use breakwater_api::failover::FreezeSpec;
use breakwater_api::storefront::ServiceSpec;
use breakwater_api::{Storefront, StorefrontClass, parse};
use breakwater_core::shop::Mode;
use fixture::{at, class, storefront};
use std::time::Duration;

const INSTALLATION: &str = "eu-prod";

#[test]
fn the_examples_parse() {
    for name in ["shop-ca", "shop-geo", "shop-west"] {
        let shop = parse(&storefront(name), &class(), INSTALLATION).unwrap();
        assert_eq!(&*shop.owner, format!("eu-prod/shops/{name}"));
        assert_eq!(shop.policy.mode, Mode::Automatic, "{name}");
        assert_eq!(shop.policy.max_loss, Duration::from_secs(300), "{name}");
        assert_eq!(shop.regions.primary.services.len(), 3, "{name}");
        assert_eq!(shop.references.len(), 2, "{name}");
    }
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let mut value = serde_json::to_value(storefront("shop-ca")).unwrap();
    for field in ["failover", "objectives", "suspend"] {
        value["spec"].as_object_mut().unwrap().remove(field);
    }
    let shop = parse(&serde_json::from_value(value).unwrap(), &class(), INSTALLATION).unwrap();
    let seconds = Duration::from_secs;
    assert_eq!(shop.policy.mode, Mode::Observe);
    assert_eq!(shop.policy.priority, 0);
    assert!(shop.policy.automatic_traffic);
    assert_eq!(shop.policy.max_loss, seconds(300));
    assert_eq!(shop.policy.interval, seconds(10));
    assert_eq!(shop.policy.timeout, seconds(3));
    assert_eq!(shop.policy.shift_after, seconds(40));
    assert_eq!(shop.policy.promote_after, seconds(120));
    assert_eq!(shop.policy.database_grace, seconds(300));
    assert_eq!(shop.policy.routine_grace, seconds(1800));
    assert_eq!(shop.policy.return_after, seconds(600));
    assert_eq!(shop.policy.cool_down, seconds(3600));
    assert!(shop.policy.freezes.is_empty());
    assert_eq!(shop.rto_objective, seconds(1200));
    assert_eq!(shop.rpo_objective, seconds(300));
    assert!(!shop.suspended && !shop.deleting && !shop.abandon);
}

#[test]
fn what_people_set_comes_through() {
    let mut spec = storefront("shop-ca");
    spec.spec.suspend = true;
    spec.metadata.deletion_timestamp = Some(serde_json::from_value("2026-11-25T00:00:00Z".into()).unwrap());
    let annotations = spec.metadata.annotations.get_or_insert_default();
    annotations.insert(breakwater_api::ABANDON_ANNOTATION.into(), "true".into());
    let shop = parse(&spec, &class(), INSTALLATION).unwrap();
    assert!(shop.suspended && shop.deleting && shop.abandon);
    assert_eq!(shop.generation, 3);
    assert_eq!(&*shop.uid, "9f6f4f5e-0c42-4f0e-8d46-1b1b5f5d8f10");

    let annotations = spec.metadata.annotations.get_or_insert_default();
    annotations.insert(breakwater_api::ABANDON_ANNOTATION.into(), "yes".into());
    assert!(!parse(&spec, &class(), INSTALLATION).unwrap().abandon);
}

type Break = fn(&mut Storefront, &mut StorefrontClass);

/// How a rule is broken, where it shows, and a part of the message.
const BROKEN: &[(Break, &str, &str)] = &[
    (
        |s, _| s.spec.regions.secondary.name = "ca-central-1".into(),
        "spec.regions.secondary.name",
        "name another region",
    ),
    (
        |s, _| s.spec.regions.secondary.pool_id = s.spec.regions.primary.pool_id.clone(),
        "spec.regions.secondary.poolId",
        "a Cloudflare pool of its own",
    ),
    (
        |s, _| s.spec.failover.timeout_seconds = 10,
        "spec.failover.timeoutSeconds",
        "less than intervalSeconds",
    ),
    (
        |s, _| s.spec.failover.shift_after_seconds = 29,
        "spec.failover.shiftAfterSeconds",
        "3 times intervalSeconds",
    ),
    (
        |s, _| s.spec.failover.promote_after_seconds = 39,
        "spec.failover.promoteAfterSeconds",
        "at least shiftAfterSeconds",
    ),
    (
        |s, _| s.spec.failover.database_grace_seconds = 119,
        "spec.failover.databaseGraceSeconds",
        "at least promoteAfterSeconds",
    ),
    (
        |s, _| {
            s.spec.failover.max_loss_seconds = 239;
            s.spec.regions.secondary.proof_url = None;
        },
        "spec.failover.maxLossSeconds",
        "below 240 needs proofs",
    ),
    (
        |s, _| {
            let (from, until) = (at("2026-12-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
            let name = "sale".into();
            s.spec.failover.freezes.push(FreezeSpec { name, from, until });
        },
        "spec.failover.freezes[sale].until",
        "must end after it begins",
    ),
    (
        |s, _| s.metadata.name = Some("s".repeat(64)),
        "metadata.name",
        "choose a shorter one",
    ),
    (|s, _| s.metadata.namespace = None, "metadata.namespace", "is missing"),
    (
        |s, _| s.spec.database.writer_record.hosted_zone_id = "Z999".into(),
        "spec.database.writerRecord.hostedZoneId",
        "use one of Z0123456789",
    ),
    (
        |s, _| s.spec.database.writer_record.name = "db.shop.example.com.".into(),
        "spec.database.writerRecord.name",
        "without a final dot",
    ),
    (
        |s, _| s.spec.database.writer_record.ttl_seconds = 0,
        "spec.database.writerRecord.ttlSeconds",
        "between 1 and 3600",
    ),
    (
        |s, _| s.spec.regions.primary.services[0].url = "https://evil.example.org/".into(),
        "spec.regions.primary.services[checkout].url",
        "does not allow host evil.example.org",
    ),
    (
        |s, _| s.spec.regions.secondary.proof_url = Some("https://example.com/-/proof".into()),
        "spec.regions.secondary.proofUrl",
        "does not allow host example.com",
    ),
    (
        |s, c| {
            c.spec.probes.allowed_hosts = vec!["cac1.shop-ca.example.com".into()];
            s.spec.regions.secondary.services.truncate(1);
            s.spec.regions.secondary.proof_url = None;
        },
        "spec.regions.secondary.services[checkout].url",
        "use one of cac1.shop-ca.example.com",
    ),
    (
        |s, _| s.spec.regions.primary.services[0].url = "https://cac1.example.com@evil.org/".into(),
        "spec.regions.primary.services[checkout].url",
        "without user name",
    ),
    (
        |s, _| s.spec.regions.primary.services[0].url = format!("https://a.example.com/{}", "x".repeat(1024)),
        "spec.regions.primary.services[checkout].url",
        "at most 1024 characters",
    ),
    (
        |s, _| s.spec.regions.primary.services.clear(),
        "spec.regions.primary.services",
        "give it 1 to 32",
    ),
    (
        |s, _| s.spec.regions.primary.services = (0..33).map(numbered_service).collect(),
        "spec.regions.primary.services",
        "give it 1 to 32",
    ),
    (
        |s, _| s.spec.regions.primary.services[1].name = "checkout".into(),
        "spec.regions.primary.services",
        "checkout stands here twice",
    ),
    (
        |s, _| s.spec.regions.primary.name = "canada".into(),
        "spec.regions.primary.name",
        "an AWS region",
    ),
    (
        |s, _| s.spec.regions.primary.db_instance = "Shop--1".into(),
        "spec.regions.primary.dbInstance",
        "an RDS identifier",
    ),
    (
        |s, _| s.spec.regions.primary.pool_id = "pool".into(),
        "spec.regions.primary.poolId",
        "32 lower-case hexadecimal",
    ),
    (|s, _| s.spec.hostname = "shop".into(), "spec.hostname", "with a domain"),
    (
        |s, _| s.spec.class_name = "A".into(),
        "spec.className",
        "a Kubernetes name",
    ),
    (
        |s, _| s.spec.traffic.zone_id = "z".into(),
        "spec.traffic.zoneId",
        "32 lower-case",
    ),
    (
        |s, _| s.spec.traffic.load_balancer_ids.clear(),
        "spec.traffic.loadBalancerIds",
        "give it 1 to 16",
    ),
    (
        |s, _| {
            let first = s.spec.traffic.load_balancer_ids[0].clone();
            s.spec.traffic.load_balancer_ids.push(first);
        },
        "spec.traffic.loadBalancerIds",
        "stands here twice",
    ),
    (
        |s, _| s.spec.failover.cool_down_seconds = -1,
        "spec.failover.coolDownSeconds",
        "between 0 and 604800",
    ),
    (
        |s, _| s.spec.objectives.rto_seconds = 0,
        "spec.objectives.rtoSeconds",
        "between 1 and",
    ),
];

fn numbered_service(number: usize) -> ServiceSpec {
    ServiceSpec {
        name: format!("s{number}"),
        url: "https://cac1.example.com/".into(),
        critical: true,
        needs_writer: true,
    }
}

#[test]
fn every_rule_is_refused_where_it_is_broken() {
    for (index, (break_it, path, message)) in BROKEN.iter().enumerate() {
        let (mut storefront, mut class) = (storefront("shop-ca"), class());
        break_it(&mut storefront, &mut class);
        let Err(invalid) = parse(&storefront, &class, INSTALLATION) else {
            panic!("rule {index} ({path}: {message}) was not refused");
        };
        assert_eq!(invalid.len(), 1, "rule {index}: {invalid:#?}");
        assert_eq!(invalid[0].path, *path, "rule {index}");
        assert!(invalid[0].message.contains(message), "rule {index}: {}", invalid[0]);
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let mut spec = storefront("shop-ca");
    spec.spec.hostname = "shop".into();
    spec.spec.failover.timeout_seconds = 10;
    spec.spec.database.writer_record.hosted_zone_id = "Z999".into();
    assert_eq!(parse(&spec, &class(), INSTALLATION).unwrap_err().len(), 3);
}

#[test]
fn a_low_budget_is_fine_with_both_proofs() {
    let mut spec = storefront("shop-ca");
    spec.spec.failover.max_loss_seconds = 30;
    assert!(parse(&spec, &class(), INSTALLATION).is_ok());
}

#[test]
fn the_owner_record_fits_one_string() {
    let longest = "i".repeat(breakwater_api::bounds::INSTALLATION_MAX);
    let mut spec = storefront("shop-ca");
    spec.metadata.name = Some("s".repeat(63));
    spec.metadata.namespace = Some("n".repeat(63));
    let owner = parse(&spec, &class(), &longest).unwrap().owner;
    let region = "r".repeat(breakwater_api::bounds::REGION_MAX);
    let record = format!("v=1 owner={owner} epoch=9999999999 region={region} excluded={region}");
    assert!(record.len() <= 255, "{}", record.len());
    assert!(parse(&spec, &class(), &"i".repeat(41)).is_err());
    assert!(parse(&spec, &class(), "a/b").is_err());
    assert!(parse(&spec, &class(), "").is_err());
}
