//! How the faults in force strike: what is down, cut off or lost, and what comes back when.

use crate::database::Process;
use crate::faults::{Fault, FaultId};
use crate::ledger::What;
use crate::turns::Course;
use crate::world::{Happening, LinkBreak, Part, Shop, Side, World};

impl World {
    /// A fault is in force from now on.
    pub fn inject(&mut self, fault: Fault) -> FaultId {
        self.last_fault += 1;
        let id = FaultId(self.last_fault);
        self.faults.insert(id, fault.clone());
        self.ledger.push(
            self.now,
            What::FaultInjected {
                id,
                fault: fault.clone(),
            },
        );
        self.begin_course(id, &fault);
        self.apply_faults();
        id
    }

    /// A fault is no longer in force; an unknown id does nothing.
    pub fn clear(&mut self, id: FaultId) {
        let Some(fault) = self.faults.remove(&id) else {
            return;
        };
        self.courses.remove(&id);
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
    pub(crate) fn apply_faults(&mut self) {
        let was_down: Vec<bool> = self.regions.iter().map(|region| region.down > 0).collect();
        let shown: Vec<String> = self.databases.iter().map(|db| db.shown_status().to_owned()).collect();
        self.nothing_is_broken();
        let faults: Vec<(FaultId, Fault)> = self.faults.iter().map(|(id, fault)| (*id, fault.clone())).collect();
        for (id, fault) in &faults {
            self.break_by(*id, fault);
        }
        for (database, was) in shown.into_iter().enumerate() {
            if self.databases[database].shown_status() != was {
                self.note_instance(database);
            }
        }
        for (region, was_down) in was_down.into_iter().enumerate() {
            if was_down && self.regions[region].down == 0 {
                self.comes_back(region);
            }
        }
        self.look_again_everywhere();
    }

    fn nothing_is_broken(&mut self) {
        self.route53_unreachable = false;
        self.readback_lag = 0;
        for region in &mut self.regions {
            (region.down, region.cut, region.names_vanish) = (0, 0, false);
        }
        for shop in &mut self.shops {
            (shop.link_lost, shop.link_break) = (false, None);
            (shop.bad_release, shop.deep_checks) = (false, false);
            for side in &mut shop.sides {
                (side.services_down, side.browned_out, side.database_down) = (false, false, false);
            }
        }
        for db in &mut self.databases {
            (db.forced_status, db.process, db.gone, db.replaced) = (None, Process::Works, false, false);
        }
    }

    /// What one fault breaks.
    fn break_by(&mut self, id: FaultId, fault: &Fault) {
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
            Fault::LinkLost { shop } => shops(&mut self.shops, shop).for_each(|own| own.link_lost = true),
            Fault::LinkCut { shop, status } => {
                let cut = LinkBreak::cut(status);
                shops(&mut self.shops, shop).for_each(|own| own.link_break = Some(cut.clone()));
            }
            Fault::SqlError { shop } => {
                shops(&mut self.shops, shop).for_each(|own| own.link_break = Some(LinkBreak::sql_error()));
            }
            Fault::BadRelease { shop } => shops(&mut self.shops, shop).for_each(|own| own.bad_release = true),
            Fault::DeepChecks { shop } => shops(&mut self.shops, shop).for_each(|own| own.deep_checks = true),
            Fault::ServicesDown { shop, region } => {
                sides(&mut self.shops, shop, region).for_each(|side| side.services_down = true);
            }
            Fault::Brownout { shop, region } => {
                sides(&mut self.shops, shop, region).for_each(|side| side.browned_out = true);
            }
            Fault::Flapping { shop, region, .. } => {
                let down = matches!(self.courses.get(&id), Some(Course::Flapping { down: true }));
                sides(&mut self.shops, shop, region).for_each(|side| side.services_down |= down);
            }
            Fault::DatabaseDown { shop, region } | Fault::DatabaseRecovers { shop, region, .. } => {
                sides(&mut self.shops, shop, region).for_each(|side| side.database_down = true);
            }
            Fault::InstanceStatus {
                shop,
                region,
                status,
                takes_writes,
            } => {
                if let Some(database) = self.database_of(shop, region) {
                    let db = &mut self.databases[database];
                    db.forced_status = Some(status.clone());
                    db.process = match takes_writes {
                        Some(true) => Process::Works,
                        Some(false) => Process::Refuses,
                        None => Process::implied_by(status),
                    };
                }
            }
            Fault::InstanceGone { shop, region } => {
                if let Some(database) = self.database_of(shop, region) {
                    self.databases[database].gone = true;
                }
            }
            Fault::InstanceReplaced { shop, region } => {
                if let Some(database) = self.database_of(shop, region) {
                    self.databases[database].replaced = true;
                }
            }
            Fault::Route53Unreachable => self.route53_unreachable = true,
            Fault::ReadbackLag { seconds } => self.readback_lag = i64::from(*seconds) * 1000,
            Fault::LagSamples { .. }
            | Fault::ControllerCutOff
            | Fault::Terraform { .. }
            | Fault::ApiSilent { .. }
            | Fault::ApiError { .. }
            | Fault::ApiThrottling { .. }
            | Fault::ApiDenied { .. }
            | Fault::ApiTruncated { .. }
            | Fault::ClockRefused { .. }
            | Fault::LoseReplies { .. }
            | Fault::LoseRequests { .. }
            | Fault::SpoilReplies { .. }
            | Fault::DuplicateEffects { .. }
            | Fault::Delay { .. } => {}
        }
    }

    /// RDS accepted an operation on an instance: whatever status was shown, its own course is shown from now on.
    pub(crate) fn end_forced_status(&mut self, database: usize) {
        let (shop, region) = {
            let db = &self.databases[database];
            (self.shops[db.shop].name.clone(), db.region.clone())
        };
        let ids: Vec<FaultId> = self
            .faults
            .iter()
            .filter(|(_, fault)| {
                matches!(fault, Fault::InstanceStatus { shop: own, region: there, .. }
                    if **own == *shop && **there == *region)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.clear(id);
        }
    }

    fn database_of(&self, shop: &str, region: &str) -> Option<usize> {
        let own = self.shops.iter().find(|own| *own.name == *shop)?;
        let side = own.sides.iter().position(|side| *side.region == *region)?;
        Some(own.databases[side])
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

    pub(crate) fn region(&self, name: &str) -> Option<usize> {
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

fn shops<'a>(shops: &'a mut [Shop], shop: &str) -> impl Iterator<Item = &'a mut Shop> {
    shops.iter_mut().filter(move |own| *own.name == *shop)
}

fn sides<'a>(shops: &'a mut [Shop], shop: &str, region: &str) -> impl Iterator<Item = &'a mut Side> {
    let own = shops.iter_mut().filter(move |own| *own.name == *shop);
    let found: Vec<&'a mut Side> = own
        .flat_map(|own| own.sides.iter_mut())
        .filter(|side| *side.region == *region)
        .collect();
    found.into_iter()
}
