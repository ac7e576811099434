"""Writes the table of environment variables in docs/service.md: `make variables`."""

import re
from pathlib import Path

from auth.settings import DAY, Settings
from auth.variables import bounds, name_of
from pydantic.fields import FieldInfo

DOCUMENT = Path(__file__).parents[2] / "docs" / "service.md"
_HEAD = "| variable | default | |\n|---|---|---|\n"
_TABLE = re.compile(re.escape(_HEAD) + r"(?:\|.*\n)+")


def table() -> str:
    """Return the table as Markdown, a variable a line, in the order of the settings."""
    rows = (
        f"| `{name_of(name)}` | {_default(field)} | {_meaning(field)} |\n"
        for name, field in Settings.model_fields.items()
    )
    return _HEAD + "".join(rows)


def with_table(document: str) -> str:
    """Return the document with today's table in place of its table."""
    replaced, count = _TABLE.subn(lambda _: table(), document)
    if count != 1:
        raise ValueError(f"{DOCUMENT} has {count} tables of variables instead of one")
    return replaced


def _default(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "shown" in extra:
        return str(extra["shown"])
    if field.is_required():
        return "required"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    if isinstance(field.default, int):
        return _duration(field.default)
    return f"`{field.default}`" if field.default else ""


def _meaning(field: FieldInfo) -> str:
    text = field.description or ""
    if field.annotation is int:
        lowest, highest = bounds(field)
        text += f"; {lowest} to {_duration(highest)}"
    return text


def _duration(value: int) -> str:
    """Return whole days as such: a long number of seconds is hard to read."""
    return f"{value // DAY} days" if value >= DAY and value % DAY == 0 else str(value)


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text()))
