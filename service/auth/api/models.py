"""What the API takes and gives. Nothing unknown is taken: a misspelt field is an error."""

from datetime import UTC, datetime
from typing import Annotated, Self

from fastapi import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from auth.sign_in import Grant
from auth.storage.accounts import Account

# One @, something before it, a dotted name behind it: the rest is for the mail server to refuse.
# No space, control character or lone surrogate, which no mail header and no database takes. Nothing
# that means more in a header (RFC 5322 §3.2.3) or hides there (`=?…?=`, RFC 2047): the mail would
# go to another address than the one that it proves.
_ATOM = r"[^\s@\x00-\x1f\x7f<>,;:()\[\]\\\"?]+"
_LONGEST_EMAIL = 254


def _fits(email: str) -> str:
    # letters such as İ are two in lower case, which is what is kept
    if len(email.lower()) > _LONGEST_EMAIL:
        raise ValueError(f"The address must have at most {_LONGEST_EMAIL} characters.")
    return email


Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=_LONGEST_EMAIL,
        pattern=rf"^{_ATOM}@{_ATOM}\.{_ATOM}$",
    ),
    AfterValidator(_fits),
    Field(examples=["ada@example.org"]),
]


def _encodable(secret: SecretStr) -> SecretStr:
    # JSON can hold half of a surrogate pair, which no UTF-8 has: it can't be hashed
    try:
        secret.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("This is no text.") from None
    return secret


Secret = Annotated[SecretStr, AfterValidator(_encodable)]
# NIST SP 800-63B: at least 8, and room for a passphrase
NewPassword = Annotated[
    Secret, Field(min_length=8, max_length=128, examples=["correct horse battery staple"])
]
# whatever was once allowed: the rules of today are no reason to be locked out
Password = Annotated[
    Secret, Field(min_length=1, max_length=128, examples=["correct horse battery staple"])
]
Opaque = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[A-Za-z0-9_.~-]+$")]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$"),
    Field(examples=["Ada Lovelace"]),
]
Identity = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Taken(BaseModel):
    """The base of what is taken."""

    model_config = ConfigDict(extra="forbid")


class Credentials(Taken):
    email: Email
    password: Password


class Me(BaseModel):
    id: str = Field(examples=["5f2b7c1c6f0e4a8f9d2e3b4a5c6d7e8f"])
    email: str = Field(examples=["ada@example.org"])
    email_verified: bool
    name: str | None = Field(examples=["Ada Lovelace"])
    role: str = Field(examples=["user"])
    created_at: str = Field(examples=["2026-01-01T12:00:00+00:00"])

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(
            id=account.id,
            email=account.email,
            email_verified=account.email_verified_at is not None,
            name=account.name,
            role=account.role,
            created_at=account.created_at,
        )


class Tokens(BaseModel):
    access_token: str = Field(description="A JWT (RFC 9068), to be sent as a bearer token.")
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int = Field(description="Seconds until the access token expires.", examples=[600])
    refresh_token: str = Field(description="Works once: each refresh gives the next one.")
    refresh_expires_in: int = Field(examples=[2592000])

    @classmethod
    def of(cls, grant: Grant) -> Self:
        return cls(
            access_token=grant.access_token,
            expires_in=grant.expires_in,
            refresh_token=grant.refresh_token,
            refresh_expires_in=grant.refresh_expires_in,
        )


def written(model: BaseModel) -> Response:
    """Answer with a model of ours as it is, not checked again: for what is asked most."""
    return Response(model.model_dump_json(), media_type="application/json")


def moment(seconds: float) -> str:
    """Write a Unix time as RFC 3339, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
