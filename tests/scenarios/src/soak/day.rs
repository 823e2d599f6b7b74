//! One day: which shops, which troubles, what persons do, and the calm after it.

use super::dice::Dice;
use super::troubles;
use crate::{EAST, WEST, hours, minutes};
use breakwater_core::Text;
use breakwater_core::journal::MoveKind;
use breakwater_core::request::{Override, Request};
use breakwater_core::shop::Mode;
use breakwater_rig::{Aim, Options, Rig, Twist};
use breakwater_sim::{FaultId, Setup};
use std::time::Duration;

/// More than the deadlines of a move's phases come to.
const CALM: Duration = Duration::from_secs(2 * 3600 + 900);

/// What a person in a hurry overrides.
const OVERRIDES: [Override; 9] = [
    Override::ObserveMode,
    Override::AwaitingApproval,
    Override::LossUnknown,
    Override::LossOverBudget,
    Override::StandbyServicesDown,
    Override::TrafficNotMoved,
    Override::NameUnmovable,
    Override::CoolDown,
    Override::ObligationOpen,
];

/// A day in the making.
pub struct Day {
    dice: Dice,
    rig: Rig,
    shops: Vec<String>,
    /// Whether persons interfere on this day: what they break stays broken.
    persons: bool,
    said: Vec<(i64, String)>,
}

impl Day {
    /// The morning of a seed's day.
    #[must_use]
    pub fn of(seed: u64) -> Day {
        let mut dice = Dice::new(seed);
        let setup = setup(&mut dice);
        let mut rig = Rig::new(setup, seed, &Options::default());
        let cool_down = *dice.of(&[minutes(60), minutes(60), minutes(10)]);
        let shops = crate::shops(&rig);
        for shop in &shops {
            let key = rig.key(shop);
            rig.edit(&key, |shop| shop.policy.cool_down = cool_down);
        }
        let persons = dice.one_in(3);
        Day {
            dice,
            rig,
            shops,
            persons,
            said: Vec::new(),
        }
    }

    /// The phase of faults.
    pub fn troubles(&mut self) {
        // Sometimes they begin before the shops have been adopted.
        let quiet = self.dice.seconds(0, 1_200);
        self.rig.run_for(quiet);
        for _ in 0..4 + self.dice.below(5) {
            let mut faults = vec![self.trouble()];
            if self.dice.one_in(3) {
                let between = self.dice.seconds(1, 300);
                self.rig.run_for(between);
                faults.push(self.trouble());
            }
            let lasts = self.lasts();
            let until = self.rig.millis() + i64::try_from(lasts.as_millis()).unwrap_or(0);
            self.meanwhile();
            let left = u64::try_from(until - self.rig.millis()).unwrap_or(0);
            self.rig.run_for(Duration::from_millis(left));
            for fault in faults {
                self.rig.clear(fault);
            }
            let between = self.dice.seconds(0, 900);
            self.rig.run_for(between);
        }
    }

    /// Nothing is broken any more, and nobody does anything.
    pub fn calm(&mut self) {
        self.rig.world.clear_all();
        self.rig.set_away(false);
        self.rig.set_renewals_fail(false);
        self.say("all is cleared".into());
        self.rig.run_for(CALM);
    }

    /// The run.
    #[must_use]
    pub fn into_rig(self) -> Rig {
        self.rig
    }

    /// The run, so far.
    #[must_use]
    pub fn rig(&self) -> &Rig {
        &self.rig
    }

    /// What was done to the shops that the ledger does not tell, with times (virtual milliseconds).
    #[must_use]
    pub fn said(&self) -> &[(i64, String)] {
        &self.said
    }

    fn say(&mut self, what: String) {
        self.said.push((self.rig.millis(), what));
    }

    fn trouble(&mut self) -> FaultId {
        let fault = troubles::any(&mut self.dice, &self.shops);
        self.rig.inject(fault)
    }

    /// Some troubles are over before anybody decides, others last for as long as a move takes.
    fn lasts(&mut self) -> Duration {
        match self.dice.below(4) {
            0 => self.dice.seconds(5, 120),
            1 | 2 => self.dice.seconds(120, 900),
            _ => self.dice.seconds(900, 2_400),
        }
    }

