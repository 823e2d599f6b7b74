//! A few days of the soak; `make soak SEEDS=2000` lives through many, and `make soak SEED=1234` replays one.

use breakwater_scenarios::soak;

#[test]
fn days_of_troubles() {
    let lived = soak::live(0..4, 2, |_| {});
    let bad: Vec<_> = lived.iter().filter(|day| !day.violations.is_empty()).collect();
    assert!(bad.is_empty(), "days that did not end well: {bad:#?}");
    let again = soak::live(0..4, 1, |_| {});
    assert_eq!(
        soak::hash_of(&lived),
        soak::hash_of(&again),
        "the same days, however many threads live through them"
    );
    assert_ne!(lived[0].hash, lived[1].hash, "another seed is another day");
}
