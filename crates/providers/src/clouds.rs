//! All classes: which client a question or a call goes to.

use crate::aws::{Aws, Base, Sending, Wire};
use crate::cloudflare::Cloudflare;
use crate::fault::{Fault, not_sent};
use crate::probe::Prober;
use crate::settings::{ClassAccess, ClassProblem, Settings};
use crate::text::clean;
use crate::{Eyes, Hands};
use breakwater_core::Text;
use breakwater_core::decision::{Effect, Promotion};
use breakwater_core::outcome::{Ambiguity, Outcome, Receipt};
use breakwater_core::reading::{Cause, ObjectKey, ProbeSeen, ProofSeen, Query, Value};
use breakwater_core::time::Now;
use breakwater_engine::call::Call;
use futures::FutureExt as _;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// A question of several requests (a session, pages) may take this many time-outs in all.
const REQUESTS_OF_A_QUERY: u32 = 4;

/// The clouds of all classes. Clients are built when they are first needed, one set per class and region.
pub struct Clouds {
    settings: Settings,
    base: Arc<Base>,
    classes: RwLock<HashMap<Text, Arc<Class>>>,
}

/// What is said when a client panicked.
const GAVE_UP: &str = "the client gave up; do the controller's own keys hold a line break or another stray character?";

struct Class {
    access: ClassAccess,
    aws: Arc<Aws>,
    cloudflare: Arc<Cloudflare>,
    prober: Arc<Prober>,
}

impl Clouds {
    /// No class yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Clouds {
            base: Arc::new(Base::new(settings.clone())),
            settings,
            classes: RwLock::default(),
        }
    }

    /// Sets what a class grants, from the next request on. Clients whose part did not change are kept: a rotated
    /// token costs no AWS session.
    pub fn set_class(&self, access: ClassAccess) {
        let mut classes = self.classes.write().unwrap_or_else(PoisonError::into_inner);
        let old = classes.get(&access.name);
        let kept = |same: fn(&ClassAccess, &ClassAccess) -> bool| old.filter(|old| same(&old.access, &access));
        let aws = kept(|a, b| {
            (&a.role_arn, &a.dns_role_arn, &a.external_id, &a.hosted_zones)
                == (&b.role_arn, &b.dns_role_arn, &b.external_id, &b.hosted_zones)
        });
        let cloudflare =
            kept(|a, b| (&a.cloudflare_account, &a.cloudflare_token) == (&b.cloudflare_account, &b.cloudflare_token));
        let prober = kept(|a, b| {
            (&a.allowed_hosts, &a.proxy_url, a.allow_private_addresses)
                == (&b.allowed_hosts, &b.proxy_url, b.allow_private_addresses)
        });
        let class = Class {
            aws: aws.map(|old| old.aws.clone()).unwrap_or_else(|| {
                Arc::new(Aws::new(
                    self.base.clone(),
                    access.role_arn.clone(),
                    access.dns_role_arn.clone(),
                    access.external_id.clone(),
                    access.hosted_zones.clone(),
                ))
            }),
            cloudflare: cloudflare.map(|old| old.cloudflare.clone()).unwrap_or_else(|| {
                let (account, token) = (access.cloudflare_account.clone(), access.cloudflare_token.clone());
                Arc::new(Cloudflare::new(&self.settings, account, token))
            }),
            prober: prober
                .map(|old| old.prober.clone())
                .unwrap_or_else(|| Arc::new(Prober::new(&self.settings, &access))),
            access,
        };
        classes.insert(class.access.name.clone(), Arc::new(class));
    }

    /// Forgets a class and its sessions.
    pub fn remove_class(&self, name: &str) {
        self.classes
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
    }

    /// Whether the roles can be assumed, the zones found, and the account's pools read.
    ///
    /// # Errors
    /// The first thing that is not as the class says, with its remedy.
    pub async fn check_class(&self, name: &str) -> Result<(), ClassProblem> {
        let Some(class) = self.class(name) else {
            return Err(ClassProblem::Unknown(clean(name)));
        };
        match unless_it_panics(class.aws.check(&class.access.external_id)).await {
            Some(checked) => checked?,
            None => return Err(ClassProblem::NoIdentity(GAVE_UP.into())),
        }
        class.cloudflare.check().await
    }

    fn class(&self, name: &str) -> Option<Arc<Class>> {
        self.classes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    pub(crate) async fn promote(&self, numbers: (Cause, Cause), timeout: Duration, promotion: &Promotion) -> Outcome {
        let Some(class) = self.class(&promotion.scope.class) else {
            return unknown_class(&promotion.scope.class);
        };
        let sending = self.sending(numbers, timeout);
        ended(numbers.0, sending.timeout, async {
            class.aws.promote(&sending, promotion).await.map(|()| None)
        })
        .await
    }

    pub(crate) async fn effect(&self, numbers: (Cause, Cause), timeout: Duration, effect: &Effect) -> Outcome {
        let name = class_of_effect(effect);
        let Some(class) = self.class(name) else {
            return unknown_class(name);
        };
        if let Effect::ChangeNames { zone, .. } = effect
            && !class.aws.grants(zone)
        {
            return not_sent(&format!("the class does not grant hosted zone {zone}"));
        }
        let sending = self.sending(numbers, timeout);
        ended(
            numbers.0,
            sending.timeout,
            send_effect(&class, numbers, &sending, effect),
        )
        .await
    }

    fn sending(&self, (cause, because): (Cause, Cause), timeout: Duration) -> Sending {
        Sending {
            wire: Wire::calling(cause, because),
            timeout: self.settings.io(timeout),
        }
    }
}

