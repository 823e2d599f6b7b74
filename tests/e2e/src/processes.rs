//! Programs that the stage starts, and ends by id.

use crate::Trouble;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The folder with the programs of this build.
#[must_use]
pub fn programs() -> PathBuf {
    let here = std::env::current_exe().unwrap_or_default();
    let dir = here.parent().map(Path::to_path_buf).unwrap_or_default();
    // Tests run one folder below.
    if dir.ends_with("deps") {
        dir.parent().map(Path::to_path_buf).unwrap_or_default()
    } else {
        dir
    }
}

/// The root of the project.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// A program that runs; ended when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    name: String,
}

impl Running {
    /// Starts a program, its output in a file.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command, name: &str, log: &Path) -> Result<Running, Trouble> {
        let file = |path: &Path| {
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|source| Trouble::File {
                    path: path.display().to_string(),
                    source,
                })
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(file(log)?)
            .stderr(file(log)?)
            .spawn()
            .map_err(|error| Trouble::Program(format!("{name} does not start ({error}); run `make build` first")))?;
        Ok(Running {
            child,
            name: name.to_owned(),
        })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Kills it at once, as `kill -9` does.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, and waits for that.
    ///
    /// # Errors
    /// When it does not end within 20 s.
    pub fn stop(mut self) -> Result<(), Trouble> {
        self.terminate();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            if self.has_ended() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(Trouble::Program(format!(
            "{} did not end within 20 s of SIGTERM",
            self.name
        )))
    }

    fn terminate(&mut self) {
        // The standard library sends SIGKILL only; kill(1) is everywhere.
        let _ = Command::new("kill").arg("-TERM").arg(self.pid().to_string()).status();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.terminate();
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(5) && !self.has_ended() {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
