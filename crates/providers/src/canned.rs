//! A server on loopback that gives the answers a test tells it to, and keeps what it was asked.

use crate::settings::{FixedAws, Settings};
use crate::{ClassAccess, Clouds, Secret};
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response};
use breakwater_core::reading::{Cause, ObjectKey, Query, Value};
use breakwater_core::shop::Scope;
use breakwater_core::time::Now;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Region and service of an AWS signature.
    pub(crate) fn scope(&self) -> (String, String) {
        let mut parts = self.header("authorization").split('/').skip(2).map(str::to_owned);
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    }

    /// `Action` of the query protocol.
    pub(crate) fn action(&self) -> &str {
        self.form("Action")
    }

    /// A field of a form, as sent.
    pub(crate) fn form(&self, name: &str) -> &str {
        let fields = self.body.split('&').filter_map(|field| field.split_once('='));
        fields
            .into_iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
            .unwrap_or_default()
    }
}

/// What the server does.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// Keep the connection open and say nothing.
    Silence,
}

impl Reply {
    pub(crate) fn new(status: u16, body: &str) -> Self {
        Reply::bytes(status, body.as_bytes())
    }

    pub(crate) fn bytes(status: u16, body: &[u8]) -> Self {
        Reply::Answer {
            status,
            headers: vec![],
            body: body.to_owned(),
        }
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        match self {
            Reply::Answer {
                status,
                mut headers,
                body,
            } => {
                headers.push((name.to_owned(), value.to_owned()));
                Reply::Answer { status, headers, body }
            }
            Reply::Silence => Reply::Silence,
        }
    }

    /// A wrapped answer of `tests/inputs`.
    pub(crate) fn case(json: &str) -> Self {
        let case: serde_json::Value = serde_json::from_str(json).unwrap();
        let body = match case["body_text"].as_str() {
            Some(text) => text.to_owned(),
            None => case["body"].to_string(),
        };
        let headers = case["headers"].as_object().into_iter().flatten();
        Reply::Answer {
            status: u16::try_from(case["status"].as_u64().unwrap()).unwrap(),
            headers: headers
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                .collect(),
            body: body.into_bytes(),
        }
    }
}

/// The server.
pub(crate) struct Canned {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Canned {
    pub(crate) async fn start(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(vec![]));
        let (keep, reply) = (asked.clone(), Arc::new(reply));
        let app = axum::Router::new().fallback(move |request: Request| {
            let (keep, reply) = (keep.clone(), reply.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, 1 << 20).await.unwrap();
                let asked = Asked {
                    method: parts.method.to_string(),
                    path: parts.uri.to_string(),
                    headers: parts.headers,
                    body: String::from_utf8_lossy(&body).into_owned(),
                };
                let reply = reply(&asked);
                keep.lock().unwrap().push(asked);
                match reply {
                    Reply::Silence => std::future::pending().await,
                    Reply::Answer { status, headers, body } => {
                        let mut response = Response::builder().status(status);
                        for (name, value) in headers {
                            response = response.header(name, value);
                        }
                        response.body(Body::from(body)).unwrap()
                    }
                }
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Canned { url, asked }
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Forgets what was asked.
    pub(crate) fn forget(&self) {
        self.asked.lock().unwrap().clear();
    }

    /// What was asked of one AWS service.
    pub(crate) fn asked_of(&self, service: &str) -> Vec<Asked> {
        self.asked()
            .into_iter()
            .filter(|asked| asked.scope().1 == service)
            .collect()
    }
}

/// The class of all tests.
pub(crate) fn access() -> ClassAccess {
    ClassAccess {
        name: "c".into(),
        role_arn: "arn:aws:iam::111122223333:role/breakwater".into(),
        dns_role_arn: None,
        external_id: "prod/c".into(),
        hosted_zones: vec!["Z1".into()],
        cloudflare_account: "acc".into(),
        cloudflare_token: Secret::new("very-secret-token"),
        allowed_hosts: vec!["127.0.0.1".into(), "*.localhost".into(), "*.example.com".into()],
        proxy_url: None,
        allow_private_addresses: false,
    }
}

/// Settings under which everything goes to one server.
pub(crate) fn settings(url: &str) -> Settings {
    Settings {
        allow_loopback_probes: true,
        read_timeout: Duration::from_millis(800),
        cloudflare_url: Some(format!("{url}/client/v4")),
        aws: Some(FixedAws {
            endpoint: url.to_owned(),
            access_key_id: "AKIDTEST".into(),
            secret_access_key: Secret::new("sk"),
        }),
        ..Settings::default()
    }
}

/// Clouds with the class, against a server.
pub(crate) fn clouds(server: &Canned) -> Clouds {
    let clouds = Clouds::new(settings(&server.url));
    clouds.set_class(access());
    clouds
}

pub(crate) fn scope(region: &str) -> Scope {
    Scope {
        class: "c".into(),
        region: region.into(),
    }
}

/// Asks one question with number 7, at a fixed time.
pub(crate) async fn ask(clouds: &Clouds, query: Query) -> Vec<(ObjectKey, Value)> {
    use crate::Eyes;
    let now = Now {
        mono: Duration::ZERO,
        wall: "2026-11-25T10:00:00Z".parse().unwrap(),
    };
    clouds.query(now, Cause(7), &query).await
}

/// What STS gives; `ends` as in the answer.
pub(crate) fn session(key: &str, ends: &str) -> String {
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>token-of-{key}</SessionToken>\
         <Expiration>{ends}</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/\
         breakwater/breakwater</Arn><AssumedRoleId>A:breakwater</AssumedRoleId></AssumedRoleUser></AssumeRoleResult>\
         <ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></AssumeRoleResponse>"
    )
}

/// STS for every region: a session named after it that lasts.
pub(crate) fn sts(asked: &Asked) -> Option<Reply> {
    let (region, service) = asked.scope();
    (service == "sts").then(|| Reply::new(200, &session(&format!("ASIA-{region}"), "2099-01-01T00:00:00Z")))
}

/// An RDS error.
pub(crate) fn rds_error(status: u16, code: &str, message: &str) -> Reply {
    Reply::new(
        status,
        &format!(
            "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error><Type>Sender</Type><Code>{code}\
             </Code><Message>{message}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
        ),
    )
}
