//! What the world consists of, and how its providers take their time.

use crate::request::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A duration between two bounds, both included, in milliseconds.
pub type Between = (Millis, Millis);

/// Everything a world is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// The clock at the start.
    pub start: Millis,
    /// AWS regions that exist (others answer as empty ones).
    pub regions: Vec<String>,
    /// The shops.
    pub shops: Vec<ShopSetup>,
    /// AWS account number.
    pub aws_account: String,
    /// Cloudflare account id.
    pub cloudflare_account: String,
    /// Cloudflare zone id.
    pub cloudflare_zone: String,
    /// Route 53 hosted zone id.
    pub hosted_zone: String,
    /// Name of the hosted zone, lower case with a final dot.
    pub hosted_zone_name: String,
    /// URLs outside all regions that always answer.
    pub reference_urls: Vec<String>,
    /// Roles that may be assumed, with their external ids; any may if the list is empty.
    pub roles: Vec<RoleSetup>,
    /// How long things take.
    pub timing: Timing,
    /// What the providers' documentation leaves open.
    pub habits: Habits,
    /// Whether the ledger keeps reads (a soak of days does without).
    pub keep_reads: bool,
}

/// A role that may be assumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSetup {
    /// ARN of the role.
    pub arn: String,
    /// External id that its trust policy asks for.
    pub external_id: Option<String>,
}

/// A shop: one writer, two regions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShopSetup {
    /// Name of the shop.
    pub name: String,
    /// Public hostname.
    pub hostname: String,
    /// Base of the public URLs, if it is not `https://<hostname>` (loopback worlds).
    pub public_url: Option<String>,
    /// The preferred region: the writer starts here.
    pub primary: RegionSetup,
    /// The other region: the replica starts here.
    pub secondary: RegionSetup,
    /// DNS name of the writer.
    pub writer_record: String,
    /// Its TTL in seconds.
    pub ttl: i64,
    /// Load balancers.
    pub balancers: Vec<BalancerSetup>,
    /// `steering_policy`: `off` (failover order) or `geo`.
    pub steering: String,
    /// `region_pools`: Cloudflare region to pool ids.
    pub region_pools: BTreeMap<String, Vec<String>>,
    /// `country_pools`.
    pub country_pools: BTreeMap<String, Vec<String>>,
    /// `pop_pools`.
    pub pop_pools: BTreeMap<String, Vec<String>>,
    /// How far the replica is behind.
    pub lag: LagProfile,
    /// Interval of the pools' monitor in seconds (Cloudflare: 60 by default, 15 at best).
    pub monitor_interval_seconds: u32,
    /// The service that the monitor asks for.
    pub monitor_service: String,
    /// Orders that shoppers try to place, per second.
    pub orders_per_second: f64,
    /// Orders that jobs inside each region write to the instance of their own region, per minute.
    pub jobs_per_minute: f64,
    /// Database user of the application, as proofs report it.
    pub app_user: String,
}

/// A shop's part in one region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegionSetup {
    /// AWS region.
    pub region: String,
    /// Cloudflare pool id (32 hex digits).
    pub pool_id: String,
    /// Host name of the region's load balancer: the pool's only origin.
    pub alb_host: String,
    /// RDS instance identifier.
    pub db_instance: String,
    /// Parameter group of the instance; a `default.` one cannot be changed.
    pub parameter_group: String,
    /// Backups kept, in days; a cross-region replica is created with 0.
    pub backup_retention_period: i32,
    /// Proof URL, if the shop has one here.
    pub proof_url: Option<String>,
    /// Services.
    pub services: Vec<ServiceSetup>,
}

/// A service in a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSetup {
    /// Name.
    pub name: String,
    /// Direct URL of its health.
    pub url: String,
    /// Whether the shop cannot sell without it.
    pub critical: bool,
    /// Whether it answers 503 while it cannot write.
    pub needs_writer: bool,
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancerSetup {
    /// Id (32 hex digits).
    pub id: String,
    /// Its name: a public hostname.
    pub hostname: String,
    /// Whether traffic goes through Cloudflare; if not, addresses are handed out with a TTL.
    pub proxied: bool,
    /// That TTL in seconds.
    pub ttl: u32,
}

