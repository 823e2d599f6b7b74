//! Plain HTTP as users and shop processes answer it: probes, proofs, reference URLs.
//!
//! Each GET opens a connection of its own (an old one hides that new ones fail), goes through no proxy unless the
//! class names one, follows no redirect, and goes only to hosts and addresses that are allowed.

mod addresses;
mod errors;
mod proof;

pub(crate) use errors::{Broke, broke, chain_text};

use crate::settings::{ClassAccess, Settings};
use crate::text::clean;
use addresses::{Guard, LookUp, Rules};
use breakwater_core::Text;
use breakwater_core::reading::{Cause, ProbeSeen, ProofSeen};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Longest body that is read; a proof is some hundred bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// The header in which a service may say which region it is in.
const REGION_HEADER: &str = "x-breakwater-region";

/// Probes of one class.
pub(crate) struct Prober {
    client: Result<reqwest::Client, Text>,
    rules: Rules,
    allowed_hosts: Vec<Text>,
    proxied: bool,
    settings: Settings,
}

/// An HTTP answer.
struct Answer {
    status: u16,
    region: Option<Text>,
    body: Vec<u8>,
    /// There is more of it.
    cut: bool,
}

impl Prober {
    pub(crate) fn new(settings: &Settings, class: &ClassAccess) -> Self {
        Prober::looking_up(settings, class, addresses::by_the_system())
    }

    fn looking_up(settings: &Settings, class: &ClassAccess, look_up: LookUp) -> Self {
        let rules = Rules {
            loopback: settings.allow_loopback_probes,
            private: class.allow_private_addresses,
        };
        Prober {
            client: client(rules, class.proxy_url.as_deref(), look_up),
            rules,
            allowed_hosts: class
                .allowed_hosts
                .iter()
                .map(|host| host.to_ascii_lowercase().into())
                .collect(),
            proxied: class.proxy_url.is_some(),
            settings: settings.clone(),
        }
    }

    /// A service's direct URL.
    pub(crate) async fn probe(&self, cause: Cause, url: &str, region: &str, timeout: Duration) -> ProbeSeen {
        match self.get(cause, url, timeout, true).await {
            Ok(answer) => match answer.region {
                Some(other) if !other.eq_ignore_ascii_case(region) => ProbeSeen::OtherRegion(other),
                Some(_) | None => ProbeSeen::Status(answer.status),
            },
            Err(seen) => seen,
        }
    }

    /// A reference URL: named by the class itself, so its host needs no further permission.
    pub(crate) async fn reference(&self, cause: Cause, url: &str, timeout: Duration) -> ProbeSeen {
        match self.get(cause, url, timeout, false).await {
            Ok(answer) => ProbeSeen::Status(answer.status),
            Err(seen) => seen,
        }
    }

    /// A proof URL; `asked` is the wall time.
    pub(crate) async fn proof(
        &self,
        asked: Timestamp,
        cause: Cause,
        url: &str,
        region: &str,
        timeout: Duration,
    ) -> ProofSeen {
        match self.get(cause, url, timeout, true).await {
            Ok(answer) => match answer.region {
                Some(other) if !other.eq_ignore_ascii_case(region) => {
                    ProofSeen::Nothing(clean(&format!("the answer comes from region {other}")))
                }
                Some(_) | None if answer.cut => ProofSeen::Nothing("the answer is too long for a proof".into()),
                Some(_) | None if (200..300).contains(&answer.status) => proof::read(&answer.body, region, asked),
                Some(_) | None => ProofSeen::Nothing(clean(&format!("HTTP {}", answer.status))),
            },
            Err(seen) => ProofSeen::Nothing(errors::words(&seen)),
        }
    }

    async fn get(&self, cause: Cause, url: &str, timeout: Duration, hosts: bool) -> Result<Answer, ProbeSeen> {
        let url = self.allowed(url, hosts)?;
        let client = self.client.as_ref().map_err(|text| ProbeSeen::Ours(text.clone()))?;
        let secure = url.scheme() == "https";
        let failed = |error: reqwest::Error| errors::seen(&error, secure, self.proxied);
        let mut response = client
            .get(url)
            .timeout(self.settings.io(timeout))
            .header("x-breakwater-query", cause.0)
            .send()
            .await
            .map_err(failed)?;
        let status = response.status().as_u16();
        if self.proxied && !secure && matches!(status, 407 | 502..=504) {
            // Which of the two said so cannot be told apart.
            return Err(ProbeSeen::Proxy);
        }
        let region = response
            .headers()
            .get(REGION_HEADER)
            .and_then(|value| value.to_str().ok())
            .map(clean);
        let mut body = vec![];
        // The whole answer must come in time; of an endless one the beginning is enough.
        let mut cut = false;
        while !cut && let Some(part) = response.chunk().await.map_err(failed)? {
            cut = part.len() > LONGEST_BODY - body.len();
            body.extend_from_slice(&part[..part.len().min(LONGEST_BODY - body.len())]);
        }
        Ok(Answer {
            status,
            region,
            body,
            cut,
        })
    }

    /// The URL, if the class allows it. Names are checked here, what they resolve to when it is known.
    fn allowed(&self, url: &str, hosts: bool) -> Result<Url, ProbeSeen> {
        let forbidden = |text: &str| ProbeSeen::Forbidden(clean(text));
        let url = Url::parse(url).map_err(|_| forbidden("not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(forbidden("only http and https URLs without a user are probed"));
        }
        let host = match url.host() {
            Some(url::Host::Domain(name)) => name.trim_end_matches('.').to_ascii_lowercase(),
            Some(url::Host::Ipv4(address)) => self.literal(address.into())?,
            Some(url::Host::Ipv6(address)) => self.literal(address.into())?,
            None => return Err(forbidden("the URL has no host")),
        };
        if hosts && !self.allowed_hosts.iter().any(|pattern| host_matches(pattern, &host)) {
            return Err(forbidden(&format!("host {host} is not in the class's allowedHosts")));
        }
        if addresses::is_localhost(&host) && !self.rules.loopback {
            return Err(forbidden(&format!("host {host} is this machine itself")));
        }
        Ok(url)
    }

    fn literal(&self, address: std::net::IpAddr) -> Result<String, ProbeSeen> {
        match self.rules.refusal(address) {
            Some(reason) => Err(ProbeSeen::Forbidden(clean(&format!("{address} is {reason}")))),
            None => Ok(address.to_string()),
        }
    }
}

fn client(rules: Rules, proxy_url: Option<&str>, look_up: LookUp) -> Result<reqwest::Client, Text> {
    let words = |error: reqwest::Error| clean(&format!("no client for probes: {error}"));
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("breakwater-probe/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .http1_only();
    let mut proxy_host = None;
    if let Some(url) = proxy_url {
        builder = builder.proxy(reqwest::Proxy::all(url).map_err(words)?);
        proxy_host = Url::parse(url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_ascii_lowercase));
    }
    builder
        .dns_resolver(Arc::new(Guard {
            rules,
            look_up,
            proxy_host,
        }))
        .build()
        .map_err(words)
}

/// `*.example.com` stands for every name below `example.com`, not for itself.
fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => host
            .strip_suffix(parent)
            .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        None => pattern == host,
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
