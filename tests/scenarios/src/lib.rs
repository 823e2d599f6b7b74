//! What the scenarios share: shops that have been adopted, a region that dies, and questions about what happened.
//!
//! The scenarios themselves are tests of this package, one file for each thing that can happen.

pub mod night;
pub mod soak;

use breakwater_checkers::{Unreadable, Violation};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::journal::{Journal, MoveOutcome, ObligationKind, Phase};
use breakwater_rig::{Options, Rig};
use breakwater_sim::ledger::{Call, Effect, What};
use breakwater_sim::{Fault, FaultId, Meta, Request, Setup, ShopGlance, Vantage};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// The region that dies; shop-ca and shop-geo prefer it, shop-west has its standby there.
pub const EAST: &str = "ca-central-1";
/// The other one.
pub const WEST: &str = "us-west-2";

/// So many seconds.
#[must_use]
pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// So many minutes.
#[must_use]
pub const fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// So many hours.
#[must_use]
pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(3600 * n)
}

/// One shop of the demo alone, with few shoppers and no record of reads: for runs by the hundred.
#[must_use]
pub fn only(shop: &str) -> Setup {
    let mut setup = Setup::demo();
    setup.shops.retain(|own| own.name == shop);
    for own in &mut setup.shops {
        own.orders_per_second = 0.5;
        own.jobs_per_minute = 2.0;
    }
    setup.keep_reads = false;
    setup
}

/// A rig in which regions are welcome back after four minutes instead of ten: for runs by the hundred.
#[must_use]
pub fn hurried(setup: Setup, seed: u64) -> Rig {
    let mut rig = Rig::new(setup, seed, &Options::default());
    for shop in shops(&rig) {
        let key = rig.key(&shop);
        rig.edit(&key, |shop| shop.policy.return_after = minutes(4));
    }
    rig
}

/// A rig whose shops have all been adopted and could move.
///
/// # Panics
/// If they are not after a quarter of an hour.
#[must_use]
pub fn adopted(setup: Setup, seed: u64) -> Rig {
    let mut rig = Rig::new(setup, seed, &Options::default());
    settle(&mut rig);
    rig
}

/// Lets time pass until every shop has been adopted and could move, and a minute more.
///
/// # Panics
/// If that does not come about within a quarter of an hour.
pub fn settle(rig: &mut Rig) {
    let names = shops(rig);
    let ready = |rig: &Rig| {
        names.iter().all(|name| {
            stored(rig, name).is_some_and(|journal| journal.active_region.is_some())
                && ["Ready", "StandbyReady"]
                    .iter()
                    .all(|kind| condition(rig, name, kind) == "True")
        })
    };
    assert!(rig.run_until(minutes(15), ready), "every shop is ready on a quiet day");
    rig.run_for(minutes(1));
}

/// The names of the shops.
#[must_use]
pub fn shops(rig: &Rig) -> Vec<String> {
    rig.world.setup().shops.iter().map(|shop| shop.name.clone()).collect()
}

/// The eastern region dies.
pub fn east_dies(rig: &mut Rig) -> FaultId {
    rig.inject(Fault::RegionDown {
        region: EAST.into(),
        names_vanish: false,
    })
}

/// The journal of a shop; an empty one before there is any.
#[must_use]
pub fn journal(rig: &Rig, shop: &str) -> Journal {
    stored(rig, shop).cloned().unwrap_or_default()
}

/// The journal of a shop as stored: asked at every step of a run, so it is not copied.
fn stored<'a>(rig: &'a Rig, shop: &str) -> Option<&'a Journal> {
    rig.journal(&rig.key(shop))
}

/// The diagnosis that a shop's status shows.
#[must_use]
pub fn diagnosis(rig: &Rig, shop: &str) -> Option<Diagnosis> {
    rig.status(&rig.key(shop)).map(|status| status.report.diagnosis)
}

