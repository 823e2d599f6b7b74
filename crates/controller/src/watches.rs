//! Watches: Storefronts, classes, namespaces and Secrets, each a stream into the driver. A malformed object stops
//! nobody else, and a watch that stays in error is told.

use crate::driver::Happened;
use breakwater_api::{Storefront, StorefrontClass};
use futures::StreamExt;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::Api;
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// A quiet watch and a dead one look alike until this (kube-runtime swallows bookmarks).
const WATCH_TIMEOUT: u32 = 20;
/// A watch is silent when it has been in error for this long without a successful list or watch.
const SILENT_AFTER: Duration = Duration::from_secs(30);

/// One thing that a watch saw.
#[derive(Debug)]
pub(crate) enum Saw {
    /// A Storefront, or why it cannot be read.
    Storefront(Box<Storefront>),
    /// A Storefront that does not decode: namespace, name, why.
    Unreadable(String, String, String),
    /// A Storefront is gone: namespace, name.
    StorefrontGone(String, String),
    /// A class.
    Class(Box<StorefrontClass>),
    /// A class is gone.
    ClassGone(String),
    /// A namespace's labels.
    Namespace(Box<Namespace>),
    /// A Secret of our own namespace.
    Secret(Box<Secret>),
    /// A list is complete.
    Listed(&'static str),
}

/// Starts all watches.
pub(crate) fn start(client: &Client, namespace: &str, tell: &mpsc::UnboundedSender<Happened>) {
    tokio::spawn(watch(
        Api::<DeserializeGuard<Storefront>>::all(client.clone()),
        "storefronts",
        tell.clone(),
        storefront,
    ));
    tokio::spawn(watch(
        Api::<DeserializeGuard<StorefrontClass>>::all(client.clone()),
        "classes",
        tell.clone(),
        class,
    ));
    tokio::spawn(watch(
        Api::<Namespace>::all(client.clone()),
        "namespaces",
        tell.clone(),
        |namespace, gone| (!gone).then(|| Saw::Namespace(Box::new(namespace))),
    ));
    tokio::spawn(watch(
        Api::<Secret>::namespaced(client.clone(), namespace),
        "secrets",
        tell.clone(),
        |secret, gone| (!gone).then(|| Saw::Secret(Box::new(secret))),
    ));
}

fn storefront(guard: DeserializeGuard<Storefront>, gone: bool) -> Option<Saw> {
    let (namespace, name) = (guard.namespace().unwrap_or_default(), guard.name_any());
    if gone {
        return Some(Saw::StorefrontGone(namespace, name));
    }
    Some(match guard.0 {
        Ok(mut storefront) => {
            // No reflector keeps whole objects.
            storefront.metadata.managed_fields = None;
            Saw::Storefront(Box::new(storefront))
        }
        Err(invalid) => Saw::Unreadable(
            namespace,
            name,
            breakwater_providers::clean(&invalid.to_string()).to_string(),
        ),
    })
}

fn class(guard: DeserializeGuard<StorefrontClass>, gone: bool) -> Option<Saw> {
    let name = guard.name_any();
    match guard.0 {
        Ok(class) if !gone => Some(Saw::Class(Box::new(class))),
        // A class that cannot be read grants nothing.
        Ok(_) | Err(_) => Some(Saw::ClassGone(name)),
    }
}

async fn watch<K>(
    api: Api<K>,
    what: &'static str,
    tell: mpsc::UnboundedSender<Happened>,
    mut saw: impl FnMut(K, bool) -> Option<Saw>,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default,
{
    let config = watcher::Config::default().timeout(WATCH_TIMEOUT);
    let mut stream = std::pin::pin!(watcher(api, config).default_backoff());
    let mut failing_since: Option<Instant> = None;
    while let Some(event) = stream.next().await {
        let told = match event {
            Ok(event) => {
                if failing_since
                    .take()
                    .is_some_and(|since| since.elapsed() >= SILENT_AFTER)
                {
                    _ = tell.send(Happened::WatchSilent(what, false));
                }
                match event {
                    Event::Apply(object) | Event::InitApply(object) => saw(object, false),
                    Event::Delete(object) => saw(object, true),
                    Event::Init => None,
                    Event::InitDone => Some(Saw::Listed(what)),
                }
            }
            Err(error) => {
                let since = *failing_since.get_or_insert_with(Instant::now);
                tracing::warn!(what, %error, "watch failed; it is tried again");
                if since.elapsed() >= SILENT_AFTER {
                    _ = tell.send(Happened::WatchSilent(what, true));
                }
                None
            }
        };
        if let Some(told) = told
            && tell.send(Happened::Saw(told)).is_err()
        {
            return;
        }
    }
}
