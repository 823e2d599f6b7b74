//! The controller is killed (-9), or waits in vain, while one of its requests is held: at the API server by the holding
//! proxy, at the clouds by the world. In the end there is always one promotion for each shop that moves, and always the
//! same end.
//!
//! By default one failover is played in which the controller dies at every point of [`moments::MOMENTS`], by turns before and
//! after the held request takes effect, and one in which it lives and waits at the most delicate points. `HELD=all`
//! plays two failovers with all points before and all points after, and lets the living controller wait at all points:
//!
//! ```console
//! $ HELD=all cargo test -p breakwater-e2e --test held -- --test-threads=1 --nocapture
//! ```
//!
//! A new controller has to watch the lease of the old one for 15 s. That happens once in each run; at all other points
//! the lease of the dead process is emptied, which is harder on the new one: it acts while the old request is still held.

mod holds;
mod moments;

use breakwater_e2e::Trouble;
use breakwater_e2e::demo::{MOVING, REGION, SHOPS};
use breakwater_e2e::judge::judge;
use breakwater_e2e::manifests;
use breakwater_e2e::recorder::Recorder;
use breakwater_e2e::stage::{Setting, Stage};
use holds::{Armed, Holds};
use moments::{Act, Chosen, DELICATE, Point, REAL_WAIT, When};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

type Outcome = Result<(), Trouble>;

const SCALE: u32 = 20;
const PATIENCE: Duration = Duration::from_secs(180);

