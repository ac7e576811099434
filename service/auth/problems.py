"""Errors as clients see them: RFC 9457 problem documents with stable codes."""

from collections.abc import Mapping
from enum import Enum

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

_CODES = {400: "malformed_request", 404: "not_found", 405: "method_not_allowed"}


class Code(Enum):
    """The stable code of each problem, with its status and what it says."""

    INVALID_REQUEST = (422, "The request does not have the form that is described.")
    INVALID_CREDENTIALS = (401, "The e-mail address or the password is wrong.")
    INVALID_TOKEN = (401, "The access token is missing, wrong or expired.")
    SECOND_FACTOR_REQUIRED = (401, "The password is right; now show the second factor.")
    INVALID_FACTOR = (401, "The code or the key is wrong, or was used already.")
    INVALID_CHALLENGE = (401, "The challenge is wrong, used or expired. Begin again.")
    REAUTHENTICATION_REQUIRED = (
        403,
        "Log in again, with the second factor if there is one: this takes a recent login.",
    )
    ACCOUNT_DISABLED = (403, "The account is disabled.")
    EMAIL_NOT_VERIFIED = (403, "The e-mail address is not verified yet; see the mail sent to it.")
    FORBIDDEN = (403, "This account may not do that.")
    INSUFFICIENT_SCOPE = (403, "The application that got this token may not do that.")
    INVALID_REFRESH_TOKEN = (401, "The refresh token is wrong, expired or revoked. Log in again.")
    INVALID_CODE = (400, "The code is wrong, used or expired. Ask for a new one.")
    NOT_FOUND = (404, "There is no such thing.")
    CONFLICT = (409, "That can't be done to this account.")
    EMAIL_TAKEN = (409, "There is an account with this e-mail address.")
    TOO_LARGE = (413, "The request is larger than 16 KiB.")
    TIMEOUT = (408, "The request did not arrive in time.")
    PASSWORD_REFUSED = (422, "The password can't be used.")
    RATE_LIMITED = (429, "Too many requests; try again later.")
    INTERNAL = (500, "The service failed at this; its log tells more under the request's id.")
    BUSY = (503, "Too many logins at once; try again in a moment.")
    UNAVAILABLE = (503, "The service can't reach its data; try again in a moment.")

    @property
    def status(self) -> int:
        return self.value[0]

    @property
    def title(self) -> str:
        return self.value[1]


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        code: Code,
        headers: Mapping[str, str] | None = None,
        *,
        detail: str = "",
        more: Mapping[str, object] | None = None,
    ) -> None:
        """`more` are members of the document beside the usual ones (RFC 9457 §3.2)."""
        super().__init__(code.name)
        self.code = code
        self.headers = headers
        self.detail = detail
        self.more = more or {}

    @property
    def text(self) -> str:
        """Say it to people, as particularly as it is known."""
        return self.detail or self.code.title


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
        more = {"detail": error.detail} if error.detail else {}
        return of(error.code, error.headers, **more, **error.more)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # where and why, but never the value: it may be a password
        details = [
            {"at": ".".join(map(str, found["loc"])), "why": found["msg"]}
            for found in error.errors()
        ]
        code = Code.INVALID_REQUEST
        return response(code.status, code.name.lower(), code.title, errors=details)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        code = _CODES.get(error.status_code, "http_error")
        return response(error.status_code, code, str(error.detail), error.headers)

    @app.exception_handler(Exception)
    async def _failed(_: Request, __: Exception) -> JSONResponse:
        # the exception goes on to the log; what it says is for nobody else
        return of(Code.INTERNAL)
