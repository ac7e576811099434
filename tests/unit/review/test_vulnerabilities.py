"""A scan of the live image keeps an issue about vulnerabilities with a remedy."""

import json
from pathlib import Path
from typing import Any

import pytest

from review import vulnerabilities
from review.context import Context
from review.github import GitHub
from review.vulnerabilities import Scan
from tests import github as server

IMAGE = "ghcr.io/acme/auth@sha256:0"


def match(severity: str = "High", *, fixed: bool = True, name: str = "openssl") -> dict[str, Any]:
    versions = ["3.1"] if fixed else []
    vulnerability = {"id": "CVE-2026-1", "severity": severity, "fix": {"versions": versions}}
    return {"vulnerability": vulnerability, "artifact": {"name": name, "version": "3.0"}}


def scan(folder: Path, *matches: dict[str, Any]) -> Scan:
    (folder / "scan.json").write_text(json.dumps({"matches": matches}))
    return vulnerabilities.read(folder / "scan.json")


def report(context: Context, found: Scan) -> str:
    with GitHub(context) as api:
        return vulnerabilities.report(api, context, stack="dev", image=IMAGE, scan=found)


def test_what_is_grave_and_has_a_remedy_counts_once(tmp_path: Path) -> None:
    low, unfixed = match("Medium"), match("Critical", fixed=False)

    found = scan(tmp_path, match(), match(), low, unfixed, match("Critical"))

    assert found.grave == [
        "Critical: CVE-2026-1 in openssl 3.0; fixed in 3.1",
        "High: CVE-2026-1 in openssl 3.0; fixed in 3.1",
    ]


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"matches": [{}]}', '{"matches": 1}'])
def test_a_report_that_is_none_is_a_problem_and_no_good_news(
    github: server.GitHub, context: Context, tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "scan.json").write_text(text)

    found = vulnerabilities.read(tmp_path / "scan.json")

    assert found.problem
    report(context, found)
    assert github.issues[0]["title"] == "dev was not scanned"


def test_one_issue_is_kept_and_closed_by_the_first_scan_that_finds_nothing(
    github: server.GitHub, context: Context, tmp_path: Path
) -> None:
    for found in (scan(tmp_path, match()), scan(tmp_path, match(), match(name="zlib"))):
        report(context, found)

    (issue,) = github.issues
    assert issue["title"] == "dev runs an image with 2 known vulnerabilities"
    assert "zlib 3.0" in issue["body"]
    assert IMAGE in issue["body"]

    assert "#1 is closed" in report(context, scan(tmp_path, match("Low")))
    assert issue["state"] == "closed"
