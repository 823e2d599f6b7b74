//! What can go wrong, and for how long: faults are in force from their injection until they are cleared.

use crate::request::Millis;
use serde::{Deserialize, Serialize};

/// Id of an injected fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultId(pub u64);

/// The APIs that a fault can aim at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// Amazon RDS.
    Rds,
    /// Amazon CloudWatch.
    CloudWatch,
    /// Amazon Route 53.
    Route53,
    /// AWS STS.
    Sts,
    /// Cloudflare's API (never its edge).
    Cloudflare,
    /// Plain HTTP: direct URLs of services, proofs, references.
    Http,
}

impl Api {
    /// The name that ledger and faults use.
    pub fn name(self) -> &'static str {
        match self {
            Api::Rds => "rds",
            Api::CloudWatch => "cloud-watch",
            Api::Route53 => "route53",
            Api::Sts => "sts",
            Api::Cloudflare => "cloudflare",
            Api::Http => "http",
        }
    }
}

/// A fault. Those that name an `api` bind the controller alone: shoppers, Cloudflare's monitors and
/// persons go other ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fault {
    /// The region is gone for everybody: services, proofs, databases and its RDS, CloudWatch and STS endpoints
    /// take connections and never answer. With us-east-1 Route 53's control plane is silent too (its data
    /// plane answers on). Once cleared, APIs answer at once; instances run again after a while **with the roles
    /// they had**, so a former writer takes writes; services follow later.
    RegionDown {
        /// The region.
        region: String,
        /// Host names of the region's services do not resolve any more (seen in real regional outages).
        #[serde(default)]
        names_vanish: bool,
    },
    /// The region is cut off from the controller and from every other region. Users on the internet and
    /// Cloudflare's monitors still reach it, and it goes on selling.
    Partition {
        /// The region.
        region: String,
    },
    /// The replication link of a shop is silently dead: no reset, no error, no rows.
    LinkLost {
        /// The shop.
        shop: String,
    },
    /// The services (and proofs) of a shop in a region answer 503: the load balancer has no healthy target.
    ServicesDown {
        /// The shop.
        shop: String,
        /// The region.
        region: String,
    },
    /// The database process of a shop's instance in a region answers nobody; RDS goes on calling it `available`.
    DatabaseDown {
        /// The shop.
        shop: String,
        /// The region.
        region: String,
    },
    /// An API takes connections and never answers; nothing takes effect.
    ApiSilent {
        /// The API.
        api: Api,
        /// Only in this region; everywhere if absent.
        #[serde(default)]
        region: Option<String>,
    },
    /// An API answers every request with this error; nothing takes effect.
    ApiError {
        /// The API.
        api: Api,
        /// Only in this region; everywhere if absent.
        #[serde(default)]
        region: Option<String>,
        /// HTTP status.
        status: u16,
        /// Error code in the provider's own form.
        code: String,
    },
    /// The next `count` requests take effect, and their answers are lost.
    LoseReplies {
        /// The API.
        api: Api,
        /// Only this operation (kebab-case, as in the ledger).
        #[serde(default)]
        op: Option<String>,
        /// How many.
        count: u32,
    },
    /// The next `count` requests are lost on their way: no effect, no answer.
    LoseRequests {
        /// The API.
        api: Api,
        /// Only this operation (kebab-case, as in the ledger).
        #[serde(default)]
        op: Option<String>,
        /// How many.
        count: u32,
    },
    /// Answers take this much longer.
    Delay {
        /// The API.
        api: Api,
        /// Only in this region; everywhere if absent.
        #[serde(default)]
        region: Option<String>,
        /// Milliseconds, virtual.
        millis: Millis,
    },
}
