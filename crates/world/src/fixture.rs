//! The keys of a world, and the file that tells others how to reach it. None of them opens anything
//! but this process on its loopback port; still nobody prints them.

use std::{
    collections::hash_map::RandomState,
    fmt, fs,
    hash::{BuildHasher, Hasher},
    io::{self, Write},
    path::Path,
    time::Duration,
};

use serde::Serialize;
use sha2::{Digest, Sha256};

/// The keys that a world accepts.
#[derive(Clone)]
pub struct Keys {
    /// The static access key. It may call STS and nothing else.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// The roles that may be assumed.
    pub role_arns: Vec<String>,
    /// The external ids with which they may be assumed: `<installation>/<class>`.
    pub external_ids: Vec<String>,
    /// Cloudflare's API token.
    pub cloudflare_token: String,
    /// How long a session lasts (real time); `None` leaves it to the simulated STS.
    pub session: Option<Duration>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Keys")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// The access key of a world that was given none.
pub const ACCESS_KEY_ID: &str = "AKIDBREAKWATER";

/// A fresh secret of 40 characters, as long as AWS's.
pub fn fresh_secret() -> String {
    // The standard library seeds each `RandomState` from the system's randomness. Good enough for
    // keys that guard a demo on a loopback port.
    let mut hash = Sha256::new();
    for _ in 0..4 {
        hash.update(RandomState::new().build_hasher().finish().to_le_bytes());
    }
    let mut secret = hex::encode(hash.finalize());
    secret.truncate(40);
    secret
}

/// Where a world listens, the keys that it accepts, and its clock.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fixture {
    /// `http://127.0.0.1:<port>`: the value of `AWS_ENDPOINT_URL`.
    pub base_url: String,
    /// The port.
    pub port: u16,
    /// `<base_url>/client/v4/`: the value of `BREAKWATER_CLOUDFLARE_URL`.
    pub cloudflare_url: String,
    /// `<base_url>/-/control`.
    pub control_url: String,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// Roles that may be assumed.
    pub role_arns: Vec<String>,
    /// External ids that are accepted.
    pub external_ids: Vec<String>,
    /// Cloudflare's API token.
    pub cloudflare_token: String,
    /// The instant at which real and virtual time meet, microseconds since the Unix epoch.
    pub scale_start: i64,
    /// Virtual seconds in a real one.
    pub time_scale: u32,
    /// The process.
    pub pid: u32,
}

impl Fixture {
    /// Writes the file, readable by its owner alone, in one step: who sees it sees it whole.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let partial = path.with_extension("partial");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&partial)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(partial, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_stay_out_of_debug_output() {
        let secret = fresh_secret();
        assert_eq!(secret.len(), 40);
        assert_ne!(secret, fresh_secret());
        let keys = Keys {
            access_key_id: ACCESS_KEY_ID.to_owned(),
            secret_access_key: secret.clone(),
            role_arns: Vec::new(),
            external_ids: Vec::new(),
            cloudflare_token: "cf-token".to_owned(),
            session: None,
        };
        let shown = format!("{keys:?}");
        assert!(!shown.contains(&secret) && !shown.contains("cf-token"), "{shown}");
    }
}
