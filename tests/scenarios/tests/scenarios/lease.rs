//! The lease: judged from before its renewal was sent, and long enough for a whole call.

use breakwater_core::journal::Phase;
use breakwater_rig::{Aim, Twist};
use breakwater_scenarios::*;

/// Milliseconds: how long the lease lasts, and how long a call may take.
const LEASE: i64 = 15_000;
const CALL: i64 = 4_000;

/// Renewals are answered late, and then not at all: no call may be under way when another process may lead.
#[test]
fn no_call_outlives_it() {
    let mut called = 0;
    for seed in 0..24 {
        let mut rig = adopted(only("shop-geo"), seed);
        rig.set_renewal_takes(seconds(5));
        east_dies(&mut rig);
        // The exclusion is about to begin, and calls follow one another for a while.
        rig.inject(breakwater_sim::Fault::LoseRequests {
            api: breakwater_sim::Api::Cloudflare,
            op: Some("patch-balancer".into()),
            count: 1_000,
        });
        rig.twist(Aim::Next("patch-balancer"), Twist::LoseRequest);
        assert!(rig.run_until(minutes(30), |rig| rig.twists_left() == 0));
        rig.run_for(std::time::Duration::from_millis(700 * seed));
        rig.set_away(true);
        let away = rig.millis();
        rig.run_for(minutes(2));
        let renewed: Vec<i64> = renewals(&rig.context_json());
        for (at, call) in calls_since(&rig, 0) {
            let within = renewed.iter().any(|from| *from <= at && at + CALL <= from + LEASE);
            assert!(
                within,
                "seed {seed}: {} at {at} is not within a lease {renewed:?}",
                call.op
            );
            called += usize::from(at > away);
        }
        finish(&rig);
    }
    assert!(called > 0, "some calls are sent while the lease still runs");
}

/// Renewals fail from some time before the first call of the exclusion on: that call is sent if it must end before the
/// lease does, and not otherwise.
#[test]
fn a_call_ends_before_it_does() {
    let until_excluding = |rig: &breakwater_rig::Rig| phase(rig, "shop-geo") == Some(Phase::Excluding);
    let mut rig = adopted(only("shop-geo"), 5);
    east_dies(&mut rig);
    assert!(rig.run_until(minutes(30), until_excluding));
    let begun = rig.millis();
    let (mut sent, mut kept_back) = (0, 0);
    for before in 0..=18 {
        let mut rig = adopted(only("shop-geo"), 5);
        east_dies(&mut rig);
        let wait = begun - before * 1_000 - rig.millis();
        rig.run_for(std::time::Duration::from_millis(wait.unsigned_abs()));
        rig.set_renewals_fail(true);
        rig.run_for(minutes(1));
        let renewed = renewals(&rig.context_json());
        let calls = calls_since(&rig, begun);
        for (at, call) in &calls {
            let within = renewed.iter().any(|from| *from <= *at && *at + CALL <= *from + LEASE);
            assert!(
                within,
                "{before} s before: {} at {at}, renewed {:?}",
                call.op,
                renewed.last()
            );
        }
        sent += usize::from(!calls.is_empty());
        kept_back += usize::from(calls.is_empty());
        finish(&rig);
    }
    assert!(sent > 3 && kept_back > 3, "{sent} sent, {kept_back} kept back");
}

fn renewals(context: &serde_json::Value) -> Vec<i64> {
    let leases = context["leases"].as_array().into_iter().flatten();
    leases.filter_map(|lease| lease["from"].as_i64()).collect()
}
