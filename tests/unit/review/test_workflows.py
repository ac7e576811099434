"""The workflows: safe by construction, and every `run:` line runs.

Here each line runs in a shell, through make, with the variables that GitHub would set; where a
target would start a heavy command (a deployment, the tests), a stand-in for Python takes its place
that checks the arguments with the command's own parser and writes down what it was called with.
`tests/e2e/test_review.py` runs those of preview, deployment and drift for real.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import github as server
from tests.unit.review.conftest import environment
from tests.workflows import REPOSITORY, Line, all_workflows, condition, evaluated, lines

WORKFLOWS = all_workflows()
STANDIN = Path(__file__).with_name("standin.py")
LINES = list(lines())
# a promotion is a commit of its own, on a branch whose pull request a person opens
BRANCH = WORKFLOWS["promote"]["jobs"]["branch"]
RENEWAL = WORKFLOWS["renew"]["jobs"]
CONTEXT: dict[str, Any] = {
    "github": {"token": server.TOKEN, "event": {"pull_request": {"number": 12}}},
    "inputs": {
        "stack": "prod",
        "from": "dev",
        "to": "prod",
        "plan": "0123456789abcdef",
        "rollback": "7",
        "keep": "5",
    },
    "vars": {"PULUMI_BACKEND_URL": "s3://state"},
    "secrets": {},
    "needs": {
        "build": {"outputs": {"image": "ghcr.io/acme/auth", "digest": "sha256:0"}},
        "live": {"outputs": {"live": '{"release": 12}'}},
        "due": {"outputs": {"due": "true"}},
        "order": {"outputs": {"file": '"config:"'}},
        "drift": {"outputs": {"image": "ghcr.io/acme/auth@sha256:0"}},
    },
    "joined": "success success success",
}
WITHOUT_STACK = {"make test", "make tools", "make newest", "make verified"}
# The calls of each line: program, then its arguments.
EXPECTED = {
    "make test": [["toolchain", "actionlint"], ["pytest", "tests/e2e"]],
    "make audit": [["review", "audit"]],
    "make image": [["docker", "build", "--tag", "auth-service:ci", "service"]],
    "make tools": [["toolchain", "tools"]],
    "make venv": [["toolchain", "venv"]],
    "make newest": [["review", "newest"]],
    "make build": [["review", "build", "--stack", "prod"]],
    "make verified": [["review", "verified", "--image", "ghcr.io/acme/auth@sha256:0"]],
    "make promotable": [["review", "promotable", "--stack", "dev"]],
    "make promote PUSH=1": [
        [
            *("review", "promote", "--from", "dev", "--to", "prod"),
            *("--live", '{"release": 12}', "--push"),
        ]
    ],
    "make renewal-due": [["review", "renewal-due", "--stack", "prod"]],
    "make renew STORE=1": [["stack", "renew", "--stack", "prod", "--store"]],
    "make renewed": [["review", "renewed", "--stack", "prod"]],
    "make renewal-branch": [["review", "renewal-branch", "--stack", "prod", "--file", '"config:"']],
    "make live": [["review", "live", "--stack", "dev"]],
    "make scanned": [
        ["review", "scanned", "--stack", "dev", "--image", "ghcr.io/acme/auth@sha256:0"]
    ],
    "make up": [["stack", "up", "--stack"]],
    "make down": [["stack", "down", "--stack"]],
    "make rollback": [["stack", "rollback", "--stack", "prod", "--to", "7"]],
    "make ssh-open": [["review", "ssh-open", "--stack"]],
    "make ssh-open EXISTING=1": [["review", "ssh-open", "--stack", "dev", "--existing"]],
    "make ssh-close": [["review", "ssh-close", "--stack"]],
    "make pr-comment POST=1": [["review", "comment", "--stack", "dev", "--post"]],
    "make reviewed": [
        [
            *("review", "reviewed", "--stack", "prod", "--accept", "0123456789abcdef"),
            *("--image", "ghcr.io/acme/auth@sha256:0"),
        ]
    ],
    "make smoke": [["review", "smoke", "--stack"]],
    "make released": [["review", "released", "--stack"]],
    "make drift": [["review", "drift", "--stack", "dev"]],
    "make drill": [["review", "drill", "--stack", "dev"]],
    "make images": [["review", "images", "--stack", "dev", "--keep", "5"]],
    "make unlock": [["stack", "unlock", "--stack", "prod"]],
    "make pr-stack": [["review", "pr-stack", "--stack", "pr-12"]],
    "make pr-cleanup": [["review", "pr-cleanup"]],
    "make evidence": [["review", "evidence", "--stack", "local"]],
}


def run(line: Line, folder: Path, **changes: str) -> tuple[int, str, list[list[str]]]:
    """Run a line as a runner would; give status, output and the programs that it called."""
    calls = folder / "calls.jsonl"
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    for name, first in (
        ("docker", "docker"),
        ("zizmor", "zizmor"),
        ("tools", "toolchain"),
        ("stacks", "stack"),
        ("run", ""),
    ):
        words = [sys.executable, str(STANDIN), *filter(None, [first])]
        (programs / name).write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        (programs / name).chmod(0o755)
    variables = {"RUN": "run", "TOOLS": "tools", "STACKS": "stacks", "ZIZMOR": "zizmor"}
    env = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(folder),
        "CALLS": str(calls),
        # wins over the Makefile's own, as on make's command line
        "MAKEFLAGS": " ".join(["--", *(f"{name}={value}" for name, value in variables.items())]),
        **environment("http://127.0.0.1:1", folder),
        **{name: evaluated(value, CONTEXT) for name, value in line.env.items()},
        **changes,
    }
    result = subprocess.run(
        # GitHub's own way to run a line: `bash -e {0}`
        ["bash", "-e", "-c", line.run],
        cwd=REPOSITORY,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    text = calls.read_text() if calls.exists() else ""
    return result.returncode, result.stdout, [json.loads(call) for call in text.splitlines()]


@pytest.mark.parametrize("line", LINES, ids=str)
def test_every_line_runs_and_calls_what_it_should(line: Line, tmp_path: Path) -> None:
    status, output, calls = run(line, tmp_path)

    assert status == 0, output
    if line.run.startswith("test "):
        return
    for expected in EXPECTED[line.run]:
        assert any(call[: len(expected)] == expected for call in calls), (expected, calls)
    if "STACK" in line.env and line.run not in WITHOUT_STACK:
        stack = evaluated(line.env["STACK"], CONTEXT)
        assert any(stack in call for call in calls), f"{stack} does not get there: {calls}"


@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_line_is_one_target_and_holds_no_logic(line: Line) -> None:
    assert re.fullmatch(r"make [a-z-]+( [A-Z]+=1)?|test \"\$RESULTS\" = '[a-z ]+'", line.run)


HOSTILE = ['x"; touch hacked; "', "$(touch hacked) $(shell touch hacked) $${x}", "`touch hacked`'"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "target", ["reviewed", "rollback", "images", "ssh-open", "promote", "renewal-branch"]
)
def test_what_somebody_types_never_becomes_a_command(
    text: str, target: str, tmp_path: Path
) -> None:
    variables = dict.fromkeys(
        ("PLAN", "FROM", "TO", "LIVE", "FILE", "KEEP", "ADDRESS", "STACK", "LABELS"), text
    )
    line = Line(workflow="x", job="x", step="x", run=f"make {target}", env={})

    _, _, calls = run(line, tmp_path, **variables)

    assert not (REPOSITORY / "hacked").exists()
    assert not (tmp_path / "hacked").exists()
    assert text in calls[-1], "it does not get there as it was typed"


def test_a_job_that_was_not_successful_stops_the_gate(tmp_path: Path) -> None:
    (gate,) = [line for line in LINES if line.run.startswith("test ")]

    for results in ("success failure success", "success skipped success", "success success"):
        assert run(gate, tmp_path, RESULTS=results)[0] != 0, results


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_nothing_that_a_job_does_not_ask_for(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {}
    for job in WORKFLOWS[name]["jobs"].values():
        assert "permissions" in job
        written = {scope for scope, level in job["permissions"].items() if level == "write"}
        assert not {"actions", "contents"} & written or job in (BRANCH, RENEWAL["branch"])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_job_ends_by_itself(name: str) -> None:
    for job in WORKFLOWS[name]["jobs"].values():
        assert "uses" in job or 0 < job["timeout-minutes"] <= 60


def test_the_job_that_writes_a_branch_has_no_secret_and_asks_the_reviewers_of_its_stack() -> None:
    assert BRANCH["permissions"] == {"contents": "write"}
    assert BRANCH["environment"] == "${{ inputs.to }}"
    assert BRANCH["needs"] == "live"
    assert "secrets." not in json.dumps(BRANCH)
    with_token = [step for step in BRANCH["steps"] if "github.token" in json.dumps(step)]
    assert [step["run"] for step in with_token] == ["make promote PUSH=1"]


def test_a_certificate_is_ordered_if_it_is_due_by_a_job_that_may_not_write_the_branch() -> None:
    assert "secrets." not in json.dumps([RENEWAL["due"], RENEWAL["branch"]])
    assert RENEWAL["order"]["permissions"] == {"contents": "read"}
    assert RENEWAL["order"]["environment"] == "prod"
    assert RENEWAL["order"]["if"] == "needs.due.outputs.due == 'true'"
    assert RENEWAL["branch"]["permissions"] == {"contents": "write"}
    assert RENEWAL["branch"]["needs"] == "order"


@pytest.mark.parametrize(
    ("branch", "stack", "environment"),
    [
        ("promote/prod-r12", "prod", "preview-prod"),
        ("promote/staging-r3", "staging", "preview-staging"),
        ("renew/prod-2027-02-26", "prod", "preview-prod"),
        ("promote/prod-eu-r12", "dev", "preview"),
        ("promote/production-r12", "dev", "preview"),
        ("topic", "dev", "preview"),
    ],
)
def test_a_promotion_is_previewed_on_its_stack_with_secrets_of_its_own(
    branch: str, stack: str, environment: str
) -> None:
    job, context = WORKFLOWS["preview"]["jobs"]["preview"], {"github": {"head_ref": branch}}

    assert evaluated(job["env"]["STACK"], context) == stack
    assert evaluated(job["environment"], context) == environment


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in WORKFLOWS[name]["jobs"].values() for step in job.get("steps", [])]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_action_is_pinned_by_its_commit(name: str) -> None:
    for step in steps(name):
        uses = step.get("uses", "./")
        assert uses.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", uses), uses


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_code_of_a_stranger_runs_with_a_secret(name: str) -> None:
    assert "pull_request_target" not in WORKFLOWS[name]["on"]
    assert "workflow_run" not in WORKFLOWS[name]["on"]
    if "pull_request" not in WORKFLOWS[name]["on"]:
        return
    for job_name, job in WORKFLOWS[name]["jobs"].items():
        if "secrets." in json.dumps(job):
            ours = "github.event.pull_request.head.repo.full_name == github.repository"
            assert ours in job["if"], f"{job_name} gives secrets to forks"


def test_ci_tests_on_the_official_plugins_and_has_them_by_then() -> None:
    job = WORKFLOWS["ci"]["jobs"]["test"]
    runs = [step["run"] for step in job["steps"] if "run" in step]

    assert job["env"]["PLUGINS"] == "official"
    assert runs == ["make tools", "make test"]


def test_ci_has_no_secret() -> None:
    assert "secrets." not in json.dumps(WORKFLOWS["ci"])


def jobs_with(run: str) -> list[tuple[str, list[dict[str, Any]]]]:
    return [
        (f"{name}/{job_name}", job["steps"])
        for name, document in WORKFLOWS.items()
        for job_name, job in document["jobs"].items()
        if any(step.get("run", "").startswith(run) for step in job.get("steps", []))
    ]


@pytest.mark.parametrize(
    "found",
    [steps for _, steps in jobs_with("make ssh-open")],
    ids=[name for name, _ in jobs_with("make ssh-open")],
)
def test_a_job_that_opens_ssh_closes_it_also_when_it_fails(found: list[dict[str, Any]]) -> None:
    runs = [step.get("run", "") for step in found]
    opened = next(i for i, run in enumerate(runs) if run.startswith("make ssh-open"))
    closed = runs.index("make ssh-close")

    assert closed > opened
    assert found[closed]["if"] == "always()"


def test_a_deployment_is_never_cancelled_and_never_beside_another() -> None:
    for name in set(WORKFLOWS) - {"ci"}:
        concurrency = WORKFLOWS[name]["concurrency"]
        assert concurrency["cancel-in-progress"] is False
        # a newer run drops a waiting run, which only a person may cause
        assert concurrency["group"].startswith("deploy-") == (name in {"deploy", "unlock"})


def test_a_deployment_waits_for_the_tests_and_for_what_was_reviewed() -> None:
    jobs = WORKFLOWS["deploy"]["jobs"]
    building = [step.get("run", "") for step in jobs["build"]["steps"]]
    releasing = [step.get("run", "") for step in jobs["deploy"]["steps"]]

    assert jobs["build"]["needs"] == "ci"
    assert jobs["sbom"]["needs"] == "build"
    assert jobs["attest"]["needs"] == ["build", "sbom"]
    assert jobs["deploy"]["needs"] == ["build", "attest"]
    assert building.index("make newest") < building.index("make build")
    order = ["make verified", "make reviewed", "make up", "make smoke"]
    assert [run for run in releasing if run in order] == order


@pytest.mark.parametrize(
    ("build", "attest", "wanted", "rollback", "goes_on"),
    [
        ("success", "success", "true", "", True),
        ("success", "skipped", "false", "", True),  # an earlier run built it
        ("success", "skipped", "true", "", False),
        ("success", "failure", "true", "", False),
        ("failure", "skipped", "", "", False),
        ("skipped", "skipped", "", "", False),
        ("skipped", "skipped", "", "7", True),
    ],
)
def test_an_image_is_released_once_it_is_attested(
    build: str, attest: str, wanted: str, rollback: str, goes_on: bool
) -> None:
    context = {
        "inputs": {"rollback": rollback},
        "needs": {
            "build": {"result": build, "outputs": {"attest": wanted}},
            "attest": {"result": attest},
        },
    }

    assert condition(WORKFLOWS["deploy"]["jobs"]["deploy"]["if"], context) == goes_on


def test_what_is_attested_is_what_this_run_built_and_what_is_released_is_what_is_verified() -> None:
    jobs = WORKFLOWS["deploy"]["jobs"]
    built = "${{ needs.build.outputs.image }}@${{ needs.build.outputs.digest }}"

    assert jobs["sbom"]["if"] == "needs.build.outputs.attest == 'true'"
    assert jobs["sbom"]["steps"][0]["with"]["image"] == built
    for step in jobs["attest"]["steps"][1:]:
        subject = f"{step['with']['subject-name']}@{step['with']['subject-digest']}"
        assert subject == built
    for line in LINES:
        if line.run in {"make verified", "make reviewed"}:
            assert line.env["IMAGE"] == built


def test_what_is_listed_scanned_and_attested_is_of_the_architecture_that_runs() -> None:
    deploy, ci, drift = (WORKFLOWS[name]["jobs"] for name in ("deploy", "ci", "drift"))

    for job in (deploy["build"], deploy["sbom"], ci["image"], drift["scan"]):
        assert job["runs-on"] == deploy["deploy"]["runs-on"] == "ubuntu-24.04-arm"


JOBS = {
    f"{name}/{job_name}": job
    for name, document in WORKFLOWS.items()
    for job_name, job in document["jobs"].items()
    if "steps" in job
}


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_what_downloads_programs_has_no_secret(job: dict[str, Any]) -> None:
    assert "secrets." not in json.dumps(job.get("env", {})), "every step has it"
    runs = [step for step in job["steps"] if "run" in step]
    for step in job["steps"]:
        if "uses" in step:
            assert "secrets." not in json.dumps(step), step
    if "secrets." in json.dumps(job):
        assert runs[0]["run"] == "make tools"
        assert "env" not in runs[0], "the set-up has an environment of its own"


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_a_job_that_can_sign_does_nothing_else(job: dict[str, Any]) -> None:
    if "id-token" not in job["permissions"]:
        return

    assert set(job["permissions"]) == {"id-token", "attestations"}
    assert "environment" not in job
    assert "secrets." not in json.dumps(job)
    for step in job["steps"]:
        assert step["uses"].startswith("actions/"), step


def test_one_job_can_sign() -> None:
    signing = [name for name, job in JOBS.items() if "id-token" in job["permissions"]]

    assert signing == ["deploy/attest"]


def test_the_image_that_runs_is_scanned_each_night_and_a_scan_that_failed_is_told() -> None:
    drift = WORKFLOWS["drift"]
    scan, told = drift["jobs"]["scan"], drift["jobs"]["vulnerabilities"]

    assert drift["on"]["schedule"]
    assert scan["steps"][0]["with"]["image"] == "${{ needs.drift.outputs.image }}"
    for failed in ("failure", "skipped", "cancelled"):
        needs = {"drift": {"result": "success"}, "scan": {"result": failed}}
        assert condition(told["if"], {"needs": needs}), "nobody hears of it"


def test_make_knows_every_target_that_the_workflows_name() -> None:
    listed = subprocess.run(
        ["make", "--silent", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout

    for line in LINES:
        if line.run.startswith("make "):
            assert re.search(rf"^  make {line.run.split()[1]} ", listed, re.MULTILINE), line.run
