"""The sign-in of a device without a keyboard: its user decides in a browser (RFC 8628)."""

import secrets
import time
import unicodedata

from auth.authorization.errors import OAuthError
from auth.clients.clients import DEVICE, REFRESH, Client
from auth.crypto import secret_tokens
from auth.errors import Code, ProblemError
from auth.protection.limits import Action
from auth.service import Service
from auth.sign_in.sessions import Grant, first_refresh_token, granted, session_of
from auth.storage import device_codes
from auth.storage.accounts import Account
from auth.storage.browser_sessions import BrowserSession
from auth.storage.device_codes import DeviceCode
from auth.telemetry.audit import Event
from auth.tokens import scopes

SECONDS = 600
PAUSE_SECONDS = 5
# RFC 8628 §6.1: without vowels, so that no code is a word; 34 bits, and guesses are limited
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH = 8


async def begin(service: Service, client: Client, scope: str) -> tuple[str, str]:
    """Begin a sign-in; return the device's code, and the code that its user types."""
    asked = scopes.split(scope) or client.scopes
    if DEVICE not in client.grants:
        raise OAuthError("unauthorized_client", "The client is not registered for this grant type.")
    if not set(asked) <= set(client.scopes):
        raise OAuthError("invalid_scope", "The client is not registered for all of these scopes.")
    device_code, now = secret_tokens.make(), time.time()
    user_code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    code = DeviceCode(
        hash=secret_tokens.hashed(device_code),
        user_code_hash=secret_tokens.hashed(user_code),
        client_id=client.id,
        scope=scopes.joined(asked),
        created_at=now,
        expires_at=now + SECONDS,
        pause=PAUSE_SECONDS,
    )
    await service.database.write(device_codes.add, code)
    return device_code, shown(user_code)


def shown(user_code: str) -> str:
    """Return a user code as people read it."""
    return f"{user_code[: _LENGTH // 2]}-{user_code[_LENGTH // 2 :]}"


def typed(text: str) -> str:
    """Return the user code that somebody typed, with or without dashes, in any case and width."""
    letters = unicodedata.normalize("NFKC", text).upper()
    return "".join(letter for letter in letters if letter in _LETTERS)


async def find(service: Service, account: Account, user_code: str) -> tuple[DeviceCode, Client]:
    """Return the sign-in of a user code, with its client; refuse an unknown or expired code.

    The signed-in user's guesses are counted (RFC 8628 §5.1).
    """
    await service.limits.take(Action.GUESS, account.id)
    hashed = secret_tokens.hashed(typed(user_code))
    code = await service.database.read(device_codes.undecided, hashed, time.time())
    client = await service.find_client(code.client_id) if code else None
    if code is None or client is None:
        raise ProblemError(Code.INVALID_CODE)
    return code, client


async def decide(service: Service, code: DeviceCode, browser: BrowserSession | None) -> None:
    """Store the decision of a user: their sign-in if they allow it, else None."""
    if not await service.database.write(device_codes.decide, code, browser, time.time()):
        raise ProblemError(Code.INVALID_CODE)


async def redeem(
    service: Service, client: Client, device_code: str, *, dpop_key: str | None
) -> Grant:
    """Return the tokens of an allowed sign-in; raise OAuthError until then (RFC 8628 §3.5)."""
    now = time.time()
    code = await service.database.write(
        device_codes.poll, secret_tokens.hashed(device_code), client.id, now
    )
    if code is None:
        raise OAuthError("invalid_grant", "The device code is wrong, or was used already.")
    if code.expires_at <= now:
        raise OAuthError("expired_token", "The device code is expired: begin again.")
    if code.account_id is None and code.decided_at is not None:
        await service.database.write(device_codes.remove, code.hash)
        raise OAuthError("access_denied", "The user refused.")
    if code.account_id is None:
        if device_codes.is_early(code, now):
            raise OAuthError("slow_down", "Ask less often: 5 seconds more between two requests.")
        raise OAuthError("authorization_pending", "The user has not decided yet.")
    session = session_of(
        service,
        code.account_id,
        amr=code.amr.split(),
        client_id=client.id,
        scope=code.scope,
        authenticated_at=code.authenticated_at,
        dpop_key=dpop_key if client.public else None,
    )
    token, expires_at = first_refresh_token(service, session)
    refresh_token = token if REFRESH in client.grants else ""
    account = await service.database.write(
        device_codes.use,
        code,
        session,
        secret_tokens.hashed(token) if refresh_token else None,
        expires_at,
    )
    if account is None:
        raise OAuthError("invalid_grant", "The device code is wrong, or was used already.")
    await service.audit.record(
        Event.SESSION_STARTED, account_id=account.id, session_id=session.id, client_id=client.id
    )
    return granted(service, account, session, refresh_token, expires_at, dpop_key=dpop_key)
