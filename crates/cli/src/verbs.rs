//! The verbs: each reads, shows, and then does at most one thing.

mod edit;
mod filed;
mod read;

use crate::args::{Cli, Verb};
use crate::ask::Wish;
use crate::cluster::Cluster;
use crate::complete;
use crate::exit::Exit;
use crate::screen;
use crate::trouble::Trouble;
use breakwater_core::journal::MoveKind;
use clap::CommandFactory as _;

/// Does what was asked.
pub(crate) async fn run(cli: Cli) -> Result<Exit, Trouble> {
    if let Verb::Completion(args) = &cli.verb {
        let mut script = Vec::new();
        clap_complete::generate(args.shell, &mut Cli::command(), "kubectl-storefront", &mut script);
        screen::print(&String::from_utf8_lossy(&script));
        return Ok(Exit::Done);
    }
    if let Verb::Complete(args) = &cli.verb {
        screen::print(&complete::candidates(&cli.reach, &args.words).await);
        return Ok(Exit::Done);
    }
    let cluster = Cluster::reach(&cli.reach).await?;
    match cli.verb {
        Verb::Completion(_) | Verb::Complete(_) => Ok(Exit::Done),
        Verb::Status(args) => read::status(&cluster, &args).await,
        Verb::Explain(args) => read::explain(&cluster, &args).await,
        Verb::History(args) => read::history(&cluster, &args).await,
        Verb::Report(args) => read::report(&cluster, &args).await,
        Verb::Switchover(args) => {
            let wish = Wish {
                to: args.to,
                max_write_stop: args.max_write_stop,
                ..Wish::default()
            };
            filed::file(&cluster, &args.storefront, MoveKind::Switchover, wish, &args.asking).await
        }
        Verb::Failover(args) => {
            let wish = Wish {
                to: args.to,
                allow_data_loss: args.allow_data_loss,
                ..Wish::default()
            };
            filed::file(&cluster, &args.storefront, MoveKind::Failover, wish, &args.asking).await
        }
        Verb::Failback(args) => {
            let wish = Wish {
                max_write_stop: args.max_write_stop,
                ..Wish::default()
            };
            filed::back(&cluster, &args.storefront, wish, &args.asking).await
        }
        Verb::Shift(args) => {
            let wish = Wish {
                to: Some(args.to),
                lasts: Some(args.lasts),
                ..Wish::default()
            };
            filed::file(&cluster, &args.storefront, MoveKind::TrafficShift, wish, &args.asking).await
        }
        Verb::Drill(args) => {
            let wish = Wish {
                to: args.to,
                ..Wish::default()
            };
            filed::file(&cluster, &args.storefront, MoveKind::Drill, wish, &args.asking).await
        }
        Verb::Adopt(args) => {
            let wish = Wish {
                to: Some(args.writer),
                ..Wish::default()
            };
            filed::file(&cluster, &args.storefront, MoveKind::Adopt, wish, &args.asking).await
        }
        Verb::Approve(args) => edit::approve(&cluster, &args).await,
        Verb::Abort(args) => edit::abort(&cluster, &args).await,
        Verb::Suspend(args) => edit::suspend(&cluster, &args, true).await,
        Verb::Resume(args) => edit::suspend(&cluster, &args, false).await,
    }
}

/// Asks a person to go on; `yes`: it was said on the command line.
fn confirm(yes: bool) -> Result<(), Trouble> {
    if yes {
        return Ok(());
    }
    if !screen::can_ask() {
        return Err(Trouble::Usage(
            "there is no terminal to ask at, so nothing was changed. Say --yes to go on without a question".into(),
        ));
    }
    if is_yes(screen::ask("Go on? Type yes: ").as_deref()) {
        Ok(())
    } else {
        Err(Trouble::Declined)
    }
}

/// Enter alone, the end of input and a typing error are no.
fn is_yes(answer: Option<&str>) -> bool {
    answer.is_some_and(|answer| ["yes", "y"].contains(&answer.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        assert!(is_yes(Some("yes")) && is_yes(Some("Y")));
        assert!(!is_yes(Some("")) && !is_yes(Some("yse")) && !is_yes(Some("no")) && !is_yes(None));
    }
}
