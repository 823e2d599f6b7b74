//! The stage on which the real binaries play: a real control plane, `breakwater-world`, the controller. Demo and e2e
//! tests share it.

pub mod demo;
pub mod judge;
pub mod manifests;
pub mod processes;
pub mod proxy;
pub mod recorder;
pub mod stage;
pub mod world;

/// Why something on the stage did not work.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A program cannot be started or ended as it should.
    #[error("{0}")]
    Program(String),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Kubernetes refuses or does not answer.
    #[error("Kubernetes: {0}")]
    Kube(#[from] kube::Error),
    /// The world refuses or does not answer.
    #[error("the world: {0}")]
    World(#[from] reqwest::Error),
    /// Something was awaited and did not come.
    #[error("waited {0} s for: {1}")]
    NotInTime(u64, String),
    /// An invariant does not hold, or a promise of the run.
    #[error("{0}")]
    Broken(String),
}
