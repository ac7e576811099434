"""The owners of a Deployment's fields: what a rollback puts there becomes the program's.

A server-side apply takes away a field that is no longer described, unless somebody else owns it
too. Without this, a variable of the former release would stay in the pods of all later ones.
Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from collections.abc import Mapping, Sequence
from typing import Any

from common.progress import StepError
from stack.cluster import objects
from stack.cluster.api import OWNER, Api

_ATTEMPTS = 5  # controllers write into the list of owners, too
_SPEC = "f:spec"


def give_to_program(api: Api) -> None:
    """Give the program the fields of the Deployment's `spec` that the commands own; idempotent."""
    for attempt in range(1, _ATTEMPTS + 1):
        deployment = api.get(objects.DEPLOYMENT)
        operations = given(deployment["metadata"].get("managedFields") or ())
        try:
            if operations:
                api.change(objects.DEPLOYMENT, operations)
        except StepError:
            if attempt == _ATTEMPTS:
                raise
        else:
            return


def given(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the JSON patch that does it; it fails if the list of owners is another meanwhile."""
    program, commands = _index(entries, "Apply"), _index(entries, "Update", OWNER)
    if program is None or commands is None or _SPEC not in entries[commands]["fieldsV1"]:
        return []
    own, theirs = (entries[each]["fieldsV1"] for each in (program, commands))
    path = "/metadata/managedFields"
    return [
        *(
            {"op": "test", "path": f"{path}/{each}/manager", "value": entries[each]["manager"]}
            for each in (program, commands)
        ),
        {
            "op": "add",
            "path": f"{path}/{program}/fieldsV1/{_SPEC}",
            "value": _union(own.get(_SPEC) or {}, theirs[_SPEC]),
        },
        {"op": "remove", "path": f"{path}/{commands}/fieldsV1/{_SPEC}"},
    ]


def _index(entries: Sequence[Mapping[str, Any]], operation: str, manager: str = "") -> int | None:
    matches = (
        index
        for index, each in enumerate(entries)
        if each["operation"] == operation and manager in {"", each["manager"]}
    )
    return next(matches, None)


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _union(one.get(name, {}), other.get(name, {})) for name in {*one, *other}}
