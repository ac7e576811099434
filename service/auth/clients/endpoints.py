"""The endpoints of webhooks: AUTH_WEBHOOKS, checked as a whole."""

import base64
import binascii
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from auth.clients.registration import described, reachable

_PREFIX = "whsec_"
# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
_SECRET_BYTES = range(24, 65)


class Kind(StrEnum):
    """The kinds of messages. Their names are stable: receivers are built on them."""

    CREATED = "user.created"
    DELETED = "user.deleted"
    DISABLED = "user.disabled"
    ENABLED = "user.enabled"
    LOCKED = "user.locked"
    EMAIL_CHANGED = "user.email_changed"


class EndpointsError(ValueError):
    """The endpoints can't be used; the text names the key and never shows a value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """A receiver. Messages are signed with each of the secrets, so that a secret can be changed."""

    name: str
    url: str
    secrets: tuple[bytes, ...] = field(repr=False)
    kinds: frozenset[Kind]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
    url: Annotated[str, AfterValidator(reachable)]
    secrets: Annotated[list[str], Field(min_length=1, max_length=3)]
    events: Annotated[list[Kind], Field(min_length=1)] = [*Kind]

    @field_validator("secrets")
    @classmethod
    def _decoded(cls, value: list[str]) -> list[str]:
        for secret in value:
            _key(secret)
        return value

    def endpoint(self) -> Endpoint:
        return Endpoint(
            name=self.name,
            url=self.url,
            secrets=tuple(map(_key, self.secrets)),
            kinds=frozenset(self.events),
        )


_ENTRIES = TypeAdapter(list[_Entry])


def read(text: Any) -> tuple[Endpoint, ...]:
    """Read a JSON array of endpoints; raise EndpointsError, naming the key that is wrong."""
    try:
        entries = _ENTRIES.validate_json(text) if str(text).strip() else []
    except ValidationError as error:
        raise EndpointsError(described(error)) from None
    names = [entry.name for entry in entries]
    if len({*names}) < len(names):
        raise EndpointsError("has two endpoints with the same name")
    return tuple(entry.endpoint() for entry in entries)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or len(key) not in _SECRET_BYTES:
        raise ValueError(
            'must be whsec_ and 24 to 64 bytes in base64: echo "whsec_$(openssl rand -base64 32)"'
        )
    return key
