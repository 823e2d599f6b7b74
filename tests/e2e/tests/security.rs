//! Whoever may create Storefronts, and nothing else, gets no further by it: no credentials are sent where he likes, no
//! Secret of another namespace is read, and the prober is no way into the controller's machine or its metadata service.
//!
//! The controller runs with the rights of `docs/examples/install/rbac.yaml` and nothing more.

use breakwater_e2e::Trouble;
use breakwater_e2e::demo::SHOPS;
use breakwater_e2e::manifests;
use breakwater_e2e::processes::{Running, programs, root};
use breakwater_e2e::stage::{Setting, Stage};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

type Outcome = Result<(), Trouble>;

const PATIENCE: Duration = Duration::from_secs(90);
/// Who may create Storefronts in `shops`.
const TENANT: &str = "--as=mallory";
const LOG: &str = "debug";
/// A Secret of the tenant's own, under the name of the platform's.
const TENANTS_OWN: &str = "tenants-own-0123456789abcdef0123456789abcdef";
/// A Secret that belongs to another class.
const OF_OTHERS: &str = "of-others-0123456789abcdef0123456789abcdef";

const RIGHTS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: tenant, namespace: shops}
rules:
  - apiGroups: [breakwater.dev]
    resources: [storefronts]
    verbs: [create, get, list, watch, update, patch, delete]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: tenant, namespace: shops}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: tenant}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: mallory}]
";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_create_storefronts_gets_no_further() -> Outcome {
    let stage = Stage::set(Setting::of_test("security", 20)).await?;
    stage.apply_examples()?;
    stage.apply(&read("docs/examples/install/rbac.yaml")?)?;
    stage.apply(RIGHTS)?;
    the_tenant_may_do_no_more(&stage)?;
    the_controller_may_do_no_more(&stage)?;
    no_field_leads_elsewhere(&stage)?;
    let controller = controller(&stage, "controller.log", &["--allow-loopback-probes"])?;
    protected(&stage).await?;
    what_the_class_does_not_grant_is_told(&stage)?;
    a_probed_host_gets_nothing_of_ours(&stage, "controller.log").await?;
    controller.stop()?;
    the_prober_is_no_way_in(&stage).await?;
    stage.strike()
}

fn read(path: &str) -> Result<String, Trouble> {
    let path = root().join(path);
    std::fs::read_to_string(&path).map_err(|source| Trouble::File {
        path: path.display().to_string(),
        source,
    })
}

/// A controller with the rights of its service account.
fn controller(stage: &Stage, log: &str, flags: &[&str]) -> Result<Running, Trouble> {
    let as_admin = std::fs::read_to_string(&stage.kubeconfig).map_err(|source| Trouble::File {
        path: stage.kubeconfig.display().to_string(),
        source,
    })?;
    let (before, after) = as_admin.split_once("    token: ").unwrap_or((&as_admin, ""));
    let as_account = format!("{before}    as: system:serviceaccount:breakwater:breakwater\n    token: {after}");
    assert!(!after.is_empty(), "no token in {}", stage.kubeconfig.display());
    let kubeconfig = stage.file("kubeconfig-account");
    std::fs::write(&kubeconfig, as_account).map_err(|source| Trouble::File {
        path: kubeconfig.display().to_string(),
        source,
    })?;
    let file = &stage.world.file;
    let mut command = Command::new(programs().join("breakwater"));
    command
        .args(["run", "--installation", "demo", "--namespace", "breakwater"])
        .args(["--listen", "127.0.0.1:0", "--cloudflare-url", &file.cloudflare_url])
        .args(["--time-scale", &file.time_scale.to_string()])
        .args(["--scale-start", &file.scale_start.to_string()])
        .args(flags)
        .env("KUBECONFIG", &kubeconfig)
        .env("AWS_ENDPOINT_URL", &file.base_url)
        .env("AWS_ACCESS_KEY_ID", &file.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &file.secret_access_key)
        .env("AWS_REGION", "us-east-2")
        .env("BREAKWATER_LOG", LOG);
    Running::start(command, "breakwater", &stage.file(log))
}

async fn protected(stage: &Stage) -> Outcome {
    stage
        .wait("all shops protected", PATIENCE, |recorder| {
            SHOPS.iter().all(|shop| recorder.is_true(shop, "Protected"))
        })
        .await
}

