//! Proofs, as a shop's process may answer them.

use super::*;
use breakwater_core::reading::ProofSeen;
use serde_json::json;

fn proof() -> Node {
    Node::json(&json!({
        "region": "ca-central-1",
        "writer": {"serverUuid": "3e11fa47-71ca-11e1-9e33-c80aa9429562", "user": "shop", "writable": true, "reason": "none"},
        "local": {"serverUuid": "3e11fa47-71ca-11e1-9e33-c80aa9429562", "readOnly": false, "gtidExecuted": "3e11:1-5",
                  "gtidRetrieved": "3e11:1-5", "appliedUntil": "2026-11-25T09:59:58.5Z"}
    }))
}

/// The region and the flag must be there; a uuid is one or is not there.
fn is_whole(node: &Node) -> bool {
    let Ok(document) = serde_json::from_slice::<serde_json::Value>(&node.to_json()) else {
        return false;
    };
    let uuid = &document["writer"]["serverUuid"];
    !node.names_twice()
        && document["region"] == "ca-central-1"
        && document["writer"]["writable"].is_boolean()
        && (uuid.is_null() || uuid.is_string())
}

#[test]
fn a_proof_is_believed_whole_or_not_at_all() {
    let bench = Bench::new();
    let valid = proof();
    let query = Query::Proof {
        class: "c".into(),
        url: (&*bench.server.url).into(),
        region: "ca-central-1".into(),
        timeout: Duration::from_secs(2),
    };
    let statuses = proptest::sample::select(vec![200, 200, 200, 204, 302, 401, 404, 500, 503]);
    for_all("proofs", (change(), statuses), |(change, status)| {
        let changed = change.of(&valid, Node::to_json, is_whole);
        bench.answer(Reply::bytes(status, &changed.bytes));
        let Value::Proof(seen) = bench.ask(&bench.clouds, &query) else {
            return Err(TestCaseError::fail("another value"));
        };
        is_clean(&seen)?;
        let ProofSeen::Said(said) = seen else { return Ok(()) };
        prop_assert!(status == 200 && changed.whole != Some(false), "{said:?}");
        prop_assert!(
            said.applied_until
                .is_none_or(|at| at <= "2026-11-25T10:01:00Z".parse().unwrap())
        );
        if changed.whole == Some(true) {
            // What counts against a writer is said, never what is left when nothing can be read.
            let document: serde_json::Value = serde_json::from_slice(&changed.bytes).unwrap();
            prop_assert_eq!(said.writable, document["writer"]["writable"] == true);
            prop_assert_eq!(
                said.writer_uuid.as_deref(),
                document["writer"]["serverUuid"]
                    .as_str()
                    .filter(|uuid| !uuid.is_empty())
            );
        }
        Ok(())
    });
}

/// A probe is told by its status line; whatever else comes, only 2xx can be Up.
#[test]
fn a_probe_is_its_status_whatever_the_body() {
    let bench = Bench::new();
    let query = Query::Probe {
        class: "c".into(),
        url: (&*bench.server.url).into(),
        region: "ca-central-1".into(),
        timeout: Duration::from_secs(2),
    };
    let regions = proptest::option::of("[ -~]{0,300}");
    let bodies = proptest::collection::vec(any::<u8>(), 0..2000);
    for_all("probes", (200u16..600, regions, bodies), |(status, region, body)| {
        let mut reply = Reply::bytes(status, &body);
        if let Some(region) = &region {
            reply = reply.header("x-breakwater-region", region);
        }
        bench.answer(reply);
        let value = bench.ask(&bench.clouds, &query);
        is_clean(&value)?;
        let own = region
            .as_deref()
            .is_none_or(|region| region.trim().eq_ignore_ascii_case("ca-central-1"));
        match value {
            Value::Probe(breakwater_core::reading::ProbeSeen::Status(seen)) => {
                prop_assert!(own && seen == status, "{seen} {region:?}");
            }
            Value::Probe(breakwater_core::reading::ProbeSeen::OtherRegion(_)) => prop_assert!(!own),
            other => prop_assert!(false, "{other:?}"),
        }
        Ok(())
    });
}
