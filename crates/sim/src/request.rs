//! What the world can be asked, and what it answers: the operations of the providers that Breakwater
//! uses, as plain data. `world` puts them on the wire, `rig` hands them over directly.

#![allow(
    missing_docs,
    reason = "fields without a word of their own are the provider's, named in their variant"
)]

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Virtual wall time: milliseconds since the Unix epoch.
pub type Millis = i64;

/// Where a request comes from. A partition cuts vantages apart from regions, not from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vantage {
    /// The machine that runs the controller (in a third region).
    Controller,
    /// A shopper on the internet, who reaches the shop through Cloudflare's edge.
    Internet,
    /// A person with a console; never cut off by faults aimed at the controller.
    Person,
}

/// What the asker says of a request, beside its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The asker's own number of this request, unique per ledger (header `x-breakwater-query`).
    pub asked: Option<u64>,
    /// The number (`asked`) of the request whose answer, or missing answer, made this one possible
    /// (header `x-breakwater-because`). Every call that changes something must carry it.
    pub because: Option<u64>,
    /// Who asks, as the providers would log it: the role session, the token's name, `person:<x>`.
    pub actor: String,
    /// Real time of arrival in microseconds since the Unix epoch, where there is a real time.
    pub real_micros: Option<i64>,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "api", rename_all = "kebab-case")]
pub enum Request {
    /// Amazon RDS in one region.
    Rds { region: String, op: RdsOp },
    /// Amazon CloudWatch in one region.
    CloudWatch { region: String, op: CloudWatchOp },
    /// Amazon Route 53; its control plane lives in us-east-1 only.
    Route53 { op: Route53Op },
    /// AWS STS in one region.
    Sts { region: String, op: StsOp },
    /// Cloudflare's API v4, load balancing.
    Cloudflare { op: CloudflareOp },
    /// A plain HTTP GET of one of the shops' direct URLs (services, proofs) or of a reference URL.
    Http { url: String },
}

/// RDS operations (query protocol, version 2014-10-31).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum RdsOp {
    /// `DescribeDBInstances`; with an identifier a missing one is `DBInstanceNotFound`, 404.
    DescribeInstances {
        id: Option<String>,
        max_records: usize,
        marker: Option<String>,
    },
    /// `PromoteReadReplica`.
    PromoteReadReplica {
        id: String,
        backup_retention_period: Option<i32>,
    },
    /// `DescribeDBParameters`, one page is enough: only `read_only` matters to us.
    DescribeParameters { group: String },
    /// `ModifyDBParameterGroup` with one parameter, `ApplyMethod` immediate.
    ModifyParameter { group: String, name: String, value: String },
    /// `StopDBInstance`.
    StopInstance { id: String },
    /// `StartDBInstance`.
    StartInstance { id: String },
    /// `AddTagsToResource`.
    AddTags {
        arn: String,
        tags: BTreeMap<String, String>,
    },
    /// `RemoveTagsFromResource`.
    RemoveTags { arn: String, keys: Vec<String> },
    /// `CopyDBParameterGroup`.
    CopyGroup { from: String, to: String },
    /// `CreateDBInstanceReadReplica`, from a source in another region.
    CreateReadReplica {
        id: String,
        /// ARN of the source.
        source: String,
        /// `DBParameterGroupName`; the default one if absent.
        group: Option<String>,
        /// What else the request says.
        shape: Shape,
        tags: BTreeMap<String, String>,
    },
}

/// How an instance is made, as requests and answers say it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// `DBInstanceClass`.
    pub class: Option<String>,
    /// `DBSubnetGroupName`.
    pub subnet_group: Option<String>,
    /// `VpcSecurityGroupIds`.
    pub security_groups: Vec<String>,
    /// `KmsKeyId`.
    pub kms_key: Option<String>,
    /// `PubliclyAccessible`.
    pub public: bool,
    /// `MultiAZ`.
    pub multi_az: bool,
    /// `Port`.
    pub port: Option<i32>,
    /// `CopyTagsToSnapshot`.
    pub copy_tags: bool,
    /// `DeletionProtection`.
    pub protected: bool,
    /// `EnableIAMDatabaseAuthentication`.
    pub iam_logins: bool,
    /// `StorageType`.
    pub storage: Option<String>,
    /// `Iops`.
    pub iops: Option<i32>,
    /// `StorageThroughput`.
    pub throughput: Option<i32>,
}

/// CloudWatch operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum CloudWatchOp {
    /// `GetMetricData`: up to 500 queries, period 60 s, newest first unless asked otherwise.
    GetMetricData {
        queries: Vec<MetricQuery>,
        start: Millis,
        end: Millis,
    },
}

