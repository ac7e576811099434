"""Each failure of a run ends with a single sentence and a closed record."""

import io
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host.auth_release import __main__ as tool
from host.auth_release import containers, failures, files
from host.auth_release.errors import ReleaseError
from tests.unit.host.fakes import Host, document

Run = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def run(host: Host, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the tool: it returns the exit status and the last sentences.

    The tool works in a process of its own, so its changes of the test's memory are lost.
    """
    monkeypatch.setattr(tool, "STATE", host.records.folder.parent)
    monkeypatch.setattr(tool, "host_of", lambda _: host.parts)

    def run(*argv: str, stdin: bytes = b"") -> tuple[int, list[str]]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = tool.main(argv)
        lines = capfd.readouterr().err.split("\n")
        assert all(line.isprintable() for line in lines), "a control character came through"
        assert not any("Traceback" in line for line in lines)
        return status, [line for line in lines if line.startswith("Release failed: ")]

    return run


@pytest.mark.parametrize(
    ("stdin", "sentence"),
    [
        (b"\xff", "the desired state on stdin can't be read: it is not JSON in UTF-8"),
        (b"[" * 100_000, "the desired state on stdin can't be read: it is not JSON in UTF-8"),
        (json.dumps(document(environment={"A": "\0"})).encode(), "`environment.A` holds a NUL"),
        (json.dumps(document(secrets={"\x1b\n": ""})).encode(), r"`secrets` has the name '\x1b\n'"),
        (json.dumps({**document(), "\x1b\ud800": 1}).encode(), r"`\x1b\ud800` is not a field"),
    ],
)
def test_a_refused_desired_state_ends_in_a_single_sentence(
    run: Run, stdin: bytes, sentence: str
) -> None:
    status, (sentence_shown,) = run("apply", stdin=stdin)

    assert status == 1
    assert sentence in sentence_shown


FAILURES = [
    (ReleaseError("one\n two\x1b[2J\u202e"), r"one; two\x1b[2J\u202e"),
    (OSError(28, "No space left on device", "/srv/x"), "/srv/x: No space left on device"),
    (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"), "UnicodeEncodeError in test_failures.py"),
    (ValueError("embedded null byte"), "embedded null byte. That is a mistake of auth-release"),
    (KeyError("\0"), r"KeyError in test_failures.py"),
    (MemoryError(), "MemoryError"),
]


@pytest.mark.parametrize(("error", "sentence"), FAILURES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("step", ["start", "keep_over_reboots"])
def test_any_failure_ends_in_a_single_sentence_and_closes_the_record(
    run: Run,
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    *,
    step: str,
    error: Exception,
    sentence: str,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(host.docker, step, fail)

    status, (sentence_shown,) = run("apply", stdin=json.dumps(document()).encode())

    assert status == 1
    assert sentence in sentence_shown
    (record,) = host.records.all()
    assert record.outcome == "failed"
    assert sentence in record.note


def test_a_second_failure_while_a_release_is_given_up_hides_nothing(
    run: Run, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(5, "Input/output error")

    host.docker.broken.add(document()["image"])
    monkeypatch.setattr(host.docker, "stop_and_remove", fail)

    _, (sentence_shown,) = run("apply", stdin=json.dumps(document()).encode())

    assert sentence_shown == "Release failed: the new container ended with exit code 3"
    assert [record.outcome for record in host.records.all()] == ["failed"]


def test_the_end_of_a_killed_process_is_reported(
    run: Run, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.docker, "start", lambda *_: os.kill(os.getpid(), signal.SIGKILL))

    status, (sentence_shown,) = run("apply", stdin=json.dumps(document()).encode())

    assert status == 1
    assert "was ended by signal 9. The next run finishes or undoes" in sentence_shown


def test_a_name_that_no_service_may_have_is_refused(run: Run, host: Host) -> None:
    for command in ("history", "rollback", "status", "logs"):
        with pytest.raises(SystemExit):
            run(command, "../../etc")
    assert not (host.records.folder.parent / "../../etc").exists()


def test_a_file_that_does_not_fit_leaves_the_old_one_and_names_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text("old")
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, unlimited[1]))
    try:
        with pytest.raises(ReleaseError, match=r"record.json can't be written: File too large.*df"):
            files.write_atomically(path, "x" * 4096, mode=0o600)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def container(name: str, labels: dict[str, str]) -> dict[str, Any]:
    """Build the parts of `docker inspect` that matter here."""
    return {
        "Name": f"/{name}",
        "Config": {"Labels": {"auth.service": "auth", **labels}, "Env": None, "Image": "x"},
        "State": {"Running": True, "Restarting": False, "ExitCode": 0, "Pid": 1},
        "RestartCount": 0,
        "HostConfig": {"Memory": 0, "PortBindings": {"8000/tcp": [{"HostPort": "20001"}]}},
        "NetworkSettings": {"Networks": {"bridge": {"IPAMConfig": None}}},
    }


def test_a_container_that_only_has_our_labels_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    docker = containers.Docker()
    labelled = [
        container("auth-7", {"auth.release": "7", "auth.fingerprint": "f"}),
        container("bare", {}),
        container("wordy", {"auth.release": "seven"}),
        container("copy-of-auth-7", {"auth.release": "7"}),
        container("auth-07", {"auth.release": "07"}),
    ]
    monkeypatch.setattr(docker, "labelled", lambda _: labelled)

    assert {number: each.name for number, each in docker.containers("auth").items()} == {
        7: "auth-7"
    }
    assert docker.containers("auth")[7].host_port == 20001
    assert docker.foreign("auth") == ["auth-07", "bare", "copy-of-auth-7", "wordy"]


def test_text_that_is_to_be_read_keeps_its_letters() -> None:
    assert failures.visible("Größe\t✓ 日本") == "Größe\t✓ 日本"
