"""The app: the routers of the three faces, the middleware before them, the error handlers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from auth import api, oauth, pages
from auth.errors import Code
from auth.http import acme, metrics_endpoint, middleware, openapi, problem_documents
from auth.oauth import errors
from auth.pages import authorizing, brand, failures, signing_out, visitors
from auth.service import Service
from auth.telemetry import logs

_DESCRIPTION = """
Accounts, passwords, and signed tokens that identify users.

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
        # `auth.pages.description` serves it
        docs_url=None,
        redoc_url=None,
        # it would redirect to any host that a request names, and without TLS behind a proxy
        redirect_slashes=False,
        # `auth.telemetry` does; this would record URLs with their queries, which may hold codes
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.service = service
    brand.install(app, settings)

    @app.exception_handler(SQLAlchemyError)
    async def _no_data(_: Request, error: SQLAlchemyError) -> JSONResponse:
        logs.LOG.error("database", extra={"reason": type(error).__name__})
        return problem_documents.of(Code.UNAVAILABLE, {"Retry-After": "1"})

    for part in (
        openapi,
        problem_documents,
        errors,
        authorizing,
        failures,
        signing_out,
        visitors,
    ):
        part.install(app)
    for router in (
        *api.routers(development=settings.development),
        *oauth.routers(),
        *pages.routers(
            api_docs=settings.api_docs,
            administration_pages=visitors.administers(service),
            development=settings.development,
        ),
        metrics_endpoint.router(service.metrics, settings.metrics_from),
        *([acme.router(settings.acme_thumbprint)] if settings.acme_thumbprint else []),
    ):
        # a flat list: a router that is included would match each path a second time
        app.router.routes.extend(router.routes)
    middleware.install(
        app,
        settings,
        metrics=service.metrics,
        tracing=service.tracing,
    )

    return app
