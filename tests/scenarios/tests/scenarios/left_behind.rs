//! A failover has begun, and something ends it before its point of no return: the world is as it was.

use breakwater_core::journal::Phase;
use breakwater_core::shop::{Freeze, Mode};
use breakwater_core::time::after;
use breakwater_rig::Rig;
use breakwater_scenarios::*;
use breakwater_sim::{Api, BalancerSetup, Fault, FaultId, Setup};
use jiff::Timestamp;

const KEPT: &str = "699d98642c564d2e855e9661899b7252";
const DROPPED: &str = "aaaa98642c564d2e855e9661899b7252";

fn two() -> Setup {
    let mut setup = only("shop-geo");
    for shop in &mut setup.shops {
        let first = shop.balancers[0].clone();
        shop.balancers = vec![
            BalancerSetup {
                id: KEPT.into(),
                ..first.clone()
            },
            BalancerSetup {
                id: DROPPED.into(),
                hostname: "aaaa.shop-geo.example.com".into(),
                ..first
            },
        ];
    }
    setup
}

/// The database is dead, and its region is out of the load balancers; only our TXT cannot be written.
fn excluding(seed: u64) -> (Rig, Vec<FaultId>) {
    let mut rig = adopted(two(), seed);
    let dead = rig.inject(Fault::DatabaseDown {
        shop: "shop-geo".into(),
        region: EAST.into(),
    });
    let lossy = rig.inject(Fault::LoseRequests {
        api: Api::Route53,
        op: Some("change-records".into()),
        count: 1_000_000,
    });
    assert!(rig.run_until(minutes(40), |rig| phase(rig, "shop-geo") == Some(Phase::Excluding)));
    rig.run_for(seconds(10));
    (rig, vec![dead, lossy])
}

fn east_is_listed(rig: &Rig) -> bool {
    glance(rig, "shop-geo")
        .balancers
        .iter()
        .all(|balancer| balancer.listed.iter().any(|region| **region == *EAST))
}

fn ends_as_before(word: &str, say: impl Fn(&mut Rig)) {
    let before = steering(&adopted(two(), 307), "shop-geo");
    let (mut rig, faults) = excluding(307);
    assert_ne!(steering(&rig, "shop-geo"), before, "{word}: it has begun");
    say(&mut rig);
    rig.run_for(seconds(30));
    rig.clear(faults[1]);
    assert!(
        rig.run_until(minutes(10), east_is_listed),
        "{word}: the lists come back while the database is dead: {}",
        states(&rig, &["shop-geo"])
    );
    rig.clear(faults[0]);
    rig.run_for(minutes(45));
    assert_eq!(steering(&rig, "shop-geo"), before, "{word}");
    assert_eq!(promotions_accepted(&rig, "shop-geo"), 0, "{word}");
    let writable: Vec<bool> = glance(&rig, "shop-geo")
        .instances
        .iter()
        .map(|instance| instance.writable)
        .collect();
    assert_eq!(writable.iter().filter(|writable| **writable).count(), 1, "{word}");
    finish(&rig);
}

#[test]
fn deleted() {
    ends_as_before("deleted", |rig| {
        let key = rig.key("shop-geo");
        rig.edit(&key, |shop| shop.deleting = true);
    });
}

#[test]
fn set_to_observe() {
    ends_as_before("Observe", |rig| {
        let key = rig.key("shop-geo");
        rig.edit(&key, |shop| shop.policy.mode = Mode::Observe);
    });
}

#[test]
fn set_to_observe_while_the_controller_dies() {
    ends_as_before("Observe, killed", |rig| {
        let key = rig.key("shop-geo");
        rig.edit(&key, |shop| shop.policy.mode = Mode::Observe);
        rig.kill();
    });
}

#[test]
fn frozen() {
    ends_as_before("frozen", |rig| {
        let key = rig.key("shop-geo");
        let now = Timestamp::from_millisecond(rig.millis()).expect("a time");
        rig.edit(&key, |shop| {
            shop.policy.freezes.push(Freeze {
                name: "black-friday".into(),
                from: now,
                until: after(now, hours(24)),
            });
        });
    });
}

/// One of the load balancers is taken out of the spec right then: it gets its lists back before it is let go.
#[test]
fn a_load_balancer_is_dropped_from_the_spec() {
    ends_as_before("dropped", |rig| {
        let key = rig.key("shop-geo");
        rig.edit(&key, |shop| {
            shop.balancers.retain(|id| **id == *KEPT);
            shop.policy.mode = Mode::Approve;
        });
    });
}
