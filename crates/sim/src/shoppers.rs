//! Who places orders: shoppers, who come through the public hostname from somewhere in the world, and jobs
//! inside each region, which always write to the instance of their own region. The jobs are why a region
//! that comes back is dangerous even when no shopper is sent there.

use crate::edge::{CITIES, Route};
use crate::ledger::{Meeting, OrderedBy};
use crate::probes::{Service, Writer};
use crate::request::Millis;
use crate::world::{Happening, World};

/// Orders of a shop so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Totals {
    /// Acknowledged, of shoppers and jobs.
    pub acknowledged: u64,
    /// Not acknowledged, of shoppers.
    pub refused: u64,
    /// Acknowledged and not held by the newest writer.
    pub absent: u64,
}

impl World {
    pub(crate) fn next_shopper(&mut self, shop: usize) {
        let rate = self.setup.shops[shop].orders_per_second;
        if rate > 0.0 {
            let pause = self.shops[shop].dice.waiting(1000.0 / rate);
            self.schedule(self.now + pause, Happening::Shopper { shop });
        }
    }

    pub(crate) fn next_job(&mut self, shop: usize, side: usize) {
        let rate = self.setup.shops[shop].jobs_per_minute;
        if rate > 0.0 {
            let pause: Millis = self.shops[shop].job_dice.waiting(60_000.0 / rate);
            self.schedule(self.now + pause, Happening::Job { shop, side });
        }
    }

    /// A shopper tries to place an order.
    pub(crate) fn shopper(&mut self, shop: usize) {
        self.next_shopper(shop);
        let dice = &mut self.shops[shop].dice;
        let city = dice.weighted(CITIES.iter().map(|city| city.shoppers));
        let count = self.shops[shop].balancers.len() as Millis;
        if count == 0 {
            return;
        }
        let chosen = self.shops[shop].dice.between((0, count - 1)) as usize;
        let balancer = self.shops[shop].balancers[chosen];
        let dice = &mut self.shops[shop].dice;
        let route = self.balancers[balancer].route(&self.pools, city, self.now, dice);
        let pool = route.pool.map(|pool| &self.pools[pool]);
        // A pool of another shop leads to services that know nothing of this one's orders.
        let side = pool.filter(|pool| pool.shop == shop).map(|pool| pool.side);
        let region = pool.map(|pool| self.shops[pool.shop].sides[pool.side].region_index);
        let (reached, writer) = match side {
            Some(side) => self.buy(shop, side),
            None => (false, None),
        };
        self.note_meeting(shop, balancer, route, region, reached, writer);
    }

    /// An order at a region's checkout: whether anything answered, and who acknowledged it.
    fn buy(&mut self, shop: usize, side: usize) -> (bool, Option<usize>) {
        let checkout = self.shops[shop].checkout[side];
        match self.service(shop, side, checkout) {
            Service::Silent => (false, None),
            Service::Answers(200) => match self.app_writer(shop, side) {
                Writer::Writes(database) => {
                    self.commit(database, OrderedBy::Shopper);
                    (true, Some(database))
                }
                Writer::Refuses(_) | Writer::Unreachable => (true, None),
            },
            Service::Answers(_) => (true, None),
        }
    }

    fn note_meeting(
        &mut self,
        shop: usize,
        balancer: usize,
        route: Route,
        region: Option<usize>,
        reached: bool,
        writer: Option<usize>,
    ) {
        if writer.is_none() {
            self.shops[shop].totals.refused += 1;
        }
        let (shops, balancers, regions) = (&self.shops, &self.balancers, &self.regions);
        let key = (shop, balancer, region, route.mapped, route.fallback);
        let meeting = self.ledger.meeting(self.now, key, |second| Meeting {
            at: second,
            shop: shops[shop].name.clone(),
            balancer: balancers[balancer].id.clone(),
            region: region.map(|region| regions[region].name.clone()),
            mapped: route.mapped,
            fallback: route.fallback,
            routed: 0,
            reached: 0,
            acknowledged: std::collections::BTreeMap::new(),
            refused: 0,
        });
        meeting.routed += 1;
        meeting.reached += u32::from(reached);
        match writer {
            Some(writer) => {
                let name = self.databases[writer].name.clone();
                *meeting.acknowledged.entry(name).or_default() += 1;
            }
            None => meeting.refused += 1,
        }
    }

    /// A job writes an order to the instance of its own region, if that takes writes.
    pub(crate) fn job(&mut self, shop: usize, side: usize) {
        self.next_job(shop, side);
        // Some jobs go on writing to an instance whose place another took, wherever it takes writes.
        let here = self.shops[shop].databases[side];
        let region = self.databases[here].region_index;
        let own = self.shops[shop].beside.iter().copied();
        let mut taking = std::iter::once(here).chain(own.filter(|db| self.databases[*db].region_index == region));
        if let Some(database) = taking.find(|db| self.takes_writes(*db)) {
            self.commit(database, OrderedBy::Job);
        }
    }
}
