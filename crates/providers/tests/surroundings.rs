//! What the wire makes of the process's own surroundings: proxies in its environment, no descriptors left, no identity.
//!
//! The environment of a test cannot be changed from within, so each of these starts this program anew, with the part of it
//! that needs those surroundings; by itself such a part does nothing.

#![allow(clippy::unwrap_used)] // A test that cannot go on has failed.

use breakwater_core::Text;
use breakwater_core::reading::{Cause, ProbeSeen, Query, Seen, Trouble, TroubleKind, Value};
use breakwater_core::shop::Scope;
use breakwater_core::time::Now;
use breakwater_providers::{ClassAccess, ClassProblem, Clouds, Eyes, FixedAws, Secret, Settings};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const REGIONS: [&str; 2] = ["us-east-1", "us-west-2"];
const POOL: &str = "17b5962d775c646f3f9725cbc7a53df4";

/// Names the part that a process was started for.
const ALONE: &str = "BREAKWATER_TEST_ALONE";

fn is_alone(part: &str) -> bool {
    std::env::var_os(ALONE).is_some_and(|name| name == part)
}

/// Runs one part in a process of its own; `before` stands before it in the shell.
fn alone(test: &str, before: &str, environment: &[(&str, &str)]) {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!(
            "{before} exec \"$0\" --exact {test} --nocapture --test-threads=1"
        ))
        .arg(program)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env(ALONE, test)
        .envs(environment.iter().copied());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// A listener that keeps the first line of each request and answers with this, or not at all.
fn listener(answer: Option<&'static str>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(vec![]));
    let keep = heard.clone();
    std::thread::spawn(move || {
        let mut kept_open = vec![];
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).unwrap_or(0);
            let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
            keep.lock()
                .unwrap()
                .push(text.lines().next().unwrap_or_default().to_owned());
            match answer {
                Some(answer) => {
                    let _ = write!(
                        stream,
                        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{answer}",
                        answer.len()
                    );
                }
                None => kept_open.push(stream),
            }
        }
    });
    (url, heard)
}

fn clouds(url: &str, aws: Option<FixedAws>) -> Clouds {
    let clouds = Clouds::new(Settings {
        allow_loopback_probes: true,
        cloudflare_url: Some(url.to_owned()),
        aws,
        ..Settings::default()
    });
    clouds.set_class(ClassAccess {
        name: "c".into(),
        role_arn: "arn:aws:iam::111122223333:role/breakwater".into(),
        dns_role_arn: None,
        external_id: "prod/c".into(),
        hosted_zones: vec!["Z1".into()],
        cloudflare_account: "acc".into(),
        cloudflare_token: Secret::new("token"),
        allowed_hosts: vec!["127.0.0.1".into(), "*.example.com".into()],
        proxy_url: None,
        allow_private_addresses: false,
    });
    clouds
}

fn fixed(url: &str) -> Option<FixedAws> {
    Some(FixedAws {
        endpoint: url.to_owned(),
        access_key_id: "AKIDTEST".into(),
        secret_access_key: Secret::new("sk"),
    })
}

async fn ask(clouds: &Clouds, query: Query) -> Value {
    let now = Now {
        mono: Duration::ZERO,
        wall: "2026-11-25T10:00:00Z".parse().unwrap(),
    };
    clouds.query(now, Cause(1), &query).await.remove(0).1
}

async fn probe(clouds: &Clouds, url: &str) -> Value {
    let query = Query::Probe {
        class: "c".into(),
        url: url.into(),
        region: REGIONS[0].into(),
        timeout: Duration::from_secs(3),
    };
    ask(clouds, query).await
}

async fn instance(clouds: &Clouds, region: &str) -> Trouble {
    let scope = Scope {
        class: "c".into(),
        region: region.into(),
    };
    let ids: Vec<Text> = vec!["a".into()];
    match ask(clouds, Query::Instances { scope, ids }).await {
        Value::Instance(Seen::Unknown(trouble)) => trouble,
        other => panic!("{other:?}"),
    }
}

/// Case N1: probes and APIs go direct, whatever the environment says.
#[test]
fn proxies_of_the_environment_are_not_ours() {
    let (proxy, heard) = listener(Some("from the proxy"));
    let names = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ];
    alone("among_proxies", "", &names.map(|name| (name, &*proxy)));
    assert_eq!(
        *heard.lock().unwrap(),
        Vec::<String>::new(),
        "something went through the proxy"
    );
}

