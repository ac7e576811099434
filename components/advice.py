"""The commands that an error message names as its remedy, for the stack at hand."""

import re

_CONFIG = re.compile(r"\bpulumi config (set|rm)\b")
_DEFAULT_STACK = "local"  # of the Makefile


def make(target: str, stack: str) -> str:
    """Return the `make` command of a target, such as `make up STACK=dev`."""
    return f"make {target}" if stack == _DEFAULT_STACK else f"make {target} STACK={stack}"


def config(text: str, stack: str) -> str:
    """Return a text whose `pulumi config` commands name the stack, as a shell may mean another."""
    return text if stack == _DEFAULT_STACK else _CONFIG.sub(rf"\g<0> --stack {stack}", text)
