"""The metrics of a server, and its log: a reporter on it, for Oracle and a metrics store there."""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

import pulumi
from pulumi_command import remote

from components import commands
from components.image import Registry
from components.release import Release
from components.server import Server
from host.auth_release.monitoring import NAMESPACE, Log

_STORE = commands.HOST_FILES / "metrics-store" / "Dockerfile"


@dataclass(frozen=True, kw_only=True)
class MetricsKey:
    """An API key of a user who may only post metrics of our namespace, and entries of our log.

    Empty: no reports.
    """

    endpoint: str = ""
    tenancy: str = ""
    user: str = ""
    fingerprint: str = ""
    private_key: pulumi.Output[str] | str = ""


@dataclass(frozen=True, kw_only=True)
class MetricsStore:
    """The store on the server, for `make dashboard`.

    `image`, NAME@sha256:…, has the program of VictoriaMetrics; empty: the pinned official image.
    The login of `registry` is used if the image is there.
    """

    image: str = ""
    registry: Registry


@dataclass(frozen=True, kw_only=True)
class MetricsArgs:
    """A server, the compartment of its metrics, and their receivers."""

    server: Server
    release: Release  # whose service is measured
    compartment_id: str
    key: MetricsKey  # posts them to Oracle Monitoring, and the lines of the log to Oracle Logging
    store: MetricsStore | None = None  # keeps them on the server
    log: Log | None = None  # gets the lines of the server's log; None: they stay there alone


class Metrics(pulumi.ComponentResource):
    """The settings of the reporter and the store on the server; they travel by stdin, with the key.

    Without a key or a store the command ends the reports, if there were any.
    """

    def __init__(
        self, name: str, args: MetricsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auth:metrics:Metrics", name, None, opts)
        remote.Command(
            f"{name}-metrics",
            connection=args.server.connection,
            create=commands.configure_metrics(),
            stdin=settings_document(name, args),
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.release]),
        )
        self.register_outputs({})


def dimensions(server: str) -> dict[str, str]:
    """Return the dimensions of all metrics of a server: stacks may share a compartment."""
    return {"stack": pulumi.get_stack(), "server": server}


def settings_document(server: str, args: MetricsArgs) -> pulumi.Output[str]:
    """Return the document for `auth-release configure-metrics`: host/auth_release/reporter.py."""

    def render(known: dict[str, Any]) -> str:
        key = args.key
        document = {"disk": known["disk"]}
        if args.store:
            document["store"] = _store(args.store, known["pull_password"])
        if key.user:
            document |= {
                "endpoint": key.endpoint,
                "tenancy": key.tenancy,
                "user": key.user,
                "fingerprint": key.fingerprint,
                "compartment": args.compartment_id,
                "namespace": NAMESPACE,
                "dimensions": dimensions(server),
                "private_key": known["private_key"],
            }
        if args.log:
            document["log"] = asdict(args.log)
        return json.dumps(document, sort_keys=True)

    return pulumi.Output.all(
        disk=args.server.disk,
        private_key=pulumi.Output.secret(args.key.private_key),
        pull_password=args.store.registry.pull.password if args.store else "",
    ).apply(render)


def official_store() -> str:
    """Return the pinned official image of the store."""
    (name, digest) = re.findall(r"^FROM (\S+):[^:@]+@(\S+)$", _STORE.read_text(), re.MULTILINE)[0]
    return f"{name}@{digest}"


def _store(store: MetricsStore, pull_password: str) -> dict[str, str]:
    """Return the document of host/auth_release/metrics_store.py."""
    image = store.image or official_store()
    if image.partition("/")[0] != store.registry.server:
        return {"image": image}
    return {"image": image, "username": store.registry.pull.username, "password": pull_password}
