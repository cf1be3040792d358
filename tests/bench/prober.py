"""Watches, from outside, when a project really delivers messages. A process of its own, started before what it watches.

    prober.py SIDECAR APP       names of the two containers, which need not be there yet

From the moment the sidecar's container has started it publishes a numbered message through the sidecar's published port
every 20 ms, whatever the answer. When its input ends, it goes on until a message has arrived at the app, asks the app when
each did, and prints `{"messages": [[SENT, ARRIVED], …]}`: the acknowledged ones in order, null for one that never arrived, in
seconds of the clock that all processes of a machine share.
"""

import asyncio
import json
import sys
import time

EVERY = 0.02
PATIENCE = 30.0
TOPIC = "/v1.0/publish/pubsub/reminders.due"


async def main(sidecar: str, app: str) -> dict:
    """Probes until the input ends and messages have arrived."""
    told_to_stop = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    started = asyncio.create_task(address_of(sidecar, "3500/tcp"))
    done, _ = await asyncio.wait([told_to_stop, started], return_when=asyncio.FIRST_COMPLETED)
    if started not in done:
        started.cancel()
        return {"messages": []}
    publisher = Publisher(*started.result())
    publishing = asyncio.create_task(publisher.run())
    await told_to_stop
    host, port = await published(app, "8000/tcp")
    arrived: dict[int, float] = {}
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not (publishing.done() and set(publisher.acknowledged) <= set(arrived)):
        answer = await get(host, port, "/arrived")
        arrived = {int(number): at for number, at in answer.items()}
        if arrived and not publishing.done():
            publishing.cancel()
            await asyncio.sleep(0.1)  # for the publishes that are under way
        await asyncio.sleep(0.05)
    return {"messages": sorted([sent, arrived.get(number)] for number, sent in publisher.acknowledged.items())}


class Publisher:
    """Publishes at a steady pace over as few connections as the answers allow."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.acknowledged: dict[int, float] = {}  # number → when it was sent

    async def run(self) -> None:
        """Never ends by itself."""
        tasks = set()
        begun = time.monotonic()
        number = 0
        while True:
            task = asyncio.create_task(self.publish(number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
            await asyncio.sleep(max(0.0, begun + number * EVERY - time.monotonic()))

    async def publish(self, number: int) -> None:
        """One message; an answer other than 2xx, or none, is no acknowledgement."""
        sent = time.monotonic()
        body = json.dumps({"number": number}).encode()
        head = f"POST {TOPIC} HTTP/1.1\r\nHost: dapr\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            async with asyncio.timeout(5):
                reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection(self.host, self.port)
                writer.write(head.encode() + body)
                status, _ = await answer(reader)
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError):
            return
        if 200 <= status < 300:
            self.acknowledged[number] = sent
            self.idle.append((reader, writer))
        else:
            writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of an HTTP answer with a length."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = head.partition("content-length:")[2].partition("\r\n")[0].strip()
    return int(head.split()[1]), await reader.readexactly(int(length or 0))


async def get(host: str, port: int, path: str) -> dict:
    """A JSON object."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n".encode())
    _, body = await answer(reader)
    writer.close()
    return json.loads(body)


async def address_of(container: str, port: str) -> tuple[str, int]:
    """Where a container that will be started is published, once it is."""
    arguments = ["--since", str(time.time()), "--filter", f"container={container}", "--filter", "event=start"]
    events = await docker("events", *arguments, "--format", "{{.Action}}")
    print("watching", file=sys.stderr, flush=True)
    try:
        await events.stdout.readline()
    finally:
        events.terminate()
    return await published(container, port)


async def published(container: str, port: str) -> tuple[str, int]:
    """Host and port of a container's port."""
    process = await docker("port", container, port)
    text, _ = await process.communicate()
    host, _, number = text.decode().split()[0].rpartition(":")
    return host, int(number)


async def docker(*arguments: str) -> asyncio.subprocess.Process:
    """The docker command line."""
    return await asyncio.create_subprocess_exec(
        "docker", *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )


if __name__ == "__main__":
    json.dump(asyncio.run(main(*sys.argv[1:])), sys.stdout)
