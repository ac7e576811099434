"""What each command does, in a few steps."""

import argparse
import dataclasses
import os
from pathlib import Path

from common.clone import CLONE
from review import audit as auditing
from review import (
    branch_head,
    checklist,
    checks,
    commits,
    consent,
    posts,
    pr_stacks,
    provenance,
    review,
    ssh_access,
    vulnerabilities,
)
from review import deployment as releases
from review import drift as drifting
from review import evidence as keeping
from review import images as packages
from review.approval import Decision, decide
from review.comment import marker, render
from review.container import others_than
from review.context import Context
from review.github import GitHub
from review.markdown import code, text
from review.verdict import ALLOWING
from stack import environment as surroundings
from stack import ssh
from stack.stack import Stack


def comment(arguments: argparse.Namespace) -> int:
    """Print the review's comment, or post it; the exit status is the verdict."""
    context = Context.read()
    labels = set(filter(None, arguments.labels.split(",")))
    given = None
    if arguments.post:
        with GitHub(context) as github:
            given = consent.of(github, context.pull_request)
    stack = surroundings.prepare(CLONE, arguments.stack)
    made, redactor = review.make(CLONE, stack, labels=labels, consent=given, head=context.head)
    body = redactor.text(render(made))
    if arguments.post:
        with GitHub(context) as github:
            posts.upsert_comment(github, context.pull_request, marker(stack.name), body)
            checks.keep(github, made.record, passes=made.verdict.passes)
        context.summarize(body)
    else:
        print(body)
    return 0 if made.verdict.passes else 1


def reviewed(arguments: argparse.Namespace) -> int:
    """Refuse to go on if what the verdict guards would be touched otherwise than reviewed."""
    context = Context.read()
    with GitHub(context) as github:
        branch_head.check(github, context)
    stack = surroundings.prepare(CLONE, arguments.stack)
    made, redactor = review.make(CLONE, stack)
    with GitHub(context) as github:
        number, seen = checks.reviewed(github, context.commit, stack.name)
        given = consent.of(github, number)
    decision = decide(
        seen,
        made.record,
        made.verdict,
        consent=given,
        others=others_than(made.plan, arguments.image) if arguments.image else (),
        accepted=arguments.accept,
        files=lambda old, new: commits.changed_files(CLONE, old, new),
    )
    context.summarize(redactor.text(_told(stack.name, decision, made)))
    return 0 if decision.goes_on else 1


def newest_commit(_arguments: argparse.Namespace) -> int:
    """Refuse to go on if the branch has moved on from this run's commit."""
    context = Context.read()
    with GitHub(context) as github:
        branch_head.check(github, context)
    print(f"{context.commit[:12]} is the newest commit of {context.ref}.")
    return 0


def build(arguments: argparse.Namespace) -> int:
    """Build the image, and say for later steps which it is and whether to attest it."""
    context = Context.read()
    stack = surroundings.prepare(CLONE, arguments.stack)
    context.output(**provenance.build(stack, context))
    return 0


def verified(arguments: argparse.Namespace) -> int:
    """Refuse to go on with an image that the workflow did not build."""
    context = Context.read()
    told = provenance.verify(arguments.image, context)
    print(told)
    context.summarize(text(told))
    return 0


def live(arguments: argparse.Namespace) -> int:
    """Say for later steps which image runs on the server, however it got there."""
    stack = surroundings.existing(CLONE, arguments.stack)
    running = ssh.report(stack, "status")["live"]
    Context.read().output(image=str(running["image"]) if running else "")
    return 0


def scanned(arguments: argparse.Namespace) -> int:
    """Keep one issue about the vulnerabilities of the image that runs."""
    context = Context.read()
    scan = vulnerabilities.read(CLONE / arguments.report)
    with GitHub(context) as github:
        told = vulnerabilities.report(
            github, context, stack=arguments.stack, image=arguments.image, scan=scan
        )
    print(told)
    return 1 if scan.problem else 0


def ssh_open(arguments: argparse.Namespace) -> int:
    stack = surroundings.prepare(CLONE, arguments.stack)
    address = (
        ssh_access.checked(arguments.address) if arguments.address else ssh_access.own_address()
    )
    opened = ssh_access.of(stack, make=not arguments.existing)
    if opened is None:
        print(f"{stack.name} has no network yet: there is nothing to open.")
        return 0
    opened.open(address, run=Context.read().run_id, minutes=arguments.minutes)
    print(f"SSH to {stack.name} is open to {address}, for {arguments.minutes} minutes at most.")
    host = str(stack.outputs().get("serverIp", ""))
    if host:
        ssh_access.wait(host)
    return 0


