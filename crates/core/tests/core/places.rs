//! Edits of identities wait for what is under way, then mean adopt anew. Deletion.

use crate::scene::{A, B, Scene, cname, endpoint, replica_instance, secs};
use breakwater_core::decision::{Effect, NameChange, Next, Step};
use breakwater_core::journal::{Journal, MoveKind, ObligationKind, Phase};
use breakwater_core::places::{Places, edits_wait, in_force};
use breakwater_core::reading::Seen;
use breakwater_core::report::report;
use breakwater_core::request::Request;
use breakwater_core::shop::{Mode, Shop};
use breakwater_core::time::after;

fn edited(change: impl FnOnce(&mut Shop)) -> Shop {
    let mut shop = crate::scene::shop();
    shop.generation += 1;
    change(&mut shop);
    shop
}

/// A shop whose journal knows what it is about.
fn known() -> Scene {
    let mut scene = Scene::healthy();
    scene.journal.places = Some(Places::of(&scene.shop));
    scene
}

fn in_a_move() -> Scene {
    let mut scene = known();
    scene.kill_region();
    scene.live_until(600, |scene| {
        scene.journal.in_flight().is_some_and(|m| m.phase == Phase::Excluding)
    });
    scene
}

/// As the engine takes in a spec: what waits, waits; new places begin with nothing read.
fn take(scene: &mut Scene, spec: &Shop) {
    let shop = in_force(spec, Some(&scene.shop), &scene.journal);
    if !Places::of(&scene.shop).are_those_of(&shop) {
        scene.actual = breakwater_core::actual::Actual::new(&shop);
        scene.evidence = breakwater_core::evidence::Evidence::new(&shop, scene.journal.ever_up.clone());
    }
    scene.shop = shop;
}

#[test]
fn identities_mean_adopt_anew_and_nothing_else_does() {
    let identity: [fn(&mut Shop); 8] = [
        |shop| shop.regions[B].instance = "shop-usw2-b".into(),
        |shop| shop.regions[B].name = "us-east-2".into(),
        |shop| shop.regions[A].pool = "pool-other".into(),
        |shop| shop.writer.zone = "Z2".into(),
        |shop| shop.writer.name = "writer.shop.example.com".into(),
        |shop| shop.balancers.push("lb-2".into()),
        |shop| shop.zone = "zone-2".into(),
        |shop| shop.class = "other".into(),
    ];
    for (index, change) in identity.into_iter().enumerate() {
        let mut scene = known();
        take(&mut scene, &edited(change));
        let Next::Record(journal) = scene.plan().next else {
            panic!("{index}: {:?}", scene.plan().next)
        };
        assert!(
            journal.adopting_since.is_some() && journal.active_region.is_none(),
            "{index}"
        );
        assert_eq!(journal.last_number, 1, "numbers only grow");
    }
    let harmless: [fn(&mut Shop); 8] = [
        |shop| shop.policy.promote_after = secs(600),
        |shop| shop.policy.mode = Mode::Approve,
        |shop| shop.policy.freezes.clear(),
        |shop| shop.regions[A].services[0].url = "https://new.ca-central-1.example/".into(),
        |shop| shop.regions[A].proof = None,
        |shop| shop.writer.ttl = secs(60),
        |shop| shop.references.clear(),
        |shop| shop.regions.swap(),
    ];
    for (index, change) in harmless.into_iter().enumerate() {
        let mut scene = known();
        take(&mut scene, &edited(change));
        assert!(
            !matches!(scene.plan().next, Next::Record(journal) if journal.adopting_since.is_some()),
            "{index}"
        );
    }
    // The order of the load balancers is no identity either.
    let two = edited(|shop| shop.balancers = vec!["lb-1".into(), "lb-2".into()]);
    let turned = edited(|shop| shop.balancers = vec!["lb-2".into(), "lb-1".into()]);
    assert!(Places::of(&two).are_those_of(&turned));
}

