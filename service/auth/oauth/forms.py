"""Descriptions of the forms that OAuth's endpoints take."""

from typing import Any

from auth.http.forms import FORM


def described(
    properties: dict[str, dict[str, Any]], required: list[str], example: dict[str, str]
) -> dict[str, Any]:
    """Describe a form to OpenAPI, since FastAPI's own forms answer errors in another format."""
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
