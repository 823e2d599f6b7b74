//! RegionSwitches that people create: from the object to core's request, and from core's answer to its status.

use crate::conditions::{Fresh, kind, stamp};
use crate::record::outcome_name;
use crate::region_switch::{RegionSwitch, RegionSwitchStatus};
use crate::render::refusals;
use crate::{REQUESTED_BY_CONTROLLER, bounds};
use breakwater_core::Text;
use breakwater_core::journal::Phase;
use breakwater_core::report::{Answered, ConditionStatus};
use breakwater_core::request::Request;
use breakwater_core::shop::ShopKey;
use jiff::Timestamp;
use std::time::Duration;

/// The request of an object that has not ended, and whom it is about. An object without identity, or with an outcome,
/// asks for nothing.
#[must_use]
pub fn request_of(switch: &RegionSwitch) -> Option<(ShopKey, Request)> {
    let status = switch.status.as_ref();
    if status.is_some_and(|status| status.outcome.is_some()) {
        return None;
    }
    let asked = &switch.spec.request;
    let ours = asked.requested_by == REQUESTED_BY_CONTROLLER;
    let key = ShopKey {
        namespace: switch.metadata.namespace.as_deref()?.into(),
        name: asked.storefront_name.as_str().into(),
    };
    let seconds = |seconds: i32| Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    Some((
        key,
        Request {
            name: switch.metadata.name.as_deref()?.into(),
            uid: switch.metadata.uid.as_deref()?.into(),
            kind: asked.kind,
            to: asked.to.as_deref().map(Text::from),
            expected_epoch: asked.expected_epoch,
            start_before: asked.start_before,
            overrides: asked.overrides.clone(),
            allow_loss: asked.allow_data_loss_seconds.map(seconds),
            max_write_stop: asked.max_write_stop_seconds.map(seconds),
            expires_at: asked.expires_at,
            abort: switch.spec.abort,
            // A record whose status was not written yet is of no move that anybody could name.
            approved_by: switch
                .spec
                .approval
                .as_ref()
                .map(|approval| approval.by.as_str().into()),
            record_of: ours.then(|| status.and_then(|status| status.number).unwrap_or(0)),
        },
    ))
}

/// What a requester reads while nothing has begun, or when nothing will.
#[must_use]
pub fn answer_status(
    answered: &Answered,
    previous: Option<&RegionSwitchStatus>,
    generation: i64,
    now: Timestamp,
) -> RegionSwitchStatus {
    let before = previous.map_or(&[][..], |status| &status.conditions);
    let message: String = answered.message.chars().take(bounds::MESSAGE_MAX).collect();
    RegionSwitchStatus {
        observed_generation: generation,
        // Beside an outcome a phase looks unfinished.
        phase: answered.outcome.is_none().then_some(Phase::Requested),
        outcome: answered.outcome,
        number: None,
        steps: Vec::new(),
        evidence: None,
        loss: None,
        write_stop: None,
        times: None,
        refusals: refusals(&answered.refusals),
        conditions: stamp(conditions(answered, &message), before, generation, now),
        message: Some(message),
    }
}

/// Reconciling while it waits; it never became ready, so every end is Stalled.
fn conditions(answered: &Answered, message: &str) -> [Fresh; 3] {
    use ConditionStatus::{False, True};
    let open = answered.outcome.is_none();
    let (reconciling, stalled) = if open { (True, False) } else { (False, True) };
    let reason = answered.outcome.map_or(answered.reason, outcome_name);
    [
        Fresh::new(kind::READY, False, reason, message),
        Fresh::new(kind::RECONCILING, reconciling, reason, message),
        Fresh::new(kind::STALLED, stalled, reason, message),
    ]
}
