//! The level *traffic*: pool order and exclusion.

use crate::scene::{A, B, Scene, balancer, health};
use breakwater_core::Text;
use breakwater_core::decision::{Effect, Next, Step};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::journal::Phase;
use breakwater_core::reading::{BalancerView, InstanceView, PoolView, ProbeSeen, ProofSeen, Query, Seen};
use breakwater_core::report::report;
use breakwater_core::shop::Mode;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn list(pools: &[&str]) -> Vec<Text> {
    pools.iter().map(|pool| Text::from(*pool)).collect()
}

/// Every list of the document.
fn lists(view: &BalancerView) -> Vec<(String, Vec<Text>)> {
    let mut lists = vec![
        ("default".to_owned(), view.default_pools.clone()),
        ("fallback".to_owned(), vec![view.fallback_pool.clone()]),
    ];
    for (name, map) in [
        ("region", &view.region_pools),
        ("country", &view.country_pools),
        ("pop", &view.pop_pools),
    ] {
        lists.extend(map.iter().map(|(key, pools)| (format!("{name} {key}"), pools.clone())));
    }
    lists
}

fn assert_excluded(view: &BalancerView, before: &BalancerView) {
    for (name, pools) in lists(view) {
        assert!(!pools.contains(&"pool-ca".into()), "{name} names A: {pools:?}");
        assert!(!pools.is_empty(), "{name} is empty");
        let mut unique = pools.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), pools.len(), "{name} names a pool twice: {pools:?}");
    }
    assert_eq!(view.fallback_pool, "pool-us".into());
    assert_eq!(view.default_pools.first(), Some(&"pool-us".into()));
    // Nothing else changes: other pools keep their places.
    let keys = |view: &BalancerView| lists(view).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(keys(view), keys(before));
    for ((name, now), (_, was)) in lists(view).into_iter().zip(lists(before)) {
        let others = |pools: &[Text]| {
            pools
                .iter()
                .filter(|p| p.starts_with("pool-o"))
                .cloned()
                .collect::<Vec<_>>()
        };
        let mut expected = others(&was);
        let mut seen = std::collections::BTreeSet::new();
        expected.retain(|pool| seen.insert(pool.clone()));
        assert_eq!(others(&now), expected, "{name}");
    }
}

/// A region-down with this balancer, up to the promotion; the promotion itself is checked to come after the exclusion.
fn excluded_with(view: BalancerView) -> Scene {
    let mut scene = Scene::healthy();
    *scene.balancer() = view;
    scene.live(30);
    let before = scene.balancer().clone();
    scene.kill_region();
    scene.live_until(600, |scene| scene.promotions() == 1);
    let now = scene.balancer().clone();
    assert_excluded(&now, &before);
    scene
}

#[test]
fn an_excluded_pool_stands_in_no_list() {
    excluded_with(balancer());
}

#[test]
fn an_emptied_list_gets_the_fronts_pool_and_the_map_is_sent_whole() {
    // WEU -> [A] is the only entry.
    let mut view = balancer();
    view.region_pools = BTreeMap::from([("WEU".into(), list(&["pool-ca"]))]);
    view.country_pools.clear();
    view.pop_pools.clear();
    let mut scene = excluded_with(view);
    assert_eq!(
        scene.balancer().region_pools,
        BTreeMap::from([("WEU".into(), list(&["pool-us"]))])
    );
}

