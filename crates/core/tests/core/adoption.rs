//! Adoption of a new or restored object.

use crate::scene::{A, B, Scene, cname, endpoint, owner_record, replica_instance, unknown, writer_instance};
use breakwater_core::decision::{Effect, NameChange, Next, Step, Wait};
use breakwater_core::journal::Journal;
use breakwater_core::owner_record::OwnerRecord;
use breakwater_core::reading::{Seen, TroubleKind};

fn new() -> Scene {
    let mut scene = Scene::unread();
    scene.journal = Journal::default();
    scene.names().txt = None;
    scene.instance(A).tag_owner = None;
    scene.instance(A).tag_epoch = None;
    scene
}

fn adopted(scene: &Scene) -> bool {
    scene.journal.active_region.is_some()
}

#[test]
fn the_first_act_is_our_txt_and_nothing_else_moves() {
    let mut scene = new();
    scene.live_until(600, adopted);
    let (_, first) = &scene.sent[0];
    let Step::Effect(Effect::ChangeNames { changes, .. }) = first else {
        panic!("{first:?}")
    };
    let [NameChange::Create(record)] = &changes[..] else {
        panic!("{changes:?}")
    };
    let said = OwnerRecord::parse(record).unwrap();
    assert_eq!(
        (said.owner, said.epoch, said.region),
        (scene.shop.owner.clone(), 0, None)
    );
    assert!(
        scene.now.mono.as_secs() >= 120,
        "neither instance has changed for two minutes"
    );
    assert_eq!(scene.journal.active_region, Some(scene.name(A)));
    assert_eq!(scene.journal.epoch, 1);
    assert_eq!(scene.journal.front, Some(scene.name(A)));
    scene.live(300);
    assert_eq!(scene.names().writer, Some(cname(&endpoint(A))), "it moves no name");
    assert_eq!(*scene.balancer(), crate::scene::balancer());
    assert_eq!(scene.instance(A).tag_epoch, Some(1));
    assert_eq!(scene.promotions(), 0);
}

#[test]
fn the_replica_names_the_writer_whatever_the_spec_prefers() {
    let mut scene = new();
    let mut replica = replica_instance();
    replica.source = Some("arn:aws:rds:us-west-2:111122223333:db:shop-usw2".into());
    replica.arn = writer_instance().arn;
    let mut writer = writer_instance();
    writer.arn = replica_instance().arn;
    writer.tag_owner = None;
    writer.tag_epoch = None;
    scene.world.instance[A] = Seen::Present(replica);
    scene.world.instance[B] = Seen::Present(writer);
    scene.live_until(600, adopted);
    assert_eq!(scene.journal.active_region, Some(scene.name(B)));
}

#[test]
fn it_is_adopted_even_if_the_writer_itself_is_silent() {
    let mut scene = new();
    scene.world.instance[A] = Seen::Silent;
    scene.live_until(600, adopted);
    assert_eq!(scene.journal.active_region, Some(scene.name(A)));
}

#[test]
fn the_epoch_is_the_greatest_of_txt_tags_and_numbers_plus_one() {
    let mut scene = new();
    scene.instance(A).tag_epoch = Some(11);
    scene.instance(A).tag_owner = Some(scene.shop.owner.clone());
    scene.names().txt = Some(owner_record(&scene.shop, 7, A, None).record("db.shop.example.com"));
    scene.live_until(600, adopted);
    assert_eq!(scene.journal.epoch, 12);
    assert_eq!(scene.journal.last_number, 12);
}

#[test]
fn two_writers_are_told_apart_by_the_txt_and_the_fence_tag() {
    let two = |fenced: Option<i64>| {
        let mut scene = new();
        scene.instance(B).source = None;
        scene.instance(B).replication = None;
        scene.instance(B).tag_fenced = fenced;
        scene.names().txt = Some(owner_record(&scene.shop, 2, B, Some(A)).record("db.shop.example.com"));
        scene.live(600);
        scene
    };
    let scene = two(None);
    assert_eq!(scene.journal.active_region, Some(scene.name(B)));
    assert_eq!(scene.journal.excluded, Some(scene.name(A)), "as the TXT remembers");
    let scene = two(Some(3));
    assert_eq!(scene.journal.active_region, None, "UnknownActive");
    assert_eq!(scene.plan().next, Next::Wait(Wait::Adoption));
}

