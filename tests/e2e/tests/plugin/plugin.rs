//! The plugin as kubectl starts it: by its name on the PATH.

use breakwater_e2e::Trouble;
use breakwater_e2e::processes::{programs, root};
use breakwater_e2e::stage::Stage;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a verb came to.
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// What was asked for.
    pub out: String,
    /// All else.
    pub err: String,
}

impl Ran {
    /// The message of an error in one line, for a table.
    pub fn said(&self) -> String {
        let mut lines = self.err.lines().filter(|line| line.starts_with("kubectl storefront: "));
        lines.next_back().unwrap_or_default().chars().take(150).collect()
    }
}

/// `kubectl storefront <args>`, not run yet.
pub fn command(stage: &Stage, kubeconfig: &Path, args: &[&str]) -> Command {
    let kubectl = root().join("target/cluster/cache");
    let path = format!("{}:{}:/usr/bin:/bin", programs().display(), kubectl.display());
    let file = &stage.world.file;
    let mut command = Command::new(kubectl.join("kubectl"));
    command
        .arg("storefront")
        .args(args)
        .env("PATH", path)
        .env("KUBECONFIG", kubeconfig)
        // The shop's times are those of the demo's clock.
        .env("BREAKWATER_TIME_SCALE", file.time_scale.to_string())
        .env("BREAKWATER_SCALE_START", file.scale_start.to_string())
        .env("COLUMNS", "100")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it as the administrator, or as somebody else.
pub fn run(stage: &Stage, args: &[&str]) -> Result<Ran, Trouble> {
    run_with(stage, &stage.kubeconfig, args)
}

/// Runs it with another kubeconfig.
pub fn run_with(stage: &Stage, kubeconfig: &Path, args: &[&str]) -> Result<Ran, Trouble> {
    let output = command(stage, kubeconfig, args)
        .output()
        .map_err(|error| Trouble::Program(format!("kubectl storefront: {error}")))?;
    Ok(ran(&output))
}

/// What became of one that was started before.
pub fn ran(output: &std::process::Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Fails unless it ended with this code.
pub fn ends_with(code: i32, ran: &Ran, args: &[&str]) -> Result<(), Trouble> {
    if ran.code == code {
        return Ok(());
    }
    Err(Trouble::Broken(format!(
        "kubectl storefront {}: exit code {} and not {code}\n{}{}",
        args.join(" "),
        ran.code,
        ran.out,
        ran.err
    )))
}
