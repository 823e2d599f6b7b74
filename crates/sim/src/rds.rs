//! The RDS API of every region, and the slow things that it sets in motion.
//!
//! A promotion is accepted at once and takes minutes: Describe may go on showing `available` for a while,
//! then `modifying` with the source still set, then `rebooting`, then, no replica any more, `backing-up` (with
//! backups on), then `available`. The database takes writes from the end of the reboot on. Nothing of it
//! touches the old source, which goes on taking writes if it lives.

use crate::database::{DatabaseId, Power, Promotion};
use crate::ledger::What;
use crate::request::{Answer, Instance, Millis, Parameter, RdsOp, StatusInfo};
use crate::world::{Happening, World};
use std::collections::BTreeMap;

/// What happens next to a promoted instance.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PromotionStep {
    Modifying,
    Rebooting,
    Rebooted,
    BackedUp,
}

/// What happens next to an instance that is stopped or started.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PowerStep {
    ProcessEnds,
    Stopped,
    /// RDS starts what was stopped for seven days.
    StartedByRds,
    Started,
}

/// Things that wait for a region that is down try again after this time.
pub(crate) const AGAIN: Millis = 5_000;

impl World {
    /// Answers an RDS request; the effect takes place now. `number` is the request's number in the ledger.
    pub(crate) fn rds(&mut self, region: &str, op: &RdsOp, number: u64) -> Answer {
        match op {
            RdsOp::DescribeInstances {
                id,
                max_records,
                marker,
            } => self.describe(region, id.as_deref(), *max_records, marker.as_deref()),
            RdsOp::PromoteReadReplica {
                id,
                backup_retention_period,
            } => self.with(region, id, |world, db| {
                world.promote(db, *backup_retention_period, number)
            }),
            RdsOp::DescribeParameters { group } => match self.groups.get(&(region.to_owned(), group.clone())) {
                Some(group) => Answer::Parameters(
                    group
                        .iter()
                        .map(|(name, value)| Parameter {
                            name: name.clone(),
                            value: value.clone(),
                        })
                        .collect(),
                ),
                None => group_not_found(group),
            },
            RdsOp::ModifyParameter { group, name, value } => self.modify_parameter(region, group, name, value),
            RdsOp::StopInstance { id } => self.with(region, id, World::stop),
            RdsOp::StartInstance { id } => self.with(region, id, World::start),
            RdsOp::AddTags { arn, tags } => self.tag(region, arn, |own| own.extend(tags.clone())),
            RdsOp::RemoveTags { arn, keys } => self.tag(region, arn, |own| own.retain(|key, _| !keys.contains(key))),
            RdsOp::CopyGroup { from, to } => self.copy_group(region, from, to),
            RdsOp::CreateReadReplica {
                id,
                source,
                group,
                shape,
                tags,
            } => self.create_replica(region, id, source, group.as_deref(), shape, tags),
        }
    }

    pub(crate) fn find_instance(&self, region: &str, id: &str) -> Option<DatabaseId> {
        self.databases
            .iter()
            .position(|db| *db.region == *region && db.name.eq_ignore_ascii_case(id) && !db.gone)
    }

    fn with(&mut self, region: &str, id: &str, act: impl FnOnce(&mut World, DatabaseId) -> Answer) -> Answer {
        match self.find_instance(region, id) {
            Some(database) => act(self, database),
            None => instance_not_found(id),
        }
    }

    /// `DescribeDBInstances`: one page in order of identifiers; `marker` is where the next one begins.
    fn describe(&mut self, region: &str, id: Option<&str>, max_records: usize, marker: Option<&str>) -> Answer {
        if let Some(id) = id {
            return self.with(region, id, |world, db| Answer::Instances {
                instances: vec![world.instance(db)],
                marker: None,
            });
        }
        let mut all: Vec<DatabaseId> = (0..self.databases.len())
            .filter(|db| *self.databases[*db].region == *region && !self.databases[*db].gone)
            .collect();
        all.sort_by(|a, b| self.databases[*a].name.cmp(&self.databases[*b].name));
        if let Some(marker) = marker {
            all.retain(|db| *self.databases[*db].name >= *marker);
        }
        let size = max_records.clamp(1, 100);
        let next = all.get(size).map(|db| self.databases[*db].name.to_string());
        Answer::Instances {
            instances: all.iter().take(size).map(|db| self.instance(*db)).collect(),
            marker: next,
        }
    }

