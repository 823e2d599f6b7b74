//! True loss and estimate: five lags, three ways for the link to die, with and without proof URLs.

use breakwater_scenarios::night::loss;

#[test]
fn the_estimate_bounds_the_truth() {
    let rows = loss::rows().unwrap();
    for row in &rows {
        assert!(!row.bounded() || row.truth <= row.estimate, "{row:?}");
        // A bound far above the truth would refuse clean failovers. The 60 s of `replica_net_timeout`, a minute between two
        // samples, and the lag itself, which is applied before the promotion or is not.
        assert!(row.estimate - row.truth <= f64::from(row.lag) + 130.0, "{row:?}");
    }
    let table = loss::table(&rows);
    println!("{table}");
    expectorate::assert_contents(breakwater_scenarios::night::folder().join("loss-table.md"), &table);
}
