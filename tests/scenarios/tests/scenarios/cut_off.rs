//! We lose our own sight, and nothing else is wrong.

use breakwater_core::diagnosis::Diagnosis;
use breakwater_scenarios::*;
use breakwater_sim::{Api, Fault, Setup};

const ALL: [Api; 6] = [
    Api::Rds,
    Api::CloudWatch,
    Api::Route53,
    Api::Sts,
    Api::Cloudflare,
    Api::Http,
];

/// The controller's egress is denied to everything but the API server.
#[test]
fn without_egress_the_observer_is_suspect() {
    let mut rig = adopted(Setup::demo(), 23);
    let cut = rig.millis();
    let faults = ALL.map(|api| rig.inject(Fault::ApiSilent { api, region: None }));
    rig.run_for(minutes(60));
    for shop in shops(&rig) {
        assert_eq!(diagnosis(&rig, &shop), Some(Diagnosis::ObserverSuspect), "{shop}");
        assert!(told(&rig, &shop, "ObserverSuspect") > 0, "{shop}: people are told");
        assert_eq!(condition(&rig, &shop, "ActiveRegionHealthy"), "Unknown", "{shop}");
        assert_eq!(journal(&rig, &shop).current, None, "{shop}");
    }
    assert_eq!(calls_since(&rig, cut).len(), 0);
    for fault in faults {
        rig.clear(fault);
    }
    settle(&mut rig);
    assert_eq!(calls_since(&rig, cut).len(), 0, "nor afterwards");
    finish(&rig);
}

/// Cloudflare's API is down for hours while its edge serves.
#[test]
fn with_cloudflares_api_down_nothing_moves() {
    let mut rig = adopted(Setup::demo(), 29);
    let cut = rig.millis();
    let fault = rig.inject(Fault::ApiError {
        api: Api::Cloudflare,
        region: None,
        status: 503,
        code: "Service Unavailable".into(),
    });
    rig.run_for(hours(2));
    for shop in shops(&rig) {
        assert_eq!(journal(&rig, &shop).current, None, "{shop}");
        assert_eq!(condition(&rig, &shop, "StandbyReady"), "False", "{shop}");
        assert!(
            blockers(&rig, &shop).contains(&"NoEdgeView"),
            "{shop}: {:?}",
            blockers(&rig, &shop)
        );
    }
    assert_eq!(calls_since(&rig, cut).len(), 0);
    rig.clear(fault);
    settle(&mut rig);
    assert_eq!(calls_since(&rig, cut).len(), 0);
    finish(&rig);
}

/// Each API alone, silent or refusing: losing sight changes nothing in the world.
#[test]
fn each_api_alone_may_go() {
    for api in ALL {
        for silent in [true, false] {
            let mut rig = adopted(only("shop-ca"), 31);
            let cut = rig.millis();
            let fault = if silent {
                Fault::ApiSilent { api, region: None }
            } else {
                Fault::ApiError {
                    api,
                    region: None,
                    status: 500,
                    code: "InternalFailure".into(),
                }
            };
            let fault = rig.inject(fault);
            rig.run_for(minutes(20));
            rig.clear(fault);
            settle(&mut rig);
            assert_eq!(calls_since(&rig, cut).len(), 0, "{api:?} silent {silent}");
            finish(&rig);
        }
    }
}
