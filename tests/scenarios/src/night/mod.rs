//! Nights: scenario scripts that an operator can read, played in virtual time, each with a transcript beside it.
//!
//! A script (`nights/<name>.yaml`) tells what happens and what must be true. Played, it becomes a transcript
//! (`nights/<name>.txt`): what each source saw, what was decided, after how long, and why.

pub mod clock;
pub mod deeds;
pub mod expect;
pub mod loss;
pub mod measure;
pub mod play;
pub mod request;
pub mod script;
pub mod shown;
pub mod spec;
pub mod transcript;

mod lines;
mod setup;
mod told;
mod words;

use std::path::{Path, PathBuf};

/// Why a night cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// There is no such file, or it cannot be read.
    #[error("{0} cannot be read: look at tests/scenarios/nights for the names there are")]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// The script is not one.
    #[error("{script}: {why}")]
    Script {
        /// Its name.
        script: String,
        /// What is wrong with it.
        why: String,
    },
    /// What had to be true was not.
    #[error("{script} at {at}: {why}")]
    Untrue {
        /// Its name.
        script: String,
        /// When.
        at: String,
        /// What was expected, and what was so.
        why: String,
        /// The transcript up to there.
        transcript: String,
    },
}

/// Where the scripts are.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("nights")
}

/// The names of all scripts, in alphabetical order.
///
/// # Errors
/// When the folder cannot be read.
pub fn names() -> Result<Vec<String>, Trouble> {
    let folder = folder();
    let unreadable = |error| Trouble::Unreadable(folder.clone(), error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ext| ext == "yaml")
            && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Reads a script by its name.
///
/// # Errors
/// When there is none, or it is not one.
pub fn read(name: &str) -> Result<script::Script, Trouble> {
    let path = folder().join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(&path).map_err(|error| Trouble::Unreadable(path, error))?;
    script::Script::parse(name, &text)
}
