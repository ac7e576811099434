"""The pipeline on a real stack: its lines as the workflows have them, a GitHub on a local port.

Real: the engine and its events, the emulated cloud, the server, git, HTTP. Not real: GitHub itself,
and the stack, which is `local` where the workflows say `dev`.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import oci
import pytest

from review import snapshot
from tests import github as server
from tests.e2e.test_stack import secrets_of
from tests.testbed.clone import Clone, Result
from tests.testbed.server import Server
from tests.unit.review.conftest import environment
from tests.workflows import Line, lines

NUMBER = 12
_OF_THE_TOOLS = ("AUTH_CACHE", "XDG", "PIP", "PLUGINS", "OFFICIAL_PLUGINS")
ENVIRONMENT = '"AUTH_ENVIRONMENT": settings.environment,'
GREETING = f'{ENVIRONMENT} "AUTH_GREETING": "a word of welcome",'


@dataclass
class Runner:
    """A runner of GitHub in a clone: runs the lines of a workflow there."""

    clone: Clone
    github: server.GitHub
    folder: Path

    def run(self, line: str, **variables: str) -> Result:
        env = {
            **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}},
            **{n: v for n, v in os.environ.items() if n.startswith(_OF_THE_TOOLS)},
            **environment(self.github.url, self.folder),
            "GITHUB_SHA": self.git("rev-parse", "HEAD"),
            "STACK": "local",
            **variables,
        }
        self.github.branches["develop"] = env["GITHUB_SHA"]
        result = subprocess.run(
            ["bash", "-e", "-c", line],
            cwd=self.clone.path,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
        )
        print(f"$ {line}\n{result.stdout}(status {result.returncode})\n")
        return Result(result.returncode, result.stdout)

    def job(self, workflow: str, job: str) -> list[Line]:
        steps = [line for line in lines() if (line.workflow, line.job) == (workflow, job)]
        assert steps, f"no workflow {workflow} has a job {job} with steps"
        return steps

    def git(self, *argv: str) -> str:
        result = self.clone.run("git", "-c", "user.name=t", "-c", "user.email=t@t.test", *argv)
        assert result.status == 0, result.output
        return result.output.strip()

    def file(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    @property
    def comments(self) -> list[str]:
        return [comment["body"] for comment in self.github.comments.get(NUMBER, [])]


@pytest.fixture(name="runner")
def _runner(clone: Clone, tmp_path: Path) -> Iterator[Runner]:
    """Give a runner; the branch that it is on, and the stack, are as before afterwards."""
    with server.served() as github:
        runner = Runner(clone, github, tmp_path)
        before = runner.git("rev-parse", "HEAD")
        yield runner
        changed = runner.git("rev-parse", "HEAD") != before
        runner.git("reset", "--quiet", "--hard", before)
        if changed:
            assert clone.make("up").status == 0


def edit(clone: Clone, name: str, old: str, new: str) -> None:
    path = clone.path / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def change_a_rule_the_image_and_a_variable(runner: Runner) -> None:
    edit(runner.clone, "platforms/server.py", ENVIRONMENT, GREETING)
    edit(
        runner.clone,
        "Pulumi.local.yaml",
        "allowedSshCidrs: [127.0.0.0/8]",
        "allowedSshCidrs: [127.0.0.0/8, 198.51.100.0/24]",
    )
    source = runner.clone.path / "service/auth/__init__.py"
    source.write_text(source.read_text() + "\nREVIEWED = True\n")
    runner.git("commit", "--quiet", "--all", "--message", "Welcome people, and let the office in")


def test_a_rule_the_image_and_a_variable_are_reviewed_deployed_and_told(runner: Runner) -> None:
    change_a_rule_the_image_and_a_variable(runner)
    runner.github.pulls[NUMBER] = {"number": NUMBER, "head": {"sha": "abc"}}
    runner.github.pulls_of_commit[runner.git("rev-parse", "HEAD")] = [NUMBER]
    address = {"ADDRESS": "203.0.113.9"}

    for line in runner.job("preview", "preview"):
        assert runner.run(line.run, **address).status == 0, line.step

    (shown,) = runner.comments
    assert "✅" in shown
    assert "1 to create, 2 to change" in shown
    assert "+ network security group security rule auth-nsg-22-from-198-51-100-0-24" in shown
    assert "a new image is built (1 new commit) · environment +1" in shown
    assert "Welcome people, and let the office in" in shown
    assert "+ AUTH_GREETING" in shown
    assert "a word of welcome" not in shown, "a value is shown"
    assert "none: the new release takes over once it is healthy" in shown
    assert runner.github.check_runs[-1]["conclusion"] == "success"
    found = snapshot.read(runner.github.check_runs[-1]["output"]["text"])
    assert found is not None
    assert found.server is not None, "the server was not asked"
    for name, secret in secrets_of(runner.clone).items():
        assert secret not in shown, f"{name} is in the comment"

    for line in runner.job("deploy", "build"):
        assert runner.run(line.run).status == 0, line.step
    built = dict(row.split("=", 1) for row in runner.file("output").split("\n")[:-1])
    assert built["attest"] == "false", "an image outside of GHCR is attested"
    image = {"IMAGE": f"{built['image']}@{built['digest']}"}
    for line in runner.job("deploy", "deploy"):
        if "rollback" in line.run:
            continue
        result = runner.run(line.run, **address, **(image if "IMAGE" in line.env else {}))
        assert result.status == 0, line.step

    summary = runner.file("summary.md")
    assert "is applied" in summary
    assert "moved since" not in summary, "the applied plan is not the reviewed plan"
    assert "Welcome people, and let the office in" in summary
    outputs = dict(row.split("=", 1) for row in runner.file("output").split("\n")[:-1])
    assert outputs["url"].startswith("http://")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", outputs["digest"])
    assert outputs["digest"] == built["digest"], "another image runs than the built image"
    assert ":" in outputs["image"].partition("/")[0], "the registry's port was lost"


def test_a_vm_that_would_be_replaced_is_blocked_until_the_label_and_stopped_if_unseen(
    runner: Runner,
) -> None:
    edit(runner.clone, "components/machine.py", '"ssh_deletekeys": True', '"ssh_deletekeys": False')
    # the program ignores that change, unlike Oracle
    edit(runner.clone, "components/machine.py", '"metadata.user_data",', "")
    runner.git("commit", "--quiet", "--all", "--message", "Change what a VM boots with")

    blocked = runner.run("make pr-comment POST=1")
    runner.github.label(NUMBER, "allow-replacement", by="ada")
    allowed = runner.run("make pr-comment POST=1")
    unseen = runner.run("make reviewed")

    assert blocked.status != 0
    assert allowed.status == 0
    (shown,) = runner.comments
    assert "**the VM is replaced**: `auth-vm`" in shown
    assert "allowed by the label" in shown
    assert "was set by ada" in shown
    assert unseen.status != 0, "another commit's review is taken for this commit's"
    assert "was not reviewed" in runner.file("summary.md")


def test_what_was_changed_behind_the_programs_back_is_in_the_nightly_issue(
    runner: Runner,
) -> None:
    cloud = Server.of(runner.clone).cloud
    (nsg,) = cloud.network.list_network_security_groups(compartment_id=cloud.compartment).data
    rules = cloud.network.list_network_security_group_security_rules(nsg.id).data
    ports = {r.id: r.tcp_options.destination_port_range.min for r in rules if r.tcp_options}
    https = [rule for rule, port in ports.items() if port == 443]

    def nightly() -> Result:
        return runner.run("make drift")

    assert nightly().status == 0
    assert runner.github.issues == [], "a stack that nobody touched drifts"

    cloud.network.remove_network_security_group_security_rules(
        nsg.id,
        oci.core.models.RemoveNetworkSecurityGroupSecurityRulesDetails(security_rule_ids=https),
    )
    with Server.of(runner.clone).without_supervisor():
        assert runner.clone.on_server("sudo sh -c 'docker stop $(docker ps --quiet)'").status == 0
        assert nightly().status == 0

        (issue,) = runner.github.issues
        assert "443" in issue["body"]
        assert "does not run" in issue["body"]
        assert runner.clone.make("up", "REFRESH=1").status == 0
    assert nightly().status == 0
    assert issue["state"] == "closed"


def test_an_error_of_the_engine_is_in_the_comment_and_no_verdict_passes(runner: Runner) -> None:
    edit(runner.clone, "Pulumi.local.yaml", "auth:ocpus: 1", "auth:ocpus: 0")

    failed = runner.run("make pr-comment POST=1")

    assert failed.status != 0
    assert "auth:ocpus is '0'" in runner.comments[0]


def test_urls_answers_and_a_reason_for_missing_pictures_are_kept(runner: Runner) -> None:
    for line in runner.job("pr-stack", "local"):
        if line.run in {"make smoke", "make evidence"}:
            assert runner.run(line.run).status == 0

    folder = runner.clone.path / ".local" / "evidence"
    assert json.loads((folder / "outputs.json").read_text())["url"].startswith("http://")
    assert "HTTP 200" in (folder / "health.txt").read_text()
    assert list(folder.glob("*.png")) or (folder / "pictures.txt").read_text()


def test_a_pull_requests_environment_is_configured_as_dev_is_and_taken_down_when_it_is_over(
    runner: Runner, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    backend = {
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase of the test",
        "STACK": "pr-12",
    }
    file = runner.clone.path / "Pulumi.pr-12.yaml"
    try:
        # of the tenancy it knows nothing yet; that is listed, and the keys are made
        made = runner.run("make init", **{**backend, "STACK": "dev"}).output
        assert "Pulumi.dev.yaml has the keys" in made
        for _ in range(2):  # the second time as in another job: the stack is there, its file is not
            file.unlink(missing_ok=True)
            assert runner.run("make pr-stack", **backend).status == 0
            configured = file.read_text()
            assert 'auth:protect: "false"' in configured
            assert "auth:signingKey" in configured

        assert runner.clone.run("git", "status", "--porcelain", "Pulumi.pr-12.yaml").output == ""
        runner.github.fixed[f"/repos/{server.REPOSITORY}/pulls/12"] = {"state": "open"}
        runner.github.labels[NUMBER] = ["environment"]
        assert "is taken down" not in runner.run("make pr-cleanup", **backend).output
        runner.github.labels[NUMBER] = []
        assert "pr-12 is taken down" in runner.run("make pr-cleanup", **backend).output
        listed = list((tmp_path / "state").rglob("stacks/auth/*.json"))
        assert [path.stem for path in listed] == ["dev"], "the stack is still there"
    finally:
        file.unlink(missing_ok=True)