#[test]
fn a_move_works_on_the_identities_of_its_start() {
    let mut scene = in_a_move();
    let spec = edited(|shop| {
        shop.regions[B].instance = "shop-usw2-b".into();
        shop.regions[A].name = "eu-west-1".into();
        shop.writer.name = "writer.shop.example.com".into();
        shop.balancers = vec!["lb-9".into()];
        shop.policy.cool_down = secs(60);
    });
    let was = scene.shop.clone();
    let shop = in_force(&spec, Some(&scene.shop), &scene.journal);
    assert!(shop.edit_waits);
    assert_eq!(Places::of(&shop), Places::of(&was));
    assert_eq!(
        shop.regions[A].services, was.regions[A].services,
        "what was probed is probed on"
    );
    assert_eq!(shop.policy.cool_down, secs(60), "the rest of the edit counts at once");
    // After a restart nobody knows the services of a region that the spec no longer lists.
    let restarted = in_force(&spec, None, &scene.journal);
    assert_eq!(Places::of(&restarted), Places::of(&was));
    assert!(restarted.regions[A].services.is_empty());
    take(&mut scene, &spec);
    let said = report(&scene.input(), &scene.plan());
    assert!(said.message.contains("SpecPending"), "{}", said.message);
    scene.live_until(900, |scene| scene.journal.in_flight().is_none());
    assert_eq!(scene.journal.active_region, Some(scene.name(B)));
    assert_eq!(scene.promotions(), 1);
    assert_eq!(scene.names().writer.as_ref().unwrap().values, [endpoint(B)]);
}

#[test]
fn a_fence_that_is_owed_keeps_its_meaning_too() {
    let mut scene = in_a_move();
    scene.live_until(900, |scene| scene.journal.in_flight().is_none());
    assert!(scene.journal.owes(ObligationKind::FenceFormerWriter).is_some());
    let spec = edited(|shop| shop.regions[A].instance = "shop-cac1-b".into());
    take(&mut scene, &spec);
    assert!(scene.shop.edit_waits);
    let said = report(&scene.input(), &scene.plan());
    let ready = said
        .conditions
        .iter()
        .find(|condition| condition.kind == "Ready")
        .unwrap();
    assert_eq!(ready.reason, "SpecPending");
    for said in ["FenceFormerWriter", "shop-cac1"] {
        assert!(ready.message.contains(said), "{}", ready.message);
    }
    let reconciling = said
        .conditions
        .iter()
        .find(|condition| condition.kind == "Reconciling")
        .unwrap();
    assert_eq!(reconciling.reason, "SpecPending");
    scene.revive_region();
    scene.live_until(600, |scene| !edits_wait(&scene.journal));
    assert_eq!(
        scene.instance(A).status,
        "stopped".into(),
        "the old instance was fenced first"
    );
    // Now a new replica of B stands there under the new name: it is the standby, and nothing is owed any more.
    let mut replica = replica_instance();
    replica.resource_id = "db-CAC1B".into();
    replica.arn = "arn:aws:rds:ca-central-1:111122223333:db:shop-cac1-b".into();
    replica.source = Some("arn:aws:rds:us-west-2:111122223333:db:shop-usw2".into());
    scene.world.instance[A] = Seen::Present(replica);
    take(&mut scene, &spec);
    assert!(!scene.shop.edit_waits);
    scene.live_until(600, |scene| scene.journal.epoch > 2);
    assert_eq!(scene.journal.active_region, Some(scene.name(B)));
    assert_eq!(scene.journal.epoch, 3);
    assert_eq!(scene.journal.obligations, []);
    assert_eq!(scene.journal.places, Some(Places::of(&scene.shop)));
}

#[test]
fn swapping_the_preference_changes_nothing_in_the_world() {
    let mut scene = known();
    scene.journal.name_epoch = Some(1);
    let before = (scene.world.names.clone(), scene.balancer().clone());
    let sent = scene.sent.len();
    let (was, spec) = (scene.facts(), edited(|shop| shop.regions.swap()));
    scene.evidence.swap_sides();
    scene.actual.monitors[A] = None;
    scene.actual.swap_sides();
    assert_eq!(scene.actual.monitors[B], None, "what was read of a region goes with it");
    scene.shop = in_force(&spec, Some(&scene.shop), &scene.journal);
    let now = scene.facts();
    assert_eq!(scene.shop.regions[now.active].name, "ca-central-1".into());
    assert_eq!(
        (now.a.probe, now.a.edge, now.b.instance),
        (was.a.probe, was.a.edge, was.b.instance),
        "windows stay"
    );
    assert_eq!((now.link.value, now.proof.value), (was.link.value, was.proof.value));
    assert!(
        !matches!(scene.plan().next, Next::Record(_) | Next::Act(_)),
        "{:?}",
        scene.plan().next
    );
    assert_eq!(scene.journal.active_region.as_deref(), Some("ca-central-1"));
    assert_eq!((scene.world.names.clone(), scene.balancer().clone()), before);
    assert_eq!(scene.sent.len(), sent);
}

#[test]
fn an_edit_that_is_taken_back_while_it_waits_leaves_no_trace() {
    let mut scene = in_a_move();
    let original = scene.shop.clone();
    take(&mut scene, &edited(|shop| shop.regions[B].instance = "typo".into()));
    assert!(scene.shop.edit_waits);
    take(&mut scene, &original);
    assert!(!scene.shop.edit_waits);
    scene.live_until(900, |scene| scene.journal.in_flight().is_none());
    assert_eq!(scene.journal.epoch, 2, "not adopted anew");
}

