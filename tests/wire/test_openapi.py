"""Each Cloudflare request of the controller, and each answer of the world, against Cloudflare's own document.

The requests are the real ones: the `breakwater` controller runs on a real API server, a recording proxy stands between
it and breakwater-world, a region dies, both of its shops move. Then deliberate violations, each of which must be caught.
"""

import copy
import json
import os
import subprocess

import pytest

import flare
import openapi
from processes import PATIENCE, PROGRAMS, ROOT, SCALE, WORK, Program, World, until
from recorder import Recorder

CLUSTER = ROOT / "target" / "cluster" / "cluster"
CACHE = ROOT / "target" / "cluster" / "cache"
PREFIX = "/client/v4"
ACCOUNT = "0123456789abcdef0123456789abcdef"
ZONE = "023e105f4ecef8ad9ca31a8372d0c353"
POOL, OTHER = "17b5962d775c646f3f9725cbc7a53df4", "9290f38c5d07c2e2f4df57b1f61d4196"
BALANCER = "699d98642c564d2e855e9661899b7252"
MOVING = ("shop-ca", "shop-geo")


@pytest.fixture(scope="session")
def document():
    return openapi.Document()


# The real thing


class Stage:
    """A control plane, a world, the controller, and the recorder between the last two."""

    def __init__(self):
        self.parts, self.folder = [], WORK / "cluster"
        try:
            self.set()
        except BaseException:
            self.strike()
            raise

    def set(self):
        if not CLUSTER.exists():
            raise AssertionError(f"{CLUSTER} is missing: run `make cluster` first")
        self.cluster("up", "--fresh", "--cache", CACHE, "--dir", self.folder)
        self.parts.append(lambda: self.cluster("down", "--dir", self.folder))
        self.world = World("stage")
        self.parts.append(self.world.stop)
        self.recorder = Recorder(self.world.state["cloudflareUrl"])
        self.parts.append(self.recorder.stop)
        crds = sorted((ROOT / "crds").glob("*.yaml"))
        self.kubectl("apply", "-f", "-", given="\n---\n".join(path.read_text(encoding="utf-8") for path in crds))
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
        names = ("00-namespaces", "class", "shop-ca", "shop-geo", "shop-west")
        texts = [(ROOT / "docs/examples" / f"{name}.yaml").read_text(encoding="utf-8") for name in names]
        # The world serves https://host/path as <base>/host/path, from a loopback address.
        text = "\n---\n".join(texts).replace("https://", f"{self.world.url}/")
        token = {"token": self.world.state["cloudflareToken"]}
        metadata = {"name": "cloudflare", "namespace": "breakwater"}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": token}
        text = text.replace('["*.example.com"]', '["127.0.0.1"]') + "\n---\n" + json.dumps(secret)
        self.kubectl("apply", "-f", "-", given=text)
        self.controller = Program(
            "controller",
            [PROGRAMS / "breakwater", "run", "--installation", "demo", "--namespace", "breakwater"]
            + ["--listen", "127.0.0.1:0", "--allow-loopback-probes", "--time-scale", SCALE]
            + ["--scale-start", self.world.state["scaleStart"], "--cloudflare-url", self.recorder.base],
            {
                "KUBECONFIG": str(self.folder / "kubeconfig"),
                "AWS_ENDPOINT_URL": self.world.url,
                "AWS_ACCESS_KEY_ID": self.world.state["accessKeyId"],
                "AWS_SECRET_ACCESS_KEY": self.world.state["secretAccessKey"],
                "AWS_REGION": "us-east-2",
                "BREAKWATER_LOG": "info,kube_client=warn,kube_runtime=warn,aws=warn",
            },
        )
        self.parts.append(self.controller.stop)

    def cluster(self, *arguments):
        subprocess.run(
            [CLUSTER, *arguments], check=True, cwd=ROOT / "tests/cluster", stdout=subprocess.DEVNULL, timeout=120
        )

    def kubectl(self, *arguments, given=None):
        done = subprocess.run(
            [CACHE / "kubectl", *arguments],
            input=given,
            text=True,
            capture_output=True,
            timeout=90,
            env={**os.environ, "KUBECONFIG": str(self.folder / "kubeconfig")},
        )
        assert done.returncode == 0, f"kubectl {' '.join(map(str, arguments))}: {done.stderr}"
        return done.stdout

    def condition(self, kind):
        """Shops of which this condition is true."""
        self.controller.check()
        listed = json.loads(self.kubectl("get", "storefronts", "-n", "shops", "-o", "json"))["items"]
        return {
            one["metadata"]["name"]
            for one in listed
            for found in one.get("status", {}).get("conditions", [])
            if found["type"] == kind and found["status"] == "True"
        }

    def strike(self):
        while self.parts:
            self.parts.pop()()


