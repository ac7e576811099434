"""Old images in GHCR. The newest stay, and so do the images of all releases on a server.

https://docs.github.com/en/rest/packages/packages
"""

import base64
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from review.errors import ReviewError
from review.github import GitHub
from review.provenance import GHCR
from stack import names, platforms
from stack.configuration import in_file
from stack.errors import StackError
from stack.stack import Stack

_SECONDS = 30
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


@dataclass(frozen=True, kw_only=True)
class Version:
    """An image as GitHub's packages know it."""

    id: int
    digest: str  # sha256:…
    tags: tuple[str, ...]
    created: str  # RFC 3339, so it sorts as text


class Package:
    """The container package of an image repository such as ghcr.io/acme/auth-service."""

    def __init__(self, github: GitHub, repository: str, *, registry: str = "") -> None:
        server, _, path = repository.partition("/")
        self.owner, _, self.name = path.partition("/")
        if server != GHCR and not registry:
            raise ReviewError(f"{repository} is not in {GHCR}; its images are not GitHub's")
        self._github = github
        self._registry = registry or f"https://{server}"
        kind = github.get(f"/users/{self.owner}")["type"]
        owner = "orgs" if kind == "Organization" else "users"
        self._path = f"/{owner}/{self.owner}/packages/container/{quote(self.name, safe='')}"

    def versions(self) -> list[Version]:
        """List the images, newest first."""
        listed = self._github.list(f"{self._path}/versions", state="active")
        versions = [
            Version(
                id=int(version["id"]),
                digest=str(version["name"]),
                tags=tuple(version["metadata"]["container"]["tags"]),
                created=str(version["created_at"]),
            )
            for version in listed
        ]
        return sorted(versions, key=lambda version: version.created, reverse=True)

    def parts(self, digest: str, token: str) -> set[str]:
        """Return the digests of an image's parts: an index has an image for each platform."""
        with httpx.Client(timeout=_SECONDS) as client:
            answer = client.get(
                f"{self._registry}/v2/{self.owner}/{self.name}/manifests/{digest}",
                headers={
                    # GHCR takes the workflow's token in this form
                    "Authorization": f"Bearer {base64.b64encode(token.encode()).decode()}",
                    "Accept": ", ".join(_MANIFESTS),
                },
            )
        if not answer.is_success:
            raise ReviewError(
                f"The registry answers {answer.status_code} when asked for {digest[:19]}. Nothing "
                "is deleted while the parts of that image are unknown."
            )
        return {str(entry["digest"]) for entry in answer.json().get("manifests", [])}

    def delete(self, version: Version) -> None:
        self._github.send("DELETE", f"{self._path}/versions/{version.id}")


def needed(stack: Stack) -> set[str]:
    """Return the digests of all releases on the server; ReviewError without an answer."""
    try:
        history = platforms.report(stack, "history")
    except StackError as error:
        raise ReviewError(
            f"The server of {stack.name} does not list its releases ({error}). Nothing is deleted."
        ) from None
    return {str(record["image"]).rpartition("@")[2] for record in history}


def promoted(clone: Path) -> set[str]:
    """Return the digests that the stacks' files name: another stack runs an image of this one."""
    digests = (values.get("auth:imageDigest") for values in _configurations(clone).values())
    return {str(digest) for digest in digests if digest}


def builders(clone: Path, repository: str, *, apart_from: str) -> list[str]:
    """List the other stacks that build images of their own in the same repository."""
    return [
        name
        for name, values in _configurations(clone).items()
        if name != apart_from
        and not names.is_local(name)
        and values.get("auth:imageRepository") == repository
        and not values.get("auth:imageDigest")
    ]


def _configurations(clone: Path) -> dict[str, dict[str, Any]]:
    """Return the values in the committed file of each stack, by the stack's name."""
    return {name: in_file(clone / f"Pulumi.{name}.yaml") for name in names.configured(clone)}


def superfluous(
    versions: Iterable[Version],
    *,
    keep: int,
    needed: Collection[str],
    parts: Callable[[str], set[str]],
) -> list[Version]:
    """Return the images to delete: all but the newest `keep` with a tag, and the needed images.

    `parts` returns the digests of an image's parts, which stay with their image. An image without a
    tag that is no such part is the rest of a deleted image. Attestations have a tag made of their
    image's digest, and go with it.
    """
    versions = list(versions)
    named = [version for version in versions if any(not _is_fallback(tag) for tag in version.tags)]
    staying = {version.digest for version in named[:keep]} | set(needed)
    for digest in sorted(staying & {version.digest for version in versions}):
        staying |= parts(digest)
    return [version for version in versions if not _stays(version, staying)]


def _stays(version: Version, staying: Collection[str]) -> bool:
    about = {tag.replace("sha256-", "sha256:", 1)[:71] for tag in version.tags if _is_fallback(tag)}
    return version.digest in staying or bool(about & set(staying))


def _is_fallback(tag: str) -> bool:
    """Check for a tag made of another image's digest: a registry without referrers (OCI 1.1)."""
    return tag.startswith("sha256-")
