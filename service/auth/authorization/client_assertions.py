"""Assertions: clients prove themselves with a signed JWT in place of a secret (RFC 7523)."""

import base64
import binascii
import json
import time

from auth.clients import client_keys
from auth.clients.clients import Client
from auth.crypto import secret_tokens
from auth.service import Service
from auth.storage import client_assertions

FIELD = "client_assertion"
_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_SECONDS = 3600
_LEEWAY_SECONDS = 30
_LONGEST_ID = 512


def issuer(fields: dict[str, str]) -> str:
    """Return the client that an assertion names; nothing about it is verified."""
    try:
        body = fields[FIELD].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError, IndexError, RecursionError):
        return ""
    name = claims.get("iss") if isinstance(claims, dict) else None
    return name if isinstance(name, str) else ""


async def is_genuine(service: Service, client: Client, fields: dict[str, str]) -> bool:
    """Return whether the client signed the assertion for us, lately, and never used it before."""
    if client.keys is None or fields.get("client_assertion_type") != _TYPE:
        return False
    claims = client_keys.claims(client.keys, fields[FIELD])
    if claims is None or claims.get("iss") != client.id or claims.get("sub") != client.id:
        return False
    expires_at, identity, now = claims.get("exp"), claims.get("jti"), time.time()
    if not isinstance(expires_at, int | float) or not isinstance(identity, str):
        return False
    if not now - _LEEWAY_SECONDS < expires_at <= now + _LONGEST_SECONDS + _LEEWAY_SECONDS:
        return False
    if not is_for(service, claims.get("aud")) or len(identity) > _LONGEST_ID:
        return False
    hashed = secret_tokens.hashed(f"{client.id} {identity}")
    return await service.database.write(
        client_assertions.use, hashed, expires_at=expires_at + _LEEWAY_SECONDS, now=now
    )


def is_for(service: Service, audience: object) -> bool:
    """Return whether a JWT is for this service: its issuer, or an endpoint that takes clients."""
    issuer_url = service.settings.issuer
    ours = {issuer_url, *(f"{issuer_url}/oauth2/{name}" for name in ("token", "par"))}
    named = audience if isinstance(audience, list) else [audience]
    return any(isinstance(name, str) and name in ours for name in named)
