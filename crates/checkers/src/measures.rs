//! What a run measured, for people and for limits that a caller sets.
//!
//! The names in JSON are those of the demo's summary. Times are virtual seconds, except `ownOverheadMs`, which is real.

use crate::Unreadable;
use crate::cause::Requests;
use crate::history::{Entry, MoveOutcome};
use crate::i8_users::{closed, met};
use crate::ledger::What;
use crate::run::{Promotion, Run, Shop};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The whole run: of the measures of its moves the greatest, or the sum where that is what counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measures {
    /// Promotions that the controller sent, whether or not they arrived.
    pub promotions: u64,
    /// Sum over the moves.
    pub users_on_former_writer: u64,
    /// The greatest of all shops.
    pub two_writers_seconds: f64,
    /// Sum over the moves.
    pub orders_lost: u64,
    /// The greatest of all moves.
    pub loss_seconds_true: Option<f64>,
    /// The greatest of all moves.
    pub loss_seconds_estimate: Option<f64>,
    /// The greatest of all moves; absent without real time.
    pub own_overhead_ms: Option<f64>,
    /// Calls of the controller by provider: `rds`, `route53`, `cloudflare`.
    pub calls: BTreeMap<String, u64>,
    /// The greatest of all moves.
    pub detection_seconds: Option<f64>,
    /// The greatest of all moves.
    pub provider_seconds: Option<f64>,
    /// The greatest of all moves.
    pub poll_wait_seconds: Option<f64>,
    /// The greatest of all moves.
    pub rto_seconds: Option<f64>,
    /// Each move in which a promotion was sent, in the order of the first one.
    pub moves: Vec<MoveMeasures>,
}

/// One move in which a promotion was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MoveMeasures {
    /// `namespace/name`.
    pub shop: String,
    /// The move's number; 0 if no journal entry allowed the promotion.
    pub number: i64,
    /// Promotions sent in this move.
    pub promotions: u64,
    /// Users sent to A's region from the (first) sending of the promotion until A's fence was observed in the journal,
    /// or the move was rolled back.
    pub users_on_former_writer: u64,
    /// Of these, those whom a geographic list sent there.
    pub mapped_users_on_former_writer: u64,
    /// How long both instances took writes since the promotion was sent.
    pub two_writers_seconds: f64,
    /// Orders acknowledged by A that the promoted instance lacks.
    pub orders_lost: u64,
    /// Of these, those that A acknowledged after the promotion was sent (by jobs in its own region, once it came back).
    pub orders_on_former_writer: u64,
    /// From the time up to which the promoted instance holds everything to the last moment before the sending of the
    /// promotion at which A took writes: what the estimate bounds. No lost order is older. Without a promotion that
    /// took effect: absent.
    pub loss_seconds_true: Option<f64>,
    /// `loss.seconds` of the entry that allowed the promotion.
    pub loss_seconds_estimate: Option<f64>,
    /// `loss.writesStopped - ` the last moment at which A took writes: how much of the estimate is not knowing that.
    pub writes_stopped_late_seconds: Option<f64>,
    /// Real time from an answer (or from giving up) to the arrival of the call that it made possible, summed over the
    /// shop's calls from the first Down to the end of the move.
    pub own_overhead_ms: Option<f64>,
    /// From the injection of the fault that broke A to the first journal entry of the move.
    pub detection_seconds: Option<f64>,
    /// From the sending of the promotion to the moment at which the promoted instance took writes (or was promoted, if
    /// its parameters forbid that).
    pub provider_seconds: Option<f64>,
    /// From that moment to the journal's `promotedAt`. The sum of both is what the promotion took.
    pub poll_wait_seconds: Option<f64>,
    /// From the journal's `firstDown` to its `verifiedAt`.
    pub rto_seconds: Option<f64>,
}

