//! Who asks and who approves: the admission policies and roles of the documentation on the real API server, what the
//! controller finds out about them, and that no request stays open for ever.

use breakwater_e2e::Trouble;
use breakwater_e2e::processes::{Running, programs, root};
use breakwater_e2e::stage::{LOG, Setting, Stage};
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};

type Outcome = Result<(), Trouble>;

const PATIENCE: Duration = Duration::from_secs(120);
const ACCOUNT: &str = "system:serviceaccount:breakwater:breakwater";

/// Alice asks, bob approves, carol may do both.
const PEOPLE: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ask, namespace: shops}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: storefront-operator}
subjects:
  - {apiGroup: rbac.authorization.k8s.io, kind: User, name: alice}
  - {apiGroup: rbac.authorization.k8s.io, kind: User, name: carol}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: approve, namespace: shops}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: storefront-approver}
subjects:
  - {apiGroup: rbac.authorization.k8s.io, kind: User, name: bob}
  - {apiGroup: rbac.authorization.k8s.io, kind: User, name: carol}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: look, namespace: shops}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: storefront-viewer}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: dave}]
";

fn read(path: &str) -> Result<String, Trouble> {
    let path = root().join(path);
    std::fs::read_to_string(&path).map_err(|source| Trouble::File {
        path: path.display().to_string(),
        source,
    })
}

/// A request about a shop, in force for some hours.
fn switch(stage: &Stage, name: &str, storefront: &str, requested_by: Option<&str>) -> Value {
    let start_before = stage.now() + Duration::from_secs(86_400);
    let mut request = json!({
        "storefrontName": storefront, "type": "Failover", "to": "us-west-2", "expectedEpoch": 4711,
        "startBefore": start_before.to_string(), "reason": "a test",
    });
    if let Some(name) = requested_by {
        request["requestedBy"] = name.into();
    }
    json!({
        "apiVersion": "breakwater.dev/v1alpha1", "kind": "RegionSwitch",
        "metadata": {"name": name, "namespace": "shops"}, "spec": {"request": request},
    })
}

fn as_user(user: &str) -> String {
    format!("--as={user}")
}

fn create(stage: &Stage, user: &str, switch: &Value) -> Result<String, Trouble> {
    stage.kubectl(&["create", "-f", "-", &as_user(user)], Some(&switch.to_string()))
}

fn approve(stage: &Stage, user: &str, name: &str, by: &str) -> Result<String, Trouble> {
    let patch = json!({"spec": {"approval": {"by": by, "note": "go"}}}).to_string();
    let object = format!("rsw/{name}");
    let args = [
        "patch",
        &object,
        "-n",
        "shops",
        "--type=merge",
        "-p",
        &patch,
        &as_user(user),
    ];
    stage.kubectl(&args, None)
}

/// It was refused, with words that say this.
fn refused(result: Result<String, Trouble>, words: &[&str]) {
    match result {
        Ok(said) => panic!("admitted: {said}"),
        Err(error) => {
            let text = error.to_string();
            assert!(words.iter().all(|word| text.contains(word)), "{words:?}: {text}");
        }
    }
}

/// A controller with the rights of its service account, as the policies know it.
fn controller(stage: &Stage, log: &str) -> Result<Running, Trouble> {
    let trouble = |source| Trouble::File {
        path: stage.kubeconfig.display().to_string(),
        source,
    };
    let as_admin = std::fs::read_to_string(&stage.kubeconfig).map_err(trouble)?;
    let (before, after) = as_admin.split_once("    token: ").unwrap_or((&as_admin, ""));
    let kubeconfig = stage.file("kubeconfig-account");
    let as_account = format!("{before}    as: {ACCOUNT}\n    token: {after}");
    std::fs::write(&kubeconfig, as_account).map_err(trouble)?;
    let file = &stage.world.file;
    let mut command = Command::new(programs().join("breakwater"));
    command
        .args(["run", "--installation", "demo", "--namespace", "breakwater"])
        .args(["--listen", "127.0.0.1:0", "--cloudflare-url", &file.cloudflare_url])
        .args(["--time-scale", &file.time_scale.to_string()])
        .args([
            "--scale-start",
            &file.scale_start.to_string(),
            "--allow-loopback-probes",
        ])
        .env("KUBECONFIG", &kubeconfig)
        .env("AWS_ENDPOINT_URL", &file.base_url)
        .env("AWS_ACCESS_KEY_ID", &file.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &file.secret_access_key)
        .env("AWS_REGION", "us-east-2")
        .env("BREAKWATER_LOG", LOG);
    Running::start(command, "breakwater", &stage.file(log))
}

