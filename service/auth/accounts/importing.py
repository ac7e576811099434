"""The import of users, a batch in each transaction, so that it can be stopped and repeated."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from auth.accounts import passwords
from auth.accounts.user_lines import Numbered, Problem, UserLine
from auth.crypto import imported_hashes
from auth.crypto.passwords import NO_PASSWORD, PARAMETERS
from auth.storage import accounts, action_tokens, hash_parameters, sessions
from auth.storage.accounts import Account
from auth.storage.action_tokens import Purpose
from auth.telemetry import audit
from auth.telemetry.audit import Event

_IMPORTED = "account imported"  # the reason of an end of sessions


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    # an account has the address already, and stays as it is
    THERE = "there"


def store(
    connection: Connection, lines: Sequence[Numbered], *, update: bool
) -> tuple[Counter[Outcome], list[Problem]]:
    """Store the users of some lines; return the number of each outcome, and the wrong lines.

    An account that exists stays as it is. With `update` it gets the name, role, verification and
    state of its line, and never its password: the user may have changed it since the export.
    """
    counts: Counter[Outcome] = Counter()
    problems: list[Problem] = []
    for number, line in lines:
        result = (
            line if isinstance(line, Problem) else _store(connection, number, line, update=update)
        )
        if isinstance(result, Problem):
            problems.append(result)
        else:
            counts[result] += 1
    created, updated = counts[Outcome.CREATED], counts[Outcome.UPDATED]
    if created or updated:
        changed = {"created": str(created), "updated": str(updated)}
        audit.add_of_command(connection, Event.ACCOUNTS_IMPORTED, **changed)
    return counts, problems


def try_out(
    connection: Connection, lines: Sequence[Numbered], *, update: bool
) -> tuple[Counter[Outcome], list[Problem]]:
    """Return the same, and change nothing."""
    trial = connection.begin_nested()
    outcome = store(connection, lines, update=update)
    trial.rollback()
    return outcome


def _store(
    connection: Connection, number: int, line: UserLine, *, update: bool
) -> Outcome | Problem:
    account = accounts.by_email(connection, line.email)
    if account is not None:
        changed = update and _update(connection, account, line)
        return Outcome.UPDATED if changed else Outcome.THERE
    if line.id and accounts.by_id(connection, line.id):
        return Problem(number, f"id is {line.id!r}: an account with another address has it.")
    accounts.add(connection, _account(line))
    _note_parameters(connection, line)
    return Outcome.CREATED


def _note_parameters(connection: Connection, line: UserLine) -> None:
    if line.password_hash and not line.password_hash.startswith(PARAMETERS):
        hash_parameters.add(connection, [imported_hashes.parameters(line.password_hash)])


def _account(line: UserLine) -> Account:
    now = time.time()
    more: dict[str, Any] = {
        "email_verified_at": now if line.email_verified else None,
        "disabled_at": now if line.disabled else None,
    }
    if line.id:
        more["id"] = line.id
    if line.created_at:
        more["created_at"] = line.created_at.astimezone(UTC).isoformat(timespec="seconds")
    account = accounts.new(
        line.email,
        line.password_hash or NO_PASSWORD,
        name=line.name,
        role=line.role,
        locale=line.locale,
    )
    return replace(account, **more)


def _update(connection: Connection, account: Account, line: UserLine) -> bool:
    """Change an account as a line has it; return whether there was a difference."""
    now, has = time.time(), line.model_fields_set
    values: dict[str, Any] = {}
    for field in {"name", "role"} & has:
        if getattr(line, field) != getattr(account, field):
            values[field] = getattr(line, field)
    if "disabled" in has and line.disabled != (account.disabled_at is not None):
        values["disabled_at"] = now if line.disabled else None
    if line.email_verified and account.email_verified_at is None:
        # anybody could have registered the address here
        passwords.take_over(
            connection,
            account_id=account.id,
            password_hash=line.password_hash or NO_PASSWORD,
            reason=_IMPORTED,
        )
        action_tokens.forget(connection, account.id, *Purpose)
        _note_parameters(connection, line)
        values |= {"email_verified_at": now, "locale": line.locale}
    if values:
        accounts.change(connection, account.id, **values)
    # after that: a login that was faster has its session by now
    if values.get("disabled_at"):
        sessions.revoke_all(connection, account.id, _IMPORTED, now)
    return bool(values)
