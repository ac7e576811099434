"""Users in a file, one in each line: JSON lines or CSV."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from auth import email_addresses
from auth.crypto import imported_hashes
from auth.crypto.passwords import NO_PASSWORD
from auth.storage.accounts import Account

_LONGEST_SHOWN = 60
_SECRET = "password_hash"  # noqa: S105 - the name of a field
_FLAG = "it must be true or false."
_RULES = {
    "email": "it must be an e-mail address such as ada@example.org.",
    "email_verified": _FLAG,
    "name": "it must be text of at most 128 characters, in one line.",
    "role": "it must be user or admin.",
    "disabled": _FLAG,
    "created_at": "it must be a time with its zone, such as 2020-01-02T03:04Z.",
    "locale": "it must be a language tag such as de or pt-BR.",
    "id": "it must have 32 characters of 0-9 and a-f.",
    _SECRET: "it must be text, such as a hash of bcrypt or a PHC string.",
}
# shorter than each hash: a line of JSON or of values in place of the names may have one
_COLUMN = re.compile(r"[A-Za-z][\w .-]{0,23}", re.ASCII)


def _address(email: str) -> str:
    email = email_addresses.normalized(email)
    if len(email) > email_addresses.LONGEST:
        raise ValueError(f"an address must have at most {email_addresses.LONGEST} characters.")
    if refusal := email_addresses.refusal(email):
        raise ValueError(refusal)
    return email


class UserLine(BaseModel):
    """A user as a line has it. A field that is missing says nothing about an account."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: Annotated[
        str,
        StringConstraints(strip_whitespace=True, pattern=email_addresses.FORM),
        AfterValidator(_address),
    ]
    email_verified: bool = False
    name: (
        Annotated[
            str,
            StringConstraints(
                strip_whitespace=True, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$"
            ),
        ]
        | None
    ) = None
    role: Literal["user", "admin"] = "user"
    disabled: bool = False
    created_at: AwareDatetime | None = None
    locale: (
        Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)] | None
    ) = None
    # the `sub` of tokens
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    password_hash: Annotated[str, AfterValidator(imported_hashes.stored)] | None = None


def written(account: Account, *, password_hash: bool) -> str:
    """Return the line of an account, without its password hash unless that is asked for."""
    line = {
        "id": account.id,
        "email": account.email,
        "email_verified": account.email_verified_at is not None,
        "name": account.name,
        "role": account.role,
        "disabled": account.disabled_at is not None,
        "created_at": account.created_at,
        "locale": account.locale,
    }
    if password_hash and account.password != NO_PASSWORD:
        line[_SECRET] = account.password
    return json.dumps({field: value for field, value in line.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that is not imported, with the reason."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


class ShapeError(ValueError):
    """A line of other software can't be read; the text names the field and the reason."""


Numbered = tuple[int, UserLine | Problem]
Shape = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def of_json(lines: Iterable[bytes], shape: Shape) -> Iterator[Numbered]:
    """Yield the user or the problem of each line, with its number from 1; skip empty lines."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            yield number, Problem(number, "it must be a JSON object in UTF-8, or add --format csv.")
            continue
        yield number, _read(number, fields, shape)


def of_csv(lines: Iterable[bytes]) -> Iterator[Numbered]:
    """Yield the same of a table with the names in its first line; an empty cell is no field."""
    rows = csv.DictReader(_decoded(lines), strict=True)
    try:
        if problem := _wrong_columns(rows.fieldnames or ()):
            yield 1, problem
            return
        for row in rows:
            if None in row or None in row.values():
                text = f"it must have {len(rows.fieldnames or ())} cells, as the first line."
                yield rows.line_num, Problem(rows.line_num, text)
                continue
            fields = {name: cell for name, cell in row.items() if cell != ""}
            yield rows.line_num, _read(rows.line_num, fields, dict)
    except csv.Error as error:
        yield rows.line_num, Problem(rows.line_num, f"it must be CSV: {error}; the rest is unread.")


def _wrong_columns(names: Iterable[str]) -> Problem | None:
    unknown = [
        name if _COLUMN.fullmatch(name) else f"cell {number}"
        for number, name in enumerate(names, 1)
        if name not in UserLine.model_fields
    ]
    if not unknown:
        return None
    return Problem(
        1,
        f"{', '.join(unknown)}: no field of a user; the first line must have names of "
        f"{', '.join(UserLine.model_fields)}. Import JSON lines without --format csv.",
    )


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        # a byte that is no UTF-8 becomes a character that no field takes
        text = line.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape")
        yield text


def _read(number: int, fields: Mapping[str, Any], shape: Shape) -> UserLine | Problem:
    try:
        return UserLine.model_validate(shape(fields))
    except ShapeError as error:
        return Problem(number, str(error))
    except ValidationError as error:
        return Problem(number, "; ".join(map(_sentence, error.errors(include_url=False))))


def _sentence(error: Mapping[str, Any]) -> str:
    field = str(error["loc"][0])
    if error["type"] == "missing":
        return f"{field} is missing."
    if error["type"] == "extra_forbidden":
        return f"{field} is no field of a user; the fields are {', '.join(UserLine.model_fields)}."
    # the reasons of our own checks are in words; pydantic's show patterns and Python's terms
    own = error["type"] == "value_error"
    reason = str(error["msg"]).removeprefix("Value error, ") if own else _RULES[field]
    if field == _SECRET:
        return f"{field}: {reason}"
    shown = ascii(error["input"])[:_LONGEST_SHOWN]
    return f"{field} is {shown}: {reason}"
