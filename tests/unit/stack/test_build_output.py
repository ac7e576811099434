"""A failed image build shows its last lines, though its plugin has only an exit code."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from stack import build_output
from stack.errors import StackError
from stack.stack import Stack

IMAGE = "urn:pulumi:s::p::auth:image:Image$docker:index/image:Image::auth-image"
COMMAND = "urn:pulumi:s::p::command:remote:Command::auth-release"
# as the official plugin ends it, on Docker 20; later engines have other words, on one line too
ERROR = "error reading build output: executor failed running [/bin/sh -c make]: exit code: 3\n"
DIGEST = "digest: sha256:c955dd2aea0071ae4854192e30e81c00ae2d33025ce88050937d6c25c34c8745"


def passing(message: str, urn: str = IMAGE) -> dict[str, Any]:
    return {"urn": urn, "message": message, "severity": "info", "ephemeral": True}


def failed(message: str = ERROR, urn: str = IMAGE) -> dict[str, Any]:
    return {"urn": urn, "prefix": "error: ", "message": message, "severity": "error"}


def log(*diagnostics: dict[str, Any]) -> bytes:
    events = [{"sequence": 0, "diagnosticEvent": said} for said in diagnostics]
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


BUILD = log(
    passing("Starting Docker build\n"),
    passing(f"{DIGEST}\n[internal] load metadata for base\n{DIGEST}\n[2/2] RUN make\n"),
    passing("compiling\n"),
    passing("main.c: no such "),
    passing("file\n"),
    passing(f"{DIGEST}\n[2/2] RUN make\nerror: executor failed\n"),
    failed(),
)


def test_the_lines_of_a_failed_step_are_shown_under_its_name() -> None:
    lines = [line.strip() for line in build_output.of_failed(BUILD).splitlines()]

    assert lines[0] == "The build of auth-image failed. Its last lines:"
    assert lines[-3:] == ["[2/2] RUN make", "compiling", "main.c: no such file"]


@pytest.mark.parametrize(
    "diagnostics",
    [
        [passing("compiling\n")],
        [passing("compiling\n"), failed(urn=COMMAND)],
        [passing("ready\n", urn=COMMAND), failed(urn=COMMAND)],
        [passing("#5 [2/2] RUN make\n"), failed("it could not be built:\n#5 0.2 compiling\n")],
        [failed()],
    ],
    ids=["it did not fail", "a command failed", "of a command", "the error has them", "no line"],
)
def test_nothing_else_is_shown(diagnostics: list[dict[str, Any]]) -> None:
    assert build_output.of_failed(log(*diagnostics)) == ""


def test_a_long_build_is_shown_by_its_end_without_control_characters() -> None:
    lines = [passing(f"line {number}\x1b[31m!\x07{'x' * 5000}\n") for number in range(500)]
    shown = build_output.of_failed(log(*lines, failed())).splitlines()

    assert len(shown) == 31
    assert shown[-1].strip().startswith("line 499!xxx")
    assert max(map(len, shown)) < 400


def test_a_log_that_was_cut_off_is_read_as_far_as_it_goes() -> None:
    assert build_output.of_failed(BUILD + b'{"sequence": 99, "diagn') == build_output.of_failed(
        BUILD
    )


def test_an_update_that_fails_at_an_image_says_what_its_build_printed(tmp_path: Path) -> None:
    (tmp_path / "recorded").write_bytes(BUILD)
    (tmp_path / "pulumi").write_text(
        "#!/bin/sh\n"
        """[ "$1 $2" = "stack ls" ] && echo '[{"name": "dev"}]' && exit\n"""
        """[ "$1 $2" = "stack export" ] && echo '{}' && exit\n"""
        'for word; do [ "$before" = --event-log ] && cp "$RECORDED" "$word"; before="$word"; done\n'
        "exit 255\n"
    )
    (tmp_path / "pulumi").chmod(0o755)
    env = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "RECORDED": str(tmp_path / "recorded"),
    }

    with pytest.raises(StackError, match=r"(?s)main\.c: no such file.*failed with status 255"):
        Stack(name="dev", clone=tmp_path, env=env).up()
