//! Cloudflare's API.

use breakwater_world::Running;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::sdk::*;

const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";
const CF_ZONE: &str = "023e105f4ecef8ad9ca31a8372d0c353";
const POOL: &str = "17b5962d775c646f3f9725cbc7a53df4";
const OTHER: &str = "9290f38c5d07c2e2f4df57b1f61d4196";
const BALANCER: &str = "699d98642c564d2e855e9661899b7252";

async fn call(world: &Running, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let fixture = world.fixture();
    let mut request = Client::new()
        .request(method, format!("{}{path}", fixture.cloudflare_url))
        .bearer_auth(&fixture.cloudflare_token)
        .header("x-breakwater-query", "9");
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn reads_have_the_envelope() {
    let world = world().await;
    let (status, pools) = call(
        &world,
        Method::GET,
        &format!("accounts/{ACCOUNT}/load_balancers/pools"),
        None,
    )
    .await;
    assert_eq!(status, 200, "{pools}");
    assert_eq!(pools["success"], true);
    assert_eq!(pools["errors"], json!([]));
    assert_eq!(pools["result"].as_array().unwrap().len(), 6);
    assert_eq!(pools["result_info"]["total_count"], 6);
    let (_, pool) = call(
        &world,
        Method::GET,
        &format!("accounts/{ACCOUNT}/load_balancers/pools/{POOL}"),
        None,
    )
    .await;
    assert_eq!(pool["result"]["id"], POOL);
    let monitor = pool["result"]["monitor"].as_str().unwrap();
    let (status, monitor) = call(
        &world,
        Method::GET,
        &format!("accounts/{ACCOUNT}/load_balancers/monitors/{monitor}"),
        None,
    )
    .await;
    assert_eq!((status, &monitor["result"]["interval"]), (200, &json!(15)));
    let (status, health) = call(
        &world,
        Method::GET,
        &format!("accounts/{ACCOUNT}/load_balancers/pools/{POOL}/health"),
        None,
    )
    .await;
    assert_eq!(status, 200, "{health}");
    assert!(health["result"]["pop_health"].is_object(), "{health}");
    let (_, balancers) = call(&world, Method::GET, &format!("zones/{CF_ZONE}/load_balancers"), None).await;
    assert_eq!(balancers["result"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let world = world().await;
    let path = format!("zones/{CF_ZONE}/load_balancers/{BALANCER}");
    let (_, before) = call(&world, Method::GET, &path, None).await;
    assert_eq!(before["result"]["default_pools"], json!([POOL, OTHER]));
    let patch = json!({"default_pools": [OTHER, POOL], "fallback_pool": OTHER});
    let (status, answer) = call(&world, Method::PATCH, &path, Some(patch)).await;
    assert_eq!(status, 200, "{answer}");
    let (_, after) = call(&world, Method::GET, &path, None).await;
    assert_eq!(after["result"]["default_pools"], json!([OTHER, POOL]));
    assert_eq!(after["result"]["fallback_pool"], OTHER);
    assert_eq!(after["result"]["steering_policy"], before["result"]["steering_policy"]);
    let ledger = ledger(&world);
    let (_, call) = ledger.calls().next().unwrap();
    assert_eq!(
        (call.op.as_str(), call.asked, call.actor.as_str()),
        ("patch-balancer", Some(9), "token:breakwater")
    );
}

#[tokio::test]
async fn refuses_in_the_envelope() {
    let world = world().await;
    let (status, missing) = call(
        &world,
        Method::GET,
        &format!("zones/{CF_ZONE}/load_balancers/none"),
        None,
    )
    .await;
    assert_eq!((status, &missing["success"]), (404, &json!(false)));
    assert!(missing["errors"][0]["code"].is_u64(), "{missing}");
    let (status, _) = call(
        &world,
        Method::DELETE,
        &format!("zones/{CF_ZONE}/load_balancers/{BALANCER}"),
        None,
    )
    .await;
    assert_eq!(status, 404);
    let bad = Some(json!(["no object"]));
    let (status, _) = call(
        &world,
        Method::PATCH,
        &format!("zones/{CF_ZONE}/load_balancers/{BALANCER}"),
        bad,
    )
    .await;
    assert_eq!(status, 400);

    let url = format!("{}zones/{CF_ZONE}/load_balancers", world.fixture().cloudflare_url);
    let wrong = Client::new().get(&url).bearer_auth("wrong").send().await.unwrap();
    assert_eq!(wrong.status(), 403);
    assert_eq!(wrong.json::<Value>().await.unwrap()["errors"][0]["code"], 9109);
    let without = Client::new().get(&url).send().await.unwrap();
    assert_eq!(without.status(), 400);
    assert_eq!(without.json::<Value>().await.unwrap()["errors"][0]["code"], 9106);
}
