"""What changes inside of the VM: image, variables and settings of a release.

The desired state itself is a secret document. What is read here are the inputs of the Release
component, which hold a keyed hash of each value and no value (components/summary.py).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.property_values import UNKNOWN
from review.events import Plan

RELEASE = "auth:release:Release"
_COMMAND = "command:remote:Command"
_DIGEST = re.compile(r"@sha256:([0-9a-f]{12})[0-9a-f]*$")
_NUMBER = re.compile(r"--number (\d+)")


@dataclass(frozen=True, kw_only=True)
class Names:
    """Which variables come, go, change, or may change: the last depend on what is not yet known."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any((self.added, self.removed, self.changed, self.uncertain))


@dataclass(frozen=True, kw_only=True)
class Container:
    """How a release differs from the one before. Empty texts: there is none, or it is unknown."""

    name: str
    numbers: tuple[str, str] = ("", "")  # of the releases, before and after
    image: tuple[str, str] = ("", "")  # short digests
    builds: bool = False  # the image is built when this is applied
    revision: tuple[str, str] = ("", "")
    environment: Names = Names()
    secrets: Names = Names()
    settings: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def containers(plan: Plan) -> list[Container]:
    """Give what happens to each release that the plan touches, the repaired ones too."""
    numbers = dict(_numbers(plan))
    found = []
    for change in plan.of_type(RELEASE):
        old, new = change.old, change.new
        image = str(new.get("image", ""))
        found.append(
            Container(
                name=change.name,
                image=(_digest(old.get("image")), _digest(image)),
                builds=image == UNKNOWN,
                revision=(str(old.get("revision", "")), str(new.get("revision", ""))),
                numbers=numbers.pop(change.urn, ("", "")),
                environment=_names(old.get("environment"), new.get("environment")),
                secrets=_names(old.get("secrets"), new.get("secrets")),
                settings=dict(_settings(old.get("settings"), new.get("settings"))),
            )
        )
    # what is released again unchanged, since the server differs, has no changed inputs to read
    repaired = [
        Container(name=urn.rpartition("::")[2], numbers=both) for urn, both in numbers.items()
    ]
    return found + repaired


def others_than(plan: Plan, image: str) -> list[str]:
    """List the images that releases of the plan would run and that are not this one, by digest."""
    wanted = image.partition("@")[2]
    images = (str(change.new.get("image", "")) for change in plan.of_type(RELEASE) if change.new)
    return [
        "one that is built only then" if other == UNKNOWN else other
        for other in images
        if other.partition("@")[2] != wanted
    ]


def _numbers(plan: Plan) -> Iterator[tuple[str, tuple[str, str]]]:
    """Find the command of each release, and the numbers that it names."""
    for change in plan.of_type(_COMMAND):
        stack, project, types, name = change.urn.split("::", 3)
        if types.endswith(f"{RELEASE}${_COMMAND}"):
            parent = f"{stack}::{project}::{types.removesuffix(f'${_COMMAND}')}"
            urn = f"{parent}::{name.removesuffix('-release')}"
            yield urn, (_number(change.old.get("create")), _number(change.new.get("create")))


def _number(command: Any) -> str:
    found = _NUMBER.search(str(command or ""))
    return found[1] if found else ""


def _digest(image: Any) -> str:
    found = _DIGEST.search(str(image or ""))
    return found[1] if found else ""


def _names(old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> Names:
    old, new = old or {}, new or {}
    both = sorted(set(old) & set(new))
    return Names(
        added=tuple(sorted(set(new) - set(old))),
        removed=tuple(sorted(set(old) - set(new))),
        changed=tuple(
            name
            for name in both
            if new[name] != UNKNOWN and _digits(new[name]) != _digits(old[name])
        ),
        uncertain=tuple(name for name in both if new[name] == UNKNOWN),
    )


def _digits(mark: str) -> str:
    """Return the mark alone: the first releases stored it without the words before it."""
    return mark.rpartition(" ")[2]


def _settings(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, prefix: str = ""
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Walk both trees and give the leaves that differ, by their dotted names."""
    old, new = old or {}, new or {}
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _settings(before, after, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", (before, after)
