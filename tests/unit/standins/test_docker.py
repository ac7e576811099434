"""What the `docker` stand-in takes for a change of an image; builds are in tests/localcloud."""

import http.server
import json
import socketserver
import threading
from pathlib import Path

import pytest

from common import property_values
from standins import docker as standin
from standins import values
from standins.docker import Image
from standins.docker_context import context_digest
from standins.resource import ProviderError
from tests import operation


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . .\n")
    (tmp_path / "code.py").write_text("print()\n")
    (tmp_path / ".dockerignore").write_text("# not for the image\n*.md\n")
    return tmp_path


def digest(folder: Path) -> str:
    return context_digest(str(folder), str(folder / "Dockerfile"))


def test_a_changed_file_a_changed_mode_and_a_renamed_file_are_changes(folder: Path) -> None:
    seen = [digest(folder)]
    (folder / "code.py").write_text("print(1)\n")
    seen.append(digest(folder))
    (folder / "code.py").chmod(0o755)
    seen.append(digest(folder))
    (folder / "code.py").rename(folder / "other.py")
    seen.append(digest(folder))

    assert len(set(seen)) == len(seen)


def test_a_touched_file_and_an_ignored_one_are_none(folder: Path) -> None:
    before = digest(folder)
    (folder / "code.py").touch()
    (folder / "README.md").write_text("words")

    assert digest(folder) == before


def test_a_link_counts_by_where_it_leads(folder: Path) -> None:
    link = folder / "link"
    link.symlink_to("code.py")
    before = digest(folder)
    link.unlink()
    link.symlink_to("Dockerfile")

    assert digest(folder) != before


def test_a_link_that_leads_nowhere_is_named(folder: Path) -> None:
    (folder / "link").symlink_to("nowhere")
    with pytest.raises(ProviderError, match=r"^could not evaluate symlink at .*/link: No such"):
        digest(folder)


def test_the_ignore_file_of_the_dockerfile_comes_before_the_contexts(folder: Path) -> None:
    (folder / "Dockerfile.dockerignore").write_text("*.py\nDockerfile.dockerignore\n")
    before = digest(folder)
    (folder / "code.py").write_text("print(1)\n")

    assert digest(folder) == before


def test_the_inputs_get_the_digest_of_the_context(folder: Path) -> None:
    inputs = Image().prepare({"imageName": "x:1", "build": {"context": str(folder)}})

    assert inputs["build"]["contextDigest"] == digest(folder)


def test_an_unknown_argument_leaves_the_context_for_later() -> None:
    inputs = {
        "imageName": "x",
        "build": {"context": "/none", "args": {"BASE": property_values.UNKNOWN}},
    }

    assert Image().prepare(inputs) == {**inputs, "buildOnPreview": False}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        ({"cacheFrom": {}}, "build.cacheFrom is not modelled"),
        ({"context": "/no/such"}, "build.context is '/no/such'; there is no such folder"),
        ({"context": "/", "dockerfile": "/no/file"}, "build.dockerfile is '/no/file'; there is"),
    ],
)
def test_a_wrong_build_is_named(build: values.Properties, message: str) -> None:
    with pytest.raises(ProviderError) as caught:
        Image().prepare({"imageName": "x:1", "build": build})

    assert str(caught.value).startswith(message)


def test_a_build_in_a_preview_is_refused(folder: Path) -> None:
    inputs = {"imageName": "x:1", "build": {"context": str(folder)}, "buildOnPreview": True}
    with pytest.raises(ProviderError, match=r"^buildOnPreview is not modelled"):
        Image().prepare(inputs)


class SilentEngine(http.server.BaseHTTPRequestHandler):
    """A Docker engine that begins to push an image and gives no further event."""

    def do_GET(self) -> None:
        self._begin({"ApiVersion": "1.44"})

    def do_POST(self) -> None:
        self._begin({"status": "Preparing"})
        self.rfile.read()  # until the client goes

    def log_message(self, *_: object) -> None:
        pass

    def address_string(self) -> str:
        return ""  # a Unix socket's peer has no address

    def _begin(self, event: dict[str, str]) -> None:
        body = json.dumps(event).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (self.command == "POST")))
        self.end_headers()
        self.wfile.write(body)


def test_a_push_to_an_engine_that_falls_silent_fails_with_the_images_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{address}")
    monkeypatch.setattr(standin, "_SILENCE_SECONDS", 0.2)
    with socketserver.ThreadingUnixStreamServer(str(address), SilentEngine) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            with pytest.raises(ProviderError, match=r"^x:1 could not be pushed: .*docker info"):
                standin._push("x:1", {}, operation.context())
        finally:
            server.shutdown()
            thread.join()