/// `True`, `False` or `Unknown`; empty before there is a status.
#[must_use]
pub fn condition(rig: &Rig, shop: &str, kind: &str) -> &'static str {
    let status = rig.status(&rig.key(shop));
    let conditions = status.into_iter().flat_map(|status| &status.report.conditions);
    let found = conditions.into_iter().find(|condition| condition.kind == kind);
    found.map_or("", |condition| condition.status.name())
}

/// Reason and message of a condition; empty before there is a status.
#[must_use]
pub fn explained(rig: &Rig, shop: &str, kind: &str) -> (&'static str, String) {
    let status = rig.status(&rig.key(shop));
    let conditions = status.into_iter().flat_map(|status| &status.report.conditions);
    let found = conditions.into_iter().find(|condition| condition.kind == kind);
    found.map_or(("", String::new()), |condition| {
        (condition.reason, condition.message.to_string())
    })
}

/// The refusals that a shop's status shows.
#[must_use]
pub fn refusals(rig: &Rig, shop: &str) -> Vec<&'static str> {
    let status = rig.status(&rig.key(shop));
    let refusals = status.into_iter().flat_map(|status| &status.report.refusals);
    refusals.map(|refusal| refusal.name).collect()
}

/// The blockers that a shop's status shows.
#[must_use]
pub fn blockers(rig: &Rig, shop: &str) -> Vec<&'static str> {
    let status = rig.status(&rig.key(shop));
    let blockers = status.into_iter().flat_map(|status| &status.report.blockers);
    blockers.map(|blocker| blocker.name).collect()
}

/// The phase of the move in flight.
#[must_use]
pub fn phase(rig: &Rig, shop: &str) -> Option<Phase> {
    Some(stored(rig, shop)?.in_flight()?.phase)
}

/// How the last move ended.
#[must_use]
pub fn outcome(rig: &Rig, shop: &str) -> Option<MoveOutcome> {
    stored(rig, shop)?.current.as_ref()?.outcome
}

/// Whether a shop has moved west, and the move is over.
#[must_use]
pub fn has_moved(rig: &Rig, shop: &str) -> bool {
    outcome(rig, shop) == Some(MoveOutcome::Completed)
        && stored(rig, shop).is_some_and(|journal| journal.active_region.as_deref() == Some(WEST))
}

/// Whether nothing is owed that a fence needs, and no region is excluded any more.
#[must_use]
pub fn is_whole(rig: &Rig, shop: &str) -> bool {
    stored(rig, shop).is_some_and(|journal| {
        journal.excluded.is_none()
            && journal.saved_steering.is_empty()
            && journal.owes(ObligationKind::FenceFormerWriter).is_none()
            && journal.owes(ObligationKind::Unfence).is_none()
    })
}

/// The calls of the controller since a time, with their times.
#[must_use]
pub fn calls_since(rig: &Rig, since: i64) -> Vec<(i64, &Call)> {
    let calls = rig.world.ledger().calls();
    calls
        .filter(|(at, call)| *at >= since && call.vantage == Vantage::Controller)
        .collect()
}

/// The calls of one operation about one shop.
#[must_use]
pub fn calls<'a>(rig: &'a Rig, shop: &str, op: &str) -> Vec<(i64, &'a Call)> {
    let mut calls = calls_since(rig, i64::MIN);
    calls.retain(|(_, call)| call.op == op && call.shop.as_deref() == Some(shop));
    calls
}

/// The promotions that were sent for a shop.
#[must_use]
pub fn promotions<'a>(rig: &'a Rig, shop: &str) -> Vec<(i64, &'a Call)> {
    calls(rig, shop, "promote-read-replica")
}

/// How many promotions of a shop RDS has accepted.
#[must_use]
pub fn promotions_accepted(rig: &Rig, shop: &str) -> usize {
    let events = &rig.world.ledger().events;
    let accepted = events
        .iter()
        .filter(|event| matches!(&event.what, What::PromotionAccepted { shop: own, .. } if **own == *shop));
    accepted.count()
}

