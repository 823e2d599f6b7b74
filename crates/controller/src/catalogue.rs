//! The catalogue: Storefronts with their classes, namespaces and tokens, and what they make of each other.

use breakwater_api::{FINALIZER, Storefront, StorefrontClass, Unusable, journal_of, parse};
use breakwater_core::shop::{Shop, ShopKey};
use breakwater_engine::port::Kept;
use breakwater_providers::{ClassAccess, Secret};
use kube::ResourceExt;
use std::collections::BTreeMap;

/// All objects that matter, as last seen.
#[derive(Default)]
pub(crate) struct Catalogue {
    storefronts: BTreeMap<ShopKey, Storefront>,
    classes: BTreeMap<String, StorefrontClass>,
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    tokens: BTreeMap<String, BTreeMap<String, Secret>>,
    installation: String,
}

/// What a Storefront amounts to now.
pub(crate) enum Resolved {
    /// It is not there.
    Gone,
    /// It needs our finalizer first.
    NeedsFinalizer,
    /// It is deleted and is not ours any more.
    Leaving,
    /// It can be looked after.
    Shop(Box<Shop>, Box<Kept>),
    /// It cannot, and this is why; with its generation.
    Unusable(Unusable, i64),
    /// It cannot, it is being deleted, and there is nothing of ours to clean up.
    Untouched,
    /// It cannot, it is being deleted, and its owner abandoned what we left behind.
    Abandoned,
}

/// The key of a Storefront.
pub(crate) fn key_of(storefront: &Storefront) -> ShopKey {
    ShopKey {
        namespace: storefront.namespace().unwrap_or_default().into(),
        name: storefront.name_any().into(),
    }
}

/// What an object keeps for us.
pub(crate) fn kept_of(storefront: &Storefront) -> Kept {
    Kept {
        journal: storefront.status.as_ref().and_then(journal_of),
        version: storefront.resource_version().unwrap_or_default().into(),
    }
}

impl Catalogue {
    pub(crate) fn new(installation: &str) -> Self {
        Catalogue {
            installation: installation.to_owned(),
            ..Catalogue::default()
        }
    }

    pub(crate) fn put_storefront(&mut self, storefront: Storefront) -> ShopKey {
        let key = key_of(&storefront);
        self.storefronts.insert(key.clone(), storefront);
        key
    }

    pub(crate) fn remove_storefront(&mut self, key: &ShopKey) {
        self.storefronts.remove(key);
    }

    pub(crate) fn put_class(&mut self, class: StorefrontClass) {
        self.classes.insert(class.name_any(), class);
    }

    pub(crate) fn remove_class(&mut self, name: &str) {
        self.classes.remove(name);
    }

    pub(crate) fn put_namespace(&mut self, name: String, labels: BTreeMap<String, String>) -> bool {
        self.namespaces.insert(name, labels.clone()) != Some(labels)
    }

    /// Takes a Secret of our own namespace; says whether a token changed.
    pub(crate) fn put_secret(&mut self, secret: &k8s_openapi::api::core::v1::Secret) -> bool {
        let tokens = secret.data.iter().flatten().filter_map(|(key, value)| {
            let text = std::str::from_utf8(&value.0).ok()?;
            Some((key.clone(), Secret::new(text.trim())))
        });
        let tokens: BTreeMap<String, Secret> = tokens.collect();
        self.tokens.insert(secret.name_any(), tokens.clone()) != Some(tokens)
    }

    /// Forgets the tokens of a Secret; says whether there were any.
    pub(crate) fn remove_secret(&mut self, name: &str) -> bool {
        self.tokens.remove(name).is_some()
    }

    pub(crate) fn class(&self, name: &str) -> Option<&StorefrontClass> {
        self.classes.get(name)
    }

    pub(crate) fn classes(&self) -> impl Iterator<Item = &StorefrontClass> {
        self.classes.values()
    }

    pub(crate) fn keys(&self) -> Vec<ShopKey> {
        self.storefronts.keys().cloned().collect()
    }

    pub(crate) fn storefront(&self, key: &ShopKey) -> Option<&Storefront> {
        self.storefronts.get(key)
    }

    /// The external id of a class's roles.
    pub(crate) fn external_id(&self, class: &str) -> String {
        format!("{}/{class}", self.installation)
    }

    /// What a class grants, for the providers; an empty token while its Secret is missing.
    pub(crate) fn access(&self, class: &StorefrontClass) -> ClassAccess {
        let spec = &class.spec;
        let secret = &spec.cloudflare.token_secret;
        let token = self
            .tokens
            .get(&secret.name)
            .and_then(|keys| keys.get(&secret.key))
            .cloned();
        let texts = |list: &[String]| list.iter().map(|text| text.as_str().into()).collect();
        ClassAccess {
            name: class.name_any().into(),
            role_arn: spec.aws.role_arn.as_str().into(),
            dns_role_arn: spec.aws.dns_role_arn.as_deref().map(Into::into),
            external_id: self.external_id(&class.name_any()).into(),
            hosted_zones: texts(&spec.aws.hosted_zone_ids),
            cloudflare_account: spec.cloudflare.account_id.as_str().into(),
            cloudflare_token: token.unwrap_or_else(|| Secret::new("")),
            allowed_hosts: texts(&spec.probes.allowed_hosts),
            proxy_url: spec.probes.proxy_url.as_deref().map(Into::into),
            allow_private_addresses: spec.probes.allow_private_addresses,
        }
    }

    /// What a Storefront amounts to now.
    pub(crate) fn resolve(&self, key: &ShopKey) -> Resolved {
        let Some(storefront) = self.storefronts.get(key) else {
            return Resolved::Gone;
        };
        let deleting = storefront.metadata.deletion_timestamp.is_some();
        let ours = storefront.finalizers().iter().any(|finalizer| finalizer == FINALIZER);
        match (deleting, ours) {
            (true, false) => return Resolved::Leaving,
            (false, false) => return Resolved::NeedsFinalizer,
            (true | false, true) => {}
        }
        match self.shop(key, storefront) {
            Ok(shop) => Resolved::Shop(Box::new(shop), Box::new(kept_of(storefront))),
            // Without a journal no call was ever made for it: nothing of ours can stay behind.
            Err(_) if deleting && kept_of(storefront).journal.is_none() => Resolved::Untouched,
            Err(_) if deleting && abandoned(storefront) => Resolved::Abandoned,
            Err(why) => Resolved::Unusable(why, storefront.metadata.generation.unwrap_or(0)),
        }
    }

    /// The Storefront as a shop, if its class admits it and its spec is valid.
    pub(crate) fn shop(&self, key: &ShopKey, storefront: &Storefront) -> Result<Shop, Unusable> {
        let name = &storefront.spec.class_name;
        let Some(class) = self.classes.get(name) else {
            return Err(Unusable::ClassMissing { class: name.clone() });
        };
        let labels = self.namespaces.get(&*key.namespace);
        let admits = class
            .spec
            .allowed_namespaces
            .match_labels
            .iter()
            .all(|(label, value)| labels.is_some_and(|labels| labels.get(label) == Some(value)));
        if !admits {
            return Err(Unusable::ClassNotAllowed {
                class: name.clone(),
                namespace: key.namespace.to_string(),
            });
        }
        parse(storefront, class, &self.installation).map_err(Unusable::Spec)
    }
}

fn abandoned(storefront: &Storefront) -> bool {
    storefront
        .annotations()
        .get(breakwater_api::ABANDON_ANNOTATION)
        .is_some_and(|value| value == "true")
}
