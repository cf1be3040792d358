"""`logs`: a million lines of two containers, how late a line is while following, and what attachment costs at 10,000 lines a
second. Both tools read the same containers: sandbox starts them, and their labels are compose's too.

Where the engine's files can be read (root on Linux) sandbox reads those. So there it is measured a second time, as a user who may
talk to the engine and no more: most people are that."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from report import Row, at_most, ratio_at_most
from starts import settle
from tools import ENVIRONMENT, Compose, Failed, Sandbox, process

IMAGE = "python:3.13-slim"
WRITERS = ("even", "odd")
LINES = 500_000  # of each writer
PACE = 10_000  # lines a second
STEADY = 10.0  # seconds for which that is watched
SAMPLES = 500
WINDOW = "sandbox holds lines back to order them for at most 50 ms; that is in the latency"
# The last line has no end.
NUMBERS = """
import sys
name, count = sys.argv[1], int(sys.argv[2])
line = "%s %d INFO order taken and stored, customer 4711, total 12.50"
for number in range(count - 1):
    print(line % (name, number))
print(line % (name, count - 1), end="")
"""
# EVERY seconds so many lines, each with when it was written.
STAMPS = """
import sys, time
every, count = float(sys.argv[1]), int(sys.argv[2])
due = time.monotonic()
while True:
    print("\\n".join(f"written {time.time_ns()} INFO order taken and stored, total 12.50" for _ in range(count)), flush=True)
    due += every
    time.sleep(max(0.0, due - time.monotonic()))
"""
SOCKET = "/var/run/docker.sock"
API = "sandbox over the API"
WRITTEN = re.compile(rb"written (\d+)")
STAMP = re.compile(rb"\d{4}-\d\d-\d\dT(\d\d):(\d\d):(\d\d)\.(\d+)")


def measure(sandbox: Sandbox, compose: Compose, runs: int, say) -> tuple[list[Row], list[str]]:
    """All rows, and notes on what to think of them."""
    reads = {"sandbox": [*sandbox.plain, "logs"], "compose": [*compose.command[:1], "-p", sandbox.project, "logs"]}
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="sandbox-bench-logs-") as folder:
        started(sandbox, {name: (NUMBERS, name, LINES) for name in WRITERS})
        made, notes = history({**reads, **over_the_api(sandbox, Path(folder))}, sandbox, Path(folder), runs, say)
        rows += made
        sandbox.down(volumes=True)
        started(sandbox, {"stamps": (STAMPS, 0.02, 1)})
        rows += latency(reads, say)
        sandbox.down(volumes=True)
        started(sandbox, {"steady": (STAMPS, 0.01, PACE // 100)})
        rows += attached(reads, sandbox, say)
        sandbox.down(volumes=True)
    return rows, [*notes, WINDOW]


def started(sandbox: Sandbox, writers: dict[str, tuple]) -> None:
    """A project of these writers, beside an app that says nothing; the ones that end have ended."""
    app = f'[dapr]\nscheduler = false\n\n[apps.quiet]\nimage = "{IMAGE}"\ncommand = ["sleep", "infinity"]\n'
    tables = [app]
    for name, (program, *arguments) in writers.items():
        (sandbox.folder / f"{name}.py").write_text(program)
        command = ", ".join(f'"{word}"' for word in ("python", f"/{name}.py", *arguments))
        ready = 'ready = "exited"\n' if program is NUMBERS else ""
        mount = f'volumes = ["./{name}.py:/{name}.py:ro"]\n'
        tables.append(f'[containers.{name}]\nimage = "{IMAGE}"\ncommand = [{command}]\n{mount}{ready}')
    (sandbox.folder / "sandbox.toml").write_text("\n".join(tables))
    sandbox.up()


def over_the_api(sandbox: Sandbox, folder: Path) -> dict[str, list[str]]:
    """`logs` of a user whom the engine's socket takes, and who may read none of its files; nothing when that is us already."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return {}
    folder.chmod(0o755)
    # Not under a name that the output of one of them has.
    binary = shutil.copy(sandbox.plain[0], folder / "unprivileged")
    user = ["setpriv", "--reuid=65534", "--regid=65534", f"--groups={os.stat(SOCKET).st_gid}"]
    return {API: [*user, binary, "-p", sandbox.project, "logs"]}


