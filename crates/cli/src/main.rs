//! `kubectl-storefront`: what stands, why nothing moves, and the requests of people, from a terminal.
//!
//! It decides nothing. What it shows comes from status, what it asks for is a RegionSwitch that `kubectl apply` could
//! have made as well, and whether that begins is the controller's business.

mod args;
mod ask;
mod cluster;
mod complete;
mod exit;
mod follow;
mod screen;
mod show;
mod trouble;
mod verbs;
mod watch;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // Help and version are errors to clap and none to people.
            let wrong = error.use_stderr();
            return if wrong { exit::Exit::Trouble } else { exit::Exit::Done }.into();
        }
    };
    // One TLS provider in the tree, chosen once; a second choice would be a bug of ours and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen::complain(&format!("the runtime cannot start: {error}"));
            return exit::Exit::Trouble.into();
        }
    };
    match runtime.block_on(verbs::run(cli)) {
        Ok(exit) => exit.into(),
        Err(trouble) => {
            screen::complain(&trouble.to_string());
            trouble.exit().into()
        }
    }
}
