//! How the faults in force strike: what is down, cut off or lost, and what comes back when.

use crate::faults::{Api, Fault, FaultId};
use crate::ledger::What;
use crate::probes::{Place, plain};
use crate::request::{Request, Vantage};
use crate::world::{Happening, Part, ROUTE53_HOME, Shop, Side, World};

/// What happens to a request on its way.
pub(crate) enum Way {
    Open,
    Silent,
    Refused { status: u16, code: String },
}

/// What of a request is lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    Replies,
    Requests,
}

impl World {
    /// Whether a request gets to whom it is meant for.
    pub(crate) fn way(&mut self, from: Vantage, request: &Request) -> Way {
        let home = match request {
            Request::Route53 { .. } => Some(ROUTE53_HOME),
            Request::Rds { .. }
            | Request::CloudWatch { .. }
            | Request::Sts { .. }
            | Request::Cloudflare { .. }
            | Request::Http { .. } => request.region(),
        };
        let home = home.and_then(|name| self.region(name));
        if home.is_some_and(|region| !self.reaches(from, region)) {
            return Way::Silent;
        }
        if from != Vantage::Controller {
            return Way::Open;
        }
        let asked = self.region_asked(request);
        let aimed = |api: Api, region: &Option<String>| {
            api == request.api() && (region.is_none() || region.as_deref() == asked)
        };
        for fault in self.faults.values() {
            match fault {
                Fault::ApiSilent { api, region } if aimed(*api, region) => return Way::Silent,
                Fault::ApiError {
                    api,
                    region,
                    status,
                    code,
                } if aimed(*api, region) => {
                    return Way::Refused {
                        status: *status,
                        code: code.clone(),
                    };
                }
                Fault::ApiSilent { .. }
                | Fault::ApiError { .. }
                | Fault::RegionDown { .. }
                | Fault::Partition { .. }
                | Fault::LinkLost { .. }
                | Fault::ServicesDown { .. }
                | Fault::DatabaseDown { .. }
                | Fault::LoseReplies { .. }
                | Fault::LoseRequests { .. }
                | Fault::Delay { .. } => {}
            }
        }
        if self.uses_up(from, request, Lost::Requests) {
            return Way::Silent;
        }
        Way::Open
    }

    /// The region that a request goes to: of a direct URL, that of its service.
    pub(crate) fn region_asked<'a>(&'a self, request: &'a Request) -> Option<&'a str> {
        match request {
            Request::Http { url } => match self.urls.get(plain(url))? {
                Place::Service { shop, side, .. } | Place::Proof { shop, side } => {
                    Some(&self.shops[*shop].sides[*side].region)
                }
                Place::Reference => None,
            },
            Request::Rds { .. }
            | Request::CloudWatch { .. }
            | Request::Sts { .. }
            | Request::Cloudflare { .. }
            | Request::Route53 { .. } => request.region(),
        }
    }

    /// Uses up one of the lost replies or requests that are in force; the last one ends the fault.
    pub(crate) fn uses_up(&mut self, from: Vantage, request: &Request, lost: Lost) -> bool {
        if from != Vantage::Controller {
            return false;
        }
        let found = self.faults.iter_mut().find_map(|(id, fault)| {
            let (loses, aim, op, count) = match fault {
                Fault::LoseReplies { api, op, count } => (Lost::Replies, *api, op, count),
                Fault::LoseRequests { api, op, count } => (Lost::Requests, *api, op, count),
                Fault::RegionDown { .. }
                | Fault::Partition { .. }
                | Fault::LinkLost { .. }
                | Fault::ServicesDown { .. }
                | Fault::DatabaseDown { .. }
                | Fault::ApiSilent { .. }
                | Fault::ApiError { .. }
                | Fault::Delay { .. } => return None,
            };
            let hit = loses == lost
                && aim == request.api()
                && op.as_deref().is_none_or(|op| op == request.op())
                && *count > 0;
            hit.then(|| {
                *count -= 1;
                (*id, *count)
            })
        });
        if let Some((id, 0)) = found {
            self.clear(id);
        }
        found.is_some()
    }

    /// A fault is in force from now on.
    pub fn inject(&mut self, fault: Fault) -> FaultId {
        self.last_fault += 1;
        let id = FaultId(self.last_fault);
        self.faults.insert(id, fault.clone());
        self.ledger.push(self.now, What::FaultInjected { id, fault });
        self.apply_faults();
        id
    }

