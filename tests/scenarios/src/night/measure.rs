//! What a night amounts to, for the verdict and for the table of all.

use super::clock::length;
use super::play::Played;
use breakwater_core::Text;
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::journal::{MoveKind, MoveOutcome};
use breakwater_sim::ledger::What;
use serde_json::Value;

/// Shoppers that could not buy for longer than this would have been helped by a failover, if it was right: a failover
/// takes about that long.
pub const LONG: i64 = 10 * 60 * 1000;

/// With one order in two seconds on average, a pause of this length is chance.
const NOTICED: i64 = 30_000;

/// What was decided about one shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The shop.
    pub shop: String,
    /// The diagnosis that the move rests on; else the gravest one.
    pub diagnosis: Diagnosis,
    /// What was decided.
    pub decision: Decision,
    /// From the first Down (or from the first fault) to that, milliseconds.
    pub took: Option<i64>,
    /// Promotions that the controller sent.
    pub promotions: usize,
    /// Calls of the controller.
    pub calls: usize,
    /// The longest time without an order of a shopper, milliseconds.
    pub longest_without_orders: i64,
    /// A promotion was begun while shoppers were buying in the old region.
    pub wrong: bool,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The shop was moved.
    Failover,
    /// A person planned a move, and the shop was moved.
    Switchover,
    /// A person promoted the replica, and the shop follows.
    ByHand,
    /// A person said where the writer is.
    Adopted,
    /// A move was begun and undone.
    RolledBack,
    /// The other region came first in the load balancers, and the active one again.
    OrderAndBack,
    /// The other region comes first in the load balancers.
    Order,
    /// Nothing.
    Nothing,
}

impl Decision {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Decision::Failover => "failover",
            Decision::Switchover => "planned move",
            Decision::ByHand => "follows a promotion by hand",
            Decision::Adopted => "adopts what a person names",
            Decision::RolledBack => "a move begun and undone",
            Decision::OrderAndBack => "pool order to the other region and back",
            Decision::Order => "pool order to the other region",
            Decision::Nothing => "nothing moves",
        }
    }
}

/// What a run amounts to for one of its shops.
#[must_use]
pub fn of(played: &Played, shop: &str) -> Measured {
    let own = || {
        let history = played.rig.history().iter();
        history.filter(|entry| *entry.shop.name == *shop && entry.at >= played.begin && !entry.restored)
    };
    let calls = crate::calls_since(&played.rig, played.begin);
    let calls: Vec<_> = calls
        .into_iter()
        .filter(|(_, call)| call.shop.as_deref() == Some(shop))
        .collect();
    let sent = calls.iter().filter(|(_, call)| call.op == "promote-read-replica");
    let first_sent = sent.clone().map(|(at, _)| *at).next();
    let trouble = own()
        .find_map(|entry| entry.report.as_ref()?.trouble_since)
        .map(|at| at.as_millisecond());
    let fault = played
        .rig
        .world
        .ledger()
        .events
        .iter()
        .find_map(|event| match event.what {
            What::FaultInjected { .. } if event.at >= played.begin => Some(event.at),
            _ => None,
        });
    let since = trouble.or(fault);
    let took = |at: i64| since.map(|since| at - since);
    let rolled_back = own().find(|entry| {
        let current = entry.journal.current.as_ref();
        current.is_some_and(|current| {
            let undone = matches!(current.outcome, Some(MoveOutcome::RolledBack | MoveOutcome::Aborted));
            undone && matches!(current.kind, MoveKind::Failover | MoveKind::Switchover)
        })
    });
    let named = own().find(|entry| {
        entry
            .journal
            .current
            .as_ref()
            .is_some_and(|current| current.kind == MoveKind::Adopt)
    });
    let planned = own().any(|entry| {
        let current = entry.journal.current.as_ref();
        current.is_some_and(|current| current.kind == MoveKind::Switchover && current.licence.is_some())
    });
    let away =
        own().find(|entry| entry.journal.active_region.is_some() && entry.journal.front != entry.journal.active_region);
    let back = away
        .and_then(|away| own().find(|entry| entry.at > away.at && entry.journal.front == entry.journal.active_region));
    let mut active: Option<&Text> = None;
    let followed = own().find(|entry| {
        let now = entry.journal.active_region.as_ref();
        let changed = active.is_some() && now.is_some() && active != now;
        active = now.or(active);
        changed
    });
    let (decision, took) = match (first_sent, rolled_back, away, back) {
        (None, ..) if named.is_some() => (Decision::Adopted, None),
        (None, ..) if followed.is_some() => (Decision::ByHand, followed.and_then(|entry| took(entry.at))),
        (Some(_), ..) if planned => (Decision::Switchover, None),
        (Some(sent), ..) => (Decision::Failover, took(sent)),
        (None, Some(entry), ..) => (Decision::RolledBack, took(entry.at)),
        (None, None, Some(away), Some(_)) => (Decision::OrderAndBack, took(away.at)),
        (None, None, Some(away), None) => (Decision::Order, took(away.at)),
        (None, None, None, _) => (Decision::Nothing, None),
    };
    Measured {
        shop: shop.to_owned(),
        diagnosis: diagnosis(played, shop),
        decision,
        took,
        promotions: sent.count(),
        calls: calls.len(),
        longest_without_orders: longest_without_orders(played, shop),
        wrong: wrong(played, shop),
    }
}

