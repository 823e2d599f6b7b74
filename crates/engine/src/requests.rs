//! Requests by people: kept until they end, and told what becomes of them.

use crate::engine::Engine;
use crate::port::Out;
use breakwater_core::Text;
use breakwater_core::decision::Decision;
use breakwater_core::report::{Answered, answered};
use breakwater_core::request::{Answer, Request};
use breakwater_core::shop::ShopKey;
use breakwater_core::time::Now;
use std::collections::{BTreeMap, BTreeSet};

/// The requests that have no outcome, by shop, and what each was told last.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    open: BTreeMap<ShopKey, Vec<Request>>,
    told: BTreeMap<Text, Answered>,
    /// Those that were told their end, until the store shows it.
    ended: BTreeSet<Text>,
}

impl Requests {
    /// Those of one shop, in the order in which they came.
    pub(crate) fn of(&self, key: &ShopKey) -> &[Request] {
        self.open.get(key).map_or(&[], Vec::as_slice)
    }

    fn put(&mut self, key: ShopKey, request: Request) {
        if self.ended.contains(&request.uid) {
            return;
        }
        let open = self.open.entry(key).or_default();
        match open.iter_mut().find(|known| known.uid == request.uid) {
            Some(known) => *known = request,
            None => open.push(request),
        }
    }

    fn remove(&mut self, key: &ShopKey, uid: &Text) {
        self.told.remove(uid);
        self.ended.remove(uid);
        if let Some(open) = self.open.get_mut(key) {
            open.retain(|known| known.uid != *uid);
            if open.is_empty() {
                self.open.remove(key);
            }
        }
    }

    /// A final answer was given: nothing else is said to it, however often it is shown again.
    fn end(&mut self, key: &ShopKey, uid: &Text) {
        if let Some(open) = self.open.get_mut(key) {
            open.retain(|known| known.uid != *uid);
        }
        self.ended.insert(uid.clone());
    }

    /// Whether this was not what the requester was told last.
    fn is_news(&mut self, answered: &Answered) -> bool {
        let same = self.told.get(&answered.uid) == Some(answered);
        if !same {
            self.told.insert(answered.uid.clone(), answered.clone());
        }
        !same
    }
}

impl Engine {
    pub(crate) fn take_request(&mut self, key: ShopKey, request: Request) {
        self.requests.put(key.clone(), request);
        self.mark(key);
    }

    pub(crate) fn forget_request(&mut self, key: ShopKey, uid: &Text) {
        self.requests.remove(&key, uid);
        self.mark(key);
    }

    /// Tells each requester what becomes of their request, when that is news. A final answer ends the request here too: it
    /// is decided once, whatever the store shows until the answer stands there.
    pub(crate) fn answer_requests(&mut self, now: Now, key: &ShopKey, decision: &Decision, out: &mut Vec<Out>) {
        if decision.answers.is_empty() {
            return;
        }
        // An entry that is being written may begin the very move that is asked for.
        let Some(kept) = self.shops.get(key).filter(|kept| !kept.writes_entry()) else {
            return;
        };
        let input = kept.input(now, &self.settings.me, &self.fleet, self.requests.of(key));
        let told: Vec<(Answered, &Answer)> = decision
            .answers
            .iter()
            .map(|answer| (answered(&input, decision, answer), answer))
            .collect();
        for (answered, answer) in told {
            if self.requests.is_news(&answered) {
                out.push(Out::Answer(key.clone(), Box::new(answered)));
            }
            if answer.verdict.is_final() {
                self.requests.end(key, &answer.uid);
            }
        }
    }
}
