//! The real SDKs, set up as the controller sets them up.

use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::region::Region;
use breakwater_sim::{Ledger, Setup};
use breakwater_world::{Config, Running, start};

/// Longer than anything here takes, short enough for a test that hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);
pub const EAST: &str = "ca-central-1";
pub const WEST: &str = "us-west-2";
pub const ZONE: &str = "Z0123456789";

pub async fn world() -> Running {
    start(config()).await.unwrap()
}

pub fn config() -> Config {
    Config::new(Setup::demo())
}

pub fn static_key(world: &Running) -> Credentials {
    let fixture = world.fixture();
    Credentials::new(&fixture.access_key_id, &fixture.secret_access_key, None, None, "test")
}

macro_rules! client {
    ($name:ident, $sdk:ident) => {
        pub fn $name(world: &Running, region: &str, credentials: Credentials) -> $sdk::Client {
            $sdk::Client::from_conf(
                $sdk::Config::builder()
                    .behavior_version($sdk::config::BehaviorVersion::latest())
                    .region(Region::new(region.to_owned()))
                    .endpoint_url(&world.fixture().base_url)
                    .credentials_provider(credentials)
                    .http_client(http_client())
                    .retry_config(RetryConfig::disabled())
                    .timeout_config(TimeoutConfig::builder().operation_timeout(PATIENCE).build())
                    .build(),
            )
        }
    };
}

client!(rds, aws_sdk_rds);
client!(sts, aws_sdk_sts);
client!(route53, aws_sdk_route53);
client!(cloudwatch, aws_sdk_cloudwatch);

pub fn http_client() -> SharedHttpClient {
    Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

/// Credentials of a session of the first role.
pub async fn session(world: &Running) -> Credentials {
    let fixture = world.fixture();
    let answer = sts(world, EAST, static_key(world))
        .assume_role()
        .role_arn(&fixture.role_arns[0])
        .external_id(&fixture.external_ids[0])
        .role_session_name("breakwater-main")
        .send()
        .await
        .unwrap();
    let given = answer.credentials.unwrap();
    Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        Some(given.session_token),
        None,
        "session",
    )
}

pub fn ledger(world: &Running) -> Ledger {
    world.with(|world| world.ledger().clone())
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
