"""The commands that operators run beside the service."""

import re
import time

import httpx
import pytest
from running import Server, free_port
from users import User, token_in


def algorithms(client: httpx.Client) -> list[str]:
    return [key["alg"] for key in client.get("/.well-known/jwks.json").json()["keys"]]


def test_a_new_administrator_sets_a_password_by_the_link(on_sqlite: Server) -> None:
    made = on_sqlite.command("create-admin", "Root@Example.test")
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url) as client:
        root = User(client, "root@example.test")
        body = {"token": token_in(made.stdout), "password": root.password}

        assert client.post("/v1/auth/password/reset", json=body).status_code == 204
        root.sign_in()
        assert root.get("/v1/me").json()["role"] == "admin"


def test_a_new_administrator_gets_the_password_from_stdin(on_sqlite: Server) -> None:
    made = on_sqlite.command(
        "create-admin", "root@example.test", "--password-stdin", stdin="a b c d e\n"
    )
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url) as client:
        assert User(client, "root@example.test", "a b c d e").can_sign_in()
    assert "a b c d e" not in made.stdout + made.stderr


@pytest.mark.parametrize(
    ("email", "password", "reason"),
    [
        ("root", "a b c d e", "That is no e-mail address: "),
        ("root@localhost", "a b c d e", "That is no e-mail address: "),
        ("r@b.test", "password1", "The password is too common: "),
        ("r@b.test", "short", "The password must have 8 to 128 characters."),
    ],
)
def test_an_administrator_without_an_address_or_a_good_password_is_refused(
    on_sqlite: Server, email: str, password: str, reason: str
) -> None:
    ended = on_sqlite.command("create-admin", email, "--password-stdin", stdin=f"{password}\n")

    assert ended.returncode == 2
    assert ended.stderr.startswith(reason)
    assert "Traceback" not in ended.stderr


def test_a_password_that_is_no_text_is_refused(on_sqlite: Server) -> None:
    ended = on_sqlite.command(
        "create-admin", "root@example.test", "--password-stdin", stdin="a b c d \udcff\n"
    )

    assert (ended.returncode, ended.stderr) == (2, "The password is no text in UTF-8.\n")


def test_a_rotated_key_is_published_before_it_signs(on_sqlite: Server) -> None:
    on_sqlite.settings = {"AUTH_SIGNING_KEY_PUBLISH_SECONDS": "3"}
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url) as client:
        ada = User.signed_in(client)
        before = kid(ada)
        on_sqlite.command("rotate-keys", "--algorithm", "Ed25519")
        deadline = time.monotonic() + 15
        while len(algorithms(client)) < 4 and time.monotonic() < deadline:
            ada.sign_in()
            assert kid(ada) == before, "it signs before it is published"
        old = ada.tokens
        while kid(ada) == before and time.monotonic() < deadline:
            ada.sign_in()
            time.sleep(0.05)

        assert algorithms(client) == ["ES256", "Ed25519", "RS256", "RS256"]
        assert kid(ada) != before
        assert ada.get("/v1/me").status_code == 200
        ada.tokens = old
        assert ada.get("/v1/me").status_code == 200, "a token of the old key is refused"


def kid(user: User) -> str:
    from joserfc import jws  # noqa: PLC0415

    return str(jws.extract_compact(user.tokens["access_token"].encode()).headers()["kid"])


def test_revoked_keys_void_their_tokens_and_a_restart_does_not_bring_them_back(
    own_server: Server,
) -> None:
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        ada = User.signed_in(client)
    own_server.stop()
    assert own_server.command("rotate-keys", "--revoke").returncode == 0
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        assert ada_on(client, ada).get("/v1/me").status_code == 401
        assert algorithms(client) == ["ES256", "RS256"]
        again = User.signed_in(client)
        assert again.get("/v1/me").status_code == 200


def ada_on(client: httpx.Client, ada: User) -> User:
    return User(client, ada.email, tokens=ada.tokens)


def test_a_process_learns_of_a_key_of_another_process(own_server: Server) -> None:
    own_server.start()
    own_server.command("rotate-keys", "--now")
    other = Server(data=own_server.data, key=own_server.key, database=own_server.database)
    other.start()
    try:
        with (
            httpx.Client(base_url=own_server.url) as here,
            httpx.Client(base_url=other.url) as there,
        ):
            ada = User.signed_in(there)
            assert here.get("/v1/me", headers=ada.bearer).status_code == 200
    finally:
        other.stop()


def test_a_second_rotation_waits_for_the_first(on_sqlite: Server) -> None:
    assert on_sqlite.command("rotate-keys").returncode == 0
    again = on_sqlite.command("rotate-keys")

    assert again.returncode == 2
    assert "--now" in again.stderr


def test_prune_deletes_expired_rows_alone(own_server: Server) -> None:
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        gone, remaining = User.signed_in(client), User.signed_in(client)
        own_server.execute(f"UPDATE sessions SET expires_at = 1 WHERE id = '{gone.session}'")  # noqa: S608
        pruned = own_server.command("prune")

        assert re.search(r"^sessions: 1$", pruned.stdout, re.MULTILINE), pruned.stdout
        assert remaining.refresh().status_code == 200
        assert remaining.get("/v1/me").status_code == 200


def test_migrate_makes_the_schema_without_serving(own_server: Server) -> None:
    first, second = own_server.command("migrate"), own_server.command("migrate")

    assert "behind" in first.stdout
    assert "current" in second.stdout


def test_a_start_that_may_not_migrate_waits_for_the_command_that_does(own_server: Server) -> None:
    own_server.settings = {"AUTH_MIGRATE_AT_START": "false"}
    own_server.port = free_port()

    for ended in (own_server.command(), own_server.command("keys")):
        assert ended.returncode == 2
        assert ended.stderr.endswith("Migrate first: python -m auth migrate\n"), ended.stderr
    assert own_server.command("migrate").returncode == 0
    own_server.start()


def test_a_start_that_may_not_migrate_serves_from_the_tables_of_a_later_release(
    own_server: Server,
) -> None:
    own_server.command("migrate")
    own_server.execute("UPDATE alembic_version SET version_num = '9999'")
    own_server.settings = {"AUTH_MIGRATE_AT_START": "false"}

    own_server.start()


def test_a_database_that_can_not_be_reached_ends_a_command_with_one_message(
    on_sqlite: Server,
) -> None:
    on_sqlite.database = "postgresql://auth:hunter2@127.0.0.1:1/auth"

    for ended in (on_sqlite.command("prune"), on_sqlite.command()):
        assert ended.returncode == 1
        assert "can't be used" in ended.stderr
        assert "Traceback" not in ended.stderr
        assert "hunter2" not in ended.stderr + ended.stdout
