"""`/metrics`, for a Prometheus on the same machine or in a configured network.

It uses the port of the API, since another port would have to be published, watched and kept free
for each of the two containers that run during a release. It is closed to the world all the same: a
request through a proxy has X-Forwarded-For, which no client can remove.
"""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from auth.context import CALLER
from auth.protection import addresses
from auth.protection.addresses import Network
from auth.telemetry.metrics import CONTENT_TYPE, Metrics

_FORWARDED = ("forwarded", "via", "x-forwarded-host", "x-real-ip")


def router(metrics: Metrics, allowed: Sequence[Network]) -> APIRouter:
    routes = APIRouter()

    @routes.get("/metrics", include_in_schema=False)
    async def read(request: Request) -> Response:
        peer = addresses.parse(request.client.host) if request.client else None
        proxied = CALLER.get().proxied or any(name in request.headers for name in _FORWARDED)
        if proxied or not addresses.within(peer, allowed):
            raise HTTPException(404)  # as if it were not there: nothing to look for
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return routes
