//! `StorefrontClass`: what the platform team grants.

use crate::bounds;
use crate::conditions::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a platform team grants to the Storefronts of some namespaces: accounts, zones and hosts.
///
/// Everything that carries a privilege is here, so that whoever may create a Storefront can neither redirect
/// credentials nor reach into somebody else's account.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "breakwater.dev",
    version = "v1alpha1",
    kind = "StorefrontClass",
    plural = "storefrontclasses",
    shortname = "sfc",
    category = "breakwater",
    status = "StorefrontClassStatus",
    derive = "PartialEq",
    doc = "What a platform team grants to the Storefronts of some namespaces: accounts, zones and hosts.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.aws.roleArn", priority = 1),
    printcolumn(
        name = "External-ID",
        type_ = "string",
        json_path = ".status.externalId",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct StorefrontClassSpec {
    /// The installation that serves it, by its `--installation`. Left out, any installation of the cluster does: name one
    /// where several run, or each of them writes the same Storefronts and answers the same requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = bounds::LABEL_MAX), regex(pattern = bounds::LABEL))]
    pub installation: Option<String>,
    /// The namespaces whose Storefronts may use this class.
    pub allowed_namespaces: NamespaceLabels,
    /// The AWS accounts.
    pub aws: AwsGrant,
    /// The Cloudflare account.
    pub cloudflare: CloudflareGrant,
    /// What may be probed, and how.
    pub probes: ProbeGrant,
    /// How fast calls may go.
    #[serde(default)]
    pub limits: Limits,
}

/// Which namespaces, by their labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceLabels {
    /// Labels that a namespace must carry, all of them.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 16, "additionalProperties" = {"type": "string", "maxLength": 63}))]
    pub match_labels: BTreeMap<String, String>,
}

/// What Breakwater may do in AWS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsGrant {
    /// The role to assume; its external id is `<installation>/<class>`, shown in status.
    #[schemars(length(max = bounds::ARN_MAX), regex(pattern = bounds::ROLE_ARN))]
    pub role_arn: String,
    /// The role for Route 53, where zones live in another account; the external id is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::ARN_MAX), regex(pattern = bounds::ROLE_ARN))]
    pub dns_role_arn: Option<String>,
    /// The only hosted zones that Storefronts may name.
    #[schemars(
        length(min = 1, max = 64),
        inner(length(max = 32), regex(pattern = bounds::HOSTED_ZONE)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub hosted_zone_ids: Vec<String>,
}

/// What Breakwater may do in Cloudflare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudflareGrant {
    /// The account that the pools are in.
    #[schemars(length(max = 32), regex(pattern = bounds::CLOUDFLARE_ID))]
    pub account_id: String,
    /// Where the token is.
    pub token_secret: SecretKey,
}

/// A key of a Secret in the controller's own namespace, never elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKey {
    /// Name of the Secret.
    #[schemars(length(max = bounds::NAME_MAX), regex(pattern = bounds::NAME))]
    pub name: String,
    /// Key in it.
    #[serde(default = "default_token_key")]
    #[schemars(length(max = 253), regex(pattern = bounds::SECRET_KEY))]
    pub key: String,
}

/// What may be probed, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProbeGrant {
    /// Hosts that services and proofs of Storefronts may have: a name, or `*.example.com` for every name below
    /// example.com (at any depth, not itself).
    #[schemars(
        length(min = 1, max = 64),
        inner(length(max = bounds::HOST_MAX), regex(pattern = bounds::ALLOWED_HOST)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub allowed_hosts: Vec<String>,
    /// Something outside both regions that answers, to tell our own outage from theirs.
    #[schemars(
        length(min = 1, max = 8),
        inner(length(max = bounds::URL_MAX), regex(pattern = bounds::URL)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub reference_urls: Vec<String>,
    /// The proxy that probes go through; none unless named here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = bounds::URL_MAX), regex(pattern = bounds::URL))]
    pub proxy_url: Option<String>,
    /// Whether probes may reach private addresses. Loopback, link-local and metadata addresses are refused always.
    #[serde(default)]
    pub allow_private_addresses: bool,
}

/// How fast calls may go. Moves are not limited, calls are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Promotions that may start in a minute.
    #[serde(default = "default_promotions")]
    #[schemars(range(min = 1, max = 600))]
    pub promotions_per_minute: i32,
    /// Calls to Cloudflare in 5 minutes; beyond 1200 it refuses everything of that user for 5 minutes.
    #[serde(default = "default_cloudflare_calls")]
    #[schemars(range(min = 60, max = 1200))]
    pub cloudflare_calls_per5_minutes: i32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            promotions_per_minute: default_promotions(),
            cloudflare_calls_per5_minutes: default_cloudflare_calls(),
        }
    }
}

fn default_token_key() -> String {
    "token".to_owned()
}

fn default_promotions() -> i32 {
    20
}

fn default_cloudflare_calls() -> i32 {
    900
}

/// Whether the grant works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorefrontClassStatus {
    /// The generation that was looked at; -1: none yet.
    #[serde(default = "crate::status::nobody_looked")]
    pub observed_generation: i64,
    /// The external id that the roles' trust policies must ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// `Ready`: role assumed, token verified, zones found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

impl Default for StorefrontClassStatus {
    fn default() -> Self {
        StorefrontClassStatus {
            observed_generation: crate::status::NOBODY_LOOKED,
            external_id: None,
            conditions: Vec::new(),
        }
    }
}
