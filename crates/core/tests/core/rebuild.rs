//! A standby that a move owes is made anew, under a name of its own, and takes the former writer's place.

use crate::scene::{A, B, Scene, owner_record, replica_instance, secs};
use breakwater_core::Text;
use breakwater_core::decision::{Effect, RebuildWait, Rebuilding, Step};
use breakwater_core::journal::{Journal, ObligationKind};
use breakwater_core::outcome::{Ambiguity, Outcome, Refusal};
use breakwater_core::places::in_force;
use breakwater_core::reading::{InstanceView, Seen, Shape};
use breakwater_core::rebuilt::Successor;
use breakwater_core::shop::Mode;

const NEW: &str = "shop-cac1-e2";

fn shape() -> Shape {
    Shape {
        class: "db.r6g.large".into(),
        subnet_group: Some("private".into()),
        security_groups: vec!["sg-1".into()],
        kms_key: Some("arn:aws:kms:ca-central-1:111122223333:key/1".into()),
        storage: Some("gp3".into()),
        iops: Some(3000),
        throughput: Some(125),
        ..Shape::default()
    }
}

/// The shop has moved to B, A is back, and its former writer is stopped.
fn fenced() -> Scene {
    fenced_as(|_| {})
}

/// The same where A comes back like this.
fn fenced_as(comes_back: impl Fn(&mut Scene)) -> Scene {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(1200, |scene| {
        scene.promotions() == 1 && scene.journal.in_flight().is_none()
    });
    scene.revive_region();
    scene.instance(A).replicas.clear();
    scene.instance(A).shape = shape();
    comes_back(&mut scene);
    scene.live_until(600, |scene| {
        scene.journal.owes(ObligationKind::FenceFormerWriter).is_none()
    });
    scene
}

fn sent(scene: &Scene, name: &'static str) -> Vec<u64> {
    let times = scene.sent.iter().filter(|(_, step)| called(step) == name);
    times.map(|(at, _)| at.mono.as_secs()).collect()
}

fn called(step: &Step) -> &'static str {
    match step {
        Step::Promote(_) => "promote",
        Step::Effect(Effect::CopyGroup { .. }) => "copy",
        Step::Effect(Effect::CreateReplica { .. }) => "create",
        Step::Effect(Effect::SetReadOnly { on: false, .. }) => "writable",
        Step::Effect(Effect::Stop { .. }) => "stop",
        Step::Effect(_) => "other",
    }
}

fn created(scene: &mut Scene) -> &mut InstanceView {
    scene.world.others.get_mut(NEW).expect("it was made")
}

/// RDS has made it, and rows flow.
fn comes_up(scene: &mut Scene) {
    let made = created(scene);
    made.status = "available".into();
    made.endpoint = Some("shop-cac1-e2.c1.ca-central-1.rds.amazonaws.com".into());
}

/// Lives until the standby is rebuilt, and goes on with it as the engine would.
fn rebuilt() -> Scene {
    let mut scene = fenced();
    scene.live_until(900, |scene| scene.world.others.contains_key(NEW));
    comes_up(&mut scene);
    scene.live_until(300, |scene| !scene.journal.instances.is_empty());
    scene
}

#[test]
fn its_name_is_written_its_group_copied_and_only_then_it_is_asked_for() {
    let mut scene = fenced();
    scene.live_until(900, |scene| !sent(scene, "create").is_empty());
    let named = scene.written.iter().position(|journal| journal.rebuild.is_some());
    assert!(named.is_some());
    let rebuild = scene.journal.rebuild.clone().expect("under way");
    assert_eq!((&*rebuild.instance, &*rebuild.region), (NEW, "ca-central-1"));
    assert_eq!(
        (&*rebuild.group, rebuild.copy_of.as_deref()),
        (NEW, Some("shop-cac1")),
        "the former writer's own group stays pinned, so the replica gets a copy"
    );
    let (copied, made) = (sent(&scene, "copy"), sent(&scene, "create"));
    assert_eq!((copied.len(), made.len()), (1, 1));
    assert!(
        made[0] - copied[0] >= 300,
        "RDS wants five minutes: {copied:?} {made:?}"
    );
    assert_eq!(
        scene.world.groups[NEW].read_only.as_deref(),
        Some("{TrueIfReplica}"),
        "the copy does not pin read_only"
    );
    assert_eq!(
        scene.world.parameters[A].read_only.as_deref(),
        Some("1"),
        "the former's does"
    );
    let Some((_, Step::Effect(Effect::CreateReplica { replica, .. }))) =
        scene.sent.iter().find(|(_, step)| called(step) == "create")
    else {
        panic!("it was sent");
    };
    assert_eq!(&*replica.source, "arn:aws:rds:us-west-2:111122223333:db:shop-usw2");
    assert_eq!(
        (&replica.shape.subnet_group, &replica.shape.kms_key),
        (&shape().subnet_group, &shape().kms_key)
    );
    assert_eq!(
        (replica.shape.iops, replica.shape.throughput),
        (None, None),
        "gp3 as small as this takes no wish"
    );
    let owner: Text = "breakwater:owner".into();
    assert!(
        replica.tags.contains(&(owner, scene.shop.owner.clone())),
        "ours from the first moment"
    );
}

