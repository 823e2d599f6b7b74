//! AWS as one class may use it: RDS and CloudWatch of any region, Route 53, and the sessions that sign for them.
//!
//! Everything of a region goes to that region, its STS included: nothing of the standby's lane may depend on the
//! region that died. Connections are never reused: silence means something only on a fresh one, and a handful of
//! reads a minute does not need more.

mod calls;
mod check;
mod instances;
mod lags;
mod names;
mod parameters;
mod sessions;
mod whole;
mod wire;

use crate::fault::Fault;
use crate::settings::Settings;
use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_sdk_rds::config::{IdentityCache, StalledStreamProtectionConfig};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use aws_types::region::Region;
use breakwater_core::Text;
use breakwater_core::reading::Seen;
use sessions::Sessions;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

pub(crate) use calls::Sending;
pub(crate) use wire::Wire;

/// Where Route 53's control plane lives (Route 53 docs: the control plane is in us-east-1 only). A session for
/// Route 53 is asked for there first: it shares the fate of what it is for.
const NAMES_REGION: &str = "us-east-1";

/// How long a success elsewhere speaks for our credentials, virtual time.
const CREDENTIALS_WORKED: Duration = Duration::from_secs(60);

/// What that comes down to at the least, real time: at a high time scale a few reads must fit in.
const CREDENTIALS_WORKED_FLOOR: Duration = Duration::from_secs(2);

/// What the SDK clients of all classes share.
pub(crate) struct Base {
    settings: Settings,
    http: SharedHttpClient,
}

impl Base {
    pub(crate) fn new(settings: Settings) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .pool_max_idle_per_host(0)
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https();
        Base { settings, http }
    }

    fn read_timeout(&self) -> Duration {
        self.settings.io(self.settings.read_timeout)
    }

    async fn sdk_config(&self, region: &str) -> SdkConfig {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .http_client(self.http.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(self.read_timeout()))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(fixed) = &self.settings.aws {
            let keys = Credentials::new(
                fixed.access_key_id.clone(),
                fixed.secret_access_key.reveal(),
                None,
                None,
                "settings",
            );
            loader = loader.endpoint_url(&fixed.endpoint).credentials_provider(keys);
        }
        loader.load().await
    }
}

fn timeouts(whole: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_timeout(whole)
        .operation_attempt_timeout(whole)
        .connect_timeout(whole)
        .read_timeout(whole)
        .build()
}

/// The clients of one region.
pub(crate) struct Lane {
    region: Text,
    rds: aws_sdk_rds::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    route53: aws_sdk_route53::Client,
    sts: aws_sdk_sts::Client,
}

impl Lane {
    async fn build(base: &Base, region: &Text) -> Self {
        let shared = base.sdk_config(region).await;
        // Sessions are ours and given with each request; the SDK must not keep one beside them. Only STS signs
        // with the controller's own identity, which the SDK may cache.
        let uncached = IdentityCache::no_cache;
        Lane {
            region: region.clone(),
            rds: aws_sdk_rds::Client::from_conf(
                aws_sdk_rds::config::Builder::from(&shared)
                    .identity_cache(uncached())
                    .build(),
            ),
            cloudwatch: aws_sdk_cloudwatch::Client::from_conf(
                aws_sdk_cloudwatch::config::Builder::from(&shared)
                    .identity_cache(uncached())
                    .build(),
            ),
            route53: aws_sdk_route53::Client::from_conf(
                aws_sdk_route53::config::Builder::from(&shared)
                    .identity_cache(uncached())
                    .build(),
            ),
            sts: aws_sdk_sts::Client::new(&shared),
        }
    }
}

/// AWS as one class may use it.
pub(crate) struct Aws {
    base: Arc<Base>,
    role: Text,
    dns_role: Text,
    zones: Vec<Text>,
    lanes: Mutex<HashMap<Text, Arc<OnceCell<Arc<Lane>>>>>,
    sessions: Sessions,
    worked: Mutex<HashMap<Text, Instant>>,
}

impl Aws {
    pub(crate) fn new(
        base: Arc<Base>,
        role: Text,
        dns_role: Option<Text>,
        external_id: Text,
        zones: Vec<Text>,
    ) -> Self {
        Aws {
            dns_role: dns_role.unwrap_or_else(|| role.clone()),
            sessions: Sessions::new(external_id, &base.settings),
            base,
            role,
            zones,
            lanes: Mutex::default(),
            worked: Mutex::default(),
        }
    }

    async fn lane(&self, region: &Text) -> Arc<Lane> {
        let cell = {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            lanes.entry(region.clone()).or_default().clone()
        };
        cell.get_or_init(|| async { Arc::new(Lane::build(&self.base, region).await) })
            .await
            .clone()
    }