#[test]
fn no_pool_stands_twice() {
    // A list [A, B] of which A goes, and one that somebody wrote twice.
    let mut view = balancer();
    view.region_pools = BTreeMap::from([
        ("WEU".into(), list(&["pool-ca", "pool-us"])),
        ("ENAM".into(), list(&["pool-ca", "pool-other", "pool-us", "pool-other"])),
    ]);
    let mut scene = excluded_with(view);
    let now = scene.balancer().region_pools.clone();
    assert_eq!(now["WEU"], list(&["pool-us"]));
    assert_eq!(now["ENAM"], list(&["pool-other", "pool-us"]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_lists_are_an_exclusion_leaves_none_that_names_the_region(
        regions in prop::collection::btree_map("[A-Z]{3}", prop::collection::vec(0usize..4, 1..5), 0..6),
        pops in prop::collection::btree_map("[A-Z]{3}", prop::collection::vec(0usize..4, 1..5), 0..3),
        more in prop::collection::vec(2usize..4, 0..3),
    ) {
        let pools = ["pool-ca", "pool-us", "pool-other", "pool-o2"];
        let named = |lists: BTreeMap<String, Vec<usize>>| -> BTreeMap<Text, Vec<Text>> {
            lists.into_iter().map(|(key, list)| (key.into(), list.into_iter().map(|i| pools[i].into()).collect())).collect()
        };
        let mut view = balancer();
        view.region_pools = named(regions);
        view.pop_pools = named(pops);
        for i in more {
            if !view.default_pools.contains(&pools[i].into()) {
                view.default_pools.push(pools[i].into());
            }
        }
        excluded_with(view);
    }
}

#[test]
fn the_promotion_comes_only_after_the_exclusion_was_read_back() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(300, |scene| {
        scene.journal.in_flight().is_some_and(|m| m.phase == Phase::Excluding)
    });
    // The PATCH is accepted, and the document still names A: somebody puts it back at once.
    for _ in 0..20 {
        let view = scene.balancer();
        view.pop_pools.insert("YYZ".into(), list(&["pool-ca"]));
        scene.live(10);
        assert_eq!(scene.promotions(), 0);
    }
}

#[test]
fn a_dns_only_balancer_counts_once_its_ttl_has_passed() {
    let mut shown = balancer();
    shown.dns_ttl = Some(std::time::Duration::from_secs(120));
    let mut scene = Scene::healthy();
    *scene.balancer() = shown;
    scene.live(30);
    scene.kill_region();
    scene.live_until(900, |scene| scene.promotions() == 1);
    let promoted = scene.first_sent(|step| matches!(step, Step::Promote(_))).unwrap();
    let patched = scene
        .sent
        .iter()
        .rev()
        .find(|(_, step)| matches!(step, Step::Effect(Effect::PatchBalancer { .. })))
        .unwrap()
        .0;
    assert!(promoted.mono - patched.mono >= std::time::Duration::from_secs(120));
}

fn services_out(scene: &mut Scene) {
    scene.world.probe[A] = ProbeSeen::Status(503);
    scene.world.edge[A] = health(0, 12);
}

#[test]
fn the_order_changes_when_services_were_out_for_shift_after() {
    let mut scene = Scene::healthy();
    services_out(&mut scene);
    scene.live(40);
    assert_eq!(
        scene.journal.front,
        Some(scene.name(A)),
        "30 s from the first sample to the newest"
    );
    scene.live(10);
    assert_eq!(scene.journal.front, Some(scene.name(B)));
    scene.live(20);
    let view = scene.balancer().clone();
    assert_eq!(view.default_pools, list(&["pool-us", "pool-ca"]));
    assert_eq!(view.fallback_pool, "pool-us".into());
    assert_eq!(
        view.region_pools,
        balancer().region_pools,
        "geo-steered users stay where monitors send them"
    );
    assert_eq!(scene.journal.excluded, None);
    assert_eq!(scene.promotions(), 0);
}

#[test]
fn the_order_stays_where_the_other_region_is_no_better() {
    type Change = fn(&mut Scene);
    let cases: &[(&str, Change)] = &[
        ("B down in both views", |scene| {
            scene.world.probe[B] = ProbeSeen::Status(503);
            scene.world.edge[B] = health(0, 12);
        }),
        ("B down as we see it", |scene| {
            scene.world.probe[B] = ProbeSeen::Status(503)
        }),
        ("B down as users see it", |scene| scene.world.edge[B] = health(0, 12)),
    ];
    for (what, change) in cases {
        let mut scene = Scene::healthy();
        services_out(&mut scene);
        change(&mut scene);
        scene.live(600);
        assert_eq!(scene.journal.front, Some(scene.name(A)), "{what}");
    }
}

#[test]
fn the_order_stays_where_people_said_so() {
    let mut scene = Scene::healthy();
    scene.shop.policy.automatic_traffic = false;
    services_out(&mut scene);
    scene.live(600);
    assert_eq!(scene.journal.front, Some(scene.name(A)));
}

#[test]
fn in_approve_mode_the_order_still_follows_its_own_switch() {
    let mut scene = Scene::healthy();
    scene.shop.policy.mode = Mode::Approve;
    services_out(&mut scene);
    scene.live(120);
    assert_eq!(scene.journal.front, Some(scene.name(B)));
    assert_eq!(scene.promotions(), 0);
}

#[test]
fn with_one_pool_missing_or_disabled_the_order_is_left_alone() {
    type Change = fn(&mut Scene);
    let cases: &[(&str, Change)] = &[
        ("not in the list", |scene| {
            scene.balancer().default_pools = list(&["pool-ca"])
        }),
        ("missing", |scene| scene.world.pool[B] = Seen::Absent),
        ("disabled", |scene| {
            scene.world.pool[B] = Seen::Present(PoolView {
                enabled: false,
                monitored: true,
                monitor: Some("monitor-1".into()),
            });
        }),
    ];
    for (what, change) in cases {
        let mut scene = Scene::healthy();
        change(&mut scene);
        scene.live(60);
        let before = scene.balancer().clone();
        services_out(&mut scene);
        scene.live(300);
        let now = scene.balancer().clone();
        assert_eq!(now, before, "B's pool is {what}");
    }
}

fn disabled() -> Seen<PoolView> {
    Seen::Present(PoolView {
        enabled: false,
        monitored: true,
        monitor: Some("monitor-1".into()),
    })
}

/// W's own pool is disabled, and somebody puts the other one first: users are served as long as it stays so.
#[test]
fn a_disabled_pool_is_not_put_first_again() {
    let mut scene = Scene::healthy();
    scene.world.pool[A] = disabled();
    scene.live(400);
    let before = scene.balancer().clone();
    scene.balancer().default_pools.swap(0, 1);
    scene.balancer().fallback_pool = "pool-us".into();
    let put_first = scene.balancer().clone();
    scene.live(1200);
    assert_eq!(*scene.balancer(), put_first);
    let report = breakwater_core::report::report(&scene.input(), &scene.plan());
    let stalled = report
        .conditions
        .iter()
        .find(|condition| condition.kind == "Stalled")
        .unwrap();
    assert_eq!((stalled.status.name(), stalled.reason), ("True", "PoolDisabled"));
    scene.world.pool[A] = Scene::healthy().world.pool[A].clone();
    scene.live(400);
    assert_eq!(*scene.balancer(), before, "enabled, it comes first");
}

/// B's pool is disabled after the promotion, and A is put back: a former writer that is not fenced gets no users.
#[test]
fn a_former_writer_is_excluded_again_whatever_became_of_the_other_pool() {
    let mut scene = after_a_move();
    scene.world.pool[B] = disabled();
    scene.live(120);
    let excluded = scene.balancer().clone();
    scene.balancer().default_pools.insert(0, "pool-ca".into());
    scene.live(60);
    assert_eq!(*scene.balancer(), excluded);
}

#[test]
fn the_order_comes_back_when_both_views_were_up_for_return_after() {
    let mut scene = Scene::healthy();
    services_out(&mut scene);
    scene.live(120);
    assert_eq!(scene.journal.front, Some(scene.name(B)));
    scene.world.probe[A] = ProbeSeen::Status(200);
    scene.live(900);
    assert_eq!(scene.journal.front, Some(scene.name(B)), "one view is not enough");
    scene.world.edge[A] = health(12, 0);
    scene.live(590);
    assert_eq!(scene.journal.front, Some(scene.name(B)), "not yet ten minutes");
    scene.live(30);
    assert_eq!(scene.journal.front, Some(scene.name(A)));
    scene.live(20);
    assert_eq!(*scene.balancer(), balancer());
}

/// A move that is over, its former writer stopped, region A back.
fn after_a_move() -> Scene {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(1200, |scene| {
        scene.journal.in_flight().is_none() && scene.promotions() == 1
    });
    assert_eq!(scene.journal.active_region, Some(scene.name(B)));
    scene
}

#[test]
fn an_exclusion_ends_after_the_fence_was_observed_and_the_services_are_back() {
    let mut scene = after_a_move();
    assert_eq!(scene.journal.excluded, Some(scene.name(A)));
    scene.world.probe[A] = ProbeSeen::Status(200);
    scene.world.edge[A] = health(12, 0);
    scene.live(1200);
    assert_eq!(
        scene.journal.excluded,
        Some(scene.name(A)),
        "the fence has not been observed: its API is silent"
    );
    scene.revive_region();
    scene.world.proof[A] = ProofSeen::Nothing("no answer".into());
    scene.live(300);
    assert_eq!(&*scene.instance(A).status, "stopped");
    scene.live(900);
    assert_eq!(scene.journal.excluded, None);
    let view = scene.balancer().clone();
    let was = balancer();
    assert_eq!(view.region_pools, was.region_pools, "saved lists are put back");
    assert_eq!(view.country_pools, was.country_pools);
    assert_eq!(view.pop_pools, was.pop_pools);
    assert_eq!(
        view.default_pools,
        list(&["pool-us", "pool-ca"]),
        "it comes last in the default order"
    );
    assert_eq!(view.fallback_pool, "pool-us".into());
    assert!(scene.journal.saved_steering.is_empty());
}

#[test]
fn a_saved_list_that_somebody_changed_meanwhile_stays_as_it_is() {
    let mut scene = after_a_move();
    scene
        .balancer()
        .region_pools
        .insert("WEU".into(), list(&["pool-other"]));
    scene.revive_region();
    scene.world.proof[A] = ProofSeen::Nothing("no answer".into());
    scene.live(1800);
    assert_eq!(scene.journal.excluded, None);
    let view = scene.balancer().clone();
    assert_eq!(view.region_pools["WEU"], list(&["pool-other"]), "not ours any more");
    assert_eq!(view.region_pools["WNAM"], balancer().region_pools["WNAM"]);
    assert_eq!(view.country_pools, balancer().country_pools);
}

#[test]
fn an_exclusion_stays_while_users_see_the_region_down() {
    let mut scene = after_a_move();
    scene.revive_region();
    scene.world.proof[A] = ProofSeen::Nothing("no answer".into());
    scene.world.edge[A] = health(0, 12);
    scene.live(1800);
    assert_eq!(scene.journal.excluded, Some(scene.name(A)));
    // A pool in no list may not be monitored: Unknown is not Down.
    scene.world.edge[A] = health(0, 0);
    scene.live(60);
    assert_eq!(scene.journal.excluded, None);
}

#[test]
fn within_a_move_an_excluded_region_that_is_no_longer_monitored_keeps_its_last_vote() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(300, |scene| {
        scene.journal.in_flight().is_some_and(|m| m.phase == Phase::Excluding)
    });
    scene.world.edge[A] = health(0, 0);
    scene.live_until(120, |scene| scene.promotions() == 1);
}