#[test]
fn once_it_follows_one_entry_puts_it_in_the_former_writers_place() {
    let mut scene = fenced();
    scene.live_until(900, |scene| scene.world.others.contains_key(NEW));
    scene.live(3600);
    assert_eq!(sent(&scene, "create").len(), 1, "however long it takes");
    assert_eq!(
        scene.plan().rebuilding,
        Some(Rebuilding::Making {
            status: "creating".into()
        })
    );
    assert!(scene.journal.owes(ObligationKind::RebuildStandby).is_some());
    comes_up(&mut scene);
    scene.live_until(120, |scene| {
        scene.journal.owes(ObligationKind::RebuildStandby).is_none()
    });
    let journal = &scene.journal;
    let successor = Successor {
        listed: "shop-cac1".into(),
        instance: NEW.into(),
    };
    assert_eq!(journal.instances.get("ca-central-1"), Some(&successor));
    assert_eq!(
        journal.resource_ids.get("ca-central-1").map(|id| &**id),
        Some("db-shop-cac1-e2")
    );
    assert_eq!(journal.rebuild, None);
    assert_eq!(
        journal.retired.iter().map(|own| &*own.instance).collect::<Vec<_>>(),
        ["shop-cac1"]
    );
    assert_eq!(&*scene.shop.regions[A].instance, NEW);
    scene.live(60);
    let plan = scene.plan();
    assert!(
        !plan.blockers.iter().any(breakwater_core::refusal::Blocker::prevents),
        "{:?}",
        plan.blockers
    );
    assert_eq!(plan.rebuilding, None);
}

#[test]
fn nothing_is_made_while_something_stands_against_it() {
    type Against = fn(&mut Scene);
    let cases: [(Against, RebuildWait); 5] = [
        (|scene| scene.instance(B).backup_days = 0, RebuildWait::BackupsOff),
        (
            |scene| scene.instance(B).status = "rebooting".into(),
            RebuildWait::Writer,
        ),
        (|scene| scene.shop.suspended = true, RebuildWait::Suspended),
        (|scene| scene.shop.policy.mode = Mode::Observe, RebuildWait::ObserveMode),
        (|scene| scene.world.instance[A] = Seen::Silent, RebuildWait::Region),
    ];
    for (against, wait) in cases {
        let mut scene = fenced();
        against(&mut scene);
        scene.live(1200);
        assert_eq!(scene.plan().rebuilding, Some(Rebuilding::Waits(wait)));
        assert!(sent(&scene, "create").is_empty(), "{wait:?}");
    }
}

#[test]
fn without_the_former_writer_a_person_has_to_make_it() {
    let mut scene = fenced();
    scene.world.instance[A] = Seen::Absent;
    scene.live(1200);
    assert_eq!(
        scene.plan().rebuilding,
        Some(Rebuilding::Waits(RebuildWait::FormerGone))
    );
    assert!(sent(&scene, "create").is_empty());
}

