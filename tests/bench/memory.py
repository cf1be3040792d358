"""What the whole sample takes of a laptop's memory, with Redpanda and with everything in-memory: at rest and at work."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from urllib.request import Request, urlopen

from report import Row, at_most
from tools import LIMIT, Failed, Sandbox, docker

REMINDERS = 1000
AT_ONCE = 4
SPREAD = 20.0  # seconds over which they fall due
REST = 5.0  # seconds after the work, and after the start
RUNS = 3
UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
# What is in sandbox.toml, and what it may take in MB (of a million bytes).
STACKS = (("with Redpanda", {}, 1200), ("in-memory", {"redpanda": "in-memory", "postgres": "in-memory"}, 350))


def measure(sandbox: Sandbox, runs: int, say) -> list[Row]:
    """The sum over all containers, as `docker stats` counts: without files that are only kept in case they are read again."""
    file = sandbox.folder / "sandbox.toml"
    original = file.read_text()
    rows: list[Row] = []
    for name, kinds, target in STACKS:
        file.write_text(with_kinds(original, kinds))
        rest: list[float] = []
        most: dict[str, list[float]] = defaultdict(list)
        for number in range(min(runs, RUNS)):
            idle, busiest = once(sandbox)
            rest.append(total(idle))
            for container, megabytes in busiest.items():
                most[container].append(megabytes)
            most["all"].append(total(busiest))
            say(f"memory {name}, run {number + 1}: at rest {rest[-1]:.0f} MB, at most {most['all'][-1]:.0f} MB")
        rows.append(at_most(f"memory {name}, at rest", rest, target, "MB"))
        rows.append(at_most(f"  while {REMINDERS} reminders fire", most.pop("all"), target, "MB"))
        rows += [Row(f"    {container}", series, unit="MB") for container, series in sorted(most.items())]
    file.write_text(original)
    return rows


def with_kinds(text: str, kinds: dict[str, str]) -> str:
    for before, after in kinds.items():
        text, count = re.subn(f'^kind = "{before}"', f'kind = "{after}"', text, flags=re.MULTILINE)
        assert count == 1, "sandbox.toml has another shape than the benchmark knows"
    return text


def once(sandbox: Sandbox) -> tuple[dict[str, float], dict[str, float]]:
    """Each container's megabytes at rest; and in that moment, of those while it works and after it, in which all had most."""
    sandbox.up()
    try:
        time.sleep(REST)
        idle = usage(sandbox)
        looks = [idle]
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                looks.append(usage(sandbox))

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            work(sandbox)
            time.sleep(REST)
        finally:
            done.set()
            watcher.join()
        return idle, max(looks, key=total)
    finally:
        sandbox.down(volumes=True)


def usage(sandbox: Sandbox) -> dict[str, float]:
    """Megabytes by container."""
    label = f"label=com.docker.compose.project={sandbox.project}"
    ids = docker("container", "ls", "--quiet", "--filter", label).split()
    found = {}
    for line in docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", *ids).splitlines():
        name, used = line.split()[:2]
        number, unit = re.fullmatch(r"([\d.]+)(\w+)", used).groups()
        found[name.removeprefix(f"{sandbox.project}-").removesuffix("-1")] = float(number) * UNITS[unit] / 1e6
    if not found:
        raise Failed("no container of the sample runs")
    return found


def total(containers: dict[str, float]) -> float:
    return sum(containers.values())


def work(sandbox: Sandbox) -> None:
    """Reminders, fifty of them due each second, until each is delivered: state, jobs, messages and calls, all at work."""
    port = docker("container", "port", sandbox.container("reminders"), "8000/tcp").strip().rpartition(":")[2]
    url = f"http://127.0.0.1:{port}/reminders"

    def remind(number: int) -> str:
        body = json.dumps({"text": "x" * 200, "in_seconds": 1 + SPREAD * number / REMINDERS}).encode()
        with urlopen(Request(url, body, {"content-type": "application/json"}), timeout=LIMIT) as answer:
            return json.load(answer)["id"]

    def is_delivered(reminder: str) -> bool:
        with urlopen(f"{url}/{reminder}", timeout=LIMIT) as answer:
            return json.load(answer)["delivered"]

    deadline = time.monotonic() + LIMIT
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            left = list(pool.map(remind, range(REMINDERS)))
            while left and time.monotonic() < deadline:
                left = [reminder for reminder, done in zip(left, pool.map(is_delivered, left)) if not done]
    except OSError as error:
        raise Failed(f"the sample refused a reminder: {error}") from error
    if left:
        raise Failed(f"{len(left)} of {REMINDERS} reminders were not delivered within {LIMIT:.0f} s")
