"""Programs in wheels, from a package index that may be wrong."""

import hashlib
import io
import json
import platform
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from host.auth_release import wheels
from host.auth_release.errors import ReleaseError

MACHINE = platform.machine()
OTHER = {"x86_64": "aarch64"}.get(MACHINE, "x86_64")


def wheel(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("tool-1.data/scripts/tool", f"#!/bin/sh\necho {text}\n")
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Index:
    """A package index with the wheels of a package `tool`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}  # by name
        self.claimed: dict[str, str] = {}  # the SHA-256 that it names, if that is another
        self.asked: list[str] = []

    def offer(self, machine: str, content: bytes) -> str:
        name = f"tool-1-py3-none-manylinux2014_{machine}.musllinux_1_1_{machine}.whl"
        self.files[name] = content
        return name

    def answer(self, path: str) -> bytes | None:
        self.asked.append(path)
        if path != "/simple/tool/":
            return self.files.get(path.removeprefix("/files/"))
        rows = [
            {
                "filename": name,
                "url": f"/files/{name}",
                "hashes": {"sha256": self.claimed.get(name, sha256(content))},
            }
            for name, content in self.files.items()
        ]
        return json.dumps({"files": rows}).encode()


@pytest.fixture(name="index")
def _index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    index = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = index.answer(self.path)
            self.send_response(404 if content is None else 200)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(wheels, "INDEX", f"http://127.0.0.1:{server.server_port}/simple/")
        monkeypatch.setattr(wheels, "FOLDER", tmp_path / "wheels")
        yield index
        server.shutdown()
        thread.join()


@pytest.fixture(name="program")
def _program(tmp_path: Path) -> Path:
    return tmp_path / "tool"


def test_the_pinned_wheel_of_this_machine_is_taken(index: Index, program: Path) -> None:
    ours, others = wheel("ours"), wheel("others")
    index.offer(OTHER, others)
    index.offer(MACHINE, ours)

    wheels.install("tool", program, {sha256(ours), sha256(others)})

    assert "echo ours" in program.read_text()
    assert program.stat().st_mode & 0o777 == 0o755


def test_a_wheel_that_was_changed_behind_its_hash_is_not_installed(
    index: Index, program: Path
) -> None:
    pinned = sha256(wheel("ours"))
    index.claimed[index.offer(MACHINE, wheel("an intruder's"))] = pinned

    with pytest.raises(ReleaseError, match="Nothing was installed"):
        wheels.install("tool", program, {pinned})

    assert not program.exists()


def test_a_wheel_without_a_pinned_hash_is_not_even_fetched(index: Index, program: Path) -> None:
    index.offer(MACHINE, wheel("newer"))

    with pytest.raises(ReleaseError, match=rf"no wheel for {MACHINE} with a SHA-256 of"):
        wheels.install("tool", program, {sha256(wheel("ours"))})

    assert index.asked == ["/simple/tool/"]


def test_an_index_out_of_reach_is_named_with_the_way_around_it(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "INDEX", "http://127.0.0.1:1/simple/")
    monkeypatch.setattr(wheels, "FOLDER", tmp_path / "wheels")

    with pytest.raises(ReleaseError, match=r"put the wheel .* into .*/wheels"):
        wheels.install("tool", program, {"0" * 64})


def test_a_pinned_wheel_on_the_disk_needs_no_index(index: Index, program: Path) -> None:
    ours = wheel("ours")
    wheels.FOLDER.mkdir()
    (wheels.FOLDER / f"earlier_linux_{MACHINE}.whl").write_bytes(wheel("another"))
    (wheels.FOLDER / f"tool_linux_{MACHINE}.whl").write_bytes(ours)

    wheels.install("tool", program, {sha256(ours)})

    assert "echo ours" in program.read_text()
    assert index.asked == []


def test_another_pin_replaces_the_program_and_the_same_pin_does_not(
    index: Index, program: Path
) -> None:
    first, second = wheel("first"), wheel("second")
    index.offer(MACHINE, first)
    wheels.install("tool", program, {sha256(first)})
    file = program.stat().st_ino
    wheels.install("tool", program, {sha256(first)})
    assert program.stat().st_ino == file

    index.offer(MACHINE, second)
    wheels.install("tool", program, {sha256(second)})

    assert "echo second" in program.read_text()
