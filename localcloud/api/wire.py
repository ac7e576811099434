"""How records and requests look as JSON: OCI's camelCase names, checked strictly both ways."""

import textwrap
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from localcloud.api import errors

_UNITS = {"gb": "GB", "gbs": "GBs", "mbs": "MBs"}


def camel(name: str) -> str:
    """`size_in_gbs` → `sizeInGBs`, as OCI writes it."""
    head, *tail = name.split("_")
    return head + "".join(_UNITS.get(word, word.capitalize()) for word in tail)


class Details(BaseModel):
    """JSON in or out, whole or a part. A field that is not modelled is refused, not ignored."""

    model_config = ConfigDict(
        alias_generator=camel, populate_by_name=True, extra="forbid", frozen=True, strict=True
    )
    hidden: ClassVar[frozenset[str]] = frozenset()  # fields kept in the store, never answered

    def wire(self) -> dict[str, Any]:
        return self.model_dump(
            mode="json", by_alias=True, exclude=set(self.hidden), exclude_none=True
        )


class Record(Details):
    """What the store keeps and the API answers."""

    kind: ClassVar[str]  # also the resource type inside an OCID

    def changed(self, **fields: Any) -> Self:
        return self.model_copy(update=fields)

    def updated(self, wish: Details) -> Self:
        """Take over what the request sets; a field that is absent or null stays as it is."""
        names = (name for name in type(wish).model_fields if getattr(wish, name) is not None)
        return self.changed(**{name: getattr(wish, name) for name in names})


D = TypeVar("D", bound=Details)


def read(details: type[D], body: bytes) -> D:
    """Parse a request body. Raises 400 with the field, the value and what is expected."""
    try:
        return details.model_validate_json(body, by_alias=True, by_name=False)
    except ValidationError as error:
        raise _refusal(details, error.errors(include_url=False)) from error


def _refusal(details: type[Details], problems: list[ErrorDetails]) -> errors.ApiError:
    missing = [_place(problem) for problem in problems if problem["type"] == "missing"]
    if missing:
        return errors.missing_parameter(missing)
    problem = problems[0]
    if problem["type"] == "json_invalid":
        return errors.cannot_parse_request(problem["msg"])
    if problem["type"] == "extra_forbidden":
        known = ", ".join(sorted(camel(name) for name in details.model_fields))
        return errors.invalid_parameter(
            f"Field '{_place(problem)}' of {details.__name__} is unknown or not modelled by "
            f"localcloud. Modelled at the top level: {known}."
        )
    return errors.invalid_parameter(
        f"Field '{_place(problem)}' of {details.__name__} is {_shown(problem['input'])}: "
        f"{problem['msg']}."
    )


def _place(problem: Mapping[str, Any]) -> str:
    return ".".join(str(step) for step in problem["loc"]) or "body"


def _shown(value: object) -> str:
    return textwrap.shorten(repr(value), 80, placeholder="...")
