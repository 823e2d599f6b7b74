//! What changes nothing in the world: Observe, suspend, another owner, silence.

use crate::scene::{A, B, Scene, shop, unknown};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::evidence::Evidence;
use breakwater_core::reading::{ProbeSeen, ProofSeen, Seen, TroubleKind};
use breakwater_core::shop::Mode;

fn nothing_is_sent(mut scene: Scene, seconds: u64, what: &str) -> Scene {
    let sent = scene.sent.len();
    scene.live(seconds);
    assert_eq!(&scene.sent[sent..], &[], "{what}");
    scene
}

#[test]
fn observe_diagnoses_and_touches_nothing() {
    let mut shop = shop();
    shop.policy.mode = Mode::Observe;
    let mut scene = Scene::of(shop);
    scene.journal = breakwater_core::journal::Journal::default();
    scene = nothing_is_sent(scene, 300, "Observe");
    assert_eq!(scene.plan().diagnosis, Diagnosis::Healthy);
    scene.kill_region();
    scene = nothing_is_sent(scene, 900, "Observe");
    assert_eq!(scene.plan().diagnosis, Diagnosis::RegionDown);
    assert_eq!(scene.journal.active_region, None, "it only reads");
    assert!(scene.journal.in_flight().is_none());
}

#[test]
fn suspend_stops_every_call_at_once() {
    let mut scene = Scene::healthy();
    scene.shop.suspended = true;
    scene.kill_region();
    let scene = nothing_is_sent(scene, 900, "suspended on a quiet day");
    assert!(scene.journal.in_flight().is_none());

    // In every phase of a move, and with a fence owed.
    for seconds in [150, 170, 190, 210, 230, 250, 300, 400] {
        let mut scene = Scene::healthy();
        scene.kill_region();
        scene.live(seconds);
        scene.shop.suspended = true;
        let mut scene = nothing_is_sent(scene, 300, "suspended within a move");
        scene.revive_region();
        nothing_is_sent(scene, 300, "suspended with a fence owed");
    }
}

#[test]
fn another_owner_stops_us() {
    for seconds in [0, 150, 190, 230, 300, 400] {
        let mut scene = Scene::healthy();
        scene.kill_region();
        scene.live(seconds);
        let mut other = crate::scene::owner_record(&scene.shop, 9, A, None);
        other.owner = "staging/shops/shop-ca".into();
        scene.names().txt = Some(other.record("db.shop.example.com"));
        scene.read();
        let mut scene = nothing_is_sent(scene, 300, "owned elsewhere");
        scene.revive_region();
        nothing_is_sent(scene, 300, "owned elsewhere, region back");
    }
}

#[test]
fn losing_sight_changes_nothing() {
    // I9: of AWS, of Cloudflare, or of all.
    type Change = fn(&mut Scene);
    let aws: Change = |scene| {
        for side in [A, B] {
            scene.world.instance[side] = unknown(TroubleKind::Ours);
        }
        scene.world.names = unknown(TroubleKind::Ours);
        scene.world.lag_absent = Some(scene.now.wall);
    };
    let cloudflare: Change = |scene| {
        for side in [A, B] {
            scene.world.edge[side] = unknown(TroubleKind::ServerError);
            scene.world.pool[side] = unknown(TroubleKind::ServerError);
        }
        scene.world.balancers[0] = unknown(TroubleKind::ServerError);
    };
    let probes: Change = |scene| {
        for side in [A, B] {
            scene.world.probe[side] = ProbeSeen::Ours("no socket".into());
            scene.world.proof[side] = ProofSeen::Nothing("no socket".into());
        }
    };
    let everything: Change = |scene| {
        for side in [A, B] {
            scene.world.instance[side] = Seen::Silent;
            scene.world.edge[side] = unknown(TroubleKind::Ours);
            scene.world.probe[side] = ProbeSeen::TimedOut;
            scene.world.proof[side] = ProofSeen::Nothing("no answer".into());
        }
        scene.world.reference = ProbeSeen::TimedOut;
        scene.world.names = Seen::Silent;
        scene.world.balancers[0] = Seen::Silent;
    };
    for (what, changes) in [
        ("AWS", &[aws][..]),
        ("Cloudflare", &[cloudflare][..]),
        ("the shop", &[probes][..]),
        ("AWS and Cloudflare", &[aws, cloudflare][..]),
        ("all", &[everything][..]),
    ] {
        for proofs in [true, false] {
            let mut scene = if proofs {
                Scene::healthy()
            } else {
                Scene::without_proofs()
            };
            for change in changes {
                change(&mut scene);
            }
            let scene = nothing_is_sent(scene, 3600, what);
            assert!(scene.journal.in_flight().is_none(), "{what}");
        }
    }
}

#[test]
fn a_partition_that_hides_a_selling_region_promotes_nothing() {
    // We and B cannot reach A; users can.
    for proofs in [true, false] {
        let mut scene = if proofs {
            Scene::healthy()
        } else {
            Scene::without_proofs()
        };
        scene.kill_region();
        scene.world.edge[A] = crate::scene::health(12, 0);
        scene.live(3600);
        assert_eq!(scene.plan().diagnosis, Diagnosis::ViewsDisagree);
        assert_eq!(scene.promotions(), 0);
        assert_eq!(scene.journal.front, Some(scene.name(A)));
    }
}

#[test]
fn a_restart_means_quarantine() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live(110);
    assert!(scene.journal.in_flight().is_none());
    scene.evidence = Evidence::new(&scene.shop, scene.journal.ever_up.clone());
    scene.live(100);
    assert!(scene.journal.in_flight().is_none(), "windows start empty");
    scene.live_until(200, |scene| scene.journal.in_flight().is_some());
}

#[test]
fn a_short_stall_promotes_nothing_and_moves_the_order_once() {
    // 45 s of darkness.
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live(40);
    scene.revive_region();
    scene.world.lag_stops = None;
    scene.world.proof[B] = ProofSeen::Said(crate::scene::proof(&scene.shop, B, Some(A), true));
    scene.live(3600);
    assert_eq!(scene.promotions(), 0);
    assert_eq!(scene.journal.front, Some(scene.name(A)));
    let fronts: Vec<_> = scene.written.iter().map(|journal| journal.front.clone()).collect();
    let changes = fronts.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes <= 2, "there and back at most: {fronts:?}");
}
