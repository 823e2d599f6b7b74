use super::*;
use crate::canned::{Canned, Reply, access, ask, clouds};
use crate::{Clouds, Hands as _};
use breakwater_core::decision::Effect;
use breakwater_core::outcome::{Ambiguity, Outcome, Receipt, Refusal};
use breakwater_core::reading::{Query, TroubleKind, Value as Read};
use breakwater_engine::call::Call;
use serde_json::json;
use tokio::net::TcpListener;

const A: &str = "17b5962d775c646f3f9725cbc7a53df4";
const B: &str = "9290f38c5d07c2e2f4df57b1f61d4196";
const BALANCER: &str = "699d98642c564d2e855e9661899b7252";

async fn serving(case: &'static str) -> (Canned, Clouds) {
    let server = Canned::start(move |_| Reply::case(case)).await;
    let clouds = clouds(&server);
    (server, clouds)
}

async fn health(clouds: &Clouds) -> Seen<PoolHealthView> {
    match ask(
        clouds,
        Query::PoolHealth {
            class: "c".into(),
            pool: A.into(),
        },
    )
    .await
    .remove(0)
    .1
    {
        Read::PoolHealth(seen) => seen,
        other => panic!("{other:?}"),
    }
}

async fn pool_of(clouds: &Clouds) -> Seen<PoolView> {
    match ask(
        clouds,
        Query::Pool {
            class: "c".into(),
            pool: A.into(),
        },
    )
    .await
    .remove(0)
    .1
    {
        Read::Pool(seen) => seen,
        other => panic!("{other:?}"),
    }
}

async fn balancer_of(clouds: &Clouds) -> Seen<BalancerView> {
    match ask(
        clouds,
        Query::Balancer {
            class: "c".into(),
            zone: "z1".into(),
            id: BALANCER.into(),
        },
    )
    .await
    .remove(0)
    .1
    {
        Read::Balancer(seen) => seen,
        other => panic!("{other:?}"),
    }
}

fn patch() -> Call {
    Call::Effect(Effect::PatchBalancer {
        class: "c".into(),
        zone: "z1".into(),
        id: BALANCER.into(),
        patch: BalancerPatch {
            fallback_pool: Some(B.into()),
            ..BalancerPatch::default()
        },
    })
}

async fn patched(clouds: &Clouds) -> Outcome {
    clouds.call(Cause(9), Cause(8), Duration::from_secs(2), &patch()).await
}

fn kind<T: std::fmt::Debug>(seen: Seen<T>) -> TroubleKind {
    match seen {
        Seen::Unknown(trouble) => trouble.kind,
        other => panic!("{other:?}"),
    }
}

/// Fields that we do not know, null regions.
#[tokio::test]
async fn a_pool_with_unknown_fields_parses() {
    let (server, clouds) = serving(include_str!("../../tests/inputs/cf-pool-null-regions.json")).await;
    assert_eq!(
        pool_of(&clouds).await,
        Seen::Present(PoolView {
            enabled: true,
            monitored: true,
            monitor: Some("f1aba936b94213e5b8dca0c0dbf1f9cc".into()),
        })
    );
    let asked = &server.asked()[0];
    assert_eq!(asked.path, format!("/client/v4/accounts/acc/load_balancers/pools/{A}"));
    assert_eq!(asked.header("authorization"), "Bearer very-secret-token");
    assert_eq!(asked.header("x-breakwater-query"), "7");
}

/// Null lists in the envelope are empty lists.
#[tokio::test]
async fn an_envelope_with_null_lists_counts() {
    let (_server, clouds) = serving(include_str!("../../tests/inputs/cf-envelope-null-errors.json")).await;
    assert_eq!(clouds_check(&clouds).await, Ok(()));
}

async fn clouds_check(clouds: &Clouds) -> Result<(), ClassProblem> {
    clouds.cloudflare_of("c").check().await
}

