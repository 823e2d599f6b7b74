//! `DescribeDBInstances`, whole account and region at once: complete or nothing.

use super::{Aws, send, wire::Wire};
use crate::fault::Fault;
use crate::text::clean;
use aws_sdk_rds::types::{DbInstance, VpcSecurityGroupMembership};
use breakwater_core::Text;
use breakwater_core::reading::{Cause, InstanceView, ReplicationStatus, Seen, Shape};
use breakwater_core::shop::Scope;
use std::time::Instant;

/// `MaxRecords`, the greatest that RDS takes.
const PAGE: i32 = 100;

/// A listing that does not end is not one: RDS allows 40 instances a region, some accounts a few hundred.
const MOST_PAGES: usize = 100;

/// Greatest number that a tag of ours can hold. They count moves; more is somebody's nonsense, and what counts on
/// from it must not run out of numbers.
const GREATEST_NUMBER: i64 = 1 << 40;

impl Aws {
    /// One view for each id, in their order.
    pub(crate) async fn instances(&self, cause: Cause, scope: &Scope, ids: &[Text]) -> Vec<Seen<InstanceView>> {
        let asked = Instant::now();
        match self.all_instances(cause, &scope.region).await {
            Ok(all) => ids.iter().map(|id| view(&all, id)).collect(),
            Err(fault) => ids.iter().map(|_| self.seen(&scope.region, asked, &fault)).collect(),
        }
    }

    async fn all_instances(&self, cause: Cause, region: &Text) -> Result<Vec<DbInstance>, Fault> {
        let (lane, credentials) = self.signed(region).await?;
        let mut all = vec![];
        let mut marker: Option<String> = None;
        for page in 0..MOST_PAGES {
            let operation = lane
                .rds
                .describe_db_instances()
                .max_records(PAGE)
                .set_marker(marker.clone());
            let asked = send!(
                Wire::asking(cause),
                aws_sdk_rds,
                credentials,
                self.base.read_timeout(),
                operation
            );
            // A region that answered one page is not silent on the next.
            let answer = self
                .learn(&lane, &self.role, asked)
                .map_err(|fault| if page > 0 { fault.after_an_answer() } else { fault })?;
            let Some(listed) = answer.db_instances else {
                return Err(Fault::malformed("DescribeDBInstances answered without a list"));
            };
            // One without its name may be any, the one that is looked for too: then nothing is absent.
            if listed
                .iter()
                .any(|one| one.db_instance_identifier().is_none_or(str::is_empty))
            {
                return Err(Fault::malformed(
                    "DescribeDBInstances listed an instance without its identifier",
                ));
            }
            all.extend(listed);
            match answer.marker.filter(|next| !next.is_empty()) {
                None => return Ok(all),
                Some(next) if marker.as_ref() == Some(&next) => break,
                Some(next) => marker = Some(next),
            }
        }
        Err(Fault::malformed("DescribeDBInstances does not come to an end"))
    }
}

/// What a complete listing says about one instance.
fn view(all: &[DbInstance], id: &str) -> Seen<InstanceView> {
    let named = |instance: &&DbInstance| {
        instance
            .db_instance_identifier()
            .is_some_and(|listed| listed.eq_ignore_ascii_case(id))
    };
    let mut found = all.iter().filter(named);
    match (found.next(), found.next()) {
        (None, _) => Seen::Absent,
        (Some(_), Some(_)) => Fault::malformed("DescribeDBInstances listed an instance twice").seen(),
        (Some(instance), None) => match of(instance, all) {
            Some(view) => Seen::Present(view),
            None => Fault::malformed("DescribeDBInstances left out what every instance has").seen(),
        },
    }
}

/// `None` if something is missing that every instance has.
fn of(instance: &DbInstance, all: &[DbInstance]) -> Option<InstanceView> {
    let groups = instance.db_parameter_groups.as_ref()?;
    let group = groups
        .first()?
        .db_parameter_group_name()
        .filter(|name| !name.is_empty())?;
    let tag = |key: &str| {
        let found = instance.tag_list().iter().find(|tag| tag.key() == Some(key));
        found.and_then(|tag| tag.value()).map(clean)
    };
    let number = |key: &str| {
        let number = tag(key).and_then(|value| value.parse().ok());
        number.filter(|number| (0..=GREATEST_NUMBER).contains(number))
    };
    let replication = instance
        .status_infos()
        .iter()
        .find(|info| info.status_type() == Some("read replication"));
    Some(InstanceView {
        resource_id: present(instance.dbi_resource_id())?,
        arn: present(instance.db_instance_arn())?,
        status: present(instance.db_instance_status())?,
        source: present(instance.read_replica_source_db_instance_identifier()),
        replicas: instance
            .read_replica_db_instance_identifiers()
            .iter()
            .map(|id| clean(id))
            .collect(),
        replication: replication.map(|info| ReplicationStatus {
            status: clean(info.status().unwrap_or_default()),
            message: info.message().map(clean).filter(|text| !text.is_empty()),
        }),
        endpoint: instance.endpoint().and_then(|endpoint| present(endpoint.address())),
        group: clean(group),
        group_in_sync: groups
            .iter()
            .all(|group| group.parameter_apply_status() == Some("in-sync")),
        group_shared: all.iter().any(|other| {
            other.db_instance_identifier() != instance.db_instance_identifier()
                && other
                    .db_parameter_groups()
                    .iter()
                    .any(|used| used.db_parameter_group_name() == Some(group))
        }),
        backup_days: instance.backup_retention_period()?,
        tag_owner: tag("breakwater:owner"),
        tag_epoch: number("breakwater:epoch"),
        tag_fenced: number("breakwater:fenced"),
        shape: shape(instance),
    })
}

/// How it was made. A security group that is on its way out is none of it.
fn shape(instance: &DbInstance) -> Shape {
    let in_use = |group: &&VpcSecurityGroupMembership| group.status() != Some("removing");
    let groups = instance.vpc_security_groups().iter().filter(in_use);
    let subnets = instance.db_subnet_group();
    let endpoint = instance.endpoint().and_then(|endpoint| endpoint.port());
    Shape {
        class: present(instance.db_instance_class()).unwrap_or_default(),
        subnet_group: subnets.and_then(|group| present(group.db_subnet_group_name())),
        security_groups: groups
            .filter_map(|group| present(group.vpc_security_group_id()))
            .collect(),
        kms_key: present(instance.kms_key_id()),
        public: instance.publicly_accessible().unwrap_or_default(),
        multi_az: instance.multi_az().unwrap_or_default(),
        port: endpoint,
        copy_tags: instance.copy_tags_to_snapshot().unwrap_or_default(),
        protected: instance.deletion_protection().unwrap_or_default(),
        iam_logins: instance.iam_database_authentication_enabled().unwrap_or_default(),
        storage: present(instance.storage_type()),
        iops: instance.iops(),
        throughput: instance.storage_throughput(),
    }
}

fn present(text: Option<&str>) -> Option<Text> {
    text.filter(|text| !text.is_empty()).map(clean)
}

#[cfg(test)]
#[path = "instances_tests.rs"]
mod tests;
