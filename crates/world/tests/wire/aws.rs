//! RDS, STS, Route 53 and CloudWatch through the real SDKs.

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy};
use aws_sdk_rds::{
    error::ProvideErrorMetadata,
    types::{ApplyMethod, DbInstance, Parameter, Tag},
};
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType};
use aws_smithy_types::DateTime;

use crate::sdk::*;

async fn describe(client: &aws_sdk_rds::Client, id: &str) -> DbInstance {
    let answer = client
        .describe_db_instances()
        .db_instance_identifier(id)
        .send()
        .await
        .unwrap();
    answer.db_instances.unwrap().remove(0)
}

#[tokio::test]
async fn sts_hands_out_sessions() {
    let world = world().await;
    let session = session(&world).await;
    let caller = sts(&world, WEST, session).get_caller_identity().send().await.unwrap();
    assert_eq!(
        caller.arn(),
        Some("arn:aws:sts::111122223333:assumed-role/breakwater/breakwater-main")
    );
    assert_eq!(caller.account(), Some("111122223333"));
    let user = sts(&world, WEST, static_key(&world))
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert!(user.arn().unwrap().contains(":user/"));
}

#[tokio::test]
async fn rds_describes_instances_of_the_region_in_the_scope() {
    let world = world().await;
    let session = session(&world).await;
    let east = rds(&world, EAST, session.clone());
    let page = east.describe_db_instances().max_records(100).send().await.unwrap();
    assert_eq!(page.db_instances().len(), 3);
    assert_eq!(page.marker(), None);

    let writer = describe(&east, "shop-ca-cac1").await;
    assert_eq!(writer.db_instance_status(), Some("available"));
    assert_eq!(writer.engine(), Some("mysql"));
    assert_eq!(writer.read_replica_source_db_instance_identifier(), None);
    assert!(writer.status_infos().is_empty());
    assert!(writer.read_replica_db_instance_identifiers()[0].ends_with("shop-ca-usw2"));
    assert!(writer.dbi_resource_id().is_some_and(|id| id.starts_with("db-")));
    assert!(writer.endpoint().unwrap().address().is_some());
    let group = &writer.db_parameter_groups()[0];
    assert_eq!(group.db_parameter_group_name(), Some("shop-ca-cac1-mysql80"));
    assert_eq!(group.parameter_apply_status(), Some("in-sync"));

    let replica = describe(&rds(&world, WEST, session), "shop-ca-usw2").await;
    assert_eq!(
        replica.read_replica_source_db_instance_identifier(),
        writer.db_instance_arn()
    );
    let info = &replica.status_infos()[0];
    assert_eq!(
        (info.status_type(), info.status()),
        (Some("read replication"), Some("replicating"))
    );
    assert_eq!(info.normal(), Some(true));
    assert_eq!(replica.backup_retention_period(), Some(0));
}

#[tokio::test]
async fn rds_refuses_as_rds_does() {
    let world = world().await;
    let east = rds(&world, EAST, session(&world).await);
    let missing = east
        .describe_db_instances()
        .db_instance_identifier("nobody")
        .send()
        .await
        .unwrap_err();
    let status = missing.raw_response().unwrap().status().as_u16();
    assert!(missing.into_service_error().is_db_instance_not_found_fault());
    assert_eq!(status, 404);
    let writer = east
        .promote_read_replica()
        .db_instance_identifier("shop-ca-cac1")
        .send()
        .await
        .unwrap_err();
    assert_eq!(writer.code(), Some("InvalidDBInstanceState"));
    assert!(writer.into_service_error().is_invalid_db_instance_state_fault());
    let small = east.describe_db_instances().max_records(5).send().await.unwrap_err();
    assert_eq!(small.code(), Some("InvalidParameterValue"));
    let unknown = east.describe_db_clusters().send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("InvalidAction"));
}

#[tokio::test]
async fn a_promotion_is_in_the_ledger_with_who_and_why() {
    let world = world().await;
    let west = rds(&world, WEST, session(&world).await);
    let accepted = west
        .promote_read_replica()
        .db_instance_identifier("shop-ca-usw2")
        .backup_retention_period(7)
        .customize()
        .mutate_request(|request| {
            request.headers_mut().insert("x-breakwater-query", "42");
            request.headers_mut().insert("x-breakwater-because", "41");
        })
        .send()
        .await
        .unwrap();
    let instance = accepted.db_instance().unwrap();
    assert!(
        instance.read_replica_source_db_instance_identifier().is_some(),
        "the first answer still has the source"
    );
    let ledger = ledger(&world);
    let (_, call) = ledger.calls().next().unwrap();
    assert_eq!(
        (call.op.as_str(), call.target.as_str()),
        ("promote-read-replica", "shop-ca-usw2")
    );
    assert_eq!((call.asked, call.because), (Some(42), Some(41)));
    assert_eq!(
        call.actor,
        "arn:aws:sts::111122223333:assumed-role/breakwater/breakwater-main"
    );
    assert!(call.answered_micros.unwrap() > call.arrived_micros.unwrap());
    assert_eq!(call.detail["backup_retention_period"], 7);
}

