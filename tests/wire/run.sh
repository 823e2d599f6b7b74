#!/usr/bin/env bash
# Wire truth: other people's SDKs, servers and documents against ours. Needs python3 (3.11 or later), the Python package
# registry, `make build` and `make cluster`. WIRE=skip leaves it out, aloud. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
venv=$root/target/wire/venv

if [ "${WIRE:-}" = skip ]; then
    echo "tests/wire: SKIPPED because WIRE=skip: no wire format was compared with anything"
    exit 0
fi
for program in target/debug/breakwater target/debug/breakwater-world target/cluster/cluster; do
    if [ ! -x "$root/$program" ]; then
        echo "tests/wire: $program is missing; run \`make build cluster\` first (WIRE=skip leaves these tests out)" >&2
        exit 1
    fi
done
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "tests/wire: python3 3.11 or later is missing; install it (WIRE=skip leaves these tests out)" >&2
    exit 1
fi
# The virtual environment is as the pinned list says, or made anew.
wanted="$(python3 --version) $(sha256sum <requirements.txt)"
if [ "$(cat "$venv/made-from" 2>/dev/null || true)" != "$wanted" ]; then
    rm -rf "$venv"
    mkdir -p "$root/target/wire"
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt; }; then
        echo "tests/wire: the packages of requirements.txt cannot be installed; is the registry reachable? (WIRE=skip leaves these tests out)" >&2
        exit 1
    fi
    echo "$wanted" >"$venv/made-from"
fi
# The tests of crates/providers are built before any clock runs; test_moto.py runs them with moto's address.
BREAKWATER_MOTO_TESTS=$("${CARGO:-cargo}" test --manifest-path "$root/Cargo.toml" --package breakwater-providers --test moto \
    --no-run --message-format=json-render-diagnostics | python3 -c '
import json, sys
built = [json.loads(line) for line in sys.stdin if line.startswith("{")]
print(*[one["executable"] for one in built if one.get("executable") and one["target"]["name"] == "moto"])')
export BREAKWATER_MOTO_TESTS
export PYTHONDONTWRITEBYTECODE=1 NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost
exec "$venv/bin/python" -m pytest -p no:cacheprovider -q "$@"
