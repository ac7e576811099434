"""The audit log: every security event, with its actor, its client and its outcome, never a secret.

Kept in the database, where an admin reads it, and written to the log, from where it can be shipped
before an intruder could remove it.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from auth.context import CALLER, REQUEST_ID
from auth.storage import audit
from auth.storage.database import Database
from auth.telemetry import logs
from auth.telemetry.metrics import Metrics


class Event(StrEnum):
    """The recorded events. Their names are stable: alarms are built on them.

    A refresh that succeeds is not an event: there are many, they change nothing, and
    `auth_tokens_total` counts them.
    """

    ACCOUNT_REGISTERED = "account.registered"
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_DELETED = "account.deleted"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_ENABLED = "account.enabled"
    ACCOUNT_ROLE_CHANGED = "account.role_changed"
    EMAIL_VERIFIED = "email.verified"
    LOGIN = "login"
    LOGIN_LOCKED = "login.locked"
    LOGOUT = "logout"
    LOGOUT_EVERYWHERE = "logout.everywhere"
    SESSION_REVOKED = "session.revoked"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - names of events
    PASSWORD_RESET_REQUESTED = "password.reset_requested"  # noqa: S105
    PASSWORD_RESET = "password.reset"  # noqa: S105
    REFRESH_TOKEN_REUSED = "refresh_token.reused"  # noqa: S105
    SESSION_STARTED = "oauth.session_started"
    CODE_REUSED = "oauth.code_reused"
    CLIENT_REFUSED = "oauth.client_refused"
    CLIENT_REGISTERED = "oauth.client_registered"
    CONSENT_GRANTED = "oauth.consent_granted"
    CONSENT_WITHDRAWN = "oauth.consent_withdrawn"
    TOKEN_REVOKED = "oauth.token_revoked"  # noqa: S105
    FACTOR_ADDED = "factor.added"
    FACTOR_REMOVED = "factor.removed"
    FACTOR_REFUSED = "factor.refused"
    RECOVERY_CODES_RENEWED = "factor.recovery_codes_renewed"
    RECOVERY_CODE_USED = "factor.recovery_code_used"
    IDENTITY_LINKED = "identity.linked"
    IDENTITY_REMOVED = "identity.removed"
    KEYS_ROTATED = "keys.rotated"
    RATE_LIMITED = "rate_limited"
    ADMIN_READ_AUDIT = "admin.read_audit"
    WEBHOOK_FAILED = "webhook.failed"
    ACCOUNTS_IMPORTED = "accounts.imported"
    ACCOUNTS_EXPORTED = "accounts.exported"


# a run of the same event ends after this time; the next event begins another run
_RUN_SECONDS = 600.0
# in a transaction: others wait for it, on SQLite
_TRIMMED_AT_ONCE = 5_000
_NO_IDS = dict.fromkeys(("account_id", "actor_id", "session_id", "client_id"))


@dataclass
class _Run:
    """A run of the same event of a client, and the number of events after the first."""

    began_at: float
    repeated: int = 0


class Audit:
    def __init__(
        self, database: Database, metrics: Metrics, now: Callable[[], float] = time.time
    ) -> None:
        self._database, self._metrics, self._now = database, metrics, now
        # as many as there are registered clients
        self._runs: dict[tuple[Event, str], _Run] = {}

    async def record(
        self,
        event: Event,
        *,
        success: bool = True,
        account_id: str | None = None,
        actor_id: str | None = None,
        session_id: str | None = None,
        client_id: str | None = None,
        **detail: str,
    ) -> None:
        """Write an event of the current request.

        `account_id` is the account that it is about, `actor_id` the actor if that is another
        account. `detail` holds more facts: words of ours, never a client's.
        """
        entry = _entry(
            event,
            success=success,
            account_id=account_id,
            actor_id=actor_id,
            session_id=session_id,
            client_id=client_id,
        )
        self._log(entry, detail)
        await self._database.write(audit.add, self._row(entry, detail))

    async def record_first(self, event: Event, *, client_id: str | None) -> None:
        """Write a failure that strangers can cause at will: the first of a run, and their number.

        An event for each would fill the database from a single address. Metrics count each. A
        failure without a registered client is only counted.
        """
        run = self._runs.get((event, client_id or ""))
        if client_id is None or (run and self._now() < run.began_at + _RUN_SECONDS):
            self._metrics.events.labels(str(event), "failure").inc()
            if run:
                run.repeated += 1
            return
        self._runs[event, client_id] = _Run(self._now())
        if run:
            await self._finish(event, client_id, run)
        await self.record(event, success=False, client_id=client_id)

    async def finish_runs(self, *, every: bool = False) -> None:
        """Write the number of events of the runs that are over, or of `every` run."""
        now = self._now()
        for event, client_id in list(self._runs):
            # another run may have begun while an earlier end was written
            run = self._runs[event, client_id]
            if every or now >= run.began_at + _RUN_SECONDS:
                del self._runs[event, client_id]
                await self._finish(event, client_id, run)

    async def _finish(self, event: Event, client_id: str, run: _Run) -> None:
        if not run.repeated:
            return
        entry = _entry(event, success=False, client_id=client_id)
        # of many requests, and not of the one that happens to end the run
        entry |= {"address": "", "user_agent": ""}
        detail = {"repeated": str(run.repeated), "seconds": str(int(self._now() - run.began_at))}
        logs.write_line("audit", {**entry, "detail": detail})
        await self._database.write(audit.add, {**self._row(entry, detail), "request_id": ""})

    async def trim(self, keep: int) -> None:
        """Delete the oldest events beyond the newest `keep`, a few in each transaction."""
        removed = _TRIMMED_AT_ONCE
        while removed == _TRIMMED_AT_ONCE:
            removed, kept = await self._database.write(audit.trim, keep=keep, most=_TRIMMED_AT_ONCE)
            self._metrics.audit_removed.labels("size").inc(removed)
            self._metrics.audit_kept.set(kept)

    async def record_with(
        self,
        work: Callable[[Connection], bool],
        event: Event,
        *,
        account_id: str,
        session_id: str | None = None,
        client_id: str | None = None,
        **detail: str,
    ) -> bool:
        """Do the work and write its event, in one transaction; neither, if the work returns False.

        For frequent events, since a second transaction doubles the cost.
        """
        entry = _entry(event, account_id=account_id, session_id=session_id, client_id=client_id)
        row = self._row(entry, detail)

        def both(connection: Connection) -> bool:
            done = work(connection)
            if done:
                audit.add(connection, row)
            return done

        done = await self._database.write(both)
        if done:
            self._log(entry, detail)
        return done

    async def page(
        self, *, before: int | None, size: int, event: Event | None, account_id: str | None
    ) -> list[dict[str, Any]]:
        """Return up to `size` events, newest first, with lower ids than `before`."""
        rows = await self._database.read(
            audit.page,
            before=before,
            size=size,
            event=str(event) if event else None,
            account_id=account_id,
        )
        return [{**row, "detail": json.loads(row["detail"])} for row in rows]

    def _log(self, entry: Mapping[str, str | None], detail: Mapping[str, str]) -> None:
        self._metrics.events.labels(entry["event"], entry["outcome"]).inc()
        logs.write_line("audit", {**entry, "detail": detail or None})

    def _row(self, entry: Mapping[str, str | None], detail: Mapping[str, str]) -> dict[str, Any]:
        return {
            **entry,
            "at": self._now(),
            "request_id": REQUEST_ID.get(),
            "detail": json.dumps(detail),
        }


def add_of_command(connection: Connection, event: Event, /, **detail: str) -> None:
    """Write an event of a command on the server, in the transaction of its work."""
    row = {"at": time.time(), "request_id": "", "detail": json.dumps(detail)}
    audit.add(connection, {**_entry(event), **row})


def _entry(event: Event, *, success: bool = True, **ids: str | None) -> dict[str, str | None]:
    caller = CALLER.get()
    return {
        "event": str(event),
        "outcome": "success" if success else "failure",
        **_NO_IDS,
        **ids,
        "address": caller.address,
        "user_agent": caller.user_agent,
    }
