"""A certificate is renewed when it is due, once, and its file reaches a branch unchanged."""

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from localcloud import certificates
from review import renewing
from review.cli import parser
from review.errors import ReviewError
from stack import certificate
from stack.certificate import Certificate
from tests import github as server
from tests.unit.review.conftest import environment

DOMAIN = "auth.example.com"


@pytest.fixture(name="clone")
def _clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(renewing, "CLONE", tmp_path)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    return tmp_path


def chain() -> str:
    authority = certificates.new_authority("test")
    return certificates.issue(authority, DOMAIN, hosts=[DOMAIN]).certificate


def write(clone: Path, **values: str) -> str:
    """Write the file of prod; return its text."""
    configured = {f"auth:{key}": value for key, value in values.items()}
    text = yaml.safe_dump({"config": configured})
    (clone / "Pulumi.prod.yaml").write_text(text)
    return text


def run(*words: str) -> int:
    arguments = parser().parse_args([words[0], "--stack", "prod", *words[1:]])
    commands = {
        "renewal-due": renewing.due,
        "renewed": renewing.renewed,
        "renewal-branch": renewing.branch,
    }
    return commands[words[0]](arguments)


def passed_on(clone: Path) -> str:
    """Return the last output, and forget it."""
    text = (clone / "outputs").read_text()
    (clone / "outputs").unlink()
    return text.rstrip("\n")


def on_github(github: server.GitHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(github.url, folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GITHUB_OUTPUT", str(folder / "outputs"))


def test_a_certificate_is_due_in_the_last_third_of_its_life_and_without_one(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    write(clone, platform="cluster", domain=DOMAIN)
    assert run("renewal-due") == 0
    assert passed_on(clone) == "due=true"

    pem = chain()
    present = Certificate.read(pem)
    write(clone, platform="cluster", domain=DOMAIN, certificate=pem)
    for seconds, is_due in ((-1, "false"), (1, "true")):
        moment = present.renewal + timedelta(seconds=seconds)
        monkeypatch.setattr(certificate, "now", lambda moment=moment: moment)
        assert run("renewal-due") == 0
        assert passed_on(clone) == f"due={is_due}"
    assert f"{DOMAIN}: until {present.end:%Y-%m-%d}" in capsys.readouterr().out


@pytest.mark.parametrize("values", [{}, {"platform": "server", "domain": DOMAIN}])
def test_a_stack_on_no_cluster_has_nothing_to_renew(clone: Path, values: dict[str, str]) -> None:
    if values:
        write(clone, **values)

    assert run("renewal-due") == 0
    assert passed_on(clone) == "due=false"


def test_the_file_reaches_its_branch_unchanged_and_a_second_order_waits_for_its_merge(
    clone: Path, github: server.GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_github(github, clone, monkeypatch)
    text = write(clone, platform="cluster", domain=DOMAIN, certificate=chain())
    assert run("renewed") == 0
    name, _, file = passed_on(clone).partition("=")
    assert name == "file"
    write(clone, platform="cluster", domain=DOMAIN)  # another job, with its own checkout

    assert run("renewal-branch", "--file", file) == 0

    (commit,) = github.commits
    (entry,) = commit["tree"]
    assert (entry["path"], entry["content"]) == ("Pulumi.prod.yaml", text)
    assert list(github.branches) == ["renew/prod-first"]
    assert "compare/develop...renew/prod-first?expand=1" in (clone / "summary.md").read_text()
    with pytest.raises(ReviewError, match="renew/prod-first is not merged"):
        run("renewal-due")


def test_a_file_without_a_certificate_is_passed_on_to_no_branch(clone: Path) -> None:
    write(clone, platform="cluster", domain=DOMAIN)

    with pytest.raises(ReviewError, match=r"Pulumi\.prod\.yaml has no certificate"):
        run("renewed")

    assert not (clone / "outputs").exists()
