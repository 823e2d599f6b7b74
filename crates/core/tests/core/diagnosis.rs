//! Ordered predicates, every combination of facts.

use breakwater_core::diagnose::diagnose;
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::facts::{
    EdgeVote as E, Facts, Fleet, InstanceVote as I, LinkVote as L, ProbeVote as P, ProofVote as W, RegionFacts,
    SelfVote, SuspectWhy, Vote,
};
use breakwater_core::side::Side;
use std::collections::BTreeSet;
use std::time::Duration;

const PROBES: [P; 5] = [P::Up, P::Partial, P::Impaired, P::Down, P::Unknown];
const EDGES: [E; 4] = [E::Up, E::Partial, E::Down, E::Unknown];
const INSTANCES: [I; 6] = [I::Available, I::Routine, I::Failed, I::Absent, I::Silent, I::Unknown];
const PROOFS: [W; 4] = [W::Up, W::Refused, W::Down, W::Unknown];
const LINKS: [L; 4] = [L::Flowing, L::Broken, L::BrokenOfOld, L::Unknown];

fn region() -> RegionFacts {
    RegionFacts {
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
    }
}

fn facts() -> Facts {
    Facts {
        active: Side::Primary,
        a: region(),
        b: region(),
        proof: Vote::none(W::Up),
        link: Vote::none(L::Flowing),
        link_agreed: None,
        link_reason: None,
        myself: SelfVote::Trusted,
        trouble: None,
        round: None,
        caught_up_to: None,
        caught_up_sharp: false,
        writes_stopped: None,
        lag: None,
    }
}

/// Calls `see` with every combination; says how many there were.
fn every_combination(mut see: impl FnMut(&Facts)) -> usize {
    let mut facts = facts();
    let mut count = 0;
    for (probe_a, edge_a) in PROBES.into_iter().flat_map(|p| EDGES.map(|e| (p, e))) {
        (facts.a.probe.value, facts.a.edge.value) = (probe_a, edge_a);
        for (probe_b, edge_b) in PROBES.into_iter().flat_map(|p| EDGES.map(|e| (p, e))) {
            (facts.b.probe.value, facts.b.edge.value) = (probe_b, edge_b);
            for (a, b) in INSTANCES.into_iter().flat_map(|a| INSTANCES.map(|b| (a, b))) {
                (facts.a.instance.value, facts.b.instance.value) = (a, b);
                for (proof, link) in PROOFS.into_iter().flat_map(|w| LINKS.map(|l| (w, l))) {
                    (facts.proof.value, facts.link.value) = (proof, link);
                    for (writer_down, myself) in [
                        (false, SelfVote::Trusted),
                        (true, SelfVote::Trusted),
                        (false, SelfVote::Suspect(SuspectWhy::NoReference)),
                        (true, SelfVote::Suspect(SuspectWhy::NoReference)),
                    ] {
                        facts.a.writer_services_down.value = writer_down;
                        facts.myself = myself;
                        see(&facts);
                        count += 1;
                    }
                }
            }
        }
    }
    count
}

/// The table of diagnoses, row by row, in its own words: not the code's.
fn by_the_table(f: &Facts) -> Diagnosis {
    let (probe, edge, instance) = (f.a.probe.value, f.a.edge.value, f.a.instance.value);
    let (proof, link) = (f.proof.value, f.link.value);
    let broken = link == L::Broken || link == L::BrokenOfOld;
    let alive = proof == W::Up || proof == W::Refused || link == L::Flowing;
    let out = |p: P| p == P::Down || p == P::Impaired;
    let services_out = out(probe) && edge == E::Down;
    let dark = services_out && f.a.writer_services_down.value;
    let up_in_one_view = probe == P::Up || edge == E::Up;
    if f.myself != SelfVote::Trusted {
        Diagnosis::ObserverSuspect
    } else if instance == I::Routine && !alive {
        Diagnosis::Maintenance
    } else if probe == P::Down && edge == E::Down && link == L::Broken && instance == I::Silent && !alive {
        Diagnosis::RegionDown
    } else if !alive
        && (proof == W::Down && (link == L::Broken || instance == I::Failed || instance == I::Absent)
            || dark && link == L::Broken)
    {
        Diagnosis::DatabaseDown
    } else if proof == W::Refused || proof == W::Down || instance == I::Failed || instance == I::Absent {
        Diagnosis::WriterRefuses
    } else if services_out && out(f.b.probe.value) && f.b.edge.value != E::Up {
        Diagnosis::ServicesDownEverywhere
    } else if services_out {
        Diagnosis::ServicesDown
    } else if probe == P::Up && edge == E::Down || probe == P::Down && edge == E::Up {
        Diagnosis::ViewsDisagree
    } else if probe == P::Partial
        || probe == P::Impaired
        || edge == E::Partial
        || probe == P::Down && edge == E::Unknown
        || probe == P::Unknown && edge == E::Down
    {
        Diagnosis::ServicesDegraded
    } else if up_in_one_view && broken {
        Diagnosis::ReplicationBroken
    } else if up_in_one_view
        && (matches!(f.b.probe.value, P::Down | P::Impaired | P::Partial)
            || matches!(f.b.edge.value, E::Down | E::Partial)
            || f.b.instance.value != I::Available)
    {
        Diagnosis::StandbyDegraded
    } else if up_in_one_view && link == L::Flowing && (instance == I::Available || instance == I::Routine) {
        Diagnosis::Healthy
    } else {
        Diagnosis::Inconclusive
    }
}

