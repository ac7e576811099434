"""Authorization requests that come from the client itself, and not from the browser alone.

A client pushes them (RFC 9126), or signs them (RFC 9101). The browser goes on with the plain
request. That of a pushed request has a tag that only this service can make, so that a client which
always pushes gets no request that somebody changed on its way.
"""

import hmac
import json
import time
from urllib.parse import urlencode

from auth.authorization.client_assertions import FIELD as ASSERTION
from auth.authorization.client_assertions import is_for
from auth.authorization.errors import OAuthError
from auth.authorization.parameters import parameters
from auth.authorization.requests import (
    RefusedRequestError,
    UnusableRequestError,
    read,
    unusable_client,
)
from auth.clients import client_keys
from auth.clients.clients import Client
from auth.crypto import secret_tokens
from auth.languages.messages import msgid
from auth.service import Service
from auth.storage import pushed_requests

TAG = "pushed"
SECONDS = 90
_NAME = "urn:ietf:params:oauth:request_uri:"
# a destination of the sign-in page may not be longer
_LONGEST = 8000
_OF_AUTHENTICATION = frozenset({"client_secret", ASSERTION, "client_assertion_type"})
# they belong to the JWT, and not to the request
_OF_JWT = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})
# taken out of the request once we have done what they ask for
_CHANGE = frozenset({"prompt", "max_age", "ui_locales", TAG})
_STALE = msgid("The application's request was used already, or is too old.")
_FORGED = msgid("The application's request is not signed as it should be.")


async def push(
    service: Service, client: Client, fields: dict[str, str], *, dpop_key: str | None
) -> str:
    """Store a client's request; return the `request_uri` that names it. Raise OAuthError.

    The code will be bound to the key that the client proves with the request (RFC 9449 §10.1).
    """
    values = {name: value for name, value in fields.items() if name not in _OF_AUTHENTICATION}
    if "request_uri" in values:
        raise OAuthError("invalid_request", "A pushed request has no request_uri.")
    values["client_id"] = client.id
    if "request" in values:
        values = _signed(service, client, values)
    if dpop_key is not None and values.setdefault("dpop_jkt", dpop_key) != dpop_key:
        raise OAuthError("invalid_dpop_proof", "dpop_jkt is not the thumbprint of the proven key.")
    query = urlencode(values)
    if len(query) > _LONGEST:
        raise OAuthError("invalid_request", "The request is too long.")
    try:
        read(service.settings.clients, service.tokens, query)
    except UnusableRequestError as error:
        raise OAuthError("invalid_request", str(error)) from None
    except RefusedRequestError as error:
        raise OAuthError(error.error, error.description) from None
    token, now = secret_tokens.make(), time.time()
    await service.database.write(
        pushed_requests.add,
        secret_tokens.hashed(token),
        client_id=client.id,
        query=query,
        now=now,
        expires_at=now + SECONDS,
    )
    return _NAME + token


async def plain(service: Service, query: str) -> str | None:
    """Return the plain query of a pushed or a signed request, None for any other request.

    Raise UnusableRequestError.
    """
    try:
        values = parameters(query)
    except ValueError:
        return None
    client = await service.find_client(values.get("client_id", ""))
    uri = values.get("request_uri", "")
    if uri.startswith(_NAME):
        if client is None:
            raise unusable_client()
        found = await service.database.write(
            pushed_requests.take,
            secret_tokens.hashed(uri.removeprefix(_NAME)),
            client_id=client.id,
            now=time.time(),
        )
        if found is None:
            raise UnusableRequestError(_STALE)
        values = parameters(found)
        return _short({**values, TAG: _tag(service, values)})
    if client is not None and client.keys is not None and "request" in values:
        try:
            return _short(_signed(service, client, values))
        except OAuthError:
            raise UnusableRequestError(_FORGED) from None
    return None


def is_genuine(service: Service, query: str) -> bool:
    """Return whether a query is that of a pushed request, unchanged."""
    values = parameters(query)
    tag = values.get(TAG, "")
    return hmac.compare_digest(tag.encode(), _tag(service, values).encode())


def _signed(service: Service, client: Client, values: dict[str, str]) -> dict[str, str]:
    """Return the parameters of a request object; those outside of it do not count (RFC 9101 §5)."""
    refused = OAuthError("invalid_request_object", _FORGED)
    if client.keys is None:
        raise OAuthError("request_not_supported", "The client has no registered keys.")
    claims = client_keys.claims(client.keys, values["request"])
    if claims is None or claims.get("iss") != client.id or not is_for(service, claims.get("aud")):
        raise refused
    expires_at = claims.get("exp")
    if not isinstance(expires_at, int | float) or expires_at < time.time():
        raise refused
    inner = {name: value for name, value in claims.items() if name not in _OF_JWT}
    if inner.get("client_id") != client.id or {"request", "request_uri"} & set(inner):
        raise refused
    texts = {name: _text(value) for name, value in inner.items()}
    return {name: value for name, value in texts.items() if value}


def _text(value: object) -> str:
    """Return the parameter that a claim of a request object stands for."""
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value)


def _short(values: dict[str, str]) -> str:
    query = urlencode(values)
    if len(query) > _LONGEST:
        raise UnusableRequestError(msgid("The application's request is too long."))
    return query


def _tag(service: Service, values: dict[str, str]) -> str:
    lasting = sorted((name, value) for name, value in values.items() if name not in _CHANGE)
    return service.sealer.tag(urlencode(lasting), "pushed request")
