"""Resources and requests as JSON: OCI's camelCase names, strictly checked both ways."""

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
        """Return the JSON, under OCI's names; absent and hidden fields are left out."""
        return self.model_dump(
            mode="json", by_alias=True, exclude=set(self.hidden), exclude_none=True
        )


class Resource(Details):
    """An object of the cloud: the store keeps it, and the API answers its fields.

    `kind` is its type, in the store and inside an OCID; `title` is the name of the type for people.
    The field `identifier` holds the OCID.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    identifier: ClassVar[str] = "id"
    needs_others: ClassVar[bool] = True  # False: a resource whose OCID it holds may be deleted

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if "kind" in cls.__dict__:
            _KINDS[cls.kind] = cls

    @property
    def ocid(self) -> str:
        """The resource's OCID."""
        return str(getattr(self, self.identifier))

    def changed(self, **fields: Any) -> Self:
        """Return a copy with these fields; nothing is stored."""
        return self.model_copy(update=fields)

    def updated(self, details: Details) -> Self:
        """Take over the fields of an update; a field that is absent or null stays as it is."""
        fields = {name: getattr(details, name) for name in type(details).model_fields}
        return self.changed(**{name: value for name, value in fields.items() if value is not None})


_KINDS: dict[str, type[Resource]] = {}


def of_kind(kind: str) -> type[Resource]:
    """Return the class of a kind. So modules name each other's resources without a cycle."""
    return _KINDS[kind]


D = TypeVar("D", bound=Details)


def read(details: type[D], body: bytes) -> D:
    """Parse a request body; raises 400 with the field, its value and the expected values."""
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
        modelled = ", ".join(sorted(camel(name) for name in details.model_fields))
        return errors.invalid_parameter(
            f"Field '{_place(problem)}' of {details.__name__} is unknown or not modelled by "
            f"localcloud. Modelled at the top level: {modelled}."
        )
    return errors.invalid_parameter(
        f"Field '{_place(problem)}' of {details.__name__} is {_shown(problem['input'])}: "
        f"{problem['msg']}."
    )


def _place(problem: Mapping[str, Any]) -> str:
    return ".".join(str(step) for step in problem["loc"]) or "body"


def _shown(value: object) -> str:
    return textwrap.shorten(repr(value), 80, placeholder="...")
