//! Whatever ends a move, and in whichever phase: what it did is undone before its point of no return, and completed after it.

use crate::scene::{A, B, Scene, secs};
use breakwater_core::decision::{Next, Step};
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::facts::LinkVote;
use breakwater_core::journal::{Journal, MoveKind, Phase};
use breakwater_core::reading::{ProofSeen, Seen};
use breakwater_core::request::Request;
use breakwater_core::shop::{Freeze, Mode};
use breakwater_core::time::after;

/// How far a move has come when it is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No move yet: users are sent to the other region first.
    Shifted,
    /// The entry of this phase is written, and nothing done yet.
    Begun(Phase),
    /// What this phase does has been done.
    Done(Phase),
}

/// Before the point of no return: the licence is written, but nothing was sent under it.
const BEFORE: [Stage; 7] = [
    Stage::Shifted,
    Stage::Begun(Phase::Requested),
    Stage::Begun(Phase::Preparing),
    Stage::Done(Phase::Preparing),
    Stage::Begun(Phase::Excluding),
    Stage::Done(Phase::Excluding),
    Stage::Begun(Phase::Promoting),
];

/// After it.
const AFTER: [Stage; 4] = [
    Stage::Done(Phase::Promoting),
    Stage::Begun(Phase::Repointing),
    Stage::Done(Phase::Repointing),
    Stage::Begun(Phase::Verifying),
];

/// What interrupts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Deleted,
    Observe,
    Approve,
    Frozen,
    Suspended,
    Withdrawn,
    OrderSwitchedOff,
    EvidenceCleared,
}

const WORDS: [Word; 8] = [
    Word::Deleted,
    Word::Observe,
    Word::Approve,
    Word::Frozen,
    Word::Suspended,
    Word::Withdrawn,
    Word::OrderSwitchedOff,
    Word::EvidenceCleared,
];

/// The database of A dies, its services with it; the RDS API of its region answers, so that the writer is made read-only.
fn outage() -> Scene {
    let mut scene = Scene::healthy();
    let view = scene.world.instance[A].clone();
    scene.kill_region();
    scene.world.instance[A] = view;
    scene
}

/// Users and processes reach A again; what we changed in its instance and parameter group stays as it is.
fn recover(scene: &mut Scene) {
    let view = scene.world.instance[A].clone();
    scene.revive_region();
    scene.world.instance[A] = view;
    scene.world.lag_stops = None;
}

fn reached(scene: &Scene, stage: Stage) -> bool {
    let phase = scene.journal.in_flight().map(|m| m.phase);
    match stage {
        Stage::Shifted => scene.journal.front == Some(scene.name(B)),
        Stage::Begun(wanted) | Stage::Done(wanted) => phase == Some(wanted),
    }
}

/// Lives until the stage is reached; every step before it has been sent and shown.
fn at(stage: Stage) -> Scene {
    let mut scene = outage();
    for _ in 0..600 {
        match scene.plan().next {
            Next::Record(journal) => {
                scene.written.push((*journal).clone());
                scene.journal = *journal;
            }
            Next::Act(steps) => {
                let done = matches!(stage, Stage::Done(_)) && reached(&scene, stage);
                for step in steps {
                    scene.send(step);
                }
                if done {
                    scene.read();
                    return scene;
                }
            }
            Next::Idle | Next::Wait(_) | Next::Release => {
                scene.wait(10);
                scene.read();
            }
        }
        if reached(&scene, stage) && !matches!(stage, Stage::Done(_)) {
            return scene;
        }
    }
    panic!("{stage:?} is not reached: {:?}", scene.plan().next);
}

