"""An archive is used only with its pinned SHA-256; the server is on a local port."""

import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from common.clone import CLONE
from toolchain import archives, downloads, engine, plugins
from toolchain.archives import Archive, TamperedError, UnpinnedError

ARCHIVE = archives.plugin("oci", "5.5.0", "x86_64")
CONTENT = b"the plugin" * 1000


@pytest.fixture(name="served")
def _served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, bytes]]:
    """Serve files by their path in place of GitHub's; the API's answers are among them."""
    files: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path)
            self.send_response(200 if content is not None else 404)
            missing = int(files.get("missing", b"0"))
            self.send_header("Content-Length", str(len(content or b"") + missing))
            self.end_headers()
            self.wfile.write(content or b"")

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        monkeypatch.setattr(downloads, "SERVER", url)
        monkeypatch.setattr(archives, "API", f"{url}api")
        monkeypatch.setenv("AUTH_CACHE_DIR", str(tmp_path / "cache"))
        monkeypatch.setenv("no_proxy", "*")
        (tmp_path / "toolchain").mkdir()
        (tmp_path / "cache").mkdir()
        pins(tmp_path)
        try:
            yield files
        finally:
            server.shutdown()


def path(archive: Archive) -> str:
    return archive.url.replace(downloads.SERVER, "/")


def pins(clone: Path, **digests: str) -> None:
    text = "# a comment\n" + "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    (clone / archives.CHECKSUMS).write_text(text)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_the_pinned_archive_is_there(served: dict[str, bytes], tmp_path: Path) -> None:
    served[path(ARCHIVE)] = CONTENT
    pins(tmp_path, **{ARCHIVE.name: sha256(CONTENT)})

    archives.fetch(tmp_path, ARCHIVE, tmp_path / "archive")

    assert (tmp_path / "archive").read_bytes() == CONTENT


def test_another_archive_is_refused_and_leaves_nothing(
    served: dict[str, bytes], tmp_path: Path
) -> None:
    served[path(ARCHIVE)] = CONTENT + b"!"
    pins(tmp_path, **{ARCHIVE.name: sha256(CONTENT)})
    before = set(tmp_path.iterdir())

    with pytest.raises(TamperedError, match=sha256(CONTENT + b"!")):
        archives.fetch(tmp_path, ARCHIVE, tmp_path / "archive")

    assert set(tmp_path.iterdir()) == before


def test_an_archive_without_a_pin_is_not_even_asked_for(
    served: dict[str, bytes], tmp_path: Path
) -> None:
    assert not served
    with pytest.raises(UnpinnedError, match="make pins"):
        archives.fetch(tmp_path, ARCHIVE, tmp_path / "archive")


def test_a_server_without_the_archive_is_no_tampering(
    served: dict[str, bytes], tmp_path: Path
) -> None:
    assert not served
    pins(tmp_path, **{ARCHIVE.name: sha256(CONTENT)})

    with pytest.raises(OSError, match="answers 404"):
        archives.fetch(tmp_path, ARCHIVE, tmp_path / "archive")


def test_a_download_that_breaks_off_is_no_tampering(
    served: dict[str, bytes], tmp_path: Path
) -> None:
    served[path(ARCHIVE)], served["missing"] = CONTENT, b"10"
    pins(tmp_path, **{ARCHIVE.name: sha256(CONTENT)})

    with pytest.raises(OSError, match="10 bytes are missing"):
        archives.fetch(tmp_path, ARCHIVE, tmp_path / "archive")


def release(served: dict[str, bytes], archive: Archive, content: bytes) -> None:
    """Publish an archive, and its digest in GitHub's API."""
    served[path(archive)] = content
    api = f"/api/{archive.repository}/releases/tags/v{archive.version}"
    known = json.loads(served.get(api, b'{"assets": []}'))
    known["assets"].append({"name": archive.name, "digest": f"sha256:{sha256(content)}"})
    served[api] = json.dumps(known).encode()


