//! Flags, each with its environment variable.

use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;

/// Regional failover for online shops: watches Storefronts, and moves one when its active region is gone.
#[derive(Debug, Parser)]
#[command(name = "breakwater", version, about, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the controller until SIGTERM or Ctrl-C.
    Run(Box<RunArgs>),
    /// Print the CustomResourceDefinitions as YAML, for `kubectl apply --server-side -f -`.
    Crds,
    /// Print every field, condition, reason and metric as Markdown: docs/reference.md.
    Reference,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    /// Name of this installation: part of the owner in each shop's TXT record and of the external id
    /// `<installation>/<class>`. Keep it in Git, so that a rebuilt cluster goes on where the old one stopped.
    #[arg(long, env = "BREAKWATER_INSTALLATION", value_parser = installation)]
    pub(crate) installation: String,

    /// Namespace of the controller: the lease and the Secrets of classes are here.
    #[arg(long, env = "POD_NAMESPACE", default_value = "breakwater")]
    pub(crate) namespace: String,

    /// Name of the lease that replicas of this installation share.
    #[arg(long, env = "BREAKWATER_LEASE", default_value = "breakwater")]
    pub(crate) lease: String,

    /// Name of this process in the lease and in journals; a random part is always added.
    #[arg(long, env = "POD_NAME", default_value = "breakwater")]
    pub(crate) identity: String,

    /// AWS region that this process runs in. A shop that has one of its regions there is told so (`ObserverInRegion`): who
    /// looks from inside a region goes down with it.
    #[arg(long, env = "AWS_REGION")]
    pub(crate) region: Option<String>,

    /// Address of /metrics, /healthz and /readyz.
    #[arg(long, env = "BREAKWATER_LISTEN", default_value = "0.0.0.0:8080")]
    pub(crate) listen: SocketAddr,

    /// Base URL of Cloudflare's API, for tests and demos; the public one unless given.
    #[arg(long, env = "BREAKWATER_CLOUDFLARE_URL")]
    pub(crate) cloudflare_url: Option<String>,

    /// Let probes reach loopback addresses. For local demos only: whoever may create a Storefront can then reach what
    /// listens on this machine.
    #[arg(long, env = "BREAKWATER_ALLOW_LOOPBACK_PROBES")]
    pub(crate) allow_loopback_probes: bool,

    /// How much faster than real time the controller's clocks run, 1 to 30. For demos against breakwater-world only.
    #[arg(long, env = "BREAKWATER_TIME_SCALE", default_value_t = 1.0, value_parser = time_scale)]
    pub(crate) time_scale: f64,

    /// The instant from which scaled time runs, microseconds since the Unix epoch; shared with breakwater-world.
    #[arg(long, env = "BREAKWATER_SCALE_START", requires = "time_scale")]
    pub(crate) scale_start: Option<i64>,

    /// Write logs as JSON lines instead of text.
    #[arg(long, env = "BREAKWATER_LOG_JSON")]
    pub(crate) log_json: bool,

    /// What to log, in the form of tracing's EnvFilter: `info`, `breakwater=debug`.
    #[arg(
        long,
        env = "BREAKWATER_LOG",
        default_value = "info,kube_client=warn,kube_runtime=warn,aws=warn"
    )]
    pub(crate) log: String,
}

fn installation(value: &str) -> Result<String, String> {
    let plain = value
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if plain && (1..=40).contains(&value.len()) {
        Ok(value.to_owned())
    } else {
        Err("use 1 to 40 lower-case letters, digits and dashes".into())
    }
}

fn time_scale(value: &str) -> Result<f64, String> {
    match value.parse::<f64>() {
        Ok(scale) if (1.0..=30.0).contains(&scale) => Ok(scale),
        Ok(_) | Err(_) => Err("use a number from 1 to 30".into()),
    }
}
