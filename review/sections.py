"""The parts of the comment. Each has a line that everybody reads, and what folds out beneath.

A new part (the policies' result, the monthly cost) is one more function in SECTIONS.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from review import infrastructure
from review.commits import Commits
from review.container import Container, Names
from review.markdown import Block, code, cut, text
from review.review import Review

# what the engine says of a resource that the stack protects
_PROTECTED = "currently marked for protection"
_HOW_TO_REPLACE = (
    "It is protected. If it is meant to go: `auth:protect` to `false` in a pull request of its "
    "own, then this one (docs/runbook.md, *The VM must be replaced*). A data volume is always "
    "protected (*The data volume must be replaced*)."
)
_MOST_LINES = 10  # of a part's line, one for each of many containers


@dataclass(frozen=True, kw_only=True)
class Section:
    title: str
    line: str  # Markdown, one line
    body: Sequence[Block] = ()
    is_open: bool = False


def errors(review: Review) -> Section | None:
    """Tell why the preview failed: the one thing that is never folded away."""
    if review.verdict.kind != "failed":
        return None
    told = review.plan.errors or ("The engine says why in the log of this run.",)
    lines = [line for error in told for line in error.splitlines()]
    body = [Block(lines=lines, language="text")]
    if any(_PROTECTED in line for line in lines):
        body.append(Block(lines=[_HOW_TO_REPLACE]))
    return Section(title="Errors", line=text(cut(lines[0], 200)), body=body, is_open=True)


def plan(review: Review) -> Section:
    return Section(
        title="Infrastructure",
        line=infrastructure.summary(review.plan),
        body=infrastructure.blocks(review.plan),
    )


def release(review: Review) -> Section:
    if not review.containers:
        return Section(title="Container", line="no change")
    several = len(review.containers) > 1
    lines, body = [], []
    for container, commits in review.containers:
        prefix = f"{code(container.name)}: " if several else ""
        lines.append(prefix + _headline(container, commits))
        body += _details(container, commits, heading=several)
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"and {len(lines) - _MOST_LINES} more"]
    return Section(title="Container", line="<br>".join(lines), body=body)


def downtime(review: Review) -> Section:
    reasons = "; ".join(review.downtime.reasons)
    line = f"{review.downtime.length}{f': {text(reasons)}' if reasons else ''}"
    return Section(title="Downtime", line=line)


def warnings(review: Review) -> Section | None:
    if not review.plan.warnings:
        return None
    lines = [line for warning in review.plan.warnings for line in warning.splitlines()]
    count = len(review.plan.warnings)
    line = text(cut(lines[0], 160)) if count == 1 else f"{count}"
    return Section(title="Warnings", line=line, body=[Block(lines=lines, language="text")])


SECTIONS: tuple[Callable[[Review], Section | None], ...] = (
    errors,
    plan,
    release,
    downtime,
    warnings,
)


def _headline(container: Container, commits: Commits) -> str:
    parts = []
    if container.builds:
        parts.append(
            f"a new image is built ({_count(commits)})"
            if _count(commits)
            else "a new image is built"
        )
    elif container.image[0] != container.image[1]:
        parts.append(f"image {_short(container.image[0])} → {_short(container.image[1])}")
    for what, names in (("environment", container.environment), ("secrets", container.secrets)):
        if told := _tally(names):
            parts.append(f"{what} {told}")
    if container.settings:
        parts.append(f"settings {_tally(Names(changed=tuple(container.settings)))}")
    before, after = container.numbers
    if before and after and before != after and not parts:
        parts.append("what runs differs, and is released again")
    return " · ".join(parts) or "released again"


def _count(commits: Commits) -> str:
    count = len(commits.listed)
    if not count:
        return ""
    way = "taken out" if commits.backwards else "new"
    return f"{count} {way} {'commit' if count == 1 else 'commits'}"


def _tally(names: Names) -> str:
    signs = (("+", names.added), ("−", names.removed), ("~", names.changed))  # noqa: RUF001 - a minus
    told = [f"{sign}{len(found)}" for sign, found in signs if found]
    if names.uncertain:
        told.append(f"?{len(names.uncertain)}")
    return " ".join(told).replace("~", "\\~")


def _short(digest: str) -> str:
    return code(digest) if digest else "(none)"


def _details(container: Container, commits: Commits, *, heading: bool) -> list[Block]:
    lines = [f"#### {code(container.name)}", ""] if heading else []
    before, after = container.image
    lines.append(
        f"Image {_short(before)} → {'(built when applied)' if container.builds else _short(after)}"
        if container.builds or before != after
        else f"The image {_short(before)} stays."
    )
    found = [Block(lines=lines)] if any((before, after, container.builds)) else []
    if commits.listed or commits.problem:
        found += _commits(container, commits)
    if told := [
        *_variables(container.environment, ""),
        *_variables(container.secrets, " (secret)"),
    ]:
        found.append(Block(lines=["Environment, by name; values are never shown"]))
        found.append(Block(lines=told, language="diff"))
    if container.settings:
        settings = [
            f"! {name}: {_value(old)} → {_value(new)}"
            for name, (old, new) in container.settings.items()
        ]
        found += [Block(lines=["Settings"]), Block(lines=settings, language="diff")]
    return found


def _commits(container: Container, commits: Commits) -> list[Block]:
    old, new = container.revision
    title = "Commits taken out" if commits.backwards else "Commits"
    lines = [f"{title}, {code(old or 'nothing')} → {code(new or 'nothing')}"]
    if commits.problem:
        lines.append(f"({text(commits.problem)})")
    listed = [f"{commit.short}  {commit.subject}  ({commit.author})" for commit in commits.listed]
    return [Block(lines=lines), Block(lines=listed, language="text")]


def _variables(names: Names, note: str) -> list[str]:
    return [
        *(f"+ {name}{note}" for name in names.added),
        *(f"- {name}{note}" for name in names.removed),
        *(f"! {name}{note}: another value" for name in names.changed),
        *(f"! {name}{note}: known when applied" for name in names.uncertain),
    ]


def _value(value: Any) -> str:
    return cut(json.dumps(value, sort_keys=True), 60)
