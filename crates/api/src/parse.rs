//! From a Storefront and its class to core's `Shop`: once, at the edge. Past it there are no invalid states.
//!
//! The CRD carries the same rules. They run again here because an object may be older than its CRD, and because
//! what the class grants is no matter of admission.

mod check;

use crate::bounds;
use crate::class::{Limits as LimitsSpec, StorefrontClass, StorefrontClassSpec};
use crate::failover::{FailoverSpec, FreezeSpec, ModeSpec, range};
use crate::storefront::{Region, ServiceSpec, Storefront, StorefrontSpec};
use breakwater_core::Text;
use breakwater_core::pacing::Limits;
use breakwater_core::shop::{Freeze, Mode, Policy, Service, Shop, ShopKey, ShopRegion, WriterRecord};
use breakwater_core::side::PerSide;
use check::{Checker, Shape};
use std::time::Duration;
use thiserror::Error;

/// A field that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path}: {message}")]
pub struct Invalid {
    /// Which field: `spec.failover.timeoutSeconds`.
    pub path: String,
    /// What to change.
    pub message: String,
}

/// A Storefront as a shop.
///
/// # Errors
/// All fields that break a rule, each with what to change. Whether the class admits the namespace is not checked
/// here: that takes the namespace's labels.
pub fn parse(storefront: &Storefront, class: &StorefrontClass, installation: &str) -> Result<Shop, Vec<Invalid>> {
    let mut check = Checker::default();
    let spec = &storefront.spec;
    let key = key_of(storefront, &mut check);
    installation_fits(installation, &mut check);
    check.shape("spec.className", &spec.class_name, Shape::Name);
    check.shape("spec.hostname", &spec.hostname, Shape::Host);
    regions(spec, &class.spec, &mut check);
    database(spec, &class.spec, &mut check);
    traffic(spec, &mut check);
    failover(spec, &mut check);
    check.range("spec.objectives.rtoSeconds", spec.objectives.rto_seconds, range::RTO);
    check.range("spec.objectives.rpoSeconds", spec.objectives.rpo_seconds, range::RPO);
    let invalid = check.finish();
    if invalid.is_empty() {
        Ok(shop(storefront, class, key, installation))
    } else {
        Err(invalid)
    }
}

fn key_of(storefront: &Storefront, check: &mut Checker) -> ShopKey {
    let meta = &storefront.metadata;
    let name = meta.name.as_deref().unwrap_or_default();
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    check.present("metadata.name", name);
    check.present("metadata.namespace", namespace);
    check.holds(
        name.chars().count() <= bounds::LABEL_MAX,
        "metadata.name",
        bounds::STOREFRONT_NAME,
    );
    ShopKey {
        namespace: namespace.into(),
        name: name.into(),
    }
}

fn installation_fits(installation: &str, check: &mut Checker) {
    if installation.is_empty() || installation.len() > bounds::INSTALLATION_MAX || installation.contains(['/', ' ']) {
        check.refuse(
            "--installation",
            &format!(
                "name this installation with 1 to {} characters, no space and no slash",
                bounds::INSTALLATION_MAX
            ),
        );
    }
}

fn regions(spec: &StorefrontSpec, class: &StorefrontClassSpec, check: &mut Checker) {
    let (primary, secondary) = (&spec.regions.primary, &spec.regions.secondary);
    region("spec.regions.primary", primary, class, check);
    region("spec.regions.secondary", secondary, class, check);
    check.holds(primary.name != secondary.name, "spec.regions", bounds::REGIONS_DIFFER);
    check.holds(
        primary.pool_id != secondary.pool_id,
        "spec.regions",
        bounds::POOLS_DIFFER,
    );
}

fn region(path: &str, region: &Region, class: &StorefrontClassSpec, check: &mut Checker) {
    check.shape(&format!("{path}.name"), &region.name, Shape::Region);
    check.shape(&format!("{path}.poolId"), &region.pool_id, Shape::CloudflareId);
    check.shape(&format!("{path}.dbInstance"), &region.db_instance, Shape::DbInstance);
    let hosts = &class.probes.allowed_hosts;
    if let Some(url) = &region.proof_url {
        check.allowed_url(&format!("{path}.proofUrl"), url, hosts);
    }
    let list = format!("{path}.services");
    check.count(&list, region.services.len(), (1, bounds::SERVICES_MAX));
    check.unique(&list, region.services.iter().map(|service| service.name.as_str()));
    for service in &region.services {
        let path = format!("{list}[{}]", service.name);
        check.shape(&format!("{path}.name"), &service.name, Shape::Label);
        check.allowed_url(&format!("{path}.url"), &service.url, hosts);
    }
}

