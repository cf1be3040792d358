"""A sidecar in memory, behind `httpx.MockTransport`: state with etags, pub/sub, jobs, and mishaps."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import httpx

from reminders.dapr import Dapr, Retry

FAST = Retry(budget=0.5, grace=0.2, first=0.001, longest=0.002)

Mishap = Callable[[httpx.Request], httpx.Response | None]


def failure(status: int, code: str, message: str = "as asked") -> httpx.Response:
    return httpx.Response(status, json={"errorCode": code, "message": message})


class FakeSidecar:
    """What daprd would do. A mishap sees a request first and may answer it, raise, or let it pass."""

    def __init__(self, job_routes: tuple[str, ...] = ("v1.0", "v1.0-alpha1")) -> None:
        self.state: dict[str, tuple[Any, int]] = {}
        self.published: list[dict[str, Any]] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.requests: list[httpx.Request] = []
        self.mishaps: list[Mishap] = []
        self.job_routes = job_routes
        self._version = 0

    def client(self, retry: Retry = FAST, token: str | None = None) -> Dapr:
        return Dapr(
            "http://sidecar:3500", token=token, retry=retry, transport=httpx.MockTransport(self._answer)
        )

    def fail(self, times: int, what: httpx.Response | Exception, path: str = "") -> None:
        """Let the next `times` requests whose path contains `path` fail before they are looked at."""

        def mishap(request: httpx.Request) -> httpx.Response | None:
            nonlocal times
            if path not in request.url.path or times == 0:
                return None
            times -= 1
            if isinstance(what, Exception):
                raise what
            return what

        self.mishaps.append(mishap)

    def lose_answer(self, path: str = "") -> None:
        """Do the next matching request, and break the connection instead of answering."""
        pending = True

        def mishap(request: httpx.Request) -> httpx.Response | None:
            nonlocal pending
            if path not in request.url.path or not pending:
                return None
            pending = False
            self._do(request)
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")

        self.mishaps.append(mishap)

    def count(self, path: str) -> int:
        return sum(path in request.url.path for request in self.requests)

    def write(self, key: str, value: Any) -> None:
        self._version += 1
        self.state[key] = (value, self._version)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        for mishap in self.mishaps:
            if response := mishap(request):
                return response
        return self._do(request)

    def _do(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        version, area, *rest = [unquote(part) for part in path.strip("/").split("/")]
        if area == "state":
            return self._state(request, rest[1:])
        if area == "publish":
            return self._publish(request, rest)
        if area == "jobs" and version in self.job_routes:
            return self._job(request, rest[0])
        if area == "secrets":
            return httpx.Response(200, json={"password": "hunter2"})
        if area == "healthz":
            return httpx.Response(204)
        return failure(404, "ERR_DIRECT_INVOKE", "failed getting app id")

    def _state(self, request: httpx.Request, rest: list[str]) -> httpx.Response:
        if rest == ["transaction"]:
            return self._transaction(json.loads(request.content)["operations"])
        if rest == ["bulk"]:
            keys = json.loads(request.content)["keys"]
            return httpx.Response(200, json=[self._bulk_item(key) for key in keys])
        if request.method == "POST":
            (item,) = json.loads(request.content)
            if self._conflicts(item):
                return failure(409, "ERR_STATE_SAVE", "possible etag mismatch. error from state store")
            self.write(item["key"], item["value"])
            return httpx.Response(204)
        key = rest[0]
        if request.method == "DELETE":
            guard: dict[str, Any] = {"key": key}
            if etag := request.headers.get("if-match"):
                guard |= {"etag": etag, "options": {"concurrency": "first-write"}}
            if self._conflicts(guard):
                return failure(409, "ERR_STATE_DELETE", "possible etag mismatch. error from state store")
            self.state.pop(key, None)
            return httpx.Response(204)
        if key not in self.state:
            return httpx.Response(204)
        value, version = self.state[key]
        return httpx.Response(200, json=value, headers={"etag": str(version)})

    def _transaction(self, operations: list[dict[str, Any]]) -> httpx.Response:
        if any(self._conflicts(operation["request"]) for operation in operations):
            message = (
                "error while executing state transaction: possible etag mismatch. error from state store"
            )
            return failure(500, "ERR_STATE_TRANSACTION", message)
        for operation in operations:
            item = operation["request"]
            if operation["operation"] == "upsert":
                self.write(item["key"], item["value"])
            else:
                self.state.pop(item["key"], None)
        return httpx.Response(204)

    def _bulk_item(self, key: str) -> dict[str, Any]:
        if key not in self.state:
            return {"key": key}
        value, version = self.state[key]
        return {"key": key, "data": value, "etag": str(version)}

    def _conflicts(self, item: dict[str, Any]) -> bool:
        stored = self.state.get(item["key"])
        if "etag" in item:
            return stored is None or str(stored[1]) != item["etag"]
        return bool(item.get("options")) and stored is not None

    def _publish(self, request: httpx.Request, rest: list[str]) -> httpx.Response:
        self.published.append(
            {
                "pubsub": rest[0],
                "topic": "/".join(rest[1:]),
                "data": request.content,
                "type": request.headers["content-type"],
                "metadata": dict(request.url.params),
            }
        )
        return httpx.Response(204)

    def _job(self, request: httpx.Request, name: str) -> httpx.Response:
        if request.method == "DELETE":
            self.jobs.pop(name, None)
            return httpx.Response(204)
        if request.method == "GET":
            if name not in self.jobs:
                return failure(500, "DAPR_SCHEDULER_GET_JOB", "failed to get job due to: job not found")
            return httpx.Response(200, json=self.jobs[name])
        job = json.loads(request.content)
        if name in self.jobs and not job["overwrite"]:
            return failure(409, "DAPR_SCHEDULER_SCHEDULE_JOB", f"job already exists: '{name}'")
        self.jobs[name] = job
        return httpx.Response(204)
