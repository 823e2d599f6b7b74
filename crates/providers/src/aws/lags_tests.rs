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
        add(&mut results, &result.build());
    }
    results
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
    );
    let Seen::Unknown(trouble) = view(&failed, 0) else {
        panic!("believed")
    };
    assert_eq!(trouble.kind, TroubleKind::ServerError);
}
