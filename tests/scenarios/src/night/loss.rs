//! The loss estimate against the truth: five lags, three ways for the link to die, with and without proof URLs.

use super::Trouble;
use crate::{adopted, east_dies, has_moved, minutes, only, seconds};
use breakwater_sim::Fault;

/// How far the replica is behind, seconds.
pub const LAGS: [u32; 5] = [0, 2, 15, 60, 200];

/// How the link dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// With a bang, together with the region.
    Loud,
    /// Silently, 45 s before the region.
    SilentFirst,
    /// Rows are late on the wire, where the lag metric does not see them; then the region dies.
    SlowLink,
}

impl Death {
    /// All of them.
    pub const ALL: [Death; 3] = [Death::Loud, Death::SilentFirst, Death::SlowLink];

    fn words(self) -> &'static str {
        match self {
            Death::Loud => "cut with the region",
            Death::SilentFirst => "silently dead 45 s before",
            Death::SlowLink => "slow link",
        }
    }
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Whether the shop has proof URLs.
    pub proofs: bool,
    /// How the link dies.
    pub death: Death,
    /// How far the replica is behind, seconds.
    pub lag: u32,
    /// What the promotion lost, seconds.
    pub truth: f64,
    /// What was estimated, seconds.
    pub estimate: f64,
}

impl Row {
    /// Whether the estimate has to be a bound: it is, but for a slow link without proof URLs.
    #[must_use]
    pub fn bounded(&self) -> bool {
        self.proofs || self.death != Death::SlowLink
    }
}

/// Plays one of them.
///
/// # Errors
/// When the shop did not move, or nothing was measured.
pub fn play(proofs: bool, death: Death, lag: u32) -> Result<Row, Trouble> {
    let shop = if proofs { "shop-ca" } else { "shop-geo" };
    let failed = |why: &str| Trouble::Script {
        script: "loss-table".into(),
        why: format!("{shop}, {death:?}, {lag} s: {why}"),
    };
    let millis = i64::from(lag) * 1000;
    let mut setup = only(shop);
    // The worse of two worlds: what the replica has received and not applied is lost with its relay log.
    setup.habits.relay_log_lost = true;
    for own in &mut setup.shops {
        match death {
            Death::Loud | Death::SilentFirst => own.lag.apply = (millis, millis),
            Death::SlowLink => own.lag.ship = millis,
        }
        own.orders_per_second = 2.0;
    }
    let mut rig = adopted(setup, 1);
    let key = rig.key(shop);
    // What is measured is the estimate, not whether this shop would have accepted it.
    rig.edit(&key, |shop| shop.policy.max_loss = minutes(60));
    rig.run_for(minutes(5));
    match death {
        Death::Loud => {
            rig.inject(Fault::LinkCut {
                shop: shop.into(),
                status: "error".into(),
            });
        }
        Death::SilentFirst => {
            rig.inject(Fault::LinkLost { shop: shop.into() });
            rig.run_for(seconds(45));
        }
        Death::SlowLink => {}
    }
    east_dies(&mut rig);
    if !rig.run_until(minutes(60), |rig| has_moved(rig, shop)) {
        return Err(failed("it did not move"));
    }
    let (ledger, history, context) = (rig.ledger_json(), rig.history_json(), rig.context_json());
    let measured =
        breakwater_checkers::measures(&ledger, &history, &context).map_err(|error| failed(&error.to_string()))?;
    match (measured.loss_seconds_true, measured.loss_seconds_estimate) {
        (Some(truth), Some(estimate)) => Ok(Row {
            proofs,
            death,
            lag,
            truth,
            estimate,
        }),
        _ => Err(failed("no loss was measured")),
    }
}

/// All of them.
///
/// # Errors
/// As [`play`].
pub fn rows() -> Result<Vec<Row>, Trouble> {
    let mut rows = Vec::new();
    for proofs in [true, false] {
        for death in Death::ALL {
            for lag in LAGS {
                rows.push(play(proofs, death, lag)?);
            }
        }
    }
    Ok(rows)
}

/// The table, as markdown: in each cell true loss, estimate, and by how much the estimate is above.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut table = String::from("| Proof URLs | The link |");
    for lag in LAGS {
        table.push_str(&format!(" lag {lag} s |"));
    }
    table.push_str("\n|---|---|---|---|---|---|---|\n");
    for proofs in [true, false] {
        for death in Death::ALL {
            let given = if proofs { "yes" } else { "no" };
            table.push_str(&format!("| {given} | {} |", death.words()));
            for row in rows.iter().filter(|row| row.proofs == proofs && row.death == death) {
                let above = row.estimate - row.truth;
                table.push_str(&format!(" {:.0} of {:.0} ({above:+.0}) |", row.truth, row.estimate));
            }
            table.push('\n');
        }
    }
    table
}
