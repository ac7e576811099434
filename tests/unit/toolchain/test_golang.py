"""Programs of pinned Go modules."""

from pathlib import Path

import pytest

from toolchain import golang


@pytest.mark.parametrize(
    "text",
    [
        "require example.test/tool v1.2.3\n",
        "require (\n\texample.test/tool/v2 v9.0.0\n\texample.test/tool v1.2.3 // indirect\n)\n",
    ],
)
def test_the_version_of_a_program_is_that_of_its_module(tmp_path: Path, text: str) -> None:
    (tmp_path / "go.mod").write_text(f"module auth.local/tool\n\ngo 1.25.0\n\n{text}")

    assert golang.required(tmp_path, "example.test/tool") == "v1.2.3"
