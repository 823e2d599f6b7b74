//! What the soak has found, each by itself.

use breakwater_core::decision::Missing;
use breakwater_core::journal::{MoveKind, MoveOutcome, Phase};
use breakwater_core::request::Request;
use breakwater_rig::Rig;
use breakwater_scenarios::*;
use breakwater_sim::{Api, Fault};

fn not_before(rig: &Rig, shop: &str) -> Option<i64> {
    let status = rig.status(&rig.key(shop))?;
    status.report.lacks.iter().find_map(|lack| match lack {
        Missing::NotBefore(until) => Some(until.as_millisecond()),
        _ => None,
    })
}

/// The other services answer now and then, so that the region swings between Impaired and Down. What is held is that it
/// is out: people were told a time that went on moving, and the loss was counted up to the last swing, until it was over
/// the budget.
#[test]
fn the_time_that_is_told_is_the_time_of_the_move() {
    let mut rig = adopted(only("shop-geo"), 31);
    let (shop, region) = ("shop-geo".to_owned(), EAST.to_owned());
    rig.inject(Fault::DatabaseDown {
        shop: shop.clone(),
        region: region.clone(),
    });
    rig.inject(Fault::Brownout { shop, region });
    let told = |rig: &Rig| not_before(rig, "shop-geo");
    assert!(rig.run_until(minutes(10), |rig| told(rig).is_some()), "it is told");
    rig.run_for(minutes(2));
    let until = told(&rig);
    assert!(
        rig.run_until(minutes(20), |rig| phase(rig, "shop-geo").is_some()),
        "{}",
        states(&rig, &["shop-geo"])
    );
    let late = until.map(|until| rig.millis() - until);
    assert!(
        late.is_some_and(|late| (0..30_000).contains(&late)),
        "it begins {late:?} ms after the time that was told"
    );
    rig.run_for(minutes(5));
    finish(&rig);
}

/// The database comes back while a move prepares, its writer read-only already: the move is undone, and long afterwards
/// the shop is Ready and its writer takes writes.
#[test]
fn a_move_that_is_undone_gives_the_writer_back() {
    let mut rig = adopted(only("shop-ca"), 311);
    let fault = rig.inject(Fault::DatabaseDown {
        shop: "shop-ca".into(),
        region: EAST.into(),
    });
    let frozen = rig.inject(Fault::LoseRequests {
        api: Api::Cloudflare,
        op: Some("patch-balancer".into()),
        count: 1_000,
    });
    assert!(
        rig.run_until(minutes(30), |rig| phase(rig, "shop-ca") == Some(Phase::Excluding)),
        "{}",
        states(&rig, &["shop-ca"])
    );
    rig.run_for(seconds(90));
    rig.clear(fault);
    rig.clear(frozen);
    assert!(rig.run_until(minutes(30), |rig| outcome(rig, "shop-ca").is_some()));
    assert_eq!(outcome(&rig, "shop-ca"), Some(MoveOutcome::RolledBack));
    // Long enough for a shop to be at rest; the checker of I7 says whether it is.
    rig.run_for(minutes(60));
    finish(&rig);
}

/// After a failover and the return of the region that was left, nothing about it is owed but the new standby, and people
/// are told that it is what a next move lacks; long after, not even that.
#[test]
fn a_region_that_was_left_is_welcome_back() {
    let mut rig = adopted(only("shop-geo"), 313);
    let fault = east_dies(&mut rig);
    assert!(rig.run_until(minutes(40), |rig| has_moved(rig, "shop-geo")));
    rig.clear(fault);
    let lacks = |rig: &Rig| {
        let status = rig.status(&rig.key("shop-geo"));
        status.map(|status| status.report.lacks.clone()).unwrap_or_default()
    };
    rig.run_for(minutes(20));
    let owed = Missing::RefusalGone("ObligationOpen");
    assert!(lacks(&rig).contains(&owed), "{:?}", lacks(&rig));
    // Long enough for a shop to be at rest; the checkers say whether it is, and whether `missing` is true.
    rig.run_for(minutes(90));
    assert!(!lacks(&rig).contains(&owed), "{:?}", lacks(&rig));
    finish(&rig);
}

/// A person's request that names the active region.
fn named(rig: &Rig, to: &str) -> Request {
    Request {
        name: format!("adopt-{to}").into(),
        uid: format!("uid-adopt-{to}").into(),
        kind: MoveKind::Adopt,
        to: Some(to.into()),
        expected_epoch: None,
        start_before: jiff::Timestamp::from_millisecond(rig.millis() + 600_000).unwrap_or_default(),
        overrides: Vec::new(),
        allow_loss: None,
        max_write_stop: None,
        expires_at: None,
        abort: false,
        record_of: None,
        approved_by: None,
    }
}

