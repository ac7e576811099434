"""The record of a review: what it saw, to know later whether that still holds.

It has hashes and names, no values. It is kept in a check run, where workflows alone can write
(`review/checks.py`).
"""

import base64
import binascii
import dataclasses
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from review.events import Plan, masked

VERSION = 1  # of the format; a reader knows those up to its own
_LONGEST = 60_000  # characters; GitHub takes 65,535 as a check run's text
_DIGITS = 16
# A deployment builds the image before it compares, from the reviewed tree, and verifies its digest.
# Then neither the image nor the stack's outputs, which name it, are what they were at the review.
_BUILT_FIRST = {"docker:index/image:Image", "auth:image:Image", "pulumi:pulumi:Stack"}


@dataclass(frozen=True, kw_only=True)
class Server:
    """What ran on the server; `differs` is how it differed from what was released."""

    release: int
    fingerprint: str
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    stack: str
    commit: str  # that was checked out: of a pull request, its merge with the base
    head: str  # the last commit of the pull request; empty outside of one
    tree: str  # of the sources: merging gives another commit with the same tree
    plan: str
    dangers: tuple[str, ...]  # names of what the verdict guards, the first of many
    state: Mapping[str, str]  # URN to a hash; with one entry, "", of a state too big to list
    server: Server | None  # None: it could not be asked

    def text(self) -> str:
        """Write the record as text."""
        encoded = _encoded(self)
        if len(encoded) > _LONGEST:
            encoded = _encoded(dataclasses.replace(self, state={"": digest(self.state)}))
        return encoded


def _encoded(record: Snapshot) -> str:
    text = json.dumps({"version": VERSION, **dataclasses.asdict(record)}, sort_keys=True)
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode()


def read(text: str) -> Snapshot | None:
    """Read a record; None if the text holds none that this version understands.

    What a newer version added to the same format is left out.
    """
    try:
        values = json.loads(zlib.decompress(base64.urlsafe_b64decode(text)))
        if values["version"] > VERSION:
            return None
        server = values["server"]
        if server is not None:
            server = Server(**{**_known(Server, server), "differs": tuple(server["differs"])})
        dangers = tuple(values["dangers"])
        return Snapshot(**{**_known(Snapshot, values), "server": server, "dangers": dangers})
    except (binascii.Error, zlib.error, ValueError, TypeError, KeyError):
        return None


def _known(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def state_of(resources: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Hash each resource of an exported state: what it is, not when or how it was written."""
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
    """Hash what would be done, in whatever order the engine told it.

    The values of the cloud's resources belong to it. Those of the image and the release do not:
    they name the commit, and merging makes another one of the same tree.
    """
    told = [
        [
            change.urn,
            change.operation,
            dict(change.paths),
            masked(change.new) if change.type.startswith("oci:") else None,
        ]
        for change in (*plan.changes, *plan.components)
        if change.type not in _BUILT_FIRST
    ]
    return digest(sorted(told, key=lambda change: str(change[0])))


def digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
