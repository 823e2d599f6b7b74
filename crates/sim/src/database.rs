//! A MySQL instance as it truly is: its rows, its role, whether its process runs; beside what RDS shows of it.

use crate::cloudwatch::Samples;
use crate::dice::{fraction, mix};
use crate::ledger::{Name, OrderedBy};
use crate::request::{Millis, Shape};
use crate::setup::LagProfile;
use std::collections::BTreeMap;

/// Index of an instance in the world.
pub(crate) type DatabaseId = usize;

/// A committed order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Number of the order, unique in its shop.
    pub order: u64,
    /// When it was committed and acknowledged.
    pub at: Millis,
    /// Who placed it.
    pub by: OrderedBy,
}

/// Whether the database process is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    /// It runs.
    Running,
    /// It was stopped, or has not started yet.
    Off,
}

/// What a status makes of the database process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Process {
    /// Nothing: it does what it would do anyway.
    Works,
    /// It runs and takes no writes.
    Refuses,
    /// It answers nobody.
    Dead,
}

impl Process {
    /// What RDS documents of a status; of an unknown one nothing.
    pub(crate) fn implied_by(status: &str) -> Process {
        let dead = [
            "rebooting",
            "upgrading",
            "maintenance",
            "starting",
            "stopping",
            "stopped",
            "creating",
            "deleting",
            "failed",
            "restore-error",
        ];
        if status == "storage-full" {
            Process::Refuses
        } else if dead.contains(&status) || status.starts_with("incompatible-") || status.starts_with("inaccessible-") {
            Process::Dead
        } else {
            Process::Works
        }
    }
}

/// A promotion that RDS accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promotion {
    /// `number` of the call.
    pub call: u64,
    /// `BackupRetentionPeriod` of the call.
    pub retention: Option<i32>,
}

/// One instance.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub shop: usize,
    pub side: usize,
    pub name: Name,
    pub region: Name,
    pub region_index: usize,
    pub resource_id: String,
    pub arn: String,
    pub endpoint: String,
    pub server_uuid: String,
    /// `DBInstanceStatus` as its own course has it.
    pub status: &'static str,
    /// The real source: set exactly while the instance is a replica.
    pub source: Option<DatabaseId>,
    /// The source that Describe shows.
    pub shown_source: Option<DatabaseId>,
    /// The replicas that Describe shows; a lost region's RDS does not know better until it can.
    pub replicas: Vec<DatabaseId>,
    pub group: String,
    /// The value of `read_only` in force in the process.
    pub read_only: String,
    /// Serial number of the newest parameter change on its way here; `None`: in sync.
    pub applying: Option<u64>,
    /// A status that a fault has RDS show.
    pub forced_status: Option<String>,
    /// What a fault makes of the process.
    pub process: Process,
    /// RDS knows nothing of it, and nobody answers.
    pub gone: bool,
    /// Another instance bears its name.
    pub replaced: bool,
    pub retention: i32,
    pub shape: Shape,
    pub tags: BTreeMap<String, String>,
    pub power: Power,
    /// The process is down for a reboot.
    pub rebooting: bool,
    pub promotion: Option<Promotion>,
    /// What it holds, in commit order: for a replica a prefix of its source's.
    pub log: Vec<Row>,
    /// How many of those rows each other instance committed, oldest lineage first (fixed at promotion).
    pub inherited: Vec<(DatabaseId, u64)>,
    /// The stream that feeds it, while it is a replica.
    pub link: Link,
    /// The last moment at which it took writes, if it does not take any now.
    pub wrote_until: Option<Millis>,
    /// Index of its open span in the ledger: it takes writes now.
    pub span: Option<usize>,
    /// Counts starts and stops, so that a step of an older stop does nothing.
    pub power_serial: u64,
    pub lag_samples: Samples,
    pub cpu_samples: Samples,
}

/// The stream from a source to its replica.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// When it ceased to flow; `None`: it flows.
    pub died: Option<Millis>,
    /// A reconnection is already on its way.
    pub reconnecting: bool,
    /// The replica has applied everything committed up to here (in the source's time).
    pub applied: Millis,
    /// When `applied` was last brought up to date.
    pub settled: Millis,
    profile: LagProfile,
    seed: u64,
}

/// A backlog is applied this many times faster than it was written.
const CATCH_UP: Millis = 30;

impl Link {
    pub(crate) fn new(profile: LagProfile, seed: u64, name: &str, now: Millis) -> Link {
        Link {
            died: None,
            reconnecting: false,
            applied: now,
            settled: now,
            profile,
            seed: mix(seed, name, 1),
        }
    }

    /// Time from reception to application in this minute. It depends on the minute alone, so that looking
    /// at a replica does not change it.
    fn apply_lag(&self, now: Millis) -> Millis {
        let minute = now.div_euclid(60_000) as u64;
        let slow = fraction(mix(self.seed, "spike", minute)) < self.profile.spike_chance;
        let (low, high) = if slow { self.profile.spike } else { self.profile.apply };
        low + (fraction(mix(self.seed, "lag", minute)) * (high - low) as f64) as Millis
    }

    /// Everything committed up to here has been received.
    pub(crate) fn received(&self, now: Millis) -> Millis {
        self.died.unwrap_or(now) - self.profile.ship
    }

    /// Brings `applied` up to date.
    pub(crate) fn settle(&mut self, now: Millis) {
        let due = self.received(now).min(now - self.profile.ship - self.apply_lag(now));
        if due > self.applied {
            let at_most = self.applied + (now - self.settled) * CATCH_UP;
            self.applied = due.min(at_most).max(self.applied);
        }
        self.settled = now;
    }

    /// `ReplicaLag` in seconds while the link works as far as the replica knows: the SQL thread against
    /// the IO thread, which is why a dead link reads 0.
    pub(crate) fn visible_lag(&self, now: Millis) -> f64 {
        ((self.received(now) - self.applied).max(0) / 1000) as f64
    }

    /// What was received and is not applied yet is gone.
    pub(crate) fn forget_received(&mut self) {
        self.died = Some(self.applied + self.profile.ship);
    }

    /// Whether the replica knows that its link is dead.
    pub(crate) fn noticed(&self, now: Millis, net_timeout: Millis) -> bool {
        self.died.is_some_and(|died| now >= died + net_timeout)
    }
}

impl Database {
    /// `DBInstanceStatus` as Describe shows it, faults included.
    pub(crate) fn shown_status(&self) -> &str {
        self.forced_status.as_deref().unwrap_or(self.status)
    }

    /// Whether the value of `read_only` lets it take writes in its present role.
    pub(crate) fn read_only_now(&self) -> bool {
        match self.read_only.as_str() {
            "0" | "OFF" => false,
            "1" | "ON" => true,
            // {TrueIfReplica}, the default
            _ => self.source.is_some(),
        }
    }
}
