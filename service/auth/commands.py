"""The commands of operators on the server: `python -m auth COMMAND`, beside a running service."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from auth import email_addresses, move_command, server, user_commands
from auth.accounts import admin, password_rules
from auth.crypto import passwords, secret_tokens
from auth.crypto.sealing import unlock
from auth.mail.messages import Messages
from auth.settings import DAY, Settings
from auth.storage import action_tokens, pruning, registered_clients, schema
from auth.storage.action_tokens import Action, Purpose
from auth.storage.backends import connect
from auth.storage.database import Database
from auth.tokens import signing_keys

_LINK_SECONDS = 3600


class CommandError(Exception):
    """A command can't be executed; the text gives the reason."""


def run(argv: Sequence[str]) -> int:
    """Run a command, or serve without a command; return the exit status."""
    arguments = _parser().parse_args(argv)
    if arguments.command == "client-secret":
        return _make_client_secret()
    if arguments.command == "make-database-role":
        from auth import role_command  # noqa: PLC0415 - imports the driver of PostgreSQL

        return role_command.run(arguments)
    settings = Settings.from_environment()
    if arguments.command in {None, "serve"}:
        return server.serve(settings)
    work: dict[str, Callable[[Database], int | None]] = {
        "migrate": _migrate,
        "create-admin": lambda database: _create_admin(database, settings, arguments),
        "rotate-keys": lambda database: _rotate(database, settings, arguments),
        "keys": lambda database: _show_keys(database, settings),
        "prune": lambda database: _prune(database, settings),
        "forget-client": lambda database: _forget_client(database, arguments),
        "move-database": lambda database: move_command.run(database, settings, arguments),
        "import-users": lambda database: user_commands.import_users(database, arguments),
        "export-users": lambda database: user_commands.export_users(database, arguments),
    }
    database = connect(settings.database_url)
    try:
        if arguments.command != "migrate":
            schema.prepare(database, migrates=settings.migrate_at_start)
        return work[arguments.command](database) or 0
    finally:
        database.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m auth", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="serve until SIGTERM; the default")
    commands.add_parser("migrate", help="bring the database to this release's schema")
    administrator = commands.add_parser(
        "create-admin", help="make an administrator, of a new or an existing account"
    )
    administrator.add_argument("email")
    administrator.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from standard input; without it, print a link to set a password",
    )
    rotate = commands.add_parser("rotate-keys", help="make the next signing keys, one of them RSA")
    rotate.add_argument("--algorithm", choices=signing_keys.ALGORITHMS, help="default: as it is")
    rotate.add_argument(
        "--now", action="store_true", help="sign with it at once, before verifiers know it"
    )
    rotate.add_argument(
        "--revoke", action="store_true", help="erase all older keys: every token is void at once"
    )
    commands.add_parser("client-secret", help="make a secret for an application, with its hash")
    forget = commands.add_parser(
        "forget-client", help="delete an application that registered itself"
    )
    forget.add_argument("client_id")
    user_commands.add_parsers(commands)
    move_command.add_parsers(commands)
    role = commands.add_parser(
        "make-database-role", help="make the service's role and database on a PostgreSQL server"
    )
    role.add_argument("file", type=Path, help="JSON with the server, its administrator, the role")
    commands.add_parser("keys", help="list the signing keys")
    commands.add_parser("prune", help="delete expired rows, and keys that are not needed")
    return parser


def _migrate(database: Database) -> None:
    state = schema.migrate(database)
    print(f"The schema was {state.value}; this release has {schema.HEAD}.")


def _make_client_secret() -> int:
    secret = secret_tokens.make()
    print(f"For the application:                 {secret}")
    print(f"For AUTH_CLIENTS, as secret_sha256:  {secret_tokens.hashed(secret)}")
    return 0


def _create_admin(database: Database, settings: Settings, arguments: argparse.Namespace) -> None:
    email = email_addresses.normalized(arguments.email)
    if reason := email_addresses.refusal(email):
        raise CommandError(f"That is no e-mail address: {reason}")
    password = _password_from_stdin() if arguments.password_stdin else ""
    if arguments.password_stdin and (refusal := password_rules.refusal(password, email)):
        raise CommandError(str(refusal.value))
    # without a password in standard input, nobody knows the password until the link is used
    try:
        hashed = passwords.hashed(password or secret_tokens.make())
    except passwords.BusyError:
        raise CommandError("There is no memory to hash a password now.") from None
    account, keeps_password = database.write_now(admin.make_administrator, email, hashed)
    outcome = "already there, and now" if keeps_password else "now"
    print(f"{account.email} is {outcome} an administrator.")
    if not keeps_password and not password:
        token = secret_tokens.make()
        action = Action(account.id, Purpose.RESET_PASSWORD, account.email)
        hashed_token = secret_tokens.hashed(token)
        database.write_now(
            action_tokens.add, hashed_token, action, now=time.time(), seconds=_LINK_SECONDS
        )
        messages = Messages(
            settings.issuer, settings.verify_url, settings.reset_url, settings.languages
        )
        print(f"Set its password within an hour: {messages.reset_link(token)}")


def _password_from_stdin() -> str:
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\n")
    except UnicodeDecodeError:
        raise CommandError("The password is no text in UTF-8.") from None


def _rotate(database: Database, settings: Settings, arguments: argparse.Namespace) -> None:
    sealer = database.write_now(unlock, settings.secret_keys)
    at_once = arguments.now or arguments.revoke
    publish = 0 if at_once else settings.signing_key_publish_seconds
    database.write_now(signing_keys.adopt, sealer, settings.signing_key, publish)
    known = database.write_now(signing_keys.load, sealer)
    if not at_once and known.newest is not known.current():
        raise CommandError("The next key exists already; --now makes a key that signs at once.")
    algorithm = arguments.algorithm or settings.signing_algorithm or known.newest.algorithm
    made = database.write_now(signing_keys.rotate, sealer, algorithm, publish)
    if arguments.revoke:
        erased = database.write_now(signing_keys.revoke_others, *(key.kid for key in made))
        print(f"Erased {erased} other keys; every token that they signed is void.")
    _show_keys(database, settings)


def _show_keys(database: Database, settings: Settings) -> None:
    sealer = database.write_now(unlock, settings.secret_keys)
    for key, state in database.write_now(signing_keys.load, sealer).states():
        since = datetime.fromtimestamp(key.activates_at, UTC).isoformat(timespec="seconds")
        print(f"{state:<8} {key.algorithm:<8} {key.kid}  signs from {since}")


def _forget_client(database: Database, arguments: argparse.Namespace) -> None:
    if not database.write_now(registered_clients.remove, arguments.client_id):
        raise CommandError("No application with this id has registered itself.")
    print("Deleted; a running service forgets it within a minute.")


def _prune(database: Database, settings: Settings) -> None:
    days = settings.audit_days
    removed = database.write_now(pruning.prune, now=time.time(), audit_seconds=days * DAY)
    sealer = database.write_now(unlock, settings.secret_keys)
    removed["signing_keys"] = database.write_now(signing_keys.prune, sealer)
    for table, count in removed.items():
        if count:
            print(f"{table}: {count}")
    print(f"Deleted {sum(removed.values())} rows.")
