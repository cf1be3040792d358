"""`up`, `up` with nothing to do, and `down`, each tool in turn, so that both meet the same noise."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from report import Row, at_most, ratio_at_most
from tools import Compose, Failed, Sandbox, Tool, process

PROBER = Path(__file__).with_name("prober.py")
TRIES = 3
UNFAIR = "NOT THE SAME STACK"
# Before each measurement the machine must be as idle as this, for half a second; for so long it is waited for.
QUIET, QUIET_LIMIT = 0.8, 20.0

Series = dict[str, list[float]]
noisy: list[float] = []  # how idle the machine was where it did not become quiet in time


def measure(sandbox: Sandbox, compose: Compose, runs: int, wanted: set[str], say) -> tuple[list[Row], list[str]]:
    """All rows of these three, and notes on what to think of them."""
    series: dict[str, Series] = {tool.name: defaultdict(list) for tool in (sandbox, compose)}
    described: dict[str, dict] = {}
    repeated = 0
    for number in range(runs):
        tools: list[Tool] = [sandbox, compose] if number % 2 == 0 else [compose, sandbox]
        for tool in tools:
            for attempt in range(1, TRIES + 1):
                try:
                    taken = cycle(tool, wanted, described)
                    break
                except Failed as failure:
                    tool.remove_all()
                    say(f"run {number + 1}, {tool.name}: {failure}")
                    repeated += 1
                    if attempt == TRIES:
                        raise
            for what, value in taken.items():
                series[tool.name][what].append(value)
            shown = ", ".join(f"{what} {value:.3f}" for what, value in taken.items())
            say(f"run {number + 1}/{runs} {tool.name}: {shown}")
    notes = differences(described, sandbox.name, compose.name)
    if "down" in wanted:
        forced, theirs = series[sandbox.name]["by force"], series[compose.name]["down"]
        floor = median(alone / compose_took for alone, compose_took in zip(forced, theirs))
        notes.append(
            f"down: `docker rm --force` of the same containers and their network, which saves nothing and lets nobody finish, "
            f"takes the engine {floor:.2f} × the time of compose's `down`"
        )
    if noisy:
        notes.append(f"noise: {len(noisy)} measurements began although the machine was only {min(noisy):.0%} idle or more")
    if repeated:
        notes.append(f"{repeated} attempts failed and were repeated; see above")
    return rows(series[sandbox.name], series[compose.name], wanted), notes


def cycle(tool: Tool, wanted: set[str], described: dict[str, dict]) -> dict[str, float]:
    """Everything once: started from nothing, again, stopped, started with its data there, removed."""
    taken: dict[str, float] = {}
    settle()
    if "up" in wanted:
        taken |= probed_up(tool)
    else:
        tool.up()
    described.setdefault(tool.name, tool.describe())
    settle()
    if "noop" in wanted:
        taken["noop"] = tool.up().seconds
    if "down" in wanted:
        taken["down"] = tool.down(volumes=False).seconds
        settle()
        taken["up with data"] = tool.up().seconds
        settle()
        taken["down -v"] = tool.down(volumes=True).seconds
        if isinstance(tool, Sandbox):
            tool.up()
            settle()
            taken["by force"] = tool.removed_by_force().seconds
            tool.remove_all()
    else:
        tool.down(volumes=True)
    return taken


def probed_up(tool: Tool) -> dict[str, float]:
    """`up` from nothing, and what an independent prober saw meanwhile."""
    command = [sys.executable, str(PROBER), tool.container("reminders-dapr"), tool.container("reminders")]
    with process(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as prober:
        prober.stderr.readline()  # it watches now
        ran = tool.up()
        printed, complaint = prober.communicate()  # closes its input: that tells it to come to an end
    messages = json.loads(printed or '{"messages": []}')["messages"]
    came = [(sent, arrived) for sent, arrived in messages if arrived]
    if not came:
        raise Failed(f"the prober saw no message delivered of {len(messages)}: {complaint[-2000:]}")
    delivery = min(arrived for _, arrived in came)
    published_then = [arrived - sent for sent, arrived in came if sent >= ran.ready]
    return {
        "up": ran.seconds,
        "delivered": delivery - ran.began,
        "ready after delivery": ran.ready - delivery,
        "ready after good publish": ran.ready - came[0][0],
        "then takes": published_then[0] if published_then else 0.0,
        "lost": len(messages) - len(came),
    }


def rows(ours: Series, theirs: Series, wanted: set[str]) -> list[Row]:
    """The table's part."""
    made: list[Row] = []
    if "up" in wanted:
        made.append(ratio_at_most("up -d, from nothing", ours["up"], theirs["up"], 0.75))
        made.append(Row("  first message delivered", ours["delivered"], theirs["delivered"]))
        late, good, then = (
            [milliseconds(one[what]) for one in (ours, theirs)]
            for what in ("ready after delivery", "ready after good publish", "then takes")
        )
        plain = {"unit": "ms", "comparable": False}
        made.append(Row("  ready was said after it", *late, target="≤ 150 ms", met=median(late[0]) <= 150, **plain))
        earliest = [[min(one)] for one in late]
        made.append(Row("  the earliest", *earliest, target="never before it", met=min(late[0]) >= 0, **plain))
        made.append(Row("  ready after the first publish that came", *good, **plain))
        made.append(Row("  a message published at ready took", *then, **plain))
        lost = {"unit": "", "target": "0", "met": sum(ours["lost"]) == 0, "comparable": False}
        made.append(Row("  acknowledged and never delivered", ours["lost"], theirs["lost"], **lost))
    if "noop" in wanted:
        made.append(at_most("up -d, nothing to do", milliseconds(ours["noop"]), 100, "ms", milliseconds(theirs["noop"])))
    if "down" in wanted:
        made.append(ratio_at_most("down", ours["down"], theirs["down"], 0.5))
        made.append(ratio_at_most("down -v", ours["down -v"], theirs["down -v"], 0.5))
        # In the column of what it is compared with: so much of compose's time is the engine's.
        made.append(Row("  the engine alone, by force, no volume", ours["by force"], theirs["down"]))
        made.append(Row("up -d, its volumes there", ours["up with data"], theirs["up with data"]))
    return made


def settle() -> None:
    """Waits until nothing much is going on: a broker that has just become ready, or has been removed, is still at work."""
    deadline = time.monotonic() + QUIET_LIMIT
    idle = 0.0
    while idle < QUIET and time.monotonic() < deadline:
        before = processor_time()
        time.sleep(0.5)
        idle, total = (after - earlier for after, earlier in zip(processor_time(), before))
        idle /= total
    if idle < QUIET:
        noisy.append(idle)


def processor_time() -> tuple[float, float]:
    """Idle and all ticks of all processors so far."""
    ticks = [float(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def milliseconds(series: list[float]) -> list[float]:
    return [value * 1000 for value in series]


def differences(described: dict[str, dict], one: str, other: str) -> list[str]:
    """Where the two stacks are not the same work."""
    found = []
    for service, essence in described.get(one, {}).items():
        for what, value in essence.items():
            others = described[other][service][what]
            if isinstance(value, dict):
                names = sorted(name for name in {*value, *others} if value.get(name) != others.get(name))
                found += [f"{UNFAIR}, {name} of {service}: {value.get(name)!r} is not {others.get(name)!r}" for name in names]
            elif value != others:
                found.append(f"{UNFAIR}, {what} of {service}: {value} is not {others}")
    return found
