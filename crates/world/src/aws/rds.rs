//! Amazon RDS: the query protocol, version 2014-10-31.

use std::collections::BTreeMap;

use axum::{
    body::{Body, Bytes},
    http::{Response, request::Parts},
};
use breakwater_sim::{Answer, Instance, Parameter, RdsOp, Request, Shape};

use super::{RDS, Refusal, access::Caller, form_params, respond, unexpected};
use crate::{params::Params, reply::request_id, xml::Xml};

const VERSION: &str = "2014-10-31";
const NAMESPACE: &str = "http://rds.amazonaws.com/doc/2014-10-31/";
/// `MaxRecords`: 20 to 100, by default 100 (RDS docs: DescribeDBInstances).
const PAGE: std::ops::RangeInclusive<usize> = 20..=100;

/// One call of RDS.
#[derive(Debug)]
pub struct Call {
    action: String,
    /// What is asked of the simulated world.
    pub request: Request,
}

/// Reads a call.
pub fn decode(caller: &Caller, parts: &Parts, body: &Bytes) -> Result<Call, Refusal> {
    let params = form_params(parts, body, VERSION)?;
    let action = params.owned("Action").ok_or_else(|| Refusal::missing("Action"))?;
    caller.needs_role(&format!("rds:{action}"))?;
    let op = operation(&action, &params)?;
    Ok(Call {
        action,
        request: Request::Rds {
            region: caller.region.clone(),
            op,
        },
    })
}

fn operation(action: &str, params: &Params) -> Result<RdsOp, Refusal> {
    let need = |name: &str| params.owned(name).ok_or_else(|| Refusal::missing(name));
    Ok(match action {
        "DescribeDBInstances" => {
            if !params.members("Filters").is_empty() {
                return Err(Refusal::invalid(
                    "This world knows no filters; ask for one DBInstanceIdentifier or for all.",
                ));
            }
            RdsOp::DescribeInstances {
                id: params.owned("DBInstanceIdentifier"),
                max_records: max_records(params)?,
                marker: params.owned("Marker"),
            }
        }
        "PromoteReadReplica" => RdsOp::PromoteReadReplica {
            id: need("DBInstanceIdentifier")?,
            backup_retention_period: integer(params, "BackupRetentionPeriod")?,
        },
        "DescribeDBParameters" => RdsOp::DescribeParameters {
            group: need("DBParameterGroupName")?,
        },
        "ModifyDBParameterGroup" => modify_parameter(need("DBParameterGroupName")?, params)?,
        "StopDBInstance" => RdsOp::StopInstance {
            id: need("DBInstanceIdentifier")?,
        },
        "StartDBInstance" => RdsOp::StartInstance {
            id: need("DBInstanceIdentifier")?,
        },
        "AddTagsToResource" => RdsOp::AddTags {
            arn: need("ResourceName")?,
            tags: tags(params)?,
        },
        "RemoveTagsFromResource" => RdsOp::RemoveTags {
            arn: need("ResourceName")?,
            keys: params
                .members("TagKeys")
                .iter()
                .filter_map(|name| params.owned(name))
                .collect(),
        },
        "CopyDBParameterGroup" => {
            // RDS copies none without a description.
            need("TargetDBParameterGroupDescription")?;
            RdsOp::CopyGroup {
                from: need("SourceDBParameterGroupIdentifier")?,
                to: need("TargetDBParameterGroupIdentifier")?,
            }
        }
        "CreateDBInstanceReadReplica" => RdsOp::CreateReadReplica {
            id: need("DBInstanceIdentifier")?,
            source: need("SourceDBInstanceIdentifier")?,
            group: params.owned("DBParameterGroupName"),
            shape: shape(params)?,
            tags: tags(params)?,
        },
        other => return Err(Refusal::no_such_action(other, VERSION)),
    })
}

