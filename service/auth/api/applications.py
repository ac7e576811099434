"""The applications of others that the account granted scopes to."""

from typing import Annotated

from fastapi import Path, Response
from pydantic import BaseModel, Field

from auth.accounts import consents
from auth.api.models import moment
from auth.clients.clients import CLIENT_ID
from auth.errors import Code, ProblemError
from auth.http.access import Running, User
from auth.http.openapi import problems, router

ROUTER = router(prefix="/v1/me/applications", tags=["accounts"])


class Application(BaseModel):
    client_id: str = Field(examples=["web-shop"])
    name: str = Field(examples=["Web Shop"])
    scopes: list[str] = Field(examples=[["openid", "email"]])
    granted_at: str


class Applications(BaseModel):
    applications: list[Application]


@ROUTER.get("", responses=problems(Code.INVALID_TOKEN))
async def read(service: Running, user: User) -> Applications:
    """List the applications that have the user's consent."""
    return Applications(
        applications=[
            Application(
                client_id=application.client_id,
                name=application.name,
                scopes=list(application.scopes),
                granted_at=moment(application.granted_at),
            )
            for application in await consents.applications(service, user.account)
        ]
    )


@ROUTER.delete(
    "/{client_id}", status_code=204, responses=problems(Code.INVALID_TOKEN, Code.NOT_FOUND)
)
async def withdraw(
    client_id: Annotated[str, Path(pattern=CLIENT_ID)], service: Running, user: User
) -> Response:
    """Withdraw the consent for an application. Its sessions end, and it has to ask again."""
    if not await consents.withdraw(service, user.account.id, client_id):
        raise ProblemError(Code.NOT_FOUND)
    return Response(status_code=204)
