//! The whole decision to begin a move: votes and how long they were held, the standby, load balancers and names, mode,
//! freezes and what is owed. Each random instant breaks some of it.

use super::{E, I, L, P, W, shop, supply};
use crate::actual::{Actual, Read};
use crate::decision::Missing;
use crate::diagnose::diagnose;
use crate::evidence::Evidence;
use crate::facts::{Facts, Fleet, RegionFacts, SelfVote, SuspectWhy, Vote};
use crate::journal::{Journal, Move, Obligation, ObligationKind};
use crate::owner_record::OwnerRecord;
use crate::plan::{Input, Sight, begin, missing::missing, refuse};
use crate::reading::{BalancerView, Cause, InstanceView, NamesView, PoolView, Seen};
use crate::shop::{Freeze, Mode, Shop};
use crate::side::Side;
use crate::time::{Now, after, before};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longer than any window of the shop, whose windows are all a minute.
const LONG: Duration = Duration::from_secs(400);

const NOW: Now = Now {
    mono: Duration::from_secs(86_400),
    wall: Timestamp::constant(86_400, 0),
};

/// One instant of a shop, with all that a decision looks at.
#[derive(Clone, Debug)]
struct Instant {
    shop: Shop,
    journal: Journal,
    actual: Actual,
    facts: Facts,
    fleet: Fleet,
}

/// What may be wrong beside the votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    Observe,
    Approve,
    Suspended,
    Frozen,
    CoolDown,
    Owes,
    NotAdopted,
    AnotherOwner,
    NoLag,
    OldLag,
    StandbyUnseen,
    StandbyAbsent,
    StandbyReplaced,
    StandbyBusy,
    StandbyFollowsNobody,
    StandbyServicesDown,
    BalancerUnread,
    BalancerDisabled,
    PoolInNoList,
    PoolDisabled,
    PoolDeleted,
    NamesSilent,
    Young,
    ApiServerSilent,
}

const FLAWS: [Flaw; 24] = [
    Flaw::Observe,
    Flaw::Approve,
    Flaw::Suspended,
    Flaw::Frozen,
    Flaw::CoolDown,
    Flaw::Owes,
    Flaw::NotAdopted,
    Flaw::AnotherOwner,
    Flaw::NoLag,
    Flaw::OldLag,
    Flaw::StandbyUnseen,
    Flaw::StandbyAbsent,
    Flaw::StandbyReplaced,
    Flaw::StandbyBusy,
    Flaw::StandbyFollowsNobody,
    Flaw::StandbyServicesDown,
    Flaw::BalancerUnread,
    Flaw::BalancerDisabled,
    Flaw::PoolInNoList,
    Flaw::PoolDisabled,
    Flaw::PoolDeleted,
    Flaw::NamesSilent,
    Flaw::Young,
    Flaw::ApiServerSilent,
];

fn read<T>(seen: Seen<T>) -> Option<Read<T>> {
    Some(Read {
        seen,
        asked: NOW,
        at: NOW,
        since: NOW,
        cause: Cause(1),
    })
}

fn replica() -> InstanceView {
    InstanceView {
        resource_id: "b".into(),
        arn: "arn:aws:rds:b:1:db:b".into(),
        status: "available".into(),
        source: Some("arn:aws:rds:a:1:db:a".into()),
        replicas: Vec::new(),
        replication: None,
        endpoint: None,
        group: "b".into(),
        group_in_sync: true,
        group_shared: false,
        backup_days: 0,
        tag_owner: None,
        tag_epoch: None,
        tag_fenced: None,
        shape: Default::default(),
    }
}

fn balancer() -> BalancerView {
    BalancerView {
        enabled: true,
        dns_ttl: None,
        steering: "off".into(),
        default_pools: vec!["a".into(), "b".into()],
        fallback_pool: "a".into(),
        region_pools: BTreeMap::new(),
        country_pools: BTreeMap::new(),
        pop_pools: BTreeMap::new(),
        named_elsewhere: Vec::new(),
    }
}

fn ours(shop: &Shop) -> OwnerRecord {
    OwnerRecord {
        owner: shop.owner.clone(),
        epoch: 1,
        region: Some("a".into()),
        excluded: None,
        instances: Default::default(),
    }
}

