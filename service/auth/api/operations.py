"""The endpoints for operators, proxies and other services."""

import os
from pathlib import Path
from typing import Any

from fastapi import Response
from pydantic import BaseModel, Field
from sqlalchemy import make_url

from auth.errors import Code
from auth.http.access import Running
from auth.http.openapi import problems, router
from auth.storage import schema
from auth.storage.schema import State
from auth.tokens import signing_keys

ROUTER = router(tags=["operations"])
_PAGE = 4096


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
    """Return whether requests should come here.

    Not without data or keys, not with a disk that takes no more data, nor while stopping.
    """
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
    if problem := _disk_problem(service.settings.database_url):
        checks["disk"] = problem
    if state is State.BEHIND or checks["keys"] != "ok" or problem:
        response.status_code = 503
        return Readiness(status="not ready", checks=checks)
    return Readiness(status="ok", checks=checks)


def _disk_problem(database_url: str) -> str | None:
    """Try to write a page beside an SQLite database; return the reason of a refusal.

    The file has no name (O_TMPFILE), so a process that is killed leaves nothing behind.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    try:
        file = os.open(Path(url.database).parent, os.O_TMPFILE | os.O_WRONLY, 0o600)
        try:
            os.write(file, bytes(_PAGE))
        finally:
            os.close(file)
    except OSError as error:
        return error.strerror
    return None


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
