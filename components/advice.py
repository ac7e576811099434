"""The commands that an error message names as its remedy, for the stack at hand."""

_DEFAULT_STACK = "local"  # of the Makefile


def make(target: str, stack: str) -> str:
    """Return the `make` command of a target, such as `make up STACK=dev`."""
    return f"make {target}" if stack == _DEFAULT_STACK else f"make {target} STACK={stack}"