    /// An instance as Describe shows it.
    pub(crate) fn instance(&self, database: DatabaseId) -> Instance {
        let db = &self.databases[database];
        Instance {
            id: db.name.to_string(),
            resource_id: if db.replaced {
                crate::genesis::resource_id(self.ledger.seed, &format!("{} restored", db.name))
            } else {
                db.resource_id.clone()
            },
            arn: db.arn.clone(),
            status: db.shown_status().to_owned(),
            replica_source: db.shown_source.map(|source| self.databases[source].arn.clone()),
            replicas: db
                .replicas
                .iter()
                .map(|replica| self.databases[*replica].arn.clone())
                .collect(),
            status_infos: self.status_infos(database),
            endpoint: Some(db.endpoint.clone()),
            parameter_group: db.group.clone(),
            parameter_apply_status: if db.applying.is_some() { "applying" } else { "in-sync" }.to_owned(),
            backup_retention_period: db.retention,
            shape: db.shape.clone(),
            tags: db.tags.clone(),
        }
    }

    /// `StatusInfos` of a replica. A dead link shows no earlier than the replica notices it.
    fn status_infos(&self, database: DatabaseId) -> Vec<StatusInfo> {
        let db = &self.databases[database];
        if db.source.is_none() {
            return Vec::new();
        }
        if let Some(broken) = &self.shops[db.shop].link_break
            && db.promotion.is_none()
        {
            return vec![StatusInfo {
                status_type: "read replication".into(),
                normal: false,
                status: broken.status.clone(),
                message: broken.message.clone(),
            }];
        }
        let dead = self.setup.habits.dead_link_is_error
            && db.promotion.is_none()
            && db.link.noticed(self.now, self.setup.timing.replica_net_timeout);
        vec![StatusInfo {
            status_type: "read replication".into(),
            normal: !dead,
            status: if dead { "error" } else { "replicating" }.into(),
            message: dead.then(|| "The IO thread cannot reach the source (error 2003), it will be tried again".into()),
        }]
    }

    pub(crate) fn show(&mut self, database: DatabaseId, status: &'static str) {
        self.databases[database].status = status;
        self.note_instance(database);
    }

    /// Notes what RDS shows of an instance now.
    pub(crate) fn note_instance(&mut self, database: DatabaseId) {
        let db = &self.databases[database];
        let what = What::Instance {
            shop: self.shops[db.shop].name.clone(),
            instance: db.name.clone(),
            region: db.region.clone(),
            status: db.shown_status().into(),
            source: db.shown_source.map(|source| self.databases[source].name.clone()),
        };
        self.ledger.push(self.now, what);
    }

    /// `PromoteReadReplica`: not idempotent; refused for what is no replica, and in every state in which RDS is busy
    /// with the instance (`backing-up` is one).
    fn promote(&mut self, database: DatabaseId, retention: Option<i32>, call: u64) -> Answer {
        let db = &self.databases[database];
        if db.source.is_none() || db.promotion.is_some() {
            return invalid_state(&format!("DB Instance {} is not a read replica.", db.name));
        }
        if !promotable(db.shown_status()) {
            return invalid_state(&format!(
                "Instance {} is not in a state from which it can be promoted: {}.",
                db.name,
                db.shown_status()
            ));
        }
        self.end_forced_status(database);
        // Replication ends here. What was received is applied before the reboot; where the habit says that the
        // relay log is lost, the link counts as dead since the last applied row.
        self.settle_link(database);
        if self.setup.habits.relay_log_lost {
            self.databases[database].link.forget_received();
        }
        self.databases[database].promotion = Some(Promotion { call, retention });
        let shop = self.databases[database].shop;
        let what = What::PromotionAccepted {
            shop: self.shops[shop].name.clone(),
            instance: self.databases[database].name.clone(),
            region: self.databases[database].region.clone(),
            call,
        };
        self.ledger.push(self.now, what);
        self.look_again(shop);
        let unseen = self.dice.between(self.setup.timing.promotion_unseen);
        self.schedule(
            self.now + unseen,
            Happening::Promotion {
                database,
                step: PromotionStep::Modifying,
            },
        );
        let mut shown = self.instance(database);
        shown.status = "modifying".into();
        Answer::Instance(Box::new(shown))
    }

