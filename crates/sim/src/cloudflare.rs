//! Cloudflare's API for load balancing: documents that are read and patched, and refused when they are wrong.
//!
//! There is no version and no ETag: the last PATCH wins. A PATCH changes the top-level fields that it names
//! and no other; a map is replaced whole.

use crate::calendar::rfc3339;
use crate::edge::{CITIES, Policy, PoolId, Route, Steering};
use crate::ledger::{Name, What};
use crate::monitors::Health;
use crate::rds::error;
use crate::request::{Answer, CloudflareOp, Millis};
use crate::setup::{BalancerSetup, RegionSetup, ShopSetup};
use crate::world::World;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// A pool: one region of one shop.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub shop: usize,
    pub side: usize,
    pub id: Name,
    pub doc: Map<String, Value>,
    pub enabled: bool,
    /// It was deleted: nothing finds it any more.
    pub deleted: bool,
    /// By city; `None`: the city says nothing.
    pub health: [Option<Health>; CITIES.len()],
    /// Serial number of the newest check, by city.
    pub checks: [u64; CITIES.len()],
    /// What the ledger last said of its health.
    pub noted: Option<bool>,
}

/// A load balancer.
#[derive(Clone, Debug)]
pub(crate) struct Balancer {
    pub shop: usize,
    pub id: Name,
    pub doc: Map<String, Value>,
    pub steering: Steering,
    /// Former documents and until when they were in force, oldest first: reads may lag behind.
    pub past: Vec<(Millis, Map<String, Value>)>,
    /// Addresses handed out by DNS, by city, and until when they are kept.
    pub handed_out: [Option<(Route, Millis)>; CITIES.len()],
}

/// Calls per actor in Cloudflare's five minutes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quota {
    calls: std::collections::VecDeque<Millis>,
    refused_until: Millis,
}

/// Former documents of a balancer that are kept.
const PAST_KEPT: usize = 16;

const FIVE_MINUTES: Millis = 300_000;

impl Quota {
    /// Counts a call; beyond the quota everything is refused for five minutes.
    fn spent(&mut self, now: Millis, quota: usize) -> bool {
        if now < self.refused_until {
            return true;
        }
        while self.calls.front().is_some_and(|at| *at <= now - FIVE_MINUTES) {
            self.calls.pop_front();
        }
        self.calls.push_back(now);
        if self.calls.len() > quota {
            self.refused_until = now + FIVE_MINUTES;
            self.calls.clear();
            return true;
        }
        false
    }
}

impl Pool {
    /// Enabled, and healthy as seen from this city; a city that says nothing goes by the others. Unknown
    /// health counts as down.
    pub(crate) fn healthy_from(&self, city: usize) -> bool {
        self.enabled
            && match &self.health[city] {
                Some(health) => health.healthy,
                None => self.verdict().unwrap_or(false),
            }
    }

    /// More than half of the cities that say something say healthy.
    pub(crate) fn verdict(&self) -> Option<bool> {
        let said = self.health.iter().flatten().count();
        let healthy = self.health.iter().flatten().filter(|health| health.healthy);
        (said > 0).then(|| healthy.count() * 2 > said)
    }
}

/// The document of a pool at the start.
pub(crate) fn pool_doc(shop: &ShopSetup, side: &RegionSetup, monitor: &str, now: Millis) -> Map<String, Value> {
    object(json!({
        "id": side.pool_id,
        "name": format!("{}-{}", shop.name, side.region),
        "description": "",
        "enabled": true,
        "minimum_origins": 1,
        "monitor": monitor,
        "check_regions": null,
        "notification_email": "",
        "origins": [{"name": "alb", "address": side.alb_host, "enabled": true, "weight": 1}],
        "created_on": rfc3339(now),
        "modified_on": rfc3339(now),
    }))
}

