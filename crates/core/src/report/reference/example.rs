//! The example shop, whose words the reference shows: what the documentation's `shop-ca` is.

use crate::Text;
use crate::actual::Actual;
use crate::evidence::Evidence;
use crate::facts::Fleet;
use crate::journal::Journal;
use crate::pacing::{Limits, Turn};
use crate::plan::Input;
use crate::shop::{Mode, Policy, Service, Shop, ShopKey, ShopRegion, WriterRecord};
use crate::side::PerSide;
use crate::time::{Now, after};
use jiff::Timestamp;
use std::time::Duration;

/// A shop of which nothing was read yet.
pub(super) struct Example {
    pub(super) shop: Shop,
    evidence: Evidence,
    actual: Actual,
    journal: Journal,
    fleet: Fleet,
    me: Text,
    now: Now,
}

impl Example {
    pub(super) fn new() -> Example {
        let shop = shop();
        Example {
            evidence: Evidence::new(&shop, std::collections::BTreeSet::new()),
            actual: Actual::new(&shop),
            journal: Journal {
                active_region: Some(shop.regions.primary.name.clone()),
                epoch: 7,
                ..Journal::default()
            },
            fleet: Fleet::default(),
            me: "breakwater-0".into(),
            now: Now {
                mono: Duration::from_secs(3600),
                wall: Timestamp::from_second(1_795_572_000).unwrap_or_default(),
            },
            shop,
        }
    }

    pub(super) fn input(&self) -> Input<'_> {
        Input {
            now: self.now,
            me: &self.me,
            shop: &self.shop,
            evidence: &self.evidence,
            actual: &self.actual,
            journal: &self.journal,
            fleet: &self.fleet,
            calls: &[],
            requests: &[],
            turn: Turn::AtEase,
        }
    }

    /// A time some minutes after the example's.
    pub(super) fn later(&self) -> Timestamp {
        after(self.now.wall, Duration::from_secs(600))
    }
}

fn shop() -> Shop {
    let seconds = Duration::from_secs;
    Shop {
        key: ShopKey {
            namespace: "shops".into(),
            name: "shop-ca".into(),
        },
        uid: "example".into(),
        generation: 1,
        owner: "production/shops/shop-ca".into(),
        class: "production".into(),
        hostname: "shop.example.com".into(),
        regions: PerSide {
            primary: region("ca-central-1", "17b5962d775c646f3f9725cbc7a53df4", "shop-cac1"),
            secondary: region("us-west-2", "9290f38c5d07c2e2f4df57b1f61d4196", "shop-usw2"),
        },
        writer: WriterRecord {
            zone: "Z0123456789".into(),
            name: "db.shop.example.com".into(),
            ttl: seconds(30),
        },
        zone: "023e105f4ecef8ad9ca31a8372d0c353".into(),
        balancers: vec!["699d98642c564d2e855e9661899b7252".into()],
        references: vec!["https://www.example.org/".into()],
        limits: Limits::default(),
        policy: Policy {
            mode: Mode::Automatic,
            priority: 0,
            automatic_traffic: true,
            max_loss: seconds(300),
            interval: seconds(10),
            timeout: seconds(3),
            shift_after: seconds(40),
            promote_after: seconds(120),
            database_grace: seconds(300),
            routine_grace: seconds(1800),
            return_after: seconds(600),
            cool_down: seconds(3600),
            freezes: Vec::new(),
        },
        rto_objective: seconds(1200),
        rpo_objective: seconds(300),
        suspended: false,
        deleting: false,
        abandon: false,
        edit_waits: false,
        succeeded: PerSide::default(),
    }
}

fn region(name: &str, pool: &str, instance: &str) -> ShopRegion {
    ShopRegion {
        name: name.into(),
        pool: pool.into(),
        instance: instance.into(),
        proof: None,
        services: vec![Service {
            name: "checkout".into(),
            url: format!("https://{instance}.example.com/-/health").into(),
            critical: true,
            needs_writer: true,
        }],
    }
}
