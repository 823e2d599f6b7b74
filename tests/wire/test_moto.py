"""moto as a second opinion on the wire: the same boto3 calls to moto and to breakwater-world, answers of one shape.

moto is right about signatures, documents, paging, regions, tags and records. It is wrong about everything that takes
time, so nothing here proves what a call does: every state change is instant there, a promotion keeps its source for
ever, `StatusInfos` never shows, a stale DELETE and CREATE is accepted, every change is INSYNC.
"""

import datetime
import os
import subprocess

import pytest

import aws
from processes import PATIENCE, ROOT, Program, World, free_port, http, python_tool, until

EAST, WEST = "ca-central-1", "us-west-2"
KEYS = aws.keys("AKIAIOSFODNN7EXAMPLE", "moto")
NAME = "db.shop-ca.example.com."

# Differences between the two worlds' answers, each field with its reason; `[]` is any item of a list. A difference that
# is not here fails, and so does one that is here and is none any more.
INSTANCE = (
    "AllocatedStorage AssociatedRoles AutoMinorVersionUpgrade AvailabilityZone CACertificateIdentifier "
    "CopyTagsToSnapshot DBInstanceClass DBSecurityGroups DbInstancePort DeletionProtection DomainMemberships "
    "EnabledCloudwatchLogsExports EngineVersion IAMDatabaseAuthenticationEnabled InstanceCreateTime "
    "LatestRestorableTime LicenseModel MasterUsername MonitoringInterval OptionGroupMemberships "
    "OptionGroupMemberships[].OptionGroupName OptionGroupMemberships[].Status PreferredBackupWindow "
    "PreferredMaintenanceWindow StorageEncrypted StorageType VpcSecurityGroups VpcSecurityGroups[].Status "
    "VpcSecurityGroups[].VpcSecurityGroupId"
).split()
UNUSED = "real, but nothing of ours reads it, and a world that invented it would have to keep it true"
# moto has them, ours has not.
MOTO_ONLY = {f"{at}.{field}": UNUSED for at in ("DBInstances[]", "DBInstance") for field in INSTANCE} | {
    "DelegationSet": UNUSED,
    "DelegationSet.CallerReference": UNUSED,
    "DelegationSet.Id": UNUSED,
    "DelegationSet.NameServers": UNUSED,
    "HostedZone.ResourceRecordSetCount": UNUSED,
    "PackedPolicySize": UNUSED,
}
# Ours has them, moto has not.
NO_STATUS = "moto knows no replication status"
NO_SPECS = "moto keeps the parameters that were set, and of them what was set"
OURS_ONLY = {
    f"{at}.StatusInfos{field}": NO_STATUS
    for at in ("DBInstances[]", "DBInstance")
    for field in ("", "[].Normal", "[].Status", "[].StatusType")
} | {
    "Parameters[].ApplyType": NO_SPECS,
    "Parameters[].IsModifiable": NO_SPECS,
    "Messages": "an empty list here and absent at moto, as it may be",
    "DBInstance.TagList[].Key": "the quiet instance at moto has no tags",
    "DBInstance.TagList[].Value": "the quiet instance at moto has no tags",
}
MET = set()

