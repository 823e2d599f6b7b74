//! A planned move: the old writer refuses writes, the replica holds everything, only then it is promoted.

use super::{Sight, block, fence, forecast, phases, sending};
use crate::decision::{Effect, SentCall, Step};
use crate::facts::{Facts, InstanceVote, LinkVote};
use crate::journal::{DrainBy, Journal, Move, MoveKind, ObligationKind, Phase, WriteStop};
use crate::outcome::Outcome;
use crate::refusal::Blocker;
use crate::request::{Awaited, Request};
use crate::side::Side;
use crate::time::after;
use jiff::Timestamp;
use std::time::Duration;

/// How long the shop may be without writes before the promotion, where the requester does not say.
const WRITE_STOP: Duration = Duration::from_secs(300);
/// The same where lag samples show it, which come once a minute and one to two minutes late.
const WRITE_STOP_BY_LAG: Duration = Duration::from_secs(600);
/// So many samples without lag: a link that is silently dead shows none for 60 s.
const ZERO_LAGS: usize = 3;

/// What prevents it: a person ends that first, or asks for a Failover.
pub(super) fn blocked(sight: &Sight<'_>) -> Vec<Blocker> {
    let forecast = forecast::forecast(sight);
    let mut blockers = block::blockers(sight, forecast.as_ref());
    blockers.retain(|blocker| blocker.prevents_switchover() && !passes(blocker));
    blockers
}

/// A routine state of the standby ends by itself.
fn passes(blocker: &Blocker) -> bool {
    matches!(blocker, Blocker::StandbyBusy(InstanceVote::Routine))
}

/// What it needs and does not have yet.
pub(super) fn awaits(facts: &Facts) -> Option<Awaited> {
    if facts.a.instance.value != InstanceVote::Available {
        Some(Awaited::WriterAvailable)
    } else if facts.b.instance.value != InstanceVote::Available {
        Some(Awaited::StandbyAvailable)
    } else {
        (facts.link.value != LinkVote::Flowing).then_some(Awaited::LinkFlowing)
    }
}

/// How this one will show that nothing is lost, and within what time.
pub(super) fn write_stop(sight: &Sight<'_>, request: &Request) -> WriteStop {
    let (by, usual) = if sight.input.evidence.tells_executed() {
        (DrainBy::Gtid, WRITE_STOP)
    } else {
        (DrainBy::Lag, WRITE_STOP_BY_LAG)
    };
    let at_most = request.max_write_stop.unwrap_or(usual);
    WriteStop {
        by,
        at_most_seconds: i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX),
        since: None,
        drained_at: None,
    }
}

/// The write stop begins with Preparing, and bounds every phase until the promotion is allowed.
pub(super) fn bound(sight: &Sight<'_>, journal: &mut Journal) {
    let now = sight.input.now.wall;
    let Some(current) = journal.current.as_mut().filter(|m| m.kind == MoveKind::Switchover) else {
        return;
    };
    let Some(stop) = current.write_stop.as_mut().filter(|_| current.phase < Phase::Promoting) else {
        return;
    };
    let begun = *stop.since.get_or_insert(now);
    let at_most = Duration::from_secs(u64::try_from(stop.at_most_seconds).unwrap_or(0));
    let until = after(begun, at_most);
    let earlier = current.deadline.filter(|_| current.phase == Phase::Excluding);
    current.deadline = Some(earlier.map_or(until, |phase| phase.min(until)));
}

/// How far the write stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drain {
    /// The parameter group does not say `read_only=1` yet, or not on the instance.
    NotApplied,
    /// The application's own writes are not seen to be refused.
    NotRefused,
    /// The replica is not seen to hold everything.
    Behind,
    /// It holds everything.
    Done,
}

/// How far it has come, as of now: what was so a moment ago counts for nothing.
pub(super) fn drain(sight: &Sight<'_>, current: &Move) -> Drain {
    let (Some(stop), Some(side)) = (&current.write_stop, sight.input.shop.side(&current.from)) else {
        return Drain::NotApplied;
    };
    let Some(applied) = applied_since(sight, side) else {
        return Drain::NotApplied;
    };
    let (input, evidence) = (sight.input, sight.input.evidence);
    let told = input.shop.regions[side].proof.is_some();
    if told && !evidence.proof_of_fence(side, input.now, input.shop) {
        return Drain::NotRefused;
    }
    let flows = sight
        .facts
        .as_ref()
        .is_some_and(|facts| facts.link.value == LinkVote::Flowing);
    let done = match stop.by {
        DrainBy::Gtid => evidence.is_drained(side, applied),
        DrainBy::Lag => flows && evidence.zero_lags_after(side.other(), applied) >= ZERO_LAGS,
    };
    if done { Drain::Done } else { Drain::Behind }
}

