//! A small good run, written by hand: ca-central-1 dies, the shop moves, the region returns and its former writer is
//! stopped. Times are seconds since the start of the run.

use serde_json::{Value, json};

/// 2026-11-25T00:00:00Z.
pub const START: i64 = 1_795_564_800_000;

pub const EAST: &str = "ca-central-1";
pub const WEST: &str = "us-west-2";

/// When the region dies.
pub const DIES: i64 = 600;
/// When the licence is written and the promotion sent.
pub const LICENCE: i64 = 800;
/// When the promoted instance takes writes.
pub const PROMOTED: i64 = 980;
/// When the region's databases run again.
pub const RETURNS: i64 = 1500;
/// When the former writer takes no more writes.
pub const STOPPED: i64 = 1560;
/// When the journal knows.
pub const FENCED: i64 = 1580;
/// When the exclusion ends.
pub const RETURNED: i64 = 2200;
/// End of the ledger: long enough after the last trouble to be at rest.
pub const UNTIL: i64 = 4000;

/// Numbers of the calls.
pub const PATCH_ORDER: u64 = 101;
pub const PATCH_EXCLUDE: u64 = 103;
pub const PROMOTE: u64 = 105;
pub const NAME: u64 = 107;
pub const STOP: u64 = 111;

/// Ledger, history and context.
pub struct Documents {
    pub ledger: Value,
    pub history: Value,
    pub context: Value,
}

/// Virtual milliseconds.
pub fn ms(second: i64) -> i64 {
    START + second * 1000
}

/// A journal's timestamp.
pub fn stamp(second: i64) -> String {
    jiff::Timestamp::from_millisecond(ms(second)).unwrap().to_string()
}

pub fn good() -> Documents {
    Documents {
        ledger: ledger(),
        history: history(),
        context: json!({
            "installation": "test",
            "shops": [{
                "shop": "shops/shop-ca",
                "primary": {"region": EAST, "instance": "shop-cac1", "pool": "east", "services": [
                    "https://cac1/checkout", {"name": "search", "url": "https://cac1/search", "needsWriter": false}]},
                "secondary": {"region": WEST, "instance": "shop-usw2", "pool": "west", "services": []},
                "balancers": ["lb"],
                "maxLossSeconds": 300, "promoteAfterSeconds": 120, "databaseGraceSeconds": 300,
                "intervalSeconds": 10, "automatic": true,
            }],
            "leases": [{"holder": "p1", "from": ms(0), "until": ms(UNTIL)}],
        }),
    }
}

/// The same run, judged before anything has come to rest.
pub fn short() -> Documents {
    let mut run = good();
    run.ledger["until"] = json!(ms(2000));
    run.history.as_array_mut().unwrap().pop();
    run
}

fn ledger() -> Value {
    json!({
        "format": 1, "seed": 1, "start": ms(0), "until": ms(UNTIL),
        "shops": [{
            "name": "shop-ca", "hostname": "shop.example.com", "balancers": ["lb"],
            "writer_record": "db.shop.example.com.", "owner_record": "_breakwater.db.shop.example.com.",
            "regions": [
                {"region": EAST, "pool": "east", "instance": "shop-cac1", "endpoint": "shop-cac1.rds",
                 "role": "writer", "proof": true},
                {"region": WEST, "pool": "west", "instance": "shop-usw2", "endpoint": "shop-usw2.rds",
                 "role": "replica", "proof": true},
            ],
        }],
        "events": events(),
        "reads": reads(),
        "writable": [
            {"shop": "shop-ca", "instance": "shop-cac1", "region": EAST, "from": ms(0), "to": ms(DIES),
             "orders_of_shoppers": 1000, "orders_of_jobs": 10, "last_order_at": ms(DIES)},
            {"shop": "shop-ca", "instance": "shop-usw2", "region": WEST, "from": ms(PROMOTED), "to": null,
             "orders_of_shoppers": 1000, "orders_of_jobs": 10, "last_order_at": ms(UNTIL)},
            {"shop": "shop-ca", "instance": "shop-cac1", "region": EAST, "from": ms(RETURNS), "to": ms(STOPPED),
             "orders_of_shoppers": 0, "orders_of_jobs": 1, "last_order_at": ms(RETURNS + 10)},
        ],
        "meetings": [
            meeting(DIES - 1, EAST, 2, 2, json!({"shop-cac1": 2})),
            meeting(DIES + 10, EAST, 2, 0, json!({})),
            meeting(LICENCE + 20, WEST, 2, 2, json!({})),
            meeting(FENCED + 1, EAST, 1, 1, json!({})),
        ],
        "absent": [
            absent(1, DIES - 1),
            absent(2, DIES - 1),
            absent(3, RETURNS + 10),
        ],
    })
}