fn forbidden(stage: &Stage, args: &[&str], input: Option<&str>) {
    match stage.kubectl(args, input) {
        Ok(said) => panic!("kubectl {} was allowed: {said}", args.join(" ")),
        Err(error) => {
            let text = error.to_string().to_lowercase();
            assert!(text.contains("forbidden"), "kubectl {}: {text}", args.join(" "));
        }
    }
}

fn the_tenant_may_do_no_more(stage: &Stage) -> Outcome {
    stage.kubectl(&["get", "sf", "-n", "shops", TENANT], None)?;
    for args in [
        &["get", "secrets", "-n", "breakwater", TENANT][..],
        &["get", "secrets", "-n", "shops", TENANT],
        &["get", "sfc", TENANT],
        &["get", "sf", "-n", "breakwater", TENANT],
        &["get", "leases", "-n", "breakwater", TENANT],
    ] {
        forbidden(stage, args, None);
    }
    let status = json!({"status": {"activeRegion": "us-west-2"}}).to_string();
    let write = [
        "patch",
        "sf/shop-ca",
        "-n",
        "shops",
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
        TENANT,
    ];
    forbidden(stage, &write, None);
    let class = read("docs/examples/class.yaml")?.replace("name: production", "name: mine");
    forbidden(stage, &["create", "-f", "-", TENANT], Some(&class));
    Ok(())
}

/// The rights that the documentation gives to the controller reach into no other namespace's Secrets.
fn the_controller_may_do_no_more(stage: &Stage) -> Outcome {
    let account = "--as=system:serviceaccount:breakwater:breakwater";
    stage.kubectl(&["get", "secrets", "-n", "breakwater", account], None)?;
    for args in [
        &["get", "secrets", "-n", "shops", account][..],
        &["get", "secrets", "-n", "kube-system", account],
        &["get", "secrets", "-A", account],
        &["get", "configmaps", "-n", "breakwater", account],
    ] {
        forbidden(stage, args, None);
    }
    Ok(())
}

/// The Storefront of the example, under another name and with its own record.
fn storefront(stage: &Stage, name: &str) -> Result<Value, Trouble> {
    let examples = manifests::examples(&stage.world.file.base_url, None)?;
    let document = examples.split("\n---\n").find(|text| text.contains("name: shop-ca\n"));
    let mut shop: Value = serde_yaml_ng::from_str(document.unwrap_or_default())
        .map_err(|error| Trouble::Broken(format!("the example does not parse: {error}")))?;
    shop["metadata"]["name"] = name.into();
    shop["spec"]["hostname"] = format!("{name}.example.com").into();
    shop["spec"]["database"]["writerRecord"]["name"] = format!("db.{name}.example.com").into();
    // It only watches: what it would do is not what this is about.
    shop["spec"]["failover"]["mode"] = "Observe".into();
    Ok(shop)
}

