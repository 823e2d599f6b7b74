//! Traffic shifts: a person's order of pools, how it ends, and what it never stands in the way of.

use crate::scene::{A, B, Scene, health, secs, unknown};
use breakwater_core::decision::{Effect, Step};
use breakwater_core::journal::{MoveKind, MoveOutcome, Phase, Shift};
use breakwater_core::reading::{ProbeSeen, Seen, TroubleKind};
use breakwater_core::report::{ConditionStatus, report};
use breakwater_core::request::{Request, Unfit, Verdict};
use breakwater_core::shop::{Freeze, Mode};
use breakwater_core::side::Side;
use breakwater_core::time::{after, before};

fn asks(scene: &Scene, to: Side, seconds: u64) -> Request {
    Request {
        name: "to-the-west".into(),
        uid: "rsw-1".into(),
        kind: MoveKind::TrafficShift,
        to: Some(scene.name(to)),
        expected_epoch: Some(scene.journal.epoch),
        start_before: after(scene.now.wall, secs(1800)),
        overrides: Vec::new(),
        allow_loss: None,
        max_write_stop: None,
        expires_at: Some(after(scene.now.wall, secs(seconds))),
        abort: false,
        record_of: None,
        approved_by: None,
    }
}

/// A healthy shop whose users are sent to `us-west-2` for an hour.
fn shifted() -> Scene {
    shifted_with(Scene::healthy())
}

fn shifted_with(mut scene: Scene) -> Scene {
    let request = asks(&scene, B, 3600);
    scene.requests.push(request);
    scene.live(30);
    assert_eq!(front(&scene), scene.name(B));
    assert_eq!(first(&scene), "pool-us");
    scene
}

fn shift(scene: &Scene) -> &Shift {
    scene.journal.shift.as_ref().expect("a shift")
}

fn front(scene: &Scene) -> breakwater_core::Text {
    scene.journal.front.clone().unwrap()
}

/// The pool that the load balancer has first, in truth.
fn first(scene: &Scene) -> String {
    match &scene.world.balancers[0] {
        Seen::Present(view) => {
            assert_eq!(view.fallback_pool, view.default_pools[0]);
            view.default_pools[0].to_string()
        }
        other => panic!("{other:?}"),
    }
}

fn patches(scene: &Scene) -> usize {
    let is = |step: &Step| matches!(step, Step::Effect(Effect::PatchBalancer { .. }));
    scene.sent.iter().filter(|(_, step)| is(step)).count()
}

fn services_of(scene: &mut Scene, side: Side, up: bool) {
    scene.world.probe[side] = if up {
        ProbeSeen::Status(200)
    } else {
        ProbeSeen::TimedOut
    };
    scene.world.edge[side] = if up { health(12, 0) } else { health(0, 12) };
}

