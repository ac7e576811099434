"""A GitHub on a local port, and a run of a workflow on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from review.context import Context
from tests import github


@pytest.fixture(name="github")
def _github() -> Iterator[github.GitHub]:
    with github.served() as served:
        yield served
        assert served.unauthorized == 0, "a request came without the token"


@pytest.fixture(name="context")
def _context(github: github.GitHub, tmp_path: Path) -> Context:
    return Context.read(environment(github.url, tmp_path))


def environment(url: str, folder: Path) -> dict[str, str]:
    """Give the variables that GitHub sets, with files in the folder."""
    event = folder / "event.json"
    if not event.exists():
        event.write_text('{"pull_request": {"number": 12, "head": {"sha": "abc"}}}')
    return {
        "GITHUB_API_URL": url,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REF": "refs/heads/develop",
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_REPOSITORY": github.REPOSITORY,
        "GITHUB_RUN_ID": "4711",
        "GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "GITHUB_TOKEN": github.TOKEN,
    }