#[tokio::test]
async fn rds_changes_parameters_tags_and_power() {
    let world = world().await;
    let session = session(&world).await;
    let (east, west) = (rds(&world, EAST, session.clone()), rds(&world, WEST, session));
    let read_only = Parameter::builder()
        .parameter_name("read_only")
        .parameter_value("1")
        .apply_method(ApplyMethod::Immediate)
        .build();
    let group = "shop-ca-cac1-mysql80";
    let changed = east
        .modify_db_parameter_group()
        .db_parameter_group_name(group)
        .parameters(read_only)
        .send()
        .await
        .unwrap();
    assert_eq!(changed.db_parameter_group_name(), Some(group));
    let shown = east
        .describe_db_parameters()
        .db_parameter_group_name(group)
        .send()
        .await
        .unwrap();
    let shown = shown
        .parameters()
        .iter()
        .find(|one| one.parameter_name() == Some("read_only"))
        .unwrap();
    assert_eq!(shown.parameter_value(), Some("1"));

    let arn = describe(&east, "shop-ca-cac1").await.db_instance_arn.unwrap();
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    east.add_tags_to_resource()
        .resource_name(&arn)
        .tags(tag("breakwater:owner", "demo/shops/shop-ca <&>"))
        .tags(tag("breakwater:epoch", "7"))
        .send()
        .await
        .unwrap();
    let tags = |instance: DbInstance| -> Vec<(String, String)> {
        instance
            .tag_list()
            .iter()
            .map(|tag| (tag.key().unwrap().to_owned(), tag.value().unwrap().to_owned()))
            .collect()
    };
    let now = tags(describe(&east, "shop-ca-cac1").await);
    assert!(
        now.contains(&("breakwater:owner".to_owned(), "demo/shops/shop-ca <&>".to_owned())),
        "{now:?}"
    );
    east.remove_tags_from_resource()
        .resource_name(&arn)
        .tag_keys("breakwater:owner")
        .send()
        .await
        .unwrap();
    let now = tags(describe(&east, "shop-ca-cac1").await);
    assert!(now.iter().all(|(key, _)| key != "breakwater:owner"), "{now:?}");
    assert!(
        now.contains(&("breakwater:epoch".to_owned(), "7".to_owned())),
        "{now:?}"
    );

    let refused = west
        .stop_db_instance()
        .db_instance_identifier("shop-ca-usw2")
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        refused.code(),
        Some("InvalidDBInstanceState"),
        "a replica is not stopped"
    );
    let refused = east
        .start_db_instance()
        .db_instance_identifier("shop-ca-cac1")
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("InvalidDBInstanceState"), "it runs");
}

fn set(name: &str, kind: RrType, ttl: i64, value: &str) -> ResourceRecordSet {
    let record = ResourceRecord::builder().value(value).build().unwrap();
    ResourceRecordSet::builder()
        .name(name)
        .r#type(kind)
        .ttl(ttl)
        .resource_records(record)
        .build()
        .unwrap()
}

fn batch(changes: Vec<(ChangeAction, ResourceRecordSet)>) -> ChangeBatch {
    let changes = changes.into_iter().map(|(action, set)| {
        Change::builder()
            .action(action)
            .resource_record_set(set)
            .build()
            .unwrap()
    });
    ChangeBatch::builder()
        .set_changes(Some(changes.collect()))
        .build()
        .unwrap()
}

