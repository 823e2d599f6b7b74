"""boto3 drives breakwater-world through every AWS operation that we use, and meets every refusal that we rely on."""

import datetime
import re

import botocore.exceptions
import botocore.parsers
import pytest

import aws
from conftest import EAST, WEST, wire_setup
from processes import ROOT, World, until

ZONE = "Z0123456789"


def seconds(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc)


def window(world, back=3600, ahead=60):
    now = world.now()
    return {"StartTime": seconds(now - back), "EndTime": seconds(now + ahead)}


def samples(account, world, region, metric, instance, back=3600):
    """Times and values, newest first."""
    query = [aws.metric_query("q0", metric, instance)]
    found = account.cloudwatch(region).get_metric_data(
        MetricDataQueries=query, ScanBy="TimestampDescending", **window(world, back)
    )["MetricDataResults"]
    assert [one["Id"] for one in found] == ["q0"] and found[0]["StatusCode"] == "Complete"
    return [(at.timestamp(), value) for at, value in zip(found[0]["Timestamps"], found[0]["Values"], strict=True)]


# What there is


def test_no_operation_is_left_out():
    """Whoever gives the world a new AWS operation must drive it here."""
    source = (ROOT / "crates/sim/src/request.rs").read_text(encoding="utf-8")
    names = re.search(r"pub fn op\(&self\).*?\n    }\n", source, re.S).group(0)
    kinds = re.findall(r"(?:RdsOp|CloudWatchOp|Route53Op|StsOp)::\w+[^=]*=> \"([a-z-]+)\"", names)
    assert sorted(kinds) == sorted(aws.OPERATIONS)


# STS


def test_a_role_wants_its_external_id(world):
    static = aws.keys(world.state["accessKeyId"], world.state["secretAccessKey"])
    sts = aws.client(world.url, "sts", WEST, static)
    role = {"RoleArn": world.state["roleArns"][0], "RoleSessionName": "wire"}
    right = world.state["externalIds"][0]
    given = sts.assume_role(ExternalId=right, **role)
    assert given["Credentials"]["Expiration"] > datetime.datetime.now(datetime.timezone.utc)
    assert given["AssumedRoleUser"]["Arn"].endswith(":assumed-role/breakwater/wire")
    for wrong in ({"ExternalId": "demo/other"}, {}):
        assert aws.refusal(sts.assume_role, **role, **wrong)[:2] == (403, "AccessDenied")
    stranger = {"RoleArn": "arn:aws:iam::111122223333:role/admin", "RoleSessionName": "wire"}
    status, code, message = aws.refusal(sts.assume_role, ExternalId=right, **stranger)
    assert (status, code) == (403, "AccessDenied") and stranger["RoleArn"] in message


def test_who_am_i(world, account):
    caller = account.client("sts", EAST).get_caller_identity()
    assert caller["Arn"].endswith(":assumed-role/breakwater/wire") and caller["Account"] == "111122223333"
    static = aws.keys(world.state["accessKeyId"], world.state["secretAccessKey"])
    assert ":user/" in aws.client(world.url, "sts", EAST, static).get_caller_identity()["Arn"]


# Who may


def every_read(url, keys, region=WEST, zone_region="us-east-1"):
    """One read of each service, with these keys."""
    ask = {"HostedZoneId": ZONE}
    now = datetime.datetime.now(datetime.timezone.utc)
    metric = {
        "MetricDataQueries": [aws.metric_query("q0", "ReplicaLag", "shop-ca-usw2")],
        "StartTime": now - datetime.timedelta(hours=1),
        "EndTime": now,
    }
    yield aws.client(url, "rds", region, keys).describe_db_instances, {}
    yield aws.client(url, "route53", zone_region, keys).list_resource_record_sets, ask
    yield aws.client(url, "cloudwatch", region, keys).get_metric_data, metric


def test_bad_signatures_are_refused_by_every_service(world):
    for call, arguments in every_read(world.url, aws.keys(world.state["accessKeyId"], "wrong")):
        assert aws.refusal(call, **arguments)[:2] == (403, "SignatureDoesNotMatch")


def test_unknown_keys_are_refused_by_every_service(world):
    for call, arguments in every_read(world.url, aws.keys("AKIDNOBODY", "wrong")):
        assert aws.refusal(call, **arguments)[:2] == (403, "InvalidClientTokenId")


def test_the_static_key_may_do_nothing_but_assume(world):
    for call, arguments in every_read(world.url, aws.keys(world.state["accessKeyId"], world.state["secretAccessKey"])):
        assert aws.refusal(call, **arguments)[:2] == (403, "AccessDenied")


def test_a_session_key_without_its_token_is_nobody(world, account):
    pair = account.session_keys["aws_access_key_id"], account.session_keys["aws_secret_access_key"]
    for broken in (aws.keys(*pair), aws.keys(*pair, "another token")):
        for call, arguments in every_read(world.url, broken):
            assert aws.refusal(call, **arguments)[:2] == (403, "InvalidClientTokenId")