/// The document of a load balancer at the start.
pub(crate) fn balancer_doc(shop: &ShopSetup, balancer: &BalancerSetup, now: Millis) -> Map<String, Value> {
    let mut doc = object(json!({
        "id": balancer.id,
        "name": balancer.hostname,
        "description": "",
        "enabled": true,
        "proxied": balancer.proxied,
        "steering_policy": shop.steering,
        "session_affinity": "none",
        "session_affinity_attributes": {"samesite": "Auto", "secure": "Auto", "zero_downtime_failover": "none"},
        "default_pools": [shop.primary.pool_id, shop.secondary.pool_id],
        "fallback_pool": shop.primary.pool_id,
        "region_pools": shop.region_pools,
        "country_pools": shop.country_pools,
        "pop_pools": shop.pop_pools,
        "rules": [],
        "created_on": rfc3339(now),
        "modified_on": rfc3339(now),
    }));
    if !balancer.proxied {
        doc.insert("ttl".into(), json!(balancer.ttl));
    }
    doc
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Understands a load balancer's document, or says what is wrong with it (code and message).
pub(crate) fn steering(
    doc: &Map<String, Value>,
    pools: &HashMap<Name, PoolId>,
) -> Result<Steering, (&'static str, String)> {
    let text = |field: &str| doc.get(field).and_then(Value::as_str);
    let flag = |field: &str, default| doc.get(field).and_then(Value::as_bool).unwrap_or(default);
    let default = pool_list(doc.get("default_pools"), "default_pools", pools)?;
    let fallback = text("fallback_pool")
        .and_then(|id| pools.get(id).copied())
        .ok_or_else(|| ("1002", "fallback_pool: pool not found: validation failed".into()))?;
    let random = doc.get("random_steering").and_then(Value::as_object);
    let weights = random
        .and_then(|random| random.get("pool_weights"))
        .and_then(Value::as_object)
        .map(|weights| {
            weights
                .iter()
                .filter_map(|(id, weight)| Some((*pools.get(id.as_str())?, weight.as_f64()?)))
                .collect()
        });
    Ok(Steering {
        enabled: flag("enabled", true),
        policy: match text("steering_policy").unwrap_or("") {
            "" | "off" => Policy::Order,
            "geo" => Policy::Geo,
            "random" | "dynamic_latency" | "proximity" | "least_outstanding_requests" | "least_connections" => {
                Policy::Weighted
            }
            other => {
                let message = format!("steering_policy {other:?} is unknown: validation failed");
                return Err(("1002", message));
            }
        },
        default,
        fallback,
        by_pop: pool_lists(doc, "pop_pools", pools)?,
        by_country: pool_lists(doc, "country_pools", pools)?,
        by_region: pool_lists(doc, "region_pools", pools)?,
        weights: weights.unwrap_or_default(),
        default_weight: random
            .and_then(|random| random.get("default_weight"))
            .and_then(Value::as_f64)
            .unwrap_or(1.0),
        handed_out_for: (!flag("proxied", false)).then(|| doc.get("ttl").and_then(Value::as_i64).unwrap_or(30) * 1000),
    })
}

fn pool_lists(
    doc: &Map<String, Value>,
    field: &str,
    pools: &HashMap<Name, PoolId>,
) -> Result<BTreeMap<String, Vec<PoolId>>, (&'static str, String)> {
    let Some(map) = doc.get(field).filter(|map| !map.is_null()) else {
        return Ok(BTreeMap::new());
    };
    let Some(map) = map.as_object() else {
        return Err(("1002", format!("{field}: not a map: validation failed")));
    };
    map.iter()
        .map(|(key, list)| {
            let list = pool_list(Some(list), &format!("{field}.{key}"), pools)?;
            Ok((key.clone(), list))
        })
        .collect()
}

/// A list of pools: not empty, none unknown, none twice.
fn pool_list(
    list: Option<&Value>,
    field: &str,
    pools: &HashMap<Name, PoolId>,
) -> Result<Vec<PoolId>, (&'static str, String)> {
    let ids = list.and_then(Value::as_array).filter(|ids| !ids.is_empty());
    let ids = ids.ok_or_else(|| ("1002", format!("{field}: must name a pool: validation failed")))?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let pool = id.as_str().and_then(|id| pools.get(id).copied());
        let pool = pool.ok_or_else(|| ("1002", format!("{field}: pool {id} not found: validation failed")))?;
        if found.contains(&pool) {
            return Err(("1003", "value not unique: validation failed".into()));
        }
        found.push(pool);
    }
    Ok(found)
}

/// Where each pool stands in a document.
fn places(doc: &Map<String, Value>, pools: &HashMap<Name, PoolId>) -> BTreeMap<Name, Vec<String>> {
    let mut found: BTreeMap<Name, Vec<String>> = BTreeMap::new();
    let mut note = |value: &Value, place: &str| {
        walk(value, &mut |id| {
            if let Some((name, _)) = pools.get_key_value(id) {
                let places = found.entry(name.clone()).or_default();
                if places.last().is_none_or(|last| last != place) {
                    places.push(place.to_owned());
                }
            }
        });
    };
    for field in ["default_pools", "fallback_pool", "rules"] {
        note(doc.get(field).unwrap_or(&Value::Null), field);
    }
    for field in ["region_pools", "country_pools", "pop_pools"] {
        for (key, list) in doc.get(field).and_then(Value::as_object).into_iter().flatten() {
            note(list, &format!("{field}.{key}"));
        }
    }
    let weights = doc.get("random_steering").and_then(|random| random.get("pool_weights"));
    note(weights.unwrap_or(&Value::Null), "random_steering.pool_weights");
    found
}

