//! Cloudflare's envelopes and documents.

use super::*;
use breakwater_core::decision::BalancerPatch;
use serde_json::{Value as Json, json};

const POOL: &str = "17b5962d775c646f3f9725cbc7a53df4";
const OTHER: &str = "9290f38c5d07c2e2f4df57b1f61d4196";
const BALANCER: &str = "699d98642c564d2e855e9661899b7252";

fn enveloped(result: Json) -> Node {
    Node::json(&json!({"result": result, "success": true, "errors": [], "messages": [], "result_info": {"page": 1}}))
}

fn pool() -> Node {
    enveloped(
        json!({"id": POOL, "name": "use1", "enabled": true, "minimum_origins": 1, "monitor": OTHER,
        "monitor_group": null, "origins": [{"name": "alb", "address": "use1.example.com", "enabled": true, "weight": 1}],
        "check_regions": null, "healthy": true}),
    )
}

fn health() -> Node {
    enveloped(json!({"pool_id": POOL, "pop_health": {
        "Amsterdam, NL": {"healthy": false, "origins": [{"2001:DB8::5": {"healthy": false, "response_code": 0}}]},
        "Newark, NJ": {"healthy": true}, "Lagos, NG": {"healthy": null, "origins": null}, "Tokyo, JP": {"origins": []}}}))
}

fn balancer() -> Node {
    enveloped(
        json!({"id": BALANCER, "name": "shop.example.com", "enabled": true, "proxied": true, "ttl": 30,
        "steering_policy": "geo", "session_affinity": "ip_cookie", "fallback_pool": OTHER, "default_pools": [POOL, OTHER],
        "region_pools": {"WEU": [POOL, OTHER]}, "country_pools": null, "pop_pools": {"YYZ": [OTHER]},
        "random_steering": {"default_weight": 0.2, "pool_weights": {POOL: 1.0}},
        "rules": [{"name": "x", "overrides": {"default_pools": [POOL], "fallback_pool": OTHER, "region_pools": {"ENAM": [POOL]}}}]}),
    )
}

/// The result, if envelope and JSON are as they must be and it is about this object.
fn result(node: &Node, id: (&str, &str)) -> Option<Json> {
    let document: Json = serde_json::from_slice(&node.to_json()).ok()?;
    let errors = is(&document["errors"], |errors| {
        errors
            .as_array()
            .is_some_and(|errors| errors.iter().all(Json::is_object))
    });
    let whole = !node.names_twice() && document["success"] == true && errors;
    (whole && document["result"][id.0] == id.1).then(|| document["result"].clone())
}

/// Absent, null, or as it should be.
fn is(value: &Json, kind: impl Fn(&Json) -> bool) -> bool {
    value.is_null() || kind(value)
}

fn is_list(value: &Json) -> bool {
    value.as_array().is_some_and(|pools| pools.iter().all(Json::is_string))
}

fn is_map(value: &Json) -> bool {
    value
        .as_object()
        .is_some_and(|places| places.values().all(|pools| is(pools, is_list)))
}

fn has_maps(of: &Json) -> bool {
    ["region_pools", "country_pools", "pop_pools"]
        .iter()
        .all(|map| is(&of[*map], is_map))
        && is(&of["random_steering"], |random| {
            random.is_object() && is(&random["pool_weights"], Json::is_object)
        })
}

fn is_pool(node: &Node) -> bool {
    result(node, ("id", POOL)).is_some_and(|pool| {
        pool["enabled"].is_boolean()
            && ["monitor", "monitor_group"]
                .iter()
                .all(|field| is(&pool[*field], Json::is_string))
    })
}

fn is_health(node: &Node) -> bool {
    let says = |city: &Json| is(city, |city| city.is_object() && is(&city["healthy"], Json::is_boolean));
    result(node, ("pool_id", POOL)).is_some_and(|health| {
        is(&health["pop_health"], |cities| {
            cities.as_object().is_some_and(|cities| cities.values().all(says))
        })
    })
}

fn is_balancer(node: &Node) -> bool {
    let rule = |rule: &Json| {
        rule.is_object()
            && is(&rule["overrides"], |overrides| {
                overrides.is_object()
                    && has_maps(overrides)
                    && is(&overrides["default_pools"], is_list)
                    && is(&overrides["fallback_pool"], Json::is_string)
            })
    };
    result(node, ("id", BALANCER)).is_some_and(|balancer| {
        is_list(&balancer["default_pools"])
            && balancer["default_pools"] != json!([])
            && balancer["fallback_pool"].as_str().is_some_and(|pool| !pool.is_empty())
            && has_maps(&balancer)
            && ["enabled", "proxied"]
                .iter()
                .all(|flag| is(&balancer[*flag], Json::is_boolean))
            && is(&balancer["ttl"], Json::is_u64)
            && is(&balancer["steering_policy"], Json::is_string)
            && is(&balancer["rules"], |rules| {
                rules.as_array().is_some_and(|rules| rules.iter().all(rule))
            })
    })
}

