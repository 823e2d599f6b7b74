//! Answers of the world as core's values: what `providers` does from the wire, here from plain data.

use breakwater_core::Text;
use breakwater_core::reading::{
    BalancerView, ChangeView, InstanceView, LagView, MonitorView, NamesView, ParametersView, PoolHealthView, PoolView,
    ProbeSeen, Proof, ProofSeen, RecordSet, ReplicationStatus, Seen, Shape, Trouble, TroubleKind,
};
use breakwater_sim::{Answer, Instance, MetricResult};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// An answer that is not the one hoped for, as what it says of the object.
pub(crate) fn trouble<T>(answer: &Answer) -> Seen<T> {
    let Answer::Error { status, code, message } = answer else {
        return Seen::Unknown(Trouble {
            kind: TroubleKind::Malformed,
            text: "another operation's answer".into(),
        });
    };
    let kind = match (status, code.as_str()) {
        (404, _) => return Seen::Absent,
        (429, _) | (_, "Throttling" | "PriorRequestNotComplete") => TroubleKind::Throttled,
        (403, _) if message.starts_with("Signature expired") || message.starts_with("Signature not yet current") => {
            TroubleKind::Clock
        }
        (401 | 403, _) => TroubleKind::Denied,
        (500.., _) => TroubleKind::ServerError,
        (_, _) => TroubleKind::Refused,
    };
    Seen::Unknown(Trouble {
        kind,
        text: format!("{code}: {message}").into(),
    })
}

pub(crate) fn time(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or_default()
}

fn text(value: &str) -> Text {
    Text::from(value)
}

pub(crate) fn instance(seen: &Instance, users: &BTreeMap<&str, usize>) -> InstanceView {
    let replication = seen
        .status_infos
        .iter()
        .find(|info| info.status_type == "read replication");
    let tag = |key: &str| seen.tags.get(key);
    InstanceView {
        resource_id: text(&seen.resource_id),
        arn: text(&seen.arn),
        status: text(&seen.status),
        source: seen.replica_source.as_deref().map(text),
        replicas: seen.replicas.iter().map(|replica| text(replica)).collect(),
        replication: replication.map(|info| ReplicationStatus {
            status: text(&info.status),
            message: info.message.as_deref().map(text),
        }),
        endpoint: seen.endpoint.as_deref().map(text),
        group: text(&seen.parameter_group),
        group_in_sync: seen.parameter_apply_status == "in-sync",
        group_shared: users.get(seen.parameter_group.as_str()).is_some_and(|users| *users > 1),
        backup_days: seen.backup_retention_period,
        tag_owner: tag("breakwater:owner").map(|value| text(value)),
        tag_epoch: tag("breakwater:epoch").and_then(|value| value.parse().ok()),
        tag_fenced: tag("breakwater:fenced").and_then(|value| value.parse().ok()),
        shape: shape(&seen.shape),
    }
}

fn shape(seen: &breakwater_sim::Shape) -> Shape {
    let said = |value: &Option<String>| value.as_deref().map(text);
    Shape {
        class: said(&seen.class).unwrap_or_default(),
        subnet_group: said(&seen.subnet_group),
        security_groups: seen.security_groups.iter().map(|group| text(group)).collect(),
        kms_key: said(&seen.kms_key),
        public: seen.public,
        multi_az: seen.multi_az,
        port: seen.port,
        copy_tags: seen.copy_tags,
        protected: seen.protected,
        iam_logins: seen.iam_logins,
        storage: said(&seen.storage),
        iops: seen.iops,
        throughput: seen.throughput,
    }
}

pub(crate) fn lag(samples: &MetricResult, other: &MetricResult) -> LagView {
    LagView {
        samples: samples.samples.iter().map(|(at, value)| (time(*at), *value)).collect(),
        newest_other: other.samples.first().map(|(at, _)| time(*at)),
    }
}

pub(crate) fn parameters(answer: &Answer) -> Seen<ParametersView> {
    let Answer::Parameters(parameters) = answer else {
        return trouble(answer);
    };
    let read_only = parameters.iter().find(|parameter| parameter.name == "read_only");
    Seen::Present(ParametersView {
        read_only: read_only.map(|parameter| text(&parameter.value)),
    })
}

fn document(answer: &Answer) -> Result<&Value, Seen<()>> {
    match answer {
        Answer::Cloudflare { result } => Ok(result),
        other => Err(trouble(other)),
    }
}

fn retype<T>(seen: Seen<()>) -> Seen<T> {
    match seen {
        Seen::Present(()) | Seen::Absent => Seen::Absent,
        Seen::Silent => Seen::Silent,
        Seen::Unknown(trouble) => Seen::Unknown(trouble),
    }
}

pub(crate) fn pool_health(answer: &Answer) -> Seen<PoolHealthView> {
    match document(answer) {
        Err(seen) => retype(seen),
        Ok(document) => {
            let cities = document["pop_health"].as_object().into_iter().flatten();
            let said: Vec<bool> = cities.filter_map(|(_, city)| city["healthy"].as_bool()).collect();
            let healthy = u32::try_from(said.iter().filter(|healthy| **healthy).count()).unwrap_or(0);
            let unhealthy = u32::try_from(said.iter().filter(|healthy| !**healthy).count()).unwrap_or(0);
            Seen::Present(PoolHealthView { healthy, unhealthy })
        }
    }
}

