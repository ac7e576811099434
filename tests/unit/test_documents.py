"""The documents name only paths, targets, settings and messages that exist."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from tests.prose import REPOSITORY, tracked
from tests.testbed.runbook import commands

DOCUMENTS = [
    path
    for path in tracked(["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs"])
    if path.endswith(".md")
]
CODE = re.compile(r"^```(?P<fence>.*?)^```|`(?P<span>[^`]+)`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?P<target>[^)#:]*)(?:#(?P<anchor>[^)]+))?\)")
# At the begin of a command: "the release tool did not make it" is a message.
MAKE = re.compile(r"(?:^|[$&|;] |\$\(|=\S+ )make (?:-s |[A-Z_]+=\S+ )*(?P<target>[a-z][a-z0-9-]*)")
FILE = re.compile(r"[\w*-][\w.*-]*\.(?:py|md|yml|yaml|toml|txt|in|json|jsonl|sh|html|Dockerfile)")
# Files of the documents' examples, which are not in the repository.
EXAMPLES = {
    "Pulumi.STACK.yaml",
    "Pulumi.local-prod.yaml",
    "Pulumi.prod.yaml",
    "dev.json",
    "lost.json",
    "manage.py",
    "password.txt",
    "read-token.txt",
    "realm.json",
    "shop.py",
    "token.txt",
    "users.jsonl",
    "write-token.txt",
}
COMMANDS = (
    ".venv/bin/python ",
    "curl ",
    "journalctl ",
    "docker ",
    "make ",
    "pulumi ",
    "sudo ",
    "systemctl ",
)
# The beginning of a sentence of Pulumi's engine, which our sources read.
OF_THE_ENGINE = {"the stack is currently locked"}
SHORTEST = 10  # characters of a piece of a message that identify it


def test_every_path_in_a_document_exists() -> None:
    files = tracked()
    known = {*files, *(str(parent) for path in files for parent in Path(path).parents)}
    folders = {path.split("/")[0] for path in files if "/" in path}

    def missing(path: str) -> bool:
        if "/" in path and path.split("/", maxsplit=1)[0] in folders:
            return not any(fnmatch(name, path.rstrip("/")) for name in known)
        if "/" not in path and FILE.fullmatch(path) and path not in EXAMPLES:
            return not any(fnmatch(Path(name).name, path) for name in files)
        return False

    assert [
        f"{document}: {path}"
        for document, code in codes()
        for path in code.split()
        if missing(path.strip("(),;:[]"))
    ] == []


def test_every_link_in_a_document_leads_somewhere() -> None:
    assert [
        f"{document}: {link.group()}"
        for document in DOCUMENTS
        for link in LINK.finditer(text(document))
        if not leads_somewhere(document, link["target"], link["anchor"])
    ] == []


def test_every_make_command_in_a_document_is_a_target() -> None:
    makefile = text("Makefile")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    assert [
        f"{document}: make {command['target']}"
        for document, code in codes()
        for command in MAKE.finditer(code)
        if command["target"] not in targets
    ] == []


def test_every_setting_in_a_document_is_one_of_the_program() -> None:
    settings = set(re.findall(r"^  (\w+):$", text("Pulumi.yaml"), re.MULTILINE))
    assert [
        f"{document}: {setting}"
        for document, code in codes()
        for setting in re.findall(r"\bauth:([a-z]\w+)", code)
        if setting not in settings
    ] == []


def test_every_workflow_is_in_the_table_of_docs_github() -> None:
    table = text("docs/github.md").partition("## The workflows")[2].partition("\n## ")[0]
    workflows = {Path(path).stem for path in tracked([".github/workflows"])}
    assert set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)) == workflows


def test_every_decision_is_in_their_list() -> None:
    listed = re.findall(r"\]\((\d{4}-[^)]+)\)", text("docs/adr/README.md"))
    assert listed == [Path(path).name for path in tracked(["docs/adr/0*.md"])]


def test_every_folder_is_on_the_map() -> None:
    """CONTRIBUTING has the map for newcomers."""
    folders = {f"{path.split('/')[0]}/" for path in tracked() if "/" in path} - {".ci/"}
    on_the_map = set(re.findall(r"^\| `([^`]+/)` \|", text("CONTRIBUTING.md"), re.MULTILINE))
    assert folders - on_the_map == set()


def test_every_message_in_the_runbook_is_in_the_sources() -> None:
    sources = printed()
    assert [
        message
        for document, message in codes()
        if document == "docs/runbook.md" and is_message(message)
        if not any(is_from(message, pieces) for pieces in sources)
    ] == []


def test_every_error_in_the_table_of_docs_oracle_cloud_is_in_the_sources() -> None:
    table = text("docs/oracle-cloud.md").partition("\n## Errors\n")[2].partition("\n## ")[0]
    messages = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    ours = [message for message in messages if not re.match(r"\d{3}-", message)]  # Oracle's status
    assert ours, "the table has no message of ours"
    sources = printed()
    assert [
        message
        for message in ours
        if not any(
            all(
                any(part in piece for piece in pieces)
                for part in map(str.strip, message.split("…"))
            )
            for pieces in sources
        )
    ] == []


def test_every_command_of_the_runbook_is_executed_by_a_test_on_a_stack() -> None:
    named = {
        command["target"]
        for document, code in codes()
        if document == "docs/runbook.md"
        for command in MAKE.finditer(code)
    }
    tests = "".join(text(path) for path in tracked(["tests/e2e/*.py"]))
    executed = {
        *re.findall(r'"([a-z-]+)"', tests),
        *re.findall(r'"make ([a-z-]+)', tests),
        *(command.split()[1] for command in commands("The state is lost")),
    }
    # the administrator's command would change the stack's bucket: tests/localcloud/test_bucket.py
    assert named - executed == {"bucket"}


def printed() -> set[tuple[str, ...]]:
    """Return the messages of an operator's commands, each as its pieces."""
    return {pieces for path in tracked(["*.py"]) if has_messages(path) for pieces in strings(path)}


