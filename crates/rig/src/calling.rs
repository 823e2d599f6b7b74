//! Calls: a call of the engine as a request to the world, its outcome, and when it arrives.

use breakwater_core::Text;
use breakwater_core::decision::{BalancerPatch, Effect, NameChange, Replica};
use breakwater_core::journal::SteeringMap;
use breakwater_core::outcome::{Ambiguity, Outcome, Receipt, Refusal};
use breakwater_core::reading::{Cause, RecordSet};
use breakwater_engine::call::Call;
use breakwater_sim::World;
use breakwater_sim::{
    Answer, CloudflareOp, Delivery, Fault, Meta, RdsOp, RecordAction, RecordChange, Request, Route53Op, Shape, Vantage,
};
use serde_json::{Value, json};

/// Carries out a call; the outcome and the virtual time at which it arrives.
pub(crate) fn call(
    world: &mut World,
    actor: &str,
    (cause, because): (Cause, Cause),
    call: &Call,
    timeout: i64,
) -> (Outcome, i64) {
    let now = world.now();
    let reply = world.ask(Vantage::Controller, meta(actor, (cause, because)), request(call));
    match reply.delivery {
        Delivery::After(after) if after < timeout => {
            world.answered(reply.number, None);
            (outcome(&reply.answer, cause), now + after)
        }
        Delivery::Truncated { after, .. } if after < timeout => {
            world.answered(reply.number, None);
            (Outcome::Ambiguous(Ambiguity::NotTheProvider), now + after)
        }
        Delivery::After(_) | Delivery::Truncated { .. } | Delivery::Never => {
            world.gave_up(reply.number, None);
            (Outcome::Ambiguous(Ambiguity::TimedOut), now + timeout)
        }
        Delivery::Reset(after) => {
            world.gave_up(reply.number, None);
            (Outcome::Ambiguous(Ambiguity::ConnectionLost), now + after.min(timeout))
        }
        Delivery::NoSuchHost => {
            world.gave_up(reply.number, None);
            (Outcome::Ambiguous(Ambiguity::ConnectionLost), now)
        }
    }
}

/// A call whose sender has given up on it arrives after all; its number.
pub(crate) fn late(world: &mut World, actor: &str, causes: (Cause, Cause), call: &Call) -> u64 {
    let number = world
        .ask(Vantage::Controller, meta(actor, causes), request(call))
        .number;
    world.gave_up(number, None);
    number
}

fn meta(actor: &str, (cause, because): (Cause, Cause)) -> Meta {
    Meta {
        asked: Some(cause.0),
        because: Some(because.0),
        actor: actor.to_owned(),
        real_micros: None,
    }
}

/// The operation of a call and what it is about, as the ledger has them.
pub(crate) fn named(call: &Call) -> (&'static str, String) {
    let request = request(call);
    (request.op(), request.target().to_owned())
}

/// The fault that loses this call on its way.
pub(crate) fn lose_request(call: &Call) -> Fault {
    let request = request(call);
    Fault::LoseRequests {
        api: request.api(),
        op: Some(request.op().to_owned()),
        count: 1,
    }
}

/// The fault that loses this call's answer.
pub(crate) fn lose_reply(call: &Call) -> Fault {
    let request = request(call);
    Fault::LoseReplies {
        api: request.api(),
        op: Some(request.op().to_owned()),
        count: 1,
    }
}

/// The fault that has this call refused.
pub(crate) fn refuse(call: &Call, status: u16, code: &str) -> Fault {
    let request = request(call);
    Fault::ApiError {
        api: request.api(),
        region: request.region().map(str::to_owned),
        status,
        code: code.to_owned(),
    }
}

fn outcome(answer: &Answer, cause: Cause) -> Outcome {
    match answer {
        Answer::Error { status: 429, .. } => Outcome::Throttled(None),
        Answer::Error { code, .. } if code == "Throttling" || code == "PriorRequestNotComplete" => {
            Outcome::Throttled(None)
        }
        Answer::Error {
            status: 401 | 403,
            message,
            ..
        } => Outcome::Denied(message.as_str().into()),
        Answer::Error { status: 500.., .. } => Outcome::Ambiguous(Ambiguity::ServerError),
        Answer::Error { code, message, .. } => Outcome::Refused(Refusal {
            code: code.as_str().into(),
            text: message.as_str().into(),
        }),
        Answer::Change { id, .. } => Outcome::Accepted(Receipt {
            change: Some(id.as_str().into()),
            cause,
        }),
        Answer::Instances { .. }
        | Answer::Instance(_)
        | Answer::Parameters(_)
        | Answer::ParameterGroup { .. }
        | Answer::MetricData(_)
        | Answer::Records { .. }
        | Answer::Zone { .. }
        | Answer::Credentials { .. }
        | Answer::Caller { .. }
        | Answer::Cloudflare { .. }
        | Answer::Http { .. }
        | Answer::Done => Outcome::Accepted(Receipt { change: None, cause }),
    }
}

