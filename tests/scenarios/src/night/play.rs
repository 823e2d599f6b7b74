//! Plays a script in the rig.

use super::clock;
use super::deeds::Controller;
use super::measure::{self, Measured};
use super::script::{Script, Step};
use super::{Trouble, setup, transcript, words};
use crate::{journal, seconds};
use breakwater_engine::port::Status;
use breakwater_rig::{Options, Rig};
use breakwater_sim::FaultId;
use std::collections::BTreeMap;
use std::time::Duration;

/// A wait without a limit of its own ends after this.
const PATIENCE: Duration = Duration::from_secs(2 * 3600);

/// A script that was played to its end, or to where it failed.
pub struct Played {
    /// Its name.
    pub name: String,
    /// The script.
    pub script: Script,
    /// The rig as it is now.
    pub rig: Rig,
    /// The begin, milliseconds since the Unix epoch.
    pub begin: i64,
    /// What the script did, for the transcript.
    pub(super) said: Vec<Said>,
    faults: BTreeMap<String, FaultId>,
    backup: Vec<(breakwater_core::shop::ShopKey, Option<Status>)>,
}

/// Something that the script did.
pub(super) struct Said {
    pub at: i64,
    pub kind: &'static str,
    pub text: String,
}

/// Plays a script; the checkers have the last word.
///
/// # Errors
/// When something that had to be true was not, with the transcript up to there.
pub fn play(name: &str, script: Script) -> Result<Played, Trouble> {
    let (setup, begin) = setup::of(name, &script)?;
    let options = Options {
        region: script.observer.clone(),
        forged_names_admitted: script.forged_names_admitted,
        ..Options::default()
    };
    let mut rig = Rig::new(setup, script.seed, &options);
    let keys: Vec<_> = script.shops.iter().map(|shop| rig.key(shop)).collect();
    for key in &keys {
        let own = script.spec.shop.as_deref().is_none_or(|shop| *shop == *key.name);
        if own {
            rig.edit(key, |shop| script.spec.apply(shop, begin));
        }
    }
    let mut played = Played {
        name: name.to_owned(),
        script,
        rig,
        begin,
        said: Vec::new(),
        faults: BTreeMap::new(),
        backup: Vec::new(),
    };
    played.before()?;
    for step in played.script.timeline.clone() {
        played.step(&step)?;
    }
    let until = played.script.until.0;
    played.run_to(until)?;
    played.end()?;
    Ok(played)
}

impl Played {
    fn first(&self) -> &str {
        &self.script.shops[0]
    }

    fn now(&self) -> i64 {
        self.rig.millis() - self.begin
    }

    fn untrue(&self, why: String) -> Trouble {
        Trouble::Untrue {
            script: self.name.clone(),
            at: clock::shown(self.now()),
            why,
            transcript: transcript::of(self),
        }
    }

    fn say(&mut self, kind: &'static str, text: String) {
        let at = self.rig.millis();
        self.said.push(Said { at, kind, text });
    }

    /// Until the begin; by then the shops have been adopted, where anything is adopted at all.
    fn before(&mut self) -> Result<(), Trouble> {
        self.run_to(0)?;
        let observes = matches!(self.script.spec.mode, Some(super::spec::ModeName::Observe));
        if self.script.new || observes {
            return Ok(());
        }
        let waiting = self
            .script
            .shops
            .iter()
            .find(|shop| journal(&self.rig, shop).active_region.is_none());
        match waiting {
            Some(shop) => Err(self.untrue(format!("{shop} is not adopted at the begin"))),
            None => Ok(()),
        }
    }