/// Each field that ends up in a request, with a value that would make another request of it.
fn no_field_leads_elsewhere(stage: &Stage) -> Outcome {
    let hostile = [
        ("/spec/regions/primary/name", "us-east-1.evil.example.com"),
        ("/spec/regions/primary/name", "us-east-1/evil"),
        ("/spec/regions/primary/name", "evil@us-east-1"),
        ("/spec/regions/primary/poolId", "../../../user/tokens/verify"),
        ("/spec/regions/primary/dbInstance", "a&Action=DeleteDBInstance"),
        ("/spec/traffic/zoneId", "..%2f..%2fuser"),
        ("/spec/traffic/loadBalancerIds/0", "../../../user/tokens/verify"),
        (
            "/spec/database/writerRecord/hostedZoneId",
            "Z1/../../2013-04-01/hostedzone",
        ),
        ("/spec/database/writerRecord/name", "db.example.com/../x"),
        ("/spec/className", "../production"),
        ("/spec/regions/primary/proofUrl", "http://user:password@127.0.0.1/"),
        (
            "/spec/regions/primary/services/0/url",
            "http://127.0.0.1@evil.example.org/",
        ),
        (
            "/spec/regions/primary/services/0/url",
            "http://127.0.0.1#@evil.example.org/",
        ),
        (
            "/spec/regions/primary/services/0/url",
            "http://evil.example.org\\@127.0.0.1/",
        ),
        (
            "/spec/regions/primary/services/0/url",
            "http://127.0.0.1?@evil.example.org/",
        ),
        (
            "/spec/regions/primary/services/0/url",
            "http://[fd00:ec2::254]/latest/meta-data/",
        ),
        (
            "/spec/regions/primary/services/0/url",
            "http://[::ffff:169.254.169.254]/latest/meta-data/",
        ),
        (
            "/spec/regions/primary/services/0/url",
            "http://\u{2460}\u{2465}\u{2468}.254.169.254/",
        ),
        (
            "/spec/regions/primary/services/0/url",
            "http://169.254.169.254./latest/meta-data/",
        ),
        (
            "/spec/regions/primary/services/0/url",
            "file:///var/run/secrets/kubernetes.io/serviceaccount/token",
        ),
        ("/spec/regions/primary/services/0/url", "gopher://127.0.0.1:6379/_INFO"),
        (
            "/spec/regions/primary/services/0/url",
            "http://127.0.0.1/\r\nAuthorization: x",
        ),
    ];
    for (field, value) in hostile {
        let mut shop = storefront(stage, "hostile")?;
        match shop.pointer_mut(field) {
            Some(place) => *place = value.into(),
            None => panic!("no field {field}"),
        }
        let created = stage.kubectl(
            &["create", "-f", "-", "--dry-run=server", TENANT],
            Some(&shop.to_string()),
        );
        let refused = created
            .as_ref()
            .is_err_and(|error| error.to_string().contains("invalid"));
        assert!(refused, "{field} {value:?}: {created:?}");
    }
    // Fields that would carry a privilege do not exist here, and what is not known is not kept.
    let mut shop = storefront(stage, "hostile")?;
    shop["spec"]["cloudflare"] =
        json!({"url": "http://evil.example.org/", "tokenSecret": {"name": "x", "namespace": "kube-system"}});
    shop["spec"]["aws"] = json!({"endpoint": "http://evil.example.org/", "roleArn": "arn:aws:iam::1:role/x"});
    let create = [
        "create",
        "-f",
        "-",
        "--dry-run=server",
        "-o",
        "json",
        "--validate=ignore",
        TENANT,
    ];
    let kept = stage.kubectl(&create, Some(&shop.to_string()))?;
    assert!(
        !kept.contains("evil.example.org") && !kept.contains("kube-system"),
        "{kept}"
    );
    let class = read("docs/examples/class.yaml")?;
    for elsewhere in [
        "{name: shops/cloudflare, key: token}",
        "{name: ../shops/cloudflare, key: token}",
    ] {
        let class = class.replace("{name: cloudflare, key: token}", elsewhere);
        let created = stage.kubectl(
            &["create", "-f", "-", "--dry-run=server"],
            Some(&class.replace("name: production", "name: two")),
        );
        assert!(created.is_err(), "{elsewhere}: {created:?}");
    }
    Ok(())
}

fn create(stage: &Stage, shop: &Value) -> Outcome {
    stage
        .kubectl(&["create", "-f", "-", TENANT], Some(&shop.to_string()))
        .map(|_| ())
}

fn wait_for(stage: &Stage, shop: &str, condition: &str) -> Outcome {
    let condition = format!("--for={condition}");
    stage
        .kubectl(
            &[
                "wait",
                &condition,
                "--timeout=60s",
                "-n",
                "shops",
                &format!("sf/{shop}"),
            ],
            None,
        )
        .map(|_| ())
}

fn stalled(stage: &Stage, shop: &str) -> Result<(String, String), Trouble> {
    wait_for(stage, shop, "condition=Stalled")?;
    let found = stage.get(&["sf", shop, "-n", "shops"])?;
    let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let stalled = conditions
        .into_iter()
        .find(|condition| condition["type"] == "Stalled")
        .unwrap_or_default();
    let text = |field: &str| stalled[field].as_str().unwrap_or_default().to_owned();
    Ok((text("reason"), text("message")))
}

