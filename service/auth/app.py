"""Puts the app together: the routers, what stands before them, and how errors look."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from auth import api, logs, problems
from auth.guard import middleware
from auth.oauth import authorize, errors
from auth.observe import endpoint
from auth.pages import factors, failures
from auth.problems import Code
from auth.service import Service

_DESCRIPTION = """
Accounts, passwords, and signed tokens that say who is who.

Every error is a problem document (RFC 9457) with a stable `code`. Access tokens are JWTs for APIs
(RFC 9068); the keys that verify them are at `/.well-known/jwks.json`.
"""


def create_app(service: Service) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    settings = service.settings
    app = FastAPI(
        title="Authentication Service",
        description=_DESCRIPTION,
        version=settings.revision,
        lifespan=lifespan,
        # `auth.pages.description` shows it
        docs_url=None,
        redoc_url=None,
        # it would lead to whatever host the request names, and without TLS behind a proxy
        redirect_slashes=False,
        # `auth.observe` tells; this would record URLs with their queries, which may hold codes
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.service = service
    for errors_of in (problems, errors, authorize, failures, factors):
        errors_of.install(app)
    metrics = endpoint.router(service.metrics, settings.protection.metrics_from)
    for router in (*api.routers(development=settings.development), metrics):
        # one flat list: routers that are included are asked twice, one after the other
        app.router.routes.extend(router.routes)
    middleware.install(
        app,
        settings.protection,
        issuer=settings.issuer,
        metrics=service.metrics,
        tracing=service.tracing,
    )

    @app.exception_handler(SQLAlchemyError)
    async def _no_data(_: Request, error: SQLAlchemyError) -> JSONResponse:
        logs.LOG.error("database", extra={"reason": type(error).__name__})
        return problems.of(Code.UNAVAILABLE, {"Retry-After": "1"})

    return app
