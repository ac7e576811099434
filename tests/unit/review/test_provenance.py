"""Which image is attested and which may run; GitHub's own tool that verifies is a stand-in here."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from review import provenance
from review.context import Context
from review.errors import ReviewError
from stack.stack import Stack
from tests import github as server

IMAGE = f"ghcr.io/acme/auth@sha256:{'0' * 64}"
ELSEWHERE = f"registry.test/acme/auth@sha256:{'0' * 64}"
URN = "urn:pulumi:dev::auth::auth:image:Image$docker:index/image:Image::auth-image"


class Building(Stack):
    """A stack whose image is made at `times`; `made` are the resources that were asked for."""

    def __init__(self, reference: str, times: list[str]) -> None:
        super().__init__(name="dev", clone=Path(), env={})
        object.__setattr__(self, "reference", reference)
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "made", [])

    reference: str
    times: list[str]
    made: list[str]

    def up(self, *targets: str, refresh: bool = False, keeping: bool = True) -> set[str]:
        assert keeping
        assert not refresh
        self.made.append(" ".join(targets))
        self.times[:] = self.times[1:] or self.times
        return set()

    def replace(self, urn: str) -> None:
        self.made.append(urn)
        self.times[:] = ["replaced"]

    def resources(self) -> list[dict[str, Any]]:
        if not self.times[0]:
            return []
        outputs = {"repoDigest": self.reference}
        kind = "docker:index/image:Image"
        return [{"type": kind, "urn": URN, "outputs": outputs, "modified": self.times[0]}]


@pytest.fixture(name="gh")
def _gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a `gh` on PATH that writes down how it is called, and ends as the file `status` says."""
    calls = tmp_path / "calls"
    script = tmp_path / "bin" / "gh"
    script.parent.mkdir()
    (tmp_path / "status").write_text("0")
    script.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >>{calls}\n'
        f'echo "$GH_TOKEN" >>{calls}\n'
        f'cat "$DOCKER_CONFIG/config.json" >>{calls}\n'
        'echo "no attestations found" >&2\n'
        f"exit $(cat {tmp_path}/status)\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    return calls


@pytest.fixture(name="run")
def _run(context: Context) -> Context:
    return dataclasses.replace(context, ref="refs/heads/develop")


def test_an_image_that_the_workflow_built_on_this_branch_may_run(gh: Path, run: Context) -> None:
    assert "was built by .github/workflows/deploy.yml" in provenance.verify(IMAGE, run)

    arguments, token, login = gh.read_text().rstrip("\n").split("\n")
    assert arguments.split() == [
        *("attestation", "verify", f"oci://{IMAGE}", "--repo", server.REPOSITORY),
        *("--signer-workflow", "acme/auth/.github/workflows/deploy.yml"),
        *("--source-ref", "refs/heads/develop", "--deny-self-hosted-runners"),
    ]
    assert token == server.TOKEN
    assert server.TOKEN not in arguments
    assert list(json.loads(login)["auths"]) == ["ghcr.io"]


def test_an_image_whose_attestation_does_not_hold_may_not(gh: Path, run: Context) -> None:
    gh.with_name("status").write_text("1")

    with pytest.raises(ReviewError, match=r"is not released: .*no attestations found"):
        provenance.verify(IMAGE, run)


@pytest.mark.parametrize("image", ["ghcr.io/acme/auth:latest", "ghcr.io/acme/auth", "", "@"])
def test_an_image_that_is_named_by_a_tag_may_not(gh: Path, run: Context, image: str) -> None:
    with pytest.raises(ReviewError, match="by its digest"):
        provenance.verify(image, run)

    assert not gh.exists()


def test_an_image_in_another_registry_is_said_to_be_unverified(gh: Path, run: Context) -> None:
    assert "no attestation to verify" in provenance.verify(ELSEWHERE, run)
    assert not gh.exists()


def test_without_githubs_tool_nothing_is_taken_for_verified(
    run: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ReviewError, match="no `gh` on PATH"):
        provenance.verify(IMAGE, run)


@pytest.mark.parametrize(
    ("reference", "times", "status", "outcome"),
    [
        (IMAGE, ["", "today"], "1", ("true", False)),  # the first one
        (IMAGE, ["before", "today"], "1", ("true", False)),
        (IMAGE, ["before"], "0", ("false", False)),  # an earlier run built and attested it
        (IMAGE, ["before"], "1", ("true", True)),  # a laptop built it, or a run that was stopped
        (ELSEWHERE, ["", "today"], "1", ("false", False)),
        (ELSEWHERE, ["before"], "1", ("false", False)),
    ],
)
def test_an_image_is_attested_by_the_run_that_built_it(  # noqa: PLR0917 - a table's columns
    gh: Path,
    run: Context,
    reference: str,
    times: list[str],
    status: str,
    outcome: tuple[str, bool],
) -> None:
    attest, replaced = outcome
    gh.with_name("status").write_text(status)
    stack = Building(reference, list(times))

    outputs = provenance.build(stack, run)

    name, _, digest = reference.partition("@")
    assert outputs == {"image": name, "digest": digest, "attest": attest}
    assert stack.made[0].count("auth:image:Image") == 2
    assert (URN in stack.made) == replaced


def test_a_promoted_image_is_neither_built_nor_attested_again(gh: Path, run: Context) -> None:
    stack = Building(IMAGE, ["before"])
    file = gh.with_name("clone") / "Pulumi.dev.yaml"
    file.parent.mkdir()
    name, _, digest = IMAGE.partition("@")
    values = {"auth:imageRepository": name, "auth:imageDigest": digest}
    file.write_text(json.dumps({"config": values}))
    object.__setattr__(stack, "clone", file.parent)

    outputs = provenance.build(stack, run)

    assert outputs == {"image": name, "digest": digest, "attest": "false"}
    assert stack.made == []
    assert not gh.exists()