def history(reads: dict[str, list[str]], sandbox: Sandbox, folder: Path, runs: int, say) -> tuple[list[Row], list[str]]:
    """Both logs to a file, each tool in turn, and the engine alone."""
    series: dict[str, list[tuple[float, float]]] = defaultdict(list)
    engine: list[float] = []
    lost: dict[str, int] = {}
    swapped: dict[str, int] = {}
    for number in range(runs):
        for tool in sorted(reads, reverse=number % 2 == 0):
            settle()
            series[tool].append(to_file([*reads[tool], *WRITERS], folder / tool))
            lost[tool] = max(lost.get(tool, 0), missing(folder / tool))
        settle()
        engine.append(engine_alone([sandbox.container(name) for name in WRITERS]))
        each = ", ".join(f"{tool} {own[-1][0]:.2f} s {own[-1][1]:.1f} MB" for tool, own in sorted(series.items()))
        say(f"logs, run {number + 1}/{runs}: {each}, the engine alone {engine[-1]:.2f} s")
    for tool, command in reads.items():
        to_file([*command, "--timestamps", *WRITERS], folder / tool)
        swapped[tool] = inversions(folder / tool)
    (seconds, memory), (their_seconds, their_memory) = (zip(*series[tool]) for tool in ("sandbox", "compose"))
    ours = [tool for tool in reads if tool != "compose"]
    rows = [ratio_at_most("logs, 1,000,000 lines of two containers", list(seconds), list(their_seconds), 0.5)]
    rows += memory_rows(list(memory), list(their_memory))
    over_api = rows[0]
    if API in series:
        api_seconds, api_memory = zip(*series[API])
        over_api = ratio_at_most("  by who may not read the engine's files", list(api_seconds), list(their_seconds), 0.5)
        rows += [over_api, *memory_rows(list(api_memory), list(their_memory))]
    # In the column of what it is compared with: so much of compose's time is the engine's.
    rows.append(Row("  the engine alone over its API, thrown away", engine, list(their_seconds)))
    for what, counts in (("lines lost", lost), ("inversions of time", swapped)):
        most = max(counts[tool] for tool in ours)
        rows.append(Row(f"  {what}", [most], [counts["compose"]], "", "0", most == 0, comparable=False))
    notes = []
    if not over_api.met:
        floor = median(alone / theirs for alone, theirs in zip(engine, their_seconds))
        above = median(own / alone for own, alone in zip(over_api.sandbox, engine))
        notes.append(
            f"logs: MISSED over the API. The engine alone takes {floor:.2f} × compose's time to give both logs over it, read in "
            f"parallel and thrown away; sandbox takes {above:.2f} × that"
        )
    return rows, notes


def memory_rows(ours: list[float], theirs: list[float]) -> list[Row]:
    """At most half of it in the median."""
    ratio = median(own / their for own, their in zip(ours, theirs))
    return [Row("  memory", ours, theirs, "MB", "≤ 0.5 ×", ratio <= 0.5)]


def to_file(command: list[str], file: Path) -> tuple[float, float]:
    """Seconds, and the most memory in MB."""
    with file.open("wb") as out:
        began = time.perf_counter()
        # No folder of the user's: another user may not be let into it.
        running = subprocess.Popen(
            command, stdout=out, stderr=subprocess.PIPE, env=ENVIRONMENT, cwd="/", start_new_session=True
        )
        most = 0.0
        while running.poll() is None:
            most = max(most, memory(running.pid, "VmHWM"))
            try:
                running.wait(0.01)
            except subprocess.TimeoutExpired:
                pass
        seconds = time.perf_counter() - began
    complaint = running.stderr.read().decode()
    running.stderr.close()
    if running.returncode:
        raise Failed(f"{' '.join(command)} ended with {running.returncode}:\n{complaint}")
    return seconds, most


def missing(file: Path) -> int:
    """How many numbers are not there exactly once and in their order: too few, too many, or elsewhere."""
    expected = dict.fromkeys((name.encode() for name in WRITERS), 0)
    wrong = 0
    for line in file.open("rb"):
        name, number, *_ = line.partition(b"| ")[2].split(b" ", 2)
        wrong += abs(int(number) - expected[name])
        expected[name] = int(number) + 1
    return wrong + sum(LINES - number for number in expected.values())