async fn named(client: &aws_sdk_route53::Client, name: &str, kind: RrType) -> ResourceRecordSet {
    let page = client
        .list_resource_record_sets()
        .hosted_zone_id(ZONE)
        .start_record_name(name)
        .start_record_type(kind.clone())
        .max_items(1)
        .send()
        .await
        .unwrap();
    let found = page.resource_record_sets().first().unwrap();
    assert_eq!((found.name(), found.r#type()), (name, &kind));
    found.clone()
}

#[tokio::test]
async fn route53_compares_and_swaps() {
    let world = world().await;
    let client = route53(&world, "us-east-1", session(&world).await);
    let zone = client.get_hosted_zone().id(ZONE).send().await.unwrap();
    assert_eq!(zone.hosted_zone().unwrap().name(), "example.com.");

    let name = "db.shop-ca.example.com.";
    let old = named(&client, name, RrType::Cname).await;
    let new = set(name, RrType::Cname, 30, "elsewhere.example.com");
    let owner = "_breakwater.db.shop-ca.example.com.";
    let text = set(
        owner,
        RrType::Txt,
        30,
        "\"v=1 owner=demo/shops/shop-ca epoch=1 region=us-west-2 excluded=-\"",
    );
    let swap = || {
        batch(vec![
            (ChangeAction::Delete, old.clone()),
            (ChangeAction::Create, new.clone()),
            (ChangeAction::Upsert, text.clone()),
        ])
    };
    let change = client
        .change_resource_record_sets()
        .hosted_zone_id(ZONE)
        .change_batch(swap())
        .send()
        .await
        .unwrap();
    let change = change.change_info().unwrap();
    assert_eq!(change.status().as_str(), "PENDING");
    assert!(change.id().starts_with("/change/"), "{}", change.id());
    assert_eq!(named(&client, name, RrType::Cname).await, new);
    assert_eq!(named(&client, owner, RrType::Txt).await, text);
    let state = client.get_change().id(change.id()).send().await.unwrap();
    assert!(["PENDING", "INSYNC"].contains(&state.change_info().unwrap().status().as_str()));

    let stale = client
        .change_resource_record_sets()
        .hosted_zone_id(ZONE)
        .change_batch(swap())
        .send()
        .await
        .unwrap_err();
    assert_eq!(stale.raw_response().unwrap().status().as_u16(), 400);
    assert_eq!(stale.code(), Some("InvalidChangeBatch"));
    assert!(stale.into_service_error().is_invalid_change_batch());
}

#[tokio::test]
async fn route53_pages_and_refuses() {
    let world = world().await;
    let client = route53(&world, "us-east-1", session(&world).await);
    let all = client
        .list_resource_record_sets()
        .hosted_zone_id(ZONE)
        .send()
        .await
        .unwrap();
    assert!(!all.is_truncated());
    assert!(all.resource_record_sets().len() > 2);
    let first = client
        .list_resource_record_sets()
        .hosted_zone_id(ZONE)
        .max_items(2)
        .send()
        .await
        .unwrap();
    assert!(first.is_truncated());
    assert_eq!(first.resource_record_sets().len(), 2);
    let rest = client
        .list_resource_record_sets()
        .hosted_zone_id(ZONE)
        .set_start_record_name(first.next_record_name().map(str::to_owned))
        .set_start_record_type(first.next_record_type().cloned())
        .send()
        .await
        .unwrap();
    let both: Vec<_> = first
        .resource_record_sets()
        .iter()
        .chain(rest.resource_record_sets())
        .collect();
    assert_eq!(both, all.resource_record_sets().iter().collect::<Vec<_>>());
    let nowhere = client
        .list_resource_record_sets()
        .hosted_zone_id("ZNONE")
        .send()
        .await
        .unwrap_err();
    assert!(nowhere.into_service_error().is_no_such_hosted_zone());
}

fn seconds_ago(world: &breakwater_world::Running, seconds: i64) -> DateTime {
    DateTime::from_millis(world.with(|world| world.now()) - seconds * 1000)
}

fn lag_query(namespace: &str) -> MetricDataQuery {
    let dimension = Dimension::builder()
        .name("DBInstanceIdentifier")
        .value("shop-ca-usw2")
        .build();
    let metric = Metric::builder()
        .namespace(namespace)
        .metric_name("ReplicaLag")
        .dimensions(dimension)
        .build();
    let stat = MetricStat::builder().metric(metric).period(60).stat("Maximum").build();
    MetricDataQuery::builder().id("q0").metric_stat(stat).build()
}

#[tokio::test]
async fn cloudwatch_speaks_cbor() {
    let world = world().await;
    let client = cloudwatch(&world, WEST, session(&world).await);
    let ask = |from: i64, namespace: &str| {
        client
            .get_metric_data()
            .metric_data_queries(lag_query(namespace))
            .start_time(seconds_ago(&world, from))
            .end_time(seconds_ago(&world, 0))
    };
    let answer = ask(1200, "AWS/RDS").send().await.unwrap();
    let result = &answer.metric_data_results()[0];
    assert_eq!((result.id(), result.label()), (Some("q0"), Some("ReplicaLag")));
    assert!(result.values().len() >= 5, "{result:?}");
    assert_eq!(result.timestamps().len(), result.values().len());
    assert!(result.timestamps().is_sorted_by(|a, b| a > b), "newest first");
    assert!(
        result
            .timestamps()
            .iter()
            .all(|stamp| stamp.secs() % 60 == 0 && stamp.subsec_nanos() == 0)
    );
    let upwards = ask(1200, "AWS/RDS")
        .scan_by(ScanBy::TimestampAscending)
        .send()
        .await
        .unwrap();
    assert!(upwards.metric_data_results()[0].timestamps().is_sorted());

    let backwards = ask(-60, "AWS/RDS").send().await.unwrap_err();
    assert_eq!(backwards.code(), Some("ValidationError"));
    assert!(backwards.message().is_some_and(|message| message.contains("StartTime")));
    assert_eq!(
        ask(60, "AWS/EC2").send().await.unwrap_err().code(),
        Some("ValidationError")
    );
}
