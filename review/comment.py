"""The comment on a pull request: the verdict, a table, and parts that fold out."""

from collections.abc import Callable, Sequence

from review.markdown import LIMIT, code, folded, text
from review.review import Review
from review.sections import SECTIONS, Section
from review.verdict import ALLOWING

_HEADINGS = {
    "clear": ("✅", "machines, address and data stay"),
    "allowed": ("⚠️", f"allowed by the label {ALLOWING}"),
    "blocked": ("⛔", "this needs an explicit yes"),
    "failed": ("❌", "the preview failed"),
}
_MOST_DANGERS = 20
_SMALLEST_BODY = 400  # less of a folded part is of no use


def marker(stack: str) -> str:
    """Return the hidden line that marks the comment of a stack, which is edited in place."""
    return f"<!-- auth-review {stack} -->"


def render(
    review: Review,
    *,
    sections: Sequence[Callable[[Review], Section | None]] = SECTIONS,
    limit: int = LIMIT,
) -> str:
    """Render the review in at most `limit` characters."""
    rendered = [section for make in sections if (section := make(review))]
    icon, heading = _HEADINGS[review.verdict.kind]
    top = [
        marker(review.stack),
        f"### {icon} {code(review.stack)}: {heading}",
        "",
        *_dangers(review),
        "| | |",
        "|---|---|",
        *(f"| **{section.title}** | {section.line} |" for section in rendered),
        "",
    ]
    bottom = (
        f"\n<sub>Preview of {code(review.snapshot.commit[:12] or 'no commit')}, plan "
        f"{code(review.snapshot.plan)}. Edited in place by each new preview.</sub>\n"
    )
    head = "\n".join(top) + "\n"
    room = limit - len(head) - len(bottom)
    return head + _bodies([section for section in rendered if section.body], room) + bottom


def _dangers(review: Review) -> list[str]:
    dangers = review.verdict.dangers
    if not dangers:
        return []
    lines = [
        f"- **{text(danger.what)}**: {code(danger.name)}"
        + (f", because of {code(danger.because)}" if danger.because else "")
        for danger in dangers[:_MOST_DANGERS]
    ]
    if len(dangers) > _MOST_DANGERS:
        lines.append(f"- and {len(dangers) - _MOST_DANGERS} more")
    if review.verdict.kind == "blocked":
        lines += ["", f"To allow it, put the label {code(ALLOWING)} on this pull request."]
    if review.consent and review.consent.by:
        lines += ["", f"{text(review.consent.reason)}."]
    return [*lines, ""]


def _bodies(sections: Sequence[Section], room: int) -> str:
    """Share the room out: a short part leaves its rest to the later parts."""
    parts = []
    for index, section in enumerate(sections):
        share = room // (len(sections) - index)
        if share < _SMALLEST_BODY:
            break
        part = folded(section.title, section.body, share, is_open=section.is_open)
        room -= len(part) + 1
        parts.append(part)
    return "\n".join(parts)
