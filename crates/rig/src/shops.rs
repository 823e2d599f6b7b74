//! The shops of a simulated world as the engine knows them.

use breakwater_core::Text;
use breakwater_core::pacing::Limits;
use breakwater_core::shop::{Mode, Policy, Service, Shop, ShopKey, ShopRegion, WriterRecord};
use breakwater_core::side::PerSide;
use breakwater_sim::{RegionSetup, Setup, ShopSetup};
use std::time::Duration;

/// The namespace of all simulated shops.
pub const NAMESPACE: &str = "shops";
/// The class of all simulated shops.
pub(crate) const CLASS: &str = "production";

/// The shop of a setup, with the defaults of the resource and in mode Automatic.
#[must_use]
pub fn shop_of(setup: &Setup, shop: &ShopSetup, installation: &str) -> Shop {
    let seconds = Duration::from_secs;
    Shop {
        key: ShopKey {
            namespace: NAMESPACE.into(),
            name: shop.name.as_str().into(),
        },
        uid: format!("uid-{}", shop.name).into(),
        generation: 1,
        owner: format!("{installation}/{NAMESPACE}/{}", shop.name).into(),
        class: CLASS.into(),
        hostname: shop.hostname.as_str().into(),
        regions: PerSide {
            primary: region(&shop.primary),
            secondary: region(&shop.secondary),
        },
        writer: WriterRecord {
            zone: setup.hosted_zone.as_str().into(),
            name: shop.writer_record.trim_end_matches('.').into(),
            ttl: seconds(shop.ttl.unsigned_abs()),
        },
        zone: setup.cloudflare_zone.as_str().into(),
        balancers: shop
            .balancers
            .iter()
            .map(|balancer| Text::from(balancer.id.as_str()))
            .collect(),
        references: setup
            .reference_urls
            .iter()
            .map(|url| Text::from(url.as_str()))
            .collect(),
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

fn region(setup: &RegionSetup) -> ShopRegion {
    ShopRegion {
        name: setup.region.as_str().into(),
        pool: setup.pool_id.as_str().into(),
        instance: setup.db_instance.as_str().into(),
        proof: setup.proof_url.as_deref().map(Text::from),
        services: setup
            .services
            .iter()
            .map(|service| Service {
                name: service.name.as_str().into(),
                url: service.url.as_str().into(),
                critical: service.critical,
                needs_writer: service.needs_writer,
            })
            .collect(),
    }
}
