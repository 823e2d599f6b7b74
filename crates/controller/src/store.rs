//! The store: status by compare-and-swap on resourceVersion, each request with a time-out of its own.

use crate::catalogue::kept_of;
use breakwater_api::{FINALIZER, Storefront, StorefrontStatus, invalid_status, render};
use breakwater_core::shop::ShopKey;
use breakwater_engine::port::{Kept, Status, StoreError, Version};
use jiff::Timestamp;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, ObjectMeta};
use kube::{Client, Resource};
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

/// Time-out of one request to the API server (real time). A hung request must not hang a storefront.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads and writes Storefronts.
#[derive(Clone)]
pub(crate) struct Store {
    client: Client,
}

impl Store {
    pub(crate) fn new(client: Client) -> Self {
        Store { client }
    }

    /// The object as the API server itself has it.
    pub(crate) async fn read(&self, key: &ShopKey) -> Result<Storefront, StoreError> {
        let api: Api<Storefront> = Api::namespaced(self.client.clone(), &key.namespace);
        bounded(api.get(&key.name)).await
    }

    /// Writes journal and report against this version.
    pub(crate) async fn write(
        &self,
        key: &ShopKey,
        status: &Status,
        previous: Option<&StorefrontStatus>,
        version: &Version,
    ) -> Result<(Kept, Storefront), StoreError> {
        let rendered = render(&status.journal, &status.report, previous, Timestamp::now());
        let stored = self.replace_status(key, &rendered, version).await?;
        Ok((kept_of(&stored), stored))
    }

    /// Writes the status of a Storefront that cannot be looked after; the journal stays as it is.
    pub(crate) async fn write_unusable(
        &self,
        key: &ShopKey,
        why: &breakwater_api::Unusable,
        generation: i64,
        seen: &Storefront,
    ) -> Result<(), StoreError> {
        let status = invalid_status(why, generation, seen.status.as_ref(), Timestamp::now());
        if seen.status.as_ref() == Some(&status) {
            return Ok(());
        }
        self.replace_status(key, &status, &kept_of(seen).version)
            .await
            .map(|_| ())
    }

    async fn replace_status(
        &self,
        key: &ShopKey,
        status: &StorefrontStatus,
        version: &Version,
    ) -> Result<Storefront, StoreError> {
        let kind = ApiResource::erase::<Storefront>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &key.namespace, &kind);
        // A status write carries no spec: the API server keeps the one it has.
        let object = DynamicObject {
            types: Some(kube::core::TypeMeta {
                api_version: Storefront::api_version(&()).to_string(),
                kind: Storefront::kind(&()).to_string(),
            }),
            metadata: ObjectMeta {
                name: Some(key.name.to_string()),
                namespace: Some(key.namespace.to_string()),
                resource_version: Some(version.to_string()),
                ..ObjectMeta::default()
            },
            data: json!({"status": status}),
        };
        let stored = bounded(api.replace_status(&key.name, &PostParams::default(), &object)).await?;
        stored
            .try_parse()
            .map_err(|error| StoreError::Unknown(breakwater_providers::clean(&error.to_string())))
    }

    /// Puts our finalizer on a Storefront, against the version that was seen.
    pub(crate) async fn add_finalizer(&self, seen: &Storefront) -> Result<(), StoreError> {
        let mut finalizers = seen.metadata.finalizers.clone().unwrap_or_default();
        finalizers.push(FINALIZER.to_owned());
        self.patch_finalizers(seen, &finalizers).await
    }

    /// Takes our finalizer off a Storefront.
    pub(crate) async fn remove_finalizer(&self, key: &ShopKey) -> Result<(), StoreError> {
        let seen = self.read(key).await?;
        let mut finalizers = seen.metadata.finalizers.clone().unwrap_or_default();
        finalizers.retain(|finalizer| finalizer != FINALIZER);
        self.patch_finalizers(&seen, &finalizers).await
    }

    async fn patch_finalizers(&self, seen: &Storefront, finalizers: &[String]) -> Result<(), StoreError> {
        let namespace = seen.metadata.namespace.clone().unwrap_or_default();
        let name = seen.metadata.name.clone().unwrap_or_default();
        let api: Api<Storefront> = Api::namespaced(self.client.clone(), &namespace);
        let patch = json!({
            "metadata": {"finalizers": finalizers, "resourceVersion": seen.metadata.resource_version}
        });
        bounded(api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)))
            .await
            .map(|_| ())
    }
}

/// One request, bounded in time, its failure as the engine understands it.
pub(crate) async fn bounded<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, StoreError> {
    match timeout(REQUEST_TIMEOUT, request).await {
        Err(_) => Err(StoreError::Unknown("the API server did not answer in time".into())),
        Ok(Ok(value)) => Ok(value),
        Ok(Err(kube::Error::Api(status))) => Err(match status.code {
            409 => StoreError::Conflict,
            404 => StoreError::Gone,
            401 | 403 | 422 => StoreError::Denied(breakwater_providers::clean(&status.message)),
            _ => StoreError::Unknown(breakwater_providers::clean(&status.message)),
        }),
        Ok(Err(error)) => Err(StoreError::Unknown(breakwater_providers::clean(&error.to_string()))),
    }
}
