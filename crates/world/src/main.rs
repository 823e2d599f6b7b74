//! `breakwater-world`: the simulated world on a loopback port, for demos and tests.

use std::{
    error::Error,
    fs,
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use breakwater_sim::Setup;
use breakwater_world::{Config, clock::FASTEST, start};
use clap::{ArgGroup, Parser};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A simulated AWS, Cloudflare and set of shops, in their real wire formats, on a loopback port.
///
/// Point AWS_ENDPOINT_URL and BREAKWATER_CLOUDFLARE_URL at it, with the keys of the state file. The
/// control API is under /-/control: faults, holds, glance, ledger.
#[derive(Parser)]
#[command(version)]
#[command(group = ArgGroup::new("shops").required(true).args(["setup", "demo"]))]
struct Args {
    /// What the world consists of, as JSON.
    #[arg(long, env = "BREAKWATER_WORLD_SETUP", value_name = "FILE")]
    setup: Option<PathBuf>,
    /// Use the demo's three shops instead of a setup file.
    #[arg(long, env = "BREAKWATER_WORLD_DEMO")]
    demo: bool,
    /// Print the setup as JSON and exit; a start for a file of your own.
    #[arg(long)]
    print_setup: bool,
    /// Where to listen: loopback only; port 0 lets the system choose.
    #[arg(
        long,
        env = "BREAKWATER_WORLD_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:0"
    )]
    listen: SocketAddr,
    /// File that receives address, keys and clock as JSON once the world serves.
    #[arg(long, env = "BREAKWATER_WORLD_STATE", value_name = "FILE")]
    state: Option<PathBuf>,
    /// Seed of everything that is left to chance.
    #[arg(long, env = "BREAKWATER_WORLD_SEED", value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How many times faster than real time the world's clock runs.
    #[arg(long, env = "BREAKWATER_WORLD_TIME_SCALE", value_name = "FACTOR", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(FASTEST)))]
    time_scale: u32,
    /// Where real and virtual time meet, in microseconds since the Unix epoch [default: now].
    #[arg(long, env = "BREAKWATER_WORLD_EPOCH", value_name = "MICROS")]
    epoch: Option<i64>,
    /// Leave the setup's URLs as they are. Otherwise https://host/path is served, and known to the
    /// world, as <base URL>/host/path, which needs no name resolution.
    #[arg(long, env = "BREAKWATER_WORLD_KEEP_URLS")]
    keep_urls: bool,
    /// The static AWS access key; it may only call STS.
    #[arg(long, env = "BREAKWATER_WORLD_ACCESS_KEY_ID", value_name = "ID")]
    access_key_id: Option<String>,
    /// Its secret [default: a fresh one, see --state].
    #[arg(
        long,
        env = "BREAKWATER_WORLD_SECRET_ACCESS_KEY",
        value_name = "SECRET",
        hide_env_values = true
    )]
    secret_access_key: Option<String>,
    /// A role that may be assumed; repeat it, or separate several by commas [default: the setup's].
    #[arg(long, env = "BREAKWATER_WORLD_ROLE_ARNS", value_name = "ARN", value_delimiter = ',')]
    role_arn: Vec<String>,
    /// An external id that is accepted, <installation>/<class>; repeat it, or separate several by
    /// commas [default: the setup's, else demo/production].
    #[arg(
        long,
        env = "BREAKWATER_WORLD_EXTERNAL_IDS",
        value_name = "ID",
        value_delimiter = ','
    )]
    external_id: Vec<String>,
    /// How long a session of a role lasts, in real seconds [default: the simulated STS's hour].
    #[arg(long, env = "BREAKWATER_WORLD_SESSION_SECONDS", value_name = "SECONDS")]
    session_seconds: Option<u64>,
    /// Cloudflare's API token [default: a fresh one, see --state].
    #[arg(
        long,
        env = "BREAKWATER_WORLD_CLOUDFLARE_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    cloudflare_token: Option<String>,
    /// What to log to standard error, such as "info" or "breakwater_world=debug".
    #[arg(long, env = "BREAKWATER_WORLD_LOG", value_name = "FILTER", default_value = "info")]
    log: String,
}

impl Args {
    fn setup(&self) -> Result<Setup, Box<dyn Error>> {
        let Some(path) = &self.setup else {
            return Ok(Setup::demo());
        };
        let text = fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(serde_json::from_str(&text).map_err(|error| {
            format!(
                "{} is no setup: {error}; --demo --print-setup shows what one looks like",
                path.display()
            )
        })?)
    }

    fn config(self, setup: Setup) -> Config {
        let mut config = Config::new(setup);
        config.seed = self.seed;
        config.listen = self.listen;
        config.time_scale = self.time_scale;
        config.epoch = self.epoch;
        config.rewrite_urls = !self.keep_urls;
        let keys = &mut config.keys;
        keys.session = self.session_seconds.map(Duration::from_secs);
        for (key, given) in [
            (&mut keys.access_key_id, self.access_key_id),
            (&mut keys.secret_access_key, self.secret_access_key),
            (&mut keys.cloudflare_token, self.cloudflare_token),
        ] {
            if let Some(given) = given {
                *key = given;
            }
        }
        for (list, given) in [
            (&mut keys.role_arns, self.role_arn),
            (&mut keys.external_ids, self.external_id),
        ] {
            if !given.is_empty() {
                *list = given;
            }
        }
        config
    }
}

async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let setup = args.setup()?;
    if args.print_setup {
        return match writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&setup)?) {
            // Whoever reads it through `head` has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        };
    }
    // Before the port is open: whoever stops us early must find us listening for it.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let state = args.state.clone();
    let world = start(args.config(setup)).await?;
    if let Some(path) = &state {
        world
            .fixture()
            .write(path)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    println!("{}", world.fixture().base_url);
    tracing::info!(
        url = world.fixture().base_url,
        time_scale = world.fixture().time_scale,
        "serving"
    );
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping");
    world.stop().await;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_new(&args.log).unwrap_or_else(|error| {
        eprintln!(
            "breakwater-world: --log {:?} is no filter ({error}); logging at info",
            args.log
        );
        EnvFilter::new("info")
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut message = error.to_string();
            let mut cause = error.source();
            while let Some(source) = cause {
                message.push_str(&format!(": {source}"));
                cause = source.source();
            }
            eprintln!("breakwater-world: {message}");
            ExitCode::FAILURE
        }
    }
}
