"""The provider protocol, once for all stand-ins: a plugin is a table of resources and functions."""

import importlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

from common import property_values
from standins import light_imports, values
from standins.resource import Context, ProviderError, Resource, UnfinishedError
from standins.values import Properties

_WORKERS = 32
# In the outputs of each resource that a stand-in wrote last; its value is the format's version.
# Official plugins ignore it and leave it out of their outputs, but for `command`, which refuses
# a state with outputs that it does not know.
MARK = {"__standin": "1"}
_MESSAGE_BYTES = 64 << 20  # gRPC's default of 4 MB is less than a large state


Answer = TypeVar("Answer")
Function = Callable[[Properties, Context], Properties]


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """The model of a plugin: resources and functions by token."""

    name: str
    resources: Mapping[str, Resource]
    functions: Mapping[str, Function] = field(default_factory=dict)
    marked: bool = True  # whether outputs have MARK
    # modules that the first operation needs, imported while the engine has other work
    imports: Sequence[str] = ()

    @property
    def version(self) -> str:
        """Return the version of the official plugin that the SDK asks for.

        It is in a file of the SDK. `importlib.metadata` would take a third of the plugins' start.
        """
        file = light_imports.folder(f"pulumi_{self.name}") / "pulumi-plugin.json"
        return str(json.loads(file.read_text())["version"])


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine for a plugin."""

    def __init__(self, plugin: Plugin, engine_address: str) -> None:
        self._plugin = plugin
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine_address))
        self._config: Properties = {}
        self._cancelled = threading.Event()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:  # noqa: N802
        del request, context
        return plugin_pb2.PluginInfo(version=self._plugin.version)

    def GetSchema(self, request: Any, context: Any) -> NoReturn:  # noqa: N802
        del request
        self._refuse(context, "its schema")

    def CheckConfig(self, request: Any, context: Any) -> provider_pb2.CheckResponse:  # noqa: N802
        del context
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> provider_pb2.DiffResponse:  # noqa: N802
        del context
        # other credentials or another region do not replace existing resources
        old = values.plain(values.from_wire(request.old_inputs))
        new = values.plain(values.from_wire(request.news))
        return _difference(values.top_level(old, new))

    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:  # noqa: N802
        del context
        self._config = values.plain(values.from_wire(request.args))
        # The engine keeps secrets apart for a provider that does not ask for them: it marks the
        # outputs that have a secret input's name.
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:  # noqa: N802
        resource = self._resource(request.urn, context)
        inputs = values.plain(values.from_wire(request.news))
        failures = [
            *(
                (key, self._unmodelled(f"the property {key!r}"))
                for key in sorted(set(inputs) - resource.required - resource.optional)
            ),
            *((key, f"{key} is required") for key in sorted(resource.required - set(inputs))),
        ]
        if not failures:
            try:
                inputs = resource.prepare(inputs)
            except ProviderError as error:
                failures = [("", str(error))]
        return provider_pb2.CheckResponse(
            inputs=values.to_wire(values.encrypted(inputs, resource.secrets)),
            failures=[
                provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in failures
            ],
        )

    def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:  # noqa: N802
        resource = self._resource(request.urn, context)
        state, old, new = (
            values.plain(values.from_wire(properties))
            for properties in (request.olds, request.old_inputs, request.news)
        )
        return _difference(resource.differences(state, old, new, tuple(request.ignoreChanges)))

    def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:  # noqa: N802
        resource = self._resource(request.urn, context)
        inputs = values.plain(values.from_wire(request.properties))
        if request.preview:
            unknown = dict.fromkeys(resource.computed, property_values.UNKNOWN)
            return provider_pb2.CreateResponse(
                properties=self._kept(resource, {**unknown, **inputs})
            )
        operation = self._context(request)
        identity, outputs = self._do(context, resource.create, inputs, operation)
        return provider_pb2.CreateResponse(id=identity, properties=self._kept(resource, outputs))

    def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:  # noqa: N802
        resource = self._resource(request.urn, context)
        state = values.from_wire(request.properties)
        outputs = self._do(context, resource.read, request.id, state, self._context(request))
        if outputs is None:
            return provider_pb2.ReadResponse()
        inputs = values.seen(values.plain(values.from_wire(request.inputs)), values.plain(outputs))
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=self._kept(resource, outputs),
            inputs=values.to_wire(values.encrypted(inputs, resource.secrets)),
        )

    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:  # noqa: N802
        resource = self._resource(request.urn, context)
        state, old, new = (
            values.plain(values.from_wire(properties))
            for properties in (request.olds, request.old_inputs, request.news)
        )
        if request.preview:
            outputs = self._do(context, resource.foreseen, state, old, new)
        else:
            operation = self._context(request)
            outputs = self._do(context, resource.update, request.id, state, new, operation)
        return provider_pb2.UpdateResponse(properties=self._kept(resource, outputs))

    def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        resource = self._resource(request.urn, context)
        state = values.plain(values.from_wire(request.properties))
        self._do(context, resource.delete, request.id, state, self._context(request))
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> provider_pb2.InvokeResponse:  # noqa: N802
        function = self._plugin.functions.get(request.tok)
        if function is None:
            self._refuse(context, f"the function {request.tok}")
        answer = self._do(context, function, values.from_wire(request.args), self._context(request))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(values.to_wire(answer))  # a keyword in Python
        return response

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        del request, context
        self._cancelled.set()
        return empty_pb2.Empty()

    def _resource(self, urn: str, context: Any) -> Resource:
        token = urn.split("::")[2].rpartition("$")[2]
        resource = self._plugin.resources.get(token)
        if resource is None:
            self._refuse(context, f"the resource {token}")
        return resource

    def _context(self, request: Any) -> Context:
        urn = getattr(request, "urn", "")  # functions have no URN

        def log(text: str, *, passing: bool = False) -> None:
            severity = engine_pb2.LogSeverity.Value("INFO")
            self._engine.Log(
                engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=passing)
            )

        return Context(
            urn=urn,
            log=log,
            config=self._config,
            cancelled=self._cancelled,
            timeout=getattr(request, "timeout", 0),
        )

    @staticmethod
    def _do(context: Any, operation: Callable[..., Answer], *arguments: Any) -> Answer:
        try:
            return operation(*arguments)
        except UnfinishedError as error:
            _add_details(context, error)
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except ProviderError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        raise AssertionError("abort does not return")

    def _kept(self, resource: Resource, outputs: Properties) -> Any:
        """Return the outputs as the state keeps them: marked as ours, with its secrets as such."""
        unmarked = {name: value for name, value in outputs.items() if name not in MARK}
        stored = {**unmarked, **MARK} if self._plugin.marked else unmarked
        return values.to_wire(values.encrypted(stored, resource.secrets))

    def _unmodelled(self, what: str) -> str:
        return (
            f"{what} is not modelled by the stand-in for the {self._plugin.name} plugin. Use the "
            f"official plugin: pulumi plugin install resource {self._plugin.name} "
            f"{self._plugin.version}"
        )

    def _refuse(self, context: Any, what: str) -> NoReturn:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, self._unmodelled(what))
        raise AssertionError("abort does not return")


def _difference(kinds: Mapping[str, str]) -> provider_pb2.DiffResponse:
    """Report differences, each by path; reasons are the properties at the top."""
    response = provider_pb2.DiffResponse
    return response(
        changes=response.DIFF_SOME if kinds else response.DIFF_NONE,
        replaces=sorted({values.top(p) for p, kind in kinds.items() if kind.endswith("_REPLACE")}),
        diffs=sorted({values.top(path) for path in kinds}),
        detailedDiff={
            path: provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(kind))
            for path, kind in kinds.items()
        },
        hasDetailedDiff=True,
    )


def _add_details(context: Any, error: UnfinishedError) -> None:
    """Add the outputs of a half-made resource, which the engine keeps in its state."""
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.identity,
            properties=values.to_wire({**error.outputs, **MARK}),
            reasons=[str(error)],
        )
    )
    context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])


def start(plugin: Plugin, engine: str) -> tuple[grpc.Server, int]:
    """Serve at a port of its own for as long as the server is referred to; return the port too."""
    options = [
        ("grpc.max_receive_message_length", _MESSAGE_BYTES),
        ("grpc.max_send_message_length", _MESSAGE_BYTES),
    ]
    server = grpc.server(futures.ThreadPoolExecutor(_WORKERS), options=options)
    servicer = Servicer(plugin, engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    importing = threading.Thread(
        target=lambda: [*map(importlib.import_module, plugin.imports)], daemon=True
    )
    importing.start()
    return server, port