/// Calls that took effect.
#[must_use]
pub fn applied(calls: &[(i64, &Call)]) -> usize {
    calls.iter().filter(|(_, call)| call.effect == Effect::Applied).count()
}

/// The shop as it truly is.
///
/// # Panics
/// If there is no such shop.
#[must_use]
pub fn glance(rig: &Rig, shop: &str) -> ShopGlance {
    let found = rig.world.glance().shops.into_iter().find(|own| *own.name == *shop);
    found.unwrap_or_else(|| panic!("no shop {shop}"))
}

/// Status of the instance in a region, or of the one that bears this identifier, as RDS has it.
#[must_use]
pub fn instance_status(rig: &Rig, shop: &str, region: &str) -> String {
    let instances = glance(rig, shop).instances;
    let is_it =
        |instance: &breakwater_sim::InstanceGlance| *instance.region == *region || *instance.instance == *region;
    let found = instances.into_iter().find(is_it);
    found.map(|instance| instance.status).unwrap_or_default()
}

/// The pools that a shop's load balancers send users to: order, fallback, and whatever stands in any list.
#[must_use]
pub fn steering(rig: &Rig, shop: &str) -> Vec<String> {
    let events = rig.world.ledger().events.iter().rev();
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for event in events {
        if let What::Balancer {
            shop: own,
            balancer,
            default_pools,
            fallback,
            lists,
            ..
        } = &event.what
            && **own == *shop
            && !seen.contains(balancer)
        {
            seen.push(balancer.clone());
            found.push(format!("{balancer} {default_pools:?} {fallback} {lists:?}"));
        }
    }
    found.sort();
    found
}

/// A person asks the world for something.
pub fn person(rig: &mut Rig, request: Request) {
    let meta = Meta {
        actor: "person:on-call".into(),
        ..Meta::default()
    };
    rig.world.ask(Vantage::Person, meta, request);
}

/// How often events with this reason have told people about a shop.
#[must_use]
pub fn told(rig: &Rig, shop: &str, reason: &str) -> usize {
    let own = rig.events().iter().filter(|(_, event)| *event.key.name == *shop);
    own.filter(|(_, event)| event.reason == reason).count()
}

/// The eastern region dies, every one of these shops moves west, the region returns, and all is whole again.
///
/// # Panics
/// If it does not come about in the time that it may take at most.
pub fn east_dies_and_returns(rig: &mut Rig, shops: &[&str]) {
    let fault = east_dies(rig);
    let all = |rig: &Rig| shops.iter().all(|shop| has_moved(rig, shop));
    assert!(rig.run_until(minutes(60), all), "they move: {}", states(rig, shops));
    rig.run_for(minutes(2));
    rig.clear(fault);
    let all = |rig: &Rig| shops.iter().all(|shop| is_whole(rig, shop));
    assert!(
        rig.run_until(hours(2), all),
        "all is whole again: {}",
        states(rig, shops)
    );
    // What the journal says last has to reach the world too, at the second try if need be.
    rig.run_for(minutes(2));
}

