//! I10: `missing` is true. Supply all that it names and the decision flips; supply less and it does not: here for every
//! combination of votes, in `whole` for everything else that a decision looks at.

mod whole;

use super::missing::missing;
use super::{Input, Sight};
use crate::actual::Actual;
use crate::decision::Missing;
use crate::diagnose::diagnose;
use crate::evidence::Evidence;
use crate::facts::{
    EdgeVote as E, Facts, Fleet, InstanceVote as I, LinkVote as L, ProbeVote as P, ProofVote as W, RegionFacts,
    SelfVote, SuspectWhy, Vote,
};
use crate::journal::Journal;
use crate::shop::{Mode, Policy, Service, Shop, ShopKey, ShopRegion, WriterRecord};
use crate::side::{PerSide, Side};
use crate::time::Now;
use jiff::Timestamp;
use std::time::Duration;

fn shop() -> Shop {
    let region = |name: &str| ShopRegion {
        name: name.into(),
        pool: name.into(),
        instance: name.into(),
        proof: None,
        services: vec![Service {
            name: "web".into(),
            url: name.into(),
            critical: true,
            needs_writer: true,
        }],
    };
    let time = Duration::from_secs(60);
    Shop {
        key: ShopKey {
            namespace: "shops".into(),
            name: "shop".into(),
        },
        uid: "uid".into(),
        generation: 1,
        owner: "prod/shops/shop".into(),
        class: "class".into(),
        hostname: "shop.example.com".into(),
        regions: PerSide {
            primary: region("a"),
            secondary: region("b"),
        },
        writer: WriterRecord {
            zone: "z".into(),
            name: "db.example.com".into(),
            ttl: time,
        },
        zone: "zone".into(),
        balancers: vec!["lb".into()],
        references: Vec::new(),
        limits: crate::pacing::Limits::default(),
        policy: Policy {
            mode: Mode::Automatic,
            priority: 0,
            automatic_traffic: true,
            max_loss: time,
            interval: time,
            timeout: time,
            shift_after: time,
            promote_after: time,
            database_grace: time,
            routine_grace: time,
            return_after: time,
            cool_down: time,
            freezes: Vec::new(),
        },
        rto_objective: time,
        rpo_objective: time,
        suspended: false,
        deleting: false,
        abandon: false,
        edit_waits: false,
        succeeded: PerSide::default(),
    }
}

fn every_combination() -> Vec<Facts> {
    let region = RegionFacts {
        probe: Vote::none(P::Up),
        critical_up: true,
        out: Vote::none(false),
        probe_up_for: Duration::ZERO,
        writer_services_down: Vote::none(false),
        edge: Vote::none(E::Up),
        edge_read: E::Up,
        edge_down_since: None,
        edge_up_for: Duration::ZERO,
        critical_down_before_trouble: Duration::ZERO,
        instance: Vote::none(I::Available),
        routine_read: None,
        replaced: false,
    };
    let mut all = Vec::new();
    for probe in [P::Up, P::Partial, P::Impaired, P::Down, P::Unknown] {
        for edge in [E::Up, E::Partial, E::Down, E::Unknown] {
            for instance in [I::Available, I::Routine, I::Failed, I::Absent, I::Silent, I::Unknown] {
                for proof in [W::Up, W::Refused, W::Down, W::Unknown] {
                    for link in [L::Flowing, L::Broken, L::BrokenOfOld, L::Unknown] {
                        for (writer, suspect) in [(false, false), (true, false), (false, true), (true, true)] {
                            let mut a = region;
                            a.probe.value = probe;
                            a.edge.value = edge;
                            a.instance.value = instance;
                            a.writer_services_down.value = writer;
                            all.push(Facts {
                                active: Side::Primary,
                                a,
                                b: region,
                                proof: Vote::none(proof),
                                link: Vote::none(link),
                                link_agreed: None,
                                link_reason: None,
                                myself: if suspect {
                                    SelfVote::Suspect(SuspectWhy::NoReference)
                                } else {
                                    SelfVote::Trusted
                                },
                                trouble: None,
                                round: None,
                                caught_up_to: None,
                                caught_up_sharp: false,
                                writes_stopped: None,
                                lag: None,
                            });
                        }
                    }
                }
            }
        }
    }
    all
}

/// What supplying a thing does to the facts: the smallest change that makes its sentence true.
fn supply(facts: &mut Facts, what: &Missing) {
    match what {
        Missing::TrustInObserver => facts.myself = SelfVote::Trusted,
        Missing::ProbeDown => facts.a.probe.value = P::Down,
        Missing::ServicesOut => facts.a.probe.value = P::Impaired,
        Missing::WriterServicesDown => facts.a.writer_services_down.value = true,
        Missing::EdgeDown => facts.a.edge.value = E::Down,
        Missing::LinkBroken => facts.link.value = L::Broken,
        Missing::InstanceSilent => facts.a.instance.value = I::Silent,
        Missing::RoutineOver => facts.a.instance.value = I::Available,
        Missing::DatabaseSilence => facts.proof.value = W::Unknown,
        Missing::NotBefore(_) | Missing::RefusalGone(_) => panic!("not a fact: {what:?}"),
    }
}

#[test]
fn supply_all_and_it_flips_supply_less_and_it_does_not() {
    let (shop, journal, fleet, me) = (shop(), Journal::default(), Fleet::default(), "me".into());
    let (evidence, actual) = (Evidence::new(&shop, Default::default()), Actual::new(&shop));
    let input = Input {
        now: Now {
            mono: Duration::ZERO,
            wall: Timestamp::UNIX_EPOCH,
        },
        me: &me,
        shop: &shop,
        evidence: &evidence,
        actual: &actual,
        journal: &journal,
        fleet: &fleet,
        calls: &[],
        requests: &[],
        turn: crate::pacing::Turn::AtEase,
    };
    let mut seen = 0;
    for facts in every_combination() {
        let diagnosis = diagnose(&facts, &fleet);
        if diagnosis.calls_for_promotion() {
            continue;
        }
        let sight = Sight {
            input: &input,
            active: Some(Side::Primary),
            facts: Some(facts.clone()),
            diagnosis,
            refusals: Vec::new(),
        };
        let mut missing = missing(&sight);
        // Nothing has been read but the votes: what refuses is `whole`'s matter.
        missing.retain(|what| !matches!(what, Missing::RefusalGone(_)));
        let calls_with = |without: Option<usize>| {
            let mut supplied = facts.clone();
            for (i, what) in missing.iter().enumerate() {
                if Some(i) != without {
                    supply(&mut supplied, what);
                }
            }
            diagnose(&supplied, &fleet).calls_for_promotion()
        };
        assert!(calls_with(None), "all of {missing:?}\n{facts:#?}");
        for i in 0..missing.len() {
            assert!(!calls_with(Some(i)), "{missing:?} without {:?}\n{facts:#?}", missing[i]);
        }
        seen += 1;
    }
    assert!(seen > 5_000, "{seen}");
}
