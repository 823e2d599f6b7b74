use super::*;
use crate::canned::{Canned, Reply, access, settings};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const REGION: &str = "ca-central-1";

fn asked() -> Timestamp {
    "2026-11-25T10:00:00Z".parse().unwrap()
}

fn prober() -> Prober {
    Prober::new(&settings("http://127.0.0.1:1"), &access())
}

fn strict() -> Prober {
    let settings = Settings {
        allow_loopback_probes: false,
        ..settings("http://127.0.0.1:1")
    };
    Prober::new(&settings, &access())
}

async fn probe(url: &str) -> ProbeSeen {
    prober().probe(Cause(7), url, REGION, Duration::from_secs(1)).await
}

/// A server that does `what` with each connection.
async fn raw<F>(what: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(what(stream));
        }
    });
    address
}

#[tokio::test]
async fn an_answer_is_its_status() {
    for status in [200, 204, 302, 404, 500, 503] {
        let server = Canned::start(move |_| Reply::new(status, "").header("location", "http://127.0.0.1:1/")).await;
        assert_eq!(
            probe(&format!("{}/-/health", server.url)).await,
            ProbeSeen::Status(status)
        );
        let asked = server.asked();
        assert_eq!((asked.len(), &*asked[0].path), (1, "/-/health"));
        assert_eq!(asked[0].header("x-breakwater-query"), "7");
    }
}

#[tokio::test]
async fn an_answer_that_names_another_region_is_not_ours() {
    let server = Canned::start(|_| Reply::new(200, "ok").header("x-breakwater-region", "us-west-2")).await;
    assert_eq!(probe(&server.url).await, ProbeSeen::OtherRegion("us-west-2".into()));
    let own = Canned::start(|_| Reply::new(503, "").header("x-breakwater-region", REGION)).await;
    assert_eq!(probe(&own.url).await, ProbeSeen::Status(503));
    let reference = prober().reference(Cause(1), &server.url, Duration::from_secs(1)).await;
    assert_eq!(reference, ProbeSeen::Status(200));
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(probe(&format!("http://{address}/")).await, ProbeSeen::Refused);
}

#[tokio::test]
async fn a_connection_closed_before_an_answer_is_reset() {
    let at_once = raw(|stream| async move { drop(stream) }).await;
    assert_eq!(probe(&format!("http://{at_once}/")).await, ProbeSeen::Reset);
    let after_reading = raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await;
    assert_eq!(probe(&format!("http://{after_reading}/")).await, ProbeSeen::Reset);
    let half_way = raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            .await;
    })
    .await;
    assert_eq!(probe(&format!("http://{half_way}/")).await, ProbeSeen::Reset);
}

#[tokio::test]
async fn no_answer_in_time_is_a_time_out_and_no_time_is_lost() {
    let server = Canned::start(|_| Reply::Silence).await;
    let began = Instant::now();
    assert_eq!(probe(&server.url).await, ProbeSeen::TimedOut);
    assert!(began.elapsed() >= Duration::from_secs(1) && began.elapsed() < Duration::from_secs(10));
    let endless = raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
            .await;
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(probe(&format!("http://{endless}/")).await, ProbeSeen::TimedOut);
}

#[test]
fn a_time_out_is_scaled_but_never_below_the_floor() {
    let settings = |time_scale| Settings {
        time_scale,
        ..Settings::default()
    };
    assert_eq!(settings(1.0).io(Duration::from_secs(3)), Duration::from_secs(3));
    assert_eq!(settings(4.0).io(Duration::from_secs(4)), Duration::from_secs(1));
    assert_eq!(settings(30.0).io(Duration::from_secs(3)), Duration::from_millis(500));
    assert_eq!(settings(0.0).io(Duration::from_secs(3)), Duration::from_secs(3));
}

#[tokio::test]
async fn an_endless_body_is_an_answer_all_the_same() {
    let server = Canned::start(|_| Reply::new(200, &"x".repeat(1 << 20))).await;
    assert_eq!(probe(&server.url).await, ProbeSeen::Status(200));
}

/// A connection that still works hides that new ones do not.
#[tokio::test]
async fn each_probe_opens_its_own_connection() {
    let prober = prober();
    let connections = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = connections.clone();
    let address = raw(move |mut stream| {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move {
            while stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            }
        }
    })
    .await;
    for _ in 0..3 {
        let seen = prober
            .probe(Cause(1), &format!("http://{address}/"), REGION, Duration::from_secs(1))
            .await;
        assert_eq!(seen, ProbeSeen::Status(200));
    }
    assert_eq!(connections.load(std::sync::atomic::Ordering::Relaxed), 3);
}

