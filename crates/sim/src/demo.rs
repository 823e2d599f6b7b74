//! The three shops of the demo.

use crate::dice::mix;
use crate::setup::{BalancerSetup, Habits, LagProfile, RegionSetup, ServiceSetup, Setup, ShopSetup, Timing};
use std::collections::BTreeMap;

/// 2026-11-25T00:00:00Z.
const START: i64 = 1_795_564_800_000;

impl Setup {
    /// Three shops: `shop-ca` (writer in ca-central-1, proof URLs, failover order), `shop-geo` (writer in
    /// ca-central-1, no proof URLs, geo steering) and `shop-west` (writer in us-west-2, proof URLs; it must not
    /// move when ca-central-1 dies). Monitors run every 15 s, so that a demo is short.
    pub fn demo() -> Setup {
        Setup {
            start: START,
            regions: ["ca-central-1", "us-west-2", "us-east-1"].map(str::to_owned).to_vec(),
            shops: vec![
                shop(&Plan {
                    name: "shop-ca",
                    regions: ["ca-central-1", "us-west-2"],
                    pools: ["17b5962d775c646f3f9725cbc7a53df4", "9290f38c5d07c2e2f4df57b1f61d4196"],
                    balancer: "699d98642c564d2e855e9661899b7252",
                    steering: "off",
                    proofs: true,
                }),
                shop(&Plan {
                    name: "shop-geo",
                    regions: ["ca-central-1", "us-west-2"],
                    pools: ["2c4d6f8a0b1c3e5f7a9b0d2e4f6a8c01", "3d5e7f9b1c2d4f6a8b0c1e3f5a7b9d02"],
                    balancer: "4e6f8a0c2d3e5f7b9c1d2f4a6b8c0e03",
                    steering: "geo",
                    proofs: false,
                }),
                shop(&Plan {
                    name: "shop-west",
                    regions: ["us-west-2", "ca-central-1"],
                    pools: ["5f7a9b1d3e4f6a8c0d2e3a5b7c9d1f04", "6a8b0c2e4f5a7b9d1e3f4b6c8d0e2a05"],
                    balancer: "7b9c1d3f5a6b8c0e2f4a5c7d9e1f3b06",
                    steering: "off",
                    proofs: true,
                }),
            ],
            aws_account: "111122223333".into(),
            cloudflare_account: "0123456789abcdef0123456789abcdef".into(),
            cloudflare_zone: "023e105f4ecef8ad9ca31a8372d0c353".into(),
            hosted_zone: "Z0123456789".into(),
            hosted_zone_name: "example.com.".into(),
            reference_urls: vec!["https://www.example.org/".into(), "https://www.example.net/".into()],
            roles: Vec::new(),
            timing: Timing::default(),
            habits: Habits::default(),
            keep_reads: true,
        }
    }
}

impl Setup {
    /// So many shops of one class, all with the writer in ca-central-1 and the standby in us-west-2, with monitors of
    /// 60 s (Cloudflare's default) and few shoppers: for what only shows in a crowd.
    pub fn many(shops: usize, proofs: bool) -> Setup {
        let ids = |index: usize, kind: &str| format!("{:016x}{:016x}", mix(0, kind, index as u64), index);
        let shops = (0..shops).map(|index| {
            let (name, balancer) = (format!("shop-{index:04}"), ids(index, "balancer"));
            let pools = [ids(index, "east"), ids(index, "west")];
            let mut own = shop(&Plan {
                name: &name,
                regions: ["ca-central-1", "us-west-2"],
                pools: [&pools[0], &pools[1]],
                balancer: &balancer,
                steering: "off",
                proofs,
            });
            own.monitor_interval_seconds = 60;
            own.orders_per_second = 0.05;
            own.jobs_per_minute = 0.5;
            own
        });
        Setup {
            shops: shops.collect(),
            keep_reads: false,
            ..Setup::demo()
        }
    }
}

struct Plan<'a> {
    name: &'a str,
    regions: [&'a str; 2],
    pools: [&'a str; 2],
    balancer: &'a str,
    steering: &'a str,
    proofs: bool,
}

fn shop(plan: &Plan<'_>) -> ShopSetup {
    let name = plan.name;
    let [primary, secondary] = [0, 1].map(|side| side_of(plan, side));
    let region_pools = if plan.steering == "geo" {
        geo_lists(&primary, &secondary)
    } else {
        BTreeMap::new()
    };
    ShopSetup {
        name: name.into(),
        hostname: format!("{name}.example.com"),
        public_url: None,
        primary,
        secondary,
        writer_record: format!("db.{name}.example.com."),
        ttl: 30,
        balancers: vec![BalancerSetup {
            id: plan.balancer.into(),
            hostname: format!("{name}.example.com"),
            proxied: true,
            ttl: 30,
        }],
        steering: plan.steering.into(),
        region_pools,
        country_pools: BTreeMap::new(),
        pop_pools: BTreeMap::new(),
        lag: LagProfile::default(),
        monitor_interval_seconds: 15,
        monitor_service: "checkout".into(),
        orders_per_second: 2.0,
        jobs_per_minute: 6.0,
        app_user: "shop".into(),
    }
}

fn side_of(plan: &Plan<'_>, side: usize) -> RegionSetup {
    let (name, region) = (plan.name, plan.regions[side]);
    let short = match region {
        "ca-central-1" => "cac1",
        _ => "usw2",
    };
    let host = format!("{short}.{name}.example.com");
    let service = |service: &str, critical, needs_writer| ServiceSetup {
        name: service.into(),
        url: format!("https://{host}/{service}/-/health"),
        critical,
        needs_writer,
    };
    RegionSetup {
        region: region.into(),
        pool_id: plan.pools[side].into(),
        alb_host: host.clone(),
        db_instance: format!("{name}-{short}"),
        parameter_group: format!("{name}-{short}-mysql80"),
        backup_retention_period: if side == 0 { 7 } else { 0 },
        proof_url: plan.proofs.then(|| format!("https://{host}/-/proof")),
        services: vec![
            service("checkout", true, true),
            service("catalogue", false, false),
            service("search", false, false),
        ],
    }
}

/// Western North America, Asia and Oceania prefer the western pool; the rest is not mapped apart from
/// eastern North America and western Europe, which prefer the eastern one.
fn geo_lists(primary: &RegionSetup, secondary: &RegionSetup) -> BTreeMap<String, Vec<String>> {
    let (east, west) = (&primary.pool_id, &secondary.pool_id);
    let east_first = vec![east.clone(), west.clone()];
    let west_first = vec![west.clone(), east.clone()];
    BTreeMap::from([
        ("ENAM".to_owned(), east_first.clone()),
        ("WEU".to_owned(), east_first),
        ("WNAM".to_owned(), west_first.clone()),
        ("OC".to_owned(), west_first),
    ])
}