impl Eyes for Clouds {
    async fn query(&self, now: Now, cause: Cause, query: &Query) -> Vec<(ObjectKey, Value)> {
        let name = class_of_query(query);
        let Some(class) = self.class(name) else {
            let fault = Fault::Ours(clean(&format!("class {name} is not known here")));
            return failed(query, &fault);
        };
        let limit = self
            .settings
            .io(self.settings.read_timeout)
            .saturating_mul(REQUESTS_OF_A_QUERY);
        match query {
            // These keep their own time-out to the end.
            Query::Probe { .. } | Query::Proof { .. } | Query::Reference { .. } => ask(&class, now, cause, query).await,
            Query::Instances { .. }
            | Query::Lags { .. }
            | Query::Parameters { .. }
            | Query::PoolHealth { .. }
            | Query::Pool { .. }
            | Query::Monitor { .. }
            | Query::Balancer { .. }
            | Query::Names { .. }
            | Query::Change { .. } => {
                match tokio::time::timeout(limit, unless_it_panics(ask(&class, now, cause, query))).await {
                    Ok(Some(values)) => values,
                    Ok(None) => failed(query, &Fault::Ours(GAVE_UP.into())),
                    Err(_) => failed(query, &Fault::TimedOut { answered: true }),
                }
            }
        }
    }
}

impl Hands for Clouds {
    async fn call(&self, cause: Cause, because: Cause, timeout: Duration, call: &Call) -> Outcome {
        match call {
            // The licence is the engine's business; here it only says that nobody may send this twice.
            Call::Promote(promotion, _licence) => self.promote((cause, because), timeout, promotion).await,
            Call::Effect(effect) => self.effect((cause, because), timeout, effect).await,
        }
    }
}

/// The SDK signs with whatever identity it finds, and panics on one that no header can hold (a key with a line break, from
/// a Secret made with `echo`). A question must have its answer and a call its end all the same: nobody asks again while
/// one is on its way.
///
/// Boxed, because the SDK's futures are large and several of them in one would not fit on a thread's stack.
async fn unless_it_panics<T>(asked: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(Box::pin(asked)).catch_unwind().await.ok()
}

