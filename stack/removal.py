"""The question before a stack is taken down: a list of what is lost, and a yes by its name."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from stack import ssh
from stack.stack import Stack, StackError

_VOLUME = "oci:Core/volume:Volume"
_ADDRESS = "oci:Core/publicIp:PublicIp"
_VM = "oci:Core/instance:Instance"
_DATA = "/srv/auth"
_ASK_SECONDS = 15

# what is lost for ever, in the engine's words and in ours, with the output that describes it
_LOST = {
    _VOLUME: ("the data volume", "sizeInGbs"),
    _ADDRESS: ("the address", "ipAddress"),
    _VM: ("the VM", "shape"),
}

Resource = Mapping[str, Any]  # as the engine's state has it


def losses(stack: Stack) -> list[str]:
    """List what can't be had back once the stack is taken down."""
    lines = listed(stack.resources())
    if lines and sys.stdin.isatty() and (data := _data_in_use(stack)):
        lines.insert(0, data)
    return lines


def listed(resources: Sequence[Resource]) -> list[str]:
    lines = []
    for token, (title, detail) in _LOST.items():
        for resource in resources:
            if resource["type"] == token:
                described = (resource.get("outputs") or {}).get(detail, "?")
                unit = " GB" if token == _VOLUME else ""
                lines.append(f"{title} {_name(resource)} ({described}{unit}, {resource.get('id')})")
    return lines


def refuse_protected(stack: Stack) -> None:
    """Raise StackError if the stack protects more than its data, which the question is about."""
    names = [
        _name(resource)
        for resource in stack.resources()
        if resource.get("protect") and resource["type"] != _VOLUME
    ]
    if names:
        raise StackError(
            f"The stack {stack.name} protects {', '.join(names)}. Nothing was deleted. If they are "
            f"meant to go: pulumi config set --stack {stack.name} auth:protect false, "
            f"make up STACK={stack.name}, then this again."
        )


def confirm(stack: str, lost: Sequence[str], *, named: str, disposable: bool) -> None:
    """Go on if somebody says yes by the stack's name, at the terminal or by `named`.

    A stack that is `disposable` needs no yes where there is no terminal to ask at. Raises
    StackError if there is no yes.
    """
    if not lost:
        return
    listed = "".join(f"  - {line}\n" for line in lost)
    print(
        f"The stack {stack} is taken down, and this is lost for ever; no copy is kept:\n{listed}",
        end="",
        file=sys.stderr,
        flush=True,
    )
    if named == stack:
        return
    if named:
        raise StackError(f"CONFIRM is {named!r}, not {stack!r}. Nothing was deleted.")
    if sys.stdin.isatty():
        print(f"Type the stack's name, {stack}, to go on: ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip() != stack:
            raise StackError("That is another name. Nothing was deleted.")
    elif not disposable:
        raise StackError(
            "There is no terminal to ask at. Nothing was deleted. Say yes with: "
            f"make down STACK={stack} CONFIRM={stack}"
        )


def _data_in_use(stack: Stack) -> str:
    """Ask the server how much data there is; empty if it can't tell."""
    try:
        words = ssh.ask(
            stack, *("df", "--output=used,target", "--block-size=1M", _DATA), seconds=_ASK_SECONDS
        ).split()
    except StackError:
        return ""
    # where the volume is not mounted, df speaks of the boot disk
    return f"{words[-2]} MB of data, the accounts among it" if words[-1:] == [_DATA] else ""


def _name(resource: Resource) -> str:
    return str(resource["urn"]).rpartition("::")[2]
