"""Requests to an application in the test's own process, without a server between them."""

import json
import sys
from collections import Counter
from types import FrameType
from typing import Any, Self

from starlette.types import ASGIApp, Message, Scope

Headers = dict[str, str]


async def ask(
    app: ASGIApp, method: str, path: str, *, headers: Headers | None = None, body: object = None
) -> tuple[int, Any]:
    """Send a request as an HTTP server does; return the status and the JSON of its answer."""
    content = json.dumps(body).encode() if body is not None else b""
    sent = {"host": "auth.example.test", **(headers or {})}
    if content:
        sent |= {"content-type": "application/json", "content-length": str(len(content))}
    scope: Scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
    }
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, send)
    return messages[0]["status"], json.loads(b"".join(part["body"] for part in messages[1:]))


class Calls:
    """Counts the calls of functions in this thread, of Python and of C, while it is open."""

    def __init__(self) -> None:
        self.number = 0
        self.most: Counter[str] = Counter()

    def __enter__(self) -> Self:
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _count(self, frame: FrameType, event: str, called: Any) -> None:
        if event in {"call", "c_call"}:
            self.number += 1
            name = called.__qualname__ if event == "c_call" else frame.f_code.co_qualname
            self.most[name] += 1