/// How far a replica is behind its source while the link flows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LagProfile {
    /// Time on the wire: what `ReplicaLag` does not see.
    pub ship: Millis,
    /// Time until a received row is applied: what `ReplicaLag` sees.
    pub apply: Between,
    /// Chance that a given minute is a slow one.
    pub spike_chance: f64,
    /// Apply time in a slow minute.
    pub spike: Between,
}

impl Default for LagProfile {
    fn default() -> Self {
        LagProfile {
            ship: 90,
            apply: (20, 700),
            spike_chance: 0.0,
            spike: (2_000, 20_000),
        }
    }
}

/// How long things take, in milliseconds unless said otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    /// An AWS API's answer.
    pub aws_latency: Between,
    /// A Cloudflare API's answer.
    pub cloudflare_latency: Between,
    /// A probe's answer.
    pub http_latency: Between,
    /// After `PromoteReadReplica`: how long Describe may still show the old `available`.
    pub promotion_unseen: Between,
    /// How long it shows `modifying`, source still set.
    pub promotion_modifying: Between,
    /// How long the reboot takes.
    pub promotion_rebooting: Between,
    /// How long it is `backing-up` (only with backups on); it takes writes already.
    pub promotion_backing_up: Between,
    /// Until a changed parameter reaches an instance ("seconds to a minute").
    pub parameter_apply: Between,
    /// From `StopDBInstance` until the database process ends.
    pub stop_process: Between,
    /// From there until `stopped`.
    pub stop_rest: Between,
    /// From `StartDBInstance` until `available`.
    pub start: Between,
    /// From `CreateDBInstanceReadReplica` until the replica is `available`: a snapshot is taken, copied to the other region
    /// and restored. Hours for a large database; this is a small one.
    pub replica_creating: Between,
    /// RDS starts a stopped instance after this time (documented: seven days).
    pub stopped_at_most: Millis,
    /// After a former source could know that its replica was promoted: until RDS drops it from the list.
    pub forget_replica: Between,
    /// `replica_net_timeout`: until a replica notices a silently dead link.
    pub replica_net_timeout: Millis,
    /// Until a cut link flows again once it can.
    pub link_reconnect: Between,
    /// Delay of a CloudWatch sample.
    pub metric_publication: Between,
    /// Route 53: PENDING until INSYNC.
    pub dns_insync: Between,
    /// After a region came back: until its databases run.
    pub return_databases: Between,
    /// After a region came back: until its services run.
    pub return_services: Between,
    /// A monitor's time-out; a silent origin is called unhealthy after this times (retries + 1).
    pub monitor_timeout: Millis,
    /// A monitor's retries.
    pub monitor_retries: u32,
    /// How much longer the answers take that a brown-out lets through.
    pub brownout_slowness: Between,
    /// How long RDS takes to recover a Multi-AZ instance inside its region (documented: 60 to 120 s).
    pub multi_az_recovery: Between,
    /// Cloudflare's quota: calls per user in five minutes (all controllers of a world are one user); beyond it everything
    /// is refused for five minutes.
    pub cloudflare_quota: usize,
    /// Route 53's token bucket per action: burst.
    pub dns_burst: f64,
    /// Route 53's token bucket per action: per second.
    pub dns_per_second: f64,
    /// RDS publishes no limit. Chosen, and modest: reads of a region at once, and in a second, for each action.
    pub rds_reads: (f64, f64),
    /// The same for calls that change something.
    pub rds_calls: (f64, f64),
    /// CloudWatch's quota of `GetMetricData`: 50 requests a second in a region (CloudWatch service quotas).
    pub metric_reads: (f64, f64),
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            aws_latency: (15, 120),
            cloudflare_latency: (60, 300),
            http_latency: (10, 150),
            promotion_unseen: (0, 15_000),
            promotion_modifying: (20_000, 60_000),
            promotion_rebooting: (20_000, 60_000),
            promotion_backing_up: (60_000, 180_000),
            parameter_apply: (4_000, 60_000),
            stop_process: (2_000, 20_000),
            stop_rest: (30_000, 120_000),
            start: (60_000, 180_000),
            replica_creating: (1_200_000, 2_400_000),
            stopped_at_most: 7 * 86_400_000,
            forget_replica: (20_000, 90_000),
            replica_net_timeout: 60_000,
            link_reconnect: (1_000, 60_000),
            metric_publication: (60_000, 120_000),
            dns_insync: (4_000, 60_000),
            return_databases: (5_000, 20_000),
            return_services: (30_000, 90_000),
            monitor_timeout: 5_000,
            monitor_retries: 1,
            brownout_slowness: (500, 2_500),
            multi_az_recovery: (60_000, 120_000),
            cloudflare_quota: 1_200,
            dns_burst: 50.0,
            dns_per_second: 10.0,
            rds_reads: (100.0, 10.0),
            rds_calls: (20.0, 2.0),
            metric_reads: (50.0, 50.0),
        }
    }
}