#[test]
fn a_lost_reply_is_looked_after_before_anything_is_sent_again() {
    let mut scene = fenced();
    let mut tries = 0;
    for _ in 0..120 {
        scene.wait(10);
        scene.read();
        for step in scene.decide() {
            if called(&step) == "create" {
                tries += 1;
                if tries == 2 {
                    // This one RDS takes; its answer is lost too.
                    let calls = scene.calls.len();
                    scene.send(step);
                    scene.calls.truncate(calls + 1);
                    scene.answer(Outcome::Ambiguous(Ambiguity::TimedOut));
                    continue;
                }
                scene.sending(step);
                scene.answer(Outcome::Ambiguous(Ambiguity::TimedOut));
            } else {
                scene.send(step);
            }
        }
    }
    assert_eq!(tries, 2, "once it is listed it is not asked for again");
}

#[test]
fn a_refusal_is_told_and_asked_again_slowly() {
    let mut scene = fenced();
    let mut tries = 0;
    for _ in 0..360 {
        scene.wait(10);
        scene.read();
        for step in scene.decide() {
            if called(&step) == "create" {
                tries += 1;
                scene.sending(step);
                scene.answer(Outcome::Refused(Refusal {
                    code: "InstanceQuotaExceeded".into(),
                    text: "too many".into(),
                }));
                scene.calls.last_mut().unwrap().failures = tries;
            } else {
                scene.send(step);
            }
        }
    }
    assert!((4..25).contains(&tries), "{tries} in an hour");
    assert!(
        matches!(scene.plan().rebuilding, Some(Rebuilding::NotTaken { code, .. }) if &*code == "InstanceQuotaExceeded")
    );
}

#[test]
fn an_instance_of_somebody_elses_is_left_alone_and_another_name_taken() {
    let mut scene = fenced();
    let theirs = InstanceView {
        source: None,
        tag_owner: None,
        ..replica_instance()
    };
    scene.world.others.insert(NEW.into(), theirs.clone());
    scene.live_until(900, |scene| !sent(scene, "create").is_empty());
    let named: Vec<Text> = scene
        .written
        .iter()
        .filter_map(|journal| Some(journal.rebuild.clone()?.instance))
        .collect();
    assert_eq!(named.first().map(|name| &**name), Some(NEW));
    assert_eq!(
        scene.journal.rebuild.as_ref().map(|own| &*own.instance),
        Some("shop-cac1-e2-2")
    );
    assert_eq!(scene.world.others.get(NEW), Some(&theirs));
}

#[test]
fn a_default_group_that_pins_nothing_is_used_as_it_is() {
    let mut scene = fenced_as(|scene| scene.instance(A).group = "default.mysql8.0".into());
    scene.live_until(900, |scene| !sent(scene, "create").is_empty());
    assert!(sent(&scene, "copy").is_empty());
    assert_eq!(&*created(&mut scene).group, "default.mysql8.0");
}

#[test]
fn a_replica_of_ours_from_a_life_whose_journal_was_lost_is_taken_as_it_is() {
    let mut scene = fenced_as(|scene| {
        let ours = InstanceView {
            resource_id: "db-OLD".into(),
            arn: "arn:aws:rds:ca-central-1:111122223333:db:shop-cac1-e7".into(),
            source: Some("arn:aws:rds:us-west-2:111122223333:db:shop-usw2".into()),
            tag_owner: Some(scene.shop.owner.clone()),
            ..replica_instance()
        };
        scene.instance(B).replicas.push(ours.arn.clone());
        scene.world.others.insert("shop-cac1-e7".into(), ours);
    });
    scene.live_until(300, |scene| !scene.journal.instances.is_empty());
    assert_eq!(&*scene.journal.instances["ca-central-1"].instance, "shop-cac1-e7");
    assert!(sent(&scene, "create").is_empty());
}

#[test]
fn a_replica_that_a_person_made_under_the_old_name_is_the_standby() {
    let mut scene = fenced();
    scene.instance(B).backup_days = 0;
    scene.live(60);
    scene.world.instance[A] = Seen::Present(InstanceView {
        resource_id: "db-BYHAND".into(),
        arn: "arn:aws:rds:ca-central-1:111122223333:db:shop-cac1".into(),
        source: Some("arn:aws:rds:us-west-2:111122223333:db:shop-usw2".into()),
        tag_owner: None,
        ..replica_instance()
    });
    scene.live_until(600, |scene| {
        scene.journal.owes(ObligationKind::RebuildStandby).is_none()
    });
    scene.live(60);
    let replaced = |blocker: &breakwater_core::refusal::Blocker| blocker.name() == "InstanceReplaced";
    assert!(!scene.plan().blockers.iter().any(replaced), "it is the right one");
}