pub fn meeting(at: i64, region: &str, routed: u32, reached: u32, acknowledged: Value) -> Value {
    json!({"at": ms(at), "shop": "shop-ca", "balancer": "lb", "region": region, "mapped": false, "fallback": false,
           "routed": routed, "reached": reached, "acknowledged": acknowledged, "refused": 0})
}

fn absent(order: u64, at: i64) -> Value {
    json!({"shop": "shop-ca", "order": order, "at": ms(at), "instance": "shop-cac1", "by": "shopper",
           "writer": "shop-usw2", "since": ms(PROMOTED)})
}

fn events() -> Value {
    let mut events = vec![
        balancer(0, &["east", "west"], None),
        json!({"at": ms(0), "event": "pool", "shop": "shop-ca", "pool": "east", "region": EAST, "enabled": true,
               "healthy": true, "call": null}),
        json!({"at": ms(0), "event": "pool", "shop": "shop-ca", "pool": "west", "region": WEST, "enabled": true,
               "healthy": true, "call": null}),
        name(0, "shop-cac1", true, "set-up", None),
        json!({"at": ms(DIES), "event": "fault-injected", "id": 1,
               "fault": {"kind": "region-down", "region": EAST, "names_vanish": false}}),
        link(DIES, false),
        patch(650, PATCH_ORDER, &["west", "east"]),
        balancer(650, &["west", "east"], Some(PATCH_ORDER)),
        patch(775, PATCH_EXCLUDE, &["west"]),
        balancer(775, &["west"], Some(PATCH_EXCLUDE)),
    ];
    events.extend([
        promote(LICENCE + 1, PROMOTE),
        json!({"at": ms(LICENCE + 1), "event": "promotion-accepted", "shop": "shop-ca", "instance": "shop-usw2",
               "region": WEST, "call": PROMOTE}),
        json!({"at": ms(PROMOTED), "event": "promoted", "shop": "shop-ca", "instance": "shop-usw2", "region": WEST,
               "source": "shop-cac1", "call": PROMOTE, "held_until": ms(DIES) - 1500,
               "source_wrote_until": ms(DIES), "orders_absent": 2}),
        instance(PROMOTED, "shop-usw2", WEST, "available", None),
        records(1005, NAME),
        name(1005, "shop-usw2", true, "submitted", Some(NAME)),
        json!({"at": ms(1005), "event": "record", "shop": "shop-ca", "stage": "submitted",
               "name": "_breakwater.db.shop.example.com.", "kind": "TXT", "ttl": 60, "call": NAME,
               "instance": null, "writer": null, "values": [txt(2, WEST, EAST)]}),
        name(1030, "shop-usw2", true, "visible", Some(NAME)),
        json!({"at": ms(1400), "event": "fault-cleared", "id": 1,
               "fault": {"kind": "region-down", "region": EAST, "names_vanish": false}}),
        json!({"at": ms(RETURNS), "event": "returned", "region": EAST, "part": "databases"}),
        stop(1510, STOP),
        instance(1510, "shop-cac1", EAST, "stopping", None),
        json!({"at": ms(1520), "event": "returned", "region": EAST, "part": "services"}),
        instance(1570, "shop-cac1", EAST, "stopped", None),
    ]);
    Value::Array(events)
}

