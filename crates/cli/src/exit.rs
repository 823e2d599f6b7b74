//! How the process ends, for scripts. `docs/plugin.md` has the same table, and a test compares them.

use breakwater_core::journal::MoveOutcome;
use std::process::ExitCode;

/// An end. The numbers are a promise to scripts: they never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Shown, filed, or (with `--wait`) completed.
    Done,
    /// A wrong flag, no usable kubeconfig, or the API server does not answer.
    Trouble,
    /// The object is not there, does not read, or no controller has looked at it.
    Missing,
    /// Refused: by what stands in status already, or (with `--wait`) by the controller.
    Refused,
    /// Begun, and undone: rolled back or aborted.
    Undone,
    /// `startBefore` passed before it could begin.
    Expired,
    /// `--timeout` passed while waiting; the request goes on.
    TimedOut,
    /// Not confirmed at the prompt.
    Declined,
    /// The API server refuses: no right, an admission policy, a rule of the CRD.
    Denied,
}

impl Exit {
    /// All of them, in the order of their numbers.
    #[cfg(test)]
    pub(crate) const ALL: [Exit; 9] = [
        Exit::Done,
        Exit::Trouble,
        Exit::Missing,
        Exit::Refused,
        Exit::Undone,
        Exit::Expired,
        Exit::TimedOut,
        Exit::Declined,
        Exit::Denied,
    ];

    /// Its number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Trouble => 1,
            Exit::Missing => 2,
            Exit::Refused => 3,
            Exit::Undone => 4,
            Exit::Expired => 5,
            Exit::TimedOut => 6,
            Exit::Declined => 7,
            Exit::Denied => 8,
        }
    }

    /// The end of a process that followed a move to this end.
    pub(crate) fn of(outcome: MoveOutcome) -> Exit {
        match outcome {
            MoveOutcome::Completed => Exit::Done,
            MoveOutcome::Refused => Exit::Refused,
            MoveOutcome::RolledBack | MoveOutcome::Aborted => Exit::Undone,
            MoveOutcome::Expired => Exit::Expired,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_every_code_once() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/plugin.md");
        let page = std::fs::read_to_string(path).unwrap();
        let rows: Vec<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `"))
            .filter_map(|line| line.split('`').next())
            .filter(|code| code.parse::<u8>().is_ok())
            .collect();
        let codes: Vec<String> = Exit::ALL.iter().map(|exit| exit.code().to_string()).collect();
        assert_eq!(rows, codes);
    }
}
