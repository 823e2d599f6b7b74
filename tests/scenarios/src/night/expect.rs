//! What a script expects: of what the Storefront shows, of what was done, and of the world itself.

use super::script::Many;
use crate::{blockers, condition, diagnosis, glance, journal, refusals};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_rig::Rig;
use breakwater_sim::ledger::{Effect, What};
use serde::Deserialize;
use std::collections::BTreeMap;

/// All of it must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Expect {
    /// About this shop; the script's first one if absent.
    #[serde(default)]
    pub shop: Option<String>,
    /// One of these.
    #[serde(default)]
    pub diagnosis: Option<Many<Diagnosis>>,
    /// The active region of the journal; `none` while it is unknown.
    #[serde(default)]
    pub active: Option<String>,
    /// The region that should come first in the load balancers.
    #[serde(default)]
    pub front: Option<String>,
    /// The excluded region; `none`.
    #[serde(default)]
    pub excluded: Option<String>,
    /// The phase of the move in flight; `none`.
    #[serde(default)]
    pub phase: Option<String>,
    /// How the last move ended; `none`.
    #[serde(default)]
    pub outcome: Option<String>,
    /// The epoch.
    #[serde(default)]
    pub epoch: Option<i64>,
    /// Kinds of obligations, in the journal's order.
    #[serde(default)]
    pub owes: Option<Vec<String>>,
    /// Refusals that hold, among others.
    #[serde(default)]
    pub refuses: Many<String>,
    /// Refusals that do not hold.
    #[serde(default)]
    pub does_not_refuse: Many<String>,
    /// Blockers that hold, among others.
    #[serde(default)]
    pub blocked: Many<String>,
    /// Blockers that do not hold.
    #[serde(default)]
    pub not_blocked: Many<String>,
    /// Conditions by kind: `True`, `False`, `Unknown`.
    #[serde(default)]
    pub conditions: BTreeMap<String, String>,
    /// Calls of the controller about the shop since the script began.
    #[serde(default)]
    pub calls: Option<usize>,
    /// At least so many.
    #[serde(default)]
    pub calls_at_least: Option<usize>,
    /// At most so many.
    #[serde(default)]
    pub calls_at_most: Option<usize>,
    /// The same by operation.
    #[serde(default)]
    pub calls_of: BTreeMap<String, usize>,
    /// Calls that took effect, by operation.
    #[serde(default)]
    pub applied: BTreeMap<String, usize>,
    /// Promotions of the shop's replica that RDS accepted, whoever asked.
    #[serde(default)]
    pub promotions: Option<usize>,
    /// The region that resolvers find under the writer's name; `none` where it leads nowhere.
    #[serde(default)]
    pub name: Option<String>,
    /// `DBInstanceStatus` by region, or by identifier.
    #[serde(default)]
    pub instances: BTreeMap<String, String>,
    /// The regions whose instance takes writes, in truth.
    #[serde(default)]
    pub writable: Option<Vec<String>>,
    /// The region first in the default order of the shop's load balancers, in truth.
    #[serde(default)]
    pub first: Option<String>,
    /// The regions that stand in any list of the shop's load balancers, in truth.
    #[serde(default)]
    pub listed: Option<Vec<String>>,
    /// Whether the Storefront's object was let go.
    #[serde(default)]
    pub released: Option<bool>,
    /// Writes of the shop's status since the script began, at most.
    #[serde(default)]
    pub writes_at_most: Option<usize>,
}

/// What of it does not hold, each with what is so.
struct Unmet(Vec<String>);

impl Unmet {
    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, expected: Option<T>, is: impl FnOnce() -> T) {
        if let Some(expected) = expected {
            let is = is();
            if is != expected {
                self.0.push(format!("{what} is {is:?}, not {expected:?}"));
            }
        }
    }

    fn has(&mut self, what: &str, expected: &Many<String>, present: bool, is: impl FnOnce() -> Vec<&'static str>) {
        if expected.0.is_empty() {
            return;
        }
        let is = is();
        for name in &expected.0 {
            if is.contains(&name.as_str()) != present {
                let not = if present { "is not" } else { "is" };
                self.0.push(format!("{name} {not} among the {what}: {is:?}"));
            }
        }
    }
}

impl Expect {
    /// What does not hold now, in words; empty when all does. `first` is the script's first shop, `begin` its begin.
    #[must_use]
    pub fn unmet(&self, rig: &Rig, first: &str, begin: i64) -> Vec<String> {
        let shop = self.shop.as_deref().unwrap_or(first);
        let mut unmet = Unmet(Vec::new());
        self.of_status(rig, shop, &mut unmet);
        self.of_calls(rig, shop, begin, &mut unmet);
        self.of_truth(rig, shop, &mut unmet);
        unmet.0
    }

