//! Status has hard bounds: whatever readings say and whatever a journal holds, the API server takes the status that comes
//! of it, drops nothing of it, and it fits into an object.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fixture;

use breakwater_api::{Storefront, StorefrontStatus, crds, parse, render};
use breakwater_core::Text;
use breakwater_core::actual::Actual;
use breakwater_core::decision::{Next, SentCall, Step};
use breakwater_core::evidence::Evidence;
use breakwater_core::facts::Fleet;
use breakwater_core::journal::Journal;
use breakwater_core::outcome::{Outcome, Receipt};
use breakwater_core::plan::{Input, plan};
use breakwater_core::reading::{Cause, Reading};
use breakwater_core::report::report;
use breakwater_core::shop::Shop;
use breakwater_core::side::Side;
use breakwater_core::time::{Now, after};
use fixture::answers::{Dice, answer};
use fixture::extreme::{extreme_records, extreme_statuses};
use fixture::schema::{faults, status_schema};
use fixture::{at, class, storefront};
use proptest::prelude::*;
use std::time::Duration;

/// etcd takes 1.5 MiB for an object. Its spec may have some 80 kB, which stand a second time in kubectl's annotation, and
/// the managers of its fields a few more.
const STATUS_AT_MOST: usize = 1_200_000;

#[test]
fn the_longest_status_is_accepted_and_fits() {
    let crds = crds();
    let schema = status_schema(&crds, "Storefront");
    let all = extreme_statuses();
    assert_eq!(all.len(), 4);
    for (name, status) in all {
        let json = serde_json::to_value(&status).unwrap();
        assert_eq!(faults(schema, &json), Vec::<String>::new(), "{name}");
        let bytes = serde_json::to_vec(&status).unwrap().len();
        println!("{name}: {bytes} bytes");
        assert!(bytes < STATUS_AT_MOST, "{name}: {bytes} bytes");
    }
}

#[test]
fn the_longest_record_is_accepted() {
    let crds = crds();
    let schema = status_schema(&crds, "RegionSwitch");
    let shop = parse(&storefront("shop-ca"), &class(), "eu-prod").unwrap();
    for (name, record) in extreme_records(&shop) {
        let json = serde_json::to_value(record.status.unwrap()).unwrap();
        assert_eq!(faults(schema, &json), Vec::<String>::new(), "{name}");
    }
}

/// The longest spec that the schema admits; its texts are those that status repeats.
fn largest(dice: &mut Dice) -> Shop {
    let mut spec: Storefront = storefront("shop-ca");
    for (index, region) in [&mut spec.spec.regions.primary, &mut spec.spec.regions.secondary]
        .into_iter()
        .enumerate()
    {
        region.db_instance = format!("a{index}{}", "b".repeat(61));
        let first = region.services[0].clone();
        region.services = (0..32)
            .map(|number| {
                let host = "https://usw2.shop-ca.example.com";
                let mut service = first.clone();
                service.name = format!("s{number:02}{}", "e".repeat(60));
                service.url = format!("{host}/{index}/{number:02}/{}", "u".repeat(1024 - host.len() - 6));
                service.critical = number % 3 == 0;
                service.needs_writer = number % 2 == 0;
                service
            })
            .collect();
    }
    spec.spec.traffic.load_balancer_ids = (0..16).map(|number| format!("{number:032x}")).collect();
    if dice.one_in(2) {
        spec.spec.regions.primary.proof_url = None;
    }
    let mut shop = parse(&spec, &class(), "eu-prod").unwrap();
    shop.suspended = dice.one_in(20);
    if dice.one_in(3) {
        shop.policy.mode = breakwater_core::shop::Mode::Automatic;
    }
    shop
}

struct Life {
    shop: Shop,
    evidence: Evidence,
    actual: Actual,
    journal: Journal,
    fleet: Fleet,
    calls: Vec<SentCall>,
    now: Now,
}

impl Life {
    fn input<'a>(&'a self, me: &'a Text) -> Input<'a> {
        Input {
            turn: breakwater_core::pacing::Turn::AtEase,
            now: self.now,
            me,
            shop: &self.shop,
            evidence: &self.evidence,
            actual: &self.actual,
            journal: &self.journal,
            fleet: &self.fleet,
            calls: &self.calls,
            requests: &[],
        }
    }