def test_route53_is_signed_for_its_own_region_alone(world, account):
    elsewhere = aws.client(world.url, "route53", WEST, account.session_keys)
    status, code, message = aws.refusal(elsewhere.list_resource_record_sets, HostedZoneId=ZONE)
    assert (status, code) == (403, "SignatureDoesNotMatch") and "scoped" in message


def test_a_signature_for_one_service_does_not_open_another(world, account):
    """The service is under the signature: rewritten on its way, it does not fit any more."""
    one = aws.client(world.url, "rds", WEST, account.session_keys)

    def rescope(request, **_):
        header = request.headers["Authorization"]
        header = header.decode() if isinstance(header, bytes) else header
        del request.headers["Authorization"]
        request.headers["Authorization"] = header.replace(f"/{WEST}/rds/", f"/{EAST}/rds/")

    one.meta.events.register("before-send", rescope)
    assert aws.refusal(one.describe_db_instances)[:2] == (403, "SignatureDoesNotMatch")


# RDS: looking


def test_instances_by_page(account, setup):
    rds = account.rds(EAST)
    first = rds.describe_db_instances(MaxRecords=20)
    assert len(first["DBInstances"]) == 20 and first["Marker"]
    second = rds.describe_db_instances(MaxRecords=20, Marker=first["Marker"])
    assert "Marker" not in second
    listed = [one["DBInstanceIdentifier"] for page in (first, second) for one in page["DBInstances"]]
    here = [
        side["db_instance"]
        for shop in setup["shops"]
        for side in (shop["primary"], shop["secondary"])
        if side["region"] == EAST
    ]
    assert listed == sorted(here) and len(set(listed)) == len(listed)
    pages = rds.get_paginator("describe_db_instances").paginate(PaginationConfig={"PageSize": 20})
    assert [one["DBInstanceIdentifier"] for page in pages for one in page["DBInstances"]] == listed
    for size in (19, 101):
        assert aws.refusal(rds.describe_db_instances, MaxRecords=size)[:2] == (400, "InvalidParameterValue")


def test_an_instance_has_all_that_we_decide_on(account):
    writer = account.instance(EAST, "shop-ca-cac1")
    assert (writer["DBInstanceStatus"], writer["BackupRetentionPeriod"]) == ("available", 7)
    assert "ReadReplicaSourceDBInstanceIdentifier" not in writer and not writer.get("StatusInfos")
    assert writer["DBParameterGroups"][0]["ParameterApplyStatus"] == "in-sync"
    assert writer["Endpoint"]["Address"] and writer["DbiResourceId"].startswith("db-")
    replica = account.instance(WEST, "SHOP-CA-USW2")
    assert replica["ReadReplicaSourceDBInstanceIdentifier"] == writer["DBInstanceArn"]
    assert writer["ReadReplicaDBInstanceIdentifiers"] == [replica["DBInstanceArn"]]
    info = replica["StatusInfos"][0]
    assert (info["StatusType"], info["Status"], info["Normal"]) == ("read replication", "replicating", True)


def test_missing_instances_are_404(account):
    rds = account.rds(EAST)
    nobody = {"DBInstanceIdentifier": "nobody"}
    for call in (rds.describe_db_instances, rds.promote_read_replica, rds.stop_db_instance, rds.start_db_instance):
        assert aws.refusal(call, **nobody)[:2] == (404, "DBInstanceNotFound")
    # Regions are apart: the replica is not here.
    elsewhere = {"DBInstanceIdentifier": "shop-ca-usw2"}
    assert aws.refusal(rds.describe_db_instances, **elsewhere)[:2] == (404, "DBInstanceNotFound")
    assert account.rds("eu-west-1").describe_db_instances()["DBInstances"] == []


# RDS: promoting


def test_a_promotion_takes_its_time_and_works_once(account):
    rds, name = account.rds(WEST), {"DBInstanceIdentifier": "shop-05-usw2"}
    source = account.instance(EAST, "shop-05-cac1")["DBInstanceArn"]
    answer = rds.promote_read_replica(BackupRetentionPeriod=7, **name)["DBInstance"]
    # The first answer still names the source.
    assert answer["DBInstanceStatus"] == "modifying"
    assert answer["ReadReplicaSourceDBInstanceIdentifier"] == source
    again = aws.refusal(rds.promote_read_replica, **name)
    assert again[:2] == (400, "InvalidDBInstanceState") and "not a read replica" in again[2]

    seen, shown_source = [], {}

    def look():
        one = account.instance(WEST, "shop-05-usw2")
        status = one["DBInstanceStatus"]
        if not seen or seen[-1] != status:
            seen.append(status)
        shown_source[status] = one.get("ReadReplicaSourceDBInstanceIdentifier")
        return one if status == "backing-up" else None

    one = until("the promoted instance backs up", look, pause=0.02)
    assert seen in (
        ["available", "modifying", "rebooting", "backing-up"],
        ["modifying", "rebooting", "backing-up"],
    ), seen
    assert shown_source["modifying"] == source and one["BackupRetentionPeriod"] == 7
    assert "ReadReplicaSourceDBInstanceIdentifier" not in one and not one.get("StatusInfos")
    # While it backs up neither a promotion nor a stop is taken.
    for call in (rds.promote_read_replica, rds.stop_db_instance):
        assert aws.refusal(call, **name)[:2] == (400, "InvalidDBInstanceState")
    until("it is available", lambda: account.instance(WEST, "shop-05-usw2")["DBInstanceStatus"] == "available")
    assert aws.refusal(rds.promote_read_replica, **name)[:2] == (400, "InvalidDBInstanceState")
    # The old writer is not fenced by it: it goes on as before, without the replica after a while.
    until(
        "the source forgets it",
        lambda: not account.instance(EAST, "shop-05-cac1")["ReadReplicaDBInstanceIdentifiers"],
    )
    assert account.instance(EAST, "shop-05-cac1")["DBInstanceStatus"] == "available"


