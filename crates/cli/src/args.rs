//! Verbs and flags.

use breakwater_core::request::Override;
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit codes: 0 done, 1 usage or connection, 2 not there or unreadable, 3 refused, 4 rolled back or \
                          aborted, 5 expired, 6 --timeout passed, 7 declined at the prompt, 8 denied by the API server.";

/// Shows where a Storefront stands and why, and files the requests of people.
#[derive(Debug, Parser)]
#[command(name = "kubectl-storefront", bin_name = "kubectl storefront", version, about, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Which cluster, as whom.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct Reach {
    /// Namespace of the Storefront; that of the context unless given.
    #[arg(long, short, global = true)]
    pub(crate) namespace: Option<String>,
    /// Context of the kubeconfig.
    #[arg(long, global = true)]
    pub(crate) context: Option<String>,
    /// Kubeconfig; $KUBECONFIG or ~/.kube/config unless given.
    #[arg(long, global = true)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// User to impersonate.
    #[arg(long = "as", global = true, value_name = "USER")]
    pub(crate) impersonate: Option<String>,
    /// Groups to impersonate.
    #[arg(long = "as-group", global = true, value_name = "GROUP", requires = "impersonate")]
    pub(crate) groups: Vec<String>,
    /// How much faster than real time the controller's clock runs: demos only.
    #[arg(
        long,
        global = true,
        hide = true,
        env = "BREAKWATER_TIME_SCALE",
        default_value_t = 1.0
    )]
    pub(crate) time_scale: f64,
    /// The instant from which scaled time runs, microseconds since the Unix epoch.
    #[arg(long, global = true, hide = true, env = "BREAKWATER_SCALE_START")]
    pub(crate) scale_start: Option<i64>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show where a shop stands, as a tree; without a name: one line for each shop.
    Status(StatusArgs),
    /// Show why a shop moves or does not: votes, windows, refusals, and what would have to change.
    Explain(ReadArgs),
    /// List the moves and requests of a shop, newest first.
    History(ReadArgs),
    /// Write the post-mortem of one move as Markdown.
    Report(ReportArgs),
    /// Move the active region without losing an order (planned).
    Switchover(SwitchoverArgs),
    /// Move the active region now; may lose the last orders (unplanned).
    Failover(FailoverArgs),
    /// Move back to the preferred region: a switchover to spec.regions.primary.
    Failback(FailbackArgs),
    /// Send shoppers to another region first for a while; the writer stays.
    Shift(ShiftArgs),
    /// Rehearse a move: everything but the calls that change anything.
    Drill(DrillArgs),
    /// Say where the writer is, when nobody can tell or another installation owns the shop.
    Adopt(AdoptArgs),
    /// Approve the open request of a shop.
    Approve(ApproveArgs),
    /// Withdraw the open request of a shop, or its move before the point of no return.
    Abort(AbortArgs),
    /// Stop every call about a shop at once.
    Suspend(EditArgs),
    /// Let a suspended shop go on.
    Resume(EditArgs),
    /// Print a completion script for a shell.
    Completion(CompletionArgs),
    /// Candidates for the last word, for kubectl's own completion.
    #[command(name = "__complete", hide = true)]
    Complete(CompleteArgs),
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct StatusArgs {
    /// The Storefront.
    pub(crate) storefront: Option<String>,
    /// Every namespace (without a name only).
    #[arg(long, short = 'A', conflicts_with = "storefront")]
    pub(crate) all_namespaces: bool,
    /// Redraw in place when something changes, until Ctrl-C.
    #[arg(long, short, requires = "storefront", conflicts_with = "output")]
    pub(crate) watch: bool,
    /// Print the objects instead.
    #[arg(long, short)]
    pub(crate) output: Option<Output>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ReadArgs {
    /// The Storefront.
    pub(crate) storefront: String,
    /// Print data instead.
    #[arg(long, short)]
    pub(crate) output: Option<Output>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ReportArgs {
    /// The RegionSwitch that records the move (`kubectl storefront history` lists them).
    #[arg(value_name = "MOVE")]
    pub(crate) record: String,
}

/// What every request has.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Request")]
pub(crate) struct Asking {
    /// Why; stands on the record. Asked for at a terminal if not given.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// A refusal that you have read and accept; may be repeated. Needs --reason.
    #[arg(long = "override", value_name = "REFUSAL", value_parser = refusal, requires = "reason")]
    pub(crate) overrides: Vec<Override>,
    /// It begins before this or never: a time (2026-11-25T02:45:00Z) or how long from now.
    #[arg(long, default_value = "15m", value_name = "TIME", value_parser = when)]
    pub(crate) start_before: When,
    /// Name of the RegionSwitch; made of shop, type and time unless given.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Print the RegionSwitch as YAML for `kubectl apply -f -`, and file nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) going: Going,
}

/// Whether to ask, and whether to wait.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Request")]
pub(crate) struct Going {
    /// Do not ask: for scripts.
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Follow it to its end; the exit code tells which.
    #[arg(long)]
    pub(crate) wait: bool,
    /// How long to follow it; the request itself goes on.
    #[arg(long, default_value = "60m", value_parser = length, requires = "wait")]
    pub(crate) timeout: SignedDuration,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct SwitchoverArgs {
    /// The Storefront.
    pub(crate) storefront: String,
    /// The region to move to; the standby unless given.
    #[arg(long, value_name = "REGION")]
    pub(crate) to: Option<String>,
    /// Longest time without writes before it is undone (30s to 1h).
    #[arg(long, value_name = "DURATION", value_parser = length)]
    pub(crate) max_write_stop: Option<SignedDuration>,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct FailoverArgs {
    /// The Storefront.
    pub(crate) storefront: String,
    /// The region to move to; the standby unless given.
    #[arg(long, value_name = "REGION")]
    pub(crate) to: Option<String>,
    /// Accept that the orders of this time may be lost; counts in place of maxLossSeconds.
    #[arg(long, value_name = "DURATION", value_parser = length)]
    pub(crate) allow_data_loss: Option<SignedDuration>,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct FailbackArgs {
    /// The Storefront.
    pub(crate) storefront: String,
    /// Longest time without writes before it is undone (30s to 1h).
    #[arg(long, value_name = "DURATION", value_parser = length)]
    pub(crate) max_write_stop: Option<SignedDuration>,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ShiftArgs {
    /// The Storefront.
    pub(crate) storefront: String,
    /// The region that comes first in the load balancers.
    #[arg(long, value_name = "REGION")]
    pub(crate) to: String,
    /// How long; then the order goes back by itself.
    #[arg(long = "for", value_name = "DURATION", value_parser = length)]
    pub(crate) lasts: SignedDuration,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DrillArgs {
    /// The Storefront.
    pub(crate) storefront: String,
    /// The region to rehearse a move to; the standby unless given.
    #[arg(long, value_name = "REGION")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct AdoptArgs {
    /// The Storefront.
    pub(crate) storefront: String,
    /// The region where the writer is.
    #[arg(long, value_name = "REGION")]
    pub(crate) writer: String,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The Storefront.
    pub(crate) storefront: String,
    /// The RegionSwitch, where more than one waits.
    pub(crate) request: Option<String>,
    /// In your words; stands on the record.
    #[arg(long)]
    pub(crate) note: Option<String>,
    #[command(flatten)]
    pub(crate) going: Going,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct AbortArgs {
    /// The Storefront.
    pub(crate) storefront: String,
    /// The RegionSwitch, where more than one is open.
    pub(crate) request: Option<String>,
    #[command(flatten)]
    pub(crate) going: Going,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct EditArgs {
    /// The Storefront.
    pub(crate) storefront: String,
    /// Do not ask: for scripts.
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct CompleteArgs {
    /// What was typed behind `kubectl storefront`; the last word is not finished.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<String>,
}

/// A time, or how long from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// This instant.
    At(Timestamp),
    /// So long from now.
    In(SignedDuration),
}

impl When {
    /// The instant, for somebody who asks now.
    pub(crate) fn at(self, now: Timestamp) -> Timestamp {
        match self {
            When::At(at) => at,
            When::In(by) => now.checked_add(by).unwrap_or(Timestamp::MAX),
        }
    }
}

fn when(text: &str) -> Result<When, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(When::At(at));
    }
    length(text)
        .map(When::In)
        .map_err(|_| "use a time with an offset (2026-11-25T02:45:00Z) or a duration (15m)".into())
}

/// `90s`, `30m`, `1h 30m`, or whole seconds.
fn length(text: &str) -> Result<SignedDuration, String> {
    let parsed = match text.parse::<i64>() {
        Ok(seconds) => Some(SignedDuration::from_secs(seconds)),
        Err(_) => text.parse::<SignedDuration>().ok(),
    };
    parsed
        .filter(|length| !length.is_negative())
        .ok_or_else(|| "use a duration: 90s, 30m, 1h".into())
}

/// One of the refusals that can be overridden, by its name as status shows it.
fn refusal(text: &str) -> Result<Override, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|_| {
        let names: Vec<&str> = breakwater_core::report::reference::refusals()
            .iter()
            .filter(|entry| entry.overridable)
            .map(|entry| entry.said.name)
            .collect();
        format!("nobody can override that; use one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_flags_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_are_read_in_words_and_in_seconds() {
        assert_eq!(length("90"), Ok(SignedDuration::from_secs(90)));
        assert_eq!(length("30m"), Ok(SignedDuration::from_mins(30)));
        assert_eq!(length("1h 30m"), Ok(SignedDuration::from_mins(90)));
        assert!(length("-5m").is_err() && length("soon").is_err());
    }

    #[test]
    fn a_time_without_an_offset_is_no_time() {
        assert!(when("2026-11-25T02:45:00").is_err());
        assert!(matches!(when("2026-11-25T02:45:00Z"), Ok(When::At(_))));
        assert!(matches!(when("15m"), Ok(When::In(_))));
    }

    #[test]
    fn what_nobody_can_override_is_said_to_be_so() {
        assert_eq!(refusal("Frozen"), Ok(Override::Frozen));
        let said = refusal("Suspended").unwrap_err();
        assert!(said.contains("Frozen") && !said.contains("Suspended"), "{said}");
    }
}
