"""How long after a file was saved its change is live, or refused. Compose has nothing to compare."""

from __future__ import annotations

import json
import queue
import shutil
import time
from pathlib import Path

from report import Row, at_most
from tools import Failed, Sandbox

LIMIT = 30.0
BROKEN_HOST = """apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: cache}
spec:
  type: state.redis
  version: v1
  initTimeout: 2s
  metadata: [{name: redisHost, value: "nowhere:6379"}]
"""
HEALTHY = BROKEN_HOST.replace("state.redis", "state.in-memory").partition("  initTimeout")[0]
INIT_TIMEOUT = 2000.0  # of BROKEN_HOST, in milliseconds


def measure(sandbox: Sandbox, sample: Path, runs: int, say) -> list[Row]:
    """Edits the components of a running, attached project, each edit in turn."""
    components = sandbox.folder / "components"
    shutil.copytree(sample, components)
    toml = sandbox.folder / "sandbox.toml"
    toml.write_text(toml.read_text().replace(f'path = "{sample}"', 'path = "components"'))
    assert 'path = "components"' in toml.read_text(), "sandbox.toml has another shape than the benchmark knows"
    pubsub, cache = components / "pubsub.yaml", components / "cache.yaml"
    original = pubsub.read_text()
    changed: dict[str, list[float]] = {name: [] for name in ("handed over", "in place", "no daprd", "daprd")}
    with sandbox.talking() as events:
        for number in range(runs):
            edited = original.replace('value: "reminders"', f'value: "reminders-{number}"')
            assert edited != original, "the sample's component has another shape than the benchmark knows"
            changed["handed over"].append(save(events, pubsub, edited, "reloaded"))
            changed["in place"].append(save(events, cache, HEALTHY, "reloaded"))
            save(events, cache, None, "reloaded")
            changed["no daprd"].append(save(events, cache, "kind: [\n", "refused"))
            changed["daprd"].append(save(events, cache, BROKEN_HOST, "refused"))
            save(events, cache, None, "mended")
            say(f"run {number + 1}/{runs} reload: " + ", ".join(f"{name} {took[-1]:.0f} ms" for name, took in changed.items()))
    return [
        at_most("saved → live, pub/sub (hand-over)", changed["handed over"], 2500, "ms"),
        at_most("saved → live, a component added", changed["in place"], 1000, "ms"),
        at_most("saved → refused, without daprd", changed["no daprd"], 150, "ms"),
        at_most("saved → refused by daprd (initTimeout 2 s)", changed["daprd"], INIT_TIMEOUT + 1000, "ms"),
    ]


def save(events: queue.Queue, path: Path, text: str | None, wanted: str) -> float:
    """Saves a file, or removes it, and waits for what comes of it; in milliseconds."""
    began = time.monotonic()
    path.unlink() if text is None else path.write_text(text)
    while True:
        try:
            arrived, event = events.get(timeout=LIMIT)
        except queue.Empty:
            raise Failed(f"{path.name} was saved, and nothing was {wanted} within {LIMIT:.0f} s") from None
        came = "mended" if event.get("code") == "sandbox::reload::mended" else event["event"]
        if came in ("reloaded", "refused", "mended"):
            if came != wanted:
                raise Failed(f"{path.name} was to be {wanted}: {json.dumps(event)}")
            return (arrived - began) * 1000

