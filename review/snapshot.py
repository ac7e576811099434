"""The snapshot of a review: plan, state and server, to compare with those of a deployment.

It has hashes and names, no values. It is stored in a check run, where only workflows can write
(`review/checks.py`).
"""

import base64
import binascii
import dataclasses
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from review.events import Plan, masked

VERSION = 1  # of the format; a reader knows all up to its own
_LONGEST = 60_000  # characters; GitHub takes 65,535 as a check run's text
_DIGITS = 16
# A deployment builds the image before it compares, from the reviewed tree, and verifies its digest.
# Then the image and the stack's outputs, which name it, differ from those of the review.
_BUILT_FIRST = {"docker:index/image:Image", "auth:image:Image", "pulumi:pulumi:Stack"}


@dataclass(frozen=True, kw_only=True)
class Server:
    """The live release of the server; `differs` is its drift, a line each."""

    release: int
    fingerprint: str
    differs: tuple[str, ...] = ()
    # the person who made the release, and its time: no part of a comparison
    author: str = field(default="", compare=False)
    at: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    stack: str
    commit: str  # that was checked out: of a pull request, its merge with the base
    head: str  # the last commit of the pull request; empty without a pull request
    tree: str  # of the sources: merging gives another commit with the same tree
    plan: str
    dangers: tuple[str, ...]  # names of the guarded resources in danger, the first of many
    state: Mapping[str, str]  # URN to a hash; a state too big to list has only the key ""
    server: Server | None  # None: it did not answer

    def text(self) -> str:
        """Return the snapshot as text."""
        encoded = _encoded(self)
        if len(encoded) > _LONGEST:
            encoded = _encoded(dataclasses.replace(self, state={"": digest(self.state)}))
        return encoded


def _encoded(snapshot: Snapshot) -> str:
    text = json.dumps({"version": VERSION, **dataclasses.asdict(snapshot)}, sort_keys=True)
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode()


def read(text: str) -> Snapshot | None:
    """Read a snapshot; None for a text that this version does not understand.

    Additions of a newer version to the same format are left out.
    """
    try:
        values = json.loads(zlib.decompress(base64.urlsafe_b64decode(text)))
        if values["version"] > VERSION:
            return None
        server = values["server"]
        if server is not None:
            server = Server(
                **{**_known_fields(Server, server), "differs": tuple(server["differs"])}
            )
        dangers = tuple(values["dangers"])
        return Snapshot(**{**_known_fields(Snapshot, values), "server": server, "dangers": dangers})
    except (binascii.Error, zlib.error, ValueError, TypeError, KeyError):
        return None


def _known_fields(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def state_of(resources: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return a hash of each resource of an exported state: its content, not its time or format."""
    return {
        str(resource["urn"]): digest(
            [
                resource.get("id", ""),
                masked(resource.get("inputs")),
                masked(resource.get("outputs")),
            ]
        )[:8]
        for resource in resources
        if resource.get("type") not in _BUILT_FIRST
    }


def plan_of(plan: Plan) -> str:
    """Return a hash of the plan, independent of the order of the engine's events.

    It includes the values of the cloud's resources, but not the values of the image and the
    release: they name the commit, and a merge makes another commit of the same tree.
    """
    changes = [
        [
            change.urn,
            change.operation,
            dict(change.paths),
            masked(change.new) if change.type.startswith("oci:") else None,
        ]
        for change in (*plan.changes, *plan.components)
        if change.type not in _BUILT_FIRST
    ]
    return digest(sorted(changes, key=lambda change: str(change[0])))


def digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
