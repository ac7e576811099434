"""Wrong second factors in a row: the owner gets a mail, and in the end needs a new password.

Only somebody with the password gets this far, so many wrong codes mean that it is stolen. A lock
slows guessing down; without an end, a guesser would be right some day.
"""

import time

from sqlalchemy import Connection

from auth.clients.endpoints import Kind
from auth.errors import Code, ProblemError
from auth.service import Service
from auth.storage import lockouts
from auth.storage.accounts import Account

MAIL_AFTER = 10
# NIST SP 800-63B §5.2.2: no more than 100 failures in a row
MOST = 100
# a pause forgets nothing; only a right factor or a new password does
_MEMORY_SECONDS = 10 * 365 * 86_400.0


async def refuse_after_most(service: Service, account: Account) -> None:
    """Refuse every factor after the most failures, until the password is set anew."""
    if await service.database.read(lockouts.failures, _subject(account.id), time.time()) >= MOST:
        raise ProblemError(Code.PASSWORD_RESET_REQUIRED)


async def count(service: Service, account: Account) -> None:
    """Count a failure, and mail the owner at the tenth and at the last."""

    def work(connection: Connection) -> int:
        failures = lockouts.count(
            connection, _subject(account.id), now=time.time(), memory=_MEMORY_SECONDS
        )
        if failures == MOST:
            service.webhooks.announce(connection, Kind.LOCKED, account, reason="second factor")
        return failures

    failures = await service.database.write(work)
    if failures in {MAIL_AFTER, MOST}:
        message = service.messages.in_language_of(account).factor_guessed(
            failures, last=failures == MOST
        )
        service.mail_queue.post(account.email, *message)


def forget(connection: Connection, account_id: str) -> None:
    """Forget the failures, after a right factor or with a new password."""
    lockouts.clear(connection, [_subject(account_id)])


def _subject(account_id: str) -> str:
    return f"wrong factors of {account_id}"
