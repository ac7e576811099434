"""The changes inside of the VM or the pods: image, variables and settings of a release.

The desired state itself is a secret document. The inputs of the component are read here: they
hold a keyed hash of each value and no value (components/summary.py).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.property_values import UNKNOWN
from review.events import Change, Plan

RELEASE = "auth:release:Release"
_WORKLOAD = "auth:workload:Workload"
_DEPLOYMENT = "kubernetes:apps/v1:Deployment"
_PLANNED = "auth-on-oci/release"  # its annotation: components/planned_release.py
_IMAGE = "auth:image:Image"
_COMMAND = "command:remote:Command"
_DIGEST = re.compile(r"@sha256:([0-9a-f]{12})[0-9a-f]*$")
_NUMBER = re.compile(r"--number (\d+)")


@dataclass(frozen=True, kw_only=True)
class Names:
    """Variables that are added, removed or changed. `uncertain`: their values are not known yet."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any((self.added, self.removed, self.changed, self.uncertain))


@dataclass(frozen=True, kw_only=True)
class Container:
    """The differences between two releases. A text is empty if the value is missing or unknown."""

    name: str
    numbers: tuple[str, str] = ("", "")  # of the releases, before and after
    image: tuple[str, str] = ("", "")  # short digests
    builds: bool = False  # the image is built when this is applied
    origin: str = ""  # of an image that another stack has released
    revision: tuple[str, str] = ("", "")
    environment: Names = Names()
    secrets: Names = Names()
    settings: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def containers(plan: Plan) -> list[Container]:
    """Return the changes of each release that the plan touches or repairs."""
    numbers = dict(_numbers(plan))
    changed = []
    for change in releases(plan):
        old, new = change.old, change.new
        image = str(new.get("image", ""))
        changed.append(
            Container(
                name=change.name,
                image=(_digest(old.get("image")), _digest(image)),
                builds=image == UNKNOWN,
                origin=_origin(plan) if image != old.get("image") else "",
                revision=(str(old.get("revision", "")), str(new.get("revision", ""))),
                numbers=numbers.pop(change.urn, ("", "")),
                environment=_names(old.get("environment"), new.get("environment")),
                secrets=_names(old.get("secrets"), new.get("secrets")),
                settings=dict(_settings(old.get("settings"), new.get("settings"))),
            )
        )
    # a release that only repairs the server has no changed inputs
    repaired = [
        Container(name=urn.rpartition("::")[2], numbers=both) for urn, both in numbers.items()
    ]
    return changed + repaired


def _origin(plan: Plan) -> str:
    """Return the origin of the plan's promoted image; empty for an image that is built."""
    return next((str(each.new.get("origin", "")) for each in plan.of_type(_IMAGE) if each.new), "")


def others_than(plan: Plan, image: str) -> list[str]:
    """Return the images of the plan's releases other than `image`, compared by digest."""
    wanted = image.partition("@")[2]
    images = (str(change.new.get("image", "")) for change in releases(plan) if change.new)
    return [
        "an image that is built only then" if other == UNKNOWN else other
        for other in images
        if other.partition("@")[2] != wanted
    ]


def releases(plan: Plan) -> list[Change]:
    """List the changes of the components of a release, on a server and on a cluster."""
    return [change for token in (RELEASE, _WORKLOAD) for change in plan.of_type(token)]


def _numbers(plan: Plan) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the URN of each release, and the numbers before and after in its command or object."""
    for change in plan.of_type(_COMMAND):
        if urn := _parent(change, RELEASE, suffix="-release"):
            yield urn, (_number(change.old.get("create")), _number(change.new.get("create")))
    for change in plan.of_type(_DEPLOYMENT):
        if urn := _parent(change, _WORKLOAD, suffix="-deployment"):
            yield urn, (_planned(change.old), _planned(change.new))


def _parent(change: Change, token: str, *, suffix: str) -> str:
    """Return the URN of a change's parent of a type; empty if its parent is another."""
    stack, project, types, name = change.urn.split("::", 3)
    if not types.endswith(f"{token}${change.type}"):
        return ""
    types = types.removesuffix(f"${change.type}")
    return f"{stack}::{project}::{types}::{name.removesuffix(suffix)}"


def _planned(deployment: Mapping[str, Any]) -> str:
    """Return the planned number of a Deployment; empty if it is not known yet."""
    metadata = deployment.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    planned = annotations.get(_PLANNED) if isinstance(annotations, Mapping) else None
    return str(planned) if planned and planned != UNKNOWN else ""


def _number(command: Any) -> str:
    match = _NUMBER.search(str(command or ""))
    return match[1] if match else ""


def _digest(image: Any) -> str:
    match = _DIGEST.search(str(image or ""))
    return match[1] if match else ""


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
    """Yield the leaves in which both trees differ, by their dotted names."""
    old, new = old or {}, new or {}
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _settings(before, after, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", (before, after)