impl Instant {
    /// Nothing stands in the way; only the votes decide.
    fn of(facts: Facts) -> Instant {
        let shop = shop();
        let mut actual = Actual::new(&shop);
        actual.instances[Side::Secondary] = read(Seen::Present(replica()));
        actual.pools[Side::Secondary] = read(Seen::Present(PoolView {
            enabled: true,
            monitored: true,
            monitor: None,
        }));
        actual.balancers = vec![read(Seen::Present(balancer()))];
        actual.names = read(Seen::Present(NamesView {
            writer: None,
            txt: None,
        }));
        actual.owner = Some(ours(&shop));
        let journal = Journal {
            active_region: Some("a".into()),
            epoch: 1,
            last_number: 1,
            ..Journal::default()
        };
        Instant {
            shop,
            journal,
            actual,
            facts,
            fleet: Fleet::default(),
        }
    }

    fn damage(&mut self, flaw: Flaw) {
        let b = Side::Secondary;
        let standby = self.actual.instances[b].as_mut();
        let document = self.actual.balancers[0].as_mut();
        match flaw {
            Flaw::Observe => self.shop.policy.mode = Mode::Observe,
            Flaw::Approve => self.shop.policy.mode = Mode::Approve,
            Flaw::Suspended => self.shop.suspended = true,
            Flaw::Frozen => self.shop.policy.freezes.push(Freeze {
                name: "sale".into(),
                from: before(NOW.wall, LONG),
                until: after(NOW.wall, LONG),
            }),
            Flaw::CoolDown => self.journal.cool_down_until = Some(after(NOW.wall, LONG)),
            Flaw::Owes => self.journal.obligations.push(Obligation {
                kind: ObligationKind::RebuildStandby,
                region: "b".into(),
                instance: "b".into(),
                number: 1,
                since: NOW.wall,
            }),
            // In Observe nothing is ever adopted, and no refusal: adoption follows when the mode changes.
            Flaw::NotAdopted if self.shop.policy.mode == Mode::Observe => {}
            Flaw::NotAdopted => self.journal.active_region = None,
            Flaw::AnotherOwner => {
                self.actual.owner = Some(OwnerRecord {
                    owner: "other/shops/shop".into(),
                    ..ours(&self.shop)
                });
            }
            Flaw::NoLag => self.facts.caught_up_to = None,
            Flaw::OldLag => self.facts.caught_up_to = Some(before(NOW.wall, 2 * LONG)),
            Flaw::StandbyUnseen => self.actual.instances[b] = None,
            Flaw::StandbyAbsent => self.facts.b.instance.value = I::Absent,
            Flaw::StandbyReplaced => self.facts.b.replaced = true,
            Flaw::StandbyBusy => set(standby, |view| view.status = "backing-up".into()),
            Flaw::StandbyFollowsNobody => set(standby, |view| view.source = None),
            Flaw::StandbyServicesDown => self.facts.b.critical_down_before_trouble = LONG,
            Flaw::BalancerUnread => self.actual.balancers[0] = None,
            Flaw::BalancerDisabled => set(document, |view| view.enabled = false),
            Flaw::PoolInNoList => set(document, |view| view.default_pools.retain(|pool| **pool != *"b")),
            Flaw::PoolDisabled => set(self.actual.pools[b].as_mut(), |pool| pool.enabled = false),
            Flaw::PoolDeleted => self.actual.pools[b] = read(Seen::Absent),
            Flaw::NamesSilent => self.actual.names = read(Seen::Silent),
            Flaw::Young => self.facts.round = None,
            Flaw::ApiServerSilent => self.fleet.api_server_silent = true,
        }
    }

    fn supply(&mut self, what: &Missing) {
        match what {
            Missing::NotBefore(_) => self.hold(),
            Missing::RefusalGone(refusal) => self.grant(refusal),
            Missing::TrustInObserver => {
                supply(&mut self.facts, what);
                self.fleet = Fleet::default();
            }
            Missing::ProbeDown
            | Missing::ServicesOut
            | Missing::WriterServicesDown
            | Missing::EdgeDown
            | Missing::LinkBroken
            | Missing::InstanceSilent
            | Missing::RoutineOver
            | Missing::DatabaseSilence => supply(&mut self.facts, what),
        }
    }

