"""Challenges that wait for an answer: a second factor, a passkey."""

import json
import re
import time
from collections.abc import Mapping

from auth.crypto import secret_tokens
from auth.errors import Code, ProblemError
from auth.service import Service
from auth.storage import challenges as stored_challenges
from auth.storage.challenges import Challenge, Purpose

SECONDS = 300
OFFER_SECONDS = 600
_OFFER = "passkey offer"
_SECOND = re.compile(r"[0-9]{1,11}")


async def issue(
    service: Service,
    purpose: Purpose,
    account_id: str | None,
    data: Mapping[str, str],
    *,
    seconds: float = SECONDS,
) -> str:
    """Store a challenge with the data to check its answer; return the token that names it."""
    token, now = secret_tokens.make(), time.time()
    challenge = Challenge(
        hash=secret_tokens.hashed(token),
        account_id=account_id,
        purpose=purpose,
        data=json.dumps(data),
        created_at=now,
        expires_at=now + seconds,
    )
    await service.database.write(stored_challenges.add, challenge)
    return token


def offer(service: Service) -> tuple[str, str]:
    """Return a token and its challenge for a passkey, without storing either.

    For a page that each visitor opens, most of them without an answer. The challenge is a tag of
    the token, which nobody else can make; the token holds its end.
    """
    token = f"{int(time.time()) + OFFER_SECONDS}.{secret_tokens.make()}"
    return token, service.sealer.tag(token, _OFFER)


async def find_offered(service: Service, token: str) -> Challenge:
    """Return the open challenge of a passkey.

    An offered challenge is stored first: from then on it is answered once, as any other.
    """
    end, is_offer, _ = token.partition(".")
    now = time.time()
    # an end that is too late would stay in the database
    if is_offer and _SECOND.fullmatch(end) and now < int(end) <= now + OFFER_SECONDS:
        offered = Challenge(
            hash=secret_tokens.hashed(token),
            account_id=None,
            purpose=Purpose.PASSKEY_LOGIN,
            data=json.dumps({"webauthn": service.sealer.tag(token, _OFFER)}),
            created_at=now,
            expires_at=float(end),
        )
        await service.database.write(stored_challenges.add_once, offered)
    return await find(service, Purpose.PASSKEY_LOGIN, token)


async def find(service: Service, purpose: Purpose, token: str) -> Challenge:
    """Return the challenge that a token names, if it may still be answered."""
    hashed = secret_tokens.hashed(token)
    challenge = await service.database.read(stored_challenges.find, hashed, purpose, time.time())
    if challenge is None:
        raise ProblemError(Code.INVALID_CHALLENGE)
    return challenge
