"""Measurements as Markdown."""

import datetime as dt
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows of cells under a title, with notes below."""

    title: str
    columns: Sequence[str]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, title: str, *cells: str) -> None:
        self.rows.append((title, *cells))

    def note(self, text: str) -> None:
        self.notes.append(text)

    def __str__(self) -> str:
        lines = [
            f"| {self.title} | {' | '.join(self.columns)} |",
            f"|---|{'---:|' * len(self.columns)}",
            *(f"| {' | '.join(row)} |" for row in self.rows),
        ]
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes)])


def chart(x: str, marks: Sequence[int], y: str, *lines: Sequence[float]) -> str:
    """Return a Mermaid chart of lines over the same marks."""
    top = max(max(line) for line in lines) * 1.1
    drawn = "".join(f"    line [{', '.join(f'{value:.1f}' for value in line)}]\n" for line in lines)
    return (
        "```mermaid\nxychart-beta\n"
        f'    x-axis "{x}" [{", ".join(map(str, marks))}]\n'
        f'    y-axis "{y}" 0 --> {top:.0f}\n'
        f"{drawn}```"
    )


def date() -> str:
    return str(dt.datetime.now(dt.UTC).date())


def machine() -> str:
    """Return a description of this machine, by which results are compared."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return (
        f"{os.cpu_count()} cores, {memory} GiB, {platform.machine()}, "
        f"Linux {platform.release().partition('-')[0]}"
    )
