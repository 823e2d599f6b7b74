//! Requests by people: what they may override, what nobody may, and how each ends.

use crate::scene::{A, B, Scene, cname, endpoint, owner_record, proof, secs, unknown};
use breakwater_core::decision::{Effect, Step};
use breakwater_core::journal::{MoveKind, MoveOutcome, Obligation, ObligationKind, Phase};
use breakwater_core::reading::{ProbeSeen, ProofSeen, Seen, TroubleKind};
use breakwater_core::refusal::Refusal;
use breakwater_core::report::{Answered, answered};
use breakwater_core::request::{Override, Request, Unfit, Verdict};
use breakwater_core::shop::{Freeze, Mode};
use breakwater_core::time::{after, before};

fn failover(scene: &Scene) -> Request {
    Request {
        name: "shop-2am".into(),
        uid: "rsw-1".into(),
        kind: MoveKind::Failover,
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

fn adopt(scene: &Scene, to: breakwater_core::side::Side) -> Request {
    Request {
        kind: MoveKind::Adopt,
        to: Some(scene.name(to)),
        expected_epoch: None,
        ..failover(scene)
    }
}

fn ask(scene: &mut Scene, request: Request) {
    scene.requests.push(request);
}

fn verdict(scene: &Scene) -> Verdict {
    let answers = scene.plan().answers;
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers[0].verdict.clone()
}

fn words(scene: &Scene) -> Answered {
    let answers = scene.plan().answers;
    answered(&scene.input(), &scene.plan(), &answers[0])
}

fn refused_by(scene: &Scene) -> Vec<&'static str> {
    match verdict(scene) {
        Verdict::Refused(refusals) => refusals.iter().map(Refusal::name).collect(),
        other => panic!("{other:?}"),
    }
}

fn begins(scene: &mut Scene) -> bool {
    scene.decide();
    scene.journal.in_flight().is_some_and(|m| m.request.is_some())
}

fn ends(scene: &mut Scene) {
    scene.live_until(1800, |scene| {
        scene.journal.current.as_ref().is_some_and(|m| m.outcome.is_some())
    });
}

/// A region that is dead to its users, with nothing known of its database: automation waits for a person.
fn inconclusive(mut scene: Scene) -> Scene {
    scene.world.probe[A] = ProbeSeen::TimedOut;
    scene.world.edge[A] = unknown(TroubleKind::TimedOut);
    scene.world.instance[A] = unknown(TroubleKind::TimedOut);
    scene.world.proof[A] = ProofSeen::Nothing("no answer".into());
    scene.world.proof[B] = ProofSeen::Nothing("no answer".into());
    scene.watch(60);
    assert!(!scene.plan().diagnosis.calls_for_promotion());
    scene
}

#[test]
fn a_person_moves_what_automation_leaves() {
    let mut scene = inconclusive(Scene::healthy());
    let request = failover(&scene);
    ask(&mut scene, request);
    assert!(begins(&mut scene));
    let current = scene.journal.in_flight().unwrap();
    assert!(!current.automatic);
    assert_eq!(&*current.request.as_ref().unwrap().name, "shop-2am");
    ends(&mut scene);
    assert_eq!(
        scene.journal.current.as_ref().unwrap().outcome,
        Some(MoveOutcome::Completed)
    );
    assert_eq!(scene.promotions(), 1);
    assert_eq!(scene.journal.active_region, Some(scene.name(B)));
    // It ran once; the object that still stands there asks for nothing any more.
    scene.live(120);
    assert_eq!((scene.promotions(), scene.journal.last_number), (1, 2));
    assert_eq!(scene.plan().answers, []);
}

/// Evidence that speaks for A's life stops automation, not a person.
#[test]
fn a_person_moves_a_region_that_lives() {
    let mut scene = Scene::healthy();
    let request = failover(&scene);
    ask(&mut scene, request);
    assert!(begins(&mut scene));
    ends(&mut scene);
    assert_eq!(
        scene.journal.current.as_ref().unwrap().outcome,
        Some(MoveOutcome::Completed)
    );
    assert_eq!(scene.promotions(), 1);
    // A was made read-only first, since its API answered.
    let read_only = scene.first_sent(|step| matches!(step, Step::Effect(Effect::SetReadOnly { on: true, .. })));
    let promoted = scene.first_sent(|step| matches!(step, Step::Promote(_)));
    assert!(read_only.unwrap().mono < promoted.unwrap().mono);
}

#[test]
fn what_binds_automatic_moves_alone_binds_no_person() {
    let scene = inconclusive(Scene::healthy());
    let modes = [Mode::Observe, Mode::Approve, Mode::Automatic];
    for mode in modes {
        let mut scene = scene.clone();
        scene.shop.policy.mode = mode;
        scene.journal.cool_down_until = Some(after(scene.now.wall, secs(600)));
        let request = failover(&scene);
        ask(&mut scene, request);
        assert!(begins(&mut scene), "{mode:?}");
        ends(&mut scene);
        assert_eq!(scene.promotions(), 1, "{mode:?}");
    }
}

#[test]
fn refusals_end_it_and_name_the_way_on() {
    let mut scene = inconclusive(Scene::healthy());
    scene.world.names = Seen::Silent;
    scene.watch(60);
    let request = failover(&scene);
    ask(&mut scene, request.clone());
    assert_eq!(refused_by(&scene), ["NameUnmovable"]);
    let said = words(&scene);
    assert_eq!(said.outcome, Some(MoveOutcome::Refused));
    assert!(said.message.contains("overrides: [NameUnmovable]"), "{}", said.message);
    assert!(!begins(&mut scene));
    // With the override it goes, also while Route 53 is silent; the name follows when it answers.
    scene.requests = vec![Request {
        uid: "rsw-2".into(),
        overrides: vec![Override::NameUnmovable],
        ..request
    }];
    assert!(begins(&mut scene));
    scene.live_until(600, |scene| {
        scene.journal.in_flight().is_some_and(|m| m.phase == Phase::Repointing)
    });
    assert_eq!(scene.promotions(), 1);
    scene.world.names = Seen::Present(breakwater_core::reading::NamesView {
        writer: Some(cname(&endpoint(A))),
        txt: Some(owner_record(&scene.shop, 1, A, None).record(&scene.shop.writer.name)),
    });
    ends(&mut scene);
    assert_eq!(scene.names().writer.as_ref().unwrap().values, [endpoint(B)]);
}

#[test]
fn traffic_that_cannot_be_moved_is_tried_first_and_overridden() {
    let mut scene = inconclusive(Scene::healthy());
    scene.world.balancers[0] = unknown(TroubleKind::TimedOut);
    scene.watch(400);
    let request = failover(&scene);
    ask(&mut scene, request.clone());
    assert_eq!(refused_by(&scene), ["TrafficNotMoved"]);
    scene.requests = vec![Request {
        uid: "rsw-2".into(),
        overrides: vec![Override::TrafficNotMoved],
        ..request
    }];
    assert!(begins(&mut scene));
    ends(&mut scene);
    assert_eq!(scene.promotions(), 1);
    let current = scene.journal.current.as_ref().unwrap();
    let excluding = current
        .steps
        .iter()
        .find(|step| step.phase == Phase::Excluding)
        .unwrap();
    let promoting = current
        .steps
        .iter()
        .find(|step| step.phase == Phase::Promoting)
        .unwrap();
    assert!(promoting.at.duration_since(excluding.at).as_secs() >= 30);
}

#[test]
fn the_loss_that_a_person_accepts_counts() {
    let mut scene = inconclusive(Scene::healthy());
    scene.world.lag_stops = Some(scene.now.wall);
    scene.watch(900);
    let request = failover(&scene);
    ask(&mut scene, request.clone());
    assert_eq!(refused_by(&scene), ["LossOverBudget"]);
    scene.requests = vec![Request {
        allow_loss: Some(secs(3600)),
        ..request
    }];
    assert!(begins(&mut scene));
    assert_eq!(
        scene
            .journal
            .in_flight()
            .unwrap()
            .request
            .as_ref()
            .unwrap()
            .allow_data_loss_seconds,
        Some(3600)
    );
    ends(&mut scene);
    assert_eq!(scene.promotions(), 1);
}

/// Each that nobody may override, with every override given.
#[test]
fn what_nobody_may_override() {
    let everything = vec![
        Override::ObserveMode,
        Override::AwaitingApproval,
        Override::Frozen,
        Override::Quarantine,
        Override::NotHeld,
        Override::LossUnknown,
        Override::LossOverBudget,
        Override::StandbyBusy,
        Override::StandbyServicesDown,
        Override::TrafficNotMoved,
        Override::NameUnmovable,
        Override::CoolDown,
        Override::ObligationOpen,
        Override::Paced,
    ];
    let try_it = |name: &str, change: &dyn Fn(&mut Scene, &mut Request)| {
        let mut scene = inconclusive(Scene::healthy());
        let mut request = Request {
            overrides: everything.clone(),
            ..failover(&scene)
        };
        change(&mut scene, &mut request);
        scene.watch(60);
        ask(&mut scene, request);
        assert_eq!(refused_by(&scene), [name]);
        assert!(!begins(&mut scene), "{name}");
        let said = words(&scene).message;
        // A request of another epoch ends with nothing: a new one is what helps.
        let way_on = if name == "StaleEpoch" {
            "Make a new one"
        } else {
            "Nobody can override"
        };
        assert!(said.contains(way_on), "{said}");
        assert_eq!(said.contains("end that first"), name != "StaleEpoch", "{said}");
    };
    try_it("Suspended", &|scene, _| scene.shop.suspended = true);
    try_it("StandbyMissing", &|scene, _| scene.world.instance[B] = Seen::Absent);
    // One that follows nobody takes writes by somebody else's doing: that is `UnknownActive` too.
    try_it("StandbyNotReplica", &|scene, _| {
        scene.instance(B).source = Some("arn:aws:rds:us-west-2:111122223333:db:another".into());
    });
    try_it("StaleEpoch", &|_, request| request.expected_epoch = Some(0));
    try_it("OwnedElsewhere", &|scene, _| {
        let mut record = owner_record(&scene.shop, 1, A, None);
        record.owner = "other/shops/shop".into();
        let txt = record.record(&scene.shop.writer.name);
        scene.names().txt = Some(txt);
    });
}

#[test]
fn a_second_move_is_refused_while_one_is_in_flight() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(600, |scene| scene.journal.in_flight().is_some());
    let request = failover(&scene);
    ask(&mut scene, request);
    assert_eq!(refused_by(&scene), ["MoveInFlight"]);
}

