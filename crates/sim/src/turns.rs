//! Faults with a clock of their own: what flaps, what recovers by itself, and Terraform's runs.

use crate::faults::{Fault, FaultId};
use crate::ledger::{Name, What};
use crate::request::{
    CloudflareOp, Meta, Millis, RecordAction, RecordChange, RecordSet, Reply, Request, Route53Op, Vantage,
};
use crate::world::{Happening, World};
use serde_json::{Map, Value};

/// Where such a fault stands.
#[derive(Clone, Debug)]
pub(crate) enum Course {
    Flapping { down: bool },
    Recovering,
    Kept(Box<Kept>),
}

/// What Terraform knows: the state at its injection.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    shop: usize,
    name: Option<Vec<RecordSet>>,
    balancers: Vec<(Name, Map<String, Value>)>,
    pools: Vec<(Name, bool)>,
}

/// The fields of a balancer that Terraform keeps.
const KEPT_FIELDS: [&str; 6] = [
    "enabled",
    "default_pools",
    "fallback_pool",
    "region_pools",
    "country_pools",
    "pop_pools",
];

impl World {
    /// The first turn of a fault that has turns.
    pub(crate) fn begin_course(&mut self, id: FaultId, fault: &Fault) {
        let (course, pause) = match self.first_turn(fault) {
            Some(first) => first,
            None => return,
        };
        self.courses.insert(id, course);
        self.schedule(self.now + pause, Happening::Turn { fault: id });
    }

    fn first_turn(&mut self, fault: &Fault) -> Option<(Course, Millis)> {
        if let Fault::Flapping { down_seconds, .. } = fault {
            return Some((Course::Flapping { down: true }, seconds(*down_seconds)));
        }
        if let Fault::DatabaseRecovers {
            recovers_after_seconds, ..
        } = fault
        {
            let pause = match recovers_after_seconds {
                Some(after) => seconds(*after),
                None => self.fault_dice.between(self.setup.timing.multi_az_recovery),
            };
            return Some((Course::Recovering, pause));
        }
        if let Fault::Terraform {
            shop,
            every_seconds,
            names,
            balancers,
        } = fault
        {
            let shop = self.shops.iter().position(|own| *own.name == **shop)?;
            let kept = self.kept(shop, *names, *balancers);
            return Some((Course::Kept(Box::new(kept)), seconds(*every_seconds)));
        }
        None
    }

    /// A fault's turn has come; one that was cleared has none.
    pub(crate) fn turn(&mut self, id: FaultId) {
        let (Some(fault), Some(course)) = (self.faults.get(&id).cloned(), self.courses.get(&id).cloned()) else {
            return;
        };
        match course {
            Course::Recovering => self.clear(id),
            Course::Flapping { down } => self.flap(id, &fault, !down),
            Course::Kept(kept) => {
                self.terraform(&kept);
                if let Fault::Terraform { every_seconds, .. } = fault {
                    self.schedule(self.now + seconds(every_seconds), Happening::Turn { fault: id });
                }
            }
        }
    }

    fn flap(&mut self, id: FaultId, fault: &Fault, down: bool) {
        let Fault::Flapping {
            shop,
            region,
            up_seconds,
            down_seconds,
        } = fault
        else {
            return;
        };
        self.courses.insert(id, Course::Flapping { down });
        let what = What::Flapped {
            shop: Name::from(shop.as_str()),
            region: Name::from(region.as_str()),
            up: !down,
        };
        self.ledger.push(self.now, what);
        self.apply_faults();
        let pause = seconds(if down { *down_seconds } else { *up_seconds });
        self.schedule(self.now + pause, Happening::Turn { fault: id });
    }

    fn kept(&self, shop: usize, names: bool, balancers: bool) -> Kept {
        let own = &self.shops[shop];
        let pools = own.sides.iter().map(|side| &self.pools[side.pool]);
        let balancers: &[usize] = if balancers { &own.balancers } else { &[] };
        Kept {
            shop,
            name: names.then(|| self.name_sets(shop)),
            balancers: balancers
                .iter()
                .map(|balancer| {
                    let own = &self.balancers[*balancer];
                    (own.id.clone(), kept_fields(&own.doc))
                })
                .collect(),
            pools: pools
                .filter(|_| !balancers.is_empty())
                .map(|pool| (pool.id.clone(), pool.enabled))
                .collect(),
        }
    }

    /// The sets of the writer's name, without the owner's record.
    fn name_sets(&self, shop: usize) -> Vec<RecordSet> {
        let name = &self.shops[shop].writer_record;
        self.zone.records().filter(|set| set.name == *name).cloned().collect()
    }

    /// One run: what differs is put back.
    fn terraform(&mut self, kept: &Kept) {
        if let Some(name) = &kept.name {
            let changes = put_back(&self.name_sets(kept.shop), name);
            if !changes.is_empty() {
                let zone = self.setup.hosted_zone.clone();
                let op = Route53Op::ChangeRecords { zone, changes };
                self.deed("terraform", Request::Route53 { op });
            }
        }
        for (id, fields) in &kept.balancers {
            let now = self.balancers.iter().find(|own| own.id == *id);
            let Some(now) = now.map(|own| kept_fields(&own.doc)) else {
                continue;
            };
            let differing = fields.iter().filter(|(field, value)| now.get(*field) != Some(*value));
            let patch: Map<String, Value> = differing.map(|(field, value)| (field.clone(), value.clone())).collect();
            if !patch.is_empty() {
                let (zone, id) = (self.setup.cloudflare_zone.clone(), id.to_string());
                let patch = Value::Object(patch);
                let op = CloudflareOp::PatchBalancer { zone, id, patch };
                self.deed("terraform", Request::Cloudflare { op });
            }
        }
        for (id, enabled) in &kept.pools {
            let found = self.pool_ids.get(id).copied();
            if found.is_some_and(|pool| self.pools[pool].enabled != *enabled) {
                self.set_pool_enabled("terraform", id, *enabled);
            }
        }
    }

    /// Somebody who is not the controller asks: a person at a console, or a tool of theirs. `actor` is whom the
    /// providers' logs name, `person:ana` or `terraform`.
    pub fn deed(&mut self, actor: &str, request: Request) -> Reply {
        let meta = Meta {
            actor: actor.to_owned(),
            ..Meta::default()
        };
        self.ask(Vantage::Person, meta, request)
    }
}

fn seconds(seconds: u32) -> Millis {
    // A turn takes a second at least: a fault that turns at once would never let the clock go on.
    Millis::from(seconds.max(1)) * 1000
}

/// The kept fields of a balancer; an absent one is an empty one.
fn kept_fields(doc: &Map<String, Value>) -> Map<String, Value> {
    KEPT_FIELDS
        .iter()
        .map(|field| {
            let value = doc.get(*field).cloned().unwrap_or_else(|| Value::Object(Map::new()));
            ((*field).to_owned(), value)
        })
        .collect()
}

/// The batch that turns the sets of one name into those of another time.
pub(crate) fn put_back(now: &[RecordSet], then: &[RecordSet]) -> Vec<RecordChange> {
    let change = |action, record: &RecordSet| RecordChange {
        action,
        record: record.clone(),
    };
    let gone = now.iter().filter(|set| {
        let same = |kept: &&RecordSet| kept.kind == set.kind && kept.name == set.name;
        then.iter().find(same).is_none()
    });
    let differing = then.iter().filter(|set| !now.contains(set));
    gone.map(|set| change(RecordAction::Delete, set))
        .chain(differing.map(|set| change(RecordAction::Upsert, set)))
        .collect()
}
