//! Somebody else promotes, stops or deletes an instance.

use breakwater_core::journal::{MoveOutcome, ObligationKind};
use breakwater_rig::{Aim, Rig, Twist};
use breakwater_scenarios::*;
use breakwater_sim::{Fault, Meta, RecordAction, RecordChange, RecordSet, Request, Route53Op, Vantage};

fn unknown(rig: &Rig) -> bool {
    refusals(rig, "shop-ca").contains(&"UnknownActive")
}

fn active(rig: &Rig) -> Option<String> {
    journal(rig, "shop-ca").active_region.map(|region| region.to_string())
}

/// A person moves the shop by hand: promotes, stops the old writer, corrects the name.
#[test]
fn moved_by_hand_it_is_adopted_and_the_name_is_theirs_to_correct() {
    let mut rig = adopted(only("shop-ca"), 229);
    let before = steering(&rig, "shop-ca");
    rig.world.promote_by_hand("person:on-call", "shop-ca");
    assert!(rig.run_until(minutes(60), unknown), "{}", states(&rig, &["shop-ca"]));
    // RDS stops no instance that still has a replica: they try until the promotion is done.
    while instance_status(&rig, "shop-ca", EAST) == "available" {
        rig.world.stop_instance("person:on-call", "shop-ca", EAST);
        rig.run_for(seconds(10));
    }
    let adopted = |rig: &Rig| active(rig).as_deref() == Some(WEST);
    assert!(rig.run_until(minutes(60), adopted), "{}", states(&rig, &["shop-ca"]));
    assert_eq!(steering(&rig, "shop-ca"), before, "an adoption moves no pool by itself");
    rig.run_for(minutes(10));
    let epoch = journal(&rig, "shop-ca").epoch;
    assert_eq!(epoch, 2);
    assert!(
        glance(&rig, "shop-ca")
            .owner
            .is_some_and(|owner| owner.contains(&format!("epoch={epoch} region={WEST}")))
    );
    assert_eq!(applied(&calls(&rig, "shop-ca", "stop-instance")), 0);
    assert!(blockers(&rig, "shop-ca").contains(&"RecordForeign"));
    assert_eq!(
        glance(&rig, "shop-ca").name_target.as_deref(),
        Some(EAST),
        "no name moves"
    );
    assert!(told(&rig, "shop-ca", "Adopted") >= 2);
    rig.world.point_writer("person:on-call", "shop-ca", WEST);
    let whole = |rig: &Rig| !blockers(rig, "shop-ca").contains(&"RecordForeign");
    assert!(rig.run_until(minutes(15), whole));
    // Their schedule starts the old one again: it is a former writer like any other.
    rig.world.start_instance("schedule", "shop-ca", EAST);
    let stops = |rig: &Rig| applied(&calls(rig, "shop-ca", "stop-instance")) == 1;
    assert!(rig.run_until(minutes(30), stops), "{}", states(&rig, &["shop-ca"]));
    assert_eq!(promotions(&rig, "shop-ca").len(), 0);
    finish(&rig);
}

/// Two writers that no move explains: nothing is touched, whatever happens, until a person has decided.
#[test]
fn of_two_writers_a_person_chooses() {
    let mut rig = adopted(only("shop-ca"), 233);
    rig.world.promote_by_hand("person:on-call", "shop-ca");
    assert!(rig.run_until(minutes(30), unknown), "{}", states(&rig, &["shop-ca"]));
    let since = rig.millis();
    rig.run_for(hours(2));
    assert_eq!(condition(&rig, "shop-ca", "Stalled"), "True");
    assert_eq!(condition(&rig, "shop-ca", "Protected"), "False");
    let dead = east_dies(&mut rig);
    rig.run_for(hours(2));
    assert_eq!(calls_since(&rig, since).len(), 0, "nothing automatic");
    rig.clear(dead);
    rig.run_for(minutes(30));
    assert!(unknown(&rig));
    rig.world.stop_instance("person:on-call", "shop-ca", EAST);
    let adopted = |rig: &Rig| active(rig).as_deref() == Some(WEST) && !unknown(rig);
    assert!(rig.run_until(minutes(30), adopted), "{}", states(&rig, &["shop-ca"]));
    finish(&rig);
}

/// On call promotes by hand while the region is dead and silent: what cannot be seen is not gone.
#[test]
fn promoted_by_hand_in_an_outage_it_is_not_guessed() {
    let mut rig = adopted(only("shop-ca"), 239);
    let dead = east_dies(&mut rig);
    rig.run_for(seconds(30));
    rig.world.promote_by_hand("person:on-call", "shop-ca");
    rig.run_for(hours(1));
    assert_eq!(active(&rig).as_deref(), Some(EAST));
    assert!(unknown(&rig), "{}", states(&rig, &["shop-ca"]));
    assert_eq!(condition(&rig, "shop-ca", "Stalled"), "True");
    assert_eq!(promotions(&rig, "shop-ca").len(), 0);
    rig.clear(dead);
    rig.run_for(hours(1));
    assert!(unknown(&rig), "two writers now");
    assert_eq!(active(&rig).as_deref(), Some(EAST));
    finish(&rig);
}

