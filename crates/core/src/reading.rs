//! What the world can be asked (`Query`) and what one answer of it says (`Reading`).
//!
//! A reading is of an instance, a pool, a zone or a URL, never of a shop: two shops may share what is read.

use crate::Text;
use crate::shop::Scope;
use crate::time::Now;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a reading is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKey {
    /// A service's direct URL.
    Probe(Text),
    /// A proof URL.
    Proof(Text),
    /// A reference URL of a class.
    Reference(Text),
    /// An RDS instance.
    Instance(Scope, Text),
    /// `ReplicaLag` of an RDS instance.
    Lag(Scope, Text),
    /// The `read_only` parameter of a parameter group.
    Parameters(Scope, Text),
    /// The health of a Cloudflare pool, by city: class, pool.
    PoolHealth(Text, Text),
    /// The settings of a Cloudflare pool: class, pool.
    Pool(Text, Text),
    /// A Cloudflare monitor: class, monitor.
    Monitor(Text, Text),
    /// A Cloudflare load balancer: class, zone, id.
    Balancer(Text, Text, Text),
    /// The writer's CNAME and our TXT beside it: class, hosted zone, name.
    Names(Text, Text, Text),
    /// The state of a Route 53 change: class, change id.
    Change(Text, Text),
}

/// One question. Questions about instances and lags are asked for many at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// GET a service, on a fresh connection.
    Probe {
        /// Class: allowed hosts and proxy.
        class: Text,
        /// Direct URL.
        url: Text,
        /// The region that the answer may name in `x-breakwater-region`.
        region: Text,
        /// Time-out of the whole request.
        timeout: Duration,
    },
    /// GET a proof.
    Proof {
        /// Class: allowed hosts and proxy.
        class: Text,
        /// Proof URL.
        url: Text,
        /// The region that the answer must name.
        region: Text,
        /// Time-out of the whole request.
        timeout: Duration,
    },
    /// GET a reference URL; any HTTP answer counts.
    Reference {
        /// Class: proxy.
        class: Text,
        /// Reference URL.
        url: Text,
        /// Time-out of the whole request.
        timeout: Duration,
    },
    /// `DescribeDBInstances` of an account and region, paged to its end; one reading for each id.
    Instances {
        /// Account and region.
        scope: Scope,
        /// The instances that somebody wants to know about.
        ids: Vec<Text>,
    },
    /// `GetMetricData` of `ReplicaLag` and one other metric; one reading for each id.
    Lags {
        /// Account and region.
        scope: Scope,
        /// The replicas.
        ids: Vec<Text>,
        /// Samples this far back from now.
        back: Duration,
    },
    /// `DescribeDBParameters`.
    Parameters {
        /// Account and region.
        scope: Scope,
        /// Parameter group.
        group: Text,
    },
    /// Pool health by city.
    PoolHealth {
        /// Class.
        class: Text,
        /// Pool.
        pool: Text,
    },
    /// Pool settings.
    Pool {
        /// Class.
        class: Text,
        /// Pool.
        pool: Text,
    },
    /// A monitor's settings.
    Monitor {
        /// Class.
        class: Text,
        /// Monitor.
        monitor: Text,
    },
    /// A load balancer's document.
    Balancer {
        /// Class.
        class: Text,
        /// Cloudflare zone.
        zone: Text,
        /// Load balancer.
        id: Text,
    },
    /// The writer's CNAME and our TXT.
    Names {
        /// Class.
        class: Text,
        /// Hosted zone.
        zone: Text,
        /// The CNAME's name; the TXT is `_breakwater.<name>`.
        name: Text,
    },
    /// `GetChange`.
    Change {
        /// Class.
        class: Text,
        /// Change id.
        id: Text,
    },
}

/// One answer of the world, or the way in which it did not answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What it is about.
    pub key: ObjectKey,
    /// When it arrived.
    pub at: Now,
    /// When the question was sent, by the monotonic clock: a reading asked before an event cannot speak about it.
    pub asked: Now,
    /// Which request it answers: what a call names as its cause.
    pub cause: Cause,
    /// What it says.
    pub value: Value,
}

/// The number of a request that we sent; unique per installation and ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause(pub u64);

/// What a reading says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a service or a reference URL.
    Probe(ProbeSeen),
    /// Of a proof URL.
    Proof(ProofSeen),
    /// Of an instance.
    Instance(Seen<InstanceView>),
    /// Of a replica's lag.
    Lag(Seen<LagView>),
    /// Of a parameter group.
    Parameters(Seen<ParametersView>),
    /// Of a pool's health.
    PoolHealth(Seen<PoolHealthView>),
    /// Of a pool's settings.
    Pool(Seen<PoolView>),
    /// Of a monitor.
    Monitor(Seen<MonitorView>),
    /// Of a load balancer.
    Balancer(Seen<BalancerView>),
    /// Of the names.
    Names(Seen<NamesView>),
    /// Of a change.
    Change(Seen<ChangeView>),
}

