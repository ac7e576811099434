"""What must run on the server, said once; the release tool there makes it so."""

import json
from dataclasses import dataclass

import pulumi
from pulumi_command import remote

from components import commands
from components.image import Registry
from components.server import Server


@dataclass(frozen=True, kw_only=True)
class Health:
    """When a new release may take over: `path` answers 200 for `stable_seconds` on end."""

    path: str = "/readyz"
    deadline_seconds: int = 60
    stable_seconds: int = 2


@dataclass(frozen=True, kw_only=True)
class Limits:
    memory: str = "512m"
    cpus: str = "1"
    pids: int = 256


@dataclass(frozen=True, kw_only=True)
class ReleaseArgs:
    server: Server
    image: pulumi.Input[str]  # by digest: a tag can move without this input changing
    registry: Registry
    port: int
    site: str  # what the reverse proxy answers to: a DNS name, or :80
    environment: dict[str, pulumi.Input[str]]
    # become files in the container, each named to it by the variable NAME_FILE
    secrets: dict[str, pulumi.Input[str]]
    uid: int  # whom the container runs as, and owns its secrets and data
    health: Health = Health()
    limits: Limits = Limits()
    drain_seconds: int = 30
    stop_seconds: int = 15
    keep: int = 5

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:  # noqa: PLR2004 - the range of TCP ports
            raise ValueError(f"a container's port is from 1 to 65535, not {self.port}")


class Release(pulumi.ComponentResource):
    """One service on one server, replaced beside the running one without a lost request.

    The desired state goes over stdin, secret because parts of it are. No `triggers`: they replace,
    and a replacement starts before the old one's end. No `delete`: the VM takes its containers
    with it.
    """

    number: pulumi.Output[int]

    def __init__(
        self, name: str, args: ReleaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auth:release:Release", name, None, opts)
        applied = remote.Command(
            f"{name}-release",
            connection=args.server.connection,
            create=commands.release(),
            stdin=desired_state(name, args),
            add_previous_output_in_env=False,
            # progress is for people, on stderr; the result is one line of JSON on stdout
            logging=remote.Logging.STDERR,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.number = applied.stdout.apply(release_number)
        self.register_outputs({"number": self.number})


def desired_state(name: str, args: ReleaseArgs) -> pulumi.Output[str]:
    """Render the document that `auth-release apply` reads; host/release.py has its schema."""
    return pulumi.Output.json_dumps(
        {
            "service": name,
            "disk": args.server.disk,
            "image": args.image,
            "registry": {
                "server": args.registry.server,
                "username": args.registry.username,
                "password": args.registry.password,
            },
            "port": args.port,
            "site": args.site,
            "environment": args.environment,
            "secrets": args.secrets,
            "uid": args.uid,
            "health": vars(args.health),
            "limits": vars(args.limits),
            "drain_seconds": args.drain_seconds,
            "stop_seconds": args.stop_seconds,
            "keep": args.keep,
        },
        sort_keys=True,
    )


def release_number(stdout: str) -> int:
    """Read the release's number from the tool's result, the last line of its stdout."""
    return int(json.loads(stdout.splitlines()[-1])["release"])
