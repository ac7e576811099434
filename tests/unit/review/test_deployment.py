"""A deployment's outputs for later steps, and the check of its URLs."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from review import deployment, evidence, pr_stacks
from review.context import Context
from review.errors import ReviewError
from review.github import GitHub
from stack.stack import Stack
from tests import github as server

KEYS = {"keys": [{"kid": "1"}]}


@contextmanager
def service(answers: dict[str, tuple[int, Any]]) -> Iterator[dict[str, str]]:
    """Serve fixed answers by path; give the outputs of a stack that leads there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, answer = answers.get(self.path, (404, {}))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{http.server_address[1]}"
        try:
            yield {"url": url, "healthUrl": f"{url}/healthz", "jwksUrl": f"{url}/jwks"}
        finally:
            http.shutdown()


def test_a_service_that_answers_with_a_key_works() -> None:
    with service({"/healthz": (200, {}), "/jwks": (200, KEYS)}) as outputs:
        assert len(deployment.smoke(outputs)) == 2


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"/healthz": (503, {}), "/jwks": (200, KEYS)}, "last: HTTP 503"),
        ({"/healthz": (200, {}), "/jwks": (404, {})}, "last: HTTP 404"),
        ({"/healthz": (200, {}), "/jwks": (200, {"keys": []})}, "has no key"),
    ],
)
def test_one_that_does_not_is_told_with_what_it_said_last(
    answers: dict[str, tuple[int, Any]], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "_SECONDS", 0)
    with service(answers) as outputs, pytest.raises(ReviewError, match=said):
        deployment.smoke(outputs)


def test_a_stack_that_is_not_up_has_nothing_to_try() -> None:
    with pytest.raises(ReviewError, match="make up"):
        deployment.smoke({})


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("ghcr.io/acme/auth@sha256:0", "ghcr.io/acme/auth"),
        ("127.0.0.1:5000/acme/auth@sha256:0", "127.0.0.1:5000/acme/auth"),
        ("127.0.0.1:5000/acme/auth:sha-1@sha256:0", "127.0.0.1:5000/acme/auth"),
    ],
)
def test_what_is_attested_is_the_image_without_its_tag(image: str, name: str) -> None:
    class Up(Stack):
        def outputs(self) -> dict[str, Any]:
            return {"image": image, "url": "https://auth.test", "release": 7}

    told = deployment.outputs(Up(name="dev", clone=Path(), env={}))

    assert told == {
        "url": "https://auth.test",
        "image": name,
        "digest": "sha256:0",
        "release": "7",
    }


def test_the_answers_are_kept_word_by_word(tmp_path: Path) -> None:
    answers = {"/healthz": (200, {}), "/jwks": (200, KEYS), "/version": (200, {"revision": "abc"})}
    with service(answers) as outputs:
        files = evidence.keep(outputs, tmp_path / "evidence")

    assert {"outputs.json", "health.txt", "jwks.txt", "version.txt"} <= set(files)
    assert '"revision": "abc"' in (tmp_path / "evidence" / "version.txt").read_text()
    assert any(name.endswith((".png", "pictures.txt")) for name in files)


def test_environments_end_with_their_pull_request_or_its_label(
    github: server.GitHub, context: Context
) -> None:
    pulls = {1: "open", 2: "closed", 3: "open"}
    for number, state in pulls.items():
        github.fixed[f"/repos/{server.REPOSITORY}/pulls/{number}"] = {"state": state}
    github.labels = {1: ["environment"], 2: ["environment"], 3: ["bug"]}
    stacks = ["dev", "local", "pr-1", "pr-2", "pr-3", "pr-4", "pr-x", "pr-01"]

    with GitHub(context) as api:
        assert pr_stacks.over(api, stacks) == ["pr-2", "pr-3", "pr-4"]


# notes each command in a file beside it
NOTING = """#!/bin/sh
echo "$*" >> "$(dirname "$0")/commands"
[ "$1 $2" = "stack ls" ] && echo '[{"name": "pr-12"}]'
exit 0
"""


def test_the_stack_of_a_pull_request_shares_neither_domain_nor_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pulumi").write_text(NOTING)
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    pr_stacks.configure(Stack(name="pr-12", clone=tmp_path, env=os.environ), "dev")

    commands = (tmp_path / "commands").read_text()
    assert "config rm auth:domain" in commands
    assert "config set --path auth:monthlyBudget 0" in commands


def test_no_other_stack_is_ever_made_short_lived() -> None:
    for name in ("dev", "prod", "pr-", "pr-0", "pr-12x"):
        with pytest.raises(ReviewError, match="no stack of a pull request"):
            pr_stacks.configure(Stack(name=name, clone=Path(), env={}), "dev")