#[tokio::test]
async fn what_the_class_does_not_allow_is_not_asked() {
    for url in [
        "http://other.test/",
        "http://example.com/",
        "http://evilexample.com/",
        "http://user:pw@www.example.com/",
        "http://www@www.example.com/",
        "ftp://www.example.com/",
        "file:///etc/passwd",
        "nonsense",
    ] {
        assert!(matches!(probe(url).await, ProbeSeen::Forbidden(_)), "{url}");
    }
}

/// Whatever a class allows: the metadata service and this machine are not for probes.
#[tokio::test]
async fn special_addresses_are_forbidden() {
    let any = crate::ClassAccess {
        allowed_hosts: [
            "169.254.169.254",
            "127.0.0.1",
            "0.0.0.0",
            "*.localhost",
            "::1",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
        ]
        .map(Text::from)
        .to_vec(),
        allow_private_addresses: true,
        ..access()
    };
    let without_flag = Settings {
        allow_loopback_probes: false,
        ..settings("http://127.0.0.1:1")
    };
    let server = Canned::start(|_| Reply::new(200, "")).await;
    let port = server.url.rsplit(':').next().unwrap();
    let prober = Prober::new(&without_flag, &any);
    for url in [
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://169.254.169.254./".to_owned(),
        "http://0251.0376.0251.0376/".to_owned(),
        "http://0xa9.0xfe.0xa9.0xfe/".to_owned(),
        "http://0xa9fea9fe/".to_owned(),
        "http://2852039166/".to_owned(),
        "http://169.254.43518/".to_owned(),
        "http://\u{2460}\u{2465}\u{2468}.254.169.254/".to_owned(),
        "http://169%2e254.169.254/".to_owned(),
        "http://[::ffff:169.254.169.254]/".to_owned(),
        "http://[::ffff:a9fe:a9fe]/".to_owned(),
        "http://[::169.254.169.254]/".to_owned(),
        "http://[64:ff9b::169.254.169.254]/".to_owned(),
        "http://[fd00:ec2::254]/latest/meta-data/".to_owned(),
        "http://[fd00:0ec2:0:0:0:0:0:254]/".to_owned(),
        "http://[fe80::1]/".to_owned(),
        "http://0.0.0.0/".to_owned(),
        "http://0/".to_owned(),
        format!("http://127.0.0.1:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://shop.localhost:{port}/"),
        format!("http://shop.localhost.:{port}/"),
        format!("http://[::1]:{port}/"),
    ] {
        let seen = prober.probe(Cause(1), &url, REGION, Duration::from_secs(1)).await;
        assert!(matches!(seen, ProbeSeen::Forbidden(_)), "{url}: {seen:?}");
        let seen = prober.reference(Cause(1), &url, Duration::from_secs(1)).await;
        assert!(matches!(seen, ProbeSeen::Forbidden(_)), "{url}: {seen:?}");
    }
    assert!(server.asked().is_empty());
    assert!(matches!(
        strict().proof(asked(), Cause(1), &server.url, REGION, Duration::from_secs(1)).await,
        ProofSeen::Nothing(text) if text.contains("loopback")
    ));
}

/// A name is checked by what it resolves to, on the way to the connection.
#[tokio::test]
async fn a_name_that_resolves_to_a_forbidden_address_is_not_asked() {
    use reqwest::dns::Resolve as _;
    let guard = |loopback| Guard {
        rules: Rules {
            loopback,
            private: true,
        },
        look_up: addresses::by_the_system(),
        proxy_host: None,
    };
    let name = || "x.localhost".parse().unwrap();
    let refused = guard(false).resolve(name()).await.err().unwrap();
    assert!(
        refused.downcast_ref::<addresses::ForbiddenAddress>().is_some(),
        "{refused}"
    );
    let found: Vec<SocketAddr> = guard(true).resolve(name()).await.unwrap().collect();
    assert_eq!(found, vec![SocketAddr::from(([127, 0, 0, 1], 0))]);
}

/// A resolver whose answers come from a list; the last one stays. And how often it was asked.
fn changing(answers: Vec<Vec<[u8; 4]>>) -> (LookUp, Arc<std::sync::atomic::AtomicUsize>) {
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = asked.clone();
    let look_up: LookUp = Arc::new(move |_| {
        let nth = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let found = &answers[nth.min(answers.len() - 1)];
        let found = found.iter().map(|address| SocketAddr::from((*address, 0))).collect();
        Box::pin(async { Ok(found) })
    });
    (look_up, asked)
}

