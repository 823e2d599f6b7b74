"""boto3 as the tests use it: one endpoint, no retries, every operation counted."""

import collections
import contextlib

import boto3
import botocore.model
from botocore.config import Config
from botocore.exceptions import ClientError

# What breakwater-world can be asked of AWS (the names of its ledger), and what boto3 calls it. A test compares the
# left column with the source: an operation that is added there must be driven here.
OPERATIONS = {
    "describe-instances": "DescribeDBInstances",
    "promote-read-replica": "PromoteReadReplica",
    "describe-parameters": "DescribeDBParameters",
    "modify-parameter": "ModifyDBParameterGroup",
    "stop-instance": "StopDBInstance",
    "start-instance": "StartDBInstance",
    "add-tags": "AddTagsToResource",
    "remove-tags": "RemoveTagsFromResource",
    "copy-parameter-group": "CopyDBParameterGroup",
    "create-read-replica": "CreateDBInstanceReadReplica",
    "get-metric-data": "GetMetricData",
    "get-hosted-zone": "GetHostedZone",
    "list-records": "ListResourceRecordSets",
    "change-records": "ChangeResourceRecordSets",
    "get-change": "GetChange",
    "assume-role": "AssumeRole",
    "get-caller-identity": "GetCallerIdentity",
}

# Operation -> {"accepted": n, "refused": n, "codes": {...}}, over the whole run.
COUNTED = collections.defaultdict(lambda: {"accepted": 0, "refused": 0, "codes": set()})


def _count(parsed, model, **_):
    counted = COUNTED[model.name]
    code = parsed.get("Error", {}).get("Code")
    if code:
        counted["refused"] += 1
        counted["codes"].add(code)
    else:
        counted["accepted"] += 1


def client(url, service, region, keys, timeout=20, counted=True):
    once = Config(retries={"total_max_attempts": 1}, connect_timeout=timeout, read_timeout=timeout, proxies={})
    one = boto3.client(service, region_name=region, endpoint_url=url, config=once, **keys)
    if counted:
        one.meta.events.register("after-call", _count)
    return one


@contextlib.contextmanager
def spoken(protocol):
    """Clients of CloudWatch that are made within speak this protocol."""
    real = botocore.model.ServiceModel.__dict__["resolved_protocol"]
    botocore.model.ServiceModel.resolved_protocol = property(
        lambda model: protocol if model.service_name == "cloudwatch" else real.__get__(model, type(model))
    )
    try:
        yield
    finally:
        botocore.model.ServiceModel.resolved_protocol = real


def keys(access_key, secret, token=None):
    pair = {"aws_access_key_id": access_key, "aws_secret_access_key": secret}
    return {**pair, "aws_session_token": token} if token else pair


def refusal(call, **arguments):
    """Status, code and message of a refusal; a success is a failure of the test."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        said = error.response
        assert said["ResponseMetadata"].get("RequestId"), f"a refusal without a request id: {said}"
        return said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Code"], said["Error"]["Message"]
    raise AssertionError(f"accepted, but should be refused: {answer}")


class Account:
    """The session of a role at one endpoint; clients of it by service and region."""

    def __init__(self, url, session_keys):
        self.url, self.session_keys, self.clients = url, session_keys, {}

    def client(self, service, region):
        if (service, region) not in self.clients:
            self.clients[service, region] = client(self.url, service, region, self.session_keys)
        return self.clients[service, region]

    def rds(self, region):
        return self.client("rds", region)

    @property
    def route53(self):
        return self.client("route53", "us-east-1")

    def cloudwatch(self, region):
        return self.client("cloudwatch", region)

    def instance(self, region, name):
        return self.rds(region).describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


def account(world, region="us-west-2"):
    """A session of the world's first role."""
    static = keys(world.state["accessKeyId"], world.state["secretAccessKey"])
    given = client(world.url, "sts", region, static).assume_role(
        RoleArn=world.state["roleArns"][0], RoleSessionName="wire", ExternalId=world.state["externalIds"][0]
    )["Credentials"]
    return Account(world.url, keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]))


def metric_query(one_id, metric, instance, stat="Maximum"):
    """As crates/providers asks."""
    dimension = {"Name": "DBInstanceIdentifier", "Value": instance}
    named = {"Namespace": "AWS/RDS", "MetricName": metric, "Dimensions": [dimension]}
    return {"Id": one_id, "MetricStat": {"Metric": named, "Period": 60, "Stat": stat}, "ReturnData": True}