    /// Some time, some of the answers that were wanted, and what follows from them.
    fn step(&mut self, dice: &mut Dice, me: &Text) -> StorefrontStatus {
        let pass = Duration::from_secs(dice.below(60));
        self.now = Now {
            mono: self.now.mono + pass,
            wall: after(self.now.wall, pass),
        };
        let looks = plan(&self.input(me)).look;
        for look in looks {
            if dice.one_in(4) {
                continue;
            }
            for (key, value) in answer(dice, &self.shop, &look.query, self.now) {
                let reading = Reading {
                    key,
                    at: self.now,
                    asked: self.now,
                    cause: Cause(1),
                    value,
                };
                self.evidence.absorb(&reading, &self.shop);
                self.actual.absorb(&reading, &self.shop);
            }
        }
        let decision = plan(&self.input(me));
        let shown = report(&self.input(me), &decision);
        let status = render(&self.journal, &shown, None, self.now.wall);
        match decision.next {
            Next::Record(journal) => self.journal = *journal,
            Next::Act(steps) => self.send(dice, steps),
            Next::Idle | Next::Wait(_) | Next::Release => {}
        }
        status
    }

    fn send(&mut self, dice: &mut Dice, steps: Vec<Step>) {
        for step in steps {
            let outcome = if dice.one_in(4) {
                Outcome::Denied(dice.text())
            } else {
                Outcome::Accepted(Receipt {
                    change: Some(dice.text()),
                    cause: Cause(2),
                })
            };
            self.calls.push(SentCall {
                step,
                at: self.now,
                ended: Some((self.now, outcome)),
                failures: 0,
            });
        }
        let surplus = self.calls.len().saturating_sub(64);
        self.calls.drain(..surplus);
    }
}

fn life(dice: &mut Dice) -> Life {
    let shop = largest(dice);
    let mut journal = if dice.one_in(3) {
        Journal::default()
    } else {
        fixture::journal()
    };
    if dice.one_in(2) {
        journal.current = None;
        journal.excluded = None;
    }
    if dice.one_in(2) {
        journal.obligations.clear();
    }
    if let Some(current) = &mut journal.current {
        current.phase = *dice.pick(&breakwater_core::journal::Phase::ALL);
        current.because = dice.one_in(2).then(|| dice.text());
        if dice.one_in(3) {
            current.outcome = Some(breakwater_core::journal::MoveOutcome::Completed);
        }
    }
    // Many edits ago other addresses were Up.
    journal
        .ever_up
        .extend((0..dice.below(400)).map(|number| Text::from(format!("https://old/{number}"))));
    for side in Side::BOTH {
        journal
            .resource_ids
            .insert(shop.regions[side].name.clone(), "db-1".into());
    }
    let fleet = Fleet {
        crd_outdated: dice.one_in(10),
        crds_lack: dice.one_in(10).then(|| "storefronts .status.journal".into()),
        watch_silent: dice.one_in(20),
        region: dice.one_in(2).then(|| "us-west-2".into()),
        ..Fleet::default()
    };
    Life {
        evidence: Evidence::new(&shop, journal.ever_up.clone()),
        actual: Actual::new(&shop),
        shop,
        journal,
        fleet,
        calls: Vec::new(),
        now: Now {
            mono: Duration::from_secs(1000),
            wall: at("2026-11-25T02:20:00Z"),
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_read_the_status_is_accepted_and_fits(seed in any::<u64>()) {
        let crds = crds();
        let schema = status_schema(&crds, "Storefront");
        let mut dice = Dice(seed);
        let mut life = life(&mut dice);
        for _ in 0..40 {
            let status = life.step(&mut dice, &"controller-1".into());
            let json = serde_json::to_value(&status).unwrap();
            prop_assert_eq!(faults(schema, &json), Vec::<String>::new());
            prop_assert!(json.to_string().len() < STATUS_AT_MOST);
            // What is stored is what was meant.
            let back: StorefrontStatus = serde_json::from_value(json).unwrap();
            prop_assert_eq!(back.journal, Some(status.journal.unwrap()));
        }
    }
}

/// The generator is worth something only if it gets about: diagnoses, refusals, blockers and phases of all kinds.
#[test]
fn the_random_lives_get_about() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let mut life = life(&mut dice);
        for _ in 0..40 {
            let status = life.step(&mut dice, &"controller-1".into());
            seen.extend(status.diagnosis.map(|name| format!("diagnosis {name}")));
            seen.extend(status.refusals.iter().map(|r| format!("refusal {}", r.name)));
            seen.extend(status.blockers.iter().map(|b| format!("blocker {}", b.name)));
            seen.extend(
                status
                    .in_flight
                    .iter()
                    .map(|m| format!("phase {}", m.split(' ').next().unwrap_or_default())),
            );
        }
    }
    let count = |kind: &str| seen.iter().filter(|name| name.starts_with(kind)).count();
    assert!(count("diagnosis") >= 8, "{seen:#?}");
    assert!(count("refusal") >= 8, "{seen:#?}");
    assert!(count("blocker") >= 25, "{seen:#?}");
    assert!(count("phase") >= 5, "{seen:#?}");
}
