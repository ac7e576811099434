"""This release takes over the previous release's database, and both run side by side."""

import os
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from auth.storage import schema
from auth.storage.backends import connect
from auth.storage.database import Database
from auth.storage.schema import State
from auth.storage.tables import METADATA
from previous import PreviousRelease
from running import Server
from sqlalchemy import Connection, event, text
from users import PASSWORD, User

_KEEP = "AUTH_KEEP_SCHEMA"
# The first release stored no version: PreviousRelease makes its tables.
_KEPT = schema.KNOWN[1:]


@pytest.fixture(name="database")
def _database(url: str) -> Iterator[Database]:
    database = connect(url)
    yield database
    database.close()


def difference(database: Database) -> list[object]:
    return database.write_now(
        lambda connection: list(compare_metadata(MigrationContext.configure(connection), METADATA))
    )


def upgrading(connection: Connection) -> list[str]:
    """Migrate, and return the statements that change the schema."""
    statements: list[str] = []

    def see(_: object, __: object, statement: str, *___: object) -> None:
        if statement.lstrip().startswith(("CREATE", "ALTER", "INSERT", "UPDATE")):
            statements.append(statement.strip())

    event.listen(connection, "before_cursor_execute", see)
    schema._upgrade(connection)
    event.remove(connection, "before_cursor_execute", see)
    return statements


def stored_schema(database: Database, revision: str) -> Path:
    dialect = database.write_now(lambda connection: connection.dialect.name)
    return Path(__file__).parent / "schemas" / f"{revision}.{dialect}.sql"


def make(database: Database, revision: str) -> None:
    """Run the statements of the migrations up to this revision, as they were when it was new."""
    statements = stored_schema(database, revision).read_text().removesuffix(";\n").split(";\n")

    def execute(connection: Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    database.write_now(execute)


def test_the_migrations_end_at_the_tables_that_the_code_uses(database: Database) -> None:
    schema.migrate(database)

    assert difference(database) == []


def test_a_database_of_the_first_release_ends_there_too(database: Database, url: str) -> None:
    PreviousRelease(url).prepare()

    assert schema.migrate(database) is State.BEHIND
    assert difference(database) == []


@pytest.mark.parametrize("revision", _KEPT)
def test_a_database_that_had_a_migration_when_it_was_new_ends_there_too(
    revision: str, database: Database
) -> None:
    make(database, revision)

    schema.migrate(database)
    assert difference(database) == []


@pytest.mark.parametrize("revision", _KEPT)
def test_this_release_serves_from_such_a_database(revision: str, own_server: Server) -> None:
    database = connect(own_server.database or f"sqlite:///{own_server.data}/auth.sqlite")
    make(database, revision)
    database.close()
    own_server.start()

    with httpx.Client(base_url=own_server.url) as client:
        assert User.signed_in(client).get("/v1/me").status_code == 200


def test_the_statements_of_the_newest_migration_are_stored(database: Database) -> None:
    """AUTH_KEEP_SCHEMA=1 stores the statements, once: they ran on databases and never change."""
    statements = database.migrate(upgrading)

    path = stored_schema(database, schema.HEAD)
    if os.environ.get(_KEEP):
        with path.open("x") as file:
            written = "".join(f"{statement};\n" for statement in statements)
            file.write(re.sub(r"[ \t]+$", "", written, flags=re.MULTILINE))
    assert path.is_file(), f"run this test with {_KEEP}=1, and commit the new file"


def test_the_code_knows_every_migration_and_the_last_one() -> None:
    config = Config()
    folder = Path(schema.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    script = ScriptDirectory.from_config(config)

    assert script.get_current_head() == schema.HEAD
    assert {revision.revision for revision in script.walk_revisions()} == set(schema.KNOWN)


def test_processes_that_start_at_once_migrate_once(url: str) -> None:
    databases = [connect(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(schema.migrate, databases))
    states = [database.write_now(schema.state) for database in databases]
    for database in databases:
        database.close()

    assert states == [State.CURRENT] * 4


def test_a_database_that_a_newer_release_has_migrated_is_used_as_it_is(own_server: Server) -> None:
    own_server.start()
    own_server.execute("UPDATE alembic_version SET version_num = '9999'")
    own_server.stop()
    own_server.start()

    assert httpx.get(f"{own_server.url}/readyz").json()["checks"]["migrations"] == "ahead"


def test_a_migration_that_fails_leaves_the_schema_as_it_was(database: Database) -> None:
    def fail(connection: object) -> None:
        schema._upgrade(connection)  # type: ignore[arg-type]
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        database.migrate(fail)

    assert database.write_now(schema.state) is State.BEHIND
    schema.migrate(database)
    assert difference(database) == []


def test_the_release_before_works_beside_this_one(own_server: Server) -> None:
    url = own_server.database or f"sqlite:///{own_server.data}/auth.sqlite"
    before = PreviousRelease(url)
    before.prepare()
    before.add("old@example.test", PASSWORD)
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        old = User(client, "old@example.test")
        new = User.registered(client)
        later = f"{uuid.uuid4().hex}@example.test"

        before.prepare()
        before.check()
        before.add(later, PASSWORD)

        assert old.can_sign_in()
        assert User(client, later).can_sign_in()
        assert before.verifies(new.email, PASSWORD)
        before.set_password(new.email, "changed by the release before")
        new.password = "changed by the release before"
        assert new.can_sign_in()
        with pytest.raises(PreviousRelease.Taken):
            before.add(new.email, PASSWORD)


def test_a_token_of_the_release_before_names_no_session_and_is_good(own_server: Server) -> None:
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        ada = User.signed_in(client)
        account = ada.get("/v1/me").json()["id"]
        token = PreviousRelease.token(own_server.key, account)

        answer = client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.json()["id"] == account


def test_deleting_an_account_leaves_none_of_its_rows(own_server: Server) -> None:
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        ada = User.signed_in(client)
        ada.mailed("Confirm your e-mail address")
        client.delete("/v1/me", headers=ada.bearer)
    database = connect(own_server.database or f"sqlite:///{own_server.data}/auth.sqlite")
    tables = [
        table.name
        for table in METADATA.sorted_tables
        if table.name == "accounts" or any(key.target_fullname for key in table.foreign_keys)
    ]
    rows = database.write_now(
        lambda connection: {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar()  # noqa: S608
            for name in tables
        }
    )
    database.close()

    assert len(tables) > 8
    assert set(rows.values()) == {0}, rows
