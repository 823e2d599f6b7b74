//! Every call names the earlier request whose answer (or missing answer) made it possible; it cannot have arrived before
//! that request had ended. ("A call without a cause fails the run.")

use crate::ledger::{Call, Read};
use crate::run::Run;
use crate::{Verdict, Violation};
use std::collections::HashMap;

const NAME: &str = "cause";

/// A request as a possible cause.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    number: u64,
    arrived_micros: Option<i64>,
    /// Answered or given up: virtual.
    ended: Option<i64>,
    /// Answered or given up: real.
    pub ended_micros: Option<i64>,
}

/// Requests by the asker's number, in the order of the ledger. A new process may begin its numbers anew.
pub(crate) struct Requests(HashMap<u64, Vec<Request>>);

impl Requests {
    pub(crate) fn of(run: &Run) -> Requests {
        let mut requests: HashMap<u64, Vec<Request>> = HashMap::new();
        let reads = run
            .ledger
            .reads
            .iter()
            .filter_map(|read| Some((read.asked?, of_read(read))));
        let calls = run
            .controller_calls()
            .filter_map(|(_, call)| Some((call.asked?, of_call(call))));
        for (asked, request) in reads.chain(calls) {
            requests.entry(asked).or_default().push(request);
        }
        Requests(requests)
    }

    /// The newest earlier request of the number that the call names. A request that was held up has a late number but
    /// an early arrival.
    pub(crate) fn cause(&self, call: &Call) -> Option<Request> {
        let own = of_call(call);
        let earlier = |request: &&Request| match (request.arrived_micros, own.arrived_micros) {
            (Some(one), Some(other)) => one <= other && request.number != own.number,
            _ => request.number < own.number,
        };
        self.0
            .get(&call.because?)?
            .iter()
            .filter(earlier)
            .max_by_key(|request| request.number)
            .copied()
    }
}

fn of_read(read: &Read) -> Request {
    Request {
        number: read.number,
        arrived_micros: read.arrived_micros,
        ended: first(read.answered_at, read.gave_up_at),
        ended_micros: first(read.answered_micros, read.gave_up_micros),
    }
}

fn of_call(call: &Call) -> Request {
    Request {
        number: call.number,
        arrived_micros: call.arrived_micros,
        ended: first(call.answered_at, call.gave_up_at),
        ended_micros: first(call.answered_micros, call.gave_up_micros),
    }
}

/// A request ends for its asker with its answer, or when the asker gave up, whichever came first.
fn first(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}

pub(crate) fn check(run: &Run, verdict: &mut Verdict) {
    let requests = Requests::of(run);
    let reads_kept = !run.ledger.reads.is_empty();
    if !reads_kept {
        verdict.skipped(
            NAME,
            "the ledger holds no reads: that the named cause exists is not judged",
        );
    }
    for (at, call) in run.controller_calls() {
        let fault = match (call.because, requests.cause(call)) {
            (None, _) => Some("names no cause".to_owned()),
            (Some(because), None) if reads_kept => {
                Some(format!("names request {because}, which did not come before it"))
            }
            (Some(_), None) => None,
            (Some(because), Some(cause)) => {
                too_early(at, call, cause).then(|| format!("arrived before request {because}, its cause, had ended"))
            }
        };
        if let Some(fault) = fault {
            verdict.violations.push(Violation {
                invariant: NAME,
                at,
                shop: run.shop_of(call).map(|shop| shop.key.clone()),
                what: format!("{} of {} (call {}) {fault}", call.op, call.target, call.number),
            });
        }
    }
}

fn too_early(at: i64, call: &Call, cause: Request) -> bool {
    match (call.arrived_micros, cause.ended_micros) {
        (Some(arrived), Some(ended)) => arrived < ended,
        _ => cause.ended.is_some_and(|ended| at < ended),
    }
}
