"""The official Cloudflare SDK drives breakwater-world through every operation that we use."""

import re

import cloudflare
import pytest

import flare
from processes import ROOT, World, demo_setup, until

ACCOUNT = "0123456789abcdef0123456789abcdef"
ZONE = "023e105f4ecef8ad9ca31a8372d0c353"
POOL, OTHER = "17b5962d775c646f3f9725cbc7a53df4", "9290f38c5d07c2e2f4df57b1f61d4196"
BALANCER = "699d98642c564d2e855e9661899b7252"
GEO = "4e6f8a0c2d3e5f7b9c1d2f4a6b8c0e03"
GEO_POOLS = ["2c4d6f8a0b1c3e5f7a9b0d2e4f6a8c01", "3d5e7f9b1c2d4f6a8b0c1e3f5a7b9d02"]
NOBODY = "f" * 32


@pytest.fixture(scope="module")
def world():
    one = World("cloudflare")
    yield one
    one.stop()


@pytest.fixture(scope="module")
def api(world):
    return flare.client(world)


def balancer(api, one=BALANCER):
    return api.load_balancers.get(one, zone_id=ZONE)


def cities(api, pool):
    """Pool health is a map by city; the SDK's type, as the document, has it flat, and keeps what it does not know."""
    health = api.load_balancers.pools.health.get(pool, account_id=ACCOUNT)
    assert health.pool_id == pool and health.pop_health.healthy is None
    return health.pop_health.model_extra or {}


def test_no_operation_is_left_out():
    source = (ROOT / "crates/sim/src/request.rs").read_text(encoding="utf-8")
    names = re.search(r"pub fn op\(&self\).*?\n    }\n", source, re.S).group(0)
    kinds = re.findall(r"CloudflareOp::\w+[^=]*=> \"([a-z-]+)\"", names)
    assert sorted(kinds) == sorted(flare.OPERATIONS)


def test_pools(api):
    listed = list(api.load_balancers.pools.list(account_id=ACCOUNT))
    assert len(listed) == 6 and {POOL, OTHER} < {pool.id for pool in listed}
    pool = api.load_balancers.pools.get(POOL, account_id=ACCOUNT)
    assert (pool.name, pool.enabled, pool.minimum_origins) == ("shop-ca-ca-central-1", True, 1)
    origin = pool.origins[0]
    assert (origin.address, origin.enabled, origin.weight) == ("cac1.shop-ca.example.com", True, 1)
    assert pool.check_regions is None and pool.created_on is not None
    assert next(one for one in listed if one.id == POOL).to_dict() == pool.to_dict()


def test_pool_health_by_city(api):
    told = cities(api, POOL)
    assert len(told) >= 3 and all(city["healthy"] is True for city in told.values()), told
    for city in told.values():
        [[address, origin]] = [list(one.items())[0] for one in city["origins"]]
        assert address == "cac1.shop-ca.example.com"
        assert origin["healthy"] is True and origin["response_code"] == 200 and re.fullmatch(r"\d+ms", origin["rtt"])


def test_monitors(api):
    pool = api.load_balancers.pools.get(POOL, account_id=ACCOUNT)
    monitor = api.load_balancers.monitors.get(pool.monitor, account_id=ACCOUNT)
    assert (monitor.id, monitor.type, monitor.method) == (pool.monitor, "https", "GET")
    assert (monitor.interval, monitor.path, monitor.expected_codes) == (15, "/checkout/-/health", "200")


def test_balancers(api):
    listed = {one.id: one for one in api.load_balancers.list(zone_id=ZONE)}
    assert len(listed) == 3
    one = balancer(api)
    assert one.to_dict() == listed[BALANCER].to_dict()
    assert (one.default_pools, one.fallback_pool) == ([POOL, OTHER], POOL)
    assert (one.steering_policy, one.enabled, one.proxied) == ("off", True, True)
    assert listed[GEO].region_pools["WNAM"] == GEO_POOLS[::-1]


def test_an_edit_changes_what_it_names_and_nothing_else(api):
    before = balancer(api).to_dict()
    edited = api.load_balancers.edit(BALANCER, zone_id=ZONE, default_pools=[OTHER, POOL], fallback_pool=OTHER)
    assert (edited.default_pools, edited.fallback_pool) == ([OTHER, POOL], OTHER)
    after = balancer(api).to_dict()
    changed = {field for field in after if after[field] != before.get(field)}
    assert changed == {"default_pools", "fallback_pool", "modified_on"} and after.keys() == before.keys()
    api.load_balancers.edit(BALANCER, zone_id=ZONE, default_pools=[POOL, OTHER], fallback_pool=POOL)


