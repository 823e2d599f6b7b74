//! Calls: one at a time for each lane of a shop, never without a lease that outlives them, promotions by licence alone.

use crate::call::{Call, Lane};
use crate::engine::Engine;
use crate::port::{Out, Ticket};
use breakwater_core::decision::Step;
use breakwater_core::outcome::Outcome;
use breakwater_core::shop::ShopKey;
use breakwater_core::time::Now;

impl Engine {
    /// Sends what may be sent now of these steps.
    pub(crate) fn send(&mut self, now: Now, key: &ShopKey, steps: &[Step], out: &mut Vec<Out>) {
        for step in steps {
            self.send_one(now, key, step, out);
        }
    }

    fn send_one(&mut self, now: Now, key: &ShopKey, step: &Step, out: &mut Vec<Out>) {
        let timeout = self.settings.call_timeout;
        // A call starts only if it must end before the lease does.
        if !self.leads(now, timeout) {
            return;
        }
        let (ticket, cause) = (self.next_ticket(), self.next_cause());
        let Some(kept) = self.shops.get(key) else { return };
        let outdated = kept.pruned || self.fleet.crds_lack.is_some();
        if kept.writes_entry() || outdated || kept.lane_busy(&Lane::of_step(step)) {
            return;
        }
        if !self.may_call(now, key, step) {
            return;
        }
        let Some(kept) = self.shops.get_mut(key) else { return };
        let call = match step {
            Step::Effect(effect) => Call::Effect(effect.clone()),
            Step::Promote(promotion) => {
                // The licence is spent here, whatever becomes of the call.
                match kept.licence.take() {
                    Some(licence) if licence.allows(promotion, now.wall) => Call::Promote(promotion.clone(), licence),
                    Some(_) | None => return,
                }
            }
        };
        let because = kept.cause;
        kept.sent(ticket, step.clone(), now);
        out.push(Out::Call {
            ticket,
            cause,
            call,
            timeout,
            because,
        });
    }

    /// A call ended.
    pub(crate) fn call_done(&mut self, now: Now, ticket: Ticket, outcome: Outcome) {
        let Some((key, kept)) = self.shops.iter_mut().find(|(_, kept)| kept.has_call(ticket)) else {
            return;
        };
        if let Outcome::Accepted(receipt) = &outcome {
            kept.cause = receipt.cause;
        }
        let (key, step) = (key.clone(), kept.step_of(ticket).cloned());
        let said = outcome.clone();
        kept.call_done(ticket, now, outcome);
        if let Some(step) = step {
            self.note_outcome(now, &key, &step, &said);
        }
        self.mark(key);
    }
}
