"""The parts of the comment. Each has a line in the table, and details that fold out beneath.

A new part (the policies' result) is a further function in SECTIONS.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from costs import bill
from review import infrastructure
from review.commits import Commits
from review.container import Container, Names
from review.markdown import Block, code, cut, text
from review.review import Review

# the engine's words for a resource that the stack protects
_PROTECTED = "currently marked for protection"
_HOW_TO_REPLACE = (
    "It is protected. To delete it, first set `auth:protect` to `false` in another pull request "
    "(docs/runbook.md, *The VM must be replaced*). A data volume is always protected (*The data "
    "volume must be replaced*)."
)
_MOST_LINES = 10  # in the table, for many containers


@dataclass(frozen=True, kw_only=True)
class Section:
    title: str
    line: str  # Markdown, without a line break
    body: Sequence[Block] = ()
    is_open: bool = False


def errors(review: Review) -> Section | None:
    """Return the reason why the preview failed, which is never folded away."""
    if review.verdict.kind != "failed":
        return None
    messages = review.plan.errors or ("The log of this run has the engine's reason.",)
    lines = [line for message in messages for line in message.splitlines()]
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


def live_release(review: Review) -> Section | None:
    """Return the release that runs now, with the person who made it."""
    server = review.snapshot.server
    if server is None or not server.author:
        return None
    line = f"release {server.release}, by {text(server.author)}, at {text(server.at)}"
    return Section(title="Live now", line=line)


def downtime(review: Review) -> Section:
    reasons = "; ".join(review.downtime.reasons)
    line = f"{review.downtime.length}{f': {text(reasons)}' if reasons else ''}"
    return Section(title="Downtime", line=line)


def cost(review: Review) -> Section | None:
    """Return the cost of a month before and after, with a table if it changes."""
    if review.costs is None or review.verdict.kind == "failed":
        return None
    before, after = review.costs
    if not before.lines and not after.lines:
        return None
    amounts = (before.price, after.price)
    line = f"{_changed(*amounts)} {after.currency} a month after Always Free"
    if (before.list_price, after.list_price) != amounts:
        line += f", {_changed(before.list_price, after.list_price)} by the list of {after.date}"
    if after.not_priced:
        line += f"; not priced: {', '.join(map(code, after.not_priced[:_MOST_LINES]))}"
    body = (
        [
            Block(lines=["Before:"]),
            Block(lines=bill.table(before), language="text"),
            Block(lines=["After:"]),
            Block(lines=bill.table(after), language="text"),
        ]
        if before.lines != after.lines
        else []
    )
    return Section(title="Cost", line=line, body=body)


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
    live_release,
    downtime,
    cost,
    warnings,
)


def _changed(before: Decimal, after: Decimal) -> str:
    """Return an amount, or two with an arrow between them."""
    return f"{after:.2f}" if before == after else f"{before:.2f} → {after:.2f}"


def _headline(container: Container, commits: Commits) -> str:
    parts = []
    if container.builds:
        parts.append(
            f"a new image is built ({_count(commits)})"
            if _count(commits)
            else "a new image is built"
        )
    elif container.origin:
        parts.append(f"promotes {text(container.origin)}")
    elif container.image[0] != container.image[1]:
        parts.append(f"image {_short(container.image[0])} → {_short(container.image[1])}")
    for title, names in (("environment", container.environment), ("secrets", container.secrets)):
        if tally := _tally(names):
            parts.append(f"{title} {tally}")
    if container.settings:
        parts.append(f"settings {_tally(Names(changed=tuple(container.settings)))}")
    before, after = container.numbers
    if before and after and before != after and not parts:
        parts.append("the live release has drifted, and is repeated")
    return " · ".join(parts) or "released again"


def _count(commits: Commits) -> str | None:
    count = len(commits.listed)
    if not count:
        return None
    way = "taken out" if commits.backwards else "new"
    return f"{count} {way} {'commit' if count == 1 else 'commits'}"


def _tally(names: Names) -> str:
    signs = (("+", names.added), ("−", names.removed), ("~", names.changed))  # noqa: RUF001 - a minus
    counts = [f"{sign}{len(changed)}" for sign, changed in signs if changed]
    if names.uncertain:
        counts.append(f"?{len(names.uncertain)}")
    return " ".join(counts).replace("~", "\\~")


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
    blocks = [Block(lines=lines)] if any((before, after, container.builds)) else []
    if commits.listed or commits.problem:
        blocks += _commits(container, commits)
    if variables := [
        *_variables(container.environment, ""),
        *_variables(container.secrets, " (secret)"),
    ]:
        blocks.append(Block(lines=["Environment variables, by name; values are never shown"]))
        blocks.append(Block(lines=variables, language="diff"))
    if container.settings:
        settings = [
            f"! {name}: {_value(old)} → {_value(new)}"
            for name, (old, new) in container.settings.items()
        ]
        blocks += [Block(lines=["Settings"]), Block(lines=settings, language="diff")]
    return blocks


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