/// A TTL that no number can be added to: nothing falls over, and nothing is promoted before it has run out.
#[test]
fn an_absurd_ttl_is_survived() {
    let mut scene = Scene::healthy();
    scene.balancer().dns_ttl = Some(std::time::Duration::MAX);
    scene.live(10);
    scene.kill_region();
    scene.live(900);
    assert_eq!(scene.promotions(), 0);
}

#[test]
fn a_shift_is_offered_only_to_a_region_that_could_take_the_users() {
    let said = |scene: &Scene| {
        let decision = scene.plan();
        assert_eq!(decision.diagnosis, Diagnosis::ServicesDegraded);
        report(&scene.input(), &decision).message.to_string()
    };
    let mut scene = Scene::healthy();
    scene.world.edge[A] = health(5, 5);
    scene.watch(120);
    assert!(said(&scene).contains("ask for a TrafficShift"));

    let mut dark = scene.clone();
    dark.world.probe[B] = ProbeSeen::TimedOut;
    dark.world.edge[B] = health(0, 12);
    dark.watch(120);
    assert!(!said(&dark).contains("TrafficShift"), "{}", said(&dark));

    scene.journal.excluded = Some(scene.name(B));
    assert!(!said(&scene).contains("TrafficShift"), "{}", said(&scene));
}

