//! What is asked, when, and what an answer may change.

use crate::driver::Driver;
use crate::world::{A, at, secs};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::reading::{Cause, NamesView, ObjectKey, ProbeSeen, Query, Seen, Value};
use breakwater_engine::port::In;

fn diagnosis(driver: &Driver) -> Option<Diagnosis> {
    driver.engine.diagnoses().next().map(|(_, diagnosis)| diagnosis)
}

#[test]
fn an_answer_that_was_asked_for_earlier_does_not_replace_a_newer_one() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    let shop = driver.shops[0].clone();
    let asked = at(driver.now.mono.as_secs() - 100);
    // An old answer without our TXT arrives late: nothing is missing, nothing is created.
    let key = ObjectKey::Names(shop.class.clone(), shop.writer.zone.clone(), shop.writer.name.clone());
    let fresh = driver.world.names[&shop.writer.name].clone();
    let old = NamesView {
        txt: None,
        ..fresh.clone()
    };
    let now = driver.now;
    let newest = driver.reading(Cause(5), now, key.clone(), Value::Names(Seen::Present(fresh)));
    driver.feed(In::Reading(Box::new(newest)));
    let late = driver.reading(Cause(6), asked, key, Value::Names(Seen::Present(old)));
    driver.feed(In::Reading(Box::new(late)));
    assert!(driver.calls.is_empty(), "{:?}", driver.calls);
    // An old Up of a dead region arrives late.
    driver.kill_region();
    driver.run(60);
    let before = diagnosis(&driver);
    let url = shop.regions[A].services[0].url.clone();
    let late = driver.reading(
        Cause(7),
        asked,
        ObjectKey::Probe(url),
        Value::Probe(ProbeSeen::Status(200)),
    );
    driver.feed(In::Reading(Box::new(late)));
    assert_eq!(diagnosis(&driver), before);
}

#[test]
fn questions_of_many_shops_about_one_account_are_asked_once() {
    let mut driver = Driver::started(&["one", "two", "three"]);
    driver.run(60);
    let from = driver.queries.len();
    driver.run(300);
    let describes: Vec<_> = driver.queries[from..]
        .iter()
        .filter_map(|(_, query)| match query {
            Query::Instances { scope, ids } if &*scope.region == "us-west-2" => Some(ids.len()),
            _ => None,
        })
        .collect();
    assert!(describes.iter().all(|ids| *ids == 3), "{describes:?}");
    assert!(
        (9..=11).contains(&describes.len()),
        "every 30 s at rest: {}",
        describes.len()
    );
}

#[test]
fn probes_keep_their_interval() {
    let mut driver = Driver::started(&["one"]);
    driver.run(60);
    let url = driver.shops[0].regions[A].services[0].url.clone();
    let from = driver.queries.len();
    driver.run(600);
    let asked = driver.queries[from..]
        .iter()
        .filter(|(_, query)| matches!(query, Query::Probe { url: probed, .. } if *probed == url))
        .count();
    assert!((59..=61).contains(&asked), "{asked}");
}

#[test]
fn suspicion_quickens_the_clouds() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    driver.kill_region();
    driver.run(20);
    let from = driver.queries.len();
    driver.run(60);
    let health = driver.queries[from..]
        .iter()
        .filter(|(_, query)| matches!(query, Query::PoolHealth { pool, .. } if pool.contains("ca-central-1")))
        .count();
    assert!(health >= 5, "{health}");
}

#[test]
fn there_is_always_a_next_wake_and_one_in_the_past_is_now() {
    // Case I6.
    let mut driver = Driver::started(&["one"]);
    assert!(driver.wake.is_some());
    for _ in 0..300 {
        driver.run(1);
        assert!(driver.wake.unwrap() > driver.now.mono, "what was due has been asked");
    }
    // The process was stopped for ten minutes: the first thing that happens tells a wake that is not in the past.
    driver.now = at(driver.now.mono.as_secs() + 600);
    driver.wake = None;
    driver.feed(In::Lease(None));
    assert!(
        driver.wake.is_some_and(|wake| wake >= driver.now.mono),
        "{:?}",
        driver.wake
    );
    driver.renew();
    driver.feed(In::Wake);
    assert!(
        driver
            .wake
            .is_some_and(|wake| wake >= driver.now.mono && wake <= driver.now.mono + secs(10))
    );
}

#[test]
fn a_question_is_not_asked_again_while_it_is_unanswered() {
    let mut engine = crate::driver::engine("controller-1");
    let shop = crate::world::shop("one");
    let mut out = Vec::new();
    let kept = breakwater_engine::port::Kept {
        journal: None,
        version: "1".into(),
    };
    engine.handle(at(0), In::Lease(Some(secs(10_000))), &mut out);
    engine.handle(at(0), In::Shop(Box::new(shop), kept.clone()), &mut out);
    let ticket = out
        .iter()
        .find_map(|out| match out {
            breakwater_engine::port::Out::ReadJournal { ticket, .. } => Some(*ticket),
            _ => None,
        })
        .unwrap();
    out.clear();
    engine.handle(at(0), In::Read(ticket, Ok(kept)), &mut out);
    for second in 1..600 {
        engine.handle(at(second), In::Wake, &mut out);
    }
    let mut asked: Vec<String> = out
        .iter()
        .filter_map(|out| match out {
            breakwater_engine::port::Out::Query(_, query) => Some(format!("{query:?}")),
            _ => None,
        })
        .collect();
    assert!(!asked.is_empty());
    let count = asked.len();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), count);
}

#[test]
fn a_shop_that_was_created_anew_under_its_name_is_another_one() {
    let mut driver = Driver::started(&["one"]);
    driver.run(60);
    let reads = driver.reads.len();
    let mut again = driver.shops[0].clone();
    again.uid = "uid-again".into();
    driver.hand_in(again);
    assert_eq!(driver.reads.len(), reads + 1, "its journal is read first");
}
