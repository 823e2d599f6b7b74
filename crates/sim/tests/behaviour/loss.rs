//! What is lost, exactly.

use crate::*;
use breakwater_sim::ledger::{OrderedBy, What};

struct Loss {
    held_until: i64,
    source_wrote_until: i64,
    absent: u64,
}

fn promoted(world: &World) -> Loss {
    let found = world.ledger().events.iter().find_map(|event| match &event.what {
        What::Promoted {
            held_until,
            source_wrote_until,
            orders_absent,
            ..
        } => Some(Loss {
            held_until: *held_until,
            source_wrote_until: *source_wrote_until,
            absent: *orders_absent,
        }),
        _ => None,
    });
    found.expect("promoted")
}

#[test]
fn a_dead_region_loses_the_tail_that_was_not_shipped() {
    let mut lost = 0;
    for seed in 0..40 {
        let mut setup = Setup::demo();
        setup.shops[0].orders_per_second = 20.0;
        let mut world = World::new(setup, seed);
        wait(&mut world, 97);
        let died = world.now();
        world.inject(down(CA));
        wait(&mut world, 200);
        promote(&mut world);
        until(&mut world, "promoted", |world| writable(world, B));
        let loss = promoted(&world);
        assert_eq!(loss.source_wrote_until, died);
        let seconds = (died - loss.held_until) as f64 / 1000.0;
        assert!((0.0..2.0).contains(&seconds), "{seconds}");
        let absent = &world.ledger().absent;
        assert_eq!(absent.len() as u64, loss.absent);
        for order in absent {
            assert!(order.at > loss.held_until && order.at <= died);
            assert_eq!(&*order.instance, A);
            assert_eq!(&*order.writer, B);
        }
        lost += absent.iter().filter(|o| o.by == OrderedBy::Shopper).count();
    }
    assert!(lost > 10, "somebody must have ordered in those tails: {lost}");
}

#[test]
fn a_live_link_loses_only_what_was_acknowledged_during_the_promotion() {
    let mut world = demo();
    wait(&mut world, 60);
    let sent = world.now();
    promote(&mut world);
    until(&mut world, "promoted", |world| writable(world, B));
    let loss = promoted(&world);
    assert!(loss.held_until <= sent && loss.held_until > sent - 2000);
    assert!(world.ledger().absent.iter().all(|order| order.at > loss.held_until));
    // The name still leads to the old source, so every further order is absent as well, one by one.
    let before = world.ledger().absent.len();
    let total = shop(&world, SHOP).totals.acknowledged;
    wait(&mut world, 30);
    let acknowledged = shop(&world, SHOP).totals.acknowledged - total;
    assert!(acknowledged > 20);
    let jobs_of_b = world.ledger().writable.iter().find(|s| *s.instance == *B);
    let jobs_of_b = jobs_of_b.map_or(0, |span| span.orders_of_jobs);
    let absent = (world.ledger().absent.len() - before) as u64;
    assert!(absent <= acknowledged && absent + jobs_of_b >= acknowledged);
    assert_eq!(shop(&world, SHOP).totals.absent, world.ledger().absent.len() as u64);
}

#[test]
fn a_slow_replica_shows_its_lag_and_may_lose_its_relay_log() {
    let run = |relay_log_lost| {
        let mut setup = Setup::demo();
        setup.habits.relay_log_lost = relay_log_lost;
        setup.shops[0].lag.apply = (40_000, 40_000);
        let mut world = World::new(setup, 4);
        wait(&mut world, 300);
        assert!(shop(&world, SHOP).instances[1].behind_millis >= Some(40_000));
        world.inject(down(CA));
        promote(&mut world);
        until(&mut world, "promoted", |world| writable(world, B));
        let loss = promoted(&world);
        loss.source_wrote_until - loss.held_until
    };
    assert!(run(true) >= 40_000);
    assert!(run(false) < 1_000, "received rows are applied before the reboot");
}

#[test]
fn a_fenced_writer_loses_nothing() {
    let mut world = demo();
    wait(&mut world, 60);
    let op = RdsOp::ModifyParameter {
        group: "shop-ca-cac1-mysql80".into(),
        name: "read_only".into(),
        value: "1".into(),
    };
    answer(&mut world, rds(CA, op));
    wait(&mut world, 90);
    promote(&mut world);
    until(&mut world, "promoted", |world| writable(world, B));
    let loss = promoted(&world);
    assert!(loss.held_until >= loss.source_wrote_until);
    assert!(world.ledger().absent.is_empty());
}
