//! Calls: lanes, hung calls, answers.

use crate::driver::{Driver, Sent};
use crate::world::secs;
use breakwater_core::Text;
use breakwater_core::decision::{Effect, Step};
use breakwater_core::outcome::{Ambiguity, Outcome, Refusal};
use breakwater_engine::call::Lane;
use breakwater_engine::port::{In, Ticket};

fn owner(sent: &Sent) -> Text {
    let text = format!("{:?}", sent.step);
    if text.contains("ruby") {
        "ruby".into()
    } else {
        "jade".into()
    }
}

#[test]
fn one_call_at_a_time_for_a_shop_and_lane() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    // Both regions' tags, names and the balancer differ: several calls to several lanes at once.
    driver.hold_calls = |_| true;
    driver.kill_region();
    driver.run(600);
    for (i, sent) in driver.calls.iter().enumerate() {
        let same = driver.calls[..i]
            .iter()
            .filter(|earlier| earlier.lane == sent.lane)
            .count();
        assert_eq!(same, 0, "{:?} while another call of that lane hangs", sent.step);
    }
    let lanes: Vec<&Lane> = driver.calls.iter().map(|sent| &sent.lane).collect();
    assert!(
        lanes.iter().any(|lane| matches!(lane, Lane::Cloudflare(_))),
        "{lanes:?}"
    );
}

#[test]
fn a_hung_call_of_one_shop_delays_no_other() {
    let mut driver = Driver::started(&["ruby", "jade"]);
    driver.run(120);
    driver.hold_calls = |sent| &*owner(sent) == "ruby";
    driver.kill_region();
    driver.run(1200);
    let of = |name: &str| driver.calls.iter().filter(|sent| &*owner(sent) == name).count();
    assert!(of("ruby") >= 1);
    assert_eq!(
        driver.journal(1).active_region.as_deref(),
        Some("us-west-2"),
        "jade moved"
    );
    assert_eq!(driver.journal(0).active_region.as_deref(), Some("ca-central-1"));
    // It takes no longer than beside a shop that is not stuck.
    let done = |driver: &Driver| driver.journal(1).current.as_ref().unwrap().promoted_at;
    let mut free = Driver::started(&["ruby", "jade"]);
    free.run(120);
    free.kill_region();
    free.run(1200);
    assert_eq!(done(&driver), done(&free));
}

#[test]
fn a_call_is_not_repeated_before_its_object_was_read_again() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    driver.hold_calls = |_| true;
    let name = driver.shops[0].writer.name.clone();
    driver.world.names.get_mut(&name).unwrap().txt = None;
    driver.run_until(400, |driver| driver.calls.len() == 1);
    let first = driver.calls[0].clone();
    driver.run(120);
    assert_eq!(driver.calls.len(), 1, "it is in flight");
    let asked = driver.queries.len();
    driver.feed(In::CallDone(first.ticket, Outcome::Ambiguous(Ambiguity::TimedOut)));
    driver.run(30);
    let second = driver.calls.get(1).expect("it is tried again");
    assert!(matches!(second.step, Step::Effect(Effect::ChangeNames { .. })));
    let read = driver.queries[asked..]
        .iter()
        .find(|(_, query)| matches!(query, breakwater_core::reading::Query::Names { .. }));
    assert!(read.is_some_and(|(at, _)| *at <= second.at), "read in between");
}

#[test]
fn refusals_are_tried_again_ever_more_slowly() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    driver.hold_calls = |_| true;
    let name = driver.shops[0].writer.name.clone();
    driver.world.names.get_mut(&name).unwrap().txt = None;
    let mut times = Vec::new();
    for _ in 0..3600 {
        driver.run(1);
        if driver.calls.len() > times.len() {
            let sent = driver.calls.last().unwrap().clone();
            times.push(sent.at.mono);
            let refusal = Refusal {
                code: "InvalidChangeBatch".into(),
                text: "in a test".into(),
            };
            driver.feed(In::CallDone(sent.ticket, Outcome::Refused(refusal)));
        }
    }
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.len() > 4, "{pauses:?}");
    assert!(pauses.windows(2).take(4).all(|pair| pair[0] < pair[1]), "{pauses:?}");
    assert!(
        pauses.iter().all(|pause| *pause <= secs(330)),
        "never given up: {pauses:?}"
    );
    assert!(times.len() < 25, "{} calls in an hour", times.len());
}

#[test]
fn an_answer_to_no_call_changes_nothing() {
    let mut driver = Driver::started(&["one"]);
    driver.run(60);
    let writes = driver.writes.len();
    driver.feed(In::CallDone(Ticket(9_999_999), Outcome::Denied("no".into())));
    driver.run(30);
    assert!(driver.calls.is_empty());
    assert_eq!(driver.writes.len(), writes);
}

#[test]
fn a_call_names_the_request_whose_answer_made_it_possible() {
    let mut driver = Driver::started(&["one"]);
    driver.run(120);
    driver.kill_region();
    driver.run(900);
    assert!(driver.calls.len() > 4);
    for sent in &driver.calls {
        assert!(sent.because.0 > 0, "{sent:?}");
    }
}

#[test]
fn a_status_that_was_on_its_way_does_not_take_the_cause_away() {
    let mut driver = Driver::new(&["ruby"]);
    let name = driver.shops[0].writer.name.clone();
    driver.world.names.get_mut(&name).unwrap().txt = None;
    driver.hold_writes = |_, _| true;
    driver.hold_calls = |_| true;
    driver.start();
    let write = driver.writes[0].clone();
    driver.hold_writes = |_, _| false;
    let stored = driver.write(&write);
    driver.feed(In::Stored(write.ticket, stored));
    driver.run(30);
    assert!(driver.calls[0].because.0 > 0, "{:?}", driver.calls[0]);
}

#[test]
fn a_quiet_day_makes_no_calls_and_no_writes() {
    let mut driver = Driver::started(&["ruby", "jade"]);
    driver.run(300);
    let (calls, writes) = (driver.calls.len(), driver.writes.len());
    driver.run(3600);
    assert_eq!((driver.calls.len(), driver.writes.len()), (calls, writes), "case J7");
}
