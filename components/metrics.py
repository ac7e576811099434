"""The metrics of a server: a reporter on it, which posts them to Oracle Monitoring."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_command import remote

from components import commands
from components.release import Release
from components.server import Server
from host.auth_release.monitoring import NAMESPACE


@dataclass(frozen=True, kw_only=True)
class MetricsKey:
    """An API key of a user who may post metrics of our namespace alone; empty: no reports."""

    endpoint: str = ""
    tenancy: str = ""
    user: str = ""
    fingerprint: str = ""
    private_key: pulumi.Output[str] | str = ""


@dataclass(frozen=True, kw_only=True)
class MetricsArgs:
    """A server, the compartment of its metrics, and the key that posts them."""

    server: Server
    release: Release  # whose service is measured
    compartment_id: str
    key: MetricsKey


class Metrics(pulumi.ComponentResource):
    """The settings of the reporter on the server; they travel by stdin, with the key.

    Without a key the command ends the reports, if there were any.
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
        if not key.user:
            return json.dumps({"disk": known["disk"]})
        document = {
            "disk": known["disk"],
            "endpoint": key.endpoint,
            "tenancy": key.tenancy,
            "user": key.user,
            "fingerprint": key.fingerprint,
            "compartment": args.compartment_id,
            "namespace": NAMESPACE,
            "dimensions": dimensions(server),
            "private_key": known["private_key"],
        }
        return json.dumps(document, sort_keys=True)

    private_key = pulumi.Output.secret(args.key.private_key)
    return pulumi.Output.all(disk=args.server.disk, private_key=private_key).apply(render)
