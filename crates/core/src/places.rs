//! Places: the identities that a journal's decisions are about. An edit of one of them changes what the decisions mean, so it
//! waits for what is under way, and then the shop is adopted anew.

use crate::Text;
use crate::journal::{Journal, MoveOutcome, ObligationKind};
use crate::shop::{Shop, ShopRegion};
use crate::side::{PerSide, Side};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The identities of a shop, by region name: which one is preferred is no identity, nor are services, proof URLs, windows,
/// the mode or the name's TTL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Places {
    /// The class: it names the accounts.
    pub class: Text,
    /// Both regions.
    pub regions: BTreeMap<Text, Place>,
    /// Hosted zone of the writer's name.
    pub hosted_zone: Text,
    /// The writer's name.
    pub record: Text,
    /// Cloudflare zone of the load balancers.
    pub zone: Text,
    /// The load balancers.
    pub balancers: BTreeSet<Text>,
}

/// The identities of one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// RDS instance identifier.
    pub instance: Text,
    /// Cloudflare pool.
    pub pool: Text,
}

impl Places {
    /// Those of a shop as it is listed.
    #[must_use]
    pub fn of(shop: &Shop) -> Self {
        let place = |side: Side| {
            let region = &shop.regions[side];
            let place = Place {
                instance: region.instance.clone(),
                pool: region.pool.clone(),
            };
            (region.name.clone(), place)
        };
        Places {
            class: shop.class.clone(),
            regions: Side::BOTH.into_iter().map(place).collect(),
            hosted_zone: shop.writer.zone.clone(),
            record: shop.writer.name.clone(),
            zone: shop.zone.clone(),
            balancers: shop.balancers.iter().cloned().collect(),
        }
    }

    /// Whether a shop lists just these. Nothing is allocated: it is asked at every plan.
    #[must_use]
    pub fn are_those_of(&self, shop: &Shop) -> bool {
        let same = |side: Side| {
            let region = &shop.regions[side];
            self.regions
                .get(&region.name)
                .is_some_and(|place| place.instance == region.instance && place.pool == region.pool)
        };
        self.class == shop.class
            && self.hosted_zone == shop.writer.zone
            && self.record == shop.writer.name
            && self.zone == shop.zone
            && self.balancers.len() == shop.balancers.len()
            && shop.balancers.iter().all(|id| self.balancers.contains(id))
            && Side::BOTH.into_iter().all(same)
    }
}

/// Whether an edit of identities waits: a move in flight, and a fence that it owes, keep their meaning from its start.
#[must_use]
pub fn edits_wait(journal: &Journal) -> bool {
    journal.in_flight().is_some()
        || comes_back(journal)
        || journal.owes(ObligationKind::FenceFormerWriter).is_some()
        || journal.owes(ObligationKind::Unfence).is_some()
}

/// Whether lists or the order of load balancers, which a move has changed, are still to be put back after it was given up.
pub(crate) fn comes_back(journal: &Journal) -> bool {
    let given_up = journal
        .current
        .as_ref()
        .is_some_and(|m| matches!(m.outcome, Some(MoveOutcome::RolledBack | MoveOutcome::Aborted)));
    let ordered = journal.front != journal.active_region && journal.holding().is_none();
    let changed = !journal.saved_steering.is_empty() || ordered;
    given_up && journal.excluded.is_none() && changed
}

/// The shop that is worked on: the spec, but while an edit of identities waits with those that the journal is about.
/// `before` is the shop as it was worked on last: it has the services of a region that the spec no longer lists.
#[must_use]
pub fn in_force(spec: &Shop, before: Option<&Shop>, journal: &Journal) -> Shop {
    let mut shop = spec.clone();
    succeed(&mut shop, journal);
    let Some(places) = journal.places.as_ref().filter(|_| edits_wait(journal)) else {
        return shop;
    };
    if places.are_those_of(&shop) {
        return shop;
    }
    let names: Vec<&Text> = places.regions.keys().collect();
    let [Some(one), Some(other)] = [names.first(), names.get(1)] else {
        return shop;
    };
    // The preference is the spec's wherever it still lists one of the two.
    let turned = shop.side(one) == Some(Side::Secondary) || shop.side(other) == Some(Side::Primary);
    let (primary, secondary) = if turned { (other, one) } else { (one, other) };
    shop.regions = PerSide {
        primary: region(places, primary, spec, before),
        secondary: region(places, secondary, spec, before),
    };
    shop.class = places.class.clone();
    shop.writer.zone = places.hosted_zone.clone();
    shop.writer.name = places.record.clone();
    shop.zone = places.zone.clone();
    shop.balancers = places.balancers.iter().cloned().collect();
    shop.edit_waits = true;
    shop.succeeded = PerSide::default();
    shop
}

/// A rebuilt standby takes the place of the instance that the spec lists, for as long as it lists that one.
fn succeed(shop: &mut Shop, journal: &Journal) {
    for side in Side::BOTH {
        let region = &mut shop.regions[side];
        let successor = journal.instances.get(&region.name);
        if let Some(successor) = successor.filter(|own| own.listed == region.instance) {
            region.instance = successor.instance.clone();
            shop.succeeded[side] = true;
        }
    }
}

/// Whether a journal is about what a spec lists; one that names no places is about anything.
#[must_use]
pub fn is_about(journal: &Journal, spec: &Shop) -> bool {
    let Some(places) = &journal.places else { return true };
    if journal.instances.is_empty() {
        return places.are_those_of(spec);
    }
    let mut shop = spec.clone();
    succeed(&mut shop, journal);
    places.are_those_of(&shop)
}

fn region(places: &Places, name: &Text, spec: &Shop, before: Option<&Shop>) -> ShopRegion {
    let listed = [Some(spec), before]
        .into_iter()
        .flatten()
        .find_map(|shop| Some(&shop.regions[shop.side(name)?]));
    let place = places.regions.get(name);
    ShopRegion {
        name: name.clone(),
        pool: place.map(|place| place.pool.clone()).unwrap_or_default(),
        instance: place.map(|place| place.instance.clone()).unwrap_or_default(),
        proof: listed.and_then(|region| region.proof.clone()),
        services: listed.map(|region| region.services.clone()).unwrap_or_default(),
    }
}