/// Hosts, zones and classes that are well-formed and not the tenant's: told, and nothing is asked.
fn what_the_class_does_not_grant_is_told(stage: &Stage) -> Outcome {
    let other = read("docs/examples/class.yaml")?
        .replace("name: production", "name: others")
        .replace("breakwater.dev/class: production", "breakwater.dev/class: others")
        .replace("name: cloudflare", "name: others");
    stage.apply(&other)?;
    stage.apply(&manifests::secret(OF_OTHERS).replace("name: cloudflare", "name: others"))?;
    stage.apply(&manifests::secret(TENANTS_OWN).replace("namespace: breakwater", "namespace: shops"))?;
    let cases = [
        (
            "of-others",
            "/spec/className",
            "others",
            "ClassNotAllowed",
            "does not admit namespace shops",
        ),
        (
            "foreign-zone",
            "/spec/database/writerRecord/hostedZoneId",
            "Z9999999999",
            "SpecInvalid",
            "does not grant hosted zone Z9999999999",
        ),
        (
            "foreign-host",
            "/spec/regions/primary/services/0/url",
            "http://evil.example.org/",
            "SpecInvalid",
            "does not allow host evil.example.org",
        ),
        (
            "metadata",
            "/spec/regions/primary/services/0/url",
            "http://169.254.169.254/latest/meta-data/",
            "SpecInvalid",
            "does not allow host 169.254.169.254",
        ),
        (
            "decimal",
            "/spec/regions/primary/services/0/url",
            "http://2852039166/latest/meta-data/",
            "SpecInvalid",
            "does not allow host 169.254.169.254",
        ),
        (
            "octal",
            "/spec/regions/primary/proofUrl",
            "http://0251.0376.0251.0376/",
            "SpecInvalid",
            "does not allow host 169.254.169.254",
        ),
        (
            "hexadecimal",
            "/spec/regions/primary/proofUrl",
            "http://0xa9fea9fe/",
            "SpecInvalid",
            "does not allow host 169.254.169.254",
        ),
    ];
    for (name, field, value, _, _) in cases {
        let mut shop = storefront(stage, name)?;
        if let Some(place) = shop.pointer_mut(field) {
            *place = value.into();
        }
        create(stage, &shop)?;
    }
    for (name, _, _, reason, words) in cases {
        let (found, message) = stalled(stage, name)?;
        assert_eq!(found, reason, "{name}: {message}");
        assert!(message.contains(words), "{name}: {message}");
        stage.kubectl(
            &["delete", &format!("sf/{name}"), "-n", "shops", "--timeout=30s", TENANT],
            None,
        )?;
    }
    Ok(())
}

