//! New replicas in another region, and the parameter groups that they use.
//!
//! RDS takes a snapshot of the source, copies it to the region and restores it there: the instance is listed as `creating`
//! at once, with its source and its tags, and is `available` when it replicates. The source must keep backups; a new
//! replica keeps none. Neither call is idempotent.

use crate::database::{Database, DatabaseId, Link, Power, Process};
use crate::genesis::{endpoint, resource_id, server_uuid};
use crate::ledger::Name;
use crate::rds::{AGAIN, error, group_not_found, instance_not_found, invalid_state};
use crate::request::{Answer, Shape};
use crate::world::{Happening, World};
use std::collections::BTreeMap;

impl World {
    /// `CopyDBParameterGroup`.
    pub(crate) fn copy_group(&mut self, region: &str, from: &str, to: &str) -> Answer {
        let key = |group: &str| (region.to_owned(), group.to_owned());
        let Some(parameters) = self.groups.get(&key(from)).cloned() else {
            return group_not_found(from);
        };
        if self.groups.contains_key(&key(to)) {
            let message = format!("Parameter group {to} already exists");
            return error(400, "DBParameterGroupAlreadyExists", &message);
        }
        self.groups.insert(key(to), parameters);
        self.copies.insert(key(to), from.to_owned());
        Answer::ParameterGroup { name: to.into() }
    }

    /// `CreateDBInstanceReadReplica`.
    pub(crate) fn create_replica(
        &mut self,
        region: &str,
        id: &str,
        source: &str,
        group: Option<&str>,
        shape: &Shape,
        tags: &BTreeMap<String, String>,
    ) -> Answer {
        if self.find_instance(region, id).is_some() {
            return error(400, "DBInstanceAlreadyExists", "DB instance already exists");
        }
        let of_arn = |db: &Database| db.arn == source && !db.gone;
        let Some(source) = self.databases.iter().position(of_arn) else {
            return instance_not_found(source.rsplit(':').next().unwrap_or(source));
        };
        let default = "default.mysql8.0".to_owned();
        let group = group.map_or(default.clone(), str::to_owned);
        if group != default && !self.groups.contains_key(&(region.to_owned(), group.clone())) {
            return group_not_found(&group);
        }
        if let Some(refusal) = self.cannot_be_made(region, source, shape) {
            return refusal;
        }
        let database = self.databases.len();
        let made = self.replica_of(source, region, id, group, shape, tags);
        let shop = made.shop;
        self.databases.push(made);
        self.databases[source].replicas.push(database);
        self.shops[shop].beside.push(database);
        self.note_instance(database);
        let at = self.now + self.dice.between(self.setup.timing.replica_creating);
        self.schedule(at, Happening::ReplicaMade { database });
        Answer::Instance(Box::new(self.instance(database)))
    }

    /// Why RDS makes no replica of this source there.
    fn cannot_be_made(&self, region: &str, source: DatabaseId, shape: &Shape) -> Option<Answer> {
        let from = &self.databases[source];
        let here = self.region(region)?;
        let message = if from.retention == 0 {
            format!(
                "Automated backups are not enabled for this database instance: {}.",
                from.name
            )
        } else if !self.connected(here, from.region_index) {
            format!("The region of {} does not answer.", from.name)
        } else if !matches!(from.shown_status(), "available" | "backing-up") {
            format!("{} is not in available state: {}.", from.name, from.shown_status())
        } else if from.shape.kms_key.is_some() && shape.kms_key.is_none() {
            let message = "A KMS key of this region must be given for a replica of an encrypted instance.";
            return Some(error(400, "InvalidParameterCombination", message));
        } else {
            return None;
        };
        Some(invalid_state(&message))
    }

    fn replica_of(
        &self,
        source: DatabaseId,
        region: &str,
        id: &str,
        group: String,
        shape: &Shape,
        tags: &BTreeMap<String, String>,
    ) -> Database {
        let (from, seed, account) = (&self.databases[source], self.ledger.seed, &self.setup.aws_account);
        let sides = &self.shops[from.shop].sides;
        let side = sides.iter().position(|side| *side.region == *region);
        let lag = self.setup.shops[from.shop].lag.clone();
        Database {
            shop: from.shop,
            side: side.unwrap_or(from.side),
            name: Name::from(id),
            region: Name::from(region),
            region_index: self.region(region).unwrap_or(from.region_index),
            resource_id: resource_id(seed, id),
            arn: format!("arn:aws:rds:{region}:{account}:db:{id}"),
            endpoint: endpoint(id, region),
            server_uuid: server_uuid(seed, id),
            status: "creating",
            source: Some(source),
            shown_source: Some(source),
            replicas: Vec::new(),
            group,
            read_only: "{TrueIfReplica}".into(),
            applying: None,
            forced_status: None,
            process: Process::Works,
            gone: false,
            replaced: false,
            retention: 0,
            shape: shape.clone(),
            tags: tags.clone(),
            power: Power::Off,
            rebooting: false,
            promotion: None,
            log: from.log.clone(),
            inherited: Vec::new(),
            link: Link::new(lag, seed, id, self.now),
            wrote_until: None,
            span: None,
            power_serial: 0,
            lag_samples: Default::default(),
            cpu_samples: Default::default(),
        }
    }

    /// The replica is there; it waits while one of the two regions is down or cut off. What the shop has in its region is
    /// this one from now on.
    pub(crate) fn replica_made(&mut self, database: DatabaseId) {
        let db = &self.databases[database];
        let Some(source) = db.source else { return };
        if !self.connected(db.region_index, self.databases[source].region_index) {
            return self.schedule(self.now + AGAIN, Happening::ReplicaMade { database });
        }
        let key = (db.region.to_string(), db.group.clone());
        let read_only = self.groups.get(&key).and_then(|group| group.get("read_only")).cloned();
        let now = self.now;
        let db = &mut self.databases[database];
        db.power = Power::Running;
        db.link.settled = now;
        if let Some(value) = read_only {
            db.read_only = value;
        }
        let (shop, side) = (db.shop, db.side);
        self.show(database, "available");
        if self.shops[shop].databases[side] != source {
            let before = std::mem::replace(&mut self.shops[shop].databases[side], database);
            self.shops[shop].beside.retain(|own| *own != database);
            self.shops[shop].beside.push(before);
        }
        self.look_again(shop);
    }
}
