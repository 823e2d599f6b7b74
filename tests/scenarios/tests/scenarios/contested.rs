//! Terraform puts back what the controller sets.

use breakwater_rig::Rig;
use breakwater_scenarios::*;
use breakwater_sim::{Fault, FaultId};

fn terraform(rig: &mut Rig, every_seconds: u32, names: bool, balancers: bool) -> FaultId {
    rig.inject(Fault::Terraform {
        shop: "shop-ca".into(),
        every_seconds,
        names,
        balancers,
    })
}

fn reason(rig: &Rig, kind: &str) -> &'static str {
    explained(rig, "shop-ca", kind).0
}

fn stalled(rig: &Rig) -> String {
    explained(rig, "shop-ca", "Stalled").1
}

/// The order changes because services are out; Terraform turns it back every two minutes. Three times, then it may.
#[test]
fn the_order_is_left_to_terraform_after_three_times() {
    let mut rig = adopted(only("shop-ca"), 211);
    terraform(&mut rig, 120, false, true);
    let out = rig.inject(Fault::ServicesDown {
        shop: "shop-ca".into(),
        region: EAST.into(),
    });
    let contested = |rig: &Rig| reason(rig, "TrafficAligned") == "Contested";
    assert!(rig.run_until(minutes(20), contested), "{}", states(&rig, &["shop-ca"]));
    let patched = applied(&calls(&rig, "shop-ca", "patch-balancer"));
    assert_eq!(
        patched, 3,
        "set, and set again after it was put back the first and the second time"
    );
    rig.run_for(hours(2));
    assert_eq!(applied(&calls(&rig, "shop-ca", "patch-balancer")), patched);
    assert_eq!(reason(&rig, "Stalled"), "Contested");
    assert!(stalled(&rig).contains("Terraform"), "{}", stalled(&rig));
    assert_eq!(told(&rig, "shop-ca", "Contested"), 1, "told once");
    // A restart begins no three tries anew.
    rig.kill();
    rig.run_for(hours(1));
    assert_eq!(applied(&calls(&rig, "shop-ca", "patch-balancer")), patched);
    // The services come back: what Terraform keeps is what is wanted.
    rig.clear(out);
    let ready = |rig: &Rig| condition(rig, "shop-ca", "Ready") == "True";
    assert!(rig.run_until(minutes(30), ready), "{}", states(&rig, &["shop-ca"]));
    assert!(journal(&rig, "shop-ca").put_back.is_empty());
    finish(&rig);
}

/// After a move, with the former writer out of reach, Terraform points the name back at it: set again for as long as it is
/// not fenced, and that is critical. Once it is fenced nobody fights.
#[test]
fn the_name_is_set_again_while_the_former_writer_is_not_fenced() {
    let mut rig = adopted(only("shop-ca"), 223);
    let plan = terraform(&mut rig, 300, true, false);
    let dead = east_dies(&mut rig);
    assert!(
        rig.run_until(minutes(60), |rig| has_moved(rig, "shop-ca")),
        "{}",
        states(&rig, &["shop-ca"])
    );
    rig.run_for(hours(2));
    assert!(stalled(&rig).starts_with("CRITICAL"), "{}", stalled(&rig));
    let batches = applied(&calls(&rig, "shop-ca", "change-records"));
    assert!(batches >= 20, "each time: {batches}");
    rig.clear(dead);
    let fenced = |rig: &Rig| instance_status(rig, "shop-ca", EAST) == "stopped";
    assert!(rig.run_until(hours(1), fenced), "{}", states(&rig, &["shop-ca"]));
    rig.run_for(hours(1));
    let left = applied(&calls(&rig, "shop-ca", "change-records"));
    rig.run_for(hours(2));
    assert_eq!(
        applied(&calls(&rig, "shop-ca", "change-records")),
        left,
        "left to Terraform now"
    );
    assert_eq!(reason(&rig, "WriterNameAligned"), "Contested");
    // Somebody stops it and corrects the record.
    rig.clear(plan);
    rig.world.point_writer("person:on-call", "shop-ca", WEST);
    let aligned = |rig: &Rig| reason(rig, "WriterNameAligned") == "Aligned";
    assert!(rig.run_until(minutes(15), aligned), "{}", states(&rig, &["shop-ca"]));
    rig.run_for(minutes(40));
    assert!(journal(&rig, "shop-ca").put_back.is_empty(), "managed again");
    finish(&rig);
}

/// The same with the load balancers: the exclusion of an unfenced region is set again each time.
#[test]
fn the_exclusion_is_set_again_while_the_former_writer_is_not_fenced() {
    let mut rig = adopted(only("shop-ca"), 227);
    east_dies(&mut rig);
    assert!(rig.run_until(minutes(60), |rig| has_moved(rig, "shop-ca")));
    let (east, west) = {
        let shop = &rig.world.setup().shops[0];
        (shop.primary.pool_id.clone(), shop.secondary.pool_id.clone())
    };
    let balancer = rig.world.setup().shops[0].balancers[0].id.clone();
    for _ in 0..8 {
        let patch = serde_json::json!({"default_pools": [east, west], "fallback_pool": east});
        rig.world.patch_balancer_as("person:on-call", &balancer, patch);
        rig.run_for(minutes(4));
        assert!(
            !steering(&rig, "shop-ca")[0].contains(EAST),
            "{:?}",
            steering(&rig, "shop-ca")
        );
    }
    assert!(stalled(&rig).starts_with("CRITICAL"), "{}", stalled(&rig));
}
