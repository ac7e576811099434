"""Archives from the releases of Pulumi: each checked by its pinned SHA-256 before it is used."""

import hashlib
import json
import os
import platform
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import files, progress
from toolchain import downloads

CHECKSUMS = Path("toolchain/checksums.txt")
API = "https://api.github.com/repos/pulumi"
MACHINES = ("x86_64", "aarch64")
_BLOCK = 1 << 20
_SECONDS = 60  # without a byte; a whole archive may take longer
_HEADER = (
    "# SHA-256 of each archive that the tools download, checked before anything in it runs.\n"
    "# `make pins` writes this file; it takes the versions that toolchain/engine.py and "
    "requirements.txt name.\n"
)


class UnpinnedError(progress.StepError):
    """No SHA-256 of an archive is pinned, so it is not downloaded."""


class TamperedError(progress.StepError):
    """An archive differs from its pin. No other way is tried: a person must look."""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A file of a release on GitHub."""

    repository: str  # of the organization pulumi
    version: str
    name: str

    @property
    def url(self) -> str:
        return f"{downloads.SERVER}{self.repository}/releases/download/v{self.version}/{self.name}"


def engine(version: str, machine: str = platform.machine()) -> Archive:
    arch = {"x86_64": "x64", "aarch64": "arm64"}.get(machine, machine)
    name = f"pulumi-v{version}-linux-{arch}.tar.gz"
    return Archive(repository="pulumi", version=version, name=name)


def plugin(name: str, version: str, machine: str = platform.machine()) -> Archive:
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    file = f"pulumi-resource-{name}-v{version}-linux-{arch}.tar.gz"
    return Archive(repository=f"pulumi-{name}", version=version, name=file)


def of(engine_version: str, plugin_versions: Mapping[str, str]) -> list[Archive]:
    """List the archives of the engine and the plugins in these versions, for each architecture."""
    return [engine(engine_version, machine) for machine in MACHINES] + [
        plugin(name, version, machine)
        for name, version in plugin_versions.items()
        for machine in MACHINES
    ]


def pinned(clone: Path) -> dict[str, str]:
    """Return the pinned SHA-256 of each archive by its name."""
    lines = (clone / CHECKSUMS).read_text().split("\n")
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return {name: digest for digest, name in rows}


def fetch(clone: Path, archive: Archive, target: Path) -> None:
    """Download the archive to `target`, which is only there if its SHA-256 is pinned.

    Raises UnpinnedError, TamperedError, or OSError if the server can't be reached.
    """
    pin_of_archive = pinned(clone).get(archive.name)
    if pin_of_archive is None:
        raise UnpinnedError(
            f"no SHA-256 of {archive.name} is pinned in {CHECKSUMS}, so it is not downloaded. "
            "`make pins` pins all archives, on a machine that reaches GitHub; read the change and "
            "commit it"
        )
    draft = target.with_name(f".{target.name}.part")
    digest = _download(archive.url, draft)
    if digest != pin_of_archive:
        draft.unlink()
        raise TamperedError(
            f"{archive.url} has the SHA-256 {digest}; {CHECKSUMS} pins {pin_of_archive}. The file "
            "was deleted and nothing of it ran. Find out why it changed before you pin another: "
            "compare with the release's page, and with another network."
        )
    draft.replace(target)


def pin(clone: Path, archives: Iterable[Archive], folder: Path, *, api: str = API) -> list[str]:
    """Pin the archives of now, and return a line for each new pin.

    Two witnesses must agree: the downloaded archive, and its digest in GitHub's API. An existing
    pin is not asked for again: a release does not change.
    """
    before = pinned(clone)
    after: dict[str, str] = {}
    changes = []
    for archive in archives:
        if archive.name in before:
            after[archive.name] = before[archive.name]
            continue
        with progress.step(f"Download {archive.name}"):
            file = folder / archive.name
            digest = _download(archive.url, file)
            file.unlink()
        published = _published_digest(archive, api)
        if digest != published:
            raise TamperedError(
                f"{archive.url} has the SHA-256 {digest}; in GitHub's API it is {published}. "
                "Nothing is pinned. Try again from another network, and compare."
            )
        after[archive.name] = digest
        changes.append(f"{digest}  {archive.name}")
    text = "".join(f"{pin}  {name}\n" for name, pin in after.items())
    files.write(clone / CHECKSUMS, _HEADER + text, mode=0o644)
    return changes


def _published_digest(archive: Archive, api: str) -> str | None:
    """Return the archive's digest by GitHub's API; None without a digest there."""
    request = urllib.request.Request(  # noqa: S310 - https, or a test's own server
        f"{api}/{archive.repository}/releases/tags/v{archive.version}",
        headers={"Accept": "application/vnd.github+json", **_authorization()},
    )
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
        release: dict[str, Any] = json.load(answer)
    digests = {str(asset["name"]): str(asset.get("digest") or "") for asset in release["assets"]}
    return digests.get(archive.name, "").removeprefix("sha256:") or None


def _authorization() -> dict[str, str]:
    token = os.environ.get("GITHUB_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _download(url: str, target: Path) -> str:
    """Download to `target` and return its SHA-256."""
    digest = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            urllib.request.urlopen(url, timeout=_SECONDS) as answer,  # noqa: S310 - https
            target.open("wb") as file,
        ):
            while block := answer.read(_BLOCK):
                digest.update(block)
                file.write(block)
            if (rest := answer.length) and rest > 0:
                raise OSError(f"{url} broke off: {rest} bytes are missing")
    except urllib.error.HTTPError as error:
        raise OSError(f"{url} answers {error.code} {error.reason}") from None
    return digest.hexdigest()
