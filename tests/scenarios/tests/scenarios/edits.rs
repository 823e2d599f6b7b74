//! Edits of the spec: on a quiet day, in an outage, and in the middle of a move.

use breakwater_core::journal::{ObligationKind, Phase};
use breakwater_rig::Rig;
use breakwater_scenarios::*;

fn reason(rig: &Rig, kind: &str) -> &'static str {
    explained(rig, "shop-ca", kind).0
}

/// Preferred is the other region now: nothing in the world changes, and a dead region is left as before.
#[test]
fn swapping_the_preference_changes_nothing_in_the_world() {
    let mut rig = adopted(only("shop-ca"), 257);
    let (steered, name, since) = (
        steering(&rig, "shop-ca"),
        glance(&rig, "shop-ca").name_target,
        rig.millis(),
    );
    let key = rig.key("shop-ca");
    rig.edit(&key, |shop| shop.regions.swap());
    rig.run_for(minutes(30));
    assert_eq!(calls_since(&rig, since).len(), 0);
    assert_eq!(journal(&rig, "shop-ca").epoch, 1, "not adopted anew");
    assert_eq!(journal(&rig, "shop-ca").active_region.as_deref(), Some(EAST));
    assert_eq!(
        (steering(&rig, "shop-ca"), glance(&rig, "shop-ca").name_target),
        (steered, name)
    );
    assert_eq!(condition(&rig, "shop-ca", "Ready"), "True");
    let dead = east_dies(&mut rig);
    assert!(
        rig.run_until(minutes(30), |rig| has_moved(rig, "shop-ca")),
        "{}",
        states(&rig, &["shop-ca"])
    );
    rig.clear(dead);
    assert!(
        rig.run_until(hours(2), |rig| is_whole(rig, "shop-ca")),
        "{}",
        states(&rig, &["shop-ca"])
    );
    assert_eq!(promotions_accepted(&rig, "shop-ca"), 1);
    finish(&rig);
}

/// The same in the middle of an outage: what was seen of each region stays its own, and no time is lost.
#[test]
fn swapped_in_an_outage_it_costs_no_time() {
    let took = |swap: bool| {
        let mut rig = adopted(only("shop-ca"), 263);
        let key = rig.key("shop-ca");
        east_dies(&mut rig);
        let dead = rig.millis();
        rig.run_for(seconds(100));
        if swap {
            rig.edit(&key, |shop| shop.regions.swap());
        }
        assert!(rig.run_until(minutes(30), |rig| phase(rig, "shop-ca") == Some(Phase::Requested)));
        let took = rig.millis() - dead;
        assert!(rig.run_until(minutes(30), |rig| has_moved(rig, "shop-ca")));
        finish(&rig);
        took
    };
    assert_eq!(took(true), took(false));
}

/// An edit of an instance in the middle of a move, and a restart on top: the move works on what it copied, the edit waits for
/// the move and its fence.
#[test]
fn a_move_works_on_the_identities_of_its_start() {
    let mut rig = adopted(only("shop-ca"), 269);
    let key = rig.key("shop-ca");
    let dead = east_dies(&mut rig);
    assert!(rig.run_until(minutes(30), |rig| phase(rig, "shop-ca") == Some(Phase::Excluding)));
    rig.edit(&key, |shop| {
        shop.regions.primary.instance = "shop-ca-cac1-b".into();
        shop.writer.name = "writer.shop-ca.example.com".into();
    });
    assert!(rig.run_until(minutes(30), |rig| phase(rig, "shop-ca") == Some(Phase::Promoting)));
    rig.kill();
    assert!(
        rig.run_until(minutes(60), |rig| has_moved(rig, "shop-ca")),
        "{}",
        states(&rig, &["shop-ca"])
    );
    assert_eq!(
        glance(&rig, "shop-ca").name_target.as_deref(),
        Some(WEST),
        "the name of its start"
    );
    rig.run_for(minutes(10));
    assert_eq!(reason(&rig, "Ready"), "SpecPending", "{}", states(&rig, &["shop-ca"]));
    assert_eq!(reason(&rig, "Reconciling"), "SpecPending");
    let message = explained(&rig, "shop-ca", "Ready").1;
    assert!(message.contains("shop-ca-cac1"), "{message}");
    rig.clear(dead);
    let fenced = |rig: &Rig| {
        instance_status(rig, "shop-ca", EAST) == "stopped"
            && journal(rig, "shop-ca")
                .owes(ObligationKind::FenceFormerWriter)
                .is_none()
    };
    assert!(rig.run_until(hours(2), fenced), "{}", states(&rig, &["shop-ca"]));
    // Now it counts: adopting anew, with a name and an instance that do not exist, which is said.
    let anew = |rig: &Rig| journal(rig, "shop-ca").adopting_since.is_some();
    assert!(rig.run_until(minutes(10), anew), "{}", states(&rig, &["shop-ca"]));
    assert_eq!(promotions(&rig, "shop-ca").len(), 1);
}

/// New URLs of services in the middle of an outage: their windows begin anew, the rest stays, and the move still comes.
#[test]
fn services_edited_in_an_outage_begin_anew_and_nothing_else_does() {
    let mut rig = adopted(only("shop-ca"), 271);
    let key = rig.key("shop-ca");
    east_dies(&mut rig);
    rig.edit(&key, |shop| {
        // Fresh windows know no better than that writes went on until now.
        shop.policy.max_loss = hours(1);
        shop.suspended = true;
    });
    rig.run_for(minutes(12));
    // The trouble is not younger for it: the link did not break long before.
    rig.edit(&key, |shop| {
        shop.regions.primary.services.truncate(1);
        shop.suspended = false;
    });
    assert!(
        rig.run_until(minutes(30), |rig| has_moved(rig, "shop-ca")),
        "{}",
        states(&rig, &["shop-ca"])
    );
    finish(&rig);
}

/// New balancers on a quiet day: adopted anew, with the writer where it is, and nothing moved.
#[test]
fn another_identity_means_adopt_anew() {
    let mut rig = adopted(only("shop-ca"), 277);
    let key = rig.key("shop-ca");
    let (steered, since) = (steering(&rig, "shop-ca"), rig.millis());
    rig.edit(&key, |shop| shop.writer.name = "db2.shop-ca.example.com".into());
    let anew = |rig: &Rig| journal(rig, "shop-ca").epoch == 2;
    assert!(rig.run_until(minutes(15), anew), "{}", states(&rig, &["shop-ca"]));
    assert_eq!(journal(&rig, "shop-ca").active_region.as_deref(), Some(EAST));
    rig.run_for(minutes(30));
    assert_eq!(steering(&rig, "shop-ca"), steered);
    let ops: std::collections::BTreeSet<_> = calls_since(&rig, since)
        .iter()
        .map(|(_, call)| call.op.to_string())
        .collect();
    let ops: Vec<_> = ops.iter().map(String::as_str).collect();
    assert_eq!(ops, ["add-tags", "change-records"], "our TXT and our tags");
}
