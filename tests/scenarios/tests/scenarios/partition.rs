//! A region is cut off from us and from the other region, and goes on selling.

use breakwater_core::diagnosis::Diagnosis;
use breakwater_scenarios::*;
use breakwater_sim::{Api, Fault, Setup};

#[test]
fn nothing_is_promoted_while_users_still_reach_it() {
    let mut rig = adopted(Setup::demo(), 13);
    let cut = rig.millis();
    let fault = rig.inject(Fault::Partition { region: EAST.into() });
    rig.run_for(minutes(30));
    for shop in ["shop-ca", "shop-geo"] {
        assert!(
            matches!(
                diagnosis(&rig, shop),
                Some(Diagnosis::ViewsDisagree | Diagnosis::Inconclusive)
            ),
            "{shop}: {:?}",
            diagnosis(&rig, shop)
        );
        assert!(told(&rig, shop, "ViewsDisagree") > 0, "{shop}: people are told");
        assert_eq!(journal(&rig, shop).front.as_deref(), Some(EAST), "{shop}: users stay");
    }
    assert_eq!(calls_since(&rig, cut).len(), 0, "nothing is changed");
    rig.clear(fault);
    settle(&mut rig);
    rig.run_for(minutes(10));
    assert_eq!(calls_since(&rig, cut).len(), 0, "nor after it has healed");

    east_dies_and_returns(&mut rig, &["shop-ca", "shop-geo"]);
    for shop in ["shop-ca", "shop-geo"] {
        assert_moved_once(&rig, shop);
    }
    assert_eq!(promotions(&rig, "shop-west").len(), 0);
    finish(&rig);
}

/// With Cloudflare's API gone as well nobody knows what users see: Unknown is no Down.
#[test]
fn cut_off_from_the_region_and_from_cloudflare_nothing_moves() {
    let mut rig = adopted(Setup::demo(), 17);
    let cut = rig.millis();
    let faults = [
        rig.inject(Fault::Partition { region: EAST.into() }),
        rig.inject(Fault::ApiError {
            api: Api::Cloudflare,
            region: None,
            status: 502,
            code: "Bad Gateway".into(),
        }),
    ];
    for _ in 0..60 {
        rig.run_for(seconds(30));
        for shop in ["shop-ca", "shop-geo"] {
            let diagnosis = diagnosis(&rig, shop);
            assert!(
                !matches!(
                    diagnosis,
                    Some(Diagnosis::RegionDown | Diagnosis::DatabaseDown | Diagnosis::ServicesDown)
                ),
                "{shop}: {diagnosis:?}"
            );
            assert_eq!(journal(&rig, shop).front.as_deref(), Some(EAST), "{shop}");
            assert_eq!(journal(&rig, shop).current, None, "{shop}: no move");
        }
    }
    assert_eq!(calls_since(&rig, cut).len(), 0);
    for fault in faults {
        rig.clear(fault);
    }
    settle(&mut rig);
    assert_eq!(calls_since(&rig, cut).len(), 0);
    finish(&rig);
}

/// Cut off for less than it takes to notice, again and again.
#[test]
fn short_cuts_do_not_add_up() {
    let mut rig = adopted(only("shop-ca"), 19);
    let cut = rig.millis();
    for _ in 0..20 {
        let fault = rig.inject(Fault::RegionDown {
            region: EAST.into(),
            names_vanish: false,
        });
        rig.run_for(seconds(25));
        rig.clear(fault);
        rig.run_for(seconds(200));
    }
    assert_eq!(promotions(&rig, "shop-ca").len(), 0);
    assert_eq!(journal(&rig, "shop-ca").current, None);
    let orders = calls_since(&rig, cut)
        .into_iter()
        .filter(|(_, call)| call.op != "patch-balancer")
        .count();
    assert_eq!(orders, 0);
    finish(&rig);
}
