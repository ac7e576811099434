"""The emulator's control paths, beside Oracle's: status, faults, and stored resources to forget.

Requests carry the control token instead of a signature. The API server keeps it in a file that its
user alone can read: every user of this computer, and every web page in a browser on it, reaches
loopback.
"""

import hmac
import os
import secrets
from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from common import files
from localcloud import code
from localcloud.api import errors, wire
from localcloud.cloud import Cloud
from localcloud.faults import Fault
from localcloud.services.container_engine import token_review
from localcloud.services.core.instance import Instance
from localcloud.services.core.public_ip import PublicIp
from localcloud.services.core.volume import Volume
from localcloud.state.home import Home

Endpoint = Callable[[Request], Awaitable[Response]]


def routes(cloud: Cloud) -> list[Route]:
    """Return the control paths. The first call writes the file of the control token."""
    expected = f"Bearer {_token(cloud.home)}".encode()
    began_with = code.digest()

    def route(path: str, endpoint: Endpoint, method: str = "GET") -> Route:
        async def guarded(request: Request) -> Response:
            shown = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(shown, expected):
                return _refused(errors.control_token_missing(cloud.home.control_token_file))
            return await endpoint(request)

        return Route(path, guarded, methods=[method])

    async def status(_: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_status, cloud, began_with))

    async def list_faults(_: Request) -> Response:
        return JSONResponse(cloud.faults.listed())

    async def add_fault(request: Request) -> Response:
        body = await request.body()
        return _answered(lambda: {"id": cloud.faults.add(wire.read(Fault, body))})

    async def clear_faults(_: Request) -> Response:
        cloud.faults.clear()
        return Response(status_code=204)

    async def forget(request: Request) -> Response:
        await run_in_threadpool(cloud.store.remove, request.path_params["ocid"])
        return Response(status_code=204)

    async def review_token(request: Request) -> Response:
        body, named = await request.body(), request.path_params
        return await run_in_threadpool(
            _answered, lambda: token_review.answer(cloud, named["cluster"], named["secret"], body)
        )

    return [
        # a cluster's API server has a secret of its own; in its path, as Kubernetes sends no
        # token over plain HTTP
        Route("/clusters/{cluster}/token-review/{secret}", review_token, methods=["POST"]),
        route("/status", status),
        route("/resources/{ocid}", forget, "DELETE"),
        route("/faults", list_faults),
        route("/faults", add_fault, "POST"),
        route("/faults", clear_faults, "DELETE"),
    ]


def _token(home: Home) -> str:
    if not home.control_token_file.exists():
        files.write(home.control_token_file, secrets.token_urlsafe(32).encode())
    return home.control_token_file.read_text()


def _answered(answer: Callable[[], object]) -> Response:
    try:
        return JSONResponse(answer())
    except errors.ApiError as error:
        return _refused(error)


def _refused(error: errors.ApiError) -> Response:
    return JSONResponse({"code": error.code, "message": error.message}, error.status)


def _status(cloud: Cloud, began_with: str) -> dict[str, object]:
    return {
        "home": str(cloud.home.path),
        "pid": os.getpid(),
        "code": began_with,
        "endpoint": cloud.home.endpoint,
        "instances": [
            {
                "id": instance.id,
                "displayName": instance.display_name,
                "lifecycleState": instance.lifecycle_state,
                "lastFailure": instance.last_failure,
            }
            for instance in cloud.store.find(Instance)
        ],
        "publicIps": [
            {"ipAddress": address.ip_address, "lifecycleState": address.lifecycle_state}
            for address in cloud.store.find(PublicIp)
        ],
        "unreadable": [vars(resource) for resource in cloud.store.unreadable()],
        "volumes": [
            {
                "id": volume.id,
                "sizeInGBs": volume.size_in_gbs,
                "lifecycleState": volume.lifecycle_state,
            }
            for volume in cloud.store.find(Volume)
        ],
    }
