"""The workflows as GitHub reads them, and their `run:` lines made ready to run here."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[1]
FOLDER = REPOSITORY / ".github" / "workflows"
_EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|[\w.*-]+|==|!=|&&|\|\||\(|\)|,)")


class _Loader(yaml.SafeLoader):
    """YAML 1.2 as GitHub reads it: `on` is a word, not a truth value."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|false"), list("tf"))


@dataclass(frozen=True, kw_only=True)
class Line:
    """One `run:` line; `env` is what workflow, job and step set, with its expressions."""

    workflow: str
    job: str
    step: str
    run: str
    env: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.workflow}/{self.job}/{self.step}"


def all_workflows() -> dict[str, dict[str, Any]]:
    """Give each workflow by its file's name without the ending."""
    files = sorted(FOLDER.glob("*.yml"))
    return {file.stem: yaml.load(file.read_text(), Loader=_Loader) for file in files}  # noqa: S506 - a safe loader


def lines() -> Iterator[Line]:
    for workflow, document in all_workflows().items():
        for job_name, job in document["jobs"].items():
            for number, step in enumerate(job.get("steps", [])):
                if "run" in step:
                    env = {**document.get("env", {}), **job.get("env", {}), **step.get("env", {})}
                    yield Line(
                        workflow=workflow,
                        job=job_name,
                        step=step.get("name", f"step {number}"),
                        run=step["run"],
                        env={name: str(value) for name, value in env.items()},
                    )


def evaluated(text: str, context: Mapping[str, Any]) -> str:
    """Put the values of expressions into a text, as the runner does.

    Knows the syntax in use: names, texts, `||`, `&&`, `==`, `!=`; refuses anything else.
    """
    return _EXPRESSION.sub(lambda match: _text(_Expression(match[1], context).value()), text)


def condition(text: str, context: Mapping[str, Any]) -> bool:
    """Evaluate the `if:` of a job or a step."""
    return bool(_Expression(text, context).value())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


class _Expression:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/expressions."""

    def __init__(self, text: str, context: Mapping[str, Any]) -> None:
        self._tokens = [match[1] for match in _TOKEN.finditer(text)]
        if "".join(self._tokens) != re.sub(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", "", text):
            raise ValueError(f"this evaluator does not know {text!r}")
        self._context = context

    def value(self) -> Any:
        found = self._or()
        if self._tokens:
            raise ValueError(f"this evaluator stops at {self._tokens[0]!r}")
        return found

    def _next(self, *wanted: str) -> str:
        return self._tokens.pop(0) if self._tokens and self._tokens[0] in wanted else ""

    def _or(self) -> Any:
        found = self._and()
        while self._next("||"):
            other = self._and()
            found = found or other
        return found

    def _and(self) -> Any:
        found = self._equal()
        while self._next("&&"):
            other = self._equal()
            found = found and other
        return found

    def _equal(self) -> Any:
        found = self._atom()
        while operator := self._next("==", "!="):
            found = (found == self._atom()) == (operator == "==")
        return found

    def _atom(self) -> Any:
        token = self._tokens.pop(0)
        if token == "(":
            found = self._or()
            if not self._next(")"):
                raise ValueError("a parenthesis is missing")
            return found
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token == "always":
            del self._tokens[:2]
            return True
        if token == "startsWith":
            self._tokens.pop(0)
            text = self._or()
            self._tokens.pop(0)
            beginning = self._or()
            self._tokens.pop(0)
            return str(text).startswith(str(beginning))
        if token == "join":  # of the results of needed jobs, which is all that is joined here
            del self._tokens[:5]
            return self._context["joined"]
        found = self._context
        for name in token.split("."):
            found = (found or {}).get(name)
        return found
