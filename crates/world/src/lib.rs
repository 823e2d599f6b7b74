//! The simulated world on a loopback port: Amazon RDS, CloudWatch, STS, Route 53, Cloudflare and the
//! shops' own URLs, in the formats in which the real ones speak, with signatures and tokens checked.
//! It has no semantics of its own: every effect and every answer is `breakwater-sim`'s.
//!
//! ```no_run
//! # async fn example() -> Result<(), breakwater_world::StartError> {
//! use breakwater_sim::Setup;
//!
//! let world = breakwater_world::start(breakwater_world::Config::new(Setup::demo())).await?;
//! println!("AWS_ENDPOINT_URL={}", world.fixture().base_url);
//! world.stop().await;
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))] // A test that cannot go on has failed.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use breakwater_sim::{Setup, World};
use tokio::{net::TcpListener, task::JoinHandle, time::MissedTickBehavior};

mod aws;
mod cloudflare;
mod control;
mod deliver;
mod front;
mod line;
mod live;
mod params;
mod reply;
mod xml;

pub mod clock;
pub mod fixture;
pub mod holds;

pub use front::{ACTOR_HEADER, BECAUSE_HEADER, QUERY_HEADER, VANTAGE_HEADER};

use clock::{Clock, real_micros};
use fixture::{ACCESS_KEY_ID, Fixture, Keys, fresh_secret};
use live::Live;

/// How often the simulated world is brought up to the clock when nobody asks it: often enough that
/// an asker never waits for much to be caught up.
const TICK: Duration = Duration::from_millis(20);

/// What a world is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the world consists of. Its `start` is set from the clock.
    pub setup: Setup,
    /// Seed of everything that is left to chance.
    pub seed: u64,
    /// Where to listen; loopback only. Port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// Virtual seconds in a real one, 1 to 30.
    pub time_scale: u32,
    /// Where real and virtual time meet, microseconds since the Unix epoch; now if absent.
    pub epoch: Option<i64>,
    /// Whether the shops' URLs are moved here: `https://host/path` to `<base>/host/path`.
    pub rewrite_urls: bool,
    /// The keys that are accepted.
    pub keys: Keys,
}

impl Config {
    /// A world in real time on a port of the system's choice, with fresh secrets; the roles and
    /// external ids are the setup's, or else `role/breakwater` with `demo/production`.
    pub fn new(setup: Setup) -> Self {
        let mut role_arns: Vec<String> = setup.roles.iter().map(|role| role.arn.clone()).collect();
        let mut external_ids: Vec<String> = setup.roles.iter().filter_map(|role| role.external_id.clone()).collect();
        if role_arns.is_empty() {
            role_arns.push(format!("arn:aws:iam::{}:role/breakwater", setup.aws_account));
            role_arns.push("arn:aws:iam::444455556666:role/breakwater-dns".to_owned());
        }
        if external_ids.is_empty() {
            external_ids.push("demo/production".to_owned());
        }
        Self {
            setup,
            seed: 1,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            time_scale: 1,
            epoch: None,
            rewrite_urls: true,
            keys: Keys {
                access_key_id: ACCESS_KEY_ID.to_owned(),
                secret_access_key: fresh_secret(),
                role_arns,
                external_ids,
                cloudflare_token: fresh_secret(),
                session: None,
            },
        }
    }
}

/// Why a world did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is reachable from elsewhere.
    #[error("{0} is no loopback address; choose one such as 127.0.0.1:0, this world is for its own machine only")]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; choose another port, or 0 for any")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// What all requests share.
pub(crate) struct Inner {
    pub live: Live,
    pub holds: holds::Holds,
    pub access: aws::access::Access,
}

/// A world that runs.
pub struct Running {
    fixture: Fixture,
    inner: Arc<Inner>,
    lines: line::Switchboard,
    tasks: Vec<JoinHandle<()>>,
}

/// Starts a world; it serves when this returns.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let Config {
        mut setup,
        seed,
        listen,
        time_scale,
        epoch,
        rewrite_urls,
        keys,
    } = config;
    if !listen.ip().is_loopback() {
        return Err(StartError::NotLoopback(listen));
    }
    let failed = |source| StartError::Listen {
        address: listen,
        source,
    };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;

    let base = format!("http://{address}");
    let clock = Clock::new(epoch.unwrap_or_else(real_micros), time_scale);
    setup.start = clock.start() / 1000;
    if rewrite_urls {
        setup.rewrite_urls(|_, url| moved(&base, url));
    }
    let fixture = fixture(&base, address.port(), clock, &keys);
    let inner = Arc::new(Inner {
        live: Live::new(World::new(setup, seed), clock),
        holds: holds::Holds::default(),
        access: aws::access::Access::new(keys),
    });
    let lines = line::Switchboard::default();
    let app = Router::new()
        .fallback(front::serve)
        .nest("/-/control", control::routes())
        .with_state(inner.clone())
        .into_make_service_with_connect_info::<line::Line>();
    let listener = line::Lines::new(listener, lines.clone());
    let serving = tokio::spawn(async move {
        // It ends when this task is aborted, and in no other way: accepting is retried for ever.
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "stopped serving");
        }
    });
    let tasks = vec![serving, tokio::spawn(tick(inner.clone()))];
    Ok(Running {
        fixture,
        inner,
        lines,
        tasks,
    })
}

fn moved(base: &str, url: &str) -> String {
    format!("{base}/{}", url.split_once("://").map_or(url, |(_, rest)| rest))
}

fn fixture(base: &str, port: u16, clock: Clock, keys: &Keys) -> Fixture {
    Fixture {
        base_url: base.to_owned(),
        port,
        cloudflare_url: format!("{base}{}", cloudflare::PREFIX),
        control_url: format!("{base}/-/control"),
        access_key_id: keys.access_key_id.clone(),
        secret_access_key: keys.secret_access_key.clone(),
        role_arns: keys.role_arns.clone(),
        external_ids: keys.external_ids.clone(),
        cloudflare_token: keys.cloudflare_token.clone(),
        scale_start: clock.start(),
        time_scale: clock.scale(),
        pid: std::process::id(),
    }
}

async fn tick(inner: Arc<Inner>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        inner.live.with(|_| ());
    }
}

impl Running {
    /// Where it listens, and its keys.
    pub fn fixture(&self) -> &Fixture {
        &self.fixture
    }

    /// Looks at the simulated world, or does something to it, as it is now.
    pub fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        self.inner.live.with(look)
    }

    /// The holds: what the control API offers, without HTTP.
    pub fn holds(&self) -> &holds::Holds {
        &self.inner.holds
    }

    /// Stops serving and resets every open connection.
    pub async fn stop(mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            // Aborted on purpose; there is no result to look at.
            let _ = task.await;
        }
        self.lines.cut_all();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.lines.cut_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refuses_to_be_reachable_from_elsewhere() {
        let listen = "0.0.0.0:0".parse().unwrap();
        let refused = start(Config {
            listen,
            ..Config::new(Setup::demo())
        })
        .await
        .err()
        .unwrap();
        assert!(matches!(refused, StartError::NotLoopback(address) if address == listen));
    }

    #[test]
    fn moves_urls_here() {
        assert_eq!(
            moved("http://127.0.0.1:80", "https://a.example.com/b?c"),
            "http://127.0.0.1:80/a.example.com/b?c"
        );
    }
}
