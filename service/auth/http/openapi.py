"""How the API description tells of errors: declared once for each code, with its example."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from auth.errors import Code

_MEDIA = "application/problem+json"
_SENTENCE_END = re.compile(r"\.(?:\s+|$)")


class Fault(BaseModel):
    at: str = Field(examples=["body.email"])
    why: str = Field(examples=["Field required"])


class Problem(BaseModel):
    """What went wrong (RFC 9457). `code` is stable: programs may rely on it."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str | None = None
    errors: list[Fault] | None = Field(None, description="With `invalid_request`: what, where.")


def problems(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """Give a route's `responses`: these problems, besides those that every route may have."""
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
                        "schema": {"$ref": "#/components/schemas/Problem"},
                        "examples": {},
                    }
                },
            },
        )
        if code.title not in answer["description"]:
            answer["description"] += f" Or: {code.title}"
        answer["content"][_MEDIA]["examples"][code.name.lower()] = {"value": example}
    return by_status


# what a request may meet whatever it asks
_EVERYWHERE = problems(
    Code.INVALID_REQUEST, Code.TOO_LARGE, Code.TIMEOUT, Code.RATE_LIMITED, Code.UNAVAILABLE
)
_EVERYWHERE[400] = {
    "description": "This is no request that could be read.",
    "content": {_MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_EVERYWHERE["default"] = {
    "description": "Any other problem.",
    "content": {_MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


class DescribedRoute(APIRoute):
    """Is summed up by its docstring's first sentence, not by its function's name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.summary, self.description = _SENTENCE_END.split(self.description, maxsplit=1)


def router(
    *,
    tags: list[str | Enum],
    prefix: str = "",
    responses: Mapping[int | str, dict[str, Any]] | None = None,
) -> APIRouter:
    """Make the router of a subject; each route of it may meet what a request may meet anywhere."""
    return APIRouter(
        prefix=prefix,
        tags=tags,
        responses={**_EVERYWHERE, **(responses or {})},
        route_class=DescribedRoute,
    )