/// The end of a call, after its time-out at the latest. A session that takes its time counts too: nobody waits
/// longer because it was STS that hung.
async fn ended(
    cause: Cause,
    timeout: Duration,
    sent: impl Future<Output = Result<Option<Text>, Fault>> + Send,
) -> Outcome {
    let sent = unless_it_panics(sent).map(|ended| ended.unwrap_or_else(|| Err(Fault::Ours(GAVE_UP.into()))));
    match tokio::time::timeout(timeout, sent).await {
        Ok(Ok(change)) => Outcome::Accepted(Receipt { change, cause }),
        Ok(Err(fault)) => {
            tracing::debug!(cause = cause.0, ?fault, "a call failed");
            fault.outcome()
        }
        Err(_) => Outcome::Ambiguous(Ambiguity::TimedOut),
    }
}

async fn send_effect(
    class: &Class,
    numbers: (Cause, Cause),
    sending: &Sending,
    effect: &Effect,
) -> Result<Option<Text>, Fault> {
    let done = match effect {
        Effect::SetReadOnly { scope, group, on } => class.aws.set_read_only(sending, scope, group, *on).await,
        Effect::Stop { scope, instance } => class.aws.stop(sending, scope, instance).await,
        Effect::Start { scope, instance } => class.aws.start(sending, scope, instance).await,
        Effect::Tag { scope, arn, tags } => class.aws.tag(sending, scope, arn, tags).await,
        Effect::Untag { scope, arn, keys } => class.aws.untag(sending, scope, arn, keys).await,
        Effect::CopyGroup { scope, from, to } => class.aws.copy_group(sending, scope, from, to).await,
        Effect::CreateReplica {
            scope,
            instance,
            replica,
        } => class.aws.create_replica(sending, scope, instance, replica).await,
        Effect::ChangeNames { zone, changes, .. } => {
            return class.aws.change_names(sending, zone, changes).await.map(Some);
        }
        Effect::PatchBalancer { zone, id, patch, .. } => {
            class
                .cloudflare
                .patch_balancer(numbers, sending.timeout, zone, id, patch)
                .await
        }
    };
    done.map(|()| None)
}

async fn ask(class: &Class, now: Now, cause: Cause, query: &Query) -> Vec<(ObjectKey, Value)> {
    let keys = keys(query);
    let values: Vec<Value> = match query {
        Query::Probe {
            url, region, timeout, ..
        } => {
            vec![Value::Probe(class.prober.probe(cause, url, region, *timeout).await)]
        }
        Query::Proof {
            url, region, timeout, ..
        } => {
            let seen = class.prober.proof(now.wall, cause, url, region, *timeout);
            vec![Value::Proof(seen.await)]
        }
        Query::Reference { url, timeout, .. } => {
            vec![Value::Probe(class.prober.reference(cause, url, *timeout).await)]
        }
        Query::Instances { scope, ids } => class
            .aws
            .instances(cause, scope, ids)
            .await
            .into_iter()
            .map(Value::Instance)
            .collect(),
        Query::Lags { scope, ids, back } => class
            .aws
            .lags(now, cause, scope, ids, *back)
            .await
            .into_iter()
            .map(Value::Lag)
            .collect(),
        Query::Parameters { scope, group } => {
            vec![Value::Parameters(class.aws.parameters(cause, scope, group).await)]
        }
        Query::PoolHealth { pool, .. } => vec![Value::PoolHealth(class.cloudflare.pool_health(cause, pool).await)],
        Query::Pool { pool, .. } => vec![Value::Pool(class.cloudflare.pool(cause, pool).await)],
        Query::Monitor { monitor, .. } => vec![Value::Monitor(class.cloudflare.monitor(cause, monitor).await)],
        Query::Balancer { zone, id, .. } => {
            vec![Value::Balancer(class.cloudflare.balancer(cause, zone, id).await)]
        }
        Query::Names { zone, name, .. } => vec![Value::Names(class.aws.names(cause, zone, name).await)],
        Query::Change { id, .. } => vec![Value::Change(class.aws.change(cause, id).await)],
    };
    keys.into_iter().zip(values).collect()
}