/// Between the check of an address and the connection a name's owner may change his mind: the address that was checked
/// is the one that is connected to, and each probe asks for itself.
#[tokio::test]
async fn a_name_that_changes_its_mind_reaches_only_what_was_checked() {
    let checked = Canned::start(|_| Reply::new(200, "")).await;
    let port = checked.url.rsplit(':').next().unwrap();
    let elsewhere = TcpListener::bind(format!("127.0.0.2:{port}")).await.unwrap();
    let (look_up, asked) = changing(vec![
        vec![[127, 0, 0, 1]],
        vec![[127, 0, 0, 2]],
        vec![[169, 254, 169, 254]],
    ]);
    let prober = Prober::looking_up(&settings("http://127.0.0.1:1"), &access(), look_up);
    let url = format!("http://turncoat.example.com:{port}/");
    let probe = async || prober.probe(Cause(1), &url, REGION, Duration::from_millis(500)).await;
    assert_eq!(probe().await, ProbeSeen::Status(200));
    assert_eq!(
        asked.load(std::sync::atomic::Ordering::Relaxed),
        1,
        "one look-up, checked and used"
    );
    let nobody = tokio::time::timeout(Duration::from_millis(200), elsewhere.accept()).await;
    assert!(nobody.is_err(), "the second answer was connected to");
    // The next probe goes where the name points now, if that is allowed.
    assert_eq!(probe().await, ProbeSeen::TimedOut);
    assert!(matches!(probe().await, ProbeSeen::Forbidden(text) if text.contains("169.254.169.254")));
    assert_eq!(
        (checked.asked().len(), asked.load(std::sync::atomic::Ordering::Relaxed)),
        (1, 3)
    );
}

/// One good address does not carry a bad one through: which of them is taken is not ours to choose.
#[tokio::test]
async fn one_forbidden_address_spoils_the_name() {
    let server = Canned::start(|_| Reply::new(200, "")).await;
    let port = server.url.rsplit(':').next().unwrap();
    for answers in [
        [[127, 0, 0, 1], [169, 254, 169, 254]],
        [[169, 254, 169, 254], [127, 0, 0, 1]],
        [[127, 0, 0, 1], [0, 0, 0, 0]],
    ] {
        let (look_up, _) = changing(vec![answers.to_vec()]);
        let prober = Prober::looking_up(&settings("http://127.0.0.1:1"), &access(), look_up);
        let url = format!("http://both.example.com:{port}/");
        let seen = prober.probe(Cause(1), &url, REGION, Duration::from_secs(1)).await;
        assert!(matches!(seen, ProbeSeen::Forbidden(_)), "{seen:?}");
    }
    assert!(server.asked().is_empty());
}

