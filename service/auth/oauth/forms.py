"""Reading what OAuth's endpoints are sent: each parameter once (RFC 6749 §3.1, §3.2)."""

from typing import Any

from auth.http.forms import FORM


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
