//! I6: nothing acts without a valid lease, and a call starts only if it must end before the lease does.

use crate::driver::Driver;
use crate::world::secs;
use breakwater_core::reading::{Cause, ObjectKey, Seen, Value};
use breakwater_engine::port::In;

/// A reading that makes a call possible: our TXT is gone.
fn lose_the_txt(driver: &mut Driver) {
    let shop = driver.shops[0].clone();
    let names = driver.world.names.get_mut(&shop.writer.name).unwrap();
    names.txt = None;
    let view = names.clone();
    let key = ObjectKey::Names(shop.class.clone(), shop.writer.zone.clone(), shop.writer.name.clone());
    let reading = driver.reading(Cause(5), driver.now, key, Value::Names(Seen::Present(view)));
    driver.feed(In::Reading(Box::new(reading)));
}

#[test]
fn without_a_lease_nothing_comes_out() {
    let mut driver = Driver::new(&["one"]);
    driver.renews = false;
    for shop in driver.shops.clone() {
        driver.hand_in(shop);
    }
    driver.kill_region();
    driver.run(600);
    driver.feed(In::Lease(None));
    driver.run(60);
    assert!(
        driver.calls.is_empty() && driver.writes.is_empty() && driver.queries.is_empty() && driver.reads.is_empty()
    );
    driver.renews = true;
    driver.run(10);
    assert!(!driver.queries.is_empty());
}

#[test]
fn a_lease_that_ended_stops_everything_in_between() {
    let mut driver = Driver::started(&["one"]);
    driver.run(60);
    driver.renews = false;
    driver.run(16);
    let (queries, writes) = (driver.queries.len(), driver.writes.len());
    lose_the_txt(&mut driver);
    driver.kill_region();
    driver.run(600);
    assert!(driver.calls.is_empty());
    assert_eq!((driver.queries.len(), driver.writes.len()), (queries, writes));
}

#[test]
fn a_call_needs_as_much_lease_as_it_may_take() {
    // A 4 s call needs 4 s of lease left.
    for (left, sent) in [(5, true), (4, true), (3, false), (1, false)] {
        let mut driver = Driver::started(&["one"]);
        driver.run(60);
        driver.renews = false;
        let until = driver.now.mono + secs(left);
        driver.feed(In::Lease(Some(until)));
        lose_the_txt(&mut driver);
        assert_eq!(driver.calls.len(), usize::from(sent), "{left} s left");
        if let Some(call) = driver.calls.first() {
            assert_eq!(call.timeout, secs(4));
        }
    }
}

#[test]
fn the_lease_that_comes_back_lets_the_work_go_on() {
    let mut driver = Driver::started(&["one"]);
    driver.run(60);
    driver.renews = false;
    driver.run(20);
    lose_the_txt(&mut driver);
    assert!(driver.calls.is_empty());
    driver.renews = true;
    driver.run(400);
    assert_eq!(driver.calls.len(), 1);
}

/// Another process may have written meanwhile, and the watch may be late: nothing is called by the journal of old.
#[test]
fn the_journal_is_read_before_anything_is_called_again() {
    let mut driver = Driver::started(&["one"]);
    driver.run(60);
    driver.renews = false;
    driver.run(20);
    let (reads, writes) = (driver.reads.len(), driver.writes.len());
    lose_the_txt(&mut driver);
    driver.hold_reads = true;
    driver.renews = true;
    driver.run(400);
    assert_eq!((driver.calls.len(), driver.writes.len()), (0, writes));
    assert_eq!(driver.reads.len(), reads + 1);
}

#[test]
fn a_shop_that_is_gone_is_forgotten() {
    let mut driver = Driver::started(&["one", "two"]);
    driver.run(60);
    let key = driver.key(0);
    driver.feed(In::Gone(key.clone()));
    let queries = driver.queries.len();
    driver.run(120);
    assert!(driver.engine.journal(&key).is_none());
    let asked: Vec<String> = driver.queries[queries..]
        .iter()
        .map(|(_, query)| format!("{query:?}"))
        .collect();
    assert!(asked.iter().all(|query| !query.contains("one.")), "{asked:?}");
    assert!(asked.iter().any(|query| query.contains("two.")));
}