fn unfit(scene: &Scene) -> Unfit {
    match &scene.plan().answers[..] {
        [answer] => match answer.verdict {
            Verdict::Unfit(unfit) => unfit,
            ref other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_holds_until_its_time_and_the_order_goes_back_once() {
    let mut scene = shifted();
    let (sent, written) = (patches(&scene), scene.written.len());
    assert_eq!(scene.journal.in_flight(), None);
    scene.live(3500);
    assert_eq!(
        (patches(&scene), scene.written.len()),
        (sent, written),
        "nothing to do while it holds"
    );
    scene.live(120);
    assert_eq!(shift(&scene).outcome, Some(MoveOutcome::Completed));
    assert_eq!((front(&scene), first(&scene)), (scene.name(A), "pool-ca".to_owned()));
    assert!(shift(&scene).followed);
    let sent = patches(&scene);
    // The object that still stands there asks for nothing any more.
    scene.live(1800);
    assert_eq!((patches(&scene), scene.plan().answers.len()), (sent, 0));
    assert!(
        scene
            .sent
            .iter()
            .all(|(_, step)| matches!(step, Step::Effect(Effect::PatchBalancer { .. })))
    );
}

#[test]
fn the_storefront_is_ready_meanwhile_and_says_so() {
    let scene = shifted();
    let said = report(&scene.input(), &scene.plan());
    let is = |kind: &str| said.conditions.iter().find(|c| c.kind == kind).unwrap().status;
    assert_eq!(is("Ready"), ConditionStatus::True);
    assert_eq!(is("Reconciling"), ConditionStatus::False);
    assert_eq!(is("MoveInFlight"), ConditionStatus::False);
    assert_eq!(said.front, Some(scene.name(B)));
    assert!(
        said.message
            .contains("us-west-2 comes first in the load balancers until"),
        "{}",
        said.message
    );
    assert!(said.message.contains("to-the-west"), "{}", said.message);
}

#[test]
fn withdrawn_it_ends_at_once() {
    let mut scene = shifted();
    scene.requests[0].abort = true;
    scene.live(20);
    assert_eq!(shift(&scene).outcome, Some(MoveOutcome::Aborted));
    assert_eq!(first(&scene), "pool-ca");
}

/// A shift that has not begun is answered like any request.
#[test]
fn another_one_takes_its_place() {
    let mut scene = shifted();
    let next = Request {
        name: "and-back".into(),
        uid: "rsw-2".into(),
        ..asks(&scene, A, 7200)
    };
    scene.requests.push(next);
    scene.decide();
    let mut ended = scene.written.iter().filter_map(|journal| journal.shift.as_ref());
    let ended = ended.rfind(|shift| *shift.request.uid == *"rsw-1").unwrap();
    assert_eq!(ended.outcome, Some(MoveOutcome::Aborted));
    assert!(ended.because.as_ref().unwrap().contains("and-back"));
    assert_eq!((&*shift(&scene).request.uid, shift(&scene).outcome), ("rsw-2", None));
    scene.live(60);
    assert_eq!(first(&scene), "pool-ca");
    assert_eq!((scene.plan().answers.len(), &*shift(&scene).request.uid), (0, "rsw-2"));
}

#[test]
fn where_the_order_is_left_to_people_it_is_set_and_put_back_all_the_same() {
    for mode in [Mode::Observe, Mode::Approve, Mode::Automatic] {
        let mut scene = Scene::healthy();
        scene.shop.policy.mode = mode;
        scene.shop.policy.automatic_traffic = false;
        let mut scene = shifted_with(scene);
        scene.live(3700);
        assert_eq!(first(&scene), "pool-ca", "{mode:?}");
        assert!(shift(&scene).followed, "{mode:?}");
        // From here on people may order the pools as they like.
        scene.balancer().default_pools.reverse();
        scene.balancer().fallback_pool = "pool-us".into();
        let sent = patches(&scene);
        scene.live(600);
        assert_eq!((patches(&scene), first(&scene).as_str()), (sent, "pool-us"), "{mode:?}");
    }
}

#[test]
fn in_observe_the_order_of_pools_is_all_that_is_touched() {
    let mut scene = Scene::healthy();
    scene.shop.policy.mode = Mode::Observe;
    let mut scene = shifted_with(scene);
    scene.names().writer = Some(crate::scene::cname("elsewhere.example.com"));
    scene.names().txt = None;
    scene.live(600);
    assert!(
        scene
            .sent
            .iter()
            .all(|(_, step)| matches!(step, Step::Effect(Effect::PatchBalancer { .. })))
    );
}

#[test]
fn services_that_go_out_send_users_away_until_they_are_well() {
    let mut scene = shifted();
    services_of(&mut scene, B, false);
    scene.live(30);
    assert_eq!(first(&scene), "pool-us", "not at the first Down");
    scene.live(60);
    assert_eq!((front(&scene), first(&scene)), (scene.name(A), "pool-ca".to_owned()));
    assert!(shift(&scene).because.as_ref().unwrap().contains("us-west-2 are out"));
    let said = report(&scene.input(), &scene.plan()).message;
    assert!(
        said.contains("ca-central-1 comes first until us-west-2 has been Up for 10 min"),
        "{said}"
    );
    services_of(&mut scene, B, true);
    scene.live(540);
    assert_eq!(first(&scene), "pool-ca");
    // For five minutes after its end a failure makes the probes Partial: Up for ten comes after that.
    scene.live(420);
    assert_eq!(first(&scene), "pool-us");
    assert_eq!(shift(&scene).because, None);
}

#[test]
fn out_in_both_regions_nobody_is_sent_anywhere() {
    let mut scene = shifted();
    services_of(&mut scene, A, false);
    services_of(&mut scene, B, false);
    scene.live(300);
    assert_eq!(first(&scene), "pool-us");
}

/// At its end users are not sent to an active region that does not serve them.
#[test]
fn at_its_end_the_order_stays_while_the_active_region_is_out() {
    let mut scene = shifted();
    services_of(&mut scene, A, false);
    scene.live(3700);
    assert_eq!(shift(&scene).outcome, Some(MoveOutcome::Completed));
    assert_eq!(first(&scene), "pool-us");
    assert!(
        shift(&scene)
            .because
            .as_ref()
            .unwrap()
            .contains("until ca-central-1 is well")
    );
    services_of(&mut scene, A, true);
    scene.live(960);
    assert_eq!(first(&scene), "pool-ca");
    assert!(shift(&scene).followed);
}

#[test]
fn an_exclusion_ends_it_and_the_failover_is_as_fast_as_without() {
    let plain = {
        let mut scene = Scene::healthy();
        scene.live(30);
        scene.kill_region();
        scene.live_until(900, |scene| scene.promotions() == 1);
        scene.now.mono
    };
    let mut scene = shifted();
    scene.kill_region();
    scene.live_until(900, |scene| {
        scene.journal.in_flight().is_some_and(|m| m.phase == Phase::Preparing)
    });
    assert_eq!(
        shift(&scene).outcome,
        None,
        "a move that has not excluded anything leaves it alone"
    );
    scene.live_until(900, |scene| scene.promotions() == 1);
    assert_eq!(scene.now.mono, plain);
    assert_eq!(shift(&scene).outcome, Some(MoveOutcome::Aborted));
    assert!(
        shift(&scene)
            .because
            .as_ref()
            .unwrap()
            .contains("ca-central-1 is taken out")
    );
}

#[test]
fn a_move_that_is_given_up_before_it_excludes_leaves_it() {
    let mut scene = shifted();
    scene.kill_region();
    scene.live_until(900, |scene| scene.journal.in_flight().is_some());
    assert!(scene.journal.in_flight().unwrap().phase < Phase::Excluding);
    // Before the next round, the record of the move is withdrawn.
    let number = scene.journal.in_flight().unwrap().number;
    scene.revive_region();
    scene.read();
    let record = Request {
        uid: "record".into(),
        record_of: Some(number),
        abort: true,
        ..asks(&scene, B, 1)
    };
    scene.requests.push(record);
    scene.decide();
    assert_eq!(
        scene.journal.current.as_ref().unwrap().outcome,
        Some(MoveOutcome::Aborted)
    );
    assert_eq!((front(&scene), shift(&scene).outcome), (scene.name(B), None));
}

#[test]
fn an_adoption_ends_it() {
    let mut scene = shifted();
    let adopt = Request {
        uid: "rsw-2".into(),
        kind: MoveKind::Adopt,
        expires_at: None,
        ..asks(&scene, A, 1)
    };
    scene.requests.push(adopt);
    scene.live(60);
    assert_eq!(shift(&scene).outcome, Some(MoveOutcome::Aborted));
    assert_eq!(first(&scene), "pool-ca");
}

#[test]
fn what_it_cannot_be_sent_to() {
    type Spoil<'a> = &'a dyn Fn(&mut Scene, &mut Request);
    let cases: [(&str, Spoil<'_>, Unfit); 9] = [
        (
            "no region",
            &|_, request| request.to = Some("eu-west-1".into()),
            Unfit::NoSuchRegion,
        ),
        (
            "past",
            &|scene, request| request.expires_at = Some(scene.ago(1)),
            Unfit::AlreadyOver,
        ),
        ("no end", &|_, request| request.expires_at = None, Unfit::AlreadyOver),
        (
            "services out",
            &|scene, _| services_of(scene, B, false),
            Unfit::ServicesNotUp(B),
        ),
        (
            "services seen by nobody",
            &|scene, _| {
                scene.world.probe[B] = ProbeSeen::Ours("no socket".into());
                scene.world.edge[B] = unknown(TroubleKind::TimedOut);
            },
            Unfit::ServicesNotUp(B),
        ),
        (
            "no pool",
            &|scene, _| scene.world.pool[B] = Seen::Absent,
            Unfit::PoolNotUsable(B),
        ),
        (
            "pool in no list",
            &|scene, _| scene.balancer().default_pools.retain(|pool| **pool != *"pool-us"),
            Unfit::PoolNotUsable(B),
        ),
        (
            "balancer disabled",
            &|scene, _| scene.balancer().enabled = false,
            Unfit::PoolNotUsable(B),
        ),
        (
            "steered otherwise",
            &|scene, _| scene.balancer().steering = "geo".into(),
            Unfit::OrderIgnored,
        ),
    ];
    for (name, change, expected) in cases {
        let mut scene = Scene::healthy();
        let mut request = asks(&scene, B, 3600);
        change(&mut scene, &mut request);
        scene.watch(120);
        scene.requests.push(request);
        assert_eq!(unfit(&scene), expected, "{name}");
        scene.decide();
        assert_eq!(scene.journal.shift, None, "{name}");
    }
}

/// A region in which one view is Down and the other Up is a person's to judge.
#[test]
fn a_person_may_send_users_where_views_disagree() {
    let mut scene = Scene::healthy();
    scene.world.edge[B] = health(0, 12);
    scene.watch(120);
    let request = asks(&scene, B, 3600);
    scene.requests.push(request);
    scene.decide();
    assert_eq!(front(&scene), scene.name(B));
}

#[test]
fn what_refuses_it() {
    let refused = |change: &dyn Fn(&mut Scene)| -> Vec<&'static str> {
        let mut scene = Scene::healthy();
        let request = asks(&scene, B, 3600);
        scene.requests.push(request);
        change(&mut scene);
        match &scene.plan().answers[..] {
            [answer] => match &answer.verdict {
                Verdict::Refused(refusals) | Verdict::Waits(refusals) => refusals.iter().map(|r| r.name()).collect(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(&|scene| scene.shop.suspended = true), ["Suspended"]);
    assert_eq!(refused(&|scene| scene.journal.epoch += 1), ["StaleEpoch"]);
    assert_eq!(
        refused(&|scene| {
            let now = scene.now.wall;
            scene.shop.policy.freezes = vec![Freeze {
                name: "black-friday".into(),
                from: before(now, secs(60)),
                until: after(now, secs(60)),
            }];
        }),
        ["Frozen"]
    );
    assert_eq!(
        refused(&|scene| {
            scene.kill_region();
            let request = scene.requests.pop().unwrap();
            scene.live_until(600, |scene| scene.journal.in_flight().is_some());
            // The other region is well, and yet.
            scene.requests.push(request);
        }),
        ["MoveInFlight"]
    );
}

#[test]
fn nothing_begins_before_everything_was_read() {
    let mut scene = Scene::unread();
    let request = asks(&scene, B, 3600);
    scene.requests.push(request);
    assert_eq!(scene.plan().answers[0].verdict, Verdict::Waits(Vec::new()));
    scene.decide();
    assert_eq!(scene.journal.shift, None);
}

#[test]
fn it_ends_in_a_suspension_and_the_calls_come_after_it() {
    let mut scene = shifted();
    scene.shop.suspended = true;
    scene.live(3700);
    assert_eq!(shift(&scene).outcome, Some(MoveOutcome::Completed));
    assert_eq!(first(&scene), "pool-us", "suspended: no call");
    scene.shop.suspended = false;
    scene.live(30);
    assert_eq!(first(&scene), "pool-ca");
}

#[test]
fn a_storefront_that_goes_ends_it_and_the_order_goes_back() {
    let mut scene = shifted();
    scene.shop.deleting = true;
    scene.live(60);
    assert_eq!(shift(&scene).outcome, Some(MoveOutcome::Aborted));
    assert_eq!(first(&scene), "pool-ca", "nobody would bring the users back later");
}
