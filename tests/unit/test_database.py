"""The service's database, from the configuration to the container."""

import ssl
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

import settings
from components.backup import Bucket
from settings.problems import ConfigurationError
from tests.unit.conftest import Program, Recording
from tests.unit.examples import SCHEMA, configuration

Up = Callable[[Program], Recording]
URL = "postgresql://auth:hunter2-and-more@db.example.com:5433/accounts"


def parse(**changes: str | None) -> settings.Settings:
    return settings.parse(configuration(**changes), schema=SCHEMA, encrypted=lambda _: True)


def refusal(**changes: str | None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse(**changes)
    message = " ".join(str(caught.value).split())
    assert "hunter2" not in message, "a refusal shows the password"
    return message


def url_of(up: Up, **changes: str) -> str:
    """Return the URL that the service gets; fail if it is no secret."""
    urls: list[str] = []

    def program() -> None:
        url = parse(database="postgresql", **changes).database.secrets["AUTH_DATABASE_URL"]
        assert isinstance(url, pulumi.Output)
        url.apply(urls.append)
        is_secret: Any = url.is_secret()
        pulumi.Output.from_input(is_secret).apply(lambda secret: urls.append(str(secret)))

    up(program)
    assert "True" in urls, "the URL has a password"
    return next(url for url in urls if url != "True")


def test_without_a_key_the_database_is_sqlite_and_the_bucket_has_its_copies() -> None:
    whole = parse()

    assert whole.database.secrets == {}
    assert whole.copies_bucket.name == "auth-backup"
    assert whole.database.title == "SQLite on the data volume"


def test_a_server_is_always_verified_by_the_public_cas(up: Up) -> None:
    whole = parse(database="postgresql", databaseUrl=f"{URL}\n")

    assert url_of(up, databaseUrl=f"{URL}\n") == (
        f"{URL}?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt"
    )
    assert whole.copies_bucket == Bucket(), "no file is there to copy"
    assert whole.database.title == "PostgreSQL at db.example.com:5433/accounts"


def test_a_ca_of_your_own_is_a_file_beside_the_url(up: Up) -> None:
    roots = ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt")
    ca = ssl.DER_cert_to_PEM_cert(roots.get_ca_certs(binary_form=True)[0]).strip()
    whole = parse(database="postgresql", databaseUrl=URL, databaseCa=ca)

    assert whole.database.secrets["AUTH_DATABASE_CA"] == f"{ca}\n"
    url = url_of(up, databaseUrl=URL, databaseCa=ca)
    assert url.endswith("?sslmode=verify-full&sslrootcert=/run/secrets/AUTH_DATABASE_CA")


def test_the_forms_of_hosters_are_taken(up: Up) -> None:
    url = "postgres://auth:hunter2%2Fa@db.test/auth?sslmode=verify-full&channel_binding=require"

    assert url_of(up, databaseUrl=url).startswith(
        "postgresql://auth:hunter2%2Fa@db.test/auth?sslmode=verify-full&channel_binding=require&"
    )


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("mysql://auth:hunter2@db.test/auth", "must look like postgresql://USER:PASSWORD@HOST"),
        ("postgresql://auth:hunter2/x@db.test/auth", "written as %2F"),
        ("postgresql://auth:hunter2@db.test:port/auth", "must look like"),
        ("postgresql://auth:hunter2@/auth?host=db.test", "must look like"),
        ("postgresql://auth:hunter2@localhost/auth", "the container's own loopback"),
        ("postgresql://auth:hunter2@127.0.0.1/auth", "the container's own loopback"),
        ("postgresql://auth@db.test/auth", "must have a user and a password"),
        ("postgresql://auth:hunter2@db.test", "must name a database"),
        ("postgresql://auth:hunter2@db.test/auth#x", "must have no #"),
        ("postgresql://auth:hunter2@db.test/auth?sslmode=require", "has sslmode=require"),
        ("postgresql://auth:hunter2@db.test/auth?sslrootcert=/x", "has sslrootcert, which"),
        ("postgresql://auth:hunter2@db.test/auth?hostaddr=192.0.2.1", "has hostaddr, which"),
    ],
)
def test_a_url_that_the_service_could_not_use_safely_is_refused(url: str, rule: str) -> None:
    message = refusal(database="postgresql", databaseUrl=url)

    assert rule in message
    assert "pulumi config set --secret auth:databaseUrl < FILE" in message


def test_sqlite_takes_no_url() -> None:
    message = refusal(databaseUrl=URL)
    assert "auth:databaseUrl is set, and auth:database is sqlite" in message
    assert "pulumi config rm auth:databaseUrl" in message
    assert "make move-database TO=postgresql" in message
    assert parse(databaseUrl=URL, maintenance="true").database.secrets == {}, "during a move"
    assert "must be sqlite or postgresql" in refusal(database="mysql")


@pytest.mark.parametrize("key", ["serviceSettings", "serviceSecrets"])
def test_the_url_has_one_way_in(key: str) -> None:
    message = refusal(**{key: '{"AUTH_DATABASE_URL": "postgresql://auth:hunter2@db.test/auth"}'})

    assert "AUTH_DATABASE_URL is set by this program, from auth:databaseUrl" in message