fn say(scene: &mut Scene, word: Word) {
    match word {
        Word::Deleted => scene.shop.deleting = true,
        Word::Observe => scene.shop.policy.mode = Mode::Observe,
        Word::Approve => scene.shop.policy.mode = Mode::Approve,
        Word::Frozen => scene.shop.policy.freezes.push(Freeze {
            name: "black-friday".into(),
            from: scene.now.wall,
            until: after(scene.now.wall, secs(86_400)),
        }),
        Word::Suspended => scene.shop.suspended = true,
        Word::Withdrawn => scene.requests.push(Request {
            name: "shop-ca-2".into(),
            uid: "record-2".into(),
            kind: MoveKind::Failover,
            to: None,
            expected_epoch: None,
            start_before: after(scene.now.wall, secs(600)),
            overrides: Vec::new(),
            allow_loss: None,
            max_write_stop: None,
            expires_at: None,
            abort: true,
            record_of: Some(2),
            approved_by: None,
        }),
        Word::OrderSwitchedOff => scene.shop.policy.automatic_traffic = false,
        Word::EvidenceCleared => recover(scene),
    }
}

/// What a move of ours can change of the world, beside our own TXT and the tags of ownership.
fn touched(scene: &Scene) -> impl PartialEq + std::fmt::Debug + use<> {
    let fenced = |side| match &scene.world.instance[side] {
        Seen::Present(view) => (view.tag_fenced, view.status.clone()),
        other => panic!("{other:?}"),
    };
    (
        scene.world.balancers.clone(),
        scene.world.parameters.primary.clone(),
        scene.world.parameters.secondary.clone(),
        [fenced(A), fenced(B)],
    )
}

fn nothing_stands(journal: &Journal) -> bool {
    journal.in_flight().is_none()
        && journal.excluded.is_none()
        && journal.saved_steering.is_empty()
        && journal.obligations.is_empty()
        && journal.front == journal.active_region
}

/// The last fresh round has agreed: what would end a move, and is no person's word, comes too late.
fn is_heard_by_a_licence(word: Word) -> bool {
    match word {
        Word::Deleted | Word::Observe | Word::Approve | Word::Frozen | Word::Suspended | Word::Withdrawn => true,
        Word::OrderSwitchedOff | Word::EvidenceCleared => false,
    }
}

#[test]
fn before_the_point_of_no_return_everything_is_undone() {
    let before = touched(&Scene::healthy());
    for stage in BEFORE {
        for word in WORDS {
            let mut scene = at(stage);
            let sent = scene.sent.len();
            if stage == Stage::Begun(Phase::Promoting) && !is_heard_by_a_licence(word) {
                continue;
            }
            say(&mut scene, word);
            // The outage goes on for a minute, unless that is just what ended, or the move would rightly go on.
            if word == Word::OrderSwitchedOff {
                recover(&mut scene);
            }
            scene.live(60);
            let case = format!("{stage:?}, {word:?}");
            match word {
                Word::Suspended => {
                    assert_eq!(scene.sent.len(), sent, "{case}: no call while suspended");
                }
                Word::Deleted => {
                    assert_eq!(scene.plan().next, Next::Release, "{case}");
                    assert_eq!(scene.names().txt, None, "{case}: our TXT goes");
                    assert!(scene.instance(A).tag_owner.is_none(), "{case}: our tags go");
                    assert_eq!(touched(&scene), before, "{case}: it waits for nothing else");
                }
                // These do not end what has not begun.
                Word::Withdrawn | Word::OrderSwitchedOff if stage == Stage::Shifted => {}
                Word::OrderSwitchedOff => {}
                Word::Observe | Word::Approve | Word::Frozen | Word::Withdrawn | Word::EvidenceCleared => {
                    assert_eq!(scene.journal.in_flight(), None, "{case}: it is given up at once");
                    assert_eq!(scene.journal.excluded, None, "{case}");
                    let read_only = scene.world.parameters[A].read_only.clone();
                    assert_eq!(
                        read_only.as_deref(),
                        Some("{TrueIfReplica}"),
                        "{case}: it may write again"
                    );
                }
            }
            recover(&mut scene);
            scene.live(60);
            scene.shop.suspended = false;
            scene.live(1500);
            assert_eq!(touched(&scene), before, "{case}: the world is as it was");
            assert_eq!(scene.promotions(), 0, "{case}");
            if word != Word::Deleted {
                assert!(nothing_stands(&scene.journal), "{case}: {:#?}", scene.journal);
                let record = breakwater_core::owner_record::OwnerRecord::parse(scene.names().txt.as_ref().unwrap());
                assert_eq!(record.unwrap().excluded, None, "{case}: our TXT says so too");
            }
        }
    }
}