/// A probed host may send us anywhere and ask for anything: it is not followed and gets nothing of ours.
#[tokio::test]
async fn no_redirect_is_followed_and_nothing_is_authorized() {
    let elsewhere = Canned::start(|_| Reply::new(200, "")).await;
    let target = elsewhere.url.clone();
    for status in [301, 302, 303, 307, 308, 401, 407] {
        let target = target.clone();
        let server = Canned::start(move |_| {
            Reply::new(status, r#"{"region": "ca-central-1", "writer": {"writable": true}}"#)
                .header("location", &target)
                .header("refresh", &format!("0; url={target}"))
                .header("www-authenticate", "AWS4-HMAC-SHA256, Basic realm=x, Bearer")
                .header("proxy-authenticate", "Basic realm=x")
                .header("set-cookie", "a=b")
        })
        .await;
        assert_eq!(probe(&server.url).await, ProbeSeen::Status(status));
        assert!(matches!(
            prober()
                .proof(asked(), Cause(1), &server.url, REGION, Duration::from_secs(1))
                .await,
            ProofSeen::Nothing(_)
        ));
        for asked in server.asked() {
            let names: Vec<&str> = asked.headers.keys().map(|name| name.as_str()).collect();
            assert!(
                names
                    .iter()
                    .all(|name| ["host", "accept", "user-agent", "x-breakwater-query"].contains(name)),
                "{names:?}"
            );
        }
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn names_below_localhost_work_in_a_demo() {
    let server = Canned::start(|_| Reply::new(200, "")).await;
    let port = server.url.rsplit(':').next().unwrap();
    assert_eq!(
        probe(&format!("http://cac1.shop.localhost:{port}/")).await,
        ProbeSeen::Status(200)
    );
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_a_name_error() {
    // An empty label never resolves, whatever resolver there is.
    assert_eq!(probe("http://no-such..example.com/").await, ProbeSeen::NameError);
}

#[test]
fn a_wildcard_stands_for_names_below_alone() {
    assert!(host_matches("*.example.com", "a.example.com"));
    assert!(host_matches("*.example.com", "a.b.example.com"));
    assert!(!host_matches("*.example.com", "example.com"));
    assert!(!host_matches("*.example.com", ".example.com"));
    assert!(!host_matches("*.example.com", "badexample.com"));
    assert!(host_matches("a.example.com", "a.example.com"));
    assert!(!host_matches("a.example.com", "b.a.example.com"));
}

/// A proxy's answer is not the service's.
#[tokio::test]
async fn a_proxy_answer_is_told_apart() {
    let proxy = Canned::start(|_| Reply::new(502, "bad gateway")).await;
    let class = crate::ClassAccess {
        proxy_url: Some((&*proxy.url).into()),
        ..access()
    };
    let prober = Prober::new(&settings("http://127.0.0.1:1"), &class);
    let get = |url: &'static str| prober.probe(Cause(1), url, REGION, Duration::from_secs(1));
    assert_eq!(get("http://www.example.com/").await, ProbeSeen::Proxy);
    assert_eq!(get("https://www.example.com/").await, ProbeSeen::Proxy);
    assert_eq!(proxy.asked().len(), 2);
    let nobody = crate::ClassAccess {
        proxy_url: Some("http://127.0.0.1:1".into()),
        ..access()
    };
    let prober = Prober::new(&settings("http://127.0.0.1:1"), &nobody);
    let seen = prober
        .probe(Cause(1), "http://www.example.com/", REGION, Duration::from_secs(1))
        .await;
    assert_eq!(seen, ProbeSeen::Proxy);
}

/// A certificate that does not verify is a misconfiguration, not an outage.
#[tokio::test]
async fn a_certificate_that_does_not_verify_is_told_apart() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificate = CertificateDer::from_pem_slice(include_bytes!("../../tests/inputs/self-signed.cert.pem"));
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../tests/inputs/self-signed.key.pem"));
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.unwrap()], key.unwrap())
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut tls = rustls::StreamOwned::new(connection, stream);
        let _ = tls.read(&mut [0; 1024]);
        let _ = tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
    assert_eq!(probe(&format!("https://{address}/")).await, ProbeSeen::BadCertificate);
}

#[tokio::test]
async fn a_handshake_that_breaks_off_is_told_apart() {
    let closing = raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await;
    assert_eq!(probe(&format!("https://{closing}/")).await, ProbeSeen::HandshakeAborted);
    let plain = Canned::start(|_| Reply::new(200, "")).await;
    let url = plain.url.replace("http://", "https://");
    assert_eq!(probe(&url).await, ProbeSeen::HandshakeAborted);
}

async fn proof_of(status: u16, body: &str) -> ProofSeen {
    let body = body.to_owned();
    let server = Canned::start(move |_| Reply::new(status, &body)).await;
    prober()
        .proof(asked(), Cause(7), &server.url, REGION, Duration::from_secs(1))
        .await
}

#[tokio::test]
async fn a_proof_is_read_field_by_field() {
    let body = r#"{"region": "ca-central-1", "extra": {"password": "x"},
        "writer": {"serverUuid": "3e11", "user": "shop\u001b[31m", "writable": true, "reason": "r"},
        "local": {"serverUuid": "3e11", "readOnly": false, "gtidExecuted": "3e11:1-5",
                  "appliedUntil": "2026-11-25T09:59:58.5Z"}}"#;
    let ProofSeen::Said(proof) = proof_of(200, body).await else {
        panic!("not read")
    };
    assert_eq!(
        proof,
        breakwater_core::reading::Proof {
            region: REGION.into(),
            writable: true,
            writer_uuid: Some("3e11".into()),
            user: Some("shop".into()),
            local_uuid: Some("3e11".into()),
            local_read_only: Some(false),
            applied_until: Some("2026-11-25T09:59:58.5Z".parse().unwrap()),
            executed: Some("3e11:1-5".into()),
        }
    );
}

