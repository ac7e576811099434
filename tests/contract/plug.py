"""A provider plugin as a process, called as the engine calls it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from common import property_values
from standins import values
from standins.values import Properties
from tests.localcloud.caller import Caller
from toolchain import plugins

_SEED = b"contract".ljust(32)  # which the provider needs to make names
_MESSAGE_BYTES = 64 << 20


@dataclass(frozen=True)
class Decision:
    """A plugin's answer to a change, as far as a person or the engine acts on it."""

    action: str  # none, update or replace
    properties: Mapping[str, str]  # kind of difference by path, as a preview shows it
    unknown: Sequence[str]  # outputs that are unknown until the update is done


@dataclass(frozen=True)
class Made:
    """A resource as the state has it."""

    token: str
    identity: str
    inputs: Properties
    outputs: Properties


class RefusedError(Exception):
    """The plugin refused a call; the text is the plugin's."""


class Plug:
    def __init__(self, stub: Any) -> None:
        self._stub = stub

    @property
    def version(self) -> str:
        return str(self._stub.GetPluginInfo(empty_pb2.Empty()).version)

    def configure(self, name: str, config: Mapping[str, str]) -> None:
        urn = f"urn:pulumi:s::p::pulumi:providers:{name}::default"
        checked = self._stub.CheckConfig(
            provider_pb2.CheckRequest(urn=urn, news=values.to_wire(config))
        )
        self._stub.Configure(
            provider_pb2.ConfigureRequest(
                args=checked.inputs,
                variables={f"{name}:config:{key}": value for key, value in config.items()},
                acceptSecrets=True,
                acceptResources=True,
            )
        )

    def check(self, token: str, inputs: Properties, old: Properties | None = None) -> Properties:
        answer = self._stub.Check(
            provider_pb2.CheckRequest(
                urn=_urn(token),
                olds=values.to_wire(old) if old is not None else None,
                news=values.to_wire(inputs),
                randomSeed=_SEED,
            )
        )
        if answer.failures:
            raise RefusedError("; ".join(failure.reason for failure in answer.failures))
        return values.from_wire(answer.inputs)

    def create(self, token: str, inputs: Properties, *, preview: bool = False) -> Made:
        checked = self.check(token, inputs)
        made = self._stub.Create(
            provider_pb2.CreateRequest(
                urn=_urn(token), properties=values.to_wire(checked), preview=preview
            )
        )
        return Made(token, made.id, checked, values.from_wire(made.properties))

    def decide(self, made: Made, inputs: Properties) -> Decision:
        """Plan a change as a preview does: checked, compared, and its outputs predicted."""
        news = self.check(made.token, inputs, made.inputs)
        answer = self._stub.Diff(
            provider_pb2.DiffRequest(
                id=made.identity,
                urn=_urn(made.token),
                olds=values.to_wire(made.outputs),
                old_inputs=values.to_wire(made.inputs),
                news=values.to_wire(news),
            )
        )
        kind = provider_pb2.PropertyDiff.Kind.Name
        properties = {path: kind(diff.kind) for path, diff in sorted(answer.detailedDiff.items())}
        if answer.changes != provider_pb2.DiffResponse.DIFF_SOME:
            return Decision("none", properties, [])
        if answer.replaces or any(kind.endswith("_REPLACE") for kind in properties.values()):
            return Decision("replace", properties, [])
        return Decision("update", properties, self._unknown(made, news))

    def update(self, made: Made, inputs: Properties) -> Made:
        news = self.check(made.token, inputs, made.inputs)
        answer = self._stub.Update(_update_request(made, news))
        return Made(made.token, made.identity, news, values.from_wire(answer.properties))

    def read(self, made: Made) -> Made | None:
        answer = self._stub.Read(
            provider_pb2.ReadRequest(
                id=made.identity,
                urn=_urn(made.token),
                properties=values.to_wire(made.outputs),
                inputs=values.to_wire(made.inputs),
            )
        )
        if not answer.id:
            return None
        outputs, inputs = values.from_wire(answer.properties), values.from_wire(answer.inputs)
        return Made(made.token, answer.id, inputs, outputs)

    def delete(self, made: Made) -> None:
        self._stub.Delete(
            provider_pb2.DeleteRequest(
                id=made.identity,
                urn=_urn(made.token),
                properties=values.to_wire(made.outputs),
                old_inputs=values.to_wire(made.inputs),
            )
        )

    def _unknown(self, made: Made, news: Properties) -> list[str]:
        try:
            answer = self._stub.Update(_update_request(made, news, preview=True))
        except grpc.RpcError as error:
            raise RefusedError(str(error)) from None
        predicted = values.from_wire(answer.properties)
        # without a predicted output the program knows no value, unless it is an input
        return sorted(
            name
            for name in values.plain(made.outputs)
            if name not in made.inputs
            and predicted.get(name, property_values.UNKNOWN) == property_values.UNKNOWN
        )


def _urn(token: str) -> str:
    return f"urn:pulumi:s::p::{token}::it"


def _update_request(
    made: Made, news: Properties, *, preview: bool = False
) -> provider_pb2.UpdateRequest:
    return provider_pb2.UpdateRequest(
        id=made.identity,
        urn=_urn(made.token),
        olds=values.to_wire(made.outputs),
        old_inputs=values.to_wire(made.inputs),
        news=values.to_wire(news),
        preview=preview,
    )


class _Engine(engine_pb2_grpc.EngineServicer):
    """The engine's side: plugins log to it."""

    def Log(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        del request, context
        return empty_pb2.Empty()


@contextmanager
def running(
    official: Mapping[str, Path] | None, config: Mapping[str, str], overrides: str, working: Path
) -> Iterator[dict[str, Plug]]:
    """Run these official plugins, or else the stand-ins, in the `working` folder."""
    with ExitStack() as stack:
        plugs = {
            name: stack.enter_context(_process(_command(official, name), overrides, working))
            for name in plugins.NAMES
        }
        for name, plug in plugs.items():
            plug.configure(name, config if name == "oci" else {})
        yield plugs


def credentials(caller: Caller) -> dict[str, str]:
    """Return the oci plugin's configuration for an emulated cloud."""
    return {
        "tenancyOcid": caller.account.tenancy,
        "userOcid": caller.account.user,
        "fingerprint": caller.account.fingerprint,
        "privateKeyPath": str(caller.account.private_key_file),
        "region": caller.config["region"],
    }


def _command(official: Mapping[str, Path] | None, name: str) -> list[str]:
    if official is None:
        return [sys.executable, "-m", "standins", name]
    return [str(official[name])]


@contextmanager
def _process(command: Sequence[str], overrides: str, working: Path) -> Iterator[Plug]:
    """Run a plugin: it gets the engine's address, and prints its own port."""
    engine = grpc.server(futures.ThreadPoolExecutor(4))
    engine_pb2_grpc.add_EngineServicer_to_server(_Engine(), engine)
    address = f"127.0.0.1:{engine.add_insecure_port('127.0.0.1:0')}"
    engine.start()
    env = {
        **os.environ,
        "CLIENT_HOST_OVERRIDES": overrides,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    options = [("grpc.max_receive_message_length", _MESSAGE_BYTES)]
    with subprocess.Popen(
        [*command, address],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=env,
        cwd=working,
    ) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port, f"{command[0]} ended without printing a port"
            with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
                yield Plug(provider_pb2_grpc.ResourceProviderStub(channel))
        finally:
            process.terminate()
            engine.stop(None).wait()
