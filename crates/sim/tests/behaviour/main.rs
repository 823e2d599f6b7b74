//! What the world does, asked from outside: one module per provider.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod aws;
mod cloudflare;
mod deeds;
mod dns;
mod faults;
mod instances;
mod links;
mod loss;
mod mixtures;
mod replicas;
mod requests;
mod services;
mod shops;
mod truth;

use breakwater_sim::{
    Answer, CloudflareOp, Delivery, Fault, Instance, Meta, RdsOp, Reply, Request, Route53Op, Setup, ShopGlance,
    Vantage, World,
};

pub const CA: &str = "ca-central-1";
pub const WEST: &str = "us-west-2";
pub const SHOP: &str = "shop-ca";
/// Writer and replica of shop-ca.
pub const A: &str = "shop-ca-cac1";
pub const B: &str = "shop-ca-usw2";
pub const POOL_A: &str = "17b5962d775c646f3f9725cbc7a53df4";
pub const POOL_B: &str = "9290f38c5d07c2e2f4df57b1f61d4196";
pub const BALANCER: &str = "699d98642c564d2e855e9661899b7252";
pub const GEO_BALANCER: &str = "4e6f8a0c2d3e5f7b9c1d2f4a6b8c0e03";

pub fn demo() -> World {
    World::new(Setup::demo(), 11)
}

pub fn wait(world: &mut World, seconds: i64) {
    world.advance(world.now() + seconds * 1000);
}

/// Advances second by second until it is so; panics after a quarter of an hour.
pub fn until(world: &mut World, what: &str, mut so: impl FnMut(&mut World) -> bool) {
    for _ in 0..900 {
        if so(world) {
            return;
        }
        wait(world, 1);
    }
    panic!("never came: {what}");
}

pub fn ask(world: &mut World, request: Request) -> Reply {
    let meta = Meta {
        actor: "breakwater".into(),
        ..Meta::default()
    };
    world.ask(Vantage::Controller, meta, request)
}

pub fn answer(world: &mut World, request: Request) -> Answer {
    let reply = ask(world, request);
    assert!(matches!(reply.delivery, Delivery::After(_)), "no answer: {reply:?}");
    reply.answer
}

pub fn code(answer: &Answer) -> &str {
    match answer {
        Answer::Error { code, .. } => code,
        _ => "",
    }
}

pub fn rds(region: &str, op: RdsOp) -> Request {
    Request::Rds {
        region: region.into(),
        op,
    }
}

pub fn describe(world: &mut World, region: &str, id: &str) -> Instance {
    let op = RdsOp::DescribeInstances {
        id: Some(id.into()),
        max_records: 100,
        marker: None,
    };
    match answer(world, rds(region, op)) {
        Answer::Instances { mut instances, .. } => instances.remove(0),
        other => panic!("{other:?}"),
    }
}

pub fn promote(world: &mut World) -> Reply {
    let op = RdsOp::PromoteReadReplica {
        id: B.into(),
        backup_retention_period: Some(7),
    };
    ask(world, rds(WEST, op))
}

pub fn cloudflare(op: CloudflareOp) -> Request {
    Request::Cloudflare { op }
}

pub fn route53(op: Route53Op) -> Request {
    Request::Route53 { op }
}

pub fn http(world: &mut World, from: Vantage, url: &str) -> Reply {
    world.ask(from, Meta::default(), Request::Http { url: url.into() })
}

pub fn status(reply: &Reply) -> u16 {
    match (&reply.delivery, &reply.answer) {
        (Delivery::After(_), Answer::Http { status, .. }) => *status,
        _ => 0,
    }
}

pub fn down(region: &str) -> Fault {
    Fault::RegionDown {
        region: region.into(),
        names_vanish: false,
    }
}

pub fn shop(world: &World, name: &str) -> ShopGlance {
    let found = world.glance().shops.into_iter().find(|shop| *shop.name == *name);
    found.expect("a shop of the demo")
}

pub fn writable(world: &World, instance: &str) -> bool {
    world
        .ledger()
        .writable
        .iter()
        .any(|span| *span.instance == *instance && span.to.is_none())
}

pub fn health(world: &mut World, from: Vantage, side: &str, service: &str) -> u16 {
    let url = format!("https://{side}.shop-ca.example.com/{service}/-/health");
    status(&http(world, from, &url))
}

/// The proof of shop-ca in a region, if it answers 200.
pub fn proof(world: &mut World, side: &str) -> Option<serde_json::Value> {
    let url = format!("https://{side}.shop-ca.example.com/-/proof");
    let reply = http(world, Vantage::Controller, &url);
    match (&reply.delivery, &reply.answer) {
        (Delivery::After(_), Answer::Http { status: 200, body, .. }) => serde_json::from_str(body).ok(),
        _ => None,
    }
}

/// `ReplicaLag` samples that are published by now, newest first.
pub fn lag(world: &mut World) -> Vec<(breakwater_sim::Millis, f64)> {
    metric(world, "ReplicaLag")
}

pub fn metric(world: &mut World, metric: &str) -> Vec<(breakwater_sim::Millis, f64)> {
    use breakwater_sim::{CloudWatchOp, MetricQuery};
    let (start, end) = (world.now() - 10_800_000, world.now() + 1);
    let query = MetricQuery {
        id: "q1".into(),
        metric: metric.into(),
        instance: B.into(),
        period: 60,
        stat: "Maximum".into(),
    };
    let request = Request::CloudWatch {
        region: WEST.into(),
        op: CloudWatchOp::GetMetricData {
            queries: vec![query],
            start,
            end,
        },
    };
    match answer(world, request) {
        Answer::MetricData(mut results) => results.remove(0).samples,
        other => panic!("{other:?}"),
    }
}

/// A fault as the control API takes it.
pub fn fault(json: &str) -> Fault {
    serde_json::from_str(json).expect("a fault's JSON")
}
