//! Denials: a right that a provider denies is asked for again slowly, once for all objects that need it.
//!
//! One object alone may be denied by a condition on its name. Two in a row, with no success between them, mean the right.

use breakwater_core::Text;
use breakwater_core::decision::Effect;
use breakwater_core::shop::Scope;
use std::collections::BTreeMap;
use std::time::Duration;

/// What one permission is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Right {
    /// Nothing that anybody grants: probes, proofs, references.
    Open,
    /// Pools and their health, of the Cloudflare account.
    ReadPools(Text),
    /// Monitors of the Cloudflare account.
    ReadMonitors(Text),
    /// Load balancers of the Cloudflare zones.
    ReadBalancers(Text),
    /// Records of the hosted zones.
    ListRecords(Text),
    /// States of changes.
    GetChange(Text),
    /// Instances of an account and region.
    DescribeInstances(Scope),
    /// Parameters of an account and region.
    DescribeParameters(Scope),
    /// Metrics of an account and region.
    GetMetrics(Scope),
    /// To change load balancers.
    PatchBalancers(Text),
    /// To change records.
    ChangeRecords(Text),
    /// To change parameter groups.
    ModifyParameters(Scope),
    /// To stop instances.
    StopInstances(Scope),
    /// To start instances.
    StartInstances(Scope),
    /// To tag and untag.
    TagResources(Scope),
    /// To copy parameter groups.
    CopyGroups(Scope),
    /// To make replicas.
    CreateReplicas(Scope),
}

impl Right {
    /// The right that an effect needs.
    pub(crate) fn of_effect(effect: &Effect) -> Right {
        match effect {
            Effect::SetReadOnly { scope, .. } => Right::ModifyParameters(scope.clone()),
            Effect::Stop { scope, .. } => Right::StopInstances(scope.clone()),
            Effect::Start { scope, .. } => Right::StartInstances(scope.clone()),
            Effect::Tag { scope, .. } | Effect::Untag { scope, .. } => Right::TagResources(scope.clone()),
            Effect::CopyGroup { scope, .. } => Right::CopyGroups(scope.clone()),
            Effect::CreateReplica { scope, .. } => Right::CreateReplicas(scope.clone()),
            Effect::ChangeNames { class, .. } => Right::ChangeRecords(class.clone()),
            Effect::PatchBalancer { class, .. } => Right::PatchBalancers(class.clone()),
        }
    }
}

/// The first pause of a denied right; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// Somebody who has just granted the right waits no longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// All rights that were denied last.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    denied: BTreeMap<Right, Denial>,
}

#[derive(Debug)]
struct Denial {
    /// The object that was denied last.
    object: Text,
    /// How often the right as a whole was found denied; 0 while only this one object was.
    found: u32,
    /// Nobody tries before this.
    until: Duration,
    /// One tries now.
    trying: bool,
}

impl Denials {
    /// An object was denied. Says whether the right is believed to be denied as a whole.
    pub(crate) fn denied(&mut self, right: &Right, object: &str, now: Duration) -> bool {
        let Some(denial) = self.denied.get_mut(right) else {
            let first = Denial {
                object: object.into(),
                found: 0,
                until: now,
                trying: false,
            };
            self.denied.insert(right.clone(), first);
            return false;
        };
        if denial.found == 0 && *denial.object == *object {
            return false;
        }
        // Answers to what had been sent before prolong nothing.
        if denial.found == 0 || denial.trying || now >= denial.until {
            denial.found = denial.found.saturating_add(1);
            let doubled = FIRST_PAUSE * 2u32.saturating_pow((denial.found - 1).min(8));
            denial.until = now + doubled.min(LONGEST_PAUSE);
            denial.trying = false;
        }
        true
    }

    /// An object was not denied.
    pub(crate) fn granted(&mut self, right: &Right) {
        self.denied.remove(right);
    }

    /// Until when nobody tries; `None`: anybody may.
    pub(crate) fn closed_until(&self, right: &Right, now: Duration) -> Option<Duration> {
        let until = self.denied.get(right).map(|denial| denial.until)?;
        (now < until).then_some(until)
    }

    /// One tries: the others wait for its answer.
    pub(crate) fn tries(&mut self, right: &Right, now: Duration) {
        if let Some(denial) = self.denied.get_mut(right).filter(|denial| denial.found > 0) {
            denial.until = now + ANSWER;
            denial.trying = true;
        }
    }
}

/// An answer has come by then: no request takes longer.
const ANSWER: Duration = Duration::from_secs(5);
