//! Requests by people: kept until they end, and told what becomes of them.

use crate::engine::Engine;
use crate::kept_shop::Writing;
use crate::port::Out;
use breakwater_core::Text;
use breakwater_core::decision::Decision;
use breakwater_core::report::{Answered, answered};
use breakwater_core::request::{Answer, Request};
use breakwater_core::shop::ShopKey;
use breakwater_core::time::Now;
use std::collections::BTreeMap;

/// The requests that have no outcome, by shop, and what each was told last.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    open: BTreeMap<ShopKey, Vec<Request>>,
    told: BTreeMap<Text, Answered>,
    /// Those that were told their end, until the store shows it.
    ended: BTreeMap<Text, (ShopKey, Request)>,
}

impl Requests {
    /// Those of one shop, in the order in which they came.
    pub(crate) fn of(&self, key: &ShopKey) -> &[Request] {
        self.open.get(key).map_or(&[], Vec::as_slice)
    }

    fn put(&mut self, key: ShopKey, request: Request) {
        if let Some(ended) = self.ended.get_mut(&request.uid) {
            ended.1 = request;
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
        let Some(open) = self.open.get_mut(key) else { return };
        if let Some(at) = open.iter().position(|known| known.uid == *uid) {
            let request = open.remove(at);
            self.ended.insert(uid.clone(), (key.clone(), request));
        }
    }

    /// Whoever lost the lease writes no answers any more: those that the store does not show yet may never have got there,
    /// and another process may have decided. They are open again.
    fn reopen(&mut self) {
        self.told.clear();
        for (key, request) in std::mem::take(&mut self.ended).into_values() {
            self.put(key, request);
        }
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

    /// The lease was not held, and is now. What was written meanwhile is not known, and what was on its way may be lost: each
    /// journal is read before anything else, moves are shown again and requests decided anew.
    pub(crate) fn begin_reign(&mut self) {
        self.requests.reopen();
        for kept in self.shops.values_mut() {
            (kept.recorded, kept.recorded_shift) = (None, None);
            if matches!(kept.writing, Writing::Idle) {
                kept.writing = Writing::MustRead(None);
            }
        }
        self.mark_all();
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