#[test]
fn what_ends_by_itself_is_waited_for_until_its_start_before() {
    let mut scene = inconclusive(Scene::healthy());
    scene.shop.policy.freezes = vec![Freeze {
        name: "black-friday".into(),
        from: before(scene.now.wall, secs(60)),
        until: after(scene.now.wall, secs(600)),
    }];
    let request = failover(&scene);
    ask(&mut scene, request.clone());
    assert!(matches!(verdict(&scene), Verdict::Waits(refusals) if refusals[0].name() == "Frozen"));
    assert_eq!(words(&scene).outcome, None);
    assert!(!begins(&mut scene));
    // It ends: the request begins.
    let mut later = scene.clone();
    later.watch(610);
    assert!(begins(&mut later));
    // Its time passes first: expired, and it stays so.
    scene.requests = vec![Request {
        start_before: after(scene.now.wall, secs(120)),
        ..request
    }];
    scene.watch(130);
    assert!(matches!(verdict(&scene), Verdict::Expired(_)));
    assert_eq!(words(&scene).outcome, Some(MoveOutcome::Expired));
    assert!(!begins(&mut scene));
}

/// After a start nothing has been read: neither a refusal nor a move follows from that.
#[test]
fn nothing_read_is_no_evidence() {
    let mut scene = Scene::unread();
    let request = failover(&scene);
    ask(&mut scene, request);
    assert_eq!(verdict(&scene), Verdict::Waits(Vec::new()));
    assert!(!begins(&mut scene));
    scene.watch(30);
    assert!(begins(&mut scene));
}