    /// The next step of a promotion; it waits while its region is down.
    pub(crate) fn promotion_step(&mut self, database: DatabaseId, step: PromotionStep) {
        if !self.region_up(self.databases[database].region_index) {
            return self.schedule(self.now + AGAIN, Happening::Promotion { database, step });
        }
        let timing = &self.setup.timing;
        let next = match step {
            PromotionStep::Modifying => {
                let pause = timing.promotion_modifying;
                self.show(database, "modifying");
                Some((pause, PromotionStep::Rebooting))
            }
            PromotionStep::Rebooting => {
                let pause = timing.promotion_rebooting;
                self.databases[database].rebooting = true;
                if self.setup.habits.source_vanishes_early {
                    self.databases[database].shown_source = None;
                }
                self.show(database, "rebooting");
                Some((pause, PromotionStep::Rebooted))
            }
            PromotionStep::Rebooted => {
                let pause = timing.promotion_backing_up;
                self.rebooted(database);
                (self.databases[database].retention > 0).then_some((pause, PromotionStep::BackedUp))
            }
            PromotionStep::BackedUp => {
                self.show(database, "available");
                None
            }
        };
        self.look_again(self.databases[database].shop);
        if let Some((pause, step)) = next {
            let at = self.now + self.dice.between(pause);
            self.schedule(at, Happening::Promotion { database, step });
        }
    }

    fn rebooted(&mut self, database: DatabaseId) {
        let source = self.databases[database].source;
        self.becomes_writer(database);
        let db = &mut self.databases[database];
        db.rebooting = false;
        let promotion = db.promotion.take();
        if let Some(days) = promotion.and_then(|promotion| promotion.retention) {
            db.retention = days;
        }
        let backs_up = db.retention > 0;
        self.show(database, if backs_up { "backing-up" } else { "available" });
        if let Some(source) = source {
            let pause = self.dice.between(self.setup.timing.forget_replica);
            self.schedule(
                self.now + pause,
                Happening::ForgetReplica {
                    source,
                    replica: database,
                },
            );
        }
    }

    /// The old source's region learns that its replica was promoted, as soon as the two can talk.
    pub(crate) fn forget_replica(&mut self, source: DatabaseId, replica: DatabaseId) {
        let [at, from] = [source, replica].map(|db| self.databases[db].region_index);
        if self.connected(at, from) {
            self.databases[source].replicas.retain(|own| *own != replica);
        } else {
            let pause = self.dice.between(self.setup.timing.forget_replica);
            self.schedule(self.now + pause, Happening::ForgetReplica { source, replica });
        }
    }

    /// `ModifyDBParameterGroup`: the group has the value at once, each of its instances later. A default
    /// group cannot be changed; a shared one changes all its instances.
    fn modify_parameter(&mut self, region: &str, group: &str, name: &str, value: &str) -> Answer {
        let key = (region.to_owned(), group.to_owned());
        if !self.groups.contains_key(&key) {
            return group_not_found(group);
        }
        if group.starts_with("default.") {
            return error(400, "InvalidParameterValue", "Cannot modify a default parameter group.");
        }
        if name == "read_only" && !["0", "1", "{TrueIfReplica}"].contains(&value) {
            let message = format!("Invalid parameter value: {value} for: {name}");
            return error(400, "InvalidParameterValue", &message);
        }
        self.parameter_changes += 1;
        let serial = self.parameter_changes;
        if let Some(parameters) = self.groups.get_mut(&key) {
            parameters.insert(name.to_owned(), value.to_owned());
        }
        for database in 0..self.databases.len() {
            let db = &mut self.databases[database];
            if *db.region == *region && db.group == group {
                db.applying = Some(serial);
                let at = self.now + self.dice.between(self.setup.timing.parameter_apply);
                self.schedule(at, Happening::ParameterArrives { database, serial });
            }
        }
        Answer::ParameterGroup { name: group.into() }
    }

    /// A group's values reach an instance. A stopped one takes them up when it starts, which is the same here.
    pub(crate) fn parameter_arrives(&mut self, database: DatabaseId, serial: u64) {
        let db = &mut self.databases[database];
        if db.applying != Some(serial) {
            return;
        }
        let runs = self.regions[db.region_index].down == 0 && !db.rebooting;
        if !runs {
            let again = Happening::ParameterArrives { database, serial };
            return self.schedule(self.now + AGAIN, again);
        }
        let key = (db.region.to_string(), db.group.clone());
        let value = self
            .groups
            .get(&key)
            .and_then(|group| group.get("read_only"))
            .cloned()
            .unwrap_or_else(|| "{TrueIfReplica}".into());
        db.applying = None;
        db.read_only.clone_from(&value);
        let shop = db.shop;
        let what = What::Parameter {
            shop: self.shops[shop].name.clone(),
            instance: db.name.clone(),
            region: db.region.clone(),
            name: "read_only".into(),
            value,
        };
        self.ledger.push(self.now, what);
        self.look_again(shop);
    }