    /// Time passes, and every vote stays as it is.
    fn hold(&mut self) {
        let (a, link, proof) = (&mut self.facts.a, &mut self.facts.link, &mut self.facts.proof);
        let all = [
            &mut a.probe.held,
            &mut a.out.held,
            &mut a.writer_services_down.held,
            &mut a.edge.held,
            &mut a.instance.held,
            &mut link.held,
            &mut proof.held,
        ];
        all.into_iter().for_each(|held| *held = LONG);
        a.routine_read = None;
    }

    /// What ends this refusal, and nothing else.
    fn grant(&mut self, refusal: &str) {
        let b = Side::Secondary;
        match refusal {
            "ObserveMode" | "AwaitingApproval" => self.shop.policy.mode = Mode::Automatic,
            "Suspended" => self.shop.suspended = false,
            "Frozen" => self.shop.policy.freezes.clear(),
            "CoolDown" => self.journal.cool_down_until = None,
            "ObligationOpen" => self.journal.obligations.clear(),
            "UnknownActive" => self.journal.active_region = Some("a".into()),
            "OwnedElsewhere" => self.actual.owner = Some(ours(&self.shop)),
            "Quarantine" => self.facts.round = Some(NOW.wall),
            "LossUnknown" | "LossOverBudget" => self.facts.caught_up_to = Some(NOW.wall),
            "StandbyMissing" => {
                self.facts.b.instance.value = I::Available;
                self.facts.b.replaced = false;
                let seen = self.actual.instances[b].take();
                self.actual.instances[b] = seen.or(read(Seen::Present(replica())));
            }
            "StandbyBusy" => set(self.actual.instances[b].as_mut(), |view| {
                view.status = "available".into()
            }),
            "StandbyNotReplica" => set(self.actual.instances[b].as_mut(), |view| view.source = replica().source),
            "StandbyServicesDown" => self.facts.b.critical_down_before_trouble = Duration::ZERO,
            "TrafficNotMoved" => {
                self.actual.balancers = vec![read(Seen::Present(balancer()))];
                self.actual.pools[b] = read(Seen::Present(PoolView {
                    enabled: true,
                    monitored: true,
                    monitor: None,
                }));
            }
            "NameUnmovable" => {
                self.actual.names = read(Seen::Present(NamesView {
                    writer: None,
                    txt: None,
                }));
            }
            other => panic!("nothing ends {other}"),
        }
    }

