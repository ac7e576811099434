"""The languages of the service's pages: complete catalogs, and the choice among them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from auth.languages import AVAILABLE, CATALOGS, ENGLISH, choice
from auth.languages.language import Language
from auth.languages.messages import Message, counted
from auth.mail.messages import Messages
from auth.storage import accounts
from babel import Locale
from babel.messages.catalog import Catalog
from documents import messages

from components.image import SERVICE

# a name of RFC 6749, the name of the service, an attribute in a block of its own
_NAMES = {"client_id", "Authentication Service", 'class="wide"'}
_TEMPLATE = re.compile(r"{% trans.*?endtrans %}|{{.*?}}|{%.*?%}", re.DOTALL)
_PLACE = re.compile(r"%\(\w+\)s|</?\w+>")


@pytest.fixture(name="texts", scope="module")
def _texts() -> Catalog:
    return messages.extracted()


Text = str | tuple[str, ...] | list[str] | None


def _forms(text: Text) -> Iterator[str]:
    yield from ([text] if isinstance(text, str) else text or ())


@pytest.mark.parametrize("code", messages.TRANSLATED)
def test_each_text_of_the_sources_has_a_translation(code: str, texts: Catalog) -> None:
    catalog = messages.read(code)

    left = [str(text.id) for text in texts if text.id and not _is_translated(catalog, text.id)]

    assert not left, f"{messages.file_of(code)} has no translation of {left}"


def _is_translated(catalog: Catalog, text: Text) -> bool:
    found = catalog.get(next(_forms(text)))
    return found is not None and found.id == text and all(_forms(found.string))


@pytest.mark.parametrize("code", messages.TRANSLATED)
def test_a_catalog_has_no_text_that_is_gone_and_no_guess(code: str, texts: Catalog) -> None:
    catalog = messages.read(code)

    gone = [
        str(text.id) for text in catalog if text.id and texts.get(next(_forms(text.id))) is None
    ]

    assert not gone, "make messages removes them"
    assert not catalog.obsolete
    assert not [text.id for text in catalog if text.fuzzy]


@pytest.mark.parametrize("code", messages.TRANSLATED)
def test_a_translation_has_the_values_and_the_tags_of_its_text(code: str) -> None:
    wrong = [
        form
        for text in messages.read(code)
        if text.id
        for form in _forms(text.string)
        if sorted(_PLACE.findall(form)) != sorted(_PLACE.findall(next(_forms(text.id))))
    ]

    assert not wrong


@pytest.mark.parametrize("code", messages.TRANSLATED)
def test_the_texts_of_the_sources_are_in_the_catalogs_as_make_messages_writes_them(
    code: str, texts: Catalog
) -> None:
    catalog = messages.read(code)
    messages.update(catalog, texts)

    assert messages.written(catalog) == messages.file_of(code).read_bytes(), "make messages"


def test_each_text_of_a_template_is_translated() -> None:
    plain = {}
    for template in (messages.SOURCES / "pages" / "templates").glob("*.html"):
        text = _TEMPLATE.sub("", template.read_text())
        shown = re.findall(r'(?:aria-label|placeholder|alt|title|data-failed)="([^"]+)"', text)
        shown += re.sub(r"<[^>]*>", "\n", text).splitlines()
        plain[template.name] = {part.strip() for part in shown if re.search(r"[a-z]{2}", part)}

    left = {name: texts - _NAMES for name, texts in plain.items() if texts - _NAMES}
    assert not left


def test_the_image_keeps_the_locale_data_of_each_language() -> None:
    dockerfile = (SERVICE / "Dockerfile").read_text()
    kept = re.search(r"regex '\.\*/\\\(root\\\|(.+)\\\)\\\.dat'", dockerfile)

    assert kept
    assert sorted(kept[1].split("\\|")) == sorted(AVAILABLE)


@pytest.mark.parametrize(
    ("header", "wishes"),
    [
        ("de-AT,de;q=0.8,en;q=0.5", ["de-AT", "de", "en"]),
        ("en;q=0.5, es , de;q=0.9", ["es", "de", "en"]),
        ("de;q=0, en", ["en"]),
        ("de;q=much, *;q=0.1", ["*"]),
        ("", []),
        (",;q=1,", []),
    ],
)
def test_the_most_wanted_language_comes_first(header: str, wishes: list[str]) -> None:
    assert choice.accepted(header) == wishes


@pytest.mark.parametrize(
    ("wishes", "best"),
    [
        (["fr", "de-AT", "en"], "de"),
        (["DE"], "de"),
        (["es-419"], "es"),
        (["fr", "*", "../de", ""], ""),
    ],
)
def test_the_first_wish_that_can_be_fulfilled_counts(wishes: list[str], best: str) -> None:
    assert choice.best(wishes, ("en", "de", "es")) == best


def test_a_text_has_the_number_and_the_form_of_its_language() -> None:
    german = Language.named("de")
    one, many = "%(n)s second", "Too many attempts. Try again in %(n)s seconds."
    waiting = counted("Too many attempts. Try again in %(n)s second.", many, 1200)

    assert str(waiting) == "Too many attempts. Try again in 1200 seconds."
    assert "in 1.200 Sekunden" in german.text(waiting)
    assert str(counted(one, many, 1)) == "1 second"
    assert Language.named("en").text(counted(one, many, 1)) == "1 second"


def test_a_text_in_a_text_is_translated_too() -> None:
    outer = Message("Sign in to %(client)s", client=Message("Your account"))

    assert Language.named("de").text(outer) == "Anmelden bei Ihr Konto"


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("en", "Nov 5, 2026, 18:03 UTC"),
        ("de", "05.11.2026, 18:03 UTC"),
        ("es", "5 nov 2026, 18:03 UTC"),
    ],
)
def test_a_moment_is_written_as_its_language_writes_it(code: str, shown: str) -> None:
    assert Language.named(code).moment(datetime(2026, 11, 5, 18, 3, tzinfo=UTC)) == shown


def test_each_language_has_a_catalog_and_the_name_that_cldr_gives_it() -> None:
    assert {folder.name for folder in CATALOGS.iterdir()} == set(AVAILABLE) - {ENGLISH}
    for code, name in AVAILABLE.items():
        assert name.casefold() == str(Locale.parse(code).get_display_name(code)).casefold()


@pytest.mark.parametrize("code", AVAILABLE)
def test_a_mail_is_whole_in_the_language_of_its_account(code: str) -> None:
    account = accounts.new("ada@example.test", "!", locale=code)
    mails = Messages("https://auth.example.test", "", "", ("en", *messages.TRANSLATED))

    subject, text = mails.in_language_of(account).factor_removed("passkey")

    passkey = {"en": "passkey", "de": "Passkey", "es": "clave de acceso"}[code]
    assert text.split("\n\n")[0].endswith(f": {passkey}.")
    assert (subject == "A second factor was removed") == (code == "en")


def test_a_mail_is_in_the_first_language_where_that_of_the_account_is_not_offered() -> None:
    account = accounts.new("ada@example.test", "!", locale="fr")
    mails = Messages("https://auth.example.test", "", "", ("de", "en"))

    subject, _ = mails.in_language_of(account).identity_linked("GitHub")

    assert subject == "Eine Anmeldemöglichkeit wurde hinzugefügt"