def test_a_writer_is_not_promoted(account):
    status, code, message = aws.refusal(
        account.rds(EAST).promote_read_replica, DBInstanceIdentifier="shop-ca-cac1", BackupRetentionPeriod=7
    )
    assert (status, code) == (400, "InvalidDBInstanceState") and "not a read replica" in message


# RDS: what else instances can be


def state(shop, status, **more):
    return {"kind": "instance-status", "shop": shop, "region": WEST, "status": status, **more}


def test_a_replica_that_backs_up_is_not_promoted(world, account):
    rds, name = account.rds(WEST), {"DBInstanceIdentifier": "shop-09-usw2"}
    for status in ("backing-up", "modifying", "storage-full", "failed", "a-status-of-next-year"):
        with world.fault(**state("shop-09", status)):
            assert account.instance(WEST, "shop-09-usw2")["DBInstanceStatus"] == status
            refused = aws.refusal(rds.promote_read_replica, BackupRetentionPeriod=7, **name)
            assert refused[:2] == (400, "InvalidDBInstanceState"), status
        one = account.instance(WEST, "shop-09-usw2")
        assert one["DBInstanceStatus"] == "available" and one["ReadReplicaSourceDBInstanceIdentifier"]


def test_replication_that_stopped_says_so(world, account):
    def info():
        return account.instance(WEST, "shop-10-usw2")["StatusInfos"][0]

    with world.fault(kind="link-cut", shop="shop-10", status="terminated"):
        assert (info()["Status"], info()["Normal"]) == ("terminated", False)
    with world.fault(kind="sql-error", shop="shop-10"):
        assert (info()["Status"], info()["Normal"]) == ("error", False) and info()["Message"]
    until("it replicates again", lambda: info()["Status"] == "replicating" and "Message" not in info())


def test_an_instance_that_is_gone_or_another(world, account):
    here = {"DBInstanceIdentifier": "shop-11-usw2"}
    before = account.instance(WEST, "shop-11-usw2")
    with world.fault(kind="instance-gone", shop="shop-11", region=WEST):
        assert aws.refusal(account.rds(WEST).describe_db_instances, **here)[:2] == (404, "DBInstanceNotFound")
        listed = account.rds(WEST).describe_db_instances()["DBInstances"]
        assert "shop-11-usw2" not in {one["DBInstanceIdentifier"] for one in listed} and len(listed) > 20
    with world.fault(kind="instance-replaced", shop="shop-11", region=WEST):
        after = account.instance(WEST, "shop-11-usw2")
        assert after["DBInstanceArn"] == before["DBInstanceArn"] and after["DbiResourceId"] != before["DbiResourceId"]


# RDS: fencing


def read_only(account, region, group):
    pages = account.rds(region).get_paginator("describe_db_parameters").paginate(DBParameterGroupName=group)
    found = [one for page in pages for one in page["Parameters"] if one["ParameterName"] == "read_only"]
    assert len(found) == 1 and found[0]["ApplyType"] == "dynamic"
    return found[0]["ParameterValue"]


def set_read_only(account, region, group, value):
    parameter = {"ParameterName": "read_only", "ParameterValue": value, "ApplyMethod": "immediate"}
    return account.rds(region).modify_db_parameter_group(DBParameterGroupName=group, Parameters=[parameter])


def test_read_only_is_set_at_once_and_arrives_later(account):
    group = "shop-06-cac1-mysql80"

    def shown():
        return account.instance(EAST, "shop-06-cac1")["DBParameterGroups"][0]

    assert read_only(account, EAST, group) == "{TrueIfReplica}"
    assert set_read_only(account, EAST, group, "1")["DBParameterGroupName"] == group
    assert read_only(account, EAST, group) == "1"
    assert shown() == {"DBParameterGroupName": group, "ParameterApplyStatus": "applying"}
    until("it arrives", lambda: shown()["ParameterApplyStatus"] == "in-sync")
    set_read_only(account, EAST, group, "{TrueIfReplica}")
    assert read_only(account, EAST, group) == "{TrueIfReplica}"


