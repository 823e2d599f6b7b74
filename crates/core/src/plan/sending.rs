//! Look, compare, call, look: whether a step may be sent now, given what was sent before.

use super::Sight;
use crate::decision::{Effect, SentCall, Step};
use crate::outcome::Outcome;
use std::time::Duration;

/// A call that was accepted but has not shown is sent again after this.
const SHOW_PATIENCE: Duration = Duration::from_secs(20);
/// The same of what is made: a new instance or group that is not listed after this was not made.
const MADE_PATIENCE: Duration = Duration::from_secs(120);
/// First pause after a refusal; it doubles with each failure in a row.
const REFUSED_PAUSE: Duration = Duration::from_secs(15);
/// Pause after 401/403: permissions change slowly.
const DENIED_PAUSE: Duration = Duration::from_secs(60);
/// Pause after throttling, where the provider names none.
const THROTTLED_PAUSE: Duration = Duration::from_secs(10);
/// No pause is longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Whether this step may be sent: nothing of its target is in flight, its object was read since the last call, and the
/// pause after a failure is over. Promotions have their own rule, in `promoting`.
pub(super) fn may_send(sight: &Sight<'_>, step: &Step) -> bool {
    let Step::Effect(effect) = step else { return true };
    let Some(last) = last_of(sight, effect) else {
        return true;
    };
    let Some((ended, outcome)) = &last.ended else {
        return false;
    };
    let waited = sight.input.now.mono.saturating_sub(ended.mono);
    read_since(sight, effect, ended.mono) && waited >= pause(outcome, last, step)
}

/// Whether what was last read of this target shows all that was sent to it: the newest call has ended, and the object was
/// asked for after that. An older reading may still show what was before the call.
pub(super) fn is_settled(sight: &Sight<'_>, effect: &Effect) -> bool {
    last_of(sight, effect).is_none_or(|call| {
        call.ended
            .as_ref()
            .is_some_and(|(ended, _)| read_since(sight, effect, ended.mono))
    })
}

/// The newest call to the same target.
pub(super) fn last_of<'a>(sight: &Sight<'a>, effect: &Effect) -> Option<&'a SentCall> {
    sight.input.calls.iter().rev().find(|call| match &call.step {
        Step::Effect(sent) => same_target(sent, effect),
        Step::Promote(_) => false,
    })
}

/// Whether two effects change the same object, whatever they change it to.
#[must_use]
pub fn same_target(one: &Effect, other: &Effect) -> bool {
    match (one, other) {
        (Effect::SetReadOnly { scope, group, .. }, Effect::SetReadOnly { scope: s, group: g, .. }) => {
            scope == s && group == g
        }
        (
            Effect::Stop { scope, instance } | Effect::Start { scope, instance },
            Effect::Stop { scope: s, instance: i } | Effect::Start { scope: s, instance: i },
        ) => scope == s && instance == i,
        (
            Effect::Tag { arn, .. } | Effect::Untag { arn, .. },
            Effect::Tag { arn: a, .. } | Effect::Untag { arn: a, .. },
        ) => arn == a,
        (
            Effect::ChangeNames { class, zone, changes },
            Effect::ChangeNames {
                class: c,
                zone: z,
                changes: other,
            },
        ) => class == c && zone == z && !changes.is_empty() && !other.is_empty(),
        (Effect::PatchBalancer { zone, id, .. }, Effect::PatchBalancer { zone: z, id: i, .. }) => zone == z && id == i,
        (Effect::CopyGroup { scope, to, .. }, Effect::CopyGroup { scope: s, to: t, .. }) => scope == s && to == t,
        (
            Effect::CreateReplica { scope, instance, .. },
            Effect::CreateReplica {
                scope: s, instance: i, ..
            },
        ) => scope == s && instance == i,
        (
            Effect::SetReadOnly { .. }
            | Effect::Stop { .. }
            | Effect::Start { .. }
            | Effect::Tag { .. }
            | Effect::Untag { .. }
            | Effect::CopyGroup { .. }
            | Effect::CreateReplica { .. }
            | Effect::ChangeNames { .. }
            | Effect::PatchBalancer { .. },
            _,
        ) => false,
    }
}