/// Codes above 65535; no error in the list; a duplicate.
#[tokio::test]
async fn refusals_keep_their_code_and_say_something() {
    let refused = |code: &str, text: &str| {
        Outcome::Refused(Refusal {
            code: code.into(),
            text: text.into(),
        })
    };
    let (_s, clouds) = serving(include_str!("../../tests/inputs/cf-error-big-code.json")).await;
    assert_eq!(
        patched(&clouds).await,
        refused("100117", "load balancer is being updated")
    );
    let (_s, clouds) = serving(include_str!("../../tests/inputs/cf-error-empty-list.json")).await;
    assert_eq!(
        patched(&clouds).await,
        refused(
            "400",
            "HTTP 400 to PATCH zones/z1/load_balancers/699d98642c564d2e855e9661899b7252"
        )
    );
    let (_s, clouds) = serving(include_str!("../../tests/inputs/cf-400-duplicate.json")).await;
    assert_eq!(
        patched(&clouds).await,
        refused("1003", "value not unique: validation failed")
    );
    let (_s, clouds) = serving(r#"{"status": 200, "body": {"success": false, "errors": null, "result": null}}"#).await;
    assert_eq!(
        patched(&clouds).await,
        refused(
            "200",
            "HTTP 200 to PATCH zones/z1/load_balancers/699d98642c564d2e855e9661899b7252"
        )
    );
}

/// Values that are newer than we are.
#[tokio::test]
async fn unknown_values_of_fields_that_we_do_not_decide_on_do_no_harm() {
    let (_s, clouds) = serving(include_str!("../../tests/inputs/cf-lb-ip-cookie.json")).await;
    let view = balancer_of(&clouds).await;
    let view = view.present().unwrap();
    assert_eq!((&*view.steering, view.dns_ttl, view.enabled), ("", None, true));
    assert_eq!(view.default_pools, vec![A.into(), B.into()]);
    assert_eq!(&*view.fallback_pool, B);
}

/// Absent, null and an empty map are the same.
#[tokio::test]
async fn absent_null_and_empty_maps_are_the_same() {
    let (_s, clouds) = serving(include_str!("../../tests/inputs/cf-lb-absent-vs-empty.json")).await;
    let read = balancer_of(&clouds).await;
    let view = read.present().unwrap();
    assert!(view.region_pools.is_empty() && view.country_pools.is_empty() && view.pop_pools.is_empty());
    assert_eq!(view.default_pools, vec![Text::from(B)]);
    let with = |maps: Value| {
        let mut document = json!({"default_pools": [B], "fallback_pool": B, "steering_policy": "off"});
        document
            .as_object_mut()
            .unwrap()
            .extend(maps.as_object().unwrap().clone());
        views::balancer(&document).unwrap()
    };
    let absent = with(json!({}));
    assert_eq!(
        with(json!({"region_pools": null, "pop_pools": {}, "rules": null, "random_steering": null})),
        absent
    );
}

/// Odd shapes; cities that say nothing do not count.
#[tokio::test]
async fn only_cities_that_say_something_count() {
    let (_s, clouds) = serving(include_str!("../../tests/inputs/cf-health-odd.json")).await;
    assert_eq!(
        health(&clouds).await,
        Seen::Present(PoolHealthView {
            healthy: 1,
            unhealthy: 2
        })
    );
    let none = PoolHealthView {
        healthy: 0,
        unhealthy: 0,
    };
    for empty in [
        json!({"pool_id": A}),
        json!({"pop_health": null}),
        json!({"pop_health": {}}),
    ] {
        assert_eq!(views::pool_health(&empty), Ok(none));
    }
    assert!(matches!(views::pool_health(&json!(null)), Err(Fault::Malformed(_))));
    assert!(matches!(
        views::pool_health(&json!({"pop_health": []})),
        Err(Fault::Malformed(_))
    ));
}

/// A rate limit's page.
#[tokio::test]
async fn a_rate_limit_is_told_by_its_status_whatever_the_body() {
    let (_s, clouds) = serving(include_str!("../../tests/inputs/cf-429-html.json")).await;
    assert_eq!(patched(&clouds).await, Outcome::Throttled(Some(213)));
    let Seen::Unknown(trouble) = health(&clouds).await else {
        panic!("believed")
    };
    assert_eq!(trouble.kind, TroubleKind::Throttled);
    assert!(
        !trouble.text.contains('\u{1b}') && trouble.text.chars().count() <= 256,
        "{}",
        trouble.text
    );
}

/// A 502 may have had its effect; a page is nobody's word.
#[tokio::test]
async fn a_server_error_of_a_call_is_ambiguous() {
    let (_s, clouds) = serving(r#"{"status": 502, "body_text": "<html>bad gateway</html>"}"#).await;
    assert_eq!(patched(&clouds).await, Outcome::Ambiguous(Ambiguity::ServerError));
    assert_eq!(kind(pool_of(&clouds).await), TroubleKind::ServerError);
    for status in [200, 302, 403, 404] {
        let page = json!({"status": status, "body_text": "<html>sign in</html>"}).to_string();
        let server = Canned::start(move |_| Reply::case(&page)).await;
        let clouds = clouds_of(&server);
        assert_eq!(
            patched(&clouds).await,
            Outcome::Ambiguous(Ambiguity::NotTheProvider),
            "{status}"
        );
        assert_eq!(kind(pool_of(&clouds).await), TroubleKind::NotTheProvider, "{status}");
    }
}

fn clouds_of(server: &Canned) -> Clouds {
    clouds(server)
}

/// The zone's right is not the account's.
#[tokio::test]
async fn a_token_without_the_account_is_named() {
    let (_s, clouds) = serving(include_str!("../../tests/inputs/cf-403-code10000.json")).await;
    let Err(ClassProblem::TokenScope { account, text }) = clouds_check(&clouds).await else {
        panic!("passed")
    };
    assert_eq!((&*account, &*text), ("acc", "10000: Authentication error"));
    assert_eq!(kind(health(&clouds).await), TroubleKind::Denied);
    assert_eq!(
        patched(&clouds).await,
        Outcome::Denied("10000: Authentication error".into())
    );
}

/// Nothing depends on an endpoint that refuses the account's own tokens.
#[tokio::test]
async fn a_token_of_the_account_passes_the_check() {
    let server = Canned::start(|asked| match asked.path.starts_with("/client/v4/user/") {
        true => Reply::case(include_str!("../../tests/inputs/cf-400-account-token.json")),
        false => Reply::case(include_str!("../../tests/inputs/cf-envelope-null-errors.json")),
    })
    .await;
    assert_eq!(clouds_check(&clouds(&server)).await, Ok(()));
}

/// A rotated token is used with the next request, and stands in no message.
#[tokio::test]
async fn a_new_token_is_used_at_once() {
    let server = Canned::start(|asked| match asked.header("authorization") {
        "Bearer new-token" => Reply::case(include_str!("../../tests/inputs/cf-pool-null-regions.json")),
        _ => Reply::case(include_str!("../../tests/inputs/cf-403-code10000.json")),
    })
    .await;
    let clouds = clouds(&server);
    let before = pool_of(&clouds).await;
    assert!(!format!("{before:?}").contains("very-secret-token"));
    assert_eq!(kind(before), TroubleKind::Denied);
    clouds.set_class(crate::ClassAccess {
        cloudflare_token: Secret::new("new-token"),
        ..access()
    });
    assert!(pool_of(&clouds).await.present().is_some());
}

/// A token that no header can hold must not show up in the error either.
#[tokio::test]
async fn a_broken_token_is_ours_and_not_repeated() {
    let (_s, clouds) = serving(include_str!("../../tests/inputs/cf-pool-null-regions.json")).await;
    clouds.set_class(crate::ClassAccess {
        cloudflare_token: Secret::new("bro\nken-token"),
        ..access()
    });
    let seen = pool_of(&clouds).await;
    assert!(!format!("{seen:?}").contains("ken-token"));
    assert_eq!(kind(seen), TroubleKind::Ours);
}

/// Rules and overrides: pools that stand in neither list nor map.
#[tokio::test]
async fn pools_named_by_weights_and_rules_are_found() {
    let (_s, clouds) = serving(include_str!("../../tests/inputs/cf-lb-random.json")).await;
    let read = balancer_of(&clouds).await;
    let view = read.present().unwrap();
    assert_eq!(
        (&*view.steering, view.named_elsewhere.clone()),
        ("random", vec![Text::from(A), Text::from(B)])
    );
    let ruled = views::balancer(&json!({
        "default_pools": [B], "fallback_pool": B,
        "rules": [
            {"name": "x", "disabled": true, "overrides": {"default_pools": ["p1"], "fallback_pool": "p2",
              "region_pools": {"WEU": ["p3", "p1"]}, "random_steering": {"pool_weights": {"p4": 0.5}}}},
            {"name": "y", "fixed_response": {"status_code": 503}},
        ],
    }))
    .unwrap();
    let named: Vec<&str> = ruled.named_elsewhere.iter().map(|pool| &**pool).collect();
    assert_eq!(named, ["p1", "p2", "p3", "p4"]);
}

/// A DNS-only balancer has a TTL.
#[tokio::test]
async fn a_dns_only_balancer_has_its_ttl() {
    let (_s, clouds) = serving(include_str!("../../tests/inputs/cf-lb-dns-only.json")).await;
    assert_eq!(
        balancer_of(&clouds).await.present().unwrap().dns_ttl,
        Some(Duration::from_secs(300))
    );
}

#[test]
fn a_document_without_its_lists_is_malformed() {
    for document in [
        json!({"fallback_pool": B}),
        json!({"default_pools": [B]}),
        json!({"default_pools": [], "fallback_pool": B}),
        json!({"default_pools": [1], "fallback_pool": B}),
        json!({"default_pools": [B], "fallback_pool": B, "region_pools": []}),
        json!([]),
    ] {
        assert!(
            matches!(views::balancer(&document), Err(Fault::Malformed(_))),
            "{document}"
        );
    }
    assert!(matches!(
        views::pool(&json!({"monitor": "m"})),
        Err(Fault::Malformed(_))
    ));
}

#[test]
fn a_monitor_is_as_it_says_and_else_as_documented() {
    let said = views::monitor(&json!({"interval": 15, "timeout": 3, "retries": 0, "type": "https"})).unwrap();
    assert_eq!(
        (said.interval, said.timeout, said.retries),
        (Duration::from_secs(15), Duration::from_secs(3), 0)
    );
    assert_eq!(
        views::monitor(&json!({"interval": null})).unwrap(),
        MonitorView::DEFAULT
    );
    // What cannot be read is not taken for the default.
    assert!(matches!(
        views::monitor(&json!({"retries": "two"})),
        Err(Fault::Malformed(_))
    ));
    assert!(matches!(views::monitor(&json!([])), Err(Fault::Malformed(_))));
    let grouped = views::pool(&json!({"enabled": true, "monitor": "", "monitor_group": "g"})).unwrap();
    assert_eq!((grouped.monitored, grouped.monitor), (true, None));
}

#[tokio::test]
async fn an_authenticated_404_is_absence() {
    let (_s, clouds) =
        serving(r#"{"status": 404, "body": {"success": false, "errors": [{"code": 1002, "message": "not found"}]}}"#)
            .await;
    assert_eq!(pool_of(&clouds).await, Seen::Absent);
    assert_eq!(balancer_of(&clouds).await, Seen::Absent);
}

#[tokio::test]
async fn a_patch_is_accepted_with_its_document_and_says_why_it_came() {
    let (server, clouds) = serving(include_str!("../../tests/inputs/cf-lb-ip-cookie.json")).await;
    assert_eq!(
        patched(&clouds).await,
        Outcome::Accepted(Receipt {
            change: None,
            cause: Cause(9)
        })
    );
    let asked = &server.asked()[0];
    assert_eq!(
        (&*asked.method, &*asked.path),
        (
            "PATCH",
            "/client/v4/zones/z1/load_balancers/699d98642c564d2e855e9661899b7252"
        )
    );
    assert_eq!(
        (asked.header("x-breakwater-query"), asked.header("x-breakwater-because")),
        ("9", "8")
    );
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!(asked.body, format!(r#"{{"fallback_pool":"{B}"}}"#));
    let (_s, clouds) = serving(r#"{"status": 200, "body": {"success": true, "result": null}}"#).await;
    assert_eq!(patched(&clouds).await, Outcome::Ambiguous(Ambiguity::NotTheProvider));
}

#[tokio::test]
async fn no_answer_to_a_call_is_ambiguous() {
    let silent = Canned::start(|_| Reply::Silence).await;
    assert_eq!(patched(&clouds(&silent)).await, Outcome::Ambiguous(Ambiguity::TimedOut));
    assert_eq!(kind(pool_of(&clouds(&silent)).await), TroubleKind::TimedOut);
    let closing = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closing.local_addr().unwrap());
    tokio::spawn(async move { while closing.accept().await.is_ok() {} });
    let clouds = Clouds::new(crate::canned::settings(&url));
    clouds.set_class(access());
    assert_eq!(patched(&clouds).await, Outcome::Ambiguous(Ambiguity::ConnectionLost));
    assert_eq!(kind(pool_of(&clouds).await), TroubleKind::Ours);
}

#[tokio::test]
async fn an_id_reaches_no_other_endpoint() {
    let (server, clouds) = serving(include_str!("../../tests/inputs/cf-pool-null-regions.json")).await;
    for pool in ["../../user", "a?b", "a/b", "", "a#", "%2e%2e"] {
        let read = ask(
            &clouds,
            Query::Pool {
                class: "c".into(),
                pool: pool.into(),
            },
        )
        .await
        .remove(0)
        .1;
        assert!(matches!(read, Read::Pool(Seen::Unknown(_))), "{pool}");
    }
    assert!(server.asked().is_empty());
}
