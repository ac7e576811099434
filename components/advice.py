"""The commands that an error message names as its remedy, for the stack at hand."""

import re

_CONFIG = re.compile(r"\bpulumi config (set|rm)\b")
_PLACE = " STACK=NAME"
_DEFAULT_STACK = "local"  # of the Makefile


def make(target: str, stack: str) -> str:
    """Return the `make` command of a target, such as `make up STACK=dev`."""
    return f"make {target}" if stack == _DEFAULT_STACK else f"make {target} STACK={stack}"


def of_stack(text: str, stack: str) -> str:
    """Return a text whose commands name the stack, as a shell may mean another.

    `STACK=NAME` is the place of the name in a `make` command; `pulumi config` gets `--stack`.
    """
    if stack == _DEFAULT_STACK:
        return text.replace(_PLACE, "")
    named = text.replace(_PLACE, f" STACK={stack}")
    return _CONFIG.sub(rf"\g<0> --stack {stack}", named)