# Fields of which nothing may be missing on either side, whatever the lists above say: what we decide on.
NEEDED = {
    "describe_db_instances": {
        "DBInstances[].DBInstanceIdentifier",
        "DBInstances[].DBInstanceArn",
        "DBInstances[].DBInstanceStatus",
        "DBInstances[].DbiResourceId",
        "DBInstances[].ReadReplicaSourceDBInstanceIdentifier",
        "DBInstances[].BackupRetentionPeriod",
        "DBInstances[].DBParameterGroups[].DBParameterGroupName",
        "DBInstances[].DBParameterGroups[].ParameterApplyStatus",
        "DBInstances[].Endpoint.Address",
        "DBInstances[].MultiAZ",
        "DBInstances[].TagList[].Key",
        "DBInstances[].TagList[].Value",
    },
    "describe_db_parameters": {"Parameters[].ParameterName", "Parameters[].ParameterValue", "Parameters[].ApplyMethod"},
    "modify_db_parameter_group": {"DBParameterGroupName"},
    "list_resource_record_sets": {
        "ResourceRecordSets[].Name",
        "ResourceRecordSets[].Type",
        "ResourceRecordSets[].TTL",
        "ResourceRecordSets[].ResourceRecords[].Value",
        "IsTruncated",
        "MaxItems",
    },
    "get_hosted_zone": {"HostedZone.Id", "HostedZone.Name", "HostedZone.Config.PrivateZone"},
    "change_resource_record_sets": {"ChangeInfo.Id", "ChangeInfo.Status", "ChangeInfo.SubmittedAt"},
    "get_change": {"ChangeInfo.Id", "ChangeInfo.Status", "ChangeInfo.SubmittedAt"},
    "get_metric_data": {
        "MetricDataResults[].Id",
        "MetricDataResults[].Label",
        "MetricDataResults[].Timestamps",
        "MetricDataResults[].Values",
        "MetricDataResults[].StatusCode",
    },
    "assume_role": {
        "Credentials.AccessKeyId",
        "Credentials.SecretAccessKey",
        "Credentials.SessionToken",
        "Credentials.Expiration",
        "AssumedRoleUser.Arn",
        "AssumedRoleUser.AssumedRoleId",
    },
    "get_caller_identity": {"Arn", "Account", "UserId"},
    "stop_db_instance": {"DBInstance.DBInstanceIdentifier", "DBInstance.DBInstanceStatus"},
    "start_db_instance": {"DBInstance.DBInstanceIdentifier", "DBInstance.DBInstanceStatus"},
    "promote_read_replica": {"DBInstance.DBInstanceIdentifier", "DBInstance.DBInstanceStatus"},
    "add_tags_to_resource": set(),
    "remove_tags_from_resource": set(),
}


