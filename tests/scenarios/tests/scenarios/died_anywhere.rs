//! The controller dies at every deed of a move, before and after it, and another takes over: always one promotion,
//! always the same end.

use breakwater_rig::{Aim, Rig, Twist};
use breakwater_scenarios::*;

fn played(shop: &str, seed: u64, kill: Option<(usize, Twist)>) -> Rig {
    let mut rig = hurried(only(shop), seed);
    if let Some((index, twist)) = kill {
        rig.twist(Aim::Nth(index), twist);
    }
    settle(&mut rig);
    east_dies_and_returns(&mut rig, &[shop]);
    rig
}

fn survives(shop: &str, seed: u64, index: usize, twist: fn() -> Twist) {
    let name = format!("{shop}, seed {seed}, deed {index}, {:?}", twist());
    let result = std::panic::catch_unwind(|| {
        let rig = played(shop, seed, Some((index, twist())));
        assert_moved_once(&rig, shop);
        finish(&rig);
    });
    assert!(result.is_ok(), "{name}");
}

fn at_every_deed(shop: &str, seed: u64) {
    let undisturbed = played(shop, seed, None);
    assert_moved_once(&undisturbed, shop);
    let deeds = undisturbed.deeds().len();
    assert!(deeds >= 30, "a move has more deeds than {deeds}");
    for index in 0..deeds {
        survives(shop, seed, index, || Twist::DieBefore);
        survives(shop, seed, index, || Twist::DieAfter);
    }
}

#[test]
fn at_every_deed_of_a_shop_with_proofs() {
    at_every_deed("shop-ca", 1);
}

#[test]
fn at_every_deed_of_a_shop_with_geographic_lists() {
    at_every_deed("shop-geo", 2);
}

#[test]
fn at_every_deed_of_another_world() {
    at_every_deed("shop-geo", 3);
}

/// One deed of each of 500 worlds.
fn at_one_deed(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let shop = if seed % 2 == 0 { "shop-ca" } else { "shop-geo" };
        // Any fixed scrambling does: the deeds of a move are some sixty.
        let scrambled = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        let index = usize::try_from(scrambled % 64).unwrap_or(0);
        if scrambled & 64 == 0 {
            survives(shop, seed, index, || Twist::DieBefore);
        } else {
            survives(shop, seed, index, || Twist::DieAfter);
        }
    }
}

#[test]
fn at_one_deed_of_each_of_250_worlds() {
    at_one_deed(1_000..1_250);
}

#[test]
fn at_one_deed_of_each_of_250_more_worlds() {
    at_one_deed(1_250..1_500);
}
