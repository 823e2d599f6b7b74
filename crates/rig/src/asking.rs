//! Questions: a query of the engine as requests to the world, its readings, and when they arrive.

use crate::answers;
use breakwater_core::Text;
use breakwater_core::owner_record::OwnerRecord;
use breakwater_core::reading::{Cause, ObjectKey, ProbeSeen, ProofSeen, Query, Seen, Trouble, TroubleKind, Value};
use breakwater_core::shop::Scope;
use breakwater_sim::World;
use breakwater_sim::{
    Answer, CloudWatchOp, CloudflareOp, Delivery, Instance, Meta, MetricQuery, RdsOp, Request, Route53Op, Vantage,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Time-out of an API read.
const READ_TIMEOUT: i64 = 4_000;
/// An API counts as silent only if the same credentials worked elsewhere within a minute.
const WORKED_ELSEWHERE: i64 = 60_000;

/// What came of one request.
enum Got {
    Answer(Answer),
    /// Only the beginning of its body arrived: nothing but the HTTP status can be relied on.
    Truncated(Answer),
    Silence,
    Reset,
    NoSuchHost,
}

/// Asks the world for one engine: remembers when credentials last worked.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    aws_worked: Option<i64>,
    hide_lag: Option<fn(i64) -> bool>,
}

/// Readings, and the virtual time at which they arrive.
pub(crate) struct Answered {
    pub(crate) readings: Vec<(ObjectKey, Value)>,
    pub(crate) at: i64,
}

struct Session<'a> {
    world: &'a mut World,
    actor: &'a str,
    cause: Cause,
    arrives: i64,
}

impl Session<'_> {
    fn get(&mut self, request: Request, timeout: i64) -> Got {
        let meta = Meta {
            asked: Some(self.cause.0),
            because: None,
            actor: self.actor.to_owned(),
            real_micros: None,
        };
        let now = self.world.now();
        let reply = self.world.ask(Vantage::Controller, meta, request);
        let (got, at) = match reply.delivery {
            Delivery::After(after) if after < timeout => (Got::Answer(reply.answer), now + after),
            Delivery::Truncated { after, .. } if after < timeout => (Got::Truncated(reply.answer), now + after),
            Delivery::After(_) | Delivery::Truncated { .. } | Delivery::Never => (Got::Silence, now + timeout),
            Delivery::Reset(after) => (Got::Reset, now + after.min(timeout)),
            Delivery::NoSuchHost => (Got::NoSuchHost, now + 5),
        };
        match got {
            Got::Answer(_) | Got::Truncated(_) => self.world.answered(reply.number, None),
            Got::Silence | Got::Reset | Got::NoSuchHost => self.world.gave_up(reply.number, None),
        }
        self.arrives = self.arrives.max(at);
        got
    }
}

impl Asking {
    /// An asker from whom lag samples of these stamps are hidden.
    pub(crate) fn hiding(hide_lag: Option<fn(i64) -> bool>) -> Asking {
        Asking {
            hide_lag,
            ..Asking::default()
        }
    }

    pub(crate) fn hide(&mut self, hidden: fn(i64) -> bool) {
        self.hide_lag = Some(hidden);
    }

    pub(crate) fn ask(
        &mut self,
        world: &mut World,
        actor: &str,
        account: &str,
        cause: Cause,
        query: &Query,
    ) -> Answered {
        let mut session = Session {
            arrives: world.now(),
            world,
            actor,
            cause,
        };
        let readings = self.readings(&mut session, account, query);
        Answered {
            readings,
            at: session.arrives,
        }
    }

