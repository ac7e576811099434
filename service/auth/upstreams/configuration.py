"""The upstreams that the operator configured: AUTH_UPSTREAMS, and their secrets apart from them."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from auth.clients.clients import LOOPBACK
from auth.clients.registration import described

OPENID: Final = "openid"
GITHUB: Final = "github"
_LONGEST = 255


class UpstreamsError(ValueError):
    """The configuration can't be used; the text names the key and never shows a value."""


class Upstream(BaseModel):
    """A provider; `id` is in our addresses, users see the `name`.

    `issuer` names the provider in the database: another `id` for it keeps the identities.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    kind: Literal["openid", "github"] = OPENID
    # of GitHub: its address
    issuer: str
    client_id: Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST)]

    @field_validator("issuer")
    @classmethod
    def _reachable(cls, value: str, info: ValidationInfo) -> str:
        if problem := unusable(value, plain_http=bool(info.context)):
            raise ValueError(problem)
        if "?" in value or len(value) > _LONGEST:
            # OIDC Discovery §3; the database holds as much
            raise ValueError(f"must have no query, and at most {_LONGEST} characters")
        return value


_UPSTREAMS = TypeAdapter(list[Upstream])
_SECRETS = TypeAdapter(dict[str, Annotated[str, StringConstraints(min_length=1, strict=True)]])


def unusable(url: str, *, plain_http: bool) -> str:
    """Return the reason why nothing may be fetched from the URL, "" for a URL that may be used.

    `plain_http` allows http on loopback, for development.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reads it, and raises if it is no number
    except ValueError:
        return "is no URL"
    if not re.fullmatch(r"[!-~]+", url) or "#" in url or "\\" in url or "@" in parts.netloc:
        return "must be a URL without a fragment and a user"
    if parts.scheme == "https" and parts.hostname:
        return ""
    if plain_http and parts.scheme == "http" and parts.hostname in LOOPBACK:
        return ""
    return "must be https; http on loopback is for AUTH_ENVIRONMENT=development"


def read(text: str, *, development: bool) -> tuple[Upstream, ...]:
    """Read a JSON array of upstreams; raise UpstreamsError, naming the key that is wrong."""
    try:
        found = _UPSTREAMS.validate_json(text, context=development) if text.strip() else []
    except ValidationError as error:
        raise UpstreamsError(described(error)) from None
    for key in ("id", "issuer"):
        values = [getattr(upstream, key) for upstream in found]
        for number, value in enumerate(values):
            if value in values[:number]:
                raise UpstreamsError(f"[{number}].{key} occurs twice")
    return tuple(found)


def read_secrets(text: str, upstreams: tuple[Upstream, ...]) -> Mapping[str, str]:
    """Read a JSON object with the client secret of each upstream by its id; raise UpstreamsError.

    An upstream without a secret is an error, and so is a secret without an upstream.
    """
    try:
        secrets = _SECRETS.validate_json(text) if text.strip() else {}
    except ValidationError:
        raise UpstreamsError(
            'must be a JSON object with a secret for each upstream, as {"google": "…"}.'
        ) from None
    ids = {upstream.id for upstream in upstreams}
    if missing := sorted(ids - {*secrets}):
        raise UpstreamsError(f"has no secret of {missing[0]}, which is in AUTH_UPSTREAMS.")
    if unknown := sorted({*secrets} - ids):
        raise UpstreamsError(f"has a secret of {unknown[0]}, which is not in AUTH_UPSTREAMS.")
    return secrets
