"""The middleware around the routes, in its order."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from auth.http.bodies import BoundedRequests
from auth.http.callers import Callers
from auth.http.head import HeadRequests
from auth.http.headers import AnswerHeaders
from auth.http.https_only import HttpsOnly
from auth.settings import Settings
from auth.telemetry.metrics import Metrics
from auth.telemetry.requests import RequestTelemetry
from auth.telemetry.tracing import Tracing

_CORS_SECONDS = 600


def install(app: FastAPI, settings: Settings, *, metrics: Metrics, tracing: Tracing) -> None:
    """Add every middleware to an app; a request passes the last of them first."""
    app.add_middleware(HeadRequests)
    app.add_middleware(
        BoundedRequests,
        body_seconds=settings.body_seconds,
        seconds=settings.request_seconds,
    )
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            # tokens travel in headers; our cookie is the sign-in page's alone
            allow_credentials=False,
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "DPoP", "X-Request-Id"],
            expose_headers=["RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"],
            max_age=_CORS_SECONDS,
        )
    app.add_middleware(AnswerHeaders, issuer=settings.issuer)
    if settings.https_only:
        app.add_middleware(HttpsOnly, issuer=settings.issuer, trusted=settings.trusted_proxies)
    app.add_middleware(RequestTelemetry, metrics=metrics)
    if tracing.on:
        app.add_middleware(tracing.middleware())
    app.add_middleware(Callers, trusted=settings.trusted_proxies)
