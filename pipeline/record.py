"""What a review saw, small enough to travel in its comment: to know later whether it still holds.

It has hashes and names, no values. It is compressed and encoded: nothing in it can end the HTML
comment that hides it.
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

from pipeline.events import Plan, masked

_START, _END = "<!-- auth-record ", " -->"
_LONGEST = 12_000  # characters of a comment that are not for people
_DIGITS = 16


@dataclass(frozen=True, kw_only=True)
class Server:
    """What ran on the server; `differs` is how it differed from what was released."""

    release: int
    fingerprint: str
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Record:
    stack: str
    commit: str  # that was checked out: of a pull request, its merge with the base
    head: str  # the last commit of the pull request; empty outside of one
    tree: str  # of the sources: merging gives another commit with the same tree
    plan: str
    dangers: tuple[str, ...]  # names of what the verdict guards, the first of many
    allowed: bool  # by the label
    state: Mapping[str, str]  # URN to a hash; with one entry, "", of a state too big to list
    server: Server | None  # None: it could not be asked

    def hidden(self) -> str:
        """Write the record as an HTML comment."""
        told = _encoded(self)
        if len(told) > _LONGEST:
            told = _encoded(dataclasses.replace(self, state={"": digest(self.state)}))
        return f"{_START}{told}{_END}"


def _encoded(record: Record) -> str:
    text = json.dumps(dataclasses.asdict(record), sort_keys=True)
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode()


def find(body: str) -> Record | None:
    """Read the record of a comment; None if it has none that this version understands."""
    _, start, rest = body.rpartition(_START)
    encoded, end, _ = rest.partition(_END)
    if not (start and end):
        return None
    try:
        values = json.loads(zlib.decompress(base64.urlsafe_b64decode(encoded)))
        server = values.pop("server")
        dangers = tuple(values.pop("dangers"))
        if server is not None:
            server = Server(**{**server, "differs": tuple(server["differs"])})
        return Record(server=server, dangers=dangers, **values)
    except (binascii.Error, zlib.error, ValueError, TypeError, KeyError):
        return None


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
    ]
    return digest(sorted(told, key=lambda change: str(change[0])))


def digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
