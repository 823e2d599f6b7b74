//! What people are told: events on Storefronts. A failed event never fails anything.

use breakwater_api::Storefront;
use breakwater_core::shop::ShopKey;
use breakwater_engine::port::Event;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event as KubeEvent, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use std::time::Duration;
use tokio::time::timeout;

/// Kubernetes bounds a note at 1 kB.
const NOTE_AT_MOST: usize = 1000;

/// Tells people.
#[derive(Clone)]
pub(crate) struct People {
    recorder: Recorder,
}

impl People {
    pub(crate) fn new(client: Client, identity: &str) -> Self {
        let reporter = Reporter {
            controller: "breakwater".into(),
            instance: Some(identity.to_owned()),
        };
        People {
            recorder: Recorder::new(client, reporter),
        }
    }

    /// Publishes an event in the background.
    pub(crate) fn tell(&self, event: &Event, uid: Option<String>) {
        tracing::info!(shop = %event.key, reason = event.reason, "{}", event.message);
        let recorder = self.recorder.clone();
        let reference = reference(&event.key, uid);
        let note: String = event.message.chars().take(NOTE_AT_MOST).collect();
        let published = KubeEvent {
            type_: if event.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: event.reason.to_owned(),
            note: Some(note),
            action: "Failover".into(),
            secondary: None,
        };
        tokio::spawn(async move {
            let sent = timeout(Duration::from_secs(5), recorder.publish(&published, &reference)).await;
            if let Ok(Err(error)) = sent {
                tracing::warn!(%error, "event not published");
            }
        });
    }
}

fn reference(key: &ShopKey, uid: Option<String>) -> ObjectReference {
    ObjectReference {
        api_version: Some(Storefront::api_version(&()).to_string()),
        kind: Some(Storefront::kind(&()).to_string()),
        namespace: Some(key.namespace.to_string()),
        name: Some(key.name.to_string()),
        uid,
        ..ObjectReference::default()
    }
}
