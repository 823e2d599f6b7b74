//! Metrics: few names, closed label sets.

use breakwater_core::decision::Missing;
use breakwater_core::diagnosis::Diagnosis;
use breakwater_core::outcome::Outcome;
use breakwater_core::reading::Query;
use breakwater_core::shop::ShopKey;
use breakwater_engine::call::{Call, Lane};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfShop {
    namespace: String,
    name: String,
    diagnosis: &'static str,
}

/// A shop's missing: names of two closed sets, so that the number of series is bounded.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfMissing {
    namespace: String,
    name: String,
    missing: &'static str,
    refusal: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfCall {
    provider: &'static str,
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfQuery {
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfWrite {
    result: &'static str,
}

/// All metrics of this process.
pub(crate) struct Metrics {
    registry: Registry,
    diagnosis: Family<OfShop, Gauge>,
    missing: Family<OfMissing, Gauge>,
    calls: Family<OfCall, Counter>,
    queries: Family<OfQuery, Counter>,
    writes: Family<OfWrite, Counter>,
    lease: Gauge,
    storefronts: Gauge,
    crds: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("breakwater");
        let metrics = Metrics {
            diagnosis: Family::default(),
            missing: Family::default(),
            calls: Family::default(),
            queries: Family::default(),
            writes: Family::default(),
            lease: Gauge::default(),
            storefronts: Gauge::default(),
            crds: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("diagnosis", "1 for the diagnosis that holds", metrics.diagnosis.clone());
        registry.register(
            "missing",
            "1 for each thing that the nearest promotion lacks; of RefusalGone the refusal",
            metrics.missing.clone(),
        );
        registry.register(
            "calls",
            "Calls that change the world, by outcome",
            metrics.calls.clone(),
        );
        registry.register("queries", "Questions to the world", metrics.queries.clone());
        registry.register(
            "status_writes",
            "Writes of status to the API server",
            metrics.writes.clone(),
        );
        registry.register(
            "lease_held",
            "1 while this process holds the lease",
            metrics.lease.clone(),
        );
        registry.register(
            "storefronts",
            "Storefronts that are looked after",
            metrics.storefronts.clone(),
        );
        registry.register(
            "crds_outdated",
            "1 while the CRDs of the cluster lack what this version writes: no call is made",
            metrics.crds.clone(),
        );
        Metrics { registry, ..metrics }
    }

    /// A family without a series is not served at all.
    fn touch_all(&self) {
        let (namespace, name) = (String::new(), String::new());
        drop(self.diagnosis.get_or_create(&OfShop {
            namespace: namespace.clone(),
            name: name.clone(),
            diagnosis: "",
        }));
        drop(self.missing.get_or_create(&OfMissing {
            namespace,
            name,
            missing: "",
            refusal: "",
        }));
        drop(self.calls.get_or_create(&OfCall {
            provider: "",
            kind: "",
            outcome: "",
        }));
        drop(self.queries.get_or_create(&OfQuery { kind: "" }));
        drop(self.writes.get_or_create(&OfWrite { result: "" }));
    }

    /// Name, type and help of each, as they are served.
    pub(crate) fn described(&self) -> Vec<(String, String, String)> {
        self.touch_all();
        let text = self.text();
        let lines = |kind: &'static str| {
            text.lines()
                .filter_map(move |line| line.strip_prefix(kind)?.split_once(' '))
                .map(|(name, rest)| (name.to_owned(), rest.to_owned()))
        };
        let types: std::collections::BTreeMap<String, String> = lines("# TYPE ").collect();
        lines("# HELP ")
            .map(|(name, help)| {
                let kind = types.get(&name).cloned().unwrap_or_default();
                // A counter is served with this ending.
                let name = if kind == "counter" {
                    format!("{name}_total")
                } else {
                    name
                };
                (name, kind, help)
            })
            .collect()
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    pub(crate) fn queried(&self, query: &Query) {
        self.queries
            .get_or_create(&OfQuery {
                kind: query_kind(query),
            })
            .inc();
    }

    pub(crate) fn called(&self, lane: &Lane, call: &'static str, outcome: &Outcome) {
        let labels = OfCall {
            provider: provider(lane),
            kind: call,
            outcome: outcome_name(outcome),
        };
        self.calls.get_or_create(&labels).inc();
    }

    pub(crate) fn wrote(&self, result: &'static str) {
        self.writes.get_or_create(&OfWrite { result }).inc();
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.lease.set(i64::from(leads));
    }

    pub(crate) fn crds_outdated(&self, outdated: bool) {
        self.crds.set(i64::from(outdated));
    }

    pub(crate) fn diagnosed<'a>(&self, all: impl Iterator<Item = (&'a ShopKey, Diagnosis)>) {
        self.diagnosis.clear();
        let mut count = 0;
        for (key, diagnosis) in all {
            count += 1;
            let labels = OfShop {
                namespace: key.namespace.to_string(),
                name: key.name.to_string(),
                diagnosis: diagnosis.name(),
            };
            self.diagnosis.get_or_create(&labels).set(1);
        }
        self.storefronts.set(count);
    }
}

impl Metrics {
    pub(crate) fn lacking<'a>(&self, all: impl Iterator<Item = (&'a ShopKey, &'a [Missing])>) {
        self.missing.clear();
        for (key, missing) in all {
            for one in missing {
                let labels = OfMissing {
                    namespace: key.namespace.to_string(),
                    name: key.name.to_string(),
                    missing: one.name(),
                    refusal: one.refusal(),
                };
                self.missing.get_or_create(&labels).set(1);
            }
        }
    }
}

fn provider(lane: &Lane) -> &'static str {
    match lane {
        Lane::Aws(_) => "rds",
        Lane::Names(_) => "route53",
        Lane::Cloudflare(_) => "cloudflare",
    }
}

fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted(_) => "accepted",
        Outcome::Refused(_) => "refused",
        Outcome::Denied(_) => "denied",
        Outcome::Throttled(_) => "throttled",
        Outcome::Ambiguous(_) => "ambiguous",
    }
}

/// A call's kind, for metrics and logs.
pub(crate) fn call_kind(call: &Call) -> &'static str {
    use breakwater_core::decision::Effect;
    match call {
        Call::Promote(..) => "promote",
        Call::Effect(Effect::SetReadOnly { .. }) => "set-read-only",
        Call::Effect(Effect::Stop { .. }) => "stop",
        Call::Effect(Effect::Start { .. }) => "start",
        Call::Effect(Effect::Tag { .. }) => "tag",
        Call::Effect(Effect::Untag { .. }) => "untag",
        Call::Effect(Effect::CopyGroup { .. }) => "copy-group",
        Call::Effect(Effect::CreateReplica { .. }) => "create-replica",
        Call::Effect(Effect::ChangeNames { .. }) => "change-names",
        Call::Effect(Effect::PatchBalancer { .. }) => "patch-balancer",
    }
}

fn query_kind(query: &Query) -> &'static str {
    match query {
        Query::Probe { .. } => "probe",
        Query::Proof { .. } => "proof",
        Query::Reference { .. } => "reference",
        Query::Instances { .. } => "instances",
        Query::Lags { .. } => "lags",
        Query::Parameters { .. } => "parameters",
        Query::PoolHealth { .. } => "pool-health",
        Query::Pool { .. } => "pool",
        Query::Monitor { .. } => "monitor",
        Query::Balancer { .. } => "balancer",
        Query::Names { .. } => "names",
        Query::Change { .. } => "change",
    }
}