/// Since when (wall time) the old writer's group has said `read_only=1` and the instance has been in sync with it, by
/// readings after our call.
fn applied_since(sight: &Sight<'_>, side: Side) -> Option<Timestamp> {
    if !fence::reads_read_only(sight, side) || !fence::parameters_settled(sight, side) {
        return None;
    }
    let group = sight.input.actual.parameters[side].as_ref()?.since;
    let instance = sight.input.actual.instances[side].as_ref()?;
    let in_sync = instance.present()?.group_in_sync && instance.asked_after(group.mono);
    in_sync.then_some(group.wall.max(instance.since.wall))
}

/// Preparing ends when nothing is written any more and the replica holds everything, by a fresh round.
pub(super) fn prepared(sight: &Sight<'_>, current: &Move) -> Option<Journal> {
    let facts = sight.facts.as_ref()?;
    let begun = current.write_stop.as_ref()?.since?;
    let ready = phases::round_after(facts, begun) && phases::agrees(sight, current);
    if !ready || drain(sight, current) != Drain::Done {
        return None;
    }
    let mut drained = current.clone();
    if let Some(stop) = &mut drained.write_stop {
        stop.drained_at = Some(sight.input.now.wall);
    }
    Some(super::excluding::begin(sight, &drained))
}

/// Whether the promotion may be allowed as far as the write stop goes; always, where nothing was planned.
pub(super) fn holds_everything(sight: &Sight<'_>, current: &Move) -> bool {
    current.kind != MoveKind::Switchover || drain(sight, current) == Drain::Done
}

/// Why a planned move is rolled back now, in words; its deadline is asked by the caller.
pub(super) fn stopped_by(sight: &Sight<'_>, current: &Move) -> Option<&'static str> {
    if current.kind != MoveKind::Switchover {
        return None;
    }
    let owed = |kind| {
        sight
            .input
            .journal
            .obligations
            .iter()
            .any(|o| o.kind == kind && o.number == current.number)
    };
    if current.phase == Phase::Preparing && !owed(ObligationKind::Unfence) {
        return Some("the old writer's parameter group can no longer be its fence");
    }
    match refused_call(sight, current)? {
        Outcome::Denied(_) => Some("RDS denied rds:ModifyDBParameterGroup: the old writer could not be made read-only"),
        Outcome::Refused(_) => Some("RDS refused read_only=1 for the old writer"),
        Outcome::Accepted(_) | Outcome::Ambiguous(_) | Outcome::Throttled(_) => None,
    }
}

/// How the newest call of this move ended that makes the old writer read-only.
fn refused_call<'a>(sight: &Sight<'a>, current: &Move) -> Option<&'a Outcome> {
    let side = sight.input.shop.side(&current.from)?;
    let view = sight.input.actual.instance(side)?;
    let effect = Effect::SetReadOnly {
        scope: sight.input.shop.scope(side),
        group: view.group.clone(),
        on: true,
    };
    let call: &SentCall = sending::last_of(sight, &effect)?;
    let ours = call.step == Step::Effect(effect) && call.at.wall >= current.since;
    call.ended.as_ref().filter(|_| ours).map(|(_, outcome)| outcome)
}

/// What a planned move was waiting for when its time was over.
pub(super) fn ran_out(sight: &Sight<'_>, current: &Move) -> &'static str {
    match (current.phase, drain(sight, current)) {
        (Phase::Excluding, Drain::Done) => {
            "the write stop ran out before the load balancers were read back without the old region"
        }
        (_, Drain::NotApplied) => "the write stop ran out before read_only=1 was in force on the old writer",
        (_, Drain::NotRefused) => {
            "the write stop ran out and the old writer was never seen to refuse the application's writes"
        }
        (_, Drain::Behind) => "the write stop ran out before the replica was seen to hold everything",
        (_, Drain::Done) => "the write stop ran out before a fresh round of evidence agreed",
    }
}