@pytest.fixture(scope="module")
def recorded():
    """What went over the wire while a region died and both of its shops moved, and came back as standby."""
    stage = Stage()
    try:
        until("all shops are protected", lambda: len(stage.condition("Protected")) == 3, 2 * PATIENCE, 0.3)
        with stage.world.fault(kind="region-down", region="ca-central-1"):
            until(
                "both shops moved and are verified",
                lambda: stage.condition("Verified") >= set(MOVING),
                2 * PATIENCE,
                0.3,
            )
        seen = stage.recorder.requests()
    finally:
        stage.strike()
    keep = [{**one, "body": one["body"].decode(), "answer": one["answer"].decode()} for one in seen]
    for one in keep:
        one["headers"] = {name: value for name, value in one["headers"].items() if name != "authorization"}
    (WORK / "recorded.json").write_text(json.dumps(keep, indent=1), encoding="utf-8")
    return seen


def bare(path):
    assert path.startswith(PREFIX), path
    return path.removeprefix(PREFIX)


def test_what_the_controller_sends_is_what_the_document_says(document, recorded):
    used = set()
    for one in recorded:
        document.check_request(one["method"], bare(one["path"]), one["query"], one["headers"], one["body"])
        used.add(f"{one['method']} {document.operation(one['method'], bare(one['path']))[0]}")
    assert used == {
        "GET /accounts/{account_id}/load_balancers/monitors/{monitor_id}",
        "GET /accounts/{account_id}/load_balancers/pools",
        "GET /accounts/{account_id}/load_balancers/pools/{pool_id}",
        "GET /accounts/{account_id}/load_balancers/pools/{pool_id}/health",
        "GET /zones/{zone_id}/load_balancers/{load_balancer_id}",
        "PATCH /zones/{zone_id}/load_balancers/{load_balancer_id}",
    }, "all six endpoints of crates/providers, and nothing else"


def test_the_patches_of_a_failover_name_what_they_must(recorded):
    patches = [(one["path"].rsplit("/", 1)[1], json.loads(one["body"])) for one in recorded if one["method"] == "PATCH"]
    fields = {field for _, patch in patches for field in patch}
    assert {"default_pools", "fallback_pool", "region_pools"} <= fields, fields
    assert fields <= {"default_pools", "fallback_pool", "region_pools", "country_pools", "pop_pools"}, fields
    by_balancer = {name for name, _ in patches}
    assert by_balancer == {BALANCER, "4e6f8a0c2d3e5f7b9c1d2f4a6b8c0e03"}, "the two shops that moved, not the third"
    for one in recorded:
        number, because = (one["headers"].get(f"x-breakwater-{name}") for name in ("query", "because"))
        if one["method"] == "PATCH":
            assert number and because, "a call says which reading made it possible"


def test_what_the_world_answers_is_what_the_document_says(document, recorded):
    answered = [one for one in recorded if one["status"] is not None]
    assert len(answered) > 50
    for one in answered:
        document.check_answer(one["method"], bare(one["path"]), one["status"], one["answer_headers"], one["answer"])