@pytest.fixture(scope="module")
def moto():
    """moto on a port of its own, with the shop of the demo, a listing of two pages and some samples."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program = Program("moto", [python_tool("moto_server"), "-H", "127.0.0.1", "-p", port])
    try:

        def serves():
            program.check()
            try:
                http("GET", f"{url}/moto-api/data.json", patience=5)
            except (OSError, AssertionError):
                return False
            return True

        until("moto serves", serves)
        yield fill(url)
    finally:
        program.stop()


class Filled(aws.Account):
    """moto with something in it; its calls are not counted as driven in our world."""

    def client(self, service, region):
        if (service, region) not in self.clients:
            self.clients[service, region] = aws.client(self.url, service, region, self.session_keys, counted=False)
        return self.clients[service, region]


def fill(url):
    moto = Filled(url, KEYS)
    # moto looks for the group of a source in the region of its replica.
    for region in (EAST, WEST):
        moto.rds(region).create_db_parameter_group(
            DBParameterGroupName="shop-ca-cac1-mysql80", DBParameterGroupFamily="mysql8.0", Description="ours"
        )
    parameter = {"ParameterName": "read_only", "ParameterValue": "{TrueIfReplica}", "ApplyMethod": "immediate"}
    moto.rds(EAST).modify_db_parameter_group(DBParameterGroupName="shop-ca-cac1-mysql80", Parameters=[parameter])
    sized = {"DBInstanceClass": "db.r6g.large", "Engine": "mysql", "AllocatedStorage": 20}
    sized |= {"MasterUsername": "admin", "MasterUserPassword": "not-a-secret"}
    writer = moto.rds(EAST).create_db_instance(
        DBInstanceIdentifier="shop-ca-cac1",
        DBParameterGroupName="shop-ca-cac1-mysql80",
        BackupRetentionPeriod=7,
        Tags=[{"Key": "breakwater:owner", "Value": "demo/shops/shop-ca"}],
        **sized,
    )["DBInstance"]
    # One for the Rust tests to stop, and one for these.
    for name in ("spare-cac1", "quiet-cac1"):
        moto.rds(EAST).create_db_instance(DBInstanceIdentifier=name, **sized)
    moto.rds(WEST).create_db_instance_read_replica(
        DBInstanceIdentifier="shop-ca-usw2",
        SourceDBInstanceIdentifier=writer["DBInstanceArn"],
        SourceRegion=EAST,
        Tags=[{"Key": "breakwater:owner", "Value": "demo/shops/shop-ca"}],
    )
    # More than one page of a hundred.
    for number in range(100):
        moto.rds(WEST).create_db_instance(DBInstanceIdentifier=f"filler-{number:03}", **sized)
    moto.rds(WEST).create_db_instance(DBInstanceIdentifier="zz-last", **sized)
    zone = moto.route53.create_hosted_zone(Name="example.com.", CallerReference="wire")["HostedZone"]
    moto.zone = zone["Id"].removeprefix("/hostedzone/")
    moto.route53.change_resource_record_sets(
        HostedZoneId=moto.zone,
        ChangeBatch={
            "Changes": [{"Action": "UPSERT", "ResourceRecordSet": record(NAME, "CNAME", writer["Endpoint"]["Address"])}]
        },
    )
    now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    for metric, value in (("ReplicaLag", 3.0), ("CPUUtilization", 12.5)):
        moto.cloudwatch(WEST).put_metric_data(
            Namespace="AWS/RDS",
            MetricData=[
                {
                    "MetricName": metric,
                    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "shop-ca-usw2"}],
                    "Timestamp": now - datetime.timedelta(minutes=minute),
                    "Value": value + minute,
                }
                for minute in range(1, 6)
            ],
        )
    return moto


@pytest.fixture(scope="module")
def ours():
    world = World("compared")
    account = aws.account(world)
    account.zone, account.now = "Z0123456789", world.now
    account.static = aws.keys(world.state["accessKeyId"], world.state["secretAccessKey"])
    account.role = {"RoleArn": world.state["roleArns"][0], "ExternalId": world.state["externalIds"][0]}
    # As at moto, so that the lists of tags are not empty.
    for region, name in ((EAST, "shop-ca-cac1"), (WEST, "shop-ca-usw2")):
        arn = account.instance(region, name)["DBInstanceArn"]
        tags = [{"Key": "breakwater:owner", "Value": "demo/shops/shop-ca"}]
        account.rds(region).add_tags_to_resource(ResourceName=arn, Tags=tags)
    yield account
    world.stop()


def record(name, kind, value):
    return {"Name": name, "Type": kind, "TTL": 30, "ResourceRecords": [{"Value": value}]}


def leaves(value, at=""):
    """All field paths of an answer, inner ones too; what an empty list would hold is not known."""
    found = set()
    if isinstance(value, dict):
        for key, one in value.items():
            if at == "" and key == "ResponseMetadata":
                continue
            path = f"{at}.{key}" if at else key
            found |= {path} | leaves(one, path)
    elif isinstance(value, list):
        for one in value:
            found |= leaves(one, f"{at}[]")
    return found


def kinds(value, at=""):
    """The Python type of each leaf, as boto3's parser made it."""
    if isinstance(value, dict):
        return {
            path: kind
            for key, one in value.items()
            if key != "ResponseMetadata"
            for path, kind in kinds(one, f"{at}.{key}" if at else key).items()
        }
    if isinstance(value, list):
        return {path: kind for one in value for path, kind in kinds(one, f"{at}[]").items()}
    return {at: type(value)}


def swap(account):
    new = {"Action": "UPSERT", "ResourceRecordSet": record("swap.example.com.", "CNAME", "x.example.net")}
    return {"HostedZoneId": account.zone, "ChangeBatch": {"Changes": [new]}}