def test_parameter_groups_that_cannot_be_changed(account):
    rds = account.rds(EAST)
    parameter = {"ParameterName": "read_only", "ParameterValue": "1", "ApplyMethod": "immediate"}

    def refused(group, **other):
        return aws.refusal(
            rds.modify_db_parameter_group, DBParameterGroupName=group, Parameters=[{**parameter, **other}]
        )[:2]

    assert refused("default.mysql8.0") == (400, "InvalidParameterValue")
    assert read_only(account, EAST, "default.mysql8.0") == "{TrueIfReplica}"
    assert refused("nobody") == (404, "DBParameterGroupNotFound")
    assert refused("shop-06-cac1-mysql80", ParameterValue="maybe") == (400, "InvalidParameterValue")
    assert aws.refusal(rds.describe_db_parameters, DBParameterGroupName="nobody")[:2] == (
        404,
        "DBParameterGroupNotFound",
    )


def test_a_source_and_a_replica_are_not_stopped_and_a_lone_instance_is(account):
    refused = account.rds(EAST).stop_db_instance, account.rds(WEST).stop_db_instance
    for call, name in zip(refused, ("shop-07-cac1", "shop-07-usw2"), strict=True):
        status, code, message = aws.refusal(call, DBInstanceIdentifier=name)
        assert (status, code) == (400, "InvalidDBInstanceState") and "replica" in message
    rds, name = account.rds(WEST), {"DBInstanceIdentifier": "shop-07-usw2"}
    assert aws.refusal(rds.start_db_instance, **name)[:2] == (400, "InvalidDBInstanceState")
    rds.promote_read_replica(BackupRetentionPeriod=0, **name)

    def is_now(status):
        return lambda: account.instance(WEST, "shop-07-usw2")["DBInstanceStatus"] == status

    def alone():
        one = account.instance(WEST, "shop-07-usw2")
        return one["DBInstanceStatus"] == "available" and "ReadReplicaSourceDBInstanceIdentifier" not in one

    until("it is a writer", alone)
    assert rds.stop_db_instance(**name)["DBInstance"]["DBInstanceStatus"] == "stopping"
    until("it is stopped", is_now("stopped"))
    assert aws.refusal(rds.stop_db_instance, **name)[:2] == (400, "InvalidDBInstanceState")
    assert rds.start_db_instance(**name)["DBInstance"]["DBInstanceStatus"] == "starting"
    until("it runs again", is_now("available"))


def test_a_replica_is_made_of_a_writer_in_another_region(account):
    source, former = account.instance(EAST, "shop-12-cac1"), account.instance(WEST, "shop-12-usw2")
    rds, name = account.rds(WEST), "shop-12-usw2-e2"
    group = former["DBParameterGroups"][0]["DBParameterGroupName"]
    copy = {
        "SourceDBParameterGroupIdentifier": group,
        "TargetDBParameterGroupIdentifier": name,
        "TargetDBParameterGroupDescription": "a copy",
    }
    assert rds.copy_db_parameter_group(**copy)["DBParameterGroup"]["DBParameterGroupName"] == name
    assert aws.refusal(rds.copy_db_parameter_group, **copy)[:2] == (400, "DBParameterGroupAlreadyExists")
    nowhere = copy | {"SourceDBParameterGroupIdentifier": "none"}
    assert aws.refusal(rds.copy_db_parameter_group, **nowhere)[:2] == (404, "DBParameterGroupNotFound")

    like = {
        "DBInstanceIdentifier": name,
        "SourceDBInstanceIdentifier": source["DBInstanceArn"],
        "DBInstanceClass": former["DBInstanceClass"],
        "DBSubnetGroupName": former["DBSubnetGroup"]["DBSubnetGroupName"],
        "VpcSecurityGroupIds": [one["VpcSecurityGroupId"] for one in former["VpcSecurityGroups"]],
        "KmsKeyId": former["KmsKeyId"],
        "DBParameterGroupName": name,
        "StorageType": former["StorageType"],
        "Tags": [{"Key": "breakwater:owner", "Value": "wire"}],
    }
    keyless = {key: value for key, value in like.items() if key != "KmsKeyId"}
    refused = aws.refusal(rds.create_db_instance_read_replica, **keyless)
    assert refused[:2] == (400, "InvalidParameterCombination")
    # A replica keeps no backups, and is no source without them.
    of_replica = like | {"SourceDBInstanceIdentifier": former["DBInstanceArn"]}
    refused = aws.refusal(account.rds(EAST).create_db_instance_read_replica, **of_replica | {"DBParameterGroupName": "x"})
    assert refused[0] in (400, 404)

    made = rds.create_db_instance_read_replica(**like)["DBInstance"]
    assert made["DBInstanceStatus"] == "creating"
    assert made["ReadReplicaSourceDBInstanceIdentifier"] == source["DBInstanceArn"]
    assert made["TagList"] == like["Tags"]
    refused = aws.refusal(rds.create_db_instance_read_replica, **like)
    assert refused[:2] == (400, "DBInstanceAlreadyExists")
    listed = account.instance(WEST, name)
    assert (listed["DBInstanceClass"], listed["BackupRetentionPeriod"]) == (former["DBInstanceClass"], 0)
    assert made["DBInstanceArn"] in account.instance(EAST, "shop-12-cac1")["ReadReplicaDBInstanceIdentifiers"]


