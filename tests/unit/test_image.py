"""A commit makes another image if it changes a file of the build context; on a real repository."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from docker.utils.build import exclude_paths

from components.build_context import BuildContext
from components.image import SERVICE, Bases, revision
from standins.docker_context import context_digest
from tests.workflows import REPOSITORY


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    folder = tmp_path / "service"
    write(folder, ".dockerignore", (SERVICE / ".dockerignore").read_text())
    for name in ("Dockerfile", "requirements.txt", "auth/a.py", "auth/b.py", "tests/test_a.py"):
        write(folder, name, name)
    commit(folder)
    return folder


def git(folder: Path, *argv: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.test", *argv],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def commit(folder: Path) -> str:
    git(folder, "add", "--all", ".")
    git(folder, "commit", "--quiet", "--message", "A change")
    return git(folder, "rev-parse", "--short=12", "HEAD")


@pytest.mark.parametrize(
    "name", ["tests/test_a.py", "tests/new.py", "README.md", "auth/x.pyc", "auth/__pycache__/x"]
)
def test_a_file_that_the_build_does_not_see_makes_no_new_revision(folder: Path, name: str) -> None:
    before = revision(folder)

    write(folder, name, "changed")
    assert revision(folder) == before, "it counts while it is in no commit"
    commit(folder)

    assert revision(folder) == before


@pytest.mark.parametrize(
    "name", ["auth/a.py", "auth/new.py", "auth/ü [1].py", "requirements.txt", "Dockerfile"]
)
def test_a_file_that_the_build_sees_does(folder: Path, name: str) -> None:
    before = revision(folder)

    write(folder, name, "changed")
    assert revision(folder).commit == f"{before.commit}-dirty"
    made = commit(folder)

    assert revision(folder).commit == made


def test_taking_a_file_away_makes_a_new_revision(folder: Path) -> None:
    (folder / "auth/b.py").unlink()
    assert revision(folder).commit.endswith("-dirty")

    assert commit(folder) == revision(folder).commit


def test_a_file_that_leaves_the_build_makes_a_new_revision(folder: Path) -> None:
    git(folder, "mv", "auth/b.py", "tests/b.py")

    assert commit(folder) == revision(folder).commit


def test_a_merge_of_two_changes_is_a_revision_of_its_own(folder: Path) -> None:
    git(folder, "switch", "--quiet", "--create", "branch")
    write(folder, "auth/b.py", "of the branch")
    commit(folder)
    git(folder, "switch", "--quiet", "main")
    write(folder, "auth/a.py", "of main")
    commit(folder)
    git(folder, "merge", "--quiet", "--no-edit", "branch")

    assert revision(folder).commit == git(folder, "rev-parse", "--short=12", "HEAD")


IGNORED = [
    (SERVICE / ".dockerignore").read_text().split("\n"),
    ["*.md", "!README.md"],
    ["*", "!a/**", "a/*/deep"],
    ["**/*.py", "!**/keep.py"],
    ["a", "!a/b/keep.py"],
    ["/a/b", "x?.txt", "[ab]*.md", "docs/**"],
]


@pytest.mark.parametrize("patterns", IGNORED, ids=str)
def test_the_context_is_what_dockers_own_client_sends(tmp_path: Path, patterns: list[str]) -> None:
    names = [
        *("README.md", "b.md", "c.md", "x1.txt", "x12.txt", "requirements.txt", "docs/a/b.txt"),
        *("a/one.py", "a/b/keep.py", "a/b/deep/two.py", "a/c/deep", "auth/m.py", "auth/m.pyc"),
        *("auth/__pycache__/m.pyc", "auth/pages/x.html", "tests/t.py"),
    ]
    for name in names:
        write(tmp_path, name, "")
    rules = [line for line in patterns if line and not line.startswith("#")]
    sent = {name for name in exclude_paths(str(tmp_path), rules) if (tmp_path / name).is_file()}

    context = BuildContext("\n".join(patterns))

    assert {name for name in names if context.holds(name)} == sent - {"Dockerfile"}


def dockerfiles() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    return [REPOSITORY / name for name in listed if name.endswith("Dockerfile")]


@pytest.mark.parametrize("file", dockerfiles(), ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_every_image_that_is_pulled_is_pinned_by_its_digest(file: Path) -> None:
    rows = [line.split() for line in file.read_text().split("\n")]
    arguments = [row[1] for row in rows if row[:1] == ["ARG"]]
    stages = {row[3] for row in rows if row[:1] == ["FROM"] and len(row) > 2}

    for row in rows:
        if row[:1] == ["FROM"] and row[1] not in stages:
            argument = row[1].strip("${}")
            # an argument is named by a command, or is a stage of this file
            named = [a.partition("=")[2] for a in arguments if a.partition("=")[0] == argument]
            assert re.search(r"@sha256:[0-9a-f]{64}$", row[1]) or (
                named and {*named} <= {"", *stages}
            ), row


def test_dependabot_looks_at_every_dockerfile_that_pins_an_image() -> None:
    updates = yaml.safe_load((REPOSITORY / ".github/dependabot.yml").read_text())["updates"]
    (docker,) = [update for update in updates if update["package-ecosystem"] == "docker"]

    pinning = [file for file in dockerfiles() if "@sha256:" in file.read_text()]

    assert set(docker["directories"]) == {
        f"/{file.parent.relative_to(REPOSITORY)}" for file in pinning
    }


def test_the_dockerfiles_own_bases_are_taken_unless_others_are_named() -> None:
    assert Bases().arguments == {}
    assert Bases(runtime="a", builder="b").arguments == {"BASE": "a", "BUILDER": "b"}


def test_files_of_the_build_get_the_modes_that_git_checks_out(folder: Path) -> None:
    for name, mode in (("auth/a.py", 0o664), ("auth/b.py", 0o775), ("tests/test_a.py", 0o664)):
        (folder / name).chmod(mode)

    BuildContext.of(folder).settle_modes(folder)

    modes = {
        name: (folder / name).stat().st_mode & 0o777
        for name in ("auth/a.py", "auth/b.py", "tests/test_a.py")
    }
    assert modes == {"auth/a.py": 0o644, "auth/b.py": 0o755, "tests/test_a.py": 0o664}


def test_another_umask_makes_no_other_image(folder: Path) -> None:
    context = BuildContext.of(folder)
    context.settle_modes(folder)
    digest = context_digest(str(folder), str(folder / "Dockerfile"))
    for path in folder.rglob("*.py"):
        path.chmod(0o664)

    context.settle_modes(folder)

    assert context_digest(str(folder), str(folder / "Dockerfile")) == digest
