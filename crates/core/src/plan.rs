//! The plan: from what is known to what comes next. A table of contents; each step has its own file.

mod adopt;
mod adopt_by_request;
mod approval;
mod asked;
mod begin;
mod block;
mod bookkeep;
mod contested;
mod excluding;
mod fence;
mod forecast;
mod held;
mod leave;
mod look;
mod missing;
#[cfg(test)]
mod missing_tests;
mod moved;
mod name;
mod phases;
mod promoting;
mod rebuild;
mod refuse;
mod risk;
mod rollback;
mod sending;
mod shift;
mod standing;
mod standpoint;
mod switchover;
mod traffic;
mod turn;
mod wait;

pub(crate) use adopt::absent;
pub use forecast::{Basis, Forecast, Range, Verdict};
pub use promoting::LICENCE_LASTS;
pub(crate) use refuse::STANDBY_DOWN_BEFORE;
pub use sending::same_target;
pub(crate) use traffic::could_take_users;

use crate::Text;
use crate::actual::Actual;
use crate::decision::{Decision, LevelState, Levels, Next, SentCall, Step};
use crate::diagnose::diagnose;
use crate::diagnosis::Diagnosis;
use crate::evidence::Evidence;
use crate::facts::{Facts, Fleet};
use crate::journal::Journal;
use crate::pacing::Turn;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::shop::{Mode, Shop};
use crate::side::Side;
use crate::time::Now;
use std::time::Duration;

/// All that `plan` may look at.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The instant.
    pub now: Now,
    /// This process: the holder of licences that it wrote itself.
    pub me: &'a Text,
    /// The shop.
    pub shop: &'a Shop,
    /// What readings have shown.
    pub evidence: &'a Evidence,
    /// The world as last read.
    pub actual: &'a Actual,
    /// What was decided: the last entry that the store has confirmed.
    pub journal: &'a Journal,
    /// What concerns all shops.
    pub fleet: &'a Fleet,
    /// What this process has sent for this shop.
    pub calls: &'a [SentCall],
    /// Requests that have not ended, oldest first.
    pub requests: &'a [Request],
    /// What the queue of its class grants it now.
    pub turn: Turn,
}

/// What the parts of a plan share: the input, and what follows from it alone.
struct Sight<'a> {
    input: &'a Input<'a>,
    /// The active side: adopted, or (in Observe) as the replica names it.
    active: Option<Side>,
    facts: Option<Facts>,
    diagnosis: Diagnosis,
    refusals: Vec<Refusal>,
}

/// What comes next for one shop.
#[must_use]
pub fn plan(input: &Input<'_>) -> Decision {
    let active = standpoint::active(input);
    let facts = active.map(|side| standpoint::facts(input, side));
    let diagnosis = facts
        .as_ref()
        .map_or(Diagnosis::Inconclusive, |facts| diagnose(facts, input.fleet));
    let mut sight = Sight {
        input,
        active,
        facts,
        diagnosis,
        refusals: Vec::new(),
    };
    sight.refusals = refuse::refusals(&sight);
    let forecast = forecast::forecast(&sight);
    let blockers = block::blockers(&sight, forecast.as_ref());
    let missing = missing::missing(&sight);
    let answers = asked::answers(&sight);
    let levels = levels(&sight);
    let look = look::look(&sight);
    let attention = turn::attention(&sight);
    let next = next(&sight, levels);
    let wake = Some(
        input.now.mono
            + if input.journal.in_flight().is_some() {
                A_SECOND
            } else {
                input.shop.policy.interval
            },
    );
    let contests = contested::contests(&sight);
    let routine_too_long = held::routine_too_long(&sight);
    let rebuilding = rebuild::progress(&sight);
    Decision {
        diagnosis: sight.diagnosis,
        facts: sight.facts,
        refusals: sight.refusals,
        blockers,
        missing,
        answers,
        forecast,
        levels,
        next,
        look,
        attention,
        wake,
        contests,
        routine_too_long,
        rebuilding,
    }
}

/// Stands for the owner where a TXT record is in our place that is not of our form.
pub(crate) const UNREADABLE_OWNER: &str = "(unreadable)";

const A_SECOND: Duration = Duration::from_secs(1);

/// First what must be written, then what must be sent, then what is awaited.
fn next(sight: &Sight<'_>, levels: Levels) -> Next {
    if leave::may_release(sight) {
        return Next::Release;
    }
    if let Some(journal) = entry(sight) {
        return Next::Record(Box::new(journal));
    }
    let steps = steps(sight);
    if !steps.is_empty() {
        return Next::Act(steps);
    }
    wait::wait(sight, levels).map_or(Next::Idle, Next::Wait)
}

