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

/// Two promotions a minute: all else of the six moves goes on, and the licences wait for their minute.
#[test]
fn promotions_wait_for_their_minute() {
    let mut rig = adopted(Setup::many(6, false), 5);
    for shop in shops(&rig) {
        let key = rig.key(&shop);
        rig.edit(&key, |shop| shop.limits.promotions_per_minute = 2);
    }
    rig.run_for(minutes(10));
    east_dies(&mut rig);
    let moved = |rig: &Rig| all(rig, |shop| has_moved(rig, shop));
    assert!(rig.run_until(minutes(30), moved), "all move");
    let names = shops(&rig);
    let mut sent: Vec<i64> = names
        .iter()
        .flat_map(|shop| promotions(&rig, shop))
        .map(|(at, _)| at)
        .collect();
    sent.sort_unstable();
    assert_eq!(sent.len(), 6);
    // The place is taken when the licence is written, some milliseconds before the call.
    for three in sent.windows(3) {
        assert!(three[2] - three[0] >= 59_000, "{sent:?}");
    }
    let waited = rig.history().iter().any(|entry| {
        let in_move = entry.journal.in_flight().is_some();
        let refusals = entry.report.iter().flat_map(|report| &report.refusals);
        in_move && refusals.into_iter().any(|refusal| refusal.name == "Paced")
    });
    assert!(waited, "and the status says why");
    finish(&rig);
}
