"""The commands of a promotion, each in a few steps."""

import argparse
import os
from datetime import UTC, datetime

from common.clone import CLONE
from review import commits, promotion, promotion_branch
from review.context import Context
from review.errors import ReviewError
from review.promotion import Candidate
from stack import environment, names
from stack.names import is_local
from stack.stack import Stack
from stack.stack_file import Differences, with_values


def promotable(arguments: argparse.Namespace) -> int:
    """Pass the live image of a stack to a later job, once it is healthy and verified."""
    context = Context.read()
    stack = environment.recorded(CLONE, arguments.stack)
    chosen = promotion.candidate(stack)
    sentence = promotion.attested(chosen.image, context, CLONE)
    print(sentence)
    context.output(live=chosen.text())
    return 0


def promote(arguments: argparse.Namespace) -> int:
    """Write the image that is live on a stack into another stack's file, on a branch."""
    context, now = Context.read(), datetime.now(UTC)
    _check_names(arguments.source, arguments.target)
    promotion_branch.refuse_changes(CLONE)
    source = _stack(arguments.source)
    target = _stack(arguments.target)
    if arguments.live:  # of an earlier job, which could reach the server
        chosen, revision = Candidate.read(arguments.live), ""
    else:
        source = environment.recorded(CLONE, source.name)
        chosen = promotion.candidate(source)
        print(promotion.attested(chosen.image, context, CLONE))
        revision = promotion.live_revision(CLONE, target.name)
    promotion.check_target(chosen, source, target)
    file = CLONE / f"Pulumi.{target.name}.yaml"
    before = file.read_text() if file.exists() else ""
    written = target.configuration.written()
    _explain(chosen, source, target, revision or str(written.get("auth:imageRevision", "")), now)
    if written.get("auth:imageDigest") == chosen.values(now)["auth:imageDigest"]:
        print(f"{file.name} names this image already: there is nothing to promote.")
        return 0
    text = with_values(before, chosen.values(now))
    branch = promotion_branch.name_of(target.name, chosen.release)
    message = f"Promote {chosen.origin(now)}, to {target.name}"
    if arguments.push:
        promotion_branch.on_github(context, branch, file.name, text, message)
        context.summarize(
            f"The branch `{branch}` promotes {chosen.origin(now)}. Open its pull request: "
            f"{context.comparison(branch)}"
        )
        return 0
    is_new = promotion_branch.in_clone(CLONE, branch, file.name, text, message)
    print(f"The branch {branch} {'is made' if is_new else 'was there already'}, and checked out.")
    print(_next_steps(target.name, branch))
    return 0


def _check_names(source: str, target: str) -> None:
    example = "make promote FROM=dev TO=prod"
    for variable, name in (("FROM", source), ("TO", target)):
        if not name:
            raise ReviewError(f"{variable} is empty; it must be the name of a stack: {example}")
        names.require(CLONE, names.stack_name(name, variable), variable)
    if source == target:
        raise ReviewError(f"FROM and TO are both {source!r}; they must be two stacks: {example}")
    if is_local(source) != is_local(target):
        raise ReviewError(
            f"FROM is {source!r} and TO is {target!r}: a local stack has a registry of its own, on "
            "this machine, so it shares images with local stacks alone."
        )


def _stack(name: str) -> Stack:
    """Return a stack that is asked for nothing but its file."""
    return Stack(name=name, clone=CLONE, env=os.environ)


def _explain(chosen: Candidate, source: Stack, target: Stack, revision: str, now: datetime) -> None:
    """Print the image, the commits and the keys that differ; never a value."""
    print(f"{chosen.origin(now)}: {chosen.image}")
    print("\n".join(_commits(target.name, revision, chosen.revision)))
    written = target.configuration.written()
    if not written:
        print(f"{target.name} has no configuration yet: there are no keys to compare.")
        return
    differences = Differences.between(source.configuration.written(), written)
    print("Keys of the configuration that differ; values, and secrets of both, are left out:")
    for title, keys in (
        (f"only in {source.name}", differences.removed),
        (f"only in {target.name}", differences.added),
        ("another value", differences.changed),
    ):
        print(f"  {title}: {', '.join(keys) or '-'}")


def _commits(target: str, old: str, new: str) -> list[str]:
    if not old:
        return [f"The revision that runs on {target} is not known: no commits are listed."]
    if old == new:
        return [f"{target} runs the revision {new} already."]
    between = commits.between(CLONE, old, new)
    verb = "loses" if between.backwards else "gets"
    lines = [f"Commits that {target} {verb}, {old} to {new}: {len(between.listed)}"]
    if between.problem:
        lines.append(f"  ({between.problem})")
    return lines + [f"  {each.short}  {each.subject}  ({each.author})" for each in between.listed]


def _next_steps(target: str, branch: str) -> str:
    if is_local(target):
        return f"Next: make up STACK={target}"
    return (
        f"Next:\n  make preview STACK={target}\n  git push --set-upstream origin {branch}\n"
        f"and open a pull request. After its merge: make up STACK={target}, or the workflow deploy."
    )