/// One `MetricDataQuery` with a `MetricStat` in namespace `AWS/RDS`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricQuery {
    /// `Id` of the query, echoed in its result.
    pub id: String,
    /// `MetricName`, such as `ReplicaLag` or `CPUUtilization`.
    pub metric: String,
    /// Dimension `DBInstanceIdentifier`.
    pub instance: String,
    /// `Period` in seconds.
    pub period: i32,
    /// `Stat`, such as `Maximum`.
    pub stat: String,
}

/// Route 53 operations (REST XML, 2013-04-01).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Route53Op {
    /// `GetHostedZone`.
    GetHostedZone { zone: String },
    /// `ListResourceRecordSets`: the start name is a cursor, not a filter.
    ListRecords {
        zone: String,
        start_name: Option<String>,
        start_type: Option<String>,
        max_items: usize,
    },
    /// `ChangeResourceRecordSets`: atomic; `DELETE` must match every current value.
    ChangeRecords { zone: String, changes: Vec<RecordChange> },
    /// `GetChange`.
    GetChange { id: String },
}

/// One change of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordChange {
    /// CREATE, DELETE or UPSERT.
    pub action: RecordAction,
    /// The record set, whole.
    pub record: RecordSet,
}

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordAction {
    /// Refused if the set exists.
    Create,
    /// Refused unless name, type, TTL and all values match.
    Delete,
    /// Blind.
    Upsert,
}

/// A resource record set. Names as Route 53 lists them: lower case, final dot, octal escapes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// `db.shop.example.com.`
    pub name: String,
    /// `CNAME`, `TXT`, ...
    pub kind: String,
    /// Seconds.
    pub ttl: i64,
    /// Raw values; TXT values carry their quotes.
    pub values: Vec<String>,
    /// `SetIdentifier` of a weighted, latency or failover record; `None` for a simple one.
    pub set_identifier: Option<String>,
}

/// STS operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum StsOp {
    /// `AssumeRole` with an external id.
    AssumeRole {
        role_arn: String,
        session_name: String,
        external_id: Option<String>,
    },
    /// `GetCallerIdentity`.
    GetCallerIdentity,
}

/// Cloudflare operations. Documents are JSON as on the wire (`result` of the envelope).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum CloudflareOp {
    /// `GET /user/tokens/verify` is for user tokens only; nothing may depend on it.
    VerifyToken,
    /// `GET /accounts/{account}/load_balancers/pools`.
    ListPools { account: String },
    /// `GET /accounts/{account}/load_balancers/pools/{id}`.
    GetPool { account: String, id: String },
    /// `GET /accounts/{account}/load_balancers/pools/{id}/health`.
    PoolHealth { account: String, id: String },
    /// `PATCH /accounts/{account}/load_balancers/pools/{id}` (a person's doing; Breakwater never does).
    PatchPool {
        account: String,
        id: String,
        patch: serde_json::Value,
    },
    /// `DELETE /accounts/{account}/load_balancers/pools/{id}` (a person's doing; Breakwater never does). Refused
    /// while a balancer lists the pool.
    DeletePool { account: String, id: String },
    /// `GET /accounts/{account}/load_balancers/monitors/{id}`.
    GetMonitor { account: String, id: String },
    /// `GET /zones/{zone}/load_balancers`.
    ListBalancers { zone: String },
    /// `GET /zones/{zone}/load_balancers/{id}`.
    GetBalancer { zone: String, id: String },
    /// `PATCH /zones/{zone}/load_balancers/{id}`: only the given top-level fields change; a map is replaced whole.
    PatchBalancer {
        zone: String,
        id: String,
        patch: serde_json::Value,
    },
}

/// What comes back, when something comes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "value", rename_all = "kebab-case")]
pub enum Answer {
    /// RDS: instances of a page, and the marker of the next one.
    Instances {
        instances: Vec<Instance>,
        marker: Option<String>,
    },
    /// RDS: the instance after a change was accepted.
    Instance(Box<Instance>),
    /// RDS: parameters of a group (`read_only` and a few others).
    Parameters(Vec<Parameter>),
    /// RDS: `ModifyDBParameterGroup` answers with the group's name.
    ParameterGroup { name: String },
    /// CloudWatch: one result per query.
    MetricData(Vec<MetricResult>),
    /// Route 53: a page of record sets.
    Records { records: Vec<RecordSet>, truncated: bool },
    /// Route 53: a change and its state (`PENDING`, `INSYNC`).
    Change {
        id: String,
        status: String,
        submitted: Millis,
    },
    /// Route 53: a zone.
    Zone { id: String, name: String },
    /// STS: temporary credentials.
    Credentials {
        access_key: String,
        secret_key: String,
        session_token: String,
        expires: Millis,
        arn: String,
    },
    /// STS: the caller.
    Caller { arn: String, account: String },
    /// Cloudflare: the `result` of a success envelope.
    Cloudflare { result: serde_json::Value },
    /// HTTP: a status with a body; for probes, proofs and references.
    Http {
        status: u16,
        headers: BTreeMap<String, String>,
        body: String,
    },
    /// The provider refuses: HTTP status, code and message in its own form.
    Error { status: u16, code: String, message: String },
    /// An empty success (tags).
    Done,
}