    /// The lane of a region, and credentials that sign for it.
    async fn signed(&self, region: &Text) -> Result<(Arc<Lane>, Credentials), Fault> {
        let lane = self.lane(region).await;
        let credentials = self.sessions.credentials(&lane, &self.role).await?;
        Ok((lane, credentials))
    }

    /// The same for a call, which must not wait for a renewal.
    async fn signed_call(&self, region: &Text) -> Result<(Arc<Lane>, Credentials), Fault> {
        let lane = self.lane(region).await;
        let credentials = self.sessions.credentials_at_once(&lane, &self.role).await?;
        Ok((lane, credentials))
    }

    /// The lane of Route 53, and credentials that sign for it.
    async fn signed_for_names(&self) -> Result<(Arc<Lane>, Credentials), Fault> {
        let lane = self.lane(&NAMES_REGION.into()).await;
        let first = match self.sessions.credentials(&lane, &self.dns_role).await {
            Ok(credentials) => return Ok((lane, credentials)),
            Err(fault) => fault,
        };
        // Only Route 53's own region refuses or is silent: a session of any other signs as well.
        if let (false, Some(other)) = (matches!(first, Fault::Denied(_) | Fault::Clock(_)), self.last_worked()) {
            let other = self.lane(&other).await;
            if let Ok(credentials) = self.sessions.credentials(&other, &self.dns_role).await {
                return Ok((lane, credentials));
            }
        }
        Err(first)
    }

    fn may_name(&self, zone: &str) -> Result<(), Fault> {
        if self.zones.iter().any(|granted| &**granted == zone) {
            return Ok(());
        }
        let text = crate::clean(&format!("the class does not grant hosted zone {zone}"));
        Err(Fault::Refused {
            status: 0,
            code: "NotGranted".into(),
            text,
        })
    }

    /// Keeps that credentials of this class were good in this region a moment ago, or lets go of a session that
    /// the provider does not take any more.
    fn learn<T>(&self, lane: &Lane, role: &Text, result: Result<T, Fault>) -> Result<T, Fault> {
        match &result {
            Ok(_) => {
                let mut worked = self.worked.lock().unwrap_or_else(PoisonError::into_inner);
                worked.insert(lane.region.clone(), Instant::now());
            }
            Err(Fault::Denied(text)) if text.contains("ExpiredToken") || text.contains("InvalidClientTokenId") => {
                self.sessions.forget(role, &lane.region);
            }
            Err(_) => {}
        }
        result
    }

    fn last_worked(&self) -> Option<Text> {
        let worked = self.worked.lock().unwrap_or_else(PoisonError::into_inner);
        worked
            .iter()
            .max_by_key(|(_, at)| **at)
            .map(|(region, _)| region.clone())
    }

    /// Whether our credentials worked in another region within a minute of when a question was asked, or after:
    /// what turns "no answer" into silence.
    fn worked_elsewhere(&self, region: &str, asked: Instant) -> bool {
        let window = self
            .base
            .settings
            .real(CREDENTIALS_WORKED)
            .max(CREDENTIALS_WORKED_FLOOR);
        let worked = self.worked.lock().unwrap_or_else(PoisonError::into_inner);
        worked
            .iter()
            .any(|(at, when)| &**at != region && asked.saturating_duration_since(*when) <= window)
    }

    /// What a fault in this region says about an object of it: Silent, if the request was signed with credentials
    /// that worked elsewhere within a minute and no byte came back on its fresh connection.
    fn seen<T>(&self, region: &str, asked: Instant, fault: &Fault) -> Seen<T> {
        if fault.no_byte() && self.worked_elsewhere(region, asked) {
            Seen::Silent
        } else {
            fault.seen()
        }
    }
}

/// Sends one SDK operation: our headers, our credentials, our time-out, and the fault if there is one.
macro_rules! send {
    ($wire:expr, $sdk:ident, $credentials:expr, $timeout:expr, $operation:expr) => {{
        let wire: crate::aws::Wire = $wire;
        let settings = $sdk::config::Builder::new()
            .credentials_provider($credentials.clone())
            .timeout_config(crate::aws::timeouts($timeout));
        let request = $operation
            .customize()
            .interceptor(wire.clone())
            .config_override(settings);
        // Boxed: this future is large, and it is a part of many others.
        let result = Box::pin(request.send()).await;
        match result {
            Ok(output) => wire.accept(output),
            Err(error) => Err(wire.fault(&error)),
        }
    }};
}
pub(crate) use send;
