//! Faults of requests on their way, and of the providers' APIs.

use crate::*;
use breakwater_sim::ledger::Effect;
use breakwater_sim::{Api, CloudWatchOp, RecordAction, RecordChange, StsOp};

fn list(region: &str) -> Request {
    let op = RdsOp::DescribeInstances {
        id: None,
        max_records: 100,
        marker: None,
    };
    rds(region, op)
}

fn metrics(region: &str) -> Request {
    let op = CloudWatchOp::GetMetricData {
        queries: Vec::new(),
        start: 0,
        end: 1,
    };
    Request::CloudWatch {
        region: region.into(),
        op,
    }
}

fn caller(region: &str) -> Request {
    Request::Sts {
        region: region.into(),
        op: StsOp::GetCallerIdentity,
    }
}

fn zone(world: &World) -> Request {
    let zone = world.setup().hosted_zone.clone();
    route53(Route53Op::GetHostedZone { zone })
}

fn balancer(world: &World) -> Request {
    let zone = world.setup().cloudflare_zone.clone();
    cloudflare(CloudflareOp::GetBalancer {
        zone,
        id: BALANCER.into(),
    })
}

/// One request of each provider.
fn one_of_each(world: &World) -> Vec<(Api, Request)> {
    vec![
        (Api::Rds, list(WEST)),
        (Api::CloudWatch, metrics(WEST)),
        (Api::Sts, caller(WEST)),
        (Api::Route53, zone(world)),
        (Api::Cloudflare, balancer(world)),
    ]
}

fn order(world: &World, pools: [&str; 2]) -> Request {
    cloudflare(CloudflareOp::PatchBalancer {
        zone: world.setup().cloudflare_zone.clone(),
        id: BALANCER.into(),
        patch: serde_json::json!({ "default_pools": pools }),
    })
}

fn refusal(answer: &Answer) -> (u16, &str, &str) {
    match answer {
        Answer::Error { status, code, message } => (*status, code, message),
        other => panic!("no refusal: {other:?}"),
    }
}

#[test]
fn each_provider_throttles_in_its_own_form() {
    let mut world = demo();
    for (api, request) in one_of_each(&world) {
        let id = world.inject(Fault::ApiThrottling { api, region: None });
        let answer = answer(&mut world, request.clone());
        match api {
            Api::Cloudflare => assert_eq!(refusal(&answer).0, 429),
            _ => assert_eq!(refusal(&answer), (400, "Throttling", "Rate exceeded"), "{api:?}"),
        }
        world.clear(id);
        assert_eq!(code(&crate::answer(&mut world, request)), "", "{api:?}");
    }
    world.inject(fault(
        r#"{"kind": "api-throttling", "api": "rds", "region": "ca-central-1"}"#,
    ));
    assert_eq!(code(&answer(&mut world, list(CA))), "Throttling");
    assert_eq!(code(&answer(&mut world, list(WEST))), "");
}

