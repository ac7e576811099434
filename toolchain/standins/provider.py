"""The provider protocol, once for all stand-ins: a plugin is a table of resources and functions."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, NoReturn, Protocol, TypeVar

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

from toolchain.standins import values
from toolchain.standins.values import Properties

_WORKERS = 32
_MESSAGE_BYTES = 64 << 20  # gRPC's default of 4 MB is less than a large state


class ProviderError(Exception):
    """The operation failed; the text is shown to the user as it is."""


class UnfinishedError(ProviderError):
    """A resource was made but is not as it should be: the state keeps it, the next run goes on."""

    def __init__(self, text: str, identity: str, outputs: Properties) -> None:
        super().__init__(text)
        self.identity = identity
        self.outputs = outputs


class Log(Protocol):
    """Shows a line to the user, under the resource that it is about.

    A `passing` one tells of progress: a terminal shows it until the next one.
    """

    def __call__(self, text: str, *, passing: bool = False) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Context:
    """What surrounds one operation on one resource.

    `cancelled` is set when the user wants to stop: what waits gives up then.
    """

    urn: str
    log: Log
    config: Mapping[str, Any]
    cancelled: threading.Event


class Resource(Protocol):
    """One type of resource: its properties, and what is done for it.

    `create`, `read` and `update` return the outputs; `read` returns None if it is gone.
    """

    @property
    def required(self) -> frozenset[str]: ...

    @property
    def optional(self) -> frozenset[str]: ...

    @property
    def computed(self) -> frozenset[str]:
        """Name the outputs that a preview does not know, beside those that equal an input."""
        ...

    @property
    def ignored(self) -> tuple[str, ...]:
        """Name the inputs, by path, whose change alone changes nothing."""
        ...

    def prepare(self, inputs: Properties) -> Properties:
        """Complete the inputs, or raise ProviderError with the rule that they break."""
        ...

    def replaces(self, path: str) -> bool:
        """Tell whether a change of the property at `path` needs a new resource."""
        ...

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]: ...

    def read(self, identity: str, state: Properties, context: Context) -> Properties | None: ...

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties: ...

    def delete(self, identity: str, state: Properties, context: Context) -> None: ...


Answer = TypeVar("Answer")
Function = Callable[[Properties, Context], Properties]


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """What a stand-in models: resources and functions by token."""

    name: str
    resources: Mapping[str, Resource]
    functions: Mapping[str, Function] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Give the version of the official plugin that is stood in for: that of its SDK."""
        return metadata.version(f"pulumi-{self.name}")


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine for one plugin."""

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
        del request, context
        # other credentials or another region do not replace what was made with the first ones
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:  # noqa: N802
        del context
        self._config = values.from_wire(request.args)
        # The engine keeps secrets apart for a provider that does not ask for them: it marks the
        # outputs that have a secret input's name.
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:  # noqa: N802
        resource = self._resource(request.urn, context)
        inputs = values.from_wire(request.news)
        failures = [
            *(
                (key, f"{self._unmodelled(f'the property {key!r}')}")
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
            inputs=values.to_wire(inputs),
            failures=[
                provider_pb2.CheckFailure(property=key, reason=reason) for key, reason in failures
            ],
        )

    def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:  # noqa: N802
        resource = self._resource(request.urn, context)
        old, new = values.from_wire(request.old_inputs), values.from_wire(request.news)
        for path in (*request.ignoreChanges, *resource.ignored):
            _copy(path.split("."), old, new)
        detailed, replaces = {}, []
        for path, kind in values.differences(old, new):
            if resource.replaces(path):
                kind += "_REPLACE"  # noqa: PLW2901 - the same difference, said in full
                replaces.append(path)
            detailed[path] = provider_pb2.PropertyDiff(
                kind=provider_pb2.PropertyDiff.Kind.Value(kind), inputDiff=True
            )
        changes = (
            provider_pb2.DiffResponse.DIFF_SOME if detailed else provider_pb2.DiffResponse.DIFF_NONE
        )
        return provider_pb2.DiffResponse(
            changes=changes,
            replaces=replaces,
            diffs=sorted(detailed),
            detailedDiff=detailed,
            hasDetailedDiff=True,
        )

    def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:  # noqa: N802
        resource = self._resource(request.urn, context)
        inputs = values.from_wire(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=_foreseen(resource, inputs))
        identity, outputs = self._do(context, resource.create, inputs, self._context(request.urn))
        return provider_pb2.CreateResponse(id=identity, properties=values.to_wire(outputs))

    def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:  # noqa: N802
        resource = self._resource(request.urn, context)
        state = values.from_wire(request.properties)
        outputs = self._do(context, resource.read, request.id, state, self._context(request.urn))
        if outputs is None:
            return provider_pb2.ReadResponse()
        inputs = values.from_wire(request.inputs)
        seen = values.seen(inputs, outputs)
        return provider_pb2.ReadResponse(
            id=request.id, properties=values.to_wire(outputs), inputs=values.to_wire(seen)
        )

    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:  # noqa: N802
        resource = self._resource(request.urn, context)
        inputs = values.from_wire(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=_foreseen(resource, inputs))
        outputs = self._do(
            context,
            resource.update,
            request.id,
            values.from_wire(request.olds),
            inputs,
            self._context(request.urn),
        )
        return provider_pb2.UpdateResponse(properties=values.to_wire(outputs))

    def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        resource = self._resource(request.urn, context)
        state = values.from_wire(request.properties)
        self._do(context, resource.delete, request.id, state, self._context(request.urn))
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> provider_pb2.InvokeResponse:  # noqa: N802
        function = self._plugin.functions.get(request.tok)
        if function is None:
            self._refuse(context, f"the function {request.tok}")
        answer = self._do(context, function, values.from_wire(request.args), self._context(""))
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

    def _context(self, urn: str) -> Context:
        def log(text: str, *, passing: bool = False) -> None:
            severity = engine_pb2.LogSeverity.Value("INFO")
            self._engine.Log(
                engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=passing)
            )

        return Context(urn=urn, log=log, config=self._config, cancelled=self._cancelled)

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

    def _unmodelled(self, what: str) -> str:
        return (
            f"{what} is not modelled by the stand-in for the {self._plugin.name} plugin. Use the "
            f"official one: pulumi plugin install resource {self._plugin.name} "
            f"{self._plugin.version}"
        )

    def _refuse(self, context: Any, what: str) -> NoReturn:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, self._unmodelled(what))
        raise AssertionError("abort does not return")


def _foreseen(resource: Resource, inputs: Properties) -> Any:
    """Give the outputs as far as a preview knows them."""
    return values.to_wire({**dict.fromkeys(resource.computed, values.UNKNOWN), **inputs})


def _add_details(context: Any, error: UnfinishedError) -> None:
    """Tell the engine what to keep of a resource that was made, but not to the end."""
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.identity, properties=values.to_wire(error.outputs), reasons=[str(error)]
        )
    )
    context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])


def _copy(path: Sequence[str], source: Properties, target: Properties) -> None:
    """Make `target` as `source` at a path of property names: that change is ignored."""
    for key in path[:-1]:
        if not (isinstance(source.get(key), dict) and isinstance(target.get(key), dict)):
            return
        source, target = source[key], target[key]
    if path[-1] in source:
        target[path[-1]] = source[path[-1]]
    else:
        target.pop(path[-1], None)


def serve(plugin: Plugin) -> None:
    """Serve until the engine is done: the port goes to stdout, the engine's address is argv[1]."""
    options = [
        ("grpc.max_receive_message_length", _MESSAGE_BYTES),
        ("grpc.max_send_message_length", _MESSAGE_BYTES),
    ]
    server = grpc.server(futures.ThreadPoolExecutor(_WORKERS), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        Servicer(plugin, sys.argv[1] if len(sys.argv) > 1 else ""), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    stopped = threading.Event()
    # The engine ends its plugins by SIGINT, and by force five seconds later. Ctrl-C reaches the
    # engine alone: each plugin has a process group of its own.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    threading.Thread(target=_until_orphaned, args=(stopped,), daemon=True).start()
    print(port, flush=True)
    stopped.wait()
    server.stop(grace=1).wait()


def _until_orphaned(stopped: threading.Event) -> None:
    """Stop when the engine is gone, however it went: nobody else would."""
    parent = os.getppid()
    while not stopped.wait(1):
        if os.getppid() != parent:
            stopped.set()