def test_a_map_is_replaced_whole(api):
    before = balancer(api, GEO)
    assert len(before.region_pools) == 4
    api.load_balancers.edit(GEO, zone_id=ZONE, region_pools={"WEU": GEO_POOLS[1:]}, pop_pools={})
    after = balancer(api, GEO)
    assert after.region_pools == {"WEU": GEO_POOLS[1:]} and after.default_pools == before.default_pools
    api.load_balancers.edit(GEO, zone_id=ZONE, region_pools=before.region_pools)
    assert balancer(api, GEO).region_pools == before.region_pools


def test_lists_that_make_no_sense_are_refused_and_change_nothing(api):
    before = balancer(api).to_dict()
    for wrong in (
        {"default_pools": [POOL, POOL]},
        {"default_pools": [POOL, NOBODY]},
        {"default_pools": []},
        {"fallback_pool": NOBODY},
        {"fallback_pool": POOL, "region_pools": {"WEU": [OTHER, OTHER]}},
        {"region_pools": {"WEU": [NOBODY]}},
        {"region_pools": {"WEU": []}},
        {"country_pools": {"CA": [NOBODY]}},
        {"pop_pools": {"YYZ": [OTHER, OTHER]}},
        {"steering_policy": "by_the_stars"},
        {"extra_body": {"default_pools": "not a list"}},
        {"extra_body": {"region_pools": ["no", "map"]}},
    ):
        status, code, message = flare.refusal(api.load_balancers.edit, BALANCER, zone_id=ZONE, **wrong)
        assert status == 400 and code in (1002, 1003) and "validation failed" in message, (wrong, code, message)
        assert balancer(api).to_dict() == before, wrong


def test_fields_of_the_wrong_type_are_refused(api):
    before = balancer(api).to_dict()
    for wrong in (
        {"enabled": "yes"},
        {"proxied": 1},
        {"fallback_pool": [POOL]},
        {"ttl": "soon"},
        {"steering_policy": 7},
        {"name": None},
    ):
        status, code, _ = flare.refusal(api.load_balancers.edit, BALANCER, zone_id=ZONE, extra_body=wrong)
        assert (status, code) == (400, 1002), wrong
        assert balancer(api).to_dict() == before, wrong


def test_a_disabled_pool_is_no_longer_monitored(api):
    api.load_balancers.pools.edit(
        GEO_POOLS[0],
        account_id=ACCOUNT,
        origins=[{"name": "alb", "address": "cac1.shop-geo.example.com"}],
        enabled=False,
    )
    assert not api.load_balancers.pools.get(GEO_POOLS[0], account_id=ACCOUNT).enabled
    assert cities(api, GEO_POOLS[0]) == {}
    assert flare.refusal(api.load_balancers.pools.edit, GEO_POOLS[0], account_id=ACCOUNT, origins=[])[:2] == (400, 1002)
    api.load_balancers.pools.edit(GEO_POOLS[0], account_id=ACCOUNT, extra_body={"enabled": True})
    until("it is monitored again", lambda: len(cities(api, GEO_POOLS[0])) >= 3)


def test_who_has_no_right_token(world, api):
    stranger = flare.client(world, "not-the-token")
    for call, arguments in (
        (stranger.load_balancers.pools.get, {"pool_id": POOL, "account_id": ACCOUNT}),
        (stranger.load_balancers.get, {"load_balancer_id": BALANCER, "zone_id": ZONE}),
        (stranger.load_balancers.edit, {"load_balancer_id": BALANCER, "zone_id": ZONE, "default_pools": [OTHER]}),
        (stranger.load_balancers.pools.list, {"account_id": ACCOUNT}),
        (stranger.load_balancers.list, {"zone_id": ZONE}),
        (stranger.load_balancers.monitors.get, {"monitor_id": NOBODY, "account_id": ACCOUNT}),
        (stranger.load_balancers.pools.health.get, {"pool_id": POOL, "account_id": ACCOUNT}),
        (stranger.user.tokens.verify, {}),
    ):
        assert flare.refusal(call, **arguments)[:2] == (403, 9109)
    assert balancer(api).default_pools == [POOL, OTHER]
    # What nothing may depend on: the account's own tokens are refused there.
    assert flare.refusal(api.user.tokens.verify)[:2] == (400, 1001)
    # The real service has seen our global-key client too; here it has no meaning.
    with pytest.raises(cloudflare.BadRequestError):
        old = cloudflare.Cloudflare(api_email="a@example.com", api_key="0" * 37, max_retries=0, base_url=api.base_url)
        old.load_balancers.get(BALANCER, zone_id=ZONE)


