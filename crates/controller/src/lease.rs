//! The lease: compare-and-swap on a Lease object, judged by our own monotonic clock.
//!
//! No crate is used: those that were tried say "leader" after their lease has run out, or do without compare-and-swap.

use crate::driver::Happened;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

/// How long a lease lasts without renewal (real time).
pub(crate) const DURATION: Duration = Duration::from_secs(15);
/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(4);
/// Time-out of one renewal: three of them fit into a lease.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

/// Why a renewal did not succeed.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("the API server did not answer within {REQUEST_TIMEOUT:?}")]
    TimedOut,
    #[error("the API server refused")]
    Refused(#[source] kube::Error),
}

/// What was last seen of another holder, and since when it has stayed so.
struct Watched {
    version: Option<String>,
    since: Instant,
}

/// Holds the lease until told to stop, and tells the driver until when it is valid.
pub(crate) async fn hold(
    client: Client,
    namespace: String,
    name: String,
    me: String,
    tell: mpsc::UnboundedSender<Happened>,
    mut stop: watch::Receiver<bool>,
) {
    let api: Api<Lease> = Api::namespaced(client, &namespace);
    let mut watched = Watched {
        version: None,
        since: Instant::now(),
    };
    loop {
        // Validity counts from before the request was sent, whenever its answer comes.
        let before = Instant::now();
        match attempt(&api, &name, &me, &mut watched).await {
            Ok(true) => _ = tell.send(Happened::Lease(Some(before + DURATION))),
            Ok(false) => _ = tell.send(Happened::Lease(None)),
            Err(error) => {
                tracing::warn!(%error, "lease not renewed");
                _ = tell.send(Happened::LeaseFailed);
            }
        }
        let pause = RENEW_EVERY
            .saturating_sub(before.elapsed())
            .max(Duration::from_millis(200));
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.changed() => break,
        }
    }
    release(&api, &name, &me).await;
}

/// Tries once to take or renew it; `false`: another process holds it.
async fn attempt(api: &Api<Lease>, name: &str, me: &str, watched: &mut Watched) -> Result<bool, Failed> {
    let Some(found) = within(api.get_opt(name)).await? else {
        return written(within(api.create(&PostParams::default(), &lease(name, me, None))).await);
    };
    let holder = found
        .spec
        .as_ref()
        .and_then(|spec| spec.holder_identity.clone())
        .unwrap_or_default();
    if holder != me && !holder.is_empty() && !idle_for_a_lease(&found, watched) {
        return Ok(false);
    }
    let renewed = lease(name, me, found.resource_version());
    written(within(api.replace(name, &PostParams::default(), &renewed)).await)
}

/// A new holder first watches the old one idle for a whole lease, by its own clock.
fn idle_for_a_lease(found: &Lease, watched: &mut Watched) -> bool {
    let version = found.resource_version();
    if watched.version != version {
        *watched = Watched {
            version,
            since: Instant::now(),
        };
    }
    watched.since.elapsed() >= DURATION
}

/// A conflict means that somebody else was faster.
fn written(result: Result<Lease, Failed>) -> Result<bool, Failed> {
    match result {
        Ok(_) => Ok(true),
        Err(Failed::Refused(kube::Error::Api(status))) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}

async fn within<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, Failed> {
    timeout(REQUEST_TIMEOUT, request)
        .await
        .map_err(|_| Failed::TimedOut)?
        .map_err(Failed::Refused)
}

fn lease(name: &str, me: &str, version: Option<String>) -> Lease {
    let now = MicroTime(jiff::Timestamp::now());
    Lease {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            resource_version: version,
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(me.to_owned()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            ..LeaseSpec::default()
        }),
    }
}

/// Gives it back, so that the next process need not wait. Best effort: it runs out anyway.
async fn release(api: &Api<Lease>, name: &str, me: &str) {
    let Ok(Some(found)) = within(api.get_opt(name)).await else {
        return;
    };
    if found.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()) == Some(me) {
        let empty = lease(name, "", found.resource_version());
        if let Err(error) = within(api.replace(name, &PostParams::default(), &empty)).await {
            tracing::info!(%error, "lease not given back; it runs out by itself");
        }
    }
}