/// What a provider's API said about one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen<T> {
    /// It exists and looks like this.
    Present(T),
    /// An authenticated, complete answer says that it does not exist.
    Absent,
    /// Signed with credentials that worked elsewhere within a minute, on a fresh connection, and no byte came back.
    Silent,
    /// Anything else: it says nothing.
    Unknown(Trouble),
}

impl<T> Seen<T> {
    /// The view, if the object is there.
    pub fn present(&self) -> Option<&T> {
        match self {
            Seen::Present(view) => Some(view),
            Seen::Absent | Seen::Silent | Seen::Unknown(_) => None,
        }
    }
}

/// Why an answer says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Category, a closed set: for metrics and conditions.
    pub kind: TroubleKind,
    /// The provider's words, bounded and stripped of control characters.
    pub text: Text,
}

/// Categories of trouble with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TroubleKind {
    /// 429 or the provider's throttling code.
    Throttled,
    /// 401 or 403 in the provider's own form.
    Denied,
    /// The provider says that our clock is wrong.
    Clock,
    /// 5xx in any form.
    ServerError,
    /// HTML, an empty body, another root: not the provider's answer.
    NotTheProvider,
    /// The provider's form, but what is always there is missing.
    Malformed,
    /// No answer in time, where that does not count as silence.
    TimedOut,
    /// Ours: no credentials, no socket, proxy, STS.
    Ours,
    /// Another refusal of the provider.
    Refused,
}

/// What a GET saw. Evidence decides what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeSeen {
    /// An HTTP answer.
    Status(u16),
    /// An HTTP answer that names another region in `x-breakwater-region`.
    OtherRegion(Text),
    /// Connection refused.
    Refused,
    /// Connection reset or closed before an answer.
    Reset,
    /// No answer inside the time-out.
    TimedOut,
    /// The name does not resolve.
    NameError,
    /// The TLS handshake was aborted.
    HandshakeAborted,
    /// The certificate does not verify.
    BadCertificate,
    /// An answer of a proxy, not of the service.
    Proxy,
    /// The class does not allow the host or the address.
    Forbidden(Text),
    /// An error of our own, before a byte was sent.
    Ours(Text),
}

impl ProbeSeen {
    /// Whether anything at the other end spoke HTTP: what makes a Down elsewhere believable.
    #[must_use]
    pub fn answered(&self) -> bool {
        match self {
            ProbeSeen::Status(_) | ProbeSeen::OtherRegion(_) => true,
            ProbeSeen::Refused
            | ProbeSeen::Reset
            | ProbeSeen::TimedOut
            | ProbeSeen::NameError
            | ProbeSeen::HandshakeAborted
            | ProbeSeen::BadCertificate
            | ProbeSeen::Proxy
            | ProbeSeen::Forbidden(_)
            | ProbeSeen::Ours(_) => false,
        }
    }
}

/// What a proof said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofSeen {
    /// A well-formed proof.
    Said(Proof),
    /// No proof: time-out, 5xx, not JSON, another region. Unknown, never Down.
    Nothing(Text),
}

/// A proof, only the fields that we know, bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The region whose process answered.
    pub region: Text,
    /// Whether a harmless write to the database that this process would write to now went through.
    pub writable: bool,
    /// That database's server uuid; `None` when it could not be reached.
    pub writer_uuid: Option<Text>,
    /// The database user of that write.
    pub user: Option<Text>,
    /// Server uuid of the database in the process's own region.
    pub local_uuid: Option<Text>,
    /// Whether that one is read-only.
    pub local_read_only: Option<bool>,
    /// The time of the newest heartbeat row seen in it.
    pub applied_until: Option<Timestamp>,
    /// The GTID set that it has executed (`gtid_executed`), as told.
    pub executed: Option<Text>,
}

/// An RDS instance, as far as we decide on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceView {
    /// `DbiResourceId`.
    pub resource_id: Text,
    /// `DBInstanceArn`.
    pub arn: Text,
    /// `DBInstanceStatus`, as text: newer values appear without notice.
    pub status: Text,
    /// `ReadReplicaSourceDBInstanceIdentifier`.
    pub source: Option<Text>,
    /// `ReadReplicaDBInstanceIdentifiers`.
    pub replicas: Vec<Text>,
    /// The `StatusInfos` entry of type "read replication".
    pub replication: Option<ReplicationStatus>,
    /// `Endpoint.Address`.
    pub endpoint: Option<Text>,
    /// Name of its parameter group.
    pub group: Text,
    /// Whether that group's changes have arrived (`ParameterApplyStatus` is `in-sync`).
    pub group_in_sync: bool,
    /// Whether another instance of the account and region uses the group.
    pub group_shared: bool,
    /// `BackupRetentionPeriod` in days.
    pub backup_days: i32,
    /// Tag `breakwater:owner`.
    pub tag_owner: Option<Text>,
    /// Tag `breakwater:epoch`.
    pub tag_epoch: Option<i64>,
    /// Tag `breakwater:fenced`: the number of the move.
    pub tag_fenced: Option<i64>,
    /// How it was made.
    pub shape: Shape,
}