    /// What happens beside a fault.
    fn meanwhile(&mut self) {
        let soon = self.dice.seconds(0, 600);
        match self.dice.below(12) {
            0 | 1 => {
                self.rig.run_for(soon);
                self.say("the controller dies".into());
                self.rig.kill();
            }
            2 => {
                self.rig.run_for(soon);
                self.say("the cluster is away".into());
                self.rig.set_away(true);
                let away = self.dice.seconds(1, 900);
                self.rig.run_for(away);
                self.rig.set_away(false);
                self.say("the cluster is back".into());
            }
            3 => {
                let takes = self.dice.seconds(0, 14);
                self.say(format!("renewals of the lease take {} s", takes.as_secs()));
                self.rig.set_renewal_takes(takes);
                self.rig.run_for(soon);
                self.rig.set_renewal_takes(Duration::ZERO);
            }
            4 => {
                self.rig.set_renewals_fail(true);
                self.say("renewals of the lease fail".into());
                self.rig.run_for(soon);
                self.rig.set_renewals_fail(false);
            }
            5 => self.restore(),
            6 | 7 if self.persons => self.person(),
            8 if self.persons => self.edit(),
            9 | 10 if self.persons => self.ask(),
            _ => self.twist(),
        }
    }

    /// Something befalls a deed of the near future.
    fn twist(&mut self) {
        for _ in 0..1 + self.dice.below(3) {
            let next = self.rig.deeds().len() + self.dice.index(12);
            let late = i64::try_from(1 + self.dice.below(120)).unwrap_or(1) * 1_000;
            let twist = match self.dice.below(8) {
                0 => Twist::DieBefore,
                1 => Twist::DieAfter,
                2 => Twist::LoseRequest,
                3 => Twist::LoseReply,
                4 | 5 => Twist::ArriveLate(late),
                6 => Twist::Conflict,
                _ => Twist::Refuse {
                    status: 403,
                    code: "AccessDenied",
                },
            };
            self.say(format!("{twist:?} will befall deed {next}"));
            self.rig.twist(Aim::Nth(next), twist);
        }
    }

    /// An older status of a shop is put back; the controller starts anew with it, as after a restored etcd.
    fn restore(&mut self) {
        let key = self.rig.key(self.dice.of::<String>(&self.shops));
        let wait = self.dice.seconds(0, 300);
        self.rig.run_for(wait);
        let old = self.rig.status(&key).cloned();
        let later = self.dice.seconds(60, 1_800);
        self.rig.run_for(later);
        let lost = self.dice.one_in(3);
        self.say(format!(
            "the status of {key} is {}",
            if lost { "lost" } else { "put back" }
        ));
        self.rig.restore(&key, if lost { None } else { old });
        self.rig.kill();
    }

    fn person(&mut self) {
        let wait = self.dice.seconds(0, 600);
        self.rig.run_for(wait);
        let (shop, region) = (
            self.dice.of::<String>(&self.shops).clone(),
            (*self.dice.of(&[EAST, WEST])).to_owned(),
        );
        let kind = self.dice.below(9);
        let (pool, balancer, order) = {
            let setup = self.rig.world.setup();
            let Some(own) = setup.shops.iter().find(|own| own.name == shop) else {
                return;
            };
            let pools: Vec<String> = own.sides().iter().map(|side| side.pool_id.clone()).collect();
            let pool = own
                .sides()
                .iter()
                .find(|side| side.region == region)
                .map(|side| side.pool_id.clone());
            (pool.unwrap_or_default(), own.balancers[0].id.clone(), pools)
        };
        let who = "person:soak";
        let world = &mut self.rig.world;
        match kind {
            0 => _ = world.promote_by_hand(who, &shop),
            1 => _ = world.start_instance(who, &shop, &region),
            2 => _ = world.stop_instance(who, &shop, &region),
            3 => _ = world.set_read_only(who, &shop, &region, if order.len() > 1 { "1" } else { "0" }),
            4 => _ = world.point_writer(who, &shop, &region),
            5 => _ = world.set_pool_enabled(who, &pool, false),
            6 => _ = world.set_pool_enabled(who, &pool, true),
            7 => _ = world.delete_pool(who, &pool),
            _ => {
                let patch = serde_json::json!({"default_pools": [order[1], order[0]], "fallback_pool": order[1]});
                _ = world.patch_balancer_as(who, &balancer, patch);
            }
        }
    }

