"""The question before a stack is taken down: its losses, and a yes by its name."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from stack import ssh
from stack.errors import StackError
from stack.stack import Stack

_VOLUME = "oci:Core/volume:Volume"
_DB_SYSTEM = "oci:Psql/dbSystem:DbSystem"
_ADDRESS = "oci:Core/publicIp:PublicIp"
_VM = "oci:Core/instance:Instance"
_CLUSTER = "oci:ContainerEngine/cluster:Cluster"
_DATA = "/srv/auth"
DATA_IN_USE = ("sudo", "df", "--output=used,target", "--block-size=1M", _DATA)
_ASK_SECONDS = 15

# the resources that are lost for ever: a title for people, and the output that describes each
_LOST = {
    _VOLUME: ("the data volume", "sizeInGbs"),
    _DB_SYSTEM: ("the PostgreSQL server, with the accounts in it,", "shape"),
    _ADDRESS: ("the address", "ipAddress"),
    _VM: ("the VM", "shape"),
    _CLUSTER: ("the cluster", "kubernetesVersion"),
}
_ALWAYS_PROTECTED = frozenset({_VOLUME, _DB_SYSTEM})

Resource = Mapping[str, Any]  # as the engine's state has it


def ends_without_resources(stack: Stack) -> bool:
    """Take a stack without resources out of its backend; return False for another stack.

    It needs no plugins: the stack may be a mistyped name of `make init`, on any machine.
    """
    if stack.resources():
        return False
    file = stack.configuration.file.name
    if stack.name not in stack.names():
        print(
            f"There is no state of {stack.name}, so there is nothing to take down. If it had one, "
            'which is lost: docs/runbook.md, "The state is lost".'
        )
    else:
        stack.forget()
        print(f"The stack {stack.name} had no resources, and is gone.")
    print(f"{file} stays, with its keys. If nobody needs them: rm {file}")
    return True


def losses(stack: Stack, resources: Sequence[Resource]) -> list[str]:
    """Return a line for each of its resources that is lost for ever with the stack."""
    lines = listed(resources)
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


def refuse_protected(stack: str, resources: Sequence[Resource]) -> None:
    """Raise StackError if the stack protects more of its resources than those with the data."""
    names = [
        _name(resource)
        for resource in resources
        if resource.get("protect") and resource["type"] not in _ALWAYS_PROTECTED
    ]
    if names:
        raise StackError(
            f"The stack {stack} protects {', '.join(names)}. Nothing was deleted. To "
            f"delete them: pulumi config set --stack {stack} auth:protect false, "
            f"make up STACK={stack}, then this command again."
        )


def confirm(
    stack: str,
    lost: Sequence[str],
    *,
    named: str,
    disposable: bool,
    plan: str = "The stack {} is about to be taken down.",
    command: str = "down",
) -> None:
    """Return if the losses are agreed to by the stack's name, at the terminal or by `named`.

    Raises StackError otherwise. A `disposable` stack needs no yes without a terminal. `plan` and
    `command` are the work, with the stack's name at {}, and its target of make.
    """
    if not lost:
        return
    if named and named != stack:
        raise StackError(f"CONFIRM is {named!r}, not {stack!r}. Nothing was deleted.")
    listed = "".join(f"  - {line}\n" for line in lost)
    print(
        f"{plan.format(stack)} Lost for ever:\n{listed}",
        end="",
        file=sys.stderr,
        flush=True,
    )
    if named:
        return
    if sys.stdin.isatty():
        print(f"Type the stack's name, {stack}, to go on: ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip() != stack:
            raise StackError("That is another name. Nothing was deleted.")
    elif not disposable:
        raise StackError(
            "There is no terminal for the question. Nothing was deleted. To agree: "
            f"make {command} STACK={stack} CONFIRM={stack}"
        )


def _data_in_use(stack: Stack) -> str | None:
    """Return the size of the data, as the server measures it; None without an answer."""
    try:
        words = ssh.ask(stack, *DATA_IN_USE, seconds=_ASK_SECONDS).split()
    except StackError:
        return None
    # where the volume is not mounted, df speaks of the boot disk
    return f"{words[-2]} MB of data, with the accounts" if words[-1:] == [_DATA] else None


def _name(resource: Resource) -> str:
    return str(resource["urn"]).rpartition("::")[2]
