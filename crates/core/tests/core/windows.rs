//! *Held*: every sample Down, at least four, no gap above three intervals; two reads 20 s apart.

use crate::scene::{at, secs};
use breakwater_core::facts::EdgeVote;
use breakwater_core::time::Now;
use breakwater_core::window::{Run, Track};
use proptest::prelude::*;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(10);

fn fed(samples: &[(u64, Option<bool>)]) -> Run {
    let mut run = Run::default();
    for (second, sample) in samples {
        run.feed(at(*second), *sample, INTERVAL);
    }
    run
}

const DOWN: Option<bool> = Some(true);
const UP: Option<bool> = Some(false);

#[test]
fn three_samples_hold_nothing_and_four_do() {
    assert_eq!(
        fed(&[(0, DOWN), (10, DOWN), (20, DOWN)]).held(at(20), INTERVAL),
        Duration::ZERO
    );
    let four = fed(&[(0, DOWN), (10, DOWN), (20, DOWN), (30, DOWN)]);
    assert_eq!(four.held(at(30), INTERVAL), secs(30));
    assert_eq!(four.since(), Some(at(0).wall));
}

#[test]
fn samples_of_one_round_count_once() {
    let round = fed(&[(0, DOWN), (1, DOWN), (2, DOWN), (3, DOWN), (4, DOWN)]);
    assert_eq!(round.held(at(4), INTERVAL), Duration::ZERO);
}

#[test]
fn an_up_starts_anew() {
    let run = fed(&[
        (0, DOWN),
        (10, DOWN),
        (20, DOWN),
        (30, DOWN),
        (40, UP),
        (50, DOWN),
        (60, DOWN),
        (70, DOWN),
    ]);
    assert_eq!(run.held(at(70), INTERVAL), Duration::ZERO);
    assert_eq!(run.since(), Some(at(50).wall));
}

#[test]
fn an_unknown_is_a_gap_and_no_up() {
    let run = fed(&[(0, DOWN), (10, None), (20, None), (30, DOWN), (40, DOWN), (50, DOWN)]);
    assert_eq!(
        run.held(at(50), INTERVAL),
        secs(50),
        "30 s without a sample is three intervals, no more"
    );
}

#[test]
fn a_gap_above_three_intervals_starts_anew() {
    let run = fed(&[(0, DOWN), (10, DOWN), (20, DOWN), (30, DOWN), (61, DOWN)]);
    assert_eq!(run.held(at(61), INTERVAL), Duration::ZERO);
    assert_eq!(run.since(), Some(at(61).wall));
}

#[test]
fn a_run_that_nobody_feeds_goes_stale() {
    let run = fed(&[(0, DOWN), (10, DOWN), (20, DOWN), (30, DOWN)]);
    assert_eq!(
        run.held(at(60), INTERVAL),
        secs(30),
        "not the time after the newest sample"
    );
    assert_eq!(run.held(at(61), INTERVAL), Duration::ZERO);
}

#[test]
fn a_track_confirms_by_two_reads_twenty_seconds_apart() {
    let mut track = Track::new(EdgeVote::Unknown);
    track.feed(at(0), EdgeVote::Down);
    assert_eq!(track.held(), Duration::ZERO, "one read confirms nothing");
    track.feed(at(19), EdgeVote::Down);
    assert_eq!(track.held(), Duration::ZERO);
    track.feed(at(20), EdgeVote::Down);
    assert_eq!(track.held(), secs(20));
    track.feed(at(30), EdgeVote::Up);
    assert_eq!(track.held(), Duration::ZERO);
    assert_eq!(track.since(), Some(at(30)));
}

#[test]
fn a_track_is_fresh_for_ninety_seconds() {
    let mut track = Track::new(EdgeVote::Unknown);
    assert_eq!(track.fresh(at(0)), None);
    track.feed(at(10), EdgeVote::Down);
    assert_eq!(track.fresh(at(100)), Some(EdgeVote::Down));
    assert_eq!(track.fresh(at(101)), None);
    track.feed(at(101), EdgeVote::Down);
    assert_eq!(track.since(), Some(at(101)), "nobody saw the time between");
}

/// What *held* means, the slow way: the longest time back from the newest sample in which every sample is
/// Down and no two are more than three intervals apart.
fn naive_held(samples: &[(Duration, Option<bool>)], now: Duration) -> Duration {
    let known: Vec<(Duration, bool)> = samples.iter().filter_map(|(at, s)| Some((*at, (*s)?))).collect();
    let Some((newest, true)) = known.last().copied() else {
        return Duration::ZERO;
    };
    if now - newest > 3 * INTERVAL {
        return Duration::ZERO;
    }
    let mut run = vec![newest];
    for (at, down) in known.iter().rev().skip(1) {
        if !down || *run.last().unwrap() - *at > 3 * INTERVAL {
            break;
        }
        run.push(*at);
    }
    // Samples of one round count once.
    run.reverse();
    let mut rounds = vec![run[0]];
    for at in &run[1..] {
        if (*at - *rounds.last().unwrap()) * 2 >= INTERVAL {
            rounds.push(*at);
        }
    }
    if rounds.len() < 4 {
        Duration::ZERO
    } else {
        newest - run[0]
    }
}

fn now(mono: Duration) -> Now {
    Now { mono, ..at(0) }
}

proptest! {
    #[test]
    fn a_run_holds_what_the_sentence_says(
        steps in prop::collection::vec((1u64..45_000, prop_oneof![6 => Just(DOWN), 1 => Just(UP), 2 => Just(None)]), 0..40),
        later in 0u64..60_000,
    ) {
        let mut run = Run::default();
        let mut samples = Vec::new();
        let mut time = Duration::from_secs(100);
        for (step, sample) in steps {
            time += Duration::from_millis(step);
            run.feed(now(time), sample, INTERVAL);
            samples.push((time, sample));
        }
        let asked = time + Duration::from_millis(later);
        prop_assert_eq!(run.held(now(asked), INTERVAL), naive_held(&samples, asked));
    }

    #[test]
    fn a_track_holds_what_the_sentence_says(
        steps in prop::collection::vec((1u64..120_000, prop_oneof![4 => Just(EdgeVote::Down), 1 => Just(EdgeVote::Up), 1 => Just(EdgeVote::Unknown)]), 1..30),
    ) {
        let mut track = Track::new(EdgeVote::Unknown);
        let mut reads: Vec<(Duration, EdgeVote)> = Vec::new();
        let mut time = Duration::ZERO;
        for (step, value) in steps {
            time += Duration::from_millis(step);
            track.feed(now(time), value);
            reads.push((time, value));
        }
        let (newest, value) = *reads.last().unwrap();
        let mut first = newest;
        for (at, seen) in reads.iter().rev().skip(1) {
            if *seen != value || first - *at > secs(90) {
                break;
            }
            first = *at;
        }
        let apart = newest - first;
        let expected = if apart >= secs(20) { apart } else { Duration::ZERO };
        prop_assert_eq!(track.held(), expected);
    }
}