def test_tags_come_and_go(account):
    rds, arn = account.rds(EAST), account.instance(EAST, "shop-08-cac1")["DBInstanceArn"]

    def tags():
        listed = account.instance(EAST, "shop-08-cac1")["TagList"]
        return {tag["Key"]: tag["Value"] for tag in listed}

    ours = {"breakwater:owner": "demo/shops/shop-08", "breakwater:epoch": "3", "breakwater:fenced": "4"}
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": key, "Value": ours[key]} for key in ours])
    assert tags() == ours
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "breakwater:epoch", "Value": "4"}])
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["breakwater:fenced", "never-there"])
    assert tags() == {"breakwater:owner": "demo/shops/shop-08", "breakwater:epoch": "4"}
    stranger = arn.replace("shop-08-cac1", "nobody")
    for call, what in (
        (rds.add_tags_to_resource, {"Tags": [{"Key": "k", "Value": "v"}]}),
        (rds.remove_tags_from_resource, {"TagKeys": ["k"]}),
    ):
        assert aws.refusal(call, ResourceName=stranger, **what)[:2] == (404, "DBInstanceNotFound")


# Route 53


def record(name, kind, *values, ttl=30):
    return {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": [{"Value": value} for value in values]}


def change(account, *changes):
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": one} for action, one in changes]}
    return account.route53.change_resource_record_sets(HostedZoneId=ZONE, ChangeBatch=batch)["ChangeInfo"]


def refused_change(account, *changes):
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": one} for action, one in changes]}
    return aws.refusal(account.route53.change_resource_record_sets, HostedZoneId=ZONE, ChangeBatch=batch)


def listing(account, name=None, kind=None, most=300):
    start = {key: value for key, value in (("StartRecordName", name), ("StartRecordType", kind)) if value}
    return account.route53.list_resource_record_sets(HostedZoneId=ZONE, MaxItems=str(most), **start)


def at(account, name, kind):
    """The record set of exactly this name and type: the start of a listing is a cursor, not a filter."""
    here = listing(account, name, kind, 1)["ResourceRecordSets"]
    return next((one for one in here if decoded(one["Name"]) == name and one["Type"] == kind), None)


def decoded(name):
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal.group(1), 8)), name)


def test_zones(account):
    zone = account.route53.get_hosted_zone(Id=ZONE)["HostedZone"]
    assert (zone["Id"], zone["Name"]) == (f"/hostedzone/{ZONE}", "example.com.")
    route53 = account.route53
    assert aws.refusal(route53.get_hosted_zone, Id="ZNOBODY")[:2] == (404, "NoSuchHostedZone")
    assert aws.refusal(route53.list_resource_record_sets, HostedZoneId="ZNOBODY")[:2] == (404, "NoSuchHostedZone")


def test_the_start_of_a_listing_is_a_cursor_in_dns_order(account):
    names = [f"{label}cursor.example.com." for label in ("", "a.", "z.a.", "b.", "*.c.")]
    change(account, *[("CREATE", record(name, "CNAME", "x.example.net")) for name in reversed(names)])
    page = listing(account, "cursor.example.com.", most=4)
    # By labels from the right: z.a comes before b.
    assert [one["Name"] for one in page["ResourceRecordSets"]] == names[:4]
    assert page["IsTruncated"] and page["MaxItems"] == "4"
    assert decoded(page["NextRecordName"]) == names[4] and page["NextRecordType"] == "CNAME"
    # A name that is not there begins at the next one.
    assert listing(account, "aa.cursor.example.com", most=1)["ResourceRecordSets"][0]["Name"] == names[3]
    # A wildcard comes back as an octal escape, and is one with its decoded name, whatever the case.
    wild = listing(account, names[4], "CNAME", 1)["ResourceRecordSets"][0]
    assert wild["Name"] == r"\052.c.cursor.example.com." and decoded(wild["Name"]) == names[4]
    for same in (r"\052.c.cursor.example.com.", "*.C.Cursor.Example.COM"):
        assert refused_change(account, ("CREATE", record(same, "CNAME", "y")))[1] == "InvalidChangeBatch"
    status, code, _ = aws.refusal(account.route53.list_resource_record_sets, HostedZoneId=ZONE, StartRecordType="CNAME")
    assert (status, code) == (400, "InvalidInput"), "a type without a name"
    change(account, *[("DELETE", record(name, "CNAME", "x.example.net")) for name in names])