#[test]
fn what_cannot_be_is_said() {
    let scene = Scene::healthy();
    let cases = [
        (
            Request {
                to: Some("eu-west-1".into()),
                ..failover(&scene)
            },
            Unfit::NoSuchRegion,
            "ca-central-1 or us-west-2",
        ),
        (
            Request {
                to: Some(scene.name(A)),
                ..failover(&scene)
            },
            Unfit::AlreadyActive,
            "already",
        ),
        (
            Request {
                kind: MoveKind::Drill,
                ..failover(&scene)
            },
            Unfit::TypeNotOffered,
            "This version",
        ),
    ];
    for (request, unfit, said) in cases {
        let mut scene = scene.clone();
        ask(&mut scene, request);
        assert_eq!(verdict(&scene), Verdict::Unfit(unfit));
        assert!(words(&scene).message.contains(said), "{}", words(&scene).message);
        assert!(!begins(&mut scene));
    }
}

#[test]
fn withdrawn_before_the_point_of_no_return_it_is_undone() {
    for phase in [Phase::Preparing, Phase::Excluding] {
        let mut scene = Scene::healthy();
        let request = failover(&scene);
        ask(&mut scene, request);
        let before = scene.world.clone();
        scene.live_until(600, |scene| scene.journal.in_flight().is_some_and(|m| m.phase == phase));
        scene.requests[0].abort = true;
        scene.decide();
        let ended = scene.journal.current.clone().unwrap();
        assert_eq!(ended.outcome, Some(MoveOutcome::Aborted), "{phase:?}");
        scene.live(900);
        assert_eq!(scene.promotions(), 0);
        assert_eq!(scene.world.balancers, before.balancers);
        assert_eq!(scene.world.parameters[A], before.parameters[A]);
        assert_eq!(scene.journal.obligations, []);
        assert_eq!(scene.plan().answers, [], "it does not begin again");
    }
}