#[test]
fn a_former_writer_that_rds_starts_is_stopped_again_until_a_person_deletes_it() {
    let mut scene = rebuilt();
    scene.live(60);
    let before = sent(&scene, "stop").len();
    let old = scene.world.others.get_mut("shop-cac1").expect("never deleted by us");
    old.status = "available".into();
    scene.live(60);
    assert_eq!(sent(&scene, "stop").len(), before + 1);
    assert_eq!(&*scene.world.others["shop-cac1"].status, "stopped");
    assert!(scene.journal.obligations.is_empty(), "it holds no failover up");
    scene.world.others.remove("shop-cac1");
    scene.live(120);
    assert!(scene.journal.retired.is_empty());
}

#[test]
fn the_instance_in_the_place_of_a_listed_one_is_what_counts_until_the_spec_lists_it() {
    let mut scene = rebuilt();
    scene.live(60);
    let spec = crate::scene::shop();
    let mut edited = spec.clone();
    edited.regions[A].instance = NEW.into();
    scene.shop = in_force(&edited, None, &scene.journal);
    assert_eq!(&*scene.shop.regions[A].instance, NEW);
    scene.live(60);
    assert!(scene.journal.instances.is_empty(), "the spec says it itself by now");
    assert_eq!(
        scene.journal.active_region,
        Some(scene.name(B)),
        "nothing is adopted anew"
    );
    scene.shop = in_force(&spec, None, &scene.journal);
    assert_eq!(
        &*scene.shop.regions[A].instance, "shop-cac1",
        "and means what it says from then on"
    );
}

#[test]
fn an_edit_to_another_replica_adopts_anew_and_the_former_writer_stays_stopped() {
    let mut scene = fenced();
    let mut edited = crate::scene::shop();
    edited.regions[A].instance = "by-hand".into();
    scene.shop = in_force(&edited, Some(&scene.shop), &scene.journal);
    scene.live(20);
    assert!(scene.journal.adopting_since.is_some());
    assert_eq!(
        scene
            .journal
            .retired
            .iter()
            .map(|own| &*own.instance)
            .collect::<Vec<_>>(),
        ["shop-cac1"]
    );
}

#[test]
fn our_record_outlives_a_lost_status() {
    let mut scene = rebuilt();
    scene.live(120);
    let told = scene.names().txt.clone().expect("our TXT");
    assert!(
        told.values[0].contains("instead=ca-central-1/shop-cac1/shop-cac1-e2"),
        "{told:?}"
    );
    assert!(told.values[0].split("\" \"").all(|string| string.len() <= 255));
    scene.journal = Journal::default();
    scene.shop = crate::scene::shop();
    scene.wait(10);
    scene.read();
    scene.decide();
    assert_eq!(&*scene.journal.instances["ca-central-1"].instance, NEW);
    assert_eq!(
        scene
            .journal
            .retired
            .iter()
            .map(|own| &*own.instance)
            .collect::<Vec<_>>(),
        ["shop-cac1"]
    );
}

#[test]
fn another_owners_record_tells_nothing() {
    let mut scene = Scene::healthy();
    let mut record = owner_record(&scene.shop, 7, B, None);
    record.owner = "somebody/else/shop".into();
    let successor = Successor {
        listed: "shop-cac1".into(),
        instance: "theirs".into(),
    };
    record.instances.insert("ca-central-1".into(), successor);
    scene.names().txt = Some(record.record("db.shop.example.com"));
    scene.journal = Journal::default();
    scene.live(60);
    assert!(scene.journal.instances.is_empty());
}

#[test]
fn a_region_that_became_the_active_one_is_owed_no_standby() {
    let mut scene = fenced();
    scene.instance(B).backup_days = 0;
    scene.live(60);
    scene.journal.active_region = Some(scene.name(A));
    scene.world.instance[A] = Seen::Present(crate::scene::writer_instance());
    scene.wait(secs(10).as_secs());
    scene.read();
    let owed = |scene: &Scene| {
        scene
            .journal
            .obligations
            .iter()
            .any(|owed| owed.region == scene.name(A))
    };
    scene.decide();
    assert!(!owed(&scene));
}
