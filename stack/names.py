"""The names of stacks."""

import argparse
import re

LOCAL = "local"  # on the emulated cloud, on this machine


def stack_name(text: str) -> str:
    """Return a stack's name as it was typed; raise ArgumentTypeError if it can't be one."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a stack's name: lower-case letters, digits and dashes"
        )
    return text
