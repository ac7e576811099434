"""The commands of a renewal on GitHub: a certificate that is due is ordered, and put on a branch.

The first and the last have no secret. The order between them, `make renew STORE=1`, may not write.
"""

import argparse
import json
from urllib.parse import quote

from common.clone import CLONE
from review import promotion_branch
from review.context import Context
from review.errors import ReviewError
from review.github import GitHub
from stack import certificate
from stack.certificate import Certificate
from stack.configuration import in_file


def due(arguments: argparse.Namespace) -> int:
    """Pass on whether the certificate of a stack is to be renewed, by the stack's file alone.

    Raise ReviewError if an earlier renewal still waits for its merge.
    """
    context, values = Context.read(), in_file(CLONE / _file(arguments.stack))
    present = Certificate.found(str(values.get("auth:certificate", "")))
    if values.get("auth:platform") != "cluster" or not values.get("auth:domain"):
        print(f"{arguments.stack} is on no cluster with a domain: there is nothing to renew.")
        context.output(due="false")
        return 0
    if present and certificate.now() < present.renewal:
        print(
            f"{present.line(certificate.now())}. It is renewed from {present.renewal:%Y-%m-%d} on."
        )
        context.output(due="false")
        return 0
    branch = _branch(arguments.stack, present)
    if context.repository and _exists(context, branch):
        raise ReviewError(
            f"The certificate of {arguments.stack} is due, and the renewal on the branch {branch} "
            f"is not merged. Open its pull request: {context.comparison(branch)}"
        )
    context.output(due="true")
    return 0


def renewed(arguments: argparse.Namespace) -> int:
    """Pass the stack's file on to the job that writes the branch; its secrets are encrypted."""
    context, file = Context.read(), CLONE / _file(arguments.stack)
    if Certificate.found(str(in_file(file).get("auth:certificate", ""))) is None:
        raise ReviewError(f"{file.name} has no certificate. Order it: make renew STORE=1")
    context.output(file=json.dumps(file.read_text()))
    return 0


def branch(arguments: argparse.Namespace) -> int:
    """Put the stack's file of an earlier job on a branch, on GitHub."""
    context, name = Context.read(), _file(arguments.stack)
    former = Certificate.found(str(in_file(CLONE / name).get("auth:certificate", "")))
    made = _branch(arguments.stack, former)
    message = f"Renew the certificate of {arguments.stack}"
    promotion_branch.on_github(context, made, name, str(json.loads(arguments.file)), message)
    context.summarize(
        f"The branch `{made}` has a new certificate of {arguments.stack}. Open its pull request: "
        f"{context.comparison(made)}"
    )
    return 0


def _file(stack: str) -> str:
    return f"Pulumi.{stack}.yaml"


def _branch(stack: str, former: Certificate | None) -> str:
    """Name the branch by the certificate that it replaces, so that a repeated run finds it."""
    return f"renew/{stack}-{former.end:%Y-%m-%d}" if former else f"renew/{stack}-first"


def _exists(context: Context, name: str) -> bool:
    with GitHub(context) as github:
        return bool(github.find(f"branches/{quote(name, safe='')}"))