/// How an instance was made: what a replica that takes its place has to be like. What is absent was not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// `DBInstanceClass`.
    pub class: Text,
    /// `DBSubnetGroup.DBSubnetGroupName`.
    pub subnet_group: Option<Text>,
    /// `VpcSecurityGroups`, by id.
    pub security_groups: Vec<Text>,
    /// `KmsKeyId`, a key of its region; absent where the storage is not encrypted.
    pub kms_key: Option<Text>,
    /// `PubliclyAccessible`.
    pub public: bool,
    /// `MultiAZ`.
    pub multi_az: bool,
    /// The port on which it listens.
    pub port: Option<i32>,
    /// `CopyTagsToSnapshot`.
    pub copy_tags: bool,
    /// `DeletionProtection`.
    pub protected: bool,
    /// `IAMDatabaseAuthenticationEnabled`.
    pub iam_logins: bool,
    /// `StorageType`: `gp3`, `io2`, ...
    pub storage: Option<Text>,
    /// `Iops`.
    pub iops: Option<i32>,
    /// `StorageThroughput` in MiB/s.
    pub throughput: Option<i32>,
}

/// A `StatusInfos` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationStatus {
    /// replicating, error, stopped, terminated, ... as text.
    pub status: Text,
    /// `Message`, bounded.
    pub message: Option<Text>,
}

/// What CloudWatch has about a replica.
#[derive(Clone, Debug, PartialEq)]
pub struct LagView {
    /// `ReplicaLag` samples, newest first: the minute's stamp and seconds; -1 means not replicating.
    pub samples: Vec<(Timestamp, f64)>,
    /// The newest stamp of another metric of the same instance.
    pub newest_other: Option<Timestamp>,
}

/// A parameter group's `read_only`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParametersView {
    /// The value as text: `1`, `0`, `{TrueIfReplica}`.
    pub read_only: Option<Text>,
}

/// Pool health by city.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolHealthView {
    /// Cities that say healthy.
    pub healthy: u32,
    /// Cities that say unhealthy; those that say nothing are in neither number.
    pub unhealthy: u32,
}

/// A pool's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolView {
    /// A disabled pool gets no traffic and is no longer monitored.
    pub enabled: bool,
    /// Whether it has a monitor.
    pub monitored: bool,
    /// Its monitor's id; `None` where it has none, or a group of them.
    pub monitor: Option<Text>,
}

/// How a monitor asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonitorView {
    /// Time between two questions of a city.
    pub interval: Duration,
    /// How long a city waits for an answer.
    pub timeout: Duration,
    /// How often a city asks again before it says unhealthy.
    pub retries: u32,
}

impl MonitorView {
    /// What Cloudflare uses where a monitor says nothing else (API docs: interval 60, timeout 5, retries 2).
    pub const DEFAULT: MonitorView = MonitorView {
        interval: Duration::from_secs(60),
        timeout: Duration::from_secs(5),
        retries: 2,
    };

    /// How long a city takes at most until it calls a silent origin unhealthy.
    #[must_use]
    pub fn notices_within(&self) -> Duration {
        let patience = self.timeout.saturating_mul(self.retries.saturating_add(1));
        self.interval.saturating_add(patience)
    }
}

/// A load balancer's document, as far as it says where users go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalancerView {
    /// A disabled one serves nobody.
    pub enabled: bool,
    /// TTL of a DNS-only balancer; `None` when proxied.
    pub dns_ttl: Option<Duration>,
    /// `steering_policy` as text; empty when absent.
    pub steering: Text,
    /// `default_pools`, in order.
    pub default_pools: Vec<Text>,
    /// `fallback_pool`.
    pub fallback_pool: Text,
    /// `region_pools`.
    pub region_pools: BTreeMap<Text, Vec<Text>>,
    /// `country_pools`.
    pub country_pools: BTreeMap<Text, Vec<Text>>,
    /// `pop_pools`.
    pub pop_pools: BTreeMap<Text, Vec<Text>>,
    /// Pools named anywhere else (overrides of rules, weights): an exclusion is not done while one of them is meant.
    pub named_elsewhere: Vec<Text>,
}

/// The two records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamesView {
    /// The writer's record, whatever its type; `None` when there is none.
    pub writer: Option<RecordSet>,
    /// Our TXT.
    pub txt: Option<RecordSet>,
}

/// A record set, byte for byte as listed: a DELETE must repeat it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// Name as listed.
    pub name: Text,
    /// `CNAME`, `TXT`, `A`, ...
    pub kind: Text,
    /// Seconds; `None` for an alias.
    pub ttl: Option<i64>,
    /// Raw values; TXT values carry their quotes and escapes.
    pub values: Vec<Text>,
    /// Whether it is neither weighted (or the like) nor an alias.
    pub simple: bool,
}

/// A Route 53 change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeView {
    /// Whether all authoritative servers have it.
    pub in_sync: bool,
}
