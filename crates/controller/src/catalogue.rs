//! The catalogue: Storefronts with their classes, namespaces and tokens, and what they make of each other.

use breakwater_api::failover::ModeSpec;
use breakwater_api::{FINALIZER, Storefront, StorefrontClass, Unserved, Unusable, journal_of, parse};
use breakwater_core::Text;
use breakwater_core::shop::{Shop, ShopKey};
use breakwater_engine::port::Kept;
use breakwater_providers::{ClassAccess, Secret};
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};

/// All objects that matter, as last seen.
#[derive(Default)]
pub(crate) struct Catalogue {
    storefronts: BTreeMap<ShopKey, Storefront>,
    /// Those that do not decode, and why.
    unreadable: BTreeMap<ShopKey, String>,
    classes: BTreeMap<String, StorefrontClass>,
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    tokens: BTreeMap<String, BTreeMap<String, Secret>>,
    installation: String,
}

/// What a Storefront amounts to now.
pub(crate) enum Resolved {
    /// It is not there.
    Gone,
    /// It is another installation's: nothing is written there, and no request about it is answered.
    Foreign,
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
        self.unreadable.remove(&key);
        self.storefronts.insert(key.clone(), storefront);
        key
    }

    pub(crate) fn remove_storefront(&mut self, key: &ShopKey) {
        self.storefronts.remove(key);
        self.unreadable.remove(key);
    }

    pub(crate) fn put_unreadable(&mut self, namespace: String, name: String, why: String) {
        let key = ShopKey {
            namespace: namespace.into(),
            name: name.into(),
        };
        self.unreadable.insert(key, why);
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

    /// The classes that this installation serves.
    pub(crate) fn classes(&self) -> impl Iterator<Item = &StorefrontClass> {
        self.classes.values().filter(|class| self.is_ours(class))
    }

    fn is_ours(&self, class: &StorefrontClass) -> bool {
        let named = class.spec.installation.as_ref();
        named.is_none_or(|named| *named == self.installation)
    }

    /// Whether this installation speaks for what is in a namespace and belongs to no class: where a class of its own admits
    /// the namespace, or no class of anybody does.
    fn speaks_for(&self, namespace: &str) -> bool {
        let mut admitting = self
            .classes
            .values()
            .filter(|class| self.admits(class, namespace))
            .peekable();
        admitting.peek().is_none() || admitting.any(|class| self.is_ours(class))
    }

    fn admits(&self, class: &StorefrontClass, namespace: &str) -> bool {
        let labels = self.namespaces.get(namespace);
        let mut wanted = class.spec.allowed_namespaces.match_labels.iter();
        wanted.all(|(label, value)| labels.is_some_and(|labels| labels.get(label) == Some(value)))
    }

    /// Why nobody looks after a Storefront that was not seen; `None` where that is not ours to say.
    pub(crate) fn missing(&self, key: &ShopKey) -> Option<Unserved> {
        if !self.speaks_for(&key.namespace) {
            return None;
        }
        let unreadable = self.unreadable.get(key);
        Some(unreadable.map_or(Unserved::Missing, |why| Unserved::Unreadable { why: why.clone() }))
    }

    pub(crate) fn keys(&self) -> Vec<ShopKey> {
        self.storefronts.keys().cloned().collect()
    }

    pub(crate) fn storefront(&self, key: &ShopKey) -> Option<&Storefront> {
        self.storefronts.get(key)
    }

    /// The namespaces of Storefronts for which a person decides.
    pub(crate) fn namespaces_with_approval(&self) -> BTreeSet<Text> {
        let waits = |storefront: &&Storefront| storefront.spec.failover.mode == ModeSpec::Approve;
        let waiting = self.storefronts.values().filter(waits);
        waiting
            .filter_map(|storefront| Some(storefront.namespace()?.into()))
            .collect()
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
        let served = match self.classes.get(&storefront.spec.class_name) {
            Some(class) => self.is_ours(class),
            None => self.speaks_for(&key.namespace),
        };
        if !served {
            return Resolved::Foreign;
        }
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
        if !self.admits(class, &key.namespace) {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that is wrong should stop")]
    use super::*;
    use serde_json::json;

    fn class(name: &str, installation: Option<&str>, label: &str) -> StorefrontClass {
        serde_json::from_value(json!({
            "apiVersion": "breakwater.dev/v1alpha1", "kind": "StorefrontClass", "metadata": {"name": name},
            "spec": {
                "installation": installation,
                "allowedNamespaces": {"matchLabels": {"breakwater.dev/class": label}},
                "aws": {"roleArn": "arn:aws:iam::111122223333:role/breakwater", "hostedZoneIds": ["Z1"]},
                "cloudflare": {"accountId": "0123456789abcdef0123456789abcdef", "tokenSecret": {"name": "cloudflare"}},
                "probes": {"allowedHosts": ["*.example.com"], "referenceUrls": ["https://www.example.org/"]},
            },
        }))
        .unwrap()
    }

    fn key(namespace: &str) -> ShopKey {
        ShopKey {
            namespace: namespace.into(),
            name: "shop".into(),
        }
    }

    /// Two installations share a cluster: each has a class of its own.
    fn shared(installation: &str) -> Catalogue {
        let mut catalogue = Catalogue::new(installation);
        for (namespace, label) in [("ours", "blue"), ("theirs", "green"), ("nobodys", "none")] {
            let labels = BTreeMap::from([("breakwater.dev/class".to_owned(), label.to_owned())]);
            catalogue.put_namespace(namespace.to_owned(), labels);
        }
        catalogue.put_class(class("blue", Some("blue"), "blue"));
        catalogue.put_class(class("green", Some("green"), "green"));
        catalogue
    }

    #[test]
    fn each_installation_speaks_for_the_namespaces_of_its_classes() {
        let (blue, green) = (shared("blue"), shared("green"));
        let says = |catalogue: &Catalogue, namespace| catalogue.missing(&key(namespace)).is_some();
        assert_eq!((says(&blue, "ours"), says(&green, "ours")), (true, false));
        assert_eq!((says(&blue, "theirs"), says(&green, "theirs")), (false, true));
        // No class admits it: both say the same, and the first answer counts.
        assert_eq!((says(&blue, "nobodys"), says(&green, "nobodys")), (true, true));
        assert_eq!((says(&blue, "no-such"), says(&green, "no-such")), (true, true));
        let names = |catalogue: &Catalogue| catalogue.classes().map(ResourceExt::name_any).collect::<Vec<_>>();
        assert_eq!(
            (names(&blue), names(&green)),
            (vec!["blue".to_owned()], vec!["green".to_owned()])
        );
    }

    #[test]
    fn a_class_that_names_nobody_is_everybodys() {
        let mut catalogue = shared("red");
        assert!(catalogue.missing(&key("ours")).is_none());
        catalogue.put_class(class("shared", None, "blue"));
        assert!(catalogue.missing(&key("ours")).is_some());
    }
}