fn diagnosis(played: &Played, shop: &str) -> Diagnosis {
    let own = || {
        played
            .rig
            .history()
            .iter()
            .filter(|entry| *entry.shop.name == *shop && entry.at >= played.begin)
    };
    let moved = own().find_map(|entry| entry.journal.current.as_ref().filter(|current| current.automatic));
    let unwell = own().filter_map(|entry| Some(entry.report.as_ref()?.diagnosis));
    // The predicates are ordered: what is asked first weighs most.
    let gravest = unwell.filter(|diagnosis| *diagnosis != Diagnosis::Healthy).min();
    moved
        .map(|current| current.diagnosis)
        .or(gravest)
        .unwrap_or(Diagnosis::Healthy)
}

fn longest_without_orders(played: &Played, shop: &str) -> i64 {
    let meetings = played.rig.world.ledger().meetings.iter();
    let bought = meetings.filter(|meeting| {
        *meeting.shop == *shop && meeting.at >= played.begin && meeting.acknowledged.values().any(|orders| *orders > 0)
    });
    let (mut last, mut longest) = (played.begin, 0);
    for at in bought.map(|meeting| meeting.at).chain([played.rig.millis()]) {
        longest = longest.max(at - last);
        last = last.max(at);
    }
    longest
}

/// Whether shoppers bought in the old region in the minute before a move of ours began.
fn wrong(played: &Played, shop: &str) -> bool {
    let own = played.rig.history().iter().filter(|entry| *entry.shop.name == *shop);
    let mut known = 0;
    own.filter_map(|entry| entry.journal.current.as_ref().map(|current| (entry.at, current)))
        .filter(|(at, current)| {
            let begins = current.number > known;
            known = known.max(current.number);
            begins && *at >= played.begin && current.automatic
        })
        .any(|(at, current)| {
            played.rig.world.ledger().meetings.iter().any(|meeting| {
                *meeting.shop == *shop
                    && (at - 60_000..at).contains(&meeting.at)
                    && meeting
                        .acknowledged
                        .get(&*current.from_instance)
                        .is_some_and(|orders| *orders > 0)
            })
        })
}

impl Measured {
    /// The verdict in one line: shop, diagnosis, decision, what it took, what shoppers had of it.
    #[must_use]
    pub fn verdict(&self) -> String {
        let after = self
            .took
            .map(|took| format!(" {} after the first trouble", length(took)))
            .unwrap_or_default();
        let promotions = match self.promotions {
            0 => "no promotion".to_owned(),
            1 => "1 promotion".to_owned(),
            more => format!("{more} promotions"),
        };
        let calls = if self.calls == 1 {
            "1 call".to_owned()
        } else {
            format!("{} calls", self.calls)
        };
        let orders = if self.longest_without_orders < NOTICED {
            "orders throughout".to_owned()
        } else {
            format!("no orders for {}", length(self.longest_without_orders))
        };
        format!(
            "{} | {} | {}{after} | {promotions}, {calls} | {orders}",
            self.shop,
            self.diagnosis.name(),
            self.decision.words(),
        )
    }
}

/// What the checkers measured of each move, in one line each.
#[must_use]
pub fn moves(played: &Played) -> Vec<String> {
    let (ledger, history, context): (Value, Value, Value) = (
        played.rig.ledger_json(),
        played.rig.history_json(),
        played.rig.context_json(),
    );
    let Ok(measured) = breakwater_checkers::measures(&ledger, &history, &context) else {
        return Vec::new();
    };
    let seconds = |value: Option<f64>| value.map_or_else(|| "?".into(), |value| format!("{value:.1} s"));
    measured
        .moves
        .iter()
        .map(|own| {
            format!(
                "{} e{}: lost {} (at most {} expected), {} orders; {} shoppers on the former writer, two writers for {:.0} s; \
                 {} from the first Down to the first verified write",
                own.shop.trim_start_matches("shops/"),
                own.number,
                seconds(own.loss_seconds_true),
                seconds(own.loss_seconds_estimate),
                own.orders_lost,
                own.users_on_former_writer,
                own.two_writers_seconds,
                seconds(own.rto_seconds),
            )
        })
        .collect()
}
