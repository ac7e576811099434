"""Only a healthy release is promoted, and only to a stack on which its image runs."""

import dataclasses
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from common.progress import StepError
from review import promoting, promotion, promotion_branch, provenance
from review.cli import parser
from review.context import Context
from review.errors import ReviewError
from review.promotion import Candidate
from stack import environment, ssh
from stack.errors import StackError
from stack.stack import Stack
from tests import github as server
from tests.unit.review.conftest import environment as variables
from tests.unit.test_image import commit, git, write

IMAGE = f"ghcr.io/acme/auth@sha256:{'a' * 64}"
AT = datetime(2026, 11, 24, 10, tzinfo=UTC)
CHOSEN = Candidate(stack="dev", release=12, image=IMAGE, revision="0123456789ab", at=AT)
LIVE = {"release": 12, "image": IMAGE, "revision": "0123456789ab", "at": AT.isoformat()}
HEALTHY: dict[str, Any] = {"live": LIVE, "running": True, "watching": False, "differs": []}
SCHEMA = "config:\n  shape:\n    default: VM.Standard.A1.Flex\n"
DEV = "config:\n  auth:imageRepository: ghcr.io/acme/auth\n  auth:ocpus: 1\n"
PROD = "config:\n  # the place\n  auth:imageRepository: ghcr.io/acme/auth\n  auth:domain: a.test\n"


