"""Cloudflare's own document, with its known faults mended by name, and validators made of it."""

import copy
import json
import pathlib
import re

from openapi_schema_validator import OAS30Validator, oas30_format_checker

DOCUMENT = pathlib.Path(__file__).with_name("cloudflare-lb-openapi.json")
SCHEMAS = "#/components/schemas/load-balancing_"

# Over the whole run, for the summary.
CHECKED = {"requests": 0, "answers": 0, "violations": 0, "operations": {}}


class Violation(AssertionError):
    """Something is not as the document says."""


# The faults of the document. Each is mended by a function of its own; what it does is its first line.


def failures_are_not_successes_too(document):
    """4XX answers are `allOf` the success and the failure: no answer is both. The failure alone counts."""
    for operations in document["paths"].values():
        for operation in operations.values():
            content = operation["responses"]["4XX"]["content"]["application/json"]
            assert {"$ref": SCHEMAS + "api-response-common-failure"} in content["schema"]["allOf"]
            content["schema"] = {"$ref": SCHEMAS + "api-response-common-failure"}


def pool_health_is_a_map_by_city(document):
    """`pop_health` has no schema, and the SDK made from it has it flat; real answers are a map by city."""
    schemas = document["components"]["schemas"]
    details = schemas["load-balancing_health_details"]["allOf"][1]["properties"]["result"]
    assert "properties" not in details
    origin = {"$ref": SCHEMAS + "origin_health_data"}
    by_address = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": origin}
    city = {
        "type": "object",
        "properties": {
            # Seen in answers: a city that says nothing has null, or leaves them out.
            "healthy": {"type": "boolean", "nullable": True},
            "origins": {"type": "array", "nullable": True, "items": by_address},
        },
        "additionalProperties": False,
    }
    details |= {
        "properties": {
            "pool_id": {"$ref": SCHEMAS + "schemas-identifier"},
            "pop_health": {"type": "object", "additionalProperties": city},
        },
        "required": ["pool_id", "pop_health"],
    }


def an_empty_text_is_not_two_quotes(document):
    """Enums write the empty text as two quotation marks; on the wire it is empty."""
    mended = 0
    for _, schema in walk(document["components"]["schemas"]):
        if '""' in schema.get("enum", []):
            schema["enum"] = ["" if value == '""' else value for value in schema["enum"]]
            mended += 1
    assert mended >= 3


def maps_hold_lists_of_pools(document):
    """`region_pools`, `country_pools` and `pop_pools` say `object` and no more; they hold lists of pool ids."""
    pools = {"type": "array", "minItems": 1, "items": {"$ref": SCHEMAS + "schemas-identifier"}}
    for name in ("region_pools", "country_pools", "pop_pools"):
        schema = document["components"]["schemas"][f"load-balancing_{name}"]
        assert "additionalProperties" not in schema
        schema["additionalProperties"] = pools


def references_are_identifiers(document):
    """`fallback_pool` and a pool's `monitor` have no type; they are ids."""
    for name in ("fallback_pool", "monitor_id"):
        schema = document["components"]["schemas"][f"load-balancing_{name}"]
        assert "type" not in schema
        schema["type"] = "string"


def identifiers_have_32_digits(document):
    """Ids are texts of any length but one; all are 32 characters at most (that one says so), and none is empty."""
    for name in ("identifier", "schemas-identifier", "load-balancer_components-schemas-identifier"):
        document["components"]["schemas"][f"load-balancing_{name}"] |= {"minLength": 1, "maxLength": 32}
    document["components"]["schemas"]["load-balancing_components-schemas-identifier"]["minLength"] = 1


def newer_fields_are_known(document):
    """What Cloudflare added after this revision: `healthy`, monitor groups, health sources, an origin's `port`."""
    schemas = document["components"]["schemas"]
    schemas["load-balancing_pool"]["properties"] |= {
        "healthy": {"type": "boolean", "readOnly": True},
        "monitor_group": {"type": "string"},
        "networks": {"type": "array", "items": {"type": "string"}},
        "health_sources": {"type": "array", "items": {"type": "object"}},
    }
    schemas["load-balancing_origin"]["properties"] |= {
        "healthy": {"type": "boolean", "readOnly": True},
        "failure_reason": {"type": "string", "readOnly": True},
        "port": {"type": "integer", "minimum": 0, "maximum": 65535},
    }
    schemas["load-balancing_load-balancer"]["properties"] |= {
        "networks": {"type": "array", "items": {"type": "string"}},
        "zone_name": {"type": "string", "readOnly": True},
    }
    schemas["load-balancing_result_info"]["properties"]["total_pages"] = {"type": "number"}


def balancers_of_an_account(document):
    """Load balancers exist below an account too since then; the operations are those of a zone."""
    for zone, account in (
        ("/zones/{zone_id}/load_balancers", "/accounts/{account_id}/load_balancers"),
        (
            "/zones/{zone_id}/load_balancers/{load_balancer_id}",
            "/accounts/{account_id}/load_balancers/{load_balancer_id}",
        ),
    ):
        operations = copy.deepcopy(document["paths"][zone])
        for operation in operations.values():
            operation["parameters"][0]["name"] = "account_id"
            operation["operationId"] = f"account-{operation['operationId']}"
        document["paths"][account] = operations


