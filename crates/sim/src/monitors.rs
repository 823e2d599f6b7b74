//! Cloudflare's monitors: every city asks each enabled pool's origin at its own moment of the interval, over
//! the internet, so that neither the controller's troubles nor a partition between regions concern it.
//! Results carry no time. An origin that does not answer is called unhealthy after the time-outs.

use crate::cloudflare::Pool;
use crate::edge::{CITIES, PoolId};
use crate::probes::Service;
use crate::request::Millis;
use crate::world::{Happening, World};
use serde_json::{Map, Value, json};

/// What a city says of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Health {
    /// Its verdict.
    pub healthy: bool,
    /// HTTP status of the origin; 0 if it did not answer.
    pub status: u16,
    /// Round trip in milliseconds.
    pub rtt: u16,
}

impl World {
    /// The first checks have been made when the world begins; the next ones are spread over the interval.
    pub(crate) fn first_checks(&mut self) {
        for pool in 0..self.pools.len() {
            for city in 0..CITIES.len() {
                self.judge(pool, city);
                let interval = self.monitor_interval(pool);
                let at = self.now + self.monitor_dice.between((1, interval));
                self.schedule(at, Happening::Check { pool, city });
            }
            self.note_pool(pool, None);
        }
    }

    fn monitor_interval(&self, pool: PoolId) -> Millis {
        let shop = &self.setup.shops[self.pools[pool].shop];
        Millis::from(shop.monitor_interval_seconds.max(1)) * 1000
    }

    fn monitored(&self, pool: PoolId) -> bool {
        self.pools[pool].enabled && (self.setup.habits.unlisted_pools_monitored || self.listed(pool))
    }

    /// A city's turn: a silent origin is judged when the time-outs have passed, any other at once.
    pub(crate) fn check(&mut self, pool: PoolId, city: usize) {
        let interval = self.monitor_interval(pool);
        self.schedule(self.now + interval, Happening::Check { pool, city });
        if !self.monitored(pool) {
            return;
        }
        self.pools[pool].checks[city] += 1;
        let check = self.pools[pool].checks[city];
        if self.origin(pool) == Service::Silent {
            let timing = &self.setup.timing;
            let wait = timing.monitor_timeout * Millis::from(timing.monitor_retries + 1);
            let at = self.now + wait.min(interval - 1);
            return self.schedule(at, Happening::TimedOut { pool, city, check });
        }
        self.judge(pool, city);
        self.note_pool(pool, None);
    }

    /// The time-outs of a check have passed: the origin is unhealthy unless it answers by now.
    pub(crate) fn timed_out(&mut self, pool: PoolId, city: usize, check: u64) {
        if self.pools[pool].checks[city] == check && self.monitored(pool) {
            self.judge(pool, city);
            self.note_pool(pool, None);
        }
    }

    fn judge(&mut self, pool: PoolId, city: usize) {
        let mut status = self.status_for_monitor(pool);
        if self.browned_out(pool) {
            // Elsewhere a second try at the same moment says the same.
            for _ in 0..self.setup.timing.monitor_retries {
                if status != 200 {
                    status = self.status_for_monitor(pool);
                }
            }
        }
        let rtt = 8 + self.monitor_dice.between((0, 90)) as u16;
        self.pools[pool].health[city] = Some(Health {
            healthy: status == 200,
            status,
            rtt,
        });
    }

    fn status_for_monitor(&mut self, pool: PoolId) -> u16 {
        match self.origin(pool) {
            Service::Answers(status) => status,
            Service::Silent => 0,
        }
    }

    fn browned_out(&self, pool: PoolId) -> bool {
        let Pool { shop, side, .. } = self.pools[pool];
        self.shops[shop].sides[side].browned_out
    }

    /// What the pool's origin answers to the monitor.
    fn origin(&mut self, pool: PoolId) -> Service {
        let Pool { shop, side, .. } = self.pools[pool];
        let service = self.shops[shop].monitored_service[side];
        self.service(shop, side, service)
    }

    /// Nothing is known of a pool any more.
    pub(crate) fn forget_health(&mut self, pool: PoolId) {
        self.pools[pool].health = [None; CITIES.len()];
        for check in &mut self.pools[pool].checks {
            *check += 1;
        }
    }

    /// Where pools in no list are not monitored, what was known of them goes.
    pub(crate) fn forget_unlisted(&mut self) {
        for pool in 0..self.pools.len() {
            if !self.monitored(pool) && self.pools[pool].health.iter().any(Option::is_some) {
                self.forget_health(pool);
                self.note_pool(pool, None);
            }
        }
    }

    /// `GET .../pools/{id}/health`: a map by city, no times; empty for a pool that is not monitored.
    pub(crate) fn pool_health(&self, pool: PoolId) -> Value {
        let pool = &self.pools[pool];
        let side = self.setup.shops[pool.shop].sides()[pool.side];
        let mut cities = Map::new();
        for (city, health) in CITIES.iter().zip(&pool.health) {
            let Some(health) = health else {
                continue;
            };
            let reason = match (health.healthy, health.status) {
                (true, _) => "No failures",
                (false, 0) => "HTTP timeout occurred",
                (false, _) => "Response code mismatch error",
            };
            let origin = json!({
                "healthy": health.healthy,
                "rtt": format!("{}ms", health.rtt),
                "failure_reason": reason,
                "response_code": health.status,
            });
            let mut origins = Map::new();
            origins.insert(side.alb_host.clone(), origin);
            cities.insert(
                city.name.to_owned(),
                json!({"healthy": health.healthy, "origins": [origins]}),
            );
        }
        json!({"pool_id": &*pool.id, "pop_health": cities})
    }

    /// A shop's monitor: its id is made of the shop's name.
    pub(crate) fn monitor(&self, id: &str) -> Option<Value> {
        let shop = self.setup.shops.iter().find(|shop| monitor_id(&shop.name) == id)?;
        Some(json!({
            "id": id,
            "type": "https",
            "description": shop.name,
            "method": "GET",
            "path": format!("/{}/-/health", shop.monitor_service),
            "interval": shop.monitor_interval_seconds,
            "timeout": self.setup.timing.monitor_timeout / 1000,
            "retries": self.setup.timing.monitor_retries,
            "expected_codes": "200",
            "consecutive_down": 0,
            "consecutive_up": 0,
        }))
    }
}

/// Id of a shop's monitor: 32 hex digits.
pub(crate) fn monitor_id(shop: &str) -> String {
    let half = |number| crate::dice::mix(0, shop, number);
    format!("{:016x}{:016x}", half(1), half(2))
}
