"""How long a swap of the broker takes under load, and how long nobody could publish. Compose has nothing to compare."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Callable

from report import Row, at_most
from tools import LIMIT, Failed, Sandbox, docker, run

ROOT = Path(__file__).resolve().parent.parent.parent
# The images of the end-to-end scenarios' load; each layers on the one before.
IMAGES = {"sandbox-e2e/sample": "templates/init/python/app", "sandbox-e2e/load": "tests/e2e/load"}
RATE = 400  # messages a second
SANDBOX_TOML = """[broker]
kind = "redpanda"
component = "pubsub"

[apps.orders]
image = "sandbox-e2e/load"
command = ["serve", "subscriber"]
port = 8000
host_port = 0
health = "/healthz"

[containers.publisher]
image = "sandbox-e2e/load"
command = ["serve", "publisher"]
ports = ["0:8000"]
ready = { http = "/healthz", port = 8000 }
"""


def measure(sandbox: Sandbox, runs: int, say: Callable[[str], None]) -> list[Row]:
    """Swaps there and back, with twenty connections without retries that publish all the time."""
    for image, context in IMAGES.items():
        subprocess.run(["docker", "build", "--quiet", "--tag", image, str(ROOT / context)], check=True, stdout=subprocess.DEVNULL)
    (sandbox.folder / "sandbox.toml").write_text(SANDBOX_TOML)
    sandbox.up()
    there, back, gaps, lost, refused = ([] for _ in range(5))
    for number in range(runs):
        for kind, seconds in (("redis", there), ("redpanda", back)):
            name = f"{kind}-{number}"
            ask(sandbox, "publisher", "start", {
                "publisher": name, "mode": "many", "rate": RATE, "topic": "orders", "endpoint": "http://orders-dapr:3500",
            })
            time.sleep(1)  # of steady load on the old broker
            seconds.append(run([*sandbox.command, "swap-broker", kind]).seconds)
            time.sleep(1)  # and on the new one
            report = ask(sandbox, "publisher", "stop", {"publisher": name})
            if kind == "redis":
                gaps.append(report["longest_gap_ms"])
            refused.append(sum(last - first + 1 for first, last in report["refused"]))
            lost.append(not_delivered(sandbox, name, report["acknowledged"]))
        say(f"run {number + 1}/{runs} swap: {there[-1]:.2f} s there, gap {gaps[-1]:.0f} ms, {back[-1]:.2f} s back")
    sandbox.down(volumes=True)
    return [
        at_most("swap redpanda → redis at 400/s", there, 5, "s"),
        Row("swap redis → redpanda at 400/s", back),
        at_most("longest gap between acknowledgements", gaps, 100, "ms"),
        at_most("acknowledged and not delivered, both ways", lost, 0, ""),
        Row("publishes refused in a swap (20 connections)", refused, unit=""),
    ]


def not_delivered(sandbox: Sandbox, name: str, acknowledged: list[list[int]]) -> float:
    """How many of them the app has not got in the end."""
    wanted, until = numbers(acknowledged), time.monotonic() + LIMIT
    while True:
        streams = ask(sandbox, "orders", "seen")["streams"]
        seen = next((numbers(one["seen"]) for one in streams if one["publisher"] == name), set())
        missing = len(wanted - seen)
        if not missing or time.monotonic() > until:
            return missing
        time.sleep(0.2)


def numbers(ranges: list[list[int]]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


def ask(sandbox: Sandbox, service: str, path: str, body: dict | None = None) -> dict:
    """An answer of the publisher or of the subscriber."""
    address = docker("port", sandbox.container(service), "8000/tcp").split()[0]
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"http://{address}/{path}", data), timeout=LIMIT) as answer:
        if answer.status >= 300:
            raise Failed(f"{service} said {answer.status} to /{path}")
        return json.loads(answer.read())