def test_long_listings_say_where_the_next_page_begins(account):
    names = [f"n{number:03}.long.example.com." for number in range(320)]
    change(account, *[("CREATE", record(name, "A", "192.0.2.1")) for name in names])
    paginator = account.route53.get_paginator("list_resource_record_sets")
    for size in ({}, {"PageSize": 300}, {"PageSize": 7}):
        pages = list(paginator.paginate(HostedZoneId=ZONE, PaginationConfig=size))
        listed = [one["Name"] for page in pages for one in page["ResourceRecordSets"]]
        assert [name for name in listed if ".long." in name] == names, size
        assert all(page["NextRecordName"] for page in pages[:-1]) and not pages[-1]["IsTruncated"]
        key = [
            (one["Name"].rstrip(".").split(".")[::-1], one["Type"])
            for page in pages
            for one in page["ResourceRecordSets"]
        ]
        assert key == sorted(key)
    change(account, *[("DELETE", record(name, "A", "192.0.2.1")) for name in names])


def test_changes_of_each_kind(account):
    name = "kinds.example.com."
    old, new = record(name, "CNAME", "old.example.net"), record(name, "CNAME", "new.example.net")
    change(account, ("CREATE", old))
    assert at(account, name, "CNAME") == old
    assert refused_change(account, ("CREATE", new))[:2] == (400, "InvalidChangeBatch")
    # UPSERT is blind, as a change and as a creation.
    change(account, ("UPSERT", new))
    assert at(account, name, "CNAME") == new
    change(account, ("UPSERT", record("fresh." + name, "A", "192.0.2.1", "192.0.2.2")))
    # The order of values does not matter to a DELETE, each of them does.
    assert refused_change(account, ("DELETE", record("fresh." + name, "A", "192.0.2.1")))[1] == "InvalidChangeBatch"
    change(account, ("DELETE", record("fresh." + name, "A", "192.0.2.2", "192.0.2.1")))
    assert at(account, "fresh." + name, "A") is None
    change(account, ("DELETE", new))
    assert at(account, name, "CNAME") is None


def test_delete_and_create_are_a_compare_and_swap(account):
    name = "swap.example.com."
    old, new = record(name, "CNAME", "old.example.net"), record(name, "CNAME", "new.example.net")
    change(account, ("CREATE", old))
    change(account, ("DELETE", old), ("CREATE", new))
    assert at(account, name, "CNAME") == new
    # Stale by value, by TTL, or gone: refused as a whole, and nothing else of the batch happens.
    beside = record("_beside." + name, "TXT", '"v=1"')
    for stale in (old, {**new, "TTL": 31}, record("gone." + name, "CNAME", "x")):
        status, code, message = refused_change(
            account, ("CREATE", beside), ("DELETE", stale), ("UPSERT", record(name, "CNAME", "third"))
        )
        assert (status, code) == (400, "InvalidChangeBatch") and "Tried to delete" in message
        assert at(account, name, "CNAME") == new and at(account, "_beside." + name, "TXT") is None
    change(account, ("DELETE", new))


def test_text_wants_its_quotes(account):
    name = "_breakwater.text.example.com."
    value = '"v=1 owner=demo/shops/shop-ca epoch=1 region=ca-central-1 excluded=- <&> é"'
    status, code, message = refused_change(account, ("CREATE", record(name, "TXT", value.strip('"'))))
    assert (status, code) == (400, "InvalidChangeBatch") and "quotation marks" in message
    change(account, ("CREATE", record(name, "TXT", value, '"two" "strings"')))
    assert at(account, name, "TXT") == record(name, "TXT", value, '"two" "strings"')
    change(account, ("DELETE", record(name, "TXT", '"two" "strings"', value)))


def test_batches_that_make_no_sense(account):
    outside = record("shop.example.org.", "CNAME", "x")
    assert refused_change(account, ("CREATE", outside))[1] == "InvalidChangeBatch"
    beside = record("db.shop-ca.example.com.", "A", "192.0.2.1")
    status, code, message = refused_change(account, ("CREATE", beside))
    assert code == "InvalidChangeBatch" and "CNAME" in message


def test_a_change_is_pending_until_it_is_not(account):
    info = change(account, ("UPSERT", record("pending.example.com.", "CNAME", "x.example.net")))
    assert info["Status"] == "PENDING" and info["Id"].startswith("/change/C")
    bare = info["Id"].removeprefix("/change/")
    assert account.route53.get_change(Id=bare)["ChangeInfo"]["SubmittedAt"] == info["SubmittedAt"]
    seen = set()

    def look():
        seen.add(account.route53.get_change(Id=bare)["ChangeInfo"]["Status"])
        return "INSYNC" in seen

    until("the change is INSYNC", look, pause=0.02)
    assert seen == {"PENDING", "INSYNC"}
    assert aws.refusal(account.route53.get_change, Id="CNOBODY")[:2] == (404, "NoSuchChange")


# CloudWatch


