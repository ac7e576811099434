"""Writes the texts of the sources into the catalogs of the languages: `make messages`.

A new text is there without a translation, and a text that is gone is removed; a unit test names the
texts that are left to translate.
"""

import io
from pathlib import Path

from auth.languages import AVAILABLE, CATALOGS, ENGLISH
from auth.languages.language import DOMAIN
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

SOURCES = Path(__file__).parents[1] / "auth"
TRANSLATED = [code for code in AVAILABLE if code != ENGLISH]
_METHODS = [("**.py", "python"), ("pages/templates/**.html", "jinja2")]
# as the pages read them; a template that can't be read is an error
_OPTIONS = {"pages/templates/**.html": {"trimmed": "true", "silent": "false"}}
_KEYWORDS = {
    "msgid": None,
    "Message": None,
    "counted": (1, 2),
    "gettext": None,
    "_": None,
    "ngettext": (1, 2),
}


def extracted() -> Catalog:
    """Return all texts of the sources."""
    texts = Catalog(fuzzy=False)
    for file, _, text, comments, context in extract_from_dir(
        SOURCES,
        method_map=_METHODS,
        options_map=_OPTIONS,
        keywords=_KEYWORDS,
        comment_tags=["Translators:"],
        strip_comment_tags=True,
    ):
        texts.add(text, locations=[(file, 0)], auto_comments=comments, context=context)
    return texts


def file_of(code: str) -> Path:
    return CATALOGS / code / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(code: str) -> Catalog:
    return read_po(io.BytesIO(file_of(code).read_bytes()), locale=code)


def update(catalog: Catalog, texts: Catalog) -> None:
    """Give a catalog the texts of the sources, and take all others out."""
    # a guess at a translation looks finished, and is wrong
    catalog.update(texts, no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()


def written(catalog: Catalog) -> bytes:
    content = io.BytesIO()
    write_po(content, catalog, width=100, sort_by_file=True, include_lineno=False)
    return content.getvalue()


if __name__ == "__main__":
    for each in TRANSLATED:
        catalog = read(each)
        update(catalog, extracted())
        file_of(each).write_bytes(written(catalog))
