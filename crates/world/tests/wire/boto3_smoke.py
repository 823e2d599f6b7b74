"""The same wire formats as another SDK reads and writes them: boto3 against a running world.

    cargo run -p breakwater-world -- --demo --state /tmp/world.json &
    python3 crates/world/tests/wire/boto3_smoke.py /tmp/world.json
"""

import datetime
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

state = json.load(open(sys.argv[1], encoding="utf-8"))
once = Config(retries={"total_max_attempts": 1})
zone_id = "Z0123456789"


def client(service, region, keys):
    return boto3.client(service, region_name=region, endpoint_url=state["baseUrl"], config=once, **keys)


def code(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


static = {"aws_access_key_id": state["accessKeyId"], "aws_secret_access_key": state["secretAccessKey"]}
sts = client("sts", "us-west-2", static)
role = {"RoleArn": state["roleArns"][0], "RoleSessionName": "boto3"}
assert code(sts.assume_role, **role) == "AccessDenied"
given = sts.assume_role(ExternalId=state["externalIds"][0], **role)["Credentials"]
session = {
    "aws_access_key_id": given["AccessKeyId"],
    "aws_secret_access_key": given["SecretAccessKey"],
    "aws_session_token": given["SessionToken"],
}
assert given["Expiration"] > datetime.datetime.now(datetime.timezone.utc)
assert client("sts", "us-west-2", session).get_caller_identity()["Arn"].endswith("/boto3")

rds = client("rds", "us-west-2", session)
replica = rds.describe_db_instances(DBInstanceIdentifier="shop-ca-usw2")["DBInstances"][0]
assert replica["StatusInfos"][0]["Status"] == "replicating", replica
assert replica["ReadReplicaSourceDBInstanceIdentifier"].endswith(":shop-ca-cac1")
pages = rds.get_paginator("describe_db_instances").paginate(PaginationConfig={"PageSize": 100})
assert len([one for page in pages for one in page["DBInstances"]]) == 3
assert code(rds.describe_db_instances, DBInstanceIdentifier="nobody") == "DBInstanceNotFound"
assert code(rds.promote_read_replica, DBInstanceIdentifier="shop-west-usw2") == "InvalidDBInstanceState"
assert code(client("rds", "us-west-2", static).describe_db_instances) == "AccessDenied"
wrong = dict(static, aws_secret_access_key="wrong")
assert code(client("rds", "us-west-2", wrong).describe_db_instances) == "SignatureDoesNotMatch"
rds.add_tags_to_resource(ResourceName=replica["DBInstanceArn"], Tags=[{"Key": "breakwater:epoch", "Value": "1"}])
rds.remove_tags_from_resource(ResourceName=replica["DBInstanceArn"], TagKeys=["breakwater:epoch"])

route53 = client("route53", "us-east-1", session)
name = "db.shop-ca.example.com."
record = route53.list_resource_record_sets(
    HostedZoneId=zone_id, StartRecordName=name, StartRecordType="CNAME", MaxItems="1"
)["ResourceRecordSets"][0]
assert record["Name"] == name, record
new = dict(record, ResourceRecords=[{"Value": "elsewhere.example.com"}])
swap = [{"Action": "DELETE", "ResourceRecordSet": record}, {"Action": "CREATE", "ResourceRecordSet": new}]
batch = {"HostedZoneId": zone_id, "ChangeBatch": {"Changes": swap}}
change = route53.change_resource_record_sets(**batch)["ChangeInfo"]
assert change["Status"] == "PENDING"
assert route53.get_change(Id=change["Id"])["ChangeInfo"]["Status"] in ("PENDING", "INSYNC")
assert code(route53.change_resource_record_sets, **batch) == "InvalidChangeBatch"

cloudwatch = client("cloudwatch", "us-west-2", session)
stat = {
    "Metric": {
        "Namespace": "AWS/RDS",
        "MetricName": "ReplicaLag",
        "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "shop-ca-usw2"}],
    },
    "Period": 60,
    "Stat": "Maximum",
}
now = datetime.datetime.now(datetime.timezone.utc)
hour = {"StartTime": now - datetime.timedelta(hours=1), "EndTime": now}
query = [{"Id": "q0", "MetricStat": stat}]
result = cloudwatch.get_metric_data(MetricDataQueries=query, **hour)["MetricDataResults"][0]
assert len(result["Values"]) >= 5 and result["StatusCode"] == "Complete", result
backwards = {"StartTime": hour["EndTime"], "EndTime": hour["StartTime"]}
assert code(cloudwatch.get_metric_data, MetricDataQueries=query, **backwards) == "ValidationError"
print("boto3", boto3.__version__, "understands this world")