def test_every_other_answer_of_the_world_too(document):
    """Operations that the controller does not use, refusals, and pools as they are when a region is down."""
    world = World("answers")
    try:
        seen = []
        api = flare.client(world, seen=seen)
        stranger = flare.client(world, "not-the-token", seen)
        monitor = api.load_balancers.pools.get(POOL, account_id=ACCOUNT).monitor
        api.load_balancers.monitors.get(monitor, account_id=ACCOUNT)
        list(api.load_balancers.pools.list(account_id=ACCOUNT))
        list(api.load_balancers.list(zone_id=ZONE))
        for one in (BALANCER, "4e6f8a0c2d3e5f7b9c1d2f4a6b8c0e03"):
            api.load_balancers.get(one, zone_id=ZONE)
        api.load_balancers.edit(BALANCER, zone_id=ZONE, default_pools=[OTHER, POOL], country_pools={"CA": [OTHER]})
        api.load_balancers.pools.edit(POOL, account_id=ACCOUNT, extra_body={"enabled": False})
        api.load_balancers.pools.health.get(POOL, account_id=ACCOUNT)
        flare.refusal(stranger.load_balancers.get, BALANCER, zone_id=ZONE)
        flare.refusal(api.load_balancers.get, "f" * 32, zone_id=ZONE)
        flare.refusal(api.load_balancers.edit, BALANCER, zone_id=ZONE, default_pools=[POOL, POOL])
        flare.refusal(api.load_balancers.edit, BALANCER, zone_id=ZONE, fallback_pool="f" * 32)
        flare.refusal(api.load_balancers.monitors.get, "f" * 32, account_id=ACCOUNT)
        for status in (429, 500, 503):
            with world.fault(kind="api-error", api="cloudflare", status=status, code="10000"):
                flare.refusal(api.load_balancers.get, BALANCER, zone_id=ZONE)
        with world.fault(kind="region-down", region="us-west-2"):

            def down():
                health = api.load_balancers.pools.health.get(OTHER, account_id=ACCOUNT)
                return not any(city["healthy"] for city in health.pop_health.model_extra.values())

            until("every city calls the pool down", down)
            api.load_balancers.pools.get(OTHER, account_id=ACCOUNT)
    finally:
        world.stop()
    for response in seen:
        request = response.request
        path = bare(request.url.path)
        document.check_answer(request.method, path, response.status_code, response.headers, response.content)


# Deliberate violations


def sent(body, path=f"/zones/{ZONE}/load_balancers/{BALANCER}", method="PATCH", **more):
    headers = {"authorization": "Bearer t", "content-type": "application/json"} | more.pop("headers", {})
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return {"method": method, "path": path, "query": {}, "headers": headers, "body": text} | more


GOOD = {
    "default_pools": [OTHER, POOL],
    "fallback_pool": OTHER,
    "region_pools": {"WEU": [OTHER]},
    "country_pools": {},
    "pop_pools": {"YYZ": [OTHER, POOL]},
}

BAD_REQUESTS = {
    "an unknown field": sent(GOOD | {"default_pool": POOL}),
    "a field of another object": sent(GOOD | {"origins": []}),
    "a read-only field": sent(GOOD | {"modified_on": "2026-01-01T00:00:00Z"}),
    "an unknown field further down": sent({"random_steering": {"weights": {}}}),
    "a text for a list": sent(GOOD | {"default_pools": POOL}),
    "a number for an id": sent(GOOD | {"default_pools": [7]}),
    "a list for an id": sent(GOOD | {"fallback_pool": [POOL]}),
    "a list for a map": sent(GOOD | {"region_pools": [[POOL]]}),
    "a text for a list in a map": sent(GOOD | {"region_pools": {"WEU": POOL}}),
    "an empty list in a map": sent(GOOD | {"pop_pools": {"YYZ": []}}),
    "an id that is too long": sent(GOOD | {"country_pools": {"CA": ["a" * 33]}}),
    "an unknown policy": sent({"steering_policy": "by_the_stars"}),
    "a text for a flag": sent({"enabled": "true"}),
    "an empty patch": sent({}),
    "no body": sent(b""),
    "a list as the body": sent([GOOD]),
    "no JSON": sent(b"default_pools="),
    "a form": sent(GOOD, headers={"content-type": "application/x-www-form-urlencoded"}),
    "no token": sent(GOOD, headers={"authorization": ""}),
    "a key in place of a token": sent(GOOD, headers={"authorization": "Basic dDp0"}),
    "a missing id": sent(GOOD, f"/zones/{ZONE}/load_balancers/"),
    "another missing id": sent(GOOD, f"/zones//load_balancers/{BALANCER}"),
    "an id too long in the path": sent(GOOD, f"/zones/{ZONE}/load_balancers/{'a' * 33}"),
    "a path that is not there": sent(GOOD, f"/zones/{ZONE}/load_balancer/{BALANCER}"),
    "a method that is not there": sent(GOOD, f"/zones/{ZONE}/load_balancers", "PATCH"),
    "an unknown query": sent(GOOD, query={"force": "true"}),
    "a body where none belongs": sent(GOOD, method="GET"),
}


