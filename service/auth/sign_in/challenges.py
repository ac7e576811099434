"""Challenges that wait for an answer: a second factor, a passkey."""

import json
import time
from collections.abc import Mapping

from auth.crypto import secret_tokens
from auth.errors import Code, ProblemError
from auth.service import Service
from auth.storage import challenges as stored_challenges
from auth.storage.challenges import Challenge, Purpose

SECONDS = 300


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


async def find(service: Service, purpose: Purpose, token: str) -> Challenge:
    """Return the challenge that a token names, if it may still be answered."""
    hashed = secret_tokens.hashed(token)
    challenge = await service.database.read(stored_challenges.find, hashed, purpose, time.time())
    if challenge is None:
        raise ProblemError(Code.INVALID_CHALLENGE)
    return challenge
