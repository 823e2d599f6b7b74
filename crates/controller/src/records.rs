//! What stands on RegionSwitches: projections of the journal, and answers to requests. Their writing is retried and never
//! delays a move.

use crate::store::bounded;
use backon::{ExponentialBuilder, Retryable};
use breakwater_api::record::RECORD_GENERATION;
use breakwater_api::{
    REQUESTED_BY_CONTROLLER, RegionSwitch, RegionSwitchStatus, answer_status, move_status, region_switch_of, shift_status,
};
use breakwater_core::Text;
use breakwater_core::journal::{Move, Shift};
use breakwater_core::report::Answered;
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

/// What to show on a RegionSwitch.
pub(crate) enum Show {
    /// How far a move has come.
    Move(Box<Shop>, Box<Move>),
    /// How a traffic shift stands.
    Shift(ShopKey, Box<Shift>),
    /// What is said to a request that did not begin.
    Answer(ShopKey, Box<Answered>),
}

impl Show {
    /// What it is about: of several that wait about the same, only the newest is shown.
    fn about(&self) -> (ShopKey, Text) {
        match self {
            Show::Move(shop, current) => {
                let request = current.request.as_ref().map(|request| request.uid.clone());
                let about = request.unwrap_or_else(|| format!("e{}", current.number).into());
                (shop.key.clone(), about)
            }
            Show::Shift(key, shift) => (key.clone(), shift.request.uid.clone()),
            Show::Answer(key, answered) => (key.clone(), answered.uid.clone()),
        }
    }
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

/// Shows one after another; of several that wait about the same, only the newest.
pub(crate) async fn show_all(client: Client, mut todo: mpsc::UnboundedReceiver<Show>) {
    let mut waiting: BTreeMap<(ShopKey, Text), Show> = BTreeMap::new();
    while let Some(show) = todo.recv().await {
        waiting.insert(show.about(), show);
        while let Ok(more) = todo.try_recv() {
            waiting.insert(more.about(), more);
        }
        for ((key, about), show) in std::mem::take(&mut waiting) {
            let retries = ExponentialBuilder::default()
                .with_max_times(6)
                .with_max_delay(Duration::from_secs(10));
            let shown = (|| show_one(&client, &show)).retry(retries).await;
            if let Err(error) = shown {
                tracing::warn!(shop = %key, %about, %error, "RegionSwitch not written; the journal has it all");
            }
        }
    }
}

async fn show_one(client: &Client, show: &Show) -> Result<(), NotShown> {
    let of = |key: &ShopKey| Api::<RegionSwitch>::namespaced(client.clone(), &key.namespace);
    match show {
        Show::Move(shop, current) => {
            let api = of(&shop.key);
            match &current.request {
                Some(request) => {
                    let status = |found: &RegionSwitch| {
                        let generation = found.metadata.generation.unwrap_or_default();
                        move_status(current, found.status.as_ref(), generation, Timestamp::now())
                    };
                    show_requester(&api, &request.name, &request.uid, status).await
                }
                None => show_record(&api, shop, current).await,
            }
        }
        Show::Shift(key, shift) => {
            let status = |found: &RegionSwitch| {
                let generation = found.metadata.generation.unwrap_or_default();
                shift_status(shift, found.status.as_ref(), generation, Timestamp::now())
            };
            show_requester(&of(key), &shift.request.name, &shift.request.uid, status).await
        }
        Show::Answer(key, answered) => {
            let status = |found: &RegionSwitch| {
                let generation = found.metadata.generation.unwrap_or_default();
                answer_status(answered, found.status.as_ref(), generation, Timestamp::now())
            };
            show_requester(&of(key), &answered.request, &answered.uid, status).await
        }
    }
}

/// Writes the status of the object that a person created. One that is gone meanwhile needs no answer.
async fn show_requester(
    api: &Api<RegionSwitch>,
    name: &str,
    uid: &str,
    status: impl Fn(&RegionSwitch) -> RegionSwitchStatus,
) -> Result<(), NotShown> {
    let found = bounded(api.get_opt(name)).await?;
    let Some(found) = found.filter(|found| found.metadata.uid.as_deref() == Some(uid)) else {
        return Ok(());
    };
    let shown = status(&found);
    write_status(api, name, &found, &shown).await
}

async fn show_record(api: &Api<RegionSwitch>, shop: &Shop, current: &Move) -> Result<(), NotShown> {
    let mut wanted = region_switch_of(shop, current, None, Timestamp::now());
    let plain = wanted.name_any();
    for name in [plain.clone(), format!("{plain}-2")] {
        wanted.metadata.name = Some(name);
        match show_as(api, current, &wanted).await {
            Err(NotShown::Taken) => {}
            done => {
                if current.outcome.is_some() {
                    forget_old(api, shop).await;
                }
                return done;
            }
        }
    }
    Err(NotShown::Taken)
}

async fn write_status(
    api: &Api<RegionSwitch>,
    name: &str,
    found: &RegionSwitch,
    shown: &RegionSwitchStatus,
) -> Result<(), NotShown> {
    if found.status.as_ref() == Some(shown) {
        return Ok(());
    }
    let mut patch = json!({
        "metadata": {"resourceVersion": found.metadata.resource_version},
        "status": shown,
    });
    // A merge leaves alone what is absent, and an ended move has no phase any more.
    if shown.phase.is_none() {
        patch["status"]["phase"] = serde_json::Value::Null;
    }
    bounded(api.patch_status(name, &PatchParams::default(), &Patch::Merge(&patch))).await?;
    Ok(())
}

/// Creates the record under this name, or compares with what is there, and writes its status.
async fn show_as(api: &Api<RegionSwitch>, current: &Move, wanted: &RegionSwitch) -> Result<(), NotShown> {
    let name = wanted.name_any();
    let found = match bounded(api.get_opt(&name)).await? {
        Some(found) => found,
        None => bounded(api.create(&PostParams::default(), wanted)).await?,
    };
    // Compared, never trusted.
    if found.spec.request != wanted.spec.request {
        return Err(NotShown::Taken);
    }
    let shown = move_status(current, found.status.as_ref(), RECORD_GENERATION, Timestamp::now());
    write_status(api, &name, &found, &shown).await
}

/// Deletes the oldest ended records of the controller beyond the number that is kept.
async fn forget_old(api: &Api<RegionSwitch>, shop: &Shop) {
    let selector = format!("spec.request.storefrontName={}", shop.key.name);
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