#[tokio::test]
async fn a_proof_without_a_writer_uuid_says_that_it_was_not_reached() {
    for writer in [
        r#"{"writable": false}"#,
        r#"{"writable": false, "serverUuid": null, "user": 5}"#,
    ] {
        let body = format!(r#"{{"region": "{REGION}", "writer": {writer}, "local": null}}"#);
        let ProofSeen::Said(proof) = proof_of(200, &body).await else {
            panic!("not read")
        };
        assert_eq!(
            (proof.writable, proof.writer_uuid, proof.user, proof.local_uuid),
            (false, None, None, None)
        );
    }
    let odd = format!(
        r#"{{"region": "{REGION}", "writer": {{"writable": true}}, "local": {{"appliedUntil": "soon", "readOnly": "no"}}}}"#
    );
    let ProofSeen::Said(proof) = proof_of(200, &odd).await else {
        panic!("not read")
    };
    assert_eq!((proof.applied_until, proof.local_read_only), (None, None));
}

/// A time-out or an error of the proof URL is never Down, and neither is another region's word.
#[tokio::test]
async fn what_is_no_proof_says_nothing() {
    let other = r#"{"region": "us-west-2", "writer": {"writable": false}}"#;
    for (status, body) in [
        (200, other),
        (200, "<html>hello</html>"),
        (200, ""),
        (200, r#"{"region": "ca-central-1"}"#),
        (200, r#"{"region": "ca-central-1", "writer": {"serverUuid": "x"}}"#),
        (200, r#"{"region": "ca-central-1", "writer": {"writable": "yes"}}"#),
        (503, r#"{"region": "ca-central-1", "writer": {"writable": false}}"#),
        (302, r#"{"region": "ca-central-1", "writer": {"writable": true}}"#),
    ] {
        let seen = proof_of(status, body).await;
        assert!(matches!(seen, ProofSeen::Nothing(_)), "{status} {body}: {seen:?}");
    }
    let long = format!(
        r#"{{"region": "{REGION}", "writer": {{"writable": true}}, "x": "{}"}}"#,
        "y".repeat(1 << 17)
    );
    assert!(matches!(proof_of(200, &long).await, ProofSeen::Nothing(_)));
    let elsewhere = Canned::start(|_| {
        Reply::new(200, r#"{"region": "ca-central-1", "writer": {"writable": true}}"#)
            .header("x-breakwater-region", "us-west-2")
    })
    .await;
    let seen = prober()
        .proof(asked(), Cause(1), &elsewhere.url, REGION, Duration::from_secs(1))
        .await;
    assert!(matches!(seen, ProofSeen::Nothing(_)));
}

/// What cannot be read as a uuid must not pass for "the writer was not reached", which counts against it.
#[test]
fn a_uuid_that_is_none_is_no_proof() {
    let said = |uuid: &str| {
        let body = format!(r#"{{"region": "{REGION}", "writer": {{"writable": false, "serverUuid": {uuid}}}}}"#);
        proof::read(body.as_bytes(), REGION, asked())
    };
    for wrong in ["5", "true", "[]", "{}", r#""a b""#, r#""\u001b""#, r#""\u200b3e11""#] {
        assert!(matches!(said(wrong), ProofSeen::Nothing(_)), "{wrong}");
    }
    let long = format!("\"{}\"", "a".repeat(65));
    assert!(matches!(said(&long), ProofSeen::Nothing(_)));
    for none in ["null", r#""""#] {
        assert!(
            matches!(said(none), ProofSeen::Said(proof) if proof.writer_uuid.is_none()),
            "{none}"
        );
    }
    let body = format!(r#"{{"region": "{REGION}", "writer": {{"writable": true, "writable": false}}}}"#);
    assert!(matches!(
        proof::read(body.as_bytes(), REGION, asked()),
        ProofSeen::Nothing(_)
    ));
}

/// A heartbeat from the future would make any loss look like none.
#[test]
fn a_heartbeat_is_not_from_the_future() {
    let applied = |at: &str| {
        let body = format!(
            r#"{{"region": "{REGION}", "writer": {{"writable": false}}, "local": {{"serverUuid": "b", "appliedUntil": "{at}"}}}}"#
        );
        match proof::read(body.as_bytes(), REGION, asked()) {
            ProofSeen::Said(proof) => proof.applied_until,
            ProofSeen::Nothing(text) => panic!("{text}"),
        }
    };
    assert_eq!(applied("2026-11-25T10:00:20Z"), "2026-11-25T10:00:20Z".parse().ok());
    for wrong in [
        "2026-11-25T10:02:00Z",
        "9999-12-30T00:00:00Z",
        "yesterday",
        "2026-11-25",
    ] {
        assert_eq!(applied(wrong), None, "{wrong}");
    }
}

/// What follows the part that is read may turn it into something else.
#[tokio::test]
async fn a_proof_that_was_cut_is_none() {
    let body = format!(r#"{{"region": "{REGION}", "writer": {{"writable": true, "serverUuid": "a"}}}}"#);
    let padded = format!("{body}{}", " ".repeat(LONGEST_BODY - body.len()));
    assert!(matches!(proof_of(200, &padded).await, ProofSeen::Said(_)));
    assert!(matches!(
        proof_of(200, &format!("{padded}x")).await,
        ProofSeen::Nothing(_)
    ));
}
