"""Texts for people, which are translated when they are shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def msgid(text: str) -> str:
    """Mark an English text for the catalogs; a Message with it is translated."""
    return text


@dataclass(frozen=True, slots=True, init=False)
class Message:
    """A text: `id` is its English form, in which `%(name)s` stands for a value.

    With `plural`, the value `n` decides between the two forms. As `str` the text is English.
    """

    id: str
    plural: str
    values: Mapping[str, Any]

    def __init__(self, id: str, /, *, plural: str = "", **values: Any) -> None:  # noqa: A002 - gettext's word
        object.__setattr__(self, "id", id)
        object.__setattr__(self, "plural", plural)
        object.__setattr__(self, "values", values)

    def __str__(self) -> str:
        form = self.plural if self.plural and self.values["n"] != 1 else self.id
        return form % self.values if self.values else form


def counted(singular: str, plural: str, /, n: int, **values: Any) -> Message:
    """Return a text whose form depends on the number `n`, which is a value of it."""
    return Message(singular, plural=plural, n=n, **values)
