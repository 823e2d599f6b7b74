//! Cloudflare's load balancing, as one class may use it.
//!
//! Endpoints, environment and credentials are those of the `cloudflare` crate's framework. Its client does not
//! send them: it can set no header on a single request, drops the status and headers of an answer (`retry-after`
//! is all that a rate limit's page carries), refuses an envelope whose lists are null, and loses errors whose code
//! exceeds 16 bits. So the requests go through reqwest, and the envelope is read here.

mod endpoints;
mod envelope;
mod fields;
mod views;

use crate::fault::{Fault, retry_after};
use crate::secret::Secret;
use crate::settings::{ClassProblem, Settings};
use crate::text::clean;
use breakwater_core::Text;
use breakwater_core::decision::BalancerPatch;
use breakwater_core::reading::{BalancerView, Cause, MonitorView, PoolHealthView, PoolView, Seen};
use cloudflare::framework::Environment;
use cloudflare::framework::auth::Credentials;
use cloudflare::framework::endpoint::RequestBody;
use endpoints::{Addressed, GetBalancer, GetMonitor, GetPool, ListPools, PatchBalancer, PoolHealth};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// Longest answer that is read: a load balancer with full maps stays far below.
const LONGEST_BODY: usize = 1 << 20;

/// Longest id, of a pool or a place: Cloudflare's have 32 characters.
const LONGEST_ID: usize = 64;

/// An idle connection is not used any more after this time, real time: an API's front closes it at some point, and
/// a call into a closed connection is one of unknown fate.
const IDLE: Duration = Duration::from_secs(15);

/// Cloudflare, as one class may use it.
pub(crate) struct Cloudflare {
    environment: Result<Environment, Text>,
    client: Result<reqwest::Client, Text>,
    account: Text,
    token: Secret,
    read_timeout: Duration,
}

impl Cloudflare {
    pub(crate) fn new(settings: &Settings, account: Text, token: Secret) -> Self {
        let client = reqwest::Client::builder()
            .user_agent(concat!("breakwater/", env!("CARGO_PKG_VERSION")))
            // As the AWS clients: what reaches the API must not depend on who started the process.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|error| clean(&error.to_string()));
        Cloudflare {
            environment: environment(settings.cloudflare_url.as_deref()),
            client,
            account,
            token,
            read_timeout: settings.io(settings.read_timeout),
        }
    }

    pub(crate) async fn pool_health(&self, cause: Cause, pool: &Text) -> Seen<PoolHealthView> {
        let endpoint = PoolHealth {
            account: self.account.clone(),
            pool: pool.clone(),
        };
        seen(
            self.read(cause, &endpoint)
                .await
                .and_then(|result| views::is_about(result, "pool_id", pool))
                .and_then(|result| views::pool_health(&result)),
        )
    }

    pub(crate) async fn pool(&self, cause: Cause, pool: &Text) -> Seen<PoolView> {
        let endpoint = GetPool {
            account: self.account.clone(),
            pool: pool.clone(),
        };
        seen(
            self.read(cause, &endpoint)
                .await
                .and_then(|result| views::is_about(result, "id", pool))
                .and_then(|result| views::pool(&result)),
        )
    }

    pub(crate) async fn monitor(&self, cause: Cause, monitor: &Text) -> Seen<MonitorView> {
        let endpoint = GetMonitor {
            account: self.account.clone(),
            monitor: monitor.clone(),
        };
        seen(
            self.read(cause, &endpoint)
                .await
                .and_then(|result| views::monitor(&result)),
        )
    }

    pub(crate) async fn balancer(&self, cause: Cause, zone: &Text, id: &Text) -> Seen<BalancerView> {
        let endpoint = GetBalancer {
            zone: zone.clone(),
            id: id.clone(),
        };
        seen(
            self.read(cause, &endpoint)
                .await
                .and_then(|result| views::is_about(result, "id", id))
                .and_then(|result| views::balancer(&result)),
        )
    }

    /// `PATCH` with the given fields alone.
    pub(crate) async fn patch_balancer(
        &self,
        (cause, because): (Cause, Cause),
        timeout: Duration,
        zone: &Text,
        id: &Text,
        patch: &BalancerPatch,
    ) -> Result<(), Fault> {
        let endpoint = PatchBalancer {
            zone: zone.clone(),
            id: id.clone(),
            patch: patch.clone(),
        };
        // The document comes back; what it holds is a reading's business.
        let result = self.send(Some(cause), Some(because), timeout, &endpoint).await?;
        views::is_about(result, "id", id).map(|_| ())
    }

