"""A release: the desired state of a service, and the command that brings it to the server."""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_command import remote

from components import commands, person, summary
from components.image import Registry
from components.observed_state import NEVER_RELEASED, ObservedState
from components.server import Server
from host.auth_release.desired import (
    Canary,
    Desired,
    Health,
    Hooks,
    Limits,
    Maintenance,
    Tls,
)
from host.auth_release.desired import Registry as Login
from host.auth_release.errors import ReleaseError
from host.auth_release.failures import reason


@dataclass(frozen=True, kw_only=True)
class ReleaseArgs:
    """The desired state of a service on a server; times in seconds."""

    server: Server
    service: str = ""  # its name on the server; empty: the name of the component
    image: pulumi.Input[str]  # by digest: a tag can move without this input changing
    revision: str  # of the sources that the image is built from
    registry: Registry
    port: int
    site: pulumi.Input[str]  # of the reverse proxy: a DNS name, https://ADDRESS, or :80
    tls: pulumi.Input[Tls] | None = None  # the certificates of a site by HTTPS
    environment: dict[str, pulumi.Input[str]]
    # files in the container, whose paths are in the variables NAME_FILE
    secrets: dict[str, pulumi.Input[str]]
    uid: int  # of the container's processes, and the owner of its secrets and data
    health: Health = field(default_factory=Health)
    limits: Limits = field(default_factory=Limits)
    hooks: Hooks = field(default_factory=Hooks)
    canary: Canary | None = None
    maintenance: Maintenance | None = None
    drain_seconds: float = Desired.drain_seconds
    stop_seconds: int = Desired.stop_seconds
    keep: int = Desired.keep

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:  # noqa: PLR2004 - the range of TCP ports
            raise ValueError(f"a container's port is from 1 to 65535, not {self.port}")


class Release(pulumi.ComponentResource):
    """The release of a service on a server; the new container starts beside the live container.

    The desired state travels by stdin, as a secret because it contains secrets. There are no
    `triggers`: they would replace the resource, and so run its delete after its create. There is no
    `delete`: containers disappear with the VM.

    The number of the release is planned from the observed state: drift or a rollback on the server
    needs a new release, with a new number, which a preview shows as a change.
    """

    number: pulumi.Output[int]

    def __init__(
        self, name: str, args: ReleaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # a component's inputs are for readers: a preview shows their changes
        super().__init__("auth:release:Release", name, summarized(args), opts)
        service = args.service or name
        desired = desired_state(service, args)
        applied = remote.Command(
            f"{name}-release",
            connection=args.server.connection,
            create=self._planned(service, args.server, desired),
            stdin=desired,
            add_previous_output_in_env=False,
            # progress is for people, on stderr; the result is a line of JSON on stdout
            logging=remote.Logging.STDERR,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.number = applied.stdout.apply(release_number)
        self.register_outputs({"number": self.number})

    def _planned(
        self, service: str, server: Server, desired: pulumi.Output[str]
    ) -> pulumi.Output[str]:
        """Plan the command: the release's number, without an answer of the server no number."""

        def plan(known: dict[str, Any]) -> str:
            if known["observed"] is None:
                return commands.release(None, acting_person())
            observed = known["observed"].get(service, NEVER_RELEASED)
            number, reason = planned_number(observed, Desired.parse(known["desired"]))
            if reason:
                pulumi.log.warn(reason, self)
            return commands.release(number, author(observed, number))

        return pulumi.Output.unsecret(
            pulumi.Output.all(observed=server.observed, desired=desired).apply(plan)
        )


def planned_number(observed: ObservedState, desired: Desired) -> tuple[int, str | None]:
    """Return the number of the release that will run, and a reason that a preview should show.

    The live release stays if it has the desired state and no drift; else the next number is taken.
    A changed desired state needs no reason: the preview shows the change itself.
    """
    live, drift = observed.live, "; ".join(observed.drift)
    if live is None:
        # the drift is the reason why the tool can't read the record of the live release
        return observed.next_number, f"A new release takes over, as {drift}." if drift else None
    number = int(live["release"])
    if drift:
        return observed.next_number, f"Release {number} needs repair: {drift}."
    if live["fingerprint"] == desired.fingerprint:
        return number, None
    if failed := observed.went_back:
        return (
            observed.next_number,
            f"Release {failed['release']} failed after it was live ({failed['note']}).",
        )
    if live["note"].startswith("rollback"):
        origin = f"{live['note']}, by {live['by']} at {live['at']}"
        return (
            observed.next_number,
            f"Release {number} is live ({origin}); this takes its place again.",
        )
    return observed.next_number, None


def author(observed: ObservedState, number: int) -> str:
    """Return the person of a planned release: of the live release, the person who made it.

    So the command of an unchanged release stays the same, no matter who runs the program.
    """
    if observed.live and int(observed.live["release"]) == number:
        return str(observed.live.get("person", ""))  # older release tools record no person
    return acting_person()


def acting_person() -> str:
    """Return the person who runs this update; empty in a preview, as another may run the update."""
    return "" if pulumi.runtime.is_dry_run() else person.current()


def desired_state(service: str, args: ReleaseArgs) -> pulumi.Output[str]:
    """Return the document for `auth-release apply`: host/auth_release/desired.py."""

    def render(known: dict[str, Any]) -> str:
        desired = Desired(
            service=service,
            disk=known["disk"],
            image=known["image"],
            revision=args.revision,
            registry=Login(
                server=args.registry.server,
                username=args.registry.pull.username,
                password=known["password"],
            ),
            port=args.port,
            site=known["site"],
            tls=known["tls"],
            environment=known["environment"],
            secrets=known["secrets"],
            uid=args.uid,
            health=args.health,
            limits=args.limits,
            hooks=args.hooks,
            canary=args.canary,
            maintenance=args.maintenance,
            drain_seconds=args.drain_seconds,
            stop_seconds=args.stop_seconds,
            keep=args.keep,
        )
        return checked(json.dumps(desired.document(), sort_keys=True))

    return pulumi.Output.all(
        disk=args.server.disk,
        image=args.image,
        site=args.site,
        tls=args.tls,
        password=args.registry.pull.password,
        environment=args.environment,
        secrets=args.secrets,
    ).apply(render)


def summarized(args: ReleaseArgs) -> dict[str, pulumi.Input[object]]:
    """Return the desired state without secrets: each variable has a mark in its value's place."""
    key = args.server.login_key
    return {
        "image": args.image,
        "revision": args.revision,
        "environment": summary.marks(key, args.environment),
        "secrets": summary.marks(key, args.secrets),
        "settings": {
            "port": args.port,
            "site": args.site,
            "health": dataclasses.asdict(args.health),
            "limits": dataclasses.asdict(args.limits),
            "canary": dataclasses.asdict(args.canary) if args.canary else None,
            "maintenance": args.maintenance is not None,
        },
    }


def checked(document: str) -> str:
    """Return the document; raise RunError, in a preview as well, if the server would refuse it."""
    try:
        Desired.parse(document)
    except ReleaseError as error:
        raise pulumi.RunError(reason(error)) from None
    return document


def release_number(stdout: str) -> int:
    """Return the release's number from the tool's result, the last line of its stdout."""
    return int(json.loads(stdout.rstrip("\n").rpartition("\n")[2])["release"])
