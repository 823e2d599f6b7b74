//! The cluster, as the user's kubeconfig reaches it: reads, one create, merge patches. Objects are read as they are and
//! made typed here, so that one that does not read is an answer and not a crash.

use crate::args::Reach;
use crate::show::history;
use crate::show::report::Told;
use crate::show::text::{plain, plain_all};
use crate::trouble::{Doing, Trouble, chain};
use breakwater_api::{RegionSwitch, Storefront};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;

/// As who changes are made, in `managedFields`.
const MANAGER: &str = "kubectl-storefront";
/// A cluster that does not answer in this time will not be waited for by a person either.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(30);
/// So many RegionSwitches of a shop are read; the controller keeps 50 of its own, and people's are few.
const LIST: u32 = 500;

/// An object as it stands and as this build reads it. What people see is made of `typed`, whose words cannot steer a
/// terminal; `raw` is for `-o`.
#[derive(Clone, Debug)]
pub(crate) struct Found<T> {
    /// As the API server has it, without `managedFields`.
    pub(crate) raw: Value,
    /// Its meaning.
    pub(crate) typed: T,
}

/// A connection to one cluster.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) client: Client,
    /// The namespace that is meant.
    pub(crate) namespace: String,
    scale: f64,
    scale_start: Timestamp,
}

impl Cluster {
    /// Reads the kubeconfig; asks nothing yet.
    pub(crate) async fn reach(reach: &Reach) -> Result<Cluster, Trouble> {
        let mut config = config(reach).await?;
        if let Some(user) = &reach.impersonate {
            config.auth_info.impersonate = Some(user.clone());
            config.auth_info.impersonate_groups = (!reach.groups.is_empty()).then(|| reach.groups.clone());
        }
        // Whoever types a command again is the retry; a create must not be sent twice behind his back.
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT);
        let namespace = reach
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| Trouble::NoConfig(chain(&error)))?;
        let start = reach
            .scale_start
            .and_then(|micros| Timestamp::from_microsecond(micros).ok());
        Ok(Cluster {
            client,
            namespace,
            scale: reach.time_scale,
            scale_start: start.unwrap_or(Timestamp::UNIX_EPOCH),
        })
    }

    /// The time, as the controller's clock has it.
    pub(crate) fn now(&self) -> Timestamp {
        self.scaled(Timestamp::now())
    }

    /// An instant of Kubernetes' own clock, as the controller's clock had it: another one in demos only.
    fn scaled(&self, at: Timestamp) -> Timestamp {
        if self.scale <= 1.0 || self.scale_start == Timestamp::UNIX_EPOCH {
            return at;
        }
        let passed = at.duration_since(self.scale_start);
        let scaled = SignedDuration::try_from_secs_f64(passed.as_secs_f64() * self.scale).unwrap_or(passed);
        self.scale_start.checked_add(scaled).unwrap_or(at)
    }

    /// One Storefront.
    pub(crate) async fn storefront(&self, name: &str) -> Result<Found<Storefront>, Trouble> {
        let doing = self.doing::<Storefront>("get", name);
        let object = answer(&doing, self.objects::<Storefront>().get(name)).await?;
        read(object, &self.namespace)
    }

    /// Every Storefront of the namespace, or of all; one that does not read stops nobody else.
    pub(crate) async fn storefronts(
        &self,
        everywhere: bool,
    ) -> Result<Vec<Result<Found<Storefront>, Trouble>>, Trouble> {
        let doing = self.doing::<Storefront>("list", "");
        let resource = ApiResource::erase::<Storefront>(&());
        let api = if everywhere {
            Api::all_with(self.client.clone(), &resource)
        } else {
            self.objects::<Storefront>()
        };
        let list = answer(&doing, api.list(&ListParams::default())).await?;
        Ok(list
            .items
            .into_iter()
            .map(|object| read(object, &self.namespace))
            .collect())
    }

    /// One RegionSwitch.
    pub(crate) async fn switch(&self, name: &str) -> Result<Found<RegionSwitch>, Trouble> {
        let doing = self.doing::<RegionSwitch>("get", name);
        let object = answer(&doing, self.objects::<RegionSwitch>().get(name)).await?;
        read(object, &self.namespace)
    }

    /// The RegionSwitches of a shop, those that read, newest first, and how many do not.
    pub(crate) async fn switches(&self, storefront: &str) -> Result<(Vec<Found<RegionSwitch>>, usize), Trouble> {
        let doing = self.doing::<RegionSwitch>("list", "");
        let of_it = ListParams::default()
            .fields(&format!("spec.request.storefrontName={storefront}"))
            .limit(LIST);
        let list = answer(&doing, self.objects::<RegionSwitch>().list(&of_it)).await?;
        let all = list.items.len();
        let mut found: Vec<Found<RegionSwitch>> = list
            .items
            .into_iter()
            .filter_map(|object| read::<RegionSwitch>(object, &self.namespace).ok())
            .collect();
        let unread = all - found.len();
        found.sort_by_key(|found| history::newest_first(&found.typed));
        Ok((found, unread))
    }

    /// The names of all RegionSwitches of the namespace; none where they may not be read.
    pub(crate) async fn switch_names(&self) -> Vec<String> {
        let doing = self.doing::<RegionSwitch>("list", "");
        let listed = answer(
            &doing,
            self.objects::<RegionSwitch>().list(&ListParams::default().limit(LIST)),
        )
        .await;
        let items = listed.map(|list| list.items).unwrap_or_default();
        items.into_iter().filter_map(|object| object.metadata.name).collect()
    }

    /// Files a request.
    pub(crate) async fn create(&self, switch: &RegionSwitch) -> Result<RegionSwitch, Trouble> {
        let name = switch.metadata.name.as_deref().unwrap_or_default();
        let doing = self.doing::<RegionSwitch>("create", name);
        let params = PostParams {
            dry_run: false,
            field_manager: Some(MANAGER.into()),
        };
        let api: Api<RegionSwitch> = Api::namespaced(self.client.clone(), &self.namespace);
        answer(&doing, api.create(&params, switch)).await
    }

    /// Changes a field of an object, if it is still the one that was shown: another object of that name is a conflict.
    pub(crate) async fn patch<T>(&self, name: &str, uid: Option<&str>, spec: Value) -> Result<(), Trouble>
    where
        T: Resource<DynamicType = ()> + Kind,
    {
        let doing = self.doing::<T>("patch", name);
        let patch = Patch::Merge(json!({"metadata": {"uid": uid}, "spec": spec}));
        let params = PatchParams {
            field_manager: Some(MANAGER.into()),
            ..PatchParams::default()
        };
        answer(&doing, self.objects::<T>().patch(name, &params, &patch))
            .await
            .map(|_| ())
    }

    /// Who asks, as the API server sees it; the name of the account here where it does not say.
    pub(crate) async fn me(&self) -> String {
        let api: Api<SelfSubjectReview> = Api::all(self.client.clone());
        let asked = SelfSubjectReview::default();
        let told = tokio::time::timeout(ANSWER, api.create(&PostParams::default(), &asked)).await;
        let user = told
            .ok()
            .and_then(Result::ok)
            .and_then(|review| review.status?.user_info?.username);
        let user = user
            .or_else(|| std::env::var("USER").ok())
            .unwrap_or_else(|| "unknown".into());
        plain(&user).chars().take(breakwater_api::bounds::ACTOR_MAX).collect()
    }

    /// What people were told about a shop lately; nothing where events may not be read.
    pub(crate) async fn told(&self, storefront: &str) -> Vec<Told> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let about = ListParams::default().fields(&format!("regarding.kind=Storefront,regarding.name={storefront}"));
        let listed = tokio::time::timeout(ANSWER, api.list(&about)).await;
        let events = listed
            .ok()
            .and_then(Result::ok)
            .map(|list| list.items)
            .unwrap_or_default();
        let mut told: Vec<Told> = events
            .into_iter()
            .filter_map(|event| {
                let created = event.metadata.creation_timestamp.map(|time| time.0);
                let at = event.event_time.map(|time| time.0).or(created)?;
                Some(Told {
                    at: self.scaled(at),
                    reason: plain(&event.reason?).into_owned(),
                    note: plain(&event.note.unwrap_or_default()).into_owned(),
                })
            })
            .collect();
        told.sort_by_key(|told| told.at);
        told
    }

    /// The API of a kind in the namespace, untyped.
    pub(crate) fn objects<T: Resource<DynamicType = ()>>(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &ApiResource::erase::<T>(&()))
    }

    /// What is asked of the API server, for its troubles.
    pub(crate) fn doing<'a, T: Kind>(&'a self, verb: &'static str, name: &'a str) -> Doing<'a> {
        Doing {
            verb,
            kind: T::KIND,
            plural: T::PLURAL,
            namespace: &self.namespace,
            name,
        }
    }
}