def ask(account, operation):
    """One call of each operation that we use, as crates/providers makes it."""
    rds = account.rds(EAST)
    now = account.now() if hasattr(account, "now") else datetime.datetime.now().timestamp()
    at = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
    role = getattr(
        account, "role", {"RoleArn": "arn:aws:iam::123456789012:role/breakwater", "ExternalId": "demo/production"}
    )
    static = getattr(account, "static", KEYS)
    sts = aws.client(account.url, "sts", EAST, static, counted=False)
    arn = account.instance(EAST, "shop-ca-cac1")["DBInstanceArn"]
    queries = [
        aws.metric_query(f"q{i}", metric, "shop-ca-usw2") for i, metric in enumerate(("ReplicaLag", "CPUUtilization"))
    ]
    parameter = {"ParameterName": "read_only", "ParameterValue": "1", "ApplyMethod": "immediate"}
    stopped = "quiet-cac1" if static is KEYS else "shop-ca-usw2"
    power = rds if static is KEYS else account.rds(WEST)
    return {
        "describe_db_instances": lambda: account.rds(WEST).describe_db_instances(DBInstanceIdentifier="shop-ca-usw2"),
        "describe_db_parameters": lambda: rds.describe_db_parameters(
            DBParameterGroupName="shop-ca-cac1-mysql80", MaxRecords=100
        ),
        "modify_db_parameter_group": lambda: rds.modify_db_parameter_group(
            DBParameterGroupName="shop-ca-cac1-mysql80", Parameters=[parameter]
        ),
        "add_tags_to_resource": lambda: rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "k", "Value": "v"}]),
        "remove_tags_from_resource": lambda: rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["k"]),
        "list_resource_record_sets": lambda: account.route53.list_resource_record_sets(
            HostedZoneId=account.zone, StartRecordName=NAME.rstrip("."), MaxItems="20"
        ),
        "get_hosted_zone": lambda: account.route53.get_hosted_zone(Id=account.zone),
        "change_resource_record_sets": lambda: account.route53.change_resource_record_sets(**swap(account)),
        "get_change": lambda: account.route53.get_change(
            Id=account.route53.change_resource_record_sets(**swap(account))["ChangeInfo"]["Id"]
        ),
        "get_metric_data": lambda: account.cloudwatch(WEST).get_metric_data(
            MetricDataQueries=queries,
            StartTime=at - datetime.timedelta(hours=1),
            EndTime=at + datetime.timedelta(minutes=1),
            ScanBy="TimestampDescending",
        ),
        "assume_role": lambda: sts.assume_role(RoleSessionName="wire", **role),
        "get_caller_identity": lambda: account.client("sts", EAST).get_caller_identity(),
        "promote_read_replica": lambda: account.rds(WEST).promote_read_replica(
            DBInstanceIdentifier="shop-ca-usw2", BackupRetentionPeriod=0
        ),
        "stop_db_instance": lambda: stop(account, power, stopped),
        "start_db_instance": lambda: start(account, power, stopped),
    }[operation]()


def stop(account, rds, name):
    region = rds.meta.region_name

    def ready():
        one = account.instance(region, name)
        return one["DBInstanceStatus"] == "available" and (
            name == "quiet-cac1" or "ReadReplicaSourceDBInstanceIdentifier" not in one
        )

    until(f"{name} is a writer", ready)
    return rds.stop_db_instance(DBInstanceIdentifier=name)


def start(account, rds, name):
    region = rds.meta.region_name
    until(f"{name} is stopped", lambda: account.instance(region, name)["DBInstanceStatus"] == "stopped")
    return rds.start_db_instance(DBInstanceIdentifier=name)


SLOW = ("promote_read_replica", "stop_db_instance", "start_db_instance")
QUICK = [name for name in NEEDED if name not in SLOW]


def compare(operation, theirs, here):
    at_moto, at_ours = leaves(theirs), leaves(here)
    assert NEEDED[operation] <= at_ours, f"ours lacks {NEEDED[operation] - at_ours}"
    assert NEEDED[operation] <= at_moto, f"moto lacks {NEEDED[operation] - at_moto}"
    missing, more = at_moto - at_ours, at_ours - at_moto
    MET.update(missing | more)
    missing -= MOTO_ONLY.keys()
    assert not missing, f"moto has them, ours has not, and nobody said why: {sorted(missing)}"
    more -= OURS_ONLY.keys()
    assert not more, f"ours has them, moto has not, and nobody said why: {sorted(more)}"
    types_there, types_here = kinds(theirs), kinds(here)
    for path in types_there.keys() & types_here.keys():
        assert types_there[path] is types_here[path], (path, types_there[path], types_here[path])