/// A person names the active region while the standby's region is silent: nobody could see that the standby follows, so
/// it was excluded and its fence owed. RDS stops no replica: refused for ever, it was excluded for ever.
#[test]
fn a_standby_that_nobody_could_see_is_no_former_writer() {
    for shop in ["shop-ca", "shop-geo"] {
        let mut rig = adopted(only(shop), 317);
        let key = rig.key(shop);
        let fault = rig.inject(Fault::RegionDown {
            region: WEST.into(),
            names_vanish: false,
        });
        rig.run_for(minutes(5));
        let request = named(&rig, EAST);
        rig.request(&key, request);
        rig.run_for(minutes(15));
        assert!(journal(&rig, shop).excluded.is_some(), "{}", states(&rig, &[shop]));
        rig.clear(fault);
        rig.run_for(minutes(60));
        let journal = journal(&rig, shop);
        assert_eq!(journal.obligations, [], "{shop}: nothing is owed");
        assert_eq!(
            condition(&rig, shop, "StandbyReady"),
            "True",
            "{}",
            states(&rig, &[shop])
        );
        finish(&rig);
    }
}

/// RDS upgrades the writer for half an hour: everything that needs it is dark, and the link is broken. When that ends
/// the database is back, and services, monitors and the link need some moments to notice: a move began at once.
#[test]
fn the_end_of_a_routine_state_begins_no_move() {
    for seed in 123..127 {
        let mut rig = adopted(only("shop-geo"), seed);
        let fault = rig.inject(Fault::InstanceStatus {
            shop: "shop-geo".into(),
            region: EAST.into(),
            status: "upgrading".into(),
            takes_writes: None,
        });
        rig.run_for(minutes(30));
        rig.clear(fault);
        rig.run_for(minutes(60));
        assert_eq!(
            journal(&rig, "shop-geo").current,
            None,
            "{}",
            states(&rig, &["shop-geo"])
        );
        finish(&rig);
    }
}

/// The pool of a region is disabled, and a person names that region while the controller sees nothing: the other one was
/// excluded, so that nobody was served at all.
#[test]
fn a_region_whose_pool_is_disabled_gets_no_users() {
    let mut rig = adopted(only("shop-west"), 331);
    let key = rig.key("shop-west");
    let pool = {
        let setup = rig.world.setup();
        let sides = setup.shops[0].sides();
        let east = sides
            .iter()
            .find(|side| side.region == EAST)
            .expect("its standby is there");
        east.pool_id.clone()
    };
    rig.world.set_pool_enabled("person:soak", &pool, false);
    rig.run_for(minutes(6));
    let before = steering(&rig, "shop-west");
    let fault = rig.inject(Fault::ControllerCutOff);
    rig.run_for(minutes(5));
    let request = named(&rig, EAST);
    rig.request(&key, request);
    rig.run_for(minutes(5));
    assert_eq!(journal(&rig, "shop-west").excluded.as_deref(), Some(WEST));
    rig.clear(fault);
    rig.run_for(minutes(5));
    assert_eq!(steering(&rig, "shop-west"), before, "users stay where they are served");
    assert_eq!(explained(&rig, "shop-west", "Stalled").0, "PoolDisabled");
    rig.world.set_pool_enabled("person:soak", &pool, true);
    let excluded = |rig: &Rig| {
        steering(rig, "shop-west")
            .iter()
            .all(|line| line.contains(&format!("{pool}\"] {pool} ")))
    };
    assert!(
        rig.run_until(minutes(10), excluded),
        "{:?}",
        steering(&rig, "shop-west")
    );
    finish(&rig);
}

/// The journal is put back from before a move whose promotion shows in no TXT yet. As soon as the names had been read, and
/// before both instances had, our TXT was made to say that nothing is excluded: all that was left to tell of the move.
#[test]
fn a_journal_from_before_a_promotion_gives_no_trace_away() {
    for seed in 337..343 {
        let mut rig = adopted(only("shop-geo"), seed);
        let key = rig.key("shop-geo");
        let backup = rig.status(&key).cloned();
        let fault = east_dies(&mut rig);
        let shown = |rig: &Rig| journal(rig, "shop-geo").active_region.as_deref() == Some(WEST);
        assert!(rig.run_until(minutes(30), shown), "{}", states(&rig, &["shop-geo"]));
        rig.restore(&key, backup);
        rig.kill();
        let since = rig.millis();
        rig.run_for(minutes(2));
        rig.clear(fault);
        rig.run_for(minutes(30));
        let changed = calls_since(&rig, since);
        assert!(changed.is_empty(), "{changed:?}");
        assert!(refusals(&rig, "shop-geo").contains(&"UnknownActive"));
        assert_eq!(condition(&rig, "shop-geo", "Stalled"), "True");
        let owner = glance(&rig, "shop-geo").owner.expect("our TXT");
        assert!(owner.contains(&format!("excluded={EAST}")), "{owner}");
        finish(&rig);
    }
}
