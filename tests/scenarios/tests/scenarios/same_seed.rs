//! The same seed gives the same run.

use breakwater_rig::{Aim, Rig, Twist};
use breakwater_scenarios::*;
use breakwater_sim::Setup;

fn played(seed: u64) -> Rig {
    let mut rig = adopted(Setup::demo(), seed);
    rig.twist(Aim::Next("entry shop-ca Excluding"), Twist::DieAfter);
    rig.twist(Aim::Next("promote-read-replica shop-geo"), Twist::LoseReply);
    east_dies_and_returns(&mut rig, &["shop-ca", "shop-geo"]);
    rig
}

#[test]
fn two_runs_are_one() {
    let (one, other) = (played(137), played(137));
    assert_eq!(one.world.ledger().hash(), other.world.ledger().hash(), "the ledger");
    assert_eq!(one.history_json(), other.history_json(), "the history of journals");
    assert_eq!(one.deeds(), other.deeds());
    assert_eq!(one.steps(), other.steps());
    let third = played(138);
    assert_ne!(
        one.world.ledger().hash(),
        third.world.ledger().hash(),
        "another seed is another run"
    );
    finish(&one);
}