/// Measures a run.
///
/// # Errors
/// When a document lacks what is needed, as in [`crate::check`].
pub fn measures(ledger: &Value, history: &Value, context: &Value) -> Result<Measures, Unreadable> {
    let run = Run::read(ledger, history, context)?;
    let promotions = run.promotions();
    let requests = Requests::of(&run);
    let mut moves: Vec<MoveMeasures> = Vec::new();
    for promotion in &promotions {
        let number = promotion.current().map_or(0, |current| current.number);
        let known = moves
            .iter_mut()
            .find(|own| own.shop == promotion.shop.key && own.number == number);
        match known {
            Some(own) => own.promotions += 1,
            None => moves.push(of_move(&run, &requests, promotion, number)),
        }
    }
    let mut whole = summary(&run, &moves);
    whole.promotions = run
        .controller_calls()
        .filter(|(_, call)| call.op == "promote-read-replica")
        .count() as u64;
    for (_, call) in run.controller_calls() {
        *whole.calls.entry(call.api.clone()).or_default() += 1;
    }
    whole.moves = moves;
    Ok(whole)
}

fn summary(run: &Run, moves: &[MoveMeasures]) -> Measures {
    let greatest = |of: fn(&MoveMeasures) -> Option<f64>| moves.iter().filter_map(of).reduce(f64::max);
    let two_writers = |shop: &Shop| total(&run.two_writers(shop, i64::MIN));
    Measures {
        users_on_former_writer: moves.iter().map(|own| own.users_on_former_writer).sum(),
        orders_lost: moves.iter().map(|own| own.orders_lost).sum(),
        two_writers_seconds: run.shops.iter().map(two_writers).fold(0.0, f64::max),
        loss_seconds_true: greatest(|own| own.loss_seconds_true),
        loss_seconds_estimate: greatest(|own| own.loss_seconds_estimate),
        own_overhead_ms: greatest(|own| own.own_overhead_ms),
        detection_seconds: greatest(|own| own.detection_seconds),
        provider_seconds: greatest(|own| own.provider_seconds),
        poll_wait_seconds: greatest(|own| own.poll_wait_seconds),
        rto_seconds: greatest(|own| own.rto_seconds),
        ..Measures::default()
    }
}

fn of_move(run: &Run, requests: &Requests, promotion: &Promotion<'_>, number: i64) -> MoveMeasures {
    let shop = promotion.shop;
    let until = closed(run, promotion);
    let users = |mapped_alone: bool| {
        met(run, promotion, until)
            .filter(|meeting| meeting.mapped || !mapped_alone)
            .map(|meeting| meeting.routed)
            .sum()
    };
    let mut own = MoveMeasures {
        shop: shop.key.clone(),
        number,
        promotions: 1,
        users_on_former_writer: users(false),
        mapped_users_on_former_writer: users(true),
        two_writers_seconds: total(&run.two_writers(shop, promotion.sent)),
        own_overhead_ms: own_overhead(run, requests, promotion, number),
        ..MoveMeasures::default()
    };
    lost(run, promotion, &mut own);
    timed(run, promotion, number, &mut own);
    own
}

fn total(spans: &[(i64, i64)]) -> f64 {
    in_seconds(spans.iter().map(|(from, to)| to - from).sum())
}

/// Virtual times are far below 2^53 ms: the conversion is exact.
#[allow(clippy::cast_precision_loss)]
fn in_seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

