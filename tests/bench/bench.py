#!/usr/bin/env python3
"""Measures sandbox beside docker compose, on the same images and the same machine: `make bench`.

    RUNS=10 ONLY=up,noop,down,help,idle,memory,reload,swap,logs BINARY=… tests/bench/bench.py [--strict] [--json FILE]

Both tools start the sample's stack in turn, in projects of their own (bench-…), which are removed at the end, at Ctrl-C too.
A missed target is shown, and an error only with --strict. --json writes every single number.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import footprint
import logs
import memory
import reloads
import report
import starts
import swaps
from tools import Compose, Failed, Sandbox, docker

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
GROUPS = ("up", "noop", "down", "help", "idle", "memory", "reload", "swap", "logs")
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAMPLE_COMPONENTS = "templates/init/python/components"
IMAGES = (
    "docker.redpanda.com/redpandadata/redpanda:v25.3.9",
    "postgres:17",
    "python:3.13-slim",
    "daprio/scheduler:1.18.2",
    "daprio/daprd:1.18.2",
)


def main() -> int:
    """Runs what was asked for; the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--strict", action="store_true", help="exit 1 when a target is missed, or the stacks differ")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    arguments = arguments.parse_args()
    wanted = set(filter(None, os.environ.get("ONLY", "").split(","))) or set(GROUPS)
    if unknown := wanted - set(GROUPS):
        raise SystemExit(f"bench: ONLY knows {', '.join(GROUPS)}, and not {', '.join(sorted(unknown))}")
    runs = int(os.environ.get("RUNS", "10"))
    for ending in ENDINGS:
        signal.signal(ending, interrupt)

    binary = built_binary()
    facts: list[str] = []
    rows: list[report.Row] = []
    notes: list[str] = []
    if "help" in wanted:
        rows += footprint.measure_help(binary)
    if wanted - {"help"}:
        facts = report.facts(images_there())
        compose_binary = output([str(HERE / "compose.sh")])
        with tempfile.TemporaryDirectory(prefix="sandbox-bench-") as folder:
            image = f"bench-{os.getpid()}-reminders"
            sandbox = Sandbox(f"bench-{os.getpid()}-sandbox", binary, Path(folder))
            talking = Sandbox(f"bench-{os.getpid()}-logs", binary, Path(folder) / "logs")
            swapping = Sandbox(f"bench-{os.getpid()}-swap", binary, Path(folder) / "swap")
            compose = Compose(f"bench-{os.getpid()}-compose", Path(compose_binary), HERE / "compose.yaml", image)
            try:
                if wanted & {"up", "noop", "down", "idle", "memory", "reload"}:
                    build_app(image)
                    write_sandbox_toml(Path(folder), image)
                if wanted & {"up", "noop", "down"}:
                    started, notes = starts.measure(sandbox, compose, runs, wanted, say)
                    rows = started + rows
                if "idle" in wanted:
                    rows += footprint.measure_idle(sandbox)
                if "memory" in wanted:
                    rows += memory.measure(sandbox, runs, say)
                if "reload" in wanted:
                    rows += reloads.measure(sandbox, ROOT / SAMPLE_COMPONENTS, runs, say)
                if "swap" in wanted:
                    swapping.folder.mkdir()
                    rows += swaps.measure(swapping, runs, say)
                if "logs" in wanted:
                    talking.folder.mkdir()
                    said, more = logs.measure(talking, compose, runs, say)
                    rows, notes = rows + said, notes + more
            finally:
                for ending in ENDINGS:
                    signal.signal(ending, signal.SIG_IGN)
                sandbox.remove_all()
                talking.remove_all()
                swapping.remove_all()
                compose.remove_all()
                remove_images(image)
    print("\n".join(["", *facts, "", report.table(rows), *notes]))
    if arguments.json:
        arguments.json.write_text(json.dumps([vars(row) for row in rows], indent=1))
    missed = any(row.met is False for row in rows) or any(note.startswith(starts.UNFAIR) for note in notes)
    return 1 if arguments.strict and missed else 0


def interrupt(*_) -> None:
    """Ends the run by way of every `finally`."""
    raise KeyboardInterrupt


def say(text: str) -> None:
    """Progress goes to stderr; the table alone is data."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def output(command: list[str]) -> str:
    """What a command prints; it talks on stderr."""
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def built_binary() -> Path:
    """The release binary, built from this tree unless BINARY names another."""
    if given := os.environ.get("BINARY"):
        return Path(given).resolve()
    output(["cargo", "build", "--release", "--locked", "--quiet"])
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "release/sandbox"


def images_there() -> list[str]:
    """The stack's images, which must be there: a pull is not what is measured."""
    missing = [image for image in IMAGES if not docker("image", "ls", "--quiet", image).strip()]
    if missing:
        raise SystemExit(f"bench: missing images: {', '.join(missing)}. `make demo` brings them.")
    return list(IMAGES)


def build_app(image: str) -> None:
    """The sample's image, and on it the one that tells when messages arrived. Both tools use the latter."""
    say("building the app's image")
    sample = f"{image}-sample"
    build = ["docker", "build", "--quiet", "--tag"]
    for command in (
        [*build, sample, str(ROOT / "templates/init/python/app")],
        [*build, image, "--build-arg", f"SAMPLE={sample}", str(HERE / "app")],
    ):
        built = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if built.returncode:
            raise Failed(f"{' '.join(command)} failed:\n{built.stdout}")


def remove_images(image: str) -> None:
    """Those of `build_app`."""
    for name in (image, f"{image}-sample"):
        if docker("image", "ls", "--quiet", name).strip():
            docker("image", "rm", "--force", name)


def write_sandbox_toml(folder: Path, image: str) -> None:
    """The root's own sandbox.toml, with an image that is there instead of one to build."""
    text = (ROOT / "sandbox.toml").read_text()
    text, builds = re.subn(r'^build = .*$', f'image = "{image}"', text, flags=re.MULTILINE)
    text, paths = re.subn(r'^path = "', f'path = "{ROOT}/', text, flags=re.MULTILINE)
    assert (builds, paths) == (1, 1), "sandbox.toml has another shape than the benchmark knows"
    (folder / "sandbox.toml").write_text(text)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failure:
        sys.exit(f"bench: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
