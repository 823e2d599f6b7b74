//! One shop as the engine keeps it.

use crate::call::{Lane, Licence, Written};
use crate::port::{Kept, Status, Ticket, Version};
use crate::queue::Rank;
use breakwater_core::Text;
use breakwater_core::actual::Actual;
use breakwater_core::decision::{Look, Missing, SentCall, Step};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::evidence::Evidence;
use breakwater_core::facts::Fleet;
use breakwater_core::journal::{JOURNAL_VERSION, Journal, Phase, Shift};
use breakwater_core::outcome::Outcome;
use breakwater_core::pacing::Turn;
use breakwater_core::places::{Places, in_force, is_about};
use breakwater_core::plan::Input;
use breakwater_core::reading::{Cause, ObjectKey, Reading, Value};
use breakwater_core::report::Visible;
use breakwater_core::request::Request;
use breakwater_core::shop::Shop;
use breakwater_core::side::Side;
use breakwater_core::time::Now;
use std::time::Duration;

/// Calls that are remembered: enough for every target of a move, and for what was sent before.
const CALLS_REMEMBERED: usize = 96;

#[derive(Debug)]
pub(crate) struct KeptShop {
    /// The newest object, as parsed.
    spec: Shop,
    /// What is worked on: the spec, or what the journal is about while an edit of it waits.
    pub(crate) shop: Shop,
    pub(crate) evidence: Evidence,
    pub(crate) actual: Actual,
    /// The last entry that the store has confirmed.
    pub(crate) journal: Journal,
    pub(crate) version: Version,
    pub(crate) calls: Vec<SentCall>,
    tickets: Vec<Ticket>,
    pub(crate) licence: Option<Licence>,
    pub(crate) writing: Writing,
    /// When (monotonic) the object was last read from the API server itself.
    pub(crate) read_at: Option<Duration>,
    /// No write before this (monotonic), after one that was refused.
    pub(crate) write_pause: Option<Duration>,
    /// The API server prunes what we write: no call at all.
    pub(crate) pruned: bool,
    /// The API server refuses our writes, and people were told.
    pub(crate) refused: bool,
    /// What the API server was left with then, until that has been told in status.
    pub(crate) left_pruned: Option<Kept>,
    /// What the nearest promotion lacks, as last planned.
    pub(crate) missing: Vec<Missing>,
    pub(crate) looks: Vec<Look>,
    /// The rank in which its looks stand in the watchlist, if it was its turn.
    pub(crate) called: Option<Rank>,
    /// What the queue of its class granted it when it was planned last.
    pub(crate) turn: Turn,
    /// The request whose answer is behind what is done now.
    pub(crate) cause: Cause,
    pub(crate) visible: Option<Visible>,
    /// When a change of what people see is written at the latest (monotonic).
    pub(crate) report_due: Option<Duration>,
    pub(crate) diagnosis: Option<Diagnosis>,
    /// Whether it has been told that a routine state lasts too long.
    pub(crate) routine_too_long: bool,
    pub(crate) recorded: Option<(i64, Phase, bool, bool)>,
    pub(crate) recorded_shift: Option<Shift>,
    pub(crate) released: bool,
    pub(crate) wake: Option<Duration>,
}

/// Where the write of a status stands. There is one writer, and one write at a time.
#[derive(Debug)]
pub(crate) enum Writing {
    /// The journal must be read from the API server before anything else; what was sent before and may have been written.
    MustRead(Option<Box<Status>>),
    /// It is being read; what was sent before and may have been written.
    Reading(Ticket, Option<Box<Status>>),
    /// Nothing is under way.
    Idle,
    /// This status is being written.
    Storing(Ticket, Box<Status>, Cause),
}

impl KeptShop {
    /// Whether an entry is being written, or may have been: then nobody knows yet what should hold.
    pub(crate) fn writes_entry(&self) -> bool {
        match &self.writing {
            Writing::Storing(_, status, _) => status.journal != self.journal,
            Writing::Idle => false,
            Writing::MustRead(_) | Writing::Reading(..) => true,
        }
    }

