//! Planned moves: what shows that nothing is lost, what prevents one, what it waits for.

use crate::scene::{A, B, Scene, proof, secs};
use breakwater_core::decision::Next;
use breakwater_core::journal::{DrainBy, MoveKind, Phase, WriteStop};
use breakwater_core::reading::{ProofSeen, Seen};
use breakwater_core::refusal::Blocker;
use breakwater_core::report::{ConditionStatus, answered, report};
use breakwater_core::request::{Awaited, Request, Verdict};
use breakwater_core::side::Side;
use breakwater_core::time::after;
use jiff::Timestamp;

fn switchover(scene: &Scene) -> Request {
    Request {
        name: "patch".into(),
        uid: "rsw-1".into(),
        kind: MoveKind::Switchover,
        to: Some(scene.name(B)),
        expected_epoch: Some(scene.journal.epoch),
        start_before: after(scene.now.wall, secs(3600)),
        overrides: Vec::new(),
        allow_loss: None,
        max_write_stop: None,
        expires_at: None,
        abort: false,
        record_of: None,
        approved_by: None,
    }
}

fn asked(mut scene: Scene) -> Scene {
    let request = switchover(&scene);
    scene.requests.push(request);
    scene
}

fn verdict(scene: &Scene) -> Verdict {
    let answers = scene.plan().answers;
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers[0].verdict.clone()
}

/// What both regions' processes tell of their own database; `refused`: the application's write to A is.
fn tell(scene: &mut Scene, side: Side, refused: bool, executed: &str) {
    let mut said = proof(&scene.shop, side, Some(A), !refused);
    said.executed = Some(executed.into());
    scene.world.proof[side] = ProofSeen::Said(said);
}

/// Both are read; then so many seconds pass.
fn read(scene: &mut Scene) -> Timestamp {
    let asked = scene.now.wall;
    scene.read_proofs();
    scene.wait(2);
    asked
}

fn drained(scene: &Scene, since: Timestamp) -> bool {
    scene.evidence.is_drained(A, since)
}

#[test]
fn the_replica_must_hold_what_was_there_when_writes_had_stopped() {
    let mut scene = Scene::healthy();
    let since = scene.now.wall;
    tell(&mut scene, A, true, "aa:1-10");
    tell(&mut scene, B, true, "aa:1-10");
    read(&mut scene);
    assert!(
        !drained(&scene, since),
        "that set may have been read before the write was refused"
    );
    tell(&mut scene, A, true, "aa:1-12");
    read(&mut scene);
    assert!(!drained(&scene, since), "two transactions are behind");
    // What A executes by itself later on is no order.
    tell(&mut scene, A, true, "aa:1-13");
    tell(&mut scene, B, true, "aa:1-12");
    read(&mut scene);
    assert!(drained(&scene, since));
}

#[test]
fn what_was_read_before_read_only_counts_for_nothing() {
    let mut scene = Scene::healthy();
    tell(&mut scene, A, true, "aa:1-10");
    tell(&mut scene, B, true, "aa:1-10");
    read(&mut scene);
    read(&mut scene);
    let since = scene.now.wall;
    assert!(
        !drained(&scene, since),
        "the application was refused before, others may have written"
    );
    read(&mut scene);
    assert!(drained(&scene, since));
}

#[test]
fn an_empty_set_proves_nothing() {
    let mut scene = Scene::healthy();
    let since = scene.now.wall;
    for executed in ["", "no set"] {
        tell(&mut scene, A, true, executed);
        tell(&mut scene, B, true, "aa:1-10");
        read(&mut scene);
        read(&mut scene);
        assert!(!drained(&scene, since), "{executed:?}");
        assert!(!scene.evidence.tells_executed());
    }
}

#[test]
fn a_write_that_goes_through_begins_it_anew() {
    let mut scene = Scene::healthy();
    let since = scene.now.wall;
    tell(&mut scene, A, true, "aa:1-10");
    tell(&mut scene, B, true, "aa:1-10");
    read(&mut scene);
    read(&mut scene);
    assert!(drained(&scene, since));
    tell(&mut scene, A, false, "aa:1-11");
    read(&mut scene);
    assert!(!drained(&scene, since));
    tell(&mut scene, A, true, "aa:1-11");
    read(&mut scene);
    read(&mut scene);
    assert!(!drained(&scene, since), "the eleventh is behind");
}

#[test]
fn how_it_is_shown_is_decided_at_its_begin() {
    let stop = |scene: &mut Scene| -> WriteStop {
        scene.decide();
        let current = scene.journal.in_flight().cloned().unwrap();
        assert_eq!((current.kind, current.phase), (MoveKind::Switchover, Phase::Preparing));
        assert_eq!(
            (current.loss, current.first_down),
            (None, None),
            "nothing is down, nothing is lost"
        );
        current.write_stop.unwrap()
    };
    let mut told = Scene::healthy();
    for side in [A, B] {
        tell(&mut told, side, false, "aa:1-10");
    }
    told.watch(60);
    let by_gtid = stop(&mut asked(told));
    assert_eq!((by_gtid.by, by_gtid.at_most_seconds), (DrainBy::Gtid, 300));
    let by_lag = stop(&mut asked(Scene::without_proofs()));
    assert_eq!((by_lag.by, by_lag.at_most_seconds), (DrainBy::Lag, 600));
}

/// In the write that declares the move: what is about to be promoted is nobody's standby any more.
#[test]
fn from_its_begin_on_there_is_no_standby() {
    let mut scene = asked(Scene::without_proofs());
    let begin = scene.plan().next;
    let Next::Record(journal) = begin else {
        panic!("{begin:?}")
    };
    scene.journal = *journal;
    let shown = report(&scene.input(), &scene.plan());
    for kind in ["StandbyReady", "Protected"] {
        let condition = shown
            .conditions
            .iter()
            .find(|condition| condition.kind == kind)
            .unwrap();
        assert_eq!(
            (condition.status, condition.reason),
            (ConditionStatus::False, "MoveInFlight"),
            "{kind}"
        );
    }
}

#[test]
fn whatever_prevents_a_move_prevents_it() {
    let mut scene = Scene::healthy();
    scene.instance(A).group = "default.mysql8.0".into();
    scene.watch(60);
    let scene = asked(scene);
    assert_eq!(verdict(&scene), Verdict::Blocked(vec![Blocker::DefaultParameterGroup]));
    let told = answered(&scene.input(), &scene.plan(), &scene.plan().answers[0]);
    assert_eq!(told.reason, "DefaultParameterGroup");
    assert!(told.message.contains("Nothing was changed"), "{}", told.message);
    assert_eq!(told.refusals.len(), 1);
}

#[test]
fn it_waits_for_a_busy_writer() {
    let mut scene = Scene::healthy();
    scene.instance(A).status = "modifying".into();
    scene.watch(60);
    let mut scene = asked(scene);
    assert_eq!(verdict(&scene), Verdict::Awaits(Awaited::WriterAvailable));
    scene.instance(A).status = "available".into();
    scene.watch(60);
    scene.decide();
    assert!(scene.journal.in_flight().is_some());
}

#[test]
fn it_waits_to_see_that_the_replica_follows() {
    let mut scene = Scene::healthy();
    scene.world.lag_absent = Some(scene.now.wall);
    if let Seen::Present(view) = &mut scene.world.instance[B] {
        view.replication = None;
    }
    scene.watch(60);
    assert_eq!(verdict(&asked(scene)), Verdict::Awaits(Awaited::LinkFlowing));
}
