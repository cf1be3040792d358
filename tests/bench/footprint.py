"""What the binary itself costs: its size, its start, its memory while it is attached and idle."""

from __future__ import annotations

import os
import time
from pathlib import Path

from report import Row, at_most
from tools import ENVIRONMENT, Sandbox

STARTS = 300
IDLE = 5.0


def measure_help(binary: Path) -> list[Row]:
    """Size, and the time of `--help`, beside a program that does nothing."""
    ours, floor = [], []
    for _ in range(STARTS):
        ours.append(spawn([str(binary), "--help"]))
        floor.append(spawn(["/bin/true"]))
    return [
        at_most(f"--help, {STARTS} times", ours, 5, "ms"),
        Row("  the fastest", [min(ours)], unit="ms"),
        Row("  /bin/true", floor, unit="ms"),
        at_most("binary", [binary.stat().st_size / 1e6], 12, "MB"),
    ]


def measure_idle(sandbox: Sandbox) -> list[Row]:
    """Resident memory of `sandbox up` while nothing happens, and the most it had."""
    with sandbox.attached() as attached:
        time.sleep(IDLE)
        status = Path(f"/proc/{attached.pid}/status").read_text()
    sandbox.down(volumes=True)
    now, most = (int(status.partition(f"{field}:")[2].split()[0]) * 1024 / 1e6 for field in ("VmRSS", "VmHWM"))
    return [at_most("attached and idle, resident", [now], 15, "MB"), Row("  the most it had", [most], unit="MB")]


def spawn(command: list[str]) -> float:
    """Milliseconds from the call to the process's end."""
    quiet = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_WRONLY, 0) for descriptor in (1, 2)]
    began = time.perf_counter()
    process = os.posix_spawn(command[0], command, ENVIRONMENT, file_actions=quiet)
    os.waitpid(process, 0)
    return (time.perf_counter() - began) * 1000