    pub(crate) fn new(shop: Shop, kept: Kept) -> Self {
        let journal = kept.journal.unwrap_or_default();
        let spec = shop;
        let shop = in_force(&spec, None, &journal);
        KeptShop {
            spec,
            evidence: Evidence::new(&shop, journal.ever_up.clone()),
            actual: Actual::new(&shop),
            shop,
            journal,
            version: kept.version,
            calls: Vec::new(),
            tickets: Vec::new(),
            licence: None,
            writing: Writing::MustRead(None),
            read_at: None,
            write_pause: None,
            pruned: false,
            refused: false,
            left_pruned: None,
            missing: Vec::new(),
            looks: Vec::new(),
            called: None,
            turn: Turn::AtEase,
            cause: Cause::default(),
            visible: None,
            report_due: None,
            diagnosis: None,
            routine_too_long: false,
            recorded: None,
            recorded_shift: None,
            released: false,
            wake: None,
        }
    }

    /// A newer object of the same shop.
    pub(crate) fn update(&mut self, shop: Shop, kept: Kept) {
        let same_journal = kept.journal.clone().unwrap_or_default() == self.journal;
        if same_journal && matches!(self.writing, Writing::Idle) {
            self.version = kept.version;
        }
        self.spec = shop;
        self.refit();
    }

    /// Works on what the spec lists now, or on what it listed before while that is under way. New identities begin with
    /// empty windows; regions that only changed places keep what was seen of them.
    fn refit(&mut self) {
        let shop = in_force(&self.spec, Some(&self.shop), &self.journal);
        let names = |shop: &Shop| [Side::Primary, Side::Secondary].map(|side| shop.regions[side].name.clone());
        let ([one, other], [now_one, now_other]) = (names(&self.shop), names(&shop));
        if (&one, &other) == (&now_other, &now_one) && one != other {
            self.shop.regions.swap();
            self.evidence.swap_sides();
            self.actual.swap_sides();
        }
        let same_order = self.shop.balancers == shop.balancers && names(&self.shop) == names(&shop);
        succeed(&mut self.shop, &shop, &mut self.evidence, &mut self.actual);
        if same_order && Places::of(&self.shop).are_those_of(&shop) {
            self.evidence.relist(&self.shop, &shop);
        } else {
            self.evidence = Evidence::new(&shop, self.journal.ever_up.clone());
            self.evidence.remember(&shop, &self.journal);
            self.actual = Actual::new(&shop);
        }
        self.shop = shop;
    }

    /// What an entry makes of the shop that puts a rebuilt standby in its place: its report has to be true once it stands.
    pub(crate) fn foresee(&self, journal: &Journal) -> Option<(Shop, Evidence, Actual)> {
        (journal.instances != self.journal.instances).then(|| {
            let shop = in_force(&self.spec, Some(&self.shop), journal);
            let (mut evidence, mut actual) = (self.evidence.clone(), self.actual.clone());
            succeed(&mut self.shop.clone(), &shop, &mut evidence, &mut actual);
            (shop, evidence, actual)
        })
    }

    pub(crate) fn absorb(&mut self, reading: &Reading) {
        self.actual.absorb(reading, &self.shop);
        self.evidence.absorb(reading, &self.shop);
        self.cause = reading.cause;
    }

    pub(crate) fn input<'a>(&'a self, now: Now, me: &'a Text, fleet: &'a Fleet, requests: &'a [Request]) -> Input<'a> {
        Input {
            now,
            me,
            shop: &self.shop,
            evidence: &self.evidence,
            actual: &self.actual,
            journal: &self.journal,
            fleet,
            calls: &self.calls,
            requests,
            turn: self.turn,
        }
    }

