//! Calls, and what allows the one that cannot be undone.

use breakwater_core::Text;
use breakwater_core::decision::{Effect, Promotion, Step};
use breakwater_core::shop::Scope;
use breakwater_core::time::after;
use jiff::Timestamp;

pub use breakwater_core::plan::LICENCE_LASTS;

/// One request that changes the world.
#[derive(Debug)]
pub enum Call {
    /// `PromoteReadReplica`, with the licence that allows exactly this one.
    Promote(Promotion, Licence),
    /// A call that can be undone.
    Effect(Effect),
}

impl Call {
    /// The lane it goes through.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Call::Promote(promotion, _) => Lane::Aws(promotion.scope.clone()),
            Call::Effect(effect) => Lane::of_effect(effect),
        }
    }
}

/// A provider and region (or account): what can hang as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// RDS and CloudWatch of an account and region.
    Aws(Scope),
    /// Route 53 of a class.
    Names(Text),
    /// Cloudflare of a class.
    Cloudflare(Text),
}

impl Lane {
    /// The lane of an effect.
    #[must_use]
    pub fn of_effect(effect: &Effect) -> Lane {
        match effect {
            Effect::SetReadOnly { scope, .. }
            | Effect::Stop { scope, .. }
            | Effect::Start { scope, .. }
            | Effect::Tag { scope, .. }
            | Effect::Untag { scope, .. }
            | Effect::CopyGroup { scope, .. }
            | Effect::CreateReplica { scope, .. } => Lane::Aws(scope.clone()),
            Effect::ChangeNames { class, .. } => Lane::Names(class.clone()),
            Effect::PatchBalancer { class, .. } => Lane::Cloudflare(class.clone()),
        }
    }

    /// The lane of a step.
    #[must_use]
    pub fn of_step(step: &Step) -> Lane {
        match step {
            Step::Promote(promotion) => Lane::Aws(promotion.scope.clone()),
            Step::Effect(effect) => Lane::of_effect(effect),
        }
    }
}

/// Proof that the store has confirmed a journal entry that this process wrote. Built by the engine alone;
/// it can be neither cloned nor read back from anywhere.
#[derive(Debug)]
pub struct Written {
    number: i64,
    region: Text,
    at: Timestamp,
}

impl Written {
    pub(crate) fn new(number: i64, region: Text, at: Timestamp) -> Self {
        Written { number, region, at }
    }
}

/// The permission to send one promotion: of this number, into this region, within 60 s of the wall time in the
/// journal entry. Made from a `Written`, spent by the call that carries it.
#[derive(Debug)]
pub struct Licence {
    written: Written,
}

impl Licence {
    pub(crate) fn new(written: Written) -> Self {
        Licence { written }
    }

    /// The number of the move.
    #[must_use]
    pub fn number(&self) -> i64 {
        self.written.number
    }

    /// The region whose replica may be promoted.
    #[must_use]
    pub fn region(&self) -> &Text {
        &self.written.region
    }

    /// When it ends.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        after(self.written.at, LICENCE_LASTS)
    }

    pub(crate) fn allows(&self, promotion: &Promotion, wall: Timestamp) -> bool {
        self.written.number == promotion.number
            && self.written.region == promotion.scope.region
            && wall >= self.written.at
            && wall < self.ends()
    }
}
