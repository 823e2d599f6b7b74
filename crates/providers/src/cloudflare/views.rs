//! From Cloudflare's documents to what we decide on. Everything else in them may change as it likes.

use super::fields::{
    Object, flag, number, object, objects, part, places, pool as pool_id, pools, string, unknown_kind,
};
use super::is_id;
use crate::fault::Fault;
use crate::text::clean;
use breakwater_core::Text;
use breakwater_core::reading::{BalancerView, MonitorView, PoolHealthView, PoolView};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// TTL of a DNS-only balancer that names none (Cloudflare API docs: default 30).
const DEFAULT_TTL: u64 = 30;

/// Greatest TTL of a record (RFC 2181, section 8).
const GREATEST_TTL: u64 = (1 << 31) - 1;

/// The maps of a load balancer, of its rules' overrides too.
const MAPS: [&str; 3] = ["region_pools", "country_pools", "pop_pools"];

/// Whether a result is about what was asked: `field` holds its id, always.
pub(super) fn is_about(result: Value, field: &str, asked: &str) -> Result<Value, Fault> {
    match string(object(&result)?, field)? {
        Some(about) if about.eq_ignore_ascii_case(asked) => Ok(result),
        Some(_) => Err(Fault::malformed("the answer is about something else")),
        None => Err(Fault::malformed("the answer does not say what it is about")),
    }
}

/// Cities that say healthy and unhealthy. One that says neither (no origins, null) is in neither number; what
/// its origins say does not replace it.
pub(super) fn pool_health(result: &Value) -> Result<PoolHealthView, Fault> {
    let mut view = PoolHealthView {
        healthy: 0,
        unhealthy: 0,
    };
    let cities = part(object(result)?, "pop_health")?;
    for city in cities
        .into_iter()
        .flat_map(Object::values)
        .filter(|city| !city.is_null())
    {
        let city = city.as_object().ok_or_else(|| unknown_kind("a city of pop_health"))?;
        match flag(city, "healthy")? {
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
    let named = |field: &str| Ok(string(result, field)?.filter(|id| !id.is_empty()));
    let (monitor, group) = (named("monitor")?, named("monitor_group")?);
    Ok(PoolView {
        enabled: flag(result, "enabled")?
            .ok_or_else(|| Fault::malformed("a pool that is neither enabled nor disabled"))?,
        monitored: monitor.is_some() || group.is_some(),
        monitor: monitor.map(clean),
    })
}

/// How a monitor asks. What it does not say is as Cloudflare's API docs say that it is by default.
pub(super) fn monitor(result: &Value) -> Result<MonitorView, Fault> {
    let result = object(result)?;
    let seconds = |field: &str, default| Ok(number(result, field)?.map_or(default, Duration::from_secs));
    let retries = number(result, "retries")?.and_then(|retries| u32::try_from(retries).ok());
    Ok(MonitorView {
        interval: seconds("interval", MonitorView::DEFAULT.interval)?,
        timeout: seconds("timeout", MonitorView::DEFAULT.timeout)?,
        retries: retries.unwrap_or(MonitorView::DEFAULT.retries),
    })
}

/// A load balancer. Absent, null and an empty map mean the same.
pub(super) fn balancer(result: &Value) -> Result<BalancerView, Fault> {
    let result = object(result)?;
    let default_pools = pools(result, "default_pools")?;
    let (false, Some(fallback_pool)) = (default_pools.is_empty(), pool_id(result, "fallback_pool")?) else {
        return Err(Fault::malformed(
            "a load balancer without default pools or without a fallback pool",
        ));
    };
    Ok(BalancerView {
        // Cloudflare API docs: enabled unless said otherwise, DNS-only unless said otherwise.
        enabled: flag(result, "enabled")?.unwrap_or(true),
        dns_ttl: dns_ttl(result)?,
        steering: clean(string(result, "steering_policy")?.unwrap_or_default()),
        default_pools,
        fallback_pool,
        region_pools: places(result, "region_pools")?,
        country_pools: places(result, "country_pools")?,
        pop_pools: places(result, "pop_pools")?,
        named_elsewhere: elsewhere(result)?,
    })
}

/// `None` when Cloudflare stands in front and nobody keeps an address of ours.
fn dns_ttl(result: &Object) -> Result<Option<Duration>, Fault> {
    let seconds = number(result, "ttl")?.filter(|ttl| *ttl > 0).unwrap_or(DEFAULT_TTL);
    if seconds > GREATEST_TTL {
        return Err(Fault::malformed("a TTL that there is not"));
    }
    let proxied = flag(result, "proxied")?.unwrap_or(false);
    Ok((!proxied).then(|| Duration::from_secs(seconds)))
}

/// Pools named by weights and by rules, whether these apply now or not.
fn elsewhere(result: &Object) -> Result<Vec<Text>, Fault> {
    let mut named = BTreeSet::new();
    weights(result, &mut named)?;
    for rule in objects(result, "rules")? {
        let Some(overrides) = part(rule, "overrides")? else {
            continue;
        };
        named.extend(pools(overrides, "default_pools")?);
        named.extend(pool_id(overrides, "fallback_pool")?);
        for field in MAPS {
            named.extend(places(overrides, field)?.into_values().flatten());
        }
        weights(overrides, &mut named)?;
    }
    Ok(named.into_iter().collect())
}

fn weights(of: &Object, named: &mut BTreeSet<Text>) -> Result<(), Fault> {
    let weights = match part(of, "random_steering")? {
        Some(random) => part(random, "pool_weights")?,
        None => None,
    };
    for pool in weights.into_iter().flat_map(Object::keys) {
        if !is_id(pool) {
            return Err(unknown_kind("pool_weights"));
        }
        named.insert(pool.as_str().into());
    }
    Ok(())
}