#[test]
fn every_combination_of_facts_has_the_diagnosis_of_the_table() {
    let fleet = Fleet::default();
    let mut reached = BTreeSet::new();
    let count = every_combination(|facts| {
        let diagnosis = diagnose(facts, &fleet);
        reached.insert(diagnosis);
        assert_eq!(diagnosis, by_the_table(facts), "{facts:#?}");
    });
    assert_eq!(count, 20 * 20 * 36 * 16 * 4);
    assert_eq!(
        reached,
        BTreeSet::from(Diagnosis::ALL),
        "a diagnosis that nothing leads to"
    );
}

#[test]
fn nothing_is_promoted_while_anything_says_that_the_database_lives() {
    let fleet = Fleet::default();
    every_combination(|facts| {
        if diagnose(facts, &fleet).calls_for_promotion() {
            assert!(!matches!(facts.proof.value, W::Up | W::Refused), "{facts:#?}");
            assert_ne!(facts.link.value, L::Flowing, "{facts:#?}");
            assert_ne!(facts.a.instance.value, I::Routine, "{facts:#?}");
            assert_eq!(facts.myself, SelfVote::Trusted);
        }
    });
}

#[test]
fn a_promotion_always_needs_the_users_view_or_a_process_of_the_active_region() {
    let fleet = Fleet::default();
    every_combination(|facts| {
        if diagnose(facts, &fleet).calls_for_promotion() {
            let users_see_it = facts.a.edge.value == E::Down;
            let own_process = facts.proof.value == W::Down;
            assert!(users_see_it || own_process, "{facts:#?}");
        }
    });
}

#[test]
fn losing_sight_of_a_view_never_starts_a_promotion() {
    let fleet = Fleet::default();
    every_combination(|facts| {
        if diagnose(facts, &fleet).calls_for_promotion() {
            return;
        }
        let mut blind = facts.clone();
        blind.a.edge.value = E::Unknown;
        assert!(!diagnose(&blind, &fleet).calls_for_promotion(), "edge: {facts:#?}");
        let mut blind = facts.clone();
        blind.a.probe.value = P::Unknown;
        assert!(!diagnose(&blind, &fleet).calls_for_promotion(), "probe: {facts:#?}");
        let mut blind = facts.clone();
        blind.a.instance.value = I::Unknown;
        let was_routine = facts.a.instance.value == I::Routine;
        assert!(
            !diagnose(&blind, &fleet).calls_for_promotion() || was_routine,
            "instance: {facts:#?}"
        );
    });
}

