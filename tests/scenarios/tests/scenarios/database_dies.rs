//! The writer's database dies, the region lives.

use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::journal::ObligationKind;
use breakwater_scenarios::*;
use breakwater_sim::Fault;

/// With proofs a process of the region says so; without them everything that needs the writer is dark. Both take the
/// grace that a recovery inside the region needs.
#[test]
fn it_is_promoted_after_the_grace() {
    for shop in ["shop-ca", "shop-geo"] {
        let mut rig = adopted(only(shop), 67);
        let died = rig.millis();
        let fault = rig.inject(Fault::DatabaseDown {
            shop: shop.into(),
            region: EAST.into(),
        });
        assert!(
            rig.run_until(minutes(40), |rig| has_moved(rig, shop)),
            "{}",
            states(&rig, &[shop])
        );
        let moved = journal(&rig, shop).current;
        assert_eq!(
            moved.map(|moved| moved.diagnosis),
            Some(Diagnosis::DatabaseDown),
            "{shop}"
        );
        let sent: Vec<i64> = promotions(&rig, shop)
            .iter()
            .map(|(at, _)| (at - died) / 1000)
            .collect();
        assert_eq!(sent.len(), 1, "{shop}");
        assert!(
            (300..=480).contains(&sent[0]),
            "{shop}: after {} s, databaseGrace is 300",
            sent[0]
        );

        rig.clear(fault);
        let whole = |rig: &_| is_whole(rig, shop);
        assert!(rig.run_until(hours(2), whole), "{}", states(&rig, &[shop]));
        assert_moved_once(&rig, shop);
        finish(&rig);
    }
}

/// A recovery inside the region takes two minutes.
#[test]
fn a_recovery_inside_the_region_is_waited_for() {
    for shop in ["shop-ca", "shop-geo"] {
        let mut rig = adopted(only(shop), 71);
        let fault = rig.inject(Fault::DatabaseDown {
            shop: shop.into(),
            region: EAST.into(),
        });
        rig.run_for(seconds(150));
        rig.clear(fault);
        rig.run_for(minutes(30));
        assert_eq!(promotions(&rig, shop).len(), 0, "{shop}");
        let journal = journal(&rig, shop);
        assert_eq!(journal.current, None, "{shop}");
        assert_eq!(journal.front.as_deref(), Some(EAST), "{shop}: users are back");
        assert!(journal.owes(ObligationKind::Unfence).is_none(), "{shop}");
        finish(&rig);
    }
}
