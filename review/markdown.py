"""Other people's text, made harmless in GitHub's Markdown and cut to GitHub's limit."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

LIMIT = 65_536  # characters that GitHub takes as the body of a comment or an issue
_LINE = 400
_LINKING = re.compile(r"(@|#|://|www)(?=[\w./])")
_SPECIAL = re.compile(r"([\\`*_\[\]|~])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, kw_only=True)
class Block:
    """Lines that stay together; with a `language` in a fence, in which nothing is Markdown."""

    lines: Sequence[str]
    language: str | None = None


def text(value: str) -> str:
    """Return text for a line, as it is: no markup, no link, no mention."""
    escaped = html.escape(_SPECIAL.sub(r"\\\1", one_line(value)), quote=False)
    # a word joiner, which nobody sees
    return _LINKING.sub("\\1\u2060", escaped)


def code(value: str) -> str:
    """Show text in a code span, also in a table's cell."""
    shown = one_line(value).replace("|", "\\|")
    fence = "`" * (_longest_run(shown) + 1)
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{space}{shown}{space}{fence}"


def one_line(value: str) -> str:
    """Drop characters that draw, hide or reorder: control characters, line ends, comment marks."""
    shown = _CONTROL.sub("", value.replace("\n", " ").replace("\t", " "))
    return cut(shown.replace("<!--", "<! --").replace("-->", "-- >"))


def cut(value: str, limit: int = _LINE) -> str:
    return value if len(value) <= limit else f"{value[: limit - 1]}…"


def folded(title: str, blocks: Sequence[Block], limit: int, *, is_open: bool = False) -> str:
    """Fold blocks under a title, in at most `limit` characters; the end counts the cut lines."""
    head = f"<details{' open' if is_open else ''}><summary>{title}</summary>\n\n"
    foot = "\n</details>\n"
    room = limit - len(head) - len(foot)
    return head + _fitting(blocks, room) + foot


def _fitting(blocks: Sequence[Block], room: int) -> str:
    parts: list[str] = []
    left_out = 0
    for block in blocks:
        lines = (
            [one_line(line) for line in block.lines]
            if block.language is not None
            else [*block.lines]
        )
        fence = "`" * max(3, max(map(_longest_run, lines), default=0) + 1)
        around = 0 if block.language is None else 2 * len(fence) + len(block.language) + 2
        # the sentence on the rest needs room, too
        fitting = _first_lines(lines, room - around - 80) if not left_out else []
        left_out += len(lines) - len(fitting)
        if not fitting:
            continue
        shown = "\n".join(fitting) + "\n"
        if block.language is not None:
            shown = f"{fence}{block.language}\n{shown}{fence}\n"
        parts.append(shown)
        room -= len(shown) + 1
    if left_out:
        more = "line is" if left_out == 1 else "lines are"
        parts.append(f"_{left_out:,} more {more} in the log of this run._\n")
    return "\n".join(parts)


def _first_lines(lines: Sequence[str], room: int) -> list[str]:
    fitting = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        fitting.append(line)
    return fitting


def _longest_run(value: str) -> int:
    return max(map(len, re.findall(r"`+", value)), default=0)
