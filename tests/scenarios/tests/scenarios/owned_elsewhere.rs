//! Another installation owns the shop, or takes it, or somebody changes the records behind our back.

use breakwater_rig::{Aim, Options, Rig, Twist};
use breakwater_scenarios::*;
use breakwater_sim::{Meta, RecordAction, RecordChange, RecordSet, Request, Route53Op, Setup, Vantage, World};

const FOREIGN: &str = "\"v=1 owner=elsewhere/shops/shop-ca epoch=9 region=us-west-2 excluded=-\"";

fn txt(value: &str) -> RecordSet {
    RecordSet {
        name: "_breakwater.db.shop-ca.example.com.".into(),
        kind: "TXT".into(),
        ttl: 60,
        values: vec![value.into()],
        set_identifier: None,
    }
}

fn upsert(zone: &str, record: RecordSet) -> Request {
    Request::Route53 {
        op: Route53Op::ChangeRecords {
            zone: zone.into(),
            changes: vec![RecordChange {
                action: RecordAction::Upsert,
                record,
            }],
        },
    }
}

#[test]
fn a_second_owner_is_never_touched() {
    let setup = only("shop-ca");
    let zone = setup.hosted_zone.clone();
    let mut rig = Rig::new(setup, 151, &Options::default());
    person(&mut rig, upsert(&zone, txt(FOREIGN)));
    rig.run_for(hours(1));
    assert_eq!(calls_since(&rig, 0).len(), 0, "no call");
    assert_eq!(journal(&rig, "shop-ca").active_region, None, "not adopted");
    assert!(refusals(&rig, "shop-ca").contains(&"OwnedElsewhere"));
    east_dies(&mut rig);
    rig.run_for(hours(1));
    assert_eq!(calls_since(&rig, 0).len(), 0, "nor when the region dies");
    assert_eq!(glance(&rig, "shop-ca").owner.as_deref(), Some(FOREIGN));
    finish(&rig);
}

#[test]
fn a_shop_that_is_taken_over_is_let_alone() {
    let setup = only("shop-ca");
    let zone = setup.hosted_zone.clone();
    let mut rig = adopted(setup, 157);
    person(&mut rig, upsert(&zone, txt(FOREIGN)));
    rig.run_for(minutes(10));
    let taken = rig.millis();
    assert!(
        refusals(&rig, "shop-ca").contains(&"OwnedElsewhere"),
        "{:?}",
        refusals(&rig, "shop-ca")
    );
    east_dies(&mut rig);
    rig.run_for(hours(1));
    assert_eq!(calls_since(&rig, taken).len(), 0);
    assert_eq!(glance(&rig, "shop-ca").owner.as_deref(), Some(FOREIGN));
    finish(&rig);
}

/// Between our reading and our batch another installation takes the shop: a compare-and-swap does not overwrite it.
#[test]
fn a_change_that_we_have_not_read_is_not_overwritten() {
    let setup: Setup = only("shop-ca");
    let zone = setup.hosted_zone.clone();
    let mut rig = adopted(setup, 163);
    east_dies(&mut rig);
    let taken = move |world: &mut World| {
        world.ask(Vantage::Person, Meta::default(), upsert(&zone, txt(FOREIGN)));
    };
    rig.twist(Aim::Next("change-records"), Twist::Meanwhile(Box::new(taken)));
    assert!(rig.run_until(minutes(30), |rig| rig.twists_left() == 0));
    let tried = rig.millis();
    rig.run_for(hours(1));
    assert_eq!(
        glance(&rig, "shop-ca").owner.as_deref(),
        Some(FOREIGN),
        "the other's record stands"
    );
    let later: Vec<_> = calls_since(&rig, tried + 1_000);
    assert_eq!(later.len(), 0, "and nothing is touched any more: {later:?}");
    assert!(refusals(&rig, "shop-ca").contains(&"OwnedElsewhere"));
    finish(&rig);
}

/// Somebody corrects the writer's name by hand between our reading and our batch: both records are read again.
#[test]
fn a_name_changed_behind_our_back_is_read_again() {
    let setup: Setup = only("shop-ca");
    let zone = setup.hosted_zone.clone();
    let mut rig = adopted(setup, 167);
    east_dies(&mut rig);
    assert!(rig.run_until(minutes(30), |rig| promotions_accepted(rig, "shop-ca") == 1));
    let corrected = move |world: &mut World| {
        let record = RecordSet {
            name: "db.shop-ca.example.com.".into(),
            kind: "CNAME".into(),
            ttl: 300,
            values: vec!["by-hand.example.net.".into()],
            set_identifier: None,
        };
        world.ask(Vantage::Person, Meta::default(), upsert(&zone, record));
    };
    rig.twist(Aim::Next("change-records"), Twist::Meanwhile(Box::new(corrected)));
    assert!(
        rig.run_until(minutes(30), |rig| has_moved(rig, "shop-ca")),
        "{}",
        states(&rig, &["shop-ca"])
    );
    let batches = calls(&rig, "shop-ca", "change-records");
    let refused = batches
        .iter()
        .filter(|(_, call)| call.code.as_deref() == Some("InvalidChangeBatch"))
        .count();
    assert_eq!(refused, 1, "the first batch was built from what stood there before");
    assert_eq!(
        glance(&rig, "shop-ca").name_target.as_deref(),
        Some(WEST),
        "asserted again while the former writer is unfenced"
    );
    finish(&rig);
    finish(&rig);
}
