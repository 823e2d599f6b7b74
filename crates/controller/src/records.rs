//! RegionSwitch records: projections of the journal. Their writing is retried and never delays a move.

use crate::store::bounded;
use backon::{ExponentialBuilder, Retryable};
use breakwater_api::{REQUESTED_BY_CONTROLLER, RegionSwitch, region_switch_of};
use breakwater_core::journal::Move;
use breakwater_core::shop::{Shop, ShopKey};
use breakwater_engine::port::StoreError;
use jiff::Timestamp;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;

/// Of the records that the controller made, this many are kept per Storefront.
const KEPT: usize = 50;

/// What to show of a shop's move.
pub(crate) struct Show {
    pub(crate) shop: Box<Shop>,
    pub(crate) current: Box<Move>,
}

/// Why a record could not be shown.
#[derive(Debug, thiserror::Error)]
enum NotShown {
    #[error("the API server: {0:?}")]
    Store(StoreError),
    #[error("another object has this name and says something else")]
    Taken,
}

impl From<StoreError> for NotShown {
    fn from(error: StoreError) -> Self {
        NotShown::Store(error)
    }
}

/// Shows moves one after another; of several states of one move that wait, only the newest.
pub(crate) async fn show_all(client: Client, mut todo: mpsc::UnboundedReceiver<Show>) {
    let mut waiting: BTreeMap<(ShopKey, i64), Show> = BTreeMap::new();
    while let Some(show) = todo.recv().await {
        waiting.insert((show.shop.key.clone(), show.current.number), show);
        while let Ok(more) = todo.try_recv() {
            waiting.insert((more.shop.key.clone(), more.current.number), more);
        }
        for ((key, number), show) in std::mem::take(&mut waiting) {
            let retries = ExponentialBuilder::default()
                .with_max_times(6)
                .with_max_delay(Duration::from_secs(10));
            let shown = (|| show_one(&client, &show)).retry(retries).await;
            if let Err(error) = shown {
                tracing::warn!(shop = %key, number, %error, "RegionSwitch not written; the journal has it all");
            }
        }
    }
}

async fn show_one(client: &Client, show: &Show) -> Result<(), NotShown> {
    let api: Api<RegionSwitch> = Api::namespaced(client.clone(), &show.shop.key.namespace);
    let mut wanted = region_switch_of(&show.shop, &show.current, None, Timestamp::now());
    let plain = wanted.name_any();
    for name in [plain.clone(), format!("{plain}-2")] {
        wanted.metadata.name = Some(name);
        match show_as(&api, show, &wanted).await {
            Err(NotShown::Taken) => {}
            done => {
                if show.current.outcome.is_some() {
                    forget_old(&api, show).await;
                }
                return done;
            }
        }
    }
    Err(NotShown::Taken)
}

/// Creates the record under this name, or compares with what is there, and writes its status.
async fn show_as(api: &Api<RegionSwitch>, show: &Show, wanted: &RegionSwitch) -> Result<(), NotShown> {
    let name = wanted.name_any();
    let found = match bounded(api.get_opt(&name)).await? {
        Some(found) => found,
        None => bounded(api.create(&PostParams::default(), wanted)).await?,
    };
    // Compared, never trusted.
    if found.spec.request != wanted.spec.request {
        return Err(NotShown::Taken);
    }
    let shown = region_switch_of(&show.shop, &show.current, found.status.as_ref(), Timestamp::now());
    if found.status == shown.status {
        return Ok(());
    }
    let patch = json!({
        "metadata": {"resourceVersion": found.metadata.resource_version},
        "status": shown.status,
    });
    bounded(api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&patch))).await?;
    Ok(())
}

/// Deletes the oldest ended records of the controller beyond the number that is kept.
async fn forget_old(api: &Api<RegionSwitch>, show: &Show) {
    let selector = format!("spec.request.storefrontName={}", show.shop.key.name);
    let Ok(listed) = bounded(api.list(&ListParams::default().fields(&selector))).await else {
        return;
    };
    let mut ours: Vec<RegionSwitch> = listed
        .items
        .into_iter()
        .filter(|record| record.spec.request.requested_by == REQUESTED_BY_CONTROLLER)
        .filter(|record| record.status.as_ref().is_some_and(|status| status.outcome.is_some()))
        .collect();
    ours.sort_by_key(|record| record.status.as_ref().and_then(|status| status.number));
    let surplus = ours.len().saturating_sub(KEPT);
    for record in ours.into_iter().take(surplus) {
        if let Err(error) = bounded(api.delete(&record.name_any(), &DeleteParams::default())).await {
            tracing::info!(?error, record = record.name_any(), "old RegionSwitch not deleted");
        }
    }
}
