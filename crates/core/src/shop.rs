//! A shop as a validated value: past `api::parse` there are no invalid states.

use crate::Text;
use crate::pacing::Limits;
use crate::side::{PerSide, Side};
use jiff::Timestamp;
use std::time::Duration;

/// The namespaced name of a Storefront.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShopKey {
    /// Kubernetes namespace.
    pub namespace: Text,
    /// Kubernetes name.
    pub name: Text,
}

impl std::fmt::Display for ShopKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One AWS region under one class, which is one AWS account: the unit of observation and of a lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Name of the StorefrontClass that grants the credentials.
    pub class: Text,
    /// AWS region.
    pub region: Text,
}

/// A storefront's spec, parsed, together with what its class resolves.
#[derive(Clone, Debug, PartialEq)]
pub struct Shop {
    /// Which object this is.
    pub key: ShopKey,
    /// Its `metadata.uid`: a re-created object is another shop.
    pub uid: Text,
    /// `metadata.generation` of the spec that was parsed.
    pub generation: i64,
    /// `<installation>/<namespace>/<name>`: who owns the TXT record and the tags.
    pub owner: Text,
    /// Name of its StorefrontClass.
    pub class: Text,
    /// Public hostname, which shoppers use.
    pub hostname: Text,
    /// The two regions.
    pub regions: PerSide<ShopRegion>,
    /// The writer's name.
    pub writer: WriterRecord,
    /// Cloudflare zone of the load balancers.
    pub zone: Text,
    /// Load balancers, 1 to 16.
    pub balancers: Vec<Text>,
    /// Reference URLs of the class: something outside both regions.
    pub references: Vec<Text>,
    /// How fast calls of the class may go.
    pub limits: Limits,
    /// How and when to move.
    pub policy: Policy,
    /// Recovery time objective.
    pub rto_objective: Duration,
    /// Recovery point objective.
    pub rpo_objective: Duration,
    /// `spec.suspend`: no call at all.
    pub suspended: bool,
    /// The object is being deleted: finish, clean up, let go.
    pub deleting: bool,
    /// Annotation `breakwater.dev/abandon`: drop the finalizer without cleaning up.
    pub abandon: bool,
    /// An edit of identities waits: those listed here are the ones that the journal is about, not the spec's.
    pub edit_waits: bool,
    /// Sides whose instance is a rebuilt standby, in the place of the one that the spec lists.
    pub succeeded: PerSide<bool>,
}

impl Shop {
    /// The side whose region has this name; `None` for a region that the spec does not list (an edit during a move).
    #[must_use]
    pub fn side(&self, region: &str) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| &*self.regions[*side].name == region)
    }

    /// The account and region of one side.
    #[must_use]
    pub fn scope(&self, side: Side) -> Scope {
        Scope {
            class: self.class.clone(),
            region: self.regions[side].name.clone(),
        }
    }
}

/// One region of a shop.
#[derive(Clone, Debug, PartialEq)]
pub struct ShopRegion {
    /// AWS region.
    pub name: Text,
    /// Cloudflare pool.
    pub pool: Text,
    /// RDS instance identifier.
    pub instance: Text,
    /// Proof URL, if the shop has one here.
    pub proof: Option<Text>,
    /// Services, 1 to 32.
    pub services: Vec<Service>,
}

/// One service of a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name, unique in its region.
    pub name: Text,
    /// Direct URL.
    pub url: Text,
    /// Whether the shop cannot sell without it.
    pub critical: bool,
    /// Whether it cannot be healthy without a writer; `true` unless said otherwise.
    pub needs_writer: bool,
}

/// The writer's name in Route 53.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterRecord {
    /// Hosted zone.
    pub zone: Text,
    /// Name without a final dot, lower case.
    pub name: Text,
    /// TTL of the CNAME.
    pub ttl: Duration,
}

/// `spec.failover` and `spec.traffic.automatic`.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Who decides.
    pub mode: Mode,
    /// Order in queues; greater goes first.
    pub priority: i32,
    /// Whether the pool order may change by itself; without effect in Observe.
    pub automatic_traffic: bool,
    /// Greatest loss that a move may accept by itself.
    pub max_loss: Duration,
    /// Time between two probes of a service.
    pub interval: Duration,
    /// Time-out of a probe.
    pub timeout: Duration,
    /// How long services are out before the pool order changes.
    pub shift_after: Duration,
    /// How long a dead region is held before a promotion.
    pub promote_after: Duration,
    /// How long a dead database is held before a promotion: longer than an in-region recovery takes.
    pub database_grace: Duration,
    /// How long a routine state may last before an alert.
    pub routine_grace: Duration,
    /// How long both views are Up before traffic comes back.
    pub return_after: Duration,
    /// How long no automatic move follows a move.
    pub cool_down: Duration,
    /// Times in which nothing moves by itself.
    pub freezes: Vec<Freeze>,
}

/// A time in which nothing moves by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// Its name, for messages.
    pub name: Text,
    /// First instant.
    pub from: Timestamp,
    /// First instant after it.
    pub until: Timestamp,
}

/// Who decides about a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Diagnose and record what would have been done; touch nothing.
    Observe,
    /// File a request and wait for a person.
    Approve,
    /// Move.
    Automatic,
}
