//! Calls and faults in words.

use breakwater_sim::ledger::{Call, Effect};
use breakwater_sim::{CloudflareOp, Fault, RdsOp, RecordAction, RecordChange, Route53Op, Setup};
use serde_json::Value;

/// What a call wants, and what became of it: provider and wish, result.
pub(super) fn call(call: &Call, setup: &Setup) -> (String, String) {
    let wish = match call.api.as_str() {
        "rds" => rds(call),
        "route53" => route53(call),
        "cloudflare" => cloudflare(call, setup),
        other => format!("{other}: {} {}", call.op, call.target),
    };
    (wish, result(call))
}

fn result(call: &Call) -> String {
    let twice = if call.copies > 1 { ", arrived twice" } else { "" };
    let code = call.code.as_deref();
    match (call.effect, code, call.reply) {
        (Effect::Applied, None, true) => format!("done{twice}"),
        (Effect::Applied, Some(code), true) => format!("done{twice}, but the answer is {code}"),
        (Effect::Applied, _, false) => format!("done{twice}, the answer is lost"),
        (Effect::Refused, code, _) => format!("refused: {}", code.unwrap_or("?")),
        (Effect::Lost, _, _) => "lost, no answer".into(),
    }
}

fn rds(call: &Call) -> String {
    let region = call.region.as_deref().unwrap_or("?");
    let wish = match serde_json::from_value::<RdsOp>(call.detail.clone()) {
        Ok(RdsOp::PromoteReadReplica { id, .. }) => format!("promote {id}"),
        Ok(RdsOp::ModifyParameter { group, name, value }) => format!("{name}={value} in {group}"),
        Ok(RdsOp::StopInstance { id }) => format!("stop {id}"),
        Ok(RdsOp::StartInstance { id }) => format!("start {id}"),
        Ok(RdsOp::AddTags { tags, .. }) => {
            let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("tag {} {}", call.target, tags.join(" "))
        }
        Ok(RdsOp::RemoveTags { keys, .. }) => format!("untag {} {}", call.target, keys.join(" ")),
        Ok(RdsOp::CopyGroup { from, to }) => format!("copy parameter group {from} to {to}"),
        Ok(RdsOp::CreateReadReplica { id, source, .. }) => {
            format!(
                "make {id}, a replica of {}",
                source.rsplit(':').next().unwrap_or_default()
            )
        }
        Ok(RdsOp::DescribeInstances { .. } | RdsOp::DescribeParameters { .. }) | Err(_) => {
            format!("{} {}", call.op, call.target)
        }
    };
    format!("RDS {region}: {wish}")
}

fn route53(call: &Call) -> String {
    match serde_json::from_value::<Route53Op>(call.detail.clone()) {
        Ok(Route53Op::ChangeRecords { changes, .. }) => {
            let changes: Vec<String> = changes.iter().map(record).collect();
            format!("Route 53: {}", changes.join(", "))
        }
        Ok(_) | Err(_) => format!("Route 53: {} {}", call.op, call.target),
    }
}

fn record(change: &RecordChange) -> String {
    let verb = match change.action {
        RecordAction::Create => "create",
        RecordAction::Delete => "delete",
        RecordAction::Upsert => "put",
    };
    let value = change.record.values.first().map_or("", |value| value.trim_matches('"'));
    // A TXT record's own words, without what never changes.
    let value = value.strip_prefix("v=1 ").unwrap_or(value).replace("\" \"", "");
    let value = match change.action {
        RecordAction::Delete => String::new(),
        RecordAction::Create | RecordAction::Upsert => format!(" ({value})"),
    };
    format!("{verb} {}{value}", change.record.kind)
}

fn cloudflare(call: &Call, setup: &Setup) -> String {
    match serde_json::from_value::<CloudflareOp>(call.detail.clone()) {
        Ok(CloudflareOp::PatchBalancer { id, patch, .. }) => {
            format!("Cloudflare: load balancer {}: {}", short(&id), fields(&patch, setup))
        }
        Ok(CloudflareOp::PatchPool { id, patch, .. }) => {
            format!("Cloudflare: pool of {}: {}", region(&id, setup), fields(&patch, setup))
        }
        Ok(CloudflareOp::DeletePool { id, .. }) => format!("Cloudflare: delete the pool of {}", region(&id, setup)),
        Ok(_) | Err(_) => format!("Cloudflare: {} {}", call.op, call.target),
    }
}

fn fields(patch: &Value, setup: &Setup) -> String {
    let fields = patch.as_object().into_iter().flatten();
    let fields: Vec<String> = fields
        .map(|(name, value)| format!("{name} {}", pools(value, setup)))
        .collect();
    fields.join(", ")
}

/// A value of a load balancer with regions in place of pool ids.
fn pools(value: &Value, setup: &Setup) -> String {
    match value {
        Value::String(text) => region(text, setup),
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(|value| pools(value, setup)).collect();
            format!("[{}]", list.join(" "))
        }
        Value::Object(map) => {
            let map: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key} {}", pools(value, setup)))
                .collect();
            format!("{{{}}}", map.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

pub(super) fn region(pool: &str, setup: &Setup) -> String {
    let mut sides = setup.shops.iter().flat_map(|shop| shop.sides());
    let found = sides.find(|side| side.pool_id == pool);
    found.map_or_else(|| short(pool).to_owned(), |side| side.region.clone())
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// A fault as its script writes it, in one line.
pub(super) fn fault(fault: &Fault) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(fault) else {
        return String::new();
    };
    let kind = fields.remove("kind").unwrap_or_default();
    let told = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
    let rest: Vec<String> = fields
        .iter()
        .filter(|(_, value)| told(value))
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name} {text}"),
            other => format!("{name} {other}"),
        })
        .collect();
    let kind = kind.as_str().unwrap_or_default();
    if rest.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind} ({})", rest.join(", "))
    }
}
