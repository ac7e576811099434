"""The commands behind the Makefile: `python -m review COMMAND`."""

import argparse
from collections.abc import Callable, Sequence

from common import command_line
from review import commands, promoting, renewing
from review.errors import ReviewError
from stack.names import stack_name

_COMMANDS: dict[str, tuple[str, Callable[[argparse.Namespace], int]]] = {
    "comment": ("review a stack's plan; print it or post it on the pull request", commands.comment),
    "reviewed": ("compare the plan with the reviewed plan", commands.reviewed),
    "build": ("build the image of a stack", commands.build),
    "verified": ("verify that the workflow built an image", commands.verified),
    "promotable": ("pass on the live image, if it is healthy", promoting.promotable),
    "promote": ("write the live image of a stack into another stack's file", promoting.promote),
    "renewal-due": ("pass on whether the certificate is to be renewed", renewing.due),
    "renewed": ("pass on the stack's file with its new certificate", renewing.renewed),
    "renewal-branch": ("put the stack's file of an earlier job on a branch", renewing.branch),
    "live": ("print the image that runs", commands.live),
    "scanned": ("keep an issue about the vulnerabilities of an image", commands.scanned),
    "newest": ("go on only if the branch has not moved on", commands.newest_commit),
    "ssh-open": ("let this machine in by SSH", commands.ssh_open),
    "ssh-close": ("delete the rule of ssh-open", commands.ssh_close),
    "smoke": ("try the URLs of a stack", commands.smoke),
    "released": ("print the outputs and the note of a deployment", commands.released),
    "drift": ("compare a stack with its program; keeps an issue", commands.drift),
    "drill": ("restore the newest copy of a stack into a local stack", commands.drill),
    "images": ("delete old images of the registry", commands.images),
    "pr-stack": ("configure the stack of a pull request", commands.pr_stack),
    "pr-cleanup": ("take down the stacks of closed pull requests", commands.pr_cleanup),
    "evidence": ("keep the answers of a stack, in a folder", commands.evidence),
    "audit": ("look for known vulnerabilities in the dependencies", commands.audit),
    "github": ("list the missing parts of the repository on GitHub", commands.github),
}


def main(argv: Sequence[str]) -> int:
    return command_line.exit_status(lambda: _run(argv))


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m review", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name, (text, _) in _COMMANDS.items():
        command = subparsers.add_parser(name, help=text)
        if name not in {"audit", "github", "newest", "pr-cleanup", "promote", "verified"}:
            command.add_argument("--stack", default="local", type=stack_name)
        if add := _ARGUMENTS.get(name):
            add(command)
    return parser


def _run(argv: Sequence[str]) -> int:
    arguments = parser().parse_args(argv)
    return _COMMANDS[arguments.command][1](arguments)


def _comment(command: argparse.ArgumentParser) -> None:
    command.add_argument("--post", action="store_true", help="on the pull request of this run")
    command.add_argument("--labels", default="", help="of the pull request, with commas")


def _reviewed(command: argparse.ArgumentParser) -> None:
    command.add_argument("--accept", default="", help="fingerprint of a plan that you have read")
    command.add_argument("--image", default="", help="NAME@DIGEST, the only image to release")


def _promote(command: argparse.ArgumentParser) -> None:
    command.add_argument("--from", dest="source", default="", help="stack with the live image")
    command.add_argument("--to", dest="target", default="", help="stack that gets it")
    command.add_argument("--live", default="", help="the output of `promotable`, of another job")
    command.add_argument("--push", action="store_true", help="make the branch on GitHub")


def _renewal_branch(command: argparse.ArgumentParser) -> None:
    command.add_argument("--file", required=True, help="the output of `renewed`, of another job")


def _verified(command: argparse.ArgumentParser) -> None:
    command.add_argument("--image", required=True, help="NAME@DIGEST")


def _scanned(command: argparse.ArgumentParser) -> None:
    command.add_argument("--image", default="", help="NAME@DIGEST that was scanned")
    command.add_argument("--report", default=".local/scan/scan.json", help="of Grype, in JSON")


def _open(command: argparse.ArgumentParser) -> None:
    command.add_argument("--address", default="", help="instead of this machine's")
    command.add_argument("--existing", action="store_true", help="make no network to open")
    command.add_argument(
        "--minutes", type=_positive("MINUTES"), default=60, help="after which any run closes it"
    )


def _images(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--keep", type=_positive("KEEP"), default=10, help="how many of the newest"
    )
    command.add_argument("--dry-run", action="store_true", help="only list the images")


def _pr_stack(command: argparse.ArgumentParser) -> None:
    command.add_argument("--source", default="dev", type=stack_name, help="stack to copy from")


def _evidence(command: argparse.ArgumentParser) -> None:
    command.add_argument("--folder", default=".local/evidence")


def _audit(command: argparse.ArgumentParser) -> None:
    command.add_argument("--service", choices=("pypi", "osv"), default="pypi", help="to ask")


def _positive(name: str) -> Callable[[str], int]:
    """Return a reader of the variable `name`, which raises ReviewError unless it is 1 or more."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < 1:
            raise ReviewError(f"{name} is {text!r}; it must be a whole number from 1: {name}=10")
        return int(text)

    return read


_ARGUMENTS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "comment": _comment,
    "promote": _promote,
    "renewal-branch": _renewal_branch,
    "reviewed": _reviewed,
    "ssh-open": _open,
    "images": _images,
    "pr-stack": _pr_stack,
    "evidence": _evidence,
    "audit": _audit,
    "verified": _verified,
    "scanned": _scanned,
}