#[test]
fn the_former_writer_of_a_lost_journal_owes_its_fence() {
    let mut scene = new();
    scene.instance(B).source = None;
    scene.instance(B).replication = None;
    scene.names().txt = Some(owner_record(&scene.shop, 2, B, Some(A)).record("db.shop.example.com"));
    scene.live_until(600, adopted);
    let owed = scene
        .journal
        .owes(breakwater_core::journal::ObligationKind::FenceFormerWriter);
    assert_eq!(owed.map(|owed| owed.region.clone()), Some(scene.name(A)));
    assert_eq!(scene.journal.excluded, Some(scene.name(A)));
}

#[test]
fn another_owner_is_not_adopted() {
    let mut scene = new();
    let mut other = owner_record(&scene.shop, 3, A, None);
    other.owner = "staging/shops/shop-ca".into();
    scene.names().txt = Some(other.record("db.shop.example.com"));
    scene.live(900);
    assert!(!adopted(&scene));
    assert_eq!(scene.sent, []);
}

#[test]
fn without_route_53_nobody_knows_who_owns_the_shop() {
    let mut scene = new();
    scene.world.names = unknown(TroubleKind::ServerError);
    scene.live(900);
    assert!(!adopted(&scene));
    assert_eq!(scene.sent, []);
}

#[test]
fn our_owner_with_a_greater_epoch_means_that_the_journal_is_old() {
    // A restored etcd: the journal says epoch 1 in A; the world has moved on to epoch 2 in B.
    let mut scene = Scene::healthy();
    let old = scene.journal.clone();
    scene.kill_region();
    scene.live_until(1200, |scene| {
        scene.promotions() == 1 && scene.journal.in_flight().is_none()
    });
    scene.journal = old;
    scene.calls.clear();
    scene.live(600);
    assert_eq!(scene.journal.active_region, Some(scene.name(B)));
    assert!(scene.journal.epoch > 2);
    assert_eq!(scene.journal.excluded, Some(scene.name(A)));
    assert_eq!(scene.promotions(), 1);
    assert_eq!(scene.names().writer.as_ref().unwrap().values, [endpoint(B)]);
}

#[test]
fn an_old_journal_with_a_move_in_flight_does_not_go_on() {
    // Backups of every phase of a move that has long been over, each restored afterwards.
    let mut scene = Scene::healthy();
    scene.kill_region();
    let mut backups = Vec::new();
    for _ in 0..120 {
        scene.live(10);
        if scene.journal.in_flight().is_some() && scene.journal.epoch == 1 {
            backups.push(scene.journal.clone());
        }
    }
    assert!(backups.len() >= 3 && scene.journal.in_flight().is_none());
    for old in backups {
        let mut scene = scene.clone();
        let phase = old.in_flight().unwrap().phase;
        scene.journal = old;
        scene.me = "controller-2".into();
        scene.calls.clear();
        scene.actual = breakwater_core::actual::Actual::new(&scene.shop);
        let (old, sent) = (scene.journal.clone(), scene.sent.len());
        scene.live(10);
        assert_eq!(
            (&scene.journal, scene.sent.len()),
            (&old, sent),
            "{phase:?}: not on one reading"
        );
        scene.live(900);
        assert_eq!(scene.journal.active_region, Some(scene.name(B)), "{phase:?}");
        assert!(scene.journal.epoch > 2, "{phase:?}: adopted anew");
        assert_eq!(scene.journal.in_flight(), None, "{phase:?}");
        assert_eq!(scene.promotions(), 1, "{phase:?}");
        let patched = |step: &Step| matches!(step, Step::Effect(Effect::PatchBalancer { .. }));
        assert!(!scene.sent[sent..].iter().any(|(_, step)| patched(step)), "{phase:?}");
        assert!(
            scene
                .journal
                .owes(breakwater_core::journal::ObligationKind::FenceFormerWriter)
                .is_some()
        );
    }
}

