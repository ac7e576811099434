"""The file of a stack, Pulumi.STACK.yaml: changed with its comments, compared without values."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from stack.errors import StackError

_CONFIG = re.compile(r"^config:[ \t]*(?:#.*|\{\})?$", re.MULTILINE)
_INDENT = re.compile(r"^( +)\S", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Differences:
    """The keys in which two configurations differ; no value, and no secret that both have."""

    removed: tuple[str, ...]  # in the first alone
    added: tuple[str, ...]  # in the second alone
    changed: tuple[str, ...]

    @classmethod
    def between(cls, old: Mapping[str, Any], new: Mapping[str, Any]) -> "Differences":
        first, second = dict(_leaves(old)), dict(_leaves(new))
        return cls(
            removed=tuple(sorted(set(first) - set(second))),
            added=tuple(sorted(set(second) - set(first))),
            changed=tuple(
                sorted(
                    key
                    for key in set(first) & set(second)
                    if first[key] != second[key] and not _is_secret(second[key])
                )
            ),
        )


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Return the text of a stack's file with these plain values in its configuration.

    All other lines stay as they are. Raises StackError for a file of another form.
    """
    before = _configuration(text)
    if not _CONFIG.search(text):
        text = f"{text.rstrip()}\nconfig:\n".lstrip()
    for key, value in values.items():
        written = f"{key}: {value if yaml.safe_load(value) == value else json.dumps(value)}"
        escaped = written.replace("\\", r"\\")
        present = re.compile(rf"^( +){re.escape(key)}:.*$", re.MULTILINE)
        if present.search(text):
            text = present.sub(rf"\g<1>{escaped}", text, count=1)
        else:
            text = _inserted(text, written)
    if _configuration(text) != {**before, **values}:
        raise StackError(
            f"The file of the stack has a form in which {', '.join(values)} can't be set. Write "
            "`config:` on a line of its own, and each key on a line below it."
        )
    return text


def _inserted(text: str, entry: str) -> str:
    """Put an entry at the end of the configuration's block, with the indent of the block."""
    head = _CONFIG.search(text)
    assert head is not None  # noqa: S101 - the caller has put it there
    lines = text[head.end() :].removeprefix("\n").split("\n")
    inside = next((i for i, line in enumerate(lines) if line and line[0] not in " #"), len(lines))
    while inside and not lines[inside - 1].strip():
        inside -= 1
    indent = _INDENT.search("\n".join(lines[:inside]))
    lines.insert(inside, f"{indent[1] if indent else '  '}{entry}")
    block = "\n".join(lines)
    return f"{text[: head.start()]}config:\n{block if block.endswith(chr(10)) else block + chr(10)}"


def _configuration(text: str) -> dict[str, Any]:
    try:
        return dict((yaml.safe_load(text) or {}).get("config") or {})
    except (yaml.YAMLError, AttributeError, TypeError, ValueError):
        raise StackError("The file of the stack is not the YAML that Pulumi writes.") from None


def _leaves(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """List the values with their dotted names; a list is a value, as is a secret."""
    leaves: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, Mapping) and not _is_secret(value):
            leaves += _leaves(value, f"{prefix}{key}.")
        else:
            # the CLI writes each number and truth value as text
            plain = value if isinstance(value, Mapping | list | str) else json.dumps(value)
            leaves.append((f"{prefix}{key}", plain))
    return leaves


def _is_secret(value: Any) -> bool:
    return isinstance(value, Mapping) and "secure" in value