/// What a shop looks like at the end of its only move, however it came there.
///
/// # Panics
/// If that is not how a shop looks that has moved once.
pub fn assert_moved_once(rig: &Rig, shop: &str) {
    let journal = journal(rig, shop);
    assert_eq!(promotions_accepted(rig, shop), 1, "{shop}: one promotion took effect");
    assert_eq!(journal.active_region.as_deref(), Some(WEST));
    assert_eq!(journal.front.as_deref(), Some(WEST));
    assert_eq!(journal.excluded, None, "{shop}: the exclusion has ended");
    assert!(
        journal.epoch > 1 && journal.epoch == journal.last_number,
        "{shop}: the epoch is the move's number"
    );
    let owed: Vec<ObligationKind> = journal.obligations.iter().map(|owed| owed.kind).collect();
    assert_eq!(owed, [ObligationKind::RebuildStandby], "{shop}: what is owed");
    let truth = glance(rig, shop);
    assert_eq!(
        truth.name_visible.as_deref(),
        Some(WEST),
        "{shop}: where the name leads"
    );
    assert_eq!(instance_status(rig, shop, EAST), "stopped", "{shop}: the former writer");
    for balancer in &truth.balancers {
        assert_eq!(
            balancer.order.iter().map(|region| &**region).collect::<Vec<_>>(),
            [WEST, EAST]
        );
        assert_eq!(&*balancer.fallback, WEST);
    }
    assert_repointed_everywhere(rig, shop, &journal);
    let txt = format!("epoch={} region={WEST} excluded=-", journal.epoch);
    assert!(
        truth.owner.as_deref().is_some_and(|owner| owner.contains(&txt)),
        "{shop}: {:?}",
        truth.owner
    );
}

/// Repointing is over no earlier than one TTL after resolvers saw the new name.
fn assert_repointed_everywhere(rig: &Rig, shop: &str, journal: &Journal) {
    let visible = rig.world.ledger().events.iter().find_map(|event| match &event.what {
        What::Record {
            shop: Some(own),
            stage,
            kind,
            ttl,
            call: Some(_),
            ..
        } if **own == *shop && stage == "visible" && kind == "CNAME" => Some(event.at + ttl * 1000),
        _ => None,
    });
    let current = journal.current.as_ref();
    let repointed = current
        .and_then(|current| current.repointed_at)
        .map(|at| at.as_millisecond());
    assert!(
        visible.is_some() && visible <= repointed,
        "{shop}: the new name is everywhere at {visible:?}, Repointing was over at {repointed:?}"
    );
}

/// Where these shops stand, for messages.
#[must_use]
pub fn states(rig: &Rig, shops: &[&str]) -> String {
    let state = |shop: &&str| {
        let journal = journal(rig, shop);
        let (current, owed) = (&journal.current, &journal.obligations);
        let said = rig
            .status(&rig.key(shop))
            .map(|status| status.report.message.to_string());
        format!(
            "\n{shop}: {:?} excluded {:?} {current:?} {owed:?} {said:?}",
            journal.active_region, journal.excluded
        )
    };
    let last = rig
        .deeds()
        .iter()
        .rev()
        .take(12)
        .map(|deed| format!("\n  {} {}", deed.at, deed.what));
    shops.iter().map(state).chain(last).collect()
}

/// Every reason that people were shown stands in docs/reference.md.
fn assert_reasons_are_listed(rig: &Rig) {
    let reports = rig.history().iter().filter_map(|entry| entry.report.as_ref());
    let shown: BTreeSet<&str> = reports
        .flat_map(|report| &report.conditions)
        .map(|condition| condition.reason)
        .collect();
    for reason in shown {
        assert!(
            breakwater_core::report::reference::is_reason(reason),
            "{reason} is no reason that the reference lists"
        );
    }
}

/// The end of every scenario: all checkers pass.
///
/// # Panics
/// With what may never happen and did.
pub fn finish(rig: &Rig) {
    assert_reasons_are_listed(rig);
    let (ledger, history, context) = (rig.ledger_json(), rig.history_json(), rig.context_json());
    match judged(&ledger, &history, &context) {
        Ok(violations) if violations.is_empty() => {}
        Ok(violations) => panic!("{} violations:\n{}", violations.len(), lines(&violations)),
        Err(unreadable) => panic!("{unreadable}"),
    }
}

/// What all checkers say; in a rig nothing that they need is missing but the record of reads.
fn judged(ledger: &Value, history: &Value, context: &Value) -> Result<Vec<Violation>, Unreadable> {
    breakwater_checkers::check(ledger, history, context)
}

fn lines(violations: &[breakwater_checkers::Violation]) -> String {
    violations
        .iter()
        .take(8)
        .map(|violation| format!("{violation}\n"))
        .collect()
}
