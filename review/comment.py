"""The comment as people see it: the verdict, a table of one line each, and what folds out."""

from collections.abc import Callable, Sequence

from review.markdown import LIMIT, code, folded, text
from review.review import Review
from review.sections import SECTIONS, Section
from review.verdict import ALLOWING

_HEADINGS = {
    "clear": ("✅", "the VM, its address and its data stay"),
    "allowed": ("⚠️", f"allowed by the label {ALLOWING}"),
    "blocked": ("⛔", "this needs an explicit yes"),
    "failed": ("❌", "the preview failed"),
}
_MOST_DANGERS = 20
_SMALLEST_BODY = 400  # beneath that a folded part tells nothing


def marker(stack: str) -> str:
    """Give the hidden line by which the comment of a stack is found again and edited in place."""
    return f"<!-- auth-review {stack} -->"


def render(
    review: Review,
    *,
    sections: Sequence[Callable[[Review], Section | None]] = SECTIONS,
    limit: int = LIMIT,
) -> str:
    """Render the review in at most `limit` characters, whatever is in it."""
    made = [section for make in sections if (section := make(review))]
    icon, what = _HEADINGS[review.verdict.kind]
    top = [
        marker(review.stack),
        f"### {icon} {code(review.stack)}: {what}",
        "",
        *_dangers(review),
        "| | |",
        "|---|---|",
        *(f"| **{section.title}** | {section.line} |" for section in made),
        "",
    ]
    bottom = (
        f"\n<sub>Preview of {code(review.record.commit[:12] or 'no commit')}, plan "
        f"{code(review.record.plan)}. Edited in place by each new preview.</sub>\n"
    )
    head = "\n".join(top) + "\n"
    room = limit - len(head) - len(bottom)
    return head + _bodies([section for section in made if section.body], room) + bottom


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
        lines += ["", f"If that is meant, put the label {code(ALLOWING)} on this pull request."]
    if review.consent and review.consent.by:
        lines += ["", f"{text(review.consent.reason)}."]
    return [*lines, ""]


def _bodies(sections: Sequence[Section], room: int) -> str:
    """Give each folded part what it needs, and what is left to those that come later."""
    parts = []
    for index, section in enumerate(sections):
        share = room // (len(sections) - index)
        if share < _SMALLEST_BODY:
            break
        part = folded(section.title, section.body, share, is_open=section.is_open)
        room -= len(part) + 1
        parts.append(part)
    return "\n".join(parts)
