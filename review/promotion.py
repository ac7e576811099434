"""A promotion: the image that is live and healthy on a stack is released by another, unbuilt."""

import dataclasses
import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common.progress import StepError
from review import provenance
from review.context import Context
from review.errors import ReviewError
from stack import environment, platforms
from stack.names import is_local
from stack.stack import Stack

_BRANCH = "refs/heads/develop"  # the deployed branch, whose images are attested
_IMAGE = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")
_REVISION = re.compile(r"([0-9a-f]{7,40}|unversioned)(-dirty)?")
_REMOTE = re.compile(r"github\.com[:/]([^/]+/[^/]+?)(\.git)?/?$")
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A live and healthy release, whose image another stack may release."""

    stack: str
    release: int
    image: str  # NAME@sha256:…
    revision: str
    at: datetime  # of the release

    @classmethod
    def read(cls, text: str) -> "Candidate":
        """Read the text of a candidate, from an earlier job; raise ReviewError for another text."""
        try:
            values = json.loads(text)
            candidate = cls(**{**values, "at": datetime.fromisoformat(values["at"])})
        except (ValueError, TypeError, KeyError):
            raise ReviewError("LIVE is not the output of `make promotable`.") from None
        if not (_IMAGE.fullmatch(candidate.image) and _REVISION.fullmatch(candidate.revision)):
            raise ReviewError("LIVE names no image by its digest, or no revision.")
        return candidate

    def text(self) -> str:
        return json.dumps({**vars(self), "at": self.at.isoformat()})

    @property
    def repository(self) -> str:
        return provenance.parts(self.image)["image"]

    def origin(self, now: datetime) -> str:
        """Return the origin in words, such as `r12 of dev, live there for 3 d`."""
        return f"r{self.release} of {self.stack}, live there for {_duration(self.at, now)}"

    def values(self, now: datetime) -> dict[str, str]:
        """Return the values in the other stack's file."""
        return {
            "auth:imageDigest": self.image.partition("@")[2],
            "auth:imageRevision": self.revision,
            "auth:imageOrigin": self.origin(now),
        }


def candidate(stack: Stack) -> Candidate:
    """Return the stack's live release; raise ReviewError unless its own server calls it healthy."""
    status = platforms.report(stack, "status")
    if reasons := unhealthy(status):
        raise ReviewError(
            f"Nothing of {stack.name} is promoted, as its live release must be healthy: "
            f"{'; '.join(reasons)}. `make status STACK={stack.name}` shows it."
        )
    live = status["live"]
    return Candidate(
        stack=stack.name,
        release=int(live["release"]),
        image=str(live["image"]),
        revision=str(live["revision"]),
        at=datetime.fromisoformat(str(live["at"])),
    )


def unhealthy(status: Mapping[str, Any]) -> list[str]:
    """Return the reasons why a server's live release is not healthy, from its own `status`."""
    live = status.get("live")
    if not live:
        return ["no release is live"]
    name = f"release {live['release']}"
    reasons = []
    if not status.get("running"):
        reasons.append(f"the container of {name} does not run")
    if status.get("problem"):
        reasons.append(f"{name} does not answer: {status['problem']}")
    if status.get("watching"):
        reasons.append(f"{name} is still watched, for some seconds")
    reasons += [f"{name} has drifted: {each}" for each in status.get("differs") or []]
    reasons += map(str, status.get("exhausted") or [])
    return reasons


def check_target(chosen: Candidate, source: Stack, target: Stack) -> None:
    """Raise ReviewError if the image can't run on the other stack."""
    configured = target.configuration.written()
    if is_local(target.name) and not configured:
        return  # it will have the registry and the processor of every local stack
    repository = str(configured.get("auth:imageRepository", ""))
    if repository != chosen.repository:
        raise ReviewError(
            f"auth:imageRepository of {target.name} is {repository!r}, and the image is in "
            f"{chosen.repository}. Stacks between which images are promoted share a repository: "
            f"pulumi config set --stack {target.name} auth:imageRepository {chosen.repository}"
        )
    platforms = source.configuration.platform(), target.configuration.platform()
    if platforms[0] != platforms[1]:
        raise ReviewError(
            f"The image is built for {platforms[0]}, and auth:shape of {target.name} has "
            f"{platforms[1]}. Choose a shape of the same processor for both stacks."
        )
    if chosen.revision.endswith("-dirty") and not is_local(target.name):
        raise ReviewError(
            f"Release {chosen.release} of {chosen.stack} was built from changes that are in no "
            f"commit ({chosen.revision}). Commit them, and let {chosen.stack} release the commit."
        )


def attested(image: str, context: Context, clone: Path) -> str:
    """Verify the image's attestation; return a sentence, or raise ReviewError.

    Outside of a workflow, repository and branch are those of the clone's remote `origin`.
    """
    if provenance.in_ghcr(image):
        if not context.token:
            raise ReviewError(
                "GITHUB_TOKEN is not set; the attestation of the image is verified with it: "
                "GITHUB_TOKEN=$(gh auth token) make promote …"
            )
        repository = context.repository or _repository(clone)
        context = dataclasses.replace(context, repository=repository, ref=context.ref or _BRANCH)
    return provenance.verify(image, context)


def live_revision(clone: Path, name: str) -> str:
    """Return the revision that runs on a stack; empty if its server gives no answer."""
    try:
        status = platforms.report(environment.recorded(clone, name), "status")
        return str((status["live"] or {}).get("revision", ""))
    except StepError:
        return ""


def _repository(clone: Path) -> str:
    """Return OWNER/NAME of the clone's remote `origin` on GitHub."""
    result = subprocess.run(
        ["git", "-C", str(clone), "remote", "get-url", "origin"],
        capture_output=True,
        text=True,
        check=False,
    )
    if match := _REMOTE.search(result.stdout.strip()):
        return match[1]
    raise ReviewError(
        "The remote `origin` of this clone is not on GitHub, where the image is attested. Name the "
        "repository: GITHUB_REPOSITORY=OWNER/NAME make promote …"
    )


def _duration(start: datetime, end: datetime) -> str:
    seconds = max(0, (end.astimezone(UTC) - start.astimezone(UTC)).total_seconds())
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"
