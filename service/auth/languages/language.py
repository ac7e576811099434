"""A language: its texts in gettext catalogs, and its dates and numbers, by Babel (CLDR)."""

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from gettext import NullTranslations
from typing import Any, Self

from babel.dates import format_date, format_time
from babel.numbers import format_decimal
from babel.support import Translations

from auth.languages import CATALOGS, ENGLISH
from auth.languages.messages import Message

DOMAIN = "auth"


@dataclass(frozen=True, kw_only=True)
class Language:
    """`code` is a language tag of BCP 47."""

    code: str
    texts: NullTranslations = field(repr=False, compare=False)

    @classmethod
    @cache
    def named(cls, code: str) -> Self:
        """Return one of the languages in `languages.AVAILABLE`."""
        texts = NullTranslations() if code == ENGLISH else _catalog(code)
        return cls(code=code, texts=texts)

    def text(self, message: Message) -> str:
        values = {name: self._shown(value) for name, value in message.values.items()}
        if message.plural:
            form = self.texts.ngettext(message.id, message.plural, message.values["n"])
        else:
            form = self.texts.gettext(message.id)
        return form % values if values else form

    def date(self, moment: datetime) -> str:
        return format_date(moment, "medium", locale=self.code)

    def moment(self, moment: datetime) -> str:
        """Return date and time in UTC, to the minute."""
        moment = moment.astimezone(UTC)
        return f"{self.date(moment)}, {format_time(moment, 'HH:mm', locale=self.code)} UTC"

    def _shown(self, value: Any) -> Any:
        if isinstance(value, Message):
            return self.text(value)
        return format_decimal(value, locale=self.code) if isinstance(value, int) else value


def _catalog(code: str) -> NullTranslations:
    folder = CATALOGS / code / "LC_MESSAGES"
    compiled = folder / f"{DOMAIN}.mo"
    if compiled.exists():
        return Translations(io.BytesIO(compiled.read_bytes()))
    # among the sources no compiled catalog gets old; an image has the compiled catalogs alone
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - takes 20 ms, for developers alone
    from babel.messages.pofile import read_po  # noqa: PLC0415

    content = io.BytesIO()
    write_mo(content, read_po(io.BytesIO((folder / f"{DOMAIN}.po").read_bytes()), locale=code))
    content.seek(0)
    return Translations(content)
