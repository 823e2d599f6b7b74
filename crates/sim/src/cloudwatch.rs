//! CloudWatch's `AWS/RDS` metrics: one sample a minute, stamped at the minute, published one to two
//! minutes late, in the instance's own region. A region that is down takes no samples.

use crate::database::Power;
use crate::faults::Fault;
use crate::request::{Answer, CloudWatchOp, Millis};
use crate::world::{Happening, World};
use std::collections::VecDeque;

/// Samples of one metric of one instance, oldest first.
pub(crate) type Samples = VecDeque<Sample>;

/// One sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// The minute that it stands for.
    pub at: Millis,
    /// Its value.
    pub value: f64,
    /// When it can first be read.
    pub published: Millis,
}

#[derive(Clone, Copy, Debug, Default)]
struct Suffering {
    lag_missing: bool,
    lag_late: Millis,
    rest_missing: bool,
    rest_late: Millis,
}

const MINUTE: Millis = 60_000;
/// Kept so long: a controller that starts reads the last three hours.
const KEPT: usize = 4 * 60;

impl World {
    /// Samples of the past ten minutes: the world did not begin with its first answer.
    pub(crate) fn first_samples(&mut self) {
        let now = self.now;
        let first = now - now.rem_euclid(MINUTE) - 10 * MINUTE;
        for minute in (0..=10).map(|i| first + i * MINUTE) {
            for database in 0..self.databases.len() {
                let replica = self.databases[database].source.is_some();
                self.sample(database, minute, replica.then_some(0.0));
            }
        }
        self.schedule(first + 11 * MINUTE, Happening::Minute);
    }

    /// Takes the samples of this minute.
    pub(crate) fn minute(&mut self) {
        let now = self.now;
        for database in 0..self.databases.len() {
            if !self.region_up(self.databases[database].region_index) || self.databases[database].power == Power::Off {
                continue;
            }
            let lag = self.lag_now(database);
            self.sample(database, now, lag);
        }
        self.schedule(now + MINUTE, Happening::Minute);
    }

    /// What the `ReplicaLag` sample of now would be, if there is one: on a dead link 0 (or what is still to
    /// be applied) until the replica notices, then -1.
    fn lag_now(&mut self, database: usize) -> Option<f64> {
        if !self.process_up(database) || self.databases[database].promotion.is_some() {
            return None;
        }
        self.databases[database].source?;
        self.settle_link(database);
        let link = &self.databases[database].link;
        let broken = self.shops[self.databases[database].shop].link_break.is_some();
        if broken || link.noticed(self.now, self.setup.timing.replica_net_timeout) {
            return self.setup.habits.dead_link_is_minus_one.then_some(-1.0);
        }
        Some(link.visible_lag(self.now))
    }

    /// What faults do to this minute's samples of an instance: none of the lag, none of the rest, so much later.
    fn samples_suffer(&self, database: usize, at: Millis) -> Suffering {
        let shop = &self.shops[self.databases[database].shop].name;
        let mut suffering = Suffering::default();
        for fault in self.faults.values() {
            if let Fault::LagSamples {
                shop: own,
                missing,
                every,
                late_by_seconds,
                all_metrics,
            } = fault
                && **own == **shop
                && at.div_euclid(MINUTE) % Millis::from(every.unwrap_or(1).max(1)) == 0
            {
                let late = Millis::from(*late_by_seconds) * 1000;
                suffering.lag_missing |= missing;
                suffering.lag_late += late;
                suffering.rest_missing |= missing & all_metrics;
                suffering.rest_late += if *all_metrics { late } else { 0 };
            }
        }
        suffering
    }

    fn sample(&mut self, database: usize, at: Millis, lag: Option<f64>) {
        let suffering = self.samples_suffer(database, at);
        let published = at + self.dice.between(self.setup.timing.metric_publication);
        let cpu = 10.0 + self.dice.between((0, 200)) as f64 / 10.0;
        let database = &mut self.databases[database];
        let put = |samples: &mut Samples, value, late| {
            if samples.len() >= KEPT {
                samples.pop_front();
            }
            let published = published + late;
            samples.push_back(Sample { at, value, published });
        };
        if !suffering.rest_missing {
            put(&mut database.cpu_samples, cpu, suffering.rest_late);
        }
        if let Some(lag) = lag.filter(|_| !suffering.lag_missing) {
            put(&mut database.lag_samples, lag, suffering.lag_late);
        }
    }

    /// `GetMetricData`: what is published, newest first; an unknown instance or metric has no samples.
    pub(crate) fn cloudwatch(&mut self, region: &str, op: &CloudWatchOp) -> Answer {
        use crate::request::MetricResult;
        match op {
            CloudWatchOp::GetMetricData { queries, start, end } => {
                if queries.len() > 500 {
                    return Answer::Error {
                        status: 400,
                        code: "ValidationError".into(),
                        message: "at most 500 MetricDataQueries in one request".into(),
                    };
                }
                let now = self.now;
                let results = queries.iter().map(|query| {
                    let samples = self
                        .databases
                        .iter()
                        .find(|db| *db.region == *region && *db.name == *query.instance && !db.gone)
                        .and_then(|db| match query.metric.as_str() {
                            "ReplicaLag" => Some(&db.lag_samples),
                            "CPUUtilization" => Some(&db.cpu_samples),
                            _ => None,
                        });
                    MetricResult {
                        id: query.id.clone(),
                        samples: samples
                            .into_iter()
                            .flat_map(|samples| samples.iter().rev())
                            .filter(|sample| sample.published <= now && sample.at >= *start && sample.at < *end)
                            .map(|sample| (sample.at, sample.value))
                            .collect(),
                    }
                });
                Answer::MetricData(results.collect())
            }
        }
    }
}