/// Whether the object that the effect changes has been read (asked for) since then.
fn read_since(sight: &Sight<'_>, effect: &Effect, mono: Duration) -> bool {
    let actual = sight.input.actual;
    let shop = sight.input.shop;
    let side_of = |region: &str| shop.side(region);
    match effect {
        Effect::SetReadOnly { scope, group, .. } | Effect::CopyGroup { scope, to: group, .. } => side_of(&scope.region)
            .is_some_and(|side| {
                let read = actual.parameters[side]
                    .as_ref()
                    .filter(|_| actual.group(side) == Some(group));
                read.or(actual.other_groups.get(&(scope.region.clone(), group.clone())))
                    .is_some_and(|read| read.asked_after(mono))
            }),
        Effect::CreateReplica { scope, instance, .. } => actual
            .other(&scope.region, instance)
            .is_some_and(|read| read.asked_after(mono)),
        Effect::Stop { scope, instance } | Effect::Start { scope, instance } => side_of(&scope.region)
            .and_then(|side| {
                actual.instances[side]
                    .as_ref()
                    .filter(|_| shop.regions[side].instance == *instance)
            })
            .or(actual.other(&scope.region, instance))
            .is_some_and(|read| read.asked_after(mono)),
        Effect::Tag { scope, .. } | Effect::Untag { scope, .. } => side_of(&scope.region).is_some_and(|side| {
            actual.instances[side]
                .as_ref()
                .is_some_and(|read| read.asked_after(mono))
        }),
        Effect::ChangeNames { .. } => actual.names.as_ref().is_some_and(|read| read.asked_after(mono)),
        Effect::PatchBalancer { id, .. } => shop
            .balancers
            .iter()
            .position(|balancer| balancer == id)
            .and_then(|index| actual.balancers[index].as_ref())
            .is_some_and(|read| read.asked_after(mono)),
    }
}

/// No pause between two promotions of a move is longer than this: an exclusion that waits has a deadline.
const LONGEST_PROMOTION_PAUSE: Duration = Duration::from_secs(120);

/// Whether the pause after a promotion that RDS did not take is over: each one needs an entry of its own, and neither the
/// journal nor RDS is hammered.
pub(super) fn may_promote_again(sight: &Sight<'_>, number: i64) -> bool {
    let promotions = sight.input.calls.iter().rev().filter(|call| match &call.step {
        Step::Promote(promotion) => promotion.number == number,
        Step::Effect(_) => false,
    });
    let mut failed = promotions.map_while(|call| match &call.ended {
        Some((at, outcome @ (Outcome::Refused(_) | Outcome::Denied(_) | Outcome::Throttled(_)))) => Some((at, outcome)),
        Some((_, Outcome::Accepted(_) | Outcome::Ambiguous(_))) | None => None,
    });
    let Some((ended, outcome)) = failed.next() else {
        return true;
    };
    let before = u32::try_from(failed.count()).unwrap_or(u32::MAX);
    let first = match outcome {
        Outcome::Denied(_) => DENIED_PAUSE,
        Outcome::Throttled(after) => after.map_or(THROTTLED_PAUSE, |seconds| Duration::from_secs(u64::from(seconds))),
        Outcome::Refused(_) | Outcome::Accepted(_) | Outcome::Ambiguous(_) => REFUSED_PAUSE,
    };
    let pause = (first * 2u32.saturating_pow(before.min(8))).min(LONGEST_PROMOTION_PAUSE);
    sight.input.now.mono.saturating_sub(ended.mono) >= pause
}

fn makes_something(step: &Step) -> bool {
    match step {
        Step::Effect(Effect::CopyGroup { .. } | Effect::CreateReplica { .. }) => true,
        Step::Promote(_)
        | Step::Effect(
            Effect::SetReadOnly { .. }
            | Effect::Stop { .. }
            | Effect::Start { .. }
            | Effect::Tag { .. }
            | Effect::Untag { .. }
            | Effect::ChangeNames { .. }
            | Effect::PatchBalancer { .. },
        ) => false,
    }
}

fn pause(outcome: &Outcome, last: &SentCall, step: &Step) -> Duration {
    let doubled =
        |first: Duration| (first * 2u32.saturating_pow(last.failures.saturating_sub(1).min(8))).min(LONGEST_PAUSE);
    match outcome {
        // What RDS makes may be listed late, and neither call may be sent twice.
        Outcome::Accepted(_) | Outcome::Ambiguous(_) if makes_something(step) => MADE_PATIENCE,
        // The very same again: reads may show the state before it for a while, and must not use up the quota.
        Outcome::Accepted(_) if last.step == *step => SHOW_PATIENCE,
        // Something else of a name or a balancer need not wait; RDS takes its time.
        Outcome::Accepted(_) => match step {
            Step::Effect(Effect::ChangeNames { .. } | Effect::PatchBalancer { .. }) | Step::Promote(_) => {
                Duration::ZERO
            }
            // Of these only what is not listed yet comes here.
            Step::Effect(Effect::CopyGroup { .. } | Effect::CreateReplica { .. }) => MADE_PATIENCE,
            Step::Effect(
                Effect::SetReadOnly { .. }
                | Effect::Stop { .. }
                | Effect::Start { .. }
                | Effect::Tag { .. }
                | Effect::Untag { .. },
            ) => SHOW_PATIENCE,
        },
        Outcome::Ambiguous(_) => doubled(Duration::from_secs(1)),
        Outcome::Refused(_) => doubled(REFUSED_PAUSE),
        Outcome::Denied(_) => doubled(DENIED_PAUSE),
        Outcome::Throttled(after) => after.map_or(doubled(THROTTLED_PAUSE), |seconds| {
            Duration::from_secs(u64::from(seconds))
        }),
    }
}
