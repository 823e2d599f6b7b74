//! Pacing: what the queue grants a shop, what a call may spend, and what answers say about quotas and rights.

use crate::budget::{Account, Spend, Tier};
use crate::call::Lane;
use crate::denied::Right;
use crate::engine::Engine;
use crate::watchlist::right_of;
use breakwater_core::decision::{Effect, Step};
use breakwater_core::journal::{Journal, LicenceEntry, Phase};
use breakwater_core::outcome::Outcome;
use breakwater_core::pacing::{Attention, Turn};
use breakwater_core::reading::{ObjectKey, Reading, Seen, Trouble, TroubleKind, Value};
use breakwater_core::shop::ShopKey;
use breakwater_core::time::Now;
use std::time::Duration;

/// A PATCH of Cloudflare is read back: both are paid at once.
const PATCH_AND_READ_BACK: u32 = 2;

impl Engine {
    /// What the queue of its class grants this shop now.
    pub(crate) fn turn_of(&mut self, now: Now, key: &ShopKey) -> Turn {
        let Some(kept) = self.shops.get(key) else {
            return Turn::AtEase;
        };
        let class = &kept.shop.class;
        let limits = self.budgets.limits(class);
        let per_reading = self.budgets.seconds_per_reading(class);
        // A licence lasts 60 s: none is written for an account that is left alone.
        let target = kept.journal.in_flight().and_then(|m| kept.shop.side(&m.to));
        let paused = target.is_some_and(|side| self.budgets.is_paused(&Account::Rds(kept.shop.scope(side)), now.mono));
        self.queues
            .turn(key, now, !paused, limits.promotions_per_minute, per_reading)
    }

    /// Takes in what a shop wants of its queue. Who is called, or no more, plans anew.
    pub(crate) fn heed(&mut self, now: Now, key: &ShopKey, attention: Attention) {
        let Some(kept) = self.shops.get(key) else { return };
        for moved in self.queues.want(key, &kept.shop, attention, now.mono) {
            self.mark(moved);
        }
    }

    /// Whether a step may be sent now, as far as quotas and rights go; it is paid then. A promotion has reserved its place
    /// when its licence was written, and must not miss it.
    pub(crate) fn may_call(&mut self, now: Now, key: &ShopKey, step: &Step) -> bool {
        let account = account_of(&Lane::of_step(step));
        let Step::Effect(effect) = step else {
            self.budgets.spend(&account, Spend::Write, 1, Tier::Needed, now.mono);
            return true;
        };
        let in_move = self
            .shops
            .get(key)
            .is_some_and(|kept| kept.journal.in_flight().is_some());
        let tier = if in_move || self.queues.called(key).is_some() {
            Tier::Called
        } else {
            Tier::Rest
        };
        let right = Right::of_effect(effect);
        if self.denials.closed_until(&right, now.mono).is_some()
            || !self
                .budgets
                .may(&account, Spend::Write, cost_of(effect), tier, now.mono)
        {
            return false;
        }
        self.budgets
            .spend(&account, Spend::Write, cost_of(effect), tier, now.mono);
        self.denials.tries(&right, now.mono);
        true
    }

    /// What the end of a call says about its account and its right.
    pub(crate) fn note_outcome(&mut self, now: Now, key: &ShopKey, step: &Step, outcome: &Outcome) {
        let account = account_of(&Lane::of_step(step));
        let right = match step {
            Step::Effect(effect) => Some(Right::of_effect(effect)),
            Step::Promote(_) => None,
        };
        match outcome {
            Outcome::Throttled(seconds) => {
                let named = seconds.map(|seconds| Duration::from_secs(seconds.into()));
                self.budgets.throttled(&account, named, now.mono);
            }
            Outcome::Denied(_) => {
                if let Some(right) = right {
                    self.denials.denied(&right, &key.to_string(), now.mono);
                }
            }
            Outcome::Accepted(_) | Outcome::Refused(_) => {
                self.budgets.answered(&account, now.mono);
                if let Some(right) = right {
                    self.denials.granted(&right);
                }
            }
            Outcome::Ambiguous(_) => {}
        }
    }

    /// What a reading says about its account and its right. Where the right as a whole is denied, the one answer goes to
    /// all who need it: nobody else asks until it is tried again.
    pub(crate) fn note_reading(&mut self, now: Now, reading: &Reading) {
        let right = right_of(&reading.key);
        let Some(account) = account_of_key(&reading.key) else {
            return;
        };
        match kind(&reading.value) {
            Kind::Throttled => self.budgets.throttled(&account, None, now.mono),
            Kind::Denied(trouble) => {
                if self.denials.denied(&right, &format!("{:?}", reading.key), now.mono) {
                    self.share_denial(reading, trouble);
                }
            }
            Kind::Answered => {
                self.budgets.answered(&account, now.mono);
                self.denials.granted(&right);
            }
            Kind::NoAnswer => {}
        }
    }