@pytest.fixture(name="clone")
def _clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a clone with two stacks, of which dev has a healthy release."""
    clone = tmp_path / "clone"
    clone.mkdir()
    git(clone, "init", "--quiet", "--initial-branch=develop")
    for name, value in (("user.name", "Ada"), ("user.email", "ada@example.test")):
        git(clone, "config", name, value)
    for name, text in (
        ("Pulumi.yaml", SCHEMA),
        ("Pulumi.dev.yaml", DEV),
        ("Pulumi.prod.yaml", PROD),
    ):
        write(clone, name, text)
    commit(clone)
    monkeypatch.setattr(promoting, "CLONE", clone)
    monkeypatch.setattr(environment, "recorded", lambda _, name: stack(clone, name))
    monkeypatch.setattr(ssh, "report", lambda stack, _: answer(stack, HEALTHY))
    monkeypatch.setattr(promotion, "attested", lambda *_: "It is attested.")
    return clone


def stack(clone: Path, name: str) -> Stack:
    return Stack(name=name, clone=clone, env=os.environ)


def answer(of: Stack, status: dict[str, Any]) -> dict[str, Any]:
    if of.name != "dev":
        raise StackError("no server")
    return status


def promote(source: str = "dev", target: str = "prod", **flags: str) -> int:
    words = [word for name, value in flags.items() for word in (f"--{name}", value)]
    arguments = parser().parse_args(["promote", "--from", source, "--to", target, *words])
    return promoting.promote(arguments)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"live": None}, "no release is live"),
        ({"running": False}, "the container of release 12 does not run"),
        ({"problem": "HTTP 500"}, "release 12 does not answer: HTTP 500"),
        ({"watching": True}, "release 12 is still watched"),
        ({"differs": ["its image"]}, "release 12 has drifted: its image"),
        ({"exhausted": ["auth was restarted in vain"]}, "auth was restarted in vain"),
    ],
)
def test_a_release_that_is_not_healthy_is_refused_with_the_reason(
    clone: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], reason: str
) -> None:
    monkeypatch.setattr(ssh, "report", lambda *_: {**HEALTHY, **changes})

    with pytest.raises(ReviewError, match=rf"must be healthy: {reason}.*make status STACK=dev"):
        promote()

    assert git(clone, "branch", "--list", "promote/*") == ""


def test_the_image_is_set_in_a_commit_of_its_own_and_nothing_else_changes(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert promote() == 0

    assert git(clone, "branch", "--show-current") == "promote/prod-r12"
    assert git(clone, "rev-parse", "HEAD^") == git(clone, "rev-parse", "develop")
    assert git(clone, "diff", "--name-only", "develop", "HEAD") == "Pulumi.prod.yaml"
    assert git(clone, "status", "--porcelain") == ""
    text = (clone / "Pulumi.prod.yaml").read_text()
    assert text.startswith(PROD)
    assert f"auth:imageDigest: sha256:{'a' * 64}\n  auth:imageRevision: 0123456789ab\n" in text
    assert "auth:imageOrigin: r12 of dev, live there for" in text
    printed = capsys.readouterr().out
    for words in (
        *("It is attested.", "only in dev: auth:ocpus", "only in prod: auth:domain"),
        *("make preview STACK=prod", "git push --set-upstream origin promote/prod-r12"),
    ):
        assert words in printed
    assert "a.test" not in printed, "a value is shown"


def test_a_promotion_can_be_repeated_and_an_image_that_is_there_needs_none(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    promote()
    head = git(clone, "rev-parse", "HEAD")
    git(clone, "switch", "--quiet", "develop")

    assert promote() == 0
    assert "was there already" in capsys.readouterr().out
    assert git(clone, "rev-parse", "HEAD") == head

    assert promote() == 0
    assert "there is nothing to promote" in capsys.readouterr().out


def test_a_branch_of_another_promotion_is_not_overwritten(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote()
    git(clone, "switch", "--quiet", "develop")
    other = {**LIVE, "image": IMAGE.replace("aa", "bb")}
    monkeypatch.setattr(ssh, "report", lambda of, _: answer(of, {**HEALTHY, "live": other}))

    with pytest.raises(ReviewError, match="git branch -D promote/prod-r12"):
        promote()


def test_changes_that_are_in_no_commit_are_named_and_stay(clone: Path) -> None:
    write(clone, "Pulumi.prod.yaml", f"{PROD}  auth:ocpus: 2\n")

    with pytest.raises(ReviewError, match=r"in no commit, such as Pulumi\.prod\.yaml"):
        promote()

    assert git(clone, "branch", "--show-current") == "develop"


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("", "prod", "FROM is empty.*make promote FROM=dev TO=prod"),
        ("dev", "", "TO is empty"),
        ("dev", "Prod", "TO is 'Prod'; a stack's name has.*TO=dev"),
        ("dev", "qa", r"TO is 'qa', and there is no Pulumi\.qa\.yaml.*dev, local, prod"),
        ("dev", "dev", "FROM and TO are both 'dev'"),
        ("dev", "local", "a local stack has a registry of its own"),
        ("local-a", "prod", "a local stack has a registry of its own"),
    ],
)
@pytest.mark.usefixtures("clone")
def test_stacks_that_can_not_be_meant_are_refused(source: str, target: str, words: str) -> None:
    with pytest.raises(StepError, match=words):
        promote(source, target)


@pytest.mark.parametrize(
    ("configured", "revision", "words"),
    [
        ("auth:imageRepository: ghcr.io/acme/other", "0123456789ab", "share a repository"),
        ("auth:ocpus: 1", "0123456789ab", "auth:imageRepository of prod is ''"),
        (
            "auth:imageRepository: ghcr.io/acme/auth\n  auth:shape: VM.Standard.E4.Flex",
            "0123456789ab",
            "built for linux/arm64, and auth:shape of prod has linux/amd64",
        ),
        ("auth:imageRepository: ghcr.io/acme/auth", "0123456789ab-dirty", "in no commit"),
    ],
)
def test_an_image_that_can_not_run_on_the_other_stack_is_refused(
    clone: Path, configured: str, revision: str, words: str
) -> None:
    write(clone, "Pulumi.prod.yaml", f"config:\n  {configured}\n")
    chosen = Candidate(**{**vars(CHOSEN), "revision": revision})

    with pytest.raises(ReviewError, match=words):
        promotion.check_target(chosen, stack(clone, "dev"), stack(clone, "prod"))


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(days=3, hours=5), "3 d"),
        (timedelta(hours=23, minutes=59), "23 h"),
        (timedelta(minutes=2), "2 min"),
        (timedelta(seconds=9), "9 s"),
        (timedelta(seconds=-9), "0 s"),  # of a server whose clock is ahead
    ],
)
def test_the_origin_names_the_release_and_the_time_that_it_was_live(
    age: timedelta, words: str
) -> None:
    assert CHOSEN.origin(AT + age) == f"r12 of dev, live there for {words}"


def test_a_candidate_passes_from_job_to_job_and_another_text_does_not() -> None:
    assert Candidate.read(CHOSEN.text()) == CHOSEN
    hostile = {**json.loads(CHOSEN.text()), "image": "a\nb@sha256:0"}
    for text in ("", "{}", "[]", json.dumps(hostile), json.dumps({**hostile, "at": "noon"})):
        with pytest.raises(ReviewError, match="LIVE"):
            Candidate.read(text)


def test_an_attestation_is_verified_of_the_clones_own_repository(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    asked: list[Context] = []
    monkeypatch.setattr(provenance, "problem", lambda _, context: asked.append(context))
    laptop = Context.read({"GITHUB_TOKEN": "token"})
    with pytest.raises(ReviewError, match="GITHUB_REPOSITORY=OWNER/NAME"):
        promotion.attested(IMAGE, laptop, clone)
    git(clone, "remote", "add", "origin", "git@github.com:acme/auth.git")

    promotion.attested(IMAGE, laptop, clone)
    promotion.attested(IMAGE, Context.read(variables("http://x", tmp_path)), clone)

    assert [(each.repository, each.ref) for each in asked] == [
        ("acme/auth", "refs/heads/develop")
    ] * 2
    with pytest.raises(ReviewError, match="gh auth token"):
        promotion.attested(IMAGE, Context.read({}), clone)
    assert "no attestation" in promotion.attested("a.test/b@sha256:0", Context.read({}), clone)


def in_a_job(github: server.GitHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables(github.url, folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setattr(ssh, "report", lambda *_: pytest.fail("this job can't reach a server"))


def push(chosen: Candidate) -> int:
    words = ["promote", "--from", "dev", "--to", "prod", "--live", chosen.text(), "--push"]
    return promoting.promote(parser().parse_args(words))


def test_on_github_the_branch_is_made_with_a_single_commit(
    clone: Path,
    github: server.GitHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_a_job(github, tmp_path, monkeypatch)

    for _ in range(2):  # a job that is started again
        assert push(CHOSEN) == 0

    (commit_on_github,) = github.commits
    assert commit_on_github["parents"] == ["0123456789abcdef0123456789abcdef01234567"]
    (entry,) = commit_on_github["tree"]
    assert entry["path"] == "Pulumi.prod.yaml"
    assert f"auth:imageDigest: sha256:{'a' * 64}" in entry["content"]
    assert list(github.branches) == ["promote/prod-r12"]
    assert git(clone, "branch", "--show-current") == "develop"
    link = "https://github.com/acme/auth/compare/develop...promote/prod-r12?expand=1"
    assert link in (tmp_path / "summary.md").read_text()


@pytest.mark.usefixtures("clone")
def test_a_branch_of_another_promotion_on_github_is_not_announced_as_this_one(
    github: server.GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_a_job(github, tmp_path, monkeypatch)
    push(CHOSEN)
    (tmp_path / "summary.md").write_text("")
    # the releases of each stack are counted from 1
    other = dataclasses.replace(CHOSEN, stack="staging", image=IMAGE.replace("aa", "bb"))

    with pytest.raises(ReviewError, match="git push origin --delete promote/prod-r12"):
        push(other)

    assert len(github.commits) == 1
    assert (tmp_path / "summary.md").read_text() == ""


def test_a_killed_run_leaves_no_branch_and_no_change(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = promotion_branch._git

    def killed(clone: Path, *argv: str, **options: Any) -> str:
        if argv[0] == "branch":
            raise KeyboardInterrupt
        return make(clone, *argv, **options)

    monkeypatch.setattr(promotion_branch, "_git", killed)
    with pytest.raises(KeyboardInterrupt):
        promote()
    monkeypatch.setattr(promotion_branch, "_git", make)

    assert git(clone, "status", "--porcelain") == ""
    assert promote() == 0