fn all() -> bool {
    std::env::var("HELD").is_ok_and(|value| value == "all")
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_request_is_held() -> Outcome {
    if all() {
        Run::set("held-before").await?.kill_at_each(|_| When::Before).await?;
        Run::set("held-after").await?.kill_at_each(|_| When::After).await
    } else {
        Run::set("held-turns").await?.kill_at_each(turns).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_in_vain_for_90_seconds() -> Outcome {
    if all() {
        let each = |_: &Point| true;
        Run::set("held-alive-before")
            .await?
            .wait_at(each, |_| When::Before)
            .await?;
        Run::set("held-alive-after").await?.wait_at(each, |_| When::After).await
    } else {
        let delicate = |point: &Point| DELICATE.contains(&point.name);
        Run::set("held-alive").await?.wait_at(delicate, turns).await
    }
}

/// The licence is held after its effect, the promotion before.
fn turns(index: usize) -> When {
    if index.is_multiple_of(2) {
        When::Before
    } else {
        When::After
    }
}

struct Run {
    stage: Stage,
    holds: Holds,
}

impl Run {
    async fn set(name: &str) -> Result<Run, Trouble> {
        let setting = Setting {
            through_proxy: true,
            ..Setting::of_test(name, SCALE)
        };
        let stage = Stage::set(setting).await?;
        let holds = Holds {
            proxy: stage.proxy()?,
            world: stage.world.clone(),
            begun: Instant::now(),
        };
        Ok(Run { stage, holds })
    }

    /// One controller after the other dies, each at the next moment. All moments of an act are armed at its begin: two
    /// entries may turn out to be one, and then the next request comes at once.
    async fn kill_at_each(mut self, when: impl Fn(usize) -> When) -> Outcome {
        let chosen = Chosen::all(when);
        for act in [Act::Adoption, Act::Failover, Act::Return] {
            let mut armed = Vec::new();
            for one in chosen.iter().filter(|one| one.act() == act) {
                armed.push(self.holds.arm(one).await?);
            }
            self.begin(act).await?;
            for held in &armed {
                for one in held {
                    self.holds.catch(one).await?;
                }
                self.kill_and_go_on(held).await?;
            }
            self.finish(act).await?;
        }
        self.the_end().await
    }

    /// One controller lives through all of it, and waits for answers in vain.
    async fn wait_at(mut self, at: impl Fn(&Point) -> bool, when: impl Fn(usize) -> When) -> Outcome {
        let chosen: Vec<Chosen> = Chosen::all(when).into_iter().filter(|one| at(&one.points[0])).collect();
        for act in [Act::Adoption, Act::Failover, Act::Return] {
            let mut waiting = Vec::new();
            for one in chosen.iter().filter(|one| one.act() == act) {
                for armed in self.holds.arm(one).await? {
                    waiting.push(tokio::spawn(self.holds.clone().keep_waiting(armed)));
                }
            }
            self.begin(act).await?;
            for one in waiting {
                one.await.map_err(|error| Trouble::Broken(error.to_string()))??;
            }
            self.finish(act).await?;
        }
        self.the_end().await
    }

    /// The controller dies, a new one takes over, and only then the dead one's requests go their way.
    async fn kill_and_go_on(&mut self, held: &[Armed]) -> Outcome {
        let before = self.stage.lease_holder().await?;
        self.stage.kill_controller();
        if held.iter().all(|held| held.point.name != REAL_WAIT) {
            self.stage.empty_lease().await?;
        }
        self.stage.start_controller()?;
        self.stage.wait_for_lease(&before, Duration::from_secs(40)).await?;
        for one in held {
            self.holds.release(one).await?;
        }
        Ok(())
    }

    async fn begin(&mut self, act: Act) -> Outcome {
        match act {
            Act::Adoption => {
                self.stage.start_controller()?;
                self.stage.apply(&patient_shops(&self.stage)?)?;
            }
            Act::Failover => {
                self.holds.say("the region goes down");
                let down = json!({"kind": "region-down", "region": REGION});
                self.stage.world.inject(down).await?;
            }
            Act::Return => {
                self.holds.say("the region comes back");
                self.stage.world.clear_all().await?;
            }
        }
        Ok(())
    }

    /// Waits for what an act leads to.
    async fn finish(&self, act: Act) -> Outcome {
        let all_are = |recorder: &Recorder, shops: &[&str], condition: &str| {
            shops.iter().all(|shop| recorder.is_true(shop, condition))
        };
        match act {
            Act::Adoption => {
                let protected = |recorder: &Recorder| all_are(recorder, &SHOPS, "Protected");
                self.stage.wait("all shops protected", PATIENCE, protected).await
            }
            Act::Failover => {
                let moved = |recorder: &Recorder| all_are(recorder, &MOVING, "Verified");
                self.stage.wait("both shops moved", PATIENCE, moved).await
            }
            Act::Return => {
                let fenced = |recorder: &Recorder| MOVING.iter().all(|shop| owes_a_standby_alone(recorder, shop));
                self.stage.wait("the former writers fenced", PATIENCE, fenced).await?;
                self.holds.say("fenced");
                Ok(())
            }
        }
    }

    async fn the_end(mut self) -> Outcome {
        let judged = judge(&self.stage, &SHOPS).await?;
        assert!(judged.violations.is_empty(), "{}", judged.violations.join("\n"));
        for shop in MOVING {
            assert_eq!(judged.promotions_of(shop), 1, "promotions of {shop}");
        }
        assert_eq!(judged.promotions_of("shop-west"), 0);
        self.records_follow().await?;
        let glance = self.stage.world.glance().await?;
        for shop in SHOPS {
            self.same_end(shop, &glance);
        }
        assert!(self.stage.controller_runs(), "the controller ended by itself");
        self.stage.strike()
    }

    /// Each move has one record, and the last one says how it ended: no death left a second one behind.
    async fn records_follow(&self) -> Outcome {
        let begun = Instant::now();
        loop {
            let list = self.stage.get(&["rsw", "-n", "shops"])?;
            let items = list["items"].as_array().into_iter().flatten();
            let names: Vec<&str> = items
                .clone()
                .filter_map(|item| item["metadata"]["name"].as_str())
                .collect();
            assert!(names.iter().all(|name| name.ends_with("-failover")), "{names:?}");
            let completed = |shop: &str| {
                items.clone().any(|item| {
                    item["spec"]["request"]["storefrontName"] == *shop && item["status"]["outcome"] == "Completed"
                })
            };
            if MOVING.iter().all(|shop| completed(shop)) {
                return Ok(());
            }
            assert!(begun.elapsed() < PATIENCE, "records without an end: {list}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Whatever was held and whoever died: journal and world agree on this.
    fn same_end(&self, shop: &str, glance: &Value) {
        let status = self.stage.recorder.storefront(shop).and_then(|found| found.status);
        let journal = status.and_then(|status| status.journal).unwrap_or_default();
        let shops = glance["shops"].as_array().into_iter().flatten();
        let seen = shops
            .clone()
            .find(|seen| seen["name"] == shop)
            .cloned()
            .unwrap_or_default();
        assert_eq!(journal.active_region.as_deref(), Some("us-west-2"), "{shop}");
        assert_eq!(seen["name_target"], "us-west-2", "{shop}: {seen}");
        let owner = format!("owner=demo/shops/{shop} epoch={} region=us-west-2", journal.epoch);
        let told = seen["owner"].as_str().unwrap_or_default();
        assert!(told.contains(&owner), "{shop}: {told} should say {owner}");
        let instances = seen["instances"].as_array().into_iter().flatten();
        let writers: Vec<&Value> = instances
            .filter(|instance| instance["writable"] == true)
            .map(|instance| &instance["region"])
            .collect();
        assert_eq!(writers, ["us-west-2"], "{shop}: {seen}");
        let last = journal
            .current
            .and_then(|last| last.outcome)
            .map(|outcome| format!("{outcome:?}"));
        if MOVING.contains(&shop) {
            assert_eq!(last.as_deref(), Some("Completed"), "{shop}");
            assert_eq!(seen["balancers"][0]["order"][0], "us-west-2", "{shop}");
        } else {
            assert_eq!(last, None, "{shop} must not move");
            assert_eq!(journal.epoch, 1, "{shop} must not move");
        }
    }
}

/// The examples, with a loss budget for several deaths: a new controller knows only what it has seen itself, so each one
/// adds the time of its evidence to what may be lost.
fn patient_shops(stage: &Stage) -> Result<String, Trouble> {
    let file = &stage.world.file;
    let examples = manifests::examples(&file.base_url, None)?;
    let patient = examples.replace("mode: Automatic", "mode: Automatic\n    maxLossSeconds: 3600");
    Ok(format!("{patient}\n---\n{}", manifests::secret(&file.cloudflare_token)))
}

fn owes_a_standby_alone(recorder: &Recorder, shop: &str) -> bool {
    let status = recorder.storefront(shop).and_then(|found| found.status);
    let journal = status.and_then(|status| status.journal);
    let owed: Option<Vec<&str>> = journal
        .as_ref()
        .map(|journal| journal.obligations.iter().map(|owed| owed.kind.name()).collect());
    owed.is_some_and(|owed| owed == ["RebuildStandby"])
}
