"""Old images in GHCR: the last ones stay, and whatever a server runs or can go back to.

https://docs.github.com/en/rest/packages/packages
"""

import base64
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from review.errors import ReviewError
from review.github import GitHub
from stack import ssh
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
    """One image as GitHub's packages know it."""

    id: int
    digest: str  # sha256:…
    tags: tuple[str, ...]
    created: str  # RFC 3339, so it sorts as text


class Package:
    """The container package of an image repository such as ghcr.io/acme/auth-service."""

    def __init__(self, github: GitHub, repository: str, *, registry: str = "") -> None:
        server, _, path = repository.partition("/")
        self.owner, _, self.name = path.partition("/")
        if server != "ghcr.io" and not registry:
            raise ReviewError(f"{repository} is not in ghcr.io; its images are not GitHub's")
        self._github = github
        self._registry = registry or f"https://{server}"
        kind = github.get(f"/users/{self.owner}")["type"]
        owner = "orgs" if kind == "Organization" else "users"
        self._path = f"/{owner}/{self.owner}/packages/container/{quote(self.name, safe='')}"

    def versions(self) -> list[Version]:
        """List the images, newest first."""
        listed = self._github.list(f"{self._path}/versions", state="active")
        found = [
            Version(
                id=int(version["id"]),
                digest=str(version["name"]),
                tags=tuple(version["metadata"]["container"]["tags"]),
                created=str(version["created_at"]),
            )
            for version in listed
        ]
        return sorted(found, key=lambda version: version.created, reverse=True)

    def parts(self, digest: str, token: str) -> set[str]:
        """Name what an image consists of: an index leads to one image for each platform."""
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
                f"The registry answers {answer.status_code} when asked for {digest[:19]}; nothing "
                "is deleted while it is unknown what that image consists of."
            )
        return {str(entry["digest"]) for entry in answer.json().get("manifests", [])}

    def delete(self, version: Version) -> None:
        self._github.send("DELETE", f"{self._path}/versions/{version.id}")


def needed(stacks: Iterable[Stack]) -> set[str]:
    """Name the images that servers run or can go back to; ReviewError if one can't be asked."""
    found: set[str] = set()
    for stack in stacks:
        try:
            told = ssh.report(stack, "history")
        except StackError as error:
            raise ReviewError(
                f"The server of {stack.name} can't be asked what it runs ({error}); nothing is "
                "deleted."
            ) from None
        found |= {str(record["image"]).rpartition("@")[2] for record in told}
    return found


def superfluous(
    versions: Iterable[Version], *, keep: int, needed: Collection[str], parts: Any
) -> list[Version]:
    """Choose what to delete: neither the newest `keep` with a tag, nor what is needed.

    `parts` gives the digests that an image consists of: those of one that stays do, too. What has
    no tag and belongs to none that stays was left by one that was deleted. Attestations, which have
    a tag made of their image's digest, go with it.
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
    """Tell a tag that names another image: where a registry knows no referrers (OCI 1.1)."""
    return tag.startswith("sha256-")