    /// Takes a journal that the store has confirmed. A licence in it that this process wrote becomes usable, once.
    pub(crate) fn confirm(&mut self, journal: Journal, version: Version, wrote_it: bool, me: &Text) {
        if wrote_it
            && let Some(current) = journal.in_flight()
            && let Some(entry) = &current.licence
            && current.phase == Phase::Promoting
            && entry.by == *me
            && self.journal.in_flight().and_then(|old| old.licence.as_ref()) != Some(entry)
        {
            self.licence = Some(Licence::new(Written::new(current.number, current.to.clone(), entry.at)));
        }
        if !wrote_it {
            self.evidence.remember(&self.shop, &journal);
        }
        let others = self.journal.instances != journal.instances;
        self.journal = journal;
        self.version = version;
        // What the edit waited for may be over, this journal may be about something else, or a standby was rebuilt.
        if self.shop.edit_waits || others || !is_about(&self.journal, &self.spec) {
            self.refit();
        }
    }

    /// Whether this binary knows the journal's form.
    pub(crate) fn knows_journal(&self) -> bool {
        self.journal.version == JOURNAL_VERSION || self.journal == Journal::default()
    }

    /// Whether a call of this shop is in flight in this lane.
    pub(crate) fn lane_busy(&self, lane: &Lane) -> bool {
        self.calls
            .iter()
            .any(|call| call.ended.is_none() && Lane::of_step(&call.step) == *lane)
    }

    pub(crate) fn sent(&mut self, ticket: Ticket, step: Step, at: Now) {
        let failures = self.failures_before(&step);
        self.calls.push(SentCall {
            step,
            at,
            ended: None,
            failures,
        });
        self.tickets.push(ticket);
        if self.calls.len() > CALLS_REMEMBERED
            && let Some(oldest) = self.calls.iter().position(|call| match call.step {
                Step::Promote(_) => false,
                Step::Effect(_) => call.ended.is_some(),
            })
        {
            self.calls.remove(oldest);
            self.tickets.remove(oldest);
        }
    }

    fn failures_before(&self, step: &Step) -> u32 {
        let Step::Effect(effect) = step else { return 0 };
        let last = self.calls.iter().rev().find(|call| match &call.step {
            Step::Effect(sent) => breakwater_core::plan::same_target(sent, effect),
            Step::Promote(_) => false,
        });
        match last.map(|call| (&call.ended, call.failures)) {
            Some((Some((_, Outcome::Accepted(_))), _)) | None => 0,
            Some((_, failures)) => failures,
        }
    }

    pub(crate) fn call_done(&mut self, ticket: Ticket, at: Now, outcome: Outcome) {
        let Some(index) = self.tickets.iter().position(|known| *known == ticket) else {
            return;
        };
        let call = &mut self.calls[index];
        if !matches!(outcome, Outcome::Accepted(_)) {
            call.failures += 1;
        }
        call.ended = Some((at, outcome));
    }

    /// What was sent under this ticket.
    pub(crate) fn step_of(&self, ticket: Ticket) -> Option<&Step> {
        let index = self.tickets.iter().position(|known| *known == ticket)?;
        self.calls.get(index).map(|call| &call.step)
    }

    pub(crate) fn has_call(&self, ticket: Ticket) -> bool {
        self.tickets.contains(&ticket)
    }
}

/// A rebuilt standby takes its place: what was read of it goes with it, and all else stays as it was seen.
fn succeed(now: &mut Shop, then: &Shop, evidence: &mut Evidence, actual: &mut Actual) {
    for side in [Side::Primary, Side::Secondary] {
        let (region, successor) = (&mut now.regions[side], &then.regions[side]);
        if !then.succeeded[side] || region.name != successor.name || region.instance == successor.instance {
            continue;
        }
        let before = std::mem::replace(&mut region.instance, successor.instance.clone());
        actual.succeed(side, &before, then);
        evidence.succeed(side, then);
        if let Some(read) = &actual.instances[side] {
            let reading = Reading {
                key: ObjectKey::Instance(then.scope(side), successor.instance.clone()),
                at: read.at,
                asked: read.asked,
                cause: read.cause,
                value: Value::Instance(read.seen.clone()),
            };
            evidence.absorb(&reading, then);
        }
    }
}
