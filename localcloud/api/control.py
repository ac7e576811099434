"""The emulator's own paths, beside Oracle's: is it up, what does it hold, what shall go wrong.

They carry no signature: the server listens on loopback alone, and they show and change nothing that
the API's own caller could not.
"""

import os
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud import errors, wire
from localcloud.cloud import Cloud
from localcloud.faults import Fault
from localcloud.model.instance import Instance
from localcloud.model.public_ip import PublicIp
from localcloud.model.volume import Volume


def routes(cloud: Cloud) -> list[Route]:
    async def status(_: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_status, cloud))

    async def list_faults(_: Request) -> Response:
        return JSONResponse(cloud.faults.listed())

    async def add_fault(request: Request) -> Response:
        body = await request.body()
        return _answered(lambda: {"id": cloud.faults.add(wire.read(Fault, body))})

    async def clear_faults(_: Request) -> Response:
        cloud.faults.clear()
        return Response(status_code=204)

    return [
        Route("/status", status),
        Route("/faults", list_faults),
        Route("/faults", add_fault, methods=["POST"]),
        Route("/faults", clear_faults, methods=["DELETE"]),
    ]


def _answered(answer: Callable[[], object]) -> Response:
    try:
        return JSONResponse(answer())
    except errors.ApiError as error:
        return JSONResponse({"code": error.code, "message": error.message}, error.status)


def _status(cloud: Cloud) -> dict[str, object]:
    return {
        "home": str(cloud.home.path),
        "pid": os.getpid(),
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
        "volumes": [
            {
                "id": volume.id,
                "sizeInGBs": volume.size_in_gbs,
                "lifecycleState": volume.lifecycle_state,
            }
            for volume in cloud.store.find(Volume)
        ],
    }
