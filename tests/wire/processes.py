"""The programs of a run: breakwater-world, moto, the controller. Each is ended by its own process id."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "target" / "debug"
WORK = ROOT / "target" / "wire"
# Virtual seconds in a real one. Signatures, sessions and leases stay real.
SCALE = 20
# Real seconds: longer than anything here takes, short enough for a run that hangs.
PATIENCE = 60.0


class NotInTime(AssertionError):
    """Something was awaited and did not come."""


def until(what, look, patience=PATIENCE, pause=0.05):
    """Looks until there is something true to see, and returns it."""
    begun = time.monotonic()
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() - begun > patience:
            raise NotInTime(f"waited {patience:.0f} s for: {what}; last seen: {seen!r}")
        time.sleep(pause)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Program:
    """A child process with its output in a file."""

    def __init__(self, name, command, env=None):
        WORK.mkdir(parents=True, exist_ok=True)
        self.name, self.log = name, WORK / f"{name}.log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {})},
            )

    def check(self):
        status = self.child.poll()
        if status is not None:
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise AssertionError(f"{self.name} ended with {status}; {self.log}:\n{tail}")
        return True

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


def http(method, url, body=None, patience=30.0):
    """One request to a control API; its JSON, or None."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=patience) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {url}: {error.code} {error.read()!r}") from None
    return json.loads(text) if text.strip().startswith((b"{", b"[")) else None


def demo_setup():
    """The demo's world as JSON, to be changed and given back."""
    printed = subprocess.run(
        [PROGRAMS / "breakwater-world", "--demo", "--print-setup"], check=True, capture_output=True
    )
    return json.loads(printed.stdout)


class World:
    """A breakwater-world of our own."""

    def __init__(self, name, setup=None, *more):
        state = WORK / f"{name}.json"
        state.unlink(missing_ok=True)
        shops = ["--demo"]
        WORK.mkdir(parents=True, exist_ok=True)
        if setup is not None:
            path = WORK / f"{name}-setup.json"
            path.write_text(json.dumps(setup), encoding="utf-8")
            shops = ["--setup", path]
        self.program = Program(
            name,
            [PROGRAMS / "breakwater-world", *shops, "--listen", "127.0.0.1:0", "--state", state]
            + ["--time-scale", SCALE, "--seed", 7, *more],
        )
        until(f"{name} to serve", lambda: self.program.check() and state.exists())
        self.state = json.loads(state.read_text(encoding="utf-8"))
        self.url = self.state["baseUrl"]
        self.control = self.state["controlUrl"]

    def stop(self):
        self.program.stop()

    def now(self):
        """The world's own clock, in seconds since the Unix epoch."""
        return http("GET", f"{self.control}/now")["virtualMillis"] / 1000

    def inject(self, **fault):
        return http("POST", f"{self.control}/faults", fault)["id"]

    def clear(self, fault):
        http("DELETE", f"{self.control}/faults/{fault}")

    def ledger(self):
        return http("GET", f"{self.control}/ledger")

    @contextlib.contextmanager
    def fault(self, **fault):
        one = self.inject(**fault)
        try:
            yield
        finally:
            self.clear(one)


def python_tool(name):
    """A program of this run's own virtual environment."""
    return pathlib.Path(sys.executable).parent / name