def test_a_good_request_is_good(document):
    document.check_request(**sent(GOOD))
    document.check_request(**sent({"steering_policy": "", "session_affinity": ""}))
    document.check_request(**sent(b"", method="GET", headers={"content-type": ""}))
    document.check_request(**sent({"default_pools": [POOL]}, f"/accounts/{ACCOUNT}/load_balancers/{BALANCER}"))


@pytest.mark.parametrize("what", BAD_REQUESTS)
def test_a_bad_request_is_caught(document, what):
    with pytest.raises(openapi.Violation):
        document.check_request(**BAD_REQUESTS[what])
    openapi.CHECKED["violations"] += 1


def answer_of(recorded, method, last):
    """An answer that was good, as JSON, with its path."""
    one = next(one for one in recorded if one["method"] == method and last in one["path"] and one["status"] == 200)
    return bare(one["path"]), json.loads(one["answer"])


def spoilt(answer, **changes):
    out = copy.deepcopy(answer)
    for path, value in changes.items():
        at = out
        *way, last = path.split("__")
        for part in way:
            at = at[int(part) if part.isdigit() else part]
        if value is ...:
            del at[last]
        else:
            at[last] = value
    return out


BAD_BALANCERS = {
    "success left out": {"success": ...},
    "success that is no flag": {"success": "true"},
    "a failure with 200": {"success": False},
    "errors left out": {"errors": ...},
    "an error without a code": {"errors": [{"message": "x"}]},
    "an error with a code as text": {"errors": [{"code": "1002", "message": "x"}]},
    "a result left out": {"result": ...},
    "a result that is a list": {"result": []},
    "an unknown field beside the result": {"results": {}},
    "an unknown field in the result": {"result__pools": []},
    "a list that is none": {"result__default_pools": POOL},
    "a map that is none": {"result__region_pools": [POOL]},
    "a flag that is none": {"result__enabled": "yes"},
    "a time that is none": {"result__modified_on": "yesterday"},
    "a policy that is none": {"result__steering_policy": "by_the_stars"},
    "an affinity attribute that is none": {"result__session_affinity_attributes__samesite": "Perhaps"},
}


@pytest.mark.parametrize("what", BAD_BALANCERS)
def test_a_bad_answer_is_caught(document, recorded, what):
    path, good = answer_of(recorded, "GET", f"/load_balancers/{BALANCER}")
    json_headers = {"content-type": "application/json"}
    document.check_answer("GET", path, 200, json_headers, json.dumps(good))
    with pytest.raises(openapi.Violation):
        document.check_answer("GET", path, 200, json_headers, json.dumps(spoilt(good, **BAD_BALANCERS[what])))
    openapi.CHECKED["violations"] += 1


BAD_HEALTH = {
    "a flat pop_health": {"healthy": True, "origins": [{"ip": {"healthy": True}}]},
    "cities in a list": [{"city": "Toronto, CA", "healthy": True}],
    "a verdict that is no flag": {"Toronto, CA": {"healthy": "yes", "origins": []}},
    "origins by name": {"Toronto, CA": {"healthy": True, "origins": {"a": {"healthy": True}}}},
    "two addresses in one": {"Toronto, CA": {"healthy": True, "origins": [{"a": {}, "b": {}}]}},
    "a status as text": {"Toronto, CA": {"healthy": True, "origins": [{"a": {"response_code": "200"}}]}},
    "an unknown field of a city": {"Toronto, CA": {"healthy": True, "checked_at": "2026-01-01T00:00:00Z"}},
}