/// The journal was lost with the lists in it: only our TXT tells of the exclusion. Its end puts the pool last in the default
/// order, and until then nobody is told to add it.
#[test]
fn an_exclusion_of_an_earlier_life_ends_last_in_the_default_order() {
    let mut scene = Scene::healthy();
    let excluded = scene.name(A);
    scene.journal.active_region = Some(scene.name(B));
    scene.journal.front = Some(scene.name(B));
    scene.journal.excluded = Some(excluded);
    scene.journal.resource_ids.clear();
    scene.balancer().default_pools = vec!["pool-us".into()];
    scene.balancer().fallback_pool = "pool-us".into();
    scene.balancer().region_pools.clear();
    scene.balancer().country_pools.clear();
    scene.balancer().pop_pools.clear();
    let mut follower = crate::scene::replica_instance();
    follower.source = Some("arn:aws:rds:us-west-2:111122223333:db:shop-usw2".into());
    scene.world.instance[A] = Seen::Present(InstanceView {
        resource_id: "db-CAC1".into(),
        arn: crate::scene::writer_instance().arn,
        ..follower
    });
    scene.world.instance[B] = Seen::Present(InstanceView {
        source: None,
        replication: None,
        ..crate::scene::replica_instance()
    });
    scene.names().txt = Some(crate::scene::owner_record(&scene.shop, 1, B, Some(A)).record(&scene.shop.writer.name));
    scene.live(30);
    let missing = |scene: &Scene| {
        scene
            .plan()
            .blockers
            .iter()
            .any(|blocker| blocker.name() == "PoolMissing")
    };
    assert!(!missing(&scene), "it is out of the lists by our own doing");
    scene.live(1200);
    assert_eq!(scene.journal.excluded, None);
    assert_eq!(*scene.balancer().default_pools, ["pool-us".into(), "pool-ca".into()]);
    assert!(scene.journal.saved_steering.is_empty());
    assert!(!missing(&scene));
}

/// Where many shops share a quota a document may be hours old: it is read again before it is changed, else what others
/// changed meanwhile would be overwritten.
#[test]
fn an_old_document_is_read_again_before_a_call_changes_it() {
    let mut scene = Scene::healthy();
    scene.journal.front = Some(scene.name(B));
    let patches = |scene: &Scene| match scene.plan().next {
        Next::Act(steps) => steps
            .iter()
            .any(|step| matches!(step, Step::Effect(Effect::PatchBalancer { .. }))),
        Next::Idle | Next::Record(_) | Next::Wait(_) | Next::Release => false,
    };
    let asked = |scene: &Scene| {
        let looks = scene.plan().look;
        let look = looks.iter().find(|look| matches!(look.query, Query::Balancer { .. }));
        look.and_then(|look| look.newer_than)
    };
    assert!(patches(&scene), "it differs");
    assert_eq!(asked(&scene), None);
    scene.wait(1200);
    assert!(!patches(&scene), "but it was read long ago");
    assert!(
        asked(&scene).is_some_and(|newer| newer < scene.now.mono),
        "and is read now"
    );
    scene.read_documents();
    assert!(patches(&scene));
}
