"""The endpoints for operators, proxies and other services."""

from typing import Any

from fastapi import Response
from pydantic import BaseModel, Field

from auth.errors import Code
from auth.http.access import Running
from auth.http.openapi import problems, router
from auth.storage import schema
from auth.storage.schema import State
from auth.tokens import signing_keys

ROUTER = router(tags=["operations"])


class Status(BaseModel):
    status: str = Field(examples=["ok"])


class Readiness(Status):
    checks: dict[str, str] = Field(
        default={}, examples=[{"database": "ok", "migrations": "current", "keys": "ok"}]
    )


class Version(BaseModel):
    revision: str
    revision_time: str


class JsonWebKeys(BaseModel):
    keys: list[dict[str, Any]]


@ROUTER.get("/healthz")
async def healthz() -> Status:
    """Answer if the process runs."""
    return Status(status="ok")


@ROUTER.get(
    "/readyz",
    responses={503: {"model": Readiness, "description": "No requests should come here now."}},
)
async def readyz(response: Response, service: Running) -> Readiness:
    """Return whether requests should come here: not without data or keys, nor while stopping."""
    if service.stopping:
        response.status_code = 503
        return Readiness(status="stopping")
    await service.database.check()
    state = await service.database.read(schema.state)
    checks = {"database": "ok", "migrations": state.value, "keys": "ok"}
    try:
        await service.database.read(signing_keys.load, service.sealer)
    except ValueError:
        checks["keys"] = "unreadable"
    if state is State.BEHIND or checks["keys"] != "ok":
        response.status_code = 503
        return Readiness(status="not ready", checks=checks)
    return Readiness(status="ok", checks=checks)


@ROUTER.get("/version")
async def version(service: Running) -> Version:
    """Return the revision that was built, and the time of its commit."""
    settings = service.settings
    return Version(revision=settings.revision, revision_time=settings.revision_time)


@ROUTER.get("/.well-known/jwks.json", responses=problems(Code.UNAVAILABLE))
async def jwks(response: Response, service: Running) -> JsonWebKeys:
    """Return the keys that verify access tokens: the next, the current and the retired keys."""
    response.headers["Cache-Control"] = f"public, max-age={signing_keys.JWKS_SECONDS}"
    return JsonWebKeys(keys=service.tokens.keys.jwks()["keys"])
