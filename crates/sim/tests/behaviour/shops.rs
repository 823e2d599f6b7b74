//! Services, proofs, the public hostname.

use crate::*;
use serde_json::Value;

fn proof(world: &mut World, host: &str) -> Value {
    let url = format!("https://{host}.shop-ca.example.com/-/proof");
    let reply = http(world, Vantage::Controller, &url);
    assert_eq!(status(&reply), 200);
    match reply.answer {
        Answer::Http { body, .. } => serde_json::from_str(&body).expect("JSON"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_service_names_its_region() {
    let mut world = demo();
    let url = "https://usw2.shop-ca.example.com/checkout/-/health?x=1";
    let reply = http(&mut world, Vantage::Controller, url);
    match reply.answer {
        Answer::Http { status, headers, .. } => {
            assert_eq!(status, 200);
            assert_eq!(headers.get("x-breakwater-region").map(String::as_str), Some(WEST));
        }
        other => panic!("{other:?}"),
    }
    let reference = http(&mut world, Vantage::Controller, "https://www.example.org/");
    assert_eq!(status(&reference), 200);
    let nowhere = http(&mut world, Vantage::Controller, "https://nowhere.example/");
    assert_eq!(nowhere.delivery, Delivery::NoSuchHost);
}

#[test]
fn proofs_say_who_the_writer_is_and_what_the_local_one_holds() {
    let mut world = demo();
    wait(&mut world, 100);
    let at_a = proof(&mut world, "cac1");
    let at_b = proof(&mut world, "usw2");
    assert_eq!(at_a["region"], CA);
    assert_eq!(at_b["region"], WEST);
    for proof in [&at_a, &at_b] {
        assert_eq!(proof["writer"]["writable"], true);
        assert_eq!(
            proof["writer"]["serverUuid"], at_a["local"]["serverUuid"],
            "the writer is A's"
        );
        assert_eq!(proof["writer"]["user"], "shop");
    }
    assert_eq!(at_a["local"]["readOnly"], false);
    assert_eq!(at_b["local"]["readOnly"], true);
    // A heartbeat row a second; B has those that it applied.
    assert_eq!(
        at_a["local"]["appliedUntil"],
        breakwater_sim::rfc3339(world.now() - world.now() % 1000)
    );
    let applied = |proof: &Value| proof["local"]["appliedUntil"].as_str().map(str::to_owned);
    assert!(applied(&at_b) <= applied(&at_a));
    assert!(applied(&at_b) >= Some(breakwater_sim::rfc3339(world.now() - 3000)));
    assert!(
        at_b["local"]["gtidExecuted"]
            .as_str()
            .is_some_and(|set| set.starts_with(at_a["local"]["serverUuid"].as_str().unwrap()))
    );
}

#[test]
fn a_fenced_writer_refuses_with_its_uuid_and_a_dead_one_says_nothing() {
    let mut world = demo();
    let uuid = proof(&mut world, "cac1")["local"]["serverUuid"].clone();
    let op = RdsOp::ModifyParameter {
        group: "shop-ca-cac1-mysql80".into(),
        name: "read_only".into(),
        value: "1".into(),
    };
    answer(&mut world, rds(CA, op));
    wait(&mut world, 61);
    let refused = proof(&mut world, "cac1");
    assert_eq!(refused["writer"]["writable"], false);
    assert_eq!(refused["writer"]["serverUuid"], uuid);
    assert!(refused["writer"]["reason"].is_string());
    world.inject(Fault::DatabaseDown {
        shop: SHOP.into(),
        region: CA.into(),
    });
    let dead = proof(&mut world, "cac1");
    assert_eq!(dead["writer"]["writable"], false);
    assert_eq!(dead["writer"]["serverUuid"], Value::Null);
    assert_eq!(dead["local"], Value::Null);
}

#[test]
fn an_application_keeps_the_writers_name_for_one_ttl() {
    let mut world = demo();
    wait(&mut world, 60);
    world.inject(down(CA));
    promote(&mut world);
    until(&mut world, "promoted", |world| writable(world, B));
    let seen = proof(&mut world, "usw2");
    assert_eq!(seen["writer"]["writable"], false, "the name still leads to A");
    assert_eq!(seen["local"]["readOnly"], false);
}

#[test]
fn the_public_hostname_goes_through_the_edge() {
    let mut world = demo();
    let url = "https://shop-ca.example.com/checkout/-/health";
    let region = |world: &mut World| {
        let reply = http(world, Vantage::Controller, url);
        match reply.answer {
            Answer::Http { status, headers, .. } => (status, headers.get("x-breakwater-region").cloned()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(region(&mut world), (200, Some(CA.into())));
    world.inject(Fault::ServicesDown {
        shop: SHOP.into(),
        region: CA.into(),
    });
    wait(&mut world, 60);
    assert_eq!(region(&mut world), (200, Some(WEST.into())));
}

#[test]
fn urls_are_where_the_caller_says() {
    let mut setup = Setup::demo();
    let mut asked = 0;
    setup.rewrite_urls(|_, url| {
        asked += 1;
        url.replace("https://", "http://127.0.0.1:7070/at/")
    });
    assert_eq!(asked, 3 + 18 + 4 + 2);
    let mut world = World::new(setup, 1);
    let url = "http://127.0.0.1:7070/at/usw2.shop-ca.example.com/search/-/health";
    assert_eq!(status(&http(&mut world, Vantage::Controller, url)), 200);
    let url = "http://127.0.0.1:7070/at/shop-west.example.com/checkout/-/health";
    assert_eq!(status(&http(&mut world, Vantage::Controller, url)), 200);
}
