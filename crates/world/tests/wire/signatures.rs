//! Requests without a valid signature, or without a role, are refused with AWS's documents.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_rds::error::ProvideErrorMetadata;
use aws_smithy_runtime_api::client::result::SdkError;
use breakwater_world::{Config, Running, start};

use crate::sdk::*;

/// Status and code of a refusal.
fn refusal<E: ProvideErrorMetadata>(
    error: SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>,
) -> (u16, String) {
    let status = error.raw_response().unwrap().status().as_u16();
    (status, error.code().unwrap_or_default().to_owned())
}

fn said(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn describe(world: &Running, credentials: Credentials) -> (u16, String) {
    refusal(
        rds(world, WEST, credentials)
            .describe_db_instances()
            .send()
            .await
            .unwrap_err(),
    )
}

#[tokio::test]
async fn keys_are_checked() {
    let world = world().await;
    let fixture = world.fixture();
    assert_eq!(describe(&world, static_key(&world)).await, said(403, "AccessDenied"));
    let wrong = Credentials::new(&fixture.access_key_id, "wrong", None, None, "test");
    assert_eq!(describe(&world, wrong).await, said(403, "SignatureDoesNotMatch"));
    let unknown = Credentials::new("AKIDNOBODY", "wrong", None, None, "test");
    assert_eq!(describe(&world, unknown).await, said(403, "InvalidClientTokenId"));

    let session = session(&world).await;
    let (id, secret) = (session.access_key_id(), session.secret_access_key());
    let without_token = Credentials::new(id, secret, None, None, "test");
    assert_eq!(describe(&world, without_token).await, said(403, "InvalidClientTokenId"));
    let other_token = Credentials::new(id, secret, Some("other".to_owned()), None, "test");
    assert_eq!(describe(&world, other_token).await, said(403, "InvalidClientTokenId"));
    let forged = Credentials::new(id, "wrong", session.session_token().map(str::to_owned), None, "test");
    assert_eq!(describe(&world, forged).await, said(403, "SignatureDoesNotMatch"));
    rds(&world, WEST, session).describe_db_instances().send().await.unwrap();
    let refused = ledger(&world)
        .reads
        .iter()
        .filter(|read| read.op == "describe-instances")
        .count();
    assert_eq!(refused, 1, "what is refused at the door never reaches the world");
}

#[tokio::test]
async fn every_form_has_its_refusals() {
    let world = world().await;
    let key = static_key(&world);
    let zones = route53(&world, "us-east-1", key.clone())
        .get_hosted_zone()
        .id(ZONE)
        .send()
        .await
        .unwrap_err();
    assert_eq!(refusal(zones), said(403, "AccessDenied"));
    let wrong = Credentials::new(key.access_key_id(), "wrong", None, None, "test");
    let metrics = cloudwatch(&world, WEST, wrong)
        .get_metric_data()
        .set_metric_data_queries(Some(Vec::new()))
        .start_time(SystemTime::UNIX_EPOCH.into())
        .end_time(SystemTime::now().into())
        .send()
        .await
        .unwrap_err();
    assert_eq!(refusal(metrics), said(403, "SignatureDoesNotMatch"));
    // With a custom endpoint the SDK scopes Route 53 to the client's region; its control plane has one.
    let elsewhere = route53(&world, WEST, session(&world).await)
        .get_hosted_zone()
        .id(ZONE)
        .send()
        .await
        .unwrap_err();
    assert_eq!(refusal(elsewhere), said(403, "SignatureDoesNotMatch"));
}

#[tokio::test]
async fn roles_ask_for_their_external_id() {
    let world = world().await;
    let fixture = world.fixture();
    let client = sts(&world, EAST, static_key(&world));
    let assume = |role: &str, external: Option<&str>| {
        client
            .assume_role()
            .role_arn(role)
            .set_external_id(external.map(str::to_owned))
            .role_session_name("breakwater")
            .send()
    };
    let (role, external) = (&fixture.role_arns[0], &fixture.external_ids[0]);
    let denied = said(403, "AccessDenied");
    assert_eq!(refusal(assume(role, Some("demo/other")).await.unwrap_err()), denied);
    assert_eq!(refusal(assume(role, None).await.unwrap_err()), denied);
    let admin = "arn:aws:iam::111122223333:role/admin";
    assert_eq!(refusal(assume(admin, Some(external)).await.unwrap_err()), denied);
    assert!(assume(role, Some(external)).await.is_ok());
}

#[tokio::test]
async fn sessions_expire() {
    let mut config: Config = config();
    config.keys.session = Some(Duration::ZERO);
    let world = start(config).await.unwrap();
    let session = session(&world).await;
    assert_eq!(describe(&world, session).await, said(403, "ExpiredToken"));
}

#[tokio::test]
async fn unsigned_requests_are_refused() {
    let world = world().await;
    let base = &world.fixture().base_url;
    let client = reqwest::Client::new();
    let answer = client
        .post(base)
        .body("Action=DescribeDBInstances&Version=2014-10-31")
        .header("content-type", "application/x-www-form-urlencoded")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.headers().contains_key("x-amzn-requestid"));
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("<Code>MissingAuthenticationToken</Code>")
    );
    let zone = client
        .get(format!("{base}/2013-04-01/hostedzone/{ZONE}"))
        .send()
        .await
        .unwrap();
    assert_eq!(zone.status(), 403);
    assert!(
        zone.text()
            .await
            .unwrap()
            .contains("https://route53.amazonaws.com/doc/2013-04-01/")
    );
}