/// What was read before a call of ours says nothing about what that call did.
#[test]
fn withdrawn_right_after_a_call_it_is_undone_all_the_same() {
    let undone = |sent: &dyn Fn(&Step) -> bool| {
        let mut scene = Scene::healthy();
        let request = failover(&scene);
        ask(&mut scene, request);
        let before = scene.world.clone();
        scene.live_until(600, |scene| scene.first_sent(sent).is_some());
        assert_eq!(scene.promotions(), 0);
        scene.requests[0].abort = true;
        // The instance alone is read again: all other readings are older than the call.
        for _ in 0..3 {
            for step in scene.decide() {
                scene.send(step);
            }
            scene.wait(25);
            scene.read_instance(A);
        }
        scene.live(900);
        assert_eq!(scene.world.parameters[A], before.parameters[A]);
        assert_eq!(scene.world.balancers, before.balancers);
        assert_eq!(scene.instance(A).tag_fenced, None);
        assert_eq!(scene.journal.obligations, []);
    };
    undone(&|step| matches!(step, Step::Effect(Effect::SetReadOnly { on: true, .. })));
    undone(&|step| matches!(step, Step::Effect(Effect::PatchBalancer { .. })));
}

#[test]
fn withdrawn_later_it_goes_on() {
    let mut scene = Scene::healthy();
    let request = failover(&scene);
    ask(&mut scene, request);
    scene.live_until(600, |scene| scene.promotions() == 1);
    scene.requests[0].abort = true;
    ends(&mut scene);
    assert_eq!(
        scene.journal.current.as_ref().unwrap().outcome,
        Some(MoveOutcome::Completed)
    );
}

/// An automatic move is withdrawn by its record.
#[test]
fn an_automatic_move_is_withdrawn_by_its_record() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(600, |scene| {
        scene.journal.in_flight().is_some_and(|m| m.phase == Phase::Preparing)
    });
    let number = scene.journal.in_flight().unwrap().number;
    let record = Request {
        record_of: Some(number),
        abort: true,
        ..failover(&scene)
    };
    ask(&mut scene, record);
    scene.decide();
    assert_eq!(
        scene.journal.current.as_ref().unwrap().outcome,
        Some(MoveOutcome::Aborted)
    );
}

#[test]
fn withdrawn_before_it_began() {
    let mut scene = Scene::healthy();
    let request = Request {
        abort: true,
        ..failover(&scene)
    };
    ask(&mut scene, request);
    assert_eq!(verdict(&scene), Verdict::Withdrawn);
    assert!(!begins(&mut scene));
}