pub(crate) fn pool(answer: &Answer) -> Seen<PoolView> {
    match document(answer) {
        Err(seen) => retype(seen),
        Ok(document) => {
            let monitor = document["monitor"].as_str().filter(|monitor| !monitor.is_empty());
            Seen::Present(PoolView {
                enabled: document["enabled"].as_bool().unwrap_or(true),
                monitored: monitor.is_some(),
                monitor: monitor.map(text),
            })
        }
    }
}

pub(crate) fn monitor(answer: &Answer) -> Seen<MonitorView> {
    match document(answer) {
        Err(seen) => retype(seen),
        Ok(document) => {
            let seconds = |field: &str| document[field].as_u64().map(Duration::from_secs);
            let retries = document["retries"]
                .as_u64()
                .and_then(|retries| u32::try_from(retries).ok());
            Seen::Present(MonitorView {
                interval: seconds("interval").unwrap_or(MonitorView::DEFAULT.interval),
                timeout: seconds("timeout").unwrap_or(MonitorView::DEFAULT.timeout),
                retries: retries.unwrap_or(MonitorView::DEFAULT.retries),
            })
        }
    }
}

pub(crate) fn balancer(answer: &Answer) -> Seen<BalancerView> {
    let document = match document(answer) {
        Err(seen) => return retype(seen),
        Ok(document) => document,
    };
    let list = |value: &Value| -> Vec<Text> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(text)
            .collect()
    };
    let map = |value: &Value| -> BTreeMap<Text, Vec<Text>> {
        value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, pools)| (text(key), list(pools)))
            .collect()
    };
    let proxied = document["proxied"].as_bool().unwrap_or(false);
    Seen::Present(BalancerView {
        enabled: document["enabled"].as_bool().unwrap_or(true),
        dns_ttl: (!proxied).then(|| Duration::from_secs(document["ttl"].as_u64().unwrap_or(30))),
        steering: text(document["steering_policy"].as_str().unwrap_or("")),
        default_pools: list(&document["default_pools"]),
        fallback_pool: text(document["fallback_pool"].as_str().unwrap_or("")),
        region_pools: map(&document["region_pools"]),
        country_pools: map(&document["country_pools"]),
        pop_pools: map(&document["pop_pools"]),
        named_elsewhere: Vec::new(),
    })
}

/// The record of just this name; the start name of a listing is a cursor, not a filter.
fn exact(answer: &Answer, name: &str) -> Result<Option<RecordSet>, Seen<()>> {
    let Answer::Records { records, .. } = answer else {
        return Err(trouble(answer));
    };
    let found = records
        .iter()
        .find(|record| record.name.trim_end_matches('.').eq_ignore_ascii_case(name));
    Ok(found.map(|record| RecordSet {
        name: text(&record.name),
        kind: text(&record.kind),
        ttl: Some(record.ttl),
        values: record.values.iter().map(|value| text(value)).collect(),
        simple: record.set_identifier.is_none(),
    }))
}

pub(crate) fn names(writer: &Answer, txt: &Answer, name: &str, txt_name: &str) -> Seen<NamesView> {
    match (exact(writer, name), exact(txt, txt_name)) {
        (Ok(writer), Ok(txt)) => Seen::Present(NamesView { writer, txt }),
        (Err(seen), _) | (_, Err(seen)) => retype(seen),
    }
}

pub(crate) fn change(answer: &Answer) -> Seen<ChangeView> {
    match answer {
        Answer::Change { status, .. } => Seen::Present(ChangeView {
            in_sync: status == "INSYNC",
        }),
        other => trouble(other),
    }
}

pub(crate) fn probe(answer: &Answer, region: &str) -> ProbeSeen {
    let (status, headers) = match answer {
        Answer::Http { status, headers, .. } => (status, headers),
        // Something on the way answers in the service's stead.
        Answer::Error { status, .. } => return ProbeSeen::Status(*status),
        _ => return ProbeSeen::Reset,
    };
    match headers.get("x-breakwater-region") {
        Some(other) if other != region && !region.is_empty() => ProbeSeen::OtherRegion(text(other)),
        Some(_) | None => ProbeSeen::Status(*status),
    }
}

pub(crate) fn proof(answer: &Answer, region: &str) -> ProofSeen {
    let nothing = || ProofSeen::Nothing("no proof".into());
    let Answer::Http { status: 200, body, .. } = answer else {
        return nothing();
    };
    let Ok(body) = serde_json::from_str::<Value>(body) else {
        return nothing();
    };
    let said = |value: &Value| value.as_str().map(text);
    if body["region"].as_str() != Some(region) {
        return nothing();
    }
    ProofSeen::Said(Proof {
        region: text(region),
        writable: body["writer"]["writable"].as_bool().unwrap_or(false),
        writer_uuid: said(&body["writer"]["serverUuid"]),
        user: said(&body["writer"]["user"]),
        local_uuid: said(&body["local"]["serverUuid"]),
        local_read_only: body["local"]["readOnly"].as_bool(),
        applied_until: body["local"]["appliedUntil"].as_str().and_then(|at| at.parse().ok()),
        executed: body["local"]["gtidExecuted"].as_str().map(Text::from),
    })
}
