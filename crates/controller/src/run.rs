//! The start and the end of the process.

use crate::approver::Approvers;
use crate::catalogue::Catalogue;
use crate::cli::RunArgs;
use crate::clock::Clock;
use crate::crds::Installed;
use crate::driver::{CHECK_CLASSES_EVERY, Driver, Happened, budget_fits};
use crate::metrics::Metrics;
use crate::people::People;
use crate::requests::OpenSwitches;
use crate::serve::{Health, serve};
use crate::store::Store;
use crate::{lease, records, watches};
use breakwater_engine::{Engine, Settings as EngineSettings};
use breakwater_providers::{Clouds, Settings};
use jiff::Timestamp;
use kube::{Client, Config};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tracing_subscriber::EnvFilter;

/// Time-out of a call, in the engine's time.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);

/// Why the controller cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotRun {
    #[error("no Kubernetes configuration: {0}; set KUBECONFIG, or run in a pod with a service account")]
    NoConfig(#[source] kube::config::InferConfigError),
    #[error("no Kubernetes client: {0}")]
    NoClient(#[source] kube::Error),
    #[error("cannot serve metrics and health: {0}; choose another --listen")]
    CannotServe(#[source] std::io::Error),
    #[error("signals cannot be handled: {0}")]
    NoSignals(#[source] std::io::Error),
    #[error("--time-scale {0} makes a call outlast its licence; use a smaller one")]
    TooFast(f64),
}

pub(crate) fn log_to_stderr(args: &RunArgs) {
    let filter = EnvFilter::try_new(&args.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if args.log_json {
        lines.json().init()
    } else {
        lines.with_ansi(false).init()
    }
}

/// Runs until SIGTERM or Ctrl-C.
pub(crate) async fn run(args: RunArgs) -> Result<(), CannotRun> {
    let start = args
        .scale_start
        .and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let clock = Clock::new(args.time_scale, start);
    let settings = Settings {
        allow_loopback_probes: args.allow_loopback_probes,
        time_scale: clock.scale(),
        cloudflare_url: args.cloudflare_url.clone(),
        ..Settings::default()
    };
    // I/O never waits less than a floor of real time: in the engine's time a call may then take longer.
    let call_timeout = settings.io(CALL_TIMEOUT).mul_f64(clock.scale());
    if !budget_fits(call_timeout, clock.scale()) {
        return Err(CannotRun::TooFast(args.time_scale));
    }
    let client = client().await?;
    let random: u32 = rand::random();
    let me = format!("{}-{random:08x}", args.identity);
    tracing::info!(me, installation = args.installation, "starting");
    let (stop, stopped) = watch::channel(false);
    let (tell, heard) = mpsc::unbounded_channel();
    let (records, to_show) = mpsc::unbounded_channel();
    let metrics = Arc::new(Metrics::new());
    let health = Arc::new(Health::new());

    watches::start(&client, &args.namespace, &tell);
    let people = People::new(client.clone(), &me);
    tokio::spawn(records::show_all(client.clone(), people.clone(), to_show));
    let lease = tokio::spawn(lease::hold(
        client.clone(),
        args.namespace.clone(),
        args.lease.clone(),
        me.clone(),
        tell.clone(),
        stopped.clone(),
    ));
    let served = tokio::spawn(serve(args.listen, metrics.clone(), health.clone(), stopped.clone()));
    tokio::spawn(remind(tell.clone()));
    let driver = Driver {
        clock,
        clouds: Arc::new(Clouds::new(settings)),
        store: Store::new(client.clone()),
        people,
        records,
        metrics,
        health,
        tell,
        engine: Engine::new(EngineSettings {
            me: me.as_str().into(),
            first_cause: u64::from(random) << 24,
            call_timeout,
        }),
        catalogue: Catalogue::new(&args.installation),
        statuses: BTreeMap::new(),
        listed: BTreeSet::new(),
        silent: BTreeSet::new(),
        clock_off: false,
        installed: Installed::default(),
        compared: None,
        approvers: Approvers::default(),
        region: args.region.as_deref().map(Into::into),
        renewed: Instant::now(),
        lease: None,
        handed_in: BTreeSet::new(),
        switches: OpenSwitches::default(),
        wake: None,
        client,
    };
    let turning = tokio::spawn(driver.turn(heard, stopped));
    let ended = tokio::select! {
        result = ended_by_signal() => result,
        result = served => match result {
            Ok(Err(error)) => Err(CannotRun::CannotServe(error)),
            Ok(Ok(())) | Err(_) => Ok(()),
        },
    };
    tracing::info!("stopping: nothing new is started, the lease is given back");
    let _ = stop.send(true);
    let _ = turning.await;
    let _ = lease.await;
    ended
}

async fn client() -> Result<Client, CannotRun> {
    let mut config = Config::infer().await.map_err(CannotRun::NoConfig)?;
    // A hung or retried request must not hang a storefront: every request has its own time-out.
    config.default_retry = false;
    Client::try_from(config).map_err(CannotRun::NoClient)
}

async fn remind(tell: mpsc::UnboundedSender<Happened>) {
    let mut ticks = tokio::time::interval(CHECK_CLASSES_EVERY);
    loop {
        ticks.tick().await;
        if tell.send(Happened::CheckClasses).is_err() {
            return;
        }
    }
}

async fn ended_by_signal() -> Result<(), CannotRun> {
    let mut terminate = signal(SignalKind::terminate()).map_err(CannotRun::NoSignals)?;
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result.map_err(CannotRun::NoSignals)?,
    }
    Ok(())
}
