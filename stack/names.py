"""The names of stacks."""

import re
from pathlib import Path

from common.progress import StepError

LOCAL = "local"  # on the emulated cloud, on this machine


def is_local(name: str) -> bool:
    """Check whether a stack is local: `local`, and names such as `local-prod` beside it."""
    return name == LOCAL or name.startswith(f"{LOCAL}-")


def configured(clone: Path) -> list[str]:
    """Return the names of the stacks that have a configuration in the clone."""
    return sorted({LOCAL, *(file.name.split(".")[1] for file in clone.glob("Pulumi.*.yaml"))})


def require(clone: Path, name: str, variable: str = "STACK") -> None:
    """Raise StepError unless a stack is local, or has a configuration in the clone."""
    known = configured(clone)
    if not is_local(name) and name not in known:
        raise StepError(
            f"{variable} is {name!r}, and there is no Pulumi.{name}.yaml. The stacks here: "
            f"{', '.join(known)}. To make a new one: make init STACK={name}"
        )


def stack_name(text: str, variable: str = "STACK") -> str:
    """Return a stack's name as it was typed; raise StepError if no stack can have it."""
    if not re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", text):
        raise StepError(
            f"{variable} is {text!r}; a stack's name has lower-case letters, digits and dashes, "
            f"starts with a letter, and does not end with a dash. Example: {variable}=dev"
        )
    return text
