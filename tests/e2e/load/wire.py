"""One HTTP/1.1 connection that never repeats anything, and says what became of each request.

Like httpx and every pooled client it looks, before it writes, whether the other side has closed in the meantime, and dials anew
then. What fails after the first byte was written has failed: nobody can know whether it had an effect.
"""

from __future__ import annotations

import asyncio
import json
import socket
from urllib.parse import urlsplit

LIMIT = 8.0
NEXT_ADDRESS = 0.25
"""RFC 8305, Connection Attempt Delay."""


class Refused(Exception):
    """No acknowledgement; the text says when and why."""


class Connection:
    """To one host and port. Looks the name up each time it dials."""

    def __init__(self, endpoint: str, keep: bool = True) -> None:
        """`endpoint` is `http://host:port`; without `keep` each request has a connection of its own."""
        address = urlsplit(endpoint)
        self._host, self._port = address.hostname or "", address.port or 80
        self._keep = keep
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.peer = ""
        """Who answered last: the container's address on the project's network."""
        self.dialed = 0

    async def post(self, path: str, body: bytes) -> None:
        """Returns when it was answered with 2xx. Raises `Refused`."""
        stage = "dial"
        try:
            async with asyncio.timeout(LIMIT):
                if not self._is_open():
                    await self._dial()
                stage = "send"
                self._write(path, body)
                await self._writer.drain()
                stage = "answer"
                status, text = await self._answer()
        except TimeoutError:
            self.close()
            raise Refused(f"{stage}: nothing within {LIMIT:g} s") from None
        except socket.gaierror as error:
            self.close()
            raise Refused(f"look up: {_name(error)}") from None
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise Refused(f"{stage}: {_name(error)}") from None
        except asyncio.CancelledError:
            self.close()
            raise
        if not self._keep:
            self.close()
        if not 200 <= status < 300:
            raise Refused(f"{status}: {_reason(text)}")

    def close(self) -> None:
        """The next request dials."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    def _is_open(self) -> bool:
        if self._writer is None or self._writer.is_closing() or self._reader.at_eof() or self._reader.exception():
            self.close()
            return False
        return True

    async def _dial(self) -> None:
        """All addresses of the name, the next one after a moment while the earlier ones go on, as pooled clients race them."""
        self._reader, self._writer = await asyncio.open_connection(
            self._host, self._port, happy_eyeballs_delay=NEXT_ADDRESS
        )
        # None: closed again already, which whoever writes finds out.
        self.peer = (self._writer.get_extra_info("peername") or ("",))[0]
        self.dialed += 1

    def _write(self, path: str, body: bytes) -> None:
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: {'keep-alive' if self._keep else 'close'}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)

    async def _answer(self) -> tuple[int, bytes]:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = await self._chunks()
        else:
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return status, body

    async def _chunks(self) -> bytes:
        body = b""
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readuntil(b"\r\n")
        return body


def _name(error: BaseException) -> str:
    if isinstance(error, asyncio.IncompleteReadError):
        return "closed in the middle of it" if error.partial else "closed without one"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _reason(body: bytes) -> str:
    """daprd's own words, without what differs from message to message."""
    try:
        said = json.loads(body)
        return f"{said.get('errorCode', '')} {said.get('message', '')}".strip()[:200]
    except (ValueError, AttributeError):
        return body.decode(errors="replace").strip()[:200]
