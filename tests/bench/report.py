"""Numbers over runs, and the table they are shown in."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from statistics import median
from typing import Callable

from tools import docker


@dataclass
class Row:
    """One line of the table. A number may be missing where there is none."""

    what: str
    sandbox: list[float]
    compose: list[float] | None = None
    unit: str = "s"
    target: str = ""
    met: bool | None = None  # None: there is no target
    comparable: bool = True  # whether a ratio says anything

    def cells(self) -> list[str]:
        both = [self.sandbox, self.compose or []]
        ratios = [ours / theirs for ours, theirs in zip(*both)] if self.comparable else []
        verdict = {True: "pass", False: "MISS", None: ""}[self.met]
        return [self.what, *(show(series, self.unit) for series in both), show(ratios, "×"), self.target, verdict]


def show(series: list[float], unit: str) -> str:
    """Median and worst."""
    if not series:
        return ""
    digits = {"s": 2, "ms": 1, "MB": 1, "×": 2, "%": 0}.get(unit, 0)
    values = [median(series), max(series)][: len(series)]
    return " / ".join(f"{value:.{digits}f}" for value in values) + f" {unit}".rstrip()


def at_most(what: str, series: list[float], limit: float, unit: str, compose: list[float] | None = None) -> Row:
    """A row whose median must not be above the limit."""
    return Row(what, series, compose, unit, f"≤ {limit:g} {unit}", median(series) <= limit)


def ratio_at_most(what: str, sandbox: list[float], compose: list[float], limit: float) -> Row:
    """A row whose ratio, taken within each run, must not be above the limit in the median."""
    ratio = median(ours / theirs for ours, theirs in zip(sandbox, compose))
    return Row(what, sandbox, compose, "s", f"≤ {limit:g} ×", ratio <= limit)


def table(rows: list[Row]) -> str:
    """The rows, aligned."""
    lines = [["median / worst", "sandbox", "compose", "ratio", "target", ""], *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    aligns: list[Callable[[str, int], str]] = [str.ljust, str.rjust, str.rjust, str.rjust, str.ljust, str.ljust]
    return "\n".join(
        "  ".join(align(cell, width) for align, cell, width in zip(aligns, line, widths)).rstrip() for line in lines
    )


def facts(images: list[str]) -> list[str]:
    """What must be known of the machine to read the numbers."""
    version = docker("version", "--format", "{{.Server.Version}} (API {{.Server.APIVersion}})").strip()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    lines = [
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()} {platform.machine()}, "
        f"Docker Engine {version}, load before the first run {load}",
    ]
    label = '{{index .Config.Labels "dev.sandbox.stand-in"}}'
    stand_ins = {image: docker("image", "inspect", "-f", label, image).strip() for image in images}
    if any(stand_ins.values()):
        lines.append("both tools ran on stand-ins, not on the published images:")
        lines += [f"  {image}: {stand_in}" for image, stand_in in stand_ins.items() if stand_in]
    return lines