/// A request that a call can name as its cause, 20 ms of real time before it.
fn reads() -> Value {
    let causes = [
        (649, PATCH_ORDER),
        (774, PATCH_EXCLUDE),
        (800, PROMOTE),
        (1004, NAME),
        (1509, STOP),
    ];
    let mut reads: Vec<Value> = causes
        .into_iter()
        .map(|(at, call)| read(at, call - 1, "https://other/", "ok"))
        .collect();
    reads.push(read(DIES - 5, 50, "https://cac1/checkout", "ok"));
    reads.push(read(DIES + 5, 51, "https://cac1/checkout", "silent"));
    reads.push(read(DIES + 100, 52, "https://cac1/checkout", "silent"));
    reads.sort_by_key(|read| read["at"].as_i64());
    Value::Array(reads)
}

/// Real microseconds of a virtual second; the clock runs 30 times as fast as real time.
pub fn micros(second: i64) -> i64 {
    1_000_000_000 + second * 1_000_000 / 30
}

pub fn read(at: i64, number: u64, target: &str, result: &str) -> Value {
    json!({"number": number, "asked": number, "because": null, "at": ms(at), "vantage": "controller", "api": "http",
           "region": null, "op": "get", "target": target, "result": result, "arrived_micros": micros(at),
           "answered_at": ms(at), "answered_micros": micros(at), "gave_up_at": null, "gave_up_micros": null})
}

/// A call of the controller that arrives 10 ms (real) after its cause was answered, a virtual second before.
pub fn call(at: i64, number: u64, api: &str, region: Option<&str>, op: &str, target: &str, detail: Value) -> Value {
    json!({"at": ms(at), "event": "call", "number": number, "asked": number, "because": number - 1,
           "vantage": "controller", "actor": "breakwater", "api": api, "region": region, "op": op, "target": target,
           "shop": "shop-ca", "detail": detail, "effect": "applied", "code": null, "reply": true,
           "arrived_micros": micros(at - 1) + 10_000, "answered_at": ms(at), "answered_micros": micros(at - 1) + 12_000,
           "gave_up_at": null, "gave_up_micros": null})
}

pub fn promote(at: i64, number: u64) -> Value {
    let detail = json!({"op": "promote-read-replica", "id": "shop-usw2", "backup_retention_period": 7});
    call(
        at,
        number,
        "rds",
        Some(WEST),
        "promote-read-replica",
        "shop-usw2",
        detail,
    )
}

pub fn patch(at: i64, number: u64, pools: &[&str]) -> Value {
    let patch = json!({"default_pools": pools, "fallback_pool": pools[0]});
    let detail = json!({"op": "patch-balancer", "zone": "z", "id": "lb", "patch": patch});
    call(at, number, "cloudflare", None, "patch-balancer", "lb", detail)
}

pub fn records(at: i64, number: u64) -> Value {
    let record = |kind: &str, name: &str, value: &str| json!({"name": name, "kind": kind, "ttl": 30, "values": [value], "set_identifier": null});
    let changes = json!([
        {"action": "DELETE", "record": record("CNAME", "db.shop.example.com.", "shop-cac1.rds")},
        {"action": "CREATE", "record": record("CNAME", "db.shop.example.com.", "shop-usw2.rds")},
        {"action": "CREATE", "record": record("TXT", "_breakwater.db.shop.example.com.", &txt(2, WEST, EAST))},
    ]);
    let detail = json!({"op": "change-records", "zone": "Z", "changes": changes});
    call(at, number, "route53", None, "change-records", "Z", detail)
}

pub fn stop(at: i64, number: u64) -> Value {
    let detail = json!({"op": "stop-instance", "id": "shop-cac1"});
    call(at, number, "rds", Some(EAST), "stop-instance", "shop-cac1", detail)
}

pub fn txt(epoch: i64, region: &str, excluded: &str) -> String {
    format!("\"v=1 owner=test/shops/shop-ca epoch={epoch} region={region} excluded={excluded}\"")
}

pub fn balancer(at: i64, pools: &[&str], call: Option<u64>) -> Value {
    let mut lists = serde_json::Map::new();
    for pool in pools {
        let mut places = vec!["default_pools"];
        if *pool == pools[0] {
            places.push("fallback_pool");
        }
        lists.insert((*pool).to_owned(), json!(places));
    }
    json!({"at": ms(at), "event": "balancer", "shop": "shop-ca", "balancer": "lb", "enabled": true, "steering": "off",
           "first": pools[0], "default_pools": pools, "fallback": pools[0], "lists": lists, "call": call})
}