    /// Whether the token reads the account's pools. Never by `/user/tokens/verify`: it refuses the tokens that
    /// an account owns.
    pub(crate) async fn check(&self) -> Result<(), ClassProblem> {
        if self.token.is_empty() {
            return Err(ClassProblem::NoToken);
        }
        let scope = |text: Text| ClassProblem::TokenScope {
            account: self.account.clone(),
            text,
        };
        let endpoint = ListPools {
            account: self.account.clone(),
        };
        match self.send(None, None, self.read_timeout, &endpoint).await {
            Ok(Value::Array(_)) => Ok(()),
            Ok(_) => Err(ClassProblem::Unreachable {
                what: "Cloudflare".into(),
                text: "the list of pools is no list".into(),
            }),
            Err(Fault::Denied(text)) => Err(scope(text)),
            Err(Fault::Refused { code, text, .. }) => Err(scope(clean(&format!("{code}: {text}")))),
            Err(other) => Err(ClassProblem::Unreachable {
                what: "Cloudflare".into(),
                text: other.trouble().text,
            }),
        }
    }

    async fn read<E: Addressed>(&self, cause: Cause, endpoint: &E) -> Result<Value, Fault> {
        self.send(Some(cause), None, self.read_timeout, endpoint).await
    }

    async fn send<E: Addressed>(
        &self,
        cause: Option<Cause>,
        because: Option<Cause>,
        timeout: Duration,
        endpoint: &E,
    ) -> Result<Value, Fault> {
        let client = self.client.as_ref().map_err(|text| Fault::Ours(text.clone()))?;
        let environment = self.environment.as_ref().map_err(|text| Fault::Ours(text.clone()))?;
        let operation = format!("{} {}", endpoint.method(), endpoint.path());
        // An id comes from a spec and must not reach another endpoint.
        if !endpoint.ids().into_iter().all(|id| is_id(id)) {
            return Err(Fault::Refused {
                status: 0,
                code: "InvalidId".into(),
                text: clean(&operation),
            });
        }
        let mut request = client
            .request(endpoint.method(), endpoint.url(environment))
            .timeout(timeout);
        if let Some(RequestBody::Json(body)) = endpoint.body() {
            request = request
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .body(body);
        }
        for (name, value) in (Credentials::UserAuthToken {
            token: self.token.reveal().to_owned(),
        })
        .headers()
        {
            request = request.header(name, value);
        }
        for (name, number) in [("x-breakwater-query", cause), ("x-breakwater-because", because)] {
            if let Some(Cause(number)) = number {
                request = request.header(name, number);
            }
        }
        let response = request.send().await.map_err(|error| lost(&error, false))?;
        let status = response.status().as_u16();
        let after = response.headers().get(reqwest::header::RETRY_AFTER);
        let after = retry_after(after.and_then(|value| value.to_str().ok()));
        let body = body(response).await?;
        envelope::judge(status, after, &body, &operation)
    }
}

fn environment(url: Option<&str>) -> Result<Environment, Text> {
    let Some(url) = url else {
        return Ok(Environment::Production);
    };
    // The framework joins paths to it, so it must end in a slash.
    let url = format!("{}/", url.trim_end_matches('/'));
    match Url::parse(&url) {
        Ok(parsed) if !parsed.cannot_be_a_base() => Ok(Environment::Custom(url)),
        Ok(_) | Err(_) => Err("BREAKWATER_CLOUDFLARE_URL is no URL".into()),
    }
}

fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, Fault> {
    let mut body = vec![];
    while let Some(part) = response.chunk().await.map_err(|error| lost(&error, true))? {
        if body.len() + part.len() > LONGEST_BODY {
            return Err(Fault::Foreign("an answer of more than 1 MiB".into()));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

fn lost(error: &reqwest::Error, answered: bool) -> Fault {
    if error.is_timeout() {
        Fault::TimedOut { answered }
    } else if error.is_builder() {
        // A token with characters that no header can hold, for one; its text must not be repeated.
        Fault::Ours("the request to Cloudflare could not be built; does the token hold a stray character?".into())
    } else {
        Fault::Lost {
            answered,
            text: crate::probe::chain_text(error),
        }
    }
}

fn seen<T>(result: Result<T, Fault>) -> Seen<T> {
    match result {
        Ok(view) => Seen::Present(view),
        Err(Fault::Refused { status: 404, .. }) => Seen::Absent,
        Err(fault) => fault.seen(),
    }
}

#[cfg(test)]
#[path = "cloudflare_tests.rs"]
mod tests;