/// A listener that keeps what it is sent, and answers by path.
struct Listener {
    address: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    fn start(answer: impl Fn(&str) -> String + Send + 'static) -> Result<Listener, Trouble> {
        let trouble = |source| Trouble::File {
            path: "a listener".to_owned(),
            source,
        };
        let listener = TcpListener::bind("127.0.0.1:0").map_err(trouble)?;
        let address = listener.local_addr().map_err(trouble)?.to_string();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let keep = heard.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut bytes = vec![0; 16 * 1024];
                let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
                let mut read = 0;
                while !bytes[..read].windows(4).any(|end| end == b"\r\n\r\n") && read < bytes.len() {
                    match stream.read(&mut bytes[read..]) {
                        Ok(more) if more > 0 => read += more,
                        Ok(_) | Err(_) => break,
                    }
                }
                let request = String::from_utf8_lossy(&bytes[..read]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                if let Ok(mut heard) = keep.lock() {
                    heard.push(request);
                }
                let _ = stream.write_all(answer(&path).as_bytes());
            }
        });
        Ok(Listener { address, heard })
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().map(|heard| heard.clone()).unwrap_or_default()
    }

    fn times(&self, path: &str) -> usize {
        let line = format!("GET {path} ");
        self.heard().iter().filter(|request| request.starts_with(&line)).count()
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

const HOSTILE_PATHS: [&str; 6] = ["/302", "/307", "/401", "/407", "/proof-302", "/proof"];

/// A host that sends us elsewhere and asks for credentials in every way that there is.
async fn a_probed_host_gets_nothing_of_ours(stage: &Stage, log: &str) -> Outcome {
    let elsewhere = Listener::start(|_| answer("200 OK", "", "welcome"))?;
    let target = elsewhere.address.clone();
    let hostile = Listener::start(move |path| {
        let location = format!("location: http://{target}/stolen\r\nrefresh: 0; url=http://{target}/stolen\r\n");
        let asks = "www-authenticate: AWS4-HMAC-SHA256\r\nwww-authenticate: Bearer\r\nwww-authenticate: Basic realm=x\r\n\
                    proxy-authenticate: Basic realm=x\r\nset-cookie: a=b\r\n";
        let proof = r#"{"region": "ca-central-1", "writer": {"serverUuid": "3e11", "user": "\u001b[31mred\u202e",
            "writable": true, "reason": "\u001b]0;title\u0007"}, "local": {"serverUuid": "3e11", "readOnly": false}}"#;
        match path {
            "/302" | "/proof-302" => answer("302 Found", &format!("{location}{asks}"), ""),
            "/307" => answer("307 Temporary Redirect", &location, ""),
            "/401" => answer("401 Unauthorized", asks, "\u{1b}[31mred"),
            "/407" => answer("407 Proxy Authentication Required", asks, ""),
            _ => answer("200 OK", asks, proof),
        }
    })?;
    let mut shop = storefront(stage, "hostile")?;
    let url = |path: &str| Value::from(format!("http://{}{path}", hostile.address));
    let service = |name: &str, path: &str| json!({"name": name, "url": url(path)});
    shop["spec"]["regions"]["primary"]["services"] = json!([service("a", "/302"), service("b", "/401")]);
    shop["spec"]["regions"]["secondary"]["services"] = json!([service("a", "/307"), service("b", "/407")]);
    shop["spec"]["regions"]["primary"]["proofUrl"] = url("/proof");
    shop["spec"]["regions"]["secondary"]["proofUrl"] = url("/proof-302");
    create(stage, &shop)?;
    let begun = Instant::now();
    while HOSTILE_PATHS.iter().any(|path| hostile.times(path) < 5) {
        assert!(
            begun.elapsed() < PATIENCE,
            "{:?}",
            HOSTILE_PATHS.map(|path| hostile.times(path))
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(elsewhere.heard(), Vec::<String>::new(), "somebody followed");
    let secrets = secrets(stage);
    for request in hostile.heard() {
        let (line, headers) = request.split_once("\r\n").unwrap_or_default();
        assert!(line.starts_with("GET /") && line.ends_with("HTTP/1.1"), "{request}");
        let names: BTreeSet<String> = headers
            .lines()
            .filter_map(|header| Some(header.split_once(':')?.0.to_ascii_lowercase()))
            .collect();
        let known = ["accept", "host", "user-agent", "x-breakwater-query"];
        assert!(names.iter().all(|name| known.contains(&&**name)), "{request}");
        assert!(secrets.iter().all(|secret| !request.contains(secret)), "{request}");
    }
    told_nowhere(stage, log, &secrets).await?;
    stage.kubectl(&["delete", "sf/hostile", "-n", "shops", "--timeout=30s", TENANT], None)?;
    // The others went on, with the platform's token: the tenant's Secret of the same name was never looked at.
    protected(stage).await?;
    let class = stage.get(&["sfc", "production"])?;
    assert_eq!(class["status"]["conditions"][0]["status"], "True", "{class}");
    Ok(())
}

fn secrets(stage: &Stage) -> Vec<String> {
    let file = &stage.world.file;
    let all = [
        &*file.cloudflare_token,
        &*file.secret_access_key,
        TENANTS_OWN,
        OF_OTHERS,
    ];
    all.map(str::to_owned).to_vec()
}

/// Neither secrets nor what acts on a terminal stand in status, events, metrics or the log.
async fn told_nowhere(stage: &Stage, log: &str, secrets: &[String]) -> Outcome {
    let listed = |kinds: &str| stage.kubectl(&["get", kinds, "-A", "-o", "yaml", "--show-managed-fields"], None);
    let address = stage.serving(log).await?;
    let places = [
        ("the log", stage.log(log)),
        ("objects", listed("sf,sfc,rsw,leases")?),
        ("events", listed("events")?),
        ("metrics", stage.scrape(&address, "/metrics").await?.1),
    ];
    for (place, text) in &places {
        assert!(text.len() > 500, "{place} is nearly empty");
        for secret in secrets {
            assert!(!text.contains(secret.as_str()), "{secret} stands in {place}");
        }
        let acts = text
            .chars()
            .find(|c| matches!(c, '\u{1b}' | '\u{7}' | '\u{202e}' | '\u{9b}'));
        assert!(acts.is_none(), "{acts:?} stands in {place}");
    }
    Ok(())
}

/// Whether a connection to the metadata service's address was ever on its way, from `/proc/net/tcp`.
fn watch_for_metadata(stop: Arc<AtomicBool>) -> std::thread::JoinHandle<Option<String>> {
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
                let text = std::fs::read_to_string(table).unwrap_or_default();
                // 169.254.169.254, its bytes turned around as the kernel prints them.
                if let Some(line) = text.lines().find(|line| line.contains("FEA9FEA9:")) {
                    return Some(line.to_owned());
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    })
}