/// The source is deleted, which ends replication: RDS promotes the replica by itself (here a person does).
#[test]
fn a_writer_that_was_deleted_leaves_the_other() {
    let mut rig = adopted(only("shop-ca"), 241);
    rig.inject(Fault::InstanceGone {
        shop: "shop-ca".into(),
        region: EAST.into(),
    });
    rig.world.promote_by_hand("rds", "shop-ca");
    let adopted = |rig: &Rig| active(rig).as_deref() == Some(WEST);
    assert!(rig.run_until(minutes(60), adopted), "{}", states(&rig, &["shop-ca"]));
    assert_eq!(promotions(&rig, "shop-ca").len(), 0);
    finish(&rig);
}

fn change(rig: &mut Rig, action: RecordAction, record: RecordSet) {
    let op = Route53Op::ChangeRecords {
        zone: rig.world.setup().hosted_zone.clone(),
        changes: vec![RecordChange { action, record }],
    };
    let meta = Meta {
        actor: "person:on-call".into(),
        ..Meta::default()
    };
    rig.world.ask(Vantage::Person, meta, Request::Route53 { op });
}

/// Somebody writes a note where our TXT stands: it is not overwritten, and once it is gone ours is there again.
#[test]
fn a_txt_that_nobody_can_read_is_not_overwritten() {
    let mut rig = adopted(only("shop-ca"), 251);
    let note = RecordSet {
        name: "_breakwater.db.shop-ca.example.com.".into(),
        kind: "TXT".into(),
        ttl: 60,
        values: vec!["\"do not touch\"".into()],
        set_identifier: None,
    };
    change(&mut rig, RecordAction::Upsert, note.clone());
    let noticed = |rig: &Rig| refusals(rig, "shop-ca").contains(&"OwnedElsewhere");
    assert!(rig.run_until(minutes(10), noticed));
    let since = rig.millis();
    east_dies(&mut rig);
    rig.run_for(hours(1));
    assert_eq!(calls_since(&rig, since).len(), 0);
    change(&mut rig, RecordAction::Delete, note);
    assert!(
        rig.run_until(minutes(60), |rig| has_moved(rig, "shop-ca")),
        "{}",
        states(&rig, &["shop-ca"])
    );
    finish(&rig);
}

/// The promotion is held up on its way for a quarter of an hour. The region is back long before, the move was rolled back, and
/// users write there: the late promotion takes the standby, and nothing else.
#[test]
fn a_promotion_that_comes_after_the_rollback_takes_the_standby_and_nothing_else() {
    let mut rig = adopted(only("shop-ca"), 283);
    rig.twist(Aim::Next("promote-read-replica"), Twist::ArriveLate(900_000));
    let dead = east_dies(&mut rig);
    assert!(rig.run_until(minutes(30), |rig| rig.twists_left() == 0));
    rig.clear(dead);
    let back = |rig: &Rig| outcome(rig, "shop-ca") == Some(MoveOutcome::RolledBack);
    assert!(rig.run_until(minutes(13), back), "{}", states(&rig, &["shop-ca"]));
    assert_eq!(promotions_accepted(&rig, "shop-ca"), 0);
    let owed = |rig: &Rig| journal(rig, "shop-ca").owes(ObligationKind::RebuildStandby).is_some();
    assert!(rig.run_until(minutes(30), owed), "{}", states(&rig, &["shop-ca"]));
    rig.run_for(minutes(5));
    assert_eq!(active(&rig).as_deref(), Some(EAST), "W stays where users wrote");
    assert_eq!(glance(&rig, "shop-ca").name_visible.as_deref(), Some(EAST));
    assert_eq!(instance_status(&rig, "shop-ca", EAST), "available");
    assert_eq!(
        instance_status(&rig, "shop-ca", WEST),
        "available",
        "nobody ever wrote to it"
    );
    let status = rig.status(&rig.key("shop-ca"));
    assert_eq!(status.map(|status| status.report.reason), Some("LatePromotion"));
    assert_eq!(condition(&rig, "shop-ca", "StandbyReady"), "False");
    // Once a new standby has taken its place it is stopped: it is nobody's writer.
    rig.run_for(hours(1));
    assert_eq!(instance_status(&rig, "shop-ca", "shop-ca-usw2"), "stopped");
    assert_eq!(condition(&rig, "shop-ca", "StandbyReady"), "True");
    assert_eq!(active(&rig).as_deref(), Some(EAST));
    assert_eq!(promotions(&rig, "shop-ca").len(), 1);
    finish(&rig);
}
