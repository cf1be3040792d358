"""The two tools that are compared, each on a project of its own: what they are asked to do, and how long it took."""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LIMIT = 180.0  # for a command that is measured
GRACE = 20.0  # for one that is given up
# Nothing of the user's own settings may steer a run.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("SANDBOX_", "COMPOSE_", "BENCH_"))
}


class Failed(Exception):
    """A command that was measured failed; a run that failed has no numbers."""


@dataclass
class Ran:
    """One command."""

    began: float  # seconds of the clock that all processes share
    ready: float  # when it said that all is ready
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Tool:
    """A tool and its project."""

    name: str
    services = ("redpanda", "postgres", "scheduler", "reminders", "reminders-dapr")

    def __init__(self, project: str) -> None:
        self.project = project

    def container(self, service: str) -> str:
        return f"{self.project}-{service}-1"

    def up(self) -> Ran:
        """Starts everything that does not run, and waits until it is ready."""
        raise NotImplementedError

    def down(self, volumes: bool) -> Ran:
        """Stops and removes everything; the volumes too where asked."""
        raise NotImplementedError

    def describe(self) -> dict[str, dict]:
        """What of its containers must be the same for both tools."""
        names = [self.container(service) for service in self.services]
        inspected = json.loads(docker("container", "inspect", *names))
        return {service: essence(one) for service, one in zip(self.services, inspected)}

    def removed_by_force(self) -> Ran:
        """Its containers and its network, by the engine alone: everything is killed."""
        label = f"label=com.docker.compose.project={self.project}"
        networks = docker("network", "ls", "--quiet", "--filter", label).split()
        began = time.monotonic()
        docker("container", "rm", "--force", *(self.container(service) for service in self.services))
        docker("network", "rm", *networks)
        ended = time.monotonic()
        return Ran(began, ended, ended)

    def remove_all(self) -> None:
        """Removes what a failed run may have left, without the tool."""
        label = f"label=com.docker.compose.project={self.project}"
        for kind, listing, removal in (
            ("container", ["--all"], ["--force", "--volumes"]),
            ("network", [], []),
            ("volume", [], ["--force"]),
        ):
            found = docker(kind, "ls", *listing, "--quiet", "--filter", label).split()
            if found:
                docker(kind, "rm", *removal, *found)


class Sandbox(Tool):
    """`sandbox` with a sandbox.toml in a folder of its own."""

    name = "sandbox"

    def __init__(self, project: str, binary: Path, folder: Path) -> None:
        super().__init__(project)
        self.folder = folder
        self.plain = [str(binary), "-C", str(folder), "-p", project]
        self.command = [*self.plain, "--json"]

    def up(self) -> Ran:
        return run([*self.command, "up", "-d", "--offline"], ready='"event":"ready"')

    def down(self, volumes: bool) -> Ran:
        return run([*self.command, "down", *(["-v"] if volumes else [])])

    @contextmanager
    def attached(self):
        """`sandbox up` in the foreground, ready; its process."""
        with process([*self.command, "up", "--offline"]) as attached:
            while '"event":"ready"' not in (line := attached.stdout.readline()):
                if not line:
                    raise Failed("sandbox up ended before it was ready")
            drain = subprocess.Popen(["cat"], stdin=attached.stdout, stdout=subprocess.DEVNULL)
            try:
                yield attached
            finally:
                attached.terminate()
                attached.wait(LIMIT)
                drain.wait(LIMIT)


    @contextmanager
    def talking(self):
        """`sandbox up` in the foreground, ready; its events, without the lines of logs."""
        with process([*self.command, "up", "--offline", "--no-logs"], stderr=subprocess.DEVNULL) as attached:
            events = reader(attached.stdout)
            try:
                while events.get(timeout=LIMIT)[1]["event"] != "ready":
                    pass
                yield events
            finally:
                attached.terminate()
                attached.wait(LIMIT)


class Compose(Tool):
    """docker compose with compose.yaml."""

    name = "compose"

    def __init__(self, project: str, binary: Path, file: Path, image: str) -> None:
        super().__init__(project)
        self.command = [str(binary), "-f", str(file), "-p", project]
        self.environment = {"BENCH_IMAGE": image}

    def up(self) -> Ran:
        # The port stays the same while the containers are there: another one would make them anew.
        port = str(self.environment.get("BENCH_KAFKA_PORT") or free_port())
        self.environment["BENCH_KAFKA_PORT"] = port
        return run([*self.command, "up", "-d", "--wait", "--pull", "never"], self.environment)

    def down(self, volumes: bool) -> Ran:
        ran = run([*self.command, "down", *(["-v"] if volumes else [])], self.environment)
        del self.environment["BENCH_KAFKA_PORT"]
        return ran


def run(command: list[str], environment: dict[str, str] | None = None, ready: str | None = None) -> Ran:
    """Runs a command to its end; `ready` is in the line by which it says that all is ready, else its end does."""
    began = time.monotonic()
    lines, said = [], None
    with process(command, environment) as running:
        for line in running.stdout:
            lines.append(line)
            if ready and ready in line:
                said = time.monotonic()
        code = running.wait(LIMIT)
    ended = time.monotonic()
    if code != 0 or (ready and said is None):
        raise Failed(f"{' '.join(command)} ended with {code}:\n{''.join(lines[-12:])}")
    return Ran(began, said or ended, ended)


@contextmanager
def process(command: list[str], environment: dict[str, str] | None = None, **options):
    """A process in a session of its own, so that Ctrl-C reaches only the benchmark; it does not outlive the block."""
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options}
    started = subprocess.Popen(command, env={**ENVIRONMENT, **(environment or {})}, start_new_session=True, **output)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.terminate()  # calls that are on their way to the engine come to an end
        try:
            started.wait(GRACE)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def reader(stream) -> queue.Queue:
    """Every event of a stream with the moment in which it came."""
    events: queue.Queue = queue.Queue()

    def read() -> None:
        for line in stream:
            events.put((time.monotonic(), json.loads(line)))

    threading.Thread(target=read, daemon=True).start()
    return events


def docker(*arguments: str) -> str:
    """What the docker command line prints."""
    return subprocess.run(
        ["docker", *arguments], env=ENVIRONMENT, check=True, stdout=subprocess.PIPE, text=True, start_new_session=True
    ).stdout


def essence(container: dict) -> dict:
    """What two containers must share to be the same work. Host ports and the names of volumes and folders may differ."""
    config, host = container["Config"], container["HostConfig"]
    return {
        "image": container["Image"],
        "command": [word for word in config["Cmd"] or [] if "127.0.0.1:" not in word],
        "environment": sorted(config["Env"]),
        "ports": sorted(
            (port, *(binding["HostIp"] for binding in bindings)) for port, bindings in host["PortBindings"].items()
        ),
        "mounts": sorted((mount["Type"], mount["Destination"], mount["RW"]) for mount in container["Mounts"]),
        "files": {name: text for mount in container["Mounts"] if mount["Type"] == "bind" for name, text in files(mount)},
        "memory": host["Memory"],
        "log": host["LogConfig"],
    }


def files(mount: dict):
    """What lies in a mounted folder, by its name in the container."""
    for file in Path(mount["Source"]).iterdir():
        yield f"{mount['Destination']}/{file.name}", file.read_text()


def free_port() -> int:
    """A port that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