    /// A fault is no longer in force; an unknown id does nothing.
    pub fn clear(&mut self, id: FaultId) {
        let Some(fault) = self.faults.remove(&id) else {
            return;
        };
        self.ledger.push(self.now, What::FaultCleared { id, fault });
        self.apply_faults();
    }

    /// No fault is in force any more.
    pub fn clear_all(&mut self) {
        let ids: Vec<FaultId> = self.faults.keys().copied().collect();
        for id in ids {
            self.clear(id);
        }
    }

    /// Works out from the faults in force what is down, cut and lost.
    fn apply_faults(&mut self) {
        let was_down: Vec<bool> = self.regions.iter().map(|region| region.down > 0).collect();
        for region in &mut self.regions {
            (region.down, region.cut, region.names_vanish) = (0, 0, false);
        }
        for shop in &mut self.shops {
            shop.link_lost = false;
            for side in &mut shop.sides {
                (side.services_down, side.database_down) = (false, false);
            }
        }
        for fault in self.faults.values() {
            match fault {
                Fault::RegionDown { region, names_vanish } => {
                    for own in self.regions.iter_mut().filter(|own| *own.name == **region) {
                        own.down += 1;
                        own.names_vanish |= names_vanish;
                    }
                }
                Fault::Partition { region } => {
                    for own in self.regions.iter_mut().filter(|own| *own.name == **region) {
                        own.cut += 1;
                    }
                }
                Fault::LinkLost { shop } => {
                    for own in self.shops.iter_mut().filter(|own| *own.name == **shop) {
                        own.link_lost = true;
                    }
                }
                Fault::ServicesDown { shop, region } => {
                    for side in sides(&mut self.shops, shop, region) {
                        side.services_down = true;
                    }
                }
                Fault::DatabaseDown { shop, region } => {
                    for side in sides(&mut self.shops, shop, region) {
                        side.database_down = true;
                    }
                }
                Fault::ApiSilent { .. }
                | Fault::ApiError { .. }
                | Fault::LoseReplies { .. }
                | Fault::LoseRequests { .. }
                | Fault::Delay { .. } => {}
            }
        }
        for (region, was_down) in was_down.into_iter().enumerate() {
            if was_down && self.regions[region].down == 0 {
                self.comes_back(region);
            }
        }
        self.look_again_everywhere();
    }

    fn comes_back(&mut self, region: usize) {
        let databases = self.now + self.dice.between(self.setup.timing.return_databases);
        let services = self.now + self.dice.between(self.setup.timing.return_services);
        let own = &mut self.regions[region];
        own.databases_at = databases;
        own.services_at = services.max(databases);
        let services = own.services_at;
        for (at, part) in [(databases, Part::Databases), (services, Part::Services)] {
            self.schedule(at, Happening::Returned { region, part });
        }
    }

    pub(crate) fn returned(&mut self, region: usize, part: Part) {
        let own = &self.regions[region];
        let (at, name) = match part {
            Part::Databases => (own.databases_at, "databases"),
            Part::Services => (own.services_at, "services"),
        };
        // Down again, or down and back again since: another entry of the queue is the right one.
        if own.down > 0 || at != self.now {
            return;
        }
        let what = What::Returned {
            region: own.name.clone(),
            part: name.into(),
        };
        self.ledger.push(self.now, what);
        self.look_again_everywhere();
    }

    fn region(&self, name: &str) -> Option<usize> {
        self.regions.iter().position(|region| *region.name == *name)
    }

    pub(crate) fn region_up(&self, region: usize) -> bool {
        self.regions[region].down == 0
    }

    /// Whether two regions can talk to each other.
    pub(crate) fn connected(&self, one: usize, other: usize) -> bool {
        let free = |region: usize| self.regions[region].cut == 0;
        self.region_up(one) && self.region_up(other) && (one == other || (free(one) && free(other)))
    }
}

fn sides<'a>(shops: &'a mut [Shop], shop: &str, region: &str) -> impl Iterator<Item = &'a mut Side> {
    let own = shops.iter_mut().filter(move |own| *own.name == *shop);
    let found: Vec<&'a mut Side> = own
        .flat_map(|own| own.sides.iter_mut())
        .filter(|side| *side.region == *region)
        .collect();
    found.into_iter()
}
