"""The sample app, and beside it when each of the prober's messages arrived.

The prober publishes `{"number": 7}` on the sample's topic; what is no number goes to the sample as always.
`GET /arrived` answers `{"7": 1234.5}`: seconds of the clock that every process of the machine shares.
"""

import json
import time

from reminders.main import app as sample

arrived: dict[int, float] = {}


async def app(scope, receive, send):
    """The ASGI application."""
    path = scope.get("path") if scope["type"] == "http" else None
    if path == "/arrived":
        return await _answer(send, arrived)
    if path != "/events/reminders-due":
        return await sample(scope, receive, send)
    now = time.monotonic()
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    number = _number(b"".join(message.get("body", b"") for message in messages))
    if number is None:
        again = iter(messages)
        return await sample(scope, lambda: _next(again, receive), send)
    arrived.setdefault(number, now)
    return await _answer(send, {"status": "SUCCESS"})


async def _next(messages, receive):
    for message in messages:
        return message
    return await receive()


def _number(body: bytes) -> int | None:
    try:
        return int(json.loads(body)["data"]["number"])
    except (ValueError, KeyError, TypeError):
        return None


async def _answer(send, content) -> None:
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
