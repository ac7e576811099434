"""The engine's side of a plugin: calls over real gRPC, and the log that the plugin writes to."""

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2_grpc

from standins.provider import Plugin, Servicer


def urn(token: str) -> str:
    return f"urn:pulumi:local::auth-on-oci::{token}::it"


class Log(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.lines: list[tuple[str, str, bool]] = []  # URN, text, whether it is passing

    def Log(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        del context
        self.lines.append((request.urn, request.message, request.ephemeral))
        return empty_pb2.Empty()


@contextmanager
def _listening() -> Iterator[tuple[grpc.Server, int]]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    port = server.add_insecure_port("127.0.0.1:0")
    try:
        yield server, port
    finally:
        server.stop(grace=None).wait()


@contextmanager
def plugged(plugin: Plugin) -> Iterator[tuple[Any, Log]]:
    """Yield a client of the plugin, and the log of the engine that it is plugged into."""
    log = Log()
    with _listening() as (engine, engine_port), _listening() as (server, port):
        engine_pb2_grpc.add_EngineServicer_to_server(log, engine)
        engine.start()
        servicer = Servicer(plugin, f"127.0.0.1:{engine_port}")
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel), log
