"""The official Cloudflare SDK as the tests use it: one world, no retries, every operation counted."""

import collections
import re

import cloudflare
import httpx

# What breakwater-world can be asked of Cloudflare (the names of its ledger), and its route.
OPERATIONS = {
    "verify-token": "GET tokens/verify",
    "list-pools": "GET pools",
    "get-pool": "GET pools/{id}",
    "pool-health": "GET pools/{id}/health",
    "patch-pool": "PATCH pools/{id}",
    "delete-pool": "DELETE pools/{id}",
    "get-monitor": "GET monitors/{id}",
    "list-balancers": "GET load_balancers",
    "get-balancer": "GET load_balancers/{id}",
    "patch-balancer": "PATCH load_balancers/{id}",
}

COUNTED = collections.defaultdict(lambda: {"accepted": 0, "refused": 0, "codes": set()})

_ROUTES = (
    (r"/user/tokens/verify$", "tokens/verify"),
    (r"/accounts/[^/]+/load_balancers/pools$", "pools"),
    (r"/accounts/[^/]+/load_balancers/pools/[^/]+$", "pools/{id}"),
    (r"/accounts/[^/]+/load_balancers/pools/[^/]+/health$", "pools/{id}/health"),
    (r"/accounts/[^/]+/load_balancers/monitors/[^/]+$", "monitors/{id}"),
    (r"/zones/[^/]+/load_balancers$", "load_balancers"),
    (r"/zones/[^/]+/load_balancers/[^/]+$", "load_balancers/{id}"),
)


def _count(response):
    response.read()
    route = next((name for path, name in _ROUTES if re.search(path, response.request.url.path)), "another")
    counted = COUNTED[f"{response.request.method} {route}"]
    if response.status_code == 200:
        counted["accepted"] += 1
        return
    counted["refused"] += 1
    counted["codes"] |= {f"{response.status_code}/{error['code']}" for error in response.json()["errors"]}


def client(world, token=None, seen=None):
    """`seen` receives each response."""
    hooks = [_count] + ([seen.append] if seen is not None else [])
    return cloudflare.Cloudflare(
        api_token=token or world.state["cloudflareToken"],
        base_url=world.state["cloudflareUrl"].rstrip("/"),
        max_retries=0,
        http_client=httpx.Client(event_hooks={"response": hooks}, trust_env=False, timeout=20),
    )


def refusal(call, *arguments, **named):
    """Status, code and message of a refusal in Cloudflare's envelope; a success is a failure of the test."""
    try:
        answer = call(*arguments, **named)
    except cloudflare.APIStatusError as error:
        body = error.body
        assert body["success"] is False and body["result"] is None and len(body["errors"]) == 1, body
        assert isinstance(body["messages"], list) and error.response.headers["cf-ray"]
        return error.status_code, body["errors"][0]["code"], body["errors"][0]["message"]
    raise AssertionError(f"accepted, but should be refused: {answer}")
