"""The vulnerabilities of the live image, by the last scan: an issue for each stack."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from review.context import Context
from review.github import GitHub
from review.markdown import LIMIT, Block, code, folded
from review.posts import close_issue, upsert_issue

LABEL = "vulnerability"
_GRAVE = {"high", "critical"}


@dataclass(frozen=True, kw_only=True)
class Scan:
    """The outcome. `problem` is the reason why the image was not scanned."""

    grave: Sequence[str] = ()  # a line for each with a fixed version
    problem: str = ""


def read(report: Path) -> Scan:
    """Read a report of Grype; a missing or malformed report is a scan that did not happen."""
    try:
        matches = json.loads(report.read_text())["matches"]
        lines = {
            f"{match['vulnerability']['severity']}: {match['vulnerability']['id']} in "
            f"{match['artifact']['name']} {match['artifact']['version']}; fixed in "
            f"{', '.join(match['vulnerability']['fix']['versions'])}"
            for match in matches
            if match["vulnerability"]["severity"].lower() in _GRAVE
            and match["vulnerability"]["fix"]["versions"]
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Scan(problem=f"there is no report of the scan ({type(error).__name__})")
    return Scan(grave=sorted(lines))


def report(github: GitHub, context: Context, *, stack: str, image: str, scan: Scan) -> str:
    """Open, update or close the issue of the stack; return a sentence on the result."""
    mark = f"<!-- auth-vulnerabilities {stack} -->"
    if scan.problem:
        title, words = f"{stack} was not scanned", f"{scan.problem}."
    else:
        title = f"{stack} runs an image with {len(scan.grave)} known vulnerabilities"
        words = (
            "raise the pinned versions (Dependabot's pull requests do), and deploy. Each scan "
            "edits this issue, and the first scan without a finding closes it."
        )
    if not (scan.problem or scan.grave):
        comment = f"The [scan]({context.run_url}) of {code(image)} finds nothing any more."
        closed = close_issue(github, mark, comment=comment, label=LABEL)
        return f"{image} has no grave vulnerability with a remedy" + (
            f"; issue #{closed} is closed." if closed else "."
        )
    head = (
        f"{mark}\nThe [nightly scan]({context.run_url}) of {code(image or 'no image')}: {words}\n\n"
    )
    listed = folded("Vulnerabilities", [Block(lines=scan.grave, language="text")], LIMIT - 2_000)
    body = head + (listed if scan.grave else "")
    number = upsert_issue(github, mark, title=title, body=body, label=LABEL)
    return f"{title}: issue #{number}."