def test_samples_of_a_replica(world, account):
    lag = samples(account, world, WEST, "ReplicaLag", "shop-ca-usw2")
    other = samples(account, world, WEST, "CPUUtilization", "shop-ca-usw2")
    assert len(lag) >= 5 and all(0 <= value < 10 for _, value in lag), lag
    times = [when for when, _ in lag]
    assert times == sorted(times, reverse=True) and all(when % 60 == 0 for when in times)
    assert times[0] <= world.now() - 60, "a sample is published a minute late at the earliest"
    assert set(times) <= {when for when, _ in other} and all(0 < value < 100 for _, value in other)
    # A writer has no lag; a replica's metrics are in its own region; what is not there has no samples and no error.
    assert samples(account, world, EAST, "ReplicaLag", "shop-ca-cac1") == []
    assert samples(account, world, EAST, "ReplicaLag", "shop-ca-usw2") == []
    assert samples(account, world, WEST, "NoSuchMetric", "shop-ca-usw2") == []


def test_many_queries_at_once_in_their_order(world, account, setup):
    ids = [shop["secondary"]["db_instance"] for shop in setup["shops"] if shop["secondary"]["region"] == WEST]
    queries = []
    for index, name in enumerate(ids):
        queries += [aws.metric_query(f"lag{index}", "ReplicaLag", name)]
        queries += [aws.metric_query(f"other{index}", "CPUUtilization", name)]
    answer = account.cloudwatch(WEST).get_metric_data(MetricDataQueries=queries, **window(world))
    assert [one["Id"] for one in answer["MetricDataResults"]] == [query["Id"] for query in queries]
    up, down = (
        account.cloudwatch(WEST).get_metric_data(
            MetricDataQueries=queries[1:2],
            ScanBy=order,
            StartTime=seconds(world.now() - 600),
            EndTime=seconds(world.now() - 300),
        )["MetricDataResults"][0]["Timestamps"]
        for order in ("TimestampAscending", "TimestampDescending")
    )
    assert up == down[::-1] and len(up) >= 4


@pytest.mark.parametrize("protocol", ["smithy-rpc-v2-cbor", "json", "query"])
def test_each_protocol_of_cloudwatch_says_the_same(world, account, protocol):
    """aws-sdk-cloudwatch speaks CBOR, boto3 one or the other, older tools the query protocol."""
    ask = {"MetricDataQueries": [aws.metric_query("q0", metric, "shop-ca-usw2") for metric in ("CPUUtilization",)]}
    ask |= {"StartTime": seconds(world.now() - 900), "EndTime": seconds(world.now() - 180)}
    with aws.spoken(protocol):
        one = aws.client(world.url, "cloudwatch", WEST, account.session_keys)
        said = one.get_metric_data(**ask)["MetricDataResults"]
        assert one.meta.service_model.resolved_protocol == protocol
        backwards = {"StartTime": ask["EndTime"], "EndTime": ask["StartTime"]}
        assert aws.refusal(one.get_metric_data, **(ask | backwards))[:2] == (400, "ValidationError")
    assert said == account.cloudwatch(WEST).get_metric_data(**ask)["MetricDataResults"]
    stamps = [when.timestamp() for when in said[0]["Timestamps"]]
    assert len(stamps) >= 10 and all(when % 60 == 0 for when in stamps), stamps


def test_metric_questions_that_make_no_sense(world, account):
    cloudwatch, query = account.cloudwatch(WEST), [aws.metric_query("q0", "ReplicaLag", "shop-ca-usw2")]
    sound = window(world)
    backwards = {"StartTime": sound["EndTime"], "EndTime": sound["StartTime"]}
    for arguments in (
        {"MetricDataQueries": query, **backwards},
        {"MetricDataQueries": [], **sound},
        {"MetricDataQueries": query * 501, **sound},
    ):
        assert aws.refusal(cloudwatch.get_metric_data, **arguments)[:2] == (400, "ValidationError")


# Trouble


def test_providers_that_throttle_deny_or_doubt_our_clock(world, account):
    ask = {"MetricDataQueries": [aws.metric_query("q0", "ReplicaLag", "x")], **window(world)}
    for api, call, arguments in (
        ("rds", account.rds(EAST).describe_db_instances, {}),
        ("route53", account.route53.get_hosted_zone, {"Id": ZONE}),
        ("cloud-watch", account.cloudwatch(EAST).get_metric_data, ask),
    ):
        with world.fault(kind="api-throttling", api=api):
            assert aws.refusal(call, **arguments)[:2] == (400, "Throttling"), api
        with world.fault(kind="api-denied", api=api):
            assert aws.refusal(call, **arguments)[:2] == (403, "AccessDenied"), api
        with world.fault(kind="clock-refused"):
            status, code, message = aws.refusal(call, **arguments)
            assert (status, code) == (403, "SignatureDoesNotMatch") and message.startswith("Signature expired"), api
        call(**arguments)


def test_answers_that_break_off(world, account):
    with world.fault(kind="api-truncated", api="rds", percent=50):
        with pytest.raises(botocore.parsers.ResponseParserError):
            account.rds(EAST).describe_db_instances()


@pytest.fixture(scope="module")
def dark():
    """A world whose regions may die."""
    one = World("dark")
    yield one
    one.stop()


