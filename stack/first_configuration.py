"""`make init`: the configuration of a stack, from nothing to its first preview.

Safe to repeat: the keys and values that are there stay, unless a variable gives another value.
"""

import dataclasses
import getpass
import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from common import interruption
from common.progress import step
from components import advice
from stack import first_values, names, terminal
from stack.errors import StackError
from stack.first_values import PROFILE, QUESTIONS, SECRET_KEYS, SHARED, SOURCE, Question
from stack.stack import Stack

if TYPE_CHECKING:
    from settings.problems import Problem

_HEAD = """\
# The stack {stack} on Oracle Cloud, by `make init`: secrets are encrypted, and the file belongs in
# git. Pulumi.yaml describes each key, and docs/environments.md compares the stacks.
config:
  auth:shape: VM.Standard.A1.Flex
  auth:ocpus: 1
  auth:memoryInGbs: 6
  auth:environment: production
"""


def make(stack: Stack, words: Sequence[str]) -> int:
    """Write the values of `NAME=VALUE` words into the stack's file, with keys made for it.

    Returns 1, after a list of the missing values, while the stack can't be previewed. A value that
    breaks a rule is refused before anything is written.
    """
    named = first_values.variables(words)
    if names.is_local(stack.name):
        return _make_local(stack, named)
    new = _new_values(stack, named)
    written = stack.configuration.written()
    plain = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in written.items()
        if not isinstance(value, dict)
    }
    _refuse(stack.name, problems({**plain, **new}), new)
    _begin(stack)
    present = stack.configuration.values()
    try:
        if terminal.interactive():
            is_new = "auth:compartmentOcid" not in written
            for answer in asked({**present, **new}, {*written, *new}, with_optional=is_new):
                new |= answer
    finally:
        # the answers before a Ctrl-C as well
        _write(stack, present, new)
    return _report(stack)


def _make_local(stack: Stack, named: Mapping[str, str]) -> int:
    """Make the keys of a local stack; `make up` writes the other values of this machine."""
    if named:
        raise StackError(
            f"{', '.join(named)}: a local stack has its values from this machine and from "
            "Pulumi.local.yaml. Name another stack, such as: make init STACK=dev"
        )
    stack.make()
    file = stack.configuration.file.relative_to(stack.clone)
    print(f"The keys are in {file}. Next: {advice.make('up', stack.name)}")
    return 0


def problems(values: Mapping[str, str]) -> list["Problem"]:
    """Return the problems of a configuration, by the rules of the program itself."""
    # they take more than a second
    import components.resources_on_demand  # noqa: F401, PLC0415 - for its effect on the next
    import settings  # noqa: PLC0415

    schema = yaml.safe_load(settings.SCHEMA.read_text())["config"]
    try:
        settings.parse(values, schema=schema, encrypted=lambda _: True)
    except settings.ConfigurationError as error:
        return list(error.problems)
    return []


def _new_values(stack: Stack, named: Mapping[str, str]) -> dict[str, str]:
    """Return the values of another stack, of a profile and of the variables; the last wins."""
    new: dict[str, str] = {}
    if source := named.get(SOURCE, ""):
        known = names.configured(stack.clone)
        others = [name for name in known if name != stack.name and not names.is_local(name)]
        if source not in others:
            raise StackError(
                f"{SOURCE} is {source!r}, {_not_shared(source, stack.name)}. It must be another "
                f"stack, whose registry is shared. Such stacks here: {', '.join(others) or 'none'}."
            )
        shared = dataclasses.replace(stack, name=source).configuration.values()
        new = {key: shared[key] for key in SHARED if shared.get(key)}
    if profile := named.get(PROFILE, ""):
        new |= first_values.of_profile(profile)
    return new | first_values.given(named)


def _not_shared(source: str, name: str) -> str:
    """Return the reason why a stack's registry can't be that of the stack `name`."""
    if source == name:
        return "the new stack itself"
    if names.is_local(source):
        return "a local stack, whose registry is on this machine alone"
    return f"and there is no Pulumi.{source}.yaml"


def _refuse(stack: str, found: Sequence["Problem"], new: Mapping[str, str]) -> None:
    """Raise StackError if a new value breaks a rule; other values are not the matter here."""
    broken = [problem for problem in found if problem.key in new]
    if broken:
        lines = [str(dataclasses.replace(each, command=_way_out(stack, each))) for each in broken]
        raise StackError("\n".join(["Nothing is written, because of these values:", *lines]))


def _way_out(stack: str, problem: "Problem") -> str:
    """Return the variable that a problem's command sets, or the command for another key."""
    for question in QUESTIONS:
        if question.key in problem.command:
            return f"{question.variable}={question.example}"
    return problem.of_stack(stack).command


def _begin(stack: Stack) -> None:
    """Make the stack in its backend and a commented file, then its keys; each unless it is there.

    The file comes last: without it, no other command takes the stack for configured.
    """
    file = stack.configuration.file
    is_new = not file.exists()
    with interruption.patience(), step(f"Make the stack {stack.name} and its keys"):
        stack.create()
        if is_new:
            _put_head(file, stack.name)
        stack.configuration.make_keys()