/// How a replica is to be made.
fn shape(params: &Params) -> Result<Shape, Refusal> {
    let yes = |name: &str| params.get(name) == Some("true");
    let groups = params.members("VpcSecurityGroupIds");
    Ok(Shape {
        class: params.owned("DBInstanceClass"),
        subnet_group: params.owned("DBSubnetGroupName"),
        security_groups: groups.iter().filter_map(|name| params.owned(name)).collect(),
        kms_key: params.owned("KmsKeyId"),
        public: yes("PubliclyAccessible"),
        multi_az: yes("MultiAZ"),
        port: integer(params, "Port")?,
        copy_tags: yes("CopyTagsToSnapshot"),
        protected: yes("DeletionProtection"),
        iam_logins: yes("EnableIAMDatabaseAuthentication"),
        storage: params.owned("StorageType"),
        iops: integer(params, "Iops")?,
        throughput: integer(params, "StorageThroughput")?,
    })
}

fn integer(params: &Params, name: &str) -> Result<Option<i32>, Refusal> {
    params
        .get(name)
        .map(|value| {
            value
                .parse()
                .map_err(|_| Refusal::new(400, "MalformedInput", format!("{name} is no number")))
        })
        .transpose()
}

fn max_records(params: &Params) -> Result<usize, Refusal> {
    let Some(value) = params.get("MaxRecords") else {
        return Ok(*PAGE.end());
    };
    value
        .parse()
        .ok()
        .filter(|records| PAGE.contains(records))
        .ok_or_else(|| {
            Refusal::invalid(format!(
                "Invalid value {value} for MaxRecords. Must be between {} and {}",
                PAGE.start(),
                PAGE.end()
            ))
        })
}

fn modify_parameter(group: String, params: &Params) -> Result<RdsOp, Refusal> {
    let members = params.members("Parameters");
    let [member] = &members[..] else {
        return Err(Refusal::invalid(format!(
            "This world changes one parameter at a time, not {}.",
            members.len()
        )));
    };
    let field = |name: &str| {
        let name = format!("{member}.{name}");
        params.owned(&name).ok_or_else(|| Refusal::missing(&name))
    };
    // `read_only` is dynamic; a world that knew pending-reboot parameters would have to say so.
    if field("ApplyMethod")? != "immediate" {
        return Err(Refusal::invalid(
            "This world applies parameters with the method 'immediate' only.",
        ));
    }
    Ok(RdsOp::ModifyParameter {
        group,
        name: field("ParameterName")?,
        value: field("ParameterValue")?,
    })
}

fn tags(params: &Params) -> Result<BTreeMap<String, String>, Refusal> {
    params
        .members("Tags")
        .iter()
        .map(|member| {
            let key = format!("{member}.Key");
            let value = params.owned(&format!("{member}.Value")).unwrap_or_default();
            Ok((params.owned(&key).ok_or_else(|| Refusal::missing(&key))?, value))
        })
        .collect()
}

impl Call {
    /// Writes the answer.
    pub fn encode(&self, answer: &Answer) -> Response<Body> {
        match answer {
            Answer::Instances { instances, marker } => self.result(|xml| {
                xml.maybe("Marker", marker.as_ref());
                xml.node("DBInstances", |xml| {
                    for one in instances {
                        instance(xml, one);
                    }
                });
            }),
            Answer::Instance(one) => self.result(|xml| instance(xml, one)),
            Answer::Parameters(parameters) => self.result(|xml| {
                xml.node("Parameters", |xml| {
                    for one in parameters {
                        parameter(xml, one);
                    }
                });
            }),
            Answer::ParameterGroup { name } if self.action == "CopyDBParameterGroup" => self.result(|xml| {
                xml.node("DBParameterGroup", |xml| {
                    xml.text("DBParameterGroupName", name);
                    xml.text("DBParameterGroupFamily", "mysql8.0");
                });
            }),
            Answer::ParameterGroup { name } => self.result(|xml| xml.text("DBParameterGroupName", name)),
            // Operations without a result have no result element.
            Answer::Done => self.document(|_| {}),
            other => unexpected(RDS, other),
        }
    }

    fn result(&self, content: impl FnOnce(&mut Xml)) -> Response<Body> {
        self.document(|xml| xml.node(&format!("{}Result", self.action), content))
    }