/// Waits until an object is as wanted; as it is then.
async fn until(stage: &Stage, what: &str, args: &[&str], holds: impl Fn(&Value) -> bool) -> Result<Value, Trouble> {
    let begun = Instant::now();
    loop {
        let found = stage.get(args)?;
        if holds(&found) {
            return Ok(found);
        }
        if begun.elapsed() > PATIENCE {
            let status = &found["status"];
            return Err(Trouble::NotInTime(
                PATIENCE.as_secs(),
                format!("{what}; it is {status}"),
            ));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn blocked(found: &Value, blocker: &str) -> bool {
    let blockers = found["status"]["blockers"].as_array();
    blockers.into_iter().flatten().any(|found| found["name"] == blocker)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_or_approves_is_who_is_named() -> Outcome {
    let stage = Stage::set(Setting::of_test("access", 20)).await?;
    stage.apply_examples()?;
    for file in ["install/rbac.yaml", "rbac/roles.yaml", "rbac/bindings.yaml"] {
        stage.apply(&read(&format!("docs/examples/{file}"))?)?;
    }
    stage.apply(PEOPLE)?;
    let approve_mode = json!({"spec": {"failover": {"mode": "Approve"}}}).to_string();
    stage.kubectl(
        &[
            "patch",
            "sf/shop-west",
            "-n",
            "shops",
            "--type=merge",
            "-p",
            &approve_mode,
        ],
        None,
    )?;
    let mut controller = controller(&stage, "controller.log")?;
    let unverified = |found: &Value| blocked(found, "ApproverUnverified");
    let west = ["sf", "shop-west", "-n", "shops"];
    let found = until(&stage, "the missing policies are noticed", &west, unverified).await?;
    assert!(
        found["status"]["blockers"].to_string().contains("docs/access.md"),
        "{found}"
    );
    let automatic = stage.get(&["sf", "shop-ca", "-n", "shops"])?;
    assert!(!unverified(&automatic), "nobody approves there");

    stage.apply(&read("docs/examples/admission/actors.yaml")?)?;
    in_force(&stage, &switch(&stage, "forged", "shop-ca", Some("bob")), "alice").await?;
    who_asks(&stage)?;
    who_approves(&stage)?;
    until(&stage, "the policies are noticed", &west, |found| !unverified(found)).await?;
    two_people(&stage).await?;
    from_git(&stage).await?;
    assert!(!controller.has_ended());
    controller.stop()?;
    let log = stage.log("controller.log");
    assert!(!log.contains("forbidden"), "it lacks a right: {log}");
    let left = stage.kubectl(&["get", "rsw", "-A", "-o", "name"], None)?;
    assert!(!left.contains("dry-run"), "a dry run was stored: {left}");
    stage.strike()
}

/// A policy works a moment after it was applied.
async fn in_force(stage: &Stage, forged: &Value, user: &str) -> Outcome {
    let begun = Instant::now();
    let dry_run = ["create", "--dry-run=server", "-f", "-", &as_user(user)];
    while stage.kubectl(&dry_run, Some(&forged.to_string())).is_ok() {
        assert!(begun.elapsed() < PATIENCE, "admitted for {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn who_asks(stage: &Stage) -> Outcome {
    let forged = switch(stage, "forged", "shop-ca", Some("bob"));
    refused(
        create(stage, "alice", &forged),
        &[
            "requestedBy is bob",
            "knows you as alice",
            "write alice there",
            "kubectl auth whoami",
        ],
    );
    // The name of the controller is nobody else's, and the controller has no other.
    let as_controller = switch(stage, "forged", "shop-ca", Some("breakwater"));
    refused(create(stage, "alice", &as_controller), &["write alice there"]);
    let by_controller = switch(stage, "forged", "shop-ca", Some("alice"));
    refused(create(stage, ACCOUNT, &by_controller), &["write breakwater there"]);
    let mut approved = switch(stage, "forged", "shop-ca", Some("alice"));
    approved["spec"]["approval"] = json!({"by": "bob"});
    refused(create(stage, "alice", &approved), &["spec.approval.by is bob"]);
    approved["spec"]["approval"] = json!({"by": "alice"});
    refused(
        create(stage, "alice", &approved),
        &["alice may not approve", "storefront-approver"],
    );
    create(stage, "alice", &switch(stage, "honest", "shop-ca", Some("alice")))?;
    create(stage, ACCOUNT, &switch(stage, "filed", "shop-ca", Some("breakwater")))?;
    refused(
        create(stage, "bob", &switch(stage, "bobs", "shop-ca", Some("bob"))),
        &["cannot create"],
    );
    refused(
        create(stage, "dave", &switch(stage, "daves", "shop-ca", Some("dave"))),
        &["cannot create"],
    );
    stage.kubectl(&["get", "sf,rsw", "-n", "shops", "--as=dave"], None)?;
    refused(
        stage.kubectl(&["get", "rsw", "-n", "breakwater", "--as=alice"], None),
        &["forbidden"],
    );
    Ok(())
}

fn who_approves(stage: &Stage) -> Outcome {
    refused(
        approve(stage, "bob", "filed", "carol"),
        &["spec.approval.by is carol", "knows you as bob", "by: bob"],
    );
    refused(
        approve(stage, "alice", "filed", "alice"),
        &[
            "alice may not approve in namespace shops",
            "verb approve",
            "storefront-approver",
        ],
    );
    refused(approve(stage, "alice", "filed", "bob"), &["spec.approval.by is bob"]);
    refused(approve(stage, "bob", "filed", "breakwater"), &["by: bob"]);
    refused(approve(stage, "dave", "filed", "dave"), &["cannot patch"]);
    approve(stage, "bob", "filed", "bob")?;
    // What was approved is approved: the approver's name does not stand in the way of a withdrawal by somebody else.
    let abort = json!({"spec": {"abort": true}}).to_string();
    stage.kubectl(
        &[
            "patch",
            "rsw/filed",
            "-n",
            "shops",
            "--type=merge",
            "-p",
            &abort,
            "--as=alice",
        ],
        None,
    )?;
    Ok(())
}

async fn two_people(stage: &Stage) -> Outcome {
    create(stage, "carol", &switch(stage, "alone", "shop-ca", Some("carol")))?;
    approve(stage, "carol", "alone", "carol")?;
    stage.apply(&read("docs/examples/admission/two-people.yaml")?)?;
    stage.kubectl(
        &["label", "namespace", "shops", "breakwater.dev/two-people=required"],
        None,
    )?;
    let mut both = switch(stage, "forged", "shop-ca", Some("carol"));
    both["spec"]["approval"] = json!({"by": "carol"});
    in_force(stage, &both, "carol").await?;
    create(stage, "carol", &switch(stage, "together", "shop-ca", Some("carol")))?;
    refused(
        approve(stage, "carol", "together", "carol"),
        &["carol asked for this", "Have somebody else approve it"],
    );
    approve(stage, "bob", "together", "bob")?;
    Ok(())
}

/// The schema asks for `requestedBy`; it is filled before the schema is asked.
async fn from_git(stage: &Stage) -> Outcome {
    let nobody = switch(stage, "synced", "shop-ca", None);
    refused(create(stage, "alice", &nobody), &["requestedBy"]);
    stage.apply(&read("docs/examples/admission/gitops.yaml")?)?;
    let begun = Instant::now();
    let dry_run = ["create", "--dry-run=server", "-f", "-", "--as=alice"];
    while stage.kubectl(&dry_run, Some(&nobody.to_string())).is_err() {
        assert!(begun.elapsed() < PATIENCE, "refused for {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let by = |name: &str| -> Result<Value, Trouble> {
        Ok(stage.get(&["rsw", name, "-n", "shops"])?["spec"]["request"]["requestedBy"].clone())
    };
    let manifest = nobody.to_string();
    for (args, name) in [
        (&["apply", "-f", "-"][..], "synced"),
        (
            &["apply", "--server-side", "--field-manager=git", "-f", "-"][..],
            "merged",
        ),
    ] {
        let manifest = manifest.replace("synced", name);
        // Applied again by somebody else, it still says who asked.
        for user in ["alice", "alice", "carol"] {
            stage.kubectl(&[args, &[&*as_user(user)]].concat(), Some(&manifest))?;
            assert_eq!(by(name)?, "alice");
        }
    }
    // A name that is written there is checked as ever.
    refused(
        create(stage, "alice", &switch(stage, "forged", "shop-ca", Some("bob"))),
        &["requestedBy is bob"],
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_stays_open_and_outdated_crds_are_named() -> Outcome {
    let mut stage = Stage::set(Setting::of_test("unserved", 20)).await?;
    stage.apply_examples()?;
    another_installations(&stage)?;
    stage.start_controller()?;
    requests_about_nothing_end(&stage).await?;
    outdated_crds_are_named(&mut stage).await?;
    stage.strike()
}

/// A shop and a request that another installation of the cluster serves.
fn another_installations(stage: &Stage) -> Outcome {
    let class = read("docs/examples/class.yaml")?
        .replace("name: production", "name: theirs")
        .replace("breakwater.dev/class: production", "breakwater.dev/class: theirs")
        .replace("\nspec:\n", "\nspec:\n  installation: another\n");
    assert!(
        class.contains("installation: another") && class.contains("class: theirs"),
        "{class}"
    );
    stage.apply(&class)?;
    stage.apply(
        "{apiVersion: v1, kind: Namespace, metadata: {name: elsewhere, labels: {breakwater.dev/class: theirs}}}",
    )?;
    let mut shop = stage.get(&["sf", "shop-ca", "-n", "shops"])?;
    shop["metadata"] = json!({"name": "shop-ca", "namespace": "elsewhere"});
    shop["spec"]["className"] = "theirs".into();
    shop["status"] = json!(null);
    if let Some(fields) = shop.as_object_mut() {
        fields.remove("status");
    }
    stage.apply(&shop.to_string())?;
    for (name, about) in [("theirs", "shop-ca"), ("theirs-too", "no-such-shop")] {
        let mut asked = switch(stage, name, about, Some("alice"));
        asked["metadata"]["namespace"] = "elsewhere".into();
        stage.apply(&asked.to_string())?;
    }
    Ok(())
}

async fn requests_about_nothing_end(stage: &Stage) -> Outcome {
    let mut orphan = stage.get(&["sf", "shop-ca", "-n", "shops"])?;
    orphan["metadata"] = json!({"name": "orphan", "namespace": "shops"});
    orphan["spec"]["className"] = "gold".into();
    if let Some(fields) = orphan.as_object_mut() {
        fields.remove("status");
    }
    stage.apply(&orphan.to_string())?;
    let mut nowhere = switch(stage, "nowhere", "shop-ca", Some("alice"));
    nowhere["metadata"]["namespace"] = "default".into();
    for asked in [
        &switch(stage, "lost", "no-such-shop", Some("alice")),
        &switch(stage, "orphaned", "orphan", Some("alice")),
        &nowhere,
    ] {
        stage.apply(&asked.to_string())?;
    }
    for (name, namespace, reason, remedy) in [
        ("lost", "shops", "StorefrontMissing", "kubectl get sf -n shops"),
        ("orphaned", "shops", "ClassMissing", "spec.className"),
        ("nowhere", "default", "StorefrontMissing", "kubectl get sf -n default"),
    ] {
        let ended = |found: &Value| found["status"]["outcome"] == "Refused";
        let found = until(stage, name, &["rsw", name, "-n", namespace], ended).await?;
        let message = found["status"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(remedy) && message.contains("new request"), "{message}");
        let waits = r#"jsonpath={.status.conditions[?(@.type=="Stalled")].status}=True"#;
        stage.kubectl(
            &[
                "wait",
                &format!("--for={waits}"),
                "-n",
                namespace,
                &format!("rsw/{name}"),
            ],
            None,
        )?;
        assert!(
            found["status"]["conditions"].to_string().contains("Refused"),
            "{reason}: {found}"
        );
    }
    // Those of the other installation are older, and stand as they were.
    for name in ["theirs", "theirs-too"] {
        let found = stage.get(&["rsw", name, "-n", "elsewhere"])?;
        assert_eq!(found["status"], json!({"observedGeneration": -1}), "{name}");
    }
    let shop = stage.get(&["sf", "shop-ca", "-n", "elsewhere"])?;
    assert_eq!(
        (&shop["metadata"]["finalizers"], &shop["status"]["observedGeneration"]),
        (&Value::Null, &json!(-1))
    );
    Ok(())
}

/// A binary is rolled out and its CRDs are not: the field is named before the night in which it is needed, and the work goes
/// on by itself once they are applied.
async fn outdated_crds_are_named(stage: &mut Stage) -> Outcome {
    let shop = ["sf", "shop-ca", "-n", "shops"];
    until(stage, "adopted", &shop, |found| {
        found["status"]["activeRegion"] == "ca-central-1"
    })
    .await?;
    stage.stop_controller()?;
    let older = r#"[{"op": "remove", "path":
        "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/journal/properties/savedSteering"}]"#;
    stage.kubectl(
        &["patch", "crd/storefronts.breakwater.dev", "--type=json", "-p", older],
        None,
    )?;
    stage.start_controller_with("older.log", LOG)?;
    let outdated = |found: &Value| blocked(found, "CrdOutdated");
    let found = until(stage, "the older CRD is noticed", &shop, outdated).await?;
    let field = "storefronts .status.journal.savedSteering";
    let mut conditions = found["status"]["conditions"].as_array().into_iter().flatten();
    let stalled = conditions.find(|condition| condition["type"] == "Stalled").cloned();
    let stalled = stalled.unwrap_or_default();
    assert_eq!(
        (&stalled["status"], &stalled["reason"]),
        (&json!("True"), &json!("CrdOutdated"))
    );
    let message = stalled["message"].as_str().unwrap_or_default();
    assert!(
        message.contains(field) && message.contains("kubectl apply --server-side"),
        "{message}"
    );
    let log = stage.log("older.log");
    assert!(log.contains("CrdOutdated") && log.contains(field), "{log}");
    let address = stage.serving("older.log").await?;
    let (_, metrics) = stage.scrape(&address, "/metrics").await?;
    assert!(metrics.contains("breakwater_crds_outdated 1"), "{metrics}");
    stage.apply(&breakwater_e2e::manifests::crds()?)?;
    until(stage, "the new CRD is noticed", &shop, |found| !outdated(found)).await?;
    let (_, metrics) = stage.scrape(&address, "/metrics").await?;
    assert!(metrics.contains("breakwater_crds_outdated 0"), "{metrics}");
    Ok(())
}
