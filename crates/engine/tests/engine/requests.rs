//! Requests by people: each is decided once, and told what becomes of it when that is news.

use crate::driver::{Driver, engine};
use crate::world::secs;
use breakwater_core::decision::Step;
use breakwater_core::journal::{MoveKind, MoveOutcome};
use breakwater_core::request::Request;
use breakwater_core::time::after;
use breakwater_engine::port::In;

/// As adopted at epoch 1.
fn failover(driver: &Driver, to: &str) -> Request {
    Request {
        name: "shop-2am".into(),
        uid: "rsw-1".into(),
        kind: MoveKind::Failover,
        to: Some(to.into()),
        expected_epoch: Some(1),
        start_before: after(driver.now.wall, secs(3600)),
        overrides: Vec::new(),
        allow_loss: None,
        max_write_stop: None,
        expires_at: None,
        abort: false,
        record_of: None,
        approved_by: None,
    }
}

fn ask(driver: &mut Driver, request: &Request) {
    let key = driver.shops[0].key.clone();
    driver.feed(In::Request(key, Box::new(request.clone())));
}

fn promotions(driver: &Driver) -> usize {
    driver
        .calls
        .iter()
        .filter(|sent| matches!(sent.step, Step::Promote(_)))
        .count()
}

#[test]
fn it_moves_once_whatever_is_shown_again() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    let request = failover(&driver, "us-west-2");
    ask(&mut driver, &request);
    driver.run(1200);
    let ended = driver.journal(0).current.clone().unwrap();
    assert_eq!(ended.outcome, Some(MoveOutcome::Completed));
    assert_eq!(promotions(&driver), 1);
    // The store did not show the end: the object is handed in again, also to a process that knows nothing of it.
    ask(&mut driver, &request);
    driver.run(300);
    driver.engine = engine("controller-2");
    driver.start();
    ask(&mut driver, &request);
    driver.run(1200);
    assert_eq!(promotions(&driver), 1);
    assert_eq!(driver.journal(0).last_number, ended.number);
    assert_eq!(driver.answers, []);
}

/// Withdrawn while the entry that begins its move is on its way: the move is undone, and nobody says that it never began.
#[test]
fn it_is_withdrawn_as_its_move_begins() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    driver.hold_writes = crate::driver::changes_journal;
    let mut request = failover(&driver, "us-west-2");
    ask(&mut driver, &request);
    driver.run(5);
    let begins = |write: &crate::driver::Write| write.status.journal.in_flight().is_some();
    assert!(driver.writes.iter().any(begins), "the entry is on its way");
    request.abort = true;
    ask(&mut driver, &request);
    assert_eq!(driver.answers, []);
    driver.hold_writes = |_, _| false;
    let write = driver.writes.last().cloned().unwrap();
    let stored = driver.write(&write);
    driver.feed(In::Stored(write.ticket, stored));
    driver.run(300);
    let ended = driver.journal(0).current.clone().unwrap();
    assert_eq!(ended.outcome, Some(MoveOutcome::Aborted));
    assert_eq!(promotions(&driver), 0);
}

/// The watch of RegionSwitches may be faster than that of Storefronts.
#[test]
fn it_may_come_before_its_shop() {
    let mut driver = Driver::new(&["one"]);
    let request = failover(&driver, "us-west-2");
    ask(&mut driver, &request);
    driver.start();
    driver.run(1200);
    assert_eq!(promotions(&driver), 1);
}

#[test]
fn a_refusal_is_told_once_and_is_final() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    let mut request = failover(&driver, "us-west-2");
    request.expected_epoch = Some(77);
    ask(&mut driver, &request);
    driver.run(60);
    ask(&mut driver, &request);
    driver.run(60);
    assert_eq!(driver.answers.len(), 1);
    assert_eq!(driver.answers[0].outcome, Some(MoveOutcome::Refused));
    assert_eq!(driver.answers[0].reason, "StaleEpoch");
    // What would be said now is another thing than what was said.
    request.expected_epoch = Some(driver.journal(0).epoch);
    ask(&mut driver, &request);
    driver.run(600);
    assert_eq!((driver.answers.len(), promotions(&driver)), (1, 0));
}

/// Its answer may never have got to the store: who lost the lease writes none any more.
#[test]
fn a_final_answer_that_the_store_does_not_show_is_given_again_after_the_lease_was_lost() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    let mut request = failover(&driver, "us-west-2");
    request.expected_epoch = Some(77);
    ask(&mut driver, &request);
    driver.run(60);
    assert_eq!(driver.answers.len(), 1);
    driver.renews = false;
    driver.feed(In::Lease(None));
    driver.run(60);
    assert_eq!(driver.answers.len(), 1);
    driver.renews = true;
    driver.run(60);
    assert_eq!(driver.answers.len(), 2);
    assert_eq!(driver.answers[0], driver.answers[1]);
    // One that the store shows is not asked about any more.
    let key = driver.key(0);
    driver.feed(In::RequestGone(key, request.uid.clone()));
    driver.feed(In::Lease(None));
    driver.run(60);
    assert_eq!(driver.answers.len(), 2);
}

/// Renewals that only come late by less than the lease change nothing.
#[test]
fn a_lease_that_is_renewed_asks_nothing_anew() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    let mut request = failover(&driver, "us-west-2");
    request.expected_epoch = Some(77);
    ask(&mut driver, &request);
    let reads = driver.reads.len();
    driver.run(120);
    assert_eq!((driver.answers.len(), driver.reads.len()), (1, reads));
}

#[test]
fn nobody_answers_without_the_lease() {
    let mut driver = Driver::new(&["one"]);
    driver.renews = false;
    for shop in driver.shops.clone() {
        driver.hand_in(shop);
    }
    let mut request = failover(&driver, "us-west-2");
    request.expected_epoch = Some(77);
    ask(&mut driver, &request);
    assert_eq!(driver.answers, []);
    driver.renews = true;
    driver.renew();
    driver.run(60);
    assert_eq!(driver.answers.len(), 1);
}
