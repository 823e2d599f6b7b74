//! The CRDs that the cluster has, compared with those of this binary: at the start, and then now and again.

use crate::store::bounded;
use breakwater_api::crds;
use breakwater_api::outdated::{APPLY_CRDS, lacking};
use breakwater_core::Text;
use breakwater_engine::port::StoreError;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::Api;
use std::time::Duration;

/// So many are named; a whole part of the schema may be missing.
const NAMED: usize = 4;
/// CRDs that lack nothing are compared again after this: somebody may roll them back.
const COMPARE_EVERY: Duration = Duration::from_secs(3600);
/// Those that cannot be read are tried again after this: a right that is missing is seldom given at once.
const TRY_EVERY: Duration = Duration::from_secs(600);

/// What the installed CRDs lack of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Installed {
    /// Not known: they were not compared yet, or cannot be read. Each write is then checked by what comes back.
    #[default]
    Unknown,
    /// Nothing.
    Fresh,
    /// These fields and values.
    Lack(Vec<String>),
}

impl Installed {
    /// In words, where something is lacking.
    pub(crate) fn lack(&self) -> Option<Text> {
        let Installed::Lack(lacks) = self else { return None };
        let named = lacks[..lacks.len().min(NAMED)].join(", ");
        let more = match lacks.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!("{named}{more}").into())
    }

    /// How long this may be taken for true.
    pub(crate) fn holds_for(&self) -> Duration {
        match self {
            Installed::Fresh => COMPARE_EVERY,
            Installed::Unknown => TRY_EVERY,
            // Somebody is about to apply them.
            Installed::Lack(_) => Duration::ZERO,
        }
    }

    /// Tells the log what is new.
    pub(crate) fn tell(&self) {
        match self {
            Installed::Unknown => {}
            Installed::Fresh => tracing::info!("the CRDs of the cluster have all that this version writes"),
            Installed::Lack(_) => {
                let lack = self.lack().unwrap_or_default();
                tracing::error!(
                    %lack,
                    "CrdOutdated: the CRDs of the cluster are older than this version; no call is made. Apply them: {APPLY_CRDS}"
                );
            }
        }
    }
}

/// Reads and compares all three.
pub(crate) async fn compare(client: &Client) -> Installed {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut lacks = Vec::new();
    for ours in crds() {
        let name = ours.metadata.name.unwrap_or_default();
        match bounded(api.get(&name)).await {
            Ok(installed) => lacks.extend(lacking(&installed)),
            Err(StoreError::Gone) => lacks.push(name),
            Err(error) => {
                tracing::info!(
                    name,
                    ?error,
                    "a CRD cannot be read; what the API server gives back is compared with each write instead"
                );
                return Installed::Unknown;
            }
        }
    }
    if lacks.is_empty() {
        Installed::Fresh
    } else {
        Installed::Lack(lacks)
    }
}