@pytest.mark.parametrize("operation", QUICK)
def test_answers_have_one_shape(moto, ours, operation):
    compare(operation, ask(moto, operation), ask(ours, operation))


def test_listings_have_one_shape(moto, ours):
    """Whole regions, and the last page of one that has two."""
    whole = ours.rds(WEST).describe_db_instances(MaxRecords=100)
    first = moto.rds(WEST).describe_db_instances(MaxRecords=100)
    assert len(first["DBInstances"]) == 100 and first["Marker"]
    second = moto.rds(WEST).describe_db_instances(MaxRecords=100, Marker=first["Marker"])
    assert "Marker" not in second and "Marker" not in whole
    assert "DBInstances" in whole


REFUSED = {
    "describe_db_instances": (404, {"DBInstanceIdentifier": "nobody"}),
    # Not promote_read_replica: moto's server fails with a page of HTML for an instance that it does not know.
    "stop_db_instance": (404, {"DBInstanceIdentifier": "nobody"}),
    "describe_db_parameters": (404, {"DBParameterGroupName": "nobody"}),
}


@pytest.mark.parametrize("operation", REFUSED)
def test_refusals_have_one_shape(moto, ours, operation):
    status, arguments = REFUSED[operation]
    theirs, here = (aws.refusal(getattr(one.rds(EAST), operation), **arguments) for one in (moto, ours))
    assert theirs[:2] == here[:2] and here[0] == status


def test_route53_refusals_have_one_shape(moto, ours):
    # The messages are each one's own; status and code are the wire's.
    for call, arguments in (
        ("get_hosted_zone", {"Id": "ZNOBODY"}),
        ("list_resource_record_sets", {"HostedZoneId": "ZNOBODY"}),
    ):
        theirs, here = (aws.refusal(getattr(one.route53, call), **arguments) for one in (moto, ours))
        assert theirs[:2] == here[:2] == (404, "NoSuchHostedZone")


def test_an_allow_list_allows_no_more_than_it_says():
    with pytest.raises(AssertionError, match="ours lacks"):
        compare("get_caller_identity", {"Arn": "", "Account": "", "UserId": ""}, {"Arn": "", "Account": ""})
    with pytest.raises(AssertionError, match="nobody said why"):
        same = {"Arn": "", "Account": "", "UserId": ""}
        compare("get_caller_identity", same, same | {"Invented": ""})


def test_our_providers_work_at_moto(moto):
    """crates/providers/tests/moto.rs: the Rust SDKs as the controller uses them."""
    tests = os.environ.get("BREAKWATER_MOTO_TESTS")
    assert tests, "BREAKWATER_MOTO_TESTS is not set: run tests/wire/run.sh, which builds them"
    done = subprocess.run(
        [tests, "--nocapture"],
        cwd=ROOT / "crates/providers",
        env={**os.environ, "BREAKWATER_MOTO_URL": moto.url, "BREAKWATER_MOTO_ZONE": moto.zone},
        text=True,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "3 passed" in done.stdout and "skipped" not in done.stdout, done.stdout


@pytest.mark.parametrize("operation", SLOW)
def test_answers_to_slow_calls_have_one_shape(moto, ours, operation):
    """They change what the others read, so they stand at the end; moto's promotion is none."""
    compare(operation, ask(moto, operation), ask(ours, operation))


def test_every_difference_that_is_listed_is_one():
    """The last of this file: an allow list that allows more than there is would hide the next one."""
    listed = MOTO_ONLY.keys() | OURS_ONLY.keys()
    assert listed <= MET, f"no differences any more: {sorted(listed - MET)}"