fn database(spec: &StorefrontSpec, class: &StorefrontClassSpec, check: &mut Checker) {
    let record = &spec.database.writer_record;
    let path = "spec.database.writerRecord";
    let zone = format!("{path}.hostedZoneId");
    check.shape(&zone, &record.hosted_zone_id, Shape::HostedZone);
    if !class.aws.hosted_zone_ids.contains(&record.hosted_zone_id) {
        check.refuse(
            &zone,
            &format!(
                "the class does not grant hosted zone {}: use one of {}, or ask for it in hostedZoneIds of the class",
                record.hosted_zone_id,
                class.aws.hosted_zone_ids.join(", ")
            ),
        );
    }
    check.shape(&format!("{path}.name"), &record.name, Shape::RecordName);
    check.range(&format!("{path}.ttlSeconds"), record.ttl_seconds, range::TTL);
}

fn traffic(spec: &StorefrontSpec, check: &mut Checker) {
    check.shape("spec.traffic.zoneId", &spec.traffic.zone_id, Shape::CloudflareId);
    let ids = &spec.traffic.load_balancer_ids;
    let list = "spec.traffic.loadBalancerIds";
    check.count(list, ids.len(), (1, bounds::BALANCERS_MAX));
    check.unique(list, ids.iter().map(String::as_str));
    for (index, id) in ids.iter().enumerate() {
        check.shape(&format!("{list}[{index}]"), id, Shape::CloudflareId);
    }
}

fn failover(spec: &StorefrontSpec, check: &mut Checker) {
    let f = &spec.failover;
    let path = "spec.failover";
    for (field, value, range) in [
        ("priority", f.priority, range::PRIORITY),
        ("maxLossSeconds", f.max_loss_seconds, range::MAX_LOSS),
        ("intervalSeconds", f.interval_seconds, range::INTERVAL),
        ("timeoutSeconds", f.timeout_seconds, range::TIMEOUT),
        ("shiftAfterSeconds", f.shift_after_seconds, range::SHIFT_AFTER),
        ("promoteAfterSeconds", f.promote_after_seconds, range::PROMOTE_AFTER),
        ("databaseGraceSeconds", f.database_grace_seconds, range::DATABASE_GRACE),
        ("routineGraceSeconds", f.routine_grace_seconds, range::ROUTINE_GRACE),
        ("returnAfterSeconds", f.return_after_seconds, range::RETURN_AFTER),
        ("coolDownSeconds", f.cool_down_seconds, range::COOL_DOWN),
    ] {
        check.range(&format!("{path}.{field}"), value, range);
    }
    windows(f, path, check);
    let proofs = spec.regions.primary.proof_url.is_some() && spec.regions.secondary.proof_url.is_some();
    check.holds(
        f.max_loss_seconds >= bounds::LOSS_WITHOUT_PROOFS || proofs,
        "spec",
        bounds::LOSS_NEEDS_PROOFS,
    );
    let list = format!("{path}.freezes");
    check.count(&list, f.freezes.len(), (0, bounds::FREEZES_MAX));
    check.unique(&list, f.freezes.iter().map(|freeze| freeze.name.as_str()));
    for freeze in &f.freezes {
        let path = format!("{list}[{}]", freeze.name);
        check.shape(&format!("{path}.name"), &freeze.name, Shape::Label);
        check.holds(freeze.from < freeze.until, &path, bounds::FREEZE_ORDER);
    }
}

fn windows(f: &FailoverSpec, path: &str, check: &mut Checker) {
    let probes = f.timeout_seconds < f.interval_seconds;
    check.holds(probes, path, bounds::TIMEOUT_BELOW_INTERVAL);
    let samples = i64::from(f.shift_after_seconds) >= 3 * i64::from(f.interval_seconds);
    check.holds(samples, path, bounds::SHIFT_AFTER_INTERVALS);
    let late = f.promote_after_seconds >= f.shift_after_seconds;
    check.holds(late, path, bounds::PROMOTE_AFTER_SHIFT);
    let later = f.database_grace_seconds >= f.promote_after_seconds;
    check.holds(later, path, bounds::DATABASE_GRACE);
}

