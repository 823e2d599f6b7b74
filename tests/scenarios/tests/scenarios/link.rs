//! Replication breaks, or looks as if it did.

use breakwater_core::diagnosis::Diagnosis;
use breakwater_scenarios::*;
use breakwater_sim::{Fault, Setup};

/// A link that dies silently is a broken standby, no dead writer.
#[test]
fn a_dead_link_moves_nothing() {
    let mut rig = adopted(Setup::demo(), 37);
    let cut = rig.millis();
    let fault = rig.inject(Fault::LinkLost { shop: "shop-ca".into() });
    rig.run_for(minutes(40));
    assert_eq!(diagnosis(&rig, "shop-ca"), Some(Diagnosis::ReplicationBroken));
    assert_eq!(condition(&rig, "shop-ca", "StandbyReady"), "False");
    assert_eq!(condition(&rig, "shop-geo", "StandbyReady"), "True");
    rig.clear(fault);
    settle(&mut rig);
    assert_eq!(calls_since(&rig, cut).len(), 0);
    finish(&rig);
}

/// A link cut long ago is no evidence against a region that dies now: its replica is hours behind.
#[test]
fn a_link_cut_yesterday_is_no_dead_writer() {
    let mut rig = adopted(only("shop-geo"), 41);
    rig.inject(Fault::LinkLost {
        shop: "shop-geo".into(),
    });
    rig.run_for(minutes(30));
    east_dies(&mut rig);
    rig.run_for(minutes(30));
    assert_eq!(promotions(&rig, "shop-geo").len(), 0);
    assert_eq!(journal(&rig, "shop-geo").current, None);
    finish(&rig);
}

/// CloudWatch drops one sample in forty.
#[test]
fn a_missing_lag_sample_says_nothing() {
    let mut rig = adopted(Setup::demo(), 43);
    rig.hide_lag_samples(|stamp| (stamp / 60_000) % 40 == 0);
    let begun = rig.millis();
    let written = rig.history().len();
    rig.run_for(hours(3));
    assert_eq!(calls_since(&rig, begun).len(), 0);
    for entry in &rig.history()[written..] {
        let diagnosis = entry.report.as_ref().map(|report| report.diagnosis);
        assert_eq!(diagnosis, Some(Diagnosis::Healthy), "{} at {}", entry.shop, entry.at);
    }
    finish(&rig);
}

/// Until `replica_net_timeout` a dead link still reports lag 0: the estimate counts those 60 s.
#[test]
fn a_link_that_died_first_is_in_the_estimate() {
    let mut rig = adopted(only("shop-geo"), 47);
    // Five seconds after a full minute, so that the sample of the next one still says 0.
    let to_minute = 60_000 - rig.millis().rem_euclid(60_000) + 5_000;
    rig.run_for(std::time::Duration::from_millis(to_minute.unsigned_abs()));
    rig.inject(Fault::LinkLost {
        shop: "shop-geo".into(),
    });
    rig.run_for(seconds(57));
    east_dies(&mut rig);
    assert!(
        rig.run_until(minutes(40), |rig| has_moved(rig, "shop-geo")),
        "{}",
        states(&rig, &["shop-geo"])
    );
    let (ledger, history, context) = (rig.ledger_json(), rig.history_json(), rig.context_json());
    let measured = match breakwater_checkers::measures(&ledger, &history, &context) {
        Ok(measured) => measured,
        Err(unreadable) => panic!("{unreadable}"),
    };
    let (Some(truth), Some(estimate)) = (measured.loss_seconds_true, measured.loss_seconds_estimate) else {
        panic!("no loss measured: {measured:?}");
    };
    assert!(truth > 50.0, "the link died a minute before: {truth}");
    assert!(truth <= estimate, "true {truth}, estimate {estimate}");
    finish(&rig);
}
