"""The vulnerabilities of the image that runs, as the last scan found them: one issue a stack."""

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

    grave: Sequence[str] = ()  # a line each, of those that have a remedy
    problem: str = ""


def read(report: Path) -> Scan:
    """Read a report of Grype; one that is missing or no report is a scan that did not happen."""
    try:
        matches = json.loads(report.read_text())["matches"]
        lines = {
            f"{found['vulnerability']['severity']}: {found['vulnerability']['id']} in "
            f"{found['artifact']['name']} {found['artifact']['version']}; fixed in "
            f"{', '.join(found['vulnerability']['fix']['versions'])}"
            for found in matches
            if found["vulnerability"]["severity"].lower() in _GRAVE
            and found["vulnerability"]["fix"]["versions"]
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Scan(problem=f"there is no report of the scan ({type(error).__name__})")
    return Scan(grave=sorted(lines))


def report(github: GitHub, context: Context, *, stack: str, image: str, scan: Scan) -> str:
    """Open, update or close the stack's one issue; return a sentence on what was done."""
    mark = f"<!-- auth-vulnerabilities {stack} -->"
    if scan.problem:
        title, words = f"{stack} was not scanned", f"{scan.problem}."
    else:
        title = f"{stack} runs an image with {len(scan.grave)} known vulnerabilities"
        words = (
            "raise what is pinned (Dependabot's pull requests do), and deploy. This issue is "
            "edited by each scan, and closed by the first that finds nothing."
        )
    if not (scan.problem or scan.grave):
        told = f"The [scan]({context.run_url}) of {code(image)} finds nothing any more."
        closed = close_issue(github, mark, comment=told, label=LABEL)
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
