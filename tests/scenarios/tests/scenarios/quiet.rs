//! Nothing happens.

use breakwater_core::diagnosis::Diagnosis;
use breakwater_scenarios::*;
use breakwater_sim::Setup;

#[test]
fn six_quiet_hours_change_nothing() {
    let mut setup = Setup::demo();
    setup.keep_reads = false;
    // A night without orders: no metric of load is evidence.
    for shop in &mut setup.shops {
        shop.orders_per_second = 0.001;
        shop.jobs_per_minute = 0.001;
    }
    let mut rig = adopted(setup, 53);
    rig.run_for(minutes(10));
    let (begun, written) = (rig.millis(), rig.history().len());
    rig.run_for(hours(6));
    assert_eq!(
        calls_since(&rig, begun).len(),
        0,
        "no call, and so no heartbeat in Route 53"
    );
    assert_eq!(
        rig.history().len() - written,
        0,
        "no status is written: {:?}",
        rig.deeds().last()
    );
    for shop in shops(&rig) {
        assert_eq!(diagnosis(&rig, &shop), Some(Diagnosis::Healthy), "{shop}");
        assert_eq!(condition(&rig, &shop, "Protected"), "True", "{shop}");
    }
    finish(&rig);
}
