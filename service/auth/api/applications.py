"""The applications of others that the account has let do something."""

from typing import Annotated

from fastapi import Path, Response
from pydantic import BaseModel, Field

from auth import applications
from auth.api.access import Running, User
from auth.api.answers import problems, router
from auth.api.models import moment
from auth.oauth import scopes
from auth.oauth.clients import CLIENT_ID
from auth.problems import Code, ProblemError
from auth.storage import consents

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
    """List the applications that the user has allowed to know or do something."""
    found = await service.database.read(consents.of, user.account.id)
    return Applications(
        applications=[
            Application(
                client_id=consent.client_id,
                name=applications.name_of(service, consent.client_id),
                scopes=list(scopes.split(consent.scope)),
                granted_at=moment(consent.granted_at),
            )
            for consent in found
        ]
    )


@ROUTER.delete(
    "/{client_id}", status_code=204, responses=problems(Code.INVALID_TOKEN, Code.NOT_FOUND)
)
async def withdraw(
    client_id: Annotated[str, Path(pattern=CLIENT_ID)], service: Running, user: User
) -> Response:
    """Take back what an application was allowed. Its sessions end, and it has to ask again."""
    if not await applications.withdraw(service, user.account.id, client_id):
        raise ProblemError(Code.NOT_FOUND)
    return Response(status_code=204)
