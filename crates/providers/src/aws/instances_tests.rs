use super::*;
use aws_sdk_rds::types::{DbInstanceStatusInfo, DbParameterGroupStatus, DbSubnetGroup, Endpoint, Tag};
use breakwater_core::reading::TroubleKind;

fn instance(id: &str, group: &str) -> aws_sdk_rds::types::builders::DbInstanceBuilder {
    DbInstance::builder()
        .db_instance_identifier(id)
        .dbi_resource_id(format!("db-{id}"))
        .db_instance_arn(format!("arn:aws:rds:us-east-1:1:db:{id}"))
        .db_instance_status("available")
        .backup_retention_period(7)
        .db_parameter_groups(
            DbParameterGroupStatus::builder()
                .db_parameter_group_name(group)
                .parameter_apply_status("in-sync")
                .build(),
        )
}

#[test]
fn everything_that_we_decide_on_is_taken() {
    let replica = instance("b", "g-b")
        .read_replica_source_db_instance_identifier("arn:aws:rds:us-east-1:1:db:a")
        .read_replica_db_instance_identifiers("c")
        .status_infos(DbInstanceStatusInfo::builder().status_type("other").status("x").build())
        .status_infos(
            DbInstanceStatusInfo::builder()
                .status_type("read replication")
                .status("error")
                .message("Error 'Duplicate\u{1b}[2J entry'")
                .build(),
        )
        .endpoint(Endpoint::builder().address("b.x.rds.amazonaws.com").build())
        .tag_list(Tag::builder().key("breakwater:owner").value("prod/shops/x").build())
        .tag_list(Tag::builder().key("breakwater:epoch").value("8").build())
        .tag_list(Tag::builder().key("breakwater:fenced").value("eight").build())
        .build();
    let all = [instance("a", "g-a").build(), replica];
    let Seen::Present(view) = view(&all, "B") else {
        panic!("not found")
    };
    assert_eq!(
        view,
        InstanceView {
            resource_id: "db-b".into(),
            arn: "arn:aws:rds:us-east-1:1:db:b".into(),
            status: "available".into(),
            source: Some("arn:aws:rds:us-east-1:1:db:a".into()),
            replicas: vec!["c".into()],
            replication: Some(ReplicationStatus {
                status: "error".into(),
                message: Some("Error 'Duplicate entry'".into()),
            }),
            endpoint: Some("b.x.rds.amazonaws.com".into()),
            group: "g-b".into(),
            group_in_sync: true,
            group_shared: false,
            backup_days: 7,
            tag_owner: Some("prod/shops/x".into()),
            tag_epoch: Some(8),
            tag_fenced: None,
            shape: Shape::default(),
        }
    );
}

/// What a replica in its place has to be like: names of its region, and nothing that is on its way out.
#[test]
fn how_it_was_made_is_taken() {
    let group = |id: &str, status: &str| {
        let group = VpcSecurityGroupMembership::builder();
        group.vpc_security_group_id(id).status(status).build()
    };
    let made = instance("a", "g")
        .db_instance_class("db.r6g.large")
        .db_subnet_group(DbSubnetGroup::builder().db_subnet_group_name("private").build())
        .vpc_security_groups(group("sg-1", "active"))
        .vpc_security_groups(group("sg-2", "removing"))
        .kms_key_id("arn:aws:kms:us-east-1:1:key/1")
        .endpoint(Endpoint::builder().address("a.x.rds.amazonaws.com").port(3307).build())
        .multi_az(true)
        .copy_tags_to_snapshot(true)
        .deletion_protection(true)
        .iam_database_authentication_enabled(true)
        .storage_type("io2")
        .iops(40_000)
        .build();
    let all = [made];
    assert_eq!(
        view(&all, "a").present().unwrap().shape,
        Shape {
            class: "db.r6g.large".into(),
            subnet_group: Some("private".into()),
            security_groups: vec!["sg-1".into()],
            kms_key: Some("arn:aws:kms:us-east-1:1:key/1".into()),
            public: false,
            multi_az: true,
            port: Some(3307),
            copy_tags: true,
            protected: true,
            iam_logins: true,
            storage: Some("io2".into()),
            iops: Some(40_000),
            throughput: None,
        }
    );
}

#[test]
fn a_group_is_shared_if_another_instance_of_the_listing_uses_it() {
    let all = [
        instance("a", "g").build(),
        instance("b", "g").build(),
        instance("c", "own").build(),
    ];
    let shared = |id| view(&all, id).present().unwrap().group_shared;
    assert!(shared("a") && shared("b") && !shared("c"));
}

/// Newer statuses are text like any other.
#[test]
fn unknown_statuses_are_kept() {
    for status in [
        "storage-optimization",
        "configuring-enhanced-monitoring",
        "never-seen-before",
    ] {
        let all = [instance("a", "g").db_instance_status(status).build()];
        assert_eq!(&*view(&all, "a").present().unwrap().status, status);
    }
}

#[test]
fn what_is_always_there_must_be_there() {
    let whole = instance("a", "g").build();
    let mut cut = vec![whole.clone(); 5];
    cut[0].dbi_resource_id = None;
    cut[1].db_instance_status = Some(String::new());
    cut[2].db_parameter_groups = None;
    cut[3].backup_retention_period = None;
    cut[4].db_instance_arn = None;
    for instance in cut {
        let Seen::Unknown(trouble) = view(&[instance], "a") else {
            panic!("believed")
        };
        assert_eq!(trouble.kind, TroubleKind::Malformed);
    }
    assert_eq!(view(&[whole], "other"), Seen::Absent);
}

#[test]
fn an_empty_source_is_none_and_a_pending_group_is_not_in_sync() {
    let pending = DbParameterGroupStatus::builder()
        .db_parameter_group_name("g2")
        .parameter_apply_status("applying");
    let all = [instance("a", "g")
        .read_replica_source_db_instance_identifier("")
        .db_parameter_groups(pending.build())
        .build()];
    let view = view(&all, "a");
    let view = view.present().unwrap();
    assert_eq!((view.source.clone(), view.group_in_sync), (None, false));
}
