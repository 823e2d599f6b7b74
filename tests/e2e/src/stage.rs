//! The stage: control plane, world and controller, set up and torn down.

use crate::Trouble;
use crate::manifests;
use crate::processes::{Running, programs, root};
use crate::proxy::Proxy;
use crate::recorder::Recorder;
use crate::world::World;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What the controller logs unless told otherwise.
pub const LOG: &str = "info,kube_client=warn,kube_runtime=warn,aws=warn";

/// How the stage is set.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Where logs, state and kubeconfigs go.
    pub dir: PathBuf,
    /// How fast scaled time runs.
    pub time_scale: u32,
    /// Seed of the world.
    pub seed: u64,
    /// An existing cluster to use instead of a new control plane.
    pub kubeconfig: Option<PathBuf>,
    /// The controller speaks to the API server through the holding proxy.
    pub through_proxy: bool,
    /// A region of the demo, and another one that plays its part.
    pub instead: Option<(&'static str, &'static str)>,
}

/// A stage that is set.
pub struct Stage {
    setting: Setting,
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    controller_kubeconfig: PathBuf,
    /// The holding proxy's control API, if there is a proxy.
    pub proxy_control: Option<String>,
    kubectl: PathBuf,
    owns_cluster: bool,
    world_process: Option<Running>,
    /// The world.
    pub world: World,
    controller: Option<Running>,
    /// Journals as they come.
    pub recorder: Recorder,
    /// A client with the administrator's rights.
    pub client: Client,
}

impl Setting {
    /// A stage for a test of this name, with nothing left of its last run.
    #[must_use]
    pub fn of_test(name: &str, time_scale: u32) -> Setting {
        let dir = root().join("target/e2e").join(name);
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            // The cluster's folder is its own business: it starts afresh.
            let _ = std::fs::remove_file(entry.path());
        }
        Setting {
            dir,
            time_scale,
            seed: 7,
            kubeconfig: None,
            through_proxy: false,
            instead: None,
        }
    }
}

