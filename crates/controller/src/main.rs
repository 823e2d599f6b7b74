//! `breakwater`: the controller. It watches Storefronts, keeps journals by compare-and-swap under a lease, drives the
//! engine, and does not know when to move.

mod approver;
mod catalogue;
mod classes;
mod cli;
mod clock;
mod crds;
mod driver;
mod lease;
mod metrics;
mod people;
mod records;
mod reference;
mod requests;
mod run;
mod serve;
mod store;
mod watches;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.command {
        cli::Command::Crds => {
            print!("{}", breakwater_api::crds_yaml());
            ExitCode::SUCCESS
        }
        cli::Command::Reference => {
            print!("{}", reference::page());
            ExitCode::SUCCESS
        }
        cli::Command::Run(args) => start(*args),
    }
}

fn start(args: cli::RunArgs) -> ExitCode {
    run::log_to_stderr(&args);
    // One TLS provider in the tree, chosen once; a second choice would be a bug of ours and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("breakwater: the runtime cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run::run(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("breakwater: {error}");
            ExitCode::FAILURE
        }
    }
}