    fn look<T>(&self, question: impl FnOnce(&Sight<'_>) -> T) -> T {
        let me = "me".into();
        let evidence = Evidence::new(&self.shop, Default::default());
        let input = Input {
            turn: crate::pacing::Turn::AtEase,
            now: NOW,
            me: &me,
            shop: &self.shop,
            evidence: &evidence,
            actual: &self.actual,
            journal: &self.journal,
            fleet: &self.fleet,
            calls: &[],
            requests: &[],
        };
        let mut sight = Sight {
            input: &input,
            active: Some(Side::Primary),
            facts: Some(self.facts.clone()),
            diagnosis: diagnose(&self.facts, &self.fleet),
            refusals: Vec::new(),
        };
        sight.refusals = refuse::refusals(&sight);
        question(&sight)
    }

    fn missing(&self) -> Vec<Missing> {
        self.look(missing)
    }

    fn begins(&self) -> bool {
        // What only asks a person begins nothing.
        let asks = |journal: &Journal| journal.in_flight().is_some_and(Move::awaits_approval);
        self.look(|sight| begin::entry(sight).is_some_and(|journal| !asks(&journal)))
    }
}

fn set<T>(read: Option<&mut Read<T>>, change: impl FnOnce(&mut T)) {
    if let Some(Seen::Present(view)) = read.map(|read| &mut read.seen) {
        change(view);
    }
}

/// What comes up only once a diagnosis calls for a promotion: time, and how much would be lost by now.
fn comes_with_the_diagnosis(what: &Missing) -> bool {
    matches!(what, Missing::NotBefore(_) | Missing::RefusalGone("LossOverBudget"))
}

fn facts() -> impl Strategy<Value = Facts> {
    let held = || prop::sample::select(vec![0, 10, 25, 400]).prop_map(Duration::from_secs);
    let probe = prop::sample::select(vec![P::Up, P::Partial, P::Impaired, P::Down, P::Down, P::Unknown]);
    let edge = prop::sample::select(vec![E::Up, E::Partial, E::Down, E::Down, E::Unknown]);
    let instance = prop::sample::select(vec![
        I::Available,
        I::Routine,
        I::Failed,
        I::Absent,
        I::Silent,
        I::Silent,
        I::Unknown,
    ]);
    let proof = prop::sample::select(vec![W::Up, W::Refused, W::Down, W::Unknown, W::Unknown]);
    let link = prop::sample::select(vec![L::Flowing, L::Broken, L::Broken, L::BrokenOfOld, L::Unknown]);
    let votes = (
        probe,
        edge,
        instance,
        proof,
        link,
        any::<bool>(),
        prop::bool::weighted(0.1),
    );
    let helds = (held(), held(), held(), held(), held(), held());
    (votes, helds).prop_map(|((probe, edge, instance, proof, link, writer, suspect), helds)| {
        fn vote<V>(value: V, held: Duration) -> Vote<V> {
            Vote {
                value,
                since: Some(before(NOW.wall, held)),
                held,
                read: Some(NOW.wall),
            }
        }
        let a = RegionFacts {
            edge_down_since: None,
            edge_read: crate::facts::EdgeVote::Unknown,
            probe: vote(probe, helds.0),
            critical_up: false,
            out: vote(probe == P::Down || probe == P::Impaired, helds.0),
            probe_up_for: Duration::ZERO,
            writer_services_down: vote(writer, helds.1),
            edge: vote(edge, helds.2),
            edge_up_for: Duration::ZERO,
            critical_down_before_trouble: Duration::ZERO,
            instance: vote(instance, helds.3),
            routine_read: (instance == I::Routine).then_some(NOW.wall),
            replaced: false,
        };
        let b = RegionFacts {
            probe: vote(P::Up, LONG),
            edge: vote(E::Up, LONG),
            instance: vote(I::Available, LONG),
            writer_services_down: vote(false, LONG),
            ..a
        };
        let why = SelfVote::Suspect(SuspectWhy::NoReference);
        Facts {
            active: Side::Primary,
            a,
            b,
            proof: vote(proof, helds.4),
            link: vote(link, helds.5),
            link_agreed: Some(before(NOW.wall, helds.5)),
            link_reason: None,
            myself: if suspect { why } else { SelfVote::Trusted },
            trouble: Some(before(NOW.wall, LONG)),
            round: Some(NOW.wall),
            caught_up_to: Some(NOW.wall),
            caught_up_sharp: false,
            writes_stopped: None,
            lag: None,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn supply_all_and_the_move_begins_supply_less_and_it_does_not(
        facts in facts(),
        flaws in prop::sample::subsequence(FLAWS.to_vec(), 0..4),
    ) {
        let mut instant = Instant::of(facts);
        flaws.iter().for_each(|flaw| instant.damage(*flaw));
        let missing = instant.missing();
        prop_assert_eq!(missing.is_empty(), instant.begins(), "{:?}", missing);

        let mut all = instant.clone();
        missing.iter().for_each(|what| all.supply(what));
        let rest = all.missing();
        prop_assert!(rest.iter().all(comes_with_the_diagnosis), "{:?}, and then {:?}", missing, rest);
        prop_assert!(rest.is_empty() || !instant.look(|sight| sight.diagnosis.calls_for_promotion()));
        rest.iter().for_each(|what| all.supply(what));
        prop_assert!(all.begins(), "all of {:?}, and then {:?}", missing, rest);

        for withheld in &missing {
            let mut less = instant.clone();
            let others = missing.iter().filter(|what| *what != withheld);
            others.for_each(|what| less.supply(what));
            let rest = less.missing();
            let later = rest.iter().filter(|what| comes_with_the_diagnosis(what) && *what != withheld);
            later.for_each(|what| less.supply(what));
            prop_assert!(!less.begins(), "{:?} without {:?}", missing, withheld);
        }
    }
}
