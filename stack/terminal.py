"""Whether a person is at a terminal, by the same signs by which the Pulumi CLI decides."""

import os
import sys


def interactive() -> bool:
    """Check that a person reads the output and can type: not a log, a pipe or a CI job."""
    return (
        sys.stdin.isatty()
        and sys.stdout.isatty()
        and os.environ.get("TERM", "").lower() != "dumb"
        and not os.environ.get("CI")
    )
