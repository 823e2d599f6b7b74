//! Open RegionSwitches: handed to the engine, which answers those whose Storefront is looked after; the others are answered
//! here, so that none stays open for ever.

use crate::catalogue::Resolved;
use crate::driver::Driver;
use crate::records::{Show, Told};
use breakwater_api::{RegionSwitch, Unserved, answer_unserved, request_of};
use breakwater_core::report::Answered;
use breakwater_core::request::Request;
use breakwater_core::shop::ShopKey;
use breakwater_engine::port::In;
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::time::Duration;

/// Namespace and name of a RegionSwitch.
type Place = (String, String);

/// One that has no outcome.
pub(crate) struct Open {
    key: ShopKey,
    request: Request,
    /// Since when (monotonic) we know that nobody looks after its Storefront.
    unserved_since: Option<Duration>,
    /// What it was told here last.
    told: Option<Answered>,
    /// It was told its end here: the engine must not begin it any more.
    ended: bool,
}

/// Those that have no outcome, by namespace and name.
#[derive(Default)]
pub(crate) struct OpenSwitches(BTreeMap<Place, Open>);

impl OpenSwitches {
    /// Takes one that a watch has shown; says what the engine is to hear of it.
    fn put(&mut self, place: Place, key: ShopKey, request: Request) -> Vec<In> {
        let mut told = Vec::new();
        let known = self.0.remove(&place);
        // An object of the same name may be another one.
        let (same, other): (Option<Open>, Option<Open>) = match known {
            Some(open) if open.request.uid == request.uid => (Some(open), None),
            other => (None, other),
        };
        told.extend(other.map(|other| In::RequestGone(other.key, other.request.uid)));
        if !same.as_ref().is_some_and(|open| open.ended) {
            told.push(In::Request(key.clone(), Box::new(request.clone())));
        }
        let fresh = Open {
            key,
            request: request.clone(),
            unserved_since: None,
            told: None,
            ended: false,
        };
        let open = same.map_or(fresh, |open| Open { request, ..open });
        self.0.insert(place, open);
        told
    }

    fn remove(&mut self, place: &Place) -> Option<In> {
        let open = self.0.remove(place)?;
        Some(In::RequestGone(open.key, open.request.uid))
    }

    /// What was told may never have got to the object: whoever lost the lease writes no answers any more. Those are open
    /// again.
    pub(crate) fn reopen(&mut self) -> Vec<In> {
        let mut told = Vec::new();
        for open in self.0.values_mut() {
            (open.told, open.unserved_since) = (None, None);
            if std::mem::take(&mut open.ended) {
                told.push(In::Request(open.key.clone(), Box::new(open.request.clone())));
            }
        }
        told
    }
}

impl Driver {
    /// Hands a request to the engine; an object whose outcome stands asks for nothing any more.
    pub(crate) fn saw_switch(&mut self, switch: &RegionSwitch) {
        let place = (switch.namespace().unwrap_or_default(), switch.name_any());
        let Some((key, request)) = request_of(switch) else {
            return self.lost_switch(&place);
        };
        for told in self.switches.put(place, key, request) {
            self.feed(told);
        }
        self.answer_unserved();
    }

    pub(crate) fn lost_switch(&mut self, place: &Place) {
        if let Some(gone) = self.switches.remove(place) {
            self.feed(gone);
        }
    }

    /// Answers the requests about Storefronts that nobody looks after, as far as they are ours to answer.
    pub(crate) fn answer_unserved(&mut self) {
        if !self.leads() || !self.all_listed() {
            return;
        }
        let now = self.clock.now();
        let mut answers: Vec<(ShopKey, Answered)> = Vec::new();
        let mut gone: Vec<In> = Vec::new();
        for open in self.switches.0.values_mut().filter(|open| !open.ended) {
            // One that the engine still works on has its answers from there.
            let unserved = match self.catalogue.resolve(&open.key) {
                _ if self.handed_in.contains(&open.key) => None,
                Resolved::Gone | Resolved::Leaving => self.catalogue.missing(&open.key),
                Resolved::Unusable(why, _) => Some(Unserved::Unusable(why)),
                Resolved::Shop(..)
                | Resolved::NeedsFinalizer
                | Resolved::Foreign
                | Resolved::Untouched
                | Resolved::Abandoned => None,
            };
            let Some(unserved) = unserved else {
                open.unserved_since = None;
                continue;
            };
            let since = *open.unserved_since.get_or_insert(now.mono);
            let waited = now.mono.saturating_sub(since);
            let answered = answer_unserved(&open.key, &open.request, &unserved, waited, now.wall);
            let Some(answered) = answered.filter(|answered| open.told.as_ref() != Some(answered)) else {
                continue;
            };
            if answered.outcome.is_some() {
                open.ended = true;
                gone.push(In::RequestGone(open.key.clone(), open.request.uid.clone()));
            }
            open.told = Some(answered.clone());
            answers.push((open.key.clone(), answered));
        }
        for gone in gone {
            self.feed(gone);
        }
        for (key, answered) in answers {
            _ = self.records.send(Told::Show(Show::Answer(key, Box::new(answered))));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that is wrong should stop")]
    use super::*;
    use breakwater_core::journal::MoveKind;

    fn request(uid: &str) -> (ShopKey, Request) {
        let key = ShopKey {
            namespace: "shops".into(),
            name: "shop".into(),
        };
        let request = Request {
            name: "asked".into(),
            uid: uid.into(),
            kind: MoveKind::Failover,
            to: Some("us-west-2".into()),
            expected_epoch: Some(1),
            start_before: "2026-11-25T03:00:00Z".parse().unwrap(),
            overrides: Vec::new(),
            allow_loss: None,
            max_write_stop: None,
            expires_at: None,
            abort: false,
            record_of: None,
            approved_by: None,
        };
        (key, request)
    }

    fn place() -> Place {
        ("shops".into(), "asked".into())
    }

    fn put(open: &mut OpenSwitches, uid: &str) -> Vec<String> {
        let (key, request) = request(uid);
        said(open.put(place(), key, request))
    }

    fn said(told: Vec<In>) -> Vec<String> {
        let words = told.into_iter().map(|told| match told {
            In::Request(_, request) => format!("open {}", request.uid),
            In::RequestGone(_, uid) => format!("gone {uid}"),
            other => format!("{other:?}"),
        });
        words.collect()
    }

    #[test]
    fn what_ended_here_is_not_begun_whatever_the_watch_shows() {
        let mut open = OpenSwitches::default();
        assert_eq!(put(&mut open, "one"), ["open one"]);
        open.0.get_mut(&place()).unwrap().ended = true;
        assert!(put(&mut open, "one").is_empty());
        assert_eq!(
            put(&mut open, "two"),
            ["gone one", "open two"],
            "another object of its name"
        );
    }

    #[test]
    fn what_ended_here_is_open_again_after_the_lease_was_lost() {
        let mut open = OpenSwitches::default();
        put(&mut open, "one");
        assert!(said(open.reopen()).is_empty());
        open.0.get_mut(&place()).unwrap().ended = true;
        assert_eq!(said(open.reopen()), ["open one"]);
        assert_eq!(said(open.remove(&place()).into_iter().collect()), ["gone one"]);
    }
}