def test_pinning_takes_what_two_witnesses_agree_on_and_keeps_what_is_pinned(
    served: dict[str, bytes], tmp_path: Path
) -> None:
    wanted = [archives.plugin("oci", "5.5.0", machine) for machine in archives.MACHINES]
    for archive in wanted:
        release(served, archive, archive.name.encode())
    pins(tmp_path, **{wanted[0].name: "0" * 64, "pulumi-resource-oci-v1.tar.gz": "1" * 64})

    changes = archives.pin(tmp_path, wanted, tmp_path / "drafts", api=archives.API)

    assert changes == [f"{sha256(wanted[1].name.encode())}  {wanted[1].name}"]
    assert archives.pinned(tmp_path) == {
        wanted[0].name: "0" * 64,
        wanted[1].name: sha256(wanted[1].name.encode()),
    }


def test_pinning_refuses_what_the_api_says_otherwise(
    served: dict[str, bytes], tmp_path: Path
) -> None:
    release(served, ARCHIVE, CONTENT)
    served[path(ARCHIVE)] = CONTENT + b"!"

    with pytest.raises(TamperedError, match="Nothing is pinned"):
        archives.pin(tmp_path, [ARCHIVE], tmp_path / "drafts", api=archives.API)

    assert archives.pinned(tmp_path) == {}


def engine_archive() -> bytes:
    """Make an archive as Pulumi's: everything in a folder."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name in ("pulumi", "pulumi-language-python"):
            entry = tarfile.TarInfo(f"pulumi/{name}")
            entry.mode, entry.size = 0o755, 10
            tar.addfile(entry, io.BytesIO(b"#!/bin/sh\n"))
    return content.getvalue()


def test_the_pinned_engine_is_unpacked(
    served: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, content = archives.engine(engine.VERSION), engine_archive()
    served["/"] = b""
    served[path(archive)] = content
    pins(tmp_path, **{archive.name: sha256(content)})
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    folder = engine.ensure(tmp_path)

    assert {file.name for file in folder.iterdir()} == {"pulumi", "pulumi-language-python"}


def test_an_engine_that_was_tampered_with_is_an_error_and_never_built_instead(
    served: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = archives.engine(engine.VERSION)
    served["/"] = b""
    served[path(archive)] = engine_archive()
    pins(tmp_path, **{archive.name: sha256(b"another")})
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    with pytest.raises(TamperedError):
        engine.ensure(tmp_path)


def test_a_plugin_is_installed_from_the_archive_that_was_checked(
    served: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {name: archives.plugin(name, plugins.version(name)) for name in plugins.NAMES}
    served["/"] = b""
    for archive in wanted.values():
        served[path(archive)] = CONTENT
    changed = {wanted["command"].name: sha256(b"another")}
    pins(tmp_path, **{wanted["docker"].name: sha256(CONTENT), **changed})
    log = tmp_path / "installed"
    pulumi = tmp_path / "bin" / "pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text(f'#!/bin/sh\necho "$@" >>{log}\ncat "$7" >>{log}\n')
    pulumi.chmod(0o755)
    for name in ("PLUGINS", "OFFICIAL_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home of the user"))
    env = {"PATH": f"{pulumi.parent}:/usr/bin:/bin"}

    with pytest.raises(TamperedError, match=wanted["command"].name):
        plugins.install(tmp_path, env)

    text = log.read_text()
    assert f"plugin install resource docker {plugins.version('docker')} --file " in text
    assert text.endswith(CONTENT.decode())
    assert "resource oci" not in text, "an archive without a pin was installed"
    assert "resource command" not in text, "a tampered archive was installed"


def test_the_engines_of_both_architectures_are_pinned() -> None:
    pinned = archives.pinned(CLONE)

    for machine in archives.MACHINES:
        assert len(bytes.fromhex(pinned[archives.engine(engine.VERSION, machine).name])) == 32