impl Stage {
    /// Starts control plane and world, applies CRDs, class and Secret.
    ///
    /// # Errors
    /// When a part of it does not work; its message says which.
    pub async fn set(setting: Setting) -> Result<Stage, Trouble> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        std::fs::create_dir_all(&setting.dir).map_err(|source| Trouble::File {
            path: setting.dir.display().to_string(),
            source,
        })?;
        let (kubeconfig, controller_kubeconfig, proxy_control, owns_cluster) = match &setting.kubeconfig {
            Some(given) => (given.clone(), given.clone(), None, false),
            None => cluster_up(&setting)?,
        };
        let (world_process, world) = start_world(&setting).await?;
        let client = client(&kubeconfig).await?;
        let (start, scale) = (world.file.scale_start, world.file.time_scale);
        let recorder = Recorder::start(client.clone(), move || scaled_now(start, scale));
        let stage = Stage {
            kubectl: kubectl(),
            kubeconfig,
            controller_kubeconfig,
            proxy_control,
            owns_cluster,
            world_process: Some(world_process),
            world,
            controller: None,
            recorder,
            client,
            setting,
        };
        stage.apply_crds().await?;
        Ok(stage)
    }

    async fn apply_crds(&self) -> Result<(), Trouble> {
        self.apply(&manifests::crds()?)?;
        let names =
            ["storefronts", "storefrontclasses", "regionswitches"].map(|kind| format!("crd/{kind}.breakwater.dev"));
        let mut args = vec!["wait", "--for=condition=Established", "--timeout=60s"];
        args.extend(names.iter().map(String::as_str));
        self.kubectl(&args, None)?;
        Ok(())
    }

    /// Applies the examples and the world's token.
    ///
    /// # Errors
    /// When the API server refuses one.
    pub fn apply_examples(&self) -> Result<String, Trouble> {
        let examples = manifests::examples(&self.world.file.base_url, self.setting.instead)?;
        let secret = manifests::secret(&self.world.file.cloudflare_token);
        self.apply(&format!("{examples}\n---\n{secret}"))
    }

    /// `kubectl apply -f -`.
    ///
    /// # Errors
    /// When kubectl fails; with its words.
    pub fn apply(&self, yaml: &str) -> Result<String, Trouble> {
        self.kubectl(&["apply", "-f", "-"], Some(yaml))
    }

    /// Runs kubectl; its output.
    ///
    /// # Errors
    /// When it fails; with its words.
    pub fn kubectl(&self, args: &[&str], input: Option<&str>) -> Result<String, Trouble> {
        run_kubectl(&self.kubectl, &self.kubeconfig, args, input)
    }

    /// Starts the controller.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_controller(&mut self) -> Result<(), Trouble> {
        self.controller = Some(self.one_more_controller("controller.log", LOG)?);
        Ok(())
    }

    /// Starts the controller with another log filter and a log of its own.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_controller_with(&mut self, log: &str, filter: &str) -> Result<(), Trouble> {
        self.controller = Some(self.one_more_controller(log, filter)?);
        Ok(())
    }

    /// One more controller of the same installation, as a second replica is.
    ///
    /// # Errors
    /// When it does not start.
    pub fn one_more_controller(&self, log: &str, filter: &str) -> Result<Running, Trouble> {
        let file = &self.world.file;
        let mut command = Command::new(programs().join("breakwater"));
        command
            .args(["run", "--installation", "demo", "--namespace", "breakwater"])
            .args(["--listen", "127.0.0.1:0"])
            .arg("--allow-loopback-probes")
            .args([
                "--time-scale",
                &file.time_scale.to_string(),
                "--scale-start",
                &file.scale_start.to_string(),
            ])
            .args(["--cloudflare-url", &file.cloudflare_url])
            .env("KUBECONFIG", &self.controller_kubeconfig)
            .env("AWS_ENDPOINT_URL", &file.base_url)
            .env("AWS_ACCESS_KEY_ID", &file.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &file.secret_access_key)
            .env("AWS_REGION", "us-east-2")
            .env("BREAKWATER_LOG", filter);
        Running::start(command, "breakwater", &self.file(log))
    }

    /// The address at which the newest controller with this log serves metrics and health.
    ///
    /// # Errors
    /// When it does not say so within 20 s.
    pub async fn serving(&self, log: &str) -> Result<String, Trouble> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            let text = std::fs::read_to_string(self.file(log)).unwrap_or_default();
            let newest = text.rsplit_once("starting me=").map_or("", |(_, after)| after);
            if let Some((_, after)) = newest.split_once("listen=") {
                let address = after.split_whitespace().next().unwrap_or_default();
                return Ok(format!("http://{address}"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(Trouble::NotInTime(20, format!("an address in {log}")))
    }

    /// Who holds the controller's lease; empty when nobody does.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn lease_holder(&self) -> Result<String, Trouble> {
        let lease = self.leases().get_opt("breakwater").await?;
        let holder = lease.and_then(|lease| lease.spec).and_then(|spec| spec.holder_identity);
        Ok(holder.unwrap_or_default())
    }

    /// Empties the lease of a controller that is dead for certain, which spares its successor the wait.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn empty_lease(&self) -> Result<(), Trouble> {
        // It may have died before it made one.
        if self.leases().get_opt("breakwater").await?.is_some() {
            let patch = json!({"spec": {"holderIdentity": ""}});
            self.leases()
                .patch("breakwater", &PatchParams::default(), &Patch::Merge(&patch))
                .await?;
        }
        Ok(())
    }

    /// Waits until somebody else than `before` holds the lease.
    ///
    /// # Errors
    /// When nobody does in this time.
    pub async fn wait_for_lease(&self, before: &str, at_most: Duration) -> Result<String, Trouble> {
        let begun = Instant::now();
        while begun.elapsed() < at_most {
            let holder = self.lease_holder().await?;
            if !holder.is_empty() && holder != before {
                return Ok(holder);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Trouble::NotInTime(
            at_most.as_secs(),
            "a new holder of the lease".into(),
        ))
    }

    fn leases(&self) -> Api<Lease> {
        Api::namespaced(self.client.clone(), "breakwater")
    }

    /// An object as the API server has it: `kubectl get <args> -o json`.
    ///
    /// # Errors
    /// When kubectl fails.
    pub fn get(&self, args: &[&str]) -> Result<Value, Trouble> {
        let text = self.kubectl(&[&["get", "-o", "json"], args].concat(), None)?;
        serde_json::from_str(&text).map_err(|error| Trouble::Broken(error.to_string()))
    }

    /// The holding proxy.
    ///
    /// # Errors
    /// When there is none.
    pub fn proxy(&self) -> Result<Proxy, Trouble> {
        let control = self.proxy_control.as_deref();
        Proxy::at(control.ok_or_else(|| Trouble::Program("this stage has no holding proxy".into()))?)
    }

    /// Asks a controller at this address; status and text of its answer.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn scrape(&self, address: &str, path: &str) -> Result<(u16, String), Trouble> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let request = http.get(format!("{address}{path}")).timeout(Duration::from_secs(10));
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// What the controller wrote into this log.
    #[must_use]
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// A file in the stage's folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.setting.dir.join(name)
    }

    /// Kills the controller, as `kill -9` does.
    pub fn kill_controller(&mut self) {
        if let Some(controller) = self.controller.take() {
            controller.kill();
        }
    }

    /// Ends the controller as a rollout does.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop_controller(&mut self) -> Result<(), Trouble> {
        self.controller.take().map_or(Ok(()), Running::stop)
    }

    /// Whether the controller still runs.
    pub fn controller_runs(&mut self) -> bool {
        self.controller
            .as_mut()
            .is_some_and(|controller| !controller.has_ended())
    }

    /// The scaled wall clock that world and controller share.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        scaled_now(self.world.file.scale_start, self.world.file.time_scale)
    }

    /// How fast it runs.
    #[must_use]
    pub fn time_scale(&self) -> u32 {
        self.world.file.time_scale
    }

    /// Waits until something holds.
    ///
    /// # Errors
    /// When it does not within this real time.
    pub async fn wait(
        &self,
        what: &str,
        at_most: Duration,
        mut holds: impl FnMut(&Recorder) -> bool,
    ) -> Result<(), Trouble> {
        let begun = Instant::now();
        while begun.elapsed() < at_most {
            if holds(&self.recorder) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Trouble::NotInTime(at_most.as_secs(), what.to_owned()))
    }

    /// Ends everything that the stage started.
    ///
    /// # Errors
    /// When something does not end.
    pub fn strike(mut self) -> Result<(), Trouble> {
        self.stop_controller()?;
        if let Some(world) = self.world_process.take() {
            world.stop()?;
        }
        if self.owns_cluster {
            self.owns_cluster = false;
            cluster(&["down", "--dir", &self.setting.dir.join("cluster").display().to_string()])?;
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.controller.take();
        self.world_process.take();
        if self.owns_cluster {
            let _ = cluster(&["down", "--dir", &self.setting.dir.join("cluster").display().to_string()]);
        }
    }
}

