"""The ways out of the Pulumi CLI's errors."""

import re

from components import advice
from stack import locks
from stack.names import is_local

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

_LOGIN = (
    "PULUMI_ACCESS_TOKEN must be set for login",
    "no credentials for cloud backend",
)
_PASSPHRASE_MISSING = "passphrase must be set with PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - text
_PASSPHRASE_WRONG = "incorrect passphrase"  # noqa: S105 - text
_NO_STACK = "no stack named"
_PAGE = "docs/oracle-cloud.md"


def remedy(output: str, stack: str) -> str | None:
    """Return the way out of the error in the CLI's output; None for an unknown error."""
    output = _COLOUR.sub("", output)  # a terminal's
    if any(text in output for text in _LOGIN):
        return (
            f" This machine does not know where the state of {stack} is. Choose its place: "
            f'`eval "$(make -s env STACK={stack})"`, then `pulumi login` (Pulumi Cloud) or '
            f"`pulumi login s3://…` (a bucket); {_PAGE} explains both."
        )
    if _PASSPHRASE_MISSING in output:
        return (
            f" With a bucket for the state, a passphrase encrypts the secrets of {stack}. Write it "
            "to a file that only you can read, and name that: "
            f"`export PULUMI_CONFIG_PASSPHRASE_FILE=…`; see {_PAGE}."
        )
    if _PASSPHRASE_WRONG in output:
        return (
            f" The passphrase in PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE does "
            f"not decrypt Pulumi.{stack}.yaml. Ask your team for the right passphrase; "
            f"see {_PAGE}."
        )
    if _NO_STACK in output:
        first = "up" if is_local(stack) else "init"
        return (
            f" There is no state of {stack}. A new stack: {advice.make(first, stack)}. A lost "
            'state comes back: docs/runbook.md, "The state is lost".'
        )
    return locks.remedy(output, stack)