    fn of_status(&self, rig: &Rig, shop: &str, unmet: &mut Unmet) {
        if let Some(expected) = &self.diagnosis {
            let is = diagnosis(rig, shop);
            if !expected.0.iter().any(|expected| Some(*expected) == is) {
                unmet.0.push(format!("diagnosis is {is:?}, not {:?}", expected.0));
            }
        }
        let stored = journal(rig, shop);
        let or_none = |text: Option<&str>| text.unwrap_or("none").to_owned();
        unmet.same("the active region", self.active.clone(), || {
            or_none(stored.active_region.as_deref())
        });
        unmet.same("the front", self.front.clone(), || or_none(stored.front.as_deref()));
        unmet.same("the excluded region", self.excluded.clone(), || {
            or_none(stored.excluded.as_deref())
        });
        unmet.same("the epoch", self.epoch, || stored.epoch);
        let phase = stored.in_flight().map(|current| current.phase.name());
        unmet.same("the phase", self.phase.clone(), || or_none(phase));
        let outcome = stored.current.as_ref().and_then(|current| current.outcome);
        unmet.same("the end of the last move", self.outcome.clone(), || {
            or_none(outcome.map(|outcome| outcome.name()))
        });
        unmet.same("what is owed", self.owes.clone(), || {
            stored
                .obligations
                .iter()
                .map(|owed| owed.kind.name().to_owned())
                .collect()
        });
        unmet.has("refusals", &self.refuses, true, || refusals(rig, shop));
        unmet.has("refusals", &self.does_not_refuse, false, || refusals(rig, shop));
        unmet.has("blockers", &self.blocked, true, || blockers(rig, shop));
        unmet.has("blockers", &self.not_blocked, false, || blockers(rig, shop));
        for (kind, expected) in &self.conditions {
            unmet.same(kind, Some(expected.as_str()), || condition(rig, shop, kind));
        }
        unmet.same("released", self.released, || rig.is_released(&rig.key(shop)));
    }

    fn of_calls(&self, rig: &Rig, shop: &str, begin: i64, unmet: &mut Unmet) {
        let count = |of: &dyn Fn(&breakwater_sim::ledger::Call) -> bool| {
            let own = crate::calls_since(rig, begin).into_iter();
            own.filter(|(_, call)| call.shop.as_deref() == Some(shop) && of(call))
                .count()
        };
        unmet.same("the number of calls", self.calls, || count(&|_| true));
        if let Some(least) = self.calls_at_least {
            let is = count(&|_| true);
            if is < least {
                unmet.0.push(format!("{is} calls, not at least {least}"));
            }
        }
        if let Some(most) = self.calls_at_most {
            let is = count(&|_| true);
            if is > most {
                unmet.0.push(format!("{is} calls, not at most {most}"));
            }
        }
        for (op, expected) in &self.calls_of {
            unmet.same(&format!("the number of calls {op}"), Some(*expected), || {
                count(&|call| call.op == *op)
            });
        }
        for (op, expected) in &self.applied {
            unmet.same(&format!("the number of {op} that took effect"), Some(*expected), || {
                count(&|call| call.op == *op && call.effect == Effect::Applied)
            });
        }
        unmet.same("the number of promotions", self.promotions, || {
            let events = rig
                .world
                .ledger()
                .events
                .iter()
                .rev()
                .take_while(|event| event.at >= begin);
            events
                .filter(|event| matches!(&event.what, What::PromotionAccepted { shop: own, .. } if **own == *shop))
                .count()
        });
        if let Some(most) = self.writes_at_most {
            let own = rig.history().iter().rev().take_while(|entry| entry.at >= begin);
            let is = own.filter(|entry| *entry.shop.name == *shop).count();
            if is > most {
                unmet.0.push(format!("{is} writes of the status, not at most {most}"));
            }
        }
    }

    fn of_truth(&self, rig: &Rig, shop: &str, unmet: &mut Unmet) {
        let asks = self.name.is_some()
            || !self.instances.is_empty()
            || self.writable.is_some()
            || self.first.is_some()
            || self.listed.is_some();
        if !asks {
            return;
        }
        let truth = glance(rig, shop);
        unmet.same("where the writer's name leads", self.name.clone(), || {
            truth.name_visible.as_deref().unwrap_or("none").to_owned()
        });
        for (region, expected) in &self.instances {
            unmet.same(&format!("the instance in {region}"), Some(expected.clone()), || {
                crate::instance_status(rig, shop, region)
            });
        }
        unmet.same("what takes writes", self.writable.clone(), || {
            let writable = truth.instances.iter().filter(|instance| instance.writable);
            writable.map(|instance| instance.region.to_string()).collect()
        });
        for balancer in &truth.balancers {
            unmet.same("the first region of the order", self.first.clone(), || {
                balancer.order.first().map(ToString::to_string).unwrap_or_default()
            });
            unmet.same("what stands in the lists", self.listed.clone(), || {
                balancer.listed.iter().map(ToString::to_string).collect()
            });
        }
    }
}
