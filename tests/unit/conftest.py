"""A recording engine: it runs a program on mocks and returns all its resources."""

import asyncio
import atexit
import gc
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks
from pulumi.runtime.mocks import MockMonitor

from components import attempts, banner, host_key, observed_state, observed_workload, person
from components.observed_state import ObservedState
from tests.unit.examples import configuration

Registered = dict[str, MockResourceArgs]
Program = Callable[[], object]
PROGRAM = Path(__file__).parents[2] / "__main__.py"

OUTPUTS: Mapping[str, Mapping[str, Any]] = {
    "oci:Core/vcn:Vcn": {"defaultRouteTableId": "routes", "defaultSecurityListId": "rules"},
    "oci:Core/instance:Instance": {
        "bootVolumeId": "ocid1.bootvolume.oc1..disk",
        "privateIp": "10.0.1.2",
    },
    "oci:Core/publicIp:PublicIp": {"ipAddress": "192.0.2.7"},
    "docker:index/image:Image": {"repoDigest": f"registry.test/auth@sha256:{'a' * 64}"},
    "command:remote/command:Command": {"stdout": '{"release": 7}'},
    "command:remote:Command": {"stdout": '{"release": 7}'},
}
CALLS: Mapping[str, Mapping[str, Any]] = {
    "oci:Identity/getAvailabilityDomains:getAvailabilityDomains": {
        "availabilityDomains": [{"name": "AD-1"}, {"name": "AD-2"}]
    },
    "oci:Core/getImages:getImages": {"images": [{"id": "newest"}, {"id": "older"}]},
    "oci:Core/getVnicAttachments:getVnicAttachments": {
        "vnicAttachments": [{"vnicId": "vnic", "state": "ATTACHED"}]
    },
    "oci:Core/getPublicIp:getPublicIp": {"assignedEntityId": "private-ip", "state": "ASSIGNED"},
    "oci:Core/getPrivateIps:getPrivateIps": {
        "privateIps": [{"id": "private-ip", "vnicId": "vnic", "isPrimary": True}]
    },
    "oci:Psql/getDbSystemConnectionDetail:getDbSystemConnectionDetail": {
        "caCertificate": "-----BEGIN CERTIFICATE-----\nof Oracle\n-----END CERTIFICATE-----\n",
        "primaryDbEndpoints": [
            {"fqdn": "primary.test.postgresql.example", "ipAddress": "10.0.2.2", "port": 5432}
        ],
    },
}


class Engine(Mocks):
    """Record the registered resources; a call of an unknown provider function is a failure."""

    def __init__(self) -> None:
        self.registered: Registered = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        key = f"{args.typ} {args.name}"
        assert key not in self.registered, f"two resources are called {key}"
        self.registered[key] = args
        return f"{args.name}-id", {**args.inputs, **OUTPUTS.get(args.typ, {})}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        assert args.token in CALLS, f"unplanned provider call: {args.token}"
        self.calls.append((args.token, dict(args.args)))
        return {"id": "call", **args.args, **CALLS[args.token]}, []


class Monitor(MockMonitor):
    """Record the dependencies and the options of each resource, which `Mocks` does not get."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.awaited: dict[str, set[str]] = {}
        self.protected: set[str] = set()
        self.ignored: dict[str, set[str]] = {}
        self.retained: set[str] = set()
        self.hooks: dict[str, list[str]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        names = {str(urn).rpartition("::")[2] for urn in request.dependencies}
        self.awaited[request.name] = names
        self.ignored[request.name] = set(request.ignoreChanges)
        self.hooks[request.name] = [*request.hooks.after_create, *request.hooks.after_update]
        if request.protect:
            self.protected.add(request.name)
        if request.retainOnDelete:
            self.retained.add(request.name)
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


class Recording:
    """The registered resources, by their name without the type."""

    def __init__(self, engine: Engine, monitor: Monitor) -> None:
        self.registered = engine.registered
        self.calls = engine.calls
        self.awaited = monitor.awaited  # names of dependencies, by the name of a resource
        self.protected = monitor.protected
        self.ignored = monitor.ignored  # paths of ignored changes, by the name of a resource
        self.retained = monitor.retained  # in the cloud, after the resource left the program
        self.hooks = monitor.hooks  # names of those after a create or an update, by resource
        self.urns = {*monitor.resources}

    def __getitem__(self, name: str) -> dict[str, Any]:
        matches = [args for key, args in self.registered.items() if key.endswith(f" {name}")]
        assert len(matches) == 1, f"{len(matches)} are called {name}: {sorted(self.names)}"
        return dict(matches[0].inputs)

    @property
    def names(self) -> set[str]:
        return {key.partition(" ")[2] for key in self.registered}

    def calls_of(self, token: str) -> list[dict[str, Any]]:
        """Return the arguments of each call of a provider's function."""
        return [arguments for called, arguments in self.calls if called == token]

    def of_type(self, token: str) -> list[dict[str, Any]]:
        return [dict(args.inputs) for args in self.registered.values() if args.typ == token]


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep unit tests away from servers and clusters: nothing is live on any."""

    async def read(**_: object) -> dict[str, ObservedState]:
        await asyncio.sleep(0)
        return {}

    async def read_cluster(*_: object) -> None:
        await asyncio.sleep(0)

    async def read_jobs(*_: object) -> list[object]:
        await asyncio.sleep(0)
        return []

    async def check(*_: object) -> bool:
        await asyncio.sleep(0)
        return True

    async def wait(*_: object) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(observed_state, "read", read)
    monkeypatch.setattr(observed_workload, "read", read_cluster)
    monkeypatch.setattr(attempts, "read", read_jobs)
    monkeypatch.setattr(host_key, "check", check)
    monkeypatch.setattr(banner, "wait", wait)


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the person at this machine out of the commands."""
    monkeypatch.setattr(person, "current", lambda: "")


@pytest.fixture(name="up")
def _up() -> Callable[[Program], Recording]:
    """Run a program to its end, and return the registered resources."""

    def up(program: Program) -> Recording:
        engine = Engine()
        monitor = Monitor(engine)
        pulumi.runtime.set_mocks(
            engine, project="auth", stack="test", preview=False, monitor=monitor
        )

        def run() -> None:
            program()

        pulumi.runtime.test(run)()  # type: ignore[no-untyped-call]
        return Recording(engine, monitor)

    return up


def plain(value: object) -> object:
    """Return the value inside the engine's wrapping of a secret; fail without the wrapping."""
    assert isinstance(value, dict), "this should travel as a secret"
    assert value.get("4dabf18193072939515e22adb298388d"), "this should travel as a secret"
    return value["value"]


@pytest.fixture(name="program")
def _program(monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    monkeypatch.setattr(pulumi.runtime.config, "is_config_secret", lambda _: True)

    def program(path: Path = PROGRAM, **changes: str | None) -> None:
        own = {"two-services:notes": "notes.test", "two-services:writerKey": "key"}
        values = configuration(**{"domain": "auth.test", **changes})
        pulumi.runtime.set_all_config({**values, **own})
        try:
            runpy.run_path(str(path), run_name="program")
        finally:
            pulumi.runtime.set_all_config({})
            # no_collection is for a program of some seconds, and a test session is longer
            gc.enable()
            atexit.unregister(gc.freeze)

    return program
