//! `make demo`: builds nothing itself; plays a scenario on a real API server against the simulated world.

use breakwater_e2e::demo::{Scenario, play};
use breakwater_e2e::processes::root;
use breakwater_e2e::stage::Setting;
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// Plays a scenario on a real Kubernetes API server: three shops, a region that dies, the failover, the way it ended.
#[derive(Debug, Parser)]
struct Args {
    /// What to play.
    #[arg(long, env = "SCENARIO", default_value = "region-down", value_enum)]
    scenario: Scenario,
    /// How much faster than real time the clocks run, 1 to 30.
    #[arg(long, env = "TIME_SCALE", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=30))]
    time_scale: u32,
    /// Seed of the simulated world.
    #[arg(long, env = "SEED", default_value_t = 7)]
    seed: u64,
    /// Use this cluster instead of starting a control plane.
    #[arg(long, env = "KUBECONFIG")]
    kubeconfig: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let dir = root().join("target/demo").join(args.scenario.name());
    let setting = Setting {
        dir: dir.clone(),
        time_scale: args.time_scale,
        seed: args.seed,
        kubeconfig: args.kubeconfig,
        through_proxy: false,
        instead: args.scenario.instead(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("demo: the runtime cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let played = runtime.block_on(async {
        tokio::select! {
            played = play(args.scenario, setting) => Some(played),
            _ = tokio::signal::ctrl_c() => None,
        }
    });
    match played {
        None => {
            eprintln!("demo: interrupted; everything that it started has been stopped");
            ExitCode::from(130)
        }
        Some(Err(error)) => {
            eprintln!("demo: {error}\ndemo: logs are in target/demo/{}", args.scenario.name());
            ExitCode::FAILURE
        }
        Some(Ok(summary)) => {
            let text = serde_json::to_string_pretty(&summary).unwrap_or_default();
            let file = root()
                .join("target/demo")
                .join(format!("{}.json", args.scenario.name()));
            if let Err(error) = std::fs::write(&file, format!("{text}\n")) {
                eprintln!("demo: {}: {error}", file.display());
            }
            println!("{text}");
            if summary.passed {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
