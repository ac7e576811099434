"""What must run on the server, said once; the release tool there makes it so."""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_command import remote

from components import commands, summary
from components.image import Registry
from components.observation import NOTHING, Observation
from components.server import Server
from host.auth_release.desired import (
    Canary,
    Desired,
    Health,
    Hooks,
    Limits,
    Maintenance,
)
from host.auth_release.desired import Registry as Login
from host.auth_release.errors import ReleaseError
from host.auth_release.failures import reason


@dataclass(frozen=True, kw_only=True)
class ReleaseArgs:
    server: Server
    service: str = ""  # its name on the server; empty: the component's
    image: pulumi.Input[str]  # by digest: a tag can move without this input changing
    revision: str  # of the sources that the image is built from
    registry: Registry
    port: int
    site: str  # what the reverse proxy answers to: a DNS name, or :80
    environment: dict[str, pulumi.Input[str]]
    # become files in the container, each named to it by the variable NAME_FILE
    secrets: dict[str, pulumi.Input[str]]
    uid: int  # whom the container runs as, and owns its secrets and data
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
    """One service on one server, replaced beside the running one without a lost request.

    The desired state goes over stdin, secret because parts of it are. No `triggers`: they replace,
    and a replacement starts before the old one's end. No `delete`: the VM takes its containers
    with it.

    The number of the release is planned from what the server says: what was changed there by hand,
    or rolled back, becomes another number and so a difference that a preview shows.
    """

    number: pulumi.Output[int]

    def __init__(
        self, name: str, args: ReleaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # inputs of the component itself are there to be read: a preview shows how they change
        super().__init__("auth:release:Release", name, summarized(args), opts)
        service = args.service or name
        desired = desired_state(service, args)
        applied = remote.Command(
            f"{name}-release",
            connection=args.server.connection,
            create=self._planned(service, args.server, desired).apply(commands.release),
            stdin=desired,
            add_previous_output_in_env=False,
            # progress is for people, on stderr; the result is one line of JSON on stdout
            logging=remote.Logging.STDERR,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.number = applied.stdout.apply(release_number)
        self.register_outputs({"number": self.number})

    def _planned(
        self, service: str, server: Server, desired: pulumi.Output[str]
    ) -> pulumi.Output[int | None]:
        """Plan the release's number; None if the server can't be asked."""

        def plan(known: dict[str, Any]) -> int | None:
            if known["seen"] is None:
                return None
            seen = known["seen"].get(service, NOTHING)
            number, reason = planned_number(seen, Desired.parse(known["desired"]))
            if reason:
                pulumi.log.warn(reason, self)
            return number

        return pulumi.Output.unsecret(
            pulumi.Output.all(seen=server.seen, desired=desired).apply(plan)
        )


def planned_number(seen: Observation, desired: Desired) -> tuple[int, str]:
    """Give the number of the release that will run, and why it is a new one if that is not plain.

    It is the live one's if that runs what is desired, as it was made; else the next.
    """
    if seen.live is None:
        # requests are led to a release whose record the tool there can't read
        repair = f"A new release takes over, as {'; '.join(seen.differs)}."
        return seen.next, repair if seen.differs else ""
    live = int(seen.live["release"])
    if seen.differs:
        return seen.next, f"Release {live} needs repair: {'; '.join(seen.differs)}."
    if seen.live["fingerprint"] == desired.fingerprint:
        return live, ""
    if seen.live["note"].startswith("rollback"):
        told = f"{seen.live['note']}, by {seen.live['by']} at {seen.live['at']}"
        return seen.next, f"Release {live} is live ({told}); this takes its place again."
    return seen.next, ""


def desired_state(service: str, args: ReleaseArgs) -> pulumi.Output[str]:
    """Render the document that `auth-release apply` reads: host/auth_release/desired.py."""

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
            site=args.site,
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
        password=args.registry.pull.password,
        environment=args.environment,
        secrets=args.secrets,
    ).apply(render)


def summarized(args: ReleaseArgs) -> dict[str, pulumi.Input[object]]:
    """Say without a secret what is released; of each variable, only whether its value changed."""
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
    """Refuse here what the server would refuse, so that a preview tells it."""
    try:
        Desired.parse(document)
    except ReleaseError as error:
        raise pulumi.RunError(reason(error)) from None
    return document


def release_number(stdout: str) -> int:
    """Read the release's number from the tool's result, the last line of its stdout."""
    return int(json.loads(stdout.rstrip("\n").rpartition("\n")[2])["release"])
