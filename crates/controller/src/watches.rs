//! Watches: Storefronts, RegionSwitches, classes, namespaces and Secrets, each a stream into the driver. A malformed object stops
//! nobody else, and a watch that stays in error is told.

use crate::driver::Happened;
use breakwater_api::{RegionSwitch, Storefront, StorefrontClass};
use futures::StreamExt;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::Api;
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
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
    /// A RegionSwitch without an outcome.
    Switch(Box<RegionSwitch>),
    /// A RegionSwitch ended or is gone: namespace, name.
    SwitchGone(String, String),
    /// A class.
    Class(Box<StorefrontClass>),
    /// A class is gone.
    ClassGone(String),
    /// A namespace's labels.
    Namespace(Box<Namespace>),
    /// A Secret of our own namespace.
    Secret(Box<Secret>),
    /// A Secret of our own namespace is gone.
    SecretGone(String),
    /// A list is complete.
    Listed(&'static str),
}

/// Starts all watches.
pub(crate) fn start(client: &Client, namespace: &str, tell: &mpsc::UnboundedSender<Happened>) {
    tokio::spawn(watch(
        Api::<DeserializeGuard<Storefront>>::all(client.clone()),
        config(),
        "storefronts",
        tell.clone(),
        storefront,
        |namespace, name| Some(Saw::StorefrontGone(namespace, name)),
    ));
    // Those that ended are many, and nobody asks for anything by them.
    tokio::spawn(watch(
        Api::<DeserializeGuard<RegionSwitch>>::all(client.clone()),
        config().fields("status.outcome="),
        "regionswitches",
        tell.clone(),
        switch,
        |namespace, name| Some(Saw::SwitchGone(namespace, name)),
    ));
    tokio::spawn(watch(
        Api::<DeserializeGuard<StorefrontClass>>::all(client.clone()),
        config(),
        "classes",
        tell.clone(),
        class,
        |_, name| Some(Saw::ClassGone(name)),
    ));
    tokio::spawn(watch(
        Api::<Namespace>::all(client.clone()),
        config(),
        "namespaces",
        tell.clone(),
        |namespace| Saw::Namespace(Box::new(namespace)),
        // A namespace goes after all that is in it.
        |_, _| None,
    ));
    tokio::spawn(watch(
        Api::<Secret>::namespaced(client.clone(), namespace),
        config(),
        "secrets",
        tell.clone(),
        |secret| Saw::Secret(Box::new(secret)),
        |_, name| Some(Saw::SecretGone(name)),
    ));
}

fn storefront(guard: DeserializeGuard<Storefront>) -> Saw {
    let (namespace, name) = (guard.namespace().unwrap_or_default(), guard.name_any());
    match guard.0 {
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
    }
}

fn switch(guard: DeserializeGuard<RegionSwitch>) -> Saw {
    let (namespace, name) = (guard.namespace().unwrap_or_default(), guard.name_any());
    match guard.0 {
        Ok(switch) => Saw::Switch(Box::new(switch)),
        // What cannot be read asks for nothing.
        Err(invalid) => {
            let why = breakwater_providers::clean(&invalid.to_string());
            tracing::warn!(namespace, name, %why, "a RegionSwitch cannot be read; the others go on");
            Saw::SwitchGone(namespace, name)
        }
    }
}

fn class(guard: DeserializeGuard<StorefrontClass>) -> Saw {
    let name = guard.name_any();
    match guard.0 {
        Ok(class) => Saw::Class(Box::new(class)),
        // A class that cannot be read grants nothing.
        Err(_) => Saw::ClassGone(name),
    }
}

/// Namespace and name of an object.
type Key = (String, String);

/// Which objects a watch has shown. A list that begins anew says nothing of what went while nobody watched: what it
/// does not name any more is gone.
#[derive(Default)]
struct Shown {
    now: BTreeSet<Key>,
    before: BTreeSet<Key>,
}

impl Shown {
    fn begin_list(&mut self) {
        self.before.append(&mut self.now);
    }

    fn show(&mut self, object: &impl ResourceExt) {
        let key = key_of(object);
        self.before.remove(&key);
        self.now.insert(key);
    }

    fn lose(&mut self, key: &Key) {
        self.before.remove(key);
        self.now.remove(key);
    }

    fn end_list(&mut self) -> BTreeSet<Key> {
        std::mem::take(&mut self.before)
    }
}

fn key_of(object: &impl ResourceExt) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn config() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_TIMEOUT)
}

async fn watch<K>(
    api: Api<K>,
    config: watcher::Config,
    what: &'static str,
    tell: mpsc::UnboundedSender<Happened>,
    saw: impl Fn(K) -> Saw,
    gone: impl Fn(String, String) -> Option<Saw>,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default,
{
    let mut stream = std::pin::pin!(watcher(api, config).default_backoff());
    let mut failing_since: Option<Instant> = None;
    let mut shown = Shown::default();
    while let Some(event) = stream.next().await {
        let told = match event {
            Ok(event) => {
                if failing_since
                    .take()
                    .is_some_and(|since| since.elapsed() >= SILENT_AFTER)
                {
                    _ = tell.send(Happened::WatchSilent(what, false));
                }
                sights(event, what, &mut shown, &saw, &gone)
            }
            Err(error) => {
                let since = *failing_since.get_or_insert_with(Instant::now);
                tracing::warn!(what, %error, "watch failed; it is tried again");
                if since.elapsed() >= SILENT_AFTER {
                    _ = tell.send(Happened::WatchSilent(what, true));
                }
                Vec::new()
            }
        };
        for one in told {
            if tell.send(Happened::Saw(one)).is_err() {
                return;
            }
        }
    }
}

fn sights<K>(
    event: Event<K>,
    what: &'static str,
    shown: &mut Shown,
    saw: &impl Fn(K) -> Saw,
    gone: &impl Fn(String, String) -> Option<Saw>,
) -> Vec<Saw>
where
    K: Resource,
    K::DynamicType: Default,
{
    match event {
        Event::Apply(object) | Event::InitApply(object) => {
            shown.show(&object);
            vec![saw(object)]
        }
        Event::Delete(object) => {
            let key = key_of(&object);
            shown.lose(&key);
            gone(key.0, key.1).into_iter().collect()
        }
        Event::Init => {
            shown.begin_list();
            Vec::new()
        }
        Event::InitDone => {
            let lost = shown.end_list();
            let lost = lost.into_iter().filter_map(|(namespace, name)| gone(namespace, name));
            lost.chain([Saw::Listed(what)]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(name: &str) -> Namespace {
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.to_owned());
        namespace
    }

    #[test]
    fn what_a_new_list_does_not_name_is_gone() {
        let mut shown = Shown::default();
        let mut hear = |event| {
            sights(
                event,
                "things",
                &mut shown,
                &|object: Namespace| Saw::ClassGone(format!("saw {}", object.name_any())),
                &|_, name| Some(Saw::ClassGone(name)),
            )
            .into_iter()
            .map(|saw| format!("{saw:?}"))
            .collect::<Vec<_>>()
        };
        hear(Event::Init);
        hear(Event::InitApply(namespace("a")));
        hear(Event::InitApply(namespace("b")));
        assert_eq!(hear(Event::InitDone), [r#"Listed("things")"#]);
        hear(Event::Apply(namespace("c")));
        assert_eq!(hear(Event::Delete(namespace("b"))), [r#"ClassGone("b")"#]);
        hear(Event::Init);
        hear(Event::InitApply(namespace("c")));
        assert_eq!(
            hear(Event::InitDone),
            [r#"ClassGone("a")"#, r#"Listed("things")"#],
            "it went while nobody watched"
        );
    }
}
