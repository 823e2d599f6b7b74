//! From Cloudflare's documents to what we decide on. Everything else in them may change as it likes.

use crate::fault::Fault;
use crate::text::clean;
use breakwater_core::Text;
use breakwater_core::reading::{BalancerView, MonitorView, PoolHealthView, PoolView};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// TTL of a DNS-only balancer that names none (Cloudflare API docs: default 30).
const DEFAULT_TTL: Duration = Duration::from_secs(30);

/// The maps of a load balancer, of its rules' overrides too.
const MAPS: [&str; 3] = ["region_pools", "country_pools", "pop_pools"];

/// Cities that say healthy and unhealthy. One that says neither (no origins, null) is in neither number; what
/// its origins say does not replace it.
pub(super) fn pool_health(result: &Value) -> Result<PoolHealthView, Fault> {
    let result = object(result)?;
    let mut view = PoolHealthView {
        healthy: 0,
        unhealthy: 0,
    };
    let cities = match result.get("pop_health") {
        None | Some(Value::Null) => return Ok(view),
        Some(Value::Object(cities)) => cities,
        Some(_) => return Err(Fault::malformed("pop_health is no map of cities")),
    };
    for city in cities.values() {
        match city.get("healthy").and_then(Value::as_bool) {
            Some(true) => view.healthy += 1,
            Some(false) => view.unhealthy += 1,
            None => {}
        }
    }
    Ok(view)
}

/// A pool's settings. Its own `healthy` is not looked at: the edge vote is made of cities.
pub(super) fn pool(result: &Value) -> Result<PoolView, Fault> {
    let result = object(result)?;
    let enabled = result.get("enabled").and_then(Value::as_bool);
    let named = |field: &str| result.get(field).and_then(Value::as_str).filter(|id| !id.is_empty());
    let monitor = named("monitor");
    Ok(PoolView {
        enabled: enabled.ok_or_else(|| Fault::malformed("a pool that is neither enabled nor disabled"))?,
        monitored: monitor.is_some() || named("monitor_group").is_some(),
        monitor: monitor.map(clean),
    })
}

/// How a monitor asks. What it does not say is as Cloudflare's API docs say that it is by default.
pub(super) fn monitor(result: &Value) -> Result<MonitorView, Fault> {
    let result = object(result)?;
    let number = |field: &str| result.get(field).and_then(Value::as_u64);
    let seconds = |field: &str| number(field).map(Duration::from_secs);
    let retries = number("retries").and_then(|retries| u32::try_from(retries).ok());
    Ok(MonitorView {
        interval: seconds("interval").unwrap_or(MonitorView::DEFAULT.interval),
        timeout: seconds("timeout").unwrap_or(MonitorView::DEFAULT.timeout),
        retries: retries.unwrap_or(MonitorView::DEFAULT.retries),
    })
}

/// A load balancer. Absent, null and an empty map mean the same.
pub(super) fn balancer(result: &Value) -> Result<BalancerView, Fault> {
    let result = object(result)?;
    let default_pools = list(result.get("default_pools"))?;
    let fallback_pool = result
        .get("fallback_pool")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty());
    let (false, Some(fallback_pool)) = (default_pools.is_empty(), fallback_pool) else {
        return Err(Fault::malformed(
            "a load balancer without default pools or without a fallback pool",
        ));
    };
    let flag = |field: &str| result.get(field).and_then(Value::as_bool);
    let ttl = result.get("ttl").and_then(Value::as_u64).filter(|ttl| *ttl > 0);
    Ok(BalancerView {
        // Cloudflare API docs: enabled unless said otherwise, DNS-only unless said otherwise.
        enabled: flag("enabled").unwrap_or(true),
        dns_ttl: (!flag("proxied").unwrap_or(false)).then(|| ttl.map_or(DEFAULT_TTL, Duration::from_secs)),
        steering: clean(
            result
                .get("steering_policy")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        ),
        default_pools,
        fallback_pool: clean(fallback_pool),
        region_pools: map(result.get("region_pools"))?,
        country_pools: map(result.get("country_pools"))?,
        pop_pools: map(result.get("pop_pools"))?,
        named_elsewhere: elsewhere(result)?,
    })
}

fn object(value: &Value) -> Result<&Map<String, Value>, Fault> {
    value
        .as_object()
        .ok_or_else(|| Fault::malformed("the result is no object"))
}

fn list(value: Option<&Value>) -> Result<Vec<Text>, Fault> {
    let wrong = || Fault::malformed("a list of pools is none");
    match value {
        None | Some(Value::Null) => Ok(vec![]),
        Some(Value::Array(pools)) => pools
            .iter()
            .map(|pool| pool.as_str().map(clean).ok_or_else(wrong))
            .collect(),
        Some(_) => Err(wrong()),
    }
}

fn map(value: Option<&Value>) -> Result<BTreeMap<Text, Vec<Text>>, Fault> {
    match value {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(Value::Object(places)) => places
            .iter()
            .map(|(place, pools)| Ok((clean(place), list(Some(pools))?)))
            .collect(),
        Some(_) => Err(Fault::malformed("a map of pools is none")),
    }
}

/// Pools named by weights and by rules, whether these apply now or not.
fn elsewhere(result: &Map<String, Value>) -> Result<Vec<Text>, Fault> {
    let mut named = BTreeSet::new();
    weights(result, &mut named);
    for rule in result.get("rules").and_then(Value::as_array).into_iter().flatten() {
        let Some(overrides) = rule.get("overrides").and_then(Value::as_object) else {
            continue;
        };
        named.extend(list(overrides.get("default_pools"))?);
        named.extend(overrides.get("fallback_pool").and_then(Value::as_str).map(clean));
        for field in MAPS {
            named.extend(map(overrides.get(field))?.into_values().flatten());
        }
        weights(overrides, &mut named);
    }
    named.remove("");
    Ok(named.into_iter().collect())
}

fn weights(of: &Map<String, Value>, named: &mut BTreeSet<Text>) {
    let weights = of.get("random_steering").and_then(|random| random.get("pool_weights"));
    named.extend(
        weights
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::keys)
            .map(|pool| clean(pool)),
    );
}
