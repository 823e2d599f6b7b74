//! A shop with three load balancers, and an API that fails half-way.

use breakwater_core::journal::Phase;
use breakwater_rig::{Aim, Rig, Twist};
use breakwater_scenarios::*;
use breakwater_sim::{Api, BalancerSetup, Fault, Setup};

const IDS: [&str; 3] = [
    "699d98642c564d2e855e9661899b7252",
    "aaaa98642c564d2e855e9661899b7252",
    "bbbb98642c564d2e855e9661899b7252",
];

fn three() -> Setup {
    let mut setup = only("shop-ca");
    for shop in &mut setup.shops {
        shop.balancers = IDS
            .iter()
            .map(|id| BalancerSetup {
                id: (*id).into(),
                hostname: format!("{}.shop-ca.example.com", &id[..4]),
                proxied: true,
                ttl: 30,
            })
            .collect();
    }
    setup
}

fn patches_of(rig: &Rig, id: &str) -> usize {
    calls(rig, "shop-ca", "patch-balancer")
        .iter()
        .filter(|(_, call)| call.target == id)
        .count()
}

/// The second PATCH takes effect and is answered with nothing: read back, it is not sent again.
#[test]
fn an_unanswered_patch_is_read_back_and_not_repeated() {
    let mut rig = adopted(three(), 89);
    east_dies(&mut rig);
    assert!(rig.run_until(minutes(10), |rig| phase(rig, "shop-ca") == Some(Phase::Excluding)));
    let before: Vec<usize> = IDS.iter().map(|id| patches_of(&rig, id)).collect();
    rig.twist(Aim::Next("patch-balancer aaaa"), Twist::LoseReply);
    assert!(
        rig.run_until(minutes(30), |rig| has_moved(rig, "shop-ca")),
        "{}",
        states(&rig, &["shop-ca"])
    );
    for (id, before) in IDS.iter().zip(before) {
        let sent = patches_of(&rig, id) - before;
        assert_eq!(sent, 1, "one exclusion of {id}");
    }
    assert_eq!(promotions(&rig, "shop-ca").len(), 1);
    finish(&rig);
}

/// While one load balancer still names the dead region there is no promotion.
#[test]
fn the_promotion_waits_for_all_of_them() {
    let mut rig = adopted(three(), 97);
    let lost = rig.inject(Fault::LoseRequests {
        api: Api::Cloudflare,
        op: Some("patch-balancer".into()),
        count: 1_000,
    });
    east_dies(&mut rig);
    assert!(rig.run_until(minutes(10), |rig| phase(rig, "shop-ca") == Some(Phase::Excluding)));
    rig.run_for(minutes(3));
    assert_eq!(phase(&rig, "shop-ca"), Some(Phase::Excluding));
    assert_eq!(promotions(&rig, "shop-ca").len(), 0);
    rig.clear(lost);
    assert!(
        rig.run_until(minutes(60), |rig| has_moved(rig, "shop-ca")),
        "{}",
        states(&rig, &["shop-ca"])
    );
    assert_eq!(promotions_accepted(&rig, "shop-ca"), 1);
    finish(&rig);
}
