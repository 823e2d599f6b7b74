//! What can go wrong, and for how long: faults are in force from their injection until they are cleared.

use crate::request::Millis;
use serde::{Deserialize, Serialize};

/// Id of an injected fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultId(pub u64);

/// The APIs that a fault can aim at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// Amazon RDS.
    Rds,
    /// Amazon CloudWatch.
    CloudWatch,
    /// Amazon Route 53.
    Route53,
    /// AWS STS.
    Sts,
    /// Cloudflare's API (never its edge).
    Cloudflare,
    /// Plain HTTP: direct URLs of services, proofs, references.
    Http,
}

impl Api {
    /// The name that ledger and faults use.
    pub fn name(self) -> &'static str {
        match self {
            Api::Rds => "rds",
            Api::CloudWatch => "cloud-watch",
            Api::Route53 => "route53",
            Api::Sts => "sts",
            Api::Cloudflare => "cloudflare",
            Api::Http => "http",
        }
    }
}

/// A fault. Those that name an `api` bind the controller alone: shoppers, Cloudflare's monitors and
/// persons go other ways. Durations end in the unit; without one they are milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fault {
    /// The region is gone for everybody: services, proofs, databases and its RDS, CloudWatch and STS endpoints
    /// take connections and never answer. With us-east-1 Route 53's control plane is silent too (its data
    /// plane answers on). Once cleared, APIs answer at once; instances run again after a while **with the roles
    /// they had**, so a former writer takes writes; services follow later.
    RegionDown {
        /// The region.
        region: String,
        /// Host names of the region's services do not resolve any more (seen in real regional outages).
        #[serde(default)]
        names_vanish: bool,
    },
    /// The region is cut off from the controller and from every other region. Users on the internet and
    /// Cloudflare's monitors still reach it, and it goes on selling.
    Partition {
        /// The region.
        region: String,
    },
    /// The replication link of a shop is silently dead: no reset, no error, no rows.
    LinkLost {
        /// The shop.
        shop: String,
    },
    /// The replication link of a shop is cut with a bang: the replica knows at once, `StatusInfos` says so and
    /// `ReplicaLag` is -1 from the next sample on. Injected a day before anything else, it is yesterday's break
    /// (RDS documentation: replication that stood still for more than 30 days is `terminated`).
    LinkCut {
        /// The shop.
        shop: String,
        /// What `StatusInfos` says: `error`, `stopped`, `terminated`, ...
        #[serde(default = "link_error")]
        status: String,
    },
    /// The replica's SQL thread stops at an error of its own (a duplicate key), which says nothing of the source:
    /// `StatusInfos` says `error` with the SQL error as `Message`, `ReplicaLag` is -1 (CloudWatch documentation:
    /// -1 when either thread has stopped). Once cleared, somebody has skipped the statement: it catches up.
    SqlError {
        /// The shop.
        shop: String,
    },
    /// The services (and proofs) of a shop in a region answer 503: the load balancer has no healthy target.
    ServicesDown {
        /// The shop.
        shop: String,
        /// The region.
        region: String,
    },
    /// Half of the answers of a shop's services (and proofs) in a region are 503, the others are slow
    /// (`Timing::brownout_slowness`). Seeded: each answer tosses a coin. A monitor tries again before it judges.
    Brownout {
        /// The shop.
        shop: String,
        /// The region.
        region: String,
    },
    /// The services (and proofs) of a shop go down and come up again by turns, beginning with down. Each turn is
    /// in the ledger (`flapped`).
    Flapping {
        /// The shop.
        shop: String,
        /// The region.
        region: String,
        /// How long they are up, in seconds.
        up_seconds: u32,
        /// How long they are down, in seconds.
        down_seconds: u32,
    },
    /// A bad release: all services (and proofs) of a shop answer 500 in both regions.
    BadRelease {
        /// The shop.
        shop: String,
    },
    /// A habit of the shop rather than a trouble: the health checks of all its services, search and catalogue
    /// too, ask for the writer. By itself it does nothing; when the writer dies, everything in both regions is 503.
    DeepChecks {
        /// The shop.
        shop: String,
    },
    /// The database process of a shop's instance in a region answers nobody; RDS goes on calling it `available`.
    DatabaseDown {
        /// The shop.
        shop: String,
        /// The region.
        region: String,
    },
    /// The same with Multi-AZ: RDS fails over to the instance's standby within the region, under the same name,
    /// and the fault ends by itself (RDS documentation: 60 to 120 s, `Timing::multi_az_recovery`).
    DatabaseRecovers {
        /// The shop.
        shop: String,
        /// The region.
        region: String,
        /// After how many seconds; drawn from the timing if absent.
        #[serde(default)]
        recovers_after_seconds: Option<u32>,
    },
    /// RDS shows this status for an instance, and the process does what the status implies (RDS documentation of
    /// the instance statuses): `storage-full` runs and takes no writes; `rebooting`, `upgrading`, `maintenance`,
    /// `starting`, `stopping`, `stopped`, `creating`, `deleting`, `failed`, `incompatible-*`, `inaccessible-*`,
    /// `restore-error` answer nobody; all others, unknown ones too, work on. RDS promotes only in `available`,
    /// `storage-optimization`, `storage-config-upgrade` and `configuring-*`. An operation on the instance that RDS
    /// accepts (promote, start) ends the fault.
    InstanceStatus {
        /// The shop.
        shop: String,
        /// The region.
        region: String,
        /// `DBInstanceStatus`, any text.
        status: String,
        /// Whatever the status implies: `true` the process works, `false` it runs and takes no writes.
        #[serde(default)]
        takes_writes: Option<bool>,
    },
    /// The instance is not there: `DBInstanceNotFound` by name, absent from the list, and nobody answers.
    InstanceGone {
        /// The shop.
        shop: String,
        /// The region.
        region: String,
    },
    /// Another instance bears the name (restored from a snapshot, say): same identifier, ARN and role, another
    /// `DbiResourceId`.
    InstanceReplaced {
        /// The shop.
        shop: String,
        /// The region.
        region: String,
    },
    /// `ReplicaLag` samples of a shop's replica are not taken, or are published late. CloudWatch publishes best
    /// effort: single gaps and minutes of delay are seen. Samples already taken are as they were.
    LagSamples {
        /// The shop.
        shop: String,
        /// They are not taken at all.
        #[serde(default)]
        missing: bool,
        /// Only each nth minute is concerned; all are if absent.
        #[serde(default)]
        every: Option<u32>,
        /// They are published so many seconds later than otherwise.
        #[serde(default)]
        late_by_seconds: u32,
        /// Both instances' other metrics are concerned as well.
        #[serde(default)]
        all_metrics: bool,
    },
    /// Nothing but the Kubernetes API (which is not of this world) can be reached by the controller: no provider,
    /// no region, no reference URL. Nobody else is concerned.
    ControllerCutOff,
    /// Route 53's control plane answers nobody, persons neither, as when us-east-1's control planes fail;
    /// its data plane answers on, and the region's other services too.
    Route53Unreachable,
    /// Cloudflare's reads show balancers as they were so long ago; the answer to a PATCH shows the new state. There
    /// is no version by which a reader could tell.
    ReadbackLag {
        /// Seconds.
        seconds: u32,
    },
    /// Terraform puts back the writer's name (the CNAME, it knows nothing of the TXT record), the balancers' lists
    /// and the pools' `enabled` as they were when this was injected. Each run looks first and changes only what
    /// differs; its calls have vantage `person` and actor `terraform`. The first run is one period away.
    Terraform {
        /// The shop.
        shop: String,
        /// Seconds between two runs.
        every_seconds: u32,
        /// Whether it keeps the name.
        #[serde(default = "yes")]
        names: bool,
        /// Whether it keeps balancers and pools.
        #[serde(default = "yes")]
        balancers: bool,
    },
    /// An API takes connections and never answers; nothing takes effect.
    ApiSilent {
        /// The API.
        api: Api,
        /// Only in this region; everywhere if absent.
        #[serde(default)]
        region: Option<String>,
    },
    /// An API answers every request with this error; nothing takes effect.
    ApiError {
        /// The API.
        api: Api,
        /// Only in this region; everywhere if absent.
        #[serde(default)]
        region: Option<String>,
        /// HTTP status.
        status: u16,
        /// Error code in the provider's own form.
        code: String,
    },
    /// An API throttles every request: 429 from Cloudflare (and plain HTTP), `Throttling` with status 400 from AWS.
    ApiThrottling {
        /// The API.
        api: Api,
        /// Only in this region; everywhere if absent.
        #[serde(default)]
        region: Option<String>,
    },
    /// An API denies in its own form: `AccessDenied` with status 403 from AWS, 403 with code 10000 from Cloudflare.
    ApiDenied {
        /// The API.
        api: Api,
        /// Only in this region; everywhere if absent.
        #[serde(default)]
        region: Option<String>,
        /// Only this operation (kebab-case, as in the ledger).
        #[serde(default)]
        op: Option<String>,
    },
    /// An API's answers are cut off or empty; what was asked takes effect. See [`Delivery::Truncated`].
    ///
    /// [`Delivery::Truncated`]: crate::Delivery::Truncated
    ApiTruncated {
        /// The API.
        api: Api,
        /// Only in this region; everywhere if absent.
        #[serde(default)]
        region: Option<String>,
        /// Only this operation (kebab-case, as in the ledger).
        #[serde(default)]
        op: Option<String>,
        /// How much of the body is left, in percent; 0: an empty one.
        #[serde(default = "half")]
        percent: u8,
    },
    /// The AWS APIs of a region (Route 53 too, if no region is named) refuse signatures because of their time: our
    /// clock is wrong. It looks like a bad signature: `SignatureDoesNotMatch`, 403, "Signature expired: ...".
    ClockRefused {
        /// Only in this region; everywhere if absent.
        #[serde(default)]
        region: Option<String>,
        /// How many seconds our clock is behind; negative: ahead.
        #[serde(default = "half_an_hour")]
        behind_seconds: i64,
    },
    /// The next `count` requests take effect, and their answers are lost.
    LoseReplies {
        /// The API.
        api: Api,
        /// Only this operation (kebab-case, as in the ledger).
        #[serde(default)]
        op: Option<String>,
        /// How many.
        count: u32,
    },
    /// The next `count` requests are lost on their way: no effect, no answer.
    LoseRequests {
        /// The API.
        api: Api,
        /// Only this operation (kebab-case, as in the ledger).
        #[serde(default)]
        op: Option<String>,
        /// How many.
        count: u32,
    },
    /// The next `count` requests take effect, and something on the way answers in the provider's stead, with this
    /// status: a gateway's 502 after a PATCH that was applied.
    SpoilReplies {
        /// The API.
        api: Api,
        /// Only this operation (kebab-case, as in the ledger).
        #[serde(default)]
        op: Option<String>,
        /// HTTP status.
        #[serde(default = "bad_gateway")]
        status: u16,
        /// How many.
        count: u32,
    },
    /// The next `count` calls arrive twice, as when something on the way sends them again: the effect is applied
    /// twice, and the asker gets the second answer (which may say that what was just done cannot be done).
    DuplicateEffects {
        /// The API.
        api: Api,
        /// Only this operation (kebab-case, as in the ledger).
        #[serde(default)]
        op: Option<String>,
        /// How many.
        count: u32,
    },
    /// Answers take this much longer.
    Delay {
        /// The API.
        api: Api,
        /// Only in this region; everywhere if absent.
        #[serde(default)]
        region: Option<String>,
        /// Milliseconds, virtual.
        millis: Millis,
    },
}

