//! Cloudflare's API v4 under `/client/v4/`: a bearer token, JSON, and one envelope around everything.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, request::Parts},
};
use breakwater_sim::{Answer, CloudflareOp, Request};
use serde_json::{Value, json};

use crate::{params::form_decode, reply::request_id};

/// The prefix of all paths.
pub const PREFIX: &str = "/client/v4/";

fn envelope(status: u16, body: Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json"));
    if let Ok(ray) = HeaderValue::from_str(&request_id()) {
        response.headers_mut().insert("cf-ray", ray);
    }
    response
}

/// A refusal at the door.
type Refused = Box<Response<Body>>;

/// An error in the envelope.
fn failure(status: u16, code: u64, message: &str) -> Response<Body> {
    envelope(
        status,
        json!({"success": false, "errors": [{"code": code, "message": message}], "messages": [], "result": null}),
    )
}

fn admit(headers: &HeaderMap, token: &str) -> Result<(), Refused> {
    let Some(value) = headers.get("authorization").and_then(|value| value.to_str().ok()) else {
        let message = "Missing X-Auth-Key, X-Auth-Email or Authorization headers";
        return Err(Box::new(failure(400, 9106, message)));
    };
    match value.strip_prefix("Bearer ") {
        Some(given) if given == token => Ok(()),
        Some(_) => Err(Box::new(failure(403, 9109, "Invalid access token"))),
        None => Err(Box::new(failure(400, 6003, "Invalid request headers"))),
    }
}

/// Reads a call: token, route, document.
pub fn decode(token: &str, parts: &Parts, body: &Bytes) -> Result<Request, Refused> {
    admit(&parts.headers, token)?;
    let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let segments: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(form_decode)
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let id = |id: &str| id.to_owned();
    let op = match (&parts.method, &segments[..]) {
        (&Method::GET, ["user", "tokens", "verify"]) => CloudflareOp::VerifyToken,
        (&Method::GET, ["accounts", account, "load_balancers", "pools"]) => {
            CloudflareOp::ListPools { account: id(account) }
        }
        (&Method::GET, ["accounts", account, "load_balancers", "pools", pool]) => CloudflareOp::GetPool {
            account: id(account),
            id: id(pool),
        },
        (&Method::PATCH, ["accounts", account, "load_balancers", "pools", pool]) => CloudflareOp::PatchPool {
            account: id(account),
            id: id(pool),
            patch: patch(body)?,
        },
        (&Method::DELETE, ["accounts", account, "load_balancers", "pools", pool]) => CloudflareOp::DeletePool {
            account: id(account),
            id: id(pool),
        },
        (&Method::GET, ["accounts", account, "load_balancers", "pools", pool, "health"]) => CloudflareOp::PoolHealth {
            account: id(account),
            id: id(pool),
        },
        (&Method::GET, ["accounts", account, "load_balancers", "monitors", monitor]) => CloudflareOp::GetMonitor {
            account: id(account),
            id: id(monitor),
        },
        (&Method::GET, ["zones", zone, "load_balancers"]) => CloudflareOp::ListBalancers { zone: id(zone) },
        (&Method::GET, ["zones", zone, "load_balancers", balancer]) => CloudflareOp::GetBalancer {
            zone: id(zone),
            id: id(balancer),
        },
        (&Method::PATCH, ["zones", zone, "load_balancers", balancer]) => CloudflareOp::PatchBalancer {
            zone: id(zone),
            id: id(balancer),
            patch: patch(body)?,
        },
        (method, _) => {
            let message = format!("Could not route to {method} /{path}, perhaps your object identifier is invalid?");
            return Err(Box::new(failure(404, 7003, &message)));
        }
    };
    Ok(Request::Cloudflare { op })
}

fn patch(body: &Bytes) -> Result<Value, Refused> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return Err(Box::new(failure(400, 6007, "Malformed JSON in request body")));
    };
    for (field, value) in &fields {
        if !fits(field, value) {
            let message = format!("{field}: wrong type: validation failed");
            return Err(Box::new(failure(400, 1002, &message)));
        }
    }
    Ok(Value::Object(fields))
}

/// Whether a field of a pool or a load balancer has its documented type. What a document can do without may be
/// null; of fields that are not known here nothing is said.
fn fits(field: &str, value: &Value) -> bool {
    match field {
        "enabled" | "proxied" => value.is_boolean(),
        "name" | "fallback_pool" => value.is_string(),
        "description" | "steering_policy" | "session_affinity" | "notification_email" | "monitor" => {
            value.is_string() || value.is_null()
        }
        "ttl" | "session_affinity_ttl" | "minimum_origins" | "latitude" | "longitude" => {
            value.is_number() || value.is_null()
        }
        "default_pools" | "origins" => value.is_array(),
        "rules" | "check_regions" => value.is_array() || value.is_null(),
        "region_pools"
        | "country_pools"
        | "pop_pools"
        | "random_steering"
        | "adaptive_routing"
        | "location_strategy"
        | "session_affinity_attributes"
        | "load_shedding"
        | "origin_steering" => value.is_object() || value.is_null(),
        _ => true,
    }
}

/// Writes the answer.
pub fn encode(answer: &Answer) -> Response<Body> {
    match answer {
        Answer::Cloudflare { result } => {
            let mut body = json!({"success": true, "errors": [], "messages": [], "result": result});
            if let Value::Array(items) = result {
                let count = items.len();
                body["result_info"] =
                    json!({"page": 1, "per_page": count, "count": count, "total_count": count, "total_pages": 1});
            }
            envelope(200, body)
        }
        // Load balancing's own codes are four digits; 1000 stands for one that we were not given.
        Answer::Error { status, code, message } => failure(*status, code.parse().unwrap_or(1000), message),
        other => {
            tracing::error!(answer = ?other, "the simulated world gave an answer that does not belong to the request");
            failure(500, 1000, "internal error")
        }
    }
}