/// What the providers' documentation leaves open: a controller must be right either way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Habits {
    /// Once a replica has noticed a dead link, `StatusInfos` says `error`; else it goes on saying `replicating`.
    pub dead_link_is_error: bool,
    /// Once a replica has noticed a dead link, `ReplicaLag` is -1; else there is no sample at all.
    pub dead_link_is_minus_one: bool,
    /// A pool that stands in no list of any load balancer is still monitored.
    pub unlisted_pools_monitored: bool,
    /// A received but unapplied relay log is lost at promotion.
    pub relay_log_lost: bool,
    /// During a promotion the source vanishes from Describe when the reboot begins; else when it ends.
    pub source_vanishes_early: bool,
    /// `StopDBInstance` is refused for an instance that has a replica.
    pub stop_refused_with_replica: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Habits {
            dead_link_is_error: true,
            dead_link_is_minus_one: true,
            unlisted_pools_monitored: true,
            relay_log_lost: false,
            source_vanishes_early: false,
            stop_refused_with_replica: true,
        }
    }
}

/// Which URL is being asked about, in [`Setup::rewrite_urls`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlOf<'a> {
    /// A service's direct URL: shop, region, service.
    Service(&'a str, &'a str, &'a str),
    /// A proof URL: shop, region.
    Proof(&'a str, &'a str),
    /// Base of a shop's public URLs: shop.
    Public(&'a str),
    /// A reference URL: its index.
    Reference(usize),
}

impl Setup {
    /// Gives every URL a new value: whoever serves the world decides where it is served.
    pub fn rewrite_urls(&mut self, mut new: impl FnMut(UrlOf<'_>, &str) -> String) {
        for shop in &mut self.shops {
            let public = shop.public_url();
            shop.public_url = Some(new(UrlOf::Public(&shop.name), &public));
            for side in [&mut shop.primary, &mut shop.secondary] {
                if let Some(url) = &mut side.proof_url {
                    *url = new(UrlOf::Proof(&shop.name, &side.region), url);
                }
                for service in &mut side.services {
                    service.url = new(UrlOf::Service(&shop.name, &side.region, &service.name), &service.url);
                }
            }
        }
        for (index, url) in self.reference_urls.iter_mut().enumerate() {
            *url = new(UrlOf::Reference(index), url);
        }
    }
}

impl ShopSetup {
    /// The two sides, the preferred region first.
    pub fn sides(&self) -> [&RegionSetup; 2] {
        [&self.primary, &self.secondary]
    }

    /// Base of the public URLs.
    pub fn public_url(&self) -> String {
        self.public_url
            .clone()
            .unwrap_or_else(|| format!("https://{}", self.hostname))
    }
}
