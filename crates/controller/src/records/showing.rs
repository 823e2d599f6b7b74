//! One try to show something on a RegionSwitch.

use super::{NotShown, Show};
use crate::store::bounded;
use breakwater_api::record::RECORD_GENERATION;
use breakwater_api::{
    REQUESTED_BY_CONTROLLER, RegionSwitch, RegionSwitchStatus, answer_status, move_status, region_switch_of,
    shift_status,
};
use breakwater_core::journal::Move;
use breakwater_core::shop::{Shop, ShopKey};
use jiff::Timestamp;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::json;

/// Of the records that the controller made, this many are kept per Storefront.
const KEPT: usize = 50;

pub(super) async fn show_one(client: &Client, show: &Show) -> Result<(), NotShown> {
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
    if ended_otherwise(&found, &shown) {
        return Ok(());
    }
    write_status(api, name, &found, &shown).await
}

/// An end is terminal, and a request that began a move is answered no more, whoever decided late: a process that lost the
/// lease in between, or one whose reply was lost.
fn ended_otherwise(found: &RegionSwitch, shown: &RegionSwitchStatus) -> bool {
    let Some(stands) = &found.status else { return false };
    match shown.number {
        // An answer, or a traffic shift.
        None => stands.outcome.is_some() || stands.number.is_some(),
        // A move: the journal is the truth of what began.
        Some(number) => stands.number == Some(number) && stands.outcome.is_some() && stands.outcome != shown.outcome,
    }
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
    if ended_otherwise(&found, &shown) {
        return Ok(());
    }
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
