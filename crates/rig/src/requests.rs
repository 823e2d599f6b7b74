//! RegionSwitches: requests by people, and what they read there. An object with an outcome is no request any more.

use crate::rig::Rig;
use breakwater_core::Text;
use breakwater_core::journal::{Move, Shift};
use breakwater_core::report::Answered;
use breakwater_core::request::Request;
use breakwater_core::shop::ShopKey;
use breakwater_engine::port::In;
use jiff::Timestamp;

#[derive(Debug, Default)]
pub(crate) struct Switches {
    open: Vec<(ShopKey, Request)>,
    answers: Vec<(i64, ShopKey, Answered)>,
}

impl Rig {
    /// A person creates a RegionSwitch.
    pub fn request(&mut self, key: &ShopKey, request: Request) {
        self.switches.open.push((key.clone(), request.clone()));
        self.feed(In::Request(key.clone(), Box::new(request)));
    }

    /// A person sets `abort: true` on the RegionSwitch of this name, if it has no outcome yet.
    pub fn withdraw(&mut self, name: &str) {
        let open = self.switches.open.iter_mut().find(|(_, known)| &*known.name == name);
        if let Some((key, request)) = open {
            request.abort = true;
            let (key, request) = (key.clone(), request.clone());
            self.feed(In::Request(key, Box::new(request)));
        }
    }

    /// A person sets `approval.by` on the RegionSwitch of this name, if it has no outcome yet.
    pub fn approve(&mut self, name: &str, by: &str) {
        let open = self.switches.open.iter_mut().find(|(_, known)| &*known.name == name);
        if let Some((key, request)) = open {
            request.approved_by.get_or_insert_with(|| by.into());
            let (key, request) = (key.clone(), request.clone());
            self.feed(In::Request(key, Box::new(request)));
        }
    }

    /// What requesters were told so far, with the virtual time in milliseconds.
    #[must_use]
    pub fn answers(&self) -> &[(i64, ShopKey, Answered)] {
        &self.switches.answers
    }

    pub(crate) fn hand_in_requests(&mut self) {
        for (key, request) in self.switches.open.clone() {
            self.feed(In::Request(key, Box::new(request)));
        }
    }

    pub(crate) fn show_answer(&mut self, key: ShopKey, answered: Answered) {
        let ended = answered.outcome.map(|_| answered.uid.clone());
        self.switches.answers.push((self.millis(), key.clone(), answered));
        if let Some(uid) = ended {
            self.close(&key, &uid);
        }
    }

    pub(crate) fn show_record(&mut self, key: &ShopKey, current: &Move) {
        if let (Some(_), Some(request)) = (current.outcome, &current.request) {
            self.close(key, &request.uid.clone());
        }
        if let Some(approval) = &current.approval {
            self.show_asked(key, current, approval.until);
        }
    }

    /// The record of a move that waits for a person, which the controller creates and sees like any other object.
    fn show_asked(&mut self, key: &ShopKey, current: &Move, until: Timestamp) {
        let uid: Text = format!("record-{}-{}", key.name, current.number).into();
        if current.outcome.is_some() {
            return self.close(key, &uid);
        }
        if self.switches.open.iter().any(|(_, known)| known.uid == uid) {
            return;
        }
        let record = Request {
            name: current.record_name(&key.name).into(),
            uid,
            kind: current.kind,
            to: Some(current.to.clone()),
            expected_epoch: Some(current.number - 1),
            start_before: until,
            overrides: Vec::new(),
            allow_loss: None,
            max_write_stop: None,
            expires_at: None,
            abort: false,
            record_of: Some(current.number),
            approved_by: None,
        };
        self.request(key, record);
    }

    pub(crate) fn show_shift(&mut self, key: &ShopKey, shift: &Shift) {
        if shift.outcome.is_some() {
            self.close(key, &shift.request.uid.clone());
        }
    }

    fn close(&mut self, key: &ShopKey, uid: &Text) {
        self.switches.open.retain(|(_, known)| known.uid != *uid);
        self.feed(In::RequestGone(key.clone(), uid.clone()));
    }
}
