//! The calls that change something at AWS, one request each.

use super::names::plain_change;
use super::parameters::READ_ONLY;
use super::{Aws, send, wire::Wire};
use crate::fault::Fault;
use aws_sdk_rds::types::{ApplyMethod, Parameter, Tag};
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType};
use breakwater_core::Text;
use breakwater_core::decision::{NameChange, Promotion, Replica};
use breakwater_core::reading::RecordSet;
use breakwater_core::shop::Scope;
use std::time::Duration;

/// The numbers of a call, and how long its answer may take (real time).
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    pub(crate) wire: Wire,
    pub(crate) timeout: Duration,
}

impl Aws {
    /// `PromoteReadReplica`, with the backups that the new writer needs: set later they would be an outage.
    pub(crate) async fn promote(&self, sending: &Sending, promotion: &Promotion) -> Result<(), Fault> {
        let (lane, credentials) = self.signed_call(&promotion.scope.region).await?;
        let operation = lane
            .rds
            .promote_read_replica()
            .db_instance_identifier(&*promotion.instance)
            .backup_retention_period(promotion.backup_days);
        let sent = send!(
            sending.wire.clone(),
            aws_sdk_rds,
            credentials,
            sending.timeout,
            operation
        );
        let answered = self.learn(&lane, &self.role, sent)?.db_instance;
        let about = answered.as_ref().and_then(|instance| instance.db_instance_identifier());
        needed(about, &promotion.instance, "PromoteReadReplica")
    }

    /// `ModifyDBParameterGroup`: `1` keeps writes out, `{TrueIfReplica}` is RDS' default.
    pub(crate) async fn set_read_only(
        &self,
        sending: &Sending,
        scope: &Scope,
        group: &Text,
        on: bool,
    ) -> Result<(), Fault> {
        let (lane, credentials) = self.signed_call(&scope.region).await?;
        let parameter = Parameter::builder()
            .parameter_name(READ_ONLY)
            .parameter_value(if on { "1" } else { "{TrueIfReplica}" })
            .apply_method(ApplyMethod::Immediate)
            .build();
        let operation = lane
            .rds
            .modify_db_parameter_group()
            .db_parameter_group_name(&**group)
            .parameters(parameter);
        let sent = send!(
            sending.wire.clone(),
            aws_sdk_rds,
            credentials,
            sending.timeout,
            operation
        );
        let answered = self.learn(&lane, &self.role, sent)?.db_parameter_group_name;
        needed(answered.as_deref(), group, "ModifyDBParameterGroup")
    }

    /// `StopDBInstance`.
    pub(crate) async fn stop(&self, sending: &Sending, scope: &Scope, instance: &Text) -> Result<(), Fault> {
        let (lane, credentials) = self.signed_call(&scope.region).await?;
        let operation = lane.rds.stop_db_instance().db_instance_identifier(&**instance);
        let sent = send!(
            sending.wire.clone(),
            aws_sdk_rds,
            credentials,
            sending.timeout,
            operation
        );
        let answered = self.learn(&lane, &self.role, sent)?.db_instance;
        let about = answered.as_ref().and_then(|stopped| stopped.db_instance_identifier());
        needed(about, instance, "StopDBInstance")
    }

    /// `StartDBInstance`.
    pub(crate) async fn start(&self, sending: &Sending, scope: &Scope, instance: &Text) -> Result<(), Fault> {
        let (lane, credentials) = self.signed_call(&scope.region).await?;
        let operation = lane.rds.start_db_instance().db_instance_identifier(&**instance);
        let sent = send!(
            sending.wire.clone(),
            aws_sdk_rds,
            credentials,
            sending.timeout,
            operation
        );
        let answered = self.learn(&lane, &self.role, sent)?.db_instance;
        let about = answered.as_ref().and_then(|started| started.db_instance_identifier());
        needed(about, instance, "StartDBInstance")
    }

    /// `CopyDBParameterGroup`.
    pub(crate) async fn copy_group(
        &self,
        sending: &Sending,
        scope: &Scope,
        from: &Text,
        to: &Text,
    ) -> Result<(), Fault> {
        let (lane, credentials) = self.signed_call(&scope.region).await?;
        let operation = lane
            .rds
            .copy_db_parameter_group()
            .source_db_parameter_group_identifier(&**from)
            .target_db_parameter_group_identifier(&**to)
            .target_db_parameter_group_description(format!("Breakwater: as {from}, for the standby {to}"));
        let sent = send!(
            sending.wire.clone(),
            aws_sdk_rds,
            credentials,
            sending.timeout,
            operation
        );
        let answered = self.learn(&lane, &self.role, sent)?.db_parameter_group;
        let about = answered.as_ref().and_then(|group| group.db_parameter_group_name());
        needed(about, to, "CopyDBParameterGroup")
    }

