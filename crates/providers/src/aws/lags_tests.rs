use super::*;
use breakwater_core::reading::TroubleKind;

const TEN: i64 = 1_795_600_800;

fn results(parts: &[(&str, &[(i64, f64)])]) -> HashMap<String, Series> {
    let mut results = HashMap::new();
    for (id, samples) in parts {
        let mut result = MetricDataResult::builder().id(*id).status_code(StatusCode::Complete);
        for (at, value) in *samples {
            result = result.timestamps(DateTime::from_secs(*at)).values(*value);
        }
        add(&mut results, &result.build(), &any_time()).unwrap();
    }
    results
}

fn any_time() -> RangeInclusive<Timestamp> {
    Timestamp::MIN..=Timestamp::MAX
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn samples_come_newest_first_from_all_pages() {
    let results = results(&[
        ("lag0", &[(TEN, 1.0), (TEN + 60, -1.0)]),
        ("other0", &[(TEN + 120, 3.0), (TEN, 2.0)]),
        ("lag0", &[(TEN - 60, 0.0), (TEN, 1.0)]),
    ]);
    let Seen::Present(view) = view(&results, 0) else {
        panic!("not there")
    };
    assert_eq!(
        view.samples,
        vec![(at(TEN + 60), -1.0), (at(TEN), 1.0), (at(TEN - 60), 0.0)]
    );
    assert_eq!(view.newest_other, Some(at(TEN + 120)));
}

/// Missing data is missing, never 0.
#[test]
fn absence_is_never_zero() {
    let results = results(&[("lag0", &[]), ("other0", &[(TEN, 2.0)])]);
    assert_eq!(
        view(&results, 0),
        Seen::Present(LagView {
            samples: vec![],
            newest_other: Some(at(TEN))
        })
    );
}

#[test]
fn a_value_that_is_no_number_is_no_sample() {
    let results = results(&[("lag0", &[(TEN, f64::NAN), (TEN - 60, 4.0)]), ("other0", &[])]);
    assert_eq!(
        view(&results, 0),
        Seen::Present(LagView {
            samples: vec![(at(TEN - 60), 4.0)],
            newest_other: None
        })
    );
}

#[test]
fn an_incomplete_answer_says_nothing() {
    let missing = results(&[("lag0", &[(TEN, 0.0)])]);
    let Seen::Unknown(trouble) = view(&missing, 0) else {
        panic!("believed")
    };
    assert_eq!(trouble.kind, TroubleKind::Malformed);
    let mut failed = results(&[("lag0", &[(TEN, 0.0)]), ("other0", &[])]);
    add(
        &mut failed,
        &MetricDataResult::builder()
            .id("lag0")
            .status_code(StatusCode::InternalError)
            .build(),
        &any_time(),
    )
    .unwrap();
    let Seen::Unknown(trouble) = view(&failed, 0) else {
        panic!("believed")
    };
    assert_eq!(trouble.kind, TroubleKind::ServerError);
}

#[test]
fn stamps_and_values_come_in_pairs_of_the_time_that_was_asked_for() {
    let result = |stamps: &[i64], values: &[f64]| {
        let stamps = stamps.iter().map(|at| DateTime::from_secs(*at)).collect();
        MetricDataResult::builder()
            .id("lag0")
            .set_timestamps(Some(stamps))
            .set_values(Some(values.to_vec()))
            .status_code(StatusCode::Complete)
            .build()
    };
    let hour = at(TEN - 3600)..=at(TEN + 60);
    let mut results = HashMap::new();
    let mut adds = |result| add(&mut results, &result, &hour);
    assert_eq!(adds(result(&[TEN, TEN - 60], &[1.0, 2.0])), Ok(()));
    for wrong in [
        result(&[TEN], &[]),
        result(&[], &[1.0]),
        result(&[TEN, TEN - 60], &[1.0]),
        result(&[TEN + 3600], &[0.0]),
        result(&[TEN - 7200], &[0.0]),
        result(&[i64::MAX], &[0.0]),
        MetricDataResult::builder().status_code(StatusCode::Complete).build(),
    ] {
        assert!(matches!(adds(wrong.clone()), Err(Fault::Malformed(_))), "{wrong:?}");
    }
}

/// A page that says that more is to come is not the last one, and a status that we do not know is no success.
#[test]
fn a_series_counts_when_it_is_complete() {
    let kind = |statuses: &[Option<&str>]| {
        let mut found = results(&[("other0", &[(TEN, 1.0)])]);
        for status in statuses {
            let result = MetricDataResult::builder()
                .id("lag0")
                .set_status_code(status.map(StatusCode::from))
                .build();
            add(&mut found, &result, &any_time()).unwrap();
        }
        match view(&found, 0) {
            Seen::Unknown(trouble) => Some(trouble.kind),
            _ => None,
        }
    };
    assert_eq!(kind(&[Some("PartialData"), Some("Complete")]), None);
    assert_eq!(kind(&[Some("PartialData")]), Some(TroubleKind::Malformed));
    assert_eq!(kind(&[None]), Some(TroubleKind::Malformed));
    assert_eq!(
        kind(&[Some("Forbidden"), Some("Complete")]),
        Some(TroubleKind::ServerError)
    );
    assert_eq!(kind(&[Some("NeverSeenBefore")]), Some(TroubleKind::ServerError));
}
