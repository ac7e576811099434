"""The models of the API. A field that is unknown is an error: it may be misspelt."""

from datetime import UTC, datetime
from typing import Self

from fastapi import Request, Response
from pydantic import BaseModel, Field

from auth.http import devices
from auth.service import Service
from auth.sign_in.sessions import Grant
from auth.storage.accounts import Account


class Me(BaseModel):
    id: str = Field(examples=["5f2b7c1c6f0e4a8f9d2e3b4a5c6d7e8f"])
    email: str = Field(examples=["ada@example.org"])
    email_verified: bool
    name: str | None = Field(examples=["Ada Lovelace"])
    role: str = Field(examples=["user"])
    created_at: str = Field(examples=["2026-01-01T12:00:00+00:00"])

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(
            id=account.id,
            email=account.email,
            email_verified=account.email_verified_at is not None,
            name=account.name,
            role=account.role,
            created_at=account.created_at,
        )


class Tokens(BaseModel):
    access_token: str = Field(description="A JWT (RFC 9068), to be sent as a bearer token.")
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int = Field(description="Seconds until the access token expires.", examples=[600])
    refresh_token: str = Field(description="Works once: each refresh returns another.")
    refresh_expires_in: int = Field(examples=[2592000])

    @classmethod
    def of(cls, grant: Grant) -> Self:
        return cls(
            access_token=grant.access_token,
            expires_in=grant.expires_in,
            refresh_token=grant.refresh_token,
            refresh_expires_in=grant.refresh_expires_in,
        )


def written(model: BaseModel) -> Response:
    """Answer with a model as it is, without another validation: for the busiest routes."""
    return Response(model.model_dump_json(), media_type="application/json")


def signed_in(service: Service, request: Request, grant: Grant) -> Response:
    """Answer a login with its tokens, and with the cookie of a known device."""
    answer = written(Tokens.of(grant))
    devices.remember(service, request, answer, grant.account.email)
    return answer


def moment(seconds: float) -> str:
    """Write a Unix time as RFC 3339, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