#[test]
fn one_reading_of_a_greater_epoch_stops_us_and_two_adopt_anew() {
    let mut scene = Scene::healthy();
    scene.names().txt = Some(owner_record(&scene.shop, 4, A, None).record("db.shop.example.com"));
    scene.balancer().default_pools.reverse();
    let (written, sent) = (scene.written.len(), scene.sent.len());
    scene.live(10);
    assert_eq!(
        (scene.written.len(), scene.sent.len()),
        (written, sent),
        "nothing on one reading"
    );
    scene.live(10);
    assert!(scene.journal.adopting_since.is_some());
    scene.live_until(600, adopted);
    assert_eq!(scene.journal.epoch, 5);
}

#[test]
fn a_writer_that_an_earlier_life_fenced_is_unfenced() {
    // The journal was lost while a move prepared: A is tagged and read-only, and B still follows it.
    let mut scene = new();
    scene.instance(A).tag_fenced = Some(2);
    scene.world.parameters[A].read_only = Some("1".into());
    scene.live_until(600, adopted);
    assert_eq!(scene.journal.active_region, Some(scene.name(A)));
    scene.live(300);
    assert_eq!(scene.world.parameters[A].read_only.as_deref(), Some("{TrueIfReplica}"));
    assert_eq!(scene.instance(A).tag_fenced, None);
    assert!(scene.journal.obligations.is_empty(), "closed once observed");
}

#[test]
fn before_route_53_was_asked_once_an_old_journal_moves_nothing() {
    // After a restart the load balancers happen to be read first.
    let mut scene = Scene::healthy();
    scene.actual = breakwater_core::actual::Actual::new(&scene.shop);
    scene.balancer().default_pools.reverse();
    let balancer = Seen::Present(scene.balancer().clone());
    scene.absorb(
        breakwater_core::reading::ObjectKey::Balancer("production".into(), "zone-1".into(), "lb-1".into()),
        breakwater_core::reading::Value::Balancer(balancer),
    );
    assert_eq!(scene.decide(), []);
    scene.world.names = unknown(TroubleKind::ServerError);
    scene.live(10);
    let patched = |step: &Step| matches!(step, Step::Effect(Effect::PatchBalancer { .. }));
    assert!(
        scene.sent.iter().any(|(_, step)| patched(step)),
        "with Route 53 down the journal counts"
    );
}

/// A record of its own gives a shop nobody else's database: whoever may create Storefronts would move any other shop by
/// probes of his own.
#[test]
fn an_instance_that_is_tagged_by_another_owner_is_not_adopted() {
    for side in [A, B] {
        let mut scene = new();
        scene.instance(side).tag_owner = Some("prod/shops/somebody-else".into());
        scene.live(600);
        assert!(!adopted(&scene));
        assert_eq!(scene.sent, vec![], "nothing is touched");
        assert_eq!(scene.plan().next, Next::Wait(Wait::Ownership));
    }
}

/// Once adopted, a tag that somebody changes is put right and stops nothing.
#[test]
fn a_tag_that_was_changed_later_makes_nobody_else_the_owner() {
    let mut scene = new();
    scene.live_until(600, adopted);
    scene.instance(A).tag_owner = Some("prod/shops/somebody-else".into());
    scene.live(300);
    let ours = scene.shop.owner.clone();
    assert_eq!(scene.instance(A).tag_owner, Some(ours));
}

/// It had claimed its name before the instance's owner tagged it: what is its own goes, and the object with it.
#[test]
fn a_shop_beside_another_shops_database_can_be_deleted() {
    let mut scene = new();
    scene.live_until(
        600,
        |scene| matches!(&scene.world.names, Seen::Present(names) if names.txt.is_some()),
    );
    scene.instance(A).tag_owner = Some("prod/shops/somebody-else".into());
    scene.live(60);
    assert!(!adopted(&scene));
    scene.shop.deleting = true;
    scene.live(60);
    assert_eq!(scene.names().txt, None, "our own record is removed");
    assert_eq!(scene.plan().next, Next::Release);
    let others = scene.instance(A).tag_owner.clone();
    assert_eq!(
        others.as_deref(),
        Some("prod/shops/somebody-else"),
        "nothing of others is"
    );
}
