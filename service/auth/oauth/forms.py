"""Reading what OAuth's endpoints are sent: each parameter once (RFC 6749 §3.1, §3.2)."""

from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from auth.oauth.errors import OAuthError

FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 64


def parameters(encoded: str) -> dict[str, str]:
    """Read a query or a form; an empty value counts as none. Raise ValueError."""
    pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError("a parameter is there twice")
        if "\x00" in value:
            raise ValueError("a parameter holds NUL")
        found[name] = value
    return {name: value for name, value in found.items() if value}


async def form(request: Request) -> dict[str, str]:
    """Read a form; refuse with `invalid_request` what is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise OAuthError("invalid_request", f"The request must be of the type {FORM}.")
    try:
        return parameters((await request.body()).decode("ascii"))
    except ValueError:
        raise OAuthError(
            "invalid_request", "The form can't be read, or has a parameter twice."
        ) from None


def described(
    properties: dict[str, dict[str, Any]], required: list[str], example: dict[str, str]
) -> dict[str, Any]:
    """Describe a form to OpenAPI, which FastAPI would read in a way that answers in another one."""
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return {
        "requestBody": {
            "required": True,
            "content": {FORM: {"schema": schema, "example": example}},
        }
    }


def text(description: str, **more: Any) -> dict[str, Any]:
    """Describe a parameter."""
    return {"type": "string", "description": description, **more}
