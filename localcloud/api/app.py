"""The API server's application: signature, operation, and the shape of every error."""

import hashlib
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from localcloud import lifecycle
from localcloud.api import control, errors, s3, signature
from localcloud.api.operation import Call, Operation, Reply
from localcloud.api.signature import SignedRequest
from localcloud.cloud import Cloud
from localcloud.discovery import SERVICES
from localcloud.rounds import Rounds
from localcloud.services import work_requests
from localcloud.services.identity import api_key
from localcloud.state.account import REPORTER_OPERATIONS
from localcloud.state.customer_key import PREFIX

log = logging.getLogger(__name__)

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def create_app(cloud: Cloud) -> Starlette:
    """Return the application of the API server; its start resumes the cloud's work."""
    object_storage = s3.ObjectStorage(cloud)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await run_in_threadpool(lifecycle.resume, cloud)
        rounds = Rounds(cloud)
        yield
        await run_in_threadpool(rounds.close)
        await run_in_threadpool(cloud.close)
        await run_in_threadpool(object_storage.close)

    return Starlette(
        routes=[
            *_routes(cloud),
            Mount("/localcloud", routes=control.routes(cloud)),
            Mount(PREFIX, routes=object_storage.routes()),
            Route("/{path:path}", _endpoint(cloud, None), methods=_METHODS),
        ],
        # a web page that gave its own name this address must not get an answer
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[str(cloud.home.address)])],
        lifespan=lifespan,
    )


def _routes(cloud: Cloud) -> list[Route]:
    """Return the paths of all operations; each begins with the version of its service."""
    return [
        Route(
            f"/{service.version}{operation.path}",
            _endpoint(cloud, operation),
            methods=[operation.method],
        )
        for service in SERVICES
        for resource_type in service.resource_types
        for operation in resource_type.operations
    ]


def _endpoint(
    cloud: Cloud, operation: Operation | None
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        request_id = _request_id(request)
        reply = await run_in_threadpool(_answer, cloud, operation, request, body, request_id)
        headers = {**reply.headers, "opc-request-id": request_id}
        if reply.body is None:
            return Response(reply.text, status_code=reply.status, headers=headers)
        return JSONResponse(reply.body, reply.status, headers)

    return endpoint


def _answer(
    cloud: Cloud, operation: Operation | None, request: Request, body: bytes, request_id: str
) -> Reply:
    try:
        return _perform(cloud, operation, request, body)
    except errors.ApiError as error:
        problem = error
    except Exception as error:
        log.exception("%s %s failed (%s)", request.method, request.url.path, request_id)
        problem = errors.ApiError(
            500,
            "InternalError",
            f"localcloud failed at this request: {error}. Its log {cloud.home.path}/server.log "
            f"has the cause under opc-request-id {request_id}.",
        )
    return Reply(status=problem.status, body={"code": problem.code, "message": problem.message})


def _perform(cloud: Cloud, operation: Operation | None, request: Request, body: bytes) -> Reply:
    target = _target(request)
    signed = SignedRequest(
        method=request.method, target=target, headers=dict(request.headers), body=body
    )
    is_reporter = False
    if operation is None or operation.signed:
        keys = {**cloud.account.keys, **api_key.of_owner(cloud)}
        key_id = signature.verify(signed, keys, cloud.now(), with_body=operation is not None)
        is_reporter = key_id == cloud.account.reporter.key_id
    if is_reporter and (operation is None or operation.name not in REPORTER_OPERATIONS):
        raise errors.not_found()
    if cloud.faults.strike("notAuthenticated"):
        raise errors.not_authenticated()
    if operation is None:
        raise errors.not_implemented(f"{request.method} {request.url.path}")
    _check_query(operation, request)
    call = Call(
        cloud=cloud,
        method=request.method,
        path=request.path_params,
        query=request.query_params,
        headers=request.headers,
        request=f"{request.method} {target} {hashlib.sha256(body).hexdigest()}",
        body=body,
        is_reporter=is_reporter,
    )
    reply = operation.answer(call)
    if operation.changes:
        lifecycle.advance(cloud)
        lifecycle.refresh(cloud)
    if request_id := reply.headers.get(work_requests.HEADER):
        return work_requests.for_caller(call, reply, request_id)
    return reply


def _check_query(operation: Operation, request: Request) -> None:
    unknown = set(request.query_params) - operation.queries
    if unknown:
        raise errors.invalid_parameter(
            f"Query parameter '{min(unknown)}' of {operation.name} is unknown or not modelled by "
            f"localcloud. Modelled: {', '.join(sorted(operation.queries)) or 'none'}."
        )


def _target(request: Request) -> str:
    path, query = request.scope["raw_path"], request.scope["query_string"]
    return bytes(path + b"?" + query if query else path).decode("latin-1")


def _request_id(request: Request) -> str:
    """Continue the caller's id, as Oracle's services do: <caller>/<server>/<server>."""
    parts = (secrets.token_hex(16).upper() for _ in range(3))
    first, second, third = parts
    return f"{request.headers.get('opc-request-id', first)}/{second}/{third}"