def inversions(file: Path) -> int:
    """How many lines have a time before that of the line above them."""
    found, latest = 0, b""
    for line in file.open("rb"):
        stamp = STAMP.search(line)
        # compose leaves zeros at the end out; sandbox writes microseconds.
        time_of = stamp.group().split(b".")[0] + b"." + stamp[4].ljust(9, b"0")[:6]
        found += time_of < latest
        latest = time_of
    return found


def engine_alone(containers: list[str]) -> float:
    """Seconds in which the engine gives these logs, with times, to readers that throw them away."""
    took: list[int] = []
    threads = [threading.Thread(target=lambda name=name: took.append(throw_away(name))) for name in containers]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(took) != len(containers) or min(took) < LINES:
        raise Failed(f"the engine gave {took} bytes of its logs")
    return time.perf_counter() - began


def throw_away(container: str) -> int:
    """Reads a log, seldom and much at once, which costs the engine least; how many bytes came."""
    with socket.socket(socket.AF_UNIX) as engine:
        engine.connect(SOCKET)
        path = f"/containers/{container}/logs?stdout=1&stderr=1&timestamps=1"
        engine.sendall(f"GET {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n".encode())
        count = 0
        while part := engine.recv(256 * 1024):
            count += len(part)
            time.sleep(0.001)
        return count


def latency(reads: dict[str, list[str]], say) -> list[Row]:
    """From the moment a line is written to the moment it comes out of `logs -f`."""
    late: dict[str, list[float]] = {}
    for tool, command in reads.items():
        settle()
        late[tool] = []
        with process([*command, "-f", "-n", "1", "stamps"], text=False, stderr=subprocess.DEVNULL) as following:
            for number, line in enumerate(following.stdout):
                if (written := WRITTEN.search(line)) and number > 1:
                    late[tool].append((time.time_ns() - int(written[1])) / 1e6)
                if len(late[tool]) == SAMPLES:
                    break
        if len(late[tool]) < SAMPLES:
            raise Failed(f"{tool} logs -f ended by itself")
        say(f"logs -f, {tool}: p50 {median(late[tool]):.1f} ms, worst {max(late[tool]):.1f} ms")
    return [at_most("logs -f, a line is shown after", late["sandbox"], 50, "ms", late["compose"])]


def attached(reads: dict[str, list[str]], sandbox: Sandbox, say) -> list[Row]:
    """Processor and memory while a container writes PACE lines a second."""
    cost: dict[str, tuple[float, float]] = {}
    commands = {tool: [*command, "-f", "-n", "1", "steady"] for tool, command in reads.items()}
    for what, command in {**commands, "up": [*sandbox.plain, "up", "--offline"]}.items():
        settle()
        with process(command, text=False, stderr=subprocess.DEVNULL) as running:
            lines = [0]
            counting = threading.Thread(target=count_lines, args=(running.stdout, lines))
            counting.start()
            time.sleep(2.0)  # it has begun
            before, seen, began = processor(running.pid), lines[0], time.monotonic()
            time.sleep(STEADY)
            seconds = time.monotonic() - began
            cost[what] = ((processor(running.pid) - before) / seconds * 100, memory(running.pid, "VmHWM"))
            pace = (lines[0] - seen) / seconds
            running.terminate()
            counting.join()
        if not 0.9 * PACE < pace < 1.1 * PACE:
            raise Failed(f"{what}: {pace:.0f} lines a second came, and not {PACE}")
        say(f"attached, {what}: {cost[what][0]:.0f} % of a core, {cost[what][1]:.1f} MB")
    theirs = cost["compose"]
    rows = []
    for what, name in (("sandbox", "logs -f"), ("up", "up")):
        rows.append(at_most(f"{name} at {PACE:,} lines/s, of one core", [cost[what][0]], 30, "%", [theirs[0]]))
        rows.append(at_most("  the most memory it had", [cost[what][1]], 25, "MB", [theirs[1]]))
    return rows


def count_lines(source, lines: list[int]) -> None:
    """Reads all of it, as a terminal would."""
    while part := source.read1(1 << 16):
        lines[0] += part.count(b"\n")


def processor(pid: int) -> float:
    """Seconds of processor time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int, field: str) -> float:
    """MB; 0 when the process has just ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except ProcessLookupError:
        return 0.0
    return int(status.partition(f"{field}:")[2].split()[0]) * 1024 / 1e6 if field in status else 0.0