#[test]
fn the_rows_by_example() {
    type Change = fn(&mut Facts);
    let rows: &[(&str, Diagnosis, Change)] = &[
        ("all is well", Diagnosis::Healthy, |_| {}),
        ("a routine state of a database that lives", Diagnosis::Healthy, |f| {
            f.a.instance.value = I::Routine
        }),
        ("no proof URLs", Diagnosis::Healthy, |f| f.proof.value = W::Unknown),
        ("our network is gone", Diagnosis::ObserverSuspect, |f| {
            f.myself = SelfVote::Suspect(SuspectWhy::NoReference);
            f.a.probe.value = P::Down;
        }),
        ("a reboot", Diagnosis::Maintenance, |f| {
            f.proof.value = W::Down;
            f.link.value = L::Broken;
            f.a.instance.value = I::Routine;
        }),
        ("a region that is gone", Diagnosis::RegionDown, |f| {
            f.a.probe.value = P::Down;
            f.a.edge.value = E::Down;
            f.a.writer_services_down.value = true;
            f.a.instance.value = I::Silent;
            f.link.value = L::Broken;
            f.proof.value = W::Unknown;
        }),
        (
            "the same, but the control plane answers",
            Diagnosis::DatabaseDown,
            |f| {
                f.a.probe.value = P::Down;
                f.a.edge.value = E::Down;
                f.a.writer_services_down.value = true;
                f.link.value = L::Broken;
                f.proof.value = W::Unknown;
            },
        ),
        ("the same, the link broken long ago", Diagnosis::ServicesDown, |f| {
            f.a.probe.value = P::Down;
            f.a.edge.value = E::Down;
            f.a.writer_services_down.value = true;
            f.a.instance.value = I::Silent;
            f.link.value = L::BrokenOfOld;
            f.proof.value = W::Unknown;
        }),
        (
            "a region cut off from us that still sells",
            Diagnosis::ViewsDisagree,
            |f| {
                f.a.probe.value = P::Down;
                f.a.writer_services_down.value = true;
                f.a.instance.value = I::Silent;
                f.link.value = L::Broken;
                f.proof.value = W::Unknown;
            },
        ),
        ("the same without users' view", Diagnosis::ServicesDegraded, |f| {
            f.a.probe.value = P::Down;
            f.a.edge.value = E::Unknown;
            f.a.writer_services_down.value = true;
            f.a.instance.value = I::Silent;
            f.link.value = L::Broken;
            f.proof.value = W::Unknown;
        }),
        (
            "a database that its own shop cannot reach",
            Diagnosis::DatabaseDown,
            |f| {
                f.proof.value = W::Down;
                f.a.instance.value = I::Failed;
                f.link.value = L::Unknown;
            },
        ),
        ("a full disk (case R6)", Diagnosis::WriterRefuses, |f| {
            f.proof.value = W::Refused;
            f.a.instance.value = I::Failed;
        }),
        (
            "an instance that failed while the link flows",
            Diagnosis::WriterRefuses,
            |f| f.a.instance.value = I::Failed,
        ),
        ("a bad release everywhere", Diagnosis::ServicesDownEverywhere, |f| {
            f.a.probe.value = P::Impaired;
            f.a.edge.value = E::Down;
            f.b.probe.value = P::Down;
            f.b.edge.value = E::Down;
        }),
        ("services of A alone", Diagnosis::ServicesDown, |f| {
            f.a.probe.value = P::Impaired;
            f.a.edge.value = E::Down;
        }),
        ("the monitor's own path (case F1)", Diagnosis::ViewsDisagree, |f| {
            f.a.probe.value = P::Down
        }),
        ("a service that is not critical", Diagnosis::ServicesDegraded, |f| {
            f.a.probe.value = P::Partial
        }),
        ("a few cities", Diagnosis::ServicesDegraded, |f| {
            f.a.edge.value = E::Partial
        }),
        ("a standby that does not follow", Diagnosis::ReplicationBroken, |f| {
            f.link.value = L::BrokenOfOld
        }),
        ("a standby that could not serve", Diagnosis::StandbyDegraded, |f| {
            f.b.edge.value = E::Down
        }),
        ("a standby that reboots", Diagnosis::StandbyDegraded, |f| {
            f.b.instance.value = I::Routine
        }),
        ("nobody answers at all (case F5)", Diagnosis::Inconclusive, |f| {
            f.a.probe.value = P::Unknown;
            f.a.edge.value = E::Unknown;
            f.proof.value = W::Unknown;
            f.link.value = L::Unknown;
        }),
    ];
    for (what, expected, change) in rows {
        let mut facts = facts();
        change(&mut facts);
        assert_eq!(diagnose(&facts, &Fleet::default()), *expected, "{what}");
    }
    let quiet = facts();
    for fleet in [
        Fleet {
            api_server_silent: true,
            ..Fleet::default()
        },
        Fleet {
            watch_silent: true,
            ..Fleet::default()
        },
        Fleet {
            clock_off: true,
            ..Fleet::default()
        },
    ] {
        assert_eq!(diagnose(&quiet, &fleet), Diagnosis::ObserverSuspect, "{fleet:?}");
    }
}
