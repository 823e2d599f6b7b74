//! I1 and I2 in the engine: a promotion goes out under an entry that this process wrote, once.

use crate::driver::{Driver, ME, Write};
use crate::world::{B, secs};
use breakwater_core::decision::Step;
use breakwater_core::journal::{Journal, Phase};
use breakwater_core::outcome::{Ambiguity, Outcome};
use breakwater_engine::port::{In, StoreError};

fn grants(write: &Write, stored: &Option<Journal>) -> bool {
    let licence = |journal: &Journal| journal.in_flight().and_then(|m| m.licence.clone());
    let new = licence(&write.status.journal);
    new.is_some() && new != stored.as_ref().and_then(licence)
}

/// A move whose licence has been sent to the store and not been answered.
fn granting() -> (Driver, Write) {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    driver.kill_region();
    driver.hold_writes = grants;
    driver.run_until(600, |driver| {
        driver.writes.last().is_some_and(|write| {
            let current = write.status.journal.in_flight();
            current.is_some_and(|m| m.phase == Phase::Promoting)
        })
    });
    let write = driver.writes.last().unwrap().clone();
    (driver, write)
}

#[test]
fn it_goes_out_once_it_is_stored_with_its_number_and_region() {
    let (mut driver, write) = granting();
    let stored = driver.write(&write);
    driver.feed(In::Stored(write.ticket, stored));
    let promotions = driver.promotions();
    assert_eq!(promotions.len(), 1);
    let Step::Promote(promotion) = &promotions[0].step else {
        unreachable!()
    };
    assert_eq!(promotion.number, 2);
    assert_eq!(promotion.scope.region, driver.shops[0].regions[B].name);
    assert_eq!(
        promotions[0].licence,
        Some((2, driver.shops[0].regions[B].name.clone()))
    );
    driver.run(1200);
    assert_eq!(driver.promotions().len(), 1);
}

#[test]
fn a_lost_reply_whose_entry_stands_there_counts_as_written() {
    let (mut driver, write) = granting();
    driver.write(&write).unwrap();
    driver.feed(In::Stored(write.ticket, Err(StoreError::Unknown("time-out".into()))));
    driver.run(1);
    assert_eq!(driver.promotions().len(), 1);
}

#[test]
fn a_lost_reply_whose_entry_is_not_there_sends_nothing_under_it() {
    let (mut driver, write) = granting();
    // It is planned anew: with a new licence, written anew.
    driver.hold_writes = |_, _| false;
    driver.run(1);
    driver.feed(In::Stored(write.ticket, Err(StoreError::Unknown("time-out".into()))));
    driver.run(60);
    assert_eq!(driver.promotions().len(), 1);
    let current = driver.store[&driver.key(0)].0.clone().unwrap().current.unwrap();
    assert_ne!(current.licence, write.status.journal.current.unwrap().licence);
}

#[test]
fn an_entry_that_is_found_too_late_is_worth_nothing() {
    let (mut driver, write) = granting();
    driver.write(&write).unwrap();
    driver.hold_reads = true;
    driver.feed(In::Stored(write.ticket, Err(StoreError::Unknown("time-out".into()))));
    driver.run(61);
    driver.hold_reads = false;
    let (ticket, key) = driver.reads.last().unwrap().clone();
    let kept = driver.kept(&key);
    driver.feed(In::Read(ticket, Ok(kept)));
    assert_eq!(driver.promotions().len(), 0);
    driver.run(20);
    let old = write.status.journal.current.unwrap().licence;
    assert!(
        driver
            .promotions()
            .iter()
            .all(|sent| sent.at.wall > old.as_ref().unwrap().at + jiff::SignedDuration::from_secs(61)),
        "only under a licence of its own"
    );
}

#[test]
fn a_late_confirmation_is_worth_nothing_either() {
    let (mut driver, write) = granting();
    let stored = driver.write(&write);
    driver.run(61);
    driver.feed(In::Stored(write.ticket, stored));
    assert_eq!(driver.promotions().len(), 0);
}

