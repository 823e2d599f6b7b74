//! Edits of a Storefront's spec, as far as scripts make them.

use super::clock::{Clock, Span, shown};
use breakwater_core::shop::{Freeze, Mode, Shop};
use jiff::Timestamp;
use serde::Deserialize;

/// What of the spec is changed; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SpecChange {
    /// Only of this shop; of all of the script if absent.
    #[serde(default)]
    pub shop: Option<String>,
    /// `spec.failover.mode`.
    #[serde(default)]
    pub mode: Option<ModeName>,
    /// `spec.suspend`.
    #[serde(default)]
    pub suspend: Option<bool>,
    /// `spec.traffic.automatic`.
    #[serde(default)]
    pub automatic_traffic: Option<bool>,
    /// `spec.failover.maxLossSeconds`.
    #[serde(default)]
    pub max_loss: Option<Span>,
    /// `promoteAfter`.
    #[serde(default)]
    pub promote_after: Option<Span>,
    /// `databaseGrace`.
    #[serde(default)]
    pub database_grace: Option<Span>,
    /// `returnAfter`.
    #[serde(default)]
    pub return_after: Option<Span>,
    /// `coolDown`.
    #[serde(default)]
    pub cool_down: Option<Span>,
    /// A freeze.
    #[serde(default)]
    pub freeze: Option<FreezeOf>,
    /// `primary` and `secondary` change places.
    #[serde(default)]
    pub swap_regions: bool,
    /// Another replica is named for the primary region.
    #[serde(default)]
    pub primary_instance: Option<String>,
    /// Another replica is named for the secondary region.
    #[serde(default)]
    pub secondary_instance: Option<String>,
    /// `loadBalancerIds`.
    #[serde(default)]
    pub load_balancer_ids: Option<Vec<String>>,
    /// The Storefront is deleted.
    #[serde(default)]
    pub delete: bool,
}

/// A mode by its name.
#[derive(Clone, Copy, Debug, Deserialize)]
pub enum ModeName {
    /// Touch nothing.
    Observe,
    /// Ask a person.
    Approve,
    /// Move.
    Automatic,
}

/// A freeze by the script's times.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreezeOf {
    /// Its name.
    pub name: String,
    /// Its begin.
    pub from: Clock,
    /// Its end.
    pub until: Clock,
}

impl SpecChange {
    /// Makes the change; `begin` is when the script begins, in milliseconds since the Unix epoch.
    pub fn apply(&self, shop: &mut Shop, begin: i64) {
        let policy = &mut shop.policy;
        let time = |clock: Clock| Timestamp::from_millisecond(begin + clock.0).unwrap_or(Timestamp::MAX);
        if let Some(mode) = self.mode {
            policy.mode = match mode {
                ModeName::Observe => Mode::Observe,
                ModeName::Approve => Mode::Approve,
                ModeName::Automatic => Mode::Automatic,
            };
        }
        if let Some(freeze) = &self.freeze {
            policy.freezes.push(Freeze {
                name: freeze.name.as_str().into(),
                from: time(freeze.from),
                until: time(freeze.until),
            });
        }
        policy.automatic_traffic = self.automatic_traffic.unwrap_or(policy.automatic_traffic);
        for (changed, span) in [
            (&mut policy.max_loss, self.max_loss),
            (&mut policy.promote_after, self.promote_after),
            (&mut policy.database_grace, self.database_grace),
            (&mut policy.return_after, self.return_after),
            (&mut policy.cool_down, self.cool_down),
        ] {
            *changed = span.map_or(*changed, |span| span.0);
        }
        shop.suspended = self.suspend.unwrap_or(shop.suspended);
        shop.deleting |= self.delete;
        if self.swap_regions {
            std::mem::swap(&mut shop.regions.primary, &mut shop.regions.secondary);
        }
        if let Some(instance) = &self.primary_instance {
            shop.regions.primary.instance = instance.as_str().into();
        }
        if let Some(instance) = &self.secondary_instance {
            shop.regions.secondary.instance = instance.as_str().into();
        }
        if let Some(ids) = &self.load_balancer_ids {
            shop.balancers = ids.iter().map(|id| id.as_str().into()).collect();
        }
    }

    /// The change in words.
    #[must_use]
    pub fn words(&self) -> String {
        let mut changes: Vec<String> = Vec::new();
        if let Some(mode) = self.mode {
            changes.push(format!("mode {mode:?}"));
        }
        if let Some(suspend) = self.suspend {
            changes.push(format!("suspend {suspend}"));
        }
        if let Some(automatic) = self.automatic_traffic {
            changes.push(format!("traffic.automatic {automatic}"));
        }
        if let Some(freeze) = &self.freeze {
            changes.push(format!(
                "freeze {} from {} until {}",
                freeze.name,
                shown(freeze.from.0),
                shown(freeze.until.0)
            ));
        }
        for (name, span) in [
            ("maxLoss", self.max_loss),
            ("promoteAfter", self.promote_after),
            ("databaseGrace", self.database_grace),
            ("returnAfter", self.return_after),
            ("coolDown", self.cool_down),
        ] {
            if let Some(span) = span {
                changes.push(format!("{name} {} s", span.0.as_secs()));
            }
        }
        if self.swap_regions {
            changes.push("primary and secondary change places".into());
        }
        if let Some(instance) = &self.primary_instance {
            changes.push(format!("the primary's instance is {instance}"));
        }
        if let Some(instance) = &self.secondary_instance {
            changes.push(format!("the secondary's instance is {instance}"));
        }
        if let Some(ids) = &self.load_balancer_ids {
            changes.push(format!("loadBalancerIds {}", ids.join(" ")));
        }
        if self.delete {
            changes.push("the Storefront is deleted".into());
        }
        changes.join(", ")
    }
}
