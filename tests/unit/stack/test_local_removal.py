"""A local stack goes alone while another needs the cloud, and takes the cloud along as the last."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stack import environment, local_removal
from stack.errors import StackError
from stack.names import LOCAL
from stack.stack import Stack
from toolchain import docker_engine

Make = Callable[..., list[str]]


@pytest.fixture(name="make")
def _make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a function that makes local stacks, and lists all that is destroyed."""

    def make(*names: str) -> list[str]:
        destroyed: list[str] = []
        (tmp_path / ".local" / "cloud").mkdir(parents=True)
        for name in names:
            state = tmp_path / ".local" / "state" / ".pulumi" / "stacks" / "auth" / f"{name}.json"
            state.parent.mkdir(parents=True, exist_ok=True)
            state.write_text("{}")
            stack = Stack(name=name, clone=tmp_path, env={})
            own = stack.configuration.file
            memories = [own.with_name("written.json"), own.with_name("switch.json")]
            for file in (own, *memories, tmp_path / ".local" / "ssh" / name / "key"):
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("")
        monkeypatch.setattr(
            environment, "prepare", lambda clone, name: Stack(name=name, clone=clone, env={})
        )
        monkeypatch.setattr(environment, "stop_cloud", lambda _: destroyed.append("cloud"))
        monkeypatch.setattr(docker_engine, "stop_if_ours", lambda _: destroyed.append("docker"))
        monkeypatch.setattr(Stack, "resources", lambda _: [])
        monkeypatch.setattr(Stack, "destroy", lambda stack: destroyed.append(stack.name))
        return destroyed

    return make


def folder(clone: Path, name: str) -> Path:
    return Stack(name=name, clone=clone, env={}).folder


@pytest.mark.parametrize(("name", "other"), [("local-prod", LOCAL), (LOCAL, "local-prod")])
def test_a_stack_beside_another_goes_alone(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, other: str
) -> None:
    destroyed = make(LOCAL, "local-prod")

    assert local_removal.take_down(tmp_path, name, confirmed="") == 0

    assert destroyed == [name]
    assert f"The emulated cloud stays, for {other}." in capsys.readouterr().out
    left = {path.name for path in (tmp_path / ".local").rglob("*") if path.is_file()}
    assert f"Pulumi.{name}.yaml" not in left, "its secrets are in it"
    assert f"Pulumi.{other}.yaml" in left
    memories = {*(tmp_path / ".local").rglob("written.json")}
    memories |= {*(tmp_path / ".local").rglob("switch.json")}
    assert {path.parent for path in memories} == {folder(tmp_path, other)}
    assert [path.name for path in (tmp_path / ".local" / "ssh").iterdir()] == [other]


@pytest.mark.parametrize("name", [LOCAL, "local-prod"])
def test_the_last_stack_takes_the_cloud_along(make: Make, tmp_path: Path, name: str) -> None:
    destroyed = make(name)

    assert local_removal.take_down(tmp_path, name, confirmed="") == 0

    assert destroyed == [name, "cloud", "docker"]
    assert not (tmp_path / ".local").exists()


def test_a_stack_that_is_not_there_takes_nothing_from_another(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    destroyed = make("local-prod")

    assert local_removal.take_down(tmp_path, LOCAL, confirmed="") == 0

    assert destroyed == []
    assert "There is no local stack local. The local stacks here: local-prod." in (
        capsys.readouterr().out
    )


def test_a_stack_that_is_not_taken_down_keeps_its_keys_and_the_cloud(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    destroyed = make(LOCAL, "local-prod")

    def fail(_: Stack) -> None:
        raise StackError("it failed")

    monkeypatch.setattr(Stack, "destroy", fail)

    with pytest.raises(StackError, match="it failed"):
        local_removal.take_down(tmp_path, "local-prod", confirmed="")

    assert destroyed == []
    assert Stack(name="local-prod", clone=tmp_path, env={}).configuration.file.exists()


@pytest.fixture(name="bucket")
def _bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Serve the bucket of the emulated cloud; return the keys of its objects, to be changed."""
    keys: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            contents = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"<ListBucketResult>{contents}</ListBucketResult>".encode())

        def log_message(self, *_: Any) -> None:
            return

    secret = tmp_path / "secret"
    secret.write_text("secret")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        backup = {
            "bucket": "auth-backup",
            "endpoint": f"http://127.0.0.1:{server.server_address[1]}",
            "access_key": "key",
            "secret_key_file": str(secret),
        }
        cloud = {"region": "eu-frankfurt-1", "backup": backup}
        monkeypatch.setattr(environment, "describe_cloud", lambda _: cloud)
        yield keys
        server.shutdown()


@pytest.mark.parametrize(
    "case",
    [
        ("cluster", ["auth/copies/first.json"], ["  - the bucket with its copies"]),
        ("cluster", [], []),
        ("server", [], ["  - the bucket with its copies"]),
    ],
    ids=["a cluster, after a server", "a cluster", "a server"],
)
def test_copies_are_lost_with_the_cloud_where_there_are_any(
    make: Make,
    bucket: list[str],
    capsys: pytest.CaptureFixture[str],
    case: tuple[str, list[str], list[str]],
    tmp_path: Path,
) -> None:
    platform, stored, lost = case
    make(LOCAL)
    (tmp_path / "Pulumi.local.yaml").write_text(f"config:\n  auth:platform: {platform}\n")
    bucket += stored

    assert local_removal.take_down(tmp_path, LOCAL, confirmed="") == 0

    assert capsys.readouterr().err.splitlines()[1:] == lost


def test_copies_of_a_cloud_that_does_not_answer_count_as_lost(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Path) -> None:
        raise StackError("no cloud")

    make(LOCAL)
    (tmp_path / "Pulumi.local.yaml").write_text("config:\n  auth:platform: cluster\n")
    monkeypatch.setattr(environment, "describe_cloud", fail)

    assert local_removal.take_down(tmp_path, LOCAL, confirmed="") == 0

    assert "- the bucket with its copies" in capsys.readouterr().err
