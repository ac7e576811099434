"""The state in files, as Pulumi's CLI writes it."""

import json
from pathlib import Path
from typing import Any

import pytest

from stack.state_files import StateFiles, outputs_of

_SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def stored(folder: Path, document: Any) -> StateFiles:
    file = folder / ".pulumi" / "stacks" / "auth" / "local.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(document))
    return StateFiles(f"file://{folder}")


@pytest.mark.parametrize("version", [3, 4])
def test_the_resources_of_a_stack_are_those_of_its_last_checkpoint(
    tmp_path: Path, version: int
) -> None:
    resources = [{"type": "a", "urn": "urn:a"}]
    document = {"version": version, "checkpoint": {"latest": {"resources": resources}}}

    assert stored(tmp_path, document).resources("local") == resources


def test_a_stack_that_was_just_made_has_no_resources(tmp_path: Path) -> None:
    document = {"version": 3, "checkpoint": {"stack": "organization/auth/local"}}

    assert stored(tmp_path, document).resources("local") == []


def test_an_unknown_format_a_missing_file_and_another_backend_are_left_to_the_cli(
    tmp_path: Path,
) -> None:
    newer = stored(tmp_path, {"version": 5, "checkpoint": {"latest": {"resources": [{}]}}})

    assert newer.resources("local") is None
    assert newer.resources("dev") is None
    assert StateFiles("s3://state").resources("local") is None
    assert StateFiles("s3://state").names() == []


def test_the_outputs_are_those_of_the_stack_with_secrets_hidden() -> None:
    resources: list[dict[str, Any]] = [
        {"type": "pulumi:pulumi:Stack", "delete": True, "outputs": {"url": "former"}},
        {"type": "pulumi:pulumi:Stack", "outputs": {"url": "http://a", "key": _SECRET}},
        {"type": "other", "outputs": {"url": "of another"}},
    ]

    assert outputs_of(resources) == {"url": "http://a", "key": "[secret]"}
    assert outputs_of([]) == {}
