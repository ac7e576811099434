"""The versions of `pulumi` that are good enough, and the reason against others."""

from pathlib import Path

import pytest

from common.progress import StepError
from toolchain import engine, golang


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.259.0\n", (3, 259, 0)),
        ("3.272.1", (3, 272, 1)),
        ("v3.260.0-alpha.1+g0123abc", (3, 260, 0)),
        ("v3.100.12-dev", (3, 100, 12)),
        ("1.24", (1, 24, 0)),
        ("command not found", (0, 0, 0)),
        ("", (0, 0, 0)),
    ],
)
def test_a_version_is_read_from_whatever_pulumi_prints(
    text: str, version: tuple[int, int, int]
) -> None:
    assert golang.parse_version(text) == version


def test_versions_compare_as_numbers_not_as_text() -> None:
    assert engine.unfit((3, 1000, 0), has_language_host=True) is None
    assert "older than 3.257.0" in (engine.unfit((3, 99, 9), has_language_host=True) or "")


def test_a_pulumi_that_can_not_run_python_is_passed_over() -> None:
    assert "pulumi-language-python" in (engine.unfit(engine.MINIMUM, has_language_host=False) or "")


def test_what_we_get_ourselves_is_good_enough() -> None:
    assert engine.unfit(golang.parse_version(engine.VERSION), has_language_host=True) is None


def test_a_go_that_is_too_old_is_told_with_the_one_that_is_needed(tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho go1.19.8\n")
    go.chmod(0o755)
    (tmp_path / "go.mod").write_text("module example.test\n\ngo 1.25.0\n")

    with pytest.raises(StepError, match=r"too old: go1\.19\.8\. It takes Go 1\.25\.0 or newer"):
        golang.check(tmp_path, {"PATH": str(tmp_path)}, "It takes {go}.")