fn unknown_class(name: &str) -> Outcome {
    not_sent(&format!("class {name} is not known here"))
}

fn class_of_effect(effect: &Effect) -> &Text {
    match effect {
        Effect::SetReadOnly { scope, .. }
        | Effect::Stop { scope, .. }
        | Effect::Start { scope, .. }
        | Effect::Tag { scope, .. }
        | Effect::Untag { scope, .. }
        | Effect::CopyGroup { scope, .. }
        | Effect::CreateReplica { scope, .. } => &scope.class,
        Effect::ChangeNames { class, .. } | Effect::PatchBalancer { class, .. } => class,
    }
}

fn class_of_query(query: &Query) -> &Text {
    match query {
        Query::Instances { scope, .. } | Query::Lags { scope, .. } | Query::Parameters { scope, .. } => &scope.class,
        Query::Probe { class, .. }
        | Query::Proof { class, .. }
        | Query::Reference { class, .. }
        | Query::PoolHealth { class, .. }
        | Query::Pool { class, .. }
        | Query::Monitor { class, .. }
        | Query::Balancer { class, .. }
        | Query::Names { class, .. }
        | Query::Change { class, .. } => class,
    }
}

/// What a question asks about, in the order of its values.
fn keys(query: &Query) -> Vec<ObjectKey> {
    match query {
        Query::Probe { url, .. } => vec![ObjectKey::Probe(url.clone())],
        Query::Proof { url, .. } => vec![ObjectKey::Proof(url.clone())],
        Query::Reference { url, .. } => vec![ObjectKey::Reference(url.clone())],
        Query::Instances { scope, ids } => ids
            .iter()
            .map(|id| ObjectKey::Instance(scope.clone(), id.clone()))
            .collect(),
        Query::Lags { scope, ids, .. } => ids.iter().map(|id| ObjectKey::Lag(scope.clone(), id.clone())).collect(),
        Query::Parameters { scope, group } => vec![ObjectKey::Parameters(scope.clone(), group.clone())],
        Query::PoolHealth { class, pool } => vec![ObjectKey::PoolHealth(class.clone(), pool.clone())],
        Query::Pool { class, pool } => vec![ObjectKey::Pool(class.clone(), pool.clone())],
        Query::Monitor { class, monitor } => vec![ObjectKey::Monitor(class.clone(), monitor.clone())],
        Query::Balancer { class, zone, id } => {
            vec![ObjectKey::Balancer(class.clone(), zone.clone(), id.clone())]
        }
        Query::Names { class, zone, name } => vec![ObjectKey::Names(class.clone(), zone.clone(), name.clone())],
        Query::Change { class, id } => vec![ObjectKey::Change(class.clone(), id.clone())],
    }
}

/// The same trouble for every key.
fn failed(query: &Query, fault: &Fault) -> Vec<(ObjectKey, Value)> {
    let text = fault.trouble().text;
    let value = || match query {
        Query::Probe { .. } | Query::Reference { .. } => Value::Probe(ProbeSeen::Ours(text.clone())),
        Query::Proof { .. } => Value::Proof(ProofSeen::Nothing(text.clone())),
        Query::Instances { .. } => Value::Instance(fault.seen()),
        Query::Lags { .. } => Value::Lag(fault.seen()),
        Query::Parameters { .. } => Value::Parameters(fault.seen()),
        Query::PoolHealth { .. } => Value::PoolHealth(fault.seen()),
        Query::Pool { .. } => Value::Pool(fault.seen()),
        Query::Monitor { .. } => Value::Monitor(fault.seen()),
        Query::Balancer { .. } => Value::Balancer(fault.seen()),
        Query::Names { .. } => Value::Names(fault.seen()),
        Query::Change { .. } => Value::Change(fault.seen()),
    };
    keys(query).into_iter().map(|key| (key, value())).collect()
}

#[cfg(test)]
#[path = "clouds_tests.rs"]
mod tests;
