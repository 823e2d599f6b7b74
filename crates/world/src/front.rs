//! The front door: which API a request on the one port means.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, Request as HttpRequest, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, request::Parts},
};
use breakwater_sim::{Answer, Meta, Request, Vantage};

use crate::{
    Inner, aws,
    clock::real_micros,
    cloudflare,
    deliver::{Asker, Delivered, deliver},
    line::Line,
};

/// The asker's own number of a request.
pub const QUERY_HEADER: &str = "x-breakwater-query";
/// The number of the request whose answer made this one possible.
pub const BECAUSE_HEADER: &str = "x-breakwater-because";
/// `person`, if a person asks and not the controller.
pub const VANTAGE_HEADER: &str = "x-breakwater-vantage";
/// The name of that person.
pub const ACTOR_HEADER: &str = "x-breakwater-actor";

/// No document that we read comes near this size.
const BODY_LIMIT: usize = 1 << 20;

fn plain(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    response
}

/// Serves one request that is not for the control API.
pub(crate) async fn serve(
    State(inner): State<Arc<Inner>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: HttpRequest,
) -> Response<Body> {
    let arrived = real_micros();
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is longer than 1 MiB, or was cut off\n",
        );
    };
    let asker = |actor: &str| asker(&parts.headers, line.clone(), arrived, actor);
    match target(&parts) {
        Target::Shop(url) => {
            if parts.method != Method::GET {
                return plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
            }
            let delivered = deliver(&inner, asker("probe"), Request::Http { url }).await;
            let response = shop(delivered.answer());
            delivered.send(response).await
        }
        Target::Cloudflare => match cloudflare::decode(&inner.access.keys().cloudflare_token, &parts, &body) {
            Ok(request) => {
                let delivered = deliver(&inner, asker("token:breakwater"), request).await;
                let response = cloudflare::encode(delivered.answer());
                delivered.send(response).await
            }
            Err(refusal) => *refusal,
        },
        Target::Aws => amazon(&inner, &parts, &body, arrived, asker).await,
    }
}

async fn amazon(
    inner: &Arc<Inner>,
    parts: &Parts,
    body: &Bytes,
    arrived: i64,
    asker: impl Fn(&str) -> Asker,
) -> Response<Body> {
    match aws::admit(&inner.access, parts, body, arrived) {
        Ok((caller, call)) => {
            let delivered = deliver(inner, asker(&caller.arn), call.request().clone()).await;
            let response = match credentials(inner, &delivered) {
                Some(credentials) => call.encode(&credentials),
                None => call.encode(delivered.answer()),
            };
            delivered.send(response).await
        }
        Err(refusal) => *refusal,
    }
}

/// Credentials that STS hands out are good for signatures from now on. Signatures are made in real
/// time, so their end is a real time too: as far away as the world said.
fn credentials(inner: &Inner, delivered: &Delivered) -> Option<Answer> {
    let Answer::Credentials {
        access_key,
        secret_key,
        session_token,
        expires,
        arn,
    } = delivered.answer()
    else {
        return None;
    };
    let (clock, now) = (inner.live.clock(), real_micros());
    let life = match inner.access.keys().session {
        Some(life) => i64::try_from(life.as_millis()).unwrap_or(i64::MAX),
        None => expires - clock.at(now),
    };
    let ends = now.saturating_add(life.saturating_mul(1000));
    inner.access.remember(access_key, secret_key, session_token, ends, arn);
    Some(Answer::Credentials {
        access_key: access_key.clone(),
        secret_key: secret_key.clone(),
        session_token: session_token.clone(),
        expires: ends / 1000,
        arn: arn.clone(),
    })
}

fn asker(headers: &HeaderMap, line: Line, arrived: i64, actor: &str) -> Asker {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let number = |name: &str| text(name).and_then(|value| value.parse().ok());
    let (vantage, actor) = match text(VANTAGE_HEADER) {
        Some("person") => (
            Vantage::Person,
            format!("person:{}", text(ACTOR_HEADER).unwrap_or("somebody")),
        ),
        Some(_) | None => (Vantage::Controller, actor.to_owned()),
    };
    let meta = Meta {
        asked: number(QUERY_HEADER),
        because: number(BECAUSE_HEADER),
        actor,
        real_micros: Some(arrived),
    };
    Asker { line, vantage, meta }
}

enum Target {
    /// A URL of a shop, or a reference.
    Shop(String),
    Cloudflare,
    Aws,
}

fn target(parts: &Parts) -> Target {
    // A request through a proxy names its host in the request line, every other one in a header.
    let named = parts
        .headers
        .get("host")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let host = parts.uri.authority().map_or(named, |authority| authority.as_str());
    let path = parts.uri.path();
    let for_us = is_ours(host);
    if for_us && path.starts_with(cloudflare::PREFIX) {
        return Target::Cloudflare;
    }
    let aws =
        parts.headers.contains_key("authorization") || parts.method == Method::POST || path.starts_with("/2013-04-01/");
    if for_us && aws {
        return Target::Aws;
    }
    let rest = parts.uri.path_and_query().map_or("/", |rest| rest.as_str());
    Target::Shop(format!("http://{host}{rest}"))
}

/// Whether a `Host` names the machine itself rather than a shop.
fn is_ours(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]" | "")
}

fn shop(answer: &Answer) -> Response<Body> {
    match answer {
        Answer::Http { status, headers, body } => {
            let mut response = plain(
                StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY),
                body.clone(),
            );
            for (name, value) in headers {
                if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Answer::Error { status, message, .. } => plain(
            StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY),
            message.clone(),
        ),
        other => {
            tracing::error!(answer = ?other, "the simulated world gave an answer that does not belong to the request");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(method: &str, uri: &str, host: &str, authorization: bool) -> String {
        let mut request = axum::http::Request::builder()
            .method(method)
            .uri(uri)
            .header("host", host);
        if authorization {
            request = request.header("authorization", "x");
        }
        match target(&request.body(()).unwrap().into_parts().0) {
            Target::Shop(url) => url,
            Target::Cloudflare => "cloudflare".to_owned(),
            Target::Aws => "aws".to_owned(),
        }
    }

    #[test]
    fn tells_targets_apart() {
        assert_eq!(kind("POST", "/", "127.0.0.1:80", true), "aws");
        assert_eq!(kind("POST", "/", "127.0.0.1:80", false), "aws");
        assert_eq!(kind("GET", "/2013-04-01/change/C1", "localhost:80", false), "aws");
        assert_eq!(
            kind("GET", "/client/v4/zones/z/load_balancers", "127.0.0.1:80", true),
            "cloudflare"
        );
        assert_eq!(
            kind("GET", "/a?b=c", "cac1.example.com:80", true),
            "http://cac1.example.com:80/a?b=c"
        );
        assert_eq!(
            kind("GET", "http://cac1.example.com/a", "127.0.0.1:80", false),
            "http://cac1.example.com/a"
        );
        assert_eq!(
            kind("GET", "/client/v4/x", "cac1.example.com", false),
            "http://cac1.example.com/client/v4/x"
        );
    }
}
