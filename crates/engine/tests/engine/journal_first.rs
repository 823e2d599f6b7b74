//! Journal first: no write, no call.

use crate::driver::{Driver, changes_journal};
use crate::world::{secs, shop};
use breakwater_core::decision::{Effect, Step};
use breakwater_core::facts::Fleet;
use breakwater_core::journal::{Journal, Phase};
use breakwater_engine::port::{In, Kept, StoreError};

/// A new shop: the first entry begins its adoption, the first call creates our TXT.
fn new() -> Driver {
    let mut driver = Driver::new(&["one"]);
    let key = driver.key(0);
    driver.store.insert(key, (None, 1));
    let name = driver.shops[0].writer.name.clone();
    driver.world.names.get_mut(&name).unwrap().txt = None;
    driver
}

fn phase_is(driver: &Driver, phase: Phase) -> bool {
    driver.journal(0).in_flight().is_some_and(|m| m.phase == phase)
}

#[test]
fn the_journal_is_read_before_anything_else() {
    let mut driver = Driver::new(&["one"]);
    driver.hold_reads = true;
    driver.start();
    driver.run(30);
    assert_eq!(driver.reads.len(), 1);
    assert!(driver.queries.is_empty() && driver.calls.is_empty() && driver.writes.is_empty());
    let (ticket, key) = driver.reads[0].clone();
    let kept = driver.kept(&key);
    driver.feed(In::Read(ticket, Ok(kept)));
    assert!(!driver.queries.is_empty());
}

#[test]
fn no_call_before_the_entry_is_stored() {
    let mut driver = new();
    driver.hold_writes = changes_journal;
    driver.start();
    driver.run(300);
    let entry = driver
        .writes
        .iter()
        .find(|write| write.status.journal.adopting_since.is_some());
    let entry = entry.expect("an adoption").clone();
    assert!(driver.calls.is_empty(), "{:?}", driver.calls);
    assert_eq!(
        driver.journal(0).adopting_since,
        None,
        "what is not confirmed does not count"
    );
    driver.hold_writes = |_, _| false;
    let stored = driver.write(&entry);
    driver.feed(In::Stored(entry.ticket, stored));
    driver.run(30);
    let first = driver.calls.first().expect("a call");
    assert!(
        matches!(first.step, Step::Effect(Effect::ChangeNames { .. })),
        "{first:?}"
    );
}

#[test]
fn no_promotion_before_its_licence_is_stored() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    driver.kill_region();
    driver.hold_writes = |write, _| {
        let current = write.status.journal.in_flight();
        current.is_some_and(|m| m.phase == Phase::Promoting && m.promoted_at.is_none())
    };
    driver.run(600);
    let held = driver.writes.last().unwrap();
    assert!(held.status.journal.in_flight().unwrap().licence.is_some());
    assert_eq!(driver.promotions().len(), 0);
    assert!(phase_is(&driver, Phase::Excluding));
}

#[test]
fn there_is_one_write_at_a_time() {
    let mut driver = Driver::new(&["one"]);
    driver.hold_writes = |_, _| true;
    driver.start();
    driver.run(60);
    assert_eq!(driver.writes.len(), 1);
    driver.kill_region();
    driver.run(300);
    assert_eq!(driver.writes.len(), 1);
}

#[test]
fn after_a_conflict_it_is_read_and_planned_anew() {
    let mut driver = new();
    driver.hold_writes = changes_journal;
    driver.start();
    driver.run(60);
    let (reads, writes) = (driver.reads.len(), driver.writes.len());
    let entry = driver.writes.last().unwrap().clone();
    driver.touch(0);
    let result = driver.write(&entry);
    assert_eq!(result, Err(StoreError::Conflict));
    driver.hold_reads = true;
    driver.feed(In::Stored(entry.ticket, result));
    driver.run(30);
    assert_eq!(driver.reads.len(), reads + 1);
    assert_eq!(driver.writes.len(), writes, "nothing is written before the read");
    assert!(driver.calls.is_empty());
    driver.hold_writes = |_, _| false;
    driver.hold_reads = false;
    let (ticket, key) = driver.reads.last().unwrap().clone();
    let kept = driver.kept(&key);
    let version = kept.version.clone();
    driver.feed(In::Read(ticket, Ok(kept)));
    driver.run(30);
    let again = &driver.writes[writes];
    assert_eq!(again.version, version, "against the new version");
    assert!(again.status.journal.adopting_since.is_some());
    assert!(!driver.calls.is_empty());
}