MENDED = (
    failures_are_not_successes_too,
    pool_health_is_a_map_by_city,
    an_empty_text_is_not_two_quotes,
    maps_hold_lists_of_pools,
    references_are_identifiers,
    identifiers_have_32_digits,
    newer_fields_are_known,
    balancers_of_an_account,
)


def walk(schema, at=""):
    """Every object below, with its place."""
    if isinstance(schema, dict):
        yield at, schema
        for key, value in schema.items():
            yield from walk(value, f"{at}/{key}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from walk(value, f"{at}/{index}")


class Document:
    """The document, whose references have been followed."""

    def __init__(self, mended=MENDED, counted=True):
        self.counted = counted
        document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
        for mend in mended:
            mend(document)
        self.raw = document
        self.paths = [
            (re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "$"), path, operations)
            for path, operations in self._resolved(document["paths"]).items()
        ]

    def _resolved(self, value):
        if isinstance(value, list):
            return [self._resolved(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            found = self.raw
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            return self._resolved(found)
        return {key: self._resolved(one) for key, one in value.items()}

    def operation(self, method, path):
        """The operation and its path's values."""
        for pattern, template, operations in self.paths:
            found = pattern.match(path)
            if found and method.lower() in operations:
                return template, operations[method.lower()], found.groupdict()
        raise Violation(f"{method} {path} is no operation of the document")

    def check_request(self, method, path, query, headers, body):
        """A request of ours: path, query, token and body, where an unknown field is a violation."""
        template, operation, values = self.operation(method, path)
        where = f"{method} {template}"
        for parameter in operation.get("parameters", []):
            given = (values if parameter["in"] == "path" else query).get(parameter["name"])
            if given is None:
                if parameter.get("required"):
                    raise Violation(f"{where}: {parameter['name']} is missing")
                continue
            judge(parameter["schema"], given, f"{where}: {parameter['name']}")
        unknown = set(query) - {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
        if unknown:
            raise Violation(f"{where}: unknown query parameters {sorted(unknown)}")
        if not re.fullmatch(r"Bearer \S+", headers.get("authorization", "")):
            raise Violation(f"{where}: no bearer token")
        wanted = operation.get("requestBody")
        if wanted is None:
            if body:
                raise Violation(f"{where}: a body where none belongs")
        elif not body:
            raise Violation(f"{where}: the body is missing")
        else:
            if headers.get("content-type", "").split(";")[0] != "application/json":
                raise Violation(f"{where}: the body is not called application/json")
            document = parsed(body, where)
            if not isinstance(document, dict) or not document:
                raise Violation(f"{where}: the body is no object with a field")
            judge(closed(wanted["content"]["application/json"]["schema"]), document, where)
        self.count("requests", where)

    def check_answer(self, method, path, status, headers, body):
        """An answer: envelope and result, where a field that the document does not know is a violation too."""
        template, operation, _ = self.operation(method, path)
        where = f"{status} of {method} {template}"
        if headers.get("content-type", "").split(";")[0] != "application/json":
            raise Violation(f"{where}: not called application/json")
        answer = parsed(body, where)
        kind = str(status) if str(status) in operation["responses"] else f"{status // 100}XX"
        # 5XX answers have no schema of their own; the failure's envelope is what there is.
        wanted = operation["responses"].get(kind) or operation["responses"]["4XX"]
        schema = wanted["content"]["application/json"]["schema"]
        judge(schema, answer, where)
        unknown = set(answer) - {"success", "errors", "messages", "result", "result_info"}
        if unknown:
            raise Violation(f"{where}: unknown fields in the envelope: {sorted(unknown)}")
        if status < 400:
            judge(closed(result_schema(schema)), answer["result"], f"{where}: result")
        self.count("answers", f"{method} {template}")

    def count(self, what, where):
        if self.counted:
            CHECKED[what] += 1
            CHECKED["operations"][where] = CHECKED["operations"].get(where, 0) + 1


def parsed(body, where):
    try:
        return json.loads(body)
    except ValueError as error:
        raise Violation(f"{where}: no JSON: {error}") from None


def judge(schema, value, where):
    errors = sorted(
        OAS30Validator(schema, format_checker=oas30_format_checker).iter_errors(value), key=lambda one: list(one.path)
    )
    if errors:
        told = "; ".join(
            f"{'/'.join(map(str, error.absolute_path)) or 'the whole'}: {error.message}" for error in errors
        )
        raise Violation(f"{where}: {told[:1000]}")


def closed(schema):
    """The schema with every object that names its properties closed to others; parts of an `allOf` are merged first."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "allOf" in schema:
        merged = {key: value for key, value in schema.items() if key not in ("allOf", "example")}
        for part in schema["allOf"]:
            for key, value in part.items():
                if key in ("properties", "required") and key in merged:
                    merged[key] = {**merged[key], **value} if key == "properties" else [*merged[key], *value]
                else:
                    merged[key] = value
        return closed(merged)
    out = {}
    for key, value in schema.items():
        if key == "properties":
            out[key] = {name: closed(one) for name, one in value.items()}
        elif key in ("items", "additionalProperties", "anyOf", "oneOf"):
            out[key] = closed(value)
        else:
            out[key] = value
    if "properties" in out and "additionalProperties" not in out:
        out["additionalProperties"] = False
    return out


def result_schema(schema):
    """The most special schema of an envelope's `result`."""
    found = schema.get("properties", {}).get("result", {})
    for part in schema.get("allOf", []):
        found = result_schema(part) or found
    return found
