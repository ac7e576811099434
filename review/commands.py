"""The commands, each in a few steps."""

import argparse
import dataclasses
import os
from pathlib import Path

from common.clone import CLONE
from common.progress import StepError
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
from review import drill as reporting
from review import evidence as keeping
from review import images as packages
from review.approval import Decision, decide
from review.comment import marker, render
from review.container import others_than
from review.context import Context
from review.errors import ReviewError
from review.github import GitHub
from review.markdown import code, text
from review.verdict import ALLOWING
from stack import copies, names, platforms
from stack import drill as drills
from stack import environment as surroundings
from stack.stack import Stack


def comment(arguments: argparse.Namespace) -> int:
    """Print the review's comment, or post it; the exit status is the verdict."""
    context = Context.read()
    labels = set(filter(None, arguments.labels.split(",")))
    agreement = None
    if arguments.post:
        with GitHub(context) as github:
            agreement = consent.of(github, context.pull_request)
    stack = surroundings.prepare(CLONE, arguments.stack)
    made, redactor = review.make(CLONE, stack, labels=labels, consent=agreement, head=context.head)
    body = redactor.text(render(made))
    if arguments.post:
        with GitHub(context) as github:
            posts.upsert_comment(github, context.pull_request, marker(stack.name), body)
            checks.keep(github, made.snapshot, passes=made.verdict.passes)
        context.summarize(body)
    else:
        print(body)
    return 0 if made.verdict.passes else 1


def reviewed(arguments: argparse.Namespace) -> int:
    """Refuse to go on if a guarded resource would be changed in another way than reviewed."""
    context = Context.read()
    with GitHub(context) as github:
        branch_head.check(github, context)
    stack = surroundings.prepare(CLONE, arguments.stack)
    made, redactor = review.make(CLONE, stack)
    with GitHub(context) as github:
        number, reviewed_snapshot = checks.reviewed(github, context.commit, stack.name)
        agreement = consent.of(github, number)
    decision = decide(
        reviewed_snapshot,
        made.snapshot,
        made.verdict,
        consent=agreement,
        others=others_than(made.plan, arguments.image) if arguments.image else (),
        accepted=arguments.accept,
        files=lambda old, new: commits.changed_files(CLONE, old, new),
    )
    context.summarize(redactor.text(_decision_in_words(stack.name, decision, made)))
    return 0 if decision.goes_on else 1


def newest_commit(_arguments: argparse.Namespace) -> int:
    """Refuse to go on if the branch has moved on from this run's commit."""
    context = Context.read()
    with GitHub(context) as github:
        branch_head.check(github, context)
    print(f"{context.commit[:12]} is the newest commit of {context.ref}.")
    return 0


def build(arguments: argparse.Namespace) -> int:
    """Build the image, and pass it to later steps, with the decision whether to attest it."""
    context = Context.read()
    stack = surroundings.prepare(CLONE, arguments.stack)
    context.output(**provenance.build(stack, context))
    return 0


def verified(arguments: argparse.Namespace) -> int:
    """Refuse to go on with an image that the workflow did not build."""
    context = Context.read()
    sentence = provenance.verify(arguments.image, context)
    print(sentence)
    context.summarize(text(sentence))
    return 0


def live(arguments: argparse.Namespace) -> int:
    """Pass the image of the live release to later steps."""
    stack = surroundings.existing(CLONE, arguments.stack)
    running = platforms.report(stack, "status")["live"]
    Context.read().output(image=str(running["image"]) if running else "")
    return 0


def scanned(arguments: argparse.Namespace) -> int:
    """Keep an issue about the vulnerabilities of the live image."""
    context = Context.read()
    scan = vulnerabilities.read(CLONE / arguments.report)
    with GitHub(context) as github:
        sentence = vulnerabilities.report(
            github, context, stack=arguments.stack, image=arguments.image, scan=scan
        )
    print(sentence)
    return 1 if scan.problem else 0


