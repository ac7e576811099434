"""The authentication of clients (RFC 6749 §2.3)."""

import base64
import binascii
from urllib.parse import unquote_plus

from fastapi import Request

from auth.authorization import client_assertions
from auth.authorization.errors import OAuthError
from auth.clients.clients import Client
from auth.service import Service
from auth.telemetry.audit import Event

METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")
PUBLIC_METHOD = "none"
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="auth", charset="UTF-8"'}


async def authenticated(
    service: Service, request: Request, fields: dict[str, str], *, public: bool
) -> Client:
    """Return the client, by its secret or its key; a `public` client is only identified.

    Refuse any other client with `invalid_client`, in the same words for every reason.
    """
    header = request.headers.get("authorization", "")
    if sum((bool(header), "client_secret" in fields, client_assertions.FIELD in fields)) > 1:
        raise OAuthError("invalid_request", "The client authenticates in two ways at once.")
    if client_assertions.FIELD in fields:
        return await _by_key(service, fields)
    named, secret = _basic(header) if header else _posted(fields)
    client = await service.find_client(named)
    if client is None or ("client_id" in fields and fields["client_id"] != named):
        raise await _refused(service, None)
    if client.keys is not None:
        right = False
    elif client.public:
        right = public and secret is None
    else:
        right = secret is not None and client.knows(secret)
        if header and secret is not None:
            # many clients send it as it is, and not as RFC 6749 §2.3.1 encodes it
            right = client.knows(unquote_plus(secret)) or right
    if not right:
        raise await _refused(service, client)
    return client


async def _by_key(service: Service, fields: dict[str, str]) -> Client:
    """Return the client that signed the assertion (RFC 7523 §3, OIDC Core §9)."""
    named = fields.get("client_id") or client_assertions.issuer(fields)
    client = await service.find_client(named)
    if client is None or not await client_assertions.is_genuine(service, client, fields):
        raise await _refused(service, client)
    return client


async def _refused(service: Service, client: Client | None) -> OAuthError:
    # only a registered id: strangers' input does not belong in the audit log
    client_id = client.id if client else None
    await service.audit.record_first(Event.CLIENT_REFUSED, client_id=client_id)
    return OAuthError(
        "invalid_client", "The client is unknown, or its secret or key is wrong.", 401, _CHALLENGE
    )


def _posted(fields: dict[str, str]) -> tuple[str, str | None]:
    return fields.get("client_id", ""), fields.get("client_secret")


def _basic(header: str) -> tuple[str, str | None]:
    """Read client_secret_basic: the id, and the secret as it came.

    RFC 6749 §2.3.1 form-encodes both parts.
    """
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return "", None
    try:
        name, _, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", None
    return unquote_plus(name), secret