type Up = (PathBuf, PathBuf, Option<String>, bool);

fn cluster_up(setting: &Setting) -> Result<Up, Trouble> {
    let dir = setting.dir.join("cluster");
    let cache = root().join("target/cluster/cache");
    let (dir_arg, cache_arg) = (dir.display().to_string(), cache.display().to_string());
    cluster(&["up", "--fresh", "--proxy", "--cache", &cache_arg, "--dir", &dir_arg])?;
    let state = dir.join("state.json");
    let text = std::fs::read_to_string(&state).map_err(|source| Trouble::File {
        path: state.display().to_string(),
        source,
    })?;
    let state: Value = serde_json::from_str(&text).map_err(|error| Trouble::Program(format!("state.json: {error}")))?;
    let control = state["urls"]["proxyControl"].as_str().map(str::to_owned);
    let through = if setting.through_proxy {
        "kubeconfig-proxy"
    } else {
        "kubeconfig"
    };
    Ok((dir.join("kubeconfig"), dir.join(through), control, true))
}

fn cluster(args: &[&str]) -> Result<(), Trouble> {
    let program = root().join("target/cluster/cluster");
    let status = Command::new(&program)
        .args(args)
        .current_dir(root().join("tests/cluster"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|error| Trouble::Program(format!("{} ({error}); run `make cluster` first", program.display())))?;
    if status.success() {
        Ok(())
    } else {
        Err(Trouble::Program(format!("cluster {} failed: {status}", args.join(" "))))
    }
}

fn kubectl() -> PathBuf {
    root().join("target/cluster/cache/kubectl")
}

fn run_kubectl(program: &Path, kubeconfig: &Path, args: &[&str], input: Option<&str>) -> Result<String, Trouble> {
    let failed = |error: std::io::Error| Trouble::Program(format!("kubectl: {error}"));
    let mut child = Command::new(program)
        .args(args)
        .env("KUBECONFIG", kubeconfig)
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin.write_all(input.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(Trouble::Program(format!(
        "kubectl {}: {}",
        args.join(" "),
        words.trim()
    )))
}

async fn start_world(setting: &Setting) -> Result<(Running, World), Trouble> {
    let state = setting.dir.join("world.json");
    let _ = std::fs::remove_file(&state);
    let mut command = Command::new(programs().join("breakwater-world"));
    match setting.instead {
        None => command.arg("--demo"),
        Some(instead) => command.arg("--setup").arg(setup_with(setting, instead)?),
    };
    command.args(["--listen", "127.0.0.1:0"]).args([
        "--time-scale",
        &setting.time_scale.to_string(),
        "--seed",
        &setting.seed.to_string(),
    ]);
    command.arg("--state").arg(&state);
    let mut running = Running::start(command, "breakwater-world", &setting.dir.join("world.log"))?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) && !running.has_ended() {
        if state.exists() {
            return Ok((running, World::at(&state)?));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(Trouble::Program(format!(
        "breakwater-world did not start; see {}",
        setting.dir.join("world.log").display()
    )))
}

/// The demo's setup, with one region in another's place.
fn setup_with(setting: &Setting, (region, by): (&str, &str)) -> Result<PathBuf, Trouble> {
    let path = setting.dir.join("setup.json");
    let printed = Command::new(programs().join("breakwater-world"))
        .args(["--demo", "--print-setup"])
        .output()
        .map_err(|error| Trouble::Program(format!("breakwater-world --print-setup: {error}")))?;
    let mut setup: Value = serde_json::from_slice(&printed.stdout)
        .map_err(|error| Trouble::Program(format!("breakwater-world --print-setup: {error}")))?;
    if let Some(regions) = setup["regions"].as_array_mut() {
        regions.retain(|known| known != by);
    }
    std::fs::write(&path, setup.to_string().replace(region, by)).map_err(|source| Trouble::File {
        path: path.display().to_string(),
        source,
    })?;
    Ok(path)
}

async fn client(kubeconfig: &Path) -> Result<Client, Trouble> {
    let trouble = |error: &dyn std::fmt::Display| Trouble::Program(format!("{}: {error}", kubeconfig.display()));
    let file = Kubeconfig::read_from(kubeconfig).map_err(|error| trouble(&error))?;
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .map_err(|error| trouble(&error))?;
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

fn scaled_now(start_micros: i64, scale: u32) -> Timestamp {
    let start = Timestamp::from_microsecond(start_micros).unwrap_or_default();
    let passed: Duration = Timestamp::now().duration_since(start).try_into().unwrap_or_default();
    start.checked_add(passed * scale).unwrap_or(start)
}