    /// `CreateDBInstanceReadReplica` of a source in another region. Its `PreSignedUrl` is for GovCloud and China alone, and
    /// ignored elsewhere (RDS API reference).
    pub(crate) async fn create_replica(
        &self,
        sending: &Sending,
        scope: &Scope,
        instance: &Text,
        replica: &Replica,
    ) -> Result<(), Fault> {
        let (lane, credentials) = self.signed_call(&scope.region).await?;
        let shape = &replica.shape;
        let text = |text: &Option<Text>| text.as_ref().map(|text| text.to_string());
        let groups: Vec<String> = shape.security_groups.iter().map(|group| group.to_string()).collect();
        let operation = lane
            .rds
            .create_db_instance_read_replica()
            .db_instance_identifier(&**instance)
            .source_db_instance_identifier(&*replica.source)
            .db_parameter_group_name(&*replica.group)
            .set_db_instance_class(Some(shape.class.to_string()).filter(|class| !class.is_empty()))
            .set_db_subnet_group_name(text(&shape.subnet_group))
            .set_vpc_security_group_ids(Some(groups).filter(|groups| !groups.is_empty()))
            .set_kms_key_id(text(&shape.kms_key))
            .publicly_accessible(shape.public)
            .multi_az(shape.multi_az)
            .set_port(shape.port)
            .copy_tags_to_snapshot(shape.copy_tags)
            .deletion_protection(shape.protected)
            .enable_iam_database_authentication(shape.iam_logins)
            .set_storage_type(text(&shape.storage))
            .set_iops(shape.iops)
            .set_storage_throughput(shape.throughput)
            .set_tags(Some(tags_of(&replica.tags)));
        let sent = send!(
            sending.wire.clone(),
            aws_sdk_rds,
            credentials,
            sending.timeout,
            operation
        );
        let answered = self.learn(&lane, &self.role, sent)?.db_instance;
        let about = answered.as_ref().and_then(|made| made.db_instance_identifier());
        needed(about, instance, "CreateDBInstanceReadReplica")
    }

    /// `AddTagsToResource`.
    pub(crate) async fn tag(
        &self,
        sending: &Sending,
        scope: &Scope,
        arn: &Text,
        tags: &[(Text, Text)],
    ) -> Result<(), Fault> {
        let (lane, credentials) = self.signed_call(&scope.region).await?;
        let operation = lane
            .rds
            .add_tags_to_resource()
            .resource_name(&**arn)
            .set_tags(Some(tags_of(tags)));
        let sent = send!(
            sending.wire.clone(),
            aws_sdk_rds,
            credentials,
            sending.timeout,
            operation
        );
        self.learn(&lane, &self.role, sent).map(|_| ())
    }

    /// `RemoveTagsFromResource`.
    pub(crate) async fn untag(&self, sending: &Sending, scope: &Scope, arn: &Text, keys: &[Text]) -> Result<(), Fault> {
        let (lane, credentials) = self.signed_call(&scope.region).await?;
        let keys = keys.iter().map(|key| key.to_string()).collect();
        let operation = lane
            .rds
            .remove_tags_from_resource()
            .resource_name(&**arn)
            .set_tag_keys(Some(keys));
        let sent = send!(
            sending.wire.clone(),
            aws_sdk_rds,
            credentials,
            sending.timeout,
            operation
        );
        self.learn(&lane, &self.role, sent).map(|_| ())
    }

    /// `ChangeResourceRecordSets`, one batch, atomic. Answers with the change to wait for.
    pub(crate) async fn change_names(
        &self,
        sending: &Sending,
        zone: &Text,
        changes: &[NameChange],
    ) -> Result<Text, Fault> {
        let batch = batch(changes)?;
        let (lane, credentials) = self.signed_for_names().await?;
        let operation = lane
            .route53
            .change_resource_record_sets()
            .hosted_zone_id(&**zone)
            .change_batch(batch);
        let sent = send!(
            sending.wire.clone(),
            aws_sdk_route53,
            credentials,
            sending.timeout,
            operation
        );
        let Some(info) = self.learn(&lane, &self.dns_role, sent)?.change_info else {
            return Err(Fault::malformed("ChangeResourceRecordSets answered without a change"));
        };
        match plain_change(info.id()) {
            Some(id) => Ok(id.into()),
            None => Err(Fault::malformed(
                "ChangeResourceRecordSets answered without a change's id",
            )),
        }
    }

    /// Whether the class grants the zone.
    pub(crate) fn grants(&self, zone: &Text) -> bool {
        self.may_name(zone).is_ok()
    }
}

fn tags_of(tags: &[(Text, Text)]) -> Vec<Tag> {
    let tag = |(key, value): &(Text, Text)| Tag::builder().key(&**key).value(&**value).build();
    tags.iter().map(tag).collect()
}

/// An acceptance without what it always holds, or of something else, is not one.
fn needed(about: Option<&str>, meant: &str, operation: &str) -> Result<(), Fault> {
    match about {
        Some(about) if about.eq_ignore_ascii_case(meant) => Ok(()),
        Some(_) => Err(Fault::malformed(&format!("{operation} answered about something else"))),
        None => Err(Fault::malformed(&format!("{operation} answered without its result"))),
    }
}

fn batch(changes: &[NameChange]) -> Result<ChangeBatch, Fault> {
    let mut batch = ChangeBatch::builder();
    for change in changes {
        let (action, set) = match change {
            NameChange::Delete(set) => (ChangeAction::Delete, set),
            NameChange::Create(set) => (ChangeAction::Create, set),
        };
        let change = Change::builder().action(action).resource_record_set(record(set)?);
        batch = batch.changes(change.build().map_err(unbuilt)?);
    }
    batch.build().map_err(unbuilt)
}

/// A record set as the last reading had it, byte for byte.
fn record(set: &RecordSet) -> Result<ResourceRecordSet, Fault> {
    let mut record = ResourceRecordSet::builder()
        .name(&*set.name)
        .r#type(RrType::from(&*set.kind))
        .set_ttl(set.ttl);
    for value in &set.values {
        record = record.resource_records(ResourceRecord::builder().value(&**value).build().map_err(unbuilt)?);
    }
    record.build().map_err(unbuilt)
}

fn unbuilt(error: aws_sdk_route53::error::BuildError) -> Fault {
    Fault::Ours(crate::clean(&error.to_string()))
}
