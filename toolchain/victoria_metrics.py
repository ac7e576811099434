"""The program of the local stack's metrics store, built from its pinned Go module.

A stack on Oracle Cloud takes the official image of the same version.
"""

import re
from pathlib import Path

from toolchain import golang

_MODULE = Path("toolchain/victoria-metrics")
_NAME = "github.com/VictoriaMetrics/VictoriaMetrics"
_VERSION = re.compile(rf"^\t{re.escape(_NAME)} (v\S+)", re.MULTILINE)


def version(clone: Path) -> str:
    """Return the version that go.mod names."""
    return str(_VERSION.findall((clone / _MODULE / "go.mod").read_text())[0])


def ensure(clone: Path) -> Path:
    """Return the program, and build it on first use."""
    number = version(clone)
    return golang.program(
        clone / _MODULE,
        f"{_NAME}/app/victoria-metrics",
        number,
        ldflags=f"-s -w -X {_NAME}/lib/buildinfo.Version=victoria-metrics-{number}",
        use="The metrics store of the local stack, which auth:dashboard turns on,",
        gigabytes=2,
    )