#[test]
fn a_journal_that_somebody_else_wrote_is_taken() {
    let mut driver = new();
    driver.hold_writes = changes_journal;
    driver.start();
    driver.run(60);
    let entry = driver.writes.last().unwrap().clone();
    // Another process has adopted it meanwhile, at epoch 9.
    let theirs = Journal {
        epoch: 9,
        last_number: 9,
        ..crate::world::adopted(&driver.shops[0])
    };
    let key = driver.key(0);
    driver.store.insert(key, (Some(theirs.clone()), 50));
    driver.feed(In::Stored(entry.ticket, Err(StoreError::Conflict)));
    assert_eq!(driver.journal(0), &theirs);
}

#[test]
fn a_write_that_timed_out_is_read_before_anything_else() {
    for written in [true, false] {
        let mut driver = new();
        driver.hold_writes = changes_journal;
        driver.start();
        driver.run(60);
        let entry = driver.writes.last().unwrap().clone();
        if written {
            driver.write(&entry).unwrap();
        }
        driver.hold_reads = true;
        let (reads, writes) = (driver.reads.len(), driver.writes.len());
        driver.feed(In::Stored(entry.ticket, Err(StoreError::Unknown("time-out".into()))));
        driver.run(60);
        assert_eq!(driver.reads.len(), reads + 1);
        assert_eq!(driver.writes.len(), writes);
        assert!(driver.calls.is_empty());
        driver.hold_reads = false;
        driver.hold_writes = |_, _| false;
        let (ticket, key) = driver.reads.last().unwrap().clone();
        let kept = driver.kept(&key);
        driver.feed(In::Read(ticket, Ok(kept)));
        let journal = driver.journal(0);
        assert!(journal.adopting_since.is_some() || journal.active_region.is_some());
        let first = entry.status.journal.adopting_since;
        let again = driver.writes[writes..].iter().any(|write| {
            let since = write.status.journal.adopting_since;
            since.is_some() && since != first
        });
        assert_eq!(again, !written, "written again only if it is not there");
        driver.run(60);
        assert!(!driver.calls.is_empty());
    }
}

#[test]
fn a_read_that_fails_is_tried_again_and_nothing_else_happens() {
    let mut driver = Driver::new(&["one"]);
    driver.hold_reads = true;
    driver.start();
    for _ in 0..5 {
        let (ticket, _) = driver.reads.last().unwrap().clone();
        let reads = driver.reads.len();
        driver.feed(In::Read(ticket, Err(StoreError::Unknown("time-out".into()))));
        assert!(
            driver.wake.is_some_and(|wake| wake <= driver.now.mono + secs(10)),
            "a wake is asked for"
        );
        driver.run(10);
        assert_eq!(driver.reads.len(), reads + 1);
    }
    assert!(driver.calls.is_empty() && driver.writes.is_empty() && driver.queries.is_empty());
}

