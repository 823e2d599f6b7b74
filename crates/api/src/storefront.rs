//! `Storefront`: the shop, as people describe it.

use crate::bounds;
use crate::failover::{FailoverSpec, range};
use crate::status::StorefrontStatus;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A shop in two AWS regions, of which one has the writer, and where it stands.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "breakwater.dev",
    version = "v1alpha1",
    kind = "Storefront",
    namespaced,
    shortname = "sf",
    category = "breakwater",
    status = "StorefrontStatus",
    derive = "PartialEq",
    doc = "A shop in two AWS regions, of which one has the writer, and where it stands.",
    validation = bounds::STOREFRONT_NAME.rule(),
    printcolumn(name = "Active", type_ = "string", json_path = ".status.activeRegion"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.failover.mode"),
    printcolumn(
        name = "Protected",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Protected")].status"#
    ),
    printcolumn(name = "Diagnosis", type_ = "string", json_path = ".status.diagnosis"),
    printcolumn(name = "Standby", type_ = "string", json_path = ".status.standby"),
    printcolumn(name = "Move", type_ = "string", json_path = ".status.move"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Epoch", type_ = "integer", json_path = ".status.epoch", priority = 1),
    printcolumn(name = "Front", type_ = "string", json_path = ".status.front", priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.reason", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1)
)]
#[x_kube(validation = bounds::LOSS_NEEDS_PROOFS.rule())]
#[serde(rename_all = "camelCase")]
pub struct StorefrontSpec {
    /// The StorefrontClass that grants accounts, zones and hosts.
    #[schemars(length(max = bounds::NAME_MAX), regex(pattern = bounds::NAME))]
    pub class_name: String,
    /// The public hostname that shoppers use.
    #[schemars(length(max = bounds::HOST_MAX), regex(pattern = bounds::HOST))]
    pub hostname: String,
    /// The two regions.
    pub regions: Regions,
    /// The database and its name.
    pub database: Database,
    /// The load balancers.
    pub traffic: Traffic,
    /// How and when to move.
    #[serde(default)]
    pub failover: FailoverSpec,
    /// What you hold yourselves to.
    #[serde(default)]
    pub objectives: Objectives,
    /// Stops every call at once. Keep it out of Git, else a sync undoes a suspend of 2 AM.
    #[serde(default)]
    pub suspend: bool,
}

/// The two regions of a shop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = bounds::REGIONS_DIFFER.rule(), validation = bounds::POOLS_DIFFER.rule())]
#[serde(rename_all = "camelCase")]
pub struct Regions {
    /// The preferred region. Which one is active is status.
    pub primary: Region,
    /// The other one.
    pub secondary: Region,
}

/// One region of a shop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    /// AWS region.
    #[schemars(length(max = bounds::REGION_MAX), regex(pattern = bounds::REGION))]
    pub name: String,
    /// Id of its Cloudflare pool.
    #[schemars(length(max = 32), regex(pattern = bounds::CLOUDFLARE_ID))]
    pub pool_id: String,
    /// Identifier of its RDS instance.
    #[schemars(length(max = 63), regex(pattern = bounds::DB_INSTANCE))]
    pub db_instance: String,
    /// Where a process of the shop in this region says whether writes reach the writer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::URL_MAX), regex(pattern = bounds::URL))]
    pub proof_url: Option<String>,
    /// Its services.
    #[schemars(
        length(min = 1, max = bounds::SERVICES_MAX),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub services: Vec<ServiceSpec>,
}

/// One service of a region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSpec {
    /// Its name, unique in its region.
    #[schemars(length(max = bounds::LABEL_MAX), regex(pattern = bounds::LABEL))]
    pub name: String,
    /// Its direct URL in this region, not through Cloudflare. It answers 2xx when the service works.
    #[schemars(length(max = bounds::URL_MAX), regex(pattern = bounds::URL))]
    pub url: String,
    /// Whether the shop cannot sell without it.
    #[serde(default = "yes")]
    pub critical: bool,
    /// Whether it can be healthy only while there is a writer.
    #[serde(default = "yes")]
    pub needs_writer: bool,
}

/// The database of a shop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// How the other region follows the writer.
    #[serde(default)]
    pub topology: Topology,
    /// The name by which applications find the writer.
    pub writer_record: WriterRecordSpec,
}

/// How the other region follows the writer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Topology {
    /// A cross-region read replica of RDS for MySQL.
    #[default]
    ReadReplica,
}

/// The CNAME in Route 53 by which applications find the writer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WriterRecordSpec {
    /// A hosted zone that the class names.
    #[schemars(length(max = 32), regex(pattern = bounds::HOSTED_ZONE))]
    pub hosted_zone_id: String,
    /// The name: lower case, no final dot.
    #[schemars(length(max = bounds::RECORD_NAME_MAX), regex(pattern = bounds::HOST))]
    pub name: String,
    /// Its TTL; applications find the new writer this much later.
    #[serde(default = "default_ttl")]
    #[schemars(range(min = range::TTL.0, max = range::TTL.1))]
    pub ttl_seconds: i32,
}

/// The load balancers of a shop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// The Cloudflare zone that they are in.
    #[schemars(length(max = 32), regex(pattern = bounds::CLOUDFLARE_ID))]
    pub zone_id: String,
    /// Their ids: www, api, ...
    #[schemars(
        length(min = 1, max = bounds::BALANCERS_MAX),
        inner(length(max = 32), regex(pattern = bounds::CLOUDFLARE_ID)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub load_balancer_ids: Vec<String>,
    /// Whether the order of pools may change without a move; without effect in mode Observe.
    #[serde(default = "yes")]
    pub automatic: bool,
}

/// What you hold yourselves to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Objectives {
    /// Recovery time objective.
    #[serde(default = "default_rto")]
    #[schemars(range(min = range::RTO.0, max = range::RTO.1))]
    pub rto_seconds: i32,
    /// Recovery point objective.
    #[serde(default = "default_rpo")]
    #[schemars(range(min = range::RPO.0, max = range::RPO.1))]
    pub rpo_seconds: i32,
}

impl Default for Objectives {
    fn default() -> Self {
        Objectives {
            rto_seconds: default_rto(),
            rpo_seconds: default_rpo(),
        }
    }
}

fn yes() -> bool {
    true
}

fn default_ttl() -> i32 {
    30
}

fn default_rto() -> i32 {
    1200
}

fn default_rpo() -> i32 {
    300
}