#[tokio::test]
async fn among_proxies() {
    if !is_alone("among_proxies") {
        return;
    }
    assert!(std::env::var_os("HTTPS_PROXY").is_some());
    let (url, heard) = listener(Some(
        r#"{"success": true, "result": {"id": "17b5962d775c646f3f9725cbc7a53df4", "enabled": true}}"#,
    ));
    let clouds = clouds(&url, fixed(&url));
    assert_eq!(
        probe(&clouds, &format!("{url}/health")).await,
        Value::Probe(ProbeSeen::Status(200))
    );
    let pool = Query::Pool {
        class: "c".into(),
        pool: POOL.into(),
    };
    assert!(matches!(ask(&clouds, pool).await, Value::Pool(Seen::Present(_))));
    // The answer is none of STS', but it came from where it was asked.
    assert_eq!(instance(&clouds, REGIONS[0]).await.kind, TroubleKind::Ours);
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(
        heard[0].starts_with("GET /health ") && heard[2].starts_with("POST / "),
        "{heard:?}"
    );
}

/// Case N3: without a descriptor left nothing can be asked, and that says nothing of anybody else.
#[test]
fn no_descriptor_left_is_our_own_trouble() {
    alone("without_descriptors", "ulimit -n 64;", &[]);
}

#[tokio::test]
async fn without_descriptors() {
    if !is_alone("without_descriptors") {
        return;
    }
    let (url, heard) = listener(Some(""));
    let clouds = clouds(&url, fixed(&url));
    // Clients are built, and what they read once is read.
    assert_eq!(probe(&clouds, &url).await, Value::Probe(ProbeSeen::Status(200)));
    assert_eq!(
        instance(&clouds, REGIONS[0]).await.kind,
        TroubleKind::Ours,
        "nothing of STS"
    );
    let before = heard.lock().unwrap().len();
    let mut taken = vec![];
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    for url in [&*url, "http://shop.example.com/"] {
        let seen = probe(&clouds, url).await;
        assert!(matches!(seen, Value::Probe(ProbeSeen::Ours(_))), "{url}: {seen:?}");
    }
    let pool = Query::Pool {
        class: "c".into(),
        pool: POOL.into(),
    };
    let seen = ask(&clouds, pool).await;
    assert!(
        matches!(&seen, Value::Pool(Seen::Unknown(trouble)) if trouble.kind == TroubleKind::Ours),
        "{seen:?}"
    );
    assert_eq!(instance(&clouds, REGIONS[1]).await.kind, TroubleKind::Ours);
    drop(taken);
    assert_eq!(heard.lock().unwrap().len(), before);
    assert_eq!(probe(&clouds, &url).await, Value::Probe(ProbeSeen::Status(200)));
}

/// Case I3: no credentials anywhere, and a metadata service that does not answer (a pod behind a one-hop limit). The
/// class says that it is the controller itself which has no identity, and how to give it one; both regions are unknown.
#[test]
fn a_controller_without_an_identity_says_so() {
    let (metadata, heard) = listener(None);
    let (endpoint, asked) = listener(Some(""));
    let environment = [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*metadata),
        ("AWS_ENDPOINT_URL", &*endpoint),
        ("HOME", "/nonexistent"),
    ];
    alone("without_an_identity", "", &environment);
    assert!(!heard.lock().unwrap().is_empty(), "the metadata service was not asked");
    assert_eq!(
        *asked.lock().unwrap(),
        Vec::<String>::new(),
        "something was sent unsigned"
    );
}

#[tokio::test]
async fn without_an_identity() {
    if !is_alone("without_an_identity") {
        return;
    }
    let clouds = clouds("http://127.0.0.1:1", None);
    let problem = clouds.check_class("c").await.unwrap_err();
    assert!(matches!(problem, ClassProblem::NoIdentity(_)), "{problem}");
    for remedy in ["the controller itself has no AWS identity", "service account"] {
        assert!(problem.to_string().contains(remedy), "{problem}");
    }
    for region in REGIONS {
        let trouble = instance(&clouds, region).await;
        assert_eq!(trouble.kind, TroubleKind::Ours, "{trouble:?}");
        assert!(trouble.text.contains("no AWS identity of our own"), "{trouble:?}");
    }
}
