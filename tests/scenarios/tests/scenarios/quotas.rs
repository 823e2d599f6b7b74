//! Accounts that throttle or deny: the whole account is left alone, and a right is asked for again once, not once for
//! each shop.

use breakwater_rig::Rig;
use breakwater_scenarios::*;
use breakwater_sim::{Api, Fault, Setup};

const SHOPS: usize = 20;

fn crowd() -> Rig {
    let mut rig = adopted(Setup::many(SHOPS, false), 3);
    rig.run_for(minutes(10));
    rig
}

fn asked(rig: &Rig, api: &str) -> u64 {
    let own = rig.world.tallies().iter().filter(|((own, _), _)| *own == api);
    own.map(|(_, tally)| tally.asked).sum()
}

fn all(rig: &Rig, holds: impl Fn(&str) -> bool) -> bool {
    shops(rig).iter().all(|shop| holds(shop))
}

fn reason(rig: &Rig, shop: &str) -> &'static str {
    let status = rig.status(&rig.key(shop));
    let conditions = status.into_iter().flat_map(|status| &status.report.conditions);
    let ready = conditions.into_iter().find(|condition| condition.kind == "Ready");
    ready.map_or("", |condition| condition.reason)
}

/// Every shop's role for DNS is denied: one slow retry for all of them, and each says what is lacking.
#[test]
fn a_denied_right_is_asked_for_once_and_told_to_all() {
    let mut rig = crowd();
    let fault = rig.inject(Fault::ApiDenied {
        api: Api::Route53,
        region: None,
        op: None,
    });
    rig.run_for(minutes(10));
    assert!(
        all(&rig, |shop| reason(&rig, shop) == "PermissionDenied"),
        "each says so"
    );
    let before = asked(&rig, "route53");
    rig.run_for(minutes(30));
    // Every 5 min one question of two listings.
    let since = asked(&rig, "route53") - before;
    assert!(
        (2..=14).contains(&since),
        "{since} requests in half an hour for {SHOPS} shops"
    );
    rig.clear(fault);
    let ready = |rig: &Rig| all(rig, |shop| condition(rig, shop, "Ready") == "True");
    assert!(rig.run_until(minutes(12), ready), "the right is back, and all find out");
    finish(&rig);
}

/// Cloudflare throttles: the account is left alone, longer each time, and its shops are watched again soon after.
#[test]
fn a_throttled_account_is_left_alone() {
    let mut rig = crowd();
    let fault = rig.inject(Fault::ApiThrottling {
        api: Api::Cloudflare,
        region: None,
    });
    rig.run_for(minutes(2));
    let before = asked(&rig, "cloudflare");
    rig.run_for(minutes(20));
    let since = asked(&rig, "cloudflare") - before;
    assert!(
        (1..=10).contains(&since),
        "{since} requests in 20 min for {SHOPS} shops"
    );
    rig.clear(fault);
    let ready = |rig: &Rig| {
        all(rig, |shop| {
            condition(rig, shop, "Ready") == "True" && condition(rig, shop, "StandbyReady") == "True"
        })
    };
    assert!(rig.run_until(minutes(30), ready), "all is watched again");
    finish(&rig);
}
