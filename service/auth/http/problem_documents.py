"""Errors as clients see them: RFC 9457 problem documents with stable codes."""

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from auth.errors import Code, ProblemError

_CODES = {400: "malformed_request", 404: "not_found", 405: "method_not_allowed"}


def response(
    status: int, code: str, title: str, headers: Mapping[str, str] | None = None, **more: object
) -> JSONResponse:
    """Write a problem document."""
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "code": code, **more},
        status_code=status,
        media_type="application/problem+json",
        headers=dict(headers or {}),
    )


def of(code: Code, headers: Mapping[str, str] | None = None, **more: object) -> JSONResponse:
    return response(code.status, code.name.lower(), code.title, headers, **more)


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""

    @app.exception_handler(ProblemError)
    async def _problem(_: Request, error: ProblemError) -> JSONResponse:
        more = {"detail": str(error.detail)} if error.detail else {}
        return of(error.code, error.headers, **more, **error.more)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # the field and the reason, but never the value: it may be a password
        details = [
            {"at": ".".join(map(str, field_error["loc"])), "why": field_error["msg"]}
            for field_error in error.errors()
        ]
        code = Code.INVALID_REQUEST
        return response(code.status, code.name.lower(), code.title, errors=details)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        code = _CODES.get(error.status_code, "http_error")
        return response(error.status_code, code, str(error.detail), error.headers)

    @app.exception_handler(Exception)
    async def _failed(_: Request, __: Exception) -> JSONResponse:
        # the exception goes to the log alone
        return of(Code.INTERNAL)
