"""The accounts of users who sign in with an upstream.

An account is found by the upstream's name of its user (issuer and subject), and never by an
address: addresses change hands, and an upstream could name any.
"""

import time

from sqlalchemy import Connection

from auth import email_addresses
from auth.clients.endpoints import Kind
from auth.crypto.passwords import NO_PASSWORD
from auth.errors import Code, ProblemError
from auth.languages.messages import Message
from auth.protection.limits import Action
from auth.service import Service
from auth.sign_in import admission
from auth.storage import accounts, identities
from auth.storage.accounts import Account, EmailTakenError
from auth.storage.identities import Identity, IdentityTakenError
from auth.telemetry.audit import Event
from auth.upstreams.configuration import Upstream
from auth.upstreams.providers import UpstreamUser

_LONGEST_NAME = 128


async def sign_in(service: Service, upstream: Upstream, user: UpstreamUser) -> Account:
    """Return the account of an upstream's user, which is new for a new user.

    Raise a ProblemError: as `admission.admit`, EMAIL_TAKEN if another account has the address,
    CONFLICT if a new user has no address that the upstream confirmed.
    """
    account = await service.database.read(identities.account_of, user.issuer, user.subject)
    if account is None:
        return await _register(service, upstream, user)
    await admission.admit(service, account)
    email = usable(user.email)
    await service.database.write(identities.used, user.issuer, user.subject, email, time.time())
    return account


def usable(email: str) -> str:
    """Return a confirmed address as it is stored, "" if no account may have it."""
    email = email_addresses.normalized(email)
    return "" if email_addresses.refusal(email) else email


async def _register(service: Service, upstream: Upstream, user: UpstreamUser) -> Account:
    """Make an account without a password, whose address the upstream confirmed."""
    email = usable(user.email)
    if not email:
        raise ProblemError(
            Code.CONFLICT,
            detail=Message(
                "%(upstream)s has no confirmed e-mail address of yours. Confirm it there, "
                "or create an account with a password.",
                upstream=upstream.name,
            ),
        )
    await service.limits.take(Action.REGISTER)
    now = time.time()
    name = user.name if user.name.isprintable() else ""
    account = accounts.new(
        email, NO_PASSWORD, email_verified_at=now, name=name[:_LONGEST_NAME] or None
    )
    identity = Identity(
        issuer=user.issuer,
        subject=user.subject,
        account_id=account.id,
        email=email,
        created_at=now,
        last_used_at=now,
    )

    def work(connection: Connection) -> None:
        accounts.add(connection, account)
        identities.add(connection, identity)
        service.webhooks.announce(connection, Kind.CREATED, account)

    try:
        await service.database.write(work)
    except EmailTakenError:
        raise ProblemError(
            Code.EMAIL_TAKEN,
            detail=Message(
                "There is an account with the address %(email)s. Sign in to it with its password "
                "or a passkey, and from then on with %(upstream)s as well.",
                email=email,
                upstream=upstream.name,
            ),
        ) from None
    except IdentityTakenError:
        # a second click was faster
        raise ProblemError(Code.INVALID_CHALLENGE) from None
    await service.audit.record(
        Event.ACCOUNT_REGISTERED, account_id=account.id, upstream=upstream.id
    )
    return account