fn lost(run: &Run, promotion: &Promotion<'_>, own: &mut MoveMeasures) {
    let (shop, former) = (promotion.shop, promotion.former());
    let absent =
        run.ledger.absent.iter().filter(|order| {
            order.shop == shop.name && order.instance == former && order.writer == promotion.call.target
        });
    for order in absent {
        own.orders_lost += 1;
        own.orders_on_former_writer += u64::from(order.at >= promotion.sent);
    }
    let wrote_until = run
        .writable(shop, former)
        .filter(|(from, _)| *from <= promotion.sent)
        .map(|(_, to)| to.min(promotion.sent))
        .max();
    let loss = promotion.current().and_then(|current| current.loss.as_ref());
    own.loss_seconds_estimate = loss.map(|loss| in_seconds(loss.seconds * 1000));
    own.writes_stopped_late_seconds = loss
        .zip(wrote_until)
        .map(|(loss, truly)| in_seconds(loss.writes_stopped.as_millisecond() - truly));
    own.loss_seconds_true = promoted(run, promotion).map(|(_, held_until, source_wrote_until)| {
        let stopped = wrote_until.map_or(source_wrote_until, |at| at.min(source_wrote_until));
        in_seconds((stopped - held_until).max(0))
    });
}

/// When the promoted instance was promoted, what it holds, and when its source last took writes.
fn promoted(run: &Run, promotion: &Promotion<'_>) -> Option<(i64, i64, i64)> {
    run.ledger.events.iter().find_map(|event| match &event.what {
        What::Promoted {
            shop,
            instance,
            held_until,
            source_wrote_until,
            ..
        } if *shop == promotion.shop.name && *instance == promotion.call.target && event.at >= promotion.sent => {
            Some((event.at, *held_until, *source_wrote_until))
        }
        _ => None,
    })
}

fn timed(run: &Run, promotion: &Promotion<'_>, number: i64, own: &mut MoveMeasures) {
    let shop = promotion.shop;
    let begun = shop.first(number, |_, _| true);
    own.detection_seconds = begun.and_then(|begun| {
        let broken = run
            .troubles
            .real_in(shop, &promotion.from.region)
            .filter(|trouble| trouble.from <= begun.at);
        broken.last().map(|trouble| in_seconds(begun.at - trouble.from))
    });
    let last = last_of(shop, number).and_then(|entry| entry.journal.current.as_ref());
    let writes_from = run
        .writable(shop, &promotion.call.target)
        .map(|(from, _)| from)
        .find(|from| *from >= promotion.sent);
    let ready = writes_from.or_else(|| promoted(run, promotion).map(|(at, _, _)| at));
    own.provider_seconds = ready.map(|ready| in_seconds(ready - promotion.sent));
    own.poll_wait_seconds = last
        .and_then(|current| current.promoted_at)
        .zip(ready)
        .map(|(shown, ready)| in_seconds((shown.as_millisecond() - ready).max(0)));
    own.rto_seconds = last.and_then(|current| {
        let (down, verified) = (current.first_down?, current.verified_at?);
        Some(in_seconds(verified.as_millisecond() - down.as_millisecond()))
    });
}

fn last_of(shop: &Shop, number: i64) -> Option<&Entry> {
    shop.history.iter().rev().find(|entry| {
        let current = entry.journal.current.as_ref();
        current.is_some_and(|current| current.number == number)
    })
}

fn own_overhead(run: &Run, requests: &Requests, promotion: &Promotion<'_>, number: i64) -> Option<f64> {
    let shop = promotion.shop;
    let begun = shop.first(number, |_, _| true)?;
    let first_down = begun.journal.current.as_ref().and_then(|current| current.first_down);
    let from = first_down.map_or(begun.at, |down| down.as_millisecond());
    let to = shop
        .first(number, |_, current| current.outcome == Some(MoveOutcome::Completed))
        .map_or(run.ledger.until, |entry| entry.at);
    let pairs = run
        .controller_calls()
        .filter(|(at, call)| call.shop.as_deref() == Some(&shop.name) && from <= *at && *at <= to)
        .filter_map(|(_, call)| Some(call.arrived_micros? - requests.cause(call)?.ended_micros?));
    // Not a wait of ours if it is negative: the `cause` rule reports that.
    let sum = pairs
        .map(|micros| micros.max(0))
        .fold(None, |sum: Option<i64>, micros| Some(sum.unwrap_or(0) + micros));
    sum.map(in_seconds)
}
