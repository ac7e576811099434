"""The process: its start, its refusals, its end."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from auth.settings import Settings, SettingsError, problems
from running import ISSUER, NO_TLS, SERVICE, Server, free_port, modules_with
from users import User


def in_flight(client: httpx.Client) -> int:
    """Return the number of requests that are being answered, without this question."""
    gauge = re.search(
        r"^auth_http_requests_in_flight (\d+)", client.get("/metrics").text, re.MULTILINE
    )
    assert gauge
    return int(gauge.group(1)) - 1


def test_sigterm_turns_readiness_off_finishes_open_requests_and_exits_0(
    on_sqlite: Server,
) -> None:
    on_sqlite.settings = {
        "AUTH_HASHING_WORKERS": "1",
        "AUTH_HASHING_QUEUE": "64",
        "AUTH_DRAIN_SECONDS": "1",
    }
    on_sqlite.start()
    answers: list[int] = []

    def register(number: int) -> None:
        credentials = {"email": f"{number}@example.test", "password": "correct horse"}
        answers.append(
            httpx.post(
                f"{on_sqlite.url}/v1/auth/register", json=credentials, timeout=30
            ).status_code
        )

    requests = [threading.Thread(target=register, args=(number,)) for number in range(20)]
    with httpx.Client(base_url=on_sqlite.url, timeout=10) as client:
        for request in requests:
            request.start()
        deadline = time.monotonic() + 20
        while len(answers) + in_flight(client) < len(requests):
            assert time.monotonic() < deadline, "the requests did not begin"
            time.sleep(0.01)
        assert on_sqlite.process is not None
        on_sqlite.process.send_signal(signal.SIGTERM)
        status, deadline = 200, time.monotonic() + 5
        while status == httpx.codes.OK and time.monotonic() < deadline:
            status = client.get("/readyz").status_code
    for request in requests:
        request.join(timeout=30)

    assert status == 503, "readiness did not turn before the end"
    assert answers == [201] * len(requests)
    assert on_sqlite.process.wait(timeout=30) == 0


def test_a_process_that_drains_sends_the_clients_of_open_connections_elsewhere(
    on_sqlite: Server,
) -> None:
    """Else a load balancer would send the next request down a connection that is about to end."""
    on_sqlite.settings = {"AUTH_DRAIN_SECONDS": "3"}
    on_sqlite.start()
    assert on_sqlite.process is not None
    with httpx.Client(base_url=on_sqlite.url, timeout=10, verify=NO_TLS) as client:
        before = client.get("/healthz")
        on_sqlite.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 3
        while (after := client.get("/healthz")).headers.get("connection") != "close":
            assert time.monotonic() < deadline, "connections stay open until the end"
            time.sleep(0.05)

    assert "connection" not in before.headers
    assert after.status_code == 200
    assert on_sqlite.process.wait(timeout=30) == 0


def test_accounts_outlive_the_process(own_server: Server) -> None:
    credentials = {"email": "ada@example.test", "password": "correct horse"}
    own_server.start()
    httpx.post(f"{own_server.url}/v1/auth/register", json=credentials)
    own_server.stop()
    own_server.start()

    assert httpx.post(f"{own_server.url}/v1/auth/login", json=credentials).status_code == 200


def test_a_process_that_made_its_database_keeps_no_memory_for_that(own_server: Server) -> None:
    own_server.start()
    first = own_server.memory_mb("VmRSS")
    own_server.stop()
    own_server.start()

    assert first < own_server.memory_mb("VmRSS") + 4, "alembic takes 8 MB"


def test_a_registration_leaves_little_behind_in_memory(on_sqlite: Server) -> None:
    on_sqlite.start()
    before = on_sqlite.memory_mb("VmRSS")
    with httpx.Client(base_url=on_sqlite.url) as client:
        User.signed_in(client)

    assert on_sqlite.memory_mb("VmRSS") < before + 4, "the list of common passwords takes 7 MB"


def test_two_processes_share_one_database_as_during_a_release(own_server: Server) -> None:
    own_server.start()
    other = Server(data=own_server.data, key=own_server.key, database=own_server.database)
    other.start()
    try:
        for number in range(10):
            credentials = {"email": f"{number}@example.test", "password": "correct horse"}
            made, asked = (own_server, other) if number % 2 else (other, own_server)
            assert httpx.post(f"{made.url}/v1/auth/register", json=credentials).status_code == 201
            assert httpx.post(f"{asked.url}/v1/auth/login", json=credentials).status_code == 200
    finally:
        other.stop()


def test_logins_beyond_the_queue_get_a_time_to_come_back(on_sqlite: Server) -> None:
    on_sqlite.settings = {"AUTH_HASHING_WORKERS": "1", "AUTH_HASHING_QUEUE": "1"}
    on_sqlite.start()
    answers: list[httpx.Response] = []

    def log_in(number: int) -> None:
        # an address for each, as wrong passwords for the same would lock it
        credentials = {"email": f"{number}@example.test", "password": "correct horse"}
        answers.append(client.post("/v1/auth/login", json=credentials))

    requests = [threading.Thread(target=log_in, args=(number,)) for number in range(60)]
    with httpx.Client(base_url=on_sqlite.url, timeout=30, verify=NO_TLS) as client:
        for request in requests:
            request.start()
        for request in requests:
            request.join(timeout=30)

    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(answers) == len(requests)
    assert refused, "nothing was refused"
    assert all(answer.headers["Retry-After"] == "1" for answer in refused)
    assert {answer.status_code for answer in answers} <= {401, 503}


def start(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "auth"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SERVICE), **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_start_without_settings_names_every_missing_setting_and_exits_2() -> None:
    ended = start()

    assert ended.returncode == 2
    assert "AUTH_SIGNING_KEY is not set" in ended.stderr
    assert "AUTH_ISSUER is not set" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTH_SIGNING_KEY", "changeme-hunter2"),
        ("AUTH_SIGNING_KEY", "-----BEGIN PUBLIC KEY-----hunter2"),
        ("AUTH_ISSUER", "auth.example.test/hunter2"),
        ("AUTH_PORT", "hunter2"),
        ("AUTH_PORT", "0"),
        ("AUTH_ENVIRONMENT", "hunter2"),
        ("AUTH_ACCESS_TOKEN_SECONDS", "86400"),
        ("AUTH_ACCESS_TOKEN_SECONDS", "9" * 5000),
        ("AUTH_ISSUER", "https://auth.example.test/?hunter2"),
        ("AUTH_ISSUER", "https://auth.example.test?"),
        ("AUTH_ISSUER", "https://auth.example.test/#hunter2"),
        ("AUTH_ISSUER", "https://auth.example.test/hunter2"),
        ("AUTH_ISSUER", "http://[hunter2"),
        ("AUTH_ISSUER", "http://hunter2:port"),
        ("AUTH_ISSUER", "http://a\x1bhunter2"),
        ("AUTH_VERIFY_URL", "http://[hunter2{token}"),
        ("AUTH_DATABASE_URL", "mysql://hunter2"),
    ],
)
def test_an_invalid_setting_is_named_and_not_shown(key: str, name: str, value: str) -> None:
    environment = {"AUTH_SIGNING_KEY": key, "AUTH_ISSUER": ISSUER, name: value}

    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environment)

    assert name in str(caught.value)
    assert "hunter2" not in str(caught.value)


def with_mail_password(password: str, key: str) -> Settings:
    return Settings.from_environment(
        {
            "AUTH_SIGNING_KEY": key,
            "AUTH_ISSUER": ISSUER,
            "AUTH_SMTP_HOST": "smtp.example.test",
            "AUTH_SMTP_USERNAME": "relay",
            "AUTH_SMTP_PASSWORD": password,
        }
    )


@pytest.mark.parametrize(
    "password", ["relay-Secret-2024", "for-example-7!", "my secret garden 12", "todo-Mondays-9xxx"]
)
def test_a_real_password_may_hold_a_word_that_placeholders_are_made_of(
    password: str, key: str
) -> None:
    assert with_mail_password(password, key).mail.password == password


@pytest.mark.parametrize(
    "password", ["changeme", "CHANGE_ME!", "<password>", "your-password-here", "xxxxxx", "secret"]
)
def test_a_placeholder_is_refused_as_a_password(password: str, key: str) -> None:
    with pytest.raises(SettingsError, match="AUTH_SMTP_PASSWORD is a placeholder"):
        with_mail_password(password, key)


def test_a_database_password_may_hold_a_word_that_placeholders_are_made_of(key: str) -> None:
    url = "postgresql://auth:relay-Secret-2024@db.example.test/auth"

    assert Settings.from_environment(
        {"AUTH_SIGNING_KEY": key, "AUTH_ISSUER": ISSUER, "AUTH_DATABASE_URL": url}
    )


def test_a_secret_file_that_can_not_be_read_is_named() -> None:
    with pytest.raises(SettingsError, match="AUTH_SIGNING_KEY_FILE can't be read"):
        Settings.from_environment({"AUTH_SIGNING_KEY_FILE": "/nowhere/key", "AUTH_ISSUER": ISSUER})


def test_an_invalid_signing_key_ends_the_start_with_one_message(tmp_path: Path) -> None:
    text = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"

    ended = start(AUTH_SIGNING_KEY=text, AUTH_ISSUER=ISSUER, AUTH_DATA_DIR=str(tmp_path))

    assert ended.returncode == 2
    assert "AUTH_SIGNING_KEY" in ended.stderr
    assert "hunter2" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_taken_port_ends_the_start_with_one_message(key: str, tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as other:  # noqa: S104 - the service's own address
        port = other.getsockname()[1]
        ended = start(
            AUTH_SIGNING_KEY=key,
            AUTH_ISSUER=ISSUER,
            AUTH_DATA_DIR=str(tmp_path),
            AUTH_PORT=str(port),
        )

    assert ended.returncode == 2
    assert ended.stderr == (
        f"The service can't start:\n  AUTH_PORT is {port}, and can't be listened on: "
        "Address already in use.\n"
    )
    assert ended.stdout == ""


@pytest.mark.parametrize("url", ["", "postgresql://ada:hunter2@127.0.0.1:1/auth"])
def test_a_database_that_can_not_be_used_ends_the_start_with_one_message(
    key: str, tmp_path: Path, url: str
) -> None:
    ended = start(
        AUTH_SIGNING_KEY=key,
        AUTH_ISSUER=ISSUER,
        AUTH_DATA_DIR=str(tmp_path / "nowhere"),
        AUTH_DATABASE_URL=url or f"sqlite:///{tmp_path}/nowhere/auth.sqlite",
        AUTH_PORT=str(free_port()),
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith("The database can't be used: ")
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr


def test_a_check_before_the_start_lists_every_problem_and_reads_no_file() -> None:
    listed = problems(
        {
            "AUTH_ISSUER": ISSUER,
            "AUTH_SIGNING_KEY_FILE": "/nowhere/key",
            "AUTH_SMTP_USERNAME": "ada",
            "AUTH_SMTP_PASSWORD_FILE": "/nowhere/password",
            "AUTH_LOCKOUT_AFTR": "3",
            "AUTH_DRAIN_SECONDS": "many",
            "PATH": "/bin",
        }
    )

    assert listed == [
        "AUTH_DRAIN_SECONDS must be a whole number from 0 to 60.",
        "AUTH_LOCKOUT_AFTR is not a setting of the service. Did you mean AUTH_LOCKOUT_AFTER?",
    ]


def test_the_settings_are_checked_without_slow_imports() -> None:
    """The Pulumi program runs this check in every preview."""
    loaded = {name.partition(".")[0] for name in modules_with("auth.settings")}

    assert "auth" in loaded
    for heavy in ("sqlalchemy", "starlette", "fastapi", "joserfc", "cryptography"):
        assert heavy not in loaded


def test_the_service_and_its_migrations_import_no_package_that_the_image_lacks() -> None:
    loaded = modules_with("auth.commands, auth.storage.postgres, alembic.command")

    lacked = ("sqlalchemy.orm", "sqlalchemy.testing", "alembic.testing", "dns")
    assert [name for name in loaded if name.startswith(lacked)] == []


def test_big_modules_that_the_service_seldom_needs_wait_for_their_first_use() -> None:
    loaded = {name.partition(".")[0] for name in modules_with("auth.commands")}

    seldom = {"alembic", "cbor2", "cffi", "google", "psycopg", "pycparser", "requests", "webauthn"}
    assert loaded & seldom == set()


def test_the_settings_do_not_show_their_secrets(key: str) -> None:
    settings = Settings.from_environment({"AUTH_SIGNING_KEY": key, "AUTH_ISSUER": ISSUER})

    assert "PRIVATE" not in repr(settings)