#[test]
fn an_api_server_that_prunes_what_is_written_ends_all_calls() {
    let same = |kept: &Kept| kept.clone();
    let cut = |kept: &Kept| {
        let mut kept = kept.clone();
        if let Some(journal) = &mut kept.journal {
            journal.adopting_since = None;
        }
        kept
    };
    for explicit in [true, false] {
        let mut driver = new();
        driver.hold_writes = changes_journal;
        driver.start();
        driver.run(60);
        let entry = driver.writes.last().unwrap().clone();
        let kept = driver.write(&entry).unwrap();
        let answer = if explicit {
            Err(StoreError::Pruned)
        } else {
            Ok(cut(&kept))
        };
        driver.hold_writes = |_, _| false;
        driver.feed(In::Stored(entry.ticket, answer));
        let writes = driver.writes.len();
        driver.kill_region();
        driver.run(900);
        driver.hand_in(shop("one"));
        driver.run(60);
        assert!(driver.calls.is_empty(), "{:?}", driver.calls);
        assert_eq!(driver.writes.len(), writes);
        let told = driver
            .events
            .iter()
            .filter(|event| event.reason == "CrdOutdated")
            .count();
        assert_eq!(told, 1);
        assert_eq!(same(&kept), kept);
    }
}

#[test]
fn a_journal_of_another_version_is_not_touched() {
    for version in [0, 2, 99] {
        let mut driver = Driver::new(&["one"]);
        let key = driver.key(0);
        let mut journal = crate::world::adopted(&driver.shops[0]);
        journal.version = version;
        driver.store.insert(key, (Some(journal.clone()), 1));
        driver.kill_region();
        driver.start();
        driver.run(900);
        assert!(driver.calls.is_empty(), "version {version}");
        assert!(driver.writes.is_empty(), "version {version}");
        assert_eq!(driver.store[&driver.key(0)], (Some(journal), 1));
    }
}

#[test]
fn a_denied_write_is_tried_again_later() {
    let mut driver = new();
    driver.hold_writes = changes_journal;
    driver.start();
    driver.run(60);
    let entry = driver.writes.last().unwrap().clone();
    let writes = driver.writes.len();
    driver.feed(In::Stored(entry.ticket, Err(StoreError::Denied("RBAC".into()))));
    assert_eq!(driver.writes.len(), writes, "not at once");
    assert!(driver.calls.is_empty());
    driver.hold_writes = |_, _| false;
    driver.run(30);
    assert!(driver.writes.len() > writes);
    assert!(driver.journal(0).adopting_since.is_some());
}

#[test]
fn an_answer_to_a_question_of_an_earlier_write_is_ignored() {
    let mut driver = new();
    driver.hold_writes = changes_journal;
    driver.start();
    driver.run(60);
    let entry = driver.writes.last().unwrap().clone();
    driver.feed(In::Stored(
        breakwater_engine::port::Ticket(entry.ticket.0 + 1_000),
        Ok(driver.kept(&entry.key)),
    ));
    driver.feed(In::Read(entry.ticket, Ok(driver.kept(&entry.key))));
    driver.run(10);
    assert_eq!(driver.journal(0).adopting_since, None);
    assert!(driver.calls.is_empty());
}

#[test]
fn a_reading_while_an_entry_is_written_sends_nothing() {
    // The TXT is gone while a move's entry is on its way: what should hold is not known yet.
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    driver.kill_region();
    driver.hold_writes = |write, stored| {
        changes_journal(write, stored)
            && write
                .status
                .journal
                .in_flight()
                .is_some_and(|m| m.phase == Phase::Requested)
    };
    driver.run_until(400, |driver| {
        driver
            .writes
            .last()
            .is_some_and(|write| write.status.journal.in_flight().is_some())
    });
    let calls = driver.calls.len();
    // The region lives again: no entry is due any more, and what to send is.
    let name = driver.shops[0].writer.name.clone();
    driver.world.dead_since = None;
    driver.world.names.get_mut(&name).unwrap().txt = None;
    driver.run(400);
    assert_eq!(
        driver.calls.len(),
        calls,
        "what should hold is decided by the entry that is on its way"
    );
}

