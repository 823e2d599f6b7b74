//! The world at a glance, for a live table: what truly is, now.

use crate::faults::{Fault, FaultId};
use crate::ledger::Name;
use crate::request::Millis;
use crate::shoppers::Totals;
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The world now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Glance {
    /// The clock.
    pub now: Millis,
    /// The shops.
    pub shops: Vec<ShopGlance>,
    /// Faults in force.
    pub faults: Vec<(FaultId, Fault)>,
}

/// A shop now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShopGlance {
    /// Name.
    pub name: Name,
    /// Its instances, the preferred region's first; then those in the making, and those whose place another took.
    pub instances: Vec<InstanceGlance>,
    /// The region that the writer's name leads to, as the API lists it.
    pub name_target: Option<Name>,
    /// The same as resolvers see it.
    pub name_visible: Option<Name>,
    /// Value of the owner's TXT record, if there is one.
    pub owner: Option<String>,
    /// Its balancers.
    pub balancers: Vec<BalancerGlance>,
    /// Health by pool's region: more than half of the cities say healthy.
    pub pool_health: BTreeMap<Name, Option<bool>>,
    /// Shoppers of the last 10 s by the region that the edge sent them to; `-` for none.
    pub users: BTreeMap<Name, u32>,
    /// Orders since the start.
    pub totals: Totals,
}

/// An instance now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceGlance {
    /// Identifier.
    pub instance: Name,
    /// Region.
    pub region: Name,
    /// `DBInstanceStatus`.
    pub status: String,
    /// Whether it takes writes.
    pub writable: bool,
    /// Whether it is a replica.
    pub replica: bool,
    /// For a replica: how far it is behind its source, in milliseconds (the truth, not the metric).
    pub behind_millis: Option<Millis>,
    /// For a replica: whether rows flow.
    pub link_flows: Option<bool>,
}

/// A balancer now: regions, not pools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BalancerGlance {
    /// Id.
    pub balancer: Name,
    /// Regions of `default_pools`, in order.
    pub order: Vec<Name>,
    /// Region of `fallback_pool`.
    pub fallback: Name,
    /// Regions that stand in some list of the document.
    pub listed: Vec<Name>,
}

const LATELY: Millis = 10_000;

impl World {
    /// The world now.
    pub fn glance(&self) -> Glance {
        Glance {
            now: self.now,
            shops: (0..self.shops.len()).map(|shop| self.shop_glance(shop)).collect(),
            faults: self.faults.iter().map(|(id, fault)| (*id, fault.clone())).collect(),
        }
    }

    fn shop_glance(&self, index: usize) -> ShopGlance {
        let shop = &self.shops[index];
        let region_of = |host: &str| self.by_endpoint(host).map(|db| self.databases[db].region.clone());
        let listed = self
            .zone
            .records()
            .find(|record| record.kind == "CNAME" && record.name == shop.writer_record)
            .and_then(|record| record.values.first());
        let owner = self
            .zone
            .records()
            .find(|record| record.kind == "TXT" && record.name == shop.owner_record)
            .and_then(|record| record.values.first().cloned());
        ShopGlance {
            name: shop.name.clone(),
            instances: shop
                .databases
                .iter()
                .chain(&shop.beside)
                .map(|database| self.instance_glance(*database))
                .collect(),
            name_target: listed.and_then(|host| region_of(host)),
            name_visible: self
                .zone
                .resolve(&shop.writer_record)
                .and_then(|(host, _)| region_of(host)),
            owner,
            balancers: shop
                .balancers
                .iter()
                .map(|balancer| self.balancer_glance(*balancer))
                .collect(),
            pool_health: shop
                .sides
                .iter()
                .map(|side| (side.region.clone(), self.pools[side.pool].verdict()))
                .collect(),
            users: self.users_lately(&shop.name),
            totals: shop.totals,
        }
    }

    fn instance_glance(&self, database: usize) -> InstanceGlance {
        let db = &self.databases[database];
        let mut link = db.link.clone();
        link.settle(self.now);
        let replica = db.source.is_some();
        InstanceGlance {
            instance: db.name.clone(),
            region: db.region.clone(),
            status: db.shown_status().to_owned(),
            writable: db.span.is_some(),
            replica,
            behind_millis: replica.then(|| self.now - link.applied),
            link_flows: replica.then_some(link.died.is_none()),
        }
    }

    fn balancer_glance(&self, balancer: usize) -> BalancerGlance {
        let own = &self.balancers[balancer];
        let region = |pool: &usize| {
            let pool = &self.pools[*pool];
            self.shops[pool.shop].sides[pool.side].region.clone()
        };
        let steering = &own.steering;
        let mut listed: Vec<Name> = [&steering.by_pop, &steering.by_country, &steering.by_region]
            .iter()
            .flat_map(|map| map.values().flatten())
            .chain(&steering.default)
            .chain([&steering.fallback])
            .map(region)
            .collect();
        listed.sort();
        listed.dedup();
        BalancerGlance {
            balancer: own.id.clone(),
            order: steering.default.iter().map(region).collect(),
            fallback: region(&steering.fallback),
            listed,
        }
    }

    fn users_lately(&self, shop: &Name) -> BTreeMap<Name, u32> {
        let mut users = BTreeMap::new();
        let lately = self
            .ledger
            .meetings
            .iter()
            .rev()
            .take_while(|meeting| meeting.at > self.now - LATELY);
        for meeting in lately.filter(|meeting| meeting.shop == *shop) {
            let region = meeting.region.clone().unwrap_or_else(|| Name::from("-"));
            *users.entry(region).or_default() += meeting.routed;
        }
        users
    }
}