#[test]
fn what_was_promoted_is_seen_through() {
    for stage in AFTER {
        for word in WORDS {
            let mut scene = at(stage);
            let sent = scene.sent.len();
            say(&mut scene, word);
            scene.live(60);
            let case = format!("{stage:?}, {word:?}");
            if word == Word::Suspended {
                assert_eq!(scene.sent.len(), sent, "{case}: no call while suspended");
                scene.shop.suspended = false;
            }
            if word == Word::Deleted {
                assert_eq!(scene.plan().next, Next::Release, "{case}");
                assert_eq!(scene.promotions(), 1, "{case}");
                continue;
            }
            recover(&mut scene);
            scene.world.proof[A] = ProofSeen::Nothing("its database is not the writer".into());
            scene.world.proof[B] = ProofSeen::Said(crate::scene::proof(&scene.shop, B, Some(B), true));
            scene.live(1500);
            assert_eq!(scene.promotions(), 1, "{case}");
            assert_eq!(scene.journal.active_region, Some(scene.name(B)), "{case}");
            assert_eq!(scene.journal.in_flight(), None, "{case}");
            assert_eq!(
                &*scene.instance(A).status,
                "stopped",
                "{case}: the former writer is fenced"
            );
            let points = scene.names().writer.as_ref().unwrap().values[0].clone();
            assert_eq!(points, crate::scene::endpoint(B), "{case}: the name follows");
        }
    }
}

/// The promotion was allowed, and then a person says no: it is not sent.
#[test]
fn a_licence_that_nobody_wants_any_more_is_not_used() {
    for word in WORDS {
        let mut scene = at(Stage::Begun(Phase::Promoting));
        say(&mut scene, word);
        let promotes = match scene.plan().next {
            Next::Act(steps) => steps.iter().any(|step| matches!(step, Step::Promote(_))),
            Next::Record(_) | Next::Idle | Next::Wait(_) | Next::Release => false,
        };
        assert_eq!(promotes, !is_heard_by_a_licence(word), "{word:?}");
    }
}

/// The region is dead for good: its RDS does not answer, and whoever deletes the object is told what it waits for.
#[test]
fn a_deletion_waits_for_a_writer_that_we_made_read_only() {
    let mut scene = at(Stage::Done(Phase::Preparing));
    scene.world.instance[A] = Seen::Silent;
    scene.read();
    scene.shop.deleting = true;
    scene.live(600);
    assert!(
        scene.names().txt.is_some(),
        "our traces stay as long as something is owed"
    );
    assert_ne!(scene.plan().next, Next::Release);
    scene.shop.abandon = true;
    assert_eq!(scene.plan().next, Next::Release);
}

/// An adoption had begun, so that our TXT stands, when the mode was set to Observe.
#[test]
fn a_claim_is_removed_in_observe_too() {
    let mut scene = Scene::unread();
    scene.journal = Journal::default();
    scene.names().txt = None;
    scene.live(20);
    assert!(scene.names().txt.is_some() && scene.journal.active_region.is_none());
    scene.shop.policy.mode = Mode::Observe;
    scene.live(20);
    scene.shop.deleting = true;
    assert_ne!(scene.plan().next, Next::Release);
    scene.live(60);
    assert_eq!(scene.names().txt, None);
    assert_eq!(scene.plan().next, Next::Release);
}

#[test]
fn the_outage_is_one_that_calls_for_a_promotion() {
    let scene = at(Stage::Begun(Phase::Requested));
    let decision = scene.plan();
    assert_eq!(decision.diagnosis, Diagnosis::DatabaseDown);
    assert_eq!(decision.facts.unwrap().link.value, LinkVote::Broken);
}