def ssh_open(arguments: argparse.Namespace) -> int:
    stack = surroundings.prepare(CLONE, arguments.stack)
    address = (
        ssh_access.checked(arguments.address) if arguments.address else ssh_access.own_address()
    )
    access = ssh_access.of(stack, make=not arguments.existing)
    if access is None:
        print(f"{stack.name} has no network yet, so it needs no temporary rule.")
        return 0
    access.open(address, run=Context.read().run_id, minutes=arguments.minutes)
    print(f"{stack.name} is open to {address}, for {arguments.minutes} minutes at most.")
    if place := ssh_access.place(stack.outputs()):
        ssh_access.wait(*place)
    return 0


def ssh_close(arguments: argparse.Namespace) -> int:
    stack = surroundings.prepare(CLONE, arguments.stack)
    access = ssh_access.of(stack)
    deleted = access.close(run=Context.read().run_id) if access else 0
    print(f"{deleted} temporary rule{'' if deleted == 1 else 's'} of {stack.name} deleted.")
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
    """Keep an issue about the drift; only an impossible check fails."""
    context = Context.read()
    stack = surroundings.prepare(CLONE, arguments.stack)
    made, redactor = review.make(CLONE, stack, refresh=True)
    made = dataclasses.replace(made, plan=redactor.plan(made.plan))
    context.summarize(drifting.report(made, context))
    return 1 if made.verdict.kind == "failed" else 0


def drill(arguments: argparse.Namespace) -> int:
    """Restore the newest copy of a stack into a local stack; an issue is kept while that fails."""
    stack = surroundings.unprepared(CLONE, arguments.stack)
    platforms.refuse(stack, "drill")
    copies.refuse_postgresql(stack, "drill")
    context = Context.read()
    try:
        result = drills.drill(arguments.stack)
    except StepError as error:
        raise ReviewError(reporting.report_failure(arguments.stack, str(error), context)) from None
    context.summarize(reporting.report_success(arguments.stack, result, context))
    return 0


def images(arguments: argparse.Namespace) -> int:
    context = Context.read()
    stack = surroundings.existing(CLONE, arguments.stack)
    repository = stack.configuration.values().get("auth:imageRepository", "")
    others = packages.builders(CLONE, repository, apart_from=stack.name)
    with GitHub(context) as github:
        package = packages.Package(github, repository, registry=os.environ.get("GHCR_URL", ""))
        versions = package.versions()
        gone = packages.superfluous(
            versions,
            keep=arguments.keep,
            needed=packages.promoted(CLONE).union(
                packages.needed(stack),
                *(packages.needed(surroundings.existing(CLONE, name)) for name in others),
            ),
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
    own = CLONE / f"Pulumi.{arguments.stack}.yaml"
    template = arguments.stack if own.exists() else arguments.source
    platforms.refuse(surroundings.unprepared(CLONE, template), "pr-stack")
    stack = surroundings.existing(CLONE, arguments.stack)
    pr_stacks.configure(stack, arguments.source)
    return 0


def pr_cleanup(_arguments: argparse.Namespace) -> int:
    """Take down the stacks whose pull request is over, also if their workflow failed: they cost."""
    with GitHub(Context.read()) as github:
        any_stack = surroundings.existing(CLONE, "dev")
        for name in pr_stacks.over(github, any_stack.names()):
            stack = Stack(name=name, clone=CLONE, env=any_stack.env)
            pr_stacks.configure(stack, "dev")
            if stack.resources():
                surroundings.prepare(CLONE, name)  # their deletion needs Docker and the plugins
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
        missing = [*checklist.missing(api, names.configured(CLONE)), *checklist.unpinned(CLONE)]
        for line in missing:
            print(f"- {line}")
        if not missing:
            print(f"{api.repository} has all parts that docs/github.md asks for.")
    return 1 if missing else 0


def _decision_in_words(stack: str, decision: Decision, made: review.Review) -> str:
    verb = "is applied" if decision.goes_on else "is not applied"
    lines = [f"### {code(stack)}: the plan {code(made.snapshot.plan)} {verb}", ""]
    lines.append(f"{text(decision.reason)}.")
    lines += [f"- moved since the preview: {text(moved)}" for moved in decision.moved]
    if not decision.goes_on and made.verdict.kind != "failed":
        way_out = (
            f"Open a pull request, read its preview and give it the label {code(ALLOWING)}. Or "
            f"read this plan, and start this workflow by hand with {code(made.snapshot.plan)}:"
        )
        lines += ["", way_out]
    return "\n".join([*lines, "", render(made)])
