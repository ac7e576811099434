"""Measure how plain the English of this repository is; `python -m tests.prose PATH…` lists places.

Readers are engineers, and most are not native speakers. A clause as subject or object costs them
a second reading, so nouns are the rule (docs/glossary.md).
The budget counts words per 1,000, in docstrings, comments, documents and messages alike.
"""

import argparse
import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]

# The projects that this one learns from need 0 to 1.4, 0 to 1.1 and 1.5 to 5.8.
BUDGET = {"clause": 3.0, "say": 3.0, "pronoun": 6.0}
PATTERNS = {
    "clause": re.compile(r"\b(?:what|whatever|who|whoever|whom)\b", re.IGNORECASE),
    "say": re.compile(r"\b(?:says?|said|saying|tells?|told|telling)\b", re.IGNORECASE),
    "pronoun": re.compile(r"\b(?:ones?|none|those)\b", re.IGNORECASE),
}
WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
# Code inside prose is no prose.
CODE = re.compile(r"```.*?```|`[^`\n]*`|https?://\S+|<[^>\n]+>|\{[{%].*?[%}]\}", re.DOTALL)
HASH_COMMENT = re.compile(r"(?:^|\s)#(?!!)+ ?(.*)$")
WITH_HASH_COMMENTS = {".sh", ".yml", ".yaml", ".toml", ".in"}
# A string with fewer words is a name, a key or a part of a command.
WORDS_OF_A_MESSAGE = 4
NOT_OURS = ("LICENSE", "requirements", "go.sum", "localcloud/clients.txt")


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A piece of prose: a docstring, a comment, a message, or a paragraph of a document."""

    path: str
    line: int
    text: str


def passages(paths: Iterable[str]) -> Iterator[Passage]:
    for path in paths:
        name = Path(path).name
        if any(part in path for part in NOT_OURS):
            continue
        suffix = Path(path).suffix
        if suffix == ".py":
            read = of_python
        elif suffix in {".md", ".html"}:
            read = of_document
        elif suffix in WITH_HASH_COMMENTS or name in {"Makefile", "Dockerfile"}:
            read = of_hash_comments
        else:
            continue
        yield from read(path, (REPOSITORY / path).read_text("utf-8", errors="replace"))


def of_python(path: str, text: str) -> Iterator[Passage]:
    tree = ast.parse(text)
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                docstrings.add(first.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            prose = node in docstrings or len(WORD.findall(node.value)) >= WORDS_OF_A_MESSAGE
            if prose:
                yield Passage(path=path, line=node.lineno, text=node.value)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield Passage(path=path, line=token.start[0], text=token.string.lstrip("# "))


def of_document(path: str, text: str) -> Iterator[Passage]:
    # blank lines take the place of code, so that line numbers stay
    plain = CODE.sub(lambda code: re.sub(r"[^\n]", " ", code.group()), text)
    for number, line in enumerate(plain.splitlines(), start=1):
        if line.strip():
            yield Passage(path=path, line=number, text=line)


def of_hash_comments(path: str, text: str) -> Iterator[Passage]:
    for number, line in enumerate(text.splitlines(), start=1):
        if comment := HASH_COMMENT.search(line):
            yield Passage(path=path, line=number, text=comment.group(1))


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Counts of one part of the repository; `rates` is per 1,000 words."""

    words: int
    counts: Counter[str]
    places: list[str]

    @property
    def rates(self) -> dict[str, float]:
        return {kind: 1000 * self.counts[kind] / max(self.words, 1) for kind in PATTERNS}

    @property
    def over(self) -> dict[str, float]:
        """Return the rates above the budget."""
        return {kind: rate for kind, rate in self.rates.items() if rate > BUDGET[kind]}


def measure(texts: Iterable[Passage]) -> Measure:
    words = 0
    counts: Counter[str] = Counter()
    places = []
    for passage in texts:
        prose = CODE.sub(" ", passage.text)
        words += len(WORD.findall(prose))
        for kind, pattern in PATTERNS.items():
            for match in pattern.finditer(prose):
                counts[kind] += 1
                sentence = " ".join(prose.split())
                places.append(
                    f"{passage.path}:{passage.line}: {kind} {match.group()!r}: {sentence[:140]}"
                )
    return Measure(words=words, counts=counts, places=places)


def tracked(paths: Iterable[str] = ()) -> list[str]:
    """List the files of the repository that git knows, below `paths` if there are any."""
    listing = subprocess.run(
        ["git", "ls-files", "--", *paths],
        cwd=REPOSITORY, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [path for path in listing.stdout.splitlines() if (REPOSITORY / path).is_file()]


def parts(paths: Iterable[str]) -> dict[str, list[str]]:
    """Group files by the folder at the top, which keeps its own budget."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        folder = Path(path).parts[0] if "/" in path else "."
        groups.setdefault(folder, []).append(path)
    return groups


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.prose", description=__doc__)
    parser.add_argument("paths", nargs="*", metavar="PATH")
    parser.add_argument("--kind", choices=PATTERNS, help="list the places of one kind alone")
    arguments = parser.parse_args()
    status = 0
    for folder, files in sorted(parts(tracked(arguments.paths)).items()):
        measured = measure(passages(files))
        if not measured.words:
            continue
        if arguments.paths:
            for place in measured.places:
                if arguments.kind is None or f": {arguments.kind} " in place:
                    print(place)
        rates = "  ".join(f"{kind} {rate:.1f}" for kind, rate in measured.rates.items())
        over = "  over: " + ", ".join(measured.over) if measured.over else ""
        print(f"{folder}: {measured.words} words, per 1,000: {rates}{over}")
        status |= bool(measured.over)
    return status


if __name__ == "__main__":
    sys.exit(main())