/// The names of a kind, for sentences.
pub(crate) trait Kind {
    const KIND: &'static str;
    const PLURAL: &'static str;
}

impl Kind for Storefront {
    const KIND: &'static str = "Storefront";
    const PLURAL: &'static str = "storefronts";
}

impl Kind for RegionSwitch {
    const KIND: &'static str = "RegionSwitch";
    const PLURAL: &'static str = "regionswitches";
}

async fn config(reach: &Reach) -> Result<Config, Trouble> {
    let options = KubeConfigOptions {
        context: reach.context.clone(),
        ..KubeConfigOptions::default()
    };
    let told = match &reach.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(|error| Trouble::NoConfig(chain(&error)))?;
            Config::from_custom_kubeconfig(file, &options).await
        }
        None => Config::from_kubeconfig(&options).await,
    };
    match told {
        Ok(config) => Ok(config),
        // In a pod, as a script of the cluster's own.
        Err(error) if reach.kubeconfig.is_none() && reach.context.is_none() => {
            Config::incluster().map_err(|_| Trouble::NoConfig(chain(&error)))
        }
        Err(error) => Err(Trouble::NoConfig(chain(&error))),
    }
}

async fn answer<T>(doing: &Doing<'_>, asked: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Trouble> {
    match tokio::time::timeout(ANSWER, asked).await {
        Ok(answer) => answer.map_err(|error| doing.failed(&error)),
        Err(_) => Err(doing.silent(ANSWER)),
    }
}

/// Makes an object typed.
pub(crate) fn read<T: DeserializeOwned + Kind>(
    mut object: DynamicObject,
    namespace: &str,
) -> Result<Found<T>, Trouble> {
    object.metadata.managed_fields = None;
    let title = format!(
        "{} {}/{}",
        T::KIND,
        object.metadata.namespace.as_deref().unwrap_or(namespace),
        object.metadata.name.as_deref().unwrap_or_default()
    );
    let malformed = |why: &dyn std::fmt::Display| Trouble::Malformed {
        object: plain(&title).into_owned(),
        plural: T::PLURAL,
        why: plain(&why.to_string()).into_owned(),
    };
    let mut raw = serde_json::to_value(&object).map_err(|error| malformed(&error))?;
    // Items of a list do not say what they are.
    raw["apiVersion"] = format!("{}/{}", breakwater_api::GROUP, breakwater_api::VERSION).into();
    raw["kind"] = T::KIND.into();
    let mut words = raw.clone();
    plain_all(&mut words);
    let typed = serde_json::from_value(words).map_err(|error| malformed(&error))?;
    Ok(Found { raw, typed })
}