    /// A person asks for a failover, or names the active region; with overrides, and sometimes not for long.
    fn ask(&mut self) {
        let wait = self.dice.seconds(0, 600);
        self.rig.run_for(wait);
        let key = self.rig.key(self.dice.of::<String>(&self.shops));
        let epoch = self.rig.journal(&key).map(|journal| journal.epoch);
        let name: Text = format!("asked-{}", self.rig.millis()).into();
        let kind = *self.dice.of(&[MoveKind::Failover, MoveKind::Failover, MoveKind::Adopt]);
        // Without another throw of the dice: what seeds found before stays what they find.
        let shifts = kind == MoveKind::Failover && self.rig.millis() % 3 == 0;
        let kind = if shifts { MoveKind::TrafficShift } else { kind };
        let to: Text = (*self.dice.of(&[EAST, WEST])).into();
        let count = self.dice.index(4);
        let overrides: Vec<Override> = (0..count).map(|_| *self.dice.of(&OVERRIDES)).collect();
        let within = self.dice.seconds(60, 1_800);
        let start_before = jiff::Timestamp::from_millisecond(self.rig.millis())
            .unwrap_or_default()
            .saturating_add(jiff::SignedDuration::try_from(within).unwrap_or_default())
            .unwrap_or_default();
        let request = Request {
            name: name.clone(),
            uid: name.clone(),
            kind,
            to: Some(to),
            expected_epoch: epoch.filter(|_| self.dice.one_in(2)),
            start_before,
            overrides,
            allow_loss: self.dice.one_in(2).then(|| hours(1)),
            max_write_stop: None,
            expires_at: (kind == MoveKind::TrafficShift).then(|| breakwater_core::time::after(start_before, hours(1))),
            abort: false,
            record_of: None,
            approved_by: None,
        };
        self.say(format!("a request for {key}: {request:?}"));
        self.rig.request(&key, request);
        if self.dice.one_in(3) {
            let later = self.dice.seconds(1, 120);
            self.rig.run_for(later);
            self.say(format!("{name} is withdrawn"));
            self.rig.withdraw(&name);
        }
    }

    /// Somebody edits a spec.
    fn edit(&mut self) {
        let key = self.rig.key(self.dice.of::<String>(&self.shops));
        let (kind, lasts) = (self.dice.below(4), self.dice.seconds(30, 900));
        self.say(format!("an edit ({kind}) of {key}"));
        self.rig.edit(&key, |shop| match kind {
            0 => shop.policy.mode = Mode::Observe,
            1 => shop.policy.mode = Mode::Approve,
            2 => shop.suspended = true,
            _ => shop.policy.automatic_traffic = false,
        });
        self.rig.run_for(lasts);
        self.rig.edit(&key, |shop| {
            shop.policy.mode = Mode::Automatic;
            shop.suspended = false;
            shop.policy.automatic_traffic = true;
        });
    }
}

/// Some of the demo's shops with few shoppers and no record of reads; what documentation leaves open is drawn.
fn setup(dice: &mut Dice) -> Setup {
    let mut setup = Setup::demo();
    setup.keep_reads = false;
    // The fewer there are, the more befalls each.
    for _ in 0..*dice.of(&[0, 1, 2, 2]) {
        let leaves = dice.index(setup.shops.len());
        setup.shops.remove(leaves);
    }
    let habits = &mut setup.habits;
    for habit in [
        &mut habits.dead_link_is_error,
        &mut habits.dead_link_is_minus_one,
        &mut habits.unlisted_pools_monitored,
        &mut habits.relay_log_lost,
        &mut habits.source_vanishes_early,
        &mut habits.stop_refused_with_replica,
    ] {
        *habit = dice.one_in(2);
    }
    let monitors = *dice.of(&[15, 15, 60]);
    for shop in &mut setup.shops {
        shop.orders_per_second = 0.2;
        shop.jobs_per_minute = 1.0;
        shop.monitor_interval_seconds = monitors;
    }
    setup
}