fn link_error() -> String {
    "error".into()
}

fn yes() -> bool {
    true
}

fn bad_gateway() -> u16 {
    502
}

fn half() -> u8 {
    50
}

fn half_an_hour() -> i64 {
    1800
}

/// Which requests of the controller a fault concerns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aim<'a> {
    pub at: At,
    pub region: Option<&'a str>,
    pub op: Option<&'a str>,
}

/// Which APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Everything,
    Aws,
    Api(Api),
}

impl At {
    pub(crate) fn hits(self, api: Api) -> bool {
        match (self, api) {
            (At::Everything, _) | (At::Aws, Api::Rds | Api::CloudWatch | Api::Route53 | Api::Sts) => true,
            (At::Aws, Api::Cloudflare | Api::Http) => false,
            (At::Api(own), api) => own == api,
        }
    }
}

/// What a fault does to a request of the controller.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Blow {
    Silence,
    Error { status: u16, code: String },
    Throttle,
    Deny,
    Clock { behind_seconds: i64 },
    Truncate { percent: u8 },
    Late { millis: Millis },
    LoseReply,
    SpoilReply { status: u16 },
    LoseRequest,
    Duplicate,
}

impl Fault {
    /// What it does to which requests of the controller, if it concerns requests.
    pub(crate) fn blow(&self) -> Option<(Aim<'_>, Blow)> {
        let aim = |at, region, op| Aim { at, region, op };
        let hit = match self {
            Fault::ControllerCutOff => (aim(At::Everything, None, None), Blow::Silence),
            Fault::ApiSilent { api, region } => (aim(At::Api(*api), region.as_deref(), None), Blow::Silence),
            Fault::ApiError {
                api,
                region,
                status,
                code,
            } => {
                let (status, code) = (*status, code.clone());
                let blow = Blow::Error { status, code };
                (aim(At::Api(*api), region.as_deref(), None), blow)
            }
            Fault::ApiThrottling { api, region } => (aim(At::Api(*api), region.as_deref(), None), Blow::Throttle),
            Fault::ApiDenied { api, region, op } => (aim(At::Api(*api), region.as_deref(), op.as_deref()), Blow::Deny),
            Fault::ApiTruncated {
                api,
                region,
                op,
                percent,
            } => {
                let blow = Blow::Truncate { percent: *percent };
                (aim(At::Api(*api), region.as_deref(), op.as_deref()), blow)
            }
            Fault::ClockRefused { region, behind_seconds } => {
                let blow = Blow::Clock {
                    behind_seconds: *behind_seconds,
                };
                (aim(At::Aws, region.as_deref(), None), blow)
            }
            Fault::LoseReplies { api, op, .. } => (aim(At::Api(*api), None, op.as_deref()), Blow::LoseReply),
            Fault::SpoilReplies { api, op, status, .. } => {
                let blow = Blow::SpoilReply { status: *status };
                (aim(At::Api(*api), None, op.as_deref()), blow)
            }
            Fault::LoseRequests { api, op, .. } => (aim(At::Api(*api), None, op.as_deref()), Blow::LoseRequest),
            Fault::DuplicateEffects { api, op, .. } => (aim(At::Api(*api), None, op.as_deref()), Blow::Duplicate),
            Fault::Delay { api, region, millis } => {
                let blow = Blow::Late { millis: *millis };
                (aim(At::Api(*api), region.as_deref(), None), blow)
            }
            Fault::RegionDown { .. }
            | Fault::Partition { .. }
            | Fault::LinkLost { .. }
            | Fault::LinkCut { .. }
            | Fault::SqlError { .. }
            | Fault::ServicesDown { .. }
            | Fault::Brownout { .. }
            | Fault::Flapping { .. }
            | Fault::BadRelease { .. }
            | Fault::DeepChecks { .. }
            | Fault::DatabaseDown { .. }
            | Fault::DatabaseRecovers { .. }
            | Fault::InstanceStatus { .. }
            | Fault::InstanceGone { .. }
            | Fault::InstanceReplaced { .. }
            | Fault::LagSamples { .. }
            | Fault::Route53Unreachable
            | Fault::ReadbackLag { .. }
            | Fault::Terraform { .. } => return None,
        };
        Some(hit)
    }

    /// How many requests it still concerns, of a fault that is used up.
    pub(crate) fn left(&mut self) -> Option<&mut u32> {
        if let Fault::LoseReplies { count, .. }
        | Fault::LoseRequests { count, .. }
        | Fault::SpoilReplies { count, .. }
        | Fault::DuplicateEffects { count, .. } = self
        {
            return Some(count);
        }
        None
    }
}