def test_ids_that_nobody_has(api):
    balancers, pools = api.load_balancers, api.load_balancers.pools
    for call, arguments in (
        (pools.get, {"pool_id": NOBODY, "account_id": ACCOUNT}),
        (pools.edit, {"pool_id": NOBODY, "account_id": ACCOUNT, "origins": []}),
        (pools.delete, {"pool_id": NOBODY, "account_id": ACCOUNT}),
        (pools.health.get, {"pool_id": NOBODY, "account_id": ACCOUNT}),
        (balancers.monitors.get, {"monitor_id": NOBODY, "account_id": ACCOUNT}),
        (balancers.get, {"load_balancer_id": NOBODY, "zone_id": ZONE}),
        (balancers.edit, {"load_balancer_id": NOBODY, "zone_id": ZONE, "enabled": True}),
        # Another account's and another zone's are not there either.
        (pools.get, {"pool_id": POOL, "account_id": NOBODY}),
        (pools.list, {"account_id": NOBODY}),
        (balancers.get, {"load_balancer_id": BALANCER, "zone_id": NOBODY}),
        (balancers.list, {"zone_id": NOBODY}),
    ):
        status, code, message = flare.refusal(call, **arguments)
        assert (status, code) == (404, 1001) and NOBODY in message


def test_a_dead_region_shows_in_its_pools(world, api):
    with world.fault(kind="region-down", region="ca-central-1"):

        def all_down():
            told = cities(api, POOL)
            return told if told and not any(city["healthy"] for city in told.values()) else None

        down = until("every city calls it down", all_down)
        origins = [origin for city in down.values() for one in city["origins"] for origin in one.values()]
        assert all(one["failure_reason"] == "HTTP timeout occurred" and one["response_code"] == 0 for one in origins)
        # The writer of this shop is elsewhere, and so is the service that its monitor asks for.
        assert all(city["healthy"] for city in cities(api, "5f7a9b1d3e4f6a8c0d2e3a5b7c9d1f04").values())


def test_the_quota_refuses_everything():
    setup = demo_setup()
    setup["timing"]["cloudflare_quota"] = 5
    one = World("quota", setup)
    try:
        api = flare.client(one)
        for _ in range(5):
            api.load_balancers.get(BALANCER, zone_id=ZONE)
        for call in (
            lambda: api.load_balancers.get(BALANCER, zone_id=ZONE),
            lambda: api.load_balancers.pools.list(account_id=ACCOUNT),
        ):
            assert flare.refusal(call)[0] == 429
    finally:
        one.stop()


def test_errors_of_the_provider_in_its_own_form(world, api):
    for status, code in ((500, 10001), (502, 10002), (403, 10000)):
        with world.fault(kind="api-error", api="cloudflare", status=status, code=str(code)):
            assert flare.refusal(balancer, api)[:2] == (status, code)


def test_a_pool_in_use_is_not_deleted(api):
    pools = api.load_balancers.pools
    assert flare.refusal(pools.delete, OTHER, account_id=ACCOUNT)[:2] == (412, 1005)
    api.load_balancers.edit(BALANCER, zone_id=ZONE, default_pools=[POOL])
    assert pools.delete(OTHER, account_id=ACCOUNT).id == OTHER
    assert flare.refusal(pools.get, OTHER, account_id=ACCOUNT)[:2] == (404, 1001)
    status, code, _ = flare.refusal(api.load_balancers.edit, BALANCER, zone_id=ZONE, default_pools=[POOL, OTHER])
    assert (status, code) == (400, 1002), "a pool that is gone is an unknown one"


def test_every_operation_was_driven():
    """The last of this file."""
    never = [name for name in flare.OPERATIONS.values() if not flare.COUNTED[name]["accepted"]]
    assert never == [flare.OPERATIONS["verify-token"]], "it refuses always, the others must not"
    assert all(flare.COUNTED[name]["refused"] for name in flare.OPERATIONS.values())