// Adopt.

/// Nobody can tell where the writer is: two writers, and the journal is lost.
fn unknown_active() -> Scene {
    let mut scene = Scene::healthy();
    scene.instance(B).source = None;
    scene.instance(B).replication = None;
    scene.names().txt = None;
    scene.journal = breakwater_core::journal::Journal {
        version: 1,
        ever_up: scene.journal.ever_up.clone(),
        ..Default::default()
    };
    scene.live(300);
    assert_eq!(scene.journal.active_region, None);
    scene
}

#[test]
fn adopt_is_the_way_out_of_an_unknown_active_region() {
    let mut scene = unknown_active();
    // A failover needs to know from where.
    let request = Request {
        expected_epoch: Some(0),
        ..failover(&scene)
    };
    ask(&mut scene, request);
    assert_eq!(refused_by(&scene), ["UnknownActive"]);
    scene.requests = vec![adopt(&scene, B)];
    assert!(begins(&mut scene));
    assert_eq!(scene.journal.active_region, Some(scene.name(B)));
    // The other region may take writes that nobody sees: it gets no users at once, its fence comes once B takes writes.
    assert_eq!(scene.journal.excluded, Some(scene.name(A)));
    assert!(scene.journal.owes(ObligationKind::FenceFormerWriter).is_none());
    scene.world.proof[B] = ProofSeen::Said(proof(&scene.shop, B, Some(B), true));
    scene.world.proof[A] = ProofSeen::Said(proof(&scene.shop, A, Some(B), true));
    ends(&mut scene);
    assert_eq!(
        scene.journal.current.as_ref().unwrap().outcome,
        Some(MoveOutcome::Completed)
    );
    assert_eq!(scene.names().writer.as_ref().unwrap().values, [endpoint(B)]);
    assert_eq!(scene.promotions(), 0);
    assert!(scene.journal.owes(ObligationKind::RebuildStandby).is_some());
    scene.live(300);
    assert_eq!(&*scene.instance(A).status, "stopped");
}

#[test]
fn adopt_does_not_name_a_replica() {
    let mut scene = Scene::healthy();
    let request = adopt(&scene, B);
    ask(&mut scene, request);
    assert_eq!(refused_by(&scene), ["UnknownActive"]);
    scene.requests[0].expected_epoch = Some(7);
    scene.requests[0].to = Some(scene.name(A));
    assert_eq!(refused_by(&scene), ["StaleEpoch"]);
}

/// Adopting what is so already changes nothing but the epoch.
#[test]
fn adopt_of_a_healthy_shop_changes_the_epoch_alone() {
    let mut scene = Scene::healthy();
    let request = adopt(&scene, A);
    ask(&mut scene, request);
    assert!(begins(&mut scene));
    ends(&mut scene);
    assert_eq!((scene.journal.epoch, scene.journal.last_number), (2, 2));
    assert_eq!(scene.journal.excluded, None);
    scene.live(120);
    assert_eq!(scene.journal.obligations, []);
    let patched = scene.first_sent(|step| matches!(step, Step::Effect(Effect::PatchBalancer { .. })));
    assert!(patched.is_none());
    assert_eq!(scene.actual.owner.as_ref().unwrap().epoch, 2);
}

#[test]
fn adopt_takes_over_from_another_owner_once() {
    let mut scene = Scene::healthy();
    let mut record = owner_record(&scene.shop, 41, A, None);
    record.owner = "other/shops/shop".into();
    let foreign = record.record(&scene.shop.writer.name);
    scene.names().txt = Some(foreign.clone());
    scene.watch(60);
    let request = adopt(&scene, A);
    ask(&mut scene, request);
    assert!(begins(&mut scene));
    assert_eq!(scene.journal.epoch, 42);
    ends(&mut scene);
    assert_eq!(scene.actual.owner.as_ref().unwrap().owner, scene.shop.owner);
    assert_eq!(scene.journal.takes_over, None);
    // Somebody who comes back later is not fought.
    scene.names().txt = Some(foreign.clone());
    scene.live(120);
    assert_eq!(scene.names().txt, Some(foreign));
}

