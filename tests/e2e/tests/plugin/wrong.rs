//! Shops that are not as they should be, without a controller: nobody but the plugin could change anything.

use super::plugin::{Ran, run, run_with};
use breakwater_e2e::Trouble;
use breakwater_e2e::manifests;
use breakwater_e2e::stage::{Setting, Stage};
use serde_json::{Value, json};

type Outcome = Result<(), Trouble>;

const SHOP: &str = "shop-ca";

/// The verbs about a shop, with the flags that a script gives them.
const VERBS: [&[&str]; 13] = [
    &["status"],
    &["explain"],
    &["history"],
    &["switchover", "--yes", "--reason=x"],
    &["failover", "--yes", "--reason=x"],
    &["failback", "--yes", "--reason=x"],
    &["shift", "--to=us-west-2", "--for=30m", "--yes", "--reason=x"],
    &["drill", "--yes", "--reason=x"],
    &["adopt", "--writer=us-west-2", "--yes", "--reason=x"],
    &["approve", "--yes"],
    &["abort", "--yes"],
    &["suspend", "--yes"],
    &["resume"],
];

/// Codes of the verbs, in their order; `None`: it would do something, which other tests look at.
type Codes = [Option<i32>; 13];

const fn all(code: i32) -> Codes {
    [Some(code); 13]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_says_what_is_wrong_and_changes_nothing() -> Outcome {
    let stage = Stage::set(Setting::of_test("plugin-wrong", 20)).await?;
    stage.apply(&manifests::examples(&stage.world.file.base_url, None)?)?;
    let mut table = Table::default();
    table.walk(&stage, "missing", "shop-nowhere", &[], all(2))?;
    table.walk(&stage, "foreign", SHOP, &["--as=mallory"], all(8))?;
    // Showing works, and who wants it suspended before a controller comes gets that.
    let unseen = [0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2].map(Some);
    table.walk(&stage, "not looked at", SHOP, &[], with_edits(unseen))?;
    suspended_and_back(&stage)?;
    status(&stage, &mid_move())?;
    // An Adopt ends a move in flight: it is the way out.
    let mut moving = with_edits([0, 0, 0, 3, 3, 3, 3, 3, 0, 3, 3].map(Some));
    moving[8] = None;
    table.walk(&stage, "mid-move", SHOP, &[], moving)?;
    let adopt = [
        "adopt",
        SHOP,
        "-n",
        "shops",
        "--writer=us-west-2",
        "--reason=x",
        "--dry-run",
    ];
    assert!(run(&stage, &adopt)?.out.contains("type: Adopt"));
    let said = run(&stage, &["failover", SHOP, "-n", "shops", "--yes", "--reason=x"])?.err;
    assert!(
        said.contains("shop-ca-e2-failover") && said.contains("Promoting"),
        "{said}"
    );
    status(&stage, &json!({"journal": {"version": 99}}))?;
    let newer = [0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2].map(Some);
    table.walk(&stage, "another journal", SHOP, &[], with_edits(newer))?;
    malformed(&stage)?;
    table.walk(&stage, "malformed", SHOP, &[], all(2))?;
    let everything = run(&stage, &["status", "-n", "shops"])?;
    assert_eq!(everything.code, 2, "{}", everything.err);
    assert!(
        everything.out.contains("does not read") && everything.out.contains("shop-geo"),
        "{}",
        everything.out
    );
    usage(&stage)?;
    unreachable(&stage, &mut table)?;
    stage.kubectl(
        &[
            "delete",
            "crd",
            "storefronts.breakwater.dev",
            "regionswitches.breakwater.dev",
        ],
        None,
    )?;
    table.walk(&stage, "no CRDs", SHOP, &[], all(2))?;
    println!("{}", table.text());
    assert!(table.wrong.is_empty(), "{}", table.wrong.join("\n"));
    stage.strike()
}

fn with_edits(codes: [Option<i32>; 11]) -> Codes {
    let mut all = [None; 13];
    all[..11].copy_from_slice(&codes);
    all
}

/// Which verb ended how in which situation, as the documentation promises.
#[derive(Default)]
struct Table {
    head: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
    said: Vec<String>,
    wrong: Vec<String>,
}

impl Table {
    fn walk(&mut self, stage: &Stage, situation: &str, shop: &str, flags: &[&str], codes: Codes) -> Outcome {
        self.walk_with(stage, &stage.kubeconfig, situation, shop, flags, codes)
    }

    fn walk_with(
        &mut self,
        stage: &Stage,
        kubeconfig: &std::path::Path,
        situation: &str,
        shop: &str,
        flags: &[&str],
        codes: Codes,
    ) -> Outcome {
        self.head.push(situation.to_owned());
        let before = world(stage);
        for (verb, code) in VERBS.iter().zip(codes) {
            let Some(code) = code else {
                self.put(verb[0], "-".into());
                continue;
            };
            let args = [&[verb[0], shop, "-n", "shops"], &verb[1..], flags].concat();
            let ran = run_with(stage, kubeconfig, &args)?;
            self.put(verb[0], ran.code.to_string());
            self.check(situation, verb[0], code, &ran);
            if ran.code != 0 && !self.said.contains(&ran.said()) {
                self.said.push(ran.said());
            }
        }
        if world(stage) != before {
            self.wrong.push(format!("{situation}: something was changed"));
        }
        Ok(())
    }

    fn check(&mut self, situation: &str, verb: &str, code: i32, ran: &Ran) {
        if ran.code != code {
            let all = format!("{}{}", ran.out, ran.err);
            self.wrong.push(format!(
                "{situation}: {verb} ended with {} and not {code}:\n{all}",
                ran.code
            ));
        }
        let told = ran.said();
        if code != 0 && (told.len() < 40 || !ran.err.contains("othing") && code != 2 && code != 1) {
            self.wrong
                .push(format!("{situation}: {verb} does not say enough: {}", ran.err));
        }
        if ran.err.contains("panicked") {
            self.wrong.push(format!("{situation}: {verb} panicked: {}", ran.err));
        }
    }

    fn put(&mut self, verb: &str, cell: String) {
        match self.rows.iter_mut().find(|(name, _)| name == verb) {
            Some((_, cells)) => cells.push(cell),
            None => self.rows.push((verb.to_owned(), vec![cell])),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("| verb | {} |\n", self.head.join(" | "));
        text.push_str(&format!("|---|{}\n", "---|".repeat(self.head.len())));
        for (verb, cells) in &self.rows {
            text.push_str(&format!("| {verb} | {} |\n", cells.join(" | ")));
        }
        format!("{text}\n{}", self.said.join("\n"))
    }
}

/// All that people could have changed; nothing where the kinds are gone.
fn world(stage: &Stage) -> Value {
    let got = |kind: &str| stage.get(&[kind, "-n", "shops"]).unwrap_or_default();
    let plain = |list: Value| -> Vec<Value> {
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items
            .into_iter()
            .map(|item| json!([item["metadata"]["name"], item["spec"], item["status"]]))
            .collect()
    };
    json!([plain(got("storefronts")), plain(got("regionswitches"))])
}

fn status(stage: &Stage, status: &Value) -> Outcome {
    let patch = json!({"status": status}).to_string();
    let args = [
        "patch",
        "-n",
        "shops",
        "sf/shop-ca",
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ];
    stage.kubectl(&args, None).map(|_| ())
}

/// As a controller leaves it that is killed when the promotion is on its way.
fn mid_move() -> Value {
    json!({
        "observedGeneration": 1, "activeRegion": "ca-central-1", "standbyRegion": "us-west-2", "epoch": 1,
        "mode": "Automatic", "diagnosis": "RegionDown", "move": "Promoting (e2)", "reason": "Promoting",
        "message": "The promotion of shop-ca-usw2 in us-west-2 is allowed and sent once.",
        "refusals": [{"name": "MoveInFlight", "message": "a move is in flight."}],
        "journal": {
            "version": 1, "activeRegion": "ca-central-1", "epoch": 1, "lastNumber": 2, "front": "us-west-2",
            "excluded": "ca-central-1", "holder": "nobody",
            "move": {
                "number": 2, "type": "Failover", "from": "ca-central-1", "to": "us-west-2", "fromInstance": "shop-ca-cac1",
                "toInstance": "shop-ca-usw2", "diagnosis": "RegionDown", "automatic": true, "phase": "Promoting",
                "since": "2026-11-25T02:07:15Z", "deadline": "2026-11-25T02:37:15Z",
                "steps": [{"phase": "Requested", "at": "2026-11-25T02:07:03Z"}, {"phase": "Promoting", "at": "2026-11-25T02:07:15Z"}]
            }
        }
    })
}

/// A CRD of another version lets a phase in that this plugin does not know.
fn malformed(stage: &Stage) -> Outcome {
    let mut crd = stage.get(&["crd", "storefronts.breakwater.dev"])?;
    let schema = &mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"];
    *schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    for field in [
        "managedFields",
        "resourceVersion",
        "uid",
        "creationTimestamp",
        "generation",
    ] {
        if let Some(meta) = crd["metadata"].as_object_mut() {
            meta.remove(field);
        }
    }
    stage.kubectl(&["replace", "-f", "-"], Some(&crd.to_string()))?;
    let other = json!({"observedGeneration": 1, "activeRegion": "ca-central-1",
        "journal": {"version": 1, "move": {"number": 2, "phase": "Levitating"}}});
    // The API server takes a moment to serve the changed kind.
    let begun = std::time::Instant::now();
    loop {
        status(stage, &other)?;
        let stored = stage.get(&["sf", SHOP, "-n", "shops"])?;
        if stored["status"]["journal"]["move"]["phase"] == "Levitating" {
            return Ok(());
        }
        if begun.elapsed().as_secs() > 30 {
            return Err(Trouble::NotInTime(30, format!("the changed CRD: {}", stored["status"])));
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

fn suspended_and_back(stage: &Stage) -> Outcome {
    for (verb, suspended) in [
        ("suspend", true),
        ("suspend", true),
        ("resume", false),
        ("resume", false),
    ] {
        let ran = run(stage, &[verb, SHOP, "-n", "shops"])?;
        assert_eq!(ran.code, 0, "{}", ran.err);
        let shop = stage.get(&["sf", SHOP, "-n", "shops"])?;
        assert_eq!(shop["spec"]["suspend"], suspended);
    }
    Ok(())
}

/// What is wrong with the command and not with the shop.
fn usage(stage: &Stage) -> Outcome {
    let before = world(stage);
    let geo = |rest: &[&str]| run(stage, &[&["failover", "shop-geo", "-n", "shops"], rest].concat());
    status_of_geo(stage)?;
    let seen = world(stage);
    for (rest, words) in [
        (&["--reason=x"][..], "--yes"),
        (&["--yes"][..], "--reason"),
        (&["--yes", "--reason=x", "--override=Suspended"][..], "Frozen"),
        (&["--yes", "--override=Frozen"][..], "--reason"),
        (&["--yes", "--reason=x", "--to=eu-west-1"][..], "us-west-2"),
        (
            &["--yes", "--reason=x", "--start-before=2020-01-01T00:00:00Z"][..],
            "past",
        ),
        (&["--yes", "--reason=x", "--start-before=tomorrow"][..], "duration"),
        (&["--frobnicate"][..], "--frobnicate"),
    ] {
        let ran = geo(rest)?;
        assert_eq!(ran.code, 1, "{rest:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(words), "{rest:?}: {}", ran.err);
    }
    let there = geo(&["--yes", "--reason=x", "--to=ca-central-1"])?;
    assert_eq!(there.code, 3, "{}", there.err);
    assert!(there.err.contains("AlreadyActive"), "{}", there.err);
    let rule = run(
        stage,
        &[
            "switchover",
            "shop-geo",
            "-n",
            "shops",
            "--yes",
            "--reason=x",
            "--max-write-stop=5s",
        ],
    )?;
    assert_eq!(rule.code, 8, "{}", rule.err);
    let dry = geo(&["--dry-run", "--reason=x", "--allow-data-loss=10m"])?;
    assert_eq!(dry.code, 0, "{}", dry.err);
    stage.kubectl(&["create", "--dry-run=server", "-f", "-"], Some(&dry.out))?;
    assert_eq!(world(stage), seen, "something was changed");
    assert_ne!(before, seen, "the status of shop-geo should differ");
    Ok(())
}

/// A shop at rest.
fn status_of_geo(stage: &Stage) -> Outcome {
    let patch = json!({"status": {
        "observedGeneration": 1, "activeRegion": "ca-central-1", "standbyRegion": "us-west-2", "epoch": 1,
        "journal": {"version": 1, "activeRegion": "ca-central-1", "epoch": 1, "lastNumber": 1, "holder": "nobody"}
    }});
    let patch = patch.to_string();
    let args = [
        "patch",
        "-n",
        "shops",
        "sf/shop-geo",
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ];
    stage.kubectl(&args, None).map(|_| ())
}

/// A cluster that is not there, a file that is not there, a context that is not there.
fn unreachable(stage: &Stage, table: &mut Table) -> Outcome {
    let file = stage.file("kubeconfig-nowhere");
    let text = std::fs::read_to_string(&stage.kubeconfig).map_err(|source| Trouble::File {
        path: stage.kubeconfig.display().to_string(),
        source,
    })?;
    let nowhere: Vec<String> = text
        .lines()
        .map(|line| match line.split_once("server: ") {
            // Port 9, discard: nobody listens there.
            Some((before, _)) => format!("{before}server: https://127.0.0.1:9"),
            None => line.to_owned(),
        })
        .collect();
    std::fs::write(&file, nowhere.join("\n")).map_err(|source| Trouble::File {
        path: file.display().to_string(),
        source,
    })?;
    table.walk_with(stage, &file, "no connection", SHOP, &[], all(1))?;
    for flags in [["--kubeconfig", "/nonexistent/kubeconfig"], ["--context", "elsewhere"]] {
        let ran = run(stage, &[&["status", SHOP, "-n", "shops"][..], &flags].concat())?;
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(ran.err.contains("kubeconfig"), "{}", ran.err);
    }
    Ok(())
}
