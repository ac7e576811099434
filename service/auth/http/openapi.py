"""The parts of the API description that every route shares: its errors, its summary."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from auth.errors import Code

_MEDIA = "application/problem+json"
_SENTENCE_END = re.compile(r"\.(?:\s+|$)")
_SCHEMAS = "#/components/schemas/"
_PROBLEM = {"$ref": f"{_SCHEMAS}Problem"}


class Fault(BaseModel):
    """A field of a request that is refused."""

    at: str = Field(examples=["body.email"])
    why: str = Field(examples=["Field required"])


class Problem(BaseModel):
    """A problem document (RFC 9457). `code` is stable: programs may rely on it."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str | None = None
    errors: list[Fault] | None = Field(
        None, description="With `invalid_request`: each refused field."
    )


def problems(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may end with these problems, with examples."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        example = {
            "type": "about:blank",
            "title": code.title,
            "status": code.status,
            "code": code.name.lower(),
        }
        answer = by_status.setdefault(
            code.status,
            {
                "description": code.title,
                "content": {
                    _MEDIA: {
                        "schema": _PROBLEM,
                        "examples": {},
                    }
                },
            },
        )
        if code.title not in answer["description"]:
            answer["description"] += f" Or: {code.title}"
        answer["content"][_MEDIA]["examples"][code.name.lower()] = {"value": example}
    return by_status


# any request may end with these
_EVERYWHERE = problems(
    Code.INVALID_REQUEST, Code.TOO_LARGE, Code.TIMEOUT, Code.RATE_LIMITED, Code.UNAVAILABLE
)
_EVERYWHERE[400] = {
    "description": "The request can't be read.",
    "content": {_MEDIA: {"schema": _PROBLEM}},
}
_EVERYWHERE["default"] = {
    "description": "Any other problem.",
    "content": {_MEDIA: {"schema": _PROBLEM}},
}


class DescribedRoute(APIRoute):
    """A route whose summary is the first sentence of its docstring, not its function's name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.summary, self.description = _SENTENCE_END.split(self.description, maxsplit=1)


def router(
    *,
    tags: list[str | Enum],
    prefix: str = "",
    responses: Mapping[int | str, dict[str, Any]] | None = None,
) -> APIRouter:
    """Build the router of a subject, with the problems that any request may end with."""
    return APIRouter(
        prefix=prefix,
        tags=tags,
        responses={**_EVERYWHERE, **(responses or {})},
        route_class=DescribedRoute,
    )


def install(app: FastAPI) -> None:
    """Add the schema of problems to the app's description.

    FastAPI adds models of JSON answers alone, and problems have a media type of their own.
    """
    described = app.openapi

    def with_problems() -> dict[str, Any]:
        if app.openapi_schema is None:
            _, schemas = models_json_schema(
                [(Problem, "serialization")], ref_template=_SCHEMAS + "{model}"
            )
            described()["components"]["schemas"].update(schemas["$defs"])
        return described()

    app.openapi = with_problems  # type: ignore[method-assign]