    fn readings(&mut self, session: &mut Session<'_>, account: &str, query: &Query) -> Vec<(ObjectKey, Value)> {
        let account = || account.to_owned();
        let millis = |timeout: &Duration| i64::try_from(timeout.as_millis()).unwrap_or(READ_TIMEOUT);
        match query {
            Query::Probe {
                url, region, timeout, ..
            } => {
                let seen = http(session, url, millis(timeout), |answer| answers::probe(answer, region));
                vec![(ObjectKey::Probe(url.clone()), Value::Probe(seen))]
            }
            Query::Reference { url, timeout, .. } => {
                let seen = http(session, url, millis(timeout), |answer| answers::probe(answer, ""));
                vec![(ObjectKey::Reference(url.clone()), Value::Probe(seen))]
            }
            Query::Proof {
                url, region, timeout, ..
            } => {
                let got = session.get(Request::Http { url: url.to_string() }, millis(timeout));
                let seen = match got {
                    Got::Answer(answer) => answers::proof(&answer, region),
                    Got::Truncated(_) => ProofSeen::Nothing("an answer that breaks off".into()),
                    Got::Silence | Got::Reset | Got::NoSuchHost => ProofSeen::Nothing("no answer".into()),
                };
                vec![(ObjectKey::Proof(url.clone()), Value::Proof(seen))]
            }
            Query::Instances { scope, ids } => self.instances(session, scope, ids),
            Query::Lags { scope, ids, back } => self.lags(session, scope, ids, *back),
            Query::Parameters { scope, group } => {
                let op = RdsOp::DescribeParameters {
                    group: group.to_string(),
                };
                let seen = self.aws(
                    session,
                    Request::Rds {
                        region: scope.region.to_string(),
                        op,
                    },
                    answers::parameters,
                );
                vec![(
                    ObjectKey::Parameters(scope.clone(), group.clone()),
                    Value::Parameters(seen),
                )]
            }
            Query::PoolHealth { class, pool } => {
                let op = CloudflareOp::PoolHealth {
                    account: account(),
                    id: pool.to_string(),
                };
                let seen = cloudflare(session, op, answers::pool_health);
                vec![(
                    ObjectKey::PoolHealth(class.clone(), pool.clone()),
                    Value::PoolHealth(seen),
                )]
            }
            Query::Pool { class, pool } => {
                let op = CloudflareOp::GetPool {
                    account: account(),
                    id: pool.to_string(),
                };
                let seen = cloudflare(session, op, answers::pool);
                vec![(ObjectKey::Pool(class.clone(), pool.clone()), Value::Pool(seen))]
            }
            Query::Monitor { class, monitor } => {
                let op = CloudflareOp::GetMonitor {
                    account: account(),
                    id: monitor.to_string(),
                };
                let seen = cloudflare(session, op, answers::monitor);
                vec![(ObjectKey::Monitor(class.clone(), monitor.clone()), Value::Monitor(seen))]
            }
            Query::Balancer { class, zone, id } => {
                let op = CloudflareOp::GetBalancer {
                    zone: zone.to_string(),
                    id: id.to_string(),
                };
                let seen = cloudflare(session, op, answers::balancer);
                vec![(
                    ObjectKey::Balancer(class.clone(), zone.clone(), id.clone()),
                    Value::Balancer(seen),
                )]
            }
            Query::Names { class, zone, name } => {
                let seen = self.names(session, zone, name);
                vec![(
                    ObjectKey::Names(class.clone(), zone.clone(), name.clone()),
                    Value::Names(seen),
                )]
            }
            Query::Change { class, id } => {
                let request = Request::Route53 {
                    op: Route53Op::GetChange { id: id.to_string() },
                };
                let seen = self.aws(session, request, answers::change);
                vec![(ObjectKey::Change(class.clone(), id.clone()), Value::Change(seen))]
            }
        }
    }

    fn aws<T>(&mut self, session: &mut Session<'_>, request: Request, read: impl Fn(&Answer) -> Seen<T>) -> Seen<T> {
        match session.get(request, READ_TIMEOUT) {
            Got::Answer(answer) => {
                self.aws_worked = Some(session.world.now());
                read(&answer)
            }
            Got::Truncated(_) => unknown(TroubleKind::Malformed),
            Got::Silence => self.silence(session.world.now()),
            Got::Reset | Got::NoSuchHost => unknown(TroubleKind::TimedOut),
        }
    }

    fn silence<T>(&self, now: i64) -> Seen<T> {
        if self.aws_worked.is_some_and(|at| now - at <= WORKED_ELSEWHERE) {
            Seen::Silent
        } else {
            unknown(TroubleKind::TimedOut)
        }
    }

    fn instances(&mut self, session: &mut Session<'_>, scope: &Scope, ids: &[Text]) -> Vec<(ObjectKey, Value)> {
        let mut all: Vec<Instance> = Vec::new();
        let mut marker = None;
        let failed = loop {
            let op = RdsOp::DescribeInstances {
                id: None,
                max_records: 100,
                marker,
            };
            match session.get(
                Request::Rds {
                    region: scope.region.to_string(),
                    op,
                },
                READ_TIMEOUT,
            ) {
                Got::Answer(Answer::Instances {
                    instances,
                    marker: next,
                }) => {
                    self.aws_worked = Some(session.world.now());
                    all.extend(instances);
                    if next.is_none() {
                        break None;
                    }
                    marker = next;
                }
                Got::Answer(answer) => break Some(answers::trouble(&answer)),
                Got::Truncated(_) => break Some(unknown(TroubleKind::Malformed)),
                Got::Silence => break Some(self.silence(session.world.now())),
                Got::Reset | Got::NoSuchHost => break Some(unknown(TroubleKind::TimedOut)),
            }
        };
        let by_id: BTreeMap<&str, &Instance> = all.iter().map(|own| (own.id.as_str(), own)).collect();
        let mut users: BTreeMap<&str, usize> = BTreeMap::new();
        for own in &all {
            *users.entry(own.parameter_group.as_str()).or_default() += 1;
        }
        let seen = |id: &Text| match &failed {
            Some(failed) => failed.clone(),
            None => by_id
                .get(&**id)
                .map_or(Seen::Absent, |own| Seen::Present(answers::instance(own, &users))),
        };
        ids.iter()
            .map(|id| {
                (
                    ObjectKey::Instance(scope.clone(), id.clone()),
                    Value::Instance(seen(id)),
                )
            })
            .collect()
    }

