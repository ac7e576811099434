"""The fields that the API and the pages take, with their checks."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from auth import email_addresses


def _stored(email: str) -> str:
    email = email_addresses.normalized(email)
    # letters such as İ become two in lower case
    if len(email) > email_addresses.LONGEST:
        raise ValueError(f"The address must have at most {email_addresses.LONGEST} characters.")
    return email


def _usable(email: str) -> str:
    if refusal := email_addresses.refusal(email):
        raise ValueError(refusal)
    return email


Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=email_addresses.LONGEST,
        pattern=email_addresses.FORM,
    ),
    AfterValidator(_stored),
    Field(examples=["ada@example.org"]),
]


# of a new account; earlier releases accepted more, and those users sign in as ever
NewEmail = Annotated[Email, AfterValidator(_usable)]


def _encodable(secret: SecretStr) -> SecretStr:
    # JSON can hold half of a surrogate pair, which no UTF-8 has: it can't be hashed
    try:
        secret.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("This is not valid text.") from None
    return secret


Secret = Annotated[SecretStr, AfterValidator(_encodable)]


# NIST SP 800-63B: at least 8, and room for a passphrase
NewPassword = Annotated[
    Secret, Field(min_length=8, max_length=128, examples=["correct horse battery staple"])
]


# every length that was ever allowed: today's rules must not lock a user out
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


# of an audit event; the most that a BIGINT holds
EventId = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Taken(BaseModel):
    """The base of the models that the API takes."""

    model_config = ConfigDict(extra="forbid")


class Credentials(Taken):
    email: Email
    password: Password


class Registration(Taken):
    email: NewEmail
    password: NewPassword