@pytest.mark.parametrize("what", BAD_HEALTH)
def test_bad_pool_health_is_caught(document, recorded, what):
    path, good = answer_of(recorded, "GET", f"/pools/{POOL}/health")
    with pytest.raises(openapi.Violation):
        bad = spoilt(good, result__pop_health=BAD_HEALTH[what])
        document.check_answer("GET", path, 200, {"content-type": "application/json"}, json.dumps(bad))
    openapi.CHECKED["violations"] += 1


BAD_FAILURES = {
    "success with 404": (404, {"success": True, "errors": [], "messages": [], "result": None}),
    "a result with a failure": (400, {"success": False, "errors": [], "messages": [], "result": {}}),
    "no envelope": (400, {"error": "x"}),
    "messages left out": (403, {"success": False, "errors": [], "result": None}),
    "a code below a thousand": (
        400,
        {"success": False, "errors": [{"code": 7, "message": ""}], "messages": [], "result": None},
    ),
}


@pytest.mark.parametrize("what", BAD_FAILURES)
def test_a_bad_failure_is_caught(document, what):
    status, body = BAD_FAILURES[what]
    path = f"/zones/{ZONE}/load_balancers/{BALANCER}"
    with pytest.raises(openapi.Violation):
        document.check_answer("PATCH", path, status, {"content-type": "application/json"}, json.dumps(body))
    openapi.CHECKED["violations"] += 1


def test_html_is_caught(document):
    with pytest.raises(openapi.Violation):
        document.check_answer("GET", f"/zones/{ZONE}/load_balancers", 502, {"content-type": "text/html"}, "<html/>")
    openapi.CHECKED["violations"] += 1


# The mended document


def mended_without(mend):
    return tuple(one for one in openapi.MENDED if one is not mend)


def good_answers(recorded):
    headers = {"content-type": "application/json"}
    failure = json.dumps({"success": False, "errors": [{"code": 1001, "message": "x"}], "messages": [], "result": None})
    yield "GET", f"/zones/{ZONE}/load_balancers/{BALANCER}", 404, headers, failure
    for one in recorded:
        if one["status"] == 200 and one["method"] == "GET":
            yield "GET", bare(one["path"]), 200, one["answer_headers"], one["answer"]


@pytest.mark.parametrize("mend", openapi.MENDED, ids=lambda mend: mend.__name__)
def test_no_fault_is_mended_in_vain(mend, recorded):
    """Without each of them something good is refused or something bad gets through."""
    document = openapi.Document(mended_without(mend), counted=False)
    wrong = []
    for arguments in good_answers(recorded):
        try:
            document.check_answer(*arguments)
        except openapi.Violation as violation:
            wrong.append(str(violation))
    for good in (sent({"session_affinity": ""}), sent(GOOD, f"/accounts/{ACCOUNT}/load_balancers/{BALANCER}")):
        try:
            document.check_request(**good)
        except openapi.Violation as violation:
            wrong.append(str(violation))
    for what, bad in BAD_REQUESTS.items():
        try:
            document.check_request(**bad)
            wrong.append(what)
        except openapi.Violation:
            pass
    path, health = answer_of(recorded, "GET", f"/pools/{POOL}/health")
    for what, pops in BAD_HEALTH.items():
        try:
            bad = spoilt(health, result__pop_health=pops)
            document.check_answer("GET", path, 200, {"content-type": "application/json"}, json.dumps(bad))
            wrong.append(what)
        except openapi.Violation:
            pass
    assert wrong, f"{mend.__name__} changes nothing that is seen here"


def test_the_notice_stands_beside_the_document():
    notice = (openapi.DOCUMENT.parent / "NOTICE").read_text(encoding="utf-8")
    assert "BSD 3-Clause" in notice and "cca3064f" in notice and "Cloudflare" in notice
    assert "cca3064f" in json.loads(openapi.DOCUMENT.read_text(encoding="utf-8"))["info"]["title"]