fn statuses() -> impl Strategy<Value = u16> {
    proptest::sample::select(vec![200, 200, 200, 200, 302, 400, 401, 403, 404, 429, 500, 502, 522])
}

/// Whether an envelope says by itself that it found nothing: no success, and an error with a code.
fn names_an_error(changed: &Changed) -> bool {
    let Ok(document) = serde_json::from_slice::<Json>(&changed.bytes) else {
        return false;
    };
    let errors = document["errors"].as_array().cloned().unwrap_or_default();
    document["success"] == false
        && errors
            .iter()
            .any(|error| error["code"].is_number() || error["code"].is_string())
}

fn is_believed_whole_or_not_at_all(name: &'static str, query: Query, valid: &Node, is_whole: fn(&Node) -> bool) {
    let bench = Bench::new();
    for_all(name, (change(), statuses()), |(change, status)| {
        let changed = change.of(valid, Node::to_json, is_whole);
        bench.answer(Reply::bytes(status, &changed.bytes));
        let value = bench.ask(&bench.clouds, &query);
        is_clean(&value)?;
        match says(&value) {
            Says::There => prop_assert!(status == 200 && changed.whole != Some(false), "{value:?}"),
            Says::Absent => prop_assert!(status == 404 && names_an_error(&changed), "{value:?}"),
            Says::Silent => prop_assert!(false, "bytes came"),
            Says::Nothing => prop_assert!(
                status != 200 || changed.whole != Some(true) || odd(&changed),
                "{value:?}"
            ),
        }
        Ok(())
    });
}

/// Whole, but with an id or a number that there is not: not to be believed either.
fn odd(changed: &Changed) -> bool {
    let document: Json = serde_json::from_slice(&changed.bytes).unwrap_or_default();
    fn odd(value: &Json) -> bool {
        let plain = |id: &str| {
            id.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        match value {
            Json::String(id) => !plain(id) || id.is_empty() || id.len() > 64,
            Json::Object(map) => map
                .iter()
                .any(|(key, value)| !plain(key) || key.is_empty() || odd(value)),
            Json::Array(items) => items.iter().any(odd),
            Json::Number(number) => number.as_u64().is_none_or(|number| number > 1 << 31),
            Json::Null | Json::Bool(_) => false,
        }
    }
    [
        "default_pools",
        "fallback_pool",
        "region_pools",
        "country_pools",
        "pop_pools",
        "random_steering",
        "rules",
        "ttl",
    ]
    .iter()
    .any(|field| odd(&document["result"][*field]))
}

#[test]
fn a_pool() {
    let query = Query::Pool {
        class: "c".into(),
        pool: POOL.into(),
    };
    is_believed_whole_or_not_at_all("pool", query, &pool(), is_pool);
}

#[test]
fn pool_health() {
    let query = Query::PoolHealth {
        class: "c".into(),
        pool: POOL.into(),
    };
    is_believed_whole_or_not_at_all("pool health", query, &health(), is_health);
}

#[test]
fn a_balancer() {
    let query = Query::Balancer {
        class: "c".into(),
        zone: "z1".into(),
        id: BALANCER.into(),
    };
    is_believed_whole_or_not_at_all("balancer", query, &balancer(), is_balancer);
}

#[test]
fn a_refused_envelope() {
    let query = Query::Pool {
        class: "c".into(),
        pool: POOL.into(),
    };
    let refused = Node::json(&json!({"result": null, "success": false, "messages": null,
        "errors": [{"code": 1002, "message": "pool \u{1b}[31mnot found", "error_chain": [{"code": 1, "message": "x"}]}]}));
    is_believed_whole_or_not_at_all("refused envelope", query, &refused, |_| false);
}

/// A PATCH is accepted by the balancer's own document alone, and refused by an envelope alone.
#[test]
fn a_patch() {
    let bench = Bench::new();
    let effect = Effect::PatchBalancer {
        class: "c".into(),
        zone: "z1".into(),
        id: BALANCER.into(),
        patch: BalancerPatch {
            fallback_pool: Some(OTHER.into()),
            ..BalancerPatch::default()
        },
    };
    let valid = balancer();
    for_all("patch", (change(), statuses()), |(change, status)| {
        let changed = change.of(&valid, Node::to_json, |node| result(node, ("id", BALANCER)).is_some());
        bench.answer(Reply::bytes(status, &changed.bytes));
        let outcome = bench.call(&effect);
        is_clean(&outcome)?;
        let refuses = || serde_json::from_slice::<Json>(&changed.bytes).is_ok_and(|said| said["success"] == false);
        match &outcome {
            Outcome::Accepted(_) => prop_assert!(status == 200 && changed.whole != Some(false), "{status} {outcome:?}"),
            Outcome::Refused(_) => prop_assert!(status < 500 && refuses(), "{status} {outcome:?}"),
            Outcome::Denied(_) => prop_assert!(matches!(status, 401 | 403) && refuses(), "{status} {outcome:?}"),
            Outcome::Throttled(_) => prop_assert_eq!(status, 429),
            Outcome::Ambiguous(_) => {}
        }
        Ok(())
    });
}