fn request(call: &Call) -> Request {
    match call {
        Call::Promote(promotion, _) => Request::Rds {
            region: promotion.scope.region.to_string(),
            op: RdsOp::PromoteReadReplica {
                id: promotion.instance.to_string(),
                backup_retention_period: Some(promotion.backup_days),
            },
        },
        Call::Effect(effect) => effect_request(effect),
    }
}

fn effect_request(effect: &Effect) -> Request {
    let rds = |region: &Text, op| Request::Rds {
        region: region.to_string(),
        op,
    };
    match effect {
        Effect::SetReadOnly { scope, group, on } => rds(
            &scope.region,
            RdsOp::ModifyParameter {
                group: group.to_string(),
                name: "read_only".into(),
                value: if *on { "1" } else { "{TrueIfReplica}" }.into(),
            },
        ),
        Effect::Stop { scope, instance } => rds(
            &scope.region,
            RdsOp::StopInstance {
                id: instance.to_string(),
            },
        ),
        Effect::Start { scope, instance } => rds(
            &scope.region,
            RdsOp::StartInstance {
                id: instance.to_string(),
            },
        ),
        Effect::Tag { scope, arn, tags } => rds(
            &scope.region,
            RdsOp::AddTags {
                arn: arn.to_string(),
                tags: tags
                    .iter()
                    .map(|(key, value)| (key.to_string(), value.to_string()))
                    .collect(),
            },
        ),
        Effect::Untag { scope, arn, keys } => rds(
            &scope.region,
            RdsOp::RemoveTags {
                arn: arn.to_string(),
                keys: keys.iter().map(Text::to_string).collect(),
            },
        ),
        Effect::CopyGroup { scope, from, to } => rds(
            &scope.region,
            RdsOp::CopyGroup {
                from: from.to_string(),
                to: to.to_string(),
            },
        ),
        Effect::CreateReplica {
            scope,
            instance,
            replica,
        } => rds(&scope.region, create(instance, replica)),
        Effect::ChangeNames { zone, changes, .. } => Request::Route53 {
            op: Route53Op::ChangeRecords {
                zone: zone.to_string(),
                changes: changes.iter().map(change).collect(),
            },
        },
        Effect::PatchBalancer {
            zone,
            id,
            patch: fields,
            ..
        } => Request::Cloudflare {
            op: CloudflareOp::PatchBalancer {
                zone: zone.to_string(),
                id: id.to_string(),
                patch: patch(fields),
            },
        },
    }
}

fn create(instance: &Text, replica: &Replica) -> RdsOp {
    let shape = &replica.shape;
    let text = |text: &Option<Text>| text.as_ref().map(Text::to_string);
    RdsOp::CreateReadReplica {
        id: instance.to_string(),
        source: replica.source.to_string(),
        group: Some(replica.group.to_string()),
        shape: Shape {
            class: Some(shape.class.to_string()),
            subnet_group: text(&shape.subnet_group),
            security_groups: shape.security_groups.iter().map(Text::to_string).collect(),
            kms_key: text(&shape.kms_key),
            public: shape.public,
            multi_az: shape.multi_az,
            port: shape.port,
            copy_tags: shape.copy_tags,
            protected: shape.protected,
            iam_logins: shape.iam_logins,
            storage: text(&shape.storage),
            iops: shape.iops,
            throughput: shape.throughput,
        },
        tags: replica
            .tags
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect(),
    }
}

fn change(change: &NameChange) -> RecordChange {
    let (action, record) = match change {
        NameChange::Delete(record) => (RecordAction::Delete, record),
        NameChange::Create(record) => (RecordAction::Create, record),
    };
    RecordChange {
        action,
        record: record_set(record),
    }
}

fn record_set(record: &RecordSet) -> breakwater_sim::RecordSet {
    breakwater_sim::RecordSet {
        name: format!("{}.", record.name.trim_end_matches('.')),
        kind: record.kind.to_string(),
        ttl: record.ttl.unwrap_or(0),
        values: record.values.iter().map(Text::to_string).collect(),
        set_identifier: None,
    }
}

fn patch(patch: &BalancerPatch) -> Value {
    let mut document = serde_json::Map::new();
    let list = |pools: &[Text]| json!(pools.iter().map(|pool| &**pool).collect::<Vec<_>>());
    if let Some(pools) = &patch.default_pools {
        document.insert("default_pools".into(), list(pools));
    }
    if let Some(pool) = &patch.fallback_pool {
        document.insert("fallback_pool".into(), json!(&**pool));
    }
    for (map, lists) in &patch.maps {
        let name = match map {
            SteeringMap::Region => "region_pools",
            SteeringMap::Country => "country_pools",
            SteeringMap::Pop => "pop_pools",
        };
        let lists: serde_json::Map<String, Value> = lists
            .iter()
            .map(|(key, pools)| (key.to_string(), list(pools)))
            .collect();
        document.insert(name.into(), Value::Object(lists));
    }
    Value::Object(document)
}
