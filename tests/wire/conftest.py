"""What the wire tests share, and the counts that they print at the end."""

import json

import pytest

import aws
import flare
import openapi
from processes import WORK, World, demo_setup

EAST, WEST = "ca-central-1", "us-west-2"


def wire_setup():
    """The demo's shops, one whose groups are RDS' defaults, and twenty-two more for paging."""
    setup = demo_setup()
    template = json.dumps(setup["shops"][0])
    pools = [setup["shops"][0][side]["pool_id"] for side in ("primary", "secondary")]
    balancer = setup["shops"][0]["balancers"][0]["id"]
    for number in range(23):
        name = "shop-default" if number == 0 else f"shop-{number:02}"
        text = template.replace("shop-ca", name).replace(balancer, f"{number:04x}" + balancer[4:])
        for pool in pools:
            text = text.replace(pool, f"{number:04x}" + pool[4:])
        shop = json.loads(text)
        shop["orders_per_second"] = shop["jobs_per_minute"] = 0.1
        if number == 0:
            for side in ("primary", "secondary"):
                shop[side]["parameter_group"] = "default.mysql8.0"
        setup["shops"].append(shop)
    return setup


@pytest.fixture(scope="session")
def world():
    """One world for all tests that do not break it."""
    one = World("world", wire_setup())
    yield one
    one.stop()


@pytest.fixture(scope="session")
def account(world):
    return aws.account(world)


@pytest.fixture(scope="session")
def setup():
    return wire_setup()


def pytest_terminal_summary(terminalreporter):
    say = terminalreporter.write_line
    counts = {"aws": {}, "cloudflare": {}, "openapi": openapi.CHECKED}
    terminalreporter.section("operations on the wire")
    for title, table, known in (
        ("aws", aws.COUNTED, set(aws.OPERATIONS.values())),
        ("cloudflare", flare.COUNTED, set(flare.OPERATIONS.values())),
    ):
        ours = {name: table[name] for name in sorted(table) if name in known}
        for name, counted in ours.items():
            codes = ", ".join(sorted(counted["codes"]))
            say(f"{name:28} accepted {counted['accepted']:4}  refused {counted['refused']:3}  {codes}")
            counts[title][name] = {**counted, "codes": sorted(counted["codes"])}
        refused = sum(counted["refused"] for counted in ours.values())
        calls = refused + sum(counted["accepted"] for counted in ours.values())
        say(
            f"{title}: {len(ours)} of {len(known)} operations covered, {calls} calls, {refused} refusals as they must be"
        )
    checked = openapi.CHECKED
    say(
        f"document: {checked['requests']} requests and {checked['answers']} answers validated, over "
        f"{len(checked['operations'])} operations; {checked['violations']} deliberate violations caught"
    )
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "coverage.json").write_text(json.dumps(counts, indent=1, sort_keys=True), encoding="utf-8")
