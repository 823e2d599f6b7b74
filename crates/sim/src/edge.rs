//! Cloudflare's edge: which pool a shopper is sent to. It goes on when the API is down.
//!
//! Failover order (`off`): the first healthy pool of `default_pools`. `geo`: the first healthy one of the
//! list for the shopper's PoP, else country, else Cloudflare region; where none of them is mapped,
//! `default_pools`. `random`: among the healthy ones, by weight. Nothing healthy: the fallback pool, whatever
//! its health; a disabled fallback is an error page (1016). A disabled pool gets no traffic.

use crate::cloudflare::{Balancer, Pool};
use crate::dice::Dice;
use crate::request::Millis;
use std::collections::BTreeMap;

/// A city with one of Cloudflare's data centres: monitors run there, shoppers come from there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct City {
    /// As pool health names it.
    pub name: &'static str,
    /// PoP code.
    pub pop: &'static str,
    /// Country code.
    pub country: &'static str,
    /// Cloudflare region.
    pub region: &'static str,
    /// Share of the shoppers.
    pub shoppers: f64,
}

const fn city(
    name: &'static str,
    pop: &'static str,
    country: &'static str,
    region: &'static str,
    shoppers: f64,
) -> City {
    City {
        name,
        pop,
        country,
        region,
        shoppers,
    }
}

/// The cities of this world.
pub(crate) const CITIES: [City; 7] = [
    city("Toronto, CA", "YYZ", "CA", "ENAM", 0.28),
    city("Newark, NJ", "EWR", "US", "ENAM", 0.17),
    city("Seattle, WA", "SEA", "US", "WNAM", 0.16),
    city("San Jose, CA", "SJC", "US", "WNAM", 0.16),
    city("Amsterdam, NL", "AMS", "NL", "WEU", 0.10),
    city("Tokyo, JP", "NRT", "JP", "NEAS", 0.08),
    city("Sydney, AU", "SYD", "AU", "OC", 0.05),
];

/// The city nearest to the controller, for what it asks through the public hostname.
pub(crate) const CONTROLLER_CITY: usize = 1;

/// Index of a pool in the world.
pub(crate) type PoolId = usize;

/// How a balancer chooses: its document, understood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Steering {
    pub enabled: bool,
    pub policy: Policy,
    pub default: Vec<PoolId>,
    pub fallback: PoolId,
    pub by_pop: BTreeMap<String, Vec<PoolId>>,
    pub by_country: BTreeMap<String, Vec<PoolId>>,
    pub by_region: BTreeMap<String, Vec<PoolId>>,
    pub weights: BTreeMap<PoolId, f64>,
    pub default_weight: f64,
    /// DNS-only: addresses are handed out with this TTL.
    pub handed_out_for: Option<Millis>,
}

/// `steering_policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// `off` and the empty string.
    Order,
    /// `geo`.
    Geo,
    /// `random`, and the policies that look at latency or load, which ignore the order as well.
    Weighted,
}

/// Where a shopper is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// `None`: an error page of the edge.
    pub pool: Option<PoolId>,
    /// A geographic list decided.
    pub mapped: bool,
    /// The fallback pool was used.
    pub fallback: bool,
}

impl Balancer {
    /// Where a shopper from this city is sent now.
    pub(crate) fn route(&mut self, pools: &[Pool], city: usize, now: Millis, dice: &mut Dice) -> Route {
        if let Some((route, until)) = self.handed_out[city]
            && now < until
        {
            return route;
        }
        let route = self.steering.choose(pools, city, dice);
        self.handed_out[city] = self.steering.handed_out_for.map(|ttl| (route, now + ttl));
        route
    }
}

impl Steering {
    fn choose(&self, pools: &[Pool], city: usize, dice: &mut Dice) -> Route {
        let nowhere = Route {
            pool: None,
            mapped: false,
            fallback: false,
        };
        if !self.enabled {
            return nowhere;
        }
        let geographic = match self.policy {
            Policy::Geo => self.geographic(city),
            Policy::Order | Policy::Weighted => None,
        };
        let list = geographic.unwrap_or(&self.default);
        let up = |pool: &&PoolId| pools[**pool].healthy_from(city);
        let chosen = match self.policy {
            Policy::Order | Policy::Geo => list.iter().find(up).copied(),
            Policy::Weighted => self.draw(list.iter().filter(up).copied().collect(), dice),
        };
        match chosen {
            Some(pool) => Route {
                pool: Some(pool),
                mapped: geographic.is_some(),
                fallback: false,
            },
            None if pools[self.fallback].enabled => Route {
                pool: Some(self.fallback),
                mapped: false,
                fallback: true,
            },
            None => nowhere,
        }
    }

    fn geographic(&self, city: usize) -> Option<&Vec<PoolId>> {
        let city = &CITIES[city];
        self.by_pop
            .get(city.pop)
            .or_else(|| self.by_country.get(city.country))
            .or_else(|| self.by_region.get(city.region))
    }

    fn draw(&self, mut pools: Vec<PoolId>, dice: &mut Dice) -> Option<PoolId> {
        let weight = |pool: &PoolId| *self.weights.get(pool).unwrap_or(&self.default_weight);
        pools.retain(|pool| weight(pool) > 0.0);
        let chosen = dice.weighted(pools.iter().map(weight));
        pools.get(chosen).copied()
    }
}