#[test]
fn an_adopt_request_takes_the_spec_as_it_is() {
    // A is gone for good, and its fence with it: the edit that replaces the region would wait for ever.
    let mut scene = in_a_move();
    scene.live_until(900, |scene| scene.journal.in_flight().is_none());
    let spec = edited(|shop| {
        shop.regions[A].name = "ca-west-1".into();
        shop.regions[A].instance = "shop-caw1".into();
    });
    take(&mut scene, &spec);
    scene.live(300);
    assert!(scene.shop.edit_waits);
    scene.requests = vec![Request {
        name: "way-out".into(),
        uid: "uid-9".into(),
        kind: MoveKind::Adopt,
        to: Some(scene.name(B)),
        expected_epoch: None,
        start_before: after(scene.now.wall, secs(3600)),
        overrides: Vec::new(),
        allow_loss: None,
        max_write_stop: None,
        expires_at: None,
        abort: false,
        record_of: None,
        approved_by: None,
    }];
    scene.decide();
    take(&mut scene, &spec);
    assert!(!scene.shop.edit_waits);
    let mut fresh = replica_instance();
    fresh.arn = "arn:aws:rds:ca-west-1:111122223333:db:shop-caw1".into();
    fresh.source = Some("arn:aws:rds:us-west-2:111122223333:db:shop-usw2".into());
    scene.world.instance[A] = Seen::Present(fresh);
    scene.live_until(900, |scene| {
        scene.journal.epoch > 2 && scene.journal.in_flight().is_none()
    });
    assert_eq!(scene.journal.active_region, Some(scene.name(B)));
    assert_eq!(scene.journal.places, Some(Places::of(&scene.shop)));
    assert!(
        !scene
            .journal
            .obligations
            .iter()
            .any(|owed| &*owed.region == "ca-central-1")
    );
}

#[test]
fn places_survive_the_journal() {
    let scene = known();
    let text = serde_json::to_string(&scene.journal).unwrap();
    assert_eq!(serde_json::from_str::<Journal>(&text).unwrap(), scene.journal);
}

fn touched(step: &Step) -> &'static str {
    match step {
        Step::Promote(_) => "promotion",
        Step::Effect(Effect::PatchBalancer { .. }) => "balancer",
        Step::Effect(Effect::ChangeNames { changes, .. })
            if changes.iter().any(|change| {
                let (NameChange::Delete(record) | NameChange::Create(record)) = change;
                &*record.kind == "CNAME"
            }) =>
        {
            "name"
        }
        Step::Effect(Effect::ChangeNames { .. }) => "txt",
        Step::Effect(Effect::Untag { .. }) => "untag",
        Step::Effect(
            Effect::Tag { .. }
            | Effect::SetReadOnly { .. }
            | Effect::Stop { .. }
            | Effect::Start { .. }
            | Effect::CopyGroup { .. }
            | Effect::CreateReplica { .. },
        ) => "database",
    }
}

#[test]
fn a_finalizer_takes_all_of_our_traces_and_nothing_else() {
    let mut scene = known();
    scene.journal.name_epoch = Some(1);
    scene.names().writer = Some(cname("elsewhere.example."));
    scene.balancer().default_pools.reverse();
    scene.instance(B).tag_owner = Some(scene.shop.owner.clone());
    scene.instance(B).tag_epoch = Some(1);
    scene.instance(B).tag_fenced = Some(1);
    scene.shop.deleting = true;
    let sent = scene.sent.len();
    scene.live(120);
    let mut touched: Vec<_> = scene.sent[sent..].iter().map(|(_, step)| touched(step)).collect();
    touched.sort_unstable();
    touched.dedup();
    assert_eq!(touched, ["txt", "untag"]);
    assert_eq!(scene.instance(B).tag_fenced, None, "the tag of a fence too");
    assert_eq!(scene.plan().next, Next::Release);
}

#[test]
fn a_shop_that_another_has_taken_is_let_go_without_a_call() {
    let mut scene = known();
    let mut other = crate::scene::owner_record(&scene.shop, 9, A, None);
    other.owner = "staging/shops/shop-ca".into();
    scene.names().txt = Some(other.record("db.shop.example.com"));
    scene.shop.deleting = true;
    let sent = scene.sent.len();
    scene.live(30);
    assert_eq!(scene.plan().next, Next::Release);
    assert_eq!(scene.sent.len(), sent);
}
