"""The identities of accounts: linked by a user who has signed in, listed and removed.

An identity of a user who has an account already waits until that user has signed in to it.
"""

import hmac
import json
import time
from dataclasses import dataclass

from sqlalchemy import Connection

from auth.accounts import upstream_users
from auth.crypto import secret_tokens
from auth.crypto.passwords import NO_PASSWORD
from auth.errors import Code, ProblemError
from auth.languages.messages import Message
from auth.service import Service
from auth.sign_in import challenges
from auth.storage import accounts, browser_sessions, identities, sessions
from auth.storage import challenges as stored_challenges
from auth.storage.accounts import Account
from auth.storage.browser_sessions import BrowserSession
from auth.storage.challenges import Purpose
from auth.storage.identities import Identity, IdentityTakenError
from auth.telemetry.audit import Event
from auth.upstreams.configuration import Upstream
from auth.upstreams.providers import UpstreamUser

# time to find the password, or to set a new password by mail
_WAITING_SECONDS = 3600
_OF_ANOTHER = ProblemError(
    Code.CONFLICT,
    detail=Message("That sign-in belongs to another account here. Remove it there first."),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """An identity that its user may link; `name` is that of its upstream."""

    hash: str
    name: str
    issuer: str
    subject: str
    email: str
    target: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Linked:
    """An identity of an account; `name` is its upstream's, or the issuer if that is gone."""

    identity: Identity
    name: str
    is_offered: bool

    def names(self, issuer: str, subject: str) -> bool:
        return (self.identity.issuer, self.identity.subject) == (issuer, subject)


async def wait(
    service: Service, upstream: Upstream, user: UpstreamUser, *, browser: str, target: str
) -> str:
    """Keep an identity until its user agrees to link it; return the token that names it.

    It is of use only in the browser whose cookie holds the secret `browser`.
    """
    data = {
        "browser": secret_tokens.hashed(browser),
        "name": upstream.name,
        "issuer": user.issuer,
        "subject": user.subject,
        "email": upstream_users.usable(user.email),
        "target": target,
    }
    return await challenges.issue(service, Purpose.IDENTITY, None, data, seconds=_WAITING_SECONDS)


async def find(service: Service, token: str, *, browser: str) -> Waiting:
    """Return the identity that waits in this browser; raise INVALID_CHALLENGE without any."""
    challenge = await challenges.find(service, Purpose.IDENTITY, token)
    data = json.loads(challenge.data)
    # a link with another person's identity would let that person in
    if not hmac.compare_digest(data.pop("browser"), secret_tokens.hashed(browser)):
        raise ProblemError(Code.INVALID_CHALLENGE)
    return Waiting(hash=challenge.hash, **data)


async def link(service: Service, account: Account, waiting: Waiting) -> None:
    """Let an identity sign in to the account of a user who has signed in lately, and mail them.

    Raise CONFLICT for an identity of another account, INVALID_CHALLENGE if it waits no more.
    """
    now = time.time()
    identity = Identity(
        issuer=waiting.issuer,
        subject=waiting.subject,
        account_id=account.id,
        email=waiting.email,
        created_at=now,
        last_used_at=now,
    )

    def work(connection: Connection) -> bool:
        if not accounts.hold(connection, account):
            return False
        if not stored_challenges.use(connection, waiting.hash, now):
            return False
        identities.add(connection, identity)
        return True

    try:
        linked = await service.database.write(work)
    except IdentityTakenError:
        owner = await service.database.read(identities.account_of, waiting.issuer, waiting.subject)
        if owner is None or owner.id != account.id:
            raise _OF_ANOTHER from None
        return
    if not linked:
        raise ProblemError(Code.INVALID_CHALLENGE)
    service.mail_queue.post(
        account.email, *service.messages.in_language_of(account).identity_linked(waiting.name)
    )
    await service.audit.record(Event.IDENTITY_LINKED, account_id=account.id, issuer=waiting.issuer)


async def of(service: Service, account_id: str) -> list[Linked]:
    """Return the identities of an account, the first linked first."""
    names = {upstream.issuer: upstream.name for upstream in service.upstreams.every()}
    return [
        Linked(
            identity=identity,
            name=names.get(identity.issuer, identity.issuer),
            is_offered=identity.issuer in names,
        )
        for identity in await service.database.read(identities.of, account_id)
    ]


async def unlink(
    service: Service,
    account: Account,
    here: BrowserSession,
    issuer: str,
    subject: str,
    *,
    renewed: str,
) -> None:
    """Remove an identity of an account, end all sessions but `here`, and mail the user.

    `renewed` is the hash of the browser's new cookie. Raise CONFLICT for the only way in: a user
    without a password sets one first.
    """
    every, now = await of(service, account.id), time.time()
    removed = next((one for one in every if one.names(issuer, subject)), None)
    if removed is None:
        return
    others = [one for one in every if one is not removed and one.is_offered]
    if account.password == NO_PASSWORD and not others:
        raise ProblemError(
            Code.CONFLICT,
            detail=Message(
                "This is your only way to sign in. Set a password first, on the page 'Password'."
            ),
        )

    def work(connection: Connection) -> None:
        identities.remove(connection, account.id, issuer, subject)
        # a sign-in with the identity that is under way counts no more
        accounts.change(connection, account.id, password_changed_at=now)
        sessions.revoke_all(connection, account.id, "identity removed", now, but_browser=here.hash)
        browser_sessions.renew(connection, here.hash, renewed)

    await service.database.write(work)
    service.mail_queue.post(
        account.email, *service.messages.in_language_of(account).identity_removed(removed.name)
    )
    await service.audit.record(Event.IDENTITY_REMOVED, account_id=account.id, issuer=issuer)