/// Everything has been checked.
fn shop(storefront: &Storefront, class: &StorefrontClass, key: ShopKey, installation: &str) -> Shop {
    let spec = &storefront.spec;
    let meta = &storefront.metadata;
    let record = &spec.database.writer_record;
    Shop {
        uid: meta.uid.as_deref().unwrap_or_default().into(),
        generation: meta.generation.unwrap_or_default(),
        owner: format!("{installation}/{key}").into(),
        class: spec.class_name.as_str().into(),
        hostname: spec.hostname.as_str().into(),
        regions: PerSide {
            primary: shop_region(&spec.regions.primary),
            secondary: shop_region(&spec.regions.secondary),
        },
        writer: WriterRecord {
            zone: record.hosted_zone_id.as_str().into(),
            name: record.name.as_str().into(),
            ttl: seconds(record.ttl_seconds),
        },
        zone: spec.traffic.zone_id.as_str().into(),
        balancers: texts(&spec.traffic.load_balancer_ids),
        references: texts(&class.spec.probes.reference_urls),
        limits: limits(&class.spec.limits),
        policy: policy(&spec.failover, spec.traffic.automatic),
        rto_objective: seconds(spec.objectives.rto_seconds),
        rpo_objective: seconds(spec.objectives.rpo_seconds),
        suspended: spec.suspend,
        deleting: meta.deletion_timestamp.is_some(),
        abandon: meta
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(crate::ABANDON_ANNOTATION))
            .is_some_and(|value| value == "true"),
        // Whether an edit waits is the journal's to say.
        edit_waits: false,
        succeeded: PerSide::default(),
        key,
    }
}

fn shop_region(region: &Region) -> ShopRegion {
    ShopRegion {
        name: region.name.as_str().into(),
        pool: region.pool_id.as_str().into(),
        instance: region.db_instance.as_str().into(),
        proof: region.proof_url.as_deref().map(Text::from),
        services: region.services.iter().map(service).collect(),
    }
}

fn service(service: &ServiceSpec) -> Service {
    Service {
        name: service.name.as_str().into(),
        url: service.url.as_str().into(),
        critical: service.critical,
        needs_writer: service.needs_writer,
    }
}

fn limits(limits: &LimitsSpec) -> Limits {
    Limits {
        promotions_per_minute: limits.promotions_per_minute.max(1).unsigned_abs(),
        cloudflare_per_5_minutes: limits.cloudflare_calls_per5_minutes.max(1).unsigned_abs(),
    }
}

fn policy(f: &FailoverSpec, automatic_traffic: bool) -> Policy {
    Policy {
        mode: match f.mode {
            ModeSpec::Observe => Mode::Observe,
            ModeSpec::Approve => Mode::Approve,
            ModeSpec::Automatic => Mode::Automatic,
        },
        priority: f.priority,
        automatic_traffic,
        max_loss: seconds(f.max_loss_seconds),
        interval: seconds(f.interval_seconds),
        timeout: seconds(f.timeout_seconds),
        shift_after: seconds(f.shift_after_seconds),
        promote_after: seconds(f.promote_after_seconds),
        database_grace: seconds(f.database_grace_seconds),
        routine_grace: seconds(f.routine_grace_seconds),
        return_after: seconds(f.return_after_seconds),
        cool_down: seconds(f.cool_down_seconds),
        freezes: f.freezes.iter().map(freeze).collect(),
    }
}

fn freeze(freeze: &FreezeSpec) -> Freeze {
    Freeze {
        name: freeze.name.as_str().into(),
        from: freeze.from,
        until: freeze.until,
    }
}

fn texts(values: &[String]) -> Vec<Text> {
    values.iter().map(|value| value.as_str().into()).collect()
}

/// The bounds that were checked leave no negative number.
fn seconds(value: i32) -> Duration {
    Duration::from_secs(value.max(0).unsigned_abs().into())
}
