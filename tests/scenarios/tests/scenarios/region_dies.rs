//! A region dies: its shops move, each by one promotion, and the region is welcome back only once it is fenced.

use breakwater_core::journal::{Journal, ObligationKind, Phase};
use breakwater_rig::Rig;
use breakwater_scenarios::*;
use breakwater_sim::ledger::What;
use breakwater_sim::{Fault, Setup};

const MOVED: [&str; 2] = ["shop-ca", "shop-geo"];

#[test]
fn two_shops_move_and_the_third_stays() {
    let mut rig = adopted(Setup::demo(), 7);
    let (before, west) = (rig.millis(), steering(&rig, "shop-west"));
    let geo_lists = region_lists(&rig, "shop-geo");
    east_dies_and_returns(&mut rig, &MOVED);
    rig.run_for(minutes(5));

    for shop in MOVED {
        assert_eq!(promotions(&rig, shop).len(), 1, "{shop}: exactly one promotion is sent");
        assert_moved_once(&rig, shop);
        assert_eq!(journal(&rig, shop).epoch, 2);
        assert_excluded_when_promoted(&rig, shop);
        assert_fence_owed_until_stopped(&rig, shop);
        assert_eq!(
            users_on_former_writer(&rig, shop),
            0,
            "{shop}: users in the old region after the promotion was sent"
        );
    }
    assert_eq!(
        region_lists(&rig, "shop-geo"),
        geo_lists,
        "geographic lists are put back"
    );

    let of_west = calls_since(&rig, before)
        .into_iter()
        .filter(|(_, call)| call.shop.as_deref() == Some("shop-west"));
    assert_eq!(of_west.count(), 0, "shop-west does not move");
    assert_eq!(steering(&rig, "shop-west"), west);
    assert_eq!(journal(&rig, "shop-west").epoch, 1);
    assert_eq!(glance(&rig, "shop-west").name_visible.as_deref(), Some(WEST));
    finish(&rig);
}

#[test]
fn the_estimate_bounds_the_true_loss() {
    for seed in 0..8 {
        let mut rig = adopted(Setup::demo(), seed);
        east_dies_and_returns(&mut rig, &MOVED);
        let (ledger, history, context) = (rig.ledger_json(), rig.history_json(), rig.context_json());
        let measured = match breakwater_checkers::measures(&ledger, &history, &context) {
            Ok(measured) => measured,
            Err(unreadable) => panic!("{unreadable}"),
        };
        assert_eq!(measured.users_on_former_writer, 0, "seed {seed}");
        assert_eq!(measured.moves.len(), 2, "seed {seed}");
        for moved in &measured.moves {
            let (Some(truth), Some(estimate)) = (moved.loss_seconds_true, moved.loss_seconds_estimate) else {
                panic!("seed {seed}: no loss measured in {moved:?}");
            };
            assert!(truth <= estimate, "seed {seed}: {moved:?}");
            if moved.shop.ends_with("shop-ca") {
                // With proofs it is sharp, but for not knowing at once that writes had stopped.
                let late = moved.writes_stopped_late_seconds.unwrap_or_default();
                assert!(estimate - truth <= 30.0 + late, "seed {seed}: {moved:?}");
            }
        }
        finish(&rig);
    }
}

#[test]
fn names_that_vanish_with_the_region_change_nothing() {
    let mut rig = adopted(only("shop-ca"), 3);
    let fault = rig.inject(Fault::RegionDown {
        region: EAST.into(),
        names_vanish: true,
    });
    assert!(rig.run_until(minutes(30), |rig| has_moved(rig, "shop-ca")));
    rig.clear(fault);
    assert!(rig.run_until(hours(2), |rig| is_whole(rig, "shop-ca")));
    assert_moved_once(&rig, "shop-ca");
    finish(&rig);
}

/// The pool order moves before the promotion, and minutes lie between the first Down and the promotion.
#[test]
fn what_can_be_undone_comes_early_and_the_promotion_late() {
    let mut rig = adopted(Setup::demo(), 11);
    let died = rig.millis();
    east_dies(&mut rig);
    assert!(rig.run_until(minutes(30), |rig| has_moved(rig, "shop-ca")));
    let Some((sent, _)) = promotions(&rig, "shop-ca").first().copied() else {
        panic!("no promotion");
    };
    // 15 s monitors: 1.3 to 4 min after the first failure.
    let after = (sent - died) / 1000;
    assert!((120..=240).contains(&after), "{after} s");
    let patched = calls(&rig, "shop-ca", "patch-balancer").first().map(|(at, _)| *at);
    assert!(patched.is_some_and(|at| at < sent), "traffic first");
    let renamed = calls(&rig, "shop-ca", "change-records");
    let moved_name = renamed
        .iter()
        .find(|(_, call)| call.detail.to_string().contains("CNAME"));
    assert!(moved_name.is_some_and(|(at, _)| *at > sent), "the name last");
    finish(&rig);
}