/// Even a class that allows such hosts (a mistake of its owner) makes nobody ask the metadata service or what listens on
/// the controller's own machine, however the address is written.
async fn the_prober_is_no_way_in(stage: &Stage) -> Outcome {
    let inside = Listener::start(|_| answer("200 OK", "", "internal"))?;
    let port = inside.address.rsplit(':').next().unwrap_or_default().to_owned();
    let allowed = json!({"spec": {"probes": {
        "allowedHosts": ["169.254.169.254", "169.254.170.23", "127.0.0.1", "localhost", "*.localhost", "0.0.0.0", "100.100.100.200"],
        "referenceUrls": [format!("http://127.0.0.1:{port}/reference"), "http://169.254.169.254/latest/"],
    }}});
    stage.kubectl(
        &["patch", "sfc/production", "--type=merge", "-p", &allowed.to_string()],
        None,
    )?;
    let urls = [
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://2852039166/latest/meta-data/".to_owned(),
        "http://0251.0376.0251.0376/".to_owned(),
        "http://0xA9.0xFE.0xA9.0xFE/".to_owned(),
        "http://169.254.43518/".to_owned(),
        "http://169.254.170.23/v1/credentials".to_owned(),
        "http://100.100.100.200/latest/meta-data/".to_owned(),
        format!("http://127.0.0.1:{port}/plain"),
        format!("http://2130706433:{port}/decimal"),
        format!("http://0x7f.1:{port}/hexadecimal"),
        format!("http://0177.0.0.1:{port}/octal"),
        format!("http://localhost:{port}/name"),
        format!("http://internal.localhost:{port}/below"),
        format!("http://0.0.0.0:{port}/any"),
    ];
    let mut shop = storefront(stage, "inward")?;
    let services: Vec<Value> = urls
        .iter()
        .enumerate()
        .map(|(at, url)| json!({"name": format!("s{at}"), "url": url}))
        .collect();
    shop["spec"]["regions"]["primary"]["services"] = services.clone().into();
    shop["spec"]["regions"]["secondary"]["services"] = services.into();
    for region in ["primary", "secondary"] {
        shop["spec"]["regions"][region]["proofUrl"] = format!("http://127.0.0.1:{port}/proof").into();
    }
    create(stage, &shop)?;
    let stop = Arc::new(AtomicBool::new(false));
    let watching = watch_for_metadata(stop.clone());
    let controller = controller(stage, "strict.log", &[])?;
    let address = stage.serving("strict.log").await?;
    let begun = Instant::now();
    let asked = |metrics: &str, kind: &str| {
        let line = format!("breakwater_queries_total{{kind=\"{kind}\"}} ");
        let count = metrics.lines().find_map(|text| text.strip_prefix(&line));
        count.and_then(|count| count.parse::<u64>().ok()).unwrap_or_default()
    };
    loop {
        let metrics = stage.scrape(&address, "/metrics").await?.1;
        if asked(&metrics, "probe") > 150 && asked(&metrics, "proof") > 10 && asked(&metrics, "reference") > 10 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{metrics}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    wait_for(stage, "inward", "condition=StandbyReady=False")?;
    controller.stop()?;
    stop.store(true, Ordering::Relaxed);
    let connected = watching.join().unwrap_or_default();
    assert_eq!(connected, None, "a connection to the metadata service");
    assert_eq!(
        inside.heard(),
        Vec::<String>::new(),
        "what listens on this machine was asked"
    );
    let found = stage.get(&["sf", "inward", "-n", "shops"])?;
    assert!(
        found["status"]["blockers"].to_string().contains("ProbeNeverUp"),
        "{}",
        found["status"]
    );
    Ok(())
}
