//! The context: what the shops look like.

use serde::Deserialize;

/// The whole context.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Context {
    pub shops: Vec<ShopFacts>,
    #[serde(default)]
    pub slack_ms: i64,
    #[serde(default)]
    pub leases: Vec<LeaseSpan>,
    #[serde(default)]
    pub cut_off: Vec<CutOff>,
    #[serde(default)]
    pub edits: Vec<Edit>,
}

/// A change of a shop's spec.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Edit {
    pub at: i64,
    pub shop: String,
    /// From then on the object is to go.
    #[serde(default)]
    pub leaves: bool,
}

/// A shop, as its Storefront says.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShopFacts {
    pub shop: String,
    pub primary: SideFacts,
    pub secondary: SideFacts,
    pub balancers: Vec<String>,
    pub max_loss_seconds: i64,
    pub promote_after_seconds: i64,
    pub database_grace_seconds: i64,
    pub interval_seconds: i64,
}

/// A shop's part in one region.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SideFacts {
    pub region: String,
    pub instance: String,
    pub pool: String,
    pub services: Vec<Service>,
}

/// A service: its URL alone, or with what it needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Service {
    Url(String),
    Described(DescribedService),
}

/// A service with what it needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribedService {
    pub url: String,
    #[serde(default = "yes")]
    pub needs_writer: bool,
}

fn yes() -> bool {
    true
}

impl Service {
    pub(crate) fn url(&self) -> &str {
        match self {
            Service::Url(url) => url,
            Service::Described(service) => &service.url,
        }
    }

    pub(crate) fn needs_writer(&self) -> bool {
        match self {
            Service::Url(_) => true,
            Service::Described(service) => service.needs_writer,
        }
    }
}

/// A time during which a process held the lease.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LeaseSpan {
    pub holder: String,
    pub from: i64,
    pub until: i64,
}

/// A time during which the controller was cut off from something that the ledger does not know.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CutOff {
    pub from: i64,
    pub until: Option<i64>,
}