def ssh_close(arguments: argparse.Namespace) -> int:
    stack = surroundings.prepare(CLONE, arguments.stack)
    opened = ssh_access.of(stack)
    closed = opened.close(run=Context.read().run_id) if opened else 0
    print(f"{closed} opening{'' if closed == 1 else 's'} of SSH to {stack.name} closed.")
    return 0


def smoke(arguments: argparse.Namespace) -> int:
    stack = surroundings.existing(CLONE, arguments.stack)
    for line in releases.smoke(stack.outputs()):
        print(line)
    return 0


def released(arguments: argparse.Namespace) -> int:
    context = Context.read()
    stack = surroundings.existing(CLONE, arguments.stack)
    context.output(**releases.outputs(stack))
    context.summarize(releases.note(CLONE, stack))
    return 0


def drift(arguments: argparse.Namespace) -> int:
    """Keep one issue about what differs; only a check that could not be made fails."""
    context = Context.read()
    stack = surroundings.prepare(CLONE, arguments.stack)
    made, redactor = review.make(CLONE, stack, refresh=True)
    made = dataclasses.replace(made, plan=redactor.plan(made.plan))
    told = drifting.report(made, context)
    context.summarize(told)
    return 1 if made.verdict.kind == "failed" else 0


def images(arguments: argparse.Namespace) -> int:
    context = Context.read()
    stack = surroundings.existing(CLONE, arguments.stack)
    repository = stack.configuration.values().get("auth:imageRepository", "")
    with GitHub(context) as github:
        package = packages.Package(github, repository, registry=os.environ.get("GHCR_URL", ""))
        versions = package.versions()
        gone = packages.superfluous(
            versions,
            keep=arguments.keep,
            needed=packages.needed([stack]),
            parts=lambda digest: package.parts(digest, context.token),
        )
        for version in gone:
            name = ", ".join(version.tags) or version.digest[:19]
            print(f"{'Would delete' if arguments.dry_run else 'Delete'} {name}")
            if not arguments.dry_run:
                package.delete(version)
    context.summarize(f"{len(gone)} of {len(versions)} images deleted; {arguments.keep} stay.")
    return 0


def pr_stack(arguments: argparse.Namespace) -> int:
    stack = surroundings.existing(CLONE, arguments.stack)
    pr_stacks.configure(stack, arguments.source)
    return 0


def pr_cleanup(_arguments: argparse.Namespace) -> int:
    """Take down the stacks whose pull request is over; the last line of defence against cost."""
    with GitHub(Context.read()) as github:
        any_stack = surroundings.existing(CLONE, "dev")
        for name in pr_stacks.over(github, any_stack.names()):
            stack = Stack(name=name, clone=CLONE, env=any_stack.env)
            pr_stacks.configure(stack, "dev")
            if stack.resources():
                surroundings.prepare(CLONE, name)  # what deletes them: Docker, the plugins
            stack.destroy()
            print(f"{name} is taken down.")
    return 0


def evidence(arguments: argparse.Namespace) -> int:
    stack = surroundings.existing(CLONE, arguments.stack)
    folder = CLONE / arguments.folder
    for name in keeping.keep(stack.outputs(), folder):
        print(Path(arguments.folder) / name)
    return 0


def audit(arguments: argparse.Namespace) -> int:
    """Look for known vulnerabilities; a package that could not be audited fails it as well."""
    outcome = auditing.audit(CLONE, service=arguments.service)
    print("\n".join(outcome.lines()))
    return 0 if outcome.passes else 1


def github(_arguments: argparse.Namespace) -> int:
    with GitHub(Context.read()) as api:
        lacks = [*checklist.missing(api), *checklist.unpinned(CLONE)]
        for line in lacks:
            print(f"- {line}")
        if not lacks:
            print(f"{api.repository} has all that docs/github.md asks for.")
    return 1 if lacks else 0


def _told(stack: str, decision: Decision, made: review.Review) -> str:
    verb = "is applied" if decision.goes_on else "is not applied"
    lines = [f"### {code(stack)}: the plan {code(made.record.plan)} {verb}", ""]
    lines.append(f"{text(decision.reason)}.")
    lines += [f"- moved since the preview: {text(moved)}" for moved in decision.moved]
    if not decision.goes_on and made.verdict.kind != "failed":
        way_out = (
            f"Open a pull request, read its preview and give it the label {code(ALLOWING)}; or "
            f"start this workflow by hand with the plan {code(made.record.plan)}, having read it:"
        )
        lines += ["", way_out]
    return "\n".join([*lines, "", render(made)])
