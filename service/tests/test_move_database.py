"""All tables move from SQLite to PostgreSQL and back, checked, in one transaction."""

import json
from collections.abc import Callable

import httpx
import pytest
from auth.storage.tables import METADATA
from running import Server
from sqlalchemy import select
from users import User

Content = dict[str, list[tuple[object, ...]]]


def content(server: Server) -> Content:
    """Return the rows of each table, in order."""
    with server.connected() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in METADATA.sorted_tables
        }


def moved(source: Server, target: Server, *flags: str, status: int = 0) -> str:
    kind = "postgresql" if target.database else "sqlite"
    ended = source.command(
        "move-database", "--to", kind, *flags, stdin=json.dumps({"url": target.database})
    )
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stdout + ended.stderr


def during(server: Server, act: Callable[[httpx.Client], None]) -> None:
    server.start()
    try:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            act(client)
    finally:
        server.stop()


def with_accounts(client: httpx.Client) -> None:
    User.signed_in(client)
    User.registered(client)


def test_all_rows_go_there_and_back_and_a_session_goes_on(
    on_sqlite: Server, on_postgres: Server
) -> None:
    users: list[User] = []
    during(on_sqlite, lambda client: users.append(User.signed_in(client)))
    before = content(on_sqlite)

    output = moved(on_sqlite, on_postgres)
    assert "Moved 1 accounts" in output
    assert content(on_postgres) == before
    ada = users[0]

    def goes_on(client: httpx.Client) -> None:
        ada.client = client
        refreshed = ada.refresh()
        assert refreshed.status_code == 200, "the session and the sealed keys are there"
        ada.tokens = refreshed.json()
        assert ada.can_sign_in()

    during(on_postgres, goes_on)
    after = content(on_postgres)
    assert len(after["audit_events"]) > len(before["audit_events"]), "new events get new numbers"

    moved(on_postgres, on_sqlite, "--over")
    assert content(on_sqlite) == after
    during(on_sqlite, goes_on)


def test_a_database_that_was_left_serves_no_more_until_it_is_to_stay(
    on_sqlite: Server, on_postgres: Server
) -> None:
    during(on_sqlite, with_accounts)
    moved(on_sqlite, on_postgres)

    refused = on_sqlite.command("serve")
    assert refused.returncode == 2
    assert "The accounts moved from this database at 2" in refused.stderr
    assert on_sqlite.command("move-database", "--stay").returncode == 0
    during(on_sqlite, with_accounts)


def test_a_target_with_accounts_is_replaced_only_with_a_yes(
    on_sqlite: Server, on_postgres: Server
) -> None:
    during(on_sqlite, with_accounts)
    during_other = Server(
        data=on_sqlite.data / "x", key=on_sqlite.key, database=on_postgres.database
    )
    during_other.data.mkdir()
    during(during_other, with_accounts)
    before = content(on_postgres)

    output = moved(on_sqlite, on_postgres, status=2)
    assert "The target has 2 accounts already. Nothing was changed." in output
    assert content(on_postgres) == before
    assert on_sqlite.command("keys").returncode == 0
    during(on_sqlite, with_accounts)

    moved(on_sqlite, on_postgres, "--over")
    assert content(on_postgres)["accounts"] == content(on_sqlite)["accounts"]


def test_a_move_that_fails_changes_nothing_and_can_be_repeated(
    on_sqlite: Server, on_postgres: Server
) -> None:
    """SQLite takes longer texts than a column says, and PostgreSQL refuses them."""
    during(on_sqlite, with_accounts)
    on_postgres.command("migrate")
    on_sqlite.execute("UPDATE sessions SET user_agent = printf('%300d', 1)")
    failed = on_sqlite.command(
        "move-database", "--to", "postgresql", stdin=json.dumps({"url": on_postgres.database})
    )

    assert failed.returncode == 1
    assert "value too long" in failed.stderr
    assert not any(content(on_postgres).values()), "one transaction, done whole or not at all"
    on_sqlite.execute("UPDATE sessions SET user_agent = ''")
    moved(on_sqlite, on_postgres)
    assert content(on_postgres) == content(on_sqlite)


def test_a_target_that_stores_other_content_is_found_by_the_check(
    on_sqlite: Server, on_postgres: Server
) -> None:
    during(on_sqlite, with_accounts)
    on_postgres.command("migrate")
    on_postgres.execute(
        "CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.name = 'other'; RETURN NEW; END $$",
        "CREATE TRIGGER other BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION other()",
    )

    output = moved(on_sqlite, on_postgres, status=2)

    assert "The table accounts has 2 rows, and 2 in the target, or other content" in output
    assert not any(content(on_postgres).values())
    during(on_sqlite, with_accounts)


def test_an_estimate_changes_nothing(on_sqlite: Server) -> None:
    during(on_sqlite, with_accounts)
    before = content(on_sqlite)

    assert "2 accounts, " in on_sqlite.command("move-database", "--estimate").stdout
    assert content(on_sqlite) == before


@pytest.mark.parametrize("stdin", ["", "{}", '{"url": "mysql://hunter2@db/x"}', "[1]"])
def test_a_target_that_can_not_be_meant_is_refused(on_sqlite: Server, stdin: str) -> None:
    refused = on_sqlite.command("move-database", "--to", "postgresql", stdin=stdin)

    assert refused.returncode == 2
    assert "must be JSON with the target" in refused.stderr
    assert "hunter2" not in refused.stderr
    same = on_sqlite.command("move-database", "--to", "sqlite")
    assert (same.returncode, "already" in same.stderr) == (2, True)


def test_the_private_parts_of_the_target_are_not_shown(on_sqlite: Server) -> None:
    target = json.dumps({"url": "postgresql://auth:hunter2@127.0.0.1:1/auth"})
    failed = on_sqlite.command("move-database", "--to", "postgresql", stdin=target)

    assert failed.returncode == 1
    assert "hunter2" not in failed.stderr + failed.stdout
