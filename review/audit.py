"""The audit of the dependencies: known vulnerabilities, and packages that were not audited."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from review.errors import ReviewError

REQUIREMENTS = ("requirements-dev.txt", "service/requirements.txt", "toolchain/requirements.txt")
_SHOWN = 5
_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The outcome. A package is audited, vulnerable, or could not be audited."""

    audited: int
    vulnerable: tuple[str, ...]  # a line each
    not_audited: tuple[str, ...]  # a line each, with the reason

    @property
    def passes(self) -> bool:
        return self.audited > 0 and not (self.vulnerable or self.not_audited)

    def lines(self) -> list[str]:
        """Return the outcome in lines for people: the problems first, then the way out."""
        total = self.audited + len(self.not_audited)
        if self.passes:
            return [f"{total} packages audited: no known vulnerability."]
        lines = [f"- {line}" for line in self.vulnerable]
        if self.vulnerable:
            lines.append("Raise these in their requirements*.in, then: make lock")
        if self.not_audited or not total:
            lines.append(f"{len(self.not_audited)} of {total} packages were not audited:")
            lines += [f"- {line}" for line in self.not_audited[:_SHOWN]]
            if len(self.not_audited) > _SHOWN:
                lines.append(f"- and {len(self.not_audited) - _SHOWN} more")
            lines += [
                "An audit that leaves packages out does not pass. PyPI's own API knows the",
                "vulnerabilities; most mirrors of its packages do not. Audit where that API",
                "answers, or ask another service: make audit SERVICE=osv",
            ]
        return lines


def audit(clone: Path, *, service: str, options: Sequence[str] = ()) -> Audit:
    """Audit every pinned package by pip-audit; raise ReviewError if the service does not answer."""
    files = [word for name in REQUIREMENTS for word in ("-r", str(clone / name))]
    command = [
        *(sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"),
        *("--format", "json", "--progress-spinner", "off", "--vulnerability-service", service),
        *options,
        *files,
    ]
    result = subprocess.run(
        command, cwd=clone, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    try:
        packages = json.loads(result.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = (result.stderr.strip() or f"status {result.returncode}").rpartition("\n")[2]
        raise ReviewError(
            f"No package was audited: pip-audit got no answer from {service}: {reason}. Run "
            "`make audit` where that service answers, or ask another: make audit SERVICE=osv"
        ) from None
    return read(packages)


def read(packages: Sequence[dict[str, Any]]) -> Audit:
    """Read pip-audit's report: a package with a `skip_reason` was not audited."""
    skipped = [package for package in packages if "skip_reason" in package]
    audited = [package for package in packages if "skip_reason" not in package]
    return Audit(
        audited=len(audited),
        vulnerable=tuple(
            _line(package, vulnerability)
            for package in audited
            for vulnerability in package["vulns"]
        ),
        not_audited=tuple(f"{package['name']}: {package['skip_reason']}" for package in skipped),
    )


def _line(package: dict[str, Any], vulnerability: dict[str, Any]) -> str:
    names = ", ".join([vulnerability["id"], *vulnerability.get("aliases", [])])
    fixed = ", ".join(vulnerability.get("fix_versions", [])) or "no version yet"
    return f"{package['name']} {package['version']}: {names}; fixed in {fixed}"