/// `DBInstance` as far as we read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// `DBInstanceIdentifier`.
    pub id: String,
    /// `DbiResourceId`, which a new instance of the same name does not share.
    pub resource_id: String,
    /// `DBInstanceArn`.
    pub arn: String,
    /// `DBInstanceStatus`.
    pub status: String,
    /// `ReadReplicaSourceDBInstanceIdentifier`: an ARN across regions.
    pub replica_source: Option<String>,
    /// `ReadReplicaDBInstanceIdentifiers`: ARNs across regions.
    pub replicas: Vec<String>,
    /// `StatusInfos`, present on replicas.
    pub status_infos: Vec<StatusInfo>,
    /// `Endpoint.Address`; absent while creating.
    pub endpoint: Option<String>,
    /// `DBParameterGroups[0].DBParameterGroupName`.
    pub parameter_group: String,
    /// `DBParameterGroups[0].ParameterApplyStatus`: in-sync, applying, pending-reboot.
    pub parameter_apply_status: String,
    /// `BackupRetentionPeriod` in days.
    pub backup_retention_period: i32,
    /// How it was made.
    pub shape: Shape,
    /// `TagList`.
    pub tags: BTreeMap<String, String>,
}

/// `DBInstanceStatusInfo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusInfo {
    /// `StatusType`, "read replication".
    pub status_type: String,
    /// `Normal`.
    pub normal: bool,
    /// replicating, error, stopped, terminated, ...
    pub status: String,
    /// `Message`, set on errors.
    pub message: Option<String>,
}

/// A parameter of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// `ParameterName`.
    pub name: String,
    /// `ParameterValue`.
    pub value: String,
}

/// One `MetricDataResult`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricResult {
    /// `Id` of the query.
    pub id: String,
    /// Samples, newest first: time of the minute, value.
    pub samples: Vec<(Millis, f64)>,
}

/// How and when an answer reaches the asker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// The answer arrives this many milliseconds (virtual) after the request.
    After(Millis),
    /// The effect, if any, took place, and of the answer's body only the beginning arrives, in a message that ends
    /// in order: nothing of it can be relied on but its HTTP status.
    Truncated {
        /// Milliseconds (virtual) after the request.
        after: Millis,
        /// How much of the body is left, in percent, below 100; 0: an empty one.
        percent: u8,
    },
    /// The connection opens and no byte comes back, for ever; the effect, if any, took place.
    Never,
    /// The connection is refused or reset after this many milliseconds.
    Reset(Millis),
    /// The host's name does not resolve.
    NoSuchHost,
}

/// A request's fate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Serial number of the request in the ledger.
    pub number: u64,
    /// Whether, how and when the answer arrives.
    pub delivery: Delivery,
    /// The answer; meaningless to the asker unless `delivery` is `After` (and as good as none if it is `Truncated`).
    pub answer: Answer,
}

impl Request {
    /// The API asked.
    pub fn api(&self) -> crate::faults::Api {
        use crate::faults::Api;
        match self {
            Request::Rds { .. } => Api::Rds,
            Request::CloudWatch { .. } => Api::CloudWatch,
            Request::Route53 { .. } => Api::Route53,
            Request::Sts { .. } => Api::Sts,
            Request::Cloudflare { .. } => Api::Cloudflare,
            Request::Http { .. } => Api::Http,
        }
    }

    /// The AWS region asked, where the API is a regional one.
    pub fn region(&self) -> Option<&str> {
        match self {
            Request::Rds { region, .. } | Request::CloudWatch { region, .. } | Request::Sts { region, .. } => {
                Some(region)
            }
            Request::Route53 { .. } | Request::Cloudflare { .. } | Request::Http { .. } => None,
        }
    }