    /// 500 metrics in a request: two of each replica.
    fn lags(
        &mut self,
        session: &mut Session<'_>,
        scope: &Scope,
        ids: &[Text],
        back: Duration,
    ) -> Vec<(ObjectKey, Value)> {
        let batches = ids.chunks(250);
        batches
            .flat_map(|batch| self.lags_of(session, scope, batch, back))
            .collect()
    }

    fn lags_of(
        &mut self,
        session: &mut Session<'_>,
        scope: &Scope,
        ids: &[Text],
        back: Duration,
    ) -> Vec<(ObjectKey, Value)> {
        let now = session.world.now();
        let query = |index: usize, id: &Text, metric: &str| MetricQuery {
            id: format!("{}{index}", if metric == "ReplicaLag" { "lag" } else { "other" }),
            metric: metric.to_owned(),
            instance: id.to_string(),
            period: 60,
            stat: "Maximum".to_owned(),
        };
        let queries = ids
            .iter()
            .enumerate()
            .flat_map(|(index, id)| [query(index, id, "ReplicaLag"), query(index, id, "CPUUtilization")])
            .collect();
        let start = now - i64::try_from(back.as_millis()).unwrap_or(0);
        let request = Request::CloudWatch {
            region: scope.region.to_string(),
            op: CloudWatchOp::GetMetricData {
                queries,
                start,
                end: now,
            },
        };
        let results = self.aws(session, request, |answer| match answer {
            Answer::MetricData(results) => Seen::Present(results.clone()),
            other => answers::trouble(other),
        });
        let read = |index: usize| match &results {
            Seen::Present(results) => match (results.get(index * 2), results.get(index * 2 + 1)) {
                (Some(lag), Some(other)) => {
                    let mut lag = lag.clone();
                    lag.samples
                        .retain(|(at, _)| !self.hide_lag.is_some_and(|hidden| hidden(*at)));
                    Seen::Present(answers::lag(&lag, other))
                }
                (Some(_) | None, _) => unknown(TroubleKind::Malformed),
            },
            Seen::Absent => Seen::Absent,
            Seen::Silent => Seen::Silent,
            Seen::Unknown(trouble) => Seen::Unknown(trouble.clone()),
        };
        ids.iter()
            .enumerate()
            .map(|(index, id)| (ObjectKey::Lag(scope.clone(), id.clone()), Value::Lag(read(index))))
            .collect()
    }

    fn names(
        &mut self,
        session: &mut Session<'_>,
        zone: &Text,
        name: &Text,
    ) -> Seen<breakwater_core::reading::NamesView> {
        let txt_name = OwnerRecord::name_for(name);
        let list = |name: &str| Request::Route53 {
            op: Route53Op::ListRecords {
                zone: zone.to_string(),
                start_name: Some(format!("{name}.")),
                start_type: None,
                max_items: 2,
            },
        };
        let writer = session.get(list(name), READ_TIMEOUT);
        let txt = session.get(list(&txt_name), READ_TIMEOUT);
        match (writer, txt) {
            (Got::Answer(writer), Got::Answer(txt)) => answers::names(&writer, &txt, name, &txt_name),
            (Got::Truncated(_), _) | (_, Got::Truncated(_)) => unknown(TroubleKind::Malformed),
            (Got::Silence, _) | (_, Got::Silence) => self.silence(session.world.now()),
            (Got::Answer(_) | Got::Reset | Got::NoSuchHost, _) => unknown(TroubleKind::TimedOut),
        }
    }
}

fn http(session: &mut Session<'_>, url: &Text, timeout: i64, read: impl Fn(&Answer) -> ProbeSeen) -> ProbeSeen {
    match session.get(Request::Http { url: url.to_string() }, timeout) {
        Got::Answer(answer) | Got::Truncated(answer) => read(&answer),
        Got::Silence => ProbeSeen::TimedOut,
        Got::Reset => ProbeSeen::Reset,
        Got::NoSuchHost => ProbeSeen::NameError,
    }
}

fn cloudflare<T>(session: &mut Session<'_>, op: CloudflareOp, read: impl Fn(&Answer) -> Seen<T>) -> Seen<T> {
    match session.get(Request::Cloudflare { op }, READ_TIMEOUT) {
        Got::Answer(answer) => read(&answer),
        Got::Truncated(_) => unknown(TroubleKind::Malformed),
        Got::Silence | Got::Reset | Got::NoSuchHost => unknown(TroubleKind::TimedOut),
    }
}

fn unknown<T>(kind: TroubleKind) -> Seen<T> {
    Seen::Unknown(Trouble {
        kind,
        text: "no answer".into(),
    })
}
