"""The lines of requests in the log: few writes, and each before its answer."""

import asyncio
import io
import json
import logging

import pytest
from auth.telemetry import logs
from auth.telemetry.metrics import Metrics
from auth.telemetry.requests import RequestTelemetry
from starlette.types import Message, Receive, Scope, Send


class Stream(io.StringIO):
    """A log's file that keeps each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return len(text)

    @property
    def lines(self) -> list[str]:
        return [json.loads(line)["message"] for line in "".join(self.writes).splitlines()]


@pytest.fixture(name="stream")
def _stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    stream = Stream()
    output = logs._Output(stream)
    output.setFormatter(logs.JsonFormatter())
    monkeypatch.setattr("auth.telemetry.logs._OUTPUT", output)
    monkeypatch.setattr(logs.LOG, "handlers", [output])
    return stream


def test_the_lines_of_a_round_of_the_loop_are_one_write(stream: Stream) -> None:
    async def in_a_round() -> None:
        for number in range(3):
            logs.write_line(f"request {number}", {})
        await asyncio.sleep(0)

    for _ in range(2):
        asyncio.run(in_a_round())

    assert stream.lines == ["request 0", "request 1", "request 2"] * 2
    assert len(stream.writes) == 2


def test_a_line_without_a_loop_is_written_at_once(stream: Stream) -> None:
    logs.write_line("audit", {})

    assert stream.lines == ["audit"]


def test_a_record_comes_after_the_lines_before_it(stream: Stream) -> None:
    async def both() -> None:
        logs.write_line("request", {})
        logs.LOG.log(logging.CRITICAL, "the disk is full")

    asyncio.run(both())

    assert stream.lines == ["request", "the disk is full"]


def test_a_request_is_in_the_log_before_its_client_has_the_answer(stream: Stream) -> None:
    before_the_answer: list[str] = []

    async def route(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Message) -> None:
        # as `auth.http.connections.Gathering` does
        if message["type"] == "http.response.start":
            asyncio.get_running_loop().call_soon(lambda: before_the_answer.extend(stream.lines))

    async def receive() -> Message:
        return {"type": "http.request"}

    async def request() -> None:
        app = RequestTelemetry(route, metrics=Metrics(revision=""))
        scope = {"type": "http", "method": "GET", "path": "/v1/me", "headers": []}
        await app(scope, receive, send)
        await asyncio.sleep(0)

    asyncio.run(request())

    assert before_the_answer == ["request"]