#[test]
fn a_licence_that_was_read_and_not_written_is_not_usable() {
    for me in ["controller-2", ME] {
        let (mut driver, write) = granting();
        driver.write(&write).unwrap();
        driver.hold_writes = |_, _| false;
        driver.take_over(me);
        driver.run(55);
        assert_eq!(
            driver.promotions().len(),
            0,
            "{me}: neither another process nor one of the same name"
        );
        assert_eq!(driver.journal(0).in_flight().unwrap().phase, Phase::Promoting);
    }
}

#[test]
fn a_licence_that_a_cache_did_not_show_yet_is_not_usable_either() {
    let (mut driver, write) = granting();
    let old = driver.kept(&write.key);
    driver.write(&write).unwrap();
    driver.hold_writes = |_, _| false;
    driver.engine = crate::driver::engine(ME);
    driver.renew();
    let shop = driver.shops[0].clone();
    driver.feed(In::Shop(Box::new(shop), old));
    driver.run(55);
    assert_eq!(driver.promotions().len(), 0);
}

#[test]
fn a_takeover_with_the_promotion_sent_sees_it_through() {
    let (mut driver, write) = granting();
    let stored = driver.write(&write);
    driver.hold_writes = |_, _| false;
    driver.hold_calls = |sent| matches!(sent.step, Step::Promote(_));
    driver.feed(In::Stored(write.ticket, stored));
    let sent = driver.promotions()[0].clone();
    // It happens, and nobody hears of it.
    driver.world.apply(&sent.step);
    driver.take_over("controller-2");
    driver.run(600);
    assert_eq!(driver.promotions().len(), 1);
    let journal = driver.journal(0);
    assert_eq!(journal.active_region.as_deref(), Some("us-west-2"));
    assert_eq!(journal.epoch, 2);
    assert!(journal.in_flight().is_none());
}

#[test]
fn an_ambiguous_promotion_is_not_repeated() {
    let (mut driver, write) = granting();
    let stored = driver.write(&write);
    driver.hold_writes = |_, _| false;
    driver.hold_calls = |sent| matches!(sent.step, Step::Promote(_));
    driver.feed(In::Stored(write.ticket, stored));
    let sent = driver.promotions()[0].clone();
    driver.run(4);
    driver.feed(In::CallDone(sent.ticket, Outcome::Ambiguous(Ambiguity::TimedOut)));
    driver.run(170);
    assert_eq!(driver.promotions().len(), 1);
    // 60 s of licence and 120 s later two reads show an unchanged replica.
    driver.run(120);
    assert_eq!(driver.promotions().len(), 2);
    let (first, second) = (driver.promotions()[0].at, driver.promotions()[1].at);
    assert!(second.mono - first.mono >= secs(180));
}

/// The watch may be behind: spec and journal are read from the API server before the licence is written.
#[test]
fn what_the_watch_has_not_brought_yet_counts_before_a_licence() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    driver.kill_region();
    driver.hold_reads = true;
    driver.reads.clear();
    driver.run_until(600, |driver| !driver.reads.is_empty());
    assert_eq!(driver.journal(0).in_flight().map(|m| m.phase), Some(Phase::Excluding));
    let granted = |driver: &Driver| {
        let current = driver.journal(0).in_flight();
        current.is_some_and(|m| m.licence.is_some())
    };
    assert!(!granted(&driver), "read first");
    // A person has suspended the shop meanwhile.
    let (ticket, key) = driver.reads.remove(0);
    let mut suspended = driver.shops[0].clone();
    suspended.suspended = true;
    suspended.generation += 1;
    driver.hand_in(suspended);
    let kept = driver.kept(&key);
    driver.feed(In::Read(ticket, Ok(kept)));
    driver.hold_reads = false;
    driver.run(600);
    assert!(!granted(&driver));
    assert_eq!(driver.promotions().len(), 0);
}
