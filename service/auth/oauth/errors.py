"""Errors in the format of OAuth's own endpoints (RFC 6749 §5.2)."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from auth.authorization.errors import OAuthError


class OAuthProblem(BaseModel):
    """An error of an OAuth endpoint (RFC 6749 §5.2)."""

    error: str = Field(examples=["invalid_grant"])
    error_description: str = Field(examples=["The code is wrong, used or expired."])


def install(app: FastAPI) -> None:
    @app.exception_handler(OAuthError)
    async def _answer(_: Request, error: OAuthError) -> JSONResponse:
        body = {"error": error.error, "error_description": error.description}
        headers = {"Cache-Control": "no-store", **(error.headers or {})}
        return JSONResponse(body, status_code=error.status, headers=headers)


def errors(examples: Mapping[int, Mapping[str, str]]) -> dict[int | str, dict[str, Any]]:
    """Return a route's `responses`: for each status its error codes with their meanings."""
    return {
        status: {
            "model": OAuthProblem,
            "description": " Or: ".join(meanings.values()),
            "content": {
                "application/json": {
                    "examples": {
                        code: {"value": {"error": code, "error_description": meaning}}
                        for code, meaning in meanings.items()
                    }
                }
            },
        }
        for status, meanings in examples.items()
    }
