//! The recorder: every journal that a watch of the real API server shows, as the checkers read it.

use breakwater_api::Storefront;
use futures::StreamExt;
use jiff::Timestamp;
use kube::api::Api;
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The history of all journals, and what stands now.
#[derive(Clone, Default)]
pub struct Recorder {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    history: Vec<Value>,
    newest: BTreeMap<String, Storefront>,
}

impl Recorder {
    /// Starts to record; `wall` tells the scaled time.
    pub fn start(client: Client, wall: impl Fn() -> Timestamp + Send + 'static) -> Recorder {
        let recorder = Recorder::default();
        let inner = recorder.inner.clone();
        tokio::spawn(async move {
            // What does not decode is not ours to record, and must not end the watch.
            let api: Api<DeserializeGuard<Storefront>> = Api::all(client);
            let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
            while let Some(event) = events.next().await {
                if let Ok(Event::Apply(guard) | Event::InitApply(guard)) = event
                    && let Ok(storefront) = guard.0
                {
                    let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
                    inner.take(storefront, wall());
                }
            }
        });
        recorder
    }

    /// The history as JSON.
    #[must_use]
    pub fn history(&self) -> Value {
        Value::Array(self.lock().history.clone())
    }

    /// A Storefront as last seen.
    #[must_use]
    pub fn storefront(&self, name: &str) -> Option<Storefront> {
        self.lock().newest.get(name).cloned()
    }

    /// Whether a condition of a Storefront is True.
    #[must_use]
    pub fn is_true(&self, name: &str, condition: &str) -> bool {
        self.storefront(name)
            .and_then(|storefront| storefront.status)
            .is_some_and(|status| {
                status
                    .conditions
                    .iter()
                    .any(|found| found.kind == condition && found.status == "True")
            })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn take(&mut self, storefront: Storefront, wall: Timestamp) {
        let shop = format!(
            "{}/{}",
            storefront.namespace().unwrap_or_default(),
            storefront.name_any()
        );
        let journal = storefront.status.as_ref().and_then(|status| status.journal.as_ref());
        if let Some(journal) = journal {
            let entry = serde_json::to_value(journal).unwrap_or(Value::Null);
            let before = self.history.iter().rev().find(|old| old["shop"] == shop.as_str());
            if before.is_none_or(|old| old["journal"] != entry) {
                let holder = entry["holder"].clone();
                self.history.push(json!({
                    "at": wall.as_millisecond(), "shop": shop, "holder": holder, "automatic": true, "journal": entry,
                }));
            }
        }
        self.newest.insert(storefront.name_any(), storefront);
    }
}

/// What the checkers need to know of the shops, from the Storefronts themselves.
#[must_use]
pub fn context(recorder: &Recorder, names: &[&str]) -> Value {
    let region = |region: &breakwater_api::storefront::Region| {
        json!({
            "region": region.name, "instance": region.db_instance, "pool": region.pool_id,
            "services": region.services.iter()
                .map(|service| json!({"url": service.url, "needsWriter": service.needs_writer}))
                .collect::<Vec<_>>(),
        })
    };
    let shops: Vec<Value> = names
        .iter()
        .filter_map(|name| recorder.storefront(name))
        .map(|storefront| {
            let failover = serde_json::to_value(&storefront.spec.failover).unwrap_or(Value::Null);
            json!({
                "shop": format!("{}/{}", storefront.namespace().unwrap_or_default(), storefront.name_any()),
                "primary": region(&storefront.spec.regions.primary),
                "secondary": region(&storefront.spec.regions.secondary),
                "balancers": storefront.spec.traffic.load_balancer_ids,
                "maxLossSeconds": failover["maxLossSeconds"],
                "promoteAfterSeconds": failover["promoteAfterSeconds"],
                "databaseGraceSeconds": failover["databaseGraceSeconds"],
                "intervalSeconds": failover["intervalSeconds"],
                "automatic": failover["mode"] == "Automatic",
            })
        })
        .collect();
    json!({"shops": shops, "installation": "demo"})
}
