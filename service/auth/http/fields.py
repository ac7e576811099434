"""The fields that the API and the pages take, with their checks."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

# An @, something before it, a dotted name behind it: the mail server refuses the rest. No space,
# control character or lone surrogate, which mail headers and databases refuse. No character with a
# meaning in a header (RFC 5322 §3.2.3) or a place to hide (`=?…?=`, RFC 2047): the mail would go to
# another address than the proven address.
_ATOM = r"[^\s@\x00-\x1f\x7f<>,;:()\[\]\\\"?]+"


_LONGEST_EMAIL = 254


def _fits(email: str) -> str:
    # letters such as İ become two in lower case, which is the stored form
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


class Taken(BaseModel):
    """The base of the models that the API takes."""

    model_config = ConfigDict(extra="forbid")


class Credentials(Taken):
    email: Email
    password: Password


class Registration(Taken):
    email: Email
    password: NewPassword