/// The next entry of the journal, if one is due: the first of these that applies.
fn entry(sight: &Sight<'_>) -> Option<Journal> {
    if sight.input.shop.deleting {
        let due = leave::entry(sight).or_else(|| shift::left(sight));
        return due.map(|due| bookkeep::signed(sight, due));
    }
    if let Some(anew) = adopt_by_request::entry(sight).or_else(|| adopt::entry(sight)) {
        return Some(bookkeep::signed(sight, anew));
    }
    if adopt::seems_old(sight) || adopt::may_be_old(sight) {
        return None;
    }
    let due = phases::entry(sight)
        .or_else(|| moved::entry(sight))
        .or_else(|| fence::entry(sight))
        .or_else(|| shift::entry(sight))
        .or_else(|| asked::entry(sight))
        .or_else(|| begin::entry(sight))
        .or_else(|| traffic::entry(sight))
        .or_else(|| contested::entry(sight))
        .or_else(|| rebuild::entry(sight))
        .or_else(|| bookkeep::entry(sight))?;
    Some(bookkeep::signed(sight, due))
}

/// What should be sent now. A suspended shop, one that only observes, and one that another owns send nothing.
fn steps(sight: &Sight<'_>) -> Vec<Step> {
    if leave::is_under_way(sight) {
        let mut steps = leave::steps(sight);
        steps.retain(|step| sending::may_send(sight, step));
        return steps;
    }
    // Before Route 53 has been asked once nobody knows whether the journal is an old one; if it does not answer, the
    // journal counts.
    if adopt::seems_old(sight) || sight.input.actual.names.is_none() {
        return Vec::new();
    }
    if !sight.may_touch() {
        // Mode Observe carries out the order of pools that a person asked for, and nothing else.
        let mut steps = if sight.may_order() && !moved::stops_everything(sight) {
            traffic::steps(sight)
        } else {
            Vec::new()
        };
        steps.retain(|step| sending::may_send(sight, step));
        return steps;
    }
    let mut steps = Vec::new();
    // Nor before both instances have been asked: a journal from before a promotion would give its users and traces away.
    let asked = Side::BOTH
        .into_iter()
        .all(|side| sight.input.actual.instances[side].is_some());
    let adopting = sight.input.journal.active_region.is_none();
    if (asked || adopting) && !moved::stops_everything(sight) {
        steps.extend(promoting::step(sight));
        steps.extend(traffic::steps(sight));
        steps.extend(name::steps(sight));
    }
    steps.extend(fence::steps(sight));
    steps.extend(rebuild::steps(sight));
    steps.retain(|step| sending::may_send(sight, step));
    steps
}

fn levels(sight: &Sight<'_>) -> Levels {
    Levels {
        traffic: traffic::state(sight),
        name: name::state(sight),
        fence: fence::state(sight),
    }
}

impl Sight<'_> {
    /// Whether anything may be sent at all.
    fn may_touch(&self) -> bool {
        !self.only_observes() && !self.input.shop.suspended && self.foreign_owner().is_none()
    }

    /// Whether the order of pools may be set: a person's traffic shift is carried out in every mode.
    fn may_order(&self) -> bool {
        let stopped = self.input.shop.suspended || self.foreign_owner().is_some();
        !stopped && (!self.only_observes() || shift::is_enforced(self.input.journal))
    }

    /// Mode Observe touches nothing, except for what a person asked for, and what undoes or completes what we did before.
    fn only_observes(&self) -> bool {
        self.input.shop.policy.mode == Mode::Observe && !standing::stands(self)
    }

    /// The other owner that a TXT or, before an adoption, a tag names.
    fn foreign_owner(&self) -> Option<Text> {
        self.foreign_record()
            .or_else(|| self.tagged_owners().find(|owner| self.is_foreign(owner)))
    }

    /// The owner that another's TXT names, unless a person has put us in its place. A TXT that cannot be read is not ours
    /// either: it may be of a newer form, or somebody else's altogether.
    fn foreign_record(&self) -> Option<Text> {
        let named = match &self.input.actual.owner {
            Some(record) => Some(record.owner.clone()),
            None => self
                .input
                .actual
                .names()
                .filter(|names| names.txt.is_some())
                .map(|_| UNREADABLE_OWNER.into()),
        };
        named.filter(|owner| self.is_foreign(owner))
    }

    fn is_foreign(&self, owner: &Text) -> bool {
        *owner != self.input.shop.owner && self.input.journal.takes_over.as_ref() != Some(owner)
    }

    /// Whose tags the instances bear, while nothing is adopted: a record of one's own gives nobody another shop's database.
    fn tagged_owners(&self) -> impl Iterator<Item = Text> {
        let adopted = self.input.journal.active_region.is_some();
        Side::BOTH
            .into_iter()
            .filter(move |_| !adopted)
            .filter_map(|side| self.input.actual.instance(side)?.tag_owner.clone())
    }

    fn region(&self, side: Side) -> &Text {
        &self.input.shop.regions[side].name
    }

    /// The side that an entry of the journal names.
    fn side(&self, region: Option<&Text>) -> Option<Side> {
        self.input.shop.side(region?)
    }

    /// Whether every level that is known holds.
    fn all_hold(levels: Levels) -> bool {
        [levels.traffic, levels.name, levels.fence]
            .into_iter()
            .all(|level| level == LevelState::Holds)
    }
}