    /// `StopDBInstance`: refused while it is, or has, a read replica.
    fn stop(&mut self, database: DatabaseId) -> Answer {
        let db = &self.databases[database];
        if db.shown_source.is_some() {
            return invalid_state("Cannot stop or start a read replica instance");
        }
        if !db.replicas.is_empty() && self.setup.habits.stop_refused_with_replica {
            return invalid_state("Cannot stop or start a DB instance that is the source of a read replica");
        }
        if db.shown_status() != "available" {
            return invalid_state(&format!("Instance {} is not in available state.", db.name));
        }
        self.show(database, "stopping");
        self.power_in(database, self.setup.timing.stop_process, PowerStep::ProcessEnds);
        Answer::Instance(Box::new(self.instance(database)))
    }

    /// `StartDBInstance`: only what is stopped.
    fn start(&mut self, database: DatabaseId) -> Answer {
        let db = &self.databases[database];
        if db.shown_status() != "stopped" {
            return invalid_state(&format!("Instance {} is not in stopped state.", db.name));
        }
        let db = &mut self.databases[database];
        (db.power, db.status) = (Power::Off, "stopped");
        self.end_forced_status(database);
        self.begin_start(database);
        Answer::Instance(Box::new(self.instance(database)))
    }

    fn begin_start(&mut self, database: DatabaseId) {
        self.databases[database].power_serial += 1;
        self.show(database, "starting");
        self.power_in(database, self.setup.timing.start, PowerStep::Started);
    }

    fn power_in(&mut self, database: DatabaseId, pause: (Millis, Millis), step: PowerStep) {
        let at = self.now + self.dice.between(pause);
        let serial = self.databases[database].power_serial;
        self.schedule(at, Happening::Power { database, serial, step });
    }

    /// The next step of a stop or start; it waits while its region is down.
    pub(crate) fn power_step(&mut self, database: DatabaseId, serial: u64, step: PowerStep) {
        if serial != self.databases[database].power_serial {
            return;
        }
        if !self.region_up(self.databases[database].region_index) {
            let again = Happening::Power { database, serial, step };
            return self.schedule(self.now + AGAIN, again);
        }
        match step {
            PowerStep::ProcessEnds => {
                self.databases[database].power = Power::Off;
                self.power_in(database, self.setup.timing.stop_rest, PowerStep::Stopped);
            }
            PowerStep::Stopped => {
                self.show(database, "stopped");
                let limit = self.setup.timing.stopped_at_most;
                self.power_in(database, (limit, limit), PowerStep::StartedByRds);
            }
            PowerStep::StartedByRds => self.begin_start(database),
            PowerStep::Started => {
                self.databases[database].power = Power::Running;
                self.show(database, "available");
            }
        }
        self.look_again(self.databases[database].shop);
    }

    fn tag(&mut self, region: &str, arn: &str, change: impl FnOnce(&mut BTreeMap<String, String>)) -> Answer {
        let mut here = self.databases.iter_mut();
        match here.find(|db| *db.region == *region && db.arn == arn && !db.gone) {
            Some(db) => {
                change(&mut db.tags);
                Answer::Done
            }
            None => instance_not_found(arn.rsplit(':').next().unwrap_or(arn)),
        }
    }
}

/// Whether RDS promotes a replica in this status: it works, and nothing that RDS does with it stands in the way.
fn promotable(status: &str) -> bool {
    matches!(status, "available" | "storage-optimization" | "storage-config-upgrade")
        || status.starts_with("configuring-")
}

/// An error answer.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::Error {
        status,
        code: code.into(),
        message: message.into(),
    }
}

pub(crate) fn invalid_state(message: &str) -> Answer {
    error(400, "InvalidDBInstanceState", message)
}

pub(crate) fn instance_not_found(id: &str) -> Answer {
    error(404, "DBInstanceNotFound", &format!("DBInstance {id} not found."))
}

pub(crate) fn group_not_found(group: &str) -> Answer {
    error(
        404,
        "DBParameterGroupNotFound",
        &format!("DBParameterGroup {group} not found."),
    )
}