def has_messages(path: str) -> bool:
    """Return whether an operator's commands can print messages of this file."""
    folder, _, _ = path.partition("/")
    return folder not in {"bench", "examples", "localcloud", "service", "tests"}


def is_message(code: str) -> bool:
    return len(code.split()) > 2 and not code.startswith(COMMANDS) and code not in OF_THE_ENGINE


def strings(path: str) -> Iterator[tuple[str, ...]]:
    """Yield the messages of a module, each as its pieces between formatted values."""
    for node in ast.walk(ast.parse(text(path))):
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        values = [part.value for part in parts if isinstance(part, ast.Constant)]
        pieces = tuple(value.strip() for value in values if isinstance(value, str))
        if any(len(piece) >= SHORTEST for piece in pieces):
            yield pieces


def is_from(message: str, pieces: tuple[str, ...]) -> bool:
    """Return whether each part of a message is in a string, or has a piece of the string in it."""
    return all(
        any(part in piece or (len(piece) >= SHORTEST and piece in part) for piece in pieces)
        for part in map(str.strip, message.split("…"))
        if part
    )


def leads_somewhere(document: str, path: str, anchor: str | None) -> bool:
    """Return whether a relative link has a file, and its anchor a heading there."""
    if "//" in path:
        return True
    target = (REPOSITORY / document).parent / path if path else REPOSITORY / document
    if not anchor or not target.exists():
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
    return anchor in {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings
    }


def text(path: str) -> str:
    return (REPOSITORY / path).read_text()


def codes() -> Iterator[tuple[str, str]]:
    """Yield the code of every document, a fenced block or a span at a time.

    The changelog is left out, since it has names of the past as well.
    """
    for document in DOCUMENTS:
        if document == "CHANGELOG.md":
            continue
        for code in CODE.finditer(text(document)):
            yield document, " ".join((code["fence"] or code["span"]).split())