#[test]
fn each_provider_denies_in_its_own_form() {
    let mut world = demo();
    for (api, request) in one_of_each(&world) {
        let id = world.inject(Fault::ApiDenied {
            api,
            region: None,
            op: None,
        });
        let answer = answer(&mut world, request.clone());
        match api {
            Api::Cloudflare => assert_eq!(refusal(&answer), (403, "10000", "Authentication error")),
            _ => {
                let (status, code, message) = refusal(&answer);
                assert_eq!((status, code), (403, "AccessDenied"), "{api:?}");
                assert!(message.contains("is not authorized to perform"), "{message}");
            }
        }
        world.clear(id);
    }
    world.inject(fault(r#"{"kind": "api-denied", "api": "route53", "op": "get-change"}"#));
    let get = route53(Route53Op::GetChange { id: "C1".into() });
    let denied = answer(&mut world, get);
    assert!(refusal(&denied).2.contains("route53:GetChange"));
    let request = zone(&world);
    assert_eq!(code(&answer(&mut world, request)), "", "another operation is allowed");
}

#[test]
fn a_denied_call_has_no_effect() {
    let mut world = demo();
    world.inject(fault(
        r#"{"kind": "api-denied", "api": "cloudflare", "op": "patch-balancer"}"#,
    ));
    let request = order(&world, [POOL_B, POOL_A]);
    assert_eq!(code(&answer(&mut world, request)), "10000");
    assert_eq!(&*shop(&world, SHOP).balancers[0].order[0], CA);
    let (_, call) = world.ledger().calls().next().expect("it is noted");
    assert_eq!((call.effect, call.code.as_deref()), (Effect::Refused, Some("10000")));
}

#[test]
fn truncated_answers_have_their_effect() {
    let mut world = demo();
    let id = world.inject(fault(r#"{"kind": "api-truncated", "api": "cloudflare"}"#));
    let request = order(&world, [POOL_B, POOL_A]);
    match ask(&mut world, request).delivery {
        Delivery::Truncated { percent: 50, .. } => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(&*shop(&world, SHOP).balancers[0].order[0], WEST);
    let (_, call) = world.ledger().calls().next().expect("it is noted");
    assert_eq!((call.effect, call.reply), (Effect::Applied, false));
    let request = balancer(&world);
    ask(&mut world, request.clone());
    assert_eq!(
        world.ledger().reads.last().map(|read| read.result.as_str()),
        Some("truncated")
    );
    assert!(
        matches!(ask(&mut world, list(WEST)).delivery, Delivery::After(_)),
        "another API"
    );
    world.clear(id);
    world.inject(fault(
        r#"{"kind": "api-truncated", "api": "cloudflare", "op": "get-balancer", "percent": 0}"#,
    ));
    assert!(matches!(
        ask(&mut world, request).delivery,
        Delivery::Truncated { percent: 0, .. }
    ));
}

#[test]
fn a_wrong_clock_looks_like_a_bad_signature_at_aws_only() {
    let mut world = demo();
    let id = world.inject(fault(r#"{"kind": "clock-refused"}"#));
    for (api, request) in one_of_each(&world) {
        let answer = answer(&mut world, request);
        if api == Api::Cloudflare {
            assert_eq!(code(&answer), "");
            continue;
        }
        // The clock stands at 2026-11-25T00:00:00Z.
        let message = "Signature expired: 20261124T233000Z is now earlier than 20261124T234500Z \
                       (20261125T000000Z - 15 min.)";
        assert_eq!(refusal(&answer), (403, "SignatureDoesNotMatch", message), "{api:?}");
    }
    world.clear(id);
    world.inject(fault(
        r#"{"kind": "clock-refused", "region": "us-west-2", "behind_seconds": -600}"#,
    ));
    let answered = answer(&mut world, list(WEST));
    let message = "Signature not yet current: 20261125T001000Z is still later than 20261125T000500Z \
                   (20261125T000000Z + 5 min.)";
    assert_eq!(refusal(&answered).2, message);
    assert_eq!(code(&answer(&mut world, list(CA))), "");
}

#[test]
fn a_controller_that_is_cut_off_reaches_nothing() {
    let mut world = demo();
    wait(&mut world, 30);
    let id = world.inject(fault(r#"{"kind": "controller-cut-off"}"#));
    for (api, request) in one_of_each(&world) {
        assert_eq!(ask(&mut world, request.clone()).delivery, Delivery::Never, "{api:?}");
        let person = world.ask(Vantage::Person, Meta::default(), request);
        assert!(matches!(person.delivery, Delivery::After(_)));
    }
    for url in [
        "https://www.example.org/",
        "https://cac1.shop-ca.example.com/checkout/-/health",
        "https://usw2.shop-ca.example.com/-/proof",
        "https://shop-ca.example.com/",
    ] {
        assert_eq!(
            http(&mut world, Vantage::Controller, url).delivery,
            Delivery::Never,
            "{url}"
        );
    }
    let before = shop(&world, SHOP).totals;
    wait(&mut world, 60);
    let after = shop(&world, SHOP).totals;
    assert!(after.acknowledged > before.acknowledged + 50 && after.refused == before.refused);
    assert_eq!(shop(&world, SHOP).pool_health[CA], Some(true));
    world.clear(id);
    assert_eq!(
        status(&http(&mut world, Vantage::Controller, "https://www.example.org/")),
        200
    );
}

#[test]
fn route_53_without_us_east_1_answers_nobody_and_resolves_on() {
    for json in [
        r#"{"kind": "route53-unreachable"}"#,
        r#"{"kind": "region-down", "region": "us-east-1"}"#,
    ] {
        let mut world = demo();
        wait(&mut world, 30);
        let id = world.inject(fault(json));
        let request = zone(&world);
        assert_eq!(ask(&mut world, request.clone()).delivery, Delivery::Never);
        let person = world.ask(Vantage::Person, Meta::default(), request.clone());
        assert_eq!(person.delivery, Delivery::Never, "a person gets no further");
        let before = shop(&world, SHOP).totals;
        wait(&mut world, 120);
        assert!(
            shop(&world, SHOP).totals.acknowledged > before.acknowledged + 150,
            "the name resolves"
        );
        assert_eq!(shop(&world, SHOP).totals.refused, before.refused);
        world.clear(id);
        assert_eq!(code(&answer(&mut world, request)), "");
    }
}

#[test]
fn a_gateway_answers_for_a_patch_that_was_applied() {
    let mut world = demo();
    let json = r#"{"kind": "spoil-replies", "api": "cloudflare", "op": "patch-balancer", "count": 1}"#;
    world.inject(fault(json));
    let request = balancer(&world);
    assert_eq!(code(&answer(&mut world, request)), "", "reads are not concerned");
    let request = order(&world, [POOL_B, POOL_A]);
    assert_eq!(refusal(&answer(&mut world, request.clone())).0, 502);
    assert_eq!(&*shop(&world, SHOP).balancers[0].order[0], WEST);
    assert_eq!(code(&answer(&mut world, request)), "", "used up");
    let effects: Vec<_> = world
        .ledger()
        .calls()
        .map(|(_, call)| (call.effect, call.code.clone()))
        .collect();
    assert_eq!(
        effects,
        [(Effect::Applied, Some("502".into())), (Effect::Applied, None)]
    );
}

#[test]
fn a_duplicated_promotion_takes_effect_once_and_says_it_cannot() {
    let mut world = demo();
    let json = r#"{"kind": "duplicate-effects", "api": "rds", "op": "promote-read-replica", "count": 1}"#;
    world.inject(fault(json));
    assert_eq!(
        describe(&mut world, WEST, B).status,
        "available",
        "reads are not concerned"
    );
    let reply = promote(&mut world);
    assert_eq!(code(&reply.answer), "InvalidDBInstanceState");
    assert!(world.glance().faults.is_empty(), "used up");
    let calls: Vec<_> = world.ledger().calls().map(|(_, call)| call.clone()).collect();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (calls[0].effect, calls[0].copies, calls[0].reply),
        (Effect::Applied, 2, true)
    );
    assert_eq!(calls[0].code.as_deref(), Some("InvalidDBInstanceState"));
    until(&mut world, "promoted", |world| writable(world, B));
}

#[test]
fn a_duplicated_batch_meets_its_own_traces() {
    let mut world = demo();
    world.inject(fault(r#"{"kind": "duplicate-effects", "api": "route53", "count": 2}"#));
    let owner = "_breakwater.db.shop-ca.example.com.";
    let record = breakwater_sim::RecordSet {
        name: owner.into(),
        kind: "TXT".into(),
        ttl: 60,
        values: vec!["\"owner=us\"".into()],
        set_identifier: None,
    };
    let create = route53(Route53Op::ChangeRecords {
        zone: world.setup().hosted_zone.clone(),
        changes: vec![RecordChange {
            action: RecordAction::Create,
            record,
        }],
    });
    assert_eq!(code(&answer(&mut world, create)), "InvalidChangeBatch");
    assert_eq!(shop(&world, SHOP).owner.as_deref(), Some("\"owner=us\""));
    // What can be repeated is repeated without a trace.
    world.inject(fault(
        r#"{"kind": "duplicate-effects", "api": "cloudflare", "count": 1}"#,
    ));
    let request = order(&world, [POOL_B, POOL_A]);
    assert_eq!(code(&answer(&mut world, request)), "");
    let copies: Vec<u32> = world.ledger().calls().map(|(_, call)| call.copies).collect();
    assert_eq!(copies, [2, 2]);
}

#[test]
fn reads_may_lag_behind_a_patch() {
    let mut world = demo();
    wait(&mut world, 60);
    world.inject(fault(r#"{"kind": "readback-lag", "seconds": 20}"#));
    let first = |world: &mut World| {
        let request = balancer(world);
        match answer(world, request) {
            Answer::Cloudflare { result } => result["default_pools"][0].clone(),
            other => panic!("{other:?}"),
        }
    };
    let request = order(&world, [POOL_B, POOL_A]);
    match answer(&mut world, request) {
        Answer::Cloudflare { result } => assert_eq!(result["default_pools"][0], POOL_B),
        other => panic!("{other:?}"),
    }
    assert_eq!(&*shop(&world, SHOP).balancers[0].order[0], WEST, "the edge has it");
    assert_eq!(first(&mut world), POOL_A);
    wait(&mut world, 19);
    assert_eq!(first(&mut world), POOL_A);
    wait(&mut world, 2);
    assert_eq!(first(&mut world), POOL_B);
}

#[test]
fn faults_survive_the_wire() {
    for json in [
        r#"{"kind":"controller-cut-off"}"#,
        r#"{"kind":"route53-unreachable"}"#,
        r#"{"kind":"api-truncated","api":"sts","region":null,"op":null,"percent":50}"#,
        r#"{"kind":"terraform","shop":"shop-ca","every_seconds":60,"names":true,"balancers":true}"#,
        r#"{"kind":"database-recovers","shop":"shop-ca","region":"ca-central-1","recovers_after_seconds":null}"#,
        r#"{"kind":"spoil-replies","api":"rds","op":null,"status":502,"count":1}"#,
        r#"{"kind":"link-cut","shop":"shop-ca","status":"error"}"#,
    ] {
        assert_eq!(serde_json::to_string(&fault(json)).expect("JSON"), json);
    }
}