    /// The operation's name in kebab-case, as the ledger has it.
    pub fn op(&self) -> &'static str {
        match self {
            Request::Rds { op, .. } => match op {
                RdsOp::DescribeInstances { .. } => "describe-instances",
                RdsOp::PromoteReadReplica { .. } => "promote-read-replica",
                RdsOp::DescribeParameters { .. } => "describe-parameters",
                RdsOp::ModifyParameter { .. } => "modify-parameter",
                RdsOp::StopInstance { .. } => "stop-instance",
                RdsOp::StartInstance { .. } => "start-instance",
                RdsOp::AddTags { .. } => "add-tags",
                RdsOp::RemoveTags { .. } => "remove-tags",
                RdsOp::CopyGroup { .. } => "copy-parameter-group",
                RdsOp::CreateReadReplica { .. } => "create-read-replica",
            },
            Request::CloudWatch { op, .. } => match op {
                CloudWatchOp::GetMetricData { .. } => "get-metric-data",
            },
            Request::Route53 { op } => match op {
                Route53Op::GetHostedZone { .. } => "get-hosted-zone",
                Route53Op::ListRecords { .. } => "list-records",
                Route53Op::ChangeRecords { .. } => "change-records",
                Route53Op::GetChange { .. } => "get-change",
            },
            Request::Sts { op, .. } => match op {
                StsOp::AssumeRole { .. } => "assume-role",
                StsOp::GetCallerIdentity => "get-caller-identity",
            },
            Request::Cloudflare { op } => match op {
                CloudflareOp::VerifyToken => "verify-token",
                CloudflareOp::ListPools { .. } => "list-pools",
                CloudflareOp::GetPool { .. } => "get-pool",
                CloudflareOp::PoolHealth { .. } => "pool-health",
                CloudflareOp::PatchPool { .. } => "patch-pool",
                CloudflareOp::DeletePool { .. } => "delete-pool",
                CloudflareOp::GetMonitor { .. } => "get-monitor",
                CloudflareOp::ListBalancers { .. } => "list-balancers",
                CloudflareOp::GetBalancer { .. } => "get-balancer",
                CloudflareOp::PatchBalancer { .. } => "patch-balancer",
            },
            Request::Http { .. } => "get",
        }
    }

    /// What the request is about: instance, parameter group, zone, change, pool, balancer, role or URL;
    /// empty where it names none. For tags it is the ARN's last part, the instance's id.
    pub fn target(&self) -> &str {
        match self {
            Request::Rds { op, .. } => match op {
                RdsOp::DescribeInstances { id, .. } => id.as_deref().unwrap_or(""),
                RdsOp::PromoteReadReplica { id, .. } | RdsOp::StopInstance { id } | RdsOp::StartInstance { id } => id,
                RdsOp::CreateReadReplica { id, .. } => id,
                RdsOp::DescribeParameters { group }
                | RdsOp::ModifyParameter { group, .. }
                | RdsOp::CopyGroup { to: group, .. } => group,
                RdsOp::AddTags { arn, .. } | RdsOp::RemoveTags { arn, .. } => arn.rsplit(':').next().unwrap_or(arn),
            },
            Request::CloudWatch { .. } => "",
            Request::Route53 { op } => match op {
                Route53Op::GetHostedZone { zone }
                | Route53Op::ListRecords { zone, .. }
                | Route53Op::ChangeRecords { zone, .. } => zone,
                Route53Op::GetChange { id } => id,
            },
            Request::Sts { op, .. } => match op {
                StsOp::AssumeRole { role_arn, .. } => role_arn,
                StsOp::GetCallerIdentity => "",
            },
            Request::Cloudflare { op } => match op {
                CloudflareOp::VerifyToken => "",
                CloudflareOp::ListPools { account } => account,
                CloudflareOp::ListBalancers { zone } => zone,
                CloudflareOp::GetPool { id, .. }
                | CloudflareOp::PoolHealth { id, .. }
                | CloudflareOp::PatchPool { id, .. }
                | CloudflareOp::DeletePool { id, .. }
                | CloudflareOp::GetMonitor { id, .. }
                | CloudflareOp::GetBalancer { id, .. }
                | CloudflareOp::PatchBalancer { id, .. } => id,
            },
            Request::Http { url } => url,
        }
    }

    /// Whether it is a call: a request that changes the world.
    pub fn changes(&self) -> bool {
        matches!(
            self.op(),
            "promote-read-replica"
                | "modify-parameter"
                | "stop-instance"
                | "start-instance"
                | "add-tags"
                | "remove-tags"
                | "copy-parameter-group"
                | "create-read-replica"
                | "change-records"
                | "patch-pool"
                | "delete-pool"
                | "patch-balancer"
        )
    }
}