#[test]
fn a_pruned_report_ends_all_calls_too() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    let writes = driver.writes.len();
    driver.hold_writes = |_, _| true;
    driver.kill_region();
    driver.run_until(60, |driver| driver.writes.len() > writes);
    let report = driver.writes.last().unwrap().clone();
    assert_eq!(Some(&report.status.journal), driver.store[&report.key].0.as_ref());
    driver.world.dead_since = None;
    driver.hold_writes = |_, _| false;
    driver.feed(In::Stored(report.ticket, Err(StoreError::Pruned)));
    let name = driver.shops[0].writer.name.clone();
    driver.world.names.get_mut(&name).unwrap().txt = None;
    driver.run(900);
    assert!(driver.calls.is_empty(), "{:?}", driver.calls);
}

/// What the API server drops is told in status too: once for the shop that it was noticed with, beside the journal that was
/// left there, and as a blocker of every other shop.
#[test]
fn an_outdated_crd_is_a_blocker_of_every_shop() {
    let mut driver = Driver::new(&["one", "two"]);
    driver.hold_writes = |write, stored| &*write.key.name == "one" && changes_journal(write, stored);
    driver.start();
    driver.run(60);
    let entry = driver
        .writes
        .iter()
        .rfind(|write| &*write.key.name == "one")
        .unwrap()
        .clone();
    let mut left = driver.kept(&entry.key);
    left.journal = None;
    driver.hold_writes = |_, _| false;
    let before = driver.writes.len();
    driver.feed(In::Stored(entry.ticket, Ok(left)));
    driver.run(120);
    let told = |name: &str| {
        let of = driver.writes[before..].iter().filter(|write| &*write.key.name == name);
        of.map(|write| {
            let blockers = &write.status.report.blockers;
            assert!(
                blockers.iter().any(|blocker| blocker.name == "CrdOutdated"),
                "{blockers:?}"
            );
            write.status.journal.clone()
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(
        told("one"),
        [Journal::default()],
        "once, and the journal as it was left"
    );
    assert!(!told("two").is_empty());
}

/// What a comparison at the start shows to be lacking ends calls and entries before a part of the journal is lost; once it is
/// there the work goes on.
#[test]
fn with_crds_that_lack_something_nothing_is_called_or_entered() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    let (writes, journal) = (driver.writes.len(), driver.journal(0).clone());
    driver.feed(In::Fleet(Fleet {
        crds_lack: Some("storefronts .status.journal.places".into()),
        ..Fleet::default()
    }));
    driver.kill_region();
    driver.run(900);
    assert!(driver.calls.is_empty(), "{:?}", driver.calls);
    assert_eq!(driver.journal(0), &journal);
    let told = &driver.writes[writes..];
    assert!(!told.is_empty() && told.iter().all(|write| write.status.journal == journal));
    let blockers = &told.last().unwrap().status.report.blockers;
    let outdated = blockers.iter().find(|blocker| blocker.name == "CrdOutdated").unwrap();
    assert!(
        outdated.message.contains(".status.journal.places"),
        "{}",
        outdated.message
    );
    driver.world.dead_since = None;
    driver.feed(In::Fleet(Fleet::default()));
    driver.run(1200);
    driver.kill_region();
    driver.run_until(600, |driver| driver.journal(0).in_flight().is_some());
}

/// A status that is refused cannot tell so itself: an event does, once.
#[test]
fn a_refused_status_is_told_by_an_event() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    driver.hold_writes = |_, _| true;
    driver.kill_region();
    for _ in 0..5 {
        let writes = driver.writes.len();
        driver.run_until(120, |driver| driver.writes.len() > writes);
        let ticket = driver.writes.last().unwrap().ticket;
        driver.feed(In::Stored(
            ticket,
            Err(StoreError::Denied("status.diagnosis: Unsupported value".into())),
        ));
    }
    let told: Vec<_> = driver
        .events
        .iter()
        .filter(|event| event.reason == "StatusRefused")
        .collect();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].warning && told[0].message.contains("Unsupported value"),
        "{}",
        told[0].message
    );
}