    fn document(&self, content: impl FnOnce(&mut Xml)) -> Response<Body> {
        let id = request_id();
        let document = Xml::document(&format!("{}Response", self.action), NAMESPACE, |xml| {
            content(xml);
            xml.node("ResponseMetadata", |xml| xml.text("RequestId", &id));
        });
        respond(200, "text/xml", &id, document)
    }
}

fn yes_or_no(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn instance(xml: &mut Xml, one: &Instance) {
    xml.node("DBInstance", |xml| {
        xml.text("DBInstanceIdentifier", &one.id);
        xml.text("DbiResourceId", &one.resource_id);
        xml.text("DBInstanceArn", &one.arn);
        xml.text("DBInstanceStatus", &one.status);
        // The simulated world has MySQL only (RDS docs: a DBInstance always names its engine).
        xml.text("Engine", "mysql");
        made(xml, &one.shape);
        xml.text("BackupRetentionPeriod", one.backup_retention_period.to_string());
        if let Some(address) = &one.endpoint {
            xml.node("Endpoint", |xml| {
                xml.text("Address", address);
                xml.text("Port", one.shape.port.unwrap_or(3306).to_string());
            });
        }
        xml.maybe("ReadReplicaSourceDBInstanceIdentifier", one.replica_source.as_ref());
        xml.node("ReadReplicaDBInstanceIdentifiers", |xml| {
            for replica in &one.replicas {
                xml.text("ReadReplicaDBInstanceIdentifier", replica);
            }
        });
        xml.node("DBParameterGroups", |xml| {
            xml.node("DBParameterGroup", |xml| {
                xml.text("DBParameterGroupName", &one.parameter_group);
                xml.text("ParameterApplyStatus", &one.parameter_apply_status);
            });
        });
        status_infos(xml, one);
        xml.node("TagList", |xml| {
            for (key, value) in &one.tags {
                xml.node("Tag", |xml| {
                    xml.text("Key", key);
                    xml.text("Value", value);
                });
            }
        });
    });
}

/// How an instance was made.
fn made(xml: &mut Xml, shape: &Shape) {
    xml.maybe("DBInstanceClass", shape.class.as_ref());
    xml.text("MultiAZ", yes_or_no(shape.multi_az));
    xml.text("PubliclyAccessible", yes_or_no(shape.public));
    xml.text("CopyTagsToSnapshot", yes_or_no(shape.copy_tags));
    xml.text("DeletionProtection", yes_or_no(shape.protected));
    xml.text("IAMDatabaseAuthenticationEnabled", yes_or_no(shape.iam_logins));
    xml.maybe("KmsKeyId", shape.kms_key.as_ref());
    xml.maybe("StorageType", shape.storage.as_ref());
    xml.maybe("Iops", shape.iops.map(|iops| iops.to_string()).as_ref());
    xml.maybe(
        "StorageThroughput",
        shape.throughput.map(|rate| rate.to_string()).as_ref(),
    );
    if let Some(name) = &shape.subnet_group {
        xml.node("DBSubnetGroup", |xml| xml.text("DBSubnetGroupName", name));
    }
    xml.node("VpcSecurityGroups", |xml| {
        for group in &shape.security_groups {
            xml.node("VpcSecurityGroupMembership", |xml| {
                xml.text("VpcSecurityGroupId", group);
                xml.text("Status", "active");
            });
        }
    });
}

/// "If the instance isn't a read replica, this value is blank" (RDS docs: DBInstance).
fn status_infos(xml: &mut Xml, one: &Instance) {
    if one.status_infos.is_empty() {
        return;
    }
    xml.node("StatusInfos", |xml| {
        for info in &one.status_infos {
            xml.node("DBInstanceStatusInfo", |xml| {
                xml.text("StatusType", &info.status_type);
                xml.text("Normal", yes_or_no(info.normal));
                xml.text("Status", &info.status);
                xml.maybe("Message", info.message.as_ref());
            });
        }
    });
}

fn parameter(xml: &mut Xml, one: &Parameter) {
    xml.node("Parameter", |xml| {
        xml.text("ParameterName", &one.name);
        xml.text("ParameterValue", &one.value);
        xml.text("ApplyType", "dynamic");
        xml.text("ApplyMethod", "immediate");
        xml.text("IsModifiable", "true");
    });
}