    fn share_denial(&mut self, reading: &Reading, trouble: &Trouble) {
        for key in self.watchlist.of_same_right(&reading.key) {
            let Some(value) = denied(&key, trouble) else { continue };
            let lookers = self.watchlist.lookers(&key);
            let shared = Reading {
                key,
                value,
                ..reading.clone()
            };
            for shop in lookers {
                if let Some(kept) = self.shops.get_mut(&shop) {
                    kept.absorb(&shared);
                    self.mark(shop);
                }
            }
        }
    }
}

/// Whether an entry allows a promotion that the one before did not allow.
pub(crate) fn allows_anew(old: &Journal, new: &Journal) -> bool {
    let licence = |journal: &Journal| -> Option<LicenceEntry> {
        let current = journal.in_flight().filter(|m| m.phase == Phase::Promoting)?;
        current.licence.clone()
    };
    licence(new).is_some_and(|licence_now| licence(old) != Some(licence_now))
}

fn account_of(lane: &Lane) -> Account {
    match lane {
        Lane::Aws(scope) => Account::Rds(scope.clone()),
        Lane::Names(class) => Account::Route53(class.clone()),
        Lane::Cloudflare(class) => Account::Cloudflare(class.clone()),
    }
}

fn account_of_key(key: &ObjectKey) -> Option<Account> {
    match key {
        ObjectKey::Probe(_) | ObjectKey::Proof(_) | ObjectKey::Reference(_) => None,
        ObjectKey::Instance(scope, _) | ObjectKey::Parameters(scope, _) => Some(Account::Rds(scope.clone())),
        ObjectKey::Lag(scope, _) => Some(Account::CloudWatch(scope.clone())),
        ObjectKey::PoolHealth(class, _)
        | ObjectKey::Pool(class, _)
        | ObjectKey::Monitor(class, _)
        | ObjectKey::Balancer(class, _, _) => Some(Account::Cloudflare(class.clone())),
        ObjectKey::Names(class, _, _) | ObjectKey::Change(class, _) => Some(Account::Route53(class.clone())),
    }
}

fn cost_of(effect: &Effect) -> u32 {
    match effect {
        Effect::PatchBalancer { .. } => PATCH_AND_READ_BACK,
        Effect::SetReadOnly { .. }
        | Effect::Stop { .. }
        | Effect::Start { .. }
        | Effect::Tag { .. }
        | Effect::Untag { .. }
        | Effect::CopyGroup { .. }
        | Effect::CreateReplica { .. }
        | Effect::ChangeNames { .. } => 1,
    }
}

enum Kind<'a> {
    Answered,
    Throttled,
    Denied(&'a Trouble),
    NoAnswer,
}

fn kind(value: &Value) -> Kind<'_> {
    match value {
        Value::Probe(_) | Value::Proof(_) => Kind::NoAnswer,
        Value::Instance(seen) => kind_of(seen),
        Value::Lag(seen) => kind_of(seen),
        Value::Parameters(seen) => kind_of(seen),
        Value::PoolHealth(seen) => kind_of(seen),
        Value::Pool(seen) => kind_of(seen),
        Value::Monitor(seen) => kind_of(seen),
        Value::Balancer(seen) => kind_of(seen),
        Value::Names(seen) => kind_of(seen),
        Value::Change(seen) => kind_of(seen),
    }
}

fn kind_of<T>(seen: &Seen<T>) -> Kind<'_> {
    match seen {
        Seen::Present(_) | Seen::Absent => Kind::Answered,
        Seen::Silent => Kind::NoAnswer,
        Seen::Unknown(trouble) => match trouble.kind {
            TroubleKind::Throttled => Kind::Throttled,
            TroubleKind::Denied => Kind::Denied(trouble),
            TroubleKind::Clock
            | TroubleKind::ServerError
            | TroubleKind::NotTheProvider
            | TroubleKind::Malformed
            | TroubleKind::TimedOut
            | TroubleKind::Ours
            | TroubleKind::Refused => Kind::NoAnswer,
        },
    }
}

/// A denial as the value of an object; instances and metrics are asked for together anyway.
fn denied(key: &ObjectKey, trouble: &Trouble) -> Option<Value> {
    let trouble = trouble.clone();
    match key {
        ObjectKey::Probe(_)
        | ObjectKey::Proof(_)
        | ObjectKey::Reference(_)
        | ObjectKey::Instance(..)
        | ObjectKey::Lag(..) => None,
        ObjectKey::Parameters(..) => Some(Value::Parameters(Seen::Unknown(trouble))),
        ObjectKey::PoolHealth(..) => Some(Value::PoolHealth(Seen::Unknown(trouble))),
        ObjectKey::Pool(..) => Some(Value::Pool(Seen::Unknown(trouble))),
        ObjectKey::Monitor(..) => Some(Value::Monitor(Seen::Unknown(trouble))),
        ObjectKey::Balancer(..) => Some(Value::Balancer(Seen::Unknown(trouble))),
        ObjectKey::Names(..) => Some(Value::Names(Seen::Unknown(trouble))),
        ObjectKey::Change(..) => Some(Value::Change(Seen::Unknown(trouble))),
    }
}