    fn run_to(&mut self, at: i64) -> Result<(), Trouble> {
        let left = at - self.now();
        match u64::try_from(left) {
            Ok(left) => {
                self.rig.run_for(Duration::from_millis(left));
                Ok(())
            }
            Err(_) => Err(self.untrue(format!("it is too late for what should happen at {}", clock::shown(at)))),
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), Trouble> {
        if let Some(at) = step.at {
            self.run_to(at.0)?;
        }
        if let Some(when) = &step.when {
            let limit = step.within.map_or(PATIENCE, |within| within.0);
            let until = self.rig.millis() + i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
            // Once a second is enough: what must come between two deeds of the controller is a twist.
            loop {
                let unmet = when.unmet(&self.rig, self.first(), self.begin);
                if unmet.is_empty() {
                    break;
                }
                if self.rig.millis() >= until {
                    return Err(self.untrue(format!("waited in vain: {}", unmet.join("; "))));
                }
                self.rig.run_for(seconds(1));
            }
        }
        if let Some(after) = step.after {
            self.rig.run_for(after.0);
        }
        self.expect(&step.expect.0)?;
        if let Some(text) = &step.say {
            self.say("--", text.clone());
        }
        self.deeds(step)
    }

    fn expect(&self, expected: &[super::expect::Expect]) -> Result<(), Trouble> {
        let unmet: Vec<String> = expected
            .iter()
            .flat_map(|expect| expect.unmet(&self.rig, self.first(), self.begin))
            .collect();
        if unmet.is_empty() {
            Ok(())
        } else {
            Err(self.untrue(unmet.join("; ")))
        }
    }

    fn deeds(&mut self, step: &Step) -> Result<(), Trouble> {
        for name in &step.clear.0 {
            let Some(id) = self.faults.remove(name) else {
                return Err(self.untrue(format!("there is no fault {name} to clear")));
            };
            self.say("over", name.clone());
            self.rig.clear(id);
        }
        for (name, fault) in &step.inject {
            self.say("fault", format!("{name}: {}", words::fault(fault)));
            let id = self.rig.inject(fault.clone());
            self.faults.insert(name.clone(), id);
        }
        for person in &step.person.0 {
            let first = self.first().to_owned();
            if let Err(why) = person.play(&mut self.rig, &first) {
                return Err(self.untrue(why));
            }
        }
        for controller in &step.controller.0 {
            self.befall(*controller);
        }
        for twist in &step.twist.0 {
            twist.play(&mut self.rig);
        }
        for asked in &step.request.0 {
            let first = self.first().to_owned();
            let said = asked.play(&mut self.rig, &first, self.begin);
            self.say("asked", said);
        }
        for name in &step.approve.0 {
            self.say("asked", format!("{name} is approved by lead@example.com"));
            self.rig.approve(name, "lead@example.com");
        }
        for name in &step.withdraw.0 {
            self.say("asked", format!("{name} is withdrawn"));
            self.rig.withdraw(name);
        }
        if let Some(edit) = &step.edit {
            let begin = self.begin;
            let keys: Vec<_> = self.script.shops.iter().map(|shop| self.rig.key(shop)).collect();
            for key in keys {
                if edit.shop.as_deref().is_none_or(|shop| *shop == *key.name) {
                    self.rig.edit(&key, |shop| edit.apply(shop, begin));
                }
            }
            self.say("edit", edit.words());
        }
        Ok(())
    }

    fn befall(&mut self, what: Controller) {
        let keys: Vec<_> = self.script.shops.iter().map(|shop| self.rig.key(shop)).collect();
        let said = match what {
            Controller::Dies => {
                self.rig.kill();
                "dies, and another starts"
            }
            Controller::ClusterGone => {
                self.rig.set_away(true);
                "its cluster goes away: no lease, no API server"
            }
            Controller::ClusterBack => {
                self.rig.set_away(false);
                "its cluster is back"
            }
            Controller::RenewalsFail => {
                self.rig.set_renewals_fail(true);
                "its renewals of the lease fail"
            }
            Controller::RenewalsWork => {
                self.rig.set_renewals_fail(false);
                "its renewals of the lease succeed again"
            }
            Controller::BackUp => {
                self.backup = keys
                    .into_iter()
                    .map(|key| (key.clone(), self.rig.status(&key).cloned()))
                    .collect();
                "a backup of etcd is taken"
            }
            Controller::Restore => {
                for (key, status) in std::mem::take(&mut self.backup) {
                    self.rig.restore(&key, status);
                }
                self.rig.kill();
                "etcd is restored from the backup, and another controller starts"
            }
            Controller::LoseStatus => {
                for key in keys {
                    self.rig.restore(&key, None);
                }
                self.rig.kill();
                "the cluster is rebuilt from Git: no status is left, and another controller starts"
            }
            Controller::CrdsOlder => {
                self.rig.set_prunes(true);
                self.rig.kill();
                "a new version starts, and the CRDs are those of the old one"
            }
            Controller::CrdsApplied => {
                self.rig.set_prunes(false);
                self.rig.kill();
                "the new CRDs are applied, and the controller is restarted"
            }
        };
        self.say("control", said.into());
    }

    /// What must be true at the end, the script's own claims included.
    fn end(&mut self) -> Result<(), Trouble> {
        self.expect(&self.script.ends.0)?;
        if self.rig.twists_left() > 0 {
            return Err(self.untrue("a deed that something was to befall never came".into()));
        }
        let (ledger, history, context) = (self.rig.ledger_json(), self.rig.history_json(), self.rig.context_json());
        match breakwater_checkers::check(&ledger, &history, &context) {
            Ok(violations) if violations.is_empty() => {}
            Ok(violations) => {
                let told: Vec<String> = violations.iter().take(8).map(ToString::to_string).collect();
                return Err(self.untrue(format!("{} violations: {}", violations.len(), told.join("; "))));
            }
            Err(unreadable) => return Err(self.untrue(unreadable.to_string())),
        }
        self.judge_decisions()?;
        let shown = super::shown::of(self);
        let claims = self.script.shows.iter().filter(|claim| !shown.contains(*claim));
        let untrue: Vec<&str> = claims.map(String::as_str).collect();
        let never: Vec<&str> = self
            .script
            .never
            .iter()
            .filter(|mark| shown.contains(*mark))
            .map(String::as_str)
            .collect();
        if !untrue.is_empty() {
            return Err(self.untrue(format!("the run did not show {}", untrue.join(", "))));
        }
        if never.is_empty() {
            Ok(())
        } else {
            Err(self.untrue(format!("the run showed {}", never.join(", "))))
        }
    }

    /// No promotion while shoppers were buying; and where they could not for long, the script says why that was right.
    fn judge_decisions(&self) -> Result<(), Trouble> {
        let measured: Vec<Measured> = self.script.shops.iter().map(|shop| measure::of(self, shop)).collect();
        if let Some(wrong) = measured.iter().find(|measured| measured.wrong) {
            return Err(self.untrue(format!("{} was moved while shoppers were buying", wrong.shop)));
        }
        let long = measured
            .iter()
            .find(|measured| measured.longest_without_orders > measure::LONG);
        match (long, &self.script.why) {
            (Some(long), None) => {
                let lasted = clock::length(long.longest_without_orders);
                Err(self.untrue(format!(
                    "{} sold nothing for {lasted}: say why that was right",
                    long.shop
                )))
            }
            (None, Some(_)) => Err(self.untrue("'why' explains what did not happen: shoppers could buy".into())),
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }
}