def _put_head(file: Path, name: str) -> None:
    """Write the head above the salt of the secrets, which the CLI has written by itself."""
    salt = file.read_text() if file.exists() else ""
    file.write_text(_HEAD.format(stack=name) + salt)


def asked(
    values: Mapping[str, str], given: Collection[str], *, with_optional: bool
) -> Iterator[dict[str, str]]:
    """Ask a person for the missing values, and yield the values of each answer, by key.

    `values` has the program's defaults as well, and `given` the keys that somebody has set.
    Optional values are asked `with_optional`, as of a new stack.
    """
    known = dict(values)
    if PROFILE in first_values.missing(known):
        known |= (answer := _asked_profile())
        yield answer
    for question in QUESTIONS:
        if question.is_optional:
            is_asked = with_optional and question.key not in given
        else:
            is_asked = question.variable in first_values.missing(known)
        if is_asked:
            known |= (answer := _answer(question, known))
            yield answer


def _asked_profile() -> dict[str, str]:
    while True:
        name = _typed(input, "Profile of ~/.oci/config with the API key of deployments [DEFAULT]: ")
        try:
            return first_values.of_profile(name.strip() or "DEFAULT")
        except StackError as error:
            print(f"  {error}", file=sys.stderr)


def _answer(question: Question, values: Mapping[str, str]) -> dict[str, str]:
    """Ask until the answer keeps the rules of its key; an optional answer may be empty."""
    hint = "; empty: none" if question.is_optional else ""
    if question.spared_by:
        hint = "; empty for a stack that gets promoted images alone"
    prompt = f"{question.text[0].upper()}{question.text[1:]}"
    while True:
        if question.is_secret:
            text = _typed(getpass.getpass, f"{prompt} (not shown{hint}): ")
        else:
            text = _typed(input, f"{prompt} (such as {question.example}{hint}): ")
        if (question.is_optional or question.spared_by) and not text.strip():
            return {}
        answer = {question.key: question.value(text)}
        broken = [each for each in problems({**values, **answer}) if each.key == question.key]
        if not broken:
            return answer
        print(*(f"  {problem.text}" for problem in broken), sep="\n", file=sys.stderr)


def _typed(ask: Callable[[str], str], prompt: str) -> str:
    """Return the typed line; Ctrl-D stops the command as Ctrl-C does."""
    try:
        return ask(prompt)
    except EOFError:
        raise KeyboardInterrupt from None


def _write(stack: Stack, present: Mapping[str, str], new: Mapping[str, str]) -> None:
    changed = {key: value for key, value in new.items() if not _equal(value, present.get(key))}
    if not changed:
        return
    with interruption.patience(), step(f"Write {', '.join(sorted(changed))}"):
        for key, value in sorted(changed.items()):
            if key in SECRET_KEYS:
                stack.configuration.set_secret(key, value)
            elif value.startswith("["):
                stack.configuration.set_list(key, json.loads(value))
            else:
                stack.configuration.set_value(key, value)


def _equal(new: str, present: str | None) -> bool:
    """Compare texts; the CLI writes a list in another form of JSON, and ends no PEM with a line."""
    if present is None or not new.startswith("["):
        return new == (present or "").strip()
    return bool(json.loads(new) == json.loads(present or "[]"))


def _promotion(stack: str, lacking: Sequence[str]) -> Iterator[str]:
    """Yield the way to an image without a build, for a stack that lacks nothing but the builder."""
    (builder,) = (question.variable for question in QUESTIONS if question.spared_by)
    if [*lacking] == [builder]:
        yield (
            f"A stack that gets promoted images alone needs no {builder}. Next, for such a stack: "
            f"commit Pulumi.{stack}.yaml, then make promote FROM=dev TO={stack}"
        )


def _report(stack: Stack) -> int:
    """Print the next step: a preview, or this command with the values that are missing."""
    values = stack.configuration.values()
    file = stack.configuration.file.relative_to(stack.clone)
    if lacking := first_values.missing(values):
        words = " ".join(f"{name}=…" for name in lacking)
        print(
            f"{file} has the keys, and lacks {len(lacking)} more. At a terminal this command asks "
            f"for them, and else:\n  {advice.make(f'init {words}', stack.name)}",
            *(f"  {name:<13} {first_values.described(name)}" for name in lacking),
            *_promotion(stack.name, lacking),
            f"A mistake? {advice.make('down', stack.name)} ends the stack.",
            sep="\n",
            file=sys.stderr,
        )
        return 1
    if remaining := problems(values):
        lines = [problem.of_stack(stack.name) for problem in remaining]
        print(f"{file} has these problems:", *lines, sep="\n", file=sys.stderr)
        return 1
    print(
        f"{file} is complete: commit it. Next: {advice.make('preview', stack.name)}\n"
        f"For copies of the database: {advice.make('bucket PROFILE=ADMIN', stack.name)}. "
        "docs/oracle-cloud.md has the steps after that."
    )
    return 0