pub fn name(at: i64, instance: &str, writer: bool, stage: &str, call: Option<u64>) -> Value {
    json!({"at": ms(at), "event": "record", "shop": "shop-ca", "stage": stage, "name": "db.shop.example.com.",
           "kind": "CNAME", "values": [format!("{instance}.rds")], "ttl": 30, "call": call, "instance": instance,
           "writer": writer})
}

pub fn instance(at: i64, instance: &str, region: &str, status: &str, source: Option<&str>) -> Value {
    json!({"at": ms(at), "event": "instance", "shop": "shop-ca", "instance": instance, "region": region,
           "status": status, "source": source})
}

pub fn link(at: i64, flowing: bool) -> Value {
    json!({"at": ms(at), "event": "link", "shop": "shop-ca", "instance": "shop-usw2", "source": "shop-cac1",
           "flowing": flowing})
}

fn history() -> Value {
    let fence = json!({"kind": "FenceFormerWriter", "region": EAST, "instance": "shop-cac1", "number": 2,
                       "since": stamp(LICENCE)});
    let rebuild = json!({"kind": "RebuildStandby", "region": EAST, "instance": "shop-cac1", "number": 2,
                         "since": stamp(1100)});
    let steady =
        json!({"version": 1, "activeRegion": EAST, "epoch": 1, "front": EAST, "lastNumber": 1, "holder": "p1"});
    let with = |base: &Value, changes: Value| {
        let mut journal = base.clone();
        for (key, value) in changes.as_object().unwrap() {
            journal[key] = value.clone();
        }
        journal
    };
    let shifted = with(&steady, json!({"front": WEST}));
    let requested = with(&shifted, json!({"lastNumber": 2, "move": step("Requested", json!({}))}));
    let excluding = with(
        &requested,
        json!({"excluded": EAST, "move": step("Excluding", json!({}))}),
    );
    let licence = json!({"licence": {"at": stamp(LICENCE), "by": "p1"}});
    let promoting = with(
        &excluding,
        json!({"move": step("Promoting", licence.clone()), "obligations": [fence]}),
    );
    let mut shown = licence;
    shown["promotedAt"] = json!(stamp(PROMOTED + 15));
    let repointing = with(
        &promoting,
        json!({"activeRegion": WEST, "epoch": 2, "move": step("Repointing", shown.clone())}),
    );
    shown["verifiedAt"] = json!(stamp(1100));
    shown["outcome"] = json!("Completed");
    let completed = with(
        &repointing,
        json!({"move": step("Verifying", shown), "obligations": [fence, rebuild]}),
    );
    let fenced = with(&completed, json!({"obligations": [rebuild]}));
    let returned = with(&fenced, json!({"excluded": null}));
    let steps = [
        (10, steady),
        (645, shifted),
        (740, requested),
        (770, excluding),
        (LICENCE, promoting),
        (PROMOTED + 15, repointing),
        (1100, completed),
        (FENCED, fenced),
        (RETURNED, returned),
    ];
    steps.into_iter().map(|(at, journal)| entry(at, journal)).collect()
}

/// An entry with the status that fits it.
pub fn entry(at: i64, journal: Value) -> Value {
    let status = status(at, &journal);
    json!({"at": ms(at), "shop": "shops/shop-ca", "holder": "p1", "lease": {"holder": "p1", "until": ms(at + 10)},
           "automatic": true, "journal": journal, "status": status})
}