/// Every string and every key in a value.
fn walk(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Object(map) => {
            for (key, item) in map {
                visit(key);
                walk(item, visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl World {
    /// Answers a Cloudflare request; the effect takes place now.
    pub(crate) fn cloudflare(&mut self, op: &CloudflareOp, user: &str, number: u64) -> Answer {
        let quota = self.quotas.entry(user.to_owned()).or_default();
        if quota.spent(self.now, self.setup.timing.cloudflare_quota) {
            return error(
                429,
                "10429",
                "Rate limited. Please consider throttling your request speed",
            );
        }
        if let Some(refusal) = self.foreign(op) {
            return refusal;
        }
        match op {
            CloudflareOp::VerifyToken => error(400, "1001", "endpoint does not support account owned tokens."),
            CloudflareOp::ListPools { .. } => result(
                (0..self.pools.len())
                    .filter(|pool| !self.pools[*pool].deleted)
                    .map(|pool| Value::Object(self.pool_now(pool)))
                    .collect(),
            ),
            CloudflareOp::GetPool { id, .. } => match self.pool(id) {
                Some(pool) => result(Value::Object(self.pool_now(pool))),
                None => not_found(id),
            },
            CloudflareOp::PoolHealth { id, .. } => match self.pool(id) {
                Some(pool) => result(self.pool_health(pool)),
                None => not_found(id),
            },
            CloudflareOp::PatchPool { id, patch, .. } => match self.pool(id) {
                Some(pool) => self.patch_pool(pool, patch, number),
                None => not_found(id),
            },
            CloudflareOp::DeletePool { id, .. } => match self.pool(id) {
                Some(pool) => self.remove_pool(pool, number),
                None => not_found(id),
            },
            CloudflareOp::GetMonitor { id, .. } => match self.monitor(id) {
                Some(monitor) => result(monitor),
                None => not_found(id),
            },
            CloudflareOp::ListBalancers { .. } => result(
                (0..self.balancers.len())
                    .map(|balancer| Value::Object(self.balancer_as_read(balancer)))
                    .collect(),
            ),
            CloudflareOp::GetBalancer { id, .. } => match self.balancer(id) {
                Some(balancer) => result(Value::Object(self.balancer_as_read(balancer))),
                None => not_found(id),
            },
            CloudflareOp::PatchBalancer { id, patch, .. } => match self.balancer(id) {
                Some(balancer) => self.patch_balancer(balancer, patch, number),
                None => not_found(id),
            },
        }
    }

    /// Another account or zone than ours is not there.
    fn foreign(&self, op: &CloudflareOp) -> Option<Answer> {
        let (own, asked) = match op {
            CloudflareOp::VerifyToken => return None,
            CloudflareOp::ListPools { account }
            | CloudflareOp::GetPool { account, .. }
            | CloudflareOp::PoolHealth { account, .. }
            | CloudflareOp::PatchPool { account, .. }
            | CloudflareOp::DeletePool { account, .. }
            | CloudflareOp::GetMonitor { account, .. } => (&self.setup.cloudflare_account, account),
            CloudflareOp::ListBalancers { zone }
            | CloudflareOp::GetBalancer { zone, .. }
            | CloudflareOp::PatchBalancer { zone, .. } => (&self.setup.cloudflare_zone, zone),
        };
        (own != asked).then(|| not_found(asked))
    }

    fn pool(&self, id: &str) -> Option<PoolId> {
        self.pool_ids.get(id).copied()
    }

    fn balancer(&self, id: &str) -> Option<usize> {
        self.balancers.iter().position(|balancer| *balancer.id == *id)
    }

    /// A pool's document with the health that Cloudflare adds to it.
    fn pool_now(&self, pool: PoolId) -> Map<String, Value> {
        let pool = &self.pools[pool];
        let mut doc = pool.doc.clone();
        doc.insert("healthy".into(), json!(pool.verdict().unwrap_or(false)));
        doc
    }

    fn patch_pool(&mut self, pool: PoolId, patch: &Value, number: u64) -> Answer {
        let mut doc = match patched(&self.pools[pool].doc, patch) {
            Ok(doc) => doc,
            Err(refusal) => return refusal,
        };
        if doc.get("origins").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            return error(
                400,
                "1002",
                "the origin list length must be in range [1, 20]: validation failed",
            );
        }
        doc.insert("modified_on".into(), json!(rfc3339(self.now)));
        let enabled = doc.get("enabled").and_then(Value::as_bool).unwrap_or(true);
        self.pools[pool].doc = doc;
        self.pools[pool].enabled = enabled;
        if !enabled {
            // A disabled pool is not monitored: nothing is known of it from now on.
            self.forget_health(pool);
        }
        self.note_pool(pool, Some(number));
        result(Value::Object(self.pool_now(pool)))
    }

    fn patch_balancer(&mut self, balancer: usize, patch: &Value, number: u64) -> Answer {
        let mut doc = match patched(&self.balancers[balancer].doc, patch) {
            Ok(doc) => doc,
            Err(refusal) => return refusal,
        };
        match steering(&doc, &self.pool_ids) {
            Err((code, message)) => error(400, code, &message),
            Ok(steering) => {
                doc.insert("modified_on".into(), json!(rfc3339(self.now)));
                let now = self.now;
                let own = &mut self.balancers[balancer];
                let former = std::mem::replace(&mut own.doc, doc.clone());
                if own.past.len() >= PAST_KEPT {
                    own.past.remove(0);
                }
                own.past.push((now, former));
                own.steering = steering;
                self.note_balancer(balancer, Some(number));
                self.forget_unlisted();
                result(Value::Object(doc))
            }
        }
    }

    /// A balancer's document as a read shows it.
    fn balancer_as_read(&self, balancer: usize) -> Map<String, Value> {
        let own = &self.balancers[balancer];
        let at = self.now - self.readback_lag;
        let former = own.past.iter().find(|(until, _)| self.readback_lag > 0 && *until > at);
        former.map_or_else(|| own.doc.clone(), |(_, doc)| doc.clone())
    }

    /// A pool in a list cannot be deleted.
    fn remove_pool(&mut self, pool: PoolId, number: u64) -> Answer {
        if self.listed(pool) {
            return error(412, "1005", "pool is in use by a load balancer: precondition failed");
        }
        let own = &mut self.pools[pool];
        (own.deleted, own.enabled) = (true, false);
        let id = own.id.clone();
        self.forget_health(pool);
        self.note_pool(pool, Some(number));
        self.pool_ids.remove(&id);
        result(json!({ "id": &*id }))
    }

    /// Whether a pool stands in a list of any balancer.
    pub(crate) fn listed(&self, pool: PoolId) -> bool {
        self.balancers.iter().any(|balancer| {
            let steering = &balancer.steering;
            let in_maps = [&steering.by_pop, &steering.by_country, &steering.by_region]
                .iter()
                .any(|map| map.values().flatten().any(|listed| *listed == pool));
            steering.fallback == pool || steering.default.contains(&pool) || in_maps
        })
    }

    pub(crate) fn note_balancer(&mut self, balancer: usize, call: Option<u64>) {
        let own = &self.balancers[balancer];
        let name = |pool: &PoolId| self.pools[*pool].id.clone();
        let what = What::Balancer {
            shop: self.shops[own.shop].name.clone(),
            balancer: own.id.clone(),
            enabled: own.steering.enabled,
            steering: own
                .doc
                .get("steering_policy")
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned(),
            first: own.steering.default.first().map(name).unwrap_or_default(),
            default_pools: own.steering.default.iter().map(name).collect(),
            fallback: name(&own.steering.fallback),
            lists: places(&own.doc, &self.pool_ids),
            call,
        };
        self.ledger.push(self.now, what);
    }

    pub(crate) fn note_pool(&mut self, pool: PoolId, call: Option<u64>) {
        let verdict = self.pools[pool].verdict();
        let own = &mut self.pools[pool];
        if call.is_none() && own.noted == verdict && self.now != self.ledger.start {
            return;
        }
        own.noted = verdict;
        let what = What::Pool {
            shop: self.shops[own.shop].name.clone(),
            pool: own.id.clone(),
            region: self.shops[own.shop].sides[own.side].region.clone(),
            enabled: own.enabled,
            deleted: own.deleted,
            healthy: verdict,
            call,
        };
        self.ledger.push(self.now, what);
    }
}

/// The document after a PATCH: named fields replaced, `null` removes, what Cloudflare owns stays.
fn patched(doc: &Map<String, Value>, patch: &Value) -> Result<Map<String, Value>, Answer> {
    let Some(patch) = patch.as_object() else {
        return Err(error(400, "1002", "the body must be an object: validation failed"));
    };
    let mut next = doc.clone();
    for (field, value) in patch {
        match field.as_str() {
            "id" | "created_on" | "modified_on" | "healthy" => {}
            _ if value.is_null() => {
                next.remove(field);
            }
            _ => {
                next.insert(field.clone(), value.clone());
            }
        }
    }
    Ok(next)
}

fn result(result: Value) -> Answer {
    Answer::Cloudflare { result }
}

fn not_found(id: &str) -> Answer {
    error(404, "1001", &format!("resource {id} not found"))
}