#[test]
fn adopt_starts_and_unfences_the_region_that_it_names() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(1800, |scene| {
        scene.journal.current.as_ref().is_some_and(|m| m.outcome.is_some())
    });
    // A is back and fenced; then B is lost for good, and a person goes back to A.
    scene.revive_region();
    scene.live_until(900, |scene| {
        &*scene.world.instance[A].present().unwrap().status == "stopped"
    });
    scene.world.instance[B] = Seen::Silent;
    scene.world.probe[B] = ProbeSeen::TimedOut;
    scene.world.proof[B] = ProofSeen::Nothing("no answer".into());
    scene.world.proof[A] = ProofSeen::Said(proof(&scene.shop, A, Some(A), true));
    scene.live(60);
    let request = adopt(&scene, A);
    ask(&mut scene, request);
    assert!(begins(&mut scene));
    assert_eq!(scene.journal.excluded, Some(scene.name(B)));
    ends(&mut scene);
    assert_eq!(
        scene.journal.current.as_ref().unwrap().outcome,
        Some(MoveOutcome::Completed)
    );
    assert_eq!(&*scene.instance(A).status, "available");
    assert_eq!(scene.instance(A).tag_fenced, None);
    assert_ne!(scene.world.parameters[A].read_only.as_deref(), Some("1"));
    assert_eq!(scene.names().writer.as_ref().unwrap().values, [endpoint(A)]);
    // The region that may come back as a second writer stays without users, and owes its fence.
    let owed: Vec<_> = scene
        .journal
        .obligations
        .iter()
        .map(|o| (o.kind, o.region.clone()))
        .collect();
    assert!(
        owed.contains(&(ObligationKind::FenceFormerWriter, scene.name(B))),
        "{owed:?}"
    );
}

#[test]
fn adopt_ends_a_move_in_flight_but_sees_a_promotion_through() {
    let mut scene = Scene::healthy();
    scene.kill_region();
    scene.live_until(600, |scene| {
        scene.journal.in_flight().is_some_and(|m| m.phase == Phase::Excluding)
    });
    let request = adopt(&scene, A);
    // Before the point of no return the move is undone, and A is adopted.
    let mut early = scene.clone();
    ask(&mut early, request.clone());
    early.decide();
    let outcomes: Vec<_> = early
        .written
        .iter()
        .filter_map(|journal| journal.current.as_ref().map(|m| (m.kind, m.outcome)))
        .collect();
    assert!(outcomes.contains(&(MoveKind::Failover, Some(MoveOutcome::Aborted))));
    assert_eq!(early.journal.in_flight().unwrap().kind, MoveKind::Adopt);
    // With the licence written nobody says any more that it was not sent.
    scene.live_until(600, |scene| {
        scene.journal.in_flight().is_some_and(|m| m.phase == Phase::Promoting)
    });
    scene.world.instance[B] = Seen::Silent;
    scene.world.proof[B] = ProofSeen::Nothing("no answer".into());
    ask(&mut scene, request);
    scene.live(30);
    assert_eq!(scene.journal.in_flight().unwrap().kind, MoveKind::Failover);
    assert_eq!(verdict(&scene), Verdict::Waits(Vec::new()));
}

/// What the adopted region still owed from earlier moves is closed; nothing else is.
#[test]
fn adopt_closes_what_the_adopted_region_owed() {
    let mut scene = Scene::healthy();
    for region in [A, B] {
        scene.journal.obligations.push(Obligation {
            kind: ObligationKind::RebuildStandby,
            region: scene.name(region),
            instance: scene.shop.regions[region].instance.clone(),
            number: 1,
            since: scene.now.wall,
        });
    }
    let request = adopt(&scene, A);
    ask(&mut scene, request);
    assert!(begins(&mut scene));
    let owed: Vec<_> = scene
        .journal
        .obligations
        .iter()
        .map(|o| (o.kind, o.region.clone()))
        .collect();
    assert_eq!(
        owed,
        [
            (ObligationKind::RebuildStandby, scene.name(B)),
            (ObligationKind::Unfence, scene.name(A))
        ]
    );
}
