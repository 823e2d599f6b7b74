//! What the wire is told once, and what each class grants.

use crate::secret::Secret;
use breakwater_core::Text;
use std::time::Duration;

/// How long an API read may take, in virtual time: a call's time-out too, so that one hung lane is noticed in both.
const READ_TIMEOUT: Duration = Duration::from_secs(4);

/// Least time-out in real time, whatever the time scale: a busy machine needs as much for an honest answer.
const IO_FLOOR: Duration = Duration::from_millis(500);

/// What the wire is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Probes may go to `localhost`, `*.localhost` and loopback addresses. For local demos only: with it, whoever
    /// may write a Storefront can reach what listens on the controller's own machine.
    pub allow_loopback_probes: bool,
    /// Least time-out, real time.
    pub io_floor: Duration,
    /// How much faster than real time the clocks run; 1 outside demos.
    pub time_scale: f64,
    /// Time-out of one API read, virtual time.
    pub read_timeout: Duration,
    /// Cloudflare's API, if it is not the public one (`BREAKWATER_CLOUDFLARE_URL`).
    pub cloudflare_url: Option<String>,
    /// AWS endpoint and keys given by the program itself; `None`: as the SDK finds them (environment, web
    /// identity, metadata service; `AWS_ENDPOINT_URL` and its per-service forms).
    pub aws: Option<FixedAws>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            allow_loopback_probes: false,
            io_floor: IO_FLOOR,
            time_scale: 1.0,
            read_timeout: READ_TIMEOUT,
            cloudflare_url: None,
            aws: None,
        }
    }
}

impl Settings {
    /// A virtual duration as real time, for waiting: never below the floor.
    #[must_use]
    pub fn io(&self, virtual_time: Duration) -> Duration {
        self.real(virtual_time).max(self.io_floor)
    }

    /// A virtual duration as real time.
    pub(crate) fn real(&self, virtual_time: Duration) -> Duration {
        let scale = if self.time_scale.is_finite() && self.time_scale > 1.0 {
            self.time_scale
        } else {
            1.0
        };
        virtual_time.div_f64(scale)
    }
}

/// An AWS endpoint and keys that do not come from the environment.
#[derive(Clone, Debug)]
pub struct FixedAws {
    /// One endpoint for all services and regions.
    pub endpoint: String,
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: Secret,
}

/// What a StorefrontClass grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassAccess {
    /// Name of the class.
    pub name: Text,
    /// Role to assume for RDS and CloudWatch, and for Route 53 if there is no other.
    pub role_arn: Text,
    /// Role to assume for Route 53.
    pub dns_role_arn: Option<Text>,
    /// External id of both.
    pub external_id: Text,
    /// The only zones that may be named.
    pub hosted_zones: Vec<Text>,
    /// Cloudflare account.
    pub cloudflare_account: Text,
    /// Cloudflare API token.
    pub cloudflare_token: Secret,
    /// Hosts that probes and proofs may name: exact, or `*.example.com` for every name below.
    pub allowed_hosts: Vec<Text>,
    /// Proxy of probes; without one they go direct, whatever the environment says.
    pub proxy_url: Option<Text>,
    /// Whether probes may go to private addresses.
    pub allow_private_addresses: bool,
}

/// Why a class is not ready.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassProblem {
    /// No such class was set.
    #[error("class {0} is not known here; wait until the controller has read it")]
    Unknown(Text),
    /// The controller has no AWS identity of its own.
    #[error(
        "the controller itself has no AWS identity ({0}); give its service account a role (IRSA or Pod Identity), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    NoIdentity(Text),
    /// STS refuses the role.
    #[error("role {role} cannot be assumed ({text}); check its trust policy and its external id {external_id}")]
    RoleDenied {
        /// The role.
        role: Text,
        /// The external id that was sent.
        external_id: Text,
        /// STS' words.
        text: Text,
    },
    /// The provider says that our clock is wrong.
    #[error("AWS says that our clock is wrong ({0}); synchronise this node's clock")]
    Clock(Text),
    /// A hosted zone is missing or refused.
    #[error(
        "hosted zone {zone} cannot be read ({text}); check spec.aws.hostedZoneIds and the role's route53:ListResourceRecordSets"
    )]
    Zone {
        /// The zone.
        zone: Text,
        /// Route 53's words.
        text: Text,
    },
    /// There is no Cloudflare token.
    #[error("the Cloudflare token is empty; put it into the Secret that spec.cloudflare.tokenSecret names")]
    NoToken,
    /// The token cannot read the account's pools.
    #[error(
        "the Cloudflare token cannot read pools of account {account} ({text}); it needs the account permission 'Load Balancing: Monitors And Pools' for it"
    )]
    TokenScope {
        /// The account.
        account: Text,
        /// Cloudflare's words.
        text: Text,
    },
    /// A provider does not answer, or not sensibly, now.
    #[error("{what} could not be asked now ({text}); it is tried again")]
    Unreachable {
        /// STS, Route 53, Cloudflare.
        what: Text,
        /// What was seen.
        text: Text,
    },
}
