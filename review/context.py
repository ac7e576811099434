"""The run of a command on GitHub, from its environment variables and the event's file.

https://docs.github.com/en/actions/reference/workflows-and-actions/variables
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from review.errors import ReviewError


@dataclass(frozen=True, kw_only=True)
class Context:
    """A run of a workflow; outside of GitHub, the defaults."""

    api: str = "https://api.github.com"
    repository: str = ""  # OWNER/NAME
    token: str = ""
    commit: str = ""
    ref: str = ""
    run_id: str = "0"
    run_url: str = ""
    event: Mapping[str, Any]
    summary_file: Path | None = None
    output_file: Path | None = None

    @classmethod
    def read(cls, env: Mapping[str, str] = os.environ) -> "Context":
        repository = env.get("GITHUB_REPOSITORY", "")
        server = env.get("GITHUB_SERVER_URL", "https://github.com")
        run_id = env.get("GITHUB_RUN_ID", "0")
        event = Path(env.get("GITHUB_EVENT_PATH") or os.devnull)
        return cls(
            api=env.get("GITHUB_API_URL", cls.api),
            repository=repository,
            token=env.get("GITHUB_TOKEN", ""),
            commit=env.get("GITHUB_SHA", ""),
            ref=env.get("GITHUB_REF", ""),
            run_id=run_id,
            run_url=f"{server}/{repository}/actions/runs/{run_id}",
            event=json.loads(event.read_text() or "{}"),
            summary_file=_path(env.get("GITHUB_STEP_SUMMARY")),
            output_file=_path(env.get("GITHUB_OUTPUT")),
        )

    @property
    def pull_request(self) -> int:
        """The number of this run's pull request; ReviewError without a pull request."""
        number = (self.event.get("pull_request") or {}).get("number")
        if not number:
            raise ReviewError(
                "This run belongs to no pull request: the file GITHUB_EVENT_PATH has no number. "
                "Leave POST empty to print the comment."
            )
        return int(number)

    @property
    def head(self) -> str:
        """The last commit of the pull request; empty without a pull request."""
        return str(((self.event.get("pull_request") or {}).get("head") or {}).get("sha", ""))

    def summarize(self, markdown: str) -> None:
        """Add to the summary of the job; outside of GitHub, print it."""
        if self.summary_file is None:
            print(markdown)
            return
        with self.summary_file.open("a") as file:
            file.write(f"{markdown}\n")

    def comparison(self, branch: str) -> str:
        """Return the page on which a person opens the pull request of a branch."""
        site, base = self.run_url.partition("/actions/")[0], self.ref.rpartition("/")[2]
        return f"{site}/compare/{base}...{branch}?expand=1"

    def output(self, **values: str) -> None:
        """Pass values to later steps; outside of GitHub, print them."""
        lines = []
        for name, value in values.items():
            if "\n" in value:
                raise ReviewError(f"the output {name} has several lines")
            lines.append(f"{name}={value}\n")
        if self.output_file is None:
            sys.stdout.writelines(lines)
            return
        with self.output_file.open("a") as file:
            file.writelines(lines)


def _path(value: str | None) -> Path | None:
    return Path(value) if value else None
