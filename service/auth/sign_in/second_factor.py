"""The step after the password, for accounts that have a second factor.

The API and the sign-in page both use it: `question` after the password was right, `passed` (or
`passed_with_key`) with the user's answer.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import Connection

from auth.crypto.sealing import Sealer
from auth.errors import Code, ProblemError
from auth.protection.limits import Action
from auth.service import Service
from auth.sign_in import challenges, factor_failures, one_time_codes, passkeys
from auth.sign_in.passkeys import Assertion
from auth.storage import accounts, factors
from auth.storage import challenges as stored_challenges
from auth.storage.accounts import Account
from auth.storage.browser_sessions import BrowserSession
from auth.storage.challenges import Challenge, Purpose
from auth.storage.sessions import Session
from auth.telemetry.audit import Event

# a typing error or two; after that the password comes again
_ATTEMPTS = 5
TOTP, RECOVERY, WEBAUTHN = "totp", "recovery", "webauthn"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """The question to a user. `challenge` replaces the right password, for some minutes.

    `kinds` are the factors that the account has: `totp`, `recovery`, `webauthn`. `webauthn` holds
    the options of the browser's `navigator.credentials.get`.
    """

    challenge: str
    kinds: tuple[str, ...]
    webauthn: Mapping[str, Any] | None = None

    def problem(self) -> ProblemError:
        """Return the problem that asks a client of the API for the second factor."""
        more: dict[str, object] = {
            "challenge": self.challenge,
            "expires_in": challenges.SECONDS,
            "methods": list(self.kinds),
        }
        if self.webauthn is not None:
            more["webauthn"] = self.webauthn
        return ProblemError(Code.SECOND_FACTOR_REQUIRED, more=more)


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """A user with a proven second factor; `amr` are all the methods used (RFC 8176)."""

    account: Account
    amr: tuple[str, ...]


class Outcome(StrEnum):
    """The result of a check of a code."""

    TOTP = "totp"
    RECOVERY = "recovery"
    WRONG = "wrong"
    OVER = "over"


async def shown_lately(service: Service, session: Session | BrowserSession) -> bool:
    """Return whether a session was begun in the last minutes, with a second factor if there is any.

    An irreversible change needs such a session.
    """
    if session.authenticated_at < time.time() - service.settings.reauthentication_seconds:
        return False
    return "mfa" in session.amr.split() or not await service.database.read(
        factors.of, session.account_id
    )


async def question(service: Service, account: Account, *, after: str = "pwd") -> Question | None:
    """Return the question to the account after its password, None if the password is enough.

    `after` is the method of the first step, if that was no password (RFC 8176).
    """
    has = await service.database.read(factors.of, account.id)
    if not has:
        return None
    options, data = None, {"after": after}
    if has.passkeys:
        options, expected = await passkeys.request(service, account.id)
        data["webauthn"] = expected
    token = await challenges.issue(service, Purpose.SECOND_FACTOR, account.id, data)
    present = {TOTP: has.totp, RECOVERY: has.recovery_codes, WEBAUTHN: has.passkeys}
    kinds = tuple(kind for kind, there in present.items() if there)
    return Question(challenge=token, kinds=kinds, webauthn=options)


async def passed(service: Service, challenge: str, code: str) -> Passed:
    """Return the user of a challenge if the one-time code or recovery code is right.

    Refuse with a ProblemError: after INVALID_FACTOR the user may try again, after
    INVALID_CHALLENGE the password comes first.
    """
    open_challenge, account = await _open(service, challenge)
    outcome = await service.database.write(partial(_answer, service.sealer, open_challenge, code))
    await _judge(service, account, outcome)
    if outcome is Outcome.RECOVERY:
        await recovered(service, account)
    return Passed(account=account, amr=(_first(open_challenge), "otp", "mfa"))


async def passed_with_key(service: Service, challenge: str, assertion: Assertion) -> Passed:
    """Return the user of a challenge that a key of the account signed; refuse as `passed`."""
    open_challenge, account = await _open(service, challenge)
    expected = json.loads(open_challenge.data).get("webauthn", "")

    def work(connection: Connection) -> Outcome | str:
        now = time.time()
        if not stored_challenges.attempt(connection, open_challenge.hash, now, most=_ATTEMPTS):
            return Outcome.OVER
        passkey = passkeys.verify(
            connection, service.settings.issuer, expected, assertion, account_id=account.id
        )
        if passkey is None:
            return Outcome.WRONG
        return (
            passkeys.amr(passkey)
            if stored_challenges.use(connection, open_challenge.hash, now)
            else Outcome.OVER
        )

    outcome = await service.database.write(work)
    await _judge(service, account, outcome)
    return Passed(account=account, amr=(_first(open_challenge), str(outcome), "mfa"))


async def confirmed(service: Service, account: Account, code: str) -> None:
    """Refuse a wrong code of a signed-in user, before a change of the factors."""
    subject = _subject(account)
    await service.limits.take(Action.GUESS, account.id)
    await service.lockout.check(subject)
    await factor_failures.refuse_after_most(service, account)
    outcome = await service.database.write(partial(check, service.sealer, account.id, code))
    await _judge(service, account, outcome)
    if outcome is Outcome.RECOVERY:
        await recovered(service, account)


def check(
    sealer: Sealer,
    account_id: str,
    code: str,
    connection: Connection,
) -> Outcome:
    """Use up a code of either kind, if it is right."""
    code = one_time_codes.typed(code)
    if not one_time_codes.is_totp(code):
        hashed = one_time_codes.recovery_hash(account_id, code)
        used = factors.use_code(connection, account_id, hashed, time.time())
        return Outcome.RECOVERY if used else Outcome.WRONG
    totp = factors.totp(connection, account_id)
    if totp is None or not totp.confirmed:
        return Outcome.WRONG
    secret = sealer.open(totp.secret, sealed_for(account_id)).decode()
    step = one_time_codes.step_of(secret, code, after=totp.last_step)
    if step is None or not factors.use_step(connection, account_id, step):
        return Outcome.WRONG
    return Outcome.TOTP


def sealed_for(account_id: str) -> str:
    return f"totp:{account_id}"


async def recovered(service: Service, account: Account) -> None:
    """Record that a recovery code is used, and mail the user."""
    left = (await service.database.read(factors.of, account.id)).recovery_codes
    await service.audit.record(Event.RECOVERY_CODE_USED, account_id=account.id, left=str(left))
    service.mail_queue.post(
        account.email, *service.messages.in_language_of(account).recovery_code_used(left)
    )


async def _open(service: Service, challenge: str) -> tuple[Challenge, Account]:
    """Return a challenge that may be answered, with its account; count the attempt."""
    await service.limits.take(Action.GUESS)
    open_challenge = await challenges.find(service, Purpose.SECOND_FACTOR, challenge)
    if open_challenge.account_id is None:
        raise ProblemError(Code.INVALID_CHALLENGE)
    account = await service.database.read(accounts.by_id, open_challenge.account_id)
    # the challenge is void: the password was changed, or a first factor was added
    if account is None or (account.password_changed_at or 0) > open_challenge.created_at:
        raise ProblemError(Code.INVALID_CHALLENGE)
    if account.disabled_at is not None:
        raise ProblemError(Code.ACCOUNT_DISABLED)
    # only a user with the password gets here: nobody else can lock the user out
    await service.lockout.check(_subject(account))
    await factor_failures.refuse_after_most(service, account)
    return open_challenge, account


def _answer(
    sealer: Sealer, open_challenge: Challenge, code: str, connection: Connection
) -> Outcome:
    """Check a code against a challenge, in one transaction."""
    now = time.time()
    if open_challenge.account_id is None or not stored_challenges.attempt(
        connection, open_challenge.hash, now, most=_ATTEMPTS
    ):
        return Outcome.OVER
    outcome = check(sealer, open_challenge.account_id, code, connection)
    if outcome is not Outcome.WRONG and not stored_challenges.use(
        connection, open_challenge.hash, now
    ):
        return Outcome.OVER
    return outcome


async def _judge(service: Service, account: Account, outcome: str) -> None:
    """Count a failure and refuse, or forget the failures before."""
    if outcome == Outcome.OVER:
        raise ProblemError(Code.INVALID_CHALLENGE)
    if outcome == Outcome.WRONG:
        await service.lockout.failed(_subject(account))
        await factor_failures.count(service, account)
        service.metrics.logins.labels("second_factor").inc()
        await service.audit.record(Event.FACTOR_REFUSED, success=False, account_id=account.id)
        raise ProblemError(Code.INVALID_FACTOR)
    await service.lockout.succeeded(_subject(account))
    await service.database.write(factor_failures.forget, account.id)


def _first(challenge: Challenge) -> str:
    """Return the method of the step before; a challenge of an earlier release does not say."""
    return str(json.loads(challenge.data).get("after", "pwd"))


def _subject(account: Account) -> str:
    return f"second factor of {account.id}"