/// The Route 53 control plane goes with us-east-1: a promoted writer that nobody can find is no rescue.
#[test]
fn with_route_53_gone_nothing_is_promoted_until_it_is_back() {
    let mut rig = adopted(only("shop-ca"), 5);
    let virginia = rig.inject(Fault::RegionDown {
        region: "us-east-1".into(),
        names_vanish: false,
    });
    east_dies(&mut rig);
    rig.run_for(minutes(30));
    assert_eq!(promotions(&rig, "shop-ca").len(), 0);
    assert!(
        refusals(&rig, "shop-ca").contains(&"NameUnmovable"),
        "{:?}",
        refusals(&rig, "shop-ca")
    );
    rig.clear(virginia);
    assert!(
        rig.run_until(minutes(30), |rig| has_moved(rig, "shop-ca")),
        "{}",
        states(&rig, &["shop-ca"])
    );
    assert_eq!(promotions(&rig, "shop-ca").len(), 1);
    finish(&rig);
}

/// What stands in the geographic lists, from the world.
fn region_lists(rig: &Rig, shop: &str) -> Vec<String> {
    let newest = rig
        .world
        .ledger()
        .events
        .iter()
        .rev()
        .find_map(|event| match &event.what {
            What::Balancer { shop: own, lists, .. } if **own == *shop => Some(lists.clone()),
            _ => None,
        });
    let mut places: Vec<String> = newest
        .into_iter()
        .flatten()
        .flat_map(|(pool, places)| places.into_iter().map(move |place| format!("{place} {pool}")))
        .filter(|place| place.starts_with("region_pools"))
        .collect();
    places.sort();
    places
}

/// When the promotion was sent the old region's pool stood in no list, the fallback included.
fn assert_excluded_when_promoted(rig: &Rig, shop: &str) {
    let pools: Vec<_> = rig
        .world
        .ledger()
        .shops
        .iter()
        .filter(|own| *own.name == *shop)
        .collect();
    let Some(old) = pools
        .first()
        .and_then(|own| own.regions.iter().find(|region| *region.region == *EAST))
    else {
        panic!("{shop} has no pool in {EAST}");
    };
    for (sent, _) in promotions(rig, shop) {
        let then = rig
            .world
            .ledger()
            .events
            .iter()
            .rev()
            .find_map(|event| match &event.what {
                What::Balancer {
                    shop: own,
                    lists,
                    fallback,
                    ..
                } if **own == *shop && event.at <= sent => Some((lists.clone(), fallback.clone())),
                _ => None,
            });
        let Some((lists, fallback)) = then else {
            panic!("{shop} has no load balancer");
        };
        assert!(!lists.contains_key(&old.pool), "{shop}: {lists:?}");
        assert_ne!(fallback, old.pool, "{shop}: the fallback");
    }
}

/// From the licence on the fence is owed, until the former writer has been seen stopped or refusing.
fn assert_fence_owed_until_stopped(rig: &Rig, shop: &str) {
    let licensed = |journal: &Journal| {
        let current = journal.current.as_ref();
        current.is_some_and(|current| current.phase >= Phase::Promoting && current.licence.is_some())
    };
    let stopped = rig.world.ledger().events.iter().find_map(|event| match &event.what {
        What::Instance {
            shop: own,
            region,
            status,
            ..
        } if **own == *shop && **region == *EAST && status == "stopped" => Some(event.at),
        _ => None,
    });
    let Some(stopped) = stopped else {
        panic!("{shop}: the former writer was never stopped");
    };
    // A proof that reports a refused write of the application may close it earlier.
    let read_only = rig.world.ledger().events.iter().find_map(|event| match &event.what {
        What::Parameter { shop: own, region, .. } if **own == *shop && **region == *EAST => Some(event.at),
        _ => None,
    });
    let fenced = read_only.map_or(stopped, |at| at.min(stopped));
    let own = rig
        .history()
        .iter()
        .filter(|entry| *entry.shop.name == *shop && entry.at < fenced);
    for entry in own.filter(|entry| licensed(&entry.journal)) {
        let owed = entry.journal.owes(ObligationKind::FenceFormerWriter).is_some();
        assert!(
            owed,
            "{shop}: no fence owed at {} while the former writer may take writes",
            entry.at
        );
    }
}

fn users_on_former_writer(rig: &Rig, shop: &str) -> u64 {
    let Some((sent, _)) = promotions(rig, shop).first().copied() else {
        return 0;
    };
    let fenced = rig.history().iter().find(|entry| {
        *entry.shop.name == *shop
            && entry.journal.active_region.as_deref() == Some(WEST)
            && entry.journal.owes(ObligationKind::FenceFormerWriter).is_none()
    });
    let until = fenced.map_or(i64::MAX, |entry| entry.at);
    let meetings = rig.world.ledger().meetings.iter();
    meetings
        .filter(|meeting| *meeting.shop == *shop && meeting.region.as_deref() == Some(EAST))
        .filter(|meeting| meeting.at >= sent && meeting.at < until)
        .map(|meeting| u64::from(meeting.routed))
        .sum()
}
