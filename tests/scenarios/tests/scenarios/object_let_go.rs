//! A Storefront is deleted: our TXT and tags go, name and pools stay.

use breakwater_core::journal::Phase;
use breakwater_rig::Rig;
use breakwater_scenarios::*;
use breakwater_sim::ledger::What;

fn tags(rig: &mut Rig, region: &str) -> Vec<String> {
    use breakwater_sim::{Answer, Meta, RdsOp, Request, Vantage};
    let op = RdsOp::DescribeInstances {
        id: None,
        max_records: 100,
        marker: None,
    };
    let request = Request::Rds {
        region: region.into(),
        op,
    };
    match rig.world.ask(Vantage::Person, Meta::default(), request).answer {
        Answer::Instances { instances, .. } => instances
            .into_iter()
            .flat_map(|instance| instance.tags.into_keys())
            .filter(|key| key.starts_with("breakwater:"))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn on_a_quiet_day_only_our_traces_go() {
    let mut rig = adopted(only("shop-ca"), 139);
    assert!(!tags(&mut rig, EAST).is_empty(), "the writer bears our tags");
    let (before, name) = (steering(&rig, "shop-ca"), glance(&rig, "shop-ca").name_target);
    let key = rig.key("shop-ca");
    rig.edit(&key, |shop| shop.deleting = true);
    assert!(
        rig.run_until(minutes(15), |rig| rig.is_released(&key)),
        "{}",
        states(&rig, &["shop-ca"])
    );
    rig.run_for(minutes(5));
    assert_eq!(glance(&rig, "shop-ca").owner, None, "our TXT is gone");
    assert_eq!(tags(&mut rig, EAST), Vec::<String>::new(), "our tags are gone");
    assert_eq!(tags(&mut rig, WEST), Vec::<String>::new());
    assert_eq!(glance(&rig, "shop-ca").name_target, name, "the name stays");
    assert_eq!(steering(&rig, "shop-ca"), before, "the pools stay");
    finish(&rig);
}

/// Deletion waits for the end of Promoting.
#[test]
fn a_sent_promotion_is_seen_through_first() {
    let mut rig = adopted(only("shop-ca"), 149);
    east_dies(&mut rig);
    assert!(rig.run_until(minutes(30), |rig| promotions_accepted(rig, "shop-ca") == 1));
    let key = rig.key("shop-ca");
    rig.edit(&key, |shop| shop.deleting = true);
    let promoted = |rig: &Rig| {
        let events = &rig.world.ledger().events;
        events.iter().any(|event| matches!(event.what, What::Promoted { .. }))
    };
    while !promoted(&rig) {
        assert!(!rig.is_released(&key), "not before the promotion is done");
        assert_eq!(phase(&rig, "shop-ca"), Some(Phase::Promoting));
        rig.run_for(seconds(1));
    }
    finish(&rig);
}
