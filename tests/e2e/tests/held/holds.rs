//! Holding requests on their way to the API server and to the clouds.

use crate::moments::{At, Chosen, Point, When};
use crate::{Outcome, PATIENCE, SCALE};
use breakwater_e2e::Trouble;
use breakwater_e2e::proxy::Proxy;
use breakwater_e2e::world::World;
use serde_json::json;
use std::time::{Duration, Instant};

/// What the issue asks for, in scaled time.
pub(crate) const HELD_FOR: Duration = Duration::from_secs(90);
/// Longer than the controller's time-out for one request to the API server, real time.
pub(crate) const BEYOND_TIMEOUT: Duration = Duration::from_secs(7);

/// A hold that waits for its request.
pub(crate) struct Armed {
    pub(crate) point: &'static Point,
    pub(crate) when: When,
    pub(crate) id: u64,
}

/// Both places where requests can be held.
#[derive(Clone)]
pub(crate) struct Holds {
    pub(crate) proxy: Proxy,
    pub(crate) world: World,
    pub(crate) begun: Instant,
}

impl Holds {
    pub(crate) async fn arm(&self, chosen: &Chosen) -> Result<Vec<Armed>, Trouble> {
        let mut all = Vec::new();
        let when = chosen.when;
        for point in chosen.points {
            let id = match point.at {
                At::ApiServer(method, path, body) => {
                    let rule = json!({"method": method, "path": path, "body": body, "when": when.name()});
                    self.proxy.hold(rule).await?
                }
                At::Cloud(api, op, about) => {
                    let rule = json!({"api": api, "op": op, "containing": about, "when": when.name()});
                    self.world.hold(rule).await?
                }
            };
            all.push(Armed { point, when, id });
        }
        Ok(all)
    }

    pub(crate) async fn catch(&self, armed: &Armed) -> Outcome {
        let begun = Instant::now();
        let what = format!("{} held {} its effect", armed.point.name, armed.when.name());
        while begun.elapsed() < PATIENCE {
            let at_most = Duration::from_secs(20);
            let caught = match armed.point.at {
                At::ApiServer(..) => self.proxy.caught(armed.id, at_most).await?,
                At::Cloud(..) => self.world.caught(armed.id, at_most).await?,
            };
            if caught {
                self.say(&what);
                return Ok(());
            }
        }
        Err(Trouble::NotInTime(PATIENCE.as_secs(), what))
    }

    pub(crate) async fn release(&self, armed: &Armed) -> Outcome {
        match armed.point.at {
            At::ApiServer(..) => self.proxy.release(armed.id).await,
            At::Cloud(..) => self.world.release(armed.id).await,
        }
    }

    /// Keeps a request from its answer for longer than all time-outs.
    pub(crate) async fn keep_waiting(self, armed: Armed) -> Outcome {
        self.catch(&armed).await?;
        let real = HELD_FOR / SCALE;
        let long = match armed.point.at {
            At::ApiServer(..) => real.max(BEYOND_TIMEOUT),
            At::Cloud(..) => real,
        };
        // This time is what is tested: nothing else could be waited for.
        tokio::time::sleep(long).await;
        self.release(&armed).await
    }

    pub(crate) fn say(&self, what: &str) {
        println!("[{:5.1} s] {what}", self.begun.elapsed().as_secs_f64());
    }
}
