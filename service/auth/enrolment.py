"""Adding and taking away second factors, with what goes along: codes, notices, other sessions."""

import time
from functools import partial

from sqlalchemy import Connection, update

from auth import one_time_codes
from auth.observe.audit import Event
from auth.problems import Code, ProblemError
from auth.second_factor import sealed_for
from auth.service import Service
from auth.storage import accounts, challenges, factors, passkeys, sessions
from auth.storage.accounts import Account
from auth.storage.passkeys import Passkey
from auth.storage.sessions import Session
from auth.storage.tables import SESSIONS

TOTP, PASSKEY = "authenticator app", "passkey"


async def new_codes(service: Service, account: Account) -> list[str]:
    """Give ten new recovery codes; those before are void."""
    codes = one_time_codes.new_recovery_codes()
    await service.database.write(partial(_replace_codes, account.id, codes))
    await service.audit.record(Event.RECOVERY_CODES_RENEWED, account_id=account.id)
    service.outbox.post(account.email, *service.letters.recovery_codes_renewed())
    return codes


async def confirm_totp(
    service: Service, account: Account, session: Session, code: str
) -> list[str] | None:
    """Turn TOTP on, with a first code; give the recovery codes if the account had no factor."""
    codes = one_time_codes.new_recovery_codes()
    now = time.time()

    def work(connection: Connection) -> tuple[bool, bool]:
        kept = factors.totp(connection, account.id)
        if kept is None or kept.confirmed:
            return False, False
        secret = service.sealer.open(kept.secret, sealed_for(account.id)).decode()
        step = one_time_codes.step_of(secret, code)
        if step is None:
            return False, False
        first = not factors.of(connection, account.id)
        if not factors.confirm_totp(connection, account.id, kept.secret, now):
            return False, False
        factors.use_step(connection, account.id, step)
        if first:
            _first_factor(connection, account, session, codes, "pwd otp mfa")
        return True, first

    done, first = await service.database.write(work)
    if not done:
        await service.audit.record(Event.FACTOR_REFUSED, success=False, account_id=account.id)
        raise ProblemError(Code.INVALID_FACTOR)
    await _added(service, account, TOTP)
    return codes if first else None


async def add_passkey(
    service: Service, account: Account, session: Session, challenge: str, passkey: Passkey
) -> list[str] | None:
    """Keep a passkey, using up its challenge; give the recovery codes if it is the first factor."""
    codes = one_time_codes.new_recovery_codes()
    now = time.time()

    def work(connection: Connection) -> bool | None:
        if not challenges.use(connection, challenge, now):
            return None
        first = not factors.of(connection, account.id)
        passkeys.add(connection, passkey)
        if first:
            amr = "pwd swk mfa" if passkey.backed_up else "pwd hwk mfa"
            _first_factor(connection, account, session, codes, amr)
        return first

    try:
        first = await service.database.write(work)
    except passkeys.KnownPasskeyError:
        raise ProblemError(Code.CONFLICT, detail="This passkey is registered already.") from None
    if first is None:
        raise ProblemError(Code.INVALID_CHALLENGE)
    await _added(service, account, PASSKEY)
    return codes if first else None


async def remove_totp(service: Service, account: Account) -> None:
    def work(connection: Connection) -> bool:
        removed = factors.remove_totp(connection, account.id)
        _without_factor(connection, account)
        return removed

    await _removed(service, account, TOTP, removed=await service.database.write(work))


async def remove_passkey(service: Service, account: Account, identity: str) -> None:
    def work(connection: Connection) -> bool:
        removed = passkeys.remove(connection, account.id, identity)
        _without_factor(connection, account)
        return removed

    await _removed(service, account, PASSKEY, removed=await service.database.write(work))


async def reset(service: Service, account: Account, actor_id: str) -> None:
    """Take every factor of another's account away, and end its sessions."""

    def work(connection: Connection) -> bool:
        challenges.forget(connection, account.id)
        had = factors.remove_all(connection, account.id)
        if had:
            sessions.revoke_all(connection, account.id, "second factor reset", time.time())
        return had

    if await service.database.write(work):
        await service.audit.record(
            Event.FACTOR_REMOVED, account_id=account.id, actor_id=actor_id, factor="every"
        )
        service.outbox.post(account.email, *service.letters.second_factor_reset())


def _first_factor(
    connection: Connection,
    account: Account,
    session: Session,
    codes: list[str],
    amr: str,
) -> None:
    """Give recovery codes, and end what was signed in with the password alone, but for here."""
    now = time.time()
    # a login whose password is being checked was not asked for the factor: it counts no more
    accounts.change(connection, account.id, password_changed_at=now)
    _replace_codes(account.id, codes, connection)
    sessions.revoke_all(connection, account.id, "second factor added", now, but=session.id)
    # who adds the factor has just shown it
    here = update(SESSIONS).where(SESSIONS.c.id == session.id)
    connection.execute(here.values(amr=amr, authenticated_at=now))


def _replace_codes(account_id: str, codes: list[str], connection: Connection) -> None:
    hashes = [one_time_codes.recovery_hash(account_id, code) for code in codes]
    factors.replace_codes(connection, account_id, hashes, time.time())


def _without_factor(connection: Connection, account: Account) -> None:
    """Take the recovery codes away with the last factor: alone they would be a second password."""
    if not factors.of(connection, account.id):
        factors.replace_codes(connection, account.id, [], time.time())


async def _added(service: Service, account: Account, factor: str) -> None:
    await service.audit.record(Event.FACTOR_ADDED, account_id=account.id, factor=factor)
    service.outbox.post(account.email, *service.letters.factor_added(factor))


async def _removed(service: Service, account: Account, factor: str, *, removed: bool) -> None:
    if not removed:
        raise ProblemError(Code.NOT_FOUND)
    await service.audit.record(Event.FACTOR_REMOVED, account_id=account.id, factor=factor)
    service.outbox.post(account.email, *service.letters.factor_removed(factor))