def test_a_region_that_is_down_says_nothing_and_takes_no_samples(dark):
    account = aws.account(dark)
    before = samples(account, dark, WEST, "CPUUtilization", "shop-ca-usw2")
    begun = dark.now()
    with dark.fault(kind="region-down", region=WEST):
        for service, call, arguments in (
            ("rds", "describe_db_instances", {}),
            ("rds", "promote_read_replica", {"DBInstanceIdentifier": "shop-ca-usw2"}),
            ("sts", "get_caller_identity", {}),
            (
                "cloudwatch",
                "get_metric_data",
                {"MetricDataQueries": [aws.metric_query("q0", "ReplicaLag", "x")], **window(dark)},
            ),
        ):
            one = aws.client(dark.url, service, WEST, account.session_keys, timeout=0.5)
            with pytest.raises(botocore.exceptions.ReadTimeoutError):
                getattr(one, call)(**arguments)
        assert account.instance(EAST, "shop-ca-cac1")["DBInstanceStatus"] == "available"
        until("three minutes of the world's time pass", lambda: dark.now() > begun + 180)
    ended = dark.now()

    def again():
        found = samples(account, dark, WEST, "ReplicaLag", "shop-ca-usw2")
        return found if found and found[0][0] > ended else None

    lag = until("samples come again", again)
    other = samples(account, dark, WEST, "CPUUtilization", "shop-ca-usw2")
    for found in (lag, other):
        assert not [when for when, _ in found if begun + 1 < when < ended - 1], "no sample of the time it was down"
    assert {when for when, _ in before} <= {when for when, _ in other}, "what was there stays"
    # What was asked of the dead region had no effect.
    assert account.instance(WEST, "shop-ca-usw2")["DBInstanceStatus"] == "available"


def test_route53_goes_with_its_region(dark):
    account = aws.account(dark)
    with dark.fault(kind="region-down", region="us-east-1"):
        impatient = aws.client(dark.url, "route53", "us-east-1", account.session_keys, timeout=0.5)
        with pytest.raises(botocore.exceptions.ReadTimeoutError):
            impatient.get_hosted_zone(Id=ZONE)
        assert account.instance(WEST, "shop-ca-usw2")["DBInstanceStatus"] == "available"
    assert account.route53.get_hosted_zone(Id=ZONE)["HostedZone"]["Name"] == "example.com."


def test_errors_of_the_providers_in_their_own_form(dark):
    account = aws.account(dark)
    ask = {"MetricDataQueries": [aws.metric_query("q0", "ReplicaLag", "x")], **window(dark)}
    for api, call, arguments in (
        ("rds", account.rds(EAST).describe_db_instances, {}),
        ("route53", account.route53.get_hosted_zone, {"Id": ZONE}),
        ("cloud-watch", account.cloudwatch(EAST).get_metric_data, ask),
        ("sts", account.client("sts", EAST).get_caller_identity, {}),
    ):
        for status, code in ((400, "Throttling"), (503, "ServiceUnavailable"), (500, "InternalFailure")):
            with dark.fault(kind="api-error", api=api, status=status, code=code):
                assert aws.refusal(call, **arguments)[:2] == (status, code), api
        call(**arguments)


@pytest.fixture(scope="module")
def narrow():
    """A world with small quotas and short sessions."""
    setup = wire_setup()
    setup["shops"] = setup["shops"][:3]
    setup["timing"] |= {"dns_burst": 4.0, "dns_per_second": 0.001}
    one = World("narrow", setup, "--session-seconds", "3")
    yield one
    one.stop()


def test_route53_throttles_each_action_by_itself(narrow):
    account = aws.account(narrow)
    for _ in range(4):
        account.route53.get_hosted_zone(Id=ZONE)
    assert aws.refusal(account.route53.get_hosted_zone, Id=ZONE)[:2] == (400, "Throttling")
    assert account.route53.list_resource_record_sets(HostedZoneId=ZONE)["ResourceRecordSets"]


def test_sessions_end(narrow):
    account = aws.account(narrow)
    assert account.instance(WEST, "shop-ca-usw2")

    def ended():
        try:
            account.instance(WEST, "shop-ca-usw2")
        except botocore.exceptions.ClientError as error:
            return error.response["Error"]["Code"]
        return None

    assert until("the session ends", ended, pause=0.2) == "ExpiredToken"
    for call, arguments in every_read(narrow.url, account.session_keys):
        assert aws.refusal(call, **arguments)[:2] == (403, "ExpiredToken")
    assert aws.account(narrow).instance(WEST, "shop-ca-usw2"), "a new session works"


def test_every_operation_was_driven():
    """The last of this file: each operation was accepted at least once, and each that can be refused was."""
    missing = [name for name in aws.OPERATIONS.values() if not aws.COUNTED[name]["accepted"]]
    assert not missing, f"never accepted: {missing}"
    never_refused = [name for name in aws.OPERATIONS.values() if not aws.COUNTED[name]["refused"]]
    assert not never_refused, f"never refused: {never_refused}"