/// What people see: the region dies for those whose front is not W, a move in flight lacks nothing, and what is owed
/// refuses.
fn status(at: i64, journal: &Value) -> Value {
    let active = journal["activeRegion"].as_str().unwrap();
    let moving = journal["move"]["phase"].is_string() && journal["move"]["outcome"].is_null();
    let dies = !moving && journal["front"] != journal["activeRegion"];
    let owes = journal["obligations"].as_array().is_some_and(|owed| !owed.is_empty());
    let votes = if dies || moving {
        ["Down", "Down", "Silent", "Broken"]
    } else {
        ["Up", "Up", "Available", "Flowing"]
    };
    let mut refusals = Vec::new();
    let mut missing = Vec::new();
    if dies {
        refusals.push("NotHeld");
        missing.push(json!({"name": "NotBefore", "until": stamp(at + 90)}));
    } else if !moving {
        missing.extend(["ProbeDown", "EdgeDown", "LinkBroken", "InstanceSilent"].map(|name| json!({"name": name})));
    }
    if owes && !moving {
        refusals.push("ObligationOpen");
        missing.push(json!({"name": "RefusalGone", "refusal": "ObligationOpen"}));
    }
    let facts = [
        format!("probe({active})"),
        format!("edge({active})"),
        format!("instance({active})"),
        "link".into(),
    ];
    let facts: Vec<Value> = facts
        .iter()
        .zip(votes)
        .map(|(name, vote)| json!({"name": name, "vote": vote}))
        .collect();
    json!({"diagnosis": if dies || moving { "RegionDown" } else { "Healthy" }, "facts": facts, "refusals": refusals,
           "missing": missing, "conditions": [
               condition("Ready", !moving, "Aligned", "as it should be"),
               condition("Reconciling", moving, "Moving", "a move is in flight"),
               condition("Stalled", false, "Progressing", "no person is needed")]})
}

pub fn condition(kind: &str, holds: bool, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": if holds { "True" } else { "False" }, "reason": reason, "message": message})
}

fn step(phase: &str, more: Value) -> Value {
    let mut step = json!({"number": 2, "type": "Failover", "from": EAST, "to": WEST, "fromInstance": "shop-cac1",
        "toInstance": "shop-usw2", "diagnosis": "RegionDown", "automatic": true, "phase": phase, "since": stamp(740),
        "firstDown": stamp(DIES + 5),
        "loss": {"caughtUpTo": stamp(DIES - 70), "writesStopped": stamp(DIES + 20), "seconds": 90, "sharp": false}});
    for (key, value) in more.as_object().unwrap() {
        step[key] = value.clone();
    }
    step
}

impl Documents {
    pub fn call(&mut self, number: u64) -> &mut Value {
        let events = self.ledger["events"].as_array_mut().unwrap();
        events
            .iter_mut()
            .find(|event| event["event"] == "call" && event["number"] == number)
            .unwrap()
    }

    /// Adds events where their time puts them.
    pub fn add(&mut self, more: impl IntoIterator<Item = Value>) {
        let events = self.ledger["events"].as_array_mut().unwrap();
        events.extend(more);
        events.sort_by_key(|event| event["at"].as_i64());
    }

    pub fn remove(&mut self, matching: impl Fn(&Value) -> bool) {
        let events = self.ledger["events"].as_array_mut().unwrap();
        let before = events.len();
        events.retain(|event| !matching(event));
        assert!(events.len() < before, "nothing to remove");
    }

    /// Changes every journal entry from this time on.
    pub fn from(&mut self, at: i64, change: impl Fn(&mut Value)) {
        for entry in self.history.as_array_mut().unwrap() {
            if entry["at"].as_i64().unwrap() >= ms(at) {
                change(&mut entry["journal"]);
            }
        }
    }

    /// Changes every status from this time on.
    pub fn show(&mut self, at: i64, change: impl Fn(&mut Value)) {
        for entry in self.history.as_array_mut().unwrap() {
            if entry["at"].as_i64().unwrap() >= ms(at) {
                change(&mut entry["status"]);
            }
        }
    }

    /// Adds a journal entry: the newest one by then, changed.
    pub fn write(&mut self, at: i64, change: impl Fn(&mut Value)) {
        let entries = self.history.as_array_mut().unwrap();
        let index = entries.partition_point(|entry| entry["at"].as_i64().unwrap() <= ms(at));
        let mut journal = entries[index - 1]["journal"].clone();
        change(&mut journal);
        entries.insert(index, entry(at, journal));
    }

    /// The names of the rules that are broken, each once.
    pub fn broken(&self) -> Vec<&'static str> {
        let found = breakwater_checkers::check(&self.ledger, &self.history, &self.context).unwrap();
        for violation in &found {
            println!("{violation}");
        }
        let mut names: Vec<&'static str> = found.iter().map(|violation| violation.invariant).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
