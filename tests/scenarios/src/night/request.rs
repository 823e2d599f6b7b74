//! RegionSwitches that persons create.

use super::clock::{Clock, Span, shown};
use breakwater_core::journal::MoveKind;
use breakwater_core::request::{Override, Request};
use breakwater_rig::Rig;
use jiff::Timestamp;
use serde::Deserialize;
use std::time::Duration;

/// A request has so long to begin, unless it says otherwise.
const PATIENCE: Duration = Duration::from_secs(1800);

/// A RegionSwitch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Asked {
    /// Its name.
    pub name: String,
    /// Of this shop; of the script's first one if absent.
    #[serde(default)]
    pub shop: Option<String>,
    /// `Failover`, `Adopt`, ...
    #[serde(rename = "type")]
    pub kind: MoveKind,
    /// The region.
    pub to: String,
    /// `expectedEpoch`.
    pub expected_epoch: i64,
    /// `startBefore`; half an hour from now if absent.
    #[serde(default)]
    pub start_before: Option<Clock>,
    /// `expiresAt`.
    #[serde(default)]
    pub expires_at: Option<Clock>,
    /// `allowDataLossSeconds`.
    #[serde(default)]
    pub allow_loss: Option<Span>,
    /// `maxWriteStopSeconds`.
    #[serde(default)]
    pub max_write_stop: Option<Span>,
    /// `overrides`.
    #[serde(default)]
    pub overrides: Vec<Override>,
}

impl Asked {
    /// Creates it; what it says in one line.
    pub fn play(&self, rig: &mut Rig, first: &str, begin: i64) -> String {
        let shop = self.shop.as_deref().unwrap_or(first);
        let key = rig.key(shop);
        let soon = i64::try_from(PATIENCE.as_millis()).unwrap_or(i64::MAX);
        let start_before = self.start_before.map_or(rig.millis() + soon, |clock| begin + clock.0);
        let request = Request {
            name: self.name.as_str().into(),
            uid: format!("uid-{}", self.name).into(),
            kind: self.kind,
            to: Some(self.to.as_str().into()),
            expected_epoch: Some(self.expected_epoch),
            start_before: Timestamp::from_millisecond(start_before).unwrap_or(Timestamp::MAX),
            overrides: self.overrides.clone(),
            allow_loss: self.allow_loss.map(|span| span.0),
            max_write_stop: self.max_write_stop.map(|span| span.0),
            expires_at: self
                .expires_at
                .map(|clock| Timestamp::from_millisecond(begin + clock.0).unwrap_or(Timestamp::MAX)),
            abort: false,
            record_of: None,
            approved_by: None,
        };
        rig.request(&key, request);
        let overrides = if self.overrides.is_empty() {
            String::new()
        } else {
            format!(", overrides {:?}", self.overrides)
        };
        let loss = self
            .allow_loss
            .map(|span| format!(", accepts a loss of {} s", span.0.as_secs()));
        let expires = self.expires_at.map(|clock| format!(", expires at {}", shown(clock.0)));
        format!(
            "{} asks for {:?} to {}, expected epoch {}, start before {}{}{}{overrides}",
            self.name,
            self.kind,
            self.to,
            self.expected_epoch,
            shown(start_before - begin),
            expires.unwrap_or_default(),
            loss.unwrap_or_default(),
        )
    }
}
