//! What a Storefront's status says, by name: the questions that every page asks.

use breakwater_api::conditions::Condition;
use breakwater_api::region_switch::RegionSwitch;
use breakwater_api::status::{FactStatus, NOBODY_LOOKED, StorefrontStatus};
use breakwater_api::storefront::{Region, Storefront};
use breakwater_core::journal::{JOURNAL_VERSION, Journal, Move, MoveKind, Phase};
use breakwater_core::report::reference;

/// A Storefront and its status, which may be an empty one.
pub(crate) struct Stand<'a> {
    /// The object.
    pub(crate) shop: &'a Storefront,
    /// Its status; an empty one if it has none.
    pub(crate) status: std::borrow::Cow<'a, StorefrontStatus>,
}

impl<'a> Stand<'a> {
    /// Of this Storefront.
    pub(crate) fn of(shop: &'a Storefront) -> Stand<'a> {
        let status = shop.status.as_ref().map(std::borrow::Cow::Borrowed).unwrap_or_default();
        Stand { shop, status }
    }

    /// `shops/shop-ca`.
    pub(crate) fn title(&self) -> String {
        title(self.shop)
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.shop.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its namespace.
    pub(crate) fn namespace(&self) -> &str {
        self.shop.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// Whether a controller has looked at it at all.
    pub(crate) fn was_seen(&self) -> bool {
        self.status.observed_generation != NOBODY_LOOKED
    }

    /// Whether the last edit of spec has been looked at.
    pub(crate) fn spec_was_seen(&self) -> bool {
        Some(self.status.observed_generation) == self.shop.metadata.generation
    }

    /// The version of a journal that this build does not know.
    pub(crate) fn other_journal(&self) -> Option<i32> {
        let journal = self.journal()?;
        (journal.version != JOURNAL_VERSION && *journal != Journal::default()).then_some(journal.version)
    }

    /// The journal.
    pub(crate) fn journal(&self) -> Option<&Journal> {
        self.status.journal.as_ref()
    }

    /// The move in flight.
    pub(crate) fn in_flight(&self) -> Option<&Move> {
        self.journal().and_then(Journal::in_flight)
    }

    /// The last move, when it has ended.
    pub(crate) fn last(&self) -> Option<&Move> {
        self.journal()?.current.as_ref().filter(|last| last.outcome.is_some())
    }

    /// The condition of this name.
    pub(crate) fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// Whether the condition of this name is True.
    pub(crate) fn is_true(&self, kind: &str) -> bool {
        self.condition(kind).is_some_and(|condition| condition.status == "True")
    }

    /// The vote of this name: `probe(ca-central-1)`, `link`.
    pub(crate) fn fact(&self, name: &str) -> Option<&FactStatus> {
        self.status.facts.iter().find(|fact| fact.name == name)
    }

    /// The region of this name in spec.
    pub(crate) fn region(&self, name: &str) -> Option<&'a Region> {
        self.regions().into_iter().find(|region| region.name == name)
    }

    /// Both regions of spec, the preferred one first.
    pub(crate) fn regions(&self) -> [&'a Region; 2] {
        [&self.shop.spec.regions.primary, &self.shop.spec.regions.secondary]
    }

    /// The region of spec that is not this one.
    pub(crate) fn other_region(&self, name: &str) -> &'a str {
        let [one, other] = self.regions();
        if one.name == name { &other.name } else { &one.name }
    }

    /// The command of this verb for this shop.
    pub(crate) fn command(&self, verb: &str, rest: &str) -> String {
        command(self.namespace(), verb, self.name(), rest)
    }
}

/// `shops/shop-ca`.
pub(crate) fn title(shop: &Storefront) -> String {
    let meta = &shop.metadata;
    format!(
        "{}/{}",
        meta.namespace.as_deref().unwrap_or_default(),
        meta.name.as_deref().unwrap_or_default()
    )
}

/// A command that can be pasted.
pub(crate) fn command(namespace: &str, verb: &str, object: &str, rest: &str) -> String {
    format!("kubectl storefront {verb} {object} -n {namespace} {rest}")
        .trim_end()
        .to_owned()
}

/// Name of an object that has one.
pub(crate) fn name_of(switch: &RegionSwitch) -> &str {
    switch.metadata.name.as_deref().unwrap_or_default()
}

/// Whether a request has no end yet.
pub(crate) fn is_open(switch: &RegionSwitch) -> bool {
    switch.status.as_ref().is_none_or(|status| status.outcome.is_none())
}

/// Whether it is a traffic shift that holds: open, and waiting for nothing but its time.
pub(crate) fn holds(switch: &RegionSwitch) -> bool {
    let status = switch.status.as_ref();
    status.is_some_and(|status| status.outcome.is_none() && status.phase == Some(Phase::Holding))
}

/// Whether a RegionSwitch asks for this move, or records it.
pub(crate) fn is_of(switch: &RegionSwitch, current: &Move) -> bool {
    let number = switch.status.as_ref().and_then(|status| status.number);
    let asked = current.request.as_ref().map(|request| &*request.uid);
    number == Some(current.number) || (asked.is_some() && asked == switch.metadata.uid.as_deref())
}

/// How a refusal of this name stands to a person's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binds {
    /// It binds automatic moves alone.
    Nobody,
    /// It ends by itself: a request waits for that until its `startBefore`.
    UntilItEnds,
    /// It refuses, unless overridden by its name.
    UnlessOverridden,
    /// It refuses, and nobody can override it.
    Everybody,
}

/// How the refusal of this name stands to a person's request; a name of another version binds everybody.
pub(crate) fn binds(name: &str) -> Binds {
    let entries = reference::refusals();
    let Some(entry) = entries.iter().find(|entry| entry.said.name == name) else {
        return Binds::Everybody;
    };
    if entry.automatic_alone {
        Binds::Nobody
    } else if entry.ends_by_itself {
        Binds::UntilItEnds
    } else if entry.overridable {
        Binds::UnlessOverridden
    } else {
        Binds::Everybody
    }
}

/// A type of move in a sentence.
pub(crate) fn kind_name(kind: MoveKind) -> &'static str {
    match kind {
        MoveKind::Failover => "Failover",
        MoveKind::Switchover => "Switchover",
        MoveKind::TrafficShift => "TrafficShift",
        MoveKind::Drill => "Drill",
        MoveKind::Adopt => "Adopt",
    }
}

/// Whether a move in this phase can no longer be undone.
pub(crate) fn no_way_back(phase: Phase) -> bool {
    match phase {
        Phase::Requested | Phase::Preparing | Phase::Excluding | Phase::Holding => false,
        Phase::Promoting | Phase::Repointing | Phase::Verifying => true,
    }
}
